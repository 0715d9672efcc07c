/* JSON as it is read; as it is written: test_json_write.c. */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/vectors.h"

static const char not_object[] = "request body is not a JSON object";
static const char limits[] = "JSON exceeds the limits of this server";
static const char character[] = "string with a forbidden character";

static int
parse(struct job *j, struct span text, const struct json **out)
{
	job_recover(j);
	return json_parse_object(j, text, "request body", out);
}

static void
assert_refused(struct span text, const char *why)
{
	struct job *j = unit_job();
	const struct json *v;

	assert_int_equal(parse(j, text, &v), -1);
	assert_job_error(j, ERR_MALFORMED, why);
}

/* AC-23: one object, RFC 8259, UTF-8 without a mark, nothing after it. */
static void
test_strict(void **state)
{
	static const struct span cases[] = {
		SPAN_INIT(""),
		SPAN_INIT(" "),
		SPAN_INIT("[]"),
		SPAN_INIT("[{}]"),
		SPAN_INIT("\"{}\""),
		SPAN_INIT("1"),
		SPAN_INIT("null"),
		SPAN_INIT("{}{}"),
		SPAN_INIT("{} x"),
		SPAN_INIT("{}\0"),
		SPAN_INIT("\0{}"),
		/* jansson would drop these */
		SPAN_INIT("{\"a\":1\0}"),
		SPAN_INIT("{\"a\":true\0}"),
		SPAN_INIT("{\"a\":[1\0,2]}"),
		SPAN_INIT("{}\v"),
		SPAN_INIT("\xef\xbb\xbf{}"),
		SPAN_INIT("{\"a\":1,}"),
		SPAN_INIT("{\"a\":[1,]}"),
		SPAN_INIT("{,}"),
		SPAN_INIT("{\"a\" 1}"),
		SPAN_INIT("{a:1}"),
		SPAN_INIT("{'a':1}"),
		SPAN_INIT("{\"a\":'b'}"),
		SPAN_INIT("{\"a\":1 \"b\":2}"),
		SPAN_INIT("{\"a\":NaN}"),
		SPAN_INIT("{\"a\":Infinity}"),
		SPAN_INIT("{\"a\":-Infinity}"),
		SPAN_INIT("{\"a\":True}"),
		SPAN_INIT("{\"a\":01}"),
		SPAN_INIT("{\"a\":+1}"),
		SPAN_INIT("{\"a\":.5}"),
		SPAN_INIT("{\"a\":1.}"),
		SPAN_INIT("{\"a\":0x1}"),
		SPAN_INIT("{\"a\":1e}"),
		SPAN_INIT("{/* no */}"),
		SPAN_INIT("{} // no"),
		SPAN_INIT("{}#"),
		SPAN_INIT("{\"a\":\"\t\"}"),
		SPAN_INIT("{\"a\":\"\n\"}"),
		SPAN_INIT("{\"a\":\"x\0y\"}"),
		SPAN_INIT("{\"a\":\"\\x41\"}"),
		SPAN_INIT("{\"a\":\"\\u12\"}"),
		SPAN_INIT("{\"a\":\"\\u12g4\"}"),
		SPAN_INIT("{\"a\":\"\xff\"}"),
		SPAN_INIT("{\"a\":\"\xc3\"}"),
		/* longer than needed; a surrogate; above U+10FFFF */
		SPAN_INIT("{\"a\":\"\xc0\xaf\"}"),
		SPAN_INIT("{\"a\":\"\xed\xa0\x80\"}"),
		SPAN_INIT("{\"a\":\"\xf4\x90\x80\x80\"}"),
		/* UTF-16 */
		SPAN_INIT("\xff\xfe{\0}\0"),
		SPAN_INIT("{\0}\0"),
		SPAN_INIT("}"),
		SPAN_INIT("]]]]]]]]]]]]]]]]]]]]"),
		SPAN_INIT("{]"),
		SPAN_INIT("{\"a\":[}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu: %.*s", i, (int)cases[i].n, cases[i].p);
		assert_refused(cases[i], not_object);
	}
}

static void
test_accepted(void **state)
{
	static const char *const cases[] = {
		"{}",
		" \t\r\n{ \t\r\n} \t\r\n",
		"{\"a\":0,\"b\":-0,\"c\":-1.5E+3,\"d\":1e-2}",
		"{\"\":\"\"}",
		"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"}",
		"{\"a\":\"\x7f\xc3\xa4\xf0\x9f\x98\x80\"}",
		"{\"a\":\"\\ud83d\\ude00\",\"b\":\"\\uD83D\\uDE00\"}",
		"{\"a\":\"\\\\ud800\",\"b\":\"\\\\u0000\"}",
		"{\"a\":\"[[[[[[[[[[[[[[[[[[[[{{{{{{{{\"}",
		"{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[\"}",
	};
	struct job *j = unit_job();
	const struct json *v;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i]);
		assert_int_equal(parse(j, span_str(cases[i]), &v), 0);
		assert_int_equal(json_type(v), JSON_T_OBJECT);
	}
}

