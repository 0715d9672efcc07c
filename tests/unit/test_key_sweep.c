/*
 * A compromised key of more certificates than one transaction revokes: AC-158,
 * PK-77, PK-181.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <signal.h>

#include "acme/revoke.h"
#include "db/store_key_sweep.h"
#include "lib/arena.h"
#include "src/role_issuer.h"

#define MANY "3000"
#define MANY_COUNT 3000

static int64_t
revoked(struct job *j)
{
	return fixture_count(
	    j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0");
}

static int64_t
recorded(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(DISTINCT object) FROM audit "
				"WHERE event = 'certificate revoked'");
}

static struct revoked_sum
block(struct job *j, const struct key_hash *key)
{
	const struct revocation how = { REASON_KEY_COMPROMISE, "operator:one",
		SPAN("proof") };
	struct revoked_sum sum;

	COMMITTED(j, revoke_key(j, key, &how, "test", &sum));
	return sum;
}

/* What the issuer does until it has nothing to do: no step has more than a
 * bite. */
static void
expect_end(struct job *j, int64_t all)
{
	int64_t before = revoked(j), now;

	while (before < all) {
		EXPECT(j, issuer_key_step(j), 1);
		now = revoked(j);
		assert_in_range(now - before, 1, 2 * REVOKE_BITE);
		assert_int_equal(recorded(j), now);
		before = now;
	}
	EXPECT(j, issuer_key_step(j), 0);
	assert_int_equal(revoked(j), all);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'certificate revoked'"),
	    all);
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM cert WHERE reason = 1 AND "
		"revoked_by = 'operator:one' AND length(revocation) = 5 "
		"AND list_due_at > 0"),
	    all);
}

/* The block is there before the others are revoked, and whoever says so again
 * meanwhile begins nothing. */
static void
test_bites(struct job *j)
{
	const struct key_hash *key = KEY_BY_SPKI(SPAN("key"));
	struct revoked_sum sum;

	fixture_certs(j, fixture_account(j), MANY);
	fixture_sql(j, fixture_is_pgsql()
			   ? "UPDATE cert SET spki_sha256 = 'other' "
			     "WHERE id = 'c1'"
			   : "UPDATE cert SET spki_sha256 = CAST('other' AS "
			     "BLOB) WHERE id = 'c1'");
	fixture_sql(j, "UPDATE cert SET not_after = 5 WHERE id = 'c2'");
	sum = block(j, key);
	assert_int_equal(sum.count, REVOKE_BITE);
	assert_true(sum.goes_on);
	assert_string_equal(revoked_sum_text(j, &sum),
	    "500, and the issuer goes on with the others");
	assert_int_equal(revoked(j), REVOKE_BITE);
	EXPECT(j, store_key_is_blocked(j, key, NULL), 1);
	sum = block(j, key);
	assert_int_equal(sum.count, 0);
	assert_true(sum.goes_on);
	expect_end(j, MANY_COUNT - 2);
	sum = block(j, key);
	assert_int_equal(sum.count, 0);
	assert_false(sum.goes_on);
	assert_string_equal(revoked_sum_text(j, &sum), "0");
	EXPECT(j, issuer_key_step(j), 0);
}

/* PK-76: half of them with the key in another encoding. */
static void
test_encodings(struct job *j)
{
	const struct key_hash key = { SPAN("key"), SPAN("bare") };

	fixture_certs(j, fixture_account(j), MANY);
	fixture_sql(j,
	    fixture_is_pgsql()
		? "UPDATE cert SET bare_sha256 = 'bare', spki_sha256 = CASE "
		  "WHEN id LIKE '%1' THEN 'key'::bytea ELSE 'odd'::bytea END"
		: "UPDATE cert SET bare_sha256 = CAST('bare' AS BLOB), "
		  "spki_sha256 = CAST(CASE WHEN id LIKE '%1' THEN 'key' ELSE "
		  "'odd' END AS BLOB)");
	assert_true(block(j, &key).goes_on);
	expect_end(j, MANY_COUNT);
}

