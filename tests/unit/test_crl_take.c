/*
 * L-66, PK-153: a database that was restored from a backup which is older than
 * the list that is served: nothing that was revoked is lost, and what is on
 * the list comes back into the database.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>
#include <unistd.h>

#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/crl.h"
#include "src/crl_take.h"
#include "src/role_issuer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)

/*
 * The backup has 0101, revoked, and 0103 and 0105; the list has 0103 and 0105
 * too, which were revoked later, and 0102 and 0107, which were issued later.
 */
static void
restore(struct list_lab *lab, struct job *j)
{
	list_lab_init(lab, j);
	for (size_t k = 0; k < 3; k++)
		list_lab_issue(lab,
		    (const char *const[]){ "0101", "0103", "0105" }[k],
		    j->now + 300 * DAY);
	status_lab_revoke(lab->j, "0101", 4);
	status_lab_run(j, &lab->issuer);
	status_lab_at(j, FIXTURE_NOW + DAY);
	list_lab_issue(lab, "0102", j->now + 300 * DAY);
	list_lab_issue(lab, "0107", j->now + 300 * DAY);
	status_lab_revoke(lab->j, "0102", 1);
	status_lab_revoke(lab->j, "0103", 5);
	status_lab_revoke(lab->j, "0105", 1);
	status_lab_revoke(lab->j, "0107", 4);
	status_lab_run(j, &lab->issuer);
	assert_string_equal(status_lab_listed(lab->j, &lab->issuer),
	    "0101:4 0102:1 0103:5 0105:1 0107:4");
	fixture_sql(j,
	    "DELETE FROM cert WHERE id IN ('0102', '0107'); "
	    "UPDATE cert SET revoked_at = 0, reason = 0, revoked_by = NULL, "
	    "list_due_at = NULL, ocsp_due_at = NULL WHERE id <> '0101'; "
	    "DELETE FROM crl WHERE number > 2");
	status_lab_at(j, FIXTURE_NOW + 2 * DAY);
}

/* Refused until it is taken over: whoever can write rows takes none back. */
static void
test_take(struct job *j)
{
	struct crl_input before, after;
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	before = status_lab_list(j, &lab.issuer);
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "countersign crl take"));
	job_recover(j);
	EXPECT(j, crl_take(j, &lab.issuer, "operator:ann", &t), 0);
	assert_int_equal(t.lists, 1);
	assert_int_equal(t.revoked, 2);
	assert_int_equal(t.known, 1);
	assert_int_equal(t.unknown, 2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at = "
			     "1800172800 AND revoked_by = 'operator:ann' AND "
			     "((id = '0103' AND reason = 5) OR (id = '0105' "
			     "AND reason = 1))"),
	    2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM blocked_key"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'certificate revoked'"),
	    2);
	assert_int_equal(
	    fixture_count(j, "SELECT MAX(number) FROM crl WHERE der IS NOT "
			     "NULL"),
	    before.number);
	unit_log_begin();
	status_lab_run(j, &lab.issuer);
	assert_non_null(strstr(unit_log_end(), "revocation lost"));
	after = status_lab_list(j, &lab.issuer);
	assert_true(after.number > before.number);
	assert_string_equal(status_lab_listed(j, &lab.issuer),
	    "0101:4 0102:1 0103:5 0105:1 0107:4");
	/* Twice is once; and what no row has goes on from list to list. */
	EXPECT(j, crl_take(j, &lab.issuer, "operator:ann", &t), 0);
	assert_int_equal(t.revoked, 0);
	assert_int_equal(t.known, 3);
	status_lab_at(j, FIXTURE_NOW + 4 * DAY);
	status_lab_run(j, &lab.issuer);
	assert_true(status_lab_list(j, &lab.issuer).number > after.number);
	assert_string_equal(status_lab_listed(j, &lab.issuer),
	    "0101:4 0102:1 0103:5 0105:1 0107:4");
}

static void
refused(struct list_lab *lab, struct crl_taken *t, enum err_kind kind)
{
	struct job *j = lab->j;

	assert_int_equal(crl_take(j, &lab->issuer, "operator", t), -1);
	assert_int_equal(j->err.kind, kind);
	job_recover(j);
}

static void
test_no_list(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	EXPECT(j,
	    file_write(j, lab.conf.issuer.crl_file, 0644, SPAN("another")), 0);
	refused(&lab, &t, ERR_INTERNAL);
	assert_int_equal(unlink(lab.conf.issuer.crl_file), 0);
	refused(&lab, &t, ERR_CONFLICT);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    1);
}

/* What was made meanwhile has its number: the revocations are taken, and it is
 * said. */
static void
test_other_list(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	fixture_sql(j, "UPDATE crl SET number = 3 WHERE number = 2");
	refused(&lab, &t, ERR_CONFLICT);
	assert_int_equal(t.revoked, 2);
}

static int64_t
blocked(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM blocked_key");
}

static int64_t
keys_recorded(struct job *j)
{
	return fixture_count(
	    j, "SELECT COUNT(*) FROM audit WHERE event = 'key blocked'");
}

/* PK-180, PK-181: the backup has the revocation, and not that it was for
 * keyCompromise. */
