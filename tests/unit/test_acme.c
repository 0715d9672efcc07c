/*
 * Requests as a whole: the vectors for JWS (AC-23 to AC-51), the order of
 * checks (AC-52, AC-53), transport (AC-6 to AC-19), and for which accounts
 * (AC-64, AC-70).
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/nonce.h"
#include "db/store_account.h"
#include "lib/count.h"
#include "pki/profile.h"
#include "tests/unit/vectors.h"

#define VECTOR_ORDER "5tGm8QkqS0y4w1nZb7Rf2Q"
#define VECTOR_CHALLENGE "8m1zq0c2Tn6sYv4Ew9Kx3g"
#define FRONT_ACCOUNT "/acme/acct/" FRONT_ACCOUNT_ID
#define ORDER_PATH "/acme/order/" VECTOR_ORDER

/* The order and the challenge that the vectors speak of. */
static void
add_vector_order(struct job *j)
{
	struct order_identifier id = {
		.type = "email",
		.value = "alice@example.com",
		.is_new = true,
		.authz = {
			.id = "0Jm9f3kQd2bWZr6uXn1s5A",
			.account_id = FRONT_ACCOUNT_ID,
			.order_id = VECTOR_ORDER,
			.mailbox = "alice@example.com",
			.ident_type = "email",
			.ident_value = "alice@example.com",
			.created_at = j->now,
			.expires_at = j->now + 24 * 3600,
			.challenge = {
				.id = VECTOR_CHALLENGE,
				.token_part1 =
				    SPAN("toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"),
				.token_part2 =
				    "xoUFv5Jt_2TdiPmc_qny9giRYMZZGvgP",
				.thumbprint = "fT26vE0E3DeU7mip-j9tKoY8PIAYw6UG"
					      "Wg_2yBJpAsw",
				.from = "acme-challenge@ca.example",
				.message_id = "<x@ca.example>",
			},
		},
	};
	struct order order = {
		.id = VECTOR_ORDER,
		.account_id = FRONT_ACCOUNT_ID,
		.profile = "mailbox-multipurpose",
		.created_at = j->now,
		.life_until = j->now + 72 * 3600,
		.identifiers = &id,
		.identifier_count = 1,
	};

	COMMITTED(j, store_order_create(j, &order, j->now + 5));
}

/* --- vectors -------------------------------------------------------------- */

/* The member `url` of a protected header. */
static const char *
url_of(const char *protected_json)
{
	const char *p = strstr(protected_json, "\"url\":\"");
	static char url[200];
	size_t n;

	assert_non_null(p);
	p += strlen("\"url\":\"");
	n = strcspn(p, "\"");
	assert_true(n < sizeof(url));
	memcpy(url, p, n);
	url[n] = '\0';
	return url;
}

/* `jws_valid`: AC-32, AC-38 with L-14, AC-50, AC-51, AC-65, AC-70, AC-95,
 * AC-100, AC-121 */
static void
test_valid(struct job *j)
{
	size_t i;
	json_t *v;

	front_open(j);
	add_vector_order(j);
	json_array_foreach (vectors_at("jws_valid"), i, v) {
		const char *name = vectors_str(v, "name");
		struct span body = vectors_dump(j, vectors_get(v, "body"));
		const char *path =
		    front_path(url_of(vectors_str(v, "protected_json")));
		struct answer a;
		int expected = 201;

		/* One key, one account: A is there, and ed25519 then too. */
		if (strcmp(name, "newAccount-acct-es256-A") == 0 ||
		    strstr(name, "fully-specified") != NULL ||
		    strstr(path, VECTOR_ORDER) != NULL ||
		    strstr(path, VECTOR_CHALLENGE) != NULL)
			expected = 200;
		unit_case("%s", name);
		nonce_test_accept(front_acme(), VECTOR_NONCE);
		a = front_send(j, METHOD_POST, path, body, NULL);
		front_expect(&a, expected, "", NULL);
		assert_non_null(front_header(&a, "Location", 0));
		assert_string_equal(
		    front_header(&a, "Content-Type", 0), "application/json");
	}
	front_close();
}

