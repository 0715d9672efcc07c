#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- the examples of the RFCs (MA-91)
 * ------------------------------------------------ */

#define DINNER_HEADER                                                          \
	"From: Joe SixPack <joe@football.example.com>\r\n"                     \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"                         \
	"Subject: Is dinner ready?\r\n"                                        \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                      \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"     \
	"\r\n"

static const char rfc6376_a[] =
    "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
    "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
    "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
    "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
    "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
    "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
    "      4bmp/YzhwvcubU4=;\r\n"
    "Received: from client1.football.example.com  [192.0.2.1]\r\n"
    "      by submitserver.example.com with SUBMISSION;\r\n"
    "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n" DINNER_HEADER
    /* one blank only: erratum 3192 */
    "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";

static const char rfc6376_key[] =
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
    "KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
    "/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
    "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

#define RFC8463_ED25519                                                        \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"        \
	" d=football.example.com; i=@football.example.com;\r\n"                \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"              \
	" subject : date : message-id : from : subject : date;\r\n"            \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"      \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"

#define RFC8463_RSA                                                            \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"            \
	" d=football.example.com; i=@football.example.com;\r\n"                \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"        \
	" date : message-id : from : subject : date;\r\n"                      \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"      \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"      \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"

#define RFC8463_BODY                                                           \
	"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"

static const char rfc8463_rsa_key[] =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTz"
    "WRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutA"
    "CDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
    "Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

static void
test_rfc6376(void **state)
{
	struct lab_dns dns = lab_one_record(rfc6376_key);
	struct dkim_result r = lab_verify(
	    span_str(rfc6376_a), "example.com", &dns, &lab_policy, LAB_NOW);

	(void)state;
	assert_string_equal(r.finding.code, "dkim.pass");
	assert_string_equal(dns.asked, "brisbane._domainkey.example.com");
	assert_string_equal(r.signatures[0].selector, "brisbane");
	assert_int_equal(r.signatures[0].key_bits, 1024);
	assert_string_equal(r.signatures[0].note.code, "key.weak");
	assert_string_equal(r.signatures[0].header_list,
	    "Received : From : To : Subject : Date : Message-ID");
	/* The From field has another domain. */
	dns.queries = 0;
	r = lab_verify(span_str(rfc6376_a), "football.example.com", &dns,
	    &lab_policy, LAB_NOW);
	assert_string_equal(r.finding.code, "dkim.not-aligned");
	assert_int_equal(dns.queries, 0);
}

