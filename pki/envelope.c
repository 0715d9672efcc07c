#include "config.h"

#include "pki/envelope.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/ossl.h"

#define FILE_MAX 65536
#define RSA_BITS_MIN 2048
#define ENVELOPE_FLAGS (CMS_BINARY | CMS_PARTIAL)

static void
release_cms(void *cms)
{
	CMS_ContentInfo_free(cms);
}

static CMS_ContentInfo *
own_cms(struct arena *a, CMS_ContentInfo *cms)
{
	return cms == NULL ? NULL : arena_own(a, cms, release_cms);
}

static BIO *
reader(struct job *j, struct span octets)
{
	long n;

	return ossl_len(octets, &n) < 0
		   ? NULL
		   : ossl_own_bio(j->arena, BIO_new_mem_buf(octets.p, (int)n));
}

static BIO *
writer(struct job *j)
{
	return ossl_own_bio(j->arena, BIO_new(BIO_s_mem()));
}

static struct span
written(struct job *j, BIO *out)
{
	char *p = NULL;
	long n = BIO_get_mem_data(out, &p);

	return n <= 0
		   ? (struct span){ NULL, 0 }
		   : span_mem(arena_memdup(j->arena, p, (size_t)n), (size_t)n);
}

int
envelope_recipient(
    struct job *j, struct arena *keep, const char *path, X509 **out)
{
	struct span pem;
	EVP_PKEY *key;

	if (file_read(j, path, FILE_MAX, &pem) < 0)
		return -1;
	*out = ossl_own_x509(keep, ossl_read_x509(reader(j, pem)));
	key = *out == NULL ? NULL : X509_get0_pubkey(*out);
	if (key == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: needs a certificate in PEM", path);
	if (EVP_PKEY_is_a(key, "EC") ||
	    (EVP_PKEY_is_a(key, "RSA") &&
		EVP_PKEY_get_bits(key) >= RSA_BITS_MIN))
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "%s: needs the certificate of an EC key, or of an RSA key of "
	    "%d bits or more",
	    path, RSA_BITS_MIN);
}

/* CMS would use PKCS #1 version 1.5. */
static int
add_recipient(CMS_ContentInfo *cms, X509 *recipient)
{
	CMS_RecipientInfo *r =
	    CMS_add1_recipient_cert(cms, recipient, CMS_KEY_PARAM);
	EVP_PKEY_CTX *ctx;

	if (r == NULL || !EVP_PKEY_is_a(X509_get0_pubkey(recipient), "RSA"))
		return r == NULL ? -1 : 0;
	ctx = CMS_RecipientInfo_get0_pkey_ctx(r);
	return ctx != NULL && EVP_PKEY_CTX_set_rsa_padding(
				  ctx, RSA_PKCS1_OAEP_PADDING) > 0
		   ? 0
		   : -1;
}

int
envelope_seal(
    struct job *j, X509 *recipient, struct span plain, struct span *out)
{
	CMS_ContentInfo *cms = own_cms(j->arena,
	    CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), ENVELOPE_FLAGS));
	BIO *in = reader(j, plain), *der = writer(j);

	if (cms == NULL || in == NULL || der == NULL ||
	    add_recipient(cms, recipient) < 0 ||
	    CMS_final(cms, in, NULL, ENVELOPE_FLAGS) != 1 ||
	    i2d_CMS_bio(der, cms) != 1)
		return ossl_fail(j, "encrypting a reply");
	*out = written(j, der);
	return 0;
}

int
envelope_open(
    struct job *j, const char *key_file, struct span sealed, struct span *plain)
{
	struct span pem;
	CMS_ContentInfo *cms;
	EVP_PKEY *key;
	BIO *out = writer(j);

	if (file_read(j, key_file, FILE_MAX, &pem) < 0)
		return -1;
	key = ossl_own_pkey(j->arena,
	    PEM_read_bio_PrivateKey(reader(j, pem), NULL, NULL, NULL));
	if (key == NULL)
		return ossl_fail(j, key_file);
	cms = own_cms(j->arena, d2i_CMS_bio(reader(j, sealed), NULL));
	if (cms == NULL)
		return ossl_fail(j, "the encrypted reply");
	if (CMS_decrypt(cms, key, NULL, NULL, out, CMS_BINARY) != 1) {
		(void)ossl_fail(j, key_file);
		return job_fail(j, ERR_MALFORMED,
		    "%s: does not open the reply: it is encrypted to another "
		    "key, or was changed",
		    key_file);
	}
	*plain = written(j, out);
	return 0;
}
