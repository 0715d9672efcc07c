/*
 * For how long a process waits where another one has the database's lock: the
 * clock and how SQLite is told to wait are the test's.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <dlfcn.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "db/store.h"

/* How the newest connection waits. */
static int (*waits)(void *, int);
static void *waits_ctx;

int
sqlite3_busy_handler(sqlite3 *db, int (*handler)(void *, int), void *ctx)
{
	int (*real)(sqlite3 *, int (*)(void *, int), void *);
	void *symbol = dlsym(RTLD_NEXT, "sqlite3_busy_handler");

	memcpy(&real, &symbol, sizeof(real));
	waits = handler;
	waits_ctx = ctx;
	return real(db, handler, ctx);
}

/* So much later than it is. */
static time_t later;

int
clock_gettime(clockid_t id, struct timespec *at)
{
	int result = (int)syscall(SYS_clock_gettime, id, at);

	if (result == 0 && id == CLOCK_MONOTONIC)
		at->tv_sec += later;
	return result;
}

/* Does it, when the lock was not free for so many seconds? */
static bool
waits_after(time_t seconds)
{
	assert_int_equal(waits(waits_ctx, 0), 1);
	later += seconds;
	return waits(waits_ctx, 1) == 1;
}

static bool ends;

static bool
is_ending(void)
{
	return ends;
}

/* A stalled disk: whoever has a client sends it away after a while; a role
 * waits for longer, unless it is to stop. */
static void
test_patience(struct job *j)
{
	struct job role;

	assert_true(waits_after(9));
	assert_false(waits_after(11));

	job_init(&role, NULL, NULL);
	EXPECT(&role, store_open(&role, fixture_url(), &role.store), 0);
	assert_true(waits_after(9));
	assert_false(waits_after(11));
	store_be_patient(&role, is_ending);
	assert_true(waits_after(9));
	assert_true(waits_after(110));
	assert_false(waits_after(121));
	ends = true;
	assert_true(waits_after(9));
	assert_false(waits_after(11));
	ends = false;
	assert_true(waits_after(11));
	EXPECT(&role, store_begin(&role), 0);
	EXPECT(&role, store_commit(&role), 0);
	store_close(role.store);
	job_done(&role);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_commit(j), 0);
}

/* Nothing to be waited for in this way. */
static void
test_server(struct job *j)
{
	store_be_patient(j, is_ending);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_commit(j), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_patience),
	STORE_TEST_PGSQL(test_server),
};

UNIT_MAIN(tests)
