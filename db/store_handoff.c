#include "config.h"

#include "db/store_handoff.h"

#include <assert.h>
#include <string.h>

#include "db/store_key.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/rnd.h"

static const char *const stage_names[] = {
	[HANDOFF_ASKED] = "asked",
	[HANDOFF_SENDING] = "sending",
	[HANDOFF_PENDING] = "pending",
	[HANDOFF_ANSWERED] = "answered",
	[HANDOFF_REFUSED] = "refused",
	[HANDOFF_STALE] = "stale",
	[HANDOFF_HELD] = "held",
	[HANDOFF_DONE] = "done",
};
#define STAGE_COUNT COUNT(stage_names)

const char *
handoff_stage_name(enum handoff_stage s)
{
	return stage_names[s];
}

/* --- requests ------------------------------------------------------------ */

#define HANDOFF_COLUMNS                                                        \
	"id, order_id, created_at, request, seal, stage, token, token_seal, "  \
	"attempts, retry_secs, answer, error"

static int
handoff_read(struct query *q, struct handoff *out)
{
	const char *stage;
	size_t i = 0;

	*out = (struct handoff){ .id = query_text(q) };
	out->order_id = query_text(q);
	out->created_at = query_int(q);
	out->request = query_text(q);
	out->seal = query_bytes(q);
	stage = query_text(q);
	out->token = query_text(q);
	out->token_seal = query_bytes(q);
	out->attempts = query_int(q);
	out->retry_secs = query_int(q);
	out->answer = query_bytes(q);
	out->error = query_text(q);
	while (i < STAGE_COUNT && strcmp(stage, stage_names[i]) != 0)
		i++;
	if (i == STAGE_COUNT)
		return job_fail(q->j, ERR_SPOILED,
		    "hand-off %s: a stage that is not known", out->id);
	out->stage = (enum handoff_stage)i;
	return 1;
}

int
store_handoff_ask(struct job *j, const struct handoff *h)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO handoff (id, order_id, created_at, request, seal, "
		"stage, due_at) VALUES ($1, $2, $3, $4, $5, 'asked', $6) "
		"ON CONFLICT (order_id) DO UPDATE SET request = "
		"excluded.request, seal = excluded.seal, stage = 'asked', "
		"due_at = excluded.due_at WHERE handoff.stage = 'stale' "
		"AND handoff.id = excluded.id",
		ARGS(v_text(h->id), v_text(h->order_id), v_int(h->created_at),
		    v_text(h->request), v_bytes(h->seal), v_int(j->now))) != 0)
		return -1;
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT,
		    "order %s has been handed off already", h->order_id);
	j->wake |= 1u << ROLE_UPSTREAM;
	return 0;
}

int
store_handoff_count_since(struct job *j, int64_t since, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM handoff WHERE created_at >= $1",
		   ARGS(v_int(since))) == 1
		   ? 0
		   : -1;
}

static int
handoff_get(struct query *q, int found, struct handoff *out)
{
	if (found == 1)
		found = handoff_read(q, out);
	query_end(q);
	return found;
}

int
store_handoff_by_order(struct job *j, const char *order_id, struct handoff *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " HANDOFF_COLUMNS " FROM handoff WHERE order_id = $1",
	    ARGS(v_text(order_id)));

	return handoff_get(&q, found, out);
}

int
store_handoff_lease(struct job *j, int64_t lease_until, struct handoff *out)
{
	static const struct lease_text take = LEASE_TEXT(
	    "UPDATE handoff SET due_at = $2, attempts = attempts + 1 "
	    "WHERE id = (SELECT id FROM handoff WHERE due_at <= $1 "
	    "ORDER BY due_at LIMIT 1",
	    "due_at <= $1 "
	    "RETURNING " HANDOFF_COLUMNS);
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	return handoff_get(&q, found, out);
}

int
store_handoff_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(due_at) FROM handoff WHERE due_at IS NOT NULL",
	    NO_ARGS);
}

