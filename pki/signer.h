/*
 * Inside pki/ only: the one way to a signature of a CA or of its responder.
 *
 *	signer_sign(j, &ca->signer, SIGNED_CRL, tbs, &der)
 *
 * signs a structure that pki/ built, if it is of the type that the tag says,
 * names this signer and its algorithm, and is something that this signer may
 * sign at all; raw bytes are refused (PK-203).
 */
#ifndef PKI_SIGNER_H
#define PKI_SIGNER_H

#include <openssl/types.h>

#include "lib/buf.h"
#include "pki/signing_key.h"

/* pki.md 9.4: one signature algorithm follows from the signer's key. */
struct sig_alg {
	const char *name;
	const char *digest;
	struct span der; /* AlgorithmIdentifier */
};

/* A root signs CAs, responders and its list; an issuing CA subscribers,
 * responders and its list; a responder OCSP answers (PK-130, PK-177). */
enum ca_role { CA_ROLE_ISSUING, CA_ROLE_ROOT, CA_ROLE_RESPONDER };

/* NULL for a key that may not sign.  PK-117: a root with an RSA key always
 * signs with SHA-384. */
const struct sig_alg *sig_alg_for(const EVP_PKEY *key, enum ca_role role);
/* Is it one of the table, whoever signs with it (PK-132)? */
bool sig_alg_is_known(struct span der);
/* Is it one that this key signs with?  On a curve there is one hash; RSA keys
 * of others have any of the three. */
bool sig_alg_suits(const EVP_PKEY *signer, struct span der);

struct signer {
	enum ca_role role;
	struct span name;   /* subject, DER: issuer of what it signs (PK-91) */
	struct span key_id; /* subjectKeyIdentifier */
	const struct sig_alg *alg;
	EVP_PKEY *public_key;
	const struct signing_key *key; /* NULL: no key here */
	/* Of a responder: SHA-1 of its key's bits, by which its answers name
	 * it (PK-165), and its certificate, which they carry. */
	struct span key_hash;
	struct span certificate;
};

/* The three parts put together, in the job's arena.  0; -1 ERR_INTERNAL; -1
 * ERR_BUSY when the device that holds the key is away, -1 ERR_REFUSED when it
 * refuses until a person has mended it (PK-200). */
int signer_sign(struct job *j, const struct signer *s, enum signed_type type,
    struct span tbs, struct span *der);

/* The same checks, and the signature alone: the content of the BIT STRING. */
int signer_signature(struct job *j, const struct signer *s,
    enum signed_type type, struct span tbs, unsigned char out[SIGNATURE_MAX],
    size_t *out_len);

/* Is it one of this key, over these octets? */
bool signature_is_good(EVP_PKEY *public_key, const struct sig_alg *alg,
    struct span message, struct span signature);
/* Is this the signer's signature, by its public key, over these octets?  The
 * content of the BIT STRING without the octet of unused bits. */
bool signer_verify(
    const struct signer *s, struct span tbs, struct span signature);

#endif
