#include "config.h"

#include "src/imap_ingest.h"

#include "db/store.h"
#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "mail/fetch.h"
#include "src/judge.h"
#include "src/record_queue.h"
#include "src/role_validator.h"

#include <stdlib.h>

/* Listed at once, and put away at once: each list costs a round trip in which
 * nothing is judged. */
#define LIST_MAX 500
/* More than so many at once are a backlog. */
#define BACKLOG_MIN 100
/* Loaded at once: so much of the mailbox is in memory, or one message. */
#define GROUP_OCTETS ((size_t)1 << 20)
/* A fault of the server's or the disk's passes in that time. */
#define STUCK_TRIES 5
#define STUCK_MS 600000

/* --- putting away -------------------------------------------------------- */

/* A full or read-only folder for processed messages holds up no reply. */
static bool
is_only_refused(const struct validator *v, struct job *j)
{
	if (!fetch_is_connected(v->fetch) || j->err.kind != ERR_BUSY)
		return false;
	log_warning("mailbox",
	    "source=%s error=\"%s\" next=\"replies are judged; what is judged "
	    "stays where it is until this is mended\"",
	    fetch_source(v->fetch), j->err.text);
	job_recover(j);
	return true;
}

/* What the mailbox has put away is to be known. */
static int
note_gone(struct validator *v, const struct role_env *env, const int64_t *uids,
    size_t count)
{
	struct record_item *item = record_item_new(env->store, env->conf);
	struct arena *a = item->job.arena;
	const struct record_gone gone = { .source = fetch_source(v->fetch),
		.uidvalidity = fetch_uidvalidity(v->fetch),
		.uids = arena_memdup(a, uids, count * sizeof(*uids)),
		.count = count };

	item->gone = arena_memdup(a, &gone, sizeof(gone));
	return record_queue_add(v->records, item);
}

/*
 * Messages whose verdicts the database has, but of which the mailbox perhaps
 * does not know yet: 1 if there may be others, 0, -1.
 */
static int
dispose_some(struct validator *v, const struct role_env *env, struct job *j)
{
	int64_t *uids;
	uint32_t *list;
	size_t count, n = 0;

	if (store_reply_undisposed(j, fetch_source(v->fetch),
		fetch_uidvalidity(v->fetch), LIST_MAX, &uids, &count) < 0)
		return -1;
	list = arena_calloc(j->arena, count, sizeof(*list));
	/* Of those that were put away before, the database is still told. */
	for (size_t i = 0; i < count; i++)
		if (uids[i] > v->disposed_uid)
			list[n++] = (uint32_t)uids[i];
	if (n == 0)
		return 0;
	if (fetch_dispose(v->fetch, j, list, n) < 0)
		return is_only_refused(v, j) ? 0 : -1;
	v->disposed_uid = uids[count - 1];
	if (note_gone(v, env, uids + count - n, n) < 0)
		return -1;
	return count == LIST_MAX;
}

/* A message that cannot be judged is tried again, and in the end passed over:
 * the ones behind it must not wait for ever. */
static bool
is_stuck(const struct validator *v, uint32_t uid)
{
	return v->stuck_uid == uid && v->stuck_count >= STUCK_TRIES &&
	       clock_mono_ms() - v->stuck_ms >= STUCK_MS;
}

static void
note_stuck(struct validator *v, uint32_t uid)
{
	if (v->stuck_uid != uid || v->stuck_count == 0) {
		v->stuck_uid = uid;
		v->stuck_count = 0;
		v->stuck_ms = clock_mono_ms();
	}
	v->stuck_count++;
}

/* All that were judged are committed: 0, or -1. */
static int
settle(struct validator *v)
{
	int64_t failed_uid;
	int result = record_queue_settle(v->records, &failed_uid);

	if (failed_uid != 0)
		note_stuck(v, (uint32_t)failed_uid);
	return result;
}

/* Only one is noted, so it must be the first: if one before it cannot be
 * recorded, that one is. */
static void
blame(struct validator *v, uint32_t uid)
{
	if (settle(v) == 0)
		note_stuck(v, uid);
}

