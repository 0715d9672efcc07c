/*
 * DKIM signatures as a whole: the examples of the RFCs (MA-91), times (MA-19),
 * header selection (MA-26), the key record (MA-30 to MA-36), domains beyond
 * ASCII (MA-38).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

/* --- the examples of the RFCs (MA-91) --------------------------------- */

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
	/* The From field has another domain: looked at only to be named. */
	dns.queries = 0;
	r = lab_verify(span_str(rfc6376_a), "football.example.com", &dns,
	    &lab_policy, LAB_NOW);
	assert_string_equal(r.finding.code, "dkim.not-aligned");
	assert_non_null(strstr(r.finding.detail, "signed by example.com only"));
	assert_int_equal(dns.queries, 1);
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

/* --- times (MA-19) ---------------------------------------------------- */

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

/* --- header selection (MA-26) ----------------------------------------- */

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
		raw = lab_with_field(raw, cases[i].field, cases[i].on_top);
		r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
		assert_string_equal(r.finding.code, cases[i].code);
	}
}

/* --- the key record (MA-30 to MA-36) ---------------------------------- */

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

/* MA-33: what is larger than any key is so tomorrow. */
static void
test_dns_too_large(void **state)
{
	struct job *j = unit_job();
	const struct lab_signature how = { .key = "rsa2048", .tags = LAB_TAGS };
	struct span raw = lab_sign(j, span_str(lab_message), &how);
	struct lab_dns dns = { .status = DNS_TEMPORARY, .too_large = true };
	struct dkim_result r;

	(void)state;
	r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	assert_string_equal(r.finding.code, "key.too-large");
	assert_int_equal(r.finding.result, FINDING_REFUSE);
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

/* --- domains beyond ASCII (MA-38) ------------------------------------- */

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

/* --- a thousand signatures -------------------------------------------- */

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
	int64_t begin = unit_cpu_ms();

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
	assert_true(unit_cpu_ms() - begin < 3000);
}

/* --- later, again, and what it costs ---------------------------------- */

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
	int64_t begin;
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
	begin = unit_cpu_ms();
	r = lab_verify(raw, "user.test", &dns, &lab_policy, LAB_NOW);
	assert_true(r.pass);
	assert_true(unit_cpu_ms() - begin < 1000);
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
	cmocka_unit_test(test_dns_too_large),
	cmocka_unit_test(test_dns_of_several),
	cmocka_unit_test(test_records),
	cmocka_unit_test(test_record_sets),
	cmocka_unit_test(test_idna),
	cmocka_unit_test(test_thousand),
	cmocka_unit_test(test_again),
	cmocka_unit_test(test_time),
	cmocka_unit_test(test_own_fault),
	cmocka_unit_test(test_rotated),
};
UNIT_MAIN(tests)
