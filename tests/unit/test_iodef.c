/*
 * The report of a refusal (PK-37): which values of iodef name a mailbox, and
 * what the mail says.
 */
#include "config.h"

#include "mail/iodef.h"

#include "lib/count.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct addr_policy any = { .reserved_domains = true };

static const struct {
	const char *value;
	const char *mailbox; /* NULL: none */
} values[] = {
	{ "mailto:caa@example.org", "caa@example.org" },
	{ "MailTo:caa@EXAMPLE.org", "caa@example.org" },
	{ "mailto:a.b+c@sub.example.org", "a.b+c@sub.example.org" },
	/* another scheme, or none */
	{ "https://example.org/report", NULL },
	{ "http://example.org", NULL },
	{ "caa@example.org", NULL },
	{ "mailto", NULL },
	{ "mailto:", NULL },
	{ "", NULL },
	{ " mailto:caa@example.org", NULL },
	/* RFC 6068: fields, several, encoded */
	{ "mailto:caa@example.org?subject=x", NULL },
	{ "mailto:caa@example.org?cc=other@example.org", NULL },
	{ "mailto:?to=caa@example.org", NULL },
	{ "mailto:caa@example.org,other@example.org", NULL },
	{ "mailto:caa%40example.org", NULL },
	{ "mailto:caa%0d%0aBcc:x@example.org", NULL },
	{ "mailto:caa%2Cother@example.org", NULL },
	{ "mailto:caa@example.org;other@example.org", NULL },
	/* what would end a line, an address or an argument */
	{ "mailto:caa@example.org\r\nBcc: x@example.org", NULL },
	{ "mailto:caa@example.org\n", NULL },
	{ "mailto:caa@example.org>", NULL },
	{ "mailto:<caa@example.org>", NULL },
	{ "mailto:caa @example.org", NULL },
	{ "mailto:\"caa\"@example.org", NULL },
	{ "mailto:caa(x)@example.org", NULL },
	{ "mailto:c\xc3\xa4@example.org", NULL },
	/* no mailbox of the Internet's */
	{ "mailto:caa@[192.0.2.1]", NULL },
	{ "mailto:caa@localhost", NULL },
	{ "mailto:@example.org", NULL },
	{ "mailto:caa@", NULL },
	{ "mailto:caa", NULL },
	{ "mailto:a@b@example.org", NULL },
};

static void
test_mailbox(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct addr a;
		int found;

		unit_case("%zu", i);
		found = iodef_mailbox(j, span_str(values[i].value), &any, &a);
		assert_int_equal(found, values[i].mailbox != NULL);
		if (found)
			assert_string_equal(a.canonical, values[i].mailbox);
		assert_int_equal(j->err.kind, ERR_NONE);
	}
}

/* Longer than any mailbox is; and every shorter piece of a good one. */
static void
test_lengths(void **state)
{
	static const char good[] = "mailto:caa@example.org";
	struct job *j = unit_job();
	struct addr a;
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 100000);
	buf_add_str(&b, "mailto:");
	for (int i = 0; i < 5000; i++)
		buf_add_char(&b, 'a');
	buf_add_str(&b, "@example.org");
	assert_int_equal(iodef_mailbox(j, buf_span(&b), &any, &a), 0);
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		int found = iodef_mailbox(j, span_mem(good, n), &any, &a);

		unit_case("%zu", n);
		/* caa@example.o and so on are mailboxes as well. */
		assert_true(!found || n > strlen("mailto:caa@example."));
	}
}

/* Where the public suffixes are what counts, .test is nobody's. */
static void
test_reserved(void **state)
{
	static const struct addr_policy strict = { .is_public = true };
	struct job *j = unit_job();
	struct addr a;

	(void)state;
	assert_int_equal(
	    iodef_mailbox(j, SPAN("mailto:caa@user.test"), &any, &a), 1);
	assert_int_equal(
	    iodef_mailbox(j, SPAN("mailto:caa@user.test"), &strict, &a), 0);
	assert_int_equal(
	    iodef_mailbox(j, SPAN("mailto:caa@a.example"), &strict, &a), 0);
}

/* --- the mail ------------------------------------------------------------- */

