#include "config.h"

#include "src/role.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "src/conf_held.h"
#include "src/database.h"
#include "src/privilege.h"
#include "src/role_life.h"
#include "src/sandbox.h"
#include "src/trim.h"
#include "src/wake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;
static volatile sig_atomic_t hangup;
static enum role this_role;
static int ready_pipe = -1;
static pid_t supervisor;

static void
on_signal(int number)
{
	int saved = errno;

	if (number == SIGHUP)
		hangup = 1;
	else
		stopping = 1;
	/* A signal between the look at the flag and the wait would else be
	 * noticed only when the wait ends. */
	wake_self();
	errno = saved;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t hangups;

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* The supervisor keeps it back until there is somebody to hear it. */
	sigemptyset(&hangups);
	sigaddset(&hangups, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &hangups, NULL);
	/* Ctrl-C in a terminal reaches the whole group: the supervisor says
	 * what happens then. */
	action.sa_handler = SIG_IGN;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
}

bool
role_is_stopping(void)
{
	return stopping != 0;
}

void
role_stop(bool yes)
{
	stopping = yes;
}

void
role_hang_up(void)
{
	hangup = 1;
}

void
role_ready(void)
{
	if (ready_pipe < 0)
		return;
	trim_resident();
	if (write(ready_pipe, "r", 1) != 1)
		log_warning(
		    "supervisor not told", "error=\"%s\"", strerror(errno));
	close(ready_pipe);
	ready_pipe = -1;
}

enum log_level
role_log_level(const struct conf *conf)
{
	static const char *const names[] = { "error", "warning", "info",
		"debug" };

	for (size_t i = 0; i < 4; i++)
		if (strcmp(conf->log_level, names[i]) == 0)
			return (enum log_level)i;
	return LOG_LEVEL_INFO;
}

/* The audit was told of it before any role. */
static void
note_conf(const struct role_env *env)
{
	struct job j;

	/* The start, once it is on record, says which it goes by, and whether
	 * that is another one than before. */
	if (env->is_owed)
		return;
	job_init(&j, env->store, env->conf);
	if (role_life_conf(&j, env->name) < 0)
		log_warning("configuration not noted",
		    "error=\"%s\" next=\"nothing: it is in use\"", j.err.text);
	job_done(&j);
}

/* If the database does not answer, the role's work says so. */
static void
show_life(struct role_env *env)
{
	int64_t now_ms = clock_mono_ms();
	struct job j;

	if (env->is_owed || now_ms - env->seen_ms < ROLE_LIFE_SECS * 1000)
		return;
	env->seen_ms = now_ms;
	job_init(&j, env->store, env->conf);
	(void)role_life_seen(&j, env->name);
	job_done(&j);
}

/* The disk is full, or another has the lock: none of what this role does
 * needs to wait for that but its changes. */
static int
begin_life(struct job *j, struct role_env *env)
{
	int result = role_life_begin(j, env->name, env->ended_at, &env->told);

	env->tried_ms = env->seen_ms = clock_mono_ms();
	if (result == 0 || !env->reads_alone || j->err.kind != ERR_BUSY)
		return result;
	log_error("start not recorded",
	    "error=\"%s\" next=\"the database must take changes: until then "
	    "what changes nothing is answered\"",
	    j->err.text);
	job_recover(j);
	env->is_owed = true;
	return 0;
}

static void
record_owed(struct role_env *env)
{
	struct job j;

	if (!env->is_owed || clock_mono_ms() - env->tried_ms < ROLE_OWED_MS)
		return;
	job_init(&j, env->store, env->conf);
	env->is_owed =
	    role_life_begin(&j, env->name, env->ended_at, &env->told) < 0;
	env->tried_ms = clock_mono_ms();
	if (!env->is_owed)
		log_info("start recorded", "role=%s", env->name);
	job_done(&j);
}

void
role_trouble(struct role_env *env, const char *why)
{
	const char *text = why == NULL ? "" : why;
	struct job j;

	/* What is owed comes first: nothing can be written yet. */
	if (env->is_owed || strcmp(env->trouble, text) == 0 ||
	    clock_mono_ms() < env->untold_ms)
		return;
	job_init(&j, env->store, env->conf);
	if (role_life_trouble(&j, env->name, why) == 0)
		snprintf(env->trouble, sizeof(env->trouble), "%s", text);
	else
		/* It has waited for the lock of the database as long as that
		 * may take, and each turn of a role's loop comes by here. */
		env->untold_ms = clock_mono_ms() + ROLE_OWED_MS;
	job_done(&j);
}

