#include "config.h"

#include "acme/jws.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "acme/jwk.h"
#include "acme/problem.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/ossl.h"

/* --- steps 7 and 8: syntax ----------------------------------------------- */

/* A required member of the JWS: its text (AC-31). */
static int
get_member(
    struct job *j, const struct json *body, const char *name, struct span *text)
{
	int found = json_get_string(j, body, name, text);

	if (found == 0)
		return job_fail(
		    j, ERR_MALFORMED, "JWS member %s is missing", name);
	return found < 0 ? -1 : 0;
}

static int
decode(struct job *j, struct span text, const char *name, struct span *out)
{
	if (b64url_parse(j->arena, text, out) < 0)
		return job_fail(
		    j, ERR_MALFORMED, "%s is not valid base64url", name);
	return 0;
}

/* The header may hold a private key by mistake: it is decoded into memory
 * that is wiped (AC-40). */
static int
decode_secret(
    struct job *j, struct span text, const char *name, struct span *out)
{
	size_t n = text.n / 4 * 3 + text.n % 4 * 3 / 4;
	char *p = arena_alloc_secret(j->arena, n + 1);

	if (b64url_parse_fixed(text, p, n) < 0)
		return job_fail(
		    j, ERR_MALFORMED, "%s is not valid base64url", name);
	*out = span_mem(p, n);
	return 0;
}

static int
parse_members(struct job *j, const struct json *object, struct jws *jws,
    struct span *header)
{
	struct span protected = { NULL, 0 }, payload = { NULL, 0 };
	struct span signature = { NULL, 0 };
	struct buf input;

	if (json_get(object, "header") != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "unprotected JWS headers are not allowed");
	if (json_get(object, "signatures") != NULL)
		return job_fail(
		    j, ERR_MALFORMED, "only one signature is allowed");
	if (get_member(j, object, "protected", &protected) < 0 ||
	    get_member(j, object, "payload", &payload) < 0 ||
	    get_member(j, object, "signature", &signature) < 0)
		return -1;
	if (decode_secret(j, protected, "protected", header) < 0 ||
	    decode(j, payload, "payload", &jws->payload) < 0 ||
	    decode(j, signature, "signature", &jws->signature) < 0)
		return -1;
	buf_init(&input, j->arena, protected.n + payload.n + 2);
	buf_add(&input, protected);
	buf_add_char(&input, '.');
	buf_add(&input, payload);
	jws->signing_input = buf_span(&input);
	return 0;
}

/* A required string of the protected header (AC-33). */
static int
get_parameter(struct job *j, const struct json *header, const char *name,
    struct span *out)
{
	int found = json_get_string(j, header, name, out);

	if (found == 0)
		return job_fail(
		    j, ERR_MALFORMED, "protected header lacks %s", name);
	return found < 0 ? -1 : 0;
}

static int
parse_key_parameters(struct job *j, const struct json *header, struct jws *jws)
{
	const struct json *jwk = json_get(header, "jwk");
	const struct json *kid = json_get(header, "kid");

	if (jwk != NULL && kid != NULL)
		return job_fail(
		    j, ERR_MALFORMED, "jwk and kid exclude each other");
	if (jwk != NULL) {
		if (json_type(jwk) != JSON_T_OBJECT)
			return job_fail(
			    j, ERR_MALFORMED, "jwk must be an object");
		jws->jwk = jwk;
		return 0;
	}
	if (kid == NULL)
		return job_fail(
		    j, ERR_MALFORMED, "protected header lacks jwk or kid");
	if (json_type(kid) != JSON_T_STRING)
		return job_fail(j, ERR_MALFORMED, "kid must be a string");
	jws->kid = json_string(kid);
	return 0;
}

static int
check_header(struct job *j, struct jws *jws)
{
	const struct json *header = jws->header;

	if (json_get(header, "crit") != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "critical header parameters are not supported");
	if (json_get(header, "b64") != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "the unencoded payload option is not allowed");
	if (get_parameter(j, header, "alg", &jws->alg) < 0 ||
	    get_parameter(j, header, "url", &jws->url) < 0)
		return -1;
	jws->nonce = json_get(header, "nonce");
	return parse_key_parameters(j, header, jws);
}

int
jws_parse_shape(struct job *j, const struct json *object, struct jws *out)
{
	struct span header = { NULL, 0 };

	*out = (struct jws){ .nonce = NULL };
	if (parse_members(j, object, out, &header) < 0)
		return -1;
	return json_parse_object(j, header, "protected header", &out->header);
}

int
jws_parse_inner(struct job *j, const struct json *object, struct jws *out)
{
	return jws_parse_shape(j, object, out) < 0 ? -1 : check_header(j, out);
}

int
jws_parse(struct job *j, struct span body, struct jws *out)
{
	const struct json *object;

	if (body.n == 0)
		return job_fail(
		    j, ERR_MALFORMED, "request body is not a flattened JWS");
	if (json_parse_object(j, body, "request body", &object) < 0)
		return -1;
	return jws_parse_inner(j, object, out);
}

