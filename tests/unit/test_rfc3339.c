/* AC-92: dates of orders, RFC 3339 with any offset. */
#include "config.h"

#include "lib/rfc3339.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/unit.h"

static const struct {
	const char *text, *utc;
} good[] = {
	{ "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z" },
	{ "2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z" },
	{ "2027-01-15t08:00:00z", "2027-01-15T08:00:00Z" },
	{ "2027-01-15T08:00:00+00:00", "2027-01-15T08:00:00Z" },
	{ "2027-01-15T08:00:00-00:00", "2027-01-15T08:00:00Z" },
	{ "2027-01-15T08:00:00+05:30", "2027-01-15T02:30:00Z" },
	{ "2027-01-15T08:00:00-05:30", "2027-01-15T13:30:00Z" },
	{ "2027-01-15T08:00:00+23:59", "2027-01-14T08:01:00Z" },
	{ "2027-01-15T08:00:00-23:59", "2027-01-16T07:59:00Z" },
	{ "2027-12-31T23:59:59-01:00", "2028-01-01T00:59:59Z" },
	{ "2028-03-01T00:30:00+01:00", "2028-02-29T23:30:00Z" },
	{ "2027-03-01T00:30:00+01:00", "2027-02-28T23:30:00Z" },
	/* 29 February */
	{ "2028-02-29T12:00:00Z", "2028-02-29T12:00:00Z" },
	{ "2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z" },
	{ "2400-02-29T12:00:00Z", "2400-02-29T12:00:00Z" },
	/* the last day of each month */
	{ "2027-01-31T00:00:00Z", "2027-01-31T00:00:00Z" },
	{ "2027-02-28T00:00:00Z", "2027-02-28T00:00:00Z" },
	{ "2027-03-31T00:00:00Z", "2027-03-31T00:00:00Z" },
	{ "2027-04-30T00:00:00Z", "2027-04-30T00:00:00Z" },
	{ "2027-05-31T00:00:00Z", "2027-05-31T00:00:00Z" },
	{ "2027-06-30T00:00:00Z", "2027-06-30T00:00:00Z" },
	{ "2027-07-31T00:00:00Z", "2027-07-31T00:00:00Z" },
	{ "2027-08-31T00:00:00Z", "2027-08-31T00:00:00Z" },
	{ "2027-09-30T00:00:00Z", "2027-09-30T00:00:00Z" },
	{ "2027-10-31T00:00:00Z", "2027-10-31T00:00:00Z" },
	{ "2027-11-30T00:00:00Z", "2027-11-30T00:00:00Z" },
	{ "2027-12-31T00:00:00Z", "2027-12-31T00:00:00Z" },
	/* a fraction is cut off, never rounded up */
	{ "2027-01-15T08:00:00.0Z", "2027-01-15T08:00:00Z" },
	{ "2027-01-15T08:00:00.999Z", "2027-01-15T08:00:00Z" },
	{ "2027-01-15T08:00:00.123456789012345678901234567890+01:00",
	    "2027-01-15T07:00:00Z" },
	{ "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z" },
	/* the ends of the calendar */
	{ "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z" },
	{ "0001-03-01T00:00:00Z", "0001-03-01T00:00:00Z" },
	{ "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z" },
};

