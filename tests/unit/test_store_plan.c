/*
 * No statement of the flow reads a whole table: what the databases plan for
 * each statement of a whole life.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include <sqlite3.h>

#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_cert.h"
#include "db/store_challenge.h"
#include "db/store_crl.h"
#include "db/store_eab.h"
#include "db/store_handoff.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_key_sweep.h"
#include "db/store_nonce.h"
#include "db/store_notice.h"
#include "db/store_ocsp.h"
#include "db/store_order_look.h"
#include "db/store_outbox.h"
#include "db/store_own_key.h"
#include "db/store_private.h"
#include "db/store_purge.h"
#include "db/store_reply.h"
#include "db/store_reply_wrap.h"
#include "db/store_revoke.h"
#include "db/store_secret.h"
#include "db/store_stop.h"
#include "lib/count.h"
#include "lib/seal.h"

#define STATEMENTS_MAX 400

/* A life with everything in it, so that every statement has been prepared. */
static void
account_life(struct job *j, const char *id)
{
	struct eab_key key = { .kid = "kid", .secret = SPAN("sealed") };
	struct account a, *accounts;
	struct former_key *former;
	struct eab_key *keys;
	struct order *orders;
	const char **ids;
	struct span octets;
	size_t count;
	int64_t ended;

	COMMITTED(j, store_eab_create(j, &key));
	COMMITTED(j, store_eab_bind(j, "kid"));
	COMMITTED(j, store_eab_withdraw(j, "kid"));
	EXPECT(j, store_eab_exists(j), 1);
	EXPECT(j, store_eab_by_kid(j, "kid", &key), 1);
	EXPECT(j, store_eab_list(j, 5, &keys, &count), 0);
	EXPECT(j, store_eab_accounts(j, "kid", 5, &ids, &count), 0);
	EXPECT(j, store_secret(j, SECRET_CURSOR, &octets), 0);
	COMMITTED(j, store_nonce_redeem(j, SPAN("nonce")) - 1);
	COMMITTED(j, store_nonce_forget(j, SPAN("o"), 5, &ended));
	EXPECT(
	    j, store_order_page(j, id, INT64_MAX, "", 5, &orders, &count), 0);
	EXPECT(j, store_account_hold(j, id, true, &a), 1);
	COMMITTED(
	    j, store_account_agree(j, id, "https://ca.example/terms", NULL));
	COMMITTED(j, store_account_change_key(j, &a, "new", "{}", SPAN("jws")));
	EXPECT(j, store_account_former_keys(j, id, 5, &former, &count), 0);
	EXPECT(j, store_account_had_key(j, id, a.thumbprint), 1);
	COMMITTED(j, store_account_deactivate(j, id, &ended));
	COMMITTED(j, store_account_revoke(j, id, &ended));
	for (int i = ACCOUNTS_ALL; i <= ACCOUNTS_REVOKED; i++)
		EXPECT(j,
		    store_account_list(
			j, (enum account_filter)i, 5, &accounts, &count),
		    0);
}

