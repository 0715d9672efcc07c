/*
 * Limits that are stored, for many accounts and from many processes at once,
 * through the functions that take them (AC-182, AC-183, AC-186 to AC-191).
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <stdio.h>
#include <unistd.h>

#include "acme/limit.h"
#include "acme/problem.h"
#include "db/store_bucket.h"
#include "db/store_private.h"
#include "lib/count.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* One order as order_create() takes it: 0 or the wait. */
static int64_t
take_mail(struct job *j, const char *account, const char *address,
    const char *mailbox)
{
	struct response resp = { .status = 0 };
	struct limits l;
	int result;

	assert_int_equal(store_begin(j), 0);
	limits_init(&l, j, &front_limits);
	limits_add(&l, LIMIT_NEW_ORDERS, account, 1);
	limits_add_mail(&l, account, address, mailbox);
	result = limits_take(&l, &resp);
	if (result == 0) {
		assert_int_equal(store_commit(j), 0);
		return 0;
	}
	store_rollback(j);
	assert_job_error(j, ERR_RATE_LIMITED, NULL);
	job_recover(j);
	assert_true(resp.problem->retry_after > 0);
	return resp.problem->retry_after;
}

/* AC-189: a thousand orders from a hundred accounts and addresses within a
 * day: six mails. */
static void
test_no_cannon(struct job *j)
{
	char account[32], address[32];
	int sent = 0;

	for (int i = 0; i < 1000; i++) {
		snprintf(account, sizeof(account), "account%d", i % 100);
		snprintf(address, sizeof(address), "198.51.100.%d", i % 100);
		j->now = FIXTURE_NOW + i * 86;
		sent +=
		    take_mail(j, account, address, "alice@example.org") == 0;
	}
	assert_int_equal(sent, 6);
}

/* AC-189: the proven holder still gets the mail. */
static void
test_holder(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 1);
	const char *mailbox = o->identifiers[0].authz.mailbox;
	char stranger[32];

	for (int i = 0; i < 3; i++) {
		snprintf(stranger, sizeof(stranger), "stranger%d", i);
		assert_int_equal(
		    take_mail(j, stranger, "198.51.100.7", mailbox), 0);
	}
	assert_int_not_equal(take_mail(j, account, "198.51.100.8", mailbox), 0);
	fixture_sql(j, "UPDATE authz SET valid_at = 1, valid_until = 2");
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    take_mail(j, account, "198.51.100.8", mailbox), 0);
	assert_int_equal(take_mail(j, account, "198.51.100.8", mailbox), DAY);
	/* Strangers gained nothing by it. */
	assert_int_not_equal(
	    take_mail(j, "stranger9", "198.51.100.9", mailbox), 0);
}

/* AC-186: the domain, and what it belongs to. */
static void
test_domain(struct job *j)
{
	char mailbox[64], account[32], address[32];
	int64_t wait = 0;
	int sent = 0;

	for (int i = 0; i < 120 && wait == 0; i++) {
		snprintf(account, sizeof(account), "account%d", i);
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		snprintf(mailbox, sizeof(mailbox), "m%d@s%d.example.co.uk", i,
		    i % 7);
		wait = take_mail(j, account, address, mailbox);
		sent += wait == 0;
	}
	assert_int_equal(sent, 100);
	assert_int_equal(wait, 36);
	assert_int_equal(
	    take_mail(j, "other", "192.0.2.1", "a@example2.co.uk"), 0);
	assert_int_not_equal(
	    take_mail(j, "other", "192.0.2.1", "a@example.co.uk"), 0);
}

/* AC-187: account, client address (IPv6 per /64), the whole server. */
static void
test_sources(struct job *j)
{
	char name[64], mailbox[64];
	int sent = 0;

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "198.51.100.%d", i);
		snprintf(mailbox, sizeof(mailbox), "a@d%d.example", i);
		sent += take_mail(j, "busy", name, mailbox) == 0;
	}
	assert_int_equal(sent, 50);
	sent = 0;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "2001:db8::%d", i);
		snprintf(mailbox, sizeof(mailbox), "b@d%d.example", i);
		sent += take_mail(j, arena_printf(j->arena, "account%d", i),
			    name, mailbox) == 0;
	}
	assert_int_equal(sent, 30);
	assert_int_equal(
	    take_mail(j, "x", "2001:db8:0:1::1", "c@a.example"), 0);
}

