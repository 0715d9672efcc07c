/* PK-214: a ceremony's bundle.  What is taken has one form only. */
#include "config.h"

#include <stdlib.h>

#include "lib/job.h"
#include "pki/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct bundle b;
	struct span tar = span_mem(data, n), again;
	struct job j;

	job_init(&j, NULL, NULL);
	if (bundle_read(&j, tar, &b) == 0) {
		for (size_t i = 0; i < b.n; i++)
			if (!bundle_name_is_good(b.v[i].name))
				abort();
		if (bundle_write(&j, &b, &again) < 0 || !span_eq(tar, again))
			abort();
	} else if (j.err.kind != ERR_MALFORMED) {
		abort();
	}
	job_done(&j);
	return 0;
}
