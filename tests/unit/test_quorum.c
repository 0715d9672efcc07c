/* Quorum of network perspectives: the table, its dates, and what is told. */
#include "config.h"

#include "dns/quorum.h"

#include "lib/count.h"
#include "tests/unit/unit.h"

#include <string.h>

#define VOTES_MAX 8
#define IN_2026_07 4 /* so many must be asked then: pki/effective.h */
#define IN_2027 5

/*
 * One character is one remote: what it said.  In `regions`, the registry: R, A
 * (ARIN), P (APNIC).
 */
static struct quorum
count(const char *said, const char *regions, size_t minimum)
{
	static const char answers[] = "?+-!.";
	struct vote votes[VOTES_MAX];
	size_t n = strlen(said);

	assert_true(n <= VOTES_MAX && strlen(regions) == n);
	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(answers, said[i]);

		assert_non_null(at);
		votes[i].answer = (enum answer)(at - answers);
		votes[i].rir = regions[i] == 'R'   ? RIR_RIPE
			       : regions[i] == 'A' ? RIR_ARIN
						   : RIR_APNIC;
	}
	return quorum_count(votes, n, minimum);
}

static const struct row {
	const char *said, *regions;
	size_t minimum;
	enum quorum_outcome outcome;
} rows[] = {
	/* four, five: one may dissent, whatever way */
	{ "++++", "RRAA", IN_2026_07, QUORUM_REACHED },
	{ "+++-", "RRAA", IN_2026_07, QUORUM_REACHED },
	{ "+++!", "RRAA", IN_2026_07, QUORUM_REACHED },
	{ "+++.", "RRAA", IN_2026_07, QUORUM_REACHED },
	{ "++--", "RRAA", IN_2026_07, QUORUM_DENIED },
	{ "+++++", "RRAAP", IN_2027, QUORUM_REACHED },
	{ "++++-", "RRAAP", IN_2027, QUORUM_REACHED },
	{ "+++--", "RRAAP", IN_2027, QUORUM_DENIED },
	{ "+++!!", "RRAAP", IN_2027, QUORUM_FAILED },
	{ "+++..", "RRAAP", IN_2027, QUORUM_SILENT },
	/* six, seven: two */
	{ "++++--", "RRAAPP", IN_2027, QUORUM_REACHED },
	{ "+++---", "RRAAPP", IN_2027, QUORUM_DENIED },
	{ "+++++-.", "RRAAPPP", IN_2027, QUORUM_REACHED },
	{ "++++-..", "RRAAPPP", IN_2027, QUORUM_SILENT },
	/* one region only, by birth or by dissent */
	{ "++++", "RRRR", IN_2026_07, QUORUM_SILENT },
	{ "+++-", "RRRA", IN_2026_07, QUORUM_DENIED },
	{ "+++.", "RRRA", IN_2026_07, QUORUM_SILENT },
	/* too few asked at that date */
	{ "++++", "RRAA", IN_2027, QUORUM_SILENT },
	{ "+++", "RAP", IN_2026_07, QUORUM_SILENT },
	{ "", "", IN_2026_07, QUORUM_SILENT },
	/* mixed: the majority, a denial first, then a failure */
	{ "+++-.", "RRAAP", IN_2027, QUORUM_DENIED },
	{ "+++-!", "RRAAP", IN_2027, QUORUM_DENIED },
	{ "+++!.", "RRAAP", IN_2027, QUORUM_FAILED },
	{ "++-..", "RRAAP", IN_2027, QUORUM_SILENT },
	{ "++-!!", "RRAAP", IN_2027, QUORUM_FAILED },
	/* certain before all have answered, or not */
	{ "++++?", "RRAAP", IN_2027, QUORUM_REACHED },
	{ "+++??", "RRAAP", IN_2027, QUORUM_OPEN },
	{ "+++-?", "RRAAP", IN_2027, QUORUM_OPEN },
	{ "--???", "RRAAP", IN_2027, QUORUM_DENIED },
	{ "++++?", "RRRRA", IN_2027, QUORUM_OPEN },
	{ "++++?", "RRRRR", IN_2027, QUORUM_SILENT },
	{ "?????", "RRAAP", IN_2027, QUORUM_OPEN },
};

