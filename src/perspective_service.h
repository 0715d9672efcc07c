/*
 * A service that asks the perspectives (mpic-open-api.md 1): how it is asked,
 * and what its answer says of each of them.
 */
#ifndef SRC_PERSPECTIVE_SERVICE_H
#define SRC_PERSPECTIVE_SERVICE_H

#include "src/corroborate.h"
#include "src/perspective_exchange.h"

struct conf_open_mpic;

/* One call: of asked, who calls says for which check and how many
 * perspectives. */
struct service_question {
	struct exchange_target to;
	struct open_mpic_request asked;
	const char *request;
};
/* The rest of it, in the job's arena: 0, or -1: its key cannot be read, or the
 * question is too long. */
int service_ask(struct job *j, const struct conf_open_mpic *s,
    const struct question *q, struct service_question *out);

/* To each of the round's perspectives, what came of this call is added: an
 * answer, or nothing. */
void service_silence(struct round *r, enum open_mpic_check check,
    const char *why, bool is_alarming);
void service_take(struct job *j, const struct exchange *x,
    const struct service_question *asked, const struct question *q,
    struct round *r);

#endif
