/*
 * countersign status: what an admin looks at first; with it PK-3, PK-45,
 * PK-184, PK-185 and PK-186, which want to be seen there.
 */
#include "config.h"

#include "tests/unit/overview_lab.h"

#include <string.h>

#include "db/store_conf_use.h"
#include "db/store_life.h"
#include "db/store_stop.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "pki/ca_key_end.h"
#include "src/role_life.h"
#include "src/worker.h"
#include "tests/unit/pki_lab.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void
add_stop(struct job *j, const struct stop *s)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, s), 1);
	EXPECT(j, store_commit(j), 0);
}

/* PK-45 */
static void
test_stops(struct job *j)
{
	const struct stop stop = { .scope = STOP_DOMAIN,
		.value = "example.org",
		.reason = "a complaint",
		.by = "operator:one",
		.at = j->now };
	struct role_lab lab;

	overview_start(&lab, j);
	expect_line(j, "ok    issuance: is not stopped\n");
	add_stop(j, &stop);
	expect_line(j, "warn  issuance: stopped for domain example.org by "
		       "operator:one since ");
	expect_no_line(j, "is not stopped");
}

static void
put_life(struct job *j, const char *host, const char *role, bool is_running,
    int64_t crash_told_at)
{
	const struct role_life l = { .host = host,
		.role = role,
		.version = "1",
		.conf_sha256 = "x",
		.is_running = is_running,
		.started_at = j->now,
		.crash_told_at = crash_told_at,
		.seen_at = j->now };

	COMMITTED(j, store_life_put(j, &l));
}

/* PK-19: who has started and not ended; crashes for a day. */
static void
test_roles(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	expect_line(j, "warn  roles: none runs\n");
	put_life(j, "one", "issuer", true, 0);
	put_life(j, "one", "web", true, j->now - HOUR);
	put_life(j, "one", "sender", false, j->now - 2 * DAY);
	expect_line(j, "ok    roles: issuer, web run\n");
	expect_line(j, "warn  roles: web on one has crashed, last at ");
	expect_no_line(j, "sender on one");
	put_life(j, "two", "web", true, 0);
	expect_line(j, "ok    roles: issuer on one, web on one, web on two "
		       "run\n");
}

/* A mail server that refuses the login: orders would wait for replies. */
static void
test_trouble(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	put_life(j, "one", "validator imap", true, 0);
	put_life(j, "one", "web", true, 0);
	expect_no_line(j, "cannot do its work");
	COMMITTED(
	    j, store_life_trouble(j, "one", "validator imap", "login refused"));
	expect_line(j,
	    "warn  roles: validator imap on one cannot do its work since "
	    "2027-01-15T08:00:00Z: login refused; countersign check tries "
	    "what it needs\n");
	j->now += 120;
	COMMITTED(j, store_life_seen(j, "one", "validator imap"));
	COMMITTED(j, store_life_seen(j, "one", "web"));
	COMMITTED(j, store_life_trouble(j, "one", "validator imap", "no host"));
	expect_line(j,
	    "WRONG roles: validator imap on one cannot do its work since "
	    "2027-01-15T08:00:00Z: no host; ");
	expect_no_line(j, "web on one cannot");
	expect_line(j, "ok    roles: validator imap, web run\n");
	COMMITTED(j, store_life_trouble(j, "one", "validator imap", NULL));
	expect_no_line(j, "cannot do its work");
	COMMITTED(j, store_life_trouble(j, "one", "validator imap", "no host"));
	expect_line(j, "warn  roles: validator imap on one cannot do its work "
		       "since 2027-01-15T08:02:00Z: no host; ");
	COMMITTED(j, store_life_end(j, "one", "validator imap"));
	expect_no_line(j, "cannot do its work");
}

#define NOT_HEARD "not heard of since 2027-01-15T08:00:00Z: "

/* PK-19.  Where machines share a database, one of them may be without power;
 * anywhere a role may never get to work, or hang. */
