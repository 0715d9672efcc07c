#include "config.h"

#include "db/store_profile.h"

#include "db/store_private.h"
#include "lib/arena.h"

/* More than a configuration has sections. */
#define LIST_MAX 1000

int
store_profile_list(struct job *j, struct profile_row **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, LIST_MAX, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT name, sha256 FROM profile_text WHERE retired_at = 0 "
	    "ORDER BY name LIMIT $1",
	    ARGS(v_int(LIST_MAX)));
	for (; found == 1; found = query_next(&q)) {
		struct profile_row *p = &(*out)[(*count)++];

		p->name = query_text(&q);
		p->sha256 = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
store_profile_text(
    struct job *j, const struct profile_row *p, struct span *text)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT text FROM profile_text WHERE name = $1 AND sha256 = $2",
	    ARGS(v_text(p->name), v_bytes(p->sha256)));

	if (found == 1)
		*text = span_str(query_text(&q));
	query_end(&q);
	return found;
}

/* One that comes back as it was has its row. */
int
store_profile_put(struct job *j, const struct profile_row *p, const char *text)
{
	return store_change(j, NULL,
	    "INSERT INTO profile_text (name, sha256, text, introduced_at) "
	    "VALUES ($1, $2, $3, $4) ON CONFLICT (name, sha256) DO UPDATE SET "
	    "introduced_at = $4, retired_at = 0",
	    ARGS(v_text(p->name), v_bytes(p->sha256), v_text(text),
		v_int(j->now)));
}

int
store_profile_retire(struct job *j, const struct profile_row *p)
{
	return store_change(j, NULL,
	    "UPDATE profile_text SET retired_at = $3 "
	    "WHERE name = $1 AND sha256 = $2",
	    ARGS(v_text(p->name), v_bytes(p->sha256), v_int(j->now)));
}
