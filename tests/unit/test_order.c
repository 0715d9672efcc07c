/*
 * newOrder as a client sees it (AC-83 to AC-123, AC-128, ER-3 to ER-6, ER-9)
 * over a real store.
 */
#include "config.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/offer.h"
#include "db/store_audit.h"
#include "db/store_outbox.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "tests/unit/order_lab.h"

#define HOUR 3600

/* AC-162: the default is attached and shown; others that are offered can be
 * asked for. */
static void
test_profiles(struct job *j)
{
	static const char *offered[] = { "mailbox-multipurpose",
		"mailbox-signing" };
	static const struct {
		const char *member, *profile; /* NULL: refused */
	} rows[] = {
		{ "", "mailbox-signing" },
		{ ",\"profile\":null", "mailbox-signing" },
		{ ",\"profile\":\"mailbox-signing\"", "mailbox-signing" },
		{ ",\"profile\":\"mailbox-multipurpose\"",
		    "mailbox-multipurpose" },
		{ ",\"profile\":\"mailbox-strict\"", NULL },
		{ ",\"profile\":\"Mailbox-signing\"", NULL },
		{ ",\"profile\":\"mailbox-signing \"", NULL },
		{ ",\"profile\":\"\"", NULL },
	};

	front_conf()->profile = "mailbox-signing";
	front_conf()->profiles = (struct conf_list){ offered, 2 };
	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a = front_post(j, FRONT_NEW_ORDER,
		    arena_printf(j->arena, "{\"identifiers\":[" ALICE "]%s}",
			rows[i].member));

		unit_case("%s", rows[i].member);
		if (rows[i].profile == NULL) {
			front_expect(&a, 400, "invalidProfile", NULL);
			continue;
		}
		front_expect(&a, 201, "", NULL);
		assert_string_equal(front_str(&a, "profile"), rows[i].profile);
		a = order_lab_read(j, front_header(&a, "Location", 0));
		assert_string_equal(front_str(&a, "profile"), rows[i].profile);
	}
	front_close();
}

/* AC-92, AC-20: as the profile allows; shown in UTC, and nothing after them. */
static void
test_dates(struct job *j)
{
	static const char *dated[] = { "mailbox-strict" };
	static const char *offered[] = { "mailbox-multipurpose",
		"mailbox-strict" };
	static const char payload[] =
	    "{\"identifiers\":[" ALICE "],\"profile\":\"%s\","
	    "\"notBefore\":\"2027-01-15T14:00:00.25+05:30\","
	    "\"notAfter\":\"2027-01-16T00:00:00-08:00\"}";
	struct answer a;

	front_conf()->profiles = (struct conf_list){ offered, 2 };
	front_conf()->allow_not_after = (struct conf_list){ dated, 1 };
	front_conf()->issuer.validity_days = 365;
	front_conf()->issuer.clock_allowance = 300;
	front_open(j);
	a = front_post(j, FRONT_NEW_ORDER,
	    arena_printf(j->arena, payload, "mailbox-multipurpose"));
	front_expect(&a, 400, "malformed",
	    "this profile does not support notBefore/notAfter");
	a = front_post(j, FRONT_NEW_ORDER,
	    arena_printf(j->arena, payload, "mailbox-strict"));
	front_expect(&a, 201, "", NULL);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(
		    front_str(&a, "notBefore"), "2027-01-15T08:30:00Z");
		assert_string_equal(
		    front_str(&a, "notAfter"), "2027-01-16T08:00:00Z");
		a = order_lab_read(j, front_header(&a, "Location", 0));
	}
	/* One of them: the other is not shown.  It ends with its dates. */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"mailbox-strict\","
	    "\"notAfter\":\"2027-01-15T09:00:00Z\"}");
	front_expect(&a, 201, "", NULL);
	assert_null(json_get(a.doc, "notBefore"));
	assert_string_equal(front_str(&a, "notAfter"), "2027-01-15T09:00:00Z");
	assert_string_equal(front_str(&a, "expires"), "2027-01-15T09:00:00Z");
	front_set_time(j, FIXTURE_NOW + 3600);
	a = order_lab_read(j, front_header(&a, "Location", 0));
	assert_string_equal(front_str(&a, "status"), "invalid");
	front_set_time(j, FIXTURE_NOW);
	/* AC-93: identifiers, profile, dates. */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"other\","
	    "\"notAfter\":\"x\"}");
	front_expect(&a, 400, "invalidProfile", "profile other is not offered");
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" EMAIL("x") "],\"profile\":\"other\","
					    "\"notAfter\":\"x\"}");
	front_expect(&a, 400, "malformed", NULL);
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"mailbox-strict\","
	    "\"notBefore\":\"2027-01-17T08:00:01Z\"}");
	front_expect(
	    &a, 400, "malformed", "notBefore is more than 24 hours ahead");
	front_close();
}