static void
test_silent(struct job *j)
{
	const char *line = store_is_shared(j)
			       ? "WRONG roles: issuer, web on one: " NOT_HEARD
				 "start that machine"
			       : "WRONG roles: issuer, web on one: " NOT_HEARD
				 "does not start, hangs, or cannot write";
	struct role_lab lab;

	overview_start(&lab, j);
	put_life(j, "one", "issuer", true, 0);
	put_life(j, "one", "sender", false, 0);
	put_life(j, "one", "web", true, 0);
	put_life(j, "two", "web", true, 0);
	j->now += 300;
	COMMITTED(j, store_life_seen(j, "two", "web"));
	expect_no_line(j, "not heard of");
	j->now++;
	expect_line(j, line);
	expect_line(j, "ok    roles: web on two run\n");
	COMMITTED(j, store_life_seen(j, "one", "issuer"));
	expect_line(j, "WRONG roles: web on one: " NOT_HEARD
		       "does not start, hangs, or cannot write the database; "
		       "its log says which\n");
	expect_line(j, "ok    roles: issuer on one, web on two run\n");
	j->now += 7 * DAY;
	COMMITTED(j, store_life_seen(j, "two", "web"));
	expect_no_line(j, "web on one");
}

/* Where it is known that no server runs, rows that a kill left say nothing. */
static void
test_no_server(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	put_life(j, "one", "web", true, 0);
	j->now += DAY;
	lab.conf.database = "sqlite:/nowhere/countersign.db";
	expect_line(j, "WRONG countersignd: does not run: start it");
	expect_line(j, "warn  roles: none runs\n");
	expect_no_line(j, "not heard of");
}

static const char *
insert_list(struct job *j, int64_t number, int64_t this_update)
{
	struct ca_key_facts facts;

	EXPECT(j, ca_key_facts(j, j->conf->issuer.ca_certificate, &facts), 0);
	return arena_printf(j->arena,
	    "INSERT INTO crl (ca_label, number, this_update, next_update, der) "
	    "VALUES ('%s', %lld, %lld, %lld, 'x')",
	    facts.label, (long long)number, (long long)this_update,
	    (long long)(this_update + 7 * DAY - 1));
}

/* PK-156: the list that is served. */
static void
test_lists(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	expect_line(j, "WRONG revocation list: "
		       "http://crl.ca.test/issuing.crl: there is none yet");
	fixture_sql(j, insert_list(j, 1, j->now - 8 * DAY));
	expect_line(j, "WRONG revocation list: "
		       "http://crl.ca.test/issuing.crl: ended at ");
	fixture_sql(j, insert_list(j, 2, j->now - 2 * DAY));
	expect_line(j, "warn  revocation list: http://crl.ca.test/issuing.crl: "
		       "is of ");
	fixture_sql(j, insert_list(j, 3, j->now));
	expect_line(j, "ok    revocation lists: good until ");
	expect_no_line(j, "revocation list: ");
}

/* PK-92: no certificate ends after the CA's own, so that orders are refused as
 * long before that end as certificates are valid: who looks is told in time. */
static void
test_life(struct job *j)
{
	struct ca_key_facts facts;
	struct role_lab lab;
	const char *file, *end, *last;
	int64_t over;

	overview_start(&lab, j);
	lab.conf.profile = "mailbox-strict";
	lab.conf.issuer.validity_days = 365;
	file = lab.conf.issuer.ca_certificate;
	EXPECT(j, ca_key_facts(j, file, &facts), 0);
	end = clock_rfc3339(j->arena, facts.not_after);
	over = facts.not_after - 365 * DAY;
	last = clock_rfc3339(j->arena, over);
	clock_set(j->now = over - 90 * DAY - 1);
	expect_no_line(j, "issuing CA");
	clock_set(++j->now);
	expect_line(j,
	    arena_printf(j->arena,
		"warn  issuing CA: %s ends at %s: from %s on no certificate of "
		"365 days is issued; renew",
		file, end, last));
	clock_set(j->now = over - 1);
	expect_line(j, "warn  issuing CA: ");
	clock_set(j->now = over);
	expect_line(j,
	    arena_printf(j->arena,
		"WRONG issuing CA: %s ends at %s, before a certificate of 365 "
		"days would, and orders for one are refused: renew",
		file, end));
	lab.conf.issuer.validity_days = 180;
	expect_no_line(j, "issuing CA");
}

