/*
 * ER-7, ER-8, ER-21 to ER-33, AC-82, AC-124, AC-129, MA-42, MA-45 to MA-49,
 * MA-55 to MA-64, MA-85, MA-86: from the bytes of a reply to its verdict.
 * Attack files of annex 2 lie in tests/data/mail.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "mail/reply.h"
#include "tests/unit/dkim_lab.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define WRONG "reowUQfQdk2CJw17dkqZLcOLtnFsURLLHJRRCc3Z9wg"
#define FORMER "Znd3qTcMPsFm8aFRNqvB6Jk3p62csFCz-d_s880pylA"
#define BLOCK(digest)                                                          \
	"-----BEGIN ACME RESPONSE-----\r\n" digest                             \
	"\r\n-----END ACME RESPONSE-----\r\n"

/* What h= covers: of most providers; of those that leave out how the body is
 * to be read (annex 1). */
#define COVERED                                                                \
	"from:to:cc:subject:date:message-id:in-reply-to:references:"           \
	"mime-version:content-type:content-transfer-encoding"
#define UNCOVERED "from:to:subject:date:message-id:mime-version"

static const struct reply_policy policy = { .message_max = 256 * 1024 };

/* A reply by its fields; NULL is the usual one, "" leaves it out. */
struct draft {
	const char *from, *to, *subject, *in_reply_to, *type;
	const char *extra; /* fields above all others */
	const char *body;
	const char *names; /* h=; NULL: COVERED; "": no signature */
};

static const char *
field(struct job *j, const char *name, const char *value, const char *usual)
{
	if (value == NULL)
		value = usual;
	return *value == '\0'
		   ? ""
		   : arena_printf(j->arena, "%s: %s\r\n", name, value);
}

static struct span
sign(struct job *j, struct span message, const char *names)
{
	struct lab_signature s = { .key = "ed25519", .names = names };

	s.tags = arena_printf(j->arena,
	    " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=user.test; s=sel; "
	    "h=%s; bh=@BH@; b=@B@",
	    names);
	return lab_sign(j, message, &s);
}

static struct span
draft_render(struct job *j, const struct draft *d)
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
	return sign(j, span_str(text), d->names == NULL ? COVERED : d->names);
}

static struct reply_expect
usual_expect(void)
{
	struct reply_expect e = { .mailbox = "alice@user.test",
		.challenge_from = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = LAB_NOW - 600,
		.expires_at = LAB_NOW + 3600 };

	assert_int_equal(
	    b64url_parse_fixed(span_str(RIGHT), e.digest_now, SHA256_LEN), 0);
	assert_int_equal(
	    b64url_parse_fixed(span_str(FORMER), e.digest_then, SHA256_LEN), 0);
	return e;
}

static struct lab_dns dns;

static struct resolver *
usual_dns(struct job *j)
{
	dns = (struct lab_dns){ .name = "sel._domainkey.user.test",
		.status = DNS_OK,
		.texts = { span_str(lab_record(j, "ed25519")) },
		.count = 1 };
	return lab_resolver(j, &dns);
}

static struct job *
lab_job(void)
{
	clock_set(LAB_NOW);
	return unit_job();
}

/* Nothing that was sent may stand in the evidence (MA-85, AC-129). */
static void
check_evidence(struct job *j, const struct reply *r)
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

static struct reply
judge(struct span raw, const struct reply_expect *expect)
{
	struct job *j = lab_job();
	struct resolver *resolver = usual_dns(j);
	struct reply r;

	assert_int_equal(reply_open(j, raw, LAB_NOW, &policy, &r), 0);
	assert_int_equal(reply_judge(j, &r, expect, &policy, resolver), 0);
	assert_true(r.decided);
	assert_int_equal(
	    r.finding.result == FINDING_PASS, r.verdict == VERDICT_MATCH);
	check_evidence(j, &r);
	return r;
}

static struct reply
judge_draft(const struct draft *d)
{
	struct reply_expect e = usual_expect();

	return judge(draft_render(lab_job(), d), &e);
}

struct expected {
	struct draft draft;
	enum verdict verdict;
	const char *code;
};

static void
check_all(const struct expected *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct reply r = judge_draft(&cases[i].draft);

		unit_case("%zu", i);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_string_equal(
		    verdict_name(r.verdict), verdict_name(cases[i].verdict));
	}
	unit_case("%s", "");
}

/* --- the usual
 * ------------------------------------------------------------------ */

/* ER-28 to ER-32, AC-82, AC-124 */
static void
test_verdicts(void **state)
{
	static const struct expected cases[] = {
		{ { 0 }, VERDICT_MATCH, "match" },
		{ { .type = "" }, VERDICT_MATCH, "match" },
		{ { .in_reply_to = "" }, VERDICT_MATCH, "match" },
		{ { .body = BLOCK(RIGHT "=") }, VERDICT_MATCH, "match" },
		{ { .body = BLOCK(WRONG) }, VERDICT_MISMATCH, "mismatch" },
		{ { .body = BLOCK(FORMER) }, VERDICT_STALE_KEY, "stale-key" },
		{ { .body = "I am out of office.\r\n" }, VERDICT_NO_RESPONSE,
		    "body.no-block" },
		{ { .body = BLOCK("x") }, VERDICT_NO_RESPONSE,
		    "body.bad-block" },
		{ { .body = BLOCK(RIGHT) BLOCK(WRONG) }, VERDICT_NO_RESPONSE,
		    "body.ambiguous" },
		{ { .body = BLOCK(WRONG) BLOCK(RIGHT) }, VERDICT_NO_RESPONSE,
		    "body.ambiguous" },
		{ { .body = "> x\r\n\r\n" BLOCK(RIGHT) }, VERDICT_MATCH,
		    "match" },
		{ { .names = "" }, VERDICT_UNAUTHENTICATED, "dkim.none" },
		/* forged, whatever is in it (ER-30) */
		{ { .names = "", .body = BLOCK(WRONG) },
		    VERDICT_UNAUTHENTICATED, "dkim.none" },
		{ { .names = "", .body = "x\r\n" }, VERDICT_UNAUTHENTICATED,
		    "dkim.none" },
	};

	(void)state;
	check_all(cases, COUNT(cases));
}

