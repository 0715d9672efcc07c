#include "config.h"

#include "pki/lint_ca.h"

#include <openssl/evp.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/ca_name.h"
#include "pki/certfield.h"
#include "pki/effective.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/policy_oid.h"
#include "pki/signer.h"

#define DAY_SECS ((int64_t)86400)
#define CA_KEYS (CA_KEY_P384 | CA_KEY_RSA_4096)
#define DEMONSTRATION_KEYS (CA_KEY_P256 | CA_KEY_RSA_3072)
#define GENERAL_NAME_RFC822 DER_CONTEXT_PRIMITIVE(1)
#define GENERAL_NAME_URI DER_CONTEXT_PRIMITIVE(6)

/* The years of PK-118 with their leap days. */
static const struct ca_profile profiles_of_cas[] = {
	[CA_KIND_ROOT] = { .name = "root",
	    .keys = CA_KEYS,
	    .days = 3650,
	    .days_max = 3653,
	    .basic_constraints = SPAN_INIT("\x30\x03\x01\x01\xff"),
	    .key_usage = SPAN_INIT("\x03\x02\x01\x06") },
	[CA_KIND_ISSUING] = { .name = "issuing CA",
	    .keys = CA_KEYS,
	    .days = 1825,
	    .days_max = 1827,
	    .basic_constraints = SPAN_INIT("\x30\x06\x01\x01\xff\x02\x01\x00"),
	    .key_usage = SPAN_INIT("\x03\x02\x01\x06"),
	    .ext_key_usage = SPAN_INIT("\x2b\x06\x01\x05\x05\x07\x03\x04"),
	    .has_status_urls = true },
	[CA_KIND_RESPONDER] = { .name = "OCSP responder",
	    .keys = CA_KEY_P256 | CA_KEY_RSA_2048,
	    .days = 30,
	    .days_max = 30,
	    .key_usage = SPAN_INIT("\x03\x02\x07\x80"),
	    .ext_key_usage = SPAN_INIT("\x2b\x06\x01\x05\x05\x07\x03\x09"),
	    .has_no_check = true },
};

const struct ca_profile *
ca_profile_for(enum ca_kind kind)
{
	return &profiles_of_cas[kind];
}

struct state {
	struct arena *a;
	const struct lint_ca_input *in;
	const struct ca_profile *profile;
	const struct certview *c;
	EVP_PKEY *key; /* its own */
};

static unsigned
key_bit(enum key_type type, const EVP_PKEY *key)
{
	if (type == KEY_TYPE_P256)
		return CA_KEY_P256;
	if (type == KEY_TYPE_P384)
		return CA_KEY_P384;
	if (type != KEY_TYPE_RSA)
		return 0;
	switch (EVP_PKEY_get_bits(key)) {
	case 2048:
		return CA_KEY_RSA_2048;
	case 3072:
		return CA_KEY_RSA_3072;
	case 4096:
		return CA_KEY_RSA_4096;
	default:
		return 0;
	}
}

/* L-50: the key; the constraints are L-54's octets. */
static const char *
lint_key(struct state *s)
{
	unsigned allowed = s->profile->keys;
	enum key_type type;
	const char *reason =
	    keycheck_spki(s->a, s->c->spki, KEYCHECK_SUBJECT, &type, &s->key);

	if (reason != NULL)
		return arena_printf(s->a, "L-50: its key: %s", reason);
	if (s->in->is_demonstration)
		allowed |= DEMONSTRATION_KEYS;
	if ((key_bit(type, s->key) & allowed) == 0)
		return s->in->kind == CA_KIND_RESPONDER
			   ? "L-50: its key is neither P-256 nor RSA with "
			     "2048 bits (PK-116)"
			   : "L-50: its key is neither P-384 nor RSA with "
			     "4096 bits (PK-116)";
	return NULL;
}

