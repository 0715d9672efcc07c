/* MA-56: the Content-Type field. */
#include "config.h"

#include "mail/mime_type.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "mail/finding.h"

static void
test_types(void **state)
{
	static const struct {
		const char *body;
		const char *shown; /* "type/subtype name=value …", or NULL */
	} cases[] = {
		{ "text/plain", "text/plain" },
		{ " Text/PLAIN ; Charset=UTF-8", "text/plain charset=UTF-8" },
		{ "text/plain;charset=\"utf-8\"; format=flowed",
		    "text/plain charset=utf-8 format=flowed" },
		{ "multipart/mixed;\r\n\tboundary=\"a b\"",
		    "multipart/mixed boundary=a b" },
		{ "a/b; x=\"q\\\"\\\\\"", "a/b x=q\"\\" },
		{ "a/b; x=\"fold\r\n ed\"", "a/b x=fold ed" },
		{ "a/b; x=\"\"", "a/b x=" },
		{ "a/b;", "a/b" },
		{ "a/b; x=1;", "a/b x=1" },
		{ "a/b; name*=utf-8''x; name*0=y",
		    "a/b name*=utf-8''x name*0=y" },
		{ "", NULL },
		{ "text", NULL },
		{ "text/", NULL },
		{ "/plain", NULL },
		{ "text /plain", NULL },
		{ "text/plain charset=x", NULL },
		{ "text/plain (comment)", NULL },
		{ "text/plain;; charset=x", NULL },
		{ "text/plain; charset", NULL },
		{ "text/plain; charset=", NULL },
		{ "text/plain; charset =x", NULL },
		{ "text/plain; charset=x y", NULL },
		{ "text/plain; charset=x; CHARSET=x", NULL },
		{ "a/b; boundary=x; boundary=y", NULL },
		{ "a/b; boundary*=x", NULL },
		{ "a/b; boundary*0=x", NULL },
		{ "a/b; charset*1*=x", NULL },
		{ "a/b; x=\"open", NULL },
		{ "a/b; x=\"open\\", NULL },
		{ "a/b; x=\"y\"z", NULL },
		{ "a/b; x=\"\x01\"", NULL },
		{ "a/b; x=\xc3\xa4", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mime_type t;
		struct finding f;
		struct buf b;
		int got = mime_type_parse(
		    unit_job(), span_str(cases[i].body), &t, &f);

		unit_case("%zu: %s", i, cases[i].body);
		if (cases[i].shown == NULL) {
			assert_int_equal(got, -1);
			assert_string_equal(f.code, "mime.parameter");
			continue;
		}
		assert_int_equal(got, 0);
		buf_init(&b, unit_job()->arena, 1000);
		buf_add(&b, t.type);
		buf_add_char(&b, '/');
		buf_add(&b, t.subtype);
		for (size_t k = 0; k < t.param_count; k++) {
			buf_add_char(&b, ' ');
			buf_add(&b, t.params[k].name);
			buf_add_char(&b, '=');
			buf_add(&b, t.params[k].value);
		}
		assert_span_equal(buf_span(&b), cases[i].shown);
	}
}

/* Each length of it: nothing is read behind its end. */
static void
test_cut(void **state)
{
	static const char *const bodies[] = {
		"a =?utf-8*de?Q?=C3=A4?= =?us-ascii?b?QUJD?=",
		"text/plain; charset=\"u\\tf\"; format=flowed; a*0=b",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		for (size_t n = 0; n < strlen(bodies[i]); n++) {
			char *copy = xmalloc(n + 1);
			struct mime_type t;
			struct finding f;

			memcpy(copy, bodies[i], n);
			if (mime_type_parse(
				unit_job(), span_mem(copy, n), &t, &f) == 0)
				assert_true(t.type.n + t.subtype.n < n);
			free(copy);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_types),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
