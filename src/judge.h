/*
 * What the validator does with one message or one CAA question: from bytes to
 * a committed, sealed row.  No mailbox and no waiting here, so that tests
 * run it with messages and resolvers of their own.
 */
#ifndef SRC_JUDGE_H
#define SRC_JUDGE_H

#include "src/role_validator.h"

struct judgement;

/*
 * validator_take() in two steps, for several messages in one transaction.
 * The first may ask the DNS and writes nothing: 1 and *out (in the job's
 * arena), 0 if the message was recorded before, -1.
 */
int judge_message(struct validator *v, struct job *j, const struct received *m,
    struct judgement **out);
/*
 * The second, in the order given, which is that of their UIDs: the one that
 * fails, and those behind it, are not recorded.  0; or -1, and jobs[*done]
 * says why.  *done were committed.
 */
int judge_record(struct job *const jobs[], struct judgement *const judged[],
    size_t n, size_t *done);
/* Why that one failed: 0, another validator has recorded the same message
 * meanwhile, and it is done; or -1. */
int judge_is_others(
    struct job *j, const char *source, int64_t uidvalidity, int64_t uid);

/* The next deferred message that is due: 1, 0, -1. */
int judge_deferred(struct validator *v, struct job *j);
/* Work that store_…_next_due() told of: is it due?  Before taking the lock that
 * all who write wait for. */
int judge_is_due(const struct job *j, int found, int64_t at);
/* Did another validator record it first?  Then the error is forgotten. */
bool judge_is_done(struct job *j);
/* When one of them will be: 1 and *at, 0, -1. */
int judge_next_due(struct job *j, int64_t *at);

#endif