static const char *const bad[] = {
	"",
	"x",
	"2027-01-15",
	"2027-01-15T08:00:00",  /* no offset */
	"2027-01-15T08:00Z",    /* no seconds */
	"2027-01-15 08:00:00Z", /* no T */
	"2027-01-15T08:00:00 Z",
	" 2027-01-15T08:00:00Z",
	"2027-01-15T08:00:00Z ",
	"2027-01-15T08:00:00ZZ",
	"2027-01-15T08:00:00.Z",
	"2027-01-15T08:00:00,5Z",
	"2027-01-15T08:00:00.5.5Z",
	"2027-01-15T08:00:00.-5Z",
	"27-01-15T08:00:00Z",
	"02027-01-15T08:00:00Z",
	"+2027-01-15T08:00:00Z",
	"-027-01-15T08:00:00Z",
	"2027-1-15T08:00:00Z",
	"2027-01-5T08:00:00Z",
	"20270115T080000Z",
	"2027/01/15T08:00:00Z",
	"2027-W03-5T08:00:00Z",
	"2027-00-15T08:00:00Z",
	"2027-13-15T08:00:00Z",
	"2027-01-00T08:00:00Z",
	"2027-01-32T08:00:00Z",
	"2027-04-31T08:00:00Z",
	"2027-06-31T08:00:00Z",
	"2027-09-31T08:00:00Z",
	"2027-11-31T08:00:00Z",
	"2027-02-29T08:00:00Z",
	"2028-02-30T08:00:00Z",
	"2100-02-29T08:00:00Z",
	"1900-02-29T08:00:00Z",
	"2027-01-15T24:00:00Z",
	"2027-01-15T08:60:00Z",
	"2027-01-15T08:00:60Z",
	"2016-12-31T23:59:60Z", /* a leap second that there was */
	"2016-12-31T15:59:60-08:00",
	"2027-01-15T08:00:61Z",
	"2027-01-15T08:00:00+24:00",
	"2027-01-15T08:00:00+01:60",
	"2027-01-15T08:00:00+0100",
	"2027-01-15T08:00:00+01",
	"2027-01-15T08:00:00+1:00",
	"2027-01-15T08:00:00\342\210\22201:00", /* U+2212 */
	"2027-01-15T08:00:00 01:00",
	"2027-01-15T08:00:00+ 1:00",
	"2027-01-15T 8:00:00Z",
	"2027-01-15T08:00:00EST",
	"\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa7-01-15T08:00:00Z",
	"1800000000",
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char utc[CLOCK_RFC3339_MAX];
		struct span all = span_str(good[i].text);
		int64_t secs, again;

		unit_case("%s", good[i].text);
		assert_int_equal(rfc3339_parse(all, &secs), 0);
		clock_format_rfc3339(secs, utc);
		assert_string_equal(utc, good[i].utc);
		assert_int_equal(rfc3339_parse(span_str(utc), &again), 0);
		assert_true(again == secs);
		/* Nothing of it can be left out. */
		for (size_t n = 0; n < all.n; n++)
			assert_int_equal(
			    rfc3339_parse(span_cut(all, 0, n), &secs), -1);
	}
}

static void
test_bad(void **state)
{
	int64_t secs;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		assert_int_equal(rfc3339_parse(span_str(bad[i]), &secs), -1);
	}
	assert_int_equal(
	    rfc3339_parse(span_mem("2027-01-15T08:00:00Z\0", 21), &secs), -1);
}

/* Each second of the format comes back, over leap years and centuries. */
static void
test_back(void **state)
{
	(void)state;
	for (int64_t secs = INT64_C(-62167219200); secs < INT64_C(253402300800);
	     secs += 86399 * 13) {
		char text[CLOCK_RFC3339_MAX];
		int64_t back;

		clock_format_rfc3339(secs, text);
		if (rfc3339_parse(span_str(text), &back) < 0 || back != secs)
			fail_msg("%s", text);
	}
}

/* An offset takes the moment beyond the years that can be written. */
static void
test_beyond(void **state)
{
	int64_t secs;

	(void)state;
	assert_int_equal(
	    rfc3339_parse(SPAN("9999-12-31T23:59:59-23:59"), &secs), 0);
	assert_true(secs == INT64_C(253402300799) + 86340);
	assert_int_equal(
	    rfc3339_parse(SPAN("0000-01-01T00:00:00+23:59"), &secs), 0);
	assert_true(secs == INT64_C(-62167219200) - 86340);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),
	cmocka_unit_test(test_bad),
	cmocka_unit_test(test_back),
	cmocka_unit_test(test_beyond),
};

UNIT_MAIN(tests)