/* `jws_invalid`: each with its status and type, and nothing changed. */
static void
test_invalid(struct job *j)
{
	size_t i;
	json_t *v;

	front_open(j);
	add_vector_order(j);
	assert_int_equal(json_array_size(vectors_at("jws_invalid/cases")), 40);
	json_array_foreach (vectors_at("jws_invalid/cases"), i, v) {
		const json_t *expect = vectors_get(v, "expect");
		struct answer a;

		unit_case("%s", vectors_str(v, "name"));
		nonce_test_accept(front_acme(), VECTOR_NONCE);
		a = front_send(j, METHOD_POST,
		    front_path(vectors_str(v, "post_to")),
		    span_str(vectors_str(v, "body_text")), NULL);
		front_expect(&a,
		    (int)json_integer_value(vectors_get(expect, "status")),
		    vectors_str(expect, "type"), NULL);
		assert_int_equal(json_get(a.doc, "algorithms") != NULL,
		    strcmp(a.type, "badSignatureAlgorithm") == 0);
	}
	front_close();
}

/* `bad_public_keys` through newAccount (AC-39 to AC-43). */
static void
test_bad_keys(struct job *j)
{
	size_t i;
	json_t *v;

	front_open(j);
	json_array_foreach (vectors_at("bad_public_keys"), i, v) {
		const char *header = arena_printf(j->arena,
		    "{\"alg\":\"%s\",\"jwk\":%s,\"nonce\":\"%s\","
		    "\"url\":\"" FRONT_BASE FRONT_NEW_ACCOUNT "\"}",
		    vectors_str(v, "alg"),
		    vectors_dump(j, vectors_get(v, "jwk")).p, front_nonce(j));
		struct answer a;

		unit_case("%s", vectors_str(v, "name"));
		a = front_send(j, METHOD_POST, FRONT_NEW_ACCOUNT,
		    client_jws(j, client_key("acct-es256-B"), header, "{}"),
		    NULL);
		front_expect(&a, 400, "badPublicKey", NULL);
	}
	front_close();
}

