#include "config.h"

#include "acme/eab.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/jwk.h"
#include "acme/jws.h"
#include "db/store_account.h"
#include "lib/aead.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/rnd.h"

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
	size_t len; /* and no shorter key (RFC 7518 3.2) */
} algorithms[] = {
	{ "HS256", EVP_sha256, 32 },
	{ "HS384", EVP_sha384, 48 },
	{ "HS512", EVP_sha512, 64 },
};

#define ALGORITHM_COUNT COUNT(algorithms)

/* --- steps 1 to 4: what it looks like ------------------------------------ */

static int
malformed(struct job *j, const char *what)
{
	job_recover(j);
	return job_fail(j, ERR_MALFORMED, "external account binding %s", what);
}

static int
parse(struct job *j, const struct json *member, struct jws *jws)
{
	if (json_type(member) != JSON_T_OBJECT ||
	    jws_parse_shape(j, member, jws) < 0 || jws->payload.n == 0)
		return malformed(j, "is not a JWS");
	return 0;
}

static int
find_algorithm(struct job *j, const struct jws *jws, size_t *i)
{
	struct span alg = json_string(json_get(jws->header, "alg"));

	for (*i = 0; *i < ALGORITHM_COUNT; (*i)++)
		if (span_eq_str(alg, algorithms[*i].name))
			return 0;
	return malformed(j, "needs HS256, HS384 or HS512");
}

static int
check_header(struct job *j, const struct jws *jws, const char **kid)
{
	static const char *const unwanted[] = { "jwk", "nonce", "crit", "b64" };
	struct span text = json_string(json_get(jws->header, "kid"));

	if (text.n == 0 || text.n > EAB_KID_MAX || !span_is_ascii(text) ||
	    span_has_control(text))
		return malformed(j, "header: kid must be a string of 1 to 256 "
				    "ASCII characters");
	for (size_t i = 0; i < COUNT(unwanted); i++)
		if (json_get(jws->header, unwanted[i]) != NULL)
			return malformed(
			    j, arena_printf(j->arena,
				   "header: %s is not allowed", unwanted[i]));
	*kid = span_dup(j->arena, text);
	return 0;
}

/* --- steps 5 and 6: one answer ------------------------------------------- */

int
eab_refuse(struct job *j)
{
	return job_fail(
	    j, ERR_UNAUTHORIZED, "external account binding refused");
}

static bool
is_usable(const struct eab_key *k, int64_t now)
{
	return k->withdrawn_at == 0 &&
	       (k->expires_at == 0 || k->expires_at > now) &&
	       (k->is_reusable || k->bound_at == 0);
}

/* The secret of a key that is there; else octets of the same length, at the
 * same cost. */
static bool
open_secret(const struct acme *a, struct job *j, const struct eab_key *k,
    bool exists, struct span *secret)
{
	static const char none[EAB_SECRET_LEN + AEAD_OVERHEAD];
	struct span sealed = exists ? k->secret : span_mem(none, sizeof(none));
	bool is_open =
	    a->eab_key != NULL &&
	    aead_decrypt(j, a->eab_key, span_str(k->kid), sealed, secret) == 1;

	if (!is_open)
		*secret = span_mem(none, EAB_SECRET_LEN);
	if (exists && !is_open)
		log_error("EAB key not readable",
		    "kid=\"%s\" next=\"web.eab_key_file must name the file "
		    "that the key was made with\"",
		    k->kid);
	return is_open;
}

static bool
mac_is_right(size_t alg, struct span secret, const struct jws *jws)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (HMAC(algorithms[alg].md(), secret.p, (int)secret.n,
		(const unsigned char *)jws->signing_input.p,
		jws->signing_input.n, mac, &n) == NULL)
		return false;
	return ct_equal(span_mem(mac, n), jws->signature);
}

static int
check_mac(const struct acme *a, struct job *j, size_t alg,
    const struct jws *jws, struct eab_key *k)
{
	const char *kid = k->kid;
	int found = store_eab_by_kid(j, kid, k);
	struct span secret = { NULL, 0 };
	bool is_open, is_right;

	if (found < 0)
		return -1;
	k->kid = kid;
	is_open = open_secret(a, j, k, found == 1, &secret);
	is_right = mac_is_right(alg, secret, jws);
	/* What stands for a secret that is not there is known to everybody. */
	if (found == 0 || !is_open || !is_right || !is_usable(k, j->now) ||
	    secret.n < algorithms[alg].len)
		return eab_refuse(j);
	return 0;
}

