/* ER-24, MA-106: delivery status notifications, as eight mail systems write
 * them, and what is none. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "mail/bounce.h"
#include "mail/reply.h"

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
	{ GROUP(RECIPIENT "Action: Failed (user unknown)\r\n"
			  "Status: 5.1.1 (bad address)\r\n"),
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 4.4.7 (expired)\r\n"),
	    "dsn.failed", "4.4.7", "<m1@ca.test>" },
/* The digits of the relay's answer, where Status has none, if they
 * are of the same class, or temporary, and where they belong. */
#define VAGUE(diagnostic)                                                      \
	GROUP(RECIPIENT "Action: failed\r\nStatus: 5.0.0\r\n"                  \
			"Diagnostic-Code: " diagnostic "\r\n")
	{ VAGUE("smtp; 550 5.1.1 x"), "dsn.failed", "5.1.1", "<m1@ca.test>" },
	{ VAGUE("SMTP;550\r\n 5.1.10\r\n x"), "dsn.failed", "5.1.10",
	    "<m1@ca.test>" },
	{ VAGUE("smtp; 452 4.2.2 full: retry timeout exceeded"), "dsn.failed",
	    "4.2.2", "<m1@ca.test>" },
	{ VAGUE("smtp; 451 4.0.0 x: retry timeout exceeded"), "dsn.failed",
	    "5.0.0", "<m1@ca.test>" },
	{ VAGUE("smtp; 550-5.2.1"), "dsn.failed", "5.2.1", "<m1@ca.test>" },
	{ VAGUE("smtp; 550 4.2.1 x"), "dsn.failed", "5.0.0", "<m1@ca.test>" },
	{ VAGUE("smtp; 550 x 5.1.1"), "dsn.failed", "5.0.0", "<m1@ca.test>" },
	{ VAGUE("smtp; 5501 5.1.1"), "dsn.failed", "5.0.0", "<m1@ca.test>" },
	{ VAGUE("smtp; 550"), "dsn.failed", "5.0.0", "<m1@ca.test>" },
	{ VAGUE("smtp;"), "dsn.failed", "5.0.0", "<m1@ca.test>" },
	{ VAGUE("x-unix; 550 5.1.1 x"), "dsn.failed", "5.0.0", "<m1@ca.test>" },
	{ GROUP(RECIPIENT "Action: failed\r\nStatus: 5.4.0\r\n"
			  "Diagnostic-Code: smtp; 550 5.1.1 x\r\n"),
	    "dsn.failed", "5.4.0", "<m1@ca.test>" },
	/* One of those that became of the one recipient has got it. */
	{ GROUP(RECIPIENT "Action: relayed\r\nStatus: 2.0.0\r\n\r\n" RECIPIENT
			  "Action: delayed\r\nStatus: 4.2.1\r\n"),
	    "dsn.noted", "", "<m1@ca.test>" },
