/*
 * MA-70 to MA-76, ER-27, ER-29: S/MIME signatures of replies, made by OpenSSL
 * with one thing out of order each.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/cms.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fdio.h"
#include "mail/field.h"
#include "mail/mime_part.h"
#include "mail/smime_layer.h"
#include "mail/smime_trust.h"
#include "mail/smime_verify.h"
#include "pki/der.h"
#include "tests/unit/smime_lab.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ALICE "alice@user.test"

/* A root, a CA below it, lists of both, and who trusts the root. */
struct world {
	struct job *j;
	struct smime_id root, ca;
	struct smime_trust *trust;
	struct smime_policy policy;
	const char *from;
};

static void
free_trust(void *t)
{
	smime_trust_free(t);
}

static struct smime_trust *
trust_of(struct job *j, const struct smime_id *root, const struct span *crls,
    size_t crl_count)
{
	struct span der = smime_lab_der(j, root->x);
	struct smime_trust *t = NULL;

	if (smime_trust_of(j, &der, 1, crls, crl_count, &t) < 0)
		fail_msg("%s", j->err.text);
	return arena_own(j->arena, t, free_trust);
}

static struct world
world_new(void)
{
	struct job *j;
	struct world w;
	struct span crls[2];

	clock_set(SMIME_LAB_NOW);
	j = unit_job();
	w = (struct world){ .j = j, .from = ALICE };
	w.root = smime_lab_ca(j, NULL);
	w.ca = smime_lab_ca(j, &w.root);
	crls[0] =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w.root });
	crls[1] =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w.ca });
	w.trust = trust_of(j, &w.root, crls, 2);
	w.policy = (struct smime_policy){ .mode = CONF_SMIME_REQUIRE,
		.revocation = CONF_REVOCATION_HARD,
		.trust = w.trust };
	return w;
}

static struct smime_result
verify(struct world *w, struct span raw)
{
	const struct message_limits limits = { 1 << 20 };
	struct message *m = arena_alloc(w->j->arena, sizeof(*m));
	struct mime_part *root = arena_alloc(w->j->arena, sizeof(*root));
	struct smime_layer layer;
	struct smime_result r;
	struct finding f;
	const struct smime_input in = { .outer = m,
		.layer = &layer,
		.from = w->from,
		.at = SMIME_LAB_NOW };

	if (message_parse(w->j, raw, &limits, m, &f) < 0 ||
	    mime_part_parse(w->j, m, root, &f) < 0 ||
	    smime_open(w->j, root, &layer, &f) < 0) {
		memset(&r, 0, sizeof(r));
		r.finding = f;
		return r;
	}
	if (smime_verify(w->j, &in, &w->policy, &r) < 0)
		fail_msg("%s", w->j->err.text);
	assert_int_equal(
	    r.accepted, strcmp(r.finding.code, "smime.accepted") == 0);
	return r;
}

static void
check_code(const struct smime_result *r, const char *code)
{
	if (strcmp(r->finding.code, code) != 0)
		fail_msg("%s (%s), not %s", r->finding.code, r->finding.detail,
		    code);
}

/* A certificate of the world's CA with one thing different, and its CA. */
static struct smime_result
verify_cert(struct world *w, const struct smime_cert *c)
{
	struct smime_cert cert = *c;
	struct smime_id id;
	struct smime_letter l = { .extra = { w->ca.x } };

	if (cert.issuer == NULL)
		cert.issuer = &w->ca;
	id = smime_lab_make(w->j, &cert);
	l.signers[0] = &id;
	return verify(w, smime_lab_message(w->j, &l));
}

