#include "config.h"

#include "db/store_cert.h"

#include <assert.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"

#define CERT_RESERVED_COLUMNS                                                  \
	"id, order_id, account_id, ca_label, serial, profile, "                \
	"profile_sha256, tbs, signature_alg, lint_report, evidence, "          \
	"br_version, spki_sha256, not_before, not_after, reserved_at, shard, " \
	"bare_sha256"
#define CERT_COLUMNS                                                           \
	CERT_RESERVED_COLUMNS ", issued_at, der, sha256, revoked_at, "         \
			      "reason, revoked_by"

static void
cert_read(struct query *q, struct cert *out)
{
	*out = (struct cert){ .id = query_text(q) };
	out->order_id = query_text(q);
	out->account_id = query_text(q);
	out->ca_label = query_text(q);
	out->serial = query_text(q);
	out->profile = query_text(q);
	out->profile_sha256 = query_bytes(q);
	out->tbs = query_bytes(q);
	out->signature_alg = query_bytes(q);
	out->lint_report = query_text(q);
	out->evidence = query_text(q);
	out->br_version = query_text(q);
	out->spki_sha256 = query_bytes(q);
	out->not_before = query_int(q);
	out->not_after = query_int(q);
	out->reserved_at = query_int(q);
	out->shard = query_int(q);
	out->bare_sha256 = query_bytes(q);
	out->issued_at = query_int(q);
	out->der = query_bytes(q);
	out->sha256 = query_bytes(q);
	out->revoked_at = query_int(q);
	out->reason = query_int(q);
	out->revoked_by = query_text(q);
}

static int
cert_get(struct job *j, const char *text, const struct sql_value *values,
    size_t count, struct cert *out)
{
	struct query q;
	int found = query_first(&q, j, text, values, count);

	if (found == 1)
		cert_read(&q, out);
	query_end(&q);
	return found;
}

static int
cert_insert(struct job *j, const struct cert *c, int64_t *changed)
{
	return store_change(j, changed,
	    "INSERT INTO cert (" CERT_RESERVED_COLUMNS ", notice_at) "
	    "VALUES ($1, $2, "
	    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
	    "$17, $18, $19) "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(c->id), v_text(c->order_id), v_text(c->account_id),
		v_text(c->ca_label), v_text(c->serial), v_text(c->profile),
		v_bytes(c->profile_sha256), v_bytes(c->tbs),
		v_bytes(c->signature_alg), v_text(c->lint_report),
		v_text(c->evidence), v_text(c->br_version),
		v_bytes(c->spki_sha256), v_int(c->not_before),
		v_int(c->not_after), v_int(j->now), v_int(c->shard),
		v_bytes(c->bare_sha256), v_int(c->notice_at)));
}

/* Shared by those who reserve numbers.  SQLite's transactions keep every other
 * writer out. */
#define RESERVATIONS "7165916556637434484"

static int
lock_reservations(struct job *j, const char *statement)
{
	int64_t length;

	assert(j->store->in_transaction);
	if (store_is_exclusive(j))
		return 0;
	return store_get_int(j, &length, statement, NO_ARGS) == 1 ? 0 : -1;
}

/* The function's type is void; its text is empty, not NULL. */
int
store_cert_await_reservations(struct job *j)
{
	return lock_reservations(j,
	    "SELECT length(CAST(pg_advisory_xact_lock(" RESERVATIONS
	    ") AS TEXT))");
}

int
store_cert_reserve(struct job *j, const struct cert *c, bool *serial_taken)
{
	int64_t changed, one;
	int found;

	*serial_taken = false;
	if (lock_reservations(j,
		"SELECT length(CAST(pg_advisory_xact_lock_shared(" RESERVATIONS
		") AS TEXT))") < 0)
		return -1;
	found = store_get_int(j, &one,
	    "SELECT 1 FROM used_serial WHERE ca_label = $1 AND serial = $2",
	    ARGS(v_text(c->ca_label), v_text(c->serial)));
	if (found == 0) {
		if (cert_insert(j, c, &changed) != 0)
			return -1;
		if (changed == 1)
			return 0;
		found = store_get_int(j, &one,
		    "SELECT 1 FROM cert WHERE ca_label = $1 AND serial = $2",
		    ARGS(v_text(c->ca_label), v_text(c->serial)));
	}
	if (found < 0)
		return -1;
	if (found == 1) {
		*serial_taken = true;
		return job_fail(
		    j, ERR_CONFLICT, "serial %s is taken", c->serial);
	}
	return job_fail(
	    j, ERR_CONFLICT, "order %s has a certificate", c->order_id);
}

