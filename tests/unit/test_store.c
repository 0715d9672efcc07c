/* The store as such: transactions, errors, trouble with the database. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "db/store_account.h"
#include "db/store_private.h"
#include "lib/count.h"

/* A test that is sent away because of a lock does not wait for it. */
static bool never_wait;

int
sqlite3_busy_handler(sqlite3 *db, int (*handler)(void *, int), void *ctx)
{
	int (*real)(sqlite3 *, int (*)(void *, int), void *);
	void *symbol = dlsym(RTLD_NEXT, "sqlite3_busy_handler");

	memcpy(&real, &symbol, sizeof(real));
	return real(db, never_wait ? NULL : handler, ctx);
}

/* --- transactions -------------------------------------------------------- */

static struct account
account(const char *name)
{
	return (struct account){ .id = name,
		.thumbprint = name,
		.jwk = "{}",
		.contact = "[]",
		.created_at = 1 };
}

static int
add(struct job *j, const char *name)
{
	struct account a = account(name);

	return store_account_create(j, &a);
}

static bool
there(struct job *j, const char *name)
{
	struct account a;

	return store_account_by_id(j, name, &a) == 1;
}

static void
test_savepoints_nest(struct job *j)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, add(j, "outer"), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, add(j, "kept"), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, add(j, "undone"), 0);
	EXPECT(j, store_savepoint_undo(j), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, add(j, "kept-too"), 0);
	EXPECT(j, store_savepoint_keep(j), 0);
	EXPECT(j, store_savepoint_keep(j), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, add(j, "undone-too"), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, add(j, "inside"), 0);
	EXPECT(j, store_savepoint_keep(j), 0);
	EXPECT(j, store_savepoint_undo(j), 0);
	EXPECT(j, store_commit(j), 0);
	assert_true(there(j, "outer"));
	assert_true(there(j, "kept"));
	assert_true(there(j, "kept-too"));
	assert_false(there(j, "undone"));
	assert_false(there(j, "undone-too"));
	assert_false(there(j, "inside"));
}

/* One request of a group commit fails in the database itself: the others'
 * work stays. */
static void
test_savepoint_after_failure(struct job *j)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, add(j, "first"), 0);
	EXPECT(j, store_savepoint(j), 0);
	assert_int_equal(
	    store_change(
		j, NULL, "INSERT INTO account (id) VALUES ('broken')", NO_ARGS),
	    -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);
	EXPECT(j, store_savepoint_undo(j), 0);
	EXPECT(j, store_savepoint(j), 0);
	EXPECT(j, add(j, "second"), 0);
	EXPECT(j, store_savepoint_keep(j), 0);
	EXPECT(j, store_commit(j), 0);
	assert_true(there(j, "first"));
	assert_true(there(j, "second"));
}

/* After a failure without a savepoint a commit must not pretend: PostgreSQL
 * answers COMMIT with ROLLBACK then. */
static void
test_commit_after_failure(struct job *j)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, add(j, "first"), 0);
	assert_int_equal(
	    store_change(
		j, NULL, "INSERT INTO account (id) VALUES ('broken')", NO_ARGS),
	    -1);
	job_recover(j);
	if (fixture_is_pgsql()) {
		assert_int_equal(store_commit(j), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		job_recover(j);
		assert_false(there(j, "first"));
	} else {
		store_rollback(j);
	}
	COMMITTED(j, add(j, "first"));
}

static void
test_rollback(struct job *j)
{
	store_rollback(j);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, add(j, "gone"), 0);
	EXPECT(j, store_savepoint(j), 0);
	store_rollback(j);
	store_rollback(j);
	assert_false(there(j, "gone"));
	COMMITTED(j, add(j, "gone"));
	assert_true(there(j, "gone"));
	j->store = NULL;
	store_rollback(j);
}

static void
note_commit(void *ctx, bool after)
{
	struct job *j = ctx;
	struct job other;

	/* What another connection sees then. */
	job_init(&other, NULL, NULL);
	EXPECT(&other, store_open(&other, fixture_url(), &other.store), 0);
	assert_int_equal(there(&other, "new"), after);
	store_close(other.store);
	job_done(&other);
	j->wake += after ? 16 : 1;
}

