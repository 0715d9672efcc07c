/*
 * Where the database is, and as whom: a role logs in as itself where its
 * section says how, else as everybody does; the schema is made, and the
 * commands look, with the login at the top level.
 */
#ifndef SRC_DATABASE_H
#define SRC_DATABASE_H

#include "db/store_login.h"
#include "lib/conf.h"

/* The login at the top level, in place of a role. */
#define DATABASE_OWNER ROLE_COUNT

/* The section of the configuration that holds the role's login. */
const char *database_section(enum role role);
/* NULL: the role has no login of its own. */
const struct conf_login *database_conf(const struct conf *c, enum role role);

/*
 * Reads the password, which may need rights that are given up later: 0, or -1.
 * It lives, and is wiped, with the job's arena.
 */
int database_login(struct job *j, enum role role, struct store_login *out);

/* The users of the roles that have a login of their own, for
 * store_migrate_as(). */
int database_users(struct job *j, const char *users[ROLE_COUNT]);

#endif
