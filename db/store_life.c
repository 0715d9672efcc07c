#include "config.h"

#include "db/store_life.h"

#include "db/store_private.h"
#include "lib/arena.h"

#define COLUMNS                                                                \
	"host, role, version, conf_sha256, is_running, started_at, told_at, "  \
	"crash_told_at, crashes, seen_at, trouble, trouble_at"

static void
life_read(struct query *q, struct role_life *out)
{
	out->host = query_text(q);
	out->role = query_text(q);
	out->version = query_text(q);
	out->conf_sha256 = query_text(q);
	out->is_running = query_int(q) != 0;
	out->started_at = query_int(q);
	out->told_at = query_int(q);
	out->crash_told_at = query_int(q);
	out->crashes = query_int(q);
	out->seen_at = query_int(q);
	out->trouble = query_text(q);
	out->trouble_at = query_int(q);
}

int
store_life_find(
    struct job *j, const char *host, const char *role, struct role_life *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " COLUMNS " FROM role_life WHERE host = $1 AND role = $2",
	    ARGS(v_text(host), v_text(role)));

	*out = (struct role_life){ .host = host, .role = role };
	if (found == 1)
		life_read(&q, out);
	query_end(&q);
	return found;
}

int
store_life_list(struct job *j, struct role_life **out, size_t *count)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " COLUMNS " FROM role_life ORDER BY host, role", NO_ARGS);

	*out = NULL;
	*count = 0;
	for (; found == 1; found = query_next(&q)) {
		*out = arena_grow(j->arena, *out, *count, sizeof(**out));
		life_read(&q, &(*out)[(*count)++]);
	}
	query_end(&q);
	return found;
}

int
store_life_put(struct job *j, const struct role_life *l)
{
	return store_change(j, NULL,
	    "INSERT INTO role_life (" COLUMNS ") "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
	    "ON CONFLICT (host, role) DO UPDATE SET version = $3, "
	    "conf_sha256 = $4, is_running = $5, started_at = $6, told_at = $7, "
	    "crash_told_at = $8, crashes = $9, seen_at = $10, trouble = $11, "
	    "trouble_at = $12",
	    ARGS(v_text(l->host), v_text(l->role), v_text(l->version),
		v_text(l->conf_sha256), v_int(l->is_running),
		v_int(l->started_at), v_int(l->told_at),
		v_int(l->crash_told_at), v_int(l->crashes), v_int(l->seen_at),
		v_text(l->trouble), v_int(l->trouble_at)));
}

int
store_life_trouble(
    struct job *j, const char *host, const char *role, const char *why)
{
	if (why == NULL)
		return store_change(j, NULL,
		    "UPDATE role_life SET trouble = NULL, trouble_at = 0 "
		    "WHERE host = $1 AND role = $2",
		    ARGS(v_text(host), v_text(role)));
	return store_change(j, NULL,
	    "UPDATE role_life SET trouble = $3, trouble_at = "
	    "CASE WHEN trouble IS NULL THEN $4 ELSE trouble_at END "
	    "WHERE host = $1 AND role = $2",
	    ARGS(v_text(host), v_text(role), v_text(why), v_int(j->now)));
}

int
store_life_seen(struct job *j, const char *host, const char *role)
{
	return store_change(j, NULL,
	    "UPDATE role_life SET seen_at = $3 WHERE host = $1 AND role = $2",
	    ARGS(v_text(host), v_text(role), v_int(j->now)));
}

/* Of a role with several names the own one stays, or else the newest. */
int
store_life_rename(struct job *j, const char *host)
{
	int64_t others;

	if (store_get_int(j, &others,
		"SELECT COUNT(*) FROM role_life WHERE host <> $1",
		ARGS(v_text(host))) < 0)
		return -1;
	if (others == 0)
		return 0;
	if (store_change(j, NULL,
		"DELETE FROM role_life WHERE host <> $1 AND EXISTS ("
		"SELECT 1 FROM role_life o WHERE o.role = role_life.role "
		"AND o.host <> role_life.host AND (o.host = $1 "
		"OR o.started_at > role_life.started_at "
		"OR (o.started_at = role_life.started_at "
		"AND o.host > role_life.host)))",
		ARGS(v_text(host))) < 0 ||
	    store_change(j, NULL,
		"UPDATE role_life SET host = $1 WHERE host <> $1",
		ARGS(v_text(host))) < 0)
		return -1;
	return store_change(j, NULL, "DELETE FROM conf_use WHERE host <> $1",
	    ARGS(v_text(host)));
}

int
store_life_forget(struct job *j, const char *host)
{
	int64_t roles = 0, uses = 0;

	if (store_change(j, &roles, "DELETE FROM role_life WHERE host = $1",
		ARGS(v_text(host))) < 0 ||
	    store_change(j, &uses, "DELETE FROM conf_use WHERE host = $1",
		ARGS(v_text(host))) < 0)
		return -1;
	return roles + uses > 0;
}

int
store_life_end(struct job *j, const char *host, const char *role)
{
	return store_change(j, NULL,
	    "UPDATE role_life SET is_running = 0 "
	    "WHERE host = $1 AND role = $2",
	    ARGS(v_text(host), v_text(role)));
}