/* PK-92, AC-162: a profile whose certificates would outlive the CA. */
static void
test_ca_ends(struct job *j)
{
	static const char *dated[] = { "mailbox-multipurpose" };
	const struct acme_chain chain = { .ca_label = "aabb",
		.not_after = FIXTURE_NOW + 100 * 24 * HOUR };
	struct answer a;

	front_conf()->allow_not_after = (struct conf_list){ dated, 1 };
	front_conf()->issuer.validity_days = 365;
	front_open(j);
	acme_set_chain(front_acme(), &chain);
	a = order_lab_new(j, "[" ALICE "]");
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-multipurpose does not fit: the certificate would "
	    "end after the CA, which ends at 2027-04-25T08:00:00Z");
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE
	    "],\"notAfter\":\"2027-04-25T08:00:01Z\"}");
	front_expect(&a, 400, "malformed",
	    "notAfter is beyond the end of the CA, which is "
	    "2027-04-25T08:00:00Z");
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE
	    "],\"notAfter\":\"2027-04-25T08:00:00Z\"}");
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-162: offered, and allowed for the account. */
static void
test_profile_permitted(void **state)
{
	static const char *offered[] = { "mailbox-multipurpose",
		"mailbox-signing" };
	static const struct {
		const char *allowed, *name;
		bool permitted;
	} rows[] = {
		{ NULL, "mailbox-signing", true },
		{ NULL, "mailbox-multipurpose", true },
		{ NULL, "mailbox-strict", false },
		{ "[\"mailbox-signing\"]", "mailbox-signing", true },
		{ "[\"mailbox-signing\"]", "mailbox-multipurpose", false },
		{ "[ \"mailbox-strict\" , \"mailbox-multipurpose\" ]",
		    "mailbox-multipurpose", true },
		/* Allowed, but not offered. */
		{ "[\"mailbox-strict\"]", "mailbox-strict", false },
		/* What cannot be read allows nothing. */
		{ "[]", "mailbox-signing", false },
		{ "", "mailbox-signing", false },
		{ "null", "mailbox-signing", false },
		{ "\"mailbox-signing\"", "mailbox-signing", false },
		{ "{\"mailbox-signing\":1}", "mailbox-signing", false },
		{ "[[\"mailbox-signing\"]]", "mailbox-signing", false },
		{ "[\"mailbox-signing\"", "mailbox-signing", false },
		{ "[\"mailbox-signing\"],\"x\":1", "mailbox-signing", false },
		{ "[\"Mailbox-signing\",1,null]", "mailbox-signing", false },
	};
	struct conf conf = { .profile = "mailbox-signing",
		.profiles = { offered, 2 } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s in %s", rows[i].name,
		    rows[i].allowed == NULL ? "all" : rows[i].allowed);
		assert_int_equal(
		    profile_is_permitted(&conf, rows[i].allowed, rows[i].name),
		    rows[i].permitted);
	}
	conf.profiles.n = 0;
	assert_true(profile_is_permitted(&conf, NULL, "mailbox-signing"));
	assert_false(profile_is_permitted(&conf, NULL, "mailbox-multipurpose"));
}

/* AC-95 to AC-98, AC-100, AC-101, AC-104, AC-108, AC-109, AC-116, AC-117,
 * ER-5, ER-9, ER-15, ER-18 */
