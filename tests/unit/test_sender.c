/*
 * The sender: one mail a challenge, the same octets on every attempt (ER-10,
 * AC-117), pauses (ER-11), the lists again before sending (ER-13), what the
 * relay said as the client's problem (AC-119), secrets wiped (AC-113).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/status.h"
#include "db/store_audit.h"
#include "db/store_eab.h"
#include "db/store_outbox.h"
#include "lib/count.h"
#include "tests/unit/signer_lab.h"
#include "tests/unit/unit_folder.h"

static void
test_pauses(void **state)
{
	static const int64_t expected[] = { 60, 60, 120, 240, 480, 960, 1800,
		1800, 1800 };

	(void)state;
	for (size_t i = 0; i < COUNT(expected); i++) {
		unit_case("%zu", i);
		assert_int_equal(sender_pause((int64_t)i), expected[i]);
	}
	assert_int_equal(sender_pause(INT64_MAX), 1800);
}

/* AC-178: relays repeat the mailbox; the log does not. */
static void
test_answer(void **state)
{
	static const struct {
		const char *answer, *logged;
	} rows[] = {
		{ "250 2.0.0 ok", "\"250 2.0.0 ok\"" },
		{ "", "\"\"" },
		{ "550 5.1.1 <alice@example.org>: Recipient address rejected",
		    "\"550 5.1.1 <(mailbox)>: Recipient address rejected\"" },
		{ "550 no alice@example.org", "\"550 no (mailbox)\"" },
		{ "alice@example.org,b@c; d@e", "\"(mailbox),(mailbox); "
						"(mailbox)\"" },
		{ "<SRS0=x=example.org=alice@relay.example>",
		    "\"<(mailbox)>\"" },
		{ "a @ b", "\"a (mailbox) b\"" },
	};
	struct job *j = unit_job();
	struct log_quoted q;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].answer);
		assert_string_equal(
		    sender_answer_quote(&q, j, rows[i].answer), rows[i].logged);
	}
}

static void
test_accepted(struct job *j)
{
	const struct challenge *c;
	struct role_lab lab;

	role_lab_init(&lab, j);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 1);
	assert_string_equal(lab.sent_to, "mailbox0@example.org");
	c = &lab.order->identifiers[0].authz.challenge;
	assert_string_equal(lab.sent_from, c->from);
	assert_true(span_has(lab.sent, c->token_part1));
	assert_true(span_has_str(lab.sent, c->message_id));
	/* The other half never leaves in a mail. */
	assert_true(!span_has_str(lab.sent, c->token_part2));
	c = &role_lab_authz(&lab)->challenge;
	assert_int_equal(c->mail_sent_at, FIXTURE_NOW);
	assert_string_equal(c->relay_answer, "250 2.0.0 ok");
	assert_null(c->error);
	/* Never a second one. */
	EXPECT(j, sender_step(&lab.sender, j), 0);
	role_lab_at(&lab, FIXTURE_NOW + 100000);
	sender_step(&lab.sender, j);
	assert_int_equal(lab.submissions, 1);
}

/* ER-10, ER-11 */
static void
test_retries(struct job *j)
{
	static const int64_t pauses[] = { 60, 120, 240, 480, 960, 1800, 1800 };
	struct role_lab lab;
	struct span first = SPAN("");
	int64_t at;

	role_lab_init(&lab, j);
	lab.answer = (struct submit_result){ SUBMIT_TEMPORARY, "451 4.3.0",
		"451 4.3.0 later", NULL };
	role_lab_post(&lab);
	for (size_t i = 0; i < COUNT(pauses); i++) {
		unit_case("attempt %zu", i + 1);
		unit_log_begin();
		EXPECT(j, sender_step(&lab.sender, j), 1);
		assert_null(strstr(unit_log_end(), "warning"));
		EXPECT(j, sender_step(&lab.sender, j), 0);
		EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
		assert_int_equal(at, j->now + pauses[i]);
		if (i == 0)
			first = lab.sent;
		assert_true(span_eq(lab.sent, first));
		role_lab_at(&lab, at);
		/* The configuration may change meanwhile. */
		lab.conf.ca_name = "Renamed CA";
	}
	assert_non_null(strstr(role_lab_authz(&lab)->challenge.error,
	    "delivery of the challenge mail is delayed: 451 4.3.0"));
	lab.answer =
	    (struct submit_result){ SUBMIT_ACCEPTED, "250", "250", NULL };
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_true(span_eq(lab.sent, first));
	assert_int_equal(lab.submissions, COUNT(pauses) + 1);
	assert_int_equal(
	    role_lab_authz(&lab)->challenge.mail_attempts, COUNT(pauses) + 1);
}