/* PK-147: what keeps the issuer from signing is seen by who looks. */
static void
test_clock(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	fixture_sql(j, insert_list(j, 1, j->now));
	EXPECT(j, worker_record(j, "test", "event", "object", "ok", "{}"), 0);
	expect_no_line(j, "clock");
	fixture_sql(j, "UPDATE audit SET at_ms = at_ms + 3600000");
	expect_line(j, "WRONG clock: it is earlier than the newest audit "
		       "record, by 3600 seconds: no certificate is signed ");
	fixture_sql(j, insert_list(j, 2, j->now + 61));
	expect_line(j, "WRONG clock: it is earlier than the newest record in "
		       "the database, by 61 seconds: nothing is signed ");
	clock_set(j->now += 2 * HOUR);
	expect_no_line(j, "clock");
}

static void
certify(struct job *j, const char *serial, const char *holder, int64_t end)
{
	struct ca_key_facts facts;

	EXPECT(j, ca_key_facts(j, j->conf->issuer.ca_certificate, &facts), 0);
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO responder (ca_label, serial, tbs, lint_report, "
		"br_version, not_after, reserved_at, issued_at, holder) VALUES "
		"('%s', '%s', 'x', '{}', '1', %lld, 1, 1, '%s')",
		facts.label, serial, (long long)end, holder));
}

/* PK-177, PK-118: who answers OCSP clients has a certificate, and is given
 * another one in time. */
static void
test_live_key(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	lab.conf.issuer.ocsp_url = "http://ocsp.ca.test/";
	expect_no_line(j, "key of live OCSP answers");
	lab.conf.issuer.ocsp_mode = CONF_OCSP_LIVE;
	expect_line(j, "WRONG key of live OCSP answers: in memory, has no "
		       "certificate: the logs of ");
	certify(j, "01", "issuer", j->now + 30 * DAY);
	expect_line(j, "WRONG key of live OCSP answers: in memory, has no ");
	certify(j, "02", "responder", j->now - 1);
	expect_line(j, "WRONG key of live OCSP answers: in memory, has no ");
	certify(j, "03", "responder", j->now + 14 * DAY);
	lab.conf.responder.key.token = "ocsp";
	expect_line(j, "warn  key of live OCSP answers: in token ocsp, its "
		       "certificate ends at ");
	certify(j, "04", "responder", j->now + 30 * DAY - 301);
	expect_line(j, "ok    key of live OCSP answers: in token ocsp, "
		       "certified until ");
}

/* PK-184, PK-185: deadlines; PK-186: the rehearsal. */
static void
test_deadlines(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	expect_line(j, "warn  rehearsal of an incident: ");
	expect_no_line(j, "problem report");
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO report (number, text, received_at, entered_at, "
		   "entered_by) VALUES (1, 'x', %lld, %lld, 'operator:one')",
		   (long long)j->now - 20 * HOUR, (long long)j->now));
	expect_line(j, "warn  problem report: number 1: its answer is due by ");
	fixture_sql(j, "UPDATE report SET received_at = received_at - 36000");
	expect_line(
	    j, "WRONG problem report: number 1: its answer was due at ");
	fixture_sql(j, "UPDATE report SET answered_at = 1, decided_at = 1, "
		       "decision = 'none'");
	expect_line(j, "warn  problem report: number 1 waits to be closed ");
	expect_no_line(j, "WRONG problem report");
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO incident (id, cause, selector, reason, known_at, "
		"deadline, opened_by, opened_at, due_at) VALUES ('i1', "
		"'key-compromise', '{}', 1, %lld, %lld, 'operator:one', %lld, "
		"%lld)",
		(long long)j->now, (long long)j->now + DAY, (long long)j->now,
		(long long)j->now + HOUR));
	expect_line(j, "warn  incident: i1 (key-compromise, ");
	fixture_sql(j, "UPDATE incident SET deadline = opened_at - 1");
	expect_line(j, "WRONG incident: i1 (key-compromise, ");
	fixture_sql(j, "UPDATE incident SET due_at = NULL");
	expect_line(j, "warn  incident: i1 (key-compromise, 0 certificates) is "
		       "a draft");
	fixture_sql(j, "UPDATE incident SET finished_at = 1");
	expect_no_line(j, "incident: i1");
}

