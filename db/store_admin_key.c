#include "config.h"

#include "db/store_admin_key.h"

#include "db/store_private.h"
#include "lib/arena.h"

bool
admin_key_is_good(const struct admin_key *k, int64_t now)
{
	return k->spki.n > 0 && (k->not_after == 0 || k->not_after >= now);
}

void
admin_key_read(struct query *q, struct admin_key *out)
{
	*out = (struct admin_key){ .spki = query_bytes(q) };
	out->not_after = query_int(q);
	out->set_by = query_text(q);
	out->set_at = query_int(q);
	out->proven_at = query_int(q);
	out->ended_at = query_int(q);
}

int
store_admin_key_set(struct job *j, const char *name, const struct admin_key *k,
    const char *set_by)
{
	int64_t added;

	if (store_change(j, NULL,
		"DELETE FROM admin_key WHERE name = $1 AND proven_at = 0 "
		"AND ended_at = 0",
		ARGS(v_text(name))) < 0 ||
	    store_change(j, &added,
		"INSERT INTO admin_key (spki, name, not_after, set_by, set_at) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		ARGS(v_bytes(k->spki), v_text(name), v_int(k->not_after),
		    v_text(set_by), v_int(j->now))) < 0)
		return -1;
	return added == 1 ? 0
			  : job_fail(j, ERR_CONFLICT,
				"admin %s: an account has, or had, this client "
				"key; each needs an own one, which is new",
				name);
}

int
store_admin_key_prove(struct job *j, const char *name, struct span spki)
{
	if (store_change(j, NULL,
		"UPDATE admin_key SET ended_at = $2 "
		"WHERE name = $1 AND proven_at > 0 AND ended_at = 0",
		ARGS(v_text(name), v_int(j->now))) < 0)
		return -1;
	return store_change_one(j, "admin key",
	    "UPDATE admin_key SET proven_at = $2 "
	    "WHERE name = $1 AND proven_at = 0 AND ended_at = 0 "
	    "AND spki = $3",
	    ARGS(v_text(name), v_int(j->now), v_bytes(spki)));
}

int
store_admin_key_list(struct job *j, const char *name, size_t max,
    struct admin_key **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT spki, not_after, set_by, set_at, proven_at, ended_at "
	    "FROM admin_key WHERE name = $1 ORDER BY set_at, spki LIMIT $2",
	    ARGS(v_text(name), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		admin_key_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

int
store_admin_key_expiring(struct job *j, int64_t before, size_t max,
    struct admin_expiry **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT name, not_after FROM admin_key WHERE proven_at > 0 "
	    "AND ended_at = 0 AND not_after > 0 AND not_after < $1 "
	    "ORDER BY not_after, name LIMIT $2",
	    ARGS(v_int(before), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct admin_expiry *e = &(*out)[(*count)++];

		e->name = query_text(&q);
		e->not_after = query_int(&q);
	}
	query_end(&q);
	return found;
}
