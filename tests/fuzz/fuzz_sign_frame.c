/* PK-202, PK-203: what the issuer and the signer send each other. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "src/sign_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
same(int written, struct span message, struct span again)
{
	if (written < 0 || !span_eq(message, again))
		abort();
}

/* As one message after the other, each with its length before it. */
static void
put_together(struct job *j, struct span rest)
{
	struct sign_incoming in;

	sign_incoming_init(j, &in);
	while (rest.n > 2) {
		size_t size = (size_t)(unsigned char)rest.p[0] << 8 |
			      (unsigned char)rest.p[1];
		struct span message = span_cut(rest, 2, 2 + size);
		struct sign_question part;

		rest = span_from(rest, 2 + size);
		if (sign_question_read(j, message, &part) == 0 &&
		    sign_incoming_add(&in, &part) == 1 &&
		    (buf_span(&in.tbs).n != part.total || in.is_partial ||
			!buf_ok(&in.tbs)))
			abort();
		job_recover(j);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span message = span_mem(data, n);
	struct sign_question q;
	struct sign_answer a;
	struct span again;
	struct job j;

	if (n > SIGN_FRAME_MAX)
		return 0;
	job_init(&j, NULL, NULL);
	if (sign_question_read(&j, message, &q) == 0) {
		if (q.total > SIGN_TBS_MAX || q.at + q.part.n > q.total)
			abort();
		same(sign_question_write(&j, &q, &again), message, again);
	}
	job_recover(&j);
	if (sign_answer_read(&j, message, &a) == 0)
		same(sign_answer_write(&j, &a, &again), message, again);
	job_recover(&j);
	put_together(&j, message);
	job_done(&j);
	return 0;
}
