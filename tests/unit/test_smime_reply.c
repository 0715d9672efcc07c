/*
 * MA-59, MA-70 to MA-76, ER-27, ER-29: what an S/MIME signature is to the
 * verdict on a reply, beside DKIM and in its place.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/json.h"
#include "mail/reply.h"
#include "mail/smime_trust.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/smime_lab.h"

#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define HP                                                                     \
	"From: alice@user.test\r\nTo: acme+tag@ca.test\r\n"                    \
	"Subject: Re: ACME: " PART1 "\r\n"                                     \
	"Content-Type: text/plain; hp=\"clear\"\r\n\r\n" SMIME_LAB_BLOCK
#define WRAPPED(type)                                                          \
	"Content-Type: message/rfc822" type "\r\n\r\n"                         \
	"From: alice@user.test\r\nTo: acme+tag@ca.test\r\n"                    \
	"Subject: Re: ACME: " PART1 "\r\nMIME-Version: 1.0\r\n"                \
	"Content-Type: text/plain\r\n\r\n" SMIME_LAB_BLOCK

/* Of those who sign all that says how the body is read, of Microsoft, and of
 * Gmail (annex 1). */
#define ALL                                                                    \
	"from:to:subject:date:message-id:mime-version:content-type:"           \
	"content-transfer-encoding"
#define NO_CTE "from:to:subject:date:message-id:mime-version:content-type"
#define NO_TYPE "from:to:subject:date:message-id:mime-version"

struct world {
	struct job *j;
	struct smime_id root, ca, alice, stranger;
	struct smime_trust *trust;
	struct lab_dns dns;
};

static void
free_trust(void *t)
{
	smime_trust_free(t);
}

static struct world
world_new(void)
{
	struct world w;
	struct span der;

	clock_set(SMIME_LAB_NOW);
	w = (struct world){ .j = unit_job() };
	w.root = smime_lab_ca(w.j, NULL);
	w.ca = smime_lab_ca(w.j, &w.root);
	w.alice = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.ca });
	w.stranger =
	    smime_lab_make(w.j, &(struct smime_cert){ .key = "p256/x" });
	der = smime_lab_der(w.j, w.root.x);
	assert_int_equal(smime_trust_of(w.j, &der, 1, NULL, 0, &w.trust), 0);
	arena_own(w.j->arena, w.trust, free_trust);
	return w;
}

static int
is_own(struct job *j, const char *serial)
{
	(void)j;
	(void)serial;
	return 0;
}

static struct reply_policy
policy_of(const struct world *w, enum conf_smime mode)
{
	return (struct reply_policy){ .message_max = 256 * 1024,
		.smime = { .mode = mode,
		    .revocation = CONF_REVOCATION_OFF,
		    .trust = w->trust,
		    .is_own = is_own } };
}

static struct span
dkim(struct world *w, struct span message, const char *names)
{
	struct lab_signature s = { .key = "ed25519", .names = names };

	if (names == NULL)
		return message;
	s.tags = arena_printf(w->j->arena,
	    " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=user.test; s=sel; "
	    "h=%s; bh=@BH@; b=@B@",
	    names);
	return lab_sign(w->j, message, &s);
}

static struct reply
judge(struct world *w, struct span raw, const struct reply_policy *policy)
{
	struct reply_expect e = { .mailbox = "alice@user.test",
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = SMIME_LAB_NOW - 600,
		.expires_at = SMIME_LAB_NOW + 3600 };
	struct resolver *resolver;
	struct reply r;

	assert_int_equal(
	    b64url_parse_fixed(span_str(RIGHT), e.digest_now, SHA256_LEN), 0);
	w->dns = (struct lab_dns){ .name = "sel._domainkey.user.test",
		.status = DNS_OK,
		.texts = { span_str(lab_record(w->j, "ed25519")) },
		.count = 1 };
	resolver = lab_resolver(w->j, &w->dns);
	assert_int_equal(reply_open(w->j, raw, SMIME_LAB_NOW, policy, &r), 0);
	if (reply_judge(w->j, &r, &e, policy, resolver) < 0)
		fail_msg("%s", w->j->err.text);
	assert_true(r.decided);
	assert_null(strstr(r.evidence, PART1));
	return r;
}

static void
check(const struct reply *r, const char *code)
{
	if (strcmp(r->finding.code, code) != 0)
		fail_msg("%s (%s), not %s", r->finding.code, r->finding.detail,
		    code);
	assert_int_equal(
	    r->verdict == VERDICT_MATCH, strcmp(code, "match") == 0);
}

