/* MA-92: an input of a fuzzer that takes more processor time than it may ends
 * the program, with a message; waiting takes none. */
#include "config.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/time_limit.h"
#include "tests/unit/unit.h"

#define MAX_USECS 50000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The linker's name for what the library wraps. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return n == 0 ? 0 : data[0];
}

static int64_t
cpu_usecs(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
burn(int64_t usecs)
{
	int64_t begun = cpu_usecs();

	while (cpu_usecs() - begun < usecs)
		;
}

/* What is made once takes as long as it likes. */
static int
quick(const uint8_t *data, size_t n)
{
	(void)data;
	if (n == 0)
		burn(2 * (int64_t)MAX_USECS);
	return 0;
}

static int
endless(const uint8_t *data, size_t n)
{
	volatile size_t turns = 1;

	(void)data;
	while (n > 0 && turns > 0)
		turns |= 1;
	return 0;
}

/* Of the wall, not of the processor. */
static int
waits(const uint8_t *data, size_t n)
{
	const struct timespec long_enough = { 0, 4 * MAX_USECS * 1000 };

	(void)data;
	for (struct timespec left = long_enough;
	     n > 0 && nanosleep(&left, &left) < 0;)
		;
	return 0;
}

/* The status of a process that runs one input of three octets, and what it
 * said. */
static int
run(time_limit_fn *one, char *said, size_t size)
{
	const struct rlimit no_core = { 0, 0 };
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &no_core);
		dup2(fds[1], STDERR_FILENO);
		time_limit.max_usecs = MAX_USECS;
		time_limit.what = "some/file";
		_exit(time_limit_call(one, (const uint8_t *)"abc", 3));
	}
	close(fds[1]);
	while ((got = read(fds[0], said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
test_too_long(void **state)
{
	char said[512];
	int status = run(endless, said, sizeof(said));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(
	    strstr(said, "an input of 3 octets, of some/file, took "));
	assert_non_null(strstr(said, "the limit is 50 ms (MA-92)"));
}

static void
test_in_time(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(run(quick, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(run(waits, said, sizeof(said)), 0);
	assert_string_equal(said, "");
}

static void
test_slowest(void **state)
{
	static const uint8_t octets[] = { 7, 8 };

	(void)state;
	time_limit.what = "a/file";
	assert_int_equal(time_limit_call(LLVMFuzzerTestOneInput, octets, 2), 7);
	assert_int_equal(time_limit.slowest_len, 2);
	assert_string_equal(time_limit.slowest_what, "a/file");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_too_long),
	cmocka_unit_test(test_in_time),
	cmocka_unit_test(test_slowest),
};

UNIT_MAIN(tests)
