/*
 * Nonces that clients have redeemed (AC-58, AC-59), where machines share a
 * database: none of them accepts what another has.  A nonce begins with its
 * stamp, the most significant octet first, so that the oldest are the least.
 */
#ifndef DB_STORE_NONCE_H
#define DB_STORE_NONCE_H

#include "db/store.h"

/* 1: nobody has redeemed it; 0: somebody has; -1. */
int store_nonce_redeem(struct job *j, struct span octets);
/* Forgets at most `max` that are less than `before`: *count of them. */
int store_nonce_forget(
    struct job *j, struct span before, int64_t max, int64_t *count);

#endif