/* --- step 7 --------------------------------------------------------------- */

static int
check_payload(
    struct job *j, const struct jws *jws, const struct jwk *account_key)
{
	const struct json *object;
	const struct jwk *key;

	if (json_parse_object(j, jws->payload, "payload", &object) < 0 ||
	    jwk_read(j, object, &key) < 0 ||
	    strcmp(jwk_thumbprint(key), jwk_thumbprint(account_key)) != 0)
		return malformed(j, "is for another key");
	return 0;
}

static int
verify(struct acme *a, struct job *j, const struct json *member,
    const struct jwk *account_key, struct eab_key *out)
{
	const char *url = acme_url(a, j, PATH_NEW_ACCOUNT, "");
	struct jws jws = { .nonce = NULL };
	size_t alg;

	*out = (struct eab_key){ .kid = NULL };
	if (parse(j, member, &jws) < 0 || find_algorithm(j, &jws, &alg) < 0 ||
	    check_header(j, &jws, &out->kid) < 0)
		return -1;
	if (!span_eq_str(json_string(json_get(jws.header, "url")), url))
		return malformed(j, "url differs");
	if (check_mac(a, j, alg, &jws, out) < 0 ||
	    check_payload(j, &jws, account_key) < 0)
		return -1;
	return 1;
}

/* AC-76: with keys it is always verified, without any it means nothing. */
int
eab_verify(struct acme *a, struct job *j, const struct json *payload,
    const struct jwk *account_key, struct eab_key *out)
{
	const struct json *member = json_get(payload, "externalAccountBinding");
	bool is_absent =
	    member == NULL || json_type(member) == JSON_T_NULL; /* L-5 */
	int exists;

	if (is_absent && a->conf->eab_required)
		return job_fail(j, ERR_EXTERNAL_ACCOUNT_REQUIRED,
		    "this server needs an external account binding");
	if (is_absent)
		return 0;
	exists = store_eab_exists(j);
	if (exists < 0)
		return -1;
	if (exists == 0 && !a->conf->eab_required)
		return 0;
	return verify(a, j, member, account_key, out);
}

void
eab_secret_make(struct job *j, const struct aead_key *key, const char *kid,
    struct span *secret, struct span *sealed)
{
	char *octets = arena_alloc_secret(j->arena, EAB_SECRET_LEN);

	rnd_bytes(octets, EAB_SECRET_LEN);
	*secret = span_mem(octets, EAB_SECRET_LEN);
	*sealed = aead_encrypt(j, key, span_str(kid), *secret);
}

/* --- what the entry allows (AC-78) ---------------------------------------- */

/* A JSON array of texts; what is none has no members, and allows nothing. */
static int
read_list(struct job *j, const char *text, const struct conf_list **out)
{
	const char *wrapped = arena_printf(j->arena, "{\"list\":%s}", text);
	struct conf_list *list = arena_alloc(j->arena, sizeof(*list));
	const struct json *object, *array;

	*out = list;
	if (json_parse_object(j, span_str(wrapped), "EAB key", &object) < 0) {
		job_recover(j);
		return job_fail(
		    j, ERR_INTERNAL, "a list of an EAB key cannot be read");
	}
	array = json_get(object, "list");
	if (json_type(array) != JSON_T_ARRAY)
		return 0;
	list->v = arena_calloc(j->arena, json_count(array) + 1, sizeof(char *));
	for (size_t i = 0; i < json_count(array); i++)
		list->v[list->n++] =
		    span_dup(j->arena, json_string(json_at(array, i)));
	return 0;
}

int
eab_rights_of(struct job *j, const char *kid, struct account_rights *out)
{
	static const struct conf_list nothing;
	struct eab_key k;
	int found;

	*out = (struct account_rights){ .allow = NULL };
	if (kid == NULL)
		return 0;
	found = store_eab_by_kid(j, kid, &k);
	if (found < 0)
		return -1;
	if (found == 0) {
		out->allow = &nothing;
		out->profiles = "[]";
		return 0;
	}
	out->profiles = k.profiles;
	out->limits = k.limits;
	return k.allow != NULL ? read_list(j, k.allow, &out->allow) : 0;
}

int
eab_rights(
    struct job *j, const struct account *account, struct account_rights *out)
{
	return eab_rights_of(j, account->eab_kid, out);
}
