#include "config.h"

#include "db/store_caa_round.h"

#include <assert.h>

#include "db/store_private.h"
#include "lib/arena.h"

int
store_caa_round_add(struct job *j, const struct caa_row *c)
{
	assert(c->result != NULL && c->br_version != NULL); /* PK-1 */
	if (c->attempts < 1 || c->attempts > CAA_ROUNDS_MAX)
		return 0;
	return store_change(j, NULL,
	    "INSERT INTO caa_round (caa_id, attempt, checked_at, result, "
	    "reason, detail, trace, br_version, ttl, seal) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(c->id), v_int(c->attempts), v_int(c->checked_at),
		v_text(c->result), v_text(c->reason), v_text(c->detail),
		v_text(c->trace), v_text(c->br_version), v_int(c->ttl),
		v_bytes(c->seal)));
}

int
store_caa_rounds(struct job *j, const struct caa_row *check,
    struct caa_row **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, CAA_ROUNDS_MAX, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT attempt, checked_at, result, reason, detail, trace, "
	    "br_version, ttl, seal FROM caa_round WHERE caa_id = $1 "
	    "ORDER BY attempt LIMIT $2",
	    ARGS(v_text(check->id), v_int(CAA_ROUNDS_MAX)));
	for (; found == 1; found = query_next(&q)) {
		struct caa_row *c = &(*out)[(*count)++];

		*c = *check;
		c->attempts = query_int(&q);
		c->checked_at = query_int(&q);
		c->result = query_text(&q);
		c->reason = query_text(&q);
		c->detail = query_text(&q);
		c->trace = query_text(&q);
		c->br_version = query_text(&q);
		c->ttl = query_int(&q);
		c->seal = query_bytes(&q);
	}
	query_end(&q);
	return found;
}
