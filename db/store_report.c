#include "config.h"

#include "db/store_report.h"

#include <inttypes.h>

#include "db/store_key.h"
#include "db/store_private.h"
#include "lib/arena.h"

#define COLUMNS_WITH(proof, spki)                                              \
	"number, reporter, text, cert_id, spki_sha256, bare_sha256, "          \
	"proof_kind, " proof ", " spki ", received_at, "                       \
	"entered_at, entered_by, alarm_at, answered_at, answered_by, "         \
	"decided_at, decided_by, decision, cause, deadline, incident_id, "     \
	"closed_at, closed_by"
#define COLUMNS COLUMNS_WITH("proof", "proof_spki")
/* For those who look: without what somebody has sent as proof. */
#define COLUMNS_BARE COLUMNS_WITH("NULL", "NULL")

static void
report_read(struct query *q, struct report *out)
{
	out->number = query_int(q);
	out->reporter = query_text(q);
	out->text = query_text(q);
	out->cert_id = query_text(q);
	out->spki_sha256 = query_bytes(q);
	out->bare_sha256 = query_bytes(q);
	out->proof_kind = query_text(q);
	out->proof = query_bytes(q);
	out->proof_spki = query_bytes(q);
	out->received_at = query_int(q);
	out->entered_at = query_int(q);
	out->entered_by = query_text(q);
	out->alarm_at = query_int(q);
	out->answered_at = query_int(q);
	out->answered_by = query_text(q);
	out->decided_at = query_int(q);
	out->decided_by = query_text(q);
	out->decision = query_text(q);
	out->cause = query_text(q);
	out->deadline = query_int(q);
	out->incident_id = query_text(q);
	out->closed_at = query_int(q);
	out->closed_by = query_text(q);
}

static int
report_get(struct job *j, const char *text, const struct sql_value *values,
    size_t count, struct report *out)
{
	struct query q;
	int found = query_first(&q, j, text, values, count);

	*out = (struct report){ .number = 0 };
	if (found == 1)
		report_read(&q, out);
	query_end(&q);
	return found;
}

/* --- entering ------------------------------------------------------------ */

/* The one row makes those who come together wait for each other. */
static int
next_number(struct job *j, int64_t *number)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE report_head SET last = last + 1 WHERE id = 1 "
	    "RETURNING last",
	    NO_ARGS);

	*number = found == 1 ? query_int(&q) : 0;
	query_end(&q);
	if (found == 0)
		return job_fail(
		    j, ERR_INTERNAL, "report_head: its row is missing");
	return found < 0 ? -1 : 0;
}

int
store_report_add(struct job *j, struct report *r)
{
	if (next_number(j, &r->number) < 0)
		return -1;
	r->entered_at = j->now;
	j->wake |= 1u << ROLE_ISSUER;
	return store_change(j, NULL,
	    "INSERT INTO report (number, reporter, text, cert_id, "
	    "spki_sha256, received_at, entered_at, entered_by, alarm_at, "
	    "proof_kind, proof, proof_spki, bare_sha256) VALUES "
	    "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
	    ARGS(v_int(r->number), v_text(r->reporter), v_text(r->text),
		v_text(r->cert_id), v_bytes(r->spki_sha256),
		v_int(r->received_at), v_int(r->entered_at),
		v_text(r->entered_by), v_int(r->alarm_at),
		v_text(r->proof_kind), v_bytes(r->proof),
		v_bytes(r->proof_spki), v_bytes(r->bare_sha256)));
}

/* --- reading ------------------------------------------------------------- */

int
store_report_by_number(struct job *j, int64_t number, struct report *out)
{
	return report_get(j, "SELECT " COLUMNS " FROM report WHERE number = $1",
	    ARGS(v_int(number)), out);
}

int
store_report_look(struct job *j, int64_t number, struct report *out)
{
	return report_get(j,
	    "SELECT " COLUMNS_BARE " FROM report WHERE number = $1",
	    ARGS(v_int(number)), out);
}

