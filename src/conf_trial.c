#include "config.h"

#include "src/conf_trial.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/smime_trust.h"
#include "pki/ca.h"
#include "src/ca_conf.h"
#include "src/conf_file.h"
#include "src/errand.h"
#include "src/key_files.h"
#include "src/role_life.h"
#include "src/tls.h"
#include "src/wording.h"
#include "src/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int
try_pair(
    struct job *j, const char *certificate, const char *key, const char *option)
{
	if (certificate == NULL || tls_load(j, certificate, key) == 0)
		return 0;
	return job_context(j, "%s", option);
}

/* Of both servers, where the one for admins is there. */
static int
try_tls(struct job *j)
{
	const struct conf_web *w = &j->conf->web;
	const struct conf_admin *a = &j->conf->admin;

	if (try_pair(j, w->tls_certificate, w->tls_key, "web.tls_certificate") <
	    0)
		return -1;
	return a->listen.n == 0 ? 0
				: try_pair(j, a->tls_certificate, a->tls_key,
				      "admin.tls_certificate");
}

static int
try_smime_trust(struct job *j)
{
	const struct conf_validator *v = &j->conf->validator;
	struct smime_trust *trust;

	if (smime_trust_load(j, v->smime_roots, &v->smime_crls, &trust) < 0)
		return job_context(j, "validator.smime_roots, smime_crls");
	smime_trust_free(trust);
	return 0;
}

/* PK-122, PK-123: what is offered and signed is valid below this CA. */
static int
try_profiles(struct job *j)
{
	const struct ca_files files = ca_conf_certificates(j->conf);
	const struct ca *ca;

	if (j->conf->mode != CONF_MODE_PUBLIC)
		return 0;
	return ca_load(j, j->arena, &files, &ca) < 0
		   ? -1
		   : ca_conf_profiles_check(j, ca);
}

/* As roles that start read them: whether the user of the roles can read them
 * again, which no role needs to, says the role. */
int
conf_trial_files(struct job *j)
{
	if (try_tls(j) < 0 || try_smime_trust(j) < 0 || try_profiles(j) < 0)
		return -1;
	return key_files_demand(j);
}

static int
put_record(struct job *j, const char *before)
{
	if (store_begin(j) < 0)
		return -1;
	if (role_life_change(j, before) < 0)
		return worker_undo(j);
	/* It must not be too late after what the audit says is done. */
	alarm(0);
	return store_commit(j);
}

/* One that cannot be recorded is not taken: with no database there is nothing
 * that a role could do with it. */
static int
record(struct job *j, const char *before)
{
	if (strcmp(before, j->conf->sha256) == 0 || put_record(j, before) == 0)
		return 0;
	return job_context(j, "the change cannot be recorded");
}

/* The record last: what is refused has none. */
int
conf_trial_as_user(struct job *j, const char *before)
{
	if (wording_check(j->conf, conf_report_log, NULL) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "the texts of the mails have mistakes");
	return record(j, before);
}

/* Where the files changed and not the configuration, a certificate above all,
 * nothing is recorded, and the database may be away. */
static int
try_all(struct job *j, const char *before)
{
	bool changes = strcmp(before, j->conf->sha256) != 0;
	struct store_login login;
	int result;

	if (conf_trial_files(j) < 0 || errand_settle(j, &login) < 0)
		return -1;
	if (changes && store_open_as(j, &login, &j->store) < 0)
		return job_context(j, "the change cannot be recorded");
	result = conf_trial_as_user(j, before);
	store_close(j->store);
	return result;
}

struct trial {
	const char *before;
	int why;
};

/* The supervisor reads it when this process has ended: a pipe has room for
 * it. */
static int
run(struct job *j, void *ctx)
{
	const struct trial *t = ctx;
	size_t n;

	if (try_all(j, t->before) == 0)
		return 0;
	log_error("configuration refused", "file=%s error=\"%s\"",
	    j->conf->file, j->err.text);
	n = strlen(j->err.text);
	if (write(t->why, j->err.text, n) != (ssize_t)n)
		log_warning(
		    "supervisor not told", "error=\"%s\"", strerror(errno));
	return -1;
}

pid_t
conf_trial_start(const struct conf *conf, const char *before, int *why)
{
	struct trial t = { .before = before };
	int fds[2];
	pid_t pid;

	*why = -1;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	t.why = fds[1];
	pid = errand_start(conf, run, &t);
	close(fds[1]);
	if (pid > 0)
		*why = fds[0];
	else
		close(fds[0]);
	return pid;
}
