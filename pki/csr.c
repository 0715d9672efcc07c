#include "config.h"

#include "pki/csr.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "pki/csr_names.h"
#include "pki/csr_proof.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/profile.h"
#include "pki/rsacheck.h"
#include "pki/weakkeys.h"

#define CSR_MAX (16 * 1024) /* PK-56 */
#define ATTRIBUTES_MAX 16   /* PK-64 */
#define KEY_USAGE_BITS 9
#define THUMBPRINT_TEXT_MAX 2048

/* keyUsage, RFC 5280 4.2.1.3 */
#define DIGITAL_SIGNATURE (1u << 0)
#define NON_REPUDIATION (1u << 1)
#define KEY_ENCIPHERMENT (1u << 2)
#define KEY_AGREEMENT (1u << 4)

struct request {
	struct job *j;
	const struct csr_policy *policy;
	struct csr *out;
	struct csr_signed parts;
	struct span subject;              /* the RDNs */
	struct span attributes;           /* of the [0] */
	struct span seen[ATTRIBUTES_MAX]; /* OIDs of extensions */
	size_t seen_count;
	bool has_request;
	bool has_names;
	bool has_key_usage;
	unsigned key_usage;
};

const char *
key_class_name(enum key_class c)
{
	switch (c) {
	case KEY_CLASS_SIGNING:
		return "signing";
	case KEY_CLASS_ENCRYPTION:
		return "encryption";
	case KEY_CLASS_DUAL:
		return "dual";
	}
	return "?";
}

static int
cannot_parse(struct request *r, const char *where)
{
	return job_fail(
	    r->j, ERR_BAD_CSR, "the CSR cannot be parsed: %s", where);
}

/* RFC 2986: version, subject, key, attributes; algorithm; signature. */
static int
split(struct request *r, struct span der)
{
	struct der whole;
	struct der info;
	struct der d;

	if (der.n > CSR_MAX)
		return cannot_parse(r, "more than 16384 octets");
	if (!der_is_strict(der) || der_only(der, DER_SEQUENCE, &whole) < 0)
		return cannot_parse(r, "not one structure in DER");
	if (der_take(&whole.body, DER_SEQUENCE, &info) < 0 ||
	    der_take(&whole.body, DER_SEQUENCE, &r->parts.algorithm) < 0 ||
	    der_only(whole.body, DER_BIT_STRING, &d) < 0 || d.body.p[0] != 0)
		return cannot_parse(r, "not a CertificationRequest");
	r->parts.info = info.whole;
	r->parts.signature = span_from(d.body, 1);
	if (der_take(&info.body, DER_INTEGER, &d) < 0 ||
	    !span_eq(d.body, span_mem("\0", 1)))
		return cannot_parse(r, "the version is not 0");
	if (der_take(&info.body, DER_SEQUENCE, &d) < 0)
		return cannot_parse(r, "subject");
	r->subject = d.body;
	if (der_take(&info.body, DER_SEQUENCE, &d) < 0)
		return cannot_parse(r, "key");
	r->out->spki = d.whole;
	if (der_only(info.body, DER_CONTEXT(0), &d) < 0 ||
	    !der_set_is_sorted(d.body))
		return cannot_parse(r, "attributes");
	r->attributes = d.body;
	return 0;
}

/* --- extensions ---------------------------------------------------------- */

static int
take_names(struct request *r, struct span value)
{
	r->has_names = true;
	return csr_names_check(r->j, value, r->policy, &r->out->faults);
}

static int
take_key_usage(struct request *r, struct span value)
{
	struct der bits;

	r->has_key_usage = true;
	if (der_only(value, DER_BIT_STRING, &bits) < 0 ||
	    der_named_bits(bits.body, KEY_USAGE_BITS, &r->key_usage) < 0)
		return cannot_parse(r, "keyUsage");
	return 0;
}

/* AC-139 goes before PK-62 on what a client may send: clientAuth is
 * tolerated, and not certified. */
static int
take_ext_key_usage(struct request *r, struct span value)
{
	struct der list;
	struct der usage;

	if (der_only(value, DER_SEQUENCE, &list) < 0 || list.body.n == 0)
		return cannot_parse(r, "extKeyUsage");
	while (list.body.n > 0) {
		if (der_take(&list.body, DER_OID, &usage) < 0)
			return cannot_parse(r, "extKeyUsage");
		if (!span_eq(usage.body, OID_EMAIL_PROTECTION) &&
		    !span_eq(usage.body, OID_CLIENT_AUTH))
			return job_fail(r->j, ERR_BAD_CSR,
			    "extended key usage %s not supported; "
			    "emailProtection is",
			    der_oid_text(r->j->arena, usage.body));
	}
	return 0;
}

