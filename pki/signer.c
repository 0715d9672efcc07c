#include "config.h"

#include "pki/signer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/responder.h"

#define RSA_STRONG_BITS 4096
#define DAY_SECS ((int64_t)86400)
/* acme/dates.h lets an order ask for a day ahead; clocks may differ. */
#define AHEAD_DAYS 2
/* SBR 6.3.2; a profile's are fewer, which lint L-12 says better than this. */
#define SUBSCRIBER_DAYS_MAX 825
/* An order lives 30 days at most (policy.order_life), and what it was given is
 * signed as it is when a token comes back late (PK-145). */
#define BEHIND_DAYS 90
#define RESPONDER_BEHIND_DAYS 1 /* nobody keeps one until later */

static const struct sig_alg sig_algs[] = {
	{ "sha256WithRSAEncryption", "SHA256",
	    { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
		15 } },
	{ "sha384WithRSAEncryption", "SHA384",
	    { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
		15 } },
	{ "sha512WithRSAEncryption", "SHA512",
	    { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00",
		15 } },
	{ "ecdsa-with-SHA256", "SHA256",
	    { "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 } },
	{ "ecdsa-with-SHA384", "SHA384",
	    { "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 12 } },
};
enum { ALG_RSA_SHA256, ALG_RSA_SHA384, ALG_RSA_SHA512, ALG_P256, ALG_P384 };

const struct sig_alg *
sig_alg_for(const EVP_PKEY *key, enum ca_role role)
{
	char group[32];
	size_t len;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		bool strong = role == CA_ROLE_ROOT ||
			      EVP_PKEY_get_bits(key) >= RSA_STRONG_BITS;
		return &sig_algs[strong ? ALG_RSA_SHA384 : ALG_RSA_SHA256];
	}
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1)
		return NULL;
	/* The hash follows from the curve. */
	if (strcmp(group, "prime256v1") == 0)
		return &sig_algs[ALG_P256];
	return strcmp(group, "secp384r1") == 0 ? &sig_algs[ALG_P384] : NULL;
}

bool
sig_alg_is_known(struct span der)
{
	for (size_t i = 0; i < COUNT(sig_algs); i++)
		if (span_eq(sig_algs[i].der, der))
			return true;
	return false;
}

bool
sig_alg_suits(const EVP_PKEY *signer, struct span der)
{
	const struct sig_alg *follows = sig_alg_for(signer, CA_ROLE_ISSUING);

	if (EVP_PKEY_get_base_id(signer) != EVP_PKEY_RSA)
		return follows != NULL && span_eq(follows->der, der);
	return span_eq(sig_algs[ALG_RSA_SHA256].der, der) ||
	       span_eq(sig_algs[ALG_RSA_SHA384].der, der) ||
	       span_eq(sig_algs[ALG_RSA_SHA512].der, der);
}

/* --- what is to be signed ------------------------------------------------ */

/* emailProtection, and beside it clientAuth at most (PK-103). */
static bool
is_for_mail(const struct certview *v)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_EXT_KEY_USAGE);
	struct der list;
	struct der usage;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0 ||
	    der_take(&list.body, DER_OID, &usage) < 0 ||
	    !span_eq(usage.body, OID_EMAIL_PROTECTION))
		return false;
	return list.body.n == 0 || (der_only(list.body, DER_OID, &usage) == 0 &&
				       span_eq(usage.body, OID_CLIENT_AUTH));
}

/* Does its extKeyUsage say this and nothing more? */
static bool
is_only_for(const struct certview *v, struct span purpose)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_EXT_KEY_USAGE);
	struct der list;
	struct der usage;

	return e != NULL && der_only(e->value, DER_SEQUENCE, &list) == 0 &&
	       der_only(list.body, DER_OID, &usage) == 0 &&
	       span_eq(usage.body, purpose);
}

/* SBR 6.3.2, PK-118: who has taken over the process that asks gets none that
 * outlives what it could have had anyway. */
static const char *
validity_problem(
    const struct certview *v, int64_t now, int64_t days, int64_t behind)
{
	if (v->not_after < v->not_before ||
	    v->not_after - v->not_before >= days * DAY_SECS)
		return "its validity is longer than such a certificate's";
	return v->not_before < now - behind * DAY_SECS ||
		       v->not_before > now + AHEAD_DAYS * DAY_SECS
		   ? "its validity does not begin now"
		   : NULL;
}

