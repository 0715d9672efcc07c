#include "config.h"

#include "src/perspective_client.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/conf_perspective.h"
#include "src/perspective_exchange.h"
#include "src/perspective_service.h"

#define SILENCES_MAX 3 /* PK-52 */
#define SKIP_MS 60000

struct remote_state {
	unsigned silences; /* in a row */
	int64_t skip_until_ms;
};

/* An exchange on its way, and what it is for. */
struct call {
	struct call *next;
	struct exchange *x;
	struct inquiry *inquiry; /* while its round goes on */
	size_t place;            /* of the perspective in the configuration */
	struct service_question service; /* while its round goes on */
	/* To judge a late answer: */
	struct arena *keep;
	const char *about;
	struct question *question;
};

struct perspective_client {
	struct exchanges *exchanges;
	struct remote_state *states;
	struct call *late; /* after their round */
	size_t turn;       /* the service that the next round goes to */
};

int
perspective_client_new(struct job *j, struct perspective_client **out)
{
	struct perspective_client *c = xcalloc(1, sizeof(*c));

	c->states =
	    xcalloc(j->conf->mpic.perspective_count + 1, sizeof(*c->states));
	c->exchanges = exchanges_new();
	if (c->exchanges == NULL) {
		perspective_client_free(c);
		return job_fail(j, ERR_INTERNAL, "HTTPS cannot be used");
	}
	*out = c;
	return 0;
}

static void
call_end(struct perspective_client *c, struct call *k)
{
	exchange_end(c->exchanges, k->x);
	arena_free(k->keep);
	free(k);
}

void
perspective_client_hasten(struct perspective_client *c, long deadline_ms)
{
	exchanges_hasten(c->exchanges, deadline_ms);
}

void
perspective_client_free(struct perspective_client *c)
{
	if (c == NULL)
		return;
	while (c->late != NULL) {
		struct call *k = c->late;

		c->late = k->next;
		call_end(c, k);
	}
	exchanges_free(c->exchanges);
	free(c->states);
	free(c);
}

/* --- one answer ----------------------------------------------------------- */

static void
silent(struct testimony *t, const char *why)
{
	t->answer = ANSWER_SILENT;
	t->why = why;
}

static void
judge(struct job *j, const struct call *k, struct testimony *t)
{
	const struct exchange *x = k->x;

	t->took_ms = x->took_ms;
	t->is_unreached = x->is_unreached;
	if (x->failure != NULL) {
		silent(t, arena_strdup(j->arena, x->failure));
		t->is_alarming = x->is_alarming;
		return;
	}
	t->body =
	    span_mem(arena_memdup(j->arena, x->body.p, x->body.n), x->body.n);
	testimony_judge(j, k->question, t);
}

static void
tell(const struct testimony *t, const char *about)
{
	struct log_quoted q;

	log_quote(&q, span_str(t->why));
	if (t->is_alarming)
		log_error("perspective not believed",
		    "perspective=%s about=%s error=%s next=\"see what answers "
		    "under its URL, and that both run the same version\"",
		    t->code, about, q.text);
	else if (t->answer == ANSWER_DENIES) /* MP-5 */
		log_warning("perspective dissents",
		    "perspective=%s about=%s error=%s next=\"compare the DNS "
		    "there and here: an attack on either looks like this, and "
		    "so does a zone with two faces\"",
		    t->code, about, q.text);
	else
		log_debug("perspective", "perspective=%s about=%s answer=%s",
		    t->code, about, answer_name(t->answer));
}

static void
note(struct perspective_client *c, size_t place, const struct testimony *t,
    const char *about)
{
	struct remote_state *s = &c->states[place];

	/* What came and cannot be used may be the question's fault, which a
	 * stranger's zone decides: nobody else has to wait for that. */
	if (!t->is_unreached) {
		s->silences = 0;
	} else if (++s->silences >= SILENCES_MAX) {
		s->skip_until_ms = clock_mono_ms() + SKIP_MS;
		log_error("perspective skipped",
		    "perspective=%s silences=%u next=\"see whether it runs "
		    "and can be reached; it counts as silent meanwhile\"",
		    t->code, s->silences);
	}
	tell(t, about);
}

/* --- rounds --------------------------------------------------------------- */

/* Several at the same time. */
struct asking {
	struct perspective_client *client;
	struct job *job;
	struct inquiry *inquiries;
	size_t n;
	struct call *calls;    /* on their way */
	size_t inquiry, place; /* the next to begin */
};

