/*
 * Who logs in at a database server.  With PostgreSQL each role can log in as
 * itself and then may do what db/grants.h lists and nothing else; SQLite
 * knows no logins: whoever may open the file may do everything.
 */
#ifndef DB_STORE_LOGIN_H
#define DB_STORE_LOGIN_H

#include "lib/job.h"

#include <stddef.h>

struct store_login {
	const char *url;      /* as for store_open() */
	const char *password; /* NULL: the URL leads to it, or none is needed */
};

/* As store_open() and store_migrate().  `users`: the logins of the roles by
 * enum role, which get their grants; NULL where a role has none of its own. */
int store_open_as(
    struct job *j, const struct store_login *login, struct store **out);
int store_migrate_as(struct job *j, const struct store_login *owner,
    const char *const users[ROLE_COUNT]);

/* What the URL itself says. */
struct store_url {
	bool is_server;
	const char *user; /* NULL: it names none */
	bool has_password;
};

/* 0; -1 ERR_INTERNAL: the connection string cannot be read. */
int store_url_read(struct job *j, const char *url, struct store_url *out);
/* The database file, part of the URL; NULL: it is on a server. */
const char *store_url_file(const char *url);

/* The files and folders that the connection of j->store reads when it is made
 * again: certificates, keys, passwords.  None of SQLite's. */
void store_files(struct job *j, const char ***out, size_t *count);

/*
 * May the login of j->store do more than any list of grants says?  1, and
 * *why: it is a superuser or owns the tables; or it can put functions of its
 * own in front of those that others call.  0; -1.  SQLite: 1.
 */
int store_login_is_mighty(struct job *j, const char **why);

#endif
