#include "config.h"

#include "acme/authz.h"

#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/response.h"
#include "acme/status.h"
#include "lib/job.h"
#include "lib/json.h"

/* AC-101 with AC-88: the identifier letter for letter as it was sent. */
static void
respond(const struct acme *a, struct job *j, const struct authz *z,
    struct response *resp)
{
	struct json_out o;

	response_object(resp, 200, &o);
	json_key(&o, "identifier");
	json_object_begin(&o);
	json_member_str(&o, "type", z->ident_type);
	json_member_str(&o, "value", z->ident_value);
	json_object_end(&o);
	json_member_str(
	    &o, "status", authz_status_name(authz_status(z, j->now)));
	json_member_time(&o, "expires", authz_expires(z));
	json_key(&o, "challenges");
	json_array_begin(&o);
	challenge_put(a, j, z, &o);
	json_array_end(&o);
	json_object_end(&o);
	response_retry_after(resp, j, challenge_retry_after(z, j->now));
}

/* AC-105: the one request that there can be, which is not offered. */
static int
refuse_payload(struct job *j, const struct json *payload)
{
	struct span status;

	if (json_get_string(j, payload, "status", &status) < 0)
		return -1;
	if (json_count(payload) == 1 && span_eq_str(status, "deactivated"))
		return job_fail(j, ERR_MALFORMED,
		    "this server does not offer authorization deactivation");
	return job_fail(
	    j, ERR_MALFORMED, "only status deactivated can be requested");
}

int
authz_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct authz z;
	int found = store_authz_by_id(j, req->id, req->account->id, &z);

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail_status(
		    j, ERR_MALFORMED, 404, "no such authorization");
	if (req->payload != NULL)
		return refuse_payload(j, req->payload);
	respond(a, j, &z, resp);
	return 0;
}
