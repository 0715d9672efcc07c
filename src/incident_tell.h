/*
 * Who hears of an incident (PK-185): the mailboxes of its certificates and the
 * contacts of their accounts.  A bite at a time (decision 60): the first when
 * it is opened, and the sender goes on.
 */
#ifndef SRC_INCIDENT_TELL_H
#define SRC_INCIDENT_TELL_H

#include <stdint.h>

struct incident;
struct job;

/* Inside a transaction.  1: there may be more; 0: all are told; -1. */
int incident_tell_within(struct job *j, const struct incident *i);
/* The same in a transaction of its own. */
int incident_tell(struct job *j, const struct incident *i);
/* The sender's: the next ones of any incident: 1, 0, -1; is there one? */
int incident_tell_step(struct job *j);
int incident_tell_due(struct job *j, int64_t *at);

#endif
