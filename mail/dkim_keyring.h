/*
 * RSA keys of DKIM key records that were read before: reading one from DER
 * costs OpenSSL ten times what verifying a signature with it does, making it
 * ready to verify costs half of that again, and most replies come from few
 * domains.
 *
 * Found by all octets of their record, so that a key is never another one's,
 * and what the record says of it (t=) is its own.  What is in here was found
 * to be good by dkim_key_parse().  The number of keys is fixed; a new one takes
 * the place of the one that had its slot.  For one thread.
 */
#ifndef MAIL_DKIM_KEYRING_H
#define MAIL_DKIM_KEYRING_H

#include "lib/buf.h"

struct arena;
struct dkim_key;

/* True and *out, which lives as long as the arena; or false. */
bool dkim_keyring_get(
    struct arena *a, struct span record, struct dkim_key *out);
/* The key of an RSA record, which is copied. */
void dkim_keyring_put(struct span record, const struct dkim_key *key);
/* Tests: as at the start. */
void dkim_keyring_clear(void);

#endif
