#include "config.h"

#include "db/store_authz.h"

#include <assert.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/digest.h"

/* --- reading ------------------------------------------------------------- */

static void
challenge_read(struct query *q, struct challenge *out)
{
	*out = (struct challenge){ .id = query_text(q) };
	out->token_part2 = query_text(q);
	out->thumbprint = query_text(q);
	out->from = query_text(q);
	out->reply_to = query_text(q);
	out->message_id = query_text(q);
	out->posted_at = query_int(q);
	out->proven_at = query_int(q);
	out->failed_at = query_int(q);
	out->error = query_text(q);
	out->soft_count = query_int(q);
	out->mail_sent_at = query_int(q);
	out->mail_due_at = query_int(q);
	out->mail_attempts = query_int(q);
	out->relay_answer = query_text(q);
	out->mail_error = query_text(q);
}

void
authz_read(struct query *q, struct authz *out)
{
	*out = (struct authz){ .id = query_text(q) };
	out->account_id = query_text(q);
	out->order_id = query_text(q);
	out->mailbox = query_text(q);
	out->ident_type = query_text(q);
	out->ident_value = query_text(q);
	out->created_at = query_int(q);
	out->expires_at = query_int(q);
	out->valid_at = query_int(q);
	out->valid_until = query_int(q);
	out->failed_at = query_int(q);
	out->deactivated_at = query_int(q);
	out->revoked_at = query_int(q);
	out->held_until = query_int(q);
	challenge_read(q, &out->challenge);
}

static int
authz_get(struct job *j, const char *text, const struct sql_value *values,
    size_t count, struct authz *out)
{
	struct query q;
	int found = query_first(&q, j, text, values, count);

	if (found == 1)
		authz_read(&q, out);
	query_end(&q);
	return found;
}

/* Absent and foreign cost the same: one look-up by id (AC-175). */
int
store_authz_by_id(
    struct job *j, const char *id, const char *account_id, struct authz *out)
{
	if (account_id == NULL)
		return authz_get(j,
		    "SELECT " AUTHZ_COLUMNS " FROM " AUTHZ_TABLES
		    " WHERE a.id = $1",
		    ARGS(v_text(id)), out);
	return authz_get(j,
	    "SELECT " AUTHZ_COLUMNS " FROM " AUTHZ_TABLES
	    " WHERE a.id = $1 AND a.account_id = $2",
	    ARGS(v_text(id), v_text(account_id)), out);
}

int
store_authz_by_challenge(struct job *j, const char *challenge_id,
    const char *account_id, struct authz *out)
{
	if (account_id == NULL)
		return authz_get(j,
		    "SELECT " AUTHZ_COLUMNS " FROM " AUTHZ_TABLES
		    " WHERE c.id = $1",
		    ARGS(v_text(challenge_id)), out);
	return authz_get(j,
	    "SELECT " AUTHZ_COLUMNS " FROM " AUTHZ_TABLES
	    " WHERE c.id = $1 AND a.account_id = $2",
	    ARGS(v_text(challenge_id), v_text(account_id)), out);
}

int
store_challenge_token_hashes(struct job *j, const char *challenge_id,
    struct span *part1, struct span *part2)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT token_part1_sha256, token_part2_sha256 FROM challenge "
	    "WHERE id = $1",
	    ARGS(v_text(challenge_id)));

	if (found == 1) {
		*part1 = query_bytes(&q);
		*part2 = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
store_authz_reusable(struct job *j, const char *account_id, const char *mailbox,
    const char *type, int64_t until, struct authz *out)
{
	return authz_get(j,
	    "SELECT " AUTHZ_COLUMNS " FROM " AUTHZ_TABLES
	    " WHERE a.account_id = $1 AND a.mailbox = $2 AND a.valid_at > 0 "
	    "AND a.valid_until >= $3 AND a.held_until = 0 AND a.failed_at = 0 "
	    "AND a.deactivated_at = 0 AND a.revoked_at = 0 "
	    "AND a.ident_type = COALESCE($4, a.ident_type) "
	    "ORDER BY a.valid_until DESC LIMIT 1",
	    ARGS(v_text(account_id), v_text(mailbox), v_int(until),
		v_text(type)),
	    out);
}

int
store_authz_was_valid(
    struct job *j, const char *account_id, const char *mailbox)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM authz WHERE account_id = $1 AND mailbox = $2 "
	    "AND valid_at > 0 LIMIT 1",
	    ARGS(v_text(account_id), v_text(mailbox)));
}

