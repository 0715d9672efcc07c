/* Incidents: PK-181, PK-185, PK-186, PK-187, PK-189. */
#include "config.h"

#include "tests/unit/incident_lab.h"
#include "tests/unit/store_fixture.h"

#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/incident_open.h"
#include "src/rehearsal.h"
#include "src/role_issuer.h"

#define HOUR INT64_C(3600)
#define MANY "3000"
/* Kept of the time before a deadline for the lists, whatever the set. */
#define SPARE (HOUR + 300)

/* PK-185: what was asked for, and nothing else. */
static void
test_selectors(struct job *j)
{
	const char *account = fixture_account(j);
	const int64_t now = j->now;
	const struct {
		struct incident_selector s;
		int64_t count;
	} rows[] = {
		{ { .profile = "third" }, 10 },
		{ { .profile = "third", .domain = "even.example" }, 5 },
		{ { .domain = "even.example" }, 15 },
		{ { .domain = "odd.example" }, 15 },
		{ { .domain = "sub.odd.example" }, 15 },
		{ { .domain = "example" }, 30 },
		{ { .domain = "dd.example" }, 0 },
		{ { .domain = "%" }, 0 },
		{ { .domain = "sub_odd.example" }, 0 },
		{ { .account_id = account }, 30 },
		{ { .account_id = "other" }, 0 },
		{ { .br_version = "1.0.16" }, 30 },
		{ { .br_version = "1.0.15" }, 0 },
		{ { .spki_sha256 = span_str("other") }, 0 },
		{ { .from = now + 10, .to = now + 19 }, 10 },
		{ { .from = now + 30 }, 1 },
		{ { .to = now + 1 }, 1 },
		{ { .cert_id = "c5" }, 1 },
		{ { .cert_id = "c5", .profile = "none" }, 1 },
		{ { .cert_id = "c" }, 0 },
	};

	fixture_certs(j, account, "30");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct incident in = lab_incident(
		    j, arena_printf(j->arena, "i%zu", i), 4, now + 120 * HOUR);

		unit_case("%zu", i);
		assert_int_equal(
		    lab_incident_open(j, &in, &rows[i].s), rows[i].count);
	}
	/* neither revoked nor expired ones (PK-189) */
	fixture_sql(j, "UPDATE cert SET revoked_at = 1 WHERE id = 'c1'");
	fixture_sql(j, "UPDATE cert SET not_after = 1 WHERE id = 'c2'");
	struct incident in = lab_incident(j, "late", 4, now + 120 * HOUR);
	struct incident_selector all = { .from = 1 };
	assert_int_equal(lab_incident_open(j, &in, &all), 28);
	for (const char *const *id = (const char *const[]){ "c1", "c2", NULL };
	     *id != NULL; id++) {
		struct incident_selector one = { .cert_id = *id };

		in.id = *id;
		assert_int_equal(lab_incident_open(j, &in, &one), 0);
	}
}

/* It has its number, and no signature yet. */
static void
unsign(struct job *j, const char *id)
{
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE cert SET issued_at = 0 WHERE id = '%s'", id));
	fixture_sql(j,
	    arena_printf(j->arena,
		"UPDATE orders SET cert_id = NULL WHERE cert_id = '%s'", id));
}

static void
at(struct job *j, int64_t now)
{
	clock_set(now);
	j->now = now;
}

/* PK-185: alarms before, nothing revoked before it must begin, then all of the
 * set and nothing else, in bites; a killed issuer goes on where it was. */
