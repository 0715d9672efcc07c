/* How orders end in the store, from finalize on, and which secrets go then. */
#include "config.h"

#include "tests/unit/verdict_lab.h"

#include <time.h>
#include <unistd.h>

#include "db/store_challenge.h"
#include "db/store_outbox.h"
#include "db/store_reply.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "tests/unit/store_fixture.h"

/* AC-143: one CSR. */
static void
test_finalize(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);
	struct order *back;
	struct order *failed = fixture_order(j, o->account_id, 1);

	j->now += 5;
	j->wake = 0;
	COMMITTED(
	    j, store_order_finalize(j, o->id, SPAN("\0csr"), SPAN("{\0jws}")));
	assert_true(j->wake & 1u << ROLE_ISSUER);
	back = fixture_reread(j, o);
	assert_int_equal(back->csr_at, j->now);
	assert_true(span_eq(back->csr, SPAN("\0csr")));
	assert_true(span_eq(back->csr_jws, SPAN("{\0jws}")));
	REFUSED(j, store_order_finalize(j, o->id, SPAN("other"), SPAN("jws")),
	    ERR_CONFLICT);
	REFUSED(j,
	    store_order_finalize(j, "absent", SPAN("other"), SPAN("jws")),
	    ERR_CONFLICT);
	COMMITTED(j, store_order_fail(j, failed->id, verdict_lab_problem));
	REFUSED(j,
	    store_order_finalize(j, failed->id, SPAN("csr"), SPAN("jws")),
	    ERR_CONFLICT);
}

/* AC-140 */
static void
test_csr_refused(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	int64_t count = 0;

	for (int64_t i = 1; i <= 20; i++) {
		COMMITTED(j, store_order_csr_refused(j, o->id, &count));
		assert_int_equal(count, i);
	}
	assert_int_equal(fixture_reread(j, o)->csr_refused_count, 20);
	COMMITTED(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")));
	REFUSED(j, store_order_csr_refused(j, o->id, &count), ERR_CONFLICT);
}

static void
test_issuer_queue(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *first = fixture_order(j, account, 2);
	struct order *second = fixture_order(j, account, 1);
	const char *taken;
	int64_t attempts, at, now = j->now;

	EXPECT(j, store_order_next_due(j, &at), 0);
	COMMITTED(j, store_order_lease(j, now + 30, &taken, &attempts));
	COMMITTED(
	    j, store_order_finalize(j, first->id, SPAN("1"), SPAN("jws")));
	j->now++;
	COMMITTED(
	    j, store_order_finalize(j, second->id, SPAN("2"), SPAN("jws")));
	EXPECT(j, store_order_next_due(j, &at), 1);
	assert_int_equal(at, now);

	/* the oldest first, each once */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_lease(j, now + 30, &taken, &attempts), 1);
	assert_string_equal(taken, first->id);
	assert_int_equal(attempts, 1);
	EXPECT(j, store_order_lease(j, now + 30, &taken, &attempts), 1);
	assert_string_equal(taken, second->id);
	EXPECT(j, store_order_lease(j, now + 30, &taken, &attempts), 0);
	EXPECT(j, store_commit(j), 0);
	EXPECT(j, store_order_next_due(j, &at), 1);
	assert_int_equal(at, now + 30);

	/* given back; a lease that nobody gave back ends by itself */
	COMMITTED(j, store_order_release(j, second->id, now + 10, now));
	assert_int_equal(fixture_reread(j, second)->issue_fault_at, now);
	j->now = now + 10;
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_lease(j, now + 40, &taken, &attempts), 1);
	assert_string_equal(taken, second->id);
	assert_int_equal(attempts, 2);
	EXPECT(j, store_order_lease(j, now + 40, &taken, &attempts), 0);
	j->now = now + 30;
	EXPECT(j, store_order_lease(j, now + 60, &taken, &attempts), 1);
	assert_string_equal(taken, first->id);
	EXPECT(j, store_commit(j), 0);

	/* what has failed is no work any more */
	COMMITTED(j, store_order_fail(j, first->id, verdict_lab_problem));
	COMMITTED(j, store_order_fail(j, second->id, verdict_lab_problem));
	EXPECT(j, store_order_next_due(j, &at), 0);
	REFUSED(j, store_order_release(j, first->id, now, 0), ERR_CONFLICT);
}

