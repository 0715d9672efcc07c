/*
 * The signed challenge mail (MA-102, MA-103), read by OpenSSL's CMS, by the
 * MIME parser that replies are read with, and by the strict DER reader of
 * pki/, none of which had a hand in writing it.
 */
#include "config.h"

#include "tests/unit/dkim_lab.h"
#include "tests/unit/signer_lab.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "mail/compose.h"
#include "mail/dkim_sign.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/mime_part.h"
#include "mail/smime_sign.h"
#include "pki/der.h"

#define COMBINED CONF_PROTECTION_COMBINED
#define WRAPPED CONF_PROTECTION_WRAPPED

static int
set_clock(void **state)
{
	(void)state;
	clock_set(LAB_NOW);
	return 0;
}

static struct span
challenge(struct job *j, const char *language)
{
	const struct compose_input in = { .ca_name = "Example CA",
		.mailbox = "alice@user.test",
		.from = "acme@ca.test",
		.message_id = "<0123456789abcdef@ca.test>",
		.token_part1 = SPAN("QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"),
		.language = language,
		.default_language = "en",
		.date = LAB_NOW,
		.expires_at = LAB_NOW + 86400 };
	struct span out;

	assert_int_equal(compose_challenge(j, &in, &out), 0);
	return out;
}

static struct span
sign(const struct signer_lab *lab, enum conf_protection form,
    struct span message)
{
	struct job *j = unit_job();
	struct span out = SPAN("");

	assert_int_equal(
	    smime_sign(j, signer_lab_load(j, lab), form, message, &out), 0);
	return out;
}

/* --- the reader
 * ------------------------------------------------------------------- */

struct reading {
	struct job *j;
	const struct signer_lab *lab;
	struct message outer;
	struct mime_part root;
	const struct mime_part *content;
	CMS_ContentInfo *cms;
	CMS_SignerInfo *signer;
	struct span attribute; /* DER; empty: none */
	const char *wrong;     /* NULL: all agrees */
};

static void
cms_release(void *x)
{
	CMS_ContentInfo_free(x);
}

static bool
cut(struct reading *r, struct span raw)
{
	const struct message_limits limits = { .message_max = raw.n };
	struct finding f;

	if (message_parse(r->j, raw, &limits, &r->outer, &f) < 0 ||
	    mime_part_parse(r->j, &r->outer, &r->root, &f) < 0 ||
	    message_check_fields(&r->outer, &f) < 0)
		return false;
	r->content = &r->root.parts[0];
	return mime_part_is(&r->root, "multipart", "signed") &&
	       r->root.part_count == 2 && r->root.preamble.n == 0;
}

static bool
verify(struct reading *r)
{
	X509_STORE *store = X509_STORE_new();
	struct span der = SPAN(""), text = r->content->octets;
	const unsigned char *p;
	struct finding f;
	BIO *in;
	int result;

	assert_int_equal(
	    mime_part_decode(r->j, &r->root.parts[1], &der, &f), 0);
	p = (const unsigned char *)der.p;
	r->cms = arena_own(r->j->arena,
	    d2i_CMS_ContentInfo(NULL, &p, (long)der.n), cms_release);
	assert_non_null(r->cms);
	X509_STORE_add_cert(store, r->lab->root);
	X509_VERIFY_PARAM_set_time(
	    X509_STORE_get0_param(store), (time_t)r->j->now);
	in = BIO_new_mem_buf(text.p, (int)text.n);
	result = CMS_verify(r->cms, NULL, store, in, NULL, CMS_BINARY);
	BIO_free(in);
	X509_STORE_free(store);
	r->signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(r->cms), 0);
	return result == 1 && CMS_is_detached(r->cms) == 1;
}

static void
find_attribute(struct reading *r)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113549.1.9.16.2.55", 1);
	int at = CMS_signed_get_attr_by_OBJ(r->signer, oid, -1);
	const ASN1_STRING *set;

	ASN1_OBJECT_free(oid);
	r->attribute = SPAN("");
	if (at < 0)
		return;
	set = X509_ATTRIBUTE_get0_data(
	    CMS_signed_get_attr(r->signer, at), 0, V_ASN1_SET, NULL);
	assert_non_null(set);
	r->attribute = span_mem(
	    ASN1_STRING_get0_data(set), (size_t)ASN1_STRING_length(set));
}

