#include "config.h"

#include "acme/refusals.h"

#include "acme/problem.h"
#include "acme/response.h"
#include "lib/arena.h"
#include "lib/job.h"

void
refusals_init(struct refusals *r, struct job *j)
{
	*r = (struct refusals){ .count = 0 };
	buf_init(&r->list, j->arena, RESPONSE_BODY_MAX);
	json_out_init(&r->out, &r->list);
	json_array_begin(&r->out);
}

static void
add_identifier(struct json_out *o, struct span type, struct span value)
{
	json_key(o, "identifier");
	json_object_begin(o);
	json_member_string(o, "type", type);
	json_member_string(o, "value", value);
	json_object_end(o);
}

void
refusals_add(struct refusals *r, struct job *j, const struct span *type,
    const struct span *value)
{
	if (r->count++ == 0)
		r->first = j->err;
	else if (r->first.kind != j->err.kind)
		r->mixed = true;
	if (j->err.kind == ERR_REJECTED_IDENTIFIER)
		r->rejected = true;
	json_object_begin(&r->out);
	problem_members(&r->out, j->err.kind, j->err.text);
	if (type != NULL && value != NULL)
		add_identifier(&r->out, *type, *value);
	json_object_end(&r->out);
	job_recover(j);
}

int
refusals_end(struct refusals *r, struct job *j, struct response *resp,
    const char *several)
{
	struct problem_extra *extra;

	if (r->count == 0)
		return 0;
	json_array_end(&r->out);
	if (!buf_ok(&r->list))
		return job_fail(j, ERR_INTERNAL,
		    "subproblems larger than a response may be");
	extra = arena_alloc(j->arena, sizeof(*extra));
	extra->subproblems = r->list.p;
	resp->problem = extra;
	if (r->count == 1)
		return job_fail(j, r->first.kind, "%s", r->first.text);
	if (!r->mixed)
		return job_fail(j, r->first.kind, "%s", several);
	return job_fail_status(
	    j, ERR_COMPOUND, r->rejected ? 403 : 400, "%s", several);
}
