#include "config.h"

#include "src/record_queue.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "src/judge.h"
#include "src/judgement.h"
#include "src/record_commit.h"
#include "src/role.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* So many need not wait for more.  What comes during a commit is the next one,
 * and may be up to RECORD_BATCH_MAX: on a slow disk they are larger, and the
 * pages that several messages change are written less often. */
#define BATCH_MIN 200
/* In the queue, with those that are being committed: some for the thread, and
 * some that are judged meanwhile. */
#define COUNT_MAX 600
/* The same, in octets of messages; one may be larger. */
#define OCTETS_MAX ((size_t)2 << 20)

/* Between two commits, for others: twice as long as who has waited for a
 * while sleeps between two looks. */
#define OTHERS_MS 2L
/* While others write: they wait for the end of a commit, so each holds fewer,
 * until others were not seen for so many commits. */
#define SHARED_MAX 50
#define SHARED_COMMITS 40

struct record_queue {
	pthread_t thread;
	bool is_started;
	struct store *store; /* the thread's */
	bool is_alone;       /* while it writes */
	int64_t others_seen; /* as store_others_wrote() knows it */
	int64_t wait_ms;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	struct record_item *first, **end; /* that wait */
	struct record_item *left; /* to be freed, by the caller's thread: what
				   * they hold may be known to that alone */
	size_t waiting;
	int64_t since_ms;           /* when the first of them came */
	size_t count, octets;       /* with those that are being committed */
	unsigned shared_left;       /* commits */
	bool is_awaited, is_urgent; /* for room; until there is nothing left */
	bool is_ending;
	bool has_failed;
	int64_t failed_uid;
};

struct record_item *
record_item_new(struct store *store, const struct conf *conf)
{
	struct record_item *item = xmalloc(sizeof(*item));

	item->next = NULL;
	item->judged = NULL;
	item->gone = NULL;
	job_init(&item->job, store, conf);
	return item;
}

void
record_item_free(struct record_item *item)
{
	if (item == NULL)
		return;
	job_done(&item->job);
	free(item);
}

static size_t
octets_of(const struct record_item *item)
{
	return item->judged == NULL ? 0 : item->judged->received->raw.n;
}

static void
free_items(struct record_item *first)
{
	while (first != NULL) {
		struct record_item *next = first->next;

		record_item_free(first);
		first = next;
	}
}

/* --- the queue, under its lock ------------------------------------------- */

static struct record_item *
cut(struct record_queue *q, size_t max)
{
	struct record_item *first = q->first, **end = &q->first;

	for (size_t n = 0; *end != NULL && n < max; n++) {
		end = &(*end)->next;
		q->waiting--;
	}
	q->first = *end;
	if (q->first == NULL)
		q->end = &q->first;
	*end = NULL;
	return first;
}

static void
append(struct record_queue *q, struct record_item *item)
{
	if (q->waiting++ == 0)
		q->since_ms = clock_mono_ms();
	*q->end = item;
	q->end = &item->next;
	q->count++;
	q->octets += octets_of(item);
}

static bool
is_due(const struct record_queue *q)
{
	return q->waiting > 0 &&
	       (q->waiting >= (q->shared_left > 0 ? SHARED_MAX : BATCH_MIN) ||
		   q->is_awaited || q->is_urgent || q->is_ending ||
		   q->octets >= OCTETS_MAX / 2 ||
		   clock_mono_ms() - q->since_ms >= q->wait_ms);
}

/* These are done with, whatever became of them: the caller frees them. */
static void
leave(struct record_queue *q, struct record_item *first)
{
	struct record_item *next;

	for (; first != NULL; first = next) {
		next = first->next;
		q->count--;
		q->octets -= octets_of(first);
		first->next = q->left;
		q->left = first;
	}
}

/* Without the lock while it commits. */
static void
commit_some(struct record_queue *q)
{
	struct record_item *first =
	    cut(q, q->shared_left > 0 ? SHARED_MAX : RECORD_BATCH_MAX);
	int64_t failed_uid = 0;
	int result;

	q->since_ms = clock_mono_ms();
	pthread_mutex_unlock(&q->lock);
	result = record_commit(first, q->store, &failed_uid);
	pthread_mutex_lock(&q->lock);
	leave(q, first);
	if (result < 0) {
		q->has_failed = true;
		q->failed_uid = failed_uid;
		leave(q, cut(q, SIZE_MAX));
	}
	pthread_cond_broadcast(&q->changed);
}

/* --- the thread ---------------------------------------------------------- */

static void
wait_for_more(struct record_queue *q)
{
	int64_t until_ms = q->since_ms + q->wait_ms;
	struct timespec until = { .tv_sec = until_ms / 1000,
		.tv_nsec = until_ms % 1000 * 1000000 };

	if (q->waiting == 0)
		pthread_cond_wait(&q->changed, &q->lock);
	else
		pthread_cond_timedwait(&q->changed, &q->lock, &until);
}

/* 1, 0, or -1: what is wrong then, the next commit says. */
static int
others_wrote(struct record_queue *q)
{
	struct job j;
	int result;

	job_init(&j, q->store, NULL);
	result = store_others_wrote(&j, &q->others_seen);
	job_done(&j);
	return result;
}