static int
take_basic_constraints(struct request *r, struct span value)
{
	struct der body;

	if (der_only(value, DER_SEQUENCE, &body) < 0)
		return cannot_parse(r, "basicConstraints");
	if (body.body.n != 0)
		return job_fail(r->j, ERR_BAD_CSR,
		    "extension 2.5.29.19 not supported: basicConstraints with "
		    "a value other than CA false");
	return 0;
}

static int
take_nothing(struct request *r, struct span value)
{
	(void)r;
	(void)value;
	return 0;
}

static int
refuse_extension(struct request *r, struct span oid)
{
	return job_fail(r->j, ERR_BAD_CSR, "extension %s not supported",
	    der_oid_text(r->j->arena, oid));
}

/* PK-63; take NULL: refused, critical or not.  What is not here is ignored
 * unless it is critical. */
static int
take_extension(
    struct request *r, struct span oid, bool critical, struct span value)
{
	const struct {
		struct span oid;
		int (*take)(struct request *r, struct span value);
	} known[] = {
		{ OID_SUBJECT_ALT_NAME, take_names },
		{ OID_KEY_USAGE, take_key_usage },
		{ OID_EXT_KEY_USAGE, take_ext_key_usage },
		{ OID_BASIC_CONSTRAINTS, take_basic_constraints },
		{ OID_SUBJECT_KEY_ID, take_nothing },
		{ OID_SMIME_CAPABILITIES, take_nothing },
		{ OID_MS_TEMPLATE_NAME, take_nothing },
		{ OID_MS_TEMPLATE, take_nothing },
		{ OID_MS_PROVIDER, take_nothing },
		{ OID_NAME_CONSTRAINTS, NULL },
		{ OID_POLICIES, NULL },
		{ OID_POLICY_MAPPINGS, NULL },
		{ OID_POLICY_CONSTRAINTS, NULL },
		{ OID_INHIBIT_ANY_POLICY, NULL },
		{ OID_AUTHORITY_INFO, NULL },
		{ OID_CRL_POINTS, NULL },
		{ OID_FRESHEST_CRL, NULL },
		{ OID_TLS_FEATURE, NULL },
		{ OID_OCSP_NO_CHECK, NULL },
		{ OID_CT_POISON, NULL },
	};

	for (size_t i = 0; i < COUNT(known); i++) {
		if (!span_eq(known[i].oid, oid))
			continue;
		return known[i].take == NULL ? refuse_extension(r, oid)
					     : known[i].take(r, value);
	}
	return critical ? refuse_extension(r, oid) : 0;
}

static int
read_extension(struct request *r, struct span body)
{
	struct der oid;
	struct der critical;
	struct der value;

	if (der_take(&body, DER_OID, &oid) < 0)
		return cannot_parse(r, "extension");
	int has_critical = der_take_optional(&body, DER_BOOLEAN, &critical);
	if (has_critical < 0 ||
	    (has_critical == 1 && der_boolean_true(critical.body) < 0) ||
	    der_only(body, DER_OCTET_STRING, &value) < 0)
		return cannot_parse(r, "extension");
	for (size_t i = 0; i < r->seen_count; i++)
		if (span_eq(r->seen[i], oid.body))
			return job_fail(r->j, ERR_BAD_CSR,
			    "extension %s stands twice in the CSR",
			    der_oid_text(r->j->arena, oid.body));
	if (r->seen_count == ATTRIBUTES_MAX)
		return job_fail(r->j, ERR_BAD_CSR,
		    "more than %d extensions in the CSR", ATTRIBUTES_MAX);
	r->seen[r->seen_count++] = oid.body;
	return take_extension(r, oid.body, has_critical == 1, value.body);
}

static int
read_extension_request(struct request *r, struct span values)
{
	struct der list;
	struct der one;

	if (r->has_request)
		return job_fail(r->j, ERR_BAD_CSR,
		    "two extensionRequest attributes in the CSR");
	r->has_request = true;
	if (der_only(values, DER_SEQUENCE, &list) < 0)
		return cannot_parse(r, "extensionRequest");
	while (list.body.n > 0) {
		if (der_take(&list.body, DER_SEQUENCE, &one) < 0)
			return cannot_parse(r, "extension");
		if (read_extension(r, one.body) < 0)
			return -1;
	}
	return 0;
}