static struct smime_id
alice(struct world *w)
{
	return smime_lab_make(w->j, &(struct smime_cert){ .issuer = &w->ca });
}

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
	struct smime_id id = alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span raw = smime_lab_message(w.j, &l);
	struct smime_result r;

	(void)state;
	r = verify(&w, raw);
	check_code(&r, "smime.accepted");
	/* ER-27 */
	l.opaque = true;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.accepted");
	r = verify(&w, in_mixed(&w, raw, ""));
	check_code(&r, "smime.structure");
	assert_true(r.present);
	r = verify(
	    &w, in_mixed(&w, raw,
		    "--outer\r\nContent-Type: text/plain\r\n\r\nText.\r\n"));
	check_code(&r, "smime.structure");
	/* three parts */
	r = verify(&w,
	    replaced(w.j, raw, "\r\n--b--\r\n",
		"\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"));
	check_code(&r, "smime.structure");
	/* one */
	r = verify(
	    &w, SPAN(TOP "Content-Type: multipart/signed; boundary=b;\r\n"
			 " protocol=\"application/pkcs7-signature\"\r\n\r\n"
			 "--b\r\n\r\nx\r\n--b--\r\n"));
	check_code(&r, "smime.structure");
	r = verify(
	    &w, replaced(w.j, raw, "protocol=\"application/pkcs7-signature\"",
		    "protocol=\"application/other\""));
	check_code(&r, "smime.structure");
	r = verify(
	    &w, replaced(w.j, raw, "Content-Type: application/pkcs7-signature",
		    "Content-Type: application/octet-stream"));
	check_code(&r, "smime.structure");
	/* nothing of S/MIME */
	r = verify(&w, SPAN(TOP "\r\nText.\r\n"));
	check_code(&r, "smime.structure");
	assert_false(r.present);
}

/* What is no CMS of signed data; octets behind it; each length. */
static void
test_not_cms(void **state)
{
	struct world w = world_new();
	struct smime_id id = alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span cms = smime_lab_cms(w.j, &l);
	struct smime_result r;
	char *longer = arena_alloc(w.j->arena, cms.n + 1);

	(void)state;
	memcpy(longer, cms.p, cms.n);
	r = verify(&w, smime_lab_around(w.j, &l, span_mem(longer, cms.n + 1)));
	check_code(&r, "smime.structure");
	r = verify(&w, smime_lab_around(w.j, &l, SPAN("")));
	check_code(&r, "smime.structure");
	r = verify(&w, smime_lab_around(w.j, &l, smime_lab_der(w.j, id.x)));
	check_code(&r, "smime.structure");
	/* CMS that is not signed at all */
	l.opaque = true;
	r = verify(&w, smime_lab_around(w.j, &l, smime_lab_data(w.j)));
	check_code(&r, "mime.type");
	l.opaque = false;
	for (size_t n = 0; n < cms.n; n++) {
		struct world own = w;
		struct job cut;

		job_init(&cut, NULL, NULL);
		own.j = &cut;
		r = verify(
		    &own, smime_lab_around(&cut, &l, span_cut(cms, 0, n)));
		unit_case("%zu", n);
		check_code(&r, "smime.structure");
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
		struct smime_id id = alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.opaque = true,
			.part = cases[i].part };
		struct smime_result r = verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i);
		check_code(&r, cases[i].code);
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
		struct smime_id id = alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.shown = cases[i].shown,
			.content = cases[i].content };
		struct smime_result r = verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i);
		check_code(&r, cases[i].code);
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
		r = verify(&w, smime_lab_message(w.j, &l));
		check_code(&r, cases[i].code);
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
		struct smime_result r = verify(&w, smime_lab_message(w.j, &l));

		unit_case("%s", cases[i].key);
		check_code(&r, "smime.algorithm");
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
	struct smime_result r = verify(&w, smime_lab_around(w.j, &l, cms));
	char *copy = span_dup(w.j->arena, cms);

	(void)state;
	check_code(&r, "smime.accepted");
	assert_string_equal(r.signers[0].key, "Ed25519");
	copy[cms.n - 1] ^= 1;
	r = verify(&w, smime_lab_around(w.j, &l, span_mem(copy, cms.n)));
	check_code(&r, "smime.signature");
	/* The attribute says that something else was signed. */
	l.attribute_type = true;
	cms = smime_lab_ed25519(w.j, &l, NID_sha512);
	r = verify(&w, smime_lab_around(w.j, &l, cms));
	check_code(&r, "smime.signed-attributes");
	l.attribute_type = false;
	cms = smime_lab_ed25519(w.j, &l, NID_sha256);
	r = verify(&w, smime_lab_around(w.j, &l, cms));
	check_code(&r, "smime.algorithm");
}

