#include "config.h"

#include "src/acme_client.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/https_client.h"
#include "src/jose.h"
#include "src/remote.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (256 * 1024)
#define PROFILES_MAX 4096
#define PROFILE_COUNT_MAX 32
#define HEADER_MAX 4096
#define PAYLOAD_MAX (64 * 1024)
#define NONCE_MAX 256
#define EXCHANGE_MS 60000
/* A server that restarts, or an old nonce in hand: the second try works. */
#define BAD_NONCE_TRIES 4

struct acme_client {
	struct https_client *https;
	struct evp_pkey_st *key; /* borrowed */
	struct arena *keep;
	const char *directory;
	const char *new_nonce, *new_account, *new_order;
	const char *renewal_info; /* NULL: not offered */
	const char *revoke;       /* NULL: it has none */
	const char *terms;        /* URL or NULL */
	struct span profiles;     /* names, each with its NUL */
	bool needs_binding;
	const char *thumbprint;
	const char *kid;           /* NULL before the account is known */
	char nonce[NONCE_MAX + 1]; /* "": none in hand */
	char *details;             /* malloced, or NULL */
};

const char *
acme_client_thumbprint(const struct acme_client *c)
{
	return c->thumbprint;
}

const char *
acme_client_details(const struct acme_client *c)
{
	return c->details != NULL ? c->details : "";
}

/* --- refusals ------------------------------------------------------------ */

static enum err_kind
kind_of(const char *text, int64_t status)
{
	size_t n = strcspn(text, ":");

	if (status >= 500)
		return ERR_BUSY;
	for (int k = ERR_NONE + 1; k < ERR_INTERNAL; k++) {
		const char *name = err_kind_name((enum err_kind)k);

		if (strlen(name) == n && memcmp(name, text, n) == 0)
			return (enum err_kind)k;
	}
	return ERR_MALFORMED;
}

/* What a person can do, where the server's words may not say it. */
static const char *
advice(struct job *j, enum err_kind kind, const struct json *problem,
    const struct https_response *r)
{
	struct span instance = json_string(json_get(problem, "instance"));

	if (kind == ERR_USER_ACTION_REQUIRED && instance.n > 0)
		return arena_printf(
		    j->arena, "; see %s", remote_clean(j, instance));
	if (kind == ERR_RATE_LIMITED && r->retry_after > 0)
		return arena_printf(j->arena, "; try again in %lld seconds",
		    (long long)r->retry_after);
	if (kind == ERR_EXTERNAL_ACCOUNT_REQUIRED)
		return "; its operator gives the key that binds an account";
	return "";
}

/* Where it sends others is for a person to look at. */
static int
refuse_redirect(
    const struct acme_client *c, struct job *j, const struct https_response *r)
{
	return job_fail(j, ERR_MALFORMED,
	    "the server refers to %s (HTTP status %lld), which is not "
	    "followed; name its directory by the URL that answers, instead of "
	    "%s",
	    r->location != NULL ? remote_clean(j, span_str(r->location))
				: "another place",
	    (long long)r->status, c->directory);
}

static int
refuse(struct acme_client *c, struct job *j, const struct https_response *r)
{
	const struct json *problem = NULL;
	const char *text, *details;
	enum err_kind kind;

	free(c->details);
	c->details = NULL;
	if (r->status >= 300 && r->status < 400)
		return refuse_redirect(c, j, r);
	if (strcmp(r->content_type, "application/problem+json") != 0 ||
	    json_parse_object(j, r->body, "problem", &problem) < 0) {
		job_recover(j);
		return job_fail(j, r->status >= 500 ? ERR_BUSY : ERR_MALFORMED,
		    "the server answered with HTTP status %lld and no "
		    "explanation; is %s an ACME directory?",
		    (long long)r->status, c->directory);
	}
	text = remote_problem_text(j, problem, &details);
	c->details = xstrdup(details);
	kind = kind_of(text, r->status);
	return job_fail(j, kind, "the server refused: %s (HTTP status %lld)%s",
	    text, (long long)r->status, advice(j, kind, problem, r));
}

/* --- signed requests ----------------------------------------------------- */

struct post {
	const char *url;
	struct span payload; /* empty: a read */
	const char *accept;
	bool by_key; /* newAccount: the key instead of the account */
};

