/*
 * Asks a linting service on the loopback (PK-140; src/lint_url.h,
 * pki/pkimetal.h), in a process of its own that ends afterwards.
 */
#ifndef SRC_LINT_SERVICE_H
#define SRC_LINT_SERVICE_H

#include "src/lint_frame.h"

struct conf_linter;

/*
 * 0 with the version, the findings and the output of *a, or -1: no verdict.
 * Once the connection is made the process gives up to make others, before it
 * has read anything that the service says.
 */
int lint_service_ask(struct job *j, const struct conf_linter *l,
    const struct lint_question *q, struct lint_answer *a);

#endif