/* AC-23, AC-24: those cases of jws_invalid that are about JSON; the others
 * have bodies that are good JSON. */
static void
test_jws_invalid(void **state)
{
	static const struct {
		const char *name, *why;
	} bad[] = {
		{ "compact-serialization", not_object },
		{ "trailing-garbage", not_object },
		{ "utf8-bom", not_object },
		{ "duplicate-member", "duplicate member payload" },
	};
	struct job *j = unit_job();
	const struct json *v;
	size_t i, refused = 0;
	json_t *c;

	(void)state;
	json_array_foreach (vectors_at("jws_invalid/cases"), i, c) {
		struct span body = span_str(vectors_str(c, "body_text"));
		const char *why = NULL;

		unit_case("%s", vectors_str(c, "name"));
		for (size_t k = 0; k < COUNT(bad); k++) {
			if (strcmp(vectors_str(c, "name"), bad[k].name) == 0)
				why = bad[k].why;
		}
		if (why == NULL) {
			assert_int_equal(parse(j, body, &v), 0);
			continue;
		}
		assert_refused(body, why);
		refused++;
	}
	assert_int_equal(refused, COUNT(bad));
}

/* AC-24: at any depth, after escapes are decoded; AC-22: the name is escaped
 * and cut. */
static void
test_duplicates(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{\"k\":1,\"k\":1}", "duplicate member k" },
		{ "{\"k\":1,\"\\u006b\":2}", "duplicate member k" },
		{ "{\"\\u006b\":1 , \"k\" : 2}", "duplicate member k" },
		{ "{\"a\":[{\"b\":{\"k\":1,\"x\":2,\"k\":3}}]}",
		    "duplicate member k" },
		{ "{\"\":1,\"\":2}", "duplicate member " },
		{ "{\"a\\\"b\":1,\"a\\u0022b\":2}",
		    "duplicate member a\\x22b" },
		{ "{\"a\\\\\":1,\"a\\\\\":2}", "duplicate member a\\x5c" },
		{ "{\"\\n\xc3\xa4\":1,\"\\n\xc3\xa4\":2}",
		    "duplicate member \\x0a\\xc3\\xa4" },
		/* the same name in two objects is none */
		{ "{\"k\":{\"k\":1},\"l\":{\"k\":1}}", NULL },
		{ "{\"k\":1,\"K\":2}", NULL },
	};
	struct job *j = unit_job();
	const struct json *v;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].text);
		if (cases[i].why == NULL)
			assert_int_equal(
			    parse(j, span_str(cases[i].text), &v), 0);
		else
			assert_refused(span_str(cases[i].text), cases[i].why);
	}
}

static void
test_long_duplicate(void **state)
{
	struct job *j = unit_job();
	const struct json *v;
	struct span text = span_str(arena_printf(
	    j->arena, "{\"%0*d\":1,\"%0*d\":2}", 5000, 0, 5000, 0));

	(void)state;
	assert_int_equal(parse(j, text, &v), -1);
	assert_int_equal(
	    strlen(j->err.text), strlen("duplicate member ") + 128 + 3);
	assert_true(span_ends(span_str(j->err.text), SPAN("000...")));
}

