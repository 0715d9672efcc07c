/* What somebody may have meant to write. */
#include "config.h"

#include "lib/typo.h"

#include "lib/count.h"
#include "tests/unit/unit.h"

static void
test_nearest(void **state)
{
	static const char long_name[] =
	    "01234567890123456789012345678901234567890123456789012345678901"
	    "23";
	static const char *const names[] = { "order", "orders", "stop",
		"status", long_name };
	static const struct {
		const char *word, *near;
	} cases[] = {
		{ "orders", "orders" }, { "ordres", "orders" },
		{ "oder", "order" }, { "order", "order" }, { "stpo", "stop" },
		{ "sto", "stop" }, { "statuses", "status" }, { "cert", NULL },
		{ "x", NULL }, { "", NULL },
		{ long_name, NULL }, /* too long to be looked at */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct typo t = typo_of(cases[i].word);
		const char *near = NULL;

		unit_case("%s", cases[i].word);
		for (size_t k = 0; k < COUNT(names); k++)
			if (typo_is_nearer(&t, names[k]))
				near = names[k];
		if (cases[i].near == NULL)
			assert_null(near);
		else
			assert_string_equal(near, cases[i].near);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_nearest),
};

UNIT_MAIN(tests)