static int64_t
take_account(struct job *j, const char *address)
{
	struct response resp = { .status = 0 };
	struct limits l;
	int64_t wait = 0;

	assert_int_equal(store_begin(j), 0);
	limits_init(&l, j, &front_limits);
	limits_add_account(&l, address);
	if (limits_take(&l, &resp) < 0) {
		wait = resp.problem->retry_after;
		store_rollback(j);
		job_recover(j);
	} else {
		assert_int_equal(store_commit(j), 0);
	}
	return wait;
}

/* AC-182 */
static void
test_accounts(struct job *j)
{
	char address[64];
	int made = 0;

	for (int i = 0; i < 12; i++)
		made += take_account(j, "192.0.2.1") == 0;
	assert_int_equal(made, 10);
	made = 0;
	for (int i = 0; i < 12; i++) {
		snprintf(address, sizeof(address), "2001:db8:1:2::%d", i);
		made += take_account(j, address) == 0;
	}
	assert_int_equal(made, 10);
	made = 0;
	for (int i = 0; i < 120; i++) {
		snprintf(address, sizeof(address), "2001:db8:1:%d::1", i + 10);
		made += take_account(j, address) == 0;
	}
	assert_int_equal(made, 90);
	assert_int_equal(take_account(j, "2001:db8:2::1"), 0);
}

/* AC-78: what an account may have for itself. */
static void
test_own(struct job *j)
{
	static const struct {
		const char *name, *value;
		int result;
	} cases[] = {
		{ "new_orders", "200/3h", 0 },
		{ "new_orders", "none", 0 },
		{ "pending_authorizations", "1000", 0 },
		{ "mails_by_account", "5/1h 20/24h", 0 },
		{ "mails_to_mailbox", "100/1h", -1 },
		{ "mails_total", "100/1h", -1 },
		{ "new_orders", "many", -1 },
		{ "pending_authorizations", "0", -1 },
		{ "pending_authorizations", "3/1h", -1 },
		{ "unheard_of", "1/1h", -1 },
	};
	const struct conf_limits *own;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_limits l = front_limits;

		unit_case("%s=%s", cases[i].name, cases[i].value);
		assert_int_equal(limits_set(&l, span_str(cases[i].name),
				     span_str(cases[i].value)),
		    cases[i].result);
		if (cases[i].result < 0)
			assert_memory_equal(&l, &front_limits, sizeof(l));
	}
	/* What is not understood is no way around a limit. */
	own = limits_of_account(j, &front_limits,
	    "{\"mails_to_known_mailbox\":20,\"new_orders\":null,"
	    "\"mails_by_account\":\"5/1h many\",\"mails_by_address\":\"\"}");
	assert_memory_equal(own, &front_limits, sizeof(*own));
	own = limits_of_account(j, &front_limits,
	    "{\"new_orders\":\"7/1h\",\"mails_total\":\"9/1h\",\"x\":1}");
	assert_int_equal(own->new_orders.v[0].count, 7);
	assert_int_equal(own->mails_total.v[0].count, 2000);
	assert_ptr_equal(
	    limits_of_account(j, &front_limits, NULL), &front_limits);
	assert_ptr_equal(
	    limits_of_account(j, &front_limits, "["), &front_limits);
}

/* Rows that say nothing any more go, a few with each order. */
static void
test_sweep(struct job *j)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    take_mail(j, arena_printf(j->arena, "account%d", i),
			"192.0.2.1",
			arena_printf(j->arena, "a@d%d.example", i)),
		    0);
	assert_true(fixture_count(j, "SELECT COUNT(*) FROM bucket") > 60);
	j->now += 8 * DAY;
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    take_mail(j, "late", "192.0.2.2",
			arena_printf(j->arena, "b@e%d.example", i)),
		    0);
	assert_true(fixture_count(j, "SELECT COUNT(*) FROM bucket "
				     "WHERE subject LIKE 'account%'") == 0);
}

