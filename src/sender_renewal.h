/*
 * The sender's notices that a certificate can be renewed (PK-191), for
 * mailboxes whose holders must answer a mail again: one for each certificate
 * and mailbox, when the renewal window opens.
 */
#ifndef SRC_SENDER_RENEWAL_H
#define SRC_SENDER_RENEWAL_H

#include <stdint.h>

struct job;

/* Looks at the next certificate that is due, in a transaction of its own: 1
 * done, by this process or another, 0 nothing due, -1 failed (job's error; try
 * later). */
int sender_renewal_step(struct job *j);
/* When the next one is: 1 and *at, 0, -1. */
int sender_renewal_next_due(struct job *j, int64_t *at);
/* Is the notice still to be sent?  A certificate may have been replaced since
 * it was queued: 1, 0, -1. */
int sender_renewal_is_wanted(
    struct job *j, const char *cert_id, const char *mailbox);

#endif
