/*
 * How long a validator waits for slow name servers while new mail waits: at
 * most a tenth of all time, over some seconds, whatever strangers send.  What
 * a judgement cannot learn in that time is deferred, and judged again at once
 * with all the time that the configuration gives it, one between two looks at
 * new mail.
 *
 *	patience_begin(v);
 *	validator_take(v, …);
 *	patience_end(v, conf);
 */
#ifndef SRC_PATIENCE_H
#define SRC_PATIENCE_H

#include <stdint.h>

struct conf;
struct validator;

/* The longest that one judgement waits for the DNS. */
#define PATIENCE_DNS_MS 1000

struct patience {
	int64_t credit_ms;
	int64_t at_ms; /* when it was counted; 0: never */
	int64_t began_ms;
};

/* For the next judgement; what it took, of the wall clock. */
int64_t patience_left(struct patience *p, int64_t now_ms);
void patience_use(struct patience *p, int64_t ms);

/* Around one judgement: cuts its look-ups short, and lets them be as they
 * are configured again. */
void patience_begin(struct validator *v);
void patience_end(struct validator *v, const struct conf *conf);

#endif
