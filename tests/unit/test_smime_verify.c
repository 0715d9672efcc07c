/*
 * MA-70 to MA-72, ER-27, ER-29: S/MIME signatures of replies, made by OpenSSL
 * with one thing out of order each: the structure, what is signed, with which
 * algorithms.
 */
#include "config.h"

#include "tests/unit/smime_world.h"

#include <string.h>

#include <openssl/cms.h>

#include "lib/count.h"
#include "mail/smime_verify.h"
#include "tests/unit/smime_lab.h"
#include "tests/unit/unit.h"

/* --- MA-70 --------------------------------------------------------------- */

static struct span
replaced(struct job *j, struct span text, const char *from, const char *to)
{
	size_t at = span_find_span(text, 0, span_str(from));
	struct buf b;

	assert_true(at < text.n);
	buf_init(&b, j->arena, text.n + strlen(to));
	buf_add(&b, span_cut(text, 0, at));
	buf_add_str(&b, to);
	buf_add(&b, span_from(text, at + strlen(from)));
	return buf_span(&b);
}

#define TOP                                                                    \
	"From: " ALICE "\r\nTo: acme+tag@ca.test\r\n"                          \
	"Subject: Re: ACME: x\r\nMIME-Version: 1.0\r\n"

/* The message as a part of a multipart/mixed. */
static struct span
in_mixed(struct world *w, struct span raw, const char *before)
{
	size_t type = span_find_span(raw, 0, SPAN("Content-Type: multipart"));
	struct buf b;

	buf_init(&b, w->j->arena, raw.n + 1000);
	buf_addf(&b,
	    TOP "Content-Type: multipart/mixed; boundary=outer\r\n\r\n"
		"%s--outer\r\n",
	    before);
	buf_add(&b, span_from(raw, type));
	buf_add_str(&b, "\r\n--outer\r\nContent-Type: text/plain\r\n\r\n"
			"A footer.\r\n--outer--\r\n");
	return buf_span(&b);
}

static void
test_structure(void **state)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span raw = smime_lab_message(w.j, &l);
	struct smime_result r;

	(void)state;
	r = world_verify(&w, raw);
	world_check_code(&r, "smime.accepted");
	/* ER-27 */
	l.opaque = true;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.accepted");
	r = world_verify(&w, in_mixed(&w, raw, ""));
	world_check_code(&r, "smime.structure");
	assert_true(r.present);
	r = world_verify(
	    &w, in_mixed(&w, raw,
		    "--outer\r\nContent-Type: text/plain\r\n\r\nText.\r\n"));
	world_check_code(&r, "smime.structure");
	/* three parts */
	r = world_verify(&w,
	    replaced(w.j, raw, "\r\n--b--\r\n",
		"\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"));
	world_check_code(&r, "smime.structure");
	/* one */
	r = world_verify(
	    &w, SPAN(TOP "Content-Type: multipart/signed; boundary=b;\r\n"
			 " protocol=\"application/pkcs7-signature\"\r\n\r\n"
			 "--b\r\n\r\nx\r\n--b--\r\n"));
	world_check_code(&r, "smime.structure");
	r = world_verify(
	    &w, replaced(w.j, raw, "protocol=\"application/pkcs7-signature\"",
		    "protocol=\"application/other\""));
	world_check_code(&r, "smime.structure");
	r = world_verify(
	    &w, replaced(w.j, raw, "Content-Type: application/pkcs7-signature",
		    "Content-Type: application/octet-stream"));
	world_check_code(&r, "smime.structure");
	/* nothing of S/MIME */
	r = world_verify(&w, SPAN(TOP "\r\nText.\r\n"));
	world_check_code(&r, "smime.structure");
	assert_false(r.present);
}

