/*
 * Client certificates of admins that end soon, or have ended (PK-206): what is
 * to be done, said 30 days before and from then on by countersign admin list,
 * countersign check and, once a day, the issuer's log.
 */
#ifndef SRC_ADMIN_EXPIRY_H
#define SRC_ADMIN_EXPIRY_H

#include <stdint.h>

struct job;

#define ADMIN_EXPIRY_SECS ((int64_t)30 * 86400)
#define ADMIN_EXPIRY_MAX 1000 /* that are looked at */

/* What to do, in the job's arena; NULL: it does not end yet (not_after 0:
 * never). */
const char *admin_expiry_advice(
    struct job *j, const char *name, int64_t not_after);
/* A line in the log for each: a warning, or an error once it has ended.  0, or
 * -1. */
int admin_expiry_alarm(struct job *j);

#endif