static const struct iodef_report report = { .id = "AbCdEf",
	.ca_name = "B\xc3\xa4r & <Sons> CA",
	.from = "acme@ca.example",
	.to = "caa@example.org",
	.domain = "mail.example.org",
	.found_at = "example.org",
	.refused_at = 1800000000,
	.date = 1800000060 };

static void
test_mail(void **state)
{
	static const char *const parts[] = {
		"From: acme@ca.example\r\nTo: caa@example.org\r\n"
		"Subject: CAA records of example.org refuse a certificate\r\n",
		"\r\nMessage-ID: <AbCdEf@ca.example>\r\n",
		/* RFC 3834: no loop */
		"\r\nAuto-Submitted: auto-generated\r\n",
		"Content-Type: multipart/mixed;\r\n",
		"Content-Type: text/plain; charset=utf-8\r\n",
		"mail.example.org",
		"no issuemail property of theirs allows it",
		"There is nothing that you must do.",
		"Content-Type: application/xml; charset=utf-8\r\n"
		"Content-Disposition: attachment; filename=iodef.xml\r\n",
	};
	struct job *j = unit_job();
	struct span m, again;

	(void)state;
	assert_int_equal(iodef_compose(j, &report, &m), 0);
	for (size_t i = 0; i < COUNT(parts); i++) {
		unit_case("%s", parts[i]);
		assert_true(span_has_str(m, parts[i]));
	}
	/* Each attempt sends the same octets. */
	assert_int_equal(iodef_compose(j, &report, &again), 0);
	assert_true(span_eq(m, again));
	for (size_t i = 0; i < m.n; i++)
		if (m.p[i] == '\n')
			assert_true(i > 0 && m.p[i - 1] == '\r');
}

/* RFC 7970: the elements that there must be, in the schema's order, and
 * nothing that is markup by accident. */
static void
test_document(void **state)
{
	static const char *const elements[] = {
		"<?xml version=3D\"1.0\" encoding=3D\"UTF-8\"?>",
		"<IODEF-Document version=3D\"2.00\" xml:lang=3D\"en\"",
		"xmlns=3D\"urn:ietf:params:xml:ns:iodef-2.0\">",
		"<Incident purpose=3D\"reporting\"",
		"<IncidentID name=3D\"ca.example\">AbCdEf</IncidentID>",
		"<DetectTime>2027-01-15T08:00:00Z</DetectTime>",
		"<ReportTime>2027-01-15T08:01:00Z</ReportTime>",
		"<GenerationTime>2027-01-15T08:01:00Z</GenerationTime>",
		"<Description>",
		"<Contact role=3D\"creator\" type=3D\"organization\">",
		"<ContactName>B=C3=A4r &amp; &lt;Sons&gt; CA</ContactName>",
		"<EmailTo>acme@ca.example</EmailTo>",
		"</Contact>",
		"name=3D\"domain\">mail.exam",
		"</Incident>",
		"</IODEF-Document>",
	};
	struct iodef_report critical = report;
	struct job *j = unit_job();
	size_t at = 0;
	struct span m;

	(void)state;
	critical.is_critical = true;
	assert_int_equal(iodef_compose(j, &critical, &m), 0);
	for (size_t i = 0; i < COUNT(elements); i++) {
		size_t found = span_find_span(m, at, span_str(elements[i]));

		unit_case("%s", elements[i]);
		assert_true(found < m.n);
		at = found;
	}
	assert_true(
	    span_has_str(m, "critical property that is not known here"));
}

/* Rows that somebody wrote make no other mail of it. */
static void
test_injection(void **state)
{
	static const char *const recipients[] = { "",
		"caa@example.org\r\nBcc: x@example.org", "a@b.org, c@d.org",
		"<caa@example.org>" };
	struct job *j = unit_job();
	struct iodef_report bad = report;
	struct span m;

	(void)state;
	for (size_t i = 0; i < COUNT(recipients); i++) {
		bad.to = recipients[i];
		assert_int_equal(iodef_compose(j, &bad, &m), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		job_recover(j);
	}
	bad = report;
	bad.found_at = "example.org\r\nBcc: x@example.org";
	assert_int_equal(iodef_compose(j, &bad, &m), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_mailbox),
	cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_reserved),
	cmocka_unit_test(test_mail),
	cmocka_unit_test(test_document),
	cmocka_unit_test(test_injection),
};

UNIT_MAIN(tests)
