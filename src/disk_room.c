#include "config.h"

#include "src/disk_room.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"

#define SPACE_MIN ((uint64_t)100 << 20)
/* A new list, the database's log, answers of OCSP: each is a new file. */
#define FILES_MIN 1000

const char *
disk_room_lacks(struct arena *a, const struct statvfs *fs)
{
	uint64_t room = (uint64_t)fs->f_bavail * fs->f_frsize;

	if (room < SPACE_MIN)
		return arena_printf(a,
		    "only %" PRIu64 " MiB left: make room (df -h shows what "
		    "there is)",
		    room >> 20);
	/* Where files are not counted there are none. */
	if (fs->f_files > 0 && fs->f_favail < FILES_MIN)
		return arena_printf(a,
		    "only %" PRIu64 " files more can be made: delete some (df "
		    "-i shows what there is)",
		    (uint64_t)fs->f_favail);
	return NULL;
}

int
disk_room_check(struct job *j, const char **folder)
{
	const char *path = store_url_file(j->conf->database), *lacks;
	struct statvfs fs;

	*folder = NULL;
	if (path == NULL)
		path = j->conf->issuer.crl_file;
	if (path == NULL) /* another CA has the lists */
		return 0;
	path = file_folder(j->arena, path);
	*folder = path;
	if (statvfs(path, &fs) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	lacks = disk_room_lacks(j->arena, &fs);
	return lacks == NULL ? 0
			     : job_fail(j, ERR_INTERNAL, "%s: %s", path, lacks);
}
