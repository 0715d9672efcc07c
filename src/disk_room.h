/*
 * Room for what is written while the server runs: without it nothing is
 * committed, and every request that changes something is put off.
 */
#ifndef SRC_DISK_ROOM_H
#define SRC_DISK_ROOM_H

struct arena;
struct job;
struct statvfs;

/* What a file system has too little of, octets or files, and what to do; NULL
 * if there is room. */
const char *disk_room_lacks(struct arena *a, const struct statvfs *fs);

/* On the file system of the database file; with a database server, on that of
 * the revocation list.  *folder is where, or NULL: nothing is written here.
 * 0, or -1 and what to do. */
int disk_room_check(struct job *j, const char **folder);

#endif
