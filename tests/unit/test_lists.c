/*
 * When the issuer makes revocation lists, what is on them, and that no entry is
 * lost: AC-157 to AC-159, PK-156, PK-158 to PK-160, PK-162, PK-163, PK-181,
 * PK-182, PK-204.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_key.h"
#include "db/store_revoke.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "src/role_issuer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* PK-156, PK-182: at once, then collected; and every 24 hours. */
static void
test_times(struct job *j)
{
	struct list_lab lab;
	const char *a, *b, *c;

	list_lab_init(&lab, j);
	assert_int_equal(list_lab_due(&lab), 0);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "");
	assert_int_equal(list_lab_due(&lab), FIXTURE_NOW + DAY);
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	b = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	c = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);

	/* long after the last list: now */
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, b, 4);
	assert_true(j->wake & 1u << ROLE_ISSUER);
	assert_int_equal(list_lab_due(&lab), j->now);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0102:4");
	assert_int_equal(list_lab_due(&lab), j->now + DAY);

	/* soon after it: collected */
	status_lab_at(j, FIXTURE_NOW + HOUR + 1);
	status_lab_revoke(j, a, 0);
	assert_int_equal(list_lab_due(&lab), FIXTURE_NOW + HOUR + 5);
	assert_int_equal(list_lab_publish(&lab), 0);
	status_lab_at(j, FIXTURE_NOW + HOUR + 4);
	status_lab_revoke(j, c, 9);
	assert_int_equal(list_lab_due(&lab), FIXTURE_NOW + HOUR + 5);
	status_lab_at(j, FIXTURE_NOW + HOUR + 5);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:0 0102:4 0103:9");

	/* nothing new: a day later */
	status_lab_at(j, FIXTURE_NOW + HOUR + 5 + DAY - 1);
	assert_int_equal(list_lab_publish(&lab), 0);
	status_lab_at(j, FIXTURE_NOW + HOUR + 5 + DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:0 0102:4 0103:9");
}

/* Takes all rows of lists away each second, so that one seems to be due: how
 * many were signed. */
static int64_t
flood(struct list_lab *lab, int seconds)
{
	int64_t before = ceiling_sum(&lab->issuer.lists, lab->j->now);

	for (int k = 0; k < seconds; k++) {
		status_lab_at(lab->j, lab->j->now + 1);
		fixture_sql(lab->j, "DELETE FROM crl");
		for (int n = 0; n < 2; n++)
			EXPECT(lab->j,
			    issuer_list_step(&lab->issuer, lab->j) < 0, false);
	}
	return ceiling_sum(&lab->issuer.lists, lab->j->now) - before;
}

static int64_t
count_holds(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM issuance_stop "
				"WHERE scope = 'signing' AND value = 'lists'");
}

/* PK-204: whoever makes lists due all the time gets no more than the limit, one
 * alarm is given, and a revocation gets out all the same. */
static void
test_ceiling(struct job *j)
{
	struct list_lab lab;
	const char *log;

	list_lab_init(&lab, j);
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab.conf.issuer.max_lists_per_hour = 3;
	unit_log_begin();
	assert_int_equal(flood(&lab, 10), 3);
	log = strstr(unit_log_end(), "event=\"signing on hold\"");
	assert_non_null(log);
	assert_null(strstr(log + 1, "event=\"signing on hold\""));
	assert_non_null(strstr(log,
	    "3 signatures of lists within an hour; issuer.max_lists_per_hour "
	    "is 3"));
	assert_int_equal(count_holds(j), 1);

	/* the reserve: one in five minutes, with what was revoked */
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	assert_int_equal(list_lab_due(&lab), FIXTURE_NOW + 303);
	status_lab_at(j, FIXTURE_NOW + 290);
	assert_int_equal(flood(&lab, 12), 0);
	assert_int_equal(flood(&lab, 10), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:4");

	/* the row is taken away, too: it is put there again */
	fixture_sql(j, "DELETE FROM issuance_stop");
	status_lab_at(j, FIXTURE_NOW + 600);
	assert_int_equal(flood(&lab, 10), 1);
	assert_int_equal(count_holds(j), 1);

	/* time alone does not lift it */
	status_lab_at(j, FIXTURE_NOW + 3 * HOUR);
	assert_int_equal(flood(&lab, 10), 1);

	/* an admin does */
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab.conf.issuer.max_lists_per_hour = 100;
	status_lab_at(j, FIXTURE_NOW + 4 * HOUR);
	assert_int_equal(flood(&lab, 10), 10);
	assert_int_equal(count_holds(j), 0);
}

/* PK-204: the limits follow from what is normal. */
static void
test_ceilings(void **state)
{
	struct conf_issuer c = { .crl_shards = 2, .max_per_hour = 1000 };

	(void)state;
	assert_int_equal(ceiling_max_lists(&c), 1600);
	assert_int_equal(ceiling_max_answers(&c, 0), 16000);
	assert_int_equal(ceiling_max_answers(&c, 50000), 416000);
	assert_int_equal(ceiling_max_responders(&c), 500);
	c.max_lists_per_hour = 10;
	c.max_answers_per_hour = 11;
	c.max_responders_per_hour = 12;
	assert_int_equal(ceiling_max_lists(&c), 10);
	assert_int_equal(ceiling_max_answers(&c, 50000), 11);
	assert_int_equal(ceiling_max_responders(&c), 12);
}

static void
test_pauses(void **state)
{
	(void)state;
	assert_int_equal(issuer_list_pause(0), 5);
	assert_int_equal(issuer_list_pause(400), 5);
	assert_int_equal(issuer_list_pause(2000000), 105);
	assert_int_equal(issuer_list_pause(100000000), 300);
	assert_int_equal(issuer_list_pause(SIZE_MAX), 300);
}

/* AC-157, PK-158: another reason is news too. */
static void
test_reason_changes(struct job *j)
{
	struct revocation r = { 1, "key", { NULL, 0 } };
	struct list_lab lab;
	const char *a;

	list_lab_init(&lab, j);
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_revoke(j, a, 5);
	list_lab_publish(&lab);
	assert_string_equal(list_lab_listed(&lab), "0101:5");
	status_lab_at(j, FIXTURE_NOW + HOUR);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_for_compromise(j, a, &r), 1);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:1");
	/* as reasons go, it goes no further */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_for_compromise(j, a, &r), 0);
	EXPECT(j, store_revoke_cert(j, a, &r), 0);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(list_lab_publish(&lab), 0);
}

