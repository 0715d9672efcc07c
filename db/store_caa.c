#include "config.h"

#include "db/store_caa.h"

#include <assert.h>

#include "db/store_authz.h"
#include "db/store_private.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/rnd.h"

#define CAA_COLUMNS                                                            \
	"id, authz_id, account_id, mailbox, domain, requested_at, "            \
	"checked_at, result, reason, detail, trace, br_version, ttl, seal, "   \
	"attempts, order_id, key_agreed"

static void
caa_read(struct query *q, struct caa_row *out)
{
	*out = (struct caa_row){ .id = query_text(q) };
	out->authz_id = query_text(q);
	out->account_id = query_text(q);
	out->mailbox = query_text(q);
	out->domain = query_text(q);
	out->requested_at = query_int(q);
	out->checked_at = query_int(q);
	out->result = query_text(q);
	out->reason = query_text(q);
	out->detail = query_text(q);
	out->trace = query_text(q);
	out->br_version = query_text(q);
	out->ttl = query_int(q);
	out->seal = query_bytes(q);
	out->attempts = query_int(q);
	out->order_id = query_text(q);
	out->key_agreed = query_int(q) != 0;
}

int
store_caa_request_for(struct job *j, const struct authz *a, int64_t due_at)
{
	char id[RND_ID_LEN + 1];

	rnd_row_id(id);
	j->wake |= 1u << ROLE_VALIDATOR;
	return store_change(j, NULL,
	    "INSERT INTO caa (id, authz_id, account_id, mailbox, domain, "
	    "requested_at, due_at, order_id) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
	    ARGS(v_text(id), v_text(a->id), v_text(a->account_id),
		v_text(a->mailbox), v_text(addr_domain_of(a->mailbox)),
		v_int(j->now), v_int(due_at), v_text(a->order_id)));
}

int
store_caa_request(
    struct job *j, const char *authz_id, const char *order_id, int64_t due_at)
{
	struct authz a = { .id = authz_id, .order_id = order_id };
	struct query q;
	int found = query_first(&q, j,
	    "SELECT account_id, mailbox FROM authz WHERE id = $1",
	    ARGS(v_text(authz_id)));

	if (found == 1) {
		a.account_id = query_text(&q);
		a.mailbox = query_text(&q);
	}
	query_end(&q);
	if (found == 0)
		return job_fail(
		    j, ERR_CONFLICT, "authorization %s: no such row", authz_id);
	return found < 0 ? -1 : store_caa_request_for(j, &a, due_at);
}

int
store_caa_lease(struct job *j, int64_t lease_until, struct caa_row *out)
{
	static const struct lease_text take =
	    LEASE_TEXT("UPDATE caa SET due_at = $2, attempts = attempts + 1 "
		       "WHERE id = (SELECT id FROM caa WHERE due_at <= $1 "
		       "ORDER BY due_at LIMIT 1",
		"due_at <= $1 "
		"RETURNING " CAA_COLUMNS);
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	if (found == 1)
		caa_read(&q, out);
	query_end(&q);
	return found;
}

/* By id: who is at the same meets the same rows in the same order. */
int
store_caa_lease_of(struct job *j, const char *order_id, int64_t lease_until,
    struct caa_row *out)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE caa SET due_at = $2, attempts = attempts + 1 "
	    "WHERE id = (SELECT id FROM caa WHERE order_id = $3 "
	    "AND checked_at = 0 AND due_at <= $1 ORDER BY id LIMIT 1) "
	    "AND checked_at = 0 AND due_at <= $1 RETURNING " CAA_COLUMNS,
	    ARGS(v_int(j->now), v_int(lease_until), v_text(order_id)));

	if (found == 1)
		caa_read(&q, out);
	query_end(&q);
	return found;
}

int
store_caa_give_back(struct job *j, const char *id)
{
	return store_change_one(j, "CAA check",
	    "UPDATE caa SET due_at = $2, attempts = attempts - 1 "
	    "WHERE id = $1 AND checked_at = 0 AND attempts > 0",
	    ARGS(v_text(id), v_int(j->now)));
}

