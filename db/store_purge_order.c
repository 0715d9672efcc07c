/*
 * Orders with their certificates, and authorizations with what proved them
 * (PK-22).  An order lets go of its authorizations when its own date comes;
 * an authorization goes when no order stands on it any more.
 */
#include "config.h"

#include "db/store_private.h"
#include "db/store_purge_rows.h"
#include "lib/count.h"

#define NEVER INT64_MAX

/* --- orders --------------------------------------------------------------- */

struct order_facts {
	int64_t life_until, failed_at, csr_at;
	const char *cert_id; /* of its row in cert, also one never issued */
	const char *ca_label, *serial;
	int64_t not_after, shard, issued_at, revoked_at;
	bool is_due_for_status;
};

static int
order_facts(struct job *j, const char *id, struct order_facts *f)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT o.life_until, o.failed_at, o.csr_at, c.id, c.ca_label, "
	    "c.serial, COALESCE(c.not_after, 0), COALESCE(c.shard, 0), "
	    "COALESCE(c.issued_at, 0), COALESCE(c.revoked_at, 0), "
	    "CASE WHEN c.list_due_at IS NULL AND c.ocsp_due_at IS NULL "
	    "THEN 0 ELSE 1 END "
	    "FROM orders o LEFT JOIN cert c ON c.order_id = o.id "
	    "WHERE o.id = $1",
	    ARGS(v_text(id)));

	*f = (struct order_facts){ .cert_id = NULL };
	if (found == 1) {
		f->life_until = query_int(&q);
		f->failed_at = query_int(&q);
		f->csr_at = query_int(&q);
		f->cert_id = query_text(&q);
		f->ca_label = query_text(&q);
		f->serial = query_text(&q);
		f->not_after = query_int(&q);
		f->shard = query_int(&q);
		f->issued_at = query_int(&q);
		f->revoked_at = query_int(&q);
		f->is_due_for_status = query_int(&q) != 0;
	}
	query_end(&q);
	return found;
}

#define LISTS                                                                  \
	"SELECT this_update FROM crl WHERE ca_label = $1 AND shard = $2 "      \
	"AND der IS NOT NULL ORDER BY number DESC "

/* Was the CA's key destroyed, and has its last certificate ended?  1, 0, -1. */
static int
has_ca_ended(struct job *j, const char *ca_label)
{
	int64_t at;

	return store_get_int(j, &at,
	    "SELECT ended_at FROM ca_key_end "
	    "WHERE ca_label = $1 AND ended_at <= $2",
	    ARGS(v_text(ca_label), v_int(j->now)));
}

/* PK-160, PK-163: an entry leaves the list after one list past the expiry has
 * carried it, and the list that leaves it out is compared with that one: it
 * must be out before the row may go. */
static int
is_on_list(struct job *j, const struct order_facts *f)
{
	int64_t this_update;
	int found;

	if (f->revoked_at == 0)
		return 0;
	/* PK-156: no list comes any more. */
	found = has_ca_ended(j, f->ca_label);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (f->is_due_for_status)
		return 1;
	/* Of the two newest lists, the older one. */
	found = store_get_int(j, &this_update, LISTS "LIMIT 1 OFFSET 1",
	    ARGS(v_text(f->ca_label), v_int(f->shard)));
	if (found > 0)
		return this_update <= f->not_after;
	/* Where another CA keeps the lists, this one has none. */
	return found < 0 ? -1
			 : store_get_int(j, &this_update, LISTS "LIMIT 1",
			       ARGS(v_text(f->ca_label), v_int(f->shard)));
}

/* *until: when the last incident that holds it ended. */
static int
incidents_of(struct job *j, const char *cert_id, int64_t *until)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT i.finished_at, i.cancelled_at FROM incident_cert c "
	    "JOIN incident i ON i.id = c.incident_id WHERE c.cert_id = $1",
	    ARGS(v_text(cert_id)));

	*until = 0;
	for (; found == 1; found = query_next(&q)) {
		int64_t finished = query_int(&q), cancelled = query_int(&q);
		int64_t end = later(finished, cancelled);

		*until = later(*until, end == 0 ? NEVER : end);
	}
	query_end(&q);
	return found;
}

/* Does another CA still owe an answer? */
static int
is_elsewhere(struct job *j, const char *id, const struct order_facts *f)
{
	int64_t one;
	int found = store_get_int(j, &one,
	    "SELECT 1 FROM handoff WHERE order_id = $1 "
	    "AND stage NOT IN ('done', 'refused', 'stale')",
	    ARGS(v_text(id)));

	if (found != 0 || f->cert_id == NULL)
		return found;
	return store_get_int(j, &one,
	    "SELECT 1 FROM withdrawal WHERE cert_id = $1 AND confirmed_at = 0 "
	    "AND due_at IS NOT NULL",
	    ARGS(v_text(f->cert_id)));
}

