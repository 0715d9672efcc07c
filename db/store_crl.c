#include "config.h"

#include "db/store_crl.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/hex.h"
#include "lib/job.h"

int
store_crl_reserve(
    struct job *j, const struct crl *list, int64_t above, int64_t *number)
{
	const char *ca_label = list->ca_label;
	struct query q;
	int found = query_first_write(&q, j,
	    "INSERT INTO crl (ca_label, shard, number, this_update, "
	    "next_update) SELECT $1, $2, "
	    "CASE WHEN COALESCE(MAX(number), 0) < $5 THEN $5 "
	    "ELSE COALESCE(MAX(number), 0) END + 1, $3, $4 FROM crl "
	    "WHERE ca_label = $1 ON CONFLICT DO NOTHING RETURNING number",
	    ARGS(v_text(ca_label), v_int(list->shard), v_int(list->this_update),
		v_int(list->next_update), v_int(above)));

	if (found == 1)
		*number = query_int(&q);
	query_end(&q);
	if (found == 0)
		return job_fail(j, ERR_BUSY,
		    "CRL of %s: another one took the number", ca_label);
	return found == 1 ? 0 : -1;
}

int
store_crl_record(
    struct job *j, const char *ca_label, int64_t number, struct span der)
{
	assert(der.n > 0);
	return store_change_one(j, "CRL of",
	    "UPDATE crl SET der = $3 "
	    "WHERE ca_label = $1 AND number = $2 AND der IS NULL",
	    ARGS(v_text(ca_label), v_int(number), v_bytes(der)));
}

static int
check_imported(struct job *j, const struct crl *list)
{
	struct query q;
	struct span der = { NULL, 0 };
	int found = query_first(&q, j,
	    "SELECT der FROM crl WHERE ca_label = $1 AND number = $2",
	    ARGS(v_text(list->ca_label), v_int(list->number)));

	if (found == 1)
		der = query_bytes(&q);
	query_end(&q);
	if (found < 0)
		return -1;
	/* The octets of an old list are not kept. */
	if (der.n == 0)
		return CRL_IS_UNKNOWN;
	return span_eq(der, list->der) ? CRL_IS_THERE : CRL_IS_OTHER;
}

int
store_crl_import(struct job *j, const struct crl *list)
{
	int64_t count = 0;

	if (store_change(j, &count,
		"INSERT INTO crl (ca_label, shard, number, this_update, "
		"next_update, der) VALUES ($1, $2, $3, $4, $5, $6) "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(list->ca_label), v_int(list->shard),
		    v_int(list->number), v_int(list->this_update),
		    v_int(list->next_update), v_bytes(list->der))) < 0)
		return -1;
	return count == 1 ? CRL_IS_NEW : check_imported(j, list);
}

int
store_crl_count_since(struct job *j, const char *ca_label, int64_t since,
    int64_t max, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM (SELECT this_update, der FROM crl "
		   "WHERE ca_label = $1 AND aside_at = 0 "
		   "ORDER BY number DESC LIMIT $3) newest "
		   "WHERE this_update >= $2 AND der IS NOT NULL",
		   ARGS(v_text(ca_label), v_int(since), v_int(max))) == 1
		   ? 0
		   : -1;
}

int
store_cert_last_end(struct job *j, const char *ca_label, int64_t *at)
{
	return store_get_int(j, at,
		   "SELECT COALESCE((SELECT not_after FROM cert "
		   "WHERE ca_label = $1 ORDER BY not_after DESC LIMIT 1), 0)",
		   ARGS(v_text(ca_label))) == 1
		   ? 0
		   : -1;
}

/* One that was set aside (PK-147) is older than any other: the next is due. */
#define HEAD_COLUMNS                                                           \
	"ca_label, shard, number, CASE aside_at WHEN 0 THEN this_update "      \
	"ELSE 0 END, next_update, length(der)"
#define NEWEST                                                                 \
	" FROM crl WHERE ca_label = $1 AND shard = $2 "                        \
	"AND der IS NOT NULL ORDER BY number DESC LIMIT 1"

static void
head_read(struct query *q, struct crl *out)
{
	*out = (struct crl){ .ca_label = query_text(q) };
	out->shard = query_int(q);
	out->number = query_int(q);
	out->this_update = query_int(q);
	out->next_update = query_int(q);
	out->size = query_int(q);
}

int
store_crl_head(
    struct job *j, const char *ca_label, int64_t shard, struct crl *out)
{
	struct query q;
	int found = query_first(&q, j, "SELECT " HEAD_COLUMNS NEWEST,
	    ARGS(v_text(ca_label), v_int(shard)));

