#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/count.h"
#include "lib/markup.h"

static void
test_compare(void **state)
{
	static const struct {
		struct span a, b;
		bool equal, caseequal;
	} cases[] = {
		{ { "", 0 }, { NULL, 0 }, true, true },
		{ { "a", 1 }, { "a", 1 }, true, true },
		{ { "a", 1 }, { "A", 1 }, false, true },
		{ { "a", 1 }, { "ab", 2 }, false, false },
		{ { "a\0b", 3 }, { "a\0b", 3 }, true, true },
		{ { "a\0b", 3 }, { "a\0c", 3 }, false, false },
		{ { "DKIM-Signature", 14 }, { "dkim-signature", 14 }, false,
		    true },
		/* 0x20 apart, but no letters */
		{ { "@[", 2 }, { "`{", 2 }, false, false },
		/* ASCII only: the two cases of U+00E4 in Latin 1 differ */
		{ { "\xc4", 1 }, { "\xe4", 1 }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    span_eq(cases[i].a, cases[i].b), cases[i].equal);
		assert_int_equal(
		    span_caseeq(cases[i].a, cases[i].b), cases[i].caseequal);
		assert_int_equal(
		    span_caseeq(cases[i].b, cases[i].a), cases[i].caseequal);
	}
	assert_true(span_eq_str(SPAN("abc"), "abc"));
	assert_false(span_eq_str(SPAN("abc\0"), "abc"));
	assert_true(span_caseeq_str(SPAN("aBc"), "AbC"));
	assert_int_equal(span_str(NULL).n, 0);
}

/* Each two octets, anywhere in a name of more than eight. */
static void
test_caseeq(void **state)
{
	char a[] = "Some-Letters", b[] = "sOME-lETTERS";

	(void)state;
	for (int x = 0; x < 256; x++) {
		for (int y = 0; y < 256; y++) {
			size_t at = (size_t)(x + y) % 12;
			char was_a = a[at], was_b = b[at];

			a[at] = (char)x;
			b[at] = (char)y;
			assert_int_equal(
			    span_caseeq(span_mem(a, 12), span_mem(b, 12)),
			    ascii_lower(a[at]) == ascii_lower(b[at]));
			a[at] = was_a;
			b[at] = was_b;
		}
	}
}

static void
test_starts_and_ends(void **state)
{
	(void)state;
	assert_true(span_starts(SPAN("mailto:x"), SPAN("mailto:")));
	assert_true(span_starts(SPAN("x"), SPAN("")));
	assert_false(span_starts(SPAN("mail"), SPAN("mailto:")));
	assert_false(span_starts(SPAN("MAILTO:x"), SPAN("mailto:")));
	assert_true(span_casestarts(SPAN("MAILTO:x"), SPAN("mailto:")));
	assert_false(span_casestarts(SPAN("MAIL"), SPAN("mailto:")));
	assert_true(span_ends(SPAN("a.test"), SPAN(".test")));
	assert_true(span_ends(SPAN("a"), SPAN("")));
	assert_false(span_ends(SPAN("test"), SPAN(".test")));
}

static void
test_find(void **state)
{
	struct span s = SPAN("ab\0ab");

	(void)state;
	assert_int_equal(span_find(s, 0, 'a'), 0);
	assert_int_equal(span_find(s, 1, 'a'), 3);
	assert_int_equal(span_find(s, 4, 'a'), 5);
	assert_int_equal(span_find(s, 9, 'a'), 5);
	assert_int_equal(span_find(s, 0, '\0'), 2);
	assert_int_equal(span_find(span_str(NULL), 0, 'a'), 0);
	assert_int_equal(span_find_span(s, 0, SPAN("ab")), 0);
	assert_int_equal(span_find_span(s, 1, SPAN("ab")), 3);
	assert_int_equal(span_find_span(s, 4, SPAN("ab")), 5);
	assert_int_equal(span_find_span(s, 0, SPAN("\0a")), 2);
	assert_int_equal(span_find_span(s, 0, SPAN("abc")), 5);
	assert_true(span_has(s, SPAN("\0a")));
	assert_true(span_has_str(s, "ab"));
	assert_false(span_has(s, SPAN("abc")));
	assert_false(span_has_str(s, ""));
	assert_false(span_has_str(span_str(NULL), "a"));
}

