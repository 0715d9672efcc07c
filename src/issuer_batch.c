#include "config.h"

#include "db/store_cert.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/answers.h"
#include "src/issuer_order.h"
#include "src/linters_hold.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>

#define LEASE_SECS 120 /* over CAA_WAIT_SECS_MAX */
#define LEASE_LEFT_SECS 30
#define BATCH_MAX 64
#define ATTEMPTS_TOGETHER 3
#define DRAWS_MAX 4

/* Orders that share their commits: those that were due at one moment. */
struct batch {
	struct issuer *issuer;
	struct job *job; /* of the transactions that they share */
	struct issuer_order *orders;
	size_t count;
	bool may_reserve; /* the ceiling left room for all of them */
	int64_t until;    /* when the leases end */
};

/* --- taking --------------------------------------------------------------- */

/*
 * As many as the ceiling leaves room for: so the one that finds no room is
 * alone, and stops what nobody has begun (PK-204).  Linters and other CAs take
 * seconds for one order, while the leases of the others would run out.
 */
static int
batch_size(struct batch *b, size_t *out)
{
	struct job *j = b->job;
	int64_t room;

	if (ceiling_room(&b->issuer->ceiling, j, 0, &room) < 0)
		return -1;
	b->may_reserve = room > 0;
	*out =
	    issuer_is_external(j) || j->conf->linter_count > 0 ? 1 : BATCH_MAX;
	if (room < (int64_t)*out)
		*out = room > 0 ? (size_t)room : 1;
	return 0;
}

/* Leases them: 1, 0 nothing is due, -1. */
static int
lease(struct batch *b, size_t max)
{
	struct job *j = b->job;
	int found = 1;

	b->orders = arena_calloc(j->arena, max, sizeof(*b->orders));
	b->until = j->now + LEASE_SECS;
	if (store_begin(j) < 0)
		return worker_undo(j);
	while (b->count < max) {
		struct issuer_order *w = &b->orders[b->count];

		found = store_order_lease(j, b->until, &w->id, &w->attempts);
		if (found <= 0)
			break;
		b->count++;
		/* One that comes again and again may be what ends the process:
		 * it takes no more neighbours with it. */
		if (w->attempts > ATTEMPTS_TOGETHER)
			break;
	}
	if (found < 0 || b->count == 0) {
		store_rollback(j);
		return found < 0 ? -1 : 0;
	}
	return store_commit(j) < 0 ? -1 : 1;
}

/* The leases are committed before anything of the orders is read: an order
 * that cannot be read does not come back at once. */
static int
take(struct batch *b)
{
	struct job *j = b->job;
	int64_t due_at;
	size_t max;
	int found = store_order_next_due(j, &due_at);

	if (found <= 0 || due_at > j->now)
		return found < 0 ? -1 : 0;
	return batch_size(b, &max) < 0 ? -1 : lease(b, max);
}

/* --- what they share ------------------------------------------------------ */

static void
fail(struct issuer_order *w)
{
	w->state = ORDER_FAILED;
}

/* All that are in this state fail as the job did. */
static void
fail_all(struct batch *b, enum issuer_order_state state)
{
	struct job *j = b->job;

	for (size_t k = 0; k < b->count; k++) {
		if (b->orders[k].state != state)
			continue;
		b->orders[k].job.err = j->err;
		fail(&b->orders[k]);
	}
	store_rollback(j);
	job_recover(j);
}

/* Keeps or undoes what was written for one of them: 0, or -1 where that fails
 * and with it the transaction. */
static int
end_savepoint(struct batch *b, int result)
{
	return result == 0 ? store_savepoint_keep(b->job)
			   : store_savepoint_undo(b->job);
}

/* --- numbers -------------------------------------------------------------- */

static size_t
draft_all(struct batch *b)
{
	size_t count = 0;

	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_OPEN)
			continue;
		if (issuer_order_draft(b->issuer, w) < 0)
			fail(w);
		else
			count++;
	}
	return count;
}

static size_t
count_of(const struct batch *b, enum issuer_order_state state)
{
	size_t count = 0;

	for (size_t k = 0; k < b->count; k++)
		count += b->orders[k].state == state;
	return count;
}

/*
 * How many numbers may be taken, counted where nobody else takes any: two
 * issuers together do not exceed the ceiling either.  That lock comes before
 * those of the keys, so that issuers never wait for each other in a ring.
 */