static void
end_account(struct role_lab *lab)
{
	int64_t ended;

	COMMITTED(
	    lab->j, store_account_deactivate(lab->j, lab->account.id, &ended));
	assert_int_equal(ended, 1);
}

/* AC-73: the account ends while its mail is being sent: whatever the relay
 * says, nothing of it stays, and nothing is tried again. */
static void
test_account_ends(struct job *j)
{
	static const struct submit_result answers[] = {
		{ SUBMIT_ACCEPTED, "250", "250 2.0.0 ok", NULL },
		{ SUBMIT_TEMPORARY, "451 4.3.0", "451 4.3.0 later", NULL },
		{ SUBMIT_PERMANENT, "550 5.1.1", "550 5.1.1 no", NULL },
		{ SUBMIT_UNKNOWN, "", "", NULL },
	};

	for (size_t i = 0; i < COUNT(answers); i++) {
		struct role_lab lab;
		int64_t at;

		unit_case("%zu", i);
		role_lab_init(&lab, j);
		lab.answer = answers[i];
		lab.during_submission = end_account;
		EXPECT(j, sender_step(&lab.sender, j), 1);
		assert_int_equal(lab.submissions, 1);
		EXPECT(j, sender_next_due(&lab.sender, j, &at), 0);
		EXPECT(j, sender_step(&lab.sender, j), 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
		assert_int_equal(role_lab_authz(&lab)->failed_at, 0);
		assert_int_not_equal(role_lab_authz(&lab)->deactivated_at, 0);
	}
}

/* AC-73: leased, but not yet sent: no mail leaves. */
static void
test_account_ended(struct job *j)
{
	struct outbox_mail mail;
	struct role_lab lab;

	role_lab_init(&lab, j);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
	EXPECT(j, store_commit(j), 0);
	end_account(&lab);
	role_lab_at(&lab, j->now + 60);
	EXPECT(j, sender_step(&lab.sender, j), 0);
	assert_int_equal(lab.submissions, 0);
}

/* AC-189: a mail that its order has held back for hours counts once more when
 * it is to leave, so that mails cannot be saved up. */
static void
test_held_back(struct job *j)
{
	struct role_lab lab;
	int64_t at, begun = j->now;

	role_lab_init(&lab, j);
	lab.conf.limits.mails_to_mailbox =
	    (struct conf_rates){ { { 2, 86400 } }, 1 };
	fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	role_lab_at(&lab, begun + 5 * 3600);
	/* The day's two are used up: one three hours ago, one now. */
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO bucket (name, subject, full_at_ms, takes) "
		   "VALUES ('mails_to_mailbox/86400', '%s', 9000000000000, "
		   "'%lld %lld')",
		   role_lab_authz(&lab)->mailbox,
		   (long long)(j->now - 3 * 3600), (long long)j->now));
	fixture_sql(j, "UPDATE outbox SET due_at = 1");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 0);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
	assert_int_equal(at, j->now + 21 * 3600);
	/* With room it leaves, and is counted. */
	fixture_sql(j, "UPDATE bucket SET takes = '1'");
	fixture_sql(j, "UPDATE outbox SET due_at = 1");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM bucket "
					  "WHERE takes LIKE '% %'"),
	    0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM bucket WHERE takes <> '1'"),
	    1);
}

/* AC-78: the binding's list is asked again before the mail is sent. */
static void
test_binding_forbids(struct job *j)
{
	struct eab_key key = { .kid = "k",
		.secret = SPAN("sealed"),
		.allow = "[\"other.example\"]" };
	struct role_lab lab;

	role_lab_init(&lab, j);
	COMMITTED(j, store_eab_create(j, &key));
	fixture_sql(j, "UPDATE account SET eab_kid = 'k'");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 0);
	assert_int_not_equal(role_lab_authz(&lab)->failed_at, 0);
}

