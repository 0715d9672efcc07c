/*
 * The notice that a certificate can be renewed (PK-191): when the window opens,
 * to mailboxes whose holders must answer a mail again, once, in the reader's
 * language, whatever happens.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <inttypes.h>
#include <time.h>

#include "acme/renewal.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "db/store_private.h"
#include "db/store_renewal.h"
#include "db/store_suppressed.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "src/sender_renewal.h"

#define DAY INT64_C(86400)
#define LIFE (90 * DAY)
#define NOT_AFTER (FIXTURE_NOW + LIFE - 1)
/* A third less half a fiftieth before the end. */
#define OPENS (NOT_AFTER - LIFE / 3 - LIFE / 100)
#define MAILBOX "mailbox0@example.org"

/* The lab's order got a certificate, and its authorization has ended. */
static void
make_cert(struct role_lab *lab)
{
	struct job *j = lab->j;

	role_lab_cert(lab, NOT_AFTER);
	fixture_sql(
	    j, arena_printf(j->arena, "UPDATE cert SET notice_at = %" PRId64,
		   renewal_opens_at(FIXTURE_NOW, NOT_AFTER)));
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE orders SET language = 'de', cert_id = 'c1', "
			   "cert_not_after = %" PRId64,
			   (int64_t)NOT_AFTER));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE authz SET valid_at = %d, valid_until = %" PRId64,
		   FIXTURE_NOW, FIXTURE_NOW + 3 * DAY));
	lab->conf.sender.renewal_notice = 60 * DAY;
}

static void
lab_open(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	make_cert(lab);
}

/* All that is due; the number of mails of it. */
static size_t
run(struct role_lab *lab)
{
	size_t before = lab->submissions;
	int found, rounds = 0;

	while ((found = sender_step(&lab->sender, lab->j)) > 0)
		assert_true(++rounds < 40);
	if (found < 0)
		fail_msg("%s", lab->j->err.text);
	return lab->submissions - before;
}

static void
expect_next(struct role_lab *lab, int64_t at)
{
	int64_t next = 0;

	EXPECT(lab->j, sender_next_due(&lab->sender, lab->j, &next), at > 0);
	if (at > 0)
		assert_int_equal(next, at);
}

/* Not before the window opens, at once then, and never again; the record names
 * the certificate. */
static void
test_when_it_opens(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, OPENS);
	role_lab_at(&lab, OPENS - 1);
	assert_int_equal(run(&lab), 0);
	role_lab_at(&lab, OPENS);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(lab.sent_to, MAILBOX);
	assert_string_equal(lab.sent_from, lab.conf.sender.from);
	assert_true(span_has_str(lab.sent, "Subject: Ihr Zertifikat sollte"));
	fixture_expect_notices(j, "renewal:c1", 1, 1, 0);
	expect_next(&lab, 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit "
					  "WHERE event = 'notice' "
					  "AND object = 'cert:c1' "
					  "AND actor = 'sender'"),
	    1);
	/* Also when somebody makes it look again. */
	fixture_sql(j, "UPDATE cert SET notice_at = 0");
	role_lab_at(&lab, NOT_AFTER - DAY);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, 0);
}

/* PK-191: "the window ends at least 14 days before notAfter". */
static void
test_window_leaves_time(struct job *j)
{
	(void)j;
	for (int64_t days = 60; days <= 825; days++) {
		const struct renewal_facts f = { FIXTURE_NOW,
			FIXTURE_NOW + days * DAY - 1, 0, 0 };
		struct renewal_window w = renewal_window(&f, FIXTURE_NOW);

		unit_case("%lld days", (long long)days);
		assert_true(w.end <= f.not_after - 14 * DAY);
		assert_int_equal(
		    renewal_opens_at(f.not_before, f.not_after), w.start);
	}
}

/* Old rows do not know when: the first look finds out.  What is valid for less
 * is for programs alone. */
static void
test_life(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	fixture_sql(j, "UPDATE cert SET notice_at = 0");
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, OPENS);
	lab.conf.sender.renewal_notice = LIFE + 1;
	role_lab_at(&lab, OPENS);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, 0);
	fixture_expect_notices(j, "renewal:c1", 0, 0, 0);
}

/* Switched off: nobody looks, nothing waits, and what was queued is not sent;
 * switched on again, each is told that still can be. */
static void
test_off(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	lab.conf.sender.renewal_notice = 0;
	role_lab_at(&lab, OPENS);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, 0);
	lab.conf.sender.renewal_notice = LIFE;
	EXPECT(j, sender_renewal_step(j), 1);
	fixture_expect_notices(j, "renewal:c1", 1, 0, 0);
	lab.conf.sender.renewal_notice = 0;
	assert_int_equal(run(&lab), 0);
	fixture_expect_notices(j, "renewal:c1", 1, 0, 1);
}