/* What is no CMS of signed data; octets behind it; each length. */
static void
test_not_cms(void **state)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span cms = smime_lab_cms(w.j, &l);
	struct smime_result r;
	char *longer = arena_alloc(w.j->arena, cms.n + 1);

	(void)state;
	memcpy(longer, cms.p, cms.n);
	r = world_verify(
	    &w, smime_lab_around(w.j, &l, span_mem(longer, cms.n + 1)));
	world_check_code(&r, "smime.structure");
	r = world_verify(&w, smime_lab_around(w.j, &l, SPAN("")));
	world_check_code(&r, "smime.structure");
	r = world_verify(
	    &w, smime_lab_around(w.j, &l, smime_lab_der(w.j, id.x)));
	world_check_code(&r, "smime.structure");
	/* CMS that is not signed at all */
	l.opaque = true;
	r = world_verify(&w, smime_lab_around(w.j, &l, smime_lab_data(w.j)));
	world_check_code(&r, "mime.type");
	l.opaque = false;
	for (size_t n = 0; n < cms.n; n++) {
		struct world own = w;
		struct job cut;

		job_init(&cut, NULL, NULL);
		own.j = &cut;
		r = world_verify(
		    &own, smime_lab_around(&cut, &l, span_cut(cms, 0, n)));
		unit_case("%zu", n);
		world_check_code(&r, "smime.structure");
		job_done(&cut);
	}
}

/* ER-27, MA-55: what the layers hold is cut by the same parser. */
static void
test_opaque_content(void **state)
{
	static const struct {
		const char *part, *code;
	} cases[] = {
		{ "\r\nText.\r\n", "smime.accepted" },
		{ "Content-Type: text/plain\r\n\r\nText.", "smime.accepted" },
		{ "Content-Type: text/plain\r\n\r\nText.\n", "msg.bare-lf" },
		{ "Content-Type: text/plain\n\nText.\n", "msg.bare-lf" },
		{ "no header\r\n", "msg.malformed-header" },
		{ "Content-Type: multipart/mixed\r\n\r\nx", "mime.boundary" },
		{ "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
		  "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
		  "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
		  "--c\r\n\r\nx\r\n--c--\r\n--b--\r\n--a--\r\n",
		    "smime.accepted" },
		{ "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
		  "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
		  "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
		  "--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
		  "--d\r\n\r\nx\r\n--d--\r\n--c--\r\n--b--\r\n--a--\r\n",
		    "mime.too-deep" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id = world_alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.opaque = true,
			.part = cases[i].part };
		struct smime_result r =
		    world_verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i);
		world_check_code(&r, cases[i].code);
	}
}

/* --- MA-71 --------------------------------------------------------------- */

#define PART "Content-Type: text/plain\r\n\r\n" SMIME_LAB_BLOCK

static void
test_content(void **state)
{
	static const struct {
		const char *shown, *content, *code;
	} cases[] = {
		{ NULL, NULL, "smime.accepted" },
		{ NULL, PART, "smime.content" },
		{ NULL, "Content-Type: text/plain\r\n\r\nOther.\r\n",
		    "smime.content" },
		{ "Content-Type: text/plain\r\n\r\nOther.\r\n", PART,
		    "smime.content" },
		{ "Content-Type: text/plain\r\n\r\nOther.\r\n", NULL,
		    "smime.content" },
		/* the exact octets: no blank, no line end more or less */
		{ PART "\r\n", NULL, "smime.content" },
		{ "Content-Type:  text/plain\r\n\r\n" SMIME_LAB_BLOCK, NULL,
		    "smime.content" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id = world_alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.shown = cases[i].shown,
			.content = cases[i].content };
		struct smime_result r =
		    world_verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i);
		world_check_code(&r, cases[i].code);
	}
}

/* --- MA-72 --------------------------------------------------------------- */

