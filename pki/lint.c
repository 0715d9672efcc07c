#include "config.h"

#include "pki/lint.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/utf8.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/effective.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/policy_oid.h"
#include "pki/profile.h"
#include "pki/version.h"

#define DAY_SECS 86400
#define SIZE_LIMIT 4096 /* L-40 */
#define REPORT_MAX (16 * 1024)
#define DOMAIN_MAX 255

/* What the lints look at; all of it comes from the DER, but for what was
 * asked for (in) and the issuer (ca). */
struct subject {
	struct job *j;
	const struct ca *ca;
	const struct issue_input *in;
	struct span der;
	bool is_read; /* v and certificate are there */
	struct certview v;
	X509 *certificate;
	struct span common_name; /* its content; p NULL: none */
	uint8_t common_name_tag;
};

/* A lint returns NULL, or what it refuses, or one of these. */
static const char not_applicable[] = "not applicable";

/* --- the whole ----------------------------------------------------------- */

static const char *
lint_encoding(struct subject *s)
{
	unsigned char *der = NULL;

	if (!s->is_read)
		return "not a certificate in strict DER";
	for (size_t i = 0; i < s->v.extension_count; i++)
		if (!der_is_strict(s->v.extensions[i].value))
			return "an extension's value is not strict DER";
	/* OpenSSL writes the same octets from what it has read: the whole,
	 * around a TBSCertificate that it kept, then that one. */
	int n = i2d_X509(s->certificate, &der);
	bool same = n > 0 && span_eq(span_mem(der, (size_t)n), s->der);
	OPENSSL_free(der);
	if (!same)
		return "encoding it again gives other octets";
	der = NULL;
	n = i2d_re_X509_tbs(s->certificate, &der);
	same = n > 0 && span_eq(span_mem(der, (size_t)n), s->v.tbs);
	OPENSSL_free(der);
	return same ? NULL : "encoding it again gives other octets";
}

static const char *
lint_form(struct subject *s)
{
	if (!s->v.is_v3)
		return "not version 3";
	if (s->v.has_unique_id)
		return "a unique identifier";
	for (size_t i = 0; i < s->v.extension_count; i++)
		if (certview_extension(&s->v, s->v.extensions[i].oid) !=
		    &s->v.extensions[i])
			return "an extension stands twice";
	return NULL;
}

static const char *
lint_signature_algorithm(struct subject *s)
{
	if (!span_eq(s->v.inner_algorithm, s->v.outer_algorithm))
		return "inner and outer signature algorithm differ";
	if (!span_eq(s->v.inner_algorithm, s->ca->signer.alg->der))
		return "not the signature algorithm of the issuer's key";
	return NULL;
}

static const char *
lint_serial(struct subject *s)
{
	struct span serial = s->v.serial;
	size_t equal = 0;

	if (serial.n != SERIAL_LEN)
		return "the serial number has not 17 octets";
	if (serial.p[0] == 0 || ((uint8_t)serial.p[0] & 0x80))
		return "the serial number's first octet is not 01 to 7f";
	while (equal < serial.n && serial.p[equal] == serial.p[0])
		equal++;
	if (equal == serial.n)
		return "all octets of the serial number are equal";
	return span_eq(serial, span_mem(s->in->serial, SERIAL_LEN))
		   ? NULL
		   : "not the serial number that was reserved";
}

/* UTCTime and GeneralizedTime each in its range: read so by certview. */
static const char *
lint_validity(struct subject *s)
{
	int64_t from = s->v.not_before;
	int64_t to = s->v.not_after;

	if (to < from)
		return "it ends before it begins";
	if (to - from + 1 > (int64_t)PROFILE_DAYS_MAX * DAY_SECS)
		return "it lives longer than 818 days";
	if (from < s->ca->not_before || to > s->ca->not_after)
		return "it lives outside the issuing CA's time";
	if (to <= s->j->now)
		return "it has ended already";
	if (from != s->in->not_before || to != s->in->not_after)
		return "not the time that was asked for";
	return NULL;
}

