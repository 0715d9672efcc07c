#include "config.h"

#include "pki/head_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"

#define FILE_MAX ((size_t)256 * 1024)
#define SIGNATURE_MAX ((size_t)1024)

struct public_key {
	EVP_PKEY *key;
	struct span spki;
	uint8_t sha256[SHA256_LEN];
};
struct head_key {
	struct public_key public;
	EVP_PKEY *private;
};
struct head_keys {
	size_t n;
	struct public_key v[HEAD_KEYS_MAX];
};

/* --- reading -------------------------------------------------------------- */

static int
check_key(struct job *j, struct arena *keep, const char *path, EVP_PKEY *key,
    struct public_key *out)
{
	enum key_type type;
	const char *why = keycheck_key(key, KEYCHECK_SUBJECT, &type);
	unsigned char *der = NULL;
	int n;

	if (why == NULL && type != KEY_TYPE_RSA && !key_type_is_ec(type))
		why = "neither RSA nor EC";
	if (why != NULL)
		return job_fail(j, ERR_INTERNAL,
		    "%s: a key that cannot sign heads of the audit: %s", path,
		    why);
	n = i2d_PUBKEY(key, &der);
	if (n <= 0)
		return ossl_fail(j, "public key");
	out->key = key;
	out->spki = span_mem(arena_memdup(keep, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	sha256(out->spki, out->sha256);
	return 0;
}

int
head_key_load(struct job *j, struct arena *keep, const char *path,
    const struct head_key **out)
{
	struct head_key *k = arena_calloc(keep, 1, sizeof(*k));
	struct span pem;
	BIO *in;

	if (file_read_private(j, path, FILE_MAX, &pem) < 0)
		return -1;
	in = ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
	if (in == NULL)
		return ossl_fail(j, "memory");
	k->private = ossl_own_pkey(
	    keep, PEM_read_bio_PrivateKey(in, NULL, passphrase_none, NULL));
	ERR_clear_error();
	if (k->private == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "%s: a private key in PEM without passphrase would be "
		    "right, as openssl genpkey -algorithm EC -pkeyopt "
		    "ec_paramgen_curve:P-256 makes it",
		    path);
	*out = k;
	return check_key(j, keep, path, k->private, &k->public);
}

struct span
head_key_sha256(const struct head_key *k)
{
	return span_mem(k->public.sha256, SHA256_LEN);
}

struct span
head_key_spki(const struct head_key *k)
{
	return k->public.spki;
}

/* The next block: 1, 0 there is none, -1 it cannot be read. */
static int
next_block(struct arena *keep, BIO *in, EVP_PKEY **key)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	long n = 0;
	int found = PEM_read_bio(in, &name, &header, &der, &n);
	bool is_end = found != 1 && ERR_GET_REASON(ERR_peek_last_error()) ==
					PEM_R_NO_START_LINE;

	*key = NULL;
	at = der;
	if (found == 1 && strcmp(name, PEM_STRING_PUBLIC) == 0)
		*key = ossl_own_pkey(keep, d2i_PUBKEY(NULL, &at, n));
	if (*key != NULL && at != der + n)
		*key = NULL;
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	ERR_clear_error();
	if (is_end)
		return 0;
	return *key != NULL ? 1 : -1;
}

int
head_keys_load(struct job *j, struct arena *keep, const char *path,
    const struct head_keys **out)
{
	struct head_keys *keys = arena_calloc(keep, 1, sizeof(*keys));
	struct span pem;
	EVP_PKEY *key;
	BIO *in;
	int found;

	if (file_read(j, path, FILE_MAX, &pem) < 0)
		return -1;
	in = ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
	if (in == NULL)
		return ossl_fail(j, "memory");
	while ((found = next_block(keep, in, &key)) == 1) {
		if (keys->n == HEAD_KEYS_MAX)
			return job_fail(j, ERR_INTERNAL,
			    "%s: more than %d public keys", path,
			    HEAD_KEYS_MAX);
		if (check_key(j, keep, path, key, &keys->v[keys->n]) < 0)
			return -1;
		keys->n++;
	}
	if (found < 0 || keys->n == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: public keys in PEM (BEGIN PUBLIC KEY), one behind "
		    "the other, would be right",
		    path);
	*out = keys;
	return 0;
}

/* --- using them ----------------------------------------------------------- */

int
head_key_sign(
    struct job *j, const void *ctx, struct span text, struct span *signature)
{
	const struct head_key *k = ctx;
	EVP_MD_CTX *md = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	unsigned char *out = arena_alloc(j->arena, SIGNATURE_MAX);
	size_t n = SIGNATURE_MAX;

	if (md == NULL ||
	    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, k->private) != 1 ||
	    EVP_DigestSign(md, out, &n, ossl_bytes(text), text.n) != 1)
		return ossl_fail(j, "the signature of the audit's head");
	*signature = span_mem(out, n);
	return 0;
}

static const struct public_key *
find(const struct head_keys *keys, struct span sha256)
{
	for (size_t i = 0; i < keys->n; i++)
		if (span_eq(span_mem(keys->v[i].sha256, SHA256_LEN), sha256))
			return &keys->v[i];
	return NULL;
}

bool
head_keys_has(const struct head_keys *keys, struct span sha256)
{
	return find(keys, sha256) != NULL;
}

int
head_keys_verify(const void *ctx, struct span sha256, struct span text,
    struct span signature)
{
	const struct public_key *k = find(ctx, sha256);
	EVP_MD_CTX *md;
	bool good;

	if (k == NULL)
		return -1;
	md = EVP_MD_CTX_new();
	good =
	    md != NULL &&
	    EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, k->key) == 1 &&
	    EVP_DigestVerify(md, ossl_bytes(signature), signature.n,
		ossl_bytes(text), text.n) == 1;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return good ? 1 : 0;
}

/* --- making one ----------------------------------------------------------- */

static int
write_key(struct job *j, const char *path, mode_t mode, BIO *b)
{
	char *text = NULL;
	long n = BIO_get_mem_data(b, &text);

	return n <= 0 ? ossl_fail(j, "key")
		      : file_create(j, path, mode, span_mem(text, (size_t)n));
}

int
head_key_create(struct job *j, const char *path, const char *public_path)
{
	EVP_PKEY *key = ossl_own_pkey(j->arena, EVP_EC_gen("P-256"));
	BIO *secret = ossl_own_bio(j->arena, BIO_new(BIO_s_secmem()));
	BIO *open = ossl_own_bio(j->arena, BIO_new(BIO_s_mem()));

	if (key == NULL || secret == NULL || open == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(
		secret, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_PUBKEY(open, key) != 1)
		return ossl_fail(j, "a key for the audit");
	if (write_key(j, path, 0400, secret) < 0)
		return -1;
	return write_key(j, public_path, 0444, open);
}
