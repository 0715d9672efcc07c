/*
 * Inside pki/ only: a private key that gives signatures and nothing else,
 * wherever it lives.  signer.c is the only caller of signing_key_use(): what
 * is signed is decided there (PK-203).
 */
#ifndef PKI_SIGNING_KEY_H
#define PKI_SIGNING_KEY_H

#include <openssl/types.h>

#include "lib/buf.h"

#define SIGNATURE_MAX 1024 /* RSA with 8192 bits */

struct arena;
struct job;
struct sig_alg;

enum signed_type {
	SIGNED_SUBSCRIBER, /* TBSCertificate of a mailbox */
	SIGNED_CA,         /* TBSCertificate of a CA, the root's own too */
	SIGNED_RESPONDER,  /* TBSCertificate of an OCSP responder */
	SIGNED_CRL,        /* TBSCertList */
	SIGNED_OCSP,       /* ResponseData; gives a BasicOCSPResponse */
	SIGNED_REQUEST,    /* CertificationRequestInfo of this CA or
			    * responder: its name, its key, nothing else
			    * (RFC 2986) */
};

struct signing_key {
	/* Hashes and signs: the content of the BIT STRING, that is DER for
	 * ECDSA.  0, or -1 ERR_INTERNAL, or -1 ERR_BUSY where the device that
	 * holds the key is away and may come back, -1 ERR_REFUSED where it
	 * refuses until a person has mended it (PK-200). */
	int (*sign)(struct job *j, void *context, const struct sig_alg *alg,
	    struct span message, unsigned char out[SIGNATURE_MAX],
	    size_t *out_len);
	/* In its place, of a key that another process has, which looks at what
	 * it signs itself (PK-203); NULL: sign. */
	int (*sign_as)(struct job *j, void *context, enum signed_type type,
	    struct span tbs, unsigned char out[SIGNATURE_MAX], size_t *out_len);
	/* Would it sign now?  0, or -1 as above; NULL: always. */
	int (*ready)(struct job *j, void *context);
	void *context;
};

/* A key in this process's memory, which `keep` or the caller goes on owning;
 * NULL for NULL. */
const struct signing_key *signing_key_new(struct arena *keep, EVP_PKEY *pkey);

/*
 * The throw-away key of lint certificates (PK-137; SBR 4.3.1.2, method 2): a
 * signature of the right form that `pkey` gave once, whatever is signed.
 * NULL and ERR_INTERNAL on failure.
 */
const struct signing_key *signing_key_still(struct job *j, struct arena *keep,
    EVP_PKEY *pkey, const struct sig_alg *alg);

/* ERR_INTERNAL for a key of another process. */
int signing_key_use(struct job *j, const struct signing_key *key,
    const struct sig_alg *alg, struct span message,
    unsigned char out[SIGNATURE_MAX], size_t *out_len);

#endif
