/*
 * Who may do what in a PostgreSQL database.  The table of attempts is taken
 * from architecture.md (the table of roles; "What a stolen role can do") and
 * from what the rules about each table promise, not from the list of grants.
 * PK-205: whoever has taken `web` over writes no verdict, no seal and no
 * certificate.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/grants.h"
#include "db/store_private.h"
#include "lib/count.h"
#include "tests/unit/store_fixture.h"

/* Names as nobody should choose them. */
static const char *
user_of(struct job *j, enum role role)
{
	return arena_printf(
	    j->arena, "cs \"%s\" %ld", role_name(role), (long)getpid());
}

static const char *
quoted_user_of(struct job *j, enum role role)
{
	return arena_printf(
	    j->arena, "\"cs \"\"%s\"\" %ld\"", role_name(role), (long)getpid());
}

static const struct store_login *
login_of(struct job *j, enum role role)
{
	struct store_login *l = arena_alloc(j->arena, sizeof(*l));

	*l = (struct store_login){ arena_printf(j->arena, "%s user='%s'",
				       fixture_url(), user_of(j, role)),
		NULL };
	return l;
}

static void
make_logins(struct job *j, const char *users[ROLE_COUNT])
{
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		fixture_sql(j, arena_printf(j->arena, "CREATE ROLE %s LOGIN",
				   quoted_user_of(j, role)));
		users[role] = user_of(j, role);
	}
	EXPECT(j, store_migrate_as(j, fixture_login(), users), 0);
}

static void
remove_logins(struct job *j)
{
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		const char *user = quoted_user_of(j, role);

		fixture_sql(
		    j, arena_printf(j->arena, "DROP OWNED BY %s; DROP ROLE %s",
			   user, user));
	}
}

/* --- what is tried -------------------------------------------------------- */

#define W (1u << ROLE_WEB)
#define S (1u << ROLE_SENDER)
#define V (1u << ROLE_VALIDATOR)
#define I (1u << ROLE_ISSUER)
#define U (1u << ROLE_UPSTREAM)
#define A (1u << ROLE_ADMIN)
#define ALL (W | S | V | I | U | A)

