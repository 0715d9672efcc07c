/* MA-1: bounded work, of what libetpan's parser is given as well. */
#include "config.h"

#include "lib/count.h"
#include "mail/fetch_guard.h"
#include "tests/unit/unit.h"

#define TEN(s) s s s s s s s s s s
#define LISTS_50 TEN("(((((")
#define ENDS_50 TEN(")))))")
#define FETCH "* 12 FETCH (UID 7 RFC822.SIZE 9 BODY[]<0> "

static const struct {
	const char *text;
	const char *why; /* a part of it; NULL: nothing is wrong */
} cases[] = {
	{ "* OK [CAPABILITY IMAP4rev1] ready (at last)\r\n", NULL },
	{ FETCH "{5}\r\n((((()\r\n1 OK done\r\n", NULL },
	{ "* 1 FETCH " LISTS_50 ENDS_50 "\r\n", NULL },
	{ "* 1 FETCH (" LISTS_50 ENDS_50 ")\r\n", "lists inside" },
	{ "1 OK (" LISTS_50 "\r\n", "lists inside" },
	/* Not all ends that look like one are. */
	{ "* 1 FETCH (" TEN("(\")\" ") TEN("(\")\" ") TEN("(\")\" ")
		TEN("(\")\" ") TEN("(\")\" "),
	    "lists inside" },
	{ FETCH "{3}\r\n)))" LISTS_50, "lists inside" },
	/* Each line is one for itself. */
	{ "* OK " LISTS_50 "\r\n* OK " LISTS_50 "\r\n* OK )))((\r\n", NULL },
	/* A mail may hold what it likes. */
	{ FETCH "{105}\r\n" LISTS_50 LISTS_50 "((\r\n()\r\n", NULL },
	{ FETCH "{24}\r\n* OK [BADCHARSET (a)] \r\n)\r\n", NULL },
	{ "* 1 fetch (body[] {3}\r\n[B\n UID 1)\r\n1 OK done\r\n", NULL },
	{ "* 1 FETCH (X \"a\\\\\" Y \"\\\"\" BODY[] {3}\r\n\"{})\r\n", NULL },
	{ FETCH "{0}\r\n)\r\n", NULL },
	{ FETCH "{1}\r\nx BODY[1] {1}\r\nxBADCHARSET)\r\n", "charsets" },
	/* Nothing is behind a literal that is none. */
	{ "* OK {99}\r\n* NO [BADCHARSET (a)]\r\n", "charsets" },
	{ "* 1 FETCH {99}\r\n* NO [BADCHARSET (a)]\r\n", "charsets" },
	{ "* OK [BADCHARSET (a)] x\r\n", "charsets" },
	{ "* ok [[badcharset\r\n", "charsets" },
	{ "* OK [ BADCHARSET (us-ascii)] ready\r\n", "charsets" },
	{ "* BYE [\t BadCharset (us-ascii)] ready\r\n", "charsets" },
	{ "* NO bbadcharset\r\n", "charsets" },
	{ "* OK [BADCHARS] x\r\n", NULL },
	{ "* OK [BADCHARS\r\nET\r\n", NULL },
	/* Where libetpan might see one. */
	{ "* STATUS ({99}\r\n", "literal that none" },
	{ "* x FETCH ({99}\r\n", "literal that none" },
	{ "* 1  FETCH (((({2}\r\n\r\n", "literal that none" },
	{ FETCH "{99} \r\n", "literal that none" },
	{ FETCH "{ 99}\r\n", "literal that none" },
	{ FETCH "{99 }\t\r\n", "literal that none" },
	{ FETCH "{99+}\r\n", "literal that none" },
	{ FETCH "{9x}\r\n", "literal that none" },
	{ FETCH "99}\r\n", "literal that none" },
	{ FETCH "\"{99}\r\n", "literal that none" },
	{ FETCH "\"\\\"{99}\r\n", "literal that none" },
	{ "* STATUS {5}\r\nINBOX (MESSAGES 1)\r\n", NULL },
	/* libetpan adds up in 32 bits. */
	{ FETCH "{4294967295}\r\n", NULL },
	{ FETCH "{4294967296}\r\n", "more octets than IMAP can" },
	{ FETCH "{9223372036854775808}\r\n", "more octets" },
	{ FETCH "{18446744073709551621}\r\n", "more octets" },
	{ FETCH "{" TEN("99999") TEN("99999") "}\r\n", "more octets" },
};

static void
check(size_t i, const char *why)
{
	unit_case("%zu", i);
	if (cases[i].why == NULL)
		assert_null(why);
	else
		assert_true(why != NULL && strstr(why, cases[i].why) != NULL);
}

static void
test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fetch_guard g = { .head_n = 0 };

		check(i, fetch_guard_see(&g, span_str(cases[i].text)));
	}
}

/* Octets come in pieces of any size. */
static void
test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text = span_str(cases[i].text);

		for (size_t cut = 0; cut <= text.n; cut++) {
			struct fetch_guard g = { .head_n = 0 };
			const char *why =
			    fetch_guard_see(&g, span_cut(text, 0, cut));

			if (why == NULL)
				why = fetch_guard_see(&g, span_from(text, cut));
			check(i, why);
		}
	}
}

/* Why a server ends the session is kept, of what a mail says nothing. */
static void
test_farewell(void **state)
{
	static const struct {
		const char *text, *kept;
	} said[] = {
		{ "* BYE too many connections\r\n",
		    "BYE too many connections" },
		{ "* OK x\r\n* bye\r\n", "bye" },
		{ "* BYE x\r\n1 OK LOGOUT\r\n", "BYE x" },
		{ "* BYE cut off in the", "" },
		{ "1 OK * BYE\r\n* OK BYE\r\n", "" },
		{ FETCH "{9}\r\n\n* BYE x\n)\r\n1 OK\r\n", "" },
		{ "* BYE " TEN("0123456789") TEN("0123456789") "\r\n",
		    "BYE " TEN("0123456789") "0123456789012" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(said); i++) {
		struct fetch_guard g = { .head_n = 0 };

		unit_case("%zu", i);
		fetch_guard_see(&g, span_str(said[i].text));
		assert_string_equal(g.farewell, said[i].kept);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_whole),
	cmocka_unit_test(test_farewell),
	cmocka_unit_test(test_pieces),
};

UNIT_MAIN(tests)
