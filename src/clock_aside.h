/*
 * The way out after the service ran and signed under a clock that was far ahead
 * (PK-147): what is of a moment to come is set aside, once, by one act, and
 * what was signed then is revoked.
 */
#ifndef SRC_CLOCK_ASIDE_H
#define SRC_CLOCK_ASIDE_H

#include "db/store_clock.h"

struct clock_aside {
	struct clock_ahead ahead;   /* what there was */
	struct clock_marked marked; /* numbers and lists that were set aside */
	bool is_asked;        /* only that: another admin has to confirm it */
	const char *incident; /* that revokes what was signed; NULL: nothing */
	int64_t certificates; /* of it */
	size_t authz;         /* proofs that hold no more */
};

/*
 * `moment` must be that of the newest number or list, and nothing else is set
 * aside than what there is now.  In public mode, and where there are two admins
 * of whom one is an approver, the first one asks, giving a reason, and another
 * confirms it within a day.  0; -1 ERR_CONFLICT for another moment,
 * ERR_UNAUTHORIZED, ERR_MALFORMED without a reason.
 */
int clock_set_aside(
    struct job *j, int64_t moment, const char *reason, struct clock_aside *out);

#endif
