/*
 * Of how the service stands (src/overview.h): replies that came and could not
 * be judged yet (MA-31).
 */
#ifndef SRC_OVERVIEW_REPLIES_H
#define SRC_OVERVIEW_REPLIES_H

struct job;
struct remarks;

/* Nothing is said of one that came a short while ago: name servers may be slow.
 */
#define OVERVIEW_REPLIES_SECS 900

/* 0, or -1. */
int overview_replies(struct job *j, struct remarks *r);

#endif
