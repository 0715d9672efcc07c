#include "config.h"

#include "acme/challenge.h"

#include "acme/acme.h"
#include "acme/problem.h"
#include "acme/response.h"
#include "acme/status.h"
#include "db/store_audit.h"
#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"

/* Not more often, however fast a client asks. */
#define LOOK_AGAIN_SECS 30

static void
put_members(const struct acme *a, struct job *j, const struct authz *z,
    struct json_out *o)
{
	enum challenge_status s = challenge_status(z, j->now);
	const struct deadline *missed;
	const char *error = challenge_error(z, j->now, &missed);

	if (missed != NULL)
		error = problem_format(j, missed->kind, missed->text);
	json_member_str(o, "type", "email-reply-00");
	json_member_str(
	    o, "url", acme_url(a, j, PATH_CHALLENGE, z->challenge.id));
	json_member_str(o, "status", challenge_status_name(s));
	json_member_str(o, "token", z->challenge.token_part2);
	json_member_str(o, "from", z->challenge.from);
	if (s == CHALLENGE_VALID)
		json_member_time(o, "validated", z->valid_at);
	if (error != NULL) {
		json_key(o, "error");
		json_put_raw(o, span_str(error));
	}
}

void
challenge_put(const struct acme *a, struct job *j, const struct authz *z,
    struct json_out *o)
{
	json_object_begin(o);
	put_members(a, j, z, o);
	json_object_end(o);
}

static void
respond(const struct acme *a, struct job *j, const struct authz *z,
    struct response *resp)
{
	struct json_out o;

	response_object(resp, 200, &o);
	put_members(a, j, z, &o);
	json_object_end(&o);
	response_link(resp, j, acme_url(a, j, PATH_AUTHZ, z->id), "up");
	response_retry_after(resp, j, challenge_retry_after(z, j->now));
}

static int
record(struct job *j, const struct request *req, const struct authz *z)
{
	return store_audit_add(j,
	    arena_printf(j->arena, "account:%s", req->account->id),
	    "challenge response received",
	    arena_printf(j->arena, "authz:%s", z->id),
	    challenge_status_name(challenge_status(z, j->now)), NULL);
}

/* AC-116, AC-122: the first response to a challenge makes its mail due; a
 * reply that was faster makes it valid in the same transaction. */
static int
answer(const struct acme *a, struct job *j, const struct request *req,
    struct authz *z)
{
	int64_t until = authz_valid_until(
	    z, j->now, a->conf->authz_valid_life, a->conf->order_life);

	if (store_challenge_post(j, req->id, until, z) < 0 ||
	    record(j, req, z) < 0)
		return -1;
	return 0;
}

/* AC-122: so does the first response, and each one that follows: a client that
 * asks again (RFC 8555, 8.2) may know that its DNS answers now. */
static int
look_again(struct job *j, const struct authz *z)
{
	return store_reply_hasten(j, z->challenge.id, LOOK_AGAIN_SECS);
}

static int
respond_to_answer(const struct acme *a, struct job *j,
    const struct request *req, struct authz *z, struct response *resp)
{
	enum authz_status s = authz_status(z, j->now);

	switch (s) {
	case AUTHZ_PENDING:
		if (challenge_status(z, j->now) == CHALLENGE_PENDING &&
		    answer(a, j, req, z) < 0)
			return -1;
		if (challenge_status(z, j->now) == CHALLENGE_PROCESSING &&
		    look_again(j, z) < 0)
			return -1;
		break;
	case AUTHZ_VALID:
	case AUTHZ_INVALID:
		break;
	case AUTHZ_EXPIRED:
	case AUTHZ_DEACTIVATED:
	case AUTHZ_REVOKED:
		return job_fail(j, ERR_MALFORMED, "the authorization is %s",
		    authz_status_name(s));
	}
	respond(a, j, z, resp);
	response_header(
	    resp, "Location", acme_url(a, j, PATH_CHALLENGE, z->challenge.id));
	return 0;
}

int
challenge_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct authz z;
	int found = store_authz_by_challenge(j, req->id, req->account->id, &z);

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail_status(
		    j, ERR_MALFORMED, 404, "no such challenge");
	if (req->payload != NULL)
		return respond_to_answer(a, j, req, &z, resp);
	respond(a, j, &z, resp);
	return 0;
}
