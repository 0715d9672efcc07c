/* The dates of orders: AC-92, AC-162, PK-67, PK-92, PK-93. */
#include "config.h"

#include "acme/dates.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/json.h"
#include "pki/profile.h"
#include "tests/unit/unit.h"

#define NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define DAY INT64_C(86400)
#define PROFILE (&profiles[1])

static const char *dated[] = { "mailbox-encryption", "mailbox-multipurpose" };

static struct conf conf = {
	.allow_not_after = { dated, 2 },
	.order_life = 72 * 3600,
	.issuer = { .validity_days = 365, .clock_allowance = 300 },
};

#define UNSUPPORTED "this profile does not support notBefore/notAfter"
#define NO_DATE " is not a date of RFC 3339, as 2027-01-31T12:00:00Z"
#define TOO_LONG                                                               \
	"notAfter is beyond the longest validity of the profile: at most "

static const struct {
	const char *payload;
	int64_t not_before, not_after;
	const char *error; /* NULL: accepted */
} rows[] = {
	{ "{}", 0, 0, NULL },
	{ "{\"notBefore\":null,\"notAfter\":null}", 0, 0, NULL },
	{ "{\"notBefore\":\"2027-01-15T08:00:00Z\"}", NOW, 0, NULL },
	/* now − 60 s to now + 24 h */
	{ "{\"notBefore\":\"2027-01-15T07:59:00Z\"}", NOW - 60, 0, NULL },
	{ "{\"notBefore\":\"2027-01-15T07:58:59Z\"}", 0, 0,
	    "notBefore is too early: not before 2027-01-15T07:59:00Z" },
	{ "{\"notBefore\":\"2027-01-15T07:58:59.999Z\"}", 0, 0,
	    "notBefore is too early: not before 2027-01-15T07:59:00Z" },
	{ "{\"notBefore\":\"2027-01-16T08:00:00Z\"}", NOW + DAY, 0, NULL },
	{ "{\"notBefore\":\"2027-01-16T08:00:01Z\"}", 0, 0,
	    "notBefore is more than 24 hours ahead" },
	{ "{\"notBefore\":\"2027-01-15T22:00:00+14:00\"}", NOW, 0, NULL },
	{ "{\"notBefore\":\"2027-01-14T20:00:00-12:00\"}", NOW, 0, NULL },
	{ "{\"notBefore\":\"1970-01-01T00:00:00Z\"}", 0, 0,
	    "notBefore lies before 1970" },
	{ "{\"notAfter\":\"1970-01-01T00:00:00Z\"}", 0, 0,
	    "notAfter lies before 1970" },
	{ "{\"notBefore\":\"0000-01-01T00:00:00Z\"}", 0, 0,
	    "notBefore lies before 1970" },
	/* notAfter after now and after notBefore */
	{ "{\"notAfter\":\"2027-01-15T08:00:01Z\"}", 0, NOW + 1, NULL },
	{ "{\"notAfter\":\"2027-01-15T08:00:00Z\"}", 0, 0,
	    "notAfter is not in the future" },
	{ "{\"notBefore\":\"2027-01-15T07:59:10Z\","
	  "\"notAfter\":\"2027-01-15T07:59:50Z\"}",
	    0, 0, "notAfter is not in the future" },
	{ "{\"notBefore\":\"2027-01-15T09:00:00Z\","
	  "\"notAfter\":\"2027-01-15T09:00:01Z\"}",
	    NOW + 3600, NOW + 3601, NULL },
	{ "{\"notBefore\":\"2027-01-15T09:00:00Z\","
	  "\"notAfter\":\"2027-01-15T09:00:00Z\"}",
	    0, 0, "notAfter is not after notBefore" },
	{ "{\"notBefore\":\"2027-01-15T09:00:00Z\","
	  "\"notAfter\":\"2027-01-15T08:30:00Z\"}",
	    0, 0, "notAfter is not after notBefore" },
	/* 365 days, both ends inclusive; 29 February is a day of them */
	{ "{\"notAfter\":\"2028-01-15T07:59:59Z\"}", 0, NOW + 365 * DAY - 1,
	    NULL },
	{ "{\"notAfter\":\"2028-01-15T08:00:00Z\"}", 0, 0,
	    TOO_LONG "2028-01-15T07:59:59Z" },
	{ "{\"notBefore\":\"2027-01-16T08:00:00Z\","
	  "\"notAfter\":\"2028-01-16T07:59:59Z\"}",
	    NOW + DAY, NOW + 366 * DAY - 1, NULL },
	{ "{\"notBefore\":\"2027-01-16T08:00:00Z\","
	  "\"notAfter\":\"2028-01-16T08:00:00Z\"}",
	    0, 0, TOO_LONG "2028-01-16T07:59:59Z" },
	{ "{\"notBefore\":\"2027-01-15T07:59:00Z\","
	  "\"notAfter\":\"2028-01-15T07:59:59Z\"}",
	    0, 0, TOO_LONG "2028-01-15T07:58:59Z" },
	{ "{\"notAfter\":\"9999-12-31T23:59:59-23:59\"}", 0, 0,
	    TOO_LONG "2028-01-15T07:59:59Z" },
	/* no date, or none that there is */
	{ "{\"notAfter\":\"\"}", 0, 0, "notAfter" NO_DATE },
	{ "{\"notAfter\":\"2027-02-29T00:00:00Z\"}", 0, 0, "notAfter" NO_DATE },
	{ "{\"notBefore\":\"2027-01-15T08:00:60Z\"}", 0, 0,
	    "notBefore" NO_DATE },
	{ "{\"notBefore\":\"2027-01-15\"}", 0, 0, "notBefore" NO_DATE },
	{ "{\"notBefore\":\"x\",\"notAfter\":\"y\"}", 0, 0,
	    "notBefore" NO_DATE },
	{ "{\"notAfter\":1800000001}", 0, 0, "notAfter must be a string" },
	{ "{\"notBefore\":[]}", 0, 0, "notBefore must be a string" },
};

