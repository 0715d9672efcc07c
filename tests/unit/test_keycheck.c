/*
 * The quality of keys: PK-68 to PK-75, AC-41 to AC-43, AC-134.
 */
#include "config.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/rsacheck.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define F4 "10001"

static void
assert_reason(const char *reason, const char *expected)
{
	if (expected == NULL && reason != NULL)
		fail_msg("refused: %s", reason);
	if (expected != NULL && reason == NULL)
		fail_msg("accepted, expected: %s", expected);
	if (expected != NULL && strstr(reason, expected) == NULL)
		fail_msg("\"%s\" is not in: %s", expected, reason);
}

static const char *
check_hex(const char *n_hex, const char *e_hex, enum keycheck_use use)
{
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;

	assert_true(BN_hex2bn(&n, n_hex) > 0 && BN_hex2bn(&e, e_hex) > 0);
	const char *reason = rsa_check_numbers(n, e, use);
	BN_free(n);
	BN_free(e);
	return reason;
}

/* PK-71, PK-72, PK-73, AC-42 */
static void
test_moduli(void **state)
{
	char line[2048];
	char name[64];
	char expected[64];
	char hex[1536];
	size_t seen = 0;
	FILE *f = fopen(CS_TEST_DATA "/rsa-moduli.txt", "r");
	(void)state;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (line[0] == '#')
			continue;
		assert_int_equal(
		    sscanf(line, "%63s %63s %1535s", name, expected, hex), 3);
		for (char *p = expected; *p != '\0'; p++)
			if (*p == '_')
				*p = ' ';
		unit_case("%s", name);
		seen++;
		for (int use = KEYCHECK_ACCOUNT; use <= KEYCHECK_ANY_EXPONENT;
		     use++) {
			const char *reason =
			    check_hex(hex, F4, (enum keycheck_use)use);

			assert_reason(reason,
			    strcmp(expected, "-") == 0 ? NULL : expected);
			/* What the blocked list is told. */
			assert_int_equal(rsa_reason_is_compromise(reason),
			    reason != NULL && strstr(reason, "even") == NULL);
		}
	}
	fclose(f);
	assert_int_equal(seen, 25);
}

#define F64 "FFFFFFFFFFFFFFFF"

/* PK-70, AC-42.  2^16+1 to 2^256-1; OpenSSL verifies nothing by a key with more
 * than 3072 bits and an exponent above 2^64. */
static void
test_exponents(void **state)
{
	static const struct {
		const char *hex;
		bool account, subject, any, any_large;
	} cases[] = {
		{ "1", false, false, false, false },
		{ "3", false, false, false, false },
		{ "4", false, false, false, false },
		{ "FFFF", false, false, false, false },
		{ F4, true, true, true, true },
		{ "10002", false, false, false, false },
		{ "10003", true, false, true, true },
		{ F64, true, false, true, true },
		{ "10000000000000001", false, false, true, false },
		{ F64 F64 F64 F64, false, false, true, false },
		{ F64 F64 F64 "FFFFFFFFFFFFFFFE", false, false, false, false },
		{ "1" F64 F64 F64 F64, false, false, false, false },
	};
	char *moduli[2];
	(void)state;

	for (int i = 0; i < 2; i++) {
		BIGNUM *n = NULL;
		EVP_PKEY *key = lab_key(KEY_TYPE_RSA, i == 0 ? 2048 : 4096);

		assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &n), 1);
		moduli[i] = BN_bn2hex(n);
		BN_free(n);
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *e = cases[i].hex;

		unit_case("e = %s", e);
		assert_reason(check_hex(moduli[0], e, KEYCHECK_ACCOUNT),
		    cases[i].account ? NULL : "exponent");
		assert_reason(check_hex(moduli[0], e, KEYCHECK_SUBJECT),
		    cases[i].subject ? NULL : "exponent");
		assert_reason(check_hex(moduli[0], e, KEYCHECK_ANY_EXPONENT),
		    cases[i].any ? NULL : "exponent");
		assert_reason(check_hex(moduli[1], e, KEYCHECK_ANY_EXPONENT),
		    cases[i].any_large ? NULL : "exponent");
	}
	OPENSSL_free(moduli[0]);
	OPENSSL_free(moduli[1]);
}

