/*
 * What each role's login may do in a PostgreSQL database (architecture.md,
 * "What a stolen role can do"): exactly what its statements need.  Where one
 * column keeps a promise, the grant is for columns: web writes no verdict, no
 * seal, no certificate; nobody changes or deletes an audit record.
 *
 * They are applied where the schema is (db/migrate.c), each time that
 * countersignd starts: all that a login had is taken from it and the list of
 * this version given, in one transaction.
 */
#ifndef DB_GRANTS_H
#define DB_GRANTS_H

#include "db/store_login.h"

/*
 * The statements for j->store's schema, or NULL and the job's error.  `users`
 * as for store_migrate_as(); whom the tables belong to keeps what it has.  A
 * login that several roles share gets the rights of all of them.
 */
const char *grants_script(struct job *j, const char *const users[ROLE_COUNT]);
/* Inside a transaction. */
int grants_apply(struct job *j, const char *const users[ROLE_COUNT]);

#endif
