/* Root becomes somebody else, for ever. */
#include "config.h"

#include "src/privilege.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* Somebody who exists everywhere and owns nothing. */
#define USER "nobody"

/* In a process of its own: what is wrong, 0 if nothing. */
static int
become(void)
{
	const struct passwd *pw = getpwnam(USER);

	if (pw == NULL || setenv("HOME", "/root", 1) < 0 ||
	    privilege_drop(unit_job(), USER) < 0)
		return 1;
	if (getuid() != pw->pw_uid || geteuid() != pw->pw_uid ||
	    getegid() != pw->pw_gid || setuid(0) == 0)
		return 2;
	/* libpq and others look there, and must be let in, or find nothing. */
	return strcmp(getenv("HOME"), pw->pw_dir) == 0 ? 0 : 3;
}

static void
test_PK_201_drop(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(become());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_PK_201_drop),
};

UNIT_MAIN(tests)
