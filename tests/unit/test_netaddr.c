#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/netaddr.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *in;
		const char *out; /* NULL: refused */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::", "::" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:201", "192.0.2.1" },
		{ "::192.0.2.1", "::192.0.2.1" },
		{ "", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.01", NULL },
		{ "0300.0.2.1", NULL },
		{ "192.0.2.1 ", NULL },
		{ " 192.0.2.1", NULL },
		{ "192.0.2.1:443", NULL },
		{ "192.0.2.0/24", NULL },
		{ "[::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ "1::2::3", NULL },
		{ "12345::", NULL },
		{ "unix", NULL },
		{ "0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in = span_str(cases[i].in);
		struct netaddr a;
		char text[NETADDR_MAX];
		int result = netaddr_parse(in, &a);

		unit_case("%s", cases[i].in);
		assert_int_equal(result, cases[i].out != NULL ? 0 : -1);
		if (result < 0)
			continue;
		netaddr_format(&a, text);
		assert_string_equal(text, cases[i].out);
		/* Cut anywhere it is refused or another address, never read
		 * beyond its end. */
		for (size_t n = 0; n < in.n; n++)
			(void)netaddr_parse(span_mem(in.p, n), &a);
	}
	assert_int_equal(netaddr_parse(span_mem("1.2.3.4\0.5", 10),
			     &(struct netaddr){ .bits = 0 }),
	    -1);
}

static void
test_networks(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "::/0", "::/0" },
		{ "::1/128", "::1" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" },
		{ "10.0.0.1/8", NULL },
		{ "2001:db8::1/32", NULL },
		{ "10.0.0.0/33", NULL },
		{ "::/129", NULL },
		{ "10.0.0.0/", NULL },
		{ "10.0.0.0/8/8", NULL },
		{ "10.0.0.0/-1", NULL },
		{ "10.0.0.0/0008", NULL },
		{ "10.0.0.0/255.0.0.0", NULL },
		{ "/8", NULL },
		{ "10/8", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct netaddr a;
		char text[NETADDR_MAX];
		int result = netaddr_parse_network(span_str(cases[i].in), &a);

		unit_case("%s", cases[i].in);
		assert_int_equal(result, cases[i].out != NULL ? 0 : -1);
		if (result < 0)
			continue;
		netaddr_format(&a, text);
		assert_string_equal(text, cases[i].out);
	}
}

static void
test_membership(void **state)
{
	static const struct {
		const char *address, *network;
		bool is_in;
	} cases[] = {
		{ "10.1.2.3", "10.0.0.0/8", true },
		{ "11.1.2.3", "10.0.0.0/8", false },
		{ "10.127.255.255", "10.0.0.0/9", true },
		{ "10.128.0.0", "10.0.0.0/9", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.2", "192.0.2.1", false },
		{ "192.0.2.1", "0.0.0.0/0", true },
		{ "192.0.2.1", "::/0", false },
		{ "::1", "0.0.0.0/0", false },
		{ "2001:db8:7fff::1", "2001:db8::/33", true },
		{ "2001:db8:8000::1", "2001:db8::/33", false },
		{ "::ffff:10.0.0.1", "10.0.0.0/8", true },
		{ "::1", "::1", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct netaddr a, n;

		unit_case("%s in %s", cases[i].address, cases[i].network);
		assert_int_equal(
		    netaddr_parse(span_str(cases[i].address), &a), 0);
		assert_int_equal(
		    netaddr_parse_network(span_str(cases[i].network), &n), 0);
		assert_int_equal(netaddr_is_in(&a, &n), cases[i].is_in);
	}
}

/* AC-21: IPv6 is counted per network, IPv4 per address. */
static void
test_counted(void **state)
{
	static const struct {
		const char *address;
		unsigned bits;
		const char *counted;
		int result;
	} cases[] = {
		{ "192.0.2.1", 64, "192.0.2.1", 0 },
		{ "::ffff:192.0.2.1", 64, "192.0.2.1", 0 },
		{ "2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64", 0 },
		{ "2001:db8:1:2:ffff::", 64, "2001:db8:1:2::/64", 0 },
		{ "2001:db8:1:2:3:4:5:6", 48, "2001:db8:1::/48", 0 },
		{ "2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6", 0 },
		{ "::1", 64, "::/64", 0 },
		{ "unix", 64, "unix", -1 },
		{ "", 64, "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[NETADDR_MAX];

		unit_case("%s/%u", cases[i].address, cases[i].bits);
		assert_int_equal(
		    netaddr_counted(cases[i].address, cases[i].bits, text),
		    cases[i].result);
		assert_string_equal(text, cases[i].counted);
	}
}

static void
test_octets(void **state)
{
	static const unsigned char four[] = { 192, 0, 2, 1 };
	static const unsigned char mapped[16] = {
		[10] = 0xff, [11] = 0xff, 192, 0, 2, 1
	};
	static const unsigned char six[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct netaddr a;
	char text[NETADDR_MAX];

	(void)state;
	netaddr_from_octets(four, sizeof(four), &a);
	netaddr_format(&a, text);
	assert_string_equal(text, "192.0.2.1");
	netaddr_from_octets(mapped, sizeof(mapped), &a);
	netaddr_format(&a, text);
	assert_string_equal(text, "192.0.2.1");
	netaddr_from_octets(six, sizeof(six), &a);
	netaddr_format(&a, text);
	assert_string_equal(text, "2001:db8::1");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_networks),
	cmocka_unit_test(test_membership),
	cmocka_unit_test(test_counted),
	cmocka_unit_test(test_octets),
};

UNIT_MAIN(tests)
