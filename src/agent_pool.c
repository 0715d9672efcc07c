#include "config.h"

#include "src/agent_pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/agent_answer.h"

/* Less than the validator's ten seconds (MP-1), more than AGENT_WORK_MS. */
#define WAIT_MS 9500
/* Whoever still works then is stopped from outside. */
#define CHILD_SECS 10
#define DNS_TRY_MS 2500
#define POLL_MS 1000

/* What goes through a socket, before the octets. */
struct head {
	uint64_t number; /* of the question: a late answer is not the next's */
	int64_t status;
};
#define MESSAGE_MAX (sizeof(struct head) + AGENT_ANSWER_MAX)

struct place {
	int front, back; /* the ends of a pair */
	bool is_busy;
};

struct agent_pool {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	uint64_t number;
	size_t count;
	struct place places[];
};

struct agent_pool *
agent_pool_new(struct job *j, size_t count)
{
	struct agent_pool *p =
	    xcalloc(1, sizeof(*p) + count * sizeof(p->places[0]));
	pthread_condattr_t steady;

	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&p->freed, &steady);
	pthread_condattr_destroy(&steady);
	for (; p->count < count; p->count++) {
		int fds[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) <
		    0) {
			job_fail(
			    j, ERR_INTERNAL, "socketpair: %s", strerror(errno));
			agent_pool_free(p);
			return NULL;
		}
		p->places[p->count] = (struct place){ fds[0], fds[1], false };
	}
	return p;
}

void
agent_pool_free(struct agent_pool *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++) {
		if (p->places[i].front >= 0)
			close(p->places[i].front);
		if (p->places[i].back >= 0)
			close(p->places[i].back);
	}
	pthread_cond_destroy(&p->freed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
agent_pool_keep(struct agent_pool *p, size_t i)
{
	for (size_t k = 0; k < p->count; k++) {
		close(p->places[k].front);
		p->places[k].front = -1;
		if (k == i)
			continue;
		close(p->places[k].back);
		p->places[k].back = -1;
	}
}

/* --- the messages --------------------------------------------------------- */

static int
put(int fd, const struct head *h, struct span octets)
{
	char room[MESSAGE_MAX];

	if (octets.n > AGENT_ANSWER_MAX)
		return -1;
	memcpy(room, h, sizeof(*h));
	memcpy(room + sizeof(*h), octets.p, octets.n);
	return send(fd, room, sizeof(*h) + octets.n, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* 1 with what came, 0 if nothing does, -1. */
static int
take(
    int fd, struct job *j, int64_t wait_ms, struct head *h, struct span *octets)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	char room[MESSAGE_MAX];
	ssize_t n;

	if (poll(&poller, 1, wait_ms > 0 ? (int)wait_ms : 0) <= 0)
		return 0;
	n = recv(fd, room, sizeof(room), MSG_DONTWAIT);
	if (n < (ssize_t)sizeof(*h))
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	memcpy(h, room, sizeof(*h));
	*octets = span_mem(
	    arena_memdup(j->arena, room + sizeof(*h), (size_t)n - sizeof(*h)),
	    (size_t)n - sizeof(*h));
	return 1;
}

static void
say(struct agent_reply *out, int status, const char *text)
{
	*out = (struct agent_reply){ status, span_str(text) };
}

/* --- the front ------------------------------------------------------------ */

static bool
wait_freed(struct agent_pool *p, int64_t until_ms)
{
	struct timespec until = { .tv_sec = until_ms / 1000,
		.tv_nsec = until_ms % 1000 * 1000000 };

	return pthread_cond_timedwait(&p->freed, &p->lock, &until) == 0;
}

static struct place *
find_free(struct agent_pool *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->places[i].is_busy)
			return &p->places[i];
	return NULL;
}

static struct place *
occupy(struct agent_pool *p, int64_t until_ms, uint64_t *number)
{
	struct place *free_one;

	pthread_mutex_lock(&p->lock);
	while ((free_one = find_free(p)) == NULL && wait_freed(p, until_ms))
		continue;
	if (free_one != NULL)
		free_one->is_busy = true;
	*number = ++p->number;
	pthread_mutex_unlock(&p->lock);
	return free_one;
}

static void
leave(struct agent_pool *p, struct place *used)
{
	pthread_mutex_lock(&p->lock);
	used->is_busy = false;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->lock);
}

static int
exchange(const struct place *with, struct job *j, uint64_t number,
    struct span question, int64_t until_ms, struct agent_reply *out)
{
	const struct head asked = { .number = number };
	struct head h = { 0 };
	int64_t left;

