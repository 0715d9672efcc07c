/* The part of src/overview.h about what is pending: work that no role has taken
 * up, orders and what they wait for, and how many certificates came of them. */
#ifndef SRC_OVERVIEW_WORK_H
#define SRC_OVERVIEW_WORK_H

struct job;
struct remarks;

/* 0, or -1 if the database cannot be read. */
int overview_work(struct job *j, struct remarks *r);

#endif