static void
test_rfc8463(void **state)
{
	static const struct {
		const char *message;
		const char *record;
		const char *asked;
	} cases[] = {
		{ RFC8463_ED25519 DINNER_HEADER RFC8463_BODY,
		    "v=DKIM1; k=ed25519; "
		    "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		    "brisbane._domainkey.football.example.com" },
		{ RFC8463_RSA DINNER_HEADER RFC8463_BODY, rfc8463_rsa_key,
		    "test._domainkey.football.example.com" },
		{ RFC8463_ED25519 RFC8463_RSA DINNER_HEADER RFC8463_BODY
		    "\r\n\r\n",
		    rfc8463_rsa_key, "test._domainkey.football.example.com" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab_dns dns = lab_one_record(cases[i].record);
		struct dkim_result r;

		unit_case("%zu", i);
		dns.name = cases[i].asked;
		r = lab_verify(span_str(cases[i].message),
		    "football.example.com", &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.code, "dkim.pass");
		assert_string_equal(dns.asked, cases[i].asked);
		assert_int_equal(r.passed, i == 2);
		assert_int_equal(r.signature_count, i == 2 ? 2 : 1);
	}
}

/* --- times (MA-19)
 * ------------------------------------------------------------------- */

static void
test_arrival(void **state)
{
	/* Judged at LAB_NOW + 100; x is two hours after the mail went out. */
	static const struct {
		int64_t arrival;
		int64_t used;
	} cases[] = {
		{ LAB_NOW, LAB_NOW },
		{ LAB_SENT, LAB_SENT },
		{ LAB_SENT - 1, LAB_NOW + 100 },
		{ 0, LAB_NOW + 100 },
		{ LAB_NOW + 100, LAB_NOW + 100 },
		{ LAB_NOW + 101, LAB_NOW + 100 },
		{ INT64_MAX, LAB_NOW + 100 },
	};
	struct lab_signature how = { .key = "rsa2048",
		.tags = LAB_WITH("t=1772438400; x=1772445600") };
	struct lab_dns dns = lab_one_record(lab_record(unit_job(), "rsa2048"));
	struct span raw = lab_sign(unit_job(), span_str(lab_message), &how);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dkim_result r;

		unit_case("%zu", i);
		r = lab_verify(
		    raw, "user.test", &dns, &lab_policy, cases[i].arrival);
		assert_int_equal(r.arrival, cases[i].used);
		assert_string_equal(r.finding.code,
		    cases[i].used <= 1772445600 ? "dkim.pass" : "dkim.expired");
	}
}

/* --- header selection (MA-26)
 * ----------------------------------------------------------- */

static struct span
with_field(struct span raw, const char *field, bool on_top)
{
	struct job *j = unit_job();
	size_t end = span_find_span(raw, 0, SPAN("\r\n\r\n")) + 2;
	struct buf b;

	buf_init(&b, j->arena, raw.n + 1024);
	if (on_top)
		buf_add_str(&b, field);
	buf_add(&b, span_cut(raw, 0, end));
	if (!on_top)
		buf_add_str(&b, field);
	buf_add(&b, span_from(raw, end));
	return buf_span(&b);
}

static void
test_oversigned(void **state)
{
	static const struct {
		const char *names;
		const char *field;
		bool on_top;
		const char *code;
	} cases[] = {
		{ "from:subject:date:x-a", "X-B: 1\r\n", true, "dkim.pass" },
		/* Oversigned: nothing can be added, wherever. */
		{ "from:subject:date:x-a", "X-A: 1\r\n", true,
		    "dkim.signature" },
		{ "from:subject:date:x-a", "X-A: 1\r\n", false,
		    "dkim.signature" },
		{ "from:from:subject:subject:date:date", "From: x@y.test\r\n",
		    true, "dkim.signature" },
		/* Not oversigned: the one below is hashed, and the count says
		 * that one is not covered (MA-41). */
		{ "from:subject:date", "Subject: x\r\n", true,
		    "dkim.coverage" },
		{ "from:subject:date", "To: x@y.test\r\n", true, "dkim.pass" },
		{ "from:to:subject:date", "To: x@y.test\r\n", true,
		    "dkim.pass" },
		{ "from:to:subject:date", "To: x@y.test\r\n", false,
		    "dkim.signature" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = unit_job();
		struct lab_signature how = { .key = "rsa2048",
			.names = cases[i].names };
		struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
		struct dkim_result r;
		struct span raw;

		unit_case("%zu", i);
		how.tags = arena_printf(j->arena,
		    LAB_BEGIN LAB_D_S "h=%s; bh=@BH@; b=@B@", cases[i].names);
		raw = lab_sign(j, span_str(lab_message), &how);
		assert_true(
		    lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW)
			.pass);
		raw = with_field(raw, cases[i].field, cases[i].on_top);
		r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.code, cases[i].code);
	}
}

/* --- the key record (MA-30 to MA-36)
 * ----------------------------------------------------- */

