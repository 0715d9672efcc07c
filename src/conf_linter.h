/* The sections `linter` (PK-140). */
#ifndef SRC_CONF_LINTER_H
#define SRC_CONF_LINTER_H

#include "src/conf_check.h"

/* Reports each mistake, as conf_check(). */
void conf_linters_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx);

/* Of "zlint:w_some_lint" the linter zlint, if the rest could be the name of a
 * lint; or NULL. */
const struct conf_linter *conf_linter_of_lint(
    const struct conf *c, const char *lint);

#endif