/* Nobody is asked while an authorization is live: told is who needs to be, when
 * it has ended. */
static void
test_live_authorization(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	fixture_sql(
	    j, arena_printf(j->arena, "UPDATE authz SET valid_until = %" PRId64,
		   OPENS + 5 * DAY));
	role_lab_at(&lab, OPENS);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, OPENS + 5 * DAY);
	/* It was revoked: not live any more, and seen at the next look. */
	role_lab_at(&lab, OPENS + 5 * DAY);
	assert_int_equal(run(&lab), 1);
	fixture_expect_notices(j, "renewal:c1", 1, 1, 0);
}

/* Of several mailboxes each is told once, when it needs to be: the next look is
 * that at the first that is live, also after another was told. */
static void
test_each_of_several(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	for (int i = 1; i <= 2; i++)
		fixture_sql(j,
		    arena_printf(j->arena,
			"INSERT INTO authz (id, account_id, order_id, mailbox, "
			"ident_type, ident_value, created_at, expires_at, "
			"valid_at, valid_until) SELECT 'z%d', account_id, "
			"order_id, 'm%d@example.org', ident_type, 'm', "
			"created_at, expires_at, valid_at, %" PRId64
			" FROM authz WHERE mailbox = '" MAILBOX "'; "
			"INSERT INTO order_identifier (order_id, place, type, "
			"value, authz_id) SELECT order_id, %d, 'email', 'm', "
			"id FROM authz WHERE id = 'z%d'",
			i, i, OPENS + (3 - i) * DAY, i, i));
	role_lab_at(&lab, OPENS);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(lab.sent_to, MAILBOX);
	expect_next(&lab, OPENS + DAY);
	role_lab_at(&lab, OPENS + DAY);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(lab.sent_to, "m2@example.org");
	expect_next(&lab, OPENS + 2 * DAY);
	role_lab_at(&lab, OPENS + 2 * DAY);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(lab.sent_to, "m1@example.org");
	fixture_expect_notices(j, "renewal:c1", 3, 3, 0);
	expect_next(&lab, 0);
}

static void
test_ended_authorizations(struct job *j)
{
	static const char *const ends[] = { "failed_at = 1",
		"deactivated_at = 1", "revoked_at = 1", "held_until = 1",
		"valid_at = 0" };

	for (size_t i = 0; i < COUNT(ends); i++) {
		struct role_lab lab;

		unit_case("%s", ends[i]);
		fixture_sql(j, "DELETE FROM notice; DELETE FROM cert");
		lab_open(&lab, j);
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE authz SET valid_until = %" PRId64 ", %s",
			   OPENS + 5 * DAY, ends[i]));
		role_lab_at(&lab, OPENS);
		assert_int_equal(run(&lab), 1);
	}
}

/* What is gone, or was replaced, needs no mail, also when that happens between
 * the row and the relay. */
static void
test_not_needed(struct job *j)
{
	static const struct {
		const char *sql;
		int64_t again_at;
	} rows[] = {
		{ "UPDATE cert SET revoked_at = 1", 0 },
		{ "UPDATE cert SET issued_at = 0", 0 },
		{ "UPDATE account SET deactivated_at = 1", 0 },
		{ "UPDATE account SET revoked_at = 1", 0 },
		/* By an order that has its certificate: it is its own here. */
		{ "UPDATE cert SET replaced_by = order_id", 0 },
		/* By one that waits for its reply. */
		{ "UPDATE orders SET cert_id = NULL, life_until = 4000000000; "
		  "UPDATE authz SET valid_until = 1; "
		  "UPDATE authz SET valid_at = 0, expires_at = 4000000000; "
		  "UPDATE cert SET replaced_by = order_id",
		    OPENS + DAY },
	};

	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		bool is_queued = i % 2 == 1;
		struct role_lab lab;

		unit_case("%s", rows[i / 2].sql);
		fixture_sql(j, "DELETE FROM notice; DELETE FROM cert; "
			       "DELETE FROM outbox");
		lab_open(&lab, j);
		role_lab_at(&lab, OPENS);
		if (is_queued)
			EXPECT(j, sender_renewal_step(j), 1);
		fixture_sql(j, rows[i / 2].sql);
		assert_int_equal(run(&lab), 0);
		fixture_expect_notices(
		    j, "renewal:c1", is_queued, 0, is_queued);
		expect_next(&lab, is_queued ? 0 : rows[i / 2].again_at);
	}
}

/* AC-171: an order that became invalid replaces nothing. */
static void
test_replacement_failed(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	role_lab_at(&lab, OPENS);
	fixture_sql(j, "UPDATE orders SET cert_id = NULL, failed_at = 1; "
		       "UPDATE cert SET replaced_by = order_id");
	assert_int_equal(run(&lab), 1);
}