/* `open` n times, `inside`, `shut` n times, as member "a" of an object. */
static struct span
nested(struct job *j, const char *open, const char *inside, const char *shut,
    size_t n)
{
	struct buf b;

	buf_init(&b, j->arena, 1000000);
	buf_add_str(&b, "{\"a\":");
	for (size_t i = 0; i < n; i++)
		buf_add_str(&b, open);
	buf_add_str(&b, inside);
	for (size_t i = 0; i < n; i++)
		buf_add_str(&b, shut);
	buf_add_str(&b, "}");
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

/* AC-25: depth 16 is accepted, 17 is not, and much more does no harm. */
static void
test_depth(void **state)
{
	struct job *j = unit_job();
	const struct json *v;

	(void)state;
	assert_int_equal(parse(j, nested(j, "[", "1", "]", 15), &v), 0);
	assert_refused(nested(j, "[", "1", "]", 16), limits);
	assert_refused(nested(j, "[", "", "]", 16), limits);
	assert_refused(nested(j, "[", "", "", 400000), limits);
	assert_int_equal(parse(j, nested(j, "{\"x\":", "1", "}", 15), &v), 0);
	assert_refused(nested(j, "{\"x\":", "1", "}", 16), limits);
	/* 17 nested arrays */
	assert_refused(SPAN("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"), limits);
	/* Beside each other they are not deep. */
	assert_int_equal(parse(j, nested(j, "[[]],", "1", "", 0), &v), 0);
	assert_int_equal(parse(j,
			     SPAN("{\"a\":[[[]],[[]],[[]],[[]],[[]],[[]],[[]],"
				  "[[]],[[]],[[]],[[]],[[]],[[]],[[]],[[]]]}"),
			     &v),
	    0);
}

/* AC-25: 1000 members and elements in all. */
static void
test_count(void **state)
{
	struct job *j = unit_job();
	const struct json *v;

	(void)state;
	/* "a", the array's last, and n before it */
	for (size_t n = 997; n < 1001; n++) {
		struct buf b;
		int result;

		unit_case("%zu elements", n + 1);
		buf_init(&b, j->arena, 10000);
		buf_add_str(&b, "{\"a\":[");
		for (size_t i = 0; i < n; i++)
			buf_add_str(&b, i % 3 == 0   ? "1 , "
					: i % 3 == 1 ? "\",[,\","
						     : "[],");
		buf_add_str(&b, "null]}");
		result = parse(j, buf_span(&b), &v);
		assert_int_equal(result, n + 2 <= 1000 ? 0 : -1);
		if (result == 0)
			assert_int_equal(json_count(json_get(v, "a")), n + 1);
		else
			assert_job_error(j, ERR_MALFORMED, limits);
	}
	for (size_t n = 499; n < 502; n++) {
		struct buf b;

		unit_case("%zu arrays of one", n);
		buf_init(&b, j->arena, 10000);
		buf_add_str(&b, "{\"a\":[[1]");
		for (size_t i = 1; i < n; i++)
			buf_add_str(&b, ",[1]");
		buf_add_str(&b, "]}");
		assert_int_equal(
		    parse(j, buf_span(&b), &v), 1 + 2 * n <= 1000 ? 0 : -1);
	}
}

/* AC-25: numbers of 32 characters, also those that no type of ours holds. */
static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		enum json_type type; /* JSON_T_ABSENT: refused */
		int64_t value;
	} cases[] = {
		{ "0", JSON_T_INTEGER, 0 },
		{ "-1", JSON_T_INTEGER, -1 },
		{ "9223372036854775807", JSON_T_INTEGER, INT64_MAX },
		{ "-9223372036854775808", JSON_T_INTEGER, INT64_MIN },
		{ "9223372036854775808", JSON_T_INTEGER, INT64_MAX },
		{ "-9223372036854775809", JSON_T_INTEGER, INT64_MIN },
		{ "1234567890123456789", JSON_T_INTEGER, 1234567890123456789 },
		{ "-1234567890123456789", JSON_T_INTEGER,
		    -1234567890123456789 },
		{ "12345678901234567890123456789012", JSON_T_INTEGER,
		    INT64_MAX },
		{ "-1234567890123456789012345678901", JSON_T_INTEGER,
		    INT64_MIN },
		{ "123456789012345678901234567890123", JSON_T_ABSENT, 0 },
		/* AC-26: an integer has neither fraction nor exponent */
		{ "1.0", JSON_T_REAL, 0 },
		{ "1e0", JSON_T_REAL, 0 },
		{ "0.123456789012345678901234567890", JSON_T_REAL, 0 },
		{ "0.1234567890123456789012345678901", JSON_T_ABSENT, 0 },
		{ "-0.12345678901234567890123456789e1", JSON_T_ABSENT, 0 },
		{ "12345678901234567890123456789.01", JSON_T_REAL, 0 },
		{ "1e999", JSON_T_REAL, 0 },
		{ "-1.5E+99999999999999999999999999", JSON_T_REAL, 0 },
		{ "1e-99999999999999999999999999999", JSON_T_REAL, 0 },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span text = nested(j, "", cases[i].text, "", 0);
		const struct json *v;

		unit_case("%s", cases[i].text);
		if (cases[i].type == JSON_T_ABSENT) {
			assert_refused(text, limits);
			continue;
		}
		assert_int_equal(parse(j, text, &v), 0);
		assert_int_equal(json_type(json_get(v, "a")), cases[i].type);
		assert_true(json_integer(json_get(v, "a")) == cases[i].value);
		assert_non_null(
		    strstr(json_dup(j, v), cases[i].text)); /* AC-28 */
	}
}

