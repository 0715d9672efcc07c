/* The part of src/overview.h about what the CA publishes: lists, OCSP answers,
 * what it owes beside them (src/ca_check.h), and whether the clock lets it. */
#ifndef SRC_OVERVIEW_LISTS_H
#define SRC_OVERVIEW_LISTS_H

struct job;
struct remarks;

/* 0, or -1 if the database cannot be read. */
int overview_lists(struct job *j, struct remarks *r);

#endif