/* What nobody can read keeps back neither itself for ever nor the others. */
static void
test_spoiled(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	role_lab_at(&lab, OPENS);
	fixture_sql(j, "UPDATE orders SET identifier_count = 2; "
		       "UPDATE cert SET replaced_by = order_id");
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, OPENS + DAY);
	fixture_sql(j, "UPDATE orders SET identifier_count = 1, "
		       "cert_id = NULL, failed_at = 1");
	role_lab_at(&lab, OPENS + DAY);
	assert_int_equal(run(&lab), 1);
}

/* Clients that do not say what they replace replace all the same. */
static void
test_newer_certificate(struct job *j)
{
	struct role_lab lab;
	const char *copy =
	    "INSERT INTO orders (id, account_id, profile, created_at, "
	    "life_until, identifier_count) SELECT 'o2', account_id, profile, "
	    "created_at, life_until, 1 FROM orders; "
	    "INSERT INTO order_identifier (order_id, place, type, value, "
	    "authz_id) SELECT 'o2', 0, type, value, authz_id "
	    "FROM order_identifier; "
	    "INSERT INTO cert (id, order_id, account_id, ca_label, serial, "
	    "profile, profile_sha256, tbs, signature_alg, lint_report, "
	    "evidence, br_version, spki_sha256, not_before, not_after, "
	    "reserved_at, issued_at, notice_at) SELECT 'c2', 'o2', account_id, "
	    "ca_label, 's2', profile, profile_sha256, tbs, signature_alg, "
	    "lint_report, evidence, br_version, spki_sha256, not_before + 100, "
	    "not_after + 100, reserved_at, issued_at, NULL FROM cert";

	lab_open(&lab, j);
	role_lab_at(&lab, OPENS);
	fixture_sql(j, copy);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, 0);
	/* Of another kind: both are needed. */
	fixture_sql(j, "UPDATE cert SET notice_at = 0 WHERE id = 'c1'; "
		       "UPDATE cert SET profile = 'q' WHERE id = 'c2'");
	assert_int_equal(run(&lab), 1);
}

/* The incident's own mail has told of it; if it is cancelled, ours comes when
 * its deadline has passed. */
static void
test_incident(struct job *j)
{
	struct incident i = { .id = "incident",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.deadline = OPENS + 5 * DAY,
		.opened_by = "me" };
	const struct incident_selector s = { .cert_id = "c1" };
	struct role_lab lab;
	int64_t count;

	lab_open(&lab, j);
	role_lab_at(&lab, OPENS);
	COMMITTED(j, store_incident_open(j, &i, &s, i.deadline, &count));
	assert_int_equal(count, 1);
	assert_int_equal(run(&lab), 1);
	expect_next(&lab, i.deadline + 1);
	fixture_sql(j, "UPDATE incident SET due_at = NULL, cancelled_at = 1");
	role_lab_at(&lab, i.deadline + 1);
	assert_int_equal(run(&lab), 1);
}

/* PK-220: another CA's window opens earlier, or later. */
static void
test_other_window(struct job *j)
{
	struct window w = { .cert_id = "c1",
		.start_at = FIXTURE_NOW + 30 * DAY,
		.end_at = FIXTURE_NOW + 33 * DAY };
	struct role_lab lab;

	lab_open(&lab, j);
	COMMITTED(j, store_window_add(j, "c1", FIXTURE_NOW));
	COMMITTED(j, store_window_put(j, &w, FIXTURE_NOW + DAY));
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, w.start_at);
	w.start_at += 10 * DAY;
	w.end_at += 10 * DAY;
	COMMITTED(j, store_window_put(j, &w, FIXTURE_NOW + DAY));
	role_lab_at(&lab, FIXTURE_NOW + 30 * DAY);
	assert_int_equal(run(&lab), 0);
	expect_next(&lab, w.start_at);
	role_lab_at(&lab, w.start_at);
	assert_int_equal(run(&lab), 1);
}

/* AC-90: whoever asked for no mail. */
static void
test_suppressed(struct job *j)
{
	const struct suppressed s = { .mailbox = MAILBOX,
		.since = FIXTURE_NOW,
		.until = OPENS + 90 * DAY,
		.source = "reply" };
	struct role_lab lab;

	lab_open(&lab, j);
	COMMITTED(j, store_suppressed_add(j, &s));
	role_lab_at(&lab, OPENS);
	assert_int_equal(run(&lab), 0);
	fixture_expect_notices(j, "renewal:c1", 1, 0, 1);
	expect_next(&lab, 0);
}

