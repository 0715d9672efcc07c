/* AC-92: a date as a client sends it.  What is taken is written again as the
 * same moment; the C library reads the same from what is left of the T. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/rfc3339.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* By another way: timegm() turns fields into seconds, and back to fields of a
 * day that exists. */
static int64_t
by_library(const uint8_t *data)
{
	char text[20];
	struct tm tm = { 0 };
	struct tm day;
	time_t t;

	memcpy(text, data, 19);
	text[19] = '\0';
	if (sscanf(text, "%4d-%2d-%2d%*1[Tt]%2d:%2d:%2d", &tm.tm_year,
		&tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		&tm.tm_sec) != 6)
		abort();
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	day = tm;
	t = timegm(&tm);
	if (day.tm_mday != tm.tm_mday || day.tm_mon != tm.tm_mon ||
	    day.tm_sec != tm.tm_sec)
		abort();
	return (int64_t)t;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const int64_t first = INT64_C(-62167219200); /* 0000-01-01 */
	const int64_t last = INT64_C(253402300799);  /* 9999-12-31 */
	char text[CLOCK_RFC3339_MAX];
	int64_t secs, again, rest;

	if (rfc3339_parse(span_mem(data, n), &secs) < 0)
		return 0;
	if (n < 20)
		abort();
	/* They differ by the offset: whole minutes, less than a day. */
	rest = by_library(data) - secs;
	if (rest % 60 != 0 || rest <= -86400 || rest >= 86400)
		abort();
	if ((data[n - 1] | 0x20) == 'z' && rest != 0)
		abort();
	if (secs < first || secs > last)
		return 0;
	clock_format_rfc3339(secs, text);
	if (rfc3339_parse(span_str(text), &again) < 0 || again != secs)
		abort();
	return 0;
}