static void
test_commit_hook(struct job *j)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, add(j, "new"), 0);
	j->wake = 0;
	store_set_commit_hook(note_commit, j);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(j->wake, 17);
	store_set_commit_hook(NULL, NULL);
	EXPECT(j, store_ping(j), 0);
	assert_int_equal(j->wake, 17);
}

/* Another connection sees that something was committed; and of its own commits
 * nothing. */
static void
test_others_wrote(struct job *j)
{
	struct store *own = j->store, *other;
	int64_t seen = -1;

	EXPECT(j, store_open_as(j, fixture_login(), &other), 0);
	j->store = other;
	EXPECT(j, store_others_wrote(j, &seen), 0);
	EXPECT(j, store_ping(j), 0);
	EXPECT(j, store_others_wrote(j, &seen), 0);
	j->store = own;
	EXPECT(j, store_ping(j), 0);
	j->store = other;
	EXPECT(j, store_others_wrote(j, &seen), !fixture_is_pgsql());
	EXPECT(j, store_others_wrote(j, &seen), 0);
	store_close(other);
	j->store = own;
}

static int
write_outside(struct job *j, void *ctx)
{
	(void)ctx;
	fclose(stderr);
	return add(j, "never");
}

static int
begin_twice(struct job *j, void *ctx)
{
	(void)ctx;
	fclose(stderr);
	store_begin(j);
	return store_begin(j);
}

static void
test_misuse_ends_the_process(struct job *j)
{
	assert_int_equal(
	    fixture_wait(fixture_fork(write_outside, NULL)), 128 + SIGABRT);
	assert_int_equal(
	    fixture_wait(fixture_fork(begin_twice, NULL)), 128 + SIGABRT);
	assert_false(there(j, "never"));
}

/* --- what comes from outside --------------------------------------------- */

static void
test_text_that_is_not_utf8(struct job *j)
{
	static const struct {
		const char *given, *stored;
	} cases[] = {
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "latin \xfc", "latin \xef\xbf\xbd" },
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80!", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!" },
		{ "\xf4\x90\x80\x80",
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct account a =
		    account(arena_printf(j->arena, "account %zu", i));
		struct account back;

		unit_case("%zu", i);
		a.client_address = cases[i].given;
		COMMITTED(j, store_account_create(j, &a));
		EXPECT(j, store_account_by_id(j, a.id, &back), 1);
		assert_string_equal(back.client_address, cases[i].stored);
		/* As a key it finds nothing and breaks nothing. */
		if (strcmp(cases[i].given, cases[i].stored) != 0)
			EXPECT(j, store_account_by_id(j, cases[i].given, &back),
			    0);
	}
}

/* --- accounts ------------------------------------------------------------ */

/* AC-65, AC-67 */
static void
test_account(struct job *j)
{
	struct account a = { .id = "id",
		.thumbprint = "print",
		.jwk = "{\"kty\":\"EC\"}",
		.contact = "[\"mailto:a@example.org\"]",
		.client_address = "192.0.2.1",
		.created_at = 5,
		.tos_agreed_at = 6,
		.tos_url = "https://ca.example/terms",
		.tos_sha256 = "cafe" };
	struct account b;

	EXPECT(j, store_account_by_id(j, "id", &b), 0);
	EXPECT(j, store_account_by_thumbprint(j, "print", &b), 0);
	COMMITTED(j, store_account_create(j, &a));
	EXPECT(j, store_account_by_id(j, "id", &b), 1);
	assert_string_equal(b.thumbprint, a.thumbprint);
	assert_string_equal(b.jwk, a.jwk);
	assert_string_equal(b.contact, a.contact);
	assert_string_equal(b.client_address, a.client_address);
	assert_string_equal(b.tos_url, a.tos_url);
	assert_string_equal(b.tos_sha256, "cafe");
	assert_int_equal(b.created_at, 5);
	assert_int_equal(b.tos_agreed_at, 6);
	assert_int_equal(b.deactivated_at, 0);
	assert_int_equal(b.revoked_at, 0);

	/* the key is taken; the transaction goes on and finds by whom */
	a.id = "other";
	EXPECT(j, store_begin(j), 0);
	assert_int_equal(store_account_create(j, &a), -1);
	assert_job_error(j, ERR_CONFLICT, NULL);
	job_recover(j);
	EXPECT(j, store_account_by_thumbprint(j, "print", &b), 1);
	assert_string_equal(b.id, "id");
	EXPECT(j, store_commit(j), 0);
	assert_false(there(j, "other"));
}

