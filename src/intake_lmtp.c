#include "config.h"

#include "src/intake_lmtp.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "src/listen.h"
#include "src/lmtp.h"
#include "src/patience.h"
#include "src/recipient.h"
#include "src/role_life.h"
#include "src/role_validator.h"
#include "src/wake.h"
#include "src/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCE "lmtp"
#define LISTENERS_MAX 16
#define CONNECTIONS_MAX 64
#define READ_MAX 16384
/* A client that says nothing, or reads nothing. */
#define IDLE_MS 60000
/* For one message, however slowly it comes. */
#define MESSAGE_MS 300000
/* Without descriptors for one more connection, all but those wait. */
#define ACCEPT_PAUSE_MS 100

struct connection {
	int fd; /* -1: free */
	struct lmtp *lmtp;
	char in[READ_MAX];
	struct span unread; /* in `in` */
	bool eof;
	bool ending;
	int64_t moved_ms; /* octets went in or out */
	int64_t began_ms; /* the message, or the connection */
};

struct intake_lmtp {
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;
	struct connection connections[CONNECTIONS_MAX];
	struct role_env *env;
	int64_t accept_ms; /* not before */
};

/* --- what is delivered --------------------------------------------------- */

void
intake_lmtp_identify(struct received *m)
{
	m->source = SOURCE;
	received_identify(m, m->raw);
}

static bool
is_ours(void *ctx, struct span address)
{
	const struct intake_lmtp *in = ctx;
	const char *canonical;
	struct job j;
	bool found;

	job_init(&j, NULL, in->env->conf);
	found = recipient_find(&j, &in->env->conf->sender, address, &canonical);
	job_done(&j);
	return found;
}

static void
add_recipients(
    struct job *j, const struct lmtp_message *message, struct received *m)
{
	m->recipients = arena_calloc(
	    j->arena, message->recipient_count, sizeof(*m->recipients));
	for (size_t i = 0; i < message->recipient_count; i++)
		m->recipient_count += (size_t)recipient_find(j,
		    &j->conf->sender, message->recipients[i],
		    &m->recipients[m->recipient_count]);
}

/* Judged and committed, or not: what is answered. */
static enum lmtp_answer
take_message(struct intake_lmtp *in, const struct lmtp_message *message)
{
	struct role_env *env = in->env;
	struct validator *v = env->role;
	struct received m = { .raw = message->raw,
		.null_sender = message->null_sender,
		.is_gone = true };
	enum verdict verdict = VERDICT_UNKNOWN;
	struct job j;
	int result;

	patience_begin(v);
	job_init(&j, env->store, env->conf);
	m.arrival = j.now;
	intake_lmtp_identify(&m);
	add_recipients(&j, message, &m);
	result = validator_take(v, &j, &m, &verdict);
	if (result < 0) {
		store_rollback(&j);
		log_error("reply not judged",
		    "job=%s error=\"%s\" next=\"the mail server was told to "
		    "deliver it again\"",
		    j.id, j.err.text);
	} else {
		wake_send(j.wake);
	}
	job_done(&j);
	patience_end(v, env->conf);
	return result < 0 ? LMTP_LATER : LMTP_STORED;
}

/* --- connections --------------------------------------------------------- */

static void
drop(struct connection *c)
{
	close(c->fd);
	lmtp_free(c->lmtp);
	*c = (struct connection){ .fd = -1 };
}

static struct connection *
free_place(struct intake_lmtp *in)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (in->connections[i].fd < 0)
			return &in->connections[i];
	return NULL;
}

/* What goes out now; the rest when the client can take it. */
static void
write_some(struct connection *c, int64_t now)
{
	struct span out = lmtp_output(c->lmtp);
	ssize_t n;

	if (out.n == 0)
		return;
	n = send(c->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		lmtp_sent(c->lmtp, (size_t)n);
		c->moved_ms = now;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(c);
	}
}

static void
accept_one(struct intake_lmtp *in, int listener, int64_t now)
{
	struct connection *c = free_place(in);
	struct lmtp_conf conf = { .host = "localhost",
		.message_max = (size_t)in->env->conf->validator.max_message,
		.is_ours = is_ours,
		.ctx = in };
	int fd;

	if (c == NULL)
		return;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			in->accept_ms = now + ACCEPT_PAUSE_MS;
		return;
	}
	*c = (struct connection){ .fd = fd, .moved_ms = now, .began_ms = now };
	c->lmtp = lmtp_new(&conf);
	write_some(c, now);
}

static void
read_some(struct connection *c, int64_t now)
{
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);

	if (n > 0) {
		c->unread = span_mem(c->in, (size_t)n);
		c->moved_ms = now;
	} else if (n == 0) {
		c->eof = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		drop(c);
	}
}

/* At most one message: then it is the others' turn. */
static void
go_on(struct intake_lmtp *in, struct connection *c, int64_t now)
{
	struct lmtp_message message;

	switch (lmtp_read(c->lmtp, &c->unread)) {
	case LMTP_MESSAGE:
		lmtp_message(c->lmtp, &message);
		lmtp_answer(c->lmtp, take_message(in, &message));
		/* Judging may have taken its time, which is not the
		 * client's. */
		c->moved_ms = c->began_ms = clock_mono_ms();
		break;
	case LMTP_END:
		c->ending = true;
		break;
	case LMTP_MORE:
	case LMTP_FLUSH:
		break;
	}
	write_some(c, now);
}

/* Half a command or half a message that nobody will complete is forgotten. */
static bool
is_over(const struct connection *c)
{
	return lmtp_output(c->lmtp).n == 0 &&
	       (c->ending || (c->eof && c->unread.n == 0));
}

