/*
 * Deactivated and revoked authorizations, and those without an order (AC-105
 * to AC-107), over a real store.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_order_look.h"
#include "db/store_outbox.h"
#include "db/store_private.h"
#include "lib/count.h"
#include "tests/unit/acme_mailbox.h"
#include "tests/unit/vectors.h"

#define HOUR 3600
#define ALICE "{\"type\":\"email\",\"value\":\"alice@example.com\"}"
#define BOB "{\"type\":\"email\",\"value\":\"bob@example.com\"}"
#define DEACTIVATE "{\"status\":\"deactivated\"}"

static struct answer
read_url(struct job *j, const char *url)
{
	return front_post(j, front_path(url), "");
}

static struct answer
deactivate(struct job *j, const char *url)
{
	return front_post(j, front_path(url), DEACTIVATE);
}

static const char *
new_order(struct job *j, const char *identifiers)
{
	struct answer a = front_post(j, FRONT_NEW_ORDER,
	    arena_printf(j->arena, "{\"identifiers\":[%s]}", identifiers));

	front_expect(&a, 201, "", NULL);
	return front_header(&a, "Location", 0);
}

static const char *
authz_of(struct job *j, const char *order_url, size_t i)
{
	struct answer a = read_url(j, order_url);

	return json_string(json_at(json_get(a.doc, "authorizations"), i)).p;
}

static const char *
challenge_of(struct job *j, const char *authz_url)
{
	struct answer a = read_url(j, authz_url);

	return json_string(
	    json_get(json_at(json_get(a.doc, "challenges"), 0), "url"))
	    .p;
}

static void
validate(struct job *j, const char *authz_url)
{
	const char *challenge = challenge_of(j, authz_url);
	struct answer a;

	mailbox_reply(j, challenge, VERDICT_MATCH);
	a = front_post(j, front_path(challenge), "{}");
	front_expect(&a, 200, "", NULL);
}

static const char *
status_of(struct job *j, const char *url)
{
	struct answer a = read_url(j, url);

	front_expect(&a, 200, "", NULL);
	return front_str(&a, "status");
}

static const char *
id_of(const char *url)
{
	return strrchr(url, '/') + 1;
}

static int
lease_mail(struct job *j, struct outbox_mail *mail)
{
	int found;

	EXPECT(j, store_begin(j), 0);
	found = store_outbox_lease(j, j->now + 300, mail);
	EXPECT(j, store_commit(j), 0);
	return found;
}

/* --- AC-105 --------------------------------------------------------------- */

static size_t
audited(struct job *j, const char *authz_url, const char *event)
{
	struct audit_row *rows;
	size_t count, found = 0;

	EXPECT(j,
	    store_audit_list(j,
		arena_printf(j->arena, "authz:%s", id_of(authz_url)), &rows,
		&count),
	    0);
	for (size_t i = 0; i < count; i++)
		found += strcmp(rows[i].event, event) == 0;
	return found;
}

/* AC-99, AC-105, section 17.2: the whole order ends, its other mailbox too. */
static void
test_pending(struct job *j)
{
	const char *order, *first, *second;
	struct outbox_mail mail;
	struct answer a;

	front_open(j);
	order = new_order(j, ALICE "," BOB);
	first = authz_of(j, order, 0);
	second = authz_of(j, order, 1);
	a = deactivate(j, first);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "deactivated");
	assert_string_equal(status_of(j, first), "deactivated");
	assert_string_equal(status_of(j, second), "deactivated");
	assert_int_equal(audited(j, first, "authorization deactivated"), 1);

	/* AC-96: nothing failed, so there is no error to show. */
	a = read_url(j, order);
	assert_string_equal(front_str(&a, "status"), "invalid");
	assert_null(json_get(a.doc, "error"));

	/* No mail leaves, and part1 is gone. */
	front_set_time(j, FIXTURE_NOW + 100);
	assert_int_equal(lease_mail(j, &mail), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);

	/* Once more changes nothing. */
	a = deactivate(j, first);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "deactivated");
	assert_int_equal(audited(j, first, "authorization deactivated"), 1);

	/* AC-122: its challenge takes no response any more. */
	a = front_post(j, front_path(challenge_of(j, first)), "{}");
	front_expect(&a, 400, "malformed", "the authorization is deactivated");
	front_close();
}

