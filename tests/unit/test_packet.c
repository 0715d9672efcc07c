/* DNS messages as answers: MA-30, MA-33, PK-31. */
#include "config.h"

#include "dns/packet.h"

#include <string.h>

#include "lib/count.h"
#include "tests/unit/unit.h"

#define HEADER(flags, answers, authorities)                                    \
	"\x00\x00" flags "\x00\x01\x00" answers "\x00" authorities "\x00\x00"
#define QUESTION_TXT                                                           \
	"\x01"                                                                 \
	"a\x04test\x00\x00\x10\x00\x01"
#define OWNER "\xc0\x0c"
#define TXT_X OWNER "\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x02\x01x"
#define TXT_XY OWNER "\x00\x10\x00\x01\x00\x00\x00\x1e\x00\x04\x01x\x01y"
/* The zone's owner "test" stands at offset 14. */
#define SOA                                                                    \
	"\xc0\x0e\x00\x06\x00\x01\x00\x00\x0e\x10\x00\x16\x00\x00"             \
	"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04"     \
	"\x00\x00\x00\x05"
/* CNAME from the question to "b.test"; its name stands at offset 36. */
#define TO_B                                                                   \
	OWNER "\x00\x05\x00\x01\x00\x00\x00\x0a\x00\x04\x01"                   \
	      "b\xc0\x0e"
#define TXT_OF_B "\xc0\x24\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x02\x01z"
#define TO_SELF OWNER "\x00\x05\x00\x01\x00\x00\x00\x0a\x00\x02\xc0\x0c"

#define BYTES(s)                                                               \
	{                                                                      \
		"" s, sizeof(s) - 1                                            \
	}

static const struct {
	const char *name;
	struct span packet;
	enum dns_status status;
	size_t count;
	uint32_t ttl;
	const char *canonical;
	const char *first; /* RDATA */
	size_t first_len;
} cases[] = {
	{ "one record",
	    BYTES(HEADER("\x81\x80", "\x01", "\x00") QUESTION_TXT TXT_X),
	    DNS_OK, 1, 60, "a.test", "\x01x", 2 },
	{ "two records, the lower TTL",
	    BYTES(HEADER("\x81\x80", "\x02", "\x00") QUESTION_TXT TXT_X TXT_XY),
	    DNS_OK, 2, 30, "a.test", "\x01x", 2 },
	{ "alias",
	    BYTES(
		HEADER("\x81\x80", "\x02", "\x00") QUESTION_TXT TO_B TXT_OF_B),
	    DNS_OK, 1, 10, "b.test", "\x01z", 2 },
	{ "alias to nothing",
	    BYTES(HEADER("\x81\x83", "\x01", "\x01") QUESTION_TXT TO_B SOA),
	    DNS_NXDOMAIN, 0, 5, "b.test", NULL, 0 },
	{ "alias to itself",
	    BYTES(HEADER("\x81\x80", "\x01", "\x00") QUESTION_TXT TO_SELF),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "no data", BYTES(HEADER("\x81\x80", "\x00", "\x01") QUESTION_TXT SOA),
	    DNS_NODATA, 0, 5, "a.test", NULL, 0 },
	{ "no data without SOA",
	    BYTES(HEADER("\x81\x80", "\x00", "\x00") QUESTION_TXT), DNS_NODATA,
	    0, 0, "a.test", NULL, 0 },
	{ "no name", BYTES(HEADER("\x81\x83", "\x00", "\x01") QUESTION_TXT SOA),
	    DNS_NXDOMAIN, 0, 5, "a.test", NULL, 0 },
	{ "SERVFAIL", BYTES(HEADER("\x81\x82", "\x00", "\x00") QUESTION_TXT),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "REFUSED", BYTES(HEADER("\x81\x85", "\x00", "\x00") QUESTION_TXT),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "truncated",
	    BYTES(HEADER("\x83\x80", "\x01", "\x00") QUESTION_TXT TXT_X),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "another question",
	    BYTES(HEADER("\x81\x80", "\x01",
		"\x00") "\x01"
			"a\x04test\x00\x00\x01\x00\x01" TXT_X),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "more records than octets",
	    BYTES(HEADER("\x81\x80", "\xff", "\x00") QUESTION_TXT TXT_X),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "pointer to itself",
	    BYTES(HEADER("\x81\x80", "\x01", "\x00") QUESTION_TXT
		"\xc0\x18\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x02"
		"\x01x"),
	    DNS_TEMPORARY, 0, 0, NULL, NULL, 0 },
	{ "TTL with the top bit",
	    BYTES(HEADER("\x81\x80", "\x01", "\x00") QUESTION_TXT OWNER
		"\x00\x10\x00\x01\xff\x00\x00\x00\x00\x02"
		"\x01x"),
	    DNS_OK, 1, 0, "a.test", "\x01x", 2 },
	{ "upper case",
	    BYTES(HEADER("\x81\x80", "\x01", "\x00") QUESTION_TXT
		"\x01"
		"A\x04TesT\x00\x00\x10\x00\x01\x00\x00\x00"
		"\x01\x00\x02\x01x"),
	    DNS_OK, 1, 1, "a.test", "\x01x", 2 },
};

