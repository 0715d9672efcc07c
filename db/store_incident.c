#include "config.h"

#include "db/store_incident.h"

#include "db/store_cert.h"
#include "db/store_private.h"
#include "db/store_revoke.h"
#include "lib/arena.h"

#define COLUMNS                                                                \
	"id, cause, selector, reason, known_at, deadline, opened_by, "         \
	"opened_at, cert_count, cancel_asked_by, cancelled_by, "               \
	"cancelled_at, finished_at, due_at, late_at, opening_at"

static void
incident_read(struct query *q, struct incident *out)
{
	out->id = query_text(q);
	out->cause = query_text(q);
	out->selector = query_text(q);
	out->reason = query_int(q);
	out->known_at = query_int(q);
	out->deadline = query_int(q);
	out->opened_by = query_text(q);
	out->opened_at = query_int(q);
	out->cert_count = query_int(q);
	out->cancel_asked_by = query_text(q);
	out->cancelled_by = query_text(q);
	out->cancelled_at = query_int(q);
	out->finished_at = query_int(q);
	out->due_at = query_int(q);
	out->late_at = query_int(q);
	out->opening_at = query_int(q);
}

bool
incident_is_draft(const struct incident *i)
{
	return i->due_at == 0 && i->cancelled_at == 0 && i->finished_at == 0 &&
	       i->opening_at == 0;
}

static int
incident_get(struct job *j, const char *text, const struct sql_value *values,
    size_t count, struct incident *out)
{
	struct query q;
	int found = query_first(&q, j, text, values, count);

	if (found == 1)
		incident_read(&q, out);
	query_end(&q);
	return found;
}

/* --- reading ------------------------------------------------------------- */

int
store_incident_by_id(struct job *j, const char *id, struct incident *out)
{
	return incident_get(j, "SELECT " COLUMNS " FROM incident WHERE id = $1",
	    ARGS(v_text(id)), out);
}

int
store_incident_list(
    struct job *j, size_t max, struct incident **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT " COLUMNS " FROM incident "
	    "ORDER BY opened_at DESC, id DESC LIMIT $1",
	    ARGS(v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		incident_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

/* In one look: a set may be large. */
int
store_incident_progress(
    struct job *j, const char *id, int64_t *revoked, int64_t *replaced)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT COALESCE(SUM(CASE WHEN c.revoked_at > 0 THEN 1 ELSE 0 "
	    "END), 0), COALESCE(SUM(CASE WHEN c.replaced_by IS NULL THEN 0 "
	    "ELSE 1 END), 0) FROM incident_cert i "
	    "JOIN cert c ON c.id = i.cert_id WHERE i.incident_id = $1",
	    ARGS(v_text(id)));

	if (found == 1) {
		*revoked = query_int(&q);
		*replaced = query_int(&q);
	}
	query_end(&q);
	return found == 1 ? 0 : -1;
}

int
store_incident_deadline(struct job *j, const char *cert_id, int64_t *deadline)
{
	return store_get_int(j, deadline,
	    "SELECT MIN(i.deadline) FROM incident_cert c "
	    "JOIN incident i ON i.id = c.incident_id "
	    "WHERE c.cert_id = $1 AND i.due_at IS NOT NULL",
	    ARGS(v_text(cert_id)));
}

int
store_incident_any_open(struct job *j)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM incident WHERE due_at IS NOT NULL LIMIT 1", NO_ARGS);
}

/* --- drafts -------------------------------------------------------------- */

int
store_incident_confirm(
    struct job *j, const char *id, const char *by, int64_t due_at)
{
	j->wake |= 1u << ROLE_ISSUER;
	return store_change_one(j, "incident",
	    "UPDATE incident SET due_at = $3, opened_by = $2, told_to = '' "
	    "WHERE id = $1 AND due_at IS NULL AND finished_at = 0 "
	    "AND cancelled_at = 0 AND opening_at IS NULL",
	    ARGS(v_text(id), v_text(by), v_int(due_at)));
}

int
store_incident_drafts(struct job *j, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM incident WHERE due_at IS NULL "
		   "AND finished_at = 0 AND cancelled_at = 0 "
		   "AND opening_at IS NULL",
		   NO_ARGS) < 0
		   ? -1
		   : 0;
}

