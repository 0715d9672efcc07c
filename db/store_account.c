#include "config.h"

#include "db/store_account.h"

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"

#define ACCOUNT_COLUMNS                                                        \
	"id, thumbprint, jwk, contact, client_address, created_at, "           \
	"tos_agreed_at, tos_url, tos_sha256, deactivated_at, revoked_at, "     \
	"eab_kid, eab"

static void
account_read(struct query *q, struct account *out)
{
	out->id = query_text(q);
	out->thumbprint = query_text(q);
	out->jwk = query_text(q);
	out->contact = query_text(q);
	out->client_address = query_text(q);
	out->created_at = query_int(q);
	out->tos_agreed_at = query_int(q);
	out->tos_url = query_text(q);
	out->tos_sha256 = query_text(q);
	out->deactivated_at = query_int(q);
	out->revoked_at = query_int(q);
	out->eab_kid = query_text(q);
	out->eab = query_text(q);
}

static int
account_get(
    struct job *j, const char *text, const char *key, struct account *out)
{
	struct query q;
	int found = query_first(&q, j, text, ARGS(v_text(key)));

	if (found == 1)
		account_read(&q, out);
	query_end(&q);
	return found;
}

/* A key names one account for ever (AC-65): not replaced, not an error of
 * the database that would end the transaction. */
int
store_account_create(struct job *j, const struct account *a)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO account (" ACCOUNT_COLUMNS ") "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
		"$13) "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(a->id), v_text(a->thumbprint), v_text(a->jwk),
		    v_text(a->contact), v_text(a->client_address),
		    v_int(a->created_at), v_int(a->tos_agreed_at),
		    v_text(a->tos_url), v_text(a->tos_sha256),
		    v_int(a->deactivated_at), v_int(a->revoked_at),
		    v_text(a->eab_kid), v_text(a->eab))) != 0)
		return -1;
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT,
		    "account %s: the key has an account already", a->id);
	return 0;
}

int
store_account_by_id(struct job *j, const char *id, struct account *out)
{
	return account_get(j,
	    "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = $1", id, out);
}

int
store_account_by_thumbprint(
    struct job *j, const char *thumbprint, struct account *out)
{
	return account_get(j,
	    "SELECT " ACCOUNT_COLUMNS " FROM account WHERE thumbprint = $1",
	    thumbprint, out);
}

/* Where writers are many (PostgreSQL), the row is shared until the commit. */
int
store_account_hold(
    struct job *j, const char *id, bool alone, struct account *out)
{
	if (j->store->driver == &sql_sqlite)
		return store_account_by_id(j, id, out);
	if (alone)
		return account_get(j,
		    "SELECT " ACCOUNT_COLUMNS
		    " FROM account WHERE id = $1 FOR NO KEY UPDATE",
		    id, out);
	return account_get(j,
	    "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = $1 FOR SHARE",
	    id, out);
}

static int
start_list(
    struct query *q, struct job *j, enum account_filter which, size_t max)
{
	struct sql_value limit = v_int((int64_t)max);

	switch (which) {
	case ACCOUNTS_VALID:
		return query_first(q, j,
		    "SELECT " ACCOUNT_COLUMNS
		    " FROM account WHERE deactivated_at = 0 "
		    "AND revoked_at = 0 AND created_at <= $1 "
		    "ORDER BY created_at DESC LIMIT $2",
		    ARGS(v_int(INT64_MAX), limit));
	case ACCOUNTS_DEACTIVATED:
		return query_first(q, j,
		    "SELECT " ACCOUNT_COLUMNS
		    " FROM account WHERE deactivated_at > 0 "
		    "AND revoked_at = 0 AND created_at <= $1 ORDER BY "
		    "created_at DESC LIMIT $2",
		    ARGS(v_int(INT64_MAX), limit));
	case ACCOUNTS_REVOKED:
		return query_first(q, j,
		    "SELECT " ACCOUNT_COLUMNS
		    " FROM account WHERE revoked_at > 0 "
		    "AND created_at <= $1 ORDER BY created_at DESC LIMIT $2",
		    ARGS(v_int(INT64_MAX), limit));
	case ACCOUNTS_ALL:
		break;
	}
	return query_first(q, j,
	    "SELECT " ACCOUNT_COLUMNS " FROM account WHERE created_at <= $1 "
	    "ORDER BY created_at DESC LIMIT $2",
	    ARGS(v_int(INT64_MAX), limit));
}

