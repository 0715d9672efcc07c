/* AC-39 to AC-43, AC-47: the vectors, and what they leave out. */
#include "config.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jwk.h"
#include "acme/jwk_cache.h"
#include "acme/jws.h"
#include "db/store_account.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/vectors.h"

/* The algorithm that a JWK of this text would come with. */
static const char *
alg_of(const char *jwk)
{
	if (strstr(jwk, "P-256") != NULL)
		return "ES256";
	if (strstr(jwk, "P-384") != NULL)
		return "ES384";
	if (strstr(jwk, "P-521") != NULL)
		return "ES512";
	return strstr(jwk, "RSA") != NULL ? "RS256" : "EdDSA";
}

static int
parse(struct job *j, const char *text, const char *alg, const struct jwk **out)
{
	const struct json *object;

	job_recover(j);
	assert_int_equal(
	    json_parse_object(j, span_str(text), "jwk", &object), 0);
	return jwk_parse(j, object, span_str(alg), out);
}

/* `jwk_thumbprints`: AC-41, AC-42 with L-3, AC-47 */
static void
test_thumbprints(void **state)
{
	struct job *j = unit_job();
	size_t i;
	json_t *v;

	(void)state;
	json_array_foreach (vectors_at("jwk_thumbprints"), i, v) {
		char *text =
		    json_dumps(vectors_get(v, "jwk_as_received"), JSON_COMPACT);
		const struct jwk *k, *again;

		unit_case("%s", vectors_str(v, "name"));
		if (vectors_get(v, "expect") != NULL) {
			assert_int_equal(parse(j, text, alg_of(text), &k), -1);
			assert_job_error(j, ERR_BAD_PUBLIC_KEY,
			    "EC coordinate has the wrong length");
			free(text);
			continue;
		}
		assert_int_equal(parse(j, text, alg_of(text), &k), 0);
		free(text);
		assert_string_equal(
		    jwk_canonical(k), vectors_str(v, "hash_input"));
		assert_string_equal(
		    jwk_thumbprint(k), vectors_str(v, "thumbprint"));
		/* What is stored gives the same key. */
		assert_int_equal(
		    jwk_load(j, span_str(jwk_canonical(k)), &again), 0);
		assert_string_equal(jwk_thumbprint(again), jwk_thumbprint(k));
		assert_int_equal(jwk_type(again), jwk_type(k));
	}
}

/* `bad_public_keys` */
static void
test_bad_keys(void **state)
{
	struct job *j = unit_job();
	size_t i;
	json_t *v;

	(void)state;
	json_array_foreach (vectors_at("bad_public_keys"), i, v) {
		char *text = json_dumps(vectors_get(v, "jwk"), JSON_COMPACT);
		const struct jwk *k;

		unit_case("%s", vectors_str(v, "name"));
		assert_int_equal(parse(j, text, vectors_str(v, "alg"), &k), -1);
		assert_job_error(j, ERR_BAD_PUBLIC_KEY, NULL);
		free(text);
	}
}

/* AC-44: a key that revokes is parsed, not judged: those that are no key at
 * all, or none of ours, are still refused. */
static void
test_unvetted(void **state)
{
	static const char *const read[] = { "rsa-1024", "rsa-exponent-3",
		"rsa-even-exponent", "rsa-even-modulus",
		"rsa-modulus-divisible-by-751", "rsa-2048-close-primes",
		"ed25519-identity-point" };
	struct job *j = unit_job();
	size_t i, count = 0;
	json_t *v;

	(void)state;
	json_array_foreach (vectors_at("bad_public_keys"), i, v) {
		char *text = json_dumps(vectors_get(v, "jwk"), JSON_COMPACT);
		const char *name = vectors_str(v, "name");
		const struct json *object;
		const struct jwk *k;
		int expected = -1;

		unit_case("%s", name);
		for (size_t n = 0; n < COUNT(read); n++) {
			if (strcmp(name, read[n]) == 0)
				expected = 0;
		}
		count += expected == 0;
		assert_int_equal(
		    json_parse_object(j, span_str(text), "jwk", &object), 0);
		assert_int_equal(jwk_parse_unvetted(j, object,
				     span_str(vectors_str(v, "alg")), &k),
		    expected);
		job_recover(j);
		free(text);
	}
	assert_int_equal(count, COUNT(read));
}

#define X "BQ4D_gLiszG76tlPZKsawQeMc5Su0vpuJBpe9vXI0kA"
#define Y "_5jnBDTqCFbe1AmgkQZf2D12UtZt5-AgOQ8oNysKCp8"
#define P256 "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\""

