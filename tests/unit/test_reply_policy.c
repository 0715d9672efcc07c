/*
 * What the configuration may change of the rules for a reply: MA-31, MA-32,
 * MA-36, MA-40, MA-49, MA-50, MA-81, for all mailboxes or those of a domain.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/job.h"
#include "src/reply_conf.h"
#include "tests/unit/dkim_lab.h"

#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define RECEIVED                                                               \
	"Received: from a by mx.ca.test; Mon, 2 Mar 2026 10:00:00 +0000\r\n"
#define OWN "Authentication-Results: mx.ca.test; "

/* Each case: the signature, the key record, one thing that is different. */
struct attempt {
	const char *domain; /* of the mailbox; NULL: user.test */
	const char *d;      /* d=; NULL: the same */
	const char *names;  /* h=; NULL: with To */
	const char *flags;  /* t= of the key record */
	const char *above;  /* fields on top */
	const char *in_reply_to;
	bool insecure, disagrees;
};

static struct dns_answer key_answer;

static int
give_key(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	(void)ctx;
	(void)j;
	(void)type;
	*out = key_answer;
	out->name = out->canonical = name;
	return 0;
}

static void
release(void *r)
{
	resolver_free(r);
}

static struct resolver *
dns_of(struct job *j, const struct attempt *a)
{
	static struct span rdata;
	const char *text = lab_record(j, "ed25519");

	if (a->flags != NULL)
		text = arena_printf(j->arena, "%s; t=%s", text, a->flags);
	rdata = lab_rdata(j, span_str(text));
	key_answer = (struct dns_answer){ .status = DNS_OK,
		.secure = !a->insecure,
		.disagrees = a->disagrees,
		.rdata = &rdata,
		.count = 1 };
	return arena_own(
	    j->arena, resolver_new_custom(give_key, NULL), release);
}

static struct span
render(struct job *j, const struct attempt *a)
{
	const char *domain = a->domain != NULL ? a->domain : "user.test";
	struct lab_signature s = { .key = "ed25519",
		.names = a->names != NULL ? a->names : "from:to:subject:date" };
	const char *text = arena_printf(j->arena,
	    "From: alice@%s\r\nTo: acme+tag@ca.test\r\n"
	    "Subject: Re: ACME: " PART1 "\r\n"
	    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n%s\r\n"
	    "-----BEGIN ACME RESPONSE-----\r\n" RIGHT
	    "\r\n-----END ACME RESPONSE-----\r\n",
	    domain,
	    a->in_reply_to == NULL
		? ""
		: arena_printf(
		      j->arena, "In-Reply-To: %s\r\n", a->in_reply_to));
	struct span message;
	struct buf b;

	s.tags = arena_printf(j->arena,
	    " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=%s; s=sel; h=%s; "
	    "bh=@BH@; b=@B@",
	    a->d != NULL ? a->d : domain, s.names);
	message = lab_sign(j, span_str(text), &s);
	buf_init(&b, j->arena, 1 << 16);
	buf_add_str(&b, a->above != NULL ? a->above : "");
	buf_add(&b, message);
	return buf_span(&b);
}

static struct reply
judge(const struct attempt *a, const struct reply_policy *p)
{
	struct job *j = unit_job();
	const char *domain = a->domain != NULL ? a->domain : "user.test";
	struct reply_expect e = { .mailbox = arena_printf(
				      j->arena, "alice@%s", domain),
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = LAB_NOW - 600,
		.expires_at = LAB_NOW + 3600 };
	struct reply r;

	clock_set(LAB_NOW);
	j->now = LAB_NOW;
	assert_int_equal(
	    b64url_parse_fixed(span_str(RIGHT), e.digest_now, SHA256_LEN), 0);
	assert_int_equal(reply_open(j, render(j, a), LAB_NOW, p, &r), 0);
	assert_int_equal(reply_judge(j, &r, &e, p, dns_of(j, a)), 0);
	return r;
}

static const char *
outcome(const struct attempt *a, const struct reply_policy *p)
{
	struct reply r = judge(a, p);

	return r.verdict == VERDICT_MATCH
		   ? "match"
		   : arena_printf(unit_job()->arena, "%s %s",
			 verdict_name(r.verdict), r.finding.code);
}

