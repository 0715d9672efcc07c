/* ER-1, ER-2, AC-87, MA-45: addresses, bare and in header fields.  A
 * canonical form is its own. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/addr_list.h"
#include "mail/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct addr_policy all = { .utf8_local = true,
	.reserved_domains = true };

static void
check_canonical(struct job *j, const char *canonical)
{
	struct addr again;

	if (!utf8_is_plain(span_str(canonical)) || strlen(canonical) > 254 ||
	    !span_is_ascii(span_str(addr_domain_of(canonical))) ||
	    addr_parse(j, span_str(canonical), &all, &again) < 0 ||
	    strcmp(again.canonical, canonical) != 0 ||
	    !addr_is_sender(canonical, again.canonical))
		abort();
}

static void
check_bare(struct job *j, struct span value)
{
	struct addr a;
	const char *domain;

	if (addr_parse(j, value, &all, &a) == 0)
		check_canonical(j, a.canonical);
	job_recover(j);
	(void)addr_domain(j, value, &domain);
	job_recover(j);
}

static void
check_fields(struct job *j, struct span value)
{
	const char *from;
	struct finding f;
	struct addr_list l, one;
	struct span before, after;

	addr_list_init(j, &l, 8);
	addr_list_init(j, &one, 1);
	if (addr_list_add(j, &l, value) == 0)
		for (size_t i = 0; i < l.count; i++)
			check_canonical(j, l.v[i]);
	if (addr_list_from(j, value, &from, &f) < 0)
		return;
	check_canonical(j, from);
	if (addr_list_from_names(value, &before, &after) < 0 ||
	    before.n + after.n >= value.n)
		abort();
	/* What is one mailbox is a list of one. */
	if (addr_list_add(j, &one, value) < 0 || one.count != 1 ||
	    strcmp(one.v[0], from) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct job j;

	job_init(&j, NULL, NULL);
	check_bare(&j, span_mem(data, n));
	check_fields(&j, span_mem(data, n));
	job_done(&j);
	return 0;
}