static void
test_create(struct job *j)
{
	struct request req = {
		.content_type = span_str("application/jose+json"),
		.accept_language = span_str("de, en;q=0.5"),
		.client_address = "192.0.2.7",
	};
	const char *payload = "{\"identifiers\":[" ALICE "],"
			      "\"status\":\"valid\",\"expires\":\"x\","
			      "\"authorizations\":null,\"finalize\":\"\","
			      "\"certificate\":\"\",\"notBefore\":null,"
			      "\"auto-renewal\":{},\"replaces\":null}";
	const struct client_key *key = client_key("acct-es256-A");
	const char *header;
	struct outbox_mail mail;
	struct audit_row *rows;
	size_t count;
	struct answer a, again, authz;
	const struct json *ch;
	const char *url;

	front_open(j);
	header = arena_printf(j->arena,
	    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%"
	    "s\"}",
	    FRONT_KID, front_nonce(j), FRONT_BASE FRONT_NEW_ORDER);
	a = front_send(j, METHOD_POST, FRONT_NEW_ORDER,
	    client_jws(j, key, header, payload), &req);
	front_expect(&a, 201, "", NULL);
	assert_int_equal(a.wake, 1u << ROLE_SENDER);
	assert_int_equal(json_count(a.doc), 6);
	assert_string_equal(front_str(&a, "status"), "pending");
	assert_string_equal(front_str(&a, "expires"), "2027-01-16T08:00:00Z");
	assert_string_equal(front_str(&a, "profile"), "mailbox-multipurpose");
	assert_string_equal(
	    json_dup(j, json_get(a.doc, "identifiers")), "[" ALICE "]");
	url = front_header(&a, "Location", 0);
	assert_string_equal(front_str(&a, "finalize"),
	    arena_printf(j->arena, "%s/finalize", url));
	assert_null(front_header(&a, "Retry-After", 0));

	again = order_lab_read(j, url);
	front_expect(&again, 200, "", NULL);
	assert_string_equal(again.body.p, a.body.p);
	assert_string_equal(front_header(&again, "Location", 0), url);

	authz = order_lab_read(j, order_lab_authz_url(&a, 0));
	front_expect(&authz, 200, "", NULL);
	assert_false(authz.changed);
	assert_int_equal(authz.wake, 0);
	assert_int_equal(json_count(authz.doc), 4);
	assert_string_equal(
	    json_dup(j, json_get(authz.doc, "identifier")), ALICE);
	assert_string_equal(front_str(&authz, "status"), "pending");
	assert_string_equal(
	    front_str(&authz, "expires"), "2027-01-16T08:00:00Z");
	ch = order_lab_challenge(&authz);
	assert_int_equal(json_count(ch), 5);
	assert_string_equal(order_lab_member(ch, "type"), "email-reply-00");
	assert_string_equal(order_lab_member(ch, "status"), "pending");
	assert_int_equal(strlen(order_lab_member(ch, "token")), 32);
	assert_true(
	    b64url_is_alphabet(span_str(order_lab_member(ch, "token"))));
	assert_true(
	    span_starts(span_str(order_lab_member(ch, "from")), SPAN("acme+")));
	assert_true(span_ends(
	    span_str(order_lab_member(ch, "from")), SPAN("@ca.example")));

	/* The mail is in the outbox, due after the delay, with the other
	 * half and this From. */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 0);
	front_set_time(j, FIXTURE_NOW + 5);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
	store_rollback(j);
	assert_string_equal(mail.mailbox, "alice@example.com");
	assert_string_equal(mail.from, order_lab_member(ch, "from"));
	assert_string_equal(mail.language, "de, en;q=0.5");
	assert_int_equal(mail.token_part1.n, 32);
	assert_true(b64url_is_alphabet(mail.token_part1));
	assert_false(
	    span_eq_str(mail.token_part1, order_lab_member(ch, "token")));
	assert_int_equal(mail.message_id[0], '<');

	/* PK-19, AC-178 */
	EXPECT(j,
	    store_audit_list(j,
		arena_printf(j->arena, "order:%s",
		    url + strlen(FRONT_BASE "/acme/order/")),
		&rows, &count),
	    0);
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].event, "order received");
	assert_string_equal(rows[0].actor, "account:" FRONT_ACCOUNT_ID);
	assert_string_equal(rows[0].result, "ok");
	assert_non_null(strstr(rows[0].detail, "alice@example.com"));
	assert_null(strstr(rows[0].detail, order_lab_member(ch, "token")));
	front_close();
}

/* A new order's challenge comes from the address as it is configured. */
static void
expect_fixed_from(struct job *j)
{
	struct answer order = order_lab_new(j, "[" ALICE "]"), authz;

	front_expect(&order, 201, "", NULL);
	authz = order_lab_read(j, order_lab_authz_url(&order, 0));
	assert_string_equal(
	    order_lab_member(order_lab_challenge(&authz), "from"),
	    "acme@ca.example");
}

/* AC-108, ER-15: one address for all, where the mail system has no tags. */
static void
test_fixed_from(struct job *j)
{
	front_conf()->sender.tagged = false;
	front_open(j);
	for (int i = 0; i < 2; i++)
		expect_fixed_from(j);
	front_close();
}

