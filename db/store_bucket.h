/*
 * What limits remember (acme.md section 19): one row for each limit and
 * subject, in the arithmetic of lib/rate.h.  The rows are written in the
 * transaction that makes what they count, so a limit survives whatever that
 * survives.
 */
#ifndef DB_STORE_BUCKET_H
#define DB_STORE_BUCKET_H

#include "db/store.h"

struct bucket {
	const char *name;    /* of the limit: "new_orders/10800" */
	const char *subject; /* whom it counts: an account, a mailbox … */
	int64_t full_at_ms;
	const char *takes; /* of a window, or NULL */
};

/* name and subject are given; the rest is 0 and NULL if there is no row. */
int store_bucket_read(struct job *j, struct bucket *b);
/* The same, and other transactions that want to take from it wait until this
 * one has ended.  Callers lock in the order of (name, subject). */
int store_bucket_lock(struct job *j, struct bucket *b);
int store_bucket_write(struct job *j, const struct bucket *b);
/* Removes at most `max` rows that say nothing any more. */
int store_bucket_sweep(struct job *j, int64_t max);
/* Those that are not full, in the order of name and subject, behind *after
 * (or NULL for the first): at most `max`.  For `countersign limits`. */
int store_bucket_list(struct job *j, const struct bucket *after, size_t max,
    struct bucket **out, size_t *count);
/* Makes a subject's buckets full again: *count says how many there were. */
int store_bucket_reset(struct job *j, const char *subject, int64_t *count);

#endif
