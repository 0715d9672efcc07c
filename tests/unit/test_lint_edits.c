/*
 * Each lint of pki.md 11.3 that is about subscriber certificates, broken
 * once (PK-136, PK-139; L-01 to L-42).  A good lint certificate is taken
 * apart, one part is changed, and it is put together and signed again.
 */
#include "config.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/der.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/lint.h"
#include "pki/oid.h"
#include "tests/unit/lint_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static const char *const alice[] = { "alice@example.com" };

static struct span
replace(struct job *j, struct span in, const char *from_hex, const char *to_hex)
{
	struct span from = lab_hex(j, from_hex);
	size_t at = span_find_span(in, 0, from);

	assert_true(at < in.n);
	return lab_join(j, lab_join(j, span_cut(in, 0, at), lab_hex(j, to_hex)),
	    span_from(in, at + from.n));
}

static struct span
cn(struct job *j, uint8_t tag, const char *text)
{
	return lab_der(
	    j, DER_SEQUENCE, lab_rdn(j, OID_COMMON_NAME, tag, span_str(text)));
}

#define EDIT(name, ...)                                                        \
	static void name(struct lint_lab_certificate *c)                       \
	{                                                                      \
		__VA_ARGS__                                                    \
	}

EDIT(trailing, c->after = SPAN("\x05\0");)
EDIT(long_length, {
	/* the serial's length in the long form */
	c->version = lab_join(
	    c->j, c->version, lab_join(c->j, SPAN("\x02\x81\x11"), c->serial));
	c->serial = SPAN("\x01");
})
EDIT(bool_01,
     c->extensions[KU] = replace(c->j, c->extensions[KU], "0101ff", "010101");)
EDIT(bool_default,
     c->extensions[EKU] = replace(c->j,
	 replace(c->j, c->extensions[EKU], "0603551d25", "0603551d25010100"),
	 "3013", "3016");)
EDIT(version_1, c->version = SPAN("");)
EDIT(version_2, c->version = lab_hex(c->j, "a003020101");)
EDIT(version_default, c->version = lab_hex(c->j, "a003020100");)
EDIT(value_not_der, lint_lab_set_extension(c, POLICIES, OID_POLICIES, false,
			"30 81 0b 3009 0607 67810c01050102");)
EDIT(unique_id, c->unique_id = lab_hex(c->j, "82020041");)
EDIT(twice, c->extensions[c->extension_count++] = c->extensions[EKU];)
EDIT(other_inner, c->inner = lab_hex(c->j, "300a06082a8648ce3d040303");)
EDIT(other_both,
     c->inner = c->outer = lab_hex(c->j, "300a06082a8648ce3d040303");)
EDIT(serial_16, c->serial = span_from(c->serial, 1);)
EDIT(serial_other, {
	char *s = arena_memdup(c->j->arena, c->serial.p, c->serial.n);
	s[9] ^= 1;
	c->serial = span_mem(s, c->serial.n);
})
EDIT(serial_negative, {
	char *s = arena_memdup(c->j->arena, c->serial.p, c->serial.n);
	s[0] = (char)0x80;
	c->serial = span_mem(s, c->serial.n);
	memcpy(c->in.serial, s, SERIAL_LEN);
})
EDIT(serial_equal, {
	memset(c->in.serial, 0x11, SERIAL_LEN);
	c->serial = span_mem(c->in.serial, SERIAL_LEN);
})
EDIT(too_long, {
	c->in.not_after = c->in.not_before + (int64_t)818 * 86400;
	c->validity =
	    lint_lab_validity(c->j, c->in.not_before, c->in.not_after);
})
EDIT(before_ca, {
	c->in.not_before = LAB_NOW - 3601;
	c->validity =
	    lint_lab_validity(c->j, c->in.not_before, c->in.not_after);
})
EDIT(ended, c->now = c->in.not_after;)
EDIT(other_time, c->validity = lint_lab_validity(
		     c->j, c->in.not_before, c->in.not_after - 1);)
EDIT(generalized,
     c->validity = lab_hex(c->j, "3020 170d3236313132333131353530305a"
				 "180f32303237313132333131353435395a");)
EDIT(reversed,
     c->validity = lint_lab_validity(c->j, c->in.not_after, c->in.not_before);)
