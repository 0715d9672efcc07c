#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/rnd.h"
#include "tests/unit/unit_folder.h"

/* One test as cmocka sees it: our functions around the test's own. */
struct wrapped {
	const struct CMUnitTest *test;
	struct CMUnitTest *shown; /* its name becomes part of the TAP line */
	void *state;
};

static struct wrapped *current;
static struct job job;
static int has_job;
static char case_name[256];
static char skip_name[256];

struct job *
unit_job(void)
{
	if (!has_job) {
		job_init(&job, NULL, NULL);
		has_job = 1;
	}
	return &job;
}

/* cmocka's skip() makes a TAP line that Automake's driver counts as failed;
 * a directive in the name of a test that passes is what TAP says. */
void
unit_skip(const char *reason)
{
	snprintf(skip_name, sizeof(skip_name), "%s # SKIP %s",
	    current->test->name, reason);
	current->shown->name = skip_name;
}

void
unit_case(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(case_name, sizeof(case_name), fmt, ap);
	va_end(ap);
}

struct span
unit_file(const char *path)
{
	const size_t max = 1 << 16;
	char *text = arena_alloc(unit_job()->arena, max);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		fail_msg("%s: cannot be read", path);
	n = fread(text, 1, max, f);
	(void)fclose(f);
	assert_true(n < max);
	return span_mem(text, n);
}

struct span
unit_data(const char *name)
{
	return unit_file(
	    arena_printf(unit_job()->arena, "%s/%s", CS_TEST_DATA, name));
}

int64_t
unit_cpu_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Standard error goes to a file while a test logs. */
static struct {
	FILE *file;
	int saved;
	char text[20000];
} capture;

void
unit_log_begin(void)
{
	capture.file = tmpfile();
	assert_non_null(capture.file);
	capture.saved = dup(STDERR_FILENO);
	assert_true(capture.saved >= 0);
	assert_true(dup2(fileno(capture.file), STDERR_FILENO) >= 0);
}

const char *
unit_log_end(void)
{
	size_t n;

	assert_true(dup2(capture.saved, STDERR_FILENO) >= 0);
	close(capture.saved);
	rewind(capture.file);
	n = fread(capture.text, 1, sizeof(capture.text) - 1, capture.file);
	capture.text[n] = '\0';
	fclose(capture.file);
	return capture.text;
}

void
unit_assert_span(
    struct span got, const char *expected, const char *file, int line)
{
	if (span_eq_str(got, expected))
		return;
	print_message("# \"%.*s\" is not \"%s\"\n", (int)got.n,
	    got.p == NULL ? "" : got.p, expected);
	_fail(file, line);
}

void
unit_assert_error(const struct job *j, enum err_kind kind, const char *text,
    const char *file, int line)
{
	if (j->err.kind == kind &&
	    (text == NULL || strcmp(j->err.text, text) == 0))
		return;
	print_message("# error is %s \"%s\", not %s \"%s\"\n",
	    err_kind_name(j->err.kind), j->err.text, err_kind_name(kind),
	    text == NULL ? "(any)" : text);
	_fail(file, line);
}

static int
before(void **state)
{
	current = *state;
	case_name[0] = '\0';
	if (current->test->setup_func != NULL)
		return current->test->setup_func(&current->state);
	return 0;
}

static void
run(void **state)
{
	struct wrapped *w = *state;

	w->test->test_func(&w->state);
	case_name[0] = '\0';
}

static int
after(void **state)
{
	struct wrapped *w = *state;
	int result = 0;

	/* A case still named here is where an assertion left the test. */
	if (case_name[0] != '\0')
		print_message("# in case: %s\n", case_name);
	if (w->test->teardown_func != NULL)
		result = w->test->teardown_func(&w->state);
	if (unit_folder_end() < 0)
		result = -1;
	if (has_job) {
		job_done(&job);
		has_job = 0;
	}
	clock_set(0);
	rnd_test_seed(0);
	return result;
}

int
unit_run(const struct CMUnitTest *tests, size_t count)
{
	struct CMUnitTest *shown = calloc(count, sizeof(*shown));
	struct wrapped *wrapped = calloc(count, sizeof(*wrapped));
	int failed = 1;

	if (shown == NULL || wrapped == NULL)
		goto out;
	for (size_t i = 0; i < count; i++) {
		wrapped[i] = (struct wrapped){ &tests[i], &shown[i],
			tests[i].initial_state };
		shown[i] = (struct CMUnitTest){ tests[i].name, run, before,
			after, &wrapped[i] };
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = _cmocka_run_group_tests("unit", shown, count, NULL, NULL);
out:
	free(wrapped);
	free(shown);
	return failed == 0 ? 0 : 1;
}
