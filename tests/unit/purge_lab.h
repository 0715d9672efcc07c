/*
 * For the tests of purging: an issuer with retention periods, certificates
 * whose whole life is in the store, and the clock moved beyond its end.
 */
#ifndef TESTS_UNIT_PURGE_LAB_H
#define TESTS_UNIT_PURGE_LAB_H

#include "db/store_cert.h"
#include "tests/unit/role_lab.h"

#define PURGE_LAB_MAILBOX "mailbox0@example.org"
#define DAY INT64_C(86400)
#define RETENTION (918 * DAY)
#define RETAIN_FINAL (30 * DAY)

/* An issuer of one list, and the first order as role_lab_init() makes it. */
void purge_lab_init(struct role_lab *lab, struct job *j);

/* Everything that the issuer has to do now, but no list: those of years would
 * have to be made. */
void purge_lab_run(struct role_lab *lab);

/* The certificate of the order, whose mailbox is proven. */
struct cert purge_lab_issue(struct role_lab *lab);

/* PK-55: as if there had been an attempt before. */
void purge_lab_round(struct role_lab *lab);

/* The same from the order on: mail, reply, CAA checks, certificate. */
struct cert purge_lab_prove(struct role_lab *lab);

/* How many the table has. */
int64_t purge_lab_rows(struct job *j, const char *table);

/* Fails if a table that an order fills has a row. */
void purge_lab_nothing_left(struct job *j);

/* Audit records about objects of this kind. */
int64_t purge_lab_records(struct job *j, const char *object);

/* The audit chain is whole but for so many purged records. */
void purge_lab_chain_verifies(struct role_lab *lab, int64_t expected_purged);

/* Changes every report; adds one, about nothing. */
void purge_lab_set_report(struct job *j, const char *what);
void purge_lab_add_report(struct job *j);

#endif
