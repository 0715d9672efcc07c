/* Which paths name one file. */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/same_file.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static void
put(const char *name, const char *text)
{
	assert_int_equal(
	    file_write(unit_job(), unit_path(name), 0600, span_str(text)), 0);
}

static void
make_files(void)
{
	assert_int_equal(mkdir(unit_path("d"), 0700), 0);
	assert_int_equal(symlink("d", unit_path("e")), 0);
	put("a", "one");
	put("same", "one");
	put("other", "two");
	assert_int_equal(symlink("a", unit_path("link")), 0);
	assert_int_equal(link(unit_path("a"), unit_path("hard")), 0);
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
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *a = unit_path(rows[i].a), *b = unit_path(rows[i].b);

		unit_case("%s and %s", rows[i].a, rows[i].b);
		assert_int_equal(file_is_same(a, b), rows[i].is_same);
		assert_int_equal(file_is_same(b, a), rows[i].is_same);
		assert_int_equal(file_is_copy(a, b), rows[i].is_copy);
		assert_int_equal(file_is_copy(b, a), rows[i].is_copy);
	}
	assert_false(file_is_same(NULL, unit_path("a")));
	assert_false(file_is_copy(unit_path("a"), NULL));
	assert_false(file_is_same(NULL, NULL));
}

static void
test_relative(void **state)
{
	(void)state;

	make_files();
	assert_int_equal(chdir(unit_folder()), 0);
	assert_true(file_is_same("a", unit_path("a")));
	assert_true(file_is_same("none", unit_path("none")));
	assert_true(file_is_same("./none", "none"));
	assert_int_equal(chdir("/"), 0);
	assert_false(file_is_same("none", unit_path("none")));
	assert_true(file_is_same("/none", "//none"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_same),
	cmocka_unit_test(test_relative),
};
UNIT_MAIN(tests)
