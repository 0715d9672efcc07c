#include "config.h"

#include "tests/unit/acme_front.h"

#include <stdlib.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/jwk.h"
#include "acme/nonce.h"
#include "db/store_account.h"
#include "lib/clock.h"

#define PREFIX "urn:ietf:params:acme:error:"

static const struct conf initial = {
	.base_url = FRONT_BASE,
	.ca_name = "Test CA",
	.max_identifiers = 10,
	.utf8_mailboxes = true,
	.compat_dns_mailbox = true,
	.preauthorization = true,
	.accept_es512 = true,
	.accept_rs256 = true,
	.accept_eddsa = true,
	.authz_pending_life = 24 * 3600,
	.authz_valid_life = 72 * 3600,
	.order_life = 72 * 3600,
	.challenge_mail_delay = 5,
	.challenge_mail_gap = 60,
	.profile = "mailbox-multipurpose",
	.web.nonce_ttl = 7200,
	.sender.from = "Acme@ca.example",
	.sender.tagged = true,
};

static struct conf conf;
static bool has_conf;
static struct acme *acme;

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

const struct conf_limits front_limits = {
	.new_accounts = { { { 10, 3 * HOUR } }, 1 },
	.new_accounts_net = { { { 100, 3 * HOUR } }, 1 },
	.pending_authorizations = 100,
	.pending_per_mailbox = 3,
	.new_orders = { { { 50, 3 * HOUR } }, 1 },
	.mails_to_mailbox = { { { 3, HOUR }, { 6, DAY } }, 2 },
	.mails_to_known_mailbox = { { { 10, DAY } }, 1 },
	.mails_to_domain = { { { 100, HOUR }, { 500, DAY } }, 2 },
	.mails_by_account = { { { 50, DAY } }, 1 },
	.mails_by_address = { { { 30, DAY } }, 1 },
	.mails_total = { { { 2000, HOUR } }, 1 },
	.certificates = { { { 10, 7 * DAY } }, 1 },
	.failed_validations = { { { 5, HOUR } }, 1 },
};

struct conf *
front_conf(void)
{
	if (!has_conf) {
		conf = initial;
		has_conf = true;
	}
	return &conf;
}

static void
add_account(struct job *j)
{
	const struct client_key *key = client_key("acct-es256-A");
	const struct json *object;
	const struct jwk *jwk;

	EXPECT(j, json_parse_object(j, span_str(key->jwk), "jwk", &object), 0);
	EXPECT(j, jwk_parse(j, object, span_str(key->alg), &jwk), 0);
	struct account account = {
		.id = FRONT_ACCOUNT_ID,
		.thumbprint = jwk_thumbprint(jwk),
		.jwk = jwk_canonical(jwk),
		.contact = "[]",
		.client_address = "192.0.2.7",
		.created_at = j->now,
	};
	COMMITTED(j, store_account_create(j, &account));
}

void
front_open_again(struct job *j)
{
	acme = acme_new(front_conf());
	front_set_time(j, FIXTURE_NOW);
}

void
front_open(struct job *j)
{
	front_open_again(j);
	add_account(j);
}

void
front_close(void)
{
	acme_free(acme);
	acme = NULL;
	has_conf = false;
}

struct acme *
front_acme(void)
{
	return acme;
}

void
front_set_time(struct job *j, int64_t now)
{
	clock_set(now);
	j->now = now;
}

const char *
front_header(const struct answer *a, const char *name, size_t i)
{
	for (size_t k = 0; k < a->response.header_count; k++) {
		if (strcmp(a->response.headers[k].name, name) == 0 && i-- == 0)
			return a->response.headers[k].value;
	}
	return NULL;
}

static bool
has_link(const struct answer *a, const char *link)
{
	const char *value;

	for (size_t i = 0; (value = front_header(a, "Link", i)) != NULL; i++) {
		if (strcmp(value, link) == 0)
			return true;
	}
	return false;
}