static bool
has_time(struct connection *c, int64_t now)
{
	bool in_time =
	    now - c->moved_ms < IDLE_MS && now - c->began_ms < MESSAGE_MS;

	if (in_time || c->ending)
		return in_time;
	/* Who does not read is not waited for. */
	lmtp_farewell(c->lmtp, LMTP_IDLE);
	c->ending = true;
	write_some(c, now);
	return false;
}

static void
serve(struct intake_lmtp *in, struct connection *c, short events, int64_t now)
{
	if (events & (POLLERR | POLLNVAL)) {
		drop(c);
		return;
	}
	if (events & POLLOUT)
		write_some(c, now);
	if (c->fd >= 0 && events & (POLLIN | POLLHUP) && c->unread.n == 0 &&
	    !c->ending)
		read_some(c, now);
	if (c->fd >= 0 && !c->ending)
		go_on(in, c, now);
	if (c->fd >= 0 && (is_over(c) || !has_time(c, now)))
		drop(c);
}

/* --- the loop ------------------------------------------------------------ */

static short
events_of(const struct connection *c)
{
	short events = 0;

	if (lmtp_output(c->lmtp).n > 0)
		events |= POLLOUT;
	/* Answers first: what is not read need not be asked again. */
	else if (!c->eof && c->unread.n == 0)
		events |= POLLIN;
	return events;
}

/* Something of it can be done without waiting. */
static bool
is_ready(const struct connection *c)
{
	return lmtp_output(c->lmtp).n == 0 &&
	       (c->unread.n > 0 || c->eof || c->ending);
}

static int64_t
sooner(int64_t wait, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return ms < wait ? ms : wait;
}

/* Milliseconds until something must be done though nobody says anything. */
static int64_t
next_deadline(const struct intake_lmtp *in, int64_t now)
{
	/* Without mail for days, role_tend() still says that the role lives. */
	int64_t wait = ROLE_LIFE_SECS * 1000;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		const struct connection *c = &in->connections[i];

		if (c->fd < 0)
			continue;
		if (is_ready(c))
			return 0;
		wait = sooner(wait, c->moved_ms + IDLE_MS - now);
		wait = sooner(wait, c->began_ms + MESSAGE_MS - now);
	}
	if (in->accept_ms > now)
		wait = sooner(wait, in->accept_ms - now);
	return wait;
}

/* Signals come only while we wait: none is overlooked.  The wake-ups of the
 * role are left to the processes that look for work in the database. */
static int
wait_for_clients(struct pollfd *p, size_t n, int64_t ms, const sigset_t *open)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	return ppoll(p, n, &t, open);
}

static void
turn(struct intake_lmtp *in, const sigset_t *open)
{
	struct pollfd p[LISTENERS_MAX + CONNECTIONS_MAX];
	struct pollfd *own = p + in->listener_count;
	int64_t now = clock_mono_ms();
	bool room = free_place(in) != NULL && in->accept_ms <= now;

	for (size_t i = 0; i < in->listener_count; i++)
		p[i] = (struct pollfd){ .fd = room ? in->listeners[i].fd : -1,
			.events = POLLIN };
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &in->connections[i];

		own[i] = (struct pollfd){ .fd = c->fd };
		if (c->fd >= 0)
			own[i].events = events_of(c);
	}
	if (wait_for_clients(p, in->listener_count + CONNECTIONS_MAX,
		next_deadline(in, now), open) < 0)
		return;
	now = clock_mono_ms();
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (in->connections[i].fd >= 0)
			serve(in, &in->connections[i], own[i].revents, now);
	for (size_t i = 0; i < in->listener_count; i++)
		if (p[i].revents & POLLIN)
			accept_one(in, in->listeners[i].fd, now);
}

/* Whoever is not being answered is sent away; the others get their answer. */
static void
say_farewell(struct intake_lmtp *in)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &in->connections[i];

		if (c->fd < 0)
			continue;
		lmtp_farewell(c->lmtp, LMTP_STOPPING);
		write_some(c, 0);
		if (c->fd >= 0)
			drop(c);
	}
}

int
intake_lmtp_run(struct role_env *env)
{
	struct validator *v = env->role;
	struct intake_lmtp *in = v->lmtp;
	sigset_t wanted, before;

	in->env = env;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	sigprocmask(SIG_BLOCK, &wanted, &before);
	role_ready();
	while (!role_is_stopping()) {
		role_tend(env);
		turn(in, &before);
	}
	say_farewell(in);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return 0;
}

int
intake_lmtp_open(struct job *j, struct intake_lmtp **out)
{
	const struct conf_validator *c = &j->conf->validator;
	struct intake_lmtp *in = xcalloc(1, sizeof(*in));

	*out = in;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		in->connections[i].fd = -1;
	if (c->lmtp_listen.n > LISTENERS_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "validator.lmtp_listen: at most %d sockets", LISTENERS_MAX);
	for (size_t i = 0; i < c->lmtp_listen.n; i++) {
		if (listen_open(j, "validator.lmtp_listen", c->lmtp_listen.v[i],
			c->lmtp_group, &in->listeners[i]) < 0)
			return -1;
		in->listener_count++;
	}
	return 0;
}

void
intake_lmtp_close(struct intake_lmtp *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (in->connections[i].fd >= 0)
			drop(&in->connections[i]);
	for (size_t i = 0; i < in->listener_count; i++) {
		close(in->listeners[i].fd);
		listen_remove(&in->listeners[i]);
	}
	free(in);
}
