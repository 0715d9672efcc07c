/*
 * Orders and revocations that are refused leave a record (PK-19), and a flood
 * of them no more than a few.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/refused.h"
#include "acme/route.h"
#include "tests/unit/acme_certs.h"

#define HOUR INT64_C(3600)
#define REVOKE "/acme/revoke-cert"

static int64_t
records(struct job *j, const char *where)
{
	return fixture_count(
	    j, arena_printf(
		   j->arena, "SELECT COUNT(*) FROM audit WHERE %s", where));
}

static struct answer
bad_order(struct job *j)
{
	return front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"x.test\"}]}");
}

/* PK-19, PK-20: who, what, and why; the client's answer is what it was. */
static void
test_order(struct job *j)
{
	struct answer a;

	front_open(j);
	a = bad_order(j);
	front_expect(&a, 400, "unsupportedIdentifier", NULL);
	assert_int_equal(
	    records(j, "event = 'order rejected' AND actor = "
		       "'account:" FRONT_ACCOUNT_ID "' AND object = "
		       "'account:" FRONT_ACCOUNT_ID "' AND result = "
		       "'unsupportedIdentifier' AND detail LIKE "
		       "'{\"reason\":\"%'"),
	    1);
	/* One that is taken has its own record. */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[{\"type\":\"email\",\"value\":"
	    "\"alice@example.com\"}]}");
	front_expect(&a, 201, "", NULL);
	assert_int_equal(records(j, "event = 'order rejected'"), 1);
	assert_int_equal(records(j, "event = 'order received'"), 1);
	front_close();
}

static void
test_revocation(struct job *j)
{
	struct test_cert c = { .account_id = FRONT_ACCOUNT_ID,
		.key = "csr-p256",
		.mailbox = "alice@example.com",
		.not_before = j->now,
		.not_after = j->now + HOUR };
	struct answer a;
	const char *kid;

	front_open(j);
	certs_issue(j, &c);
	a = front_post(j, REVOKE,
	    arena_printf(j->arena, "{\"certificate\":\"%s\",\"reason\":2}",
		certs_b64u(j, &c)));
	front_expect(&a, 400, "badRevocationReason", NULL);
	assert_int_equal(
	    records(j, "event = 'revocation rejected' AND result = "
		       "'badRevocationReason' AND detail LIKE "
		       "'%\"certificate_sha256\":\"%'"),
	    1);
	/* Whose it is not. */
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);
	a = front_post_as(j, "acct-es256-B", kid, REVOKE,
	    arena_printf(
		j->arena, "{\"certificate\":\"%s\"}", certs_b64u(j, &c)));
	front_expect(&a, 403, "unauthorized", NULL);
	assert_int_equal(records(j, "event = 'revocation rejected'"), 2);
	front_close();
}

/* AC-53: strangers, limits, and what is not there leave none. */
static void
test_none(struct job *j)
{
	struct answer a;

	front_conf()->limits.new_orders =
	    (struct conf_rates){ { { 1, HOUR } }, 1 };
	front_open(j);
	a = front_send(j, METHOD_POST, FRONT_NEW_ORDER, SPAN("{}"), NULL);
	assert_int_equal(a.status, 400);
	a = front_post_as(j, "acct-es256-B", FRONT_KID, FRONT_NEW_ORDER, "{}");
	assert_int_equal(a.status, 400);
	a = front_post(j, FRONT_NEW_ORDER, "");
	front_expect(&a, 400, "malformed", "payload is empty");
	a = front_post(j, REVOKE, "{\"certificate\":\"AAAA\"}");
	front_expect(&a, 404, "malformed", NULL);
	/* A key that no account has. */
	a = front_post_jwk(j, "acct-es256-B", REVOKE, "{\"certificate\":7}");
	assert_int_equal(a.status, 400);
	for (int i = 0; i < 2; i++)
		a = front_post(j, FRONT_NEW_ORDER,
		    "{\"identifiers\":[{\"type\":\"email\",\"value\":"
		    "\"alice@example.com\"}]}");
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(records(j, "event LIKE '% rejected'"), 0);
	front_close();
}

static int64_t
told(struct job *j, const char *event, int more)
{
	return records(j, arena_printf(j->arena,
			      "event = '%s' AND result = 'several' AND actor = "
			      "'account:" FRONT_ACCOUNT_ID "' AND detail LIKE "
			      "'{\"more\":%d,\"since\":\"2027-%%'",
			      event, more));
}

/* PK-19: the first ten by themselves, then one number a minute, so that little
 * is lost with a process that is killed; and the next hour begins anew. */