int
purge_order_due(struct job *j, const char *id, const struct purge_rules *rules,
    int64_t *due)
{
	struct order_facts f;
	int64_t incident = 0;
	int held = order_facts(j, id, &f);

	*due = j->now + PURGE_DAY;
	if (held < 0)
		return -1;
	/* Still with the issuer. */
	if (f.issued_at == 0 && f.failed_at == 0 && f.csr_at > 0)
		return 0;
	if (f.cert_id != NULL && incidents_of(j, f.cert_id, &incident) < 0)
		return -1;
	held = is_on_list(j, &f);
	if (held == 0)
		held = is_elsewhere(j, id, &f);
	if (held != 0 || incident == NEVER)
		return held < 0 ? -1 : 0;
	/* A number that was reserved is a subscriber's record too. */
	if (f.cert_id != NULL)
		*due = later(f.not_after, incident) + rules->retention;
	else
		*due = (f.failed_at > 0 ? f.failed_at : f.life_until) +
		       purge_final_secs(rules);
	return 0;
}

int
purge_serial_note(struct job *j, const char *ca_label, const char *serial)
{
	return store_change(j, NULL,
	    "INSERT INTO used_serial (ca_label, serial) VALUES ($1, $2) "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(ca_label), v_text(serial)));
}

static int
cert_delete(struct job *j, const struct order_facts *f)
{
	static const char *const of_cert[] = {
		"DELETE FROM incident_cert WHERE cert_id = $1",
		"DELETE FROM recheck_finding WHERE cert_id = $1",
		"DELETE FROM withdrawal WHERE cert_id = $1",
		"DELETE FROM upstream_window WHERE cert_id = $1",
		"DELETE FROM notice WHERE about = 'renewal:' || $1",
		"DELETE FROM cert WHERE id = $1",
	};

	if (purge_serial_note(j, f->ca_label, f->serial) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(of_cert); i++)
		if (store_change(
			j, NULL, of_cert[i], ARGS(v_text(f->cert_id))) < 0)
			return -1;
	return 0;
}

/* An order whose contents have gone goes with the last authorization that it
 * had made. */
static int
bare_delete(struct job *j, const char *id)
{
	return store_change(j, NULL,
	    "DELETE FROM orders WHERE id = $1 AND keep_from IS NULL "
	    "AND NOT EXISTS (SELECT 1 FROM authz WHERE order_id = $1) "
	    "AND NOT EXISTS (SELECT 1 FROM outbox WHERE order_id = $1)",
	    ARGS(v_text(id)));
}

int
purge_order_delete(
    struct job *j, const char *id, const struct purge_rules *rules)
{
	struct order_facts f;
	int found = order_facts(j, id, &f);

	(void)rules;
	if (found <= 0)
		return found;
	if (f.cert_id != NULL && cert_delete(j, &f) < 0)
		return -1;
	if (store_change(j, NULL, "DELETE FROM handoff WHERE order_id = $1",
		ARGS(v_text(id))) < 0 ||
	    store_change(j, NULL,
		"DELETE FROM order_identifier WHERE order_id = $1",
		ARGS(v_text(id))) < 0 ||
	    store_change(j, NULL,
		"UPDATE orders SET keep_from = NULL, language = NULL, "
		"csr = NULL, csr_jws = NULL, error = NULL, replaces = NULL, "
		"replaces_cert_id = NULL WHERE id = $1",
		ARGS(v_text(id))) < 0)
		return -1;
	return bare_delete(j, id);
}

/* --- authorizations ------------------------------------------------------- */

struct authz_facts {
	const char *order_id, *challenge_id;
	struct span part1_sha256, part2_sha256;
	int64_t valid_at;
	int64_t used_at; /* the last use of its own */
};

static int
authz_facts(struct job *j, const char *id, struct authz_facts *f)
{
	struct query q;
	int64_t expires_at = 0;
	int found = query_first(&q, j,
	    "SELECT a.order_id, c.id, c.token_part1_sha256, "
	    "c.token_part2_sha256, a.valid_at, a.expires_at, a.valid_until, "
	    "a.failed_at, a.deactivated_at, a.revoked_at, c.proven_at "
	    "FROM authz a LEFT JOIN challenge c ON c.authz_id = a.id "
	    "WHERE a.id = $1",
	    ARGS(v_text(id)));

	*f = (struct authz_facts){ .order_id = NULL };
	if (found == 1) {
		f->order_id = query_text(&q);
		f->challenge_id = query_text(&q);
		f->part1_sha256 = query_bytes(&q);
		f->part2_sha256 = query_bytes(&q);
		f->valid_at = query_int(&q);
		expires_at = query_int(&q);
		for (int i = 0; i < 5; i++)
			f->used_at = later(f->used_at, query_int(&q));
	}
	query_end(&q);
	/* What was decided before its time is of no use any more. */
	if (found == 1 && f->used_at == 0)
		f->used_at = expires_at;
	return found;
}

