/*
 * Each lint of pki.md 11.3 that is about subscriber certificates, broken
 * once (PK-136, PK-139; L-01 to L-42).  A good lint certificate is taken
 * apart, one part is changed, and it is put together and signed again.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "lib/json.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/lint.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define EXTENSIONS_MAX 12

static const char *const alice[] = { "alice@example.com" };

struct certificate {
	struct job *j;
	struct issue_input in; /* what lint_certificate() is told */
	struct csr csr;
	struct span version; /* with [0] */
	struct span serial;  /* content */
	struct span inner, outer;
	struct span issuer;
	struct span validity;
	struct span subject;
	struct span spki;
	struct span unique_id;
	struct span extensions[EXTENSIONS_MAX];
	size_t extension_count;
	struct span after; /* behind everything */
	int64_t now;
};

static struct span
validity(struct job *j, int64_t from, int64_t to)
{
	struct buf b;

	buf_init(&b, j->arena, 256);
	field_validity(&b, from, to);
	return buf_span(&b);
}

static void
good_for(struct job *j, const struct profile *profile, struct certificate *c,
    EVP_PKEY *key, int usage, const char *const *mailboxes, size_t count)
{
	struct csr_policy policy = { .mailboxes = mailboxes,
		.mailbox_count = count,
		.addr = { .utf8_local = true, .reserved_domains = true },
		.profile = profile };
	struct lab_csr request = lab_csr(j, key, mailboxes[0]);
	struct issue_tbs tbs;
	struct certview v;

	*c = (struct certificate){ .j = j, .now = LAB_NOW };
	request.key_usage = usage;
	for (size_t i = 1; i < count; i++)
		request.names =
		    lab_join(j, request.names, lab_rfc822(j, mailboxes[i]));
	if (csr_parse(j, lab_csr_make(j, &request), &policy, &c->csr) < 0)
		fail_msg("%s", j->err.text);
	c->in = (struct issue_input){ .profile = profile,
		.mailboxes = mailboxes,
		.mailbox_count = count,
		.csr = &c->csr,
		.crl_url = LAB_CRL_URL,
		.ca_issuers_url = LAB_CA_ISSUERS_URL };
	issue_serial(0x2a, c->in.serial);
	issue_validity(LAB_NOW, 300, 365, &c->in.not_before, &c->in.not_after);
	if (issue_prepare(j, lab_ca("p256"), &c->in, &tbs) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(certview_parse_tbs(tbs.tbs, &v), 0);
	c->version = lab_hex(j, "a003020102");
	c->serial = v.serial;
	c->inner = c->outer = v.inner_algorithm;
	c->issuer = v.issuer;
	c->validity = validity(j, v.not_before, v.not_after);
	c->subject = v.subject;
	c->spki = v.spki;
	for (size_t i = 0; i < v.extension_count; i++)
		c->extensions[c->extension_count++] = v.extensions[i].whole;
}

static void
good(struct job *j, struct certificate *c, EVP_PKEY *key, int usage,
    const char *const *mailboxes, size_t count)
{
	good_for(j, LAB_PROFILE, c, key, usage, mailboxes, count);
}

static struct span
build_tbs(const struct certificate *c)
{
	struct buf b;

	buf_init(&b, c->j->arena, 32768);
	size_t mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, c->version);
	der_add(&b, DER_INTEGER, c->serial);
	buf_add(&b, c->inner);
	buf_add(&b, c->issuer);
	buf_add(&b, c->validity);
	buf_add(&b, c->subject);
	buf_add(&b, c->spki);
	buf_add(&b, c->unique_id);
	size_t explicit = der_open(&b, DER_CONTEXT(3));
	size_t list = der_open(&b, DER_SEQUENCE);
	for (size_t i = 0; i < c->extension_count; i++)
		buf_add(&b, c->extensions[i]);
	der_close(&b, list);
	der_close(&b, explicit);
	der_close(&b, mark);
	return buf_span(&b);
}

static struct span
build(const struct certificate *c)
{
	unsigned char signature[256];
	size_t n = sizeof signature;
	struct span tbs = build_tbs(c);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf b;

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL,
			     lab_ca("p256")->lint.public_key, NULL),
	    1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n,
			     (const unsigned char *)tbs.p, tbs.n),
	    1);
	EVP_MD_CTX_free(ctx);
	buf_init(&b, c->j->arena, 65536);
	size_t mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, tbs);
	buf_add(&b, c->outer);
	der_add_bit_string(&b, span_mem(signature, n));
	der_close(&b, mark);
	buf_add(&b, c->after);
	return buf_span(&b);
}