static void
test_account_contact(struct job *j)
{
	struct account a = account("id");
	struct account b;

	COMMITTED(j, store_account_create(j, &a));
	COMMITTED(j, store_account_set_contact(j, "id", "[]"));
	EXPECT(j, store_account_by_id(j, "id", &b), 1);
	assert_string_equal(b.contact, "[]");
	assert_null(b.client_address);
	assert_null(b.tos_url);
	REFUSED(j, store_account_set_contact(j, "nobody", "[]"), ERR_CONFLICT);
	fixture_sql(j, "UPDATE account SET deactivated_at = 7");
	REFUSED(j, store_account_set_contact(j, "id", "[1]"), ERR_CONFLICT);
}

static int
create_same(struct job *j, void *ctx)
{
	struct account a = account(arena_printf(j->arena, "a%d", getpid()));
	int result;

	(void)ctx;
	a.thumbprint = "one key";
	if (store_begin(j) != 0)
		return 9;
	result = store_account_create(j, &a);
	if (result != 0 && j->err.kind != ERR_CONFLICT)
		return 8;
	if (store_commit(j) != 0)
		return 7;
	/* The loser finds the winner's (AC-67). */
	if (store_account_by_thumbprint(j, "one key", &a) != 1)
		return 6;
	return result == 0 ? 1 : 0;
}

