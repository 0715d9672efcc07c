#include "config.h"

#include "src/enroll_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "pki/ossl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_MAX (32 * 1024)

static const struct {
	const char *name;
	const char *algorithm;
	const char *group; /* or NULL: RSA of … */
	int bits;
} key_types[] = {
	[ENROLL_P256] = { "p256", "EC", "prime256v1", 256 },
	[ENROLL_P384] = { "p384", "EC", "secp384r1", 384 },
	[ENROLL_RSA2048] = { "rsa2048", "RSA", NULL, 2048 },
	[ENROLL_RSA3072] = { "rsa3072", "RSA", NULL, 3072 },
};
#define KEY_TYPE_COUNT COUNT(key_types)

int
enroll_key_type_parse(const char *name, enum enroll_key_type *out)
{
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
		if (strcmp(name, key_types[i].name) == 0) {
			*out = (enum enroll_key_type)i;
			return 1;
		}
	}
	return 0;
}

const char *
enroll_key_type_name(enum enroll_key_type type)
{
	return key_types[type].name;
}

/* --- key files ----------------------------------------------------------- */

static BIO *
bio_of(struct job *j, struct span bytes)
{
	return ossl_own_bio(j->arena, BIO_new_mem_buf(bytes.p, (int)bytes.n));
}

int
enroll_key_load(struct job *j, const char *path, EVP_PKEY **out)
{
	struct span pem;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (file_read_private(j, path, KEY_FILE_MAX, &pem) < 0)
		return -1;
	*out = ossl_own_pkey(j->arena, PEM_read_bio_PrivateKey(bio_of(j, pem),
					   NULL, passphrase_none, NULL));
	if (*out != NULL)
		return 1;
	ERR_clear_error();
	return job_fail(j, ERR_MALFORMED,
	    "%s: holds no private key in PEM without passphrase; name "
	    "another file, or take the passphrase off with openssl pkey",
	    path);
}

bool
enroll_key_is(const EVP_PKEY *key, enum enroll_key_type type)
{
	char group[64] = "";

	if (!EVP_PKEY_is_a(key, key_types[type].algorithm) ||
	    EVP_PKEY_get_bits(key) != key_types[type].bits)
		return false;
	if (key_types[type].group == NULL)
		return true;
	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, key_types[type].group) == 0;
}

static int
write_key(struct job *j, const char *path, const EVP_PKEY *key)
{
	/* On OpenSSL's secure heap if there is one, and wiped. */
	BIO *bio = ossl_own_bio(j->arena, BIO_new(BIO_s_secmem()));
	char *p;
	long n;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(
			       bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return ossl_fail(j, "cannot write the private key");
	n = BIO_get_mem_data(bio, &p);
	if (file_create(j, path, 0600, span_mem(p, (size_t)n)) < 0)
		return job_context(j, "private key");
	return 0;
}

int
enroll_key_create(
    struct job *j, const char *path, enum enroll_key_type type, EVP_PKEY **out)
{
	if (key_types[type].group != NULL)
		*out = EVP_EC_gen(key_types[type].group);
	else
		*out = EVP_RSA_gen((unsigned)key_types[type].bits);
	*out = ossl_own_pkey(j->arena, *out);
	if (*out == NULL)
		return ossl_fail(j, "cannot make a key");
	return write_key(j, path, *out);
}
