/* The arithmetic of limits (AC-182 to AC-191). */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/rate.h"

#define NOW ((int64_t)1800000000)
#define NOW_MS (NOW * 1000)

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* 0 and canonical NULL: refused */
		const char *canonical;
	} cases[] = {
		{ "3/1h", 1, "3/1h" },
		{ "3/1h 6/24h", 2, "3/1h 6/24h" },
		{ "  10/7d ", 1, "10/7d" },
		{ "100/10m", 1, "100/10m" },
		{ "5/90", 1, "5/90s" },
		{ "5/3600S", 1, "5/1h" },
		{ "1/1s 2/2s 3/3s 4/4s", 4, "1/1s 2/2s 3/3s 4/4s" },
		{ "none", 0, "none" },
		{ "", 0, NULL },
		{ "3", 0, NULL },
		{ "3/", 0, NULL },
		{ "/1h", 0, NULL },
		{ "0/1h", 0, NULL },
		{ "3/0h", 0, NULL },
		{ "-3/1h", 0, NULL },
		{ "3/1w", 0, NULL },
		{ "3/1hh", 0, NULL },
		{ "3/h", 0, NULL },
		{ "3/1h,6/24h", 0, NULL },
		{ "1000001/1h", 0, NULL },
		{ "3/367d", 0, NULL },
		{ "3/99999999999999999999", 0, NULL },
		{ "1/1s 2/2s 3/3s 4/4s 5/5s", 0, NULL },
		{ "none 3/1h", 0, NULL },
		{ "3/1h 100/1h", 0, NULL },
		{ "3/1h 6/24h 5/60m", 0, NULL },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_rates rates;
		struct buf b;
		int result = rates_parse(span_str(cases[i].text), &rates);

		unit_case("\"%s\"", cases[i].text);
		assert_int_equal(result, cases[i].canonical == NULL ? -1 : 0);
		if (result < 0)
			continue;
		assert_int_equal(rates.n, cases[i].n);
		buf_init(&b, j->arena, 200);
		rates_format(&rates, &b);
		assert_string_equal(b.p, cases[i].canonical);
	}
}

/* A full bucket holds `count`; each comes back after its part of the time. */
static void
test_bucket(void **state)
{
	static const struct conf_rate r = { 50, 10800 };
	int64_t full_at = 0, now = NOW_MS;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(bucket_wait(&r, full_at, now, 1), 0);
		full_at = bucket_take(&r, full_at, now, 1);
	}
	assert_int_equal(bucket_wait(&r, full_at, now, 1), 216000);
	assert_int_equal(bucket_wait(&r, full_at, now, 2), 2 * 216000);
	assert_int_equal(bucket_wait(&r, full_at, now + 215999, 1), 1);
	assert_int_equal(bucket_wait(&r, full_at, now + 216000, 1), 0);
	assert_int_equal(bucket_wait(&r, full_at, now + 10800000, 50), 0);
	assert_int_not_equal(
	    bucket_wait(&r, full_at, now + 10800000 - 1, 50), 0);
	/* More than it holds never fits. */
	assert_int_not_equal(bucket_wait(&r, 0, now, 51), 0);
	/* What is taken from an empty one leaves it empty, no more. */
	assert_int_equal(bucket_take(&r, full_at, now, 1000), full_at);
}

/* A time that the count does not divide: never more than the count. */
static void
test_bucket_rounding(void **state)
{
	static const struct conf_rate r = { 7, 1 };
	int64_t full_at = 0;
	int taken = 0;

	(void)state;
	for (int64_t ms = 0; ms < 1000; ms++) {
		if (bucket_wait(&r, full_at, NOW_MS + ms, 1) > 0)
			continue;
		full_at = bucket_take(&r, full_at, NOW_MS + ms, 1);
		taken++;
	}
	/* All it held, and what came back in the time. */
	assert_int_equal(taken, 7 + 6);
}

/* A clock that was ahead and steps back: nobody waits for longer than twice
 * the time, and a small step gives nothing away. */
static void
test_clock_steps_back(void **state)
{
	static const struct conf_rate r = { 6, 86400 };
	struct job *j = unit_job();
	int64_t step = (int64_t)10 * 365 * 86400, full_at = 0;
	const char *takes;

	(void)state;
	full_at = bucket_take(&r, 0, NOW_MS, 6);
	assert_int_equal(bucket_wait(&r, full_at, NOW_MS - 5000, 1),
	    bucket_wait(&r, full_at, NOW_MS, 1) + 5000);
	assert_int_equal(bucket_wait(&r, full_at, NOW_MS - step * 1000, 6), 0);
	full_at = bucket_take(&r, full_at, NOW_MS - step * 1000, 6);
	assert_int_not_equal(
	    bucket_wait(&r, full_at, NOW_MS - step * 1000, 1), 0);

	takes = window_take(j, &r, NULL, NOW, 6);
	assert_int_equal(window_wait(&r, takes, NOW - 5, 1), 86405);
	assert_int_equal(window_wait(&r, takes, NOW - step, 6), 0);
	takes = window_take(j, &r, takes, NOW - step, 6);
	assert_int_equal(window_wait(&r, takes, NOW - step, 1), 86400);
}

/* AC-189: no stretch of the time sees more than the count. */
static void
test_window(void **state)
{
	static const struct conf_rate r = { 6, 86400 };
	struct job *j = unit_job();
	const char *takes = NULL;
	int64_t at[400];
	int n = 0;

	(void)state;
	/* Whoever asks every ten minutes for three days. */
	for (int64_t now = NOW; now < NOW + 3 * 86400; now += 600) {
		int64_t wait = window_wait(&r, takes, now, 1);

		if (wait > 0) {
			assert_true(wait <= 86400);
			assert_int_equal(
			    window_wait(&r, takes, now + wait, 1), 0);
			assert_int_not_equal(
			    window_wait(&r, takes, now + wait - 1, 1), 0);
			continue;
		}
		takes = window_take(j, &r, takes, now, 1);
		at[n++] = now;
	}
	assert_int_equal(n, 18);
	for (int i = 6; i < n; i++)
		assert_true(at[i] - at[i - 6] >= 86400);
}

static void
test_window_edges(void **state)
{
	static const struct conf_rate r = { 3, 100 };
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(window_wait(&r, NULL, NOW, 3), 0);
	assert_int_equal(window_wait(&r, "", NOW, 3), 0);
	assert_int_equal(window_wait(&r, NULL, NOW, 4), 100);
	assert_string_equal(window_take(j, &r, NULL, 1000, 2), "1000 1000");
	assert_string_equal(
	    window_take(j, &r, "1000 1000", 1050, 1), "1000 1000 1050");
	/* Noted although there was no room: the oldest make it. */
	assert_string_equal(
	    window_take(j, &r, "1000 1000 1050", 1060, 2), "1050 1060 1060");
	assert_int_equal(window_wait(&r, "1000 1010 1020", 1050, 1), 50);
	assert_int_equal(window_wait(&r, "1000 1010 1020", 1050, 2), 60);
	assert_int_equal(window_wait(&r, "1000 1010 1020", 1100, 1), 0);
	/* A text that is none of ours keeps nobody out. */
	assert_int_equal(window_wait(&r, "x y z", 1050, 3), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_bucket),
	cmocka_unit_test(test_bucket_rounding),
	cmocka_unit_test(test_clock_steps_back),
	cmocka_unit_test(test_window),
	cmocka_unit_test(test_window_edges),
};

UNIT_MAIN(tests)