/* ER-14, ER-15: the tag is of the address that is answered to. */
static void
test_reply_to(struct job *j)
{
	struct outbox_mail mail;

	front_conf()->sender.reply_to = "Answers@replies.example";
	front_open(j);
	expect_fixed_from(j);
	front_set_time(j, FIXTURE_NOW + 5);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
	store_rollback(j);
	assert_string_equal(mail.from, "acme@ca.example");
	assert_true(span_starts(span_str(mail.reply_to), SPAN("answers+")));
	assert_true(
	    span_ends(span_str(mail.reply_to), SPAN("@replies.example")));
	assert_int_equal(strlen(mail.reply_to), 8 + 26 + 16);
	front_close();
}

/* AC-112, ER-6: no response says part1. */
static void
test_secrecy(struct job *j)
{
	struct outbox_mail mail;
	struct answer a, authz, challenge;
	const char *part1;

	front_open(j);
	a = order_lab_new(j, "[" ALICE "]");
	front_set_time(j, FIXTURE_NOW + 5);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
	store_rollback(j);
	part1 = span_dup(j->arena, mail.token_part1);
	authz = order_lab_read(j, order_lab_authz_url(&a, 0));
	challenge = front_post(j,
	    front_path(order_lab_member(order_lab_challenge(&authz), "url")),
	    "{}");
	assert_null(strstr(a.body.p, part1));
	assert_null(strstr(authz.body.p, part1));
	assert_null(strstr(challenge.body.p, part1));
	front_close();
}

/* AC-83 */
static void
test_shape(struct job *j)
{
	static const struct {
		const char *payload;
		const char *detail;
	} rows[] = {
		{ "{}", "identifiers must be a non-empty array" },
		{ "{\"identifiers\":null}",
		    "identifiers must be a non-empty array" },
		{ "{\"identifiers\":[]}",
		    "identifiers must be a non-empty array" },
		{ "{\"identifiers\":" ALICE "}",
		    "identifiers must be a non-empty array" },
		{ "{\"Identifiers\":[" ALICE "]}",
		    "identifiers must be a non-empty array" },
		{ "{\"identifiers\":[7]}", NULL },
		{ "{\"identifiers\":[{}]}", NULL },
		{ "{\"identifiers\":[{\"type\":\"email\"}]}", NULL },
		{ "{\"identifiers\":[{\"type\":1,\"value\":\"a@b.c\"}]}",
		    NULL },
		{ "{\"identifiers\":[{\"type\":\"email\",\"value\":null}]}",
		    NULL },
		{ "{\"identifiers\":[" ALICE "],\"profile\":1}", NULL },
		{ "{\"identifiers\":[" ALICE "],\"notBefore\":1}", NULL },
		/* AC-92 */
		{ "{\"identifiers\":[" ALICE
		  "],\"notBefore\":\"2027-01-15T08:00:00Z\"}",
		    "this profile does not support notBefore/notAfter" },
		{ "{\"identifiers\":[" ALICE "],\"notAfter\":\"\"}",
		    "this profile does not support notBefore/notAfter" },
	};
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].payload);
		a = front_post(j, FRONT_NEW_ORDER, rows[i].payload);
		front_expect(&a, 400, "malformed", rows[i].detail);
	}
	/* AC-162 */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"other\"}");
	front_expect(&a, 400, "invalidProfile", "profile other is not offered");
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"\"}");
	front_expect(&a, 400, "invalidProfile", "profile  is not offered");
	/* Known, but not offered. */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":\"mailbox-strict\"}");
	front_expect(
	    &a, 400, "invalidProfile", "profile mailbox-strict is not offered");
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE
	    "],\"profile\":\"mailbox-multipurpose\"}");
	front_expect(&a, 201, "", NULL);
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE "],\"profile\":null}");
	front_expect(&a, 201, "", NULL);
	/* AC-93: identifiers are looked at first. */
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" EMAIL("x") "],\"profile\":\"other\"}");
	front_expect(&a, 400, "malformed", NULL);
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_create),
	STORE_TEST(test_profiles),
	STORE_TEST(test_dates),
	STORE_TEST(test_ca_ends),
	cmocka_unit_test(test_profile_permitted),
	STORE_TEST(test_fixed_from),
	STORE_TEST(test_reply_to),
	STORE_TEST(test_secrecy),
	STORE_TEST(test_shape),
};

UNIT_MAIN(tests)
