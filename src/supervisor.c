#include "config.h"

#include "src/supervisor.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/ceiling.h"
#include "src/conf_file.h"
#include "src/intake.h"
#include "src/live_link.h"
#include "src/notify.h"
#include "src/pins.h"
#include "src/reload.h"
#include "src/role.h"
#include "src/role_signer.h"
#include "src/sign_link.h"
#include "src/status_place.h"
#include "src/supervisor_replace.h"
#include "src/supervisor_start.h"
#include "src/switched_off.h"
#include "src/trim.h"
#include "src/wake.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 100
/* A role that lived this long is not in a loop of failures. */
#define STEADY_MS 60000
/* Of a role that is started again on SIGHUP only. */
#define NEVER_MS INT64_MAX

static bool
has_keys(enum role role)
{
	return role == ROLE_SIGNER || role == ROLE_OCSP_SIGNER;
}

static int64_t
mono_secs(void)
{
	return clock_mono_ms() / 1000;
}

static void
signal_children(const struct supervisor *s, int number)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid > 0)
			kill(s->children[i].pid, number);
}

/* Last of all the signers: what others have begun needs them. */
static void
end_signers(const struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid > 0 && !has_keys(s->children[i].role))
			return;
	signal_children(s, SIGTERM);
}

static void
begin_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->stop_ms = clock_mono_ms() + DRAIN_MS;
	log_info("stopping", "grace_ms=%d", DRAIN_MS);
	notify_send("STOPPING=1");
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid > 0 && !has_keys(s->children[i].role))
			kill(s->children[i].pid, SIGTERM);
	/* One that somebody has stopped hears it only then. */
	signal_children(s, SIGCONT);
	end_signers(s);
}

/*
 * Keys, ports, the database: what a role could not get when all of them
 * started for the first time is for a person to mend, so nothing stays.
 */
static void
give_up(struct supervisor *s, const struct child *c, int status)
{
	log_error("cannot start",
	    "which=%s next=\"mend what this role's line says; nothing is "
	    "started\"",
	    role_name(c->role));
	s->status = status == ROLE_EXIT_REFUSED ? status : EXIT_FAILURE;
	begin_stop(s);
}

/* What it did it must not do again and again (PK-199). */
static void
keep_down(struct supervisor *s, struct child *c)
{
	const struct key_process *k = supervisor_key_process(s, c->role);
	bool may_hup = k == NULL || !pins_were_taken(s->pins, k->pins);

	if (k != NULL)
		pins_forget(s->pins, k->pins);
	log_error("role stays down",
	    "which=%s next=\"mend what this role's line says, then %sstart "
	    "countersignd again; the other roles go on\"",
	    role_name(c->role), may_hup ? "send SIGHUP or " : "");
	c->start_ms = NEVER_MS;
}

static void
start_again_soon(struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid == 0 &&
		    s->children[i].start_ms == NEVER_MS)
			s->children[i].start_ms = clock_mono_ms();
}

static void
child_ended(struct supervisor *s, struct child *c, int status)
{
	struct key_process *k = supervisor_key_process(s, c->role);
	int64_t now = clock_mono_ms();
	enum replaced replaced = supervisor_replaced(c, status);

	c->pid = 0;
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	c->ready_fd = -1;
	if (k != NULL)
		sign_link_gone(k->pair[1]);
	if (s->stopping) {
		end_signers(s);
		return;
	}
	/* One that was told to end has started once. */
	if (!s->told_ready && replaced == REPLACED_NOT && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0) {
		give_up(s, c, WEXITSTATUS(status));
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_REFUSED) {
		keep_down(s, c);
		return;
	}
	if (replaced == REPLACED_DONE) {
		c->start_ms = now;
		return;
	}
	/* PK-204: what it had signed is counted nowhere else. */
	if (k != NULL)
		ceiling_count(&k->ends, mono_secs());
	/* Who was killed from outside did not fail. */
	if (now - c->started_ms >= STEADY_MS ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		c->pause_ms = PAUSE_FIRST_MS;
	if (WIFSIGNALED(status))
		log_error("role ended", "which=%s signal=%d restart_ms=%lld",
		    role_name(c->role), WTERMSIG(status),
		    (long long)c->pause_ms);
	else
		log_error("role ended", "which=%s status=%d restart_ms=%lld",
		    role_name(c->role), WEXITSTATUS(status),
		    (long long)c->pause_ms);
	supervisor_pause(c);
}

static void
add_child(struct supervisor *s, enum role role, const char *intake)
{
	s->children[s->child_count++] = (struct child){ .role = role,
		.intake = intake,
		.ready_fd = -1,
		.pause_ms = PAUSE_FIRST_MS };
}

/* --- the linters' sections (PK-140) -------------------------------------- */

static struct child *
find_linters(const struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].role == ROLE_LINTER)
			return &s->children[i];
	return NULL;
}

