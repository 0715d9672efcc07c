/* Checks of the options that say how the roles log in at the database. */
#ifndef SRC_CONF_LOGIN_H
#define SRC_CONF_LOGIN_H

#include "src/conf_check.h"

/* Reports each mistake, as conf_check(). */
void conf_login_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx);

#endif