/* AC-159, PK-182: stopped after the commit, before the file; a file that
 * cannot be written; a file that was removed. */
static void
test_file(struct job *j)
{
	struct list_lab lab;
	const char *file;

	list_lab_init(&lab, j);
	file = lab.conf.issuer.crl_file;
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_int_equal(access(file, F_OK), -1);
	lab.issuer.written[0] = 0; /* a new process */
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_string_equal(list_lab_listed(&lab), "");
	EXPECT(j, issuer_list_step(&lab.issuer, j), 0);

	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	for (int i = 0; i < 2; i++) {
		EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
		job_recover(j);
	}
	lab.conf.issuer.crl_file = file;
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_string_equal(list_lab_listed(&lab), "0101:4");

	unlink(file);
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_string_equal(list_lab_listed(&lab), "0101:4");
}

/* PK-162 */
static void
test_sizes(void **state)
{
	static const struct {
		size_t octets;
		const char *event;
	} rows[] = { { 999999, NULL },
		{ 1000000, "warning event=\"revocation list large\" " },
		{ 9999999, "warning event=\"revocation list large\" " },
		{ 10000000, "error event=\"revocation list too large\" " } };
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct crl list = { .shard = 3,
			.der = { "", rows[i].octets } };
		const char *log;

		unit_case("%zu", rows[i].octets);
		unit_log_begin();
		issuer_list_warn_of_size(&list);
		log = unit_log_end();
		if (rows[i].event == NULL) {
			assert_string_equal(log, "");
			continue;
		}
		assert_non_null(strstr(log, rows[i].event));
		assert_non_null(strstr(log, "shard=3 "));
		assert_non_null(strstr(log, "issuer.crl_shards"));
	}
}

/* Another machine has made a list: its file is this one's too. */
static void
test_other_issuer(struct job *j)
{
	struct list_lab lab, other;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	other = lab;
	other.conf.issuer.crl_file =
	    arena_printf(j->arena, "%s.other", lab.conf.issuer.crl_file);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 3);
	j->conf = &other.conf;
	assert_int_equal(list_lab_publish(&other), 1);
	assert_string_equal(list_lab_listed(&lab), "");
	j->conf = &lab.conf;
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_string_equal(list_lab_listed(&lab), "0101:3");
}

/* A list with a lesser number ends no waiting: the greater one, which is the
 * one that counts, may have been collected before it. */
static void
test_overtaken(struct job *j)
{
	struct revoked *rows;
	struct crl list;
	struct list_lab lab;
	int64_t number, when;
	const char *label;
	size_t count;

	list_lab_init(&lab, j);
	label = ca_key_label(lab.issuer.ca);
	list_lab_publish(&lab);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 3);
	list = (struct crl){ .ca_label = label };
	EXPECT(j, store_cert_revoked(j, &list, 0, &rows, &count), 0);
	assert_int_equal(count, 1);
	assert_true(rows[0].is_due);
	COMMITTED(j, store_crl_reserve(j, &list, 0, &number));
	list.number = number - 1;
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	EXPECT(j, store_crl_due(j, label, 0, &when), 1);
	list.number = number;
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	EXPECT(j, store_crl_due(j, label, 0, &when), 0);

	/* and one with a reason that is not the row's any more */
	fixture_sql(j, "UPDATE cert SET list_due_at = 1, reason = 1");
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	EXPECT(j, store_crl_due(j, label, 0, &when), 1);
}