/*
 * Before the roles are told: their parent ends when it has answered, and the
 * next one, with the new sections, takes what the issuer asks from now on.
 */
static void
renew_linters(struct supervisor *s)
{
	struct child *c = find_linters(s);

	log_info(
	    "linters change", "sections=%zu", s->reload.current->linter_count);
	if (c == NULL) {
		add_child(s, ROLE_LINTER, NULL);
		return;
	}
	supervisor_replace_linters(c);
}

/* --- SIGHUP -------------------------------------------------------------- */

/* The linters' parent is another one by then. */
static void
tell_roles(const struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid > 0 &&
		    s->children[i].role != ROLE_LINTER)
			supervisor_tell_role(s, &s->children[i]);
}

/* The linters' sections are compared before the former ones are gone. */
static void
trial_ended(struct supervisor *s, int status)
{
	struct reload *r = &s->reload;
	bool same = conf_sections_same(r->current, r->fresh, "linter");

	if (reload_end(r, status)) {
		switched_off_log(r->current);
		if (!same)
			renew_linters(s);
		tell_roles(s);
		start_again_soon(s);
	}
	reload_next(r);
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < s->child_count; i++)
			if (s->children[i].pid == pid)
				child_ended(s, &s->children[i], status);
		if (pid == s->reload.trial && !s->stopping)
			trial_ended(s, status);
		conf_note_ended(&s->reload.note, pid, status);
	}
}

static void
take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch ((int)info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			begin_stop(s);
			break;
		case SIGHUP:
			if (!s->stopping)
				reload_begin(&s->reload);
			break;
		default: /* SIGCHLD */
			reap(s);
			break;
		}
	}
}

static void
child_ready(struct supervisor *s, struct child *c)
{
	char byte;
	bool all = true;

	/* End of file without a byte: the role died; SIGCHLD says more. */
	c->is_ready = read(c->ready_fd, &byte, 1) == 1;
	/* Its start is on record, or web tells of it as soon as it can. */
	if (c->is_ready)
		c->ended_at = 0;
	close(c->ready_fd);
	c->ready_fd = -1;
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid == 0 || !s->children[i].is_ready)
			all = false;
	if (!all || s->told_ready)
		return;
	s->told_ready = true;
	log_info(
	    "ready", "ms=%lld", (long long)(clock_mono_ms() - s->began_ms));
	notify_send("READY=1");
	trim_resident();
}

static bool
any_running(const struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid > 0)
			return true;
	return false;
}

/* Starts what is due; milliseconds until something else is, or -1. */
static int
start_due(struct supervisor *s)
{
	int64_t now = clock_mono_ms(), next = INT64_MAX, end_ms;

	for (size_t i = 0; i < s->child_count && !s->stopping; i++) {
		struct child *c = &s->children[i];

		if (c->pid == 0 && c->start_ms <= now &&
		    supervisor_start(s, c) < 0) {
			if (s->told_ready)
				supervisor_pause(c);
			else
				give_up(s, c, EXIT_FAILURE);
		}
		if (c->pid == 0 && c->start_ms < next)
			next = c->start_ms;
	}
	if (s->stopping) /* where none has started there is no end to hear of */
		next = any_running(s) ? s->stop_ms : now;
	else if ((end_ms = supervisor_replace_due(s, now)) < next)
		next = end_ms;
	if (next == INT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

/* Has one of those that meet at the database opened it? */
static bool
has_database(const struct supervisor *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].role < ROLE_COUNT && s->children[i].is_ready)
			return true;
	return false;
}

/*
 * The same with what the database is told, once there is one for sure.  That
 * waits for no signer or linter: what they lack is what an admin looks for.
 */
static int
do_due(struct supervisor *s)
{
	int next = start_due(s), note;

	if (s->stopping || !has_database(s))
		return next;
	note = conf_note_turn(&s->reload.note);
	return next < 0 || note < next ? note : next;
}

