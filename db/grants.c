#include "config.h"

#include "db/grants.h"

#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/buf.h"

#define SCRIPT_MAX (256 * 1024)

struct grant {
	const char *table;
	const char *rights;
};

/* A column that stands in WHERE or is returned must be readable; whoever locks
 * a row must be able to change some column of it. */

/* --- what several roles do ------------------------------------------------ */

/* Its version is read when the store is opened; audit records are added, and
 * that it starts and ends is noted. */
#define EVERY_ROLE                                                             \
	{ "schema_version", "SELECT" }, { "audit", "INSERT" },                 \
	    { "role_life", "SELECT, INSERT, UPDATE" },                         \
	{                                                                      \
		"audit_head", "SELECT, UPDATE (seq, hash)"                     \
	}

/* The end of a challenge erases part1 and the spooled mail, unread (ER-7). */
#define ERASES_SECRETS                                                         \
	{ "part1", "SELECT (challenge_id), DELETE" },                          \
	{                                                                      \
		"spool", "SELECT (challenge_id), DELETE"                       \
	}

#define COUNTS_LIMITS                                                          \
	{                                                                      \
		"bucket", "SELECT, INSERT, UPDATE (full_at_ms, takes), DELETE" \
	}

/* CAA checks are asked for here, and answered by the validator. */
#define CAA_REQUEST                                                            \
	"INSERT (id, authz_id, account_id, mailbox, domain, requested_at, "    \
	"due_at, order_id)"

/* --- web ------------------------------------------------------------------ */

static const struct grant web[] = {
	EVERY_ROLE,
	{ "account", "SELECT, INSERT, UPDATE (contact, tos_agreed_at, "
		     "tos_url, thumbprint, jwk, deactivated_at)" },
	{ "account_key", "SELECT, INSERT" },
	{ "orders", "SELECT, INSERT (id, account_id, profile, language, "
		    "created_at, life_until, identifier_count, replaces, "
		    "replaces_cert_id, not_before, not_after, is_preauth, "
		    "keep_from), "
		    "UPDATE (csr_at, csr, csr_jws, csr_refused_count, "
		    "issue_due_at, failed_at, error)" },
	/* A POST that comes after the reply makes the authorization valid; the
	 * issuer believes the sealed reply, not the row. */
	{ "authz", "SELECT, INSERT (id, account_id, order_id, mailbox, "
		   "ident_type, ident_value, created_at, expires_at, "
		   "keep_from), "
		   "UPDATE (valid_at, valid_until, deactivated_at)" },
	{ "order_identifier", "SELECT, INSERT" },
	{ "challenge", "SELECT, INSERT (id, authz_id, token_part1_sha256, "
		       "token_part2, token_part2_sha256, thumbprint, "
		       "from_address, reply_to, message_id), "
		       "UPDATE (posted_at, soft_count)" },
	/* AC-122: looks at it sooner. */
	{ "reply", "SELECT (id, challenge_id, recorded_at, verdict, due_at), "
		   "UPDATE (due_at)" },
	{ "used_token", "SELECT" },
	{ "part1", "INSERT" },
	ERASES_SECRETS,
	{ "outbox", "SELECT, INSERT (challenge_id, order_id, place, "
		    "expires_at, due_at), UPDATE (due_at, closed_at)" },
	{ "cert", "SELECT, UPDATE (replaced_by, revoked_at, reason, "
		  "revoked_by, revocation, list_due_at, ocsp_due_at)" },
	{ "blocked_key", "SELECT, INSERT, UPDATE (bare_sha256)" },
	{ "key_sweep", "SELECT, INSERT" },
	{ "own_key", "SELECT" },
	COUNTS_LIMITS,
	{ "eab_key", "SELECT, UPDATE (bound_at)" },
	{ "suppressed", "SELECT" },
	{ "secret", "SELECT" },
	{ "nonce", "SELECT, INSERT, DELETE" },
	{ "issuance_stop", "SELECT" },
	/* Was each URL answered before certificates name it (PK-133)? */
	{ "url_check", "SELECT" },
	{ "incident", "SELECT" },
	{ "incident_cert", "SELECT" },
	/* An account that calls its key compromised opens one, and whoever
	 * proves that a key is. */
	{ "report_head", "SELECT, UPDATE (last)" },
	{ "report",
	    "SELECT (number, spki_sha256, bare_sha256, closed_at, "
	    "proof_kind), "
	    "INSERT (number, reporter, text, cert_id, spki_sha256, "
	    "bare_sha256, received_at, entered_at, entered_by, alarm_at, "
	    "proof_kind, proof, proof_spki)" },
	/* Has the other CA revoked it, and what does it ask to wait? */
	{ "withdrawal", "SELECT (cert_id, confirmed_at, told_at), "
			"UPDATE (told_at)" },
	{ "handoff", "SELECT (order_id, stage, retry_secs)" },
	{ "upstream_window", "SELECT (cert_id, start_at, end_at)" },
	{ NULL, NULL },
};

