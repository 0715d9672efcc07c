/*
 * Certificate requests: the mailboxes that they name, in the subjectAltName and
 * the subject (PK-58, PK-59, PK-81; AC-136, L-7, ER-4).
 */
#include "config.h"

#include <string.h>

#include "lib/count.h"
#include "pki/csr.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "tests/unit/csr_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

/* PK-58, PK-59, AC-136: the names and nothing else. */
static void
test_names(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct span mine = lab_rfc822(j, csr_lab_mailboxes[0]);
	const struct {
		const char *what;
		struct span names;
		const char *refusal;
	} cases[] = {
		{ "domain in capitals", lab_rfc822(j, "alice@EXAMPLE.Com"),
		    NULL },
		{ "twice", lab_join(j, mine, mine), NULL },
		{ "twice, another spelling",
		    lab_join(j, mine, lab_rfc822(j, "alice@EXAMPLE.com")),
		    NULL },
		{ "local part in capitals", lab_rfc822(j, "Alice@example.com"),
		    "differ from the order" },
		{ "sub-address", lab_rfc822(j, "alice+b@example.com"),
		    "differ from the order" },
		{ "sub-domain", lab_rfc822(j, "alice@sub.example.com"),
		    "differ from the order" },
		{ "one more", lab_join(j, mine, lab_rfc822(j, "eve@x.example")),
		    "\\\"eve@x.example\\\"" },
		{ "none", span_mem("", 0), "missing in the subjectAltName" },
		{ "no extension", { 0 }, "no subjectAltName" },
		{ "angle brackets", lab_rfc822(j, "<alice@example.com>"),
		    "differ from the order" },
		{ "trailing dot", lab_rfc822(j, "alice@example.com."),
		    "differ from the order" },
		{ "NUL inside",
		    lab_der(j, 0x81, SPAN("alice@example.com\0.evil.example")),
		    "differ from the order" },
		{ "dNSName",
		    lab_join(j, mine, lab_der(j, 0x82, SPAN("example.com"))),
		    "unsupported name in the CSR: dNSName" },
		{ "dNSName with the address, switch off",
		    lab_join(j, mine,
			lab_der(j, 0x82, span_str(csr_lab_mailboxes[0]))),
		    "unsupported name in the CSR: dNSName" },
		{ "URI",
		    lab_join(j, mine,
			lab_der(j, 0x86, SPAN("mailto:alice@example.com"))),
		    "uniformResourceIdentifier" },
		{ "iPAddress",
		    lab_join(j, mine, lab_der(j, 0x87, SPAN("\x7f\1\1\1"))),
		    "iPAddress" },
		{ "directoryName",
		    lab_join(j, mine,
			lab_der(j, 0xa4, lab_der(j, DER_SEQUENCE, c.rdns))),
		    "directoryName" },
		{ "registeredID",
		    lab_join(j, mine, lab_der(j, 0x88, SPAN("\x2a\3"))),
		    "registeredID" },
		{ "userPrincipalName",
		    lab_join(j, mine,
			lab_hex(j,
			    "a013 060a 2b060104018237140203 a005 0c03 614062")),
		    "otherName 1.3.6.1.4.1.311.20.2.3" },
		{ "SmtpUTF8Mailbox of an ASCII mailbox",
		    lab_smtp_utf8(j, csr_lab_mailboxes[0]),
		    "is an rfc822Name" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].what);
		c.names = cases[i].names;
		if (cases[i].refusal == NULL)
			csr_lab_accepts(j, &c);
		else if (cases[i].refusal[0] == '\\')
			csr_lab_refuses(j, &c, "eve@x.example");
		else
			csr_lab_refuses(j, &c, cases[i].refusal);
	}
}

/* ER-4: several mailboxes, any sequence; one missing is named. */
static void
test_several_mailboxes(void **state)
{
	static const char *const order[] = { "alice@example.com",
		"Bob@xn--mnchen-3ya.example" };
	struct csr_policy two = csr_lab_policy;
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct csr out;
	(void)state;

	two.mailboxes = order;
	two.mailbox_count = 2;
	c.names = lab_join(j, lab_rfc822(j, "Bob@XN--MNCHEN-3ya.example"),
	    lab_rfc822(j, order[0]));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &two, &out), 0);
	c.names = lab_rfc822(j, order[0]);
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &two, &out), -1);
	assert_non_null(strstr(j->err.text, order[1]));
}