/* --- key and issuer ------------------------------------------------------ */

static const char *
lint_key(struct subject *s)
{
	EVP_PKEY *key = X509_get0_pubkey(s->certificate);
	enum key_type type;
	enum key_kind kind;

	if (key == NULL)
		return "the key cannot be read";
	const char *problem =
	    keycheck_key(key, profile_key_rule(s->in->profile), &type);
	if (problem != NULL)
		return problem;
	return key_kind_of(key, type, &kind) == 0 &&
		       profile_takes_key(s->in->profile, kind)
		   ? NULL
		   : "not a key that the profile takes";
}

static const char *
lint_key_encoding(struct subject *s)
{
	enum key_type type;
	struct span bits;

	if (spki_split(s->v.spki, &type, &bits) < 0)
		return "the key's AlgorithmIdentifier is not in the table";
	return span_eq(s->v.spki, s->in->csr->spki)
		   ? NULL
		   : "not the key of the request";
}

static const char *
lint_issuer(struct subject *s)
{
	return span_eq(s->v.issuer, s->ca->signer.name)
		   ? NULL
		   : "the issuer is not the CA's subject, to the octet";
}

/* --- subject ------------------------------------------------------------- */

/* Takes the next attribute of a Name: 1, 0, or -1 unless it stands alone in
 * its RDN. */
static int
next_attribute(struct span *rdns, struct span *oid, struct der *value)
{
	struct der set;
	struct der pair;
	struct der type;
	int r = der_next(rdns, &set);

	if (r <= 0)
		return r;
	if (set.tag != DER_SET || der_only(set.body, DER_SEQUENCE, &pair) < 0 ||
	    der_take(&pair.body, DER_OID, &type) < 0 ||
	    der_next(&pair.body, value) != 1 || pair.body.n != 0)
		return -1;
	*oid = type.body;
	return 1;
}

static struct span
subject_rdns(const struct subject *s)
{
	struct der name = { 0 };

	if (der_only(s->v.subject, DER_SEQUENCE, &name) < 0)
		name.body.n = 0;
	return name.body;
}

#define SUBJECT_NUMBER_MAX 64

/* PK-112 */
static const char *
check_number(const struct subject *s, const struct der *value)
{
	const char *wanted = s->in->subject_number;

	if (value->tag != DER_PRINTABLE_STRING ||
	    value->body.n > SUBJECT_NUMBER_MAX)
		return "the serialNumber is not a PrintableString of at most "
		       "64 characters";
	return wanted != NULL && span_eq_str(value->body, wanted)
		   ? NULL
		   : "the serialNumber is not that of the account";
}

/* PK-108, PK-109, PK-112: what may stand in the subject of this mode.  A
 * mailbox that does not fit is left out; the number stands beside one. */
static const char *
lint_subject_attributes(struct subject *s)
{
	enum profile_subject mode = s->in->profile->subject;
	bool is_numbered = s->in->profile->subject_number;
	const struct {
		struct span oid;
		bool is_wanted;
	} allowed[] = {
		{ OID_COMMON_NAME,
		    mode == SUBJECT_CN || mode == SUBJECT_CN_EMAIL },
		{ OID_EMAIL_ADDRESS,
		    mode == SUBJECT_EMAIL || mode == SUBJECT_CN_EMAIL },
		{ OID_SERIAL_NUMBER, is_numbered },
	};
	enum { NUMBER = 2, COUNT };
	bool seen[COUNT] = { false };
	const char *problem;
	struct span rdns = subject_rdns(s);
	struct span oid;
	struct der value;
	int r;

	while ((r = next_attribute(&rdns, &oid, &value)) == 1) {
		size_t i = 0;
		while (i < COUNT && !span_eq(oid, allowed[i].oid))
			i++;
		if (i == COUNT)
			return "the subject has an attribute that is not "
			       "allowed";
		if (!allowed[i].is_wanted)
			return "the subject has an attribute that the profile "
			       "does not have";
		if (seen[i])
			return "the subject has an attribute twice";
		seen[i] = true;
		if (i == NUMBER && (problem = check_number(s, &value)) != NULL)
			return problem;
	}
	if (r < 0)
		return "the subject has an RDN of several attributes";
	return seen[NUMBER] != (is_numbered && (seen[0] || seen[1]))
		   ? "serialNumber and mailbox do not stand together"
		   : NULL;
}

