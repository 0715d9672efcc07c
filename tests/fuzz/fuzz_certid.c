/* A certificate identifier (AC-166): what is accepted has one spelling. */
#include "config.h"

#include <stdlib.h>

#include "acme/certid.h"
#include "lib/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct certid id;
	struct job j;

	job_init(&j, NULL, NULL);
	if (certid_parse(span_mem(data, n), &id) == 0 &&
	    !span_eq_str(
		span_mem(data, n), certid_format(&j, id.ca_label, id.serial)))
		abort();
	job_done(&j);
	return 0;
}