#define AUTHZ_WAITS                                                            \
	"valid_at = 0 AND failed_at = 0 AND deactivated_at = 0 "               \
	"AND revoked_at = 0"

int
store_authz_pending_over(struct job *j, const char *account_id,
    const char *mailbox, int64_t room, int64_t *until)
{
	static const char of_account[] =
	    "SELECT expires_at FROM authz WHERE account_id = $1 "
	    "AND expires_at > $2 AND " AUTHZ_WAITS
	    " ORDER BY expires_at DESC LIMIT 1 OFFSET $3";
	static const char of_mailbox[] =
	    "SELECT expires_at FROM authz WHERE account_id = $1 "
	    "AND expires_at > $2 AND mailbox = $4 AND " AUTHZ_WAITS
	    " ORDER BY expires_at DESC LIMIT 1 OFFSET $3";

	if (mailbox == NULL)
		return store_get_int(j, until, of_account,
		    ARGS(v_text(account_id), v_int(j->now), v_int(room)));
	return store_get_int(j, until, of_mailbox,
	    ARGS(v_text(account_id), v_int(j->now), v_int(room),
		v_text(mailbox)));
}

/* --- making -------------------------------------------------------------- */

static int
challenge_insert(struct job *j, const struct authz *a)
{
	const struct challenge *c = &a->challenge;
	uint8_t hash1[SHA256_LEN], hash2[SHA256_LEN];
	int64_t changed = 0, one;
	int used;

	sha256(c->token_part1, hash1);
	sha256(span_str(c->token_part2), hash2);
	used = store_get_int(j, &one,
	    "SELECT 1 FROM used_token WHERE sha256 IN ($1, $2) LIMIT 1",
	    ARGS(v_bytes(span_mem(hash1, SHA256_LEN)),
		v_bytes(span_mem(hash2, SHA256_LEN))));
	if (used < 0)
		return -1;
	if (used == 0 &&
	    store_change(j, &changed,
		"INSERT INTO challenge (id, authz_id, token_part1_sha256, "
		"token_part2, token_part2_sha256, thumbprint, from_address, "
		"reply_to, message_id) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(c->id), v_text(a->id),
		    v_bytes(span_mem(hash1, SHA256_LEN)),
		    v_text(c->token_part2),
		    v_bytes(span_mem(hash2, SHA256_LEN)), v_text(c->thumbprint),
		    v_text(c->from), v_text(c->reply_to),
		    v_text(c->message_id))) != 0)
		return -1;
	/* PK-6: no value is offered twice; the caller draws again */
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT,
		    "challenge %s: its id, a token half or its Message-ID "
		    "has been used",
		    c->id);
	return 0;
}

static int
outbox_insert(
    struct job *j, const struct authz *a, int64_t place, int64_t due_at)
{
	const struct challenge *c = &a->challenge;

