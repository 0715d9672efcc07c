#include "config.h"

#include "acme/revoke.h"
#include "db/audit_mark.h"
#include "db/store_incident.h"
#include "db/store_order.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/admin_expiry.h"
#include "src/answers.h"
#include "src/former.h"
#include "src/key_use.h"
#include "src/live_key.h"
#include "src/role_issuer.h"
#include "src/root_list.h"
#include "src/worker.h"

#include <inttypes.h>

#define SWEEP_SECS 60
#define SPENT_SECS 30
#define HEAD_SECS INT64_C(86400)
#define ADMINS_SECS INT64_C(86400)
#define SWEEP_BACK_SECS 3600 /* longer than any signature takes */
#define SWEEP_MAX 1000

/* When the next list or OCSP answer is due: 0 or -1. */
static int
status_due(const struct issuer *i, struct job *j, int64_t *at)
{
	int64_t answers_at;

	if (issuer_list_due(i, j, at) < 0 || answers_due(i, j, &answers_at) < 0)
		return -1;
	if (answers_at < *at)
		*at = answers_at;
	return 0;
}

/* Whatever has revoked or expired the last of a set. */
static int
spent_step(struct issuer *i, struct job *j)
{
	if (j->now >= i->spent_at && j->now < i->spent_at + SPENT_SECS)
		return 0;
	i->spent_at = j->now;
	return issuer_incident_spent_step(j);
}

static int
incident_step(struct issuer *i, struct job *j)
{
	return issuer_incident_step(i, j);
}

static int
undo_step(struct issuer *i, struct job *j)
{
	(void)i;
	return issuer_incident_undo_step(j);
}

/* Strangers can make reports, and accounts orders: they take turns, so that
 * neither waits for the end of the other. */
static int
report_step(struct issuer *i, struct job *j)
{
	int found;

	if (i->orders_turn)
		return 0;
	found = issuer_report_step(j);
	i->orders_turn = found > 0;
	return found;
}

/* The orders; if there are none, the reports need not wait. */
static int
turn_step(struct issuer *i, struct job *j, bool held)
{
	bool was_theirs = i->orders_turn;
	int found;

	i->orders_turn = false;
	found = held ? 0 : issuer_orders_step(i, j);
	return found == 0 && was_theirs ? report_step(i, j) : found;
}

static int
key_step(struct issuer *i, struct job *j)
{
	(void)i;
	return issuer_key_step(j);
}

/* PK-181: certificates of keys that were blocked while they were made.  With a
 * list of our own it is part of making that. */
