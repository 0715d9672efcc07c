#include "config.h"

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/command.h"
#include "src/conf_file.h"
#include "src/cps_tables.h"

#include <stdio.h>
#include <stdlib.h>

#define TABLES_MAX ((size_t)1 << 20)

static const char usage[] =
    "usage: countersign cps-tables [--json] [-f FILE]\n"
    "\n"
    "Prints what a practice statement says in tables, as the configuration\n"
    "has it: names in CAA records, profiles, key types, signature algorithms,\n"
    "lists and OCSP, proofs of a key's compromise, how long records are kept,\n"
    "which rules are switched off.  No database and no key is needed.\n"
    "\n"
    "  --json             the same as one JSON object\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
print_tables(const struct conf *conf, bool json)
{
	struct job j;
	struct buf b;
	int result;

	job_init(&j, NULL, conf);
	buf_init(&b, j.arena, TABLES_MAX);
	result = cps_tables_format(&j, json, &b);
	if (result < 0)
		command_fail("%s", j.err.text);
	else
		fputs(b.p, stdout);
	job_done(&j);
	return result;
}

int
cmd_cps_tables(int argc, char **argv)
{
	const char *config = COMMAND_DEFAULT_CONFIG;
	bool json = false;
	const struct command_option options[] = { { "json", &json, NULL },
		{ NULL, NULL, NULL } };
	struct arena *keep;
	const struct conf *conf;
	int result;

	if (command_parse(argc, argv, usage, options, &config, 0) < 0)
		return EXIT_FAILURE;
	log_open("command", LOG_LEVEL_ERROR);
	keep = arena_new();
	result = conf_load(keep, config, conf_report_stderr, NULL, &conf);
	if (result == 0)
		result = print_tables(conf, json);
	arena_free(keep);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
