#include "config.h"

#include "tests/unit/reply_case_judge.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/unit.h"

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct reply_case *c = ctx;

	assert_int_equal(type, DNS_TYPE_TXT);
	c->queries++;
	memset(out, 0, sizeof(*out));
	out->name = out->canonical = arena_strdup(j->arena, name);
	out->status = c->dns == DNS_OK ? DNS_NXDOMAIN : c->dns;
	out->secure = !c->is_insecure;
	out->ttl = 300;
	out->rdata =
	    arena_calloc(j->arena, CASE_RECORDS_MAX, sizeof(struct span));
	for (size_t i = 0; c->dns == DNS_OK && i < c->record_count; i++) {
		if (!span_caseeq_str(span_str(c->records[i].name), name))
			continue;
		out->status = DNS_OK;
		out->rdata[out->count++] = lab_rdata(j, c->records[i].text);
	}
	return 0;
}

/* Without the rules for replies: the finding is that of the signature. */
static void
judge_signature(struct job *j, struct reply_case *c, struct span raw,
    struct resolver *resolver, struct reply *out)
{
	const struct message_limits limits = { c->policy.message_max };
	const struct dkim_policy policy = { .coverage = CONF_COVERAGE_CORE,
		.sent_at = c->expect.sent_at };

	memset(out, 0, sizeof(*out));
	out->decided = true;
	if (message_parse(j, raw, &limits, &out->message, &out->finding) < 0)
		return;
	assert_int_equal(dkim_verify(j, &out->message, c->dkim_domain,
			     c->arrival, &policy, resolver, &out->dkim),
	    0);
	out->finding = out->dkim.finding;
}

struct resolver *
reply_case_resolver(struct reply_case *c)
{
	return resolver_new_custom(query, c);
}

void
reply_case_judge_by(struct job *j, const struct reply_case *c, struct span raw,
    const struct reply_policy *policy, struct resolver *resolver,
    struct reply *out)
{
	j->now = c->now;
	assert_int_equal(reply_open(j, raw, c->arrival, policy, out), 0);
	assert_int_equal(reply_judge(j, out, &c->expect, policy, resolver), 0);
	assert_true(out->decided);
}

void
reply_case_judge(struct job *j, struct reply_case *c, struct span raw,
    enum conf_coverage grade, struct reply *out)
{
	struct resolver *resolver = reply_case_resolver(c);
	struct reply_policy policy = c->policy;

	policy.coverage = grade;
	c->queries = 0;
	j->now = c->now;
	if (c->dkim_domain != NULL)
		judge_signature(j, c, raw, resolver, out);
	else
		reply_case_judge_by(j, c, raw, &policy, resolver, out);
	resolver_free(resolver);
}
