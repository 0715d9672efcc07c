#include "config.h"

#include "pki/ceremony_lock.h"

#include "lib/job.h"
#include "pki/ceremony.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
busy(struct job *j, const char *dir)
{
	return job_fail(j, ERR_CONFLICT,
	    "%s: another act of a ceremony is at work in this folder; nothing "
	    "was changed: give the command again when that one has ended",
	    dir);
}

/* 0 and *fd, -1 where there is no folder. */
static int
take(struct job *j, const char *dir, int how, int *fd)
{
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? 0
				       : job_fail(j, ERR_INTERNAL, "%s: %s",
					     dir, strerror(errno));
	if (flock(*fd, how | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		(void)busy(j, dir);
	else
		(void)job_fail(j, ERR_INTERNAL,
		    "%s: cannot be locked: %s; hold the ceremony in a folder "
		    "of this machine's own",
		    dir, strerror(errno));
	close(*fd);
	*fd = -1;
	return -1;
}

int
ceremony_lock(struct ceremony *c)
{
	int result = take(c->j, c->dir, LOCK_EX, &c->lock);

	c->is_locked = result == 0 && c->lock >= 0;
	return result;
}

/* One that was made since ceremony_lock() has seen none is another act's. */
int
ceremony_lock_made(struct ceremony *c)
{
	if (c->is_locked)
		return 0;
	if (mkdir(c->dir, 0700) < 0)
		return errno == EEXIST ? busy(c->j, c->dir)
				       : job_fail(c->j, ERR_INTERNAL, "%s: %s",
					     c->dir, strerror(errno));
	if (ceremony_lock(c) < 0)
		return -1;
	return c->is_locked ? 0
			    : job_fail(c->j, ERR_INTERNAL,
				  "%s: was taken away again", c->dir);
}

int
ceremony_unlock(struct ceremony *c, int result)
{
	if (c->is_locked)
		close(c->lock);
	c->is_locked = false;
	return result;
}

int
ceremony_lock_shared(struct job *j, const char *dir, int *fd)
{
	return take(j, dir, LOCK_SH, fd);
}
