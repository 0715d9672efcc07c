#include "config.h"

#include "pki/responder.h"

#include <openssl/ec.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/crl_lint.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"

#define ALLOWANCE_SECS 300 /* PK-93 */
#define TBS_MAX 4096
#define REPORT_MAX 1024
#define NAME_KEY_OCTETS 8 /* of the key identifier, in the common name */

/* --- the CA, as CertID names it ------------------------------------------- */

static int
key_bits_of(struct job *j, EVP_PKEY *key, struct span *spki, struct span *bits)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	enum key_type type;

	if (n <= 0)
		return ossl_fail(j, "writing a public key");
	*spki = span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return spki_split(*spki, &type, bits) < 0
		   ? job_fail(j, ERR_INTERNAL, "a key of an unknown type")
		   : 0;
}

static void
sha1(struct span in, uint8_t out[SHA_DIGEST_LENGTH])
{
	/* An identifier, not a signature (PK-132). */
	if (EVP_Digest(in.p, in.n, out, NULL, EVP_sha1(), NULL) != 1)
		memset(out, 0, SHA_DIGEST_LENGTH);
}

int
responder_ca(struct job *j, const struct ca *ca, struct ocsp_ca *out)
{
	struct span spki = { NULL, 0 }, bits = { NULL, 0 };

	if (key_bits_of(j, ca->signer.public_key, &spki, &bits) < 0)
		return -1;
	sha1(ca->signer.name, out->name_sha1);
	sha1(bits, out->key_sha1);
	sha256(ca->signer.name, out->name_sha256);
	sha256(bits, out->key_sha256);
	return 0;
}

/* --- its certificate ------------------------------------------------------ */

/* PK-119: country and organization as the CA has them. */
static void
add_ca_attribute(struct buf *b, const struct ca *ca, struct span wanted)
{
	struct der name, set, one, oid, value;

	if (der_only(ca->signer.name, DER_SEQUENCE, &name) < 0)
		return;
	while (der_take(&name.body, DER_SET, &set) == 0)
		if (der_only(set.body, DER_SEQUENCE, &one) == 0 &&
		    der_take(&one.body, DER_OID, &oid) == 0 &&
		    der_next(&one.body, &value) == 1 &&
		    span_eq(oid.body, wanted))
			field_attribute(b, wanted, value.tag, value.body);
}

/* PK-135: the key's identifier makes the subject the key's own. */
static void
add_subject(
    struct job *j, struct buf *b, const struct ca *ca, struct span key_id)
{
	const char *name = arena_printf(j->arena, "OCSP Responder %s",
	    hex_dup(j->arena, span_cut(key_id, 0, NAME_KEY_OCTETS)));
	size_t mark = der_open(b, DER_SEQUENCE);

	add_ca_attribute(b, ca, OID_COUNTRY);
	add_ca_attribute(b, ca, OID_ORGANIZATION);
	field_attribute(b, OID_COMMON_NAME, DER_UTF8_STRING, span_str(name));
	der_close(b, mark);
}

static void
add_extensions(struct buf *b, const struct ca *ca, struct span key_id)
{
	size_t explicit = der_open(b, DER_CONTEXT(3));
	size_t list = der_open(b, DER_SEQUENCE);
	struct extension_mark m;

	extension_authority_key_id(b, ca->signer.key_id);
	extension_subject_key_id(b, key_id);
	extension_key_usage(b, SPAN("\x03\x02\x07\x80")); /* PK-121 */
	m = extension_open(b, OID_EXT_KEY_USAGE, false);  /* PK-122 */
	size_t usages = der_open(b, DER_SEQUENCE);
	der_add(b, DER_OID, OID_OCSP_SIGNING);
	der_close(b, usages);
	extension_close(b, m);
	m = extension_open(b, OID_OCSP_NO_CHECK, false); /* PK-129 */
	der_add(b, DER_NULL, SPAN(""));
	extension_close(b, m);
	der_close(b, list);
	der_close(b, explicit);
}

