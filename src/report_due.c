#include "config.h"

#include "src/report_due.h"

#include "acme/report.h"
#include "db/store_report.h"

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