/* Revocation lists, OCSP answers, and what another CA is to revoke. */
static void
status_life(struct job *j)
{
	const struct handoff h = { .id = "h" };
	struct ocsp_state states[OCSP_SEGMENTS];
	struct responder_row responder = { .ca_label = "ca",
		.holder = RESPONDER_LIVE,
		.serial = "07",
		.tbs = SPAN("t"),
		.lint_report = "{}",
		.br_version = "1" };
	struct ocsp_row *rows;
	struct cert left, *certs;
	struct span octets;
	struct crl crl;
	const char *text;
	size_t count;
	int64_t n;

	EXPECT(j, store_crl_head(j, "ca", 0, &crl), 1);
	EXPECT(j, store_cert_by_reserved(j, "ca", "00", &left), 1);
	EXPECT(j, store_cert_of_ca(j, "ca", "", 9, &certs, &count), 0);
	EXPECT(j, store_ocsp_due(j, "ca", &n), 1);
	EXPECT(j, store_ocsp_due_first(j, "ca", &text), 1);
	EXPECT(j, store_ocsp_due_rows(j, "ca", text, 9, &rows, &count), 0);
	assert_int_equal(count, 1);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_ocsp_put(j, "ca", 0, 0, 1, SPAN("o")), 0);
	EXPECT(j, store_ocsp_done(j, &rows[0]), 0);
	EXPECT(j, store_responder_reserve(j, &responder), 0);
	EXPECT(j, store_responder_record(j, "07", "ca", SPAN("d")), 0);
	EXPECT(j, store_shard_set(j, "ca", 0, "http://url"), 0);
	EXPECT(j, store_withdrawal_add(j, SPAN("d"), 7, 4), 0);
	EXPECT(j, store_withdrawal_has(j, SPAN("d"), 7), 1);
	EXPECT(j, store_handoff_token_is_taken(j, &h, "token"), 0);
	EXPECT(j, store_commit(j), 0);
	EXPECT(j, store_ocsp_due_first(j, "ca", &text), 0);
	EXPECT(j, store_ocsp_states(j, "ca", states), 0);
	EXPECT(j, store_ocsp_get(j, "ca", 0, &n, &octets), 1);
	EXPECT(j, store_ocsp_rows(j, "ca", 0, 0, &rows, &count), 0);
	assert_int_equal(count, 1);
	EXPECT(j, store_shard_url(j, "ca", 0, &text), 1);
	EXPECT(j, store_shard_count(j, "ca", &n), 0);
}

/* What an operator does when something went wrong. */
static void
bad_day(struct job *j)
{
	const struct revocation r = { 1, "incident", { NULL, 0 } };
	const struct incident_selector all = { .from = 1 };
	const struct stop s = {
		.scope = STOP_ALL, .value = "", .reason = "r", .by = "a"
	};
	struct incident i = { .id = "i",
		.cause = "c",
		.selector = "{}",
		.reason = 1,
		.deadline = j->now,
		.opened_by = "a" };
	struct id_range range = { "", "z" };
	struct notice_account *accounts;
	struct revoked_cert *certs;
	struct incident *list;
	const char **ids;
	struct stop *stops;
	size_t count;
	int64_t n, m;

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &s), 1);
	EXPECT(j, store_stop_list(j, &stops, &count), 0);
	EXPECT(j, store_stop_lift(j, STOP_ALL, ""), 1);
	EXPECT(j, store_incident_open(j, &i, &all, j->now, &n), 0);
	EXPECT(j, store_commit(j), 0);
	fixture_sql(j, "INSERT INTO incident_cert (incident_id, cert_id) "
		       "VALUES ('i', 'c')");
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_incident_ask_cancel(j, "i", "a"), 0);
	EXPECT(j, store_incident_set_due(j, "i", j->now), 0);
	EXPECT(j, store_incident_authz(j, "i", &range, 9, &ids, &count), 0);
	EXPECT(j, store_incident_telling(j, &i), 1);
	EXPECT(j, store_incident_tell(j, "i", 9, &range), 1);
	EXPECT(j, store_notice_queue(j, "i", &range, 9), 0);
	EXPECT(
	    j, store_notice_accounts(j, "i", &range, 9, &accounts, &count), 0);
	EXPECT(j, store_incident_take(j, &i), 1);
	EXPECT(j, store_incident_revoke(j, "i", &r, 9, &n, &certs, &count), 1);
	EXPECT(j, store_commit(j), 0);
	EXPECT(j, store_incident_by_id(j, "i", &i), 1);
	EXPECT(j, store_incident_list(j, 9, &list, &count), 0);
	EXPECT(j, store_incident_progress(j, "i", &n, &m), 0);
	EXPECT(j, store_incident_deadline(j, "c", &n), 1);
	EXPECT(j, store_incident_any_open(j), 1);
	EXPECT(j, store_incident_has_left(j, "i"), 0);
	EXPECT(j, store_incident_waits(j, "i", "ca", false), 1);
	fixture_sql(j, "UPDATE cert SET list_due_at = NULL");
	EXPECT(j, store_incident_waits(j, "i", "ca", false), 0);
	EXPECT(j, store_incident_unlisted(j, "i", &n), 0);
	EXPECT(j, store_incident_any_spent(j), 0);
	EXPECT(j, store_incident_due(j, &i), 1);
	EXPECT(j, store_incident_next_due(j, &n), 1);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_incident_hasten_spent(j), 0);
	EXPECT(j, store_incident_finish(j, "i"), 0);
	EXPECT(j, store_commit(j), 0);
}

