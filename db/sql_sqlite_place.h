/*
 * Where the files of an SQLite database lie.  sqlite_place_check() says before
 * it is opened what is wrong with its file; sqlite_place_is_same() says before
 * each change whether its name still leads to what was opened.
 *
 * SQLite itself goes on with a file that was moved away, or that another one
 * took the place of: what it commits there is gone with the next start, though
 * clients were told of it (AC-179).  Whoever opens the name meanwhile uses
 * other files, or the same file with other locks.
 */
#ifndef DB_SQL_SQLITE_PLACE_H
#define DB_SQL_SQLITE_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#define SQLITE_PLACE_FILES 3

struct job;

struct sqlite_place {
	char *name;       /* as it is configured; owned */
	const char *path; /* where its links led; the connection's */
	struct {
		dev_t device;
		ino_t number;
	} files[SQLITE_PLACE_FILES];
};

/* `create`: makes an empty file where there is none.  0, or -1. */
int sqlite_place_check(struct job *j, const char *path, bool create);

/* Of a database that was just opened, and read, so that all its files are
 * there; `path` lives as long as the connection.  0, or -1 with ERR_BUSY.
 * sqlite_place_forget() in each case. */
int sqlite_place_note(
    struct job *j, struct sqlite_place *p, const char *name, const char *path);

/* 0, or -1 with ERR_BUSY: they may be put back. */
int sqlite_place_is_same(struct job *j, const struct sqlite_place *p);

void sqlite_place_forget(struct sqlite_place *p);

#endif
