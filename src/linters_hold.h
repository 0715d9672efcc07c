/*
 * The issuer and linters that are not ours: while one of them fails there is
 * no certificate, and each order waits (PK-136, PK-140); no list and no OCSP
 * answer takes the place of what is published (PK-141).  A linter that hangs
 * costs its limit of time once a pause, not once an order.
 */
#ifndef SRC_LINTERS_HOLD_H
#define SRC_LINTERS_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "pki/linter.h"

struct conf;
struct job;
struct profile;

struct linters_hold {
	int fd;        /* of fd_message_pair(); not looked at without linters */
	int64_t until; /* nothing is tried before */
	int64_t pause; /* 0: none has failed */
	bool refuses;  /* the latest question: there was a verdict */
	/* Of what no order waits for: when it was refused; 0: it was not. */
	int64_t refused_at[LINT_OBJECTS];
};

struct linters_subject {
	enum lint_object object;
	struct span der;
	bool is_ours;
};

/* A subscriber's certificate, by its profile. */
enum lint_object linters_object(const struct profile *profile);

/* Seconds until the next try, 0: now.  NULL: there are no linters. */
int64_t linters_hold_left(const struct linters_hold *h, const struct job *j);

/*
 * Before the work for something that linters will be asked about: 0, or -1
 * ERR_BUSY while one fails, or for a minute after such a thing was refused.
 * Also 0 where none judges it.
 */
int linters_hold_may(
    const struct linters_hold *h, struct job *j, enum lint_object object);

/*
 * linters_check() of it; report and allowances are replaced.  -1 ERR_BUSY when
 * one fails: the hold begins or grows.  -1 ERR_INTERNAL with refuses set: one
 * of them refuses it, and of lists, answers and responders the log and the
 * audit say so; else for a fault of ours.
 */
int linters_hold_check(struct linters_hold *h, struct job *j,
    const struct linters_subject *subject, const char **report,
    const char **allowed);

/* PK-139: the use of an allowance (NULL: none), in the caller's transaction. */
int linters_hold_allowed(
    struct job *j, enum lint_object object, const char *allowed);

/* The same in a transaction of its own. */
int linters_hold_record_allowed(
    struct job *j, enum lint_object object, const char *allowed);

/* may and check for what has no report of its own, allowances audited. */
int linters_hold_pass(struct linters_hold *h, struct job *j,
    enum lint_object object, struct span der);

#endif
