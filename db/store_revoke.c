#include "config.h"

#include "db/store_revoke.h"

#include "db/store_key.h"
#include "db/store_private.h"
#include "lib/arena.h"

/* A revocation that was committed is found again by the issuer however often
 * it is killed: list_due_at is its queue. */
static void
wake_issuer(struct job *j)
{
	j->wake |= 1u << ROLE_ISSUER;
}

static int
change(struct job *j, const char *text, const char *cert_id,
    const struct revocation *r)
{
	int64_t changed;

	if (store_change(j, &changed, text,
		ARGS(v_text(cert_id), v_int(j->now), v_int(r->reason),
		    v_text(r->by), v_bytes(r->request))) != 0)
		return -1;
	if (changed > 0)
		wake_issuer(j);
	return changed > 0;
}

int
store_revoke_cert(
    struct job *j, const char *cert_id, const struct revocation *r)
{
	return change(j,
	    "UPDATE cert SET revoked_at = $2, reason = $3, revoked_by = $4, "
	    "revocation = $5, list_due_at = $2, ocsp_due_at = $2 "
	    "WHERE id = $1 AND revoked_at = 0",
	    cert_id, r);
}

int
store_revoke_for_compromise(
    struct job *j, const char *cert_id, const struct revocation *r)
{
	return change(j,
	    "UPDATE cert SET list_due_at = $2, "
	    "ocsp_due_at = $2, reason = $3, revoked_by = $4, "
	    "revocation = $5 "
	    "WHERE id = $1 AND revoked_at > 0 AND reason <> $3",
	    cert_id, r);
}

static int
read_revoked(
    struct query *q, int found, struct revoked_cert **out, size_t *count)
{
	struct job *j = q->j;
	size_t max = 0;

	*count = 0;
	*out = NULL;
	for (; found == 1; found = query_next(q)) {
		if (*count == max) {
			struct revoked_cert *more;

			max = max == 0 ? 16 : max * 2;
			more = arena_calloc(j->arena, max, sizeof(*more));
			for (size_t i = 0; i < *count; i++)
				more[i] = (*out)[i];
			*out = more;
		}
		(*out)[*count].id = query_text(q);
		(*out)[*count].order_id = query_text(q);
		(*out)[*count].serial = query_text(q);
		(*count)++;
	}
	if (*count > 0)
		wake_issuer(j);
	return found;
}

#define OF_KEY(lock)                                                           \
	"SELECT id FROM (SELECT id FROM cert "                                 \
	"WHERE spki_sha256 = $1 AND not_after >= $2 AND revoked_at = 0 "       \
	"LIMIT $7" lock ") one UNION SELECT id FROM (SELECT id FROM cert "     \
	"WHERE bare_sha256 = $6 AND not_after >= $2 AND revoked_at = 0 "       \
	"LIMIT $7" lock ") two"
#define REVOKE_IN(choose)                                                      \
	"UPDATE cert SET revoked_at = $2, reason = $3, revoked_by = $4, "      \
	"revocation = $5, list_due_at = $2, ocsp_due_at = $2 "                 \
	"WHERE id IN (" choose ") AND revoked_at = 0 "                         \
	"RETURNING id, order_id, serial"
#define UNLESS_HELD " FOR NO KEY UPDATE SKIP LOCKED"

/* Where others write too, the rows that they hold are left to the next bite:
 * no order would do, since a revocation holds its own certificate before it
 * comes to the others of the key.  Chosen once: a second look would find other
 * rows. */
int
store_revoke_by_key(struct job *j, const struct key_hash *key,
    const struct revocation *r, size_t max, struct revoked_cert **out,
    size_t *count)
{
	static const char alone[] = REVOKE_IN(OF_KEY(""));
	static const char among_others[] = "WITH bite AS MATERIALIZED (" OF_KEY(
	    UNLESS_HELD) ") " REVOKE_IN("SELECT id FROM bite");
	struct query q;
	int found = query_first_write(&q, j,
	    store_is_exclusive(j) ? alone : among_others,
	    ARGS(v_bytes(key->spki_sha256), v_int(j->now), v_int(r->reason),
		v_text(r->by), v_bytes(r->request), v_bytes(key->bare_sha256),
		v_int((int64_t)max)));

	found = read_revoked(&q, found, out, count);
	query_end(&q);
	return found;
}

/* Where others write too: chosen once, into an array, since a planner may look
 * into a subselect for every row. */
#define OF_INCIDENT                                                            \
	"SELECT c.id FROM incident_cert i JOIN cert c ON c.id = i.cert_id "    \
	"WHERE i.incident_id = $4 AND i.done_at = 0 AND i.cert_id <= $5 "      \
	"AND c.not_after >= $1 AND c.revoked_at = 0"
#define REVOKE_BY_INCIDENT(choice)                                             \
	"UPDATE cert SET revoked_at = $1, reason = $2, revoked_by = $3, "      \
	"list_due_at = $1, ocsp_due_at = $1 WHERE id " choice                  \
	" AND revoked_at = 0 RETURNING id, order_id, serial"

int
store_revoke_incident(struct job *j, const char *incident_id,
    const char *cert_id_to, const struct revocation *r,
    struct revoked_cert **out, size_t *count)
{
	struct query q;
	int found = query_first_write(&q, j,
	    store_is_exclusive(j)
		? REVOKE_BY_INCIDENT("IN (" OF_INCIDENT ")")
		: REVOKE_BY_INCIDENT("= ANY (ARRAY(" OF_INCIDENT
				     " FOR NO KEY UPDATE OF c SKIP LOCKED))"),
	    ARGS(v_int(j->now), v_int(r->reason), v_text(r->by),
		v_text(incident_id), v_text(cert_id_to)));

	found = read_revoked(&q, found, out, count);
	query_end(&q);
	return found;
}

/* CROSS JOIN: SQLite goes from the few keys to their certificates. */
int
store_revoke_blocked(struct job *j, const struct revocation *r,
    int64_t blocked_from, size_t max, struct revoked_cert **out, size_t *count)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE cert SET revoked_at = $1, reason = $2, revoked_by = $3, "
	    "list_due_at = $1, ocsp_due_at = $1 WHERE id IN (SELECT c.id FROM "
	    "blocked_key k "
	    "CROSS JOIN cert c WHERE k.blocked_at >= $5 "
	    "AND k.account_id = '' AND c.spki_sha256 = k.spki_sha256 "
	    "AND c.not_after >= $1 AND c.revoked_at = 0 UNION SELECT c.id FROM "
	    "blocked_key k "
	    "CROSS JOIN cert c WHERE k.blocked_at >= $5 "
	    "AND k.account_id = '' AND c.bare_sha256 = k.bare_sha256 "
	    "AND c.not_after >= $1 AND c.revoked_at = 0 LIMIT $4) "
	    "AND revoked_at = 0 RETURNING id, order_id, serial",
	    ARGS(v_int(j->now), v_int(r->reason), v_text(r->by),
		v_int((int64_t)max), v_int(blocked_from)));

	found = read_revoked(&q, found, out, count);
	query_end(&q);
	return found;
}
