/*
 * CAA decisions by the resolver and the climb of the product, for test_caa.py.
 *
 *	caa_tool CONFIG ANCHOR TOTAL-MS ISSUER-DOMAIN
 *
 * "DOMAIN ACCOUNT-URL" on each line of standard input; printed is one line
 * for each: result, reason, where the set was found or "-", and how often
 * names were asked in all, as counted from the trace.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "dns/resolver.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/caa.h"

static long long
count_tries(struct job *j, const char *trace)
{
	const struct json *parsed, *answers;
	int64_t sum = 0;

	if (json_parse_object(j, span_str(trace), "trace", &parsed) < 0)
		return -1;
	answers = json_get(parsed, "answers");
	for (size_t i = 0; i < json_count(answers); i++) {
		int64_t tries = 0;

		if (json_get_integer(j, json_at(answers, i), "tries", &tries) <
		    0)
			return -1;
		sum += tries;
	}
	return (long long)sum;
}

static int
answer(struct job *j, struct resolver *r, const struct caa_policy *policy,
    const char *domain, const char *account)
{
	struct caa_decision d;

	j->now = clock_now();
	if (caa_check(j, r, domain, account, policy, &d) < 0)
		return -1;
	printf("%s %s %s %lld\n", caa_result_name(d.result), d.reason,
	    d.found_at == NULL ? "-" : d.found_at, count_tries(j, d.trace));
	fflush(stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct job job;
	char domain[300], account[300];
	struct resolver *r = NULL;

	if (argc != 5) {
		fprintf(stderr, "caa_tool CONFIG ANCHOR TOTAL-MS ISSUER\n");
		return 2;
	}
	const struct resolver_conf conf = { argv[1], argv[2], 5000,
		atoi(argv[3]), false };
	const char *names[] = { argv[4] };
	const struct conf_list issuers = { names, 1 };
	const struct caa_policy policy = { .issuer_domains = &issuers,
		.flag1_critical = true };

	job_init(&job, NULL, NULL);
	if (resolver_new(&job, &conf, &r) < 0) {
		fprintf(stderr, "%s\n", job.err.text);
		return 1;
	}
	while (scanf("%299s %299s", domain, account) == 2) {
		if (answer(&job, r, &policy, domain, account) < 0) {
			fprintf(stderr, "%s\n", job.err.text);
			return 1;
		}
	}
	resolver_free(r);
	job_done(&job);
	return 0;
}
