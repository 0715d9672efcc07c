/*
 * For the tests of issuing and of the lints: what a certificate is made of.
 */
#ifndef TESTS_UNIT_ISSUE_LAB_H
#define TESTS_UNIT_ISSUE_LAB_H

#include "pki/csr.h"
#include "pki/issue.h"

/* The input for a mailbox list and a key of this usage (as in lab_csr), in a
 * profile or in LAB_PROFILE; the CSR is made for it and read into `csr`, which
 * has to live as long.  Valid for 365 days from the job's time. */
struct issue_input issue_lab_input_for(struct job *j,
    const struct profile *profile, EVP_PKEY *key, int usage,
    const char *const *mailboxes, size_t count, struct csr *csr);
struct issue_input issue_lab_input(struct job *j, EVP_PKEY *key, int usage,
    const char *const *mailboxes, size_t count, struct csr *csr);

#endif