/* AC-23: what is cut for jansson makes no number of what was none. */
static void
test_long_junk(void **state)
{
	static const char *const texts[] = {
		"012345678901234567890",
		"-012345678901234567890",
		"1234567890123456789x",
		"12345678901234567890-1",
		"1234567890123456789012345.",
		"1e",
		"1e+",
		"1e9e9",
		"1e9.0",
		"123456789012345678901 2",
		"--12345678901234567890",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		unit_case("%s", texts[i]);
		assert_refused(
		    nested(unit_job(), "", texts[i], "", 0), not_object);
	}
	/* AC-24: the name is found behind a number that was cut. */
	assert_refused(SPAN("{\"a\":12345678901234567890,\"b\":1,\"b\":2}"),
	    "duplicate member b");
}

/* AC-27 */
static void
test_characters(void **state)
{
	static const char *const cases[] = {
		"{\"a\":\"alice@example.com\\u0000.evil\"}",
		"{\"a\\u0000b\":1}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\udbff\\u0041\"}",
		"{\"a\":\"\\ud800x\\udc00\"}",
		"{\"a\":\"\\ud800\\ud800\\udc00\"}",
		"{\"a\":\"\\udc00\\ud800\"}",
		"{\"a\":\"\\ud800\\\\udc00\"}",
		"{\"a\":\"\\\\\\ud800\"}",
		"{\"\\ud800\":1}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i]);
		assert_refused(span_str(cases[i]), character);
	}
}

/* Every text that is cut short is refused, and nothing is read behind it. */
static void
test_cut(void **state)
{
	static const char text[] =
	    "{ \"a\\u00e4\" : [ 1, -2.5e3, true, null, {\"b\":\"\\ud83d\\ude00"
	    "\\\\\"} ], \"c\": \"\xc3\xa4\xf0\x9f\x98\x80\" }";
	struct job *j = unit_job();
	const struct json *v;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = arena_memdup(j->arena, text, n);

		unit_case("%zu octets", n);
		assert_int_equal(parse(j, span_mem(copy, n), &v), -1);
		assert_int_equal(j->err.kind, ERR_MALFORMED);
	}
	assert_int_equal(parse(j, span_str(text), &v), 0);
}

static const char sample[] =
    "{\"s\":\"a\\u00e4\",\"i\":-7,\"r\":1.50,\"t\":true,\"f\":false,"
    "\"n\":null,\"l\":[1,\"two\",[3]],\"o\":{\"x\":{}}}";

static void
test_read(void **state)
{
	struct job *j = unit_job();
	char *text = arena_strdup(j->arena, sample);
	const struct json *v, *l;

	(void)state;
	assert_int_equal(parse(j, span_str(text), &v), 0);
	/* The value does not need the text any more. */
	memset(text, 'x', strlen(text));

	assert_int_equal(json_count(v), 8);
	assert_string_equal(json_name_at(v, 0), "s");
	assert_string_equal(json_name_at(v, 7), "o");
	assert_null(json_name_at(v, 8));
	assert_span_equal(json_string(json_get(v, "s")), "a\xc3\xa4");
	assert_true(json_integer(json_get(v, "i")) == -7);
	assert_int_equal(json_type(json_get(v, "r")), JSON_T_REAL);
	assert_true(json_bool(json_get(v, "t")));
	assert_false(json_bool(json_get(v, "f")));
	assert_int_equal(json_type(json_get(v, "n")), JSON_T_NULL);
	l = json_get(v, "l");
	assert_int_equal(json_type(l), JSON_T_ARRAY);
	assert_int_equal(json_count(l), 3);
	assert_span_equal(json_string(json_at(l, 1)), "two");
	assert_true(json_integer(json_at(json_at(l, 2), 0)) == 3);
	assert_null(json_at(l, 3));
	assert_null(json_name_at(l, 0));
	assert_int_equal(
	    json_type(json_get(json_get(v, "o"), "x")), JSON_T_OBJECT);
}

/* What is not there or has another type reads as nothing. */
static void
test_read_absent(void **state)
{
	struct job *j = unit_job();
	const struct json *v;

	(void)state;
	assert_int_equal(parse(j, span_str(sample), &v), 0);
	assert_int_equal(json_type(NULL), JSON_T_ABSENT);
	assert_null(json_get(NULL, "s"));
	assert_null(json_get(json_get(v, "l"), "s"));
	/* AC-26: names are matched exactly. */
	assert_null(json_get(v, "S"));
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_count(json_get(v, "s")), 0);
	assert_int_equal(json_string(json_get(v, "i")).n, 0);
	assert_true(json_integer(json_get(v, "s")) == 0);
	assert_true(json_integer(json_get(v, "t")) == 0);
	assert_false(json_bool(json_get(v, "i")));
}

