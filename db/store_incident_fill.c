#include "config.h"

#include "db/store_incident.h"

#include <assert.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"

/* --- what is selected ----------------------------------------------------- */

/*
 * A number that is reserved may be signed at any time: it belongs to the set if
 * its certificate would, issued at the earliest now.
 */
#define SELECTED                                                               \
	"FROM cert c WHERE c.revoked_at = 0 AND c.not_after >= $2 "            \
	"AND ($3 = '' OR c.profile = $3) "                                     \
	"AND ($4 = '' OR c.account_id = $4) "                                  \
	"AND ($5 = '' OR c.br_version = $5) "                                  \
	"AND (c.issued_at = 0 OR c.issued_at >= $6) AND ($7 = 0 OR $7 >= "     \
	"CASE c.issued_at WHEN 0 THEN c.reserved_at ELSE c.issued_at END) "    \
	"AND ($8 = 0 OR c.spki_sha256 = $9) "                                  \
	"AND ($10 = '' OR EXISTS (SELECT 1 FROM order_identifier oi "          \
	"JOIN authz z ON z.id = oi.authz_id WHERE oi.order_id = c.order_id "   \
	"AND (z.mailbox LIKE $11 ESCAPE '!' "                                  \
	"OR z.mailbox LIKE $12 ESCAPE '!'))) "
#define FREEZE                                                                 \
	"INSERT INTO incident_cert (incident_id, cert_id) SELECT $1, "         \
	"c.id " SELECTED
#define UNLESS_THERE "ON CONFLICT DO NOTHING"
/* Behind one place, up to another. */
#define PAGE                                                                   \
	"AND c.reserved_at >= $13 AND (c.reserved_at > $13 OR c.id > $14) "    \
	"AND c.reserved_at <= $15 AND (c.reserved_at < $15 OR c.id <= $16) "

#define VALUES_MAX 16

struct choice {
	struct sql_value v[VALUES_MAX];
	size_t n;
};

static void
choose(struct job *j, const char *id, const struct incident_selector *s,
    int64_t now, struct choice *out)
{
	const char *domain = s->domain == NULL ? "" : s->domain;
	const struct sql_value v[] = { v_text(id), v_int(now),
		v_text(s->profile == NULL ? "" : s->profile),
		v_text(s->account_id == NULL ? "" : s->account_id),
		v_text(s->br_version == NULL ? "" : s->br_version),
		v_int(s->from), v_int(s->to), v_int(s->spki_sha256.n > 0),
		v_bytes(s->spki_sha256), v_text(domain),
		v_text(store_pattern(j, "%@", domain)),
		v_text(store_pattern(j, "%.", domain)) };

	memcpy(out->v, v, sizeof(v));
	out->n = COUNT(v);
}

static void
choose_page(struct choice *c, const struct cert_place *after,
    const struct cert_place *to)
{
	c->v[c->n++] = v_int(after->reserved_at);
	c->v[c->n++] = v_text(after->id == NULL ? "" : after->id);
	c->v[c->n++] = v_int(to->reserved_at);
	c->v[c->n++] = v_text(to->id);
}

/* All at once.  Of one key it goes by that; else it reads the whole table.
 * Reservations that are under way are waited for. */
static int
freeze(struct job *j, const char *id, const struct incident_selector *s,
    int64_t *count)
{
	struct choice c;

	if (store_cert_await_reservations(j) < 0)
		return -1;
	choose(j, id, s, j->now, &c);
	return store_change(j, count,
	    s->spki_sha256.n > 0 ? FREEZE "AND c.spki_sha256 = $9" : FREEZE,
	    c.v, c.n);
}

static int
freeze_one(struct job *j, const char *id, const char *cert_id, int64_t now,
    int64_t *count)
{
	return store_change(j, count,
	    "INSERT INTO incident_cert (incident_id, cert_id) "
	    "SELECT $1, c.id FROM cert c WHERE c.id = $3 AND c.issued_at > 0 "
	    "AND c.revoked_at = 0 AND c.not_after >= $2",
	    ARGS(v_text(id), v_int(now), v_text(cert_id)));
}

static int
freeze_found(struct job *j, const char *id, const char *cause, int64_t *count)
{
	if (store_change(j, count,
		"INSERT INTO incident_cert (incident_id, cert_id) "
		"SELECT $1, c.id FROM recheck_finding f "
		"JOIN cert c ON c.id = f.cert_id WHERE f.cause = $3 "
		"AND f.incident_id IS NULL AND c.revoked_at = 0 "
		"AND c.not_after >= $2",
		ARGS(v_text(id), v_int(j->now), v_text(cause))) < 0)
		return -1;
	return store_change(j, NULL,
	    "UPDATE recheck_finding SET incident_id = $1 "
	    "WHERE cause = $2 AND incident_id IS NULL",
	    ARGS(v_text(id), v_text(cause)));
}

static int
freeze_aside(struct job *j, const char *id, int64_t at, int64_t *count)
{
	return store_change(j, count,
	    "INSERT INTO incident_cert (incident_id, cert_id) "
	    "SELECT $1, id FROM cert WHERE aside_at = $2 AND issued_at > 0 "
	    "AND revoked_at = 0 AND not_after >= $3",
	    ARGS(v_text(id), v_int(at), v_int(j->now)));
}

