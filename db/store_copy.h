/*
 * A copy of the store to try things on (PK-186), which is thrown away: SQLite:
 * a file in a folder of its own beside the database; PostgreSQL: a schema of
 * its own in the same database, without the rows of secrets.  What a killed
 * program leaves is called rehearsal.
 */
#ifndef DB_STORE_COPY_H
#define DB_STORE_COPY_H

#include "db/store_login.h"
#include "lib/buf.h"

struct store_copy {
	struct store *store;
	const char *place; /* folder or schema */
};

/* Of j->store, which `login` has opened, as it is in one moment. */
int store_copy_make(
    struct job *j, const struct store_login *login, struct store_copy *out);
/* Closes and removes it: 0, or -1 saying what is left where. */
int store_copy_drop(struct job *j, struct store_copy *c);

/*
 * In a copy alone, in a transaction: what the CA's key has signed gives way to
 * what a test key signs.  The octets of a published list; and all answers that
 * were signed in advance, which are then made anew.
 */
int store_copy_set_list(
    struct job *j, const char *ca_label, int64_t number, struct span der);
int store_copy_drop_answers(struct job *j, const char *ca_label);

#endif
