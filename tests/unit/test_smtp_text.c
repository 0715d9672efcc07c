/* SMTP without a connection: ER-11, ER-20, MA-105, AC-119. */
#include "config.h"

#include "mail/smtp_text.h"

#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "tests/unit/unit.h"

/* Trap: CR LF in an address becomes a command. */
static void
test_addresses(void **state)
{
	static const struct {
		const char *mailbox;
		bool good;
	} cases[] = {
		{ "alice@example.org", true },
		{ "acme+abcdefghijklmnopqrstuvwxyz234567@ca.example", true },
		{ "!#$%&'*+-/=?^_`{|}~@xn--bcher-kva.example", true },
		{ "a.b.c@d", true },
		{ "", false },
		{ NULL, false },
		{ "alice", false },
		{ "@example.org", false },
		{ "alice@", false },
		{ "alice@example.org\r\nRCPT TO:<bob@example.org>", false },
		{ "alice@example.org\n", false },
		{ "al\tice@example.org", false },
		{ "alice@example.org> NOTIFY=NEVER", false },
		{ "<alice@example.org>", false },
		{ "alice@example.org,bob@example.org", false },
		{ "\"al ice\"@example.org", false },
		{ "al..ice@example.org", false },
		{ ".alice@example.org", false },
		{ "alice.@example.org", false },
		{ "alice@example..org", false },
		{ "alice@example.org.", false },
		{ "alice@[127.0.0.1]", false },
		{ "alice@under_score.example", false },
		{ "al\xc3\xaf"
		  "ce@example.org",
		    false },
		{ "a@b@c", false },
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case(
		    "%s", cases[i].mailbox == NULL ? "none" : cases[i].mailbox);
		assert_int_equal(
		    smtp_address_check(cases[i].mailbox, false) == NULL,
		    cases[i].good);
	}
	memset(longest, 'a', sizeof(longest));
	longest[64] = '@';
	longest[254] = '\0';
	assert_null(smtp_address_check(longest, false));
	longest[254] = 'a';
	longest[255] = '\0';
	assert_non_null(smtp_address_check(longest, false));
	memset(longest, 'a', 65);
	longest[65] = '@';
	longest[80] = '\0';
	assert_non_null(smtp_address_check(longest, false));
}

#define GOOD                                                                   \
	"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nFrom: acme@ca.test\r\n"      \
	"Message-ID: <a@ca.test>\r\n"

/* Traps: what libesmtp makes up, drops, or passes on unstuffed. */
static void
test_messages(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		bool good;
	} cases[] = {
		{ "good", GOOD "\r\nbody\r\n", true },
		{ "no body", GOOD "\r\n", true },
		{ "two signatures",
		    GOOD "DKIM-Signature: a\r\n"
			 "DKIM-Signature: b\r\n\r\n",
		    true },
		{ "folded", GOOD "Subject: a\r\n b\r\n\r\n", true },
		{ "case of names",
		    "DATE: a\r\nfrom: b\r\nMessage-Id: c\r\n\r\n", true },
		{ "empty", "", false },
		{ "bare LF", GOOD "\r\nbo\ndy\r\n", false },
		{ "bare LF before a dot", GOOD "\r\n\n.\nMAIL FROM:<x>\r\n",
		    false },
		{ "bare CR", GOOD "\r\nbo\rdy\r\n", false },
		{ "LF only", "Date: a\nFrom: b\nMessage-ID: c\n\nd\n", false },
		{ "no last line end", GOOD "\r\nbody", false },
		{ "ends in CR", GOOD "\r\nbody\r", false },
		{ "no header end", GOOD, false },
		{ "no Date", "From: b\r\nMessage-ID: c\r\n\r\n", false },
		{ "no From", "Date: a\r\nMessage-ID: c\r\n\r\n", false },
		{ "no Message-ID", "Date: a\r\nFrom: b\r\n\r\n", false },
		{ "in the body only",
		    "From: b\r\nMessage-ID: c\r\n\r\n"
		    "Date: a\r\n",
		    false },
		{ "two From", GOOD "From: x\r\n\r\n", false },
		{ "two To", GOOD "To: x\r\nTo: y\r\n\r\n", false },
		{ "Return-Path", GOOD "Return-Path: <x>\r\n\r\n", false },
		{ "Original-Recipient", GOOD "Original-Recipient: x\r\n\r\n",
		    false },
		{ "Bcc", GOOD "Bcc: x\r\n\r\n", false },
		{ "no colon", GOOD "what\r\n\r\n", false },
		{ "no name", GOOD ": x\r\n\r\n", false },
		{ "blank in a name", GOOD "A b: x\r\n\r\n", false },
		{ "begins folded", " x\r\n" GOOD "\r\n", false },
		{ "not ASCII", GOOD "\r\nb\xc3\xb6\r\n", false },
	};
	char nul[] = GOOD "\r\nbo.dy\r\n";
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		assert_int_equal(
		    smtp_message_check(span_str(cases[i].text), false) == NULL,
		    cases[i].good);
	}
	unit_case("NUL");
	*strstr(nul, "bo.") = '\0';
	assert_non_null(
	    smtp_message_check(span_mem(nul, sizeof(nul) - 1), false));
	for (int extra = 0; extra < 2; extra++) {
		unit_case("line of %d", 998 + extra);
		buf_init(&b, unit_job()->arena, 4000);
		buf_add_str(&b, GOOD "\r\n");
		for (int i = 0; i < 998 + extra; i++)
			buf_add_char(&b, 'x');
		buf_add_str(&b, "\r\n");
		assert_int_equal(
		    smtp_message_check(buf_span(&b), false) == NULL,
		    extra == 0);
	}
}