/* PK-81: ASCII and non-ASCII, local part and domain, in both forms. */
static void
test_forms(void **state)
{
	static const struct {
		const char *order, *in_csr;
		bool utf8;
		const char *refusal;
	} cases[] = {
		{ "a@example.com", "a@example.com", false, NULL },
		{ "a@example.com", "a@example.com", true, "an rfc822Name" },
		{ "\xc3\xa4@example.com", "\xc3\xa4@example.com", true, NULL },
		{ "\xc3\xa4@example.com", "\xc3\xa4@EXAMPLE.com", true, NULL },
		{ "\xc3\xa4@example.com", "\xc3\xa4@example.com", false,
		    "is ASCII" },
		{ "a@xn--mnchen-3ya.example", "a@xn--mnchen-3ya.example", false,
		    NULL },
		{ "a@xn--mnchen-3ya.example", "a@m\xc3\xbcnchen.example", false,
		    "is ASCII" },
		{ "a@xn--mnchen-3ya.example", "a@m\xc3\xbcnchen.example", true,
		    "domain in A-labels" },
		{ "\xc3\xa4@xn--mnchen-3ya.example",
		    "\xc3\xa4@xn--mnchen-3ya.example", true, NULL },
		{ "\xc3\xa4@xn--mnchen-3ya.example",
		    "\xc3\xa4@m\xc3\xbcnchen.example", true,
		    "domain in A-labels" },
		/* decomposed: another mailbox at best (PK-80) */
		{ "\xc3\xa4@example.com", "a\xcc\x88@example.com", true,
		    "differ from the order" },
		{ "\xc3\xa4@example.com", "\xef\xbb\xbf\xc3\xa4@example.com",
		    true, "differ from the order" },
		{ "\xc3\xa4@example.com", "\xe4@example.com", true,
		    "differ from the order" },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *order[] = { cases[i].order };
		struct csr_policy p = csr_lab_policy;
		struct lab_csr c = csr_lab_good(j);
		struct csr out;

		unit_case("%zu", i);
		p.mailboxes = order;
		c.names = cases[i].utf8 ? lab_smtp_utf8(j, cases[i].in_csr)
					: lab_rfc822(j, cases[i].in_csr);
		int r = csr_parse(j, lab_csr_make(j, &c), &p, &out);
		if (cases[i].refusal == NULL && r < 0)
			fail_msg("%s", j->err.text);
		if (cases[i].refusal == NULL)
			continue;
		assert_int_equal(r, -1);
		if (strstr(j->err.text, cases[i].refusal) == NULL)
			fail_msg("%s", j->err.text);
		job_recover(j);
	}
}

/* L-7: only with the switch, only the order's addresses; it does not stand
 * for the rfc822Name. */
static void
test_dns_mailbox(void **state)
{
	struct job *j = unit_job();
	struct csr_policy lenient = csr_lab_policy;
	struct lab_csr c = csr_lab_good(j);
	struct span mine = lab_rfc822(j, csr_lab_mailboxes[0]);
	struct csr out;
	(void)state;

	lenient.ignore_dns_mailboxes = true;
	c.names =
	    lab_join(j, mine, lab_der(j, 0x82, SPAN("alice@EXAMPLE.com")));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &lenient, &out), 0);
	c.names = lab_join(j, mine, lab_der(j, 0x82, SPAN("eve@example.com")));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &lenient, &out), -1);
	job_recover(j);
	c.names = lab_join(j, mine, lab_der(j, 0x82, SPAN("example.com")));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &lenient, &out), -1);
	job_recover(j);
	c.names = lab_der(j, 0x82, span_str(csr_lab_mailboxes[0]));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &lenient, &out), -1);
	assert_non_null(strstr(j->err.text, "missing in the subjectAltName"));
}

/* PK-60, AC-137: mailboxes of the subject are of the order, the rest is
 * ignored. */
