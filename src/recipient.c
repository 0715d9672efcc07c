#include "config.h"

#include "src/recipient.h"

#include "lib/addr.h"
#include "lib/conf.h"
#include "lib/job.h"

#include <string.h>

/* Is it `ours`, or that with a tag? */
static bool
is_form_of(const char *ours, const struct addr *a)
{
	struct span local = span_cut(
	    span_str(ours), 0, strlen(ours) - strlen(addr_domain_of(ours)) - 1);
	struct span given = span_str(a->local);

	/* Mail servers on the way may have changed the case of letters. */
	return strcmp(a->domain, addr_domain_of(ours)) == 0 &&
	       span_casestarts(given, local) &&
	       (given.n == local.n || given.p[local.n] == '+');
}

int
recipient_find(struct job *j, const struct conf_sender *sender,
    struct span address, const char **out)
{
	static const struct addr_policy any = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;

	if (addr_parse(j, address, &any, &a) < 0) {
		job_recover(j);
		return 0;
	}
	if (!is_form_of(sender->from, &a) &&
	    (sender->reply_to == NULL || !is_form_of(sender->reply_to, &a)))
		return 0;
	*out = a.canonical;
	return 1;
}

const char *
recipient_base(const struct conf_sender *sender)
{
	return sender->reply_to != NULL ? sender->reply_to : sender->from;
}
