/*
 * Inside pki/ only: one key of one token, reached through the token's own
 * PKCS#11 module (PK-196).  Nothing but cryptoki*.c knows PKCS#11.
 *
 *	cryptoki_new()      its PIN
 *	cryptoki_connect()  the module, slot, login, key, its attributes and
 *	                    its public part
 *	cryptoki_sign()     a mechanism over a digest or a DigestInfo
 *	cryptoki_lost()     it failed: connect again later
 */
#ifndef PKI_CRYPTOKI_H
#define PKI_CRYPTOKI_H

#include <openssl/types.h>

#include "lib/buf.h"

struct arena;
struct cryptoki;
struct job;
struct token_place;

/* Reads the PIN, which stays in locked memory until the process ends or the
 * token refuses it.  0, or -1 ERR_INTERNAL. */
int cryptoki_new(struct job *j, struct arena *keep,
    const struct token_place *place, struct cryptoki **out);

/*
 * Loads the module, the first time.  0; -1 ERR_INTERNAL if there is none; -1
 * ERR_BUSY if the token or its key is not there, or something went wrong
 * on the way that may go right the next time; -1 ERR_REFUSED for what another
 * try would not mend: the PIN is wrong (PK-199), two keys under the label and
 * id, another key's public part, an attribute that must not be or that the
 * token does not tell (PK-198).  `public_key` NULL: it is not known yet.
 */
int cryptoki_connect(
    struct job *j, struct cryptoki *c, const EVP_PKEY *public_key);
/* The public half that the token shows beside the key of a connection, of the
 * quality of 7.3; lives as long as `keep`.  0; -1 as cryptoki_connect(). */
int cryptoki_public_key(
    struct job *j, struct arena *keep, struct cryptoki *c, EVP_PKEY **out);
/* Ends what it has: its session; the whole module, if no other key of it is
 * connected. */
void cryptoki_leave(struct cryptoki *c);
/* The same after a failure: the module may need to be begun anew.  Its other
 * keys are then not connected any more, and are to be connected again. */
void cryptoki_lost(struct cryptoki *c);
/* The session is not this key's: all of the module's end. */
void cryptoki_confused(struct cryptoki *c);
bool cryptoki_is_connected(const struct cryptoki *c);

enum cryptoki_mechanism {
	CRYPTOKI_RSA_PKCS, /* over a DigestInfo */
	CRYPTOKI_SHA256_RSA_PKCS,
	CRYPTOKI_SHA384_RSA_PKCS,
	CRYPTOKI_SHA512_RSA_PKCS,
	CRYPTOKI_ECDSA, /* over a digest; gives r and s */
};
bool cryptoki_can(const struct cryptoki *c, enum cryptoki_mechanism m);
/* `*out_len` holds the room before.  0; -1 ERR_BUSY if the token may have gone;
 * -1 ERR_REFUSED if it is there and would refuse again. */
int cryptoki_sign(struct job *j, struct cryptoki *c, enum cryptoki_mechanism m,
    struct span in, unsigned char *out, size_t *out_len);

/* Before cryptoki_connect(), when an earlier destruction was cut off: it then
 * finds what is left of the key, perhaps nothing. */
void cryptoki_may_be_gone(struct cryptoki *c);
/* Destroys the key's private and public object (PK-207): 0, once the token
 * shows neither any more; *was_gone if it showed no private one before.  -1
 * saying which is left. */
int cryptoki_destroy(struct job *j, struct cryptoki *c, bool *was_gone);

#endif
