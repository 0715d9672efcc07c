/*
 * PK-140: what a linter prints.  The first octet is its exit status, and
 * whose form it has.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/job.h"
#include "lib/utf8.h"
#include "pki/linter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct linter_findings f;
	struct span output, version;
	struct job j;

	if (n == 0)
		return 0;
	job_init(&j, NULL, NULL);
	output = span_mem(data + 1, n - 1);
	if (linter_read(&j,
		(data[0] & 0x80) != 0 ? CONF_LINTER_PKILINT : CONF_LINTER_ZLINT,
		data[0] & 0x7f, output, &f) == 0) {
		if (!utf8_is_valid(output) || output.n == 0)
			abort();
		for (size_t i = 0; i < f.n; i++)
			if (!linter_name_is_good(f.v[i].lint))
				abort();
		/* No fewer findings than it counted itself. */
		if ((data[0] & 0x80) == 0 && (data[0] & 0x7f) != 0)
			abort();
	} else if (j.err.kind != ERR_MALFORMED) {
		abort();
	}
	job_recover(&j);
	if (linter_read_version(&j, output, &version) == 0 &&
	    !linter_version_is_good(version))
		abort();
	job_done(&j);
	return 0;
}
