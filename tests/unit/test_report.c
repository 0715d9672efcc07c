/*
 * Problem reports (PK-184): number, the moment that they came, answer and
 * decision by mail, the deadline of table 15.1, the alarms; mails that come
 * back.
 */
#include "config.h"

#include "tests/unit/pki_lab.h"
#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/report.h"
#include "acme/revoke.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_notice.h"
#include "db/store_report.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "mail/notice.h"
#include "pki/der.h"
#include "pki/key_proof.h"
#include "pki/oid.h"
#include "src/report_change.h"

#define HOUR INT64_C(3600)

/* The lab's order got a certificate. */
static void
start(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	role_lab_cert(lab, FIXTURE_NOW + 8640000);
}

static int64_t
enter(struct job *j, int64_t received_at)
{
	struct report r = { .reporter = "eve@else.example",
		.text = "The key is on a web page.",
		.cert_id = "c1",
		.received_at = received_at,
		.entered_by = "operator:one" };

	COMMITTED(j, report_enter(j, &r));
	return r.number;
}

/* PK-184: 12 hours after it came, 24, then every day; it may have been entered
 * late. */
static void
test_moments(void **state)
{
	static const struct {
		int64_t now, at;
	} rows[] = {
		{ 0, 12 },
		{ 11, 12 },
		{ 12, 24 },
		{ 23, 24 },
		{ 24, 48 },
		{ 47, 48 },
		{ 49, 72 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		assert_int_equal(report_next_alarm(FIXTURE_NOW,
				     FIXTURE_NOW + rows[i].now * HOUR),
		    FIXTURE_NOW + rows[i].at * HOUR);
	}
}

/* PK-184: numbers count; the one with the least time left is first. */
static void
test_numbers(struct job *j)
{
	const char *const words = "no";
	const struct report_decision none = { .words = words };
	struct report *list, r;
	size_t count;

	fixture_account(j);
	assert_int_equal(enter(j, FIXTURE_NOW), 1);
	assert_int_equal(enter(j, FIXTURE_NOW - 20 * HOUR), 2);
	assert_int_equal(enter(j, FIXTURE_NOW - 40 * HOUR), 3);
	EXPECT(j,
	    store_report_list(j, false, REPORT_ANSWER_SECS, 10, &list, &count),
	    0);
	assert_int_equal(count, 3);
	assert_int_equal(list[0].number, 3);
	assert_int_equal(list[1].number, 2);
	assert_int_equal(list[1].received_at, FIXTURE_NOW - 20 * HOUR);
	assert_int_equal(list[1].entered_at, FIXTURE_NOW);
	assert_int_equal(list[2].number, 1);
	/* What has been done needs no time. */
	EXPECT(j, report_decide(j, 3, "operator:one", &none, &r), 0);
	EXPECT(j, report_answer(j, 3, "operator:one", words), 0);
	EXPECT(j,
	    store_report_list(j, false, REPORT_ANSWER_SECS, 10, &list, &count),
	    0);
	assert_int_equal(list[0].number, 2);
	EXPECT(j, report_close(j, 3, "operator:one"), 0);
	EXPECT(j,
	    store_report_list(j, false, REPORT_ANSWER_SECS, 10, &list, &count),
	    0);
	assert_int_equal(count, 2);
	EXPECT(j, store_report_list(j, true, 0, 10, &list, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(list[0].closed_at, FIXTURE_NOW);
}

static void
expect_alarms(struct job *j, int64_t due, int64_t overdue)
{
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE actor = "
			     "'issuer' AND result = 'due'"),
	    due);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE actor = "
			     "'issuer' AND result = 'overdue'"),
	    overdue);
}

/* PK-184: an alarm at 12 hours, and when it is overdue, until it is answered
 * and decided. */
