/*
 * That revocations get out in time, and who says so where they do not: PK-141,
 * PK-156, PK-157, PK-182, PK-183, PK-185.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "db/store_incident.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/list_watch.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static bool
says(const char *log, const char *event, int64_t seconds)
{
	char text[128];

	snprintf(text, sizeof(text), "event=\"%s\" seconds=%" PRId64 " ", event,
	    seconds);
	return strstr(log, text) != NULL;
}

/* PK-157, PK-182: a revocation is published when the list with it is out; the
 * row and the signature end no clock. */
static void
test_late(struct job *j)
{
	struct list_lab lab;
	const char *file, *log;

	list_lab_init(&lab, j);
	file = lab.conf.issuer.crl_file;
	list_lab_publish(&lab);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);

	/* signed in time, and not written */
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	status_lab_at(j, FIXTURE_NOW + HOUR + 600);
	unit_log_begin();
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
	log = unit_log_end();
	assert_null(strstr(log, "late"));
	job_recover(j);
	status_lab_at(j, FIXTURE_NOW + HOUR + 600 + 601);
	unit_log_begin();
	EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
	assert_true(says(unit_log_end(), "revocation list late", 601));
	job_recover(j);
	lab.conf.issuer.crl_file = file;
	assert_string_equal(list_lab_listed(&lab), "");
	unit_log_begin();
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_true(says(unit_log_end(), "revocation list late", 601));
	assert_string_equal(list_lab_listed(&lab), "0101:4");

	/* a new process finds it out, and the hour it is of is no matter */
	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	lab.issuer.written[0] = 0;
	unit_log_begin();
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_null(strstr(unit_log_end(), "late"));
}

static int64_t
count_due(struct job *j)
{
	return fixture_count(
	    j, "SELECT COUNT(*) FROM cert WHERE list_due_at IS NOT NULL");
}

/* Nothing is noted any more once a list is published. */
static void
end_noting(struct job *j)
{
	fixture_sql(j,
	    fixture_is_pgsql()
		? "CREATE FUNCTION no_more() RETURNS trigger AS $$ BEGIN "
		  "IF EXISTS (SELECT 1 FROM audit WHERE event = "
		  "'revocation list published') "
		  "THEN RAISE EXCEPTION 'no more'; END IF; RETURN NEW; END $$ "
		  "LANGUAGE plpgsql; "
		  "CREATE TRIGGER no_more BEFORE UPDATE ON cert "
		  "FOR EACH ROW EXECUTE FUNCTION no_more()"
		: "CREATE TRIGGER no_more BEFORE UPDATE ON cert WHEN EXISTS "
		  "(SELECT 1 FROM audit WHERE event = "
		  "'revocation list published') "
		  "BEGIN SELECT RAISE(ABORT, 'no more'); END");
}

static void
go_on_noting(struct job *j)
{
	fixture_sql(j, fixture_is_pgsql() ? "DROP TRIGGER no_more ON cert"
					  : "DROP TRIGGER no_more");
}

/* PK-157, PK-182: of very many a list is out before all are noted.  What comes
 * to an end in between leaves them due, and another list notes them. */
static void
test_out_before_noted(struct job *j)
{
	struct list_lab lab;

	list_lab_init(&lab, j);
	list_lab_revoked_rows(&lab, "2500");
	end_noting(j);
	EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "no more"));
	job_recover(j);
	assert_int_equal(issuer_list_is_out(&lab.issuer, j, 0), 1);
	assert_true(list_lab_has(&lab, 0, "01100001"));
	assert_true(list_lab_has(&lab, 0, "01102500"));
	assert_int_equal(count_due(j), 1500);
	go_on_noting(j);

	/* a new process: not sooner than any other list */
	lab.issuer.written[0] = 0;
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_int_equal(count_due(j), 1500);
	status_lab_at(j, list_lab_due(&lab));
	assert_true(j->now - FIXTURE_NOW < 600);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(count_due(j), 0);
	assert_true(list_lab_has(&lab, 0, "01102500"));
}

