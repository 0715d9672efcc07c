#include "config.h"

#include "src/disk_room.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"

#define SPACE_MIN ((uint64_t)100 << 20)

int
disk_room_check(struct job *j, const char **folder)
{
	const char *path = j->conf->issuer.crl_file;
	struct statvfs fs;
	uint64_t room;

	*folder = NULL;
	if (strncmp(j->conf->database, "sqlite:", 7) == 0)
		path = j->conf->database + 7;
	if (path == NULL) /* another CA has the lists */
		return 0;
	path = file_folder(j->arena, path);
	*folder = path;
	if (statvfs(path, &fs) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= SPACE_MIN)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "%s: only %" PRIu64 " MiB left: make room", path, room >> 20);
}
