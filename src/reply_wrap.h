/*
 * Replies are encrypted when nobody here has to read them any more (PK-23,
 * doc/decisions/0025-replies-at-rest.md).
 */
#ifndef SRC_REPLY_WRAP_H
#define SRC_REPLY_WRAP_H

struct job;
struct validator;

/* One of them: 1, 0 (nothing is due), -1. */
int reply_wrap_step(struct validator *v, struct job *j);

#endif
