/* newOrder with `replaces` (AC-93, AC-170, AC-171) over a real store. */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/certid.h"
#include "acme/replaces.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "lib/count.h"

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

/* The mailboxes are in one string, with blanks between. */
static struct answer
renew_all(struct job *j, const char *mailboxes, const char *replaces)
{
	struct span left = span_str(mailboxes);
	const char *list = "";

	while (left.n > 0) {
		size_t n = span_find(left, 0, ' ');

		list = arena_printf(j->arena,
		    "%s%s{\"type\":\"email\",\"value\":\"%.*s\"}", list,
		    list[0] == '\0' ? "" : ",", (int)n, left.p);
		left = span_from(left, n < left.n ? n + 1 : n);
	}
	return front_post(j, FRONT_NEW_ORDER,
	    arena_printf(j->arena, "{\"identifiers\":[%s]%s}", list,
		replaces == NULL ? ""
				 : arena_printf(j->arena,
				       ",\"replaces\":\"%s\"", replaces)));
}

/* A certificate of the order: its identifier. */
static const char *
issue_of(struct job *j, const struct answer *a, const char *serial)
{
	static const uint8_t sum[32] = { 1 };
	struct cert c = fixture_cert(j, order_id(a), FRONT_ACCOUNT_ID);
	bool taken;

	c.id = arena_printf(j->arena, "cert-%s", serial);
	c.serial = serial;
	front_expect(a, 201, "", NULL);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(j, store_cert_record(
			 j, c.id, span_str("der"), span_mem(sum, sizeof(sum))));
	return certid_format(j, c.ca_label, serial);
}

/* Of an order for the one mailbox. */
static const char *
issue(struct job *j, const char *mailbox, const char *serial)
{
	struct answer a = renew(j, mailbox, NULL);

	return issue_of(j, &a, serial);
}

static void
open_incident(struct job *j, int64_t due_at)
{
	const struct incident i = { .id = "incident",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.deadline = FIXTURE_NOW + 120 * HOUR,
		.opened_by = "me" };
	const struct incident_selector s = { .account_id = FRONT_ACCOUNT_ID };
	int64_t count;

	COMMITTED(j, store_incident_open(j, &i, &s, due_at, &count));
	assert_int_equal(count, 1);
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
	const char *id;
	struct answer a;

	front_conf()->limits.new_orders =
	    (struct conf_rates){ { { 1, 24 * HOUR } }, 1 };
	front_open(j);
	id = issue(j, ALICE, "01");
	a = renew(j, ALICE, id);
	front_expect(&a, 429, "rateLimited", NULL);
	open_incident(j, FIXTURE_NOW + 120 * HOUR);
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
	struct conf_limits *limits = &front_conf()->limits;
	struct answer a = { .status = 0 };
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
	open_incident(j, 0);
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
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), BOB), 0);
	/* An order that replaces nothing of an incident. */
	a = renew(j, BOB, NULL);
	front_expect(&a, 201, "", NULL);
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), BOB), 0);
	front_close();
}

/* One mail to each mailbox an hour. */
static void
one_mail(void)
{
	struct conf_limits *limits = &front_conf()->limits;

	limits->mails_to_mailbox = (struct conf_rates){ { { 1, HOUR } }, 1 };
	limits->mails_to_known_mailbox = limits->mails_to_mailbox;
}

/* PK-194: one shared mailbox makes the order a replacement; a stranger's beside
 * it, or another spelling of the own one, counts as it always does. */
static void
test_free_for_own_mailboxes(struct job *j)
{
	static const char *const others[] = { BOB, "bob+1@example.com",
		"alice+1@example.com" };
	const char *id;
	struct answer a;

	front_open(j);
	id = issue(j, ALICE, "01");
	open_incident(j, FIXTURE_NOW + 120 * HOUR);
	one_mail();
	a = renew_all(j, BOB " alice+2@example.com", NULL);
	front_expect(&a, 201, "", NULL);
	for (size_t i = 0; i < COUNT(others); i++) {
		unit_case("%s", others[i]);
		a = renew_all(
		    j, arena_printf(j->arena, ALICE " %s", others[i]), id);
		front_expect(&a, 429, "rateLimited",
		    "challenge mails to one mailbox: try again in 3600 "
		    "seconds");
	}
	/* Nor do mails to others use up what is the own mailbox's. */
	front_set_time(j, FIXTURE_NOW + HOUR);
	a = renew_all(j, ALICE " " BOB, id);
	front_expect(&a, 201, "", NULL);
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), ALICE), 1);
	EXPECT(j, replaces_mail_was_free(j, order_id(&a), BOB), 0);
	front_close();
}

