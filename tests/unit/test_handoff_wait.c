/*
 * While another CA is at work: PK-217 (polled, not repeated), PK-218 (waiting),
 * PK-219 (refusals).
 */
#include "config.h"

#include "tests/unit/handoff_lab.h"

#include <signal.h>

#include "db/store_handoff.h"
#include "lib/count.h"
#include "src/role_upstream.h"
#include "tests/unit/upstream_double.h"

#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

static int
die_while_sending(struct job *j, void *ctx)
{
	struct handoff_lab *lab = ctx;

	j->conf = lab->role.j->conf;
	upstream_double.dies = true;
	(void)upstream_step(&lab->upstream, j);
	return 0;
}

/* Killed with -9 when the request had left. */
static void
crash(struct handoff_lab *lab)
{
	struct job *j = lab->role.j;
	int pid;

	handoff_lab_issuer(lab);
	pid = fixture_fork(die_while_sending, lab);
	assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
	assert_int_equal(handoff_lab_row(lab).stage, HANDOFF_SENDING);
	/* Its lease runs out, or (SQLite) the role that follows takes over. */
	if (fixture_is_pgsql())
		role_lab_at(&lab->role, j->now + 601);
	else
		EXPECT(j, store_handoff_recover(j), 0);
}

static void
test_crash(struct job *j)
{
	struct handoff_lab lab;
	struct handoff h;

	handoff_lab_begin(&lab, j);
	handoff_lab_issuer(&lab);
	h = handoff_lab_row(&lab);
	crash(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.issued, 0); /* by this process */
	assert_int_equal(upstream_double.polled, 1);
	assert_string_equal(upstream_double.id, h.id);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_issued(&lab);
}

/* The other CA says that it has never had it: sent again, under its id. */
static void
test_crash_before(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	crash(&lab);
	upstream_double.poll.outcome = UPSTREAM_UNKNOWN;
	handoff_lab_upstream(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ASKED);
	role_lab_at(&lab.role, j->now + 120);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.issued, 1);
	assert_string_equal(upstream_double.id, handoff_lab_row(&lab).id);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_issued(&lab);
}

/* It cannot tell: a person decides. */
static void
test_held(struct job *j)
{
	struct handoff_lab lab;
	struct handoff *held;
	size_t count;

	handoff_lab_begin(&lab, j);
	crash(&lab);
	upstream_double.poll.outcome = UPSTREAM_UNSURE;
	handoff_lab_upstream(&lab);
	handoff_lab_issuer(&lab);
	role_lab_at(&lab.role, j->now + 3 * HOUR);
	handoff_lab_all(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_HELD);
	assert_null(handoff_lab_order(&lab)->error);
	assert_int_equal(upstream_double.issued, 0);
	assert_int_equal(upstream_double.polled, 1);
	EXPECT(j, store_handoff_held(j, 10, &held, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(held[0].order_id, lab.role.order->id);
	/* … until max_wait. */
	role_lab_at(&lab.role, j->now + DAY);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_ended(&lab, "serverInternal");
}

/* Three polls, each when the other CA has asked for, then the certificate. */
static void
test_three_polls(struct job *j)
{
	static const struct {
		int64_t asked, waited;
	} rows[] = { { 0, 60 }, { 5, 60 }, { 600, 600 }, { 86400, 3600 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;
		int64_t at;

		unit_case("Retry-After %lld", (long long)rows[i].asked);
		handoff_lab_begin(&lab, j);
		upstream_double.issue =
		    (struct upstream_answer){ .outcome = UPSTREAM_PENDING,
			    .token = "ticket 7",
			    .retry_secs = rows[i].asked };
		upstream_double.poll.retry_secs = rows[i].asked;
		upstream_double.polls_until_issued = 3;
		handoff_lab_issuer(&lab);
		handoff_lab_upstream(&lab);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(upstream_double.polled, k);
			EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 1);
			assert_int_equal(at, j->now + rows[i].waited);
			EXPECT(j,
			    store_handoff_retry_secs(
				j, lab.role.order->id, &at),
			    1);
			assert_int_equal(at, rows[i].waited);
			role_lab_at(&lab.role, j->now + rows[i].waited);
			handoff_lab_upstream(&lab);
			assert_string_equal(upstream_double.token, "ticket 7");
		}
		assert_int_equal(upstream_double.issued, 1);
		handoff_lab_issuer(&lab);
		handoff_lab_expect_issued(&lab);
	}
}

/* Never; and what comes after the end is revoked. */
static void
test_never(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	upstream_double.issue.outcome = UPSTREAM_PENDING;
	upstream_double.polls_until_issued = 1000;
	handoff_lab_all(&lab);
	role_lab_at(&lab.role, j->now + DAY - 1);
	handoff_lab_all(&lab);
	assert_null(handoff_lab_order(&lab)->error);
	role_lab_at(&lab.role, j->now + 1);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_ended(&lab, "serverInternal");
	upstream_double.polls_until_issued = 0;
	role_lab_at(&lab.role, j->now + HOUR);
	handoff_lab_upstream(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_ended(&lab, "serverInternal");
}

static void
test_refusals(struct job *j)
{
	static const struct {
		enum err_kind theirs;
		const char *ours;
	} rows[] = {
		{ ERR_BAD_CSR, "badCSR" },
		{ ERR_BAD_PUBLIC_KEY, "badCSR" },
		{ ERR_REJECTED_IDENTIFIER, "rejectedIdentifier" },
		{ ERR_UNSUPPORTED_IDENTIFIER, "rejectedIdentifier" },
		{ ERR_RATE_LIMITED, "rateLimited" },
		{ ERR_UNAUTHORIZED, "serverInternal" },
		{ ERR_EXTERNAL_ACCOUNT_REQUIRED, "serverInternal" },
		{ ERR_ACCOUNT_DOES_NOT_EXIST, "serverInternal" },
		{ ERR_CAA, "serverInternal" },
		{ ERR_MALFORMED, "serverInternal" },
		{ ERR_INTERNAL, "serverInternal" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", err_kind_name(rows[i].theirs));
		handoff_lab_begin(&lab, j);
		upstream_double.issue =
		    (struct upstream_answer){ .outcome = UPSTREAM_REFUSED,
			    .kind = rows[i].theirs };
		handoff_lab_all(&lab);
		handoff_lab_expect_ended(&lab, rows[i].ours);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_crash),
	STORE_TEST(test_crash_before),
	STORE_TEST(test_held),
	STORE_TEST(test_three_polls),
	STORE_TEST(test_never),
	STORE_TEST(test_refusals),
};
UNIT_MAIN(tests)
