/*
 * Verdicts in the order of their messages, several in a commit, by the caller
 * or by a thread (ER-21, decision 44).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/arena.h"
#include "src/judge.h"
#include "src/judgement.h"
#include "src/record_queue.h"

#define SOURCE "imap://one"
/* More than the queue holds at once. */
#define MANY 1500

static const struct role_lab_reply no_block = { .is_empty = true };

struct desk {
	struct role_lab lab;
	struct record_queue *q;
	struct span stranger; /* a message that is about nothing */
};

static void
desk_init_hasty(
    struct desk *d, struct job *j, bool is_threaded, int64_t wait_ms)
{
	role_lab_processing(&d->lab, j);
	d->q = record_queue_new(wait_ms);
	d->stranger = SPAN("From: a@example.org\r\n\r\nhello\r\n");
	if (is_threaded)
		EXPECT(j, record_queue_start(d->q, j, fixture_login()), 0);
	assert_int_equal(record_queue_is_started(d->q), is_threaded);
}

/* Nothing happens by time. */
static void
desk_init(struct desk *d, struct job *j, bool is_threaded)
{
	desk_init_hasty(d, j, is_threaded, INT64_C(3600000));
}

static void
desk_done(struct desk *d)
{
	record_queue_stop(d->q);
	assert_false(record_queue_is_started(d->q));
	record_queue_free(d->q);
}

/* Judged, with this number. */
static struct record_item *
judged(struct desk *d, int64_t uid, struct span raw)
{
	struct job *j = d->lab.j;
	struct record_item *item = record_item_new(j->store, j->conf);
	struct received m = { .source = SOURCE,
		.uidvalidity = 1,
		.uid = uid,
		.arrival = d->lab.arrival,
		.raw = raw };

	item->job.now = j->now;
	EXPECT(&item->job,
	    judge_message(&d->lab.validator, &item->job, &m, &item->judged), 1);
	return item;
}

/* The store takes no such verdict without a problem for the client. */
static struct record_item *
broken(struct desk *d, int64_t uid)
{
	struct record_item *item =
	    judged(d, uid, role_lab_reply(&d->lab, &no_block));

	item->judged->record.error = NULL;
	return item;
}

static int64_t
last_uid(struct job *j)
{
	int64_t last;

	EXPECT(j, store_reply_last_uid(j, SOURCE, 1, &last), 0);
	return last;
}

static void
settled(struct desk *d)
{
	int64_t failed_uid = 9;

	assert_int_equal(record_queue_settle(d->q, &failed_uid), 0);
	assert_int_equal(failed_uid, 0);
}

static atomic_size_t commits;

static void
count_commits(void *ctx, bool is_after)
{
	(void)ctx;
	atomic_fetch_add(&commits, is_after);
}

/* ER-21: without a thread nothing is written before its time, and then all of
 * it with one commit (SQLite). */
static void
test_alone(struct job *j)
{
	struct desk d;

	desk_init(&d, j, false);
	for (int64_t uid = 1; uid <= 3; uid++)
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, uid, d.stranger)), 0);
	assert_int_equal(
	    record_queue_add(d.q, judged(&d, 4, role_lab_reply(&d.lab, NULL))),
	    0);
	assert_int_equal(last_uid(j), 0);
	commits = 0;
	store_set_commit_hook(count_commits, NULL);
	settled(&d);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(commits, fixture_is_pgsql() ? 4 : 1);
	assert_int_equal(last_uid(j), 4);
	assert_int_equal(role_lab_proof(&d.lab).uid, 4);
	desk_done(&d);
}

/* A full batch goes without being asked to. */
static void
test_full(struct job *j)
{
	struct desk d;

	desk_init(&d, j, false);
	for (int64_t uid = 1; uid <= RECORD_BATCH_MAX; uid++)
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, uid, d.stranger)), 0);
	assert_int_equal(last_uid(j), RECORD_BATCH_MAX);
	settled(&d);
	desk_done(&d);
}