	if (put(with->front, &asked, question) < 0)
		return -1;
	while ((left = until_ms - clock_mono_ms()) > 0) {
		int came = take(with->front, j, left, &h, &out->body);

		if (came < 0)
			return -1;
		if (came > 0 && h.number == number) {
			out->status = (int)h.status;
			return 0;
		}
	}
	return -1;
}

void
agent_pool_ask(struct agent_pool *p, struct job *j, struct span question,
    struct agent_reply *out)
{
	int64_t until_ms = clock_mono_ms() + WAIT_MS;
	uint64_t number;
	/* Whoever gets a place later would get no answer in time either, and
	 * only keep it from the next one. */
	struct place *with = occupy(p, until_ms - AGENT_WORK_MS, &number);

	if (with == NULL) {
		say(out, 503, "too many questions at once\n");
		return;
	}
	if (exchange(with, j, number, question, until_ms, out) < 0)
		say(out, 503, "no answer in time\n");
	leave(p, with);
}

/* --- a process ------------------------------------------------------------ */

static int
open_resolver(struct job *j, struct resolver **out)
{
	const struct conf_agent *g = &j->conf->agent;
	const struct resolver_conf conf = { .config_file = g->dns_config,
		.trust_anchor = g->dns_trust_anchor,
		.try_ms = DNS_TRY_MS,
		.total_ms = AGENT_WORK_MS,
		.is_public = j->conf->mode == CONF_MODE_PUBLIC };

	return resolver_new(j, &conf, out);
}

void
agent_reply_make(struct job *j, struct resolver *resolver, struct span question,
    struct agent_reply *out)
{
	struct agent_request q = { 0 };
	struct agent_answer a = { 0 };
	const char *text;

	if (agent_request_parse(j, question, &q) < 0 ||
	    agent_answer(j, resolver, &q, &a) < 0) {
		if (j->err.kind == ERR_MALFORMED) {
			say(out, 400,
			    arena_printf(j->arena, "%s\n", j->err.text));
			return;
		}
		log_error(
		    "no answer", "job=%s error=\"%s\"", j->id, j->err.text);
		say(out, 500, "fault of this perspective\n");
		return;
	}
	text = agent_answer_format(j, &a, clock_now_ms());
	if (text == NULL)
		say(out, 500, "the answer would be longer than 64 KiB\n");
	else
		say(out, 200, text);
	log_info("answered", "id=%s caa=%s decision=%s dkim=%s", q.id,
	    q.caa_domain != NULL ? q.caa_domain : "-",
	    a.caa_decision != NULL ? a.caa_decision : "-",
	    q.dkim_domain != NULL ? q.dkim_domain : "-");
}

/* In the child, which ends with it. */
static int
answer(int fd, const struct conf *conf, struct head *h, struct span question)
{
	struct resolver *resolver = NULL;
	struct agent_reply reply;
	struct job j;
	int result;

	alarm(CHILD_SECS);
	job_init(&j, NULL, conf);
	if (open_resolver(&j, &resolver) < 0) {
		log_error("no resolver", "error=\"%s\"", j.err.text);
		say(&reply, 500, "fault of this perspective\n");
	} else {
		agent_reply_make(&j, resolver, question, &reply);
	}
	h->status = reply.status;
	result = put(fd, h, reply.body);
	resolver_free(resolver);
	job_done(&j);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The first use of a resolver is in a child, too: the library keeps more in
 * the process than in its context. */
int
agent_pool_try(struct job *j)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		struct resolver *r = NULL;
		int result = open_resolver(j, &r);

		if (result == 0)
			result = resolver_check_validates(r, j);
		if (result < 0)
			log_error("no resolver",
			    "error=\"%s\" next=\"see agent.dns_config and "
			    "agent.dns_trust_anchor\"",
			    j->err.text);
		resolver_free(r);
		_exit(result < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		return job_fail(
		    j, ERR_INTERNAL, "the DNS cannot be asked from here");
	return 0;
}

static void
serve_one(int fd, const struct conf *conf, struct head *h, struct span question)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(answer(fd, conf, h, question));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
		return;
	log_error("no answer",
	    "status=%d next=\"what is before this line "
	    "says more\"",
	    status);
	h->status = 500;
	put(fd, h, SPAN("fault of this perspective\n"));
}

void
agent_pool_serve(
    struct agent_pool *p, size_t i, const struct conf *conf, bool (*stop)(void))
{
	int fd = p->places[i].back;

	while (!stop()) {
		struct span question;
		struct head h;
		struct job j;

		job_init(&j, NULL, conf);
		if (take(fd, &j, POLL_MS, &h, &question) > 0)
			serve_one(fd, conf, &h, question);
		job_done(&j);
	}
}
