#include "config.h"

#include "src/command.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "src/conf_file.h"
#include "src/database.h"

#include <assert.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
command_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("countersign: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

int
command_misused(const char *usage)
{
	fputs(usage, stderr);
	return -1;
}

/* What getopt_long() returns for the first of a command's own. */
#define OWN 256

int
command_parse(int argc, char **argv, const char *usage,
    const struct command_option *options, const char **config, int arguments)
{
	struct option list[COMMAND_OPTIONS_MAX + 3] = {
		{ "config", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
	};
	int c;

	*config = COMMAND_DEFAULT_CONFIG;
	for (int i = 0; options[i].name != NULL; i++) {
		assert(i < COMMAND_OPTIONS_MAX);
		list[i + 2] = (struct option){ options[i].name,
			options[i].text != NULL ? required_argument
						: no_argument,
			NULL, OWN + i };
	}
	while ((c = getopt_long(argc, argv, "f:h", list, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (c == 'f')
			*config = optarg;
		else if (c < OWN)
			return -1; /* getopt_long() has said it */
		/* What a shell makes of a variable that is not set must not be
		 * taken for "of any". */
		else if (options[c - OWN].text != NULL && optarg[0] == '\0') {
			command_fail("--%s: an empty text; leave the option "
				     "out, or say which",
			    options[c - OWN].name);
			return -1;
		} else if (options[c - OWN].text != NULL)
			*options[c - OWN].text = optarg;
		else
			*options[c - OWN].flag = true;
	}
	if (arguments >= 0 && argc - optind != arguments)
		return command_misused(usage);
	return 0;
}

int
command_open(struct command *c, const char *config)
{
	struct store_login login;

	*c = (struct command){ .keep = arena_new() };
	log_open("command", LOG_LEVEL_WARNING);
	if (conf_load(c->keep, config, conf_report_stderr, NULL, &c->conf) <
	    0) {
		arena_free(c->keep);
		return -1;
	}
	job_init(&c->job, NULL, c->conf);
	if (database_login(&c->job, DATABASE_OWNER, &login) < 0 ||
	    store_open_as(&c->job, &login, &c->store) < 0) {
		command_fail("%s", c->job.err.text);
		command_close(c);
		return -1;
	}
	c->job.store = c->store;
	return 0;
}

const char *
command_operator(struct job *j)
{
	const char *name = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw;

	if (name != NULL && name[0] != '\0')
		return arena_printf(j->arena, "operator:%s", name);
	pw = getpwuid(getuid());
	if (pw != NULL)
		return arena_printf(j->arena, "operator:%s", pw->pw_name);
	return arena_printf(j->arena, "operator:uid %u", (unsigned)getuid());
}

void
command_close(struct command *c)
{
	job_done(&c->job);
	store_close(c->store);
	arena_free(c->keep);
}
