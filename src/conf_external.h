/* The section `external`: issuance by another CA (pki.md section 17). */
#ifndef SRC_CONF_EXTERNAL_H
#define SRC_CONF_EXTERNAL_H

#include "src/conf_check.h"

/* Whose key signs, ours or another CA's, and what that needs; reports each
 * mistake as conf_check() does. */
void conf_external_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx);

#endif