static void
test_deadline(struct job *j)
{
	const int64_t now = j->now, deadline = now + 24 * HOUR;
	const int64_t begins = deadline - SPARE - 30;
	static const int64_t alarms[] = { 12, 4, 1 };
	struct incident i = lab_incident(j, "i", 4, deadline), back;
	struct incident_selector s = { .domain = "even.example" };
	int64_t due, revoked, replaced;
	size_t steps = 0;

	fixture_certs(j, fixture_account(j), MANY);
	assert_int_equal(lab_incident_open(j, &i, &s), 1500);
	i.cert_count = 1500;
	COMMITTED(
	    j, store_incident_set_due(j, "i", issuer_incident_due(&i, now)));
	for (size_t k = 0; k < 3; k++) {
		EXPECT(j, lab_incident_step(j), 0);
		EXPECT(j, store_incident_next_due(j, &due), 1);
		assert_int_equal(due, begins - alarms[k] * HOUR);
		at(j, due);
		EXPECT(j, lab_incident_step(j), 1);
	}
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    0);
	/* Two have gone meanwhile, by another way. */
	fixture_sql(j, "UPDATE cert SET not_after = 5 WHERE id = 'c2'");
	fixture_sql(
	    j, "UPDATE cert SET revoked_at = 6, reason = 1 WHERE id = 'c4'");
	at(j, begins - 1);
	EXPECT(j, lab_incident_step(j), 0);
	at(j, begins);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_int_equal(back.finished_at, 0);
	EXPECT(j, store_incident_progress(j, "i", &revoked, &replaced), 0);
	assert_true(revoked > 1 && revoked < 1500);
	at(j, begins + 10);
	while (lab_incident_step(j) == 1)
		assert_true(++steps < 10);
	/* what no list shows is not done (PK-157) */
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_int_equal(back.finished_at, 0);
	assert_int_equal(back.cert_count, 1500);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0 "
			     "AND list_due_at > 0 AND reason = 4 "
			     "AND revoked_by = 'incident:i'"),
	    1498);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert c JOIN "
			     "order_identifier o ON o.order_id = c.order_id "
			     "JOIN authz a ON a.id = o.authz_id WHERE "
			     "c.revoked_at > 0 AND a.mailbox LIKE '%odd%'"),
	    0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit "
					  "WHERE event = 'certificate "
					  "revoked'"),
	    1498);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM blocked_key"), 0);
	lab_withdraw_all(j);
	at(j, begins + 20);
	/* one that is out, whose row is to be put right, is looked at again
	 * when the list ends */
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE cert SET list_due_at = %lld WHERE id = 'c6' "
			   "AND revoked_at > 0",
			   (long long)(begins + 21)));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at > 0"),
	    1);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_int_equal(back.finished_at, begins + 20);
	assert_int_equal(back.late_at, 0);
	EXPECT(j, store_incident_next_due(j, &due), 0);
}

/* PK-185, PK-193: what is revoked by another way, or has expired, need not be
 * waited for: with the last of the set the incident ends, once the lists show
 * it.  One of which anything is left keeps its deadline. */
static void
test_nothing_left(struct job *j)
{
	const int64_t deadline = j->now + 24 * HOUR;
	struct incident i = lab_incident(j, "i", 4, deadline), back;
	const struct incident other = lab_incident(j, "k", 4, deadline);
	struct incident_selector s = { .domain = "even.example" };
	struct incident_selector all = { .to = INT64_MAX };
	int64_t due;

	fixture_certs(j, fixture_account(j), "5");
	i.cert_count = lab_incident_open(j, &i, &s);
	assert_int_equal(i.cert_count, 2);
	lab_incident_open(j, &other, &all);
	EXPECT(j, issuer_incident_spent_step(j), 0);
	fixture_sql(j,
	    "UPDATE cert SET revoked_at = 6, reason = 4, list_due_at = 6 "
	    "WHERE id = 'c2'");
	EXPECT(j, issuer_incident_spent_step(j), 0);
	EXPECT(j, store_incident_has_left(j, "i"), 1);
	fixture_sql(j, "UPDATE cert SET not_after = 5 WHERE id = 'c4'");
	EXPECT(j, store_incident_has_left(j, "i"), 0);
	EXPECT(j, lab_incident_step(j), 0);
	EXPECT(j, issuer_incident_spent_step(j), 1);
	EXPECT(j, lab_incident_step(j), 1); /* both are done */
	EXPECT(j, lab_incident_step(j), 1); /* and not yet published */
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_int_equal(back.finished_at, 0);
	assert_string_equal(issuer_incident_status(j, &back), "open");
	EXPECT(j, store_incident_next_due(j, &due), 1);
	assert_int_equal(due, j->now + 5);
	lab_withdraw_all(j);
	at(j, due);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_int_equal(back.finished_at, j->now);
	assert_int_equal(back.late_at, 0);
	EXPECT(j, store_incident_by_id(j, "k", &back), 1);
	assert_int_equal(back.finished_at, 0);
	EXPECT(j, issuer_incident_spent_step(j), 0);
	EXPECT(j, store_incident_next_due(j, &due), 1);
	assert_int_equal(due, deadline - 12 * HOUR);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    1);
}

