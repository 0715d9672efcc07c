/* What an act has made is removed, and nothing else. */
#include "config.h"

#include <unistd.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/made.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static bool
is_there(const char *name)
{
	return access(unit_path(name), F_OK) == 0;
}

static void
create(const char *name)
{
	assert_int_equal(
	    file_create(unit_job(), unit_path(name), 0400, SPAN("x")), 0);
}

static void
make(const char *name)
{
	assert_int_equal(made_folder(unit_job(), unit_path(name), 0700), 0);
}

static void
test_undo(void **state)
{
	struct job *j = unit_job();
	(void)state;

	make("before"); /* nobody asks yet */
	create("before/file");
	made_begin(j);
	make("before");
	make("d");
	make("d/e");
	create("a");
	create("d/e/b");
	create("before/c");
	assert_int_equal(
	    file_create(j, unit_path("before/file"), 0400, SPAN("y")), -1);
	job_recover(j);
	assert_int_equal(made_folder(j, unit_path("none/d"), 0700), -1);
	job_recover(j);
	assert_null(made_undo(j));
	assert_true(is_there("before/file"));
	assert_false(is_there("before/c"));
	assert_false(is_there("a"));
	assert_false(is_there("d"));
	assert_null(made_undo(j));
}

/* What others have put there. */
static void
test_others(void **state)
{
	struct job *j = unit_job();
	(void)state;

	made_begin(j);
	make("f");
	create("f/gone");
	create("f/replaced");
	assert_int_equal(unlink(unit_path("f/gone")), 0);
	assert_int_equal(
	    file_write(j, unit_path("f/replaced"), 0400, SPAN("another")), 0);
	assert_string_equal(made_undo(j), unit_path("f"));
	assert_true(is_there("f/replaced"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_undo),
	cmocka_unit_test(test_others),
};
UNIT_MAIN(tests)