/* The value of the one outer field of that name, as the RFC's relaxed form
 * would have it; ours need no more than that. */
static bool
outer_is(const struct reading *r, const char *name, struct span value)
{
	return message_count(&r->outer, name) == 1 &&
	       span_eq(
		   value, field_unfold(r->j, message_field(&r->outer, name)));
}

static const char *
check_attribute(const struct reading *r, size_t *count)
{
	struct der set, canon, fields, field, name, value;
	struct span in;

	*count = 0;
	if (!der_is_strict(r->attribute) ||
	    der_only(r->attribute, DER_SET, &set) < 0)
		return "no SET";
	in = set.body;
	if (der_take(&in, DER_ENUMERATED, &canon) < 0 || canon.body.n != 1 ||
	    canon.body.p[0] != 1 || der_take(&in, DER_SEQUENCE, &fields) < 0 ||
	    in.n != 0)
		return "not relaxed and fields";
	in = fields.body;
	while (der_next(&in, &field) > 0) {
		struct span inside = field.body;

		/* No status: duplicated is the default. */
		if (field.tag != DER_SEQUENCE ||
		    der_take(&inside, 0x1a, &name) < 0 ||
		    der_take(&inside, DER_UTF8_STRING, &value) < 0 ||
		    inside.n != 0)
			return "no HeaderField";
		if (!outer_is(r, span_dup(r->j->arena, name.body), value.body))
			return "an outer field differs from the attribute's";
		(*count)++;
	}
	return NULL;
}

static bool
is_same(const struct field *inner, const struct message *outer)
{
	const char *name = span_dup(unit_job()->arena, inner->name);

	return message_count(outer, name) == 1 &&
	       span_eq(message_field(outer, name)->raw, inner->raw);
}

/* RFC 9788: copies of the fields, or RFC 8551: those of the mail inside. */
static const char *
check_copies(const struct reading *r, const struct field *fields, size_t n,
    size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < n; i++) {
		if (span_casestarts(fields[i].name, SPAN("Content-")))
			continue;
		if (!is_same(&fields[i], &r->outer))
			return "an outer field differs from the inner one";
		(*count)++;
	}
	return NULL;
}

static struct reading
read_mail(const struct signer_lab *lab, struct span raw)
{
	struct reading r = { .j = unit_job(), .lab = lab };
	size_t copies = 0, secured = 0;
	struct field *fields;
	struct finding f;
	struct span hp, rest;
	size_t n;

	if (!cut(&r, raw)) {
		r.wrong = "structure";
		return r;
	}
	if (!verify(&r)) {
		r.wrong = "signature";
		return r;
	}
	find_attribute(&r);
	if (mime_part_is(r.content, "message", "rfc822")) {
		assert_int_equal(field_section_parse(r.j, r.content->body,
				     &fields, &n, &rest, &f),
		    0);
		r.wrong = check_copies(&r, fields, n, &copies);
		return r;
	}
	if (mime_param_get(&r.content->type, "hp", &hp) != 1 ||
	    !span_eq_str(hp, "clear"))
		r.wrong = "no hp";
	if (r.wrong == NULL)
		r.wrong = check_copies(
		    &r, r.content->fields, r.content->field_count, &copies);
	if (r.wrong == NULL)
		r.wrong = check_attribute(&r, &secured);
	if (r.wrong == NULL && copies != secured)
		r.wrong = "the two forms name different fields";
	return r;
}

/* --- the tests
 * ------------------------------------------------------------------------- */

static void
with_lab(struct signer_lab *lab, const struct signer_lab_leaf *how)
{
	signer_lab_make(unit_job(), how, lab);
}

