/*
 * External account binding (AC-76 to AC-79): a new account proves that it
 * holds a MAC key which the operator gave to somebody, and may do from then
 * on what that key's entry allows.
 */
#ifndef ACME_EAB_H
#define ACME_EAB_H

#include "db/store_eab.h"
#include "lib/conf.h"

struct account;
struct acme;
struct aead_key;
struct job;
struct json;
struct jwk;

#define EAB_SECRET_LEN 64
#define EAB_KID_MAX 256

/*
 * The member of a newAccount, for the key that signs the request: 1 and
 * *out, the key to bind to; 0, there is nothing to verify (absent, or no key
 * is configured, L-11); or -1.  Store the account, then store_eab_bind().
 */
int eab_verify(struct acme *a, struct job *j, const struct json *payload,
    const struct jwk *account_key, struct eab_key *out);

/* The answer that tells nobody whether a kid exists: -1. */
int eab_refuse(struct job *j);

/* A new secret for `kid`: 64 octets, wiped with the arena, and what is stored
 * of them. */
void eab_secret_make(struct job *j, const struct aead_key *key, const char *kid,
    struct span *secret, struct span *sealed);

/* What an account may do beyond or below what the server lets everybody do. */
struct account_rights {
	/* As policy.allow; NULL: all that the server allows.  An order must
	 * keep to both. */
	const struct conf_list *allow;
	const char *profiles; /* for profile_is_permitted() */
	const char *limits;   /* for limits_of_account() */
};
/* 0, or -1.  An account without a binding has no limits of its own; one whose
 * binding cannot be found may do nothing. */
int eab_rights(
    struct job *j, const struct account *account, struct account_rights *out);
/* The same by the kid alone; NULL: no binding. */
int eab_rights_of(struct job *j, const char *kid, struct account_rights *out);

#endif
