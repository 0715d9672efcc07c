#include "config.h"

#include "db/store_purge.h"

#include <string.h>

#include "db/store_private.h"
#include "db/store_purge_rows.h"
#include "lib/arena.h"

/*
 * The kinds whose rows have a keep_from, found in its order behind the last
 * row: $1 up to when, $2 and $3 the last row, $4 how many.
 */
#define AFTER                                                                  \
	"AND keep_from <= $1 AND (keep_from, id) > ($2, $3) "                  \
	"ORDER BY keep_from, id LIMIT $4"
#define OF_ACCOUNT "AND account_id = $5 " AFTER
#define ORDERS "SELECT id, keep_from FROM orders WHERE "
#define AUTHZ "SELECT id, keep_from FROM authz WHERE "
#define SET_ORDER "UPDATE orders SET keep_from = $2 WHERE id = $1"
#define SET_AUTHZ "UPDATE authz SET keep_from = $2 WHERE id = $1"
#define OLDEST "ORDER BY keep_from, id LIMIT 1"

static const struct kind {
	const char *name;
	/* Rows that are looked at one by one. */
	const char *find, *find_of_account, *set, *oldest;
	purge_due_fn *due;
	purge_delete_fn *delete;
	/* Rows that say themselves when they go. */
	purge_some_fn *some;
	bool is_brief; /* retain_final, not retention */
} kinds[PURGE_KINDS] = {
	[PURGE_CERTIFICATES] = { .name = "certificates",
	    .find = ORDERS "cert_id IS NOT NULL " AFTER,
	    .set = SET_ORDER,
	    .oldest = ORDERS "cert_id IS NOT NULL AND keep_from > 0 " OLDEST,
	    .due = purge_order_due,
	    .delete = purge_order_delete },
	[PURGE_ORDERS] = { .name = "orders",
	    .find = ORDERS "cert_id IS NULL " AFTER,
	    .find_of_account = ORDERS "cert_id IS NULL " OF_ACCOUNT,
	    .set = SET_ORDER,
	    .oldest = ORDERS "cert_id IS NULL AND keep_from > 0 " OLDEST,
	    .due = purge_order_due,
	    .delete = purge_order_delete,
	    .is_brief = true },
	[PURGE_VALIDATIONS] = { .name = "validations",
	    .find = AUTHZ "valid_at > 0 " AFTER,
	    .set = SET_AUTHZ,
	    .oldest = AUTHZ "valid_at > 0 AND keep_from > 0 " OLDEST,
	    .due = purge_authz_due,
	    .delete = purge_authz_delete },
	[PURGE_AUTHORIZATIONS] = { .name = "authorizations",
	    .find = AUTHZ "valid_at = 0 " AFTER,
	    .find_of_account = AUTHZ "valid_at = 0 " OF_ACCOUNT,
	    .set = SET_AUTHZ,
	    .oldest = AUTHZ "valid_at = 0 AND keep_from > 0 " OLDEST,
	    .due = purge_authz_due,
	    .delete = purge_authz_delete,
	    .is_brief = true },
	[PURGE_STRAYS] = { .name = "stray mail",
	    .oldest = "SELECT id, recorded_at FROM reply "
		      "WHERE challenge_id IS NULL "
		      "ORDER BY recorded_at, id LIMIT 1",
	    .some = purge_strays },
	[PURGE_TOKENS] = { .name = "token hashes",
	    .oldest = "SELECT '', keep_from FROM used_token "
		      "WHERE keep_from > 0 ORDER BY keep_from LIMIT 1",
	    .some = purge_tokens },
	[PURGE_INCIDENTS] = { .name = "incidents",
	    .find = "SELECT id, keep_from FROM incident "
		    "WHERE keep_from >= 0 " AFTER,
	    .set = "UPDATE incident SET keep_from = $2 WHERE id = $1",
	    .oldest = "SELECT id, keep_from FROM incident "
		      "WHERE keep_from > 0 " OLDEST,
	    .due = purge_incident_due,
	    .delete = purge_incident_delete },
	/* Not by the text of the number, which PostgreSQL would name so. */
	[PURGE_REPORTS] = { .name = "problem reports",
	    .find = "SELECT CAST(number AS TEXT) AS id, keep_from FROM report "
		    "WHERE keep_from <= $1 AND (keep_from, number) > ($2, "
		    "CASE WHEN $3 = '' THEN 0 ELSE CAST($3 AS BIGINT) END) "
		    "ORDER BY keep_from, number LIMIT $4",
	    .set = "UPDATE report SET keep_from = $2 "
		   "WHERE number = CAST($1 AS BIGINT)",
	    .oldest = "SELECT '', keep_from FROM report WHERE keep_from > 0 "
		      "ORDER BY keep_from, number LIMIT 1",
	    .due = purge_report_due,
	    .delete = purge_report_delete },
	[PURGE_CAA_REPORTS] = { .name = "CAA reports",
	    .oldest = "SELECT '', expires_at FROM caa_report "
		      "WHERE due_at IS NULL AND expires_at > 0 "
		      "ORDER BY expires_at LIMIT 1",
	    .some = purge_caa_reports },
	[PURGE_WITHDRAWALS] = { .name = "withdrawals",
	    .oldest = "SELECT '', not_after FROM withdrawal "
		      "WHERE cert_id IS NULL AND not_after > 0 "
		      "ORDER BY not_after LIMIT 1",
	    .some = purge_withdrawals },
	[PURGE_LISTS] = { .name = "revocation lists",
	    .oldest = "SELECT '', next_update FROM crl "
		      "WHERE der IS NOT NULL AND next_update > 0 "
		      "ORDER BY next_update LIMIT 1",
	    .some = purge_lists,
	    .is_brief = true },
	[PURGE_LIST_NUMBERS] = { .name = "list numbers",
	    .oldest = "SELECT '', next_update FROM crl "
		      "WHERE der IS NULL AND next_update > 0 "
		      "ORDER BY next_update LIMIT 1",
	    .some = purge_list_numbers },
	[PURGE_RESPONDERS] = { .name = "responders",
	    .oldest = "SELECT '', not_after FROM responder "
		      "WHERE not_after > 0 ORDER BY not_after LIMIT 1",
	    .some = purge_responders },
	[PURGE_AUDIT] = { .name = "audit records",
	    .oldest = "SELECT '', keep_from FROM audit WHERE keep_from > 0 "
		      "ORDER BY keep_from, seq LIMIT 1" },
	[PURGE_SEGMENTS] = { .name = "OCSP segments",
	    .some = purge_segments,
	    .is_brief = true },
};

