/*
 * Revoking certificates (AC-152 to AC-159, PK-178 to PK-183).  What is revoked
 * is due for the next list until store_cert_listed() says that it is on one.
 */
#ifndef DB_STORE_REVOKE_H
#define DB_STORE_REVOKE_H

#include "db/store.h"

struct key_hash;

#define REASON_KEY_COMPROMISE 1

struct revocation {
	int64_t reason;      /* RFC 5280 5.3.1; 0: unspecified */
	const char *by;      /* "key", "account:<id>", "operator", "issuer",
			      * "incident:<id>" */
	struct span request; /* the signed request as received, or empty */
};

/* 1: revoked now; 0: it was revoked before, and nothing has changed; -1. */
int store_revoke_cert(
    struct job *j, const char *cert_id, const struct revocation *r);
/* A revoked certificate's reason becomes keyCompromise (AC-157): 1, or 0 if
 * it is that already; -1.  The moment of the revocation stays. */
int store_revoke_for_compromise(
    struct job *j, const char *cert_id, const struct revocation *r);

struct revoked_cert {
	const char *id;
	const char *order_id;
	const char *serial;
};
/*
 * AC-158: certificates with this key, in whatever encoding (PK-76), that have
 * not expired and are not revoked, those about to be signed too: at most
 * `max` by either hash.  store_key_is_certified() says whether others are left.
 */
int store_revoke_by_key(struct job *j, const struct key_hash *key,
    const struct revocation *r, size_t max, struct revoked_cert **out,
    size_t *count);
/*
 * The same for all keys that were blocked for everybody since `blocked_from`:
 * finds what was signed while its key was being blocked.  At most `max`.
 */
int store_revoke_blocked(struct job *j, const struct revocation *r,
    int64_t blocked_from, size_t max, struct revoked_cert **out, size_t *count);
/* What waits in an incident's set up to this id; store_incident_revoke() is
 * the operation. */
int store_revoke_incident(struct job *j, const char *incident_id,
    const char *cert_id_to, const struct revocation *r,
    struct revoked_cert **out, size_t *count);

#endif
