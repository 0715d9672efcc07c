/*
 * Inside pki/ only: what a CA is made of, and the function that signs.
 */
#ifndef PKI_CA_H
#define PKI_CA_H

#include <openssl/types.h>

#include "pki/key.h"

/* pki.md 9.4: one signature algorithm follows from the signer's key. */
struct sig_alg {
	const char *name;
	const char *digest;
	struct span der; /* AlgorithmIdentifier */
};

enum ca_role { CA_ROLE_ISSUING, CA_ROLE_ROOT };

/* NULL for a key that may not sign.  PK-117: a root with an RSA key always
 * signs with SHA-384. */
const struct sig_alg *sig_alg_for(const EVP_PKEY *key, enum ca_role role);
/* Is it one of the table, whoever signs with it (PK-132)? */
bool sig_alg_is_known(struct span der);

struct signer {
	struct span name;   /* subject, DER: issuer of what it signs (PK-91) */
	struct span key_id; /* subjectKeyIdentifier */
	const struct sig_alg *alg;
	EVP_PKEY *public_key;
	EVP_PKEY *key; /* NULL: no key here */
};

struct ca {
	struct signer signer;
	X509 *certificate;
	/* The issuing CA as the anchor: its own way up to the root was
	 * verified by ca_load(), and not_after is the earliest end of that
	 * way. */
	X509_STORE *store;
	/* The throw-away key and, as anchor, the issuing CA's certificate with
	 * that key in place of its own (PK-137, L-41). */
	EVP_PKEY *lint_key;
	X509_STORE *lint_store;
	struct span chain_pem;
	const char *label;
	int64_t not_before;
	int64_t not_after;
};

enum signed_type { SIGNED_CERTIFICATE, SIGNED_CRL };

/*
 * PK-203: signs a TBSCertificate or TBSCertList that names this signer and
 * its algorithm, with `key` (the signer's or the lint key), and puts the
 * three parts together.  Anything else is not signed.
 */
int ca_sign(struct job *j, const struct signer *signer, EVP_PKEY *key,
    enum signed_type type, struct span tbs, struct span *der);

/* crl_sign() for a root as well, whose lists live longer and whose entries
 * need reasons (PK-156, PK-158). */
struct crl_input;
int crl_sign_as(struct job *j, const struct signer *signer, enum ca_role role,
    const struct crl_input *in, struct span *der);

/* Does X509_verify_cert accept the certificate below the store's anchor?
 * 0, or -1 ERR_INTERNAL with its reason. */
int ca_verify(struct job *j, X509_STORE *store, X509 *certificate, int purpose,
    int64_t when);

#endif