static void
keep_nonce(struct acme_client *c, const struct https_response *r)
{
	const char *nonce = r->replay_nonce;

	/* Any other spelling would be refused (RFC 8555 section 6.5.1). */
	if (nonce != NULL && nonce[0] != '\0' && strlen(nonce) <= NONCE_MAX &&
	    b64url_is_alphabet(span_str(nonce)))
		memcpy(c->nonce, nonce, strlen(nonce) + 1);
}

static int
need_nonce(struct acme_client *c, struct job *j)
{
	struct https_request request = { .method = HTTPS_HEAD,
		.url = c->new_nonce,
		.answer_max = ANSWER_MAX };
	struct https_response r;

	if (c->nonce[0] != '\0')
		return 0;
	if (https_client_send(c->https, j, &request, &r) < 0)
		return -1;
	if (r.status >= 500)
		return refuse(c, j, &r);
	keep_nonce(c, &r);
	if (c->nonce[0] == '\0')
		return job_fail(j, ERR_MALFORMED,
		    "%s: the server gives no nonce (RFC 8555 section 7.2)",
		    c->new_nonce);
	return 0;
}

static int
sign(struct acme_client *c, struct job *j, const struct post *p,
    struct span *jws)
{
	const char *jwk;
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, HEADER_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "alg", "ES256");
	if (p->by_key) {
		if (jose_jwk(j, c->key, &jwk) < 0)
			return -1;
		json_key(&o, "jwk");
		json_put_raw(&o, span_str(jwk));
	} else {
		json_member_str(&o, "kid", c->kid);
	}
	json_member_str(&o, "nonce", c->nonce);
	json_member_str(&o, "url", p->url);
	json_object_end(&o);
	c->nonce[0] = '\0'; /* spent, whatever happens to it */
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "a URL of the server is too long");
	return jose_sign(j, c->key, buf_span(&b), p->payload, jws);
}

static int
post_once(struct acme_client *c, struct job *j, const struct post *p,
    struct https_response *r)
{
	struct https_request request = { .method = HTTPS_POST,
		.url = p->url,
		.content_type = "application/jose+json",
		.accept = p->accept != NULL ? p->accept : "application/json",
		.answer_max = ANSWER_MAX };

	if (need_nonce(c, j) < 0 || sign(c, j, p, &request.body) < 0 ||
	    https_client_send(c->https, j, &request, r) < 0)
		return -1;
	keep_nonce(c, r);
	if (r->status < 200 || r->status > 299)
		return refuse(c, j, r);
	return 0;
}

static int
post(struct acme_client *c, struct job *j, const struct post *p,
    struct https_response *r)
{
	/* A refusal leaves nothing but the error: callers may ask for a day. */
	for (int i = 1;; i++) {
		struct arena *before = job_try(j);
		int result = post_once(c, j, p, r);

		job_tried(j, before, result == 0);
		if (result == 0)
			return 0;
		if (j->err.kind != ERR_BAD_NONCE || i == BAD_NONCE_TRIES)
			return -1;
		job_recover(j);
	}
}

/* The same for an answer that is a JSON object. */
static int
post_object(struct acme_client *c, struct job *j, const struct post *p,
    struct https_response *r, const struct json **object)
{
	if (post(c, j, p, r) < 0)
		return -1;
	return json_parse_object(j, r->body, "the server's answer", object);
}

/* --- directory ----------------------------------------------------------- */

static int
directory_url(struct acme_client *c, struct job *j, const struct json *object,
    const char *name, const char **out)
{
	*out = span_dup(c->keep, json_string(json_get(object, name)));
	if (https_url_is_good(*out))
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "%s: is not an ACME directory: no https URL for %s", c->directory,
	    name);
}

static void
read_profiles(struct acme_client *c, struct job *j, const struct json *object)
{
	struct buf b;

	if (json_type(object) != JSON_T_OBJECT)
		return;
	buf_init(&b, j->arena, PROFILES_MAX);
	for (size_t i = 0; i < json_count(object) && i < PROFILE_COUNT_MAX; i++)
		buf_add_mem(&b, json_name_at(object, i),
		    strlen(json_name_at(object, i)) + 1);
	if (buf_ok(&b))
		c->profiles = span_mem(arena_memdup(c->keep, b.p, b.n), b.n);
}

