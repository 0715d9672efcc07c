#include "config.h"

#include "tests/unit/name_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct name_server_counters *name_server_counters;
int name_server_port;
static pid_t server;

struct message {
	unsigned char bytes[65535];
	size_t n;
};

static void
put(struct message *m, const void *p, size_t n)
{
	assert_true(m->n + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->n, p, n);
	m->n += n;
}

static void
put_record(struct message *m, unsigned type, const void *rdata, size_t n)
{
	unsigned char head[12] = { 0xc0, 12, (unsigned char)(type >> 8),
		(unsigned char)type, 0, 1, 0, 0, 1, 44, (unsigned char)(n >> 8),
		(unsigned char)n };

	put(m, head, sizeof(head));
	put(m, rdata, n);
	m->bytes[7]++;
}

/* The end of a question; its first label. */
static size_t
question_end(const unsigned char *q, size_t n, char label[64])
{
	size_t at = 12;

	memcpy(label, q + 13, q[12]);
	label[q[12]] = '\0';
	while (at < n && q[at] != 0)
		at += 1U + q[at];
	return at + 5;
}

static void
put_alias(struct message *m, int from)
{
	unsigned char rdata[32];
	int n = snprintf((char *)rdata + 1, sizeof(rdata) - 1, "c%d", from + 1);

	rdata[0] = (unsigned char)n;
	/* ".test": the rest of the question's name */
	rdata[n + 1] = 0xc0;
	rdata[n + 2] = (unsigned char)(12 + 1 + m->bytes[12]);
	put_record(m, 5, rdata, (size_t)n + 3);
}

/* Fills the answer; false for none. */
static bool
answer(const unsigned char *q, size_t n, bool tcp, struct message *m)
{
	char label[64];
	size_t end = question_end(q, n, label);
	unsigned type = (unsigned)q[end - 4] << 8 | q[end - 3];
	int number;

	m->n = 0;
	put(m, q, end);
	memset(m->bytes + 2, 0, 10);
	m->bytes[2] = 0x84;
	m->bytes[5] = 1;
	if (strcmp(label, "silent") == 0)
		return false;
	if (strcmp(label, "quiet") == 0 &&
	    name_server_counters->quiet_left > 0) {
		name_server_counters->quiet_left--;
		return false;
	}
	if (strcmp(label, "servfail") == 0)
		m->bytes[3] = 2;
	else if (strcmp(label, "nx") == 0)
		m->bytes[3] = 3;
	else if (strcmp(label, "refused") == 0)
		m->bytes[3] = 5;
	else if (sscanf(label, "c%d", &number) == 1 && number < 20)
		put_alias(m, number);
	else if (type == 15 && strcmp(label, "ok") == 0)
		put_record(m, 15, "\x00\x0a\x02mx\xc0\x0f", 7);
	else if (type == 16 && strcmp(label, "nodata") != 0 &&
		 (strcmp(label, "large") != 0 || tcp)) {
		put_record(m, 16, "\x05hello\x05there", 12);
		if (strcmp(label, "large") == 0) {
			static unsigned char big[60000];

			for (size_t i = 0; i + 250 <= sizeof(big); i += 250)
				big[i] = 249;
			put_record(m, 16, big, sizeof(big) / 250 * 250);
		}
	} else if (strcmp(label, "large") == 0 && type == 16) {
		m->bytes[2] |= 2; /* TC */
	}
	return true;
}

static void
serve_udp(int fd)
{
	static struct message m;
	unsigned char q[1500];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n =
	    recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len);

	name_server_counters->udp++;
	if (n > 16 && answer(q, (size_t)n, false, &m))
		sendto(fd, m.bytes, m.n, 0, (struct sockaddr *)&from, len);
}

static void
serve_tcp(int listener)
{
	static struct message m;
	unsigned char q[1500], head[2];
	int fd = accept(listener, NULL, NULL);
	size_t n;

	name_server_counters->tcp++;
	if (recv(fd, head, 2, MSG_WAITALL) == 2) {
		n = (size_t)(head[0] << 8 | head[1]);
		if (n > 16 && n <= sizeof(q) &&
		    recv(fd, q, n, MSG_WAITALL) == (ssize_t)n &&
		    answer(q, n, true, &m)) {
			head[0] = (unsigned char)(m.n >> 8);
			head[1] = (unsigned char)m.n;
			send(fd, head, 2, MSG_NOSIGNAL);
			send(fd, m.bytes, m.n, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

static void
serve(int udp, int tcp)
{
	struct pollfd p[2] = { { udp, POLLIN, 0 }, { tcp, POLLIN, 0 } };

	alarm(1200);
	for (;;) {
		poll(p, 2, -1);
		if (p[0].revents != 0)
			serve_udp(udp);
		if (p[1].revents != 0)
			serve_tcp(tcp);
	}
}

/* Both on one port; false: somebody has the one that TCP got. */
static bool
bind_both(int udp, int tcp)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	assert_int_equal(bind(tcp, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&sin, &len), 0);
	name_server_port = ntohs(sin.sin_port);
	if (bind(udp, (struct sockaddr *)&sin, len) == 0)
		return true;
	assert_int_equal(errno, EADDRINUSE);
	return false;
}

int
name_server_start(void **state)
{
	int udp, tcp;
	bool is_bound;

	(void)state;
	name_server_counters = mmap(NULL, sizeof(*name_server_counters),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	do {
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		is_bound = bind_both(udp, tcp);
		if (!is_bound) {
			close(udp);
			close(tcp);
		}
	} while (!is_bound);
	assert_int_equal(listen(tcp, 8), 0);
	fflush(NULL);
	server = fork();
	assert_true(server >= 0);
	if (server == 0)
		serve(udp, tcp);
	close(udp);
	close(tcp);
	return 0;
}

int
name_server_stop(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	munmap(name_server_counters, sizeof(*name_server_counters));
	return 0;
}
