#include "config.h"

#include "db/store_ocsp.h"

#include <string.h>

#include "db/store_clock.h"
#include "db/store_private.h"
#include "lib/arena.h"

/* --- segments ------------------------------------------------------------- */

int
store_ocsp_states(
    struct job *j, const char *ca_label, struct ocsp_state out[OCSP_SEGMENTS])
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT segment, generation, refresh_at FROM ocsp_segment "
	    "WHERE ca_label = $1",
	    ARGS(v_text(ca_label)));

	memset(out, 0, OCSP_SEGMENTS * sizeof(*out));
	for (; found == 1; found = query_next(&q)) {
		int64_t segment = query_int(&q);
		struct ocsp_state s = { .generation = query_int(&q) };

		s.refresh_at = query_int(&q);
		if (segment >= 0 && segment < OCSP_SEGMENTS)
			out[segment] = s;
	}
	query_end(&q);
	return found;
}

int
store_ocsp_get(struct job *j, const char *ca_label, int64_t segment,
    int64_t *generation, struct span *octets)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT generation, octets FROM ocsp_segment "
	    "WHERE ca_label = $1 AND segment = $2",
	    ARGS(v_text(ca_label), v_int(segment)));

	*generation = 0;
	*octets = (struct span){ NULL, 0 };
	if (found == 1) {
		*generation = query_int(&q);
		*octets = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
store_ocsp_put(struct job *j, const char *ca_label, int64_t segment,
    int64_t former, int64_t refresh_at, struct span octets)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO ocsp_segment (ca_label, segment, generation, "
		"refresh_at, octets) VALUES ($1, $2, $3 + 1, $4, $5) "
		"ON CONFLICT (ca_label, segment) DO UPDATE "
		"SET generation = $3 + 1, refresh_at = $4, octets = $5 "
		"WHERE ocsp_segment.generation = $3",
		ARGS(v_text(ca_label), v_int(segment), v_int(former),
		    v_int(refresh_at), v_bytes(octets))) != 0)
		return -1;
	if (changed != 1)
		return job_fail(j, ERR_BUSY,
		    "OCSP answers of %s: another one has made newer ones",
		    ca_label);
	return 0;
}

/* --- numbers -------------------------------------------------------------- */

#define ROW_COLUMNS                                                            \
	"id, order_id, serial, signature_alg, tbs, evidence, not_after, "      \
	"issued_at, revoked_at, reason"

static void
row_read(struct query *q, struct ocsp_row *out)
{
	*out = (struct ocsp_row){ .id = query_text(q) };
	out->order_id = query_text(q);
	out->serial = query_text(q);
	out->signature_alg = query_bytes(q);
	out->tbs = query_bytes(q);
	out->evidence = query_text(q);
	out->not_after = query_int(q);
	out->issued_at = query_int(q);
	out->revoked_at = query_int(q);
	out->reason = query_int(q);
}

static int
rows_read(struct query *q, int found, struct ocsp_row **out, size_t *count)
{
	size_t max = 0;

	*count = 0;
	*out = NULL;
	for (; found == 1; found = query_next(q)) {
		if (*count == max) {
			struct ocsp_row *more;

			max = max == 0 ? 64 : max * 2;
			more = arena_calloc(q->j->arena, max, sizeof(*more));
			if (*count > 0)
				memcpy(more, *out, *count * sizeof(*more));
			*out = more;
		}
		row_read(q, &(*out)[(*count)++]);
	}
	return found;
}

/* As the indices cert_last_octet and cert_ocsp_due_octet have it. */
#define LAST_OCTET "substr(serial, length(serial) - 1)"

int
store_ocsp_rows(struct job *j, const char *ca_label, int64_t segment,
    int64_t not_after_from, struct ocsp_row **out, size_t *count)
{
	const char *octet =
	    arena_printf(j->arena, "%02x", (unsigned)segment & 0xff);
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " ROW_COLUMNS " FROM cert WHERE ca_label = $1 "
	    "AND " LAST_OCTET " = $2 AND not_after >= $3 "
	    "AND (issued_at > 0 OR revoked_at > 0) ORDER BY serial",
	    ARGS(v_text(ca_label), v_text(octet), v_int(not_after_from)));

	found = rows_read(&q, found, out, count);
	query_end(&q);
	return found;
}