static int
room_for_numbers(struct batch *b, int64_t *room)
{
	if (store_cert_await_reservations(b->job) < 0)
		return -1;
	return ceiling_room(&b->issuer->ceiling, b->job,
	    (int64_t)count_of(b, ORDER_RESERVED), room);
}

/* 0, or -1 where the transaction cannot go on. */
static int
reserve_one(struct batch *b, struct issuer_order *w)
{
	bool taken;
	int result;

	if (store_savepoint(b->job) < 0)
		return -1;
	result = issuer_order_reserve(b->issuer, w, &taken);
	if (end_savepoint(b, result) < 0)
		return -1;
	if (result == 0) {
		w->state = ORDER_RESERVED;
	} else if (taken) { /* PK-143: it stays open, and draws again */
		log_warning("serial number drawn again", "order=%s", w->id);
		job_recover(&w->job);
	} else {
		fail(w);
	}
	return 0;
}

/* Contents and numbers of all, durable before the key is used (PK-144). */
static int
reserve_in_transaction(struct batch *b, bool is_new[BATCH_MAX])
{
	int64_t room;

	if (room_for_numbers(b, &room) < 0)
		return -1;
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_OPEN)
			continue;
		if (room <= 0) {
			w->state = ORDER_NO_ROOM;
			continue;
		}
		if (reserve_one(b, w) < 0)
			return -1;
		is_new[k] = w->state == ORDER_RESERVED;
		room -= is_new[k];
	}
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (is_new[k] && (issuer_order_audit_approved(b->job, w) < 0 ||
				     issuer_record_allowed(b->job, &w->order,
					 w->tbs.lints_allowed) < 0))
			return -1;
	}
	return store_commit(b->job);
}

static void
reserve_drafts(struct batch *b)
{
	bool is_new[BATCH_MAX] = { false };

	if (store_begin(b->job) == 0 && reserve_in_transaction(b, is_new) == 0)
		return;
	/* Those that were reserved before are not concerned. */
	for (size_t k = 0; k < b->count; k++)
		if (is_new[k])
			b->orders[k].state = ORDER_OPEN;
	fail_all(b, ORDER_OPEN);
}

/* PK-143: a number that is taken is drawn again. */
static void
reserve_all(struct batch *b)
{
	for (int draws = 0; draws < DRAWS_MAX; draws++) {
		if (draft_all(b) == 0)
			return;
		reserve_drafts(b);
	}
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_OPEN)
			continue;
		(void)job_fail(&w->job, ERR_INTERNAL,
		    "%d serial numbers in a row were taken: is the random "
		    "number generator broken?",
		    DRAWS_MAX);
		fail(w);
	}
}

/* --- certificates --------------------------------------------------------- */

/* PK-149: of those that are about to be signed the status side learns together.
 * Where that fails each is announced by itself. */
static void
announce_all(struct batch *b)
{
	const struct cert *certs[BATCH_MAX];
	size_t count = 0;
	struct job j;

	job_init(&j, b->job->store, b->job->conf);
	j.now = b->job->now;
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_RESERVED)
			continue;
		if (issuer_check_stop(b->issuer, &j, &w->order) == 0 &&
		    issuer_list_is_out(b->issuer, &j, w->row.shard) == 1)
			certs[count++] = &w->row;
		job_recover(&j);
	}
	if (count > 1 && answers_announce(b->issuer, &j, certs, count) < 0)
		log_debug("announced one by one", "error=\"%s\"", j.err.text);
	job_done(&j);
}

/* What a slow token leaves when the leases are about to end stays reserved, and
 * is given back: nobody else may have begun it. */
static void
sign_all(struct batch *b)
{
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_RESERVED ||
		    clock_now() >= b->until - LEASE_LEFT_SECS)
			continue;
		if (issuer_order_sign(b->issuer, w) < 0)
			fail(w);
		else
			w->state = ORDER_SIGNED;
	}
}

/* Rows of all, then the audit's of all: 0, or -1 where the transaction cannot
 * go on. */
