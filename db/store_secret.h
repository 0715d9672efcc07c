/*
 * Random octets that all processes of one database share, made when it is
 * migrated: for MACs over what clients carry back and forth.
 */
#ifndef DB_STORE_SECRET_H
#define DB_STORE_SECRET_H

#include "db/store.h"

#define SECRET_LEN 32
#define SECRET_CURSOR "cursor" /* of the orders list (AC-75) */
#define SECRET_NONCE "nonce"   /* where machines share a database (AC-59) */

/* 0 and the octets, wiped with the arena, or -1. */
int store_secret(struct job *j, const char *name, struct span *out);

#endif
