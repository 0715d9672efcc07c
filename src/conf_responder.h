/* What the section responder may say: where the key of live OCSP answers is. */
#ifndef SRC_CONF_RESPONDER_H
#define SRC_CONF_RESPONDER_H

#include "src/conf_check.h"

/* PK-177: a token slot of its own. */
void conf_responder_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx);

#endif
