/*
 * What every client asks first, directory and newNonce (AC-57, AC-61 to AC-63),
 * and how much it may ask.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/acme.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "pki/profile.h"
#include "tests/unit/vectors.h"

/* AC-57 */
static void
test_new_nonce(struct job *j)
{
	static const struct {
		enum method method;
		int status;
	} rows[] = { { METHOD_HEAD, 200 }, { METHOD_GET, 204 } };
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < 2; i++) {
		a = front_send(
		    j, rows[i].method, FRONT_NEW_NONCE, SPAN(""), NULL);
		front_expect(&a, rows[i].status, "", NULL);
		assert_int_equal(a.body.n, 0);
	}
	a = front_post(j, FRONT_NEW_NONCE, "");
	front_expect(&a, 204, "", NULL);
	assert_int_equal(a.body.n, 0);
	a = front_post(j, FRONT_NEW_NONCE, "{}");
	front_expect(&a, 400, "malformed", "this resource can only be read");
	front_close();
}

/* AC-8, AC-61 to AC-63, AC-161 */
static void
test_directory(struct job *j)
{
	static const char *caa[] = { "ca.example", "ca.test" };
	static const char *offered[] = { "mailbox-multipurpose",
		"mailbox-encryption", "mailbox-signing" };
	const char *small, *large;
	const struct json *list;
	struct answer a, head, signed_read, several;

	front_open(j);
	a = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	front_expect(&a, 200, "", NULL);
	small = a.body.p;
	assert_int_equal(json_count(a.doc), 8);
	assert_string_equal(
	    front_str(&a, "renewalInfo"), FRONT_BASE "/acme/renewal-info");
	assert_string_equal(
	    front_str(&a, "revokeCert"), FRONT_BASE "/acme/revoke-cert");
	assert_string_equal(
	    front_str(&a, "newAuthz"), FRONT_BASE FRONT_NEW_AUTHZ);
	assert_string_equal(
	    front_str(&a, "keyChange"), FRONT_BASE "/acme/key-change");
	assert_string_equal(
	    front_str(&a, "newNonce"), FRONT_BASE FRONT_NEW_NONCE);
	assert_string_equal(
	    front_str(&a, "newAccount"), FRONT_BASE FRONT_NEW_ACCOUNT);
	assert_string_equal(
	    front_str(&a, "newOrder"), FRONT_BASE FRONT_NEW_ORDER);
	assert_int_equal(json_count(json_get(a.doc, "meta")), 2);
	assert_int_equal(json_type(json_get(json_get(a.doc, "meta"),
			     "externalAccountRequired")),
	    JSON_T_BOOL);
	assert_string_equal(
	    json_name_at(json_get(json_get(a.doc, "meta"), "profiles"), 0),
	    "mailbox-multipurpose");

	head = front_send(j, METHOD_HEAD, "/acme/directory", SPAN(""), NULL);
	front_expect(&head, 200, "", NULL);
	assert_int_equal(head.response.header_count, a.response.header_count);
	/* AC-161: each that is offered, with its description. */
	front_conf()->profiles = (struct conf_list){ offered, COUNT(offered) };
	several = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	list = json_get(json_get(several.doc, "meta"), "profiles");
	assert_int_equal(json_count(list), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(span_eq_str(json_string(json_get(list, offered[i])),
		    profile_find(NULL, span_str(offered[i]))->description));
	front_conf()->profiles.n = 0;
	signed_read = front_post(j, "/acme/directory", "");
	front_expect(&signed_read, 200, "", NULL);
	assert_string_equal(signed_read.body.p, small);
	front_close();

	front_conf()->tos_url = "https://ca.example/terms";
	front_conf()->website_url = "https://ca.example/";
	front_conf()->caa_identities = (struct conf_list){ caa, 2 };
	front_open_again(j);
	a = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	large = json_dup(j, json_get(a.doc, "meta"));
	assert_non_null(
	    strstr(large, "\"termsOfService\":\"https://ca.example/terms\""));
	assert_non_null(strstr(large, "\"website\":\"https://ca.example/\""));
	assert_non_null(
	    strstr(large, "\"caaIdentities\":[\"ca.example\",\"ca.test\"]"));
	front_close();
}

/* The policy lets the page's own style pass, and nothing else. */
static void
expect_own_style(struct job *j, const struct answer *a)
{
	const char *from = strstr(a->body.p, "<style>") + strlen("<style>");
	const char *to = strstr(a->body.p, "</style>");
	uint8_t hash[SHA256_LEN];
	struct buf b;

	assert_true(from < to);
	sha256(span_mem(from, (size_t)(to - from)), hash);
	buf_init(&b, j->arena, 200);
	buf_add_str(&b, "default-src 'none'; style-src 'sha256-");
	b64_add(&b, span_mem(hash, sizeof(hash)));
	buf_add_str(&b, "'; base-uri 'none'; frame-ancestors 'none'");
	assert_string_equal(front_header(a, "Content-Security-Policy", 0), b.p);
}

/* PK-184: where problems are reported; without an address there is no page. */
static void
test_help(struct job *j)
{
	struct answer a;

	front_open(j);
	a = front_send(j, METHOD_GET, "/acme/help", SPAN(""), NULL);
	front_expect(&a, 404, "malformed", NULL);
	front_close();

	front_conf()->ca_name = "A & <b>B</b> \"CA\"";
	front_conf()->report_address = "problems@ca.example";
	front_open_again(j);
	a = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	assert_string_equal(
	    front_str(
		&(struct answer){ .doc = json_get(a.doc, "meta") }, "website"),
	    FRONT_BASE "/acme/help");
	a = front_send(j, METHOD_GET, "/acme/help", SPAN(""), NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(
	    front_header(&a, "Content-Type", 0), "text/html; charset=utf-8");
	expect_own_style(j, &a);
	assert_non_null(strstr(a.body.p, "problems@ca.example"));
	assert_non_null(
	    strstr(a.body.p, "A &amp; &lt;b&gt;B&lt;/b&gt; &quot;CA&quot;"));
	assert_null(strstr(a.body.p, "<b>"));
	a = front_post(j, "/acme/help", "");
	front_expect(&a, 405, "malformed", NULL);
	front_close();
	/* The CA's own page goes first. */
	front_conf()->website_url = "https://ca.example/";
	front_open_again(j);
	a = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	assert_string_equal(
	    front_str(
		&(struct answer){ .doc = json_get(a.doc, "meta") }, "website"),
	    "https://ca.example/");
	front_close();
	front_conf()->website_url = NULL;
	front_conf()->report_address = NULL;
	front_conf()->ca_name = "Test CA";
}

static struct answer
get_directory(struct job *j)
{
	return front_send(
	    j, METHOD_GET, PATH_DIRECTORY, (struct span){ NULL, 0 }, NULL);
}

/* AC-180, AC-191: after routing, before the content is looked at. */
static void
test_request_rate(struct job *j)
{
	struct conf_limits *limits = &front_conf()->limits;
	struct answer a;

	limits->request_rate = 2;
	limits->request_burst = 5;
	limits->help_url = "https://ca.example/limits";
	front_open(j);
	for (int i = 0; i < 5; i++)
		assert_int_equal(get_directory(j).status, 200);
	a = get_directory(j);
	front_expect(&a, 429, "rateLimited",
	    "requests of one client address: try again in 1 seconds");
	assert_string_equal(front_header(&a, "Retry-After", 0), "1");
	assert_string_equal(front_header(&a, "Link", 0),
	    "<https://ca.example/limits>;rel=\"help\"");
	/* Steps 2 and 3 come before it, 5 after it (AC-52). */
	a = front_send(j, METHOD_GET, "/acme/nothing", SPAN(""), NULL);
	front_expect(&a, 404, "malformed", NULL);
	a = front_send(j, METHOD_GET, FRONT_NEW_ORDER, SPAN(""), NULL);
	front_expect(&a, 405, "malformed", NULL);
	a = front_send(j, METHOD_POST, FRONT_NEW_ORDER, SPAN(""),
	    &(struct request){ .content_type = SPAN("text/plain"),
		.client_address = "192.0.2.7" });
	front_expect(&a, 429, "rateLimited", NULL);
	a = front_send(j, METHOD_GET, PATH_DIRECTORY, SPAN(""),
	    &(struct request){ .client_address = "192.0.2.8" });
	assert_int_equal(a.status, 200);
	front_set_time(j, FIXTURE_NOW + 1);
	assert_int_equal(get_directory(j).status, 200);
	front_close();
}

/* AC-181: steps 10 to 14 count, those before and after do not. */
static void
test_failed_authentications(struct job *j)
{
	struct conf_limits *limits = &front_conf()->limits;
	struct answer a;

	limits->failed_authentications =
	    (struct conf_rates){ { { 3, 600 } }, 1 };
	front_open(j);
	for (int i = 0; i < 10; i++) {
		a = front_send(j, METHOD_POST, FRONT_NEW_ORDER, SPAN("{}"),
		    NULL); /* step 7 */
		front_expect(&a, 400, "malformed", NULL);
		a = front_post(j, FRONT_NEW_ORDER, "[]"); /* step 17 */
		front_expect(&a, 400, "malformed", NULL);
		a = front_post(j, FRONT_NEW_ORDER, "{}"); /* step 20 */
		front_expect(&a, 400, "malformed", NULL);
	}
	for (int i = 0; i < 3; i++) {
		a = front_post_as(
		    j, "acct-es256-B", FRONT_KID, FRONT_NEW_ORDER, "{}");
		front_expect(
		    &a, 400, "malformed", "JWS signature does not verify");
	}
	a = front_post(j, FRONT_NEW_ORDER, "{}");
	front_expect(&a, 429, "rateLimited",
	    "failed requests of one client address: try again in 600 "
	    "seconds");
	assert_string_equal(front_header(&a, "Retry-After", 0), "600");
	/* Who has nothing to prove is served, and who revokes (AC-160). */
	assert_int_equal(get_directory(j).status, 200);
	a = front_post(j, "/acme/revoke-cert", "{}");
	front_expect(&a, 400, "malformed", NULL);
	front_set_time(j, FIXTURE_NOW + 600);
	a = front_post(j, FRONT_NEW_ORDER, "{}");
	front_expect(&a, 400, "malformed", NULL);
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_new_nonce),
	STORE_TEST_SQLITE(test_directory),
	STORE_TEST_SQLITE(test_help),
	STORE_TEST(test_request_rate),
	STORE_TEST(test_failed_authentications),
};
UNIT_MAIN(tests)
