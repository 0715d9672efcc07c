/*
 * What issuance is stopped for (PK-45): everything, or a profile, a domain or
 * an issuer.  The row is the stop; it lasts until it is lifted.
 */
#ifndef DB_STORE_STOP_H
#define DB_STORE_STOP_H

#include "db/store.h"

#define STOP_ALL "all"
#define STOP_PROFILE "profile"
#define STOP_DOMAIN "domain" /* and those below it */
#define STOP_ISSUER "issuer" /* the CA's key identifier, hexadecimal */
/* Not of certificates: lists, answers or responders (PK-204, src/ceiling.h). */
#define STOP_SIGNING "signing"

struct stop {
	const char *scope; /* STOP_… */
	const char *value; /* "" with STOP_ALL */
	const char *reason;
	const char *by;
	int64_t at;
};

/* 1 stopped, 0 it was stopped before: nothing changes; -1. */
int store_stop_add(struct job *j, const struct stop *s);
/* 1 lifted, 0 there was none, -1. */
int store_stop_lift(struct job *j, const char *scope, const char *value);
/* All of them: admins make them one by one, so they are few. */
int store_stop_list(struct job *j, struct stop **out, size_t *count);

#endif
