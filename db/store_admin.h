/*
 * Admins (PK-206): people who cause issuance or revocation, or change what
 * is configured, with two factors; the nonces that they sign; and how long
 * somebody must wait after wrong tries.  Names are never given a second time.
 */
#ifndef DB_STORE_ADMIN_H
#define DB_STORE_ADMIN_H

#include "db/store.h"
#include "db/store_admin_key.h"
#include "lib/password.h"

#define ADMIN_NAME_MAX 64

enum admin_role { ADMIN_AUDITOR, ADMIN_OPERATOR, ADMIN_APPROVER };
/* "auditor", "operator", "approver"; the other way 1 or 0. */
const char *admin_role_name(enum admin_role role);
int admin_role_parse(const char *name, enum admin_role *out);

struct admin {
	const char *name;
	enum admin_role role;
	struct password_hash password;
	/* The client key that has signed commands, none before the first one;
	 * and the one that takes its place with the first that it signs. */
	struct admin_key key, next;
	const char *asked_by; /* NULL: the first one */
	int64_t asked_at;
	const char *approved_by; /* NULL */
	int64_t approved_at;     /* 0: waits for it */
	const char *disabled_by; /* NULL */
	int64_t disabled_at;
};
/* Approved and not disabled. */
bool admin_is_live(const struct admin *a);
/* Could this one give, now, a command that changes something?  So what one has
 * asked for counts only as long as this is so. */
bool admin_may_act(const struct admin *a, int64_t now);

/* With a->next as the key; asked_at is now, approved_at as given.  ERR_CONFLICT
 * if there is, or was, one of that name, or with that key. */
int store_admin_add(struct job *j, const struct admin *a);
int store_admin_by_name(
    struct job *j, const char *name, struct admin *out); /* 1, 0, -1 */
/* By name, at most `max`. */
int store_admin_list(
    struct job *j, size_t max, struct admin **out, size_t *count);
/* Is, or was, there any who has shown both factors once?  1 / 0 / -1. */
int store_admin_exists(struct job *j);
/* While there is none: forgets one whose key has never signed. */
int store_admin_forget_unproven(struct job *j);
/* By another one than who asked: else ERR_CONFLICT. */
int store_admin_approve(struct job *j, const char *name, const char *by);
/* Its keys end, too. */
int store_admin_disable(struct job *j, const char *name, const char *by);
int store_admin_set_password(
    struct job *j, const char *name, const struct password_hash *p);
/*
 * Can two of them do what needs two: is there a live approver, and a live
 * approver or operator beside, leaving `without` (may be NULL) out of it?  Only
 * those count whose key has signed once; that a certificate has expired makes
 * nobody fewer.  1 / 0 / -1.
 */
int store_admin_is_pair(struct job *j, const char *without);
/* The same, but of those alone who may act now. */
int store_admin_is_pair_now(struct job *j, const char *without);
/* Is there another who may act now?  1 / 0 / -1. */
int store_admin_is_other(struct job *j, const char *name);

/* --- one login ------------------------------------------------------------ */

/*
 * Counts a try of this name, known or not, before it is looked at: 1; 0 if
 * somebody must wait, until *until; -1.  Wrong tries in a row make pauses that
 * grow to a quarter of an hour.
 */
int store_admin_try(struct job *j, const char *name, int64_t *until);
/* That somebody tried although he must wait, is it to be recorded?  Once in
 * each pause: 1; 0; -1. */
int store_admin_try_tell(struct job *j, const char *name);
/* It was right. */
int store_admin_try_good(struct job *j, const char *name);

#define ADMIN_NONCE_SECS 300
int store_admin_nonce_add(struct job *j, const char *nonce, const char *name);
/* 1: it was made for this name, is fresh, and is used up now; 0; -1. */
int store_admin_nonce_use(struct job *j, const char *nonce, const char *name);

#endif