/* AC-105 with L-4, as lego 4.9 sends it: other members are ignored. */
static void
test_more_members(struct job *j)
{
	const char *authz;
	struct answer a;

	front_open(j);
	authz = authz_of(j, new_order(j, ALICE), 0);
	a = front_post(j, front_path(authz),
	    "{\"status\":\"deactivated\",\"expires\":"
	    "\"0001-01-01T00:00:00Z\",\"identifier\":{\"type\":\"\","
	    "\"value\":\"\"}}");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(status_of(j, authz), "deactivated");
	front_close();
}

/* AC-105, AC-114: a reply that comes afterwards proves nothing; AC-128: no
 * deadline is missed. */
static void
test_late_reply(struct job *j)
{
	const char *order, *authz, *challenge;
	struct answer a;

	front_open(j);
	order = new_order(j, ALICE);
	authz = authz_of(j, order, 0);
	challenge = challenge_of(j, authz);
	a = front_post(j, front_path(challenge), "{}");
	assert_string_equal(front_str(&a, "status"), "processing");
	assert_int_equal(audited(j, authz, "challenge response received"), 1);
	front_set_time(j, FIXTURE_NOW + 60);
	a = deactivate(j, authz);
	front_expect(&a, 200, "", NULL);
	for (int64_t at = 0; at < 2; at++) {
		front_set_time(j, FIXTURE_NOW + 120 + at * 48 * HOUR);
		a = read_url(j, order);
		assert_string_equal(front_str(&a, "status"), "invalid");
		assert_null(json_get(a.doc, "error"));
		a = read_url(j, challenge);
		assert_string_equal(front_str(&a, "status"), "processing");
		assert_null(json_get(a.doc, "error"));
		assert_null(front_header(&a, "Retry-After", 0));
		assert_string_equal(status_of(j, authz), "deactivated");
	}
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM authz WHERE valid_at > 0"),
	    0);
	front_close();
}

/* AC-103, AC-105: what stood on it ends; nothing later may stand on it. */
static void
test_valid(struct job *j)
{
	const char *order, *second, *authz;
	struct answer a;

	front_open(j);
	order = new_order(j, ALICE);
	authz = authz_of(j, order, 0);
	validate(j, authz);
	second = new_order(j, ALICE);
	assert_string_equal(status_of(j, order), "ready");
	assert_string_equal(status_of(j, second), "ready");
	assert_string_equal(authz_of(j, second, 0), authz);
	a = deactivate(j, authz);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(status_of(j, order), "invalid");
	assert_string_equal(status_of(j, second), "invalid");
	a = front_post(j,
	    arena_printf(j->arena, "%s/finalize", front_path(order)),
	    "{\"csr\":\"AA\"}");
	front_expect(&a, 403, "orderNotReady", "the order is invalid");
	second = new_order(j, ALICE);
	assert_string_equal(status_of(j, second), "pending");
	assert_string_not_equal(authz_of(j, second, 0), authz);
	front_close();
}

/* AC-105: issuance was decided before. */
static void
test_processing(struct job *j)
{
	const char *csr =
	    vectors_str(vectors_named(vectors_at("finalize_csr/cases"), "good"),
		"csr_b64u");
	const char *order, *other, *authz;
	struct answer a;

	front_open(j);
	order = new_order(j, ALICE);
	authz = authz_of(j, order, 0);
	validate(j, authz);
	other = new_order(j, ALICE);
	a = front_post(j,
	    arena_printf(j->arena, "%s/finalize", front_path(order)),
	    arena_printf(j->arena, "{\"csr\":\"%s\"}", csr));
	front_expect(&a, 200, "", NULL);
	a = deactivate(j, authz);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(status_of(j, order), "processing");
	assert_string_equal(status_of(j, other), "invalid");
	front_close();
}