const char *
purge_kind_name(enum purge_kind k)
{
	return kinds[k].name;
}

void
purge_walk_init(struct purge_walk *w)
{
	*w = (struct purge_walk){ .at = -1, .id = "", .seq = -1 };
}

static int64_t
period_of(const struct kind *k, const struct purge_rules *rules)
{
	return k->is_brief ? rules->retain_final : rules->retention;
}

/* 1 it went (or would), 0 it stays, -1. */
static int
look(struct job *j, const struct kind *k, const struct purge_rules *rules,
    const char *id)
{
	int64_t due;

	if (k->due(j, id, rules, &due) < 0)
		return -1;
	if (due <= j->now) {
		if (!rules->dry && k->delete (j, id, rules) < 0)
			return -1;
		return 1;
	}
	if (!rules->dry &&
	    store_change(j, NULL, k->set,
		ARGS(v_text(id), v_int(due - period_of(k, rules)))) < 0)
		return -1;
	return 0;
}

struct candidate {
	const char *id;
	int64_t at;
};

/* *rows: `max` of them have room. */
static int
candidates(struct job *j, const char *find, const struct sql_value *values,
    size_t count, struct candidate *rows, int64_t *found_count)
{
	struct query q;
	int found = query_first(&q, j, find, values, count);

	for (*found_count = 0; found == 1; found = query_next(&q)) {
		struct candidate *c = &rows[(*found_count)++];

		c->id = query_text(&q);
		c->at = query_int(&q);
	}
	query_end(&q);
	return found;
}

