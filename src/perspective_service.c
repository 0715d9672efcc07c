#include "config.h"

#include "src/perspective_service.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/json.h"

#define LOGIN_MAX 4096
#define SKEW_MS 5000 /* of a service's clock */

/* --- the question --------------------------------------------------------- */

/* The field by which the service knows us, from its file. */
static int
read_login(struct job *j, const struct conf_open_mpic *s, const char **out)
{
	struct span key;

	*out = NULL;
	if (s->key == NULL)
		return 0;
	if (file_read_secret(j, s->key, LOGIN_MAX, &key) < 0)
		return -1;
	if (key.n == 0 || span_has_control(key) || !span_is_ascii(key))
		return job_fail(j, ERR_INTERNAL,
		    "%s: must hold the service's key, in one line", s->key);
	*out = arena_printf(j->arena, "%s: %s%.*s",
	    s->is_bearer ? "Authorization" : "x-api-key",
	    s->is_bearer ? "Bearer " : "", (int)key.n, key.p);
	return 0;
}

int
service_ask(struct job *j, const struct conf_open_mpic *s,
    const struct question *q, struct service_question *out)
{
	out->to = (struct exchange_target){ .url = arena_printf(j->arena,
						"%s" OPEN_MPIC_PATH, s->url),
		.ca_file = s->ca_file,
		.answer_max = OPEN_MPIC_ANSWER_MAX };
	if (question_to_service(j, q, &out->asked) < 0)
		return -1;
	out->request = open_mpic_request_format(j, &out->asked);
	return out->request == NULL ? -1 : read_login(j, s, &out->to.login);
}

/* --- the answer ----------------------------------------------------------- */

/* One exchange and what it is for. */
struct hearing {
	const struct exchange *x;
	const struct open_mpic_request *asked;
	const struct question *q;
	struct open_mpic_answer answer;
};

static void
silent(struct testimony *t, const char *why)
{
	t->answer = ANSWER_SILENT;
	t->why = why;
}

void
service_silence(struct round *r, enum open_mpic_check check, const char *why,
    bool is_alarming)
{
	struct testimony part = { .is_alarming = is_alarming };

	silent(&part, why);
	for (size_t i = 0; i < r->n; i++)
		testimony_add(&r->v[i], check, &part);
}

/* Elements of one code, as they are kept: the one, or a list of them (MP-3). */
struct elements {
	struct buf text;
	size_t count;
	bool is_late; /* the last of them is of another time than this answer */
};

/* A timestamp that cannot be read is a form that cannot be read. */
static bool
is_of_another_time(
    struct job *j, const struct hearing *h, const struct json *element)
{
	int64_t now = clock_now_ms(), began = now - h->x->took_ms;
	struct open_mpic_view v;

	if (open_mpic_view_parse(
		j, element, h->asked->check, h->q->takes_flat, &v) < 0) {
		job_recover(j);
		return false;
	}
	return v.at_ms < began - SKEW_MS || v.at_ms > now + SKEW_MS;
}

/* One of another time keeps its place, and agrees with nobody. */
static void
add_element(struct job *j, const struct hearing *h, const struct json *element,
    struct elements *e)
{
	buf_add_char(&e->text, e->count++ == 0 ? '[' : ',');
	e->is_late = is_of_another_time(j, h, element);
	buf_add_str(&e->text, e->is_late ? "null" : json_dup(j, element));
}

static struct elements
find_elements(struct job *j, const struct hearing *h, const char *code)
{
	const struct open_mpic_answer *a = &h->answer;
	struct elements e = { .count = 0 };

	/* Longer than what is kept by the brackets alone. */
	buf_init(&e.text, j->arena, AGENT_ANSWER_MAX + 2);
	for (size_t i = 0; i < a->count; i++)
		if (span_eq_str(json_string(json_get(
				    a->elements[i], "perspective_code")),
			code))
			add_element(j, h, a->elements[i], &e);
	buf_add_char(&e.text, ']');
	return e;
}

static void
take_elements(struct job *j, const struct hearing *h, struct testimony *part)
{
	struct elements e = find_elements(j, h, part->code);

	if (e.count == 0) {
		silent(part, "is not among the answers");
	} else if (e.count == 1 && e.is_late) {
		silent(part, "answers at another time");
		part->is_alarming = true;
	} else if (!buf_ok(&e.text)) {
		silent(part, "answers at too great a length");
	} else {
		part->body = buf_span(&e.text);
		if (e.count == 1)
			part->body = span_cut(part->body, 1, part->body.n - 1);
		testimony_judge_part(j, h->q, h->asked->check, part);
	}
}

/* The service's own verdict is a second condition, never the only one. */
static void
take_verdict(bool is_valid, struct testimony *part)
{
	if (is_valid || part->answer != ANSWER_AGREES)
		return;
	silent(part, "the service says that it is not valid");
	part->body = (struct span){ NULL, 0 };
}

static void
take_answer(struct job *j, const struct hearing *h, struct round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct testimony part = { .code = r->v[i].code,
			.took_ms = h->x->took_ms };

		take_elements(j, h, &part);
		take_verdict(h->answer.is_valid, &part);
		testimony_add(&r->v[i], h->asked->check, &part);
	}
}

static void
note_call(struct job *j, const struct exchange *x,
    const struct service_question *asked, struct service_call *out)
{
	*out = (struct service_call){ .request = asked->request,
		.began_ms = clock_now_ms() - x->took_ms,
		.took_ms = x->took_ms };
	if (x->failure != NULL)
		out->failure = arena_strdup(j->arena, x->failure);
	else
		out->answer = span_mem(
		    arena_memdup(j->arena, x->body.p, x->body.n), x->body.n);
}

void
service_take(struct job *j, const struct exchange *x,
    const struct service_question *asked, const struct question *q,
    struct round *r)
{
	struct hearing h = { .x = x, .asked = &asked->asked, .q = q };
	enum open_mpic_check check = asked->asked.check;

	note_call(j, x, asked, &r->calls[check]);
	if (x->failure != NULL) {
		service_silence(r, check, arena_strdup(j->arena, x->failure),
		    x->is_alarming);
	} else if (open_mpic_answer_parse(
		       j, buf_span(&x->body), h.asked, &h.answer) < 0) {
		service_silence(
		    r, check, arena_strdup(j->arena, j->err.text), true);
		job_recover(j);
	} else if (!h.answer.completed) {
		service_silence(r, check,
		    "too few perspectives answered the service", false);
	} else {
		take_answer(j, &h, r);
	}
}
