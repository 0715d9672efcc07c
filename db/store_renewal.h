/*
 * Who is told that a certificate can be renewed (PK-191): each certificate has
 * a moment at which the sender looks, beginning with its window's start, until
 * it was told or has nothing to be told of.
 */
#ifndef DB_STORE_RENEWAL_H
#define DB_STORE_RENEWAL_H

#include "db/store.h"

struct renewal {
	const char *cert_id;
	const char *order_id;
	const char *account_id;
	const char *profile;
	const char *language;    /* Accept-Language of its order, or NULL */
	const char *replaced_by; /* an order, or NULL */
	int64_t not_before, not_after;
	int64_t issued_at;  /* 0: only reserved */
	int64_t revoked_at; /* 0: not revoked */
	/* Deactivated, revoked or erased: it orders nothing any more. */
	bool account_has_ended;
};

/* The next one to look at, held until the transaction ends: 1, 0, -1.  0 also
 * when another was faster: PostgreSQL leaves that row locked, so the
 * transaction has to end before the next one is tried. */
int store_renewal_take(struct job *j, struct renewal *out);
int store_renewal_by_cert(
    struct job *j, const char *cert_id, struct renewal *out);
/* When to look again; 0: not any more. */
int store_renewal_set(struct job *j, const char *cert_id, int64_t at);
/* When the next one is to be looked at: 1 and *at, 0, -1. */
int store_renewal_next_due(struct job *j, int64_t *at);

struct renewal_mailbox {
	const char *mailbox;
	int64_t live_until; /* the account's authorization; 0: none is live */
	/* The account has a certificate of this profile for it that ends
	 * later. */
	bool is_newer;
};
/* Those of the certificate, at most `max`, in the order of their names. */
int store_renewal_mailboxes(struct job *j, const struct renewal *r, size_t max,
    struct renewal_mailbox **out, size_t *count);

#endif
