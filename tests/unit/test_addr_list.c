/* ER-22, ER-25, MA-6, MA-45, MA-49: addresses in header fields. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "mail/addr_list.h"
#include "mail/finding.h"
#include "mail/reply_via.h"

/* MA-45, with the tricks of the espoofer list (server a14 to a19, client a2)
 * by what they do. */
static void
test_from(void **state)
{
	static const struct {
		const char *body;
		const char *address; /* or NULL */
		const char *code;
	} cases[] = {
		{ "alice@user.test", "alice@user.test", "" },
		{ " Alice@User.TEST ", "Alice@user.test", "" },
		{ "<alice@user.test>", "alice@user.test", "" },
		{ "Alice <alice@user.test>", "alice@user.test", "" },
		{ "Alice B <alice@user.test>", "alice@user.test", "" },
		{ "\"Alice B.\" <alice@user.test>", "alice@user.test", "" },
		{ "\"a \\\" b\" c <alice@user.test>", "alice@user.test", "" },
		{ "\"bob@evil.test\" <alice@user.test>", "alice@user.test",
		    "" },
		{ "\xd7\x90\xd7\x9c <alice@user.test>", "alice@user.test", "" },
		{ "=?utf-8?q?Al=C3=A9?= <alice@user.test>", "alice@user.test",
		    "" },
		{ "Alice (one (two) \\) three) <alice@user.test> (end)",
		    "alice@user.test", "" },
		{ "(bob@evil.test) alice@user.test", "alice@user.test", "" },
		{ "\"Alice <ALICE@user.test>\" <alice@user.test>",
		    "alice@user.test", "" },
		{ "Alice\r\n <alice@user.test>\r\n ", "alice@user.test", "" },
		{ "< (c) alice@user.test (c) >", "alice@user.test", "" },
		{ "\xc3\xa4lice@b\xc3\xbc"
		  "cher.example",
		    "\xc3\xa4lice@xn--bcher-kva.example", "" },
		/* nothing, groups, lists */
		/* another address for a reader who loses his place */
		{ "(<bob@evil.test>) alice@user.test", NULL,
		    "hdr.from-syntax" },
		{ "(\\) <bob@user.test>) <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"Alice\r\n <bob@user.test>\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"a \\\" <bob@user.test> b\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"<alice@user.test> <bob@user.test>\" <alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "\"<alice@user.test>\" <alice@user.test> "
		  "(<bob@user.test>)",
		    NULL, "hdr.from-syntax" },
		{ "\"> <alice@user.test>\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"<alice@user.test> >\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"<alice@user.test> bob@user.test\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"Alice\r\n : bob@user.test ;\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"Alice\r\n ,bob@user.test,\" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"\r\n bob@user.test, <alice@user.test>\" "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "(\r\n ,bob@user.test,) <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "(\\) ,bob@user.test,) <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "<alice@user.test> (\\), bob@user.test, ()", NULL,
		    "hdr.from-syntax" },
		{ "\"bob@user.test\" \"Alice\r\n \" <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "\"bob@user.test\" \"<alice@user.test>\r\n \" "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "alice@user.test (Alice\r\n .evil.test)", NULL,
		    "hdr.from-syntax" },
		{ "<alice@user.test ((a\r\n b).evil.test)>", NULL,
		    "hdr.from-syntax" },
		/* none, or in no such place */
		{ "\"Alice\r\n B.\" <alice@user.test>", "alice@user.test", "" },
		{ "alice@user.test\r\n (Alice B.)", "alice@user.test", "" },
		{ "alice@user.test (Alice\r\n Firma)", "alice@user.test", "" },
		{ "<alice@user.test> (Alice\r\n B.)", "alice@user.test", "" },
		{ "\"bob@user.test\" (Alice)\r\n <alice@user.test>",
		    "alice@user.test", "" },
		{ "\"Hans I <3 mail\" <alice@user.test>", "alice@user.test",
		    "" },
		{ "\"-> Hans <-\" <alice@user.test>", "alice@user.test", "" },
		{ "\"Alice\" <alice@user.test> (>o<)", "alice@user.test", "" },
		{ "\"<\" <alice@user.test>", "alice@user.test", "" },
		{ "\"Alice\r\n (the \\\"A\\\")\" <alice@user.test>",
		    "alice@user.test", "" },
		{ "(one \\) two) <alice@user.test>", "alice@user.test", "" },
		{ "\"alice@user.test\" <alice@user.test>", "alice@user.test",
		    "" },
		{ "\"alice@user.test\"\r\n <alice@user.test>",
		    "alice@user.test", "" },
		{ "(alice@user.test)\r\n <alice@user.test>", "alice@user.test",
		    "" },
		{ "\"alice@user.test <alice@user.test>\" <alice@user.test>",
		    "alice@user.test", "" },
		{ "\"Alice\r\n <alice@user.test>\" <alice@user.test>",
		    "alice@user.test", "" },
		{ "", NULL, "hdr.from-syntax" },
		{ " ", NULL, "hdr.from-syntax" },
		{ "Alice", NULL, "hdr.from-syntax" },
		{ "<>", NULL, "hdr.from-syntax" },
		{ "group:;", NULL, "hdr.from-syntax" },
		{ "group: alice@user.test;", NULL, "hdr.from-syntax" },
		{ "alice@user.test, bob@evil.test", NULL, "hdr.from-syntax" },
		{ "alice@user.test,", NULL, "hdr.from-syntax" },
		{ ",alice@user.test", NULL, "hdr.from-syntax" },
		{ "alice@user.test;", NULL, "hdr.from-syntax" },
		{ "<alice@user.test> <bob@evil.test>", NULL,
		    "hdr.from-syntax" },
		{ "<alice@user.test>, <bob@evil.test>", NULL,
		    "hdr.from-syntax" },
		{ "bob@evil.test <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "Alice <alice@user.test> bob@evil.test", NULL,
		    "hdr.from-syntax" },
		{ "Alice <alice@user.test>\"b\"", NULL, "hdr.from-syntax" },
		/* routes and other obsolete forms */
		{ "<@evil.test:alice@user.test>", NULL, "hdr.from-syntax" },
		{ "<@evil.test,@b.test:alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "alice . b@user.test", NULL, "hdr.from-syntax" },
		{ "alice @ user.test", NULL, "hdr.from-syntax" },
		{ "alice(c)@user.test", NULL, "hdr.from-syntax" },
		{ "alice@(c)user.test", NULL, "hdr.from-syntax" },
		{ "alice@user.test.", NULL, "hdr.from-syntax" },
		{ "alice..b@user.test", NULL, "hdr.from-syntax" },
		{ "alice@b@user.test", NULL, "hdr.from-syntax" },
		{ "<alice@user.test", NULL, "hdr.from-syntax" },
		{ "alice@user.test>", NULL, "hdr.from-syntax" },
		{ "<<alice@user.test>>", NULL, "hdr.from-syntax" },
		{ "\"Alice <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "(Alice <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "Alice) <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "\\Alice <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "((((((((( )))))))) ) alice@user.test", NULL,
		    "hdr.from-syntax" },
		{ "alice@user.test\x01", NULL, "hdr.from-syntax" },
		{ "\"\x7f\" <alice@user.test>", NULL, "hdr.from-syntax" },
		/* the one that programs write: a dot in the name */
		{ "Alice B. <alice@user.test>", "alice@user.test", "" },
		{ "Dr. A.B. Smith Jr. <alice@user.test>", "alice@user.test",
		    "" },
		{ ". <alice@user.test>", "alice@user.test", "" },
		{ "B. alice@user.test", NULL, "hdr.from-syntax" },
		{ "bob@evil.test. <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "evil.test:alice@user.test", NULL, "hdr.from-syntax" },
		{ "alice@user.test <alice@user.test>", NULL,
		    "hdr.from-syntax" },
		{ "Alice [x] <alice@user.test>", NULL, "hdr.from-syntax" },
		/* encoded words around or inside the address */
		{ "=?iso-8859-1?Q?Dr._Al=E9?= <alice@user.test>",
		    "alice@user.test", "" },
		{ "=?utf-8?q?Al.?= B <alice@user.test>", "alice@user.test",
		    "" },
		/* letters that are "@." and the like in their charset */
		{ "=?ISO-2022-JP?B?GyRCQC5FRDBsTzobKEI=?= "
		  "<alice@user.test>",
		    "alice@user.test", "" },
		{ "=?ISO-2022-JP?B?GyRCQGlNVTUuQmcbKEI=?= "
		  "<alice@user.test>",
		    "alice@user.test", "" },
		{ "=?ISO-2022-JP?Q?=1B$B@.=1B(B_bob=40user.test?= "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "=?ISO-2022-JP?Q?bob=1B$B@.=1B(B=40user.test?= "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "=?ISO-2022-JP?Q?=1B$Bbob=40user.test=1B(B?= "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "=?ISO-2022-JP?Q?=1B$Bbbob=40user.com=1B$B?= "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "=?ISO-2022-JP?Q?ali=1B$B@.=1B(Bce=40user.test?= "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "=?utf-8?q?=1B$B_bob=40user.test_=1B(B?= "
		  "<alice@user.test>",
		    NULL, "hdr.from-syntax" },
		{ "=?utf-8?q?Dr. <alice@user.test>", NULL, "hdr.from-syntax" },
		{ "=?utf-8?q?alice=40user.test?=", NULL, "hdr.from-syntax" },
		{ "=?utf-8?q?=3Calice=40user.test=3E?=", NULL,
		    "hdr.from-syntax" },
		{ "=?utf-8?q?alice?=@user.test", NULL, "hdr.from-syntax" },
		{ "<=?utf-8?b?YWxpY2U=?=@user.test>", NULL, "hdr.from-syntax" },
		{ "=?utf-8?q?bob=40evil.test=3E_?= alice@user.test", NULL,
		    "hdr.from-syntax" },
		/* well-formed, and never asked */
		{ "\"alice\"@user.test", NULL, "hdr.from-mismatch" },
		{ "\"a@b\"@c.test", NULL, "hdr.from-mismatch" },
		{ "alice@[192.0.2.1]", NULL, "hdr.from-mismatch" },
		{ "alice@localhost", NULL, "hdr.from-mismatch" },
		/* MA-6 */
		{ "alice\xe2\x80\xae@user.test", NULL, "hdr.bad-utf8" },
		{ "alice@\xe2\x80\x8buser.test", NULL, "hdr.bad-utf8" },
		{ "a\xc2\xadlice@user.test", NULL, "hdr.bad-utf8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *address = NULL;
		struct finding f = { .code = "" };
		int result = addr_list_from(
		    unit_job(), span_str(cases[i].body), &address, &f);

		unit_case("%zu: %s", i, cases[i].body);
		assert_string_equal(f.code, cases[i].code);
		assert_int_equal(result, cases[i].address == NULL ? -1 : 0);
		if (cases[i].address != NULL)
			assert_string_equal(address, cases[i].address);
		assert_int_equal(unit_job()->err.kind, ERR_NONE);
	}
}

/* MA-45: who has another address in the name is told that it is this. */
static void
test_from_says_why(void **state)
{
	const char *address;
	struct finding f;

	(void)state;
	assert_int_equal(
	    addr_list_from(unit_job(),
		SPAN("\"<bob@user.test>\" <alice@user.test>"), &address, &f),
	    -1);
	assert_non_null(strstr(f.detail, "must hold no other address"));
	assert_int_equal(
	    addr_list_from(unit_job(), SPAN("alice@user.test, bob@user.test"),
		&address, &f),
	    -1);
	assert_non_null(strstr(f.detail, "not exactly one address"));
}

/* MA-47: all that is not the address, wherever a "<" stands. */
static void
test_from_names(void **state)
{
	static const struct {
		const char *body, *before, *after;
	} cases[] = {
		{ "alice@user.test", "", "" },
		{ " alice@user.test (a < b)", " ", " (a < b)" },
		{ "\"a <3\" (<) <alice@user.test> (>)", "\"a <3\" (<) <",
		    "> (>)" },
		{ "a <\"b c\"@user.test>", "a <", ">" },
		{ "a@b.test, c@d.test", NULL, NULL },
		{ "x: a@b.test;", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span before, after;
		int result = addr_list_from_names(
		    span_str(cases[i].body), &before, &after);

		unit_case("%zu: %s", i, cases[i].body);
		assert_int_equal(result, cases[i].before == NULL ? -1 : 0);
		if (result < 0)
			continue;
		assert_span_equal(before, cases[i].before);
		assert_span_equal(after, cases[i].after);
	}
}

/* MA-49: what is kept, with ";" between; NULL: not well-formed. */
static void
test_lists(void **state)
{
	static const struct {
		const char *body, *kept;
	} cases[] = {
		{ "acme@ca.test", "acme@ca.test;" },
		{ "A <acme@CA.test>, \"b, c\" <b@c.test>",
		    "acme@ca.test;b@c.test;" },
		{ "x: a@b.test, c@d.test; , e@f.test",
		    "a@b.test;c@d.test;e@f.test;" },
		{ "undisclosed-recipients:;", "" },
		{ "x: ;, a@b.test", "a@b.test;" },
		{ "\"q\"@b.test, a@b.test", "a@b.test;" },
		{ "a@b.test\r\n\t,\r\n c@d.test", "a@b.test;c@d.test;" },
		{ "", NULL },
		{ "a@b.test,", NULL },
		{ "a@b.test,,c@d.test", NULL },
		{ "a@b.test c@d.test", NULL },
		{ "x: a@b.test", NULL },
		{ "x: y: a@b.test;;", NULL },
		{ "a@b.test;", NULL },
		{ "1@b.test,2@b.test,3@b.test,4@b.test,5@b.test", NULL },
		/* names without the quotes that they need */
		{ "'a@b.test' <a@b.test>", "a@b.test;" },
		{ "a@b.test <a@b.test>, c@d.test", "a@b.test;c@d.test;" },
		{ "CA [test] <a@b.test>", "a@b.test;" },
		{ "CA @ work <a@b.test>", "a@b.test;" },
		{ "b@c.test. <a@b.test>", "a@b.test;" },
		{ "a@b.test <a@b.test> <c@d.test>", NULL },
		{ "a@b.test <c@d.test", NULL },
		{ "a@b.test [x]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr_list l;
		struct buf b;
		int result;

		unit_case("%zu: %s", i, cases[i].body);
		addr_list_init(unit_job(), &l, 4);
		result = addr_list_add(unit_job(), &l, span_str(cases[i].body));
		assert_int_equal(result, cases[i].kept == NULL ? -1 : 0);
		buf_init(&b, unit_job()->arena, 1000);
		for (size_t k = 0; k < l.count; k++)
			buf_addf(&b, "%s;", l.v[k]);
		assert_span_equal(
		    buf_span(&b), cases[i].kept == NULL ? "" : cases[i].kept);
	}
}

static void
test_has(void **state)
{
	struct addr_list l;

	(void)state;
	addr_list_init(unit_job(), &l, 4);
	assert_false(addr_list_has(&l, "acme+x@ca.test"));
	assert_int_equal(
	    addr_list_add(unit_job(), &l, SPAN("a@b.test, ACME+X@ca.test")), 0);
	assert_true(addr_list_has(&l, "acme+x@ca.test"));
	assert_false(addr_list_has(&l, "acme+y@ca.test"));
}

static void
test_cut(void **state)
{
	static const char body[] = "g: =?utf-8?q?x?= \"a\\\" b\" (c (d) \\)) "
				   "<alice@user.test> (e), b@c.test;, d@e.test";

	(void)state;
	for (size_t n = 0; n < sizeof(body) - 1; n++) {
		char *copy = xmalloc(n + 1);
		const char *address;
		struct addr_list l;
		struct finding f;

		memcpy(copy, body, n);
		addr_list_init(unit_job(), &l, 4);
		if (addr_list_add(unit_job(), &l, span_mem(copy, n)) < 0)
			assert_int_equal(l.count, 0);
		assert_int_equal(
		    addr_list_from(unit_job(), span_mem(copy, n), &address, &f),
		    -1);
		free(copy);
	}
}

/* MA-45, MA-47: work grows with the field only, whatever stands in it by tens
 * of thousands. */
static void
test_time_is_bounded(void **state)
{
	static const struct {
		const char *before, *unit, *after;
	} cases[] = {
		{ "alice@user.test (", ">", ")" },
		{ "(", "<", ") alice@user.test" },
		{ "\"=?utf-8?q?x?=", ">(", "\" <alice@user.test>" },
		{ "\"", "c ", "x\" <alice@user.test>" },
		{ "\"", "@", "\" <alice@user.test>" },
		{ "\"", "=?b?b?A ", "\" <alice@user.test>" },
		{ "\"=?utf-8?q?x?=", "=?b?b?A ", "\" <alice@user.test>" },
	};
	int64_t before = unit_cpu_ms();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *address;
		struct finding f;
		struct buf b;

		unit_case("%s", cases[i].unit);
		buf_init(&b, unit_job()->arena, 1 << 20);
		buf_add_str(&b, cases[i].before);
		while (b.n < 256 * 1024)
			buf_add_str(&b, cases[i].unit);
		buf_add_str(&b, cases[i].after);
		assert_int_equal(
		    addr_list_from(unit_job(), buf_span(&b), &address, &f), 0);
		assert_false(reply_via_list(unit_job(), buf_span(&b), address));
	}
	assert_true(unit_cpu_ms() - before < 30000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_from),
	cmocka_unit_test(test_from_says_why),
	cmocka_unit_test(test_from_names),
	cmocka_unit_test(test_lists),
	cmocka_unit_test(test_has),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_time_is_bounded),
};

UNIT_MAIN(tests)
