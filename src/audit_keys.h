/*
 * The keys of the audit's heads as the configuration names them (PK-21,
 * pki/head_key.h).
 */
#ifndef SRC_AUDIT_KEYS_H
#define SRC_AUDIT_KEYS_H

struct arena;
struct audit_signer;
struct audit_verifier;
struct ca;
struct job;

/*
 * What the issuer signs with; NULL where none is configured.  Its public key
 * must be among those that heads are verified with, and it must not be that of
 * `ca` (NULL: not asked).  0, or -1 ERR_INTERNAL saying what would be right.
 */
int audit_keys_signer(struct job *j, struct arena *keep, const struct ca *ca,
    const struct audit_signer **out);
/* NULL where none are configured; 0, or -1 as above. */
int audit_keys_verifier(
    struct job *j, struct arena *keep, const struct audit_verifier **out);

#endif
