/* PK-205: a role whose password is another one ends, and the next one follows;
 * how those end that do not hear it. */
#include "config.h"

#include "tests/unit/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "src/supervisor_replace.h"

static char file[] = "/tmp/cs-password-XXXXXX";
static struct conf conf = { .database = "postgresql:user=cs",
	.database_password_file = file };
static struct child child;
static struct supervisor supervisor = {
	.conf = &conf, .children = &child, .child_count = 1
};

/* What SIGHUP has a role do is no end: none of these. */
#define HUNG_UP 3

static void
hear(void)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	_exit(sigwait(&set, &number) == 0 && number == SIGTERM ? 0 : HUNG_UP);
}

static void
hear_nothing(void)
{
	for (;;)
		pause();
}

/* As somebody else has stopped it. */
static void
hear_late(void)
{
	raise(SIGSTOP);
	hear();
}

static void
put(const char *password)
{
	assert_int_equal(
	    file_write(unit_job(), file, 0400, span_str(password)), 0);
}

/* A role with the first password, where the file holds the second by now. */
static void
begin(void (*life)(void), bool is_ready)
{
	sigset_t set;

	/* Before there is somebody to hear them. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	child = (struct child){ .role = ROLE_WEB, .is_ready = is_ready };
	put("first\n");
	database_password_note(&conf, ROLE_WEB, &child.password);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0)
		life();
	put("second\n");
}

static int
ended(void)
{
	int status;

	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	return status;
}

static bool
was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void
test_in_order(void **state)
{
	int64_t before = clock_now();
	(void)state;

	begin(hear, true);
	supervisor_tell_role(&supervisor, &child);
	assert_true(child.is_replaced);
	assert_int_equal(supervisor_replaced(&child, ended()), REPLACED_DONE);
	assert_false(child.is_replaced);
	assert_in_range(child.ended_at, before, clock_now());
	/* The next one was not told anything. */
	assert_int_equal(supervisor_replaced(&child, 0), REPLACED_NOT);
}

static void
test_same_password(void **state)
{
	int status;
	(void)state;

	begin(hear, true);
	put("first\n");
	supervisor_tell_role(&supervisor, &child);
	assert_false(child.is_replaced);
	status = ended();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), HUNG_UP);
	assert_int_equal(supervisor_replaced(&child, status), REPLACED_NOT);
	assert_int_equal(child.ended_at, 0);
}

static void
test_stopped(void **state)
{
	int status;
	(void)state;

	begin(hear_late, true);
	assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
	assert_true(WIFSTOPPED(status));
	supervisor_tell_role(&supervisor, &child);
	assert_int_equal(supervisor_replaced(&child, ended()), REPLACED_DONE);
}

static void
test_deadline(void **state)
{
	int64_t end_ms;
	int status;
	(void)state;

	begin(hear_nothing, true);
	assert_true(supervisor_replace_due(&supervisor, 0) == INT64_MAX);
	supervisor_tell_role(&supervisor, &child);
	end_ms = child.end_ms;
	assert_in_range(end_ms, clock_mono_ms(), clock_mono_ms() + DRAIN_MS);
	/* Asked again it has no more time. */
	supervisor_tell_role(&supervisor, &child);
	assert_true(child.end_ms == end_ms);
	assert_true(supervisor_replace_due(&supervisor, end_ms - 1) == end_ms);
	assert_int_equal(waitpid(child.pid, &status, WNOHANG), 0);
	assert_true(
	    supervisor_replace_due(&supervisor, end_ms) == end_ms + DRAIN_MS);
	status = ended();
	assert_true(was_killed(status));
	assert_int_equal(supervisor_replaced(&child, status), REPLACED_LATE);
	/* It could be in the middle of something: that is on record. */
	assert_int_equal(child.ended_at, 0);
	assert_false(child.is_replaced);
	child.pid = 0;
	assert_true(supervisor_replace_due(&supervisor, end_ms) == INT64_MAX);
}

static void
test_not_ready(void **state)
{
	int status;
	(void)state;

	begin(hear_nothing, false);
	supervisor_tell_role(&supervisor, &child);
	status = ended();
	assert_true(was_killed(status));
	assert_int_equal(supervisor_replaced(&child, status), REPLACED_DONE);
	assert_int_equal(child.ended_at, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_in_order),
	cmocka_unit_test(test_same_password),
	cmocka_unit_test(test_stopped),
	cmocka_unit_test(test_deadline),
	cmocka_unit_test(test_not_ready),
};

int
main(void)
{
	int fd = mkstemp(file), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = unit_run(tests, COUNT(tests));
	unlink(file);
	return failed;
}
