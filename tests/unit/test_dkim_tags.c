#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "mail/dkim_tags.h"

struct tag_case {
	const char *list;
	enum dkim_tags_fault fault;
	const char *expected; /* "name=value|…", white space around removed */
};

/* MA-12 */
static const struct tag_case cases[] = {
	{ "v=1", DKIM_TAGS_OK, "v=1|" },
	{ "v=1;", DKIM_TAGS_OK, "v=1|" },
	{ "v=1; ", DKIM_TAGS_OK, "v=1|" },
	{ "v=1;\r\n\t", DKIM_TAGS_OK, "v=1|" },
	{ " v = 1 ; a\t=\r\n x ", DKIM_TAGS_OK, "v=1|a=x|" },
	{ "p=", DKIM_TAGS_OK, "p=|" },
	{ "p= ;t=s", DKIM_TAGS_OK, "p=|t=s|" },
	{ "b=a=b==", DKIM_TAGS_OK, "b=a=b==|" },
	{ "h=from : to\r\n :date", DKIM_TAGS_OK, "h=from : to\r\n :date|" },
	{ "d=a;D=b", DKIM_TAGS_OK, "d=a|D=b|" },
	{ "darn=x; x_1=y", DKIM_TAGS_OK, "darn=x|x_1=y|" },
	{ "n=gr\xc3\xbc\xc3\x9f", DKIM_TAGS_OK, "n=gr\xc3\xbc\xc3\x9f|" },

	{ "", DKIM_TAGS_SYNTAX, NULL },
	{ " ", DKIM_TAGS_SYNTAX, NULL },
	{ ";", DKIM_TAGS_SYNTAX, NULL },
	{ ";v=1", DKIM_TAGS_SYNTAX, NULL },
	{ "v=1;;", DKIM_TAGS_SYNTAX, NULL },
	{ "v=1; ;", DKIM_TAGS_SYNTAX, NULL },
	{ "v=1;;a=2", DKIM_TAGS_SYNTAX, NULL },
	{ "foo;", DKIM_TAGS_SYNTAX, NULL },
	{ "foo", DKIM_TAGS_SYNTAX, NULL },
	{ "=1", DKIM_TAGS_SYNTAX, NULL },
	{ "1=1", DKIM_TAGS_SYNTAX, NULL },
	{ "_a=1", DKIM_TAGS_SYNTAX, NULL },
	{ "a-b=1", DKIM_TAGS_SYNTAX, NULL },
	{ "a b=1", DKIM_TAGS_SYNTAX, NULL },
	{ "v=1\r\n", DKIM_TAGS_SYNTAX, NULL },
	{ "v=1\r\na=2", DKIM_TAGS_SYNTAX, NULL },
	{ "v=a\rb", DKIM_TAGS_SYNTAX, NULL },
	{ "v=a\nb", DKIM_TAGS_SYNTAX, NULL },
	{ "v=a\x01", DKIM_TAGS_SYNTAX, NULL },
	{ "v=a\x7f", DKIM_TAGS_SYNTAX, NULL },
	{ "\r\nv=1", DKIM_TAGS_SYNTAX, NULL },

	{ "d=a;d=a", DKIM_TAGS_DUPLICATE, NULL },
	{ "bh=a; x=1; bh=b", DKIM_TAGS_DUPLICATE, NULL },
	{ "b=;b=", DKIM_TAGS_DUPLICATE, NULL },
};

static const char *
shown(const struct dkim_tags *t)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 4096);
	for (size_t i = 0; i < t->count; i++) {
		buf_add(&b, t->tags[i].name);
		buf_add_char(&b, '=');
		buf_add(&b, t->tags[i].value);
		buf_add_char(&b, '|');
	}
	return b.p;
}

static void
test_lists(void **state)
{
	struct dkim_tags t;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu: %s", i, cases[i].list);
		assert_int_equal(dkim_tags_parse(span_str(cases[i].list), &t),
		    cases[i].fault);
		if (cases[i].expected != NULL)
			assert_string_equal(shown(&t), cases[i].expected);
	}
}

/* MA-2: NUL is no character of a list. */
static void
test_nul(void **state)
{
	static const char lists[][8] = { "v=1\0", "v\0=1", "\0v=1", "v=1;\0" };
	struct dkim_tags t;

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		unit_case("%zu", i);
		assert_int_equal(dkim_tags_parse(span_mem(lists[i], 5), &t),
		    DKIM_TAGS_SYNTAX);
	}
}

