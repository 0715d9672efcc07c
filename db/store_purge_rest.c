/* What is not an order's: lists, OCSP, incidents, stray mail (PK-22). */
#include "config.h"

#include <inttypes.h>

#include "db/store_private.h"
#include "db/store_purge_rows.h"
#include "lib/arena.h"

/* --- incidents ------------------------------------------------------------ */

int
purge_incident_due(struct job *j, const char *id,
    const struct purge_rules *rules, int64_t *due)
{
	struct query q;
	int64_t end = 0, one;
	int found = query_first(&q, j,
	    "SELECT finished_at, cancelled_at FROM incident WHERE id = $1",
	    ARGS(v_text(id)));

	if (found == 1) {
		int64_t finished = query_int(&q);

		end = later(finished, query_int(&q));
	}
	query_end(&q);
	if (found < 0)
		return -1;
	/* Open, or a draft; or one of its certificates is still there. */
	found = end == 0;
	if (!found)
		found = store_get_int(j, &one,
		    "SELECT 1 FROM incident_cert WHERE incident_id = $1 "
		    "LIMIT 1",
		    ARGS(v_text(id)));
	if (found == 0)
		found = store_get_int(j, &one,
		    "SELECT 1 FROM recheck_finding WHERE incident_id = $1 "
		    "LIMIT 1",
		    ARGS(v_text(id)));
	*due = found == 0 ? end + rules->retention : j->now + PURGE_DAY;
	return found < 0 ? -1 : 0;
}

int
purge_incident_delete(
    struct job *j, const char *id, const struct purge_rules *rules)
{
	(void)rules;
	if (store_change(j, NULL, "DELETE FROM notice WHERE about = $1",
		ARGS(v_text(id))) < 0)
		return -1;
	return store_change(
	    j, NULL, "DELETE FROM incident WHERE id = $1", ARGS(v_text(id)));
}

/* --- rows that say themselves when they go -------------------------------- */

/* Both statements with $1 up to when; `change` with $2 at most how many. */
static int
some(struct job *j, const struct purge_rules *rules, const char *counting,
    const char *change, const struct sql_value values[2], int64_t *count)
{
	*count = 0;
	if (rules->dry)
		return store_get_int(j, count, counting, values, 1) < 0 ? -1
									: 0;
	return store_change(j, count, change, values, 2);
}

#define SOME(from, max)                                                        \
	(const struct sql_value[])                                             \
	{                                                                      \
		v_int(from), v_int(max)                                        \
	}

/* A message that was not moved away yet would be read as a new one. */
#define STRAY "challenge_id IS NULL AND recorded_at <= $1 AND is_disposed = 1"

int
purge_strays(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	return some(j, rules, "SELECT COUNT(*) FROM reply WHERE " STRAY,
	    "DELETE FROM reply WHERE id IN (SELECT id FROM reply "
	    "WHERE " STRAY " ORDER BY recorded_at, id LIMIT $2)",
	    SOME(j->now - rules->retention, max), count);
}

int
purge_tokens(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	return some(j, rules,
	    "SELECT COUNT(*) FROM used_token WHERE keep_from <= $1",
	    "DELETE FROM used_token WHERE sha256 IN (SELECT sha256 "
	    "FROM used_token WHERE keep_from <= $1 "
	    "ORDER BY keep_from LIMIT $2)",
	    SOME(j->now - rules->retention, max), count);
}

/* No attempt to send it comes after expires_at.  Its check is a part of the
 * validation, and may be kept for longer. */
#define OLD_CAA_REPORT "due_at IS NULL AND expires_at <= $1"

int
purge_caa_reports(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	return some(j, rules,
	    "SELECT COUNT(*) FROM caa_report WHERE " OLD_CAA_REPORT,
	    "DELETE FROM caa_report WHERE id IN (SELECT id FROM caa_report "
	    "WHERE " OLD_CAA_REPORT " ORDER BY expires_at LIMIT $2)",
	    SOME(j->now - rules->retention, max), count);
}

/* As for a subscriber's certificate, although none had it; what that CA was
 * asked late counts from then.  Those of ours go with their certificates. */
#define OLD_WITHDRAWAL                                                         \
	"cert_id IS NULL AND not_after <= $1 AND due_at IS NULL "              \
	"AND asked_at <= $1 AND confirmed_at <= $1"

int
purge_withdrawals(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	return some(j, rules,
	    "SELECT COUNT(*) FROM withdrawal WHERE " OLD_WITHDRAWAL,
	    "DELETE FROM withdrawal WHERE id IN (SELECT id FROM withdrawal "
	    "WHERE " OLD_WITHDRAWAL " ORDER BY not_after LIMIT $2)",
	    SOME(j->now - rules->retention, max), count);
}

