#include "config.h"

#include "src/role_perspective.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/agent_pool.h"
#include "src/conf_file.h"
#include "src/http_agent.h"
#include "src/notify.h"
#include "src/privilege.h"
#include "src/role.h"
#include "src/sandbox.h"
#include "src/tls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURN_MS 1000
#define PAUSE_MS 1000
#define DRAIN_MS 15000

struct child {
	pid_t pid; /* 0: does not run */
	int64_t start_ms;
};

struct perspective {
	const struct conf *conf;
	struct agent_pool *pool;
	struct child *children; /* the front first */
	size_t count;
	int ready[2]; /* a pipe: one octet from each that works */
	size_t ready_count;
	bool told_ready, failed, stopping;
	int64_t stop_ms;
	sigset_t old_mask;
};

static volatile sig_atomic_t stop_asked, hangup;

static void
on_signal(int number)
{
	if (number == SIGHUP)
		hangup = 1;
	else if (number != SIGCHLD)
		stop_asked = 1;
}

static bool
is_stop_asked(void)
{
	return stop_asked != 0;
}

/* --- the children --------------------------------------------------------- */

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGINT, &action, NULL); /* its parent says what happens */
	sigaction(SIGPIPE, &action, NULL);
	action.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &action, NULL);
}

static void
say_ready(const struct perspective *p)
{
	if (write(p->ready[1], "r", 1) != 1)
		log_warning("parent not told", "error=\"%s\"", strerror(errno));
}

static int
confine(struct job *j, pid_t parent, const char *half)
{
	if (privilege_drop(j, j->conf->user) < 0)
		return -1;
	/* A change of user cleared it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		stop_asked = 1;
	return sandbox_enter(j, ROLE_PERSPECTIVE, half);
}

static void
reload(struct job *j)
{
	const struct conf_agent *g = &j->conf->agent;

	hangup = 0;
	if (tls_load(j, g->tls_certificate, g->tls_key) < 0) {
		log_error("certificate not reloaded",
		    "error=\"%s\" next=\"the former certificate stays in use; "
		    "the key must be readable for the user\"",
		    j->err.text);
		job_recover(j);
		return;
	}
	log_info("certificate reloaded", "file=%s", g->tls_certificate);
}

static int
run_front(const struct perspective *p, pid_t parent)
{
	struct http_agent *front = NULL;
	int result = -1;
	struct job j;

	job_init(&j, NULL, p->conf);
	if (http_agent_open(&j, &front) == 0 &&
	    confine(&j, parent, NULL) == 0 &&
	    http_agent_start(front, &j, p->pool) == 0) {
		say_ready(p);
		while (!is_stop_asked()) {
			poll(NULL, 0, TURN_MS);
			http_agent_tend(front);
			if (hangup)
				reload(&j);
		}
		result = 0;
	} else {
		log_error("cannot start", "error=\"%s\"", j.err.text);
	}
	http_agent_stop(front);
	job_done(&j);
	return result;
}

static int
run_lookups(const struct perspective *p, size_t i, pid_t parent)
{
	int result = -1;
	struct job j;

	job_init(&j, NULL, p->conf);
	agent_pool_keep(p->pool, i);
	if (confine(&j, parent, PERSPECTIVE_LOOKUPS) == 0 &&
	    agent_pool_try(&j) == 0) {
		say_ready(p);
		agent_pool_serve(p->pool, i, p->conf, is_stop_asked);
		result = 0;
	} else {
		log_error("cannot start", "error=\"%s\"", j.err.text);
	}
	job_done(&j);
	return result;
}

static void
start_child(struct perspective *p, size_t i)
{
	struct child *c = &p->children[i];
	pid_t parent = getpid();
	int result;

	c->start_ms = clock_mono_ms() + PAUSE_MS;
	c->pid = fork();
	if (c->pid < 0) {
		log_error("not started", "error=\"fork: %s\"", strerror(errno));
		c->pid = 0;
	}
	if (c->pid != 0)
		return;
	catch_signals();
	privilege_no_dumps();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, &p->old_mask, NULL);
	result = i == 0 ? run_front(p, parent) : run_lookups(p, i - 1, parent);
	exit(result == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- the parent ----------------------------------------------------------- */

static void
signal_all(const struct perspective *p, int number)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].pid > 0)
			kill(p->children[i].pid, number);
}

