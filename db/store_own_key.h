/*
 * The keys of this installation's CAs and OCSP responders (PK-65).  None is
 * ever deleted: also what a former CA had, or what was destroyed, gets no
 * certificate.
 */
#ifndef DB_STORE_OWN_KEY_H
#define DB_STORE_OWN_KEY_H

#include "db/store_key.h"

/* `owner` says for people whose it is.  Known already: nothing changes.  In
 * the caller's transaction: 0, -1. */
int store_own_key_put(
    struct job *j, const struct key_hash *key, const char *owner);
/* Is it one of them, in whatever encoding?  1, 0, -1. */
int store_own_key_is(struct job *j, const struct key_hash *key);

#endif