/* How the check with this code ended, or NULL. */
static const char *
in_trail(struct world *w, const struct reply *r, const char *code)
{
	const struct json *top, *checks;

	assert_int_equal(
	    json_parse_object(w->j, span_str(r->evidence), "evidence", &top),
	    0);
	checks = json_get(top, "checks");
	for (size_t i = 0; i < json_count(checks); i++) {
		const struct json *c = json_at(checks, i);

		if (span_eq_str(json_string(json_get(c, "code")), code))
			return span_dup(
			    w->j->arena, json_string(json_get(c, "result")));
	}
	return NULL;
}

/* --- beside DKIM --------------------------------------------------------- */

enum letter { PLAIN, GOOD, OPAQUE, UNTRUSTED, BROKEN };

static struct span
letter(struct world *w, enum letter what, const char *part)
{
	struct smime_letter l = { .signers = { what == UNTRUSTED ? &w->stranger
								 : &w->alice },
		.extra = { w->ca.x },
		.opaque = what == OPAQUE,
		.part = part };
	struct span raw;

	if (what == BROKEN)
		l.shown = "Content-Type: "
			  "text/plain\r\n\r\nHello.\r\n\r\n" SMIME_LAB_BLOCK;
	raw = smime_lab_message(w->j, &l);
	if (what != PLAIN)
		return raw;
	return span_str("From: alice@user.test\r\nTo: acme+tag@ca.test\r\n"
			"Subject: Re: ACME: " PART1 "\r\n"
			"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
			"Message-ID: <1@user.test>\r\nMIME-Version: 1.0\r\n"
			"Content-Type: text/plain\r\n\r\n" SMIME_LAB_BLOCK);
}