static void
test_flood(struct job *j)
{
	struct answer a;

	front_open(j);
	for (int i = 0; i < REFUSED_EACH + 7; i++) {
		a = bad_order(j);
		front_expect(&a, 400, "unsupportedIdentifier", NULL);
	}
	a = front_post(j, REVOKE, "{\"certificate\":\"=\"}");
	front_expect(&a, 400, "malformed", NULL);
	assert_int_equal(records(j, "event LIKE '% rejected'"), REFUSED_EACH);
	EXPECT(j, acme_tend(front_acme(), j, false), 0);
	assert_int_equal(records(j, "result = 'several'"), 0);

	front_set_time(j, FIXTURE_NOW + REFUSED_COUNT_SECS);
	/* Until it is told what was counted it goes on being counted. */
	a = bad_order(j);
	EXPECT(j, acme_tend(front_acme(), j, false), 0);
	assert_int_equal(told(j, "order rejected", 8), 1);
	assert_int_equal(told(j, "revocation rejected", 1), 1);
	EXPECT(j, acme_tend(front_acme(), j, true), 0);
	assert_int_equal(records(j, "result = 'several'"), 2);
	/* The hour goes on. */
	a = bad_order(j);
	front_set_time(j, FIXTURE_NOW + INT64_C(3) * REFUSED_COUNT_SECS);
	EXPECT(j, acme_tend(front_acme(), j, false), 0);
	assert_int_equal(told(j, "order rejected", 1), 1);
	assert_int_equal(records(j, "result = 'several'"), 3);

	front_set_time(j, FIXTURE_NOW + HOUR);
	a = bad_order(j);
	assert_int_equal(
	    records(j, "event = 'order rejected' AND result <> 'several'"),
	    REFUSED_EACH + 1);
	front_close();
}

/* At the end everything is told, whatever the hour. */
static void
test_end(struct job *j)
{
	struct answer a;

	front_open(j);
	for (int i = 0; i <= REFUSED_EACH; i++)
		a = bad_order(j);
	front_expect(&a, 400, "unsupportedIdentifier", NULL);
	EXPECT(j, acme_tend(front_acme(), j, true), 0);
	assert_int_equal(records(j, "result = 'several'"), 1);
	front_close();
}

static const char *
name(struct job *j, int i)
{
	return arena_printf(j->arena, "account-%014d", i);
}

/* Many accounts: so many records in an hour and no more, and no refusal is
 * forgotten for want of a place. */
static void
test_many(void **state)
{
	struct job *j = unit_job();
	struct refused *r = refused_new();
	struct refused_sum s;
	int64_t recorded = 0, counted = 0, sums = 0;
	const int accounts = 3000;
	(void)state;

	for (int i = 0; i < accounts; i++)
		for (int n = 0; n < 2; n++)
			recorded +=
			    refused_take(r, name(j, i), REFUSED_ORDER, 1000);
	assert_int_equal(recorded, REFUSED_TOTAL);
	for (; refused_next(r, 1000 + HOUR, false, &s); sums++)
		counted += s.counts[REFUSED_ORDER];
	assert_int_equal(recorded + counted, 2 * accounts);
	/* The last one is of all for whom there was none of their own. */
	assert_int_equal(sums, REFUSED_TOTAL + 1);
	assert_string_equal(s.account_id, "");
	assert_false(refused_next(r, 1000 + HOUR, true, &s));
	/* The next hour, and a clock that went back. */
	assert_true(refused_take(r, name(j, 1), REFUSED_ORDER, 1000 + HOUR));
	assert_true(refused_take(r, name(j, 1), REFUSED_ORDER, 10));
	refused_free(r);
}

static void
test_put_back(void **state)
{
	struct refused *r = refused_new();
	struct refused_sum s, again;
	(void)state;

	for (int i = 0; i < REFUSED_EACH + 3; i++)
		(void)refused_take(r, "a", REFUSED_REVOCATION, 50);
	assert_true(refused_next(r, 50, true, &s));
	refused_put_back(r, &s, 1000 + HOUR);
	assert_true(refused_next(r, 50, true, &again));
	assert_string_equal(again.account_id, "a");
	assert_int_equal(again.since, 50);
	assert_int_equal(again.counts[REFUSED_REVOCATION], 3);
	assert_int_equal(again.counts[REFUSED_ORDER], 0);
	refused_free(r);
}

#define NEIGHBOURS 3000

/* What could not be recorded is put back in the next hour: whoever has
 * had his records in that gets no new ones. */
static void
test_put_back_later(void **state)
{
	struct job *j = unit_job();
	const struct refused_sum old = { .account_id = "late",
		.since = 1000,
		.counts = { [REFUSED_ORDER] = 5 } };
	struct refused_sum s;
	(void)state;

	for (int i = 0; i < NEIGHBOURS; i++) {
		struct refused *r = refused_new();

		for (int n = 0; n < REFUSED_EACH; n++)
			assert_true(refused_take(
			    r, name(j, i), REFUSED_ORDER, 1000 + HOUR));
		refused_put_back(r, &old, 1000 + HOUR);
		assert_false(
		    refused_take(r, name(j, i), REFUSED_ORDER, 1000 + HOUR));
		assert_true(refused_next(r, 1000 + HOUR, false, &s));
		assert_string_equal(s.account_id, "late");
		assert_int_equal(s.since, 1000);
		assert_int_equal(s.counts[REFUSED_ORDER], 5);
		refused_free(r);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_order),
	STORE_TEST(test_revocation),
	STORE_TEST_SQLITE(test_none),
	STORE_TEST(test_flood),
	STORE_TEST_SQLITE(test_end),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_put_back),
	cmocka_unit_test(test_put_back_later),
};
UNIT_MAIN(tests)
