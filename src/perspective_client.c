#include "config.h"

#include "src/perspective_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "dns/open_mpic_form.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "src/conf_perspective.h"
#include "src/https_client.h"

#define DEADLINE_MS 10000L /* MP-1 */
#define SILENCES_MAX 3     /* PK-52 */
#define SKIP_MS 60000
#define HTTP_OK 200L
#define LOGIN_MAX 4096
#define SKEW_MS 5000 /* of a service's clock */

struct exchange {
	struct exchange *next;
	size_t place; /* of the perspective in the configuration */
	CURL *curl;
	struct curl_slist *fields;
	struct arena *keep; /* of all that this exchange holds */
	const char *about;
	struct question *question; /* to judge a late answer */
	struct buf body;
	char error[CURL_ERROR_SIZE];
	int64_t began_ms, took_ms;
	CURLcode code;
	bool is_done;
};

/* Whom to ask, and how to be known there: by a certificate or a field. */
struct target {
	const char *url, *ca_file;
	const char *certificate, *key;
	const char *login;
	size_t answer_max;
};

struct remote_state {
	unsigned silences; /* in a row */
	int64_t skip_until_ms;
};

struct perspective_client {
	CURLM *multi;
	struct remote_state *states;
	struct exchange *late; /* after their round */
};

int
perspective_client_new(struct job *j, struct perspective_client **out)
{
	struct perspective_client *c = xcalloc(1, sizeof(*c));

	c->states =
	    xcalloc(j->conf->mpic.perspective_count + 1, sizeof(*c->states));
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		c->multi = curl_multi_init();
	if (c->multi == NULL) {
		perspective_client_free(c);
		return job_fail(j, ERR_INTERNAL, "HTTPS cannot be used");
	}
	*out = c;
	return 0;
}

static void
exchange_free(struct perspective_client *c, struct exchange *x)
{
	if (x == NULL)
		return;
	if (x->curl != NULL)
		curl_multi_remove_handle(c->multi, x->curl);
	curl_easy_cleanup(x->curl);
	curl_slist_free_all(x->fields);
	arena_free(x->keep);
	free(x);
}

void
perspective_client_free(struct perspective_client *c)
{
	if (c == NULL)
		return;
	while (c->late != NULL) {
		struct exchange *x = c->late;

		c->late = x->next;
		exchange_free(c, x);
	}
	curl_multi_cleanup(c->multi);
	free(c->states);
	free(c);
}

/* --- one exchange -------------------------------------------------------- */

static size_t
take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;

	buf_add_mem(&x->body, data, size * count);
	return buf_ok(&x->body) ? size * count : 0;
}

/* MP-1 */
static void
set_transport(CURL *h, const struct target *to)
{
	/* The configuration asks for one in each of its ways. */
	assert(to->ca_file != NULL);
	https_client_transport(h, to->ca_file);
	curl_easy_setopt(h, CURLOPT_SSLCERT, to->certificate);
	curl_easy_setopt(h, CURLOPT_SSLKEY, to->key);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, DEADLINE_MS);
	/* No round uses what another one opened. */
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "countersign/" PACKAGE_VERSION);
}

static struct exchange *
exchange_new(const struct target *to, const char *request)
{
	struct exchange *x = xcalloc(1, sizeof(*x));

	x->keep = arena_new();
	buf_init(&x->body, x->keep, to->answer_max);
	x->curl = curl_easy_init();
	if (x->curl == NULL)
		return x;
	set_transport(x->curl, to);
	x->fields = curl_slist_append(NULL, "Content-Type: application/json");
	x->fields = curl_slist_append(x->fields, "Expect:");
	if (to->login != NULL)
		x->fields = curl_slist_append(x->fields, to->login);
	curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->fields);
	curl_easy_setopt(x->curl, CURLOPT_URL, to->url);
	curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(x->curl, CURLOPT_PRIVATE, x);
	curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(
	    x->curl, CURLOPT_COPYPOSTFIELDS, arena_strdup(x->keep, request));
	x->began_ms = clock_mono_ms();
	return x;
}

