/*
 * External account binding: needed, made, and the rights that come with a key
 * (AC-64, AC-76 to AC-79, AC-90).
 */
#include "config.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "acme/eab.h"
#include "acme/nonce.h"
#include "acme/route.h"
#include "db/store_account.h"
#include "lib/aead.h"
#include "lib/b64.h"
#include "tests/unit/acme_front.h"
#include "tests/unit/vectors.h"

static const struct aead_key *
seal_key(struct job *j)
{
	static const uint8_t octets[AEAD_KEY_LEN] = { 7, 7, 7 };

	return aead_key_new(j->arena, octets);
}

/* A key with this secret; what is zero or NULL in `more` is usual. */
static void
add_key(struct job *j, const char *kid, struct span secret,
    const struct eab_key *more)
{
	struct eab_key k = { .kid = kid };

	if (more != NULL)
		k = *more;
	k.kid = kid;
	k.secret = aead_encrypt(j, seal_key(j), span_str(kid), secret);
	COMMITTED(j, store_eab_create(j, &k));
}

static void
add_vector_keys(struct job *j)
{
	size_t i;
	json_t *v;

	json_array_foreach (
	    vectors_at("external_account_binding/valid"), i, v) {
		struct eab_key known;
		struct span secret;

		if (store_eab_by_kid(j, vectors_str(v, "kid"), &known) > 0)
			continue;
		EXPECT(j,
		    b64url_parse(j->arena,
			span_str(vectors_str(v, "mac_key_b64u")), &secret),
		    0);
		add_key(j, vectors_str(v, "kid"), secret, NULL);
	}
}

static void
forget_accounts(struct job *j)
{
	fixture_sql(j, "DELETE FROM account");
	fixture_sql(j, "UPDATE eab_key SET bound_at = 0");
}

/* AC-77 with `external_account_binding`, AC-64, AC-78 */
static void
test_binding_vectors(struct job *j)
{
	struct answer a;
	size_t i;
	json_t *v;

	front_open(j);
	acme_set_eab_key(front_acme(), seal_key(j));
	add_vector_keys(j);
	json_array_foreach (
	    vectors_at("external_account_binding/valid"), i, v) {
		unit_case("%s", vectors_str(v, "alg"));
		forget_accounts(j);
		nonce_test_accept(front_acme(), VECTOR_NONCE);
		a = front_send(j, METHOD_POST, FRONT_NEW_ACCOUNT,
		    vectors_dump(j, vectors_get(v, "outer_body")), NULL);
		front_expect(&a, 201, "", NULL);
		assert_string_equal(
		    json_dup(j, json_get(a.doc, "externalAccountBinding")),
		    vectors_dump(j, vectors_get(v, "inner")).p);
		assert_int_equal(
		    fixture_count(j,
			"SELECT COUNT(*) FROM account a JOIN eab_key k "
			"ON k.kid = a.eab_kid WHERE k.bound_at > 0"),
		    1);
	}
	forget_accounts(j);
	json_array_foreach (
	    vectors_at("external_account_binding/invalid"), i, v) {
		const json_t *expect = vectors_get(v, "expect");

		unit_case("%s", vectors_str(v, "name"));
		nonce_test_accept(front_acme(), VECTOR_NONCE);
		a = front_send(j, METHOD_POST, FRONT_NEW_ACCOUNT,
		    vectors_dump(j, vectors_get(v, "outer_body")), NULL);
		front_expect(&a,
		    (int)json_integer_value(vectors_get(expect, "status")),
		    vectors_str(expect, "type"), NULL);
		assert_false(a.changed);
	}
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM account"), 0);
	front_close();
}