static const struct reply_policy usual = { .message_max = 256 * 1024,
	.own_server = { .hops = 1 } };

/* MA-36, MA-40 */
static void
test_domain_options(void **state)
{
	static const struct {
		struct attempt a;
		const char *without, *with;
	} cases[] = {
		{ { .flags = "y" }, "unauthenticated key.testing", "match" },
		{ { .flags = "y:s" }, "unauthenticated key.testing", "match" },
		{ { .domain = "mail.user.test", .d = "user.test" },
		    "unauthenticated dkim.not-aligned", "match" },
		{ { .domain = "mail.user.test" }, "match", "match" },
		/* not a parent, a child, a neighbour, a suffix without dot */
		{ { .domain = "mail.user.test", .d = "other.test" },
		    "unauthenticated dkim.not-aligned",
		    "unauthenticated dkim.not-aligned" },
		{ { .domain = "mail.user.test", .d = "x.mail.user.test" },
		    "unauthenticated dkim.not-aligned",
		    "unauthenticated dkim.not-aligned" },
		{ { .domain = "mail.user.test", .d = "www.user.test" },
		    "unauthenticated dkim.not-aligned",
		    "unauthenticated dkim.not-aligned" },
		{ { .domain = "mail.user.test", .d = "ser.test" },
		    "unauthenticated dkim.not-aligned",
		    "unauthenticated dkim.not-aligned" },
	};
	struct reply_policy p = usual;

	(void)state;
	p.allow_testing = true;
	p.parent = "user.test";
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_string_equal(
		    outcome(&cases[i].a, &usual), cases[i].without);
		assert_string_equal(outcome(&cases[i].a, &p), cases[i].with);
	}
}

/* MA-31, MA-32 */
static void
test_dns_options(void **state)
{
	static const struct attempt insecure = { .insecure = true };
	static const struct attempt disagrees = { .disagrees = true };
	struct reply_policy p = usual;

	(void)state;
	p.require_dnssec = true;
	assert_string_equal(outcome(&insecure, &usual), "match");
	assert_string_equal(
	    outcome(&insecure, &p), "unauthenticated dns.insecure");
	assert_string_equal(
	    outcome(&disagrees, &usual), "deferred dns.disagreement");
}

/* MA-49: it can only refuse, unless the relay is known to change it. */
static void
test_message_id(void **state)
{
	static const struct attempt right = { .in_reply_to = "<c1@ca.test>" };
	static const struct attempt other = { .in_reply_to = "<c2@ca.test>" };
	struct reply_policy p = usual;
	struct reply r;

	(void)state;
	p.message_id_rewritten = true;
	assert_string_equal(outcome(&right, &usual), "match");
	assert_string_equal(
	    outcome(&other, &usual), "unauthenticated hdr.in-reply-to");
	assert_string_equal(outcome(&right, &p), "match");
	r = judge(&other, &p);
	assert_int_equal(r.verdict, VERDICT_MATCH);
	assert_non_null(strstr(
	    r.evidence, "{\"code\":\"hdr.in-reply-to\",\"result\":\"note\""));
}

/* MA-50, MA-81 */
static void
test_own_server(void **state)
{
	static const struct {
		struct attempt a;
		const char *trusted; /* with the server trusted … */
		const char *barrier; /* … and SPF needed where To is open */
	} cases[] = {
		{ { .above = RECEIVED }, "match", "match" },
		{ { .above = RECEIVED, .names = "from:subject:date" }, "match",
		    "unauthenticated hdr.to-unsigned" },
		{ { .above = OWN
		      "spf=pass smtp.mailfrom=alice@user.test\r\n" RECEIVED,
		      .names = "from:subject:date" },
		    "match", "match" },
		{ { .above = OWN
		      "spf=pass smtp.mailfrom=b@other.test\r\n" RECEIVED,
		      .names = "from:subject:date" },
		    "match", "unauthenticated hdr.to-unsigned" },
		/* forged: below the own Received, or by another id */
		{ { .above = RECEIVED OWN
		      "spf=pass smtp.mailfrom=alice@user.test\r\n",
		      .names = "from:subject:date" },
		    "match", "unauthenticated hdr.to-unsigned" },
		{ { .above =
			  "Authentication-Results: mx.ca.test.evil.example; "
			  "spf=pass smtp.mailfrom=alice@user.test\r\n" RECEIVED,
		      .names = "from:subject:date" },
		    "match", "unauthenticated hdr.to-unsigned" },
		{ { .above = OWN "dkim=fail header.d=user.test\r\n" RECEIVED },
		    "deferred ar.disagrees", "deferred ar.disagrees" },
		{ { .above = RECEIVED OWN "dkim=fail header.d=user.test\r\n" },
		    "match", "match" },
		{ { .above =
			  OWN "dmarc=fail header.from=user.test\r\n" RECEIVED },
		    "deferred ar.disagrees", "deferred ar.disagrees" },
	};
	struct reply_policy trusted = usual, barrier;

	(void)state;
	trusted.own_server.authserv_id = "mx.ca.test";
	barrier = trusted;
	barrier.spf_if_to_unsigned = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		/* Nothing counts while no server is trusted. */
		assert_string_equal(outcome(&cases[i].a, &usual), "match");
		assert_string_equal(
		    outcome(&cases[i].a, &trusted), cases[i].trusted);
		assert_string_equal(
		    outcome(&cases[i].a, &barrier), cases[i].barrier);
	}
}

