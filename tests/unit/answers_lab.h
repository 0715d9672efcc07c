/*
 * For the tests of OCSP answers signed in advance: an issuer whose answers are
 * read as a client reads them.
 */
#ifndef TESTS_UNIT_ANSWERS_LAB_H
#define TESTS_UNIT_ANSWERS_LAB_H

#include "db/store_cert.h"
#include "lib/conf.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"

struct answers_lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	struct status_service *service;
	const char *account;
	unsigned certs;
};

/* With an account and a listener, nothing signed yet. */
void answers_lab_init(struct answers_lab *lab, struct job *j);

void answers_lab_end(struct answers_lab *lab);

/* Reserved and not used yet: answers_lab_record() is what the issuer does once
 * it is signed. */
struct cert answers_lab_cert(struct answers_lab *lab, int64_t not_after);

void answers_lab_record(struct answers_lab *lab, const struct cert *c);

/* Reserved, ready to be answered for, and recorded. */
struct cert answers_lab_issue(struct answers_lab *lab, int64_t not_after);

/* Until nothing is due. */
void answers_lab_run(struct answers_lab *lab);

struct status_result answers_lab_post(
    struct answers_lab *lab, struct span body);

struct status_result answers_lab_get(
    struct answers_lab *lab, struct span der, const char *if_none_match);

/* "good", "revoked 4", "error 6" by OpenSSL, which verifies (L-70, L-75). */
const char *answers_lab_verdict(
    struct answers_lab *lab, struct span request_der, struct span response);

/* By GET and POST, SHA-1 and SHA-256: all agree. */
const char *answers_lab_ask(struct answers_lab *lab, const char *serial);

#endif
