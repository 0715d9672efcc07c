/* How fast, and how often in vain, one address may ask (AC-180, AC-181). */
#include "config.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "acme/throttle.h"
#include "lib/conf.h"

#define NOW ((int64_t)1800000000000)

static const struct conf_limits limits = {
	.request_rate = 20,
	.request_burst = 100,
	.renewal_info_rate = 10,
	.failed_authentications = { { { 100, 600 } }, 1 },
};

static int64_t
ask(struct throttle *t, const char *address, int64_t now)
{
	return throttle_request(t, &limits, address, THROTTLE_REQUEST, now);
}

static void
test_rate(void **state)
{
	struct throttle *t = throttle_new();
	int served = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(t, "192.0.2.1", NOW), 0);
	assert_int_equal(ask(t, "192.0.2.1", NOW), 1);
	/* A refused one costs nothing. */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ask(t, "192.0.2.1", NOW), 1);
	/* Others are not concerned; renewal is counted for itself. */
	assert_int_equal(ask(t, "192.0.2.2", NOW), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(throttle_request(t, &limits, "192.0.2.1",
				     THROTTLE_RENEWAL_INFO, NOW),
		    0);
	assert_int_equal(throttle_request(t, &limits, "192.0.2.1",
			     THROTTLE_RENEWAL_INFO, NOW),
	    1);
	/* Twenty a second come back. */
	for (int64_t ms = 1; ms <= 5000; ms++)
		served += ask(t, "192.0.2.1", NOW + ms) == 0;
	assert_int_equal(served, 100);
	/* A clock that steps back an hour costs one empty bucket at most. */
	assert_int_equal(ask(t, "192.0.2.1", NOW - 3600000), 1);
	assert_int_equal(ask(t, "192.0.2.1", NOW - 3600000 + 6000), 0);
	throttle_free(t);
}

/* IPv6 is counted per /64 (AC-21). */
static void
test_ipv6(void **state)
{
	struct throttle *t = throttle_new();
	char address[64];
	int served = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(address, sizeof(address), "2001:db8:1:2::%d", i);
		served += ask(t, address, NOW) == 0;
	}
	assert_int_equal(served, 100);
	assert_int_equal(ask(t, "2001:db8:1:3::1", NOW), 0);
	throttle_free(t);
}

static void
test_failures(void **state)
{
	struct throttle *t = throttle_new();

	(void)state;
	for (int i = 0; i < 99; i++) {
		throttle_failure(t, &limits, "192.0.2.1", NOW);
		assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW), 0);
	}
	throttle_failure(t, &limits, "192.0.2.1", NOW);
	assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW), 600);
	assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW + 599001), 1);
	assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW + 600000), 0);
	assert_int_equal(throttle_blocked(t, "192.0.2.2", NOW), 0);
	/* A clock that steps back a day: not blocked for a day and more, and
	 * the next failure in vain blocks again. */
	assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW - 86400000), 0);
	for (int i = 0; i < 100; i++)
		throttle_failure(t, &limits, "192.0.2.1", NOW - 86400000);
	assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW - 86400000), 600);
	throttle_free(t);
}

/* However many addresses come, one that is blocked stays so. */
static void
test_crowd(void **state)
{
	struct throttle *t = throttle_new();
	char address[64];

	(void)state;
	for (int i = 0; i < 100; i++)
		throttle_failure(t, &limits, "192.0.2.1", NOW);
	for (int i = 0; i < 100000; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16,
		    i >> 8 & 255, i & 255);
		assert_int_equal(ask(t, address, NOW), 0);
	}
	assert_int_equal(throttle_blocked(t, "192.0.2.1", NOW), 600);
	throttle_free(t);
}

struct crowd {
	struct throttle *t;
	atomic_int served;
};

static void *
ask_often(void *ctx)
{
	struct crowd *c = ctx;

	for (int i = 0; i < 1000; i++)
		if (ask(c->t, "192.0.2.1", NOW) == 0)
			atomic_fetch_add(&c->served, 1);
	return NULL;
}

static void
test_threads(void **state)
{
	struct crowd c = { .t = throttle_new() };
	pthread_t threads[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, ask_often, &c), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&c.served), 100);
	throttle_free(c.t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_rate),
	cmocka_unit_test(test_ipv6),
	cmocka_unit_test(test_failures),
	cmocka_unit_test(test_crowd),
	cmocka_unit_test(test_threads),
};

UNIT_MAIN(tests)
