#include "config.h"

#include "db/store_stop.h"

#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"

int
store_stop_add(struct job *j, const struct stop *s)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO issuance_stop (scope, value, reason, stopped_by, "
		"stopped_at) VALUES ($1, $2, $3, $4, $5) "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(s->scope), v_text(s->value), v_text(s->reason),
		    v_text(s->by), v_int(j->now))) < 0)
		return -1;
	return changed > 0;
}

/* Orders that waited go on at once. */
int
store_stop_lift(struct job *j, const char *scope, const char *value)
{
	int64_t changed;

	if (store_change(j, &changed,
		"DELETE FROM issuance_stop WHERE scope = $1 AND value = $2",
		ARGS(v_text(scope), v_text(value))) < 0)
		return -1;
	if (changed > 0)
		j->wake |= 1u << ROLE_ISSUER;
	return changed > 0;
}

int
store_stop_list(struct job *j, struct stop **out, size_t *count)
{
	struct query q;
	size_t max = 0;
	int found;

	*count = 0;
	*out = NULL;
	found = query_first(&q, j,
	    "SELECT scope, value, reason, stopped_by, stopped_at "
	    "FROM issuance_stop ORDER BY scope, value",
	    NO_ARGS);
	for (; found == 1; found = query_next(&q)) {
		if (*count == max) {
			struct stop *more;

			max = max == 0 ? 4 : max * 2;
			more = arena_calloc(j->arena, max, sizeof(*more));
			if (*count > 0)
				memcpy(more, *out, *count * sizeof(*more));
			*out = more;
		}
		(*out)[*count].scope = query_text(&q);
		(*out)[*count].value = query_text(&q);
		(*out)[*count].reason = query_text(&q);
		(*out)[*count].by = query_text(&q);
		(*out)[*count].at = query_int(&q);
		(*count)++;
	}
	query_end(&q);
	return found;
}
