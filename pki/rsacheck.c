#include "config.h"

#include "pki/rsacheck.h"

#include "lib/count.h"

#include <openssl/bn.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_MIN 2048
#define BITS_MAX 4096
#define EXPONENT_BITS_MAX 256
#define WORD_BITS 64
/* The product of all below 2^32 is taken in one division. */
#define GROUP_MAX UINT32_MAX
/* A prime factor is above 751, which has 10 bits. */
#define POWER_MAX (BITS_MAX / 9)
#define ROCA_PRIME_MAX 167

static const uint16_t primes[] = {
	3,
	5,
	7,
	11,
	13,
	17,
	19,
	23,
	29,
	31,
	37,
	41,
	43,
	47,
	53,
	59,
	61,
	67,
	71,
	73,
	79,
	83,
	89,
	97,
	101,
	103,
	107,
	109,
	113,
	127,
	131,
	137,
	139,
	149,
	151,
	157,
	163,
	167,
	173,
	179,
	181,
	191,
	193,
	197,
	199,
	211,
	223,
	227,
	229,
	233,
	239,
	241,
	251,
	257,
	263,
	269,
	271,
	277,
	281,
	283,
	293,
	307,
	311,
	313,
	317,
	331,
	337,
	347,
	349,
	353,
	359,
	367,
	373,
	379,
	383,
	389,
	397,
	401,
	409,
	419,
	421,
	431,
	433,
	439,
	443,
	449,
	457,
	461,
	463,
	467,
	479,
	487,
	491,
	499,
	503,
	509,
	521,
	523,
	541,
	547,
	557,
	563,
	569,
	571,
	577,
	587,
	593,
	599,
	601,
	607,
	613,
	617,
	619,
	631,
	641,
	643,
	647,
	653,
	659,
	661,
	673,
	677,
	683,
	691,
	701,
	709,
	719,
	727,
	733,
	739,
	743,
	751,
};
#define PRIME_COUNT COUNT(primes)

static const char account_exponent[] =
    "the RSA exponent must be odd, at least 65537 and below 2^64";
static const char subject_exponent[] =
    "the RSA exponent must be odd, at least 65537 and below 2^256";
static const char cannot_check[] = "the RSA key cannot be checked";
/* Whoever sees such a key can compute the private one. */
static const char small_factor[] = "the RSA modulus has a small prime factor";
static const char roca[] = "the RSA key comes from a faulty generator (ROCA)";
static const char close_primes[] =
    "the RSA modulus can be factored: its primes are too close (Fermat)";
static const char perfect_power[] = "the RSA modulus is a perfect power";

/* PK-71: several primes at a time, as long as their product is a word. */
static bool
has_small_factor(const BIGNUM *n)
{
	for (size_t i = 0; i < PRIME_COUNT;) {
		uint64_t product = 1;
		size_t first = i;
		while (i < PRIME_COUNT && product * primes[i] <= GROUP_MAX)
			product *= primes[i++];
		BN_ULONG rest = BN_mod_word(n, (BN_ULONG)product);
		for (size_t k = first; k < i; k++)
			if (rest % primes[k] == 0)
				return true;
	}
	return false;
}

/*
 * PK-73: the primes of the faulty library are k * M + (65537^a mod M) with M
 * the product of the first primes, so the modulus is a power of 65537
 * modulo each of them.  A good one is that with a chance below 2^-27.
 */
static bool
is_roca(const BIGNUM *n)
{
	for (size_t i = 0; primes[i] <= ROCA_PRIME_MAX; i++) {
		unsigned p = primes[i];
		unsigned rest = (unsigned)BN_mod_word(n, p);
		unsigned power = 1;
		do
			power = power * (65537 % p) % p;
		while (power != 1 && power != rest);
		if (power != rest)
			return false;
	}
	return true;
}

