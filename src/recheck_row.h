/*
 * Does a certificate's row say what the certificate says (PK-188)?  Lists,
 * answers, blocked keys and the end of all of them go by the row: one that says
 * otherwise is found when it is looked at, not when somebody revokes and the
 * revocation is on no list (L-62).
 *
 * It is no fault of the certificate, and no incident.  A wrong crl_url of a
 * former CA contradicts each of its certificates: the log tells of the first
 * ones of a walk by their ids, and of how many they were at its end, as the
 * audit.
 */
#ifndef SRC_RECHECK_ROW_H
#define SRC_RECHECK_ROW_H

struct cert;
struct issuer;
struct job;
struct recheck;

/* Counts it in r->spoiled if it does not. */
void recheck_row(const struct issuer *i, struct job *j, const struct cert *c,
    struct recheck *r);
/* At the end of the walk, in its transaction: 0, or -1. */
int recheck_row_sum(struct job *j, const struct recheck *r);

#endif