static void
test_dns(void **state)
{
	static const struct {
		enum dns_status status;
		bool secure, require;
		const char *code;
		enum finding_class result;
	} cases[] = {
		{ DNS_OK, false, false, "dkim.pass", FINDING_PASS },
		{ DNS_OK, true, false, "dkim.pass", FINDING_PASS },
		{ DNS_OK, true, true, "dkim.pass", FINDING_PASS },
		{ DNS_OK, false, true, "dns.insecure", FINDING_REFUSE },
		{ DNS_NODATA, true, false, "key.none", FINDING_REFUSE },
		{ DNS_NXDOMAIN, true, false, "key.none", FINDING_REFUSE },
		{ DNS_TEMPORARY, false, false, "dns.temporary", FINDING_DEFER },
		{ DNS_BOGUS, false, false, "dns.bogus", FINDING_DEFER },
		{ DNS_BOGUS, false, true, "dns.bogus", FINDING_DEFER },
	};
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct span raw = lab_sign(j, span_str(lab_message), &how);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
		struct dkim_policy policy = lab_policy;
		struct dkim_result r;

		unit_case("%zu", i);
		dns.status = cases[i].status;
		dns.secure = cases[i].secure;
		policy.require_dnssec = cases[i].require;
		r = lab_verify(raw, "user.test", &dns, &policy, LAB_NOW);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_int_equal(r.finding.result, cases[i].result);
		assert_int_equal(dns.queries, 1);
		assert_string_equal(dns.asked, "sel._domainkey.user.test");
		assert_int_equal(r.signatures[0].key.status, cases[i].status);
	}
}

/* A second signature decides when the first one cannot; one that may still
 * pass defers the whole. */
static void
test_dns_of_several(void **state)
{
	struct job *j = unit_job();
	struct lab_signature how = { .key = "rsa2048",
		.tags = LAB_SELECTOR("good") };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct dkim_result r;

	(void)state;
	how.tags = LAB_SELECTOR("gone");
	raw = lab_sign(j, raw, &how);
	dns.name = "good._domainkey.user.test";
	r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	assert_true(r.pass);
	assert_int_equal(r.passed, 1);
	assert_string_equal(r.signatures[0].finding.code, "key.none");
	assert_string_equal(r.signatures[1].finding.code, "dkim.pass");

	dns.status = DNS_TEMPORARY;
	r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	assert_string_equal(r.finding.code, "dns.temporary");
	assert_int_equal(r.finding.result, FINDING_DEFER);
}

