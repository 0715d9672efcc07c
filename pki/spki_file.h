/*
 * The public key of a file that an admin has at hand: a certificate, a
 * certificate request, a public key, or a private key without passphrase; PEM.
 */
#ifndef PKI_SPKI_FILE_H
#define PKI_SPKI_FILE_H

#include <openssl/types.h>

#include "lib/buf.h"

struct arena;
struct job;

/*
 * SHA-256 of its SubjectPublicKeyInfo, as certificates that this server makes
 * have it (EC points uncompressed), and of the bare key (pki/keycheck.h) if
 * *has_bare: it is of a type that they can have.  0, or -1 ERR_MALFORMED if
 * there is none of these in the text.
 */
int spki_file_hashes(struct job *j, struct span pem, uint8_t out[32],
    uint8_t bare[32], bool *has_bare);

/* The key itself, which belongs to the job's arena: 0, -1. */
int spki_file_key(struct job *j, struct span pem, EVP_PKEY **out);
/* A private key in PEM without passphrase; NULL: there is none. */
EVP_PKEY *spki_file_private_key(struct job *j, struct span pem);

struct spki_hashes {
	uint8_t spki[32], bare[32];
	bool has_bare;
};
/* Of each certificate in the text, at most `max`, in `keep`.  0, or -1
 * ERR_MALFORMED: there is none, or what is there cannot be read. */
int spki_file_certificates(struct job *j, struct arena *keep, struct span pem,
    size_t max, struct spki_hashes **out, size_t *count);

#endif
