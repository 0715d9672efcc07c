#include "config.h"

#include "db/store_account.h"

#include "db/store_private.h"

#define ACCOUNT_COLUMNS                                                        \
	"id, thumbprint, jwk, contact, client_address, created_at, "           \
	"tos_agreed_at, tos_url, deactivated_at, revoked_at"

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
	out->deactivated_at = query_int(q);
	out->revoked_at = query_int(q);
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
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(a->id), v_text(a->thumbprint), v_text(a->jwk),
		    v_text(a->contact), v_text(a->client_address),
		    v_int(a->created_at), v_int(a->tos_agreed_at),
		    v_text(a->tos_url), v_int(a->deactivated_at),
		    v_int(a->revoked_at))) != 0)
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

int
store_account_set_contact(struct job *j, const char *id, const char *contact)
{
	return store_change_one(j, "account",
	    "UPDATE account SET contact = $2 "
	    "WHERE id = $1 AND deactivated_at = 0 AND revoked_at = 0",
	    ARGS(v_text(id), v_text(contact)));
}