/* For programs: an object a line. */
static void
test_json(struct job *j)
{
	const struct stop stop = { .scope = STOP_ALL,
		.value = "",
		.reason = "\"quoted\"",
		.by = "operator:one",
		.at = j->now };
	struct role_lab lab;
	unsigned wrong, lines = 0;
	const char *text;

	overview_start(&lab, j);
	add_stop(j, &stop);
	text = overview_look(j, true, &wrong);
	for (const char *p = text;
	     (p = strstr(p, "\"level\":\"wrong\"")) != NULL; p++)
		lines++;
	assert_int_equal(wrong, lines);
	assert_true(wrong > 0); /* there is no list */
	assert_non_null(strstr(text,
	    "{\"level\":\"warn\",\"what\":\"issuance\",\"text\":\"stopped for "
	    "all by operator:one since "));
	assert_non_null(strstr(text, "\\\"quoted\\\""));
	assert_non_null(strstr(text, "{\"level\":\"wrong\",\"what\":"
				     "\"revocation list\",\"text\":"));
}

static void
put_use(struct job *j, struct conf_use u)
{
	COMMITTED(j, store_conf_use_put(j, &u));
}

/* The command has read the file just now; the pages go by what the supervisor
 * saw of it. */
static void
test_configuration(struct job *j)
{
	struct conf_use u = { .host = role_life_host(j),
		.file = "/c.conf",
		.used_sha256 = "aa",
		.file_sha256 = "bb",
		.restart = "",
		.looked_at = j->now,
		.refused = "" };
	struct role_lab lab;
	unsigned wrong, before;

	overview_start(&lab, j);
	lab.conf.file = "/c.conf";
	lab.conf.sha256 = "aa";
	put_use(j, u);
	/* Nothing runs there. */
	expect_no_line(j, "configuration");
	put_life(j, u.host, "issuer", true, 0);
	overview_look(j, false, &before);
	expect_line(
	    j, arena_printf(j->arena,
		   "ok    configuration: on %s /c.conf is in use, SHA-256 aa",
		   u.host));
	lab.conf.sha256 = "cc";
	expect_line(j,
	    arena_printf(j->arena,
		"warn  configuration: on %s /c.conf is not what is in use: "
		"the file's SHA-256 is cc, that of what is in use aa; SIGHUP ",
		u.host));
	lab.conf.file = "/other.conf";
	expect_line(
	    j, arena_printf(j->arena,
		   "warn  configuration: on %s /c.conf is not what is in use: "
		   "the file's SHA-256 is bb, ",
		   u.host));
	u.file_sha256 = "";
	u.restart = "base_url, web.listen";
	put_use(j, u);
	expect_line(
	    j, arena_printf(j->arena,
		   "warn  configuration: on %s /c.conf cannot be read since ",
		   u.host));
	expect_line(j,
	    arena_printf(j->arena,
		"warn  configuration: on %s of /c.conf only a restart applies: "
		"base_url, web.listen\n",
		u.host));
	overview_look(j, false, &wrong);
	assert_int_equal(wrong, before);
	u.refused_at = j->now;
	u.refused = "c.conf:3: no <such> option";
	put_use(j, u);
	expect_line(
	    j, arena_printf(j->arena,
		   "WRONG configuration: on %s SIGHUP was refused at %s: "
		   "c.conf:3: no <such> option; what was in use before stays: ",
		   u.host, clock_rfc3339(j->arena, j->now)));
	overview_look(j, false, &wrong);
	assert_int_equal(wrong, before + 1);
	u.refused_at = 0;
	put_use(j, u);
	overview_look(j, false, &wrong);
	assert_int_equal(wrong, before);
}