/* ER-21: more than fit, beside a thread: each once, and in their order. */
static void
test_thread(struct job *j)
{
	struct desk d;

	desk_init(&d, j, true);
	for (int64_t uid = 1; uid <= MANY; uid++) {
		struct span raw =
		    uid == MANY / 2 ? role_lab_reply(&d.lab, NULL) : d.stranger;

		assert_int_equal(
		    record_queue_add(d.q, judged(&d, uid, raw)), 0);
	}
	settled(&d);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), MANY);
	assert_int_equal(last_uid(j), MANY);
	assert_int_equal(role_lab_proof(&d.lab).uid, MANY / 2);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM caa"), 1);
	desk_done(&d);
}

/* What nobody asks for is written all the same, soon. */
static void
test_unasked(struct job *j)
{
	struct desk d;

	desk_init_hasty(&d, j, true, RECORD_WAIT_MS);
	assert_int_equal(record_queue_add(d.q, judged(&d, 1, d.stranger)), 0);
	while (last_uid(j) == 0)
		continue;
	assert_int_equal(last_uid(j), 1);
	desk_done(&d);
}

/* What was added before the end is written. */
static void
test_stop(struct job *j)
{
	struct desk d;

	desk_init(&d, j, true);
	for (int64_t uid = 1; uid <= 5; uid++)
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, uid, d.stranger)), 0);
	desk_done(&d);
	assert_int_equal(last_uid(j), 5);
}

/* ER-21: what failed, and all that came behind it, is read again, so nothing
 * of it may be known; and what came before it counts. */
static void
test_failure(struct job *j)
{
	for (int is_threaded = 0; is_threaded < 2; is_threaded++) {
		int64_t base = is_threaded * 100, failed_uid = 0;
		int result = 0;
		struct desk d;

		unit_case("%d", is_threaded);
		desk_init(&d, j, is_threaded);
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, base + 1, d.stranger)), 0);
		assert_int_equal(
		    record_queue_add(d.q, broken(&d, base + 2)), 0);
		for (int64_t uid = base + 3; result == 0; uid++)
			result =
			    record_queue_add(d.q, judged(&d, uid, d.stranger));
		assert_int_equal(record_queue_settle(d.q, &failed_uid), -1);
		assert_int_equal(failed_uid, base + 2);
		assert_int_equal(last_uid(j), base + 1);
		/* It was told once, and then they are tried again. */
		for (int64_t uid = base + 2; uid < base + 9; uid++)
			assert_int_equal(
			    record_queue_add(d.q, judged(&d, uid, d.stranger)),
			    0);
		settled(&d);
		assert_int_equal(last_uid(j), base + 8);
		desk_done(&d);
	}
}

/* The same mailbox is read on another machine: what that has recorded is done,
 * and holds up none of the others. */
static void
test_others(struct job *j)
{
	for (int is_threaded = 0; is_threaded < 2; is_threaded++) {
		int64_t base = is_threaded * 100;
		struct record_item *late;
		struct desk d;

		unit_case("%d", is_threaded);
		desk_init(&d, j, is_threaded);
		late = judged(&d, base + 1, d.stranger);
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, base + 1, d.stranger)), 0);
		settled(&d);
		assert_int_equal(record_queue_add(d.q, late), 0);
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, base + 2, d.stranger)), 0);
		settled(&d);
		assert_int_equal(last_uid(j), base + 2);
		desk_done(&d);
	}
}

/* Where one writes at a time (SQLite), who writes beside a backlog waits for
 * commits of fewer messages: 400, of which the thread takes 200 at least
 * without them. */