/* The issuer would look again only when the time is over for which it gave
 * them back.  What is leased to it is due later than that. */
static int
release_orders(struct job *j, const char *authz_id)
{
	return store_change(j, NULL,
	    "UPDATE orders SET issue_due_at = $2 "
	    "WHERE id IN (SELECT order_id FROM order_identifier "
	    "WHERE authz_id = $1) "
	    "AND issue_due_at > $2 AND issue_due_at <= $3",
	    ARGS(v_text(authz_id), v_int(j->now),
		v_int(j->now + CAA_WAIT_SECS_MAX)));
}

/* checked_at is the validator's: its seal covers it. */
int
store_caa_record(struct job *j, const struct caa_row *r)
{
	assert(r->result != NULL && r->br_version != NULL); /* PK-1 */
	if (store_change_one(j, "CAA check",
		"UPDATE caa SET checked_at = $2, result = $3, reason = $4, "
		"detail = $5, trace = $6, br_version = $7, ttl = $8, seal = "
		"$9, key_agreed = $10, due_at = NULL "
		"WHERE id = $1 AND checked_at = 0",
		ARGS(v_text(r->id),
		    v_int(r->checked_at == 0 ? j->now : r->checked_at),
		    v_text(r->result), v_text(r->reason), v_text(r->detail),
		    v_text(r->trace), v_text(r->br_version), v_int(r->ttl),
		    v_bytes(r->seal), v_int(r->key_agreed))) != 0)
		return -1;
	j->wake |= 1u << ROLE_ISSUER;
	return release_orders(j, r->authz_id);
}

int
store_caa_retry(struct job *j, const char *id, int64_t due_at)
{
	return store_change_one(j, "CAA check",
	    "UPDATE caa SET due_at = $2 WHERE id = $1 AND checked_at = 0",
	    ARGS(v_text(id), v_int(due_at)));
}

int
store_caa_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(due_at) FROM caa WHERE due_at IS NOT NULL", NO_ARGS);
}

static int
read_first(
    struct job *j, const char *text, const char *key, struct caa_row *out)
{
	struct query q;
	int found = query_first(&q, j, text, ARGS(v_text(key)));

	if (found == 1)
		caa_read(&q, out);
	query_end(&q);
	return found;
}

int
store_caa_latest(struct job *j, const char *authz_id, struct caa_row *out)
{
	return read_first(j,
	    "SELECT " CAA_COLUMNS " FROM caa "
	    "WHERE authz_id = $1 AND checked_at > 0 "
	    "ORDER BY checked_at DESC, requested_at DESC LIMIT 1",
	    authz_id, out);
}

int
store_caa_by_id(struct job *j, const char *id, struct caa_row *out)
{
	return read_first(
	    j, "SELECT " CAA_COLUMNS " FROM caa WHERE id = $1", id, out);
}

int
store_caa_list(struct job *j, const char *authz_id, size_t max,
    struct caa_row **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT * FROM (SELECT " CAA_COLUMNS " FROM caa "
	    "WHERE authz_id = $1 AND checked_at > 0 "
	    "ORDER BY checked_at DESC, requested_at DESC LIMIT $2) newest "
	    "ORDER BY checked_at, requested_at",
	    ARGS(v_text(authz_id), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		caa_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

int
store_caa_key_agreed(struct job *j, const char *authz_id, struct caa_row *out)
{
	return read_first(j,
	    "SELECT " CAA_COLUMNS " FROM caa "
	    "WHERE authz_id = $1 AND key_agreed = 1 "
	    "ORDER BY checked_at DESC LIMIT 1",
	    authz_id, out);
}

int
store_caa_count_since(
    struct job *j, const char *authz_id, int64_t since, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM caa WHERE authz_id = $1 "
		   "AND checked_at > 0 AND checked_at >= $2",
		   ARGS(v_text(authz_id), v_int(since))) == 1
		   ? 0
		   : -1;
}

int
store_caa_recover(struct job *j)
{
	return store_recover(
	    j, "UPDATE caa SET due_at = $1 WHERE due_at > $1 AND attempts > 0");
}
