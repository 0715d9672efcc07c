#include "config.h"

#include "src/lint_service.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/pkimetal.h"
#include "src/calls.h"
#include "src/https_client.h"
#include "src/lint_url.h"

#include <string.h>

#define FORM "application/x-www-form-urlencoded"
#define JSON_TYPE "application/json"
/* Each octet of the text may become three. */
#define FORM_MAX (3 * LINT_TEXT_MAX + 256)

struct service {
	struct job *j;
	const struct conf_linter *linter;
	const char *base; /* of its URL */
	struct https_client *client;
	int64_t deadline;
	bool is_confined;
};

/* --- the one connection --------------------------------------------------- */

/* It is there, and nothing was read: no other one from here on, and no
 * program. */
static int
confine(void *ctx)
{
	static const struct calls none = { .sockets = false };
	struct service *s = ctx;

	if (s->is_confined || s->j->conf->isolation == CONF_ISOLATION_OFF ||
	    !calls_supported())
		return 0;
	s->is_confined = true;
	return calls_limit(s->j, &none);
}

static int
begin(struct job *j, struct service *s)
{
	const struct https_client_conf conf = { .user_agent = "countersign",
		.timeout_ms = s->linter->timeout * 1000,
		.plain_too = true,
		.connected = confine,
		.ctx = s };

	s->deadline = clock_mono_ms() + conf.timeout_ms;
	s->base = lint_url_base(j->arena, s->linter->url);
	if (s->base == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: " LINT_URL_RULE, s->linter->url);
	return https_client_new(j, &conf, &s->client);
}

/* --- what is asked over it ------------------------------------------------ */

static int
exchange(struct job *j, struct service *s, enum https_method method,
    const char *path, struct span body, struct span *answer)
{
	const struct https_request request = { .method = method,
		.url = arena_printf(j->arena, "%s%s", s->base, path),
		.content_type = FORM,
		.accept = JSON_TYPE,
		.body = body,
		.answer_max = LINT_OUTPUT_MAX };
	int64_t left = s->deadline - clock_mono_ms();
	struct https_response response;

	https_client_limit(s->client, left > 0 ? left : 1);
	if (https_client_send(s->client, j, &request, &response) < 0)
		return -1;
	if (response.status != 200 ||
	    strcmp(response.content_type, JSON_TYPE) != 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: its answer is no verdict: status %d, %s", request.url,
		    (int)response.status, response.content_type);
	*answer = response.body;
	return 0;
}

static int
ask(struct job *j, struct service *s, const struct lint_question *q,
    struct lint_answer *a)
{
	struct span linters = { NULL, 0 }, answer = { NULL, 0 };
	struct buf form;

	buf_init(&form, j->arena, FORM_MAX);
	pkimetal_add_form(&form, q->object, q->text);
	if (!buf_ok(&form))
		return job_fail(j, ERR_INTERNAL, "it is too large to be asked");
	if (exchange(j, s, HTTPS_GET, PKIMETAL_LINTERS, SPAN(""), &linters) <
		0 ||
	    exchange(j, s, HTTPS_POST, pkimetal_path(q->object),
		buf_span(&form), &answer) < 0 ||
	    pkimetal_read(
		j, q->object, linters, answer, &a->findings, &a->version) < 0)
		return -1;
	a->output = answer;
	return 0;
}

int
lint_service_ask(struct job *j, const struct conf_linter *l,
    const struct lint_question *q, struct lint_answer *a)
{
	struct service s = { .j = j, .linter = l };
	int result = begin(j, &s) < 0 ? -1 : ask(j, &s, q, a);

	https_client_free(s.client);
	return result;
}
