/* Challenge mails: lease, spool, what became of them, who comes next. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/store_outbox.h"
#include "db/store_private.h"
#include "db/store_reply.h"
#include "lib/count.h"

static const char problem[] =
    "{\"type\":\"urn:ietf:params:acme:error:connection\"}";

static int
lease(struct job *j, struct outbox_mail *mail)
{
	int found;

	EXPECT(j, store_begin(j), 0);
	found = store_outbox_lease(j, j->now + 300, mail);
	EXPECT(j, store_commit(j), 0);
	return found;
}

static const struct challenge *
challenge(struct job *j, const struct order *o, size_t i)
{
	return &fixture_authz(j, o, i)->challenge;
}

static const char *
challenge_id(const struct order *o, size_t i)
{
	return o->identifiers[i].authz.challenge.id;
}

/* AC-117, ER-9, ER-10 */
static void
test_lease(struct job *j)
{
	struct order *o;
	const struct authz *a;
	struct outbox_mail mail;
	int64_t at;

	EXPECT(j, store_outbox_next_due(j, &at), 0);
	assert_int_equal(lease(j, &mail), 0);
	o = fixture_order(j, fixture_account(j), 1);
	a = &o->identifiers[0].authz;
	EXPECT(j, store_outbox_next_due(j, &at), 1);
	assert_int_equal(at, j->now);
	assert_int_equal(lease(j, &mail), 1);
	assert_string_equal(mail.challenge_id, a->challenge.id);
	assert_string_equal(mail.authz_id, a->id);
	assert_string_equal(mail.order_id, o->id);
	assert_string_equal(mail.mailbox, "mailbox0@example.org");
	assert_string_equal(mail.from, a->challenge.from);
	assert_string_equal(mail.message_id, a->challenge.message_id);
	assert_string_equal(mail.language, "de");
	assert_true(span_eq(mail.token_part1, a->challenge.token_part1));
	assert_int_equal(mail.message.n, 0);
	assert_int_equal(mail.created_at, FIXTURE_NOW);
	assert_int_equal(mail.expires_at, a->expires_at);
	assert_int_equal(mail.attempts, 1);

	/* taken; free again when the lease has ended */
	assert_int_equal(lease(j, &mail), 0);
	EXPECT(j, store_outbox_next_due(j, &at), 1);
	assert_int_equal(at, j->now + 300);
	j->now += 299;
	assert_int_equal(lease(j, &mail), 0);
	j->now++;
	assert_int_equal(lease(j, &mail), 1);
	assert_int_equal(mail.attempts, 2);
	assert_int_equal(challenge(j, o, 0)->mail_attempts, 2);
}

/* Not due before its time, and not after its challenge has expired. */
static void
test_due(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	int64_t expires = o->identifiers[0].authz.expires_at, at;
	struct outbox_mail mail;

	j->now--;
	assert_int_equal(lease(j, &mail), 0);
	EXPECT(j, store_outbox_next_due(j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW);
	j->now = expires;
	assert_int_equal(lease(j, &mail), 0);
	EXPECT(j, store_outbox_next_due(j, &at), 0);
	j->now = expires - 1;
	assert_int_equal(lease(j, &mail), 1);
}

/* ER-10, AC-118: the same octets for every attempt. */
static void
test_spool(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const char *id = challenge_id(o, 0);
	struct span octets = SPAN("Subject: x\r\n\r\n\0\xff"
				  "body\r\n");
	struct outbox_mail mail;

	assert_int_equal(lease(j, &mail), 1);
	COMMITTED(j, store_outbox_spool(j, id, octets));
	REFUSED(j, store_outbox_spool(j, id, SPAN("different")), ERR_CONFLICT);
	COMMITTED(
	    j, store_outbox_retry(j, id, j->now + 60, "451 4.3.0", problem));
	j->now += 60;
	assert_int_equal(lease(j, &mail), 1);
	assert_true(span_eq(mail.message, octets));
	assert_int_equal(mail.attempts, 2);
	COMMITTED(j, store_outbox_sent(j, id, "250", 60));
	REFUSED(j, store_outbox_spool(j, id, octets), ERR_CONFLICT);
}

/* ER-11, AC-119 */
static void
test_retry(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const char *id = challenge_id(o, 0);
	struct outbox_mail mail;
	struct authz out;
	int64_t at;

	assert_int_equal(lease(j, &mail), 1);
	COMMITTED(
	    j, store_outbox_retry(j, id, j->now + 60, "451 4.3.0", problem));
	EXPECT(j, store_outbox_next_due(j, &at), 1);
	assert_int_equal(at, j->now + 60);
	assert_string_equal(challenge(j, o, 0)->mail_error, "451 4.3.0");
	assert_string_equal(challenge(j, o, 0)->error, problem);
	assert_int_equal(challenge(j, o, 0)->mail_due_at, j->now + 60);
	/* a POST does not shorten the pause */
	COMMITTED(j, store_challenge_post(j, id, 1, &out));
	assert_int_equal(lease(j, &mail), 0);
	j->now += 60;
	assert_int_equal(lease(j, &mail), 1);
	COMMITTED(j, store_outbox_sent(j, id, "250 2.0.0 queued", 60));
	/* the delay is history */
	assert_null(challenge(j, o, 0)->error);
	assert_string_equal(
	    challenge(j, o, 0)->relay_answer, "250 2.0.0 queued");
	assert_int_equal(challenge(j, o, 0)->mail_sent_at, j->now);
	EXPECT(j, store_outbox_next_due(j, &at), 0);
	j->now += 10000;
	assert_int_equal(lease(j, &mail), 0);
}

/* ER-11: for good, whatever the order of things. */
static void
test_failed(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);
	struct outbox_mail mail;
	struct order *back;

	assert_int_equal(lease(j, &mail), 1);
	COMMITTED(j, store_outbox_failed(j, challenge_id(o, 0),
			 "550 5.1.1 no such user \xfc", problem));
	back = fixture_reread(j, o);
	assert_int_equal(back->failed_at, j->now);
	assert_string_equal(back->error, problem);
	assert_int_equal(back->identifiers[0].authz.failed_at, j->now);
	assert_int_equal(
	    back->identifiers[0].authz.challenge.failed_at, j->now);
	assert_string_equal(
	    back->identifiers[0].authz.challenge.error, problem);
	assert_string_equal(back->identifiers[0].authz.challenge.relay_answer,
	    "550 5.1.1 no such user \xef\xbf\xbd");
	assert_int_equal(back->identifiers[1].authz.deactivated_at, j->now);
	j->now += 10000;
	assert_int_equal(lease(j, &mail), 0);
}

