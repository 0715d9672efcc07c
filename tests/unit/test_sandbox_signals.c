/*
 * No role ends another one or keeps it from its work: PK-202, PK-204.
 */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/count.h"
#include "src/calls.h"
#include "src/landlock.h"
#include "tests/unit/sandbox_lab.h"
#include "tests/unit/unit.h"

static int
try_parent(struct job *j)
{
	(void)j;
	return sandbox_lab_tried(kill(getppid(), 0));
}

static int
try_tgkill(struct job *j)
{
	(void)j;
	return sandbox_lab_tried(
	    (int)syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
try_tkill(struct job *j)
{
	(void)j;
	return sandbox_lab_tried((int)syscall(SYS_tkill, getppid(), 0));
}

static int
try_pidfd(struct job *j)
{
	(void)j;
	return sandbox_lab_tried((int)syscall(SYS_pidfd_open, getppid(), 0));
}

static int
try_owner(struct job *j)
{
	(void)j;
	return sandbox_lab_tried(fcntl(100, F_SETOWN, getppid()));
}

/* The kernel looks at half of it. */
static int
try_owner_long(struct job *j)
{
	(void)j;
	return sandbox_lab_tried(
	    (int)syscall(SYS_fcntl, 100, (long)F_SETOWN | 1L << 32, getppid()));
}

static int
try_owner_ioctl(struct job *j)
{
	int pid = getppid();

	(void)j;
	return sandbox_lab_tried(ioctl(100, FIOSETOWN, &pid));
}

static int
try_limit(struct job *j)
{
	struct rlimit limit;

	(void)j;
	return sandbox_lab_tried(prlimit(getppid(), RLIMIT_CPU, NULL, &limit));
}

/* As it is now: that of the same user's processes may be set. */
static int
try_priority(struct job *j)
{
	(void)j;
	return sandbox_lab_tried(setpriority(PRIO_PROCESS, (id_t)getppid(),
	    getpriority(PRIO_PROCESS, (id_t)getppid())));
}

static int
try_affinity(struct job *j)
{
	cpu_set_t set;

	(void)j;
	return sandbox_lab_tried(
		   sched_getaffinity(getppid(), sizeof(set), &set)) ||
	       sandbox_lab_tried(
		   sched_setaffinity(getppid(), sizeof(set), &set));
}

static int
try_policy(struct job *j)
{
	struct sched_param p;

	(void)j;
	return sandbox_lab_tried(sched_getparam(getppid(), &p)) ||
	       sandbox_lab_tried(sched_setscheduler(
		   getppid(), sched_getscheduler(getppid()), &p));
}

static int
try_own(struct job *j)
{
	struct rlimit limit;

	(void)j;
	return sandbox_lab_tried((int)syscall(
		   SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), 0)) ||
	       sandbox_lab_tried(getrlimit(RLIMIT_CPU, &limit)) ||
	       sandbox_lab_tried(fcntl(100, F_SETFL, O_NONBLOCK)) ||
	       sandbox_lab_tried(fcntl(100, F_SETFD, FD_CLOEXEC));
}

/* With the filter alone: newer Landlocks refuse some of them as well. */
static enum sandbox_lab_outcome
filtered(const struct calls *calls, const struct sandbox_lab_attempt *a)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct job *j = unit_job();

		if (dup2(socket(AF_INET, SOCK_STREAM, 0), 100) < 0 ||
		    calls_limit(j, calls) < 0)
			_exit(9);
		_exit(a->try(j) == 0 ? WORKS : REFUSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) != 9);
	return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

/* PK-202, PK-204: none ends another, whose counts would begin anew, or keeps it
 * from its work.  Those that start programs end them; the signer's module is
 * its maker's. */
static void
test_no_signals(void **state)
{
	static const enum sandbox_lab_who confined[] = { ISSUER, WEB, SENDER,
		VALIDATOR, WITH_LMTP, ISSUER_POSTGRESQL, UPSTREAM_ACME,
		PERSPECTIVE, LOOKUPS, ISSUER_TOKEN };
	static const struct sandbox_lab_attempt ways[] = {
		{ .what = "kill", .try = try_parent },
		{ .what = "tgkill", .try = try_tgkill },
		{ .what = "tkill", .try = try_tkill },
		{ .what = "pidfd_open", .try = try_pidfd },
		{ .what = "F_SETOWN", .try = try_owner },
		{ .what = "F_SETOWN, 64 bits", .try = try_owner_long },
		{ .what = "FIOSETOWN", .try = try_owner_ioctl },
		{ .what = "prlimit", .try = try_limit },
		{ .what = "setpriority", .try = try_priority },
		{ .what = "sched_setaffinity", .try = try_affinity },
		{ .what = "sched_setscheduler", .try = try_policy },
	};
	static const struct sandbox_lab_attempt own = { .what = "own",
		.try = try_own };
	static const struct calls lists[] = { { .short_list = true },
		{ .sockets = true }, { .signals = true } };
	(void)state;

	if (sandbox_lab_is_unable(2))
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	for (size_t k = 0; k < COUNT(lists); k++) {
		unit_case("list %zu: own", k);
		assert_int_equal(filtered(&lists[k], &own), WORKS);
		for (size_t i = 0; i < COUNT(ways); i++) {
			unit_case("list %zu: %s", k, ways[i].what);
			assert_int_equal(filtered(&lists[k], &ways[i]),
			    lists[k].signals ? WORKS : REFUSED);
		}
	}
	for (size_t k = 0; k < COUNT(confined); k++) {
		enum role role = sandbox_lab_configure(confined[k]);
		const char *intake = sandbox_lab_intake(confined[k]);

		unit_case("%s: own", sandbox_lab_names[confined[k]]);
		assert_int_equal(sandbox_lab_try(role, intake, &own), WORKS);
		for (size_t i = 0; i < COUNT(ways); i++) {
			unit_case("%s: %s", sandbox_lab_names[confined[k]],
			    ways[i].what);
			assert_int_equal(
			    sandbox_lab_try(role, intake, &ways[i]), REFUSED);
		}
	}
}

static void
test_signals(void **state)
{
	static const struct sandbox_lab_attempt parent = { "kill", try_parent,
		{ 0 } };

	(void)state;
	if (sandbox_lab_is_unable(6))
		UNIT_SKIP("needs seccomp, Landlock 6 and no sanitizers");
	for (enum sandbox_lab_who who = ISSUER; who <= WITH_LMTP; who++)
		assert_int_equal(
		    sandbox_lab_try(sandbox_lab_configure(who), NULL, &parent),
		    REFUSED);
	assert_int_equal(sandbox_lab_try(sandbox_lab_configure(UPSTREAM_ACME),
			     NULL, &parent),
	    REFUSED);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_no_signals),
	cmocka_unit_test(test_signals),
};

int
main(void)
{
	return sandbox_lab_run(tests, COUNT(tests));
}