/* A machine that lost its power is forgotten a week later, and with it what its
 * configuration was; where one only can be, it is as it was. */
static void
test_configuration_forgotten(struct job *j)
{
	struct conf_use u = { .host = "one",
		.file = "/c.conf",
		.used_sha256 = "aa",
		.file_sha256 = "aa",
		.restart = "",
		.looked_at = j->now,
		.refused_at = j->now,
		.refused = "c.conf:3: no such option" };
	static const char line[] =
	    "WRONG configuration: on one SIGHUP was refused at ";
	struct role_lab lab;

	overview_start(&lab, j);
	put_use(j, u);
	put_life(j, "one", "issuer", true, 0);
	put_life(j, "two", "issuer", true, 0);
	j->now += 7 * DAY - 1;
	expect_line(j, line);
	j->now++;
	if (!fixture_is_pgsql()) {
		expect_line(j, line);
		return;
	}
	expect_no_line(j, "configuration: on one");
	COMMITTED(j, store_life_seen(j, "one", "issuer"));
	expect_line(j, line);
}

/* PK-21: in public mode it is said that the audit is under a MAC only. */
static void
test_PK_21_no_audit_key(struct job *j)
{
	struct role_lab lab;

	overview_start(&lab, j);
	expect_no_line(j, "audit key");
	lab.conf.mode = CONF_MODE_PUBLIC;
	expect_line(j, "warn  audit key: issuer.audit_key is not set");
	lab.conf.issuer.audit_key = "/audit-key.pem";
	expect_no_line(j, "audit key");
}

/* On a full disk nothing is committed: whoever looks sees why. */
static void
test_disk(struct job *j)
{
	static const char missing[] =
	    "WRONG disk space: /nowhere: No such file or directory\n";
	struct role_lab lab;

	overview_start(&lab, j);
	/* Another CA has the lists: nothing was looked at. */
	expect_no_line(j, "disk space");
	lab.conf.issuer.crl_file = "./issuing.crl";
	expect_line(j, "ok    disk space: there is room in .\n");
	lab.conf.issuer.crl_file = "/proc/issuing.crl"; /* always full */
	expect_line(j, "WRONG disk space: /proc: only 0 MiB left: make room ");
	lab.conf.issuer.crl_file = "/nowhere/issuing.crl";
	if (fixture_is_pgsql())
		expect_no_line(j, "disk space");
	else
		expect_line(j, missing);
	put_life(j, "elsewhere", "issuer", true, 0);
	put_life(j, role_life_host(j), "web", true, 0);
	if (fixture_is_pgsql())
		expect_no_line(j, "disk space");
	put_life(j, role_life_host(j), "issuer", true, 0);
	expect_line(j, missing);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_stops),
	STORE_TEST(test_roles),
	STORE_TEST(test_trouble),
	STORE_TEST(test_silent),
	STORE_TEST(test_no_server),
	STORE_TEST(test_disk),
	STORE_TEST(test_lists),
	STORE_TEST(test_life),
	STORE_TEST(test_clock),
	STORE_TEST(test_live_key),
	STORE_TEST(test_deadlines),
	STORE_TEST(test_PK_21_no_audit_key),
	STORE_TEST(test_configuration),
	STORE_TEST(test_configuration_forgotten),
	STORE_TEST(test_json),
};

UNIT_MAIN(tests)
