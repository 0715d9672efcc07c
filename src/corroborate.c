#include "config.h"

#include "src/corroborate.h"

#include <string.h>

#include "db/store_caa.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/effective.h"
#include "src/evidence.h"

#define TRACE_MAX ((size_t)4 * 1024 * 1024)

static int
unproven(struct job *j, const char *why)
{
	return job_fail(j, ERR_UNAUTHORIZED, "corroboration: %s", why);
}

struct quorum
round_count(struct job *j, const struct round *r)
{
	struct vote *votes = arena_calloc(j->arena, r->n + 1, sizeof(*votes));

	for (size_t i = 0; i < r->n; i++)
		votes[i] = (struct vote){ r->v[i].rir, r->v[i].answer };
	return quorum_count(votes, r->n, effective_perspectives(r->at));
}

/* --- written down -------------------------------------------------------- */

/* As it came: it need not even be UTF-8. */
static void
put_body(struct job *j, struct json_out *o, const char *name, struct span body)
{
	struct buf b;

	if (body.n == 0)
		return;
	buf_init(&b, j->arena, AGENT_ANSWER_MAX * 2);
	b64_add(&b, body);
	json_member_string(o, name, buf_span(&b));
}

static void
put_testimony(struct job *j, struct json_out *o, const struct testimony *t)
{
	json_object_begin(o);
	json_member_str(o, "code", t->code);
	json_member_str(o, "rir", rir_name(t->rir));
	json_member_str(o, "answer", answer_name(t->answer));
	if (t->why != NULL)
		json_member_str(o, "why", t->why);
	json_member_int(o, "ms", t->took_ms);
	put_body(j, o, "body", t->body);
	put_body(j, o, "key_body", t->key_body);
	json_object_end(o);
}

static void
put_quorum(struct json_out *o, const struct quorum *q)
{
	json_member_int(o, "asked", (int64_t)q->asked);
	json_member_int(o, "minimum", (int64_t)q->minimum);
	json_member_int(o, "needed", (int64_t)q->needed);
	json_member_int(o, "agree", (int64_t)q->agree);
	json_member_int(o, "deny", (int64_t)q->deny);
	json_member_int(o, "fail", (int64_t)q->fail);
	json_member_int(o, "silent", (int64_t)q->silent);
	json_member_int(o, "pending", (int64_t)q->pending);
	json_member_int(o, "regions", (int64_t)q->regions);
	json_member_int(o, "regions_needed", (int64_t)q->regions_needed);
	json_member_str(o, "outcome", quorum_outcome_name(q->outcome));
}

const char *
corroboration_add(struct job *j, const char *trace, const struct question *q,
    const struct round *r)
{
	const char *request = agent_request_format(j, &q->request);
	struct quorum counted = round_count(j, r);
	struct json_out o;
	struct buf b;

	if (request == NULL)
		return NULL;
	buf_init(&b, j->arena, TRACE_MAX);
	/* A member more before the brace that ends it. */
	buf_add(&b, span_cut(span_str(trace), 0, strlen(trace) - 1));
	buf_add_str(&b, strcmp(trace, "{}") == 0 ? "\"corroboration\":"
						 : ",\"corroboration\":");
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_int(&o, "at", r->at);
	if (q->is_open_mpic)
		json_member_str(&o, "dialect", QUESTION_OPEN_MPIC);
	if (q->is_open_mpic && q->via_dcv)
		json_member_bool(&o, QUESTION_VIA_DCV, true);
	if (q->is_open_mpic && q->takes_flat)
		json_member_bool(&o, "flat", true);
	if (r->service != NULL)
		json_member_str(&o, "service", r->service);
	json_key(&o, "request");
	json_put_raw(&o, span_str(request));
	json_key(&o, "perspectives");
	json_array_begin(&o);
	for (size_t i = 0; i < r->n; i++)
		put_testimony(j, &o, &r->v[i]);
	json_array_end(&o);
	if (q->is_open_mpic) {
		json_key(&o, "calls");
		service_record_put(j, &o, r->calls);
	}
	put_quorum(&o, &counted);
	json_object_end(&o);
	buf_add_char(&b, '}');
	return buf_ok(&b) ? b.p : NULL;
}