int
store_account_list(struct job *j, enum account_filter which, size_t max,
    struct account **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = start_list(&q, j, which, max);
	for (; found == 1; found = query_next(&q))
		account_read(&q, &(*out)[(*count)++]);
	query_end(&q);
	return found;
}

int
store_account_set_contact(struct job *j, const char *id, const char *contact)
{
	return store_change_one(j, "account",
	    "UPDATE account SET contact = $2 "
	    "WHERE id = $1 AND deactivated_at = 0 AND revoked_at = 0",
	    ARGS(v_text(id), v_text(contact)));
}

int
store_account_agree(
    struct job *j, const char *id, const char *tos_url, const char *tos_sha256)
{
	return store_change_one(j, "account",
	    "UPDATE account SET tos_agreed_at = $2, tos_url = $3, "
	    "tos_sha256 = $4 "
	    "WHERE id = $1 AND deactivated_at = 0 AND revoked_at = 0",
	    ARGS(v_text(id), v_int(j->now), v_text(tos_url),
		v_text(tos_sha256)));
}

/* --- the end (AC-73, AC-74) ---------------------------------------------- */

/* $1 account, $2 now: what still waits for a reply (AC-183 bounds it). */
#define OPEN_AUTHZ                                                             \
	"account_id = $1 AND valid_at = 0 AND failed_at = 0 "                  \
	"AND deactivated_at = 0 AND revoked_at = 0 AND expires_at > $2"
#define OPEN_CHALLENGES                                                        \
	"(SELECT id FROM challenge WHERE authz_id IN "                         \
	"(SELECT id FROM authz WHERE " OPEN_AUTHZ "))"

#define END_OPEN(column) "UPDATE authz SET " column " = $2 WHERE " OPEN_AUTHZ
#define END_VALID(column)                                                      \
	"UPDATE authz SET " column " = $2 WHERE account_id = $1 "              \
	"AND valid_at > 0 AND valid_until > $2 AND failed_at = 0 "             \
	"AND deactivated_at = 0 AND revoked_at = 0"

/*
 * As the account's end does, or `revoked`, as the operator does, who alone may.
 * A few statements for all, whatever their number.  The challenges are locked
 * first, as by challenge_lock(): who decides about one of them waits, and then
 * finds it closed.
 */
static int
end_authorizations(struct job *j, const char *id, bool revoked, int64_t *ended)
{
	static const char *const closing[] = {
		"UPDATE challenge SET soft_count = soft_count "
		"WHERE id IN " OPEN_CHALLENGES,
		"DELETE FROM part1 WHERE challenge_id IN " OPEN_CHALLENGES,
		"DELETE FROM spool WHERE challenge_id IN " OPEN_CHALLENGES,
		"UPDATE outbox SET due_at = NULL, closed_at = $2 "
		"WHERE closed_at = 0 AND challenge_id IN " OPEN_CHALLENGES,
	};
	int64_t open, valid;

	for (size_t i = 0; i < COUNT(closing); i++)
		if (store_change(j, NULL, closing[i],
			ARGS(v_text(id), v_int(j->now))) != 0)
			return -1;
	if (store_change(j, &open,
		revoked ? END_OPEN("revoked_at") : END_OPEN("deactivated_at"),
		ARGS(v_text(id), v_int(j->now))) != 0 ||
	    store_change(j, &valid,
		revoked ? END_VALID("revoked_at") : END_VALID("deactivated_at"),
		ARGS(v_text(id), v_int(j->now))) != 0)
		return -1;
	*ended = open + valid;
	return 0;
}

