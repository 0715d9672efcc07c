#include "config.h"

#include "src/intake_imap.h"

#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "mail/fetch.h"
#include "src/judge.h"
#include "src/role_validator.h"
#include "src/trim.h"
#include "src/wake.h"
#include "src/worker.h"

#include <stdlib.h>

#define IMAP_TIMEOUT_MS 30000
#define PASSWORD_MAX 1024
/* Listed at once, and put away at once. */
#define LIST_MAX 200
/* Loaded at once: so much of the mailbox is in memory, or one message. */
#define GROUP_OCTETS ((size_t)1 << 20)
/* Committed together: so many, or what is judged in this time, or in twice the
 * time that the last commit took, if that is longer: on a slow disk, small
 * commits would take all of it.  Alone, a reply waits for nobody. */
#define COMMIT_MAX FETCH_MESSAGES_MAX
#define COMMIT_MS 50
#define COMMIT_MS_MAX 500
/* A fault of the server's or the disk's passes in that time. */
#define STUCK_TRIES 5
#define STUCK_MS 600000
/* IDLE is renewed this often: a dead connection is noticed in the end. */
#define IDLE_MS 240000
#define RECONNECT_MAX_MS 60000

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What a message is when the database has its verdict, but the mailbox
 * perhaps does not know yet. */
static int
dispose_left_over(struct validator *v, struct job *j)
{
	const char *source = fetch_source(v->fetch);
	int64_t *uids, validity = fetch_uidvalidity(v->fetch);
	uint32_t *list;
	size_t count;

	if (store_reply_undisposed(
		j, source, validity, LIST_MAX, &uids, &count) < 0)
		return -1;
	if (count == 0)
		return 0;
	list = arena_calloc(j->arena, count, sizeof(*list));
	for (size_t i = 0; i < count; i++)
		list[i] = (uint32_t)uids[i];
	if (fetch_dispose(v->fetch, j, list, count) < 0)
		return -1;
	if (store_begin(j) < 0 ||
	    store_reply_disposed(j, source, validity, uids, count) < 0)
		return worker_undo(j);
	return store_commit(j);
}

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

