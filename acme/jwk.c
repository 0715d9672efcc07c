#include "config.h"

#include "acme/jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "acme/problem.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"

struct jwk {
	enum key_type type;
	EVP_PKEY *pkey;
	char *canonical;
	char thumbprint[THUMBPRINT_LEN + 1];
};

/* One spelling for each algorithm, and the key that goes with it (AC-38,
 * AC-39); in the order in which the problem document lists them. */
static const struct {
	const char *name;
	enum key_type type;
} algorithms[] = {
	{ "ES256", KEY_TYPE_P256 },
	{ "ES384", KEY_TYPE_P384 },
	{ "ES512", KEY_TYPE_P521 },
	{ "EdDSA", KEY_TYPE_ED25519 },
	{ "Ed25519", KEY_TYPE_ED25519 },
	{ "RS256", KEY_TYPE_RSA },
};

#define ALGORITHM_COUNT COUNT(algorithms)

static const struct {
	const char *crv;
	enum key_type type;
	size_t len; /* octets of a coordinate (AC-41) */
} curves[] = {
	{ "P-256", KEY_TYPE_P256, 32 },
	{ "P-384", KEY_TYPE_P384, 48 },
	{ "P-521", KEY_TYPE_P521, 66 },
};

#define COORDINATE_MAX 66
#define ED25519_LEN 32
/* Octets of a modulus that is worth looking at, and of an exponent. */
#define RSA_N_MAX 512
#define RSA_E_MAX 8

/* ES256 and ES384 cannot be switched off. */
static bool
is_on(const struct conf *conf, enum key_type type)
{
	switch (type) {
	case KEY_TYPE_P521:
		return conf == NULL || conf->accept_es512;
	case KEY_TYPE_ED25519:
		return conf == NULL || conf->accept_eddsa;
	case KEY_TYPE_RSA:
		return conf == NULL || conf->accept_rs256;
	case KEY_TYPE_P256:
	case KEY_TYPE_P384:
	case KEY_TYPE_ED448: /* no algorithm is for it */
		break;
	}
	return true;
}

const char *const *
jwk_algorithms(struct job *j, const struct conf *conf)
{
	const char **list =
	    arena_calloc(j->arena, ALGORITHM_COUNT + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		if (is_on(conf, algorithms[i].type))
			list[n++] = algorithms[i].name;
	return list;
}

bool
jwk_algorithm_is_on(const struct conf *conf, struct span alg)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		if (span_eq_str(alg, algorithms[i].name))
			return is_on(conf, algorithms[i].type);
	return false;
}

static bool
alg_fits(enum key_type type, struct span alg)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		if (algorithms[i].type == type &&
		    span_eq_str(alg, algorithms[i].name))
			return true;
	}
	return false;
}

static int
refuse(struct job *j, const char *why)
{
	return job_fail(j, ERR_BAD_PUBLIC_KEY, "%s", why);
}

/* A required string in strict base64url (AC-40). */
static int
get_octets(
    struct job *j, const struct json *jwk, const char *name, struct span *out)
{
	const struct json *v = json_get(jwk, name);

	if (json_type(v) != JSON_T_STRING) {
		job_fail(j, ERR_BAD_PUBLIC_KEY,
		    "JWK member %s is missing or not a string", name);
		return -1;
	}
	if (b64url_parse(j->arena, json_string(v), out) < 0) {
		job_fail(j, ERR_BAD_PUBLIC_KEY,
		    "JWK member %s is not valid base64url", name);
		return -1;
	}
	return 0;
}

static struct span
strip_zeros(struct span s)
{
	while (s.n > 0 && s.p[0] == '\0')
		s = span_from(s, 1);
	return s;
}

static EVP_PKEY *
pkey_from(struct job *j, const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ossl_own_pkey(j->arena, pkey);
}

/* crv, x and y: 0x04, x, y is the point that OpenSSL reads and checks. */
static int
ec_read(struct job *j, const struct json *jwk, struct jwk *k)
{
	struct span crv = json_string(json_get(jwk, "crv"));
	unsigned char point[1 + 2 * COORDINATE_MAX] = { 0x04 };
	struct span x = { NULL, 0 }, y = { NULL, 0 };
	char group[8];
	size_t i = 0;

	while (i < COUNT(curves) && !span_eq_str(crv, curves[i].crv))
		i++;
	if (i == COUNT(curves))
		return refuse(j, "crv must be P-256, P-384 or P-521");
	if (get_octets(j, jwk, "x", &x) < 0 || get_octets(j, jwk, "y", &y) < 0)
		return -1;
	if (x.n != curves[i].len || y.n != curves[i].len)
		return refuse(j, "EC coordinate has the wrong length");
	memcpy(point + 1, x.p, x.n);
	memcpy(point + 1 + x.n, y.p, y.n);
	memcpy(group, curves[i].crv, strlen(curves[i].crv) + 1);

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_PKEY_PARAM_PUB_KEY, point, 1 + x.n + y.n),
		OSSL_PARAM_construct_end(),
	};
	k->type = curves[i].type;
	k->pkey = pkey_from(j, "EC", params);
	if (k->pkey == NULL)
		return refuse(j, "EC point is not valid");
	k->canonical = arena_printf(j->arena,
	    "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", group,
	    b64url_dup(j->arena, x), b64url_dup(j->arena, y));
	return 0;
}

