#include "config.h"

#include "src/report_due.h"

#include "acme/report.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/job.h"

#include <inttypes.h>

int64_t
report_due(const struct report *r)
{
	if (r->closed_at != 0)
		return 0;
	if (r->answered_at == 0 || r->decided_at == 0)
		return r->received_at + REPORT_ANSWER_SECS;
	return r->deadline;
}

const char *
report_lacks(const struct report *r)
{
	if (r->closed_at != 0)
		return "nothing";
	if (r->answered_at == 0)
		return "its answer";
	return r->decided_at == 0 ? "the decision" : "its end";
}

const char *
report_state(const struct report *r)
{
	if (r->closed_at != 0)
		return "closed";
	if (r->answered_at == 0)
		return r->decided_at == 0 ? "open" : "not answered";
	return r->decided_at == 0 ? "answered" : "decided";
}

const char *
report_left(struct job *j, const struct report *r)
{
	int64_t due = report_due(r), left = due - j->now;

	if (due == 0)
		return "-";
	return arena_printf(j->arena, "%s%" PRId64 "h%02dm",
	    left < 0 ? "overdue " : "", (left < 0 ? -left : left) / 3600,
	    (int)((left < 0 ? -left : left) / 60 % 60));
}
