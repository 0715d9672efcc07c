/*
 * The parent of the linters (PK-140): a process that the supervisor starts
 * where there are sections `linter`.  It holds no key and no connection, has
 * no network, reads only programs and libraries, and writes no file.  For each
 * question it starts every linter at once, and answers as each ends
 * (src/lint_frame.h).
 */
#ifndef SRC_ROLE_LINTER_H
#define SRC_ROLE_LINTER_H

#include <sys/types.h>

struct bare_start;
struct job;

/* `countersignd --role linter`: until it is told to end; the exit status. */
int linter_main(const struct bare_start *start, int fd);

/* A parent of one's own, for commands: 0 with its id and our end, or -1. */
int linter_start(struct job *j, pid_t *pid, int *fd);
/* Ends it.  -1 for fd: there is none. */
void linter_stop(pid_t pid, int fd);

#endif