int
store_handoff_move(struct job *j, const struct handoff *h,
    enum handoff_stage to, int64_t due_at)
{
	return store_change_one(j, "hand-off",
	    "UPDATE handoff SET stage = $3, due_at = $4, token = $5, "
	    "token_seal = $6, retry_secs = $7, answer = $8, error = $9 "
	    "WHERE id = $1 AND stage = $2",
	    ARGS(v_text(h->id), v_text(stage_names[h->stage]),
		v_text(stage_names[to]), v_due(due_at), v_text(h->token),
		v_bytes(h->token_seal), v_int(h->retry_secs),
		v_bytes(h->answer), v_text(h->error)));
}

int
store_handoff_token_is_taken(
    struct job *j, const struct handoff *h, const char *token)
{
	uint8_t hash[SHA256_LEN];
	int64_t one;

	sha256(span_str(token), hash);
	if (store_key_lock(j, span_mem(hash, sizeof(hash))) < 0)
		return -1;
	return store_get_int(j, &one,
	    "SELECT 1 FROM handoff WHERE due_at IS NOT NULL AND token = $2 "
	    "AND id <> $1 LIMIT 1",
	    ARGS(v_text(h->id), v_text(token)));
}

int
store_handoff_retry_secs(struct job *j, const char *order_id, int64_t *secs)
{
	return store_get_int(j, secs,
	    "SELECT retry_secs FROM handoff WHERE order_id = $1 "
	    "AND stage = 'pending' AND retry_secs > 0",
	    ARGS(v_text(order_id)));
}

/* An order that has ended meanwhile has nothing due. */
int
store_handoff_wake_order(struct job *j, const char *order_id)
{
	j->wake |= 1u << ROLE_ISSUER;
	return store_change(j, NULL,
	    "UPDATE orders SET issue_due_at = $2 "
	    "WHERE id = $1 AND issue_due_at IS NOT NULL",
	    ARGS(v_text(order_id), v_int(j->now)));
}

int
store_handoff_held(
    struct job *j, size_t max, struct handoff **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT " HANDOFF_COLUMNS " FROM handoff WHERE stage = 'held' "
	    "ORDER BY created_at LIMIT $1",
	    ARGS(v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		if (handoff_read(&q, &(*out)[*count]) < 0) {
			found = -1;
			break;
		}
		(*count)++;
	}
	query_end(&q);
	return found;
}

/* --- certificates to be revoked ------------------------------------------ */

int
store_withdrawal_add(
    struct job *j, struct span der, int64_t not_after, int64_t reason)
{
	char id[RND_ID_LEN + 1];

	assert(der.n > 0);
	rnd_id(id);
	j->wake |= 1u << ROLE_UPSTREAM;
	return store_change(j, NULL,
	    "INSERT INTO withdrawal (id, der, reason, asked_at, due_at, "
	    "not_after) VALUES ($1, $2, $3, $4, $4, $5)",
	    ARGS(v_text(id), v_bytes(der), v_int(reason), v_int(j->now),
		v_int(not_after)));
}

int
store_withdrawal_has(struct job *j, struct span der, int64_t not_after)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM withdrawal WHERE cert_id IS NULL "
	    "AND not_after = $2 AND der = $1 LIMIT 1",
	    ARGS(v_bytes(der), v_int(not_after)));
}

/* list_due_at says what is revoked here and nowhere else yet; it stays until
 * the other CA has confirmed, so who is killed meanwhile finds it again.  Of
 * any list: a CA that had several of its own may have become that one. */
int
store_withdrawal_adopt(
    struct job *j, const char *ca_label, size_t max, size_t *count)
{
	int64_t changed = 0;

	if (store_change(j, &changed,
		"INSERT INTO withdrawal (id, cert_id, der, reason, asked_at, "
		"due_at) SELECT c.id, c.id, c.der, c.reason, c.list_due_at, $2 "
		"FROM cert c WHERE c.ca_label = $1 "
		"AND c.list_due_at IS NOT NULL AND c.issued_at > 0 "
		"AND NOT EXISTS (SELECT 1 FROM withdrawal w WHERE w.id = c.id "
		"AND w.reason = c.reason AND w.confirmed_at = 0) "
		"ORDER BY c.list_due_at LIMIT $3 "
		"ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, "
		"due_at = excluded.due_at, confirmed_at = 0, told_at = 0",
		ARGS(v_text(ca_label), v_int(j->now), v_int((int64_t)max))) !=
	    0)
		return -1;
	*count = (size_t)changed;
	return 0;
}

