/* Audit records and their chain (PK-19 to PK-21). */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/audit_mark.h"
#include "db/store_audit.h"
#include "db/store_private.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/seal.h"

static void
add_rows(struct job *j, int count)
{
	EXPECT(j, store_begin(j), 0);
	for (int i = 0; i < count; i++)
		EXPECT(j,
		    store_audit_add(j, "web", "order received",
			arena_printf(j->arena, "order:%d", i), "ok",
			i % 2 == 0 ? NULL : "{\"n\":1}"),
		    0);
	EXPECT(j, store_commit(j), 0);
}

static void
add_row(struct job *j, const char *object)
{
	EXPECT(j, store_audit_add(j, "web", "seen", object, "ok", NULL), 0);
}

/* PK-21: the records of a transaction are one chain, whatever part of it is
 * taken back, and what reads the head sees it as it is by then. */
static void
test_chain_in_one_transaction(struct job *j)
{
	struct audit_row *rows;
	size_t count;
	int64_t n;

	EXPECT(j, store_begin(j), 0);
	add_row(j, "kept");
	add_row(j, "kept");
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 2);
	EXPECT(j, store_savepoint(j), 0);
	add_row(j, "undone");
	EXPECT(j, store_savepoint(j), 0);
	add_row(j, "undone");
	EXPECT(j, store_savepoint_keep(j), 0);
	add_row(j, "undone");
	EXPECT(j, store_savepoint_undo(j), 0);
	add_row(j, "kept");
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, store_savepoint_undo(j), 0);
	add_row(j, "kept");
	EXPECT(j, store_commit(j), 0);

	EXPECT(j, store_begin(j), 0);
	add_row(j, "undone");
	store_rollback(j);
	COMMITTED(j, store_audit_add(j, "web", "seen", "kept", "ok", NULL));
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 5);
	EXPECT(j, store_audit_list(j, "kept", &rows, &count), 0);
	assert_int_equal(count, 5);
	EXPECT(j, store_audit_list(j, "undone", &rows, &count), 0);
	assert_int_equal(count, 0);
}

/* PK-20 */
static void
test_add_and_list(struct job *j)
{
	struct audit_row *rows;
	size_t count;
	int64_t n;

	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 0);
	clock_set(1700000000);
	COMMITTED(j, store_audit_add(j, "account:a", "order received",
			 "order:x", "ok", "{\"mailbox\":\"a@b.example\"}"));
	COMMITTED(j,
	    store_audit_add(j, "issuer", "unrelated", "order:y", "ok", NULL));
	COMMITTED(j, store_audit_add(j, "validator", "reply judged", "order:x",
			 "dkim.body-hash \xff", NULL));
	EXPECT(j, store_audit_list(j, "order:x", &rows, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].seq, 1);
	assert_int_equal(rows[0].at_ms, 1700000000000);
	assert_string_equal(rows[0].actor, "account:a");
	assert_string_equal(rows[0].event, "order received");
	assert_string_equal(rows[0].object, "order:x");
	assert_string_equal(rows[0].result, "ok");
	assert_string_equal(rows[0].detail, "{\"mailbox\":\"a@b.example\"}");
	assert_int_equal(rows[1].seq, 3);
	assert_string_equal(rows[1].result, "dkim.body-hash \xef\xbf\xbd");
	assert_null(rows[1].detail);
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 3);
	EXPECT(j, store_audit_list(j, "order:z", &rows, &count), 0);
	assert_int_equal(count, 0);
}

/* What is rolled back was never there. */
static void
test_rolled_back(struct job *j)
{
	int64_t n;

	add_rows(j, 2);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_audit_add(j, "web", "e", "o", "ok", NULL), 0);
	store_rollback(j);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, store_audit_add(j, "web", "e", "o", "ok", NULL), 0);
	EXPECT(j, store_savepoint_undo(j), 0);
	EXPECT(j, store_audit_add(j, "web", "f", "o", "ok", NULL), 0);
	EXPECT(j, store_commit(j), 0);
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 3);
}