/* PK-185: what is reserved when the set is frozen and signed later is in it,
 * and so revoked; what has not been signed by the deadline is not signed. */
static void
test_reserved(struct job *j)
{
	const struct span der = SPAN("DER");
	const int64_t now = j->now, deadline = now + 24 * HOUR;
	const struct {
		struct incident_selector s;
		int64_t count;
	} rows[] = {
		{ { .profile = "third" }, 2 },
		{ { .domain = "odd.example" }, 3 },
		/* c3 and c6 will be issued from now on */
		{ { .from = now + 100 }, 2 },
		{ { .to = now + 4 }, 4 },
	};

	fixture_certs(j, fixture_account(j), "6");
	unsign(j, "c3");
	unsign(j, "c6");
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct incident i = lab_incident(
		    j, arena_printf(j->arena, "i%zu", k), 4, deadline);

		unit_case("%zu", k);
		assert_int_equal(
		    lab_incident_open(j, &i, &rows[k].s), rows[k].count);
	}
	COMMITTED(j, store_cert_record(j, "c3", der, SPAN("sum of c3")));
	at(j, deadline);
	while (lab_incident_step(j) == 1)
		continue;
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0 "
			     "AND id IN ('c3', 'c6')"),
	    2);
	REFUSED(j, store_cert_record(j, "c6", der, SPAN("sum of c6")),
	    ERR_CONFLICT);
}

static int
revoke_and_tell(struct job *j, void *ctx)
{
	const int *out = ctx;
	int r;

	while ((r = lab_incident_step(j)) == 1)
		if (write(*out, "x", 1) != 1)
			return 1;
	return r == 0 ? 0 : 2;
}

/* One that is killed after so many bites; 0: it comes to its end. */
static void
revoke_until(int bites)
{
	int ends[2], pid;
	char byte;

	assert_int_equal(pipe(ends), 0);
	pid = fixture_fork(revoke_and_tell, &ends[1]);
	close(ends[1]);
	for (int told = 0; bites == 0 || told < bites; told++)
		if (read(ends[0], &byte, 1) != 1)
			break;
	if (bites > 0)
		kill(pid, SIGKILL);
	while (read(ends[0], &byte, 1) == 1)
		continue;
	close(ends[0]);
	assert_int_equal(fixture_wait(pid), bites > 0 ? 128 + SIGKILL : 0);
}

/* Killed: what is revoked is marked and recorded, and its key blocked. */
static void
expect_some(struct job *j, int64_t all)
{
	static const char *const counts[] = {
		"SELECT COUNT(*) FROM incident_cert WHERE done_at > 0",
		"SELECT COUNT(*) FROM audit WHERE detail LIKE '{\"serial\":%'",
		"SELECT COUNT(*) FROM blocked_key",
	};
	int64_t n =
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0");

	assert_in_range(n, 1, all - 1);
	for (size_t i = 0; i < COUNT(counts); i++)
		assert_int_equal(fixture_count(j, counts[i]), n);
}

/* PK-185: killed in the middle of 10^5 certificates (fewer without --long), it
 * goes on: each of the set is revoked and recorded once, and nothing else. */
