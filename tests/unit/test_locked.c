/* Secrets that stay: locked, not dumped, not inherited. */
#include "config.h"

#include "lib/locked.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/count.h"
#include "tests/unit/unit.h"

/* The flags that the kernel shows for the page at `p`. */
static void
flags_of(const void *p, char *out, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long begin, end;
	bool is_here = false;
	char line[4096];

	assert_non_null(f);
	*out = '\0';
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			is_here = (uintptr_t)p >= begin && (uintptr_t)p < end;
		if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(out, size, "%.*s",
			    (int)strcspn(line + 8, "\n"), line + 8);
	}
	fclose(f);
}

static char *
page(struct job *j)
{
	void *p = NULL;

	assert_int_equal(locked_alloc(j, j->arena, 100, &p), 0);
	return p;
}

/* PK-201: locked, without a place in a core, wiped in children. */
static void
test_pages(void **state)
{
	char *p = page(unit_job());
	char flags[256];
	(void)state;

	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	memset(p, 'x', 100);
	flags_of(p, flags, sizeof flags);
	/* The sanitizers make nothing of mlock(). */
	assert_true(UNIT_IS_SANITIZED || strstr(flags, " lo") != NULL);
	assert_non_null(strstr(flags, " dd"));
	assert_non_null(strstr(flags, " wf"));
}

static void
test_child(void **state)
{
	char *p = page(unit_job());
	int status = 0;
	(void)state;

	memset(p, 'x', 100);
	pid_t pid = fork();
	if (pid == 0)
		_exit(p[0] == 0 && p[99] == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(p[99], 'x');
}

/* A kernel without one of them: the call, and its third argument where that
 * says what is done.  False: it cannot be played here. */
static bool
refuse(unsigned call, unsigned what)
{
	bool any = call == SYS_mlock;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | (any ? BPF_JGE : BPF_JEQ) | BPF_K,
		    any ? 0 : what, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct refused {
	unsigned call, what;
	const char *flags[2]; /* that it has all the same; NULL: no page */
	const char *says;
};

/* Its exit status. */
static int
live_without(struct job *j, const struct refused *r)
{
	char flags[256];
	const char *said;
	void *p = NULL;
	int result;

	if (!refuse(r->call, r->what))
		return 77;
	unit_log_begin();
	result = locked_alloc(j, j->arena, 100, &p);
	said = unit_log_end();
	if (r->flags[0] == NULL)
		return result == -1 && p == NULL &&
			       strstr(j->err.text, r->says) != NULL
			   ? 0
			   : 1;
	flags_of(p, flags, sizeof flags);
	if (result != 0 || strstr(said, r->says) == NULL)
		return 2;
	for (size_t i = 0; i < 2; i++)
		if (strstr(flags, r->flags[i]) == NULL)
			return 3;
	return 0;
}

/* PK-201: what fails costs nothing else, and is named; a child that would have
 * the secret is not borne. */
static void
test_without(void **state)
{
	static const struct refused rows[] = {
		{ SYS_madvise, MADV_DONTDUMP, { " wf", " lo" },
		    "what=MADV_DONTDUMP error=\"Invalid argument\"" },
		{ SYS_mlock, 0, { " wf", " dd" },
		    "what=mlock error=\"Invalid argument\"" },
		{ SYS_madvise, MADV_WIPEONFORK, { NULL, NULL },
		    "(MADV_WIPEONFORK: Invalid argument)" },
	};
	struct job *j = unit_job();
	(void)state;

	if (UNIT_IS_SANITIZED)
		UNIT_SKIP("the sanitizers make nothing of mlock()");
	for (size_t i = 0; i < COUNT(rows); i++) {
		int status = 0;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(live_without(j, &rows[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			UNIT_SKIP("this kernel has no seccomp");
		unit_case("row %zu", i);
		assert_int_equal(status, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pages),
	cmocka_unit_test(test_child),
	cmocka_unit_test(test_without),
};
UNIT_MAIN(tests)
