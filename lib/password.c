#include "config.h"

#include "lib/password.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/rnd.h"

/* 32 MiB for each try. */
#define COST 32768
#define BLOCK 8
#define LANES 3

/* What a row of the database may make this process spend. */
#define COST_MAX (1 << 18)
#define BLOCK_MAX 16
#define LANES_MAX 8
#define MEMORY_MAX (640u * 1024 * 1024)

static bool
is_bounded(const struct password_hash *h)
{
	return h->n >= 2 && h->n <= COST_MAX && (h->n & (h->n - 1)) == 0 &&
	       h->r >= 1 && h->r <= BLOCK_MAX && h->p >= 1 &&
	       h->p <= LANES_MAX && h->salt.n == PASSWORD_SALT_LEN;
}

static int
derive(struct job *j, struct span password, const struct password_hash *h,
    unsigned char out[PASSWORD_HASH_LEN])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	uint64_t n = (uint64_t)h->n, memory = MEMORY_MAX;
	uint32_t r = (uint32_t)h->r, p = (uint32_t)h->p;
	char *secret = arena_memdup(j->arena, password.p, password.n);
	char *salt = arena_memdup(j->arena, h->salt.p, h->salt.n);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_PASSWORD, secret, password.n),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_SALT, salt, h->salt.n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(
		    OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};
	int result = ctx == NULL
			 ? 0
			 : EVP_KDF_derive(ctx, out, PASSWORD_HASH_LEN, params);

	wipe(secret, password.n);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	ERR_clear_error();
	return result == 1
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "scrypt cannot be computed");
}

int
password_hash(struct job *j, struct span password, struct password_hash *out)
{
	return password_hash_at(j, password, COST, LANES, out);
}

int
password_hash_at(struct job *j, struct span password, int64_t cost,
    int64_t lanes, struct password_hash *out)
{
	unsigned char *salt = arena_alloc(j->arena, PASSWORD_SALT_LEN);
	unsigned char *hash = arena_alloc_secret(j->arena, PASSWORD_HASH_LEN);

	if (password.n < PASSWORD_MIN || password.n > PASSWORD_MAX ||
	    span_find(password, 0, '\0') != password.n)
		return job_fail(j, ERR_MALFORMED,
		    "a password has %d to %d octets, and no NUL", PASSWORD_MIN,
		    PASSWORD_MAX);
	rnd_bytes(salt, PASSWORD_SALT_LEN);
	*out = (struct password_hash){ .n = cost,
		.r = BLOCK,
		.p = lanes,
		.salt = span_mem(salt, PASSWORD_SALT_LEN),
		.hash = span_mem(hash, PASSWORD_HASH_LEN) };
	return derive(j, password, out, hash);
}

int
password_check(
    struct job *j, struct span password, const struct password_hash *h)
{
	static const char no_salt[PASSWORD_SALT_LEN];
	const struct password_hash nobody = { .n = COST,
		.r = BLOCK,
		.p = LANES,
		.salt = { no_salt, sizeof(no_salt) } };
	const struct password_hash *like = h == NULL ? &nobody : h;
	unsigned char *hash = arena_alloc_secret(j->arena, PASSWORD_HASH_LEN);

	if (!is_bounded(like))
		return job_fail(j, ERR_INTERNAL,
		    "the password's parameters in the database are out of "
		    "bounds");
	if (password.n > PASSWORD_MAX)
		password = SPAN("");
	if (derive(j, password, like, hash) < 0)
		return -1;
	return h != NULL &&
	       ct_equal(span_mem(hash, PASSWORD_HASH_LEN), like->hash);
}