	if (store_change(j, NULL,
		"INSERT INTO part1 (challenge_id, expires_at, octets) "
		"VALUES ($1, $2, $3)",
		ARGS(v_text(c->id), v_int(a->expires_at),
		    v_bytes(c->token_part1))) != 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO outbox (challenge_id, order_id, place, expires_at, "
	    "due_at) VALUES ($1, $2, $3, $4, $5)",
	    ARGS(v_text(c->id), v_text(a->order_id), v_int(place),
		v_int(a->expires_at), v_due(due_at)));
}

int
authz_insert(
    struct job *j, const struct authz *a, int64_t place, int64_t mail_due_at)
{
	assert(a->challenge.token_part1.n == TOKEN_PART_LEN);
	assert(strlen(a->challenge.token_part2) == TOKEN_PART_LEN);
	if (store_change(j, NULL,
		"INSERT INTO authz (id, account_id, order_id, mailbox, "
		"ident_type, ident_value, created_at, expires_at, keep_from) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
		ARGS(v_text(a->id), v_text(a->account_id), v_text(a->order_id),
		    v_text(a->mailbox), v_text(a->ident_type),
		    v_text(a->ident_value), v_int(a->created_at),
		    v_int(a->expires_at))) != 0 ||
	    challenge_insert(j, a) != 0)
		return -1;
	return outbox_insert(j, a, place, mail_due_at);
}

const char *
challenge_answer_to(const struct challenge *c)
{
	return c->reply_to != NULL ? c->reply_to : c->from;
}

/* --- changing ------------------------------------------------------------ */

bool
authz_is_open(const struct authz *a)
{
	return a->valid_at == 0 && a->failed_at == 0 &&
	       a->deactivated_at == 0 && a->revoked_at == 0;
}

bool
challenge_is_decided(const struct authz *a)
{
	return !authz_is_open(a) || a->challenge.proven_at != 0 ||
	       a->challenge.failed_at != 0;
}

/*
 * A change that changes nothing is the lock that both databases know.  POST,
 * replies, bounces and the end of an order all begin here, so each sees what
 * the one before it did.
 */
int
challenge_lock(struct job *j, const char *challenge_id, struct authz *out)
{
	int64_t changed;

	/* Where nobody else can write, no row needs a lock. */
	if (!store_is_exclusive(j)) {
		if (store_change(j, &changed,
			"UPDATE challenge SET soft_count = soft_count "
			"WHERE id = $1",
			ARGS(v_text(challenge_id))) != 0)
			return -1;
		if (changed == 0)
			return 0;
	}
	return store_authz_by_challenge(j, challenge_id, NULL, out);
}

int
challenge_close(struct job *j, const char *challenge_id)
{
	if (store_change(j, NULL, "DELETE FROM part1 WHERE challenge_id = $1",
		ARGS(v_text(challenge_id))) != 0 ||
	    store_change(j, NULL, "DELETE FROM spool WHERE challenge_id = $1",
		ARGS(v_text(challenge_id))) != 0)
		return -1;
	return store_change(j, NULL,
	    "UPDATE outbox SET due_at = NULL, closed_at = $2 "
	    "WHERE challenge_id = $1 AND closed_at = 0",
	    ARGS(v_text(challenge_id), v_int(j->now)));
}

static int
authz_make_valid(struct job *j, const struct authz *a, int64_t valid_until)
{
	return store_change_one(j, "authorization",
	    "UPDATE authz SET valid_at = $2, valid_until = $3 WHERE id = $1 "
	    "AND valid_at = 0 AND failed_at = 0 AND deactivated_at = 0 "
	    "AND revoked_at = 0",
	    ARGS(v_text(a->id), v_int(j->now), v_int(valid_until)));
}

/* AC-116: the verdict lets the next mail go that still waits. */
static int
release_next_mail(struct job *j, const char *challenge_id)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE outbox SET due_at = $2 WHERE closed_at = 0 "
		"AND attempts = 0 AND (due_at IS NULL OR due_at > $2) "
		"AND order_id = (SELECT order_id FROM outbox "
		"WHERE challenge_id = $1) "
		"AND place = (SELECT place + 1 FROM outbox "
		"WHERE challenge_id = $1)",
		ARGS(v_text(challenge_id), v_int(j->now))) != 0)
		return -1;
	if (changed > 0)
		j->wake |= 1u << ROLE_SENDER;
	return 0;
}

/*
 * AC-123: a matching reply alone makes nothing valid.  It does end the need
 * for part1: the mail has arrived, whatever the relay said about it.
 */
int
challenge_prove(struct job *j, const struct authz *a, int64_t valid_until)
{
	if (store_change_one(j, "challenge",
		"UPDATE challenge SET proven_at = $2 "
		"WHERE id = $1 AND proven_at = 0 AND failed_at = 0",
		ARGS(v_text(a->challenge.id), v_int(j->now))) != 0 ||
	    challenge_close(j, a->challenge.id) != 0 ||
	    release_next_mail(j, a->challenge.id) != 0)
		return -1;
	return a->challenge.posted_at == 0
		   ? 0
		   : authz_make_valid(j, a, valid_until);
}

/* AC-127: orders that stand on the authorization end with the same error;
 * those with a CSR were decided before, also one whose finalize is committed
 * by another process between the two statements. */
