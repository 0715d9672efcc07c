#include "config.h"

#include "db/sql_sqlite_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/job.h"

/* --- before it is opened -------------------------------------------------- */

/* About errno. */
static const char *
what_to_do(bool create)
{
	if (errno == ENOENT && !create)
		return "; countersignd makes it when it starts";
	return errno == EACCES ? "; be root, or the user that it belongs to"
			       : "";
}

/* The file, and what SQLite puts beside it with the same mode, is for one
 * user: it holds the tokens of running challenges. */
int
sqlite_place_check(struct job *j, const char *path, bool create)
{
	struct stat st;

	if (create) {
		int fd =
		    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd >= 0)
			close(fd);
		else if (errno != EEXIST)
			return job_fail(j, ERR_INTERNAL,
			    "database %s: cannot "
			    "create it: %s",
			    path, strerror(errno));
	}
	if (stat(path, &st) != 0)
		return job_fail(j, ERR_INTERNAL, "database %s: %s%s", path,
		    strerror(errno), what_to_do(create));
	if (!S_ISREG(st.st_mode))
		return job_fail(
		    j, ERR_INTERNAL, "database %s: is not a file", path);
	if ((st.st_mode & 077) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "database %s: group or others "
		    "have access to it; chmod 600 would be right",
		    path);
	/* Of a file system that is mounted read-only, which a failing disk
	 * becomes, SQLite says "unable to open database file". */
	if (access(path, W_OK) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "database %s: cannot write it: %s%s", path, strerror(errno),
		    what_to_do(create));
	return 0;
}

/* --- what was opened ------------------------------------------------------ */

/* The file, its write-ahead log, and the locks of who uses them. */
static const char *const suffixes[SQLITE_PLACE_FILES] = { "", "-wal", "-shm" };

/* What has the name itself: a link in its place leads others to a log beside
 * what it leads to.  0, or an errno. */
static int
look(const char *path, const char *suffix, struct stat *st)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s%s", path, suffix) >=
	    (int)sizeof(name))
		return ENAMETOOLONG;
	return lstat(name, st) == 0 ? 0 : errno;
}

static int
refuse(struct job *j, const char *path, const char *suffix, int error)
{
	if (error != 0 && error != ENOENT)
		return job_fail(j, ERR_BUSY,
		    "database %s%s: cannot see whether it is what is in use: "
		    "%s",
		    path, suffix, strerror(error));
	return job_fail(j, ERR_BUSY,
	    "database %s%s: was moved away or replaced while it is in "
	    "use: put back what was there; or stop countersignd, and "
	    "start it with the files that it is to use",
	    path, suffix);
}

int
sqlite_place_note(
    struct job *j, struct sqlite_place *p, const char *name, const char *path)
{
	struct stat st;
	int error;

	p->name = xstrdup(name);
	p->path = path;
	for (size_t i = 0; i < SQLITE_PLACE_FILES; i++) {
		error = look(path, suffixes[i], &st);
		if (error != 0)
			return refuse(j, path, suffixes[i], error);
		p->files[i].device = st.st_dev;
		p->files[i].number = st.st_ino;
	}
	return 0;
}

static bool
is_file(const struct sqlite_place *p, size_t i, const struct stat *st)
{
	return st->st_dev == p->files[i].device &&
	       st->st_ino == p->files[i].number;
}

int
sqlite_place_is_same(struct job *j, const struct sqlite_place *p)
{
	struct stat st;
	int error;

	/* What a command, or the next start, would open. */
	error = stat(p->name, &st) == 0 ? 0 : errno;
	if (error != 0 || !is_file(p, 0, &st))
		return refuse(j, p->name, "", error);
	for (size_t i = 0; i < SQLITE_PLACE_FILES; i++) {
		error = look(p->path, suffixes[i], &st);
		if (error != 0 || !is_file(p, i, &st))
			return refuse(j, p->path, suffixes[i], error);
	}
	return 0;
}

void
sqlite_place_forget(struct sqlite_place *p)
{
	free(p->name);
	*p = (struct sqlite_place){ 0 };
}
