/*
 * Received messages for tests of the store: their records, with any verdict.
 */
#ifndef TESTS_UNIT_VERDICT_LAB_H
#define TESTS_UNIT_VERDICT_LAB_H

#include "db/store_reply.h"
#include "tests/unit/store_fixture.h"

/* What ends a challenge, as a problem document. */
extern const char verdict_lab_problem[];
/* Of the last message that was made; each gets one of its own. */
extern int64_t verdict_lab_uid;

/* A message about this authorization (NULL: about none), not recorded. */
struct reply_record verdict_lab_reply(
    struct job *j, const struct authz *a, enum verdict verdict);
/* Records it, in a transaction of its own: the verdict that was applied. */
enum verdict verdict_lab_record(struct job *j, const struct reply_record *r);
/* Both, for a verdict that must be applied as it is. */
void verdict_lab_take(struct job *j, const struct authz *a,
    enum verdict verdict, const char *error);

#endif
