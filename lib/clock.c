#include "config.h"

#include "lib/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"

#define DAY_SECS 86400

static _Atomic int64_t fixed; /* 0: the real clock */

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	/* Fails only for clocks that do not exist. */
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_now(void)
{
	return clock_now_ms() / 1000;
}

int64_t
clock_now_ms(void)
{
	int64_t secs = atomic_load(&fixed);

	return secs != 0 ? secs * 1000 : read_ms(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t
clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

void
clock_set(int64_t secs)
{
	atomic_store(&fixed, secs);
}

/*
 * Days since 1970-01-01 to year, month, day.  Years begin in March here, so
 * that the leap day is the last of its year; 400 of them are always 146097
 * days, and five months from March on are always 153 days.
 */
static void
civil(int64_t days, struct clock_date *out)
{
	int64_t era, day, year, month;

	days += 719468; /* from 0000-03-01 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	day = days - era * 146097;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= year * 365 + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	out->day = (int)(day - (153 * month + 2) / 5 + 1);
	out->month = (int)(month < 10 ? month + 3 : month - 9);
	out->year = (int)(year + era * 400 + (out->month <= 2 ? 1 : 0));
}

/* Its inverse. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

int64_t
clock_secs(const struct clock_date *d)
{
	return days_of(d->year, d->month, d->day) * DAY_SECS +
	       (int64_t)d->hour * 3600 + (int64_t)d->minute * 60 + d->second;
}

void
clock_date(int64_t secs, struct clock_date *out)
{
	int64_t days = secs / DAY_SECS;
	int64_t rest = secs % DAY_SECS;

	if (rest < 0) {
		rest += DAY_SECS;
		days--;
	}
	civil(days, out);
	out->hour = (int)(rest / 3600);
	out->minute = (int)(rest / 60 % 60);
	out->second = (int)(rest % 60);
	/* 1970-01-01 was a Thursday. */
	out->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

static char *
put_digits(char *out, int value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + width;
}

static char *
put_text(char *out, const char *text, size_t n)
{
	memcpy(out, text, n);
	return out + n;
}

static char *
put_time(char *out, const struct clock_date *d)
{
	out = put_digits(out, d->hour, 2);
	*out++ = ':';
	out = put_digits(out, d->minute, 2);
	*out++ = ':';
	return put_digits(out, d->second, 2);
}

/* Both formats have four digits for the year. */
static void
date_of_four_digit_year(int64_t secs, struct clock_date *out)
{
	const int64_t first = INT64_C(-62167219200); /* 0000-01-01 */
	const int64_t last = INT64_C(253402300799);  /* 9999-12-31 */

	clock_date(secs < first ? first : secs > last ? last : secs, out);
}

void
clock_format_rfc3339(int64_t secs, char *out)
{
	struct clock_date d;

	date_of_four_digit_year(secs, &d);
	out = put_digits(out, d.year, 4);
	*out++ = '-';
	out = put_digits(out, d.month, 2);
	*out++ = '-';
	out = put_digits(out, d.day, 2);
	*out++ = 'T';
	out = put_time(out, &d);
	*out++ = 'Z';
	*out = '\0';
}

const char *
clock_rfc3339(struct arena *a, int64_t secs)
{
	char text[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(secs, text);
	return arena_strdup(a, text);
}

void
clock_format_rfc5322(int64_t secs, char *out)
{
	static const char weekdays[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const char zone[] = " +0000";
	struct clock_date d;

	date_of_four_digit_year(secs, &d);
	out = put_text(out, weekdays + (ptrdiff_t)3 * d.weekday, 3);
	out = put_text(out, ", ", 2);
	out = put_digits(out, d.day, 2);
	*out++ = ' ';
	out = put_text(out, months + (ptrdiff_t)3 * (d.month - 1), 3);
	*out++ = ' ';
	out = put_digits(out, d.year, 4);
	*out++ = ' ';
	out = put_time(out, &d);
	put_text(out, zone, sizeof(zone));
}
