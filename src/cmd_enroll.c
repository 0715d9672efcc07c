#include "config.h"

#include "lib/arena.h"
#include "lib/log.h"
#include "src/command.h"
#include "src/enroll.h"
#include "src/enroll_options.h"

#include <stdio.h>
#include <stdlib.h>

#define EXIT_NOT_YET 3 /* as the manual page says */

int
cmd_enroll(int argc, char **argv)
{
	struct arena *keep = arena_new();
	struct enroll_options o;
	const char *details;
	struct job j;
	int parsed = enroll_options_parse(keep, argc, argv, &o);
	int result = parsed;

	if (parsed > 0) {
		log_open("enroll", LOG_LEVEL_WARNING);
		job_init(&j, NULL, NULL);
		result = enroll_run(&j, &o, &details);
		if (result < 0) {
			command_fail("%s", j.err.text);
			fputs(details, stderr);
		}
		job_done(&j);
	}
	arena_free(keep);
	if (result < 0)
		return EXIT_FAILURE;
	return result == 0 ? EXIT_SUCCESS : EXIT_NOT_YET;
}
