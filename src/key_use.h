/*
 * What the audit is told of the use of CA keys (PK-19): of the issuer's own,
 * where it signs, and of those of former CAs.
 */
#ifndef SRC_KEY_USE_H
#define SRC_KEY_USE_H

struct issuer;
struct job;

/* Once they are ready, which one in a token may not be when the issuer starts
 * (PK-200); nothing if the audit is not to be told (tells_of_keys), or was: 0,
 * -1. */
int key_use_begins(struct issuer *i, struct job *j);
/* Nothing if it was not told of the beginning: 0, -1. */
int key_use_ends(const struct issuer *i, struct job *j);

#endif
