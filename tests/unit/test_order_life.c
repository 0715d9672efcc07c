/*
 * An order's authorizations and challenges as a client sees them, from the
 * first reading until they are used again (AC-83 to AC-123, AC-128, ER-1 to
 * ER-6, ER-9), over a real store.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "acme/acme.h"
#include "db/store_account.h"
#include "db/store_reply.h"
#include "lib/count.h"
#include "pki/profile.h"
#include "tests/unit/acme_mailbox.h"
#include "tests/unit/order_lab.h"

#define HOUR 3600

/* --- reading -------------------------------------------------------------- */

/* AC-175: absent and foreign are one answer. */
static void
test_foreign(struct job *j)
{
	static const char *const before[] = { "/acme/order/", "/acme/order/",
		"/acme/authz/", "/acme/chall/", "/acme/cert/" };
	static const char *const after[] = { "", "/finalize", "", "", "" };
	const char *ids[5];
	const char *kid;
	struct answer a, authz;

	front_open(j);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);
	a = order_lab_new(j, "[" ALICE "]");
	authz = order_lab_read(j, order_lab_authz_url(&a, 0));
	ids[0] = ids[1] = front_path(front_header(&a, "Location", 0)) +
			  strlen("/acme/order/");
	ids[2] =
	    front_path(order_lab_authz_url(&a, 0)) + strlen("/acme/authz/");
	ids[3] =
	    front_path(order_lab_member(order_lab_challenge(&authz), "url")) +
	    strlen("/acme/chall/");
	ids[4] = "AAAAAAAAAAAAAAAAAAAAAA";
	for (size_t i = 0; i < 5; i++) {
		char foreign[100], absent[100];
		struct answer x, y;

		snprintf(foreign, sizeof(foreign), "%s%s%s", before[i], ids[i],
		    after[i]);
		snprintf(absent, sizeof(absent), "%s%s%s", before[i],
		    "AAAAAAAAAAAAAAAAAAAAAA", after[i]);
		unit_case("%s", foreign);
		x = front_post_as(
		    j, "acct-es256-B", kid, foreign, i == 1 ? "{}" : "");
		y = front_post_as(
		    j, "acct-es256-B", kid, absent, i == 1 ? "{}" : "");
		front_expect(&x, 404, "malformed", NULL);
		assert_string_equal(x.body.p, y.body.p);
		assert_int_equal(
		    x.response.header_count, y.response.header_count);
		if (i == 2 || i == 3) {
			x = front_post_as(
			    j, "acct-es256-B", kid, foreign, "{}");
			front_expect(&x, 404, "malformed", NULL);
		}
	}
	front_close();
}

/* AC-51, AC-105 */
static void
test_authz_payload(struct job *j)
{
	static const struct {
		const char *payload, *detail;
	} rows[] = {
		{ "{}", "only status deactivated can be requested" },
		{ "{\"status\":\"valid\"}",
		    "only status deactivated can be requested" },
		{ "{\"x\":\"deactivated\"}",
		    "only status deactivated can be requested" },
		{ "[]", "payload is not a JSON object" },
		{ "7", "payload is not a JSON object" },
	};
	struct answer order, a;

	front_open(j);
	order = order_lab_new(j, "[" ALICE "]");
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].payload);
		a = front_post(j, front_path(order_lab_authz_url(&order, 0)),
		    rows[i].payload);
		front_expect(&a, 400, "malformed", rows[i].detail);
	}
	a = front_post(
	    j, front_path(front_header(&order, "Location", 0)), "{}");
	front_expect(&a, 400, "malformed", "this resource can only be read");
	front_close();
}

/* --- challenge ------------------------------------------------------------ */

static bool
has_up_link(struct job *j, const struct answer *a, const char *authz)
{
	const char *expected = arena_printf(j->arena, "<%s>;rel=\"up\"", authz);
	const char *value;

	for (size_t i = 0; (value = front_header(a, "Link", i)) != NULL; i++) {
		if (strcmp(value, expected) == 0)
			return true;
	}
	return false;
}