static void
test_alarms(struct job *j)
{
	const struct report_decision none = { .words = "no" };
	struct role_lab lab;
	struct report r;
	int64_t at;

	start(&lab, j);
	enter(j, FIXTURE_NOW - HOUR);
	EXPECT(j, issuer_report_step(j), 0);
	EXPECT(j, store_report_next_due(j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + 11 * HOUR);
	role_lab_at(&lab, at);
	EXPECT(j, issuer_report_step(j), 1);
	expect_alarms(j, 1, 0);
	EXPECT(j, issuer_report_step(j), 0);
	EXPECT(j, report_answer(j, 1, "operator:one", "We look at it."), 0);
	role_lab_at(&lab, FIXTURE_NOW + 23 * HOUR);
	EXPECT(j, issuer_report_step(j), 1);
	expect_alarms(j, 1, 1);
	EXPECT(j, report_decide(j, 1, "operator:one", &none, &r), 0);
	EXPECT(j, store_report_next_due(j, &at), 0);
	role_lab_at(&lab, FIXTURE_NOW + 1000 * HOUR);
	EXPECT(j, issuer_report_step(j), 0);
	expect_alarms(j, 1, 1);
}

/* PK-184: the preliminary answer, then the decision, to the reporter and to the
 * mailbox of the certificate: the operator's words, nothing of the report. */
static void
test_mails(struct job *j)
{
	struct report_decision d = { .cause = "terms", .words = "It goes." };
	struct role_lab lab;
	struct incident i;
	struct report r;
	int reporter = 0, subscriber = 0;
	int64_t progress[2];

	start(&lab, j);
	enter(j, FIXTURE_NOW - HOUR);
	EXPECT(j, report_answer(j, 1, "operator:one", "Seen: <b> & so on."), 0);
	for (int n = 1; n <= 2; n++) {
		EXPECT(j, sender_step(&lab.sender, j), 1);
		assert_int_equal(lab.submissions, n);
		reporter += strcmp(lab.sent_to, "eve@else.example") == 0;
		subscriber += strcmp(lab.sent_to, "mailbox0@example.org") == 0;
		assert_true(span_has_str(lab.sent,
		    "Subject: Problem report 1: preliminary answer\r\n"));
		assert_true(span_has_str(lab.sent, "Seen: <b> & so on."));
		assert_true(
		    span_has_str(lab.sent, "Seen: &lt;b&gt; &amp; so on."));
		assert_false(span_has_str(lab.sent, "web page"));
	}
	assert_int_equal(reporter, 1);
	assert_int_equal(subscriber, 1);
	EXPECT(j, sender_step(&lab.sender, j), 0);
	assert_int_equal(report_answer(j, 1, "operator:one", "again"), -1);
	assert_job_error(j, ERR_MALFORMED, "report 1 has been answered");
	job_recover(j);

	EXPECT(j, report_decide(j, 1, "operator:one", &d, &r), 0);
	/* PK-185: five days, from when the report came. */
	assert_int_equal(r.deadline, FIXTURE_NOW + 119 * HOUR);
	EXPECT(j, store_incident_by_id(j, r.incident_id, &i), 1);
	assert_int_equal(i.deadline, r.deadline);
	assert_int_equal(i.reason, 9);
	assert_int_equal(i.cert_count, 1);
	role_lab_at(&lab, r.deadline);
	while (issuer_incident_step(&lab.issuer, j) == 1)
		continue;
	EXPECT(
	    j, store_incident_progress(j, i.id, &progress[0], &progress[1]), 0);
	assert_int_equal(progress[0], 1);
	EXPECT(j, report_close(j, 1, "operator:two"), 0);
}

/* A report with a proof, as web writes it, of the key of the certificate. */
static void
enter_proven(struct job *j, struct span evidence, const struct key_hash *key)
{
	struct report r = { .text = "The key is compromised.",
		.spki_sha256 = key->spki_sha256,
		.bare_sha256 = key->bare_sha256,
		.received_at = j->now,
		.entered_by = "key",
		.alarm_at = j->now,
		.proof_kind = KEY_PROOF_REQUEST,
		.proof = evidence };

	COMMITTED(j, store_report_add(j, &r));
}

static struct span
proof_of(struct job *j, struct key_proof *out)
{
	EVP_PKEY *key = lab_key(KEY_TYPE_P256, 0);
	struct lab_csr c = lab_csr(j, key, "alice@example.com");
	struct span der;

	c.rdns =
	    lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING, SPAN(KEY_PROOF_NAME));
	der = lab_csr_make(j, &c);
	EXPECT(j, key_proof_request(j, der, out), 0);
	return der;
}

static void
give_hash(struct job *j, const char *column, struct span hash)
{
	fixture_sql(j,
	    arena_printf(j->arena,
		fixture_is_pgsql() ? "UPDATE cert SET %s = decode('%s', 'hex')"
				   : "UPDATE cert SET %s = x'%s'",
		column, hex_dup(j->arena, hash)));
}

