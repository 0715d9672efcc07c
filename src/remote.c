#include "config.h"

#include "src/remote.h"

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/utf8.h"
#include "src/https_client.h"

#define NAMESPACE SPAN("urn:ietf:params:acme:error:")
#define TEXT_MAX 300
#define DETAILS_MAX 4096
#define SUBPROBLEMS_MAX 20
#define AUTHORIZATIONS_MAX 100
#define TOKEN_MIN 22 /* 128 bits (RFC 8823 section 3) */
#define TOKEN_MAX 512

static const char *const status_names[] = {
	[REMOTE_PENDING] = "pending",
	[REMOTE_READY] = "ready",
	[REMOTE_PROCESSING] = "processing",
	[REMOTE_VALID] = "valid",
	[REMOTE_INVALID] = "invalid",
	[REMOTE_EXPIRED] = "expired",
	[REMOTE_DEACTIVATED] = "deactivated",
	[REMOTE_REVOKED] = "revoked",
};
#define STATUS_COUNT COUNT(status_names)

const char *
remote_status_name(enum remote_status s)
{
	return status_names[s];
}

const char *
remote_clean(struct job *j, struct span text)
{
	char *out;

	if (text.n <= TEXT_MAX && utf8_is_plain(text))
		return span_dup(j->arena, text);
	text = span_cut(text, 0, TEXT_MAX);
	out = span_dup(j->arena, text);
	for (size_t i = 0; i < text.n; i++)
		if (out[i] < ' ' || out[i] >= 0x7f)
			out[i] = '?';
	return out;
}

/* --- problems ------------------------------------------------------------ */

static struct span
member(const struct json *object, const char *name)
{
	return json_string(json_get(object, name));
}

static const char *
one_problem(struct job *j, const struct json *problem)
{
	struct span type = member(problem, "type");
	struct span detail = member(problem, "detail");

	if (detail.n == 0)
		detail = member(problem, "title");
	if (span_starts(type, NAMESPACE))
		type = span_from(type, NAMESPACE.n);
	if (type.n == 0)
		type = SPAN("problem of unknown type");
	if (detail.n == 0)
		return remote_clean(j, type);
	return arena_printf(
	    j->arena, "%s: %s", remote_clean(j, type), remote_clean(j, detail));
}

const char *
remote_problem_text(
    struct job *j, const struct json *problem, const char **details)
{
	const struct json *list = json_get(problem, "subproblems");
	size_t count = json_type(list) == JSON_T_ARRAY ? json_count(list) : 0;
	struct buf b;

	buf_init(&b, j->arena, DETAILS_MAX);
	for (size_t i = 0; i < count && i < SUBPROBLEMS_MAX; i++) {
		const struct json *p = json_at(list, i);
		struct span who = member(json_get(p, "identifier"), "value");

		buf_addf(&b, "  - %s%s%s\n",
		    who.n > 0 ? remote_clean(j, who) : "",
		    who.n > 0 ? ": " : "", one_problem(j, p));
	}
	if (details != NULL)
		*details = buf_ok(&b) ? b.p : "";
	return one_problem(j, problem);
}

/* In an order or a challenge: one text, or NULL. */
static const char *
error_text(struct job *j, const struct json *object)
{
	const struct json *problem = json_get(object, "error");
	const char *details, *text;

	if (json_type(problem) != JSON_T_OBJECT)
		return NULL;
	text = remote_problem_text(j, problem, &details);
	if (details[0] == '\0')
		return text;
	return arena_printf(j->arena, "%s\n%s", text, details);
}

/* --- objects ------------------------------------------------------------- */

static int
get_status(struct job *j, const struct json *object, const char *what,
    enum remote_status *out)
{
	struct span name = member(object, "status");

	for (size_t i = 0; i < STATUS_COUNT; i++) {
		if (span_eq_str(name, status_names[i])) {
			*out = (enum remote_status)i;
			return 0;
		}
	}
	return job_fail(j, ERR_MALFORMED,
	    "the server's %s has no status of RFC 8555", what);
}

