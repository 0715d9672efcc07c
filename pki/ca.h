/*
 * Inside pki/ only: what a CA is made of.
 */
#ifndef PKI_CA_H
#define PKI_CA_H

#include <openssl/types.h>

#include "pki/key.h"
#include "pki/signer.h"

struct ca {
	struct signer signer;
	X509 *certificate;
	/* The issuing CA as the anchor: its own way up to the root was
	 * verified by ca_load(), and not_after is the earliest end of that
	 * way. */
	X509_STORE *store;
	/* The same anchor for ca_verify_chain(). */
	X509_STORE *chain_store;
	struct signer lint; /* with the throw-away key (PK-137) */
	struct span chain_pem;
	const char *label;
	int64_t not_before;
	int64_t not_after;
};

/* crl_sign() for a root as well, whose lists live longer and whose entries
 * need reasons (PK-156, PK-158). */
struct crl_input;
int crl_sign_as(struct job *j, const struct signer *signer, enum ca_role role,
    const struct crl_input *in, struct span *der);
/* The same list by a throw-away key, whose signature need not verify. */
int crl_lint_as(struct job *j, const struct signer *lint, enum ca_role role,
    const struct crl_input *in, struct span *der);

/* PK-137: the signer with a throw-away key of the same type and size in the
 * place of its own.  0, or -1. */
int ca_lint_signer(struct job *j, struct arena *keep, const struct signer *of,
    struct signer *out);

/* PK-122: what is wrong with the extKeyUsage of an issuing CA, or NULL. */
struct certview;
const char *ca_usage_problem(const struct certview *v);

/* Stores with this one as the anchor: of struct ca. */
int ca_stores_make(struct job *j, struct arena *keep, struct ca *ca);

/* Does X509_verify_cert accept the certificate below the store's anchor?
 * 0, or -1 ERR_INTERNAL with its reason. */
int ca_verify(struct job *j, X509_STORE *store, X509 *certificate, int purpose,
    int64_t when);
/* Does it but for the last step, signatures and dates, which the caller
 * judges? */
int ca_verify_chain(
    struct job *j, const struct ca *ca, X509 *certificate, int purpose);

#endif
