/* Does each linter judge a sample (PK-140)?  For `countersign check`. */
#ifndef SRC_LINTER_CHECK_H
#define SRC_LINTER_CHECK_H

#include "src/lint_frame.h"

typedef void linter_check_fn(void *ctx, const struct lint_answer *a);

/* Tells of each what it answered to a certificate of nobody's that it is
 * asked about: which findings it has does not matter.  0, or -1. */
int linter_check(struct job *j, linter_check_fn *tell, void *ctx);

#endif
