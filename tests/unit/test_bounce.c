/* ER-24, MA-106: delivery status notifications, as eight mail systems write
 * them, and what is none. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "mail/bounce.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TOP                                                                    \
	"Return-Path: <>\r\nDelivered-To: acme+tag@ca.test\r\n"                \
	"From: MAILER-DAEMON@mx.user.test\r\nTo: acme+tag@ca.test\r\n"         \
	"Subject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
#define TYPE(boundary)                                                         \
	"Content-Type: multipart/report; report-type=delivery-status;\r\n"     \
	"\tboundary=\"" boundary "\"\r\n\r\n"
#define HUMAN(boundary)                                                        \
	"This is a MIME-encapsulated message.\r\n\r\n--" boundary              \
	"\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"               \
	"I'm sorry to have to inform you\r\n\r\n"
#define STATUS(boundary)                                                       \
	"--" boundary "\r\nContent-Type: message/delivery-status\r\n\r\n"
#define RETURNED(boundary)                                                     \
	"--" boundary "\r\nContent-Type: message/rfc822\r\n\r\n"               \
	"From: acme+tag@ca.test\r\nTo: alice@user.test\r\n"                    \
	"Subject: ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q\r\n"                  \
	"Message-ID: <m1@ca.test>\r\n\r\nText\r\n\r\n--" boundary "--\r\n"

/* With one per-recipient group. */
#define GROUP(group)                                                           \
	TOP TYPE("b") HUMAN("b")                                               \
	    STATUS("b") "Reporting-MTA: dns; mx.user.test\r\n\r\n" group       \
			"\r\n" RETURNED("b")
#define RECIPIENT "Final-Recipient: rfc822; alice@user.test\r\n"

struct expected {
	const char *raw;
	const char *code; /* NULL: no notification at all */
	const char *status;
	const char *message_id;
};

