/*
 * Whose an S/MIME signature is, and what it stands for: MA-74 (the address in
 * the certificate), MA-75 (protected header fields), MA-76 (instead of DKIM).
 */
#include "config.h"

#include "tests/unit/smime_world.h"

#include <string.h>

#include "lib/count.h"
#include "mail/smime_verify.h"
#include "pki/der.h"
#include "tests/unit/smime_lab.h"
#include "tests/unit/unit.h"

#define OK "smime.accepted"

/* OpenSSL's words have no way to say this in UTF-8. */
#define UTF8_SAN "utf8:"

static struct span
utf8_names(struct job *j, const char *mailbox)
{
	size_t list, name, value;
	struct buf b;

	buf_init(&b, j->arena, 1000);
	list = der_open(&b, DER_SEQUENCE);
	name = der_open(&b, DER_CONTEXT(0));
	der_add(&b, DER_OID, SPAN("\x2b\x06\x01\x05\x05\x07\x08\x09"));
	value = der_open(&b, DER_CONTEXT(0));
	der_add(&b, DER_UTF8_STRING, span_str(mailbox));
	der_close(&b, value);
	der_close(&b, name);
	der_close(&b, list);
	return buf_span(&b);
}

static void
test_identity(void **state)
{
	static const struct {
		const char *from, *san, *email;
		bool good;
	} cases[] = {
		{ ALICE, "email:" ALICE, NULL, true },
		/* address only in the subject */
		{ ALICE, "", ALICE, false },
		{ ALICE, "DNS:user.test", ALICE, false },
		{ ALICE, "email:bob@user.test", ALICE, false },
		/* beside a dNSName, second of two, only as one */
		{ ALICE, "DNS:user.test,email:" ALICE, NULL, true },
		{ ALICE, "email:bob@user.test,email:" ALICE, NULL, true },
		{ ALICE, "DNS:" ALICE, NULL, false },
		{ ALICE, "URI:mailto:" ALICE, NULL, false },
		/* local part, domain */
		{ ALICE, "email:Alice@user.test", NULL, true },
		{ "Alice@user.test", "email:alice@USER.Test", NULL, true },
		{ ALICE, "email:alice+x@user.test", NULL, false },
		{ ALICE, "email:alice@mail.user.test", NULL, false },
		{ ALICE, "email:user.test", NULL, false },
		{ ALICE, "email:*@user.test", NULL, false },
		{ ALICE, "email:" ALICE ",email:*@user.test", NULL, false },
		/* U-labels */
		{ "alice@xn--bcher-kva.test", "email:alice@xn--bcher-kva.test",
		    NULL, true },
		{ "alice@xn--bcher-kva.test", "email:alice@XN--BCHER-KVA.test",
		    NULL, true },
		{ "j\xc3\xb6rg@user.test", UTF8_SAN "j\xc3\xb6rg@user.test",
		    NULL, true },
		{ "j\xc3\xb6rg@xn--bcher-kva.test",
		    UTF8_SAN "j\xc3\xb6rg@xn--bcher-kva.test", NULL, true },
		{ "j\xc3\xb6rg@xn--bcher-kva.test",
		    UTF8_SAN "j\xc3\xb6rg@b\xc3\xbc"
			     "cher.test",
		    NULL, true },
		{ "j\xc3\xb6rg@user.test", UTF8_SAN "jorg@user.test", NULL,
		    false },
		/* SmtpUTF8Mailbox is for local parts that are not ASCII */
		{ ALICE, UTF8_SAN ALICE, NULL, false },
		/* another otherName */
		{ ALICE, "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:" ALICE, NULL,
		    false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_cert cert = { .email = cases[i].email };
		struct smime_result r;

		unit_case("%zu: %s", i, cases[i].san);
		w.from = cases[i].from;
		if (span_starts(span_str(cases[i].san), SPAN(UTF8_SAN)))
			cert.raw_san =
			    utf8_names(w.j, cases[i].san + strlen(UTF8_SAN));
		else
			cert.san = cases[i].san;
		r = world_verify_cert(&w, &cert);
		world_check_code(
		    &r, cases[i].good ? "smime.accepted" : "smime.identity");
	}
}

static struct span
names(struct job *j, uint8_t tag, const char *text, size_t n, bool with_alice)
{
	struct buf b;
	size_t list;

	buf_init(&b, j->arena, 1000);
	list = der_open(&b, DER_SEQUENCE);
	if (with_alice)
		der_add(&b, DER_CONTEXT_PRIMITIVE(1), SPAN(ALICE));
	der_add(&b, tag, span_mem(text, n));
	der_close(&b, list);
	return buf_span(&b);
}

/* Names that different programs read differently spoil the certificate. */
static void
test_hostile_names(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
#define NAME(text) { text, sizeof(text) - 1 }
		NAME(ALICE "\0.evil.test"),
		NAME("alice\0@user.test"),
		NAME("\0" ALICE),
		NAME(ALICE "\n"),
		NAME(ALICE "\x7f"),
		NAME("alice@b\xc3\xbc.test\xff"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int with = 0; with < 2; with++) {
			struct world w = world_new();
			struct smime_result r = world_verify_cert(
			    &w, &(struct smime_cert){
				    .raw_san = names(w.j, 0x81, cases[i].text,
					cases[i].n, with) });

			unit_case("%zu", i);
			world_check_code(&r, "smime.identity");
		}
	}
}

