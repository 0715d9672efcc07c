#include "config.h"

#include "db/store_notice.h"

#include "db/store_private.h"
#include "lib/arena.h"

/* --- queueing --------------------------------------------------------------
 */

int
store_notice_queue(struct job *j, const char *incident_id, int64_t expires_at)
{
	j->wake |= 1u << ROLE_SENDER;
	return store_change(j, NULL,
	    "INSERT INTO notice (incident_id, mailbox, language, expires_at, "
	    "due_at) SELECT $1, z.mailbox, MAX(o.language), $2, $3 "
	    "FROM incident_cert i JOIN cert c ON c.id = i.cert_id "
	    "JOIN orders o ON o.id = c.order_id "
	    "JOIN order_identifier oi ON oi.order_id = c.order_id "
	    "JOIN authz z ON z.id = oi.authz_id "
	    "WHERE i.incident_id = $1 GROUP BY z.mailbox",
	    ARGS(v_text(incident_id), v_int(expires_at), v_int(j->now)));
}

int
store_notice_add(struct job *j, const char *incident_id, const char *mailbox,
    int64_t expires_at)
{
	return store_change(j, NULL,
	    "INSERT INTO notice (incident_id, mailbox, expires_at, due_at) "
	    "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
	    ARGS(v_text(incident_id), v_text(mailbox), v_int(expires_at),
		v_int(j->now)));
}

int
store_notice_accounts(struct job *j, const char *incident_id, const char *after,
    size_t max, struct notice_account **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT DISTINCT a.id, a.contact FROM incident_cert i "
	    "JOIN cert c ON c.id = i.cert_id "
	    "JOIN account a ON a.id = c.account_id "
	    "WHERE i.incident_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3",
	    ARGS(v_text(incident_id), v_text(after), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct notice_account *a = &(*out)[(*count)++];

		a->id = query_text(&q);
		a->contact = query_text(&q);
	}
	query_end(&q);
	return found;
}

/* --- sending ---------------------------------------------------------------
 */

static int
notice_get(struct job *j, const char *incident_id, const char *mailbox,
    struct notice *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT n.incident_id, n.mailbox, n.language, n.message, "
	    "i.deadline, n.expires_at, n.attempts "
	    "FROM notice n JOIN incident i ON i.id = n.incident_id "
	    "WHERE n.incident_id = $1 AND n.mailbox = $2",
	    ARGS(v_text(incident_id), v_text(mailbox)));

	if (found == 1) {
		out->incident_id = query_text(&q);
		out->mailbox = query_text(&q);
		out->language = query_text(&q);
		out->message = query_bytes(&q);
		out->deadline = query_int(&q);
		out->expires_at = query_int(&q);
		out->attempts = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_notice_lease(struct job *j, int64_t lease_until, struct notice *out)
{
	const char *incident_id = NULL, *mailbox = NULL;
	struct query q;
	int found = store_lease(&q, j, lease_until,
	    "UPDATE notice SET due_at = $2, attempts = attempts + 1 "
	    "WHERE (incident_id, mailbox) = (SELECT incident_id, mailbox "
	    "FROM notice WHERE due_at <= $1 ORDER BY due_at LIMIT 1) "
	    "AND due_at <= $1 RETURNING incident_id, mailbox",
	    "SELECT COUNT(*) FROM (SELECT 1 FROM notice "
	    "WHERE due_at <= $1 LIMIT 1) due");

	*out = (struct notice){ .mailbox = NULL };
	if (found == 1) {
		incident_id = query_text(&q);
		mailbox = query_text(&q);
	}
	query_end(&q);
	return found == 1 ? notice_get(j, incident_id, mailbox, out) : found;
}

int
store_notice_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT due_at FROM notice WHERE due_at IS NOT NULL "
	    "ORDER BY due_at LIMIT 1",
	    NO_ARGS);
}

/* What has ended has no due_at. */
static int
change_open(struct job *j, const char *text, const struct sql_value *values,
    size_t count)
{
	int64_t changed;

	if (store_change(j, &changed, text, values, count) < 0)
		return -1;
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT, "notice: it has ended");
	return 0;
}

int
store_notice_spool(struct job *j, const struct notice *n, struct span message)
{
	return change_open(j,
	    "UPDATE notice SET message = $3 WHERE incident_id = $1 "
	    "AND mailbox = $2 AND due_at IS NOT NULL AND message IS NULL",
	    ARGS(v_text(n->incident_id), v_text(n->mailbox), v_bytes(message)));
}

int
store_notice_sent(struct job *j, const struct notice *n, const char *answer)
{
	return change_open(j,
	    "UPDATE notice SET sent_at = $3, answer = $4, due_at = NULL, "
	    "message = NULL WHERE incident_id = $1 AND mailbox = $2 "
	    "AND sent_at = 0 AND failed_at = 0",
	    ARGS(v_text(n->incident_id), v_text(n->mailbox), v_int(j->now),
		v_text(answer)));
}

int
store_notice_failed(struct job *j, const struct notice *n, const char *answer)
{
	return change_open(j,
	    "UPDATE notice SET failed_at = $3, answer = $4, due_at = NULL, "
	    "message = NULL WHERE incident_id = $1 AND mailbox = $2 "
	    "AND due_at IS NOT NULL",
	    ARGS(v_text(n->incident_id), v_text(n->mailbox), v_int(j->now),
		v_text(answer)));
}

int
store_notice_retry(
    struct job *j, const struct notice *n, int64_t due_at, const char *answer)
{
	return change_open(j,
	    "UPDATE notice SET due_at = $3, answer = $4 "
	    "WHERE incident_id = $1 AND mailbox = $2 AND due_at IS NOT NULL",
	    ARGS(v_text(n->incident_id), v_text(n->mailbox), v_int(due_at),
		v_text(answer)));
}

int
store_notice_cancel(struct job *j, const char *incident_id)
{
	return store_change(j, NULL,
	    "UPDATE notice SET failed_at = $2, answer = 'cancelled', "
	    "due_at = NULL, message = NULL "
	    "WHERE incident_id = $1 AND due_at IS NOT NULL",
	    ARGS(v_text(incident_id), v_int(j->now)));
}

int
store_notice_recover(struct job *j)
{
	return store_recover(j,
	    "UPDATE notice SET due_at = $1 WHERE due_at > $1 "
	    "AND attempts > 0");
}

int
store_notice_count(
    struct job *j, const char *incident_id, struct notice_counts *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT COUNT(*), "
	    "SUM(CASE WHEN sent_at > 0 THEN 1 ELSE 0 END), "
	    "SUM(CASE WHEN failed_at > 0 THEN 1 ELSE 0 END) "
	    "FROM notice WHERE incident_id = $1",
	    ARGS(v_text(incident_id)));

	*out = (struct notice_counts){ 0 };
	if (found == 1) {
		out->all = query_int(&q);
		out->sent = out->all > 0 ? query_int(&q) : 0;
		out->failed = out->all > 0 ? query_int(&q) : 0;
	}
	query_end(&q);
	return found < 0 ? -1 : 0;
}
