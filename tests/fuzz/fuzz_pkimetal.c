/*
 * PK-140: what a linting service says.  The first octet is what it was asked
 * about; then the list of its linters, a NUL, and its answer.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/job.h"
#include "lib/utf8.h"
#include "pki/pkimetal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct linter_findings f;
	struct span text, version;
	struct job j;
	size_t nul;

	if (n == 0)
		return 0;
	job_init(&j, NULL, NULL);
	text = span_mem(data + 1, n - 1);
	nul = span_find(text, 0, '\0');
	if (pkimetal_read(&j, (enum lint_object)(data[0] % LINT_OBJECTS),
		span_cut(text, 0, nul), span_from(text, nul + 1), &f,
		&version) == 0) {
		if (!linter_version_is_good(version) ||
		    !utf8_is_valid(span_from(text, nul + 1)))
			abort();
		for (size_t i = 0; i < f.n; i++)
			if (!linter_name_is_good(f.v[i].lint))
				abort();
	} else if (j.err.kind != ERR_MALFORMED) {
		abort();
	}
	job_done(&j);
	return 0;
}
