/*
 * For the tests of certificate status: rows of certificates that carry the
 * issuer's seal, without anybody's order.
 */
#ifndef TESTS_UNIT_STATUS_LAB_H
#define TESTS_UNIT_STATUS_LAB_H

#include "lib/buf.h"

struct ca;
struct cert;
struct job;
struct seal_key;

const struct seal_key *status_lab_seal_key(struct job *j);
/* A TBSCertificate of this CA, number (hex) and validity. */
struct span status_lab_tbs(struct job *j, const struct ca *ca,
    const char *serial, int64_t not_before, int64_t not_after);
/* Sets c->evidence; all that is sealed is there. */
void status_lab_seal(struct job *j, const struct seal_key *key, struct cert *c);

#endif
