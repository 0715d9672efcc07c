/*
 * Runs a program of the admin's (PK-221): absolute path, arguments as
 * configured, no shell, no environment but PATH and LANG, octets on its
 * standard input, an answer of limited size from its standard output, its
 * standard error line by line into the log, and a limit of time, at whose end
 * it is killed with all that it has started.
 */
#ifndef SRC_HOOK_H
#define SRC_HOOK_H

#include "lib/buf.h"

struct conf_list;
struct job;

#define HOOK_TEXT_MAX ((size_t)64 * 1024)
#define HOOK_WORDS_MAX 32 /* program and arguments */

enum hook_end {
	HOOK_EXITED,    /* and *status says how */
	HOOK_KILLED,    /* by a signal that was not ours */
	HOOK_TOO_LATE,  /* killed at the limit */
	HOOK_TOO_MUCH,  /* killed at HOOK_TEXT_MAX */
	HOOK_NOT_BEGUN, /* no such program, or it may not be run */
};
/* "ended by a signal", for the log. */
const char *hook_end_text(enum hook_end end);

struct hook_run {
	enum hook_end end;
	int status;         /* exit status */
	struct span output; /* in the job's arena */
};

/* 0, or -1 ERR_BUSY where the machine lacks what it takes. */
int hook_run(struct job *j, const struct conf_list *command, int64_t timeout_ms,
    struct span input, struct hook_run *out);

/* For one that judges what strangers wrote (PK-140): no more memory than this,
 * no files that it writes, no core, and calls_leash(). */
struct hook_bounds {
	int64_t timeout_ms;
	int64_t memory; /* octets of address space, for each process */
};
int hook_run_bounded(struct job *j, const struct conf_list *command,
    const struct hook_bounds *bounds, struct span input, struct hook_run *out);

#endif
