#include "config.h"

#include "db/store_eab.h"

#include "db/store_private.h"
#include "lib/arena.h"

#define EAB_COLUMNS                                                            \
	"kid, secret, comment, created_at, expires_at, withdrawn_at, "         \
	"is_reusable, bound_at, allow, profiles, limits"

static void
eab_read(struct query *q, struct eab_key *out)
{
	*out = (struct eab_key){ .kid = query_text(q) };
	out->secret = query_bytes(q);
	out->comment = query_text(q);
	out->created_at = query_int(q);
	out->expires_at = query_int(q);
	out->withdrawn_at = query_int(q);
	out->is_reusable = query_int(q) != 0;
	out->bound_at = query_int(q);
	out->allow = query_text(q);
	out->profiles = query_text(q);
	out->limits = query_text(q);
}

int
store_eab_create(struct job *j, const struct eab_key *k)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO eab_key (" EAB_COLUMNS ") VALUES ($1, $2, $3, "
		"$4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
		ARGS(v_text(k->kid), v_bytes(k->secret), v_text(k->comment),
		    v_int(j->now), v_int(k->expires_at), v_int(0),
		    v_int(k->is_reusable), v_int(0), v_text(k->allow),
		    v_text(k->profiles), v_text(k->limits))) != 0)
		return -1;
	if (changed == 0)
		return job_fail(
		    j, ERR_CONFLICT, "EAB key %s: exists already", k->kid);
	return 0;
}

int
store_eab_by_kid(struct job *j, const char *kid, struct eab_key *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " EAB_COLUMNS " FROM eab_key WHERE kid = $1",
	    ARGS(v_text(kid)));

	if (found == 1)
		eab_read(&q, out);
	query_end(&q);
	return found;
}

int
store_eab_exists(struct job *j)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM eab_key WHERE created_at <= $1 LIMIT 1",
	    ARGS(v_int(INT64_MAX)));
}

int
store_eab_list(struct job *j, size_t max, struct eab_key **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT " EAB_COLUMNS " FROM eab_key WHERE created_at <= $1 "
	    "ORDER BY created_at DESC LIMIT $2",
	    ARGS(v_int(INT64_MAX), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		eab_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

int
store_eab_withdraw(struct job *j, const char *kid)
{
	return store_change_one(j, "EAB key",
	    "UPDATE eab_key SET withdrawn_at = $2 "
	    "WHERE kid = $1 AND withdrawn_at = 0",
	    ARGS(v_text(kid), v_int(j->now)));
}

/* The row decides between two that come at once. */
int
store_eab_bind(struct job *j, const char *kid)
{
	return store_change_one(j, "EAB key",
	    "UPDATE eab_key SET bound_at = $2 WHERE kid = $1 "
	    "AND withdrawn_at = 0 AND (expires_at = 0 OR expires_at > $2) "
	    "AND (is_reusable = 1 OR bound_at = 0)",
	    ARGS(v_text(kid), v_int(j->now)));
}

int
store_eab_accounts(struct job *j, const char *kid, size_t max,
    const char ***ids, size_t *count)
{
	const char **list = arena_calloc(j->arena, max, sizeof(*list));
	struct query q;
	int found = query_first(&q, j,
	    "SELECT id FROM account WHERE eab_kid = $1 "
	    "ORDER BY created_at DESC LIMIT $2",
	    ARGS(v_text(kid), v_int((int64_t)max)));

	*count = 0;
	for (; found == 1; found = query_next(&q))
		list[(*count)++] = query_text(&q);
	query_end(&q);
	*ids = list;
	return found;
}
