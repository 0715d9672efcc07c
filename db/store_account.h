/* ACME accounts (AC-64 to AC-82). */
#ifndef DB_STORE_ACCOUNT_H
#define DB_STORE_ACCOUNT_H

#include "db/store.h"

struct account {
	const char *id;         /* 22 characters */
	const char *thumbprint; /* 43 characters, unique (AC-65) */
	const char *jwk;        /* public key, canonical members (AC-47) */
	const char *contact;    /* JSON array of strings */
	const char *client_address;
	int64_t created_at;
	int64_t tos_agreed_at;
	const char *tos_url;    /* agreed to; NULL if none */
	const char *tos_sha256; /* of the document, hexadecimal, or NULL */
	int64_t deactivated_at;
	int64_t revoked_at;
	const char *eab_kid; /* bound to; NULL: to none */
	const char *eab;     /* the binding as received (JSON) (AC-64) */
};

/* ERR_CONFLICT if the thumbprint is taken (AC-67). */
int store_account_create(struct job *j, const struct account *a);
int store_account_by_id(struct job *j, const char *id, struct account *out);
int store_account_by_thumbprint(
    struct job *j, const char *thumbprint, struct account *out);
/*
 * As store_account_by_id(), inside a transaction: until its end nobody else
 * ends the account or changes its key; `alone`: this transaction will.
 */
int store_account_hold(
    struct job *j, const char *id, bool alone, struct account *out);

/* One that was deactivated and later revoked is revoked. */
enum account_filter {
	ACCOUNTS_ALL,
	ACCOUNTS_VALID,
	ACCOUNTS_DEACTIVATED,
	ACCOUNTS_REVOKED
};
/* Newest first, at most `max`. */
int store_account_list(struct job *j, enum account_filter which, size_t max,
    struct account **out, size_t *count);

/* Each of these changes a live account, or fails with ERR_CONFLICT. */
int store_account_set_contact(
    struct job *j, const char *id, const char *contact);
int store_account_agree(
    struct job *j, const char *id, const char *tos_url, const char *tos_sha256);

/*
 * The end of an account (AC-73, AC-74): what waits for a reply, and what is
 * valid, is deactivated, its mails are dropped, token-part1 and spooled mails
 * erased.  Orders follow from that (acme/status.h); one that has its CSR is
 * completed.  *ended counts the authorizations.  ERR_CONFLICT if it has ended
 * so before; a deactivated account can still be revoked.
 */
int store_account_deactivate(struct job *j, const char *id, int64_t *ended);
int store_account_revoke(struct job *j, const char *id, int64_t *ended);
/*
 * PK-14: the operator has given the account another contact, so that somebody
 * else may be behind it: what waits for a reply, and what is valid, is revoked
 * as above, and the account goes on.
 */
int store_account_hand_over(
    struct job *j, const char *id, const char *contact, int64_t *ended);
/* PK-23: contacts and client address of an account that has ended; its keys
 * stay, for they verify what it has signed.  ERR_CONFLICT if it has not. */
int store_account_erase(struct job *j, const char *id);

/* A key that the account had before, and the request that replaced it. */
struct former_key {
	const char *thumbprint;
	const char *jwk;
	struct span request; /* as received: signed by this key and the next */
	int64_t retired_at;
};

/*
 * AC-81: `was` is the account as it was read; its key becomes a former one.
 * ERR_CONFLICT if the account has ended, has another key meanwhile, or the
 * new one is taken: the savepoint or transaction must then be undone.
 */
int store_account_change_key(struct job *j, const struct account *was,
    const char *thumbprint, const char *jwk, struct span request);
/* The newest `max` of them, the oldest of these first. */
int store_account_former_keys(struct job *j, const char *id, size_t max,
    struct former_key **out, size_t *count);
/* Has this account, or with NULL any, had that key before?  1 / 0 / -1. */
int store_account_had_key(
    struct job *j, const char *id, const char *thumbprint);

#endif