void
role_tend(struct role_env *env)
{
	const struct conf *fresh;
	const char *before = env->conf->sha256;

	record_owed(env);
	show_life(env);
	if (!hangup)
		return;
	hangup = 0;
	/* All others take it: one that starts anew has the rights to. */
	if (conf_held_load(env->keep, env->held_fd, env->conf->file,
		conf_report_log, NULL, &fresh) < 0) {
		log_error("configuration not read",
		    "next=\"nothing: the role starts anew with it\"");
		stopping = 1;
		return;
	}
	env->conf = fresh;
	log_open(role_name(this_role), role_log_level(fresh));
	note_conf(env);
	if (sandbox_is_outgrown(fresh)) {
		log_info("starting anew",
		    "why=\"the configuration needs files that this "
		    "process has given up\"");
		stopping = 1;
	} else if (env->reloaded != NULL) {
		env->reloaded(env);
	}
	/* Whoever reads this relies on it: it is in use. */
	log_info("configuration reloaded", "file=%s sha256=%s before=%s",
	    fresh->file, fresh->sha256, before);
}

/* PK-221: whoever starts a stranger's program may be a user of its own. */
const char *
role_user(const struct conf *conf, enum role role)
{
	return role == ROLE_UPSTREAM && conf->external.user != NULL
		   ? conf->external.user
		   : conf->user;
}

/* Between the secrets and the work: rights given up, database open. */
static int
settle(const struct role_ops *ops, struct job *j, struct role_env *env)
{
	if (privilege_drop(j, role_user(env->conf, ops->role)) < 0)
		return -1;
	/* The supervisor's death ends the role: two sets must never run.
	 * (A change of user cleared the setting, so it is made here.) */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		stopping = 1;
	if (store_open_as(j, &env->login, &env->store) < 0)
		return -1;
	j->store = env->store;
	/* Those two answer people and programs, who come again. */
	if (ops->role != ROLE_WEB && ops->role != ROLE_ADMIN)
		store_be_patient(j, role_is_stopping);
	if (begin_life(j, env) < 0)
		return -1;
	if (ops->recover != NULL && ops->recover(j) < 0)
		return -1;
	return sandbox_enter(j, ops->role, env->intake);
}

/* One that ends otherwise leaves its row as it is: the next start says so,
 * unless the supervisor knows better. */
static void
record_end(const struct role_env *env)
{
	struct job j;

	job_init(&j, env->store, env->conf);
	if (role_life_end(&j, env->name) < 0)
		log_warning("end of the role not recorded",
		    "error=\"%s\" next=\"nothing: the next start records a "
		    "crash, unless the supervisor starts it anew\"",
		    j.err.text);
	job_done(&j);
}

void
role_tell_refused(struct role_env *env,
    int (*tell)(void *front, struct job *j, bool is_end), void *front,
    bool is_end)
{
	struct job j;

	job_init(&j, env->store, env->conf);
	if (tell(front, &j, is_end) < 0)
		log_error("refusals not recorded", "error=\"%s\" next=\"%s\"",
		    j.err.text,
		    is_end ? "nothing: how many there were since the last "
			     "record is lost"
			   : "the database must answer");
	job_done(&j);
}

int
role_main(const struct role_ops *ops, const struct role_start *start)
{
	struct role_env env = { .keep = arena_new(),
		.intake = start->intake,
		.linters_fd = start->linters_fd,
		.signer_fd = start->signer_fd,
		.held_fd = start->held_fd,
		.ended_at = start->ended_at,
		.live = start->live };
	struct job j;
	int result = -1;
	bool is_refused;

	this_role = ops->role;
	env.name = role_life_name(env.keep, ops->role, start->intake);
	ready_pipe = start->ready_fd;
	supervisor = getppid();
	log_open(role_name(this_role), LOG_LEVEL_INFO);
	wake_adopt(start->wake, ops->role);
	catch_signals();
	privilege_no_dumps();
	fd_set_cloexec(start->held_fd, true);
	if (conf_held_load(env.keep, start->held_fd, start->conf_file,
		conf_report_log, NULL, &env.conf) < 0) {
		arena_free(env.keep);
		return EXIT_FAILURE;
	}
	log_open(role_name(this_role), role_log_level(env.conf));
	job_init(&j, NULL, env.conf);
	/* The job's arena holds secrets that open() read: it lives until the
	 * role ends, and is wiped then. */
	if (database_login(&j, ops->role, &env.login) < 0 ||
	    ops->open(&j, &env) < 0 || settle(ops, &j, &env) < 0) {
		log_error("role cannot start", "error=\"%s\"", j.err.text);
	} else {
		result = ops->run(&env);
		log_info(
		    "role ends", "result=%s", result == 0 ? "ok" : "failed");
	}
	if (env.role != NULL && ops->close != NULL)
		ops->close(&env);
	/* One that is not on record cannot have ended. */
	if (result == 0 && !env.is_owed)
		record_end(&env);
	is_refused = j.err.kind == ERR_REFUSED;
	store_close(env.store);
	job_done(&j);
	arena_free(env.keep);
	if (is_refused)
		return ROLE_EXIT_REFUSED;
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
