/*
 * Accounts as clients make and read them: terms, contacts, the object itself
 * (AC-65 to AC-71).
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "lib/count.h"
#include "tests/unit/vectors.h"

#define FRONT_ACCOUNT "/acme/acct/" FRONT_ACCOUNT_ID

/* AC-68 */
static void
test_terms(struct job *j)
{
	static const char *const refused[] = { "{}",
		"{\"termsOfServiceAgreed\":false}",
		"{\"termsOfServiceAgreed\":null}" };
	struct answer a;

	front_conf()->tos_url = "https://ca.example/terms";
	front_open(j);
	for (size_t i = 0; i < 3; i++) {
		a = front_post_jwk(
		    j, "acct-es256-B", FRONT_NEW_ACCOUNT, refused[i]);
		front_expect(&a, 403, "userActionRequired",
		    "the terms of service must be agreed to");
		assert_string_equal(
		    front_str(&a, "instance"), "https://ca.example/terms");
		assert_string_equal(front_header(&a, "Link", 0),
		    "<https://ca.example/terms>;rel=\"terms-of-service\"");
	}
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    "{\"termsOfServiceAgreed\":\"yes\"}");
	front_expect(&a, 400, "malformed", NULL);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    "{\"termsOfServiceAgreed\":true}");
	front_expect(&a, 201, "", NULL);
	assert_string_equal(a.body.p,
	    arena_printf(j->arena,
		"{\"status\":\"valid\",\"contact\":[],"
		"\"termsOfServiceAgreed\":true,\"orders\":\"%s/orders\"}",
		front_header(&a, "Location", 0)));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM account WHERE "
					  "tos_agreed_at > 0 AND tos_url = "
					  "'https://ca.example/terms'"),
	    1);
	front_close();
}

static struct answer
new_account_with(struct job *j, const char *contact)
{
	return front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    arena_printf(j->arena, "{\"contact\":%s}", contact));
}

/* AC-69 with `mailto_contacts` */
static void
test_contacts(struct job *j)
{
	size_t i;
	json_t *v;
	struct answer a;
	char large[300];

	front_open(j);
	json_array_foreach (vectors_at("mailto_contacts/refused"), i, v) {
		const char *value = vectors_dump(j, json_array_get(v, 0)).p;

		unit_case("%s", value);
		a = new_account_with(j, arena_printf(j->arena, "[%s]", value));
		front_expect(
		    &a, 400, json_string_value(json_array_get(v, 1)), NULL);
		assert_int_equal(json_count(json_get(a.doc, "subproblems")), 1);
	}
	a = new_account_with(j, "[\"mailto:a@\",\"mailto:b@\"]");
	front_expect(
	    &a, 400, "invalidContact", "several contacts were refused");
	a = new_account_with(
	    j, "[\"mailto:a@\",\"mailto:ok@example.org\",\"tel:1\"]");
	front_expect(&a, 400, "compound", "several contacts were refused");
	assert_int_equal(json_count(json_get(a.doc, "subproblems")), 2);
	a = new_account_with(j, "[1]");
	front_expect(&a, 400, "malformed", NULL);
	a = new_account_with(j, "\"mailto:a@example.org\"");
	front_expect(&a, 400, "malformed", NULL);
	a = new_account_with(j,
	    "[\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\","
	    "\"x\"]");
	front_expect(&a, 400, "invalidContact", NULL);
	memset(large, 'a', sizeof(large));
	memcpy(large, "[\"mailto:", 9);
	memcpy(large + 280, "@b.example\"]", 13);
	a = new_account_with(j, large);
	front_expect(&a, 400, "invalidContact",
	    "contact 1 is not a single plain mailto address");
	a = new_account_with(j, "[\"mailto:a%2Cb@example.org\"]");
	front_expect(&a, 400, "invalidContact", NULL);
	a = new_account_with(j, "[\"mailto:a%4\"]");
	front_expect(&a, 400, "invalidContact", NULL);

	json_array_foreach (vectors_at("mailto_contacts/accepted"), i, v) {
		const char *value = vectors_dump(j, json_array_get(v, 0)).p;

		fixture_sql(j,
		    "DELETE FROM account WHERE id <> '" FRONT_ACCOUNT_ID "'");
		unit_case("%s", value);
		a = new_account_with(
		    j, arena_printf(j->arena,
			   "[%s,\"mailto:a%%2Bb@example.org\"]", value));
		front_expect(&a, 201, "", NULL);
	}
	front_close();
}

