/*
 * Problem reports (PK-184): when what is due, and those that are opened without
 * a person.
 */
#ifndef ACME_REPORT_H
#define ACME_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "db/store_key.h"

struct cert;
struct job;
struct key_proof;
struct report;
struct revoked_sum;

/* From when it came: the preliminary answer, and the decision too, since the
 * deadline of what must be revoked may not be later. */
#define REPORT_ANSWER_SECS ((int64_t)24 * 3600)

/* After `now`: 12 hours after it came, 24 hours, then every day. */
int64_t report_next_alarm(int64_t received_at, int64_t now);

/* Stores it with its first alarm, and an audit record, in the caller's
 * transaction; sets its number. */
int report_enter(struct job *j, struct report *r);

/* The key that was proven, as the store looks for it: points into *p. */
struct key_hash report_proof_key(const struct key_proof *p);

/*
 * PK-77, PK-181, PK-184: somebody has proven that a key is compromised.  Stores
 * the report with its proof, blocks the key for everybody and revokes every
 * unexpired certificate with it as revoke_key() does; sets its number.
 * Reporter, received_at, entered_by and alarm_at are the caller's.
 */
int report_enter_proof(struct job *j, const struct key_proof *p,
    struct report *r, struct revoked_sum *revoked);

/*
 * PK-181: the account of this certificate, which has just gone, calls its key
 * compromised.  What else has the key is for the operator to judge: a report,
 * unless nothing has it, or one about the key is open.
 */
int report_open_for_key(
    struct job *j, const struct cert *c, const char *account_id);

#endif
