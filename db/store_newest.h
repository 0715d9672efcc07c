/* The latest moment that the store knows of (PK-147). */
#ifndef DB_STORE_NEWEST_H
#define DB_STORE_NEWEST_H

#include "db/store.h"

/*
 * *made: the newest reservation of a number or revocation list of this CA;
 * *audited: the newest audit record.  0 where there is none.  0, or -1.  Each
 * is the last entry of an index.
 */
int store_newest(
    struct job *j, const char *ca_label, int64_t *made, int64_t *audited);

#endif