/* 1 and m filled, 0 if the message is gone. */
static int
receive(const struct validator *v, const struct fetch_item *item,
    const struct fetch_body *body, struct received *m)
{
	*m = (struct received){ .source = fetch_source(v->fetch),
		.uidvalidity = fetch_uidvalidity(v->fetch),
		.uid = item->uid,
		.arrival = item->internal_date,
		.raw = body->raw };
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

/* Judged, and not committed yet.  Each has a job of its own. */
struct batch {
	size_t count;
	int64_t since_ms; /* when the first of them was judged */
	struct job jobs[COMMIT_MAX];
	struct judgement *judged[COMMIT_MAX];
	uint32_t uids[COMMIT_MAX];
};

static void
not_judged(struct validator *v, struct job *j, uint32_t uid)
{
	store_rollback(j);
	log_error("reply not judged", "job=%s source=%s uid=%u error=\"%s\"",
	    j->id, fetch_source(v->fetch), uid, j->err.text);
	if (j->err.kind != ERR_BUSY)
		note_stuck(v, uid);
}

/* From one on; the message that failed, and all behind it, are for the next
 * call: 0, or -1. */
static int
record_from(struct batch *b, size_t *from)
{
	struct job *jobs[COMMIT_MAX];
	size_t done = 0;
	unsigned wake = 0;
	int result;

	for (size_t i = *from; i < b->count; i++)
		jobs[i] = &b->jobs[i];
	result = judge_record(
	    jobs + *from, b->judged + *from, b->count - *from, &done);
	for (done += *from; *from < done; (*from)++)
		wake |= b->jobs[*from].wake;
	wake_send(wake);
	return result;
}

/* Commits what is in the batch, which is empty then: 0, or -1. */
static int
commit_batch(struct validator *v, struct batch *b)
{
	int64_t begun_ms = clock_mono_ms();
	size_t at = 0;
	int result = 0;

	while (result == 0 && at < b->count) {
		if (record_from(b, &at) == 0)
			break;
		/* On another machine the same mailbox may be read. */
		result = judge_is_others(&b->jobs[at], fetch_source(v->fetch),
		    fetch_uidvalidity(v->fetch), b->uids[at]);
		if (result < 0)
			not_judged(v, &b->jobs[at], b->uids[at]);
		at++;
	}
	v->commit_ms = clock_mono_ms() - begun_ms;
	for (size_t i = 0; i < b->count; i++)
		job_done(&b->jobs[i]);
	b->count = 0;
	return result;
}

/* One more, if it was not recorded before: 0, or -1. */
static int
judge_into(struct validator *v, struct role_env *env, struct batch *b,
    const struct received *m)
{
	struct job *j = &b->jobs[b->count];
	int found;

	job_init(j, env->store, env->conf);
	patience_begin(v);
	found = judge_message(v, j, m, &b->judged[b->count]);
	patience_end(v, env->conf);
	if (found > 0) {
		if (b->count == 0)
			b->since_ms = clock_mono_ms();
		b->uids[b->count++] = (uint32_t)m->uid;
		return 0;
	}
	if (found < 0)
		not_judged(v, j, (uint32_t)m->uid);
	job_done(j);
	return found;
}

/* What waits for slow name servers must not hold up what is judged. */
static bool
is_full(const struct validator *v, const struct batch *b)
{
	int64_t wait_ms = smaller(2 * v->commit_ms, COMMIT_MS_MAX);

	if (wait_ms < COMMIT_MS)
		wait_ms = COMMIT_MS;
	return b->count == COMMIT_MAX ||
	       (b->count > 0 && clock_mono_ms() - b->since_ms >= wait_ms);
}

/* Judges and records messages in their order; with the first failure it ends:
 * 0, or -1. */
static int
take_bodies(struct validator *v, struct role_env *env,
    const struct fetch_item *items, const struct fetch_body *bodies, size_t n)
{
	struct batch *b = xmalloc(sizeof(*b));
	struct received m[FETCH_MESSAGES_MAX];
	int result = 0;

	b->count = 0;
	for (size_t i = 0; i < n && result == 0 && !role_is_stopping(); i++) {
		if (receive(v, &items[i], &bodies[i], &m[i]) > 0)
			result = judge_into(v, env, b, &m[i]);
		if (result == 0 && is_full(v, b))
			result = commit_batch(v, b);
	}
	/* What was judged before a failure counts. */
	if (b->count > 0 && commit_batch(v, b) < 0)
		result = -1;
	free(b);
	return result;
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
		note_stuck(v, items[0].uid);
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

/* Loads and takes the first of the items; *taken of them. */
static int
take_group(struct validator *v, struct role_env *env,
    const struct fetch_item *items, size_t count, size_t *taken)
{
	struct fetch_body bodies[FETCH_MESSAGES_MAX];
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	*taken = group_size(v, &j, items, count);
	result = load_group(v, &j, items, *taken, bodies);
	if (result == 0) {
		load_ahead(v, items + *taken, count - *taken, env->conf);
		result = take_bodies(v, env, items, bodies, *taken);
	}
	job_done(&j);
	return result;
}

/* Everything new, oldest first, then moved away: 0, or -1. */
static int
ingest(struct validator *v, struct role_env *env)
{
	struct fetch_item *items;
	size_t count = 0, taken;
	int64_t last;
	struct job j;
	int result = -1;

	job_init(&j, env->store, env->conf);
	do {
		job_reset(&j);
		if (store_reply_last_uid(&j, fetch_source(v->fetch),
			fetch_uidvalidity(v->fetch), &last) < 0 ||
		    fetch_list(v->fetch, &j, (uint32_t)last, LIST_MAX, &items,
			&count) < 0)
			goto out;
		for (size_t i = 0; i < count && !role_is_stopping();
		     i += taken) {
			if (take_group(v, env, items + i, count - i, &taken) <
			    0)
				goto out;
			role_tend(env);
		}
		if (dispose_left_over(v, &j) < 0 && !is_only_refused(v, &j))
			goto out;
	} while (fetch_has_more(v->fetch) && !role_is_stopping());
	v->one_by_one = false;
	result = 0;
out:
	if (result < 0) {
		store_rollback(&j);
		if (j.err.kind != ERR_NONE)
			log_warning("mailbox", "job=%s source=%s error=\"%s\"",
			    j.id, fetch_source(v->fetch), j.err.text);
	}
	job_done(&j);
	return result;
}

static int
connect_mailbox(struct validator *v, struct role_env *env, unsigned failures)
{
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	result = fetch_connect(v->fetch, &j);
	if (result == 0)
		log_info("mailbox open", "source=%s", fetch_source(v->fetch));
	else if (failures == 0 || j.err.kind != ERR_BUSY)
		log_error("mailbox", "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

static int64_t
reconnect_pause(unsigned failures)
{
	int64_t ms = 500;

	for (unsigned i = 1; i < failures && ms < RECONNECT_MAX_MS; i++)
		ms *= 2;
	return smaller(ms, RECONNECT_MAX_MS);
}

/* Until mail, a wake-up, or something is due. */
static int
wait_for_mail(struct validator *v, struct role_env *env, bool more_work,
    unsigned step_failures)
{
	struct job j;
	bool new_mail;
	int result;
	int64_t ms = more_work ? 0
			       : smaller(worker_timeout_after(env,
					     validator_next_due, step_failures),
				     IDLE_MS);

	job_init(&j, env->store, env->conf);
	result =
	    fetch_wait(v->fetch, &j, wake_fd(ROLE_VALIDATOR), ms, &new_mail);
	if (result < 0)
		log_warning("mailbox", "error=\"%s\"", j.err.text);
	job_done(&j);
	wake_drain(ROLE_VALIDATOR);
	return result;
}

int
intake_imap_run(struct role_env *env)
{
	struct validator *v = env->role;
	unsigned failures = 0, step_failures = 0;
	bool more_work, is_trimmed = false;

	/* A server that hangs holds up no start. */
	role_ready();
	while (!role_is_stopping()) {
		role_tend(env);
		/* One item between two looks into the mailbox: what waits for
		 * slow name servers must not hold up new mail. */
		more_work =
		    worker_once(env, validator_step, &step_failures) > 0;
		if (!fetch_is_connected(v->fetch) &&
		    connect_mailbox(v, env, failures) < 0) {
			failures++;
			wake_wait(ROLE_VALIDATOR,
			    smaller(reconnect_pause(failures),
				worker_timeout_after(
				    env, validator_next_due, step_failures)));
			continue;
		}
		if (!is_trimmed)
			trim_resident();
		is_trimmed = true;
		if (ingest(v, env) < 0 ||
		    wait_for_mail(v, env, more_work, step_failures) < 0) {
			fetch_disconnect(v->fetch);
			/* Its wake-up may have been taken with others. */
			if (role_is_stopping())
				break;
			/* A mailbox that fails on each message must not be
			 * asked without a pause. */
			wake_wait(ROLE_VALIDATOR, reconnect_pause(++failures));
			continue;
		}
		failures = 0;
	}
	fetch_disconnect(v->fetch);
	return 0;
}

int
intake_imap_open(struct job *j, const struct conf_imap *m, struct fetch **out)
{
	struct fetch_conf f = { .host = m->host,
		.port = m->port,
		.tls = m->tls,
		.ca_file = m->ca_file,
		.user = m->user,
		.auth = m->auth,
		.token = { .file = m->token_file, .command = m->token_command },
		.folder = m->folder,
		.disposal = m->disposal,
		.processed_folder = m->processed_folder,
		.timeout_ms = IMAP_TIMEOUT_MS,
		.is_ending = role_is_stopping };

	if (m->password_file != NULL && file_read_secret(j, m->password_file,
					    PASSWORD_MAX, &f.password) < 0)
		return -1;
	return fetch_new(j, &f, out);
}
