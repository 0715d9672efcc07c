#include "config.h"

#include "db/store_order.h"

#include <assert.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"

/* --- making -------------------------------------------------------------- */

static int
order_insert(struct job *j, const struct order *o)
{
	return store_change(j, NULL,
	    "INSERT INTO orders (id, account_id, profile, language, "
	    "created_at, life_until, identifier_count, replaces, "
	    "replaces_cert_id, not_before, not_after, is_preauth, "
	    "keep_from) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $6)",
	    ARGS(v_text(o->id), v_text(o->account_id), v_text(o->profile),
		v_text(o->language), v_int(o->created_at), v_int(o->life_until),
		v_int((int64_t)o->identifier_count), v_text(o->replaces),
		v_text(o->replaces_cert_id), v_int(o->not_before),
		v_int(o->not_after), v_int(o->is_preauth)));
}

static int
identifier_insert(struct job *j, const struct order *o, size_t place)
{
	const struct order_identifier *i = &o->identifiers[place];

	return store_change(j, NULL,
	    "INSERT INTO order_identifier (order_id, place, type, value, "
	    "authz_id) VALUES ($1, $2, $3, $4, $5)",
	    ARGS(v_text(o->id), v_int((int64_t)place), v_text(i->type),
		v_text(i->value), v_text(i->authz.id)));
}

int
store_order_create(struct job *j, const struct order *o, int64_t mail_due_at)
{
	int64_t mails = 0;

	assert(o->identifier_count > 0);
	if (order_insert(j, o) != 0)
		return -1;
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;

		if (o->identifiers[i].is_new) {
			assert(strcmp(a->order_id, o->id) == 0);
			/* AC-116: the first is due, the others are held. */
			if (authz_insert(
				j, a, mails, mails == 0 ? mail_due_at : 0) != 0)
				return -1;
			mails++;
		}
		if (identifier_insert(j, o, i) != 0)
			return -1;
	}
	if (mails > 0)
		j->wake |= 1u << ROLE_SENDER;
	return 0;
}

/* --- reading ------------------------------------------------------------- */

static void
order_read(struct query *q, struct order *out)
{
	int64_t count;

	*out = (struct order){ .id = query_text(q) };
	out->account_id = query_text(q);
	out->profile = query_text(q);
	out->language = query_text(q);
	out->created_at = query_int(q);
	out->life_until = query_int(q);
	count = query_int(q);
	out->identifier_count = count < 0 ? 0 : (size_t)count;
	out->csr_at = query_int(q);
	out->csr = query_bytes(q);
	out->csr_jws = query_bytes(q);
	out->csr_refused_count = query_int(q);
	out->failed_at = query_int(q);
	out->error = query_text(q);
	out->cert_id = query_text(q);
	out->cert_not_after = query_int(q);
	out->replaces = query_text(q);
	out->replaces_cert_id = query_text(q);
	out->not_before = query_int(q);
	out->not_after = query_int(q);
	out->is_preauth = query_int(q) != 0;
	out->issue_fault_at = query_int(q);
}

static int
order_is_spoiled(struct query *q, const struct order *o)
{
	return job_fail(q->j, ERR_SPOILED,
	    "order %s: its rows in the database do not fit together", o->id);
}

int
order_picture_read(struct query *q, struct order *out)
{
	struct order row;

	order_read(q, out);
	/* The number in the row is a stranger's until the rows are there. */
	if (out->identifier_count < 1 ||
	    out->identifier_count > ORDER_IDENTIFIERS_MAX)
		return order_is_spoiled(q, out);
	out->identifiers = arena_calloc(
	    q->j->arena, out->identifier_count, sizeof(*out->identifiers));
	for (size_t i = 0; i < out->identifier_count; i++) {
		if (i > 0) {
			int found = query_next(q);

			if (found < 0)
				return -1;
			/* A row that others spoiled must not end the process:
			 * it would be read again at once. */
			if (found == 0)
				return order_is_spoiled(q, out);
			order_read(q, &row);
			if (strcmp(row.id, out->id) != 0)
				return order_is_spoiled(q, out);
		}
		out->identifiers[i].type = query_text(q);
		out->identifiers[i].value = query_text(q);
		authz_read(q, &out->identifiers[i].authz);
	}
	return query_next(q);
}

static int
picture_get(struct job *j, const char *text, const struct sql_value *values,
    size_t count, struct order *out)
{
	struct query q;
	int found = query_first(&q, j, text, values, count);

	if (found == 1 && order_picture_read(&q, out) < 0)
		found = -1;
	query_end(&q);
	return found;
}

