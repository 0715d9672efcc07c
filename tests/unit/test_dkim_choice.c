/* Which of a message's DKIM signatures count (MA-10, MA-11, MA-40). */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

static void
test_look_alikes(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	static const char *const names[] = { "X-Google-", "X-", "ARC-",
		"Not-" };
	struct dkim_result r;

	(void)state;
	r = lab_verify(
	    span_str(lab_message), "user.test", &dns, &lab_policy, LAB_NOW);
	assert_string_equal(r.finding.code, "dkim.none");
	assert_int_equal(r.finding.result, FINDING_REFUSE);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct buf b;

		unit_case("%s", names[i]);
		buf_init(&b, j->arena, raw.n + 64);
		buf_add_str(&b, names[i]);
		buf_add(&b, raw);
		r = lab_verify(
		    buf_span(&b), "user.test", &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.code, "dkim.none");
	}
	assert_int_equal(dns.queries, 0);
	/* Forged Authentication-Results prove nothing (MA-80). */
	r = lab_verify(lab_with_field(span_str(lab_message),
			   "Authentication-Results: mx.ca.test; dkim=pass "
			   "header.d=user.test\r\n",
			   true),
	    "user.test", &dns, &lab_policy, LAB_NOW);
	assert_string_equal(r.finding.code, "dkim.none");
	/* The field's name in any case; the hash uses it as it is written. */
	unit_case("name in capitals");
	{
		char *copy = arena_memdup(j->arena, raw.p, raw.n);

		memcpy(copy, "DKIM-SIGNATURE", 14);
		r = lab_verify(span_mem(copy, raw.n), "user.test", &dns,
		    &lab_policy, LAB_NOW);
		assert_true(r.pass);
	}
}

