#include "config.h"

#include "acme/proof.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/finalize.h"
#include "acme/jwk.h"
#include "acme/jws.h"
#include "acme/keychange.h"
#include "db/store_account.h"
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
	if (jwk_canonical == NULL ||
	    jwk_load(j, span_str(jwk_canonical), key) < 0)
		return unreadable(j, "the account of the order");
	if (strcmp(jwk_thumbprint(*key), thumbprint) != 0)
		return unproven(
		    j, "the account's key does not have its thumbprint");
	return 0;
}

static const char *
url_of(struct job *j, const struct signing_keys *keys, const char *path,
    const char *id, const char *suffix)
{
	return arena_printf(
	    j->arena, "%s%s%s%s", keys->base_url, path, id, suffix);
}

/* As authenticate() of acme/route.c, for one resource and one account. */
static int
check_header(struct job *j, const struct order *o,
    const struct signing_keys *keys, const struct jws *jws)
{
	const char *url = url_of(j, keys, PATH_ORDER, o->id, PATH_FINALIZE);
	const char *kid = url_of(j, keys, PATH_ACCOUNT, o->account_id, "");

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

/* One key of the account, as its row has it: 0 if it signed. */
static int
try_key(struct job *j, const struct jws *jws, const char *jwk,
    const char *thumbprint)
{
	const struct jwk *key = NULL;

	if (load_key(j, jwk, thumbprint, &key) < 0)
		return -1;
	return check_signature(j, jws, key);
}

/* The key of today; or one of before, the newest first.  If it is none of
 * them, today's says why. */
static int
find_signer(struct job *j, const struct jws *jws, struct signing_keys *keys)
{
	struct err why;

	keys->signer = keys->thumbprint;
	if (try_key(j, jws, keys->jwk, keys->thumbprint) == 0)
		return 0;
	why = j->err;
	for (size_t i = keys->former_count; i > 0; i--) {
		const struct former_key *k = &keys->former[i - 1];

		job_recover(j);
		keys->signer = k->thumbprint;
		if (try_key(j, jws, k->jwk, k->thumbprint) == 0)
			return 0;
	}
	keys->signer = NULL;
	j->err = why;
	return -1;
}

int
finalize_proof_verify(
    struct job *j, const struct order *o, struct signing_keys *keys)
{
	struct jws jws;

	if (o->csr_jws.n == 0)
		return unproven(j, "there is no stored request");
	if (jws_parse(j, o->csr_jws, &jws) < 0)
		return unreadable(j, "the stored request");
	if (check_header(j, o, keys, &jws) < 0 ||
	    find_signer(j, &jws, keys) < 0)
		return -1;
	return check_payload(j, o, jws.payload);
}

/* --- from one key to the next (AC-80 again) ------------------------------- */

/* Everything that keyChange asked for but the nonce: signed by the old key,
 * for this account, and by the new one. */
static int
read_handover(struct job *j, const struct signing_keys *keys,
    const struct former_key *k, const struct jwk **new)
{
	struct keychange what = {
		.url = url_of(j, keys, PATH_KEY_CHANGE, "", ""),
		.kid = url_of(j, keys, PATH_ACCOUNT, keys->account_id, ""),
		.thumbprint = k->thumbprint,
	};
	const struct json *payload = NULL;
	const struct jwk *old = NULL;
	struct jws jws;

	if (load_key(j, k->jwk, k->thumbprint, &old) < 0)
		return -1;
	if (jws_parse(j, k->request, &jws) < 0)
		return unreadable(j, "the stored change of key");
	if (!span_eq_str(jws.url, what.url) || jws.jwk != NULL ||
	    !span_eq_str(jws.kid, what.kid))
		return unproven(
		    j, "the stored change of key is not the account's");
	if (check_signature(j, &jws, old) < 0)
		return -1;
	if (json_parse_object(j, jws.payload, "payload", &payload) < 0 ||
	    keychange_read(j, NULL, &what, payload, new) < 0)
		return unreadable(j, "the stored change of key");
	return 0;
}

/*
 * The rows in their order.  One that proves nothing is no step; what it says
 * of itself is the reason if no other leads on.
 */
int
key_proof_verify(
    struct job *j, const struct signing_keys *keys, const char *thumbprint)
{
	const char *at = thumbprint;

	if (strcmp(at, keys->signer) == 0)
		return 0;
	for (size_t i = 0; i < keys->former_count; i++) {
		const struct former_key *k = &keys->former[i];
		const struct jwk *new = NULL;

		if (k->thumbprint == NULL || strcmp(k->thumbprint, at) != 0)
			continue;
		job_recover(j);
		if (read_handover(j, keys, k, &new) < 0)
			continue;
		at = jwk_thumbprint(new);
		if (strcmp(at, keys->signer) == 0)
			return 0;
	}
	return unproven(j, "no signed change of key leads from the one that "
			   "the reply proved to the one that signed");
}