/* PK-21: flip, removal, exchange, insertion, and the cut-off end. */
static void
test_tampering(struct job *j)
{
	static const struct {
		const char *name, *change, *error;
	} cases[] = {
		{ "text changed",
		    "UPDATE audit SET result = 'no' WHERE seq = 5",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "time changed",
		    "UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1",
		    "audit: row 1 was changed, or does not follow the one "
		    "before it" },
		{ "field moved into its neighbour",
		    "UPDATE audit SET actor = 'weborder', "
		    "event = ' received' WHERE seq = 5",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "absent detail made empty",
		    "UPDATE audit SET detail = '' WHERE seq = 5",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "hash of another row",
		    "UPDATE audit SET hash = "
		    "(SELECT hash FROM audit WHERE seq = 3) WHERE seq = 5",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "first removed", "DELETE FROM audit WHERE seq = 1",
		    "audit: row 1 is missing" },
		{ "one removed", "DELETE FROM audit WHERE seq = 5",
		    "audit: row 5 is missing" },
		{ "one removed, numbers closed up",
		    "DELETE FROM audit WHERE seq = 5;"
		    "UPDATE audit SET seq = 5 WHERE seq = 6;"
		    "UPDATE audit SET seq = 6 WHERE seq = 7;"
		    "UPDATE audit SET seq = 7 WHERE seq = 8",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "two exchanged",
		    "UPDATE audit SET seq = 100 WHERE seq = 5;"
		    "UPDATE audit SET seq = 5 WHERE seq = 6;"
		    "UPDATE audit SET seq = 6 WHERE seq = 100",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "end cut off", "DELETE FROM audit WHERE seq >= 7",
		    "audit: row 7 is missing" },
		{ "all removed", "DELETE FROM audit",
		    "audit: row 1 is missing" },
		{ "head's hash changed",
		    "UPDATE audit_head SET hash = "
		    "(SELECT hash FROM audit WHERE seq = 3)",
		    "audit: row 8 is not what the head says" },
		{ "head turned back", "UPDATE audit_head SET seq = 7",
		    "audit: row 7 is not what the head says" },
		{ "head removed", "DELETE FROM audit_head",
		    "audit: there is no head" },
	};
	static const char reset[] =
	    "DELETE FROM audit;"
	    "DELETE FROM audit_head;"
	    "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, NULL)";
	int64_t n;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		fixture_sql(j, reset);
		add_rows(j, 8);
		EXPECT(j, store_audit_verify(j, &n), 0);
		assert_int_equal(n, 8);
		fixture_sql(j, cases[i].change);
		assert_int_equal(store_audit_verify(j, &n), -1);
		assert_job_error(j, ERR_INTERNAL, cases[i].error);
		job_recover(j);
	}
	REFUSED(
	    j, store_audit_add(j, "web", "e", "o", "ok", NULL), ERR_INTERNAL);
}

static const struct seal_key *
issuers_key(struct job *j)
{
	static const uint8_t octets[32] = { 1, 2, 3 };

	return seal_key_new(j->arena, octets);
}

static int64_t
sign_head(struct job *j)
{
	struct audit_mark m = { .seq = 0 };
	int found;

	EXPECT(j, store_begin(j), 0);
	found = audit_mark_put(j, issuers_key(j), NULL, &m);
	assert_int_equal(found, m.seq > 0);
	EXPECT(j, store_commit(j), 0);
	return m.seq;
}

