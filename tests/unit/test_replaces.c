/* newOrder with `replaces` (AC-93, AC-170, AC-171) over a real store. */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/certid.h"
#include "acme/replaces.h"
#include "db/store_cert.h"
#include "db/store_incident.h"

#define HOUR 3600
#define ALICE "alice@example.com"
#define BOB "bob@example.com"

static struct answer
new_order(struct job *j, const char *key, const char *kid, const char *mailbox,
    const char *replaces)
{
	return front_post_as(j, key, kid, FRONT_NEW_ORDER,
	    arena_printf(j->arena,
		"{\"identifiers\":[{\"type\":\"email\",\"value\":\"%s\"}]%s}",
		mailbox,
		replaces == NULL ? ""
				 : arena_printf(j->arena,
				       ",\"replaces\":\"%s\"", replaces)));
}

static struct answer
renew(struct job *j, const char *mailbox, const char *replaces)
{
	return new_order(j, "acct-es256-A", FRONT_KID, mailbox, replaces);
}

static const char *
order_id(const struct answer *a)
{
	return front_header(a, "Location", 0) +
	       strlen(FRONT_BASE "/acme/order/");
}

/* A certificate of an order for the mailbox: its identifier. */
static const char *
issue(struct job *j, const char *mailbox, const char *serial)
{
	static const uint8_t sum[32] = { 1 };
	struct answer a = renew(j, mailbox, NULL);
	bool taken;
	struct cert c = {
		.id = arena_printf(j->arena, "cert-%s", serial),
		.order_id = order_id(&a),
		.account_id = FRONT_ACCOUNT_ID,
		.ca_label = "aabb",
		.serial = serial,
		.profile = "mailbox-multipurpose",
		.profile_sha256 = span_mem(sum, sizeof(sum)),
		.tbs = span_str("tbs"),
		.signature_alg = span_str("alg"),
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = span_mem(sum, sizeof(sum)),
		.not_before = j->now,
		.not_after = j->now + 365 * 24 * HOUR,
		.reserved_at = j->now,
	};

	front_expect(&a, 201, "", NULL);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(j, store_cert_record(
			 j, c.id, span_str("der"), span_mem(sum, sizeof(sum))));
	return certid_format(j, c.ca_label, serial);
}

/* Each row of the table, and their order. */
static void
test_rows(struct job *j)
{
	const char *id, *kid;
	struct answer a;

	front_open(j);
	id = issue(j, ALICE, "01");
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);

	a = renew(j, ALICE, "a.b");
	front_expect(
	    &a, 400, "malformed", "replaces is not a certificate identifier");
	a = renew(j, ALICE, certid_format(j, "aabb", "02"));
	front_expect(&a, 404, "malformed",
	    "replaces names no certificate of this server");
	a = renew(j, ALICE, certid_format(j, "aabc", "01"));
	front_expect(&a, 404, "malformed", NULL);
	/* Another account's, for another mailbox: the earlier row. */
	a = new_order(j, "acct-es256-B", kid, BOB, id);
	front_expect(&a, 403, "unauthorized",
	    "replaces names a certificate of another account");
	a = renew(j, BOB, id);
	front_expect(&a, 400, "malformed",
	    "replaces shares no identifier with the order");
	/* AC-88: the comparison is exact. */
	a = renew(j, "Alice@example.com", id);
	front_expect(&a, 400, "malformed", NULL);
	/* AC-93: identifiers first. */
	a = renew(j, "no mailbox", "a.b");
	front_expect(&a, 400, "malformed", NULL);
	assert_false(span_eq_str(json_string(json_get(a.doc, "detail")),
	    "replaces is not a certificate identifier"));
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[{\"type\":\"email\",\"value\":\"" ALICE "\"}],"
	    "\"replaces\":7}");
	front_expect(&a, 400, "malformed", "replaces must be a string");
	/* ... and limits last. */
	front_conf()->limits.new_orders =
	    (struct conf_rates){ { { 1, HOUR } }, 1 };
	a = renew(j, ALICE, "a.b");
	front_expect(
	    &a, 400, "malformed", "replaces is not a certificate identifier");
	front_close();
}

static void
test_marks(struct job *j)
{
	const char *id, *first, *second;
	struct answer a;

	front_open(j);
	id = issue(j, ALICE, "01");
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	assert_string_equal(front_str(&a, "replaces"), id);
	first = front_header(&a, "Location", 0);
	a = front_post(j, front_path(first), "");
	assert_string_equal(front_str(&a, "replaces"), id);

	a = renew(j, ALICE, id);
	front_expect(&a, 409, "alreadyReplaced",
	    "the certificate already has a replacement order");
	/* The clock ends the order, and with it the mark. */
	front_set_time(j, FIXTURE_NOW + 24 * HOUR);
	a = front_post(j, front_path(first), "");
	assert_string_equal(front_str(&a, "status"), "invalid");
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	a = renew(j, ALICE, id);
	front_expect(&a, 409, "alreadyReplaced", NULL);
	/* So does a failure. */
	EXPECT(j, store_cert_replaced_by(j, "cert-01", &second), 1);
	COMMITTED(j, store_order_fail(j, second, "{\"type\":\"x\"}"));
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-172: from the start of the window on the limits of orders and
 * certificates do not count, those of mails do. */
static void
test_exempt(struct job *j)
{
	struct conf_limits *limits = &front_conf()->limits;
	const char *id;
	struct answer a;

	limits->new_orders =
	    (struct conf_rates){ { { 1, 1000 * 24 * HOUR } }, 1 };
	limits->certificates =
	    (struct conf_rates){ { { 1, 1000 * 24 * HOUR } }, 1 };
	front_open(j);
	id = issue(j, ALICE, "01");
	/* The bucket of certificates is empty too. */
	fixture_sql(j, "INSERT INTO bucket (name, subject, full_at_ms) VALUES "
		       "('certificates/86400000', '" ALICE "', 9000000000000)");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);

	/* 365 days: the window is 243 days from the start, give or take. */
	front_set_time(j, FIXTURE_NOW + 236 * 24 * HOUR);
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	front_set_time(j, FIXTURE_NOW + 243 * 24 * HOUR);
	a = renew(j, ALICE, NULL);
	front_expect(&a, 429, "rateLimited", NULL);
	limits->mails_to_mailbox = (struct conf_rates){ { { 1, HOUR } }, 1 };
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	/* The mail was counted; the mark makes it one order. */
	a = renew(j, ALICE, id);
	front_expect(&a, 409, "alreadyReplaced", NULL);
	fixture_sql(j, "UPDATE cert SET replaced_by = NULL");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited",
	    "challenge mails to one mailbox: try again in 3600 seconds");
	front_close();
}