enum meanwhile { REPLY_RIGHT, REPLY_WRONG, ORDER_FAILED, CLOCK };
enum report { SENT, RETRY, FAILED };

/* What ends while the sender holds the mail: the fact is noted where there is
 * one, and changes nothing else. */
static void
test_ended_meanwhile(struct job *j)
{
	static const struct {
		enum meanwhile meanwhile;
		enum report report;
		enum err_kind kind;
	} cases[] = {
		{ REPLY_RIGHT, SENT, ERR_NONE },
		{ REPLY_RIGHT, RETRY, ERR_CONFLICT },
		{ REPLY_RIGHT, FAILED, ERR_NONE },
		{ REPLY_WRONG, SENT, ERR_NONE },
		{ REPLY_WRONG, RETRY, ERR_CONFLICT },
		{ REPLY_WRONG, FAILED, ERR_NONE },
		{ ORDER_FAILED, SENT, ERR_NONE },
		{ ORDER_FAILED, RETRY, ERR_CONFLICT },
		{ ORDER_FAILED, FAILED, ERR_NONE },
		{ CLOCK, SENT, ERR_NONE },
		{ CLOCK, RETRY, ERR_NONE },
		{ CLOCK, FAILED, ERR_NONE },
	};
	const char *account = fixture_account(j);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct order *o, *before, *after;
		const char *id;
		struct outbox_mail mail;
		struct reply_record r = { .source = "s",
			.br_version = "1.0.16",
			.uid = (int64_t)i + 1,
			.verdict = cases[i].meanwhile == REPLY_RIGHT
				       ? VERDICT_MATCH
				       : VERDICT_MISMATCH,
			.error = "{}" };
		enum verdict applied;
		int result = 0;

		unit_case(
		    "%d %d", (int)cases[i].meanwhile, (int)cases[i].report);
		j->now = FIXTURE_NOW;
		o = fixture_order(j, account, 1);
		id = challenge_id(o, 0);
		assert_int_equal(lease(j, &mail), 1);
		j->now++;
		r.arrival = j->now;
		r.challenge_id = id;
		if (cases[i].meanwhile == ORDER_FAILED)
			COMMITTED(j, store_order_fail(j, o->id, "{}"));
		else if (cases[i].meanwhile == CLOCK)
			j->now = o->identifiers[0].authz.expires_at;
		else
			COMMITTED(j, store_reply_record(j, &r, 1, &applied));
		before = fixture_reread(j, o);
		j->now++;
		EXPECT(j, store_begin(j), 0);
		switch (cases[i].report) {
		case SENT:
			result = store_outbox_sent(j, id, "250", 60);
			break;
		case RETRY:
			result =
			    store_outbox_retry(j, id, j->now + 1, "4", problem);
			break;
		case FAILED:
			result = store_outbox_failed(j, id, "550", problem);
			break;
		}
		assert_int_equal(result, cases[i].kind == ERR_NONE ? 0 : -1);
		assert_job_error(j, cases[i].kind, NULL);
		job_recover(j);
		if (result == 0)
			EXPECT(j, store_commit(j), 0);
		else
			store_rollback(j);
		after = fixture_reread(j, o);
		assert_int_equal(after->failed_at, before->failed_at);
		assert_int_equal(after->identifiers[0].authz.failed_at,
		    before->identifiers[0].authz.failed_at);
		assert_int_equal(
		    after->identifiers[0].authz.challenge.mail_sent_at,
		    cases[i].report == SENT ? j->now : 0);
		assert_int_equal(lease(j, &mail), 0);
		if (cases[i].report == SENT)
			REFUSED(j, store_outbox_sent(j, id, "250", 60),
			    ERR_CONFLICT);
	}
	REFUSED(j, store_outbox_sent(j, "absent", "250", 60), ERR_CONFLICT);
	REFUSED(
	    j, store_outbox_failed(j, "absent", "550", problem), ERR_CONFLICT);
	REFUSED(
	    j, store_outbox_retry(j, "absent", 1, "4", problem), ERR_CONFLICT);
	REFUSED(j, store_outbox_spool(j, "absent", SPAN("x")), ERR_CONFLICT);
}