/* A binding of the key by HS256 under this secret. */
static const char *
binding(struct job *j, const char *key, const char *kid, struct span secret)
{
	const char *header = arena_printf(j->arena,
	    "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"%s\"}", kid,
	    FRONT_BASE FRONT_NEW_ACCOUNT);
	unsigned char mac[32];
	unsigned n;
	struct buf input, out;

	buf_init(&input, j->arena, 4096);
	b64url_add(&input, span_str(header));
	buf_add_char(&input, '.');
	b64url_add(&input, span_str(client_key(key)->jwk));
	assert_non_null(HMAC(EVP_sha256(), secret.p, (int)secret.n,
	    (const unsigned char *)input.p, input.n, mac, &n));
	buf_init(&out, j->arena, 8192);
	buf_add_str(&out, "{\"protected\":\"");
	b64url_add(&out, span_str(header));
	buf_add_str(&out, "\",\"payload\":\"");
	b64url_add(&out, span_str(client_key(key)->jwk));
	buf_add_str(&out, "\",\"signature\":\"");
	b64url_add(&out, span_mem(mac, n));
	buf_add_str(&out, "\"}");
	return out.p;
}

static struct answer
new_bound(struct job *j, const char *key, const char *kid, struct span secret)
{
	return front_post_jwk(j, key, FRONT_NEW_ACCOUNT,
	    arena_printf(j->arena, "{\"externalAccountBinding\":%s}",
		binding(j, key, kid, secret)));
}

#define SECRET SPAN("0123456789abcdef0123456789abcdef")
#define REFUSED_TEXT "external account binding refused"