static void
test_alignment(void **state)
{
	static const struct {
		const char *tags, *from_domain, *code;
		size_t queries;
	} cases[] = {
		{ LAB_TAGS, "user.test", "dkim.pass", 1 },
		{ LAB_TAGS, "sub.user.test", "dkim.not-aligned", 1 },
		{ LAB_TAGS, "xuser.test", "dkim.not-aligned", 0 },
		{ LAB_TAGS, "test", "dkim.not-aligned", 1 },
		{ LAB_DOMAIN("sub.user.test"), "user.test", "dkim.not-aligned",
		    1 },
		{ LAB_DOMAIN("xuser.test"), "user.test", "dkim.not-aligned",
		    0 },
		{ LAB_DOMAIN("evil.test"), "user.test", "dkim.not-aligned", 0 },
		{ LAB_DOMAIN("user.onmicrosoft.com"), "user.test",
		    "dkim.provider-domain", 1 },
		{ LAB_DOMAIN("user-test.20230601.gappssmtp.com"), "user.test",
		    "dkim.provider-domain", 1 },
		{ LAB_DOMAIN("amazonses.com"), "user.test",
		    "dkim.provider-domain", 1 },
		{ LAB_DOMAIN("eu.mailgun.org"), "user.test",
		    "dkim.provider-domain", 1 },
		{ LAB_DOMAIN("notmailgun.org"), "user.test", "dkim.not-aligned",
		    0 },
		/* It must verify to be named. */
		{ LAB_BEGIN
		    "d=mailgun.org; s=sel; h=from:subject:date; "
		    "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=@B@",
		    "user.test", "dkim.not-aligned", 0 },
		{ LAB_BEGIN "d=mailgun.org; s=sel; h=from:subject:date; "
			    "bh=@BH@; b=@B@",
		    "user.test", "dkim.not-aligned", 1 },
		{ LAB_BEGIN "d=mailgun.org; s=sel; l=1; " LAB_H_B, "user.test",
		    "dkim.not-aligned", 0 },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct lab_signature how = { .key = "rsa2048",
			.tags = cases[i].tags };
		struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
		struct dkim_result r;

		unit_case("%zu", i);
		r = lab_verify(lab_sign(j, span_str(lab_message), &how),
		    cases[i].from_domain, &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_string_equal(
		    r.signatures[0].finding.code, cases[i].code);
		assert_int_equal(dns.queries, cases[i].queries);
	}
}

/* The text names the domain that signed and whose signature is missing. */
static void
test_signer_named(void **state)
{
	static const struct {
		const char *tags, *from_domain, *detail;
	} cases[] = {
		{ LAB_DOMAIN("user.onmicrosoft.com"), "user.test",
		    "signed by user.onmicrosoft.com only: the administrator "
		    "must enable DKIM for user.test" },
		{ LAB_DOMAIN("mail.user.test"), "user.test",
		    "signed by mail.user.test only: the administrator must "
		    "enable DKIM for user.test" },
		{ LAB_TAGS, "mail.user.test",
		    "signed by user.test only: the administrator must enable "
		    "DKIM for mail.user.test" },
		/* It must verify to be named. */
		{ LAB_BEGIN "d=mail.user.test; s=sel; h=from:subject:date; "
			    "bh=@BH@; b=@B@",
		    "user.test",
		    "signed by another domain only; needed is a DKIM signature "
		    "of user.test" },
		{ LAB_DOMAIN("evil.test"), "user.test",
		    "signed by another domain only; needed is a DKIM signature "
		    "of user.test" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct lab_signature how = { .key = "rsa2048",
			.tags = cases[i].tags };
		struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
		struct dkim_result r;

		unit_case("%zu", i);
		r = lab_verify(lab_sign(j, span_str(lab_message), &how),
		    cases[i].from_domain, &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.detail, cases[i].detail);
	}
}

/* A good signature counts wherever it stands among others. */
static void
test_among_others(void **state)
{
	struct job *j = unit_job();
	struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct dkim_result r;

	(void)state;
	how.tags = LAB_DOMAIN("list.test");
	raw = lab_sign(j, raw, &how);
	how.tags = LAB_DOMAIN("amazonses.com");
	raw = lab_sign(j, raw, &how);
	raw = lab_with_field(raw, "DKIM-Signature: junk\r\n", true);
	r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	assert_true(r.pass);
	assert_int_equal(dns.queries, 1);
	assert_int_equal(r.passed, 0);
	assert_int_equal(r.signature_count, 4);
	assert_string_equal(r.signatures[0].domain, "user.test");
	assert_string_equal(r.signatures[1].finding.code, "dkim.tag-syntax");
	assert_null(r.signatures[1].domain);
	assert_string_equal(r.signatures[2].finding.code, "dkim.not-aligned");
	assert_string_equal(r.signatures[3].domain, "list.test");
}

/* What is told is what came furthest. */
static void
test_most_telling(void **state)
{
	static const struct {
		const char *first, *second;
		const char *code;
	} cases[] = {
		{ LAB_WITH("l=0"), LAB_TAGS, "dkim.signature" },
		{ LAB_TAGS, LAB_WITH("l=0"), "dkim.signature" },
		{ LAB_WITH("l=0"), LAB_WITH("q=x"), "dkim.body-length" },
		{ LAB_WITH("q=x"), LAB_WITH("l=0"), "dkim.query" },
		{ LAB_DOMAIN("evil.test"), LAB_WITH("l=0"),
		    "dkim.body-length" },
		{ " junk", LAB_DOMAIN("evil.test"), "dkim.not-aligned" },
		{ " junk", " d=x;d=y", "dkim.tag-syntax" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab_signature how = { .key = "rsa2048",
			.names = "from" };
		struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
		struct span raw;

		unit_case("%zu", i);
		how.tags = cases[i].second;
		raw = lab_sign(j, span_str(lab_message), &how);
		how.tags = cases[i].first;
		raw = lab_sign(j, raw, &how);
		assert_string_equal(
		    lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW)
			.finding.code,
		    cases[i].code);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_look_alikes),
	cmocka_unit_test(test_alignment),
	cmocka_unit_test(test_signer_named),
	cmocka_unit_test(test_among_others),
	cmocka_unit_test(test_most_telling),
};
UNIT_MAIN(tests)