/* ER-10, ER-11: the same octets on each attempt, for a week. */
static void
test_retried(struct job *j)
{
	struct role_lab lab;
	struct span first;

	lab_open(&lab, j);
	role_lab_at(&lab, OPENS);
	lab.answer = (struct submit_result){ SUBMIT_UNKNOWN, "", "gone", NULL };
	assert_int_equal(run(&lab), 1);
	first = lab.sent;
	expect_next(&lab, OPENS + 60);
	role_lab_at(&lab, OPENS + 60);
	lab.conf.ca_name = "Renamed CA";
	assert_int_equal(run(&lab), 1);
	assert_true(span_eq(lab.sent, first));
	role_lab_at(&lab, OPENS + 7 * DAY);
	assert_int_equal(run(&lab), 0);
	fixture_expect_notices(j, "renewal:c1", 1, 0, 1);
	expect_next(&lab, 0);
}

/* More certificates: x0 and so on, each of an order for the lab's mailbox. */
static void
add_certs(struct role_lab *lab, int count)
{
	struct job *j = lab->j;

	for (int i = 0; i < count; i++)
		fixture_sql(j,
		    arena_printf(j->arena,
			"INSERT INTO orders (id, account_id, profile, "
			"created_at, life_until, identifier_count) VALUES "
			"('o%d', '%s', 'p', 1, 1, 1); "
			"INSERT INTO order_identifier (order_id, place, type, "
			"value, authz_id) SELECT 'o%d', 0, type, value, "
			"authz_id FROM order_identifier WHERE order_id = '%s'; "
			"INSERT INTO cert (id, order_id, account_id, ca_label, "
			"serial, profile, profile_sha256, tbs, signature_alg, "
			"lint_report, evidence, br_version, spki_sha256, "
			"not_before, not_after, reserved_at, issued_at, "
			"notice_at) SELECT 'x%d', 'o%d', account_id, ca_label, "
			"'x%d', profile, profile_sha256, tbs, signature_alg, "
			"lint_report, evidence, br_version, spki_sha256, "
			"not_before, not_after, reserved_at, issued_at, %d "
			"FROM cert WHERE id = 'c1'",
			i, lab->account.id, i, lab->order->id, i, i, i, i));
}

static int
notices(struct job *j)
{
	return (int)fixture_count(j, "SELECT COUNT(*) FROM notice");
}

/* One certificate in one transaction, those first that are due for longest. */
static void
test_one_at_a_time(struct job *j)
{
	struct role_lab lab;

	lab_open(&lab, j);
	add_certs(&lab, 3);
	role_lab_at(&lab, OPENS);
	for (int done = 1; done <= 4; done++) {
		EXPECT(j, sender_renewal_step(j), 1);
		assert_int_equal(notices(j), done);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM cert "
				     "WHERE notice_at IS NOT NULL"),
		    4 - done);
	}
	EXPECT(j, sender_renewal_step(j), 0);
}

/* Senders at the same time make one row for each certificate, and each is done;
 * somebody who locks the certificates in another order waits for none of them
 * in vain. */
#define MORE 12

static int
step_all(struct job *j, void *ctx)
{
	int found;

	j->conf = ctx;
	j->now = OPENS;
	while ((found = sender_renewal_step(j)) > 0)
		;
	return found < 0 ? 99 : 0;
}

static int
lock_backwards(struct job *j, void *ctx)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	(void)ctx;
	if (store_begin(j) < 0)
		return 99;
	for (int i = MORE - 1; i >= 0; i--) {
		if (store_change(j, NULL,
			"UPDATE cert SET reason = 0 WHERE id = $1",
			ARGS(v_text(arena_printf(j->arena, "x%d", i)))) < 0)
			return 99;
		(void)nanosleep(&pause, NULL);
	}
	return store_commit(j) < 0 ? 99 : 0;
}

static void
test_race(struct job *j)
{
	struct role_lab lab;
	int pids[5];

	lab_open(&lab, j);
	add_certs(&lab, MORE);
	role_lab_at(&lab, OPENS);
	for (int i = 0; i < 4; i++)
		pids[i] = fixture_fork(step_all, &lab.conf);
	pids[4] = fixture_fork(lock_backwards, NULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(fixture_wait(pids[i]), 0);
	assert_int_equal(notices(j), MORE + 1);
	assert_int_equal(run(&lab), MORE + 1);
	fixture_expect_notices(j, "renewal:c1", 1, 1, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_when_it_opens),
	STORE_TEST_SQLITE(test_window_leaves_time),
	STORE_TEST(test_life),
	STORE_TEST(test_off),
	STORE_TEST(test_live_authorization),
	STORE_TEST(test_each_of_several),
	STORE_TEST(test_ended_authorizations),
	STORE_TEST(test_not_needed),
	STORE_TEST(test_replacement_failed),
	STORE_TEST(test_spoiled),
	STORE_TEST(test_newer_certificate),
	STORE_TEST(test_incident),
	STORE_TEST(test_other_window),
	STORE_TEST(test_suppressed),
	STORE_TEST(test_retried),
	STORE_TEST(test_one_at_a_time),
	STORE_TEST(test_race),
};

UNIT_MAIN(tests)
