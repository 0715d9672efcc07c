/*
 * Group commit: what waits together is committed together, each item is
 * answered after the commit, and one that fails is undone alone (AC-140's
 * refusals are kept, AC-179).
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <string.h>

#include "db/store_account.h"
#include "db/store_private.h"
#include "lib/conf.h"
#include "src/writer.h"

#define ITEMS 200

enum what { WRITE, WRITE_AND_FAIL, WRITE_AND_KEEP, FAIL };

/* What the test and the writer's thread share, under the lock. */
static struct shared {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_closed; /* the first item waits until it is opened */
	bool is_waiting;
	int commits;
	int done;
	bool break_commit;
	struct store *store; /* the writer's */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

struct item {
	struct write_item base;
	struct job job;
	enum what what;
	int number;
	int commits_when_done; /* -1: not yet */
	int done_place;
};

static struct item items[ITEMS];
static struct conf conf;

static void
wait_at_gate(struct job *j)
{
	pthread_mutex_lock(&shared.lock);
	shared.store = j->store;
	shared.is_waiting = true;
	pthread_cond_broadcast(&shared.changed);
	while (shared.is_closed)
		pthread_cond_wait(&shared.changed, &shared.lock);
	pthread_mutex_unlock(&shared.lock);
}

static void
open_gate(void)
{
	pthread_mutex_lock(&shared.lock);
	shared.is_closed = false;
	pthread_cond_broadcast(&shared.changed);
	pthread_mutex_unlock(&shared.lock);
}

/* Until the writer holds the first item in its hands. */
static void
wait_for_writer(void)
{
	pthread_mutex_lock(&shared.lock);
	while (!shared.is_waiting)
		pthread_cond_wait(&shared.changed, &shared.lock);
	pthread_mutex_unlock(&shared.lock);
}

static int
apply(struct write_item *base)
{
	struct item *item = (struct item *)(void *)base;
	struct job *j = base->job;
	struct account a = { .id = arena_printf(
				 j->arena, "account%d", item->number),
		.thumbprint = arena_printf(j->arena, "print%d", item->number),
		.jwk = "{}",
		.contact = "[]",
		.created_at = 1 };

	if (item->number == 0)
		wait_at_gate(j);
	if (item->what == FAIL)
		return job_fail(j, ERR_MALFORMED, "refused");
	if (store_account_create(j, &a) < 0)
		return -1;
	j->wake |= 1u << ROLE_SENDER;
	if (item->what == WRITE)
		return 0;
	j->keep = item->what == WRITE_AND_KEEP;
	return job_fail(j, ERR_MALFORMED, "refused");
}

/* Says that it was called: an account of another name. */
static void
undone(struct write_item *base)
{
	const struct item *item = (const struct item *)(const void *)base;
	struct job *j = base->job;
	const struct err why = j->err;
	struct account a = { .id = arena_printf(
				 j->arena, "undone%d", item->number),
		.thumbprint = arena_printf(j->arena, "other%d", item->number),
		.jwk = "{}",
		.contact = "[]",
		.created_at = 1 };

	job_recover(j);
	EXPECT(j, store_account_create(j, &a), 0);
	j->err = why;
}

static void
done(struct write_item *base)
{
	struct item *item = (struct item *)(void *)base;

	pthread_mutex_lock(&shared.lock);
	item->commits_when_done = shared.commits;
	item->done_place = shared.done++;
	pthread_cond_broadcast(&shared.changed);
	pthread_mutex_unlock(&shared.lock);
}

static void
on_commit(void *ctx, bool after)
{
	(void)ctx;
	pthread_mutex_lock(&shared.lock);
	if (after)
		shared.commits++;
	else if (shared.break_commit && shared.store != NULL)
		/* As when the database is lost in the middle. */
		shared.store->driver->rollback(shared.store->sql);
	pthread_mutex_unlock(&shared.lock);
}

static struct writer *
start_with(struct job *j, int max_waiting)
{
	struct writer *w = NULL;

	conf = (struct conf){ .database = fixture_url(),
		.web.max_waiting = max_waiting };
	j->conf = &conf;
	shared.is_closed = true;
	shared.is_waiting = shared.break_commit = false;
	shared.commits = shared.done = 0;
	shared.store = NULL;
	store_set_commit_hook(on_commit, NULL);
	EXPECT(j, writer_start(j, fixture_login(), &w), 0);
	return w;
}

static struct writer *
start(struct job *j)
{
	return start_with(j, ITEMS);
}

static int
add(struct writer *w, int number, enum what what)
{
	struct item *item = &items[number];

	*item = (struct item){ .base = { .apply = apply, .done = done },
		.what = what,
		.number = number,
		.commits_when_done = -1 };
	job_init(&item->job, NULL, &conf);
	item->base.job = &item->job;
	return writer_add(w, &item->base);
}

static void
release(int count)
{
	for (int i = 0; i < count; i++)
		job_done(&items[i].job);
}

static int64_t
accounts(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM account");
}

static void
test_one_commit(struct job *j)
{
	struct writer *w = start(j);

	add(w, 0, WRITE);
	wait_for_writer();
	for (int i = 1; i <= 64; i++)
		add(w, i, WRITE);
	open_gate();
	writer_stop(w);
	/* The first alone, all others together. */
	assert_int_equal(shared.commits, 2);
	assert_int_equal(accounts(j), 65);
	for (int i = 0; i <= 64; i++) {
		unit_case("item %d", i);
		assert_int_equal(items[i].base.result, 0);
		/* Answered after its commit, in order. */
		assert_int_equal(items[i].commits_when_done, i == 0 ? 1 : 2);
		assert_int_equal(items[i].done_place, i);
	}
	release(65);
}

/* A long queue is committed in pieces: who came first does not wait for
 * all. */
static void
test_long_queue(struct job *j)
{
	struct writer *w = start(j);

	add(w, 0, WRITE);
	wait_for_writer();
	for (int i = 1; i < ITEMS; i++)
		add(w, i, WRITE);
	open_gate();
	writer_stop(w);
	assert_int_equal(shared.commits, 1 + (ITEMS - 1 + 63) / 64);
	assert_int_equal(accounts(j), ITEMS);
	assert_int_equal(shared.done, ITEMS);
	assert_int_equal(items[64].commits_when_done, 2);
	assert_int_equal(items[65].commits_when_done, 3);
	release(ITEMS);
}

/* PK-19: nothing is changed by a process whose start is not on record. */
static void
test_held(struct job *j)
{
	struct writer *w = start(j);

	writer_hold(w, true);
	assert_int_equal(add(w, 1, WRITE), -1);
	assert_int_equal(items[1].job.err.kind, ERR_BUSY);
	job_done(&items[1].job);
	writer_hold(w, false);
	EXPECT(&items[1].job, add(w, 1, WRITE), 0);
	writer_stop(w);
	assert_int_equal(accounts(j), 1);
	assert_int_equal(items[1].base.result, 0);
	job_done(&items[1].job);
}

static void
test_failures(struct job *j)
{
	static const enum what whats[] = { WRITE, WRITE, WRITE_AND_FAIL, WRITE,
		FAIL, WRITE_AND_KEEP, WRITE };
	struct writer *w = start(j);
	struct account a;

	for (int i = 0; i < 7; i++) {
		add(w, i, whats[i]);
		if (i == 0)
			wait_for_writer();
	}
	open_gate();
	writer_stop(w);
	assert_int_equal(shared.commits, 2);
	for (int i = 0; i < 7; i++) {
		bool is_there = whats[i] == WRITE || whats[i] == WRITE_AND_KEEP;

		unit_case("item %d", i);
		assert_int_equal(
		    items[i].base.result, whats[i] == WRITE ? 0 : -1);
		assert_int_equal(items[i].job.err.kind,
		    whats[i] == WRITE ? ERR_NONE : ERR_MALFORMED);
		EXPECT(j,
		    store_account_by_id(
			j, arena_printf(j->arena, "account%d", i), &a),
		    is_there);
	}
	release(7);
}

/* Of what was undone, and of that alone, there is a record in the same commit;
 * whoever asked hears his own error. */
static void
test_undone(struct job *j)
{
	static const enum what whats[] = { WRITE, WRITE, FAIL, WRITE_AND_FAIL,
		WRITE_AND_KEEP, WRITE };
	struct writer *w = start(j);
	struct account a;

	add(w, 0, WRITE);
	wait_for_writer();
	/* The first one keeps the writer at the gate. */
	for (int i = 1; i < 6; i++) {
		add(w, i, whats[i]);
		items[i].base.undone = undone;
	}
	open_gate();
	writer_stop(w);
	assert_int_equal(shared.commits, 2);
	for (int i = 0; i < 6; i++) {
		bool is_undone = whats[i] == FAIL || whats[i] == WRITE_AND_FAIL;

		unit_case("item %d", i);
		assert_int_equal(items[i].job.err.kind,
		    whats[i] == WRITE ? ERR_NONE : ERR_MALFORMED);
		EXPECT(j,
		    store_account_by_id(
			j, arena_printf(j->arena, "undone%d", i), &a),
		    is_undone);
		EXPECT(j,
		    store_account_by_id(
			j, arena_printf(j->arena, "account%d", i), &a),
		    !is_undone);
	}
	release(6);
}

/* Two want the same: the second is told so, the others do not notice. */
static void
test_conflict(struct job *j)
{
	struct writer *w = start(j);

	add(w, 0, WRITE);
	wait_for_writer();
	add(w, 1, WRITE);
	add(w, 2, WRITE);
	items[2].number = 1;
	add(w, 3, WRITE);
	open_gate();
	writer_stop(w);
	assert_int_equal(accounts(j), 3);
	assert_int_equal(items[1].base.result, 0);
	assert_int_equal(items[2].base.result, -1);
	assert_int_equal(items[2].job.err.kind, ERR_CONFLICT);
	assert_int_equal(items[3].base.result, 0);
	release(4);
}

/* Nobody is told that something is stored which is not. */
static void
test_commit_fails(struct job *j)
{
	static const enum what whats[] = { WRITE, WRITE, FAIL, WRITE_AND_KEEP };
	struct writer *w = start(j);

	add(w, 0, whats[0]);
	wait_for_writer();
	pthread_mutex_lock(&shared.lock);
	shared.break_commit = true;
	pthread_mutex_unlock(&shared.lock);
	for (int i = 1; i < 4; i++)
		add(w, i, whats[i]);
	open_gate();
	writer_stop(w);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(accounts(j), 0);
	for (int i = 0; i < 4; i++) {
		unit_case("item %d", i);
		assert_int_equal(items[i].base.result, -1);
		assert_true(items[i].job.err.kind == ERR_INTERNAL ||
			    items[i].job.err.kind == ERR_BUSY);
		assert_int_equal(items[i].job.wake, 0);
		assert_true(items[i].commits_when_done >= 0);
	}
	release(4);
}

/* AC-194: who comes when too many wait is told so at once. */
static void
test_full_queue(struct job *j)
{
	struct writer *w = start_with(j, 3);

	assert_int_equal(add(w, 0, WRITE), 0);
	wait_for_writer();
	for (int i = 1; i <= 3; i++)
		assert_int_equal(add(w, i, WRITE), 0);
	assert_int_equal(add(w, 4, WRITE), -1);
	assert_job_error(&items[4].job, ERR_BUSY,
	    "3 requests wait to be written (web.max_waiting)");
	open_gate();
	writer_stop(w);
	assert_int_equal(shared.done, 4);
	assert_int_equal(accounts(j), 4);
	assert_int_equal(items[4].commits_when_done, -1);
	release(5);
}

static void
test_start_and_stop(struct job *j)
{
	static const struct store_login nowhere = { "sqlite:/nonexistent/db",
		NULL };
	struct writer *w = start(j);

	writer_stop(w);
	writer_stop(NULL);
	assert_int_equal(writer_start(j, &nowhere, &w), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_one_commit),
	STORE_TEST(test_long_queue),
	STORE_TEST(test_held),
	STORE_TEST(test_failures),
	STORE_TEST(test_undone),
	STORE_TEST(test_conflict),
	STORE_TEST_SQLITE(test_commit_fails),
	STORE_TEST(test_full_queue),
	STORE_TEST(test_start_and_stop),
};

UNIT_MAIN(tests)
