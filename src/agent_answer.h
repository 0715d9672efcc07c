/*
 * What a perspective says to a question (mpic-open-api.md 4): the DNS asked
 * anew, and the decision of CAA with every step to it.
 */
#ifndef SRC_AGENT_ANSWER_H
#define SRC_AGENT_ANSWER_H

#include "dns/agent_form.h"
#include "pki/caa.h"

/* A validator waits for ten seconds (MP-1). */
#define AGENT_WORK_MS 8000

/*
 * By which rules a perspective decides: the strict ones, for the names of the
 * question.  It does not know what else a CA has configured, so who asked
 * decides by its own rules from the steps.
 */
struct caa_policy agent_policy(const struct conf_list *ca);

/* Looks up all that is asked for: 0, or -1 ERR_MALFORMED (a method that is not
 * known here) or ERR_INTERNAL.  After AGENT_WORK_MS no more is asked, and what
 * is missing is DNS_TEMPORARY. */
int agent_answer(struct job *j, struct resolver *resolver,
    const struct agent_request *q, struct agent_answer *out);

#endif
