#include "config.h"

#include "db/store_bucket.h"

#include "db/store_private.h"
#include "lib/arena.h"

static void
bucket_read(struct query *q, struct bucket *b)
{
	b->full_at_ms = query_int(q);
	b->takes = query_text(q);
}

int
store_bucket_read(struct job *j, struct bucket *b)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT full_at_ms, takes FROM bucket "
	    "WHERE name = $1 AND subject = $2",
	    ARGS(v_text(b->name), v_text(b->subject)));

	b->full_at_ms = 0;
	b->takes = NULL;
	if (found == 1)
		bucket_read(&q, b);
	query_end(&q);
	return found < 0 ? -1 : 0;
}

/* A change that changes nothing is the lock that both databases know. */
int
store_bucket_lock(struct job *j, struct bucket *b)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "INSERT INTO bucket (name, subject, full_at_ms) "
	    "VALUES ($1, $2, 0) ON CONFLICT (name, subject) "
	    "DO UPDATE SET full_at_ms = bucket.full_at_ms "
	    "RETURNING full_at_ms, takes",
	    ARGS(v_text(b->name), v_text(b->subject)));

	if (found == 1)
		bucket_read(&q, b);
	query_end(&q);
	return found == 1 ? 0 : -1;
}

int
store_bucket_write(struct job *j, const struct bucket *b)
{
	return store_change(j, NULL,
	    "INSERT INTO bucket (name, subject, full_at_ms, takes) "
	    "VALUES ($1, $2, $3, $4) ON CONFLICT (name, subject) "
	    "DO UPDATE SET full_at_ms = $3, takes = $4",
	    ARGS(v_text(b->name), v_text(b->subject), v_int(b->full_at_ms),
		v_text(b->takes)));
}

#define OLD_ROWS                                                               \
	"SELECT name, subject FROM bucket WHERE full_at_ms < $1 "              \
	"ORDER BY full_at_ms LIMIT $2"

/* Where others write too, what they hold is left to them: whoever waited here
 * would do so out of the order in which rows are locked. */
int
store_bucket_sweep(struct job *j, int64_t max)
{
	static const char alone[] =
	    "DELETE FROM bucket WHERE (name, subject) IN (" OLD_ROWS
	    ") AND full_at_ms < $1";
	static const char among_others[] =
	    "DELETE FROM bucket WHERE (name, subject) IN (" OLD_ROWS
	    " FOR UPDATE SKIP LOCKED) AND full_at_ms < $1";

	return store_change(j, NULL,
	    store_is_exclusive(j) ? alone : among_others,
	    ARGS(v_int(j->now * 1000), v_int(max)));
}

int
store_bucket_list(struct job *j, const struct bucket *after, size_t max,
    struct bucket **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT name, subject, full_at_ms, takes FROM bucket "
	    "WHERE (name, subject) > ($1, $2) AND full_at_ms > $3 "
	    "ORDER BY name, subject LIMIT $4",
	    ARGS(v_text(after == NULL ? "" : after->name),
		v_text(after == NULL ? "" : after->subject),
		v_int(j->now * 1000), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct bucket *b = &(*out)[(*count)++];

		b->name = query_text(&q);
		b->subject = query_text(&q);
		bucket_read(&q, b);
	}
	query_end(&q);
	return found;
}

int
store_bucket_reset(struct job *j, const char *subject, int64_t *count)
{
	return store_change(j, count, "DELETE FROM bucket WHERE subject = $1",
	    ARGS(v_text(subject)));
}
