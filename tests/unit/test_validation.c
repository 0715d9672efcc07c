/*
 * Tokens as challenges get them: PK-4, AC-109.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "acme/identifier.h"
#include "acme/validation.h"
#include "db/store_account.h"
#include "db/store_order.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "tests/unit/no_entropy.h"
#include "tests/unit/unit.h"

#define CHALLENGES 50000
#define CHALLENGES_LONG 500000 /* a million halves */
#define HALF_TEXT 32
#define HALF 24 /* octets: 192 bits */

/* As a new order has it; no authorization is used again, so that no store is
 * asked. */
static struct challenge
make(struct job *j)
{
	static const struct conf conf = { .authz_pending_life = 24 * 3600,
		.sender = { .from = "acme@ca.example", .tagged = true } };
	static const struct account account = { .id = "account",
		.thumbprint = "thumbprint" };
	static const struct order order = { .id = "order" };
	static const struct identifier id = { .type = SPAN_INIT("email"),
		.value = SPAN_INIT("alice@example.com"),
		.addr = { .canonical = "alice@example.com" } };
	struct order_identifier out = { .is_new = false };

	assert_int_equal(
	    validation_make(j, &conf, &account, &order, &id, &out), 0);
	assert_true(out.is_new);
	return out.authz.challenge;
}

static void
keep_half(struct span text, char *out)
{
	assert_int_equal(text.n, HALF_TEXT);
	assert_int_equal(b64url_parse_fixed(text, out, HALF), 0);
}

static int
by_octets(const void *a, const void *b)
{
	return memcmp(a, b, HALF);
}

/* PK-4: 192 bits each, and no two halves of any challenges alike; a hundred
 * thousand of them, with COUNTERSIGN_TEST_LONG a million. */
static void
test_tokens(void **state)
{
	size_t count = 2 * (getenv("COUNTERSIGN_TEST_LONG") == NULL
				   ? (size_t)CHALLENGES
				   : (size_t)CHALLENGES_LONG);
	char(*halves)[HALF] = malloc(count * sizeof(*halves));

	(void)state;
	assert_non_null(halves);
	for (size_t i = 0; i < count; i += 2) {
		struct challenge c;
		struct job j;

		job_init(&j, NULL, NULL);
		c = make(&j);
		keep_half(c.token_part1, halves[i]);
		keep_half(span_str(c.token_part2), halves[i + 1]);
		job_done(&j);
	}
	qsort(halves, count, sizeof(*halves), by_octets);
	for (size_t i = 1; i < count; i++)
		if (memcmp(halves[i - 1], halves[i], HALF) == 0)
			fail_msg("%zu", i);
	free(halves);
}

static void
draw_halves(void *ctx)
{
	(void)make(ctx);
}

/* PK-4, AC-109: without a generator there is no challenge: the process that
 * makes it ends. */
static void
test_failure(void **state)
{
	(void)state;
	no_entropy_ends(draw_halves, unit_job());
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_tokens),
	cmocka_unit_test(test_failure),
};

UNIT_MAIN(tests)