static int
fill_set(struct job *j, const char *id, const struct incident_selector *s,
    int64_t *count)
{
	assert(s->cert_ids == NULL);
	if (s->cert_id != NULL)
		return freeze_one(j, id, s->cert_id, j->now, count);
	if (s->aside_at > 0)
		return freeze_aside(j, id, s->aside_at, count);
	if (s->found_cause != NULL)
		return freeze_found(j, id, s->found_cause, count);
	return freeze(j, id, s, count);
}

int
store_incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, int64_t due_at, int64_t *count)
{
	if (store_change(j, NULL,
		"INSERT INTO incident (id, cause, selector, reason, known_at, "
		"deadline, opened_by, opened_at, due_at, told_to) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		ARGS(v_text(i->id), v_text(i->cause), v_text(i->selector),
		    v_int(i->reason), v_int(i->known_at), v_int(i->deadline),
		    v_text(i->opened_by), v_int(j->now), v_due(due_at),
		    v_text(due_at == 0 ? NULL : ""))) < 0 ||
	    fill_set(j, i->id, s, count) < 0)
		return -1;
	j->wake |= 1u << ROLE_ISSUER;
	return store_change_one(j, "incident",
	    "UPDATE incident SET cert_count = $2 WHERE id = $1",
	    ARGS(v_text(i->id), v_int(*count)));
}

/* --- in bites ------------------------------------------------------------- */

/* Numbers that are reserved while the set is being filled, and before by a
 * machine whose clock is behind: the last bite has them all.  It goes by the
 * clock of those that reserve, too: that of whoever opens may be ahead. */
#define BACK_SECS INT64_C(3600)

static int
note_newest(struct job *j, struct incident_fill *f)
{
	if (f->after.id != NULL || f->newest_at != 0)
		return 0;
	return store_get_int(j, &f->newest_at,
		   "SELECT COALESCE(MAX(reserved_at), 0) FROM cert",
		   NO_ARGS) < 0
		   ? -1
		   : 0;
}

static int64_t
late_since(const struct incident *i, const struct incident_fill *f)
{
	int64_t at = f->newest_at < i->opened_at ? f->newest_at : i->opened_at;

	return at - BACK_SECS;
}

int
store_incident_begin(struct job *j, const struct incident *i)
{
	return store_change(j, NULL,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at, opening_at) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
	    ARGS(v_text(i->id), v_text(i->cause), v_text(i->selector),
		v_int(i->reason), v_int(i->known_at), v_int(i->deadline),
		v_text(i->opened_by), v_int(j->now)));
}

/* Where the page ends: 1; 0 and the end of all; -1. */
static int
page_end(struct job *j, const struct cert_place *after, size_t max,
    struct cert_place *end)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT reserved_at, id FROM cert WHERE reserved_at >= $1 "
	    "AND (reserved_at > $1 OR id > $2) "
	    "ORDER BY reserved_at, id LIMIT 1 OFFSET $3",
	    ARGS(v_int(after->reserved_at),
		v_text(after->id == NULL ? "" : after->id),
		v_int((int64_t)max - 1)));

	*end = (struct cert_place){ .reserved_at = INT64_MAX, .id = "" };
	if (found == 1) {
		end->reserved_at = query_int(&q);
		end->id = query_text(&q);
	}
	query_end(&q);
	return found;
}

int
store_incident_count(struct job *j, const struct incident_selector *s,
    int64_t now, size_t max, struct incident_fill *f)
{
	struct cert_place end;
	struct choice c;
	int64_t found = 0;
	int more = page_end(j, &f->after, max, &end);

	if (more < 0)
		return -1;
	choose(j, "", s, now, &c);
	choose_page(&c, &f->after, &end);
	if (store_get_int(j, &found,
		"SELECT COUNT(*) " SELECTED PAGE "AND $1 = ''", c.v, c.n) < 0)
		return -1;
	f->count += found;
	f->after = end;
	f->is_done = more == 0;
	return 0;
}

/* Those of the list, which whoever fills has at hand. */
static int
fill_list(struct job *j, const char *id, const struct incident_selector *s,
    int64_t now, size_t max, struct incident_fill *f)
{
	int64_t one;

	for (; f->listed < s->cert_id_count && max > 0; f->listed++, max--) {
		if (freeze_one(j, id, s->cert_ids[f->listed], now, &one) < 0)
			return -1;
		f->count += one;
	}
	f->is_done = f->listed == s->cert_id_count;
	return 0;
}

static int
fill_page(struct job *j, const char *id, const struct incident_selector *s,
    int64_t now, size_t max, struct incident_fill *f)
{
	struct cert_place end;
	struct choice c;
	int64_t added;
	int more;

	if (note_newest(j, f) < 0)
		return -1;
	more = page_end(j, &f->after, max, &end);
	if (more < 0)
		return -1;
	choose(j, id, s, now, &c);
	choose_page(&c, &f->after, &end);
	if (store_change(j, &added, FREEZE PAGE UNLESS_THERE, c.v, c.n) < 0)
		return -1;
	f->count += added;
	f->after = end;
	f->is_done = more == 0;
	return 0;
}

