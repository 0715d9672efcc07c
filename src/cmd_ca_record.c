#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/fdio.h"
#include "pki/bundle.h"
#include "src/ceremony_record.h"
#include "src/command.h"

static const char usage[] =
    "usage: countersign ca record FILE [-f FILE]\n"
    "\n"
    "FILE is what countersign ca bundle has made.  It is checked, and what it\n"
    "tells of keys and certificates is written into the audit: once, however\n"
    "often it is given.  The issuing CA's first list comes along.\n"
    "\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
record(struct job *j, const char *path)
{
	struct ceremony_recorded done;
	struct span tar;

	if (file_read(j, path, BUNDLE_MAX, &tar) < 0)
		return -1;
	if (ceremony_record(j, tar, &done) < 0)
		return job_context(j, "%s", path);
	if (done.fresh == 0)
		printf("%s: all of it is on record\n", path);
	else
		printf("%s: %zu events recorded\n", path, done.fresh);
	for (size_t i = 0; i < done.other_count; i++)
		printf("%s: %s\n", path, done.others[i]);
	if (done.lists > 0)
		printf("%s: the first list of the issuing CA is taken over\n",
		    path);
	if (done.refusal == NULL)
		return 0;
	fflush(stdout);
	return job_fail(j, ERR_CONFLICT,
	    "%s: %s; it was not taken over, and the rest of the bundle is on "
	    "record; find out which two ceremonies used this key: two lists of "
	    "one number may be out until both are over",
	    path, done.refusal);
}

int
cmd_ca_record(int argc, char **argv)
{
	const struct command_option options[] = { { NULL, NULL, NULL } };
	const char *config = NULL;
	struct command c;

	if (command_parse(argc, argv, usage, options, &config, 1) < 0 ||
	    command_open(&c, config, ACT_CA_RECORD) < 0)
		return EXIT_FAILURE;
	return command_end(&c, record(&c.job, argv[optind]));
}