/* The same over very many certificates. */
static void
long_day(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	const struct incident_selector key = { .spki_sha256 = SPAN("s") };
	struct incident i = { .id = "many",
		.cause = "c",
		.selector = "{}",
		.reason = 1,
		.deadline = j->now,
		.opened_by = "a",
		.opened_at = j->now };
	struct incident_fill f = { .is_done = false };
	int64_t n;

	EXPECT(j, store_incident_count(j, &all, j->now, 9, &f), 0);
	f = (struct incident_fill){ .is_done = false };
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_incident_begin(j, &i), 0);
	EXPECT(j, store_incident_fill(j, &i, &all, 9, &f), 0);
	EXPECT(j, store_incident_opening(j, &n), 1);
	EXPECT(j, store_incident_stuck(j, j->now, &i), 1);
	EXPECT(j, store_incident_filled(j, &i, &all, j->now, &f), 0);
	i.id = "undone";
	i.cause = i.selector = "";
	EXPECT(j, store_incident_begin(j, &i), 0);
	EXPECT(j, store_incident_undo(j, i.id, j->now, 9), 0);
	i.id = "key";
	EXPECT(j, store_incident_open(j, &i, &key, j->now, &n), 0);
	EXPECT(j, store_commit(j), 0);
}

static void
look_for_orders(struct job *j, const char *account, const char *mailbox)
{
	const struct order_search ways[] = {
		{ .before_at = INT64_MAX, .before_id = "" },
		{ .before_at = INT64_MAX, .before_id = "", .is_open = true },
		{ .before_at = INT64_MAX,
		    .before_id = "",
		    .account_id = account },
		{ .before_at = INT64_MAX, .before_id = "", .mailbox = mailbox },
	};
	struct order *list;
	size_t count;

	for (size_t i = 0; i < COUNT(ways); i++)
		EXPECT(j, store_order_search(j, &ways[i], 9, &list, &count), 0);
}