/* Who may.  No row needs to be there: rights come first. */
static const struct attempt {
	const char *sql;
	unsigned may;
} attempts[] = {
	/* PK-19 to PK-21: records are added, and that is all, but for the
	 * issuer, which leaves a sealed gap. */
	{ "UPDATE audit SET event = 'x'", 0 },
	{ "UPDATE audit SET keep_from = 0", I },
	{ "UPDATE audit SET hash = 'x'", 0 },
	{ "DELETE FROM audit", I },
	{ "SELECT seal FROM audit_gap", I | A },
	{ "UPDATE audit_gap SET seal = 'x'", 0 },
	{ "INSERT INTO audit_mark (seq, at, hash, seal) "
	  "VALUES (1, 1, 'x', 'x')",
	    I },
	{ "UPDATE audit_mark SET seal = 'x'", 0 },
	{ "DELETE FROM audit_mark", 0 },
	{ "INSERT INTO ca_key_end (ca_label, ended_at) VALUES ('a', 1)", 0 },
	{ "TRUNCATE audit", 0 },
	{ "SELECT event FROM audit", I | A },
	{ "DELETE FROM audit_head", 0 },
	{ "INSERT INTO audit_head (id, seq) VALUES (2, 0)", 0 },
	{ "UPDATE audit_head SET seq = seq", ALL },
	{ "UPDATE role_life SET is_running = 0", ALL },
	{ "DELETE FROM role_life", 0 },
	{ "SELECT refused FROM conf_use", I | A },
	{ "INSERT INTO conf_use (host, file, used_sha256, file_sha256, "
	  "restart, looked_at, refused_at, refused) "
	  "VALUES ('h', 'f', '', '', '', 0, 0, '')",
	    I },
	{ "UPDATE conf_use SET refused_at = 0", I },
	{ "DELETE FROM conf_use", 0 },
	{ "SELECT revoked_by FROM key_sweep", W | I },
	{ "INSERT INTO key_sweep (id, spki_sha256, revoked_by, begun_at) "
	  "VALUES ('k', 'x', 'web', 0)",
	    W | I },
	{ "UPDATE key_sweep SET begun_at = 0", I },
	{ "UPDATE key_sweep SET spki_sha256 = 'x'", 0 },
	{ "SELECT 1 FROM key_sweep FOR UPDATE SKIP LOCKED", I },
	{ "DELETE FROM key_sweep", I },
	{ "SELECT text FROM profile_text", I },
	{ "UPDATE profile_text SET retired_at = 1", I },
	{ "UPDATE profile_text SET text = 'x'", 0 },
	{ "DELETE FROM profile_text", 0 },

	/* PK-22: what no rule keeps any longer is deleted by the role that
	 * reads nothing from strangers, and by no other. */
	{ "DELETE FROM used_serial", 0 },
	{ "UPDATE used_serial SET serial = 'x'", 0 },
	{ "INSERT INTO used_serial (ca_label, serial) VALUES ('a', '1')", I },
	{ "SELECT sha256 FROM used_token", W | I },
	{ "DELETE FROM used_token", I },
	{ "UPDATE orders SET keep_from = 1", I },
	{ "UPDATE authz SET keep_from = 1", I },
	/* PK-133: only the command that fetches a URL says that it was
	 * answered. */
	{ "SELECT passed_at FROM url_check", W | I | A },
	{ "INSERT INTO url_check (ca_label, url, passed_at) "
	  "VALUES ('a', 'http://x.example/', 1)",
	    0 },
	{ "UPDATE url_check SET passed_at = 1", 0 },
	/* PK-206: who gives commands is no business of any role but that
	 * whose pages they log in to, which changes nothing of them. */
	{ "SELECT hash FROM admin", A },
	{ "INSERT INTO admin (name, role, scrypt_n, scrypt_r, scrypt_p, salt, "
	  "hash, asked_at) VALUES ('x', 'approver', 1, 1, 1, 'x', 'x', 0)",
	    0 },
	{ "UPDATE admin SET role = 'approver'", 0 },
	/* PK-7: nor sees that one halves of tokens, requests or mails. */
	{ "SELECT token_part2 FROM challenge", W | S | V | I },
	{ "SELECT token_part1_sha256 FROM challenge", W | S | V | I },
	{ "SELECT csr FROM orders", W | S | V | I | U },
	{ "SELECT csr_jws FROM orders", W | S | V | I | U },
	{ "SELECT message FROM notice", S },
	{ "SELECT secret FROM eab_key", W | S },
	/* AC-59 */
	{ "SELECT octets FROM secret", W },
	{ "INSERT INTO nonce (octets) VALUES ('x')", W },
	{ "DELETE FROM nonce", W },
	{ "UPDATE nonce SET octets = 'x'", 0 },
	/* The issuer learns when whose certificate ends. */
	{ "SELECT name, not_after FROM admin_key", I | A },
	{ "SELECT spki FROM admin_key", A },
	{ "INSERT INTO admin_key (spki, name, set_at) VALUES ('x', 'x', 0)",
	    0 },
	{ "UPDATE admin_key SET proven_at = 1", 0 },
	{ "DELETE FROM admin_key", 0 },
	{ "DELETE FROM admin_try", A },
	{ "UPDATE admin_try SET told_until = until_at", A },
	{ "DELETE FROM admin_nonce", 0 },
	/* PK-207: the issuer looks which keys it must not use any more. */
	{ "SELECT spki_sha256 FROM destroyed_key", I | A },
	{ "DELETE FROM destroyed_key", 0 },
	/* PK-65: the issuer notes which keys are this installation's. */
	{ "SELECT spki_sha256 FROM own_key", W | I },
	{ "INSERT INTO own_key (spki_sha256, owner, recorded_at) "
	  "VALUES ('x', 'x', 0)",
	    I },
	{ "UPDATE own_key SET owner = 'x'", 0 },
	{ "DELETE FROM own_key", 0 },

	/* Verdicts and CAA checks with their seals: the validator's. */
	{ "INSERT INTO reply (id, source, uidvalidity, uid, arrival, "
	  "recorded_at, verdict, br_version) "
	  "VALUES ('r', 's', 1, 1, 0, 0, 'match', '1')",
	    V },
	{ "INSERT INTO caa_round (caa_id) VALUES ('c')", V },
	{ "UPDATE caa_round SET seal = 'x'", 0 },
	{ "DELETE FROM caa_round", I },
	{ "UPDATE reply SET verdict = 'match'", V },
	{ "UPDATE reply SET seal = 'x'", V },
	{ "UPDATE reply SET evidence = 'x'", V },
	{ "UPDATE reply SET raw = 'x'", V },
	{ "UPDATE reply SET br_version = 'x'", V },
	/* That a client asked for again is looked at sooner. */
	{ "UPDATE reply SET due_at = 1 WHERE id IN (SELECT id FROM reply "
	  "WHERE challenge_id = 'x' AND verdict = 'deferred' "
	  "AND due_at > recorded_at ORDER BY due_at LIMIT 1)",
	    W | V },
	{ "DELETE FROM reply", I },
	{ "SELECT raw FROM reply", V | I },
	{ "UPDATE caa SET result = 'permit'", V },
	{ "UPDATE caa SET checked_at = 1", V },
	{ "UPDATE caa SET seal = 'x'", V },
	{ "DELETE FROM caa", I },
	{ "INSERT INTO caa (id, authz_id, account_id, mailbox, domain, "
	  "requested_at, seal) VALUES ('c', 'a', 'a', 'm', 'd', 0, 'x')",
	    0 },
	{ "UPDATE challenge SET proven_at = 1", V },
	/* A POST after the reply is web's; the sealed reply stands behind. */
	{ "UPDATE authz SET valid_at = 1", W | V },

	/* What was validated for whom, and when. */
	{ "UPDATE authz SET mailbox = 'x'", 0 },
	{ "UPDATE authz SET account_id = 'x'", 0 },
	{ "UPDATE authz SET created_at = 1", 0 },
	{ "UPDATE authz SET revoked_at = 0", 0 },
	{ "DELETE FROM authz", I },
	{ "UPDATE order_identifier SET authz_id = 'x'", 0 },
	{ "DELETE FROM order_identifier", I },
	{ "UPDATE challenge SET thumbprint = 'x'", 0 },
	{ "UPDATE challenge SET token_part1_sha256 = 'x'", 0 },
	{ "UPDATE challenge SET message_id = 'x'", 0 },
	{ "DELETE FROM challenge", I },

	/* ER-6: part1 and the mail with it are read by the sender alone. */
	{ "SELECT octets FROM part1", S },
	{ "SELECT message FROM spool", S },
	{ "UPDATE part1 SET octets = 'x'", 0 },
	{ "UPDATE spool SET message = 'x'", 0 },
	{ "UPDATE outbox SET sent_at = 1", S },
	{ "UPDATE outbox SET relay_answer = 'x'", S },
	{ "DELETE FROM outbox", I },

	/* Orders: the request is web's, the certificate the issuer's. */
	{ "UPDATE orders SET csr = 'x'", W | I },
	{ "UPDATE orders SET csr_jws = 'x'", W | I },
	{ "UPDATE orders SET cert_id = 'x'", I },
	{ "UPDATE orders SET account_id = 'x'", 0 },
	{ "UPDATE orders SET life_until = 1", 0 },
	{ "UPDATE orders SET not_after = 1", 0 },
	{ "DELETE FROM orders", I },

	/* Certificates and what says that they are revoked. */
	{ "INSERT INTO cert (id) VALUES ('c')", I },
	{ "UPDATE cert SET der = 'x'", I },
	{ "UPDATE cert SET issued_at = 1", I },
	{ "UPDATE cert SET tbs = 'x'", 0 },
	{ "UPDATE cert SET serial = 'x'", 0 },
	{ "UPDATE cert SET not_after = 1", 0 },
	{ "UPDATE cert SET evidence = 'x'", I },
	{ "UPDATE cert SET shard = 1", 0 },
	{ "DELETE FROM cert", I },
	{ "UPDATE cert SET revoked_at = 1", W | I },
	{ "UPDATE cert SET revocation = 'x'", W | I },
	{ "INSERT INTO crl (ca_label, number, this_update, next_update) "
	  "VALUES ('c', 1, 0, 0)",
	    I },
	{ "UPDATE crl SET der = 'x'", I },
	{ "UPDATE crl SET number = 1", 0 },
	{ "DELETE FROM crl", I },
	{ "UPDATE crl_shard SET url = 'x'", I },
	{ "DELETE FROM crl_shard", 0 },
	{ "UPDATE ocsp_segment SET octets = 'x'", I },
	{ "DELETE FROM ocsp_segment", I },
	{ "UPDATE responder SET der = 'x'", I },
	{ "DELETE FROM responder", I },

	/* What another CA is asked for is the issuer's to say (PK-215). */
	{ "UPDATE handoff SET request = 'x'", I },
	{ "UPDATE handoff SET seal = 'x'", I },
	{ "UPDATE handoff SET attempts = 1", U },
	{ "DELETE FROM handoff", I },
	{ "SELECT der FROM withdrawal", I | U },
	{ "UPDATE withdrawal SET confirmed_at = 1", U },
	{ "DELETE FROM withdrawal", I },
	{ "UPDATE withdrawal SET not_after = 1", 0 },
	{ "DELETE FROM caa_report", I },
	{ "UPDATE upstream_window SET end_at = 1", U },
	{ "DELETE FROM upstream_window", I },
	{ "UPDATE notice SET sent_at = 1", S },
	{ "UPDATE notice SET bounced_at = 1", V },
	{ "UPDATE notice SET mailbox = 'x'", 0 },
	/* PK-191: who looks when, and tells whom. */
	{ "INSERT INTO notice (about, mailbox, language, deadline, expires_at, "
	  "due_at) VALUES ('renewal:x', 'a@b.test', NULL, 1, 1, 1)",
	    S },
	{ "SELECT not_after, replaced_by FROM cert WHERE notice_at <= 1",
	    W | S | I | U | A },
	{ "SELECT start_at FROM upstream_window WHERE cert_id = 'x'",
	    W | S | U },
	{ "UPDATE cert SET notice_at = 1 WHERE notice_at > 2", S | U },
	/* Not if the account has ended. */
	{ "SELECT deactivated_at, revoked_at FROM account", ALL & ~U },
	{ "SELECT contact FROM account", W | V | S | I | A },
	/* PK-185: who goes on telling whom, and who undoes what was begun. */
	{ "UPDATE incident SET told_to = 'x' WHERE told_to = 'y'", S },
	{ "UPDATE incident SET opening_at = 1", I },
	{ "SELECT words FROM notice", S },
	/* PK-194: is the certificate's incident open? */
	{ "SELECT d.due_at FROM incident_cert n JOIN incident d "
	  "ON d.id = n.incident_id WHERE n.cert_id = 'x'",
	    W | S | I | A },
	{ "SELECT finished_at, cancelled_at FROM incident", W | I | A },
	{ "DELETE FROM notice", I },

	/* PK-45, PK-185: what an operator has decided. */
	{ "INSERT INTO issuance_stop (scope, value, reason, stopped_by, "
	  "stopped_at) VALUES ('all', '', 'x', 'x', 1)",
	    I }, /* at its ceiling it stops itself */
	{ "UPDATE issuance_stop SET scope = 'profile'", 0 },
	{ "DELETE FROM issuance_stop", 0 },
	{ "INSERT INTO incident (id) VALUES ('x')", I },
	/* PK-147: no role sets anything aside. */
	{ "UPDATE cert SET aside_at = 1", 0 },
	{ "UPDATE crl SET aside_at = 1", 0 },
	{ "INSERT INTO clock_aside (moment, reason, asked_by, asked_at) "
	  "VALUES (1, 'x', 'x', 1)",
	    0 },
	{ "UPDATE incident SET deadline = 1", 0 },
	{ "UPDATE incident SET late_at = 1", I },
	{ "UPDATE incident SET cancelled_at = 1", 0 },
	/* PK-184 */
	{ "INSERT INTO report (number, text, received_at, entered_at, "
	  "entered_by) VALUES (9, 'x', 1, 1, 'x')",
	    W },
	{ "SELECT text FROM report", I | A },
	{ "SELECT bare_sha256 FROM report", W | I | A },
	{ "UPDATE report SET bare_sha256 = 'x'", 0 },
	{ "UPDATE report SET alarm_at = NULL", I },
	{ "UPDATE report SET decided_at = 1", I },
	{ "UPDATE report SET closed_at = 1", I },
	{ "SELECT proof FROM report", I },
	{ "UPDATE report SET proof = NULL", 0 },
	{ "INSERT INTO notice (about, mailbox, words, expires_at, due_at) "
	  "VALUES ('report:1:decision', 'a@b.test', 'x', 1, 1)",
	    I },
	/* Once its date has come (PK-22). */
	{ "UPDATE report SET keep_from = 1", I },
	{ "DELETE FROM report", I },
	{ "DELETE FROM incident", I },
	{ "UPDATE incident_cert SET done_at = 1", I },
	{ "UPDATE recheck SET due_at = 1", I },
	{ "UPDATE recheck_finding SET cause = 'x'", I },
	{ "DELETE FROM recheck_finding", I },
	{ "DELETE FROM incident_cert", I },
	{ "UPDATE blocked_key SET blocked_at = 0", 0 },
	{ "DELETE FROM blocked_key", 0 },
	{ "UPDATE account SET revoked_at = 0", 0 },
	{ "INSERT INTO eab_key (kid) VALUES ('x')", 0 },
	{ "UPDATE eab_key SET secret = 'x'", 0 },
	{ "UPDATE eab_key SET withdrawn_at = 0", 0 },
	{ "UPDATE eab_key SET expires_at = 0", 0 },
	{ "UPDATE eab_key SET allow = NULL", 0 },
	{ "UPDATE eab_key SET bound_at = 1", W },
	{ "DELETE FROM eab_key", 0 },
	{ "INSERT INTO suppressed (mailbox, since, until, source) "
	  "VALUES ('m', 0, 0, 'x')",
	    V },
	{ "INSERT INTO suppressed (mailbox, since, until, source) "
	  "VALUES ('m', 0, 0, 'x') ON CONFLICT (mailbox) DO UPDATE "
	  "SET until = 0 WHERE suppressed.until < 0",
	    V },
	{ "SELECT since FROM suppressed", W | S | A },
	{ "DELETE FROM suppressed", 0 },

	/* Accounts are web's. */
	{ "UPDATE account SET jwk = '{}'", W },
	{ "UPDATE account SET thumbprint = 'x'", W },
	{ "UPDATE account SET eab_kid = NULL", 0 },
	{ "DELETE FROM account", 0 },
	{ "UPDATE account_key SET thumbprint = 'x'", 0 },
	{ "DELETE FROM account_key", 0 },
	{ "SELECT octets FROM secret", W },
	{ "UPDATE secret SET octets = 'x'", 0 },
	{ "DELETE FROM secret", 0 },

	/* The database itself. */
	{ "UPDATE schema_version SET version = 1", 0 },
	{ "DROP TABLE audit", 0 },
	{ "ALTER TABLE cert DISABLE TRIGGER ALL", 0 },
	{ "CREATE INDEX i ON cert (tbs)", 0 },
	{ "CREATE TABLE more (x BIGINT)", 0 },
	{ "CREATE FUNCTION f() RETURNS BIGINT LANGUAGE SQL AS 'SELECT 1'", 0 },
	{ "CREATE VIEW v AS SELECT 1", 0 },
	{ "SET ROLE countersign", 0 },
	{ "SET SESSION AUTHORIZATION countersign", 0 },
	{ "CREATE ROLE someone", 0 },
	{ "COPY (SELECT 1) TO PROGRAM 'cat'", 0 },
	{ "SELECT pg_read_file('postgresql.conf')", 0 },
};