static void
test_records(void **state)
{
	static const struct {
		const char *code;
		const char *key;
		const char *before, *after; /* around p= */
		const char *tags;
	} cases[] = {
		{ "dkim.pass", "rsa2048", "v=DKIM1; k=rsa; ", "", LAB_TAGS },
		{ "dkim.pass", "rsa1024", "", "", LAB_TAGS },
		{ "dkim.pass", "rsa4096", "", "", LAB_TAGS },
		{ "key.too-small", "rsa768", "", "", LAB_TAGS },
		{ "key.testing", "rsa2048", "t=y; ", "", LAB_TAGS },
		{ "key.testing", "rsa2048", "t=s:y; ", "",
		    LAB_WITH("i=@user.test") },
		{ "dkim.pass", "rsa2048", "t=s; ", "", LAB_TAGS },
		{ "dkim.pass", "rsa2048", "t=s; ", "",
		    LAB_WITH("i=a@user.test") },
		{ "key.strict-identity", "rsa2048", "t=s; ", "",
		    LAB_WITH("i=a@sub.user.test") },
		{ "dkim.pass", "rsa2048", "t=x; ", "",
		    LAB_WITH("i=a@sub.user.test") },
		{ "key.service", "rsa2048", "s=tlsrpt; ", "", LAB_TAGS },
		{ "key.hash", "rsa2048", "h=sha1; ", "", LAB_TAGS },
		{ "key.type", "rsa2048", "k=ed25519; ", "", LAB_TAGS },
		{ "key.version", "rsa2048", "", "; v=DKIM1", LAB_TAGS },
		{ "key.syntax", "rsa2048", "p=x; ", "", LAB_TAGS },
		{ "key.encoding", "rsa2048", "", "AAAA", LAB_TAGS },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct lab_signature how = { .key = cases[i].key,
			.tags = cases[i].tags };
		struct lab_dns dns = lab_one_record(arena_printf(j->arena,
		    "%sp=%s%s", cases[i].before,
		    lab_public_key(j, cases[i].key, false), cases[i].after));
		struct dkim_result r;

		unit_case("%zu", i);
		r = lab_verify(lab_sign(j, span_str(lab_message), &how),
		    "user.test", &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_string_equal(r.signatures[0].note.code,
		    strcmp(cases[i].key, "rsa1024") == 0 ? "key.weak"
							 : "dkim.pass");
	}
}

/* MA-33, MA-35: PKCS#1 keys, revoked ones, two at once, another key. */
static void
test_record_sets(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	const char *key = lab_record(j, "rsa2048");
	const struct {
		const char *code;
		const char *texts[3];
	} cases[] = {
		{ "dkim.pass", { arena_printf(j->arena, "p=%s",
				   lab_public_key(j, "rsa2048", true)) } },
		{ "dkim.pass", { "v=spf1 -all", key, "" } },
		{ "key.multiple", { key, key } },
		{ "key.multiple", { key, "v=DKIM1; p=" } },
		{ "key.revoked", { "v=DKIM1; p=" } },
		{ "key.none", { "v=spf1 -all" } },
		/* The signature has not the length of these keys. */
		{ "dkim.base64", { rfc6376_key } },
		{ "dkim.base64", { lab_record(j, "rsa4096") } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab_dns dns = { .status = DNS_OK };

		unit_case("%zu", i);
		while (dns.count < 3 && cases[i].texts[dns.count] != NULL) {
			dns.texts[dns.count] =
			    span_str(cases[i].texts[dns.count]);
			dns.count++;
		}
		assert_string_equal(
		    lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW)
			.finding.code,
		    cases[i].code);
	}
}

/* --- domains beyond ASCII (MA-38)
 * ---------------------------------------------------------- */

static void
test_idna(void **state)
{
	static const struct {
		const char *tags, *from_domain, *code, *asked;
	} cases[] = {
		{ LAB_DOMAIN("b\xc3\xbc"
			     "cher.test"),
		    "xn--bcher-kva.test", "dkim.pass",
		    "sel._domainkey.xn--bcher-kva.test" },
		{ LAB_DOMAIN("xn--bcher-kva.test"), "xn--bcher-kva.test",
		    "dkim.pass", "sel._domainkey.xn--bcher-kva.test" },
		{ LAB_DOMAIN("XN--Bcher-KVA.test"), "xn--bcher-kva.test",
		    "dkim.pass", "sel._domainkey.xn--bcher-kva.test" },
		{ LAB_BEGIN "d=b\xc3\xbc"
			    "cher.test; i=@a.b\xc3\xbc"
			    "cher.test; "
			    "s=s\xc3\xa9l; " LAB_H_B,
		    "xn--bcher-kva.test", "dkim.pass",
		    "xn--sl-bja._domainkey.xn--bcher-kva.test" },
		{ LAB_BEGIN "d=xn--bcher-kva.test; i=@b\xc3\xbc"
			    "cher.test; "
			    "s=sel; " LAB_H_B,
		    "xn--bcher-kva.test", "dkim.pass",
		    "sel._domainkey.xn--bcher-kva.test" },
		{ LAB_DOMAIN("stra\xc3\x9f"
			     "e.test"),
		    "strasse.test", "dkim.not-aligned", "" },
		{ LAB_DOMAIN("\xe2\x82\xac.test"), "user.test", "dkim.idna",
		    "" },
		{ LAB_BEGIN "d=user.test; s=\xe2\x82\xac; " LAB_H_B,
		    "user.test", "dkim.idna", "" },
		{ LAB_WITH("i=@\xe2\x82\xac.user.test"), "user.test",
		    "dkim.idna", "" },
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
		assert_string_equal(dns.asked, cases[i].asked);
	}
}

/* --- which signatures count (MA-10, MA-11, MA-40)
 * ------------------------------------------- */

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
	r = lab_verify(with_field(span_str(lab_message),
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
		{ LAB_TAGS, "sub.user.test", "dkim.not-aligned", 0 },
		{ LAB_TAGS, "xuser.test", "dkim.not-aligned", 0 },
		{ LAB_TAGS, "test", "dkim.not-aligned", 0 },
		{ LAB_DOMAIN("sub.user.test"), "user.test", "dkim.not-aligned",
		    0 },
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
test_provider_text(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048",
		.tags = LAB_DOMAIN("user.onmicrosoft.com") };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct dkim_result r =
	    lab_verify(lab_sign(j, span_str(lab_message), &how), "user.test",
		&dns, &lab_policy, LAB_NOW);

	(void)state;
	assert_non_null(strstr(r.finding.detail, "user.onmicrosoft.com"));
	assert_non_null(strstr(r.finding.detail, "for user.test"));
	assert_non_null(strstr(r.finding.detail, "administrator"));
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
	raw = with_field(raw, "DKIM-Signature: junk\r\n", true);
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

static double
cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* MA-11: 1 000 signatures; the parser of messages would not let so many
 * fields through, so the message is put together here. */
static void
test_thousand(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = {
		.key = "rsa2048", .tags = LAB_TAGS, .names = "from"
	};
	struct message m =
	    lab_parse(j, lab_sign(j, span_str(lab_message), &how));
	struct field *fields =
	    arena_calloc(j->arena, 1000 + m.field_count, sizeof(*fields));
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct dkim_result r;
	double begin = cpu_seconds();

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		fields[i] = m.fields[0];
	memcpy(
	    fields + 1000, m.fields + 1, (m.field_count - 1) * sizeof(*fields));
	m.fields = fields;
	m.field_count += 999;
	assert_int_equal(dkim_verify(j, &m, "user.test", LAB_NOW, &lab_policy,
			     lab_resolver(j, &dns), &r),
	    0);
	assert_string_equal(r.finding.code, "dkim.signature");
	assert_int_equal(dns.queries, 8);
	assert_int_equal(r.signature_count, 8);
	assert_string_equal(r.note.code, "dkim.too-many");
	assert_int_equal(r.note.result, FINDING_NOTE);
	/* The same number of other domains costs no query at all. */
	dns.queries = 0;
	assert_int_equal(dkim_verify(j, &m, "other.test", LAB_NOW, &lab_policy,
			     lab_resolver(j, &dns), &r),
	    0);
	assert_string_equal(r.finding.code, "dkim.not-aligned");
	assert_int_equal(dns.queries, 0);
	assert_string_equal(r.note.code, "dkim.pass");
	assert_true(cpu_seconds() - begin < 3);
}

/* --- coverage (MA-41)
 * ------------------------------------------------------------------------ */

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
	assert_int_equal(r.signatures[0].grade, CONF_COVERAGE_PRESENT);
}

/* --- attacks (annex 2) and mutations (MA-93)
 * --------------------------------------------------- */

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
	    j, with_field(raw, "From: Eve <eve@user.test>\r\n", true));
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
	    lab_verify(with_field(raw, "X-New: 1\r\n", true), "user.test", &dns,
		&lab_policy, LAB_NOW);
	uint8_t zero[32] = { 0 };

	(void)state;
	assert_true(before.pass && after.pass);
	assert_memory_equal(before.covered_hash, after.covered_hash, 32);
	assert_memory_not_equal(before.covered_hash, zero, 32);
}