/* Of one that the mailbox stands for: another name, plainly. */
#define BECAME(original, final)                                                \
	GROUP("Original-Recipient: " original "\r\nFinal-Recipient: " final    \
	      "\r\nAction: failed\r\nStatus: 5.1.1\r\n")
	{ BECAME("rfc822;sales@user.test", "rfc822; alice@user.test"),
	    "dsn.noted", "5.1.1", "<m1@ca.test>" },
	{ BECAME("rfc822;sales@user.test", "rfc822;<alice@mx.user.test>"),
	    "dsn.noted", "5.1.1", "<m1@ca.test>" },
	{ BECAME("rfc822;Alice+2Bx@user.test", "RFC822; alice@mx.user.test"),
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	{ BECAME("alice@user.test", "x-local; alice"), "dsn.failed", "5.1.1",
	    "<m1@ca.test>" },
	{ BECAME("rfc822;f\\x{F6}@user.test", "utf-8; f\xc3\xb6@user.test"),
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	{ BECAME("rfc822;\"a b\"@user.test", "rfc822; ab@user.test"),
	    "dsn.failed", "5.1.1", "<m1@ca.test>" },
	{ BECAME("rfc822;@user.test", "rfc822; alice@user.test"), "dsn.failed",
	    "5.1.1", "<m1@ca.test>" },
	{ GROUP(RECIPIENT "Original-Recipient: rfc822;sales@user.test\r\n"
			  "Action: failed\r\nStatus: 5.1.1\r\n\r\n" RECIPIENT
			  "Action: failed\r\nStatus: 5.2.2\r\n"),
	    "dsn.failed", "5.2.2", "<m1@ca.test>" },
	{ GROUP(RECIPIENT "Original-Recipient: rfc822;sales@user.test\r\n"
			  "Action: failed\r\nStatus: 5.1.1\r\n\r\n" RECIPIENT
			  "Action: delayed\r\nStatus: 4.2.1\r\n"),
	    "dsn.unparsed", "", NULL },
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

/* --- files --------------------------------------------------------------- */

static struct span
load(const char *name)
{
	struct job *j = unit_job();

	return message_from_lf(
	    j, unit_data(arena_printf(j->arena, "bounce/%s.eml", name)));
}

static const struct {
	const char *file;
	enum verdict verdict;
	const char *code, *detail;
	const char *message_id;
} files[] = {
	{ "postfix-unknown", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "postfix-remote", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "postfix-delayed", VERDICT_DSN_DELAYED, "dsn.delayed",
	    "delivery is delayed: 4.2.1 (the mailbox is disabled)",
	    "<c1@ca.test>" },
	{ "postfix-alias", VERDICT_DSN_NOTED, "dsn.noted",
	    "delivery failed to one address that the mailbox passes its mail "
	    "on to: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "postfix-smtputf8", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.6.7 (the mail system cannot take non-ASCII "
	    "addresses)",
	    "<c1@ca.test>" },
	{ "exim-unknown", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "exim-quota", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.2.2 (the mailbox is full)", "<c1@ca.test>" },
	{ "exim-after-data", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.7.1 (the mail system's policy refuses the "
	    "mail)",
	    "<c1@ca.test>" },
	{ "exim-given-up", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 4.2.2 (the mailbox is full)", "<c1@ca.test>" },
	{ "exim-plain-550", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.0.0 (the mail system gives no reason)",
	    "<c1@ca.test>" },
	{ "exim-two", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "exim-delayed", VERDICT_DSN_DELAYED, "dsn.delayed",
	    "delivery is delayed: 4.7.1 (the mail system wants another try "
	    "later)",
	    "<c1@ca.test>" },
	{ "opensmtpd-unknown", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.0.0 (the mail system gives no reason)",
	    "<c1@ca.test>" },
	{ "opensmtpd-two", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.0.0 (the mail system gives no reason)",
	    "<c1@ca.test>" },
	{ "opensmtpd-delayed", VERDICT_DSN_DELAYED, "dsn.delayed",
	    "delivery is delayed: 4.0.0 (the mail system gives no reason; it "
	    "may still succeed)",
	    "<c1@ca.test>" },
	{ "opensmtpd-expired", VERDICT_DSN_DELAYED, "dsn.delayed",
	    "delivery is delayed: 4.4.7 (the mail could not be delivered in "
	    "time)",
	    "<c1@ca.test>" },
	{ "sendmail-unknown", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "sendmail-quota", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.2.2 (the mailbox is full)", "<c1@ca.test>" },
	{ "sendmail-after-data", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.7.1 (the mail system's policy refuses the "
	    "mail)",
	    "<c1@ca.test>" },
	{ "sendmail-two", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "sendmail-delayed", VERDICT_DSN_DELAYED, "dsn.delayed",
	    "delivery is delayed: 4.7.1 (the mail system wants another try "
	    "later)",
	    "<c1@ca.test>" },
	{ "microsoft-365", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.10 (the mail domain takes no mail, or "
	    "has no such mailbox)",
	    "<c1@ca.test>" },
	{ "exchange-delayed", VERDICT_DSN_DELAYED, "dsn.delayed",
	    "delivery is delayed: 4.4.7 (the mail could not be delivered in "
	    "time)",
	    "<c1@ca.test>" },
	{ "gmail", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "domino", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.1 (there is no such mailbox)",
	    "<c1@ca.test>" },
	{ "amazon-ses", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.2.2 (the mailbox is full)", "<c1@ca.test>" },
	{ "yahoo", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.0.0 (the mail system gives no reason)",
	    "<c1@ca.test>" },
	{ "courier", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.0.0 (the mail system gives no reason)",
	    "<c1@ca.test>" },
	{ "qmail", VERDICT_DSN_NOTED, "dsn.unparsed", NULL, NULL },
	{ "relayed", VERDICT_DSN_NOTED, "dsn.noted", NULL, "<c1@ca.test>" },
	{ "expanded", VERDICT_DSN_NOTED, "dsn.noted", NULL, "<c1@ca.test>" },
	{ "delivered", VERDICT_DSN_NOTED, "dsn.noted", NULL, "<c1@ca.test>" },
	{ "forward-failed", VERDICT_DSN_NOTED, "dsn.noted", NULL,
	    "<c1@ca.test>" },
	{ "failed-and-delayed", VERDICT_DSN_NOTED, "dsn.unparsed", NULL, NULL },
	{ "letter-case", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.7.1 (the mail system's policy refuses the "
	    "mail)",
	    "<c1@ca.test>" },
	{ "headers-only", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.1.2 (there is no such mail domain)",
	    "<c1@ca.test>" },
	{ "utf8", VERDICT_DSN_FAILED, "dsn.failed",
	    "delivery failed: 5.6.7 (the mail system cannot take non-ASCII "
	    "addresses)",
	    "<c1@ca.test>" },
	{ "no-reporter", VERDICT_DSN_NOTED, "dsn.unparsed", NULL, NULL },
	{ "disposition", VERDICT_DSN_NOTED, "dsn.unparsed", NULL, NULL },
	/* Whose address it is, is not this file's to know. */
	{ "without-tag", VERDICT_DSN_FAILED, "dsn.failed", NULL,
	    "<c1@ca.test>" },
};

/* As the validator opens it; nothing of the returned mail is learned, and
 * none of the reporter's words is repeated. */
static void
test_files(void **state)
{
	static const struct reply_policy policy = { .message_max = 1 << 18 };
	static const char part1[] = "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q";

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct reply r;

		unit_case("%s", files[i].file);
		assert_int_equal(
		    reply_open(unit_job(), load(files[i].file), 0, &policy, &r),
		    0);
		assert_true(r.decided);
		assert_true(r.dsn.is_dsn);
		assert_int_equal(r.verdict, files[i].verdict);
		assert_string_equal(r.finding.code, files[i].code);
		if (files[i].detail != NULL)
			assert_string_equal(r.finding.detail, files[i].detail);
		if (files[i].message_id == NULL)
			assert_null(r.dsn.original_message_id);
		else
			assert_string_equal(
			    r.dsn.original_message_id, files[i].message_id);
		assert_false(r.has_part1);
		assert_null(strstr(r.evidence, part1));
		assert_null(strstr(r.finding.detail, "user.test"));
		assert_string_equal(
		    r.recipients[0], strcmp(files[i].file, "without-tag") == 0
					 ? "acme@ca.test"
					 : "acme+tag@ca.test");
	}
}

/* The same three parts under another name, but no other three. */
static void
test_mixed(void **state)
{
	static const struct {
		const char *first, *second, *third;
		bool is_dsn;
	} cases[] = {
		{ "text/plain", "message/delivery-status", "message/rfc822",
		    true },
		{ "text/html", "message/delivery-status", "message/rfc822",
		    false },
		{ "text/plain", "text/plain", "message/rfc822", false },
		{ "text/plain", "message/delivery-status", "text/plain",
		    false },
		{ "message/delivery-status", "text/plain", "message/rfc822",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct finding f;
		struct dsn d;
		const char *raw = arena_printf(unit_job()->arena,
		    TOP "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
			"--b\r\nContent-Type: %s\r\n\r\nx\r\n"
			"--b\r\nContent-Type: %s\r\n\r\n"
			"Reporting-MTA: dns; x\r\n\r\n" RECIPIENT
			"Action: failed\r\nStatus: 5.1.1\r\n\r\n"
			"--b\r\nContent-Type: %s\r\n\r\n"
			"Message-ID: <m1@ca.test>\r\n\r\n--b--\r\n",
		    cases[i].first, cases[i].second, cases[i].third);

		unit_case("%zu", i);
		assert_int_equal(parse(span_str(raw), &d, &f), cases[i].is_dsn);
		assert_int_equal(d.failed, cases[i].is_dsn);
	}
}

/* Without an envelope sender, and no report. */
static void
test_other(void **state)
{
	static const struct {
		const char *fields;
		bool is_bounce;
	} cases[] = {
		{ "Return-Path: <>\r\n", true },
		{ "return-path:\r\n <>\r\n", true },
		{ "Return-Path: <a@b.test>\r\n", false },
		{ "Return-Path: <>\r\nReturn-Path: <a@b.test>\r\n", false },
		{ "Return-Path: <> x\r\n", false },
		{ "", false },
	};
	static const struct message_limits limits = { 1 << 20 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *raw = arena_printf(unit_job()->arena,
		    "%sSubject: failure notice\r\n\r\nHi.\r\n",
		    cases[i].fields);
		struct message m;
		struct finding f;
		struct dsn d = { .is_dsn = false };

		unit_case("%zu", i);
		assert_int_equal(
		    message_parse(unit_job(), span_str(raw), &limits, &m, &f),
		    0);
		assert_int_equal(
		    bounce_parse_other(&m, &d, &f), cases[i].is_bounce);
		assert_int_equal(d.is_dsn, cases[i].is_bounce);
		assert_false(d.parsed || d.failed || d.delayed);
		if (cases[i].is_bounce)
			assert_string_equal(f.code, "dsn.unparsed");
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
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_mixed),
	cmocka_unit_test(test_other),
	cmocka_unit_test(test_message_ids),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
