#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "mail/dkim_canon.h"
#include "tests/unit/dkim_lab.h"

static void
to_buf(void *ctx, struct span piece)
{
	buf_add(ctx, piece);
}

static struct span
body_of(enum dkim_canon c, struct span body)
{
	struct buf *b = arena_alloc(unit_job()->arena, sizeof(*b));
	struct dkim_out o;

	buf_init(b, unit_job()->arena, body.n + 16);
	dkim_out_init(&o, to_buf, b);
	dkim_canon_body(&o, c, body);
	dkim_out_flush(&o);
	return buf_span(b);
}

static struct span
field_of(enum dkim_canon c, const char *name, const char *value)
{
	struct field f = { .name = span_str(name), .body = span_str(value) };
	struct buf *b = arena_alloc(unit_job()->arena, sizeof(*b));
	struct dkim_out o;

	buf_init(b, unit_job()->arena, 4096);
	dkim_out_init(&o, to_buf, b);
	dkim_canon_field(&o, c, &f);
	dkim_out_flush(&o);
	return buf_span(b);
}

/* MA-25: the first two are RFC 6376 3.4.5 examples 1 and 2. */
static void
test_fields(void **state)
{
	static const struct {
		const char *name, *value, *simple, *relaxed;
	} cases[] = {
		{ "A", " X", "A: X\r\n", "a:X\r\n" },
		{ "B", " Y\t\r\n\tZ  ", "B: Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
		{ "Empty", "", "Empty:\r\n", "empty:\r\n" },
		{ "Blank", " \t", "Blank: \t\r\n", "blank:\r\n" },
		{ "Folded", "\r\n x", "Folded:\r\n x\r\n", "folded:x\r\n" },
		{ "Eight", " gr\xc3\xbc\xc3\x9f",
		    "Eight: gr\xc3\xbc\xc3\x9f\r\n",
		    "eight:gr\xc3\xbc\xc3\x9f\r\n" },
		{ "X", "a:b", "X:a:b\r\n", "x:a:b\r\n" },
		{ "X", "  a \t b\r\n  c", "X:  a \t b\r\n  c\r\n",
		    "x:a b c\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_span_equal(
		    field_of(DKIM_SIMPLE, cases[i].name, cases[i].value),
		    cases[i].simple);
		assert_span_equal(
		    field_of(DKIM_RELAXED, cases[i].name, cases[i].value),
		    cases[i].relaxed);
	}
}

/* MA-25: the first is RFC 6376 3.4.5. */
static void
test_bodies(void **state)
{
	static const struct {
		const char *body, *simple, *relaxed;
	} cases[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n",
		    " C\r\nD E\r\n" },
		{ "", "\r\n", "" },
		{ "\r\n", "\r\n", "" },
		{ "\r\n\r\n\r\n", "\r\n", "" },
		{ " \r\n\t\r\n", " \r\n\t\r\n", "" },
		{ "a", "a\r\n", "a\r\n" },
		{ "a\r\n", "a\r\n", "a\r\n" },
		{ "a \r\n \r\n\r\nb\r\n \r\n", "a \r\n \r\n\r\nb\r\n \r\n",
		    "a\r\n\r\n\r\nb\r\n" },
		{ "\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n" },
		{ "a\r\n ", "a\r\n \r\n", "a\r\n" },
		{ "\t a\t \tb", "\t a\t \tb\r\n", " a b\r\n" },
		{ "a\r\n.\r\n", "a\r\n.\r\n", "a\r\n.\r\n" },
		/* Not line ends, so not taken for one (MA-3 refuses them). */
		{ "a\n\n", "a\n\n\r\n", "a\n\n\r\n" },
		{ "a\r", "a\r\r\n", "a\r\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_span_equal(body_of(DKIM_SIMPLE, span_str(cases[i].body)),
		    cases[i].simple);
		assert_span_equal(
		    body_of(DKIM_RELAXED, span_str(cases[i].body)),
		    cases[i].relaxed);
	}
}