static struct testimony
pending(const struct conf_perspective *p)
{
	return (struct testimony){ .code = p->name,
		.rir = conf_perspective_rir(p) };
}

static struct call *
call_begin(struct asking *a, struct inquiry *q,
    const struct exchange_target *to, const char *request)
{
	struct exchange *x = exchange_begin(a->client->exchanges, to, request);
	struct call *k;

	if (x == NULL)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	k->x = x;
	k->inquiry = q;
	k->keep = arena_new();
	k->about = arena_strdup(k->keep, q->about);
	k->question = question_keep(k->keep, q->question);
	k->next = a->calls;
	a->calls = k;
	return k;
}

static void
begin_agent(struct asking *a, struct inquiry *q, size_t place)
{
	const struct conf_perspective *p =
	    &a->job->conf->mpic.perspectives[place];
	const struct exchange_target to = { .url = p->url,
		.ca_file = p->ca_file,
		.certificate = p->certificate,
		.key = p->key,
		.answer_max = AGENT_ANSWER_MAX };
	struct testimony *t = &q->round.v[place];
	const char *request;
	struct call *k;

	if (a->client->states[place].skip_until_ms > clock_mono_ms()) {
		silent(t, "skipped: it was silent three times");
		return;
	}
	request = agent_request_format(a->job, &q->question->request);
	k = request == NULL ? NULL : call_begin(a, q, &to, request);
	if (k == NULL)
		silent(t, "could not be asked");
	else
		k->place = place;
}

/* --- a service that asks them --------------------------------------------- */

static const struct conf_open_mpic *
service_of(const struct asking *a, const struct inquiry *q)
{
	const struct conf_mpic *m = &a->job->conf->mpic;

	return q->service != NULL
		   ? q->service
		   : &m->services[a->client->turn % m->service_count];
}

/* MP-11: the next round goes to the other one; no round to both. */
static void
take_turns(struct asking *a, const struct inquiry *q)
{
	const struct conf_mpic *m = &a->job->conf->mpic;
	const char *silent_one = q->round.service;
	size_t at = a->client->turn % m->service_count;

	if (round_count(a->job, &q->round).outcome != QUORUM_SILENT)
		return;
	/* Another round may have said so before. */
	if (m->service_count > 1 &&
	    strcmp(m->services[at].name, silent_one) == 0)
		a->client->turn = (at + 1) % m->service_count;
	log_warning("service silent", "service=%s about=%s next=\"%s\"",
	    silent_one, q->about,
	    m->service_count > 1 ? "the next round goes to the other one"
				 : "it is asked again");
}

/* For CAA, and one for the key that is a question, too. */
static size_t
count_calls(const struct inquiry *q)
{
	return question_has_key(q->question) ? 2 : 1;
}

static void
end_calls(struct asking *a, struct inquiry *q, size_t n)
{
	q->calls_left -= n;
	if (q->calls_left > 0)
		return;
	for (size_t i = 0; i < q->round.n; i++)
		tell(&q->round.v[i], q->about);
	take_turns(a, q);
}

/* A service that we cannot even ask is as silent as one that does not answer:
 * the other one may do.  What else this round would ask it is left. */
static void
leave_unasked(struct asking *a, struct inquiry *q, enum open_mpic_check check,
    const char *why)
{
	size_t begun = a->place;
	struct log_quoted text;

	log_quote(&text, span_str(why));
	log_error("service not asked",
	    "service=%s about=%s error=%s next=\"see that the files of its "
	    "section open_mpic can be read by the validator\"",
	    q->round.service, q->about, text.text);
	service_silence(
	    &q->round, check, "the service could not be asked", false);
	a->place = count_calls(q);
	end_calls(a, q, a->place - begun);
}

static void
begin_round(struct asking *a, struct inquiry *q)
{
	const struct conf_mpic *m = &a->job->conf->mpic;

	q->round.service = service_of(a, q)->name;
	q->round.n = 0;
	for (size_t i = 0; i < m->perspective_count; i++)
		if (conf_perspective_is_of(
			&m->perspectives[i], q->round.service))
			q->round.v[q->round.n++] = pending(&m->perspectives[i]);
	q->calls_left = count_calls(q);
}

