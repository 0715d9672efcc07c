/*
 * Many processes at once, and processes that die: nothing is done twice,
 * nothing that was committed is lost, nothing else stays.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_outbox.h"
#include "db/store_private.h"
#include "lib/count.h"

/* --- leases -------------------------------------------------------------- */

enum { WORKERS = 8, ROWS = 400 };

struct queue {
	const char *name;
	const char *fill; /* makes `due` the rows of all the orders */
	int (*take)(struct job *j, const char **id);
};

static int
take_mail(struct job *j, const char **id)
{
	struct outbox_mail mail;
	int found = store_outbox_lease(j, j->now + 600, &mail);

	*id = mail.challenge_id;
	return found;
}

static int
take_order(struct job *j, const char **id)
{
	int64_t attempts;

	return store_order_lease(j, j->now + 600, id, &attempts);
}

static const struct queue queues[] = {
	{ "outbox", "UPDATE outbox SET due_at = 5", take_mail },
	{ "orders", "UPDATE orders SET csr_at = 1, issue_due_at = 5",
	    take_order },
};

struct worker {
	const struct queue *queue;
	int out;
};

/* Takes until nothing is left, a transaction each, and says what it took. */
static int
work(struct job *j, void *ctx)
{
	const struct worker *w = ctx;

	for (;;) {
		const char *id;
		char line[32];
		int found;

		if (store_begin(j) != 0)
			return 1;
		found = w->queue->take(j, &id);
		if (found < 0)
			return 2;
		if (store_commit(j) != 0)
			return 3;
		if (found == 0)
			return 0;
		snprintf(line, sizeof(line), "%-22s\n", id);
		if (write(w->out, line, 23) != 23)
			return 4;
	}
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 23);
}

/* AC-179, style: eight clients, 400 rows, none taken twice, none left. */
static void
test_leases_at_once(struct job *j)
{
	const char *account = fixture_account(j);
	static char taken[ROWS + 1][23];

	for (int i = 0; i < ROWS / 10; i++)
		fixture_order(j, account, 10);
	for (int i = ROWS / 10; i < ROWS; i++)
		fixture_order(j, account, 1);
	for (size_t q = 0; q < COUNT(queues); q++) {
		struct worker w = { .queue = &queues[q] };
		int ends[2], pids[WORKERS];
		size_t n = 0, got;

		unit_case("%s", queues[q].name);
		fixture_sql(j, queues[q].fill);
		if (q == 0)
			fixture_sql(j, "UPDATE outbox SET due_at = NULL "
				       "WHERE place > 0");
		assert_int_equal(pipe(ends), 0);
		w.out = ends[1];
		for (size_t i = 0; i < WORKERS; i++)
			pids[i] = fixture_fork(work, &w);
		close(ends[1]);
		while (n <= ROWS * 23 &&
		       (got = (size_t)read(
			    ends[0], (char *)taken + n, sizeof(taken) - n)) > 0)
			n += got;
		close(ends[0]);
		for (size_t i = 0; i < WORKERS; i++)
			assert_int_equal(fixture_wait(pids[i]), 0);
		assert_int_equal(n, ROWS * 23);
		qsort(taken, ROWS, 23, compare);
		for (size_t i = 1; i < ROWS; i++)
			assert_memory_not_equal(taken[i - 1], taken[i], 23);
	}
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM outbox "
					  "WHERE place = 0 AND attempts <> 1"),
	    0);
}

/* Another server's connection, which says at once where it would wait. */
static void
connect_beside(struct job *j, struct job *other)
{
	job_init(other, NULL, j->conf);
	other->now = j->now;
	EXPECT(other, store_open_as(other, fixture_login(), &other->store), 0);
	fixture_sql(j, "SET lock_timeout = 500");
	fixture_sql(other, "SET lock_timeout = 500");
}

/* Two that each take several: neither waits for the other's rows, has one of
 * them as well, or keeps one that it did not get. */
static void
test_leases_beside(struct job *j)
{
	const char *account = fixture_account(j);
	struct job beside, *const both[2] = { j, &beside };
	const char *taken[4], *none;

	for (int i = 0; i < 4; i++)
		fixture_order(j, account, 1);
	fixture_sql(j, queues[1].fill);
	connect_beside(j, &beside);
	EXPECT(j, store_begin(j), 0);
	EXPECT(&beside, store_begin(&beside), 0);
	for (int i = 0; i < 4; i++) {
		EXPECT(both[i % 2], take_order(both[i % 2], &taken[i]), 1);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(taken[k], taken[i]);
	}
	/* What is left is held, also before it is committed. */
	EXPECT(j, take_order(j, &none), 0);
	EXPECT(&beside, take_order(&beside, &none), 0);
	EXPECT(j, store_commit(j), 0);
	/* The first goes on with its own while the second has not ended. */
	EXPECT(&beside, take_order(&beside, &none), 0);
	COMMITTED(j, store_order_release(j, taken[0], j->now, 0));
	COMMITTED(j, store_order_release(j, taken[2], j->now + 9, 0));
	EXPECT(&beside, store_commit(&beside), 0);
	/* And what it gave back is anybody's. */
	EXPECT(&beside, store_begin(&beside), 0);
	EXPECT(&beside, take_order(&beside, &none), 1);
	assert_string_equal(none, taken[0]);
	EXPECT(&beside, store_commit(&beside), 0);
	store_close(beside.store);
	job_done(&beside);
}

