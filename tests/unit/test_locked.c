/* Secrets that stay: locked, not dumped, not inherited. */
#include "config.h"

#include "lib/locked.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* PK-201: locked, without a place in a core, wiped in children. */
static void
test_pages(void **state)
{
	char *p = locked_alloc(unit_job()->arena, 100);
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
	char *p = locked_alloc(unit_job()->arena, 100);
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pages),
	cmocka_unit_test(test_child),
};
UNIT_MAIN(tests)
