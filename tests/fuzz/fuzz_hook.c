/*
 * PK-221: what a program prints that hands requests to another CA.  The first
 * octet is its exit status, and whether it was polled.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "lib/log.h"
#include "src/upstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int statuses[] = { 0, 75, 1, 255 };
	struct upstream_answer a;
	struct job j;

	if (n == 0)
		return 0;
	log_open("fuzz", LOG_LEVEL_ERROR);
	job_init(&j, NULL, NULL);
	upstream_hook_read(&j, statuses[data[0] & 3], span_mem(data + 1, n - 1),
	    (data[0] & 4) != 0, &a);
	/* Only what was said is believed. */
	if (j.err.kind != ERR_NONE)
		abort();
	if ((a.outcome == UPSTREAM_ISSUED) != (a.certificate.n > 0))
		abort();
	if (a.outcome == UPSTREAM_ISSUED && (data[0] & 3) != 0)
		abort();
	if (a.token != NULL &&
	    (a.outcome != UPSTREAM_PENDING || strlen(a.token) > 1000))
		abort();
	if ((a.outcome == UPSTREAM_REFUSED) != ((data[0] & 3) > 1))
		abort();
	if (a.outcome == UPSTREAM_UNKNOWN && (data[0] & 4) == 0)
		abort();
	job_done(&j);
	return 0;
}
