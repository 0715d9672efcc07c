/* ER-28, AC-109, AC-110, AC-111, AC-125, MA-60, MA-61, MA-62: the response
 * block, and the digest in it. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/rnd.h"
#include "mail/finding.h"
#include "mail/reply.h"
#include "mail/reply_block.h"
#include "tests/unit/block_lab.h"
#include "tests/unit/vectors.h"

/* AC-111 */
static void
test_digest_vectors(void **state)
{
	json_t *top = vectors_at("email_reply_00"), *c;
	struct span part1 = span_str(vectors_str(top, "token_part1"));
	struct span part2 = span_str(vectors_str(top, "token_part2"));
	uint8_t want[SHA256_LEN], got[SHA256_LEN];
	size_t i;

	(void)state;
	assert_int_equal(part1.n, 32);
	json_array_foreach (vectors_at("email_reply_00/responses"), i, c) {
		unit_case("%s", vectors_str(c, "key"));
		block_lab_digest(vectors_str(c, "response_digest"), want);
		reply_digest(
		    part1, part2, span_str(vectors_str(c, "thumbprint")), got);
		assert_memory_equal(got, want, SHA256_LEN);
	}
}

/* AC-109, AC-110: joined as text or as octets, the token is one. */
static void
test_token_halves(void **state)
{
	json_t *top = vectors_at("email_reply_00");
	const char *parts[2] = { vectors_str(top, "token_part1"),
		vectors_str(top, "token_part2") };
	uint8_t octets[48];
	char text[65];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    b64url_parse_fixed(span_str(parts[i]), octets + 24 * i, 24),
		    0);
	b64url_format(text, span_mem(octets, sizeof(octets)));
	assert_string_equal(text, vectors_str(top, "token"));
}

/* The digest for the account key with this name. */
static void
digest_for(const char *key, uint8_t out[SHA256_LEN])
{
	struct job *j = unit_job();
	json_t *jwk =
	    vectors_get(vectors_named(vectors_at("keys"), key), "jwk_public");
	uint8_t hash[SHA256_LEN];
	char thumbprint[B64URL_LEN(SHA256_LEN) + 1];
	const char *canonical = arena_printf(j->arena,
	    "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	    vectors_str(jwk, "crv"), vectors_str(jwk, "x"),
	    vectors_str(jwk, "y"));

	sha256(span_str(canonical), hash);
	b64url_format(thumbprint, span_mem(hash, sizeof(hash)));
	reply_digest(
	    span_str(vectors_str(vectors_at("email_reply_00"), "token_part1")),
	    span_str(vectors_str(vectors_at("email_reply_00"), "token_part2")),
	    span_str(thumbprint), out);
}

/* AC-82, AC-125: what each body holds. */
static void
test_body_vectors(void **state)
{
	json_t *bodies =
	    vectors_at("email_reply_00/reply_bodies_for_acct-es256-A");
	uint8_t want[SHA256_LEN], former[SHA256_LEN], got[SHA256_LEN];
	json_t *c;
	size_t i;

	(void)state;
	digest_for("acct-es256-A", want);
	digest_for("acct-es256-B", former);
	json_array_foreach (bodies, i, c) {
		const char *expect = vectors_str(c, "expect");
		const char *code =
		    block_lab_code(span_str(vectors_str(c, "text")), got);

		unit_case("%s", vectors_str(c, "name"));
		if (strcmp(expect, "no-response") == 0) {
			assert_memory_equal(code, "body.", 5);
			continue;
		}
		assert_string_equal(code, "");
		assert_int_equal(memcmp(got, want, SHA256_LEN) == 0,
		    strcmp(expect, "match") == 0);
		assert_int_equal(memcmp(got, former, SHA256_LEN) == 0,
		    strcmp(expect, "stale-key") == 0);
	}
}

