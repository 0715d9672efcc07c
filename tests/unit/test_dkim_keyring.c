/* Keys that were read before: MA-27, MA-35, MA-36. */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "mail/dkim_key.h"
#include "mail/dkim_keyring.h"
#include "tests/unit/dkim_lab.h"

/* MA-35: a key that was read before is that key, and only for its octets. */
static void
test_read_before(void **state)
{
	static const char *const keys[] = { "rsa1024", "rsa2048" };
	struct dkim_key first[2], again, changed;
	char *copy;

	(void)state;
	dkim_keyring_clear();
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT(keys); i++) {
			unit_case("%s", keys[i]);
			assert_string_equal(
			    lab_key_parse(lab_record(unit_job(), keys[i]),
				DKIM_KEY_RSA, round == 0 ? &first[i] : &again),
			    "good");
			if (round == 0)
				continue;
			assert_ptr_equal(again.pkey, first[i].pkey);
			assert_int_equal(again.bits, first[i].bits);
			assert_int_equal(
			    again.signature_len, first[i].signature_len);
		}
	}
	/* a bit of the modulus, which stays odd */
	copy = span_dup(
	    unit_job()->arena, span_str(lab_record(unit_job(), keys[1])));
	copy[200] = copy[200] == 'A' ? 'B' : 'A';
	assert_string_equal(
	    lab_key_parse(copy, DKIM_KEY_RSA, &changed), "good");
	assert_ptr_not_equal(changed.pkey, first[1].pkey);
	dkim_keyring_clear();
}

/* MA-36: what the record says of the key belongs to it as well. */
static void
test_read_before_flags(void **state)
{
	const char *record = lab_record(unit_job(), "rsa2048");
	struct dkim_key plain, testing;

	(void)state;
	dkim_keyring_clear();
	assert_string_equal(
	    lab_key_parse(record, DKIM_KEY_RSA, &plain), "good");
	for (size_t round = 0; round < 2; round++) {
		assert_string_equal(
		    lab_key_parse(
			arena_printf(unit_job()->arena, "%s; t=y:s", record),
			DKIM_KEY_RSA, &testing),
		    "good");
		assert_true(testing.is_testing && testing.is_strict);
		assert_string_equal(
		    lab_key_parse(record, DKIM_KEY_RSA, &plain), "good");
		assert_false(plain.is_testing || plain.is_strict);
		assert_true(span_eq(plain.public_key, testing.public_key));
		/* a key for RSA is none for Ed25519 */
		assert_string_equal(
		    lab_key_parse(record, DKIM_KEY_ED25519, &plain),
		    "key.type");
	}
	dkim_keyring_clear();
}

/* With more keys than there is room for, each is its own or forgotten; and
 * whoever has one keeps it. */
static void
test_keyring(void **state)
{
	struct dkim_key keys[2], got, held;
	EVP_PKEY *pkeys[2];
	size_t known = 0;
	struct job j;
	char name[16];

	(void)state;
	dkim_keyring_clear();
	for (size_t i = 0; i < 2; i++) {
		pkeys[i] = EVP_EC_gen("P-256");
		keys[i] =
		    (struct dkim_key){ .public_key = span_str(i ? "b" : "a"),
			    .verifier = EVP_PKEY_CTX_new(pkeys[i], NULL) };
		assert_int_equal(EVP_PKEY_verify_init(keys[i].verifier), 1);
	}
	job_init(&j, NULL, NULL);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < 1000; i++) {
			struct span record;
			snprintf(name, sizeof(name), "%zu", i);
			record = span_str(name);
			if (round == 0) {
				dkim_keyring_put(record, &keys[i % 2]);
				if (i == 0)
					assert_true(dkim_keyring_get(
					    j.arena, record, &held));
				continue;
			}
			if (!dkim_keyring_get(j.arena, record, &got))
				continue;
			assert_ptr_equal(got.pkey, pkeys[i % 2]);
			assert_true(
			    span_eq(got.public_key, keys[i % 2].public_key));
			known++;
		}
	}
	assert_true(known > 0 && known < 1000);
	dkim_keyring_clear();
	assert_false(dkim_keyring_get(j.arena, SPAN("999"), &got));
	assert_ptr_equal(EVP_PKEY_CTX_get0_pkey(held.verifier), pkeys[0]);
	assert_true(span_eq_str(held.public_key, "a"));
	job_done(&j);
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY_CTX_free(keys[i].verifier);
		EVP_PKEY_free(pkeys[i]);
	}
}

/* MA-27: a verifier that has said no says yes to the next good one. */
static void
test_verifier_again(void **state)
{
	struct job *j = unit_job();
	struct span good;
	struct dkim_key key;
	uint8_t hash[32];
	char *bad;

	(void)state;
	sha256(SPAN("data"), hash);
	assert_int_equal(
	    b64_parse_fws(j->arena,
		span_str(lab_sign_data(j, "rsa2048", SPAN("data"))), &good),
	    0);
	bad = span_dup(j->arena, good);
	bad[100] ^= 1;
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(
		    lab_key_parse(lab_record(j, "rsa2048"), DKIM_KEY_RSA, &key),
		    "good");
		assert_int_equal(dkim_key_verify(&key, hash,
				     i % 3 == 1 ? span_mem(bad, good.n) : good),
		    i % 3 == 1 ? DKIM_KEY_BAD : DKIM_KEY_GOOD);
		/* also one of another length */
		assert_int_equal(
		    dkim_key_verify(&key, hash, span_cut(good, 0, 100)),
		    DKIM_KEY_BAD);
		assert_int_equal(
		    dkim_key_verify(&key, hash, good), DKIM_KEY_GOOD);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_read_before),
	cmocka_unit_test(test_read_before_flags),
	cmocka_unit_test(test_keyring),
	cmocka_unit_test(test_verifier_again),
};
UNIT_MAIN(tests)