int
store_order_by_id(
    struct job *j, const char *id, const char *account_id, struct order *out)
{
	if (account_id == NULL)
		return picture_get(j,
		    ORDER_PICTURE "FROM orders o" ORDER_JOINS
				  "WHERE o.id = $1 ORDER BY i.place",
		    ARGS(v_text(id)), out);
	return picture_get(j,
	    ORDER_PICTURE
	    "FROM orders o" ORDER_JOINS
	    "WHERE o.id = $1 AND o.account_id = $2 AND o.is_preauth = 0 "
	    "ORDER BY i.place",
	    ARGS(v_text(id), v_text(account_id)), out);
}

int
store_order_is_decided(struct job *j, const char *id)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM orders "
	    "WHERE id = $1 AND (cert_id IS NOT NULL OR failed_at <> 0)",
	    ARGS(v_text(id)));
}

int
store_order_page(struct job *j, const char *account_id, int64_t before_at,
    const char *before_id, size_t max, struct order **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    ORDER_PICTURE
	    "FROM (SELECT * FROM orders WHERE account_id = $1 "
	    "AND failed_at = 0 AND is_preauth = 0 "
	    "AND (created_at, id) < ($2, $3) "
	    "ORDER BY created_at DESC, id DESC LIMIT $4) o" ORDER_JOINS
	    "ORDER BY o.created_at DESC, o.id DESC, i.place",
	    ARGS(v_text(account_id), v_int(before_at), v_text(before_id),
		v_int((int64_t)max)));
	while (found == 1)
		found = order_picture_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

/* --- changing ------------------------------------------------------------ */

int
store_order_finalize(
    struct job *j, const char *id, struct span csr, struct span jws)
{
	assert(csr.n > 0 && jws.n > 0);
	if (store_change_one(j, "order",
		"UPDATE orders SET csr_at = $2, csr = $3, csr_jws = $4, "
		"issue_due_at = $2 WHERE id = $1 AND csr_at = 0 AND failed_at "
		"= 0 "
		"AND cert_id IS NULL AND is_preauth = 0",
		ARGS(v_text(id), v_int(j->now), v_bytes(csr), v_bytes(jws))) !=
	    0)
		return -1;
	j->wake |= 1u << ROLE_ISSUER;
	return 0;
}

int
store_order_csr_refused(struct job *j, const char *id, int64_t *count)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE orders SET csr_refused_count = csr_refused_count + 1 "
	    "WHERE id = $1 AND csr_at = 0 AND failed_at = 0 "
	    "RETURNING csr_refused_count",
	    ARGS(v_text(id)));

	if (found == 1)
		*count = query_int(&q);
	query_end(&q);
	if (found == 0)
		job_fail(j, ERR_CONFLICT, "order %s: changed meanwhile", id);
	return found == 1 ? 0 : -1;
}

/* Authorizations of the order that wait for a reply and that no other live
 * order needs: one challenge id after the other. */
static int
unused_challenge(struct job *j, const char *order_id, const char **out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT c.id FROM order_identifier i "
	    "JOIN authz a ON a.id = i.authz_id "
	    "JOIN challenge c ON c.authz_id = a.id "
	    "JOIN outbox b ON b.challenge_id = c.id "
	    "WHERE i.order_id = $1 AND a.valid_at = 0 AND a.failed_at = 0 "
	    "AND a.deactivated_at = 0 AND a.revoked_at = 0 "
	    "AND (a.expires_at > $2 OR b.closed_at = 0) "
	    "AND NOT EXISTS (SELECT 1 FROM order_identifier i2 "
	    "JOIN orders o ON o.id = i2.order_id "
	    "WHERE i2.authz_id = a.id AND i2.order_id <> $1 "
	    "AND o.failed_at = 0 AND o.cert_id IS NULL) "
	    "ORDER BY i.place LIMIT 1",
	    ARGS(v_text(order_id), v_int(j->now)));

	if (found == 1)
		*out = query_text(&q);
	query_end(&q);
	return found;
}

