/*
 * Others' linters in a ceremony (PK-136, PK-141): there are no roles, so their
 * parent is started beside it, before a key is opened, and has none.
 */
#ifndef SRC_CA_LINTERS_H
#define SRC_CA_LINTERS_H

#include <sys/types.h>

#include "pki/linter.h"

struct arena;
struct conf;

struct ca_linters {
	struct arena *keep;
	const struct conf *conf; /* NULL: there are none */
	pid_t pid;
	int fd;
};

/* Reads the sections linter and allow_lint of the file and starts their parent:
 * 0, or -1, the mistakes in the file on standard error. */
int ca_linters_open(struct job *j, const char *file, struct ca_linters *out);
void ca_linters_close(struct ca_linters *l);

/* A ceremony_lint (pki/ceremony.h); the context is a struct ca_linters. */
int ca_linters_ask(void *context, struct job *j, enum lint_object what,
    struct span der, const char **line, const char **report);

#endif