/* MA-30: every kind of answer. */
static void
test_cases(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dns_answer a = { .name = "a.test" };

		unit_case("%s", cases[i].name);
		dns_packet_read(j, cases[i].packet, DNS_TYPE_TXT, &a);
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.count, cases[i].count);
		assert_int_equal(a.ttl, cases[i].ttl);
		if (cases[i].canonical != NULL)
			assert_string_equal(a.canonical, cases[i].canonical);
		if (a.count > 0) {
			assert_int_equal(a.rdata[0].n, cases[i].first_len);
			assert_memory_equal(
			    a.rdata[0].p, cases[i].first, cases[i].first_len);
		}
		assert_true((a.why != NULL) == (a.status == DNS_TEMPORARY));
	}
}

/* Cut anywhere, a message never gives data that it does not hold. */
static void
test_cut(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t n = 0; n < cases[i].packet.n; n++) {
			struct dns_answer a = { .name = "a.test" };
			char *copy =
			    arena_memdup(j->arena, cases[i].packet.p, n);

			unit_case("%s cut to %zu", cases[i].name, n);
			dns_packet_read(j, span_mem(copy, n), DNS_TYPE_TXT, &a);
			assert_int_equal(a.status, DNS_TEMPORARY);
			assert_int_equal(a.count, 0);
		}
	}
}

/* MA-30: eight aliases are followed, nine are not. */
static void
test_alias_limit(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (int aliases = 7; aliases <= 10; aliases++) {
		struct dns_answer a = { .name = "0" };
		struct buf b;

		unit_case("%d aliases", aliases);
		buf_init(&b, j->arena, 2000);
		buf_add_mem(&b, "\x00\x00\x81\x80\x00\x01\x00", 7);
		buf_add_char(&b, (char)(aliases + 1));
		buf_add_mem(&b, "\x00\x00\x00\x00", 4);
		buf_add_mem(&b,
		    "\x01"
		    "0\x00\x00\x10\x00\x01",
		    7);
		for (int i = 0; i < aliases; i++) {
			buf_add_char(&b, 1);
			buf_add_char(&b, (char)('0' + i));
			buf_add_mem(&b,
			    "\x00\x00\x05\x00\x01\x00\x00\x00\x09\x00\x03\x01",
			    12);
			buf_add_char(&b, (char)('1' + i));
			buf_add_char(&b, 0);
		}
		buf_add_char(&b, 1);
		buf_add_char(&b, (char)('0' + aliases));
		buf_add_mem(&b,
		    "\x00\x00\x10\x00\x01\x00\x00\x00\x09\x00\x02\x01x", 13);
		dns_packet_read(j, buf_span(&b), DNS_TYPE_TXT, &a);
		assert_int_equal(
		    a.status, aliases <= 8 ? DNS_OK : DNS_TEMPORARY);
		/* MA-86: the whole way. */
		/* PK-17: those that were followed. */
		assert_int_equal(a.alias_count, aliases <= 8 ? aliases : 8);
		if (aliases <= 8)
			assert_string_equal(
			    a.aliases[a.alias_count - 1], a.canonical);
	}
}

/* A compressed name in MX comes out whole, a strange one escaped. */
static void
test_names(void **state)
{
	static const char mx[] = HEADER(
	    "\x81\x80", "\x01", "\x00") "\x01"
					"a\x04test\x00\x00\x0f\x00\x01" OWNER
					"\x00\x0f\x00\x01\x00\x00\x00\x3c\x00"
					"\x09\x00\x0a\x04Mail\xc0\x0e";
	static const char odd[] =
	    HEADER("\x81\x80", "\x00", "\x00") "\x05"
					       "a.\\ \x01\x00\x00\x10\x00\x01";
	struct job *j = unit_job();
	struct dns_answer a = { .name = "a.test" };

	(void)state;
	dns_packet_read(j, span_mem(mx, sizeof(mx) - 1), DNS_TYPE_MX, &a);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.rdata[0].n, 13);
	assert_memory_equal(a.rdata[0].p, "\x00\x0a\x04mail\x04test", 13);
	dns_packet_read(j, span_mem(odd, sizeof(odd) - 1), DNS_TYPE_TXT, &a);
	assert_int_equal(a.status, DNS_NODATA);
	assert_string_equal(a.canonical, "a\\046\\092\\032\\001");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_cases),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_alias_limit),
	cmocka_unit_test(test_names),
};
UNIT_MAIN(tests)