/* AC-20: no other form of a time is in any response. */
static void
check_times(const struct json *v)
{
	struct span s = json_string(v);

	if (json_type(v) == JSON_T_OBJECT || json_type(v) == JSON_T_ARRAY) {
		for (size_t i = 0; i < json_count(v); i++)
			check_times(json_type(v) == JSON_T_ARRAY
					? json_at(v, i)
					: json_get(v, json_name_at(v, i)));
		return;
	}
	if (s.n < 12 || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != 'T')
		return;
	assert_int_equal(s.n, 20);
	assert_int_equal(s.p[19], 'Z');
}

static void
check_equal(const struct answer *a, const char *name, const char *value)
{
	const char *got = front_header(a, name, 0);

	if (got == NULL)
		fail_msg("no field %s", name);
	assert_string_equal(got, value);
	assert_null(front_header(a, name, 1));
}

/* AC-11, AC-13 to AC-20, AC-192 */
static void
check_common(const struct answer *a, enum method method, const char *target)
{
	bool is_directory =
	    strcmp(target, PATH_DIRECTORY) == 0 && method != METHOD_OPTIONS;
	bool is_problem = a->status >= 400;
	bool is_read = method == METHOD_GET || method == METHOD_HEAD;
	bool is_renewal =
	    strncmp(target, PATH_RENEWAL "/", sizeof(PATH_RENEWAL)) == 0;

	check_equal(a, "Access-Control-Allow-Origin", "*");
	check_equal(a, "Access-Control-Expose-Headers",
	    "Link, Location, Replay-Nonce, Retry-After");
	assert_null(front_header(a, "Access-Control-Allow-Credentials", 0));
	check_equal(a, "Strict-Transport-Security", "max-age=31536000");
	check_equal(a, "X-Content-Type-Options", "nosniff");
	assert_int_equal(
	    has_link(a, "<" FRONT_BASE PATH_DIRECTORY ">;rel=\"index\""),
	    !is_directory || is_problem);
	check_equal(a, "Cache-Control",
	    !is_read || is_problem ? "no-store"
	    : is_directory         ? "public, max-age=300"
	    : is_renewal           ? "public, max-age=3600"
				   : "no-store");
	assert_int_equal(front_header(a, "Replay-Nonce", 0) != NULL,
	    method == METHOD_POST ||
		(strcmp(target, PATH_NEW_NONCE) == 0 && !is_problem &&
		    method != METHOD_OPTIONS));
	assert_null(front_header(a, "Replay-Nonce", 1));
	if (is_problem) {
		check_equal(a, "Content-Type", "application/problem+json");
		check_equal(a, "Content-Language", "en");
		assert_int_equal(
		    json_integer(json_get(a->doc, "status")), a->status);
	}
	check_times(a->doc);
}

static int64_t
rows_written(struct job *j)
{
	return fixture_is_pgsql() ? 0
				  : fixture_count(j, "SELECT total_changes()");
}

/* Since the request came, by what records refusals (PK-19). */
static int64_t noted;

static void
commit_undone(struct job *j, struct request *req)
{
	int64_t before = rows_written(j);

	acme_undone(acme, j, req);
	assert_int_equal(store_commit(j), 0);
	noted = rows_written(j) - before;
}

/* As src/http.c: one savepoint in one transaction. */
static int
handle(struct job *j, struct request *req, struct response *resp)
{
	int result;

	if (!acme_writes(req))
		return acme_handle(acme, j, req, resp);
	assert_int_equal(store_begin(j), 0);
	assert_int_equal(store_savepoint(j), 0);
	result = acme_handle(acme, j, req, resp);
	if (result < 0 && !j->keep) {
		assert_int_equal(store_savepoint_undo(j), 0);
		commit_undone(j, req);
		return result;
	}
	assert_int_equal(store_savepoint_keep(j), 0);
	assert_int_equal(store_commit(j), 0);
	return result;
}

static const char *
type_of(struct job *j, const struct answer *a)
{
	struct span type = json_string(json_get(a->doc, "type"));

	if (a->status < 400 || !span_starts(type, SPAN(PREFIX)))
		return "";
	return span_dup(j->arena, span_from(type, sizeof(PREFIX) - 1));
}

