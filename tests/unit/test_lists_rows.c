/*
 * Rows that say something else than their certificates: PK-151, PK-160, L-62,
 * L-65, L-66.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "pki/crl.h"
#include "src/role_issuer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static int64_t
count_strays(struct job *j)
{
	return fixture_count(j,
	    "SELECT COUNT(*) FROM audit WHERE event = 'revocation rows' "
	    "AND result = 'not ours'");
}

static int64_t
count_spoiled(struct job *j)
{
	return fixture_count(j,
	    "SELECT COUNT(*) FROM audit WHERE event = 'revocation rows' "
	    "AND result = 'spoiled'");
}

static void
spoil(struct job *j, const char *id, const char *serial)
{
	fixture_sql(j,
	    arena_printf(j->arena,
		"UPDATE cert SET serial = '%s' WHERE id = '%s'", serial, id));
}

/* L-62, L-65: a row that says another list than its certificate, or another
 * number.  It is told, keeps nothing else from being published, and can be put
 * right. */
static void
test_strays(struct job *j)
{
	struct list_lab lab;
	const char *log;

	list_lab_init(&lab, j);
	lab.conf.issuer.crl_shards = 2;
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	for (int i = 0; i < 3; i++)
		list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	list_lab_publish(&lab);
	assert_int_equal(count_strays(j), 0);

	status_lab_at(j, FIXTURE_NOW + HOUR);
	fixture_sql(j, "UPDATE cert SET shard = 1 WHERE id = 'cert1'");
	fixture_sql(j, "UPDATE cert SET serial = '0155' WHERE id = 'cert2'");
	status_lab_revoke(j, "cert1", 1);
	status_lab_revoke(j, "cert2", 1);
	status_lab_revoke(j, "cert3", 1);
	unit_log_begin();
	list_lab_publish(&lab);
	log = unit_log_end();
	assert_non_null(strstr(log, "serial=0101 shard=1 error=\"its "
				    "certificate names another list"));
	assert_non_null(strstr(log, "cert=cert2 shard=0 serial=\"0155\" "
				    "listed_as=0102"));
	assert_null(strstr(log, "serial=0103 shard"));
	assert_int_equal(count_strays(j), 1);
	assert_int_equal(count_spoiled(j), 1);
	assert_true(list_lab_has(&lab, 0, "0102"));
	assert_false(list_lab_has(&lab, 0, "0155"));
	assert_true(list_lab_has(&lab, 0, "0103"));
	assert_false(list_lab_has(&lab, 0, "0101"));

	/* The next list has it for the second time. */
	status_lab_at(j, FIXTURE_NOW + 25 * HOUR);
	unit_log_begin();
	list_lab_publish(&lab);
	log = unit_log_end();
	assert_null(strstr(log, "not ours"));
	assert_non_null(strstr(log, "cert=cert2 shard=0"));
	assert_int_equal(count_strays(j), 1);
	assert_true(list_lab_has(&lab, 0, "0102"));

	/* L-66 does not hold it on a list that is not its own. */
	status_lab_at(j, FIXTURE_NOW + 26 * HOUR);
	fixture_sql(j, "UPDATE cert SET shard = 0, list_due_at = 1 "
		       "WHERE id = 'cert1'");
	list_lab_publish(&lab);
	assert_true(list_lab_has(&lab, 0, "0101"));
	status_lab_at(j, FIXTURE_NOW + 51 * HOUR);
	list_lab_publish(&lab);
	assert_false(list_lab_has(&lab, 1, "0101"));
	assert_int_equal(count_strays(j), 1);

	/* Put right, it is as any other. */
	spoil(j, "cert2", "0102");
	status_lab_at(j, FIXTURE_NOW + 76 * HOUR);
	unit_log_begin();
	list_lab_publish(&lab);
	assert_null(strstr(unit_log_end(), "cert2"));
	assert_true(list_lab_has(&lab, 0, "0102"));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at > 0"),
	    0);
}

/* L-65: a row whose number can be no certificate's: what it holds, under the
 * issuer's seal, says which one was meant.  The list is made, with that. */
