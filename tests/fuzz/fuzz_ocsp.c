/*
 * An OCSP request in a path and in a body (PK-166): whatever is taken is
 * strict DER with at least one number; and a segment of answers, whose every
 * record is read.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/job.h"
#include "pki/der.h"
#include "pki/ocsp_segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_wanted(void *ctx, const struct ocsp_request *r)
{
	size_t *asked = ctx;

	++*asked;
	return r->count == 1 && *asked % 3 == 0;
}

static void
read_segment(struct span in)
{
	struct ocsp_segment s;
	struct ocsp_record r;

	if (ocsp_segment_parse(in, &s) < 0)
		return;
	for (size_t i = 0; i < s.count; i++)
		if (ocsp_segment_record(&s, i, &r) == 0)
			(void)ocsp_segment_find(&s, ocsp_serial(&r.status), &r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_mem(data, n);
	struct ocsp_request r;
	size_t asked = 0;
	struct job j;

	job_init(&j, NULL, NULL);
	if (ocsp_request_parse(in, &r) == 0 &&
	    (!der_is_strict(in) || r.count == 0 || r.certs[0].serial.n == 0))
		abort();
	/* PK-173 */
	if (r.nonce_is == OCSP_NONCE_GOOD
		? r.nonce.n == 0 || r.nonce.n > OCSP_NONCE_MAX
		: r.nonce.n != 0)
		abort();
	if (ocsp_request_from_path(j.arena, in, is_wanted, &asked, &r) == 0 &&
	    r.count == 0)
		abort();
	read_segment(in);
	job_done(&j);
	return 0;
}