/* A message cut anywhere is refused, but where a line of its body ends. */
static void
test_messages_cut(void **state)
{
	static const char whole[] = GOOD "\r\nbody\r\n";
	size_t header = sizeof(GOOD "\r\n") - 1;

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *copy = arena_memdup(unit_job()->arena, whole, n);

		unit_case("cut to %zu", n);
		assert_int_equal(
		    smtp_message_check(span_mem(copy, n), false) == NULL,
		    n == header);
	}
}

/* AC-119: the code with its enhanced code. */
static void
test_codes(void **state)
{
	static const struct {
		int code;
		struct smtp_enhanced e;
		const char *text;
		const char *expected;
	} cases[] = {
		{ 550, { 5, 1, 1 }, "no such user", "550 5.1.1" },
		{ 550, { 0, 0, 0 }, "5.1.1 no such user", "550 5.1.1" },
		{ 451, { 0, 0, 0 }, "4.7.123", "451 4.7.123" },
		{ 550, { 0, 0, 0 }, "no such user", "550" },
		{ 550, { 0, 0, 0 }, "2.1.1 lies about its class", "550" },
		{ 550, { 0, 0, 0 }, "5.1.1no", "550" },
		{ 550, { 0, 0, 0 }, "5.1234.1 x", "550" },
		{ 550, { 0, 0, 0 }, "5.-1.1 x", "550" },
		{ 550, { 0, 0, 0 }, "5.1", "550" },
		{ 550, { 5, 99999, 1 }, "", "550" },
		{ 0, { 0, 0, 0 }, "", "" },
		{ 99, { 0, 0, 0 }, "", "" },
		{ 1000, { 0, 0, 0 }, "", "" },
	};
	char out[24];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%d %s", cases[i].code, cases[i].text);
		smtp_code_format(
		    out, cases[i].code, &cases[i].e, cases[i].text);
		assert_string_equal(out, cases[i].expected);
	}
}