static const char *
subscriber_problem(const struct certview *v, int64_t now)
{
	struct span names;

	if (certview_extension(v, OID_BASIC_CONSTRAINTS) != NULL)
		return "it has basicConstraints";
	if (!is_for_mail(v))
		return "its extKeyUsage is not emailProtection";
	if (certview_names(v, &names) != 1)
		return "it has no subjectAltName";
	return validity_problem(v, now, SUBSCRIBER_DAYS_MAX, BEHIND_DAYS);
}

static const char *
responder_problem(const struct certview *v, int64_t now)
{
	if (certview_extension(v, OID_BASIC_CONSTRAINTS) != NULL)
		return "it has basicConstraints";
	if (!is_only_for(v, OID_OCSP_SIGNING))
		return "its extKeyUsage is not OCSPSigning";
	if (certview_extension(v, OID_OCSP_NO_CHECK) == NULL)
		return "it has no OCSP no-check";
	return validity_problem(v, now, RESPONDER_DAYS, RESPONDER_BEHIND_DAYS);
}

static const char *
ca_problem(const struct certview *v)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_BASIC_CONSTRAINTS);
	struct der list;
	struct der is_ca;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0 ||
	    der_take(&list.body, DER_BOOLEAN, &is_ca) < 0)
		return "its basicConstraints do not make it a CA";
	if (is_only_for(v, OID_OCSP_SIGNING))
		return "its extKeyUsage is OCSPSigning";
	return NULL;
}

static const char *
certificate_problem(
    const struct signer *s, enum signed_type type, struct span tbs, int64_t now)
{
	struct certview v;
	struct span id;

	if (certview_parse_tbs(tbs, &v) < 0 || !v.is_v3)
		return "it is not a TBSCertificate";
	if (!span_eq(v.inner_algorithm, s->alg->der) ||
	    !span_eq(v.issuer, s->name))
		return "it names another CA or algorithm";
	/* A root's own certificate names no signer (PK-125). */
	if ((type != SIGNED_CA || !span_eq(v.subject, s->name)) &&
	    (certview_authority_key_id(&v, &id) != 1 ||
		!span_eq(id, s->key_id)))
		return "its authorityKeyIdentifier is not this CA's";
	if (type == SIGNED_CA)
		return ca_problem(&v);
	return type == SIGNED_RESPONDER ? responder_problem(&v, now)
					: subscriber_problem(&v, now);
}

static const char *
list_problem(const struct signer *s, struct span tbs)
{
	struct der outer;
	struct der d;
	struct der algorithm;
	struct der name;

	if (!der_is_strict(tbs) || der_only(tbs, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_INTEGER, &d) < 0 ||
	    !span_eq(d.body, SPAN("\x01")) ||
	    der_take(&outer.body, DER_SEQUENCE, &algorithm) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &name) < 0)
		return "it is not a TBSCertList";
	if (!span_eq(algorithm.whole, s->alg->der) ||
	    !span_eq(name.whole, s->name))
		return "it names another CA or algorithm";
	return NULL;
}

static const char *
answer_problem(const struct signer *s, struct span tbs)
{
	struct der outer;
	struct der by_key;
	struct der hash;
	struct der d;

	if (!der_is_strict(tbs) || der_only(tbs, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_CONTEXT(2), &by_key) < 0 ||
	    der_only(by_key.body, DER_OCTET_STRING, &hash) < 0 ||
	    der_take(&outer.body, DER_GENERALIZED_TIME, &d) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &d) < 0)
		return "it is not a ResponseData by key";
	return s->key_hash.n > 0 && span_eq(hash.body, s->key_hash)
		   ? NULL
		   : "it names another responder";
}

/* Its own, so that nobody else gets a proof of possession from it. */
static const char *
request_problem(const struct signer *s, struct span tbs)
{
	unsigned char *spki = NULL;
	int n = i2d_PUBKEY(s->public_key, &spki);
	struct der outer, d, name, key, attributes;
	const char *problem = "it names another CA or key";

	if (!der_is_strict(tbs) || der_only(tbs, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_INTEGER, &d) < 0 ||
	    !span_eq(d.body, span_mem("", 1)) ||
	    der_take(&outer.body, DER_SEQUENCE, &name) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &key) < 0 ||
	    der_only(outer.body, DER_CONTEXT(0), &attributes) < 0 ||
	    attributes.body.n > 0)
		problem = "it is not a CertificationRequestInfo without "
			  "attributes";
	else if (n > 0 && span_eq(name.whole, s->name) &&
		 span_eq(key.whole, span_mem(spki, (size_t)n)))
		problem = NULL;
	OPENSSL_free(spki);
	return problem;
}

