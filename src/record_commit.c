#include "config.h"

#include "src/record_commit.h"

#include "db/store.h"
#include "db/store_reply.h"
#include "lib/log.h"
#include "src/judge.h"
#include "src/judgement.h"
#include "src/record_queue.h"
#include "src/wake.h"
#include "src/worker.h"

#include <assert.h>

/* Items that were taken from the queue. */
struct batch {
	size_t count;
	struct job *jobs[RECORD_BATCH_MAX];
	struct judgement *judged[RECORD_BATCH_MAX];
	int64_t failed_uid;
};

static void
not_recorded(struct batch *b, size_t at)
{
	const struct received *m = b->judged[at]->received;
	struct job *j = b->jobs[at];

	store_rollback(j);
	log_error("reply not judged", "job=%s source=%s uid=%lld error=\"%s\"",
	    j->id, m->source, (long long)m->uid, j->err.text);
	if (j->err.kind != ERR_BUSY)
		b->failed_uid = m->uid;
}

/* From one on; the message that failed, and all behind it, are for the next
 * call: 0, or -1. */
static int
record_from(const struct batch *b, size_t *from)
{
	size_t done = 0;
	unsigned wake = 0;
	int result = judge_record(
	    b->jobs + *from, b->judged + *from, b->count - *from, &done);

	for (done += *from; *from < done; (*from)++)
		wake |= b->jobs[*from]->wake;
	wake_send(wake);
	return result;
}

static int
record_all(struct batch *b)
{
	size_t at = 0;
	int result = 0;

	while (result == 0 && at < b->count) {
		const struct received *m;

		if (record_from(b, &at) == 0)
			break;
		/* On another machine the same mailbox may be read. */
		m = b->judged[at]->received;
		result = judge_is_others(
		    b->jobs[at], m->source, m->uidvalidity, m->uid);
		if (result < 0)
			not_recorded(b, at);
		at++;
	}
	return result;
}

static int
record_gone(struct job *j, const struct record_gone *gone)
{
	if (store_begin(j) < 0)
		return -1;
	if (store_reply_disposed(j, gone->source, gone->uidvalidity, gone->uids,
		gone->count) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
commit_gone(struct record_item *first)
{
	for (struct record_item *i = first; i != NULL; i = i->next) {
		if (i->gone == NULL || record_gone(&i->job, i->gone) == 0)
			continue;
		log_warning("mailbox", "job=%s source=%s error=\"%s\"",
		    i->job.id, i->gone->source, i->job.err.text);
		return -1;
	}
	return 0;
}

int
record_commit(
    struct record_item *first, struct store *store, int64_t *failed_uid)
{
	struct batch b = { .count = 0 };
	int result;

	for (struct record_item *i = first; i != NULL; i = i->next) {
		if (store != NULL)
			i->job.store = store;
		if (i->judged == NULL)
			continue;
		assert(b.count < RECORD_BATCH_MAX);
		b.jobs[b.count] = &i->job;
		b.judged[b.count++] = i->judged;
	}
	result = record_all(&b);
	*failed_uid = b.failed_uid;
	return result < 0 ? -1 : commit_gone(first);
}
