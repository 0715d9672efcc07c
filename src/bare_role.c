#include "config.h"

#include "src/bare_role.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "src/conf_held.h"
#include "src/privilege.h"
#include "src/role.h"
#include "src/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int
bare_role_settle(struct job *j, enum role role)
{
	if (privilege_drop(j, role_user(j->conf, role)) < 0)
		return -1;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return sandbox_enter(j, role, NULL);
}

static void
tell_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "r", 1) != 1)
		log_warning(
		    "supervisor not told", "error=\"%s\"", strerror(errno));
	close(fd);
}

static volatile sig_atomic_t hangup;

static void
on_hangup(int number)
{
	(void)number;
	hangup = 1;
}

void
bare_role_take_hangups(void)
{
	struct sigaction action = { .sa_handler = on_hangup };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
}

int
bare_role_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		if (hangup) {
			hangup = 0;
			return 0;
		}
		if (ppoll(&p, 1, NULL, &none) > 0)
			return 1;
		if (errno != EINTR)
			return -1;
	}
}

/* The exit status. */
static int
prepare(const struct bare_role *r, const struct conf *conf, struct arena *keep)
{
	struct job j;
	int result = 0;
	int status = EXIT_SUCCESS;

	job_init(&j, NULL, conf);
	if (r->open != NULL)
		result = r->open(&j, keep, r->ctx);
	if (result == 0)
		result = bare_role_settle(&j, r->role);
	if (result == 0 && r->begin != NULL)
		result = r->begin(&j, keep, r->ctx);
	if (result < 0) {
		log_error("role cannot start", "error=\"%s\"", j.err.text);
		status = j.err.kind == ERR_REFUSED ? ROLE_EXIT_REFUSED
						   : EXIT_FAILURE;
	}
	job_done(&j);
	return status;
}

int
bare_role_conf(
    struct arena *keep, const struct bare_start *start, const struct conf **out)
{
	return conf_held_load(
	    keep, start->held_fd, start->conf_file, conf_report_log, NULL, out);
}

int
bare_role_main(const struct bare_role *r, const struct bare_start *start)
{
	struct arena *keep = arena_new();
	pid_t supervisor = getppid();
	const struct conf *conf;
	int status = EXIT_FAILURE;

	log_open(role_name(r->role), LOG_LEVEL_INFO);
	privilege_no_dumps();
	/* Ctrl-C reaches the group, and what such a role needs is read at a
	 * start only: the supervisor says what happens. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	fd_set_cloexec(start->held_fd, true);
	if (bare_role_conf(keep, start, &conf) == 0) {
		log_open(role_name(r->role), role_log_level(conf));
		status = prepare(r, conf, keep);
	}
	if (status == EXIT_SUCCESS && getppid() == supervisor) {
		tell_ready(start->ready_fd);
		r->serve(keep, conf, r->ctx);
	}
	arena_free(keep);
	return status;
}
