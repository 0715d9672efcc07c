/*
 * The ceiling of certificates per hour (PK-204): whoever has taken over
 * another role cannot drain the CA.
 */
#ifndef SRC_CEILING_H
#define SRC_CEILING_H

#include <stdbool.h>
#include <stdint.h>

struct job;

#define CEILING_MINUTES 60

/* Signatures of this process, by minute.  Rows can be made older by others;
 * this cannot. */
struct ceiling {
	int64_t minute[CEILING_MINUTES];
	int64_t count[CEILING_MINUTES];
};

/* One more signature, before it is made, or asked of another CA. */
void ceiling_count(struct ceiling *c, int64_t now);
/* How many in the last hour. */
int64_t ceiling_sum(const struct ceiling *c, int64_t now);

/*
 * Has the last hour had issuer.max_per_hour certificates?  Then all issuance
 * is stopped, which lasts until an admin lifts it with `countersign resume`:
 * 0 and *reached, or -1.
 */
int ceiling_check(const struct ceiling *c, struct job *j, bool *reached);

#endif
