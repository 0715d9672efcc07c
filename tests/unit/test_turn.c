/*
 * Waiting in turns, and dialing so: a stop waits neither for a server that is
 * not there nor for a relay's connection.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/turn.h"
#include "mail/dial.h"
#include "mail/submit.h"
#include "tests/unit/peer.h"

#define LONG_MS 600000

static unsigned asked, ends_after;

static bool
is_ending(void)
{
	return ++asked > ends_after;
}

static void
begin(unsigned after)
{
	asked = 0;
	ends_after = after;
}

static void
test_left(void **state)
{
	struct turn plain = { clock_mono_ms() + LONG_MS, NULL };
	struct turn t = { clock_mono_ms() + LONG_MS, is_ending };
	struct turn over = { clock_mono_ms() - 1, NULL };

	(void)state;
	assert_in_range(turn_left(&plain), LONG_MS / 2, LONG_MS);
	assert_true(turn_left(&over) < 0);
	begin(2);
	assert_int_equal(turn_left(&t), 500);
	assert_int_equal(turn_left(&t), 500);
	assert_in_range(t.deadline - clock_mono_ms(), LONG_MS / 2, LONG_MS);
	/* A second is left, and does not begin anew. */
	assert_in_range(turn_left(&t), 0, 1000);
	assert_true(t.deadline <= clock_mono_ms() + 1000);
	t.deadline -= 2000;
	assert_true(turn_left(&t) <= 0);
}

static void
test_wait(void **state)
{
	struct turn t = { clock_mono_ms() + LONG_MS, is_ending };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(1);
	assert_int_equal(turn_wait(&t, fds[0], POLLIN), 0);
	assert_true(asked > 1);
	assert_int_equal(write(fds[1], "x", 1), 1);
	begin(100);
	t.deadline = clock_mono_ms() + LONG_MS;
	assert_int_equal(turn_wait(&t, fds[0], POLLIN), 1);
	close(fds[0]);
	close(fds[1]);
}

/* The second address of the name, where it has one, is not tried then. */
static void
test_dial(void **state)
{
	struct turn until = { clock_mono_ms() + LONG_MS, is_ending };
	struct peer_deaf *deaf = peer_deaf_new();
	int64_t begun = clock_mono_ms();
	int fd = -1;

	(void)state;
	begin(2);
	assert_int_equal(dial_tcp(unit_job(), "127.0.0.1", peer_deaf_port(deaf),
			     false, &until, &fd),
	    -1);
	assert_int_equal(unit_job()->err.kind, ERR_BUSY);
	assert_in_range(clock_mono_ms() - begun, 0, LONG_MS / 2);
	job_recover(unit_job());
	peer_deaf_free(deaf);
}

/* Both ways to a relay: libesmtp's, and sessions of our own, of which one asks
 * for SMTPUTF8. */
static void
test_relay(void **state)
{
	struct peer_deaf *deaf = peer_deaf_new();
	struct submit_conf conf = { .host = "127.0.0.1",
		.port = peer_deaf_port(deaf),
		.tls = CONF_TLS_NONE,
		.timeout_ms = LONG_MS,
		.is_ending = is_ending };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int64_t begun = clock_mono_ms();
		struct submit *s = NULL;

		begin(2);
		conf.tls = i == 0 ? CONF_TLS_NONE : CONF_TLS_IMPLICIT;
		assert_int_equal(submit_new(unit_job(), &conf, &s), 0);
		assert_int_equal(submit_check(s, unit_job(), NULL), -1);
		assert_non_null(strstr(unit_job()->err.text, "timed out"));
		assert_in_range(clock_mono_ms() - begun, 0, LONG_MS / 2);
		job_recover(unit_job());
		submit_free(s);
	}
	peer_deaf_free(deaf);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_left),
	cmocka_unit_test(test_wait),
	cmocka_unit_test(test_dial),
	cmocka_unit_test(test_relay),
};

UNIT_MAIN(tests)
