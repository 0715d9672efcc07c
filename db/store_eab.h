/* Keys for external account binding (AC-76 to AC-79). */
#ifndef DB_STORE_EAB_H
#define DB_STORE_EAB_H

#include "db/store.h"

struct eab_key {
	const char *kid;
	struct span secret;  /* encrypted: acme/eab.h */
	const char *comment; /* for people; or NULL */
	int64_t created_at;
	int64_t expires_at; /* 0: never */
	int64_t withdrawn_at;
	bool is_reusable;
	int64_t bound_at; /* the last time */
	/* JSON, or NULL for the server's own: arrays of texts, and an object
	 * of limits by name. */
	const char *allow;
	const char *profiles;
	const char *limits;
};

/* ERR_CONFLICT if there is one of that name. */
int store_eab_create(struct job *j, const struct eab_key *k);
int store_eab_by_kid(struct job *j, const char *kid, struct eab_key *out);
/* Has there ever been a key (AC-76)?  1 / 0 / -1. */
int store_eab_exists(struct job *j);
/* Newest first, at most `max`. */
int store_eab_list(
    struct job *j, size_t max, struct eab_key **out, size_t *count);
/* No account is bound to it any more; those that are, stay.  ERR_CONFLICT if
 * there is none, or it is withdrawn already. */
int store_eab_withdraw(struct job *j, const char *kid);
/* Notes that an account is bound to it, in the transaction that creates the
 * account: ERR_CONFLICT unless it can be used now (AC-78). */
int store_eab_bind(struct job *j, const char *kid);

/* The accounts that are bound to it, newest first, at most `max`. */
int store_eab_accounts(struct job *j, const char *kid, size_t max,
    const char ***ids, size_t *count);

#endif