/* MA-86: the stored record and the arrival are enough, ten years later. */
static void
test_again(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048",
		.tags = LAB_WITH("t=1772445600; x=1772446000") };
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct dkim_result first =
	    lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW + 50);
	struct lab_dns stored = { .status = DNS_OK,
		.count = 1,
		.name = first.signatures[first.passed].key.name };
	struct message m = lab_parse(j, raw);
	struct dkim_result again;

	(void)state;
	stored.texts[0] = first.signatures[first.passed].key_record;
	j->now = LAB_NOW + 10LL * 365 * 86400;
	assert_int_equal(dkim_verify(j, &m, "user.test", first.arrival,
			     &lab_policy, lab_resolver(j, &stored), &again),
	    0);
	assert_true(first.pass && again.pass);
	assert_memory_equal(first.covered_hash, again.covered_hash, 32);
	assert_int_equal(first.arrival, again.arrival);
}

/* MA-94: 256 KiB and 8 signatures; generous here, because sanitizers and busy
 * machines run this as well. */
static void
test_time(void **state)
{
	struct job *j = unit_job();
	struct lab_signature how = {
		.key = "rsa2048", .names = "from", .tags = LAB_TAGS
	};
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct dkim_result r;
	struct span raw;
	double begin;
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 400000);
	buf_add_str(&b, lab_message);
	while (b.n < 250000)
		buf_add_str(&b, "some words of  a line \t of a long body\r\n");
	raw = buf_span(&b);
	for (int i = 0; i < 7; i++)
		raw = lab_sign(j, raw, &how);
	how.names = NULL;
	raw = lab_sign(j, raw, &how);
	/* The good one last. */
	begin = cpu_seconds();
	r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	assert_true(r.pass);
	assert_true(cpu_seconds() - begin < 1);
}

