#include "config.h"

#include "src/role_linter.h"

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "src/bare_role.h"
#include "src/hook.h"
#include "src/lint_frame.h"
#include "src/lint_service.h"
#include "src/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEND_MS 1000
#define PART_MS 5000 /* between two parts of a question */

struct parent {
	struct arena *keep;
	const struct conf *conf;
	int fd;
	const char *versions[LINTERS_MAX]; /* NULL: not known (yet) */
};

/* --- one program ---------------------------------------------------------- */

/* With the template in the place of its word. */
static struct conf_list
command_of(struct job *j, const struct conf_list *from, enum lint_object what)
{
	const char *template = linter_template(what);
	const char **words =
	    arena_calloc(j->arena, from->n + 1, sizeof(*words));

	for (size_t i = 0; i < from->n; i++)
		words[i] = template != NULL &&
				   strcmp(from->v[i], LINTER_TEMPLATE_WORD) == 0
			       ? template
			       : from->v[i];
	return (struct conf_list){ words, from->n };
}

static int
run(struct job *j, const struct conf_linter *l, const struct conf_list *command,
    struct span input, struct hook_run *r)
{
	const struct hook_bounds bounds = { l->timeout * 1000, l->memory };

	if (hook_run_bounded(j, command, &bounds, input, r) < 0)
		return -1;
	return r->end == HOOK_EXITED
		   ? 0
		   : job_fail(j, ERR_BUSY, "%s %s", command->v[0],
			 hook_end_text(r->end));
}

/* Once, but for one that is not there yet. */
static void
learn_version(struct parent *p, size_t i)
{
	const struct conf_linter *l = &p->conf->linters[i];
	struct span version;
	struct hook_run r;
	struct job j;

	if (l->url != NULL) /* says it with each answer */
		return;
	job_init(&j, NULL, p->conf);
	if (run(&j, l, &l->version, SPAN(""), &r) < 0 ||
	    linter_read_version(&j, r.output, &version) < 0)
		log_error("linter without version",
		    "linter=%s error=\"%s\" next=\"mend linter %s: version; "
		    "nothing is signed without it\"",
		    l->name, j.err.text, l->name);
	else
		p->versions[i] = span_dup(p->keep, version);
	job_done(&j);
}

static int
judge(struct job *j, const struct parent *p, size_t i,
    const struct lint_question *q, struct lint_answer *a)
{
	const struct conf_linter *l = &p->conf->linters[i];
	struct conf_list command;
	struct log_quoted quoted;
	struct hook_run r;

	if (l->url != NULL)
		return lint_service_ask(j, l, q, a);
	if (p->versions[i] == NULL)
		return job_fail(j, ERR_BUSY, "its version is not known");
	command = command_of(j, &l->exec, q->object);
	a->version = span_str(p->versions[i]);
	if (run(j, l, &command, q->text, &r) < 0)
		return -1;
	if (linter_read(j, l->output, r.status, r.output, &a->findings) < 0) {
		log_error("linter not understood",
		    "linter=%s status=%d output=%s", l->name, r.status,
		    log_quote(&quoted, r.output));
		return -1;
	}
	a->output = r.output;
	return 0;
}

static void
send_answer(struct job *j, int fd, const struct lint_answer *a)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct span message;

	if (lint_answer_write(j, a, &message) < 0 ||
	    (poll(&p, 1, SEND_MS) >= 0 &&
		write(fd, message.p, message.n) != (ssize_t)message.n))
		log_error("linter's answer not sent", "linter=%.*s",
		    (int)a->name.n, a->name.p);
}

/* In a process of its own, so that all linters run at once. */
static void
work(const struct parent *p, size_t i, const struct lint_question *q)
{
	struct lint_answer a = { .name = span_str(p->conf->linters[i].name) };
	struct job j;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	job_init(&j, NULL, p->conf);
	memcpy(a.id, q->id, sizeof(a.id));
	if (judge(&j, p, i, q, &a) < 0) {
		a.has_failed = true;
		a.findings.n = 0;
		a.detail = span_str(arena_strdup(j.arena, j.err.text));
	}
	send_answer(&j, p->fd, &a);
	job_done(&j);
}

/* --- all of them ---------------------------------------------------------- */

static void
answer(struct parent *p, const struct lint_question *q)
{
	for (size_t i = 0; i < p->conf->linter_count; i++) {
		pid_t pid;

		if (!linter_takes(&p->conf->linters[i], q->object))
			continue;
		if (p->versions[i] == NULL)
			learn_version(p, i);
		pid = fork();
		if (pid == 0) {
			work(p, i, q);
			_exit(EXIT_SUCCESS);
		}
		if (pid < 0)
			log_error("linter not started",
			    "linter=%s error=\"fork: %s\"",
			    p->conf->linters[i].name, strerror(errno));
	}
	/* Each ends by itself, at its limit of time at the latest. */
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
}