static int
fail_orders(struct job *j, const char *authz_id, const char *error)
{
	for (;;) {
		struct query q;
		const char *order_id = NULL;
		int found = query_first(&q, j,
		    "SELECT o.id FROM order_identifier i "
		    "JOIN orders o ON o.id = i.order_id "
		    "WHERE i.authz_id = $1 AND o.failed_at = 0 "
		    "AND o.cert_id IS NULL AND o.csr_at = 0 LIMIT 1",
		    ARGS(v_text(authz_id)));

		if (found == 1)
			order_id = query_text(&q);
		query_end(&q);
		if (found != 1)
			return found;
		if (order_fail_undecided(j, order_id, error) != 0)
			return -1;
	}
}

int
challenge_fail(struct job *j, const struct authz *a, const char *error)
{
	if (store_change_one(j, "challenge",
		"UPDATE challenge SET failed_at = $2, error = $3 "
		"WHERE id = $1 AND proven_at = 0 AND failed_at = 0",
		ARGS(v_text(a->challenge.id), v_int(j->now), v_text(error))) !=
		0 ||
	    store_change_one(j, "authorization",
		"UPDATE authz SET failed_at = $2 WHERE id = $1 AND valid_at = "
		"0 "
		"AND failed_at = 0 AND deactivated_at = 0 AND revoked_at = 0",
		ARGS(v_text(a->id), v_int(j->now))) != 0 ||
	    challenge_close(j, a->challenge.id) != 0)
		return -1;
	return fail_orders(j, a->id, error);
}

int
store_authz_lock(struct job *j, const char *id, struct authz *out)
{
	int found = store_authz_by_id(j, id, NULL, out);

	return found == 1 ? challenge_lock(j, out->challenge.id, out) : found;
}

/* No order that ends here has an error to show (AC-96). */
int
store_authz_deactivate(struct job *j, const struct authz *a)
{
	if (store_change_one(j, "authorization",
		"UPDATE authz SET deactivated_at = $2 WHERE id = $1 "
		"AND failed_at = 0 AND deactivated_at = 0 AND revoked_at = 0",
		ARGS(v_text(a->id), v_int(j->now))) != 0 ||
	    challenge_close(j, a->challenge.id) != 0)
		return -1;
	return fail_orders(j, a->id, NULL);
}

int
store_authz_revoke(struct job *j, const struct authz *a)
{
	if (store_change_one(j, "authorization",
		"UPDATE authz SET revoked_at = $2 WHERE id = $1 "
		"AND revoked_at = 0",
		ARGS(v_text(a->id), v_int(j->now))) != 0 ||
	    challenge_close(j, a->challenge.id) != 0)
		return -1;
	return fail_orders(j, a->id, NULL);
}

static int
live_first(struct query *q, struct job *j, const struct authz_range *range,
    const char *after, size_t max)
{
	const char *name = range->domain == NULL ? "" : range->domain;

	return query_first(q, j,
	    "SELECT id FROM authz WHERE id > $1 AND valid_at > 0 "
	    "AND valid_until > $2 AND failed_at = 0 AND deactivated_at = 0 "
	    "AND revoked_at = 0 AND valid_at >= $3 "
	    "AND ($4 = 0 OR valid_at <= $4) AND ($5 = '' "
	    "OR mailbox LIKE $6 ESCAPE '!' OR mailbox LIKE $7 ESCAPE '!') "
	    "ORDER BY id LIMIT $8",
	    ARGS(v_text(after == NULL ? "" : after), v_int(j->now),
		v_int(range->from), v_int(range->to), v_text(name),
		v_text(store_pattern(j, "%@", name)),
		v_text(store_pattern(j, "%.", name)), v_int((int64_t)max)));
}

int
store_authz_live(struct job *j, const struct authz_range *range,
    const char *after, size_t max, const char ***out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = live_first(&q, j, range, after, max);
	for (; found == 1; found = query_next(&q))
		(*out)[(*count)++] = query_text(&q);
	query_end(&q);
	return found;
}

static int
set_error(struct job *j, const char *id, const char *error)
{
	return store_change(j, NULL,
	    "UPDATE challenge SET error = $2 WHERE authz_id = $1",
	    ARGS(v_text(id), v_text(error)));
}

