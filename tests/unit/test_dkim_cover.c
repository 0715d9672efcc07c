/*
 * What a DKIM signature must cover (MA-41), and messages that were changed
 * after signing (annex 2, MA-93).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

/* A reply as programs write it, with all the fields that annex 1 knows. */
static const char reply[] = "From: Alice <alice@user.test>\r\n"
			    "To: acme@ca.test\r\n"
			    "Cc: bob@user.test\r\n"
			    "Subject: Re: ACME: part1\r\n"
			    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
			    "Message-ID: <1@user.test>\r\n"
			    "In-Reply-To: <2@ca.test>\r\n"
			    "References: <2@ca.test>\r\n"
			    "MIME-Version: 1.0\r\n"
			    "Content-Type: text/plain\r\n"
			    "Content-Transfer-Encoding: 7bit\r\n"
			    "\r\n"
			    "Hello\r\n";

#define FSD "from:subject:date"
#define FSD2 FSD ":" FSD

struct profile {
	const char *sender;
	const char *names; /* what h= lists */
	const char *key;
	bool rfc, present, core;
	bool content_type, cte, to;
};

/* Annex 1.  MIME-Version, which most sign, is none of the twelve. */
static const struct profile profiles[] = {
	{ "Gmail, Workspace",
	    FSD2 ":to:to:cc:cc:message-id:message-id:in-reply-to:references:"
		 "mime-version:content-transfer-encoding:reply-to",
	    "rsa2048", false, false, true, false, true, true },
	{ "Microsoft 365, outlook.com",
	    FSD ":message-id:content-type:"
		"mime-version:x-ms-exchange-senderad"
		"check",
	    "rsa2048", false, false, true, true, false, false },
	{ "iCloud", FSD ":to:message-id:content-type:mime-version", "rsa2048",
	    false, false, true, true, false, true },
	{ "Yahoo, AOL", FSD2 ":to:cc:in-reply-to:references:mime-version",
	    "rsa2048", false, false, true, false, false, true },
	{ "Proton",
	    FSD2 ":to:to:cc:cc:message-id:message-id:in-reply-to:"
		 "references:feedback-id:bimi-selector",
	    "rsa2048", false, false, true, false, false, true },
	{ "Fastmail",
	    FSD2 ":to:to:cc:cc:message-id:in-reply-to:in-reply-to:references:"
		 "references:content-type:content-type:"
		 "content-transfer-encoding:mime-version",
	    "rsa2048", false, true, true, true, true, true },
	{ "GMX, web.de",
	    FSD2 ":to:to:cc:cc:message-id:message-id:in-reply-to:references:"
		 "content-type:content-type:content-transfer-encoding:"
		 "content-transfer-encoding",
	    "rsa2048", false, true, true, true, true, true },
	{ "Zoho",
	    FSD2 ":to:to:cc:cc:message-id:in-reply-to:references:"
		 "content-type:content-transfer-encoding",
	    "rsa2048", false, true, true, true, true, true },
	{ "rspamd default, mailbox.org",
	    FSD2 ":to:to:cc:cc:message-id:message-id:in-reply-to:in-reply-to:"
		 "references:references:content-type:content-type:"
		 "content-transfer-encoding:content-transfer-encoding",
	    "ed25519", false, true, true, true, true, true },
	{ "Amazon SES",
	    FSD ":to:cc:message-id:in-reply-to:references:"
		"content-type:content-transfer-encoding",
	    "rsa2048", false, true, true, true, true, true },
	{ "Mailgun",
	    FSD2 ":to:to:message-id:content-type:"
		 "content-transfer-encoding:mime-version",
	    "rsa2048", false, false, true, true, true, true },
	{ "OpenDKIM default", FSD ":to:cc:in-reply-to:references", "rsa2048",
	    false, false, true, false, false, true },
	{ "Exim default",
	    FSD ":sender:reply-to:to:cc:message-id:in-reply-to:references:"
		"content-type:content-transfer-encoding:mime-version",
	    "rsa2048", true, true, true, true, true, true },
	{ "QQ", FSD ":to:cc:in-reply-to:references", "rsa1024", false, false,
	    true, false, false, true },
	{ "NetEase 163", FSD ":message-id:content-type:mime-version", "rsa2048",
	    false, false, true, true, false, false },
	{ "Yandex", FSD ":to:cc:message-id:in-reply-to:references", "rsa2048",
	    false, false, true, false, false, true },
};

