/* A relay's answers and what it offers, cut and broken in every way. */
#include "config.h"

#include "mail/smtp_reply.h"

#include <string.h>

#include "lib/count.h"
#include "tests/unit/unit.h"

static const struct {
	const char *bytes;
	ssize_t used; /* -1: refused, with `text` in why */
	int code;
	const char *text;
} cases[] = {
	{ "250 ok\r\n", 8, 250, "ok" },
	{ "250 ok\n", 7, 250, "ok" },
	{ "250\r\n", 5, 250, "" },
	{ "250-one\r\n250-two\r\n250 three\r\n", 29, 250, "one two three" },
	{ "554-Transaction failed\r\n554-\r\n554  see x\r\n", 42, 554,
	    "Transaction failed see x" },
	{ "250-\r\n250\r\n", 11, 250, "" },
	{ "250-\r\n250 ok\r\n", 14, 250, "ok" },
	{ "250 ok\r\n250 more\r\n", 8, 250, "ok" },
	{ "550 5.1.1 no such user\r\n", 24, 550, "5.1.1 no such user" },
	{ "250 a\tb\x1b[31m\xc3\xa9\r\n", 16, 250, "a b [31m" },
	{ "250-one\r\n550 two\r\n", -1, 0, "two codes" },
	{ "SSH-2.0-OpenSSH\r\n", -1, 0, "no SMTP answer" },
	{ "25\r\n", -1, 0, "no SMTP answer" },
	{ "\r\n", -1, 0, "no SMTP answer" },
	{ "250_ok\r\n", -1, 0, "no SMTP answer" },
	{ "150 ok\r\n", -1, 0, "no SMTP answer" },
	{ "699 ok\r\n", -1, 0, "no SMTP answer" },
	{ "2500 ok\r\n", -1, 0, "no SMTP answer" },
	{ " 250 ok\r\n", -1, 0, "no SMTP answer" },
	{ "+25 ok\r\n", -1, 0, "no SMTP answer" },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span bytes = span_str(cases[i].bytes);
		struct smtp_reply r;
		const char *why = NULL;

		unit_case("%zu", i);
		assert_int_equal(smtp_reply_read(bytes, &r, &why, NULL, NULL),
		    cases[i].used);
		if (cases[i].used < 0) {
			assert_non_null(strstr(why, cases[i].text));
			continue;
		}
		assert_int_equal(r.code, cases[i].code);
		assert_string_equal(r.text, cases[i].text);
		/* Cut anywhere it goes on, and is nothing else. */
		for (size_t n = 0; n < (size_t)cases[i].used; n++)
			assert_int_equal(smtp_reply_read(span_cut(bytes, 0, n),
					     &r, &why, NULL, NULL),
			    0);
	}
}

static void
test_bounds(void **state)
{
	struct job *j = unit_job();
	struct smtp_reply r;
	const char *why = NULL;
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 100000);
	buf_add_str(&b, "250 ");
	while (b.n < SMTP_REPLY_LINE_MAX)
		buf_add_char(&b, 'a');
	assert_int_equal(
	    smtp_reply_read(buf_span(&b), &r, &why, NULL, NULL), 0);
	buf_add_char(&b, '\n');
	assert_int_equal(smtp_reply_read(buf_span(&b), &r, &why, NULL, NULL),
	    SMTP_REPLY_LINE_MAX + 1);
	assert_int_equal(strlen(r.text), 255);
	/* No line end is needed to see that a line is too long. */
	b.p[b.n - 1] = 'a';
	assert_int_equal(
	    smtp_reply_read(buf_span(&b), &r, &why, NULL, NULL), -1);
	assert_non_null(strstr(why, "too long"));
	buf_clear(&b);
	for (int i = 1; i < SMTP_REPLY_LINES_MAX; i++)
		buf_add_str(&b, "250-more\r\n");
	buf_add_str(&b, "250 end\r\n");
	assert_int_equal(
	    smtp_reply_read(buf_span(&b), &r, &why, NULL, NULL), b.n);
	assert_int_equal(strlen(r.text), 255);
	buf_clear(&b);
	for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++)
		buf_add_str(&b, "250-more\r\n");
	assert_int_equal(
	    smtp_reply_read(buf_span(&b), &r, &why, NULL, NULL), -1);
	assert_non_null(strstr(why, "too many lines"));
}

static void
test_offer(void **state)
{
	static const struct {
		const char *bytes;
		bool starttls, utf8;
		unsigned mechanisms;
		const char *names;
	} offers[] = {
		{ "250 relay\r\n", false, false, 0, "" },
		{ "250-STARTTLS\r\n250 SMTPUTF8\r\n", false, true, 0, "" },
		{ "250-r\r\n250-starttls\r\n250-AUTH PLAIN login\r\n250 X\r\n",
		    true, false, 1u << SASL_PLAIN | 1u << SASL_LOGIN,
		    "PLAIN, login" },
		{ "250-r\r\n250-AUTH=PLAIN\r\n250 AUTH  SCRAM-SHA-256 "
		  "SCRAM-SHA-256-PLUS SCRAM-SHA-1 GSSAPI\r\n",
		    false, false,
		    1u << SASL_PLAIN | 1u << SASL_SCRAM_SHA_256 |
			1u << SASL_SCRAM_SHA_1,
		    "PLAIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS, SCRAM-SHA-1, "
		    "GSSAPI" },
		{ "250-r\r\n250-SMTPUTF8X\r\n250-XSTARTTLS\r\n250 AUTH\r\n",
		    false, false, 0, "" },
		{ "250-r\r\n250 AUTH P\xc3\xb6 \x1b[1m XOAUTH2 "
		  "OAUTHBEARER\r\n",
		    false, false, 1u << SASL_XOAUTH2 | 1u << SASL_OAUTHBEARER,
		    "XOAUTH2, OAUTHBEARER" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(offers); i++) {
		struct smtp_offer o = { 0 };
		struct smtp_reply r;
		const char *why = NULL;

		unit_case("%zu", i);
		assert_true(smtp_reply_read(span_str(offers[i].bytes), &r, &why,
				smtp_offer_line, &o) > 0);
		assert_int_equal(o.starttls, offers[i].starttls);
		assert_int_equal(o.smtputf8, offers[i].utf8);
		assert_int_equal(o.mechanisms, offers[i].mechanisms);
		assert_string_equal(o.names, offers[i].names);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_answers),
	cmocka_unit_test(test_bounds),
	cmocka_unit_test(test_offer),
};
UNIT_MAIN(tests)
