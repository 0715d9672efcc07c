#include "config.h"

#include "mail/token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/child.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"

#define WORDS_MAX 32
#define HOME_MAX 4096

struct token_source {
	struct token_conf conf;
	char *kept;
	size_t kept_n;
	int64_t kept_at;
	bool was_kept;
};

/* --- what a token is ----------------------------------------------------- */

/* RFC 6750 2.1: b64token.  Anything else would break out of what it is put
 * into. */
static bool
is_token(struct span s)
{
	size_t n = s.n;

	while (n > 0 && s.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || strchr("-._~+/", s.p[i]) == NULL))
			return false;
	return n > 0;
}

/* The first line. */
static int
take_token(struct job *j, const char *where, struct span text, struct span *out)
{
	size_t end = span_find(text, 0, '\n');
	struct span line = span_cut(text, 0, end);

	if (span_ends(line, SPAN("\r")))
		line.n--;
	if (line.n == 0)
		return job_fail(
		    j, ERR_BUSY, "%s: its first line is empty", where);
	if (!is_token(line))
		return job_fail(j, ERR_BUSY,
		    "%s: its first line is not an access token (letters, "
		    "digits and -._~+/ only, = at the end; no \"Bearer\", no "
		    "JSON)",
		    where);
	*out = line;
	return 0;
}

/* --- a command ----------------------------------------------------------- */

struct child {
	const char *path;
	pid_t pid;
	int out;
	int64_t deadline;
	int64_t timeout_ms;
};

/* In the child, between fork and exec: no memory, no stdio. */
static void
become_command(char *const argv[], char *const envp[], int out)
{
	static const int defaults[] = { SIGINT, SIGPIPE, SIGTERM, SIGHUP,
		SIGCHLD };
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	/* A group of its own: what it starts can be killed with it. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < COUNT(defaults); i++)
		signal(defaults[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(out, 1) < 0 ||
	    close_range(3, ~0U, 0) < 0)
		_exit(126);
	execve(argv[0], argv, envp);
	_exit(errno == ENOENT ? 127 : 126);
}

static int
start_command(struct job *j, const struct conf_list *command, struct child *c)
{
	char home[HOME_MAX] = "HOME=/";
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		      "/sbin:/bin";
	char lang[] = "LANG=C.UTF-8";
	char *envp[] = { path, home, lang, NULL };
	char *argv[WORDS_MAX + 1] = { NULL };
	int fds[2];

	if (command->n > WORDS_MAX)
		return job_fail(
		    j, ERR_BUSY, "%s: more than %d words", c->path, WORDS_MAX);
	if (getenv("HOME") != NULL)
		snprintf(home, sizeof(home), "HOME=%s", getenv("HOME"));
	for (size_t i = 0; i < command->n; i++)
		argv[i] = arena_strdup(j->arena, command->v[i]);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return job_fail(
		    j, ERR_BUSY, "%s: pipe: %s", c->path, strerror(errno));
	c->pid = fork();
	if (c->pid == 0)
		become_command(argv, envp, fds[1]);
	close(fds[1]);
	c->out = fds[0];
	if (c->pid < 0) {
		close(fds[0]);
		return job_fail(
		    j, ERR_BUSY, "%s: fork: %s", c->path, strerror(errno));
	}
	/* In both, whoever is first. */
	setpgid(c->pid, c->pid);
	return 0;
}

/* 1: readable; 0: the time is over. */
static int
wait_readable(const struct child *c)
{
	for (;;) {
		struct pollfd p = { c->out, POLLIN, 0 };
		int64_t left = c->deadline - clock_mono_ms();
		int n;

		if (left <= 0)
			return 0;
		n = poll(&p, 1, (int)left);
		if (n > 0 || (n < 0 && errno != EINTR))
			return 1;
	}
}

