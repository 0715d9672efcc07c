/* Which paths name one file. */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/same_file.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/cs-same-XXXXXX";

static const char *
in(const char *name)
{
	return arena_printf(unit_job()->arena, "%s/%s", folder, name);
}

static void
put(const char *name, const char *text)
{
	assert_int_equal(
	    file_write(unit_job(), in(name), 0600, span_str(text)), 0);
}

static void
make_files(void)
{
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mkdir(in("d"), 0700), 0);
	assert_int_equal(symlink("d", in("e")), 0);
	put("a", "one");
	put("same", "one");
	put("other", "two");
	assert_int_equal(symlink("a", in("link")), 0);
	assert_int_equal(link(in("a"), in("hard")), 0);
}

static void
test_same(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same, is_copy;
	} rows[] = {
		{ "a", "a", true, true },
		{ "a", "link", true, true },
		{ "hard", "link", true, true },
		{ "d/../a", "a", true, true },
		{ "a", "same", false, true },
		{ "a", "other", false, false },
		{ "d", "e", true, true },
		{ "d", "e/", true, true },
		/* not there */
		{ "none", "none", true, true },
		{ "none", "d/../none", true, true },
		{ "d/none", "e/none", true, true },
		{ "d/none/", "e/none", true, true },
		{ "d/none", "none", false, false },
		{ "none", "nothing", false, false },
		{ "a", "none", false, false },
		{ "no/where", "no/one", false, false },
		{ "no/where", "d/../no/where", false, false },
	};
	(void)state;

	make_files();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *a = in(rows[i].a), *b = in(rows[i].b);

		unit_case("%s and %s", rows[i].a, rows[i].b);
		assert_int_equal(file_is_same(a, b), rows[i].is_same);
		assert_int_equal(file_is_same(b, a), rows[i].is_same);
		assert_int_equal(file_is_copy(a, b), rows[i].is_copy);
		assert_int_equal(file_is_copy(b, a), rows[i].is_copy);
	}
	assert_false(file_is_same(NULL, in("a")));
	assert_false(file_is_copy(in("a"), NULL));
	assert_false(file_is_same(NULL, NULL));
}

static void
test_relative(void **state)
{
	(void)state;

	assert_int_equal(chdir(folder), 0);
	assert_true(file_is_same("a", in("a")));
	assert_true(file_is_same("none", in("none")));
	assert_true(file_is_same("./none", "none"));
	assert_int_equal(chdir("/"), 0);
	assert_false(file_is_same("none", in("none")));
	assert_true(file_is_same("/none", "//none"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_same),
	cmocka_unit_test(test_relative),
};
UNIT_MAIN(tests)
