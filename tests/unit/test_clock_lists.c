/*
 * PK-147, PK-160, L-66: what an issuer really signs after the lists and answers
 * that it made under a clock that was ahead were set aside.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>
#include <unistd.h>

#include "db/store_crl.h"
#include "db/store_ocsp.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "pki/ocsp_segment.h"
#include "src/answers.h"
#include "src/clock_aside.h"
#include "src/crl_take.h"
#include "src/role_issuer.h"
#include "src/status_place.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define AHEAD (100 * DAY)
#define SEGMENT 0x77 /* of numbers that end so */

/* All that is due: how many lists were signed. */
static int64_t
run(struct list_lab *lab)
{
	static const char lists[] =
	    "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL";
	int64_t before = fixture_count(lab->j, lists);

	status_lab_run(lab->j, &lab->issuer);
	return fixture_count(lab->j, lists) - before;
}

static void
fails(struct list_lab *lab, const char *why)
{
	struct job *j = lab->j;

	assert_int_equal(issuer_list_step(&lab->issuer, j), -1);
	assert_non_null(strstr(j->err.text, why));
	job_recover(j);
}

/* "0101 0103" */
static const char *
listed(struct list_lab *lab)
{
	const struct crl_input l = status_lab_list(lab->j, &lab->issuer);
	const char *text = "";

	for (size_t i = 0; i < l.count; i++)
		text = arena_printf(lab->j->arena, "%s%s%s", text,
		    i > 0 ? " " : "",
		    hex_dup(lab->j->arena, l.entries[i].serial));
	return text;
}

static int64_t
top_number(struct list_lab *lab)
{
	return fixture_count(lab->j, "SELECT MAX(number) FROM crl");
}

/* Of four certificates two were revoked before, and end before the time to come
 * of which the two lists are that were made ahead; the second one has dropped
 * them.  One more is revoked ahead, and one signed. */
static void
run_ahead(struct list_lab *lab)
{
	struct job *j = lab->j;

	list_lab_issue(lab, "0101", FIXTURE_NOW + 5 * DAY);
	list_lab_issue(lab, "0102", FIXTURE_NOW + 50 * DAY);
	list_lab_issue(lab, "0103", FIXTURE_NOW + 500 * DAY);
	run(lab);
	status_lab_revoke(lab->j, "0101", 4);
	status_lab_revoke(lab->j, "0102", 4);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	assert_int_equal(run(lab), 1);
	assert_string_equal(listed(lab), "0101 0102");

	status_lab_at(j, FIXTURE_NOW + AHEAD);
	assert_int_equal(run(lab), 1);
	assert_string_equal(listed(lab), "0101 0102");
	list_lab_issue(lab, "0104", j->now + 365 * DAY);
	status_lab_at(j, FIXTURE_NOW + AHEAD + DAY);
	assert_int_equal(run(lab), 1);
	assert_string_equal(listed(lab), "");
	status_lab_revoke(lab->j, "0103", 4);
}

static void
set_aside(struct list_lab *lab)
{
	struct job *j = lab->j;
	struct clock_ahead ahead;
	struct clock_aside done;

	EXPECT(j, store_clock_ahead(j, &ahead), 0);
	EXPECT(j, clock_set_aside(j, ahead.moment, "a test", &done), 0);
	assert_false(done.is_asked);
}

/* Lists go on, with the next numbers and times of now, and with all that is
 * revoked and has not ended. */
static void
test_goes_on(struct job *j)
{
	struct list_lab lab;
	int64_t top;

	list_lab_init(&lab, j);
	run_ahead(&lab);
	top = top_number(&lab);
	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	set_aside(&lab);
	memset(lab.issuer.written, 0, sizeof(lab.issuer.written));
	assert_int_equal(run(&lab), 1);
	assert_int_equal(status_lab_list(j, &lab.issuer).number, top + 1);
	assert_int_equal(status_lab_list(j, &lab.issuer).this_update, j->now);
	/* what was signed ahead is revoked by the incident, at once */
	status_lab_at(j, j->now + 60);
	run(&lab);
	assert_string_equal(listed(&lab), "0101 0102 0103 0104");

	/* and as ever from then on */
	top = top_number(&lab);
	for (int day = 1; day < 5; day++) {
		status_lab_at(j, j->now + DAY);
		assert_int_equal(run(&lab), 1);
		assert_int_equal(
		    status_lab_list(j, &lab.issuer).number, top + day);
		assert_string_equal(listed(&lab), "0101 0102 0103 0104");
	}
	status_lab_at(j, j->now + DAY);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(listed(&lab), "0101 0102 0103 0104");
	status_lab_at(j, j->now + DAY);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(listed(&lab), "0102 0103 0104");
}

/* L-66: what it has is kept all the same. */
static void
test_keeps_entries(struct job *j)
{
	struct list_lab lab;
	int64_t top;

	list_lab_init(&lab, j);
	run_ahead(&lab);
	status_lab_at(j, j->now + HOUR);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(listed(&lab), "0103");
	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	set_aside(&lab);
	fixture_sql(j, "UPDATE cert SET revoked_at = 0, reason = 0, "
		       "list_due_at = NULL WHERE id = '0103'");
	fails(&lab, "certificate 0103 is on the former list");
	fixture_sql(j, "UPDATE cert SET revoked_at = 1, reason = 4 "
		       "WHERE id = '0103'");
	top = top_number(&lab);
	assert_int_equal(run(&lab), 1);
	assert_int_equal(status_lab_list(j, &lab.issuer).number, top + 1);
	assert_string_equal(listed(&lab), "0101 0102 0103");
}

