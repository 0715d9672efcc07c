/*
 * From a mailbox to verdicts and back: what is listed, loaded and judged is
 * recorded and put away, whatever fails on the way (ER-21, decision 44).
 */
#include "config.h"

#include "tests/unit/fetch_lab.h"
#include "tests/unit/role_lab.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "src/imap_ingest.h"
#include "src/record_queue.h"

/* Those that are listed at once, and a backlog behind them. */
#define MANY 601
#define MESSAGE "From: a@example.org\r\n\r\nhello\r\n"

static const struct store_login nowhere = {
	"sqlite:/nonexistent/countersign.db", NULL
};

/* --- what the server does ------------------------------------------------ */

struct play {
	struct arena *arena;
	size_t n;
	struct peer_step steps[3 * MANY];
};

static void
add(struct play *p, const struct peer_step *steps, size_t n)
{
	assert_true(p->n + n <= COUNT(p->steps));
	memcpy(p->steps + p->n, steps, n * sizeof(*steps));
	p->n += n;
}

#define ADD(p, ...)                                                            \
	add(p, (const struct peer_step[]){ __VA_ARGS__ },                      \
	    sizeof((const struct peer_step[]){ __VA_ARGS__ }) /                \
		sizeof(struct peer_step))

static void
play_init(struct play *p, struct job *j)
{
	p->arena = j->arena;
	p->n = 0;
	ADD(p, OPEN("IDLE MOVE"));
}

static void
finds(struct play *p, int last)
{
	struct buf b;

	buf_init(&b, p->arena, 65536);
	buf_add_str(&b, "* SEARCH");
	for (int uid = 1; uid <= last; uid++)
		buf_addf(&b, " %d", uid);
	buf_add_str(&b, "\r\n");
	ADD(p, HEAR(" UID SEARCH"), SEND(b.p), OK);
}

static const char *
asked(const struct play *p, int from, int to, const char *what)
{
	return from == to
		   ? arena_printf(p->arena, " UID FETCH %d (%s", from, what)
		   : arena_printf(
			 p->arena, " UID FETCH %d:%d (%s", from, to, what);
}

/* Each is said to have so many octets. */
static void
lists(struct play *p, int from, int to, int size)
{
	ADD(p, HEAR(asked(p, from, to, "UID RFC822.SIZE INTERNALDATE")));
	for (int uid = from; uid <= to; uid++)
		ADD(p, SEND(arena_printf(p->arena,
			   "* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE "
			   "\"02-Mar-2026 11:00:00 +0100\")\r\n",
			   uid, uid, size)));
	ADD(p, OK);
}

static void
has(struct play *p, int uid, struct span raw)
{
	ADD(p, SEND(arena_printf(p->arena,
		   "* %d FETCH (UID %d RFC822.SIZE %zu BODY[]<0> "
		   "{%zu}\r\n%.*s)\r\n",
		   uid, uid, raw.n, raw.n, (int)raw.n, raw.p)));
}

static void
loads(struct play *p, int from, int to)
{
	ADD(p, HEAR(asked(p, from, to, "UID RFC822.SIZE BODY")));
	for (int uid = from; uid <= to; uid++)
		has(p, uid, SPAN(MESSAGE));
	ADD(p, OK);
}

/* --- the validator ------------------------------------------------------- */

struct desk {
	struct role_lab lab;
	struct role_env env;
	struct peer *peer;
};

static void
desk_init(struct desk *d, struct job *j, const struct store_login *login)
{
	role_lab_processing(&d->lab, j);
	d->env = (struct role_env){ .conf = &d->lab.conf,
		.store = j->store,
		.login = *login,
		.seen_ms = clock_mono_ms() };
	/* Nothing is recorded by time. */
	d->lab.validator.records = record_queue_new(INT64_C(3600000));
	fetch_lab_certificates(NULL);
}

static void
desk_open(struct desk *d, struct play *p)
{
	d->lab.validator.fetch =
	    fetch_lab_open(p->steps, CONF_DISPOSAL_MOVE, &d->peer);
}

static void
desk_done(struct desk *d)
{
	assert_false(record_queue_is_started(d->lab.validator.records));
	record_queue_free(d->lab.validator.records);
	fetch_lab_close(d->lab.validator.fetch, d->peer);
}

static int
ingest(struct desk *d)
{
	return imap_ingest(&d->lab.validator, &d->env);
}

/* ER-21: a backlog of more than one list, and no connection for the thread
 * that would record it: all of it is recorded, and put away. */
static void
test_backlog(struct job *j)
{
	struct play *p = arena_alloc(j->arena, sizeof(*p));
	struct desk d;

	desk_init(&d, j, &nowhere);
	play_init(p, j);
	finds(p, MANY);
	lists(p, 1, 500, sizeof(MESSAGE) - 1);
	for (int uid = 1; uid < 500; uid += 100)
		loads(p, uid, uid + 99);
	ADD(p, HEAR(" UID MOVE 1:200 Processed"), OK,
	    HEAR(" UID MOVE 201:400 Processed"), OK,
	    HEAR(" UID MOVE 401:500 Processed"), OK);
	lists(p, 501, MANY, sizeof(MESSAGE) - 1);
	loads(p, 501, 600);
	loads(p, MANY, MANY);
	ADD(p, HEAR(" UID MOVE 501:601 Processed"), OK, STAY);
	desk_open(&d, p);
	assert_int_equal(ingest(&d), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), MANY);
	assert_int_equal(
	    fixture_count(
		j, "SELECT COUNT(*) FROM reply WHERE is_disposed = 0"),
	    0);
	desk_done(&d);
}