/* 1 and m filled, 0 if the message is gone. */
static int
receive(const struct validator *v, const struct fetch_item *item,
    const struct fetch_body *body, struct received *m)
{
	*m = (struct received){ .source = fetch_source(v->fetch),
		.uidvalidity = fetch_uidvalidity(v->fetch),
		.uid = item->uid,
		.arrival = item->internal_date,
		.raw = body->raw,
		.is_new = v->reads_alone };
	if (is_stuck(v, item->uid)) {
		log_error("reply passed over",
		    "source=%s uid=%u next=\"the errors before this line say "
		    "why; the message is put away as the option disposal "
		    "says\"",
		    m->source, item->uid);
		m->refused = "internal";
	} else if (body->is_there && !body->is_whole) {
		m->refused = "msg.too-large";
	}
	return body->is_there;
}

/* --- several at once ----------------------------------------------------- */

/* Messages that were loaded together.  Each that is judged holds them until it
 * is recorded. */
struct load {
	unsigned holders;
	struct job job; /* has them */
	struct fetch_body bodies[FETCH_MESSAGES_MAX];
};

static struct load *
load_new(const struct role_env *env)
{
	struct load *l = xmalloc(sizeof(*l));

	l->holders = 1;
	job_init(&l->job, env->store, env->conf);
	return l;
}

static void
load_release(void *load)
{
	struct load *l = load;

	if (--l->holders > 0)
		return;
	job_done(&l->job);
	free(l);
}

static void
load_hold(struct load *l, struct arena *holder)
{
	l->holders++;
	arena_own(holder, l, load_release);
}

static void
not_judged(struct validator *v, struct job *j, uint32_t uid)
{
	store_rollback(j);
	log_error("reply not judged", "job=%s source=%s uid=%u error=\"%s\"",
	    j->id, fetch_source(v->fetch), uid, j->err.text);
	if (j->err.kind != ERR_BUSY)
		blame(v, uid);
}

/* One more to be recorded, if it was not before: 0, or -1. */
static int
judge_one(struct validator *v, struct role_env *env, struct load *l,
    const struct received *m)
{
	struct record_item *item = record_item_new(env->store, env->conf);
	int found;

	load_hold(l, item->job.arena);
	patience_begin(v);
	found = judge_message(v, &item->job, m, &item->judged);
	patience_end(v, env->conf);
	if (found > 0)
		return record_queue_add(v->records, item);
	if (found < 0)
		not_judged(v, &item->job, (uint32_t)m->uid);
	record_item_free(item);
	return found;
}

/* Judges messages in their order; with the first failure it ends: 0, or -1. */
static int
judge_load(struct validator *v, struct role_env *env, struct load *l,
    const struct fetch_item *items, size_t n)
{
	struct received m;
	int result = 0;

	for (size_t i = 0; i < n && result == 0 && !role_is_stopping(); i++)
		if (receive(v, &items[i], &l->bodies[i], &m) > 0)
			result = judge_one(v, env, l, &m);
	return result;
}

/* The queue is settled before and after: 0, or -1. */
static int
dispose_rest(struct validator *v, const struct role_env *env, struct job *j)
{
	int more = 1;

	v->disposed_uid = 0;
	while (more > 0) {
		job_reset(j);
		more = dispose_some(v, env, j);
		if (settle(v) < 0)
			return -1;
	}
	return more;
}

/* How many of these to load at once. */
static size_t
group_size(const struct validator *v, const struct job *j,
    const struct fetch_item *items, size_t n)
{
	size_t max = (size_t)j->conf->validator.max_message, sum = 0, k = 0;

	if (v->one_by_one)
		return 1;
	while (k < n && k < FETCH_MESSAGES_MAX) {
		sum += items[k].size < max ? items[k].size : max;
		if (k > 0 && sum > GROUP_OCTETS)
			break;
		k++;
	}
	return k;
}

static int
load_group(struct validator *v, struct job *j, const struct fetch_item *items,
    size_t n, struct fetch_body *bodies)
{
	if (n == 1 && is_stuck(v, items[0].uid)) {
		bodies[0] =
		    (struct fetch_body){ .is_there = true, .is_whole = true };
		return 0;
	}
	if (fetch_messages(v->fetch, j, items, n,
		(size_t)j->conf->validator.max_message, bodies) == 0)
		return 0;
	/* One of them may be what the server cannot give, or gives otherwise
	 * than it said.  A lost connection says nothing about a message. */
	v->one_by_one = true;
	if (n == 1 && fetch_is_connected(v->fetch))
		blame(v, items[0].uid);
	log_warning("mailbox", "job=%s source=%s error=\"%s\"", j->id,
	    fetch_source(v->fetch), j->err.text);
	return -1;
}

