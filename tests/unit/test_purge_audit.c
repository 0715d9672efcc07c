/*
 * Purging the audit trail: the chain holds across what is gone (PK-22), and a
 * gap is no way to cut anything out (PK-21).
 */
#include "config.h"

#include "tests/unit/purge_lab.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_purge.h"
#include "lib/count.h"
#include "src/purge.h"
#include "src/role_issuer.h"
#include "tests/unit/role_lab.h"

static void
note(struct job *j, const char *object)
{
	COMMITTED(j, store_audit_add(j, "admin", "x", object, "ok", NULL));
}

/* Subscriber's records while the subscriber's certificate counts, a CA key's
 * until that has ended, others as security events; each by itself. */
static void
test_PK_22_audit_records(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int64_t orders, keys, ended;

	purge_lab_init(&lab, j);
	note(j, "mailbox:early@example.org");
	c = purge_lab_prove(&lab);
	note(j, arena_printf(j->arena, "account:%s", lab.account.id));
	note(j, arena_printf(j->arena, "cert:%s", c.id));
	note(j, "profile:mailbox-strict");
	COMMITTED(j, store_shard_set(j, c.ca_label, 0, "http://crl.example"));
	note(j, "mailbox:late@example.org");
	orders = purge_lab_records(j, "order") + purge_lab_records(j, "authz");
	keys = purge_lab_records(j, "ca");
	assert_true(orders >= 4);
	assert_true(keys >= 1);

	REFUSED(j, store_key_ended(j, "nobody", 1), ERR_MALFORMED);
	REFUSED(j, store_key_ended(j, c.ca_label, 1), ERR_CONFLICT);
	/* Said too early, by whoever may write the row: it counts for nothing
	 * while the key is seen to be of use. */
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO ca_key_end (ca_label, ended_at) VALUES ('%s', 1)",
		c.ca_label));
	role_lab_at(&lab, FIXTURE_NOW + RETENTION - 1);
	purge_lab_run(&lab);
	purge_lab_chain_verifies(&lab, 0);
	note(j, "eab:x"); /* for the newest one stays */
	role_lab_at(&lab, FIXTURE_NOW + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_records(j, "mailbox"), 0);
	assert_int_equal(purge_lab_records(j, "account"), 1);
	assert_int_equal(purge_lab_records(j, "cert"), 1);
	assert_int_equal(purge_lab_records(j, "profile"), 1);
	assert_int_equal(purge_lab_records(j, "ca"), keys);
	assert_int_equal(
	    purge_lab_records(j, "order") + purge_lab_records(j, "authz"),
	    orders);
	purge_lab_chain_verifies(&lab, 2);
	fixture_sql(j, "DELETE FROM ca_key_end");

	role_lab_at(&lab, c.not_after + RETENTION - 1);
	purge_lab_run(&lab);
	assert_int_equal(
	    purge_lab_records(j, "order") + purge_lab_records(j, "authz"),
	    orders);
	assert_int_equal(purge_lab_records(j, "cert"), 1);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
	assert_int_equal(
	    purge_lab_records(j, "order") + purge_lab_records(j, "authz"), 0);
	assert_int_equal(purge_lab_records(j, "ca"), keys);
	role_lab_at(&lab, j->now + 40 * DAY);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_records(j, "account"), 0);
	assert_int_equal(purge_lab_records(j, "cert"), 0);
	assert_int_equal(purge_lab_records(j, "profile"), 1);
	purge_lab_chain_verifies(&lab, 4 + orders);

	ended = j->now;
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE crl SET this_update = %lld WHERE der IS NOT NULL",
		   (long long)ended - 5));
	REFUSED(j, store_key_ended(j, c.ca_label, ended - 6), ERR_CONFLICT);
	COMMITTED(j, store_key_ended(j, c.ca_label, ended));
	role_lab_at(&lab, ended + RETENTION - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_records(j, "ca"), keys);
	role_lab_at(&lab, ended + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_records(j, "ca"), 0);
	assert_int_equal(purge_lab_records(j, "profile"), 0);
	role_lab_at(&lab, j->now + 10 * RETENTION);
	purge_lab_run(&lab);
	assert_true(purge_lab_rows(j, "audit") > 0);
	assert_int_equal(purge_lab_rows(j, "audit_gap"), 1);
	purge_lab_chain_verifies(
	    &lab, fixture_count(j, "SELECT to_seq FROM audit_gap"));
}

