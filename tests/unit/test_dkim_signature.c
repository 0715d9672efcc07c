#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

/* Signed with `tags` by rsa2048, its record published at whatever name. */
static struct dkim_result
verify_tags(const char *tags, const struct lab_signature *how)
{
	struct job *j = unit_job();
	struct lab_signature s = *how;
	struct lab_dns dns;

	if (s.key == NULL)
		s.key = "rsa2048";
	s.tags = tags;
	dns = lab_one_record(lab_record(j, s.key));
	return lab_verify(lab_sign(j, span_str(lab_message), &s), "user.test",
	    &dns, &lab_policy, LAB_NOW);
}

/* --- tags of the signature (MA-12 to MA-22)
 * --------------------------------------------- */

#define H_IS(h) LAB_BEGIN LAB_D_S "h=" h "; bh=@BH@; b=@B@"
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct tags_case {
	const char *code;
	const char *tags;
	struct lab_signature how;
};

#define RR                                                                     \
	{                                                                      \
		.canon = "rr"                                                  \
	}
#define SS                                                                     \
	{                                                                      \
		.canon = "ss"                                                  \
	}
#define NAMES(list)                                                            \
	{                                                                      \
		.names = list                                                  \
	}
#define ED                                                                     \
	{                                                                      \
		.key = "ed25519"                                               \
	}
#define NO_HEADER_LIST "dkim.header-list"