static void
test_algorithms(void **state)
{
	static const struct {
		const char *key, *md;
		unsigned flags;
		bool pss;
		const char *mgf1, *code;
	} cases[] = {
		{ "p256", "SHA256", 0, false, NULL, "smime.accepted" },
		{ "p384", "SHA384", 0, false, NULL, "smime.accepted" },
		{ "p521", "SHA512", 0, false, NULL, "smime.accepted" },
		{ "rsa2048", "SHA256", 0, false, NULL, "smime.accepted" },
		{ "rsa2048", "SHA512", 0, false, NULL, "smime.accepted" },
		{ "rsa2048", "SHA256", 0, true, NULL, "smime.accepted" },
		{ "rsa2048", "SHA256", CMS_USE_KEYID, false, NULL,
		    "smime.accepted" },
		{ "rsa2048", "SHA256", 0, true, "SHA1", "smime.algorithm" },
		{ "rsa2048", "SHA256", 0, true, "SHA224", "smime.algorithm" },
		{ "rsa2048", "MD5", 0, false, NULL, "smime.algorithm" },
		{ "rsa2048", "SHA1", 0, false, NULL, "smime.algorithm" },
		{ "rsa2048", "SHA224", 0, false, NULL, "smime.algorithm" },
		{ "p256", "SHA1", 0, false, NULL, "smime.algorithm" },
		{ "rsa1024", "SHA256", 0, false, NULL, "smime.algorithm" },
		{ "secp256k1", "SHA256", 0, false, NULL, "smime.algorithm" },
		{ "p256", "SHA256", CMS_NOATTR, false, NULL,
		    "smime.signed-attributes" },
		{ "rsa2048", "SHA256", CMS_NOATTR, false, NULL,
		    "smime.signed-attributes" },
		{ "p256", "SHA256", CMS_NOCERTS, false, NULL,
		    "smime.signature" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id =
		    smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.ca,
					    .key = cases[i].key });
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.md = cases[i].md,
			.flags = cases[i].flags,
			.pss = cases[i].pss,
			.mgf1 = cases[i].mgf1 };
		struct smime_result r;

		unit_case("%zu: %s %s", i, cases[i].key, cases[i].md);
		if ((cases[i].flags & CMS_USE_KEYID) != 0)
			id = smime_lab_make(
			    w.j, &(struct smime_cert){ .issuer = &w.ca,
				     .key = cases[i].key,
				     .has_key_id = true });
		r = world_verify(&w, smime_lab_message(w.j, &l));
		world_check_code(&r, cases[i].code);
		assert_int_equal(r.signer_count, 1);
	}
}

/* Numbers that are not in use cost nothing: the key is looked at before the
 * signature is.  The signer's name leads to a certificate with another key. */
static void
test_key_numbers(void **state)
{
	static const struct {
		const char *key, *detail;
	} cases[] = {
#define FIT "a signature algorithm that does not fit key and digest"
#define EXPONENT "an RSA key with an exponent that is not in use"
		{ "public/8192", FIT }, /* the key itself is good */
		{ "public/64", FIT },
		{ "public/8193", "an RSA key of more than 8192 bits" },
		{ "public/even", EXPONENT },
		{ "public/one", EXPONENT },
		{ "public/65", EXPONENT },
		{ "public/ed25519", "an Ed25519 key that is not safe" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_id id = smime_lab_make(
		    w.j, &(struct smime_cert){ .issuer = &w.ca, .serial = 77 });
		struct smime_id other = smime_lab_make(w.j,
		    &(struct smime_cert){
			.issuer = &w.ca, .key = cases[i].key, .serial = 77 });
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x, other.x },
			.flags = CMS_NOCERTS };
		struct smime_result r =
		    world_verify(&w, smime_lab_message(w.j, &l));

		unit_case("%s", cases[i].key);
		world_check_code(&r, "smime.algorithm");
		assert_string_equal(r.finding.detail, cases[i].detail);
	}
}