/* A chain of which 1 to 4 and 6 were purged. */
static void
make_gaps(struct role_lab *lab)
{
	struct job *j = lab->j;

	fixture_sql(j,
	    "DELETE FROM audit; DELETE FROM audit_gap; "
	    "DELETE FROM audit_head; "
	    "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, NULL)");
	role_lab_at(lab, FIXTURE_NOW);
	for (int i = 1; i <= 9; i++)
		note(j, i == 5 || i > 6 ? "ca:a" : "mailbox:a");
	role_lab_at(lab, FIXTURE_NOW + RETENTION);
	purge_lab_run(lab);
	/* And one that tells of it. */
	assert_int_equal(purge_lab_rows(j, "audit"), 5);
	assert_int_equal(purge_lab_rows(j, "audit_gap"), 2);
	purge_lab_chain_verifies(lab, 5);
}

/* PK-21: a gap is no way to cut anything out. */
static void
test_PK_21_cut_beside_a_gap(struct job *j)
{
#define MISSING "is missing"
#define UNSEALED                                                               \
	"is missing, and what says that it was purged carries no good seal"
	static const struct {
		const char *name, *change, *error;
	} cases[] = {
		{ "one more removed", "DELETE FROM audit WHERE seq = 5",
		    "audit: row 5 " MISSING },
		{ "gap removed", "DELETE FROM audit_gap WHERE from_seq = 1",
		    "audit: row 1 " MISSING },
		{ "gap made longer",
		    "DELETE FROM audit WHERE seq = 7; "
		    "UPDATE audit_gap SET to_seq = 7 WHERE to_seq = 6",
		    "audit: row 6 " UNSEALED },
		{ "gap of one's own",
		    "INSERT INTO audit_gap (from_seq, to_seq, before_hash, "
		    "after_hash, newest_at, purged_at, seal) SELECT 8, 8, "
		    "(SELECT hash FROM audit WHERE seq = 7), hash, 1, "
		    "100000000, 'x' FROM audit WHERE seq = 8; "
		    "DELETE FROM audit WHERE seq = 8",
		    "audit: row 8 " UNSEALED },
		{ "a good gap in another place",
		    "DELETE FROM audit WHERE seq = 8; "
		    "UPDATE audit_gap SET from_seq = 8, to_seq = 8 "
		    "WHERE from_seq = 6",
		    "audit: row 6 " MISSING },
		{ "row changed beside a gap",
		    "UPDATE audit SET result = 'no' WHERE seq = 5",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "the newest ones removed", "DELETE FROM audit WHERE seq > 8",
		    "audit: row 9 " MISSING },
	};
	struct role_lab lab;
	int64_t count, purged;

	purge_lab_init(&lab, j);
	fixture_sql(j, "UPDATE orders SET life_until = 9000000000");
	fixture_sql(j, "UPDATE authz SET expires_at = 9000000000");
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		make_gaps(&lab);
		fixture_sql(j, cases[i].change);
		assert_int_equal(store_audit_verify_sealed(
				     j, lab.issuer.seal, &count, &purged),
		    -1);
		assert_job_error(j, ERR_INTERNAL, cases[i].error);
		job_recover(j);
	}
}

/* What does not verify is not purged: it would be gone for good. */
static void
test_PK_21_purge_hides_no_change(struct job *j)
{
	static const char *const changes[] = {
		"UPDATE audit SET result = 'no' WHERE seq = 4",
		"DELETE FROM audit WHERE seq = 3",
		"UPDATE audit SET keep_from = 0, at_ms = 1 WHERE seq = 5",
	};
	struct role_lab lab;
	int64_t count, purged;
	int r;

	purge_lab_init(&lab, j);
	fixture_sql(j, "UPDATE orders SET life_until = 9000000000");
	fixture_sql(j, "UPDATE authz SET expires_at = 9000000000");
	for (size_t i = 0; i < COUNT(changes); i++) {
		unit_case("%s", changes[i]);
		make_gaps(&lab);
		fixture_sql(j, "DELETE FROM audit; DELETE FROM audit_gap; "
			       "UPDATE audit_head SET seq = 0, hash = NULL");
		role_lab_at(&lab, FIXTURE_NOW);
		for (int n = 1; n <= 9; n++)
			note(j, "mailbox:a");
		fixture_sql(j, changes[i]);
		role_lab_at(&lab, FIXTURE_NOW + RETENTION);
		lab.issuer.purge.due_at = 0;
		while ((r = issuer_purge_step(&lab.issuer, j)) > 0)
			;
		assert_int_equal(r, -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		assert_non_null(strstr(j->err.text, "nothing of the chain"));
		job_recover(j);
		store_rollback(j);
		assert_int_equal(store_audit_verify_sealed(
				     j, lab.issuer.seal, &count, &purged),
		    -1);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_PK_22_audit_records),
	STORE_TEST(test_PK_21_cut_beside_a_gap),
	STORE_TEST(test_PK_21_purge_hides_no_change),
};
UNIT_MAIN(tests)