/* PK-64: other attributes, challengePassword among them, are ignored. */
static int
read_attributes(struct request *r)
{
	struct span in = r->attributes;
	struct der attribute;
	struct der type;
	struct der values;
	size_t count = 0;

	while (in.n > 0) {
		if (der_take(&in, DER_SEQUENCE, &attribute) < 0 ||
		    der_take(&attribute.body, DER_OID, &type) < 0 ||
		    der_only(attribute.body, DER_SET, &values) < 0)
			return cannot_parse(r, "attribute");
		if (++count > ATTRIBUTES_MAX)
			return job_fail(r->j, ERR_BAD_CSR,
			    "more than %d attributes in the CSR",
			    ATTRIBUTES_MAX);
		if (span_eq(type.body, OID_EXTENSION_REQUEST) &&
		    read_extension_request(r, values.body) < 0)
			return -1;
	}
	if (!r->has_names)
		return job_fail(r->j, ERR_BAD_CSR,
		    "the CSR addresses differ from the order: no "
		    "subjectAltName; with openssl req: -addext "
		    "subjectAltName=email:ADDRESS");
	return 0;
}

/* --- class (7.2, AC-138) ------------------------------------------------- */

/* What to write into the CSR instead: for a profile of one intent. */
static int
check_intent(struct request *r)
{
	const struct profile *p = r->policy->profile;
	const char *excluded = profile_excluded(p, r->out->class);

	if (excluded == NULL)
		return 0;
	return job_fail(r->j, ERR_BAD_CSR, "the profile does not allow %s; %s",
	    excluded, profile_advice(r->j->arena, p));
}

static int
decide_class(struct request *r)
{
	const unsigned signing = DIGITAL_SIGNATURE | NON_REPUDIATION;
	const unsigned encryption = KEY_ENCIPHERMENT | KEY_AGREEMENT;
	unsigned bits = r->key_usage;
	struct csr *out = r->out;

	if (!r->has_key_usage)
		bits = DIGITAL_SIGNATURE | KEY_ENCIPHERMENT;
	if (bits == 0 || (bits & ~(signing | encryption)) != 0)
		return job_fail(r->j, ERR_BAD_CSR,
		    "key usage not supported: ask for digitalSignature (with "
		    "nonRepudiation), keyEncipherment or keyAgreement, or "
		    "leave the extension out");
	if (!(bits & encryption))
		out->class = KEY_CLASS_SIGNING;
	else if (!(bits & signing))
		out->class = KEY_CLASS_ENCRYPTION;
	else
		out->class = KEY_CLASS_DUAL;
	out->non_repudiation = bits & NON_REPUDIATION;
	if (key_type_only_signs(out->key_type) &&
	    out->class != KEY_CLASS_SIGNING)
		return job_fail(r->j, ERR_BAD_CSR,
		    "key usage not supported: an %s key only signs; ask for "
		    "digitalSignature alone",
		    key_type_name(out->key_type));
	return check_intent(r);
}

/* --- the key -------------------------------------------------------------- */

/* PK-68: the profile's list. */
static int
check_kind(struct request *r, const EVP_PKEY *key)
{
	const struct profile *p = r->policy->profile;
	struct csr *out = r->out;

	if (key_kind_of(key, out->key_type, &out->key_kind) == 0 &&
	    profile_takes_key(p, out->key_kind))
		return 0;
	return job_fail(r->j, ERR_BAD_CSR, "subject key refused: %s accepts %s",
	    p->name, profile_keys(r->j->arena, p));
}

/* The key, and what its hashes are. */
static int
check_key(struct request *r, enum keycheck_use rule, EVP_PKEY **key)
{
	struct csr *out = r->out;
	const char *reason =
	    keycheck_spki(r->j->arena, out->spki, rule, &out->key_type, key);

	sha256(out->spki, out->spki_sha256);
	if (spki_bare_sha256(out->spki, out->bare_sha256) < 0)
		memset(out->bare_sha256, 0, sizeof(out->bare_sha256));
	out->key_is_compromised =
	    reason != NULL && rsa_reason_is_compromise(reason);
	if (reason != NULL)
		return job_fail(
		    r->j, ERR_BAD_CSR, "subject key refused: %s", reason);
	return 0;
}

