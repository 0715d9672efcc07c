#include "config.h"

#include "src/testimony.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "mail/dkim_key.h"
#include "src/agent_answer.h"

#define RECORDS_MAX 400 /* octets, as they are shown */

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

/* --- what it sees, for people (MP-5) -------------------------------------- */

/* Strangers' octets: in plain ASCII. */
static void
add_octets(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c > '~' || c == '\\')
			buf_addf(b, "\\%03d", c);
		else
			buf_add_char(b, (char)c);
	}
}

static void
add_caa(struct buf *b, struct span rdata)
{
	size_t tag = rdata.n < 2 ? 0 : (unsigned char)rdata.p[1];
	struct span value = span_from(rdata, 2 + tag);

	if (rdata.n < 2)
		return;
	buf_addf(b, "%d ", (unsigned char)rdata.p[0]);
	add_octets(b, span_cut(rdata, 2, 2 + tag));
	buf_add_str(b, " \"");
	add_octets(b, value);
	buf_add_char(b, '"');
}

static void
add_txt(struct buf *b, struct span rdata)
{
	while (rdata.n > 0) {
		size_t n = (unsigned char)rdata.p[0];

		add_octets(b, span_cut(rdata, 1, 1 + n));
		rdata = span_from(rdata, 1 + n);
	}
}

/* "CAA: not-authorized; it sees: 0 issuemail ";"" */
static const char *
with_records(struct job *j, const char *why, const struct dns_answer *seen,
    void (*add)(struct buf *b, struct span rdata))
{
	struct buf b;

	if (seen == NULL || seen->count == 0)
		return why;
	buf_init(&b, j->arena, RECORDS_MAX);
	for (size_t i = 0; i < seen->count; i++) {
		if (i > 0)
			buf_add_str(&b, ", ");
		add(&b, seen->rdata[i]);
	}
	return buf_ok(&b) ? arena_printf(j->arena, "%s; it sees: %s", why, b.p)
			  : arena_printf(j->arena,
				"%s; it sees %zu records, kept "
				"with its answer",
				why, seen->count);
}

static const char *
caa_dissent(struct job *j, const char *why, const struct dns_answer *seen)
{
	return with_records(
	    j, arena_printf(j->arena, "CAA: %s", why), seen, add_caa);
}

static const char *
key_dissent(struct job *j, const struct dns_answer *seen)
{
	return with_records(j, "DKIM key: it sees another one", seen, add_txt);
}

/* The set of that name among an agent's steps; NULL: there is none. */
static const struct dns_answer *
found_by(const struct agent_answer *a, const char *name)
{
	for (size_t i = 0; name != NULL && i < a->step_count; i++)
		if (strcmp(a->steps[i].name, name) == 0)
			return &a->steps[i];
	return NULL;
}

/* --- one answer of an agent ----------------------------------------------- */

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
		    caa_dissent(j, d.detail, found_by(a, d.found_at)));
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
		    question_key(j, record, &seen) == 0 && span_eq(seen, key))
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
		say(t, ANSWER_DENIES, key_dissent(j, &a->dkim));
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

/* One call to a service. */
struct asked {
	const struct question *q;
	enum open_mpic_check check;
};

/* MP-4: a service's pass is only what it saw; that is judged here, with the
 * account and the method. */
static void
judge_view(struct job *j, const struct question *q,
    const struct open_mpic_view *v, struct testimony *t)
{
	const struct dns_answer seen = { .rdata = v->rdata, .count = v->count };
	struct caa_decision d = { .result = CAA_PERMIT };

	if (strcmp(v->code, t->code) != 0)
		doubt(t, "answers under another code");
	else if (v->unreached)
		say(t, ANSWER_SILENT, "the service could not reach it");
	else if (!v->completed)
		say(t, ANSWER_FAILS, "CAA: could not be looked up");
	else if (!v->passed)
		say(t, ANSWER_DENIES,
		    caa_dissent(j, "it does not pass there", &seen));
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
		if (d.result == CAA_PERMIT)
			say(t, ANSWER_AGREES,
			    arena_printf(j->arena, "CAA: %s", d.reason));
		else
			say(t, ANSWER_DENIES, caa_dissent(j, d.reason, &seen));
	}
}

/*
 * What it shows decides.  Without records the service's word does: of a key
 * that may have been written with blanks, that it does not find it says
 * nothing.
 */
