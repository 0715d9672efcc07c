/*
 * For the tests of the issuer over the order of tests/unit/role_lab.h:
 *
 *	issuer_lab_init(&lab, j, lab_ca("p256"));
 *	issuer_lab_prove(&lab);
 *	role_lab_request_take(&lab, csr);
 *	issuer_lab_run(&lab);
 */
#ifndef TESTS_UNIT_ISSUER_LAB_H
#define TESTS_UNIT_ISSUER_LAB_H

#include "tests/unit/role_lab.h"

struct ca;

/* Nothing is left of another test of the same process. */
void issuer_lab_clean(struct job *j);
/* One list, not made yet; certificates of a year. */
void issuer_lab_conf(struct job *j, struct conf_issuer *conf);
/* As role_lab_init(); the order is of the multipurpose profile. */
void issuer_lab_init(struct role_lab *lab, struct job *j, const struct ca *ca);
/* From the mail to the CAA checks: only the CSR is missing. */
void issuer_lab_prove(struct role_lab *lab);
/* Lists and orders, until there is nothing to do. */
void issuer_lab_run(struct role_lab *lab);

/* All of that: a certificate as the issuer makes it, for this mailbox. */
#define ISSUER_LAB_MAILBOX "mailbox0@example.org"
struct cert issuer_lab_issue(struct role_lab *lab, struct job *j);
/* The only certificate, which is this one, is for something else than mail. */
void issuer_lab_spoil_purpose(struct job *j, struct span der);

#endif