/* --- several mailboxes (ER-4, AC-116) ------------------------------------ */

static void
match(struct job *j, const struct order *o, size_t i)
{
	static int64_t uid = 1000;
	struct reply_record r = { .source = "s",
		.br_version = "1.0.16",
		.uid = ++uid,
		.challenge_id = challenge_id(o, i),
		.arrival = j->now,
		.verdict = VERDICT_MATCH };
	enum verdict applied;

	COMMITTED(j, store_reply_record(j, &r, 1, &applied));
	assert_int_equal(applied, VERDICT_MATCH);
}

static void
send_it(struct job *j, const struct order *o, size_t i)
{
	struct outbox_mail mail;

	assert_int_equal(lease(j, &mail), 1);
	assert_string_equal(mail.challenge_id, challenge_id(o, i));
	COMMITTED(j, store_outbox_sent(j, mail.challenge_id, "250", 60));
}

/* One after the other: 60 s after the one before was sent. */
static void
test_gap(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 3);
	struct outbox_mail mail;
	int64_t at;

	for (size_t i = 0; i < 3; i++) {
		unit_case("mail %zu", i);
		send_it(j, o, i);
		assert_int_equal(lease(j, &mail), 0);
		if (i == 2)
			break;
		EXPECT(j, store_outbox_next_due(j, &at), 1);
		assert_int_equal(at, j->now + 60);
		j->now += 59;
		assert_int_equal(lease(j, &mail), 0);
		j->now++;
	}
	EXPECT(j, store_outbox_next_due(j, &at), 0);
}

/* … or at the verdict on the one before. */
static void
test_verdict_releases(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 3);
	struct outbox_mail mail;

	send_it(j, o, 0);
	j->now += 5;
	j->wake = 0;
	match(j, o, 0);
	assert_true(j->wake & 1u << ROLE_SENDER);
	send_it(j, o, 1);
	assert_int_equal(lease(j, &mail), 0);
	j->now += 5;
	match(j, o, 1);
	send_it(j, o, 2);
}

/* The reply was quicker than the relay's answer: no gap is added. */
static void
test_verdict_before_sent(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);
	struct outbox_mail mail;

	assert_int_equal(lease(j, &mail), 1);
	match(j, o, 0);
	COMMITTED(j, store_outbox_sent(j, challenge_id(o, 0), "250", 60));
	send_it(j, o, 1);
}

/* A POST overrides the wait, and what comes next counts from there. */
static void
test_post_overrides(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 3);
	struct outbox_mail mail;
	struct authz out;

	send_it(j, o, 0);
	j->wake = 0;
	COMMITTED(j, store_challenge_post(j, challenge_id(o, 2), 1, &out));
	assert_true(j->wake & 1u << ROLE_SENDER);
	send_it(j, o, 2);
	assert_int_equal(lease(j, &mail), 0);
	j->now += 1;
	match(j, o, 0);
	send_it(j, o, 1);
	j->now += 10000;
	assert_int_equal(lease(j, &mail), 0);
}

/* AC-116: at once, before the delay has passed; once. */
static void
test_post_makes_due(struct job *j)
{
	struct order *o;
	struct outbox_mail mail;
	struct authz out;

	o = fixture_order(j, fixture_account(j), 1);
	fixture_sql(j, "UPDATE outbox SET due_at = due_at + 5");
	assert_int_equal(lease(j, &mail), 0);
	COMMITTED(j, store_challenge_post(j, challenge_id(o, 0), 1, &out));
	assert_int_equal(out.challenge.mail_due_at, j->now);
	assert_int_equal(lease(j, &mail), 1);
	/* AC-118: ten POSTs, one mail */
	for (int i = 0; i < 10; i++) {
		j->now++;
		COMMITTED(
		    j, store_challenge_post(j, challenge_id(o, 0), 1, &out));
		assert_int_equal(lease(j, &mail), 0);
	}
	assert_int_equal(out.challenge.posted_at, FIXTURE_NOW);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_lease),
	STORE_TEST(test_due),
	STORE_TEST(test_spool),
	STORE_TEST(test_retry),
	STORE_TEST(test_failed),
	STORE_TEST(test_ended_meanwhile),
	STORE_TEST(test_gap),
	STORE_TEST(test_verdict_releases),
	STORE_TEST(test_verdict_before_sent),
	STORE_TEST(test_post_overrides),
	STORE_TEST(test_post_makes_due),
};

UNIT_MAIN(tests)
