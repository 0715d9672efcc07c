/* Scripts that stand for linters (PK-140), in a folder that others may read. */
#ifndef TESTS_UNIT_LINTER_LAB_H
#define TESTS_UNIT_LINTER_LAB_H

#include "lib/conf.h"

struct job;

#define LINTER_LAB_PASS "cat >/dev/null; echo '{\"e_a\":{\"result\":\"pass\"}}'"

/* One more linter of the configuration: a shell script of these lines, which
 * may take `secs`.  Its version is "lab 1.0". */
void linter_lab_add(struct job *j, struct conf *conf, const char *name,
    const char *script, int64_t secs);
/* One that passes if it cannot make a socket: "network". */
void linter_lab_add_network(struct job *j, struct conf *conf);
/* Other lines in its place. */
void linter_lab_change(struct job *j, const char *name, const char *script);
/* "FOLDER/name" */
const char *linter_lab_path(struct job *j, const char *name);
/* For a lint certificate that no script looks into. */
struct span linter_lab_der(void);

#endif