static void
test_killed(struct job *j)
{
	const char *many =
	    getenv("COUNTERSIGN_TEST_LONG") != NULL ? "200000" : "8000";
	const int64_t half = strtoll(many, NULL, 10) / 2;
	struct incident i = lab_incident(j, "i", 1, j->now);
	const struct incident_selector s = { .domain = "even.example" };
	int64_t n;

	fixture_certs(j, fixture_account(j), many);
	fixture_sql(j, fixture_is_pgsql()
			   ? "UPDATE cert SET spki_sha256 = id::bytea"
			   : "UPDATE cert SET spki_sha256 = CAST(id AS BLOB)");
	assert_int_equal(lab_incident_open(j, &i, &s), half);
	for (int bites = 1; bites <= 3; bites++) {
		revoke_until(bites);
		expect_some(j, half);
	}
	revoke_until(0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0 "
			     "AND reason = 1 AND revoked_by = 'incident:i'"),
	    half);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert c JOIN authz a ON "
			     "a.order_id = c.order_id WHERE c.revoked_at > 0 "
			     "AND a.mailbox LIKE '%odd%'"),
	    0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(DISTINCT object) FROM audit "
			     "WHERE event = 'certificate revoked'"),
	    half);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit "
			     "WHERE event = 'certificate revoked'"),
	    half);
	EXPECT(j, store_audit_verify(j, &n), 0);
	assert_true(n >= half);
}

struct pipes {
	int go[2], done[2];
};

static int
open_meanwhile(struct job *j, void *ctx)
{
	const struct pipes *p = ctx;
	struct incident i = lab_incident(j, "race", 4, j->now + 24 * HOUR);
	const struct incident_selector s = { .profile = "racing" };
	struct incident_opened out;
	char c;

	if (read(p->go[0], &c, 1) != 1)
		return 1;
	/* Told to come back later, which is now. */
	while (incident_open(j, &i, &s, false, &out) < 0) {
		if (j->err.kind != ERR_BUSY)
			return 2;
		job_recover(j);
	}
	return write(p->done[1], "x", 1) == 1 && out.certificates == 1 ? 0 : 3;
}

/* PK-185: an incident that is opened while the number is being reserved waits
 * for it, and has it in its set. */
static void
test_reserving(struct job *j)
{
	const struct cert c = lab_racing_cert(j);
	struct pollfd done = { .events = POLLIN };
	struct pipes p;
	bool taken;
	int pid;

	assert_int_equal(pipe(p.go), 0);
	assert_int_equal(pipe(p.done), 0);
	done.fd = p.done[0];
	pid = fixture_fork(open_meanwhile, &p);
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_cert_reserve(j, &c, &taken), 0);
	assert_int_equal(write(p.go[1], "x", 1), 1);
	/* Until it waits for us, or (which is wrong) does not. */
	while (fixture_is_pgsql() && poll(&done, 1, 10) == 0 &&
	       fixture_count(j, "SELECT COUNT(*) FROM pg_locks WHERE NOT "
				"granted AND locktype = 'advisory'") == 0)
		continue;
	assert_int_equal(store_commit(j), 0);
	assert_int_equal(fixture_wait(pid), 0);
	for (size_t i = 0; i < 2; i++) {
		close(p.go[i]);
		close(p.done[i]);
	}
}

/* PK-157, PK-185: the lists with 10^5 certificates are out at the deadline, so
 * it begins earlier; alarms come 12, 4 and 1 hours before that. */
