#include "config.h"

#include "lib/rfc3339.h"

#include "lib/clock.h"

#define MINUTE_SECS 60
#define HOUR_SECS 3600

/* What is left to read. */
struct reader {
	struct span rest;
	bool failed;
};

/* Exactly so many digits, for a number in the range. */
static int
take_number(struct reader *r, size_t digits, int min, int max)
{
	int value = 0;

	if (r->failed || r->rest.n < digits) {
		r->failed = true;
		return 0;
	}
	for (size_t i = 0; i < digits; i++) {
		if (!ascii_is_digit(r->rest.p[i]))
			r->failed = true;
		else
			value = value * 10 + (r->rest.p[i] - '0');
	}
	r->rest = span_from(r->rest, digits);
	if (value < min || value > max)
		r->failed = true;
	return value;
}

static bool
next_is(const struct reader *r, char c)
{
	return r->rest.n > 0 && ascii_lower(r->rest.p[0]) == c;
}

static void
take(struct reader *r, char c)
{
	if (!next_is(r, c))
		r->failed = true;
	else
		r->rest = span_from(r->rest, 1);
}

static void
skip_fraction(struct reader *r)
{
	if (!next_is(r, '.'))
		return;
	take(r, '.');
	take_number(r, 1, 0, 9);
	while (r->rest.n > 0 && ascii_is_digit(r->rest.p[0]))
		r->rest = span_from(r->rest, 1);
}

/* Seconds east of UTC; -00:00, a place that is not known, is UTC as well
 * (section 4.3). */
static int
take_offset(struct reader *r)
{
	int sign = next_is(r, '-') ? -1 : 1;
	int hours, minutes;

	if (next_is(r, 'z')) {
		take(r, 'z');
		return 0;
	}
	take(r, sign < 0 ? '-' : '+');
	hours = take_number(r, 2, 0, 23);
	take(r, ':');
	minutes = take_number(r, 2, 0, 59);
	return sign * (hours * HOUR_SECS + minutes * MINUTE_SECS);
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month < 1 || month > 12)
		return 0;
	return days[month - 1] + (month == 2 && is_leap);
}

int
rfc3339_parse(struct span text, int64_t *secs)
{
	struct reader r = { text, false };
	struct clock_date d = { 0 };
	int offset;

	d.year = take_number(&r, 4, 0, 9999);
	take(&r, '-');
	d.month = take_number(&r, 2, 1, 12);
	take(&r, '-');
	d.day = take_number(&r, 2, 1, 31);
	take(&r, 't');
	d.hour = take_number(&r, 2, 0, 23);
	take(&r, ':');
	d.minute = take_number(&r, 2, 0, 59);
	take(&r, ':');
	d.second = take_number(&r, 2, 0, 59);
	skip_fraction(&r);
	offset = take_offset(&r);
	if (r.failed || r.rest.n > 0 || d.day > days_in_month(d.year, d.month))
		return -1;
	*secs = clock_secs(&d) - offset;
	return 0;
}