/* AC-51, AC-71, AC-176, L-5, L-9, L-10 */
static void
test_account(struct job *j)
{
	static const char path[] = FRONT_ACCOUNT;
	static const char *const reads[] = { "", "{}", "{\"status\":\"valid\"}",
		"{\"contact\":null,\"termsOfServiceAgreed\":true,\"x\":[]}" };
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < 4; i++) {
		unit_case("%s", reads[i]);
		a = front_post(j, path, reads[i]);
		front_expect(&a, 200, "", NULL);
		assert_string_equal(a.body.p,
		    "{\"status\":\"valid\",\"contact\":[]"
		    ",\"orders\":\"" FRONT_KID "/orders\"}");
		assert_false(a.changed);
	}
	a = front_post(j, path, "{\"contact\":[\"mailto:x@example.org\"]}");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_header(&a, "Location", 0), FRONT_KID);
	a = front_post(j, path, "");
	assert_string_equal(a.body.p,
	    "{\"status\":\"valid\",\"contact\":[\"mailto:x@example.org\"]"
	    ",\"orders\":\"" FRONT_KID "/orders\"}");
	a = front_post(j, path, "{\"contact\":[\"tel:1\"]}");
	front_expect(&a, 400, "unsupportedContact", NULL);
	a = front_post(j, path, "{\"contact\":[]}");
	assert_string_equal(a.body.p, "{\"status\":\"valid\",\"contact\":[]"
				      ",\"orders\":\"" FRONT_KID "/orders\"}");
	a = front_post(j, path, "{\"status\":\"revoked\"}");
	front_expect(
	    &a, 400, "malformed", "status can only be set to deactivated");

	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 201, "", NULL);
	a = front_post(j, front_path(front_header(&a, "Location", 0)), "");
	front_expect(&a, 403, "unauthorized",
	    "this account URL belongs to another account");
	a = front_post(j, "/acme/acct/AAAAAAAAAAAAAAAAAAAAAA", "{}");
	front_expect(&a, 403, "unauthorized",
	    "this account URL belongs to another account");
	front_close();
}

/* AC-48 */
static void
test_kid(struct job *j)
{
	static const struct {
		const char *kid;
		const char *type, *detail;
	} rows[] = {
		{ FRONT_BASE "/acme/acct/AAAAAAAAAAAAAAAAAAAAAA",
		    "accountDoesNotExist", "no such account" },
		{ "", "malformed", "kid is not an account URL of this server" },
		{ FRONT_BASE "/acme/acct/", "malformed",
		    "kid is not an account URL of this server" },
		{ FRONT_KID "/", "malformed",
		    "kid is not an account URL of this server" },
		{ FRONT_KID "?", "malformed",
		    "kid is not an account URL of this server" },
		{ "https://ACME.ca.example/acme/acct/" FRONT_ACCOUNT_ID,
		    "malformed", "kid is not an account URL of this server" },
		{ FRONT_BASE "/acme/acct/AAAAAAAAAAAAAAAAAAAAAB", "malformed",
		    "kid is not an account URL of this server" },
		{ FRONT_BASE "/acme/acct/AAAAAAAAAA\\u0000AAAAAAAAAAA",
		    "malformed", NULL },
	};

	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		unit_case("%s", rows[i].kid);
		a = front_post_as(
		    j, "acct-es256-A", rows[i].kid, FRONT_NEW_ORDER, "{}");
		front_expect(&a, 400, rows[i].type, rows[i].detail);
	}
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_terms),
	STORE_TEST_SQLITE(test_contacts),
	STORE_TEST_SQLITE(test_account),
	STORE_TEST_SQLITE(test_kid),
};
UNIT_MAIN(tests)