/* A question on its way, put together from its parts. */
struct incoming {
	struct job *j;
	struct buf text;
	uint8_t id[LINT_ID_LEN];
	bool is_partial;
};

/* 1: with this part *out is whole. */
static int
take_part(struct incoming *in, struct span message, struct lint_question *out)
{
	struct lint_question part;

	if (lint_question_read(in->j, message, &part) < 0) {
		log_error(
		    "question not understood", "error=\"%s\"", in->j->err.text);
		job_recover(in->j);
		return 0;
	}
	/* Of an issuer that has ended: nobody waits for it. */
	if (!in->is_partial || memcmp(in->id, part.id, LINT_ID_LEN) != 0) {
		buf_init(&in->text, in->j->arena, LINT_TEXT_MAX);
		memcpy(in->id, part.id, LINT_ID_LEN);
	}
	buf_add(&in->text, part.text);
	in->is_partial = part.more && buf_ok(&in->text);
	if (part.more || !buf_ok(&in->text))
		return 0;
	*out = part;
	out->text = buf_span(&in->text);
	return 1;
}

static bool
waits_for_more(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PART_MS) > 0 || errno == EINTR)
		return true;
	log_error(
	    "question not understood", "error=\"the rest of it has not come\"");
	return false;
}

/* 1 and the newest question, 0 where there is none, -1 when nobody asks any
 * more.  An older one is of an issuer that has ended. */
static int
take_question(struct job *j, int fd, struct lint_question *out)
{
	char *room = arena_alloc(j->arena, LINT_FRAME_MAX);
	struct incoming in = { .j = j };
	int found = 0;

	for (;;) {
		ssize_t n = read(fd, room, LINT_FRAME_MAX);

		if (n == 0)
			return -1;
		if (n > 0)
			found |= take_part(&in, span_mem(room, (size_t)n), out);
		else if (errno != EINTR && (errno != EAGAIN || !in.is_partial ||
					       !waits_for_more(fd)))
			return found;
	}
}

/* The size of what may be asked again and again stays small. */
static int
serve_one(struct parent *p)
{
	struct lint_question q;
	struct job j;
	int found;

	job_init(&j, NULL, p->conf);
	found = take_question(&j, p->fd, &q);
	if (found > 0)
		answer(p, &q);
	job_done(&j);
	return found;
}

/* SIGHUP: the sections have changed, and another one takes the next question;
 * this one ends when nobody waits for an answer of it. */
static void
serve(struct parent *p)
{
	for (size_t i = 0; i < p->conf->linter_count; i++)
		learn_version(p, i);
	while (bare_role_wait(p->fd) > 0)
		if (serve_one(p) < 0)
			return;
}

static void
serve_role(struct arena *keep, const struct conf *conf, void *ctx)
{
	struct parent *p = ctx;

	p->keep = keep;
	p->conf = conf;
	serve(p);
}

static int
catch_hangup(struct job *j, struct arena *keep, void *ctx)
{
	(void)j;
	(void)keep;
	(void)ctx;
	bare_role_take_hangups();
	return 0;
}

int
linter_main(const struct bare_start *start, int fd)
{
	struct parent p = { .fd = fd };
	const struct bare_role role = { .role = ROLE_LINTER,
		.open = catch_hangup,
		.serve = serve_role,
		.ctx = &p };

	fd_set_cloexec(fd, true);
	return bare_role_main(&role, start);
}

/* Keeps the standard three and `fd`, which becomes 3. */
static int
keep_only(int fd)
{
	return (fd == 3 || dup2(fd, 3) == 3) && close_range(4, ~0U, 0) == 0
		   ? 0
		   : -1;
}

static int
become_parent(const struct conf *conf, int fd)
{
	struct parent p = { .keep = arena_new(), .conf = conf, .fd = 3 };
	int result = -1;
	struct job j;

	job_init(&j, NULL, conf);
	privilege_no_dumps();
	/* One that does not read what it is told. */
	signal(SIGPIPE, SIG_IGN);
	if (keep_only(fd) == 0 && bare_role_settle(&j, ROLE_LINTER) == 0) {
		fd_set_cloexec(3, true);
		serve(&p);
		result = 0;
	} else {
		log_error(
		    "linters cannot be started", "error=\"%s\"", j.err.text);
	}
	job_done(&j);
	arena_free(p.keep);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
linter_start(struct job *j, pid_t *pid, int *fd)
{
	int fds[2];

	*fd = -1;
	if (fd_message_pair(j, fds) < 0)
		return -1;
	*pid = fork();
	if (*pid == 0)
		_exit(become_parent(j->conf, fds[1]));
	close(fds[1]);
	if (*pid < 0) {
		close(fds[0]);
		return job_fail(j, ERR_INTERNAL, "fork: %s", strerror(errno));
	}
	*fd = fds[0];
	return 0;
}

void
linter_stop(pid_t pid, int fd)
{
	if (fd < 0)
		return;
	close(fd);
	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
