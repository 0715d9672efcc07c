#include "config.h"

#include "src/maildir.h"

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEN ":2,S"

static int
refuse(struct job *j, const struct maildir *m, const char *name)
{
	return job_fail(
	    j, ERR_INTERNAL, "%s/%s: %s", m->path, name, strerror(errno));
}

struct span
maildir_unique(const char *name)
{
	struct span s = span_str(name);

	return span_cut(s, 0, span_find(s, 0, ':'));
}

/* --- what is there ------------------------------------------------------- */

static int
open_new(struct job *j, const struct maildir *m)
{
	const char *path = arena_printf(j->arena, "%s/new", m->path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? refuse(j, m, "new") : fd;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* They begin with the second of their delivery. */
int
maildir_list(struct job *j, const struct maildir *m, size_t max,
    const char ***names, size_t *count)
{
	const struct dirent *e;
	int fd = open_new(j, m), result;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	*count = 0;
	*names = NULL;
	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? -1 : refuse(j, m, "new");
	}
	*names = arena_calloc(j->arena, max, sizeof(**names));
	errno = 0;
	while (*count < max && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(*names)[(*count)++] =
			    arena_strdup(j->arena, e->d_name);
	result = errno != 0 ? refuse(j, m, "new") : 0;
	closedir(d);
	if (result == 0)
		qsort(*names, *count, sizeof(**names), compare_names);
	return result;
}

/* --- one message --------------------------------------------------------- */

/* All n octets and no more: 1, 0 if there are not just n, -1. */
static int
read_all(int fd, char *text, size_t n)
{
	size_t at = 0;
	ssize_t got = 1;

	while (got != 0 && at <= n) {
		got = read(fd, text + at, n + 1 - at);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0)
			at += (size_t)got;
	}
	return at == n;
}

static int
load_open(struct job *j, int fd, size_t max, struct maildir_file *out)
{
	struct stat st;
	size_t n;
	char *text;
	int whole;

	if (fstat(fd, &st) < 0)
		return job_fail(j, ERR_INTERNAL, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return job_fail(j, ERR_INTERNAL, "is no regular file");
	out->delivered_at = st.st_mtime;
	out->too_large = (uint64_t)st.st_size > max;
	if (out->too_large)
		return 0;
	n = (size_t)st.st_size;
	text = arena_alloc(j->arena, n + 1);
	whole = read_all(fd, text, n);
	if (whole < 0)
		return job_fail(j, ERR_INTERNAL, "%s", strerror(errno));
	if (whole == 0)
		return job_fail(j, ERR_INTERNAL,
		    "somebody writes it: only whole files belong into new/");
	out->raw = span_mem(text, n);
	return 0;
}

int
maildir_load(struct job *j, const struct maildir *m, const char *name,
    size_t max, struct maildir_file *out)
{
	const char *path = arena_printf(j->arena, "new/%s", name);
	int folder = open_new(j, m), fd, result, why;

	*out = (struct maildir_file){ 0 };
	if (folder < 0)
		return -1;
	/* Not waiting for the other end of a pipe that lies there. */
	fd = openat(folder, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	why = errno;
	close(folder);
	if (fd < 0) {
		errno = why;
		return why == ENOENT ? 0 : refuse(j, m, path);
	}
	result = load_open(j, fd, max, out);
	close(fd);
	return result < 0 ? job_context(j, "%s/%s", m->path, path) : 1;
}

/* --- away ---------------------------------------------------------------- */

/* Seen; a name that is as long as a name may be stays as it is. */
static const char *
seen_name(struct job *j, const char *name)
{
	struct span unique = maildir_unique(name);

	return arena_printf(j->arena, "%.*s%s", (int)unique.n, unique.p,
	    unique.n + strlen(SEEN) > NAME_MAX ? "" : SEEN);
}

/* A folder as other programs expect it. */
static int
make_processed(struct job *j, const struct maildir *m)
{
	static const char *const parts[] = { "", "/tmp", "/new", "/cur" };
	const char *path;
	int fd;

	for (size_t i = 0; i < COUNT(parts); i++) {
		path = arena_printf(
		    j->arena, "%s/.%s%s", m->path, m->processed, parts[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -1;
	}
	path = arena_printf(
	    j->arena, "%s/.%s/maildirfolder", m->path, m->processed);
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int
move_processed(
    struct job *j, const struct maildir *m, const char *from, const char *seen)
{
	const char *to = arena_printf(
	    j->arena, "%s/.%s/cur/%s", m->path, m->processed, seen);
	struct stat st;

	if (rename(from, to) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	/* The message is gone, or the folder is not there yet. */
	if (lstat(from, &st) < 0)
		return -1;
	return make_processed(j, m) < 0 ? -1 : rename(from, to);
}

int
maildir_dispose(struct job *j, const struct maildir *m, const char *name)
{
	const char *from = arena_printf(j->arena, "%s/new/%s", m->path, name);
	const char *seen = seen_name(j, name);
	int result = -1;

	switch (m->disposal) {
	case CONF_DISPOSAL_MOVE:
		result = move_processed(j, m, from, seen);
		break;
	case CONF_DISPOSAL_FLAG:
		result = rename(
		    from, arena_printf(j->arena, "%s/cur/%s", m->path, seen));
		break;
	case CONF_DISPOSAL_DELETE:
		result = unlink(from);
		break;
	}
	if (result < 0 && errno != ENOENT)
		return refuse(j, m, arena_printf(j->arena, "new/%s", name));
	/* A missing cur/ is no message that is gone. */
	return result < 0 && access(from, F_OK) == 0 ? refuse(j, m, "cur") : 0;
}