#define HP(from, to, subject)                                                  \
	from to subject                                                        \
	    "Content-Type: text/plain; hp=\"clear\"\r\n\r\n" SMIME_LAB_BLOCK
#define WRAP(from, to, subject)                                                \
	"Content-Type: message/rfc822; forwarded=no\r\n\r\n" from to subject   \
	"MIME-Version: 1.0\r\nContent-Type: "                                  \
	"text/plain\r\n\r\n" SMIME_LAB_BLOCK
#define FROM "From: alice@user.test\r\n"
#define TO "To: <ACME+TAG@ca.test>\r\n"
#define SUBJECT                                                                \
	"Subject: =?utf-8?q?Re=3A?= ACME:\r\n "                                \
	"toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q\r\n"
#define MISMATCH "smime.header-mismatch"

static void
test_payload_header(void **state)
{
	static const struct {
		const char *part, *code;
		bool from, to, subject;
	} cases[] = {
		{ HP(FROM, TO, SUBJECT), OK, true, true, true },
		{ HP("From: bob@user.test\r\n", TO, SUBJECT), MISMATCH, false,
		    false, false },
		{ HP(FROM, "To: other@ca.test\r\n", SUBJECT), MISMATCH, false,
		    false, false },
		{ HP(FROM, TO, "Subject: Re: ACME: other\r\n"), MISMATCH, false,
		    false, false },
		{ HP("", TO, SUBJECT), MISMATCH, false, false, false },
		{ HP(FROM, "", SUBJECT), MISMATCH, false, false, false },
		{ HP(FROM, TO, ""), MISMATCH, false, false, false },
		{ HP(FROM FROM, TO, SUBJECT), MISMATCH, false, false, false },
		{ WRAP(FROM, TO, SUBJECT), OK, true, true, true },
		{ WRAP("From: bob@user.test\r\n", TO, SUBJECT), MISMATCH, false,
		    false, false },
		{ WRAP(FROM, "To: a@ca.test, acme+tag@ca.test\r\n", SUBJECT),
		    MISMATCH, false, false, false },
		{ WRAP(FROM, TO, "Subject: Re: ACME: other\r\n"), MISMATCH,
		    false, false, false },
		{ WRAP("", TO, SUBJECT), MISMATCH, false, false, false },
		/* fields of a part without hp= say nothing */
		{ FROM "Content-Type: text/plain\r\n\r\n" SMIME_LAB_BLOCK, OK,
		    false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id = world_alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.opaque = i % 2 == 1,
			.part = cases[i / 2].part };
		struct smime_result r =
		    world_verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i / 2);
		world_check_code(&r, cases[i / 2].code);
		if (!r.accepted)
			continue;
		assert_int_equal(r.header.from, cases[i / 2].from);
		assert_int_equal(r.header.to, cases[i / 2].to);
		assert_int_equal(r.header.subject, cases[i / 2].subject);
	}
}

