/*
 * Our own verdict on each case of standard input (dkim_case.h): "pass", or
 * the code of the refusal.
 *
 *	dkim_own sign KEY SELECTOR [KEY SELECTOR]	signs each instead
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/dkim_sign.h"
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
	const struct dkim_case *c = ctx;

	memset(out, 0, sizeof(*out));
	out->name = out->canonical = arena_strdup(j->arena, name);
	out->status = DNS_NXDOMAIN;
	if (type != DNS_TYPE_TXT)
		return 0;
	out->rdata =
	    arena_calloc(j->arena, c->record_count + 1, sizeof(struct span));
	for (size_t i = 0; i < c->record_count; i++) {
		if (!span_caseeq_str(span_str(c->names[i]), name))
			continue;
		out->status = DNS_OK;
		out->rdata[out->count++] = rdata(j, c->texts[i]);
	}
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

/* The message as the sender would sign it, for a day. */
static void
sign(const struct dkim_case *c, const struct dkim_signer *const *signers,
    size_t count)
{
	struct span out;
	struct job j;

	job_init(&j, NULL, NULL);
	if (dkim_sign(&j, span_mem(c->message, c->message_len), c->domain,
		signers, count, c->now, c->now + 86400, &out) < 0) {
		fprintf(stderr, "%s\n", j.err.text);
		exit(1);
	}
	printf("%zu\n", out.n);
	fwrite(out.p, 1, out.n, stdout);
	job_done(&j);
}

static size_t
load_signers(struct job *j, char **argv, const struct dkim_signer *out[2])
{
	size_t n = 0;

	for (; n < 2 && argv[2 * n] != NULL; n++) {
		if (dkim_signer_load(j, j->arena, argv[2 * n], argv[2 * n + 1],
			&out[n]) < 0) {
			fprintf(stderr, "%s\n", j->err.text);
			exit(1);
		}
	}
	return n;
}

int
main(int argc, char **argv)
{
	const struct dkim_signer *signers[2];
	size_t signer_count = 0;
	struct dkim_case c;
	struct job all;

	job_init(&all, NULL, NULL);
	if (argc > 3 && strcmp(argv[1], "sign") == 0)
		signer_count = load_signers(&all, argv + 2, signers);
	while (dkim_case_read(&c) > 0) {
		struct job j;

		job_init(&j, NULL, NULL);
		if (signer_count > 0)
			sign(&c, signers, signer_count);
		else
			puts(judge(&j, &c));
		job_done(&j);
		dkim_case_free(&c);
	}
	job_done(&all);
	return fflush(stdout) == 0 ? 0 : 1;
}
