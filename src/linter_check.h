/* Does each linter judge a sample (PK-140)?  For `countersign check`. */
#ifndef SRC_LINTER_CHECK_H
#define SRC_LINTER_CHECK_H

#include "src/lint_frame.h"

struct conf;

typedef void linter_check_fn(void *ctx, const struct lint_answer *a);

/*
 * Asks each linter about one of each kind that it judges, and tells of each
 * once that it answered, and once that it did not: which findings it has does
 * not matter.  Of one that could not be asked, since there is no list yet,
 * nothing is told.  0, or -1.
 */
int linter_check(struct job *j, linter_check_fn *tell, void *ctx);

/* What this CA signs or publishes and no linter judges (PK-136, PK-141):
 * "crl, ocsp"; NULL: nothing. */
const char *linter_check_left(struct arena *a, const struct conf *c);

#endif
