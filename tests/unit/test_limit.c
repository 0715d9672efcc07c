/*
 * Limits that are stored (AC-182 to AC-189, AC-191, ER-12), over a real store:
 * through requests, and for many accounts at once through the same functions.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/limit.h"
#include "acme/problem.h"
#include "db/store_bucket.h"
#include "db/store_private.h"
#include "db/store_suppressed.h"
#include "lib/rate.h"
#include "tests/unit/acme_mailbox.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static const struct conf_limits defaults = {
	.new_accounts = { { { 10, 3 * HOUR } }, 1 },
	.new_accounts_net = { { { 100, 3 * HOUR } }, 1 },
	.pending_authorizations = 100,
	.pending_per_mailbox = 3,
	.new_orders = { { { 50, 3 * HOUR } }, 1 },
	.mails_to_mailbox = { { { 3, HOUR }, { 6, DAY } }, 2 },
	.mails_to_known_mailbox = { { { 10, DAY } }, 1 },
	.mails_to_domain = { { { 100, HOUR }, { 500, DAY } }, 2 },
	.mails_by_account = { { { 50, DAY } }, 1 },
	.mails_by_address = { { { 30, DAY } }, 1 },
	.mails_total = { { { 2000, HOUR } }, 1 },
	.certificates = { { { 10, 7 * DAY } }, 1 },
	.failed_validations = { { { 5, HOUR } }, 1 },
};

static struct answer
order_for(struct job *j, const char *mailbox)
{
	return front_post(j, FRONT_NEW_ORDER,
	    arena_printf(j->arena,
		"{\"identifiers\":[{\"type\":\"email\",\"value\":\"%s\"}]}",
		mailbox));
}

static const char *
challenge_url(struct job *j, const struct answer *order)
{
	const struct json *list = json_get(order->doc, "authorizations");
	struct answer z =
	    front_post(j, front_path(json_string(json_at(list, 0)).p), "");
	const struct json *c = json_at(json_get(z.doc, "challenges"), 0);

	return json_string(json_get(c, "url")).p;
}

static int64_t
retry_after(const struct answer *a)
{
	const char *text = front_header(a, "Retry-After", 0);
	int64_t secs = 0;

	assert_non_null(text);
	assert_int_equal(span_to_int(span_str(text), 1, INT64_MAX, &secs), 0);
	return secs;
}

/* --- through requests ---------------------------------------------------- */

/* AC-94, AC-185, AC-191: nothing is made, the longest wait is named. */
static void
test_mailbox(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox = defaults.mails_to_mailbox;
	front_conf()->limits.help_url = "https://ca.example/limits";
	front_open(j);
	/* One mailbox, however it is written. */
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	a = order_for(j, "Alice@example.com");
	front_expect(&a, 201, "", NULL);
	a = order_for(j, "alice+news@Example.COM");
	front_expect(&a, 201, "", NULL);
	a = order_for(j, "ALICE+x@example.com");
	front_expect(&a, 429, "rateLimited",
	    "challenge mails to one mailbox: try again in 1200 seconds");
	assert_int_equal(retry_after(&a), 1200);
	assert_int_equal(a.wake, 0);
	assert_string_equal(front_header(&a, "Link", 0),
	    "<https://ca.example/limits>;rel=\"help\"");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM orders"), 3);
	a = order_for(j, "bob@example.com");
	front_expect(&a, 201, "", NULL);

	/* It is true. */
	front_set_time(j, FIXTURE_NOW + 1199);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(retry_after(&a), 1);
	front_set_time(j, FIXTURE_NOW + 1200);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);

	/* Two of them are used up: the later moment (AC-191). */
	front_set_time(j, FIXTURE_NOW + HOUR);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(retry_after(&a), DAY - HOUR);
	front_close();

	/* It survives the process. */
	front_conf()->limits.mails_to_mailbox = defaults.mails_to_mailbox;
	front_open_again(j);
	front_set_time(j, FIXTURE_NOW + 4 * HOUR);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(retry_after(&a), DAY - 4 * HOUR);
	front_close();
}

