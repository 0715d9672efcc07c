/*
 * What a practice statement says in tables, printed from the configuration
 * that runs (PK-26, pki.md section 19): statement and certificates cannot say
 * different things.
 */
#ifndef SRC_CPS_TABLES_H
#define SRC_CPS_TABLES_H

#include <stdbool.h>

struct buf;
struct job;

/* As text, or as one JSON object with the same content; of j->conf and the
 * public certificates that it names.  0, or -1. */
int cps_tables_format(struct job *j, bool is_json, struct buf *out);

#endif
