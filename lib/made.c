#include "config.h"

#include "lib/made.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/job.h"

struct made {
	const char *path;
	dev_t device;
	ino_t inode;
	struct made *before;
};

struct made_list {
	struct made *last;
};

void
made_begin(struct job *j)
{
	j->made = arena_alloc(j->arena, sizeof(*j->made));
	j->made->last = NULL;
}

void
made_note(struct job *j, const char *path)
{
	struct made *m;
	struct stat st;

	if (j->made == NULL || lstat(path, &st) < 0)
		return;
	m = arena_alloc(j->arena, sizeof(*m));
	*m = (struct made){ .path = arena_strdup(j->arena, path),
		.device = st.st_dev,
		.inode = st.st_ino,
		.before = j->made->last };
	j->made->last = m;
}

int
made_folder(struct job *j, const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0) {
		made_note(j, path);
		return 0;
	}
	return errno == EEXIST
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
}

/* A folder is removed only if there is nothing in it. */
static bool
is_removed(const struct made *m)
{
	struct stat st;

	if (lstat(m->path, &st) < 0)
		return errno == ENOENT;
	if (st.st_dev != m->device || st.st_ino != m->inode)
		return true;
	return (S_ISDIR(st.st_mode) ? rmdir(m->path) : unlink(m->path)) == 0;
}

const char *
made_undo(struct job *j)
{
	const char *left = NULL;

	for (const struct made *m = j->made->last; m != NULL; m = m->before)
		if (!is_removed(m))
			left = m->path;
	j->made->last = NULL;
	return left;
}
