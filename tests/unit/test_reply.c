/*
 * ER-7, ER-8, ER-21 to ER-33, AC-82, AC-124, AC-129, MA-42, MA-45 to MA-49,
 * MA-85, MA-86: from the bytes of a reply to its verdict.
 */
#include "config.h"

#include <string.h>

#include "lib/clock.h"
#include "tests/unit/reply_lab.h"

/* --- the usual ------------------------------------------------------------ */

/* ER-28 to ER-32, AC-82, AC-124 */
static void
test_verdicts(void **state)
{
	static const struct reply_expected cases[] = {
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
	reply_lab_check(cases, COUNT(cases));
}

/* ER-8: one key all the time: then as now. */
static void
test_key_not_changed(void **state)
{
	struct reply_expect e = reply_lab_expect();
	struct reply_draft d = { 0 };

	(void)state;
	memcpy(e.digest_then, e.digest_now, SHA256_LEN);
	assert_int_equal(
	    reply_lab_judge(reply_draft_render(reply_lab_job(), &d), &e)
		.verdict,
	    VERDICT_MATCH);
	d.body = BLOCK(FORMER);
	assert_int_equal(
	    reply_lab_judge(reply_draft_render(reply_lab_job(), &d), &e)
		.verdict,
	    VERDICT_MISMATCH);
}

/* ER-30: the digest is not looked at before the signature is verified. */
static void
test_broken_signature(void **state)
{
	struct reply_draft d = { .body = BLOCK(RIGHT) };
	struct reply_expect e = reply_lab_expect();
	struct span raw = reply_draft_render(reply_lab_job(), &d);
	char *copy = span_dup(reply_lab_job()->arena, raw);
	struct reply r;

	(void)state;
	copy[raw.n - 1 - strlen("-----END ACME RESPONSE-----\r\n") - 10] ^= 1;
	r = reply_lab_judge(span_mem(copy, raw.n), &e);
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
	struct reply_draft d = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = reply_lab_job();
		struct reply_expect e = reply_lab_expect();
		struct span raw = reply_draft_render(j, &d);
		struct resolver *resolver = reply_lab_dns(j);
		struct reply r;

		reply_lab_answers.status = cases[i].status;
		assert_int_equal(
		    reply_open(j, raw, LAB_NOW, &reply_lab_policy, &r), 0);
		assert_int_equal(
		    reply_judge(j, &r, &e, &reply_lab_policy, resolver), 0);
		assert_int_equal(r.verdict, cases[i].verdict);
		assert_string_equal(r.finding.code, cases[i].code);
		reply_lab_evidence(j, &r);
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
		{ LAB_NOW, LAB_NOW + 1, VERDICT_MATCH },
		{ LAB_NOW, LAB_NOW, VERDICT_EXPIRED },
		{ LAB_NOW - 100, LAB_NOW - 99, VERDICT_MATCH },
		{ LAB_NOW - 100, LAB_NOW - 100, VERDICT_EXPIRED },
		/* before the mail was sent; in the future; not known */
		{ LAB_NOW - 601, LAB_NOW - 1, VERDICT_EXPIRED },
		{ LAB_NOW + 1, LAB_NOW - 1, VERDICT_EXPIRED },
		{ 0, LAB_NOW - 1, VERDICT_EXPIRED },
	};
	struct reply_draft d = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = reply_lab_job();
		struct reply_expect e = reply_lab_expect();
		struct span raw = reply_draft_render(j, &d);
		struct resolver *resolver = reply_lab_dns(j);
		struct reply r;

		unit_case("%zu", i);
		e.expires_at = cases[i].expires_at;
		assert_int_equal(
		    reply_open(j, raw, cases[i].arrival, &reply_lab_policy, &r),
		    0);
		assert_int_equal(
		    reply_judge(j, &r, &e, &reply_lab_policy, resolver), 0);
		assert_string_equal(
		    verdict_name(r.verdict), verdict_name(cases[i].verdict));
	}
}

