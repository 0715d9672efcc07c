/*
 * Notices of incidents (PK-185): one mail for each mailbox and contact, in the
 * reader's language, the same octets on every attempt, none against the
 * suppression list (AC-90), none after the incident was cancelled.  Their text:
 * test_notice_text.c.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "db/store_incident.h"
#include "db/store_notice.h"
#include "db/store_suppressed.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "src/incident_open.h"

#define HOUR INT64_C(3600)

/* The lab's order got a certificate, and its account has contacts. */
static void
make_cert(struct role_lab *lab)
{
	struct job *j = lab->j;

	role_lab_cert(lab, FIXTURE_NOW + 8640000);
	fixture_sql(j,
	    "UPDATE account SET contact = '[\"mailto:Owner@Example.ORG\", "
	    "\"MAILTO:mailbox0@example.org\", \"tel:+1\"]'");
	fixture_sql(j, "UPDATE orders SET language = 'de'");
}

static void
open_incident(struct role_lab *lab, const char *id)
{
	const struct incident i = { .id = id,
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.known_at = FIXTURE_NOW,
		.deadline = FIXTURE_NOW + 120 * HOUR,
		.opened_by = "one" };
	const struct incident_selector s = { .cert_id = "c1" };
	struct incident_opened out;

	EXPECT(lab->j, incident_open(lab->j, &i, &s, false, &out), 0);
	assert_int_equal(out.certificates, 1);
}

/* To the mailbox, in the language of its order, and to the one contact that is
 * somebody else; once. */
static void
test_sent(struct job *j)
{
	struct role_lab lab;
	bool mailbox = false, owner = false;

	role_lab_init(&lab, j);
	make_cert(&lab);
	fixture_expect_notices(j, "i1", 0, 0, 0);
	open_incident(&lab, "i1");
	fixture_expect_notices(j, "i1", 2, 0, 0);
	for (int i = 1; i <= 2; i++) {
		EXPECT(j, sender_step(&lab.sender, j), 1);
		assert_int_equal(lab.submissions, i);
		assert_string_equal(lab.sent_from, lab.conf.sender.from);
		if (strcmp(lab.sent_to, "mailbox0@example.org") == 0) {
			mailbox = true;
			assert_true(span_has_str(lab.sent, "Zertifikat"));
		} else {
			assert_string_equal(lab.sent_to, "Owner@example.org");
			owner = true;
			assert_false(span_has_str(lab.sent, "Zertifikat"));
		}
	}
	assert_true(mailbox && owner);
	EXPECT(j, sender_step(&lab.sender, j), 0);
	fixture_expect_notices(j, "i1", 2, 2, 0);
	/* Another incident is another mail. */
	open_incident(&lab, "i2");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 3);
}

/* ER-10, ER-11: the same octets, after the same pauses; the end of trying. */
static void
test_retried(struct job *j)
{
	struct role_lab lab;
	struct span first;
	int64_t at;

	role_lab_init(&lab, j);
	make_cert(&lab);
	fixture_sql(j, "UPDATE account SET contact = '[]'");
	open_incident(&lab, "i1");
	lab.answer = (struct submit_result){ SUBMIT_UNKNOWN, "", "gone", NULL };
	EXPECT(j, sender_step(&lab.sender, j), 1);
	first = lab.sent;
	EXPECT(j, sender_step(&lab.sender, j), 0);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + 60);
	role_lab_at(&lab, at);
	lab.conf.ca_name = "Renamed CA";
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_true(span_eq(lab.sent, first));
	role_lab_at(&lab, FIXTURE_NOW + (120 + 48) * HOUR);
	lab.submissions = 0;
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 0);
	fixture_expect_notices(j, "i1", 1, 0, 1);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 0);
}

/* ER-11: what a stop of our own cut off is no attempt. */
static void
test_cut_off(struct job *j)
{
	struct role_lab lab;
	int64_t at;

	role_lab_init(&lab, j);
	make_cert(&lab);
	fixture_sql(j, "UPDATE account SET contact = '[]'");
	open_incident(&lab, "i1");
	lab.answer =
	    (struct submit_result){ SUBMIT_CUT_OFF, "", "no answer", NULL };
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(fixture_count(j, "SELECT attempts FROM notice"), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'notice'"),
	    0);
	EXPECT(j, sender_next_due(&lab.sender, j, &at), 1);
	assert_int_equal(at, j->now);
	lab.answer.outcome = SUBMIT_ACCEPTED;
	EXPECT(j, sender_step(&lab.sender, j), 1);
	fixture_expect_notices(j, "i1", 1, 1, 0);
}

/* AC-90, AC-189: who wants no mail gets none, and the operator sees that. */
static void
test_suppressed(struct job *j)
{
	const struct suppressed s = { .mailbox = "mailbox0@example.org",
		.since = FIXTURE_NOW,
		.until = FIXTURE_NOW + 90 * 24 * HOUR,
		.source = "admin" };
	struct role_lab lab;

	role_lab_init(&lab, j);
	make_cert(&lab);
	fixture_sql(j, "UPDATE account SET contact = '[]'");
	COMMITTED(j, store_suppressed_add(j, &s));
	open_incident(&lab, "i1");
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 0);
	fixture_expect_notices(j, "i1", 1, 0, 1);
	EXPECT(j, sender_step(&lab.sender, j), 0);
}

/* Whoever writes rows can name anything: no mail goes there. */
static void
test_no_mailbox(struct job *j)
{
	static const char *const names[] = { "", "nobody", "@", "a@",
		"a@b.test, c@d.test", "a@b.test\r\nBcc: c@d.test" };

	for (size_t k = 0; k < COUNT(names); k++) {
		struct role_lab lab;

		unit_case("%s", names[k]);
		fixture_sql(j, "DELETE FROM notice; DELETE FROM incident_cert;"
			       "DELETE FROM incident; DELETE FROM cert");
		role_lab_init(&lab, j);
		make_cert(&lab);
		fixture_sql(j, "UPDATE account SET contact = '[]'");
		open_incident(&lab, "i1");
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE notice SET mailbox = '%s'", names[k]));
		EXPECT(j, sender_step(&lab.sender, j), 1);
		assert_int_equal(lab.submissions, 0);
		fixture_expect_notices(j, "i1", 1, 0, 1);
	}
}

static void
cancel(struct role_lab *lab)
{
	COMMITTED(lab->j, store_notice_cancel(lab->j, "i1"));
}

/* Also one that is cancelled while the relay is asked. */
static void
test_cancelled(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	make_cert(&lab);
	open_incident(&lab, "i1");
	lab.during_submission = cancel;
	lab.answer =
	    (struct submit_result){ SUBMIT_TEMPORARY, "451", "451", NULL };
	EXPECT(j, sender_step(&lab.sender, j), 1);
	assert_int_equal(lab.submissions, 1);
	lab.during_submission = NULL;
	role_lab_at(&lab, FIXTURE_NOW + HOUR);
	EXPECT(j, sender_step(&lab.sender, j), 0);
	assert_int_equal(lab.submissions, 1);
	fixture_expect_notices(j, "i1", 2, 0, 2);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_sent),
	STORE_TEST(test_retried),
	STORE_TEST(test_cut_off),
	STORE_TEST(test_suppressed),
	STORE_TEST(test_cancelled),
	STORE_TEST(test_no_mailbox),
};

UNIT_MAIN(tests)
