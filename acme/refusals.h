/*
 * Several things refused at once: one problem document whose subproblems say
 * what is wrong with each (AC-69, AC-91).
 */
#ifndef ACME_REFUSALS_H
#define ACME_REFUSALS_H

#include "lib/err.h"
#include "lib/json.h"

struct job;
struct response;

struct refusals {
	struct buf list; /* the subproblems, without the brackets */
	struct json_out out;
	struct err first;
	size_t count;
	bool mixed;    /* not all of one type */
	bool rejected; /* one of them is rejectedIdentifier */
};

void refusals_init(struct refusals *r, struct job *j);
/* The job's error becomes a subproblem and is forgotten.  `type` and `value`
 * are the identifier as sent, or NULL. */
void refusals_add(struct refusals *r, struct job *j, const struct span *type,
    const struct span *value);
/*
 * 0 if there was none.  Else the job's error is the only one's, or one for
 * all with this text; -1.
 */
int refusals_end(struct refusals *r, struct job *j, struct response *resp,
    const char *several);

#endif