/* An expired authorization stays expired (section 17.3); its secrets go. */
static int
deactivate_unused(struct job *j, const char *order_id)
{
	const char *challenge_id;
	struct authz a;
	int found;

	while ((found = unused_challenge(j, order_id, &challenge_id)) == 1) {
		found = challenge_lock(j, challenge_id, &a);
		if (found < 0)
			return -1;
		if (found == 0 || !authz_is_open(&a))
			continue;
		if (a.expires_at > j->now &&
		    store_change_one(j, "authorization",
			"UPDATE authz SET deactivated_at = $2 "
			"WHERE id = $1 AND deactivated_at = 0 AND valid_at = 0",
			ARGS(v_text(a.id), v_int(j->now))) != 0)
			return -1;
		if (challenge_close(j, challenge_id) != 0)
			return -1;
	}
	return found;
}

int
store_order_fail(struct job *j, const char *id, const char *error)
{
	if (store_change_one(j, "order",
		"UPDATE orders SET failed_at = $2, error = $3, "
		"issue_due_at = NULL "
		"WHERE id = $1 AND failed_at = 0 AND cert_id IS NULL",
		ARGS(v_text(id), v_int(j->now), v_text(error))) != 0)
		return -1;
	return deactivate_unused(j, id);
}

int
order_fail_undecided(struct job *j, const char *id, const char *error)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE orders SET failed_at = $2, error = $3, "
		"issue_due_at = NULL WHERE id = $1 AND failed_at = 0 "
		"AND cert_id IS NULL AND csr_at = 0",
		ARGS(v_text(id), v_int(j->now), v_text(error))) != 0)
		return -1;
	return changed == 0 ? 0 : deactivate_unused(j, id);
}

/* --- replacements -------------------------------------------------------- */

int
store_order_replaces(struct job *j, const char *order_id, const char **cert_id)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT replaces_cert_id FROM orders "
	    "WHERE id = $1 AND replaces_cert_id IS NOT NULL",
	    ARGS(v_text(order_id)));

	*cert_id = found == 1 ? query_text(&q) : NULL;
	query_end(&q);
	return found;
}

int
store_order_replacing_mails(struct job *j, const char *cert_id, size_t max,
    struct replacing_mails **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT z.mailbox, COUNT(DISTINCT m.id) FROM cert c "
	    "JOIN order_identifier i ON i.order_id = c.order_id "
	    "JOIN authz z ON z.id = i.authz_id "
	    "LEFT JOIN (SELECT a.id, a.mailbox FROM orders o "
	    "JOIN authz a ON a.order_id = o.id "
	    "WHERE o.replaces_cert_id = $1) m ON m.mailbox = z.mailbox "
	    "WHERE c.id = $1 AND c.not_after >= $2 "
	    "AND EXISTS (SELECT 1 FROM incident_cert n "
	    "JOIN incident d ON d.id = n.incident_id "
	    "WHERE n.cert_id = c.id AND d.due_at IS NOT NULL) "
	    "GROUP BY z.mailbox LIMIT $3",
	    ARGS(v_text(cert_id), v_int(j->now), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct replacing_mails *m = &(*out)[(*count)++];

		m->mailbox = query_text(&q);
		m->mails = query_int(&q);
	}
	query_end(&q);
	return found;
}

/* --- the issuer's queue -------------------------------------------------- */

int
store_order_lease(
    struct job *j, int64_t lease_until, const char **id, int64_t *attempts)
{
	static const struct lease_text take = LEASE_TEXT(
	    "UPDATE orders SET issue_due_at = $2, "
	    "issue_attempts = issue_attempts + 1 "
	    "WHERE id = (SELECT id FROM orders WHERE issue_due_at <= $1 "
	    "ORDER BY issue_due_at LIMIT 1",
	    "issue_due_at <= $1 "
	    "RETURNING id, issue_attempts");
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	*id = NULL;
	if (found == 1) {
		*id = query_text(&q);
		*attempts = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_order_release(
    struct job *j, const char *id, int64_t due_at, int64_t fault_at)
{
	return store_change_one(j, "order",
	    "UPDATE orders SET issue_due_at = $2, issue_fault_at = $3 "
	    "WHERE id = $1 AND issue_due_at IS NOT NULL",
	    ARGS(v_text(id), v_int(due_at), v_int(fault_at)));
}

int
store_order_set_aside(struct job *j, const char *id)
{
	return store_change(j, NULL,
	    "UPDATE orders SET issue_due_at = NULL WHERE id = $1",
	    ARGS(v_text(id)));
}

int
store_order_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(issue_due_at) FROM orders "
	    "WHERE issue_due_at IS NOT NULL",
	    NO_ARGS);
}

int
store_order_recover(struct job *j)
{
	return store_recover(j,
	    "UPDATE orders SET issue_due_at = $1 WHERE issue_due_at > $1 "
	    "AND issue_attempts > 0");
}
