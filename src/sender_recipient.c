#include "config.h"

#include "src/sender_recipient.h"

#include "db/store_suppressed.h"
#include "lib/addr.h"
#include "lib/job.h"
#include "mail/submit.h"

static const struct submit_result no_address = { .outcome = SUBMIT_PERMANENT,
	.answer = "not sent: this is no mailbox" };
static const struct submit_result too_late = { .outcome = SUBMIT_PERMANENT,
	.answer = "not sent in time" };
static const struct submit_result suppressed = { .outcome = SUBMIT_PERMANENT,
	.answer = "not sent: the mailbox is on the suppression list" };

int
sender_recipient_check(struct job *j, const struct sender_recipient *r,
    const struct submit_result **refusal)
{
	const struct addr_policy any = { .utf8_local = r->utf8_local,
		.reserved_domains = true };
	struct suppressed entry;
	struct addr a;
	int found;

	if (addr_parse(j, span_str(r->mailbox), &any, &a) < 0) {
		job_recover(j);
		*refusal = &no_address;
		return 0;
	}
	if (r->expires_at <= j->now) {
		*refusal = &too_late;
		return 0;
	}
	found = store_suppressed_find(j, addr_counted(j, a.canonical), &entry);
	if (found < 0)
		return -1;
	*refusal = &suppressed;
	return found == 0;
}