/* 1: it works; 0: refused for want of rights. */
static int
try(struct job *j, const char *sql)
{
	const char *text;
	int result;

	EXPECT(j, store_begin(j), 0);
	result = j->store->driver->script(j, j->store->sql, sql);
	store_rollback(j);
	if (result == 0)
		return 1;
	text = j->err.text;
	/* Rights are looked at before rows: any other refusal means that
	 * the role had them. */
	result = strstr(text, "(42501)") == NULL;
	job_recover(j);
	return result;
}

static void
test_attempts(struct job *j)
{
	const char *users[ROLE_COUNT];
	struct store *owner = j->store;

	make_logins(j, users);
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		EXPECT(j, store_open_as(j, login_of(j, role), &j->store), 0);
		for (size_t i = 0; i < COUNT(attempts); i++) {
			unit_case("%s: %s", role_name(role), attempts[i].sql);
			assert_int_equal(try(j, attempts[i].sql),
			    (attempts[i].may >> role) & 1);
		}
		store_close(j->store);
		j->store = owner;
	}
	remove_logins(j);
}

/* --- the list itself ------------------------------------------------------ */

/* The owner's alone, with which the commands log in. */
static bool
is_for_nobody(const char *table)
{
	return strcmp(table, "admin_nonce") == 0 ||
	       strcmp(table, "clock_aside") == 0;
}

