/*
 * Is a row of a certificate the issuer's own?  Whoever may write rows can put
 * anything there; a status is signed only for what carries the issuer's seal
 * (src/evidence.h) or the CA's signature.
 */
#ifndef SRC_STATUS_PROOF_H
#define SRC_STATUS_PROOF_H

#include "pki/certview.h"

#include <stdbool.h>
#include <stdint.h>

struct cert;
struct conf_issuer;
struct issuer;
struct job;

/*
 * Needs id, order_id, serial, signature_alg, tbs, evidence and der (empty if
 * not asked for).  What the certificate itself says, or -1 ERR_UNAUTHORIZED.
 */
int status_prove(const struct issuer *i, struct job *j, const struct cert *c,
    struct certview *out);

/*
 * The same of whatever the row holds, whose number may be another one than the
 * row's: its tbs, or where that is not the issuer's its der.  1 and what the
 * certificate says, or 0.
 */
int status_prove_contents(const struct issuer *i, struct job *j,
    const struct cert *c, struct certview *out);

/* PK-155: the list that the certificate names is that of this shard, by the
 * URLs of this CA; false of a number that is none. */
bool status_names_shard(struct job *j, const struct conf_issuer *ca,
    const struct certview *view, int64_t shard);

/* The reason in a revoked row, or 0 with an alarm where it is none that a list
 * may have (PK-158): the certificate is revoked all the same, and whoever can
 * write one row does not keep the others' revocations from being published. */
int status_reason(const char *serial, int64_t reason);

#endif