/* The result that the report gives for a lint; "" if it did not run. */
static const char *
result_of(struct job *j, const char *report, const char *id)
{
	const struct json *v;

	assert_int_equal(
	    json_parse_object(j, span_str(report), "report", &v), 0);
	const struct json *lints = json_get(v, "lints");
	for (size_t i = 0; i < json_count(lints); i++) {
		const struct json *one = json_at(lints, i);
		if (span_eq_str(json_string(json_get(one, "lint")), id))
			return span_dup(
			    j->arena, json_string(json_get(one, "result")));
	}
	return "";
}

/* --- the edits ----------------------------------------------------------- */

static struct span
replace(struct job *j, struct span in, const char *from_hex, const char *to_hex)
{
	struct span from = lab_hex(j, from_hex);
	size_t at = span_find_span(in, 0, from);

	assert_true(at < in.n);
	return lab_join(j, lab_join(j, span_cut(in, 0, at), lab_hex(j, to_hex)),
	    span_from(in, at + from.n));
}

static void
set_extension(struct certificate *c, size_t i, struct span oid, bool critical,
    const char *hex)
{
	c->extensions[i] =
	    lab_extension(c->j, oid, critical, lab_hex(c->j, hex));
}

enum { AKI, SKI, KU, POLICIES, SAN, EKU, CRL_DP, AIA };

static struct span
cn(struct job *j, uint8_t tag, const char *text)
{
	return lab_der(
	    j, DER_SEQUENCE, lab_rdn(j, OID_COMMON_NAME, tag, span_str(text)));
}

static void
set_names(struct certificate *c, struct span names)
{
	c->extensions[SAN] = lab_extension(c->j, OID_SUBJECT_ALT_NAME, false,
	    lab_der(c->j, DER_SEQUENCE, names));
}

#define EDIT(name, ...)                                                        \
	static void name(struct certificate *c)                                \
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
EDIT(value_not_der, set_extension(c, POLICIES, OID_POLICIES, false,
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
	c->validity = validity(c->j, c->in.not_before, c->in.not_after);
})
EDIT(before_ca, {
	c->in.not_before = LAB_NOW - 3601;
	c->validity = validity(c->j, c->in.not_before, c->in.not_after);
})
EDIT(ended, c->now = c->in.not_after;)
EDIT(other_time,
     c->validity = validity(c->j, c->in.not_before, c->in.not_after - 1);)
EDIT(generalized,
     c->validity = lab_hex(c->j, "3020 170d3236313132333131353530305a"
				 "180f32303237313132333131353435395a");)
EDIT(reversed, c->validity = validity(c->j, c->in.not_after, c->in.not_before);)
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
EDIT(san_upper, set_names(c, lab_rfc822(c->j, "alice@EXAMPLE.com"));)
EDIT(san_utf8_ascii, set_names(c, lab_smtp_utf8(c->j, alice[0]));)
EDIT(san_dns, set_names(c, lab_join(c->j, lab_rfc822(c->j, alice[0]),
			       lab_der(c->j, 0x82, SPAN("example.com"))));)
EDIT(san_bracket, set_names(c, lab_rfc822(c->j, "<alice@example.com>"));)
EDIT(san_comment, set_names(c, lab_rfc822(c->j, "alice(x)@example.com"));)
EDIT(san_not_ascii, set_names(c, lab_rfc822(c->j, "\xc3\xa4@example.com"));)
EDIT(san_u_label,
     set_names(c, lab_smtp_utf8(c->j, "\xc3\xa4@m\xc3\xbcnchen.example"));)
EDIT(san_bom,
     set_names(c, lab_smtp_utf8(c->j, "\xef\xbb\xbf\xc3\xa4@example.com"));)
EDIT(san_empty, set_names(c, span_mem("", 0));)
EDIT(san_one_label, set_names(c, lab_rfc822(c->j, "alice@localhost"));)
EDIT(san_more, set_names(c, lab_join(c->j, lab_rfc822(c->j, alice[0]),
				lab_rfc822(c->j, "eve@example.com")));)