static void
test_modes(void **state)
{
	static const struct {
		enum letter letter;
		enum conf_smime mode;
		const char *names, *code, *trail, *result;
	} cases[] = {
		{ PLAIN, CONF_SMIME_IGNORE, ALL, "match", "smime.structure",
		    NULL },
		{ PLAIN, CONF_SMIME_NOTE, ALL, "match", "smime.structure",
		    NULL },
		{ PLAIN, CONF_SMIME_REQUIRE, ALL, "smime.structure",
		    "smime.structure", "refuse" },
		{ GOOD, CONF_SMIME_IGNORE, ALL, "match", "smime.accepted",
		    NULL },
		{ GOOD, CONF_SMIME_NOTE, ALL, "match", "smime.accepted",
		    "note" },
		{ GOOD, CONF_SMIME_REQUIRE, ALL, "match", "smime.accepted",
		    "note" },
		{ OPAQUE, CONF_SMIME_IGNORE, ALL, "match", "smime.accepted",
		    NULL },
		{ OPAQUE, CONF_SMIME_NOTE, ALL, "match", "smime.accepted",
		    "note" },
		{ OPAQUE, CONF_SMIME_REQUIRE, ALL, "match", "smime.accepted",
		    "note" },
		{ UNTRUSTED, CONF_SMIME_IGNORE, ALL, "match", "smime.chain",
		    NULL },
		{ UNTRUSTED, CONF_SMIME_NOTE, ALL, "match", "smime.chain",
		    "note" },
		{ UNTRUSTED, CONF_SMIME_REQUIRE, ALL, "smime.chain",
		    "smime.chain", "note" },
		{ BROKEN, CONF_SMIME_NOTE, ALL, "match", "smime.content",
		    "note" },
		{ BROKEN, CONF_SMIME_REQUIRE, ALL, "smime.content",
		    "smime.content", "note" },
		/* beside DKIM, never in its place: strangers' signatures are
		 * not even looked at */
		{ GOOD, CONF_SMIME_NOTE, NULL, "dkim.none", "smime.accepted",
		    NULL },
		{ GOOD, CONF_SMIME_REQUIRE, NULL, "dkim.none", "smime.accepted",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct reply_policy p = policy_of(&w, cases[i].mode);
		struct reply r = judge(&w,
		    dkim(&w, letter(&w, cases[i].letter, NULL), cases[i].names),
		    &p);
		const char *result = in_trail(&w, &r, cases[i].trail);

		unit_case("%zu", i);
		check(&r, cases[i].code);
		if (cases[i].result == NULL)
			assert_null(result);
		else
			assert_string_equal(result, cases[i].result);
	}
}

/* MA-73: no roots is no reason to refuse a note. */
static void
test_note_without_roots(void **state)
{
	struct world w = world_new();
	struct reply_policy p = policy_of(&w, CONF_SMIME_NOTE);
	struct reply r;

	(void)state;
	p.smime.trust = NULL;
	r = judge(&w, dkim(&w, letter(&w, GOOD, NULL), ALL), &p);
	check(&r, "match");
	assert_string_equal(in_trail(&w, &r, "smime.chain"), "note");
}

/* --- MA-59 --------------------------------------------------------------- */

static struct span
as_text(struct world *w, struct span raw)
{
	static const char from[] =
	    "application/pkcs7-mime; smime-type=signed-data";
	size_t at = span_find_span(raw, 0, span_str(from));
	struct buf b;

	assert_true(at < raw.n);
	buf_init(&b, w->j->arena, raw.n);
	buf_add(&b, span_cut(raw, 0, at));
	buf_add_str(&b, "text/plain; charset=iso-8859-1");
	buf_add(&b, span_from(raw, at + strlen(from)));
	return buf_span(&b);
}

/* Whether a body is signed data must be covered by DKIM, or the S/MIME
 * signature decides.  The body, declared as anything else, proves nothing. */
static void
test_opaque_coverage(void **state)
{
	static const struct {
		const char *names;
		enum conf_smime mode;
		const char *code;
	} cases[] = {
		{ ALL, CONF_SMIME_NOTE, "match" },
		{ NO_CTE, CONF_SMIME_NOTE, "match" },
		{ NO_TYPE, CONF_SMIME_NOTE, "mime.inconsistent" },
		{ NO_TYPE, CONF_SMIME_IGNORE, "mime.inconsistent" },
		{ NO_TYPE, CONF_SMIME_REQUIRE, "match" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct reply_policy p = policy_of(&w, cases[i].mode);
		struct span raw =
		    dkim(&w, letter(&w, OPAQUE, NULL), cases[i].names);
		struct reply r = judge(&w, raw, &p);

		unit_case("%zu", i);
		check(&r, cases[i].code);
		r = judge(&w, as_text(&w, raw), &p);
		assert_int_not_equal(r.verdict, VERDICT_MATCH);
		assert_int_not_equal(r.verdict, VERDICT_MISMATCH);
	}
}

/* --- what is read -------------------------------------------------------- */

/* ER-27, MA-55, MA-75 */
static void
test_read(void **state)
{
	static const struct {
		const char *part, *code;
	} cases[] = {
		{ "Content-Type: multipart/alternative; boundary=a\r\n\r\n"
		  "--a\r\nContent-Type: text/plain\r\n\r\n" SMIME_LAB_BLOCK
		  "--a\r\nContent-Type: text/html\r\n\r\n<p>\r\n--a--\r\n",
		    "match" },
		{ WRAPPED("; forwarded=no"), "match" },
		{ WRAPPED(""), "mime.type" },
		{ WRAPPED("; forwarded=yes"), "mime.type" },
		{ HP, "match" },
		{ "Content-Type: text/html\r\n\r\n" SMIME_LAB_BLOCK,
		    "mime.type" },
		{ "Content-Type: application/pkcs7-mime; "
		  "smime-type=enveloped-data\r\n\r\nMIIB\r\n",
		    "mime.encrypted" },
		/* signed twice */
		{ "Content-Type: multipart/signed; boundary=a;\r\n"
		  " protocol=\"application/pkcs7-signature\"\r\n\r\n"
		  "--a\r\n\r\n" SMIME_LAB_BLOCK
		  "--a\r\nContent-Type: application/pkcs7-signature\r\n\r\nx"
		  "\r\n--a--\r\n",
		    "mime.type" },
		{ "Content-Type: application/pkcs7-mime; "
		  "smime-type=signed-data\r\n\r\nMIIB\r\n",
		    "mime.type" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct world w = world_new();
		struct reply_policy p = policy_of(&w, CONF_SMIME_NOTE);
		struct reply r = judge(&w,
		    dkim(&w,
			letter(
			    &w, i % 2 == 0 ? GOOD : OPAQUE, cases[i / 2].part),
			ALL),
		    &p);

		unit_case("%zu", i);
		check(&r, cases[i / 2].code);
	}
}

/* What stands outside of the signature is never the answer. */
static void
test_outside(void **state)
{
	struct world w = world_new();
	struct reply_policy p = policy_of(&w, CONF_SMIME_REQUIRE);
	struct span raw =
	    letter(&w, GOOD, "Content-Type: text/plain\r\n\r\nNothing.\r\n");
	struct span preamble = SPAN("This is an S/MIME signed message\r\n");
	size_t at = span_find_span(raw, 0, preamble);
	struct reply r;
	struct buf b;

	(void)state;
	buf_init(&b, w.j->arena, 2 * raw.n);
	buf_add(&b, span_cut(raw, 0, at));
	buf_add_str(&b, SMIME_LAB_BLOCK);
	buf_add(&b, span_from(raw, at));
	buf_add_str(&b, SMIME_LAB_BLOCK);
	r = judge(&w, dkim(&w, buf_span(&b), ALL), &p);
	check(&r, "body.no-block");
}

/* --- in place of DKIM (MA-76) -------------------------------------------- */

static void
test_instead(void **state)
{
	static const struct {
		const char *part;
		enum letter letter;
		bool listed;
		const char *names;
		enum conf_smime mode;
		const char *code;
		size_t queries;
	} cases[] = {
		{ HP, GOOD, true, NULL, CONF_SMIME_NOTE, "match", 0 },
		{ HP, OPAQUE, true, NULL, CONF_SMIME_NOTE, "match", 0 },
		{ HP, GOOD, true, NULL, CONF_SMIME_REQUIRE, "match", 0 },
		{ HP, GOOD, false, NULL, CONF_SMIME_NOTE, "dkim.none", 0 },
		{ HP, UNTRUSTED, true, NULL, CONF_SMIME_NOTE, "dkim.none", 0 },
		/* header not protected */
		{ NULL, GOOD, true, NULL, CONF_SMIME_NOTE, "dkim.none", 0 },
		{ NULL, GOOD, true, NULL, CONF_SMIME_REQUIRE, "dkim.none", 0 },
		/* DKIM is still good enough */
		{ NULL, GOOD, true, ALL, CONF_SMIME_NOTE, "match", 1 },
		{ NULL, GOOD, true, ALL, CONF_SMIME_REQUIRE, "match", 1 },
		{ HP, UNTRUSTED, true, ALL, CONF_SMIME_NOTE, "match", 1 },
		{ HP, UNTRUSTED, true, ALL, CONF_SMIME_REQUIRE, "smime.chain",
		    1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct reply_policy p = policy_of(&w, cases[i].mode);
		struct reply r;

		unit_case("%zu", i);
		p.smime.instead_of_dkim = cases[i].listed;
		r = judge(&w,
		    dkim(&w, letter(&w, cases[i].letter, cases[i].part),
			cases[i].names),
		    &p);
		check(&r, cases[i].code);
		assert_int_equal(w.dns.queries, cases[i].queries);
		assert_int_equal(
		    r.authenticated, strcmp(cases[i].code, "dkim.none") != 0);
	}
}

/* MA-64: what was signed is what is told again; MA-76: the From and Subject
 * that were signed are the ones that count. */
static void
test_instead_covers(void **state)
{
	static const uint8_t none[SHA256_LEN];
	struct world w = world_new();
	struct reply_policy p = policy_of(&w, CONF_SMIME_NOTE);
	struct smime_letter l = {
		.signers = { &w.alice }, .extra = { w.ca.x }, .part = HP
	};
	struct span cms = smime_lab_cms(w.j, &l);
	struct reply first, second;

	(void)state;
	p.smime.instead_of_dkim = true;
	first = judge(&w, smime_lab_around(w.j, &l, cms), &p);
	check(&first, "match");
	assert_memory_not_equal(first.covered_hash, none, SHA256_LEN);
	l.to = "Somebody <acme+tag@ca.test>";
	second = judge(&w, smime_lab_around(w.j, &l, cms), &p);
	check(&second, "match");
	assert_memory_equal(
	    first.covered_hash, second.covered_hash, SHA256_LEN);
	l.part = WRAPPED("; forwarded=no");
	second = judge(&w, smime_lab_message(w.j, &l), &p);
	check(&second, "match");
	assert_memory_not_equal(
	    first.covered_hash, second.covered_hash, SHA256_LEN);
	l.part = HP;
	l.subject = "Re: ACME: xoF_6dSoCcBK0XKz5YlygKzErU5LsT5Q";
	second = judge(&w, smime_lab_around(w.j, &l, cms), &p);
	check(&second, "dkim.none");
	assert_string_equal(
	    in_trail(&w, &second, "smime.header-mismatch"), "note");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_modes),
	cmocka_unit_test(test_note_without_roots),
	cmocka_unit_test(test_opaque_coverage),
	cmocka_unit_test(test_read),
	cmocka_unit_test(test_outside),
	cmocka_unit_test(test_instead),
	cmocka_unit_test(test_instead_covers),
};

UNIT_MAIN(tests)
