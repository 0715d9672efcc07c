/*
 * Connection strings of libpq: what stands behind "postgresql:" in a URL of
 * the store.  For db/ only.
 */
#ifndef DB_SQL_PGSQL_CONNINFO_H
#define DB_SQL_PGSQL_CONNINFO_H

#include "db/store_login.h"

#include <libpq-fe.h>

/* As libpq takes it: "postgresql://…" is a notation of its own. */
const char *conninfo_target(struct job *j, const char *where);
int conninfo_read(struct job *j, const char *where, struct store_url *out);
/* Files that a connection with these options reads. */
void conninfo_files(struct job *j, const PQconninfoOption *options,
    const char ***out, size_t *count);
/* libpq's messages end in a line end, and some have several lines.  Their
 * quotes would end the value that they become in a line of the log: they are
 * single ones here. */
const char *conninfo_one_line(struct job *j, const char *message);

#endif
