#include "config.h"

#include "src/hook.h"

#include "lib/arena.h"
#include "lib/child.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_LEN 300
#define LINES_MAX 50
#define PART 4096
/* Of one that is bounded; threads count, and what else its user runs. */
#define PROCESSES_MAX 512
#define FILES_MAX 256

enum { IN, OUT, ERR, BEGUN, PIPES };

struct child {
	const char *path;
	const struct hook_bounds *bounds; /* NULL: none */
	pid_t pid;
	int fds[PIPES]; /* ours; -1: closed */
	int64_t deadline;
	struct span input; /* what is still to be written */
	struct buf output;
	char line[LINE_MAX_LEN];
	size_t line_n;
	size_t lines;
	bool has_begun; /* exec has worked */
};

const char *
hook_end_text(enum hook_end end)
{
	switch (end) {
	case HOOK_EXITED:
		return "ended";
	case HOOK_KILLED:
		return "ended by a signal";
	case HOOK_TOO_LATE:
		return "did not end in time and was killed";
	case HOOK_TOO_MUCH:
		return "printed more than 65536 octets and was killed";
	case HOOK_NOT_BEGUN:
		return "there is no such program, or it may not be run";
	}
	return "ended";
}

static bool
limit(__rlimit_resource_t what, int64_t most)
{
	struct rlimit now, fresh = { (rlim_t)most, (rlim_t)most };

	/* What was given is never widened. */
	return getrlimit(what, &now) == 0 &&
	       ((now.rlim_max != RLIM_INFINITY &&
		    now.rlim_max <= fresh.rlim_max) ||
		   setrlimit(what, &fresh) == 0);
}

static bool
bind(const struct hook_bounds *bounds)
{
	return bounds == NULL ||
	       (limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0) &&
		   limit(RLIMIT_NOFILE, FILES_MAX) &&
		   limit(RLIMIT_NPROC, PROCESSES_MAX) && calls_leash() == 0 &&
		   limit(RLIMIT_AS, bounds->memory));
}

/* In the child, between fork and exec: no stdio, and memory only where it is
 * bounded, by a process that has no threads.  `theirs[BEGUN]` closes with
 * exec, or tells that there was none. */
static void
become(char *const argv[], char *const envp[], const int theirs[PIPES],
    const struct hook_bounds *bounds)
{
	static const int defaults[] = { SIGINT, SIGPIPE, SIGTERM, SIGHUP,
		SIGCHLD };
	sigset_t none;

	/* A group of its own: what it starts can be killed with it. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < COUNT(defaults); i++)
		signal(defaults[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The pipes stand above 2: a role has all three. */
	if (dup2(theirs[IN], 0) >= 0 && dup2(theirs[OUT], 1) >= 0 &&
	    dup2(theirs[ERR], 2) >= 0 && dup2(theirs[BEGUN], 3) >= 0 &&
	    fcntl(3, F_SETFD, FD_CLOEXEC) == 0 && close_range(4, ~0U, 0) == 0 &&
	    bind(bounds))
		execve(argv[0], argv, envp);
	if (write(3, "x", 1) != 1)
		_exit(126);
	_exit(127);
}

static void
close_all(int fds[PIPES])
{
	for (size_t i = 0; i < PIPES; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static int
make_pipes(int ours[PIPES], int theirs[PIPES])
{
	for (size_t i = 0; i < PIPES; i++)
		ours[i] = theirs[i] = -1;
	for (size_t i = 0; i < PIPES; i++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) < 0)
			return -1;
		ours[i] = fds[i == IN ? 1 : 0];
		theirs[i] = fds[i == IN ? 0 : 1];
		if (fd_set_nonblocking(ours[i], true) < 0)
			return -1;
	}
	return 0;
}

static int
start(struct job *j, const struct conf_list *command, struct child *c)
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		      "/sbin:/bin";
	char lang[] = "LANG=C.UTF-8";
	char *envp[] = { path, lang, NULL };
	char *argv[HOOK_WORDS_MAX + 1] = { NULL };
	int theirs[PIPES];
	int error;

	for (size_t i = 0; i < command->n && i < HOOK_WORDS_MAX; i++)
		argv[i] = arena_strdup(j->arena, command->v[i]);
	if (make_pipes(c->fds, theirs) < 0) {
		error = errno;
		close_all(c->fds);
		close_all(theirs);
		return job_fail(
		    j, ERR_BUSY, "%s: pipe: %s", c->path, strerror(error));
	}
	c->pid = fork();
	error = errno;
	if (c->pid == 0)
		become(argv, envp, theirs, c->bounds);
	close_all(theirs);
	if (c->pid < 0) {
		close_all(c->fds);
		return job_fail(
		    j, ERR_BUSY, "%s: fork: %s", c->path, strerror(error));
	}
	/* In both, whoever is first. */
	setpgid(c->pid, c->pid);
	return 0;
}