static void
test_cut(void **state)
{
	struct span s = SPAN("abcdef");

	(void)state;
	assert_span_equal(span_from(s, 0), "abcdef");
	assert_span_equal(span_from(s, 4), "ef");
	assert_span_equal(span_from(s, 6), "");
	assert_span_equal(span_from(s, 99), "");
	assert_span_equal(span_cut(s, 1, 3), "bc");
	assert_span_equal(span_cut(s, 3, 1), "");
	assert_span_equal(span_cut(s, 4, 99), "ef");
	assert_span_equal(span_cut(s, 98, 99), "");
	assert_span_equal(span_cut(span_str(NULL), 1, 2), "");
}

static void
test_trim(void **state)
{
	(void)state;
	assert_span_equal(span_trim(SPAN(" \ta b\t ")), "a b");
	assert_span_equal(span_trim(SPAN("\r\na\r\n")), "\r\na\r\n");
	assert_span_equal(span_trim_fws(SPAN("\r\n a\r\nb \r\n")), "a\r\nb");
	assert_span_equal(span_trim(SPAN(" \t ")), "");
	assert_span_equal(span_trim(SPAN("")), "");
	assert_int_equal(span_trim(SPAN(" \0 ")).n, 1);
}

static void
test_properties(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[3] = { 'a', (char)c, 'b' };
		struct span s = span_mem(text, 3);

		unit_case("octet %02x", (unsigned)c);
		assert_int_equal(span_has_control(s), c < 0x20 || c == 0x7f);
		assert_int_equal(span_is_ascii(s), c < 0x80);
		assert_int_equal(ascii_is_digit((char)c), c >= '0' && c <= '9');
		assert_int_equal(ascii_is_alpha((char)c),
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
		assert_int_equal(ascii_is_alnum((char)c),
		    ascii_is_digit((char)c) || ascii_is_alpha((char)c));
		assert_int_equal(ascii_lower((char)c),
		    c >= 'A' && c <= 'Z' ? c + 32 : (char)c);
	}
}

static void
test_to_int(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		int result;
		int64_t value;
	} cases[] = {
		{ "0", 0, 9, 0, 0 },
		{ "9", 0, 9, 0, 9 },
		{ "10", 0, 9, -1, 0 },
		{ "0", 1, 9, -1, 0 },
		{ "007", 0, 9, 0, 7 },
		{ "", 0, 9, -1, 0 },
		{ "-1", -9, 9, -1, 0 },
		{ "+1", 0, 9, -1, 0 },
		{ " 1", 0, 9, -1, 0 },
		{ "1 ", 0, 9, -1, 0 },
		{ "1a", 0, 99, -1, 0 },
		{ "0x1", 0, 99, -1, 0 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "9223372036854775808", 0, INT64_MAX, -1, 0 },
		{ "99999999999999999999999", 0, INT64_MAX, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = 0;

		unit_case("%s", cases[i].text);
		assert_int_equal(span_to_int(span_str(cases[i].text),
				     cases[i].min, cases[i].max, &value),
		    cases[i].result);
		assert_true(value == cases[i].value);
	}
	assert_int_equal(span_to_int(SPAN("1\0"), 0, 9, &(int64_t){ 0 }), -1);
}

static void
test_to_int_cut(void **state)
{
	struct span s = SPAN("123456");

	(void)state;
	for (size_t n = 1; n <= s.n; n++) {
		int64_t value, expected = 0;

		for (size_t i = 0; i < n; i++)
			expected = expected * 10 + (int64_t)i + 1;
		assert_int_equal(
		    span_to_int(span_cut(s, 0, n), 0, 999999, &value), 0);
		assert_true(value == expected);
	}
}

static void
test_buf_grows_to_its_maximum(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t max = 0; max < 300; max++) {
		struct buf b;

		unit_case("maximum %zu", max);
		if (max % 2 == 0)
			buf_init(&b, j->arena, max);
		else
			buf_init_secret(&b, j->arena, max);
		assert_string_equal(b.p, "");
		for (size_t i = 0; i < max; i++)
			buf_add_char(&b, (char)('a' + i % 26));
		assert_true(buf_ok(&b));
		assert_int_equal(b.n, max);
		assert_int_equal(strlen(b.p), max);
		for (size_t i = 0; i < max; i++)
			assert_int_equal(b.p[i], 'a' + i % 26);
		buf_add(&b, SPAN(""));
		assert_true(buf_ok(&b));
		buf_add_char(&b, '!');
		assert_false(buf_ok(&b));
	}
}

