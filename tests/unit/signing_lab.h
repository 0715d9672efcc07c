/*
 * For the tests of signing: the laboratory's CA with a key that does what the
 * test says, and an order that waits for the issuer.
 */
#ifndef TESTS_UNIT_SIGNING_LAB_H
#define TESTS_UNIT_SIGNING_LAB_H

#include "db/store_cert.h"
#include "pki/ca.h"
#include "tests/unit/role_lab.h"

/* What a signature of a certificate comes to; STOPS: it is good, and issuance
 * is stopped before anybody else knows of it. */
enum signing_mode { SIGNS, FAILS, AWAY, FLIPS_A_BIT, STOPS };

/* The token: from a signature that was AWAY until a test brings it back. */
extern bool signing_lab_is_away;

/* The CA "p256" with that key. */
extern struct ca signing_lab_ca;

/* What the next ones come to; those after them are good. */
void signing_lab_next(const enum signing_mode *list, size_t n);

/* An order that waits for the issuer. */
void signing_lab_wait(struct role_lab *lab, struct job *j);

/* The order's row as it is now. */
struct cert signing_lab_cert(struct role_lab *lab);

/* The order has neither its certificate nor an error. */
void signing_lab_expect_processing(struct role_lab *lab);

/* The same, with nothing left of the test before. */
void signing_lab_begin(struct role_lab *lab, struct job *j);

#endif
