#include "config.h"

#include "pki/spki_file.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"

static BIO *
rewind_text(struct job *j, struct span pem)
{
	return ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
}

static EVP_PKEY *
of_certificate(BIO *in)
{
	X509 *x = ossl_read_x509(in);
	EVP_PKEY *key = x != NULL ? X509_get_pubkey(x) : NULL;

	X509_free(x);
	return key;
}

static EVP_PKEY *
of_request(BIO *in)
{
	X509_REQ *r = PEM_read_bio_X509_REQ(in, NULL, passphrase_none, NULL);
	EVP_PKEY *key = r != NULL ? X509_REQ_get_pubkey(r) : NULL;

	X509_REQ_free(r);
	return key;
}

static EVP_PKEY *
of_public_key(BIO *in)
{
	return PEM_read_bio_PUBKEY(in, NULL, passphrase_none, NULL);
}

static EVP_PKEY *
of_private_key(BIO *in)
{
	return PEM_read_bio_PrivateKey(in, NULL, passphrase_none, NULL);
}

static EVP_PKEY *(*const readers[])(
    BIO *) = { of_certificate, of_request, of_public_key, of_private_key };

static EVP_PKEY *
read_key(struct job *j, struct span pem)
{
	EVP_PKEY *key = NULL;

	if (pem.n == 0 || pem.n > INT32_MAX)
		return NULL;
	for (size_t i = 0; key == NULL && i < COUNT(readers); i++) {
		BIO *in = rewind_text(j, pem);

		key = in != NULL ? readers[i](in) : NULL;
	}
	ERR_clear_error();
	return ossl_own_pkey(j->arena, key);
}

static int
hash_key(struct job *j, EVP_PKEY *key, uint8_t out[32], uint8_t bare[32],
    bool *has_bare)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	if (n <= 0)
		return ossl_fail(j, "the key");
	sha256(span_mem(der, (size_t)n), out);
	*has_bare = spki_bare_sha256(span_mem(der, (size_t)n), bare) == 0;
	OPENSSL_free(der);
	return 0;
}

/* OpenSSL writes a point as it was read. */
static int
uncompress(struct job *j, EVP_PKEY *key)
{
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    EVP_PKEY_set_utf8_string_param(key,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
		OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1)
		return ossl_fail(j, "the key");
	return 0;
}

int
spki_file_key(struct job *j, struct span pem, EVP_PKEY **out)
{
	*out = read_key(j, pem);
	if (*out == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "holds no certificate, certificate request or key in PEM");
	return uncompress(j, *out);
}

EVP_PKEY *
spki_file_private_key(struct job *j, struct span pem)
{
	BIO *in = pem.n > 0 && pem.n <= INT32_MAX ? rewind_text(j, pem) : NULL;
	EVP_PKEY *key =
	    in == NULL ? NULL : ossl_own_pkey(j->arena, of_private_key(in));

	if (key != NULL && uncompress(j, key) < 0)
		key = NULL;
	ERR_clear_error();
	return key;
}

int
spki_file_hashes(struct job *j, struct span pem, uint8_t out[32],
    uint8_t bare[32], bool *has_bare)
{
	EVP_PKEY *key;

	if (spki_file_key(j, pem, &key) < 0)
		return -1;
	return hash_key(j, key, out, bare, has_bare);
}

static int
hash_certificate(struct job *j, X509 *x, struct spki_hashes *out)
{
	EVP_PKEY *key = ossl_own_pkey(j->arena, X509_get_pubkey(x));

	if (key == NULL)
		return ossl_fail(j, "the key of a certificate");
	return uncompress(j, key) < 0
		   ? -1
		   : hash_key(j, key, out->spki, out->bare, &out->has_bare);
}

int
spki_file_certificates(struct job *j, struct arena *keep, struct span pem,
    size_t max, struct spki_hashes **out, size_t *count)
{
	BIO *in = pem.n > 0 && pem.n <= INT32_MAX ? rewind_text(j, pem) : NULL;
	X509 *x;

	*count = 0;
	*out = arena_calloc(keep, max, sizeof(**out));
	while (in != NULL && (x = ossl_read_x509(in)) != NULL) {
		ossl_own_x509(j->arena, x);
		if (*count == max)
			return job_fail(j, ERR_MALFORMED,
			    "more than %zu certificates", max);
		if (hash_certificate(j, x, &(*out)[*count]) < 0)
			return -1;
		(*count)++;
	}
	if (*count == 0 ||
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return job_fail(j, ERR_MALFORMED,
		    "certificate %zu cannot be read as PEM", *count + 1);
	ERR_clear_error();
	return 0;
}