static const struct json *
parse(struct job *j, const char *text)
{
	const struct json *v;

	assert_int_equal(
	    json_parse_object(j, span_str(text), "payload", &v), 0);
	return v;
}

static void
test_parse(void **state)
{
	struct job *j = unit_job();

	(void)state;
	j->now = NOW;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct json *v = parse(j, rows[i].payload);
		struct dates d;
		int r;

		unit_case("%s", rows[i].payload);
		r = dates_parse(j, &conf, PROFILE, v, &d);
		assert_int_equal(r, rows[i].error == NULL ? 0 : -1);
		if (r < 0) {
			assert_job_error(j, ERR_MALFORMED, rows[i].error);
			job_recover(j);
			continue;
		}
		assert_true(d.not_before == rows[i].not_before);
		assert_true(d.not_after == rows[i].not_after);
	}
}

/* Without allow_not_after whatever stands there is refused. */
static void
test_unsupported(void **state)
{
	static const char *const payloads[] = {
		"{\"notBefore\":\"2027-01-15T08:00:00Z\"}",
		"{\"notAfter\":\"2027-01-16T08:00:00Z\"}",
		"{\"notAfter\":\"\"}",
	};
	struct job *j = unit_job();
	struct dates d;

	(void)state;
	j->now = NOW;
	for (size_t p = 0; p < profile_count; p++) {
		bool supported = p == 1 || p == 3;

		for (size_t i = 0; i < 3; i++) {
			unit_case("%s, %s", profiles[p].name, payloads[i]);
			int r = dates_parse(
			    j, &conf, &profiles[p], parse(j, payloads[i]), &d);
			assert_int_equal(r, supported && i < 2 ? 0 : -1);
			if (!supported)
				assert_job_error(j, ERR_MALFORMED, UNSUPPORTED);
			job_recover(j);
		}
		assert_int_equal(
		    dates_parse(j, &conf, &profiles[p], parse(j, "{}"), &d), 0);
	}
}

