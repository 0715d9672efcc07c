#include "config.h"

#include "acme/route.h"

#include <inttypes.h>
#include <string.h>

#include "acme/account.h"
#include "acme/account_orders.h"
#include "acme/acme.h"
#include "acme/authz.h"
#include "acme/challenge.h"
#include "acme/directory.h"
#include "acme/download.h"
#include "acme/finalize.h"
#include "acme/help.h"
#include "acme/jwk.h"
#include "acme/key_report.h"
#include "acme/keychange.h"
#include "acme/nonce.h"
#include "acme/order.h"
#include "acme/policy.h"
#include "acme/problem.h"
#include "acme/refused.h"
#include "acme/renewal.h"
#include "acme/response.h"
#include "acme/revoke.h"
#include "acme/route_private.h"
#include "acme/signed.h"
#include "acme/status.h"
#include "acme/throttle.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/rnd.h"

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

/* Suffixes of their own kind, which become req->tail: after the id, a slash and
 * the number of a chain; in place of the id, any text but a query. */
static const char a_number[] = "/<n>";
static const char a_text[] = "<text>";

/* AC-173 */
static const struct route routes[] = {
	{ PATH_DIRECTORY, NULL, PUBLIC, NEEDS_KID, READ_ONLY, false,
	    directory_read },
	{ PATH_NEW_NONCE, NULL, PUBLIC, NEEDS_KID, READ_ONLY, false,
	    nonce_read },
	{ PATH_NEW_ACCOUNT, NULL, SIGNED, NEEDS_JWK, OBJECT_ONLY, true,
	    account_create },
	{ PATH_NEW_ORDER, NULL, SIGNED, NEEDS_KID, OBJECT_ONLY, true,
	    order_create },
	{ PATH_REVOKE, NULL, SIGNED, EITHER_KEY, OBJECT_ONLY, true,
	    revoke_serve },
	{ PATH_ACCOUNT, "", SIGNED, NEEDS_KID, READ_OR_OBJECT, true,
	    account_serve },
	{ PATH_ACCOUNT, PATH_ORDERS, SIGNED, NEEDS_KID, READ_ONLY, false,
	    account_orders },
	{ PATH_KEY_CHANGE, NULL, SIGNED, NEEDS_KID, OBJECT_ONLY, true,
	    account_change_key },
	{ PATH_ORDER, "", SIGNED, NEEDS_KID, READ_ONLY, false, order_read },
	{ PATH_ORDER, PATH_FINALIZE, SIGNED, NEEDS_KID, OBJECT_ONLY, true,
	    order_finalize },
	{ PATH_NEW_AUTHZ, NULL, SIGNED, NEEDS_KID, OBJECT_ONLY, true,
	    authz_create },
	{ PATH_AUTHZ, "", SIGNED, NEEDS_KID, READ_OR_OBJECT, true,
	    authz_serve },
	{ PATH_CHALLENGE, "", SIGNED, NEEDS_KID, READ_OR_OBJECT, true,
	    challenge_serve },
	{ PATH_CERTIFICATE, "", SIGNED, NEEDS_KID, READ_ONLY, false,
	    certificate_read },
	{ PATH_CERTIFICATE, a_number, SIGNED, NEEDS_KID, READ_ONLY, false,
	    certificate_read },
	{ PATH_RENEWAL "/", a_text, UNSIGNED, NEEDS_KID, READ_ONLY, false,
	    renewal_read },
	{ PATH_HELP, NULL, UNSIGNED, NEEDS_KID, READ_ONLY, false, help_read },
	{ PATH_REPORT, NULL, STRANGERS, NEEDS_KID, READ_ONLY, true,
	    key_report_serve },
};

#define METHODS_PUBLIC "GET, HEAD, POST, OPTIONS"
#define METHODS_SIGNED "POST, OPTIONS"
#define METHODS_UNSIGNED "GET, HEAD, OPTIONS"

static const char *
methods_of(const struct route *route)
{
	switch (route->methods) {
	case SIGNED:
		break;
	case PUBLIC:
	case STRANGERS:
		return METHODS_PUBLIC;
	case UNSIGNED:
		return METHODS_UNSIGNED;
	}
	return METHODS_SIGNED;
}

/* --- steps 2, 3 and 5 ----------------------------------------------------- */

