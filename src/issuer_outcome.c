#include "config.h"

#include "acme/problem.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/caa_refusal.h"
#include "src/issuer_order.h"
#include "src/linters_hold.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <stdio.h>

#define BEHIND_SECS 60
#define PAUSE_MAX_SECS 300
#define TOKEN_PAUSE_SECS 5

/* Later; since `fault_at` by a fault of ours, 0: by none. */
static int
release(struct job *j, const struct order *o, int64_t secs, int64_t fault_at)
{
	if (store_begin(j) < 0 ||
	    store_order_release(j, o->id, j->now + secs, fault_at) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* What the order waits for is nobody's fault, and it may take its time. */
int
issuer_give_back(struct job *j, const struct order *o, int64_t secs)
{
	return release(j, o, secs, 0);
}

/* PK-145: a number without a certificate that we could show. */
static int
alarm_uncertain(struct job *j, const struct order *o)
{
	log_error("certificate uncertain",
	    "order=%s next=\"the number was reserved, and the order can no "
	    "longer be signed: a certificate with it may exist; the number "
	    "goes on the revocation list\"",
	    o->id);
	return store_audit_add(j, "issuer", "certificate",
	    arena_printf(j->arena, "order:%s", o->id), "uncertain", NULL);
}

int
issuer_end_order(struct job *j, const struct order *o, enum err_kind kind,
    const char *detail)
{
	const char *object = arena_printf(j->arena, "order:%s", o->id);
	const char *problem = kind == ERR_CAA ? caa_refusal_problem(j, o)
					      : problem_format(j, kind, detail);
	int reserved;

	if (problem == NULL)
		return -1;
	job_recover(j);
	if (store_begin(j) < 0)
		return -1;
	reserved = store_cert_give_up(j, o->id);
	if (reserved < 0 || (reserved > 0 && alarm_uncertain(j, o) < 0))
		return worker_undo(j);
	/* What the client hears of that is our fault, whatever closed the
	 * gate in between. */
	if (reserved > 0)
		problem = problem_format(j, ERR_INTERNAL, "internal error");
	if (store_order_fail(j, o->id, problem) < 0 ||
	    issuer_handoff_end(j, o->id) < 0 ||
	    store_audit_add(j, "issuer", "certificate", object, "refused",
		worker_detail(j, "reason", detail)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	j->wake |= 1u << ROLE_WEB;
	log_warning(
	    "certificate refused", "order=%s error=\"%s\"", o->id, detail);
	return 0;
}

/* The CA's own fault, or the machine's: worth other tries, then the end. */
int
issuer_try_later(struct job *j, const struct order *o, int64_t attempts)
{
	char why[ERR_TEXT_MAX];
	int64_t pause = 1;
	/* A moment to come was written there by somebody else. */
	int64_t since = o->issue_fault_at > 0 && o->issue_fault_at < j->now
			    ? o->issue_fault_at
			    : j->now;

	snprintf(why, sizeof(why), "%s", j->err.text);
	job_recover(j);
	if (since < j->now - ISSUER_GIVE_UP_SECS) {
		log_error("certificate not issued",
		    "order=%s error=\"%s\" next=\"the order was given up; "
		    "the client must order again\"",
		    o->id, why);
		return issuer_end_order(j, o, ERR_INTERNAL, "internal error");
	}
	for (int64_t i = 1; i < attempts && pause < PAUSE_MAX_SECS; i++)
		pause *= 2;
	log_error("certificate not issued",
	    "order=%s attempt=%lld error=\"%s\" next=\"will be tried "
	    "again\"",
	    o->id, (long long)attempts, why);
	return release(
	    j, o, pause < PAUSE_MAX_SECS ? pause : PAUSE_MAX_SECS, since);
}

/* The name in a row is nobody's promise: web takes only names of the table. */
int
issuer_end_without_profile(struct job *j, const struct order *o)
{
	struct log_quoted q;

	log_error("profile not known",
	    "order=%s profile=%s next=\"if a newer version took the order, run "
	    "that one; else find out who wrote the row; nothing was signed\"",
	    o->id, log_quote(&q, span_str(o->profile)));
	return issuer_end_order(j, o, ERR_INTERNAL, "internal error");
}

int
issuer_wait_for_token(struct job *j, const struct order *o)
{
	job_recover(j);
	return issuer_give_back(j, o, TOKEN_PAUSE_SECS);
}

/* Would another try come to the same? */
static bool
is_final(enum err_kind kind)
{
	return kind == ERR_BAD_CSR || kind == ERR_UNAUTHORIZED ||
	       kind == ERR_MALFORMED || kind == ERR_INVALID_PROFILE;
}

/* PK-45: the order is not the worse for it. */
int
issuer_wait_for_resume(struct job *j, const struct order *o)
{
	if (j->err.kind != ERR_ISSUANCE_STOPPED)
		return -1;
	log_warning(
	    "certificate waits", "order=%s reason=\"%s\"", o->id, j->err.text);
	job_recover(j);
	return issuer_give_back(j, o, ISSUER_STOP_SECS);
}

/* Rows that no program of ours wrote: nothing is signed, and the order is not
 * looked at again. */
int
issuer_set_aside(struct job *j, const char *id, const char *why)
{
	job_recover(j);
	log_error("order set aside",
	    "order=%s error=\"%s\" next=\"find out who wrote its rows; "
	    "nothing was signed\"",
	    id, why);
	if (store_begin(j) < 0)
		return -1;
	if (store_order_set_aside(j, id) < 0 ||
	    store_audit_add(j, "issuer", "order",
		arena_printf(j->arena, "order:%s", id), "set aside",
		worker_detail(j, "reason", why)) < 0)
		return worker_undo(j);
	return store_commit(j);
}

int
issuer_settle(const struct issuer *i, struct job *j, const struct order *o,
    int64_t attempts)
{
	struct err why = j->err;
	int64_t wait;

	if (is_final(why.kind))
		return issuer_end_order(
		    j, o, why.kind, arena_strdup(j->arena, why.text));
	if (why.kind == ERR_ISSUANCE_STOPPED)
		return issuer_wait_for_resume(j, o);
	job_recover(j);
	/* Behind those that wait for the linters: it may be this one that they
	 * cannot judge. */
	wait = linters_hold_left(i->linters, j);
	if (wait > 0)
		return issuer_give_back(j, o, wait + BEHIND_SECS);
	if (ca_ready(j, i->ca) < 0)
		return issuer_wait_for_token(j, o);
	j->err = why;
	return issuer_try_later(j, o, attempts);
}
