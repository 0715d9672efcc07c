/*
 * What an ACME server says, read by the client, and what the client signs,
 * read by the server: AC-31 to AC-34, AC-47, AC-96, AC-101, AC-108, AC-165,
 * AC-192.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "acme/jwk.h"
#include "acme/jws.h"
#include "lib/count.h"
#include "lib/json.h"
#include "pki/ossl.h"
#include "src/https_client.h"
#include "src/jose.h"
#include "src/remote.h"

#define BASE "https://acme.ca.example/acme"

static const struct json *
parse(const char *text)
{
	const struct json *v = NULL;

	if (json_parse_object(unit_job(), span_str(text), "case", &v) < 0)
		fail_msg("%s: %s", text, unit_job()->err.text);
	return v;
}

/* --- orders -------------------------------------------------------------- */

#define ORDER(status, more)                                                    \
	"{\"status\":\"" status "\",\"finalize\":\"" BASE                      \
	"/order/1/finalize\",\"authorizations\":[\"" BASE "/authz/1\",\"" BASE \
	"/authz/2\"]" more "}"

static void
test_orders(void **state)
{
	struct remote_order o = { 0 };
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(
	    remote_order_parse(j, parse(ORDER("pending", "")), &o), 0);
	assert_int_equal(o.status, REMOTE_PENDING);
	assert_int_equal(o.authorization_count, 2);
	assert_string_equal(o.authorizations[1], BASE "/authz/2");
	assert_string_equal(o.finalize, BASE "/order/1/finalize");
	assert_null(o.certificate);
	assert_null(o.error);
	assert_int_equal(
	    remote_order_parse(j,
		parse(ORDER("valid", ",\"certificate\":\"" BASE "/cert/1\"")),
		&o),
	    0);
	assert_string_equal(o.certificate, BASE "/cert/1");
	assert_int_equal(
	    remote_order_parse(j,
		parse(ORDER("invalid",
		    ",\"error\":{\"type\":\"urn:ietf:params:acme:error:caa\","
		    "\"detail\":\"no\"}")),
		&o),
	    0);
	assert_string_equal(o.error, "caa: no");
}

static const char *const bad_orders[] = {
	"{}",
	ORDER("done", ""),
	ORDER("valid", ""), /* without certificate */
	ORDER("valid", ",\"certificate\":\"http://ca.test/c\""),
	ORDER("valid", ",\"certificate\":\"/cert/1\""),
	"{\"status\":\"pending\",\"finalize\":\"" BASE "/f\"}",
	"{\"status\":\"pending\",\"finalize\":\"" BASE
	"/f\",\"authorizations\":[]}",
	"{\"status\":\"pending\",\"finalize\":\"" BASE
	"/f\",\"authorizations\":[1]}",
	"{\"status\":\"pending\",\"finalize\":\"file:///etc/passwd\","
	"\"authorizations\":[\"" BASE "/a\"]}",
	"{\"status\":\"pending\",\"authorizations\":[\"" BASE "/a\"]}",
};

static void
test_bad_orders(void **state)
{
	struct remote_order o = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad_orders); i++) {
		unit_case("%zu: %s", i, bad_orders[i]);
		assert_int_equal(
		    remote_order_parse(unit_job(), parse(bad_orders[i]), &o),
		    -1);
		assert_job_error(unit_job(), ERR_MALFORMED, NULL);
		job_recover(unit_job());
	}
}

/* --- authorizations ------------------------------------------------------ */

#define CHALLENGE(type, more)                                                  \
	"{\"type\":\"" type "\",\"url\":\"" BASE                               \
	"/chall/1\",\"status\":\"pending\"" more "}"
#define TOKEN ",\"token\":\"xoUFv5Jt_2TdiPmc_qny9giRYMZZGvgP\""
#define FROM ",\"from\":\"acme+tag@ca.example\""
#define AUTHZ(challenges)                                                      \
	"{\"identifier\":{\"type\":\"email\",\"value\":\"a@b.test\"},"         \
	"\"status\":\"pending\",\"challenges\":[" challenges "]}"

