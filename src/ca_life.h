/*
 * How long the issuing CA can issue: no certificate ends after its own, so that
 * it is over as long before that end as certificates are valid.
 */
#ifndef SRC_CA_LIFE_H
#define SRC_CA_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct job;

/* So long before, there is a warning: a ceremony wants to be prepared. */
#define CA_LIFE_WARN_SECS (INT64_C(90) * 86400)

/* Of a CA whose certificate ends then: what to do, or NULL.  *is_over: orders
 * of the longest profile that is offered are refused already. */
const char *ca_life_advice(struct job *j, int64_t not_after, bool *is_over);

#endif