/* --- sender --------------------------------------------------------------- */

static const struct grant sender[] = {
	EVERY_ROLE,
	/* Who hears of an incident, as well (PK-185). */
	{ "account",
	    "SELECT (id, eab_kid, contact, deactivated_at, revoked_at)" },
	/* A mail that cannot be delivered ends its challenge and orders. */
	{ "orders", "SELECT, UPDATE (failed_at, error, issue_due_at)" },
	{ "authz", "SELECT, UPDATE (failed_at, deactivated_at)" },
	{ "order_identifier", "SELECT" },
	{ "challenge", "SELECT, UPDATE (failed_at, error, soft_count)" },
	{ "part1", "SELECT, DELETE" },
	{ "spool", "SELECT, INSERT, DELETE" },
	{ "outbox", "SELECT, UPDATE (due_at, attempts, sent_at, failed_at, "
		    "closed_at, relay_answer, code, error)" },
	/* May the mailbox be written to, still? */
	{ "suppressed", "SELECT" },
	{ "eab_key", "SELECT" },
	/* Does an incident hold what the order replaces (PK-194), or a
	 * certificate of which nobody need be told then (PK-191)?  And who has
	 * still to be told of it. */
	{ "incident",
	    "SELECT (id, due_at, deadline, told_to), UPDATE (told_to)" },
	{ "incident_cert", "SELECT (incident_id, cert_id)" },
	{ "caa_report", "SELECT, UPDATE (due_at, attempts, message, sent_at, "
			"failed_at, answer)" },
	{ "cert", "SELECT (id, order_id, account_id, profile, not_before, "
		  "not_after, issued_at, revoked_at, replaced_by, notice_at), "
		  "UPDATE (notice_at)" },
	{ "upstream_window", "SELECT (cert_id, start_at, end_at)" },
	{ "notice", "SELECT, INSERT (about, mailbox, language, deadline, "
		    "expires_at, due_at), "
		    "UPDATE (language, due_at, attempts, message, message_id, "
		    "sent_at, failed_at, answer)" },
	COUNTS_LIMITS,
	{ NULL, NULL },
};

/* --- validator ------------------------------------------------------------ */

static const struct grant validator[] = {
	EVERY_ROLE,
	{ "account", "SELECT" },
	{ "orders", "SELECT, UPDATE (failed_at, error, issue_due_at)" },
	{ "authz", "SELECT, UPDATE (valid_at, valid_until, failed_at, "
		   "deactivated_at, held_until)" },
	{ "order_identifier", "SELECT" },
	{ "challenge", "SELECT, UPDATE (proven_at, failed_at, error, "
		       "soft_count)" },
	ERASES_SECRETS,
	{ "outbox", "SELECT, UPDATE (due_at, closed_at)" },
	{ "reply", "SELECT, INSERT, UPDATE (challenge_id, arrival, "
		   "recorded_at, verdict, code, detail, evidence, br_version, "
		   "raw, raw_sha256, covered_hash, seal, error, due_at, "
		   "is_disposed, is_wrapped, wrap_at)" },
	{ "caa", "SELECT, " CAA_REQUEST ", UPDATE (due_at, attempts, "
		 "checked_at, result, reason, detail, trace, br_version, ttl, "
		 "seal, key_agreed)" },
	{ "caa_round", "INSERT" },
	{ "caa_report", "INSERT (id, caa_id, domain, found_at, reason, "
			"refused_at, recipient, expires_at, due_at)" },
	/* What has come back of them. */
	{ "notice", "SELECT (about, message_id, bounced_at), "
		    "UPDATE (bounced_at, bounce)" },
	/* Who answers "stop" gets no more mail. */
	{ "suppressed", "SELECT (mailbox, until), INSERT, "
			"UPDATE (since, until, source)" },
	COUNTS_LIMITS,
	{ NULL, NULL },
};

