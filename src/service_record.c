#include "config.h"

#include "src/service_record.h"

#include <string.h>

#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/corroborate.h"

static const char *
sum_of(struct job *j, struct span answer)
{
	uint8_t sum[SHA256_LEN];

	sha256(answer, sum);
	return hex_dup(j->arena, span_mem(sum, sizeof(sum)));
}

static void
put_answer(struct job *j, struct json_out *o, struct span answer)
{
	struct buf b;

	if (answer.n == 0)
		return;
	json_member_str(o, "sha256", sum_of(j, answer));
	if (answer.n > SERVICE_ANSWER_KEPT)
		return;
	buf_init(&b, j->arena, SERVICE_ANSWER_KEPT * 2);
	b64_add(&b, answer);
	json_member_string(o, "answer", buf_span(&b));
}

void
service_record_put(struct job *j, struct json_out *o,
    const struct service_call calls[OPEN_MPIC_CHECKS])
{
	json_array_begin(o);
	for (int i = 0; i < OPEN_MPIC_CHECKS; i++) {
		const struct service_call *c = &calls[i];

		if (c->request == NULL)
			continue;
		json_object_begin(o);
		json_member_str(
		    o, "check", open_mpic_check_name((enum open_mpic_check)i));
		json_member_str(o, "request", c->request);
		json_member_int(o, "began_ms", c->began_ms);
		json_member_int(o, "ms", c->took_ms);
		if (c->failure != NULL)
			json_member_str(o, "failure", c->failure);
		put_answer(j, o, c->answer);
		json_object_end(o);
	}
	json_array_end(o);
}

/* --- compared --------------------------------------------------------------
 */

/* Whatever the parser said of it. */
static int
differs(struct job *j, const char *why)
{
	job_recover(j);
	return job_fail(j, ERR_UNAUTHORIZED, "corroboration: %s", why);
}

static struct span
body_of(const struct testimony *t, enum open_mpic_check check)
{
	return check == OPEN_MPIC_CAA ? t->body : t->key_body;
}

static bool
is_element(struct job *j, const struct json *kept, const struct json *element)
{
	return json_type(kept) == JSON_T_OBJECT &&
	       strcmp(json_dup(j, kept), json_dup(j, element)) == 0;
}

/* All elements of that code, and nothing else; null for one of another time. */
static bool
is_from(struct job *j, const struct open_mpic_answer *a, const char *code,
    const struct json *kept)
{
	bool is_list = json_type(kept) == JSON_T_ARRAY;
	size_t n = is_list ? json_count(kept) : 1, found = 0;

	for (size_t i = 0; i < a->count; i++) {
		const struct json *one;

		if (!span_eq_str(json_string(json_get(
				     a->elements[i], "perspective_code")),
			code))
			continue;
		if (found == n)
			return false;
		one = is_list ? json_at(kept, found) : kept;
		found++;
		if (!(is_list && json_type(one) == JSON_T_NULL) &&
		    !is_element(j, one, a->elements[i]))
			return false;
	}
	return found == n;
}

/* What is kept of each perspective, as it was taken from this answer. */
static int
check_parts(struct job *j, const struct open_mpic_answer *a,
    enum open_mpic_check check, const struct question *q, const struct round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct testimony part = { .code = r->v[i].code,
			.body = body_of(&r->v[i], check) };
		const struct json *kept;

		if (part.body.n == 0)
			continue;
		if (open_mpic_read(j, part.body, &kept) < 0 ||
		    !is_from(j, a, part.code, kept))
			return differs(
			    j, "an answer is not what the service sent");
		testimony_judge_part(j, q, check, &part);
		if (part.answer == ANSWER_AGREES && !a->is_valid)
			return differs(
			    j, "the service said that it is not valid");
	}
	return 0;
}

static bool
has_parts(const struct round *r, enum open_mpic_check check)
{
	for (size_t i = 0; i < r->n; i++)
		if (body_of(&r->v[i], check).n > 0)
			return true;
	return false;
}

static int
check_answer(struct job *j, struct span answer,
    const struct open_mpic_request *asked, const struct question *q,
    const struct round *r)
{
	struct open_mpic_answer a;

	if (!has_parts(r, asked->check))
		return 0;
	if (open_mpic_answer_parse(j, answer, asked, &a) < 0 || !a.completed)
		return differs(j, "the service's answer is none to what was "
				  "asked");
	return check_parts(j, &a, asked->check, q, r);
}

static int
check_call(struct job *j, const struct json *call, enum open_mpic_check check,
    const struct question *q, const struct round *r)
{
	struct open_mpic_request asked = { .check = check,
		.perspectives = r->n };
	struct span sum = json_string(json_get(call, "sha256"));
	struct span text = json_string(json_get(call, "answer"));
	const char *request;
	struct span answer;

	if (check == OPEN_MPIC_KEY && !question_has_key(q))
		return differs(j, "the service was asked for a key that was "
				  "no question");
	if (question_to_service(j, q, &asked) < 0)
		return -1;
	request = open_mpic_request_format(j, &asked);
	if (request == NULL ||
	    !span_eq_str(json_string(json_get(call, "request")), request))
		return differs(j, "something else was sent to the service");
	if (sum.n == 0)
		return has_parts(r, check)
			   ? differs(j, "a call that failed has answers")
			   : 0;
	if (text.n == 0)
		return 0;
	if (b64_parse_fws(j->arena, text, &answer) < 0 ||
	    !span_eq_str(sum, sum_of(j, answer)))
		return differs(j, "the service's answer has another hash");
	return check_answer(j, answer, &asked, q, r);
}

int
service_record_check(struct job *j, const struct json *list,
    const struct question *q, const struct round *r)
{
	for (int i = 0; list != NULL && i < OPEN_MPIC_CHECKS; i++) {
		enum open_mpic_check check = (enum open_mpic_check)i;
		const struct json *call = NULL;

		for (size_t k = 0; k < json_count(list); k++)
			if (span_eq_str(json_string(json_get(
					    json_at(list, k), "check")),
				open_mpic_check_name(check)))
				call = json_at(list, k);
		if (call == NULL && has_parts(r, check))
			return differs(j, "answers without a call");
		if (call != NULL && check_call(j, call, check, q, r) < 0)
			return -1;
	}
	return 0;
}
