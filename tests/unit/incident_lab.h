/* Incidents for the tests: the issuer's part of them, without lists. */
#ifndef TESTS_UNIT_INCIDENT_LAB_H
#define TESTS_UNIT_INCIDENT_LAB_H

#include "db/store_cert.h"
#include "db/store_incident.h"

/* issuer_incident_step(); the lists are another CA's. */
int lab_incident_step(struct job *j);
/* It has confirmed all of it. */
void lab_withdraw_all(struct job *j);
struct incident lab_incident(
    struct job *j, const char *id, int64_t reason, int64_t deadline);
/* How many certificates it has. */
int64_t lab_incident_open(
    struct job *j, const struct incident *i, const struct incident_selector *s);
/* A number of a new account that is about to be reserved: id and profile are
 * "racing". */
struct cert lab_racing_cert(struct job *j);

#endif
