#include "config.h"

#include "mail/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/turn.h"
#include "mail/lookup.h"

int
dial_host(const char *host, char *out)
{
	struct span s = span_str(host);

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = span_cut(s, 1, s.n - 1);
	if (s.n == 0 || s.n > DIAL_HOST_MAX)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && strchr(".-_:", s.p[i]) == NULL)
			return -1;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	if (strchr(out, ':') != NULL && !dial_is_address(out))
		return -1;
	return 0;
}

bool
dial_is_address(const char *host)
{
	unsigned char scratch[16];

	return inet_pton(AF_INET, host, scratch) == 1 ||
	       inet_pton(AF_INET6, host, scratch) == 1;
}

bool
dial_is_loopback(const char *host)
{
	unsigned char a[16];

	if (span_caseeq_str(span_str(host), "localhost"))
		return true;
	if (inet_pton(AF_INET, host, a) == 1)
		return a[0] == 127;
	return inet_pton(AF_INET6, host, a) == 1 &&
	       memcmp(a, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

static bool
address_is_loopback(const struct addrinfo *ai)
{
	char text[NI_MAXHOST];

	return getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text),
		   NULL, 0, NI_NUMERICHOST) == 0 &&
	       dial_is_loopback(text);
}

static void
set_options(int fd, int64_t wait_ms)
{
	int on = 1, idle = 60, every = 20, count = 3;
	unsigned unacknowledged = (unsigned)wait_ms;

	/* Commands are written whole: waiting for more only costs time. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged,
	    sizeof(unacknowledged));
}

/* 0, or the errno of why not. */
static int
wait_connected(int fd, struct turn *until)
{
	int e = 0, found = turn_wait(until, fd, POLLOUT);
	socklen_t len = sizeof(e);

	if (found <= 0)
		return found == 0 ? ETIMEDOUT : errno;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return errno;
	return e;
}

static int
connect_one(const struct addrinfo *ai, struct turn until, int *out)
{
	int e;
	int fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);

	if (fd < 0)
		return errno;
	set_options(fd, until.deadline - clock_mono_ms());
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
		e = errno;
		if (e == EINPROGRESS)
			e = wait_connected(fd, &until);
		if (e != 0) {
			close(fd);
			return e;
		}
	}
	*out = fd;
	return 0;
}

/* What came of each address of a host. */
struct attempts {
	const char *host, *service;
	int count, remote; /* `remote` were not tried: not of this host */
	int error;         /* of the last one */
	char report[200];  /* "192.0.2.1: Connection refused; ::1: ..." */
};

static void
note_attempt(struct attempts *t, const struct addrinfo *ai, const char *why)
{
	size_t n = strlen(t->report);
	char text[NI_MAXHOST] = "?";

	(void)getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL,
	    0, NI_NUMERICHOST);
	snprintf(t->report + n, sizeof(t->report) - n, "%s%s: %s",
	    t->count++ == 0 ? "" : "; ", text, why);
}

static int
try_one(struct attempts *t, const struct addrinfo *ai, bool loopback_only,
    const struct turn *until, int *fd)
{
	int e;

	if (loopback_only && !address_is_loopback(ai)) {
		t->remote++;
		note_attempt(t, ai, "not an address of this host");
		return -1;
	}
	e = connect_one(ai, *until, fd);
	if (e == 0)
		return 0;
	t->error = e;
	note_attempt(t, ai, strerror(e));
	return -1;
}

static int
connect_any(const struct addrinfo *all, bool loopback_only,
    const struct turn *until, struct attempts *t, int *fd)
{
	int left = 0;

	for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next)
		left++;
	for (const struct addrinfo *ai = all; ai != NULL;
	     ai = ai->ai_next, left--) {
		int64_t now = clock_mono_ms();
		struct turn own = *until;

		/* A dead first address leaves time for the second. */
		own.deadline = now + (until->deadline - now) / left;
		if (try_one(t, ai, loopback_only, &own, fd) == 0)
			return 0;
		if (own.is_ending != NULL && own.is_ending())
			return -1;
	}
	return -1;
}

/* A name may have an address of each family: what is wrong with the last one
 * says nothing of the others. */
static int
say_why(struct job *j, const struct attempts *t)
{
	if (t->count > 0 && t->remote == t->count)
		return job_fail(j, ERR_BUSY,
		    "%s is not an address of this host, and only there is a "
		    "connection without TLS allowed",
		    t->host);
	return job_fail(j, ERR_BUSY, "%s port %s: %s", t->host, t->service,
	    t->count > 1 ? t->report : strerror(t->error));
}

int
dial_tcp(struct job *j, const char *host, int64_t port, bool loopback_only,
    const struct turn *until, int *fd)
{
	struct addrinfo *all = NULL;
	char service[8];
	struct attempts tried = {
		.host = host, .service = service, .error = EADDRNOTAVAIL
	};
	int e;

	snprintf(service, sizeof(service), "%d", (int)(uint16_t)port);
	e = lookup_host(host, service, until, &all);
	if (e != 0)
		return job_fail(j, ERR_BUSY, "%s: %s", host,
		    e == EAI_SYSTEM ? strerror(errno) : gai_strerror(e));
	e = connect_any(all, loopback_only, until, &tried, fd);
	freeaddrinfo(all);
	return e == 0 ? 0 : say_why(j, &tried);
}

void
dial_ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 &&
	    (action.sa_flags & SA_SIGINFO) == 0 &&
	    action.sa_handler == SIG_DFL) {
		action.sa_handler = SIG_IGN;
		sigaction(SIGPIPE, &action, NULL);
	}
}