/* --- cancelling ---------------------------------------------------------- */

int
store_incident_ask_cancel(struct job *j, const char *id, const char *by)
{
	return store_change_one(j, "incident",
	    "UPDATE incident SET cancel_asked_by = $2 "
	    "WHERE id = $1 AND finished_at = 0 AND cancelled_at = 0 "
	    "AND opening_at IS NULL "
	    /* An admin takes the place of a system account, and of another
	     * admin (src/cmd_incident.c says when). */
	    "AND (cancel_asked_by IS NULL OR ($2 LIKE 'admin:%' "
	    "AND cancel_asked_by <> $2))",
	    ARGS(v_text(id), v_text(by)));
}

int
store_incident_cancel(struct job *j, const char *id, const char *by)
{
	return store_change_one(j, "incident",
	    "UPDATE incident SET cancelled_by = $2, cancelled_at = $3, "
	    "due_at = NULL, told_to = NULL WHERE id = $1 AND finished_at = 0 "
	    "AND cancelled_at = 0 AND cancel_asked_by IS NOT NULL AND "
	    "cancel_asked_by <> $2",
	    ARGS(v_text(id), v_text(by), v_int(j->now)));
}

/* --- who is told ---------------------------------------------------------- */

int
store_incident_telling(struct job *j, struct incident *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT id, deadline FROM incident WHERE told_to IS NOT NULL "
	    "ORDER BY told_to LIMIT 1",
	    NO_ARGS);

	*out = (struct incident){ .id = NULL };
	if (found == 1) {
		out->id = query_text(&q);
		out->deadline = query_int(&q);
	}
	query_end(&q);
	return found;
}

static int
told_to(struct job *j, const char *id, const char **last)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT told_to FROM incident "
	    "WHERE id = $1 AND told_to IS NOT NULL",
	    ARGS(v_text(id)));

	*last = found == 1 ? query_text(&q) : NULL;
	query_end(&q);
	return found;
}

int
store_incident_range(struct job *j, const char *id, const char *after,
    size_t max, struct id_range *range)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT MIN(cert_id), MAX(cert_id) FROM (SELECT cert_id "
	    "FROM incident_cert WHERE incident_id = $1 AND cert_id > $3 "
	    "ORDER BY cert_id LIMIT $2) bite",
	    ARGS(v_text(id), v_int((int64_t)max), v_text(after)));

	*range = (struct id_range){ .from = NULL };
	if (found == 1) {
		range->from = query_text(&q);
		range->to = query_text(&q);
	}
	query_end(&q);
	return found < 0 ? -1 : range->to != NULL;
}

/* Whoever is at it as well waits for the row, and then finds it moved. */
int
store_incident_tell(
    struct job *j, const char *id, size_t max, struct id_range *range)
{
	const char *last;
	int64_t moved;
	int found = told_to(j, id, &last);

	if (found <= 0)
		return found;
	found = store_incident_range(j, id, last, max, range);
	if (found < 0 ||
	    store_change(j, &moved,
		"UPDATE incident SET told_to = $3 "
		"WHERE id = $1 AND told_to = $2",
		ARGS(v_text(id), v_text(last), v_text(range->to))) < 0)
		return -1;
	return found == 1 && moved > 0;
}

/* --- the deadline -------------------------------------------------------- */

#define DUE                                                                    \
	"SELECT " COLUMNS " FROM incident WHERE due_at <= $1 "                 \
	"ORDER BY due_at LIMIT 1"

int
store_incident_due(struct job *j, struct incident *out)
{
	return incident_get(j, DUE, ARGS(v_int(j->now)), out);
}

/* Two at one incident would wait for each other.  Not a lease: the row is held
 * for a bite, and whoever dies lets go of it. */