/* MA-102: what both forms have, with each kind of key. */
static void
test_verifies(void **state)
{
	static const char *const keys[] = { "P-256", "P-384", "P-521",
		"RSA2048" };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(keys); i++) {
		const struct signer_lab_leaf how = { .key = keys[i / 2] };
		enum conf_protection form = i % 2 == 0 ? COMBINED : WRAPPED;
		struct signer_lab lab;
		struct reading r;
		X509_ALGOR *digest;

		unit_case("%s, %zu", keys[i / 2], i % 2);
		with_lab(&lab, &how);
		r = read_mail(&lab, sign(&lab, form, challenge(j, "en")));
		assert_null(r.wrong);
		assert_int_equal(r.attribute.n > 0, form == COMBINED);
		CMS_SignerInfo_get0_algs(r.signer, NULL, NULL, &digest, NULL);
		assert_int_equal(OBJ_obj2nid(digest->algorithm), NID_sha256);
	}
}

static size_t
count_of(struct span text, const char *what)
{
	size_t count = 0;

	for (size_t at = 0;
	     (at = span_find_span(text, at, span_str(what))) < text.n; at++)
		count++;
	return count;
}

/* MA-102, MA-103: the form of the whole; no line over 76 octets, none with
 * eight bits, in any language. */
static void
test_form(void **state)
{
	static const char *const languages[] = { "en", "de" };
	struct job *j = unit_job();
	struct signer_lab lab;

	(void)state;
	with_lab(&lab, NULL);
	for (size_t i = 0; i < 2 * COUNT(languages); i++) {
		struct span plain = challenge(j, languages[i / 2]);
		struct span out =
		    sign(&lab, i % 2 == 0 ? COMBINED : WRAPPED, plain);

		unit_case("%s, %zu", languages[i / 2], i % 2);
		for (size_t at = 0; at < out.n;) {
			size_t end = span_find_span(out, at, SPAN("\r\n"));

			assert_true(end < out.n && end - at <= 76);
			at = end + 2;
		}
		assert_true(span_is_ascii(out));
		/* The header is as it was, up to the type. */
		assert_true(span_starts(
		    out, span_cut(plain, 0,
			     span_find_span(plain, 0, SPAN("Content-Type:")))));
		assert_int_equal(
		    count_of(out, "Content-Type: multipart/signed;\r\n"
				  " protocol=\"application/"
				  "pkcs7-signature\"; micalg=sha-256;\r\n"),
		    1);
		assert_int_equal(count_of(out, "HP-Outer"), 0);
		/* Of the two parts of the text and the signature only. */
		assert_int_equal(
		    count_of(out, "Content-Transfer-Encoding:"), 3);
	}
}

/* MA-102: the root of the signed part states no transfer encoding, and has
 * copies of just these fields. */
static void
test_signed_part(void **state)
{
	static const char *const names[] = { "From", "To", "Subject", "Date",
		"Message-ID", "Auto-Submitted", "Content-Type" };
	struct job *j = unit_job();
	struct signer_lab lab;
	struct reading r;

	(void)state;
	with_lab(&lab, NULL);
	r = read_mail(&lab, sign(&lab, COMBINED, challenge(j, "en")));
	assert_null(r.wrong);
	assert_int_equal(r.content->field_count, COUNT(names));
	for (size_t i = 0; i < COUNT(names); i++)
		assert_span_equal(r.content->fields[i].name, names[i]);
	assert_true(mime_part_is(r.content, "multipart", "alternative"));
	assert_int_equal(r.content->part_count, 2);
	assert_int_equal(r.content->encoding, MIME_UNSTATED);
}

/* What a wrapped mail has inside is the mail itself, octet for octet. */
static void
test_wrapped(void **state)
{
	struct job *j = unit_job();
	struct span plain = challenge(j, "en"), forwarded;
	struct signer_lab lab;
	struct reading r;

	(void)state;
	with_lab(&lab, NULL);
	r = read_mail(&lab, sign(&lab, WRAPPED, plain));
	assert_null(r.wrong);
	assert_true(span_eq(r.content->body, plain));
	assert_int_equal(r.content->field_count, 1);
	assert_int_equal(
	    mime_param_get(&r.content->type, "forwarded", &forwarded), 1);
	assert_span_equal(forwarded, "no");
}