/* MA-80, MA-81: a good word of the own server makes nothing authentic. */
static void
test_no_acceptance(void **state)
{
	static const struct attempt cases[] = {
		{ .above = OWN "dkim=pass header.d=user.test; dmarc=pass "
			       "header.from=user.test; spf=pass "
			       "smtp.mailfrom=user.test\r\n" RECEIVED,
		    .d = "other.test" },
		{ .above = OWN "dkim=pass header.d=user.test\r\n" RECEIVED,
		    .flags = "y" },
	};
	struct reply_policy p = usual;

	(void)state;
	p.own_server.authserv_id = "mx.ca.test";
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    judge(&cases[i], &p).verdict, VERDICT_UNAUTHENTICATED);
}

/* What the sections of the configuration come to. */
static void
test_conf(void **state)
{
	static struct conf_domain domains[] = {
		{ .name = "mail.example.co.uk",
		    .coverage = CONF_COVERAGE_RFC,
		    .require_dnssec = true,
		    .accept_parent = true,
		    .allow_testing_key = true,
		    .spf_if_to_unsigned = true },
		{ .name = "example.com", .accept_parent = true },
	};
	const struct conf conf = {
		.sender = { .relay_rewrites_message_id = true },
		.validator = { .domains = domains,
		    .domain_count = COUNT(domains),
		    .coverage = CONF_COVERAGE_PRESENT,
		    .trusted_authserv_id = "mx.ca.test",
		    .trusted_hops = 2,
		    .max_message = 1000 },
	};
	struct reply_policy p = reply_policy_of(&conf, NULL);

	(void)state;
	assert_int_equal(p.message_max, 1000);
	assert_int_equal(p.coverage, CONF_COVERAGE_PRESENT);
	assert_false(
	    p.require_dnssec || p.allow_testing || p.spf_if_to_unsigned);
	assert_null(p.parent);
	assert_true(p.message_id_rewritten);
	assert_string_equal(p.own_server.authserv_id, "mx.ca.test");
	assert_int_equal(p.own_server.hops, 2);

	p = reply_policy_of(&conf, "a@mail.example.co.uk");
	assert_int_equal(p.coverage, CONF_COVERAGE_RFC);
	assert_true(
	    p.require_dnssec && p.allow_testing && p.spf_if_to_unsigned);
	assert_string_equal(p.parent, "example.co.uk");
	/* Above an organisational domain there is nothing. */
	p = reply_policy_of(&conf, "a@example.com");
	assert_null(p.parent);
	/* Those of one domain are not those of another. */
	p = reply_policy_of(&conf, "a@example.co.uk");
	assert_int_equal(p.coverage, CONF_COVERAGE_PRESENT);
	p = reply_policy_of(&conf, "a@x.mail.example.co.uk");
	assert_int_equal(p.coverage, CONF_COVERAGE_PRESENT);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_domain_options),
	cmocka_unit_test(test_dns_options),
	cmocka_unit_test(test_message_id),
	cmocka_unit_test(test_own_server),
	cmocka_unit_test(test_no_acceptance),
	cmocka_unit_test(test_conf),
};

UNIT_MAIN(tests)
