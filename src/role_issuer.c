#include "config.h"

#include "src/role_issuer.h"

#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/log.h"
#include "lib/seal.h"
#include "pki/ca_key_end.h"
#include "pki/effective.h"
#include "pki/weakkeys.h"
#include "src/answers.h"
#include "src/audit_keys.h"
#include "src/ca_conf.h"
#include "src/ca_urls.h"
#include "src/former.h"
#include "src/handoff.h"
#include "src/key_use.h"
#include "src/linters_hold.h"
#include "src/live_key.h"
#include "src/own_keys.h"
#include "src/profile_watch.h"
#include "src/sign_link.h"
#include "src/worker.h"

/* PK-3 */
static void
tell_upcoming(const struct job *j)
{
	const struct effective *rules[EFFECTIVE_COUNT];
	size_t n = effective_upcoming(j->conf, j->now, rules);

	for (size_t i = 0; i < n; i++)
		log_warning("policy.upcoming",
		    "from=%s rule=\"%s\" source=\"%s\" next=\"%s\"",
		    rules[i]->day, rules[i]->rule, rules[i]->source,
		    rules[i]->advice);
}

static void
warn_of_profiles(struct job *j, const struct ca *ca)
{
	const char *problem = ca_conf_profile_problem(j, ca);

	if (problem != NULL)
		log_warning("profile.not-covered", "detail=\"%s\"", problem);
}

/* PK-122, PK-123: what is signed is valid below this CA.  While it runs the
 * supervisor sees to it (src/conf_trial.c). */
static int
check_profiles(struct job *j, const struct ca *ca)
{
	if (ca_conf_profiles_check(j, ca) < 0)
		return -1;
	warn_of_profiles(j, ca);
	return 0;
}

static int
issuer_open(struct job *j, struct role_env *env)
{
	struct ca_files files = ca_conf_files(env->keep, j->conf);
	struct issuer *i = arena_alloc(env->keep, sizeof(*i));
	struct ca_key_facts facts;

	env->role = i;
	i->clock.is_on = true;
	i->linters = arena_calloc(env->keep, 1, sizeof(*i->linters));
	i->linters->fd = env->linters_fd;
	if (env->signer_fd >= 0)
		i->remote =
		    sign_link_new(env->keep, env->signer_fd, ROLE_SIGNER);
	ca_conf_use_signer(&files, i->remote);
	i->live =
	    live_keys_new(env->keep, env->live.n > 0 ? env->live.fds[0] : -1);
	files.lints = issuer_is_external(j);
	if (status_ocsp_is_on(&j->conf->issuer))
		i->answers = answers_new(env->keep);
	tell_upcoming(j);
	if (ca_load(j, env->keep, &files, &i->ca) < 0 ||
	    weakkeys_load(j, env->keep, j->conf->weak_keys, &i->weak_keys) <
		0 ||
	    seal_key_load(j, env->keep, j->conf->seal_key_file, &i->seal) < 0 ||
	    ca_urls_needed(j, env->keep, j->conf, &i->urls) < 0)
		return -1;
	if (check_profiles(j, i->ca) < 0 ||
	    audit_keys_signer(j, env->keep, i->ca, &i->head_signer) < 0)
		return -1;
	i->handoff = handoff_key(env->keep, i->seal);
	if (!issuer_is_external(j)) {
		if (ca_key_facts(j, files.certificate, &facts) < 0)
			return -1;
		i->key_sha256 =
		    span_mem(arena_memdup(env->keep, facts.sha256, SHA256_LEN),
			SHA256_LEN);
	}
	return own_keys_load(j, env->keep, &i->own_keys) < 0
		   ? -1
		   : former_open(j, env->keep, i);
}

/* A failure leaves those of before in the rows: the next look finds them. */
static void
issuer_reloaded(struct role_env *env)
{
	const struct issuer *i = env->role;
	struct job j;

	job_init(&j, env->store, env->conf);
	warn_of_profiles(&j, i->ca);
	if (profile_watch(&j) < 0)
		log_error("profiles not recorded",
		    "error=\"%s\" next=\"nothing: the next start or SIGHUP "
		    "does it\"",
		    j.err.text);
	job_done(&j);
}

/* PK-133: said at the start, since no order may come for long. */
static int
tell_of_urls(struct issuer *i, struct job *j)
{
	if (issuer_check_urls(i, j) == 0)
		return 0;
	if (j->err.kind != ERR_ISSUANCE_STOPPED)
		return -1;
	log_warning("certificates wait",
	    "reason=\"%s\" next=\"when the web role answers, run countersign "
	    "ca check-urls\"",
	    j->err.text);
	job_recover(j);
	return 0;
}

static int
start_work(struct role_env *env)
{
	struct issuer *i = env->role;
	struct job j;
	int result = 0;

	i->tells_of_keys = env->told;

	job_init(&j, env->store, env->conf);
	result = issuer_check_key_is_there(env->role, &j);
	if (result == 0)
		result = own_keys_record(
		    &j, ((const struct issuer *)env->role)->own_keys);
	/* Lists are the other CA's. */
	if (result == 0 && !issuer_is_external(&j))
		result = issuer_list_start(env->role, &j);
	if (result == 0)
		result = former_start(env->role, &j);
	if (result == 0)
		result = issuer_recheck_start(env->role, &j);
	if (result == 0)
		result = tell_of_urls(env->role, &j);
	if (result == 0)
		result = profile_watch(&j);
	if (result == 0)
		result = key_use_begins(i, &j);
	if (result < 0)
		log_error("role cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

static int
issuer_run(struct role_env *env)
{
	const struct issuer *i = env->role;
	struct job j;
	int result;

	if (start_work(env) < 0)
		return -1;
	env->reloaded = issuer_reloaded;
	result = worker_loop(env, ROLE_ISSUER, issuer_step, issuer_next_due);
	job_init(&j, env->store, env->conf);
	if (key_use_ends(i, &j) < 0)
		log_warning("end of the CA key's use not recorded",
		    "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

static void
issuer_close(struct role_env *env)
{
	struct issuer *i = env->role;

	answers_free(i->answers);
	former_close(i);
}

const struct role_ops issuer_ops = { ROLE_ISSUER, issuer_open,
	store_order_recover, issuer_run, issuer_close };