static void
test_signers(void **state)
{
	struct world w = world_new();
	struct smime_id other_root = smime_lab_ca(w.j, NULL);
	struct smime_id a = alice(&w), stranger, bob, more[2];
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
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.accepted");
	assert_int_equal(r.signer_count, 2);
	l.signers[2] = &more[0];
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.accepted");
	l.signers[3] = &more[1];
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.structure");
	/* an extra one whom nobody trusts */
	l.signers[2] = &stranger;
	l.signers[3] = NULL;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
	/* nobody */
	l = (struct smime_letter){ .extra = { w.ca.x } };
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.structure");
	/* two certificates of one name and number: whose key is it? */
	more[0] = smime_lab_make(
	    w.j, &(struct smime_cert){ .issuer = &w.ca, .serial = 77 });
	more[1] = smime_lab_make(
	    w.j, &(struct smime_cert){
		     .issuer = &w.ca, .key = "p256/m1", .serial = 77 });
	l = (struct smime_letter){ .signers = { &more[0] },
		.extra = { w.ca.x, more[1].x } };
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.signature");
}

/* One bit of the signature value, and each octet of the CMS. */
static void
test_flipped(void **state)
{
	struct world w = world_new();
	struct smime_id id = alice(&w);
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
		r = verify(
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

/* --- MA-73 --------------------------------------------------------------- */

static void
test_usage(void **state)
{
	static const struct {
		struct smime_cert cert;
		const char *code;
	} cases[] = {
		{ { 0 }, "smime.accepted" },
		{ { .eku = "" }, "smime.usage" },
		{ { .eku = "anyExtendedKeyUsage" }, "smime.usage" },
		{ { .eku = "serverAuth" }, "smime.usage" },
		{ { .eku = "clientAuth,codeSigning" }, "smime.usage" },
		{ { .eku = "emailProtection,clientAuth" }, "smime.accepted" },
		{ { .eku = "emailProtection,anyExtendedKeyUsage" },
		    "smime.accepted" },
		{ { .usage = "" }, "smime.accepted" },
		{ { .usage = "critical,keyEncipherment" }, "smime.usage" },
		{ { .usage = "critical,keyAgreement" }, "smime.usage" },
		{ { .usage = "critical,nonRepudiation" }, "smime.accepted" },
		{ { .usage = "critical,digitalSignature,keyEncipherment" },
		    "smime.accepted" },
		{ { .basic = "critical,CA:TRUE",
		      .usage = "digitalSignature,keyCertSign" },
		    "smime.usage" },
		{ { .basic = "CA:FALSE" }, "smime.accepted" },
		{ { .usage = "digitalSignature,keyCertSign" }, "smime.usage" },
		{ { .from = -10, .until = -1 }, "smime.chain" },
		{ { .from = 1, .until = 10 }, "smime.chain" },
		{ { .md = "SHA1" }, "smime.chain" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_result r = verify_cert(&w, &cases[i].cert);

		unit_case("%zu", i);
		check_code(&r, cases[i].code);
	}
}

static void
test_chain(void **state)
{
	struct world w = world_new();
	struct smime_id other = smime_lab_ca(w.j, NULL), self, below, no_ca;
	struct smime_letter l = { .signers = { &self } };
	struct smime_result r;

	(void)state;
	self = smime_lab_make(w.j, &(struct smime_cert){ .key = "p256/self" });
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
	/* the root comes along and helps nobody */
	self = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &other });
	l.extra[0] = other.x;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
	/* the CA in between is missing; is there but is no CA */
	self = alice(&w);
	l.extra[0] = NULL;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
	no_ca = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.root,
					.key = "p256/noca",
					.usage = "critical,keyCertSign" });
	below = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &no_ca });
	l = (struct smime_letter){ .signers = { &below },
		.extra = { no_ca.x } };
	w.policy.revocation = CONF_REVOCATION_OFF;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
	/* a CA that is not for mail */
	no_ca = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.root,
					.key = "p256/noca",
					.usage = "critical,keyCertSign",
					.basic = "critical,CA:TRUE",
					.eku = "serverAuth" });
	below = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &no_ca });
	l = (struct smime_letter){ .signers = { &below },
		.extra = { no_ca.x } };
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
	/* no roots at all */
	self = alice(&w);
	l = (struct smime_letter){ .signers = { &self }, .extra = { w.ca.x } };
	w.policy.trust = NULL;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
}

