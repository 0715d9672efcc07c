/* PK-147: what a clock that was far ahead has left is set aside, once. */
#include "config.h"

#include "tests/unit/incident_lab.h"
#include "tests/unit/store_fixture.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "src/clock_aside.h"
#include "src/clock_watch.h"

#define AHEAD INT64_C(10000000)
#define CA "aa"

static struct conf conf;

/* Of thirty certificates the first three, of which the third is not signed, and
 * list 2 are of a moment to come. */
static int64_t
run_ahead(struct job *j)
{
	conf = (struct conf){ .mode = CONF_MODE_PRIVATE };
	j->conf = &conf;
	fixture_certs(j, fixture_account(j), "30");
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE cert SET reserved_at = %lld, issued_at = 0; "
		   "UPDATE cert SET issued_at = reserved_at WHERE id <> 'c3'; "
		   "UPDATE cert SET reserved_at = reserved_at + %lld "
		   "WHERE id IN ('c1', 'c2', 'c3'); "
		   "INSERT INTO crl (ca_label, shard, number, this_update, "
		   "next_update) VALUES ('" CA "', 0, 1, %lld, %lld); "
		   "INSERT INTO crl (ca_label, shard, number, this_update, "
		   "next_update) VALUES ('" CA "', 0, 2, %lld, %lld)",
		   (long long)j->now, (long long)AHEAD, (long long)j->now,
		   (long long)j->now, (long long)(j->now + AHEAD + 7),
		   (long long)(j->now + AHEAD + 8)));
	return j->now + AHEAD + 7;
}

static int64_t
lag(struct job *j)
{
	struct clock_lag l;

	EXPECT(j, clock_lag(j, CA, &l), 0);
	return l.made;
}

static int64_t
count(struct job *j, const char *where)
{
	return fixture_count(
	    j, arena_printf(j->arena, "SELECT COUNT(*) FROM %s", where));
}

static void
refused(struct job *j, int64_t moment, const char *reason, enum err_kind kind,
    const char *why)
{
	struct clock_aside done;
	int64_t before = count(j, "audit");

	assert_int_equal(clock_set_aside(j, moment, reason, &done), -1);
	assert_int_equal(j->err.kind, kind);
	assert_non_null(strstr(j->err.text, why));
	job_recover(j);
	assert_int_equal(count(j, "audit"), before);
	assert_int_equal(count(j, "cert WHERE aside_at > 0"), 0);
}

static void
test_set_aside(struct job *j)
{
	int64_t moment = run_ahead(j), records;
	struct clock_aside done;

	assert_int_equal(lag(j), AHEAD + 7);
	refused(j, moment - 1, "test", ERR_CONFLICT, "another one than was");
	refused(j, moment, NULL, ERR_MALFORMED, "--reason");
	EXPECT(j, clock_set_aside(j, moment, "a dead battery", &done), 0);
	assert_false(done.is_asked);
	assert_int_equal(done.marked.certs, 3);
	assert_int_equal(done.marked.lists, 1);
	assert_int_equal(done.marked.signed_certs, 2);
	assert_int_equal(done.certificates, 2);
	assert_int_equal(lag(j), 0);
	/* never signed, and revoked by the incident */
	assert_int_equal(count(j, "cert WHERE revoked_at > 0"), 1);
	assert_int_equal(
	    count(j, "cert WHERE revoked_at > 0 AND id = 'c3'"), 1);
	/* whoever has signed it meanwhile is too late */
	REFUSED(j, store_cert_record(j, "c3", SPAN("der"), SPAN("c3")),
	    ERR_CONFLICT);
	EXPECT(j, lab_incident_step(j), 1);
	assert_int_equal(count(j, "cert WHERE revoked_at > 0"), 3);
	assert_int_equal(
	    count(j, "cert WHERE revoked_at > 0 AND id IN ('c1', 'c2')"), 2);
	assert_int_equal(
	    count(j, "audit WHERE event = 'clock set aside' AND detail LIKE "
		     "'%a dead battery%'"),
	    1);
	EXPECT(j, store_audit_verify(j, &records), 0);
}

struct pipes {
	int go[2], done[2];
	int64_t moment;
};

