/*
 * Delivery reports of a challenge mail, from the message to what the client is
 * told (ER-24, MA-106).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/status.h"
#include "lib/arena.h"
#include "lib/count.h"

static const struct report_case {
	const char *action, *status;
	bool is_fixed;          /* no tag in the challenge's address */
	const char *to;         /* NULL: the challenge's address */
	const char *message_id; /* quoted; NULL: the challenge's */
	enum verdict verdict;
	bool is_known;
	enum authz_status authz;
	const char *error;
} reports[] = {
	{ "failed", "5.1.1", false, NULL, NULL, VERDICT_DSN_FAILED, true,
	    AUTHZ_INVALID,
	    "\"the challenge mail could not be delivered: 5.1.1 (there is no "
	    "such mailbox)\"" },
	/* At the tag it need not quote anything. */
	{ "failed", "5.2.2", false, NULL, "<x@y.test>", VERDICT_DSN_FAILED,
	    true, AUTHZ_INVALID, "5.2.2 (the mailbox is full)" },
	/* AC-119 */
	{ "failed", "5.1.2", false, NULL, NULL, VERDICT_DSN_FAILED, true,
	    AUTHZ_INVALID,
	    ":dns\",\"detail\":\"no mail exchanger for example.org\"" },
	{ "failed", "5.4.4", false, NULL, NULL, VERDICT_DSN_FAILED, true,
	    AUTHZ_INVALID,
	    ":dns\",\"detail\":\"no mail exchanger for example.org\"" },
	/* Told; the relay may still succeed. */
	{ "delayed", "4.4.1", false, NULL, NULL, VERDICT_DSN_DELAYED, true,
	    AUTHZ_PENDING,
	    "\"delivery of the challenge mail is delayed: 4.4.1 (the mail "
	    "system does not answer)\"" },
	{ "delivered", "2.0.0", false, NULL, NULL, VERDICT_DSN_NOTED, true,
	    AUTHZ_PENDING, NULL },
	{ "exploded", "5.1.1", false, NULL, NULL, VERDICT_DSN_NOTED, true,
	    AUTHZ_PENDING, NULL },
	/* The tag is missing, or another, whatever is quoted. */
	{ "failed", "5.1.1", false, "acme@ca.example", NULL, VERDICT_UNKNOWN,
	    false, AUTHZ_PENDING, NULL },
	{ "failed", "5.1.1", false, "acme+guess@ca.example", NULL,
	    VERDICT_UNKNOWN, false, AUTHZ_PENDING, NULL },
	/* Anybody can know the address without a tag: it is told, and ends
	 * nothing. */
	{ "failed", "5.1.1", true, NULL, NULL, VERDICT_DSN_NOTED, true,
	    AUTHZ_PENDING,
	    "\"a report says: the challenge mail could not be delivered: "
	    "5.1.1 (there is no such mailbox)\"" },
	{ "failed", "5.1.2", true, NULL, NULL, VERDICT_DSN_NOTED, true,
	    AUTHZ_PENDING,
	    "\"a report says: the challenge mail could not be delivered: "
	    "5.1.2 (there is no such mail domain)\"" },
	{ "delayed", "4.2.2", true, NULL, NULL, VERDICT_DSN_NOTED, true,
	    AUTHZ_PENDING,
	    "\"a report says: delivery of the challenge mail is delayed: "
	    "4.2.2 (the mailbox is full)\"" },
	{ "delivered", "2.0.0", true, NULL, NULL, VERDICT_DSN_NOTED, true,
	    AUTHZ_PENDING, NULL },
	{ "failed", "5.1.1", true, "Acme@CA.example", NULL, VERDICT_DSN_NOTED,
	    true, AUTHZ_PENDING,
	    "\"a report says: the challenge mail could not be delivered: "
	    "5.1.1 (there is no such mailbox)\"" },
	{ "failed", "5.1.1", true, NULL, "<guess@ca.example>", VERDICT_UNKNOWN,
	    false, AUTHZ_PENDING, NULL },
	{ "failed", "5.1.1", true, NULL, "", VERDICT_UNKNOWN, false,
	    AUTHZ_PENDING, NULL },
	{ "failed", "5.1.1", true, "postmaster@ca.example", NULL,
	    VERDICT_UNKNOWN, false, AUTHZ_PENDING, NULL },
	/* Others that the mailbox stands for may have it. */
	{ "failed\r\nOriginal-Recipient: rfc822;everybody@example.org", "5.1.1",
	    false, NULL, NULL, VERDICT_DSN_NOTED, true, AUTHZ_PENDING,
	    "\"one address that the mailbox passes its mail on to could not be "
	    "given the challenge mail: 5.1.1 (there is no such mailbox)\"" },
};

