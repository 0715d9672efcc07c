#include "config.h"

#include "src/overview_disk.h"

#include <errno.h>
#include <unistd.h>

#include "db/store_life.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "src/disk_room.h"
#include "src/remarks.h"
#include "src/role_life.h"

/* Lists are written where the issuer is, and other machines need no folder for
 * them: 1, 0, or -1. */
static int
is_disk_elsewhere(struct job *j, const char *folder)
{
	struct role_life l;
	int found;

	if (!store_is_shared(j) || access(folder, F_OK) == 0 || errno != ENOENT)
		return 0;
	found =
	    store_life_find(j, role_life_host(j), role_name(ROLE_ISSUER), &l);
	return found < 0 ? -1 : found == 0 || !l.is_running;
}

int
overview_disk(struct job *j, struct remarks *r)
{
	const char *folder;
	int elsewhere;

	if (disk_room_check(j, &folder) == 0) {
		if (folder != NULL)
			remark(r, REMARK_OK, "disk space",
			    arena_printf(
				j->arena, "there is room in %s", folder));
		return 0;
	}
	elsewhere = is_disk_elsewhere(j, folder);
	if (elsewhere < 0)
		return -1;
	if (!elsewhere)
		remark(r, REMARK_WRONG, "disk space", j->err.text);
	job_recover(j);
	return 0;
}
