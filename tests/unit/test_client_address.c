#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "src/client_address.h"

static struct client_trust
trust_of(struct job *j)
{
	static const char *networks[] = { "10.0.0.0/8", "2001:db8:ff::/48",
		"192.0.2.1" };
	static const struct conf_list list = { networks, 3 };
	struct client_trust trust;

	assert_int_equal(client_trust_parse(j, j->arena, &list, &trust), 0);
	return trust;
}

/* AC-21 */
static void
test_search(void **state)
{
	static const struct {
		const char *peer; /* NULL: a Unix socket */
		const char *forwarded;
		const char *client;
	} cases[] = {
		/* From a peer that is not trusted it is nothing. */
		{ "203.0.113.9", "198.51.100.1", "203.0.113.9" },
		{ "203.0.113.9", "", "203.0.113.9" },
		{ "11.0.0.1", "198.51.100.1", "11.0.0.1" },
		{ "192.0.2.2", "198.51.100.1", "192.0.2.2" },
		/* The right-most, whatever the client wrote before it. */
		{ "10.0.0.1", "198.51.100.1", "198.51.100.1" },
		{ "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1" },
		{ "10.0.0.1", "garbage, 198.51.100.1", "198.51.100.1" },
		/* Through several trusted proxies. */
		{ "10.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.3.4,192.0.2.1",
		    "198.51.100.1" },
		{ "2001:db8:ff::1", "2001:db8:ee::5, 2001:db8:ff:7::9",
		    "2001:db8:ee::5" },
		/* All trusted: the one farthest away. */
		{ "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3" },
		{ "10.0.0.1", "", "10.0.0.1" },
		/* Garbage ends it at the last good one. */
		{ "10.0.0.1", "198.51.100.1, garbage", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2" },
		{ "10.0.0.1", "198.51.100.1,", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1,, 10.0.0.2", "10.0.0.2" },
		{ "10.0.0.1", "198.51.100.1 10.0.0.2", "10.0.0.1" },
		{ "10.0.0.1", ",", "10.0.0.1" },
		{ "10.0.0.1", " \t", "10.0.0.1" },
		/* Spellings. */
		{ "10.0.0.1", "198.51.100.1:4711", "198.51.100.1" },
		{ "10.0.0.1", "[2001:DB8::1]:4711", "2001:db8::1" },
		{ "10.0.0.1", "[2001:db8::1]", "2001:db8::1" },
		{ "10.0.0.1", "2001:db8::1", "2001:db8::1" },
		{ "10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1" },
		{ "10.0.0.1", "198.51.100.1, ::ffff:10.0.0.2", "198.51.100.1" },
		{ "10.0.0.1", "198.51.100.1:99999", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1:", "10.0.0.1" },
		{ "10.0.0.1", "[2001:db8::1", "10.0.0.1" },
		{ "10.0.0.1", "[2001:db8::1]x", "10.0.0.1" },
		{ "10.0.0.1", "[]", "10.0.0.1" },
		{ "10.0.0.1", "[", "10.0.0.1" },
		{ "10.0.0.1", "\"198.51.100.1\"", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1/32", "10.0.0.1" },
		/* A proxy on the Unix socket is trusted. */
		{ NULL, "", "unix" },
		{ NULL, "garbage", "unix" },
		{ NULL, "198.51.100.1", "198.51.100.1" },
		{ NULL, "1.1.1.1, 198.51.100.1, 10.0.0.1", "198.51.100.1" },
	};
	struct client_trust trust = trust_of(unit_job());

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span forwarded = span_str(cases[i].forwarded);
		struct netaddr peer;
		char text[NETADDR_MAX];

		unit_case("%s from %s", cases[i].forwarded,
		    cases[i].peer != NULL ? cases[i].peer : "unix");
		if (cases[i].peer != NULL)
			assert_int_equal(
			    netaddr_parse(span_str(cases[i].peer), &peer), 0);
		client_address(&trust, cases[i].peer != NULL ? &peer : NULL,
		    forwarded, text);
		assert_string_equal(text, cases[i].client);
		for (size_t n = 0; n < forwarded.n; n++)
			client_address(&trust,
			    cases[i].peer != NULL ? &peer : NULL,
			    span_mem(forwarded.p, n), text);
	}
}

static void
test_nobody_trusted(void **state)
{
	struct job *j = unit_job();
	struct client_trust trust;
	struct netaddr peer;
	char text[NETADDR_MAX];

	(void)state;
	assert_int_equal(client_trust_parse(j, j->arena,
			     &(struct conf_list){ NULL, 0 }, &trust),
	    0);
	assert_int_equal(netaddr_parse(SPAN("127.0.0.1"), &peer), 0);
	client_address(&trust, &peer, SPAN("198.51.100.1"), text);
	assert_string_equal(text, "127.0.0.1");
	client_address(&trust, NULL, SPAN("198.51.100.1, 10.0.0.1"), text);
	assert_string_equal(text, "10.0.0.1");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_search),
	cmocka_unit_test(test_nobody_trusted),
};

UNIT_MAIN(tests)