/* AC-46: the second form of a signature is good, its nonce is not. */
static void
test_malleability(struct job *j)
{
	struct span first, second;
	struct answer a;

	front_open(j);
	add_vector_order(j);
	first = vectors_dump(j, vectors_at("jws_malleability/original"));
	second = vectors_dump(j, vectors_at("jws_malleability/malleated"));
	nonce_test_accept(front_acme(), VECTOR_NONCE);
	a = front_send(j, METHOD_POST, ORDER_PATH, first, NULL);
	front_expect(&a, 200, "", NULL);
	a = front_send(j, METHOD_POST, ORDER_PATH, second, NULL);
	front_expect(&a, 400, "badNonce", "the nonce is not acceptable");
	a = front_send(j, METHOD_POST, ORDER_PATH, first, NULL);
	front_expect(&a, 400, "badNonce", NULL);
	nonce_test_accept(front_acme(), VECTOR_NONCE);
	a = front_send(j, METHOD_POST, ORDER_PATH, second, NULL);
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* `base64url_strict`: as protected, payload and signature (AC-29). */
static void
test_base64url(struct job *j)
{
	static const char *const names[] = { "protected", "payload",
		"signature" };
	size_t i;
	json_t *v;

	front_open(j);
	json_array_foreach (vectors_at("base64url_strict/invalid"), i, v) {
		const char *bad = vectors_dump(j, v).p;

		for (size_t k = 0; k < 3; k++) {
			const char *body = arena_printf(j->arena,
			    "{\"protected\":%s,\"payload\":%s,"
			    "\"signature\":%s}",
			    k == 0 ? bad : "\"\"", k == 1 ? bad : "\"\"",
			    k == 2 ? bad : "\"\"");
			const char *detail = arena_printf(
			    j->arena, "%s is not valid base64url", names[k]);
			struct answer a;

			unit_case("%s %s", names[k], bad);
			a = front_send(
			    j, METHOD_POST, ORDER_PATH, span_str(body), NULL);
			front_expect(&a, 400, "malformed", detail);
		}
	}
	front_close();
}

/* --- AC-52: two faults, the earlier one answers --------------------------- */

/* A request with faults, each of its own step. */
struct faults {
	bool path;      /* 2 */
	bool method;    /* 3 */
	bool type;      /* 5 */
	bool body;      /* 7 */
	bool header;    /* 8 */
	bool alg;       /* 9 */
	bool nonce;     /* 10 */
	bool url;       /* 11 */
	bool kid;       /* 12 */
	bool fit;       /* 13 */
	bool signature; /* 14 */
	bool account;   /* 15 */
	bool payload;   /* 17 */
	bool object;    /* 18 */
};

#define FAULTS (sizeof(struct faults) / sizeof(bool))

static const struct {
	const char *name;
	int status;
	const char *type, *detail;
} fault_rows[] = {
	{ "path", 404, "malformed", "no such resource" },
	{ "method", 405, "malformed", "method PUT is not allowed here" },
	{ "type", 415, "malformed",
	    "Content-Type must be application/jose+json" },
	{ "body", 400, "malformed", "unprotected JWS headers are not allowed" },
	{ "header", 400, "malformed",
	    "critical header parameters are not supported" },
	{ "alg", 400, "badSignatureAlgorithm",
	    "algorithm none is not supported" },
	{ "nonce", 400, "badNonce", "the nonce is not acceptable" },
	{ "url", 401, "unauthorized",
	    "url in the JWS does not match the request" },
	{ "kid", 400, "accountDoesNotExist", "no such account" },
	{ "fit", 400, "malformed",
	    "algorithm RS256 does not fit the account key" },
	{ "signature", 400, "malformed", "JWS signature does not verify" },
	{ "account", 401, "unauthorized", "account is deactivated" },
	{ "payload", 400, "malformed", "this resource can only be read" },
	{ "object", 404, "malformed", "no such order" },
};

_Static_assert(COUNT(fault_rows) == FAULTS, "a row for each fault");

static struct answer
send_faulty(struct job *j, const struct faults *f)
{
	const char *path = f->path     ? "/acme//order/" VECTOR_ORDER
			   : f->object ? "/acme/order/AAAAAAAAAAAAAAAAAAAAAA"
				       : ORDER_PATH;
	const char *header = arena_printf(j->arena,
	    "{%s\"alg\":\"%s\",\"kid\":\"%s\",\"nonce\":\"%s\","
	    "\"url\":\"%s%s%s\"}",
	    f->header ? "\"crit\":[]," : "",
	    f->alg   ? "none"
	    : f->fit ? "RS256"
		     : "ES256",
	    f->kid ? FRONT_BASE "/acme/acct/AAAAAAAAAAAAAAAAAAAAAA" : FRONT_KID,
	    f->nonce ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		     : front_nonce(j),
	    FRONT_BASE, path, f->url ? "?" : "");
	const struct client_key *key =
	    client_key(f->signature ? "acct-es256-B" : "acct-es256-A");
	struct span body = client_jws(j, key, header, f->payload ? "{}" : "");
	struct request req = { .content_type =
				   f->type ? SPAN("application/json")
					   : SPAN("application/jose+json") };

	if (f->body)
		body = span_str(arena_printf(
		    j->arena, "{\"header\":{},%s", span_from(body, 1).p));
	return front_send(
	    j, f->method ? METHOD_OTHER : METHOD_POST, path, body, &req);
}

static void
set_deactivated(struct job *j, bool on)
{
	fixture_sql(j, on ? "UPDATE account SET deactivated_at = 1"
			  : "UPDATE account SET deactivated_at = 0");
}

static void
test_order_of_checks(struct job *j)
{
	struct faults none = { 0 };
	struct answer a;

	front_open(j);
	add_vector_order(j);
	a = send_faulty(j, &none);
	front_expect(&a, 200, "", NULL);
	for (size_t i = 0; i < FAULTS; i++) {
		for (size_t k = i; k < FAULTS; k++) {
			struct faults f = { 0 };

			((bool *)&f)[i] = ((bool *)&f)[k] = true;
			unit_case("%s and %s", fault_rows[i].name,
			    fault_rows[k].name);
			if (f.account)
				set_deactivated(j, true);
			a = send_faulty(j, &f);
			if (f.account)
				set_deactivated(j, false);
			front_expect(&a, fault_rows[i].status,
			    fault_rows[i].type, fault_rows[i].detail);
		}
	}
	front_close();
}

/* AC-55: a nonce is spent by whatever fails after it, and by nothing that
 * fails before. */
static void
test_nonce_consumed(struct job *j)
{
	static const struct {
		const char *alg;
		const char *url;
		bool spent;
	} rows[] = {
		{ "none", ORDER_PATH, false },
		{ "ES256", "/other", true },
		{ "RS256", ORDER_PATH, true },
		{ "ES256", ORDER_PATH, true },
	};

	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *nonce = front_nonce(j);
		struct answer a;

		for (int attempt = 0; attempt < 2; attempt++) {
			const char *header = arena_printf(j->arena,
			    "{\"alg\":\"%s\",\"kid\":\"%s\",\"nonce\":\"%s\","
			    "\"url\":\"%s%s\"}",
			    rows[i].alg, FRONT_KID, nonce, FRONT_BASE,
			    rows[i].url);

			a = front_send(j, METHOD_POST, ORDER_PATH,
			    client_jws(
				j, client_key("acct-es256-A"), header, ""),
			    NULL);
		}
		unit_case("row %zu", i);
		assert_int_equal(
		    strcmp(a.type, "badNonce") == 0, rows[i].spent);
	}
	front_close();
}

