/*
 * How many signed requests a second the code of the web role reads and
 * verifies on one core: acme/jws.c with acme/jwk_cache.c, as acme/route.c
 * calls them.
 *
 *	jws_rate SECONDS
 *
 * prints a line for each algorithm and way: "ES256 cached 9000.0".  "cached"
 * finds the account key as it usually is found, "import" reads it from the
 * account's row each time, "parse" does everything but the signature.
 */
#include "config.h"

#include "acme/jwk_cache.h"
#include "acme/jws.h"
#include "db/store_account.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OCTETS_MAX 512
/* How many are done between two looks at the clock. */
#define STRIDE 64

enum way { WAY_PARSE, WAY_CACHED, WAY_IMPORT };
static const char *const way_names[] = { "parse", "cached", "import" };

struct signer {
	const char *alg;
	EVP_PKEY *key;
	bool has_digest, is_ec;
};

struct task {
	struct jwk_cache *cache;
	struct account account;
	struct span body;
};

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "jws_rate: %s failed\n", what);
	exit(EXIT_FAILURE);
}

/* --- what a client sends -------------------------------------------------- */

static const char *
b64url_of(struct job *j, const unsigned char *octets, size_t n)
{
	char *text = arena_alloc(j->arena, B64URL_LEN(n) + 1);

	b64url_format(text, span_mem(octets, n));
	return text;
}

static const char *
number_of(struct job *j, const EVP_PKEY *key, const char *name)
{
	unsigned char octets[OCTETS_MAX];
	BIGNUM *n = NULL;
	int len;

	require(EVP_PKEY_get_bn_param(key, name, &n) == 1, name);
	len = BN_bn2bin(n, octets);
	BN_free(n);
	return b64url_of(j, octets, (size_t)len);
}

/* The key as the account's row holds it (AC-47). */
static const char *
jwk_text(struct job *j, const struct signer *s)
{
	unsigned char octets[OCTETS_MAX];
	size_t n = sizeof(octets);

	if (EVP_PKEY_is_a(s->key, "RSA"))
		return arena_printf(j->arena,
		    "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
		    number_of(j, s->key, OSSL_PKEY_PARAM_RSA_E),
		    number_of(j, s->key, OSSL_PKEY_PARAM_RSA_N));
	require(EVP_PKEY_get_octet_string_param(s->key, OSSL_PKEY_PARAM_PUB_KEY,
		    octets, sizeof(octets), &n) == 1,
	    "reading the public key");
	if (s->is_ec)
		return arena_printf(j->arena,
		    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\","
		    "\"y\":\"%s\"}",
		    b64url_of(j, octets + 1, 32),
		    b64url_of(j, octets + 33, 32));
	return arena_printf(j->arena,
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}",
	    b64url_of(j, octets, n));
}

/* DER to r and s of 32 octets each. */
static size_t
fixed_length(unsigned char *sig, size_t n)
{
	const unsigned char *p = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)n);

	require(parsed != NULL &&
		    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, 32) == 32 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + 32, 32) == 32,
	    "converting the signature");
	ECDSA_SIG_free(parsed);
	return 64;
}

static struct span
sign(struct job *j, const struct signer *s, struct span message)
{
	unsigned char *sig = arena_alloc(j->arena, OCTETS_MAX);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = OCTETS_MAX;

	require(EVP_DigestSignInit(ctx, NULL,
		    s->has_digest ? EVP_sha256() : NULL, NULL, s->key) == 1 &&
		    EVP_DigestSign(ctx, sig, &n,
			(const unsigned char *)message.p, message.n) == 1,
	    "signing");
	EVP_MD_CTX_free(ctx);
	return span_mem(sig, s->is_ec ? fixed_length(sig, n) : n);
}

