#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/rnd.h"
#include "tests/unit/no_entropy.h"

/* AC-174: 16 octets as 22 base64url characters, never again. */
static void
test_ids(void **state)
{
	char ids[200][RND_ID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		uint8_t octets[16];

		rnd_id(ids[i]);
		assert_int_equal(strlen(ids[i]), RND_ID_LEN);
		assert_int_equal(
		    b64url_parse_fixed(span_str(ids[i]), octets, 16), 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

/* Those of one moment begin alike, those of another otherwise. */
static void
test_row_ids(void **state)
{
	char ids[200][RND_ID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		uint8_t octets[16];

		clock_set(1700000000 + (i >= 100));
		rnd_row_id(ids[i]);
		assert_int_equal(strlen(ids[i]), RND_ID_LEN);
		assert_int_equal(
		    b64url_parse_fixed(span_str(ids[i]), octets, 16), 0);
		assert_int_not_equal(ids[i][0], '-');
		assert_int_equal(memcmp(ids[i], ids[i < 100 ? 0 : 100], 8), 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
	clock_set(0);
	assert_int_not_equal(memcmp(ids[0], ids[100], 8), 0);
}

static void
test_bytes_fill_exactly(void **state)
{
	(void)state;
	for (int seeded = 0; seeded < 2; seeded++) {
		rnd_test_seed((uint64_t)seeded * 7);
		for (size_t n = 0; n <= 40; n++) {
			unsigned char seen[42] = { 0 };

			unit_case("seeded %d, %zu octets", seeded, n);
			/* Each octet becomes other than zero sooner or
			 * later; the one behind never. */
			for (int round = 0; round < 30; round++) {
				unsigned char b[42] = { 0 };

				rnd_bytes(b, n);
				for (size_t i = 0; i < sizeof(b); i++)
					seen[i] |= b[i];
			}
			for (size_t i = 0; i < sizeof(seen); i++)
				assert_int_equal(seen[i] != 0, i < n);
		}
	}
}

static void
test_seed_repeats(void **state)
{
	unsigned char a[33], b[33], c[33];

	(void)state;
	rnd_test_seed(1);
	rnd_bytes(a, sizeof(a));
	rnd_test_seed(1);
	rnd_bytes(b, sizeof(b));
	rnd_bytes(c, sizeof(c));
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(b, c, sizeof(b));
	rnd_test_seed(2);
	rnd_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	rnd_test_seed(0);
	rnd_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

#define MANY 1000000
#define HALF 24 /* octets of each half of a token */

static int
by_octets(const void *a, const void *b)
{
	return memcmp(a, b, HALF);
}

/* PK-4: a million halves of tokens, no two alike. */
static void
test_tokens(void **state)
{
	unsigned char(*halves)[HALF] = malloc(MANY * sizeof(*halves));

	(void)state;
	assert_non_null(halves);
	for (size_t i = 0; i < MANY; i++)
		rnd_bytes(halves[i], HALF);
	qsort(halves, MANY, sizeof(*halves), by_octets);
	for (size_t i = 1; i < MANY; i++)
		if (memcmp(halves[i - 1], halves[i], HALF) == 0)
			fail_msg("%zu", i);
	free(halves);
}

static void
draw_id(void *ctx)
{
	rnd_id(ctx);
}

/* PK-4, AC-109: a generator that fails ends the process; nothing falls back. */
static void
test_failure(void **state)
{
	char id[RND_ID_LEN + 1];

	(void)state;
	no_entropy_ends(draw_id, id);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_ids),
	cmocka_unit_test(test_row_ids),
	cmocka_unit_test(test_bytes_fill_exactly),
	cmocka_unit_test(test_seed_repeats),
	cmocka_unit_test(test_tokens),
	cmocka_unit_test(test_failure),
};

UNIT_MAIN(tests)
