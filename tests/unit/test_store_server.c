/*
 * A database server that ends connections, cancels what runs, or would end it
 * by itself: what is lost is said to be worth another try, and where nothing
 * was begun the store tries it itself.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <inttypes.h>

#include "db/store.h"
#include "db/store_audit.h"
#include "db/store_private.h"
#include "lib/arena.h"

/* As an admin of the server does it, until it has ended. */
static void
end_connection(struct job *j)
{
	int64_t pid = fixture_count(j, "SELECT pg_backend_pid()");
	const char *end = arena_printf(j->arena,
	    "SELECT COUNT(*) FROM pg_stat_activity WHERE CASE pid "
	    "WHEN %" PRId64 " THEN pg_terminate_backend(pid) ELSE FALSE END",
	    pid);
	struct job other;

	job_init(&other, NULL, NULL);
	EXPECT(&other, store_open_as(&other, fixture_login(), &other.store), 0);
	while (fixture_count(&other, end) > 0)
		;
	store_close(other.store);
	job_done(&other);
}

/* AC-179: a request, or a turn of a role, does not fail for it. */
static void
test_ended_while_idle(struct job *j)
{
	COMMITTED(j, store_audit_add(j, "a", "first", "o", "ok", NULL));
	end_connection(j);
	COMMITTED(j, store_audit_add(j, "a", "second", "o", "ok", NULL));
	end_connection(j);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE object = 'o'"),
	    2);
}

/* AC-194: what was begun is gone with it, all of it, and may come again. */
static void
test_ended_in_a_transaction(struct job *j)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_audit_add(j, "a", "first", "o", "ok", NULL), 0);
	end_connection(j);
	assert_int_equal(
	    store_audit_add(j, "a", "second", "o", "ok", NULL), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	assert_int_equal(store_commit(j), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE object = 'o'"),
	    0);
	COMMITTED(j, store_audit_add(j, "a", "third", "o", "ok", NULL));
}

/* AC-194 */
static void
test_cancelled(struct job *j)
{
	int64_t n;

	assert_int_equal(
	    store_get_int(j, &n,
		"SELECT CASE WHEN pg_cancel_backend(pg_backend_pid()) "
		"THEN length(CAST(pg_sleep(3600) AS TEXT)) END",
		NO_ARGS),
	    -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	EXPECT(j, store_ping(j), 0);
}

/* PK-185: what a million certificates take must not end when a login's
 * statement_timeout says so, each time anew. */
static void
test_time_of_a_statement(struct job *j)
{
	const struct store_login login = {
		arena_printf(j->arena,
		    "%s options='-c statement_timeout=60000'",
		    fixture_login()->url),
		fixture_login()->password
	};
	struct job other;

	job_init(&other, NULL, NULL);
	EXPECT(&other, store_connect(&other, &login, false, &other.store), 0);
	assert_int_equal(
	    fixture_count(&other, "SELECT COUNT(*) FROM pg_settings WHERE "
				  "name = 'statement_timeout' AND setting = "
				  "'0' AND reset_val = '60000'"),
	    1);
	store_close(other.store);
	job_done(&other);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_PGSQL(test_ended_while_idle),
	STORE_TEST_PGSQL(test_ended_in_a_transaction),
	STORE_TEST_PGSQL(test_cancelled),
	STORE_TEST_PGSQL(test_time_of_a_statement),
};
UNIT_MAIN(tests)