static void
test_start(void **state)
{
	static const struct {
		int64_t count, now, due; /* before the deadline */
	} rows[] = {
		{ 1, 24 * HOUR, 12 * HOUR + SPARE },
		{ 1, 2 * HOUR + SPARE, HOUR + SPARE },
		{ 1, HOUR + SPARE, SPARE },
		{ 1, SPARE + 1, SPARE },
		{ 1, SPARE, SPARE },
		{ 1, -5, -5 },
		{ 100000, 24 * HOUR, 12 * HOUR + 2000 + SPARE },
		{ 100000, HOUR + 2000 + SPARE, 2000 + SPARE },
		{ 100000, 2001 + SPARE, 2000 + SPARE },
		{ 100000, 2000 + SPARE, 2000 + SPARE },
		{ 100000, 1000, 1000 },
		{ 1000000, 4 * HOUR, 4 * HOUR },
		{ 1000000, HOUR + 20000 + SPARE, 20000 + SPARE },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(rows); k++) {
		const struct incident i = { .deadline = FIXTURE_NOW,
			.cert_count = rows[k].count };

		unit_case("%zu", k);
		assert_int_equal(
		    issuer_incident_due(&i, FIXTURE_NOW - rows[k].now),
		    FIXTURE_NOW - rows[k].due);
	}
}

/* PK-181: keyCompromise blocks the keys as well. */
static void
test_compromise(struct job *j)
{
	struct incident i = lab_incident(j, "i", 1, j->now);
	struct incident_selector s = { .to = j->now + 2 };

	fixture_certs(j, fixture_account(j), "5");
	assert_int_equal(lab_incident_open(j, &i, &s), 2);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, lab_incident_step(j), 1);
	EXPECT(j, lab_incident_step(j), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM blocked_key "
					  "WHERE account_id = '' "
					  "AND source = 'incident i'"),
	    1);
}

/* PK-185: it takes two, and they must be two. */
static void
test_cancel(struct job *j)
{
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR), back;
	struct incident_selector s = { .from = 1 };
	int64_t deadline;

	fixture_certs(j, fixture_account(j), "2");
	lab_incident_open(j, &i, &s);
	EXPECT(j, store_incident_deadline(j, "c1", &deadline), 1);
	assert_int_equal(deadline, i.deadline);
	EXPECT(j, store_incident_any_open(j), 1);
	REFUSED(j, store_incident_cancel(j, "i", "two"), ERR_CONFLICT);
	COMMITTED(j, store_incident_ask_cancel(j, "i", "one"));
	REFUSED(j, store_incident_ask_cancel(j, "i", "two"), ERR_CONFLICT);
	REFUSED(j, store_incident_cancel(j, "i", "one"), ERR_CONFLICT);
	COMMITTED(j, store_incident_cancel(j, "i", "two"));
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_string_equal(back.cancelled_by, "two");
	EXPECT(j, store_incident_any_open(j), 0);
	EXPECT(j, store_incident_deadline(j, "c1", &deadline), 0);
	at(j, i.deadline + 1);
	EXPECT(j, lab_incident_step(j), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    0);
}

/* PK-187: authorizations of the set's accounts and mailboxes, the live ones. */
static void
test_authorizations(struct job *j)
{
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR);
	struct incident_selector s = { .to = j->now + 3 };
	const struct id_range all = { "c1", "c3" }, one = { "c2", "c2" };
	const char **ids;
	size_t count;

	fixture_certs(j, fixture_account(j), "5");
	fixture_sql(j,
	    "UPDATE authz SET valid_at = 1, valid_until = 9999999999 "
	    "WHERE id <> 'a1'");
	fixture_sql(j, "UPDATE authz SET revoked_at = 1 WHERE id = 'a2'");
	lab_incident_open(j, &i, &s);
	EXPECT(j, store_incident_authz(j, "i", &all, 10, &ids, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(ids[0], "a3");
	EXPECT(j, store_incident_authz(j, "i", &one, 10, &ids, &count), 0);
	assert_int_equal(count, 0);
}

/* Rows that others may write keep no incident from being opened: contacts that
 * are no JSON, valid authorizations without a challenge. */
static void
test_strange_rows(struct job *j)
{
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR);
	const struct incident_selector s = { .to = j->now + 3 };
	struct incident_opened out;

	fixture_certs(j, fixture_account(j), "5");
	fixture_sql(j,
	    "UPDATE authz SET valid_at = 1, valid_until = 9999999999;"
	    "UPDATE account SET contact = '[{'");
	i.cause = INCIDENT_VALIDATION;
	EXPECT(j, incident_open(j, &i, &s, false, &out), 0);
	assert_int_equal(out.certificates, 3);
	assert_int_equal(out.dropped, 0);
}

