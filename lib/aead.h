/*
 * Secrets that must stand in the database, encrypted under a key that does
 * not: AES-256-GCM, bound to the name that they are kept under.
 */
#ifndef LIB_AEAD_H
#define LIB_AEAD_H

#include "lib/buf.h"

struct job;
struct aead_key; /* wiped when the arena it came from ends */

#define AEAD_KEY_LEN 32
/* A nonce before the text, a tag behind it. */
#define AEAD_OVERHEAD (12 + 16)

/* Reads a key file made by `countersign init` (64 hex characters). */
int aead_key_load(struct job *j, struct arena *keep, const char *path,
    const struct aead_key **out);
const struct aead_key *aead_key_new(
    struct arena *keep, const uint8_t octets[AEAD_KEY_LEN]);

/* The result is AEAD_OVERHEAD longer than `text`. */
struct span aead_encrypt(struct job *j, const struct aead_key *k,
    struct span name, struct span text);
/* 1 and *out (wiped with the arena), or 0: made with another key, for another
 * name, or changed since. */
int aead_decrypt(struct job *j, const struct aead_key *k, struct span name,
    struct span sealed, struct span *out);

#endif