static bool
may_sign(enum ca_role role, enum signed_type type)
{
	switch (role) {
	case CA_ROLE_ISSUING:
		return type == SIGNED_SUBSCRIBER || type == SIGNED_RESPONDER ||
		       type == SIGNED_CRL || type == SIGNED_REQUEST;
	case CA_ROLE_ROOT:
		return type == SIGNED_CA || type == SIGNED_RESPONDER ||
		       type == SIGNED_CRL || type == SIGNED_REQUEST;
	case CA_ROLE_RESPONDER:
		return type == SIGNED_OCSP || type == SIGNED_REQUEST;
	}
	return false;
}

static const char *
problem_of(
    const struct signer *s, enum signed_type type, struct span tbs, int64_t now)
{
	if (!may_sign(s->role, type))
		return "this signer does not sign such things";
	switch (type) {
	case SIGNED_SUBSCRIBER:
	case SIGNED_CA:
	case SIGNED_RESPONDER:
		return certificate_problem(s, type, tbs, now);
	case SIGNED_CRL:
		return list_problem(s, tbs);
	case SIGNED_OCSP:
		return answer_problem(s, tbs);
	case SIGNED_REQUEST:
		return request_problem(s, tbs);
	}
	return "its type is not known";
}

/* --- signing ------------------------------------------------------------- */

/* BasicOCSPResponse's certs: [0] EXPLICIT SEQUENCE OF Certificate. */
static void
add_certificate(struct buf *b, struct span certificate)
{
	size_t explicit = der_open(b, DER_CONTEXT(0));
	size_t list = der_open(b, DER_SEQUENCE);

	buf_add(b, certificate);
	der_close(b, list);
	der_close(b, explicit);
}

/* What another process gives is looked at here (PK-138). */
static int
sign_elsewhere(struct job *j, const struct signer *s, enum signed_type type,
    struct span tbs, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	if (s->key->sign_as(j, s->key->context, type, tbs, out, out_len) < 0)
		return -1;
	return signer_verify(s, tbs, span_mem(out, *out_len))
		   ? 0
		   : job_fail(j, ERR_INTERNAL,
			 "what the signer gave is no signature of this key");
}

int
signer_signature(struct job *j, const struct signer *s, enum signed_type type,
    struct span tbs, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	const char *problem;

	if (s->key == NULL)
		return job_fail(j, ERR_INTERNAL, "the CA's key is not loaded");
	problem = problem_of(s, type, tbs, j->now);
	if (problem != NULL)
		return job_fail(
		    j, ERR_INTERNAL, "refused to sign: %s", problem);
	return s->key->sign_as != NULL
		   ? sign_elsewhere(j, s, type, tbs, out, out_len)
		   : signing_key_use(j, s->key, s->alg, tbs, out, out_len);
}

int
signer_sign(struct job *j, const struct signer *s, enum signed_type type,
    struct span tbs, struct span *der)
{
	unsigned char signature[SIGNATURE_MAX];
	size_t len = 0;
	struct buf b;

	if (signer_signature(j, s, type, tbs, signature, &len) < 0)
		return -1;
	buf_init(&b, j->arena, tbs.n + s->certificate.n + 2 * SIGNATURE_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, tbs);
	buf_add(&b, s->alg->der);
	der_add_bit_string(&b, span_mem(signature, len));
	if (type == SIGNED_OCSP && s->certificate.n > 0)
		add_certificate(&b, s->certificate);
	der_close(&b, mark);
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "the signed data is too large");
	*der = buf_span(&b);
	return 0;
}

bool
signature_is_good(EVP_PKEY *public_key, const struct sig_alg *alg,
    struct span message, struct span signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL &&
		    EVP_DigestVerifyInit_ex(ctx, NULL, alg->digest, NULL, NULL,
			public_key, NULL) == 1 &&
		    EVP_DigestVerify(ctx, ossl_bytes(signature), signature.n,
			ossl_bytes(message), message.n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

bool
signer_verify(const struct signer *s, struct span tbs, struct span signature)
{
	return signature_is_good(s->public_key, s->alg, tbs, signature);
}