/* The certificate's key. */
static void
give_key(struct job *j, struct span spki_sha256)
{
	give_hash(j, "spki_sha256", spki_sha256);
}

static void
give_bare_key(struct job *j, struct span bare_sha256)
{
	give_hash(j, "bare_sha256", bare_sha256);
}

/* What web does when it writes the row. */
static void
act_as_web(struct job *j, const struct key_hash *key)
{
	const struct revocation how = { REASON_KEY_COMPROMISE, "key",
		SPAN("proof") };
	struct revoked_sum sum;

	COMMITTED(j, revoke_key(j, key, &how, "report", &sum));
	assert_int_equal(sum.count, 1);
	assert_false(sum.goes_on);
}

static void
expect_acted(struct job *j, const struct key_hash *key, const char *by)
{
	struct cert c;

	EXPECT(j, store_key_is_blocked(j, key, NULL), 1);
	EXPECT(j, store_key_is_certified(j, key), 0);
	EXPECT(j, store_cert_by_id(j, "c1", NULL, &c), 1);
	assert_int_equal(c.revoked_at, FIXTURE_NOW);
	assert_int_equal(c.reason, REASON_KEY_COMPROMISE);
	assert_string_equal(c.revoked_by, by);
}

/* A report about this key whose proof an operator has verified. */
static void
settle(struct job *j, const struct key_hash *key)
{
	struct report r = { .text = "The key is compromised.",
		.spki_sha256 = key->spki_sha256,
		.bare_sha256 = key->bare_sha256,
		.received_at = j->now,
		.entered_by = "operator:one",
		.proof_kind = KEY_PROOF_PRIVATE };

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_report_add(j, &r), 0);
	EXPECT(j, report_settle(j, &r, "operator:one"), 0);
	EXPECT(j, store_commit(j), 0);
}

/* PK-184, PK-77: the issuer verifies the proof once more; then no person is
 * needed, and the subscriber is told. */
static void
test_proof_settles(struct job *j)
{
	struct role_lab lab;
	struct key_hash key;
	struct key_proof p;
	struct span der;
	struct report r;

	start(&lab, j);
	der = proof_of(j, &p);
	key = report_proof_key(&p);
	give_key(j, key.spki_sha256);
	act_as_web(j, &key);
	enter_proven(j, der, &key);
	unit_log_begin();
	EXPECT(j, issuer_report_step(j), 1);
	assert_null(strstr(unit_log_end(), "not acted upon"));
	EXPECT(j, issuer_report_step(j), 0);
	expect_acted(j, &key, "key");
	EXPECT(j, store_report_by_number(j, 1, &r), 1);
	assert_int_equal(r.closed_at, FIXTURE_NOW);
	assert_string_equal(r.closed_by, "issuer");
	assert_string_equal(r.decision, REPORT_REVOKE);
	assert_string_equal(r.cause, "key-compromise");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					  "event = 'problem report' AND actor "
					  "= 'issuer' AND result = 'proven'"),
	    1);
	expect_alarms(j, 0, 0);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_string_equal(lab.sent_to, "mailbox0@example.org");
	assert_true(
	    span_has_str(lab.sent, "Subject: Problem report 1: decision"));
	assert_true(span_has_str(lab.sent, "make a new key"));
	EXPECT(j, sender_step(&lab.sender, j), 0);
	/* Whoever writes the same proof again causes no mail. */
	enter_proven(j, der, &key);
	EXPECT(j, issuer_report_step(j), 1);
	EXPECT(j, store_report_by_number(j, 2, &r), 1);
	assert_int_equal(r.closed_at, FIXTURE_NOW);
	EXPECT(j, sender_step(&lab.sender, j), 0);
}

/* PK-181: a report with a good proof, by somebody who wrote that row alone:
 * what is left out is done, in the same transaction, and called an error. */