/* AC-16, AC-118, AC-121, AC-122, AC-190: POST first, then the reply. */
static void
test_post_first(struct job *j)
{
	struct answer order, authz, a;
	const char *url, *order_url;

	front_open(j);
	order = order_lab_new(j, "[" ALICE "]");
	order_url = front_header(&order, "Location", 0);
	authz = order_lab_read(j, order_lab_authz_url(&order, 0));
	url = order_lab_member(order_lab_challenge(&authz), "url");
	a = order_lab_read(j, url);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "pending");
	assert_true(has_up_link(j, &a, order_lab_authz_url(&order, 0)));
	assert_false(a.changed);

	a = front_post(j, front_path(url), "{\"keyAuthorization\":\"x\"}");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "processing");
	assert_string_equal(front_header(&a, "Location", 0), url);
	assert_string_equal(front_header(&a, "Retry-After", 0), "5");
	assert_true(has_up_link(j, &a, order_lab_authz_url(&order, 0)));
	assert_int_equal(a.wake, 1u << ROLE_SENDER);
	/* Again: nothing happens, nothing is sent. */
	for (int i = 0; i < 3; i++) {
		a = front_post(j, front_path(url), "{}");
		front_expect(&a, 200, "", NULL);
		assert_string_equal(front_str(&a, "status"), "processing");
		assert_false(a.changed);
		assert_int_equal(a.wake, 0);
	}
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM outbox"), 1);
	a = order_lab_read(j, order_lab_authz_url(&order, 0));
	assert_string_equal(front_str(&a, "status"), "pending");
	assert_string_equal(front_header(&a, "Retry-After", 0), "5");
	a = order_lab_read(j, order_url);
	assert_string_equal(front_str(&a, "status"), "pending");
	assert_string_equal(front_header(&a, "Retry-After", 0), "5");

	mailbox_reply(j, url, VERDICT_MATCH);
	a = order_lab_read(j, url);
	assert_string_equal(front_str(&a, "status"), "valid");
	assert_string_equal(front_str(&a, "validated"), "2027-01-15T08:00:00Z");
	assert_int_equal(strlen(front_str(&a, "token")), 32);
	a = order_lab_read(j, order_lab_authz_url(&order, 0));
	assert_string_equal(front_str(&a, "status"), "valid");
	assert_string_equal(front_str(&a, "expires"), "2027-01-18T08:00:00Z");
	a = order_lab_read(j, order_url);
	assert_string_equal(front_str(&a, "status"), "ready");
	/* AC-97 */
	assert_string_equal(front_str(&a, "expires"), "2027-01-18T08:00:00Z");
	a = front_post(j, front_path(url), "{}");
	front_expect(&a, 200, "", NULL);
	assert_false(a.changed);
	front_close();
}

/* AC-122, AC-123: the reply first; it alone makes nothing valid. */
static void
test_reply_first(struct job *j)
{
	struct answer order, authz, a;
	const char *url;

	front_open(j);
	order = order_lab_new(j, "[" ALICE "]");
	authz = order_lab_read(j, order_lab_authz_url(&order, 0));
	url = order_lab_member(order_lab_challenge(&authz), "url");
	mailbox_reply(j, url, VERDICT_MATCH);
	a = order_lab_read(j, url);
	assert_string_equal(front_str(&a, "status"), "pending");
	a = front_post(j, front_path(url), "{}");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "valid");
	assert_null(front_header(&a, "Retry-After", 0));
	a = order_lab_read(j, front_header(&order, "Location", 0));
	assert_string_equal(front_str(&a, "status"), "ready");
	front_close();
}