bool
route_is_id(struct span text)
{
	unsigned char octets[16];

	return text.n == RND_ID_LEN &&
	       b64url_parse_fixed(text, octets, sizeof(octets)) == 0;
}

/* "/1" to "/99", in their one spelling (AC-148). */
static bool
is_number(struct span text)
{
	return text.n >= 2 && text.n <= 3 && text.p[0] == '/' &&
	       text.p[1] >= '1' && text.p[1] <= '9' &&
	       (text.n == 2 || ascii_is_digit(text.p[2]));
}

/* The one query that there is: on the orders list (AC-75). */
static bool
matches_orders(struct request *req)
{
	const struct span name = SPAN(PATH_ORDERS), query = SPAN("?cursor=");
	struct span rest = span_from(req->tail, name.n);

	if (!span_starts(req->tail, name))
		return false;
	if (rest.n == 0)
		return true;
	req->cursor = span_from(rest, query.n);
	return span_starts(rest, query);
}

/* What comes after the id. */
static bool
matches_suffix(const struct route *route, struct request *req)
{
	if (route->handle == account_orders)
		return matches_orders(req);
	if (route->suffix != a_number)
		return span_eq_str(req->tail, route->suffix);
	if (!is_number(req->tail))
		return false;
	req->tail = span_from(req->tail, 1);
	return true;
}

/* AC-6: octet for octet. */
static bool
matches(const struct route *route, struct request *req)
{
	struct span path = span_str(route->path), rest, id;

	if (route->suffix == NULL)
		return span_eq(req->target, path);
	if (!span_starts(req->target, path))
		return false;
	rest = span_from(req->target, path.n);
	req->tail = rest;
	if (route->suffix == a_text)
		return rest.n > 0 && span_find(rest, 0, '?') == rest.n;
	id = span_cut(rest, 0, RND_ID_LEN);
	req->tail = span_from(rest, RND_ID_LEN);
	if (!route_is_id(id) || !matches_suffix(route, req))
		return false;
	memcpy(req->id, id.p, RND_ID_LEN);
	req->id[RND_ID_LEN] = '\0';
	return true;
}

/* AC-61: what is switched off is not there. */
static bool
is_offered(const struct route *route, const struct conf *conf)
{
	if (route->handle == help_read)
		return conf->report_address != NULL;
	return route->handle != authz_create || policy_offers_new_authz(conf);
}

static int
find_route(struct job *j, const struct conf *conf, struct request *req)
{
	for (size_t i = 0; i < COUNT(routes); i++) {
		if (matches(&routes[i], req) && is_offered(&routes[i], conf)) {
			req->route = &routes[i];
			return 0;
		}
	}
	return job_fail_status(j, ERR_MALFORMED, 404, "no such resource");
}

static int
check_method(struct job *j, const struct request *req, struct response *resp)
{
	enum method_rule rule = req->route->methods;
	struct problem_extra *extra;

	if (req->method == METHOD_OPTIONS ||
	    (req->method == METHOD_POST && rule != UNSIGNED))
		return 0;
	if (req->method != METHOD_OTHER && req->method != METHOD_POST &&
	    rule != SIGNED)
		return 0;
	extra = arena_alloc(j->arena, sizeof(*extra));
	extra->allow = methods_of(req->route);
	resp->problem = extra;
	return job_fail_status(j, ERR_MALFORMED, 405,
	    "method %s is not allowed here",
	    problem_quote(j, span_str(req->method_name)));
}

/* AC-191; what the address did is no secret to it. */
static int
refuse_for(struct job *j, const struct conf_limits *conf, int64_t wait,
    const char *words, struct response *resp)
{
	struct problem_extra *extra = arena_alloc(j->arena, sizeof(*extra));

	extra->retry_after = wait;
	if (conf->help_url != NULL) {
		extra->link = conf->help_url;
		extra->link_rel = "help";
	}
	resp->problem = extra;
	return job_fail(j, ERR_RATE_LIMITED,
	    "%s: try again in %" PRId64 " seconds", words, wait);
}

/* Step 4: AC-180 and AC-181.  Whoever failed too often may still revoke
 * (AC-160). */