/* --- processes that die -------------------------------------------------- */

enum moment {
	AT_BEGIN,
	AFTER_FIRST_WRITE,
	AFTER_ALL_WRITES,
	BEFORE_COMMIT,
	AFTER_COMMIT,
	MOMENT_COUNT
};

struct victim {
	enum moment moment;
	int transactions; /* that go well before */
	int out;
};

static void
die(void)
{
	raise(SIGKILL);
}

static void
die_at_commit(void *ctx, bool after)
{
	const struct victim *v = ctx;

	if (after == (v->moment == AFTER_COMMIT))
		die();
}

/* An account and its audit record: both or none. */
static int
one_transaction(struct job *j, const struct victim *v, int number, bool last)
{
	struct account a = { .id = arena_printf(j->arena, "account %d", number),
		.thumbprint = arena_printf(j->arena, "print %d", number),
		.jwk = "{}",
		.contact = "[]" };

	if (store_begin(j) != 0)
		return -1;
	if (last && v->moment == AT_BEGIN)
		die();
	if (store_account_create(j, &a) != 0)
		return -1;
	if (last && v->moment == AFTER_FIRST_WRITE)
		die();
	if (store_audit_add(j, "web", "account created", a.id, "ok", NULL) != 0)
		return -1;
	if (last && v->moment == AFTER_ALL_WRITES)
		die();
	if (last)
		store_set_commit_hook(die_at_commit, (void *)(uintptr_t)v);
	return store_commit(j);
}

static int
live_and_die(struct job *j, void *ctx)
{
	const struct victim *v = ctx;

	for (int i = 0; i <= v->transactions; i++)
		if (one_transaction(j, v, i, i == v->transactions) != 0)
			return 1;
	return 2; /* it should not have come here */
}

/* AC-179: kill -9 at each moment of a transaction. */
static void
test_killed_in_transaction(struct job *j)
{
	for (int m = 0; m < MOMENT_COUNT; m++) {
		struct victim v = { .moment = (enum moment)m,
			.transactions = 3 };
		int64_t n, expected = m == AFTER_COMMIT ? 4 : 3;

		unit_case("moment %d", m);
		fixture_sql(j, "DELETE FROM account; DELETE FROM audit; "
			       "UPDATE audit_head SET seq = 0, hash = NULL");
		assert_int_equal(fixture_wait(fixture_fork(live_and_die, &v)),
		    128 + SIGKILL);
		/* The dead one's locks hold nobody up. */
		COMMITTED(
		    j, store_audit_add(j, "test", "after", "x", "ok", NULL));
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM account"), expected);
		EXPECT(j, store_audit_verify(j, &n), 0);
		assert_int_equal(n, expected + 1);
	}
}

static int
live_until_killed(struct job *j, void *ctx)
{
	const struct victim *v = ctx;

	for (int i = 0; i < 1000000; i++) {
		char byte = 'x';

		if (one_transaction(j, v, i, false) != 0 ||
		    write(v->out, &byte, 1) != 1)
			return 1;
		job_reset(j);
	}
	return 2;
}

/* The same at moments that nobody chose. */
static void
test_killed_at_random(struct job *j)
{
	for (int round = 0; round < 12; round++) {
		struct victim v = { 0 };
		int ends[2], pid;
		int64_t n, accounts, told = 0;
		char byte;

		unit_case("round %d", round);
		fixture_sql(j, "DELETE FROM account; DELETE FROM audit; "
			       "UPDATE audit_head SET seq = 0, hash = NULL");
		assert_int_equal(pipe(ends), 0);
		v.out = ends[1];
		pid = fixture_fork(live_until_killed, &v);
		close(ends[1]);
		while (told < 1 + round && read(ends[0], &byte, 1) == 1)
			told++;
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (read(ends[0], &byte, 1) == 1)
			told++;
		close(ends[0]);
		assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
		COMMITTED(
		    j, store_audit_add(j, "test", "after", "x", "ok", NULL));
		accounts = fixture_count(j, "SELECT COUNT(*) FROM account");
		/* what was told is there; one more may be */
		assert_in_range(accounts, told, told + 1);
		EXPECT(j, store_audit_verify(j, &n), 0);
		assert_int_equal(n, accounts + 1);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_leases_at_once),
	STORE_TEST_PGSQL(test_leases_beside),
	STORE_TEST(test_killed_in_transaction),
	STORE_TEST(test_killed_at_random),
};
UNIT_MAIN(tests)