/* Whatever ended since the last time. */
static void
collect(struct perspective_client *c)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(c->multi, &running);
	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		struct exchange *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		x->code = m->data.result;
		x->took_ms = clock_mono_ms() - x->began_ms;
		x->is_done = true;
	}
}

static void
silent(struct testimony *t, const char *why)
{
	t->answer = ANSWER_SILENT;
	t->why = why;
}

static void
judge(struct job *j, const struct exchange *x, struct testimony *t)
{
	long status = 0;

	t->took_ms = x->took_ms;
	/* A body over the limit is an answer, though a useless one. */
	t->is_unreached = x->code != CURLE_OK && x->code != CURLE_WRITE_ERROR;
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	if (x->code != CURLE_OK) {
		silent(t,
		    arena_strdup(j->arena, x->error[0] != '\0'
					       ? x->error
					       : curl_easy_strerror(x->code)));
		t->is_alarming = x->code == CURLE_PEER_FAILED_VERIFICATION;
	} else if (status != HTTP_OK) {
		silent(t, arena_printf(j->arena, "HTTP status %ld", status));
		t->is_alarming = status >= 300 && status < 500;
	} else if (x->body.n == 0) {
		silent(t, "an empty answer");
	} else {
		t->body = span_mem(
		    arena_memdup(j->arena, x->body.p, x->body.n), x->body.n);
		testimony_judge(j, x->question, t);
	}
}

/* --- a round ------------------------------------------------------------- */

static void
note(struct perspective_client *c, size_t place, const struct testimony *t,
    const char *about)
{
	struct remote_state *s = &c->states[place];
	struct log_quoted q;

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

/* A copy that lives as long as the exchange. */
static struct question *
question_keep(struct arena *a, const struct question *q)
{
	struct question *k = arena_memdup(a, q, sizeof(*q));
	struct agent_request *r = &k->request;

	r->id = arena_strdup(a, r->id);
	r->caa_domain = arena_strdup(a, r->caa_domain);
	r->account_url = arena_strdup(a, r->account_url);
	r->dkim_selector = r->dkim_domain = NULL; /* judging needs the key */
	k->key = span_mem(arena_memdup(a, q->key.p, q->key.n), q->key.n);
	return k;
}

static struct exchange *
begin(struct perspective_client *c, const struct conf_perspective *p,
    const struct question *q, const char *request, const char *about)
{
	const struct target to = { .url = p->url,
		.ca_file = p->ca_file,
		.certificate = p->certificate,
		.key = p->key,
		.answer_max = AGENT_ANSWER_MAX };
	struct exchange *x = exchange_new(&to, request);

	x->about = arena_strdup(x->keep, about);
	x->question = question_keep(x->keep, q);
	if (x->curl != NULL &&
	    curl_multi_add_handle(c->multi, x->curl) == CURLM_OK)
		return x;
	exchange_free(c, x);
	return NULL;
}

static void
begin_all(struct perspective_client *c, struct job *j, const struct question *q,
    const char *request, const char *about, struct exchange **open,
    struct round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct conf_perspective *p =
		    &j->conf->mpic.perspectives[i];

		r->v[i] = (struct testimony){ .code = p->name,
			.rir = conf_perspective_rir(p) };
		if (c->states[i].skip_until_ms > clock_mono_ms())
			silent(&r->v[i], "skipped: it was silent three times");
		else if ((open[i] = begin(c, p, q, request, about)) == NULL)
			silent(&r->v[i], "could not be asked");
		else
			open[i]->place = i;
	}
}

static void
take_done(struct perspective_client *c, struct job *j, const char *about,
    struct exchange **open, struct round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (open[i] == NULL || !open[i]->is_done)
			continue;
		judge(j, open[i], &r->v[i]);
		note(c, i, &r->v[i], about);
		exchange_free(c, open[i]);
		open[i] = NULL;
	}
}

