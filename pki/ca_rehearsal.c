/* A CA to rehearse with: everything is as it is, but for the key. */
#include "config.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/ossl.h"
#include "pki/signing_key.h"

/* The CA's certificate with the test key, which signs it itself: an anchor that
 * nobody has. */
static X509 *
anchor(struct arena *keep, const struct ca *real, EVP_PKEY *key)
{
	X509 *x = ossl_own_x509(keep, X509_dup(real->certificate));
	const EVP_MD *digest =
	    EVP_PKEY_get_bits(key) == 256 ? EVP_sha256() : EVP_sha384();

	return x != NULL && X509_set_pubkey(x, key) == 1 &&
		       X509_sign(x, key, digest) > 0
		   ? x
		   : NULL;
}

int
ca_rehearsal(struct job *j, struct arena *keep, const struct ca_files *files,
    const struct ca **real, const struct ca **test)
{
	struct ca_files without = { .certificate = files->certificate,
		.chain = files->chain,
		.lints = true };
	struct ca *ca = arena_alloc(keep, sizeof(*ca));

	if (ca_load(j, keep, &without, real) < 0)
		return -1;
	*ca = **real;
	/* The lint key's own signatures are not real ones. */
	ca->signer = ca->lint;
	ca->signer.key = signing_key_new(keep, ca->lint.public_key);
	ca->certificate = anchor(keep, *real, ca->lint.public_key);
	if (ca->certificate == NULL)
		return ossl_fail(j, "the certificate of the test key");
	*test = ca;
	return ca_stores_make(j, keep, ca);
}
