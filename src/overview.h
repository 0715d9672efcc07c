/*
 * How the service stands (`countersign status`): is issuance on, does each role
 * do its work, is there room on the disk, what is pending and why, which
 * deadlines run.  Only what the database and the configuration know besides;
 * `countersign check` looks at files and other systems.
 */
#ifndef SRC_OVERVIEW_H
#define SRC_OVERVIEW_H

struct job;
struct remarks;

/* Work that waits longer than this is not being done. */
#define OVERVIEW_LATE_SECS 120
/* A role that was not seen for so long, where machines share a database: a turn
 * of its loop can take a while. */
#define OVERVIEW_SILENT_SECS 300
/* A machine not heard of for so long is spoken of no more. */
#define OVERVIEW_FORGOTTEN_SECS (7 * 86400)

/* With the database open.  0, or -1 if it cannot be read. */
int overview(struct job *j, struct remarks *r);

/* The same from a role, which knows that the server runs. */
int overview_inside(struct job *j, struct remarks *r);

/* Of it, what the records remind of: a rehearsal (PK-186), the signed heads of
 * the audit records (PK-21), certificates of admins (PK-206).  0, -1. */
int overview_reminders(struct job *j, struct remarks *r);

#endif