/* One mailbox of several is over it: the order is not made. */
static void
test_whole_order(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox = defaults.mails_to_mailbox;
	front_open(j);
	for (int i = 0; i < 3; i++) {
		a = order_for(j, "alice@example.com");
		front_expect(&a, 201, "", NULL);
	}
	for (int i = 0; i < 5; i++) {
		a = front_post(j, FRONT_NEW_ORDER,
		    "{\"identifiers\":["
		    "{\"type\":\"email\",\"value\":\"bob@example.com\"},"
		    "{\"type\":\"email\",\"value\":\"alice@example.com\"}]}");
		front_expect(&a, 429, "rateLimited", NULL);
	}
	/* Bob's bucket lost nothing by it. */
	for (int i = 0; i < 3; i++) {
		a = order_for(j, "bob@example.com");
		front_expect(&a, 201, "", NULL);
	}
	front_close();
}

/* AC-184 */
static void
test_new_orders(struct job *j)
{
	struct answer a;

	front_conf()->limits.new_orders =
	    (struct conf_rates){ { { 5, 3 * HOUR } }, 1 };
	front_open(j);
	for (int i = 0; i < 5; i++) {
		a = order_for(j, "alice@example.com");
		front_expect(&a, 201, "", NULL);
	}
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited",
	    "new orders of one account: try again in 2160 seconds");
	/* What is refused for another reason costs nothing. */
	front_set_time(j, FIXTURE_NOW + 2160);
	a = order_for(j, "no mailbox");
	front_expect(&a, 400, "malformed", NULL);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-183 */
static void
test_pending(struct job *j)
{
	struct answer a;

	front_conf()->limits.pending_per_mailbox = 3;
	front_conf()->limits.pending_authorizations = 5;
	front_open(j);
	for (int i = 0; i < 3; i++) {
		a = order_for(j, "alice@example.com");
		front_expect(&a, 201, "", NULL);
	}
	front_set_time(j, FIXTURE_NOW + HOUR);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited",
	    "pending validations of one mailbox: try again in 82800 seconds");
	a = order_for(j, "bob@example.com");
	front_expect(&a, 201, "", NULL);
	/* Two more in one order are one too many. */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":["
	    "{\"type\":\"email\",\"value\":\"carol@example.com\"},"
	    "{\"type\":\"email\",\"value\":\"dave@example.com\"}]}");
	front_expect(&a, 429, "rateLimited",
	    "pending validations of one account: try again in 82800 seconds");
	a = order_for(j, "carol@example.com");
	front_expect(&a, 201, "", NULL);
	/* What has ended makes room, by reply or by the clock. */
	mailbox_reply(j, challenge_url(j, &a), VERDICT_MISMATCH);
	a = order_for(j, "dave@example.com");
	front_expect(&a, 201, "", NULL);
	front_set_time(j, FIXTURE_NOW + DAY);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	front_close();
}

static struct answer
order_for_three(struct job *j)
{
	return front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":["
	    "{\"type\":\"email\",\"value\":\"x@example.com\"},"
	    "{\"type\":\"email\",\"value\":\"y@example.com\"},"
	    "{\"type\":\"email\",\"value\":\"z@example.com\"}]}");
}

/* AC-183, AC-191: an order needs room for all of its validations, and
 * Retry-After says when that is. */
static void
test_pending_of_order(struct job *j)
{
	struct answer a;

	front_conf()->limits.pending_authorizations = 4;
	front_open(j);
	for (int i = 0; i < 4; i++) {
		front_set_time(j, FIXTURE_NOW + i * HOUR);
		a = order_for(j, arena_printf(j->arena, "a%d@example.com", i));
		front_expect(&a, 201, "", NULL);
	}
	a = order_for_three(j);
	front_expect(&a, 429, "rateLimited", NULL);
	/* The third of the four runs out. */
	assert_int_equal(retry_after(&a), DAY - HOUR);
	front_set_time(j, FIXTURE_NOW + DAY + 2 * HOUR - 1);
	a = order_for_three(j);
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(retry_after(&a), 1);
	/* A limit that was lowered since. */
	front_conf()->limits.pending_authorizations = 3;
	a = order_for_three(j);
	assert_int_equal(retry_after(&a), HOUR + 1);
	front_set_time(j, FIXTURE_NOW + DAY + 3 * HOUR);
	a = order_for_three(j);
	front_expect(&a, 201, "", NULL);
	front_close();

	/* More than ever fits does not get through when nothing waits. */
	front_conf()->limits.pending_authorizations = 2;
	front_open_again(j);
	front_set_time(j, FIXTURE_NOW + 9 * DAY);
	a = order_for_three(j);
	front_expect(&a, 429, "rateLimited", NULL);
	front_close();
}

