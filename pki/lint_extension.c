#include "config.h"

#include "pki/lint_private.h"

#include "lib/count.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "pki/policy_oid.h"
#include "pki/profile.h"

const char *
lint_extension_set(struct lint_subject *s)
{
	bool san_is_critical = lint_subject_rdns(s).n == 0;
	const struct {
		struct span oid;
		bool critical;
		bool is_absent;
	} expected[] = {
		{ OID_AUTHORITY_KEY_ID, false, false },
		{ OID_SUBJECT_KEY_ID, false, false },
		{ OID_KEY_USAGE, true, false },
		{ OID_POLICIES, false, false },
		{ OID_SUBJECT_ALT_NAME, san_is_critical, false },
		{ OID_EXT_KEY_USAGE, false, false },
		{ OID_CRL_POINTS, false, false },
		{ OID_AUTHORITY_INFO, false,
		    s->in->ca_issuers_url == NULL && s->in->ocsp_url == NULL },
		{ OID_SMIME_CAPABILITIES, false,
		    s->in->profile->smime_capabilities.n == 0 },
	};
	size_t at = 0;

	for (size_t i = 0; i < COUNT(expected); i++) {
		if (expected[i].is_absent)
			continue;
		if (at == s->v.extension_count ||
		    !span_eq(s->v.extensions[at].oid, expected[i].oid))
			return "the extensions are not those of the profile";
		if (s->v.extensions[at].critical != expected[i].critical)
			return "an extension's criticality is not the "
			       "profile's";
		at++;
	}
	return at == s->v.extension_count
		   ? NULL
		   : "the extensions are not those of the profile";
}

static struct span
value_of(const struct lint_subject *s, struct span oid)
{
	const struct cert_extension *e = certview_extension(&s->v, oid);
	struct span none = { 0 };

	return e == NULL ? none : e->value;
}

enum {
	DIGITAL_SIGNATURE = 1u << 0,
	NON_REPUDIATION = 1u << 1,
	KEY_ENCIPHERMENT = 1u << 2,
	KEY_AGREEMENT = 1u << 4,
	FOR_SIGNING = DIGITAL_SIGNATURE | NON_REPUDIATION,
	FOR_ENCRYPTION = KEY_ENCIPHERMENT | KEY_AGREEMENT,
};

struct rule {
	struct span policy;
	unsigned usage; /* bits that may be set */
};

/* What the profiles differ in, a second time: issue.c takes it from
 * profile.c.  Nothing is right for a generation that has no rule. */
static struct rule
rule_of(const struct lint_subject *s)
{
	const struct profile *p = s->in->profile;
	const struct span policies[] = {
		[GENERATION_STRICT] = OID_MAILBOX_STRICT,
		[GENERATION_MULTIPURPOSE] = OID_MAILBOX_MULTIPURPOSE,
	};
	struct rule r = { { NULL, 0 }, 0 };

	if ((size_t)p->generation >= COUNT(policies))
		return r;
	r.policy = policies[p->generation];
	if (p->classes & 1u << KEY_CLASS_SIGNING)
		r.usage |= FOR_SIGNING;
	if (p->classes & 1u << KEY_CLASS_ENCRYPTION)
		r.usage |= FOR_ENCRYPTION;
	if (p->classes & 1u << KEY_CLASS_DUAL)
		r.usage |= FOR_SIGNING | FOR_ENCRYPTION;
	return r;
}

/* The table of 9.2 a second time, as bits: issue.c writes octets. */
static unsigned
usage_bits(const struct issue_input *in, enum key_type type)
{
	const struct csr *csr = in->csr;
	unsigned bits = 0;

	if (csr->class != KEY_CLASS_ENCRYPTION) {
		bits |= DIGITAL_SIGNATURE;
		if (csr->non_repudiation || in->profile->non_repudiation)
			bits |= NON_REPUDIATION;
	}
	if (csr->class == KEY_CLASS_SIGNING)
		return bits;
	switch (type) {
	case KEY_TYPE_RSA:
		return bits | KEY_ENCIPHERMENT;
	case KEY_TYPE_P256:
	case KEY_TYPE_P384:
	case KEY_TYPE_P521:
		return bits | KEY_AGREEMENT;
	case KEY_TYPE_ED25519:
	case KEY_TYPE_ED448:
		break;
	}
	return 0;
}

const char *
lint_key_usage(struct lint_subject *s)
{
	struct der bits;
	enum key_type type;
	struct span key_bits;
	unsigned got;

	if (spki_split(s->v.spki, &type, &key_bits) < 0 ||
	    der_only(value_of(s, OID_KEY_USAGE), DER_BIT_STRING, &bits) < 0 ||
	    der_named_bits(bits.body, 9, &got) < 0)
		return "keyUsage cannot be read";
	if ((got & ~rule_of(s).usage) != 0)
		return "keyUsage is more than the profile allows";
	return got != 0 && got == usage_bits(s->in, type)
		   ? NULL
		   : "keyUsage is not that of class and key type";
}

/* The next PolicyInformation: an OID and no qualifier. */
static bool
policy_is(struct span *list, struct span expected)
{
	struct der one;
	struct der oid;

	return der_take(list, DER_SEQUENCE, &one) == 0 &&
	       der_only(one.body, DER_OID, &oid) == 0 &&
	       span_eq(oid.body, expected);
}