static void
wait_and_act(struct supervisor *s, int timeout)
{
	size_t count = s->child_count;
	struct pollfd *p = s->polled;

	p[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	for (size_t i = 0; i < count; i++)
		p[1 + i] = (struct pollfd){ .fd = s->children[i].ready_fd,
			.events = POLLIN };
	if (poll(p, 1 + count, timeout) <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (p[1 + i].revents != 0 && s->children[i].ready_fd >= 0)
			child_ready(s, &s->children[i]);
	if (p[0].revents != 0)
		take_signals(s);
}

static int
make_key_pair(struct job *j, struct key_process *k)
{
	k->pair[0] = k->pair[1] = -1;
	return supervisor_has_role(j->conf, k->role)
		   ? fd_message_pair(j, k->pair)
		   : 0;
}

static int
make_pairs(struct supervisor *s, struct span text)
{
	struct job j;
	int result;

	job_init(&j, NULL, s->conf);
	/* Also where there are no sections yet. */
	result = fd_message_pair(&j, s->linters);
	if (result == 0)
		result = reload_open(&j, &s->reload, s->conf, text);
	for (size_t i = 0; i < KEY_PROCESSES && result == 0; i++)
		result = make_key_pair(&j, &s->keys[i]);
	if (result == 0 && status_has_responder(s->conf))
		result =
		    live_pairs_make(&j, s->conf->web.status_listen.n, &s->live);
	if (result < 0)
		log_error("cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

static int
prepare(struct supervisor *s, struct span text)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	/* Until a role can hear it. */
	sigaddset(&s->old_mask, SIGHUP);
	if (make_pairs(s, text) < 0)
		return -1;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0 || wake_create(s->wake) < 0) {
		log_error("cannot start", "error=\"%s\"", strerror(errno));
		return -1;
	}
	return 0;
}

/* PK-223: nothing calls out where nothing is handed to another CA; and nobody
 * is shown pages where none are wanted. */
bool
supervisor_has_role(const struct conf *conf, enum role role)
{
	if (role == ROLE_SIGNER)
		return signer_is_wanted(conf);
	if (role == ROLE_OCSP_SIGNER)
		return ocsp_signer_is_wanted(conf);
	if (role == ROLE_ADMIN)
		return conf->admin.listen.n > 0;
	return role != ROLE_UPSTREAM ||
	       conf->external.kind != CONF_EXTERNAL_NONE;
}

/* One process for each role; a validator for each way in; the parent of the
 * linters, if there are some; who answers OCSP clients, if somebody does; and
 * those who have keys in tokens, if some are.
 */
static void
add_children(struct supervisor *s, struct arena *a)
{
	size_t intakes = intake_count(s->conf);
	char room[INTAKE_NAME_MAX];

	s->children =
	    arena_calloc(a, 4 + ROLE_COUNT + intakes, sizeof(*s->children));
	s->polled =
	    arena_calloc(a, 5 + ROLE_COUNT + intakes, sizeof(*s->polled));
	/* First: they are asked when others start. */
	for (size_t i = 0; i < KEY_PROCESSES; i++)
		if (supervisor_has_role(s->conf, s->keys[i].role))
			add_child(s, s->keys[i].role, NULL);
	if (s->conf->linter_count > 0)
		add_child(s, ROLE_LINTER, NULL);
	if (status_has_responder(s->conf))
		add_child(s, ROLE_RESPONDER, NULL);
	for (enum role role = 0; role < ROLE_COUNT; role++)
		if (role != ROLE_VALIDATOR &&
		    supervisor_has_role(s->conf, role))
			add_child(s, role, NULL);
	for (size_t i = 0; i < intakes; i++)
		add_child(s, ROLE_VALIDATOR,
		    arena_strdup(a, intake_at(s->conf, i, room).name));
}

int
supervisor_main(const struct conf *conf, struct span text, struct pins *pins)
{
	struct supervisor s = {
		.conf = conf,
		.pid = getpid(),
		.pins = pins,
		.began_ms = clock_mono_ms(),
		.keys = { { .role = ROLE_SIGNER,
			      .asker = ROLE_ISSUER,
			      .pins = PINS_OF_CAS },
		    { .role = ROLE_OCSP_SIGNER,
			.asker = ROLE_RESPONDER,
			.pins = PINS_OF_RESPONDER } },
	};

	struct arena *arena;

	if (prepare(&s, text) < 0)
		return EXIT_FAILURE;
	arena = arena_new();
	add_children(&s, arena);
	while (!s.stopping || any_running(&s)) {
		wait_and_act(&s, do_due(&s));
		if (s.stopping && clock_mono_ms() >= s.stop_ms &&
		    any_running(&s)) {
			log_warning("roles did not stop in time",
			    "next=\"they are killed; what they had begun "
			    "goes on after the next start\"");
			signal_children(&s, SIGKILL);
			s.stop_ms += DRAIN_MS;
		}
	}
	log_info(
	    "stopped", "ms=%lld", (long long)(clock_mono_ms() - s.began_ms));
	reload_close(&s.reload);
	arena_free(arena);
	return s.status;
}
