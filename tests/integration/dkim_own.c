/*
 * Our own verdict on each case of standard input (dkim_case.h): "pass", or
 * the code of the refusal.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/dkim_verify.h"
#include "tests/integration/dkim_case.h"

/* The text as one record, in strings of 255 octets. */
static struct span
rdata(struct job *j, const char *text)
{
	struct span s = span_str(text);
	struct buf b;

	buf_init(&b, j->arena, 2 * s.n + 2);
	for (size_t at = 0; at < s.n || at == 0; at += 255) {
		struct span part = span_cut(s, at, at + 255);

		buf_add_char(&b, (char)(unsigned char)part.n);
		buf_add(&b, part);
	}
	return buf_span(&b);
}

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const char *text = dkim_case_text(ctx, name);

	memset(out, 0, sizeof(*out));
	out->name = out->canonical = arena_strdup(j->arena, name);
	out->status = DNS_NXDOMAIN;
	if (type != DNS_TYPE_TXT || text == NULL)
		return 0;
	out->status = DNS_OK;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(struct span));
	out->rdata[0] = rdata(j, text);
	return 0;
}

static const char *
judge(struct job *j, struct dkim_case *c)
{
	const struct message_limits limits = { .message_max = 16 << 20 };
	const struct dkim_policy policy = { .coverage = CONF_COVERAGE_CORE };
	struct resolver *resolver = resolver_new_custom(query, c);
	struct finding f = { FINDING_PASS, "dkim.pass", "" };
	struct dkim_result r;
	struct message m;
	int rc;

	j->now = c->now;
	rc = message_parse(
	    j, span_mem(c->message, c->message_len), &limits, &m, &f);
	if (rc == 0 &&
	    dkim_verify(j, &m, c->domain, c->now, &policy, resolver, &r) == 0)
		f = r.finding;
	resolver_free(resolver);
	return f.result == FINDING_PASS && rc == 0 && r.pass ? "pass" : f.code;
}

int
main(void)
{
	struct dkim_case c;

	while (dkim_case_read(&c) > 0) {
		struct job j;

		job_init(&j, NULL, NULL);
		puts(judge(&j, &c));
		job_done(&j);
		dkim_case_free(&c);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
