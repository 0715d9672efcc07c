/*
 * Is the clock to be trusted for a signature (PK-147)?
 */
#ifndef SRC_CLOCK_WATCH_H
#define SRC_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct job;

/* Why it is not: the database knows of a later moment. */
#define CLOCK_BEHIND_MADE "it is earlier than the newest record in the database"
#define CLOCK_BEHIND_AUDITED "it is earlier than the newest audit record"

/* What to do if it is right, and was far ahead before (src/clock_aside.h). */
#define CLOCK_WAY_OUT                                                          \
	"if it is right now and was ahead before, countersign clock shows "    \
	"what is of moments to come"

/* By how many seconds; 0 for what two machines may differ by. */
struct clock_lag {
	int64_t made;    /* numbers and revocation lists: nothing is signed */
	int64_t audited; /* audit records: no order is finished */
};

/* 0, or -1. */
int clock_lag(struct job *j, const char *ca_label, struct clock_lag *out);

struct clock_watch {
	bool is_on;
	int64_t checked_at;  /* against the store */
	int64_t audit_ahead; /* seconds by which the audit's newest is ahead */
	/* Wall clock less the clock that never steps, at the last good look;
	 * only steps change it. */
	bool has_offset;
	int64_t offset_ms;
	int64_t told_ms; /* the same as the audit was told of it last */
};

/*
 * 0, or -1 with ERR_BUSY, after an alarm, while the clock
 * - is more than a minute earlier than the newest number or revocation list
 *   in the store, or
 * - has been stepped by more than a minute since this process began: from
 *   then on until it is stepped back or the process starts anew.
 * Each step of a second or more is in the log and in the audit (PK-19).
 */
int clock_watch_check(
    struct clock_watch *w, struct job *j, const char *ca_label);
/* The same of the newest audit record, as of the last check.  Every role writes
 * such records: one that was taken over may hold up orders, but no revocation.
 */
int clock_watch_orders(const struct clock_watch *w, struct job *j);

#endif