	if (found == 1)
		head_read(&q, out);
	query_end(&q);
	return found;
}

int
store_crl_latest(
    struct job *j, const char *ca_label, int64_t shard, struct crl *out)
{
	struct query q;
	int found = query_first(&q, j, "SELECT " HEAD_COLUMNS ", der" NEWEST,
	    ARGS(v_text(ca_label), v_int(shard)));

	if (found == 1) {
		head_read(&q, out);
		out->der = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
store_crl_is_aside(struct job *j, const char *ca_label, uint64_t number)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM crl WHERE ca_label = $1 AND number = $2 "
	    "AND aside_at > 0",
	    ARGS(v_text(ca_label), v_int((int64_t)number)));
}

/* Whoever spoils one row's number keeps no other row from being read. */
static void
revoked_read(struct query *q, struct revoked *out)
{
	const char *hex, *id = query_text(q);
	size_t n;
	char *octets;

	hex = query_text(q);
	n = strlen(hex) / 2;
	octets = arena_alloc(q->j->arena, n + 1);
	*out = (struct revoked){ .id = id };
	if (hex_parse_fixed(span_str(hex), octets, n) == 0 &&
	    strcmp(hex_dup(q->j->arena, span_mem(octets, n)), hex) == 0)
		out->serial = span_mem(octets, n);
	out->revoked_at = query_int(q);
	out->reason = query_int(q);
	out->is_due = query_int(q) != 0;
}

int
store_cert_revoked(struct job *j, const struct crl *list,
    int64_t not_after_from, struct revoked **out, size_t *count)
{
	struct query q;
	size_t max = 0;
	int found;

	*count = 0;
	*out = NULL;
	found = query_first(&q, j,
	    "SELECT id, serial, revoked_at, reason, "
	    "CASE WHEN list_due_at IS NULL THEN 0 ELSE 1 END FROM cert "
	    "WHERE ca_label = $1 AND shard = $2 AND revoked_at > 0 "
	    "AND (not_after >= $3 OR list_due_at IS NOT NULL) "
	    "ORDER BY serial",
	    ARGS(v_text(list->ca_label), v_int(list->shard),
		v_int(not_after_from)));
	for (; found == 1; found = query_next(&q)) {
		if (*count == max) {
			struct revoked *more;

			max = max == 0 ? 64 : max * 2;
			more = arena_calloc(j->arena, max, sizeof(*more));
			if (*count > 0)
				memcpy(more, *out, *count * sizeof(*more));
			*out = more;
		}
		revoked_read(&q, &(*out)[(*count)++]);
	}
	query_end(&q);
	return found;
}

/* Rows of one statement: they have the reason, and wait for the list from the
 * same moment on, or for none. */
struct listed {
	int64_t reason, due_at;
	const char *id;
};
#define LISTED_IDS 24

static int
by_statement(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->reason != y->reason)
		return x->reason < y->reason ? -1 : 1;
	if (x->due_at != y->due_at)
		return x->due_at < y->due_at ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* A reason that has changed since the list was collected is still due; and the
 * list with the greater number may have been collected before this one.  By id:
 * a planner that takes what is due, or what a CA has issued, for few reads all
 * of that for each statement. */
static int
note_listed(struct job *j, const struct crl *list, const struct listed *rows,
    size_t count)
{
	struct sql_value values[5 + LISTED_IDS] = {
		v_due(rows[0].due_at),
		v_text(list->ca_label),
		v_int(rows[0].reason),
		v_int(list->shard),
		v_int(list->number),
	};

	/* The last one fills what is left. */
	for (size_t k = 0; k < LISTED_IDS; k++)
		values[5 + k] = v_text(rows[k < count ? k : count - 1].id);
	return store_change(j, NULL,
	    "UPDATE cert SET list_due_at = $1 "
	    "WHERE COALESCE(ca_label, '') = $2 AND reason = $3 "
	    "AND COALESCE(list_due_at, 0) <> 0 "
	    "AND NOT EXISTS (SELECT 1 FROM crl WHERE crl.ca_label = $2 "
	    "AND crl.shard = $4 AND crl.number > $5) "
	    "AND id IN ($6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
	    "$17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)",
	    values, 5 + LISTED_IDS);
}

