/*
 * RSA keys of DKIM records that were read before: reading one from DER costs
 * OpenSSL ten times what verifying a signature with it does, making it ready
 * to verify costs half of that again, and most replies come from few domains.
 *
 * Found by all of their octets, so that a key is never another one's.  What
 * is in here was found to be good by dkim_key_parse().  The number of keys is
 * fixed; a new one takes the place of the one that had its slot.  For one
 * thread.
 */
#ifndef MAIL_DKIM_KEYRING_H
#define MAIL_DKIM_KEYRING_H

#include "lib/buf.h"

struct evp_pkey_ctx_st; /* OpenSSL's EVP_PKEY_CTX */

/* The key, ready for EVP_PKEY_verify(): the caller's own, or NULL. */
struct evp_pkey_ctx_st *dkim_keyring_get(struct span der);
/* Both are copied; the verifier stays the caller's. */
void dkim_keyring_put(struct span der, struct evp_pkey_ctx_st *verifier);
/* Tests: as at the start. */
void dkim_keyring_clear(void);

#endif
