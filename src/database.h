/*
 * Where the database is, and as whom: a role logs in as itself where its
 * section says how, else as everybody does; the schema is made, and the
 * commands look, with the login at the top level.
 */
#ifndef SRC_DATABASE_H
#define SRC_DATABASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "db/store_login.h"
#include "lib/conf.h"
#include "lib/digest.h"

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

/* The password that a role starts with, and its file, as it was found. */
struct database_password {
	bool is_known; /* else there is none, or it cannot be read */
	dev_t device;
	ino_t number;
	struct timespec changed_at;
	uint8_t sha256[SHA256_LEN]; /* of the password */
};

void database_password_note(
    const struct conf *c, enum role role, struct database_password *out);
/* Does the file hold another one by now?  What has touched it alone, chmod(1)
 * or a backup, is noted.  One that cannot be read (the log says so) is none. */
bool database_password_is_new(
    const struct conf *c, enum role role, struct database_password *known);

/* The users of the roles that have a login of their own, for
 * store_migrate_as(). */
int database_users(struct job *j, const char *users[ROLE_COUNT]);

#endif
