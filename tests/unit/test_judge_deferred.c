/*
 * Replies that cannot be judged for want of DNS (MA-31) are looked at again,
 * and what two validators do at once counts once (ER-21).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include "acme/status.h"
#include "lib/count.h"
#include "src/judge.h"
#include "src/judge_caa.h"

static void
test_deferred(struct job *j)
{
	struct role_lab lab;
	int64_t at;

	role_lab_processing(&lab, j);
	lab.key_status = DNS_TEMPORARY;
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_DEFERRED);
	assert_null(role_lab_authz(&lab)->challenge.error);
	EXPECT(j, judge_next_due(j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + 30);
	EXPECT(j, judge_deferred(&lab.validator, j), 0);

	/* The pause grows with the time that it has waited. */
	role_lab_at(&lab, FIXTURE_NOW + 600);
	EXPECT(j, judge_deferred(&lab.validator, j), 1);
	EXPECT(j, judge_next_due(j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + 1200);
	role_lab_at(&lab, FIXTURE_NOW + 7200);
	EXPECT(j, judge_deferred(&lab.validator, j), 1);
	EXPECT(j, judge_next_due(j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + 7200 + 1800);

	/* From the stored bytes, with the arrival of then. */
	lab.key_status = DNS_OK;
	role_lab_at(&lab, at);
	EXPECT(j, judge_deferred(&lab.validator, j), 1);
	assert_int_equal(role_lab_last_reply(&lab).verdict, VERDICT_MATCH);
	assert_int_equal(role_lab_proof(&lab).arrival, FIXTURE_NOW);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
	EXPECT(j, judge_deferred(&lab.validator, j), 0);
}

/* Until the end of the challenge; then it has proven nothing. */
static void
test_deferred_for_ever(struct job *j)
{
	struct role_lab lab;

	role_lab_processing(&lab, j);
	lab.key_status = DNS_BOGUS;
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_DEFERRED);
	role_lab_at(&lab, FIXTURE_NOW + 24 * 3600 + 1);
	EXPECT(j, judge_deferred(&lab.validator, j), 1);
	assert_int_equal(
	    role_lab_last_reply(&lab).verdict, VERDICT_UNAUTHENTICATED);
	EXPECT(j, judge_deferred(&lab.validator, j), 0);
}

/* MA-31, AC-128: the last look is in the challenge's last second, not after the
 * client has read that it ended. */
static void
test_last_try(struct job *j)
{
	static const struct {
		enum dns_status then;
		enum verdict verdict;
		enum authz_status authz;
	} cases[] = {
		{ DNS_OK, VERDICT_MATCH, AUTHZ_VALID },
		{ DNS_TEMPORARY, VERDICT_UNAUTHENTICATED, AUTHZ_INVALID },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_lab lab;
		int64_t end, at;

		unit_case("%zu", i);
		role_lab_processing(&lab, j);
		end = role_lab_authz(&lab)->expires_at;
		lab.key_status = DNS_TEMPORARY;
		assert_int_equal(
		    role_lab_take(&lab, role_lab_reply(&lab, NULL)),
		    VERDICT_DEFERRED);
		role_lab_at(&lab, end - 1801);
		EXPECT(j, judge_deferred(&lab.validator, j), 1);
		EXPECT(j, judge_next_due(j, &at), 1);
		assert_int_equal(at, end - 1);
		role_lab_at(&lab, end - 1800);
		fixture_sql(j, "UPDATE reply SET due_at = 1 "
			       "WHERE due_at IS NOT NULL");
		EXPECT(j, judge_deferred(&lab.validator, j), 1);
		EXPECT(j, judge_next_due(j, &at), 1);
		assert_int_equal(at, end - 1);
		role_lab_at(&lab, at);
		lab.key_status = cases[i].then;
		EXPECT(j, judge_deferred(&lab.validator, j), 1);
		assert_int_equal(
		    role_lab_last_reply(&lab).verdict, cases[i].verdict);
		EXPECT(j, judge_deferred(&lab.validator, j), 0);
		assert_int_equal(
		    authz_status(role_lab_authz(&lab), end), cases[i].authz);
		fixture_sql(j, "UPDATE caa SET due_at = NULL");
		role_lab_at(&lab, FIXTURE_NOW);
	}
}

/* AC-179: what came in time, and is read after a pause when the challenge has
 * ended, is not refused because others wait behind it. */
