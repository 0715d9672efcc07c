#include "config.h"

#include "db/store_renewal.h"

#include "db/store_private.h"
#include "lib/arena.h"

/* The transaction holds the row; this only makes it another one than that of
 * whoever looks at the same time. */
#define HOLD_SECS 300

int
store_renewal_by_cert(struct job *j, const char *cert_id, struct renewal *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT c.id, c.order_id, c.account_id, c.profile, o.language, "
	    "c.replaced_by, c.not_before, c.not_after, c.issued_at, "
	    "c.revoked_at, a.deactivated_at + a.revoked_at FROM cert c "
	    "JOIN orders o ON o.id = c.order_id "
	    "JOIN account a ON a.id = c.account_id WHERE c.id = $1",
	    ARGS(v_text(cert_id)));

	if (found == 1) {
		*out = (struct renewal){ .cert_id = query_text(&q) };
		out->order_id = query_text(&q);
		out->account_id = query_text(&q);
		out->profile = query_text(&q);
		out->language = query_text(&q);
		out->replaced_by = query_text(&q);
		out->not_before = query_int(&q);
		out->not_after = query_int(&q);
		out->issued_at = query_int(&q);
		out->revoked_at = query_int(&q);
		out->account_has_ended = query_int(&q) != 0;
	}
	query_end(&q);
	return found;
}

int
store_renewal_take(struct job *j, struct renewal *out)
{
	const char *cert_id = NULL;
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE cert SET notice_at = $2 WHERE id = (SELECT id FROM cert "
	    "WHERE notice_at <= $1 ORDER BY notice_at LIMIT 1) "
	    "AND notice_at <= $1 RETURNING id",
	    ARGS(v_int(j->now), v_int(j->now + HOLD_SECS)));

	if (found == 1)
		cert_id = query_text(&q);
	query_end(&q);
	return found == 1 ? store_renewal_by_cert(j, cert_id, out) : found;
}

int
store_renewal_set(struct job *j, const char *cert_id, int64_t at)
{
	return store_change_one(j, "certificate",
	    "UPDATE cert SET notice_at = $2 WHERE id = $1",
	    ARGS(v_text(cert_id), v_due(at)));
}

int
store_renewal_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT notice_at FROM cert WHERE notice_at IS NOT NULL "
	    "ORDER BY notice_at LIMIT 1",
	    NO_ARGS);
}

/* $2 account, $3 now */
#define LIVE_UNTIL                                                             \
	"COALESCE((SELECT MAX(l.valid_until) FROM authz l "                    \
	"WHERE l.account_id = $2 AND l.mailbox = z.mailbox "                   \
	"AND l.valid_at > 0 AND l.valid_until > $3 AND l.failed_at = 0 "       \
	"AND l.deactivated_at = 0 AND l.revoked_at = 0 "                       \
	"AND l.held_until = 0), 0)"
/* $4 its end, $5 its profile */
#define IS_NEWER                                                               \
	"(SELECT COUNT(*) FROM authz l "                                       \
	"JOIN order_identifier li ON li.authz_id = l.id "                      \
	"JOIN cert n ON n.order_id = li.order_id "                             \
	"WHERE l.account_id = $2 AND l.mailbox = z.mailbox "                   \
	"AND l.valid_at > 0 AND n.not_after > $4 AND n.profile = $5 "          \
	"AND n.issued_at > 0 AND n.revoked_at = 0)"

int
store_renewal_mailboxes(struct job *j, const struct renewal *r, size_t max,
    struct renewal_mailbox **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT z.mailbox, " LIVE_UNTIL ", " IS_NEWER
	    " FROM order_identifier oi JOIN authz z ON z.id = oi.authz_id "
	    "WHERE oi.order_id = $1 ORDER BY oi.place LIMIT $6",
	    ARGS(v_text(r->order_id), v_text(r->account_id), v_int(j->now),
		v_int(r->not_after), v_text(r->profile), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct renewal_mailbox *m = &(*out)[(*count)++];

		m->mailbox = query_text(&q);
		m->live_until = query_int(&q);
		m->is_newer = query_int(&q) > 0;
	}
	query_end(&q);
	return found;
}