static void
shut(struct child *c, int which)
{
	close(c->fds[which]);
	c->fds[which] = -1;
}

static void
give_input(struct child *c)
{
	ssize_t n = write(c->fds[IN], c->input.p, c->input.n);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* One that does not read what it is told may still answer. */
	if (n < 0)
		c->input.n = 0;
	else
		c->input = span_from(c->input, (size_t)n);
	if (c->input.n == 0)
		shut(c, IN);
}

static void
end_line(struct child *c)
{
	struct log_quoted q;

	if (c->line_n > 0 && c->lines++ < LINES_MAX)
		log_info("hook says", "program=%s text=%s", c->path,
		    log_quote(&q, span_mem(c->line, c->line_n)));
	c->line_n = 0;
}

static void
take_errors(struct child *c, struct span part)
{
	for (size_t i = 0; i < part.n; i++) {
		if (part.p[i] == '\n' || c->line_n == sizeof(c->line))
			end_line(c);
		if (part.p[i] != '\n')
			c->line[c->line_n++] = part.p[i];
	}
}

static void
take(struct child *c, int which)
{
	char part[PART];
	ssize_t n = read(c->fds[which], part, sizeof(part));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		if (which == BEGUN)
			c->has_begun = true;
		shut(c, which);
	} else if (which == OUT) {
		buf_add_mem(&c->output, part, (size_t)n);
	} else if (which == ERR) {
		take_errors(c, span_mem(part, (size_t)n));
	} else {
		shut(c, which); /* exec has failed */
	}
}

/* Until its output is closed: HOOK_EXITED, or why it is to be killed. */
static enum hook_end
converse(struct child *c)
{
	while (c->fds[OUT] >= 0 || c->fds[BEGUN] >= 0) {
		int64_t left = c->deadline - clock_mono_ms();
		struct pollfd p[PIPES];

		if (left <= 0)
			return HOOK_TOO_LATE;
		for (int i = 0; i < PIPES; i++)
			p[i] = (struct pollfd){ c->fds[i],
				i == IN ? POLLOUT : POLLIN, 0 };
		if (poll(p, PIPES, (int)left) <= 0)
			continue;
		for (int i = 0; i < PIPES; i++) {
			if (p[i].revents == 0 || c->fds[i] < 0)
				continue;
			if (i == IN)
				give_input(c);
			else
				take(c, i);
		}
		if (!buf_ok(&c->output))
			return HOOK_TOO_MUCH;
	}
	return HOOK_EXITED;
}

static enum hook_end
watch(struct child *c, int *status)
{
	enum hook_end end = converse(c);
	int raw = 0;

	if (end == HOOK_EXITED && !child_has_ended(c->pid, c->deadline, &raw))
		end = HOOK_TOO_LATE;
	/* What it has left running in its group goes as well. */
	kill(-c->pid, SIGKILL);
	if (end != HOOK_EXITED) {
		while (waitpid(c->pid, &raw, 0) < 0 && errno == EINTR)
			continue;
		return end;
	}
	/* What was said last. */
	if (c->fds[ERR] >= 0)
		take(c, ERR);
	end_line(c);
	if (!c->has_begun)
		return HOOK_NOT_BEGUN;
	if (WIFSIGNALED(raw))
		return HOOK_KILLED;
	*status = WEXITSTATUS(raw);
	return HOOK_EXITED;
}

static int
run(struct job *j, const struct conf_list *command,
    const struct hook_bounds *bounds, int64_t timeout_ms, struct span input,
    struct hook_run *out)
{
	struct child c = {
		.path = command->v[0], .bounds = bounds, .input = input
	};

	*out = (struct hook_run){ .status = -1, .end = HOOK_NOT_BEGUN };
	if (command->n > HOOK_WORDS_MAX)
		return job_fail(j, ERR_BUSY, "%s: more than %d words", c.path,
		    HOOK_WORDS_MAX);
	buf_init(&c.output, j->arena, HOOK_TEXT_MAX);
	c.deadline = clock_mono_ms() + timeout_ms;
	if (start(j, command, &c) < 0)
		return -1;
	out->end = watch(&c, &out->status);
	close_all(c.fds);
	out->output = buf_span(&c.output);
	return 0;
}

int
hook_run(struct job *j, const struct conf_list *command, int64_t timeout_ms,
    struct span input, struct hook_run *out)
{
	return run(j, command, NULL, timeout_ms, input, out);
}

int
hook_run_bounded(struct job *j, const struct conf_list *command,
    const struct hook_bounds *bounds, struct span input, struct hook_run *out)
{
	return run(j, command, bounds, bounds->timeout_ms, input, out);
}
