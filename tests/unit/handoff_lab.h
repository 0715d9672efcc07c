/*
 * For the tests of issuance by another CA: an order that waits for an issuer
 * without key, and the role that calls the other CA (tests/unit/
 * upstream_double.h, until a test sets another).
 */
#ifndef TESTS_UNIT_HANDOFF_LAB_H
#define TESTS_UNIT_HANDOFF_LAB_H

#include "db/store_handoff.h"
#include "src/role_upstream.h"
#include "tests/unit/role_lab.h"

#define HANDOFF_LAB_MAILBOX "mailbox0@example.org"

struct handoff_lab {
	struct role_lab role;
	struct upstream_role upstream;
};

/* An order that is proven and finalized; nothing of the one before is left. */
void handoff_lab_begin(struct handoff_lab *lab, struct job *j);
/* Until nothing is due. */
void handoff_lab_issuer(struct handoff_lab *lab);
void handoff_lab_upstream(struct handoff_lab *lab);
void handoff_lab_all(struct handoff_lab *lab);
/* As they are stored now. */
struct handoff handoff_lab_row(struct handoff_lab *lab);
struct order *handoff_lab_order(struct handoff_lab *lab);
/* It has its certificate; it has ended with this problem type and none. */
void handoff_lab_expect_issued(struct handoff_lab *lab);
void handoff_lab_expect_ended(struct handoff_lab *lab, const char *type);

#endif
