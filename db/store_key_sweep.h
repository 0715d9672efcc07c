/*
 * Keys whose certificates are being revoked (AC-158), where there are more than
 * one transaction takes: the key is blocked, and the issuer goes on until no
 * certificate is left, however often it is killed.
 */
#ifndef DB_STORE_KEY_SWEEP_H
#define DB_STORE_KEY_SWEEP_H

#include "db/store_key.h"
#include "db/store_revoke.h"

struct key_sweep {
	const char *id;
	struct key_hash key;
	const char *by;      /* as in struct revocation */
	struct span request; /* likewise */
};

/* One begins; *r is what each of its certificates is revoked with. */
int store_key_sweep_add(
    struct job *j, const struct key_hash *key, const struct revocation *r);
/* Is this key's under way, by the same hashes?  1 / 0 / -1 */
int store_key_sweep_has(struct job *j, const struct key_hash *key);
/* Is there any?  1 / 0 / -1 */
int store_key_sweep_waits(struct job *j);
/* The oldest one that no other issuer is at: it is this transaction's until its
 * end.  1, 0, -1. */
int store_key_sweep_take(struct job *j, struct key_sweep *out);
/* No certificate is left. */
int store_key_sweep_end(struct job *j, const char *id);

#endif
