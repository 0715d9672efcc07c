#include "config.h"

#include "db/store_order_look.h"

#include "db/store_private.h"
#include "lib/arena.h"

int
store_order_look(struct job *j, const char *id, struct order *out)
{
	struct query q;
	int found = query_first(&q, j,
	    ORDER_PICTURE_BARE "FROM orders o" ORDER_JOINS
			       "WHERE o.id = $1 ORDER BY i.place",
	    ARGS(v_text(id)));

	if (found == 1 && order_picture_read(&q, out) < 0)
		found = -1;
	query_end(&q);
	return found;
}

/* Only the columns that are shown are read: the rights to them suffice. */
#define LISTED(ids)                                                            \
	ORDER_PICTURE_BARE "FROM (" ids                                        \
			   ") w JOIN orders o ON o.id = w.id " ORDER_JOINS     \
			   "ORDER BY o.created_at DESC, o.id, i.place"

int
store_order_list(struct job *j, bool pending_only, size_t max,
    struct order **out, size_t *count)
{
	static const char all[] =
	    LISTED("SELECT id FROM orders WHERE created_at <= $1 "
		   "ORDER BY created_at DESC LIMIT $2");
	/* 17.2, 17.3: without a request it waits no more once one of its
	 * authorizations has ended; a pre-authorization neither once it is
	 * valid. */
	static const char pending[] = LISTED(
	    "SELECT u.id FROM (SELECT id, created_at, life_until, is_preauth, "
	    "csr_at FROM orders WHERE failed_at = 0 AND cert_id IS NULL "
	    "AND created_at <= $1 ORDER BY created_at DESC LIMIT $4) u "
	    "WHERE u.csr_at > 0 OR (u.life_until > $3 AND NOT EXISTS (SELECT 1 "
	    "FROM order_identifier n JOIN authz v ON v.id = n.authz_id "
	    "WHERE n.order_id = u.id AND (v.failed_at > 0 "
	    "OR v.deactivated_at > 0 OR v.revoked_at > 0 OR (v.valid_at > 0 "
	    "AND v.held_until = 0 AND u.is_preauth > 0) "
	    "OR CASE WHEN v.valid_at = 0 THEN v.expires_at "
	    "WHEN v.held_until > 0 THEN v.held_until "
	    "ELSE v.valid_until END <= $3))) "
	    "ORDER BY u.created_at DESC LIMIT $2");
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	if (pending_only)
		found = query_first(&q, j, pending,
		    ARGS(v_int(INT64_MAX), v_int((int64_t)max), v_int(j->now),
			v_int(ORDER_LIST_LOOK_MAX)));
	else
		found = query_first(
		    &q, j, all, ARGS(v_int(INT64_MAX), v_int((int64_t)max)));
	while (found == 1)
		found = order_picture_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

/* --- searching ----------------------------------------------------------- */

/* Each walks one index from where the page before ended, and stops at the
 * limit. */
#define AFTER "(created_at, id) < ($1, $2) "
#define NEWEST "ORDER BY created_at DESC, id DESC LIMIT $3"
#define PICTURES_OF(ids)                                                       \
	ORDER_PICTURE_BARE "FROM (" ids                                        \
			   ") w JOIN orders o ON o.id = w.id " ORDER_JOINS     \
			   "ORDER BY o.created_at DESC, o.id DESC, i.place"

static const char of_all[] =
    PICTURES_OF("SELECT id FROM orders WHERE " AFTER NEWEST);

static const char of_open[] =
    PICTURES_OF("SELECT id FROM orders WHERE failed_at = 0 "
		"AND cert_id IS NULL AND " AFTER NEWEST);

/* Two indexes hold an account's orders. */
static const char of_account[] = PICTURES_OF(
    "SELECT id FROM (SELECT * FROM (SELECT id, created_at FROM orders "
    "WHERE account_id = $4 AND failed_at = 0 AND is_preauth = 0 "
    "AND " AFTER NEWEST ") going UNION ALL "
    "SELECT * FROM (SELECT id, created_at FROM orders "
    "WHERE account_id = $4 AND (failed_at <> 0 OR is_preauth <> 0) "
    "AND " AFTER NEWEST ") others) of_account " NEWEST);

/* An authorization can serve several orders. */
static const char of_mailbox[] = PICTURES_OF(
    "SELECT DISTINCT e.id, e.created_at FROM (SELECT id FROM authz "
    "WHERE mailbox = $4 ORDER BY created_at DESC, id DESC LIMIT $5) z "
    "JOIN order_identifier n ON n.authz_id = z.id "
    "JOIN orders e ON e.id = n.order_id "
    "WHERE (e.created_at, e.id) < ($1, $2) "
    "ORDER BY e.created_at DESC, e.id DESC LIMIT $3");

static int
search_begin(
    struct query *q, struct job *j, const struct order_search *s, size_t max)
{
	const struct sql_value at = v_int(s->before_at);
	const struct sql_value id = v_text(s->before_id);
	const struct sql_value n = v_int((int64_t)max);

	if (s->mailbox != NULL)
		return query_first(q, j, of_mailbox,
		    ARGS(at, id, n, v_text(s->mailbox),
			v_int(ORDER_SEARCH_AUTHZ_MAX)));
	if (s->account_id != NULL)
		return query_first(
		    q, j, of_account, ARGS(at, id, n, v_text(s->account_id)));
	return query_first(
	    q, j, s->is_open ? of_open : of_all, ARGS(at, id, n));
}

int
store_order_search(struct job *j, const struct order_search *s, size_t max,
    struct order **out, size_t *count)
{
	struct query q;
	int found = search_begin(&q, j, s, max);

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	while (found == 1)
		found = order_picture_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}