/* PK-151, L-65: very many of all reasons are noted with few statements, each
 * with what it was listed as. */
static void
test_noted(struct job *j)
{
	struct crl list = { .shard = 0, .next_update = FIXTURE_NOW + DAY };
	struct list_lab lab;
	struct revoked *rows;
	size_t count, stay = 0;

	list_lab_init(&lab, j);
	list_lab_revoked_rows(&lab, "130");
	fixture_sql(
	    j, "UPDATE cert SET reason = CAST(substr(id, 2) AS BIGINT) % 5");
	list.ca_label = ca_key_label(lab.issuer.ca);
	EXPECT(j, store_cert_revoked(j, &list, 0, &rows, &count), 0);
	assert_int_equal(count, 130);
	for (size_t k = 0; k < count; k += 7, stay++)
		rows[k].stays_due = true;
	/* Changed since, and listed before. */
	fixture_sql(j, "UPDATE cert SET reason = 9 WHERE id = 'c9'; "
		       "UPDATE cert SET list_due_at = NULL WHERE id = 'c1'");
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at IS NULL"),
	    count - stay);
	assert_int_equal(
	    fixture_count(
		j, arena_printf(j->arena,
		       "SELECT COUNT(*) FROM cert WHERE list_due_at = %d",
		       FIXTURE_NOW + DAY)),
	    stay - 1);
	assert_int_equal(
	    fixture_count(
		j, arena_printf(j->arena,
		       "SELECT COUNT(*) FROM cert WHERE list_due_at = %d "
		       "AND id = 'c9'",
		       FIXTURE_NOW)),
	    1);
}

/* PK-160: on one list more than it lives. */
static void
test_expired_entry(struct job *j)
{
	struct list_lab lab;
	const char *a, *b;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	a = list_lab_cert(&lab, FIXTURE_NOW + HOUR);
	b = list_lab_cert(&lab, FIXTURE_NOW + 2 * HOUR);
	status_lab_revoke(j, a, 0);
	status_lab_at(j, FIXTURE_NOW + 60);
	list_lab_publish(&lab);
	assert_string_equal(list_lab_listed(&lab), "0101:0");
	/* The issuer was down for four days: still. */
	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	status_lab_revoke(j, b, 0);
	status_lab_at(j, FIXTURE_NOW + 4 * DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:0 0102:0");
	status_lab_at(j, FIXTURE_NOW + 5 * DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "");
}

/* PK-159: committed by a machine whose clock is ahead. */
static void
test_clock_ahead(struct job *j)
{
	struct list_lab lab;
	const char *a;

	list_lab_init(&lab, j);
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_at(j, FIXTURE_NOW + 3);
	status_lab_revoke(j, a, 4);
	status_lab_at(j, FIXTURE_NOW);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:4");
}

/* PK-158: whatever is in the row, the list is published. */
static void
test_improper_reason(struct job *j)
{
	struct list_lab lab;

	list_lab_init(&lab, j);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	for (int64_t reason = 0; reason < 5; reason++)
		status_lab_revoke(j,
		    list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY),
		    (int64_t[]){ 2, 6, 10, -1, 260 }[reason]);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(
	    list_lab_listed(&lab), "0101:4 0102:0 0103:0 0104:0 0105:0 0106:0");
}

/* PK-181: signed while its key was being blocked. */
static void
test_sweep(struct job *j)
{
	struct list_lab lab;
	struct cert row;
	const char *a;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(LIST_LAB_SPKI),
			 "some account", "test"));
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_at(j, FIXTURE_NOW + DAY);
	list_lab_publish(&lab);
	assert_string_equal(list_lab_listed(&lab), "");
	COMMITTED(
	    j, store_key_block(j, KEY_BY_SPKI(LIST_LAB_SPKI), NULL, "test"));
	status_lab_at(j, FIXTURE_NOW + 2 * DAY);
	list_lab_publish(&lab);
	assert_string_equal(list_lab_listed(&lab), "0101:1");
	EXPECT(j, store_cert_by_id(j, a, NULL, &row), 1);
	assert_string_equal(row.revoked_by, "issuer");
	assert_int_equal(row.revoked_at, j->now);
}

/* AC-158: very many at once: one list shows all of them, and they are noted as
 * listed in more than one transaction. */