/* --- L-55, L-57, L-58 ----------------------------------------------------- */

static bool
has_extension(
    const struct certview *v, struct span oid, bool critical, struct span value)
{
	const struct cert_extension *e = certview_extension(v, oid);

	return e != NULL && e->critical == critical && span_eq(e->value, value);
}

static const char *
lint_problem(const struct ca *ca, const struct responder *r, struct span der)
{
	struct certview v;
	struct span id;

	if (certview_parse(der, &v) < 0 || !v.is_v3 || v.has_unique_id)
		return "L-01: not a certificate in strict DER";
	if (v.extension_count != 5)
		return "L-58: not exactly the five extensions";
	if (!has_extension(&v, OID_EXT_KEY_USAGE, false,
		SPAN("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09")))
		return "L-55: extKeyUsage is not OCSPSigning alone";
	if (!has_extension(&v, OID_KEY_USAGE, true, SPAN("\x03\x02\x07\x80")))
		return "L-55: keyUsage is not digitalSignature alone";
	if (!has_extension(&v, OID_OCSP_NO_CHECK, false, SPAN("\x05\x00")))
		return "L-58: no id-pkix-ocsp-nocheck";
	if (certview_authority_key_id(&v, &id) != 1 ||
	    !span_eq(id, ca->signer.key_id) ||
	    certview_subject_key_id(&v, &id) != 1)
		return "L-57: key identifiers";
	if (!span_eq(v.issuer, ca->signer.name))
		return "L-15: the issuer is not the CA's subject";
	if (v.not_after - v.not_before >= (int64_t)RESPONDER_DAYS * 86400 ||
	    v.not_before != r->not_before || v.not_after != r->not_after ||
	    v.not_after > ca->not_after)
		return "L-58: not 30 days inside the CA's own validity";
	return NULL;
}

/* PK-136, PK-137: the same contents, signed by the throw-away key. */
static int
lint(struct job *j, const struct ca *ca, struct responder *r)
{
	struct span der;
	const char *problem;

	if (signer_sign(j, &ca->lint, SIGNED_RESPONDER, r->tbs, &der) < 0)
		return -1;
	problem = lint_problem(ca, r, der);
	if (problem != NULL)
		return job_fail(
		    j, ERR_INTERNAL, "OCSP responder: lint %s", problem);
	r->lint_certificate = der;
	r->lint_report = "{\"L-01\":\"pass\",\"L-15\":\"pass\","
			 "\"L-55\":\"pass\",\"L-57\":\"pass\","
			 "\"L-58\":\"pass\"}";
	return 0;
}

static int
build(struct job *j, const struct ca *ca, struct span spki, struct span bits,
    struct responder *r)
{
	uint8_t serial[SERIAL_LEN], key_id[KEY_ID_LEN];
	struct span id = span_mem(key_id, KEY_ID_LEN);
	struct buf b;

	issue_serial((uint8_t)1, serial);
	key_id_compute(bits, key_id);
	buf_init(&b, j->arena, TBS_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(&b, span_mem(serial, SERIAL_LEN), ca->signer.alg->der,
	    ca->signer.name);
	field_validity(&b, r->not_before, r->not_after);
	add_subject(j, &b, ca, id);
	buf_add(&b, spki);
	add_extensions(&b, ca, id);
	der_close(&b, mark);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "OCSP responder: too large");
	r->serial = hex_dup(j->arena, span_mem(serial, SERIAL_LEN));
	r->tbs = buf_span(&b);
	return lint(j, ca, r);
}

static int
set_key(
    struct job *j, struct responder *r, struct span *spki, struct span *bits)
{
	if (key_bits_of(j, r->key, spki, bits) < 0)
		return -1;
	sha1(*bits, r->key_hash);
	return 0;
}

