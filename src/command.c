#include "config.h"

#include "src/command.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "src/conf_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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
command_open(struct command *c, const char *config)
{
	*c = (struct command){ .keep = arena_new() };
	log_open("command", LOG_LEVEL_WARNING);
	if (conf_load(c->keep, config, conf_report_stderr, NULL, &c->conf) <
	    0) {
		arena_free(c->keep);
		return -1;
	}
	job_init(&c->job, NULL, c->conf);
	if (store_open(&c->job, c->conf->database, &c->store) < 0) {
		command_fail("%s", c->job.err.text);
		command_close(c);
		return -1;
	}
	c->job.store = c->store;
	return 0;
}

void
command_close(struct command *c)
{
	job_done(&c->job);
	store_close(c->store);
	arena_free(c->keep);
}
