/*
 * A role that is told to end, because another one with what is new takes its
 * place at once.  For src/supervisor*.c alone.
 */
#ifndef SRC_SUPERVISOR_REPLACE_H
#define SRC_SUPERVISOR_REPLACE_H

#include "src/supervisor_start.h"

/* How long what is told to end may take. */
#define DRAIN_MS 30000

/* With the sections that there are now; NULL: none runs yet. */
void supervisor_replace_linters(struct child *c);
/* SIGHUP, or its end where its password is another one by now. */
void supervisor_tell_role(const struct supervisor *s, struct child *c);
/* It has ended, with this status of waitpid(): was it to be replaced?  Nothing
 * of that is left for the next one, but that it ended in order. */
enum replaced {
	REPLACED_NOT,  /* was not told to end */
	REPLACED_LATE, /* it was, and has not ended in order */
	REPLACED_DONE, /* the next one is to start now */
} supervisor_replaced(struct child *c, int status);
/* Kills what has not ended in time; milliseconds on clock_mono_ms() when
 * somebody's is over, or INT64_MAX. */
int64_t supervisor_replace_due(const struct supervisor *s, int64_t now);

#endif
