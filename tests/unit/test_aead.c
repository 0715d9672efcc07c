/* Secrets at rest (AC-79). */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/aead.h"
#include "lib/count.h"

#define TEXT SPAN("sixty-four octets, or any other number of them")
#define NAME SPAN("kid-1")

static const struct aead_key *
key(struct job *j, uint8_t first)
{
	uint8_t octets[AEAD_KEY_LEN] = { first, 2, 3 };

	return aead_key_new(j->arena, octets);
}

/* AC-79 */
static void
test_round_trip(void **state)
{
	static const size_t lengths[] = { 0, 1, 16, 46 };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct span text = span_cut(TEXT, 0, lengths[i]);
		struct span sealed = aead_encrypt(j, key(j, 1), NAME, text);
		struct span again = aead_encrypt(j, key(j, 1), NAME, text);
		struct span back;

		unit_case("%zu", lengths[i]);
		assert_int_equal(sealed.n, text.n + AEAD_OVERHEAD);
		assert_false(span_eq(sealed, again));
		assert_int_equal(
		    aead_decrypt(j, key(j, 1), NAME, sealed, &back), 1);
		assert_true(span_eq(back, text));
	}
}

/* Another key, another name, any bit changed, any part of it: nothing. */
static void
test_changed(void **state)
{
	struct job *j = unit_job();
	struct span sealed = aead_encrypt(j, key(j, 1), NAME, TEXT);
	struct span out;

	(void)state;
	assert_int_equal(aead_decrypt(j, key(j, 2), NAME, sealed, &out), 0);
	assert_int_equal(
	    aead_decrypt(j, key(j, 1), SPAN("kid-2"), sealed, &out), 0);
	for (size_t n = 0; n < sealed.n; n++) {
		char *copy = span_dup(j->arena, sealed);

		unit_case("octet %zu", n);
		assert_int_equal(aead_decrypt(j, key(j, 1), NAME,
				     span_cut(sealed, 0, n), &out),
		    0);
		copy[n] ^= 1;
		assert_int_equal(aead_decrypt(j, key(j, 1), NAME,
				     span_mem(copy, sealed.n), &out),
		    0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_round_trip),
	cmocka_unit_test(test_changed),
};

UNIT_MAIN(tests)