/* A certificate for the address that this challenge's mail comes from. */
static void
certify(struct role_lab *lab, int64_t secs)
{
	const struct signer_lab_leaf how = {
		.names = arena_printf(lab->j->arena, "email:%s",
		    lab->order->identifiers[0].authz.challenge.from),
		.to = secs,
	};
	struct signer_lab signer;

	signer_lab_make(lab->j, &how, &signer);
	EXPECT(lab->j,
	    smime_signer_load(lab->j, lab->j->arena, &signer.files,
		span_str(how.names).p + strlen("email:"), &lab->sender.smime),
	    0);
}

static bool
is_signed(const struct role_lab *lab)
{
	return span_has(lab->sent, SPAN("Content-Type: multipart/signed;"));
}

/* MA-102, MA-103, ER-10: signed once; every attempt has that signature. */
static void
test_smime(struct job *j)
{
	struct role_lab lab;
	struct span first;
	int64_t at;

	role_lab_init(&lab, j);
	certify(&lab, 86400);
	lab.answer.outcome = SUBMIT_TEMPORARY;
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_true(is_signed(&lab));
	assert_true(span_has(lab.sent, SPAN("hp=\"clear\"")));
	first = lab.sent;
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
	role_lab_at(&lab, at);
	lab.conf.sender.smime_protection = CONF_PROTECTION_WRAPPED;
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_true(span_eq(lab.sent, first));
	/* The next one has the new form. */
	fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	role_lab_init(&lab, j);
	certify(&lab, 86400);
	lab.conf.sender.smime_protection = CONF_PROTECTION_WRAPPED;
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_true(span_has(lab.sent, SPAN("message/rfc822; forwarded=no")));
}

/* ER-19: an ended certificate, or one of another address, stops no mail. */
static void
test_smime_unfit(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	certify(&lab, 60);
	role_lab_at(&lab, FIXTURE_NOW + 61);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 1);
	assert_false(is_signed(&lab));
	fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	role_lab_init(&lab, j);
	certify(&lab, 86400);
	fixture_sql(j, "UPDATE challenge SET from_address = 'acme@ca.example'");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 1);
	assert_false(is_signed(&lab));
}

/* Until the challenge ends, not longer. */
static void
test_no_attempt_after_end(struct job *j)
{
	struct role_lab lab;
	int64_t at;

	role_lab_init(&lab, j);
	lab.answer.outcome = SUBMIT_TEMPORARY;
	EXPECT(j, sender_step(&lab.sender, j), 1);
	role_lab_at(&lab, FIXTURE_NOW + 24 * 3600);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 0);
	/* What is left of it is wiped (AC-113). */
	EXPECT(j, sender_step(&lab.sender, j), 1);
	EXPECT(j, sender_step(&lab.sender, j), 0);
	assert_int_equal(lab.submissions, 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
}

static const struct {
	struct submit_result answer;
	enum authz_status authz;
	bool is_sent, is_due;
	const char *error;
	const char *audit;
} outcomes[] = {
	{ { SUBMIT_ACCEPTED, "250", "250 ok", NULL }, AUTHZ_PENDING, true,
	    false, NULL, "accepted" },
	{ { SUBMIT_TEMPORARY, "421", "421 later", NULL }, AUTHZ_PENDING, false,
	    true, "delivery of the challenge mail is delayed: 421",
	    "temporary failure" },
	{ { SUBMIT_TEMPORARY, "530 5.7.0", "log in first", NULL },
	    AUTHZ_PENDING, false, true,
	    "delivery of the challenge mail is delayed: 530 5.7.0 (the relay "
	    "wants a login, or TLS, first)",
	    "temporary failure" },
	{ { SUBMIT_TEMPORARY, "", "connection refused", NULL }, AUTHZ_PENDING,
	    false, true, "delivery of the challenge mail is delayed: no answer",
	    "temporary failure" },
	{ { SUBMIT_PERMANENT, "550 5.1.1", "550 5.1.1 <b>secret</b>", NULL },
	    AUTHZ_INVALID, false, false,
	    "the challenge mail could not be delivered: 550 5.1.1",
	    "permanent failure" },
	/* AC-119: nothing takes mail for the domain (NXDOMAIN, null MX). */
	{ { SUBMIT_PERMANENT, "550 5.1.2", "550 5.1.2 <secret@example.org>",
	      NULL },
	    AUTHZ_INVALID, false, false,
	    ":dns\",\"detail\":\"no mail exchanger for example.org\"",
	    "permanent failure" },
	{ { SUBMIT_PERMANENT, "556 5.1.10", "556 5.1.10 nullMX", NULL },
	    AUTHZ_INVALID, false, false,
	    ":dns\",\"detail\":\"no mail exchanger for example.org\"",
	    "permanent failure" },
	{ { SUBMIT_TEMPORARY, "450 4.1.2", "450 4.1.2 not now", NULL },
	    AUTHZ_PENDING, false, true,
	    ":connection\",\"detail\":\"delivery of the challenge mail is "
	    "delayed: 450 4.1.2",
	    "temporary failure" },
	/* ER-20: what is ours to say stands where the relay's code would. */
	{ { SUBMIT_PERMANENT, "", "no SMTPUTF8 at mx.ca.example",
	      "the relay does not offer SMTPUTF8" },
	    AUTHZ_INVALID, false, false,
	    "the challenge mail could not be delivered: the relay does not "
	    "offer SMTPUTF8",
	    "permanent failure" },
	/* It may have arrived or not: the same octets once more (ER-10). */
	{ { SUBMIT_UNKNOWN, "", "connection lost", NULL }, AUTHZ_PENDING, false,
	    true, "delivery of the challenge mail is delayed: no answer",
	    "broken off after the data" },
};

