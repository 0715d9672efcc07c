#include "config.h"

#include "lib/digest.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/arena.h"
#include "lib/log.h"

struct sha256_ctx {
	EVP_MD_CTX *evp;
	bool is_over; /* begins anew with what comes next */
};

/* Digests fail only without memory or without a working OpenSSL; nothing
 * may go on with a sum that was not computed. */
static void
must(int ok)
{
	if (ok)
		return;
	log_error("digest failed",
	    "hint=\"OpenSSL's default provider does not work; see "
	    "openssl.cnf\"");
	abort();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_md;

static void
fetch(void)
{
	sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256_md != NULL);
}

/* EVP_sha256() would be looked up in OpenSSL's tables at each use, which
 * costs as much as hashing half a kilobyte.  Kept until the process ends. */
static const EVP_MD *
sha256_of_openssl(void)
{
	must(pthread_once(&once, fetch) == 0);
	return sha256_md;
}

void
sha256(struct span data, uint8_t out[SHA256_LEN])
{
	must(EVP_Digest(data.p, data.n, out, NULL, sha256_of_openssl(), NULL) ==
	     1);
}

static void
release(void *x)
{
	EVP_MD_CTX_free(x);
}

struct sha256_ctx *
sha256_new(struct arena *a)
{
	struct sha256_ctx *c = arena_alloc(a, sizeof(*c));

	c->evp = arena_own(a, EVP_MD_CTX_new(), release);
	must(c->evp != NULL);
	c->is_over = true;
	return c;
}

static void
begin(struct sha256_ctx *c)
{
	if (c->is_over)
		must(EVP_DigestInit_ex(c->evp, sha256_of_openssl(), NULL) == 1);
	c->is_over = false;
}

void
sha256_add(struct sha256_ctx *c, struct span data)
{
	begin(c);
	must(EVP_DigestUpdate(c->evp, data.p, data.n) == 1);
}

void
sha256_finish(struct sha256_ctx *c, uint8_t out[SHA256_LEN])
{
	begin(c);
	must(EVP_DigestFinal_ex(c->evp, out, NULL) == 1);
	c->is_over = true;
}

void
hmac_sha256(struct span key, struct span data, uint8_t out[SHA256_LEN])
{
	/* A NULL key would mean "the key of last time". */
	const char *k = key.n == 0 ? "" : key.p;

	must(key.n <= INT_MAX &&
	     HMAC(EVP_sha256(), k, (int)key.n, (const unsigned char *)data.p,
		 data.n, out, NULL) != NULL);
}

bool
ct_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void
wipe(void *p, size_t n)
{
	if (n > 0)
		OPENSSL_cleanse(p, n);
}