/* Where another CA signs lists and answers (test_rehearsal.c has what is signed
 * here). */
static void
elsewhere(struct job *j)
{
	static struct conf conf;

	conf.external.kind = CONF_EXTERNAL_HOOK;
	j->conf = &conf;
}

/* PK-186: the whole of it on a copy; of the store itself nothing changes but
 * for one audit record, and the copy is gone. */
static void
test_rehearsal(struct job *j)
{
	static const char *const tables[] = { "cert WHERE revoked_at > 0",
		"incident", "incident_cert", "notice" };
	const struct incident_selector s = { .from = 1 };
	struct incident i = lab_incident(j, "i", 4, j->now);
	struct rehearsal r;
	const char *advice;
	int64_t before;
	glob_t left;

	elsewhere(j);
	fixture_certs(j, fixture_account(j), "1200");
	EXPECT(j, rehearsal_advice(j, &advice), 0);
	assert_non_null(strstr(advice, "no incident has been rehearsed"));
	before = fixture_count(j, "SELECT COUNT(*) FROM audit");
	EXPECT(j, rehearsal_run(j, fixture_login(), &i, &s, &r), 0);
	assert_int_equal(r.certificates, 1200);
	assert_int_equal(r.revoked, 1200);
	assert_int_equal(r.mails, 1200);
	for (size_t k = 0; k < COUNT(tables); k++)
		assert_int_equal(
		    fixture_count(j, arena_printf(j->arena,
					 "SELECT COUNT(*) FROM %s", tables[k])),
		    0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit"), before + 1);
	if (!fixture_is_pgsql())
		assert_int_equal(glob(arena_printf(j->arena, "%s.rehearsal-*",
					  fixture_file()),
				     0, NULL, &left),
		    GLOB_NOMATCH);
	else
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM pg_tables WHERE "
				     "schemaname LIKE 'rehearsal%' AND "
				     "tableowner = current_user"),
		    0);
	/* One that fails leaves nothing either. */
	i.id = "none";
	fixture_sql(j, "UPDATE cert SET revoked_at = 1");
	assert_int_equal(rehearsal_run(j, fixture_login(), &i, &s, &r), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit"), before + 1);
}

/* PK-186: after 12 months it is said that it is time. */
static void
test_rehearsal_age(struct job *j)
{
	const struct incident_selector s = { .from = 1 };
	struct incident i = lab_incident(j, "i", 4, j->now);
	const int64_t now = j->now;
	struct rehearsal r;
	const char *advice;

	clock_set(now);
	elsewhere(j);
	fixture_certs(j, fixture_account(j), "2");
	EXPECT(j, rehearsal_run(j, fixture_login(), &i, &s, &r), 0);
	at(j, now + 366 * 24 * HOUR);
	EXPECT(j, rehearsal_advice(j, &advice), 0);
	assert_null(advice);
	at(j, now + 367 * 24 * HOUR);
	EXPECT(j, rehearsal_advice(j, &advice), 0);
	assert_non_null(strstr(advice, "12 months"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_rehearsal),
	STORE_TEST(test_rehearsal_age),
	STORE_TEST(test_strange_rows),
	STORE_TEST(test_selectors),
	STORE_TEST(test_deadline),
	STORE_TEST(test_nothing_left),
	STORE_TEST(test_killed),
	cmocka_unit_test(test_start),
	STORE_TEST(test_reserved),
	STORE_TEST(test_reserving),
	STORE_TEST(test_compromise),
	STORE_TEST(test_cancel),
	STORE_TEST(test_authorizations),
};
UNIT_MAIN(tests)
