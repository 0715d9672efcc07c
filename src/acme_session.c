#include "config.h"

#include "src/acme_session.h"

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
#define HEADER_MAX 4096
/* A server that restarts, or an old nonce in hand: the second try works. */
#define BAD_NONCE_TRIES 4

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
    const struct acme_session *s, struct job *j, const struct https_response *r)
{
	return job_fail(j, ERR_MALFORMED,
	    "the server refers to %s (HTTP status %lld), which is not "
	    "followed; name its directory by the URL that answers, instead of "
	    "%s",
	    r->location != NULL ? remote_clean(j, span_str(r->location))
				: "another place",
	    (long long)r->status, s->directory);
}

static int
refuse(struct acme_session *s, struct job *j, const struct https_response *r)
{
	const struct json *problem = NULL;
	const char *text, *details;
	enum err_kind kind;

	free(s->details);
	s->details = NULL;
	if (r->status >= 300 && r->status < 400)
		return refuse_redirect(s, j, r);
	if (strcmp(r->content_type, "application/problem+json") != 0 ||
	    json_parse_object(j, r->body, "problem", &problem) < 0) {
		job_recover(j);
		return job_fail(j, r->status >= 500 ? ERR_BUSY : ERR_MALFORMED,
		    "the server answered with HTTP status %lld and no "
		    "explanation; is %s an ACME directory?",
		    (long long)r->status, s->directory);
	}
	text = remote_problem_text(j, problem, &details);
	s->details = xstrdup(details);
	kind = kind_of(text, r->status);
	return job_fail(j, kind, "the server refused: %s (HTTP status %lld)%s",
	    text, (long long)r->status, advice(j, kind, problem, r));
}

/* --- requests ------------------------------------------------------------ */

int
acme_session_get(struct acme_session *s, struct job *j, const char *url,
    struct https_response *r)
{
	const struct https_request request = { .method = HTTPS_GET,
		.url = url,
		.accept = "application/json",
		.answer_max = ANSWER_MAX };

	if (https_client_send(s->https, j, &request, r) < 0)
		return -1;
	return r->status == 200 ? 0 : refuse(s, j, r);
}

void
acme_session_take_nonce(struct acme_session *s, const struct https_response *r)
{
	const char *nonce = r->replay_nonce;

	/* Any other spelling would be refused (RFC 8555 section 6.5.1). */
	if (nonce != NULL && nonce[0] != '\0' &&
	    strlen(nonce) <= ACME_NONCE_MAX &&
	    b64url_is_alphabet(span_str(nonce)))
		memcpy(s->nonce, nonce, strlen(nonce) + 1);
}

static int
need_nonce(struct acme_session *s, struct job *j)
{
	struct https_request request = { .method = HTTPS_HEAD,
		.url = s->new_nonce,
		.answer_max = ANSWER_MAX };
	struct https_response r;

	if (s->nonce[0] != '\0')
		return 0;
	if (https_client_send(s->https, j, &request, &r) < 0)
		return -1;
	if (r.status >= 500)
		return refuse(s, j, &r);
	acme_session_take_nonce(s, &r);
	if (s->nonce[0] == '\0')
		return job_fail(j, ERR_MALFORMED,
		    "%s: the server gives no nonce (RFC 8555 section 7.2)",
		    s->new_nonce);
	return 0;
}

static int
sign(struct acme_session *s, struct job *j, const struct acme_post *p,
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
		if (jose_jwk(j, s->key, &jwk) < 0)
			return -1;
		json_key(&o, "jwk");
		json_put_raw(&o, span_str(jwk));
	} else {
		json_member_str(&o, "kid", s->kid);
	}
	json_member_str(&o, "nonce", s->nonce);
	json_member_str(&o, "url", p->url);
	json_object_end(&o);
	s->nonce[0] = '\0'; /* spent, whatever happens to it */
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "a URL of the server is too long");
	return jose_sign(j, s->key, buf_span(&b), p->payload, jws);
}

static int
post_once(struct acme_session *s, struct job *j, const struct acme_post *p,
    struct https_response *r)
{
	struct https_request request = { .method = HTTPS_POST,
		.url = p->url,
		.content_type = "application/jose+json",
		.accept = p->accept != NULL ? p->accept : "application/json",
		.answer_max = ANSWER_MAX };

	if (need_nonce(s, j) < 0 || sign(s, j, p, &request.body) < 0 ||
	    https_client_send(s->https, j, &request, r) < 0)
		return -1;
	acme_session_take_nonce(s, r);
	if (r->status < 200 || r->status > 299)
		return refuse(s, j, r);
	return 0;
}

int
acme_session_post(struct acme_session *s, struct job *j,
    const struct acme_post *p, struct https_response *r)
{
	/* A refusal leaves nothing but the error: callers may ask for a day. */
	for (int i = 1;; i++) {
		struct arena *before = job_try(j);
		int result = post_once(s, j, p, r);

		job_tried(j, before, result == 0);
		if (result == 0)
			return 0;
		if (j->err.kind != ERR_BAD_NONCE || i == BAD_NONCE_TRIES)
			return -1;
		job_recover(j);
	}
}

int
acme_session_post_object(struct acme_session *s, struct job *j,
    const struct acme_post *p, struct https_response *r,
    const struct json **object)
{
	if (acme_session_post(s, j, p, r) < 0)
		return -1;
	return json_parse_object(j, r->body, "the server's answer", object);
}
