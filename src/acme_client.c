#include "config.h"

#include "src/acme_client.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/acme_session.h"
#include "src/https_client.h"
#include "src/jose.h"
#include "src/remote.h"

#include <stdlib.h>
#include <string.h>

#define PROFILES_MAX 4096
#define PROFILE_COUNT_MAX 32
#define PAYLOAD_MAX (64 * 1024)
#define EXCHANGE_MS 60000

struct acme_client {
	struct acme_session session;
	struct arena *keep;
	const char *new_account, *new_order;
	const char *renewal_info; /* NULL: not offered */
	const char *revoke;       /* NULL: it has none */
	const char *terms;        /* URL or NULL */
	struct span profiles;     /* names, each with its NUL */
	bool needs_binding;
	const char *thumbprint;
};

const char *
acme_client_thumbprint(const struct acme_client *c)
{
	return c->thumbprint;
}

const char *
acme_client_details(const struct acme_client *c)
{
	return c->session.details != NULL ? c->session.details : "";
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
	    "%s: is not an ACME directory: no https URL for %s",
	    c->session.directory, name);
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
	    c->session.directory, profile, b.n > 0 ? b.p : "none");
}

static int
read_directory(struct acme_client *c, struct job *j)
{
	const struct json *object, *meta;
	struct https_response r;
	struct span terms;

	if (acme_session_get(&c->session, j, c->session.directory, &r) < 0)
		return -1;
	acme_session_take_nonce(&c->session, &r);
	if (json_parse_object(j, r.body, "the directory", &object) < 0)
		return job_context(j, "%s", c->session.directory);
	if (directory_url(c, j, object, "newNonce", &c->session.new_nonce) <
		0 ||
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

	if (https_client_new(j, &https, &c->session.https) < 0 ||
	    jose_thumbprint(j, c->session.key, &c->thumbprint) < 0)
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
	c->session.key = conf->account_key;
	c->session.directory = arena_strdup(c->keep, conf->directory);
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
	https_client_free(c->session.https);
	arena_free(c->keep);
	free(c->session.details);
	free(c);
}

/* --- account ------------------------------------------------------------- */

static int
post_account(struct acme_client *c, struct job *j, struct span payload)
{
	struct acme_post p = {
		.url = c->new_account, .payload = payload, .by_key = true
	};
	const struct json *object;
	struct https_response r;

	if (acme_session_post_object(&c->session, j, &p, &r, &object) < 0)
		return -1;
	if (!https_url_is_good(r.location))
		return job_fail(j, ERR_MALFORMED,
		    "the server does not name the account (no Location)");
	if (!span_eq_str(json_string(json_get(object, "status")), "valid"))
		return job_fail(j, ERR_UNAUTHORIZED,
		    "the account of this key is no longer valid: use another "
		    "--account-key");
	c->session.kid = arena_strdup(c->keep, r.location);
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
	if (jose_jwk(j, c->session.key, &jwk) < 0 ||
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
	const struct json *object;
	struct https_response r;

	if (acme_session_get(&c->session, j,
		arena_printf(j->arena, "%s/%s", c->renewal_info, certid),
		&r) < 0 ||
	    json_parse_object(j, r.body, "the server's answer", &object) < 0 ||
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
post_order(struct acme_client *c, struct job *j, const struct acme_post *p,
    struct remote_order *out)
{
	const struct json *object;
	struct https_response r;

	if (acme_session_post_object(&c->session, j, p, &r, &object) < 0 ||
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
	struct acme_post p = { .url = c->new_order,
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
	struct acme_post p = { .url = url };

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
	struct acme_post p = { .url = url };
	const struct json *object;
	struct https_response r;

	if (acme_session_post_object(&c->session, j, &p, &r, &object) < 0 ||
	    remote_authz_parse(j, object, out) < 0)
		return -1;
	out->retry_after = r.retry_after;
	return 0;
}

int
acme_client_respond(struct acme_client *c, struct job *j, const char *url)
{
	struct acme_post p = { .url = url, .payload = SPAN("{}") };
	struct https_response r;

	return acme_session_post(&c->session, j, &p, &r);
}

int
acme_client_finalize(struct acme_client *c, struct job *j,
    const struct remote_order *order, struct span csr, struct remote_order *out)
{
	struct acme_post p = { .url = order->finalize };
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
	struct acme_post p = { .url = url,
		.accept = "application/pem-certificate-chain" };
	struct https_response r;

	if (acme_session_post(&c->session, j, &p, &r) < 0)
		return -1;
	if (strcmp(r.content_type, "application/pem-certificate-chain") != 0)
		return job_fail(j, ERR_MALFORMED,
		    "the server sent the certificate as something else than "
		    "application/pem-certificate-chain");
	*pem = r.body;
	return 0;
}

int
acme_client_check_revocation(const struct acme_client *c, struct job *j)
{
	if (c->revoke != NULL)
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "%s: names no revokeCert (RFC 8555 section 7.1.1), so nothing that "
	    "it has issued can be revoked there",
	    c->session.directory);
}

int
acme_client_revoke(
    struct acme_client *c, struct job *j, struct span der, int64_t reason)
{
	struct acme_post p = { .url = c->revoke };
	struct https_response r;
	struct buf b;

	if (acme_client_check_revocation(c, j) < 0)
		return -1;
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
	return acme_session_post(&c->session, j, &p, &r);
}