/* AC-188: the holder finds the door closed at newOrder, before any mail. */
static void
test_failures(struct job *j)
{
	struct answer a;

	front_conf()->limits.failed_validations =
	    (struct conf_rates){ { { 2, HOUR } }, 1 };
	front_open(j);
	j->conf = front_conf();
	for (int i = 0; i < 2; i++) {
		a = order_for(j, "alice@example.com");
		front_expect(&a, 201, "", NULL);
		COMMITTED(j, limits_note_failure(
				 j, FRONT_ACCOUNT_ID, "alice@example.com"));
	}
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited",
	    "failed validations of one mailbox: try again in 1800 seconds");
	a = order_for(j, "bob@example.com");
	front_expect(&a, 201, "", NULL);
	/* More of them do not make it last longer than an empty bucket. */
	for (int i = 0; i < 50; i++)
		COMMITTED(j, limits_note_failure(
				 j, FRONT_ACCOUNT_ID, "alice@example.com"));
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(retry_after(&a), 1800);
	front_close();
}

/* AC-191: what cannot be counted is not sent, and another time may do. */
static void
test_no_memory_of_limits(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox = defaults.mails_to_mailbox;
	front_open(j);
	fixture_sql(j, "ALTER TABLE bucket RENAME TO bucket_away");
	a = order_for(j, "alice@example.com");
	front_expect(&a, 503, "serverInternal", NULL);
	assert_true(retry_after(&a) > 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM orders"), 0);
	fixture_sql(j, "ALTER TABLE bucket_away RENAME TO bucket");
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-182, through a request: an existing account costs nothing. */
static void
test_new_account(struct job *j)
{
	struct answer a;

	front_conf()->limits.new_accounts =
	    (struct conf_rates){ { { 1, 3 * HOUR } }, 1 };
	front_open(j);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 201, "", NULL);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 200, "", NULL);
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(retry_after(&a), 3 * HOUR);
	front_set_time(j, FIXTURE_NOW + 3 * HOUR);
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-188: how many certificates a mailbox has is told to who has proven it. */
static void
test_certificates(struct job *j)
{
	struct answer a, order;

	front_conf()->limits.certificates =
	    (struct conf_rates){ { { 1, 7 * DAY } }, 1 };
	front_open(j);
	fixture_sql(j,
	    "INSERT INTO bucket (name, subject, full_at_ms) VALUES "
	    "('certificates/604800', 'alice@example.com', 1800604800000)");
	order = order_for(j, "alice@example.com");
	front_expect(&order, 201, "", NULL);
	mailbox_reply(j, challenge_url(j, &order), VERDICT_MATCH);
	a = front_post(j, front_path(challenge_url(j, &order)), "{}");
	front_expect(&a, 200, "", NULL);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited",
	    "certificates for one mailbox: try again in 604800 seconds");
	front_close();
}

