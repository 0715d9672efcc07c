#include "config.h"

#include "acme/problem.h"

#include "acme/response.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"

#define ACME_ERROR "urn:ietf:params:acme:error:"

#define RETRY_INTERNAL 60 /* AC-194 */
#define RETRY_BUSY 5

#define QUOTE_MAX 128 /* AC-22 */

/* No default: the compiler names the kind that is forgotten. */
const char *
problem_type(enum err_kind kind)
{
	switch (kind) {
	case ERR_ACCOUNT_DOES_NOT_EXIST:
		return ACME_ERROR "accountDoesNotExist";
	case ERR_ALREADY_REPLACED:
		return ACME_ERROR "alreadyReplaced";
	case ERR_ALREADY_REVOKED:
		return ACME_ERROR "alreadyRevoked";
	case ERR_BAD_CSR:
		return ACME_ERROR "badCSR";
	case ERR_BAD_NONCE:
		return ACME_ERROR "badNonce";
	case ERR_BAD_PUBLIC_KEY:
		return ACME_ERROR "badPublicKey";
	case ERR_BAD_REVOCATION_REASON:
		return ACME_ERROR "badRevocationReason";
	case ERR_BAD_SIGNATURE_ALGORITHM:
		return ACME_ERROR "badSignatureAlgorithm";
	case ERR_CAA:
		return ACME_ERROR "caa";
	case ERR_COMPOUND:
		return ACME_ERROR "compound";
	case ERR_CONNECTION:
		return ACME_ERROR "connection";
	case ERR_DNS:
		return ACME_ERROR "dns";
	case ERR_EXTERNAL_ACCOUNT_REQUIRED:
		return ACME_ERROR "externalAccountRequired";
	case ERR_INCORRECT_RESPONSE:
		return ACME_ERROR "incorrectResponse";
	case ERR_INVALID_CONTACT:
		return ACME_ERROR "invalidContact";
	case ERR_INVALID_PROFILE:
		return ACME_ERROR "invalidProfile";
	case ERR_MALFORMED:
		return ACME_ERROR "malformed";
	case ERR_ORDER_NOT_READY:
		return ACME_ERROR "orderNotReady";
	case ERR_RATE_LIMITED:
		return ACME_ERROR "rateLimited";
	case ERR_REJECTED_IDENTIFIER:
		return ACME_ERROR "rejectedIdentifier";
	case ERR_UNAUTHORIZED:
		return ACME_ERROR "unauthorized";
	case ERR_UNSUPPORTED_CONTACT:
		return ACME_ERROR "unsupportedContact";
	case ERR_UNSUPPORTED_IDENTIFIER:
		return ACME_ERROR "unsupportedIdentifier";
	case ERR_USER_ACTION_REQUIRED:
		return ACME_ERROR "userActionRequired";
	case ERR_NONE:
	case ERR_ISSUANCE_STOPPED:
	case ERR_INTERNAL:
	case ERR_BUSY:
	case ERR_CONFLICT:
	case ERR_SPOILED:
	case ERR_REFUSED:
		return ACME_ERROR "serverInternal";
	}
	return ACME_ERROR "serverInternal";
}

static int
usual_status(enum err_kind kind)
{
	switch (kind) {
	case ERR_ACCOUNT_DOES_NOT_EXIST:
	case ERR_ALREADY_REVOKED:
	case ERR_BAD_CSR:
	case ERR_BAD_NONCE:
	case ERR_BAD_PUBLIC_KEY:
	case ERR_BAD_REVOCATION_REASON:
	case ERR_BAD_SIGNATURE_ALGORITHM:
	case ERR_COMPOUND:
	case ERR_CONNECTION:
	case ERR_DNS:
	case ERR_INCORRECT_RESPONSE:
	case ERR_INVALID_CONTACT:
	case ERR_INVALID_PROFILE:
	case ERR_MALFORMED:
	case ERR_UNSUPPORTED_CONTACT:
	case ERR_UNSUPPORTED_IDENTIFIER:
		return 400;
	case ERR_CAA:
	case ERR_EXTERNAL_ACCOUNT_REQUIRED:
	case ERR_ORDER_NOT_READY:
	case ERR_REJECTED_IDENTIFIER:
	case ERR_UNAUTHORIZED:
	case ERR_USER_ACTION_REQUIRED:
		return 403;
	case ERR_ALREADY_REPLACED:
		return 409;
	case ERR_RATE_LIMITED:
		return 429;
	case ERR_NONE:
	case ERR_INTERNAL:
	case ERR_SPOILED:
	case ERR_REFUSED:
		return 500;
	case ERR_ISSUANCE_STOPPED:
	case ERR_BUSY:
	case ERR_CONFLICT:
		return 503;
	}
	return 500;
}

