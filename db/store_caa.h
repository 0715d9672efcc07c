/*
 * CAA checks as rows: requested (by the verdict's transaction, or by the
 * issuer when the last one is too old: PK-146), then answered and sealed by
 * the validator.
 */
#ifndef DB_STORE_CAA_H
#define DB_STORE_CAA_H

#include "db/store.h"

struct authz;

struct caa_row {
	const char *id;
	const char *authz_id;
	const char *account_id;
	const char *mailbox;
	const char *domain;
	int64_t requested_at;
	int64_t checked_at; /* 0: not yet */
	const char *result; /* "permit", "deny", "fail" */
	const char *reason;
	const char *detail;
	const char *trace; /* JSON (PK-17) */
	const char *br_version;
	int64_t ttl;
	struct span seal;
	int64_t attempts;
	const char *order_id; /* for which it was asked, or NULL */
	/* Remote perspectives saw the key too that authenticated the reply:
	 * says where to look; what proves it is the trace. */
	bool key_agreed;
};

/* For this order, due then.  One open request per authorization: a second one
 * changes nothing. */
int store_caa_request(
    struct job *j, const char *authz_id, const char *order_id, int64_t due_at);
/* The same for the authorization's order, of which this is a picture. */
int store_caa_request_for(struct job *j, const struct authz *a, int64_t due_at);
int store_caa_lease(struct job *j, int64_t lease_until, struct caa_row *out);
/* The next of this order that is due: 1, 0, -1.  In a transaction that holds
 * nothing else: others may be at the same. */
int store_caa_lease_of(struct job *j, const char *order_id, int64_t lease_until,
    struct caa_row *out);
/* As if it had not been leased. */
int store_caa_give_back(struct job *j, const char *id);
/* An order that waits for a check is given back for at most this long
 * (store_order_release); leases must be longer. */
#define CAA_WAIT_SECS_MAX 15
/* Orders that wait for this check are due at once. */
int store_caa_record(struct job *j, const struct caa_row *r);
/* Not answerable now: due again. */
int store_caa_retry(struct job *j, const char *id, int64_t due_at);
/* When the role starts: what the one before it had begun, and what waits for
 * another try, is due at once (SQLite; with PostgreSQL others may be at work,
 * and leases run out).  In a transaction of its own. */
int store_caa_recover(struct job *j);
int store_caa_next_due(struct job *j, int64_t *at);
/* How many checks were answered at that moment or later. */
int store_caa_count_since(
    struct job *j, const char *authz_id, int64_t since, int64_t *count);
/* The newest answered check of the authorization: 1/0/-1. */
int store_caa_latest(struct job *j, const char *authz_id, struct caa_row *out);
int store_caa_by_id(struct job *j, const char *id, struct caa_row *out);
/* Answered ones of the authorization, oldest first, the newest `max` of them:
 * 0 or -1. */
int store_caa_list(struct job *j, const char *authz_id, size_t max,
    struct caa_row **out, size_t *count);
/* The newest with key_agreed: 1/0/-1. */
int store_caa_key_agreed(
    struct job *j, const char *authz_id, struct caa_row *out);

#endif