/* PK-70, AC-42 */
static void
test_sizes(void **state)
{
	static const struct {
		unsigned bits;
		bool account, subject;
	} cases[] = {
		{ 1024, false, false },
		{ 2040, false, false },
		{ 2047, false, false },
		{ 2048, true, true },
		{ 2052, false, false },
		{ 2056, true, false },
		{ 3072, true, true },
	};
	enum key_type type;
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		EVP_PKEY *key = EVP_RSA_gen(cases[i].bits);
		unit_case("%u bits", cases[i].bits);
		assert_non_null(key);
		assert_reason(keycheck_key(key, KEYCHECK_ACCOUNT, &type),
		    cases[i].account ? NULL : "modulus must have");
		assert_int_equal(type, KEY_TYPE_RSA);
		assert_reason(keycheck_key(key, KEYCHECK_SUBJECT, &type),
		    cases[i].subject ? NULL : "modulus must have");
		EVP_PKEY_free(key);
	}
	unit_case("8192 bits");
	char hex[2049];
	memset(hex, 'F', 2048);
	hex[2048] = '\0';
	assert_reason(
	    check_hex(hex, F4, KEYCHECK_ACCOUNT), "modulus must have");
	/* Nobody can compute it for that. */
	assert_false(
	    rsa_reason_is_compromise(check_hex(hex, F4, KEYCHECK_ACCOUNT)));
}

/* PK-70, AC-42: in steps of 512 bits, and an octet beside each end; a modulus
 * that has another mistake is refused for that. */
static void
test_size_steps(void **state)
{
	BIGNUM *n = BN_new();
	BIGNUM *e = BN_new();
	(void)state;

	assert_int_equal(BN_set_word(e, 65537), 1);
	for (int step = 512; step <= 8192; step += 512)
		for (int bits = step - 8; bits <= step + 8; bits += 8) {
			bool subject =
			    bits == 2048 || bits == 3072 || bits == 4096;

			unit_case("%d bits", bits);
			assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE,
					     BN_RAND_BOTTOM_ODD),
			    1);
			for (int k = 0; k < 2; k++) {
				const char *reason =
				    rsa_check_numbers(n, e, k == 1);
				bool fits = k == 1
						? subject
						: bits >= 2048 && bits <= 4096;

				assert_int_equal(
				    reason == NULL ||
					strstr(reason, "must have") == NULL,
				    fits);
			}
		}
	BN_free(n);
	BN_free(e);
}

/* Is it a power of 65537 modulo p? */
static bool
is_power_of_f4(unsigned residue, unsigned p)
{
	unsigned power = 1;

	do {
		power = power * (65537 % p) % p;
		if (power == residue)
			return true;
	} while (power != 1);
	return false;
}

/* m = the product of the primes up to 167 without p. */
static void
product_without(BIGNUM *m, unsigned p)
{
	assert_int_equal(BN_one(m), 1);
	for (unsigned q = 2; q <= 167; q++) {
		bool is_prime = q != p;

		for (unsigned d = 2; d * d <= q; d++)
			is_prime = is_prime && q % d != 0;
		if (is_prime)
			assert_int_equal(BN_mul_word(m, q), 1);
	}
}

static BIGNUM *
roca_modulus(void)
{
	char line[2048], name[64], expected[64], hex[1536];
	FILE *f = fopen(CS_TEST_DATA "/rsa-moduli.txt", "r");
	BIGNUM *n = NULL;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "%63s %63s %1535s", name, expected, hex) ==
			3 &&
		    strcmp(name, "roca-made") == 0)
			assert_true(BN_hex2bn(&n, hex) > 0);
	fclose(f);
	assert_non_null(n);
	return n;
}

/* PK-73: a near miss is like such a key modulo all of the primes but one; a
 * member is that modulo all, whatever else it is. */
