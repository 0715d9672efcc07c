/* Rules that private mode may switch off: said, each of them (PK-25, PK-86). */
#include "config.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "lib/log.h"
#include "src/conf_check.h"
#include "src/switched_off.h"
#include "tests/unit/unit.h"

static size_t
lines_of(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		n++;
	return n;
}

static void
test_none(void **state)
{
	const struct conf conf = { .caa_enforce = true };
	(void)state;

	assert_null(switched_off_at(&conf, 0));
	log_open("test", LOG_LEVEL_WARNING);
	unit_log_begin();
	switched_off_log(&conf);
	assert_string_equal(unit_log_end(), "");
}

static void
test_each(void **state)
{
	static const struct {
		struct conf conf;
		const char *rule, *option, *value;
	} rows[] = {
		{ { .caa_enforce = false }, "PK-25", "policy.caa_enforce",
		    "no" },
		{ { .caa_enforce = true, .allow_reserved_domains = true },
		    "PK-86", "policy.allow_reserved_domains", "yes" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct switched_off *s =
		    switched_off_at(&rows[i].conf, 0);

		unit_case("%s", rows[i].rule);
		assert_non_null(s);
		assert_string_equal(s->rule, rows[i].rule);
		assert_string_equal(s->option, rows[i].option);
		assert_string_equal(s->value, rows[i].value);
		assert_null(switched_off_at(&rows[i].conf, 1));
	}
}

/* One warning for each key, which names it. */
static void
test_log(void **state)
{
	const struct conf conf = { .allow_reserved_domains = true };
	const char *text;
	(void)state;

	log_open("test", LOG_LEVEL_WARNING);
	unit_log_begin();
	switched_off_log(&conf);
	text = unit_log_end();
	assert_int_equal(lines_of(text, "\n"), 2);
	assert_int_equal(lines_of(text, "event=\"rule switched off\""), 2);
	assert_int_equal(lines_of(text, "rule=PK-25 "
					"option=policy.caa_enforce value=no "),
	    1);
	assert_int_equal(
	    lines_of(text, "rule=PK-86 "
			   "option=policy.allow_reserved_domains value=yes "),
	    1);
}

struct refused {
	const char *option;
	size_t times;
};

static void
note(void *ctx, const char *option, const char *message)
{
	struct refused *r = ctx;

	(void)message;
	r->times += strcmp(option, r->option) == 0;
}

/* What can be switched off is what public mode does not start with. */
static void
test_public(void **state)
{
	struct conf conf = { .mode = CONF_MODE_PUBLIC,
		.base_url = "",
		.allow_reserved_domains = true };
	const struct switched_off *s;
	(void)state;

	for (size_t i = 0; (s = switched_off_at(&conf, i)) != NULL; i++) {
		struct refused r = { s->option, 0 };

		unit_case("%s", s->option);
		conf_check(unit_job()->arena, &conf, note, &r);
		assert_int_equal(r.times, 1);
	}
	conf = (struct conf){
		.mode = CONF_MODE_PUBLIC, .base_url = "", .caa_enforce = true
	};
	for (size_t i = 0; i < 2; i++) {
		struct refused r = { i == 0 ? "policy.caa_enforce"
					    : "policy.allow_reserved_domains",
			0 };

		conf_check(unit_job()->arena, &conf, note, &r);
		assert_int_equal(r.times, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_none),
	cmocka_unit_test(test_each),
	cmocka_unit_test(test_log),
	cmocka_unit_test(test_public),
};

UNIT_MAIN(tests)
