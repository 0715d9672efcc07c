/*
 * Numbers that were reserved and certificates that wait: what no longer holds
 * when their turn comes is not signed (PK-65, PK-143 to PK-146).
 */
#include "config.h"

#include "tests/unit/signing_lab.h"

#include <stdio.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_private.h"
#include "db/store_stop.h"
#include "lib/count.h"
#include "lib/rnd.h"
#include "pki/issue.h"
#include "src/judge_caa.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/role_lab.h"

#define MAILBOX "mailbox0@example.org"
#define HOUR INT64_C(3600)

/* PK-205, PK-144: contents and columns that whoever writes rows made differ. */
static void
test_reserved_tampered(struct job *j)
{
	/* It is another member then: the row has none. */
	static const char earlier_version[] =
	    "UPDATE cert SET evidence = "
	    "replace(evidence, 'reservation_seal', 'x')";
	static const char *const cases[] = {
		"UPDATE cert SET tbs = signature_alg",
		"UPDATE cert SET evidence = '{}'",
		"UPDATE cert SET evidence = '['",
		"UPDATE cert SET serial = '0102'",
		"UPDATE cert SET id = 'x'",
		"UPDATE cert SET signature_alg = tbs",
		"UPDATE cert SET spki_sha256 = tbs",
		"UPDATE cert SET not_after = not_after - 1",
		"UPDATE cert SET not_before = not_before + 1",
		"UPDATE cert SET profile = 'mailbox-strict'",
		"UPDATE cert SET ca_label = 'x'",
		"UPDATE cert SET shard = 1",
		"UPDATE cert SET shard = -1",
		"UPDATE cert SET shard = 9223372036854775807",
		"UPDATE cert SET revoked_at = 1",
		"UPDATE cert SET reserved_at = reserved_at + 1",
		"UPDATE cert SET br_version = br_version || ' '",
		earlier_version,
	};
	static const enum signing_mode list[] = { FAILS };

	for (size_t k = 0; k < COUNT(cases); k++) {
		struct role_lab lab;

		unit_case("%s", cases[k]);
		signing_lab_begin(&lab, j);
		signing_lab_next(list, 1);
		issuer_lab_run(&lab);
		signing_lab_expect_processing(&lab);
		fixture_sql(j, cases[k]);
		role_lab_at(&lab, j->now + 60);
		issuer_lab_run(&lab);
		assert_int_equal(signing_lab_cert(&lab).issued_at, 0);
		assert_non_null(fixture_reread(j, lab.order)->error);
	}
}

/* As an issuer of these rules would have reserved it. */
static void
set_rules(struct role_lab *lab, const char *br_version)
{
	struct cert c = signing_lab_cert(lab);

	c.br_version = br_version;
	fixture_sql(lab->j,
	    arena_printf(lab->j->arena,
		"UPDATE cert SET br_version = '%s', evidence = '%s'",
		br_version,
		issuer_evidence(&lab->issuer, lab->j, lab->order, &c, NULL)));
}

/* PK-142: what was linted long ago is not signed today. */
static void
test_reserved_too_old(struct job *j)
{
	static const struct {
		const char *name, *br_version;
		int64_t wait;
		const char *reason;
	} cases[] = {
		{ "two days", NULL, 49 * HOUR, "two days have passed" },
		{ "rules of another version", "older", HOUR / 2,
		    "other rules hold today" },
	};
	static const enum signing_mode list[] = { AWAY };

	for (size_t k = 0; k < COUNT(cases); k++) {
		struct role_lab lab;

		unit_case("%s", cases[k].name);
		signing_lab_begin(&lab, j);
		signing_lab_next(list, 1);
		issuer_lab_run(&lab);
		signing_lab_is_away = false;
		if (cases[k].br_version != NULL)
			set_rules(&lab, cases[k].br_version);
		unit_log_begin();
		role_lab_at(&lab, j->now + cases[k].wait);
		issuer_lab_run(&lab);
		if (cases[k].wait > HOUR) {
			EXPECT(j, judge_caa(&lab.validator, j), 1);
			role_lab_at(&lab, j->now + 60);
			issuer_lab_run(&lab);
		}
		assert_non_null(strstr(unit_log_end(), cases[k].reason));
		assert_int_equal(signing_lab_cert(&lab).issued_at, 0);
		assert_string_equal(
		    signing_lab_cert(&lab).revoked_by, "issuer");
		assert_non_null(strstr(
		    fixture_reread(j, lab.order)->error, ":serverInternal"));
	}
}

static int64_t
count_issued(struct job *j)
{
	int64_t count;

	EXPECT(j,
	    store_get_int(j, &count,
		"SELECT COUNT(*) FROM cert WHERE issued_at > 0", NO_ARGS),
	    1);
	return count;
}

/* PK-204: the ceiling holds until an admin raises it and resumes, and counts
 * what the process signed, whatever the rows say. */