int
acme_client_check_profile(
    const struct acme_client *c, struct job *j, const char *profile)
{
	struct buf b;

	if (profile == NULL)
		return 0;
	buf_init(&b, j->arena, PROFILES_MAX * 2);
	for (struct span s = c->profiles; s.n > 0;
	     s = span_from(s, strlen(s.p) + 1)) {
		if (strcmp(s.p, profile) == 0)
			return 0;
		buf_addf(&b, "%s%s", b.n > 0 ? ", " : "",
		    remote_clean(j, span_str(s.p)));
	}
	return job_fail(j, ERR_INTERNAL, "%s offers no profile %s; it has: %s",
	    c->directory, profile, b.n > 0 ? b.p : "none");
}

static int
read_directory(struct acme_client *c, struct job *j)
{
	struct https_request request = { .method = HTTPS_GET,
		.url = c->directory,
		.accept = "application/json",
		.answer_max = ANSWER_MAX };
	const struct json *object, *meta;
	struct https_response r;
	struct span terms;

	if (https_client_send(c->https, j, &request, &r) < 0)
		return -1;
	if (r.status != 200)
		return refuse(c, j, &r);
	keep_nonce(c, &r);
	if (json_parse_object(j, r.body, "the directory", &object) < 0)
		return job_context(j, "%s", c->directory);
	if (directory_url(c, j, object, "newNonce", &c->new_nonce) < 0 ||
	    directory_url(c, j, object, "newAccount", &c->new_account) < 0 ||
	    directory_url(c, j, object, "newOrder", &c->new_order) < 0)
		return -1;
	if (json_get(object, "renewalInfo") != NULL &&
	    directory_url(c, j, object, "renewalInfo", &c->renewal_info) < 0)
		return -1;
	c->revoke =
	    span_dup(c->keep, json_string(json_get(object, "revokeCert")));
	if (!https_url_is_good(c->revoke))
		c->revoke = NULL;
	meta = json_get(object, "meta");
	c->needs_binding = json_bool(json_get(meta, "externalAccountRequired"));
	read_profiles(c, j, json_get(meta, "profiles"));
	terms = json_string(json_get(meta, "termsOfService"));
	if (terms.n > 0)
		c->terms = arena_strdup(c->keep, remote_clean(j, terms));
	return 0;
}

static int
start(struct acme_client *c, struct job *j, const struct acme_client_conf *conf)
{
	struct https_client_conf https = { .ca_file = conf->ca_file,
		.language = conf->language,
		.user_agent = arena_printf(j->arena,
		    PACKAGE_NAME "/" PACKAGE_VERSION " %s",
		    conf->agent != NULL ? conf->agent : "enroll"),
		.timeout_ms = EXCHANGE_MS,
		.is_ending = conf->is_ending };

	if (https_client_new(j, &https, &c->https) < 0 ||
	    jose_thumbprint(j, c->key, &c->thumbprint) < 0)
		return -1;
	c->thumbprint = arena_strdup(c->keep, c->thumbprint);
	return read_directory(c, j);
}

int
acme_client_new(struct job *j, const struct acme_client_conf *conf,
    struct acme_client **out)
{
	struct acme_client *c = xcalloc(1, sizeof(*c));

