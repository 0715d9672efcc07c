#include "config.h"

#include "db/store_cert.h"

#include <assert.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/hex.h"

/* --- certificates -------------------------------------------------------- */

#define CERT_RESERVED_COLUMNS                                                  \
	"id, order_id, account_id, ca_label, serial, profile, "                \
	"profile_sha256, tbs, signature_alg, lint_report, evidence, "          \
	"br_version, spki_sha256, not_before, not_after, reserved_at"
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
	    "INSERT INTO cert (" CERT_RESERVED_COLUMNS ") VALUES ($1, $2, "
	    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(c->id), v_text(c->order_id), v_text(c->account_id),
		v_text(c->ca_label), v_text(c->serial), v_text(c->profile),
		v_bytes(c->profile_sha256), v_bytes(c->tbs),
		v_bytes(c->signature_alg), v_text(c->lint_report),
		v_text(c->evidence), v_text(c->br_version),
		v_bytes(c->spki_sha256), v_int(c->not_before),
		v_int(c->not_after), v_int(j->now)));
}

int
store_cert_reserve(struct job *j, const struct cert *c, bool *serial_taken)
{
	int64_t changed, one;
	int found;

	*serial_taken = false;
	if (cert_insert(j, c, &changed) != 0)
		return -1;
	if (changed == 1)
		return 0;
	found = store_get_int(j, &one,
	    "SELECT 1 FROM cert WHERE ca_label = $1 AND serial = $2",
	    ARGS(v_text(c->ca_label), v_text(c->serial)));
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
		"revoked_by = 'issuer', list_due_at = $2 "
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
	    "WHERE id = $1 AND issued_at = 0 RETURNING order_id, not_after",
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
store_cert_by_serial(
    struct job *j, const char *ca_label, const char *serial, struct cert *out)
{
	return cert_get(j,
	    "SELECT " CERT_COLUMNS " FROM cert "
	    "WHERE ca_label = $1 AND serial = $2 AND issued_at > 0",
	    ARGS(v_text(ca_label), v_text(serial)), out);
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

/* A number counts from its reservation on (PK-144). */
int
store_cert_count_since(struct job *j, int64_t since, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM cert WHERE reserved_at >= $1",
		   ARGS(v_int(since))) == 1
		   ? 0
		   : -1;
}

/* --- revocation lists ---------------------------------------------------- */

int
store_crl_reserve(struct job *j, const char *ca_label, int64_t this_update,
    int64_t next_update, int64_t *number)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "INSERT INTO crl (ca_label, number, this_update, next_update) "
	    "SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3 FROM crl "
	    "WHERE ca_label = $1 ON CONFLICT DO NOTHING RETURNING number",
	    ARGS(v_text(ca_label), v_int(this_update), v_int(next_update)));

	if (found == 1)
		*number = query_int(&q);
	query_end(&q);
	if (found == 0)
		return job_fail(j, ERR_BUSY,
		    "CRL of %s: another one took the number", ca_label);
	return found == 1 ? 0 : -1;
}

int
store_crl_record(
    struct job *j, const char *ca_label, int64_t number, struct span der)
{
	assert(der.n > 0);
	return store_change_one(j, "CRL of",
	    "UPDATE crl SET der = $3 "
	    "WHERE ca_label = $1 AND number = $2 AND der IS NULL",
	    ARGS(v_text(ca_label), v_int(number), v_bytes(der)));
}

int
store_crl_latest(struct job *j, const char *ca_label, struct crl *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT ca_label, number, this_update, next_update, der "
	    "FROM crl WHERE ca_label = $1 AND der IS NOT NULL "
	    "ORDER BY number DESC LIMIT 1",
	    ARGS(v_text(ca_label)));

	if (found == 1) {
		out->ca_label = query_text(&q);
		out->number = query_int(&q);
		out->this_update = query_int(&q);
		out->next_update = query_int(&q);
		out->der = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

static int
revoked_read(struct query *q, struct revoked *out)
{
	const char *hex = query_text(q);
	size_t n = strlen(hex) / 2;
	char *octets = arena_alloc(q->j->arena, n + 1);

	if (hex_parse_fixed(span_str(hex), octets, n) != 0)
		return job_fail(q->j, ERR_INTERNAL,
		    "certificate: stored serial is not hexadecimal");
	out->serial = span_mem(octets, n);
	out->revoked_at = query_int(q);
	out->reason = query_int(q);
	out->is_due = query_int(q) != 0;
	return 0;
}

int
store_cert_revoked(struct job *j, const char *ca_label, int64_t not_after_from,
    struct revoked **out, size_t *count)
{
	struct query q;
	size_t max = 0;
	int found;

	*count = 0;
	*out = NULL;
	found = query_first(&q, j,
	    "SELECT serial, revoked_at, reason, "
	    "CASE WHEN list_due_at IS NULL THEN 0 ELSE 1 END FROM cert "
	    "WHERE ca_label = $1 AND revoked_at > 0 "
	    "AND (not_after >= $2 OR list_due_at IS NOT NULL) "
	    "ORDER BY serial",
	    ARGS(v_text(ca_label), v_int(not_after_from)));
	for (; found == 1; found = query_next(&q)) {
		if (*count == max) {
			struct revoked *more;

			max = max == 0 ? 64 : max * 2;
			more = arena_calloc(j->arena, max, sizeof(*more));
			if (*count > 0)
				memcpy(more, *out, *count * sizeof(*more));
			*out = more;
		}
		if (revoked_read(&q, &(*out)[*count]) != 0) {
			found = -1;
			break;
		}
		(*count)++;
	}
	query_end(&q);
	return found;
}

/* A reason that has changed since the list was collected is still due; and the
 * list with the greater number may have been collected before this one. */
int
store_cert_listed(struct job *j, const char *ca_label, int64_t number,
    const struct revoked *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].is_due &&
		    store_change(j, NULL,
			"UPDATE cert SET list_due_at = NULL "
			"WHERE ca_label = $1 AND serial = $2 AND reason = $3 "
			"AND list_due_at IS NOT NULL "
			"AND NOT EXISTS (SELECT 1 FROM crl "
			"WHERE crl.ca_label = $1 AND crl.number > $4)",
			ARGS(v_text(ca_label),
			    v_text(hex_dup(j->arena, list[i].serial)),
			    v_int(list[i].reason), v_int(number))) != 0)
			return -1;
	}
	return 0;
}

int
store_crl_due(struct job *j, const char *ca_label, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(list_due_at) FROM cert "
	    "WHERE ca_label = $1 AND list_due_at IS NOT NULL",
	    ARGS(v_text(ca_label)));
}