int
store_incident_take(struct job *j, struct incident *out)
{
	return incident_get(j,
	    store_is_exclusive(j) ? DUE : DUE " FOR NO KEY UPDATE SKIP LOCKED",
	    ARGS(v_int(j->now)), out);
}

int
store_incident_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(due_at) FROM incident WHERE due_at IS NOT NULL",
	    NO_ARGS);
}

int
store_incident_set_due(struct job *j, const char *id, int64_t due_at)
{
	return store_change_one(j, "incident",
	    "UPDATE incident SET due_at = $2 "
	    "WHERE id = $1 AND due_at IS NOT NULL",
	    ARGS(v_text(id), v_int(due_at)));
}

/* Of its set one that is neither revoked nor expired, or NULL.  LIMIT keeps
 * PostgreSQL from joining whole tables for it. */
#define ONE_LEFT(incident, now)                                                \
	"(SELECT l.cert_id FROM incident_cert l JOIN cert c "                  \
	"ON c.id = l.cert_id WHERE l.incident_id = " incident                  \
	" AND l.done_at = 0 AND c.revoked_at = 0 AND c.not_after >= " now      \
	" LIMIT 1)"
#define IS_SPENT "due_at > $1 AND " ONE_LEFT("incident.id", "$1") " IS NULL"

int
store_incident_has_left(struct job *j, const char *id)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 WHERE " ONE_LEFT("$1", "$2") " IS NOT NULL",
	    ARGS(v_text(id), v_int(j->now)));
}

int
store_incident_any_spent(struct job *j)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM incident WHERE " IS_SPENT " LIMIT 1",
	    ARGS(v_int(j->now)));
}

int
store_incident_hasten_spent(struct job *j)
{
	return store_change(j, NULL,
	    "UPDATE incident SET due_at = $1 WHERE " IS_SPENT,
	    ARGS(v_int(j->now)));
}

/* The greatest id of the next bite, or NULL when nothing waits. */
static int
bite_end(struct job *j, const char *id, size_t max, const char **end)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT MAX(cert_id) FROM (SELECT cert_id FROM incident_cert "
	    "WHERE incident_id = $1 AND done_at = 0 "
	    "ORDER BY cert_id LIMIT $2) bite",
	    ARGS(v_text(id), v_int((int64_t)max)));

	*end = found == 1 ? query_text(&q) : NULL;
	query_end(&q);
	return found < 0 ? -1 : 0;
}

/* PK-181: first the keys.  What else they have is found by
 * store_revoke_blocked(). */
static int
block_keys(struct job *j, const char *id, const char *end)
{
	return store_change(j, NULL,
	    "INSERT INTO blocked_key (spki_sha256, account_id, blocked_at, "
	    "source, bare_sha256) "
	    "SELECT DISTINCT c.spki_sha256, '', $3, $4, c.bare_sha256 "
	    "FROM incident_cert i JOIN cert c ON c.id = i.cert_id "
	    "WHERE i.incident_id = $1 AND i.done_at = 0 AND i.cert_id <= $2 "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(id), v_text(end), v_int(j->now),
		v_text(arena_printf(j->arena, "incident %s", id))));
}

/* The incident's row comes first: whoever cancels it waits, or was faster. */
int
store_incident_revoke(struct job *j, const char *id, const struct revocation *r,
    size_t max, int64_t *taken, struct revoked_cert **list, size_t *count)
{
	const char *end;

	*taken = 0;
	*count = 0;
	if (store_incident_set_due(j, id, j->now) < 0 ||
	    bite_end(j, id, max, &end) < 0)
		return -1;
	if (end == NULL)
		return 0;
	if (r->reason == REASON_KEY_COMPROMISE && block_keys(j, id, end) < 0)
		return -1;
	if (store_revoke_incident(j, id, end, r, list, count) < 0)
		return -1;
	return store_change(j, taken,
		   "UPDATE incident_cert SET done_at = $3 "
		   "WHERE incident_id = $1 AND done_at = 0 AND cert_id <= $2 "
		   "AND NOT EXISTS (SELECT 1 FROM cert c WHERE c.id = cert_id "
		   "AND c.revoked_at = 0 AND c.not_after >= $3)",
		   ARGS(v_text(id), v_text(end), v_int(j->now))) < 0
		   ? -1
		   : 1;
}