int
jws_check_algorithm(
    struct job *j, const struct conf *conf, const struct jws *jws)
{
	if (jwk_algorithm_is_on(conf, jws->alg))
		return 0;
	return job_fail(j, ERR_BAD_SIGNATURE_ALGORITHM,
	    "algorithm %s is not supported", problem_quote(j, jws->alg));
}

/* --- step 14: the signature ---------------------------------------------- */

/* Orders of the three groups, big-endian; P-521's has 66 octets. */
static const unsigned char order_p256[] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00,
	0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
	0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
	0x25, 0x51 };
static const unsigned char order_p384[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37,
	0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec,
	0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73 };
static const unsigned char order_p521[] = { 0x01, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b,
	0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8,
	0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64,
	0x09 };

/* The order of Ed25519's base point, little-endian (RFC 8032 5.1). */
static const unsigned char order_ed25519[] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a,
	0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x10 };

#define ED25519_SIGNATURE_LEN 64

static bool
evp_verify(const struct jwk *key, const EVP_MD *md, struct span message,
    const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx != NULL &&
	     EVP_DigestVerifyInit(ctx, NULL, md, NULL, jwk_pkey(key)) == 1 &&
	     EVP_DigestVerify(
		 ctx, signature, n, ossl_bytes(message), message.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* 0 < half < order (both big-endian and of one length). */
static bool
is_in_range(struct span half, const unsigned char *order)
{
	unsigned char any = 0;

	for (size_t i = 0; i < half.n; i++)
		any |= (unsigned char)half.p[i];
	return any != 0 && memcmp(half.p, order, half.n) < 0;
}

/* r and s as halves of fixed length become the DER that OpenSSL reads. */
static bool
ec_verify(const struct jwk *key, const EVP_MD *md, const unsigned char *order,
    size_t len, struct span message, struct span signature)
{
	struct span r = span_cut(signature, 0, len);
	struct span s = span_from(signature, len);
	unsigned char *der = NULL;
	ECDSA_SIG *sig;
	BIGNUM *bn_r, *bn_s;
	bool ok = false;
	int n;

	if (signature.n != 2 * len || !is_in_range(r, order) ||
	    !is_in_range(s, order))
		return false;
	sig = ECDSA_SIG_new();
	bn_r = BN_bin2bn(ossl_bytes(r), (int)r.n, NULL);
	bn_s = BN_bin2bn(ossl_bytes(s), (int)s.n, NULL);
	if (sig == NULL || bn_r == NULL || bn_s == NULL ||
	    ECDSA_SIG_set0(sig, bn_r, bn_s) != 1) {
		BN_free(bn_r);
		BN_free(bn_s);
		ECDSA_SIG_free(sig);
		return false;
	}
	n = i2d_ECDSA_SIG(sig, &der);
	if (n > 0)
		ok = evp_verify(key, md, message, der, (size_t)n);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

/* S below the order (RFC 8032 5.1.7): else a signature has a second form. */
static bool
ed25519_verify(
    const struct jwk *key, struct span message, struct span signature)
{
	const unsigned char *s;
	size_t i = sizeof(order_ed25519);

	if (signature.n != ED25519_SIGNATURE_LEN)
		return false;
	s = ossl_bytes(signature) + ED25519_SIGNATURE_LEN / 2;
	while (i > 0 && s[i - 1] == order_ed25519[i - 1])
		i--;
	if (i == 0 || s[i - 1] > order_ed25519[i - 1])
		return false;
	return evp_verify(
	    key, NULL, message, ossl_bytes(signature), signature.n);
}

static bool
rsa_verify(const struct jwk *key, struct span message, struct span signature)
{
	int len = EVP_PKEY_get_size(jwk_pkey(key));

	if (len <= 0 || signature.n != (size_t)len)
		return false;
	return evp_verify(
	    key, EVP_sha256(), message, ossl_bytes(signature), signature.n);
}

bool
jws_signature_is_valid(
    const struct jwk *key, struct span message, struct span signature)
{
	switch (jwk_type(key)) {
	case KEY_TYPE_P256:
		return ec_verify(key, EVP_sha256(), order_p256,
		    sizeof(order_p256), message, signature);
	case KEY_TYPE_P384:
		return ec_verify(key, EVP_sha384(), order_p384,
		    sizeof(order_p384), message, signature);
	case KEY_TYPE_P521:
		return ec_verify(key, EVP_sha512(), order_p521,
		    sizeof(order_p521), message, signature);
	case KEY_TYPE_RSA:
		return rsa_verify(key, message, signature);
	case KEY_TYPE_ED25519:
		return ed25519_verify(key, message, signature);
	case KEY_TYPE_ED448: /* jwk_parse() takes none */
		break;
	}
	return false;
}

int
jws_verify(struct job *j, const struct jws *jws, const struct jwk *key)
{
	if (jws_signature_is_valid(key, jws->signing_input, jws->signature))
		return 0;
	return job_fail(j, ERR_MALFORMED, "JWS signature does not verify");
}