/* ER-8: one key all the time: then as now. */
static void
test_key_not_changed(void **state)
{
	struct reply_expect e = usual_expect();
	struct draft d = { 0 };

	(void)state;
	memcpy(e.digest_then, e.digest_now, SHA256_LEN);
	assert_int_equal(
	    judge(draft_render(lab_job(), &d), &e).verdict, VERDICT_MATCH);
	d.body = BLOCK(FORMER);
	assert_int_equal(
	    judge(draft_render(lab_job(), &d), &e).verdict, VERDICT_MISMATCH);
}

/* ER-30: the digest is not looked at before the signature is verified. */
static void
test_broken_signature(void **state)
{
	struct draft d = { .body = BLOCK(RIGHT) };
	struct reply_expect e = usual_expect();
	struct span raw = draft_render(lab_job(), &d);
	char *copy = span_dup(lab_job()->arena, raw);
	struct reply r;

	(void)state;
	copy[raw.n - 1 - strlen("-----END ACME RESPONSE-----\r\n") - 10] ^= 1;
	r = judge(span_mem(copy, raw.n), &e);
	assert_int_equal(r.verdict, VERDICT_UNAUTHENTICATED);
	assert_string_equal(r.finding.code, "dkim.body-hash");
	assert_false(r.has_digest);
}

/* DNS trouble is not the sender's fault. */
static void
test_deferred(void **state)
{
	static const struct {
		enum dns_status status;
		enum verdict verdict;
		const char *code;
	} cases[] = {
		{ DNS_TEMPORARY, VERDICT_DEFERRED, "dns.temporary" },
		{ DNS_BOGUS, VERDICT_DEFERRED, "dns.bogus" },
		{ DNS_NXDOMAIN, VERDICT_UNAUTHENTICATED, "key.none" },
		{ DNS_NODATA, VERDICT_UNAUTHENTICATED, "key.none" },
	};
	struct draft d = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = lab_job();
		struct reply_expect e = usual_expect();
		struct span raw = draft_render(j, &d);
		struct resolver *resolver = usual_dns(j);
		struct reply r;

		dns.status = cases[i].status;
		assert_int_equal(reply_open(j, raw, LAB_NOW, &policy, &r), 0);
		assert_int_equal(reply_judge(j, &r, &e, &policy, resolver), 0);
		assert_int_equal(r.verdict, cases[i].verdict);
		assert_string_equal(r.finding.code, cases[i].code);
		check_evidence(j, &r);
	}
}

/* ER-7: *arrival* decides, if it can be right (MA-19). */
static void
test_expired(void **state)
{
	static const struct {
		int64_t arrival, expires_at;
		enum verdict verdict;
	} cases[] = {
		{ LAB_NOW, LAB_NOW, VERDICT_MATCH },
		{ LAB_NOW, LAB_NOW - 1, VERDICT_EXPIRED },
		{ LAB_NOW - 100, LAB_NOW - 100, VERDICT_MATCH },
		{ LAB_NOW - 100, LAB_NOW - 101, VERDICT_EXPIRED },
		/* before the mail was sent; in the future; not known */
		{ LAB_NOW - 601, LAB_NOW - 1, VERDICT_EXPIRED },
		{ LAB_NOW + 1, LAB_NOW - 1, VERDICT_EXPIRED },
		{ 0, LAB_NOW - 1, VERDICT_EXPIRED },
	};
	struct draft d = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = lab_job();
		struct reply_expect e = usual_expect();
		struct span raw = draft_render(j, &d);
		struct resolver *resolver = usual_dns(j);
		struct reply r;

		unit_case("%zu", i);
		e.expires_at = cases[i].expires_at;
		assert_int_equal(
		    reply_open(j, raw, cases[i].arrival, &policy, &r), 0);
		assert_int_equal(reply_judge(j, &r, &e, &policy, resolver), 0);
		assert_string_equal(
		    verdict_name(r.verdict), verdict_name(cases[i].verdict));
	}
}

/* --- the Subject
 * ------------------------------------------------------------------ */

/* ER-23, ER-6 */
static void
test_subjects(void **state)
{
	static const struct {
		const char *subject;
		bool found;
	} cases[] = {
		{ "ACME: " PART1, true },
		{ "Re: ACME: " PART1, true },
		{ "AW: Antwort: Re: ACME: " PART1, true },
		{ "\xe5\x9b\x9e\xe5\xa4\x8d\xef\xbc\x9a ACME: " PART1, true },
		{ "ACME:" PART1, true },
		{ "xACME: " PART1, true },
		{ "ACME: ACME: " PART1, true },
		{ "ACME: Re: ACME: " PART1, true },
		{ "ACME: " PART1 "=", true },
		{ "ACME: " PART1 " == ", true },
		{ "ACME: toF_6dSoCcBK0XKz5Yly\r\n gKzErU5LsT5Q", true },
		{ "ACME:\r\n\t" PART1, true },
		{ "ACME:\u00a0" PART1 "\u200f", true },
		{ "ACME: toF_6dSoCcBK0\u200bXKz5YlygKzErU5LsT5Q=\u00a0=",
		    true },
		{ "ACME: t o\tF_6dSoCcBK0XKz5YlygKzErU5LsT5Q", true },
		{ "=?UTF-8?Q?Re=3A_ACME=3A_toF=5F6dSoCcBK0XKz5Yly?=\r\n"
		  " =?UTF-8?Q?gKzErU5LsT5Q?=",
		    true },
		{ "=?utf-8?b?UmU6IEFDTUU6IA==?= "
		  "=?us-ascii?q?toF=5F6dSoCcBK0XKz5YlygKzErU5LsT5Q?=",
		    true },
		{ "=?iso-8859-1?q?R=E9p=3A?= ACME: " PART1, true },
		{ "", false },
		{ "Re: " PART1, false },
		{ "acme: " PART1, false },
		{ "ACME : " PART1, false },
		{ "ACME:", false },
		{ "ACME: =", false },
		{ "ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5", false },
		{ "ACME: " PART1 "Q", false },
		{ "ACME: " PART1 " [external]", false },
		{ "ACME: toF_6dSoCcBK0XKz5YlygKzErU5=LsT5Q", false },
		{ "ACME: toF+6dSoCcBK0XKz5YlygKzErU5LsT5Q", false },
		{ "ACME: " PART1 " ACME: x", false },
		{ "ACME: =?utf-8?q?=FF?=", false },
		{ "=?utf-16?q?ACME=3A_" PART1 "?=", false },
	};
	struct job *j = lab_job();
	uint8_t want[SHA256_LEN];

	(void)state;
	sha256(span_str(PART1), want);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply r;
		const char *raw = arena_printf(j->arena,
		    "From: a@b.test\r\nTo: c@d.test\r\nSubject: %s\r\n\r\nx",
		    cases[i].subject);

		unit_case("%zu: %s", i, cases[i].subject);
		assert_int_equal(
		    reply_open(j, span_str(raw), LAB_NOW, &policy, &r), 0);
		assert_int_equal(r.has_part1, cases[i].found);
		assert_int_equal(r.decided, !cases[i].found);
		if (cases[i].found) {
			assert_memory_equal(r.part1_hash, want, SHA256_LEN);
			assert_null(strstr(r.evidence, PART1));
			continue;
		}
		assert_int_equal(r.verdict, VERDICT_UNKNOWN);
		assert_string_equal(r.finding.code, "no-challenge");
		assert_null(strstr(r.evidence, PART1));
	}
}