static int
set_aside_meanwhile(struct job *j, void *ctx)
{
	struct pipes *p = ctx;
	struct clock_aside done;
	char c;
	int result;

	close(p->go[1]);
	j->conf = &conf;
	if (read(p->go[0], &c, 1) != 1)
		return 1;
	result = clock_set_aside(j, p->moment, "test", &done);
	if (write(p->done[1], "x", 1) != 1 || result < 0)
		return 2;
	return done.certificates == 3 ? 0 : 3;
}

/* A number whose certificate is just being recorded is waited for, and revoked
 * with the others. */
static void
test_recorded_meanwhile(struct job *j)
{
	struct pipes p = { .moment = run_ahead(j) };
	struct pollfd done = { .events = POLLIN };
	int pid;

	assert_int_equal(pipe(p.go), 0);
	assert_int_equal(pipe(p.done), 0);
	done.fd = p.done[0];
	pid = fixture_fork(set_aside_meanwhile, &p);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j,
	    store_change(j, NULL,
		"UPDATE cert SET issued_at = reserved_at WHERE id = 'c3'",
		NO_ARGS),
	    0);
	assert_int_equal(write(p.go[1], "x", 1), 1);
	/* Until it waits for us, or (which is wrong) does not. */
	while (poll(&done, 1, 10) == 0 &&
	       fixture_count(j, "SELECT COUNT(*) FROM pg_locks WHERE NOT "
				"granted AND locktype = 'transactionid'") == 0)
		continue;
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(fixture_wait(pid), 0);
	assert_int_equal(count(j, "cert WHERE aside_at > 0"), 3);
	EXPECT(j, lab_incident_step(j), 1);
	assert_int_equal(
	    count(j, "cert WHERE revoked_at > 0 AND aside_at > 0"), 3);
	for (size_t i = 0; i < 2; i++) {
		close(p.go[i]);
		close(p.done[i]);
	}
}

/* It is no switch: what is made ahead of the clock later holds as ever. */
static void
test_once(struct job *j)
{
	int64_t moment = run_ahead(j);
	struct clock_aside done;

	EXPECT(j, clock_set_aside(j, moment, "test", &done), 0);
	assert_int_equal(clock_set_aside(j, moment, "test", &done), -1);
	assert_non_null(strstr(j->err.text, "no number and no list is"));
	job_recover(j);
	fixture_sql(j, "UPDATE cert SET reserved_at = reserved_at + 5000 "
		       "WHERE id = 'c9'");
	assert_int_equal(lag(j), 5000);
	fixture_sql(j, "UPDATE cert SET reserved_at = reserved_at - 5000 "
		       "WHERE id = 'c9'");
	assert_int_equal(lag(j), 0);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO crl (ca_label, shard, number, this_update, "
		   "next_update) VALUES ('" CA "', 0, 3, %lld, 0)",
		   (long long)(j->now + 61)));
	assert_int_equal(lag(j), 61);
}

/* Work of a time to come is due now; an incident whose deadline is later is
 * not, and one that was opened then has as long as it had. */
static void
test_work(struct job *j)
{
	int64_t moment = run_ahead(j);
	struct clock_aside done;

	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO recheck (id, rules, due_at, started_at, "
		   "after_id, checked, unlinted) VALUES (1, '', %lld, 0, '', "
		   "0, 0); INSERT INTO incident (id, cause, selector, reason, "
		   "known_at, deadline, opened_by, opened_at, due_at) VALUES "
		   "('later', 'terms', '{}', 4, 1, %lld, 'x', 1, %lld), "
		   "('over', 'terms', '{}', 4, 1, 2, 'x', 1, %lld), "
		   "('ahead', 'terms', '{}', 4, 1, %lld, 'x', %lld, %lld)",
		   (long long)moment, (long long)(j->now + 400000),
		   (long long)(j->now + 300000), (long long)moment,
		   (long long)(moment + 500), (long long)moment,
		   (long long)(moment + 400)));
	EXPECT(j, clock_set_aside(j, moment, "test", &done), 0);
	assert_int_equal(done.ahead.work, 3);
	assert_int_equal(count(j, "recheck WHERE due_at = 1800000000"), 1);
	assert_int_equal(
	    count(j, "incident WHERE id = 'later' AND due_at = 1800300000"), 1);
	assert_int_equal(
	    count(j, "incident WHERE id = 'over' AND due_at = 1800000000"), 1);
	assert_int_equal(
	    count(j, "incident WHERE id = 'ahead' AND due_at = 1800000000 "
		     "AND deadline = 1800000500"),
	    1);
}