/* A table that a migration adds and nobody may use would be found late. */
static void
test_complete(struct job *j)
{
	const char *users[ROLE_COUNT] = { "a", "b", "c", "d", "e", "f" };
	const char *script = grants_script(j, users);
	struct query q;
	int found;

	assert_non_null(script);
	found = query_first(&q, j,
	    "SELECT tablename::text FROM pg_catalog.pg_tables "
	    "WHERE schemaname = current_schema()",
	    NO_ARGS);
	assert_int_equal(found, 1);
	for (; found == 1; found = query_next(&q)) {
		const char *table = query_text(&q);

		unit_case("%s", table);
		assert_int_equal(strstr(script, arena_printf(j->arena,
						    ".%s TO ", table)) == NULL,
		    is_for_nobody(table));
	}
	query_end(&q);
}

static int64_t
rights_of(struct job *j, enum role role, const char *table)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM information_schema.column_privileges "
		   "WHERE table_schema = current_schema() AND grantee = '%s' "
		   "AND table_name = '%s'",
		   user_of(j, role), table));
}

/* What an earlier version or somebody gave goes with the next start; so does
 * what a login had as another role. */
static void
test_taken_back(struct job *j)
{
	const char *users[ROLE_COUNT];
	const char *web = quoted_user_of(j, ROLE_WEB);
	int64_t before;

	make_logins(j, users);
	before = rights_of(j, ROLE_WEB, "issuance_stop");
	assert_true(before > 0);
	fixture_sql(j, arena_printf(j->arena,
			   "GRANT ALL ON issuance_stop, caa_round TO %s; "
			   "GRANT UPDATE (tbs) ON cert TO %s",
			   web, web));
	assert_true(rights_of(j, ROLE_WEB, "caa_round") > 0);
	EXPECT(j, store_migrate_as(j, fixture_login(), users), 0);
	assert_int_equal(rights_of(j, ROLE_WEB, "caa_round"), 0);
	assert_int_equal(rights_of(j, ROLE_WEB, "issuance_stop"), before);

	users[ROLE_SENDER] = users[ROLE_WEB];
	users[ROLE_WEB] = NULL;
	EXPECT(j, store_migrate_as(j, fixture_login(), users), 0);
	assert_int_equal(rights_of(j, ROLE_WEB, "issuance_stop"), 0);
	assert_true(rights_of(j, ROLE_WEB, "part1") > 0);
	remove_logins(j);
}

