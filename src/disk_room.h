/*
 * Room for what is written while the server runs: without it nothing is
 * committed, and every request that changes something is put off.
 */
#ifndef SRC_DISK_ROOM_H
#define SRC_DISK_ROOM_H

struct job;

/* On the file system of the database file; with a database server, on that of
 * the revocation list.  *folder is where, or NULL: nothing is written here.
 * 0, or -1 and what to do. */
int disk_room_check(struct job *j, const char **folder);

#endif