/* --- issuer --------------------------------------------------------------- */

static const struct grant issuer[] = {
	EVERY_ROLE,
	/* It deletes what no rule keeps any longer (db/store_purge.h):
	 * nobody else deletes records. */
	{ "audit", "SELECT, UPDATE (keep_from), DELETE" },
	{ "audit_gap", "SELECT, INSERT, DELETE" },
	{ "audit_mark", "SELECT, INSERT" },
	/* The supervisor, which logs in so. */
	{ "conf_use", "SELECT, INSERT, UPDATE" },
	{ "ca_key_end", "SELECT" },
	{ "account", "SELECT" },
	{ "account_key", "SELECT" },
	{ "orders", "SELECT, UPDATE (cert_id, cert_not_after, issue_due_at, "
		    "issue_attempts, issue_fault_at, failed_at, error, "
		    "keep_from, language, csr, csr_jws, replaces, "
		    "replaces_cert_id), DELETE" },
	/* Authorizations that an order which ends leaves open end with it. */
	{ "authz", "SELECT, UPDATE (deactivated_at, keep_from), DELETE" },
	{ "order_identifier", "SELECT, DELETE" },
	{ "challenge", "SELECT, UPDATE (soft_count), DELETE" },
	ERASES_SECRETS,
	{ "outbox", "SELECT, UPDATE (due_at, closed_at), DELETE" },
	{ "reply", "SELECT, DELETE" },
	{ "caa", "SELECT, " CAA_REQUEST ", DELETE" },
	{ "caa_round", "SELECT (caa_id), DELETE" },
	{ "caa_report", "SELECT (id, caa_id, due_at, expires_at), DELETE" },
	{ "cert", "SELECT, INSERT, UPDATE (evidence, issued_at, der, sha256, "
		  "revoked_at, reason, revoked_by, revocation, list_due_at, "
		  "ocsp_due_at), DELETE" },
	{ "used_serial", "SELECT, INSERT" },
	{ "used_token", "SELECT, INSERT, DELETE" },
	{ "crl", "SELECT, INSERT, UPDATE (der), DELETE" },
	{ "crl_shard", "SELECT, INSERT, UPDATE (url)" },
	{ "ocsp_segment", "SELECT, INSERT, UPDATE (generation, refresh_at, "
			  "octets), DELETE" },
	{ "responder", "SELECT, INSERT, UPDATE (issued_at, der), DELETE" },
	/* What it asks of another CA, and what is to be revoked there. */
	{ "handoff", "SELECT, INSERT, UPDATE (request, seal, stage, due_at, "
		     "token, token_seal, retry_secs, answer, error), "
		     "DELETE" },
	{ "withdrawal",
	    "SELECT (id, cert_id, der, asked_at, confirmed_at, due_at, "
	    "not_after), INSERT, DELETE" },
	{ "upstream_window", "SELECT (cert_id), INSERT, DELETE" },
	{ "blocked_key", "SELECT, INSERT, UPDATE (bare_sha256)" },
	/* With PostgreSQL it must be able to change what it locks. */
	{ "key_sweep", "SELECT, INSERT, UPDATE (begun_at), DELETE" },
	{ "own_key", "SELECT, INSERT" },
	/* Must its key not be used any more (PK-207), and whose lists have
	 * ended? */
	{ "destroyed_key",
	    "SELECT (spki_sha256, ca_label, asked_at, begun_at)" },
	/* Its daily alarm: whose client certificate ends (PK-206)? */
	{ "admin_key", "SELECT (name, not_after, proven_at, ended_at)" },
	/* At the ceiling it stops everything itself. */
	{ "issuance_stop", "SELECT, INSERT" },
	{ "url_check", "SELECT" },
	{ "profile_text", "SELECT, INSERT, UPDATE (introduced_at, "
			  "retired_at)" },
	/* What its daily look finds is a draft: without due_at. */
	{ "incident", "SELECT, INSERT, "
		      "UPDATE (due_at, finished_at, late_at, cert_count, "
		      "keep_from, opening_at), "
		      "DELETE" },
	{ "incident_cert", "SELECT, INSERT, UPDATE (done_at), DELETE" },
	{ "notice", "SELECT (about, due_at), INSERT (about, mailbox, words, "
		    "expires_at, due_at), DELETE" },
	/* Its alarms, and what it does of them: it ends those whose proof it
	 * has verified. */
	{ "report", "SELECT, UPDATE (alarm_at, keep_from, answered_at, "
		    "answered_by, decided_at, decided_by, decision, cause, "
		    "deadline, incident_id, closed_at, closed_by), DELETE" },
	{ "recheck", "SELECT, INSERT, UPDATE (rules, due_at, started_at, "
		     "after_id, checked, unlinted, spoiled)" },
	{ "recheck_finding",
	    "SELECT, INSERT, UPDATE (cause, detail, found_at, incident_id), "
	    "DELETE" },
	{ NULL, NULL },
};