/* PK-21: who can write all rows cannot make them come to a signed head. */
static void
test_signed_heads(struct job *j)
{
	static const struct {
		const char *name, *change, *error;
	} cases[] = {
		{ "the end cut off, and the head set back",
		    "DELETE FROM audit WHERE seq >= 7; UPDATE audit_head SET "
		    "seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)",
		    "audit: row 8 is missing, and was the newest one of its "
		    "day" },
		{ "everything gone",
		    "DELETE FROM audit; UPDATE audit_head SET "
		    "seq = 0, hash = NULL",
		    "audit: row 4 is missing, and was the newest one of its "
		    "day" },
		{ "a head of a chain computed anew",
		    "UPDATE audit_mark SET hash = (SELECT hash FROM audit "
		    "WHERE seq = 3) WHERE seq = 4",
		    "audit: row 4 has a head of its day that carries no good "
		    "seal" },
		{ "a head moved", "UPDATE audit_mark SET seq = 5 WHERE seq = 4",
		    "audit: row 5 has a head of its day that carries no good "
		    "seal" },
		{ "a time changed",
		    "UPDATE audit_mark SET at = at + 1 "
		    "WHERE seq = 8",
		    "audit: row 8 has a head of its day that carries no good "
		    "seal" },
	};
	int64_t n, purged;

	assert_int_equal(sign_head(j), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		fixture_sql(j, "DELETE FROM audit; DELETE FROM audit_mark;"
			       "UPDATE audit_head SET seq = 0, hash = NULL");
		add_rows(j, 4);
		assert_int_equal(sign_head(j), 4);
		assert_int_equal(sign_head(j), 4);
		add_rows(j, 4);
		assert_int_equal(sign_head(j), 8);
		add_rows(j, 2);
		EXPECT(j,
		    store_audit_verify_sealed(j, issuers_key(j), &n, &purged),
		    0);
		assert_int_equal(n, 10);
		fixture_sql(j, cases[i].change);
		assert_int_equal(
		    store_audit_verify_sealed(j, issuers_key(j), &n, &purged),
		    -1);
		assert_job_error(j, ERR_INTERNAL, cases[i].error);
		job_recover(j);
	}
}

/* A signature that only this test can make. */
static int
sign_text(
    struct job *j, const void *ctx, struct span text, struct span *signature)
{
	*signature = span_str(arena_printf(
	    j->arena, "%s signs %.*s", (const char *)ctx, (int)text.n, text.p));
	return 0;
}

static int
verify_text(
    const void *ctx, struct span key, struct span text, struct span signature)
{
	struct job j;
	struct span right;
	int good;

	(void)ctx;
	if (!span_eq_str(key, "first") && !span_eq_str(key, "second"))
		return -1;
	job_init(&j, NULL, NULL);
	(void)sign_text(&j, span_dup(j.arena, key), text, &right);
	good = span_eq(signature, right);
	job_done(&j);
	return good;
}

static int64_t
sign_head_with(struct job *j, const char *key)
{
	const struct audit_signer signer = {
		.sign = sign_text, .ctx = key, .spki_sha256 = span_str(key)
	};
	struct audit_mark m = { .seq = 0 };

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, audit_mark_put(j, issuers_key(j), &signer, &m), 1);
	EXPECT(j, store_commit(j), 0);
	return m.seq;
}

/* PK-21: whoever has the seal's key, and can write all rows, cannot make them
 * come to a head that the issuer signed; former heads and keys still count. */