/* AC-84: too many are refused without asking the store about each. */
static void
test_many_identifiers(struct job *j)
{
	struct suppressed s = { .mailbox = "m9@example.com",
		.since = FIXTURE_NOW,
		.until = FIXTURE_NOW + DAY,
		.source = "admin" };
	struct answer a;
	struct buf b;

	front_open(j);
	COMMITTED(j, store_suppressed_add(j, &s));
	buf_init(&b, j->arena, 100000);
	buf_add_str(&b, "{\"identifiers\":[");
	for (int i = 0; i < 300; i++)
		buf_addf(&b,
		    "%s{\"type\":\"email\",\"value\":\"m%d@example.com\"}",
		    i > 0 ? "," : "", i + 20);
	buf_add_str(&b, "]}");
	a = front_post(j, FRONT_NEW_ORDER, b.p);
	front_expect(&a, 400, "malformed", "at most 10 identifiers per order");
	/* Repetitions do not push one past the look-up. */
	buf_clear(&b);
	buf_add_str(&b, "{\"identifiers\":[");
	for (int i = 0; i < 50; i++)
		buf_addf(&b,
		    "{\"type\":\"email\",\"value\":\"m%d@example.com\"},",
		    i % 9);
	buf_add_str(&b, "{\"type\":\"email\",\"value\":\"m9@example.com\"}]}");
	a = front_post(j, FRONT_NEW_ORDER, b.p);
	front_expect(&a, 403, "rejectedIdentifier", NULL);
	front_close();
}

/* AC-90, AC-189: one text for every list. */
static void
test_suppressed(struct job *j)
{
	struct suppressed s = { .mailbox = "alice@example.com",
		.since = FIXTURE_NOW,
		.until = FIXTURE_NOW + 90 * DAY,
		.source = "admin" };
	struct answer a;

	front_open(j);
	COMMITTED(j, store_suppressed_add(j, &s));
	a = order_for(j, "ALICE+anything@example.com");
	front_expect(&a, 403, "rejectedIdentifier",
	    "this server does not issue for the requested identifier");
	a = order_for(j, "bob@example.com");
	front_expect(&a, 201, "", NULL);
	front_set_time(j, FIXTURE_NOW + 90 * DAY);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 201, "", NULL);
	/* An encoded word as local part could be proven by nobody. */
	a = order_for(j, "=?utf-8?q?a?=@example.com");
	front_expect(&a, 403, "rejectedIdentifier", NULL);
	front_close();
}

/* --- through the functions ----------------------------------------------- */

/* One order as order_create() takes it: 0 or the wait. */
static int64_t
take_mail(struct job *j, const char *account, const char *address,
    const char *mailbox)
{
	struct response resp = { .status = 0 };
	struct limits l;
	int result;

	assert_int_equal(store_begin(j), 0);
	limits_init(&l, j, &defaults);
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
	limits_init(&l, j, &defaults);
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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_limits l = defaults;

		unit_case("%s=%s", cases[i].name, cases[i].value);
		assert_int_equal(limits_set(&l, span_str(cases[i].name),
				     span_str(cases[i].value)),
		    cases[i].result);
		if (cases[i].result < 0)
			assert_memory_equal(&l, &defaults, sizeof(l));
	}
	/* What is not understood is no way around a limit. */
	own = limits_of_account(j, &defaults,
	    "{\"mails_to_known_mailbox\":20,\"new_orders\":null,"
	    "\"mails_by_account\":\"5/1h many\",\"mails_by_address\":\"\"}");
	assert_memory_equal(own, &defaults, sizeof(*own));
	own = limits_of_account(j, &defaults,
	    "{\"new_orders\":\"7/1h\",\"mails_total\":\"9/1h\",\"x\":1}");
	assert_int_equal(own->new_orders.v[0].count, 7);
	assert_int_equal(own->mails_total.v[0].count, 2000);
	assert_ptr_equal(limits_of_account(j, &defaults, NULL), &defaults);
	assert_ptr_equal(limits_of_account(j, &defaults, "["), &defaults);
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
		limits_init(&l, j, &defaults);
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
	STORE_TEST(test_mailbox),
	STORE_TEST(test_whole_order),
	STORE_TEST_SQLITE(test_new_orders),
	STORE_TEST(test_pending),
	STORE_TEST(test_pending_of_order),
	STORE_TEST(test_failures),
	STORE_TEST(test_no_memory_of_limits),
	STORE_TEST_SQLITE(test_new_account),
	STORE_TEST_SQLITE(test_certificates),
	STORE_TEST_SQLITE(test_many_identifiers),
	STORE_TEST(test_suppressed),
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
