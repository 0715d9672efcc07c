/* AC-22, AC-192 to AC-194 and the table of acme.md section 18. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "acme/problem.h"
#include "acme/response.h"
#include "lib/count.h"
#include "lib/json.h"

static const struct {
	enum err_kind kind;
	const char *type;
	int status;
} rows[] = {
	{ ERR_ACCOUNT_DOES_NOT_EXIST, "accountDoesNotExist", 400 },
	{ ERR_ALREADY_REPLACED, "alreadyReplaced", 409 },
	{ ERR_ALREADY_REVOKED, "alreadyRevoked", 400 },
	{ ERR_BAD_CSR, "badCSR", 400 },
	{ ERR_BAD_NONCE, "badNonce", 400 },
	{ ERR_BAD_PUBLIC_KEY, "badPublicKey", 400 },
	{ ERR_BAD_REVOCATION_REASON, "badRevocationReason", 400 },
	{ ERR_BAD_SIGNATURE_ALGORITHM, "badSignatureAlgorithm", 400 },
	{ ERR_CAA, "caa", 403 },
	{ ERR_COMPOUND, "compound", 400 },
	{ ERR_CONNECTION, "connection", 400 },
	{ ERR_DNS, "dns", 400 },
	{ ERR_EXTERNAL_ACCOUNT_REQUIRED, "externalAccountRequired", 403 },
	{ ERR_INCORRECT_RESPONSE, "incorrectResponse", 400 },
	{ ERR_INVALID_CONTACT, "invalidContact", 400 },
	{ ERR_INVALID_PROFILE, "invalidProfile", 400 },
	{ ERR_ISSUANCE_STOPPED, "serverInternal", 503 },
	{ ERR_MALFORMED, "malformed", 400 },
	{ ERR_ORDER_NOT_READY, "orderNotReady", 403 },
	{ ERR_RATE_LIMITED, "rateLimited", 429 },
	{ ERR_REJECTED_IDENTIFIER, "rejectedIdentifier", 403 },
	{ ERR_UNAUTHORIZED, "unauthorized", 403 },
	{ ERR_UNSUPPORTED_CONTACT, "unsupportedContact", 400 },
	{ ERR_UNSUPPORTED_IDENTIFIER, "unsupportedIdentifier", 400 },
	{ ERR_USER_ACTION_REQUIRED, "userActionRequired", 403 },
	{ ERR_INTERNAL, "serverInternal", 500 },
	{ ERR_BUSY, "serverInternal", 503 },
	{ ERR_REFUSED, "serverInternal", 500 },
	{ ERR_CONFLICT, "serverInternal", 503 },
};

static const char *
header(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

static const struct json *
respond(struct job *j, struct response *r)
{
	const struct json *document;

	problem_respond(j, r);
	job_recover(j);
	assert_int_equal(
	    json_parse_object(j, buf_span(&r->body), "problem", &document), 0);
	return document;
}

static void
test_table(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *prefix = "urn:ietf:params:acme:error:";
		const char *type = problem_type(rows[i].kind);
		struct err e = { .kind = rows[i].kind };
		struct response r;
		const struct json *doc;

		unit_case("%s", rows[i].type);
		assert_memory_equal(type, prefix, strlen(prefix));
		assert_string_equal(type + strlen(prefix), rows[i].type);
		assert_int_equal(problem_status(&e), rows[i].status);

		job_reset(j);
		job_fail(j, rows[i].kind, "secret \"detail\"");
		response_init(&r, j);
		doc = respond(j, &r);
		assert_int_equal(r.status, rows[i].status);
		assert_span_equal(json_string(json_get(doc, "type")), type);
		assert_int_equal(
		    json_integer(json_get(doc, "status")), rows[i].status);
		assert_int_equal(json_count(doc), 3);
		assert_string_equal(
		    header(&r, "Content-Type"), "application/problem+json");
		assert_string_equal(header(&r, "Content-Language"), "en");
		if (err_is_theirs(rows[i].kind))
			assert_span_equal(json_string(json_get(doc, "detail")),
			    "secret \"detail\"");
	}
}

/* AC-194: the log has all of it, where what to do stands at the end. */
static void
test_internal_cause(void **state)
{
	struct job *j = unit_job();
	struct response r;
	const char *log;

	(void)state;
	response_init(&r, j);
	job_fail(j, ERR_BUSY,
	    "database /var/lib/countersign/with/a/long/name/of/a/folder/"
	    "countersign.db: database is locked: its disk stalls, or a program "
	    "is in the middle of a transaction (fuser -v shows which)");
	unit_log_begin();
	problem_respond(j, &r);
	log = unit_log_end();
	assert_non_null(strstr(log, "event=\"request failed\" job="));
	assert_non_null(strstr(log, "(fuser -v shows which)\"\n"));
}

