/*
 * A CA key that lives in a PKCS#11 token (PK-195 to PK-200).
 */
#ifndef PKI_TOKEN_KEY_H
#define PKI_TOKEN_KEY_H

#include <openssl/types.h>

#include "lib/buf.h"

struct arena;
struct job;
struct signing_key;

struct token_place {
	const char *module;   /* absolute path of the shared object */
	const char *token;    /* label of the token */
	const char *label;    /* CKA_LABEL of the private key */
	const char *id;       /* CKA_ID, hex */
	const char *pin_file; /* mode 0400; read once */
	struct span pin;      /* in place of pin_file: asked for before */
	/* A person has just typed it: a wrong one before is no reason not to
	 * try, unless it would be the last try (PK-199). */
	bool is_by_hand;
	/* PK-195: no SoftHSM, and PK-198's attributes are demanded. */
	bool is_public;
	const char
	    *statement; /* which validation the module has, for the log */
};

/*
 * Logs in and checks all of PK-195, PK-196 and PK-198 against the CA's public
 * key.  0; -1 saying what is wrong: ERR_BUSY if the token is away, ERR_REFUSED
 * if it must not be tried again.  If the token goes away later, signing gives
 * ERR_BUSY, and the token is looked for again with pauses of 1 s that double to
 * 60 s (PK-200).  What it refuses, the PIN above all, is not tried a second
 * time (PK-199): signing gives ERR_REFUSED from then on, and the log says why
 * every ten minutes.
 */
int token_key_open(struct job *j, struct arena *keep,
    const struct token_place *place, EVP_PKEY *public_key,
    const struct signing_key **out);

/*
 * The same in two steps, for who has other rights later: this one reads the PIN
 * alone, and the first time that it is asked whether the key is ready, the
 * module is loaded and the token asked.  ERR_INTERNAL then for a module that
 * cannot be loaded.  `public_key` may be NULL here: token_key_public().
 */
int token_key_prepare(struct job *j, struct arena *keep,
    const struct token_place *place, EVP_PKEY *public_key,
    const struct signing_key **out);

/* Of a key that was prepared without a public key, since no certificate has it
 * yet: what the token said when the key was first ready.  NULL before. */
EVP_PKEY *token_key_public(const struct signing_key *key);

/* Closes the session with the token, for good (PK-209, step 12); nothing for a
 * key that is in no token. */
void token_key_close(const struct signing_key *key);

/* PK-197, pure. */

/* What CKM_RSA_PKCS wants: DigestInfo with this digest ("SHA256" …). */
int token_key_digest_info(
    const char *digest, struct span hash, struct buf *out);
/* r and s of equal length, big-endian: Ecdsa-Sig-Value.  -1 for an odd length,
 * or a half that is zero. */
int token_key_ecdsa_der(struct span halves, struct buf *out);

#endif