struct answer
front_send(struct job *j, enum method method, const char *target,
    struct span body, const struct request *extra)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "OPTIONS",
		"PUT" };
	struct request req = { .content_type = SPAN("application/jose+json"),
		.client_address = "192.0.2.7" };
	struct answer a = { .type = "" };
	int64_t before = rows_written(j);
	int result;

	if (extra != NULL)
		req = *extra;
	req.method = method;
	req.method_name = names[method];
	req.target = span_str(target);
	req.body = body;
	job_recover(j);
	j->wake = 0;
	j->keep = false;
	noted = 0;
	result = acme_prepare(acme, j, &req, &a.response);
	if (result == 0)
		result = handle(j, &req, &a.response);
	assert_int_equal(result, j->err.kind == ERR_NONE ? 0 : -1);
	acme_finish(acme, j, &req, &a.response);
	assert_true(buf_ok(&a.response.body));
	if (result < 0 && !err_is_theirs(j->err.kind))
		print_message(
		    "# %s: %s\n", err_kind_name(j->err.kind), j->err.text);
	a.changed = rows_written(j) != before + noted;
	/* AC-53: a refusal leaves no trace, unless its rule says so. */
	if (result < 0 && !j->keep)
		assert_false(a.changed);
	job_recover(j);
	a.status = a.response.status;
	a.wake = j->wake;
	a.body = buf_span(&a.response.body);
	if (a.body.n > 0 && a.body.p[0] == '{')
		EXPECT(j, json_parse_object(j, a.body, "answer", &a.doc), 0);
	a.type = type_of(j, &a);
	check_common(&a, method, target);
	return a;
}

const char *
front_nonce(struct job *j)
{
	char *nonce = arena_alloc(j->arena, NONCE_LEN + 1);

	nonce_issue(acme->nonces, nonce);
	return nonce;
}

struct answer
front_post_as(struct job *j, const char *key, const char *kid,
    const char *target, const char *payload)
{
	const struct client_key *k = client_key(key);
	const char *header = arena_printf(j->arena,
	    "{\"alg\":\"%s\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%s%s\"}",
	    k->alg, kid, front_nonce(j), FRONT_BASE, target);

	return front_send(
	    j, METHOD_POST, target, client_jws(j, k, header, payload), NULL);
}

struct answer
front_post(struct job *j, const char *target, const char *payload)
{
	return front_post_as(j, "acct-es256-A", FRONT_KID, target, payload);
}

struct answer
front_post_jwk(
    struct job *j, const char *key, const char *target, const char *payload)
{
	const struct client_key *k = client_key(key);
	const char *header = arena_printf(j->arena,
	    "{\"alg\":\"%s\",\"jwk\":%s,\"nonce\":\"%s\",\"url\":\"%s%s\"}",
	    k->alg, k->jwk, front_nonce(j), FRONT_BASE, target);

	return front_send(
	    j, METHOD_POST, target, client_jws(j, k, header, payload), NULL);
}

void
front_check(const struct answer *a, int status, const char *type,
    const char *detail, const char *file, int line)
{
	struct span got = json_string(json_get(a->doc, "detail"));

	if (a->status == status && strcmp(a->type, type) == 0 &&
	    (detail == NULL || span_eq_str(got, detail)))
		return;
	print_error("answer is %d %s, not %d %s \"%s\": %.*s\n", a->status,
	    a->type, status, type, detail == NULL ? "(any)" : detail,
	    (int)a->body.n, a->body.p);
	_fail(file, line);
}

const char *
front_path(const char *url)
{
	assert_non_null(url);
	assert_memory_equal(url, FRONT_BASE, sizeof(FRONT_BASE) - 1);
	return url + sizeof(FRONT_BASE) - 1;
}

const char *
front_str(const struct answer *a, const char *name)
{
	const struct json *v = json_get(a->doc, name);

	if (json_type(v) != JSON_T_STRING)
		fail_msg(
		    "no string %s in %.*s", name, (int)a->body.n, a->body.p);
	return json_string(v).p;
}

int64_t
front_retry_after(const struct answer *a)
{
	const char *text = front_header(a, "Retry-After", 0);
	int64_t secs = 0;

	assert_non_null(text);
	assert_int_equal(span_to_int(span_str(text), 1, INT64_MAX, &secs), 0);
	return secs;
}
