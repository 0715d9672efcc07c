/*
 * What an admin signs with the client key to give a command (PK-206): a
 * readable text behind a fixed first line, so that the signature is nothing
 * else's, and nothing else's signature is one of these.  The keys are people's,
 * never a CA's: signer.c goes on being the one way to a CA's signature.
 */
#ifndef PKI_STATEMENT_H
#define PKI_STATEMENT_H

#include "lib/buf.h"

struct job;
struct token_place;

#define STATEMENT_MAX 16384
#define STATEMENT_FIRST_LINE "Countersign admin statement 1\n"

/*
 * A client key: PEM with a certificate or a public key (RSA of 2048 to 8192
 * bits, P-256, P-384, Ed25519).  *not_after is the certificate's, 0 for a
 * public key.  0, or -1 ERR_MALFORMED saying what would be right.
 */
int statement_key_read(
    struct job *j, struct span pem, struct span *spki, int64_t *not_after);

/* With an encrypted PKCS#8 key (PEM).  -1 ERR_UNAUTHORIZED for a wrong
 * passphrase. */
int statement_sign_pem(struct job *j, struct span pem, struct span passphrase,
    struct span statement, struct span *signature);
/* With the key of a token, whose public part must be this (PK-196, PK-199). */
int statement_sign_token(struct job *j, const struct token_place *place,
    struct span spki, struct span statement, struct span *signature);

/* The digest that goes with the key: RSA (PKCS #1 v1.5) and P-256 SHA-256,
 * P-384 SHA-384, Ed25519 none.  1 / 0 / -1 (the key cannot be read). */
int statement_verify(struct job *j, struct span spki, struct span statement,
    struct span signature);

#endif