static void
whole_life(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 2);
	struct order *failing = fixture_order(j, account, 2);
	struct span tbs;
	const char *leased;
	struct order *list, taken;
	struct challenge_subject subject;
	struct reply_record r = { .source = "s",
		.br_version = "1.0.16",
		.uid = 1,
		.arrival = j->now,
		.verdict = VERDICT_DEFERRED,
		.retry_at = j->now,
		.raw = SPAN("raw"),
		.covered_hash = SPAN("covered") };
	struct reply_record *replies, again;
	struct outbox_mail mail;
	struct authz a;
	struct account acc;
	struct caa_row caa;
	struct cert cert, got;
	struct crl crl = {
		.ca_label = "ca", .this_update = 1, .next_update = 2
	};
	struct revoked *revoked;
	const struct revocation revocation = { 1, "test", { NULL, 0 } };
	struct key_sweep sweep;
	struct revoked_cert *others;
	struct audit_row *rows;
	enum verdict applied;
	int64_t n, *uids;
	size_t count;
	bool taken_serial;
	const char *first = o->identifiers[0].authz.challenge.id;

	EXPECT(j, store_account_by_id(j, account, &acc), 1);
	EXPECT(j, store_account_by_thumbprint(j, acc.thumbprint, &acc), 1);
	COMMITTED(j, store_account_set_contact(j, account, "[]"));
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 1);
	EXPECT(j, store_outbox_spool(j, mail.challenge_id, SPAN("m")), 0);
	EXPECT(
	    j, store_outbox_retry(j, mail.challenge_id, j->now, "4", "{}"), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 1);
	EXPECT(j, store_outbox_sent(j, mail.challenge_id, "250", 0), 0);
	EXPECT(j, store_outbox_next_due(j, &n), 1);
	EXPECT(j,
	    store_outbox_failed(
		j, failing->identifiers[1].authz.challenge.id, "550", "{}"),
	    0);
	EXPECT(j, store_challenge_post(j, first, 1, &a), 0);
	r.challenge_id = first;
	EXPECT(j, store_reply_record(j, &r, 1, &applied), 0);
	EXPECT(j, store_reply_next_due(j, &n), 1);
	EXPECT(j, store_reply_hasten(j, first, 0), 0);
	EXPECT(j, store_reply_lease_deferred(j, j->now + 9, &again), 1);
	again.verdict = VERDICT_NO_RESPONSE;
	again.covered_hash = SPAN("before");
	again.error = "{}";
	EXPECT(j, store_reply_record(j, &again, 1, &applied), 0);
	again.uid = 2;
	again.id = NULL;
	again.verdict = VERDICT_MATCH;
	again.covered_hash = SPAN("covered");
	EXPECT(j, store_reply_record(j, &again, j->now + 5, &applied), 0);
	EXPECT(j, store_caa_request(j, a.id, a.order_id, j->now), 0);
	EXPECT(j, store_caa_lease(j, j->now + 9, &caa), 1);
	EXPECT(j, store_caa_retry(j, caa.id, j->now), 0);
	EXPECT(j, store_caa_next_due(j, &n), 1);
	caa.result = "permit";
	caa.br_version = "1";
	EXPECT(j, store_caa_record(j, &caa), 0);
	EXPECT(j, store_caa_latest(j, a.id, &caa), 1);
	EXPECT(j, store_challenge_wipe_expired(j, j->now, 9, &count), 0);
	EXPECT(j, store_order_csr_refused(j, o->id, &n), 0);
	EXPECT(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")), 0);
	EXPECT(j, store_order_lease(j, j->now + 9, &leased, &n), 1);
	EXPECT(j, store_order_release(j, o->id, j->now, 0), 0);
	EXPECT(j, store_order_next_due(j, &n), 1);
	cert = (struct cert){ .id = "c",
		.order_id = o->id,
		.account_id = account,
		.ca_label = "ca",
		.serial = "00",
		.profile = "p",
		.profile_sha256 = SPAN("p"),
		.tbs = SPAN("t"),
		.signature_alg = SPAN("a"),
		.lint_report = "",
		.evidence = "",
		.br_version = "1",
		.spki_sha256 = SPAN("s") };
	EXPECT(j, store_cert_reserve(j, &cert, &taken_serial), 0);
	cert.id = "c2";
	assert_int_equal(store_cert_reserve(j, &cert, &taken_serial), -1);
	job_recover(j);
	EXPECT(j, store_cert_record(j, "c", SPAN("d"), SPAN("s")), 0);
	EXPECT(j, store_crl_reserve(j, &crl, 0, &n), 0);
	EXPECT(j, store_crl_record(j, "ca", n, SPAN("d")), 0);
	EXPECT(j, store_revoke_cert(j, "c", &revocation), 1);
	EXPECT(j, store_revoke_for_compromise(j, "c", &revocation), 0);
	EXPECT(j, store_key_block(j, KEY_BY_SPKI(SPAN("s")), NULL, "test"), 0);
	EXPECT(j, store_own_key_put(j, KEY_BY_SPKI(SPAN("o")), "test"), 0);
	EXPECT(j, store_own_key_is(j, KEY_BY_SPKI(SPAN("o"))), 1);
	EXPECT(j,
	    store_revoke_by_key(
		j, KEY_BY_SPKI(SPAN("s")), &revocation, 9, &others, &count),
	    0);
	EXPECT(
	    j, store_key_sweep_add(j, KEY_BY_SPKI(SPAN("s")), &revocation), 0);
	EXPECT(j, store_key_sweep_has(j, KEY_BY_SPKI(SPAN("s"))), 1);
	EXPECT(j, store_key_sweep_take(j, &sweep), 1);
	EXPECT(j, store_key_sweep_end(j, sweep.id), 0);
	EXPECT(
	    j, store_revoke_blocked(j, &revocation, 0, 9, &others, &count), 0);
	EXPECT(j, store_crl_due(j, "ca", 0, &n), 1);
	EXPECT(j, store_crl_unlisted(j, "ca", &n), 0);
	EXPECT(j, store_cert_revoked(j, &crl, 1, &revoked, &count), 0);
	EXPECT(j, store_cert_listed(j, &crl, revoked, count), 0);
	EXPECT(j, store_audit_add(j, "a", "e", "o", "ok", NULL), 0);
	EXPECT(j, store_reply_undisposed(j, "s", 0, 9, &uids, &count), 0);
	EXPECT(j, store_reply_disposed(j, "s", 0, uids, count), 0);
	EXPECT(j, store_commit(j), 0);

	EXPECT(j, store_challenge_by_part1_hash(j, SPAN("h"), &subject), 0);
	EXPECT(j, store_challenge_by_address(j, "f", &subject), 0);
	EXPECT(j, store_authz_by_id(j, a.id, NULL, &a), 1);
	EXPECT(j, store_authz_by_id(j, a.id, account, &a), 1);
	EXPECT(j, store_authz_by_challenge(j, first, account, &a), 1);
	EXPECT(j, store_authz_reusable(j, account, a.mailbox, NULL, 1, &a), 1);
	EXPECT(j, store_order_by_id(j, o->id, account, &taken), 1);
	EXPECT(j, store_order_list(j, true, 9, &list, &count), 0);
	EXPECT(j, store_order_list(j, false, 9, &list, &count), 0);
	EXPECT(j, store_order_look(j, o->id, &taken), 1);
	look_for_orders(j, account, a.mailbox);
	EXPECT(j, store_reply_seen(j, "s", 0, 1), 1);
	EXPECT(j, store_reply_last_uid(j, "s", 0, &n), 0);
	EXPECT(j, store_reply_covered(j, first, SPAN("covered")), 1);
	EXPECT(j, store_reply_proof(j, first, &again), 1);
	EXPECT(j, store_reply_list(j, first, &replies, &count), 0);
	EXPECT(j, store_cert_by_order(j, o->id, &got), 1);
	EXPECT(j, store_cert_by_id(j, "c", NULL, &got), 1);
	EXPECT(j, store_cert_by_id(j, "c", account, &got), 1);
	EXPECT(j, store_cert_by_ids(j, &got.id, 1, &got, &count), 0);
	EXPECT(j, store_cert_by_serial(j, "ca", "00", &got), 1);
	EXPECT(j, store_cert_by_number(j, "00", &got), 1);
	EXPECT(j, store_cert_by_sha256(j, SPAN("s"), &got), 1);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(SPAN("s")), account), 1);
	EXPECT(j,
	    store_key_certificates(j, SPAN("s"), account, 1, &tbs, &count), 0);
	EXPECT(j, store_cert_count_since(j, 1, &n), 0);
	EXPECT(j, store_crl_latest(j, "ca", 0, &crl), 1);
	EXPECT(j, store_cert_revoked(j, &crl, 1, &revoked, &count), 0);
	EXPECT(j, store_audit_list(j, "o", &rows, &count), 0);
	EXPECT(j, store_audit_verify(j, &n), 0);
	EXPECT(j, store_ping(j), 0);

	failing = fixture_order(j, account, 2);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_authz_lock(j, failing->identifiers[0].authz.id, &a), 1);
	EXPECT(j, store_authz_deactivate(j, &a), 0);
	EXPECT(j, store_authz_lock(j, failing->identifiers[1].authz.id, &a), 1);
	EXPECT(j, store_authz_revoke(j, &a), 0);
	EXPECT(j, store_commit(j), 0);
	status_life(j);
	bad_day(j);
	long_day(j);
	account_life(j, account);
}

