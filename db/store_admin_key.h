/*
 * The client keys of admins (PK-206).  A key counts from the first command that
 * it has signed on: until then whom it belongs to has the one before, and a
 * wrong file locks nobody out.
 */
#ifndef DB_STORE_ADMIN_KEY_H
#define DB_STORE_ADMIN_KEY_H

#include "db/store.h"

struct query;

struct admin_key {
	struct span spki;   /* DER; empty: there is none */
	int64_t not_after;  /* of the client certificate; 0: a bare key */
	const char *set_by; /* NULL: with the first admin */
	int64_t set_at;
	int64_t proven_at; /* when it has signed its first command; 0 */
	int64_t ended_at;  /* 0 */
};
/* Is there one whose certificate has not expired? */
bool admin_key_is_good(const struct admin_key *k, int64_t now);

/* spki and not_after of `k`, in place of one that waits and has not signed.
 * ERR_CONFLICT if it is, or was, some admin's: also this one's. */
int store_admin_key_set(struct job *j, const char *name,
    const struct admin_key *k, const char *set_by);
/* The one that waits has signed: the one before ends.  ERR_CONFLICT if it is
 * not `spki` that waits. */
int store_admin_key_prove(struct job *j, const char *name, struct span spki);
/* All that there are and were, also those that ended; at most `max`. */
int store_admin_key_list(struct job *j, const char *name, size_t max,
    struct admin_key **out, size_t *count);

struct admin_expiry {
	const char *name;
	int64_t not_after;
};
/* Whose certificate ends, or has ended, before that moment, the first first; at
 * most `max`.  For the issuer too, which sees nothing else of admins. */
int store_admin_key_expiring(struct job *j, int64_t before, size_t max,
    struct admin_expiry **out, size_t *count);

/* For db/: what SELECT_ADMIN of store_admin.c selects. */
void admin_key_read(struct query *q, struct admin_key *out);

#endif