int
store_withdrawal_lease(
    struct job *j, int64_t lease_until, struct withdrawal *out)
{
	static const struct lease_text take = LEASE_TEXT(
	    "UPDATE withdrawal SET due_at = $2, attempts = attempts + 1 "
	    "WHERE id = (SELECT id FROM withdrawal WHERE due_at <= $1 "
	    "ORDER BY due_at LIMIT 1",
	    "due_at <= $1 "
	    "RETURNING id, cert_id, der, reason, asked_at, attempts");
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	if (found == 1) {
		*out = (struct withdrawal){ .id = query_text(&q) };
		out->cert_id = query_text(&q);
		out->der = query_bytes(&q);
		out->reason = query_int(&q);
		out->asked_at = query_int(&q);
		out->attempts = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_withdrawal_retry(struct job *j, const char *id, int64_t due_at)
{
	return store_change_one(j, "withdrawal",
	    "UPDATE withdrawal SET due_at = $2 "
	    "WHERE id = $1 AND confirmed_at = 0",
	    ARGS(v_text(id), v_int(due_at)));
}

int
store_withdrawal_give_back(struct job *j, const char *id)
{
	return store_change_one(j, "withdrawal",
	    "UPDATE withdrawal SET due_at = $2, attempts = attempts - 1 "
	    "WHERE id = $1 AND confirmed_at = 0 AND attempts > 0",
	    ARGS(v_text(id), v_int(j->now)));
}

int
store_withdrawal_end(struct job *j, const struct withdrawal *w)
{
	if (store_change_one(j, "withdrawal",
		"UPDATE withdrawal SET due_at = NULL "
		"WHERE id = $1 AND confirmed_at = 0",
		ARGS(v_text(w->id))) != 0)
		return -1;
	if (w->cert_id == NULL)
		return 0;
	return store_change(j, NULL,
	    "UPDATE cert SET list_due_at = NULL, ocsp_due_at = NULL "
	    "WHERE id = $1",
	    ARGS(v_text(w->cert_id)));
}

/* A reason that has changed meanwhile is still due. */
int
store_withdrawal_confirm(struct job *j, const struct withdrawal *w)
{
	if (store_change_one(j, "withdrawal",
		"UPDATE withdrawal SET confirmed_at = $2, due_at = NULL "
		"WHERE id = $1 AND confirmed_at = 0",
		ARGS(v_text(w->id), v_int(j->now))) != 0)
		return -1;
	if (w->cert_id == NULL)
		return 0;
	return store_change(j, NULL,
	    "UPDATE cert SET list_due_at = NULL, ocsp_due_at = NULL "
	    "WHERE id = $1 AND reason = $2",
	    ARGS(v_text(w->cert_id), v_int(w->reason)));
}

int
store_withdrawal_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(due_at) FROM withdrawal WHERE due_at IS NOT NULL",
	    NO_ARGS);
}

int
store_withdrawal_confirmed(struct job *j, const char *cert_id, bool *confirmed)
{
	int64_t at = 0;
	int found = store_get_int(j, &at,
	    "SELECT confirmed_at FROM withdrawal WHERE cert_id = $1",
	    ARGS(v_text(cert_id)));

	*confirmed = found == 1 && at > 0;
	return found < 0 ? -1 : 0;
}

int
store_withdrawal_tell(struct job *j, const char *cert_id)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE withdrawal SET told_at = $2 WHERE cert_id = $1 "
		"AND confirmed_at > 0 AND told_at = 0",
		ARGS(v_text(cert_id), v_int(j->now))) != 0)
		return -1;
	return changed > 0;
}

int
store_handoff_recover(struct job *j)
{
	if (store_recover(j, "UPDATE handoff SET due_at = $1 "
			     "WHERE due_at > $1 AND stage = 'sending'") < 0 ||
	    store_recover(j, "UPDATE handoff SET due_at = $1 + retry_secs "
			     "WHERE due_at > $1 + retry_secs "
			     "AND stage = 'pending'") < 0)
		return -1;
	return store_recover(j, "UPDATE withdrawal SET due_at = $1 "
				"WHERE due_at > $1 AND attempts > 0");
}