/* L-51: the one that follows from its signer's key. */
static const char *
lint_algorithm(const struct state *s)
{
	const struct certview *c = s->c;
	const struct lint_ca_issuer *issuer = s->in->issuer;
	const EVP_PKEY *signer = issuer == NULL ? s->key : issuer->key;
	const struct sig_alg *follows = NULL;

	if (signer != NULL)
		follows = sig_alg_for(signer, s->in->kind == CA_KIND_RESPONDER
						  ? CA_ROLE_ISSUING
						  : CA_ROLE_ROOT);
	if (c->outer_algorithm.n != 0 &&
	    !span_eq(c->inner_algorithm, c->outer_algorithm))
		return "L-51: its two signature algorithms differ (PK-117)";
	if (!sig_alg_is_known(c->inner_algorithm))
		return "L-51: its signature algorithm is not one of SHA-256, "
		       "SHA-384 and SHA-512 with RSA (PKCS#1 v1.5) or ECDSA "
		       "(PK-117, PK-132)";
	if (follows == NULL)
		return "L-51: its signer's key is neither RSA, P-256 nor P-384 "
		       "(PK-116)";
	if (!span_eq(c->inner_algorithm, follows->der))
		return arena_printf(s->a,
		    "L-51: its signature algorithm is not %s, which follows "
		    "from its signer's key (PK-117)",
		    follows->name);
	return NULL;
}

/* L-52 */
static const char *
lint_validity(const struct state *s)
{
	const struct certview *c = s->c;
	const struct lint_ca_issuer *issuer = s->in->issuer;

	if (c->not_after < c->not_before ||
	    c->not_after - c->not_before + 1 > s->profile->days_max * DAY_SECS)
		return arena_printf(s->a,
		    "L-52: it is valid for more than %d days (PK-118)",
		    (int)s->profile->days_max);
	if (issuer != NULL && (c->not_before < issuer->not_before ||
				  c->not_after > issuer->not_after))
		return "L-52: its validity is not inside its signer's (PK-118)";
	return NULL;
}

static bool
is_text_tag(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING;
}

/* One attribute of the subject; counts the three that PK-119 asks for. */
static const char *
lint_attribute(struct span set, unsigned count[3])
{
	struct der pair, oid, value;

	if (der_only(set, DER_SEQUENCE, &pair) < 0 ||
	    der_take(&pair.body, DER_OID, &oid) < 0 ||
	    der_next(&pair.body, &value) != 1)
		return "L-53: an RDN of its subject has not one attribute "
		       "(PK-119)";
	if (span_eq(oid.body, OID_COUNTRY)) {
		count[0]++;
		return value.tag == DER_PRINTABLE_STRING && value.body.n == 2
			   ? NULL
			   : "L-53: C is not a PrintableString of two letters "
			     "(PK-119)";
	}
	if (span_eq(oid.body, OID_ORGANIZATION))
		count[1]++;
	else if (span_eq(oid.body, OID_COMMON_NAME))
		count[2]++;
	if (!is_text_tag(value.tag) || value.body.n == 0)
		return "L-53: an attribute of its subject is neither "
		       "UTF8String "
		       "nor PrintableString, or empty (PK-119)";
	return ca_name_is_generic(value.body)
		   ? "L-53: an attribute of its subject names nobody, such as "
		     "\"Certificate Authority\" (PK-119)"
		   : NULL;
}

static const char *
lint_subject(const struct state *s)
{
	unsigned count[3] = { 0 };
	struct der name, set;

	if (der_only(s->c->subject, DER_SEQUENCE, &name) < 0)
		return "L-53: its subject is not a name (PK-119)";
	while (der_next(&name.body, &set) == 1) {
		const char *problem = lint_attribute(set.body, count);

		if (problem != NULL)
			return problem;
	}
	if (count[0] != 1 || count[1] != 1 || count[2] != 1)
		return "L-53: its subject has not one C, one O and one CN each "
		       "(PK-119)";
	if (s->in->issuer == NULL && !span_eq(s->c->subject, s->c->issuer))
		return "L-53: a root's subject and issuer differ";
	if (s->in->issuer != NULL &&
	    !span_eq(s->c->issuer, s->in->issuer->name))
		return "L-53: its issuer is not its signer's subject (PK-91)";
	if (s->in->issuer != NULL &&
	    span_eq(s->c->subject, s->in->issuer->name))
		return "L-53: its subject is its signer's, which has another "
		       "key (PK-135)";
	if (s->in->issuer != NULL &&
	    ca_name_is_shared(s->c->subject, s->in->issuer->name))
		return "L-53: its CN is its signer's (PK-119)";
	return NULL;
}

