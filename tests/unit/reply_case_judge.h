/*
 * The verdict on a reply that is data (tests/unit/reply_case.h).
 *
 *	reply_case_judge()   the whole way, as an arriving reply goes it
 *	reply_case_judge_by()  the same, asking a resolver of the caller
 */
#ifndef TESTS_UNIT_REPLY_CASE_JUDGE_H
#define TESTS_UNIT_REPLY_CASE_JUDGE_H

#include "tests/unit/reply_case.h"

/* `raw` instead of the case's own message. */
void reply_case_judge(struct job *j, struct reply_case *c, struct span raw,
    enum conf_coverage grade, struct reply *out);
/* It answers with the records of the case, which must outlive it. */
struct resolver *reply_case_resolver(struct reply_case *c);
/* Not for cases of one signature (dkim_domain). */
void reply_case_judge_by(struct job *j, const struct reply_case *c,
    struct span raw, const struct reply_policy *policy,
    struct resolver *resolver, struct reply *out);

#endif