/* The account first: what is held by others is finished before it ends. */
int
store_account_deactivate(struct job *j, const char *id, int64_t *ended)
{
	if (store_change_one(j, "account",
		"UPDATE account SET deactivated_at = $2 "
		"WHERE id = $1 AND deactivated_at = 0 AND revoked_at = 0",
		ARGS(v_text(id), v_int(j->now))) != 0)
		return -1;
	return end_authorizations(j, id, false, ended);
}

int
store_account_revoke(struct job *j, const char *id, int64_t *ended)
{
	if (store_change_one(j, "account",
		"UPDATE account SET revoked_at = $2 "
		"WHERE id = $1 AND revoked_at = 0",
		ARGS(v_text(id), v_int(j->now))) != 0)
		return -1;
	return end_authorizations(j, id, false, ended);
}

int
store_account_hand_over(
    struct job *j, const char *id, const char *contact, int64_t *ended)
{
	if (store_account_set_contact(j, id, contact) < 0)
		return -1;
	return end_authorizations(j, id, true, ended);
}

int
store_account_erase(struct job *j, const char *id)
{
	return store_change_one(j, "account",
	    "UPDATE account SET contact = '[]', client_address = NULL "
	    "WHERE id = $1 AND (deactivated_at > 0 OR revoked_at > 0)",
	    ARGS(v_text(id)));
}

/* --- keys (AC-81) -------------------------------------------------------- */

/* The key's unique column decides between two changes to one key. */
int
store_account_change_key(struct job *j, const struct account *was,
    const char *thumbprint, const char *jwk, struct span request)
{
	if (store_change_one(j, "account",
		"UPDATE account SET thumbprint = $3, jwk = $4 "
		"WHERE id = $1 AND thumbprint = $2 "
		"AND deactivated_at = 0 AND revoked_at = 0",
		ARGS(v_text(was->id), v_text(was->thumbprint),
		    v_text(thumbprint), v_text(jwk))) != 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO account_key (account_id, place, thumbprint, jwk, "
	    "request, retired_at) SELECT $1, COALESCE(MAX(place) + 1, 0), "
	    "$2, $3, $4, $5 FROM account_key WHERE account_id = $1",
	    ARGS(v_text(was->id), v_text(was->thumbprint), v_text(was->jwk),
		v_bytes(request), v_int(j->now)));
}

int
store_account_former_keys(struct job *j, const char *id, size_t max,
    struct former_key **out, size_t *count)
{
	struct former_key *list = arena_calloc(j->arena, max, sizeof(*list));
	struct query q;
	size_t n = 0;
	int found = query_first(&q, j,
	    "SELECT thumbprint, jwk, request, retired_at FROM account_key "
	    "WHERE account_id = $1 ORDER BY place DESC LIMIT $2",
	    ARGS(v_text(id), v_int((int64_t)max)));

	for (; found == 1 && n < max; found = query_next(&q)) {
		struct former_key *k = &list[max - ++n];

		k->thumbprint = query_text(&q);
		k->jwk = query_text(&q);
		k->request = query_bytes(&q);
		k->retired_at = query_int(&q);
	}
	query_end(&q);
	*out = list + max - n;
	*count = n;
	return found < 0 ? -1 : 0;
}

int
store_account_had_key(struct job *j, const char *id, const char *thumbprint)
{
	int64_t one;

	if (id == NULL)
		return store_get_int(j, &one,
		    "SELECT 1 FROM account_key WHERE thumbprint = $1 LIMIT 1",
		    ARGS(v_text(thumbprint)));
	return store_get_int(j, &one,
	    "SELECT 1 FROM account_key WHERE thumbprint = $2 "
	    "AND account_id = $1 LIMIT 1",
	    ARGS(v_text(id), v_text(thumbprint)));
}
