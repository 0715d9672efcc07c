#include "config.h"

#include "db/store_clock.h"

#include "db/store_private.h"
#include "lib/count.h"

#define DAY ((int64_t)86400)

/* PK-168: an answer is renewed so long after it was made. */
#define OCSP_REFRESH_MAX_SECS (2 * DAY)

static int64_t
limit(const struct job *j)
{
	return j->now + CLOCK_TOLERANCE_SECS;
}

#define WORK_IF(secs, table, values, which)                                    \
	{                                                                      \
		secs, "SELECT COUNT(*) FROM " table " WHERE " which,           \
		    "UPDATE " table " SET " values " WHERE " which             \
	}
#define WORK(secs, table, column)                                              \
	WORK_IF(secs, table, column " = $2", column " > $1")

#define OPENED_AHEAD "opened_at > $1 AND finished_at = 0 AND cancelled_at = 0"
/* A moment of the incident's, as far from now as it was when it was opened. */
#define KEEP_TIME(column)                                                      \
	column " = $2 + " column " - (SELECT opened_at FROM incident n "       \
	       "WHERE n.id = about)"

/*
 * What waits is put off by less than a day: a try again, a lease; what was
 * revoked waits from that moment on.  An incident is looked at before its
 * deadline, or soon after; one that was opened ahead keeps the time that it
 * had.  Its notices come first, while it says when it was opened: whoever was
 * told of the wrong deadline is told again.
 */
static const struct {
	int64_t secs;
	const char *count, *set;
} work[] = {
	WORK(DAY, "orders", "issue_due_at"),
	WORK(DAY, "outbox", "due_at"),
	WORK(DAY, "reply", "due_at"),
	WORK(DAY, "caa", "due_at"),
	WORK(DAY, "caa_report", "due_at"),
	WORK(DAY, "notice", "due_at"),
	WORK(DAY, "handoff", "due_at"),
	WORK(DAY, "withdrawal", "due_at"),
	WORK(DAY, "upstream_window", "due_at"),
	WORK(DAY, "recheck", "due_at"),
	WORK(CLOCK_TOLERANCE_SECS, "recheck", "started_at"),
	WORK(CLOCK_TOLERANCE_SECS, "cert", "list_due_at"),
	WORK(CLOCK_TOLERANCE_SECS, "cert", "ocsp_due_at"),
	WORK_IF(CLOCK_TOLERANCE_SECS, "notice",
	    KEEP_TIME("deadline") ", " KEEP_TIME(
		"expires_at") ", "
			      "due_at = $2, attempts = 0, sent_at = 0, answer "
			      "= NULL, "
			      "message = NULL, message_id = NULL",
	    "failed_at = 0 AND bounced_at = 0 AND about IN "
	    "(SELECT id FROM incident WHERE " OPENED_AHEAD ")"),
	WORK_IF(CLOCK_TOLERANCE_SECS, "incident",
	    "deadline = $2 + deadline - opened_at, "
	    "known_at = CASE WHEN known_at > $1 "
	    "THEN $2 + known_at - opened_at ELSE known_at END, "
	    "opened_at = $2, "
	    "due_at = CASE WHEN due_at IS NULL THEN NULL ELSE $2 END",
	    OPENED_AHEAD),
	WORK_IF(DAY, "incident", "due_at = $2",
	    "due_at > $1 AND due_at > deadline"),
};

static int
count_work(struct job *j, int64_t *total)
{
	int64_t count;

	for (size_t i = 0; i < COUNT(work); i++) {
		if (store_get_int(j, &count, work[i].count,
			ARGS(v_int(j->now + work[i].secs))) != 1)
			return -1;
		*total += count;
	}
	return 0;
}

int
store_clock_ahead(struct job *j, struct clock_ahead *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT (SELECT COUNT(*) FROM cert WHERE reserved_at > $1 "
	    "AND aside_at = 0), "
	    "(SELECT COUNT(*) FROM cert WHERE reserved_at > $1 "
	    "AND aside_at = 0 AND issued_at > 0 AND revoked_at = 0 "
	    "AND not_after >= $3), "
	    "(SELECT COUNT(*) FROM crl WHERE this_update > $1 "
	    "AND aside_at = 0), "
	    "COALESCE((SELECT MAX(reserved_at) FROM cert "
	    "WHERE reserved_at > $1 AND aside_at = 0), 0), "
	    "COALESCE((SELECT MAX(this_update) FROM crl "
	    "WHERE this_update > $1 AND aside_at = 0), 0), "
	    "(SELECT COUNT(*) FROM ocsp_segment WHERE refresh_at > $2), "
	    "(SELECT COUNT(*) FROM authz WHERE created_at > $1 "
	    "AND valid_until > $1 AND revoked_at = 0 AND deactivated_at = 0)",
	    ARGS(v_int(limit(j)), v_int(limit(j) + OCSP_REFRESH_MAX_SECS),
		v_int(j->now)));

	*out = (struct clock_ahead){ .moment = 0 };
	if (found == 1) {
		int64_t reserved, listed;

		out->certs = query_int(&q);
		out->signed_certs = query_int(&q);
		out->lists = query_int(&q);
		reserved = query_int(&q);
		listed = query_int(&q);
		out->moment = reserved > listed ? reserved : listed;
		out->answers = query_int(&q);
		out->authz = query_int(&q);
	}
	query_end(&q);
	return found == 1 ? count_work(j, &out->work) : -1;
}

