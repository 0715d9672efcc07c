#include "config.h"

#include "db/store_conf_use.h"

#include "db/store_private.h"
#include "lib/arena.h"

#define COLUMNS                                                                \
	"host, file, used_sha256, file_sha256, restart, looked_at, "           \
	"refused_at, refused"

static void
use_read(struct query *q, struct conf_use *out)
{
	out->host = query_text(q);
	out->file = query_text(q);
	out->used_sha256 = query_text(q);
	out->file_sha256 = query_text(q);
	out->restart = query_text(q);
	out->looked_at = query_int(q);
	out->refused_at = query_int(q);
	out->refused = query_text(q);
}

int
store_conf_use_put(struct job *j, const struct conf_use *u)
{
	return store_change(j, NULL,
	    "INSERT INTO conf_use (" COLUMNS ") "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
	    "ON CONFLICT (host) DO UPDATE SET file = $2, used_sha256 = $3, "
	    "file_sha256 = $4, restart = $5, looked_at = $6, refused_at = $7, "
	    "refused = $8",
	    ARGS(v_text(u->host), v_text(u->file), v_text(u->used_sha256),
		v_text(u->file_sha256), v_text(u->restart), v_int(u->looked_at),
		v_int(u->refused_at), v_text(u->refused)));
}

int
store_conf_use_list(
    struct job *j, int64_t since, struct conf_use **out, size_t *count)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " COLUMNS " FROM conf_use u WHERE EXISTS (SELECT 1 FROM "
	    "role_life l WHERE l.host = u.host AND l.is_running = 1 "
	    "AND l.seen_at >= $1) ORDER BY host",
	    ARGS(v_int(since)));

	*out = NULL;
	*count = 0;
	for (; found == 1; found = query_next(&q)) {
		*out = arena_grow(j->arena, *out, *count, sizeof(**out));
		use_read(&q, &(*out)[(*count)++]);
	}
	query_end(&q);
	return found;
}
