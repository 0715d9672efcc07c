/*
 * What stops or ends an order of our own stops or ends it at another CA too
 * (PK-44, PK-45, PK-204), whatever that CA is doing meanwhile.
 */
#include "config.h"

#include "tests/unit/handoff_lab.h"

#include "db/store_handoff.h"
#include "db/store_stop.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "src/handoff.h"
#include "src/judge_caa.h"
#include "src/role_upstream.h"
#include "tests/unit/upstream_double.h"

#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

static void
stop_all(struct handoff_lab *lab)
{
	const struct stop s = { STOP_ALL, "", "test", "test", 0 };
	struct job *j = lab->role.j;

	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &s), 1);
	assert_int_equal(store_commit(j), 0);
}

static void
resume(struct handoff_lab *lab)
{
	struct job *j = lab->role.j;

	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_stop_lift(j, STOP_ALL, ""), 1);
	assert_int_equal(store_commit(j), 0);
	role_lab_at(&lab->role, j->now + 20);
}

/* PK-45: neither asked for, nor sent, nor delivered while it is stopped. */
static void
test_stopped(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	stop_all(&lab);
	handoff_lab_issuer(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM handoff"), 0);
	resume(&lab);
	handoff_lab_issuer(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ASKED);
	stop_all(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.issued, 0);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ASKED);
	resume(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.issued, 1);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ANSWERED);
	stop_all(&lab);
	handoff_lab_issuer(&lab);
	assert_null(handoff_lab_order(&lab)->cert_id);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ANSWERED);
	resume(&lab);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(upstream_double.revoked, 0);
}

/* What is there under a token, and would be signed at a word of ours. */
static void
test_barred(struct job *j)
{
	static const struct {
		const char *name, *sql;
		int64_t later;
		bool stops;
		enum handoff_stage stage;
	} rows[] = {
		{ "stopped", NULL, 60, true, HANDOFF_PENDING },
		{ "old", NULL, 2 * HOUR, false, HANDOFF_STALE },
		{ "ended", "UPDATE orders SET failed_at = 1, error = '{}'", 60,
		    false, HANDOFF_DONE },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i].name);
		handoff_lab_begin(&lab, j);
		upstream_double.issue =
		    (struct upstream_answer){ .outcome = UPSTREAM_PENDING,
			    .token = "order 7" };
		upstream_double.asks_first = true;
		handoff_lab_issuer(&lab);
		handoff_lab_upstream(&lab);
		if (rows[i].stops)
			stop_all(&lab);
		if (rows[i].sql != NULL)
			fixture_sql(j, rows[i].sql);
		role_lab_at(&lab.role, j->now + rows[i].later);
		handoff_lab_upstream(&lab);
		assert_int_equal(upstream_double.signed_count, 0);
		assert_int_equal(handoff_lab_row(&lab).stage, rows[i].stage);
		/* It goes on with what is there. */
		if (rows[i].stops)
			resume(&lab);
		if (rows[i].stage == HANDOFF_STALE) {
			handoff_lab_issuer(&lab);
			EXPECT(j, judge_caa(&lab.role.validator, j), 1);
			handoff_lab_issuer(&lab);
			handoff_lab_upstream(&lab);
			assert_string_equal(upstream_double.token, "order 7");
			role_lab_at(&lab.role, j->now + 60);
		}
		handoff_lab_upstream(&lab);
		handoff_lab_issuer(&lab);
		if (rows[i].stage == HANDOFF_DONE)
			assert_int_equal(upstream_double.signed_count, 0);
		else
			handoff_lab_expect_issued(&lab);
	}
}

/* The order has ended: what was not sent stays here. */
static void
test_ended_unsent(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	handoff_lab_issuer(&lab);
	fixture_sql(j, "UPDATE orders SET failed_at = 1, error = '{}'");
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.issued, 0);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_DONE);
}

/* PK-218: it came in time for nobody, while the issuer was away. */
static void
test_late(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	upstream_double.issue.outcome = UPSTREAM_PENDING;
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	role_lab_at(&lab.role, j->now + DAY);
	assert_null(handoff_lab_order(&lab)->error);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.polled, 1);
	assert_int_equal(upstream_double.revoked, 1);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_ended(&lab, "serverInternal");
}

