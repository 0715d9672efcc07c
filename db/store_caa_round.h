/*
 * Attempts of a CAA check that were followed by another one (PK-17, PK-55): a
 * name server was ill, or too few perspectives answered.  What they found does
 * not decide anything; it is kept beside the check, and goes with it.
 */
#ifndef DB_STORE_CAA_ROUND_H
#define DB_STORE_CAA_ROUND_H

#include "db/store_caa.h"

/* More than the validator makes of one check. */
#define CAA_ROUNDS_MAX 8

/*
 * As `c` has it, with its seal (evidence_seal_caa_round()): in the caller's
 * transaction.  One attempt is stored once; beyond CAA_ROUNDS_MAX nothing is.
 */
int store_caa_round_add(struct job *j, const struct caa_row *c);
/* Those of that check, in their order: rows of the check, with what the attempt
 * found.  0 or -1. */
int store_caa_rounds(struct job *j, const struct caa_row *check,
    struct caa_row **out, size_t *count);

#endif
