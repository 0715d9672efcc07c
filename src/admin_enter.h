/*
 * An admin gives a command (PK-206): both factors are fetched, looked at, and
 * forgotten again, before the command begins and may start other programs.
 */
#ifndef SRC_ADMIN_ENTER_H
#define SRC_ADMIN_ENTER_H

#include "src/admin_login.h"

struct admin_options;

/*
 * `by` is who runs the command as far as the system knows.  0 and the role of
 * options->name; -1 with the job's error.  All that is secret lives in a job of
 * its own and is wiped with it.
 */
int admin_enter(struct job *j, const struct admin_options *options,
    const struct act_row *act, const struct command_line *line, const char *by,
    enum admin_role *role);

#endif
