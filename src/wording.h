/*
 * The texts of our mails as the configuration wants them
 * (mail/texts.h).  They are no secrets: the sender reads them when it has
 * given up its rights, as it must on SIGHUP.
 */
#ifndef SRC_WORDING_H
#define SRC_WORDING_H

#include "mail/texts.h"
#include "src/conf_file.h"

/* 0 and *out, for texts_free(), or -1; each mistake goes to `report`. */
int wording_load(const struct conf *conf, enum texts_kind kind,
    conf_report_fn *report, void *ctx, struct texts **out);
/* Looks only, at all kinds. */
int wording_check(const struct conf *conf, conf_report_fn *report, void *ctx);

#endif