/* An extension with exactly this value, or none where `value` is empty. */
static bool
extension_is(
    const struct state *s, struct span oid, bool critical, struct span value)
{
	const struct cert_extension *e = certview_extension(s->c, oid);

	if (value.n == 0 || e == NULL)
		return value.n == 0 && e == NULL;
	return e->critical == critical && span_eq(e->value, value);
}

/* L-54 */
static const char *
lint_constraints(const struct state *s)
{
	if (!extension_is(
		s, OID_BASIC_CONSTRAINTS, true, s->profile->basic_constraints))
		return "L-54: basicConstraints is not, to the octet, what "
		       "such a certificate has (PK-120)";
	if (!extension_is(s, OID_KEY_USAGE, true, s->profile->key_usage))
		return "L-54: keyUsage is not, to the octet, what such a "
		       "certificate has (PK-121)";
	return NULL;
}

/* L-55 */
static const char *
lint_ext_key_usage(const struct state *s)
{
	const struct cert_extension *e =
	    certview_extension(s->c, OID_EXT_KEY_USAGE);
	bool has_purpose = false;
	struct der list, usage;

	if (s->profile->ext_key_usage.n == 0)
		return e == NULL ? NULL
				 : "L-55: a root has extKeyUsage (PK-122)";
	if (e == NULL || e->critical ||
	    der_only(e->value, DER_SEQUENCE, &list) < 0)
		return "L-55: extKeyUsage is missing or critical (PK-122)";
	while (der_next(&list.body, &usage) == 1) {
		if (span_eq(usage.body, s->profile->ext_key_usage))
			has_purpose = true;
		else if (span_eq(usage.body, OID_CLIENT_AUTH) &&
			 effective_at(
			     EFFECTIVE_CA_ONE_PURPOSE, s->c->not_before))
			return arena_printf(s->a,
			    "L-55: extKeyUsage holds clientAuth, which a CA "
			    "made from %s on has not (PK-122)",
			    effective_find(EFFECTIVE_CA_ONE_PURPOSE)->day);
		else if (s->in->kind != CA_KIND_ISSUING ||
			 !span_eq(usage.body, OID_CLIENT_AUTH))
			return arena_printf(s->a,
			    "L-55: extKeyUsage holds %s (PK-122)",
			    der_oid_text(s->a, usage.body));
	}
	return has_purpose ? NULL
			   : "L-55: extKeyUsage lacks the purpose of such a "
			     "certificate (PK-122)";
}

static bool
is_twice(struct span rest, struct span element)
{
	struct der d;

	while (der_next(&rest, &d) == 1)
		if (span_eq(d.whole, element))
			return true;
	return false;
}

