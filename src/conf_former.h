/* The sections `former_ca` (PK-156, src/former.h). */
#ifndef SRC_CONF_FORMER_H
#define SRC_CONF_FORMER_H

#include "src/conf_check.h"

/* Reports each mistake as conf_check() does. */
void conf_former_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx);

#endif
