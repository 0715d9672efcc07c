#include "config.h"

#include "src/recipient.h"

#include "lib/addr.h"
#include "lib/job.h"

#include <string.h>

int
recipient_find(
    struct job *j, const char *from, struct span address, const char **out)
{
	static const struct addr_policy any = { .utf8_local = true,
		.reserved_domains = true };
	struct span local = span_cut(
	    span_str(from), 0, strlen(from) - strlen(addr_domain_of(from)) - 1);
	struct span given;
	struct addr a;

	if (addr_parse(j, address, &any, &a) < 0) {
		job_recover(j);
		return 0;
	}
	given = span_str(a.local);
	/* Mail servers on the way may have changed the case of letters. */
	if (strcmp(a.domain, addr_domain_of(from)) != 0 ||
	    !span_casestarts(given, local) ||
	    (given.n > local.n && given.p[local.n] != '+'))
		return 0;
	*out = a.canonical;
	return 1;
}