static void
test_subject(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	const struct span org = OID_ORGANIZATION;
	const struct {
		const char *what;
		struct span oid;
		uint8_t tag;
		struct span value;
		const char *refusal;
	} cases[] = {
		{ "O", org, DER_UTF8_STRING, SPAN("eve@x"), NULL },
		{ "C", OID_COUNTRY, DER_PRINTABLE_STRING, SPAN("DE"), NULL },
		{ "CN without @", OID_COMMON_NAME, DER_UTF8_STRING,
		    SPAN("Alice"), NULL },
		{ "CN", OID_COMMON_NAME, DER_UTF8_STRING,
		    SPAN("alice@example.com"), NULL },
		{ "CN, domain in capitals", OID_COMMON_NAME, DER_UTF8_STRING,
		    SPAN("alice@EXAMPLE.com"), NULL },
		{ "other CN", OID_COMMON_NAME, DER_UTF8_STRING, SPAN("eve@x"),
		    "the subject names another address" },
		{ "CN with more", OID_COMMON_NAME, DER_UTF8_STRING,
		    SPAN("Alice <alice@example.com>"),
		    "the subject names another address" },
		{ "CN, other case", OID_COMMON_NAME, DER_UTF8_STRING,
		    SPAN("ALICE@example.com"),
		    "the subject names another address" },
		{ "CN in BMPString", OID_COMMON_NAME, DER_BMP_STRING,
		    SPAN("\0e\0v\0e\0@\0x"),
		    "the subject names another address" },
		{ "CN in BMPString, without @", OID_COMMON_NAME, DER_BMP_STRING,
		    SPAN("\0B\0o\0b"), NULL },
		{ "CN in UniversalString", OID_COMMON_NAME,
		    DER_UNIVERSAL_STRING,
		    SPAN("\0\0\0e\0\0\0v\0\0\0e\0\0\0@\0\0\0x"),
		    "the subject names another address" },
		{ "CN in OCTET STRING", OID_COMMON_NAME, DER_OCTET_STRING,
		    SPAN("Alice"), "cannot be parsed: subject" },
		{ "date of birth", SPAN("\x2b\x06\x01\x05\x05\x07\x09\x01"),
		    DER_GENERALIZED_TIME, SPAN("19700101000000Z"), NULL },
		{ "postal address", SPAN("\x55\x04\x10"), DER_SEQUENCE,
		    SPAN("\x0c\x03\x41\x20\x31"), NULL },
		{ "unique identifier", SPAN("\x55\x04\x2d"), DER_BIT_STRING,
		    SPAN("\x00\x01"), NULL },
		{ "O in broken UTF-8", org, DER_UTF8_STRING, SPAN("A\xff"),
		    "cannot be parsed: subject" },
		{ "O with a surrogate", org, DER_BMP_STRING, SPAN("\xd8\0"),
		    "cannot be parsed: subject" },
		{ "O beyond Unicode", org, DER_UNIVERSAL_STRING,
		    SPAN("\0\x11\0\0"), "cannot be parsed: subject" },
		{ "O in half a BMPString", org, DER_BMP_STRING, SPAN("\0A\0"),
		    "cannot be parsed: subject" },
		{ "emailAddress", OID_EMAIL_ADDRESS, DER_IA5_STRING,
		    SPAN("alice@example.com"), NULL },
		{ "other emailAddress", OID_EMAIL_ADDRESS, DER_IA5_STRING,
		    SPAN("eve@example.com"),
		    "the subject names another address" },
		{ "emailAddress without @", OID_EMAIL_ADDRESS, DER_IA5_STRING,
		    SPAN("eve"), "the subject names another address" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].what);
		c.rdns = lab_rdn(j, cases[i].oid, cases[i].tag, cases[i].value);
		if (cases[i].refusal == NULL)
			csr_lab_accepts(j, &c);
		else
			csr_lab_refuses(j, &c, cases[i].refusal);
	}
	unit_case("a BMPString with its mailbox at the very end");
	static char wide[4096];
	for (size_t i = 1; i < sizeof(wide); i += 2)
		wide[i] = i + 4 == sizeof(wide) - 1 ? '@' : 'x';
	c.rdns = lab_rdn(
	    j, OID_COMMON_NAME, DER_BMP_STRING, span_mem(wide, sizeof(wide)));
	csr_lab_refuses(j, &c, "the subject names another address");
	unit_case("the second of two");
	c.rdns = lab_join(j,
	    lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING, SPAN("Alice")),
	    lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING, SPAN("eve@x")));
	csr_lab_refuses(j, &c, "the subject names another address");
}