int
store_cert_listed(struct job *j, const struct crl *list,
    const struct revoked *entries, size_t count)
{
	struct listed *rows = arena_calloc(j->arena, count + 1, sizeof(*rows));
	size_t due = 0, from = 0;

	for (size_t k = 0; k < count; k++) {
		const struct revoked *e = &entries[k];
		bool stays = e->serial.n == 0 || e->stays_due;

		if (e->is_due)
			rows[due++] = (struct listed){ .reason = e->reason,
				.due_at = stays ? list->next_update : 0,
				.id = e->id };
	}
	if (due > 1)
		qsort(rows, due, sizeof(*rows), by_statement);
	while (from < due) {
		size_t n = 1;

		while (n < LISTED_IDS && from + n < due &&
		       rows[from + n].reason == rows[from].reason &&
		       rows[from + n].due_at == rows[from].due_at)
			n++;
		if (note_listed(j, list, rows + from, n) < 0)
			return -1;
		from += n;
	}
	return 0;
}

int
store_crl_due(struct job *j, const char *ca_label, int64_t shard, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(list_due_at) FROM cert "
	    "WHERE ca_label = $1 AND shard = $2 AND list_due_at IS NOT NULL",
	    ARGS(v_text(ca_label), v_int(shard)));
}

int
store_crl_waits(struct job *j, bool issued_only, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(list_due_at) FROM cert "
	    "WHERE list_due_at IS NOT NULL AND ($1 = 0 OR issued_at > 0)",
	    ARGS(v_int(issued_only)));
}

int
store_crl_unlisted(struct job *j, const char *ca_label, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM cert WHERE ca_label = $1 "
		   "AND list_due_at <= $2 AND revoked_at > 0 "
		   "AND issued_at > 0 AND not_after >= $2",
		   ARGS(v_text(ca_label), v_int(j->now))) < 0
		   ? -1
		   : 0;
}

/* --- shards --------------------------------------------------------------- */

int
store_shard_url(
    struct job *j, const char *ca_label, int64_t shard, const char **url)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT url FROM crl_shard WHERE ca_label = $1 AND shard = $2",
	    ARGS(v_text(ca_label), v_int(shard)));

	if (found == 1)
		*url = query_text(&q);
	query_end(&q);
	return found;
}

int
store_shard_set(
    struct job *j, const char *ca_label, int64_t shard, const char *url)
{
	return store_change(j, NULL,
	    "INSERT INTO crl_shard (ca_label, shard, url, created_at) "
	    "VALUES ($1, $2, $3, $4) "
	    "ON CONFLICT (ca_label, shard) DO UPDATE SET url = $3",
	    ARGS(v_text(ca_label), v_int(shard), v_text(url), v_int(j->now)));
}

int
store_shard_count(struct job *j, const char *ca_label, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM crl_shard WHERE ca_label = $1",
		   ARGS(v_text(ca_label))) == 1
		   ? 0
		   : -1;
}

int
store_shard_cas(struct job *j, struct ca_end **out, size_t *count)
{
	struct query q;
	size_t max = 0;
	int found;

	*out = NULL;
	*count = 0;
	found = query_first(&q, j,
	    "SELECT s.ca_label, COALESCE((SELECT c.not_after FROM cert c "
	    "WHERE c.ca_label = s.ca_label "
	    "ORDER BY c.not_after DESC LIMIT 1), 0) FROM crl_shard s "
	    "WHERE s.shard = 0 ORDER BY s.created_at, s.ca_label",
	    NO_ARGS);
	for (; found == 1; found = query_next(&q)) {
		if (*count == max) {
			struct ca_end *more;

			max = max == 0 ? 8 : max * 2;
			more = arena_calloc(j->arena, max, sizeof(*more));
			if (*count > 0)
				memcpy(more, *out, *count * sizeof(*more));
			*out = more;
		}
		(*out)[*count].ca_label = query_text(&q);
		(*out)[(*count)++].not_after = query_int(&q);
	}
	query_end(&q);
	return found;
}

#define LACKS(found)                                                           \
	"SELECT 1 FROM cert WHERE ca_label = $1 AND shard = $2 "               \
	"AND not_after >= $3 AND " found " = 0 LIMIT 1"

int
store_shard_lacks(
    struct job *j, const char *ca_label, int64_t shard, struct span octets)
{
	int64_t one;

	return store_get_int(j, &one,
	    store_is_shared(j) ? LACKS("position($4 IN tbs)")
			       : LACKS("instr(tbs, $4)"),
	    ARGS(v_text(ca_label), v_int(shard), v_int(j->now),
		v_bytes(octets)));
}