/* --- a service that asks them --------------------------------------------- */

/* The field by which the service knows us, from its file. */
static int
read_login(struct job *j, const char **out)
{
	const struct conf_mpic *m = &j->conf->mpic;
	struct span key;

	*out = NULL;
	if (m->open_mpic_key == NULL)
		return 0;
	if (file_read_secret(j, m->open_mpic_key, LOGIN_MAX, &key) < 0)
		return -1;
	if (key.n == 0 || span_has_control(key) || !span_is_ascii(key))
		return job_fail(j, ERR_INTERNAL,
		    "%s: must hold the service's key, in one line",
		    m->open_mpic_key);
	*out = arena_printf(j->arena, "%s: %s%.*s",
	    m->open_mpic_bearer ? "Authorization" : "x-api-key",
	    m->open_mpic_bearer ? "Bearer " : "", (int)key.n, key.p);
	return 0;
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

static struct testimony *
find_code(const struct round *r, const char *code)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].code, code) == 0)
			return &r->v[i];
	return NULL;
}

/* MP-3: a code that stands twice agrees with nobody; one that is not known
 * here counts for nothing. */
static void
take_element(struct job *j, const struct exchange *x,
    const struct json *element, struct round *r)
{
	int64_t now = clock_now_ms(), began = now - x->took_ms;
	struct open_mpic_view v;
	struct testimony *t;

	if (open_mpic_view_parse(j, element, &v) < 0) {
		job_recover(j);
		if (v.code == NULL || (t = find_code(r, v.code)) == NULL)
			return;
		silent(t, "its answer cannot be read");
		t->body = (struct span){ NULL, 0 };
		t->is_alarming = true;
		return;
	}
	t = find_code(r, v.code);
	if (t == NULL)
		return;
	if (t->answer != ANSWER_PENDING) {
		silent(t, "stands twice in the answer");
		t->body = (struct span){ NULL, 0 };
		t->is_alarming = true;
	} else if (v.at_ms < began - SKEW_MS || v.at_ms > now + SKEW_MS) {
		silent(t, "answers at another time");
		t->is_alarming = true;
	} else {
		t->took_ms = x->took_ms;
		t->body = span_str(json_dup(j, element));
		if (t->body.n > AGENT_ANSWER_MAX)
			t->body = (struct span){ NULL, 0 };
		if (t->body.n == 0)
			silent(t, "answers at too great a length");
		else
			testimony_judge(j, x->question, t);
	}
}

/* The service's own verdict is a second condition, never the only one. */
static void
take_verdict(struct round *r, bool is_valid)
{
	for (size_t i = 0; i < r->n; i++) {
		struct testimony *t = &r->v[i];

		if (t->answer == ANSWER_PENDING)
			silent(t, "is not among the answers");
		if (is_valid || t->answer != ANSWER_AGREES)
			continue;
		silent(t, "the service says that it is not valid");
		t->body = (struct span){ NULL, 0 };
	}
}

static void
take_answer(struct job *j, const struct exchange *x,
    const struct open_mpic_request *asked, struct round *r)
{
	struct open_mpic_answer a;
	long status = 0;

	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	if (x->code != CURLE_OK) {
		all_silent(r,
		    arena_strdup(j->arena, x->error[0] != '\0'
					       ? x->error
					       : curl_easy_strerror(x->code)),
		    x->code == CURLE_PEER_FAILED_VERIFICATION);
	} else if (status != HTTP_OK) {
		all_silent(r, arena_printf(j->arena, "HTTP status %ld", status),
		    status >= 300 && status < 500);
	} else if (open_mpic_answer_parse(j, buf_span(&x->body), asked, &a) <
		   0) {
		all_silent(r, arena_strdup(j->arena, j->err.text), true);
		job_recover(j);
	} else if (!a.completed) {
		all_silent(
		    r, "too few perspectives answered the service", false);
	} else {
		for (size_t i = 0; i < a.count; i++)
			take_element(j, x, a.elements[i], r);
		take_verdict(r, a.is_valid);
	}
}