static int
get_url(
    struct job *j, const struct json *value, const char *what, const char **out)
{
	struct span text = json_string(value);

	*out = span_dup(j->arena, text);
	if (https_url_is_good(*out))
		return 0;
	return job_fail(
	    j, ERR_MALFORMED, "the server's %s is not an https URL", what);
}

int
remote_order_parse(
    struct job *j, const struct json *object, struct remote_order *out)
{
	const struct json *list = json_get(object, "authorizations");
	const struct json *certificate = json_get(object, "certificate");
	size_t count = json_type(list) == JSON_T_ARRAY ? json_count(list) : 0;

	if (get_status(j, object, "order", &out->status) < 0 ||
	    get_url(j, json_get(object, "finalize"), "finalize address",
		&out->finalize) < 0)
		return -1;
	if (count == 0 || count > AUTHORIZATIONS_MAX)
		return job_fail(j, ERR_MALFORMED,
		    "the server's order has no or too many authorizations");
	out->authorizations =
	    arena_calloc(j->arena, count, sizeof(*out->authorizations));
	out->authorization_count = count;
	for (size_t i = 0; i < count; i++)
		if (get_url(j, json_at(list, i), "authorization address",
			&out->authorizations[i]) < 0)
			return -1;
	out->certificate = NULL;
	if (out->status == REMOTE_VALID &&
	    get_url(j, certificate, "certificate address", &out->certificate) <
		0)
		return -1;
	out->error = error_text(j, object);
	return 0;
}

static bool
is_token(struct span s)
{
	if (s.n < TOKEN_MIN || s.n > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

static int
parse_challenge(
    struct job *j, const struct json *object, struct remote_authz *out)
{
	struct span token = member(object, "token");
	struct span from = member(object, "from");

	if (get_status(j, object, "challenge", &out->challenge_status) < 0 ||
	    get_url(j, json_get(object, "url"), "challenge address",
		&out->challenge_url) < 0)
		return -1;
	if (!is_token(token))
		return job_fail(j, ERR_MALFORMED,
		    "the server's challenge has no token of RFC 8823");
	if (from.n == 0)
		return job_fail(j, ERR_MALFORMED,
		    "the server's challenge does not say which address its "
		    "mail comes from");
	out->token_part2 = span_dup(j->arena, token);
	out->from = span_dup(j->arena, from);
	out->error = error_text(j, object);
	return 0;
}

int
remote_authz_parse(
    struct job *j, const struct json *object, struct remote_authz *out)
{
	const struct json *list = json_get(object, "challenges");
	size_t count = json_type(list) == JSON_T_ARRAY ? json_count(list) : 0;
	struct span mailbox = member(json_get(object, "identifier"), "value");

	*out = (struct remote_authz){ .retry_after = -1 };
	if (get_status(j, object, "authorization", &out->status) < 0)
		return -1;
	out->mailbox = span_dup(j->arena, mailbox);
	for (size_t i = 0; i < count; i++) {
		const struct json *challenge = json_at(list, i);

		if (span_eq_str(member(challenge, "type"), "email-reply-00"))
			return parse_challenge(j, challenge, out);
	}
	return 0;
}

/* A window that ends before it begins is none (RFC 9773 section 4.2). */
int
remote_renewal_parse(
    struct job *j, const struct json *object, struct remote_renewal *out)
{
	const struct json *window = json_get(object, "suggestedWindow");
	struct span explanation = member(object, "explanationURL");

	*out = (struct remote_renewal){ .retry_after = -1 };
	if (rfc3339_parse(member(window, "start"), &out->start) < 0 ||
	    rfc3339_parse(member(window, "end"), &out->end) < 0 ||
	    out->end <= out->start)
		return job_fail(j, ERR_MALFORMED,
		    "the server's renewal information has no window (RFC 9773 "
		    "section 4.2)");
	if (explanation.n > 0)
		out->explanation = remote_clean(j, explanation);
	return 0;
}