static void
test_outcomes(struct job *j)
{
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		const struct authz *a;
		struct audit_row *rows;
		struct role_lab lab;
		size_t count;
		int64_t at;

		unit_case("%zu: %s", i, outcomes[i].answer.answer);
		role_lab_init(&lab, j);
		role_lab_post(&lab);
		lab.answer = outcomes[i].answer;
		unit_log_begin();
		EXPECT(j, sender_step(&lab.sender, j), 1);
		/* A relay that cannot be used is a person's to mend. */
		assert_int_equal(
		    strstr(unit_log_end(), "next=\"see why the relay") != NULL,
		    outcomes[i].answer.outcome == SUBMIT_TEMPORARY &&
			outcomes[i].answer.code[0] != '4');
		a = role_lab_authz(&lab);
		assert_int_equal(authz_status(a, j->now), outcomes[i].authz);
		assert_int_equal(
		    a->challenge.mail_sent_at != 0, outcomes[i].is_sent);
		EXPECT(j, sender_next_due(&lab.sender, j, &at),
		    outcomes[i].is_due);
		if (outcomes[i].error == NULL) {
			assert_null(a->challenge.error);
		} else {
			assert_non_null(
			    strstr(a->challenge.error, outcomes[i].error));
			/* AC-119: the code, not the relay's words. */
			assert_null(strstr(a->challenge.error, "secret"));
		}
		EXPECT(j,
		    store_audit_list(j,
			arena_printf(j->arena, "order:%s", lab.order->id),
			&rows, &count),
		    0);
		assert_int_equal(count, 1);
		assert_string_equal(rows[0].result, outcomes[i].audit);
		/* The next case must find nothing due. */
		fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	}
}

/* --- ER-13 --------------------------------------------------------------- */

static const struct {
	const char *allow, *deny;
	bool is_sent;
} lists[] = {
	{ NULL, NULL, true },
	{ NULL, "example.org", false },
	{ NULL, "mailbox0@example.org", false },
	{ NULL, "mailbox1@example.org", true },
	{ "example.org", NULL, true },
	{ "example.com", NULL, false },
	{ "example.org", "mailbox0@example.org", false },
};

static struct conf_list
list_of(struct job *j, const char *entry)
{
	struct conf_list l = { 0 };

	if (entry != NULL) {
		l.v = arena_calloc(j->arena, 1, sizeof(*l.v));
		l.v[l.n++] = entry;
	}
	return l;
}

static void
test_lists(struct job *j)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct authz *a;
		struct role_lab lab;

		unit_case("%zu", i);
		role_lab_init(&lab, j);
		lab.conf.allow = list_of(j, lists[i].allow);
		lab.conf.deny = list_of(j, lists[i].deny);
		EXPECT(j, sender_step(&lab.sender, j), 1);
		a = role_lab_authz(&lab);
		assert_int_equal(lab.submissions, lists[i].is_sent);
		assert_int_equal(authz_status(a, j->now),
		    lists[i].is_sent ? AUTHZ_PENDING : AUTHZ_INVALID);
		/* Refused: no rendered mail is left either. */
		if (!lists[i].is_sent)
			assert_non_null(strstr(a->challenge.error,
			    ":rejectedIdentifier\",\"detail\":\"this server "
			    "does not issue for the requested identifier\""));
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
		fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	}
}