/* PK-151: a few rows of very many that wait are looked for by their ids, and
 * not among those that wait or that the CA has issued. */
static bool
reads_more_than_it_notes(const char *step, const char *text)
{
	bool searches = strstr(step, "SEARCH cert ") != NULL ||
			strstr(step, " cert_") != NULL;

	return strstr(text, "UPDATE cert SET list_due_at = $1 WHERE") != NULL &&
	       searches && strstr(step, "(id=?)") == NULL &&
	       strstr(step, "cert_pkey") == NULL;
}

struct plans {
	struct job *j;
	sqlite3 *db;
	int statements;
	int scans;
};

/*
 * SQLite: "SCAN x" reads a table or an index from end to end.  Not so where x
 * is a SELECT inside the statement, whose own steps are shown as well.
 */
static bool
reads_all(const char *step, const char *text)
{
	static const struct {
		const char *step, *text;
	} inner[] = {
		{ "SCAN CONSTANT ROW", "" },
		{ "SCAN o", "FROM (SELECT * FROM orders WHERE" },
		{ "SCAN w", "FROM (SELECT id FROM orders WHERE" },
		{ "SCAN w", "FROM (SELECT id FROM (SELECT * FROM (SELECT id," },
		{ "SCAN w", "FROM (SELECT DISTINCT e.id, e.created_at FROM" },
		{ "SCAN w", "FROM (SELECT u.id FROM (SELECT id, created_at" },
		{ "SCAN u", "LIMIT $4) u WHERE" },
		{ "SCAN going", "UNION ALL" },
		{ "SCAN others", "UNION ALL" },
		{ "SCAN of_account", "UNION ALL" },
		{ "SCAN z", "LIMIT $5) z" },
		{ "SCAN due", "LIMIT 1) due" },
		{ "SCAN bite", "LIMIT $2) bite" },
		{ "SCAN one", "LIMIT $7) one" },
		{ "SCAN two", "LIMIT $7) two" },
		/* a handful of rows that admins make; the newest first */
		{ "SCAN issuance_stop USING INDEX "
		  "sqlite_autoindex_issuance_stop_1",
		    "" },
		{ "SCAN incident USING INDEX incident_opened", "LIMIT $1" },
		{ "SCAN d", "FROM destroyed_key d" },
		/* once for an incident that is opened at once: the one of what
		 * was set aside, or of what a test selects */
		{ "SCAN c", "z.mailbox LIKE $12 ESCAPE '!'))) " },
		{ "SCAN cert", "WHERE aside_at = $2" },
		{ "SCAN sqlite_master", "FROM sqlite_master" },
	};

	if (strncmp(step, "SCAN ", 5) != 0)
		return false;
	for (size_t i = 0; i < COUNT(inner); i++)
		if (strcmp(step, inner[i].step) == 0 &&
		    strstr(text, inner[i].text) != NULL)
			return false;
	return true;
}