/* AC-105, section 17.3: what has ended in another way is not deactivated. */
static void
test_ended(struct job *j)
{
	const char *order, *authz;
	struct authz z;
	struct answer a;

	front_open(j);
	order = new_order(j, ALICE);
	authz = authz_of(j, order, 0);
	mailbox_reply(j, challenge_of(j, authz), VERDICT_MISMATCH);
	a = deactivate(j, authz);
	front_expect(&a, 400, "malformed", "the authorization is invalid");

	order = new_order(j, ALICE);
	authz = authz_of(j, order, 0);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_authz_lock(j, id_of(authz), &z), 1);
	EXPECT(j, store_authz_revoke(j, &z), 0);
	EXPECT(j, store_commit(j), 0);
	assert_string_equal(status_of(j, authz), "revoked");
	assert_string_equal(status_of(j, order), "invalid");
	a = deactivate(j, authz);
	front_expect(&a, 400, "malformed", "the authorization is revoked");

	order = new_order(j, ALICE);
	authz = authz_of(j, order, 0);
	front_set_time(j, FIXTURE_NOW + 24 * HOUR);
	a = deactivate(j, authz);
	front_expect(&a, 400, "malformed", "the authorization is expired");
	/* AC-107: revoked overrides expired. */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_authz_lock(j, id_of(authz), &z), 1);
	EXPECT(j, store_authz_revoke(j, &z), 0);
	EXPECT(j, store_commit(j), 0);
	assert_string_equal(status_of(j, authz), "revoked");
	EXPECT(j, store_authz_lock(j, "absent", &z), 0);
	front_close();
}

/* AC-175: nobody ends what is not his. */
static void
test_foreign(struct job *j)
{
	const char *authz, *kid;
	struct answer a, b;

	front_open(j);
	authz = authz_of(j, new_order(j, ALICE), 0);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);
	a = front_post_as(
	    j, "acct-es256-B", kid, front_path(authz), DEACTIVATE);
	front_expect(&a, 404, "malformed", "no such authorization");
	b = front_post_as(j, "acct-es256-B", kid,
	    "/acme/authz/AAAAAAAAAAAAAAAAAAAAAA", DEACTIVATE);
	assert_string_equal(a.body.p, b.body.p);
	assert_string_equal(status_of(j, authz), "pending");
	front_close();
}

/* AC-105, ER-10: the sender has taken the mail when its authorization ends.
 * Whatever becomes of the submission, nothing is sent afterwards. */
static void
test_leased_mail(struct job *j)
{
	static const char *const ends[] = { "spool", "sent", "retry",
		"failed" };

	front_open(j);
	for (size_t i = 0; i < 4; i++) {
		const char *authz = authz_of(j, new_order(j, ALICE), 0);
		struct outbox_mail mail;
		struct answer a;

		unit_case("%s", ends[i]);
		front_set_time(j, j->now + 10);
		assert_int_equal(lease_mail(j, &mail), 1);
		assert_string_equal(mail.authz_id, id_of(authz));
		a = deactivate(j, authz);
		front_expect(&a, 200, "", NULL);
		switch (i) {
		case 0:
			REFUSED(j,
			    store_outbox_spool(
				j, mail.challenge_id, SPAN("message")),
			    ERR_CONFLICT);
			break;
		case 1:
			COMMITTED(j, store_outbox_sent(
					 j, mail.challenge_id, "250 ok", 60));
			break;
		case 2:
			REFUSED(j,
			    store_outbox_retry(
				j, mail.challenge_id, j->now + 60, "451", "{}"),
			    ERR_CONFLICT);
			break;
		default:
			COMMITTED(j, store_outbox_failed(
					 j, mail.challenge_id, "550 no", "{}"));
			break;
		}
		front_set_time(j, j->now + 1000);
		assert_int_equal(lease_mail(j, &mail), 0);
		assert_string_equal(status_of(j, authz), "deactivated");
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
	}
	front_close();
}

