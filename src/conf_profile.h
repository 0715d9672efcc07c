/* The profiles of the configuration, and the lints that it tolerates. */
#ifndef SRC_CONF_PROFILE_H
#define SRC_CONF_PROFILE_H

#include "src/conf_check.h"

/* Makes conf->own_profiles of the sections `profile`; reports each mistake as
 * conf_check() does. */
void conf_profiles_make(
    struct arena *a, struct conf *c, conf_check_fn *report, void *ctx);

/* The sections `allow_lint` (PK-139). */
void conf_allow_lints_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx);

#endif