/* The owner keeps what it has, and needs no grants. */
static void
test_owner(struct job *j)
{
	const char *users[ROLE_COUNT] = { NULL, "countersign" };

	assert_string_equal(grants_script(j, users), "");
	EXPECT(j, store_migrate_as(j, fixture_login(), users), 0);
	assert_int_equal(try(j, "UPDATE cert SET tbs = 'x'"), 1);
}

static void
test_missing_login(struct job *j)
{
	const char *users[ROLE_COUNT] = { "nobody here" };

	assert_int_equal(store_migrate_as(j, fixture_login(), users), -1);
	assert_non_null(strstr(j->err.text, "CREATE ROLE"));
	assert_non_null(strstr(j->err.text, "'nobody here' does not exist"));
	job_recover(j);
}

static void
test_mighty(struct job *j)
{
	const char *users[ROLE_COUNT], *why;
	struct store *owner = j->store;

	assert_int_equal(store_login_is_mighty(j, &why), 1);
	if (!fixture_is_pgsql()) {
		assert_string_equal(why, "SQLite has one file for all");
		return;
	}
	assert_non_null(strstr(why, "owns the tables"));
	make_logins(j, users);
	EXPECT(j, store_open_as(j, login_of(j, ROLE_WEB), &j->store), 0);
	assert_int_equal(store_login_is_mighty(j, &why), 0);
	store_close(j->store);
	j->store = owner;
	fixture_sql(j, arena_printf(j->arena,
			   "DO $$ BEGIN EXECUTE 'GRANT CREATE ON SCHEMA ' || "
			   "quote_ident(current_schema()) || ' TO %s'; END $$",
			   quoted_user_of(j, ROLE_WEB)));
	EXPECT(j, store_open_as(j, login_of(j, ROLE_WEB), &j->store), 0);
	assert_int_equal(store_login_is_mighty(j, &why), 1);
	assert_non_null(strstr(why, "create objects"));
	store_close(j->store);
	j->store = owner;
	remove_logins(j);
}

