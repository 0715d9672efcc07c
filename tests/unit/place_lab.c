#include "config.h"

#include "tests/unit/place_lab.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "tests/unit/unit_folder.h"

#define SAID_MAX ((size_t)100000)

struct place_lab place_lab;

void
place_lab_begin(uid_t uid, gid_t gid, bool is_open)
{
	place_lab = (struct place_lab){ .keep = arena_new(),
		.folder = unit_folder_new(),
		.uid = uid,
		.gid = gid };
	if (is_open && chmod(place_lab.folder, 0755) != 0)
		abort();
}

const char *
place_lab_path(const char *name)
{
	return arena_printf(place_lab.keep, "%s/%s", place_lab.folder, name);
}

void
place_lab_make_folder(const char *name, mode_t mode)
{
	const char *path = place_lab_path(name);

	if (mkdir(path, 0700) != 0 ||
	    chown(path, place_lab.uid, place_lab.gid) != 0 ||
	    chmod(path, mode) != 0)
		abort();
}

void
place_lab_make_file(const char *name, mode_t mode)
{
	int fd = open(place_lab_path(name), O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || fchown(fd, place_lab.uid, place_lab.gid) < 0 ||
	    fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

void
place_lab_said_init(struct buf *b)
{
	buf_init(b, place_lab.keep, SAID_MAX);
	buf_add_str(b, "");
}

void
place_lab_note(void *said, const char *message)
{
	struct buf *b = said;

	buf_add_str(b, message);
	buf_add_char(b, '\n');
}

int
place_lab_run(const struct CMUnitTest *tests, size_t count)
{
	int result = unit_run(tests, count);

	arena_free(place_lab.keep);
	return result;
}
