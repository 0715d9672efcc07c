/* MA-81: fields above the own server's Received, as strangers might write
 * them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/auth_results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct auth_results_conf conf = { "mx.ca.test", 2 };
	const struct message_limits limits = { 64 * 1024 };
	struct auth_results *r;
	struct message m;
	struct finding f;
	struct job j;

	job_init(&j, NULL, NULL);
	r = arena_alloc(j.arena, sizeof(*r));
	if (message_parse(&j, span_mem(data, n), &limits, &m, &f) == 0) {
		auth_results_read(&j, &m, &conf, r);
		/* Results come from fields of that server only, whose name may
		 * be quoted ("mx.ca.tes\\t"). */
		if (r->count > AUTH_RESULTS_MAX ||
		    (r->count > 0 && memchr(data, '\\', n) == NULL &&
			!span_has(m.raw, SPAN("mx.ca.test"))))
			abort();
		for (size_t i = 0; i < r->count; i++)
			if (r->v[i].method.n == 0 || r->v[i].result.n == 0 ||
			    (r->v[i].domain != NULL &&
				strchr(r->v[i].domain, '@') != NULL))
				abort();
		(void)auth_results_veto(r, "user.test", "user.test", &f);
	}
	job_done(&j);
	return 0;
}
