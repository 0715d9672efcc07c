/* ER-24, MA-106: delivery status notifications. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "mail/bounce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const struct dsn *d, const struct finding *f)
{
	if (!d->is_dsn || f->result != FINDING_NOTE ||
	    strncmp(f->code, "dsn.", 4) != 0 || (d->failed && d->delayed) ||
	    ((d->failed || d->delayed) &&
		(!d->parsed || strlen(d->status) < 5)))
		abort();
	if (d->original_message_id != NULL &&
	    (d->original_message_id[0] != '<' ||
		span_has_control(span_str(d->original_message_id))))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct message_limits limits = { 256 * 1024 };
	struct message m;
	struct finding f;
	struct dsn d;
	struct job j;

	job_init(&j, NULL, NULL);
	if (message_parse(&j, span_mem(data, n), &limits, &m, &f) == 0 &&
	    bounce_parse(&j, &m, &d, &f) == 1)
		check(&d, &f);
	job_done(&j);
	return 0;
}