static void
take_report(struct role_lab *lab, const struct report_case *r)
{
	const struct challenge *c = &lab->order->identifiers[0].authz.challenge;
	const char *to = r->to, *quoted = r->message_id;
	enum verdict verdict;

	if (to == NULL)
		to = r->is_fixed ? "acme@ca.example" : c->from;
	if (quoted == NULL)
		quoted = c->message_id;
	verdict = role_lab_take(
	    lab, role_lab_report(lab, to, r->action, r->status, quoted));
	assert_string_equal(verdict_name(verdict), verdict_name(r->verdict));
}

static void
test_reports(struct job *j)
{
	for (size_t i = 0; i < COUNT(reports); i++) {
		const struct authz *a;
		struct role_lab lab;

		unit_case("%zu: %s", i, reports[i].action);
		role_lab_processing(&lab, j);
		lab.conf.sender.from = "ACME@ca.example";
		lab.conf.sender.tagged = !reports[i].is_fixed;
		if (reports[i].is_fixed)
			fixture_sql(j, "UPDATE challenge SET from_address = "
				       "'acme@ca.example'");
		take_report(&lab, &reports[i]);
		a = role_lab_authz(&lab);
		assert_int_equal(authz_status(a, j->now), reports[i].authz);
		if (reports[i].error == NULL)
			assert_null(a->challenge.error);
		else
			assert_non_null(
			    strstr(a->challenge.error, reports[i].error));
		if (reports[i].is_known)
			assert_int_equal(role_lab_last_reply(&lab).verdict,
			    reports[i].verdict);
	}
}

/* The options were changed while a challenge of the fixed address waits: its
 * address is still one that anybody can know, also one with a "+". */
static void
test_report_after_change(struct job *j)
{
	static const struct {
		const char *was, *now;
	} cases[] = {
		{ "acme@ca.example", "acme@ca.example" },
		{ "acme@ca.example", "new@ca.example" },
		{ "acme+mail@ca.example", "acme+mail@ca.example" },
		{ "acme+mail@ca.example", "acme@ca.example" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct report_case r = { "failed", "5.1.1", true, cases[i].was,
			NULL, VERDICT_DSN_NOTED, true, AUTHZ_PENDING, NULL };
		struct role_lab lab;

		unit_case("%s, now %s", cases[i].was, cases[i].now);
		role_lab_processing(&lab, j);
		lab.conf.sender.from = cases[i].now;
		lab.conf.sender.tagged = true;
		fixture_sql(j, arena_printf(j->arena,
				   "UPDATE challenge SET from_address = '%s'",
				   cases[i].was));
		take_report(&lab, &r);
		assert_int_equal(
		    authz_status(role_lab_authz(&lab), j->now), AUTHZ_PENDING);
	}
}

/* A mail server on the way wrote the address in capitals: the tag is as hard
 * to guess. */
static void
test_capitals(struct job *j)
{
	const struct authz *a;
	struct role_lab lab;
	char *to;

	role_lab_processing(&lab, j);
	a = &lab.order->identifiers[0].authz;
	to = arena_strdup(j->arena, a->challenge.from);
	for (char *p = to; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	assert_int_equal(role_lab_take(&lab,
			     role_lab_report(&lab, to, "failed", "5.1.1", "")),
	    VERDICT_DSN_FAILED);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_INVALID);
}

/* A bounce that is no report is noted, and says nothing. */
static void
test_no_report(struct job *j)
{
	struct role_lab lab;
	const struct authz *a;
	const char *raw;

	role_lab_processing(&lab, j);
	raw = arena_printf(j->arena,
	    "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.org\r\nTo: "
	    "%s\r\nSubject: failure notice\r\n\r\nHi. This is the "
	    "qmail-send program.\r\n",
	    lab.order->identifiers[0].authz.challenge.from);
	assert_int_equal(role_lab_take(&lab, span_str(raw)), VERDICT_DSN_NOTED);
	assert_string_equal(role_lab_last_reply(&lab).code, "dsn.unparsed");
	a = role_lab_authz(&lab);
	assert_int_equal(authz_status(a, j->now), AUTHZ_PENDING);
	assert_null(a->challenge.error);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_reports),
	STORE_TEST(test_report_after_change),
	STORE_TEST(test_capitals),
	STORE_TEST(test_no_report),
};

UNIT_MAIN(tests)