/* Leaf and intermediate are there, the root is not. */
static void
test_certificates(void **state)
{
	struct job *j = unit_job();
	struct signer_lab lab;
	struct reading r;
	STACK_OF(X509) * certs;

	(void)state;
	with_lab(&lab, NULL);
	r = read_mail(&lab, sign(&lab, COMBINED, challenge(j, "en")));
	assert_null(r.wrong);
	certs = CMS_get1_certs(r.cms);
	assert_int_equal(sk_X509_num(certs), 2);
	for (int i = 0; i < 2; i++)
		assert_int_not_equal(
		    X509_cmp(sk_X509_value(certs, i), lab.root), 0);
	sk_X509_pop_free(certs, X509_free);
}

/* The value that the samples of pyasn1-modules for RFC 7508 have (From:
 * alice@example.com, relaxed): two writers, the same octets. */
static void
test_attribute_vector(void **state)
{
	static const unsigned char vector[] = { 0x31, 0x20, 0x0a, 0x01, 0x01,
		0x30, 0x1b, 0x30, 0x19, 0x1a, 0x04, 'F', 'r', 'o', 'm', 0x0c,
		0x11, 'a', 'l', 'i', 'c', 'e', '@', 'e', 'x', 'a', 'm', 'p',
		'l', 'e', '.', 'c', 'o', 'm' };
	static const char mail[] = "From: alice@example.com\r\n"
				   "MIME-Version: 1.0\r\n"
				   "Content-Type: text/plain\r\n\r\nHello\r\n";
	static const char folded[] =
	    "From:  \r\n\t alice@example.com \t\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain\r\n\r\nHello\r\n";
	const char *const mails[] = { mail, folded };
	struct signer_lab lab;

	(void)state;
	with_lab(&lab, NULL);
	for (size_t i = 0; i < COUNT(mails); i++) {
		struct reading r = { .j = unit_job(), .lab = &lab };
		struct span out = sign(&lab, COMBINED, span_str(mails[i]));

		unit_case("%zu", i);
		(void)cut(&r, out);
		r.content = &r.root.parts[0];
		assert_true(verify(&r));
		find_attribute(&r);
		assert_true(
		    span_eq(r.attribute, span_mem(vector, sizeof(vector))));
	}
}

/* Longer lengths are written right too. */
static void
test_long_fields(void **state)
{
	struct job *j = unit_job();
	struct signer_lab lab;

	(void)state;
	with_lab(&lab, NULL);
	for (int n = 60; n < 1200; n += 19) {
		const char *mail = arena_printf(j->arena,
		    "From: acme@ca.test\r\nTo: %0*d@user.test\r\n"
		    "Subject: x\r\nMIME-Version: 1.0\r\n"
		    "Reply-To: y@ca.test\r\nContent-Type: "
		    "text/plain\r\n\r\nHello\r\n",
		    n, 0);
		struct reading r;

		unit_case("%d", n);
		r = read_mail(&lab, sign(&lab, COMBINED, span_str(mail)));
		assert_null(r.wrong);
		assert_int_equal(count_of(r.attribute, "Reply-To"), 1);
	}
}

static struct span
replaced(struct span raw, const char *old, const char *new)
{
	size_t at = span_find_span(raw, 0, span_str(old));
	struct buf b;

	assert_true(at < raw.n);
	buf_init(&b, unit_job()->arena, raw.n + 200);
	buf_add(&b, span_cut(raw, 0, at));
	buf_add_str(&b, new);
	buf_add(&b, span_from(raw, at + strlen(old)));
	return buf_span(&b);
}

/* MA-102: one altered outer field is detected, whichever it is; the first
 * occurrence of each text is the outer one. */