/* A list that nobody has set aside, since the database that is restored has
 * none of it, is said to be in the way, and no number is spent on it; once it
 * is on record it is set aside as any other, and its number is not used again.
 */
static void
test_restored(struct job *j)
{
	struct list_lab lab;
	struct crl_taken taken;
	uint64_t ahead;
	int64_t top;

	list_lab_init(&lab, j);
	run_ahead(&lab);
	ahead = status_lab_list(j, &lab.issuer).number;
	fixture_sql(
	    j, arena_printf(j->arena, "DELETE FROM crl WHERE this_update > %d",
		   FIXTURE_NOW + (int)DAY));
	fixture_sql(j, "DELETE FROM cert WHERE id = '0104'");
	top = top_number(&lab);
	status_lab_at(j, FIXTURE_NOW + 2 * DAY);
	for (int k = 0; k < 3; k++)
		fails(&lab, "is of a time to come, 2027-");
	fails(&lab, "give countersign crl take, and then countersign clock");
	assert_int_equal(top_number(&lab), top);
	EXPECT(j, crl_take(j, &lab.issuer, "operator", &taken), 0);
	assert_int_equal(top_number(&lab), ahead);
	set_aside(&lab);
	assert_int_equal(run(&lab), 1);
	assert_int_equal(status_lab_list(j, &lab.issuer).number, ahead + 1);
	assert_int_equal(status_lab_list(j, &lab.issuer).this_update, j->now);
	assert_string_equal(listed(&lab), "0101 0102 0103");
}

/* PK-156: a revocation of a time to come keeps no regular list back. */
static void
test_regular(struct job *j)
{
	struct list_lab lab;

	list_lab_init(&lab, j);
	list_lab_issue(&lab, "0101", FIXTURE_NOW + 500 * DAY);
	run(&lab);
	status_lab_at(j, FIXTURE_NOW + AHEAD);
	status_lab_revoke(j, "0101", 4);
	status_lab_at(j, FIXTURE_NOW + DAY - 1);
	assert_int_equal(run(&lab), 0);
	status_lab_at(j, FIXTURE_NOW + DAY);
	assert_int_equal(run(&lab), 1);
	assert_string_equal(listed(&lab), "0101");
}

/* PK-204: those that were set aside are none of the last hour. */
static void
test_count(struct job *j)
{
	struct list_lab lab;
	const char *label;
	int64_t count;

	list_lab_init(&lab, j);
	label = ca_key_label(lab.issuer.ca);
	run_ahead(&lab);
	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	EXPECT(
	    j, store_crl_count_since(j, label, j->now - HOUR, 100, &count), 0);
	assert_int_equal(count, 3);
	set_aside(&lab);
	EXPECT(
	    j, store_crl_count_since(j, label, j->now - HOUR, 100, &count), 0);
	assert_int_equal(count, 1);
}

/* So many, all of now. */
static void
expect_answers(struct list_lab *lab, size_t count)
{
	struct job *j = lab->j;
	struct ocsp_segment s;
	struct ocsp_record r;
	struct span octets;

	EXPECT(j,
	    file_read(j,
		status_segment_file(j->arena, &lab->conf.issuer, SEGMENT),
		100000, &octets),
	    0);
	EXPECT(j, ocsp_segment_parse(octets, &s), 0);
	assert_int_equal(s.count, count);
	for (size_t i = 0; i < s.count; i++) {
		EXPECT(j, ocsp_segment_record(&s, i, &r), 0);
		assert_int_equal(r.status.this_update, j->now);
	}
}

/* PK-168: answers of a time to come do not stay for two days beside a new one;
 * and they are no newer ones that somebody has taken back. */
static void
test_answers(struct job *j)
{
	struct list_lab lab;
	const char *label;
	int64_t count;

	list_lab_init(&lab, j);
	label = ca_key_label(lab.issuer.ca);
	lab.issuer.answers = answers_new(j->arena);
	list_lab_issue(&lab, "010177", FIXTURE_NOW + 500 * DAY);
	list_lab_issue(&lab, "010277", FIXTURE_NOW + 500 * DAY);
	status_lab_at(j, FIXTURE_NOW + AHEAD);
	run(&lab);
	list_lab_issue(&lab, "010377", FIXTURE_NOW + 500 * DAY);
	status_lab_revoke(j, "010177", 4);
	run(&lab);
	expect_answers(&lab, 2);
	answers_free(lab.issuer.answers);

	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	set_aside(&lab);
	EXPECT(
	    j, store_responder_count_since(j, label, j->now - HOUR, &count), 0);
	assert_int_equal(count, 0);
	lab.issuer.answers = answers_new(j->arena);
	unit_log_begin();
	run(&lab);
	assert_null(strstr(unit_log_end(), "taken back"));
	expect_answers(&lab, 3);
	answers_free(lab.issuer.answers);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_answers),
	STORE_TEST(test_goes_on),
	STORE_TEST(test_keeps_entries),
	STORE_TEST(test_restored),
	STORE_TEST(test_regular),
	STORE_TEST(test_count),
};
UNIT_MAIN(tests)
