#include "config.h"

#include "src/linter_check.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/returned.h"
#include "src/linters.h"
#include "src/role_linter.h"

#include <sys/types.h>

#define SAMPLE_MAX ((size_t)64 * 1024)

int
linter_check(struct job *j, linter_check_fn *tell, void *ctx)
{
	struct linters_question q = { .is_strict = true, .is_ours = true };
	struct lint_answer *answers =
	    arena_calloc(j->arena, LINTERS_MAX, sizeof(*answers));
	struct span pem;
	pid_t pid;

	/* The one certificate that is always there. */
	if (file_read(j, j->conf->issuer.ca_certificate, SAMPLE_MAX, &pem) < 0)
		return -1;
	if (returned_leaf(j, pem, &q.der) < 0)
		return job_fail(j, ERR_INTERNAL, "%s: cannot be read",
		    j->conf->issuer.ca_certificate);
	if (linter_start(j, &pid, &q.fd) < 0)
		return -1;
	linters_ask(j, &q, answers);
	linter_stop(pid, q.fd);
	for (size_t i = 0; i < j->conf->linter_count; i++)
		tell(ctx, &answers[i]);
	return 0;
}
