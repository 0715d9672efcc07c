#include "config.h"

#include "pki/keycheck.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "pki/der.h"
#include "pki/edwards.h"
#include "pki/ossl.h"
#include "pki/rsacheck.h"

/* More is refused anyway, later and with its reason. */
#define RSA_OCTETS_MAX 2049

/* pki.md 9.4: each key type has exactly one AlgorithmIdentifier. */
static const struct {
	const char *name;
	struct span algorithm;
	const char *group; /* OpenSSL's name of the curve */
	size_t coordinate; /* octets of x and of y */
} types[] = {
	[KEY_TYPE_RSA] = { "RSA",
	    { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00",
		15 },
	    NULL, 0 },
	[KEY_TYPE_P256] = { "P-256",
	    { "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48"
	      "\xce\x3d\x03\x01\x07",
		21 },
	    "prime256v1", 32 },
	[KEY_TYPE_P384] = { "P-384",
	    { "\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04"
	      "\x00\x22",
		18 },
	    "secp384r1", 48 },
	[KEY_TYPE_P521] = { "P-521",
	    { "\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04"
	      "\x00\x23",
		18 },
	    "secp521r1", 66 },
	[KEY_TYPE_ED25519] = { "Ed25519", { "\x30\x05\x06\x03\x2b\x65\x70", 7 },
	    NULL, 0 },
	[KEY_TYPE_ED448] = { "Ed448", { "\x30\x05\x06\x03\x2b\x65\x71", 7 },
	    NULL, 0 },
};
#define TYPE_COUNT COUNT(types)

const char *
key_type_name(enum key_type type)
{
	return types[type].name;
}

static const struct {
	const char *name, *word;
	enum key_type type;
	int bits; /* of RSA */
} kinds[KEY_KIND_COUNT] = {
	[KEY_KIND_RSA_2048] = { "RSA 2048", "rsa-2048", KEY_TYPE_RSA, 2048 },
	[KEY_KIND_RSA_3072] = { "RSA 3072", "rsa-3072", KEY_TYPE_RSA, 3072 },
	[KEY_KIND_RSA_4096] = { "RSA 4096", "rsa-4096", KEY_TYPE_RSA, 4096 },
	[KEY_KIND_P256] = { "P-256", "p-256", KEY_TYPE_P256, 0 },
	[KEY_KIND_P384] = { "P-384", "p-384", KEY_TYPE_P384, 0 },
	[KEY_KIND_P521] = { "P-521", "p-521", KEY_TYPE_P521, 0 },
	[KEY_KIND_ED25519] = { "Ed25519", "ed25519", KEY_TYPE_ED25519, 0 },
	[KEY_KIND_ED448] = { "Ed448", "ed448", KEY_TYPE_ED448, 0 },
};

const char *
key_kind_name(enum key_kind kind)
{
	return kinds[kind].name;
}

const char *
key_kind_word(enum key_kind kind)
{
	return kinds[kind].word;
}

enum key_type
key_kind_type(enum key_kind kind)
{
	return kinds[kind].type;
}

int
key_kind_of(const EVP_PKEY *key, enum key_type type, enum key_kind *out)
{
	for (int k = 0; k < KEY_KIND_COUNT; k++) {
		if (kinds[k].type != type ||
		    (kinds[k].bits != 0 &&
			kinds[k].bits != EVP_PKEY_get_bits(key)))
			continue;
		*out = (enum key_kind)k;
		return 0;
	}
	return -1;
}

bool
key_type_is_ec(enum key_type type)
{
	return types[type].group != NULL;
}

bool
key_type_only_signs(enum key_type type)
{
	return type == KEY_TYPE_ED25519 || type == KEY_TYPE_ED448;
}

struct span
key_type_algorithm(enum key_type type)
{
	return types[type].algorithm;
}

int
spki_split(struct span spki, enum key_type *type, struct span *key_bits)
{
	struct der outer;
	struct der algorithm;
	struct der bits;

	if (der_only(spki, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &algorithm) < 0 ||
	    der_only(outer.body, DER_BIT_STRING, &bits) < 0 ||
	    bits.body.n < 2 || bits.body.p[0] != 0)
		return -1;
	*key_bits = span_from(bits.body, 1);
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (span_eq(algorithm.whole, types[i].algorithm)) {
			*type = (enum key_type)i;
			return 0;
		}
	}
	return -1;
}

/* The modulus without the octet that keeps it positive, or the point. */
static struct span
bare_key(struct span spki)
{
	enum key_type type;
	struct span bits;
	struct der key;
	struct der n;

	if (spki_split(spki, &type, &bits) < 0)
		return (struct span){ 0 };
	if (type != KEY_TYPE_RSA)
		return bits;
	if (der_only(bits, DER_SEQUENCE, &key) < 0 ||
	    der_take(&key.body, DER_INTEGER, &n) < 0)
		return (struct span){ 0 };
	return n.body.n > 1 && n.body.p[0] == 0 ? span_from(n.body, 1) : n.body;
}

int
spki_bare_sha256(struct span spki, uint8_t out[32])
{
	struct span key = bare_key(spki);

	if (key.n == 0)
		return -1;
	sha256(key, out);
	return 0;
}

/* PK-75, AC-41: below p, on the curve, not the identity.  The curves have
 * cofactor one, so that this is full validation. */
static const char *
ec_check(EVP_PKEY *key, enum key_type *type)
{
	char group[32];
	size_t len;
	size_t i = 0;

	if (EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1)
		group[0] = '\0';
	while (i < TYPE_COUNT &&
	       (types[i].group == NULL || strcmp(types[i].group, group) != 0))
		i++;
	if (i == TYPE_COUNT)
		return "the curve must be P-256, P-384 or P-521";
	*type = (enum key_type)i;
	/* In another context the key would be copied first. */
	EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_pkey(ossl_key_context(key), key, NULL);
	bool good = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good ? NULL : "the EC point is not valid";
}