/* PK-185: an incident that was opened ahead tells its mailboxes once more, and
 * until when it really is; one that failed, came back or is of another one does
 * not go out again. */
static void
test_notices(struct job *j)
{
	int64_t moment = run_ahead(j);
	struct clock_aside done;

	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO incident (id, cause, selector, reason, "
		   "known_at, deadline, opened_by, opened_at, due_at) VALUES "
		   "('ahead', 'terms', '{}', 4, %lld, %lld, 'x', %lld, %lld), "
		   "('now', 'terms', '{}', 4, 1, 1800000700, 'x', 1, "
		   "1800000600); INSERT INTO notice (about, mailbox, deadline, "
		   "expires_at, due_at, attempts, sent_at, failed_at, "
		   "bounced_at, message, message_id) VALUES "
		   "('ahead', 'told', %lld, %lld, NULL, 1, 5, 0, 0, NULL, "
		   "'<a>'), "
		   "('ahead', 'waits', %lld, %lld, %lld, 3, 0, 0, 0, 'old', "
		   "'<b>'), "
		   "('ahead', 'failed', 1, 1, NULL, 1, 0, 5, 0, NULL, '<c>'), "
		   "('ahead', 'back', 1, 1, NULL, 1, 5, 0, 6, NULL, '<d>'), "
		   "('now', 'told', 1800000700, 1800000900, NULL, 1, 5, 0, 0, "
		   "NULL, '<e>')",
		   (long long)(moment - 9), (long long)(moment + 500),
		   (long long)moment, (long long)(moment + 400),
		   (long long)(moment + 500), (long long)(moment + 800),
		   (long long)(moment + 500), (long long)(moment + 800),
		   (long long)(moment + 60)));
	EXPECT(j, clock_set_aside(j, moment, "test", &done), 0);
	assert_int_equal(
	    count(j, "incident WHERE id = 'ahead' AND deadline = 1800000500 "
		     "AND known_at = 1799999991"),
	    1);
	assert_int_equal(
	    count(j, "notice WHERE about = 'ahead' AND deadline = 1800000500 "
		     "AND expires_at = 1800000800 AND due_at = 1800000000 "
		     "AND sent_at = 0 AND message IS NULL AND message_id IS "
		     "NULL AND mailbox IN ('told', 'waits')"),
	    2);
	assert_int_equal(
	    count(j, "notice WHERE deadline = 1 AND due_at IS NULL"), 2);
	assert_int_equal(
	    count(j, "notice WHERE message_id = '<e>' AND due_at IS NULL"), 1);
}

/* PK-206: where the CA is public, one asks and another confirms. */
static void
test_two_persons(struct job *j)
{
	int64_t moment = run_ahead(j);
	struct clock_aside done;

	conf.mode = CONF_MODE_PUBLIC;
	EXPECT(j, clock_set_aside(j, moment, "a reason", &done), 0);
	assert_true(done.is_asked);
	assert_int_equal(lag(j), AHEAD + 7);
	refused(j, moment, NULL, ERR_UNAUTHORIZED, "you have asked for it");
	/* another has, more than a day ago */
	fixture_sql(j, "UPDATE clock_aside SET asked_by = 'operator:two', "
		       "asked_at = asked_at - 86401");
	refused(j, moment, NULL, ERR_MALFORMED, "--reason");
	fixture_sql(j, "UPDATE clock_aside SET asked_at = asked_at + 86401");
	/* of that moment, and no other */
	fixture_sql(j, "UPDATE crl SET this_update = this_update + 1 "
		       "WHERE number = 2");
	refused(j, moment, NULL, ERR_CONFLICT, "another one than was");
	refused(j, moment + 1, NULL, ERR_MALFORMED, "--reason");
	fixture_sql(j, "UPDATE crl SET this_update = this_update - 1 "
		       "WHERE number = 2");
	EXPECT(j, clock_set_aside(j, moment, NULL, &done), 0);
	assert_false(done.is_asked);
	assert_int_equal(lag(j), 0);
	assert_int_equal(
	    count(j, "audit WHERE event = 'clock set aside' AND detail LIKE "
		     "'%a reason%operator:two%'"),
	    1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_set_aside),
	STORE_TEST_PGSQL(test_recorded_meanwhile),
	STORE_TEST(test_once),
	STORE_TEST(test_work),
	STORE_TEST(test_notices),
	STORE_TEST(test_two_persons),
};
UNIT_MAIN(tests)