static void
begin_stop(struct perspective *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	p->stop_ms = clock_mono_ms() + DRAIN_MS;
	log_info("stopping", "grace_ms=%d", DRAIN_MS);
	notify_send("STOPPING=1");
	signal_all(p, SIGTERM);
}

static void
child_ended(struct perspective *p, size_t i, int status)
{
	p->children[i].pid = 0;
	if (p->stopping)
		return;
	if (!p->told_ready) {
		log_error("cannot start",
		    "next=\"mend what the line before says; nothing is "
		    "started\"");
		p->failed = true;
		begin_stop(p);
		return;
	}
	log_error("process ended", "which=%s status=%d restart_ms=%d",
	    i == 0 ? "front" : PERSPECTIVE_LOOKUPS, status, PAUSE_MS);
	p->children[i].start_ms = clock_mono_ms() + PAUSE_MS;
}

static void
reap(struct perspective *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < p->count; i++)
			if (p->children[i].pid == pid)
				child_ended(p, i, status);
}

static bool
any_running(const struct perspective *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].pid > 0)
			return true;
	return false;
}

static void
start_due(struct perspective *p)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < p->count && !p->stopping; i++)
		if (p->children[i].pid == 0 && p->children[i].start_ms <= now)
			start_child(p, i);
}

/* A signal, or a child that is ready, or a second gone by. */
static void
wait_and_act(struct perspective *p)
{
	static const struct timespec turn = { .tv_sec = TURN_MS / 1000 };
	struct pollfd poller = { .fd = p->ready[0], .events = POLLIN };
	char octets[64];
	ssize_t n;

	if (ppoll(&poller, 1, &turn, &p->old_mask) <= 0)
		return;
	n = read(p->ready[0], octets, sizeof(octets));
	p->ready_count += n > 0 ? (size_t)n : 0;
	if (p->told_ready || p->ready_count < p->count)
		return;
	p->told_ready = true;
	log_info("ready", "code=%s processes=%zu", p->conf->agent.code,
	    p->count - 1);
	notify_send("READY=1");
}

static void
look_after(struct perspective *p)
{
	while (!p->stopping || any_running(p)) {
		start_due(p);
		wait_and_act(p);
		reap(p);
		if (is_stop_asked())
			begin_stop(p);
		if (hangup) {
			hangup = 0;
			signal_all(p, SIGHUP);
		}
		if (p->stopping && clock_mono_ms() >= p->stop_ms)
			signal_all(p, SIGKILL);
	}
}

/* Blocked but while the parent waits, so that none is missed. */
static void
prepare_signals(struct perspective *p)
{
	struct sigaction action = { .sa_handler = on_signal };
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		sigaddset(&set, numbers[i]);
		sigaction(numbers[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, &p->old_mask);
}

static int
run(struct job *j, struct arena *keep)
{
	struct perspective p = { .conf = j->conf };

	p.count = 1 + (size_t)j->conf->agent.processes;
	p.children = arena_calloc(keep, p.count, sizeof(*p.children));
	p.pool = agent_pool_new(j, p.count - 1);
	if (p.pool == NULL)
		return -1;
	if (pipe(p.ready) < 0) {
		agent_pool_free(p.pool);
		return job_fail(j, ERR_INTERNAL, "pipe: %s", strerror(errno));
	}
	prepare_signals(&p);
	look_after(&p);
	agent_pool_free(p.pool);
	close(p.ready[0]);
	close(p.ready[1]);
	log_info("stopped", "failed=%s", p.failed ? "yes" : "no");
	return p.failed ? -1 : 0;
}

int
perspective_main(const char *conf_file, bool check_only)
{
	struct arena *keep = arena_new();
	const struct conf *conf;
	struct job j;
	int result = -1;

	/* Its processes are forked, not executed: nothing else would. */
	fd_close_inherited();
	log_open("perspective", LOG_LEVEL_INFO);
	if (conf_load_perspective(
		keep, conf_file, conf_report_stderr, NULL, &conf) < 0) {
		fputs("countersignd: nothing was started\n", stderr);
	} else if (check_only) {
		printf("%s: ok\n", conf->file);
		result = 0;
	} else {
		log_open("perspective", role_log_level(conf));
		privilege_no_dumps();
		job_init(&j, NULL, conf);
		result = run(&j, keep);
		if (j.err.kind != ERR_NONE)
			log_error("cannot start", "error=\"%s\"", j.err.text);
		job_done(&j);
	}
	arena_free(keep);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
