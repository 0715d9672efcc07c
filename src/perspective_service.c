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
    const struct question *q, size_t n, struct service_question *out)
{
	*out = (struct service_question){
		.to = { .url =
			    arena_printf(j->arena, "%s" OPEN_MPIC_PATH, s->url),
		    .ca_file = s->ca_file,
		    .answer_max = OPEN_MPIC_ANSWER_MAX },
		.asked = { .trace = q->request.id,
		    .domain = q->request.caa_domain,
		    .ca = q->request.ca,
		    .perspectives = n,
		    .quorum = n - quorum_dissent(n) },
	};
	out->request = open_mpic_request_format(j, &out->asked);
	return out->request == NULL ? -1 : read_login(j, s, &out->to.login);
}

/* --- the answer ----------------------------------------------------------- */

static void
silent(struct testimony *t, const char *why)
{
	t->answer = ANSWER_SILENT;
	t->why = why;
}

static void
all_silent(struct round *r, const char *why, bool is_alarming)
{
	for (size_t i = 0; i < r->n; i++) {
		silent(&r->v[i], why);
		r->v[i].body = (struct span){ NULL, 0 };
		r->v[i].is_alarming = is_alarming;
	}
}

/* Elements of one code, as they are kept: the one, or a list of them (MP-3). */
struct elements {
	struct buf text;
	size_t count;
	bool is_late; /* the last of them is of another time than this answer */
};

/* A timestamp that cannot be read is a form that cannot be read. */
static bool
is_of_another_time(struct job *j, const struct exchange *x,
    const struct question *q, const struct json *element)
{
	int64_t now = clock_now_ms(), began = now - x->took_ms;
	struct open_mpic_view v;

	if (open_mpic_view_parse(j, element, q->takes_flat, &v) < 0) {
		job_recover(j);
		return false;
	}
	return v.at_ms < began - SKEW_MS || v.at_ms > now + SKEW_MS;
}

/* One of another time keeps its place, and agrees with nobody. */
static void
add_element(struct job *j, const struct exchange *x, const struct question *q,
    const struct json *element, struct elements *e)
{
	buf_add_char(&e->text, e->count++ == 0 ? '[' : ',');
	e->is_late = is_of_another_time(j, x, q, element);
	buf_add_str(&e->text, e->is_late ? "null" : json_dup(j, element));
}

static struct elements
find_elements(struct job *j, const struct exchange *x, const struct question *q,
    const struct open_mpic_answer *a, const char *code)
{
	struct elements e = { .count = 0 };

	/* Longer than what is kept by the brackets alone. */
	buf_init(&e.text, j->arena, AGENT_ANSWER_MAX + 2);
	for (size_t i = 0; i < a->count; i++)
		if (span_eq_str(json_string(json_get(
				    a->elements[i], "perspective_code")),
			code))
			add_element(j, x, q, a->elements[i], &e);
	buf_add_char(&e.text, ']');
	return e;
}

static void
take_elements(struct job *j, const struct exchange *x, const struct question *q,
    const struct open_mpic_answer *a, struct testimony *t)
{
	struct elements e = find_elements(j, x, q, a, t->code);

	t->took_ms = x->took_ms;
	if (e.count == 0) {
		silent(t, "is not among the answers");
	} else if (e.count == 1 && e.is_late) {
		silent(t, "answers at another time");
		t->is_alarming = true;
	} else if (!buf_ok(&e.text)) {
		silent(t, "answers at too great a length");
	} else {
		t->body = buf_span(&e.text);
		if (e.count == 1)
			t->body = span_cut(t->body, 1, t->body.n - 1);
		testimony_judge(j, q, t);
	}
}

/* The service's own verdict is a second condition, never the only one. */
static void
take_verdict(struct round *r, bool is_valid)
{
	for (size_t i = 0; i < r->n; i++) {
		struct testimony *t = &r->v[i];

		if (is_valid || t->answer != ANSWER_AGREES)
			continue;
		silent(t, "the service says that it is not valid");
		t->body = (struct span){ NULL, 0 };
	}
}

void
service_take(struct job *j, const struct exchange *x,
    const struct service_question *asked, const struct question *q,
    struct round *r)
{
	struct open_mpic_answer a;

	if (x->failure != NULL) {
		all_silent(
		    r, arena_strdup(j->arena, x->failure), x->is_alarming);
	} else if (open_mpic_answer_parse(
		       j, buf_span(&x->body), &asked->asked, &a) < 0) {
		all_silent(r, arena_strdup(j->arena, j->err.text), true);
		job_recover(j);
	} else if (!a.completed) {
		all_silent(
		    r, "too few perspectives answered the service", false);
	} else {
		for (size_t i = 0; i < r->n; i++)
			take_elements(j, x, q, &a, &r->v[i]);
		take_verdict(r, a.is_valid);
	}
}
