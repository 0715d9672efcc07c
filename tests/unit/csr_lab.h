/*
 * For the tests of certificate requests: a good one for alice@example.com, to
 * be changed, and whether it is accepted.
 */
#ifndef TESTS_UNIT_CSR_LAB_H
#define TESTS_UNIT_CSR_LAB_H

#include "pki/csr.h"
#include "tests/unit/pki_lab.h"

/* alice@example.com, for whom the policy is. */
extern const char *const csr_lab_mailboxes[1];
extern const struct csr_policy csr_lab_policy;

struct lab_csr csr_lab_good(struct job *j);
void csr_lab_accepts(struct job *j, const struct lab_csr *c);
/* For a reason that has this part; the error is forgotten. */
void csr_lab_refuses(struct job *j, const struct lab_csr *c, const char *part);

#endif
