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

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FORM "application/x-www-form-urlencoded"
#define JSON_TYPE "application/json"
/* Each octet of the text may become three. */
#define FORM_MAX (3 * LINT_TEXT_MAX + 256)

struct service {
	const struct conf_linter *linter;
	struct lint_url url;
	struct https_client *client;
	int64_t deadline;
};

/* --- the one connection --------------------------------------------------- */

static int64_t
left_ms(const struct service *s)
{
	int64_t left = s->deadline - clock_mono_ms();

	return left > 0 ? left : 1;
}

static int
refused(struct job *j, const struct service *s, int error)
{
	return job_fail(j, ERR_BUSY, "%s: %s", s->linter->url, strerror(error));
}

/* It may take a while when its queue is full. */
static int
wait_for(struct job *j, const struct service *s, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0, ready;
	socklen_t n = sizeof(error);

	do
		ready = poll(&p, 1, (int)left_ms(s));
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return refused(j, s, ETIMEDOUT);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	return error == 0 ? 0 : refused(j, s, error);
}

static int
connect_to(struct job *j, const struct service *s, int *fd)
{
	*fd = socket(s->url.address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return refused(j, s, errno);
	if (connect(*fd, (const struct sockaddr *)&s->url.address,
		s->url.address_len) == 0)
		return 0;
	if ((errno != EINPROGRESS && refused(j, s, errno) < 0) ||
	    wait_for(j, s, *fd) < 0) {
		close(*fd);
		return -1;
	}
	return 0;
}

/* From here on: no other connection, and no program. */
static int
confine(struct job *j)
{
	static const struct calls none = { .sockets = false };

	if (j->conf->isolation == CONF_ISOLATION_OFF || !calls_supported())
		return 0;
	return calls_limit(j, &none);
}

static int
begin(struct job *j, struct service *s)
{
	struct https_client_conf conf = { .user_agent = "countersign",
		.timeout_ms = s->linter->timeout * 1000,
		.plain_too = true,
		.is_connected = true };

	s->deadline = clock_mono_ms() + conf.timeout_ms;
	if (lint_url_read(j->arena, s->linter->url, &s->url) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: " LINT_URL_RULE, s->linter->url);
	if (connect_to(j, s, &conf.fd) < 0)
		return -1;
	if (https_client_new(j, &conf, &s->client) < 0) {
		close(conf.fd);
		return -1;
	}
	return confine(j);
}

/* --- what is asked over it ------------------------------------------------ */

static int
exchange(struct job *j, struct service *s, enum https_method method,
    const char *path, struct span body, struct span *answer)
{
	const struct https_request request = { .method = method,
		.url = arena_printf(j->arena, "%s%s", s->url.base, path),
		.content_type = FORM,
		.accept = JSON_TYPE,
		.body = body,
		.answer_max = LINT_OUTPUT_MAX };
	struct https_response response;

	https_client_limit(s->client, left_ms(s));
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
	struct span linters, answer;
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
	struct service s = { .linter = l };
	int result = begin(j, &s) < 0 ? -1 : ask(j, &s, q, a);

	https_client_free(s.client);
	return result;
}