/* Reserved OIDs of the profiles and own ones: never anyPolicy alone. */
static const char *
lint_policies(const struct state *s)
{
	const struct cert_extension *e = certview_extension(s->c, OID_POLICIES);
	bool has_reserved = false;
	struct der list, policy, oid;

	if (e == NULL || e->critical ||
	    der_only(e->value, DER_SEQUENCE, &list) < 0)
		return "L-56: certificatePolicies is missing or critical "
		       "(PK-123)";
	while (der_next(&list.body, &policy) == 1) {
		struct der again = policy;

		if (der_take(&policy.body, DER_OID, &oid) < 0 ||
		    span_eq(oid.body, OID_ANY_POLICY))
			return "L-56: certificatePolicies holds anyPolicy "
			       "(PK-123)";
		if (span_eq(oid.body, OID_MAILBOX_STRICT) ||
		    span_eq(oid.body, OID_MAILBOX_MULTIPURPOSE))
			has_reserved = true;
		else if (!policy_oid_is_own(oid.body))
			return arena_printf(s->a,
			    "L-56: certificatePolicies holds %s, which is "
			    "neither a policy of our profiles nor an "
			    "operator's own (PK-123)",
			    der_oid_text(s->a, oid.body));
		if (is_twice(list.body, again.whole))
			return "L-56: certificatePolicies holds a policy "
			       "twice (PK-123)";
	}
	return has_reserved ? NULL
			    : "L-56: certificatePolicies holds no policy of "
			      "our profiles (PK-123)";
}

/* Goes down through elements with these tags, each the only one. */
static int
descend(struct span *in, const uint8_t *tags, size_t count)
{
	struct der d;

	for (size_t i = 0; i < count; i++) {
		if (der_only(*in, tags[i], &d) < 0)
			return -1;
		*in = d.body;
	}
	return 0;
}

static const char *
lint_crl_point(const struct state *s)
{
	static const uint8_t way[] = { DER_SEQUENCE, DER_SEQUENCE,
		DER_CONTEXT(0), DER_CONTEXT(0), GENERAL_NAME_URI };
	const struct cert_extension *e =
	    certview_extension(s->c, OID_CRL_POINTS);

	if (e == NULL || e->critical)
		return "L-56: cRLDistributionPoints is missing or critical "
		       "(PK-126)";
	struct span url = e->value;
	if (descend(&url, way, sizeof way) < 0)
		return "L-56: cRLDistributionPoints is not one URL (PK-126)";
	const char *problem = public_url_problem(url);
	return problem == NULL
		   ? NULL
		   : arena_printf(s->a,
			 "L-56: the URL of the list: %s (PK-133)", problem);
}

static const char *
lint_authority_info(const struct state *s)
{
	const struct cert_extension *e =
	    certview_extension(s->c, OID_AUTHORITY_INFO);
	struct der list, one, oid, url;
	size_t count = 0;

	if (e == NULL || e->critical ||
	    der_only(e->value, DER_SEQUENCE, &list) < 0)
		return "L-56: authorityInfoAccess is missing or critical "
		       "(PK-127)";
	while (der_next(&list.body, &one) == 1) {
		if (der_take(&one.body, DER_OID, &oid) < 0 ||
		    !span_eq(oid.body, OID_CA_ISSUERS) ||
		    der_only(one.body, GENERAL_NAME_URI, &url) < 0)
			return "L-56: authorityInfoAccess holds more than "
			       "caIssuers (PK-127)";
		const char *problem = public_url_problem(url.body);
		if (problem != NULL)
			return arena_printf(s->a,
			    "L-56: the URL of the signer: %s (PK-133)",
			    problem);
		count++;
	}
	return count == 1 ? NULL
			  : "L-56: authorityInfoAccess is not one URL (PK-127)";
}

/* PK-128: permitted rfc822Name subtrees that are hosts, nothing else. */
static const char *
lint_name_constraints(const struct state *s)
{
	static const uint8_t way[] = { DER_SEQUENCE, DER_CONTEXT(0) };
	const struct cert_extension *e =
	    certview_extension(s->c, OID_NAME_CONSTRAINTS);
	struct der subtree, base;

	if (e == NULL)
		return NULL;
	struct span list = e->value;
	if (!e->critical || descend(&list, way, sizeof way) < 0 || list.n == 0)
		return "L-56: nameConstraints is not critical, or not a list "
		       "of permitted names only (PK-128)";
	while (der_next(&list, &subtree) == 1)
		if (der_only(subtree.body, GENERAL_NAME_RFC822, &base) < 0 ||
		    ca_permitted_problem(base.body) != NULL)
			return "L-56: nameConstraints permits what is not a "
			       "host of mailboxes (PK-128)";
	return NULL;
}