/* --- URLs ----------------------------------------------------------------- */

static void
test_urls(void **state)
{
	static const struct {
		const char *url, *user;
		bool is_server, has_password;
	} cases[] = {
		{ "sqlite:/x/user=y", NULL, false, false },
		{ "postgresql:host=/x user=web dbname=y", "web", true, false },
		{ "postgresql:dbname=y", NULL, true, false },
		{ "postgresql://web@db.example/y", "web", true, false },
		{ "postgresql://web:s3cret@db.example/y", "web", true, true },
		{ "postgresql:user=web password=x", "web", true, true },
		{ "postgresql:user=web sslpassword=x", "web", true, true },
	};
	struct job *j = unit_job();
	struct store_url u;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].url);
		assert_int_equal(store_url_read(j, cases[i].url, &u), 0);
		assert_int_equal(u.is_server, cases[i].is_server);
		assert_int_equal(u.has_password, cases[i].has_password);
		assert_int_equal(
		    store_url_file(cases[i].url) == NULL, u.is_server);
		if (cases[i].user == NULL)
			assert_null(u.user);
		else
			assert_string_equal(u.user, cases[i].user);
	}
	assert_string_equal(store_url_file("sqlite:/x/y.db"), "/x/y.db");
	assert_int_equal(store_url_read(j, "postgresql:no such", &u), -1);
	assert_non_null(strstr(j->err.text, "missing '='"));
	job_recover(j);
}

static bool
has_file(const char **files, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(files[i], name) == 0)
			return true;
	return false;
}

/* What the sandbox lets a role read. */
static void
test_files(struct job *j)
{
	struct store_login login = { arena_printf(j->arena,
					 "%s passfile=/x/pass "
					 "sslrootcert=/x/root sslkey=/x/key",
					 fixture_url()),
		NULL };
	struct store *before = j->store;
	const char **files;
	size_t count;

	EXPECT(j, store_open_as(j, &login, &j->store), 0);
	store_files(j, &files, &count);
	assert_true(has_file(files, count, "/x/pass"));
	assert_true(has_file(files, count, "/x/root"));
	assert_true(has_file(files, count, "/x/key"));
	store_close(j->store);
	j->store = before;
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_PGSQL(test_attempts),
	STORE_TEST_PGSQL(test_complete),
	STORE_TEST_PGSQL(test_taken_back),
	STORE_TEST_PGSQL(test_owner),
	STORE_TEST_PGSQL(test_missing_login),
	STORE_TEST(test_mighty),
	STORE_TEST_PGSQL(test_files),
	cmocka_unit_test(test_urls),
};

UNIT_MAIN(tests)