/* PK-67: not before the clock allowance begins, if that is shorter. */
static void
test_allowance(void **state)
{
	struct job *j = unit_job();
	struct conf strict = conf;
	struct dates d;

	(void)state;
	j->now = NOW;
	strict.issuer.clock_allowance = 10;
	assert_int_equal(
	    dates_parse(j, &strict, PROFILE,
		parse(j, "{\"notBefore\":\"2027-01-15T07:59:50Z\"}"), &d),
	    0);
	assert_int_equal(
	    dates_parse(j, &strict, PROFILE,
		parse(j, "{\"notBefore\":\"2027-01-15T07:59:49Z\"}"), &d),
	    -1);
	assert_job_error(j, ERR_MALFORMED,
	    "notBefore is too early: not before 2027-01-15T07:59:50Z");
}

/* PK-92, PK-93 */
static void
test_validity(void **state)
{
	static const struct {
		struct dates asked;
		int64_t not_before, not_after;
	} cases[] = {
		{ { 0, 0 }, NOW - 300, NOW - 300 + 365 * DAY - 1 },
		{ { NOW - 60, 0 }, NOW - 60, NOW - 60 + 365 * DAY - 1 },
		{ { NOW + DAY, 0 }, NOW + DAY, NOW + 366 * DAY - 1 },
		{ { 0, NOW + 9 }, NOW - 300, NOW + 9 },
		{ { 0, NOW - 300 + 365 * DAY - 1 }, NOW - 300,
		    NOW - 300 + 365 * DAY - 1 },
		{ { 0, NOW - 200 + 365 * DAY - 1 }, NOW - 200,
		    NOW - 200 + 365 * DAY - 1 },
		{ { 0, NOW + 365 * DAY - 1 }, NOW, NOW + 365 * DAY - 1 },
		{ { NOW + 5, NOW + 6 }, NOW + 5, NOW + 6 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t from, until;

		unit_case("%zu", i);
		dates_validity(
		    &conf, PROFILE, &cases[i].asked, NOW, &from, &until);
		assert_true(from == cases[i].not_before);
		assert_true(until == cases[i].not_after);
		assert_true(until - from + 1 <= 365 * DAY);
	}
}

/* PK-92: never beyond the CA, and nothing is cut short. */
static void
test_fit(void **state)
{
	const struct dates none = { 0, 0 }, from = { NOW, 0 },
			   until = { 0, NOW + 30 * DAY };
	const int64_t usual = NOW - 300 + 365 * DAY - 1;
	struct job *j = unit_job();

	(void)state;
	j->now = NOW;
	assert_int_equal(dates_fit(j, &conf, PROFILE, &none, usual), 0);
	assert_int_equal(dates_fit(j, &conf, PROFILE, &none, usual - 1), -1);
	assert_job_error(j, ERR_INVALID_PROFILE,
	    "profile mailbox-multipurpose does not fit: the certificate would "
	    "end after the CA, which ends at 2028-01-15T07:54:58Z");
	job_recover(j);
	assert_int_equal(dates_fit(j, &conf, PROFILE, &from, usual + 300), 0);
	assert_int_equal(dates_fit(j, &conf, PROFILE, &from, usual + 299), -1);
	assert_job_error(j, ERR_INVALID_PROFILE, NULL);
	job_recover(j);
	/* A date within its life is possible still. */
	assert_int_equal(
	    dates_fit(j, &conf, PROFILE, &until, NOW + 30 * DAY), 0);
	assert_int_equal(
	    dates_fit(j, &conf, PROFILE, &until, NOW + 30 * DAY - 1), -1);
	assert_job_error(j, ERR_MALFORMED,
	    "notAfter is beyond the end of the CA, which is "
	    "2027-02-14T07:59:59Z");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_unsupported),
	cmocka_unit_test(test_allowance),
	cmocka_unit_test(test_validity),
	cmocka_unit_test(test_fit),
};

UNIT_MAIN(tests)
