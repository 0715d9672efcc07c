#include "config.h"

#include "src/linters.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "pki/lint.h"
#include "pki/ossl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* What a linter may take beyond its own limit of time: to start it and to
 * bring its answer. */
#define MARGIN_MS 5000
#define REPORT_MAX ((size_t)4 * 1024 * 1024)
#define ALLOWED_MAX ((size_t)64 * 1024)

/* --- the conversation ----------------------------------------------------- */

static int64_t
longest_ms(const struct conf *conf)
{
	int64_t longest = 0;

	for (size_t i = 0; i < conf->linter_count; i++)
		if (conf->linters[i].timeout > longest)
			longest = conf->linters[i].timeout;
	return longest * 1000;
}

/* One message, in the job's arena: 1; 0 there is none; -1 the end. */
static int
receive(struct job *j, int fd, char *room, struct span *out)
{
	ssize_t n = read(fd, room, LINT_FRAME_MAX);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	*out = span_mem(arena_memdup(j->arena, room, (size_t)n), (size_t)n);
	return 1;
}

/* Into its place, if it answers this question. */
static size_t
place(struct job *j, const uint8_t id[LINT_ID_LEN], struct span message,
    struct lint_answer *answers, bool *known)
{
	struct lint_answer a;

	if (lint_answer_read(j, message, &a) < 0) {
		log_error(
		    "linter's answer refused", "error=\"%s\"", j->err.text);
		job_recover(j);
		return 0;
	}
	if (memcmp(a.id, id, LINT_ID_LEN) != 0)
		return 0;
	for (size_t i = 0; i < j->conf->linter_count; i++) {
		if (known[i] || !span_eq_str(a.name, j->conf->linters[i].name))
			continue;
		answers[i] = a;
		known[i] = true;
		return 1;
	}
	return 0;
}

static const char *
put_question(
    struct job *j, const struct linters_question *q, uint8_t id[LINT_ID_LEN])
{
	struct lint_question question = { .is_strict = q->is_strict };
	struct span message;
	struct buf pem;

	rnd_bytes(id, LINT_ID_LEN);
	memcpy(question.id, id, LINT_ID_LEN);
	buf_init(&pem, j->arena, LINT_PEM_MAX);
	pem_add(&pem, "CERTIFICATE", q->der);
	question.pem = buf_span(&pem);
	if (!buf_ok(&pem) || lint_question_write(j, &question, &message) < 0) {
		job_recover(j);
		return "the certificate is too large for it";
	}
	return write(q->fd, message.p, message.n) == (ssize_t)message.n
		   ? NULL
		   : "its parent takes no questions";
}

/* Until all have answered or none can any more: why the others have not. */
static const char *
converse(struct job *j, const struct linters_question *q,
    struct lint_answer *answers, bool *known)
{
	char *room = arena_alloc(j->arena, LINT_FRAME_MAX);
	uint8_t id[LINT_ID_LEN];
	struct span message;
	int64_t deadline;
	const char *why;
	size_t count = 0;
	int got;

	/* Of a question whose answer came too late. */
	while ((got = receive(j, q->fd, room, &message)) > 0)
		continue;
	if (got < 0)
		return "its parent has ended";
	why = put_question(j, q, id);
	if (why != NULL)
		return why;
	deadline = clock_mono_ms() + longest_ms(j->conf) + MARGIN_MS;
	while (count < j->conf->linter_count) {
		int64_t left = deadline - clock_mono_ms();
		struct pollfd p = { .fd = q->fd, .events = POLLIN };

		if (left <= 0)
			return "it did not answer in time";
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		got = receive(j, q->fd, room, &message);
		if (got < 0)
			return "its parent has ended";
		if (got > 0)
			count += place(j, id, message, answers, known);
	}
	return NULL;
}

void
linters_ask(struct job *j, const struct linters_question *q,
    struct lint_answer answers[LINTERS_MAX])
{
	bool known[LINTERS_MAX] = { false };
	const char *why = q->fd < 0 ? "no parent of linters was started"
				    : converse(j, q, answers, known);

	for (size_t i = 0; i < j->conf->linter_count; i++) {
		if (known[i])
			continue;
		memset(&answers[i], 0, sizeof(answers[i]));
		answers[i].has_failed = true;
		answers[i].name = span_str(j->conf->linters[i].name);
		answers[i].detail =
		    span_str(why != NULL ? why : "it did not answer");
	}
}

/* --- what follows --------------------------------------------------------- */

