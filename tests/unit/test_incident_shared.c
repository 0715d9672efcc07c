/* Several issuers and one incident, with PostgreSQL: PK-185. */
#include "config.h"

#include "tests/unit/incident_lab.h"
#include "tests/unit/store_fixture.h"

#include "acme/revoke.h"
#include "db/store_revoke.h"
#include "src/role_issuer.h"

static int
revoke_bite(struct job *j)
{
	struct incident i;

	return store_incident_take(j, &i) == 1 ? revoke_incident(j, &i, 10)
					       : -1;
}

/* Two issuers, with PostgreSQL: neither waits for the other, which would be a
 * failure (lock_timeout); where there is another incident, that one is
 * taken. */
static void
test_two_issuers(struct job *j)
{
	struct incident i = lab_incident(j, "i", 4, j->now), taken;
	struct incident later = lab_incident(j, "later", 4, j->now + 1);
	struct fixture_other other;

	fixture_certs(j, fixture_account(j), "30");
	assert_int_equal(lab_incident_open(j, &i,
			     &(struct incident_selector){ .from = j->now }),
	    30);
	fixture_other_begin(&other, revoke_bite);
	EXPECT(j, lab_incident_step(j), 0);
	assert_int_equal(lab_incident_open(j, &later,
			     &(struct incident_selector){ .to = j->now + 9 }),
	    9);
	j->now++;
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_incident_take(j, &taken), 1);
	assert_string_equal(taken.id, "later");
	store_rollback(j);
	fixture_other_end(&other);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    10);
	EXPECT(j, lab_incident_step(j), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    30);
}

static int
revoke_one(struct job *j)
{
	const struct revocation how = { 4, "operator:two", { NULL, 0 } };

	return store_revoke_cert(j, "c7", &how);
}

static int64_t
undone(struct job *j)
{
	return fixture_count(
	    j, "SELECT COUNT(*) FROM incident_cert WHERE done_at = 0");
}

/* Nor for a certificate that is being revoked by itself: it stays in the set,
 * which is not at its end. */
static void
test_held_certificate(struct job *j)
{
	struct incident i = lab_incident(j, "i", 4, j->now);
	struct fixture_other other;

	fixture_certs(j, fixture_account(j), "30");
	(void)lab_incident_open(
	    j, &i, &(struct incident_selector){ .from = j->now });
	fixture_other_begin(&other, revoke_one);
	EXPECT(j, lab_incident_step(j), 1);
	assert_int_equal(undone(j), 1);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, lab_incident_step(j), 0); /* it looks again later */
	EXPECT(j, store_incident_by_id(j, "i", &i), 1);
	assert_int_equal(i.finished_at, 0);
	fixture_other_end(&other);
	j->now += 5;
	EXPECT(j, lab_incident_step(j), 1);
	assert_int_equal(undone(j), 0);
	lab_withdraw_all(j);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, store_incident_by_id(j, "i", &i), 1);
	assert_int_equal(i.finished_at, j->now);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit "
			     "WHERE event = 'certificate revoked'"),
	    29);
}

/* Whose set is there, and who is about to open it. */
static struct incident filled;

static int
open_filled(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	struct incident_fill f = { .is_done = true };

	return store_incident_filled(j, &filled, &all, j->now, &f) == 0 ? 1
									: -1;
}

/* A command that was stopped in the middle of its last bite, for longer than it
 * may: the issuer neither waits for it, nor says that it was not opened once it
 * has gone on. */
static void
test_stopped_command(struct job *j)
{
	struct fixture_other other;

	fixture_certs(j, fixture_account(j), "30");
	filled = lab_incident(j, "i", 4, j->now + 86400);
	filled.opened_at = j->now;
	COMMITTED(j, store_incident_begin(j, &filled));
	j->now += 301;
	fixture_other_begin(&other, open_filled);
	EXPECT(j, issuer_incident_undo_step(j), 0);
	fixture_other_end(&other);
	EXPECT(j, issuer_incident_undo_step(j), 0);
	EXPECT(j, store_incident_any_open(j), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit "
			     "WHERE event = 'incident not opened'"),
	    0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_PGSQL(test_two_issuers),
	STORE_TEST_PGSQL(test_held_certificate),
	STORE_TEST_PGSQL(test_stopped_command),
};
UNIT_MAIN(tests)