EDIT(san_other, set_names(c, lab_rfc822(c->j, "eve@example.com"));)
EDIT(san_twice, {
	static const char *const both[] = { "alice@example.com",
		"alice@example.com" };
	c->in.mailboxes = both;
	c->in.mailbox_count = 2;
	set_names(c, lab_join(c->j, lab_rfc822(c->j, alice[0]),
			 lab_rfc822(c->j, alice[0])));
})
EDIT(cn_punctuation, c->subject = cn(c->j, DER_UTF8_STRING, "-@-.-");)
EDIT(cn_blank, c->subject = cn(c->j, DER_UTF8_STRING, "alice@example.com ");)
EDIT(cn_control, c->subject = cn(c->j, DER_UTF8_STRING, "alice\n@x.example");)
EDIT(cn_entity, c->subject = cn(c->j, DER_UTF8_STRING, "a&amp;b@example.com");)
EDIT(more_extension, set_extension(c, c->extension_count++,
			 OID_BASIC_CONSTRAINTS, true, "3000");)
EDIT(less_extension, c->extension_count--;)
/* PK-150: no pre-certificate, no list of SCTs. */
EDIT(ct_poison,
     set_extension(c, c->extension_count++,
	 SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"), true, "0500");)
EDIT(ct_scts,
     set_extension(c, c->extension_count++,
	 SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"), false, "04020000");)
EDIT(other_sequence, {
	struct span t = c->extensions[AKI];
	c->extensions[AKI] = c->extensions[SKI];
	c->extensions[SKI] = t;
})
EDIT(ku_not_critical, set_extension(c, KU, OID_KEY_USAGE, false, "03020388");)
EDIT(eku_critical, set_extension(c, EKU, OID_EXT_KEY_USAGE, true,
		       "300a06082b06010505070304");)
EDIT(ku_encipherment, set_extension(c, KU, OID_KEY_USAGE, true, "030205a0");)
EDIT(ku_signing, set_extension(c, KU, OID_KEY_USAGE, true, "03020780");)
EDIT(ku_data, set_extension(c, KU, OID_KEY_USAGE, true, "03020398");)
EDIT(ku_zero_bits, set_extension(c, KU, OID_KEY_USAGE, true, "03020088");)
EDIT(policy_strict, set_extension(c, POLICIES, OID_POLICIES, false,
			"300b3009060767810c01050103");)
EDIT(policy_two, set_extension(c, POLICIES, OID_POLICIES, false,
		     "30163009060767810c010501023009060767810c01050103");)
EDIT(policy_qualifier,
     set_extension(c, POLICIES, OID_POLICIES, false,
	 "301d 301b 0607 67810c01050102 3010 300e 0608 2b06010505070202 3002 "
	 "0c00");)
EDIT(eku_client, set_extension(c, EKU, OID_EXT_KEY_USAGE, false,
		     "301406082b0601050507030406082b06010505070302");)
EDIT(eku_server, set_extension(c, EKU, OID_EXT_KEY_USAGE, false,
		     "300a06082b06010505070301");)
EDIT(smime_capabilities, set_extension(c, c->extension_count++,
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
	void (*edit)(struct certificate *c);
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
		struct certificate c;
		struct lint_result got;

		job_recover(j);
		unit_case("%s: %s", edits[i].id, edits[i].what);
		good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
		edits[i].edit(&c);
		j->now = c.now;
		assert_int_equal(
		    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got),
		    -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		assert_int_equal(strncmp(j->err.text, "lint L-", 7), 0);
		job_recover(j);
		assert_string_equal(
		    result_of(j, got.report, edits[i].id), "error");
	}
}

/* The edits start from a certificate that passes, for which this taking
 * apart and putting together changes nothing. */
static void
test_unbroken(void **state)
{
	struct job *j = lab_job();
	struct certificate c;
	struct lint_result got;
	(void)state;

	good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	if (lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got) < 0)
		fail_msg("%s", j->err.text);
	assert_string_equal(result_of(j, got.report, "L-31"), "pass");
	assert_string_equal(result_of(j, got.report, "L-42"), "not-applicable");
	good(j, &c, lab_key(KEY_TYPE_RSA, 2048), 0x04, alice, 1);
	assert_int_equal(
	    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got), 0);
	assert_string_equal(result_of(j, got.report, "L-41"), "not-applicable");
	assert_string_equal(result_of(j, got.report, "L-42"), "pass");
}

/* L-31, L-32: what is right in one profile is wrong in another. */
static void
test_each_profile(void **state)
{
	static const struct {
		const char *profile;
		int usage;
		const char *policy_hex; /* of another */
		const char *usage_hex;  /* more than it allows */
	} rows[] = {
		{ "mailbox-strict", 0x11, "300b3009060767810c01050102",
		    "03020398" },
		{ "mailbox-multipurpose", 0x11, "300b3009060767810c01050103",
		    "03020398" },
		{ "mailbox-signing", 0x01, "300b3009060767810c01050102",
		    "03020388" },
		{ "mailbox-encryption", 0x10, "300b3009060767810c01050102",
		    "03020388" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct profile *p =
		    profile_find(NULL, span_str(rows[i].profile));
		struct job *j = lab_job();
		struct certificate c;
		struct lint_result got;

		unit_case("%s", rows[i].profile);
		good_for(j, p, &c, lab_key(KEY_TYPE_P256, 0), rows[i].usage,
		    alice, 1);
		if (lint_certificate(
			j, lab_ca("p256"), &c.in, build(&c), &got) < 0)
			fail_msg("%s", j->err.text);
		set_extension(
		    &c, POLICIES, OID_POLICIES, false, rows[i].policy_hex);
		assert_int_equal(
		    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got),
		    -1);
		assert_job_error(j, ERR_INTERNAL,
		    "lint L-32: not exactly the profile's policies, without "
		    "qualifier");
		job_recover(j);

		good_for(j, p, &c, lab_key(KEY_TYPE_P256, 0), rows[i].usage,
		    alice, 1);
		set_extension(&c, KU, OID_KEY_USAGE, true, rows[i].usage_hex);
		/* Even if the request was read so. */
		if (c.csr.class != KEY_CLASS_DUAL)
			c.csr.class = KEY_CLASS_DUAL;
		assert_int_equal(
		    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got),
		    -1);
		assert_job_error(j, ERR_INTERNAL,
		    "lint L-31: keyUsage is more than the profile allows");
		job_recover(j);
	}
}

/* A generation of which the lints know nothing gets no certificate. */
static void
test_unknown_profile(void **state)
{
	struct profile other = lab_profile;
	struct job *j = lab_job();
	struct certificate c;
	struct lint_result got;
	(void)state;

	good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	other.generation = (enum profile_generation)7;
	c.in.profile = &other;
	assert_int_equal(
	    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got), -1);
	assert_string_equal(result_of(j, got.report, "L-31"), "error");
	assert_string_equal(result_of(j, got.report, "L-32"), "error");
}