static struct dkim_result
verify_profile(const char *names, const char *key, enum conf_coverage want,
    const char *message)
{
	struct job *j = unit_job();
	struct lab_signature how = { .key = key, .names = names };
	struct lab_dns dns = lab_one_record(lab_record(j, key));
	struct dkim_policy policy = lab_policy;

	how.tags = arena_printf(j->arena,
	    " v=1; a=%s-sha256; c=relaxed/relaxed; d=user.test;\r\n s=sel; "
	    "h=%s;\r\n bh=@BH@; b=@B@",
	    strcmp(key, "ed25519") == 0 ? "ed25519" : "rsa", names);
	policy.coverage = want;
	return lab_verify(lab_sign(j, span_str(message), &how), "user.test",
	    &dns, &policy, LAB_NOW);
}

static void
test_profiles(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(profiles); i++) {
		const struct profile *p = &profiles[i];
		const bool expected[] = { [CONF_COVERAGE_CORE] = p->core,
			[CONF_COVERAGE_PRESENT] = p->present,
			[CONF_COVERAGE_RFC] = p->rfc };

		for (int want = 0; want < 3; want++) {
			struct dkim_result r;

			unit_case("%s, grade %d", p->sender, want);
			r = verify_profile(
			    p->names, p->key, (enum conf_coverage)want, reply);
			assert_string_equal(r.finding.code,
			    expected[want] ? "dkim.pass" : "dkim.coverage");
			assert_true(r.signatures[0].reaches_core);
			assert_int_equal(r.signatures[0].grade,
			    p->rfc       ? CONF_COVERAGE_RFC
			    : p->present ? CONF_COVERAGE_PRESENT
					 : CONF_COVERAGE_CORE);
			if (!r.pass)
				continue;
			assert_int_equal(
			    r.covers_content_type, p->content_type);
			assert_int_equal(r.covers_cte, p->cte);
			assert_int_equal(r.covers_to, p->to);
		}
	}
}

/* The names that are missing are told. */
static void
test_coverage_text(void **state)
{
	static const struct {
		const char *names;
		enum conf_coverage want;
		const char *detail;
	} cases[] = {
		{ "from:to", CONF_COVERAGE_CORE,
		    "the signature does not cover Subject, Date" },
		{ FSD, CONF_COVERAGE_PRESENT,
		    "the signature does not cover To, Cc, In-Reply-To, "
		    "References, Message-ID, Content-Type, "
		    "Content-Transfer-Encoding" },
		{ FSD ":to:cc:message-id:in-reply-to:references:content-type:"
		      "content-transfer-encoding",
		    CONF_COVERAGE_RFC,
		    "the signature does not cover Sender, Reply-To" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dkim_result r;

		unit_case("%zu", i);
		r = verify_profile(
		    cases[i].names, "rsa2048", cases[i].want, reply);
		assert_string_equal(r.finding.code, "dkim.coverage");
		assert_string_equal(r.finding.detail, cases[i].detail);
		assert_int_equal(r.signatures[0].reaches_core, i > 0);
	}
}

/* A field that is absent is covered only if h= names it. */
static void
test_coverage_absent(void **state)
{
	static const char bare[] = "From: alice@user.test\r\n"
				   "Subject: x\r\n\r\nHello\r\n";
	struct dkim_result r;

	(void)state;
	r = verify_profile(
	    "from:subject", "rsa2048", CONF_COVERAGE_PRESENT, bare);
	assert_true(r.pass);
	assert_false(r.covers_content_type || r.covers_cte || r.covers_to);
	r = verify_profile("from:subject:content-type:"
			   "content-transfer-encoding:to",
	    "rsa2048", CONF_COVERAGE_PRESENT, bare);
	assert_true(r.covers_content_type && r.covers_cte && r.covers_to);
	assert_false(r.covers_blanks); /* relaxed */
	assert_int_equal(r.signatures[0].grade, CONF_COVERAGE_PRESENT);
}

/* l= and a second part behind what it covers. */
static void
test_appended_part(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048",
		.tags = LAB_WITH("l=46") };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, raw.n + 100);
	buf_add(&b, raw);
	buf_add_str(&b, "--x\r\nContent-Type: text/plain\r\n\r\nmore\r\n");
	assert_string_equal(
	    lab_verify(buf_span(&b), "user.test", &dns, &lab_policy, LAB_NOW)
		.finding.code,
	    "dkim.body-length");
	assert_int_equal(dns.queries, 0);
}

/* One parser: what a verifier that stops at NUL, or that takes the lower of two
 * From fields, would let through is no message, or one that is refused. */
static void
test_refused_before(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	const struct message_limits limits = { .message_max = 10000 };
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	size_t at = span_find_span(raw, 0, SPAN("part1")) + 5;
	struct message m;
	struct finding f;
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, raw.n + 100);
	buf_add(&b, span_cut(raw, 0, at));
	buf_add_mem(&b, "\0 unsigned", 10);
	buf_add(&b, span_from(raw, at));
	assert_int_equal(message_parse(j, buf_span(&b), &limits, &m, &f), -1);
	assert_string_equal(f.code, "msg.nul");
	m = lab_parse(
	    j, lab_with_field(raw, "From: Eve <eve@user.test>\r\n", true));
	assert_int_equal(message_check_fields(&m, &f), -1);
	assert_string_equal(f.code, "hdr.duplicate");
}

