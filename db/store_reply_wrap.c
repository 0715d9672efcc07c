#include "config.h"

#include "db/store_reply_wrap.h"

#include "db/store_private.h"

#define PAUSE 3600

struct facts {
	struct plain_reply reply;
	int64_t retry_at;
	const char *authz_id;
	int64_t ends_at; /* of the authorization */
};

/* When the authorization can back nothing new: at the end of its validity, or
 * of the time that it had, unless something ended it before. */
#define AUTHZ_END                                                              \
	"CASE WHEN a.failed_at > 0 THEN a.failed_at "                          \
	"WHEN a.revoked_at > 0 THEN a.revoked_at "                             \
	"WHEN a.deactivated_at > 0 THEN a.deactivated_at "                     \
	"WHEN a.valid_at > 0 THEN a.valid_until ELSE a.expires_at END"

static int
facts_next(struct job *j, struct facts *f)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT r.id, r.raw, COALESCE(r.due_at, 0), a.id, "
	    "COALESCE(" AUTHZ_END ", 0) FROM reply r "
	    "LEFT JOIN challenge c ON c.id = r.challenge_id "
	    "LEFT JOIN authz a ON a.id = c.authz_id "
	    "WHERE r.wrap_at IS NOT NULL AND r.wrap_at <= $1 "
	    "ORDER BY r.wrap_at, r.id LIMIT 1",
	    ARGS(v_int(j->now)));

	*f = (struct facts){ .authz_id = NULL };
	if (found == 1) {
		f->reply.id = query_text(&q);
		f->reply.raw = query_bytes(&q);
		f->retry_at = query_int(&q);
		f->authz_id = query_text(&q);
		f->ends_at = query_int(&q);
	}
	query_end(&q);
	return found;
}

/* An order that was finalized in time is finished, however long that takes
 * (AC-105). */
static int
is_with_issuer(struct job *j, const char *authz_id)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM order_identifier i "
	    "JOIN orders o ON o.id = i.order_id WHERE i.authz_id = $1 "
	    "AND o.csr_at > 0 AND o.failed_at = 0 AND o.cert_id IS NULL "
	    "LIMIT 1",
	    ARGS(v_text(authz_id)));
}

static int
put_off(struct job *j, const char *id, int64_t until)
{
	return store_change(j, NULL,
	    "UPDATE reply SET wrap_at = $2 WHERE id = $1",
	    ARGS(v_text(id), v_due(until)));
}

/* 1; 0 and when to look again (0: never); -1. */
static int
is_free(struct job *j, const struct facts *f, int64_t slack, int64_t *again)
{
	int busy;

	*again = 0;
	if (f->reply.raw.n == 0)
		return 0;
	if (f->retry_at > 0) { /* it is judged again then */
		*again = f->retry_at + PAUSE;
		return 0;
	}
	if (f->authz_id == NULL)
		return 1;
	*again = f->ends_at + slack;
	if (*again > j->now)
		return 0;
	*again = j->now + PAUSE;
	busy = is_with_issuer(j, f->authz_id);
	return busy == 0 ? 1 : busy > 0 ? 0 : -1;
}

int
store_reply_wrap_next(
    struct job *j, int64_t slack, int looks, struct plain_reply *out)
{
	for (int i = 0; i < looks; i++) {
		struct facts f;
		int64_t again;
		int found = facts_next(j, &f);

		if (found <= 0)
			return found;
		found = is_free(j, &f, slack, &again);
		if (found < 0)
			return -1;
		if (found > 0) {
			*out = f.reply;
			return 1;
		}
		if (put_off(j, f.reply.id, again) < 0)
			return -1;
	}
	return 0;
}

int
store_reply_wrap(struct job *j, const char *id, struct span sealed)
{
	return store_change(j, NULL,
	    "UPDATE reply SET raw = $2, is_wrapped = 1, wrap_at = NULL "
	    "WHERE id = $1 AND is_wrapped = 0",
	    ARGS(v_text(id), v_bytes(sealed)));
}
