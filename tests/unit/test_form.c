/* What browsers send: fields of forms, cookies. */
#include "config.h"

#include "tests/unit/unit.h"

#include "lib/count.h"
#include "src/form.h"

static void
test_fields(void **state)
{
	static const struct {
		const char *form;
		int found;
		const char *value;
	} cases[] = {
		{ "", 0, "" }, { "name=a", 1, "a" },
		{ "x=1&name=a&y=2", 1, "a" }, { "name=", 1, "" },
		{ "name", 1, "" }, { "x=name=a", 0, "" },
		{ "xname=a&name2=b&nam=c", 0, "" },
		{ "name=a+b%20c%2B%3d=&", 1, "a b c+==" },
		{ "n%61me=a", 1, "a" }, { "name=%c3%A4", 1, "\xc3\xa4" },
		{ "name=a&name=a", -1, NULL }, { "name=%", -1, NULL },
		{ "name=%4", -1, NULL }, { "name=%4&x=1", -1, NULL },
		{ "name=%zz", -1, NULL }, { "name=a%00b", -1, NULL },
		{ "%zz=1&name=a", 1, "a" },
		{ "name=0123456789", -1, NULL }, /* does not fit */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b;

		unit_case("%s", cases[i].form);
		buf_init(&b, unit_job()->arena, 9);
		assert_int_equal(
		    form_field(span_str(cases[i].form), "name", &b),
		    cases[i].found);
		if (cases[i].value != NULL)
			assert_span_equal(buf_span(&b), cases[i].value);
	}
}

/* An escape may be cut off anywhere. */
static void
test_cut(void **state)
{
	static const char form[] = "x=%41&name=%61%62&y";
	struct buf b;

	(void)state;
	for (size_t n = 0; n < sizeof(form); n++) {
		unit_case("%zu", n);
		buf_init(&b, unit_job()->arena, 9);
		if (form_field(span_mem(form, n), "name", &b) == 1)
			assert_true(b.n <= 2);
	}
}

static void
test_cookies(void **state)
{
	static const struct {
		const char *header;
		int found;
		const char *value;
	} cases[] = {
		{ "", 0, "" },
		{ "name=a", 1, "a" },
		{ "x=1; name=a=b ;y=2", 1, "a=b" },
		{ "name=", 1, "" },
		{ "name; xname=a; Name=b", 0, "" },
		{ "name=a; name=b", -1, NULL },
		{ ";;=;", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span value;

		unit_case("%s", cases[i].header);
		assert_int_equal(
		    form_cookie(span_str(cases[i].header), "name", &value),
		    cases[i].found);
		if (cases[i].value != NULL)
			assert_span_equal(value, cases[i].value);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fields),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_cookies),
};

UNIT_MAIN(tests)
