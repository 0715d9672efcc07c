/* PK-140: what the issuer and the parent of the linters send each other. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "src/lint_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was read is written as it was. */
static void
same(struct job *j, struct span message, const struct lint_answer *a)
{
	struct span again;

	if (lint_answer_write(j, a, &again) < 0 || !span_eq(message, again))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span message = span_mem(data, n);
	struct lint_question q;
	struct lint_answer a;
	struct job j;

	if (n > LINT_FRAME_MAX)
		return 0;
	job_init(&j, NULL, NULL);
	if (lint_answer_read(&j, message, &a) == 0) {
		if (!a.has_failed && (a.version.n == 0 || a.output.n == 0))
			abort();
		same(&j, message, &a);
	}
	job_recover(&j);
	if (lint_question_read(&j, message, &q) == 0) {
		struct span again;

		if (q.text.n == 0 || q.object >= LINT_OBJECTS ||
		    lint_question_write(&j, &q, &again) < 0 ||
		    !span_eq(message, again))
			abort();
	}
	job_done(&j);
	return 0;
}