/* AC-40: members of the JWK itself. */
static void
test_members(void **state)
{
	static const struct {
		const char *jwk;
		const char *error; /* NULL: accepted */
	} rows[] = {
		{ "{" P256 "}", NULL },
		{ "{" P256 ",\"alg\":\"ES256\",\"use\":\"sig\","
		  "\"key_ops\":[\"sign\",\"verify\"],\"kid\":\"x\"}",
		    NULL },
		{ "{" P256 ",\"alg\":\"ES384\"}",
		    "alg of the JWK differs from the header's" },
		{ "{" P256 ",\"alg\":1}",
		    "alg of the JWK differs from the header's" },
		{ "{" P256 ",\"use\":\"enc\"}", "use of the JWK must be sig" },
		{ "{" P256 ",\"use\":null}", "use of the JWK must be sig" },
		{ "{" P256 ",\"key_ops\":[\"sign\"]}",
		    "key_ops of the JWK must contain verify" },
		{ "{" P256 ",\"key_ops\":\"verify\"}",
		    "key_ops of the JWK must contain verify" },
		{ "{" P256 ",\"d\":\"\"}",
		    "the JWK contains private key material" },
		{ "{" P256 ",\"k\":null}",
		    "the JWK contains private key material" },
		{ "{" P256 ",\"oth\":[]}",
		    "the JWK contains private key material" },
		{ "{}", "kty must be EC, RSA or OKP" },
		{ "{\"kty\":7}", "kty must be EC, RSA or OKP" },
		{ "{\"kty\":\"ec\"}", "kty must be EC, RSA or OKP" },
		{ "{\"kty\":\"EC\"}", "crv must be P-256, P-384 or P-521" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\"}",
		    "JWK member x is missing or not a string" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"}",
		    "JWK member y is missing or not a string" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y
		  "=\"}",
		    "JWK member y is not valid base64url" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y
		  "\"}",
		    "EC coordinate has the wrong length" },
		{ "{\"kty\":\"RSA\",\"n\":\"AQAB\"}",
		    "JWK member e is missing or not a string" },
		{ "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}",
		    "RSA key refused: the modulus must have 2048 to 4096 "
		    "bits" },
		{ "{\"kty\":\"OKP\",\"x\":\"" X "\"}", "crv must be Ed25519" },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" X "\"}",
		    "crv must be Ed25519: Ed448 keys sign no requests here; "
		    "the account that ordered a certificate can revoke it" },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}",
		    "x must have 32 octets" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct jwk *k;
		int result = parse(j, rows[i].jwk, "ES256", &k);

		unit_case("%s", rows[i].jwk);
		if (rows[i].error == NULL) {
			assert_int_equal(result, 0);
			continue;
		}
		assert_int_equal(result, -1);
		assert_job_error(j, ERR_BAD_PUBLIC_KEY, rows[i].error);
	}
}

/* AC-39: each key with each algorithm. */
static void
test_fits(void **state)
{
	struct job *j = unit_job();
	size_t i;
	json_t *v;

	(void)state;
	json_array_foreach (vectors_at("keys"), i, v) {
		char *text =
		    json_dumps(vectors_get(v, "jwk_public"), JSON_COMPACT);

		for (const char *const *a = jwk_algorithms(j, NULL); *a != NULL;
		     a++) {
			const char *own = alg_of(text);
			bool fits = strcmp(*a, own) == 0 ||
				    (strcmp(own, "EdDSA") == 0 &&
					strcmp(*a, "Ed25519") == 0);
			const struct jwk *k;

			unit_case("%s %s", vectors_str(v, "name"), *a);
			assert_int_equal(parse(j, text, *a, &k), fits ? 0 : -1);
			assert_int_equal(parse(j, text, own, &k), 0);
			assert_int_equal(jwk_fits(k, span_str(*a)), fits);
		}
		free(text);
	}
}

/* AC-38: case counts, and so does every character. */
static void
test_algorithms(void **state)
{
	static const char *const unknown[] = { "", "none", "es256", "ES256 ",
		"ES25", "HS256", "PS256", "RS384", "RS512", "ES256K", "EDDSA",
		"Ed448" };

	(void)state;
	for (const char *const *a = jwk_algorithms(unit_job(), NULL);
	     *a != NULL; a++)
		assert_true(jwk_algorithm_is_on(NULL, span_str(*a)));
	for (size_t i = 0; i < COUNT(unknown); i++)
		assert_false(jwk_algorithm_is_on(NULL, span_str(unknown[i])));
	assert_false(jwk_algorithm_is_on(NULL, SPAN("ES256\0")));
}

/* AC-38: what is switched off is neither taken nor listed; ES256 and ES384
 * have no switch. */