/* A newOrder of usual size. */
static struct span
make_body(struct job *j, const struct signer *s)
{
	struct buf header, input, body;
	size_t dot;

	buf_init(&header, j->arena, 4096);
	buf_init(&input, j->arena, 8192);
	buf_init(&body, j->arena, 16384);
	buf_addf(&header,
	    "{\"alg\":\"%s\",\"kid\":\"https://acme.ca.example/acme/acct/"
	    "AAAAAAAAAAAAAAAAAAAAAA\",\"nonce\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"url\":"
	    "\"https://acme.ca.example/acme/new-order\"}",
	    s->alg);
	b64url_add(&input, buf_span(&header));
	dot = input.n;
	buf_add_char(&input, '.');
	b64url_add(
	    &input, SPAN("{\"identifiers\":[{\"type\":\"email\",\"value\":"
			 "\"alice@user.example\"}]}"));
	buf_addf(&body,
	    "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"",
	    (int)dot, input.p, input.p + dot + 1);
	b64url_add(&body, sign(j, s, buf_span(&input)));
	buf_add_str(&body, "\"}");
	require(buf_ok(&body), "writing the request");
	return buf_span(&body);
}

/* --- what the server does ------------------------------------------------- */

static int
read_one(const struct task *t, enum way way)
{
	const struct jwk *key;
	struct jws jws;
	struct job j;
	int result;

	job_init(&j, NULL, NULL);
	result = jws_parse(&j, t->body, &jws);
	if (result == 0)
		result = jws_check_algorithm(&j, NULL, &jws);
	if (result == 0 && way == WAY_CACHED)
		result = jwk_cache_get(t->cache, &j, &t->account, &key);
	if (result == 0 && way == WAY_IMPORT)
		result = jwk_load(&j, span_str(t->account.jwk), &key);
	if (result == 0 && way != WAY_PARSE)
		result = jws_verify(&j, &jws, key);
	if (result < 0)
		fprintf(stderr, "jws_rate: %s\n", j.err.text);
	job_done(&j);
	return result;
}

/* As `openssl speed` counts: what others do on the machine is not ours. */
static double
cpu_seconds(void)
{
	struct timespec t;

	require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0,
	    "reading the processor's time");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
rate(const struct task *t, enum way way, double seconds)
{
	double begun, spent;
	long count = 0;

	require(read_one(t, way) == 0, "the first request");
	begun = cpu_seconds();
	do {
		for (int i = 0; i < STRIDE; i++)
			require(read_one(t, way) == 0, "a request");
		count += STRIDE;
		spent = cpu_seconds() - begun;
	} while (spent < seconds);
	return (double)count / spent;
}

static void
measure(const struct signer *s, double seconds)
{
	struct task t = { .cache = jwk_cache_new() };
	const struct jwk *key;
	struct job j;

	job_init(&j, NULL, NULL);
	t.body = make_body(&j, s);
	t.account.id = "bench";
	t.account.jwk = jwk_text(&j, s);
	require(jwk_load(&j, span_str(t.account.jwk), &key) == 0,
	    "reading the key");
	t.account.thumbprint = jwk_thumbprint(key);
	for (int way = WAY_PARSE; way <= WAY_IMPORT; way++) {
		printf("%s %s %.1f\n", s->alg, way_names[way],
		    rate(&t, (enum way)way, seconds));
		fflush(stdout);
	}
	jwk_cache_free(t.cache);
	job_done(&j);
}

int
main(int argc, char **argv)
{
	double seconds = argc == 2 ? atof(argv[1]) : 0;
	struct signer signers[] = {
		{ "ES256", EVP_EC_gen("P-256"), true, true },
		{ "RS256", EVP_RSA_gen(2048), true, false },
		{ "EdDSA", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false,
		    false },
	};

	require(seconds > 0, "reading SECONDS: it");
	for (size_t i = 0; i < COUNT(signers); i++) {
		require(signers[i].key != NULL, "making a key");
		measure(&signers[i], seconds);
		EVP_PKEY_free(signers[i].key);
	}
	return EXIT_SUCCESS;
}