static const char *
lint_common_name(struct subject *s)
{
	const struct addr_policy any = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;
	uint32_t code_point;
	size_t characters = 0;

	if (s->common_name.p == NULL)
		return not_applicable;
	if (s->common_name_tag != DER_UTF8_STRING ||
	    !utf8_is_valid(s->common_name))
		return "the common name is not a UTF8String";
	for (size_t at = 0; utf8_next(s->common_name, &at, &code_point) == 1;)
		characters++;
	if (characters > PROFILE_CN_MAX)
		return "the common name has more than 64 "
		       "characters";
	/* Reads as a mailbox, in NFC, and is its own
	 * canonical form. */
	if (addr_parse(s->j, s->common_name, &any, &a) < 0) {
		job_recover(s->j);
		return "the common name is not a mailbox";
	}
	return span_eq_str(s->common_name, a.canonical)
		   ? NULL
		   : "the common name is not in canonical "
		     "form";
}

/* 1 if a SAN entry has these octets, 0, -1 for a name that
 * is no mailbox. */
static int
san_has(const struct subject *s, struct span mailbox)
{
	struct span names = { 0 };
	struct span one;
	bool is_utf8;
	int r = certview_names(&s->v, &names);

	if (r <= 0)
		return r;
	while ((r = certview_next_mailbox(&names, &one, &is_utf8)) == 1)
		if (span_eq(one, mailbox))
			return 1;
	return r;
}

static const char *
lint_subject_in_san(struct subject *s)
{
	struct span rdns = subject_rdns(s);
	struct span oid;
	struct der value;

	while (next_attribute(&rdns, &oid, &value) == 1) {
		if (!span_eq(oid, OID_COMMON_NAME) &&
		    !span_eq(oid, OID_EMAIL_ADDRESS))
			continue;
		/* PK-111 */
		if (span_eq(oid, OID_EMAIL_ADDRESS) &&
		    (value.tag != DER_IA5_STRING ||
			value.body.n > PROFILE_EMAIL_MAX ||
			!span_is_ascii(value.body)))
			return "emailAddress is not an IA5String of at most "
			       "255 octets";
		if (san_has(s, value.body) != 1)
			return "a mailbox of the subject is "
			       "not in the "
			       "subjectAltName, to the "
			       "octet";
	}
	return NULL;
}

static bool
is_atext(char c)
{
	return ascii_is_alnum(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Lower-case LDH labels, at least two. */
static bool
domain_is_canonical(struct span domain)
{
	size_t labels = 0;

	if (domain.n > DOMAIN_MAX)
		return false;
	for (size_t at = 0; at <= domain.n; labels++) {
		size_t end = span_find(domain, at, '.');
		struct span label = span_cut(domain, at, end);
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!(label.p[i] >= 'a' && label.p[i] <= 'z') &&
			    !ascii_is_digit(label.p[i]) && label.p[i] != '-')
				return false;
		at = end + 1;
	}
	return labels >= 2;
}

static bool
local_is_dot_atom(struct span local)
{
	if (local.n == 0 || local.n > 64 || local.p[0] == '.' ||
	    local.p[local.n - 1] == '.')
		return false;
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '.' && local.p[i - 1] == '.')
			return false;
		if (local.p[i] != '.' && !((uint8_t)local.p[i] & 0x80) &&
		    !is_atext(local.p[i]))
			return false;
	}
	return true;
}

