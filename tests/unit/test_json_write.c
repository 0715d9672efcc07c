/* JSON as it is written: its form, and that it is read again as the same. */
#include "config.h"

#include "tests/unit/unit.h"

#include "lib/count.h"
#include "lib/json.h"
#include "lib/utf8.h"

/* AC-20 for the time. */
static void
test_write(void **state)
{
	struct job *j = unit_job();
	struct json_out o;
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 1000);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "status", "pending");
	json_member_time(&o, "expires", 1772445600);
	json_key(&o, "list");
	json_array_begin(&o);
	json_put_int(&o, INT64_MIN);
	json_put_bool(&o, true);
	json_put_null(&o);
	json_array_begin(&o);
	json_array_end(&o);
	json_object_begin(&o);
	json_object_end(&o);
	json_put_raw(&o, SPAN("{\"r\":1}"));
	json_array_end(&o);
	json_member_bool(&o, "no", false);
	json_member_int(&o, "n", 7);
	json_member_string(&o, "s", SPAN("x"));
	json_member_sha256(&o, "h", SPAN("abc"));
	json_object_end(&o);
	assert_true(buf_ok(&b));
	assert_string_equal(b.p,
	    "{\"status\":\"pending\",\"expires\":\"2026-03-02T10:00:00Z\","
	    "\"list\":[-9223372036854775808,true,null,[],{},{\"r\":1}],"
	    "\"no\":false,\"n\":7,\"s\":\"x\",\"h\":\"ba7816bf8f01cfea4141"
	    "40de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
}

static void
test_write_strings(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{ SPAN_INIT(""), "\"\"" },
		{ SPAN_INIT("a/b"), "\"a/b\"" },
		{ SPAN_INIT("\"\\"), "\"\\\"\\\\\"" },
		{ SPAN_INIT("\0\n\x1f\x7f"),
		    "\"\\u0000\\u000a\\u001f\\u007f\"" },
		{ SPAN_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		/* one U+FFFD for each octet that is not part of UTF-8 */
		{ SPAN_INIT("\xff"), "\"\xef\xbf\xbd\"" },
		{ SPAN_INIT("\xc3"), "\"\xef\xbf\xbd\"" },
		{ SPAN_INIT("\xc3x"), "\"\xef\xbf\xbdx\"" },
		{ SPAN_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ SPAN_INIT("\xe2\x82x"), "\"\xef\xbf\xbd\xef\xbf\xbdx\"" },
		{ SPAN_INIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ SPAN_INIT("\xed\xa0\x80"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_out o;
		struct buf b;

		unit_case("%zu", i);
		buf_init(&b, j->arena, 100);
		json_out_init(&o, &b);
		json_put_string(&o, cases[i].in);
		assert_string_equal(b.p, cases[i].out);
	}
}

/* What is written is read again as the same. */
static void
test_write_and_read(void **state)
{
	struct job *j = unit_job();
	const struct json *v;
	struct json_out o;
	char octets[128];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(i == 0 ? 1 : i);
	buf_init(&b, j->arena, 1000);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_string(&o, "s", span_mem(octets, sizeof(octets)));
	json_object_end(&o);
	assert_int_equal(json_parse_object(j, buf_span(&b), "text", &v), 0);
	assert_true(span_eq(
	    json_string(json_get(v, "s")), span_mem(octets, sizeof(octets))));
}

/* Wherever what is not plain stands among what is. */
static void
test_write_runs(void **state)
{
	static const struct {
		struct span in, out;
		bool is_utf8;
	} odd[] = {
		{ SPAN_INIT("\""), SPAN_INIT("\\\""), true },
		{ SPAN_INIT("\x01"), SPAN_INIT("\\u0001"), true },
		{ SPAN_INIT("\xe2\x82\xac"), SPAN_INIT("\xe2\x82\xac"), true },
		{ SPAN_INIT("\x80"), SPAN_INIT("\xef\xbf\xbd"), false },
		{ SPAN_INIT("\xc3"), SPAN_INIT("\xef\xbf\xbd"), false },
	};
	static const struct span plain = SPAN_INIT("twenty-one octets long");
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		for (size_t at = 0; at <= plain.n; at++) {
			struct span a = span_cut(plain, 0, at);
			struct span z = span_from(plain, at);
			struct json_out o;
			struct buf in, want, got;

			unit_case("%zu at %zu", i, at);
			buf_init(&in, j->arena, 100);
			buf_init(&want, j->arena, 100);
			buf_init(&got, j->arena, 100);
			buf_add(&in, a);
			buf_add(&in, odd[i].in);
			buf_add(&in, z);
			buf_add_char(&want, '"');
			buf_add(&want, a);
			buf_add(&want, odd[i].out);
			buf_add(&want, z);
			buf_add_char(&want, '"');
			json_out_init(&o, &got);
			json_put_string(&o, buf_span(&in));
			assert_string_equal(got.p, want.p);
			assert_int_equal(
			    utf8_is_valid(buf_span(&in)), odd[i].is_utf8);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_write),
	cmocka_unit_test(test_write_strings),
	cmocka_unit_test(test_write_runs),
	cmocka_unit_test(test_write_and_read),
};

UNIT_MAIN(tests)