static void
test_spoiled(struct job *j)
{
	static const char *const numbers[] = { "no number", "0", "", "8102",
		"010201020102010201020102010201020102010201", "01aB" };
	struct list_lab lab;
	const char *log;

	list_lab_init(&lab, j);
	list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	list_lab_cert(&lab, FIXTURE_NOW + 30 * DAY);
	status_lab_revoke(j, "cert1", 1);
	status_lab_revoke(j, "cert2", 1);
	for (size_t k = 0; k < COUNT(numbers); k++) {
		status_lab_at(j, FIXTURE_NOW + (int64_t)k * HOUR);
		spoil(j, "cert2", numbers[k]);
		fixture_sql(j, "UPDATE cert SET list_due_at = 1");
		unit_log_begin();
		assert_int_equal(list_lab_publish(&lab), 1);
		log = unit_log_end();
		assert_non_null(strstr(log, "revocation row spoiled"));
		assert_non_null(strstr(log, "cert=cert2 shard=0 serial="));
		assert_non_null(strstr(log, "listed_as=0102"));
		assert_true(list_lab_has(&lab, 0, "0101"));
		assert_true(list_lab_has(&lab, 0, "0102"));
		assert_int_equal(count_spoiled(j), k + 1);
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
						  "WHERE list_due_at > 0"),
		    0);
	}
	/* PK-160, L-66: it leaves when its certificate has ended. */
	status_lab_at(j, FIXTURE_NOW + 30 * DAY + HOUR);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_true(list_lab_has(&lab, 0, "0102"));
	status_lab_at(j, FIXTURE_NOW + 32 * DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_false(list_lab_has(&lab, 0, "0102"));
	assert_true(list_lab_has(&lab, 0, "0101"));
}

/* L-65, L-66: nothing in the row is the issuer's, so no certificate is known
 * that could be listed; the others' revocations get out, and it stays due. */
static void
test_spoiled_whole(struct job *j)
{
	struct list_lab lab;
	const char *log;

	list_lab_init(&lab, j);
	for (int i = 0; i < 2; i++)
		list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "UPDATE cert SET evidence = '{}' WHERE id = 'cert2'");
	spoil(j, "cert2", "no number");
	status_lab_revoke(j, "cert1", 1);
	status_lab_revoke(j, "cert2", 1);
	unit_log_begin();
	assert_int_equal(list_lab_publish(&lab), 1);
	log = unit_log_end();
	assert_non_null(strstr(log, "cert=cert2 shard=0"));
	assert_non_null(strstr(log, "listed_as=none"));
	assert_true(list_lab_has(&lab, 0, "0101"));
	assert_false(list_lab_has(&lab, 0, "0102"));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at > 0"),
	    1);
	/* No list after the other for it, but one when it is put right. */
	status_lab_at(j, FIXTURE_NOW + HOUR);
	assert_int_equal(list_lab_publish(&lab), 0);
	spoil(j, "cert2", "0102");
	fixture_sql(j,
	    "UPDATE cert SET list_due_at = 1, evidence = (SELECT evidence FROM "
	    "cert c WHERE c.id = 'cert1') WHERE id = 'cert2'");
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_true(list_lab_has(&lab, 0, "0102"));
}

/* PK-151: a number that is one, of another length than those beside it, of
 * which nobody knows better. */
static void
test_short_number(struct job *j)
{
	struct list_lab lab;

	list_lab_init(&lab, j);
	for (int i = 0; i < 3; i++)
		list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	spoil(j, "cert2", "0101ff");
	fixture_sql(j, "UPDATE cert SET evidence = '{}' WHERE id = 'cert2'");
	for (int i = 1; i <= 3; i++)
		status_lab_revoke(j, arena_printf(j->arena, "cert%d", i), 1);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_true(list_lab_has(&lab, 0, "0101"));
	assert_true(list_lab_has(&lab, 0, "0101ff"));
	assert_true(list_lab_has(&lab, 0, "0103"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_strays),
	STORE_TEST(test_spoiled),
	STORE_TEST(test_spoiled_whole),
	STORE_TEST(test_short_number),
};
UNIT_MAIN(tests)
