/*
 * Files with keys and passwords that a role could read whose they are not
 * (PK-202).  All roles run as one user: what keeps a file from the others is
 * that it belongs to root and is read before the rights of root are given up,
 * or else that Landlock refuses it.
 */
#ifndef SRC_KEY_FILES_H
#define SRC_KEY_FILES_H

struct job;

typedef void key_files_fn(void *ctx, const char *message);

/* Reports each, and what to do: how many. */
unsigned key_files_check(struct job *j, key_files_fn *report, void *ctx);

/* In public mode there must be none: 0, or -1 ERR_INTERNAL and each is in the
 * log. */
int key_files_demand(struct job *j);

#endif
