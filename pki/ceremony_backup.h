/*
 * How a key's ceremony ends (PK-211): with a backup from which the key was
 * restored, which is proved by a signature that verifies with the CA's own
 * public key; or with the operator's statement that there is none.  Else the
 * transcript has a warning.
 */
#ifndef PKI_CEREMONY_BACKUP_H
#define PKI_CEREMONY_BACKUP_H

#include "pki/ceremony_key.h"

struct ceremony_backup {
	const char *dir; /* of a key in a file: another folder */
	/* Of one in a token: the token into which the operator has restored
	 * it.  Module and PIN: as the first one's where they are NULL. */
	const char *token, *module, *pin;
	const char *none; /* why there is no backup */
	struct span from_fd;
};

/* Fits what was said to where the key is?  Changes nothing. */
int ceremony_backup_check(struct ceremony *c, const struct ceremony_key *k);
/* The key is still open afterwards, but for one in a token whose module the
 * backup shares. */
int ceremony_backup_make(struct ceremony *c, const struct ceremony_key *k,
    const struct signer *signer);
/* ceremony_backup_act() of an issuing CA's folder. */
int ceremony_backup_issuing(struct ceremony *c);

#endif
