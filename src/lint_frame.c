#include "config.h"

#include "src/lint_frame.h"

#include "lib/job.h"
#include "lib/utf8.h"
#include "src/frame.h"

#include <string.h>

#define MAGIC_LEN 4
static const char question_magic[] = "CSLQ";
static const char answer_magic[] = "CSLA";
/* In the sequence of enum lint_object. */
static const char object_letters[] = "SMORICAP";
_Static_assert(sizeof(object_letters) == LINT_OBJECTS + 1, "a letter for each");

/* --- writing -------------------------------------------------------------- */

static void
add_octet(struct buf *b, size_t value)
{
	const char octet = (char)(unsigned char)value;

	buf_add_mem(b, &octet, 1);
}

static int
finish(struct job *j, const struct buf *b, struct span *out)
{
	*out = buf_span(b);
	return buf_ok(b) ? 0
			 : job_fail(j, ERR_INTERNAL,
			       "what linters and issuer say is too long");
}

int
lint_question_write(
    struct job *j, const struct lint_question *q, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, MAGIC_LEN + LINT_ID_LEN + 2 + LINT_PART_MAX);
	buf_add_mem(&b, question_magic, MAGIC_LEN);
	buf_add_mem(&b, q->id, LINT_ID_LEN);
	buf_add_char(&b, object_letters[q->object]);
	buf_add_char(&b, q->more ? '+' : '.');
	buf_add(&b, q->text);
	return finish(j, &b, out);
}

static void
add_short(struct buf *b, struct span text, size_t max)
{
	struct span s = span_cut(text, 0, max);

	add_octet(b, s.n);
	buf_add(b, s);
}

int
lint_answer_write(struct job *j, const struct lint_answer *a, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, LINT_FRAME_MAX);
	buf_add_mem(&b, answer_magic, MAGIC_LEN);
	buf_add_mem(&b, a->id, LINT_ID_LEN);
	add_octet(&b, a->has_failed ? '1' : '0');
	add_short(&b, a->name, LINTER_NAME_MAX);
	add_short(&b, a->version, LINTER_VERSION_MAX);
	add_short(&b, a->detail, LINT_DETAIL_MAX);
	add_octet(&b, a->findings.n >> 8);
	add_octet(&b, a->findings.n & 0xff);
	for (size_t i = 0; i < a->findings.n; i++) {
		add_octet(&b, a->findings.v[i].is_error ? 'E' : 'W');
		add_short(&b, a->findings.v[i].lint, LINTER_NAME_MAX);
	}
	buf_add(&b, span_cut(a->output, 0, LINT_OUTPUT_MAX));
	return finish(j, &b, out);
}

/* --- reading -------------------------------------------------------------- */

/* One of two letters: is it the first? */
static bool
take_letter(struct frame_reader *r, char first, char second)
{
	char c = (char)frame_take_octet(r);

	r->failed = r->failed || (c != first && c != second);
	return c == first;
}

static struct span
take_short(struct frame_reader *r)
{
	return frame_take(r, frame_take_octet(r));
}

static void
take_head(struct frame_reader *r, const char *magic, uint8_t id[LINT_ID_LEN])
{
	struct span s = frame_take(r, MAGIC_LEN);

	memset(id, 0, LINT_ID_LEN);
	r->failed = r->failed || !span_eq_str(s, magic);
	s = frame_take(r, LINT_ID_LEN);
	if (s.n == LINT_ID_LEN)
		memcpy(id, s.p, LINT_ID_LEN);
}

static int
result_of(struct job *j, bool is_good)
{
	return is_good ? 0
		       : job_fail(j, ERR_MALFORMED,
			     "a message between linters and issuer that has "
			     "not their form");
}

int
lint_question_read(
    struct job *j, struct span message, struct lint_question *out)
{
	struct frame_reader r = { .left = message };

	size_t object;

	take_head(&r, question_magic, out->id);
	object =
	    span_find(span_str(object_letters), 0, (char)frame_take_octet(&r));
	out->more = take_letter(&r, '+', '.');
	out->text = r.left;
	if (r.failed || object >= LINT_OBJECTS || out->text.n == 0 ||
	    out->text.n > LINT_PART_MAX)
		return result_of(j, false);
	out->object = (enum lint_object)object;
	return 0;
}

static void
take_findings(struct frame_reader *r, struct linter_findings *out)
{
	size_t count = (size_t)frame_take_octet(r) << 8;

	count |= frame_take_octet(r);
	out->n = 0;
	r->failed = r->failed || count > LINTER_FINDINGS_MAX;
	for (size_t i = 0; i < count && !r->failed; i++) {
		struct linter_finding *f = &out->v[i];

		f->is_error = take_letter(r, 'E', 'W');
		f->lint = take_short(r);
		r->failed = r->failed || !linter_name_is_good(f->lint);
	}
	if (!r->failed)
		out->n = count;
}

int
lint_answer_read(struct job *j, struct span message, struct lint_answer *out)
{
	struct frame_reader r = { .left = message };

	take_head(&r, answer_magic, out->id);
	out->has_failed = take_letter(&r, '1', '0');
	out->name = take_short(&r);
	out->version = take_short(&r);
	out->detail = take_short(&r);
	take_findings(&r, &out->findings);
	out->output = r.left;
	if (r.failed || out->output.n > LINT_OUTPUT_MAX ||
	    !linter_name_is_good(out->name) ||
	    (out->version.n > 0 && !linter_version_is_good(out->version)) ||
	    out->detail.n > LINT_DETAIL_MAX || !utf8_is_valid(out->detail) ||
	    span_has_control(out->detail) || !utf8_is_valid(out->output))
		return result_of(j, false);
	/* A verdict without what made it is none. */
	return result_of(
	    j, out->has_failed || (out->version.n > 0 && out->output.n > 0));
}