int
store_cert_give_up(struct job *j, const char *order_id)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE cert SET revoked_at = $2, reason = 0, "
		"revoked_by = 'issuer', list_due_at = $2, "
		"ocsp_due_at = $2 "
		"WHERE order_id = $1 AND issued_at = 0 AND revoked_at = 0",
		ARGS(v_text(order_id), v_int(j->now))) < 0)
		return -1;
	return changed > 0 ? 1 : 0;
}

int
store_cert_by_order(struct job *j, const char *order_id, struct cert *out)
{
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert WHERE order_id = $1",
	    ARGS(v_text(order_id)), out);
}

int
store_cert_rests_on(struct job *j, const char *id, const char *evidence)
{
	return store_change_one(j, "certificate",
	    "UPDATE cert SET evidence = $2 WHERE id = $1 AND issued_at = 0",
	    ARGS(v_text(id), v_text(evidence)));
}

int
store_cert_of_authz(struct job *j, const char *authz_id, size_t max,
    struct cert **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT " CERT_COLUMNS " FROM cert WHERE order_id IN "
	    "(SELECT order_id FROM order_identifier WHERE authz_id = $1) "
	    "AND issued_at > 0 ORDER BY issued_at, id LIMIT $2",
	    ARGS(v_text(authz_id), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		cert_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

/* Certificate and order in one transaction (AC-179). */
int
store_cert_record(
    struct job *j, const char *id, struct span der, struct span sha256)
{
	struct query q;
	const char *order_id = NULL;
	int64_t not_after = 0;
	int found;

	assert(der.n > 0 && sha256.n > 0);
	found = query_first_write(&q, j,
	    "UPDATE cert SET issued_at = $2, der = $3, sha256 = $4 "
	    "WHERE id = $1 AND issued_at = 0 AND revoked_at = 0 "
	    "RETURNING order_id, not_after",
	    ARGS(v_text(id), v_int(j->now), v_bytes(der), v_bytes(sha256)));
	if (found == 1) {
		order_id = query_text(&q);
		not_after = query_int(&q);
	}
	query_end(&q);
	if (found == 0)
		return job_fail(
		    j, ERR_CONFLICT, "certificate %s: changed meanwhile", id);
	if (found < 0)
		return -1;
	return store_change_one(j, "order",
	    "UPDATE orders SET cert_id = $2, cert_not_after = $3, "
	    "issue_due_at = NULL "
	    "WHERE id = $1 AND cert_id IS NULL AND failed_at = 0",
	    ARGS(v_text(order_id), v_text(id), v_int(not_after)));
}

int
store_cert_by_id(
    struct job *j, const char *id, const char *account_id, struct cert *out)
{
	if (account_id == NULL)
		return cert_get(j,
		    "SELECT " CERT_COLUMNS " FROM cert "
		    "WHERE id = $1 AND issued_at > 0",
		    ARGS(v_text(id)), out);
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert "
	    "WHERE id = $1 AND account_id = $2 AND issued_at > 0",
	    ARGS(v_text(id), v_text(account_id)), out);
}

int
store_cert_by_ids(struct job *j, const char *const *ids, size_t id_count,
    struct cert *out, size_t *count)
{
	struct sql_value values[CERT_IDS_MAX];
	struct query q;
	int found;

	assert(id_count > 0 && id_count <= CERT_IDS_MAX);
	*count = 0;
	/* The last one fills what is left. */
	for (size_t k = 0; k < CERT_IDS_MAX; k++)
		values[k] = v_text(ids[k < id_count ? k : id_count - 1]);
	found = query_first(&q, j,
	    "SELECT " CERT_COLUMNS " FROM cert WHERE id IN ($1, $2, $3, $4, "
	    "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
	    "$19, $20, $21, $22, $23, $24) AND issued_at > 0",
	    values, CERT_IDS_MAX);
	for (; found == 1; found = query_next(&q))
		cert_read(&q, &out[(*count)++]);
	query_end(&q);
	return found;
}

int
store_cert_by_serial(
    struct job *j, const char *ca_label, const char *serial, struct cert *out)
{
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert "
	    "WHERE ca_label = $1 AND serial = $2 AND issued_at > 0",
	    ARGS(v_text(ca_label), v_text(serial)), out);
}

