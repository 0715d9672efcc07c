#include "config.h"

#include "acme/signed.h"

#include <string.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/jwk.h"
#include "acme/jwk_cache.h"
#include "acme/jws.h"
#include "acme/key_report.h"
#include "acme/nonce.h"
#include "acme/problem.h"
#include "acme/route_private.h"
#include "acme/throttle.h"
#include "db/store_account.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/key_proof.h"

/* AC-37 */
static int
check_key_rule(struct job *j, const struct route *route, const struct jws *jws)
{
	bool has_jwk = jws->jwk != NULL;

	if (route->key == EITHER_KEY || has_jwk == (route->key == NEEDS_JWK))
		return 0;
	return job_fail(j, ERR_MALFORMED, "this resource needs %s",
	    route->key == NEEDS_JWK ? "jwk" : "kid");
}

/* AC-50: base_url and target, without normalisation. */
static int
check_url(struct job *j, const struct acme *a, const struct request *req,
    struct span url)
{
	struct span base = span_str(a->conf->base_url);

	if (url.n == base.n + req->target.n && span_starts(url, base) &&
	    span_ends(url, req->target))
		return 0;
	return job_fail_status(j, ERR_UNAUTHORIZED, 401,
	    "url in the JWS does not match the request");
}

/* AC-48 */
static int
resolve_kid(struct job *j, struct acme *a, struct request *req, struct span kid)
{
	struct span prefix = span_str(acme_url(a, j, PATH_ACCOUNT, ""));
	struct account *account = arena_alloc(j->arena, sizeof(*account));
	int found;

	if (!span_starts(kid, prefix) || !route_is_id(span_from(kid, prefix.n)))
		return job_fail(j, ERR_MALFORMED,
		    "kid is not an account URL of this server");
	req->account_url = span_dup(j->arena, kid);
	found = store_account_by_id(j, req->account_url + prefix.n, account);
	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(
		    j, ERR_ACCOUNT_DOES_NOT_EXIST, "no such account");
	req->account = account;
	return 0;
}

/* Steps 12 and 13 for a request by an account. */
static int
find_account_key(struct job *j, struct acme *a, struct request *req,
    const struct jws *jws, const struct jwk **key)
{
	if (resolve_kid(j, a, req, jws->kid) < 0 ||
	    jwk_cache_get(a->keys, j, req->account, key) < 0)
		return -1;
	if (!jwk_fits(*key, jws->alg))
		return job_fail(j, ERR_MALFORMED,
		    "algorithm %s does not fit the account key",
		    problem_quote(j, jws->alg));
	return 0;
}

/* A key that revokes is not asked whether it is a good one (AC-44). */
static int
parse_jwk(struct job *j, const struct route *route, const struct jws *jws,
    const struct jwk **key)
{
	if (route->key == EITHER_KEY)
		return jwk_parse_unvetted(j, jws->jwk, jws->alg, key);
	return jwk_parse(j, jws->jwk, jws->alg, key);
}

static int
authenticate(
    struct acme *a, struct job *j, struct request *req, const struct jws *jws)
{
	const struct jwk *key;

	if (jws->jwk != NULL) {
		if (parse_jwk(j, req->route, jws, &key) < 0)
			return -1;
	} else if (find_account_key(j, a, req, jws, &key) < 0) {
		return -1;
	}
	if (jws_verify(j, jws, key) < 0)
		return -1;
	req->jwk = key;
	return 0;
}

/* Steps 10 to 14: whoever fails in them has not shown who they are. */
static int
prove(struct acme *a, struct job *j, struct request *req, const struct jws *jws)
{
	if (nonce_redeem(a->nonces, j, jws->nonce) == 0 &&
	    check_url(j, a, req, jws->url) == 0 &&
	    authenticate(a, j, req, jws) == 0)
		return 0;
	if (err_is_theirs(j->err.kind))
		throttle_failure(a->throttle, &a->conf->limits,
		    req->client_address, clock_now_ms());
	return -1;
}

/* What even those may do who have not agreed to changed terms (AC-72):
 * read, revoke certificates, and leave. */
static bool
is_free(struct job *j, const struct request *req, struct span payload)
{
	const struct json *object;
	bool free = false;

	if (payload.n == 0 || strcmp(req->route->path, PATH_REVOKE) == 0)
		return true;
	if (req->route->handle != account_serve)
		return false;
	if (json_parse_object(j, payload, "payload", &object) == 0)
		free = json_count(object) == 0 /* L-9 */ ||
		       span_eq_str(json_string(json_get(object, "status")),
			   "deactivated");
	job_recover(j);
	return free;
}

/* Step 16 */
static int
check_agreed(const struct acme *a, struct job *j, const struct request *req,
    struct span payload, struct response *resp)
{
	const struct conf *conf = a->conf;

	if (req->account == NULL || account_has_agreed(a, req->account) ||
	    is_free(j, req, payload))
		return 0;
	account_explain_terms(a, j,
	    conf->tos_change_url != NULL ? conf->tos_change_url : conf->tos_url,
	    resp);
	return job_fail(
	    j, ERR_USER_ACTION_REQUIRED, "the terms of service have changed");
}

/* Step 17 */
static int
read_payload(struct job *j, struct request *req, struct span payload)
{
	if (payload.n == 0) {
		req->is_read = true;
		if (req->route->payload == OBJECT_ONLY)
			return job_fail(j, ERR_MALFORMED, "payload is empty");
		return 0;
	}
	if (json_parse_object(j, payload, "payload", &req->payload) < 0)
		return -1;
	if (req->route->payload == READ_ONLY)
		return job_fail(
		    j, ERR_MALFORMED, "this resource can only be read");
	return 0;
}

int
signed_read_proof(struct acme *a, struct job *j, struct request *req)
{
	struct key_proof *proof = arena_alloc(j->arena, sizeof(*proof));

	if (key_report_read(j, a->conf->base_url, req, proof) == 0) {
		req->proof = proof;
		return 0;
	}
	if (err_is_theirs(j->err.kind))
		throttle_failure(a->throttle, &a->conf->limits,
		    req->client_address, clock_now_ms());
	return -1;
}

/* Steps 7 to 17: in this order and no other (AC-52). */
int
signed_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct jws jws;

	if (jws_parse(j, req->body, &jws) < 0 ||
	    check_key_rule(j, req->route, &jws) < 0 ||
	    jws_check_algorithm(j, a->conf, &jws) < 0 ||
	    prove(a, j, req, &jws) < 0)
		return -1;
	/* After the signature: strangers cannot ask for states (AC-49). */
	if (req->account != NULL &&
	    account_check_status(j, req->account, "account") < 0)
		return -1;
	if (check_agreed(a, j, req, jws.payload, resp) < 0)
		return -1;
	return read_payload(j, req, jws.payload);
}