static void
test_reason(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	status_lab_revoke(j, "0105", 4);
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.raised, 1);
	assert_int_equal(t.revoked, 1);
	assert_int_equal(t.known, 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE id = '0105' "
			     "AND reason = 1 AND list_due_at > 0"),
	    1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE id = '0101' "
			     "AND reason = 4"),
	    1);
	assert_int_equal(blocked(j), 1);
	assert_int_equal(keys_recorded(j), 1);
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.raised, 0);
	assert_int_equal(t.known, 3);
	assert_int_equal(keys_recorded(j), 1);
	/* The proof came after the backup, and the reason before it. */
	fixture_sql(j, "DELETE FROM blocked_key");
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.known, 3);
	assert_int_equal(blocked(j), 1);
	status_lab_run(j, &lab.issuer);
	assert_string_equal(status_lab_listed(j, &lab.issuer),
	    "0101:4 0102:1 0103:5 0105:1 0107:4");
}

static bool
is_revoked(struct job *j, const char *id)
{
	return fixture_count(j, arena_printf(j->arena,
				    "SELECT COUNT(*) FROM cert WHERE id = '%s' "
				    "AND revoked_at > 0",
				    id)) == 1;
}

/* L-65: two rows have each other's number: revoked is the certificate that is
 * on the list, and not the one in whose row its number stands. */
static void
test_swapped(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	list_lab_issue(&lab, "0109", j->now + 300 * DAY);
	fixture_sql(j,
	    "UPDATE cert SET spki_sha256 = profile_sha256 WHERE id = '0109'; "
	    "UPDATE cert SET serial = 'x' WHERE id = '0105'; "
	    "UPDATE cert SET serial = '0105' WHERE id = '0109'; "
	    "UPDATE cert SET serial = '0109' WHERE id = '0105'");
	unit_log_begin();
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_non_null(strstr(unit_log_end(), "cert=0109 serial=0105"));
	assert_int_equal(t.revoked, 2);
	assert_int_equal(t.foreign, 1);
	assert_int_equal(t.unknown, 2);
	assert_true(is_revoked(j, "0105"));
	assert_false(is_revoked(j, "0109"));
	assert_int_equal(blocked(j), 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM blocked_key "
					  "WHERE spki_sha256 = (SELECT "
					  "spki_sha256 FROM cert WHERE "
					  "id = '0105')"),
	    1);
	status_lab_run(j, &lab.issuer);
	assert_string_equal(status_lab_listed(j, &lab.issuer),
	    "0101:4 0102:1 0103:5 0105:1 0107:4");
}

/* L-65: several such are found in one look at all rows. */
static void
test_rotated(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	list_lab_issue(&lab, "0109", j->now + 300 * DAY);
	fixture_sql(j, "UPDATE cert SET spki_sha256 = profile_sha256 "
		       "WHERE id IN ('0103', '0109'); "
		       "UPDATE cert SET serial = 'x' WHERE id = '0103'; "
		       "UPDATE cert SET serial = '0103' WHERE id = '0105'; "
		       "UPDATE cert SET serial = '0105' WHERE id = '0109'; "
		       "UPDATE cert SET serial = '0109' WHERE id = '0103'");
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.revoked, 2);
	assert_int_equal(t.foreign, 2);
	assert_int_equal(t.unknown, 2);
	assert_true(is_revoked(j, "0103"));
	assert_true(is_revoked(j, "0105"));
	assert_false(is_revoked(j, "0109"));
}

/* L-65: whatever number that row was given, be it none at all. */
static void
test_no_number(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	list_lab_issue(&lab, "0109", j->now + 300 * DAY);
	fixture_sql(j, "UPDATE cert SET spki_sha256 = profile_sha256 "
		       "WHERE id = '0109'; "
		       "UPDATE cert SET serial = '' WHERE id = '0105'; "
		       "UPDATE cert SET serial = '0105' WHERE id = '0109'");
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.foreign, 1);
	assert_int_equal(t.unknown, 2);
	assert_true(is_revoked(j, "0105"));
	assert_false(is_revoked(j, "0109"));
}

/* Nothing in the row says whose it is; or it is another CA's of the same
 * number. */
static void
test_foreign(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	fixture_sql(j,
	    "UPDATE cert SET evidence = '{}' WHERE id = '0103'; "
	    "UPDATE cert SET ca_label = 'another' WHERE id = '0105'");
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.revoked, 0);
	assert_int_equal(t.known, 1);
	assert_int_equal(t.foreign, 1);
	assert_int_equal(t.unknown, 4);
	assert_false(is_revoked(j, "0103"));
	assert_false(is_revoked(j, "0105"));
	assert_int_equal(blocked(j), 0);
}

/* PK-145: a number of which nobody knows whether it was signed. */
static void
test_reserved(struct job *j)
{
	struct crl_taken t;
	struct list_lab lab;

	restore(&lab, j);
	fixture_sql(j, "UPDATE cert SET issued_at = 0, der = NULL, sha256 = "
		       "NULL WHERE id = '0103'");
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
	assert_int_equal(t.revoked, 2);
	assert_true(is_revoked(j, "0103"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_take),
	STORE_TEST(test_no_list),
	STORE_TEST(test_other_list),
	STORE_TEST(test_reason),
	STORE_TEST(test_swapped),
	STORE_TEST(test_rotated),
	STORE_TEST(test_no_number),
	STORE_TEST(test_foreign),
	STORE_TEST(test_reserved),
};
UNIT_MAIN(tests)
