/*
 * The one source of time.  Tests set it; nothing else calls time().
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

struct arena;

int64_t clock_now(void);    /* seconds since 1970, UTC */
int64_t clock_now_ms(void); /* milliseconds since 1970 */
/* Milliseconds of a clock that never steps: for deadlines of waiting. */
int64_t clock_mono_ms(void);
/* The same, and it goes on while the machine sleeps. */
int64_t clock_boot_ms(void);
/* Tests: the time stands still at `secs` until set again; 0 gives the real
 * clock back. */
void clock_set(int64_t secs);

/* RFC 3339, UTC, whole seconds: "2026-03-02T10:00:00Z" (AC-20).
 * `out` has CLOCK_RFC3339_MAX bytes. */
#define CLOCK_RFC3339_MAX 21
void clock_format_rfc3339(int64_t secs, char *out);
/* The same, in the arena's memory. */
const char *clock_rfc3339(struct arena *a, int64_t secs);
/* RFC 5322 date-time in UTC: "Mon, 02 Mar 2026 10:00:00 +0000". */
#define CLOCK_RFC5322_MAX 32
void clock_format_rfc5322(int64_t secs, char *out);
/* Proleptic Gregorian date from seconds; no locale, no time zone. */
struct clock_date {
	int year, month, day, hour, minute, second, weekday; /* 0 = Sunday */
};
void clock_date(int64_t secs, struct clock_date *out);
/* The other way round; the weekday does not matter, and fields out of range
 * count on (a 60th second is the next minute's first). */
int64_t clock_secs(const struct clock_date *d);

#endif
