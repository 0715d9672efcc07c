#include "config.h"

#include "src/http_date.h"

#include "lib/buf.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DATE_LEN 29

/* Not strftime(): that speaks the language of the locale. */
static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void
http_date_add(struct buf *b, int64_t secs)
{
	time_t t = (time_t)secs;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return;
	buf_addf(b, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
	    days + (size_t)tm.tm_wday * 3, tm.tm_mday,
	    months + (size_t)tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

static int
digits(const char *p, size_t n, int *out)
{
	int64_t v;

	if (span_to_int(span_mem(p, n), 0, 9999, &v) < 0)
		return -1;
	*out = (int)v;
	return 0;
}

int
http_date_parse(const char *text, int64_t *secs)
{
	struct tm tm = { 0 };
	time_t t;

	if (strlen(text) != DATE_LEN || digits(text + 5, 2, &tm.tm_mday) < 0 ||
	    digits(text + 12, 4, &tm.tm_year) < 0 ||
	    digits(text + 17, 2, &tm.tm_hour) < 0 ||
	    digits(text + 20, 2, &tm.tm_min) < 0 ||
	    digits(text + 23, 2, &tm.tm_sec) < 0)
		return -1;
	while (tm.tm_mon < 12 &&
	       memcmp(months + (size_t)tm.tm_mon * 3, text + 8, 3) != 0)
		tm.tm_mon++;
	tm.tm_year -= 1900;
	t = tm.tm_mon < 12 ? timegm(&tm) : 0;
	/* Written again it is the same text, or it was no such date. */
	char again[DATE_LEN + 1];
	if (t <= 0 ||
	    snprintf(again, sizeof(again),
		"%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		days + (size_t)tm.tm_wday * 3, tm.tm_mday,
		months + (size_t)tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
		tm.tm_min, tm.tm_sec) != DATE_LEN ||
	    strcmp(again, text) != 0)
		return -1;
	*secs = (int64_t)t;
	return 0;
}
