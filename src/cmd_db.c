#include "config.h"

#include "db/grants.h"
#include "src/command.h"
#include "src/database.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: countersign db grants [-f FILE]\n"
    "\n"
    "Shows the statements that give the users of the roles their rights in a\n"
    "PostgreSQL database.  countersignd makes them itself when it starts.\n"
    "\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
print_grants(struct command *c)
{
	const char *users[ROLE_COUNT], *script;
	bool any = false;

	if (database_users(&c->job, users) < 0)
		return -1;
	for (size_t i = 0; i < ROLE_COUNT; i++)
		any = any || users[i] != NULL;
	if (!any)
		return job_fail(&c->job, ERR_INTERNAL,
		    "no role has a login of its own; countersign.conf(5), THE "
		    "DATABASE, says how it gets one");
	script = grants_script(&c->job, users);
	if (script == NULL)
		return -1;
	fputs(script, stdout);
	return 0;
}

int
cmd_db(int argc, char **argv)
{
	const char *config = COMMAND_DEFAULT_CONFIG;
	const struct command_option options[] = { { NULL, NULL, NULL } };
	struct command c;

	if (command_parse(argc, argv, usage, options, &config, 1) < 0)
		return EXIT_FAILURE;
	if (strcmp(argv[optind], "grants") != 0) {
		(void)command_misused(usage, "%s: give grants", argv[optind]);
		return EXIT_FAILURE;
	}
	if (command_open(&c, config, ACT_DB) < 0)
		return EXIT_FAILURE;
	return command_end(&c, print_grants(&c));
}