int
store_ocsp_due_first(struct job *j, const char *ca_label, const char **serial)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT serial FROM cert WHERE ca_label = $1 "
	    "AND ocsp_due_at IS NOT NULL ORDER BY ocsp_due_at LIMIT 1",
	    ARGS(v_text(ca_label)));

	if (found == 1)
		*serial = query_text(&q);
	query_end(&q);
	return found;
}

int
store_ocsp_due_rows(struct job *j, const char *ca_label, const char *serial,
    size_t max, struct ocsp_row **out, size_t *count)
{
	size_t n = strlen(serial);
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " ROW_COLUMNS " FROM cert WHERE ca_label = $1 "
	    "AND " LAST_OCTET " = $2 AND ocsp_due_at IS NOT NULL "
	    "ORDER BY ocsp_due_at LIMIT $3",
	    ARGS(v_text(ca_label), v_text(n > 2 ? serial + n - 2 : serial),
		v_int((int64_t)max)));

	found = rows_read(&q, found, out, count);
	query_end(&q);
	return found;
}

int
store_ocsp_due(struct job *j, const char *ca_label, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(ocsp_due_at) FROM cert "
	    "WHERE ca_label = $1 AND ocsp_due_at IS NOT NULL",
	    ARGS(v_text(ca_label)));
}

int
store_ocsp_done(struct job *j, const struct ocsp_row *row)
{
	return store_change(j, NULL,
	    "UPDATE cert SET ocsp_due_at = NULL WHERE id = $1 "
	    "AND revoked_at = $2 AND reason = $3",
	    ARGS(v_text(row->id), v_int(row->revoked_at), v_int(row->reason)));
}

/* --- responders ----------------------------------------------------------- */

int
store_responder_count_since(
    struct job *j, const char *ca_label, int64_t since, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM responder "
		   "WHERE ca_label = $1 AND reserved_at >= $2 "
		   "AND reserved_at <= $3",
		   ARGS(v_text(ca_label), v_int(since),
		       v_int(j->now + CLOCK_TOLERANCE_SECS))) == 1
		   ? 0
		   : -1;
}

int
store_responder_reserve(struct job *j, const struct responder_row *r)
{
	return store_change(j, NULL,
	    "INSERT INTO responder (ca_label, serial, tbs, lint_report, "
	    "br_version, not_after, reserved_at, holder) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	    ARGS(v_text(r->ca_label), v_text(r->serial), v_bytes(r->tbs),
		v_text(r->lint_report), v_text(r->br_version),
		v_int(r->not_after), v_int(j->now), v_text(r->holder)));
}

int
store_responder_record(
    struct job *j, const char *serial, const char *ca_label, struct span der)
{
	return store_change_one(j, "responder",
	    "UPDATE responder SET issued_at = $3, der = $4 "
	    "WHERE serial = $1 AND ca_label = $2 AND issued_at = 0",
	    ARGS(
		v_text(serial), v_text(ca_label), v_int(j->now), v_bytes(der)));
}

int
store_responder_end(
    struct job *j, const char *ca_label, const char *holder, int64_t *not_after)
{
	return store_get_int(j, not_after,
	    "SELECT not_after FROM responder WHERE ca_label = $1 "
	    "AND holder = $2 AND issued_at > 0 ORDER BY not_after DESC LIMIT 1",
	    ARGS(v_text(ca_label), v_text(holder)));
}

int
store_ocsp_known(struct job *j, const char *ca_label, struct ocsp_known *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT serial, revoked_at, "
	    "CASE WHEN ocsp_due_at IS NULL THEN 0 ELSE 1 END FROM cert "
	    "WHERE ca_label = $1 AND not_after > $2 AND issued_at > 0 "
	    "ORDER BY not_after DESC LIMIT 1",
	    ARGS(v_text(ca_label), v_int(j->now)));

	*out = (struct ocsp_known){ .serial = NULL };
	if (found == 1) {
		out->serial = query_text(&q);
		out->is_revoked = query_int(&q) > 0;
		out->is_due = query_int(&q) != 0;
	}
	query_end(&q);
	return found;
}
