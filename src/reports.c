#include "config.h"

#include "acme/report.h"
#include "db/store_audit.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>

/* What is missing, for the log and for records. */
static const char *
missing(const struct report *r)
{
	if (r->answered_at != 0)
		return "decision";
	return r->decided_at != 0 ? "preliminary answer"
				  : "preliminary answer, decision";
}

/* Somebody may have answered meanwhile: then there is nothing to say. */
static int
settle(struct job *j)
{
	store_rollback(j);
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	return 1;
}

int
issuer_report_step(struct job *j)
{
	struct report r;
	int64_t left;
	int found = store_report_due(j, &r);

	if (found <= 0)
		return found;
	left = r.received_at + REPORT_ANSWER_SECS - j->now;
	if (store_begin(j) < 0)
		return -1;
	if (store_report_set_alarm(
		j, r.number, report_next_alarm(r.received_at, j->now)) < 0)
		return settle(j);
	if (store_audit_add(j, "issuer", "problem report",
		arena_printf(j->arena, "report:%" PRId64, r.number),
		left > 0 ? "due" : "overdue",
		worker_detail(j, "missing", missing(&r))) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_error(left > 0 ? "problem report due" : "problem report overdue",
	    "report=%" PRId64 " seconds=%" PRId64 " missing=\"%s\" "
	    "next=\"countersign report show %" PRId64
	    ", then answer and decide\"",
	    r.number, left, missing(&r), r.number);
	return 1;
}