/* PK-194, AC-185: spellings of one mailbox have three free mails together, also
 * within one order, and those count whose authorizations have ended. */
static void
test_free_by_counted_mailbox(struct job *j)
{
	static const char spellings[] =
	    "a+1@example.com a+2@example.com A+3@example.com";
	const char *id;
	struct answer a;

	front_open(j);
	a = renew_all(j,
	    "a+1@example.com a+2@example.com A+3@example.com "
	    "a+4@example.com",
	    NULL);
	id = issue_of(j, &a, "01");
	open_incident(j, FIXTURE_NOW + 120 * HOUR);
	one_mail();
	a = renew(j, "a@example.com", NULL);
	front_expect(&a, 201, "", NULL);
	a = renew_all(
	    j, arena_printf(j->arena, "%s a+4@example.com", spellings), id);
	front_expect(&a, 429, "rateLimited", NULL);
	a = renew_all(j, spellings, id);
	front_expect(&a, 201, "", NULL);
	EXPECT(
	    j, replaces_mail_was_free(j, order_id(&a), "a+1@example.com"), 1);
	EXPECT(
	    j, replaces_mail_was_free(j, order_id(&a), "A+3@example.com"), 1);
	fixture_sql(j, "UPDATE authz SET deactivated_at = 1; "
		       "UPDATE cert SET replaced_by = NULL");
	a = renew(j, "a+4@example.com", id);
	front_expect(&a, 429, "rateLimited", NULL);
	front_close();
}

/* PK-194: nothing is free before an incident is confirmed, once it has ended,
 * and past the certificate's own end; a mail that was asked for before and
 * leaves late counts then. */
static void
test_free_until_incident_ends(struct job *j)
{
	static const struct {
		const char *sql, *undo;
	} ends[] = {
		{ "UPDATE incident SET due_at = NULL, finished_at = 1",
		    "UPDATE incident SET due_at = 1, finished_at = 0" },
		{ "UPDATE incident SET due_at = NULL, cancelled_at = 1",
		    "UPDATE incident SET due_at = 1, cancelled_at = 0" },
		{ "UPDATE cert SET not_after = not_before",
		    "UPDATE cert SET not_after = 4000000000" },
		{ "UPDATE incident SET due_at = NULL",
		    "UPDATE incident SET due_at = 1" },
	};
	const char *id, *late;
	struct answer a;

	front_open(j);
	id = issue(j, ALICE, "01");
	open_incident(j, FIXTURE_NOW + 120 * HOUR);
	one_mail();
	a = renew(j, ALICE, NULL);
	front_expect(&a, 201, "", NULL);
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
	late = order_id(&a);
	fixture_sql(j, "UPDATE cert SET replaced_by = NULL");
	/* A second later: the certificate's last one is over. */
	front_set_time(j, FIXTURE_NOW + 1);
	for (size_t i = 0; i < COUNT(ends); i++) {
		unit_case("%s", ends[i].sql);
		EXPECT(j, replaces_mail_was_free(j, late, ALICE), 1);
		fixture_sql(j, ends[i].sql);
		EXPECT(j, replaces_mail_was_free(j, late, ALICE), 0);
		a = renew(j, ALICE, id);
		front_expect(&a, 429, "rateLimited", NULL);
		fixture_sql(j, ends[i].undo);
	}
	a = renew(j, ALICE, id);
	front_expect(&a, 201, "", NULL);
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
	STORE_TEST(test_free_for_own_mailboxes),
	STORE_TEST(test_free_by_counted_mailbox),
	STORE_TEST(test_free_until_incident_ends),
	STORE_TEST_SQLITE(test_revoked_is_no_way_around),
	STORE_TEST(test_race),
};

UNIT_MAIN(tests)
