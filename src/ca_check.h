/*
 * For countersign check: what the CAs of the configuration owe the public, and
 * whether it is there (PK-133, PK-156, PK-212).
 */
#ifndef SRC_CA_CHECK_H
#define SRC_CA_CHECK_H

#include "src/remarks.h"

struct job;

/* `text` says what was found or, if it is not ok, what to do. */
typedef void ca_check_fn(
    void *ctx, enum remark level, const char *what, const char *text);

/* With the database open; j->conf is looked at. */
void ca_check(struct job *j, ca_check_fn *tell, void *ctx);

#endif
