/*
 * What the audit is told of a role's life (PK-19): that it starts, with which
 * version and configuration; that the one before it did not end; that it goes
 * on with another configuration.
 */
#ifndef SRC_ROLE_LIFE_H
#define SRC_ROLE_LIFE_H

#include "lib/job.h"

/* "validator", or "validator NAME" with its way in. */
const char *role_life_name(struct arena *a, enum role role, const char *intake);

/*
 * 0, or -1.  Of a start after a crash, and of a crash, there is one record a
 * minute: a role that cannot live does not fill the audit.  *told: there is one
 * of this start.
 */
int role_life_begin(struct job *j, const char *name, bool *told);
/* j->conf has taken the place of the one with this hash. */
int role_life_conf(struct job *j, const char *name, const char *before);
/* It ends as it should. */
int role_life_end(struct job *j, const char *name);

#endif
