#include "config.h"

#include "src/corroborate.h"

#include <string.h>

#include "db/store_authz.h"
#include "db/store_caa.h"
#include "db/store_reply.h"
#include "dns/open_mpic_form.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "mail/dkim_key.h"
#include "pki/effective.h"
#include "src/agent_answer.h"
#include "src/caa_rules.h"
#include "src/evidence.h"

#define DIALECT "open-mpic"
#define TRACE_MAX ((size_t)4 * 1024 * 1024)

/* --- what is to be confirmed --------------------------------------------- */

/* p= of a key record, of whatever type. */
static int
read_key(struct job *j, struct span record, struct span *out)
{
	static const enum dkim_key_type types[] = { DKIM_KEY_RSA,
		DKIM_KEY_ED25519 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct dkim_key key;
		struct finding f = { 0 };

		if (dkim_key_parse(j, record, types[i], &key, &f) == 0) {
			*out = key.public_key;
			return 0;
		}
	}
	return -1;
}

/* Does d= speak for the mailbox's domain?  Itself, or one above it. */
static bool
speaks_for(const char *d, const char *domain)
{
	size_t n = strlen(d), all = strlen(domain);

	return n > 0 && n <= all && strcmp(domain + all - n, d) == 0 &&
	       (n == all || domain[all - n - 1] == '.');
}

static int
unproven(struct job *j, const char *why)
{
	return job_fail(j, ERR_UNAUTHORIZED, "corroboration: %s", why);
}

/*
 * The signature that the verdict rests on: of those that speak for the domain
 * the verifier goes no further than to the first that passes.  One whose key
 * cannot be read is not passed over: nobody would be asked about it.
 */
static int
find_key(struct job *j, const struct json *judgement, const char *domain,
    struct question *q)
{
	const struct json *list = json_get(judgement, "signatures");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *s = json_at(list, i);
		const char *d =
		    span_dup(j->arena, json_string(json_get(s, "d")));
		struct span text = json_string(json_get(s, "key_record"));
		struct span record;

		if (!span_eq_str(json_string(json_get(s, "result")), "pass") ||
		    !speaks_for(d, domain))
			continue;
		if (b64_parse_fws(j->arena, text, &record) < 0 ||
		    read_key(j, record, &q->key) < 0 || q->key.n == 0)
			return unproven(j,
			    "the key that authenticated the reply cannot be "
			    "read from the evidence");
		q->request.dkim_domain = d;
		q->request.dkim_selector =
		    span_dup(j->arena, json_string(json_get(s, "s")));
		return 0;
	}
	/* MA-76: then there is no key in the DNS to be confirmed. */
	if (json_bool(
		json_get(json_get(judgement, "smime"), "instead_of_dkim")))
		return 0;
	return unproven(
	    j, "the evidence holds no key that authenticated the reply");
}

static int
add_key(struct job *j, const struct caa_row *c, struct question *q)
{
	const struct json *evidence;
	struct reply_record r;
	struct authz a;
	int found = store_authz_by_id(j, c->authz_id, NULL, &a);

	if (found > 0)
		found = store_reply_proof(j, a.challenge.id, &r);
	if (found < 0)
		return -1;
	if (found == 0)
		return unproven(j, "there is no reply that proves anything");
	if (json_parse_object(j, span_str(r.evidence), "evidence", &evidence) <
	    0)
		return -1;
	return find_key(j, json_get(evidence, "judgement"), c->domain, q);
}

static struct question
question_about(const struct caa_row *c, const struct caa_policy *policy,
    const char *account_url, bool is_open_mpic)
{
	return (struct question){
		.request = { .ca = *policy->issuer_domains,
		    .caa_domain = c->domain,
		    .account_url = account_url,
		    .method = "email-reply-00" },
		.policy = *policy,
		.is_open_mpic = is_open_mpic,
	};
}

/* Nobody asks a service for keys: its API has no question for them. */
static int
finish_question(struct job *j, const struct caa_row *c, struct question *q)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	int plain;

	rnd_id(id);
	q->request.id = id;
	if (!q->is_open_mpic)
		return add_key(j, c, q);
	plain = caa_trace_is_plain(j, c->trace);
	q->needs_records = plain == 0;
	return plain < 0 ? -1 : 0;
}

int
question_of(struct job *j, const struct caa_row *c, struct question *out)
{
	const struct caa_policy policy = caa_rules_policy(j->conf);

	*out = question_about(c, &policy, caa_rules_account(j, c->account_id),
	    j->conf->mpic.service_count > 0);
	return finish_question(j, c, out);
}

