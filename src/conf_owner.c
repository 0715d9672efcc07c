#include "config.h"

#include "src/conf_owner.h"

#include "lib/fdio.h"
#include "lib/job.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Others than root and who runs this: all of them, or of a foreign group. */
static bool
others_write(const struct stat *st)
{
	if ((st->st_mode & S_IWOTH) != 0)
		return true;
	return (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 &&
	       st->st_gid != getegid();
}

static bool
is_owner_known(const struct stat *st, const char *user)
{
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;

	return st->st_uid == 0 || st->st_uid == geteuid() ||
	       (pw != NULL && pw->pw_uid == st->st_uid);
}

static int
look_at(struct job *j, const char *path, const char *user, bool is_folder)
{
	const char *what = is_folder ? "the folder " : "";
	const char *harm =
	    is_folder ? "put another file in its place" : "change it";
	struct stat st;

	if (stat(path, &st) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	/* In a sticky folder only the owner of a file may replace it. */
	if (others_write(&st) && !(is_folder && (st.st_mode & S_ISVTX) != 0))
		return job_fail(j, ERR_INTERNAL,
		    "group or others may write %s%s, and so %s: chmod go-w %s",
		    what, path, harm, path);
	if (!is_owner_known(&st, user))
		return job_fail(j, ERR_INTERNAL,
		    "%s%s belongs to another user, who may %s: chown root %s",
		    what, path, harm, path);
	return 0;
}

int
conf_file_is_safe(struct job *j, const char *path, const char *user)
{
	if (look_at(j, path, user, false) < 0)
		return -1;
	return look_at(j, file_folder(j->arena, path), user, true);
}
