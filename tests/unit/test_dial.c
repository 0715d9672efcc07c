/*
 * Names with several addresses, of both families: the first that answers is
 * taken, and if none does each is named with what is wrong with it.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "lib/turn.h"
#include "mail/dial.h"

/* What "name.test" stands for, in this order. */
static const char *const *addresses;

/* The linker takes them in place of the library's (tests/unit/local.mk). */
int __real_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	struct addrinfo numeric = *hints;

	if ((hints->ai_flags & AI_NUMERICHOST) != 0)
		return __real_getaddrinfo(host, service, hints, out);
	numeric.ai_flags |= AI_NUMERICHOST;
	for (size_t i = 0; addresses[i] != NULL; i++) {
		int e =
		    __real_getaddrinfo(addresses[i], service, &numeric, out);

		if (e != 0)
			return e;
		out = &(*out)->ai_next;
	}
	return 0;
}

/* A listener at the address, and its port; -1: there is no such address. */
static int
listen_at(const char *address, int64_t *port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	struct sockaddr *a = is_six ? (void *)&six : (void *)&four;
	socklen_t n = is_six ? sizeof(six) : sizeof(four);
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!is_six)
		assert_int_equal(
		    inet_pton(AF_INET, address, &four.sin_addr), 1);
	if (fd < 0 || bind(fd, a, n) < 0 || listen(fd, 1) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, a, &n), 0);
	*port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return fd;
}

static int
dial(const char *const *list, int64_t port, bool loopback_only)
{
	struct turn until = { clock_mono_ms() + 10000, NULL };
	int fd, result;

	addresses = list;
	result =
	    dial_tcp(unit_job(), "name.test", port, loopback_only, &until, &fd);
	if (result == 0)
		close(fd);
	return result;
}

static void
test_other_answers(void **state)
{
	static const char *const alive[] = { "127.0.0.3", "::1" };
	static const char *const lists[][4] = {
		{ "127.0.0.3" },
		{ "127.0.0.2", "127.0.0.3" },
		{ "::1", "127.0.0.3" },
		{ "::1" },
		{ "127.0.0.2", "::1" },
		{ "127.0.0.2", "127.0.0.4", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		int64_t port;
		int fd = listen_at(alive[i / 3], &port);

		unit_case("%zu", i);
		if (fd < 0) /* a host without IPv6 */
			continue;
		assert_int_equal(dial(lists[i], port, true), 0);
		close(fd);
	}
}

static void
test_none_answers(void **state)
{
	static const struct {
		const char *list[4];
		bool loopback_only;
		const char *why;
	} cases[] = {
		{ { "127.0.0.2" }, false, ": Connection refused" },
		{ { "127.0.0.2", "255.255.255.255" }, false,
		    ": 127.0.0.2: Connection refused; "
		    "255.255.255.255: " },
		{ { "127.0.0.2", "192.0.2.1" }, true,
		    ": 127.0.0.2: Connection refused; 192.0.2.1: not "
		    "an address of this host" },
		{ { "2001:db8::1", "127.0.0.2" }, true,
		    ": 2001:db8::1: not an address of this host; "
		    "127.0.0.2: Connection refused" },
		{ { "192.0.2.1", "2001:db8::1" }, true,
		    "name.test is not an address of this host, and only" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = unit_job();
		int64_t port;
		int fd = listen_at("127.0.0.2", &port);

		unit_case("%zu", i);
		assert_true(fd >= 0);
		close(fd); /* nobody is there now */
		assert_int_equal(
		    dial(cases[i].list, port, cases[i].loopback_only), -1);
		assert_int_equal(j->err.kind, ERR_BUSY);
		assert_non_null(strstr(j->err.text, cases[i].why));
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_other_answers),
	cmocka_unit_test(test_none_answers),
};

UNIT_MAIN(tests)