/* --- the Subject ---------------------------------------------------------- */

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
		/* marks of gateways, at the end */
		{ "ACME: " PART1 " [SEC=OFFICIAL]", true },
		{ "ACME: " PART1 "= (external)", true },
		/* encoded as a whole, in other charsets */
		{ "=?iso-8859-1?q?R=E9f=2E_=3A_ACME=3A_" PART1 "?=", false },
		{ "=?iso-8859-1?q?R=E9f=2E_=3A_ACME=3A_toF=5F6dSoCcBK0X?=\r\n"
		  " =?iso-8859-1?q?Kz5YlygKzErU5LsT5Q?=",
		    true },
		{ "=?gb2312?B?tPC4tDogQUNNRTogdG9GXzZkU29DY0JLMFhLejVZbHln"
		  "S3pFclU1THNUNVE=?=",
		    true },
		{ "=?utf-8?q?ACME=3A_?= =?iso-2022-jp?q?toF=5F6dSoCcBK0X"
		  "Kz5YlygKzErU5LsT5Q?=",
		    false },
		{ "=?ISO-2022-JP?B?UkU6IFsbJEIzMEl0GyhCXSBBQ01FOiB0b0"
		  "ZfNmRTb0NjQkswWEt6NVlseWdLekVyVTVMc1Q1UQ==?=",
		    true },
		{ "=?ISO-2022-JP?B?GyRCSlY/LhsoQjogWxskQjMwSXQbKEJdIE"
		  "FDTUU6IHRvRl82ZFM=?=\r\n =?ISO-2022-JP?B?b0NjQkswW"
		  "Et6NVlseWdLekVyVTVMc1Q1UQ==?=",
		    true },
		{ "=?ISO-2022-JP?B?GyRCSlY/LhsoQjogQUNNRTog?= =?ISO-2"
		  "022-JP?Q?=1B$BtoF=5F6dSoCcBK0XKz5YlygKzErU5LsT5Q=1"
		  "B(B?=",
		    false },
		{ "", false },
		{ "Re: " PART1, false },
		{ "acme: " PART1, false },
		{ "ACME : " PART1, false },
		{ "ACME:", false },
		{ "ACME: =", false },
		{ "ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5", false },
		{ "ACME: " PART1 "Q", false },
		{ "ACME: " PART1 " external", false },
		{ "ACME: " PART1 "[external]", false },
		{ "ACME: toF_6dSoCcBK0XKz5Yly [external]", false },
		{ "ACME: toF_6dSoCcBK0XKz5YlygKzErU5=LsT5Q", false },
		{ "ACME: toF+6dSoCcBK0XKz5YlygKzErU5LsT5Q", false },
		{ "ACME: " PART1 " ACME: x", false },
		{ "ACME: =?utf-8?q?=FF?=", false },
		{ "=?utf-16?q?ACME=3A_" PART1 "?=", false },
	};
	struct job *j = reply_lab_job();
	uint8_t want[SHA256_LEN];

	(void)state;
	sha256(span_str(PART1), want);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply r;
		const char *raw = arena_printf(j->arena,
		    "From: a@b.test\r\nTo: c@d.test\r\nSubject: %s\r\n\r\nx",
		    cases[i].subject);

		unit_case("%zu: %s", i, cases[i].subject);
		assert_int_equal(reply_open(j, span_str(raw), LAB_NOW,
				     &reply_lab_policy, &r),
		    0);
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

/* --- header fields -------------------------------------------------------- */

/* ER-22, ER-25, ER-26, MA-45 to MA-49 */
static void
test_headers(void **state)
{
	static const struct reply_expected cases[] = {
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
	reply_lab_check(cases, COUNT(cases));
}

/* ER-3: a mailbox outside ASCII and in an internationalized domain. */
static void
test_international_from(void **state)
{
	struct reply_draft d = { .from = "\xc3\xa4@b\xc3\xbc"
					 "cher.example",
		.names = "" };
	struct reply_expect e = reply_lab_expect();
	struct reply r;

	(void)state;
	e.mailbox = "\xc3\xa4@xn--bcher-kva.example";
	r = reply_lab_judge(reply_draft_render(reply_lab_job(), &d), &e);
	assert_string_equal(r.finding.code, "dkim.none"); /* From was right */
	e.mailbox = "\xc3\x84@xn--bcher-kva.example";
	r = reply_lab_judge(reply_draft_render(reply_lab_job(), &d), &e);
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
	struct job *j = reply_lab_job();
	struct reply r;
	char *nul;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *raw =
		    arena_printf(j->arena, "%s%s", top, cases[i].tail);

		assert_int_equal(reply_open(j, span_str(raw), LAB_NOW,
				     &reply_lab_policy, &r),
		    0);
		assert_true(r.decided);
		assert_int_equal(r.verdict, VERDICT_UNKNOWN);
		assert_string_equal(r.finding.code, cases[i].code);
		reply_lab_evidence(j, &r);
	}
	/* MA-2 */
	nul = arena_printf(j->arena, "%sX: a%cb\r\n\r\nx", top, 1);
	*strchr(nul, 1) = '\0';
	assert_int_equal(reply_open(j, span_mem(nul, strlen(top) + 11), LAB_NOW,
			     &reply_lab_policy, &r),
	    0);
	assert_string_equal(r.finding.code, "msg.nul");
	/* A verdict is final. */
	assert_int_equal(reply_judge(j, &r, NULL, &reply_lab_policy, NULL), 0);
	assert_string_equal(r.finding.code, "msg.nul");
}

/* ER-24: the tag of a bounce is among the recipients. */
static void
test_recipients(void **state)
{
	struct job *j = reply_lab_job();
	struct reply r;

	(void)state;
	assert_int_equal(
	    reply_open(j,
		SPAN("Delivered-To: acme+tag@CA.test\r\n"
		     "Delivered-To: acme@ca.test\r\n"
		     "X-Original-To: <orig@ca.test>\r\nFrom: a@b.test\r\n"
		     "To: broken,,\r\nCc: c@d.test, e@f.test\r\n"
		     "Subject: x\r\n\r\nx"),
		LAB_NOW, &reply_lab_policy, &r),
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
		struct job *j = reply_lab_job();
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

		assert_int_equal(reply_open(j, span_str(raw), LAB_NOW,
				     &reply_lab_policy, &r),
		    0);
		assert_true(r.decided);
		assert_int_equal(r.verdict, cases[i].verdict);
		assert_false(r.has_part1);
		assert_true(r.dsn.is_dsn);
		assert_string_equal(r.recipients[0], "acme+tag@ca.test");
		assert_non_null(strstr(r.evidence, "\"dsn."));
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
};

UNIT_MAIN(tests)
