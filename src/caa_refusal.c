#include "config.h"

#include "src/caa_refusal.h"

#include <string.h>

#include "acme/problem.h"
#include "db/store_caa.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/caa.h"

#define PROBLEM_MAX (64 * 1024)

static bool
is_denied(const struct caa_row *c)
{
	return strcmp(c->result, caa_result_name(CAA_DENY)) == 0;
}

enum err_kind
caa_refusal_kind(const struct caa_row *c)
{
	if (is_denied(c))
		return ERR_CAA;
	return strcmp(c->reason, CAA_REASON_UNCORROBORATED_SILENT) == 0
		   ? ERR_INTERNAL
		   : ERR_DNS;
}

const char *
caa_refusal_text(struct job *j, const struct caa_row *c)
{
	/* What the perspectives said needs no other beginning (PK-46). */
	if (c->detail != NULL &&
	    span_starts(span_str(c->detail), SPAN("corroboration:")))
		return c->detail;
	if (!is_denied(c))
		return arena_printf(j->arena,
		    "the CAA records of %s could not be looked up", c->domain);
	return arena_printf(j->arena,
	    "CAA records of %s do not allow issuance: %s", c->domain,
	    c->detail != NULL && c->detail[0] != '\0' ? c->detail : c->reason);
}

static void
add_subproblem(struct job *j, struct json_out *o, const struct caa_row *c)
{
	json_object_begin(o);
	problem_members(o, ERR_CAA, caa_refusal_text(j, c));
	json_key(o, "identifier");
	json_object_begin(o);
	json_member_str(o, "type", "email");
	json_member_str(o, "value", c->mailbox);
	json_object_end(o);
	json_object_end(o);
}

static int
add_subproblems(struct job *j, struct json_out *o, const struct order *order)
{
	for (size_t i = 0; i < order->identifier_count; i++) {
		struct caa_row c;
		int found =
		    store_caa_latest(j, order->identifiers[i].authz.id, &c);

		if (found < 0)
			return -1;
		if (found == 1 && is_denied(&c))
			add_subproblem(j, o, &c);
	}
	return 0;
}

const char *
caa_refusal_problem(struct job *j, const struct order *o)
{
	const struct err refusal = j->err;
	struct json_out out;
	struct buf b;

	if (o->identifier_count < 2)
		return problem_format(j, refusal.kind, refusal.text);
	buf_init(&b, j->arena, PROBLEM_MAX);
	json_out_init(&out, &b);
	json_object_begin(&out);
	problem_members(&out, refusal.kind, refusal.text);
	json_key(&out, "subproblems");
	json_array_begin(&out);
	if (add_subproblems(j, &out, o) < 0)
		return NULL;
	json_array_end(&out);
	json_object_end(&out);
	/* Longer than any order's; the sentence alone is the fallback. */
	return buf_ok(&b) ? b.p : problem_format(j, refusal.kind, refusal.text);
}