/* The server sends the next ones while these are judged.  If it does not, that
 * holds up none of these. */
static void
load_ahead(const struct validator *v, const struct fetch_item *items, size_t n,
    const struct conf *conf)
{
	struct job j;

	if (n == 0 || v->one_by_one)
		return;
	job_init(&j, NULL, conf);
	if (fetch_messages_ahead(v->fetch, &j, items,
		group_size(v, &j, items, n),
		(size_t)conf->validator.max_message) < 0)
		log_warning("mailbox", "job=%s source=%s error=\"%s\"", j.id,
		    fetch_source(v->fetch), j.err.text);
	job_done(&j);
}

/* Loads and judges the first of the items; *taken of them. */
static int
take_group(struct validator *v, struct role_env *env,
    const struct fetch_item *items, size_t count, size_t *taken)
{
	struct load *l = load_new(env);
	int result;

	*taken = group_size(v, &l->job, items, count);
	result = load_group(v, &l->job, items, *taken, l->bodies);
	if (result == 0) {
		load_ahead(v, items + *taken, count - *taken, env->conf);
		result = judge_load(v, env, l, items, *taken);
	}
	load_release(l);
	return result;
}

static int
take_list(struct validator *v, struct role_env *env,
    const struct fetch_item *items, size_t count)
{
	size_t taken;

	for (size_t i = 0; i < count && !role_is_stopping(); i += taken) {
		if (take_group(v, env, items + i, count - i, &taken) < 0)
			return -1;
		/* No verdict waits for the server to send the next ones. */
		if (!record_queue_is_started(v->records) && settle(v) < 0)
			return -1;
		role_tend(env);
	}
	return 0;
}

/* Judging and recording need not wait for each other.  Where that cannot be,
 * they do: 0; or -1, if what was judged before could not be recorded. */
static int
begin_backlog(struct validator *v, struct role_env *env)
{
	struct job j;

	if (record_queue_is_started(v->records))
		return 0;
	if (settle(v) < 0)
		return -1;
	job_init(&j, NULL, env->conf);
	if (record_queue_start(v->records, &j, &env->login) < 0)
		log_warning("mailbox",
		    "job=%s source=%s error=\"%s\" next=\"nothing: replies are "
		    "recorded all the same, more slowly\"",
		    j.id, fetch_source(v->fetch), j.err.text);
	job_done(&j);
	return 0;
}

/* Everything new, oldest first; what is committed is put away: 0, or -1. */
static int
take_new(struct validator *v, struct role_env *env, struct job *j)
{
	struct fetch_item *items;
	size_t count = 0;
	int64_t last;

	v->disposed_uid = 0;
	v->reads_alone = store_writes_alone(j);
	if (store_reply_last_uid(j, fetch_source(v->fetch),
		fetch_uidvalidity(v->fetch), &last) < 0)
		return -1;
	do {
		job_reset(j);
		if (fetch_list(v->fetch, j, (uint32_t)last, LIST_MAX, &items,
			&count) < 0)
			return -1;
		if (count > BACKLOG_MIN && begin_backlog(v, env) < 0)
			return -1;
		if (take_list(v, env, items, count) < 0)
			return -1;
		if (count > 0)
			last = items[count - 1].uid;
		if (fetch_has_more(v->fetch) && dispose_some(v, env, j) < 0)
			return -1;
	} while (fetch_has_more(v->fetch) && !role_is_stopping());
	return 0;
}

int
imap_ingest(struct validator *v, struct role_env *env)
{
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	result = take_new(v, env, &j);
	/* What was judged before a failure counts. */
	if (settle(v) < 0)
		result = -1;
	if (result == 0)
		result = dispose_rest(v, env, &j);
	record_queue_stop(v->records);
	if (result < 0) {
		store_rollback(&j);
		if (j.err.kind != ERR_NONE)
			log_warning("mailbox", "job=%s source=%s error=\"%s\"",
			    j.id, fetch_source(v->fetch), j.err.text);
	} else {
		v->one_by_one = false;
	}
	job_done(&j);
	return result;
}