/* RFC 8419.  This OpenSSL cannot sign so: the lab does. */
static void
test_ed25519(void **state)
{
	struct world w = world_new();
	struct smime_id id = smime_lab_make(
	    w.j, &(struct smime_cert){ .issuer = &w.ca, .key = "ed25519" });
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span cms = smime_lab_ed25519(w.j, &l, NID_sha512);
	struct smime_result r =
	    world_verify(&w, smime_lab_around(w.j, &l, cms));
	char *copy = span_dup(w.j->arena, cms);

	(void)state;
	world_check_code(&r, "smime.accepted");
	assert_string_equal(r.signers[0].key, "Ed25519");
	copy[cms.n - 1] ^= 1;
	r = world_verify(&w, smime_lab_around(w.j, &l, span_mem(copy, cms.n)));
	world_check_code(&r, "smime.signature");
	/* The attribute says that something else was signed. */
	l.attribute_type = true;
	cms = smime_lab_ed25519(w.j, &l, NID_sha512);
	r = world_verify(&w, smime_lab_around(w.j, &l, cms));
	world_check_code(&r, "smime.signed-attributes");
	l.attribute_type = false;
	cms = smime_lab_ed25519(w.j, &l, NID_sha256);
	r = world_verify(&w, smime_lab_around(w.j, &l, cms));
	world_check_code(&r, "smime.algorithm");
}

static void
test_signers(void **state)
{
	struct world w = world_new();
	struct smime_id other_root = smime_lab_ca(w.j, NULL);
	struct smime_id a = world_alice(&w), stranger, bob, more[2];
	struct smime_letter l = { .signers = { &a }, .extra = { w.ca.x } };
	struct smime_result r;

	(void)state;
	bob = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.ca,
				      .key = "p256/bob",
				      .san = "email:bob@user.test" });
	stranger = smime_lab_make(w.j,
	    &(struct smime_cert){ .issuer = &other_root, .key = "p256/s" });
	more[0] = smime_lab_make(
	    w.j, &(struct smime_cert){ .issuer = &w.ca, .key = "p256/m0" });
	more[1] = smime_lab_make(
	    w.j, &(struct smime_cert){ .issuer = &w.ca, .key = "p256/m1" });
	/* one of them is the From's */
	l.signers[1] = &bob;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.accepted");
	assert_int_equal(r.signer_count, 2);
	l.signers[2] = &more[0];
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.accepted");
	l.signers[3] = &more[1];
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.structure");
	/* an extra one whom nobody trusts */
	l.signers[2] = &stranger;
	l.signers[3] = NULL;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
	/* nobody */
	l = (struct smime_letter){ .extra = { w.ca.x } };
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.structure");
	/* two certificates of one name and number: whose key is it? */
	more[0] = smime_lab_make(
	    w.j, &(struct smime_cert){ .issuer = &w.ca, .serial = 77 });
	more[1] = smime_lab_make(
	    w.j, &(struct smime_cert){
		     .issuer = &w.ca, .key = "p256/m1", .serial = 77 });
	l = (struct smime_letter){ .signers = { &more[0] },
		.extra = { w.ca.x, more[1].x } };
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.signature");
}

/* One bit of the signature value, and each octet of the CMS. */
static void
test_flipped(void **state)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span cms = smime_lab_cms(w.j, &l);
	size_t accepted = 0;

	(void)state;
	for (size_t at = 0; at < cms.n; at++) {
		struct world own = w;
		struct smime_result r;
		struct job j;
		char *copy;

		job_init(&j, NULL, NULL);
		own.j = &j;
		copy = span_dup(j.arena, cms);
		copy[at] ^= 1;
		r = world_verify(
		    &own, smime_lab_around(&j, &l, span_mem(copy, cms.n)));
		/* Some octets are signed by nobody: versions, the list of
		 * digests.  Who signed and what is never another. */
		accepted += r.accepted;
		if (r.accepted)
			assert_true(r.signers[0].is_from);
		job_done(&j);
	}
	assert_true(accepted < 40);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_structure),
	cmocka_unit_test(test_not_cms),
	cmocka_unit_test(test_opaque_content),
	cmocka_unit_test(test_content),
	cmocka_unit_test(test_algorithms),
	cmocka_unit_test(test_key_numbers),
	cmocka_unit_test(test_ed25519),
	cmocka_unit_test(test_signers),
	cmocka_unit_test(test_flipped),
};
UNIT_MAIN(tests)