/* AC-26: a known member of the wrong type is refused; null is absent. */
static void
test_typed(void **state)
{
	struct job *j = unit_job();
	const struct json *v, *member;
	struct span s;
	int64_t i;
	bool b;

	(void)state;
	assert_int_equal(parse(j, span_str(sample), &v), 0);
	assert_int_equal(json_get_string(j, v, "s", &s), 1);
	assert_span_equal(s, "a\xc3\xa4");
	assert_int_equal(json_get_bool(j, v, "t", &b), 1);
	assert_true(b);
	assert_int_equal(json_get_integer(j, v, "i", &i), 1);
	assert_true(i == -7);
	assert_int_equal(json_get_array(j, v, "l", &member), 1);
	assert_ptr_equal(member, json_get(v, "l"));
	assert_int_equal(json_get_object(j, v, "o", &member), 1);
	assert_ptr_equal(member, json_get(v, "o"));

	assert_int_equal(json_get_string(j, v, "n", &s), 0);
	assert_int_equal(json_get_string(j, v, "absent", &s), 0);
	assert_int_equal(json_get_string(j, NULL, "s", &s), 0);
	/* AC-28: members that nobody asks for disturb nobody. */
	assert_int_equal(j->err.kind, ERR_NONE);

	assert_int_equal(json_get_string(j, v, "i", &s), -1);
	assert_job_error(j, ERR_MALFORMED, "i must be a string");
	job_recover(j);
	assert_int_equal(json_get_bool(j, v, "i", &b), -1);
	assert_job_error(j, ERR_MALFORMED, "i must be a boolean");
	job_recover(j);
	assert_int_equal(json_get_integer(j, v, "r", &i), -1);
	assert_job_error(j, ERR_MALFORMED, "r must be an integer");
	job_recover(j);
	assert_int_equal(json_get_array(j, v, "o", &member), -1);
	assert_job_error(j, ERR_MALFORMED, "o must be an array");
	job_recover(j);
	assert_int_equal(json_get_object(j, v, "l", &member), -1);
	assert_job_error(j, ERR_MALFORMED, "l must be an object");
}

static void
test_dup(void **state)
{
	static const struct {
		const char *text, *member, *copy;
	} cases[] = {
		{ "{ \"a\" : [ 1 , 2 ] }", NULL, "{\"a\":[1,2]}" },
		{ " { } ", NULL, "{}" },
		{ "{\"a\":[ ],\"b\":{ \"c\" : [ ] , \"d\":1 }}", "b",
		    "{\"c\":[],\"d\":1}" },
		/* order and spelling */
		{ "{\"z\":1.50,\"a\":-0,\"m\":1E+2}", NULL,
		    "{\"z\":1.50,\"a\":-0,\"m\":1E+2}" },
		{ "{\"a\":\"\\u0061 \\\\\\\" \\/\", \"b\" : \" x \"}", NULL,
		    "{\"a\":\"\\u0061 \\\\\\\" \\/\",\"b\":\" x \"}" },
		{ "{\"a\":\"\\\\\" , \"b\":true}", "b", "true" },
		{ "{\"a]\":[\"]\",{\"}\":\"{\"} ,3 ], \"b\":null}", "a]",
		    "[\"]\",{\"}\":\"{\"},3]" },
		{ "{\"a]\":[\"]\",{\"}\":\"{\"} ,3 ], \"b\":null}", "b",
		    "null" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct json *v;

		unit_case("%s", cases[i].text);
		assert_int_equal(parse(j, span_str(cases[i].text), &v), 0);
		if (cases[i].member != NULL)
			v = json_get(v, cases[i].member);
		assert_string_equal(json_dup(j, v), cases[i].copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_strict),
	cmocka_unit_test(test_accepted),
	cmocka_unit_test(test_jws_invalid),
	cmocka_unit_test(test_duplicates),
	cmocka_unit_test(test_long_duplicate),
	cmocka_unit_test(test_depth),
	cmocka_unit_test(test_count),
	cmocka_unit_test(test_numbers),
	cmocka_unit_test(test_long_junk),
	cmocka_unit_test(test_characters),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_read),
	cmocka_unit_test(test_read_absent),
	cmocka_unit_test(test_typed),
	cmocka_unit_test(test_dup),
};

UNIT_MAIN(tests)
