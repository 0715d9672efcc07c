/*
 * The value of an iodef property (PK-37): what is taken for a mailbox is one,
 * and the same again; and a mail to it has its headers, and no other ones.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "mail/iodef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_mail(struct job *j, const struct addr *a)
{
	const struct iodef_report r = { .id = "id",
		.ca_name = "CA",
		.from = "acme@ca.example",
		.to = a->canonical,
		.domain = a->domain,
		.found_at = a->domain,
		.refused_at = 1,
		.date = 2 };
	struct span m, head;

	/* A domain may be as long as a header line may not be. */
	if (iodef_compose(j, &r, &m) < 0)
		abort();
	head = span_cut(m, 0, span_find_span(m, 0, SPAN("\r\n\r\n")));
	for (size_t at = 0, lines = 0; at < head.n; lines++) {
		at = span_find_span(head, at, SPAN("\r\n")) + 2;
		if (lines > 9)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr_policy policy = { .reserved_domains = true };
	struct addr a, again;
	struct job j;

	job_init(&j, NULL, NULL);
	if (iodef_mailbox(&j, span_mem(data, size), &policy, &a) > 0) {
		struct span m = span_str(a.canonical);

		if (span_has_control(m) || !span_is_ascii(m) ||
		    strpbrk(a.canonical, " ,;:<>?%\"()[]\\") != NULL ||
		    addr_parse(&j, m, &policy, &again) < 0 ||
		    strcmp(again.canonical, a.canonical) != 0)
			abort();
		check_mail(&j, &a);
	}
	if (j.err.kind != ERR_NONE)
		abort();
	job_done(&j);
	return 0;
}
