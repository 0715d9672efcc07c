#include "config.h"

#include "src/jose.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/ossl.h"

#define COORDINATE_LEN 32
#define SIGNATURE_MAX 80
#define JWS_MAX (128 * 1024)

int
jose_jwk(struct job *j, const EVP_PKEY *key, const char **out)
{
	unsigned char point[1 + 2 * COORDINATE_LEN];
	char x[B64URL_LEN(COORDINATE_LEN) + 1];
	char y[B64URL_LEN(COORDINATE_LEN) + 1];
	size_t n = 0;

	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_octet_string_param(
		key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n) != 1 ||
	    n != sizeof(point) || point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return ossl_fail(j, "the account key is not a P-256 key");
	b64url_format(x, span_mem(point + 1, COORDINATE_LEN));
	b64url_format(y, span_mem(point + 1 + COORDINATE_LEN, COORDINATE_LEN));
	*out = arena_printf(j->arena,
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x,
	    y);
	return 0;
}

int
jose_thumbprint(struct job *j, const EVP_PKEY *key, const char **out)
{
	uint8_t sum[SHA256_LEN];
	const char *jwk = "";

	if (jose_jwk(j, key, &jwk) < 0)
		return -1;
	sha256(span_str(jwk), sum);
	*out = b64url_dup(j->arena, span_mem(sum, sizeof(sum)));
	return 0;
}

/* RFC 7518 3.4: r and s, each as long as the order, instead of DER. */
static int
fixed_length(
    const unsigned char *der, size_t n, unsigned char out[2 * COORDINATE_LEN])
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
	int result = -1;

	if (s != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(s), out, COORDINATE_LEN) ==
		COORDINATE_LEN &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(s), out + COORDINATE_LEN,
		COORDINATE_LEN) == COORDINATE_LEN)
		result = 0;
	ECDSA_SIG_free(s);
	return result;
}

static int
sign(struct job *j, EVP_PKEY *key, struct span input,
    unsigned char out[2 * COORDINATE_LEN])
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	unsigned char der[SIGNATURE_MAX];
	size_t n = sizeof(der);

	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, der, &n, ossl_bytes(input), input.n) != 1 ||
	    fixed_length(der, n, out) < 0)
		return ossl_fail(j, "cannot sign with the account key");
	return 0;
}

/* protected.payload, and where the payload begins. */
static int
signing_input(struct job *j, struct span header, struct span payload,
    struct span *out, size_t *second)
{
	struct buf b;

	buf_init(&b, j->arena, JWS_MAX);
	b64url_add(&b, header);
	buf_add_char(&b, '.');
	*second = b.n;
	b64url_add(&b, payload);
	*out = buf_span(&b);
	return buf_ok(&b)
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "the request is too long");
}

/* The flattened serialization. */
static struct span
flatten(struct job *j, struct span input, size_t second, struct span signature)
{
	struct json_out o;
	struct buf body, text;

	buf_init(&text, j->arena, B64URL_LEN(signature.n));
	b64url_add(&text, signature);
	buf_init(&body, j->arena, JWS_MAX + 256);
	json_out_init(&o, &body);
	json_object_begin(&o);
	json_member_string(&o, "protected", span_cut(input, 0, second - 1));
	json_member_string(&o, "payload", span_from(input, second));
	json_member_string(&o, "signature", buf_span(&text));
	json_object_end(&o);
	return buf_span(&body);
}

int
jose_sign(struct job *j, EVP_PKEY *key, struct span header, struct span payload,
    struct span *out)
{
	unsigned char signature[2 * COORDINATE_LEN];
	struct span input;
	size_t second;

	if (signing_input(j, header, payload, &input, &second) < 0 ||
	    sign(j, key, input, signature) < 0)
		return -1;
	*out =
	    flatten(j, input, second, span_mem(signature, sizeof(signature)));
	return 0;
}

int
jose_bind(struct job *j, const char *kid, struct span mac_key, const char *url,
    const char *jwk, struct span *out)
{
	uint8_t mac[SHA256_LEN];
	struct json_out o;
	struct span input;
	struct buf header;
	size_t second;

	buf_init(&header, j->arena, JWS_MAX);
	json_out_init(&o, &header);
	json_object_begin(&o);
	json_member_str(&o, "alg", "HS256");
	json_member_str(&o, "kid", kid);
	json_member_str(&o, "url", url);
	json_object_end(&o);
	if (signing_input(
		j, buf_span(&header), span_str(jwk), &input, &second) < 0)
		return -1;
	hmac_sha256(mac_key, input, mac);
	*out = flatten(j, input, second, span_mem(mac, sizeof(mac)));
	return 0;
}