static void
test_ceiling(struct job *j)
{
	struct role_lab first, second;
	struct stop *stops;
	size_t n;

	signing_lab_begin(&first, j);
	issuer_lab_run(&first);
	signing_lab_wait(&second, j);
	second.conf.share_keys = true;
	second.conf.issuer.max_per_hour = 1;
	second.issuer.ceiling = first.issuer.ceiling;
	fixture_sql(j, "UPDATE cert SET reserved_at = 1");
	issuer_lab_run(&second);
	signing_lab_expect_processing(&second);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(stops[0].scope, STOP_ALL);
	assert_string_equal(stops[0].by, "issuer");
	assert_string_equal(stops[0].reason,
	    "1 certificates within an hour; issuer.max_per_hour is 1");
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&second, j->now + 60);
	issuer_lab_run(&second);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 1);
	/* Time alone does not lift it. */
	role_lab_at(&second, j->now + 2 * HOUR);
	issuer_lab_run(&second);
	assert_int_equal(count_issued(j), 1);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&second, j->now + 60);
	EXPECT(j, judge_caa(&second.validator, j), 0);
	issuer_lab_run(&second);
	EXPECT(j, judge_caa(&second.validator, j), 1);
	role_lab_at(&second, j->now + 60);
	issuer_lab_run(&second);
	assert_int_equal(count_issued(j), 2);
}

static void
expect_held(struct role_lab *lab, const char *why)
{
	assert_int_equal(issuer_step(&lab->issuer, lab->j), -1);
	assert_job_error(lab->j, ERR_BUSY, why);
	job_recover(lab->j);
}

/* PK-147: earlier than what the store holds. */
static void
test_clock_behind(struct job *j)
{
	static const char *const newest[] = {
		"UPDATE cert SET reserved_at = reserved_at + 3600",
		"UPDATE crl SET this_update = this_update + 3600",
		"UPDATE audit SET at_ms = at_ms + 3600000",
	};

	for (size_t k = 0; k < COUNT(newest); k++) {
		struct role_lab lab;

		unit_case("%s", newest[k]);
		signing_lab_begin(&lab, j);
		issuer_lab_run(&lab);
		assert_int_equal(count_issued(j), 1);
		fixture_sql(j, newest[k]);
		lab.issuer.clock.is_on = true;
		expect_held(&lab,
		    k < 2 ? "the clock: it is earlier than the newest record "
			    "in the database, by 3600 s"
			  : "the clock: it is earlier than the newest audit "
			    "record, by 3600 s");
		fixture_sql(j, "DELETE FROM crl; DELETE FROM audit");
	}
}

/* The clock stands in the tests, and the other one does not: that looks like
 * steps back. */
static int64_t
steps(struct job *j, const char *direction)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = 'clock stepped' "
		   "AND result = '%s'",
		   direction));
}

/* PK-147, PK-19: stepped while the issuer ran; small corrections are followed.
 */
static void
test_clock_stepped(struct job *j)
{
	struct role_lab lab;

	signing_lab_begin(&lab, j);
	lab.issuer.clock.is_on = true;
	EXPECT(j, issuer_step(&lab.issuer, j), 1);
	role_lab_at(&lab, j->now + HOUR / 2);
	expect_held(&lab, "the clock: it was stepped forward, by 1800 s");
	expect_held(&lab, "the clock: it was stepped forward, by 1800 s");
	assert_int_equal(count_issued(j), 0);
	assert_int_equal(steps(j, "forward"), 1);
	role_lab_at(&lab, j->now - HOUR / 2 + 30);
	issuer_lab_run(&lab);
	assert_int_equal(count_issued(j), 1);
	assert_true(steps(j, "back") >= 1);
	role_lab_at(&lab, j->now + 45);
	issuer_lab_run(&lab);
	assert_int_equal(steps(j, "forward"), 2);
	role_lab_at(&lab, j->now - HOUR);
	expect_held(&lab, "the clock: it was stepped back, by 3600 s");
}

/* PK-45: stopped between the signature and its commit: the order waits, and
 * its number is used when issuance goes on. */
static void
test_stopped_meanwhile(struct job *j)
{
	static const enum signing_mode list[] = { STOPS };
	struct role_lab lab;
	struct cert c;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 1);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	c = signing_lab_cert(&lab);
	assert_int_equal(c.issued_at, 0);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(signing_lab_cert(&lab).issued_at > 0);
	assert_string_equal(signing_lab_cert(&lab).serial, c.serial);
}

/* PK-143: two issuers whose generators give the same. */
static void
test_same_serial(struct job *j)
{
	struct role_lab first, second;
	char serial[2 * SERIAL_LEN + 1];

	signing_lab_begin(&first, j);
	rnd_test_seed(7);
	issuer_lab_run(&first);
	snprintf(serial, sizeof serial, "%s", signing_lab_cert(&first).serial);
	rnd_test_seed(8);
	signing_lab_wait(&second, j);
	/* The laboratory has one key for all of its mailboxes (PK-78). */
	second.conf.share_keys = true;
	rnd_test_seed(7);
	issuer_lab_run(&second);
	assert_true(signing_lab_cert(&second).issued_at > 0);
	assert_string_not_equal(signing_lab_cert(&second).serial, serial);
	assert_string_equal(signing_lab_cert(&first).serial, serial);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_stopped_meanwhile),
	STORE_TEST(test_ceiling),
	STORE_TEST(test_clock_behind),
	STORE_TEST(test_clock_stepped),
	STORE_TEST(test_reserved_tampered),
	STORE_TEST(test_reserved_too_old),
	STORE_TEST(test_same_serial),
};
UNIT_MAIN(tests)