static void
test_proof_not_acted_upon(struct job *j)
{
	static const char *const left_out[] = {
		"DELETE FROM blocked_key",
		"UPDATE cert SET revoked_at = 0",
		"DELETE FROM blocked_key; UPDATE cert SET revoked_at = 0",
	};
	struct role_lab lab;
	struct key_hash key;
	struct key_proof p;
	struct report r;
	struct span der;

	start(&lab, j);
	der = proof_of(j, &p);
	key = report_proof_key(&p);
	give_key(j, key.spki_sha256);
	act_as_web(j, &key);
	for (size_t i = 0; i < COUNT(left_out); i++) {
		unit_case("%zu", i);
		fixture_sql(j, left_out[i]);
		enter_proven(j, der, &key);
		unit_log_begin();
		EXPECT(j, issuer_report_step(j), 1);
		assert_non_null(strstr(unit_log_end(), "not acted upon"));
		expect_acted(j, &key, i == 0 ? "key" : "issuer");
		EXPECT(j, store_report_by_number(j, (int64_t)i + 1, &r), 1);
		assert_int_equal(r.closed_at, FIXTURE_NOW);
	}
	/* PK-19: by whom, for each of them. */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					  "event = 'key blocked' AND actor = "
					  "'issuer'"),
	    3);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					  "event = 'certificate revoked' AND "
					  "actor = 'issuer'"),
	    2);
}

/* AC-158, PK-181: web has blocked a key of more certificates than it revokes
 * at once, and left the others to the issuer: that is acted upon. */
static void
test_proof_with_many(struct job *j)
{
	const struct revocation how = { REASON_KEY_COMPROMISE, "key",
		SPAN("proof") };
	struct revoked_sum sum;
	struct role_lab lab;
	struct key_hash key;
	struct key_proof p;
	struct span der;
	struct report r;

	role_lab_init(&lab, j);
	fixture_certs(j, lab.order->account_id, "600");
	der = proof_of(j, &p);
	key = report_proof_key(&p);
	give_key(j, key.spki_sha256);
	COMMITTED(j, revoke_key(j, &key, &how, "report", &sum));
	assert_true(sum.goes_on);
	enter_proven(j, der, &key);
	unit_log_begin();
	EXPECT(j, issuer_report_step(j), 1);
	assert_null(strstr(unit_log_end(), "not acted upon"));
	EXPECT(j, store_report_by_number(j, 1, &r), 1);
	assert_int_equal(r.closed_at, FIXTURE_NOW);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					  "event = 'key blocked'"),
	    1);
	/* The issuer goes on with what is left, in web's name. */
	EXPECT(j, store_key_is_certified(j, &key), 1);
	EXPECT(j, issuer_key_step(j), 1);
	expect_acted(j, &key, "key");
}

/* PK-76: the certificate has another encoding of the key, as RSA keys with
 * another exponent are; a second one that is proven causes no mail. */
