/* RFC 5802: the server's two messages, a line each. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/scram.h"
#include "tests/fuzz/time_limit.h"

#define ROUNDS_USECS (10 * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
try(struct job *j, enum scram_hash hash, struct span first, struct span final)
{
	struct scram *s =
	    scram_new(j, hash, SPAN("u=s,r"), SPAN("pencil"), "nonce");
	const char *why = NULL;
	struct span out = { NULL, 0 };

	if (scram_final(s, first, &out, &why) < 0) {
		if (why == NULL || scram_check(s, final, &why) == 0)
			abort();
		return;
	}
	/* It goes on from our nonce, and nothing breaks out of the text. */
	if (why != NULL || !span_starts(out, SPAN("c=biws,r=nonce")) ||
	    span_has_control(out) || !span_is_ascii(out))
		abort();
	if ((scram_check(s, final, &why) < 0) != (why != NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span all = span_mem(data, n);
	size_t end = span_find(all, 0, '\n');
	struct job j;

	/* A server may ask for as many rounds as are allowed, twice here. */
	time_limit.max_usecs = ROUNDS_USECS;
	job_init(&j, NULL, NULL);
	try(&j, SCRAM_SHA1, span_cut(all, 0, end), span_from(all, end + 1));
	try(&j, SCRAM_SHA256, span_cut(all, 0, end), span_from(all, end + 1));
	job_done(&j);
	return 0;
}
