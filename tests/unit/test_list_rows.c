/*
 * L-66: what the next revocation list keeps of the former one, whatever the
 * rows say by then.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "pki/crl.h"
#include "src/role_issuer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)

/* On the list of so many days later: what the log says meanwhile. */
static const char *
next_list(struct list_lab *lab, int64_t days)
{
	status_lab_at(lab->j, FIXTURE_NOW + days * DAY);
	unit_log_begin();
	status_lab_run(lab->j, &lab->issuer);
	return unit_log_end();
}

/* PK-180: keyCompromise stays, also where a row says something else, as after
 * a restore from a backup of before. */
static void
test_reason(struct job *j)
{
	struct list_lab lab;
	const char *log;

	list_lab_init(&lab, j);
	list_lab_issue(&lab, "0101", j->now + 300 * DAY);
	list_lab_issue(&lab, "0102", j->now + 300 * DAY);
	list_lab_issue(&lab, "0103", j->now + 300 * DAY);
	status_lab_revoke(j, "0101", 1);
	status_lab_revoke(j, "0102", 4);
	next_list(&lab, 0);
	assert_string_equal(status_lab_listed(j, &lab.issuer), "0101:1 0102:4");
	fixture_sql(j, "UPDATE cert SET reason = 5 WHERE revoked_at > 0");
	status_lab_revoke(j, "0103", 4);
	log = next_list(&lab, 1);
	assert_non_null(strstr(log, "\"revocation reason lost\" serial=0101"));
	assert_null(strstr(log, "serial=0102"));
	assert_string_equal(
	    status_lab_listed(j, &lab.issuer), "0101:1 0102:5 0103:4");
	log = next_list(&lab, 2);
	assert_non_null(strstr(log, "\"revocation reason lost\" serial=0101"));
	assert_string_equal(
	    status_lab_listed(j, &lab.issuer), "0101:1 0102:5 0103:4");
	/* It becomes that, and then nothing needs to be told. */
	fixture_sql(j, "UPDATE cert SET reason = 1 WHERE revoked_at > 0");
	log = next_list(&lab, 3);
	assert_null(strstr(log, "revocation reason lost"));
	assert_string_equal(
	    status_lab_listed(j, &lab.issuer), "0101:1 0102:1 0103:1");
}

/* Where the row is revoked and says what keeps it from being found, no list is
 * refused for ever, and none loses the entry. */
static void
test_elsewhere(struct job *j)
{
	static const char *const changes[] = {
		"UPDATE cert SET shard = 1",
		"UPDATE cert SET ca_label = 'another'",
		"UPDATE cert SET not_after = 1",
		"UPDATE cert SET evidence = '{}', revoked_at = 0",
	};
	struct list_lab lab;
	const char *log;

	list_lab_init(&lab, j);
	list_lab_issue(&lab, "0101", j->now + 20 * DAY);
	list_lab_issue(&lab, "0102", j->now + 300 * DAY);
	status_lab_revoke(j, "0101", 4);
	next_list(&lab, 0);
	fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM cert");
	for (size_t k = 0; k < COUNT(changes); k++) {
		unit_case("%s", changes[k]);
		fixture_sql(j, changes[k]);
		log = next_list(&lab, (int64_t)k + 1);
		assert_non_null(strstr(log, "\"revocation lost\" serial=0101"));
		assert_string_equal(
		    status_lab_listed(j, &lab.issuer), "0101:4");
		fixture_sql(j, "DELETE FROM cert; "
			       "INSERT INTO cert SELECT * FROM kept");
	}
	/* PK-160: what is proven ends as any other. */
	fixture_sql(j, "UPDATE cert SET shard = 1 WHERE id = '0101'");
	next_list(&lab, 20);
	next_list(&lab, 21);
	assert_string_equal(status_lab_listed(j, &lab.issuer), "0101:4");
	next_list(&lab, 22);
	assert_string_equal(status_lab_listed(j, &lab.issuer), "");
	fixture_sql(j, "DROP TABLE kept");
}

/* Many rows whose number is none, and many entries without a row: each finds
 * its own. */
static void
test_many_spoiled(struct job *j)
{
	struct list_lab lab;
	const char *before;

	list_lab_init(&lab, j);
	for (unsigned k = 0; k < 12; k++) {
		const char *serial = arena_printf(j->arena, "01%02x", 1 + k);

		list_lab_issue(
		    &lab, serial, j->now + (k % 3 == 0 ? 20 : 300) * DAY);
		status_lab_revoke(j, serial, 4);
	}
	next_list(&lab, 0);
	before = status_lab_listed(j, &lab.issuer);
	fixture_sql(j,
	    "UPDATE cert SET serial = 'no ' || id WHERE id <> '0105' AND "
	    "id <> '0104'; "
	    "DELETE FROM cert WHERE id IN ('0104', '0105')");
	next_list(&lab, 1);
	assert_string_equal(status_lab_listed(j, &lab.issuer), before);
	/* 0104 has ended too, and nobody knows. */
	next_list(&lab, 21);
	next_list(&lab, 22);
	assert_string_equal(status_lab_listed(j, &lab.issuer),
	    "0102:4 0103:4 0104:4 0105:4 0106:4 0108:4 0109:4 010b:4 010c:4");
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_reason),
	STORE_TEST(test_elsewhere),
	STORE_TEST(test_many_spoiled),
};
UNIT_MAIN(tests)