/* --- AC-106 --------------------------------------------------------------- */

static struct answer
new_authz(struct job *j, const char *identifier)
{
	return front_post(j, FRONT_NEW_AUTHZ,
	    arena_printf(j->arena, "{\"identifier\":%s}", identifier));
}

/* AC-101, AC-106, AC-116, AC-117; section 25 C */
static void
test_new_authz(struct job *j)
{
	struct outbox_mail mail;
	struct answer a, again;
	const char *url, *order;

	front_open(j);
	a = new_authz(j, ALICE);
	front_expect(&a, 201, "", NULL);
	assert_int_equal(a.wake, 1u << ROLE_SENDER);
	assert_int_equal(json_count(a.doc), 4);
	assert_string_equal(front_str(&a, "status"), "pending");
	assert_string_equal(json_dup(j, json_get(a.doc, "identifier")), ALICE);
	url = front_header(&a, "Location", 0);
	again = read_url(j, url);
	assert_string_equal(again.body.p, a.body.p);
	assert_int_equal(audited(j, url, "authorization requested"), 1);

	/* The mail is due after the delay. */
	assert_int_equal(lease_mail(j, &mail), 0);
	front_set_time(j, FIXTURE_NOW + 5);
	assert_int_equal(lease_mail(j, &mail), 1);
	assert_string_equal(mail.mailbox, "alice@example.com");

	/* AC-98: a pending one serves no order and no other request. */
	order = new_order(j, ALICE);
	assert_string_equal(status_of(j, order), "pending");
	assert_string_not_equal(authz_of(j, order, 0), url);
	a = new_authz(j, ALICE);
	front_expect(&a, 201, "", NULL);

	/* Validated, it is returned as it is, and an order is ready. */
	validate(j, url);
	a = new_authz(j, ALICE);
	front_expect(&a, 200, "", NULL);
	assert_false(a.changed);
	assert_string_equal(front_header(&a, "Location", 0), url);
	assert_string_equal(front_str(&a, "status"), "valid");
	order = new_order(j, ALICE);
	assert_string_equal(status_of(j, order), "ready");
	assert_string_equal(authz_of(j, order, 0), url);

	/* AC-88, AC-103: another letter case is another mailbox. */
	a = new_authz(
	    j, "{\"type\":\"email\",\"value\":\"Alice@example.com\"}");
	front_expect(&a, 201, "", NULL);

	/* AC-105 */
	a = deactivate(j, url);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(status_of(j, order), "invalid");
	a = new_authz(j, ALICE);
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-106, AC-185, AC-191: its mail counts as an order's; one that is reused
 * costs nothing. */
static void
test_limit(struct job *j)
{
	struct answer a;

	front_conf()->limits.mails_to_mailbox =
	    (struct conf_rates){ { { 1, HOUR } }, 1 };
	front_open(j);
	a = new_authz(j, ALICE);
	front_expect(&a, 201, "", NULL);
	validate(j, front_header(&a, "Location", 0));
	a = new_authz(j, ALICE);
	front_expect(&a, 200, "", NULL);
	a = new_authz(j, BOB);
	front_expect(&a, 201, "", NULL);
	a = new_authz(j, BOB);
	front_expect(&a, 429, "rateLimited", NULL);
	assert_non_null(front_header(&a, "Retry-After", 0));
	front_close();
}

/* The row that a pre-authorization stands on is no order for any client. */
static void
test_hidden_order(struct job *j)
{
	const char *csr =
	    vectors_str(vectors_named(vectors_at("finalize_csr/cases"), "good"),
		"csr_b64u");
	struct order *list, o;
	struct answer a;
	const char *path;
	size_t count;

	front_open(j);
	a = new_authz(j, ALICE);
	validate(j, front_header(&a, "Location", 0));
	EXPECT(j, store_order_list(j, false, 10, &list, &count), 0);
	assert_int_equal(count, 1);
	assert_true(list[0].is_preauth);
	path = arena_printf(j->arena, "/acme/order/%s", list[0].id);
	a = front_post(j, path, "");
	front_expect(&a, 404, "malformed", "no such order");
	a = front_post(j, arena_printf(j->arena, "%s/finalize", path),
	    arena_printf(j->arena, "{\"csr\":\"%s\"}", csr));
	front_expect(&a, 404, "malformed", "no such order");
	REFUSED(j,
	    store_order_finalize(j, list[0].id, SPAN("csr"), SPAN("jws")),
	    ERR_CONFLICT);
	EXPECT(j, store_order_by_id(j, list[0].id, FRONT_ACCOUNT_ID, &o), 0);
	EXPECT(j, store_order_by_id(j, list[0].id, NULL, &o), 1);
	assert_true(o.is_preauth);

	/* For people it waits while its mailbox has not answered. */
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 0);
	a = new_authz(j, BOB);
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 1);
	assert_true(list[0].is_preauth);
	front_close();
}