static void
test_switches(void **state)
{
	static const struct {
		struct conf conf;
		const char *on;
	} rows[] = {
		{ { .accept_es512 = false }, "ES256 ES384 " },
		{ { .accept_es512 = true }, "ES256 ES384 ES512 " },
		{ { .accept_eddsa = true }, "ES256 ES384 EdDSA Ed25519 " },
		{ { .accept_rs256 = true }, "ES256 ES384 RS256 " },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct conf *conf = &rows[i].conf;
		struct buf listed, taken;

		buf_init(&listed, j->arena, 200);
		buf_init(&taken, j->arena, 200);
		for (const char *const *a = jwk_algorithms(j, conf); *a != NULL;
		     a++)
			buf_addf(&listed, "%s ", *a);
		for (const char *const *a = jwk_algorithms(j, NULL); *a != NULL;
		     a++)
			if (jwk_algorithm_is_on(conf, span_str(*a)))
				buf_addf(&taken, "%s ", *a);
		assert_string_equal(listed.p, rows[i].on);
		assert_string_equal(taken.p, rows[i].on);
	}
}

/* Any part of a stored key is no key; that is our trouble, not a client's. */
static void
test_load_cut(void **state)
{
	struct job *j = unit_job();
	struct span text = SPAN("{" P256 "}");
	const struct jwk *k;

	(void)state;
	assert_int_equal(jwk_load(j, text, &k), 0);
	for (size_t n = 0; n < text.n; n++) {
		job_recover(j);
		unit_case("%zu octets", n);
		assert_int_equal(jwk_load(j, span_cut(text, 0, n), &k), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
	}
}

/* The cache gives the same key, and refuses a row whose key has another
 * name. */
static void
test_cache(void **state)
{
	struct jwk_cache *c = jwk_cache_new();
	struct account account = { .id = "x", .jwk = "{" P256 "}" };
	struct job *j = unit_job();
	const struct jwk *k, *first, *second;

	(void)state;
	assert_int_equal(parse(j, "{" P256 "}", "ES256", &k), 0);
	account.thumbprint = jwk_thumbprint(k);
	assert_int_equal(jwk_cache_get(c, j, &account, &first), 0);
	account.jwk = "not read again";
	assert_int_equal(jwk_cache_get(c, j, &account, &second), 0);
	assert_string_equal(jwk_canonical(first), jwk_canonical(second));
	assert_string_equal(jwk_thumbprint(second), account.thumbprint);
	assert_non_null(jwk_pkey(first));

	account.jwk = "{" P256 "}";
	account.thumbprint = "fT26vE0E3DeU7mip-j9tKoY8PIAYw6UGWg_2yBJpAsA";
	assert_int_equal(jwk_cache_get(c, j, &account, &second), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	/* A shared key outlives the cache. */
	jwk_cache_free(c);
	jwk_cache_free(NULL);
	assert_int_equal(jwk_type(first), KEY_TYPE_P256);
	assert_string_equal(jwk_canonical(first), "{" P256 "}");
}

/* --- several threads, one cache ------------------------------------------ */

struct user {
	pthread_t thread;
	struct jwk_cache *cache;
	const struct account *accounts;
	size_t count;
	size_t good;
};

static void *
use_cache(void *x)
{
	struct user *u = x;
	struct job j;

	for (size_t i = 0; i < 50 * u->count; i++) {
		const struct account *account = &u->accounts[i % u->count];
		const struct jwk *k;

		job_init(&j, NULL, NULL);
		if (jwk_cache_get(u->cache, &j, account, &k) == 0 &&
		    strcmp(jwk_canonical(k), account->jwk) == 0 &&
		    !jws_signature_is_valid(k, SPAN("x"), SPAN("y")))
			u->good++;
		job_done(&j);
	}
	return NULL;
}

static void
test_cache_threads(void **state)
{
	enum { THREADS = 8, KEYS = 7 };
	struct jwk_cache *c = jwk_cache_new();
	struct account accounts[KEYS];
	struct user users[THREADS];
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		const json_t *v = json_array_get(vectors_at("keys"), i);
		char *text =
		    json_dumps(vectors_get(v, "jwk_public"), JSON_COMPACT);
		const struct jwk *k;

		assert_int_equal(parse(j, text, alg_of(text), &k), 0);
		free(text);
		accounts[i] = (struct account){ .id = "x",
			.jwk = jwk_canonical(k),
			.thumbprint = jwk_thumbprint(k) };
	}
	for (size_t i = 0; i < THREADS; i++) {
		users[i] = (struct user){
			.cache = c, .accounts = accounts, .count = KEYS
		};
		assert_int_equal(pthread_create(&users[i].thread, NULL,
				     use_cache, &users[i]),
		    0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(users[i].thread, NULL);
		assert_int_equal(users[i].good, 50 * KEYS);
	}
	jwk_cache_free(c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_thumbprints),
	cmocka_unit_test(test_bad_keys),
	cmocka_unit_test(test_unvetted),
	cmocka_unit_test(test_members),
	cmocka_unit_test(test_fits),
	cmocka_unit_test(test_algorithms),
	cmocka_unit_test(test_switches),
	cmocka_unit_test(test_load_cut),
	cmocka_unit_test(test_cache),
	cmocka_unit_test(test_cache_threads),
};
UNIT_MAIN(tests)