int
store_clock_request(struct job *j, int64_t moment, struct clock_request *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT asked_by, reason, asked_at FROM clock_aside "
	    "WHERE moment = $1 AND done_at = 0",
	    ARGS(v_int(moment)));

	*out = (struct clock_request){ .asked_by = NULL };
	if (found == 1) {
		out->asked_by = query_text(&q);
		out->reason = query_text(&q);
		out->asked_at = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_clock_ask(
    struct job *j, int64_t moment, const char *by, const char *reason)
{
	return store_change(j, NULL,
	    "INSERT INTO clock_aside (moment, asked_by, reason, asked_at) "
	    "VALUES ($1, $2, $3, $4) ON CONFLICT (moment) DO UPDATE SET "
	    "asked_by = $2, reason = $3, asked_at = $4, done_by = NULL, "
	    "done_at = 0",
	    ARGS(v_int(moment), v_text(by), v_text(reason), v_int(j->now)));
}

/*
 * The marks come first, and lock the rows: whoever is about to record what was
 * signed has been faster, and it is among the signed ones, or finds that the
 * number is revoked.
 */
static int
set_marks(struct job *j, int64_t moment, struct clock_marked *out)
{
	const struct sql_value values[] = { v_int(j->now), v_int(limit(j)),
		v_int(moment) };

	if (store_change(j, &out->certs,
		"UPDATE cert SET aside_at = $1 WHERE reserved_at > $2 "
		"AND reserved_at <= $3 AND aside_at = 0",
		values, 3) < 0 ||
	    store_change(j, &out->lists,
		"UPDATE crl SET aside_at = $1 WHERE this_update > $2 "
		"AND this_update <= $3 AND aside_at = 0",
		values, 3) < 0 ||
	    store_change(j, NULL,
		"UPDATE cert SET revoked_at = $1, reason = 4, "
		"revoked_by = 'clock set aside', list_due_at = $1, "
		"ocsp_due_at = $1 WHERE aside_at = $1 AND issued_at = 0 "
		"AND revoked_at = 0",
		values, 1) < 0)
		return -1;
	return store_get_int(j, &out->signed_certs,
		   "SELECT COUNT(*) FROM cert WHERE aside_at = $1 "
		   "AND issued_at > 0 AND revoked_at = 0 AND not_after >= $1",
		   values, 1) == 1
		   ? 0
		   : -1;
}

static int
set_segments(struct job *j)
{
	return store_change(j, NULL,
	    "UPDATE ocsp_segment SET refresh_at = $1 WHERE refresh_at > $2",
	    ARGS(v_int(j->now), v_int(limit(j) + OCSP_REFRESH_MAX_SECS)));
}

static int
set_work(struct job *j)
{
	for (size_t i = 0; i < COUNT(work); i++)
		if (store_change(j, NULL, work[i].set,
			ARGS(v_int(j->now + work[i].secs), v_int(j->now))) < 0)
			return -1;
	return 0;
}

/* The request's row comes first: of two who confirm it one is too late. */
int
store_clock_set_aside(
    struct job *j, int64_t moment, const char *by, struct clock_marked *out)
{
	int64_t done;

	if (store_change(j, &done,
		"UPDATE clock_aside SET done_by = $2, done_at = $3 "
		"WHERE moment = $1 AND done_at = 0",
		ARGS(v_int(moment), v_text(by), v_int(j->now))) < 0)
		return -1;
	if (done == 0)
		return job_fail(j, ERR_CONFLICT,
		    "nobody has asked for it, or it was done meanwhile");
	j->wake |= 1u << ROLE_ISSUER;
	if (set_marks(j, moment, out) < 0 || set_segments(j) < 0)
		return -1;
	return set_work(j);
}