int
store_authz_forbid(struct job *j, const char *id, const char *error)
{
	int64_t changed = 0;

	if (store_change(j, &changed,
		"UPDATE authz SET failed_at = $2 WHERE id = $1 "
		"AND (valid_at > 0 OR EXISTS (SELECT 1 FROM challenge "
		"WHERE authz_id = $1 AND proven_at > 0)) "
		"AND failed_at = 0 AND deactivated_at = 0 AND revoked_at = 0 "
		"AND NOT EXISTS (SELECT 1 FROM order_identifier i "
		"JOIN orders o ON o.id = i.order_id WHERE i.authz_id = $1 "
		"AND o.csr_at > 0 AND o.failed_at = 0 AND o.cert_id IS NULL)",
		ARGS(v_text(id), v_int(j->now))) < 0)
		return -1;
	if (changed == 0)
		return 0;
	if (set_error(j, id, error) < 0 || fail_orders(j, id, error) != 0)
		return -1;
	return 1;
}

/* Earlier replies have no part in what is waited for. */
int
store_authz_hold(struct job *j, const char *id, int64_t until)
{
	if (store_change(j, NULL,
		"UPDATE authz SET held_until = $2 WHERE id = $1",
		ARGS(v_text(id), v_int(until))) < 0)
		return -1;
	return set_error(j, id, NULL);
}

int
store_authz_hold_on(struct job *j, const char *id, const char *error)
{
	return set_error(j, id, error);
}

int
store_authz_release(struct job *j, const char *id)
{
	int64_t changed = 0;

	if (store_change(j, &changed,
		"UPDATE authz SET held_until = 0 "
		"WHERE id = $1 AND held_until > $2",
		ARGS(v_text(id), v_int(j->now))) < 0)
		return -1;
	if (changed > 0)
		j->wake |= 1u << ROLE_WEB;
	return 0;
}

static int
post_first(struct job *j, const struct authz *a, int64_t valid_until)
{
	int64_t changed;

	if (store_change_one(j, "challenge",
		"UPDATE challenge SET posted_at = $2 "
		"WHERE id = $1 AND posted_at = 0",
		ARGS(v_text(a->challenge.id), v_int(j->now))) != 0)
		return -1;
	if (a->challenge.proven_at != 0)
		return authz_make_valid(j, a, valid_until) != 0
			   ? -1
			   : challenge_close(j, a->challenge.id);
	/* A mail that was tried keeps its pause (ER-11). */
	if (store_change(j, &changed,
		"UPDATE outbox SET due_at = $2 WHERE challenge_id = $1 "
		"AND closed_at = 0 AND attempts = 0 "
		"AND (due_at IS NULL OR due_at > $2)",
		ARGS(v_text(a->challenge.id), v_int(j->now))) != 0)
		return -1;
	if (changed > 0)
		j->wake |= 1u << ROLE_SENDER;
	return 0;
}

int
store_challenge_post(struct job *j, const char *challenge_id,
    int64_t valid_until, struct authz *out)
{
	int found = challenge_lock(j, challenge_id, out);

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(
		    j, ERR_CONFLICT, "challenge %s: no such row", challenge_id);
	/* AC-122: again, or after the end, nothing changes. */
	if (out->challenge.posted_at != 0 || !authz_is_open(out) ||
	    out->expires_at <= j->now)
		return 0;
	if (post_first(j, out, valid_until) != 0)
		return -1;
	return store_authz_by_challenge(j, challenge_id, NULL, out) == 1 ? 0
									 : -1;
}

/* Ended ones were erased where they ended; here are those that only the clock
 * has ended. */
int
store_challenge_wipe_expired(
    struct job *j, int64_t now, size_t max, size_t *count)
{
	const char **ids = arena_calloc(j->arena, max, sizeof(*ids));
	struct query q;
	int found;

	*count = 0;
	found = query_first_write(&q, j,
	    "SELECT challenge_id FROM part1 WHERE expires_at <= $1 "
	    "ORDER BY expires_at LIMIT $2",
	    ARGS(v_int(now), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		ids[(*count)++] = query_text(&q);
	query_end(&q);
	for (size_t i = 0; found == 0 && i < *count; i++)
		found = challenge_close(j, ids[i]);
	return found;
}