/* The root at depth 5, and no deeper; more certificates than anybody needs. */
static void
test_depth(void **state)
{
	struct world w = world_new();
	struct smime_id cas[6], id;
	struct smime_letter l = { .signers = { &id } };
	struct smime_result r;

	(void)state;
	w.policy.revocation = CONF_REVOCATION_OFF;
	cas[0] = w.root;
	for (size_t i = 1; i < 6; i++) {
		cas[i] = smime_lab_ca(w.j, &cas[i - 1]);
		l.extra[i - 1] = cas[i].x;
	}
	id = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &cas[4] });
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.accepted");
	id = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &cas[5] });
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.chain");
}

static void
test_many_certificates(void **state)
{
	struct world w = world_new();
	struct smime_id id = alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	CMS_ContentInfo *cms;
	struct smime_result r;

	(void)state;
	for (int limit = 0; limit < 2; limit++) {
		struct span der = smime_lab_cms(w.j, &l);
		unsigned char *p = NULL;
		int n;

		cms = smime_cms(w.j, der);
		for (int i = 2; i < SMIME_CERTS_MAX + limit; i++)
			CMS_add1_cert(
			    cms, smime_lab_make(w.j,
				     &(struct smime_cert){ .issuer = &w.ca })
				     .x);
		n = i2d_CMS_ContentInfo(cms, &p);
		assert_true(n > 0);
		r = verify(
		    &w, smime_lab_around(w.j, &l, span_mem(p, (size_t)n)));
		OPENSSL_free(p);
		check_code(
		    &r, limit == 0 ? "smime.accepted" : "smime.structure");
	}
}

struct list_case {
	bool has_root, has_ca; /* a list of it is there */
	bool revokes_alice, revokes_ca;
	int until; /* of the CA's list */
	int from;
	bool forged; /* the CA's list is signed by somebody else */
	const char *soft, *hard;
};

static void
check_list(const struct list_case *c, enum conf_revocation revocation,
    const char *code)
{
	struct world w = world_new();
	struct smime_id id = alice(&w), other = smime_lab_ca(w.j, NULL);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span crls[2];
	size_t n = 0;
	struct smime_result r;
	bool unknown = strcmp(c->hard, "smime.revocation-unknown") == 0;

	if (c->has_root)
		crls[n++] = smime_lab_crl(
		    w.j, &(struct smime_list_spec){ .issuer = &w.root,
			     .revoked = c->revokes_ca ? w.ca.x : NULL });
	if (c->has_ca)
		crls[n++] = smime_lab_crl(
		    w.j, &(struct smime_list_spec){ .issuer = &w.ca,
			     .revoked = c->revokes_alice ? id.x : NULL,
			     .from = c->from,
			     .until = c->until,
			     .signer = c->forged ? &other : NULL });
	w.policy.trust = trust_of(w.j, &w.root, crls, n);
	w.policy.revocation = revocation;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, code);
	assert_int_equal(r.note.result == FINDING_NOTE,
	    unknown && revocation == CONF_REVOCATION_SOFT && r.accepted);
	if (r.note.result == FINDING_NOTE)
		assert_string_equal(r.note.code, "smime.revocation-unknown");
}

