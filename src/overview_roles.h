/*
 * Of how the service stands (src/overview.h): which roles run, which have
 * crashed, and which do not come back or hang.
 */
#ifndef SRC_OVERVIEW_ROLES_H
#define SRC_OVERVIEW_ROLES_H

struct job;
struct remarks;

/* 0, or -1 if the database cannot be read. */
int overview_roles(struct job *j, struct remarks *r);

#endif