/* RFC 6376 3.4.3 and 3.4.4 name the hashes of the empty body. */
static void
test_empty_hashes(void **state)
{
	uint8_t hash[32];
	char hex[65];

	(void)state;
	dkim_body_hash(
	    sha256_new(unit_job()->arena), DKIM_SIMPLE, SPAN(""), hash);
	hex_format(hex, span_mem(hash, 32));
	assert_string_equal(hex, "7eb70257593da06f682a3ddda54a9d26"
				 "0d4fc514f645237f5ca74b08f8da61a6");
	dkim_body_hash(
	    sha256_new(unit_job()->arena), DKIM_RELAXED, SPAN("\r\n"), hash);
	hex_format(hex, span_mem(hash, 32));
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
				 "27ae41e4649b934ca495991b7852b855");
}

static struct span
filled(size_t n, const char *with, const char *tail)
{
	char *p = arena_alloc(unit_job()->arena, n + strlen(tail));
	size_t k = strlen(with);

	for (size_t i = 0; i < n; i++)
		p[i] = with[i % k];
	memcpy(p + n, tail, strlen(tail));
	return span_mem(p, n + strlen(tail));
}

/* MA-25: streaming, in time that grows with the length only. */
static void
test_runs(void **state)
{
	const struct {
		struct span body;
		size_t relaxed, simple;
	} cases[] = {
		{ filled(3000000, " ", ""), 0, 3000002 },
		{ filled(3000000, " ", "x\r\n"), 4, 3000003 },
		{ filled(2000000, "\r\n", ""), 0, 2 },
		{ filled(2000000, "\r\n", "x"), 2000003, 2000003 },
		{ filled(3000000, " \r\n", "x"), 2000003, 3000003 },
		{ filled(3000000, "x\n", ""), 3000002, 3000002 },
		{ filled(3000000, "x", "\r\n\r\n"), 3000002, 3000002 },
	};
	int64_t begin = unit_cpu_ms();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    body_of(DKIM_RELAXED, cases[i].body).n, cases[i].relaxed);
		assert_int_equal(
		    body_of(DKIM_SIMPLE, cases[i].body).n, cases[i].simple);
	}
	assert_true(unit_cpu_ms() - begin < 5000);
}

/* Whatever the pieces, the sink gets the same octets. */
static void
test_pieces(void **state)
{
	struct span body = filled(5000, "word and  more \t", "\r\n");
	struct span out = body_of(DKIM_SIMPLE, body);

	(void)state;
	assert_true(span_eq(out, body));
	out = body_of(DKIM_RELAXED, body);
	assert_true(span_ends(out, SPAN("word and more word\r\n")) ||
		    span_ends(out, SPAN("\r\n")));
	for (size_t n = 1000; n < 1100; n++) {
		struct span s = filled(n, "x", "\r\n");

		assert_true(span_eq(body_of(DKIM_RELAXED, s), s));
	}
}

/* RFC 6376 3.4.4 as it is written, an octet at a time. */
static struct span
relaxed_plainly(struct span body)
{
	struct buf b;
	size_t empty = 0;

	buf_init(&b, unit_job()->arena, body.n + 2);
	for (size_t at = 0; at < body.n; at += 2) {
		size_t end = span_find_span(body, at, SPAN("\r\n"));
		bool space = false, begun = false;

		for (; at < end; at++) {
			if (strchr(" \t", body.p[at]) != NULL) {
				space = true;
				continue;
			}
			for (; !begun && empty > 0; empty--)
				buf_add_str(&b, "\r\n");
			if (space)
				buf_add_char(&b, ' ');
			buf_add_char(&b, body.p[at]);
			begun = true;
			space = false;
		}
		if (begun)
			buf_add_str(&b, "\r\n");
		else
			empty++;
	}
	return buf_span(&b);
}

/* MA-25: what is looked at many octets at a time is no different for it,
 * wherever something stands. */