/* MA-12: each octet means the same wherever in a value it stands. */
static void
test_octets(void **state)
{
	static const char value[] = "aaaaaaaabbbbbbbbcccc";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 1; at + 2 < sizeof(value); at++) {
			char list[] = "b=aaaaaaaabbbbbbbbcccc";
			struct dkim_tags t;
			enum dkim_tags_fault fault;

			unit_case("octet %u at %zu", c, at);
			list[2 + at] = (char)c;
			fault = dkim_tags_parse(
			    span_mem(list, strlen("b=") + strlen(value)), &t);
			if (c == ';') { /* "bbb" behind it is no tag */
				assert_int_equal(fault, DKIM_TAGS_SYNTAX);
			} else if (c == ' ' || c == '\t' ||
				   (c > ' ' && c != 0x7f)) {
				assert_int_equal(fault, DKIM_TAGS_OK);
				assert_int_equal(t.count, 1);
				assert_int_equal(
				    t.tags[0].value.n, strlen(value));
			} else {
				assert_int_equal(fault, DKIM_TAGS_SYNTAX);
			}
		}
	}
}

/* MA-12: at most 32 tags. */
static void
test_many(void **state)
{
	struct dkim_tags t;
	struct buf b;

	(void)state;
	buf_init(&b, unit_job()->arena, 4096);
	for (int i = 0; i < DKIM_TAGS_MAX; i++)
		buf_addf(&b, "t%d=%d;", i, i);
	assert_int_equal(dkim_tags_parse(buf_span(&b), &t), DKIM_TAGS_OK);
	assert_int_equal(t.count, DKIM_TAGS_MAX);
	buf_add_str(&b, "t32=32");
	assert_int_equal(dkim_tags_parse(buf_span(&b), &t), DKIM_TAGS_SYNTAX);
}

/* MA-26: what is taken out for b= is all between "=" and ";". */
static void
test_extent(void **state)
{
	const struct span list = SPAN("a=x; b = \r\n abc \t; c=d");
	const struct dkim_tag *b;
	struct dkim_tags t;

	(void)state;
	assert_int_equal(dkim_tags_parse(list, &t), DKIM_TAGS_OK);
	b = dkim_tags_get(&t, "b");
	assert_non_null(b);
	assert_span_equal(span_cut(list, b->from, b->to), " \r\n abc \t");
	assert_span_equal(b->value, "abc");
	assert_null(dkim_tags_get(&t, "B"));
}

/* Cut at each length, in memory of exactly that length: no crash, and never
 * a tag that is not there. */
static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t n = 0; n <= strlen(cases[i].list); n++) {
			char *copy = xmalloc(n + 1);
			struct dkim_tags t;

			memcpy(copy, cases[i].list, n);
			copy = xrealloc(copy, n == 0 ? 1 : n);
			(void)dkim_tags_parse(span_mem(copy, n), &t);
			assert_true(t.count <= n / 2 + 1);
			free(copy);
		}
	}
}

static void
test_colon_lists(void **state)
{
	static const struct {
		const char *list;
		const char *expected;
	} lists[] = { { "", "[]" }, { "a", "[a]" },
		{ " a : b\r\n\t:c", "[a][b][c]" }, { "a::b", "[a][][b]" },
		{ ":", "[][]" }, { "a:", "[a][]" } };

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct span rest = span_str(lists[i].list), element;
		bool more = true;
		struct buf b;

		unit_case("%s", lists[i].list);
		buf_init(&b, unit_job()->arena, 256);
		while (dkim_list_next(&rest, &more, &element)) {
			buf_add_char(&b, '[');
			buf_add(&b, element);
			buf_add_char(&b, ']');
		}
		assert_string_equal(b.p, lists[i].expected);
	}
	assert_true(dkim_list_has(SPAN("y : s"), "s"));
	assert_false(dkim_list_has(SPAN("ys"), "s"));
	assert_false(dkim_list_has(SPAN(""), "s"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_lists),
	cmocka_unit_test(test_nul),
	cmocka_unit_test(test_octets),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_extent),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_colon_lists),
};
UNIT_MAIN(tests)