int
problem_status(const struct err *e)
{
	/* A status of its own is for theirs only: ours say nothing. */
	if (e->http_status != 0 && err_is_theirs(e->kind))
		return e->http_status;
	return usual_status(e->kind);
}

void
problem_members(struct json_out *o, enum err_kind kind, const char *detail)
{
	json_member_str(o, "type", problem_type(kind));
	json_member_str(o, "detail", detail);
}

const char *
problem_format(struct job *j, enum err_kind kind, const char *detail)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, 64 * ERR_TEXT_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	problem_members(&o, kind, detail);
	json_object_end(&o);
	return b.p;
}

static void
add_algorithms(struct json_out *o, const char *const *list)
{
	json_key(o, "algorithms");
	json_array_begin(o);
	for (; *list != NULL; list++)
		json_put_string(o, span_str(*list));
	json_array_end(o);
}

static void
add_extra(struct json_out *o, struct job *j, struct response *resp,
    const struct problem_extra *extra)
{
	if (extra->algorithms != NULL)
		add_algorithms(o, extra->algorithms);
	if (extra->instance != NULL)
		json_member_str(o, "instance", extra->instance);
	if (extra->subproblems != NULL) {
		json_key(o, "subproblems");
		json_put_raw(o, span_str(extra->subproblems));
	}
	if (extra->location != NULL)
		response_header(resp, "Location", extra->location);
	if (extra->allow != NULL)
		response_header(resp, "Allow", extra->allow);
	response_retry_after(resp, j, extra->retry_after);
	if (extra->link != NULL)
		response_link(resp, j, extra->link, extra->link_rel);
}

/* AC-194: the cause is for the log, the client gets the reference to it. */
static const char *
internal_detail(struct job *j, struct response *resp)
{
	bool retry = j->err.kind == ERR_BUSY || j->err.kind == ERR_CONFLICT;
	struct log_text q;

	log_error("request failed", "job=%s error=%s", j->id,
	    log_text(&q, j->err.text));
	response_retry_after(resp, j, retry ? RETRY_BUSY : RETRY_INTERNAL);
	return arena_printf(j->arena, "internal error, reference %s", j->id);
}

void
problem_respond(struct job *j, struct response *resp)
{
	const char *detail = j->err.text;
	struct json_out o;

	response_clear(resp);
	resp->status = problem_status(&j->err);
	response_header(resp, "Content-Type", "application/problem+json");
	response_header(resp, "Content-Language", "en"); /* AC-13 */
	json_out_init(&o, &resp->body);
	json_object_begin(&o);
	if (!err_is_theirs(j->err.kind))
		detail = internal_detail(j, resp);
	problem_members(&o, j->err.kind, detail);
	json_member_int(&o, "status", resp->status);
	if (resp->problem != NULL && err_is_theirs(j->err.kind))
		add_extra(&o, j, resp, resp->problem);
	json_object_end(&o);
}

const char *
problem_quote(struct job *j, struct span text)
{
	struct buf b;

	buf_init(&b, j->arena, 4 * QUOTE_MAX + 4);
	for (size_t i = 0; i < text.n && b.n < QUOTE_MAX; i++) {
		char c = text.p[i];

		if (c >= 0x20 && c < 0x7f)
			buf_add_char(&b, c);
		else
			buf_addf(&b, "\\x%02X", (unsigned)(unsigned char)c);
	}
	return b.p;
}
