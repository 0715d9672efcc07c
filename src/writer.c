#include "config.h"

#include "src/writer.h"

#include "db/store.h"
#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "src/wake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What shares one commit, at most. */
#define BATCH_MAX 64

struct writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct write_item *head, **tail;
	int64_t waiting, max_waiting;
	bool stopping, held;
	struct store *store;
	const struct conf *conf;
};

/* Up to BATCH_MAX items, or NULL when it is time to end. */
static struct write_item *
take_batch(struct writer *w)
{
	struct write_item *first, **end;

	pthread_mutex_lock(&w->lock);
	while (w->head == NULL && !w->stopping)
		pthread_cond_wait(&w->more, &w->lock);
	first = w->head;
	end = &w->head;
	for (int n = 0; *end != NULL && n < BATCH_MAX; n++) {
		end = &(*end)->next;
		w->waiting--;
	}
	w->head = *end;
	if (w->head == NULL)
		w->tail = &w->head;
	*end = NULL;
	pthread_mutex_unlock(&w->lock);
	return first;
}

static void
apply_one(struct write_item *item)
{
	struct job *j = item->job;

	if (store_savepoint(j) < 0) {
		item->result = -1;
		return;
	}
	item->result = item->apply(item);
	if (item->result == 0 || j->keep) {
		if (store_savepoint_keep(j) < 0)
			item->result = -1;
	} else if (store_savepoint_undo(j) < 0) {
		log_error("savepoint not undone", "job=%s", j->id);
	} else if (item->undone != NULL) {
		item->undone(item);
	}
}

static void
fail_all(struct write_item *first, const struct job *j)
{
	for (struct write_item *i = first; i != NULL; i = i->next) {
		job_recover(i->job);
		job_fail(i->job,
		    j->err.kind != ERR_NONE ? j->err.kind : ERR_INTERNAL, "%s",
		    j->err.text);
		i->job->wake = 0;
		i->result = -1;
	}
}

static unsigned
wakes_of(const struct write_item *first)
{
	unsigned mask = 0;

	for (const struct write_item *i = first; i != NULL; i = i->next)
		if (i->result == 0 || i->job->keep)
			mask |= i->job->wake;
	return mask;
}

static void
commit_batch(struct writer *w, struct write_item *first)
{
	struct write_item *next;
	struct job j;

	job_init(&j, w->store, w->conf);
	for (struct write_item *i = first; i != NULL; i = i->next)
		i->job->store = w->store;
	if (store_begin(&j) < 0) {
		fail_all(first, &j);
	} else {
		for (struct write_item *i = first; i != NULL; i = i->next)
			apply_one(i);
		if (store_commit(&j) < 0) {
			store_rollback(&j);
			log_error("commit failed", "job=%s error=\"%s\"", j.id,
			    j.err.text);
			fail_all(first, &j);
		}
	}
	wake_send(wakes_of(first));
	for (; first != NULL; first = next) {
		next = first->next;
		first->done(first);
	}
	job_done(&j);
}

static void *
writer_main(void *ctx)
{
	struct writer *w = ctx;
	struct write_item *batch;

	while ((batch = take_batch(w)) != NULL)
		commit_batch(w, batch);
	return NULL;
}

int
writer_start(
    struct job *j, const struct store_login *login, struct writer **out)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	int error;

	w->conf = j->conf;
	w->tail = &w->head;
	w->max_waiting = j->conf->web.max_waiting;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	if (store_open_as(j, login, &w->store) < 0) {
		free(w);
		return -1;
	}
	error = pthread_create(&w->thread, NULL, writer_main, w);
	if (error != 0) {
		store_close(w->store);
		free(w);
		return job_fail(j, ERR_INTERNAL, "no thread for writing: %s",
		    strerror(error));
	}
	*out = w;
	return 0;
}

int
writer_add(struct writer *w, struct write_item *item)
{
	bool full, held;

	item->next = NULL;
	pthread_mutex_lock(&w->lock);
	full = w->waiting >= w->max_waiting;
	held = w->held;
	if (!full && !held) {
		*w->tail = item;
		w->tail = &item->next;
		w->waiting++;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	if (held)
		return job_fail(item->job, ERR_BUSY,
		    "the start of this process is not on record yet");
	if (!full)
		return 0;
	return job_fail(item->job, ERR_BUSY,
	    "%lld requests wait to be written (web.max_waiting)",
	    (long long)w->max_waiting);
}

void
writer_hold(struct writer *w, bool yes)
{
	pthread_mutex_lock(&w->lock);
	w->held = yes;
	pthread_mutex_unlock(&w->lock);
}

void
writer_stop(struct writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	store_close(w->store);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