static void
judge_key_view(struct job *j, const struct question *q,
    const struct open_mpic_view *v, struct testimony *t)
{
	const struct dns_answer seen = {
		.status = DNS_OK, .rdata = v->rdata, .count = v->count
	};

	if (strcmp(v->code, t->code) != 0)
		doubt(t, "answers under another code");
	else if (v->unreached)
		say(t, ANSWER_SILENT, "the service could not reach it");
	else if (!v->completed)
		say(t, ANSWER_FAILS, "DKIM key: could not be looked up");
	else if (v->shows_records && !has_key(j, &seen, q->key))
		say(t, ANSWER_DENIES, key_dissent(j, &seen));
	else if (v->passed)
		say(t, ANSWER_AGREES, "DKIM key: it sees it");
	else if (v->shows_records || q->key_has_blanks)
		say(t, ANSWER_SILENT,
		    "DKIM key: the service does not find it as it is written");
	else
		say(t, ANSWER_DENIES, "DKIM key: it does not see it");
}

static int
judge_element(struct job *j, const struct asked *asked,
    const struct json *element, struct testimony *t)
{
	struct open_mpic_view v;

	if (open_mpic_view_parse(
		j, element, asked->check, asked->q->takes_flat, &v) < 0)
		return doubt_form(j, t);
	if (asked->check == OPEN_MPIC_CAA)
		judge_view(j, asked->q, &v, t);
	else
		judge_key_view(j, asked->q, &v, t);
	return 0;
}

/* MP-3: what stands twice counts once, as dissent if the two differ. */
static int
judge_list(struct job *j, const struct asked *asked, const struct json *list,
    struct testimony *t)
{
	enum answer joined = ANSWER_PENDING;

	if (json_count(list) == 0)
		doubt(t, "a list of no answers");
	for (size_t i = 0; i < json_count(list); i++) {
		if (judge_element(j, asked, json_at(list, i), t) < 0)
			return -1;
		joined = answer_join(joined, t->answer);
		if (joined == t->answer)
			continue;
		t->is_alarming = false;
		say(t, joined, "stands twice in the answer, and they differ");
		return 0;
	}
	return 0;
}

static int
judge_elements(struct job *j, const struct asked *asked, struct testimony *t)
{
	const struct json *kept;

	if (open_mpic_read(j, t->body, &kept) < 0)
		return doubt_form(j, t);
	return json_type(kept) == JSON_T_ARRAY
		   ? judge_list(j, asked, kept, t)
		   : judge_element(j, asked, kept, t);
}

/* A fault of ours is no answer. */
static void
leave_unjudged(struct job *j, struct testimony *t)
{
	say(t, ANSWER_SILENT, arena_strdup(j->arena, j->err.text));
	job_recover(j);
}

void
testimony_judge_part(struct job *j, const struct question *q,
    enum open_mpic_check check, struct testimony *part)
{
	const struct asked asked = { q, check };

	part->is_alarming = false;
	if (part->body.n == 0)
		say(part, ANSWER_SILENT, "there is no answer of it");
	else if (judge_elements(j, &asked, part) < 0)
		leave_unjudged(j, part);
}

/* What one of two answers makes of the other. */
static int
weight(enum answer a)
{
	static const int weights[] = {
		[ANSWER_PENDING] = 0,
		[ANSWER_AGREES] = 1,
		[ANSWER_SILENT] = 2,
		[ANSWER_FAILS] = 3,
		[ANSWER_DENIES] = 4,
	};

	return weights[a];
}

void
testimony_add(struct testimony *whole, enum open_mpic_check check,
    const struct testimony *part)
{
	if (check == OPEN_MPIC_CAA)
		whole->body = part->body;
	else
		whole->key_body = part->body;
	if (part->took_ms > whole->took_ms)
		whole->took_ms = part->took_ms;
	whole->is_alarming = whole->is_alarming || part->is_alarming;
	if (weight(part->answer) > weight(whole->answer))
		say(whole, part->answer, part->why);
}

static void
judge_parts(struct job *j, const struct question *q, struct testimony *t)
{
	const struct span bodies[] = {
		[OPEN_MPIC_CAA] = t->body,
		[OPEN_MPIC_KEY] = t->key_body,
	};
	int last = q->key.n > 0 ? OPEN_MPIC_KEY : OPEN_MPIC_CAA;

	t->answer = ANSWER_PENDING;
	for (int i = OPEN_MPIC_CAA; i <= last; i++) {
		struct testimony part = { .code = t->code, .body = bodies[i] };

		testimony_judge_part(j, q, (enum open_mpic_check)i, &part);
		testimony_add(t, (enum open_mpic_check)i, &part);
	}
}

static int
judge_agent(struct job *j, const struct question *q, struct testimony *t)
{
	struct agent_answer a;
	int result;

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
	if (q->is_open_mpic)
		judge_parts(j, q, t);
	else if (judge_agent(j, q, t) < 0)
		leave_unjudged(j, t);
}