/* AC-96, AC-127: a wrong answer ends all three, with one error. */
static void
test_mismatch(struct job *j)
{
	struct answer order, authz, a;
	const char *url, *error;

	front_open(j);
	order = order_lab_new(j, "[" ALICE "]");
	authz = order_lab_read(j, order_lab_authz_url(&order, 0));
	url = order_lab_member(order_lab_challenge(&authz), "url");
	mailbox_reply(j, url, VERDICT_MISMATCH);
	a = order_lab_read(j, url);
	assert_string_equal(front_str(&a, "status"), "invalid");
	error = json_dup(j, json_get(a.doc, "error"));
	assert_non_null(strstr(error, "incorrectResponse"));
	a = order_lab_read(j, order_lab_authz_url(&order, 0));
	assert_string_equal(front_str(&a, "status"), "invalid");
	a = order_lab_read(j, front_header(&order, "Location", 0));
	assert_string_equal(front_str(&a, "status"), "invalid");
	assert_string_equal(json_dup(j, json_get(a.doc, "error")), error);
	a = front_post(j, front_path(url), "{}");
	front_expect(&a, 200, "", NULL);
	assert_false(a.changed);
	front_close();
}

/* AC-119, AC-124: a soft verdict shows only while processing. */
static void
test_soft(struct job *j)
{
	struct answer order, authz, a;
	const char *url;

	front_open(j);
	order = order_lab_new(j, "[" ALICE "]");
	authz = order_lab_read(j, order_lab_authz_url(&order, 0));
	url = order_lab_member(order_lab_challenge(&authz), "url");
	front_post(j, front_path(url), "{}");
	mailbox_reply(j, url, VERDICT_UNAUTHENTICATED);
	a = order_lab_read(j, url);
	assert_string_equal(front_str(&a, "status"), "processing");
	assert_non_null(
	    strstr(json_dup(j, json_get(a.doc, "error")), "unauthorized"));
	front_close();
}

/* When the reply that is deferred is looked at again. */
static void
expect_due(struct job *j, int64_t at)
{
	int64_t due;

	EXPECT(j, store_reply_next_due(j, &due), 1);
	assert_int_equal(due, at);
}

/* AC-122: a response, and each that is repeated, has a reply judged that waits
 * for the DNS; at most every half minute. */
static void
test_asked_again(struct job *j)
{
	struct answer order, authz, a;
	const char *url, *path;

	front_open(j);
	order = order_lab_new(j, "[" ALICE "]");
	authz = order_lab_read(j, order_lab_authz_url(&order, 0));
	url = order_lab_member(order_lab_challenge(&authz), "url");
	path = front_path(url);
	mailbox_reply(j, url, VERDICT_DEFERRED);
	order_lab_read(j, url);
	expect_due(j, FIXTURE_NOW + 1800);
	front_post(j, path, "{}");
	expect_due(j, FIXTURE_NOW + 30);
	front_set_time(j, FIXTURE_NOW + 10);
	a = front_post(j, path, "{}");
	front_expect(&a, 200, "", NULL);
	assert_false(a.changed);
	expect_due(j, FIXTURE_NOW + 30);
	front_set_time(j, FIXTURE_NOW + 600);
	a = front_post(j, path, "{}");
	assert_false(a.changed);
	fixture_sql(j, "UPDATE reply SET due_at = due_at + 1800");
	a = front_post(j, path, "{}");
	assert_string_equal(front_str(&a, "status"), "processing");
	expect_due(j, FIXTURE_NOW + 600);
	front_close();
}

