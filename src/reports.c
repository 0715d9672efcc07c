#include "config.h"

#include "acme/report.h"
#include "acme/revoke.h"
#include "db/store_audit.h"
#include "db/store_key.h"
#include "db/store_key_sweep.h"
#include "db/store_report.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/hex.h"
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

/* --- with a proof -------------------------------------------------------- */

/* web has verified it, and web's rows say what they like. */
static bool
is_proven(struct job *j, const struct report *r, struct key_proof *p)
{
	const struct key_proof kept = { .kind = r->proof_kind,
		.evidence = r->proof,
		.spki = r->proof_spki };

	if (key_proof_again(j, j->conf->base_url, &kept, p) == 0 &&
	    span_eq(report_proof_key(p).spki_sha256, r->spki_sha256) &&
	    span_eq(report_proof_key(p).bare_sha256, r->bare_sha256))
		return true;
	log_error("key proof does not hold",
	    "report=%" PRId64 " error=\"%s\" next=\"find out who wrote that "
	    "row: its certificates may be revoked without reason\"",
	    r->number, j->err.text);
	job_recover(j);
	return false;
}

/* The key is blocked, and no certificate is left, or key_sweep says that the
 * issuer has yet to come to them (AC-158): 1, 0, -1.  Asked in this order: such
 * a row goes when no certificate is left. */
static int
is_acted_upon(struct job *j, const struct key_hash *key)
{
	int blocked = store_key_is_blocked(j, key, NULL);
	int under_way = blocked <= 0 ? blocked : store_key_sweep_has(j, key);
	int left;

	if (blocked <= 0 || under_way != 0)
		return under_way;
	left = store_key_is_certified(j, key);
	return left < 0 ? -1 : left == 0;
}

/* web does this when it writes the row; somebody who has taken it over may not.
 * What the report is closed with says that it was done: 1 there was something
 * left to do, 0, -1. */
static int
act(struct job *j, const struct report *r, const struct key_hash *key,
    struct revoked_sum *revoked)
{
	const struct revocation how = { REASON_KEY_COMPROMISE, "issuer",
		r->proof };
	int done = is_acted_upon(j, key);

	if (done != 0)
		return done < 0 ? -1 : 0;
	if (issuer_is_external(j))
		j->wake |= 1u << ROLE_UPSTREAM;
	return revoke_key(j, key, &how,
		   arena_printf(j->arena, "report %" PRId64 ", proof: %s",
		       r->number, r->proof_kind),
		   revoked) < 0
		   ? -1
		   : 1;
}

static int
end_proven(struct job *j, struct report *r, const struct key_proof *p)
{
	const struct key_hash key = report_proof_key(p);
	struct revoked_sum revoked;
	int left;

	if (store_begin(j) < 0)
		return -1;
	left = act(j, r, &key, &revoked);
	if (left < 0)
		return worker_undo(j);
	if (report_settle(j, r, "issuer") < 0)
		return settle(j);
	if (store_commit(j) < 0)
		return -1;
	if (left > 0)
		log_error("key proof was not acted upon",
		    "report=%" PRId64 " key=%s certificates=\"%s\" "
		    "next=\"the issuer has revoked and blocked: find out who "
		    "wrote that row, since web does both with it\"",
		    r->number, hex_dup(j->arena, key.spki_sha256),
		    revoked_sum_text(j, &revoked));
	return 1;
}

/* --- the next one -------------------------------------------------------- */

int
issuer_report_step(struct job *j)
{
	struct key_proof p;
	struct report r;
	int64_t left;
	int found = store_report_due(j, &r);

	if (found <= 0)
		return found;
	if (r.proof_kind != NULL && r.answered_at == 0 && r.decided_at == 0 &&
	    is_proven(j, &r, &p))
		return end_proven(j, &r, &p);
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