int
store_incident_set_late(struct job *j, const char *id)
{
	return store_change_one(j, "incident",
	    "UPDATE incident SET late_at = $2 "
	    "WHERE id = $1 AND due_at IS NOT NULL AND late_at = 0",
	    ARGS(v_text(id), v_int(j->now)));
}

/* From what waits, which is little in the end, to the set: the other way each
 * look would read all of it.  CROSS JOIN says so to SQLite. */
#define WAITS(due)                                                             \
	"SELECT 1 FROM cert c CROSS JOIN incident_cert i WHERE " due           \
	" AND c.revoked_at > 0 AND ($2 = 0 OR c.issued_at > 0) "               \
	"AND i.incident_id = $1 AND i.cert_id = c.id "                         \
	"AND NOT EXISTS (SELECT 1 FROM destroyed_key d "                       \
	"WHERE d.ca_label = c.ca_label AND d.begun_at > 0) LIMIT 1"

int
store_incident_waits(
    struct job *j, const char *id, const char *answers_of, bool issued_only)
{
	int64_t one;
	int found = store_get_int(j, &one, WAITS("c.list_due_at <= $3"),
	    ARGS(v_text(id), v_int(issued_only), v_int(j->now)));

	if (found != 0 || answers_of[0] == '\0')
		return found;
	return store_get_int(j, &one,
	    WAITS("c.ca_label = $3 AND c.ocsp_due_at IS NOT NULL"),
	    ARGS(v_text(id), v_int(issued_only), v_text(answers_of)));
}

/* CROSS JOIN: SQLite goes from the few keys to what waits for a list of
 * theirs. */
int
store_incident_unlisted(struct job *j, const char *id, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM destroyed_key d "
		   "CROSS JOIN cert c CROSS JOIN incident_cert i "
		   "WHERE d.begun_at > 0 AND c.ca_label = d.ca_label "
		   "AND c.list_due_at IS NOT NULL AND c.revoked_at > 0 "
		   "AND c.issued_at > 0 AND c.not_after >= $2 "
		   "AND i.incident_id = $1 AND i.cert_id = c.id",
		   ARGS(v_text(id), v_int(j->now))) < 0
		   ? -1
		   : 0;
}

int
store_incident_finish(struct job *j, const char *id)
{
	return store_change_one(j, "incident",
	    "UPDATE incident SET finished_at = $2, due_at = NULL "
	    "WHERE id = $1 AND due_at IS NOT NULL",
	    ARGS(v_text(id), v_int(j->now)));
}

int
store_incident_authz(struct job *j, const char *id,
    const struct id_range *range, size_t max, const char ***out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT DISTINCT a.id FROM incident_cert ic "
	    "JOIN cert c ON c.id = ic.cert_id "
	    "JOIN order_identifier oi ON oi.order_id = c.order_id "
	    "JOIN authz z ON z.id = oi.authz_id "
	    "JOIN authz a ON a.account_id = z.account_id "
	    "AND a.mailbox = z.mailbox AND a.valid_at > 0 "
	    "AND a.valid_until > $2 AND a.failed_at = 0 "
	    "AND a.deactivated_at = 0 AND a.revoked_at = 0 "
	    "WHERE ic.incident_id = $1 AND ic.cert_id >= $4 "
	    "AND ic.cert_id <= $5 LIMIT $3",
	    ARGS(v_text(id), v_int(j->now), v_int((int64_t)max),
		v_text(range->from), v_text(range->to)));
	for (; found == 1; found = query_next(&q))
		(*out)[(*count)++] = query_text(&q);
	query_end(&q);
	return found;
}
