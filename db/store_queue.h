/*
 * What waits for a role: rows that are due by now and that nobody has taken.
 * For `countersign status`.
 */
#ifndef DB_STORE_QUEUE_H
#define DB_STORE_QUEUE_H

#include "db/store.h"

/* Of each queue the rows that have waited longest are counted. */
#define QUEUE_COUNT_MAX 1000

struct queue {
	const char *what; /* "challenge mails" */
	const char *role; /* that does it */
	int64_t count;    /* at most QUEUE_COUNT_MAX */
	int64_t since;    /* when the first of them was due; 0: none is */
};

/* All queues, empty ones too, in the job's memory. */
int store_queue_list(struct job *j, struct queue **out, size_t *count);

/* Of the orders at the head of the issuer's queue those that are held by a
 * fault that is not the client's (pki.md section 0, "hold"), and since when the
 * first is. */
int store_queue_held(struct job *j, struct queue *out);

#endif