/* L-42: a certificate for encryption that another CA is named in, so that
 * nobody would encrypt to it. */
static void
test_encryption(void **state)
{
	static const enum key_type types[] = { KEY_TYPE_RSA, KEY_TYPE_P384 };
	struct job *j = lab_job();
	struct certificate c;
	struct lint_result got;
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		good(j, &c, lab_key(types[i], 2048), 0x04, alice, 1);
		c.issuer = c.subject;
		assert_int_equal(
		    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got),
		    -1);
		job_recover(j);
		assert_string_equal(result_of(j, got.report, "L-42"), "error");
	}
}

/* L-40: ten long mailboxes and a large key. */
static void
test_size(void **state)
{
	static struct conf_allow_lint allow[] = {
		{ "L-01", "not this one", "2027-03-31" },
		{ "L-40", "many long mailboxes", "2026-11-24" },
	};
	struct conf conf = { .allow_lints = allow, .allow_lint_count = 2 };
	struct job *j = lab_job();
	const char *mailboxes[20];
	struct certificate c;
	struct lint_result got;
	(void)state;

	good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	struct span names = span_mem("", 0);
	for (int i = 0; i < 20; i++) {
		mailboxes[i] = i == 0 ? alice[0]
				      : arena_printf(j->arena,
					    "a%d@%060d.%060d.%060d.example.com",
					    i, 1, 2, 3);
		names = lab_join(j, names, lab_rfc822(j, mailboxes[i]));
	}
	c.in.mailboxes = mailboxes;
	c.in.mailbox_count = 20;
	set_names(&c, names);
	assert_int_equal(
	    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got), -1);
	job_recover(j);
	assert_string_equal(result_of(j, got.report, "L-40"), "warning");
	assert_null(got.allowed);
	/* PK-139: allowed with reason and end, which stand in the report and
	 * in what is audited; from that day on refused again. */
	j->conf = &conf;
	for (int i = 0; i < 2; i++) {
		bool is_over = i == 1;

		j->now = 1795478400 - (is_over ? 0 : 1); /* 2026-11-24 */
		assert_int_equal(
		    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got),
		    is_over ? -1 : 0);
		job_recover(j);
		assert_string_equal(
		    result_of(j, got.report, "L-40"), "warning");
		if (is_over) {
			assert_null(got.allowed);
			continue;
		}
		assert_string_equal(
		    got.allowed, "L-40 until 2026-11-24: many long mailboxes");
		assert_non_null(
		    strstr(got.report, "\"allowed\":\"many long mailboxes\","
				       "\"until\":\"2026-11-24\""));
	}
	j->conf = NULL;
}

