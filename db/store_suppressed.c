#include "config.h"

#include "db/store_suppressed.h"

#include "db/store_private.h"
#include "lib/arena.h"

static void
suppressed_read(struct query *q, struct suppressed *out)
{
	out->mailbox = query_text(q);
	out->since = query_int(q);
	out->until = query_int(q);
	out->source = query_text(q);
}

int
store_suppressed_find(
    struct job *j, const char *mailbox, struct suppressed *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT mailbox, since, until, source FROM suppressed "
	    "WHERE mailbox = $1 AND until > $2",
	    ARGS(v_text(mailbox), v_int(j->now)));

	if (found == 1)
		suppressed_read(&q, out);
	query_end(&q);
	return found;
}

#define SUPPRESSED_PUT                                                         \
	"INSERT INTO suppressed (mailbox, since, until, source) "              \
	"VALUES ($1, $2, $3, $4) ON CONFLICT (mailbox) DO UPDATE "             \
	"SET since = $2, until = $3, source = $4"

static int
put(struct job *j, const char *statement, const struct suppressed *s)
{
	return store_change(j, NULL, statement,
	    ARGS(v_text(s->mailbox), v_int(s->since), v_int(s->until),
		v_text(s->source)));
}

int
store_suppressed_add(struct job *j, const struct suppressed *s)
{
	return put(j, SUPPRESSED_PUT, s);
}

int
store_suppressed_extend(struct job *j, const struct suppressed *s)
{
	return put(j, SUPPRESSED_PUT " WHERE suppressed.until < $3", s);
}

int
store_suppressed_lift(struct job *j, const char *mailbox)
{
	int64_t changed;

	if (store_change(j, &changed,
		"DELETE FROM suppressed WHERE mailbox = $1",
		ARGS(v_text(mailbox))) != 0)
		return -1;
	return changed > 0;
}

int
store_suppressed_list(struct job *j, const char *after, size_t max,
    struct suppressed **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT mailbox, since, until, source FROM suppressed "
	    "WHERE mailbox > $1 AND until > $2 ORDER BY mailbox LIMIT $3",
	    ARGS(v_text(after == NULL ? "" : after), v_int(j->now),
		v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		suppressed_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}