/* PK-194: what an incident takes away is replaced without counting. */
static void
test_exempt_in_incident(struct job *j)
{
	struct incident i = { .id = "incident",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.deadline = FIXTURE_NOW + 120 * HOUR,
		.opened_by = "me" };
	struct incident_selector s = { .account_id = FRONT_ACCOUNT_ID };
	int64_t count;
	const char *id;
	struct answer a;

	front_conf()->limits.new_orders =
	    (struct conf_rates){ { { 1, 24 * HOUR } }, 1 };
	front_open(j);
	id = issue(j, ALICE, "01");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	COMMITTED(j, store_incident_open(j, &i, &s, i.deadline, &count));
	assert_int_equal(count, 1);
	a = renew(j, ALICE, NULL);
	front_expect(&a, 429, "rateLimited", NULL);
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* PK-194: the first three mails of it do not count for the mailbox, and leave
 * without having counted, also late; the fourth is one as any. */
static void
test_free_mails_of_incident(struct job *j)
{
	struct incident i = { .id = "incident",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.deadline = FIXTURE_NOW + 120 * HOUR,
		.opened_by = "me" };
	struct incident_selector s = { .account_id = FRONT_ACCOUNT_ID };
	struct conf_limits *limits = &front_conf()->limits;
	struct answer a = { .status = 0 };
	int64_t count;
	const char *id;

	front_open(j);
	id = issue(j, ALICE, "01");
	limits->mails_to_mailbox = (struct conf_rates){ { { 1, HOUR } }, 1 };
	limits->mails_to_known_mailbox = limits->mails_to_mailbox;
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	fixture_sql(j, "UPDATE cert SET replaced_by = NULL");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	COMMITTED(j, store_incident_open(j, &i, &s, 0, &count));
	/* A draft frees nothing. */
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	fixture_sql(j, "UPDATE incident SET due_at = deadline");
	/* One was asked for before, and counted. */
	for (int n = 2; n <= REPLACES_FREE_MAILS; n++) {
		a = renew(j, ALICE, id);
		front_expect(&a, 201, "", NULL);
		EXPECT(j, replaces_mail_was_free(j, order_id(&a), ALICE), 1);
		fixture_sql(j, "UPDATE cert SET replaced_by = NULL");
	}
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited",
	    "challenge mails to one mailbox: try again in 3600 seconds");
	front_set_time(j, FIXTURE_NOW + HOUR);
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), ALICE), 0);
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), BOB), 1);
	/* An order that replaces nothing of an incident. */
	a = renew(j, BOB, NULL);
	front_expect(&a, 201, "", NULL);
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), BOB), 0);
	front_close();
}

/* AC-184, AC-188: whoever revokes a certificate does not get the next one
 * without counting, and the one after it.  Of the operator's revocations
 * (PK-194) the account is not the author. */
static void
test_revoked_is_no_way_around(struct job *j)
{
	const char *id;
	struct answer a;

	front_conf()->limits.new_orders =
	    (struct conf_rates){ { { 1, 24 * HOUR } }, 1 };
	front_open(j);
	id = issue(j, ALICE, "01");
	fixture_sql(j, "UPDATE cert SET revoked_at = 1800000000, "
		       "revoked_by = 'account:" FRONT_ACCOUNT_ID "'");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	fixture_sql(j, "UPDATE cert SET revoked_by = 'key'");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	/* Another certificate's key, shown to us, revoked this one. */
	fixture_sql(j, "UPDATE cert SET revoked_by = 'issuer'");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	fixture_sql(j, "UPDATE cert SET revoked_by = 'operator'");
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* Of two that come at once one is the replacement. */
static int
mark(struct job *j, void *ctx)
{
	const char *order = ctx;
	int result = 1;

	if (store_begin(j) < 0)
		return 99;
	if (store_cert_mark_replaced(j, "cert-01", NULL, order) == 0)
		result = store_commit(j) == 0 ? 0 : 99;
	else
		store_rollback(j);
	return result;
}

static void
test_race(struct job *j)
{
	int pids[6], won = 0;

	front_open(j);
	issue(j, ALICE, "01");
	for (int i = 0; i < 6; i++)
		pids[i] =
		    fixture_fork(mark, arena_printf(j->arena, "order%d", i));
	for (int i = 0; i < 6; i++)
		won += fixture_wait(pids[i]) == 0;
	assert_int_equal(won, 1);
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_rows),
	STORE_TEST(test_marks),
	STORE_TEST_SQLITE(test_exempt),
	STORE_TEST(test_exempt_in_incident),
	STORE_TEST(test_free_mails_of_incident),
	STORE_TEST_SQLITE(test_revoked_is_no_way_around),
	STORE_TEST(test_race),
};

UNIT_MAIN(tests)