static int
read_output(struct job *j, struct child *c, struct buf *b)
{
	char part[1024];
	ssize_t n = 1;

	while (n > 0 && buf_ok(b)) {
		if (wait_readable(c) == 0)
			return job_fail(j, ERR_BUSY,
			    "%s: did not end within %lld ms, and was killed",
			    c->path, (long long)c->timeout_ms);
		n = read(c->out, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			buf_add_mem(b, part, (size_t)n);
	}
	wipe(part, sizeof(part));
	if (!buf_ok(b))
		return job_fail(j, ERR_BUSY, "%s: printed more than %d octets",
		    c->path, TOKEN_MAX);
	return 0;
}

static int
judge_status(struct job *j, const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		return job_fail(j, ERR_BUSY, "%s: ended by signal %d", c->path,
		    WTERMSIG(status));
	if (WEXITSTATUS(status) == 127)
		return job_fail(j, ERR_BUSY,
		    "%s: there is no such program (or it said so with exit "
		    "status 127)",
		    c->path);
	if (WEXITSTATUS(status) == 126)
		return job_fail(j, ERR_BUSY,
		    "%s: may not be run by this user (or it said so with "
		    "exit status 126)",
		    c->path);
	if (WEXITSTATUS(status) != 0)
		return job_fail(j, ERR_BUSY,
		    "%s: ended with exit status %d; run it by hand as the "
		    "user of the roles",
		    c->path, WEXITSTATUS(status));
	return 0;
}

static int
run_command(struct job *j, const struct token_conf *conf, struct buf *b)
{
	struct child c = { .path = conf->command.v[0],
		.out = -1,
		.timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms
						   : TOKEN_COMMAND_MS };
	int status = 0, result = -1;

	c.deadline = clock_mono_ms() + c.timeout_ms;
	if (start_command(j, &conf->command, &c) < 0)
		return -1;
	if (read_output(j, &c, b) == 0) {
		if (child_has_ended(c.pid, c.deadline, &status)) {
			c.pid = 0;
			result = judge_status(j, &c, status);
		} else {
			job_fail(j, ERR_BUSY,
			    "%s: did not end within %lld ms, and was killed",
			    c.path, (long long)c.timeout_ms);
		}
	}
	close(c.out);
	if (c.pid > 0) {
		kill(-c.pid, SIGKILL);
		while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	return result;
}

/* --- for others ---------------------------------------------------------- */

int
token_load(struct job *j, const struct token_conf *conf, struct span *out)
{
	struct span text;
	struct buf b;

	*out = (struct span){ NULL, 0 };
	if (conf->file != NULL) {
		if (file_read_secret(j, conf->file, TOKEN_MAX, &text) < 0) {
			/* It may be in the middle of being replaced. */
			j->err.kind = ERR_BUSY;
			return -1;
		}
		return take_token(j, conf->file, text, out);
	}
	if (conf->command.n == 0 || conf->command.v[0][0] != '/')
		return job_fail(j, ERR_BUSY,
		    "access token: neither a file nor a command with an "
		    "absolute file name");
	buf_init_secret(&b, j->arena, TOKEN_MAX);
	if (run_command(j, conf, &b) < 0)
		return -1;
	return take_token(j, conf->command.v[0], buf_span(&b), out);
}

struct token_source *
token_source_new(const struct token_conf *conf)
{
	struct token_source *t = xcalloc(1, sizeof(*t));

	t->conf = *conf;
	return t;
}

void
token_forget(struct token_source *t)
{
	if (t->kept != NULL)
		wipe(t->kept, t->kept_n);
	free(t->kept);
	t->kept = NULL;
}

void
token_source_free(struct token_source *t)
{
	if (t == NULL)
		return;
	token_forget(t);
	free(t);
}

bool
token_was_kept(const struct token_source *t)
{
	return t->was_kept;
}

int
token_get(struct token_source *t, struct job *j, struct span *out)
{
	int64_t now = clock_mono_ms();
	char *copy;

	t->was_kept = t->kept != NULL && now - t->kept_at < TOKEN_LIFE_MS;
	if (t->was_kept) {
		copy = arena_alloc_secret(j->arena, t->kept_n);
		memcpy(copy, t->kept, t->kept_n);
		*out = span_mem(copy, t->kept_n);
		return 0;
	}
	token_forget(t);
	if (token_load(j, &t->conf, out) < 0)
		return -1;
	/* A file is read each time: that costs nothing. */
	if (t->conf.file != NULL)
		return 0;
	t->kept = xmalloc(out->n);
	memcpy(t->kept, out->p, out->n);
	t->kept_n = out->n;
	t->kept_at = now;
	return 0;
}