static void
test_authorizations(void **state)
{
	struct remote_authz a;
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(
	    remote_authz_parse(j,
		parse(
		    AUTHZ(CHALLENGE("dns-01", ",\"token\":\"x\"") "," CHALLENGE(
			"email-reply-00", TOKEN FROM
			",\"error\":{\"type\":\"urn:ietf:params:acme:error:"
			"unauthorized\",\"detail\":\"no signature\"}"))),
		&a),
	    0);
	assert_string_equal(a.mailbox, "a@b.test");
	assert_int_equal(a.status, REMOTE_PENDING);
	assert_string_equal(a.challenge_url, BASE "/chall/1");
	assert_string_equal(a.token_part2, "xoUFv5Jt_2TdiPmc_qny9giRYMZZGvgP");
	assert_string_equal(a.from, "acme+tag@ca.example");
	assert_string_equal(a.error, "unauthorized: no signature");
	/* None of our kind is not malformed. */
	assert_int_equal(
	    remote_authz_parse(j, parse(AUTHZ(CHALLENGE("dns-01", TOKEN))), &a),
	    0);
	assert_null(a.challenge_url);
}

static const char *const bad_authorizations[] = {
	"{}",
	AUTHZ(CHALLENGE("email-reply-00", TOKEN)),
	AUTHZ(CHALLENGE("email-reply-00", FROM)),
	AUTHZ(CHALLENGE("email-reply-00", FROM ",\"token\":\"tooshort\"")),
	AUTHZ(CHALLENGE("email-reply-00",
	    FROM ",\"token\":\"xoUFv5Jt+2TdiPmc/qny9giRYMZZGvgP\"")),
	AUTHZ("{\"type\":\"email-reply-00\",\"status\":\"pending\"" TOKEN FROM
	      "}"),
	AUTHZ("{\"type\":\"email-reply-00\",\"url\":\"" BASE "/c\"" TOKEN FROM
	      "}"),
};

static void
test_bad_authorizations(void **state)
{
	struct remote_authz a;

	(void)state;
	for (size_t i = 0; i < COUNT(bad_authorizations); i++) {
		unit_case("%zu: %s", i, bad_authorizations[i]);
		assert_int_equal(remote_authz_parse(unit_job(),
				     parse(bad_authorizations[i]), &a),
		    -1);
		assert_job_error(unit_job(), ERR_MALFORMED, NULL);
		job_recover(unit_job());
	}
}

/* --- renewal information ------------------------------------------------- */

#define WINDOW(start, end)                                                     \
	"{\"suggestedWindow\":{\"start\":" start ",\"end\":" end "}"
#define FIRST "\"2025-01-02T04:00:00Z\""
#define SECOND "\"2025-01-03T04:00:00.5+01:00\""

static void
test_renewal(void **state)
{
	static const char *const bad[] = { "{}", WINDOW(FIRST, FIRST) "}",
		WINDOW(SECOND, FIRST) "}", WINDOW(FIRST, "1735876800") "}",
		WINDOW("\"2025-01-02\"", SECOND) "}",
		"{\"suggestedWindow\":[" FIRST "," SECOND "]}" };
	struct job *j = unit_job();
	struct remote_renewal r;

	(void)state;
	assert_int_equal(
	    remote_renewal_parse(j, parse(WINDOW(FIRST, SECOND) "}"), &r), 0);
	assert_int_equal(r.start, 1735790400);
	assert_int_equal(r.end, 1735790400 + 23 * 3600);
	assert_null(r.explanation);
	assert_int_equal(
	    remote_renewal_parse(j,
		parse(WINDOW(FIRST, SECOND) ",\"explanationURL\":"
					    "\"https://ca.test/\\u001b[1m\"}"),
		&r),
	    0);
	assert_string_equal(r.explanation, "https://ca.test/?[1m");
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%zu: %s", i, bad[i]);
		assert_int_equal(
		    remote_renewal_parse(j, parse(bad[i]), &r), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
		job_recover(j);
	}
}

/* --- problems ------------------------------------------------------------ */

static void
test_problems(void **state)
{
	const char *details;

	(void)state;
	assert_string_equal(
	    remote_problem_text(unit_job(),
		parse("{\"type\":\"urn:ietf:params:acme:error:compound\","
		      "\"detail\":\"several\",\"subproblems\":["
		      "{\"type\":\"urn:ietf:params:acme:error:malformed\","
		      "\"detail\":\"no wildcards\",\"identifier\":"
		      "{\"type\":\"email\",\"value\":\"*@a.test\"}},"
		      "{\"type\":\"urn:ietf:params:acme:error:caa\"}]}"),
		&details),
	    "compound: several");
	assert_string_equal(details, "  - *@a.test: malformed: no wildcards\n"
				     "  - caa\n");
	assert_string_equal(
	    remote_problem_text(unit_job(), parse("{}"), &details),
	    "problem of unknown type");
	assert_string_equal(details, "");
	/* Nothing of it reaches a terminal as a command. */
	assert_string_equal(
	    remote_problem_text(unit_job(),
		parse("{\"type\":\"x\",\"detail\":\"a\\u001b[2Jb\\nc\"}"),
		NULL),
	    "x: a?[2Jb?c");
}