static void
test_roca_near_miss(void **state)
{
	BIGNUM *e = BN_new(), *m = BN_new(), *n = NULL;
	unsigned misses = 0, members = 0;
	(void)state;

	assert_int_equal(BN_set_word(e, 65537), 1);
	for (unsigned p = 3; p <= 167; p += 2) {
		bool is_prime = true;

		for (unsigned d = 3; d * d <= p; d += 2)
			is_prime = is_prime && p % d != 0;
		if (!is_prime)
			continue;
		product_without(m, p);
		BN_free(n);
		n = roca_modulus();
		for (unsigned t = 0; t < p; t++, BN_add(n, n, m)) {
			unsigned residue = (unsigned)BN_mod_word(n, p);
			const char *reason = rsa_check_numbers(n, e, true);
			bool said =
			    reason != NULL && strstr(reason, "ROCA") != NULL;

			/* Another mistake, which is found first. */
			if (reason != NULL &&
			    strstr(reason, "small prime") != NULL)
				continue;
			unit_case("modulo %u: %u", p, residue);
			assert_int_equal(said, is_power_of_f4(residue, p));
			members += said;
			misses += !said;
		}
	}
	assert_true(misses > 500 && members > 500);
	BN_free(n);
	BN_free(m);
	BN_free(e);
}

/* PK-73: what is not of that generator is not taken for it; 10^5 with
 * --long. */
static void
test_roca_false_alarm(void **state)
{
	int count = getenv("COUNTERSIGN_TEST_LONG") != NULL ? 100000 : 10000;
	BIGNUM *n = BN_new();
	BIGNUM *e = BN_new();
	(void)state;

	assert_int_equal(BN_set_word(e, 65537), 1);
	for (int i = 0; i < count; i++) {
		assert_int_equal(
		    BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
		const char *reason = rsa_check_numbers(n, e, KEYCHECK_SUBJECT);
		assert_true(reason == NULL || strstr(reason, "ROCA") == NULL);
	}
	BN_free(n);
	BN_free(e);
}

static const char *
ed25519_reason(struct job *j, const char *hex)
{
	enum key_type type;
	struct span raw = lab_hex(j, hex);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, (const unsigned char *)raw.p, raw.n);

	assert_non_null(key);
	const char *reason = keycheck_key(key, KEYCHECK_ACCOUNT, &type);
	assert_int_equal(type, KEY_TYPE_ED25519);
	EVP_PKEY_free(key);
	return reason;
}

/* AC-43 */
static void
test_ed25519(void **state)
{
	static const struct {
		const char *hex, *expected;
	} cases[] = {
		/* RFC 8032 7.1, tests 1 to 3 */
		{ "d75a980182b10ab7d54bfed3c964073a"
		  "0ee172f3daa62325af021a68f707511a",
		    NULL },
		{ "3d4017c3e843895a92b70aa74d1b7ebc"
		  "9c982ccf2ec4968cc0cd55f12af4660c",
		    NULL },
		{ "fc51cd8e6218a1a38da47ed00230f058"
		  "0816ed13ba3303ac5deb911548908025",
		    NULL },
		/* order 1, 2, 4, 4, 8, 8, 8, 8 */
		{ "0100000000000000000000000000000000000000000000000000000000"
		  "000000",
		    "small order" },
		{ "ecffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		  "ffffff7f",
		    "small order" },
		{ "0000000000000000000000000000000000000000000000000000000000"
		  "000000",
		    "small order" },
		{ "0000000000000000000000000000000000000000000000000000000000"
		  "000080",
		    "small order" },
		{ "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d"
		  "53fc05",
		    "small order" },
		{ "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d"
		  "53fc85",
		    "small order" },
		{ "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792"
		  "ac037a",
		    "small order" },
		{ "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792"
		  "ac03fa",
		    "small order" },
		/* the identity with a sign */
		{ "0100000000000000000000000000000000000000000000000000000000"
		  "000080",
		    "small order" },
		/* y = p, p + 1, 2^255 - 1 */
		{ "edffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		  "ffffff7f",
		    "canonical" },
		{ "eeffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		  "ffffff7f",
		    "canonical" },
		{ "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		  "ffffffff",
		    "canonical" },
		/* no x for y = 2 */
		{ "0200000000000000000000000000000000000000000000000000000000"
		  "000000",
		    "not a point" },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].hex);
		assert_reason(
		    ed25519_reason(j, cases[i].hex), cases[i].expected);
	}
}