	c->keep = arena_new();
	c->key = conf->account_key;
	c->directory = arena_strdup(c->keep, conf->directory);
	if (start(c, j, conf) < 0) {
		acme_client_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

void
acme_client_free(struct acme_client *c)
{
	if (c == NULL)
		return;
	https_client_free(c->https);
	arena_free(c->keep);
	free(c->details);
	free(c);
}

/* --- account ------------------------------------------------------------- */

static int
post_account(struct acme_client *c, struct job *j, struct span payload)
{
	struct post p = {
		.url = c->new_account, .payload = payload, .by_key = true
	};
	const struct json *object;
	struct https_response r;

	if (post_object(c, j, &p, &r, &object) < 0)
		return -1;
	if (!https_url_is_good(r.location))
		return job_fail(j, ERR_MALFORMED,
		    "the server does not name the account (no Location)");
	if (!span_eq_str(json_string(json_get(object, "status")), "valid"))
		return job_fail(j, ERR_UNAUTHORIZED,
		    "the account of this key is no longer valid: use another "
		    "--account-key");
	c->kid = arena_strdup(c->keep, r.location);
	return 0;
}

static int
put_binding(struct acme_client *c, struct job *j,
    const struct acme_client_account *a, struct json_out *o)
{
	struct span binding;
	const char *jwk;

	if (a->eab_kid == NULL)
		return 0;
	if (jose_jwk(j, c->key, &jwk) < 0 ||
	    jose_bind(
		j, a->eab_kid, a->eab_key, c->new_account, jwk, &binding) < 0)
		return -1;
	json_key(o, "externalAccountBinding");
	json_put_raw(o, binding);
	return 0;
}

static int
account_payload(struct acme_client *c, struct job *j,
    const struct acme_client_account *a, struct span *out)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, PAYLOAD_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	if (c->terms != NULL)
		json_member_bool(&o, "termsOfServiceAgreed", true);
	if (a->contact_count > 0) {
		json_key(&o, "contact");
		json_array_begin(&o);
		for (size_t i = 0; i < a->contact_count; i++)
			json_put_string(&o, span_str(a->contacts[i]));
		json_array_end(&o);
	}
	if (put_binding(c, j, a, &o) < 0)
		return -1;
	json_object_end(&o);
	*out = buf_span(&b);
	return 0;
}

int
acme_client_account(struct acme_client *c, struct job *j,
    const struct acme_client_account *a, bool *made)
{
	struct span payload;

	*made = false;
	if (post_account(c, j, SPAN("{\"onlyReturnExisting\":true}")) == 0)
		return 0;
	if (j->err.kind != ERR_ACCOUNT_DOES_NOT_EXIST)
		return -1;
	job_recover(j);
	if (c->terms != NULL && !a->accept_terms)
		return job_fail(j, ERR_USER_ACTION_REQUIRED,
		    "the server has terms of service: read %s, and if you "
		    "agree, repeat with --accept-terms",
		    c->terms);
	if (c->needs_binding && a->eab_kid == NULL)
		return job_fail(j, ERR_EXTERNAL_ACCOUNT_REQUIRED,
		    "the server takes new accounts only with an external "
		    "account binding: ask its operator for a key and give "
		    "--eab-kid and --eab-key-file, or give --account-key of "
		    "an account that exists");
	if (account_payload(c, j, a, &payload) < 0)
		return -1;
	*made = true;
	return post_account(c, j, payload);
}

/* --- renewal information ------------------------------------------------- */

static int
read_renewal(struct acme_client *c, struct job *j, const char *certid,
    struct remote_renewal *out)
{
	struct https_request request = { .method = HTTPS_GET,
		.accept = "application/json",
		.answer_max = ANSWER_MAX };
	const struct json *object;
	struct https_response r;

	request.url = arena_printf(j->arena, "%s/%s", c->renewal_info, certid);
	if (https_client_send(c->https, j, &request, &r) < 0)
		return -1;
	if (r.status != 200)
		return refuse(c, j, &r);
	if (json_parse_object(j, r.body, "the server's answer", &object) < 0 ||
	    remote_renewal_parse(j, object, out) < 0)
		return -1;
	out->retry_after = r.retry_after;
	return 1;
}

int
acme_client_renewal(struct acme_client *c, struct job *j, const char *certid,
    struct remote_renewal *out)
{
	struct arena *before;
	int result;

	if (c->renewal_info == NULL)
		return 0;
	before = job_try(j);
	result = read_renewal(c, j, certid, out);
	job_tried(j, before, result > 0);
	return result;
}

/* --- orders -------------------------------------------------------------- */

static struct span
order_payload(struct job *j, const struct acme_client_wish *wish)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, PAYLOAD_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_key(&o, "identifiers");
	json_array_begin(&o);
	for (size_t i = 0; i < wish->mailbox_count; i++) {
		json_object_begin(&o);
		json_member_str(&o, "type", "email");
		json_member_str(&o, "value", wish->mailboxes[i]);
		json_object_end(&o);
	}
	json_array_end(&o);
	if (wish->profile != NULL)
		json_member_str(&o, "profile", wish->profile);
	if (wish->not_before != 0)
		json_member_time(&o, "notBefore", wish->not_before);
	if (wish->not_after != 0)
		json_member_time(&o, "notAfter", wish->not_after);
	if (wish->replaces != NULL)
		json_member_str(&o, "replaces", wish->replaces);
	json_object_end(&o);
	return buf_span(&b);
}

