/*
 * CAs that were left behind: their lists were made here, certificates of
 * theirs are valid still, and no section of the configuration names them any
 * more.  Nobody makes their lists and answers, and none of their certificates
 * can be revoked (PK-156).
 */
#ifndef SRC_CA_LEFT_H
#define SRC_CA_LEFT_H

#include <stddef.h>

#include "db/store_crl.h"

#define CA_LEFT_MAX 32

/* Those that are not among the labels in `known`, as many as there is room
 * for: 0, or -1. */
int ca_left_find(struct job *j, const char *const *known, size_t known_count,
    struct ca_end out[CA_LEFT_MAX], size_t *count);
/* What is wrong with it, and what to do. */
const char *ca_left_text(struct job *j, const struct ca_end *e);

#endif