static int
check_rate(const struct acme *a, struct job *j, const struct request *req,
    struct response *resp)
{
	const struct conf_limits *conf = &a->conf->limits;
	int64_t now_ms = clock_now_ms();
	enum throttle_kind kind = req->route->handle == renewal_read
				      ? THROTTLE_RENEWAL_INFO
				      : THROTTLE_REQUEST;
	int64_t wait = throttle_request(
	    a->throttle, conf, req->client_address, kind, now_ms);

	if (wait > 0)
		return refuse_for(
		    j, conf, wait, "requests of one client address", resp);
	if (req->method != METHOD_POST || req->route->handle == revoke_serve)
		return 0;
	wait = throttle_blocked(a->throttle, req->client_address, now_ms);
	if (wait > 0)
		return refuse_for(j, conf, wait,
		    "failed requests of one client address", resp);
	return 0;
}

/* AC-9 with L-1: the type itself, at most with charset=utf-8. */
static bool
is_jose_json(struct span type)
{
	size_t end = span_find(type, 0, ';');
	struct span parameter = span_trim(span_from(type, end + 1));

	if (!span_caseeq_str(
		span_trim(span_cut(type, 0, end)), "application/jose+json"))
		return false;
	return end == type.n || span_caseeq_str(parameter, "charset=utf-8") ||
	       span_caseeq_str(parameter, "charset=\"utf-8\"");
}

static int
check_content(struct job *j, const struct request *req)
{
	if (req->method == METHOD_POST && req->route->methods == STRANGERS) {
		if (req->content_type_repeated ||
		    !key_report_takes(req->content_type))
			return job_fail_status(j, ERR_MALFORMED, 415,
			    "Content-Type must be application/pkcs10 or "
			    "application/json");
	} else if (req->method == METHOD_POST &&
		   (req->content_type_repeated ||
		       !is_jose_json(req->content_type)))
		return job_fail_status(j, ERR_MALFORMED, 415,
		    "Content-Type must be application/jose+json");
	if (req->content_encoding.n > 0 &&
	    !span_caseeq_str(req->content_encoding, "identity"))
		return job_fail_status(
		    j, ERR_MALFORMED, 415, "content codings are not supported");
	return 0;
}

/* The document of badSignatureAlgorithm lists what we accept, whichever of a
 * request's JWS it is about (AC-38, AC-80). */
static void
explain(const struct acme *a, struct job *j, struct response *resp)
{
	struct problem_extra *extra;

	if (j->err.kind != ERR_BAD_SIGNATURE_ALGORITHM)
		return;
	extra = arena_alloc(j->arena, sizeof(*extra));
	extra->algorithms = jwk_algorithms(j, a->conf);
	resp->problem = extra;
}

int
acme_admit(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	response_init(resp, j);
	if (find_route(j, a->conf, req) < 0 || check_method(j, req, resp) < 0 ||
	    check_rate(a, j, req, resp) < 0 || check_content(j, req) < 0)
		return -1;
	return 0;
}

int
acme_prepare(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	if (acme_admit(a, j, req, resp) < 0)
		return -1;
	if (req->method != METHOD_POST) {
		req->is_read = true;
		return 0;
	}
	if (req->route->methods == STRANGERS)
		return signed_read_proof(a, j, req);
	return signed_read(a, j, req, resp);
}

/* --- steps 18 to 20 ------------------------------------------------------- */

bool
acme_writes(const struct request *req)
{
	return req->route != NULL && req->route->writes &&
	       (req->payload != NULL || req->proof != NULL);
}

/* AC-14 */
static int
respond_options(const struct request *req, struct response *resp)
{
	const char *methods = methods_of(req->route);

	resp->status = 204;
	response_header(resp, "Allow", methods);
	response_header(resp, "Access-Control-Allow-Methods", methods);
	response_header(resp, "Access-Control-Allow-Headers",
	    "Accept, Accept-Language, Content-Type");
	response_header(resp, "Access-Control-Max-Age", "86400");
	return 0;
}

/*
 * Between acme_prepare() and the transaction the account may have ended or
 * changed its key.  What is written is written for the account as it is now;
 * it stays so until the commit.
 */