/* AC-191 across processes: what one takes, another one misses. */
static int
take_ten(struct job *j, void *ctx)
{
	int taken = 0;

	(void)ctx;
	for (int i = 0; i < 10; i++) {
		struct response resp = { .status = 0 };
		struct limits l;

		if (store_begin(j) < 0)
			return 99;
		limits_init(&l, j, &front_limits);
		limits_add(&l, LIMIT_NEW_ORDERS, "shared", 1);
		if (limits_take(&l, &resp) == 0 && store_commit(j) == 0) {
			taken++;
			continue;
		}
		store_rollback(j);
		job_recover(j);
	}
	return taken;
}

static void
test_processes(struct job *j)
{
	int pids[8], taken = 0;

	(void)j;
	for (int i = 0; i < 8; i++)
		pids[i] = fixture_fork(take_ten, NULL);
	for (int i = 0; i < 8; i++)
		taken += fixture_wait(pids[i]);
	assert_int_equal(taken, 50);
}

/* Whoever sweeps does not wait for rows that others hold: two of them would
 * wait for each other. */
static int
hold_and_sweep(struct job *j, void *ctx)
{
	struct bucket b = { .name = "new_orders/10800", .subject = ctx };
	int result = 1;

	if (store_begin(j) < 0 || store_bucket_lock(j, &b) < 0)
		return 99;
	usleep(200000);
	if (store_bucket_sweep(j, 10) == 0 && store_commit(j) == 0)
		result = 0;
	store_rollback(j);
	return result;
}

static void
test_sweep_processes(struct job *j)
{
	static char subjects[2][8] = { "a", "b" };
	int pids[2];

	fixture_sql(j, "INSERT INTO bucket (name, subject, full_at_ms) VALUES "
		       "('new_orders/10800', 'a', 5), "
		       "('new_orders/10800', 'b', 5), "
		       "('new_orders/10800', 'c', 5)");
	for (int i = 0; i < 2; i++)
		pids[i] = fixture_fork(hold_and_sweep, subjects[i]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fixture_wait(pids[i]), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM bucket "
					  "WHERE subject = 'c'"),
	    0);
}

/* AC-183 across processes: each wants one more pending validation of one
 * mailbox, and takes a while from asking to the commit. */
struct pending_try {
	const char *account_id;
	const char *authz_id;
};

static int
take_pending(struct job *j, void *ctx)
{
	static const struct conf_limits three = { .pending_per_mailbox = 3 };
	const struct pending_try *t = ctx;
	struct response resp = { .status = 0 };
	struct limits l;

	if (store_begin(j) < 0)
		return 99;
	limits_init(&l, j, &three);
	limits_add_mail(&l, t->account_id, "192.0.2.1", "mailbox0@example.org");
	if (limits_take(&l, &resp) < 0) {
		store_rollback(j);
		job_recover(j);
		return 0;
	}
	usleep(100000);
	if (store_change(j, NULL,
		"UPDATE authz SET deactivated_at = 0 WHERE id = $1",
		ARGS(v_text(t->authz_id))) < 0)
		return 99;
	return store_commit(j) == 0 ? 1 : 99;
}

static void
test_pending_processes(struct job *j)
{
	struct pending_try tries[8];
	int pids[8], taken = 0;

	tries[0].account_id = fixture_account(j);
	for (int i = 0; i < 8; i++)
		tries[i] = (struct pending_try){ tries[0].account_id,
			fixture_order(j, tries[0].account_id, 1)
			    ->identifiers[0]
			    .authz.id };
	fixture_sql(j, "UPDATE authz SET deactivated_at = 1");
	for (int i = 0; i < 8; i++)
		pids[i] = fixture_fork(take_pending, &tries[i]);
	for (int i = 0; i < 8; i++)
		taken += fixture_wait(pids[i]);
	assert_int_equal(taken, 3);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_no_cannon),
	STORE_TEST(test_holder),
	STORE_TEST_SQLITE(test_domain),
	STORE_TEST_SQLITE(test_sources),
	STORE_TEST(test_accounts),
	STORE_TEST_SQLITE(test_own),
	STORE_TEST(test_sweep),
	STORE_TEST(test_processes),
	STORE_TEST(test_sweep_processes),
	STORE_TEST(test_pending_processes),
};
UNIT_MAIN(tests)