static int
check_key_and_proof(struct request *r)
{
	struct csr *out = r->out;
	EVP_PKEY *key = NULL;

	if (check_key(r, profile_key_rule(r->policy->profile), &key) < 0)
		return -1;
	out->key_is_compromised = weakkeys_has(r->policy->weak_keys, out->spki);
	if (out->key_is_compromised)
		return job_fail(r->j, ERR_BAD_CSR,
		    "subject key refused: this key is known to be "
		    "compromised");
	if (check_kind(r, key) < 0 || decide_class(r) < 0)
		return -1;
	return csr_proof_check(r->j, &r->parts, out->key_type, key);
}

int
csr_open(struct job *j, struct span der, struct csr *out, struct span *subject)
{
	struct request r = { .j = j, .out = out };
	EVP_PKEY *key = NULL;

	*out = (struct csr){ .der = der };
	/* Of whichever profile the key may be. */
	if (split(&r, der) < 0 ||
	    check_key(&r, KEYCHECK_ANY_EXPONENT, &key) < 0 ||
	    csr_proof_check(j, &r.parts, out->key_type, key) < 0)
		return -1;
	*subject = r.subject;
	return 0;
}

int
csr_parse(struct job *j, struct span der, const struct csr_policy *policy,
    struct csr *out)
{
	struct request r = { .j = j, .policy = policy, .out = out };

	assert(policy->profile != NULL);
	*out = (struct csr){ .der = der };
	if (split(&r, der) < 0 || read_attributes(&r) < 0 ||
	    csr_subject_check(j, r.subject, policy, &out->faults) < 0)
		return -1;
	return check_key_and_proof(&r);
}

/* --- thumbprint ---------------------------------------------------------- */

static void
add_member(struct buf *b, const char *name, struct span octets)
{
	buf_addf(b, "\"%s\":\"", name);
	b64url_add(b, octets);
	buf_add_char(b, '"');
}

/* Without the octet that keeps an INTEGER positive. */
static struct span
unsigned_octets(struct span body)
{
	return body.n > 1 && body.p[0] == 0 ? span_from(body, 1) : body;
}

static void
add_rsa_jwk(struct buf *b, struct span bits)
{
	struct der key = { 0 };
	struct der n = { 0 };
	struct der e = { 0 };

	if (der_only(bits, DER_SEQUENCE, &key) < 0 ||
	    der_take(&key.body, DER_INTEGER, &n) < 0 ||
	    der_only(key.body, DER_INTEGER, &e) < 0)
		b->failed = true;
	buf_add_str(b, "{");
	add_member(b, "e", unsigned_octets(e.body));
	buf_add_str(b, ",\"kty\":\"RSA\",");
	add_member(b, "n", unsigned_octets(n.body));
	buf_add_str(b, "}");
}

static void
add_ec_jwk(struct buf *b, enum key_type type, struct span bits)
{
	struct span point = span_from(bits, 1); /* after 04 */

	buf_addf(b, "{\"crv\":\"%s\",\"kty\":\"EC\",", key_type_name(type));
	add_member(b, "x", span_cut(point, 0, point.n / 2));
	buf_add_str(b, ",");
	add_member(b, "y", span_from(point, point.n / 2));
	buf_add_str(b, "}");
}

const char *
csr_jwk_thumbprint(struct job *j, const struct csr *csr)
{
	char text[B64URL_LEN(SHA256_LEN) + 1];
	uint8_t digest[SHA256_LEN];
	enum key_type type;
	struct span bits;
	struct buf b;

	buf_init(&b, j->arena, THUMBPRINT_TEXT_MAX);
	if (spki_split(csr->spki, &type, &bits) < 0)
		return "";
	if (type == KEY_TYPE_RSA)
		add_rsa_jwk(&b, bits);
	else if (key_type_is_ec(type))
		add_ec_jwk(&b, type, bits);
	else {
		/* RFC 8037 2 */
		buf_addf(&b, "{\"crv\":\"%s\",\"kty\":\"OKP\",",
		    key_type_name(type));
		add_member(&b, "x", bits);
		buf_add_str(&b, "}");
	}
	if (!buf_ok(&b))
		return "";
	sha256(buf_span(&b), digest);
	b64url_format(text, span_mem(digest, sizeof digest));
	return arena_strdup(j->arena, text);
}
