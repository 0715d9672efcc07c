#include "config.h"

#include "src/supervisor_start.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/activation.h"
#include "src/ceiling.h"
#include "src/live_link.h"
#include "src/pins.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAUSE_MAX_MS 30000

/* The end that the role talks to linters or the issuer over, or -1.  The pair
 * outlives both of them. */
static int
linters_end(const struct supervisor *s, enum role role)
{
	return role == ROLE_ISSUER   ? s->linters[0]
	       : role == ROLE_LINTER ? s->linters[1]
				     : -1;
}

struct key_process *
supervisor_key_process(struct supervisor *s, enum role role)
{
	for (size_t i = 0; i < KEY_PROCESSES; i++)
		if (s->keys[i].role == role)
			return &s->keys[i];
	return NULL;
}

/* The same of a process that has keys in tokens (PK-202, PK-177). */
static int
signer_end(const struct supervisor *s, enum role role)
{
	for (size_t i = 0; i < KEY_PROCESSES; i++) {
		if (s->keys[i].asker == role)
			return s->keys[i].pair[0];
		if (s->keys[i].role == role)
			return s->keys[i].pair[1];
	}
	return -1;
}

/* Those of the pairs that lead to who answers OCSP clients, or NULL. */
static const struct live_ends *
live_ends_of(const struct supervisor *s, enum role role)
{
	const struct live_ends *ends = role == ROLE_WEB      ? &s->live.web
				       : role == ROLE_ISSUER ? &s->live.issuer
				       : role == ROLE_RESPONDER
					   ? &s->live.responder
					   : NULL;

	return ends != NULL && ends->n > 0 ? ends : NULL;
}

/* What a role is told besides what all are told. */
#define WORDS_MAX 24

struct words {
	const char *v[WORDS_MAX];
	size_t n;
};

static void
add_option(struct words *w, const char *name, const char *value)
{
	if (w->n + 3 > WORDS_MAX)
		return;
	w->v[w->n++] = name;
	w->v[w->n++] = value;
}

/* Only what the role inherits stays open across exec. */
static void
add_end(struct arena *a, struct words *w, const char *option, int end)
{
	if (end < 0)
		return;
	fd_set_cloexec(end, false);
	add_option(w, option, arena_printf(a, "%d", end));
}

static void
add_inherited(struct supervisor *s, const struct child *c, struct arena *a,
    struct words *w)
{
	const struct live_ends *live = live_ends_of(s, c->role);
	const struct key_process *k = supervisor_key_process(s, c->role);

	if (c->role == ROLE_WEB) {
		add_option(
		    w, "--sockets", arena_printf(a, "%d", activation_count()));
		activation_pass();
	}
	if (c->intake != NULL)
		add_option(w, "--intake", c->intake);
	add_end(a, w, "--linters", linters_end(s, c->role));
	add_end(a, w, "--signer", signer_end(s, c->role));
	if (k != NULL)
		add_option(w, "--ends",
		    arena_printf(a, "%lld",
			(long long)ceiling_sum(
			    &k->ends, clock_mono_ms() / 1000)));
	if (live == NULL)
		return;
	for (size_t i = 0; i < live->n; i++)
		fd_set_cloexec(live->fds[i], false);
	add_option(w, "--live", live_ends_text(a, live));
}

/* As main() takes it apart. */
static const char *
wake_text(struct arena *a, const int fds[ROLE_COUNT])
{
	const char *text = arena_printf(a, "%d", fds[0]);

	for (size_t i = 1; i < ROLE_COUNT; i++)
		text = arena_printf(a, "%s,%d", text, fds[i]);
	return text;
}

static void
exec_role(
    struct supervisor *s, const struct child *c, int ready_fd, int pins_fd)
{
	struct arena *a = arena_new();
	/* execv() changes no argument, whatever its type says. */
	union {
		const char **mine;
		char *const *execs;
	} args;
	struct words w = { { "countersignd" }, 1 };

	add_option(&w, "--role", role_name(c->role));
	add_option(&w, "--config", s->conf->file);
	add_option(&w, "--wake", wake_text(a, s->wake));
	add_option(&w, "--ready", arena_printf(a, "%d", ready_fd));
	add_end(a, &w, "--held", s->reload.held.fd);
	if (c->ended_at > 0)
		add_option(&w, "--ended-at",
		    arena_printf(a, "%lld", (long long)c->ended_at));
	add_inherited(s, c, a, &w);
	add_end(a, &w, "--pins", pins_fd);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* One that was killed before that tells nobody. */
	if (getppid() != s->pid)
		_exit(EXIT_FAILURE);
	args.mine = w.v;
	execv("/proc/self/exe", args.execs);
	log_error("role cannot start", "error=\"exec: %s\"", strerror(errno));
	_exit(127);
}

/* Each signer's own, and anew at each of its starts (PK-199). */
static int
give_pins(struct supervisor *s, const struct child *c, int *fd)
{
	const struct key_process *k = supervisor_key_process(s, c->role);
	struct job j;
	int result;

	*fd = -1;
	if (k == NULL)
		return 0;
	job_init(&j, NULL, s->conf);
	result = pins_give(&j, s->pins, k->pins, fd);
	if (result < 0)
		log_error("role not started", "role=%s error=\"%s\"",
		    role_name(c->role), j.err.text);
	job_done(&j);
	return result;
}

void
supervisor_pause(struct child *c)
{
	c->start_ms = clock_mono_ms() + c->pause_ms;
	c->pause_ms *= 2;
	if (c->pause_ms > PAUSE_MAX_MS)
		c->pause_ms = PAUSE_MAX_MS;
}

/* No process, or nothing that it needs: the machine, or a limit, is at its
 * end. */
static int
not_started(const struct child *c, const char *call, int pins_fd)
{
	log_error("role not started",
	    "role=%s error=\"%s: %s\" next=\"see what may be open and run "
	    "(LimitNOFILE= and TasksMax= of a systemd unit)\"",
	    role_name(c->role), call, strerror(errno));
	if (pins_fd >= 0)
		close(pins_fd);
	return -1;
}

int
supervisor_start(struct supervisor *s, struct child *c)
{
	int fds[2], pins_fd;
	pid_t pid;

	if (give_pins(s, c, &pins_fd) < 0)
		return -1;
	if (pipe(fds) < 0)
		return not_started(c, "pipe", pins_fd);
	fd_set_cloexec(fds[0], true);
	/* Before it is read: a change in between is not overlooked. */
	if (c->role < ROLE_COUNT)
		database_password_note(s->conf, c->role, &c->password);
	pid = fork();
	if (pid == 0)
		exec_role(s, c, fds[1], pins_fd);
	if (pid < 0) {
		not_started(c, "fork", pins_fd);
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	close(fds[1]);
	if (pins_fd >= 0)
		close(pins_fd);
	c->pid = pid;
	c->ready_fd = fds[0];
	c->is_ready = false;
	c->started_ms = clock_mono_ms();
	log_debug("role started", "which=%s pid=%d", role_name(c->role), pid);
	return 0;
}
