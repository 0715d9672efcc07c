/*
 * PK-24: how many certificates an auditor's sample holds, that a seed draws
 * the same ones again, and that pages miss none.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "db/store_cert.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "src/audit_sample.h"

#define POPULATION 2000

static const uint8_t seed[SAMPLE_SEED_LEN] = { 1, 2, 3 };

/* PK-24: max(30, 3 %) */
static void
test_size(void **state)
{
	static const size_t cases[][2] = { { 0, 0 }, { 1, 1 }, { 29, 29 },
		{ 30, 30 }, { 31, 30 }, { 1000, 30 }, { 1001, 31 },
		{ 1033, 31 }, { 1034, 32 }, { 100000, 3000 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(sample_size(cases[i][0]), cases[i][1]);
}

static void
draw(struct job *j, const uint8_t with[SAMPLE_SEED_LEN], bool backwards,
    struct sample *s)
{
	sample_init(s, with, arena_calloc(j->arena, 60, sizeof(*s->v)), 60);
	for (int i = 0; i < POPULATION; i++) {
		char id[RND_ID_LEN + 1];

		snprintf(id, sizeof(id), "%022d",
		    backwards ? POPULATION - 1 - i : i);
		sample_add(s, id);
	}
	sample_sort(s);
}

static bool
same(const struct sample *a, const struct sample *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].id, b->v[i].id) != 0)
			return false;
	return a->n == b->n;
}

/* PK-24: the seed reproduces it, in whatever order they come; another seed
 * draws others; each is drawn once. */
static void
test_seed(void **state)
{
	static const uint8_t other[SAMPLE_SEED_LEN] = { 1, 2, 4 };
	struct job *j = unit_job();
	struct sample a, b, c;

	(void)state;
	draw(j, seed, false, &a);
	draw(j, seed, true, &b);
	draw(j, other, false, &c);
	assert_int_equal(a.n, 60);
	assert_true(same(&a, &b));
	assert_false(same(&a, &c));
	for (size_t i = 1; i < a.n; i++)
		assert_true(
		    memcmp(a.v[i - 1].score, a.v[i].score, SHA256_LEN) < 0);
}

/* PK-24: those with the smallest hashes, all of them looked at. */
static void
test_smallest(void **state)
{
	struct job *j = unit_job();
	struct sample a, all;
	size_t smaller = 0;

	(void)state;
	draw(j, seed, false, &a);
	sample_init(&all, seed,
	    arena_calloc(j->arena, POPULATION, sizeof(*all.v)), POPULATION);
	for (int i = 0; i < POPULATION; i++) {
		char id[RND_ID_LEN + 1];

		snprintf(id, sizeof(id), "%022d", i);
		sample_add(&all, id);
	}
	for (size_t i = 0; i < all.n; i++)
		smaller +=
		    memcmp(all.v[i].score, a.v[a.n - 1].score, SHA256_LEN) <= 0;
	assert_int_equal(smaller, a.n);
}

/* One issued then, another only reserved. */
static void
put(struct job *j, int64_t at, bool issued)
{
	static int number;
	struct order *o = fixture_order(j, fixture_account(j), 1);

	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO cert (id, order_id, account_id, ca_label, serial, "
		"profile, profile_sha256, tbs, signature_alg, lint_report, "
		"evidence, br_version, spki_sha256, not_before, not_after, "
		"reserved_at, shard, issued_at) SELECT "
		"'cert%018d', id, account_id, 'ca', 'aa%d', 'p', %s, %s, %s, "
		"'{}', '{}', '1', %s, 1, 2, %lld, 0, %lld FROM orders "
		"WHERE id = '%s'",
		number, number, fixture_is_pgsql() ? "'\\x00'" : "x'00'",
		fixture_is_pgsql() ? "'\\x00'" : "x'00'",
		fixture_is_pgsql() ? "'\\x00'" : "x'00'",
		fixture_is_pgsql() ? "'\\x00'" : "x'00'", (long long)at,
		(long long)(issued ? at : 0), o->id));
	number++;
}

/* PK-24: page by page all that were issued in that time, none twice, also
 * where many have one time. */
static void
test_pages(struct job *j)
{
	struct cert_place after = { .id = NULL };
	const char **ids, *last = "";
	size_t n, sum = 0;

	put(j, 99, true);
	for (int i = 0; i < 5; i++)
		put(j, 100, true);
	put(j, 101, false);
	for (int i = 0; i < 4; i++)
		put(j, 102 + i % 2, true);
	put(j, 200, true);
	do {
		EXPECT(j, store_cert_page(j, 100, 200, &after, 2, &ids, &n), 0);
		assert_true(n <= 2);
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(ids[i], last);
		last = n > 0 ? ids[n - 1] : last;
		sum += n;
	} while (n > 0);
	assert_int_equal(sum, 9);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_seed),
	cmocka_unit_test(test_smallest),
	STORE_TEST(test_pages),
};

UNIT_MAIN(tests)
