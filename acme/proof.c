#include "config.h"

#include "acme/proof.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/finalize.h"
#include "acme/jwk.h"
#include "acme/jws.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"

static int
unproven(struct job *j, const char *why)
{
	return job_fail(j, ERR_UNAUTHORIZED, "%s", why);
}

/* What a reader of requests or keys has refused, as a fault of the row. */
static int
unreadable(struct job *j, const char *what)
{
	const char *why = arena_strdup(j->arena, j->err.text);

	job_recover(j);
	return job_fail(j, ERR_UNAUTHORIZED, "%s: %s", what, why);
}

/* The thumbprint is computed from the key, never believed: it is what binds
 * the key to the sealed evidence. */
static int
load_key(struct job *j, const char *jwk_canonical, const char *thumbprint,
    const struct jwk **key)
{
	if (jwk_load(j, span_str(jwk_canonical), key) < 0)
		return unreadable(j, "the account of the order");
	if (strcmp(jwk_thumbprint(*key), thumbprint) != 0)
		return unproven(
		    j, "the account's key does not have its thumbprint");
	return 0;
}

/* As authenticate() of acme/route.c, for one resource and one account. */
static int
check_header(struct job *j, const char *base_url, const struct order *o,
    const struct jws *jws)
{
	const char *url = arena_printf(
	    j->arena, "%s" PATH_ORDER "%s" PATH_FINALIZE, base_url, o->id);
	const char *kid = arena_printf(
	    j->arena, "%s" PATH_ACCOUNT "%s", base_url, o->account_id);

	if (!span_eq_str(jws->url, url))
		return unproven(
		    j, "the stored request is not about finalizing the order");
	if (jws->jwk != NULL || !span_eq_str(jws->kid, kid))
		return unproven(
		    j, "the stored request is not by the order's account");
	return 0;
}

static int
check_signature(struct job *j, const struct jws *jws, const struct jwk *key)
{
	if (jws_check_algorithm(j, NULL, jws) < 0)
		return unreadable(j, "the stored request");
	if (!jwk_fits(key, jws->alg))
		return unproven(j, "the algorithm of the stored request does "
				   "not fit the account's key");
	if (jws_verify(j, jws, key) < 0)
		return unreadable(j, "the stored request");
	return 0;
}

static int
check_payload(struct job *j, const struct order *o, struct span payload)
{
	const struct json *object;
	struct span csr;

	if (json_parse_object(j, payload, "payload", &object) < 0 ||
	    finalize_csr(j, object, &csr) < 0)
		return unreadable(j, "the stored request");
	if (!span_eq(csr, o->csr))
		return unproven(
		    j, "the stored request holds another CSR than the order");
	return 0;
}

int
finalize_proof_verify(struct job *j, const char *base_url,
    const struct order *o, const char *jwk_canonical, const char *thumbprint)
{
	const struct jwk *key;
	struct jws jws;

	if (o->csr_jws.n == 0)
		return unproven(j, "there is no stored request");
	if (load_key(j, jwk_canonical, thumbprint, &key) < 0)
		return -1;
	if (jws_parse(j, o->csr_jws, &jws) < 0)
		return unreadable(j, "the stored request");
	if (check_header(j, base_url, o, &jws) < 0 ||
	    check_signature(j, &jws, key) < 0)
		return -1;
	return check_payload(j, o, jws.payload);
}
