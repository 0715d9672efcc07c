/*
 * What the validator does with one message or one CAA question: from bytes to
 * a committed, sealed row.  No mailbox and no waiting here, so that tests
 * run it with messages and resolvers of their own.
 */
#ifndef SRC_JUDGE_H
#define SRC_JUDGE_H

#include "src/role_validator.h"

/* The next deferred message that is due: 1, 0, -1. */
int judge_deferred(struct validator *v, struct job *j);
/* The next CAA check that is due: 1, 0, -1. */
int judge_caa(struct validator *v, struct job *j);
/* When one of them will be: 1 and *at, 0, -1. */
int judge_next_due(struct job *j, int64_t *at);

#endif
