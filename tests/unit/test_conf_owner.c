/* Who could change the configuration file, or put another in its place. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/conf_owner.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static const char *path;

/* Our file, in a folder of the test. */
static void
create(void)
{
	int fd;

	path = unit_path("x.conf");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* What is said of a file and a folder of these modes; NULL: all is well. */
static const char *
said(mode_t file_mode, mode_t folder_mode)
{
	struct job *j = unit_job();

	job_recover(j);
	assert_int_equal(chmod(path, file_mode), 0);
	assert_int_equal(chmod(unit_folder(), folder_mode), 0);
	return conf_file_is_safe(j, path, NULL) == 0 ? NULL : j->err.text;
}

static const char *
of(const char *words, const char *name)
{
	return arena_printf(unit_job()->arena, "%s %s", words, name);
}

#define SAYS(text, part) assert_non_null(strstr(text, part))

static void
test_modes(void **state)
{
	(void)state;
	create();
	assert_null(said(0600, 0700));
	assert_null(said(0644, 0755));
	SAYS(said(0666, 0700), of("may write", path));
	SAYS(said(0646, 0700), of("chmod go-w", path));
	SAYS(said(0600, 0777), of("may write the folder", unit_folder()));
	assert_null(said(0600, 01777));
	/* Our own group is nobody else. */
	assert_null(said(0660, 0770));
}

static void
test_foreign(void **state)
{
	(void)state;
	if (geteuid() != 0)
		UNIT_SKIP("needs root");
	create();
	assert_int_equal(chown(path, 0, 12345), 0);
	assert_null(said(0640, 0700));
	SAYS(said(0660, 0700), of("group or others may write", path));
	assert_int_equal(chown(path, 12345, 0), 0);
	SAYS(said(0600, 0700), "belongs to another user");
	assert_int_equal(chown(path, 0, 0), 0);
}

static void
test_not_there(void **state)
{
	struct job *j = unit_job();

	(void)state;
	job_recover(j);
	assert_int_equal(
	    conf_file_is_safe(j, "/nowhere/at-all.conf", NULL), -1);
	SAYS(j->err.text, "No such file");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_modes),
	cmocka_unit_test(test_foreign),
	cmocka_unit_test(test_not_there),
};

UNIT_MAIN(tests)
