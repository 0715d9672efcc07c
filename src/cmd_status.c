/* countersign status: what an admin looks at first. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_audit.h"
#include "db/store_life.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "src/command.h"
#include "src/overview.h"
#include "src/remarks.h"
#include "src/worker.h"

static const char usage[] =
    "usage: countersign status [--json] [-f FILE]\n"
    "       countersign status --forget HOST [-f FILE]\n"
    "\n"
    "How the service stands: is issuance on, does each role do its work, is\n"
    "there room on the disk, what is pending and why, are lists and OCSP\n"
    "answers fresh, which deadlines run. One line each: ok; warn for what\n"
    "should be looked at; WRONG and what to do. The exit status is 0 if\n"
    "nothing is wrong. Without --forget it changes nothing and asks no other\n"
    "system; countersign check does.\n"
    "\n"
    "  --json             one JSON object a line\n"
    "  --forget HOST      this machine is gone for good: speak of it no more\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* --- a machine that is gone ----------------------------------------------- */

static int
check_gone(struct job *j, const char *host)
{
	struct role_life *list;
	size_t count;

	if (!store_is_shared(j))
		return job_fail(j, ERR_CONFLICT,
		    "one machine alone can use this database: what it was "
		    "called before is forgotten when countersignd starts");
	if (store_life_list(j, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].host, host) == 0 && list[i].is_running &&
		    j->now - list[i].seen_at <= OVERVIEW_SILENT_SECS)
			return job_fail(j, ERR_CONFLICT,
			    "%s: role %s was seen there at %s: stop "
			    "countersignd there first, or wait five minutes",
			    host, list[i].role,
			    clock_rfc3339(j->arena, list[i].seen_at));
	return 0;
}

static int
forget_all(struct job *j, const char *host)
{
	int found;

	if (check_gone(j, host) < 0 || (found = store_life_forget(j, host)) < 0)
		return -1;
	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: no machine of this name is known", host);
	return store_audit_add(j, command_operator(j), "machine forgotten",
	    arena_printf(j->arena, "host:%s", host), "ok", NULL);
}

static int
forget(struct job *j, const char *host)
{
	if (store_begin(j) < 0)
		return -1;
	if (forget_all(j, host) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("%s: is spoken of no more; if it comes back it is known again\n",
	    host);
	return 0;
}

/* -------------------------------------------------------------------------- */

int
cmd_status(int argc, char **argv)
{
	struct remarks r = { .json = false };
	const char *host = NULL;
	const struct command_option options[] = { { "json", &r.json, NULL },
		{ "forget", NULL, &host }, { NULL, NULL, NULL } };
	const char *config = COMMAND_DEFAULT_CONFIG;
	struct command c;
	int result;

	if (command_parse(argc, argv, usage, options, &config, 0) < 0 ||
	    (host != NULL &&
		command_takes_only(options, "--forget", "forget") < 0) ||
	    command_open(
		&c, config, host != NULL ? ACT_STATUS_FORGET : ACT_STATUS) < 0)
		return EXIT_FAILURE;
	if (host != NULL)
		return command_end(&c, forget(&c.job, host));
	result = overview(&c.job, &r);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	return result < 0 || r.wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
