#include "config.h"

#include "db/store_outbox.h"

#include <assert.h>

#include "db/store_private.h"

/* --- taking -------------------------------------------------------------- */

static void
mail_read(struct query *q, struct outbox_mail *out)
{
	*out = (struct outbox_mail){ .challenge_id = query_text(q) };
	out->authz_id = query_text(q);
	out->account_id = query_text(q);
	out->order_id = query_text(q);
	out->mailbox = query_text(q);
	out->from = query_text(q);
	out->reply_to = query_text(q);
	out->message_id = query_text(q);
	out->language = query_text(q);
	out->eab_kid = query_text(q);
	/* The one place that reads part1 back (ER-6). */
	out->token_part1 = query_secret(q);
	out->message = query_secret(q);
	out->created_at = query_int(q);
	out->expires_at = query_int(q);
	out->attempts = query_int(q);
}

static int
mail_get(struct job *j, const char *challenge_id, struct outbox_mail *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT c.id, a.id, a.account_id, b.order_id, a.mailbox, "
	    "c.from_address, c.reply_to, c.message_id, o.language, t.eab_kid, "
	    "p.octets, "
	    "s.message, a.created_at, "
	    "a.expires_at, b.attempts "
	    "FROM outbox b JOIN challenge c ON c.id = b.challenge_id "
	    "JOIN authz a ON a.id = c.authz_id "
	    "JOIN account t ON t.id = a.account_id "
	    "JOIN orders o ON o.id = b.order_id "
	    "JOIN part1 p ON p.challenge_id = b.challenge_id "
	    "LEFT JOIN spool s ON s.challenge_id = b.challenge_id "
	    "WHERE b.challenge_id = $1",
	    ARGS(v_text(challenge_id)));

	if (found == 1)
		mail_read(&q, out);
	query_end(&q);
	/* A row that is due has its part1. */
	return found == 0
		   ? job_fail(j, ERR_INTERNAL,
			 "outbox %s: due without token-part1", challenge_id)
		   : found;
}

/* A row is due only while its challenge is alive; only the clock ends one
 * without a change of the row. */
int
store_outbox_lease(struct job *j, int64_t lease_until, struct outbox_mail *out)
{
	static const struct lease_text take =
	    LEASE_TEXT("UPDATE outbox SET due_at = $2, attempts = attempts + 1 "
		       "WHERE challenge_id = (SELECT challenge_id FROM outbox "
		       "WHERE due_at <= $1 AND expires_at > $1 "
		       "ORDER BY due_at LIMIT 1",
		"due_at <= $1 "
		"RETURNING challenge_id");
	struct query q;
	const char *id = NULL;
	int found = store_lease(&q, j, lease_until, &take);

	if (found == 1)
		id = query_text(&q);
	query_end(&q);
	return found == 1 ? mail_get(j, id, out) : found;
}

int
store_outbox_is_open(struct job *j, const char *challenge_id)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM outbox WHERE challenge_id = $1 AND closed_at = 0",
	    ARGS(v_text(challenge_id)));
}

int
store_outbox_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT due_at FROM outbox "
	    "WHERE due_at IS NOT NULL AND expires_at > $1 "
	    "ORDER BY due_at LIMIT 1",
	    ARGS(v_int(j->now)));
}

/* --- what became of it --------------------------------------------------- */

/* Written once: every attempt sends these octets (ER-10, AC-118). */
int
store_outbox_spool(struct job *j, const char *challenge_id, struct span message)
{
	int64_t changed;

	assert(message.n > 0);
	if (store_change(j, &changed,
		"INSERT INTO spool (challenge_id, message) "
		"SELECT challenge_id, $2 FROM part1 WHERE challenge_id = $1 "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(challenge_id), v_bytes(message))) != 0)
		return -1;
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT,
		    "outbox %s: spooled before, or ended", challenge_id);
	return 0;
}

static int
release_held(struct job *j, const char *order_id, int64_t place, int64_t due_at)
{
	return store_change(j, NULL,
	    "UPDATE outbox SET due_at = $3 WHERE order_id = $1 "
	    "AND place = $2 AND closed_at = 0 AND due_at IS NULL",
	    ARGS(v_text(order_id), v_int(place), v_int(due_at)));
}

static int
lock(struct job *j, const char *challenge_id, struct authz *out)
{
	int found = challenge_lock(j, challenge_id, out);

	return found == 0 ? job_fail(j, ERR_CONFLICT, "outbox %s: no such row",
				challenge_id)
			  : found;
}

/*
 * The fact is noted even if the challenge has ended since the mail was
 * leased: a quick reply can be recorded before the relay's answer is.
 * Nothing reads part1 or the spooled octets after this.
 */
int
store_outbox_sent(struct job *j, const char *challenge_id,
    const char *relay_answer, int64_t gap)
{
	struct query q;
	struct authz a;
	const char *order_id = NULL;
	int64_t place = 0;
	int found;

	if (lock(j, challenge_id, &a) < 0)
		return -1;
	found = query_first_write(&q, j,
	    "UPDATE outbox SET sent_at = $2, relay_answer = $3, error = NULL "
	    "WHERE challenge_id = $1 AND sent_at = 0 AND failed_at = 0 "
	    "RETURNING order_id, place",
	    ARGS(v_text(challenge_id), v_int(j->now), v_text(relay_answer)));

	if (found == 1) {
		order_id = query_text(&q);
		place = query_int(&q);
	}
	query_end(&q);
	if (found == 0)
		return job_fail(j, ERR_CONFLICT,
		    "outbox %s: its end is recorded already", challenge_id);
	if (found < 0 || challenge_close(j, challenge_id) != 0)
		return -1;
	return release_held(j, order_id, place + 1, j->now + gap);
}

int
store_outbox_retry(struct job *j, const char *challenge_id, int64_t due_at,
    const char *code, const char *error)
{
	return store_change_one(j, "outbox",
	    "UPDATE outbox SET due_at = $2, code = $3, error = $4 "
	    "WHERE challenge_id = $1 AND closed_at = 0",
	    ARGS(v_text(challenge_id), v_int(due_at), v_text(code),
		v_text(error)));
}

int
store_outbox_give_back(struct job *j, const char *challenge_id)
{
	return store_change_one(j, "outbox",
	    "UPDATE outbox SET due_at = $2, attempts = attempts - 1 "
	    "WHERE challenge_id = $1 AND closed_at = 0 AND attempts > 0",
	    ARGS(v_text(challenge_id), v_int(j->now)));
}

int
store_outbox_failed(struct job *j, const char *challenge_id,
    const char *relay_answer, const char *error)
{
	struct authz a;

	assert(error != NULL);
	if (lock(j, challenge_id, &a) < 0 ||
	    store_change_one(j, "outbox",
		"UPDATE outbox SET failed_at = $2, relay_answer = $3 "
		"WHERE challenge_id = $1 AND sent_at = 0 AND failed_at = 0",
		ARGS(v_text(challenge_id), v_int(j->now),
		    v_text(relay_answer))) != 0)
		return -1;
	/* The first decisive event stands; expired stays expired. */
	if (challenge_is_decided(&a) || a.expires_at <= j->now)
		return challenge_close(j, challenge_id);
	return challenge_fail(j, &a, error);
}

int
store_outbox_recover(struct job *j)
{
	return store_recover(j,
	    "UPDATE outbox SET due_at = $1 WHERE due_at > $1 "
	    "AND attempts > 0");
}
