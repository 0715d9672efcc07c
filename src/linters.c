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

/* Those that judge it, in the configuration's sequence. */
struct chosen {
	const struct conf_linter *v[LINTERS_MAX];
	bool known[LINTERS_MAX]; /* has answered */
	size_t n;
};

static void
choose(const struct conf *c, enum lint_object object, struct chosen *out)
{
	*out = (struct chosen){ .n = 0 };
	for (size_t i = 0; i < c->linter_count && out->n < LINTERS_MAX; i++)
		if (linter_takes(&c->linters[i], object))
			out->v[out->n++] = &c->linters[i];
}

size_t
linters_count(const struct conf *c, enum lint_object object)
{
	struct chosen chosen;

	choose(c, object, &chosen);
	return chosen.n;
}

static int64_t
longest_ms(const struct chosen *c)
{
	int64_t longest = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i]->timeout > longest)
			longest = c->v[i]->timeout;
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
    struct lint_answer *answers, struct chosen *c)
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
	for (size_t i = 0; i < c->n; i++) {
		if (c->known[i] || !span_eq_str(a.name, c->v[i]->name))
			continue;
		answers[i] = a;
		c->known[i] = true;
		return 1;
	}
	return 0;
}

/* A part, until there is room for it. */
static bool
put(int fd, struct span message, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int64_t left = deadline - clock_mono_ms();

		if (write(fd, message.p, message.n) == (ssize_t)message.n)
			return true;
		if ((errno != EAGAIN && errno != EINTR) || left <= 0)
			return false;
		(void)poll(&p, 1, (int)left);
	}
}

static const char *
put_question(struct job *j, const struct linters_question *q,
    uint8_t id[LINT_ID_LEN], int64_t deadline)
{
	struct lint_question part = { .object = q->object };
	struct span message;
	struct buf text;

	rnd_bytes(id, LINT_ID_LEN);
	memcpy(part.id, id, LINT_ID_LEN);
	buf_init(&text, j->arena, LINT_TEXT_MAX);
	linter_input(&text, q->object, q->der);
	if (!buf_ok(&text))
		return "what it is to judge is too large for it";
	for (size_t at = 0; at < text.n; at += LINT_PART_MAX) {
		part.more = at + LINT_PART_MAX < text.n;
		part.text = span_cut(buf_span(&text), at, at + LINT_PART_MAX);
		if (lint_question_write(j, &part, &message) < 0) {
			job_recover(j);
			return "what it is to judge is too large for it";
		}
		if (!put(q->fd, message, deadline))
			return "its parent takes no questions";
	}
	return NULL;
}

/* Until all have answered or none can any more: why the others have not. */
static const char *
converse(struct job *j, const struct linters_question *q,
    struct lint_answer *answers, struct chosen *c)
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
	deadline = clock_mono_ms() + longest_ms(c) + MARGIN_MS;
	why = put_question(j, q, id, deadline);
	if (why != NULL)
		return why;
	while (count < c->n) {
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
			count += place(j, id, message, answers, c);
	}
	return NULL;
}

size_t
linters_ask(struct job *j, const struct linters_question *q,
    struct lint_answer answers[LINTERS_MAX])
{
	struct chosen c;
	const char *why;

	choose(j->conf, q->object, &c);
	if (c.n == 0)
		return 0;
	why = q->fd < 0 ? "no parent of linters was started"
			: converse(j, q, answers, &c);
	for (size_t i = 0; i < c.n; i++) {
		if (c.known[i])
			continue;
		memset(&answers[i], 0, sizeof(answers[i]));
		answers[i].has_failed = true;
		answers[i].name = span_str(c.v[i]->name);
		answers[i].detail =
		    span_str(why != NULL ? why : "it did not answer");
	}
	return c.n;
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
join(struct job *j, const struct lint_answer *answers, size_t count,
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
	for (size_t i = 0; i < count; i++)
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
    const struct lint_answer *answers, size_t count, struct buf *allowed)
{
	for (size_t i = 0; i < count; i++)
		if (answers[i].has_failed)
			return job_fail(j, ERR_BUSY, "linter %.*s: %.*s",
			    (int)answers[i].name.n, answers[i].name.p,
			    (int)answers[i].detail.n, answers[i].detail.p);
	for (size_t i = 0; i < count; i++) {
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

/* They have not refused: what has a finding is allowed. */
static const char *
in_a_line(struct job *j, const struct lint_answer *answers, size_t count)
{
	struct buf b;

	buf_init(&b, j->arena, ALLOWED_MAX);
	for (size_t i = 0; i < count; i++)
		buf_addf(&b, "%s%.*s (%.*s): %s", i > 0 ? "; " : "",
		    (int)answers[i].name.n, answers[i].name.p,
		    (int)answers[i].version.n, answers[i].version.p,
		    answers[i].findings.n == 0 ? "pass" : "pass, as allowed");
	return b.p;
}

int
linters_check(struct job *j, const struct linters_question *q,
    const struct linters_verdict *own, struct linters_verdict *out)
{
	struct lint_answer *answers;
	struct buf allowed;
	size_t count;

	*out = *own;
	if (linters_count(j->conf, q->object) == 0)
		return 0;
	answers = arena_calloc(j->arena, LINTERS_MAX, sizeof(*answers));
	buf_init(&allowed, j->arena, ALLOWED_MAX);
	if (own->allowed != NULL)
		buf_add(&allowed, span_str(own->allowed));
	count = linters_ask(j, q, answers);
	if (judge(j, q, answers, count, &allowed) < 0) {
		out->refuses = j->err.kind == ERR_INTERNAL;
		return -1;
	}
	if (!buf_ok(&allowed))
		return job_fail(j, ERR_INTERNAL, "too many lints are allowed");
	out->allowed = allowed.n > 0 ? allowed.p : NULL;
	out->line = in_a_line(j, answers, count);
	return join(j, answers, count, own, out);
}