static int
sweep_step(struct issuer *i, struct job *j)
{
	size_t swept;

	if (!issuer_is_external(j) || j->now < i->swept_at + SWEEP_SECS)
		return 0;
	if (store_begin(j) < 0)
		return -1;
	if (revoke_blocked(
		j, i->swept_at - SWEEP_BACK_SECS, SWEEP_MAX, &swept) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	/* More than one bite of them: again at once. */
	if (swept < SWEEP_MAX)
		i->swept_at = j->now;
	return swept > 0 ? 1 : 0;
}

/* PK-21: once a day.  The line in the log stands where whoever can write the
 * database cannot. */
static int
head_step(struct issuer *i, struct job *j)
{
	struct audit_mark m = { .seq = 0 };
	int found = 0, begins;

	if (i->head_at == 0) {
		found = audit_mark_newest(j, &m);
		i->head_at =
		    found > 0 && audit_mark_is_sealed(i->seal, &m) &&
			    (m.signature.n > 0 || i->head_signer == NULL) &&
			    m.at <= j->now
			? m.at
			: 1;
	}
	if (found < 0 || j->now < i->head_at + HEAD_SECS)
		return found < 0 ? -1 : 0;
	if (store_begin(j) < 0)
		return -1;
	begins = i->head_signer != NULL
		     ? audit_mark_begin(j, i->seal, i->head_signer)
		     : 0;
	found =
	    begins < 0 ? -1 : audit_mark_put(j, i->seal, i->head_signer, &m);
	if (found < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	i->head_at = j->now;
	if (begins > 0)
		log_warning("audit signatures begin",
		    "there was no signed head before: if issuer.audit_key was "
		    "not set just now, somebody has deleted them");
	if (found > 0)
		log_info("audit head signed",
		    "record=%" PRId64 " sha256=%s key=%s", m.seq,
		    hex_dup(j->arena, m.hash),
		    m.signature.n == 0 ? "seal"
				       : hex_dup(j->arena, m.spki_sha256));
	return 0;
}

/* PK-206: once a day, and when it starts. */
static int
admins_step(struct issuer *i, struct job *j)
{
	if (j->now < i->admins_at + ADMINS_SECS)
		return 0;
	if (admin_expiry_alarm(j) < 0)
		return -1;
	i->admins_at = j->now;
	return 0;
}

/* What is said of certificates that are there, and what the next one waits
 * for: no certificate before its list (PK-149).  The first begins a round. */
static const struct {
	int (*step)(struct issuer *, struct job *);
	bool holds_orders; /* or those of this CA: another one's go on */
	/* All at once: what was signed gets out in the step after that, and
	 * until then no order of that shard can be done. */
	bool to_its_end;
} status_steps[] = {
	{ key_step, false, false },
	{ issuer_list_step, true, true },
	{ answers_step, true, false },
	{ live_keys_step, false, false },
	{ former_step, false, false },
	{ spent_step, false, false },
	{ incident_step, false, false },
	{ undo_step, false, false },
	{ report_step, false, false },
	{ sweep_step, false, false },
	{ head_step, false, false },
	{ admins_step, false, false },
	{ root_list_step, false, false },
};

/* A key may be followed for minutes, and what else is revoked has to be public
 * by then (PK-157, PK-182): after each bite comes what has not had its turn. */
static void
take_turn(struct issuer_round *r, size_t step)
{
	if (step == 0 || r->next > 0)
		r->next = status_steps[step].to_its_end ? step : step + 1;
}

/* None that fails keeps the others from what they can do: 1, or 0 and the
 * first failure is in the round. */
static int
status_step(struct issuer *i, struct job *j)
{
	struct issuer_round *r = &i->round;

	if (r->next == 0)
		*r = (struct issuer_round){ .next = 0 };
	for (size_t k = r->next; k < COUNT(status_steps); k++) {
		int result;

		/* Lists and answers are the other CA's (PK-220). */
		if (status_steps[k].holds_orders && issuer_is_external(j))
			continue;
		result = status_steps[k].step(i, j);
		if (result > 0) {
			take_turn(r, k);
			return 1;
		}
		if (result < 0 && r->why.kind == ERR_NONE)
			r->why = j->err;
		r->held =
		    r->held || (result < 0 && status_steps[k].holds_orders);
		job_recover(j);
	}
	return 0;
}

int
issuer_step(void *ctx, struct job *j)
{
	struct issuer *i = ctx;
	const struct err *why = &i->round.why;
	bool is_round;
	int found;

	if (issuer_check_key_is_there(i, j) < 0)
		return -1;
	if (clock_watch_check(&i->clock, j, ca_key_label(i->ca)) < 0)
		return -1;
	if (key_use_begins(i, j) < 0)
		return -1;
	if (status_step(i, j) > 0)
		return 1;
	is_round = i->round.next > 0;
	i->round.next = 0;
	if (clock_watch_orders(&i->clock, j) < 0) {
		i->orders_turn = false;
		return -1;
	}
	found = turn_step(i, j, i->round.held);
	/* Last: nobody waits for it. */
	if (found == 0)
		found = issuer_recheck_step(i, j);
	if (found == 0)
		found = issuer_purge_step(i, j);
	/* And the key once more. */
	if (found == 0 && is_round && why->kind == ERR_NONE)
		found = 1;
	if (found < 0 || why->kind == ERR_NONE)
		return found;
	if (found > 0)
		log_error(
		    "step failed", "job=%s error=\"%s\"", j->id, why->text);
	j->err = *why;
	return found > 0 ? 1 : -1;
}

/* The earlier one of *at, if that is `found`, and of another that may be. */
static int
sooner(int found, int64_t *at, bool is_due, int64_t due_at)
{
	if (is_due && (found == 0 || due_at < *at)) {
		*at = due_at;
		return 1;
	}
	return found;
}

int
issuer_next_due(void *ctx, struct job *j, int64_t *at)
{
	int64_t incident_at, undo_at, recheck_at, report_at, status_at;
	int64_t former_at;
	int found = store_order_next_due(j, at);
	int incidents = store_incident_next_due(j, &incident_at);
	int undo = issuer_incident_undo_due(j, &undo_at);
	int recheck = issuer_recheck_due(j, &recheck_at);
	int reports = store_report_next_due(j, &report_at);

	if (found < 0 || incidents < 0 || undo < 0 || recheck < 0 ||
	    reports < 0 || former_due(ctx, j, &former_at) < 0)
		return -1;
	found = sooner(found, at, reports > 0, report_at);
	found = sooner(found, at, recheck > 0, recheck_at);
	found = sooner(found, at, incidents > 0, incident_at);
	found = sooner(found, at, undo > 0, undo_at);
	found = sooner(found, at, former_at != INT64_MAX, former_at);
	if (issuer_is_external(j))
		return found;
	if (status_due(ctx, j, &status_at) < 0)
		return -1;
	return sooner(found, at, true, status_at);
}
