#include "config.h"

#include "src/sign_frame.h"

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "pki/remote_key.h"
#include "src/frame.h"

#include <string.h>

#define MAGIC_LEN 4
#define NUMBER_LEN 4
static const char question_magic[] = "CSSQ";
static const char answer_magic[] = "CSSA";
/* In the sequence of enum sign_outcome. */
static const char outcome_letters[] = "0BRFG";
_Static_assert(
    sizeof(outcome_letters) == SIGN_OUTCOMES + 1, "a letter for each");

/* --- writing -------------------------------------------------------------- */

static void
add_number(struct buf *b, size_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(b, (char)(unsigned char)(value >> shift & 0xff));
}

static int
finish(struct job *j, const struct buf *b, struct span *out)
{
	*out = buf_span(b);
	return buf_ok(b) ? 0
			 : job_fail(j, ERR_INTERNAL,
			       "what issuer and signer say is too long");
}

int
sign_question_write(
    struct job *j, const struct sign_question *q, struct span *out)
{
	struct buf b;

	if (q->label.n > SIGN_LABEL_MAX || q->total > SIGN_TBS_MAX)
		return job_fail(
		    j, ERR_INTERNAL, "%zu octets are not signed", q->total);
	buf_init(&b, j->arena, SIGN_FRAME_MAX);
	buf_add_mem(&b, question_magic, MAGIC_LEN);
	buf_add_mem(&b, q->id, SIGN_ID_LEN);
	buf_add_char(&b, q->tag);
	buf_add_char(&b, (char)(unsigned char)q->label.n);
	buf_add(&b, q->label);
	add_number(&b, q->total);
	add_number(&b, q->at);
	buf_add(&b, q->part);
	return finish(j, &b, out);
}

int
sign_answer_write(struct job *j, const struct sign_answer *a, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, SIGN_ANSWER_MAX);
	buf_add_mem(&b, answer_magic, MAGIC_LEN);
	buf_add_mem(&b, a->id, SIGN_ID_LEN);
	buf_add_char(&b, outcome_letters[a->outcome]);
	buf_add(&b, a->octets);
	return finish(j, &b, out);
}

/* --- reading -------------------------------------------------------------- */

static size_t
take_number(struct frame_reader *r)
{
	size_t value = 0;

	for (int i = 0; i < NUMBER_LEN; i++)
		value = value << 8 | frame_take_octet(r);
	return value;
}

static void
take_head(struct frame_reader *r, const char *magic, uint8_t id[SIGN_ID_LEN])
{
	struct span s = frame_take(r, MAGIC_LEN);

	memset(id, 0, SIGN_ID_LEN);
	r->failed = r->failed || !span_eq_str(s, magic);
	s = frame_take(r, SIGN_ID_LEN);
	if (s.n == SIGN_ID_LEN)
		memcpy(id, s.p, SIGN_ID_LEN);
}

static int
result_of(struct job *j, bool is_good)
{
	return is_good ? 0
		       : job_fail(j, ERR_MALFORMED,
			     "a message between issuer and signer that has "
			     "not their form");
}

/* Nothing is an empty part, and no part is beyond the end. */
static bool
sizes_fit(const struct sign_question *q)
{
	if (q->tag == SIGN_IS_READY || q->tag == REMOTE_REQUEST)
		return q->total == 0 && q->at == 0 && q->part.n == 0;
	return q->total > 0 && q->total <= SIGN_TBS_MAX && q->part.n > 0 &&
	       q->part.n <= SIGN_PART_MAX && q->at < q->total &&
	       q->part.n <= q->total - q->at;
}

/* It stands in the log. */
static bool
is_label(struct span label)
{
	for (size_t i = 0; i < label.n; i++)
		if (!(label.p[i] >= '0' && label.p[i] <= '9') &&
		    !(label.p[i] >= 'a' && label.p[i] <= 'f'))
			return false;
	return label.n > 0 && label.n <= SIGN_LABEL_MAX;
}

int
sign_question_read(
    struct job *j, struct span message, struct sign_question *out)
{
	struct frame_reader r = { .left = message };

	take_head(&r, question_magic, out->id);
	out->tag = (char)frame_take_octet(&r);
	out->label = frame_take(&r, frame_take_octet(&r));
	out->total = take_number(&r);
	out->at = take_number(&r);
	out->part = r.left;
	return result_of(
	    j, !r.failed && is_label(out->label) && sizes_fit(out));
}

int
sign_answer_read(struct job *j, struct span message, struct sign_answer *out)
{
	struct frame_reader r = { .left = message };
	size_t outcome;

	take_head(&r, answer_magic, out->id);
	outcome =
	    span_find(span_str(outcome_letters), 0, (char)frame_take_octet(&r));
	out->octets = r.left;
	if (r.failed || outcome >= SIGN_OUTCOMES)
		return result_of(j, false);
	out->outcome = (enum sign_outcome)outcome;
	if (out->outcome == SIGN_DONE)
		return result_of(j, out->octets.n <= REMOTE_SIGNATURE_MAX);
	return result_of(j, out->octets.n < ERR_TEXT_MAX &&
				utf8_is_valid(out->octets) &&
				!span_has_control(out->octets));
}

void
sign_incoming_init(struct job *j, struct sign_incoming *in)
{
	*in = (struct sign_incoming){ .is_partial = false };
	buf_init(&in->tbs, j->arena, SIGN_TBS_MAX);
}

static void
begin(struct sign_incoming *in, const struct sign_question *part)
{
	struct span label = span_cut(part->label, 0, sizeof(in->label));

	memcpy(in->label, label.p, label.n);
	in->head = *part;
	in->head.label = span_mem(in->label, label.n);
	in->head.part = (struct span){ NULL, 0 };
	buf_clear(&in->tbs);
}

int
sign_incoming_add(struct sign_incoming *in, const struct sign_question *part)
{
	bool goes_on =
	    in->is_partial && memcmp(in->head.id, part->id, SIGN_ID_LEN) == 0;

	if (!goes_on)
		begin(in, part);
	in->is_partial =
	    part->at == buf_span(&in->tbs).n && part->total == in->head.total &&
	    part->tag == in->head.tag && span_eq(part->label, in->head.label);
	if (!in->is_partial)
		return 0;
	buf_add(&in->tbs, part->part);
	if (buf_span(&in->tbs).n < part->total)
		return 0;
	in->is_partial = false;
	return 1;
}
