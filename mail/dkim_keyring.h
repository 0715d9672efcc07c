/*
 * RSA keys of DKIM records that were read before: reading one from DER costs
 * OpenSSL ten times what verifying a signature with it does, and most replies
 * come from few domains.
 *
 * Found by all of their octets, so that a key is never another one's.  What
 * is in here was found to be good by dkim_key_parse().  The number of keys is
 * fixed; a new one takes the place of the one that had its slot.  For one
 * thread.
 */
#ifndef MAIL_DKIM_KEYRING_H
#define MAIL_DKIM_KEYRING_H

#include "lib/buf.h"

struct evp_pkey_st;

/* A reference of the caller's own, or NULL. */
struct evp_pkey_st *dkim_keyring_get(struct span der);
/* The key stays the caller's; both are copied or shared. */
void dkim_keyring_put(struct span der, struct evp_pkey_st *pkey);
/* Tests: as at the start. */
void dkim_keyring_clear(void);

#endif