int
question_was(struct job *j, const struct caa_row *c, struct question *out)
{
	struct caa_rules *then = arena_alloc(j->arena, sizeof(*then));
	const struct json *trace, *round;

	if (caa_rules_read(j, c->trace, then) < 0 ||
	    caa_trace_parse(j, c->trace, &trace) < 0)
		return -1;
	round = json_get(trace, "corroboration");
	*out = question_about(c, &then->policy, then->account_url,
	    span_eq_str(json_string(json_get(round, "dialect")), DIALECT));
	return finish_question(j, c, out);
}

bool
question_has_key(const struct question *q)
{
	return q->request.dkim_domain != NULL;
}

void
question_leave_key(struct question *q)
{
	q->request.dkim_domain = q->request.dkim_selector = NULL;
	q->key = (struct span){ NULL, 0 };
}

/* --- one answer ---------------------------------------------------------- */

static void
say(struct testimony *t, enum answer answer, const char *why)
{
	t->answer = answer;
	t->why = why;
}

static void
doubt(struct testimony *t, const char *why)
{
	say(t, ANSWER_SILENT, why);
	t->is_alarming = true;
}

/* Step by step as it would be here; what it says itself must be the same, or
 * one of the two programs is not what it should be (mpic-open-api.md 4). */
static int
judge_caa_answer(struct job *j, const struct question *q,
    const struct agent_answer *a, struct testimony *t)
{
	const struct caa_policy strict = agent_policy(&q->request.ca);
	struct resolver *seen = agent_replay(j, a);
	struct caa_decision its, d;

	if (!a->has_caa) {
		doubt(t, "says nothing of CAA");
		return 0;
	}
	/* By its rules, and by ours: the climb ends at the same set. */
	if (caa_check(j, seen, q->request.caa_domain, q->request.account_url,
		&strict, &its) < 0 ||
	    caa_check(j, seen, q->request.caa_domain, q->request.account_url,
		&q->policy, &d) < 0)
		return -1;
	if (strcmp(caa_result_name(its.result), a->caa_decision) != 0)
		doubt(t, "its decision about CAA does not follow from what it "
			 "saw");
	else if (d.result == CAA_DENY)
		say(t, ANSWER_DENIES,
		    arena_printf(j->arena, "CAA: %s", d.detail));
	else if (d.result == CAA_FAIL)
		say(t, ANSWER_FAILS,
		    arena_printf(j->arena, "CAA: %s", d.detail));
	else
		say(t, ANSWER_AGREES,
		    arena_printf(j->arena, "CAA: %s", d.reason));
	return 0;
}

/* PK-47: the same p= in any record, whatever else there is. */
static bool
has_key(struct job *j, const struct dns_answer *a, struct span key)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct dns_answer one = { .status = DNS_OK,
			.name = "",
			.rdata = &a->rdata[i],
			.count = 1 };
		struct finding f = { 0 };
		struct span record, seen;

		if (dkim_key_find(j, &one, &record, &f) == 0 &&
		    read_key(j, record, &seen) == 0 && span_eq(seen, key))
			return true;
	}
	return false;
}

static void
judge_key_answer(struct job *j, const struct question *q,
    const struct agent_answer *a, struct testimony *t)
{
	if (!a->has_dkim)
		doubt(t, "says nothing of the DKIM key");
	else if (a->dkim.status == DNS_TEMPORARY ||
		 a->dkim.status == DNS_BOGUS) {
		if (t->answer == ANSWER_AGREES)
			say(t, ANSWER_FAILS,
			    "DKIM key: could not be looked up");
	} else if (!has_key(j, &a->dkim, q->key))
		say(t, ANSWER_DENIES, "DKIM key: it sees another one");
}

/* What cannot be read is not believed; -1 if that is not what is wrong. */
static int
doubt_form(struct job *j, struct testimony *t)
{
	if (j->err.kind != ERR_MALFORMED)
		return -1;
	doubt(t, arena_strdup(j->arena, j->err.text));
	job_recover(j);
	return 0;
}

/* MP-4: a service's pass is only what it saw; that is judged here, with the
 * account and the method. */