static void
test_altered(void **state)
{
	static const struct {
		const char *old, *new;
	} cases[] = {
		{ "From: acme@", "From: evil@" },
		{ "To: alice@", "To: mallory@" },
		{ "Subject: ACME: QUJD", "Subject: ACME: AAAA" },
		{ "Subject: ACME: QUJD", "Subject: Re: ACME: QUJD" },
		{ "+0000\r\n", "+0100\r\n" },
		{ "Message-ID: <0", "Message-ID: <1" },
		{ "; type=acme", "; type=other" },
		{ "From: acme@ca.test\r\n",
		    "From: acme@ca.test\r\nFrom: evil@ca.test\r\n" },
		{ "Date: ", "X-Date: " },
	};
	struct job *j = unit_job();
	struct signer_lab lab;

	(void)state;
	with_lab(&lab, NULL);
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct span out = sign(
		    &lab, i % 2 == 0 ? COMBINED : WRAPPED, challenge(j, "en"));

		unit_case("%zu: %s", i % 2, cases[i / 2].old);
		assert_null(read_mail(&lab, out).wrong);
		assert_non_null(read_mail(
		    &lab, replaced(out, cases[i / 2].old, cases[i / 2].new))
				    .wrong);
	}
	/* The text is; what relays add is not. */
	assert_string_equal(
	    read_mail(&lab, replaced(sign(&lab, COMBINED, challenge(j, "en")),
				"Example CA", "Example XY"))
		.wrong,
	    "signature");
	assert_null(
	    read_mail(&lab, replaced(sign(&lab, COMBINED, challenge(j, "en")),
				"\r\n\r\n", "\r\nReceived: x\r\n\r\n"))
		.wrong);
}

static bool
dkim_passes(struct span raw)
{
	static const struct dkim_policy policy = { .coverage =
						       CONF_COVERAGE_RFC };
	struct job *j = unit_job();
	struct message m = lab_parse(j, raw);
	struct lab_dns dns = { .status = DNS_OK, .count = 1 };
	struct dkim_result r;

	dns.texts[0] = span_str(lab_record(j, "rsa2048"));
	assert_int_equal(dkim_verify(j, &m, "ca.test", LAB_NOW, &policy,
			     lab_resolver(j, &dns), &r),
	    0);
	return r.pass;
}

/* MA-103: both verify; what breaks the inner one breaks the outer one. */
static void
test_with_dkim(void **state)
{
	struct job *j = unit_job();
	const char *path = unit_path("dkim.pem");
	const struct dkim_signer *dkim[1];
	struct span pem = lab_pem(j, "rsa2048"), out;
	struct signer_lab lab;
	FILE *f = fopen(path, "wb");

	(void)state;
	with_lab(&lab, NULL);
	assert_int_equal(fwrite(pem.p, 1, pem.n, f), pem.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(
	    dkim_signer_load(j, j->arena, path, "sel", &dkim[0]), 0);
	assert_int_equal(unlink(path), 0);
	for (size_t i = 0; i < 2; i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    dkim_sign(j,
			sign(&lab, i == 0 ? COMBINED : WRAPPED,
			    challenge(j, "de")),
			"ca.test", dkim, 1, LAB_NOW, LAB_NOW + 86400, &out),
		    0);
		assert_true(dkim_passes(out));
		assert_null(read_mail(&lab, out).wrong);
		assert_false(
		    dkim_passes(replaced(out, "Example CA", "Example XY")));
	}
}

static void
test_refuses(void **state)
{
	struct job *j = unit_job();
	const struct smime_signer *s;
	struct signer_lab lab;
	struct span out;

	(void)state;
	with_lab(&lab, NULL);
	s = signer_lab_load(j, &lab);
	assert_int_equal(
	    smime_sign(j, s, COMBINED, SPAN("no message\n"), &out), -1);
	assert_non_null(strstr(j->err.text, "msg."));
	job_recover(j);
	assert_int_equal(
	    smime_sign(j, s, COMBINED, SPAN("From: a@b.test\r\n\r\n"), &out),
	    -1);
	assert_non_null(strstr(j->err.text, "Content-Type"));
	job_recover(j);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_verifies, set_clock),
	cmocka_unit_test_setup(test_form, set_clock),
	cmocka_unit_test_setup(test_signed_part, set_clock),
	cmocka_unit_test_setup(test_wrapped, set_clock),
	cmocka_unit_test_setup(test_certificates, set_clock),
	cmocka_unit_test_setup(test_attribute_vector, set_clock),
	cmocka_unit_test_setup(test_long_fields, set_clock),
	cmocka_unit_test_setup(test_altered, set_clock),
	cmocka_unit_test_setup(test_with_dkim, set_clock),
	cmocka_unit_test_setup(test_refuses, set_clock),
};
UNIT_MAIN(tests)
