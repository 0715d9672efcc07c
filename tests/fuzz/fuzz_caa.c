/*
 * CAA record sets (PK-32 to PK-42): each record is preceded by its length in
 * one octet.  The sequence of records decides nothing; another property that
 * names nobody never gives a permission and never takes one that rests on
 * issuemail; the trace is JSON.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/caa.h"

#define RECORDS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char account[] = "https://acme.ca.example/acme/account/A";

struct set {
	struct span rdata[RECORDS_MAX + 1];
	size_t count;
};

static int
answer(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct set *s = ctx;

	(void)j;
	(void)type;
	*out = (struct dns_answer){ .status = DNS_OK,
		.name = name,
		.canonical = name,
		.rdata = s->rdata,
		.count = s->count };
	return 0;
}

static enum caa_result
decide(const struct set *s, const struct caa_policy *policy,
    struct caa_decision *d)
{
	*d = (struct caa_decision){ 0 };
	caa_decide(s->rdata, s->count, account, policy, d);
	if (d->reason == NULL || (d->result == CAA_FAIL) ||
	    span_has_control(span_str(d->detail)))
		abort();
	return d->result;
}

static void
check_trace(struct job *j, struct set *s, const struct caa_policy *policy)
{
	struct resolver *r = resolver_new_custom(answer, s);
	const struct json *trace;
	struct caa_decision d;

	if (caa_check(j, r, "b.example", account, policy, &d) < 0 ||
	    json_parse_object(j, span_str(d.trace), "trace", &trace) < 0)
		abort();
	resolver_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *names[] = { "ca.example" };
	const struct conf_list domains = { names, 1 };
	const struct caa_policy policy = { .issuer_domains = &domains,
		.flag1_critical = n & 1 };
	struct caa_decision d;
	struct set s = { .count = 0 };
	struct set reversed;
	struct job j;

	for (size_t at = 0; at < n && s.count < RECORDS_MAX;) {
		size_t len = data[at++];
		if (len > n - at)
			len = n - at;
		s.rdata[s.count++] = span_mem(data + at, len);
		at += len;
	}
	enum caa_result result = decide(&s, &policy, &d);
	bool by_name = strcmp(d.reason, "issuemail") == 0;
	reversed.count = s.count;
	for (size_t i = 0; i < s.count; i++)
		reversed.rdata[i] = s.rdata[s.count - 1 - i];
	if (decide(&reversed, &policy, &d) != result)
		abort();
	job_init(&j, NULL, NULL);
	check_trace(&j, &s, &policy);
	job_done(&j);
	s.rdata[s.count++] = SPAN("\0\x09issuemail;");
	if ((decide(&s, &policy, &d) == CAA_PERMIT) !=
	    (result == CAA_PERMIT && by_name))
		abort();
	return 0;
}
