#include "config.h"

#include "acme/report.h"
#include "db/store_audit.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/key_proof.h"
#include "src/report_change.h"
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

/* --- with a proof ---------------------------------------------------------
 */

/* web has verified it, and web's rows say what they like. */
static bool
is_proven(struct job *j, const struct report *r)
{
	const struct key_proof kept = { .kind = r->proof_kind,
		.evidence = r->proof,
		.spki = r->proof_spki };
	struct key_proof p;

	if (key_proof_again(j, j->conf->base_url, &kept, &p) == 0 &&
	    span_eq(span_mem(p.spki_sha256, SHA256_LEN), r->spki_sha256))
		return true;
	log_error("key proof does not hold",
	    "report=%" PRId64 " error=\"%s\" next=\"find out who wrote that "
	    "row: its certificates may be revoked without reason\"",
	    r->number, j->err.text);
	job_recover(j);
	return false;
}

static int
end_proven(struct job *j, struct report *r)
{
	if (store_begin(j) < 0)
		return -1;
	if (report_settle(j, r, "issuer") < 0)
		return settle(j);
	return store_commit(j) < 0 ? -1 : 1;
}

/* --- the next one ---------------------------------------------------------
 */

int
issuer_report_step(struct job *j)
{
	struct report r;
	int64_t left;
	int found = store_report_due(j, &r);

	if (found <= 0)
		return found;
	if (r.proof_kind != NULL && r.answered_at == 0 && r.decided_at == 0 &&
	    is_proven(j, &r))
		return end_proven(j, &r);
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