static const char *
mailbox_problem(struct span mailbox, bool is_utf8)
{
	size_t at = mailbox.n;

	while (at > 0 && mailbox.p[at - 1] != '@')
		at--;
	if (at == 0)
		return "a mailbox without @";
	struct span local = span_cut(mailbox, 0, at - 1);
	if (!domain_is_canonical(span_from(mailbox, at)))
		return "a mailbox's domain is not in "
		       "lower-case A-labels";
	if (!local_is_dot_atom(local))
		return "a mailbox's local part is not a "
		       "dot-atom";
	if (is_utf8 && span_is_ascii(local))
		return "an ASCII mailbox as SmtpUTF8Mailbox";
	if (is_utf8 && !utf8_is_plain(mailbox))
		return "a SmtpUTF8Mailbox with characters "
		       "that do not belong "
		       "there";
	if (!is_utf8 && !span_is_ascii(local))
		return "an rfc822Name that is not ASCII";
	return NULL;
}

/* PK-84 with PK-142 */
static bool
needs_rfc822(const struct subject *s)
{
	const struct conf *conf = s->j->conf;

	return conf != NULL && conf->mode == CONF_MODE_PUBLIC &&
	       effective_for(EFFECTIVE_RFC822_NAME, s->v.not_before, s->j->now);
}

static const char *
lint_san_forms(struct subject *s)
{
	struct span names = { 0 };
	struct span mailbox;
	bool has_rfc822 = false;
	bool is_utf8;
	int r = certview_names(&s->v, &names);

	if (r < 0)
		return "the subjectAltName is not DER";
	if (r == 0 || names.n == 0)
		return "no name in the subjectAltName";
	while ((r = certview_next_mailbox(&names, &mailbox, &is_utf8)) == 1) {
		const char *problem = mailbox_problem(mailbox, is_utf8);
		if (problem != NULL)
			return problem;
		has_rfc822 = has_rfc822 || !is_utf8;
	}
	if (r == 0 && !has_rfc822 && needs_rfc822(s))
		return "no rfc822Name (PK-84)";
	return r < 0 ? "a name that is neither rfc822Name "
		       "nor SmtpUTF8Mailbox"
		     : NULL;
}

/* PK-83: each mailbox of the order once, in its sequence; so
 * the sets are equal. */
static const char *
lint_san_set(struct subject *s)
{
	struct span names = { 0 };
	struct span mailbox;
	bool is_utf8;
	size_t i = 0;
	int r = certview_names(&s->v, &names);

	while (r == 1 &&
	       (r = certview_next_mailbox(&names, &mailbox, &is_utf8)) == 1) {
		if (i == s->in->mailbox_count ||
		    !span_eq_str(mailbox, s->in->mailboxes[i]))
			return "the mailboxes are not those "
			       "of the order";
		i++;
	}
	for (size_t a = 0; a < i; a++)
		for (size_t b = 0; b < a; b++)
			if (strcmp(s->in->mailboxes[a], s->in->mailboxes[b]) ==
			    0)
				return "a mailbox stands "
				       "twice";
	return r == 0 && i == s->in->mailbox_count
		   ? NULL
		   : "the mailboxes are not those of the "
		     "order";
}

/* PK-115 */
static const char *
lint_attribute_text(struct subject *s)
{
	struct span rdns = subject_rdns(s);
	struct span oid;
	struct der value;

	while (next_attribute(&rdns, &oid, &value) == 1) {
		struct span text = value.body;
		bool has_letter = false;
		size_t entity = span_find(text, 0, '&');

		for (size_t i = 0; i < text.n; i++)
			has_letter |= ascii_is_alnum(text.p[i]) ||
				      ((uint8_t)text.p[i] & 0x80);
		if (!has_letter)
			return "an attribute has no letter "
			       "and no digit";
		if (span_has_control(text))
			return "an attribute has a control "
			       "character";
		if (span_trim(text).n != text.n)
			return "an attribute begins or ends "
			       "with a blank";
		if (entity != text.n && span_find(text, entity, ';') != text.n)
			return "an attribute has an HTML "
			       "entity";
	}
	return NULL;
}

/* --- extensions
 * ----------------------------------------------------------
 */