static const struct tags_case tags_cases[] = {
	/* MA-12 */
	{ "dkim.pass", LAB_TAGS, RR },
	{ "dkim.pass", LAB_TAGS ";", RR },
	{ "dkim.pass", LAB_TAGS "; ", RR },
	{ "dkim.pass", LAB_WITH("darn=user.test"), RR },
	{ "dkim.pass", LAB_WITH("z=From:x|To:y"), RR },
	{ "dkim.pass", LAB_WITH("D=x"), RR },
	{ "dkim.pass",
	    " v = 1 ;\r\n\ta = rsa-sha256;c=relaxed/relaxed;d\r\n =\r\n"
	    " user.test;s= sel ;h=" LAB_NAMES ";bh=@BH@;b=@B@",
	    RR },
	{ "dkim.tag-syntax", LAB_WITH("foo"), RR },
	{ "dkim.tag-syntax", LAB_WITH(""), RR },
	{ "dkim.tag-syntax", LAB_WITH("1x=1"), RR },
	{ "dkim.tag-syntax", LAB_TAGS ";;", RR },
	{ "dkim.tag-syntax", ";" LAB_TAGS, RR },
	{ "dkim.tag-syntax", LAB_WITH("x=\x01"), RR },
	{ "dkim.tag-syntax",
	    LAB_WITH(
		"a1=;a2=;a3=;a4=;a5=;a6=;a7=;a8=;a9=;b0=;b1=;b2=;b3=;b4=;b5=;"
		"b6=;b7=;b8=;b9=;c0=;c1=;c2=;c3=;c4=;c5=;c6="),
	    RR },
	{ "dkim.duplicate-tag", LAB_WITH("d=user.test"), RR },
	{ "dkim.duplicate-tag", LAB_WITH("d=evil.test"), RR },
	{ "dkim.duplicate-tag", LAB_WITH("bh=@BH@"), RR },
	{ "dkim.duplicate-tag", LAB_WITH("b="), RR },
	{ "dkim.duplicate-tag", LAB_WITH("x=;x="), RR },
	/* MA-6 */
	{ "hdr.bad-utf8", LAB_WITH("n=\xe2\x80\xae"), RR },
	{ "hdr.bad-utf8",
	    LAB_WITH("n=a\xe2\x80\x8b"
		     "b"),
	    RR },
	{ "hdr.bad-utf8", LAB_WITH("n=\xc0\xaf"), RR },
	{ "dkim.pass", LAB_WITH("n=\xd7\x90\xd7\x91 gr\xc3\xbc\xc3\x9f"), RR },
	/* MA-13 */
	{ "dkim.pass",
	    " a=rsa-sha256; c=relaxed/relaxed; " LAB_D_S LAB_H_B "; v=1", RR },
	{ "dkim.missing-tag",
	    " a=rsa-sha256; c=relaxed/relaxed; " LAB_D_S LAB_H_B, RR },
	{ "dkim.version", " v=2; a=rsa-sha256; " LAB_D_S LAB_H_B, RR },
	{ "dkim.version", " v=1.0; a=rsa-sha256; " LAB_D_S LAB_H_B, RR },
	{ "dkim.version", " v=01; a=rsa-sha256; " LAB_D_S LAB_H_B, RR },
	{ "dkim.version", " v=; a=rsa-sha256; " LAB_D_S LAB_H_B, RR },
	{ "dkim.missing-tag", " v=1; " LAB_D_S LAB_H_B, RR },
	{ "dkim.missing-tag", LAB_BEGIN "s=sel; " LAB_H_B, RR },
	{ "dkim.missing-tag", LAB_BEGIN "D=user.test; s=sel; " LAB_H_B, RR },
	{ "dkim.missing-tag", LAB_BEGIN "d=user.test; " LAB_H_B, RR },
	{ "dkim.missing-tag", LAB_BEGIN LAB_D_S "bh=@BH@; b=@B@", RR },
	{ "dkim.missing-tag", LAB_BEGIN LAB_D_S "h=from; b=@B@", RR },
	{ "dkim.missing-tag", LAB_BEGIN LAB_D_S "h=from; bh=@BH@", RR },
	/* MA-14 */
	{ "dkim.pass",
	    LAB_TAGS_OF("ed25519-sha256", "user.test", "sel", LAB_NAMES), ED },
	{ "dkim.sha1", LAB_TAGS_OF("rsa-sha1", "user.test", "sel", LAB_NAMES),
	    { .is_sha1 = true } },
	{ "dkim.algorithm",
	    LAB_TAGS_OF("RSA-SHA256", "user.test", "sel", LAB_NAMES), RR },
	{ "dkim.algorithm",
	    LAB_TAGS_OF("rsa-sha512", "user.test", "sel", LAB_NAMES), RR },
	{ "dkim.algorithm",
	    LAB_TAGS_OF("ed25519-sha1", "user.test", "sel", LAB_NAMES), ED },
	{ "dkim.algorithm", LAB_TAGS_OF("", "user.test", "sel", LAB_NAMES),
	    RR },
	{ "dkim.base64", /* an RSA signature is too long for Ed25519 */
	    LAB_TAGS_OF("ed25519-sha256", "user.test", "sel", LAB_NAMES), RR },
	{ "key.type", LAB_TAGS, ED },
	/* MA-15 */
	{ "dkim.pass", LAB_DOMAIN("USER.Test"), RR },
	{ "dkim.pass", LAB_DOMAIN("\r\n user.test "), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("us er.test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("user.test."), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN(".user.test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("user..test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("user.test'a.evil"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("user.test(.evil"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("-user.test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("user-.test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN(""), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("@user.test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("*.test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN("a" A63 ".test"), RR },
	{ "dkim.domain-syntax", LAB_DOMAIN(A63 "." A63 "." A63 "." A63 ".test"),
	    RR },
	{ "dkim.pass", LAB_SELECTOR("a.b-c_d.2026"), RR },
	{ "dkim.pass", LAB_SELECTOR("-x-"), RR },
	{ "dkim.pass", LAB_SELECTOR("SEL"), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR("s el"), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR("sel."), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR(".sel"), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR("a..b"), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR(""), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR("a/b"), RR },
	{ "dkim.selector-syntax", LAB_SELECTOR("a" A63), RR },
	{ "dkim.domain-syntax", /* each is one, together they are too long */
	    LAB_SELECTOR(A63 "." A63 "." A63 "."
			     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			     "aaaaaaaaaa"),
	    RR },
	/* MA-16 */
	{ "dkim.pass", " v=1; a=rsa-sha256; " LAB_D_S LAB_H_B, SS },
	{ "dkim.pass", " v=1; a=rsa-sha256; c=simple; " LAB_D_S LAB_H_B, SS },
	{ "dkim.pass", " v=1; a=rsa-sha256; c=relaxed; " LAB_D_S LAB_H_B,
	    { .canon = "rs" } },
	{ "dkim.pass", " v=1; a=rsa-sha256; c=relaxed/simple; " LAB_D_S LAB_H_B,
	    { .canon = "rs" } },
	{ "dkim.pass", " v=1; a=rsa-sha256; c=simple/relaxed; " LAB_D_S LAB_H_B,
	    { .canon = "sr" } },
	{ "dkim.body-hash", " v=1; a=rsa-sha256; c=relaxed; " LAB_D_S LAB_H_B,
	    RR },
	{ "dkim.canonicalization",
	    " v=1; a=rsa-sha256; c=relaxed/relaxed/x; " LAB_D_S LAB_H_B, RR },
	{ "dkim.canonicalization",
	    " v=1; a=rsa-sha256; c=relaxed/nofws; " LAB_D_S LAB_H_B, RR },
	{ "dkim.canonicalization", " v=1; a=rsa-sha256; c=; " LAB_D_S LAB_H_B,
	    SS },
	{ "dkim.canonicalization",
	    " v=1; a=rsa-sha256; c=simple/; " LAB_D_S LAB_H_B, SS },
	{ "dkim.canonicalization",
	    " v=1; a=rsa-sha256; c=/simple; " LAB_D_S LAB_H_B, SS },
	{ "dkim.canonicalization",
	    " v=1; a=rsa-sha256; c=Simple; " LAB_D_S LAB_H_B, SS },
	{ "dkim.canonicalization",
	    " v=1; a=rsa-sha256; c=relaxed /relaxed; " LAB_D_S LAB_H_B, RR },
	/* MA-17 */
	{ "dkim.body-length", LAB_WITH("l=46"), RR },
	{ "dkim.body-length", LAB_WITH("l=0"), RR },
	{ "dkim.body-length", LAB_WITH("l=100000"), RR },
	{ "dkim.body-length", LAB_WITH("l=-1"), RR },
	{ "dkim.body-length", LAB_WITH("l=18446744073709551616"), RR },
	{ "dkim.body-length", LAB_WITH("l=junk"), RR },
	{ "dkim.body-length", LAB_WITH("l="), RR },
	/* MA-18 */
	{ "dkim.pass", LAB_WITH("i=@user.test"), RR },
	{ "dkim.pass", LAB_WITH("i=alice@user.test"), RR },
	{ "dkim.pass", LAB_WITH("i=alice@USER.test"), RR },
	{ "dkim.pass", LAB_WITH("i=@a.b.user.test"), RR },
	{ "dkim.pass", LAB_WITH("i=\"a@b\"@user.test"), RR },
	{ "dkim.pass", LAB_WITH("i=\"a\\\"@b\"@user.test"), RR },
	{ "dkim.identity", LAB_WITH("i=@evil.test"), RR },
	{ "dkim.identity", LAB_WITH("i=@test"), RR },
	{ "dkim.identity", LAB_WITH("i=@eviluser.test"), RR },
	{ "dkim.identity", LAB_WITH("i=@user.test.evil.test"), RR },
	{ "dkim.identity", LAB_WITH("i=user.test"), RR },
	{ "dkim.identity", LAB_WITH("i=a@b@user.test"), RR },
	{ "dkim.identity", LAB_WITH("i=@user.test@user.test"), RR },
	{ "dkim.identity", LAB_WITH("i=\"a@user.test"), RR },
	{ "dkim.identity", LAB_WITH("i=@"), RR },
	{ "dkim.identity", LAB_WITH("i="), RR },
	{ "dkim.identity", LAB_WITH("i=@us er.test"), RR },
	{ "dkim.identity", LAB_WITH("i=@user.test."), RR },
	/* MA-19 */
	{ "dkim.pass", LAB_WITH("t=0"), RR },
	{ "dkim.pass", LAB_WITH("t=1772445600"), RR },
	{ "dkim.pass", LAB_WITH("t=1772446200"), RR },
	{ "dkim.future", LAB_WITH("t=1772446201"), RR },
	{ "dkim.future", LAB_WITH("t=999999999999"), RR },
	{ "dkim.pass", LAB_WITH("x=1772445600"), RR },
	{ "dkim.expired", LAB_WITH("x=1772445599"), RR },
	{ "dkim.pass", LAB_WITH("t=1772445599;x=1772445600"), RR },
	{ "dkim.timestamp", LAB_WITH("t=1772445600;x=1772445600"), RR },
	{ "dkim.timestamp", LAB_WITH("t=1772445601;x=1772445600"), RR },
	{ "dkim.pass", LAB_WITH("x=999999999999"), RR },
	{ "dkim.timestamp", LAB_WITH("t=1000000000000"), RR },
	{ "dkim.timestamp", LAB_WITH("x=1000000000000"), RR },
	{ "dkim.timestamp",
	    LAB_WITH(
		"x=999999999999999999999999999999999999999999999999999999999999"
		"999999999999999999"),
	    RR },
	{ "dkim.timestamp", LAB_WITH("t="), RR },
	{ "dkim.timestamp", LAB_WITH("t=-1"), RR },
	{ "dkim.timestamp", LAB_WITH("t=+1"), RR },
	{ "dkim.timestamp", LAB_WITH("t=1 2"), RR },
	{ "dkim.timestamp", LAB_WITH("t=0x1"), RR },
	{ "dkim.timestamp", LAB_WITH("x=1772445600.5"), RR },
	/* MA-20 */
	{ "dkim.pass", LAB_WITH("q=dns/txt"), RR },
	{ "dkim.pass", LAB_WITH("q=foo/bar:dns/txt"), RR },
	{ "dkim.pass", LAB_WITH("q=foo/bar : dns/txt"), RR },
	{ "dkim.query", LAB_WITH("q=http/x"), RR },
	{ "dkim.query", LAB_WITH("q=dns"), RR },
	{ "dkim.query", LAB_WITH("q="), RR },
	/* MA-21 */
	{ "dkim.pass", H_IS("From:Subject:Date"), NAMES("from:subject:date") },
	{ "dkim.pass", H_IS("from : to\r\n : subject\t:date"), RR },
	{ "dkim.pass", H_IS("from:subject: Date:Message-Id"),
	    NAMES("from:subject:date:message-id") },
	{ "dkim.pass", H_IS("from:from:subject:date:x-none:x-none"),
	    NAMES("from:from:subject:date") },
	{ NO_HEADER_LIST, H_IS("from::subject:date"), NAMES("from:subject") },
	{ NO_HEADER_LIST, H_IS("from:subject:date:"), NAMES("from:subject") },
	{ NO_HEADER_LIST, H_IS(":from:subject:date"), NAMES("from:subject") },
	{ NO_HEADER_LIST, H_IS("from:x y:subject:date"), NAMES("from") },
	{ NO_HEADER_LIST, H_IS(""), NAMES("from") },
	{ NO_HEADER_LIST, H_IS("from:s\xc3\xbc:subject:date"), NAMES("from") },
	{ "dkim.from-unsigned", H_IS("subject:date"), NAMES("subject:date") },
	{ "dkim.from-unsigned", H_IS("xfrom:subject:date"), NAMES("subject") },
	{ "dkim.from-unsigned", H_IS("from-x:subject:date"), NAMES("subject") },
	/* MA-22 */
	{ "dkim.pass", LAB_TAGS, { .fold = 7 } },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=@BH@; b=@B@!", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=@BH@; b=@B@AA", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=@BH@; b=@B@=", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=@BH@; b=AAA", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=@BH@; b=", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=@BH@AAAA; b=@B@", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=; b=@B@", RR },
	{ "dkim.base64", LAB_BEGIN LAB_D_S "h=from; bh=AAAA; b=@B@", RR },
	{ "dkim.base64", /* bits behind the last octet are set */
	    LAB_BEGIN LAB_D_S
	    "h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=; "
	    "b=@B@",
	    RR },
	{ "dkim.body-hash",
	    LAB_BEGIN LAB_D_S
	    "h=from:subject:date; "
	    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=@B@",
	    RR },
	{ "dkim.base64", /* not as long as the modulus */
	    LAB_BEGIN LAB_D_S "h=from:subject:date; bh=@BH@; b=AAAA", RR },
	/* MA-26: b first, in the middle, folded, with white space around */
	{ "dkim.pass",
	    " b=@B@; v=1; a=rsa-sha256; c=relaxed/relaxed; " LAB_D_S
	    "h=" LAB_NAMES "; bh=@BH@",
	    RR },
	{ "dkim.pass",
	    " v=1; b=@B@; a=rsa-sha256; " LAB_D_S "h=" LAB_NAMES "; bh=@BH@",
	    SS },
	{ "dkim.pass",
	    " v=1; a=rsa-sha256; " LAB_D_S "h=" LAB_NAMES
	    "; bh=@BH@; b=\r\n  @B@\r\n ; n=x",
	    { .canon = "ss", .fold = 60 } },
	{ "dkim.pass",
	    " v=1; a=rsa-sha256; c=relaxed/relaxed; " LAB_D_S "h=" LAB_NAMES
	    "; b= @B@ ; bh=@BH@",
	    { .fold = 60 } },
	{ "dkim.pass",
	    " v=1; a=rsa-sha256; c=relaxed/relaxed; " LAB_D_S "h=" LAB_NAMES
	    "; b\t=@B@; bh=@BH@",
	    RR },
	/* MA-27: signed over something else */
	{ "dkim.signature", LAB_TAGS, NAMES("from:to:subject") },
	{ "dkim.signature", LAB_TAGS, { .canon = "sr" } },
	{ "dkim.body-hash", LAB_TAGS, { .canon = "rs" } },
};

static void
test_tags(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tags_cases); i++) {
		struct dkim_result r;

		unit_case("%zu: %s", i, tags_cases[i].tags);
		r = verify_tags(tags_cases[i].tags, &tags_cases[i].how);
		assert_string_equal(r.finding.code, tags_cases[i].code);
		assert_int_equal(r.finding.result,
		    strcmp(tags_cases[i].code, "dkim.pass") == 0
			? FINDING_PASS
			: FINDING_REFUSE);
	}
}

/* MA-21: at most 200 names. */
static void
test_many_names(void **state)
{
	static const struct {
		size_t extra;
		const char *code;
	} cases[] = { { 196, "dkim.pass" }, { 197, NO_HEADER_LIST },
		{ 3000, NO_HEADER_LIST } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab_signature how = { .names = NULL };
		struct buf b;

		unit_case("%zu", cases[i].extra);
		buf_init(&b, unit_job()->arena, 65536);
		buf_add_str(&b, LAB_BEGIN LAB_D_S "h=" LAB_NAMES);
		for (size_t n = 0; n < cases[i].extra; n++)
			buf_addf(&b, ":x%zu", n);
		buf_add_str(&b, "; bh=@BH@; b=@B@");
		assert_string_equal(
		    verify_tags(b.p, &how).finding.code, cases[i].code);
	}
}

/* MA-2, MA-15: NUL never reaches a tag. */
static void
test_nul(void **state)
{
	static const char fields[][40] = {
		"DKIM-Signature: s=x\0y\r\n\r\n",
		"DKIM-Signature: d=x\0.test\r\n\r\n",
	};
	const struct message_limits limits = { .message_max = 1000 };

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		struct message m;
		struct finding f;

		assert_int_equal(message_parse(unit_job(),
				     span_mem(fields[i], 26), &limits, &m, &f),
		    -1);
		assert_string_equal(f.code, "msg.nul");
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_tags),
	cmocka_unit_test(test_many_names),
	cmocka_unit_test(test_nul),
};
UNIT_MAIN(tests)