EDIT(weak_key, {
	/* RSA, 2048 bits, all of them set: divisible by three */
	struct span bits = lab_hex(c->j, "3082010a0282010100");
	char ones[256];
	memset(ones, 0xff, sizeof ones);
	bits = lab_join(c->j, lab_join(c->j, bits, span_mem(ones, 256)),
	    lab_hex(c->j, "0203010001"));
	c->spki = lab_der(c->j, DER_SEQUENCE,
	    lab_join(c->j, key_type_algorithm(KEY_TYPE_RSA),
		lab_der(c->j, DER_BIT_STRING,
		    lab_join(c->j, span_mem("\0", 1), bits))));
	c->csr.spki = c->spki;
})
EDIT(other_key, c->spki = lab_spki(c->j, lab_key(KEY_TYPE_P384, 0));)
EDIT(other_issuer, c->issuer = cn(c->j, DER_UTF8_STRING, "Other CA");)
EDIT(issuer_reencoded, /* PrintableString for UTF8String */
     c->issuer = replace(c->j, c->issuer, "0603 55040a 0c", "0603 55040a 13");)
EDIT(subject_org,
     c->subject = lab_der(c->j, DER_SEQUENCE,
	 lab_join(c->j,
	     lab_rdn(c->j, OID_ORGANIZATION, DER_UTF8_STRING, SPAN("Acme")),
	     span_from(c->subject, 2)));)
EDIT(subject_serial, /* PK-112: no profile has it */
     c->subject = lab_der(c->j, DER_SEQUENCE,
	 lab_join(c->j, span_from(c->subject, 2),
	     lab_rdn(c->j, OID_SERIAL_NUMBER, DER_PRINTABLE_STRING,
		 SPAN("1234"))));)
static struct span
email(struct job *j, uint8_t tag, const char *text)
{
	return lab_der(j, DER_SEQUENCE,
	    lab_rdn(j, OID_EMAIL_ADDRESS, tag, span_str(text)));
}
EDIT(email_utf8, c->subject = email(c->j, DER_UTF8_STRING, alice[0]);)
EDIT(email_case, c->subject = email(c->j, DER_IA5_STRING, "Alice@example.com");)
EDIT(subject_two_cn,
     c->subject = lab_der(c->j, DER_SEQUENCE,
	 lab_join(c->j, span_from(c->subject, 2), span_from(c->subject, 2)));)
