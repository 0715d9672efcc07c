#include "config.h"

#include "mail/smime_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "lib/b64.h"
#include "lib/job.h"
#include "mail/dkim_key.h"
#include "mail/finding.h"

#define RSA_BITS_MIN 2048
/* A verification is to stay cheap: the modulus and the exponent come from
 * strangers. */
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_BITS_MAX 64
#define ED25519_LEN 32

static const char *
rsa_check(EVP_PKEY *key, unsigned bits)
{
	BIGNUM *e = NULL;
	bool good;

	if (bits < RSA_BITS_MIN)
		return "an RSA key of less than 2048 bits";
	if (bits > RSA_BITS_MAX)
		return "an RSA key of more than 8192 bits";
	good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	       BN_is_odd(e) && !BN_is_one(e) &&
	       BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;
	BN_free(e);
	return good ? NULL : "an RSA key with an exponent that is not in use";
}

static const char *
ec_check(EVP_PKEY *key)
{
	char name[32];
	size_t n = 0;
	int nid = NID_undef;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &n) == 1)
		nid = OBJ_sn2nid(name);
	if (nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 ||
	    nid == NID_secp521r1)
		return NULL;
	return "an EC key that is not on P-256, P-384 or P-521";
}

/* A point of small order signs everything.  The reader of DKIM's keys knows
 * them (RFC 8463). */
static const char *
ed25519_check(struct job *j, EVP_PKEY *key)
{
	uint8_t raw[ED25519_LEN];
	size_t n = sizeof(raw);
	struct dkim_key parsed;
	struct finding f;
	struct buf b;

	if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1 || n != sizeof(raw))
		return "an Ed25519 key that cannot be read";
	buf_init(&b, j->arena, 100);
	buf_add_str(&b, "k=ed25519; p=");
	b64_add(&b, span_mem(raw, n));
	if (dkim_key_parse(j, buf_span(&b), DKIM_KEY_ED25519, &parsed, &f) < 0)
		return "an Ed25519 key that is not safe";
	return NULL;
}

const char *
smime_key_check(struct job *j, EVP_PKEY *key, struct smime_key *out)
{
	int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;

	*out = (struct smime_key){ "none", 0, NID_undef };
	if (bits <= 0)
		return "a key that cannot be read";
	out->bits = (unsigned)bits;
	out->nid = EVP_PKEY_get_base_id(key);
	switch (out->nid) {
	case EVP_PKEY_RSA:
		out->type = "RSA";
		return rsa_check(key, out->bits);
	case EVP_PKEY_RSA_PSS:
		out->type = "RSA-PSS";
		return rsa_check(key, out->bits);
	case EVP_PKEY_EC:
		out->type = "EC";
		return ec_check(key);
	case EVP_PKEY_ED25519:
		out->type = "Ed25519";
		return ed25519_check(j, key);
	default:
		return "a key that is not RSA, EC or Ed25519";
	}
}