/* AC-83, AC-85 to AC-87, AC-90, AC-106 */
static void
test_refused(struct job *j)
{
	static const struct {
		const char *payload;
		int status;
		const char *type;
	} rows[] = {
		{ "{}", 400, "malformed" },
		{ "{\"identifiers\":[" ALICE "]}", 400, "malformed" },
		{ "{\"identifier\":" ALICE ",\"identifiers\":[]}", 400,
		    "malformed" },
		{ "{\"identifier\":null}", 400, "malformed" },
		{ "{\"identifier\":[" ALICE "]}", 400, "malformed" },
		{ "{\"identifier\":{\"type\":\"email\"}}", 400, "malformed" },
		{ "{\"identifier\":{\"type\":\"email\",\"value\":1}}", 400,
		    "malformed" },
		{ "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}}",
		    400, "unsupportedIdentifier" },
		{ "{\"identifier\":{\"type\":\"email\",\"value\":"
		  "\"*@example.com\"}}",
		    400, "malformed" },
		{ "{\"identifier\":{\"type\":\"email\",\"value\":"
		  "\"eve@denied.example\"}}",
		    403, "rejectedIdentifier" },
	};
	static const char *deny[] = { "denied.example" };
	struct answer a;

	front_conf()->deny = (struct conf_list){ deny, 1 };
	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].payload);
		a = front_post(j, FRONT_NEW_AUTHZ, rows[i].payload);
		front_expect(&a, rows[i].status, rows[i].type, NULL);
	}
	a = front_post(j, FRONT_NEW_AUTHZ, "");
	front_expect(&a, 400, "malformed", "payload is empty");
	front_close();
}

static bool
is_in_directory(struct job *j)
{
	struct answer a =
	    front_send(j, METHOD_GET, "/acme/directory", span_str(""), NULL);

	front_expect(&a, 200, "", NULL);
	return json_get(a.doc, "newAuthz") != NULL;
}

/* AC-61: not offered, not there; and not offered where no order could use
 * what it validates (AC-103). */
static void
test_off(struct job *j)
{
	struct answer a;

	front_open(j);
	assert_true(is_in_directory(j));
	front_conf()->preauthorization = false;
	assert_false(is_in_directory(j));
	a = new_authz(j, ALICE);
	front_expect(&a, 404, "malformed", "no such resource");
	front_conf()->preauthorization = true;
	front_conf()->authz_valid_life = 0;
	assert_false(is_in_directory(j));
	a = new_authz(j, ALICE);
	front_expect(&a, 404, "malformed", "no such resource");
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_pending),
	STORE_TEST(test_more_members),
	STORE_TEST(test_late_reply),
	STORE_TEST(test_valid),
	STORE_TEST(test_processing),
	STORE_TEST(test_ended),
	STORE_TEST(test_foreign),
	STORE_TEST(test_leased_mail),
	STORE_TEST(test_new_authz),
	STORE_TEST_SQLITE(test_limit),
	STORE_TEST(test_hidden_order),
	STORE_TEST_SQLITE(test_refused),
	STORE_TEST_SQLITE(test_off),
};
UNIT_MAIN(tests)
