#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/count.h"

static const struct {
	int64_t secs;
	const char *rfc3339, *rfc5322;
} moments[] = {
	{ 0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000" },
	{ -1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 +0000" },
	{ 951782400, "2000-02-29T00:00:00Z",
	    "Tue, 29 Feb 2000 00:00:00 +0000" },
	{ 951868799, "2000-02-29T23:59:59Z",
	    "Tue, 29 Feb 2000 23:59:59 +0000" },
	{ 951868800, "2000-03-01T00:00:00Z",
	    "Wed, 01 Mar 2000 00:00:00 +0000" },
	{ 1772445600, "2026-03-02T10:00:00Z",
	    "Mon, 02 Mar 2026 10:00:00 +0000" },
	{ 2147483648, "2038-01-19T03:14:08Z",
	    "Tue, 19 Jan 2038 03:14:08 +0000" },
	{ 4107542399, "2100-02-28T23:59:59Z",
	    "Sun, 28 Feb 2100 23:59:59 +0000" },
	{ 4107542400, "2100-03-01T00:00:00Z",
	    "Mon, 01 Mar 2100 00:00:00 +0000" },
	{ INT64_C(253402300799), "9999-12-31T23:59:59Z",
	    "Fri, 31 Dec 9999 23:59:59 +0000" },
	{ INT64_MAX, "9999-12-31T23:59:59Z",
	    "Fri, 31 Dec 9999 23:59:59 +0000" },
	{ INT64_C(-62167219200), "0000-01-01T00:00:00Z",
	    "Sat, 01 Jan 0000 00:00:00 +0000" },
	{ INT64_MIN, "0000-01-01T00:00:00Z",
	    "Sat, 01 Jan 0000 00:00:00 +0000" },
};

/* AC-20: UTC, capital Z, whole seconds. */
static void
test_formats(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(moments); i++) {
		char a[CLOCK_RFC3339_MAX], b[CLOCK_RFC5322_MAX];

		unit_case("%s", moments[i].rfc3339);
		clock_format_rfc3339(moments[i].secs, a);
		assert_string_equal(a, moments[i].rfc3339);
		clock_format_rfc5322(moments[i].secs, b);
		assert_string_equal(b, moments[i].rfc5322);
	}
}

/* Against the C library, a day and a bit further each time. */
static void
test_date_as_gmtime(void **state)
{
	(void)state;
	for (int64_t secs = INT64_C(-70000000000); secs < INT64_C(300000000000);
	     secs += 8640123) {
		time_t t = (time_t)secs;
		struct clock_date d;
		struct tm tm;

		clock_date(secs, &d);
		assert_non_null(gmtime_r(&t, &tm));
		if (d.year == tm.tm_year + 1900 && d.month == tm.tm_mon + 1 &&
		    d.day == tm.tm_mday && d.hour == tm.tm_hour &&
		    d.minute == tm.tm_min && d.second == tm.tm_sec &&
		    d.weekday == tm.tm_wday && clock_secs(&d) == secs)
			continue;
		fail_msg("%jd: %d-%d-%d %d:%d:%d (%d)", (intmax_t)secs, d.year,
		    d.month, d.day, d.hour, d.minute, d.second, d.weekday);
	}
}

static void
test_set(void **state)
{
	int64_t before = (int64_t)time(NULL);
	int64_t mono = clock_mono_ms();

	(void)state;
	clock_set(1772445600);
	assert_true(clock_now() == 1772445600);
	assert_true(clock_now_ms() == INT64_C(1772445600000));
	/* Deadlines of waiting are not moved. */
	assert_true(clock_mono_ms() - mono < 60000);
	clock_set(0);
	assert_true(clock_now() >= before);
	assert_true(clock_now() - before < 60);
	assert_true(clock_mono_ms() >= mono);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_formats),
	cmocka_unit_test(test_date_as_gmtime),
	cmocka_unit_test(test_set),
};

UNIT_MAIN(tests)
