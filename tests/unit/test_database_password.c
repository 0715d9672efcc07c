/* PK-205: whether the file of a role's password holds another one by now. */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "src/database.h"

/* In the place of what was there, which is there until then. */
static void
put(const char *text)
{
	assert_int_equal(
	    file_write(unit_job(), unit_path("web"), 0400, span_str(text)), 0);
}

static struct conf
with_file(void)
{
	return (struct conf){ .database = "postgresql:user=cs_owner",
		.web.login = { .database = "postgresql:user=cs_web",
		    .password_file = unit_path("web") } };
}

static bool
is_new(const struct conf *c, struct database_password *known)
{
	return database_password_is_new(c, ROLE_WEB, known);
}

/* What is asked next time is whether it was touched since now. */
static void
expect_noted(const struct database_password *known)
{
	struct stat st;

	assert_int_equal(stat(unit_path("web"), &st), 0);
	assert_true(known->is_known);
	assert_int_equal(known->number, st.st_ino);
	assert_int_equal(known->changed_at.tv_sec, st.st_ctim.tv_sec);
	assert_int_equal(known->changed_at.tv_nsec, st.st_ctim.tv_nsec);
}

static void
test_touched(void **state)
{
	struct conf c = with_file();
	struct database_password known;
	(void)state;

	put("first\n");
	database_password_note(&c, ROLE_WEB, &known);
	expect_noted(&known);
	assert_false(is_new(&c, &known));
	assert_int_equal(chmod(unit_path("web"), 0600), 0);
	assert_false(is_new(&c, &known));
	expect_noted(&known);
	assert_int_equal(link(unit_path("web"), unit_path("backup")), 0);
	assert_false(is_new(&c, &known));
	expect_noted(&known);
	put("first\n");
	assert_false(is_new(&c, &known));
	expect_noted(&known);
	/* How its line ends is no part of it. */
	put("first");
	assert_false(is_new(&c, &known));
	expect_noted(&known);
}

static void
test_another(void **state)
{
	struct conf c = with_file();
	struct database_password known;
	(void)state;

	put("first\n");
	database_password_note(&c, ROLE_WEB, &known);
	put("second\n");
	assert_true(is_new(&c, &known));
	/* Until a role has started with it. */
	assert_true(is_new(&c, &known));
	database_password_note(&c, ROLE_WEB, &known);
	assert_false(is_new(&c, &known));
	put("first\n");
	assert_true(is_new(&c, &known));
}

/* A role that would start anew with such a file could not. */
static void
test_unreadable(void **state)
{
	struct conf c = with_file();
	struct database_password known;
	(void)state;

	put("first\n");
	database_password_note(&c, ROLE_WEB, &known);
	put("second\n");
	assert_int_equal(chmod(unit_path("web"), 0444), 0);
	assert_false(is_new(&c, &known));
	assert_int_equal(chmod(unit_path("web"), 0400), 0);
	assert_true(is_new(&c, &known));
	put("");
	assert_false(is_new(&c, &known));
	assert_int_equal(unlink(unit_path("web")), 0);
	assert_false(is_new(&c, &known));
	/* One that started without it, for as long as that went. */
	database_password_note(&c, ROLE_WEB, &known);
	assert_false(known.is_known);
	assert_false(is_new(&c, &known));
	put("second\n");
	assert_true(is_new(&c, &known));
}

static void
test_none(void **state)
{
	const struct conf c = { .database = "sqlite:/var/lib/db" };
	struct database_password known;
	(void)state;

	database_password_note(&c, ROLE_WEB, &known);
	assert_false(known.is_known);
	assert_false(is_new(&c, &known));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_touched),
	cmocka_unit_test(test_another),
	cmocka_unit_test(test_unreadable),
	cmocka_unit_test(test_none),
};

UNIT_MAIN(tests)
