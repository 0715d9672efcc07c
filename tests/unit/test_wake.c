#include "config.h"

#include "tests/unit/unit.h"

#include <poll.h>
#include <unistd.h>

#include "lib/count.h"
#include "src/http_watch.h"
#include "src/wake.h"

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Where nothing was inherited nobody is woken, and no descriptor of others is
 * taken for one. */
static void
test_none(void **state)
{
	int ends[2], standard_input = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	/* A wake-up would be written there, and read from there. */
	assert_int_equal(dup2(ends[1], STDIN_FILENO), STDIN_FILENO);
	for (int i = 0; i <= ROLE_SIGNER; i++) {
		unit_case("%d", i);
		assert_int_equal(wake_fd((enum role)i), -1);
		wake_send(1u << i);
		assert_false(is_readable(ends[0]));
		wake_drain((enum role)i);
	}
	assert_int_equal(dup2(standard_input, STDIN_FILENO), STDIN_FILENO);
	close(standard_input);
	close(ends[0]);
	close(ends[1]);
}

static void
test_each(void **state)
{
	int fds[ROLE_COUNT];

	(void)state;
	assert_int_equal(wake_create(fds), 0);
	wake_adopt(fds, ROLE_SENDER);
	for (int i = 0; i < ROLE_COUNT; i++) {
		unit_case("%d", i);
		wake_send(1u << i);
		for (int k = 0; k < ROLE_COUNT; k++)
			assert_int_equal(is_readable(fds[k]), k == i);
		assert_true(is_readable(wake_fd((enum role)i)));
		wake_drain((enum role)i);
		assert_false(is_readable(wake_fd((enum role)i)));
	}
}

/* The loop that cuts connections is woken, of whatever role it is. */
static void
test_watch(void **state)
{
	static const enum role roles[] = { ROLE_WEB, ROLE_ADMIN };
	int fds[ROLE_COUNT];

	(void)state;
	assert_int_equal(wake_create(fds), 0);
	wake_adopt(fds, ROLE_SENDER);
	for (size_t i = 0; i < COUNT(roles); i++) {
		struct http_watches *ws = http_watches_new(roles[i]);
		struct http_watch *w;
		int ends[2];

		unit_case("%s", role_name(roles[i]));
		assert_int_equal(pipe(ends), 0);
		w = http_watch_start(ws, ends[0], INT64_MAX);
		for (int k = 0; k < ROLE_COUNT; k++)
			assert_int_equal(
			    is_readable(fds[k]), k == (int)roles[i]);
		wake_drain(roles[i]);
		http_watch_linger(w);
		http_watch_end(ws, w);
		for (int k = 0; k < ROLE_COUNT; k++)
			assert_int_equal(
			    is_readable(fds[k]), k == (int)roles[i]);
		wake_drain(roles[i]);
		http_watches_free(ws);
		close(ends[0]);
		close(ends[1]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_none),
	cmocka_unit_test(test_each),
	cmocka_unit_test(test_watch),
};

UNIT_MAIN(tests)
