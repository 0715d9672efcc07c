/*
 * Does a certificate's row say what the certificate says (PK-188)?  Lists,
 * answers, blocked keys and the end of all of them go by the row: one that says
 * otherwise is found when it is looked at, not when somebody revokes and the
 * revocation is on no list (L-62).
 *
 * It is no fault of the certificate, and no incident: it is told, and recorded
 * with the row's id.
 */
#ifndef SRC_RECHECK_ROW_H
#define SRC_RECHECK_ROW_H

struct cert;
struct certview;
struct issuer;
struct job;

/* `view` is of c->der.  Outside of a transaction: 0, or -1. */
int recheck_row(const struct issuer *i, struct job *j, const struct cert *c,
    const struct certview *view);

#endif
