/* Who could change the configuration file, or put another in its place. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/conf_owner.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/countersign-owner-XXXXXX";
static char path[sizeof(folder) + 10];

static int
set_up(void **state)
{
	int fd;

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	strcpy(path, folder);
	strcat(path, "/x.conf");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* What is said of a file and a folder of these modes; NULL: all is well. */
static const char *
said(mode_t file_mode, mode_t folder_mode)
{
	struct job *j = unit_job();

	job_recover(j);
	assert_int_equal(chmod(path, file_mode), 0);
	assert_int_equal(chmod(folder, folder_mode), 0);
	return conf_file_is_safe(j, path, NULL) == 0 ? NULL : j->err.text;
}

#define SAYS(text, part) assert_non_null(strstr(text, part))

static void
test_modes(void **state)
{
	(void)state;
	assert_null(said(0600, 0700));
	assert_null(said(0644, 0755));
	SAYS(said(0666, 0700), "may write /tmp/");
	SAYS(said(0646, 0700), "chmod go-w /tmp/");
	SAYS(said(0600, 0777), "may write the folder /tmp/");
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
	assert_int_equal(chown(path, 0, 12345), 0);
	assert_null(said(0640, 0700));
	SAYS(said(0660, 0700), "group or others may write /tmp/");
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

int
main(void)
{
	void *none = NULL;
	int result;

	if (set_up(&none) != 0)
		return 1;
	result = unit_run(tests, sizeof(tests) / sizeof(tests[0]));
	return tear_down(&none) != 0 ? 1 : result;
}