/* --- upstream ------------------------------------------------------------ */

static const struct grant upstream[] = {
	EVERY_ROLE,
	{ "orders", "SELECT, UPDATE (issue_due_at)" },
	{ "handoff", "SELECT, UPDATE (stage, due_at, attempts, token, "
		     "token_seal, retry_secs, answer, error)" },
	{ "withdrawal", "SELECT, INSERT, UPDATE (reason, due_at, attempts, "
			"confirmed_at, told_at)" },
	{ "cert", "SELECT, UPDATE (list_due_at, ocsp_due_at, notice_at)" },
	{ "upstream_window", "SELECT, UPDATE (due_at, start_at, end_at)" },
	{ "issuance_stop", "SELECT" },
	{ NULL, NULL },
};

/* --- admin ---------------------------------------------------------------- */

/* It shows, and writes nothing but who came in: neither the halves of tokens
 * nor requests nor mails are its to read (PK-7). */
static const struct grant admin[] = {
	EVERY_ROLE,
	{ "admin", "SELECT" },
	{ "admin_key", "SELECT" },
	{ "admin_try",
	    "SELECT, INSERT, UPDATE (failures, until_at, told_until), DELETE" },
	{ "account", "SELECT (id, thumbprint, jwk, contact, client_address, "
		     "created_at, tos_agreed_at, tos_url, tos_sha256, "
		     "deactivated_at, revoked_at, eab_kid, eab)" },
	{ "orders", "SELECT (id, account_id, profile, language, created_at, "
		    "life_until, identifier_count, csr_at, "
		    "csr_refused_count, failed_at, error, cert_id, "
		    "cert_not_after, replaces, replaces_cert_id, not_before, "
		    "not_after, is_preauth, issue_due_at, issue_fault_at)" },
	{ "authz", "SELECT" },
	{ "order_identifier", "SELECT" },
	{ "challenge",
	    "SELECT (id, authz_id, thumbprint, from_address, "
	    "reply_to, message_id, posted_at, proven_at, failed_at, error, "
	    "soft_count)" },
	{ "outbox", "SELECT" },
	{ "reply", "SELECT (id, source, uidvalidity, uid, challenge_id, "
		   "arrival, recorded_at, verdict, code, detail, evidence, "
		   "raw_sha256, covered_hash, seal, error, due_at, "
		   "br_version)" },
	{ "suppressed", "SELECT" },
	{ "caa", "SELECT" },
	{ "cert", "SELECT" },
	{ "issuance_stop", "SELECT" },
	{ "incident", "SELECT" },
	{ "incident_cert", "SELECT" },
	{ "report",
	    "SELECT (number, reporter, text, cert_id, spki_sha256, "
	    "bare_sha256, proof_kind, "
	    "received_at, entered_at, entered_by, alarm_at, "
	    "answered_at, answered_by, decided_at, decided_by, decision, "
	    "cause, deadline, incident_id, closed_at, closed_by)" },
	{ "ca_key_end", "SELECT" },
	{ "crl", "SELECT" },
	{ "crl_shard", "SELECT" },
	{ "ocsp_segment", "SELECT (ca_label, segment, generation, "
			  "refresh_at)" },
	{ "responder", "SELECT" },
	{ "audit", "SELECT" },
	{ "audit_gap", "SELECT" },
	{ "audit_mark", "SELECT" },
	{ "url_check", "SELECT" },
	{ "conf_use", "SELECT" },
	{ "destroyed_key", "SELECT (spki_sha256, asked_at, begun_at)" },
	/* What waits, and since when. */
	{ "notice", "SELECT (due_at)" },
	{ "caa_report", "SELECT (due_at)" },
	{ "handoff", "SELECT (due_at)" },
	{ "withdrawal", "SELECT (due_at)" },
	{ NULL, NULL },
};

