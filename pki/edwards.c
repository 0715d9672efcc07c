#include "config.h"

#include "pki/edwards.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#define OCTETS_MAX 57
#define SMALL_MAX 5

/* a x^2 + y^2 = 1 + d x^2 y^2, modulo p */
struct edwards {
	size_t octets;
	bool is_twisted; /* a is -1, else 1 */
	const char *p, *d;
	/* The y of all points whose order divides the cofactor. */
	const char *small[SMALL_MAX];
	const char *unreadable, *not_canonical, *small_order, *no_point;
};

#define TEXTS(name)                                                            \
	"the " name " key cannot be checked",                                  \
	    "the " name " key is not in canonical form",                       \
	    "the " name " key is a point of small order",                      \
	    "the " name " key is not a point"

static const struct edwards ed25519 = {
	32,
	true,
	"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
	"52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3",
	{
	    "01",
	    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec",
	    "00",
	    "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
	    "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
	},
	TEXTS("Ed25519"),
};

static const struct edwards ed448 = {
	57,
	false,
	"fffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	/* p - 39081 */
	"fffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
	"ffffffffffffffffffffffffffffffffffffffffffffffffffff6756",
	{
	    "01",
	    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
	    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe",
	    "00",
	},
	TEXTS("Ed448"),
};

static const struct edwards *
curve_of(enum key_type type)
{
	if (type == KEY_TYPE_ED25519)
		return &ed25519;
	return type == KEY_TYPE_ED448 ? &ed448 : NULL;
}

size_t
edwards_len(enum key_type type)
{
	const struct edwards *c = curve_of(type);

	return c == NULL ? 0 : c->octets;
}

/* Is there an x for this y?  x^2 = (y^2 - 1) / (d y^2 - a); a quotient is a
 * square where the product is. */
static bool
has_x(const struct edwards *c, const BIGNUM *y, const BIGNUM *p, BN_CTX *ctx)
{
	BIGNUM *d = BN_CTX_get(ctx);
	BIGNUM *u = BN_CTX_get(ctx);
	BIGNUM *v = BN_CTX_get(ctx);

	return v != NULL && BN_hex2bn(&d, c->d) != 0 &&
	       BN_mod_sqr(u, y, p, ctx) == 1 &&
	       BN_mod_mul(v, u, d, p, ctx) == 1 &&
	       (c->is_twisted ? BN_add_word(v, 1) : BN_sub_word(v, 1)) == 1 &&
	       BN_sub_word(u, 1) == 1 && BN_mod_mul(u, u, v, p, ctx) == 1 &&
	       BN_kronecker(u, p, ctx) == 1;
}

/* x = 0 belongs to y = 1 and y = -1, which are of small order. */
static const char *
judge(const struct edwards *c, const uint8_t raw[OCTETS_MAX], BN_CTX *ctx)
{
	BIGNUM *y = BN_CTX_get(ctx);
	BIGNUM *p = BN_CTX_get(ctx);
	BIGNUM *small = BN_CTX_get(ctx);
	uint8_t bytes[OCTETS_MAX];

	memcpy(bytes, raw, c->octets);
	bytes[c->octets - 1] &= 0x7f; /* the sign of x */
	if (small == NULL || BN_lebin2bn(bytes, (int)c->octets, y) == NULL ||
	    BN_hex2bn(&p, c->p) == 0)
		return c->unreadable;
	if (BN_cmp(y, p) >= 0)
		return c->not_canonical;
	for (size_t i = 0; i < SMALL_MAX && c->small[i] != NULL; i++) {
		if (BN_hex2bn(&small, c->small[i]) == 0 ||
		    BN_cmp(y, small) == 0)
			return c->small_order;
	}
	return has_x(c, y, p, ctx) ? NULL : c->no_point;
}

const char *
edwards_check(EVP_PKEY *key, enum key_type type)
{
	const struct edwards *c = curve_of(type);
	const char *reason;
	uint8_t raw[OCTETS_MAX];
	size_t n = sizeof raw;
	BN_CTX *ctx;

	if (c == NULL)
		return "the key cannot be checked";
	reason = c->unreadable;
	ctx = BN_CTX_new();
	if (ctx != NULL && EVP_PKEY_get_raw_public_key(key, raw, &n) == 1 &&
	    n == c->octets) {
		BN_CTX_start(ctx);
		reason = judge(c, raw, ctx);
		BN_CTX_end(ctx);
	}
	BN_CTX_free(ctx);
	return reason;
}