/* The call of that place; a->place is then the next one. */
static void
begin_service(struct asking *a, struct inquiry *q)
{
	enum open_mpic_check check =
	    a->place == 0 ? OPEN_MPIC_CAA : OPEN_MPIC_KEY;
	struct service_question question = { .asked = { .check = check } };
	struct call *k;

	if (a->place == 0)
		begin_round(a, q);
	question.asked.perspectives = q->round.n;
	if (service_ask(a->job,
		conf_open_mpic_find(a->job->conf, q->round.service),
		q->question, &question) < 0) {
		leave_unasked(
		    a, q, check, arena_strdup(a->job->arena, a->job->err.text));
		job_recover(a->job);
		return;
	}
	k = call_begin(a, q, &question.to, question.request);
	if (k == NULL) {
		leave_unasked(a, q, check, "HTTPS cannot be used");
		return;
	}
	k->service = question;
	a->place++;
}

/* --- all of them ---------------------------------------------------------- */

static void
take(struct asking *a, struct call *k)
{
	struct inquiry *q = k->inquiry;

	if (q->round.service == NULL) {
		judge(a->job, k, &q->round.v[k->place]);
		note(a->client, k->place, &q->round.v[k->place], q->about);
		return;
	}
	service_take(a->job, k->x, &k->service, k->question, &q->round);
	end_calls(a, q, 1);
}

static void
take_done(struct asking *a)
{
	for (struct call **at = &a->calls; *at != NULL;) {
		struct call *k = *at;

		if (!k->x->is_done) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		take(a, k);
		call_end(a->client, k);
	}
}

/* MP-9: so many at a time; those that are late for their rounds count. */
static void
begin_more(struct asking *a)
{
	const struct conf_mpic *m = &a->job->conf->mpic;

	while (a->inquiry < a->n &&
	       exchanges_open(a->client->exchanges) < EXCHANGES_MAX) {
		struct inquiry *q = &a->inquiries[a->inquiry];

		size_t last = m->perspective_count;

		if (m->service_count > 0) {
			begin_service(a, q);
			last = count_calls(q);
		} else {
			begin_agent(a, q, a->place++);
		}
		if (a->place == last) {
			a->place = 0;
			a->inquiry++;
		}
	}
}

static bool
all_certain(const struct asking *a)
{
	/* A service's answer is about all of them at once. */
	if (a->inquiry < a->n ||
	    (a->job->conf->mpic.service_count > 0 && a->calls != NULL))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (round_count(a->job, &a->inquiries[i].round).outcome ==
		    QUORUM_OPEN)
			return false;
	return true;
}

static void
prepare(struct asking *a)
{
	const struct conf_mpic *m = &a->job->conf->mpic;

	for (size_t i = 0; i < a->n; i++) {
		struct round *r = &a->inquiries[i].round;

		*r = (struct round){ .n = m->perspective_count,
			.at = a->job->now };
		r->v = arena_calloc(a->job->arena, r->n + 1, sizeof(*r->v));
		for (size_t k = 0; k < r->n; k++)
			r->v[k] = pending(&m->perspectives[k]);
	}
}

/* Answers that no round waits for any more. */
static void
leave(struct asking *a)
{
	while (a->calls != NULL) {
		struct call *k = a->calls;

		a->calls = k->next;
		if (k->inquiry->round.service != NULL) {
			call_end(a->client, k);
			continue;
		}
		k->inquiry = NULL;
		k->next = a->client->late;
		a->client->late = k;
	}
}

int
perspective_client_ask(struct perspective_client *c, struct job *j,
    struct inquiry *inquiries, size_t n)
{
	struct asking a = {
		.client = c, .job = j, .inquiries = inquiries, .n = n
	};

	prepare(&a);
	if (j->conf->mpic.perspective_count == 0)
		return job_fail(j, ERR_INTERNAL, "there is nobody to ask");
	for (;;) {
		exchanges_collect(c->exchanges);
		take_done(&a);
		begin_more(&a);
		if (all_certain(&a))
			break;
		exchanges_wait(c->exchanges);
	}
	leave(&a);
	return 0;
}

/* --- late ones ----------------------------------------------------------- */

int
perspective_client_late(
    struct perspective_client *c, struct job *j, struct late_answer *out)
{
	if (c->late == NULL)
		return 0;
	exchanges_collect(c->exchanges);
	for (struct call **at = &c->late; *at != NULL; at = &(*at)->next) {
		struct call *k = *at;

		if (!k->x->is_done)
			continue;
		*at = k->next;
		*out = (struct late_answer){
			.about = arena_strdup(j->arena, k->about),
			.testimony =
			    pending(&j->conf->mpic.perspectives[k->place]),
		};
		judge(j, k, &out->testimony);
		note(c, k->place, &out->testimony, out->about);
		call_end(c, k);
		return 1;
	}
	return 0;
}

bool
perspective_client_waits(const struct perspective_client *c)
{
	return c->late != NULL;
}