/* AC-56: the nonce of a badNonce answer is good; AC-60: for anybody. */
static void
test_fresh_nonce(struct job *j)
{
	const struct client_key *key = client_key("acct-es256-A");
	const char *nonce = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct answer a;

	front_open(j);
	add_vector_order(j);
	for (int i = 0; i < 2; i++) {
		const char *header = arena_printf(j->arena,
		    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\","
		    "\"url\":\"%s\"}",
		    FRONT_KID, nonce, FRONT_BASE ORDER_PATH);

		a = front_send(j, METHOD_POST, ORDER_PATH,
		    client_jws(j, key, header, ""), NULL);
		nonce = front_header(&a, "Replay-Nonce", 0);
		front_expect(
		    &a, i == 0 ? 400 : 200, i == 0 ? "badNonce" : "", NULL);
	}
	front_close();
}

/* --- transport ------------------------------------------------------------ */

/* AC-6 */
static void
test_routing(struct job *j)
{
	static const char *const targets[] = { "", "/", "/acme",
		"/acme//new-order", "/acme/new-order/", "/acme/new%2Dorder",
		"/acme/new-order?x=1", "/acme/new-order?", "/acme/./new-order",
		"/ACME/new-order", "/acme/NEW-order", "/acme/new-authz/",
		"/acme/revoke-cert/", "/acme/key-change/", "/acme/order",
		"/acme/order/", "/acme/order/" VECTOR_ORDER "/",
		"/acme/order/" VECTOR_ORDER "/finalize/",
		"/acme/order/" VECTOR_ORDER "/final",
		"/acme/order/5tGm8QkqS0y4w1nZb7Rf2",
		"/acme/order/5tGm8QkqS0y4w1nZb7Rf2QQ",
		"/acme/order/5tGm8QkqS0y4w1nZb7Rf2R",
		"/acme/order/5tGm8QkqS0y4w1nZb7Rf2=",
		"/acme/order/5tGm8QkqS0y4w1nZb7/f2Q",
		"/acme/acct/" FRONT_ACCOUNT_ID "/orders/",
		"/acme/acct/" FRONT_ACCOUNT_ID "/orders?",
		"/acme/acct/" FRONT_ACCOUNT_ID "/orders?x=1",
		"/acme/acct/" FRONT_ACCOUNT_ID "?cursor=x",
		"/acme/cert/" VECTOR_ORDER "/", "/acme/cert/" VECTOR_ORDER "/0",
		"/acme/cert/" VECTOR_ORDER "/01",
		"/acme/cert/" VECTOR_ORDER "/1a",
		"/acme/cert/" VECTOR_ORDER "/100",
		"/acme/cert/" VECTOR_ORDER "/1/", "/acme/renewal-info",
		"/acme/renewal-info/", "/acme/renewal-info/AA.AQ?x=1" };

	front_open(j);
	for (size_t i = 0; i < COUNT(targets); i++) {
		for (int m = METHOD_GET; m <= METHOD_OTHER; m++) {
			struct answer a;

			unit_case("%s, method %d", targets[i], m);
			a = front_send(
			    j, (enum method)m, targets[i], SPAN(""), NULL);
			front_expect(&a, 404, "malformed", "no such resource");
		}
	}
	front_close();
}

static const struct {
	const char *path;
	bool is_public;
} resources[] = {
	{ "/acme/directory", true },
	{ "/acme/new-nonce", true },
	{ "/acme/new-acct", false },
	{ "/acme/new-order", false },
	{ "/acme/new-authz", false },
	{ "/acme/revoke-cert", false },
	{ "/acme/acct/" FRONT_ACCOUNT_ID, false },
	{ "/acme/order/" VECTOR_ORDER, false },
	{ "/acme/order/" VECTOR_ORDER "/finalize", false },
	{ "/acme/authz/" VECTOR_ORDER, false },
	{ "/acme/chall/" VECTOR_CHALLENGE, false },
	{ "/acme/cert/" VECTOR_ORDER, false },
};