static int
prepare(struct job *j, const struct ca *ca, struct responder *r)
{
	struct span spki = { NULL, 0 }, bits = { NULL, 0 };

	if (set_key(j, r, &spki, &bits) < 0)
		return -1;
	issue_validity(j->now, ALLOWANCE_SECS, RESPONDER_DAYS, &r->not_before,
	    &r->not_after);
	if (r->not_after > ca->not_after)
		r->not_after = ca->not_after;
	if (r->not_before < ca->not_before)
		r->not_before = ca->not_before;
	return build(j, ca, spki, bits, r);
}

int
responder_new_key(struct job *j, struct arena *keep, struct responder *out)
{
	struct span spki = { NULL, 0 }, bits = { NULL, 0 };

	*out = (struct responder){ .key = ossl_own_pkey(
				       keep, EVP_EC_gen("P-256")) };
	if (out->key == NULL)
		return ossl_fail(j, "generating the OCSP responder's key");
	return set_key(j, out, &spki, &bits);
}

int
responder_prepare(struct job *j, struct arena *keep, const struct ca *ca,
    struct responder *out)
{
	if (responder_new_key(j, keep, out) < 0)
		return -1;
	return prepare(j, ca, out);
}

int
responder_prepare_for(struct job *j, struct arena *keep, const struct ca *ca,
    struct span spki, struct responder *out)
{
	enum key_type type = KEY_TYPE_RSA;
	EVP_PKEY *key = NULL;
	const char *problem =
	    keycheck_spki(keep, spki, KEYCHECK_SUBJECT, &type, &key);

	*out = (struct responder){ .key = key };
	if (problem != NULL || type != KEY_TYPE_P256)
		return job_fail(j, ERR_MALFORMED, "OCSP responder: %s",
		    problem != NULL ? problem : "not a P-256 key");
	return prepare(j, ca, out);
}

int
responder_sign(
    struct job *j, struct arena *keep, const struct ca *ca, struct responder *r)
{
	struct span der;
	X509 *x;

	if (signer_sign(j, &ca->signer, SIGNED_RESPONDER, r->tbs, &der) < 0)
		return -1;
	x = ossl_x509(j->arena, der);
	if (x == NULL || X509_verify(x, ca->signer.public_key) != 1 ||
	    X509_check_private_key(x, r->key) != 1)
		return ossl_fail(j, "the OCSP responder's certificate");
	r->certificate = span_mem(arena_memdup(keep, der.p, der.n), der.n);
	return 0;
}

int
responder_adopt(struct job *j, struct arena *keep, const struct ca *ca,
    struct span certificate, struct responder *r)
{
	X509 *x = ossl_x509(j->arena, certificate);
	struct certview v;

	if (x == NULL || certview_parse(certificate, &v) < 0 ||
	    X509_check_private_key(x, r->key) != 1)
		return ossl_fail(j, "the OCSP responder's certificate");
	/* The purpose alone lets any usage pass. */
	if (!(X509_get_extended_key_usage(x) & XKU_OCSP_SIGN))
		return job_fail(
		    j, ERR_INTERNAL, "not a certificate of an OCSP responder");
	if (ca_verify(j, ca->store, x, X509_PURPOSE_OCSP_HELPER, j->now) < 0)
		return -1;
	r->not_before = v.not_before;
	r->not_after = v.not_after;
	r->certificate = span_mem(
	    arena_memdup(keep, certificate.p, certificate.n), certificate.n);
	return 0;
}

/* --- answers -------------------------------------------------------------- */

static const char *
status_problem(const struct responder *r, const struct ocsp_status *s)
{
	if (!crl_serial_is_proper(ocsp_serial(s)))
		return "the number is not one";
	if (ocsp_status_end(s) > r->not_after)
		return "it would outlive the responder's certificate "
		       "(PK-168)";
	if (s->is_revoked &&
	    (s->is_unknown || s->revoked_at > s->this_update ||
		!crl_reason_is_allowed(s->reason, CA_ROLE_ISSUING)))
		return "time or reason of the revocation (PK-174)";
	if (!s->is_revoked && (s->reason != 0 || s->revoked_at != 0))
		return "good, with a revocation";
	return NULL;
}

