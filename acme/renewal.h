/*
 * Renewal information (RFC 9773, AC-165 to AC-169, PK-190 to PK-193): when a
 * certificate had best be renewed.  Anybody may ask.
 */
#ifndef ACME_RENEWAL_H
#define ACME_RENEWAL_H

#include "acme/request.h"

struct acme;
struct job;

#define RENEWAL_RETRY_AFTER 21600         /* AC-165 */
#define RENEWAL_RETRY_AFTER_INCIDENT 3600 /* PK-193 */
#define RENEWAL_MAX_AGE 3600              /* AC-17: min(3600, Retry-After) */

int renewal_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

struct renewal_facts {
	int64_t not_before;
	int64_t not_after;  /* inclusive */
	int64_t revoked_at; /* 0: not revoked */
	int64_t deadline;   /* of an open incident; 0: in none */
};
struct renewal_window {
	int64_t start;
	int64_t end; /* always after start */
};
/*
 * AC-168: around the end of the second third of the validity.  PK-192: in an
 * incident from now to 12 hours before the deadline; in the past, when that is
 * no more than a day away, or the certificate is revoked.
 */
struct renewal_window renewal_window(
    const struct renewal_facts *f, int64_t now);
/*
 * The same where another CA has signed and suggests a window (PK-220): that one
 * stands for the end of the second third, at least as wide as ours would be,
 * within the validity and ending 14 days before notAfter (PK-191).
 */
struct renewal_window renewal_window_of(const struct renewal_facts *f,
    const struct renewal_window *others, int64_t now);

/* When our own window opens, incidents apart: at which the sender looks first
 * whether somebody must be told (PK-191). */
int64_t renewal_opens_at(int64_t not_before, int64_t not_after);

#endif
