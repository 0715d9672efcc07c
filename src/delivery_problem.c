#include "config.h"

#include "src/delivery_problem.h"

#include "acme/problem.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "mail/status_words.h"

static const char *
connection(
    struct job *j, const char *what, const char *code, const char *reason)
{
	const char *why = reason != NULL ? reason : status_explain(j, code);

	return problem_format(
	    j, ERR_CONNECTION, arena_printf(j->arena, "%s: %s", what, why));
}

const char *
delivery_failed(
    struct job *j, const char *mailbox, const char *code, const char *reason)
{
	if (reason == NULL && status_is_no_exchanger(code))
		return problem_format(j, ERR_DNS,
		    arena_printf(j->arena, "no mail exchanger for %s",
			addr_domain_of(mailbox)));
	return connection(
	    j, "the challenge mail could not be delivered", code, reason);
}

const char *
delivery_delayed(struct job *j, const char *code, const char *reason)
{
	return connection(
	    j, "delivery of the challenge mail is delayed", code, reason);
}