/* ER-28, MA-60, MA-62 */
static void
test_blocks(void **state)
{
	static const struct {
		const char *text, *code;
	} cases[] = {
		{ BLOCK(ONE), "" },
		{ BEGIN ONE "=\n" END, "" },
		{ BEGIN " X8e3dMZUidaqhTiYaD-QdOgOmJ4olQw\n\n\tvvJMWY6okdfs "
			"\n" END,
		    "" },
		{ BEGIN
		    "X8e3 dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs\n= \n" END,
		    "" },
		{ BEGIN "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQw\n \xc2\xa0 "
			"vvJMWY6okdfs\xc2\xa0\n" END,
		    "" },
		{ "-----BEGIN ACME RESPONSE----- \t\n" ONE
		  "\n-----END ACME RESPONSE-----   \n",
		    "" },
		{ BEGIN ONE "\n-----END ACME RESPONSE-----", "" },
		/* what nobody sees: in the digest, at the ends of the armour,
		 * and a byte order mark before all */
		{ "\ufeff" BEGIN ONE "\n" END, "" },
		{ "-----BEGIN ACME RESPONSE-----\u00a0\u200b\n" ONE
		  "\n-----END ACME RESPONSE----- \u200f\n",
		    "" },
		{ BEGIN "\u200fX8e3dMZUid\u00adaqhTiYaD-Q\u200bdOgOmJ4olQwv"
			"\u3000vJMWY6okdfs\u2060\u202f\ufeff\n" END,
		    "" },
		{ "\n\ufeff" BEGIN ONE "\n" END, "body.block-in-quote" },
		{ "\ufeff\ufeff" BEGIN ONE "\n" END, "body.block-in-quote" },
		{ "\u200b" BEGIN ONE "\n" END, "body.no-block" },
		{ BEGIN ONE "\u00b9\n" END, "body.bad-block" },
		{ BLOCK(ONE) BLOCK(ONE), "" },
		{ "", "body.no-block" },
		{ "\n", "body.no-block" },
		{ ONE "\n", "body.no-block" },
		{ ONE "\n" END, "body.no-block" },
		{ "-----BEGIN ACME RESPONSE ----\n" ONE "\n" END,
		    "body.no-block" },
		{ "-----Begin ACME Response-----\n" ONE "\n" END,
		    "body.no-block" },
		{ "x-----BEGIN ACME RESPONSE-----\n" ONE "\n" END,
		    "body.no-block" },
		{ "-----BEGIN ACME RESPONSE-----x\n" ONE "\n" END,
		    "body.no-block" },
		{ "------BEGIN ACME RESPONSE------\n" ONE "\n" END,
		    "body.no-block" },
		{ BEGIN END, "body.bad-block" },
		{ BEGIN ONE, "body.bad-block" },
		{ BEGIN, "body.bad-block" },
		{ BEGIN ONE "\n", "body.bad-block" },
		{ BEGIN ONE "==\n" END, "body.bad-block" },
		{ BEGIN "=" ONE "\n" END, "body.bad-block" },
		{ BEGIN ONE "A\n" END, "body.bad-block" },
		{ BEGIN "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdf\n" END,
		    "body.bad-block" },
		{ BEGIN "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdft\n" END,
		    "body.bad-block" }, /* unused bits */
		{ BEGIN "X8e3dMZUidaqhTiYaD+QdOgOmJ4olQwvvJMWY6okdfs\n" END,
		    "body.bad-block" },
		{ BEGIN "Hash: " ONE "\n" END, "body.bad-block" },
		{ BEGIN "> " ONE "\n" END, "body.bad-block" },
		{ BEGIN ONE "\n> " END, "body.bad-block" },
		{ BEGIN ONE "\n " END, "body.bad-block" },
		{ BEGIN ONE "\n\xc2\xa0" END, "body.bad-block" },
		{ BEGIN "\xa0" ONE "\n" END, "body.bad-block" },
		{ BEGIN ONE "\xc2\n" END, "body.bad-block" },
		{ BEGIN ONE "\xc2\xa1\n" END, "body.bad-block" },
		/* MA-62: two, in both orders; equal ones are one */
		{ BLOCK(ONE) "text\n" BLOCK(TWO), "body.ambiguous" },
		{ BLOCK(TWO) BLOCK(ONE), "body.ambiguous" },
		{ BLOCK(ONE) BLOCK(ONE) BLOCK(TWO), "body.ambiguous" },
		{ BLOCK(ONE) BEGIN "x\n" END, "body.ambiguous" },
		{ BEGIN "x\n" END BLOCK(ONE), "body.ambiguous" },
		{ BEGIN TWO "\n" BLOCK(ONE), "body.ambiguous" },
		{ BLOCK(ONE) BEGIN, "body.ambiguous" },
	};
	uint8_t want[SHA256_LEN], got[SHA256_LEN];

	(void)state;
	block_lab_digest(ONE, want);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu: %s", i, cases[i].text);
		assert_string_equal(
		    block_lab_code(span_str(cases[i].text), got),
		    cases[i].code);
		if (cases[i].code[0] == '\0')
			assert_memory_equal(got, want, SHA256_LEN);
	}
}

