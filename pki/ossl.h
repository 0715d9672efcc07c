/*
 * OpenSSL's objects in our arenas: each ossl_own_x() hands an object to the
 * arena, which releases it at its end, and returns it; NULL owns nothing.
 * So the callers need neither goto nor a ladder of frees.
 */
#ifndef PKI_OSSL_H
#define PKI_OSSL_H

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "lib/buf.h"

struct arena;
struct job;

BIGNUM *ossl_own_bn(struct arena *a, BIGNUM *x);
BIO *ossl_own_bio(struct arena *a, BIO *x);
EVP_MD_CTX *ossl_own_md_ctx(struct arena *a, EVP_MD_CTX *x);
EVP_PKEY *ossl_own_pkey(struct arena *a, EVP_PKEY *x);
EVP_PKEY_CTX *ossl_own_pkey_ctx(struct arena *a, EVP_PKEY_CTX *x);
PKCS8_PRIV_KEY_INFO *ossl_own_pkcs8(struct arena *a, PKCS8_PRIV_KEY_INFO *x);
STACK_OF(X509) * ossl_own_certs(struct arena *a, STACK_OF(X509) * x);
X509 *ossl_own_x509(struct arena *a, X509 *x);
X509_CRL *ossl_own_crl(struct arena *a, X509_CRL *x);
OCSP_BASICRESP *ossl_own_ocsp_basic(struct arena *a, OCSP_BASICRESP *x);
OCSP_CERTID *ossl_own_ocsp_id(struct arena *a, OCSP_CERTID *x);
OCSP_REQUEST *ossl_own_ocsp_request(struct arena *a, OCSP_REQUEST *x);
OCSP_RESPONSE *ossl_own_ocsp_response(struct arena *a, OCSP_RESPONSE *x);
X509_SIG *ossl_own_sig(struct arena *a, X509_SIG *x);
X509_STORE *ossl_own_store(struct arena *a, X509_STORE *x);
X509_STORE_CTX *ossl_own_store_ctx(struct arena *a, X509_STORE_CTX *x);

/* ERR_INTERNAL with `what` and OpenSSL's first reason; empties its queue. */
int ossl_fail(struct job *j, const char *what);

/* Why X509_verify_cert() has failed; of a certificate that has ended, or is
 * not valid yet, also whose it is, when, and what to do. */
const char *ossl_verify_problem(struct arena *a, X509_STORE_CTX *ctx);

/* From DER, which is consumed to its last octet; NULL otherwise.  Its key is
 * NULL unless it is RSA, EC, Ed25519 or Ed448. */
X509 *ossl_x509(struct arena *a, struct span der);
/* The library context in which ossl_x509() has read this key; NULL: another
 * key, of the usual one. */
OSSL_LIB_CTX *ossl_key_context(const EVP_PKEY *key);

/* The next certificate in PEM, the caller's; NULL: there is none, or it is
 * encrypted.  PEM_read_bio_X509() alone would ask for its passphrase. */
X509 *ossl_read_x509(BIO *in);

/* d2i_… and EVP_… want unsigned char. */
const unsigned char *ossl_bytes(struct span s);
/* Lengths at OpenSSL's border: 0 or -1 if it is larger than a long is sure
 * to hold. */
int ossl_len(struct span s, long *out);

/* One `BEGIN label` block, 64 columns, LF (AC-146). */
void pem_add(struct buf *b, const char *label, struct span der);

#endif
