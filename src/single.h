/* One server at a time on one SQLite database. */
#ifndef SRC_SINGLE_H
#define SRC_SINGLE_H

#include <stdbool.h>

struct job;

/*
 * Takes the lock beside the database file, for as long as the process lives:
 * 0, or -1 with the job's error.  With PostgreSQL there is nothing to take:
 * any number of servers may work there.
 */
int single_take(struct job *j, const char *database);

/* In a forked child: the lock is its parent's alone, and ends with it. */
void single_leave(void);

/* Does another process hold that lock?  With PostgreSQL nobody knows: true. */
bool single_is_taken(struct job *j, const char *database);

#endif
