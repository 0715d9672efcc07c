#include "config.h"

#include "src/single.h"

#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* single_is_taken() holds it for a moment. */
#define TRIES 40
#define PAUSE_MS 50

static int lock = -1;

/* Like flock(): 0 or -1. */
static int
take(int fd)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	for (int i = 1; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == TRIES)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int
fail_open(struct job *j, const char *path)
{
	int error = errno;
	const char *next = "";

	if (error == ENOENT)
		next = arena_printf(j->arena,
		    "; make the folder %s, and let it belong to the user of "
		    "the roles, or mend the option database",
		    file_folder(j->arena, path));
	else if (error == EACCES)
		next = "; start countersignd as root, or as the user that the "
		       "database belongs to";
	return job_fail(
	    j, ERR_INTERNAL, "%s: %s%s", path, strerror(error), next);
}

int
single_take(struct job *j, const char *database)
{
	const char *path = store_url_file(database);
	int fd;

	if (path == NULL)
		return 0;
	path = arena_printf(j->arena, "%s.lock", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_open(j, path);
	if (take(fd) == 0) {
		lock = fd; /* it stays open: it is the lock */
		return 0;
	}
	if (errno == EWOULDBLOCK)
		job_fail(j, ERR_CONFLICT,
		    "%s: another countersignd works on this database; stop "
		    "it first",
		    database);
	else
		job_fail(j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	close(fd);
	return -1;
}

void
single_leave(void)
{
	if (lock >= 0)
		close(lock);
	lock = -1;
}

bool
single_is_taken(struct job *j, const char *database)
{
	const char *file = store_url_file(database);
	bool is_taken;
	int fd;

	if (file == NULL)
		return true;
	fd = open(arena_printf(j->arena, "%s.lock", file),
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno != ENOENT; /* it makes the file when it starts */
	/* Shared, and for no longer than this. */
	is_taken = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return is_taken;
}
