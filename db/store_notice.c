#include "config.h"

#include "db/store_notice.h"

#include "db/store_incident.h"
#include "db/store_private.h"
#include "lib/arena.h"

/* --- queueing ------------------------------------------------------------ */

/* The language of the first certificate that has one. */
int
store_notice_queue(struct job *j, const char *incident_id,
    const struct id_range *range, int64_t expires_at)
{
	j->wake |= 1u << ROLE_SENDER;
	return store_change(j, NULL,
	    "INSERT INTO notice (about, mailbox, language, deadline, "
	    "expires_at, due_at) SELECT n.id, z.mailbox, MAX(o.language), "
	    "n.deadline, $2, $3 FROM incident n "
	    "JOIN incident_cert i ON i.incident_id = n.id JOIN cert c ON c.id "
	    "= i.cert_id "
	    "JOIN orders o ON o.id = c.order_id "
	    "JOIN order_identifier oi ON oi.order_id = c.order_id "
	    "JOIN authz z ON z.id = oi.authz_id "
	    "WHERE n.id = $1 AND i.cert_id >= $4 AND i.cert_id <= $5 "
	    "GROUP BY n.id, n.deadline, z.mailbox "
	    "ON CONFLICT (about, mailbox) DO UPDATE "
	    "SET language = excluded.language WHERE notice.language IS NULL "
	    "AND excluded.language IS NOT NULL",
	    ARGS(v_text(incident_id), v_int(expires_at), v_int(j->now),
		v_text(range->from), v_text(range->to)));
}

int
store_notice_add(struct job *j, const char *incident_id, const char *mailbox,
    int64_t expires_at)
{
	return store_change(j, NULL,
	    "INSERT INTO notice (about, mailbox, deadline, expires_at, due_at) "
	    "SELECT id, $2, deadline, $3, $4 FROM incident WHERE id = $1 "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(incident_id), v_text(mailbox), v_int(expires_at),
		v_int(j->now)));
}

/* --- of renewals --------------------------------------------------------- */

#define RENEWAL "renewal:"

const char *
notice_of_renewal(struct job *j, const char *cert_id)
{
	return arena_printf(j->arena, RENEWAL "%s", cert_id);
}

const char *
notice_renewal_of(const char *about)
{
	return span_starts(span_str(about), SPAN(RENEWAL))
		   ? about + sizeof(RENEWAL) - 1
		   : NULL;
}

const char *
notice_object(struct job *j, const char *about)
{
	struct span s = span_str(about);

	if (notice_renewal_of(about) != NULL)
		return arena_printf(
		    j->arena, "cert:%s", notice_renewal_of(about));
	if (!span_starts(s, SPAN("report:")))
		return arena_printf(j->arena, "incident:%s", about);
	for (size_t end = s.n; end > 0; end--)
		if (s.p[end - 1] == ':')
			return span_dup(j->arena, span_cut(s, 0, end - 1));
	return about;
}

int
store_notice_renewal(struct job *j, const struct notice_renewal *n)
{
	return store_change(j, NULL,
	    "INSERT INTO notice (about, mailbox, language, deadline, "
	    "expires_at, due_at) VALUES ($1, $2, $3, $4, $5, $6) "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(notice_of_renewal(j, n->cert_id)), v_text(n->mailbox),
		v_text(n->language), v_int(n->not_after), v_int(n->expires_at),
		v_int(j->now)));
}

/* --- of reports ---------------------------------------------------------- */

const char *
notice_of_report(struct job *j, int64_t number, const char *step)
{
	return arena_printf(
	    j->arena, "report:%lld:%s", (long long)number, step);
}

int
store_notice_report(struct job *j, const struct notice_report *n)
{
	j->wake |= 1u << ROLE_SENDER;
	if (n->reporter != NULL &&
	    store_change(j, NULL,
		"INSERT INTO notice (about, mailbox, words, expires_at, "
		"due_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		ARGS(v_text(n->about), v_text(n->reporter), v_text(n->words),
		    v_int(n->expires_at), v_int(j->now))) < 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO notice (about, mailbox, words, expires_at, due_at) "
	    "SELECT DISTINCT $1, z.mailbox, $2, CAST($3 AS BIGINT), "
	    "CAST($4 AS BIGINT) FROM (SELECT order_id FROM cert WHERE id = $5 "
	    "UNION SELECT order_id FROM cert WHERE spki_sha256 = $6 "
	    "AND not_after >= $4 "
	    "UNION SELECT order_id FROM cert WHERE bare_sha256 = $7 "
	    "AND not_after >= $4) c "
	    "JOIN order_identifier oi ON oi.order_id = c.order_id "
	    "JOIN authz z ON z.id = oi.authz_id WHERE TRUE "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(n->about), v_text(n->words), v_int(n->expires_at),
		v_int(j->now), v_text(n->cert_id), v_bytes(n->spki_sha256),
		v_bytes(n->bare_sha256)));
}