static int
post_order(struct acme_client *c, struct job *j, const struct post *p,
    struct remote_order *out)
{
	const struct json *object;
	struct https_response r;

	if (post_object(c, j, p, &r, &object) < 0 ||
	    remote_order_parse(j, object, out) < 0)
		return -1;
	out->retry_after = r.retry_after;
	if (r.location != NULL)
		out->url = r.location;
	return 0;
}

int
acme_client_order(struct acme_client *c, struct job *j,
    const struct acme_client_wish *wish, struct remote_order *out)
{
	struct post p = { .url = c->new_order,
		.payload = order_payload(j, wish) };

	*out = (struct remote_order){ .retry_after = -1 };
	if (post_order(c, j, &p, out) < 0)
		return -1;
	if (!https_url_is_good(out->url))
		return job_fail(j, ERR_MALFORMED,
		    "the server does not name the order (no Location)");
	return 0;
}

int
acme_client_order_read(struct acme_client *c, struct job *j, const char *url,
    struct remote_order *out)
{
	struct post p = { .url = url };

	*out = (struct remote_order){ .retry_after = -1 };
	if (post_order(c, j, &p, out) < 0)
		return -1;
	out->url = arena_strdup(j->arena, url);
	return 0;
}

int
acme_client_authz(struct acme_client *c, struct job *j, const char *url,
    struct remote_authz *out)
{
	struct post p = { .url = url };
	const struct json *object;
	struct https_response r;

	if (post_object(c, j, &p, &r, &object) < 0 ||
	    remote_authz_parse(j, object, out) < 0)
		return -1;
	out->retry_after = r.retry_after;
	return 0;
}

int
acme_client_respond(struct acme_client *c, struct job *j, const char *url)
{
	struct post p = { .url = url, .payload = SPAN("{}") };
	struct https_response r;

	return post(c, j, &p, &r);
}

int
acme_client_finalize(struct acme_client *c, struct job *j,
    const struct remote_order *order, struct span csr, struct remote_order *out)
{
	struct post p = { .url = order->finalize };
	const char *url = order->url; /* `out` may be the same order */
	struct buf b;

	buf_init(&b, j->arena, PAYLOAD_MAX);
	buf_add_str(&b, "{\"csr\":\"");
	b64url_add(&b, csr);
	buf_add_str(&b, "\"}");
	p.payload = buf_span(&b);
	*out = (struct remote_order){ .retry_after = -1 };
	if (post_order(c, j, &p, out) < 0)
		return -1;
	out->url = arena_strdup(j->arena, url);
	return 0;
}

int
acme_client_chain(
    struct acme_client *c, struct job *j, const char *url, struct span *pem)
{
	struct post p = { .url = url,
		.accept = "application/pem-certificate-chain" };
	struct https_response r;

	if (post(c, j, &p, &r) < 0)
		return -1;
	if (strcmp(r.content_type, "application/pem-certificate-chain") != 0)
		return job_fail(j, ERR_MALFORMED,
		    "the server sent the certificate as something else than "
		    "application/pem-certificate-chain");
	*pem = r.body;
	return 0;
}

int
acme_client_revoke(
    struct acme_client *c, struct job *j, struct span der, int64_t reason)
{
	struct post p = { .url = c->revoke };
	struct https_response r;
	struct buf b;

	if (c->revoke == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "%s: names no revokeCert (RFC 8555 section 7.1.1)",
		    c->directory);
	buf_init(&b, j->arena, PAYLOAD_MAX);
	buf_add_str(&b, "{\"certificate\":\"");
	b64url_add(&b, der);
	buf_add_str(&b, "\"");
	if (reason != 0)
		buf_addf(&b, ",\"reason\":%lld", (long long)reason);
	buf_add_str(&b, "}");
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "the certificate is too long");
	p.payload = buf_span(&b);
	return post(c, j, &p, &r);
}
