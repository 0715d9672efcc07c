#include "config.h"

#include "acme/keychange.h"

#include <string.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/jwk.h"
#include "acme/jws.h"
#include "acme/problem.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"

#define DETAIL_MAX 1024

/* --- the inner JWS -------------------------------------------------------- */

/* Steps 1 and 2 */
static int
parse_inner(struct job *j, const struct json *payload, struct jws *jws)
{
	if (jws_parse_inner(j, payload, jws) < 0)
		return job_context(j, "inner JWS");
	if (jws->jwk == NULL)
		return job_fail(
		    j, ERR_MALFORMED, "inner JWS: the header needs jwk");
	if (jws->nonce != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "inner JWS: the header must not have nonce");
	return 0;
}

/* Steps 7 to 9: who may give the account away says which key it has. */
static int
check_statement(
    struct job *j, const struct keychange *change, struct span payload)
{
	const struct json *object, *old;
	const struct jwk *key;

	if (json_parse_object(j, payload, "inner payload", &object) < 0)
		return -1;
	old = json_get(object, "oldKey");
	if (json_type(json_get(object, "account")) != JSON_T_STRING ||
	    json_type(old) != JSON_T_OBJECT)
		return job_fail(j, ERR_MALFORMED,
		    "the inner payload needs the string account and the "
		    "object oldKey");
	if (!span_eq_str(json_string(json_get(object, "account")), change->kid))
		return job_fail(j, ERR_MALFORMED, "account does not match kid");
	if (jwk_read(j, old, &key) == 0 &&
	    strcmp(jwk_thumbprint(key), change->thumbprint) == 0)
		return 0;
	job_recover(j);
	return job_fail(j, ERR_MALFORMED, "oldKey is not the account key");
}

int
keychange_read(struct job *j, const struct conf *conf,
    const struct keychange *change, const struct json *payload,
    const struct jwk **out)
{
	struct jws jws;

	if (parse_inner(j, payload, &jws) < 0 ||
	    jws_check_algorithm(j, conf, &jws) < 0 ||
	    jwk_parse(j, jws.jwk, jws.alg, out) < 0)
		return -1;
	if (jws_verify(j, &jws, *out) < 0) {
		job_recover(j);
		return job_fail(
		    j, ERR_MALFORMED, "inner JWS signature does not verify");
	}
	if (!span_eq_str(jws.url, change->url))
		return job_fail(j, ERR_MALFORMED, "inner url differs");
	return check_statement(j, change, jws.payload);
}

/* --- the request ---------------------------------------------------------- */

/* Step 10.  The requester has shown that the key is theirs, so its account is
 * no secret to them (AC-177). */
static int
refuse_taken(const struct acme *a, struct job *j, const struct account *holder,
    struct response *resp)
{
	struct problem_extra *extra = arena_alloc(j->arena, sizeof(*extra));

	extra->location = acme_url(a, j, PATH_ACCOUNT, holder->id);
	resp->problem = extra;
	return job_fail_status(j, ERR_MALFORMED, 409, "the new key is in use");
}

static int
check_free(const struct acme *a, struct job *j, const struct jwk *key,
    struct response *resp)
{
	struct account holder;
	int found =
	    store_account_by_thumbprint(j, jwk_thumbprint(key), &holder);

	return found > 0 ? refuse_taken(a, j, &holder, resp) : found;
}

/* AC-81: whoever is faster gets the key; the slower one sees who. */
static int
change(const struct acme *a, struct job *j, const struct request *req,
    const struct jwk *key, struct response *resp)
{
	if (store_savepoint(j) < 0)
		return -1;
	if (store_account_change_key(j, req->account, jwk_thumbprint(key),
		jwk_canonical(key), req->body) == 0)
		return store_savepoint_keep(j);
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	if (store_savepoint_undo(j) < 0)
		return -1;
	job_recover(j);
	if (check_free(a, j, key, resp) < 0)
		return -1;
	return job_fail(j, ERR_CONFLICT, "account %s: its key has changed",
	    req->account->id);
}

static int
record(struct job *j, const struct account *account, const struct jwk *key)
{
	const char *object = arena_printf(j->arena, "account:%s", account->id);
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "from", account->thumbprint);
	json_member_str(&o, "to", jwk_thumbprint(key));
	json_object_end(&o);
	return store_audit_add(
	    j, object, "account key changed", object, "ok", b.p);
}

int
account_change_key(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct keychange what = {
		.url = acme_url(a, j, PATH_KEY_CHANGE, ""),
		.kid = req->account_url,
		.thumbprint = req->account->thumbprint,
	};
	struct account account = *req->account;
	const struct jwk *key;

	if (keychange_read(j, a->conf, &what, req->payload, &key) < 0 ||
	    account_check_key(a, j, key, account.id) < 0 ||
	    check_free(a, j, key, resp) < 0 ||
	    change(a, j, req, key, resp) < 0 || record(j, &account, key) < 0)
		return -1;
	account_respond(a, j, &account, 200, resp);
	return 0;
}
