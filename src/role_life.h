/*
 * What the audit is told of a role's life (PK-19): that it starts, with which
 * version and configuration; that the one before it did not end.  Of another
 * configuration there is one record for all roles: of the supervisor, when it
 * takes one on SIGHUP, or of the issuer, when it starts with another one than
 * it had.
 */
#ifndef SRC_ROLE_LIFE_H
#define SRC_ROLE_LIFE_H

#include "lib/job.h"

/* "validator", or "validator NAME" with its way in. */
const char *role_life_name(struct arena *a, enum role role, const char *intake);

/* Machines that share a database have lives of their own. */
const char *role_life_host(struct job *j);

/*
 * 0, or -1.  Of a start after a crash, and of a crash, there is one record a
 * minute: a role that cannot live does not fill the audit.  *told: there is one
 * of this start.  ended_at: the supervisor saw then (seconds since 1970) that
 * the one before it ended as it was told to, whether it could record that or
 * not; 0: it knows of none.
 */
int role_life_begin(
    struct job *j, const char *name, int64_t ended_at, bool *told);
/* The role goes on with j->conf, which the audit was told of. */
int role_life_conf(struct job *j, const char *name);
/* The supervisor takes j->conf in place of the one with this hash.  In a
 * transaction. */
int role_life_change(struct job *j, const char *before);
/* It lives, as `countersign status` wants to know: one that is started again
 * and again and never gets so far, or hangs, is silent.  About every
 * ROLE_LIFE_SECS. */
#define ROLE_LIFE_SECS 60
int role_life_seen(struct job *j, const char *name);
/* Something outside keeps it from its work, or (NULL) does not any more. */
int role_life_trouble(struct job *j, const char *name, const char *why);
/* It ends as it should. */
int role_life_end(struct job *j, const char *name);

#endif
