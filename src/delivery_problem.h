/*
 * What the client is told of a challenge mail that has not arrived (AC-119):
 * of the words of other mail systems only the code, "550 5.1.1" or "5.1.1".
 * Problem documents, in the job's arena.
 */
#ifndef SRC_DELIVERY_PROBLEM_H
#define SRC_DELIVERY_PROBLEM_H

struct job;

/* It never will.  `reason`: to be told instead of the code, or NULL. */
const char *delivery_failed(
    struct job *j, const char *mailbox, const char *code, const char *reason);
/* It may yet. */
const char *delivery_delayed(
    struct job *j, const char *code, const char *reason);

#endif