/* MA-80: a chain of ARC, however good, over a broken signature. */
static void
test_arc(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 2 * raw.n + 200);
	buf_add_str(&b, "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=user.test; "
			"s=sel; b=AAAA\r\nARC-Authentication-Results: i=1; "
			"mx.test; dkim=pass header.d=user.test\r\n");
	buf_add(&b, raw);
	buf_add_str(&b, "changed\r\n");
	assert_string_equal(
	    lab_verify(buf_span(&b), "user.test", &dns, &lab_policy, LAB_NOW)
		.finding.code,
	    "dkim.body-hash");
}

/* Does the changed message pass?  No, if it is no message any more. */
static bool
passes(const char *raw, size_t n, struct lab_dns *dns)
{
	struct job inner;
	const struct message_limits limits = { .message_max = 1 << 20 };
	struct message m;
	struct finding f;
	struct dkim_result r = { .pass = false };

	job_init(&inner, NULL, NULL);
	inner.now = LAB_NOW + 100;
	if (message_parse(&inner, span_mem(raw, n), &limits, &m, &f) == 0)
		assert_int_equal(
		    dkim_verify(&inner, &m, "user.test", LAB_NOW, &lab_policy,
			lab_resolver(&inner, dns), &r),
		    0);
	job_done(&inner);
	return r.pass;
}

static void
mutate_all(
    const char *names, const char *tags, const char *key, const char *uncovered)
{
	static const unsigned char masks[] = { 0x01, 0x20, 0x80, 0x04 };
	struct job *j = unit_job();
	const struct lab_signature how = {
		.key = key, .names = names, .tags = tags, .canon = "ss"
	};
	struct lab_dns dns = lab_one_record(lab_record(j, key));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	char *copy = arena_memdup(j->arena, raw.p, raw.n);
	size_t skip_from = span_find_span(raw, 0, span_str(uncovered));
	size_t skip_to = skip_from + strlen(uncovered);

	assert_true(skip_from < raw.n);
	assert_true(passes(copy, raw.n, &dns));
	for (size_t i = 0; i < raw.n; i++) {
		if (i >= skip_from && i < skip_to)
			continue;
		for (size_t k = 0; k < sizeof(masks); k++) {
			unit_case("%s: octet %zu, mask %02x", key, i, masks[k]);
			copy[i] = (char)(raw.p[i] ^ masks[k]);
			assert_false(passes(copy, raw.n, &dns));
		}
		copy[i] = raw.p[i];
	}
	for (size_t n = 0; n < raw.n; n++) {
		unit_case("%s: cut at %zu", key, n);
		/* A line end at the end does not count (RFC 6376 3.4.3). */
		if (passes(raw.p, n, &dns))
			assert_true(n >= raw.n - 2);
	}
}

/* MA-93: each change of a covered octet refuses.  With simple/simple every
 * octet of the covered fields, the signature field and the body counts. */
static void
test_mutations(void **state)
{
	(void)state;
	mutate_all(LAB_NAMES,
	    " v=1; a=rsa-sha256; " LAB_D_S "h=" LAB_NAMES "; bh=@BH@; b=@B@",
	    "rsa1024",
	    "Message-ID: <1@user.test>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain\r\n\r\n");
	mutate_all(LAB_NAMES,
	    " v=1; a=ed25519-sha256; " LAB_D_S "h=" LAB_NAMES
	    "; bh=@BH@; b=@B@",
	    "ed25519",
	    "Message-ID: <1@user.test>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain\r\n\r\n");
}

/* MA-93: a change of an uncovered field leaves the verdict and its hash. */
static void
test_uncovered(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct dkim_result before =
	    lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	struct dkim_result after =
	    lab_verify(lab_with_field(raw, "X-New: 1\r\n", true), "user.test",
		&dns, &lab_policy, LAB_NOW);
	uint8_t zero[32] = { 0 };

	(void)state;
	assert_true(before.pass && after.pass);
	assert_memory_equal(before.covered_hash, after.covered_hash, 32);
	assert_memory_not_equal(before.covered_hash, zero, 32);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_profiles),
	cmocka_unit_test(test_coverage_text),
	cmocka_unit_test(test_coverage_absent),
	cmocka_unit_test(test_appended_part),
	cmocka_unit_test(test_refused_before),
	cmocka_unit_test(test_arc),
	cmocka_unit_test(test_mutations),
	cmocka_unit_test(test_uncovered),
};
UNIT_MAIN(tests)