/* AC-7, AC-14: the row of each resource; existence makes no difference. */
static void
test_methods(struct job *j)
{
	front_open(j);
	for (size_t i = 0; i < COUNT(resources); i++) {
		const char *path = resources[i].path;
		const char *allow = resources[i].is_public
					? "GET, HEAD, POST, OPTIONS"
					: "POST, OPTIONS";
		struct answer a;

		unit_case("%s", path);
		a = front_send(j, METHOD_OPTIONS, path, SPAN(""), NULL);
		front_expect(&a, 204, "", NULL);
		assert_int_equal(a.body.n, 0);
		assert_string_equal(front_header(&a, "Allow", 0), allow);
		assert_string_equal(
		    front_header(&a, "Access-Control-Allow-Methods", 0), allow);
		assert_string_equal(
		    front_header(&a, "Access-Control-Allow-Headers", 0),
		    "Accept, Accept-Language, Content-Type");
		assert_string_equal(
		    front_header(&a, "Access-Control-Max-Age", 0), "86400");

		a = front_send(j, METHOD_OTHER, path, SPAN(""), NULL);
		front_expect(
		    &a, 405, "malformed", "method PUT is not allowed here");
		assert_string_equal(front_header(&a, "Allow", 0), allow);
		a = front_send(j, METHOD_GET, path, SPAN(""), NULL);
		if (resources[i].is_public)
			continue;
		front_expect(
		    &a, 405, "malformed", "method GET is not allowed here");
		assert_string_equal(front_header(&a, "Allow", 0), allow);
	}
	front_close();
}

/* AC-9 with L-1, AC-10 */
static void
test_content(struct job *j)
{
	static const struct {
		const char *type, *encoding;
		bool repeated;
		int status;
	} rows[] = {
		{ "application/jose+json", "", false, 400 },
		{ "Application/JOSE+JSON", "identity", false, 400 },
		{ "application/jose+json; charset=utf-8", "", false, 400 },
		{ "application/jose+json;charset=\"UTF-8\"", "", false, 400 },
		{ "", "", false, 415 },
		{ "application/json", "", false, 415 },
		{ "application/jose", "", false, 415 },
		{ "application/jose+jsonx", "", false, 415 },
		{ "application/jose+json; charset=latin1", "", false, 415 },
		{ "application/jose+json; charset=utf-8; x=y", "", false, 415 },
		{ "application/jose+json;", "", false, 415 },
		{ "application/jose+json\n", "", false, 415 },
		{ "application/jose+json", "", true, 415 },
		{ "application/jose+json", "gzip", false, 415 },
		{ "application/jose+json", "identity, gzip", false, 415 },
	};

	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct request req = { .content_type = span_str(rows[i].type),
			.content_encoding = span_str(rows[i].encoding),
			.content_type_repeated = rows[i].repeated };
		struct answer a;

		unit_case("row %zu", i);
		a = front_send(j, METHOD_POST, FRONT_NEW_ORDER, SPAN(""), &req);
		front_expect(&a, rows[i].status, "malformed",
		    rows[i].status == 400
			? "request body is not a flattened JWS"
			: NULL);
	}
	front_close();
}

/* A front that refuses by itself gets the same fields and document. */
static void
test_front_refuses(struct job *j)
{
	struct request req = { .method = METHOD_POST };
	struct response resp = { 0 };

	front_open(j);
	job_fail_status(
	    j, ERR_MALFORMED, 413, "request body exceeds 65536 octets");
	acme_finish(front_acme(), j, &req, &resp);
	job_recover(j);
	assert_int_equal(resp.status, 413);
	assert_non_null(strstr(resp.body.p, "exceeds 65536 octets"));
	assert_true(resp.header_count >= 8);
	front_close();
}

/* --- accounts ------------------------------------------------------------- */

