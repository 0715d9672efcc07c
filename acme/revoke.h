/*
 * Revocation (AC-152 to AC-160, PK-178 to PK-183): revokeCert, and what the
 * operator's commands share with it.
 */
#ifndef ACME_REVOKE_H
#define ACME_REVOKE_H

#include "acme/request.h"
#include "db/store_incident.h"

struct acme;
struct cert;
struct job;
struct key_hash;
struct revocation;

int revoke_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/*
 * Revokes the certificate, or turns its reason into keyCompromise, and leaves
 * an audit record, in the caller's transaction: 1, 0 if there was nothing to
 * change, -1.
 */
int revoke_certificate(struct job *j, const struct cert *c,
    const struct revocation *r, bool may_change_reason);
/* Certificates that are revoked in one transaction; twice as many of a key. */
#define REVOKE_BITE 500

struct revoked_sum {
	size_t count;
	bool goes_on; /* there are more, which the issuer revokes */
};
/* "17", or "500, and the issuer goes on with the others" */
const char *revoked_sum_text(struct job *j, const struct revoked_sum *s);

/*
 * The key is compromised (AC-158, PK-77, PK-181): blocked for everybody, and
 * every certificate with it that has not expired is revoked: the first ones in
 * the caller's transaction, where there are many the others by
 * revoke_key_sweep().
 */
int revoke_key(struct job *j, const struct key_hash *key,
    const struct revocation *r, const char *source, struct revoked_sum *sum);
/* The issuer's: in a transaction, the next certificates of a key that has too
 * many for one.  1; 0: there is no such key, or others are at what there is;
 * -1. */
int revoke_key_sweep(struct job *j);

/* As RFC 5280 calls it; NULL if it cannot stand on the list of this CA. */
const char *revoke_reason_name(int64_t reason);

/* Those that were signed while their key was being blocked, if that was not
 * before `blocked_from`: the issuer asks before it makes a list.  At most
 * `max`. */
int revoke_blocked(
    struct job *j, int64_t blocked_from, size_t max, size_t *count);
/*
 * PK-185: the next certificates, at most `max`, of an incident that has to
 * begin, each with its record: 1; 0: all were done; -1.  In a transaction.
 */
#define REVOKE_HELD 2 /* others are at those that are left */
int revoke_incident(struct job *j, const struct incident *i, size_t max);

#endif