/* MA-61: what makes a block none. */
static void
test_quote_marks(void **state)
{
	static const char *const marks[] = { ">", "> ", ">>", "|", "| ",
		"\xc2\xbb", "\xc2\xa0", " ", "\t", "> | \xc2\xbb ",
		"\xe2\x80\xba " };
	uint8_t digest[SHA256_LEN];
	struct finding f;

	(void)state;
	for (size_t i = 0; i < COUNT(marks); i++) {
		const char *quoted = arena_printf(unit_job()->arena,
		    "%s-----BEGIN ACME RESPONSE-----\n%s" TWO
		    "\n%s-----END ACME RESPONSE-----\n",
		    marks[i], marks[i], marks[i]);

		unit_case("%zu", i);
		assert_int_equal(
		    reply_find_block(unit_job(), span_str(quoted), digest, &f),
		    -1);
		assert_string_equal(f.code, "body.block-in-quote");
		assert_non_null(strstr(f.detail, "with nothing before them"));
		/* Above or below it, an answer counts. */
		assert_string_equal(
		    block_lab_code(span_str(arena_printf(unit_job()->arena,
				       BLOCK(ONE) "%s", quoted)),
			digest),
		    "");
		assert_string_equal(
		    block_lab_code(
			span_str(arena_printf(unit_job()->arena,
			    "On Monday, CA:\n%s\n" BLOCK(ONE), quoted)),
			digest),
		    "");
	}
}

static void
test_cut(void **state)
{
	static const char text[] =
	    "x\n> " BEGIN "\n_____\nFrom: a\n" BLOCK(ONE);
	size_t last = sizeof(text) - 2; /* without the line end */

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		uint8_t digest[SHA256_LEN];
		char *copy = xmalloc(n + 1);

		memcpy(copy, text, n);
		unit_case("%zu octets", n);
		if (n == last)
			assert_string_equal(
			    block_lab_code(span_mem(copy, n), digest), "");
		else
			assert_string_not_equal(
			    block_lab_code(span_mem(copy, n), digest), "");
		free(copy);
	}
}

/* The token as clients make it that decode the halves first. */
static const char *
join_octets(struct job *j, const char *part1, const char *part2)
{
	struct span one, two;
	struct buf octets, text;

	assert_int_equal(b64url_parse(j->arena, span_str(part1), &one), 0);
	assert_int_equal(b64url_parse(j->arena, span_str(part2), &two), 0);
	buf_init(&octets, j->arena, 128);
	buf_add(&octets, one);
	buf_add(&octets, two);
	buf_init(&text, j->arena, 256);
	b64url_add(&text, buf_span(&octets));
	return text.p;
}

/* AC-110: with halves of whole groups both ways of joining give one token,
 * whatever the octets; with 16 octets they do not. */