/* PK-46, MP-3, MP-6 */
static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct quorum q = count(r->said, r->regions, r->minimum);

		if (q.outcome != r->outcome)
			fail_msg("row %zu: %s in %s is %s, not %s", i, r->said,
			    r->regions, quorum_outcome_name(q.outcome),
			    quorum_outcome_name(r->outcome));
	}
}

/* Every way in which up to seven can answer: never reached with fewer than
 * the table wants, and never open once all have answered. */
static void
test_every_answer(void **state)
{
	static const char answers[] = "?+-!.";

	(void)state;
	for (size_t n = 1; n <= 7; n++) {
		size_t all = 1;

		for (size_t i = 0; i < n; i++)
			all *= 5;
		for (size_t k = 0; k < all; k++) {
			char said[VOTES_MAX + 1] = { 0 };
			size_t plus = 0, open = 0, rest = k;

			for (size_t i = 0; i < n; i++, rest /= 5) {
				said[i] = answers[rest % 5];
				plus += said[i] == '+';
				open += said[i] == '?';
			}
			struct quorum q =
			    count(said, &"RAPRAPR"[7 - n], IN_2027);
			if (q.outcome == QUORUM_REACHED)
				assert_true(
				    n >= 5 && plus >= n - (n >= 6 ? 2 : 1));
			if (open == 0)
				assert_int_not_equal(q.outcome, QUORUM_OPEN);
			assert_int_equal(q.agree, plus);
			assert_int_equal(q.pending, open);
		}
	}
}

/* MP-3 */
static void
test_code_twice(void **state)
{
	(void)state;
	assert_int_equal(
	    answer_join(ANSWER_PENDING, ANSWER_AGREES), ANSWER_AGREES);
	assert_int_equal(
	    answer_join(ANSWER_AGREES, ANSWER_AGREES), ANSWER_AGREES);
	assert_int_equal(
	    answer_join(ANSWER_AGREES, ANSWER_FAILS), ANSWER_DENIES);
	assert_int_equal(
	    answer_join(ANSWER_SILENT, ANSWER_AGREES), ANSWER_DENIES);
}

static void
test_names(void **state)
{
	(void)state;
	for (int i = 0; i < RIR_COUNT; i++) {
		enum rir r;

		assert_true(rir_parse(span_str(rir_name((enum rir)i)), &r));
		assert_int_equal(r, i);
	}
	for (int i = ANSWER_PENDING; i <= ANSWER_SILENT; i++) {
		enum answer a;

		assert_true(
		    answer_parse(span_str(answer_name((enum answer)i)), &a));
		assert_int_equal(a, i);
	}
	enum rir r;
	assert_false(rir_parse(SPAN("RIPE"), &r));
}

/* PK-50: Frankfurt, Paris (478 km), Dublin, Sydney; across the date line. */
static void
test_distance(void **state)
{
	const struct site frankfurt = { 50.11, 8.68 }, paris = { 48.86, 2.35 },
			  sydney = { -33.87, 151.21 };
	const struct site east = { 0, 179.5 }, west = { 0, -179.5 };

	(void)state;
	assert_true(place_distance_km(frankfurt, paris) > 470);
	assert_true(place_distance_km(frankfurt, paris) < 490);
	assert_true(place_distance_km(frankfurt, sydney) > 16400);
	assert_true(place_distance_km(frankfurt, sydney) < 16600);
	assert_true(place_distance_km(east, west) < 112);
	assert_true(place_distance_km(paris, paris) < 0.001);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_every_answer),
	cmocka_unit_test(test_code_twice),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_distance),
};

UNIT_MAIN(tests)
