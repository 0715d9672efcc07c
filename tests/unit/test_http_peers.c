#include "config.h"

#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/count.h"
#include "src/client_address.h"
#include "src/http_peers.h"

static struct netaddr
address(const char *text)
{
	struct netaddr a;

	assert_int_equal(netaddr_parse(span_str(text), &a), 0);
	return a;
}

static struct client_trust
trust_ten(struct job *j)
{
	struct netaddr *n = arena_alloc(j->arena, sizeof(*n));

	assert_int_equal(netaddr_parse_network(SPAN("10.0.0.0/8"), n), 0);
	return (struct client_trust){ n, 1 };
}

/* AC-21: IPv4 whole, IPv6 by its network of 64 bits. */
static void
test_counting(void **state)
{
	static const struct {
		const char *one, *other;
		bool is_same;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "c000:201::1", false },
		{ "2001:db8::1", "2001:db8::ffff:1:2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "::1", "::2", true },
		{ "0.0.0.0", "::", false },
	};
	struct client_trust trust = trust_ten(unit_job());

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_peers *p = http_peers_new(2, &trust);
		struct netaddr one = address(cases[i].one);
		struct netaddr other = address(cases[i].other);

		unit_case("%s, %s", cases[i].one, cases[i].other);
		assert_true(http_peers_may(p, &one));
		http_peers_enter(p, &one);
		assert_true(http_peers_may(p, &other));
		http_peers_enter(p, &one);
		assert_false(http_peers_may(p, &one));
		assert_int_equal(http_peers_may(p, &other), !cases[i].is_same);
		http_peers_leave(p, &one);
		assert_true(http_peers_may(p, &one));
		assert_true(http_peers_may(p, &other));
		http_peers_leave(p, &one);
		http_peers_free(p);
	}
	http_peers_free(NULL);
}

static void
test_trusted(void **state)
{
	struct client_trust trust = trust_ten(unit_job());
	struct http_peers *p = http_peers_new(1, &trust);
	struct netaddr proxy = address("10.1.2.3");

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true(http_peers_may(p, &proxy));
		http_peers_enter(p, &proxy);
	}
	http_peers_leave(p, &proxy);
	http_peers_free(p);
}

/* Many at once: each is counted for itself, and forgotten when it left. */
static void
test_many(void **state)
{
	struct client_trust trust = { NULL, 0 };
	struct http_peers *p = http_peers_new(1, &trust);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20000; i++) {
			char text[NETADDR_MAX];
			struct netaddr a;

			snprintf(text, sizeof(text), "11.0.%d.%d",
			    i / 256 % 256, i % 256);
			a = address(text);
			assert_int_equal(http_peers_may(p, &a), round != 1);
			if (round == 0)
				http_peers_enter(p, &a);
			else if (round == 1)
				http_peers_leave(p, &a);
		}
	}
	http_peers_free(p);
}

static void
test_address(void **state)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_un unix_peer = { .sun_family = AF_UNIX };
	struct netaddr a;

	(void)state;
	four.sin_addr.s_addr = htonl(0xc0000201);
	assert_true(http_peer_address((struct sockaddr *)&four, &a));
	assert_false(a.is_ipv6);
	assert_memory_equal(a.octets, "\xc0\x00\x02\x01", 4);
	six.sin6_addr = in6addr_loopback;
	assert_true(http_peer_address((struct sockaddr *)&six, &a));
	assert_true(a.is_ipv6);
	assert_false(http_peer_address((struct sockaddr *)&unix_peer, &a));
	assert_false(http_peer_address(NULL, &a));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_counting),
	cmocka_unit_test(test_trusted),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_address),
};

UNIT_MAIN(tests)
