#include "config.h"

#include "src/intake_imap.h"

#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "mail/fetch.h"
#include "src/role_validator.h"
#include "src/wake.h"
#include "src/worker.h"

#define IMAP_TIMEOUT_MS 30000
#define PASSWORD_MAX 1024
#define BATCH 100
#define STUCK_TRIES 5
/* IDLE is renewed this often: a dead connection is noticed in the end. */
#define IDLE_MS 240000
#define RECONNECT_MAX_MS 60000

/* What a message is when the database has its verdict, but the mailbox
 * perhaps does not know yet. */
static int
dispose_left_over(struct validator *v, struct job *j)
{
	const char *source = fetch_source(v->fetch);
	int64_t *uids, validity = fetch_uidvalidity(v->fetch);
	uint32_t *list;
	size_t count;

	if (store_reply_undisposed(j, source, validity, BATCH, &uids, &count) <
	    0)
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

/* A message that cannot be judged is tried again, and in the end passed over:
 * the ones behind it must not wait for ever. */
static bool
is_stuck(struct validator *v, uint32_t uid)
{
	return v->stuck_uid == uid && v->stuck_count >= STUCK_TRIES;
}

static void
note_stuck(struct validator *v, uint32_t uid)
{
	v->stuck_count = v->stuck_uid == uid ? v->stuck_count + 1 : 1;
	v->stuck_uid = uid;
}

/* 1 and m filled, 0 if the message is gone, -1. */
static int
load_item(struct validator *v, struct job *j, const struct fetch_item *item,
    struct received *m)
{
	size_t max = (size_t)j->conf->validator.max_message;
	int found;

	if (is_stuck(v, item->uid)) {
		log_error("reply passed over",
		    "uid=%u next=\"the errors before this line say why; the "
		    "message is put away as the option disposal says\"",
		    item->uid);
		m->refused = "internal";
		return 1;
	}
	found = fetch_message(v->fetch, j, item->uid, max, &m->raw);
	if (found == 0 && item->size > max) {
		m->refused = "msg.too-large";
		return 1;
	}
	return found;
}

static int
take_item(
    struct validator *v, struct role_env *env, const struct fetch_item *item)
{
	struct received m = { .source = fetch_source(v->fetch),
		.uidvalidity = fetch_uidvalidity(v->fetch),
		.uid = item->uid,
		.arrival = item->internal_date };
	enum verdict verdict;
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	result = load_item(v, &j, item, &m);
	if (result > 0 && validator_take(v, &j, &m, &verdict) < 0) {
		result = -1;
		if (j.err.kind != ERR_BUSY)
			note_stuck(v, item->uid);
	}
	if (result < 0) {
		store_rollback(&j);
		log_error("reply not judged", "job=%s uid=%u error=\"%s\"",
		    j.id, item->uid, j.err.text);
	} else {
		wake_send(j.wake);
	}
	job_done(&j);
	return result < 0 ? -1 : 0;
}

/* Everything new, oldest first, then moved away: 0, or -1. */
static int
ingest(struct validator *v, struct role_env *env)
{
	struct fetch_item *items;
	size_t count = 0;
	int64_t last;
	struct job j;
	int result = -1;

	job_init(&j, env->store, env->conf);
	do {
		if (store_reply_last_uid(&j, fetch_source(v->fetch),
			fetch_uidvalidity(v->fetch), &last) < 0 ||
		    fetch_list(v->fetch, &j, (uint32_t)last, BATCH, &items,
			&count) < 0)
			goto out;
		for (size_t i = 0; i < count && !role_is_stopping(); i++)
			if (take_item(v, env, &items[i]) < 0)
				goto out;
		if (dispose_left_over(v, &j) < 0)
			goto out;
		job_reset(&j);
	} while (count == BATCH && !role_is_stopping());
	result = 0;
out:
	if (result < 0) {
		store_rollback(&j);
		if (j.err.kind != ERR_NONE)
			log_warning(
			    "mailbox", "job=%s error=\"%s\"", j.id, j.err.text);
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
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
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
wait_for_mail(struct validator *v, struct role_env *env, bool more_work)
{
	struct job j;
	bool new_mail;
	int result;
	int64_t ms =
	    more_work
		? 0
		: smaller(worker_timeout(env, validator_next_due), IDLE_MS);

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
	bool more_work;

	while (!role_is_stopping()) {
		role_reload(env);
		/* One item between two looks into the mailbox: what waits for
		 * slow name servers must not hold up new mail. */
		more_work =
		    worker_once(env, validator_step, &step_failures) > 0;
		if (!fetch_is_connected(v->fetch) &&
		    connect_mailbox(v, env, failures) < 0) {
			failures++;
			role_ready();
			wake_wait(ROLE_VALIDATOR,
			    smaller(reconnect_pause(failures),
				worker_timeout(env, validator_next_due)));
			continue;
		}
		role_ready();
		if (ingest(v, env) < 0 ||
		    wait_for_mail(v, env, more_work) < 0) {
			fetch_disconnect(v->fetch);
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
		.folder = m->folder,
		.disposal = m->disposal,
		.processed_folder = m->processed_folder,
		.timeout_ms = IMAP_TIMEOUT_MS };

	if (file_read_secret(j, m->password_file, PASSWORD_MAX, &f.password) <
	    0)
		return -1;
	return fetch_new(j, &f, out);
}
