/*
 * Account keys that were read before: parsing one costs more than a third of
 * what verifying with it does.
 *
 * Found by thumbprint, which is the key's own name: an entry cannot be stale.
 * The number of entries is fixed; a new one takes the place of the one that
 * had its slot.  May be used from several threads.
 */
#ifndef ACME_JWK_CACHE_H
#define ACME_JWK_CACHE_H

#include "acme/jwk.h"

struct account;
struct jwk_cache;

struct jwk_cache *jwk_cache_new(void);
void jwk_cache_free(struct jwk_cache *c); /* NULL-safe */

/* The key of an account; belongs to the job. */
int jwk_cache_get(struct jwk_cache *c, struct job *j,
    const struct account *account, const struct jwk **out);

#endif