static void
test_shared(struct job *j)
{
	for (int is_shared = 0; is_shared < 2; is_shared++) {
		int64_t base = is_shared * 1000 + 1;
		struct desk d;

		unit_case("%d", is_shared);
		desk_init(&d, j, true);
		if (is_shared)
			fixture_sql(j, "UPDATE account SET "
				       "created_at = created_at + 1");
		/* It looks for others after each commit. */
		assert_int_equal(
		    record_queue_add(d.q, judged(&d, base, d.stranger)), 0);
		settled(&d);
		commits = 0;
		store_set_commit_hook(count_commits, NULL);
		for (int64_t uid = 1; uid <= RECORD_BATCH_MAX; uid++)
			assert_int_equal(
			    record_queue_add(
				d.q, judged(&d, base + uid, d.stranger)),
			    0);
		settled(&d);
		store_set_commit_hook(NULL, NULL);
		assert_in_range(commits, is_shared ? 8 : 1,
		    is_shared ? RECORD_BATCH_MAX : 3);
		assert_int_equal(last_uid(j), base + RECORD_BATCH_MAX);
		desk_done(&d);
	}
}

/* What the mailbox has put away is known afterwards, and nothing else is. */
static void
test_gone(struct job *j)
{
	static const int64_t uids[] = { 1, 2, 4 };
	static const struct record_gone gone = { SOURCE, 1, uids, 3 };

	for (int is_threaded = 0; is_threaded < 2; is_threaded++) {
		struct record_item *item;
		int64_t *left;
		struct desk d;
		size_t count;

		unit_case("%d", is_threaded);
		fixture_sql(j, "DELETE FROM reply");
		desk_init(&d, j, is_threaded);
		for (int64_t uid = 1; uid <= 4; uid++)
			assert_int_equal(
			    record_queue_add(d.q, judged(&d, uid, d.stranger)),
			    0);
		item = record_item_new(j->store, j->conf);
		item->gone = &gone;
		assert_int_equal(record_queue_add(d.q, item), 0);
		settled(&d);
		EXPECT(j,
		    store_reply_undisposed(j, SOURCE, 1, 10, &left, &count), 0);
		assert_int_equal(count, 1);
		assert_int_equal(left[0], 3);
		desk_done(&d);
	}
}

/* A message that is larger than all that the queue may hold waits for the
 * others, and passes. */
static void
test_large(struct job *j)
{
	size_t n = (size_t)5 << 20;
	char *octets = arena_alloc(j->arena, n);
	struct desk d;

	memset(octets, 'a', n);
	desk_init(&d, j, true);
	for (int64_t uid = 1; uid <= 4; uid++) {
		struct record_item *item = judged(&d, uid, d.stranger);
		struct received *m = arena_memdup(item->job.arena,
		    item->judged->received, sizeof(*item->judged->received));

		m->raw = span_mem(octets, uid % 2 == 0 ? n : 10);
		item->judged->received = m;
		assert_int_equal(record_queue_add(d.q, item), 0);
	}
	settled(&d);
	assert_int_equal(last_uid(j), 4);
	desk_done(&d);
}

/* No database for the thread: the caller goes on alone. */
static void
test_no_thread(struct job *j)
{
	static const struct store_login nowhere = {
		"sqlite:/nonexistent/countersign.db", NULL
	};
	struct desk d;

	desk_init(&d, j, false);
	assert_int_equal(record_queue_start(d.q, j, &nowhere), -1);
	job_recover(j);
	assert_false(record_queue_is_started(d.q));
	assert_int_equal(record_queue_add(d.q, judged(&d, 1, d.stranger)), 0);
	settled(&d);
	assert_int_equal(last_uid(j), 1);
	desk_done(&d);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_alone),
	STORE_TEST(test_full),
	STORE_TEST(test_thread),
	STORE_TEST(test_unasked),
	STORE_TEST(test_stop),
	STORE_TEST(test_failure),
	STORE_TEST(test_others),
	STORE_TEST_SQLITE(test_shared),
	STORE_TEST(test_gone),
	STORE_TEST(test_large),
	STORE_TEST(test_no_thread),
};

UNIT_MAIN(tests)