/* PK-133 through L-36 and L-37 */
static void
test_urls(void **state)
{
	static const struct {
		const char *url;
		bool good;
	} urls[] = {
		{ "http://crl.example.com/a.crl", true },
		{ "http://crl.example.com:80/a.crl", true },
		{ "http://example.com", true },
		{ "https://crl.example.com/a.crl", false },
		{ "ldap://crl.example.com/a.crl", false },
		{ "http://crl.example.com:8080/a.crl", false },
		{ "http://localhost/a.crl", false },
		{ "http://192.0.2.1/a.crl", false },
		{ "http://[2001:db8::1]/a.crl", false },
		{ "http://u@crl.example.com/a.crl", false },
		{ "http://crl.example.com/a.crl?x=1", false },
		{ "http://crl.example.com/a.crl#x", false },
		{ "http://crl.example.com./a.crl", false },
		{ "http://crl..example.com/a.crl", false },
		{ "http:///a.crl", false },
		{ "http://crl.example.com/a b", false },
		{ "http://crl.example.com/\xc3\xa4", false },
		{ "http://crl.example.com/a<b", false },
		{ "http://crl.example.com/~a/%20(b);c=d,e", true },
		{ "http://crl.example.com/"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    true }, /* 128 */
		{ "http://crl.example.com/"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    false }, /* 129 */
	};
	(void)state;

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct job *j = lab_job();
		struct certificate c;
		struct issue_tbs tbs;

		unit_case("%s", urls[i].url);
		job_recover(j);
		good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
		c.in.crl_url = urls[i].url;
		assert_int_equal(issue_prepare(j, lab_ca("p256"), &c.in, &tbs),
		    urls[i].good ? 0 : -1);
		if (!urls[i].good)
			assert_non_null(strstr(j->err.text, "lint L-36"));
		job_recover(j);
		c.in.crl_url = LAB_CRL_URL;
		c.in.ca_issuers_url = urls[i].url;
		assert_int_equal(issue_prepare(j, lab_ca("p256"), &c.in, &tbs),
		    urls[i].good ? 0 : -1);
		if (!urls[i].good)
			assert_non_null(strstr(j->err.text, "lint L-37"));
		job_recover(j);
	}
}

/* Cut at every length: refused, by L-01. */
static void
test_cut(void **state)
{
	struct job *j = lab_job();
	struct certificate c;
	struct lint_result got;
	(void)state;

	good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	struct span der = build(&c);
	for (size_t n = 0; n < der.n; n++) {
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     span_cut(der, 0, n), &got),
		    -1);
		assert_int_equal(strncmp(j->err.text, "lint L-01", 9), 0);
		job_recover(j);
	}
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
	struct certificate c;
	struct lint_result got;
	(void)state;

	good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	ku_data(&c);
	j->conf = &conf;
	assert_int_equal(
	    lint_certificate(j, lab_ca("p256"), &c.in, build(&c), &got), -1);
	assert_string_equal(result_of(j, got.report, "L-31"), "error");
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
	cmocka_unit_test(test_each_profile),
	cmocka_unit_test(test_unknown_profile),
	cmocka_unit_test(test_encryption),
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_urls),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
