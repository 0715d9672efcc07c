#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"

static void
test_begin_and_reset(void **state)
{
	struct store *store = (struct store *)(void *)&(int){ 0 };
	char id[sizeof(((struct job *)0)->id)];
	struct job j;

	(void)state;
	clock_set(1000);
	job_init(&j, store, NULL);
	assert_non_null(j.arena);
	assert_ptr_equal(j.store, store);
	assert_int_equal(j.err.kind, ERR_NONE);
	assert_true(j.now == 1000);
	assert_int_equal(strlen(j.id), sizeof(j.id) - 1);
	assert_int_equal(j.wake, 0);
	assert_false(j.keep);

	memcpy(id, j.id, sizeof(id));
	job_fail(&j, ERR_BUSY, "later");
	j.wake = 1u << ROLE_SENDER;
	j.keep = true;
	clock_set(2000);
	assert_true(j.now == 1000);
	job_reset(&j);
	assert_ptr_equal(j.store, store);
	assert_int_equal(j.err.kind, ERR_NONE);
	assert_string_equal(j.err.text, "");
	assert_true(j.now == 2000);
	assert_string_not_equal(j.id, id);
	assert_int_equal(j.wake, 0);
	assert_false(j.keep);
	job_done(&j);
}

static void
test_first_failure_wins(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(job_fail(j, ERR_MALFORMED, "first %d", 1), -1);
	assert_int_equal(job_fail(j, ERR_INTERNAL, "second"), -1);
	assert_int_equal(job_fail_status(j, ERR_INTERNAL, 500, "third"), -1);
	assert_job_error(j, ERR_MALFORMED, "first 1");
	assert_int_equal(j->err.http_status, 0);

	job_recover(j);
	assert_job_error(j, ERR_NONE, "");
	assert_int_equal(job_fail_status(j, ERR_MALFORMED, 413, "big"), -1);
	assert_job_error(j, ERR_MALFORMED, "big");
	assert_int_equal(j->err.http_status, 413);
}

static void
test_context(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(job_context(j, "order %s", "x"), -1);
	assert_job_error(j, ERR_NONE, "");
	job_fail_status(j, ERR_MALFORMED, 415, "no domain");
	assert_int_equal(job_context(j, "identifier %d", 2), -1);
	assert_int_equal(job_context(j, "order %s", "x"), -1);
	assert_job_error(j, ERR_MALFORMED, "order x: identifier 2: no domain");
	assert_int_equal(j->err.http_status, 415);
	for (int i = 0; i < 100; i++)
		job_context(j, "deeper and deeper");
	assert_int_equal(strlen(j->err.text), ERR_TEXT_MAX - 1);
}

static void
note_end(void *ended)
{
	++*(int *)ended;
}

/* What was tried in vain is gone at once, the error stays; what was kept lives
 * as long as the job. */
static void
test_tries(void **state)
{
	int ended[3] = { 0 };
	struct arena *before;
	struct job j;

	(void)state;
	job_init(&j, NULL, NULL);
	before = job_try(&j);
	assert_ptr_not_equal(j.arena, before);
	arena_own(j.arena, &ended[0], note_end);
	job_fail(&j, ERR_BUSY, "later");
	job_tried(&j, before, false);
	assert_ptr_equal(j.arena, before);
	assert_int_equal(ended[0], 1);
	assert_job_error(&j, ERR_BUSY, "later");

	/* One within the other: the inner one's fate is the outer one's. */
	for (int keep = 1; keep >= 0; keep--) {
		struct arena *outer = job_try(&j);
		struct arena *inner = job_try(&j);

		arena_own(j.arena, &ended[1 + keep], note_end);
		job_tried(&j, inner, true);
		assert_int_equal(ended[1 + keep], 0);
		job_tried(&j, outer, keep);
		assert_int_equal(ended[1 + keep], !keep);
	}
	job_done(&j);
	assert_int_equal(ended[2], 1);
}

static void
test_roles(void **state)
{
	enum role role;

	(void)state;
	for (int i = 0; i < ROLE_COUNT; i++) {
		assert_int_equal(role_parse(role_name((enum role)i), &role), 1);
		assert_int_equal(role, i);
	}
	assert_string_equal(role_name(ROLE_WEB), "web");
	assert_string_equal(role_name(ROLE_ISSUER), "issuer");
	assert_int_equal(role_parse("", &role), 0);
	assert_int_equal(role_parse("Web", &role), 0);
	assert_int_equal(role_parse("webb", &role), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_begin_and_reset),
	cmocka_unit_test(test_first_failure_wins),
	cmocka_unit_test(test_context),
	cmocka_unit_test(test_tries),
	cmocka_unit_test(test_roles),
};

UNIT_MAIN(tests)