int
store_incident_go_on(struct job *j, const char *id)
{
	return store_change_one(j, "incident",
	    "UPDATE incident SET opening_at = $2 "
	    "WHERE id = $1 AND opening_at > 1",
	    ARGS(v_text(id), v_int(j->now)));
}

int
store_incident_fill(struct job *j, const struct incident *i,
    const struct incident_selector *s, size_t max, struct incident_fill *f)
{
	if (store_incident_go_on(j, i->id) < 0)
		return -1;
	return s->cert_ids != NULL
		   ? fill_list(j, i->id, s, i->opened_at, max, f)
		   : fill_page(j, i->id, s, i->opened_at, max, f);
}

static int
add_late(struct query *q, int found, struct incident_fill *f)
{
	size_t max = 0;

	for (; found == 1; found = query_next(q)) {
		if (f->late_count == max) {
			const char **more;

			max = max == 0 ? 16 : max * 2;
			more = arena_calloc(q->j->arena, max, sizeof(*more));
			if (f->late_count > 0)
				memcpy(more, f->late,
				    f->late_count * sizeof(*more));
			f->late = more;
		}
		f->late[f->late_count++] = query_text(q);
	}
	f->count += (int64_t)f->late_count;
	return found;
}

static int
fill_last(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_fill *f)
{
	struct choice c;
	struct query q;
	int found;

	f->late = NULL;
	f->late_count = 0;
	if (s->cert_ids != NULL)
		return 0;
	if (store_cert_await_reservations(j) < 0)
		return -1;
	choose(j, i->id, s, i->opened_at, &c);
	c.v[c.n++] = v_int(late_since(i, f));
	found = query_first_write(&q, j,
	    FREEZE "AND c.reserved_at >= $13 " UNLESS_THERE
		   " RETURNING cert_id",
	    c.v, c.n);
	found = add_late(&q, found, f);
	query_end(&q);
	return found;
}

int
store_incident_filled(struct job *j, const struct incident *i,
    const struct incident_selector *s, int64_t due_at, struct incident_fill *f)
{
	/* First: of what was undone meanwhile there is no row to add to. */
	if (store_incident_go_on(j, i->id) < 0 || fill_last(j, i, s, f) < 0)
		return -1;
	j->wake |= 1u << ROLE_ISSUER;
	return store_change_one(j, "incident",
	    "UPDATE incident SET cert_count = $2, due_at = $3, told_to = '', "
	    "opening_at = NULL WHERE id = $1 AND opening_at > 1",
	    ARGS(v_text(i->id), v_int(f->count), v_int(due_at)));
}

/* --- what was begun, and is not filled any more --------------------------- */

int
store_incident_opening(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(opening_at) FROM incident "
	    "WHERE opening_at IS NOT NULL",
	    NO_ARGS);
}

static int
stuck_get(struct job *j, const char *text, int64_t until, struct incident *out)
{
	struct query q;
	int found = query_first(&q, j, text, ARGS(v_int(until)));

	*out = (struct incident){ .id = NULL };
	if (found == 1) {
		out->id = query_text(&q);
		out->opened_by = query_text(&q);
		out->opened_at = query_int(&q);
	}
	query_end(&q);
	return found;
}

#define STUCK                                                                  \
	"SELECT id, opened_by, opened_at FROM incident "                       \
	"WHERE opening_at <= $1 ORDER BY opening_at LIMIT 1"

int
store_incident_stuck(struct job *j, int64_t until, struct incident *out)
{
	return stuck_get(j, STUCK, until, out);
}

/* Whoever fills it may have stopped in the middle of a bite: the issuer does
 * not wait for that. */
int
store_incident_take_stuck(struct job *j, int64_t until, struct incident *out)
{
	return stuck_get(j,
	    store_is_exclusive(j) ? STUCK : STUCK " FOR UPDATE SKIP LOCKED",
	    until, out);
}

/* From the first bite on nobody goes on with it; the row goes with the last. */
int
store_incident_undo(struct job *j, const char *id, int64_t until, size_t max)
{
	int64_t is, gone;

	if (store_change(j, &is,
		"UPDATE incident SET opening_at = 1 "
		"WHERE id = $1 AND opening_at <= $2",
		ARGS(v_text(id), v_int(until))) < 0)
		return -1;
	if (is == 0)
		return 0;
	if (store_change(j, &gone,
		"DELETE FROM incident_cert WHERE incident_id = $1 "
		"AND cert_id IN (SELECT cert_id FROM incident_cert "
		"WHERE incident_id = $1 ORDER BY cert_id LIMIT $2)",
		ARGS(v_text(id), v_int((int64_t)max))) < 0)
		return -1;
	if (gone == (int64_t)max)
		return 1;
	return store_change_one(j, "incident",
	    "DELETE FROM incident WHERE id = $1", ARGS(v_text(id)));
}
