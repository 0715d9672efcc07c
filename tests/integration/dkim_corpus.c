/*
 * The replies of tests/data/replies as cases for the DKIM oracles
 * (dkim_case.h).  The note is FILE:LINE, and whom the case excuses (MA-90).
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "tests/unit/reply_case.h"
/* Its libraries report with cmocka. */
#include "tests/unit/unit.h"

/* What the signature is compared with (MA-19). */
static long long
time_of(const struct reply_case *c)
{
	return c->arrival >= c->expect.sent_at && c->arrival <= c->now
		   ? c->arrival
		   : c->now;
}

static void
print_case(const struct reply_case *c)
{
	const char *slash = strrchr(c->file, '/');
	size_t count = c->dns == DNS_OK ? c->record_count : 0;

	printf("case %s %lld %zu %zu %s:%u %s\n",
	    c->dkim_domain != NULL ? c->dkim_domain
				   : addr_domain_of(c->expect.mailbox),
	    time_of(c), count, c->raw.n, slash + 1, c->line,
	    c->exception == NULL ? "-" : c->exception);
	for (size_t i = 0; i < count; i++)
		printf("%s\t%.*s\n", c->records[i].name,
		    (int)c->records[i].text.n, c->records[i].text.p);
	fwrite(c->raw.p, 1, c->raw.n, stdout);
}

int
main(void)
{
	const char **files;
	size_t file_count;
	struct job j;

	job_init(&j, NULL, NULL);
	reply_cases_files(&j, &files, &file_count);
	for (size_t i = 0; i < file_count; i++) {
		struct reply_case *cases;
		size_t n;

		reply_cases_load(&j, files[i], &cases, &n);
		for (size_t k = 0; k < n; k++)
			print_case(&cases[k]);
	}
	job_done(&j);
	return fflush(stdout) == 0 ? 0 : 1;
}
