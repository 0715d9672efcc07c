/*
 * The issuer and linters that are not ours: while one of them fails there is
 * no certificate, and each order waits (PK-136, PK-140).  A linter that hangs
 * costs its limit of time once a pause, not once an order.
 */
#ifndef SRC_LINTERS_HOLD_H
#define SRC_LINTERS_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct job;
struct profile;

struct linters_hold {
	int fd;        /* of linter_pair(); not looked at without linters */
	int64_t until; /* nothing is tried before */
	int64_t pause; /* 0: none has failed */
	bool refuses;  /* the latest certificate: there was a verdict */
};

struct linters_subject {
	const struct profile *profile;
	struct span der;
	bool is_ours;
};

/* Seconds until the next try, 0: now.  NULL: there are no linters. */
int64_t linters_hold_left(const struct linters_hold *h, const struct job *j);
/*
 * linters_check() of the certificate; report and allowances are replaced.
 * -1 ERR_BUSY when one fails: the hold begins or grows.  -1 ERR_INTERNAL with
 * refuses set: one of them refuses it; else for a fault of ours.
 */
int linters_hold_check(struct linters_hold *h, struct job *j,
    const struct linters_subject *subject, const char **report,
    const char **allowed);

#endif