static void
test_joining(void **state)
{
	json_t *demo =
	    vectors_at("email_reply_00/ambiguity_demo_16_byte_parts");
	struct job *j = unit_job();
	char part1[B64URL_LEN(24) + 1], part2[B64URL_LEN(24) + 1];
	const char *one = vectors_str(demo, "token_part1");
	const char *two = vectors_str(demo, "token_part2");

	(void)state;
	assert_string_equal(arena_printf(j->arena, "%s%s", one, two),
	    vectors_str(demo, "string_concatenation"));
	assert_string_equal(join_octets(j, one, two),
	    vectors_str(demo, "byte_concatenation_re_encoded"));
	assert_string_not_equal(vectors_str(demo, "string_concatenation"),
	    vectors_str(demo, "byte_concatenation_re_encoded"));
	for (int i = 0; i < 1000; i++) {
		unsigned char octets[24];

		rnd_bytes(octets, sizeof(octets));
		b64url_format(part1, span_mem(octets, sizeof(octets)));
		rnd_bytes(octets, sizeof(octets));
		b64url_format(part2, span_mem(octets, sizeof(octets)));
		assert_string_equal(join_octets(j, part1, part2),
		    arena_printf(j->arena, "%s%s", part1, part2));
	}
}

/* AC-189: the word alone on a line of the sender's own. */
static void
test_stop(void **state)
{
	static const struct {
		const char *text;
		bool stop;
	} cases[] = {
		{ "STOP\r\n", true },
		{ "stop", true },
		{ "Hello,\n\n  Stop \n", true },
		{ "STOP\n-----Original Message-----\nreply with STOP\n", true },
		{ "", false },
		{ "please STOP\n", false },
		{ "STOP.\n", true },
		{ "\"Stop\"!\n", true },
		{ "\u201cSTOP\u201d\n", true },
		{ "\u201eStop.\u201c\n", true },
		{ "\u300cSTOP\u300d\n", true },
		{ "\u00bbSTOP\u00ab\n", false },
		{ "\u201d\n", false },
		{ "\u00a0STOP\n", true },
		{ "STOP it\n", false },
		{ ".\n", false },
		{ "ST.OP\n", false },
		{ "NONSTOP\n", false },
		{ "> STOP\n", false },
		{ "-----Original Message-----\nSTOP\n", false },
		/* MA-61: as strict as for a block */
		{ "No.\n\nOn 2 Mar 2026 CA wrote:\n\n> q\nSTOP\n", false },
		{ "CA <acme@ca.test> wrote:\nSTOP\n", false },
		/* Of a quotation whose lines were broken again. */
		{ "No.\n\n> reply with the single word\nSTOP.\n", false },
		{ "> reply with the single word\n*STOP*\n> or not\n", false },
		{ "> reply with\n\u201cSTOP\u201d\n> or not\n", false },
		{ "> q\n\nSTOP\n", true },
		{ "STOP.\n> q\n", true },
		{ "On 2 Mar 2026, CA <acme@ca.test> wrote:\n> q\nSTOP\n",
		    true },
		{ "-----BEGIN ACME RESPONSE-----\nSTOP\n"
		  "-----END ACME RESPONSE-----\n",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_blocks b;

		unit_case("%zu: %s", i, cases[i].text);
		reply_blocks_scan(span_str(cases[i].text), &b);
		assert_int_equal(b.stop, cases[i].stop);
	}
}

/* Work grows with the text only: rules, headers and openings by thousands. */
static void
test_time_is_bounded(void **state)
{
	static const char *const units[] = { "_____\n", "From: a\n", BEGIN,
		BEGIN "A\n", "-", "> ", "- \xc2\xbb", "From: ", "\n", "1 2\n",
		"x 2 ", "٢", "> x=\n", "--\nContent-\n\n", "\xe2\x80",
		BLOCK(ONE) };
	int64_t before = unit_cpu_ms();
	uint8_t digest[SHA256_LEN];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		buf_init(&b, unit_job()->arena, 1 << 20);
		while (b.n < 256 * 1024)
			buf_add_str(&b, units[i]);
		(void)block_lab_code(buf_span(&b), digest);
	}
	assert_true(unit_cpu_ms() - before < 30000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_digest_vectors),
	cmocka_unit_test(test_token_halves),
	cmocka_unit_test(test_body_vectors),
	cmocka_unit_test(test_blocks),
	cmocka_unit_test(test_quote_marks),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_joining),
	cmocka_unit_test(test_stop),
	cmocka_unit_test(test_time_is_bounded),
};

UNIT_MAIN(tests)