/* AC-122, AC-128: the deadline, with and without a POST. */
static void
test_deadline(struct job *j)
{
	struct answer order, authz, a;

	front_open(j);
	for (int posted = 0; posted < 2; posted++) {
		const char *url, *order_url;

		unit_case("posted %d", posted);
		front_set_time(j, FIXTURE_NOW);
		order = order_lab_new(j, "[" ALICE "]");
		order_url = front_header(&order, "Location", 0);
		authz = order_lab_read(j, order_lab_authz_url(&order, 0));
		url = order_lab_member(order_lab_challenge(&authz), "url");
		if (posted)
			front_post(j, front_path(url), "{}");
		front_set_time(j, FIXTURE_NOW + 24 * HOUR - 1);
		a = order_lab_read(j, order_lab_authz_url(&order, 0));
		assert_string_equal(front_str(&a, "status"), "pending");
		if (posted)
			assert_string_equal(
			    front_header(&a, "Retry-After", 0), "300");
		front_set_time(j, FIXTURE_NOW + 24 * HOUR);
		a = order_lab_read(j, url);
		assert_string_equal(
		    front_str(&a, "status"), posted ? "invalid" : "pending");
		assert_int_equal(json_get(a.doc, "error") != NULL, posted);
		if (posted)
			assert_string_equal(
			    json_dup(j, json_get(a.doc, "error")),
			    "{\"type\":\"urn:ietf:params:acme:error:"
			    "incorrectResponse\",\"detail\":\"no valid reply "
			    "was received in time\"}");
		a = order_lab_read(j, order_lab_authz_url(&order, 0));
		assert_string_equal(
		    front_str(&a, "status"), posted ? "invalid" : "expired");
		a = order_lab_read(j, order_url);
		assert_string_equal(front_str(&a, "status"), "invalid");
		assert_int_equal(json_get(a.doc, "error") != NULL, posted);
		a = front_post(j, front_path(url), "{}");
		if (posted)
			front_expect(&a, 200, "", NULL);
		else
			front_expect(&a, 400, "malformed",
			    "the authorization is expired");
	}
	front_close();
}

/* --- reuse ---------------------------------------------------------------- */

static void
validate(struct job *j, const struct answer *order, size_t i)
{
	struct answer authz = order_lab_read(j, order_lab_authz_url(order, i));
	const char *url = order_lab_member(order_lab_challenge(&authz), "url");
	struct answer a;

	mailbox_reply(j, url, VERDICT_MATCH);
	a = front_post(j, front_path(url), "{}");
	assert_string_equal(front_str(&a, "status"), "valid");
}

/* AC-88, AC-98, AC-99, AC-101, AC-103, PK-14 */
static void
test_reuse(struct job *j)
{
	struct answer first, mail, a;
	const char *kid;

	front_open(j);
	first = order_lab_new(j, "[" ALICE "]");
	a = order_lab_new(j, "[" ALICE "]");
	/* A pending one is never shared. */
	assert_string_not_equal(
	    order_lab_authz_url(&a, 0), order_lab_authz_url(&first, 0));
	validate(j, &first, 0);

	a = order_lab_new(j, "[" EMAIL("alice@EXAMPLE.com") "]");
	front_expect(&a, 201, "", NULL);
	assert_string_equal(front_str(&a, "status"), "ready");
	assert_string_equal(
	    order_lab_authz_url(&a, 0), order_lab_authz_url(&first, 0));
	assert_int_equal(a.wake, 0);
	/* L-7: a client that sends dns cannot read an authorization of type
	 * email; its own serves its next order, and no other's. */
	mail = order_lab_new(j, "[" DNS("alice@example.com") "]");
	assert_string_equal(front_str(&mail, "status"), "pending");
	validate(j, &mail, 0);
	a = order_lab_new(j, "[" DNS("alice@EXAMPLE.com") "]");
	assert_string_equal(front_str(&a, "status"), "ready");
	assert_string_equal(
	    order_lab_authz_url(&a, 0), order_lab_authz_url(&mail, 0));
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "ready");
	assert_string_equal(
	    order_lab_authz_url(&a, 0), order_lab_authz_url(&first, 0));
	/* Another letter case is another mailbox; one of two is new. */
	a = order_lab_new(j, "[" EMAIL("Alice@example.com") "," ALICE "]");
	assert_string_equal(front_str(&a, "status"), "pending");
	assert_string_not_equal(
	    order_lab_authz_url(&a, 0), order_lab_authz_url(&first, 0));
	assert_string_equal(
	    order_lab_authz_url(&a, 1), order_lab_authz_url(&first, 0));
	assert_int_equal(a.wake, 1u << ROLE_SENDER);

	/* Another account. */
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);
	a = front_post_as(j, "acct-es256-B", kid, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "]}");
	assert_string_equal(front_str(&a, "status"), "pending");

	/* Fifteen minutes before its end it still serves, then no more. */
	front_set_time(j, FIXTURE_NOW + 72 * HOUR - 900);
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "ready");
	front_set_time(j, FIXTURE_NOW + 72 * HOUR - 899);
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "pending");
	front_close();
}

