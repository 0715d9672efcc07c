/*
 * A store for each test: on SQLite in a folder of its own, and once more on
 * PostgreSQL in a schema of its own if COUNTERSIGN_TEST_PGSQL holds a conninfo
 * (tests/lab/pgsql prints one).
 *
 *	static void
 *	test_something(struct job *j)
 *	{
 *		… j->store is open and migrated, j->now is FIXTURE_NOW …
 *	}
 *	static const struct CMUnitTest tests[] = {
 *		STORE_TEST(test_something),
 *	};
 *	UNIT_MAIN(tests)
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "tests/unit/unit.h"

#include "db/store_cert.h"
#include "db/store_login.h"
#include "db/store_order.h"

#define FIXTURE_NOW 1800000000

typedef void store_test_fn(struct job *j);
struct store_case {
	store_test_fn *run;
	bool is_pgsql;
	bool is_bare; /* no schema, no open store */
};
void store_case_run(void **state);
int store_case_done(void **state);

#define STORE_CASE(fn, database, pgsql, bare)                                  \
	{                                                                      \
#fn " (" database ")", store_case_run, NULL, store_case_done,  \
		    &(struct store_case)                                       \
		{                                                              \
			fn, pgsql, bare                                        \
		}                                                              \
	}
#define STORE_TEST(fn)                                                         \
	STORE_CASE(fn, "SQLite", false, false),                                \
	    STORE_CASE(fn, "PostgreSQL", true, false)
/* The database is empty; the test opens it itself. */
#define STORE_TEST_BARE(fn)                                                    \
	STORE_CASE(fn, "SQLite", false, true),                                 \
	    STORE_CASE(fn, "PostgreSQL", true, true)
#define STORE_TEST_SQLITE(fn) STORE_CASE(fn, "SQLite", false, false)
#define STORE_TEST_PGSQL(fn) STORE_CASE(fn, "PostgreSQL", true, false)

/* The running test's database. */
const char *fixture_url(void);
const struct store_login *fixture_login(void);
const char *fixture_file(void); /* SQLite */
bool fixture_is_pgsql(void);

/* A call that succeeds, in a transaction of its own. */
#define COMMITTED(j, call)                                                     \
	do {                                                                   \
		assert_int_equal(store_begin(j), 0);                           \
		fixture_expect((j), (call), 0, __FILE__, __LINE__);            \
		assert_int_equal(store_commit(j), 0);                          \
	} while (0)
/* A call that fails so, in a transaction that is rolled back. */
#define REFUSED(j, call, expected_kind)                                        \
	do {                                                                   \
		assert_int_equal(store_begin(j), 0);                           \
		assert_int_equal((call), -1);                                  \
		assert_job_error(j, expected_kind, NULL);                      \
		job_recover(j);                                                \
		store_rollback(j);                                             \
	} while (0)
/* A call whose result is this; prints the job's error if it is not. */
#define EXPECT(j, call, result)                                                \
	fixture_expect((j), (call), (result), __FILE__, __LINE__)
void fixture_expect(
    struct job *j, int result, int expected, const char *file, int line);

/* Statements for tests: change whatever the store has no operation for. */
void fixture_sql(struct job *j, const char *text);
int64_t fixture_count(struct job *j, const char *text);

/* An incident, or a renewal, has so many notices. */
void fixture_expect_notices(struct job *j, const char *incident_id, int64_t all,
    int64_t sent, int64_t failed);

/* Does any table (SQLite: any octet of the file after a checkpoint) hold
 * these octets, as they are or in hexadecimal? */
bool fixture_database_holds(struct job *j, const void *octets, size_t n);

/* Committed objects.  Strings live in the job's arena. */
const char *fixture_account(struct job *j);
/* An order for mailbox0@example.org …, `count` of them, each with a new
 * authorization; the first mail due at once, life 24 h, order life 72 h. */
struct order *fixture_order(
    struct job *j, const char *account_id, size_t count);
/* The picture as it is now. */
struct order *fixture_reread(struct job *j, const struct order *o);
struct authz *fixture_authz(struct job *j, const struct order *o, size_t i);

/*
 * Certificates c1, c2, … of one key ("key"), committed: their mailboxes are of
 * two domains (mN@even.example, mN@sub.odd.example), their profiles of two
 * names; cN was issued N seconds from now.  Each has an order and an
 * authorization of its own.
 */
void fixture_certs(struct job *j, const char *account_id, const char *count);

/* A row that store_cert_reserve() takes: "cert", number 2a01 of CA "aabb". */
struct cert fixture_cert(
    const struct job *j, const char *order_id, const char *account_id);

/* A child process with a job and a connection of its own; what it returns is
 * its exit status.  fixture_wait: that status, or 128 + the signal. */
typedef int fixture_child_fn(struct job *j, void *ctx);
int fixture_fork(fixture_child_fn *run, void *ctx);
int fixture_wait(int pid);
/*
 * Another process in the middle of a transaction, in which `what` has given 1,
 * from fixture_other_begin() until fixture_other_end(), which lets it commit.
 */
struct fixture_other {
	int (*what)(struct job *j);
	int begun[2], go[2];
	int pid;
};
void fixture_other_begin(struct fixture_other *o, int (*what)(struct job *j));
void fixture_other_end(struct fixture_other *o);

#endif