static void
test_signatures(struct job *j)
{
	static const struct audit_verifier verifier = { verify_text, NULL };
	const struct audit_trust trust = { issuers_key(j), &verifier };
	static const struct {
		const char *change, *error;
	} cases[] = {
		{ "UPDATE audit_mark SET signature = hash WHERE seq = 4",
		    "audit: row 4 has a head of its day that carries no good "
		    "signature" },
		{ "UPDATE audit_mark SET signature = (SELECT signature FROM "
		  "audit_mark WHERE seq = 4), spki_sha256 = (SELECT "
		  "spki_sha256 FROM audit_mark WHERE seq = 4) WHERE seq = 6",
		    "audit: row 6 has a head of its day that carries no good "
		    "signature" },
		{ "UPDATE audit_mark SET spki_sha256 = hash WHERE seq = 6",
		    "audit: row 6 has a head of its day by a key that is not "
		    "among those of issuer.audit_public_keys" },
		{ "UPDATE audit_mark SET signature = NULL WHERE seq = 6",
		    "audit: row 6 has a head of its day that is not signed, "
		    "while one before it is" },
	};
	struct audit_mark m;
	int64_t n, purged, since;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].change);
		fixture_sql(j, "DELETE FROM audit; DELETE FROM audit_mark;"
			       "UPDATE audit_head SET seq = 0, hash = NULL");
		add_rows(j, 2);
		assert_int_equal(sign_head(j), 2); /* sealed only, of before */
		add_rows(j, 2);
		assert_int_equal(sign_head_with(j, "first"), 4);
		add_rows(j, 2);
		assert_int_equal(sign_head_with(j, "second"), 6);
		EXPECT(j, store_audit_verify_with(j, &trust, &n, &purged), 0);
		assert_int_equal(n, 6);
		EXPECT(j, audit_mark_newest_signed(j, &m), 1);
		assert_int_equal(m.seq, 6);
		/* Whoever has the seal, but no key: as before. */
		fixture_sql(j, cases[i].change);
		EXPECT(j, store_audit_verify_sealed(j, trust.seal, &n, &purged),
		    0);
		EXPECT(j, store_audit_verify_with(j, &trust, &n, &purged), -1);
		assert_job_error(j, ERR_INTERNAL, cases[i].error);
		job_recover(j);
	}
	/* All signed ones taken away: that there are none is seen. */
	fixture_sql(j, "DELETE FROM audit_mark WHERE signature IS NOT NULL");
	j->now = clock_now() + AUDIT_MARK_LATE_SECS + 1;
	EXPECT(j, audit_mark_is_late(j, true, &since), 1);
	assert_true(since > 0);
}

/* What is signed is text that another program can verify. */
static void
test_head_text(struct job *j)
{
	const struct audit_mark m = {
		.seq = 17, .at = 1801396800, .hash = SPAN("\x01\x23")
	};

	assert_string_equal(audit_mark_text(j, &m),
	    "countersign audit head 2\nrecord 17\nat 2027-01-31T12:00:00Z\n"
	    "sha256 0123\n");
}

/* PK-21: another chain, whole in itself; without the seal's key it is seen as
 * long as the heads are the true ones. */
static void
test_other_chain(struct job *j)
{
	int64_t n;

	add_rows(j, 6);
	assert_int_equal(sign_head(j), 6);
	fixture_sql(j, "DELETE FROM audit;"
		       "UPDATE audit_head SET seq = 0, hash = NULL");
	clock_set(1700000001);
	add_rows(j, 7);
	assert_int_equal(store_audit_verify(j, &n), -1);
	assert_job_error(j, ERR_INTERNAL,
	    "audit: row 6 is not what the head of its day says");
	job_recover(j);
}

/* More rows than are read at once. */
static void
test_long_chain(struct job *j)
{
	int64_t n;

	add_rows(j, 1203);
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 1203);
	fixture_sql(j, "UPDATE audit SET object = 'order:x' WHERE seq = 1001");
	assert_int_equal(store_audit_verify(j, &n), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_non_null(strstr(j->err.text, "row 1001 "));
	assert_int_equal(n, 1000);
}

static int
append_many(struct job *j, void *ctx)
{
	(void)ctx;
	for (int i = 0; i < 25; i++) {
		if (store_begin(j) != 0 ||
		    store_audit_add(j, "web", "e", "o", "ok", NULL) != 0 ||
		    store_commit(j) != 0)
			return 1;
	}
	return 0;
}

/* Writers at once: one chain. */
static void
test_writers_at_once(struct job *j)
{
	int pids[6];
	int64_t n;

	for (size_t i = 0; i < 6; i++)
		pids[i] = fixture_fork(append_many, NULL);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(fixture_wait(pids[i]), 0);
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_int_equal(n, 150);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_add_and_list),
	STORE_TEST(test_chain_in_one_transaction),
	STORE_TEST(test_rolled_back),
	STORE_TEST(test_tampering),
	STORE_TEST(test_signed_heads),
	STORE_TEST(test_signatures),
	STORE_TEST_SQLITE(test_head_text),
	STORE_TEST(test_other_chain),
	STORE_TEST(test_long_chain),
	STORE_TEST(test_writers_at_once),
};

UNIT_MAIN(tests)