static const char *
lint_status(const struct state *s)
{
	const char *problem;

	if (!s->profile->has_status_urls)
		return certview_extension(s->c, OID_POLICIES) == NULL &&
			       certview_extension(s->c, OID_CRL_POINTS) ==
				   NULL &&
			       certview_extension(s->c, OID_AUTHORITY_INFO) ==
				   NULL &&
			       certview_extension(s->c, OID_NAME_CONSTRAINTS) ==
				   NULL
			   ? NULL
			   : "L-56: it has policies, status URLs or name "
			     "constraints, which only an issuing CA has "
			     "(PK-123, PK-126, PK-127, PK-128)";
	problem = lint_policies(s);
	if (problem == NULL)
		problem = lint_crl_point(s);
	if (problem == NULL)
		problem = lint_authority_info(s);
	return problem != NULL ? problem : lint_name_constraints(s);
}

/* L-57 */
static const char *
lint_key_ids(const struct state *s)
{
	bool is_ca = s->in->kind != CA_KIND_RESPONDER;
	struct span id = { 0 };
	int found = certview_subject_key_id(s->c, &id);

	if (found != 1 || id.n == 0)
		return "L-57: subjectKeyIdentifier is missing (PK-124)";
	found = certview_authority_key_id(s->c, &id);
	if (s->in->issuer == NULL)
		return found == 0 ? NULL
				  : "L-57: a root has authorityKeyIdentifier "
				    "(PK-125)";
	if (found != 1 || !span_eq(id, s->in->issuer->key_id))
		return is_ca
			   ? "L-57: authorityKeyIdentifier is not its "
			     "signer's keyIdentifier alone (PK-125)"
			   : "L-57: authorityKeyIdentifier is not the issuing "
			     "CA's keyIdentifier alone (PK-125)";
	return NULL;
}

/* L-58 */
static const char *
lint_no_check(const struct state *s)
{
	struct span value =
	    s->profile->has_no_check ? SPAN("\x05\x00") : (struct span){ 0 };

	return extension_is(s, OID_OCSP_NO_CHECK, false, value)
		   ? NULL
		   : "L-58: id-pkix-ocsp-nocheck is a responder's, NULL and "
		     "not critical (PK-129)";
}

/* What the table does not know stands in no CA's certificate. */
static const char *
lint_others(const struct state *s)
{
	const struct span known[] = { OID_BASIC_CONSTRAINTS, OID_KEY_USAGE,
		OID_EXT_KEY_USAGE, OID_POLICIES, OID_CRL_POINTS,
		OID_AUTHORITY_INFO, OID_NAME_CONSTRAINTS, OID_SUBJECT_KEY_ID,
		OID_AUTHORITY_KEY_ID, OID_OCSP_NO_CHECK };

	for (size_t i = 0; i < s->c->extension_count; i++) {
		struct span oid = s->c->extensions[i].oid;
		bool is_known = false;

		for (size_t k = 0; k < COUNT(known); k++)
			is_known |= span_eq(known[k], oid);
		if (!is_known)
			return arena_printf(s->a,
			    "L-50: it has the extension %s, which section 10 "
			    "does not name",
			    der_oid_text(s->a, oid));
	}
	return NULL;
}

const char *
lint_ca(
    struct arena *a, const struct lint_ca_input *in, const struct certview *c)
{
	static const char *(*const lints[])(
	    const struct state *) = { lint_algorithm, lint_validity,
		lint_subject, lint_constraints, lint_ext_key_usage, lint_status,
		lint_key_ids, lint_no_check, lint_others };
	struct state s = { a, in, ca_profile_for(in->kind), c, NULL };

	if (!c->is_v3 || c->has_unique_id)
		return "L-50: it is not version 3 without unique identifiers";
	const char *problem = lint_key(&s);
	for (size_t i = 0; problem == NULL && i < COUNT(lints); i++)
		problem = lints[i](&s);
	return problem;
}
