/*
 * A name whose servers do not answer: the C library's resolver, which cannot be
 * interrupted, is replaced by one that waits until the test lets it go on.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/turn.h"
#include "mail/lookup.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_shut;  /* it waits */
	bool is_ended; /* whoever asked is to end */
	int calls, over;
	bool asked_here; /* the last one, by the test's own thread */
} slow = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

static pthread_t own;

/* The linker takes them in place of the library's (tests/unit/local.mk). */
int __real_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	struct addrinfo numeric = *hints;

	if ((hints->ai_flags & AI_NUMERICHOST) != 0)
		return __real_getaddrinfo(host, service, hints, out);
	pthread_mutex_lock(&slow.lock);
	slow.calls++;
	slow.asked_here = pthread_equal(pthread_self(), own) != 0;
	/* Now that it waits, the process is told to end. */
	slow.is_ended = slow.is_shut;
	while (slow.is_shut)
		pthread_cond_wait(&slow.changed, &slow.lock);
	slow.over++;
	pthread_cond_broadcast(&slow.changed);
	pthread_mutex_unlock(&slow.lock);
	numeric.ai_flags |= AI_NUMERICHOST;
	if (strcmp(host, "nowhere.test") == 0)
		return EAI_AGAIN;
	return __real_getaddrinfo("192.0.2.7", service, &numeric, out);
}

static bool
is_ending(void)
{
	bool is_ended;

	pthread_mutex_lock(&slow.lock);
	is_ended = slow.is_ended;
	pthread_mutex_unlock(&slow.lock);
	return is_ended;
}

static void
begin(bool is_shut)
{
	pthread_mutex_lock(&slow.lock);
	own = pthread_self();
	slow.is_shut = is_shut;
	slow.is_ended = false;
	slow.calls = slow.over = 0;
	pthread_mutex_unlock(&slow.lock);
}

static void
let_go(void)
{
	pthread_mutex_lock(&slow.lock);
	slow.is_shut = false;
	pthread_cond_broadcast(&slow.changed);
	while (slow.over < slow.calls)
		pthread_cond_wait(&slow.changed, &slow.lock);
	pthread_mutex_unlock(&slow.lock);
}

static struct turn
role(void)
{
	/* An expired deadline is the connection's, not the resolver's. */
	return (struct turn){ clock_mono_ms() - 1, is_ending };
}

static void
test_found(void **state)
{
	static const char *const hosts[] = { "mail.test", "192.0.2.7" };
	struct turn until[] = { role(), { clock_mono_ms(), NULL } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct addrinfo *found = NULL;
		char text[NI_MAXHOST];

		unit_case("%s, %s", hosts[i % 2], i < 2 ? "a role" : "command");
		begin(false);
		assert_int_equal(
		    lookup_host(hosts[i % 2], "25", &until[i / 2], &found), 0);
		assert_int_equal(
		    getnameinfo(found->ai_addr, found->ai_addrlen, text,
			sizeof(text), NULL, 0, NI_NUMERICHOST),
		    0);
		assert_string_equal(text, "192.0.2.7");
		freeaddrinfo(found);
		/* An address is asked of nobody; a name in a thread, where
		 * an end may come. */
		assert_int_equal(slow.calls, i % 2 == 0 ? 1 : 0);
		if (i % 2 == 0)
			assert_int_equal(slow.asked_here, i >= 2);
	}
}

static void
test_failure(void **state)
{
	struct turn until = role();
	struct addrinfo *found = NULL;

	(void)state;
	begin(false);
	assert_int_equal(
	    lookup_host("nowhere.test", "25", &until, &found), EAI_AGAIN);
	assert_null(found);
}

/* The resolver goes on after that, and nobody is hurt by its answer. */
static void
test_left_alone(void **state)
{
	struct turn until = role();
	struct addrinfo *found = NULL;
	int64_t began = clock_mono_ms();

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(true);
		assert_int_equal(
		    lookup_host(i == 0 ? "mail.test" : "nowhere.test", "25",
			&until, &found),
		    EAI_SYSTEM);
		assert_int_equal(errno, ECANCELED);
		assert_null(found);
		assert_int_equal(slow.over, 0);
		let_go();
	}
	/* A second each; the resolver would have waited for ever. */
	assert_true(clock_mono_ms() - began >= 2000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_found),
	cmocka_unit_test(test_failure),
	cmocka_unit_test(test_left_alone),
};

UNIT_MAIN(tests)
