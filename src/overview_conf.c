#include "config.h"

#include "src/overview_conf.h"

#include <string.h>

#include "db/store_conf_use.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/overview.h"
#include "src/remarks.h"
#include "src/role_life.h"

static const char what[] = "configuration";

/* What the supervisor saw can be a minute old: a command has just read it. */
static const char *
hash_of_file(struct job *j, const struct conf_use *u, bool is_file)
{
	return is_file && strcmp(u->host, role_life_host(j)) == 0 &&
		       strcmp(u->file, j->conf->file) == 0
		   ? j->conf->sha256
		   : u->file_sha256;
}

static void
look_at(struct job *j, struct remarks *r, const struct conf_use *u,
    const char *file_sha256)
{
	if (u->refused_at != 0)
		remark(r, REMARK_WRONG, what,
		    arena_printf(j->arena,
			"on %s SIGHUP was refused at %s: %s; what was in use "
			"before stays: mend it and send SIGHUP again "
			"(systemctl reload countersignd)",
			u->host, clock_rfc3339(j->arena, u->refused_at),
			u->refused));
	if (file_sha256[0] == '\0')
		remark(r, REMARK_WARN, what,
		    arena_printf(j->arena,
			"on %s %s cannot be read since %s: the next start "
			"would fail",
			u->host, u->file,
			clock_rfc3339(j->arena, u->looked_at)));
	else if (strcmp(file_sha256, u->used_sha256) != 0)
		remark(r, REMARK_WARN, what,
		    arena_printf(j->arena,
			"on %s %s is not what is in use: the file's SHA-256 is "
			"%s, that of what is in use %s; SIGHUP (systemctl "
			"reload countersignd) takes the file",
			u->host, u->file, file_sha256, u->used_sha256));
	else
		remark(r, REMARK_OK, what,
		    arena_printf(j->arena, "on %s %s is in use, SHA-256 %s",
			u->host, u->file, u->used_sha256));
	if (u->restart[0] != '\0')
		remark(r, REMARK_WARN, what,
		    arena_printf(j->arena,
			"on %s of %s only a restart applies: %s", u->host,
			u->file, u->restart));
}

int
overview_conf(struct job *j, struct remarks *r, bool is_file)
{
	/* One that has lost its power, or its name, ends no role. */
	int64_t since =
	    store_is_shared(j) ? j->now - OVERVIEW_FORGOTTEN_SECS + 1 : 0;
	struct conf_use *list;
	size_t count;

	if (store_conf_use_list(j, since, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		look_at(j, r, &list[i], hash_of_file(j, &list[i], is_file));
	return 0;
}
