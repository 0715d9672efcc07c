/*
 * What a clock that was far ahead has left on record, and setting it aside
 * (PK-147): the rows stay as they are, with a mark.
 */
#ifndef DB_STORE_CLOCK_H
#define DB_STORE_CLOCK_H

#include "db/store.h"

/* What the clocks of two machines that share a database may differ by. */
#define CLOCK_TOLERANCE_SECS 60

/* How many are of a moment later than now and that, and not set aside. */
struct clock_ahead {
	int64_t moment;       /* the newest of numbers and lists; 0: none */
	int64_t certs;        /* numbers, signed or not */
	int64_t signed_certs; /* of them, not revoked, not over */
	int64_t lists;
	int64_t answers; /* segments of OCSP answers */
	int64_t authz;   /* proofs of mailboxes that still hold */
	int64_t work;    /* put off by more than a day, or leased so long */
};
int store_clock_ahead(struct job *j, struct clock_ahead *out);

/* Setting aside what is of up to this very moment: who has asked for it. */
struct clock_request {
	const char *asked_by;
	const char *reason;
	int64_t asked_at;
};
/* The rest in the caller's transaction.  1, 0, -1. */
int store_clock_request(
    struct job *j, int64_t moment, struct clock_request *out);
/* Takes the place of one that was not done. */
int store_clock_ask(
    struct job *j, int64_t moment, const char *by, const char *reason);

/*
 * Marks numbers and lists of a moment to come, up to this one, and says how
 * many: those that are marked are what was set aside, whatever is recorded
 * meanwhile.  Numbers that were never signed are revoked, and never will be;
 * segments are due now.  What is signed the caller revokes (struct
 * incident_selector, aside_at), and proofs too.  Keeps who has done it.
 */
struct clock_marked {
	int64_t certs, lists;
	int64_t signed_certs; /* of the numbers: not revoked, not over */
};
int store_clock_set_aside(
    struct job *j, int64_t moment, const char *by, struct clock_marked *out);

#endif