/* With SQLite one writes at a time, and who waits only looks from time to time
 * whether it may: web and the issuer would hardly ever find it free. */
static void
let_others_write(struct record_queue *q)
{
	const struct timespec pause = { 0, OTHERS_MS * 1000000L };
	bool is_more = q->waiting > 0;
	int wrote;

	if (!q->is_alone)
		return;
	pthread_mutex_unlock(&q->lock);
	if (is_more)
		nanosleep(&pause, NULL);
	wrote = others_wrote(q);
	pthread_mutex_lock(&q->lock);
	if (wrote > 0)
		q->shared_left = SHARED_COMMITS;
	else if (q->shared_left > 0)
		q->shared_left--;
}

static void *
record_main(void *ctx)
{
	struct record_queue *q = ctx;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		if (is_due(q)) {
			commit_some(q);
			let_others_write(q);
		} else if (q->is_ending) {
			break;
		} else {
			wait_for_more(q);
		}
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* Signals are for the one that waits for mail. */
static int
start_thread(struct record_queue *q)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&q->thread, NULL, record_main, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void
close_store(struct record_queue *q)
{
	store_close(q->store);
	q->store = NULL;
}

static int
open_store(
    struct record_queue *q, struct job *j, const struct store_login *login)
{
	struct store *caller = j->store;
	int result;

	if (store_open_as(j, login, &q->store) < 0)
		return -1;
	j->store = q->store;
	q->is_alone = store_writes_alone(j);
	store_be_patient(j, role_is_stopping);
	q->others_seen = -1;
	result = store_expect_many(j) < 0 ||
			 store_others_wrote(j, &q->others_seen) < 0
		     ? -1
		     : 0;
	j->store = caller;
	if (result < 0)
		close_store(q);
	return result;
}

int
record_queue_start(
    struct record_queue *q, struct job *j, const struct store_login *login)
{
	int error;

	assert(!q->is_started && q->count == 0);
	if (open_store(q, j, login) < 0)
		return -1;
	error = start_thread(q);
	q->is_started = error == 0;
	if (q->is_started)
		return 0;
	close_store(q);
	return job_fail(
	    j, ERR_INTERNAL, "no thread for recording: %s", strerror(error));
}

bool
record_queue_is_started(const struct record_queue *q)
{
	return q->is_started;
}

void
record_queue_stop(struct record_queue *q)
{
	if (!q->is_started)
		return;
	pthread_mutex_lock(&q->lock);
	q->is_ending = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	q->is_ending = false;
	q->is_started = false;
	q->shared_left = 0;
	close_store(q);
	/* The allocator would keep all that the backlog needed. */
	malloc_trim(0);
}

/* --- for callers --------------------------------------------------------- */

struct record_queue *
record_queue_new(int64_t wait_ms)
{
	struct record_queue *q = xcalloc(1, sizeof(*q));
	pthread_condattr_t monotonic;

	q->wait_ms = wait_ms;
	q->end = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&q->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return q;
}

void
record_queue_free(struct record_queue *q)
{
	if (q == NULL)
		return;
	assert(!q->is_started);
	free_items(q->first);
	free_items(q->left);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool
has_room(const struct record_queue *q, const struct record_item *item)
{
	return q->count == 0 || (q->count < COUNT_MAX &&
				    q->octets + octets_of(item) <= OCTETS_MAX);
}

int
record_queue_add(struct record_queue *q, struct record_item *take_item)
{
	struct record_item *left;
	bool is_taken;
	int result;

	pthread_mutex_lock(&q->lock);
	while (q->is_started && !q->has_failed && !has_room(q, take_item)) {
		q->is_awaited = true;
		pthread_cond_broadcast(&q->changed);
		pthread_cond_wait(&q->changed, &q->lock);
	}
	q->is_awaited = false;
	is_taken = !q->has_failed;
	if (is_taken) {
		append(q, take_item);
		if (!q->is_started && is_due(q))
			commit_some(q);
		else if (q->waiting == 1 || is_due(q))
			pthread_cond_broadcast(&q->changed);
	}
	result = q->has_failed ? -1 : 0;
	left = q->left;
	q->left = NULL;
	pthread_mutex_unlock(&q->lock);
	free_items(left);
	if (!is_taken)
		record_item_free(take_item);
	return result;
}

int
record_queue_settle(struct record_queue *q, int64_t *failed_uid)
{
	struct record_item *left;
	int result;

	pthread_mutex_lock(&q->lock);
	q->is_urgent = true;
	pthread_cond_broadcast(&q->changed);
	while (q->count > 0) {
		if (q->is_started)
			pthread_cond_wait(&q->changed, &q->lock);
		else
			commit_some(q);
	}
	q->is_urgent = false;
	result = q->has_failed ? -1 : 0;
	*failed_uid = q->failed_uid;
	q->has_failed = false;
	q->failed_uid = 0;
	left = q->left;
	q->left = NULL;
	pthread_mutex_unlock(&q->lock);
	free_items(left);
	return result;
}