static int
no_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	(void)ctx;
	(void)type;
	(void)out;
	return job_fail(j, ERR_INTERNAL, "%s: no resolver", name);
}

/* Our own faults are no verdict. */
static void
test_own_fault(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct message m =
	    lab_parse(j, lab_sign(j, span_str(lab_message), &how));
	struct resolver *resolver = resolver_new_custom(no_query, NULL);
	struct dkim_result r;

	(void)state;
	assert_int_equal(
	    dkim_verify(j, &m, "user.test", LAB_NOW, &lab_policy, resolver, &r),
	    -1);
	assert_false(r.pass);
	resolver_free(resolver);
}

/* MA-37: the key is that of the moment, and no later one is believed for a
 * reply that an earlier one signed, nor an earlier one for a later reply. */
static void
test_rotated(void **state)
{
	static const struct lab_signature by_old = { .key = "rsa2048",
		.tags = LAB_TAGS };
	static const struct lab_signature by_new = { .key = "rsa4096",
		.tags = LAB_TAGS };
	struct job *j = unit_job();
	struct span message = span_str(lab_message);
	struct span old = lab_sign(j, message, &by_old);
	struct span fresh = lab_sign(j, message, &by_new);
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));

	(void)state;
	assert_true(
	    lab_verify(old, "user.test", &dns, &lab_policy, LAB_NOW).pass);
	assert_false(
	    lab_verify(fresh, "user.test", &dns, &lab_policy, LAB_NOW).pass);
	dns = lab_one_record(lab_record(j, "rsa4096"));
	assert_true(
	    lab_verify(fresh, "user.test", &dns, &lab_policy, LAB_NOW).pass);
	assert_string_equal(
	    lab_verify(old, "user.test", &dns, &lab_policy, LAB_NOW)
		.finding.code,
	    "dkim.base64");
	assert_int_equal(dns.queries, 2);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_rfc6376),
	cmocka_unit_test(test_rfc8463),
	cmocka_unit_test(test_arrival),
	cmocka_unit_test(test_oversigned),
	cmocka_unit_test(test_dns),
	cmocka_unit_test(test_dns_of_several),
	cmocka_unit_test(test_records),
	cmocka_unit_test(test_record_sets),
	cmocka_unit_test(test_idna),
	cmocka_unit_test(test_look_alikes),
	cmocka_unit_test(test_alignment),
	cmocka_unit_test(test_provider_text),
	cmocka_unit_test(test_among_others),
	cmocka_unit_test(test_most_telling),
	cmocka_unit_test(test_thousand),
	cmocka_unit_test(test_profiles),
	cmocka_unit_test(test_coverage_text),
	cmocka_unit_test(test_coverage_absent),
	cmocka_unit_test(test_appended_part),
	cmocka_unit_test(test_refused_before),
	cmocka_unit_test(test_arc),
	cmocka_unit_test(test_mutations),
	cmocka_unit_test(test_uncovered),
	cmocka_unit_test(test_again),
	cmocka_unit_test(test_time),
	cmocka_unit_test(test_own_fault),
	cmocka_unit_test(test_rotated),
};
UNIT_MAIN(tests)