/* 17.2: pending authorizations go with the order, decided ones stay. */
static void
test_fail(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 3);
	struct order *back;
	struct authz out;
	struct outbox_mail mail;

	COMMITTED(
	    j, store_challenge_post(
		   j, o->identifiers[1].authz.challenge.id, j->now + 9, &out));
	verdict_lab_take(j, &o->identifiers[1].authz, VERDICT_MATCH, NULL);
	j->now++;
	COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
	back = fixture_reread(j, o);
	assert_int_equal(back->failed_at, j->now);
	assert_string_equal(back->error, verdict_lab_problem);
	for (size_t i = 0; i < 3; i++) {
		const struct authz *a = &back->identifiers[i].authz;

		unit_case("authorization %zu", i);
		assert_int_equal(a->deactivated_at, i == 1 ? 0 : j->now);
		assert_int_equal(a->valid_at, i == 1 ? j->now - 1 : 0);
		assert_int_equal(a->challenge.mail_due_at, 0);
	}
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 0);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
	REFUSED(j, store_order_fail(j, o->id, "{}"), ERR_CONFLICT);
	assert_string_equal(fixture_reread(j, o)->error, verdict_lab_problem);
}

/* 17.3: expired stays expired, but its secrets go. */
static void
test_fail_after_expiry(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);

	j->now = o->identifiers[0].authz.expires_at;
	COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
	assert_int_equal(fixture_authz(j, o, 0)->deactivated_at, 0);
	assert_int_equal(fixture_authz(j, o, 1)->deactivated_at, 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
}

enum final {
	FINAL_VALID,
	FINAL_PROVEN,
	FINAL_MISMATCH,
	FINAL_BOUNCE,
	FINAL_MAIL_REFUSED,
	FINAL_ORDER_FAILED,
	FINAL_EXPIRED,
	FINAL_SENT,
};

static void
bring_to_end(struct job *j, const struct order *o, enum final final)
{
	const struct authz *a = &o->identifiers[0].authz;
	const char *id = a->challenge.id;
	struct authz out;
	size_t count;

	switch (final) {
	case FINAL_VALID:
		COMMITTED(j, store_challenge_post(j, id, 1, &out));
		verdict_lab_take(j, a, VERDICT_MATCH, NULL);
		break;
	case FINAL_PROVEN:
		verdict_lab_take(j, a, VERDICT_MATCH, NULL);
		break;
	case FINAL_MISMATCH:
		verdict_lab_take(j, a, VERDICT_MISMATCH, verdict_lab_problem);
		break;
	case FINAL_BOUNCE:
		verdict_lab_take(j, a, VERDICT_DSN_FAILED, verdict_lab_problem);
		break;
	case FINAL_MAIL_REFUSED:
		COMMITTED(
		    j, store_outbox_failed(j, id, "550", verdict_lab_problem));
		break;
	case FINAL_ORDER_FAILED:
		COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
		break;
	case FINAL_EXPIRED:
		COMMITTED(j, store_challenge_wipe_expired(
				 j, a->expires_at, 100, &count));
		break;
	case FINAL_SENT:
		COMMITTED(j, store_outbox_sent(j, id, "250", 60));
		break;
	}
}

/* ER-7, AC-113: after each final state nothing holds part1, neither a table
 * nor, on SQLite, a free octet of the file; its hash stays. */
static void
test_part1_is_erased(struct job *j)
{
	static const enum final finals[] = { FINAL_VALID, FINAL_PROVEN,
		FINAL_MISMATCH, FINAL_BOUNCE, FINAL_MAIL_REFUSED,
		FINAL_ORDER_FAILED, FINAL_EXPIRED, FINAL_SENT };
	const char *account = fixture_account(j);

	for (size_t i = 0; i < COUNT(finals); i++) {
		struct order *o = fixture_order(j, account, 1);
		const struct challenge *c = &o->identifiers[0].authz.challenge;
		struct outbox_mail mail;
		struct challenge_subject subject;
		uint8_t hash[SHA256_LEN];
		struct buf b;

		unit_case("%d", (int)finals[i]);
		buf_init(&b, j->arena, 8192);
		buf_addf(&b, "From: x\r\nSubject: ACME: %.*s\r\n\r\n",
		    (int)c->token_part1.n, c->token_part1.p);
		while (b.n < 6000)
			buf_add_str(&b, "text of the mail\r\n");
		EXPECT(j, store_begin(j), 0);
		EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
		assert_string_equal(mail.challenge_id, c->id);
		EXPECT(j, store_outbox_spool(j, c->id, buf_span(&b)), 0);
		EXPECT(j, store_commit(j), 0);
		assert_true(fixture_database_holds(
		    j, c->token_part1.p, c->token_part1.n));
		bring_to_end(j, o, finals[i]);
		assert_false(fixture_database_holds(
		    j, c->token_part1.p, c->token_part1.n));
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
		sha256(c->token_part1, hash);
		EXPECT(j,
		    store_challenge_by_part1_hash(
			j, span_mem(hash, sizeof(hash)), &subject),
		    1);
		assert_string_equal(subject.authz.challenge.id, c->id);
	}
}