static const char *
rsa_check(EVP_PKEY *key, enum keycheck_use use)
{
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;
	const char *reason = "the RSA key cannot be read";

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
		reason = rsa_check_numbers(n, e, use);
	BN_free(n);
	BN_free(e);
	return reason;
}

static const char account_types[] = "the key must be RSA, EC or Ed25519";
static const char subject_types[] = "the key must be RSA, EC, Ed25519 or Ed448";

const char *
keycheck_key(EVP_PKEY *key, enum keycheck_use use, enum key_type *type)
{
	const char *reason;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		*type = KEY_TYPE_RSA;
		reason = rsa_check(key, use);
		break;
	case EVP_PKEY_EC:
		reason = ec_check(key, type);
		break;
	case EVP_PKEY_ED25519:
		*type = KEY_TYPE_ED25519;
		reason = edwards_check(key, *type);
		break;
	case EVP_PKEY_ED448:
		*type = KEY_TYPE_ED448;
		reason = use == KEYCHECK_ACCOUNT ? account_types
						 : edwards_check(key, *type);
		break;
	default:
		reason =
		    use == KEYCHECK_ACCOUNT ? account_types : subject_types;
		break;
	}
	ERR_clear_error();
	return reason;
}

/* RSAPublicKey: two positive INTEGERs and nothing else. */
static bool
rsa_bits_are_strict(struct span bits)
{
	struct der key;
	struct der n;
	struct der e;

	return der_is_strict(bits) && der_only(bits, DER_SEQUENCE, &key) == 0 &&
	       der_take(&key.body, DER_INTEGER, &n) == 0 &&
	       der_only(key.body, DER_INTEGER, &e) == 0 &&
	       !(n.body.p[0] & 0x80) && !(e.body.p[0] & 0x80);
}

static const char *
bits_check(enum key_type type, struct span bits)
{
	if (type == KEY_TYPE_RSA)
		return rsa_bits_are_strict(bits) ? NULL
						 : "the RSA key is not DER";
	if (key_type_only_signs(type) && bits.n == edwards_len(type))
		return NULL;
	if (key_type_only_signs(type))
		return type == KEY_TYPE_ED448
			   ? "the Ed448 key must have 57 octets"
			   : "the Ed25519 key must have 32 octets";
	/* Uncompressed only: one key has one spelling. */
	return bits.p[0] == 0x04 && bits.n == 1 + 2 * types[type].coordinate
		   ? NULL
		   : "the EC point must be uncompressed, of the curve's length";
}

static EVP_PKEY *
key_from_params(struct arena *a, const char *name, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ossl_own_pkey(a, key);
}

static EVP_PKEY *
rsa_key(struct arena *a, struct span bits)
{
	struct der whole;
	struct der n;
	struct der e;
	EVP_PKEY *key = NULL;

	if (der_only(bits, DER_SEQUENCE, &whole) < 0 ||
	    der_take(&whole.body, DER_INTEGER, &n) < 0 ||
	    der_only(whole.body, DER_INTEGER, &e) < 0 ||
	    n.body.n > RSA_OCTETS_MAX || e.body.n > RSA_OCTETS_MAX)
		return NULL;
	BIGNUM *modulus =
	    ossl_own_bn(a, BN_bin2bn(ossl_bytes(n.body), (int)n.body.n, NULL));
	BIGNUM *exponent =
	    ossl_own_bn(a, BN_bin2bn(ossl_bytes(e.body), (int)e.body.n, NULL));
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	if (build != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) ==
		1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (params != NULL)
		key = key_from_params(a, "RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *
ec_key(struct arena *a, enum key_type type, struct span bits)
{
	/* The parameters are not written to, but their type says so. */
	char *group = arena_strdup(a, types[type].group);
	void *point = arena_memdup(a, bits.p, bits.n);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_PKEY_PARAM_PUB_KEY, point, bits.n),
		OSSL_PARAM_construct_end(),
	};

	return key_from_params(a, "EC", params);
}

/* From the bits that bits_check() has seen: the library's own decoder takes
 * seven times as long. */
static EVP_PKEY *
key_from_bits(struct arena *a, enum key_type type, struct span bits)
{
	if (type == KEY_TYPE_RSA)
		return rsa_key(a, bits);
	if (key_type_only_signs(type))
		return ossl_own_pkey(
		    a, EVP_PKEY_new_raw_public_key(type == KEY_TYPE_ED448
						       ? EVP_PKEY_ED448
						       : EVP_PKEY_ED25519,
			   NULL, ossl_bytes(bits), bits.n));
	return ec_key(a, type, bits);
}

const char *
keycheck_spki(struct arena *a, struct span spki, enum keycheck_use use,
    enum key_type *type, EVP_PKEY **key)
{
	struct span bits;
	enum key_type read_type;

	if (spki_split(spki, type, &bits) < 0)
		return "the key must be RSA (rsaEncryption with NULL "
		       "parameters), EC on the named curves P-256, P-384 or "
		       "P-521, Ed25519 or Ed448";
	const char *reason = bits_check(*type, bits);
	if (reason != NULL)
		return reason;
	*key = key_from_bits(a, *type, bits);
	if (*key == NULL)
		return key_type_is_ec(*type) ? "the EC point is not valid"
					     : "the key cannot be read";
	reason = keycheck_key(*key, use, &read_type);
	if (reason == NULL && read_type != *type)
		return "the key is not of the type that it names";
	return reason;
}