/* AC-67: parallel newAccount with one key: one is created. */
static void
test_account_race(struct job *j)
{
	int pids[8], created = 0;

	for (size_t i = 0; i < 8; i++)
		pids[i] = fixture_fork(create_same, NULL);
	for (size_t i = 0; i < 8; i++) {
		int status = fixture_wait(pids[i]);

		assert_in_range(status, 0, 1);
		created += status;
	}
	assert_int_equal(created, 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM account"), 1);
}

/* --- trouble ------------------------------------------------------------- */

static void
test_sqlite_busy(struct job *j)
{
	struct job other;

	job_init(&other, NULL, NULL);
	never_wait = true;
	EXPECT(&other, store_open(&other, fixture_url(), &other.store), 0);
	never_wait = false;
	EXPECT(j, store_begin(j), 0);
	assert_int_equal(store_begin(&other), -1);
	assert_job_error(&other, ERR_BUSY, NULL);
	assert_non_null(
	    strstr(other.err.text, "/db: database is locked: its disk stalls"));
	job_recover(&other);
	EXPECT(j, store_commit(j), 0);
	EXPECT(&other, store_begin(&other), 0);
	EXPECT(&other, store_commit(&other), 0);
	store_close(other.store);
	job_done(&other);
}

/* Whoever reads it in the log knows what to do; and it passes. */
static void
test_sqlite_full(struct job *j)
{
	char name[32];
	int i = 0, result;

	/* As many as there are, and no more. */
	assert_true(fixture_count(j, "PRAGMA max_page_count = 1") > 1);
	EXPECT(j, store_begin(j), 0);
	do {
		snprintf(name, sizeof(name), "full%d", i);
		result = add(j, name);
	} while (result == 0 && ++i < 10000);
	assert_int_equal(result, -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	assert_non_null(strstr(j->err.text,
	    "database: database or disk is full: make room on the file system "
	    "of /"));
	store_rollback(j);
	job_recover(j);
	assert_true(fixture_count(j, "PRAGMA max_page_count = 1000000") > 1);
	COMMITTED(j, add(j, "room"));
	assert_true(there(j, "room"));
}

/* Held for longer than the pauses between two looks grow. */
static int
hold_lock(struct job *j, void *ctx)
{
	const struct timespec held = { 0, 300 * 1000000L };
	const int *out = ctx;

	if (store_begin(j) != 0 || add(j, "holder") != 0 ||
	    write(*out, "x", 1) != 1)
		return 9;
	nanosleep(&held, NULL);
	return store_commit(j) == 0 ? 0 : 8;
}

/* Who finds the lock taken gets it when the other one ends. */
static void
test_sqlite_wait(struct job *j)
{
	int fds[2], pid;
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid = fixture_fork(hold_lock, &fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	COMMITTED(j, add(j, "waiter"));
	assert_int_equal(fixture_wait(pid), 0);
	assert_true(there(j, "holder"));
	assert_true(there(j, "waiter"));
	close(fds[0]);
	close(fds[1]);
}

static void
test_pgsql_connection_lost(struct job *j)
{
	static const char suicide[] =
	    "SELECT pg_terminate_backend(pg_backend_pid())";

	/* in a transaction: it is lost, the next one works */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, add(j, "lost"), 0);
	assert_int_equal(
	    j->store->driver->script(j, j->store->sql, suicide), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	assert_int_equal(add(j, "lost"), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	assert_int_equal(store_commit(j), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	COMMITTED(j, add(j, "found"));
	assert_false(there(j, "lost"));
	assert_true(there(j, "found"));

	/* outside of one: the next read connects again */
	assert_int_equal(
	    j->store->driver->script(j, j->store->sql, suicide), -1);
	job_recover(j);
	assert_true(there(j, "found"));
	COMMITTED(j, add(j, "more"));
}

struct meeting {
	int to_child[2], to_parent[2];
};

static int
lock_rows(struct job *j, const char *first, const char *second, int out, int in)
{
	char byte = 'x';
	int result;

	if (store_begin(j) != 0 ||
	    store_account_set_contact(j, first, "[]") != 0)
		return 9;
	if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
		return 8;
	result = store_account_set_contact(j, second, "[]");
	if (result == 0)
		return store_commit(j) == 0 ? 0 : 7;
	result = j->err.kind == ERR_BUSY ? 1 : 6;
	store_rollback(j);
	return result;
}

static int
lock_from_behind(struct job *j, void *ctx)
{
	struct meeting *m = ctx;

	return lock_rows(j, "b", "a", m->to_parent[1], m->to_child[0]);
}

static void
test_pgsql_deadlock(struct job *j)
{
	struct meeting m;
	int pid, mine, childs;

	COMMITTED(j, add(j, "a"));
	COMMITTED(j, add(j, "b"));
	assert_int_equal(pipe(m.to_child), 0);
	assert_int_equal(pipe(m.to_parent), 0);
	pid = fixture_fork(lock_from_behind, &m);
	mine = lock_rows(j, "a", "b", m.to_child[1], m.to_parent[0]);
	childs = fixture_wait(pid);
	/* One is sent away as busy, the other one's work is done. */
	assert_int_equal(mine + childs, 1);
	assert_true(mine == 0 || childs == 0);
	job_recover(j);
	COMMITTED(j, store_account_set_contact(j, "a", "[]"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_savepoints_nest),
	STORE_TEST(test_savepoint_after_failure),
	STORE_TEST(test_commit_after_failure),
	STORE_TEST(test_rollback),
	STORE_TEST(test_commit_hook),
	STORE_TEST(test_others_wrote),
	STORE_TEST(test_misuse_ends_the_process),
	STORE_TEST(test_text_that_is_not_utf8),
	STORE_TEST(test_account),
	STORE_TEST(test_account_contact),
	STORE_TEST(test_account_race),
	STORE_TEST_SQLITE(test_sqlite_busy),
	STORE_TEST_SQLITE(test_sqlite_full),
	STORE_TEST_SQLITE(test_sqlite_wait),
	STORE_TEST_PGSQL(test_pgsql_connection_lost),
	STORE_TEST_PGSQL(test_pgsql_deadlock),
};
UNIT_MAIN(tests)