static void
test_revocation(void **state)
{
#define OK "smime.accepted"
#define UNKNOWN "smime.revocation-unknown"
#define REVOKED "smime.revoked"
	static const struct list_case cases[] = {
		{ true, true, false, false, 5, -1, false, OK, OK },
		{ true, true, true, false, 5, -1, false, REVOKED, REVOKED },
		{ true, true, false, true, 5, -1, false, REVOKED, REVOKED },
		/* missing */
		{ true, false, false, false, 5, -1, false, OK, UNKNOWN },
		{ false, true, false, false, 5, -1, false, OK, UNKNOWN },
		{ false, false, false, false, 5, -1, false, OK, UNKNOWN },
		{ false, true, true, false, 5, -1, false, REVOKED, REVOKED },
		/* run out, and not yet in force */
		{ true, true, false, false, -1, -5, false, OK, UNKNOWN },
		{ true, true, true, false, -1, -5, false, REVOKED, REVOKED },
		{ true, true, false, false, 5, 1, false, OK, UNKNOWN },
		/* not the CA's */
		{ true, true, false, false, 5, -1, true, OK, UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		check_list(&cases[i], CONF_REVOCATION_SOFT, cases[i].soft);
		check_list(&cases[i], CONF_REVOCATION_HARD, cases[i].hard);
		check_list(&cases[i], CONF_REVOCATION_OFF, OK);
	}
}

/* A list that came out after the message did counts as well. */
static void
test_list_after_arrival(void **state)
{
	struct world w = world_new();
	struct smime_id id = alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span crls[2] = {
		smime_lab_crl(w.j,
		    &(struct smime_list_spec){ .issuer = &w.root, .from = 1 }),
		smime_lab_crl(w.j,
		    &(struct smime_list_spec){
			.issuer = &w.ca, .from = 1, .revoked = id.x }),
	};
	struct smime_result r;

	(void)state;
	w.policy.trust = trust_of(w.j, &w.root, crls, 2);
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, REVOKED);
	w.j->now += 2L * SMIME_LAB_DAY;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, REVOKED);
	/* the certificate ended meanwhile: arrival counts */
	crls[1] =
	    smime_lab_crl(w.j, &(struct smime_list_spec){
				   .issuer = &w.ca, .from = 1, .until = 30 });
	crls[0] =
	    smime_lab_crl(w.j, &(struct smime_list_spec){
				   .issuer = &w.root, .from = 1, .until = 30 });
	w.policy.trust = trust_of(w.j, &w.root, crls, 2);
	w.j->now += 10L * SMIME_LAB_DAY;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, OK);
}

/* --- MA-74 --------------------------------------------------------------- */

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
		r = verify_cert(&w, &cert);
		check_code(
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
			struct smime_result r = verify_cert(
			    &w, &(struct smime_cert){
				    .raw_san = names(w.j, 0x81, cases[i].text,
					cases[i].n, with) });

			unit_case("%zu", i);
			check_code(&r, "smime.identity");
		}
	}
}

/* --- MA-75 --------------------------------------------------------------- */

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
		struct smime_id id = alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.opaque = i % 2 == 1,
			.part = cases[i / 2].part };
		struct smime_result r = verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i / 2);
		check_code(&r, cases[i / 2].code);
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
		struct smime_id id = alice(&w);
		struct smime_letter l = { .signers = { &id },
			.extra = { w.ca.x },
			.attribute = smime_lab_attribute(
			    w.j, cases[i].fields, cases[i].count) };
		struct smime_result r = verify(&w, smime_lab_message(w.j, &l));

		unit_case("%zu", i);
		check_code(&r, cases[i].code);
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
	struct smime_id id = alice(&w), bob;
	struct smime_letter l = { .signers = { &id },
		.extra = { w.ca.x },
		.attribute = SPAN_INIT("\x31\x03\x0a\x01\x01") };
	struct smime_result r;

	(void)state;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, MISMATCH);
	bob = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.ca,
				      .key = "p256/bob",
				      .san = "email:bob@user.test" });
	l.signers[0] = &bob;
	l.attribute = smime_lab_attribute(w.j, &bad, 1);
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, MISMATCH);
	l.attribute = smime_lab_attribute(w.j, &good, 1);
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, "smime.identity");
	assert_false(r.header.from);
}