static void
test_buf_failure_sticks(void **state)
{
	struct job *j = unit_job();
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 5);
	buf_add_str(&b, "abc");
	buf_add_str(&b, "def");
	assert_false(buf_ok(&b));
	buf_add_str(&b, "x");
	assert_false(buf_ok(&b));
	assert_span_equal(buf_span(&b), "abc");
	assert_int_equal(b.p[b.n], '\0');

	buf_clear(&b);
	assert_true(buf_ok(&b));
	assert_string_equal(b.p, "");
	buf_addf(&b, "%d", 12345);
	assert_true(buf_ok(&b));
	assert_string_equal(b.p, "12345");
	buf_clear(&b);
	buf_addf(&b, "%d", 123456);
	assert_false(buf_ok(&b));
}

static void
test_buf_holds_any_octet(void **state)
{
	struct job *j = unit_job();
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 1000);
	buf_clear(&b);
	buf_add(&b, span_str(NULL));
	buf_add_mem(&b, "\0\xff", 2);
	buf_addf(&b, "%s-%03d", "x", 7);
	assert_true(buf_ok(&b));
	assert_true(span_eq(buf_span(&b), SPAN("\0\xffx-007")));
	/* A buf can be added to itself, also when that makes it grow. */
	for (int i = 0; i < 5; i++)
		buf_add(&b, buf_span(&b));
	assert_int_equal(b.n, 7 * 32);
	assert_true(span_ends(buf_span(&b), SPAN("-007\0\xffx-007")));
}

/* Room ahead is no content, and more than the maximum is not asked for. */
static void
test_buf_reserve(void **state)
{
	struct buf b;
	const char *p;

	(void)state;
	buf_init(&b, unit_job()->arena, 1000);
	buf_reserve(&b, 900);
	p = b.p;
	assert_int_equal(b.n, 0);
	for (size_t i = 0; i < 900; i++)
		buf_add_char(&b, 'x');
	assert_ptr_equal(b.p, p);
	buf_reserve(&b, 101);
	assert_true(buf_ok(&b));
	assert_ptr_equal(b.p, p);
	assert_int_equal(b.n, 900);
}

/* As text in HTML and in XML, in an element and in an attribute. */
static void
test_markup(void **state)
{
	struct arena *a = arena_new();
	struct buf b;

	(void)state;
	buf_init(&b, a, 100);
	buf_add_markup(&b, SPAN("<b a=\"x\" c='y'>&amp;\xc3\xa9\n"));
	assert_true(buf_ok(&b));
	assert_string_equal(
	    b.p, "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;\xc3\xa9\n");
	arena_free(a);
}

static void
test_span_dup(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_string_equal(span_dup(j->arena, SPAN("abc")), "abc");
	assert_string_equal(span_dup(j->arena, span_str(NULL)), "");
	assert_string_equal(
	    span_dup(j->arena, span_cut(SPAN("abc"), 1, 2)), "b");
}

/* At each place where the room ends, and beyond the maximum. */
static void
test_buf_formats(void **state)
{
	struct job *j = unit_job();

	(void)state;

	for (size_t before = 0; before <= 140; before++) {
		struct buf b;

		unit_case("%zu", before);
		buf_init(&b, j->arena, 140);
		for (size_t i = 0; i < before; i++)
			buf_add_char(&b, 'x');
		buf_addf(&b, "%s=%d", "name", 1234);
		assert_int_equal(buf_ok(&b), before + 9 <= 140);
		if (!buf_ok(&b)) {
			assert_int_equal(b.n, before);
			continue;
		}
		assert_int_equal(b.n, before + 9);
		assert_string_equal(b.p + before, "name=1234");
		buf_addf(&b, "%0200d", 1);
		assert_false(buf_ok(&b));
		assert_string_equal(b.p + before, "name=1234");
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_compare),
	cmocka_unit_test(test_caseeq),
	cmocka_unit_test(test_starts_and_ends),
	cmocka_unit_test(test_find),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_trim),
	cmocka_unit_test(test_properties),
	cmocka_unit_test(test_to_int),
	cmocka_unit_test(test_to_int_cut),
	cmocka_unit_test(test_buf_grows_to_its_maximum),
	cmocka_unit_test(test_buf_failure_sticks),
	cmocka_unit_test(test_buf_holds_any_octet),
	cmocka_unit_test(test_buf_reserve),
	cmocka_unit_test(test_buf_formats),
	cmocka_unit_test(test_markup),
	cmocka_unit_test(test_span_dup),
};

UNIT_MAIN(tests)
