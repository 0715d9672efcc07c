#include "config.h"

#include "src/agent_answer.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/version.h"

/* Between caa_check() and the resolver: notes each step, keeps the time. */
struct witness {
	struct resolver *resolver;
	int64_t deadline_ms;
	struct agent_answer *out;
};

struct caa_policy
agent_policy(const struct conf_list *ca)
{
	return (struct caa_policy){ .issuer_domains = ca };
}

static int
look_up(struct witness *w, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	int64_t left = w->deadline_ms - clock_mono_ms();

	if (left > 0) {
		resolver_set_total(w->resolver, left);
		return resolver_query(w->resolver, j, name, type, out);
	}
	*out = (struct dns_answer){ .status = DNS_TEMPORARY,
		.name = name,
		.canonical = name,
		.why = "the time is over" };
	return 0;
}

/* A name that is asked again has one step: what came of it in the end. */
static void
note(struct agent_answer *a, const struct dns_answer *step)
{
	size_t i = 0;

	while (i < a->step_count && strcmp(a->steps[i].name, step->name) != 0)
		i++;
	if (i == AGENT_STEPS_MAX)
		return;
	a->steps[i] = *step;
	if (i == a->step_count)
		a->step_count++;
}

static int
witnessed(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct witness *w = ctx;

	if (look_up(w, j, name, type, out) < 0)
		return -1;
	note(w->out, out);
	return 0;
}

static void
release(void *r)
{
	resolver_free(r);
}

static int
answer_caa(struct job *j, struct witness *w, const struct agent_request *q,
    struct agent_answer *out)
{
	struct resolver *noted =
	    arena_own(j->arena, resolver_new_custom(witnessed, w), release);
	const struct caa_policy policy = agent_policy(&q->ca);
	struct caa_decision d;

	if (strcmp(q->method, "email-reply-00") != 0)
		return job_fail(j, ERR_MALFORMED,
		    "method: only email-reply-00 is known here");
	out->has_caa = true;
	out->steps =
	    arena_calloc(j->arena, AGENT_STEPS_MAX, sizeof(*out->steps));
	if (caa_check(j, noted, q->caa_domain, q->account_url, &policy, &d) < 0)
		return -1;
	out->caa_decision = caa_result_name(d.result);
	out->caa_reason = d.reason;
	return 0;
}

int
agent_answer(struct job *j, struct resolver *resolver,
    const struct agent_request *q, struct agent_answer *out)
{
	struct witness w = { resolver, clock_mono_ms() + AGENT_WORK_MS, out };

	*out = (struct agent_answer){ .id = q->id,
		.code = j->conf->agent.code,
		.version = PACKAGE_VERSION " SBR " PKI_SBR_VERSION };
	if (q->dkim_domain != NULL) {
		out->has_dkim = true;
		if (look_up(&w, j,
			arena_printf(j->arena, "%s._domainkey.%s",
			    q->dkim_selector, q->dkim_domain),
			DNS_TYPE_TXT, &out->dkim) < 0)
			return -1;
	}
	if (q->mx_domain != NULL) {
		out->has_mx = true;
		if (look_up(&w, j, q->mx_domain, DNS_TYPE_MX, &out->mx) < 0)
			return -1;
	}
	return q->caa_domain != NULL ? answer_caa(j, &w, q, out) : 0;
}