/* AC-76: required or not, keys or none. */
static void
test_binding_needed(struct job *j)
{
	struct answer a;

	front_open(j);
	a = new_bound(j, "acct-es256-B", "k", SECRET); /* L-11 */
	front_expect(&a, 201, "", NULL);
	assert_null(json_get(a.doc, "externalAccountBinding"));
	front_close();

	front_conf()->eab_required = true;
	front_open_again(j);
	acme_set_eab_key(front_acme(), seal_key(j));
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 403, "externalAccountRequired",
	    "this server needs an external account binding");
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT,
	    "{\"externalAccountBinding\":null}");
	front_expect(&a, 403, "externalAccountRequired", NULL);
	a = new_bound(j, "acct-es384", "k", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	/* whoever has an account needs nothing */
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 200, "", NULL);
	a = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	assert_true(json_bool(
	    json_get(json_get(a.doc, "meta"), "externalAccountRequired")));
	front_close();

	front_open_again(j);
	acme_set_eab_key(front_acme(), seal_key(j));
	add_key(j, "k", SECRET, NULL);
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 201, "", NULL);
	a = front_post_jwk(j, "acct-es512", FRONT_NEW_ACCOUNT,
	    "{\"externalAccountBinding\":{}}");
	front_expect(
	    &a, 400, "malformed", "external account binding is not a JWS");
	a = new_bound(j, "acct-es512", "k", SECRET);
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* AC-77 step 5, AC-78: one answer for whatever is wrong with the key. */
static void
test_binding_keys(struct job *j)
{
	struct answer a;

	front_open(j);
	acme_set_eab_key(front_acme(), seal_key(j));
	add_key(j, "once", SECRET, NULL);
	add_key(j, "often", SECRET, &(struct eab_key){ .is_reusable = true });
	add_key(
	    j, "old", SECRET, &(struct eab_key){ .expires_at = FIXTURE_NOW });
	add_key(j, "gone", SECRET, NULL);
	COMMITTED(j, store_eab_withdraw(j, "gone"));

	a = new_bound(j, "acct-es256-B", "old", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	a = new_bound(j, "acct-es256-B", "gone", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	a = new_bound(j, "acct-es256-B", "unknown", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	a = new_bound(j, "acct-es256-B", "once", SPAN("another secret"));
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	a = new_bound(j, "acct-es256-B", "once", SECRET);
	front_expect(&a, 201, "", NULL);
	a = new_bound(j, "acct-es384", "once", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	a = new_bound(j, "acct-es384", "often", SECRET);
	front_expect(&a, 201, "", NULL);
	a = new_bound(j, "acct-es512", "often", SECRET);
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* What stands for a secret that cannot be read opens no door: neither
 * without the key file, nor with another one. */
static void
test_binding_unreadable(struct job *j)
{
	static const uint8_t other[AEAD_KEY_LEN] = { 8 };
	static const char zeros[EAB_SECRET_LEN];
	struct answer a;

	front_open(j);
	add_key(j, "k", SECRET, NULL);
	a = new_bound(j, "acct-es256-B", "k", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	acme_set_eab_key(front_acme(), aead_key_new(j->arena, other));
	a = new_bound(j, "acct-es256-B", "k", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	for (int i = 0; i < 2; i++) {
		a = new_bound(j, "acct-es256-B", i == 0 ? "k" : "unknown",
		    span_mem(zeros, sizeof(zeros)));
		front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	}
	/* a row that was put under another name */
	acme_set_eab_key(front_acme(), seal_key(j));
	fixture_sql(j, "UPDATE eab_key SET kid = 'other'");
	a = new_bound(j, "acct-es256-B", "other", SECRET);
	front_expect(&a, 403, "unauthorized", REFUSED_TEXT);
	front_close();
}

/* AC-79: what is made opens again, and is 64 octets long. */
static void
test_binding_made(struct job *j)
{
	struct eab_key k = { .kid = "made" };
	struct span secret;
	struct answer a;

	front_open(j);
	acme_set_eab_key(front_acme(), seal_key(j));
	eab_secret_make(j, seal_key(j), k.kid, &secret, &k.secret);
	assert_int_equal(secret.n, 64);
	COMMITTED(j, store_eab_create(j, &k));
	assert_false(fixture_database_holds(j, secret.p, secret.n));
	a = new_bound(j, "acct-es256-B", "made", secret);
	front_expect(&a, 201, "", NULL);
	front_close();
}

static struct answer
order_as(struct job *j, const char *key, const char *kid, const char *mailbox)
{
	return front_post_as(j, key, kid, FRONT_NEW_ORDER,
	    arena_printf(j->arena,
		"{\"identifiers\":[{\"type\":\"email\",\"value\":\"%s\"}]}",
		mailbox));
}

/* AC-78, AC-90 */
static void
test_rights(struct job *j)
{
	static const struct eab_key key = {
		.allow = "[\"example.org\",\".below.example\","
			 "\"Bob@example.net\"]",
		.profiles = "[\"mailbox-multipurpose\"]",
		.limits = "{\"orders\":5}",
	};
	struct account_rights rights;
	struct account account;
	struct answer a;
	const char *kid;

	front_open(j);
	acme_set_eab_key(front_acme(), seal_key(j));
	add_key(j, "k", SECRET, &key);
	a = new_bound(j, "acct-es256-B", "k", SECRET);
	kid = arena_strdup(j->arena, front_header(&a, "Location", 0));
	a = order_as(j, "acct-es256-B", kid, "alice@example.org");
	front_expect(&a, 201, "", NULL);
	a = order_as(j, "acct-es256-B", kid, "x@y.below.example");
	front_expect(&a, 201, "", NULL);
	a = order_as(j, "acct-es256-B", kid, "Bob@example.net");
	front_expect(&a, 201, "", NULL);
	a = order_as(j, "acct-es256-B", kid, "bob@example.net");
	front_expect(&a, 403, "rejectedIdentifier",
	    "this server does not issue for the requested identifier");
	a = order_as(j, "acct-es256-B", kid, "alice@below.example");
	front_expect(&a, 403, "rejectedIdentifier", NULL);
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[{\"type\":\"email\","
	    "\"value\":\"bob@example.net\"}]}");
	front_expect(&a, 201, "", NULL);

	EXPECT(j,
	    store_account_by_id(
		j, front_path(kid) + strlen("/acme/acct/"), &account),
	    1);
	EXPECT(j, eab_rights(j, &account, &rights), 0);
	assert_int_equal(rights.allow->n, 3);
	assert_string_equal(rights.profiles, key.profiles);
	assert_string_equal(rights.limits, "{\"orders\":5}");
	/* A binding that is not there allows nothing. */
	EXPECT(j, eab_rights_of(j, "absent", &rights), 0);
	assert_int_equal(rights.allow->n, 0);
	fixture_sql(j, "DELETE FROM eab_key");
	a = order_as(j, "acct-es256-B", kid, "alice@example.org");
	front_expect(&a, 403, "rejectedIdentifier", NULL);
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_binding_vectors),
	STORE_TEST(test_binding_needed),
	STORE_TEST(test_binding_keys),
	STORE_TEST(test_binding_unreadable),
	STORE_TEST(test_binding_made),
	STORE_TEST(test_rights),
};
UNIT_MAIN(tests)
