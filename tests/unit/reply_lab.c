#include "config.h"

#include "tests/unit/reply_lab.h"

#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/json.h"

const struct reply_policy reply_lab_policy = { .message_max = 256 * 1024 };

static const char *
field(struct job *j, const char *name, const char *value, const char *usual)
{
	if (value == NULL)
		value = usual;
	return *value == '\0'
		   ? ""
		   : arena_printf(j->arena, "%s: %s\r\n", name, value);
}

struct span
reply_lab_sign(struct job *j, struct span message, const char *names)
{
	struct lab_signature s = { .key = "ed25519", .names = names };

	s.tags = arena_printf(j->arena,
	    " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=user.test; s=sel; "
	    "h=%s; bh=@BH@; b=@B@",
	    names);
	return lab_sign(j, message, &s);
}

struct span
reply_draft_render(struct job *j, const struct reply_draft *d)
{
	const char *text = arena_printf(j->arena,
	    "%s%s%s%sDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
	    "Message-ID: <1@user.test>\r\n%s%s\r\n%s",
	    field(j, "From", d->from, "Alice <alice@user.test>"),
	    field(j, "To", d->to, "acme+tag@ca.test"),
	    field(j, "Subject", d->subject, "Re: ACME: " PART1),
	    field(j, "In-Reply-To", d->in_reply_to, "<c1@ca.test>"),
	    d->type == NULL ? "MIME-Version: 1.0\r\n"
			      "Content-Type: text/plain\r\n"
			    : d->type,
	    d->extra == NULL ? "" : d->extra,
	    d->body == NULL ? BLOCK(RIGHT) : d->body);

	if (d->names != NULL && *d->names == '\0')
		return span_str(text);
	return reply_lab_sign(
	    j, span_str(text), d->names == NULL ? COVERED : d->names);
}

struct reply_expect
reply_lab_expect(void)
{
	struct reply_expect e = { .mailbox = "alice@user.test",
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = LAB_NOW - 600,
		.expires_at = LAB_NOW + 3600 };

	assert_int_equal(
	    b64url_parse_fixed(span_str(RIGHT), e.digest_now, SHA256_LEN), 0);
	assert_int_equal(
	    b64url_parse_fixed(span_str(FORMER), e.digest_then, SHA256_LEN), 0);
	return e;
}

struct lab_dns reply_lab_answers;

struct resolver *
reply_lab_dns(struct job *j)
{
	reply_lab_answers =
	    (struct lab_dns){ .name = "sel._domainkey.user.test",
		    .status = DNS_OK,
		    .texts = { span_str(lab_record(j, "ed25519")) },
		    .count = 1 };
	return lab_resolver(j, &reply_lab_answers);
}

struct job *
reply_lab_job(void)
{
	clock_set(LAB_NOW);
	return unit_job();
}

void
reply_lab_evidence(struct job *j, const struct reply *r)
{
	const struct json *top;
	struct span text = span_str(r->evidence);

	assert_non_null(r->evidence);
	assert_int_equal(json_parse_object(j, text, "evidence", &top), 0);
	assert_span_equal(
	    json_string(json_get(top, "verdict")), verdict_name(r->verdict));
	assert_span_equal(json_string(json_get(top, "code")), r->finding.code);
	assert_true(json_count(json_get(top, "checks")) > 0);
	assert_null(strstr(r->evidence, PART1));
	assert_null(strstr(r->finding.detail, PART1));
	assert_null(strstr(r->evidence, "evil"));
	assert_null(strstr(r->finding.detail, "evil"));
}

struct reply
reply_lab_judge(struct span raw, const struct reply_expect *expect)
{
	struct job *j = reply_lab_job();
	struct resolver *resolver = reply_lab_dns(j);
	struct reply r;

	assert_int_equal(reply_open(j, raw, LAB_NOW, &reply_lab_policy, &r), 0);
	assert_int_equal(
	    reply_judge(j, &r, expect, &reply_lab_policy, resolver), 0);
	assert_true(r.decided);
	assert_int_equal(
	    r.finding.result == FINDING_PASS, r.verdict == VERDICT_MATCH);
	reply_lab_evidence(j, &r);
	return r;
}

struct reply
reply_draft_judge(const struct reply_draft *d)
{
	struct reply_expect e = reply_lab_expect();

	return reply_lab_judge(reply_draft_render(reply_lab_job(), d), &e);
}

void
reply_lab_check(const struct reply_expected *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct reply r = reply_draft_judge(&cases[i].draft);

		unit_case("%zu", i);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_string_equal(
		    verdict_name(r.verdict), verdict_name(cases[i].verdict));
	}
	unit_case("%s", "");
}