static const char *
data_problem(const struct responder *r, const struct ocsp_data *d)
{
	const char *problem = NULL;

	if (d->count == 0 || d->nonce.n > OCSP_NONCE_MAX)
		return "not the form of one";
	if (d->produced_at < r->not_before || d->produced_at > r->not_after)
		return "outside of the life of the responder's certificate "
		       "(PK-168)";
	for (size_t i = 0; i < d->count && problem == NULL; i++) {
		const struct ocsp_status *s = &d->singles[i].status;

		problem = s->this_update > d->produced_at
			      ? "it speaks of the future"
			      : status_problem(r, s);
	}
	return problem;
}

/* ECDSA-Sig-Value as two numbers of 32 octets. */
static int
split_signature(struct span der, uint8_t out[OCSP_SIGNATURE_LEN])
{
	struct der list, n;

	memset(out, 0, OCSP_SIGNATURE_LEN);
	if (der_only(der, DER_SEQUENCE, &list) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		size_t half = OCSP_SIGNATURE_LEN / 2;

		if (der_take(&list.body, DER_INTEGER, &n) < 0)
			return -1;
		if (n.body.n > half)
			n.body = span_from(n.body, n.body.n - half);
		memcpy(out + (i + 1) * half - n.body.n, n.body.p, n.body.n);
	}
	return 0;
}

static int
sign_here(struct job *j, EVP_PKEY *key, struct span tbs,
    unsigned char out[SIGNATURE_MAX], size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
		  EVP_DigestSignInit_ex(
		      ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
		  EVP_DigestSign(ctx, out, len, ossl_bytes(tbs), tbs.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : ossl_fail(j, "signing an OCSP answer");
}

static int
sign_data(struct job *j, const struct responder *r, const struct ocsp_ca *ca,
    const struct ocsp_data *d, struct buf *tbs, uint8_t out[OCSP_SIGNATURE_LEN])
{
	const char *problem = data_problem(r, d);
	unsigned char signature[SIGNATURE_MAX];
	size_t len = sizeof(signature);

	if (problem != NULL)
		return job_fail(
		    j, ERR_INTERNAL, "OCSP answer refused: %s", problem);
	buf_init(tbs, j->arena, TBS_MAX);
	ocsp_add_data(tbs, ca, d, r->key_hash);
	if (!buf_ok(tbs))
		return job_fail(j, ERR_INTERNAL, "OCSP answer: too large");
	if ((r->elsewhere != NULL
		    ? signer_signature(j, r->elsewhere, SIGNED_OCSP,
			  buf_span(tbs), signature, &len)
		    : sign_here(j, r->key, buf_span(tbs), signature, &len)) < 0)
		return -1;
	return split_signature(span_mem(signature, len), out) < 0
		   ? job_fail(j, ERR_INTERNAL,
			 "OCSP answer: what signed it gave no signature")
		   : 0;
}

int
responder_answer(struct job *j, const struct responder *r,
    const struct ocsp_ca *ca, enum ocsp_hash hash, const struct ocsp_status *s,
    uint8_t out[OCSP_SIGNATURE_LEN])
{
	const struct ocsp_single one = { hash, *s };
	const struct ocsp_data d = { &one, 1, s->this_update, { NULL, 0 } };
	struct buf tbs;

	return sign_data(j, r, ca, &d, &tbs, out);
}

int
responder_reply(struct job *j, const struct responder *r,
    const struct ocsp_ca *ca, const struct ocsp_data *d, struct span *response)
{
	uint8_t signature[OCSP_SIGNATURE_LEN];
	struct buf tbs, b;

	if (sign_data(j, r, ca, d, &tbs, signature) < 0)
		return -1;
	buf_init(&b, j->arena, OCSP_RESPONSE_MAX);
	ocsp_add_response(&b, buf_span(&tbs), signature, r->certificate);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "OCSP answer: too large");
	*response = buf_span(&b);
	return 0;
}
