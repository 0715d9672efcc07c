/*
 * The login to the pages for admins (PK-206): the password, and the client key
 * whose possession the TLS handshake has shown.  The key is looked at first, so
 * that strangers neither count as wrong tries of somebody nor learn anything.
 * Each try is in the audit record (PK-19), but of strangers' a few by
 * themselves and the others as one number: whoever may knock must not be able
 * to fill it.
 */
#ifndef SRC_ADMIN_DOOR_H
#define SRC_ADMIN_DOOR_H

#include "src/admin_session.h"

struct admin_door;

struct admin_door *admin_door_new(void);
void admin_door_free(struct admin_door *d); /* NULL-safe */

struct admin_knock {
	const char *name;
	struct span password;
	struct span key;     /* SubjectPublicKeyInfo, DER; empty: none */
	const char *address; /* for the record */
};

/* With no transaction open.  0: come in, as *out; -1 ERR_UNAUTHORIZED,
 * ERR_RATE_LIMITED with what may be said of it, or a fault. */
int admin_door_enter(struct admin_door *d, struct job *j,
    const struct admin_knock *k, struct admin_insider *out);

/* How many more tries of strangers there were than are recorded, where ten
 * minutes since the first such are over, or with `is_end`.  0, or -1 and they
 * stay counted; killed, the process forgets them. */
int admin_door_tell_strangers(struct admin_door *d, struct job *j, bool is_end);

/* One who is in: is the account still live, with this key and the password
 * that it had then?  1, 0, -1. */
int admin_door_still(
    struct job *j, const struct admin_insider *who, struct span key);

/* A session was shown with another key than that which it belongs to. */
int admin_door_stolen(
    struct job *j, const char *name, struct span key, const char *address);
/* One has left. */
int admin_door_left(struct job *j, const char *name, const char *address);

#endif
