/*
 * What every unit test begins with: cmocka with TAP output, and a job.
 *
 *	static void
 *	test_something(void **state)
 *	{
 *		struct job *j = unit_job();
 *		…
 *	}
 *	static const struct CMUnitTest tests[] = {
 *		cmocka_unit_test(test_something),
 *	};
 *	UNIT_MAIN(tests)
 *
 * After each test the job is released, and the clock and the generator are
 * the real ones again.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/count.h"
#include "lib/job.h"

/* The running test's job: the same one until the test ends. */
struct job *unit_job(void);

/* Built with the address or the thread sanitizer: they use other memory and
 * other system calls than the product does. */
#define UNIT_IS_SANITIZED false
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef UNIT_IS_SANITIZED
#define UNIT_IS_SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef UNIT_IS_SANITIZED
#define UNIT_IS_SANITIZED true
#endif

/* Ends the test as skipped, which `make check` counts and shows. */
#define UNIT_SKIP(reason)                                                      \
	do {                                                                   \
		unit_skip(reason);                                             \
		return;                                                        \
	} while (0)
void unit_skip(const char *reason);

/*
 * For table-driven tests: names the case that the following assertions are
 * about; a failure prints it.  Forgotten at the end of the test.
 */
void unit_case(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The span holds exactly this text; the job failed so and its text is this. */
void unit_assert_span(
    struct span got, const char *expected, const char *file, int line);
#define assert_span_equal(got, expected)                                       \
	unit_assert_span(got, expected, __FILE__, __LINE__)
void unit_assert_error(const struct job *j, enum err_kind kind,
    const char *text, const char *file, int line);
/* `text` may be NULL: any. */
#define assert_job_error(j, kind, text)                                        \
	unit_assert_error(j, kind, text, __FILE__, __LINE__)

/* A file, whole, and one of tests/data (64 KiB at most); the octets live in the
 * running test's job. */
struct span unit_file(const char *path);
struct span unit_data(const char *name);

/* What this process has worked: a bound on it holds on a machine that stands
 * still for a while, too. */
int64_t unit_cpu_ms(void);

/* What is logged between the two; the text stays until the next one. */
void unit_log_begin(void);
const char *unit_log_end(void);

int unit_run(const struct CMUnitTest *tests, size_t count);

#define UNIT_MAIN(tests)                                                       \
	int main(void)                                                         \
	{                                                                      \
		return unit_run(tests, COUNT(tests));                          \
	}

#endif
