/* MA-1 to MA-6, MA-45 to MA-64: a whole message through everything that reads
 * it before and after its signature is known. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"
#include "lib/job.h"
#include "lib/json.h"
#include "mail/mime_part.h"
#include "mail/reply.h"
#include "mail/reply_block.h"
#include "mail/reply_readings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MAX ((size_t)256 * 1024)
#define NOW 1772445600

/* The fields and the body are the message, octet for octet. */
static void
check_message(struct job *j, struct span raw)
{
	static const struct message_limits limits = { MAX };
	struct message m;
	struct finding f;
	struct mime_text text;
	const char *at = raw.p;

	if (message_parse(j, raw, &limits, &m, &f) < 0)
		return;
	for (size_t i = 0; i < m.field_count; i++) {
		if (m.fields[i].raw.p != at || m.fields[i].name.n == 0)
			abort();
		at += m.fields[i].raw.n;
		(void)field_unfold(j, &m.fields[i]);
	}
	if (at + 2 != m.body.p || m.body.p + m.body.n != raw.p + raw.n)
		abort();
	(void)message_check_fields(&m, &f);
	if (mime_find_text(j, &m, &text, &f) == 0 && text.text.n > 0 &&
	    memchr(text.text.p, '\r', text.text.n) != NULL)
		abort();
}

/* MA-59, which a fuzzer would not reach behind a signature. */
static void
check_readings(struct job *j, const struct message *m)
{
	struct mime_part root;
	const struct mime_part *leaf = &root;
	struct reply_readings what;
	struct reply_blocks b;
	struct finding f;
	struct span text;
	uint8_t digest[SHA256_LEN];
	bool wrapped;

	if (mime_part_parse(j, m, &root, &f) < 0 ||
	    mime_text_part(m, &root, &leaf, &wrapped, &f) < 0 ||
	    mime_part_text(j, leaf, &text, &f) < 0)
		return;
	reply_blocks_scan(text, &b);
	what = (struct reply_readings){ &root, leaf, digest, false };
	if (reply_blocks_judge(&b, digest, &f) == 0)
		(void)reply_readings_check(j, &what, &f);
	memset(digest, 0, sizeof(digest));
	what.is_type_signed = true;
	(void)reply_readings_check(j, &what, &f);
}

static int
no_dns(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	(void)ctx;
	(void)j;
	(void)type;
	memset(out, 0, sizeof(*out));
	out->name = out->canonical = name;
	out->status = DNS_NXDOMAIN;
	return 0;
}

static void
check_reply(struct job *j, struct span raw)
{
	static const struct reply_policy policy = { .message_max = MAX };
	static const struct reply_expect expect = { .mailbox =
							"alice@user.test",
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.expires_at = NOW * 2LL };
	struct resolver *resolver = resolver_new_custom(no_dns, NULL);
	const struct json *top;
	struct reply r;

	if (reply_open(j, raw, NOW, &policy, &r) < 0)
		abort();
	if (!r.decided && r.message.field_count > 0)
		check_readings(j, &r.message);
	if (reply_judge(j, &r, &expect, &policy, resolver) < 0)
		abort();
	/* Nothing is proven without a key. */
	if (!r.decided || r.verdict == VERDICT_MATCH ||
	    r.verdict == VERDICT_MISMATCH || r.verdict == VERDICT_NO_RESPONSE ||
	    r.finding.code == NULL || r.evidence == NULL)
		abort();
	if (json_parse_object(j, span_str(r.evidence), "evidence", &top) < 0)
		abort();
	resolver_free(resolver);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct job j;

	job_init(&j, NULL, NULL);
	j.now = NOW;
	check_message(&j, span_mem(data, n));
	check_reply(&j, span_mem(data, n));
	job_done(&j);
	return 0;
}