/* AC-64, AC-65, AC-66, AC-70 */
static void
test_new_account(struct job *j)
{
	struct answer a, again;

	front_open(j);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    "{\"onlyReturnExisting\":true}");
	front_expect(
	    &a, 400, "accountDoesNotExist", "no account with this key");
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    "{\"contact\":[\"mailto:admin@example.org\"],\"foo\":1,"
	    "\"termsOfServiceAgreed\":true,\"onlyReturnExisting\":null,"
	    "\"externalAccountBinding\":{},\"status\":\"\",\"orders\":\"\"}");
	front_expect(&a, 201, "", NULL);
	assert_string_equal(
	    a.body.p, arena_printf(j->arena,
			  "{\"status\":\"valid\","
			  "\"contact\":[\"mailto:admin@example.org\"],"
			  "\"orders\":\"%s/orders\"}",
			  front_header(&a, "Location", 0)));
	assert_int_equal(strlen(front_path(front_header(&a, "Location", 0))),
	    strlen("/acme/acct/") + 22);
	/* The key names the account: whatever else is asked for. */
	again = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    "{\"contact\":7,\"onlyReturnExisting\":\"x\"}");
	front_expect(&again, 200, "", NULL);
	assert_string_equal(front_header(&again, "Location", 0),
	    front_header(&a, "Location", 0));
	assert_string_equal(again.body.p, a.body.p);
	assert_false(again.changed);

	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "");
	front_expect(&a, 400, "malformed", "payload is empty");
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "[]");
	front_expect(&a, 400, "malformed", "payload is not a JSON object");
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT,
	    "{\"onlyReturnExisting\":\"true\"}");
	front_expect(&a, 400, "malformed", NULL);
	a = front_post(j, FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 400, "malformed", "this resource needs jwk");
	a = front_post_jwk(j, "acct-es256-A", ORDER_PATH, "");
	front_expect(&a, 400, "malformed", "this resource needs kid");

	set_deactivated(j, true);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 401, "unauthorized",
	    "an account with this key exists and is deactivated");
	fixture_sql(j, "UPDATE account SET revoked_at = 1");
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 401, "unauthorized",
	    "an account with this key exists and is revoked");
	front_close();
}

/* AC-49: every request, reads included; strangers learn nothing. */
static void
test_account_status(struct job *j)
{
	static const char *const targets[] = { "/acme/directory",
		FRONT_NEW_NONCE, ORDER_PATH, FRONT_ACCOUNT };
	struct answer a;

	front_open(j);
	add_vector_order(j);
	fixture_sql(j, "UPDATE account SET deactivated_at = 1");
	for (size_t i = 0; i < 4; i++) {
		a = front_post(j, targets[i], "");
		front_expect(&a, 401, "unauthorized", "account is deactivated");
		assert_null(front_header(&a, "WWW-Authenticate", 0));
		a = front_post_as(j, "acct-es256-B", FRONT_KID, targets[i], "");
		front_expect(
		    &a, 400, "malformed", "JWS signature does not verify");
	}
	fixture_sql(j, "UPDATE account SET revoked_at = 1");
	a = front_post(j, ORDER_PATH, "");
	front_expect(&a, 401, "unauthorized", "account is revoked");
	front_close();
}

/* --- AC-194 --------------------------------------------------------------- */

/* A database that answers no more: nothing of it reaches the client. */
static void
test_internal(struct job *j)
{
	struct answer a;

	front_open(j);
	fixture_sql(j, "ALTER TABLE account RENAME TO gone");
	a = front_post(j, ORDER_PATH, "");
	assert_true(a.status == 500 || a.status == 503);
	assert_string_equal(a.type, "serverInternal");
	assert_null(strstr(a.body.p, "gone"));
	assert_null(strstr(a.body.p, "account"));
	assert_non_null(strstr(a.body.p, "internal error, reference "));
	assert_non_null(front_header(&a, "Retry-After", 0));
	fixture_sql(j, "ALTER TABLE gone RENAME TO account");
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_valid),
	STORE_TEST_SQLITE(test_invalid),
	STORE_TEST_SQLITE(test_bad_keys),
	STORE_TEST_SQLITE(test_malleability),
	STORE_TEST_SQLITE(test_base64url),
	STORE_TEST_SQLITE(test_order_of_checks),
	STORE_TEST_SQLITE(test_nonce_consumed),
	STORE_TEST_SQLITE(test_fresh_nonce),
	STORE_TEST_SQLITE(test_routing),
	STORE_TEST_SQLITE(test_methods),
	STORE_TEST_SQLITE(test_content),
	STORE_TEST_SQLITE(test_front_refuses),
	STORE_TEST_SQLITE(test_new_account),
	STORE_TEST_SQLITE(test_account_status),
	STORE_TEST_SQLITE(test_internal),
};
UNIT_MAIN(tests)