static const struct grant *const grants[ROLE_COUNT] = { [ROLE_WEB] = web,
	[ROLE_SENDER] = sender,
	[ROLE_VALIDATOR] = validator,
	[ROLE_ISSUER] = issuer,
	[ROLE_UPSTREAM] = upstream,
	[ROLE_ADMIN] = admin };

/* --- statements ----------------------------------------------------------- */

static const char *
quoted(struct job *j, const char *name)
{
	struct buf b;

	buf_init(&b, j->arena, 2 * strlen(name) + 2);
	buf_add_char(&b, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_add_char(&b, '"');
		buf_add_char(&b, *name);
	}
	buf_add_char(&b, '"');
	return b.p;
}

static int
names_of_session(struct job *j, const char **schema, const char **owner)
{
	struct query q;
	int found = query_first(
	    &q, j, "SELECT current_schema(), current_user", NO_ARGS);

	if (found == 1) {
		*schema = query_text(&q);
		*owner = query_text(&q);
	}
	query_end(&q);
	if (found == 1 && *schema == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "database: its search_path names no schema that exists");
	return found == 1 ? 0 : -1;
}

/* Each login once, the owner left out. */
static size_t
distinct(const char *const users[ROLE_COUNT], const char *owner,
    const char *out[ROLE_COUNT])
{
	size_t n = 0;

	for (size_t role = 0; role < ROLE_COUNT; role++) {
		bool known =
		    users[role] == NULL || strcmp(users[role], owner) == 0;

		for (size_t i = 0; i < n && !known; i++)
			known = strcmp(out[i], users[role]) == 0;
		if (!known)
			out[n++] = users[role];
	}
	return n;
}

/* Of every table that some role may use; of others nobody was given any. */
static void
add_revokes(struct job *j, struct buf *b, const char *schema, const char *from)
{
	for (size_t role = 0; role < ROLE_COUNT; role++)
		for (const struct grant *g = grants[role]; g->table != NULL;
		     g++)
			buf_addf(b, "REVOKE ALL ON %s.%s FROM %s;\n",
			    quoted(j, schema), g->table, from);
}

static void
add_grants(struct job *j, struct buf *b, const char *schema,
    const struct grant *g, const char *user)
{
	const char *to = quoted(j, user);

	buf_addf(b, "GRANT USAGE ON SCHEMA %s TO %s;\n", quoted(j, schema), to);
	for (; g->table != NULL; g++)
		buf_addf(b, "GRANT %s ON %s.%s TO %s;\n", g->rights,
		    quoted(j, schema), g->table, to);
}

const char *
grants_script(struct job *j, const char *const users[ROLE_COUNT])
{
	const char *schema = NULL, *owner = NULL, *each[ROLE_COUNT];
	size_t count;
	struct buf b;

	if (names_of_session(j, &schema, &owner) < 0)
		return NULL;
	buf_init(&b, j->arena, SCRIPT_MAX);
	buf_add_str(&b, "");
	count = distinct(users, owner, each);
	for (size_t i = 0; i < count; i++)
		add_revokes(j, &b, schema, quoted(j, each[i]));
	for (size_t role = 0; role < ROLE_COUNT; role++)
		if (users[role] != NULL && strcmp(users[role], owner) != 0)
			add_grants(j, &b, schema, grants[role], users[role]);
	if (buf_ok(&b))
		return b.p;
	job_fail(j, ERR_INTERNAL, "grants: names too long");
	return NULL;
}

int
grants_apply(struct job *j, const char *const users[ROLE_COUNT])
{
	const char *script = grants_script(j, users);

	if (script == NULL ||
	    (script[0] != '\0' &&
		j->store->driver->script(j, j->store->sql, script) != 0))
		return job_context(j,
		    "the logins of the roles cannot be given their rights "
		    "(are they made? CREATE ROLE name LOGIN)");
	return 0;
}