static const struct expected systems[] = {
	/* Postfix */
	{ TOP TYPE("A1/mx.user.test") HUMAN(
	      "A1/mx.user.test") "--A1/mx.user.test\r\nContent-Description: "
				 "Delivery report\r\n"
				 "Content-Type: message/delivery-status\r\n\r\n"
				 "Reporting-MTA: dns; mx.user.test\r\n"
				 "X-Postfix-Queue-ID: A1\r\n"
				 "X-Postfix-Sender: rfc822; "
				 "acme+tag@ca.test\r\n"
				 "Arrival-Date: Mon,  2 Mar 2026 10:00:00 "
				 "+0000 (UTC)\r\n\r\n"
				 "Final-Recipient: rfc822; alice@user.test\r\n"
				 "Original-Recipient: "
				 "rfc822;alice@user.test\r\n"
				 "Action: failed\r\nStatus: 5.1.1\r\n"
				 "Diagnostic-Code: x-unix; user unknown\r\n\r\n"
				 "--A1/mx.user.test\r\nContent-Type: "
				 "text/rfc822-headers\r\n"
				 "\r\nSubject: ACME: x\r\nMessage-ID: "
				 "<m1@ca.test>\r\n\r\n"
				 "--A1/mx.user.test--\r\n",
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	/* Exim, without the third part's body */
	{ TOP "Content-Type: multipart/report; "
	      "report-type=delivery-status; boundary=1-eximdsn-2\r\n\r\n"
	      "--1-eximdsn-2\r\nContent-type: text/plain; charset=us-ascii\r\n"
	      "\r\nThis message was created automatically\r\n\r\n"
	      "--1-eximdsn-2\r\nContent-type: message/delivery-status\r\n\r\n"
	      "Reporting-MTA: dns; mx.user.test\r\n\r\nAction: failed\r\n"
	      "Final-Recipient: rfc822;alice@user.test\r\nStatus: 5.0.0\r\n"
	      "Remote-MTA: dns; x.test\r\nDiagnostic-Code: smtp; 550 no\r\n\r\n"
	      "--1-eximdsn-2\r\nContent-type: message/rfc822\r\n\r\n"
	      "Message-Id: <m1@ca.test>\r\nFrom: acme+tag@ca.test\r\n\r\n\r\n"
	      "--1-eximdsn-2--\r\n",
	    "dsn.failed", "5.0.0", "<m1@ca.test>" },
	/* Sendmail, a warning */
	{ TOP TYPE("b") HUMAN("b")
		STATUS("b") "Reporting-MTA: dns; mx.user.test\r\n"
			    "Arrival-Date: Mon, 2 Mar 2026 10:00:00 GMT\r\n\r\n"
			    "Final-Recipient: RFC822; alice@user.test\r\n"
			    "Action: delayed\r\nStatus: 4.4.1\r\n"
			    "Will-Retry-Until: Sat, 7 Mar 2026 10:00:00 "
			    "GMT\r\n\r\n" RETURNED("b"),
	    "dsn.delayed", "4.4.1", "<m1@ca.test>" },
	/* Microsoft 365: comments after nothing, three parts */
	{ TOP TYPE("ea1b") HUMAN("ea1b") STATUS(
	      "ea1b") "Reporting-MTA: dns;AB1PR01MB0001.prod.example\r\n"
		      "Received-From-MTA: dns;mx.ca.test\r\n"
		      "Arrival-Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\n"
		      "Final-Recipient: rfc822;alice@user.test\r\n"
		      "Action: failed\r\nStatus: 5.1.10\r\n"
		      "Diagnostic-Code: smtp;550 5.1.10 "
		      "RESOLVER.ADR\r\n\r\n" RETURNED("ea1b"),
	    "dsn.failed", "5.1.10", "<m1@ca.test>" },
	/* Gmail */
	{ TOP TYPE(
	      "0000b") "--0000b\r\nContent-Type: multipart/related; "
		       "boundary=1111c\r\n\r\n--1111c\r\n"
		       "Content-Type: text/html\r\n\r\n<p>\r\n--1111c--"
		       "\r\n" STATUS(
			   "0000b") "Reporting-MTA: dns; googlemail.com\r\n"
				    "Received-From-MTA: dns; "
				    "acme+tag@ca.test\r\n"
				    "X-Original-Message-ID: "
				    "<m1@ca.test>\r\n\r\n"
				    "Final-Recipient: rfc822; "
				    "alice@user.test\r\n"
				    "Action: failed\r\nStatus: 5.1.1\r\n"
				    "Last-Attempt-Date: Mon, 02 Mar 2026 "
				    "02:00:00 -0800\r\n\r\n" RETURNED("0000b"),
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	/* OpenSMTPD */
	{ TOP TYPE("b") HUMAN(
	      "b") "--b\r\nContent-Description: Delivery "
		   "Report\r\nContent-Type: "
		   "message/delivery-status\r\n\r\n"
		   "Reporting-MTA: dns; mx.user.test\r\n\r\n"
		   "Final-Recipient: rfc822; alice@user.test\r"
		   "\nAction: failed\r\nStatus: 5.2.2\r\n\r\n" RETURNED("b"),
	    "dsn.failed", "5.2.2", "<m1@ca.test>" },
	/* Haraka: two parts only */
	{ TOP TYPE("b") HUMAN("b")
		STATUS("b") "Reporting-MTA: dns;mx.user.test\r\n\r\n"
			    "Final-Recipient: rfc822;alice@user.test\r\n"
			    "Action: failed\r\nStatus: 5.1.2\r\n\r\n--b--\r\n",
	    "dsn.failed", "5.1.2", NULL },
	/* RFC 6533, with a success */
	{ TOP TYPE("b") HUMAN(
	      "b") "--b\r\nContent-Type: message/global-delivery-status\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\n"
		   "Reporting-MTA: dns; mx.user.test\r\n\r\n"
		   "Final-Recipient: utf-8; \xc3\xa4@user.test\r\n"
		   "Action: delivered\r\nStatus: 2.0.0\r\n\r\n" RETURNED("b"),
	    "dsn.noted", "", "<m1@ca.test>" },
};

static const struct expected others[] = {
	/* two recipients, both failed; one failed and one delayed */
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 5.1.1\r\n\r\n" RECIPIENT
			  "Action: failed\r\nStatus: 5.2.1\r\n"),
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 5.1.1\r\n\r\n" RECIPIENT
			  "Action: delayed\r\nStatus: 4.2.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 4.4.7 (expired)\r\n"),
	    "dsn.failed", "4.4.7", "<m1@ca.test>" },
	/* not strictly RFC 3464 */
	{ GROUP(""), "dsn.unparsed", "", NULL },
	{ GROUP("Action: failed\r\nStatus: 5.1.1\r\n"), "dsn.unparsed", "",
	    NULL },
	{ GROUP(RECIPIENT "Status: 5.1.1\r\n"), "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\n"), "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: broken\r\nStatus: 5.1.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 2.0.0\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 5.1\r\n"), "dsn.unparsed",
	    "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 5.1.1.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 5.1234.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 55.1.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 3.1.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action: failed\r\nAction: delayed\r\n"
			  "Status: 5.1.1\r\n"),
	    "dsn.unparsed", "", NULL },
	{ GROUP(RECIPIENT "Action failed\r\nStatus: 5.1.1\r\n"), "dsn.unparsed",
	    "", NULL },
	{ TOP TYPE("b") HUMAN("b") STATUS("b") RECIPIENT
	    "Action: failed\r\nStatus: 5.1.1\r\n\r\n" RETURNED("b"),
	    "dsn.unparsed", "", NULL }, /* nothing about the message */
	{ TOP TYPE("b") HUMAN("b") RETURNED("b"), "dsn.unparsed", "", NULL },
	{ TOP TYPE("b")
		STATUS("b") "Reporting-MTA: dns; x\r\n\r\n" RECIPIENT
			    "Action: failed\r\nStatus: 5.1.1\r\n\r\n" HUMAN(
				"b") "--b--\r\n",
	    "dsn.unparsed", "", NULL }, /* order */
	{ TOP TYPE("b") "x\r\n", "dsn.unparsed", "", NULL },
	{ TOP "Content-Type: multipart/report; "
	      "report-type=delivery-status\r\n\r\nx\r\n",
	    "dsn.unparsed", "", NULL },
	/* other reports and messages */
	{ TOP "Content-Type: multipart/report; boundary=b; "
	      "report-type=disposition-notification\r\n\r\nx\r\n",
	    NULL, "", NULL },
	{ TOP "Content-Type: multipart/report; boundary=b\r\n\r\nx\r\n", NULL,
	    "", NULL },
	{ TOP "Content-Type: text/plain; report-type=delivery-status\r\n\r\n"
	      "Action: failed\r\n",
	    NULL, "", NULL },
	{ TOP "Content-Type: multipart/report; "
	      "report-type=delivery-status; report-type=x\r\n\r\nx\r\n",
	    NULL, "", NULL },
	{ TOP "\r\nAction: failed\r\n", NULL, "", NULL },
};

