/*
 * countersign status: what waits, for whom and for how long.
 */
#include "config.h"

#include "tests/unit/overview_lab.h"

#include <string.h>

#include "db/store_order_look.h"
#include "db/store_queue.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "src/story.h"
#include "src/worker.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* What is due and taken by nobody, and by whom it should be. */
static void
test_queues(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	expect_line(j, "ok    work: none is left undone\n");
	expect_line(j, "ok    orders: 1 wait: 1 for the mail to leave "
		       "(countersign orders --pending)\n");
	clock_set(j->now += 10 * MINUTE);
	expect_line(j, "WRONG challenge mails: 1 should have been taken up by "
		       "now, the first for ");
	expect_line(j, "ok    orders: 1 wait: 1 for the mail to leave");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	expect_line(j, "ok    work: none is left undone\n");
	expect_line(j, "ok    orders: 1 wait: 1 for a reply (");
}

/* ER-11: the relay may put a mail off for a while; one that is away, or goes
 * on refusing for now, is told of. */
static void
test_relay(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	fixture_sql(j, "UPDATE outbox SET code = 'mx port 25: Connection "
		       "refused', attempts = 4");
	clock_set(j->now += 15 * MINUTE);
	expect_line(j, "ok    orders: 1 wait: 1 for the relay to take the "
		       "mail");
	expect_no_line(j, "mail relay");
	clock_set(++j->now);
	expect_line(j,
	    "WRONG mail relay: does not take challenge mails: 1, the "
	    "first since 2027-01-15T08:00:00Z: mx port 25: "
	    "Connection refused (countersign check tries it)\n");
	fixture_sql(j, "UPDATE outbox SET code = '451 4.7.1'");
	expect_line(j,
	    "warn  mail relay: does not take challenge mails: 1, the "
	    "first since 2027-01-15T08:00:00Z: 451 4.7.1");
	fixture_sql(j, "UPDATE outbox SET sent_at = 1");
	expect_no_line(j, "mail relay");
}

/* MA-31: a reply that came and cannot be judged yet is not one that is awaited;
 * who looks is told why, and of the first that waits for long. */
static void
test_replies(struct job *j)
{
	static const char waits[] = "judgement of replies";
	struct role_lab lab;
	struct order o;

	overview_start(&lab, j);
	fixture_sql(j, "UPDATE outbox SET sent_at = 1");
	expect_line(j, "ok    orders: 1 wait: 1 for a reply (");
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO reply (id, source, uidvalidity, uid, "
		"challenge_id, arrival, recorded_at, verdict, code, detail, "
		"br_version, due_at) SELECT 'r', 's', 1, 1, id, %lld, %lld, "
		"'deferred', 'dns.temporary', 'no answer', '', %lld "
		"FROM challenge",
		(long long)j->now, (long long)j->now, (long long)j->now + DAY));
	expect_line(
	    j, "ok    orders: 1 wait: 1 for a reply to be judged again (");
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	assert_string_equal(story_waits_for(j, &o),
	    "the reply from mailbox0@example.org to be judged again: no "
	    "answer");
	clock_set(j->now += 15 * MINUTE);
	expect_no_line(j, waits);
	clock_set(++j->now);
	expect_line(j,
	    "warn  judgement of replies: 1 wait to be judged again, the first "
	    "since 2027-01-15T08:00:00Z: no answer (countersign check asks "
	    "the DNS)\n");
	fixture_sql(j, "UPDATE reply SET detail = NULL");
	expect_line(j,
	    "warn  judgement of replies: 1 wait to be judged again, the first "
	    "since 2027-01-15T08:00:00Z: dns.temporary (");
	fixture_sql(j, "UPDATE reply SET verdict = 'late', due_at = NULL");
	expect_no_line(j, waits);
	expect_line(j, "ok    orders: 1 wait: 1 for a reply (");
}

/* 17.2: an order that ended without a verdict waits for nothing, and what
 * ended it is told. */
static void
test_ended_orders(struct job *j)
{
	static const struct {
		const char *set; /* in table `authz` */
		const char *waits_for;
	} cases[] = {
		{ "deactivated_at = 1", /* AC-73, AC-105 */
		    "nothing: the authorization of mailbox0@example.org "
		    "was deactivated" },
		{ "revoked_at = 1", /* AC-107 */
		    "nothing: the authorization of mailbox0@example.org "
		    "was revoked" },
		{ "expires_at = 1", /* AC-128 */
		    "nothing: its time is over" },
	};
	struct role_lab lab;
	struct order o;

	overview_start(&lab, j);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].set);
		fixture_sql(
		    j, "UPDATE authz SET deactivated_at = 0, revoked_at = 0");
		fixture_sql(j, arena_printf(j->arena, "UPDATE authz SET %s",
				   cases[i].set));
		EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
		assert_string_equal(story_waits_for(j, &o), cases[i].waits_for);
		expect_line(j, "ok    orders: none is pending\n");
	}
	fixture_sql(j, "UPDATE orders SET failed_at = 1, "
		       "error = '{\"detail\":\"the digest is wrong\"}'");
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	assert_string_equal(
	    story_waits_for(j, &o), "nothing: the digest is wrong");
}

/* Each queue is counted, and what is due later is none. */
static void
test_counts(struct job *j)
{
	struct role_lab lab;
	struct queue *list, held;
	size_t count;

	overview_start(&lab, j);
	fixture_sql(j, "UPDATE outbox SET due_at = NULL");
	EXPECT(j, store_queue_list(j, &list, &count), 0);
	for (size_t i = 0; i < count; i++) {
		unit_case("%s", list[i].what);
		assert_int_equal(list[i].count, 0);
		assert_int_equal(list[i].since, 0);
	}
	fixture_sql(j,
	    arena_printf(j->arena,
		"UPDATE orders SET issue_due_at = %lld, issue_fault_at = %lld",
		(long long)j->now - 7, (long long)j->now - HOUR));
	EXPECT(j, store_queue_list(j, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    list[i].count, strcmp(list[i].role, "issuer") == 0 &&
				       strcmp(list[i].what, "orders") == 0);
	EXPECT(j, store_queue_held(j, &held), 0);
	assert_int_equal(held.count, 1);
	assert_int_equal(held.since, j->now - HOUR);
	expect_line(j, "WRONG held orders: 1, the first for 60 minutes, by a "
		       "fault that is not their clients'");
	/* Later. */
	fixture_sql(
	    j, arena_printf(j->arena, "UPDATE orders SET issue_due_at = %lld",
		   (long long)j->now + 1));
	EXPECT(j, store_queue_list(j, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(list[i].count, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_queues),
	STORE_TEST(test_relay),
	STORE_TEST(test_replies),
	STORE_TEST(test_ended_orders),
	STORE_TEST(test_counts),
};

UNIT_MAIN(tests)