/* r = floor(sqrt(n)), by Newton's method from above. */
static int
integer_sqrt(BIGNUM *r, const BIGNUM *n, BN_CTX *ctx)
{
	int result = -1;

	BN_CTX_start(ctx);
	BIGNUM *next = BN_CTX_get(ctx);
	if (next == NULL || BN_is_zero(n)) {
		BN_zero(r);
		result = next == NULL ? -1 : 0;
		goto out;
	}
	if (BN_set_word(r, 1) != 1 ||
	    BN_lshift(r, r, (BN_num_bits(n) + 1) / 2) != 1)
		goto out;
	for (;;) {
		if (BN_div(next, NULL, n, r, ctx) != 1 ||
		    BN_add(next, next, r) != 1 || BN_rshift1(next, next) != 1)
			goto out;
		if (BN_cmp(next, r) >= 0)
			break;
		if (BN_copy(r, next) == NULL)
			goto out;
	}
	result = 0;
out:
	BN_CTX_end(ctx);
	return result;
}

/* Could n be a square?  Most numbers are not, modulo 64 or a small prime. */
static bool
may_be_square(const BIGNUM *n)
{
	static const unsigned small[] = { 3, 5, 7, 11, 13, 17, 19, 23 };
	static const uint64_t squares_mod_64 = 0x0202021202030213;
	BN_ULONG low = 0;

	for (int i = 0; i < 6; i++)
		low |= (BN_ULONG)BN_is_bit_set(n, i) << i;
	if (!(squares_mod_64 >> low & 1))
		return false;
	BN_ULONG rest = BN_mod_word(n, 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23);
	for (size_t i = 0; i < COUNT(small); i++) {
		unsigned r = (unsigned)(rest % small[i]);
		unsigned x = 0;
		while (x <= small[i] / 2 && x * x % small[i] != r)
			x++;
		if (x > small[i] / 2)
			return false;
	}
	return true;
}

/* 1, 0, or -1 when the library fails. */
static int
is_square(const BIGNUM *n, BN_CTX *ctx)
{
	int result = -1;

	if (!may_be_square(n))
		return 0;
	BN_CTX_start(ctx);
	BIGNUM *root = BN_CTX_get(ctx);
	BIGNUM *square = BN_CTX_get(ctx);
	if (square != NULL && integer_sqrt(root, n, ctx) == 0 &&
	    BN_sqr(square, root, ctx) == 1)
		result = BN_cmp(square, n) == 0;
	BN_CTX_end(ctx);
	return result;
}

/*
 * PK-72, AC-42: with a from the ceiling of the square root upwards, is
 * a^2 - n a square?  Then n = (a + b)(a - b).  1, 0, or -1.
 */
static int
is_fermat_weak(const BIGNUM *n, BN_CTX *ctx)
{
	BIGNUM *a = BN_CTX_get(ctx);
	BIGNUM *b2 = BN_CTX_get(ctx);
	BIGNUM *step = BN_CTX_get(ctx);

	if (step == NULL || integer_sqrt(a, n, ctx) < 0 ||
	    BN_sqr(b2, a, ctx) != 1)
		return -1;
	if (BN_cmp(b2, n) < 0 &&
	    (BN_add_word(a, 1) != 1 || BN_sqr(b2, a, ctx) != 1))
		return -1;
	if (BN_sub(b2, b2, n) != 1 || BN_lshift1(step, a) != 1 ||
	    BN_add_word(step, 1) != 1)
		return -1;
	for (int i = 0; i < RSA_FERMAT_ROUNDS; i++) {
		int r = is_square(b2, ctx);
		if (r != 0)
			return r;
		/* (a + 1)^2 - n = a^2 - n + (2 a + 1) */
		if (BN_add(b2, b2, step) != 1 || BN_add_word(step, 2) != 1)
			return -1;
	}
	return 0;
}

static bool
is_prime_word(unsigned p)
{
	for (unsigned d = 2; d * d <= p; d++)
		if (p % d == 0)
			return false;
	return p > 1;
}

static uint64_t
power_mod(uint64_t base, unsigned exponent, unsigned modulus)
{
	uint64_t result = 1;

	for (; exponent != 0; exponent >>= 1) {
		if (exponent & 1)
			result = result * base % modulus;
		base = base * base % modulus;
	}
	return result;
}

/* Could n be a k-th power?  It is one modulo three primes q = 1 mod k. */
static bool
may_be_power(const BIGNUM *n, unsigned k)
{
	unsigned tried = 0;

	for (unsigned q = 2 * k + 1; tried < 3; q += 2 * k) {
		if (!is_prime_word(q))
			continue;
		if (power_mod(BN_mod_word(n, q), (q - 1) / k, q) > 1)
			return false;
		tried++;
	}
	return true;
}

