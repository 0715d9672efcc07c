/*
 * A process of the supervisor's own that does one thing in the database, with
 * the rights of the roles: the supervisor itself has no connection, and waits
 * for nobody.
 */
#ifndef SRC_ERRAND_H
#define SRC_ERRAND_H

#include <sys/types.h>

#include "db/store_login.h"

struct conf;

/* In the new process, with the supervisor's rights: 0 or -1. */
typedef int errand_fn(struct job *j, void *ctx);

/* Starts it: its process, which ends with EXIT_SUCCESS for 0, or -1.  It ends
 * by itself within a minute. */
pid_t errand_start(const struct conf *conf, errand_fn *act, void *ctx);

/* There: the rights of the roles from now on, and the issuer's login, which has
 * what every role may do.  0, or -1, also if the supervisor has ended. */
int errand_settle(struct job *j, struct store_login *login);

#endif
