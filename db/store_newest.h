/* The latest moment that the store knows of (PK-147). */
#ifndef DB_STORE_NEWEST_H
#define DB_STORE_NEWEST_H

#include "db/store.h"

/*
 * The newest reservation of a number, revocation list of this CA and audit
 * record: *at is the latest of them, 0 if there is nothing.  0, or -1.  Each
 * is the last entry of an index.
 */
int store_newest(struct job *j, const char *ca_label, int64_t *at);

#endif