static EVP_PKEY *
rsa_pkey(struct job *j, struct span n, struct span e)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *bn_n = BN_bin2bn(ossl_bytes(n), (int)n.n, NULL);
	BIGNUM *bn_e = BN_bin2bn(ossl_bytes(e), (int)e.n, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (build != NULL && bn_n != NULL && bn_e != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params != NULL)
		pkey = pkey_from(j, "RSA", params);
	OSSL_PARAM_free(params);
	BN_free(bn_e);
	BN_free(bn_n);
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

static int
rsa_read(struct job *j, const struct json *jwk, struct jwk *k)
{
	struct span n = { NULL, 0 }, e = { NULL, 0 };

	if (get_octets(j, jwk, "n", &n) < 0 || get_octets(j, jwk, "e", &e) < 0)
		return -1;
	/* L-3: Java's BigInteger puts a zero octet in front. */
	n = strip_zeros(n);
	e = strip_zeros(e);
	if (n.n == 0 || n.n > RSA_N_MAX)
		return refuse(j, "RSA key refused: the modulus must have 2048 "
				 "to 4096 bits");
	if (e.n == 0 || e.n > RSA_E_MAX)
		return refuse(j, "RSA key refused: the exponent must be odd, "
				 "at least 65537 and below 2^64");
	k->type = KEY_TYPE_RSA;
	k->pkey = rsa_pkey(j, n, e);
	if (k->pkey == NULL)
		return refuse(j, "RSA key refused: not a public key");
	k->canonical = arena_printf(j->arena,
	    "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
	    b64url_dup(j->arena, e), b64url_dup(j->arena, n));
	return 0;
}

static int
okp_read(struct job *j, const struct json *jwk, struct jwk *k)
{
	struct span x = { NULL, 0 };
	struct span crv = json_string(json_get(jwk, "crv"));

	/* Certificates may have such keys; RFC 8555 section 7.6 lets the
	 * account revoke them. */
	if (span_eq_str(crv, "Ed448"))
		return refuse(j,
		    "crv must be Ed25519: Ed448 keys sign no requests here; "
		    "the account that ordered a certificate can revoke it");
	if (!span_eq_str(crv, "Ed25519"))
		return refuse(j, "crv must be Ed25519");
	if (get_octets(j, jwk, "x", &x) < 0)
		return -1;
	if (x.n != ED25519_LEN)
		return refuse(j, "x must have 32 octets");
	k->type = KEY_TYPE_ED25519;
	k->pkey = ossl_own_pkey(
	    j->arena, EVP_PKEY_new_raw_public_key(
			  EVP_PKEY_ED25519, NULL, ossl_bytes(x), x.n));
	if (k->pkey == NULL) {
		ERR_clear_error();
		return refuse(j, "not an Ed25519 public key");
	}
	k->canonical = arena_printf(j->arena,
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}",
	    b64url_dup(j->arena, x));
	return 0;
}

static int
key_read(struct job *j, const struct json *jwk, struct jwk *k)
{
	struct span kty = json_string(json_get(jwk, "kty"));

	if (span_eq_str(kty, "EC"))
		return ec_read(j, jwk, k);
	if (span_eq_str(kty, "RSA"))
		return rsa_read(j, jwk, k);
	if (span_eq_str(kty, "OKP"))
		return okp_read(j, jwk, k);
	return refuse(j, "kty must be EC, RSA or OKP");
}

static void
name_key(struct jwk *k)
{
	uint8_t sum[SHA256_LEN];

	sha256(span_str(k->canonical), sum);
	b64url_format(k->thumbprint, span_mem(sum, sizeof(sum)));
}

static bool
has_private_member(const struct json *jwk)
{
	static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi",
		"oth", "k" };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (json_get(jwk, names[i]) != NULL)
			return true;
	}
	return false;
}

static bool
contains_verify(const struct json *array)
{
	if (json_type(array) != JSON_T_ARRAY)
		return false;
	for (size_t i = 0; i < json_count(array); i++) {
		if (span_eq_str(json_string(json_at(array, i)), "verify"))
			return true;
	}
	return false;
}