/* --- MA-76 --------------------------------------------------------------- */

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
		struct smime_id id = alice(&w);
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
		r = verify(&w, raw);
		if (cases[i].own) {
			assert_true(r.replaces_dkim);
			own_serial = r.signers[0].serial;
			r = verify(&w, raw);
		}
		check_code(&r, OK);
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
	struct smime_id id = alice(&w);
	struct smime_letter l = { .signers = { &id },
		.extra = { w.ca.x },
		.part = HP(FROM, TO, SUBJECT) };
	struct smime_result r;

	(void)state;
	w.policy.instead_of_dkim = true;
	r = verify(&w, smime_lab_message(w.j, &l));
	check_code(&r, OK);
	assert_false(r.replaces_dkim);
}

/* --- files --------------------------------------------------------------- */

static const char *
write_file(struct job *j, const char *name, struct span text)
{
	const char *folder = getenv("TMPDIR");
	const char *path = arena_printf(j->arena, "%s/smime-%ld-%s",
	    folder != NULL ? folder : "/tmp", (long)getpid(), name);

	assert_int_equal(file_write(j, path, 0600, text), 0);
	return path;
}

static void
load(struct job *j, struct span roots, struct span crl, const char *why)
{
	const char *path = write_file(j, "roots", roots);
	const char *list = write_file(j, "crl", crl);
	const struct conf_list crls = { &list, crl.n > 0 };
	struct smime_trust *t = NULL;
	int result = smime_trust_load(j, path, &crls, &t);

	unlink(path);
	unlink(list);
	if (why == NULL) {
		if (result < 0)
			fail_msg("%s", j->err.text);
		assert_int_equal(smime_trust_root_count(t), 1);
	} else {
		assert_int_equal(result, -1);
		assert_null(t);
		if (strstr(j->err.text, why) == NULL)
			fail_msg("%s", j->err.text);
		job_recover(j);
	}
	smime_trust_free(t);
}

static void
test_files(void **state)
{
	struct world w = world_new();
	struct smime_id leaf = alice(&w);
	struct job *j = w.j;
	struct span root = smime_lab_pem(j, w.root.x);
	struct span crl =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w.root });
	struct smime_trust *t = NULL;
	const struct conf_list none = { NULL, 0 };

	(void)state;
	load(j, root, SPAN(""), NULL);
	load(j, root, crl, NULL);
	load(j, SPAN(""), crl, "holds none");
	load(j, SPAN("no PEM\n"), crl, "holds none");
	load(j, smime_lab_pem(j, w.ca.x), crl, "not self-signed");
	load(j, smime_lab_pem(j, leaf.x), crl, "not a CA's");
	load(j, span_cut(root, 0, root.n - 60), crl, "holds none");
	load(j, root, span_cut(crl, 0, crl.n - 1), "no revocation list");
	load(j, root,
	    smime_lab_crl(j,
		&(struct smime_list_spec){ .issuer = &w.root, .no_end = true }),
	    "without nextUpdate");
	assert_int_equal(smime_trust_load(j, "/nowhere/roots", &none, &t), -1);
	assert_null(t);
	job_recover(j);
	assert_int_equal(smime_trust_load(j, NULL, &none, &t), 0);
	assert_int_equal(smime_trust_root_count(t), 0);
	smime_trust_free(t);
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
	cmocka_unit_test(test_usage),
	cmocka_unit_test(test_chain),
	cmocka_unit_test(test_depth),
	cmocka_unit_test(test_many_certificates),
	cmocka_unit_test(test_revocation),
	cmocka_unit_test(test_list_after_arrival),
	cmocka_unit_test(test_identity),
	cmocka_unit_test(test_hostile_names),
	cmocka_unit_test(test_payload_header),
	cmocka_unit_test(test_attribute),
	cmocka_unit_test(test_attribute_of_others),
	cmocka_unit_test(test_instead_of_dkim),
	cmocka_unit_test(test_instead_needs_the_question),
	cmocka_unit_test(test_files),
};

UNIT_MAIN(tests)