int
store_notice_accounts(struct job *j, const char *incident_id,
    const struct id_range *range, size_t max, struct notice_account **out,
    size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT DISTINCT a.id, a.contact FROM incident_cert i "
	    "JOIN cert c ON c.id = i.cert_id "
	    "JOIN account a ON a.id = c.account_id "
	    "WHERE i.incident_id = $1 AND i.cert_id >= $2 AND i.cert_id <= $3 "
	    "LIMIT $4",
	    ARGS(v_text(incident_id), v_text(range->from), v_text(range->to),
		v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct notice_account *a = &(*out)[(*count)++];

		a->id = query_text(&q);
		a->contact = query_text(&q);
	}
	query_end(&q);
	return found;
}

/* --- sending ------------------------------------------------------------- */

static int
notice_get(
    struct job *j, const char *about, const char *mailbox, struct notice *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT about, mailbox, language, message, words, deadline, "
	    "expires_at, attempts FROM notice "
	    "WHERE about = $1 AND mailbox = $2",
	    ARGS(v_text(about), v_text(mailbox)));

	if (found == 1) {
		out->about = query_text(&q);
		out->mailbox = query_text(&q);
		out->language = query_text(&q);
		out->message = query_bytes(&q);
		out->words = query_text(&q);
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
	static const struct lease_text take =
	    LEASE_TEXT("UPDATE notice SET due_at = $2, attempts = attempts + 1 "
		       "WHERE (about, mailbox) = (SELECT about, mailbox "
		       "FROM notice WHERE due_at <= $1 ORDER BY due_at LIMIT 1",
		"due_at <= $1 RETURNING about, mailbox");
	const char *about = NULL, *mailbox = NULL;
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	*out = (struct notice){ .mailbox = NULL };
	if (found == 1) {
		about = query_text(&q);
		mailbox = query_text(&q);
	}
	query_end(&q);
	return found == 1 ? notice_get(j, about, mailbox, out) : found;
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
store_notice_spool(struct job *j, const struct notice *n,
    const char *message_id, struct span message)
{
	return change_open(j,
	    "UPDATE notice SET message = $3, message_id = $4 WHERE about = $1 "
	    "AND mailbox = $2 AND due_at IS NOT NULL AND message IS NULL",
	    ARGS(v_text(n->about), v_text(n->mailbox), v_bytes(message),
		v_text(message_id)));
}

int
store_notice_sent(struct job *j, const struct notice *n, const char *answer)
{
	return change_open(j,
	    "UPDATE notice SET sent_at = $3, answer = $4, due_at = NULL, "
	    "message = NULL WHERE about = $1 AND mailbox = $2 "
	    "AND sent_at = 0 AND failed_at = 0",
	    ARGS(v_text(n->about), v_text(n->mailbox), v_int(j->now),
		v_text(answer)));
}

int
store_notice_failed(struct job *j, const struct notice *n, const char *answer)
{
	return change_open(j,
	    "UPDATE notice SET failed_at = $3, answer = $4, due_at = NULL, "
	    "message = NULL WHERE about = $1 AND mailbox = $2 "
	    "AND due_at IS NOT NULL",
	    ARGS(v_text(n->about), v_text(n->mailbox), v_int(j->now),
		v_text(answer)));
}

int
store_notice_retry(
    struct job *j, const struct notice *n, int64_t due_at, const char *answer)
{
	return change_open(j,
	    "UPDATE notice SET due_at = $3, answer = $4 "
	    "WHERE about = $1 AND mailbox = $2 AND due_at IS NOT NULL",
	    ARGS(v_text(n->about), v_text(n->mailbox), v_int(due_at),
		v_text(answer)));
}

int
store_notice_give_back(struct job *j, const struct notice *n)
{
	return change_open(j,
	    "UPDATE notice SET due_at = $3, attempts = attempts - 1 "
	    "WHERE about = $1 AND mailbox = $2 AND due_at IS NOT NULL "
	    "AND attempts > 0",
	    ARGS(v_text(n->about), v_text(n->mailbox), v_int(j->now)));
}

int
store_notice_cancel(struct job *j, const char *incident_id)
{
	return store_change(j, NULL,
	    "UPDATE notice SET failed_at = $2, answer = 'cancelled', "
	    "due_at = NULL, message = NULL "
	    "WHERE about = $1 AND due_at IS NOT NULL",
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
store_notice_bounced(struct job *j, const char *message_id, const char *words,
    const char **about)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE notice SET bounced_at = $2, bounce = $3 "
	    "WHERE message_id = $1 AND bounced_at = 0 RETURNING about",
	    ARGS(v_text(message_id), v_int(j->now), v_text(words)));

	*about = found == 1 ? query_text(&q) : NULL;
	query_end(&q);
	return found;
}

int
store_notice_count(struct job *j, const char *about, struct notice_counts *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT COUNT(*), "
	    "SUM(CASE WHEN sent_at > 0 THEN 1 ELSE 0 END), "
	    "SUM(CASE WHEN failed_at > 0 THEN 1 ELSE 0 END), "
	    "SUM(CASE WHEN bounced_at > 0 THEN 1 ELSE 0 END) "
	    "FROM notice WHERE about = $1",
	    ARGS(v_text(about)));

	*out = (struct notice_counts){ 0 };
	if (found == 1) {
		out->all = query_int(&q);
		out->sent = out->all > 0 ? query_int(&q) : 0;
		out->failed = out->all > 0 ? query_int(&q) : 0;
		out->bounced = out->all > 0 ? query_int(&q) : 0;
	}
	query_end(&q);
	return found < 0 ? -1 : 0;
}