static int
hold_account(struct job *j, struct request *req)
{
	struct account *now = arena_alloc(j->arena, sizeof(*now));
	bool alone = req->route->handle == account_serve ||
		     req->route->handle == account_change_key;
	int found = store_account_hold(j, req->account->id, alone, now);

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(
		    j, ERR_ACCOUNT_DOES_NOT_EXIST, "no such account");
	if (strcmp(now->thumbprint, jwk_thumbprint(req->jwk)) != 0)
		return job_fail(
		    j, ERR_MALFORMED, "JWS signature does not verify");
	req->account = now;
	return account_check_status(j, now, "account");
}

int
acme_handle(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	if (req->method == METHOD_OPTIONS)
		return respond_options(req, resp);
	if (acme_writes(req) && req->account != NULL &&
	    hold_account(j, req) < 0)
		return -1;
	req->at_rules = true;
	if (req->route->handle(a, j, req, resp) < 0)
		return -1;
	if (!buf_ok(&resp->body))
		return job_fail(j, ERR_INTERNAL,
		    "response larger than %u octets", RESPONSE_BODY_MAX);
	return 0;
}

void
acme_undone(struct acme *a, struct job *j, const struct request *req)
{
	if (!req->at_rules || req->account == NULL)
		return;
	if (req->route->handle == order_create)
		refused_record(a->refused, j, req, REFUSED_ORDER);
	else if (req->route->handle == revoke_serve)
		refused_record(a->refused, j, req, REFUSED_REVOCATION);
}

int
acme_tend(struct acme *a, struct job *j, bool is_end)
{
	if (!is_end && nonces_forget(a->nonces, j) < 0)
		return -1;
	return refused_record_sums(a->refused, j, is_end);
}

int
acme_refresh(struct acme *a, struct job *j, const struct request *req,
    struct response *resp)
{
	struct order order;
	int decided;

	if (req->route == NULL || req->route->handle != order_finalize ||
	    resp->status != 200)
		return 1;
	/* With many that wait this is asked for each whenever one is done. */
	decided = store_order_is_decided(j, req->id);
	if (decided <= 0)
		return decided;
	if (order_find(j, req, &order) < 0)
		return -1;
	response_clear(resp);
	order_respond(a, j, &order, 200, resp);
	return order_status(&order, j->now) != ORDER_PROCESSING;
}

/* --- what every response has ---------------------------------------------- */

/* AC-18: answers to POST, and newNonce. */
static bool
carries_nonce(const struct request *req, const struct response *resp)
{
	if (req->method == METHOD_POST)
		return true;
	return req->route != NULL && req->route->handle == nonce_read &&
	       req->method != METHOD_OPTIONS && resp->status < 400;
}

static void
add_nonce(struct acme *a, struct job *j, struct response *resp)
{
	char *nonce = arena_alloc(j->arena, NONCE_LEN + 1);

	nonce_issue(a->nonces, nonce);
	response_header(resp, "Replay-Nonce", nonce);
}

/* AC-17; what carries a nonce is never stored. */
static const char *
cache_control(const struct request *req, const struct response *resp)
{
	bool is_read = req->method == METHOD_GET || req->method == METHOD_HEAD;

	if (req->route == NULL || !is_read || resp->status != 200)
		return "no-store";
	if (req->route->handle == directory_read)
		return "public, max-age=300";
	if (req->route->handle == renewal_read)
		return "public, max-age=" STRING(RENEWAL_MAX_AGE);
	return "no-store";
}

void
acme_finish(struct acme *a, struct job *j, const struct request *req,
    struct response *resp)
{
	bool is_directory = false;

	if (resp->body.arena == NULL)
		response_init(resp, j);
	explain(a, j, resp);
	if (j->err.kind != ERR_NONE)
		problem_respond(j, resp);
	else
		is_directory = req->route != NULL &&
			       req->route->handle == directory_read &&
			       req->method != METHOD_OPTIONS;

	if (carries_nonce(req, resp))
		add_nonce(a, j, resp);
	if (!is_directory) /* AC-15 */
		response_link(
		    resp, j, acme_url(a, j, PATH_DIRECTORY, ""), "index");
	response_header(resp, "Cache-Control", cache_control(req, resp));
	/* AC-14, AC-19 */
	response_header(resp, "Access-Control-Allow-Origin", "*");
	response_header(resp, "Access-Control-Expose-Headers",
	    "Link, Location, Replay-Nonce, Retry-After");
	response_header(resp, "Strict-Transport-Security", "max-age=31536000");
	response_header(resp, "X-Content-Type-Options", "nosniff");
}