/* AC-116: the mails of one order leave one after the other. */
static void
test_gap(struct job *j)
{
	struct role_lab lab;
	int64_t at;

	role_lab_init(&lab, j);
	fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	fixture_order(j, lab.account.id, 2);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	EXPECT(j, sender_step(&lab.sender, j), 0);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + 60);
	role_lab_at(&lab, at);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_string_equal(lab.sent_to, "mailbox1@example.org");
}

static void
deactivate(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct authz a;

	EXPECT(j, store_begin(j), 0);
	EXPECT(
	    j, store_authz_lock(j, lab->order->identifiers[0].authz.id, &a), 1);
	EXPECT(j, store_authz_deactivate(j, &a), 0);
	EXPECT(j, store_commit(j), 0);
}

/* AC-105: the authorization ends while the relay is asked.  That is no fault
 * of the sender's, and no further attempt is made. */
static void
test_deactivated_meanwhile(struct job *j)
{
	static const struct submit_result answers[] = {
		{ SUBMIT_ACCEPTED, "250 2.0.0", "250 2.0.0 ok", NULL },
		{ SUBMIT_TEMPORARY, "451 4.3.0", "451 4.3.0 later", NULL },
		{ SUBMIT_PERMANENT, "550 5.1.1", "550 5.1.1 no", NULL },
		{ SUBMIT_UNKNOWN, "", "connection lost", NULL },
		{ SUBMIT_CUT_OFF, "", "no connection", NULL },
	};

	for (size_t i = 0; i < COUNT(answers); i++) {
		struct role_lab lab;

		unit_case("%zu", i);
		role_lab_init(&lab, j);
		lab.answer = answers[i];
		lab.during_submission = deactivate;
		EXPECT(j, sender_step(&lab.sender, j), 1);
		assert_int_equal(lab.submissions, 1);
		lab.during_submission = NULL;
		role_lab_at(&lab, FIXTURE_NOW + 10000);
		EXPECT(j, sender_step(&lab.sender, j), 0);
		assert_int_equal(lab.submissions, 1);
		assert_int_equal(authz_status(role_lab_authz(&lab), j->now),
		    AUTHZ_DEACTIVATED);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
		role_lab_at(&lab, FIXTURE_NOW);
	}
}

/* ER-11: a stop of our own says nothing of the relay.  The client is told of
 * no delay, the audit of no failure, and the next start tries at once. */
static void
test_cut_off(struct job *j)
{
	const struct challenge *c;
	struct audit_row *rows;
	struct role_lab lab;
	struct span first;
	size_t count;
	int64_t at;

	role_lab_init(&lab, j);
	role_lab_post(&lab);
	lab.answer = (struct submit_result){ SUBMIT_CUT_OFF, "",
		"relay.test port 25: Connection timed out", NULL };
	EXPECT(j, sender_step(&lab.sender, j), 1);
	first = lab.sent;
	c = &role_lab_authz(&lab)->challenge;
	assert_null(c->error);
	assert_int_equal(c->mail_attempts, 0);
	EXPECT(j,
	    store_audit_list(j,
		arena_printf(j->arena, "order:%s", lab.order->id), &rows,
		&count),
	    0);
	assert_int_equal(count, 0);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
	assert_int_equal(at, j->now);
	lab.answer =
	    (struct submit_result){ SUBMIT_ACCEPTED, "250", "250", NULL };
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_true(span_eq(lab.sent, first));
	assert_int_equal(role_lab_authz(&lab)->challenge.mail_attempts, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pauses),
	cmocka_unit_test(test_answer),
	STORE_TEST(test_accepted),
	STORE_TEST(test_retries),
	STORE_TEST(test_account_ends),
	STORE_TEST(test_account_ended),
	STORE_TEST(test_held_back),
	STORE_TEST(test_binding_forbids),
	STORE_TEST(test_smime),
	STORE_TEST(test_smime_unfit),
	STORE_TEST(test_no_attempt_after_end),
	STORE_TEST(test_outcomes),
	STORE_TEST(test_cut_off),
	STORE_TEST(test_lists),
	STORE_TEST(test_gap),
	STORE_TEST(test_deactivated_meanwhile),
};

UNIT_MAIN(tests)
