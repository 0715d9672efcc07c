/*
 * A service that asks the perspectives (mpic-open-api.md 1): how it is asked,
 * and what its answer says of each of them.
 */
#ifndef SRC_PERSPECTIVE_SERVICE_H
#define SRC_PERSPECTIVE_SERVICE_H

#include "dns/open_mpic_form.h"
#include "src/corroborate.h"
#include "src/perspective_exchange.h"

struct conf_open_mpic;

/* What is sent to it for a round of so many perspectives. */
struct service_question {
	struct exchange_target to;
	struct open_mpic_request asked;
	const char *request;
};
/* In the job's arena: 0, or -1: its key cannot be read, or the question is too
 * long. */
int service_ask(struct job *j, const struct conf_open_mpic *s,
    const struct question *q, size_t n, struct service_question *out);

/* Of each of the round's perspectives, which are all pending. */
void service_take(struct job *j, const struct exchange *x,
    const struct service_question *asked, const struct question *q,
    struct round *r);

#endif