static int
parse(struct span raw, struct dsn *d, struct finding *f)
{
	static const struct message_limits limits = { 1 << 20 };
	struct message m;

	if (message_parse(unit_job(), raw, &limits, &m, f) < 0)
		return 0;
	return bounce_parse(unit_job(), &m, d, f);
}

static void
check(const struct expected *x)
{
	struct finding f;
	struct dsn d;
	int is_dsn = parse(span_str(x->raw), &d, &f);

	assert_int_equal(is_dsn, x->code != NULL);
	assert_int_equal(d.is_dsn, is_dsn);
	if (x->code == NULL)
		return;
	assert_string_equal(f.code, x->code);
	assert_int_equal(f.result, FINDING_NOTE);
	assert_int_equal(d.parsed, strcmp(x->code, "dsn.unparsed") != 0);
	assert_int_equal(d.failed, strcmp(x->code, "dsn.failed") == 0);
	assert_int_equal(d.delayed, strcmp(x->code, "dsn.delayed") == 0);
	assert_string_equal(d.status, x->status);
	if (x->message_id == NULL)
		assert_null(d.original_message_id);
	else
		assert_string_equal(d.original_message_id, x->message_id);
}

static void
test_systems(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(systems); i++) {
		unit_case("%zu", i);
		check(&systems[i]);
	}
}

static void
test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		unit_case("%zu", i);
		check(&others[i]);
	}
}

/* The returned message's id is an id, or nothing. */
static void
test_message_ids(void **state)
{
	static const struct {
		const char *field, *id;
	} cases[] = {
		{ "Message-ID: <a@b>\r\n", "<a@b>" },
		{ "message-id:\r\n <a@b>\r\n", "<a@b>" },
		{ "Message-ID: <a@b> <c@d>\r\n", NULL },
		{ "Message-ID: a@b\r\n", NULL },
		{ "Message-ID: <>\r\n", NULL },
		{ "Message-ID: <a b>\r\n", NULL },
		{ "Message-ID: <a\xc3\xa4@b>\r\n", NULL },
		{ "Message-ID: <a@b>\r\nMessage-ID: <a@b>\r\n", NULL },
		{ "X: y\r\n", NULL },
		{ "broken\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct finding f;
		struct dsn d;
		const char *raw = arena_printf(unit_job()->arena,
		    TOP TYPE("b") HUMAN("b") STATUS(
			"b") "Reporting-MTA: dns; x\r\n\r\n" RECIPIENT
			     "Action: failed\r\nStatus: 5.1.1\r\n\r\n"
			     "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
			     "%s\r\n--b--\r\n",
		    cases[i].field);

		unit_case("%s", cases[i].field);
		assert_int_equal(parse(span_str(raw), &d, &f), 1);
		assert_true(d.failed);
		if (cases[i].id == NULL)
			assert_null(d.original_message_id);
		else
			assert_string_equal(d.original_message_id, cases[i].id);
	}
}

static void
test_cut(void **state)
{
	size_t whole = strlen(systems[0].raw);

	(void)state;
	for (size_t n = 0; n < whole; n++) {
		char *copy = xmalloc(n + 1);
		struct finding f;
		struct dsn d;

		memcpy(copy, systems[0].raw, n);
		if (parse(span_mem(copy, n), &d, &f) == 1 && n < whole - 2)
			assert_string_equal(f.code, "dsn.unparsed");
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_systems),
	cmocka_unit_test(test_others),
	cmocka_unit_test(test_message_ids),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