/* AC-194: the cause never reaches the client. */
static void
test_internal(void **state)
{
	static const enum err_kind kinds[] = { ERR_INTERNAL, ERR_BUSY,
		ERR_CONFLICT, ERR_REFUSED };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct problem_extra extra = { .instance = "secret" };
		struct response r;
		char expected[64];
		const struct json *doc;

		job_reset(j);
		response_init(&r, j);
		r.problem = &extra;
		response_header(&r, "Location", "secret");
		buf_add_str(&r.body, "secret");
		job_fail(j, kinds[i], "secret table secret");
		doc = respond(j, &r);
		snprintf(expected, sizeof(expected),
		    "internal error, reference %s", j->id);
		assert_span_equal(
		    json_string(json_get(doc, "detail")), expected);
		assert_null(strstr(r.body.p, "secret"));
		assert_null(header(&r, "Location"));
		assert_string_equal(header(&r, "Retry-After"),
		    kinds[i] == ERR_BUSY || kinds[i] == ERR_CONFLICT ? "5"
								     : "60");
	}
}

/* A status that a rule names wins for theirs, never for ours. */
static void
test_own_status(void **state)
{
	struct err e = { .kind = ERR_MALFORMED, .http_status = 404 };

	(void)state;
	assert_int_equal(problem_status(&e), 404);
	e.kind = ERR_INTERNAL;
	assert_int_equal(problem_status(&e), 500);
}

/* AC-38, AC-68, AC-7, AC-91 */
static void
test_extra(void **state)
{
	struct job *j = unit_job();
	static const char *const algorithms[] = { "ES256", "EdDSA", NULL };
	struct problem_extra extra = {
		.subproblems = "[{\"type\":\"x\"}]",
		.instance = "https://ca.example/terms",
		.link = "https://ca.example/terms",
		.link_rel = "terms-of-service",
		.allow = "POST, OPTIONS",
		.location = "https://ca.example/acme/acct/x",
		.algorithms = algorithms,
	};
	struct response r;
	const struct json *doc;

	(void)state;
	response_init(&r, j);
	r.problem = &extra;
	job_fail(j, ERR_MALFORMED, "x");
	doc = respond(j, &r);
	assert_string_equal(
	    json_dup(j, json_get(doc, "algorithms")), "[\"ES256\",\"EdDSA\"]");
	assert_string_equal(
	    json_dup(j, json_get(doc, "subproblems")), "[{\"type\":\"x\"}]");
	assert_span_equal(
	    json_string(json_get(doc, "instance")), "https://ca.example/terms");
	assert_string_equal(header(&r, "Link"),
	    "<https://ca.example/terms>;rel=\"terms-of-service\"");
	assert_string_equal(header(&r, "Allow"), "POST, OPTIONS");
	assert_string_equal(
	    header(&r, "Location"), "https://ca.example/acme/acct/x");
}

/* AC-192: in an object's `error` there is no status. */
static void
test_format(void **state)
{
	(void)state;
	assert_string_equal(
	    problem_format(unit_job(), ERR_DNS, "no \"mail\" exchanger"),
	    "{\"type\":\"urn:ietf:params:acme:error:dns\","
	    "\"detail\":\"no \\\"mail\\\" exchanger\"}");
}

/* AC-22 */
static void
test_quote(void **state)
{
	struct job *j = unit_job();
	char large[10000];

	(void)state;
	assert_string_equal(problem_quote(j, SPAN("ES256")), "ES256");
	assert_string_equal(problem_quote(j, SPAN("a\r\n\0\xc3\xa4\x7f")),
	    "a\\x0D\\x0A\\x00\\xC3\\xA4\\x7F");
	memset(large, 'x', sizeof(large));
	assert_int_equal(
	    strlen(problem_quote(j, span_mem(large, sizeof(large)))), 128);
	memset(large, 1, sizeof(large));
	assert_true(
	    strlen(problem_quote(j, span_mem(large, sizeof(large)))) <= 131);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_internal),
	cmocka_unit_test(test_internal_cause),
	cmocka_unit_test(test_own_status),
	cmocka_unit_test(test_extra),
	cmocka_unit_test(test_format),
	cmocka_unit_test(test_quote),
};
UNIT_MAIN(tests)