static void
test_after_pause(struct job *j)
{
	static const struct {
		enum dns_status then;
		enum verdict verdict;
	} cases[] = {
		{ DNS_OK, VERDICT_MATCH },
		{ DNS_TEMPORARY, VERDICT_UNAUTHENTICATED },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_lab lab;
		int64_t at;

		unit_case("%zu", i);
		role_lab_processing(&lab, j);
		role_lab_at(&lab, role_lab_authz(&lab)->expires_at + 600);
		lab.arrival = FIXTURE_NOW + 60;
		lab.validator.hasty_ms = 50;
		lab.key_status = DNS_TEMPORARY;
		assert_int_equal(
		    role_lab_take(&lab, role_lab_reply(&lab, NULL)),
		    VERDICT_DEFERRED);
		EXPECT(j, judge_next_due(j, &at), 1);
		assert_true(at <= j->now);
		lab.validator.hasty_ms = 0;
		lab.key_status = cases[i].then;
		EXPECT(j, judge_deferred(&lab.validator, j), 1);
		assert_int_equal(
		    role_lab_last_reply(&lab).verdict, cases[i].verdict);
		EXPECT(j, judge_deferred(&lab.validator, j), 0);
		fixture_sql(j, "UPDATE caa SET due_at = NULL");
		role_lab_at(&lab, FIXTURE_NOW);
	}
}

/* Two validators have the same deferred reply (one started while the other was
 * judging): the first one's verdict stands, the other's does nothing. */
static void
another_judges(struct role_lab *lab)
{
	struct job second;

	lab->during_query = NULL;
	lab->key_status = DNS_OK;
	role_lab_job_like(&second, lab->j);
	/* What a validator that starts does; with PostgreSQL it waits. */
	EXPECT(&second, validator_recover(&second), 0);
	second.now += fixture_is_pgsql() ? 3600 : 0;
	EXPECT(&second, judge_deferred(&lab->validator, &second), 1);
	job_done(&second);
	lab->key_status = DNS_BOGUS;
}

static void
test_deferred_twice(struct job *j)
{
	static const enum verdict first[] = { VERDICT_MATCH,
		VERDICT_NO_RESPONSE };

	for (size_t i = 0; i < COUNT(first); i++) {
		struct role_lab_reply how = { .is_empty = i == 1 };
		struct role_lab lab;

		unit_case("%s", verdict_name(first[i]));
		role_lab_processing(&lab, j);
		lab.key_status = DNS_TEMPORARY;
		assert_int_equal(
		    role_lab_take(&lab, role_lab_reply(&lab, &how)),
		    VERDICT_DEFERRED);
		role_lab_at(&lab, FIXTURE_NOW + 600);
		lab.during_query = another_judges;
		EXPECT(j, judge_deferred(&lab.validator, j), 1);
		assert_int_equal(j->err.kind, ERR_NONE);
		assert_int_equal(role_lab_last_reply(&lab).verdict, first[i]);
		assert_int_equal(
		    role_lab_authz(&lab)->challenge.soft_count, i == 1);
		EXPECT(j, judge_deferred(&lab.validator, j), 0);
		role_lab_at(&lab, FIXTURE_NOW);
	}
}

/* ER-21: a mail server delivers a deferred reply again, and meanwhile it is
 * looked at once more: taken, since it is recorded. */
static void
test_delivered_while_judged(struct job *j)
{
	struct role_lab lab;
	struct span reply;

	role_lab_processing(&lab, j);
	lab.key_status = DNS_TEMPORARY;
	reply = role_lab_reply(&lab, NULL);
	assert_int_equal(role_lab_take(&lab, reply), VERDICT_DEFERRED);
	role_lab_at(&lab, FIXTURE_NOW + 600);
	lab.during_query = another_judges;
	lab.uid--; /* the same message */
	assert_int_equal(role_lab_take(&lab, reply), VERDICT_REPEATED);
	assert_int_equal(j->err.kind, ERR_NONE);
	assert_int_equal(role_lab_last_reply(&lab).verdict, VERDICT_MATCH);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
}

/* The same for CAA. */
static void
another_checks(struct role_lab *lab)
{
	struct job second;

	lab->during_query = NULL;
	role_lab_job_like(&second, lab->j);
	EXPECT(&second, validator_recover(&second), 0);
	second.now += fixture_is_pgsql() ? 3600 : 0;
	EXPECT(&second, judge_caa(&lab->validator, &second), 1);
	job_done(&second);
}

static void
test_caa_twice(struct job *j)
{
	struct role_lab lab;

	role_lab_processing(&lab, j);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	lab.during_query = another_checks;
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	assert_int_equal(j->err.kind, ERR_NONE);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = 'caa'"),
	    1);
	EXPECT(j, judge_caa(&lab.validator, j), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_deferred),
	STORE_TEST(test_deferred_for_ever),
	STORE_TEST(test_last_try),
	STORE_TEST(test_after_pause),
	STORE_TEST(test_deferred_twice),
	STORE_TEST(test_delivered_while_judged),
	STORE_TEST(test_caa_twice),
};

UNIT_MAIN(tests)
