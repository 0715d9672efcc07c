/*
 * The keys of this installation (PK-65): those of every certificate of a CA
 * that the configuration names, up to the roots, of former CAs and of another
 * CA that issues.  The issuer records them at each start, so that what leaves
 * the configuration stays known; web reads the record (db/store_own_key.h).
 */
#ifndef SRC_OWN_KEYS_H
#define SRC_OWN_KEYS_H

#include "lib/buf.h"

struct arena;
struct conf;
struct job;
struct key_hash;
struct own_keys;

/* Before rights are given up; lives as long as `keep`.  0, or -1 naming the
 * file. */
int own_keys_load(
    struct job *j, struct arena *keep, const struct own_keys **out);
/* In a transaction of its own. */
int own_keys_record(struct job *j, const struct own_keys *keys);
/* Is it one of them?  1, 0, -1: what was read at the start, and what is on
 * record.  keys NULL: the record alone. */
int own_keys_have(
    struct job *j, const struct own_keys *keys, const struct key_hash *key);

/* PK-65 for a responder's: with the certificate that carries its key, in the
 * caller's transaction. */
int own_keys_add_responder(
    struct job *j, const char *serial, struct span certificate);

#endif