/* AC-40: what the JWK says about its use must allow ours. */
static int
check_members(struct job *j, const struct json *jwk, struct span alg)
{
	const struct json *own_alg = json_get(jwk, "alg");
	const struct json *use = json_get(jwk, "use");
	const struct json *ops = json_get(jwk, "key_ops");

	if (has_private_member(jwk))
		return refuse(j, "the JWK contains private key material");
	if (own_alg != NULL && (json_type(own_alg) != JSON_T_STRING ||
				   !span_eq(json_string(own_alg), alg)))
		return refuse(j, "alg of the JWK differs from the header's");
	if (use != NULL && !span_eq_str(json_string(use), "sig"))
		return refuse(j, "use of the JWK must be sig");
	if (ops != NULL && !contains_verify(ops))
		return refuse(j, "key_ops of the JWK must contain verify");
	return 0;
}

/* AC-41 to AC-43 */
static int
check_quality(struct job *j, const struct jwk *k)
{
	enum key_type type;
	const char *why = keycheck_key(k->pkey, KEYCHECK_ACCOUNT, &type);

	if (why == NULL && type == k->type)
		return 0;
	if (why == NULL)
		why = "not a key of the type that kty says";
	if (k->type == KEY_TYPE_RSA)
		return job_fail(
		    j, ERR_BAD_PUBLIC_KEY, "RSA key refused: %s", why);
	return refuse(j, why);
}

static int
parse(struct job *j, const struct json *object, struct span alg, struct jwk *k)
{

	if (check_members(j, object, alg) < 0 || key_read(j, object, k) < 0)
		return -1;
	if (!alg_fits(k->type, alg))
		return job_fail(j, ERR_BAD_PUBLIC_KEY,
		    "key does not fit algorithm %s", problem_quote(j, alg));
	name_key(k);
	return 0;
}

int
jwk_parse(struct job *j, const struct json *object, struct span alg,
    const struct jwk **out)
{
	struct jwk *k = arena_alloc(j->arena, sizeof(*k));

	*out = k;
	return parse(j, object, alg, k) < 0 ? -1 : check_quality(j, k);
}

int
jwk_parse_unvetted(struct job *j, const struct json *object, struct span alg,
    const struct jwk **out)
{
	struct jwk *k = arena_alloc(j->arena, sizeof(*k));

	*out = k;
	return parse(j, object, alg, k);
}

int
jwk_read(struct job *j, const struct json *object, const struct jwk **out)
{
	struct jwk *k = arena_alloc(j->arena, sizeof(*k));

	if (has_private_member(object))
		return refuse(j, "the JWK contains private key material");
	if (key_read(j, object, k) < 0)
		return -1;
	name_key(k);
	*out = k;
	return 0;
}

int
jwk_load(struct job *j, struct span canonical, const struct jwk **out)
{
	struct jwk *k = arena_alloc(j->arena, sizeof(*k));
	const struct json *object;

	if (json_parse_object(j, canonical, "stored key", &object) < 0 ||
	    key_read(j, object, k) < 0) {
		job_recover(j);
		return job_fail(
		    j, ERR_INTERNAL, "a stored account key cannot be read");
	}
	name_key(k);
	*out = k;
	return 0;
}

const char *
jwk_canonical(const struct jwk *k)
{
	return k->canonical;
}

const char *
jwk_thumbprint(const struct jwk *k)
{
	return k->thumbprint;
}

enum key_type
jwk_type(const struct jwk *k)
{
	return k->type;
}

bool
jwk_fits(const struct jwk *k, struct span alg)
{
	return alg_fits(k->type, alg);
}

EVP_PKEY *
jwk_pkey(const struct jwk *k)
{
	return k->pkey;
}

bool
jwk_is_of_certificate(struct job *j, const struct jwk *k, struct span der)
{
	X509 *certificate = ossl_x509(j->arena, der);
	bool same = certificate != NULL &&
		    EVP_PKEY_eq(X509_get0_pubkey(certificate), k->pkey) == 1;

	ERR_clear_error();
	return same;
}

int
jwk_spki_sha256(
    struct job *j, const struct jwk *k, uint8_t out[32], uint8_t bare[32])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(k->pkey, &der);

	if (n <= 0)
		return ossl_fail(j, "account key");
	sha256(span_mem(der, (size_t)n), out);
	n = spki_bare_sha256(span_mem(der, (size_t)n), bare);
	OPENSSL_free(der);
	if (n < 0)
		return job_fail(
		    j, ERR_INTERNAL, "account key: of no type that is ours");
	return 0;
}

struct jwk *
jwk_dup(const struct jwk *k)
{
	struct jwk *copy = xmalloc(sizeof(*copy));

	*copy = *k;
	copy->canonical = xstrdup(k->canonical);
	EVP_PKEY_up_ref(copy->pkey);
	return copy;
}

void
jwk_free(struct jwk *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k->canonical);
	free(k);
}

const struct jwk *
jwk_share(struct job *j, const struct jwk *k)
{
	struct jwk *copy = arena_memdup(j->arena, k, sizeof(*k));

	copy->canonical = arena_strdup(j->arena, k->canonical);
	EVP_PKEY_up_ref(copy->pkey);
	ossl_own_pkey(j->arena, copy->pkey);
	return copy;
}