/* Orders that stand on it, and when the last of their certificates expires
 * (0: none has one). */
static int
users_of(struct job *j, const char *id, int64_t *count, int64_t *used_at,
    int64_t *not_after)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT o.life_until, o.failed_at, COALESCE(c.not_after, 0) "
	    "FROM order_identifier i JOIN orders o ON o.id = i.order_id "
	    "LEFT JOIN cert c ON c.order_id = o.id WHERE i.authz_id = $1",
	    ARGS(v_text(id)));

	*count = *used_at = *not_after = 0;
	for (; found == 1; found = query_next(&q)) {
		int64_t life_until = query_int(&q), failed_at = query_int(&q);

		*used_at =
		    later(*used_at, failed_at > 0 ? failed_at : life_until);
		*not_after = later(*not_after, query_int(&q));
		(*count)++;
	}
	query_end(&q);
	return found;
}

/* What came to it, and when the last of that: 0 if nothing did. */
static int
answered_at(
    struct job *j, const char *id, const char *challenge_id, int64_t *at)
{
	int64_t replied = 0, checked = 0;

	if (store_get_int(j, &replied,
		"SELECT MAX(recorded_at) FROM reply WHERE challenge_id = $1",
		ARGS(v_text(challenge_id))) < 0 ||
	    store_get_int(j, &checked,
		"SELECT MAX(checked_at) FROM caa WHERE authz_id = $1 "
		"AND checked_at > 0",
		ARGS(v_text(id))) < 0)
		return -1;
	*at = later(replied, checked);
	return 0;
}

int
purge_authz_due(struct job *j, const char *id, const struct purge_rules *rules,
    int64_t *due)
{
	struct authz_facts f;
	int64_t users, used_at, not_after, answered;
	int64_t from;

	*due = j->now + PURGE_DAY;
	if (authz_facts(j, id, &f) < 0 ||
	    users_of(j, id, &users, &used_at, &not_after) < 0 ||
	    answered_at(j, id, f.challenge_id, &answered) < 0)
		return -1;
	from = later(later(f.used_at, used_at), later(not_after, answered));
	/* What nobody answered proves nothing about anybody. */
	from += f.valid_at > 0 || answered > 0 || not_after > 0
		    ? rules->retention
		    : purge_final_secs(rules);
	/* An order that something holds holds what it stands on. */
	if (users == 0 || from > j->now)
		*due = from;
	return 0;
}

static int
note_tokens(
    struct job *j, const struct authz_facts *f, const struct purge_rules *rules)
{
	const struct span hashes[] = { f->part1_sha256, f->part2_sha256 };

	if (f->used_at + rules->retention <= j->now)
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (store_change(j, NULL,
			"INSERT INTO used_token (sha256, keep_from) "
			"VALUES ($1, $2) ON CONFLICT DO NOTHING",
			ARGS(v_bytes(hashes[i]), v_int(f->used_at))) < 0)
			return -1;
	return 0;
}

int
purge_authz_delete(
    struct job *j, const char *id, const struct purge_rules *rules)
{
	static const char *const of_challenge[] = {
		"DELETE FROM reply WHERE challenge_id = $1",
		"DELETE FROM part1 WHERE challenge_id = $1",
		"DELETE FROM spool WHERE challenge_id = $1",
		"DELETE FROM outbox WHERE challenge_id = $1",
		"DELETE FROM challenge WHERE id = $1",
	};
	struct authz_facts f;
	int found = authz_facts(j, id, &f);

	if (found <= 0)
		return found;
	if (f.challenge_id != NULL && note_tokens(j, &f, rules) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(of_challenge); i++)
		if (store_change(j, NULL, of_challenge[i],
			ARGS(v_text(f.challenge_id))) < 0)
			return -1;
	if (store_change(j, NULL,
		"DELETE FROM caa_report WHERE caa_id IN "
		"(SELECT id FROM caa WHERE authz_id = $1)",
		ARGS(v_text(id))) < 0 ||
	    store_change(j, NULL,
		"DELETE FROM caa_round WHERE caa_id IN "
		"(SELECT id FROM caa WHERE authz_id = $1)",
		ARGS(v_text(id))) < 0 ||
	    store_change(j, NULL, "DELETE FROM caa WHERE authz_id = $1",
		ARGS(v_text(id))) < 0 ||
	    store_change(j, NULL, "DELETE FROM authz WHERE id = $1",
		ARGS(v_text(id))) < 0)
		return -1;
	return bare_delete(j, f.order_id);
}
