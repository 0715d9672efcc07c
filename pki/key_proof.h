/*
 * Proofs that the private key of a public key is known to somebody who calls it
 * compromised (PK-77).  Whoever can write a file can write a public key into
 * it: each of these is verified with the key that it is about.
 *
 *	the private key itself
 *	a certificate request whose subject says so: its only commonName is
 *	KEY_PROOF_NAME, or begins with it and a space
 *	a signature over key_proof_text()
 */
#ifndef PKI_KEY_PROOF_H
#define PKI_KEY_PROOF_H

#include "lib/buf.h"

struct arena;
struct job;

#define KEY_PROOF_NAME "Proof of Key Compromise"
#define KEY_PROOF_FILE_MAX ((size_t)64 * 1024)

#define KEY_PROOF_REQUEST "request"
#define KEY_PROOF_SIGNATURE "signature"
#define KEY_PROOF_PRIVATE "private key"

struct key_proof {
	const char *kind; /* for the record: one of these */
	/* What shows it to others, to be kept: the request in DER, the
	 * signature; empty for a private key, which is not kept. */
	struct span evidence;
	struct span spki; /* of a signature: its SubjectPublicKeyInfo */
	uint8_t spki_sha256[32];
	uint8_t bare_sha256[32]; /* pki/keycheck.h */
};

/* A private key in PEM without passphrase, or a request in PEM or DER.  0, or
 * -1 ERR_MALFORMED saying what is wrong. */
int key_proof_read(struct job *j, struct span file, struct key_proof *out);

/* PEM or DER of a request whose subject says that its key is compromised. */
int key_proof_request(struct job *j, struct span file, struct key_proof *out);

/* One line, without its end: names the key and who is told. */
const char *key_proof_text(
    struct arena *a, const char *base_url, const uint8_t spki_sha256[32]);
/* The same with whatever stands for the hash. */
const char *key_proof_text_of(
    struct arena *a, const char *base_url, const char *hash);

/*
 * Is `signature` (RSA PKCS#1 v1.5 or ECDSA in DER, with SHA-256; or Ed25519)
 * over key_proof_text(), with or without a line end after it?  `file`: a
 * certificate, request or public key in PEM.  0, or -1 ERR_MALFORMED.
 */
int key_proof_signature(struct job *j, struct span file, const char *base_url,
    struct span signature, struct key_proof *out);

/* The same for the octets of a SubjectPublicKeyInfo, which has to be that of a
 * key that certificates can have (pki/keycheck.h).  The line is without its end
 * here: one verification, whatever is sent. */
int key_proof_spki_signature(struct job *j, struct span spki,
    const char *base_url, struct span signature, struct key_proof *out);

/* A request or a signature that was kept: kind, spki and evidence as they were
 * found then.  0, or -1 ERR_MALFORMED or ERR_BAD_CSR. */
int key_proof_again(struct job *j, const char *base_url,
    const struct key_proof *kept, struct key_proof *out);

#endif