/* The k-th root bit by bit: 1 when it is exact, 0, or -1. */
static int
is_power(const BIGNUM *n, unsigned k, BN_CTX *ctx)
{
	int result = -1;

	BN_CTX_start(ctx);
	BIGNUM *root = BN_CTX_get(ctx);
	BIGNUM *power = BN_CTX_get(ctx);
	BIGNUM *exponent = BN_CTX_get(ctx);
	if (exponent == NULL || BN_set_word(exponent, k) != 1)
		goto out;
	BN_zero(root);
	for (int bit = BN_num_bits(n) / (int)k; bit >= 0; bit--) {
		if (BN_set_bit(root, bit) != 1 ||
		    BN_exp(power, root, exponent, ctx) != 1)
			goto out;
		int c = BN_cmp(power, n);
		if (c == 0) {
			result = 1;
			goto out;
		}
		if (c > 0 && BN_clear_bit(root, bit) != 1)
			goto out;
	}
	result = 0;
out:
	BN_CTX_end(ctx);
	return result;
}

/* PK-71: squares are found by the first round of Fermat's method. */
static int
is_perfect_power(const BIGNUM *n, BN_CTX *ctx)
{
	for (size_t i = 0; primes[i] <= POWER_MAX; i++) {
		if (!may_be_power(n, primes[i]))
			continue;
		int r = is_power(n, primes[i], ctx);
		if (r != 0)
			return r;
	}
	return 0;
}

/* PK-70, AC-42 */
static const char *
check_exponent(const BIGNUM *n, const BIGNUM *e, enum keycheck_use use)
{
	int bits = BN_num_bits(e);

	if (use == KEYCHECK_SUBJECT)
		return BN_is_word(e, 65537) ? NULL
					    : "the RSA exponent must be 65537";
	/* 2^16 itself is even. */
	if (!BN_is_odd(e) || BN_is_negative(e) || bits < 17 ||
	    bits > EXPONENT_BITS_MAX)
		return use == KEYCHECK_ACCOUNT ? account_exponent
					       : subject_exponent;
	if (use == KEYCHECK_ACCOUNT)
		return bits > WORD_BITS ? account_exponent : NULL;
	/* No signature by it can be verified (OpenSSL, rsa_ossl.c). */
	return bits > WORD_BITS && BN_num_bits(n) > 3072
		   ? "with more than 3072 bits the RSA exponent must be below "
		     "2^64"
		   : NULL;
}

static const char *
check_size(const BIGNUM *n, const BIGNUM *e, enum keycheck_use use)
{
	int bits = BN_num_bits(n);
	const char *reason;

	if (use != KEYCHECK_ACCOUNT && bits != 2048 && bits != 3072 &&
	    bits != 4096)
		return "the RSA modulus must have 2048, 3072 or 4096 bits";
	if (bits < BITS_MIN || bits > BITS_MAX || bits % 8 != 0)
		return "the RSA modulus must have 2048 to 4096 bits, in steps "
		       "of 8";
	reason = check_exponent(n, e, use);
	if (reason != NULL)
		return reason;
	if (BN_is_negative(n) || !BN_is_odd(n))
		return "the RSA modulus is even";
	return NULL;
}

const char *
rsa_check_numbers(const BIGNUM *n, const BIGNUM *e, enum keycheck_use use)
{
	const char *reason = check_size(n, e, use);

	if (reason != NULL)
		return reason;
	if (has_small_factor(n))
		return small_factor;
	if (is_roca(n))
		return roca;

	BN_CTX *ctx = BN_CTX_new();
	if (ctx == NULL)
		return cannot_check;
	BN_CTX_start(ctx);
	int fermat = is_fermat_weak(n, ctx);
	int power = fermat == 0 ? is_perfect_power(n, ctx) : 0;
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	if (fermat < 0 || power < 0)
		return cannot_check;
	if (fermat > 0)
		return close_primes;
	return power > 0 ? perfect_power : NULL;
}

bool
rsa_reason_is_compromise(const char *reason)
{
	return reason == small_factor || reason == roca ||
	       reason == close_primes || reason == perfect_power;
}
