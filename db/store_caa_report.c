#include "config.h"

#include "db/store_caa_report.h"

#include "db/store_private.h"

int
store_caa_report_queue(struct job *j, const struct caa_report *r)
{
	j->wake |= 1u << ROLE_SENDER;
	return store_change(j, NULL,
	    "INSERT INTO caa_report (id, caa_id, domain, found_at, reason, "
	    "refused_at, recipient, expires_at, due_at) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    ARGS(v_text(r->id), v_text(r->caa_id), v_text(r->domain),
		v_text(r->found_at), v_text(r->reason), v_int(r->refused_at),
		v_text(r->recipient), v_int(r->expires_at), v_int(j->now)));
}

int
store_caa_report_lease(
    struct job *j, int64_t lease_until, struct caa_report *out)
{
	static const struct lease_text take = LEASE_TEXT(
	    "UPDATE caa_report SET due_at = $2, attempts = attempts + 1 "
	    "WHERE id = (SELECT id FROM caa_report WHERE due_at <= $1 "
	    "ORDER BY due_at LIMIT 1",
	    "due_at <= $1 "
	    "RETURNING id, caa_id, domain, found_at, reason, refused_at, "
	    "recipient, expires_at, message, attempts");
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	if (found == 1) {
		*out = (struct caa_report){ .id = query_text(&q) };
		out->caa_id = query_text(&q);
		out->domain = query_text(&q);
		out->found_at = query_text(&q);
		out->reason = query_text(&q);
		out->refused_at = query_int(&q);
		out->recipient = query_text(&q);
		out->expires_at = query_int(&q);
		out->message = query_bytes(&q);
		out->attempts = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_caa_report_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT due_at FROM caa_report WHERE due_at IS NOT NULL "
	    "ORDER BY due_at LIMIT 1",
	    NO_ARGS);
}

int
store_caa_report_spool(
    struct job *j, const struct caa_report *r, struct span message)
{
	return store_change_one(j, "CAA report",
	    "UPDATE caa_report SET message = $2 WHERE id = $1 "
	    "AND due_at IS NOT NULL AND message IS NULL",
	    ARGS(v_text(r->id), v_bytes(message)));
}

int
store_caa_report_sent(
    struct job *j, const struct caa_report *r, const char *answer)
{
	return store_change_one(j, "CAA report",
	    "UPDATE caa_report SET sent_at = $2, answer = $3, due_at = NULL, "
	    "message = NULL WHERE id = $1 AND due_at IS NOT NULL",
	    ARGS(v_text(r->id), v_int(j->now), v_text(answer)));
}

int
store_caa_report_failed(
    struct job *j, const struct caa_report *r, const char *answer)
{
	return store_change_one(j, "CAA report",
	    "UPDATE caa_report SET failed_at = $2, answer = $3, due_at = NULL, "
	    "message = NULL WHERE id = $1 AND due_at IS NOT NULL",
	    ARGS(v_text(r->id), v_int(j->now), v_text(answer)));
}

int
store_caa_report_retry(struct job *j, const struct caa_report *r,
    int64_t due_at, const char *answer)
{
	return store_change_one(j, "CAA report",
	    "UPDATE caa_report SET due_at = $2, answer = $3 WHERE id = $1 "
	    "AND due_at IS NOT NULL",
	    ARGS(v_text(r->id), v_int(due_at), v_text(answer)));
}

int
store_caa_report_give_back(struct job *j, const struct caa_report *r)
{
	return store_change_one(j, "CAA report",
	    "UPDATE caa_report SET due_at = $2, attempts = attempts - 1 "
	    "WHERE id = $1 AND due_at IS NOT NULL AND attempts > 0",
	    ARGS(v_text(r->id), v_int(j->now)));
}

int
store_caa_report_recover(struct job *j)
{
	return store_recover(j,
	    "UPDATE caa_report SET due_at = $1 WHERE due_at > $1 "
	    "AND attempts > 0");
}
