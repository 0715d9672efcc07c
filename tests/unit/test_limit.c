/*
 * Limits that are stored (AC-182 to AC-189, AC-191, ER-12), over a real store:
 * through requests.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include "acme/limit.h"
#include "db/store_suppressed.h"
#include "tests/unit/acme_mailbox.h"

#define HOUR 3600
#define DAY (24 * HOUR)

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

/* AC-94, AC-185, AC-191: nothing is made, the longest wait is named. */
static void
test_mailbox(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox = front_limits.mails_to_mailbox;
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
	assert_int_equal(front_retry_after(&a), 1200);
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
	assert_int_equal(front_retry_after(&a), 1);
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
	assert_int_equal(front_retry_after(&a), DAY - HOUR);
	front_close();

	/* It survives the process. */
	front_conf()->limits.mails_to_mailbox = front_limits.mails_to_mailbox;
	front_open_again(j);
	front_set_time(j, FIXTURE_NOW + 4 * HOUR);
	a = order_for(j, "alice@example.com");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(front_retry_after(&a), DAY - 4 * HOUR);
	front_close();
}

/* One mailbox of several is over it: the order is not made. */
static void
test_whole_order(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox = front_limits.mails_to_mailbox;
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
	assert_int_equal(front_retry_after(&a), DAY - HOUR);
	front_set_time(j, FIXTURE_NOW + DAY + 2 * HOUR - 1);
	a = order_for_three(j);
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(front_retry_after(&a), 1);
	/* A limit that was lowered since. */
	front_conf()->limits.pending_authorizations = 3;
	a = order_for_three(j);
	assert_int_equal(front_retry_after(&a), HOUR + 1);
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
	assert_int_equal(front_retry_after(&a), 1800);
	front_close();
}

/* AC-191: what cannot be counted is not sent, and another time may do. */
static void
test_no_memory_of_limits(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox = front_limits.mails_to_mailbox;
	front_open(j);
	fixture_sql(j, "ALTER TABLE bucket RENAME TO bucket_away");
	a = order_for(j, "alice@example.com");
	front_expect(&a, 503, "serverInternal", NULL);
	assert_true(front_retry_after(&a) > 0);
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
	assert_int_equal(front_retry_after(&a), 3 * HOUR);
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
};
UNIT_MAIN(tests)
