/*
 * An incident with certificates of a CA whose key was destroyed (PK-156,
 * PK-185, PK-207): it ends, and says what no list can show.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "db/store_incident.h"
#include "lib/arena.h"
#include "tests/unit/incident_lab.h"

static bool
is_finished(struct job *j)
{
	struct incident i;

	EXPECT(j, store_incident_by_id(j, "i", &i), 1);
	return i.finished_at != 0;
}

static int64_t
recorded(struct job *j, const char *result)
{
	return fixture_count(j,
	    arena_printf(j->arena,
		"SELECT COUNT(*) FROM audit WHERE event = 'incident finished' "
		"AND object = 'incident:i' AND result = '%s'",
		result));
}

/* Four certificates, of which one is another CA's; all are revoked. */
static void
revoke_all(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	struct incident i = lab_incident(j, "i", 4, j->now);

	fixture_certs(j, fixture_account(j), "4");
	fixture_sql(j, "UPDATE cert SET ca_label = 'bb' WHERE id = 'c1'");
	assert_int_equal(lab_incident_open(j, &i, &all), 4);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, lab_incident_step(j), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    4);
	assert_false(is_finished(j));
}

static void
destroy(struct job *j, int64_t begun_at)
{
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO destroyed_key (spki_sha256, spki, ca_label, "
		"method, witnesses, is_compromised, asked_by, asked_at, "
		"begun_at) VALUES (%s, %s, 'aa', 'm', '[]', 0, 'one', 1, %lld)",
		fixture_is_pgsql() ? "'k'" : "CAST('k' AS BLOB)",
		fixture_is_pgsql() ? "'k'" : "CAST('k' AS BLOB)",
		(long long)begun_at));
}

static void
look_again(struct job *j)
{
	j->now += 60;
	EXPECT(j, lab_incident_step(j), 1);
}

/* The other CA's list is waited for, that CA's is not. */
static void
test_destroyed(struct job *j)
{
	int64_t unlisted;

	revoke_all(j);
	destroy(j, 1);
	look_again(j);
	assert_false(is_finished(j));
	fixture_sql(j, "UPDATE cert SET list_due_at = NULL WHERE id = 'c1'");
	/* One has expired: nobody takes it for valid. */
	fixture_sql(j, "UPDATE cert SET not_after = 1 WHERE id = 'c2'");
	look_again(j);
	assert_true(is_finished(j));
	EXPECT(j, store_incident_unlisted(j, "i", &unlisted), 0);
	assert_int_equal(unlisted, 2);
	assert_int_equal(recorded(j, "unlisted"), 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit "
					  "WHERE detail = '{\"unlisted\":2}'"),
	    1);
}

/* One that is only asked for can still sign a list. */
static void
test_asked_for(struct job *j)
{
	revoke_all(j);
	destroy(j, 0);
	look_again(j);
	assert_false(is_finished(j));
	fixture_sql(j, "UPDATE cert SET list_due_at = NULL");
	look_again(j);
	assert_true(is_finished(j));
	assert_int_equal(recorded(j, "ok"), 1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_destroyed),
	STORE_TEST(test_asked_for),
};
UNIT_MAIN(tests)
