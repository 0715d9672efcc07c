/* Of how the service stands (src/overview.h): is there room on the disk? */
#ifndef SRC_OVERVIEW_DISK_H
#define SRC_OVERVIEW_DISK_H

struct job;
struct remarks;

/* Nothing is said where nothing is written.  0, -1. */
int overview_disk(struct job *j, struct remarks *r);

#endif
