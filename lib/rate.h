/*
 * Limits as arithmetic (acme.md section 19): pure functions of what is stored,
 * the clock and how much is asked for.
 *
 * A bucket that holds `count` and fills evenly in `secs` is one number: the
 * moment when it is full again.  0, or any moment gone by, is a full one.
 *
 * A bucket lets nearly twice its content pass in its time: what it held, and
 * what came back meanwhile.  Where no stretch of `secs` may see more than
 * `count`, the moments themselves are kept: a window.  Its text holds them in
 * seconds, oldest first, with a blank between; NULL or "" is an empty one.
 */
#ifndef LIB_RATE_H
#define LIB_RATE_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;

/* Above it a window's text would be too long to keep. */
#define WINDOW_COUNT_MAX 100

/* "3/1h 6/24h", or "none": 0 or -1; no two over the same time. */
int rates_parse(struct span text, struct conf_rates *out);
void rates_format(const struct conf_rates *rates, struct buf *out);

/* Milliseconds until `n` can be taken; 0: now. */
int64_t bucket_wait(
    const struct conf_rate *r, int64_t full_at_ms, int64_t now_ms, int64_t n);
/* The new moment, after `n` were taken: at most a whole bucket is missing. */
int64_t bucket_take(
    const struct conf_rate *r, int64_t full_at_ms, int64_t now_ms, int64_t n);

/* Seconds until `n` can be taken; 0: now. */
int64_t window_wait(
    const struct conf_rate *r, const char *takes, int64_t now, int64_t n);
/* The new text, in the job's arena: what is older than the window is left
 * out, and of too many the oldest. */
const char *window_take(struct job *j, const struct conf_rate *r,
    const char *takes, int64_t now, int64_t n);

#endif