/* --- header fields
 * ---------------------------------------------------------------- */

/* ER-22, ER-25, ER-26, MA-45 to MA-49 */
static void
test_headers(void **state)
{
	static const struct expected cases[] = {
		{ { .from = "alice@user.test" }, VERDICT_MATCH, "match" },
		{ { .from = "ALICE@User.Test" }, VERDICT_MATCH, "match" },
		{ { .from = "bob@user.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.from-mismatch" },
		{ { .from = "alice+x@user.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.from-mismatch" },
		{ { .from = "alice@sub.user.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.from-mismatch" },
		{ { .from = "\"alice@user.test\" <bob@user.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.from-mismatch" },
		{ { .from = "alice@user.test, bob@user.test" },
		    VERDICT_UNAUTHENTICATED, "hdr.from-syntax" },
		{ { .from = "alice@user.test\xe2\x80\x8b" },
		    VERDICT_UNAUTHENTICATED, "hdr.bad-utf8" },
		{ { .from = "" }, VERDICT_UNAUTHENTICATED, "hdr.missing" },
		{ { .to = "" }, VERDICT_UNAUTHENTICATED, "hdr.missing" },
		{ { .extra = "From: bob@evil.test\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.duplicate" },
		{ { .extra = "to: bob@evil.test\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.duplicate" },
		{ { .extra = "IN-REPLY-TO: <x@y>\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.duplicate" },
		/* part1 cannot be known */
		{ { .extra = "Subject: x\r\n" }, VERDICT_UNKNOWN,
		    "hdr.duplicate" },
		{ { .subject = "" }, VERDICT_UNKNOWN, "hdr.missing" },
		/* MA-46 */
		{ { .extra = "Sender: bob@evil.test\r\n" }, VERDICT_MATCH,
		    "match" },
		{ { .extra = "Resent-From: bob@evil.test\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.resent" },
		{ { .extra = "resent-message-id: <x@evil.test>\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.resent" },
		/* MA-47 */
		{ { .extra = "List-Id: <l.evil.test>\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.list" },
		{ { .extra = "LIST-Unknown: x\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ { .extra = "Mailing-List: x\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ { .extra = "X-Mailing-List: x\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ { .extra = "Precedence: List\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ { .extra = "Listen: x\r\n" }, VERDICT_MATCH, "match" },
		/* MA-48 */
		{ { .extra = "Auto-Submitted: no\r\n" }, VERDICT_MATCH,
		    "match" },
		{ { .extra = "Auto-Submitted: auto-generated; type=acme\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .extra = "Auto-Submitted: auto-replied\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ { .extra = "Auto-Submitted: auto-generated\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ { .extra = "Auto-Submitted: auto-replied; type=x\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ { .extra = "Auto-Submitted: auto-replied; x=\";type=acme\""
			     "\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ { .extra = "Auto-Submitted: no no\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ { .extra = "Precedence: bulk\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ { .extra = "Precedence: junk\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ { .extra = "Precedence: auto_reply\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ { .extra = "Precedence: first-class\r\n" }, VERDICT_MATCH,
		    "match" },
		{ { .extra = "X-Autoreply: yes\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ { .extra = "X-Autorespond: x\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ { .extra = "X-Auto-Response-Suppress: All\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .extra = "Return-Path: <>\r\n" }, VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ { .extra = "Return-Path: <alice@user.test>\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = "MIME-Version: 1.0\r\nContent-Type: "
			    "multipart/report; boundary=b; report-type="
			    "disposition-notification\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		/* MA-49 */
		{ { .to = "CA <ACME+Tag@CA.test>" }, VERDICT_MATCH, "match" },
		{ { .to = "bob@evil.test, acme+tag@ca.test" }, VERDICT_MATCH,
		    "match" },
		{ { .to = "acme@ca.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.to-mismatch" },
		{ { .to = "acme+other@ca.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.to-mismatch" },
		{ { .to = "\"acme+tag@ca.test\" <bob@evil.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.to-mismatch" },
		{ { .to = "undisclosed-recipients:;" }, VERDICT_UNAUTHENTICATED,
		    "hdr.to-mismatch" },
		{ { .to = "acme+tag@ca.test,," }, VERDICT_UNAUTHENTICATED,
		    "hdr.to-mismatch" },
		{ { .to = "bob@evil.test",
		      .extra = "Cc: acme+tag@ca.test\r\n" },
		    VERDICT_UNAUTHENTICATED, "hdr.to-mismatch" },
		{ { .in_reply_to = "\r\n <c1@ca.test> " }, VERDICT_MATCH,
		    "match" },
		/* mailutils */
		{ { .in_reply_to = "Your message of Mon, 02 Mar 2026 10:00:00 "
				   "+0000\r\n\t<c1@ca.test>" },
		    VERDICT_MATCH, "match" },
		/* Gnus and Rmail */
		{ { .in_reply_to = "<c1@ca.test> (ca@ca.test's message of "
				   "\"Mon, 02 Mar 2026 10:00:00 +0000\")" },
		    VERDICT_MATCH, "match" },
		{ { .in_reply_to = "<c1@ca.test>\r\n\t(a (b) c) (d)" },
		    VERDICT_MATCH, "match" },
		{ { .in_reply_to = "<c1@ca.test> (message" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "<c1@ca.test> (a) x" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "<c1@ca.test> (a) <x@evil.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "<c1@ca.test> (<x@evil.test>)" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "<x@evil.test> (<c1@ca.test>)" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "(<x@evil.test>) <c1@ca.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "<c1@ca.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.in-reply-to" },
		{ { .in_reply_to = "Your message <c1@ca.test> of Monday" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "x@evil.test <c1@ca.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "\"<x@evil.test>\" <c1@ca.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "(a <c1@ca.test>" }, VERDICT_UNAUTHENTICATED,
		    "hdr.in-reply-to" },
		{ { .in_reply_to = "c1@ca.test" }, VERDICT_UNAUTHENTICATED,
		    "hdr.in-reply-to" },
		{ { .in_reply_to = "<c2@ca.test>" }, VERDICT_UNAUTHENTICATED,
		    "hdr.in-reply-to" },
		{ { .in_reply_to = "<c1@ca.test> <x@evil.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = "<x@evil.test> <c1@ca.test>" },
		    VERDICT_UNAUTHENTICATED, "hdr.in-reply-to" },
		{ { .in_reply_to = " " }, VERDICT_UNAUTHENTICATED,
		    "hdr.in-reply-to" },
	};

	(void)state;
	check_all(cases, COUNT(cases));
}

/* ER-3: a mailbox outside ASCII and in an internationalized domain. */
static void
test_international_from(void **state)
{
	struct draft d = { .from = "\xc3\xa4@b\xc3\xbc"
				   "cher.example",
		.names = "" };
	struct reply_expect e = usual_expect();
	struct reply r;

	(void)state;
	e.mailbox = "\xc3\xa4@xn--bcher-kva.example";
	r = judge(draft_render(lab_job(), &d), &e);
	assert_string_equal(r.finding.code, "dkim.none"); /* From was right */
	e.mailbox = "\xc3\x84@xn--bcher-kva.example";
	r = judge(draft_render(lab_job(), &d), &e);
	assert_string_equal(r.finding.code, "hdr.from-mismatch");
}

/* ER-22: what is not a message proves nothing, whatever it says. */
static void
test_malformed(void **state)
{
	static const char top[] = "From: alice@user.test\r\n"
				  "To: acme+tag@ca.test\r\n"
				  "Subject: ACME: " PART1 "\r\n";
	static const struct {
		const char *tail, *code;
	} cases[] = {
		{ "\r\nbody\n", "msg.bare-lf" },
		{ "\r\nbody\r\r\n", "msg.bare-cr" },
		{ "X : y\r\n\r\n", "msg.malformed-header" },
		{ "X: y\r\n", "msg.no-body-separator" },
	};
	struct job *j = lab_job();
	struct reply r;
	char *nul;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *raw =
		    arena_printf(j->arena, "%s%s", top, cases[i].tail);

		assert_int_equal(
		    reply_open(j, span_str(raw), LAB_NOW, &policy, &r), 0);
		assert_true(r.decided);
		assert_int_equal(r.verdict, VERDICT_UNKNOWN);
		assert_string_equal(r.finding.code, cases[i].code);
		check_evidence(j, &r);
	}
	/* MA-2 */
	nul = arena_printf(j->arena, "%sX: a%cb\r\n\r\nx", top, 1);
	*strchr(nul, 1) = '\0';
	assert_int_equal(reply_open(j, span_mem(nul, strlen(top) + 11), LAB_NOW,
			     &policy, &r),
	    0);
	assert_string_equal(r.finding.code, "msg.nul");
	/* A verdict is final. */
	assert_int_equal(reply_judge(j, &r, NULL, &policy, NULL), 0);
	assert_string_equal(r.finding.code, "msg.nul");
}

/* ER-24: the tag of a bounce is among the recipients. */
static void
test_recipients(void **state)
{
	struct job *j = lab_job();
	struct reply r;

	(void)state;
	assert_int_equal(
	    reply_open(j,
		SPAN("Delivered-To: acme+tag@CA.test\r\n"
		     "Delivered-To: acme@ca.test\r\n"
		     "X-Original-To: <orig@ca.test>\r\nFrom: a@b.test\r\n"
		     "To: broken,,\r\nCc: c@d.test, e@f.test\r\n"
		     "Subject: x\r\n\r\nx"),
		LAB_NOW, &policy, &r),
	    0);
	assert_int_equal(r.recipient_count, 5);
	assert_string_equal(r.recipients[0], "acme+tag@ca.test");
	assert_string_equal(r.recipients[1], "acme@ca.test");
	assert_string_equal(r.recipients[2], "orig@ca.test");
	assert_string_equal(r.recipients[3], "c@d.test");
	assert_string_equal(r.recipients[4], "e@f.test");
}

/* ER-24, MA-106: a bounce is one even if its Subject is a reply's, and part1
 * is not learned from it. */
static void
test_dsn(void **state)
{
	static const struct {
		const char *action;
		enum verdict verdict;
	} cases[] = {
		{ "Action: failed\r\nStatus: 5.1.1\r\n", VERDICT_DSN_FAILED },
		{ "Action: delayed\r\nStatus: 4.4.1\r\n", VERDICT_DSN_DELAYED },
		{ "Action: relayed\r\nStatus: 2.0.0\r\n", VERDICT_DSN_NOTED },
		{ "Action: x\r\n", VERDICT_DSN_NOTED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = lab_job();
		struct reply r;
		const char *raw = arena_printf(j->arena,
		    "From: <>\r\nTo: acme+tag@ca.test\r\n"
		    "Subject: ACME: " PART1 "\r\n"
		    "MIME-Version: 1.0\r\nContent-Type: multipart/report; "
		    "report-type=delivery-status; boundary=b\r\n\r\n"
		    "--b\r\n\r\nx\r\n--b\r\n"
		    "Content-Type: message/delivery-status\r\n\r\n"
		    "Reporting-MTA: dns; x\r\n\r\n"
		    "Final-Recipient: rfc822; alice@user.test\r\n%s\r\n"
		    "--b--\r\n",
		    cases[i].action);

		assert_int_equal(
		    reply_open(j, span_str(raw), LAB_NOW, &policy, &r), 0);
		assert_true(r.decided);
		assert_int_equal(r.verdict, cases[i].verdict);
		assert_false(r.has_part1);
		assert_true(r.dsn.is_dsn);
		assert_string_equal(r.recipients[0], "acme+tag@ca.test");
		assert_non_null(strstr(r.evidence, "\"dsn."));
	}
}

/* --- the body
 * --------------------------------------------------------------------- */

#define MIME(type) "MIME-Version: 1.0\r\nContent-Type: " type "\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
/* BLOCK(RIGHT) */
#define RIGHT_BASE64                                                           \
	"LS0tLS1CRUdJTiBBQ01FIFJFU1BPTlNFLS0tLS0NClg4ZTNkTVpVaWRhcWhUaVlhRC1R" \
	"ZE9nT21K\r\nNG9sUXd2dkpNV1k2b2tkZnMNCi0tLS0tRU5EIEFDTUUgUkVTUE9OU0Ut" \
	"LS0tLQ0K\r\n"
#define PART(type, text) "--b\r\nContent-Type: " type "\r\n\r\n" text "\r\n"

/* ER-27, MA-55 to MA-58 */
static void
test_bodies(void **state)
{
	static const struct expected cases[] = {
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/html", "<p>") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/plain", "footer") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/signed; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT)) PART(
			  "application/pkcs7-signature", "x") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain; charset=utf-8") BASE64,
		      .body = RIGHT_BASE64 },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body =
			  "-----BEGIN ACME RESPONSE-----\r\n"
			  "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJM=\r\n"
			  "WY6okdfs=3D\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain; format=flowed; delsp=yes"),
		      .body = "-----BEGIN ACME RESPONSE-----\r\n"
			      "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJM \r\n"
			      "WY6okdfs\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/related; boundary=b"),
		      .body = PART("multipart/alternative; boundary=c",
			  "--c\r\nContent-Type: text/plain\r\n\r\n" BLOCK(
			      RIGHT) "\r\n--c\r\nContent-Type: text/html\r\n"
				     "\r\n<p>\r\n--c--")
			  PART("image/png\r\n" BASE64, "AAAA") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		/* the block is in a part that is not read */
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", "x")
			  PART("text/html", BLOCK(RIGHT)) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.no-block" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = BLOCK(RIGHT)
			  PART("text/plain", "x") "--b--\r\n" BLOCK(RIGHT) },
		    VERDICT_NO_RESPONSE, "body.no-block" },
		{ { .type = MIME("text/html") }, VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ { .type = MIME("text/plain; charset=utf-7") },
		    VERDICT_UNAUTHENTICATED, "mime.charset" },
		{ { .type = MIME("text/plain") BASE64 },
		    VERDICT_UNAUTHENTICATED, "mime.encoding" },
		{ { .type = MIME("text/plain; charset=a; charset=b") },
		    VERDICT_UNAUTHENTICATED, "mime.parameter" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT)) },
		    VERDICT_UNAUTHENTICATED, "mime.boundary" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/plain", BLOCK(RIGHT)) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.two-texts" },
		{ { .type = MIME("multipart/encrypted; boundary=b"),
		      .body = PART("text/plain", "x") "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.encrypted" },
	};

	(void)state;
	check_all(cases, COUNT(cases));
}

/* MA-59: the same bodies where h= leaves out how they are to be read. */
static void
test_readings(void **state)
{
	static const struct expected cases[] = {
		{ { 0 }, VERDICT_MATCH, "match" },
		{ { .type = "" }, VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain; charset=utf-8") BASE64,
		      .body = RIGHT_BASE64 },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body = "-----BEGIN ACME RESPONSE-----\r\n" RIGHT
			      "=3D\r\n-----END ACME RESPONSE-----\r\n"
			      "ver=C3=BCgt=\r\n x\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "This is a multi-part message in MIME format."
			      "\r\n" PART("text/plain", BLOCK(RIGHT))
				  PART("text/html\r\n" QP,
				      "<p>=C3=BC</p>") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain\r\n" BASE64, RIGHT_BASE64)
			  PART("text/html", "<p>") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = PART("multipart/alternative; boundary=c",
			  "--c\r\nContent-Type: text/plain\r\n\r\n" BLOCK(
			      RIGHT) "--c--")
			  PART("text/plain", "footer") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .body = BLOCK(WRONG) }, VERDICT_MISMATCH, "mismatch" },
		/* another block in another reading */
		{ { .type = MIME("text/plain") QP,
		      .body =
			  BLOCK(RIGHT) "=2D----BEGIN ACME RESPONSE-----"
				       "\r\n" WRONG
				       "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .body = BLOCK(
			RIGHT) "=2D----BEGIN ACME RESPONSE-----\r\n" WRONG
			       "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/html", BLOCK(WRONG)) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain\r\n" BASE64, RIGHT_BASE64)
			  PART("text/html", BLOCK(WRONG)) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(WRONG))
			  PART("application/x\r\n" BASE64,
			      RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain",
			  BLOCK(RIGHT)) "--b--\r\n" BLOCK(WRONG) },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		/* text/plain that looks like a multipart, and the reverse */
		{ { .body = BLOCK(RIGHT) "--b\r\ncontent-type: x\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "--b\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "--b\r\nX: y\r\nContent-Type: "
			      "text/plain\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* the boundary replaced by one in the text */
		{ { .type = MIME("multipart/alternative; boundary=e"),
		      .body = PART("text/plain",
			  "away\r\n--e\r\n"
			  "Content-Type: text/plain\r\n\r\n" BLOCK(
			      RIGHT) "--e--") "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* what was the text is a preamble */
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "-----Original Message-----\r\n" PART(
			  "text/plain\r\n" BASE64, RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = "ok\r\n\r\nOn Mon, 2 Mar 2026 at 10:00, CA "
			      "<acme+t@ca.test> wrote:\r\n\r\n" PART(
				  "text/plain\r\n" BASE64,
				  RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = "D=C3=A9but du message transf=C3=A9r=C3=A9 "
			      ":\r\n" PART("text/plain\r\n" BASE64,
				  RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "I am\r\naway until\r\nMonday.\r\n" PART(
			  "text/plain\r\n" BASE64, RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* a block only if it is decoded */
		{ { .type = MIME("text/plain") QP,
		      .body = "> x=0A-----BEGIN ACME RESPONSE-----=0A" RIGHT
			      "=0A-----END ACME RESPONSE-----=0A\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "=\r\n-----BEGIN ACME RESPONSE----=2D\r\n" RIGHT
			      "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* but for blanks at the end, which are encoded (ER-28) */
		{ { .type = MIME("text/plain") QP,
		      .body = "-----BEGIN ACME RESPONSE----- =20\r\n" RIGHT
			      "=3D\r\n-----END ACME RESPONSE-----=09\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body = "=2D----BEGIN ACME RESPONSE-----\r\n" RIGHT
			      "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* below a separator in the body as it is */
		{ { .type = MIME("multipart/alternative; boundary=\"----"
				 "Original Message----\""),
		      .body = "------Original Message----\r\n"
			      "Content-Type: text/plain\r\n\r\n" BLOCK(
				  RIGHT) "------Original Message------\r\n" },
		    VERDICT_NO_RESPONSE, "body.block-in-quote" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct draft d = cases[i].draft;
		struct reply r;

		d.names = UNCOVERED;
		r = judge_draft(&d);
		unit_case("%zu", i);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_int_equal(r.verdict, cases[i].verdict);
		/* One of the two uncovered is enough. */
		d.names = UNCOVERED ":content-type";
		assert_string_equal(
		    judge_draft(&d).finding.code, cases[i].code);
	}
}

/*
 * MA-59, the property: with nothing but the unsigned fields changed, a body
 * is accepted with one digest or refused; and what is no answer as it was
 * written never becomes one.
 */
#define WHOLE 100
static void
test_readings_agree(void **state)
{
	static const char *const types[] = { "", MIME("text/plain"),
		MIME("text/plain") QP, MIME("text/plain") BASE64,
		MIME("text/plain; format=flowed; delsp=yes"),
		MIME("text/plain; charset=windows-1252") QP,
		MIME("text/plain; charset=utf-8") BASE64,
		MIME("multipart/alternative; boundary=b"),
		MIME("multipart/alternative; boundary=e"),
		MIME("multipart/mixed; boundary=b"),
		MIME("multipart/mixed; boundary=e"),
		MIME("multipart/mixed; boundary=x"),
		MIME("multipart/signed; boundary=e"),
		MIME("multipart/alternative; "
		     "boundary=\"---BEGIN ACME RESPONSE-----\""),
		MIME("multipart/alternative; "
		     "boundary=\"---Original Message-----\""),
		MIME("text/html"), MIME("message/rfc822") };
	/*
	 * `written` names the type with which the body was signed; an answer
	 * is one with that type, or never.  But where the body as a whole is
	 * a block for one reader (WHOLE), whoever made the sender's
	 * program send it could have made it send the block.
	 */
	static const struct {
		const char *body;
		size_t written; /* + WHOLE */
	} bodies[] = {
		{ BLOCK(RIGHT), 1 },
		{ BLOCK(RIGHT) BLOCK(WRONG), 1 },
		{ RIGHT_BASE64, 3 },
		{ RIGHT_BASE64, 1 + WHOLE },
		{ "=2D----BEGIN ACME RESPONSE-----\r\n" RIGHT
		  "\r\n-----END ACME RESPONSE-----\r\n",
		    1 },
		{ " -----BEGIN ACME RESPONSE-----\r\n " RIGHT
		  "\r\n -----END ACME RESPONSE-----\r\n",
		    1 },
		{ PART("text/plain", BLOCK(RIGHT)) "--b--\r\n", 7 },
		{ PART("text/plain", BLOCK(RIGHT)) "--b--\r\n", 1 + WHOLE },
		{ PART("text/plain\r\n" BASE64, RIGHT_BASE64) "--b--\r\n", 7 },
		{ "I am away.\r\n-----Original Message-----\r\n" BLOCK(RIGHT),
		    1 },
		{ "I am away.\r\n-----Original Message-----\r\n--e\r\n"
		  "Content-Type: text/plain\r\n\r\n" BLOCK(RIGHT) "--e--\r\n",
		    1 },
		{ "I am away.\r\n-----Original Message-----\r\n--e\r\n"
		  "Content-Type: text/plain\r\n" BASE64 "\r\n" RIGHT_BASE64
		  "--e--\r\n",
		    1 },
		{ "--e\r\n\r\n" BLOCK(RIGHT) "--e--\r\n", 7 + WHOLE },
		{ PART("text/plain",
		      "away\r\n\r\n--e\r\nContent-Type: "
		      "text/plain\r\n\r\n" BLOCK(RIGHT) "--e--\r\n")
			PART("text/html", "<p>") "--b--\r\n",
		    7 },
		{ PART("text/plain", "away") PART("text/html",
		      "--e\r\nContent-Type: text/plain\r\n\r\n" BLOCK(
			  RIGHT) "--e--") "--b--\r\n",
		    7 },
		{ PART("text/plain", "away")
			PART("text/html", BLOCK(RIGHT)) "--b--\r\n",
		    7 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct draft d = { .body = bodies[i].body,
			.type = types[bodies[i].written % WHOLE],
			.names = COVERED };
		bool is_answer = judge_draft(&d).verdict == VERDICT_MATCH;

		d.names = UNCOVERED;
		for (size_t k = 0; k < COUNT(types); k++) {
			struct reply r;

			unit_case("body %zu, type %zu", i, k);
			d.type = types[k];
			r = judge_draft(&d);
			assert_true(r.verdict == VERDICT_MATCH ||
				    r.verdict == VERDICT_NO_RESPONSE ||
				    r.verdict == VERDICT_UNAUTHENTICATED);
			if (r.verdict == VERDICT_MATCH && !is_answer)
				assert_true(bodies[i].written >= WHOLE);
		}
	}
}

/* --- files
 * ------------------------------------------------------------------------- */

static struct span
load(struct job *j, const char *name)
{
	char path[1024], *text = arena_alloc(j->arena, 1 << 16);
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/mail/%s", CS_TEST_DATA, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(text, 1, 1 << 16, f);
	fclose(f);
	return message_from_lf(j, span_mem(text, n));
}

/* Annex 2 and MA-61: each file, signed by the From domain. */
static void
test_files(void **state)
{
	static const struct {
		const char *file;
		enum verdict verdict;
		const char *code;
	} cases[] = {
		{ "second-from.eml", VERDICT_UNAUTHENTICATED, "hdr.duplicate" },
		{ "vacation.eml", VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ "vacation-unmarked.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-original-message.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-phone.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "gmail-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "gmail-forward.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "apple-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "lotus-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "bottom-post.eml", VERDICT_MATCH, "match" },
		{ "other-user.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.from-mismatch" },
		{ "list-copy.eml", VERDICT_UNAUTHENTICATED, "hdr.list" },
		{ "two-blocks.eml", VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ "by-hand-gmail.eml", VERDICT_MATCH, "match" },
		{ "by-hand-exchange.eml", VERDICT_MATCH, "match" },
		{ "by-hand-thunderbird.eml", VERDICT_MATCH, "match" },
		{ "client-certbot.eml", VERDICT_MATCH, "match" },
		{ "client-acmez.eml", VERDICT_MATCH, "match" },
		{ "outlook-logo-de.eml", VERDICT_MATCH, "match" },
		{ "outlook-echo-en.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-de.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-fr.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-es.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-it.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-nl.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-pt.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-pl.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-ru.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-ja.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-zh.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-ko.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-sv.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-cs.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-tr.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-xx.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-attachment.eml", VERDICT_MATCH, "match" },
		{ "outlook-root-elsewhere.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ "outlook-web.eml", VERDICT_MATCH, "match" },
		{ "outlook-web-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-app.eml", VERDICT_MATCH, "match" },
		{ "gmail-app.eml", VERDICT_MATCH, "match" },
		{ "gmail-bottom.eml", VERDICT_MATCH, "match" },
		{ "gmail-echo-fr.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "apple-mail.eml", VERDICT_MATCH, "match" },
		{ "apple-picture.eml", VERDICT_MATCH, "match" },
		{ "apple-phone.eml", VERDICT_MATCH, "match" },
		{ "apple-phone-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "apple-forward-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "k9.eml", VERDICT_MATCH, "match" },
		{ "k9-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "fairemail.eml", VERDICT_MATCH, "match" },
		{ "fairemail-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "samsung.eml", VERDICT_MATCH, "match" },
		{ "samsung-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "proton.eml", VERDICT_MATCH, "match" },
		{ "proton-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "notes.eml", VERDICT_MATCH, "match" },
		{ "notes-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "yahoo.eml", VERDICT_MATCH, "match" },
		{ "yahoo-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "yahoo-echo-es.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "gmx.eml", VERDICT_MATCH, "match" },
		{ "gmx-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "zimbra.eml", VERDICT_MATCH, "match" },
		{ "zimbra-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "roundcube.eml", VERDICT_MATCH, "match" },
		{ "roundcube-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "sogo.eml", VERDICT_MATCH, "match" },
		{ "sogo-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "qq.eml", VERDICT_MATCH, "match" },
		{ "qq-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "qq-gb18030.eml", VERDICT_UNAUTHENTICATED, "mime.charset" },
		{ "netease.eml", VERDICT_MATCH, "match" },
		{ "footer-mixed.eml", VERDICT_MATCH, "match" },
		{ "footer-appended.eml", VERDICT_MATCH, "match" },
		{ "footer-block-echo.eml", VERDICT_NO_RESPONSE,
		    "body.no-block" },
		{ "digest-wrapped.eml", VERDICT_MATCH, "match" },
		{ "digest-flowed.eml", VERDICT_MATCH, "match" },
		{ "indented.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "attribution-trimmed.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "attribution-short.eml", VERDICT_MATCH, "match" },
		{ "invisible.eml", VERDICT_MATCH, "match" },
		{ "yahoo-echo-marked.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "yahoo-app-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-wrapped.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-mac-echo-fi.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "groupwise-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "newton-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "spark-echo-empty.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-flowed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-bottom.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-pieces.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-long-flowed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-long-fixed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-narrow.eml", VERDICT_NO_RESPONSE,
		    "body.no-block" },
		{ "thunderbird-html.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-html-bottom.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-html-as-text.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-html-alone.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ "thunderbird-pasted-quote.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-signed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-signed-html.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-echo-bottom.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-echo-html-as-text.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-echo-html.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-forward-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-forward-attached.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		static const char *const names[] = { COVERED, UNCOVERED };

		for (size_t k = 0; k < COUNT(names); k++) {
			struct reply_expect e = usual_expect();
			struct job *j = lab_job();
			struct reply r = judge(
			    sign(j, load(j, cases[i].file), names[k]), &e);

			unit_case("%s, %s", cases[i].file, names[k]);
			assert_string_equal(r.finding.code, cases[i].code);
			assert_int_equal(r.verdict, cases[i].verdict);
		}
	}
}

/* --- evidence
 * ---------------------------------------------------------------------- */

static void
test_evidence(void **state)
{
	static const char *const codes[] = { "msg", "hdr.duplicate", "hdr.list",
		"hdr.resent", "hdr.automatic", "hdr.from-mismatch",
		"hdr.to-mismatch", "hdr.in-reply-to", "mime", NULL, "body",
		"match" };
	struct draft d = { 0 };
	struct reply r = judge_draft(&d);
	struct job *j = lab_job();
	const struct json *top, *list, *x;
	struct span rdata;

	(void)state;
	assert_int_equal(
	    json_parse_object(j, span_str(r.evidence), "evidence", &top), 0);
	list = json_get(top, "checks");
	assert_int_equal(json_count(list), COUNT(codes));
	for (size_t i = 0; i < COUNT(codes); i++) {
		x = json_at(list, i);
		assert_span_equal(json_string(json_get(x, "result")), "pass");
		if (codes[i] != NULL)
			assert_span_equal(
			    json_string(json_get(x, "code")), codes[i]);
	}
	list = json_get(top, "signatures");
	assert_int_equal(json_count(list), 1);
	x = json_at(list, 0);
	assert_span_equal(json_string(json_get(x, "d")), "user.test");
	assert_span_equal(json_string(json_get(x, "s")), "sel");
	assert_span_equal(json_string(json_get(x, "a")), "ed25519-sha256");
	assert_span_equal(json_string(json_get(x, "grade")), "present");
	x = json_get(x, "dns");
	assert_span_equal(
	    json_string(json_get(x, "name")), "sel._domainkey.user.test");
	assert_span_equal(json_string(json_get(x, "status")), "ok");
	x = json_get(x, "records");
	assert_int_equal(json_count(x), 1);
	/* The record is whole: the signature verifies again from it. */
	assert_int_equal(
	    b64_parse_fws(j->arena, json_string(json_at(x, 0)), &rdata), 0);
	assert_true(
	    span_eq(rdata, lab_rdata(j, span_str(lab_record(j, "ed25519")))));
}

/* MA-64: what the caller recognises a repetition by. */
static void
test_covered_hash(void **state)
{
	struct draft d = { 0 };
	struct reply first = judge_draft(&d), second, third;

	(void)state;
	d.extra = "X-Path: another\r\n"; /* not covered */
	second = judge_draft(&d);
	assert_memory_equal(
	    first.covered_hash, second.covered_hash, SHA256_LEN);
	d.body = BLOCK(WRONG);
	third = judge_draft(&d);
	assert_memory_not_equal(
	    first.covered_hash, third.covered_hash, SHA256_LEN);
}

/* Is the octet at `at` of a message covered, or the signature itself? */
static bool
is_covered(const struct message *m, const char *at)
{
	static const char *const names[] = { "From", "To", "Subject", "Date",
		"Message-ID", "MIME-Version", "DKIM-Signature" };

	for (size_t i = 0; i < m->field_count; i++) {
		const struct field *x = &m->fields[i];

		if (at < x->raw.p || at >= x->raw.p + x->raw.n)
			continue;
		for (size_t k = 0; k < COUNT(names); k++)
			if (span_caseeq_str(x->name, names[k]))
				return true;
		return false;
	}
	return at >= m->body.p;
}

/* MA-93: each octet of accepted messages changed. */
static void
test_mutations(void **state)
{
	static const char *const files[] = { "by-hand-gmail.eml",
		"client-acmez.eml" };
	struct reply_expect e = usual_expect();

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct job *j = lab_job();
		struct span raw = sign(j, load(j, files[i]), UNCOVERED);
		struct message m = lab_parse(j, raw);
		struct resolver *resolver = usual_dns(j);

		for (size_t at = 0; at < raw.n; at++) {
			struct job own;
			struct reply r;
			char *copy;

			job_init(&own, NULL, NULL);
			copy = span_dup(own.arena, raw);
			copy[at] ^= 1;
			assert_int_equal(reply_open(&own, span_mem(copy, raw.n),
					     LAB_NOW, &policy, &r),
			    0);
			assert_int_equal(
			    reply_judge(&own, &r, &e, &policy, resolver), 0);
			unit_case(
			    "%s, octet %zu: %s", files[i], at, r.finding.code);
			assert_int_not_equal(r.verdict, VERDICT_MISMATCH);
			assert_int_not_equal(r.verdict, VERDICT_STALE_KEY);
			if (is_covered(&m, raw.p + at))
				assert_int_not_equal(r.verdict, VERDICT_MATCH);
			job_done(&own);
		}
	}
}

/* --- each length
 * ------------------------------------------------------------------- */

static void
test_cut(void **state)
{
	struct draft d = { .type = MIME("multipart/alternative; boundary=b"),
		.names = UNCOVERED,
		.body = PART("text/plain\r\n" QP, BLOCK(RIGHT "=3D"))
		    PART("text/html", "<p>") "--b--\r\n" };
	struct span raw = draft_render(lab_job(), &d);
	struct reply_expect e = usual_expect();
	struct resolver *resolver = usual_dns(lab_job());

	(void)state;
	for (size_t n = 0; n <= raw.n; n++) {
		struct job *j = lab_job();
		char *copy = xmalloc(n + 1);
		struct reply r;

		memcpy(copy, raw.p, n);
		assert_int_equal(
		    reply_open(j, span_mem(copy, n), LAB_NOW, &policy, &r), 0);
		assert_int_equal(reply_judge(j, &r, &e, &policy, resolver), 0);
		unit_case("%zu of %zu", n, raw.n);
		/* Relaxed canonicalization ends the last line itself. */
		assert_int_equal(
		    r.verdict == VERDICT_MATCH, n == raw.n || n == raw.n - 2);
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_verdicts),
	cmocka_unit_test(test_key_not_changed),
	cmocka_unit_test(test_broken_signature),
	cmocka_unit_test(test_deferred),
	cmocka_unit_test(test_expired),
	cmocka_unit_test(test_subjects),
	cmocka_unit_test(test_headers),
	cmocka_unit_test(test_international_from),
	cmocka_unit_test(test_malformed),
	cmocka_unit_test(test_recipients),
	cmocka_unit_test(test_dsn),
	cmocka_unit_test(test_bodies),
	cmocka_unit_test(test_readings),
	cmocka_unit_test(test_readings_agree),
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_evidence),
	cmocka_unit_test(test_covered_hash),
	cmocka_unit_test(test_mutations),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