const char *
lint_policies(struct lint_subject *s)
{
	struct span own = s->in->profile->policy;
	struct der list;

	if (der_only(value_of(s, OID_POLICIES), DER_SEQUENCE, &list) < 0)
		return "certificatePolicies cannot be read";
	if (!policy_is(&list.body, rule_of(s).policy) ||
	    (own.n > 0 && !policy_is(&list.body, own)) || list.body.n > 0)
		return "not exactly the profile's policies, without qualifier";
	/* Not a second one of the reserved. */
	return own.n > 0 && !policy_oid_is_own(own)
		   ? "the operator's own policy is a reserved one"
		   : NULL;
}

/* PK-103: clientAuth stands beside emailProtection in multipurpose only. */
const char *
lint_ext_key_usage(struct lint_subject *s)
{
	const struct profile *p = s->in->profile;
	bool is_more =
	    p->client_auth && p->generation == GENERATION_MULTIPURPOSE;
	struct der list;
	struct der oid;

	if (der_only(value_of(s, OID_EXT_KEY_USAGE), DER_SEQUENCE, &list) < 0 ||
	    der_take(&list.body, DER_OID, &oid) < 0 ||
	    !span_eq(oid.body, OID_EMAIL_PROTECTION))
		return "extKeyUsage does not begin with emailProtection";
	if (is_more && (der_take(&list.body, DER_OID, &oid) < 0 ||
			   !span_eq(oid.body, OID_CLIENT_AUTH)))
		return "extKeyUsage lacks clientAuth";
	return list.body.n == 0 ? NULL
				: "extKeyUsage is more than the profile's";
}

const char *
lint_smime_capabilities(struct lint_subject *s)
{
	return span_eq(value_of(s, OID_SMIME_CAPABILITIES),
		   s->in->profile->smime_capabilities)
		   ? NULL
		   : "smimeCapabilities are not those of the profile";
}

const char *
lint_san_criticality(struct lint_subject *s)
{
	const struct cert_extension *e =
	    certview_extension(&s->v, OID_SUBJECT_ALT_NAME);

	if (e == NULL)
		return "no subjectAltName";
	return e->critical == (lint_subject_rdns(s).n == 0)
		   ? NULL
		   : "the subjectAltName's criticality does not follow the "
		     "subject";
}

const char *
lint_crl_point(struct lint_subject *s)
{
	struct der list;
	struct der point;
	struct der choice;
	struct der names;
	struct der uri;

	if (der_only(value_of(s, OID_CRL_POINTS), DER_SEQUENCE, &list) < 0 ||
	    der_only(list.body, DER_SEQUENCE, &point) < 0 ||
	    der_only(point.body, DER_CONTEXT(0), &choice) < 0 ||
	    der_only(choice.body, DER_CONTEXT(0), &names) < 0 ||
	    der_only(names.body, DER_CONTEXT_PRIMITIVE(6), &uri) < 0)
		return "not exactly one CRL point with one URI";
	if (!span_eq_str(uri.body, s->in->crl_url))
		return "not the configured CRL URL";
	return public_url_problem(uri.body) == NULL
		   ? NULL
		   : "the CRL URL is not http at a public host (PK-133)";
}

/* The next access method has this URI, where one is configured. */
static const char *
check_access(struct span *list, struct span method, const char *url)
{
	struct der one;
	struct der oid;
	struct der uri;

	if (url == NULL)
		return NULL;
	if (der_take(list, DER_SEQUENCE, &one) < 0 ||
	    der_take(&one.body, DER_OID, &oid) < 0 ||
	    !span_eq(oid.body, method) ||
	    der_only(one.body, DER_CONTEXT_PRIMITIVE(6), &uri) < 0)
		return "not exactly one caIssuers and one ocsp URI, as "
		       "configured";
	if (!span_eq_str(uri.body, url))
		return "not the configured caIssuers or ocsp URL";
	return public_url_problem(uri.body) == NULL
		   ? NULL
		   : "a URL is not http at a public host (PK-133)";
}

const char *
lint_authority_info(struct lint_subject *s)
{
	const char *problem;
	struct der list;

	if (s->in->ca_issuers_url == NULL && s->in->ocsp_url == NULL)
		return certview_extension(&s->v, OID_AUTHORITY_INFO) == NULL
			   ? lint_not_applicable
			   : "authorityInfoAccess is not configured";
	if (der_only(value_of(s, OID_AUTHORITY_INFO), DER_SEQUENCE, &list) < 0)
		return "not exactly one caIssuers and one ocsp URI, as "
		       "configured";
	problem =
	    check_access(&list.body, OID_CA_ISSUERS, s->in->ca_issuers_url);
	if (problem == NULL)
		problem = check_access(&list.body, OID_OCSP, s->in->ocsp_url);
	if (problem == NULL && list.body.n > 0)
		problem = "authorityInfoAccess has another entry";
	return problem;
}

const char *
lint_key_identifiers(struct lint_subject *s)
{
	uint8_t expected[KEY_ID_LEN];
	enum key_type type;
	struct span bits;
	struct span id;

	if (certview_authority_key_id(&s->v, &id) != 1 ||
	    !span_eq(id, s->ca->signer.key_id))
		return "authorityKeyIdentifier is not the CA's key identifier "
		       "alone";
	if (spki_split(s->v.spki, &type, &bits) < 0)
		return "the key cannot be read";
	key_id_compute(bits, expected);
	if (certview_subject_key_id(&s->v, &id) != 1 ||
	    !span_eq(id, span_mem(expected, sizeof expected)))
		return "subjectKeyIdentifier is not by RFC 7093 method 1";
	return NULL;
}