static int
write_records(struct batch *b)
{
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];
		int result;

		if (w->state != ORDER_SIGNED)
			continue;
		if (store_savepoint(b->job) < 0)
			return -1;
		result = issuer_order_record(w);
		if (end_savepoint(b, result) < 0)
			return -1;
		if (result < 0)
			fail(w);
	}
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_SIGNED || issuer_order_audit(w) == 0)
			continue;
		b->job->err = w->job.err;
		return -1;
	}
	return 0;
}

/* PK-45: no certificate whose commit comes after the stop's.  The audit
 * record, which both write, says who comes first. */
static size_t
fail_stopped(struct batch *b)
{
	size_t count = 0;

	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_SIGNED ||
		    issuer_check_stop(b->issuer, &w->job, &w->order) == 0)
			continue;
		fail(w);
		count++;
	}
	return count;
}

static void
tell(struct batch *b)
{
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (w->state != ORDER_SIGNED)
			continue;
		w->state = ORDER_DONE;
		w->job.wake |= 1u << ROLE_WEB;
		log_info("certificate issued", "order=%s serial=%s", w->id,
		    w->row.serial);
	}
}

/* Where one of them was stopped meanwhile, once more without it. */
static void
record_all(struct batch *b)
{
	struct job *j = b->job;

	while (count_of(b, ORDER_SIGNED) > 0) {
		if (store_begin(j) < 0 || write_records(b) < 0) {
			fail_all(b, ORDER_SIGNED);
			return;
		}
		if (fail_stopped(b) > 0) {
			store_rollback(j);
			continue;
		}
		if (store_commit(j) < 0)
			fail_all(b, ORDER_SIGNED);
		tell(b);
	}
}

/* --- all ------------------------------------------------------------------ */

/* PK-19: once, not for each of the tries that follow. */
static int
record_lint(struct issuer_order *w)
{
	struct job *j = &w->job;
	struct err why = j->err;
	int result;

	if (w->order.issue_fault_at > 0)
		return 0;
	job_recover(j);
	result = worker_record(j, "issuer", "lint failed",
	    arena_printf(j->arena, "order:%s", w->order.id), "refused",
	    worker_detail(j, "lint", why.text));
	if (result == 0)
		j->err = why;
	return result;
}

/* 0, or -1: the order stays as it is until its lease ends. */
static int
settle(struct batch *b, struct issuer_order *w)
{
	if (w->state == ORDER_FAILED && w->is_lint_refused &&
	    record_lint(w) < 0)
		return -1;
	if (w->state == ORDER_FAILED)
		return issuer_settle(
		    b->issuer, &w->job, &w->order, w->attempts);
	if (w->state == ORDER_RESERVED)
		return issuer_give_back(&w->job, &w->order, 0);
	if (w->state == ORDER_NO_ROOM)
		return issuer_give_back(&w->job, &w->order, ISSUER_STOP_SECS);
	return 0;
}

/* How many were dealt with; the job's error is that of the first that was
 * not. */
static size_t
work(struct batch *b)
{
	bool is_stuck[BATCH_MAX] = { false };
	size_t dealt = 0;

	for (size_t k = 0; k < b->count; k++)
		is_stuck[k] = issuer_order_open(
				  b->issuer, &b->orders[k], b->may_reserve) < 0;
	reserve_all(b);
	announce_all(b);
	sign_all(b);
	record_all(b);
	for (size_t k = 0; k < b->count; k++) {
		struct issuer_order *w = &b->orders[k];

		if (!is_stuck[k] && settle(b, w) == 0)
			dealt++;
		else if (b->job->err.kind == ERR_NONE)
			b->job->err = w->job.err;
		store_rollback(&w->job);
	}
	return dealt;
}

int
issuer_orders_step(struct issuer *i, struct job *j)
{
	struct batch b = { .issuer = i, .job = j };
	int found = take(&b);
	size_t dealt;

	if (found <= 0)
		return found;
	for (size_t k = 0; k < b.count; k++) {
		job_init(&b.orders[k].job, j->store, j->conf);
		b.orders[k].job.now = j->now;
	}
	dealt = work(&b);
	for (size_t k = 0; k < b.count; k++) {
		j->wake |= b.orders[k].job.wake;
		job_done(&b.orders[k].job);
	}
	if (dealt == 0)
		return -1;
	if (dealt < b.count) {
		log_error("orders left", "count=%zu error=\"%s\"",
		    b.count - dealt, j->err.text);
		job_recover(j);
	}
	return 1;
}