static void
test_long_bodies(void **state)
{
	static const char *const parts[] = {
		"\r\n", "\r\n", " ", "\t", "x", "\xc3\xbc",
		" a few words in a line of their own\r\n",
		"and a line so long that it fills what is looked at at once\r\n"
	};
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < 3000; i++) {
		struct buf b;

		unit_case("%zu", i);
		buf_init(&b, unit_job()->arena, 8000);
		for (size_t k = 0; k < i % 60; k++) {
			seed = seed * 1664525 + 1013904223;
			/* Some have many lines, and little between them. */
			buf_add_str(&b,
			    parts[(seed >> 16) % COUNT(parts) | (i & k & 6)]);
		}
		assert_true(span_eq(body_of(DKIM_RELAXED, buf_span(&b)),
		    relaxed_plainly(buf_span(&b))));
	}
}

static const char many[] = "X: 1\r\nFrom: a\r\nX: 2\r\nDKIM-Signature: d\r\n"
			   "x: 3\r\nDKIM-Signature: e\r\n\r\n";

/* MA-26: bottom-up per name; more names than fields add nothing; the
 * signature's own field is never selected. */
static void
test_selection(void **state)
{
	static const struct {
		const char *names;
		const char *expected; /* the index of each, - for none */
	} cases[] = {
		{ "from", "1" },
		{ "x", "4" },
		{ "X:x", "42" },
		{ "x:from:X:x:x", "4120-" },
		{ "from:from", "1-" },
		{ "to", "-" },
		{ "dkim-signature", "5" },
		{ "dkim-signature:dkim-signature", "5-" },
	};
	struct job *j = unit_job();
	struct message m = lab_parse(j, span_str(many));

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span names[8], rest = span_str(cases[i].names);
		const struct field **got;
		size_t n = 0;

		unit_case("%s", cases[i].names);
		while (rest.n > 0) {
			size_t colon = span_find(rest, 0, ':');

			names[n++] = span_cut(rest, 0, colon);
			rest = span_from(rest, colon + 1);
		}
		got = dkim_select(j, &m, names, n, &m.fields[3]);
		assert_int_equal(n, strlen(cases[i].expected));
		for (size_t k = 0; k < n; k++) {
			char index = got[k] == NULL
					 ? '-'
					 : (char)('0' + (got[k] - m.fields));

			assert_int_equal(index, cases[i].expected[k]);
		}
	}
}

/* MA-26: the value of b= and the white space around it are left out, and the
 * CRLF at the end. */
static void
test_signature_field(void **state)
{
	static const struct {
		const char *body;
		size_t from, to;
		const char *simple, *relaxed;
	} cases[] = {
		{ " a=1; b= x\r\n y ; c=2", 8, 15,
		    "DKIM-Signature: a=1; b=; c=2",
		    "dkim-signature:a=1; b=; c=2" },
		{ " b=xyz", 3, 6, "DKIM-Signature: b=", "dkim-signature:b=" },
		{ " b=x; a=1 ", 3, 4, "DKIM-Signature: b=; a=1 ",
		    "dkim-signature:b=; a=1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct field f = { .name = SPAN("DKIM-Signature"),
			.body = span_str(cases[i].body) };

		unit_case("%zu", i);
		for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++) {
			struct buf b;
			struct dkim_out o;

			buf_init(&b, unit_job()->arena, 4096);
			dkim_out_init(&o, to_buf, &b);
			dkim_canon_signature(&o, (enum dkim_canon)c, &f,
			    cases[i].from, cases[i].to);
			dkim_out_flush(&o);
			assert_span_equal(buf_span(&b), c == DKIM_SIMPLE
							    ? cases[i].simple
							    : cases[i].relaxed);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fields),
	cmocka_unit_test(test_bodies),
	cmocka_unit_test(test_empty_hashes),
	cmocka_unit_test(test_runs),
	cmocka_unit_test(test_pieces),
	cmocka_unit_test(test_long_bodies),
	cmocka_unit_test(test_selection),
	cmocka_unit_test(test_signature_field),
};
UNIT_MAIN(tests)
