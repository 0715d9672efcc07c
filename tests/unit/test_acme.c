/*
 * Requests as a whole: the vectors for JWS (AC-23 to AC-51), the order of
 * checks (AC-52, AC-53), transport (AC-6 to AC-19), directory and newNonce
 * (AC-57, AC-61 to AC-63), accounts (AC-64 to AC-71).
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <stdlib.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/nonce.h"
#include "db/store_account.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "pki/profile.h"
#include "tests/unit/vectors.h"

#define VECTOR_NONCE "Q3VzaWduLXRlc3Qtbm9uY2UtMDAwMQ"
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

static struct span
dump(struct job *j, const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	char *copy = arena_strdup(j->arena, text);

	free(text);
	return span_str(copy);
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
		struct span body = dump(j, vectors_get(v, "body"));
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
		    vectors_str(v, "alg"), dump(j, vectors_get(v, "jwk")).p,
		    front_nonce(j));
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
	first = dump(j, vectors_at("jws_malleability/original"));
	second = dump(j, vectors_at("jws_malleability/malleated"));
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
		const char *bad = dump(j, v).p;

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

_Static_assert(sizeof(fault_rows) / sizeof(fault_rows[0]) == FAULTS,
    "a row for each fault");

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
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
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
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
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
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
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
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
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

/* --- directory, newNonce -------------------------------------------------- */

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
	front_conf()->profiles =
	    (struct conf_list){ offered, sizeof(offered) / sizeof(offered[0]) };
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
		const char *value = dump(j, json_array_get(v, 0)).p;

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
		const char *value = dump(j, json_array_get(v, 0)).p;

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
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer a;

		unit_case("%s", rows[i].kid);
		a = front_post_as(
		    j, "acct-es256-A", rows[i].kid, FRONT_NEW_ORDER, "{}");
		front_expect(&a, 400, rows[i].type, rows[i].detail);
	}
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

/* --- how fast, and how often in vain ------------------------------------- */

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
	STORE_TEST_SQLITE(test_new_nonce),
	STORE_TEST_SQLITE(test_directory),
	STORE_TEST_SQLITE(test_help),
	STORE_TEST_SQLITE(test_new_account),
	STORE_TEST_SQLITE(test_terms),
	STORE_TEST_SQLITE(test_contacts),
	STORE_TEST_SQLITE(test_account),
	STORE_TEST_SQLITE(test_kid),
	STORE_TEST_SQLITE(test_account_status),
	STORE_TEST_SQLITE(test_internal),
	STORE_TEST(test_request_rate),
	STORE_TEST(test_failed_authentications),
};
UNIT_MAIN(tests)