/* PK-44, PK-215: what our own signature would need, the answer needs. */
static void
test_answer_unwanted(struct job *j)
{
	static const struct {
		const char *sql, *type;
	} rows[] = {
		{ "UPDATE authz SET revoked_at = 1", "unauthorized" },
		{ "UPDATE reply SET seal = NULL", "unauthorized" },
		{ "UPDATE orders SET csr = csr_jws", "unauthorized" },
		{ "UPDATE orders SET profile = 'mailbox-signing'", "badCSR" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i].sql);
		handoff_lab_begin(&lab, j);
		handoff_lab_issuer(&lab);
		handoff_lab_upstream(&lab);
		assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ANSWERED);
		fixture_sql(j, rows[i].sql);
		handoff_lab_issuer(&lab);
		handoff_lab_expect_ended(&lab, rows[i].type);
		assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_DONE);
		handoff_lab_upstream(&lab);
		assert_int_equal(upstream_double.revoked, 1);
	}
}

/* PK-216: what another order got by mistake, and sent back, is delivered to
 * nobody. */
static void
test_sent_back(struct job *j)
{
	struct handoff_lab lab;
	struct handoff another;
	size_t count;

	handoff_lab_begin(&lab, j);
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	another = handoff_lab_row(&lab);
	assert_int_equal(another.stage, HANDOFF_ANSWERED);
	another.id = another.order_id = "another";
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, handoff_withdraw(j, &another, another.answer, &count), 0);
	assert_int_equal(store_commit(j), 0);
	assert_int_equal(count, 1);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_ended(&lab, "serverInternal");
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
}

/* PK-217: a server may answer a new order with one that is still open, of
 * another request of ours. */
static void
test_token_of_another(struct job *j)
{
	struct handoff_lab lab;
	struct order *other;

	handoff_lab_begin(&lab, j);
	upstream_double.issue =
	    (struct upstream_answer){ .outcome = UPSTREAM_STARTED,
		    .token = "order 7" };
	other = fixture_order(j, fixture_account(j), 1);
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO handoff (id, order_id, created_at, request, seal, "
		"stage, token, due_at) VALUES ('another', '%s', %lld, '{}', "
		"'', 'pending', 'order 7', %lld)",
		other->id, (long long)j->now, (long long)(j->now + DAY)));
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ASKED);
	assert_null(handoff_lab_row(&lab).token);
	assert_int_equal(upstream_double.polled, 0);
	fixture_sql(j, "UPDATE handoff SET stage = 'done', due_at = NULL "
		       "WHERE id = 'another'");
	role_lab_at(&lab.role, j->now + 60);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.polled, 1);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_issued(&lab);
}

/* PK-27: sent only while the CAA check behind it counts. */
static void
test_caa_age(struct job *j)
{
	struct handoff_request r;
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	role_lab_at(&lab.role, j->now + HOUR - 60);
	handoff_lab_issuer(&lab);
	EXPECT(j, handoff_parse(j, handoff_lab_row(&lab).request, &r), 0);
	assert_int_equal(r.send_before, j->now + 60);
}

/* A row that cannot be read holds up no other. */
static void
test_strange_stage(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	handoff_lab_issuer(&lab);
	fixture_sql(j, "UPDATE handoff SET stage = 'nowhere'");
	assert_int_equal(upstream_step(&lab.upstream, j), -1);
	assert_job_error(j, ERR_SPOILED, NULL);
	job_recover(j);
	/* It keeps its lease: others have their turn. */
	EXPECT(j, upstream_step(&lab.upstream, j), 0);
}

/* PK-204 */
static void
test_ceiling(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	lab.role.conf.issuer.max_per_hour = 0;
	handoff_lab_issuer(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM handoff"), 0);
	resume(&lab);
	lab.role.conf.issuer.max_per_hour = 1;
	handoff_lab_issuer(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM handoff"), 1);
	fixture_sql(j, "UPDATE orders SET issue_due_at = 1");
	handoff_lab_issuer(&lab);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM issuance_stop"), 1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_stopped),
	STORE_TEST(test_barred),
	STORE_TEST(test_ended_unsent),
	STORE_TEST(test_late),
	STORE_TEST(test_answer_unwanted),
	STORE_TEST(test_sent_back),
	STORE_TEST(test_token_of_another),
	STORE_TEST(test_caa_age),
	STORE_TEST(test_strange_stage),
	STORE_TEST(test_ceiling),
};
UNIT_MAIN(tests)
