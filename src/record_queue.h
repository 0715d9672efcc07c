/*
 * Verdicts on their way to the database, in the order of their messages: ER-21.
 * Several share a commit.  While there are more messages than fit into one, a
 * thread with a connection of its own records them, so that judging does not
 * wait for the disk (decision 44); else the caller's calls do.
 *
 *	item = record_item_new(…); judge_message(…, &item->job, …);
 *	record_queue_add(q, item);
 *	record_queue_settle(q, …);	all that were added are committed
 *
 * After a failure nothing behind the message that failed is recorded, until
 * record_queue_settle() has told of it: the highest UID that is known must not
 * pass over one that is not.
 */
#ifndef SRC_RECORD_QUEUE_H
#define SRC_RECORD_QUEUE_H

#include "lib/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct judgement;
struct record_queue;
struct store_login;

/* Committed together, at most. */
#define RECORD_BATCH_MAX 400

struct record_item {
	struct record_item *next; /* the queue's */
	struct job job;           /* lives as long as the item */
	/* One of these: */
	struct judgement *judged;       /* in the job's arena */
	const struct record_gone *gone; /* likewise */
};

/* Messages that the mailbox has put away since. */
struct record_gone {
	const char *source;
	int64_t uidvalidity;
	const int64_t *uids;
	size_t count;
};

struct record_item *record_item_new(
    struct store *store, const struct conf *conf);
void record_item_free(struct record_item *item); /* NULL-safe */

/* What has waited so long is committed, alone if need be: the next message may
 * wait for slow name servers. */
#define RECORD_WAIT_MS 50
struct record_queue *record_queue_new(int64_t wait_ms);
/* What was not settled is not recorded.  NULL-safe. */
void record_queue_free(struct record_queue *q);

/* From now on a thread records: 0, or -1 and it is as before.  Nothing may be
 * in the queue.  `login` must live until record_queue_stop(). */
int record_queue_start(
    struct record_queue *q, struct job *j, const struct store_login *login);
bool record_queue_is_started(const struct record_queue *q);
/* What was added is settled before.  The memory and the connection are given
 * back.  Nothing happens if there is no thread. */
void record_queue_stop(struct record_queue *q);

/* Takes the item; waits while too many, or too large ones, are in the queue.
 * 0, or -1 after a failure: it is not recorded then. */
int record_queue_add(struct record_queue *q, struct record_item *take_item);
/*
 * Waits until all that were added are committed: 0; or -1 if one of them could
 * not be recorded, which the log has said.  *failed_uid is that of a message
 * whose own fault it may be, else 0.
 */
int record_queue_settle(struct record_queue *q, int64_t *failed_uid);

#endif