static void
test_answers(void **state)
{
	static const char stream[] =
	    "250-mail.test\r\n250-SIZE\r\n250 STARTTLS\r\n";
	static const char late[] = "220 go\r\n250 forged\r\n";
	struct smtp_answers a = { .n = 0 };

	(void)state;
	/* An octet at a time, or all at once: the same. */
	for (size_t i = 0; i < sizeof(stream) - 1; i++) {
		assert_int_equal(a.complete, 0);
		smtp_answers_add(&a, span_mem(stream + i, 1));
	}
	assert_int_equal(a.complete, 1);
	assert_int_equal(a.after, 0);
	assert_int_equal(a.code, 250);
	assert_string_equal(a.text, "mail.test");
	smtp_answers_expect(&a);
	smtp_answers_add(&a, span_mem(late, sizeof(late) - 1));
	assert_int_equal(a.complete, 2);
	assert_int_equal(a.after, sizeof("250 forged\r\n") - 1);
	/* A part of a second answer counts too. */
	for (size_t n = 8; n < sizeof(late) - 1; n++) {
		struct smtp_answers b = { .n = 0 };

		smtp_answers_add(&b, span_mem(late, n));
		assert_int_equal(b.after, n - 8);
	}
	/* Nonsense has no code. */
	smtp_answers_add(&a, SPAN("hello\r\n"));
	assert_int_equal(a.code, 0);
	smtp_answers_add(&a, SPAN("\n"));
	assert_int_equal(a.code, 0);
}

static void
test_hide_login(void **state)
{
	static const struct {
		const char *text, *secret, *shown;
	} cases[] = {
		{ "535 5.7.8 bad credentials", "s3cret",
		    "535 5.7.8 bad credentials" },
		{ "no such password: s3cret", "s3cret",
		    "no such password: ******" },
		{ "s3crets3cret", "s3cret", "************" },
		{ "AUTH PLAIN AGFjbWUAczNjcmV0 refused", "s3cret",
		    "AUTH PLAIN **************** refused" },
		/* of any alignment, or a token */
		{ "what is YWNtZTpzM2NyZXQ?", "s3cret",
		    "what is ***************?" },
		{ "[AUTHENTICATIONFAILED] Authentication failed.", "s3cret",
		    "[AUTHENTICATIONFAILED] Authentication failed." },
		{ "", "s3cret", "" },
		{ "said", "", "said" },
		/* A secret of one kind that hides itself must end. */
		{ "a*b**", "*", "a*b**" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[100];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		unit_case("%s", text);
		smtp_text_hide_login(text, span_str(cases[i].secret));
		assert_string_equal(text, cases[i].shown);
	}
}

/* ER-6 */
static void
test_hide_token(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "550 5.7.1 spam", "550 5.7.1 spam" },
		{ "550 ACME: LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1TG3sME=",
		    "550 ACME: *******************************************=" },
		/* cut, folded, cut at both ends */
		{ "550 \"ACME: LgYemJLy3F...\" is spam",
		    "550 \"ACME: **********...\" is spam" },
		{ "550 LgYemJLy3F1LDkiJrdIGb EzyFJyOyf6vBdyZ1TG3sME",
		    "550 ********************* **********************" },
		{ "..LDkiJrdI..", "..********.." },
		{ "550 LgYe", "550 ****" },
		{ "550 LgY", "550 LgY" },
		{ "LgYemJLy3FLgYemJLy3F", "********************" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[100];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		unit_case("%s", text);
		smtp_text_hide_token(
		    text, SPAN("LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1TG3sME"));
		assert_string_equal(text, cases[i].shown);
	}
	{
		char text[] = "550 no token";

		smtp_text_hide_token(text, SPAN(""));
		assert_string_equal(text, "550 no token");
	}
}

static void
test_clean(void **state)
{
	char out[16];

	(void)state;
	smtp_text_clean(out, sizeof(out), "  a\r\n\tb\x01\xff  c  ");
	assert_string_equal(out, "a b c");
	smtp_text_clean(out, 4, "abcdef");
	assert_string_equal(out, "abc");
	smtp_text_clean(out, sizeof(out), "");
	assert_string_equal(out, "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_addresses),
	cmocka_unit_test(test_messages),
	cmocka_unit_test(test_messages_cut),
	cmocka_unit_test(test_codes),
	cmocka_unit_test(test_answers),
	cmocka_unit_test(test_clean),
	cmocka_unit_test(test_hide_login),
	cmocka_unit_test(test_hide_token),
};
UNIT_MAIN(tests)