/* Half of the numbers have a point: about as many as should. */
static void
test_ed25519_half(void **state)
{
	struct job *j = unit_job();
	unsigned points = 0;
	char hex[65];
	(void)state;

	for (unsigned y = 3; y < 403; y++) {
		snprintf(hex, sizeof hex, "%02x%02x%060d", y & 0xff, y >> 8, 0);
		points += ed25519_reason(j, hex) == NULL;
	}
	assert_in_range(points, 150, 250);
}

static const char *
ed448_reason(struct job *j, const char *hex)
{
	enum key_type type;
	struct span raw = lab_hex(j, hex);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED448, NULL, (const unsigned char *)raw.p, raw.n);

	assert_non_null(key);
	const char *reason = keycheck_key(key, KEYCHECK_SUBJECT, &type);
	assert_int_equal(type, KEY_TYPE_ED448);
	EVP_PKEY_free(key);
	return reason;
}

#define ZEROS_27 "000000000000000000000000000000000000000000000000000000"
#define ONES_27 "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/* PK-75, for Ed448: p is 2^448 - 2^224 - 1. */
static void
test_ed448(void **state)
{
	static const struct {
		const char *hex, *expected;
	} cases[] = {
		/* RFC 8032 7.4: blank, 1 octet */
		{ "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e9"
		  "6778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
		    NULL },
		{ "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798"
		  "c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
		    NULL },
		/* order 1, 2, 4, 4; the first with a sign */
		{ "01" ZEROS_27 "00" ZEROS_27 "00", "small order" },
		{ "01" ZEROS_27 "00" ZEROS_27 "80", "small order" },
		{ "fe" ONES_27 "fe" ONES_27 "00", "small order" },
		{ "00" ZEROS_27 "00" ZEROS_27 "00", "small order" },
		{ "00" ZEROS_27 "00" ZEROS_27 "80", "small order" },
		/* y = p, p + 1, 2^448 - 1, 2^448 */
		{ "ff" ONES_27 "fe" ONES_27 "00", "canonical" },
		{ "00" ZEROS_27 "ff" ONES_27 "00", "canonical" },
		{ "ff" ONES_27 "ff" ONES_27 "00", "canonical" },
		{ "00" ZEROS_27 "00" ZEROS_27 "01", "canonical" },
		/* no x for y = 2 */
		{ "02" ZEROS_27 "00" ZEROS_27 "00", "not a point" },
	};
	struct job *j = unit_job();
	unsigned points = 0;
	char hex[115];
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].hex);
		assert_reason(ed448_reason(j, cases[i].hex), cases[i].expected);
	}
	/* Half of the numbers have a point. */
	for (unsigned y = 3; y < 203; y++) {
		snprintf(hex, sizeof hex, "%02x%0112d", y, 0);
		points += ed448_reason(j, hex) == NULL;
	}
	assert_in_range(points, 65, 135);
}

