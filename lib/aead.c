#include "config.h"

#include "lib/aead.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define NONCE_LEN 12
#define TAG_LEN 16

_Static_assert(AEAD_OVERHEAD == NONCE_LEN + TAG_LEN, "as the header says");

struct aead_key {
	uint8_t octets[AEAD_KEY_LEN];
};

const struct aead_key *
aead_key_new(struct arena *keep, const uint8_t octets[AEAD_KEY_LEN])
{
	struct aead_key *k = arena_alloc_secret(keep, sizeof(*k));

	memcpy(k->octets, octets, sizeof(k->octets));
	return k;
}

int
aead_key_load(struct job *j, struct arena *keep, const char *path,
    const struct aead_key **out)
{
	uint8_t octets[AEAD_KEY_LEN];
	struct span text;

	if (file_read_secret(j, path, 128, &text) < 0)
		return -1;
	if (hex_parse_fixed(text, octets, sizeof(octets)) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: a key is 64 hexadecimal characters, as countersign "
		    "init writes it",
		    path);
	*out = aead_key_new(keep, octets);
	wipe(octets, sizeof(octets));
	return 0;
}

static const unsigned char *
octets_of(struct span s)
{
	assert(s.n <= INT_MAX);
	return (const unsigned char *)s.p;
}

struct span
aead_encrypt(
    struct job *j, const struct aead_key *k, struct span name, struct span text)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t n = text.n + AEAD_OVERHEAD;
	unsigned char *out = arena_alloc(j->arena, n);
	int len = 0;
	bool ok;

	rnd_bytes(out, NONCE_LEN);
	ok = ctx != NULL &&
	     EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, k->octets, out) ==
		 1 &&
	     EVP_EncryptUpdate(ctx, NULL, &len, octets_of(name), (int)name.n) ==
		 1 &&
	     EVP_EncryptUpdate(ctx, out + NONCE_LEN, &len, octets_of(text),
		 (int)text.n) == 1 &&
	     EVP_EncryptFinal_ex(ctx, out + NONCE_LEN + len, &len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(
		 ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, out + n - TAG_LEN) == 1;
	EVP_CIPHER_CTX_free(ctx);
	assert(ok); /* nothing here depends on what is encrypted */
	return span_mem(out, n);
}

int
aead_decrypt(struct job *j, const struct aead_key *k, struct span name,
    struct span sealed, struct span *out)
{
	EVP_CIPHER_CTX *ctx;
	unsigned char tag[TAG_LEN];
	unsigned char *text;
	size_t n;
	int len = 0;
	bool ok;

	if (sealed.n < AEAD_OVERHEAD || sealed.n > INT_MAX)
		return 0;
	n = sealed.n - AEAD_OVERHEAD;
	text = arena_alloc_secret(j->arena, n + 1);
	memcpy(tag, sealed.p + NONCE_LEN + n, TAG_LEN);
	ctx = EVP_CIPHER_CTX_new();
	ok =
	    ctx != NULL &&
	    EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, k->octets,
		octets_of(sealed)) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &len, octets_of(name), (int)name.n) ==
		1 &&
	    EVP_DecryptUpdate(
		ctx, text, &len, octets_of(sealed) + NONCE_LEN, (int)n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
	    EVP_DecryptFinal_ex(ctx, text + len, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return 0;
	*out = span_mem(text, n);
	return 1;
}