int
store_cert_by_reserved(
    struct job *j, const char *ca_label, const char *serial, struct cert *out)
{
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert "
	    "WHERE ca_label = $1 AND serial = $2",
	    ARGS(v_text(ca_label), v_text(serial)), out);
}

int
store_cert_of_ca(struct job *j, const char *ca_label, const char *after,
    size_t max, struct cert **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT " CERT_COLUMNS " FROM cert WHERE ca_label = $1 "
	    /* A spoiled number may even be empty. */
	    "AND serial >= $2 AND (serial > $2 OR $2 = '') "
	    "ORDER BY serial LIMIT $3",
	    ARGS(v_text(ca_label), v_text(after), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		cert_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

int
store_cert_replaced_by(struct job *j, const char *id, const char **order_id)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT replaced_by FROM cert "
	    "WHERE id = $1 AND replaced_by IS NOT NULL",
	    ARGS(v_text(id)));

	*order_id = found == 1 ? query_text(&q) : NULL;
	query_end(&q);
	return found;
}

int
store_cert_mark_replaced(
    struct job *j, const char *id, const char *before, const char *order_id)
{
	return store_change_one(j, "certificate",
	    "UPDATE cert SET replaced_by = $3 "
	    "WHERE id = $1 AND COALESCE(replaced_by, '') = $2",
	    ARGS(v_text(id), v_text(before == NULL ? "" : before),
		v_text(order_id)));
}

int
store_cert_by_sha256(struct job *j, struct span sha256, struct cert *out)
{
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert WHERE sha256 = $1",
	    ARGS(v_bytes(sha256)), out);
}

int
store_cert_by_number(struct job *j, const char *serial, struct cert *out)
{
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert WHERE serial = $1 "
	    "AND issued_at > 0 ORDER BY issued_at DESC LIMIT 1",
	    ARGS(v_text(serial)), out);
}

int
store_cert_page(struct job *j, int64_t since, int64_t until,
    struct cert_place *after, size_t max, const char ***ids, size_t *count)
{
	const char *id = after->id != NULL ? after->id : "";
	struct query q;
	int found;

	*count = 0;
	*ids = arena_calloc(j->arena, max, sizeof(**ids));
	if (after->id == NULL)
		after->reserved_at = since;
	found = query_first(&q, j,
	    "SELECT id, reserved_at FROM cert "
	    "WHERE reserved_at >= $1 AND reserved_at < $2 "
	    "AND (reserved_at > $1 OR id > $3) "
	    "AND issued_at > 0 AND issued_at < $2 "
	    "ORDER BY reserved_at, id LIMIT $4",
	    ARGS(v_int(after->reserved_at), v_int(until), v_text(id),
		v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		after->id = query_text(&q);
		after->reserved_at = query_int(&q);
		(*ids)[(*count)++] = after->id;
	}
	query_end(&q);
	return found;
}

int
store_cert_count_of_key(struct job *j, struct span spki_sha256, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM cert WHERE spki_sha256 = $1 "
		   "AND revoked_at = 0 AND not_after >= $2",
		   ARGS(v_bytes(spki_sha256), v_int(j->now))) == 1
		   ? 0
		   : -1;
}

/* A number counts from its reservation on (PK-144). */
int
store_cert_count_since(struct job *j, int64_t since, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM cert WHERE reserved_at >= $1 "
		   "AND aside_at = 0",
		   ARGS(v_int(since))) == 1
		   ? 0
		   : -1;
}