static int
look_at_all(struct job *j, const struct kind *k,
    const struct purge_rules *rules, const struct candidate *rows,
    int64_t count, struct purge_walk *w)
{
	for (int64_t i = 0; i < count; i++) {
		int went = look(j, k, rules, rows[i].id);

		if (went < 0)
			return -1;
		w->purged += went;
		w->at = rows[i].at;
		w->id = rows[i].id;
	}
	return 0;
}

int
store_purge(struct job *j, enum purge_kind kind,
    const struct purge_rules *rules, int64_t max, struct purge_walk *w)
{
	const struct kind *k = &kinds[kind];
	struct candidate *rows;
	int64_t count;

	if (kind == PURGE_AUDIT)
		return purge_audit(j, rules, max, w);
	if (k->some != NULL) {
		/* What is only counted is counted at once. */
		if (k->some(j, rules, max, &count) < 0)
			return -1;
		w->purged += count;
		w->is_done = rules->dry || count < max;
		return 0;
	}
	rows = arena_calloc(j->arena, (size_t)max, sizeof(*rows));
	if (candidates(j, k->find,
		ARGS(v_int(j->now - period_of(k, rules)), v_int(w->at),
		    v_text(w->id), v_int(max)),
		rows, &count) < 0 ||
	    look_at_all(j, k, rules, rows, count, w) < 0)
		return -1;
	w->is_done = count < max;
	return 0;
}

int
store_purge_oldest(struct job *j, enum purge_kind kind, int64_t *at)
{
	struct query q;
	int found;

	if (kinds[kind].oldest == NULL)
		return 0;
	found = query_first(&q, j, kinds[kind].oldest, NO_ARGS);
	if (found == 1) {
		query_text(&q);
		*at = query_int(&q);
	}
	query_end(&q);
	return found;
}

#define ACCOUNT_BITE 100

static int
purge_of_account(struct job *j, const struct kind *k, const char *account_id,
    const struct purge_rules *rules, int64_t *purged)
{
	struct purge_walk w;
	struct candidate *rows =
	    arena_calloc(j->arena, ACCOUNT_BITE, sizeof(*rows));

	purge_walk_init(&w);
	for (int64_t count = ACCOUNT_BITE; count == ACCOUNT_BITE;) {
		if (candidates(j, k->find_of_account,
			ARGS(v_int(INT64_MAX), v_int(w.at), v_text(w.id),
			    v_int(ACCOUNT_BITE), v_text(account_id)),
			rows, &count) < 0 ||
		    look_at_all(j, k, rules, rows, count, &w) < 0)
			return -1;
	}
	*purged += w.purged;
	return 0;
}

int
store_purge_account(struct job *j, const char *account_id,
    const struct purge_rules *rules, int64_t *purged)
{
	struct purge_rules at_once = *rules;

	at_once.at_once = true;
	*purged = 0;
	/* What the account began and cannot end any more. */
	if (store_change(j, NULL,
		"UPDATE orders SET failed_at = $2, issue_due_at = NULL "
		"WHERE account_id = $1 AND cert_id IS NULL "
		"AND failed_at = 0 AND csr_at = 0",
		ARGS(v_text(account_id), v_int(j->now))) < 0)
		return -1;
	if (purge_of_account(
		j, &kinds[PURGE_ORDERS], account_id, &at_once, purged) < 0)
		return -1;
	return purge_of_account(
	    j, &kinds[PURGE_AUTHORIZATIONS], account_id, &at_once, purged);
}
