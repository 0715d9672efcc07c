/*
 * Group commit: the changes of many requests go through one thread that
 * commits them together; each is answered only after its commit is durable
 * (architecture.md, Foundations).
 */
#ifndef SRC_WRITER_H
#define SRC_WRITER_H

#include "lib/job.h"

struct store_login;
struct writer;

struct write_item {
	struct write_item *next; /* the writer's */
	struct job *job;
	/* Makes the change in j->store, inside a savepoint of its own: 0 keeps
	 * it, -1 undoes it (unless job->keep).  On the writer's thread. */
	int (*apply)(struct write_item *item);
	/* NULL, or: after what it changed was undone, in the same transaction.
	 * Whatever this writes it brackets itself, and leaves the job's
	 * error. */
	void (*undone)(struct write_item *item);
	/* After the commit; the job has failed if that did.  On the writer's
	 * thread; the item is the caller's again. */
	void (*done)(struct write_item *item);
	int result;
};

/* Opens its own connection to the store: 0, or -1 with the job's error. */
int writer_start(
    struct job *j, const struct store_login *login, struct writer **out);
/*
 * 0; or -1 with the item's job failed (ERR_BUSY) when web.max_waiting others
 * wait already: it is the caller's again, at once.
 */
int writer_add(struct writer *w, struct write_item *item);
/* While it is held, writer_add() is -1 with ERR_BUSY. */
void writer_hold(struct writer *w, bool yes);
/* Finishes what was added, then ends the thread.  NULL-safe. */
void writer_stop(struct writer *w);

#endif