/* PK-58: every stray name and every missing one, each with what it can be
 * called, and so many at most. */
static void
test_faults(void **state)
{
	static const char *const both[] = { "alice@example.com",
		"bob@example.com" };
	struct csr_policy p = csr_lab_policy;
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct span many = { NULL, 0 };
	struct csr out;
	(void)state;

	p.mailboxes = both;
	p.mailbox_count = 2;
	c.names = lab_join(j, lab_rfc822(j, "alice@example.com"),
	    lab_join(j, lab_der(j, 0x82, SPAN("example.com")),
		lab_join(j, lab_rfc822(j, "eve@x.example"),
		    lab_der(j, 0x87, SPAN("\x7f\1\1\1")))));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &p, &out), -1);
	assert_int_equal(out.faults.count, 4);
	assert_non_null(strstr(j->err.text, "dNSName"));
	assert_non_null(strstr(j->err.text, "and 3 more"));
	assert_string_equal(out.faults.list[0].type, "dns");
	assert_true(span_eq_str(out.faults.list[0].value, "example.com"));
	assert_string_equal(out.faults.list[1].type, "email");
	assert_true(span_eq_str(out.faults.list[1].value, "eve@x.example"));
	assert_int_equal(out.faults.list[1].missing, CSR_FAULT_STRAY);
	assert_null(out.faults.list[2].type);
	assert_non_null(strstr(out.faults.list[2].text, "iPAddress"));
	assert_int_equal(out.faults.list[3].missing, 1);
	assert_non_null(strstr(out.faults.list[3].text, "missing"));
	job_recover(j);

	/* What is no text is no identifier. */
	c.names = lab_join(j, lab_rfc822(j, both[0]),
	    lab_join(j, lab_rfc822(j, both[1]),
		lab_der(j, 0x81, SPAN("a\0@b.example"))));
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &p, &out), -1);
	assert_int_equal(out.faults.count, 1);
	assert_null(out.faults.list[0].type);
	job_recover(j);

	/* The subject's. */
	c = csr_lab_good(j);
	c.rdns = lab_join(j,
	    lab_rdn(j, OID_EMAIL_ADDRESS, DER_IA5_STRING, SPAN("e@x.example")),
	    lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING, SPAN("f@x.example")));
	assert_int_equal(
	    csr_parse(j, lab_csr_make(j, &c), &csr_lab_policy, &out), -1);
	assert_int_equal(out.faults.count, 2);
	assert_true(span_eq_str(out.faults.list[1].value, "f@x.example"));
	job_recover(j);

	/* A mistake of another kind is no name's. */
	c = csr_lab_good(j);
	c.key_usage = 0;
	assert_int_equal(
	    csr_parse(j, lab_csr_make(j, &c), &csr_lab_policy, &out), -1);
	assert_int_equal(out.faults.count, 0);
	job_recover(j);

	c = csr_lab_good(j);
	for (int i = 0; i < 50; i++)
		many = lab_join(j, many,
		    lab_rfc822(j, arena_printf(j->arena, "x%d@x.example", i)));
	c.names = many;
	assert_int_equal(
	    csr_parse(j, lab_csr_make(j, &c), &csr_lab_policy, &out), -1);
	assert_int_equal(out.faults.count, 51);
	assert_non_null(out.faults.list[CSR_FAULTS_MAX - 1].text);
	job_recover(j);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_faults),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_several_mailboxes),
	cmocka_unit_test(test_forms),
	cmocka_unit_test(test_dns_mailbox),
	cmocka_unit_test(test_subject),
};

UNIT_MAIN(tests)