static void
test_very_many(struct job *j)
{
	struct list_lab lab;

	list_lab_init(&lab, j);
	list_lab_revoked_rows(&lab, "2500");
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(
	    fixture_count(
		j, "SELECT COUNT(*) FROM cert WHERE list_due_at IS NOT NULL"),
	    0);
}

/* PK-163, L-66: no entry is lost by whoever can write rows; what is gone from
 * the database is still in the file. */
static void
test_taken_back(struct job *j)
{
	static const char *const attacks[] = {
		"UPDATE cert SET revoked_at = 0, reason = 0",
		"UPDATE cert SET revoked_at = 0, shard = 1",
		"UPDATE cert SET revoked_at = 0, not_after = 1",
	};
	struct list_lab lab;
	struct span before;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 1);
	list_lab_publish(&lab);
	before = list_lab_file(&lab, 0);
	fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM cert");
	for (size_t i = 0; i < COUNT(attacks); i++) {
		unit_case("%s", attacks[i]);
		fixture_sql(j, attacks[i]);
		status_lab_at(j, FIXTURE_NOW + (int64_t)(i + 2) * DAY);
		assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
		assert_non_null(strstr(j->err.text, "L-66"));
		job_recover(j);
		/* with the row of the list, too */
		fixture_sql(j, "DELETE FROM crl WHERE der IS NOT NULL");
		assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
		assert_non_null(strstr(j->err.text, "L-66"));
		job_recover(j);
		assert_true(span_eq(list_lab_file(&lab, 0), before));
		fixture_sql(j, "DELETE FROM cert");
		fixture_sql(j, "INSERT INTO cert SELECT * FROM kept");
	}
	/* as it was: the number goes on from the file's */
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:1");
	fixture_sql(j, "DROP TABLE kept");
}

/* PK-163: an older list of this CA under a new number takes nothing back. */
static void
test_old_list_again(struct job *j)
{
	struct list_lab lab;
	const char *a;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, a, 1);
	list_lab_publish(&lab);
	for (int is_restarted = 0; is_restarted < 2; is_restarted++) {
		fixture_sql(j,
		    "INSERT INTO crl (ca_label, shard, number, this_update, "
		    "next_update, der) SELECT ca_label, 0, "
		    "(SELECT MAX(number) FROM crl) + 7, this_update, "
		    "next_update, der FROM crl WHERE number = 1");
		if (is_restarted)
			lab.issuer.written[0] = 0;
		status_lab_at(j, j->now + 1);
		list_lab_publish(&lab);
		assert_string_equal(list_lab_listed(&lab), "0101:1");
	}
	/* the same number, other contents: until the next list */
	fixture_sql(j, "UPDATE crl SET der = (SELECT der FROM crl WHERE "
		       "number = 1) WHERE number > 1 AND der IS NOT NULL");
	lab.issuer.written[0] = 0;
	status_lab_at(j, j->now + 1);
	list_lab_publish(&lab);
	assert_string_equal(list_lab_listed(&lab), "0101:1");
}

/* A list in the database that this CA did not sign is never written out. */
static void
test_foreign_list(struct job *j)
{
	struct list_lab lab;
	struct span before;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	before = list_lab_file(&lab, 0);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	fixture_sql(j, "INSERT INTO crl (ca_label, shard, number, this_update, "
		       "next_update, der) SELECT ca_label, 0, number + 5, 1, "
		       "next_update, der FROM crl");
	fixture_sql(j, "UPDATE crl SET der = substr(der, 1, 40) "
		       "WHERE number > 5");
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	job_recover(j);
	assert_true(span_eq(list_lab_file(&lab, 0), before));
	/* and one that says that it is over keeps no other from coming out */
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE crl SET this_update = %" PRId64 ", next_update = 2 "
		   "WHERE number > 5",
		   j->now + DAY));
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(list_lab_number(j, "MAX"), 8);
	assert_false(span_eq(list_lab_file(&lab, 0), before));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_times),
	STORE_TEST(test_ceiling),
	cmocka_unit_test(test_ceilings),
	cmocka_unit_test(test_pauses),
	STORE_TEST(test_reason_changes),
	STORE_TEST(test_file),
	cmocka_unit_test(test_sizes),
	STORE_TEST(test_other_issuer),
	STORE_TEST(test_overtaken),
	STORE_TEST(test_noted),
	STORE_TEST(test_expired_entry),
	STORE_TEST(test_clock_ahead),
	STORE_TEST(test_improper_reason),
	STORE_TEST(test_sweep),
	STORE_TEST(test_very_many),
	STORE_TEST(test_taken_back),
	STORE_TEST(test_old_list_again),
	STORE_TEST(test_foreign_list),
};
UNIT_MAIN(tests)
