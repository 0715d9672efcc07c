#include "config.h"

#include "src/intake_imap.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "mail/fetch.h"
#include "src/imap_ingest.h"
#include "src/role_validator.h"
#include "src/trim.h"
#include "src/wake.h"
#include "src/worker.h"

#define IMAP_TIMEOUT_MS 30000
#define PASSWORD_MAX 1024
/* IDLE is renewed this often: a dead connection is noticed in the end. */
#define IDLE_MS 240000
#define RECONNECT_MAX_MS 60000

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
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
		log_error("mailbox",
		    "source=%s error=\"%s\" next=\"no reply is read until this "
		    "is mended; countersign check tries it\"",
		    fetch_source(v->fetch), j.err.text);
	role_trouble(env, result == 0 ? NULL : j.err.text);
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
		log_warning("mailbox", "source=%s error=\"%s\"",
		    fetch_source(v->fetch), j.err.text);
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
		if (imap_ingest(v, env) < 0 ||
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