/* --- and computed again -------------------------------------------------- */

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The question that was asked is the one that `expected` would ask. */
static int
read_question(struct job *j, const struct json *c,
    const struct question *expected, struct question *out)
{
	const struct json *asked = json_get(c, "request");
	const struct agent_request *e = &expected->request;
	struct agent_request *r = &out->request;
	const char *text;

	*out = *expected;
	out->takes_flat = json_bool(json_get(c, "flat"));
	if (json_type(asked) != JSON_T_OBJECT)
		return unproven(j, "what was asked is not stored");
	text = json_dup(j, asked);
	if (agent_request_parse(j, span_str(text), r) < 0)
		return -1;
	if (r->dkim_domain == NULL)
		question_leave_key(out);
	if (!same(r->caa_domain, e->caa_domain) ||
	    !same(r->account_url, e->account_url) ||
	    !same(r->method, e->method) ||
	    (r->dkim_domain != NULL &&
		(!same(r->dkim_domain, e->dkim_domain) ||
		    !same(r->dkim_selector, e->dkim_selector))))
		return unproven(j, "something else was asked");
	out->policy.issuer_domains = &r->ca;
	return 0;
}

static int
read_testimony(struct job *j, const struct json *v, const struct question *q,
    struct testimony *t)
{
	struct span body = json_string(json_get(v, "body"));
	struct span key_body = json_string(json_get(v, "key_body"));
	enum answer stored;

	*t = (struct testimony){
		.code = span_dup(j->arena, json_string(json_get(v, "code"))),
	};
	if (!rir_parse(json_string(json_get(v, "rir")), &t->rir) ||
	    !answer_parse(json_string(json_get(v, "answer")), &stored) ||
	    b64_parse_fws(j->arena, body, &t->body) < 0 ||
	    b64_parse_fws(j->arena, key_body, &t->key_body) < 0)
		return unproven(j, "what is stored cannot be read");
	/* Without an answer nobody agrees, whatever is written. */
	t->answer = stored == ANSWER_PENDING ? ANSWER_PENDING : ANSWER_SILENT;
	if (t->body.n > 0 || t->key_body.n > 0)
		testimony_judge(j, q, t);
	if (t->answer != stored)
		return unproven(
		    j, "an answer does not say what is written of it");
	return 0;
}

/* A code that stands twice would count twice. */
static bool
has_twice(const struct round *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(r->v[i].code, r->v[k].code) == 0)
				return true;
	return false;
}

int
corroboration_verify(struct job *j, const char *trace,
    const struct question *expected, struct corroborated *out)
{
	const struct json *all, *c, *list;
	struct question q;
	struct round r = { 0 };

	*out = (struct corroborated){ .saw_key = false };
	if (caa_trace_parse(j, trace, &all) < 0)
		return -1;
	c = json_get(all, "corroboration");
	if (c == NULL || span_eq_str(json_string(json_get(c, "dialect")),
			     QUESTION_OPEN_MPIC) != expected->is_open_mpic)
		return 0;
	if (read_question(j, c, expected, &q) < 0)
		return -1;
	if (json_type(json_get(c, "service")) == JSON_T_STRING)
		out->service =
		    span_dup(j->arena, json_string(json_get(c, "service")));
	out->saw_key = question_has_key(&q);
	out->took_flat = q.takes_flat;
	list = json_get(c, "perspectives");
	r.at = json_integer(json_get(c, "at"));
	r.n = json_count(list);
	r.v = arena_calloc(j->arena, r.n + 1, sizeof(*r.v));
	for (size_t i = 0; i < r.n; i++)
		if (read_testimony(j, json_at(list, i), &q, &r.v[i]) < 0)
			return -1;
	if (has_twice(&r))
		return unproven(j, "a perspective stands twice");
	if (q.is_open_mpic &&
	    service_record_check(j, json_get(c, "calls"), &q, &r) < 0)
		return -1;
	out->counted = round_count(j, &r);
	if (!span_eq_str(json_string(json_get(c, "outcome")),
		quorum_outcome_name(out->counted.outcome)))
		return unproven(j, "the outcome does not follow");
	return 1;
}

int
corroboration_shows_key(
    struct job *j, const struct seal_key *seal, const struct caa_row *c)
{
	struct corroborated round;
	struct question q;
	int found;

	if (seal != NULL && !evidence_caa_is_sealed(seal, c))
		return unproven(j,
		    "the check in which the key was seen does not carry the "
		    "validator's seal");
	if (question_was(j, c, &q) < 0)
		return -1;
	found = corroboration_verify(j, c->trace, &q, &round);
	if (found < 0)
		return -1;
	if (found == 0 || !round.saw_key ||
	    round.counted.outcome != QUORUM_REACHED)
		return unproven(
		    j, "the check in which the key was seen does not show it");
	return 1;
}

int
corroboration_of_key(struct job *j, const struct seal_key *seal,
    const char *authz_id, struct caa_row *row)
{
	int found = store_caa_key_agreed(j, authz_id, row);

	return found <= 0 ? found : corroboration_shows_key(j, seal, row);
}