EDIT(subject_multi_rdn, {
	struct span pair = span_from(c->subject, 4);
	struct span email = lab_der(c->j, DER_SEQUENCE,
	    lab_join(c->j, lab_der(c->j, DER_OID, OID_EMAIL_ADDRESS),
		lab_der(c->j, DER_IA5_STRING, span_str(alice[0]))));
	c->subject = lab_der(c->j, DER_SEQUENCE,
	    lab_der(c->j, DER_SET, lab_join(c->j, pair, email)));
})
EDIT(cn_printable, c->subject = cn(c->j, DER_IA5_STRING, alice[0]);)
EDIT(cn_no_mailbox, c->subject = cn(c->j, DER_UTF8_STRING, "Alice");)
EDIT(cn_65,
     c->subject = cn(c->j, DER_UTF8_STRING,
	 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzx@example.com");)
EDIT(cn_case, c->subject = cn(c->j, DER_UTF8_STRING, "Alice@example.com");)
EDIT(cn_domain_case,
     c->subject = cn(c->j, DER_UTF8_STRING, "alice@EXAMPLE.com");)
EDIT(san_upper, lint_lab_set_names(c, lab_rfc822(c->j, "alice@EXAMPLE.com"));)
EDIT(san_utf8_ascii, lint_lab_set_names(c, lab_smtp_utf8(c->j, alice[0]));)
EDIT(san_dns,
     lint_lab_set_names(c, lab_join(c->j, lab_rfc822(c->j, alice[0]),
			       lab_der(c->j, 0x82, SPAN("example.com"))));)
EDIT(san_bracket,
     lint_lab_set_names(c, lab_rfc822(c->j, "<alice@example.com>"));)
EDIT(san_comment,
     lint_lab_set_names(c, lab_rfc822(c->j, "alice(x)@example.com"));)
EDIT(san_not_ascii,
     lint_lab_set_names(c, lab_rfc822(c->j, "\xc3\xa4@example.com"));)
EDIT(san_u_label, lint_lab_set_names(c,
		      lab_smtp_utf8(c->j, "\xc3\xa4@m\xc3\xbcnchen.example"));)
EDIT(san_bom, lint_lab_set_names(
		  c, lab_smtp_utf8(c->j, "\xef\xbb\xbf\xc3\xa4@example.com"));)
EDIT(san_empty, lint_lab_set_names(c, span_mem("", 0));)
EDIT(san_one_label, lint_lab_set_names(c, lab_rfc822(c->j, "alice@localhost"));)
EDIT(san_more, lint_lab_set_names(c, lab_join(c->j, lab_rfc822(c->j, alice[0]),
					 lab_rfc822(c->j, "eve@example.com")));)
EDIT(san_other, lint_lab_set_names(c, lab_rfc822(c->j, "eve@example.com"));)
EDIT(san_twice, {
	static const char *const both[] = { "alice@example.com",
		"alice@example.com" };
	c->in.mailboxes = both;
	c->in.mailbox_count = 2;
	lint_lab_set_names(c, lab_join(c->j, lab_rfc822(c->j, alice[0]),
				  lab_rfc822(c->j, alice[0])));
})
EDIT(cn_punctuation, c->subject = cn(c->j, DER_UTF8_STRING, "-@-.-");)
EDIT(cn_blank, c->subject = cn(c->j, DER_UTF8_STRING, "alice@example.com ");)
EDIT(cn_control, c->subject = cn(c->j, DER_UTF8_STRING, "alice\n@x.example");)
EDIT(cn_entity, c->subject = cn(c->j, DER_UTF8_STRING, "a&amp;b@example.com");)
EDIT(more_extension, lint_lab_set_extension(c, c->extension_count++,
			 OID_BASIC_CONSTRAINTS, true, "3000");)
EDIT(less_extension, c->extension_count--;)
/* PK-150: no pre-certificate, no list of SCTs. */
EDIT(ct_poison,
     lint_lab_set_extension(c, c->extension_count++,
	 SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"), true, "0500");)
EDIT(ct_scts,
     lint_lab_set_extension(c, c->extension_count++,
	 SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"), false, "04020000");)
EDIT(other_sequence, {
	struct span t = c->extensions[AKI];
	c->extensions[AKI] = c->extensions[SKI];
	c->extensions[SKI] = t;
})
EDIT(ku_not_critical,
     lint_lab_set_extension(c, KU, OID_KEY_USAGE, false, "03020388");)
EDIT(eku_critical, lint_lab_set_extension(c, EKU, OID_EXT_KEY_USAGE, true,
		       "300a06082b06010505070304");)
EDIT(ku_encipherment,
     lint_lab_set_extension(c, KU, OID_KEY_USAGE, true, "030205a0");)
EDIT(
    ku_signing, lint_lab_set_extension(c, KU, OID_KEY_USAGE, true, "03020780");)
EDIT(ku_data, lint_lab_set_extension(c, KU, OID_KEY_USAGE, true, "03020398");)
EDIT(ku_zero_bits,
     lint_lab_set_extension(c, KU, OID_KEY_USAGE, true, "03020088");)
EDIT(policy_strict, lint_lab_set_extension(c, POLICIES, OID_POLICIES, false,
			"300b3009060767810c01050103");)
EDIT(policy_two, lint_lab_set_extension(c, POLICIES, OID_POLICIES, false,
		     "30163009060767810c010501023009060767810c01050103");)
EDIT(policy_qualifier,
     lint_lab_set_extension(c, POLICIES, OID_POLICIES, false,
	 "301d 301b 0607 67810c01050102 3010 300e 0608 2b06010505070202 3002 "
	 "0c00");)
EDIT(eku_client, lint_lab_set_extension(c, EKU, OID_EXT_KEY_USAGE, false,
		     "301406082b0601050507030406082b06010505070302");)
EDIT(eku_server, lint_lab_set_extension(c, EKU, OID_EXT_KEY_USAGE, false,
		     "300a06082b06010505070301");)
EDIT(smime_capabilities, lint_lab_set_extension(c, c->extension_count++,
			     OID_SMIME_CAPABILITIES, false, "3000");)
EDIT(san_critical,
     c->extensions[SAN] = lab_extension(c->j, OID_SUBJECT_ALT_NAME, true,
	 lab_der(c->j, DER_SEQUENCE, lab_rfc822(c->j, alice[0])));)
EDIT(empty_subject, c->subject = lab_hex(c->j, "3000");)
EDIT(crl_other, c->in.crl_url = "http://crl.example.com/other.crl";)
EDIT(crl_two,
     c->extensions[CRL_DP] = lab_extension(c->j, OID_CRL_POINTS, false,
	 lab_der(c->j, DER_SEQUENCE,
	     lab_der(c->j, DER_SEQUENCE,
		 lab_der(c->j, 0xa0,
		     lab_der(c->j, 0xa0,
			 lab_join(c->j, lab_der(c->j, 0x86, SPAN(LAB_CRL_URL)),
			     lab_der(c->j, 0x86, SPAN(LAB_CRL_URL))))))));)
EDIT(aia_other, c->in.ca_issuers_url = "http://ca.example.com/other.cer";)
EDIT(aia_unasked, c->in.ca_issuers_url = NULL;)
EDIT(aia_ocsp, c->extensions[AIA] = replace(c->j, c->extensions[AIA],
		   "2b06010505073002", "2b06010505073001");)
EDIT(aki_other, {
	char *e = arena_memdup(
	    c->j->arena, c->extensions[AKI].p, c->extensions[AKI].n);
	e[c->extensions[AKI].n - 1] ^= 1;
	c->extensions[AKI] = span_mem(e, c->extensions[AKI].n);
})
EDIT(aki_issuer, /* with authorityCertSerialNumber */
     c->extensions[AKI] = lab_extension(c->j, OID_AUTHORITY_KEY_ID, false,
	 lab_der(c->j, DER_SEQUENCE,
	     lab_join(c->j, lab_der(c->j, 0x80, lab_ca("p256")->signer.key_id),
		 lab_hex(c->j, "820101"))));)
EDIT(ski_other, {
	char *e = arena_memdup(
	    c->j->arena, c->extensions[SKI].p, c->extensions[SKI].n);
	e[c->extensions[SKI].n - 1] ^= 1;
	c->extensions[SKI] = span_mem(e, c->extensions[SKI].n);
})
EDIT(no_way_up, c->issuer = c->subject;)

static const struct {
	const char *id;
	const char *what;
	void (*edit)(struct lint_lab_certificate *c);
} edits[] = {
	{ "L-01", "trailing octets", trailing },
	{ "L-01", "length not minimal", long_length },
	{ "L-01", "BOOLEAN 01", bool_01 },
	{ "L-01", "FALSE written out", bool_default },
	{ "L-01", "version 1 written out", version_default },
	{ "L-01", "extension's value not DER", value_not_der },
	{ "L-01", "GeneralizedTime before 2050", generalized },
	{ "L-02", "version 1", version_1 },
	{ "L-02", "version 2", version_2 },
	{ "L-02", "unique identifier", unique_id },
	{ "L-02", "extension twice", twice },
	{ "L-10", "inner algorithm differs", other_inner },
	{ "L-10", "P-256 with SHA-384", other_both },
	{ "L-11", "16 octets", serial_16 },
	{ "L-11", "another number", serial_other },
	{ "L-11", "negative", serial_negative },
	{ "L-11", "all octets equal", serial_equal },
	{ "L-12", "818 days and a second", too_long },
	{ "L-12", "before the CA", before_ca },
	{ "L-12", "ended", ended },
	{ "L-12", "not as asked for", other_time },
	{ "L-12", "ends before it begins", reversed },
	{ "L-13", "a modulus with small factors", weak_key },
	{ "L-14", "another key", other_key },
	{ "L-15", "another issuer", other_issuer },
	{ "L-15", "the issuer re-encoded", issuer_reencoded },
	{ "L-20", "organizationName", subject_org },
	{ "L-20", "serialNumber", subject_serial },
	{ "L-20", "emailAddress", email_case },
	{ "L-20", "two common names", subject_two_cn },
	{ "L-20", "two attributes in an RDN", subject_multi_rdn },
	{ "L-21", "IA5String", cn_printable },
	{ "L-21", "no mailbox", cn_no_mailbox },
	{ "L-21", "65 characters", cn_65 },
	{ "L-21", "domain in capitals", cn_domain_case },
	{ "L-22", "other case", cn_case },
	{ "L-22", "emailAddress in other case", email_case },
	{ "L-22", "emailAddress as UTF8String", email_utf8 },
	{ "L-22", "other case of the domain", cn_domain_case },
	{ "L-23", "domain in capitals", san_upper },
	{ "L-23", "ASCII as SmtpUTF8Mailbox", san_utf8_ascii },
	{ "L-23", "dNSName", san_dns },
	{ "L-23", "angle brackets", san_bracket },
	{ "L-23", "comment", san_comment },
	{ "L-23", "rfc822Name not ASCII", san_not_ascii },
	{ "L-23", "U-label", san_u_label },
	{ "L-23", "byte-order mark", san_bom },
	{ "L-23", "no name", san_empty },
	{ "L-23", "one label", san_one_label },
	{ "L-24", "one mailbox more", san_more },
	{ "L-24", "another mailbox", san_other },
	{ "L-24", "none", san_empty },
	{ "L-24", "twice", san_twice },
	{ "L-25", "punctuation", cn_punctuation },
	{ "L-25", "trailing blank", cn_blank },
	{ "L-25", "control character", cn_control },
	{ "L-25", "HTML entity", cn_entity },
	{ "L-30", "basicConstraints", more_extension },
	{ "L-30", "no AIA", less_extension },
	{ "L-30", "Certificate Transparency poison", ct_poison },
	{ "L-30", "Certificate Transparency SCTs", ct_scts },
	{ "L-30", "another sequence", other_sequence },
	{ "L-30", "keyUsage not critical", ku_not_critical },
	{ "L-30", "extKeyUsage critical", eku_critical },
	{ "L-31", "keyEncipherment at EC", ku_encipherment },
	{ "L-31", "not the class", ku_signing },
	{ "L-31", "dataEncipherment", ku_data },
	{ "L-31", "zero bits at the end", ku_zero_bits },
	{ "L-32", "strict", policy_strict },
	{ "L-32", "two policies", policy_two },
	{ "L-32", "qualifier", policy_qualifier },
	{ "L-33", "clientAuth", eku_client },
	{ "L-33", "serverAuth", eku_server },
	{ "L-34", "smimeCapabilities", smime_capabilities },
	{ "L-35", "critical with a subject", san_critical },
	{ "L-35", "not critical without subject", empty_subject },
	{ "L-36", "another URL", crl_other },
	{ "L-36", "two URLs", crl_two },
	{ "L-37", "another URL", aia_other },
	{ "L-37", "not configured", aia_unasked },
	{ "L-37", "ocsp", aia_ocsp },
	{ "L-38", "AKI", aki_other },
	{ "L-38", "AKI with more", aki_issuer },
	{ "L-38", "SKI", ski_other },
	{ "L-41", "no way up", no_way_up },
};

static void
test_each_broken(void **state)
{
	(void)state;

	for (size_t i = 0; i < COUNT(edits); i++) {
		struct job *j = lab_job();
		struct lint_lab_certificate c;
		struct lint_result got;

		job_recover(j);
		unit_case("%s: %s", edits[i].id, edits[i].what);
		lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
		edits[i].edit(&c);
		j->now = c.now;
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     lint_lab_build(&c), &got),
		    -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		assert_int_equal(strncmp(j->err.text, "lint L-", 7), 0);
		job_recover(j);
		assert_string_equal(
		    lint_lab_result(j, got.report, edits[i].id), "error");
	}
}

/* The edits start from a certificate that passes, for which this taking
 * apart and putting together changes nothing. */
static void
test_unbroken(void **state)
{
	struct job *j = lab_job();
	struct lint_lab_certificate c;
	struct lint_result got;
	(void)state;

	lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	if (lint_certificate(
		j, lab_ca("p256"), &c.in, lint_lab_build(&c), &got) < 0)
		fail_msg("%s", j->err.text);
	assert_string_equal(lint_lab_result(j, got.report, "L-31"), "pass");
	assert_string_equal(
	    lint_lab_result(j, got.report, "L-42"), "not-applicable");
	lint_lab_good(j, &c, lab_key(KEY_TYPE_RSA, 2048), 0x04, alice, 1);
	assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
			     lint_lab_build(&c), &got),
	    0);
	assert_string_equal(
	    lint_lab_result(j, got.report, "L-41"), "not-applicable");
	assert_string_equal(lint_lab_result(j, got.report, "L-42"), "pass");
}

/* PK-139: an error is never allowed, whoever writes it into the
 * configuration. */
static void
test_error_never_allowed(void **state)
{
	static struct conf_allow_lint allow[] = {
		{ "L-31", "we would like to", "2027-03-31" },
	};
	struct conf conf = { .allow_lints = allow, .allow_lint_count = 1 };
	struct job *j = lab_job();
	struct lint_lab_certificate c;
	struct lint_result got;
	(void)state;

	lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	ku_data(&c);
	j->conf = &conf;
	assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
			     lint_lab_build(&c), &got),
	    -1);
	assert_string_equal(lint_lab_result(j, got.report, "L-31"), "error");
	assert_null(got.allowed);
	assert_int_equal(lint_severity("L-31"), LINT_ERROR);
	assert_int_equal(lint_severity("L-40"), LINT_WARNING);
	assert_int_equal(lint_severity("L-4"), LINT_UNKNOWN);
	j->conf = NULL;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_error_never_allowed),
	cmocka_unit_test(test_unbroken),
	cmocka_unit_test(test_each_broken),
};

UNIT_MAIN(tests)
