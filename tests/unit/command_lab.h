/*
 * For tests of countersign's commands: a small configuration with the test's
 * database, and what a command says with it.
 */
#ifndef TESTS_UNIT_COMMAND_LAB_H
#define TESTS_UNIT_COMMAND_LAB_H

#include "lib/job.h"

struct command_said {
	int status;
	const char *out, *err; /* of the job's arena */
};

/* The command of this name with -f and these words, up to a NULL. */
struct command_said command_lab_run(struct job *j,
    int (*command)(int argc, char **argv), const char *name,
    const char *const *words);
#define COMMAND_RUN(j, command, ...)                                           \
	command_lab_run(                                                       \
	    j, command, #command, (const char *const[]){ __VA_ARGS__, NULL })

#endif