int
store_report_list(struct job *j, bool all, int64_t answer_secs, size_t max,
    struct report **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    all ? "SELECT " COLUMNS_BARE " FROM report WHERE number > $1 "
		  "ORDER BY number DESC LIMIT $2"
		: "SELECT " COLUMNS_BARE " FROM report WHERE closed_at = 0 "
		  "ORDER BY CASE WHEN answered_at = 0 OR decided_at = 0 "
		  "THEN received_at + CAST($1 AS BIGINT) WHEN deadline > 0 "
		  "THEN deadline ELSE 9223372036854775807 END, number LIMIT $2",
	    ARGS(v_int(all ? 0 : answer_secs), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		report_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

int
store_report_of_key(struct job *j, struct span spki_sha256)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM report WHERE spki_sha256 = $1 AND closed_at = 0 "
	    "LIMIT 1",
	    ARGS(v_bytes(spki_sha256)));
}

int
store_report_of_proof(
    struct job *j, const struct key_hash *key, int64_t *number)
{
	return store_get_int(j, number,
	    "SELECT number FROM report WHERE spki_sha256 = $1 "
	    "AND proof_kind IS NOT NULL UNION "
	    "SELECT number FROM report WHERE bare_sha256 = $2 "
	    "AND proof_kind IS NOT NULL ORDER BY number LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_bytes(key->bare_sha256)));
}

int
store_report_was_proven(struct job *j, const struct key_hash *key)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM report WHERE spki_sha256 = $1 "
	    "AND proof_kind IS NOT NULL AND closed_at > 0 "
	    "AND cause = 'key-compromise' UNION ALL "
	    "SELECT 1 FROM report WHERE bare_sha256 = $2 "
	    "AND proof_kind IS NOT NULL AND closed_at > 0 "
	    "AND cause = 'key-compromise' LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_bytes(key->bare_sha256)));
}

/* --- what becomes of it -------------------------------------------------- */

static int
change_once(struct job *j, int64_t number, const char *text,
    const struct sql_value *values, size_t count)
{
	int64_t changed;

	if (store_change(j, &changed, text, values, count) < 0)
		return -1;
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT,
		    "report %" PRId64 ": changed meanwhile", number);
	return 0;
}

int
store_report_answered(struct job *j, const struct report *r)
{
	return change_once(j, r->number,
	    "UPDATE report SET answered_at = $2, answered_by = $3, "
	    "alarm_at = CASE WHEN decided_at > 0 THEN NULL ELSE alarm_at END "
	    "WHERE number = $1 AND answered_at = 0 AND closed_at = 0",
	    ARGS(v_int(r->number), v_int(j->now), v_text(r->answered_by)));
}

int
store_report_decided(struct job *j, const struct report *r)
{
	return change_once(j, r->number,
	    "UPDATE report SET decided_at = $2, decided_by = $3, "
	    "decision = $4, cause = $5, deadline = $6, incident_id = $7, "
	    "alarm_at = CASE WHEN answered_at > 0 THEN NULL ELSE alarm_at END "
	    "WHERE number = $1 AND decided_at = 0 AND closed_at = 0",
	    ARGS(v_int(r->number), v_int(j->now), v_text(r->decided_by),
		v_text(r->decision), v_text(r->cause), v_int(r->deadline),
		v_text(r->incident_id)));
}

int
store_report_closed(struct job *j, const struct report *r)
{
	return change_once(j, r->number,
	    "UPDATE report SET closed_at = $2, closed_by = $3 "
	    "WHERE number = $1 AND closed_at = 0 AND answered_at > 0 "
	    "AND decided_at > 0",
	    ARGS(v_int(r->number), v_int(j->now), v_text(r->closed_by)));
}

/* --- alarms -------------------------------------------------------------- */

int
store_report_due(struct job *j, struct report *out)
{
	return report_get(j,
	    "SELECT " COLUMNS " FROM report WHERE alarm_at <= $1 "
	    "ORDER BY alarm_at LIMIT 1",
	    ARGS(v_int(j->now)), out);
}

int
store_report_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(alarm_at) FROM report WHERE alarm_at IS NOT NULL",
	    NO_ARGS);
}

int
store_report_set_alarm(struct job *j, int64_t number, int64_t at)
{
	return change_once(j, number,
	    "UPDATE report SET alarm_at = $2 "
	    "WHERE number = $1 AND alarm_at IS NOT NULL",
	    ARGS(v_int(number), v_int(at)));
}