/* --- what waits for the server ------------------------------------------- */

static struct {
	const struct fetch *fetch;
	size_t connected, lost; /* commits */
} seen;

static void
note_commit(void *ctx, bool is_after)
{
	(void)ctx;
	if (!is_after)
		return;
	if (fetch_is_connected(seen.fetch))
		seen.connected++;
	else
		seen.lost++;
}

/* Verdicts do not wait until the server has sent the next messages. */
static void
test_not_held(struct job *j)
{
	struct play *p = arena_alloc(j->arena, sizeof(*p));
	struct desk d;

	desk_init(&d, j, &nowhere);
	play_init(p, j);
	finds(p, 5);
	lists(p, 1, 5, (int)d.lab.conf.validator.max_message);
	loads(p, 1, 4);
	ADD(p, HEAR(" UID FETCH 5 ("), { PEER_END, NULL });
	desk_open(&d, p);
	memset(&seen, 0, sizeof(seen));
	seen.fetch = d.lab.validator.fetch;
	store_set_commit_hook(note_commit, NULL);
	assert_int_equal(ingest(&d), -1);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 4);
	assert_true(seen.connected > 0);
	assert_int_equal(seen.lost, 0);
	desk_done(&d);
}

/* --- what fails again and again ------------------------------------------- */

static int
broken_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	(void)ctx;
	(void)type;
	(void)out;
	return job_fail(j, ERR_INTERNAL, "no answer about %s", name);
}

static void
release_resolver(void *r)
{
	resolver_free(r);
}

static void
expect_stuck(const struct desk *d, uint32_t uid, unsigned count)
{
	assert_int_equal(d->lab.validator.stuck_uid, uid);
	assert_int_equal(d->lab.validator.stuck_count, count);
}

/* The first cannot be recorded as long as there is no audit, the second can
 * never be judged. */
static void
play_two(struct desk *d, struct play *p)
{
	static const struct role_lab_reply unsigned_reply = { .is_unsigned =
								  true };

	d->lab.validator.resolver = arena_own(d->lab.j->arena,
	    resolver_new_custom(broken_query, NULL), release_resolver);
	play_init(p, d->lab.j);
	for (int round = 0; round < 4; round++) {
		int first = round < 3 ? 1 : 2;

		finds(p, 2);
		lists(p, first, 2, 1000);
		ADD(p, HEAR(asked(p, first, 2, "UID RFC822.SIZE BODY")));
		if (first == 1)
			has(p, 1, role_lab_reply(&d->lab, &unsigned_reply));
		has(p, 2, role_lab_reply(&d->lab, NULL));
		ADD(p, OK);
	}
	ADD(p, STAY);
}

/* Of two that fail the first is blamed each time, until it is passed over, or
 * its fault has passed: else neither ever was. */
static void
test_stuck(struct job *j)
{
	struct play *p = arena_alloc(j->arena, sizeof(*p));
	struct desk d;

	desk_init(&d, j, &nowhere);
	play_two(&d, p);
	desk_open(&d, p);
	fixture_sql(j, "ALTER TABLE audit RENAME TO audit_away");
	for (unsigned n = 1; n <= 2; n++) {
		assert_int_equal(ingest(&d), -1);
		expect_stuck(&d, 1, n);
	}
	fixture_sql(j, "ALTER TABLE audit_away RENAME TO audit");
	for (unsigned n = 1; n <= 2; n++) {
		assert_int_equal(ingest(&d), -1);
		expect_stuck(&d, 2, n);
	}
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
	desk_done(&d);
}

/* The same if the second cannot even be loaded, beside a thread that
 * records. */
static void
test_stuck_unloaded(struct job *j)
{
	static const struct role_lab_reply unsigned_reply = { .is_unsigned =
								  true };
	struct play *p = arena_alloc(j->arena, sizeof(*p));
	struct desk d;

	desk_init(&d, j, fixture_login());
	play_init(p, j);
	for (int round = 0; round < 2; round++) {
		finds(p, 101);
		lists(p, 1, 101, 1000);
		ADD(p, HEAR(" UID FETCH 1 ("));
		has(p, 1, role_lab_reply(&d.lab, &unsigned_reply));
		ADD(p, OK, HEAR(" UID FETCH 2 ("), SEND("%T NO broken\r\n"));
	}
	ADD(p, STAY);
	desk_open(&d, p);
	d.lab.validator.one_by_one = true;
	fixture_sql(j, "ALTER TABLE audit RENAME TO audit_away");
	for (unsigned n = 1; n <= 2; n++) {
		assert_int_equal(ingest(&d), -1);
		expect_stuck(&d, 1, n);
	}
	fixture_sql(j, "ALTER TABLE audit_away RENAME TO audit");
	desk_done(&d);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_backlog),
	STORE_TEST(test_not_held),
	STORE_TEST(test_stuck),
	STORE_TEST(test_stuck_unloaded),
};

UNIT_MAIN(tests)
