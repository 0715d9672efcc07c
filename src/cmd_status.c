/* countersign status: what an admin looks at first. */
#include "config.h"

#include <stdlib.h>

#include "src/command.h"
#include "src/overview.h"
#include "src/remarks.h"

static const char usage[] =
    "usage: countersign status [--json] [-f FILE]\n"
    "\n"
    "How the service stands: is issuance on, does each role do its work, is\n"
    "there room on the disk, what is pending and why, are lists and OCSP\n"
    "answers fresh, which deadlines run. One line each: ok; warn for what\n"
    "should be looked at; WRONG and what to do. The exit status is 0 if\n"
    "nothing is wrong. It changes nothing and asks no other system;\n"
    "countersign check does.\n"
    "\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

int
cmd_status(int argc, char **argv)
{
	struct remarks r = { .json = false };
	const struct command_option options[] = { { "json", &r.json, NULL },
		{ NULL, NULL, NULL } };
	const char *config = COMMAND_DEFAULT_CONFIG;
	struct command c;
	int result;

	if (command_parse(argc, argv, usage, options, &config, 0) < 0 ||
	    command_open(&c, config, ACT_STATUS) < 0)
		return EXIT_FAILURE;
	result = overview(&c.job, &r);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	return result < 0 || r.wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