static void
explain(void *ctx, const char *text)
{
	struct plans *p = ctx;
	const char *query =
	    arena_printf(p->j->arena, "EXPLAIN QUERY PLAN %s", text);
	sqlite3_stmt *stmt;

	p->statements++;
	assert_int_equal(
	    sqlite3_prepare_v2(p->db, query, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(stmt, 3);

		if (!reads_all(step, text) &&
		    !reads_more_than_it_notes(step, text))
			continue;
		print_message("# %s: %s\n", step, text);
		p->scans++;
	}
	sqlite3_finalize(stmt);
}

/* A handful of rows that admins make; the plan of a statement without
 * parameters, which is older than the setting; once for an incident. */
static bool
may_read_all(const char *step, const char *text)
{
	return strstr(step, "Seq Scan on issuance_stop") != NULL ||
	       strstr(text,
		   "SELECT 1 FROM incident WHERE due_at IS NOT NULL") != NULL ||
	       (strstr(step, "Seq Scan on cert c") != NULL &&
		   strstr(text, "INSERT INTO incident_cert") != NULL);
}

/* PostgreSQL: what is still read as a whole when that is made the last
 * resort has no index. */
static void
explain_prepared(
    struct plans *p, const char *name, const char *text, int64_t parameters)
{
	struct query q;
	struct buf b;
	int found;

	buf_init(&b, p->j->arena, 1024);
	buf_addf(&b, "EXPLAIN EXECUTE %s", name);
	for (int64_t i = 0; i < parameters; i++)
		buf_add_str(&b, i == 0 ? " (NULL" : ", NULL");
	buf_add_str(&b, parameters > 0 ? ")" : "");
	p->statements++;
	found = query_first(&q, p->j, b.p, NO_ARGS);
	for (; found == 1; found = query_next(&q)) {
		const char *step = query_text(&q);

		if (!reads_more_than_it_notes(step, text) &&
		    (strstr(step, "Seq Scan") == NULL ||
			may_read_all(step, text)))
			continue;
		print_message("# %s: %s\n", step, text);
		p->scans++;
	}
	query_end(&q);
	EXPECT(p->j, found, 0);
}

static void
explain_all_prepared(struct plans *p)
{
	struct {
		const char *name, *text;
		int64_t parameters;
	} list[STATEMENTS_MAX];
	struct query q;
	size_t n = 0;
	int found;

	EXPECT(p->j,
	    p->j->store->driver->script(p->j, p->j->store->sql,
		"SET enable_seqscan TO off; "
		"SET plan_cache_mode TO force_generic_plan; "
		"DISCARD PLANS"),
	    0);
	found = query_first(&q, p->j,
	    "SELECT name, statement, cardinality(parameter_types) "
	    "FROM pg_prepared_statements",
	    NO_ARGS);
	for (; found == 1; found = query_next(&q)) {
		assert_true(n < STATEMENTS_MAX);
		list[n].name = query_text(&q);
		list[n].text = query_text(&q);
		list[n++].parameters = query_int(&q);
	}
	query_end(&q);
	EXPECT(p->j, found, 0);
	for (size_t i = 0; i < n; i++)
		if (strstr(list[i].text, "pg_") == NULL)
			explain_prepared(
			    p, list[i].name, list[i].text, list[i].parameters);
}

static void
purge_kinds(struct job *j, const struct purge_rules *rules)
{
	for (enum purge_kind k = 0; k < PURGE_KINDS; k++) {
		struct purge_walk w;
		int64_t at;

		purge_walk_init(&w);
		while (!w.is_done)
			COMMITTED(j, store_purge(j, k, rules, 20, &w));
		assert_true(store_purge_oldest(j, k, &at) >= 0);
	}
}

/* A lifetime later. */
static void
purge_life(struct job *j)
{
	static const uint8_t key[32] = "a seal key of thirty-two octets";
	struct purge_rules rules = { .retention = 732 * 86400,
		.retain_final = 86400,
		.seal = seal_key_new(j->arena, key) };
	const char *account = fixture_account(j);
	struct plain_reply reply;
	int64_t n;

	j->now += (int64_t)20 * 366 * 86400;
	COMMITTED(j, store_audit_add(j, "issuer", "x", "ca:ca", "ok", NULL));
	COMMITTED(j, store_key_ended(j, "ca", j->now));
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_reply_wrap_next(j, 1, 20, &reply), 1);
	EXPECT(j, store_reply_wrap(j, reply.id, SPAN("sealed")), 0);
	EXPECT(j, store_commit(j), 0);
	COMMITTED(j, store_purge_account(j, account, &rules, &n));
	fixture_sql(j,
	    "UPDATE cert SET list_due_at = NULL, ocsp_due_at = NULL; "
	    "UPDATE incident SET finished_at = 1; "
	    "UPDATE handoff SET stage = 'done'; "
	    "UPDATE withdrawal SET confirmed_at = 1");
	rules.dry = true;
	purge_kinds(j, &rules);
	/* What no list has carried would stay. */
	fixture_sql(j, "UPDATE cert SET revoked_at = 0");
	rules.dry = false;
	purge_kinds(j, &rules);
	EXPECT(j, store_audit_verify_sealed(j, rules.seal, &n, &n), 0);
	EXPECT(j, store_purge_oldest(j, PURGE_CERTIFICATES, &n), 0);
}

/* architecture.md: no query scans a table that grows. */
static void
test_no_statement_scans(struct job *j)
{
	struct plans p = { j, NULL, 0, 0 };

	whole_life(j);
	purge_life(j);
	if (fixture_is_pgsql()) {
		/* As the planner knows it on a day on which nothing waits. */
		fixture_certs(j, fixture_account(j), "2000");
		fixture_sql(j, "ANALYZE cert");
		explain_all_prepared(&p);
	} else {
		assert_int_equal(
		    sqlite3_open(fixture_file(), &p.db), SQLITE_OK);
		j->store->driver->each_statement(j->store->sql, explain, &p);
		sqlite3_close(p.db);
	}
	assert_true(p.statements >= 160);
	assert_int_equal(p.scans, 0);
}

static void
test_whole_life(struct job *j)
{
	whole_life(j);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM orders "
					  "WHERE cert_id IS NOT NULL"),
	    1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_whole_life),
	STORE_TEST(test_no_statement_scans),
};
UNIT_MAIN(tests)