/* Every type that lab_key() makes is accepted and named; others are not. */
static void
test_types(void **state)
{
	static const enum key_type types[] = { KEY_TYPE_RSA, KEY_TYPE_P256,
		KEY_TYPE_P384, KEY_TYPE_P521, KEY_TYPE_ED25519,
		KEY_TYPE_ED448 };
	static const char *const others[] = { "X25519", "X448" };
	struct job *j = unit_job();
	enum key_type type;
	EVP_PKEY *read;
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		EVP_PKEY *key = lab_key(types[i], 2048);
		unit_case("%s", key_type_name(types[i]));
		assert_reason(keycheck_key(key, KEYCHECK_SUBJECT, &type), NULL);
		assert_int_equal(type, types[i]);
		struct span spki = lab_spki(j, key);
		assert_reason(keycheck_spki(j->arena, spki, KEYCHECK_SUBJECT,
				  &type, &read),
		    NULL);
		assert_int_equal(type, types[i]);
		assert_int_equal(EVP_PKEY_eq(key, read), 1);
		for (size_t n = 0; n < spki.n; n++)
			assert_non_null(
			    keycheck_spki(j->arena, span_cut(spki, 0, n),
				KEYCHECK_SUBJECT, &type, &read));
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, others[i]);
		unit_case("%s", others[i]);
		assert_reason(keycheck_key(key, KEYCHECK_ACCOUNT, &type),
		    "must be RSA, EC or Ed25519");
		EVP_PKEY_free(key);
	}
	/* AC-41: no signature algorithm is for it. */
	assert_reason(
	    keycheck_key(lab_key(KEY_TYPE_ED448, 0), KEYCHECK_ACCOUNT, &type),
	    "must be RSA, EC or Ed25519");
	EVP_PKEY *key = EVP_EC_gen("secp256k1");
	assert_reason(
	    keycheck_key(key, KEYCHECK_ACCOUNT, &type), "the curve must be");
	EVP_PKEY_free(key);
}

static struct span
member(struct job *j, const json_t *jwk, const char *name)
{
	struct span out;

	assert_int_equal(
	    b64url_parse(j->arena, span_str(vectors_str(jwk, name)), &out), 0);
	return out;
}

static struct span
jwk_spki(struct job *j, const json_t *jwk)
{
	enum key_type type;
	struct span bits;

	if (strcmp(vectors_str(jwk, "kty"), "OKP") == 0) {
		type = KEY_TYPE_ED25519;
		bits = member(j, jwk, "x");
	} else {
		type = KEY_TYPE_P256;
		bits = lab_join(j, SPAN("\x04"),
		    lab_join(j, member(j, jwk, "x"), member(j, jwk, "y")));
	}
	return lab_der(j, DER_SEQUENCE,
	    lab_join(j, key_type_algorithm(type),
		lab_der(
		    j, DER_BIT_STRING, lab_join(j, span_mem("\0", 1), bits))));
}

/* bad_public_keys, those whose fault is in the key itself. */
static void
test_vectors(void **state)
{
	struct job *j = unit_job();
	json_t *c;
	size_t i;
	size_t seen = 0;
	(void)state;

	json_array_foreach (vectors_at("bad_public_keys"), i, c) {
		const char *name = vectors_str(c, "name");
		json_t *jwk = vectors_get(c, "jwk");
		enum key_type type;
		EVP_PKEY *key;

		unit_case("%s", name);
		if (strncmp(name, "p256-", 5) == 0 ||
		    strncmp(name, "ed25519-", 8) == 0) {
			assert_non_null(keycheck_spki(j->arena,
			    jwk_spki(j, jwk), KEYCHECK_ACCOUNT, &type, &key));
			seen++;
		} else if (strncmp(name, "rsa-", 4) == 0) {
			struct span n = member(j, jwk, "n");
			struct span e = member(j, jwk, "e");
			BIGNUM *bn = BN_bin2bn(
			    (const unsigned char *)n.p, (int)n.n, NULL);
			BIGNUM *be = BN_bin2bn(
			    (const unsigned char *)e.p, (int)e.n, NULL);
			assert_non_null(
			    rsa_check_numbers(bn, be, KEYCHECK_ACCOUNT));
			BN_free(bn);
			BN_free(be);
			seen++;
		}
	}
	assert_int_equal(seen, 10);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_moduli),
	cmocka_unit_test(test_exponents),
	cmocka_unit_test(test_sizes),
	cmocka_unit_test(test_size_steps),
	cmocka_unit_test(test_roca_near_miss),
	cmocka_unit_test(test_roca_false_alarm),
	cmocka_unit_test(test_ed25519),
	cmocka_unit_test(test_ed25519_half),
	cmocka_unit_test(test_ed448),
	cmocka_unit_test(test_types),
	cmocka_unit_test(test_vectors),
};

UNIT_MAIN(tests)