static const char *
lint_extension_set(struct subject *s)
{
	bool san_is_critical = subject_rdns(s).n == 0;
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

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
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
value_of(const struct subject *s, struct span oid)
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
rule_of(const struct subject *s)
{
	const struct profile *p = s->in->profile;
	const struct span policies[] = {
		[GENERATION_STRICT] = OID_MAILBOX_STRICT,
		[GENERATION_MULTIPURPOSE] = OID_MAILBOX_MULTIPURPOSE,
	};
	struct rule r = { { NULL, 0 }, 0 };

	if ((size_t)p->generation >= sizeof policies / sizeof policies[0])
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

static const char *
lint_key_usage(struct subject *s)
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
		   : "keyUsage is not that of class and key "
		     "type";
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

static const char *
lint_policies(struct subject *s)
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
static const char *
lint_ext_key_usage(struct subject *s)
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

static const char *
lint_smime_capabilities(struct subject *s)
{
	return span_eq(value_of(s, OID_SMIME_CAPABILITIES),
		   s->in->profile->smime_capabilities)
		   ? NULL
		   : "smimeCapabilities are not those of the profile";
}

static const char *
lint_san_criticality(struct subject *s)
{
	const struct cert_extension *e =
	    certview_extension(&s->v, OID_SUBJECT_ALT_NAME);

	if (e == NULL)
		return "no subjectAltName";
	return e->critical == (subject_rdns(s).n == 0)
		   ? NULL
		   : "the subjectAltName's criticality does "
		     "not follow the "
		     "subject";
}

static const char *
lint_crl_point(struct subject *s)
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
		return "not exactly one CRL point with one "
		       "URI";
	if (!span_eq_str(uri.body, s->in->crl_url))
		return "not the configured CRL URL";
	return public_url_problem(uri.body) == NULL
		   ? NULL
		   : "the CRL URL is not http at a public "
		     "host (PK-133)";
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

static const char *
lint_authority_info(struct subject *s)
{
	const char *problem;
	struct der list;

	if (s->in->ca_issuers_url == NULL && s->in->ocsp_url == NULL)
		return certview_extension(&s->v, OID_AUTHORITY_INFO) == NULL
			   ? not_applicable
			   : "authorityInfoAccess is not "
			     "configured";
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

static const char *
lint_key_identifiers(struct subject *s)
{
	uint8_t expected[KEY_ID_LEN];
	enum key_type type;
	struct span bits;
	struct span id;

	if (certview_authority_key_id(&s->v, &id) != 1 ||
	    !span_eq(id, s->ca->signer.key_id))
		return "authorityKeyIdentifier is not the "
		       "CA's key identifier "
		       "alone";
	if (spki_split(s->v.spki, &type, &bits) < 0)
		return "the key cannot be read";
	key_id_compute(bits, expected);
	if (certview_subject_key_id(&s->v, &id) != 1 ||
	    !span_eq(id, span_mem(expected, sizeof expected)))
		return "subjectKeyIdentifier is not by RFC "
		       "7093 method 1";
	return NULL;
}

/* --- as a relying party sees it
 * ------------------------------------------ */

static const char *
lint_size(struct subject *s)
{
	return s->der.n <= SIZE_LIMIT ? NULL : "larger than 4096 octets";
}

/* The signature is none that matters (PK-137), and dates are L-12's. */
static const char *
verify_for(struct subject *s, int purpose, const char *refusal)
{
	if (ca_verify_chain(s->j, s->ca, s->certificate, purpose) == 0)
		return NULL;
	job_recover(s->j);
	return refusal;
}

static const char *
lint_verify_sign(struct subject *s)
{
	if (s->in->csr->class == KEY_CLASS_ENCRYPTION)
		return not_applicable;
	return verify_for(s, X509_PURPOSE_SMIME_SIGN,
	    "X509_verify_cert refuses it for smimesign");
}

/* OpenSSL 3.0 says no to EC keys with keyAgreement for this
 * purpose. */
static const char *
lint_verify_encrypt(struct subject *s)
{
	enum key_type type;
	struct span bits;

	if (s->in->csr->class == KEY_CLASS_SIGNING)
		return not_applicable;
	if (spki_split(s->v.spki, &type, &bits) == 0 && key_type_is_ec(type))
		return s->in->csr->class == KEY_CLASS_ENCRYPTION
			   ? verify_for(s, 0,
				 "X509_verify_cert refuses "
				 "it")
			   : not_applicable;
	return verify_for(s, X509_PURPOSE_SMIME_ENCRYPT,
	    "X509_verify_cert refuses it for smimeencrypt");
}

static const struct {
	const char *id;
	const char *(*run)(struct subject *s);
	enum lint_severity severity;
} lints[] = {
	{ "L-01", lint_encoding, LINT_ERROR },
	{ "L-02", lint_form, LINT_ERROR },
	{ "L-10", lint_signature_algorithm, LINT_ERROR },
	{ "L-11", lint_serial, LINT_ERROR },
	{ "L-12", lint_validity, LINT_ERROR },
	{ "L-13", lint_key, LINT_ERROR },
	{ "L-14", lint_key_encoding, LINT_ERROR },
	{ "L-15", lint_issuer, LINT_ERROR },
	{ "L-20", lint_subject_attributes, LINT_ERROR },
	{ "L-21", lint_common_name, LINT_ERROR },
	{ "L-22", lint_subject_in_san, LINT_ERROR },
	{ "L-23", lint_san_forms, LINT_ERROR },
	{ "L-24", lint_san_set, LINT_ERROR },
	{ "L-25", lint_attribute_text, LINT_ERROR },
	{ "L-30", lint_extension_set, LINT_ERROR },
	{ "L-31", lint_key_usage, LINT_ERROR },
	{ "L-32", lint_policies, LINT_ERROR },
	{ "L-33", lint_ext_key_usage, LINT_ERROR },
	{ "L-34", lint_smime_capabilities, LINT_ERROR },
	{ "L-35", lint_san_criticality, LINT_ERROR },
	{ "L-36", lint_crl_point, LINT_ERROR },
	{ "L-37", lint_authority_info, LINT_ERROR },
	{ "L-38", lint_key_identifiers, LINT_ERROR },
	{ "L-40", lint_size, LINT_WARNING },
	{ "L-41", lint_verify_sign, LINT_ERROR },
	{ "L-42", lint_verify_encrypt, LINT_ERROR },
};

#define LINT_COUNT (sizeof lints / sizeof lints[0])

enum lint_severity
lint_severity(const char *id)
{
	for (size_t i = 0; i < LINT_COUNT; i++)
		if (strcmp(lints[i].id, id) == 0)
			return lints[i].severity;
	return LINT_UNKNOWN;
}

int
lint_until(const char *day, int64_t *out)
{
	char text[sizeof "2027-03-31T00:00:00Z"];

	if (snprintf(text, sizeof text, "%sT00:00:00Z", day) != sizeof text - 1)
		return -1;
	return rfc3339_parse(span_str(text), out);
}

/* PK-139: the section that allows what lint i found, or NULL. */
static const struct conf_allow_lint *
allowance(const struct job *j, size_t i)
{
	const struct conf *conf = j->conf;
	int64_t until;

	if (conf == NULL || lints[i].severity != LINT_WARNING)
		return NULL;
	for (size_t k = 0; k < conf->allow_lint_count; k++) {
		const struct conf_allow_lint *a = &conf->allow_lints[k];

		if (strcmp(a->name, lints[i].id) == 0 &&
		    lint_until(a->until, &until) == 0 && j->now < until)
			return a;
	}
	return NULL;
}

static void
read_certificate(struct subject *s)
{
	struct span rdns;
	struct span oid;
	struct der value;

	s->certificate = ossl_x509(s->j->arena, s->der);
	s->is_read =
	    s->certificate != NULL && certview_parse(s->der, &s->v) == 0;
	if (!s->is_read)
		return;
	rdns = subject_rdns(s);
	while (next_attribute(&rdns, &oid, &value) == 1) {
		if (!span_eq(oid, OID_COMMON_NAME))
			continue;
		s->common_name = value.body;
		s->common_name_tag = value.tag;
	}
}

static void
report_one(struct json_out *o, size_t i, const char *problem,
    const struct conf_allow_lint *allow)
{
	json_object_begin(o);
	json_member_str(o, "lint", lints[i].id);
	if (problem == NULL)
		json_member_str(o, "result", "pass");
	else if (problem == not_applicable)
		json_member_str(o, "result", "not-applicable");
	else {
		json_member_str(o, "result",
		    lints[i].severity == LINT_WARNING ? "warning" : "error");
		json_member_str(o, "detail", problem);
	}
	if (allow != NULL) {
		json_member_str(o, "allowed", allow->reason);
		json_member_str(o, "until", allow->until);
	}
	json_object_end(o);
}

/* What a certificate of another CA is not asked: numbers, URLs, policies and
 * the sequence of extensions and names are its own business (PK-216 compares
 * the rest, and the chain, by itself). */
static bool
is_of_ours_alone(const char *id)
{
	static const char *const ids[] = { "L-10", "L-11", "L-12", "L-24",
		"L-30", "L-32", "L-34", "L-36", "L-37", "L-38", "L-40", "L-41",
		"L-42" };

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* All lints, one after the other. */
struct run {
	struct subject s;
	bool is_ours;
	struct json_out o;
	struct buf allowed;
	const char *first; /* that refuses */
	const char *first_problem;
};

static void
run_one(struct run *run, size_t i)
{
	const char *problem;
	const struct conf_allow_lint *allow;
	bool found;

	if (!run->is_ours && is_of_ours_alone(lints[i].id))
		return;
	problem = lints[i].run(&run->s);
	found = problem != NULL && problem != not_applicable;
	allow = found && run->is_ours ? allowance(run->s.j, i) : NULL;
	report_one(&run->o, i, problem, allow);
	if (allow != NULL)
		buf_addf(&run->allowed, "%s%s until %s: %s",
		    run->allowed.n > 0 ? ", " : "", lints[i].id, allow->until,
		    allow->reason);
	else if (found && run->first == NULL) {
		run->first = lints[i].id;
		run->first_problem = problem;
	}
}

static int
run_all(struct run *run, const char **report)
{
	struct job *j = run->s.j;
	struct buf b;

	read_certificate(&run->s);
	buf_init(&b, j->arena, REPORT_MAX);
	buf_init(&run->allowed, j->arena, REPORT_MAX);
	json_out_init(&run->o, &b);
	json_object_begin(&run->o);
	json_member_str(&run->o, "linter", "countersign " PACKAGE_VERSION);
	json_member_str(&run->o, "sbr", PKI_SBR_VERSION);
	json_member_str(&run->o, "profile", run->s.in->profile->name);
	json_key(&run->o, "lints");
	json_array_begin(&run->o);
	/* Nothing but the first has something to look at in what is none. */
	for (size_t i = 0; i < (run->s.is_read ? LINT_COUNT : 1); i++)
		run_one(run, i);
	json_array_end(&run->o);
	json_object_end(&run->o);
	*report = b.p;
	if (run->first != NULL)
		return job_fail(j, ERR_INTERNAL, "lint %s: %s", run->first,
		    run->first_problem);
	return buf_ok(&b) && buf_ok(&run->allowed)
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "the lint report is too long");
}

int
lint_certificate(struct job *j, const struct ca *ca,
    const struct issue_input *in, struct span der, struct lint_result *out)
{
	struct run run = { .s = { .j = j, .ca = ca, .in = in, .der = der },
		.is_ours = true };
	int result = run_all(&run, &out->report);

	out->allowed = run.allowed.n > 0 ? run.allowed.p : NULL;
	out->certificate = run.s.certificate;
	return result;
}

int
lint_returned(struct job *j, const struct ca *ca, const struct issue_input *in,
    struct span der, const char **report)
{
	struct run run = { .s = { .j = j, .ca = ca, .in = in, .der = der } };

	return run_all(&run, report);
}
