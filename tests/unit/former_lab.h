/*
 * For the tests of a former CA: an issuer whose CA is the laboratory's "p256",
 * and "p384" before, which has issued a certificate.
 */
#ifndef TESTS_UNIT_FORMER_LAB_H
#define TESTS_UNIT_FORMER_LAB_H

#include "lib/conf.h"
#include "src/role_issuer.h"

/* The number of that certificate. */
#define FORMER_LAB_NUMBER "010203"

struct former_lab {
	struct job *j;
	struct conf conf;
	struct conf_former former;
	struct issuer issuer;
	const struct ca *old; /* the former CA */
	const char *cert;     /* its certificate */
};

/* The certificate ends then; the former CA has answers, or only a list. */
void former_lab_init(
    struct former_lab *lab, struct job *j, int64_t not_after, bool ocsp);
void former_lab_end(struct former_lab *lab);

/* The issuer's work, all of it: its own lists, and the former CA's. */
void former_lab_run(struct former_lab *lab);

/* The issuer, started again with the section as it is now. */
int former_lab_start_again(struct former_lab *lab, struct issuer *again);

/* What countersign check says of it. */
const char *former_lab_check(struct former_lab *lab);

#endif