/* PK-157: what is on no list that is out is not noted as such. */
static void
test_not_out(struct job *j)
{
	struct list_lab lab;
	const char *file;

	list_lab_init(&lab, j);
	list_lab_revoked_rows(&lab, "2500");
	file = lab.conf.issuer.crl_file;
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	for (int k = 0; k < 2; k++) {
		EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
		job_recover(j);
		assert_int_equal(count_due(j), 1500);
		assert_int_equal(list_lab_number(j, "COUNT"), 1);
	}
	lab.conf.issuer.crl_file = file;
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_true(list_lab_has(&lab, 0, "01102500"));
	status_lab_at(j, list_lab_due(&lab));
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(count_due(j), 0);
}

/* PK-182, PK-183: the issuer is dead or hangs, and the web role says so: after
 * ten minutes, once an hour, until the list is made. */
static void
test_watched(struct job *j)
{
	static const struct {
		int64_t after; /* the revocation */
		bool alarm;
	} rows[] = { { 0, false }, { 540, false }, { 600, false },
		{ 659, false }, { 660, true }, { 720, false }, { 4200, false },
		{ 4260, true } };
	struct list_watch w = { 0 };
	struct list_lab lab;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	for (size_t k = 0; k < COUNT(rows); k++) {
		unit_case("%d", (int)rows[k].after);
		status_lab_at(j, FIXTURE_NOW + rows[k].after);
		unit_log_begin();
		EXPECT(j, list_watch_look(&w, j), 0);
		assert_int_equal(
		    says(unit_log_end(), "revocation waits for its list",
			rows[k].after),
		    rows[k].alarm);
	}
	list_lab_publish(&lab);
	status_lab_at(j, FIXTURE_NOW + 2 * DAY);
	unit_log_begin();
	EXPECT(j, list_watch_look(&w, j), 0);
	assert_null(strstr(unit_log_end(), "waits"));
	/* A number that was never signed: another CA has none such. */
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	fixture_sql(j, "UPDATE cert SET issued_at = 0");
	for (int k = 1; k >= 0; k--) {
		lab.conf.external.kind =
		    k == 1 ? CONF_EXTERNAL_HOOK : CONF_EXTERNAL_NONE;
		status_lab_at(j, FIXTURE_NOW + 3 * DAY - k * 60);
		unit_log_begin();
		EXPECT(j, list_watch_look(&w, j), 0);
		assert_int_equal(
		    strstr(unit_log_end(), "waits for its list") != NULL,
		    k == 0);
	}
}

/* PK-156: the issuer has stopped; at half of the list's life and at three
 * quarters of it the log says so. */
static void
test_grows_old(struct job *j)
{
	static const struct {
		int64_t age;
		const char *event;
	} rows[] = { { 84 * HOUR - 1, NULL },
		{ 84 * HOUR, "error event=\"revocation list old\"" },
		{ 126 * HOUR - 1, "error event=\"revocation list old\"" },
		{ 126 * HOUR, "error event=\"revocation list ends soon\"" },
		{ 8 * DAY, "error event=\"revocation list ends soon\"" } };
	struct status_service *s;
	struct list_lab lab;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	EXPECT(j, status_service_new(j, j->arena, &lab.conf, &s), 0);
	for (size_t k = 0; k < COUNT(rows); k++) {
		const char *log;

		unit_case("%zu", k);
		status_lab_at(j, FIXTURE_NOW + rows[k].age);
		unit_log_begin();
		status_report(j, s);
		log = unit_log_end();
		if (rows[k].event == NULL)
			assert_null(strstr(log, "event="));
		else
			assert_non_null(strstr(log, rows[k].event));
	}
	status_lab_at(j, FIXTURE_NOW + 8 * DAY);
	list_lab_publish(&lab);
	unit_log_begin();
	status_report(j, s);
	assert_null(strstr(unit_log_end(), "event="));
}

/* All that an issuer does by itself until then; a file that cannot be written
 * is tried again. */
static void
run_until(struct list_lab *lab, int64_t until)
{
	struct job *j = lab->j;

	for (;;) {
		int64_t next, incident_at;

		while (issuer_list_step(&lab->issuer, j) == 1)
			continue;
		job_recover(j);
		if (issuer_incident_step(&lab->issuer, j) == 1)
			continue;
		next = list_lab_due(lab);
		if (store_incident_next_due(j, &incident_at) == 1 &&
		    incident_at < next)
			next = incident_at;
		if (next > until || j->now >= until)
			break;
		status_lab_at(lab->j, next > j->now ? next : j->now + 60);
	}
	status_lab_at(lab->j, until);
}

