#include "config.h"

#include "tests/unit/acme_signer.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define KEYS_MAX 16

static struct client_key keys[KEYS_MAX];
static size_t key_count;

static void
release(void)
{
	for (size_t i = 0; i < key_count; i++) {
		EVP_PKEY_free(keys[i].pkey);
		free((void *)(uintptr_t)keys[i].jwk);
	}
}

static size_t
octets(const json_t *jwk, const char *name, unsigned char out[600])
{
	const char *text = vectors_str(jwk, name);
	size_t n = strlen(text) / 4 * 3 + strlen(text) % 4 * 3 / 4;

	assert_true(n <= 600);
	assert_int_equal(b64url_parse_fixed(span_str(text), out, n), 0);
	return n;
}

static void
push(OSSL_PARAM_BLD *build, BIGNUM **bn, const char *name, const json_t *jwk,
    const char *member)
{
	unsigned char raw[600];
	size_t n = octets(jwk, member, raw);

	*bn = BN_bin2bn(raw, (int)n, NULL);
	assert_true(OSSL_PARAM_BLD_push_BN(build, name, *bn));
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *build, BIGNUM **bns, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = NULL;

	assert_true(EVP_PKEY_fromdata_init(ctx) > 0);
	assert_true(
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) > 0);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	for (size_t i = 0; i < n; i++)
		BN_free(bns[i]);
	return pkey;
}

static EVP_PKEY *
ec_key(const json_t *jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	const char *crv = vectors_str(jwk, "crv");
	unsigned char point[1 + 2 * 600] = { 4 };
	BIGNUM *d = NULL;
	size_t n;

	n = octets(jwk, "x", point + 1);
	n += octets(jwk, "y", point + 1 + n);
	OSSL_PARAM_BLD_push_utf8_string(
	    build, OSSL_PKEY_PARAM_GROUP_NAME, crv, 0);
	OSSL_PARAM_BLD_push_octet_string(
	    build, OSSL_PKEY_PARAM_PUB_KEY, point, n + 1);
	push(build, &d, OSSL_PKEY_PARAM_PRIV_KEY, jwk, "d");
	return from_params("EC", build, &d, 1);
}

static EVP_PKEY *
rsa_key(const json_t *jwk)
{
	static const char *const names[][2] = { { OSSL_PKEY_PARAM_RSA_N, "n" },
		{ OSSL_PKEY_PARAM_RSA_E, "e" }, { OSSL_PKEY_PARAM_RSA_D, "d" },
		{ OSSL_PKEY_PARAM_RSA_FACTOR1, "p" },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, "q" },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp" },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq" },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi" } };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *bns[8];

	for (size_t i = 0; i < 8; i++)
		push(build, &bns[i], names[i][0], jwk, names[i][1]);
	return from_params("RSA", build, bns, 8);
}

static EVP_PKEY *
okp_key(const json_t *jwk)
{
	unsigned char d[600];
	size_t n = octets(jwk, "d", d);

	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d, n);
}

const struct client_key *
client_key(const char *name)
{
	const json_t *v;
	const json_t *jwk;
	const char *kty;
	struct client_key *k;

	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	assert_true(key_count < KEYS_MAX);
	if (key_count == 0)
		atexit(release);
	v = vectors_named(vectors_at("keys"), name);
	jwk = vectors_get(v, "jwk_private");
	kty = vectors_str(jwk, "kty");
	k = &keys[key_count++];
	k->name = vectors_str(v, "name");
	k->alg = vectors_str(v, "alg");
	k->jwk = json_dumps(vectors_get(v, "jwk_public"), JSON_COMPACT);
	k->pkey = strcmp(kty, "EC") == 0    ? ec_key(jwk)
		  : strcmp(kty, "RSA") == 0 ? rsa_key(jwk)
					    : okp_key(jwk);
	assert_non_null(k->pkey);
	return k;
}

static const EVP_MD *
digest_of(const struct client_key *key)
{
	if (strcmp(key->alg, "ES384") == 0)
		return EVP_sha384();
	if (strcmp(key->alg, "ES512") == 0)
		return EVP_sha512();
	return strcmp(key->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
}

/* DER to r and s of fixed length. */
static size_t
jose_form(const struct client_key *key, unsigned char *sig, size_t n)
{
	size_t len = ((size_t)EVP_PKEY_get_bits(key->pkey) + 7) / 8;
	const unsigned char *der = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)n);

	assert_non_null(parsed);
	assert_true(BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, (int)len) > 0);
	assert_true(
	    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + len, (int)len) > 0);
	ECDSA_SIG_free(parsed);
	return 2 * len;
}

struct span
client_sign(struct job *j, const struct client_key *key, struct span message)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *sig = arena_alloc(j->arena, 600);
	size_t n = 600;

	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, digest_of(key), NULL, key->pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n,
			     (const unsigned char *)message.p, message.n),
	    1);
	EVP_MD_CTX_free(ctx);
	if (key->alg[0] == 'E' && key->alg[1] == 'S')
		n = jose_form(key, sig, n);
	return span_mem(sig, n);
}

struct span
client_jws(struct job *j, const struct client_key *key,
    const char *protected_json, const char *payload_json)
{
	struct buf input, body;
	size_t dot;

	buf_init(&input, j->arena, 1 << 20);
	b64url_add(&input, span_str(protected_json));
	dot = input.n;
	buf_add_char(&input, '.');
	b64url_add(&input, span_str(payload_json));
	buf_init(&body, j->arena, 1 << 20);
	buf_add_str(&body, "{\"protected\":\"");
	buf_add(&body, span_cut(buf_span(&input), 0, dot));
	buf_add_str(&body, "\",\"payload\":\"");
	buf_add(&body, span_from(buf_span(&input), dot + 1));
	buf_add_str(&body, "\",\"signature\":\"");
	b64url_add(&body, client_sign(j, key, buf_span(&input)));
	buf_add_str(&body, "\"}");
	assert_true(buf_ok(&body));
	return buf_span(&body);
}