/* RFC 7508 */
static void
test_attribute(void **state)
{
#define F(from)                                                                \
	{                                                                      \
		"From", from, -1                                               \
	}
#define T(to)                                                                  \
	{                                                                      \
		"To", to, -1                                                   \
	}
#define S(subject)                                                             \
	{                                                                      \
		"subject", subject, -1                                         \
	}
#define GOOD_S S("Re: ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q")
	static const struct {
		struct smime_header fields[3];
		size_t count;
		const char *code;
		bool from, to, subject;
	} cases[] = {
		{ { F(ALICE), T("acme+tag@ca.test"), GOOD_S }, 3, OK, true,
		    true, true },
		{ { F("Alice <" ALICE ">"), GOOD_S }, 2, OK, true, false,
		    true },
		{ { { "Date", "x", 1 } }, 1, OK, false, false, false },
		{ { F("bob@user.test"), GOOD_S }, 2, MISMATCH, false, false,
		    false },
		{ { F(ALICE), S("Re: ACME: other") }, 2, MISMATCH, false, false,
		    false },
		{ { T("other@ca.test") }, 1, MISMATCH, false, false, false },
		/* deleted, modified */
		{ { { "From", ALICE, 1 } }, 1, MISMATCH, false, false, false },
		{ { { "From", ALICE, 2 } }, 1, MISMATCH, false, false, false },
		{ { { "From", ALICE, 0 } }, 1, OK, true, false, false },
		{ { F(ALICE) }, 0, MISMATCH, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id = world_alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.attribute = smime_lab_attribute(
			    w.j, cases[i].fields, cases[i].count) };
		struct smime_result r =
		    world_verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i);
		world_check_code(&r, cases[i].code);
		if (!r.accepted)
			continue;
		assert_int_equal(r.header.from, cases[i].from);
		assert_int_equal(r.header.to, cases[i].to);
		assert_int_equal(r.header.subject, cases[i].subject);
	}
}

/* What cannot be read agrees with nothing; another signer's protects nothing,
 * but may not disagree. */
static void
test_attribute_of_others(void **state)
{
	static const struct smime_header good = F(ALICE), bad = F("x@y.test");
	struct world w = world_new();
	struct smime_id id = world_alice(&w), bob;
	struct smime_letter l = { .signers = { &id },
		.extra = { w.ca.x },
		.attribute = SPAN_INIT("\x31\x03\x0a\x01\x01") };
	struct smime_result r;

	(void)state;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, MISMATCH);
	bob = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.ca,
				      .key = "p256/bob",
				      .san = "email:bob@user.test" });
	l.signers[0] = &bob;
	l.attribute = smime_lab_attribute(w.j, &bad, 1);
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, MISMATCH);
	l.attribute = smime_lab_attribute(w.j, &good, 1);
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.identity");
	assert_false(r.header.from);
}

static const char *own_serial;

static int
is_own(struct job *j, const char *serial)
{
	(void)j;
	return own_serial != NULL && strcmp(serial, own_serial) == 0;
}

static void
test_instead_of_dkim(void **state)
{
	static const struct {
		const char *part;
		bool listed, own, replaces;
		const char *why;
	} cases[] = {
		{ HP(FROM, TO, SUBJECT), true, false, true, NULL },
		{ WRAP(FROM, TO, SUBJECT), true, false, true, NULL },
		{ HP(FROM, TO, SUBJECT), false, false, false, NULL },
		{ NULL, true, false, false, MISMATCH },
		{ HP(FROM, TO, SUBJECT), true, true, false, "smime.identity" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id = world_alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.part = cases[i].part };
		struct span raw = smime_lab_message(w.j, &l);
		struct smime_result r;

		unit_case("%zu", i);
		w.policy.mode = CONF_SMIME_NOTE;
		w.policy.instead_of_dkim = cases[i].listed;
		w.policy.is_own = is_own;
		own_serial = NULL;
		r = world_verify(&w, raw);
		if (cases[i].own) {
			assert_true(r.replaces_dkim);
			own_serial = r.signers[0].serial;
			r = world_verify(&w, raw);
		}
		world_check_code(&r, OK);
		assert_int_equal(r.replaces_dkim, cases[i].replaces);
		assert_int_equal(
		    r.no_dkim.result == FINDING_NOTE, cases[i].why != NULL);
		if (cases[i].why != NULL)
			assert_string_equal(r.no_dkim.code, cases[i].why);
		assert_int_equal(r.root_count, cases[i].listed);
		assert_int_equal(r.list_count, cases[i].listed ? 2 : 0);
	}
	own_serial = NULL;
}

/* Without the question whether it is our own, nothing stands in. */
static void
test_instead_needs_the_question(void **state)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w);
	struct smime_letter l = { .signers = { &id },
		.extra = { w.ca.x },
		.part = HP(FROM, TO, SUBJECT) };
	struct smime_result r;

	(void)state;
	w.policy.instead_of_dkim = true;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, OK);
	assert_false(r.replaces_dkim);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_identity),
	cmocka_unit_test(test_hostile_names),
	cmocka_unit_test(test_payload_header),
	cmocka_unit_test(test_attribute),
	cmocka_unit_test(test_attribute_of_others),
	cmocka_unit_test(test_instead_of_dkim),
	cmocka_unit_test(test_instead_needs_the_question),
};
UNIT_MAIN(tests)