/* PK-14: somebody else may be behind the account that the operator has given
 * another contact: all must be proven anew.  What the client itself changes
 * takes nothing away. */
static void
test_reuse_after_hand_over(struct job *j)
{
	struct answer first, waiting, a;
	int64_t ended;

	front_open(j);
	first = order_lab_new(j, "[" ALICE "]");
	validate(j, &first, 0);
	waiting = order_lab_new(j, "[" EMAIL("bob@example.com") "]");
	a = front_post(j, front_path(FRONT_KID),
	    "{\"contact\":[\"mailto:new@example.org\"]}");
	front_expect(&a, 200, "", NULL);
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "ready");

	COMMITTED(j, store_account_hand_over(j, FRONT_ACCOUNT_ID,
			 "[\"mailto:other@example.org\"]", &ended));
	assert_int_equal(ended, 2);
	a = order_lab_read(j, order_lab_authz_url(&first, 0));
	assert_string_equal(front_str(&a, "status"), "revoked");
	a = order_lab_read(j, order_lab_authz_url(&waiting, 0));
	assert_string_equal(front_str(&a, "status"), "revoked");
	a = order_lab_read(j, front_header(&waiting, "Location", 0));
	assert_string_equal(front_str(&a, "status"), "invalid");
	a = order_lab_new(j, "[" ALICE "]");
	front_expect(&a, 201, "", NULL);
	assert_string_equal(front_str(&a, "status"), "pending");
	/* What is proven from then on counts. */
	validate(j, &a, 0);
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "ready");

	COMMITTED(j, store_account_deactivate(j, FRONT_ACCOUNT_ID, &ended));
	REFUSED(j, store_account_hand_over(j, FRONT_ACCOUNT_ID, "[]", &ended),
	    ERR_CONFLICT);
	front_close();
}

/* AC-103: life 0 is one order only, and lasts as long as the order. */
static void
test_no_reuse(struct job *j)
{
	struct answer first, a;

	front_conf()->authz_valid_life = 0;
	front_open(j);
	first = order_lab_new(j, "[" ALICE "]");
	validate(j, &first, 0);
	a = order_lab_read(j, front_header(&first, "Location", 0));
	assert_string_equal(front_str(&a, "status"), "ready");
	assert_string_equal(front_str(&a, "expires"), "2027-01-18T08:00:00Z");
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "pending");
	front_close();
}

/* AC-103: a profile can ask for a validation of its own, and leaves others what
 * they may use. */
static void
test_no_reuse_by_profile(struct job *j)
{
	static const struct profile own = { .name = "own",
		.proves_anew = true };
	static const char *offered[] = { "mailbox-multipurpose", "own" };
	struct answer first, a;

	front_conf()->own_profiles = &own;
	front_conf()->own_profile_count = 1;
	front_conf()->profiles = (struct conf_list){ offered, 2 };
	front_open(j);
	first = order_lab_new(j, "[" ALICE "]");
	validate(j, &first, 0);
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"own\"}");
	front_expect(&a, 201, "", NULL);
	assert_string_equal(front_str(&a, "status"), "pending");
	a = order_lab_new(j, "[" ALICE "]");
	assert_string_equal(front_str(&a, "status"), "ready");
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_foreign),
	STORE_TEST_SQLITE(test_authz_payload),
	STORE_TEST(test_post_first),
	STORE_TEST(test_reply_first),
	STORE_TEST(test_mismatch),
	STORE_TEST(test_soft),
	STORE_TEST(test_asked_again),
	STORE_TEST(test_deadline),
	STORE_TEST(test_reuse),
	STORE_TEST(test_reuse_after_hand_over),
	STORE_TEST(test_no_reuse),
	STORE_TEST(test_no_reuse_by_profile),
};

UNIT_MAIN(tests)