/* --- URLs ---------------------------------------------------------------- */

static void
test_urls(void **state)
{
	static const struct {
		const char *url;
		bool is_good;
	} cases[] = {
		{ "https://ca.test/directory", true },
		{ "https://ca.test:8443", true },
		{ "https://[::1]:8443/d?x=y", true },
		{ "http://ca.test/d", false },
		{ "HTTPS://ca.test/d", false },
		{ "https://", false },
		{ "https:///d", false },
		{ "https://user@ca.test/d", false },
		{ "https://ca.test/d#f", false },
		{ "https://ca.test/a b", false },
		{ "https://ca.test/a\r\nHost: b", false },
		{ "https://ca.test/\xc3\xa4", false },
		{ "", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    https_url_is_good(cases[i].url), cases[i].is_good);
	}
}

/* --- signatures ---------------------------------------------------------- */

/* The server reads it, and finds the key and the signature good; 64 times,
 * because every 256th r or s begins with a zero. */
static void
test_signed(void **state)
{
	struct job *j = unit_job();
	const char *jwk_text, *thumbprint, *header;
	const struct json *parsed;
	const struct jwk *jwk;
	struct span body;
	struct jws jws;

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		EVP_PKEY *key =
		    ossl_own_pkey(j->arena, EVP_EC_gen("prime256v1"));

		unit_case("%zu", i);
		assert_int_equal(jose_jwk(j, key, &jwk_text), 0);
		assert_int_equal(jose_thumbprint(j, key, &thumbprint), 0);
		assert_int_equal(
		    json_parse_object(j, span_str(jwk_text), "jwk", &parsed),
		    0);
		assert_int_equal(jwk_parse(j, parsed, SPAN("ES256"), &jwk), 0);
		assert_string_equal(jwk_canonical(jwk), jwk_text);
		assert_string_equal(jwk_thumbprint(jwk), thumbprint);
		header = arena_printf(j->arena,
		    "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"abc\","
		    "\"url\":\"" BASE "/new-acct\"}",
		    jwk_text);
		assert_int_equal(
		    jose_sign(j, key, span_str(header), SPAN("{}"), &body), 0);
		if (jws_parse(j, body, &jws) < 0 ||
		    jws_check_algorithm(j, NULL, &jws) < 0 ||
		    jws_verify(j, &jws, jwk) < 0)
			fail_msg("%s", j->err.text);
		assert_span_equal(jws.url, BASE "/new-acct");
		assert_span_equal(jws.payload, "{}");
	}
}

/* AC-51: an empty payload is a read. */
static void
test_signed_read(void **state)
{
	struct job *j = unit_job();
	EVP_PKEY *key = ossl_own_pkey(j->arena, EVP_EC_gen("prime256v1"));
	struct span body;
	struct jws jws;

	(void)state;
	assert_int_equal(jose_sign(j, key,
			     SPAN("{\"alg\":\"ES256\",\"kid\":\"" BASE
				  "/acct/1\",\"nonce\":\"abc\",\"url\":\"" BASE
				  "/order/1\"}"),
			     SPAN(""), &body),
	    0);
	if (jws_parse(j, body, &jws) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(jws.payload.n, 0);
	assert_span_equal(jws.kid, BASE "/acct/1");
}

/* Only P-256 is ES256. */
static void
test_other_keys(void **state)
{
	struct job *j = unit_job();
	const char *jwk;

	(void)state;
	assert_int_equal(
	    jose_jwk(j, ossl_own_pkey(j->arena, EVP_EC_gen("secp384r1")), &jwk),
	    -1);
	job_recover(j);
	assert_int_equal(
	    jose_jwk(j, ossl_own_pkey(j->arena, EVP_RSA_gen(2048)), &jwk), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_orders),
	cmocka_unit_test(test_bad_orders),
	cmocka_unit_test(test_authorizations),
	cmocka_unit_test(test_bad_authorizations),
	cmocka_unit_test(test_renewal),
	cmocka_unit_test(test_problems),
	cmocka_unit_test(test_urls),
	cmocka_unit_test(test_signed),
	cmocka_unit_test(test_signed_read),
	cmocka_unit_test(test_other_keys),
};

UNIT_MAIN(tests)