/* The newest list of a shard is served, and the one before it says whether an
 * expired number may leave (is_on_list() in db/store_purge_order.c). */
#define OLD_LIST                                                               \
	"FROM crl o WHERE o.der IS NOT NULL AND o.next_update <= $1 "          \
	"AND EXISTS (SELECT 1 FROM crl n WHERE n.ca_label = o.ca_label "       \
	"AND n.shard = o.shard AND n.der IS NOT NULL "                         \
	"AND n.number > o.number ORDER BY n.number LIMIT 1 OFFSET 1)"

int
purge_lists(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	return some(j, rules, "SELECT COUNT(*) " OLD_LIST,
	    "UPDATE crl SET der = NULL WHERE (ca_label, number) IN "
	    "(SELECT o.ca_label, o.number " OLD_LIST
	    " ORDER BY o.next_update LIMIT $2)",
	    SOME(j->now - rules->retain_final, max), count);
}

/* PK-153: numbers grow, so the greatest one stays. */
#define OLD_NUMBER                                                             \
	"FROM crl o WHERE o.der IS NULL AND o.next_update <= $1 "              \
	"AND EXISTS (SELECT 1 FROM crl n WHERE n.ca_label = o.ca_label "       \
	"AND n.number > o.number ORDER BY n.number LIMIT 1)"

int
purge_list_numbers(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	return some(j, rules, "SELECT COUNT(*) " OLD_NUMBER,
	    "DELETE FROM crl WHERE (ca_label, number) IN "
	    "(SELECT o.ca_label, o.number " OLD_NUMBER
	    " ORDER BY o.next_update LIMIT $2)",
	    SOME(j->now - rules->retention, max), count);
}

/* PK-143: the number is a subscriber certificate's as little as its own
 * again. */
int
purge_responders(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	const struct sql_value *v = SOME(j->now - rules->retention, max);

	if (!rules->dry &&
	    store_change(j, NULL,
		"INSERT INTO used_serial (ca_label, serial) "
		"SELECT ca_label, serial FROM responder "
		"WHERE not_after <= $1 ORDER BY not_after LIMIT $2 "
		"ON CONFLICT DO NOTHING",
		v, 2) < 0)
		return -1;
	return some(j, rules,
	    "SELECT COUNT(*) FROM responder WHERE not_after <= $1",
	    "DELETE FROM responder WHERE (ca_label, serial) IN "
	    "(SELECT ca_label, serial FROM responder WHERE not_after <= $1 "
	    "ORDER BY not_after LIMIT $2)",
	    v, count);
}

struct segment {
	const char *ca_label;
	int64_t number;
};

/* A segment answers for the numbers that end with its octet. */
static int
segment_delete(struct job *j, const struct segment *s,
    const struct purge_rules *rules, int64_t *count)
{
	const char *octet =
	    arena_printf(j->arena, "%02x", (unsigned)s->number & 0xff);
	int64_t one, changed = 1;
	int found = store_get_int(j, &one,
	    "SELECT 1 FROM cert WHERE ca_label = $1 "
	    "AND substr(serial, length(serial) - 1) = $2 "
	    "AND not_after > $3 LIMIT 1",
	    ARGS(v_text(s->ca_label), v_text(octet),
		v_int(j->now - rules->retain_final)));

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (!rules->dry && store_change(j, &changed,
			       "DELETE FROM ocsp_segment WHERE ca_label = $1 "
			       "AND segment = $2",
			       ARGS(v_text(s->ca_label), v_int(s->number))) < 0)
		return -1;
	*count += changed;
	return 0;
}

/* At most 256 rows for each CA: those that nobody has refreshed for long. */
int
purge_segments(
    struct job *j, const struct purge_rules *rules, int64_t max, int64_t *count)
{
	struct segment *list =
	    arena_calloc(j->arena, (size_t)max, sizeof(*list));
	struct query q;
	size_t n = 0;
	int found = query_first(&q, j,
	    "SELECT ca_label, segment FROM ocsp_segment "
	    "WHERE refresh_at <= $1 LIMIT $2",
	    ARGS(v_int(j->now - rules->retain_final), v_int(max)));

	for (; found == 1; found = query_next(&q)) {
		list[n].ca_label = query_text(&q);
		list[n++].number = query_int(&q);
	}
	query_end(&q);
	*count = 0;
	for (size_t i = 0; i < n && found == 0; i++)
		found = segment_delete(j, &list[i], rules, count);
	return found;
}