/* Few: all of them at once, as ever. */
static void
test_few(struct job *j)
{
	struct revoked_sum sum;

	fixture_certs(j, fixture_account(j), "20");
	sum = block(j, KEY_BY_SPKI(SPAN("key")));
	assert_int_equal(sum.count, 20);
	assert_false(sum.goes_on);
	expect_end(j, 20);
}

static int
die_within(struct job *j, void *ctx)
{
	(void)ctx;
	if (issuer_key_step(j) != 1 || store_begin(j) < 0 ||
	    revoke_key_sweep(j) != 1)
		return 1;
	raise(SIGKILL);
	return 2;
}

/* Killed in the middle of a bite, again and again: what was committed is
 * there with its records, and it goes on. */
static void
test_killed(struct job *j)
{
	fixture_certs(j, fixture_account(j), MANY);
	assert_true(block(j, KEY_BY_SPKI(SPAN("key"))).goes_on);
	for (int64_t bites = 2; bites <= 4; bites++) {
		assert_int_equal(fixture_wait(fixture_fork(die_within, NULL)),
		    128 + SIGKILL);
		assert_int_equal(revoked(j), bites * REVOKE_BITE);
		assert_int_equal(recorded(j), bites * REVOKE_BITE);
	}
	expect_end(j, MANY_COUNT);
}

static void
expect_taken(struct job *j, const char *id)
{
	struct key_sweep s;

	EXPECT(j, store_key_sweep_take(j, &s), 1);
	assert_string_equal(s.id, id);
}

/* Two issuers, with PostgreSQL: neither waits for the other, which would be a
 * failure (lock_timeout); where there is another key, that one is taken. */
static void
test_two_issuers(struct job *j)
{
	struct fixture_other other;

	fixture_certs(j, fixture_account(j), MANY);
	fixture_sql(j, "UPDATE cert SET spki_sha256 = 'two' WHERE id LIKE "
		       "'c1%'"); /* 1111 of them */
	assert_true(block(j, KEY_BY_SPKI(SPAN("key"))).goes_on);
	fixture_other_begin(&other, revoke_key_sweep);
	EXPECT(j, issuer_key_step(j), 0);
	assert_int_equal(revoked(j), REVOKE_BITE);
	/* Audit records follow one another: they wait for the other's. */
	fixture_sql(j, "INSERT INTO key_sweep (id, spki_sha256, revoked_by, "
		       "begun_at) VALUES ('later', 'two', 'test', 1900000000)");
	EXPECT(j, store_begin(j), 0);
	expect_taken(j, "later");
	store_rollback(j);
	fixture_sql(j, "DELETE FROM key_sweep WHERE id = 'later'");
	fixture_other_end(&other);
	expect_end(j, MANY_COUNT - 1111);
}

static int
revoke_one(struct job *j)
{
	const struct revocation how = { 4, "operator:two", { NULL, 0 } };

	return store_revoke_cert(j, "c1", &how);
}

/* Nor does it for a certificate that is being revoked by itself; the key goes
 * when that is done. */
static void
test_held_certificate(struct job *j)
{
	struct fixture_other other;
	struct revoked_sum sum;

	fixture_certs(j, fixture_account(j), "20");
	fixture_other_begin(&other, revoke_one);
	sum = block(j, KEY_BY_SPKI(SPAN("key")));
	assert_int_equal(sum.count, 19);
	assert_true(sum.goes_on);
	EXPECT(j, issuer_key_step(j), 0);
	fixture_other_end(&other);
	EXPECT(j, issuer_key_step(j), 1);
	EXPECT(j, issuer_key_step(j), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM key_sweep"), 0);
	assert_int_equal(revoked(j), 20);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_bites),
	STORE_TEST(test_encodings),
	STORE_TEST(test_few),
	STORE_TEST(test_killed),
	STORE_TEST_PGSQL(test_two_issuers),
	STORE_TEST_PGSQL(test_held_certificate),
};

UNIT_MAIN(tests)