static void
open_incident(struct list_lab *lab, const char *id, int64_t deadline)
{
	const struct incident i = { .id = id,
		.cause = "terms",
		.selector = "{}",
		.reason = 4,
		.known_at = lab->j->now,
		.deadline = deadline,
		.opened_by = "one" };
	const struct incident_selector s = { .profile =
						 "mailbox-multipurpose" };
	struct job *j = lab->j;
	int64_t count;

	COMMITTED(j, store_incident_open(j, &i, &s, j->now, &count));
	assert_int_equal(count, 3);
}

static int64_t
lateness(struct list_lab *lab)
{
	return fixture_count(lab->j, "SELECT COUNT(*) FROM audit "
				     "WHERE event = 'incident late'");
}

/* PK-157, PK-185: at the deadline the file that is served has all of the set;
 * where it has not, the incident is not finished before it has, and its row,
 * the audit and the log say that it is late. */
static void
test_incident_deadline(struct job *j)
{
	struct list_lab lab;
	struct incident i;
	const char *file, *log;
	int64_t deadline;

	list_lab_init(&lab, j);
	file = lab.conf.issuer.crl_file;
	for (int k = 0; k < 3; k++)
		list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	deadline = FIXTURE_NOW + 5 * DAY;
	open_incident(&lab, "i", deadline);
	run_until(&lab, deadline - 2 * HOUR);
	assert_string_equal(list_lab_listed(&lab), "");
	run_until(&lab, deadline);
	assert_string_equal(list_lab_listed(&lab), "0101:4 0102:4 0103:4");
	EXPECT(j, store_incident_by_id(j, "i", &i), 1);
	assert_true(i.finished_at > 0 && i.finished_at < deadline);
	assert_int_equal(i.late_at, 0);
	assert_int_equal(lateness(&lab), 0);

	for (int k = 0; k < 3; k++)
		list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	deadline += DAY / 2;
	open_incident(&lab, "late", deadline);
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	run_until(&lab, deadline);
	EXPECT(j, store_incident_by_id(j, "late", &i), 1);
	assert_int_equal(i.finished_at, 0);
	assert_int_equal(i.late_at, 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE "
			     "revoked_at > 0 AND list_due_at IS NULL"),
	    6);
	unit_log_begin();
	run_until(&lab, deadline + HOUR);
	log = strstr(unit_log_end(), "event=\"incident late\"");
	assert_non_null(log);
	assert_null(strstr(log + 1, "event=\"incident late\""));
	assert_int_equal(lateness(&lab), 1);
	EXPECT(j, store_incident_by_id(j, "late", &i), 1);
	assert_int_equal(i.finished_at, 0);
	assert_int_equal(i.late_at, deadline + 1);
	lab.conf.issuer.crl_file = file;
	run_until(&lab, deadline + 2 * HOUR);
	EXPECT(j, store_incident_by_id(j, "late", &i), 1);
	assert_true(i.finished_at > deadline);
}

/* PK-141, PK-183: a key that is away, or signs what does not verify: the
 * former list stays, and the alarm does not wait for the signature. */
static void
test_cannot_sign(struct job *j)
{
	struct list_lab lab;
	struct span before;

	list_lab_init(&lab, j);
	list_lab_publish(&lab);
	before = list_lab_file(&lab, 0);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	for (size_t i = 0; i < 2; i++) {
		struct ca odd = *lab.issuer.ca;
		const struct ca *right = lab.issuer.ca;

		unit_case("%s", i == 0 ? "away" : "another key");
		odd.signer.key = i == 0 ? NULL
					: signing_key_new(j->arena,
					      lab_key(KEY_TYPE_P256, 0));
		lab.issuer.ca = &odd;
		status_lab_at(j, FIXTURE_NOW + HOUR + 601 + (int64_t)i);
		unit_log_begin();
		EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
		assert_true(says(
		    unit_log_end(), "revocation list late", 601 + (int64_t)i));
		job_recover(j);
		lab.issuer.ca = right;
		assert_true(span_eq(list_lab_file(&lab, 0), before));
	}
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_string_equal(list_lab_listed(&lab), "0101:4");
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_late),
	STORE_TEST(test_out_before_noted),
	STORE_TEST(test_not_out),
	STORE_TEST(test_watched),
	STORE_TEST(test_grows_old),
	STORE_TEST(test_incident_deadline),
	STORE_TEST(test_cannot_sign),
};
UNIT_MAIN(tests)