static void
test_proof_of_bare_key(struct job *j)
{
	struct role_lab lab;
	struct key_hash key, other;
	struct key_proof p;
	struct span der;

	start(&lab, j);
	der = proof_of(j, &p);
	key = report_proof_key(&p);
	give_bare_key(j, key.bare_sha256);
	other = (struct key_hash){ SPAN("another"), key.bare_sha256 };
	/* A row whose proof does not hold, of before. */
	enter_proven(j, SPAN("no proof"), &key);
	EXPECT(j, issuer_report_step(j), 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM notice"), 0);
	enter_proven(j, der, &key);
	EXPECT(j, issuer_report_step(j), 1);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_string_equal(lab.sent_to, "mailbox0@example.org");
	assert_true(
	    span_has_str(lab.sent, "Subject: Problem report 2: decision"));
	EXPECT(j, sender_step(&lab.sender, j), 0);
	settle(j, &other);
	EXPECT(j, sender_step(&lab.sender, j), 0);
}

/* A proof of another key, of none, and of a kind that does not exist: whoever
 * can write rows is found out, and a person has to look. */
static void
test_forged_proof(struct job *j)
{
	static const char *const forgeries[] = {
		"UPDATE report SET proof_kind = 'signature'",
		"UPDATE report SET proof_kind = 'private key'",
		"UPDATE report SET proof_kind = 'request', proof = NULL",
	};
	struct role_lab lab;
	struct key_proof p;
	struct span der;
	struct report r;

	start(&lab, j);
	der = proof_of(j, &p);
	enter_proven(j, der, KEY_BY_SPKI(SPAN("another key's")));
	for (size_t i = 0; i <= COUNT(forgeries); i++) {
		unit_case("%zu", i);
		EXPECT(j, issuer_report_step(j), 1);
		EXPECT(j, store_report_by_number(j, 1, &r), 1);
		assert_int_equal(r.closed_at, 0);
		assert_int_equal(r.answered_at, 0);
		assert_int_equal(r.alarm_at, FIXTURE_NOW + 12 * HOUR);
		expect_alarms(j, (int64_t)i + 1, 0);
		if (i == COUNT(forgeries))
			break;
		fixture_sql(j, arena_printf(j->arena, "%s, alarm_at = %lld",
				   forgeries[i], (long long)FIXTURE_NOW));
	}
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM notice"), 0);
}

/* PK-184: mistakes change nothing. */
static void
test_mistakes(struct job *j)
{
	struct report_decision d = { .cause = "none such", .words = "x" };
	struct role_lab lab;
	struct report r;

	start(&lab, j);
	enter(j, FIXTURE_NOW);
	assert_int_equal(report_answer(j, 2, "o", "x"), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	assert_int_equal(report_close(j, 1, "o"), -1);
	assert_job_error(
	    j, ERR_MALFORMED, "report 1 must be answered and decided first");
	job_recover(j);
	assert_int_equal(report_decide(j, 1, "o", &d, &r), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	/* Nothing is left to revoke. */
	fixture_sql(j, "UPDATE cert SET revoked_at = 5");
	d.cause = "terms";
	assert_int_equal(report_decide(j, 1, "o", &d, &r), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM incident"), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM notice"), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM report "
					  "WHERE decided_at = 0"),
	    1);
}

/* PK-184, PK-185, MA-106: a mail that came back is noted once, by its
 * Message-ID and the address that it gave for that, and changes no order. */
static void
come_back(struct job *j, const char *reply_to, const char *later)
{
	struct role_lab lab;
	struct notice_counts n;
	const char *about, *id, *to;

	start(&lab, j);
	lab.conf.sender.reply_to = reply_to;
	enter(j, FIXTURE_NOW);
	EXPECT(j, report_answer(j, 1, "operator:one", "We look at it."), 0);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	EXPECT(j, sender_step(&lab.sender, j), 1);
	to = reply_to != NULL ? reply_to : lab.conf.sender.from;
	assert_string_equal(lab.sent_from, to);
	lab.conf.sender.reply_to = later;
	about = notice_of_report(j, 1, NOTICE_ANSWER);
	id = notice_message_id(j, &(struct notice_input){ .about = about,
				      .mailbox = "eve@else.example",
				      .from = lab.conf.sender.from });
	/* to somebody else; delayed; about another mail */
	role_lab_take(
	    &lab, role_lab_report(&lab, "x@ca.example", "failed", "5.1.1", id));
	role_lab_take(&lab, role_lab_report(&lab, to, "delayed", "4.4.1", id));
	role_lab_take(&lab,
	    role_lab_report(&lab, to, "failed", "5.1.1", "<a@ca.example>"));
	EXPECT(j, store_notice_count(j, about, &n), 0);
	assert_int_equal(n.bounced, 0);
	for (int i = 0; i < 2; i++) {
		role_lab_take(
		    &lab, role_lab_report(&lab, to, "failed", "5.1.1", id));
		EXPECT(j, store_notice_count(j, about, &n), 0);
		assert_int_equal(n.sent, 2);
		assert_int_equal(n.bounced, 1);
	}
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'notice bounced'"),
	    1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM orders "
					  "WHERE failed_at > 0"),
	    0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM challenge "
					  "WHERE failed_at > 0"),
	    0);
}

static void
test_bounce(struct job *j)
{
	come_back(j, NULL, NULL);
}

/* Decision 64 */
static void
test_bounce_at_reply_to(struct job *j)
{
	come_back(j, "acme@replies.example", "acme@replies.example");
}

/* sender.reply_to was set since. */
static void
test_bounce_at_former(struct job *j)
{
	come_back(j, NULL, "acme@replies.example");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_moments),
	STORE_TEST(test_numbers),
	STORE_TEST(test_alarms),
	STORE_TEST(test_mails),
	STORE_TEST(test_proof_settles),
	STORE_TEST(test_proof_not_acted_upon),
	STORE_TEST(test_proof_with_many),
	STORE_TEST(test_proof_of_bare_key),
	STORE_TEST(test_forged_proof),
	STORE_TEST(test_mistakes),
	STORE_TEST(test_bounce),
	STORE_TEST(test_bounce_at_reply_to),
	STORE_TEST(test_bounce_at_former),
};

UNIT_MAIN(tests)