/* PK-139: the section that allows it, or NULL. */
static const struct conf_allow_lint *
allowance(struct job *j, const struct lint_answer *a, struct span lint)
{
	const char *name = arena_printf(j->arena, "%.*s:%.*s", (int)a->name.n,
	    a->name.p, (int)lint.n, lint.p);
	int64_t until;

	for (size_t i = 0; i < j->conf->allow_lint_count; i++) {
		const struct conf_allow_lint *allow = &j->conf->allow_lints[i];

		if (strcmp(allow->name, name) == 0 &&
		    lint_until(allow->until, &until) == 0 && j->now < until)
			return allow;
	}
	return NULL;
}

const struct linter_finding *
linters_refusal(struct job *j, const struct lint_answer *a, bool is_ours,
    struct buf *allowed)
{
	const struct linter_finding *refusal = NULL;

	for (size_t i = 0; i < a->findings.n; i++) {
		const struct linter_finding *f = &a->findings.v[i];
		const struct conf_allow_lint *allow =
		    f->is_error || !is_ours ? NULL : allowance(j, a, f->lint);

		if (allow != NULL)
			buf_addf(allowed, "%s%s until %s: %s",
			    allowed->n > 0 ? ", " : "", allow->name,
			    allow->until, allow->reason);
		else if (refusal == NULL)
			refusal = f;
	}
	return refusal;
}

void
linters_report(struct json_out *o, const struct lint_answer *a)
{
	json_object_begin(o);
	json_member_string(o, "linter", a->name);
	json_member_string(o, "version", a->version);
	json_member_str(o, "result",
	    a->has_failed       ? "failed"
	    : a->findings.n > 0 ? "findings"
				: "pass");
	if (a->has_failed)
		json_member_string(o, "detail", a->detail);
	json_key(o, "findings");
	json_array_begin(o);
	for (size_t i = 0; i < a->findings.n; i++) {
		json_object_begin(o);
		json_member_string(o, "lint", a->findings.v[i].lint);
		json_member_str(o, "severity",
		    a->findings.v[i].is_error ? "error" : "warning");
		json_object_end(o);
	}
	json_array_end(o);
	json_member_string(o, "output", a->output);
	json_object_end(o);
}

/* Our own report is an object: theirs becomes its last member. */
static int
join(struct job *j, const struct lint_answer *answers,
    const struct linters_verdict *own, struct linters_verdict *out)
{
	struct span text = span_str(own->report);
	struct json_out o;
	struct buf b;

	if (!span_ends(text, SPAN("}")))
		return job_fail(j, ERR_INTERNAL, "our own lints' report");
	buf_init(&b, j->arena, REPORT_MAX);
	buf_add(&b, span_cut(text, 0, text.n - 1));
	buf_add(&b, SPAN(",\"external\":"));
	json_out_init(&o, &b);
	json_array_begin(&o);
	for (size_t i = 0; i < j->conf->linter_count; i++)
		linters_report(&o, &answers[i]);
	json_array_end(&o);
	buf_add(&b, SPAN("}"));
	out->report = b.p;
	return buf_ok(&b)
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "the lint report is too long");
}

static int
judge(struct job *j, const struct linters_question *q,
    const struct lint_answer *answers, struct buf *allowed)
{
	for (size_t i = 0; i < j->conf->linter_count; i++)
		if (answers[i].has_failed)
			return job_fail(j, ERR_BUSY, "linter %.*s: %.*s",
			    (int)answers[i].name.n, answers[i].name.p,
			    (int)answers[i].detail.n, answers[i].detail.p);
	for (size_t i = 0; i < j->conf->linter_count; i++) {
		const struct linter_finding *f =
		    linters_refusal(j, &answers[i], q->is_ours, allowed);

		if (f != NULL)
			return job_fail(j, ERR_INTERNAL, "lint %.*s:%.*s: %s",
			    (int)answers[i].name.n, answers[i].name.p,
			    (int)f->lint.n, f->lint.p,
			    f->is_error ? "an error" : "a warning");
	}
	return 0;
}

int
linters_check(struct job *j, const struct linters_question *q,
    const struct linters_verdict *own, struct linters_verdict *out)
{
	struct lint_answer *answers;
	struct buf allowed;

	*out = *own;
	if (j->conf->linter_count == 0)
		return 0;
	answers = arena_calloc(j->arena, LINTERS_MAX, sizeof(*answers));
	buf_init(&allowed, j->arena, ALLOWED_MAX);
	if (own->allowed != NULL)
		buf_add(&allowed, span_str(own->allowed));
	linters_ask(j, q, answers);
	if (judge(j, q, answers, &allowed) < 0) {
		out->refuses = j->err.kind == ERR_INTERNAL;
		return -1;
	}
	if (!buf_ok(&allowed))
		return job_fail(j, ERR_INTERNAL, "too many lints are allowed");
	out->allowed = allowed.n > 0 ? allowed.p : NULL;
	return join(j, answers, own, out);
}
