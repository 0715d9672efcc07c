#include "config.h"

#include "src/role_validator.h"

#include "db/store.h"
#include "db/store_caa.h"
#include "db/store_reply.h"
#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "lib/seal.h"
#include "mail/fetch.h"
#include "pki/envelope.h"
#include "src/dns_conf.h"
#include "src/intake.h"
#include "src/intake_imap.h"
#include "src/intake_lmtp.h"
#include "src/intake_maildir.h"
#include "src/judge.h"
#include "src/judge_caa.h"
#include "src/perspective_check.h"
#include "src/perspective_client.h"
#include "src/record_queue.h"
#include "src/reply_wrap.h"
#include "src/worker.h"

#include <string.h>

/* MP-12 */
static void
note_silence(void *ctx, const char *service, const struct testimony *t)
{
	const enum log_level *level = ctx;
	struct log_quoted q;

	if (t->answer != ANSWER_SILENT)
		return;
	log_quote(&q, span_str(t->why));
	log_line(*level, "perspective does not answer",
	    "perspective=%s service=%s error=%s next=\"see whether it runs "
	    "and can be reached; with mpic.policy = enforce orders wait if "
	    "two do not answer\"",
	    t->code, service != NULL ? service : "-", q.text);
}

/* Once, when the process starts. */
static int
check_perspectives(struct validator *v, struct job *j)
{
	enum log_level level = j->conf->mpic.policy == CONF_MPIC_ENFORCE
				   ? LOG_LEVEL_ERROR
				   : LOG_LEVEL_WARNING;

	v->perspectives_checked = true;
	return perspective_check(v->perspectives, j, note_silence, &level) < 0
		   ? -1
		   : 1;
}

int
validator_step(void *ctx, struct job *j)
{
	struct validator *v = ctx;
	int done;

	if (v->perspectives != NULL && !v->perspectives_checked)
		return check_perspectives(v, j);
	if (v->perspectives != NULL) {
		done = judge_caa_late(v, j);
		return done != 0 ? done : judge_caa(v, j);
	}
	done = judge_deferred(v, j);
	if (done == 0 && j->conf->mpic.perspective_count == 0)
		done = judge_caa(v, j);
	/* Last: nobody waits for it. */
	return done != 0 ? done : reply_wrap_step(v, j);
}

int
validator_next_due(void *ctx, struct job *j, int64_t *at)
{
	const struct validator *v = ctx;
	int found;

	if (v->perspectives == NULL)
		return j->conf->mpic.perspective_count > 0
			   ? store_reply_next_due(j, at)
			   : judge_next_due(j, at);
	found = store_caa_next_due(j, at);
	if (found >= 0 && perspective_client_waits(v->perspectives) &&
	    (found == 0 || *at > j->now + 1)) {
		*at = j->now + 1;
		found = 1;
	}
	return found;
}

int
validator_recover(struct job *j)
{
	if (store_expect_many(j) < 0 || store_reply_recover(j) < 0)
		return -1;
	return store_caa_recover(j);
}

/* The way in that this process is for. */
static int
open_intake(struct job *j, struct role_env *env, struct validator *v)
{
	char room[INTAKE_NAME_MAX];
	struct intake in;

	if (!intake_find(j->conf, env->intake, &in, room))
		return job_fail(j, ERR_INTERNAL,
		    "the configuration has no way in %s any more: start "
		    "countersignd again",
		    env->intake);
	v->kind = in.kind;
	switch (in.kind) {
	case INTAKE_IMAP:
		v->records = record_queue_new(RECORD_WAIT_MS);
		return intake_imap_open(j, in.imap, &v->fetch);
	case INTAKE_LMTP:
		return intake_lmtp_open(j, &v->lmtp);
	case INTAKE_MAILDIR:
		v->maildir = intake_maildir_new(env, in.maildir);
		break;
	case INTAKE_PERSPECTIVES:
		return perspective_client_new(j, &v->perspectives);
	case INTAKE_DEFERRED:
		break;
	}
	return 0;
}

static int
open_resolvers(
    struct job *j, const struct conf_validator *c, struct validator *v)
{
	struct resolver_conf dns = dns_conf_of(j->conf, c->dns_config);

	if (resolver_new(j, &dns, &v->resolver) < 0 ||
	    resolver_check_validates(v->resolver, j) < 0)
		return -1;
	if (c->dns_second_config == NULL)
		return 0;
	dns.config_file = c->dns_second_config;
	if (resolver_new(j, &dns, &v->second) < 0)
		return -1;
	return resolver_check_validates(v->second, j);
}

static int
validator_open(struct job *j, struct role_env *env)
{
	const struct conf_validator *c = &j->conf->validator;
	struct validator *v = arena_alloc(env->keep, sizeof(*v));

	env->role = v;
	if (seal_key_load(j, env->keep, j->conf->seal_key_file, &v->seal) < 0)
		return -1;
	if (j->conf->encrypt_to != NULL &&
	    envelope_recipient(j, env->keep, j->conf->encrypt_to, &v->wrap_to) <
		0)
		return job_context(j, "evidence.encrypt_to");
	if (smime_source_open(j, &v->smime) < 0 || open_intake(j, env, v) < 0)
		return -1;
	return open_resolvers(j, c, v);
}

static int
validator_run(struct role_env *env)
{
	const struct validator *v = env->role;

	switch (v->kind) {
	case INTAKE_IMAP:
		return intake_imap_run(env);
	case INTAKE_LMTP:
		return intake_lmtp_run(env);
	case INTAKE_MAILDIR:
		return intake_maildir_run(env);
	case INTAKE_PERSPECTIVES:
	case INTAKE_DEFERRED:
		break;
	}
	return worker_loop(
	    env, ROLE_VALIDATOR, validator_step, validator_next_due);
}

static void
validator_close(struct role_env *env)
{
	struct validator *v = env->role;

	record_queue_free(v->records);
	fetch_free(v->fetch);
	intake_lmtp_close(v->lmtp);
	perspective_client_free(v->perspectives);
	resolver_free(v->resolver);
	resolver_free(v->second);
	smime_source_close(&v->smime);
}

const struct role_ops validator_ops = { ROLE_VALIDATOR, validator_open,
	validator_recover, validator_run, validator_close };