static void
judge_view(struct job *j, const struct question *q,
    const struct open_mpic_view *v, struct testimony *t)
{
	struct caa_decision d = { .result = CAA_PERMIT };

	if (strcmp(v->code, t->code) != 0)
		doubt(t, "answers under another code");
	else if (v->unreached)
		say(t, ANSWER_SILENT, "the service could not reach it");
	else if (!v->completed)
		say(t, ANSWER_FAILS, "CAA: could not be looked up");
	else if (!v->passed)
		say(t, ANSWER_DENIES, "CAA: it does not pass there");
	else if (!v->has_details ||
		 (v->has_records && !v->shows_records && q->needs_records))
		say(t, ANSWER_SILENT, "does not say what it saw");
	else if (v->has_records && !v->shows_records)
		say(t, ANSWER_AGREES, "CAA: it passes there");
	else if (v->has_records != (v->count > 0))
		doubt(t, "shows other records than it says it saw");
	else if (!v->has_records)
		say(t, ANSWER_AGREES, "CAA: no-record");
	else {
		caa_decide(
		    v->rdata, v->count, q->request.account_url, &q->policy, &d);
		say(t, d.result == CAA_PERMIT ? ANSWER_AGREES : ANSWER_DENIES,
		    arena_printf(j->arena, "CAA: %s", d.reason));
	}
}

static int
judge_element(struct job *j, const struct question *q, struct testimony *t)
{
	struct open_mpic_view v;
	const struct json *element;

	if (open_mpic_read(j, t->body, &element) < 0 ||
	    open_mpic_view_parse(j, element, &v) < 0)
		return doubt_form(j, t);
	judge_view(j, q, &v, t);
	return 0;
}

static int
judge_body(struct job *j, const struct question *q, struct testimony *t)
{
	struct agent_answer a;
	int result;

	if (q->is_open_mpic)
		return judge_element(j, q, t);
	if (agent_answer_parse(j, t->body, &a) < 0)
		return doubt_form(j, t);
	if (strcmp(a.id, q->request.id) != 0) {
		doubt(t, "answers another question");
		return 0;
	}
	if (strcmp(a.code, t->code) != 0) {
		doubt(t, "answers under another code");
		return 0;
	}
	result = judge_caa_answer(j, q, &a, t);
	if (result == 0 && t->answer != ANSWER_SILENT && q->key.n > 0)
		judge_key_answer(j, q, &a, t);
	return result;
}

void
testimony_judge(struct job *j, const struct question *q, struct testimony *t)
{
	t->is_alarming = false;
	if (judge_body(j, q, t) == 0)
		return;
	say(t, ANSWER_SILENT, arena_strdup(j->arena, j->err.text));
	job_recover(j);
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

static void
put_testimony(struct job *j, struct json_out *o, const struct testimony *t)
{
	struct buf body;

	json_object_begin(o);
	json_member_str(o, "code", t->code);
	json_member_str(o, "rir", rir_name(t->rir));
	json_member_str(o, "answer", answer_name(t->answer));
	if (t->why != NULL)
		json_member_str(o, "why", t->why);
	json_member_int(o, "ms", t->took_ms);
	if (t->body.n > 0) {
		/* As it came: it need not even be UTF-8. */
		buf_init(&body, j->arena, AGENT_ANSWER_MAX * 2);
		b64_add(&body, t->body);
		json_member_string(o, "body", buf_span(&body));
	}
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
		json_member_str(&o, "dialect", DIALECT);
	if (r->service != NULL)
		json_member_str(&o, "service", r->service);
	json_key(&o, "request");
	json_put_raw(&o, span_str(request));
	json_key(&o, "perspectives");
	json_array_begin(&o);
	for (size_t i = 0; i < r->n; i++)
		put_testimony(j, &o, &r->v[i]);
	json_array_end(&o);
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
	enum answer stored;

	*t = (struct testimony){
		.code = span_dup(j->arena, json_string(json_get(v, "code"))),
	};
	if (!rir_parse(json_string(json_get(v, "rir")), &t->rir) ||
	    !answer_parse(json_string(json_get(v, "answer")), &stored) ||
	    b64_parse_fws(j->arena, body, &t->body) < 0)
		return unproven(j, "what is stored cannot be read");
	/* Without an answer nobody agrees, whatever is written. */
	t->answer = stored == ANSWER_PENDING ? ANSWER_PENDING : ANSWER_SILENT;
	if (t->body.n > 0)
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
			     DIALECT) != expected->is_open_mpic)
		return 0;
	if (read_question(j, c, expected, &q) < 0)
		return -1;
	if (json_type(json_get(c, "service")) == JSON_T_STRING)
		out->service =
		    span_dup(j->arena, json_string(json_get(c, "service")));
	out->saw_key = question_has_key(&q);
	list = json_get(c, "perspectives");
	r.at = json_integer(json_get(c, "at"));
	r.n = json_count(list);
	r.v = arena_calloc(j->arena, r.n + 1, sizeof(*r.v));
	for (size_t i = 0; i < r.n; i++)
		if (read_testimony(j, json_at(list, i), &q, &r.v[i]) < 0)
			return -1;
	if (has_twice(&r))
		return unproven(j, "a perspective stands twice");
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
