/*
 * What the commands share: output that is lost is no success.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/command.h"

/* The exit status of a process that prints `text` into a file. */
static int
status_of_printing(const char *path, const char *text, bool flush)
{
	pid_t pid = fork();
	int status, fd;

	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open("/dev/null", O_WRONLY);
		if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
			_exit(99);
		fd = open(path, O_WRONLY);
		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			_exit(99);
		fputs(text, stdout);
		if (flush)
			fflush(stdout);
		command_end_output();
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_end_output(void **state)
{
	(void)state;
	fflush(stdout);
	for (int flush = 0; flush < 2; flush++) {
		assert_int_equal(
		    status_of_printing("/dev/null", "a line\n", flush),
		    EXIT_SUCCESS);
		assert_int_equal(
		    status_of_printing("/dev/full", "a line\n", flush),
		    EXIT_FAILURE);
	}
	assert_int_equal(
	    status_of_printing("/dev/full", "", false), EXIT_SUCCESS);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_end_output),
};

UNIT_MAIN(tests)