static int
ask_service(struct perspective_client *c, struct job *j,
    const struct question *q, const char *about, struct round *r)
{
	const struct conf_mpic *m = &j->conf->mpic;
	const struct open_mpic_request asked = { .trace = q->request.id,
		.domain = q->request.caa_domain,
		.ca = q->request.ca,
		.perspectives = r->n,
		.quorum = r->n - quorum_dissent(r->n) };
	const char *request = open_mpic_request_format(j, &asked);
	struct target to = { .url = arena_printf(
				 j->arena, "%s" OPEN_MPIC_PATH, m->open_mpic),
		.ca_file = m->open_mpic_ca_file,
		.answer_max = OPEN_MPIC_ANSWER_MAX };
	struct exchange *x;

	if (request == NULL || read_login(j, &to.login) < 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		r->v[i] = (struct testimony){ .code = m->perspectives[i].name,
			.rir = conf_perspective_rir(&m->perspectives[i]) };
	x = exchange_new(&to, request);
	x->question = question_keep(x->keep, q);
	if (x->curl == NULL ||
	    curl_multi_add_handle(c->multi, x->curl) != CURLM_OK) {
		exchange_free(c, x);
		return job_fail(j, ERR_INTERNAL, "HTTPS cannot be used");
	}
	collect(c);
	while (!x->is_done) {
		curl_multi_poll(c->multi, NULL, 0, 1000, NULL);
		collect(c);
	}
	take_answer(j, x, &asked, r);
	for (size_t i = 0; i < r->n; i++)
		note(c, i, &r->v[i], about);
	exchange_free(c, x);
	return 0;
}

int
perspective_client_ask(struct perspective_client *c, struct job *j,
    const struct question *q, const char *about, struct round *out)
{
	size_t n = j->conf->mpic.perspective_count;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	struct exchange **open = arena_calloc(j->arena, n + 1, sizeof(*open));
	const char *request;

	*out = (struct round){ .n = n, .at = j->now };
	out->v = arena_calloc(j->arena, n + 1, sizeof(*out->v));
	if (q->is_open_mpic)
		return ask_service(c, j, q, about, out);
	request = agent_request_format(j, &q->request);
	if (request == NULL)
		return -1;
	begin_all(c, j, q, request, about, open, out);
	for (;;) {
		collect(c);
		take_done(c, j, about, open, out);
		if (round_count(j, out).outcome != QUORUM_OPEN)
			break;
		/* libcurl ends each exchange at its own deadline. */
		curl_multi_poll(c->multi, NULL, 0, 1000, NULL);
	}
	for (size_t i = 0; i < n; i++)
		if (open[i] != NULL) {
			open[i]->next = c->late;
			c->late = open[i];
		}
	return 0;
}

/* --- late ones ----------------------------------------------------------- */

int
perspective_client_late(
    struct perspective_client *c, struct job *j, struct late_answer *out)
{
	if (c->late == NULL)
		return 0;
	collect(c);
	for (struct exchange **at = &c->late; *at != NULL; at = &(*at)->next) {
		struct exchange *x = *at;
		const struct conf_perspective *p =
		    &j->conf->mpic.perspectives[x->place];

		if (!x->is_done)
			continue;
		*at = x->next;
		*out = (struct late_answer){
			.about = arena_strdup(j->arena, x->about),
			.testimony = { .code = p->name,
			    .rir = conf_perspective_rir(p) },
		};
		judge(j, x, &out->testimony);
		note(c, x->place, &out->testimony, out->about);
		exchange_free(c, x);
		return 1;
	}
	return 0;
}

bool
perspective_client_waits(const struct perspective_client *c)
{
	return c->late != NULL;
}