static bool
is_erased(struct job *j, const struct order *o)
{
	struct span part1 = o->identifiers[0].authz.challenge.token_part1;

	return !fixture_database_holds(j, part1.p, part1.n);
}

/*
 * The same with enough of them that pages split and merge while others live:
 * nothing is left behind in a page when rows move.
 */
static void
test_part1_is_erased_from_moved_rows(struct job *j)
{
	enum { ORDERS = 240 };
	const char *account = fixture_account(j);
	struct order *o[ORDERS];
	size_t count;

	for (size_t i = 0; i < ORDERS; i++) {
		struct outbox_mail mail;
		struct buf b;

		o[i] = fixture_order(j, account, 1);
		EXPECT(j, store_begin(j), 0);
		EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
		buf_init(&b, j->arena, 8192);
		buf_add(&b, mail.token_part1);
		while (b.n < 100 + i * 37 % 5000)
			buf_add_str(&b, "text of the mail\r\n");
		EXPECT(j,
		    store_outbox_spool(j, mail.challenge_id, buf_span(&b)), 0);
		EXPECT(j, store_commit(j), 0);
		/* some end while others begin */
		if (i % 5 == 4)
			bring_to_end(j, o[i - 3], FINAL_PROVEN);
	}
	for (size_t i = 0; i < ORDERS; i += 3)
		bring_to_end(j, o[i], FINAL_ORDER_FAILED);
	for (size_t i = 0; i < ORDERS; i++) {
		unit_case("order %zu, others live", i);
		assert_int_equal(is_erased(j, o[i]), i % 3 == 0 || i % 5 == 1);
	}
	COMMITTED(
	    j, store_challenge_wipe_expired(j, j->now + 86400, 7, &count));
	assert_int_equal(count, 7);
	COMMITTED(
	    j, store_challenge_wipe_expired(j, j->now + 86400, 1000, &count));
	assert_int_equal(count, ORDERS * 8 / 15 - 7);
	COMMITTED(
	    j, store_challenge_wipe_expired(j, j->now + 86400, 1000, &count));
	assert_int_equal(count, 0);
	for (size_t i = 0; i < ORDERS; i++) {
		unit_case("order %zu, at the end", i);
		assert_true(is_erased(j, o[i]));
	}
}

/* Only what has expired. */
static void
test_wipe_expired(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 2);
	struct outbox_mail mail;
	size_t count;

	COMMITTED(j, store_challenge_wipe_expired(j,
			 o->identifiers[0].authz.expires_at - 1, 10, &count));
	assert_int_equal(count, 0);
	j->now++;
	fixture_order(j, account, 1);
	COMMITTED(j, store_challenge_wipe_expired(
			 j, o->identifiers[0].authz.expires_at, 10, &count));
	assert_int_equal(count, 2);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 1);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 1);
	assert_string_not_equal(mail.order_id, o->id);
	EXPECT(j, store_commit(j), 0);
}

struct deactivation {
	const char *authz_id;
	int ready; /* told when it is about to be tried */
};

static int
deactivate(struct job *j, void *ctx)
{
	const struct deactivation *d = ctx;
	struct authz a;

	if (write(d->ready, "x", 1) != 1 || store_begin(j) != 0 ||
	    store_authz_lock(j, d->authz_id, &a) != 1 ||
	    store_authz_deactivate(j, &a) != 0)
		return 1;
	return store_commit(j) == 0 ? 0 : 2;
}

/* AC-105, section 17.2: what was finalized first is decided, also where the
 * deactivation had looked at the order before that was committed. */
static void
test_finalized_first(struct job *j)
{
	const struct timespec moment = { 0, 200 * 1000000L };
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct deactivation d = { .authz_id = o->identifiers[0].authz.id };
	int fds[2], pid;
	char byte;

	fixture_sql(
	    j, "UPDATE authz SET valid_at = 1, valid_until = 9000000000");
	assert_int_equal(pipe(fds), 0);
	d.ready = fds[1];
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")), 0);
	pid = fixture_fork(deactivate, &d);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	nanosleep(&moment, NULL);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(fixture_wait(pid), 0);
	o = fixture_reread(j, o);
	assert_int_not_equal(o->identifiers[0].authz.deactivated_at, 0);
	assert_int_not_equal(o->csr_at, 0);
	assert_int_equal(o->failed_at, 0);
	close(fds[0]);
	close(fds[1]);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_finalize),
	STORE_TEST(test_csr_refused),
	STORE_TEST(test_issuer_queue),
	STORE_TEST(test_fail),
	STORE_TEST(test_fail_after_expiry),
	STORE_TEST(test_part1_is_erased),
	STORE_TEST_SQLITE(test_part1_is_erased_from_moved_rows),
	STORE_TEST(test_wipe_expired),
	STORE_TEST_PGSQL(test_finalized_first),
};
UNIT_MAIN(tests)
