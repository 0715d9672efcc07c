#include "config.h"

#include "src/answers_private.h"

#include "db/store_audit.h"
#include "db/store_ocsp.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/evidence.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/own_keys.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#define HOUR_SECS 3600
#define RESPONDER_HELD_SECS 600

/* 1, 0: on hold, -1. */
static int
may_make_responder(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;
	int64_t count;
	bool held;

	if (a->responder_at == 0)
		a->responder_at = j->now;
	if (store_responder_count_since(
		j, answers_label(i), j->now - HOUR_SECS, &count) < 0 ||
	    ceiling_hold(&ceiling_responders, j, count,
		ceiling_max_responders(&j->conf->issuer), &held) < 0)
		return -1;
	return !held || j->now >= a->responder_at + RESPONDER_HELD_SECS;
}

/* PK-136: none of them has refused what the CA's key is to sign. */
static int
lint_responder(const struct issuer *i, struct job *j, const struct responder *r,
    const char **report, const char **allowed)
{
	const struct linters_subject subject = { LINT_RESPONDER,
		r->lint_certificate, true };

	*report = r->lint_report;
	*allowed = NULL;
	return linters_hold_check(i->linters, j, &subject, report, allowed);
}

/* The number is committed before the CA's key is used (PK-144).  Without spki
 * the key is made as well. */
static int
make_responder(struct issuer *i, struct job *j, struct arena *own,
    struct span spki, struct responder *r)
{
	const char *object = arena_printf(j->arena, "ca:%s", answers_label(i));
	struct responder_row row = { .ca_label = answers_label(i),
		.br_version = BR_VERSION,
		.holder = spki.n == 0 ? RESPONDER_OF_ISSUER : RESPONDER_LIVE };
	const char *allowed;

	if (linters_hold_may(i->linters, j, LINT_RESPONDER) < 0 ||
	    (spki.n == 0 ? responder_prepare(j, own, i->ca, r)
			 : responder_prepare_for(j, own, i->ca, spki, r)) < 0 ||
	    lint_responder(i, j, r, &row.lint_report, &allowed) < 0)
		return -1;
	row.serial = r->serial;
	row.tbs = r->tbs;
	row.not_after = r->not_after;
	if (store_begin(j) < 0 || store_responder_reserve(j, &row) < 0 ||
	    own_keys_add_responder(j, r->serial, r->lint_certificate) < 0 ||
	    linters_hold_allowed(j, LINT_RESPONDER, allowed) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0 || responder_sign(j, own, i->ca, r) < 0)
		return -1;
	if (store_begin(j) < 0 ||
	    store_responder_record(j, r->serial, row.ca_label, r->certificate) <
		0 ||
	    store_audit_add(j, "issuer", "responder certificate", object,
		"issued", worker_detail(j, "serial", r->serial)) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
hold_responder(struct job *j)
{
	return job_fail(j, ERR_BUSY,
	    "certificates of OCSP responders are on hold: issuer."
	    "max_responders_per_hour");
}

int
answers_certify(
    struct issuer *i, struct job *j, struct span spki, struct responder *out)
{
	int may = may_make_responder(i, j);

	if (may == 0)
		return hold_responder(j);
	if (may < 0 || make_responder(i, j, j->arena, spki, out) < 0)
		return -1;
	i->answers->responder_at = j->now;
	log_info("OCSP responder", "serial=%s key=\"of the role responder\"",
	    out->serial);
	return 0;
}

int
answers_need_ca(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;

	if (!a->has_ca && responder_ca(j, i->ca, &a->ca) < 0)
		return -1;
	a->has_ca = true;
	return 0;
}

/* PK-118: thirty days, renewed after fifteen. */
int
answers_need_responder(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;
	struct responder r;
	struct arena *own;
	int may;

	if (answers_need_ca(i, j) < 0)
		return -1;
	if (a->own != NULL && j->now >= a->responder.not_before &&
	    j->now < a->responder.not_before + RESPONDER_RENEW_SECS)
		return 0;
	may = may_make_responder(i, j);
	if (may < 0)
		return -1;
	if (may == 0 && a->own != NULL && j->now >= a->responder.not_before &&
	    ocsp_next_update(j->now) < a->responder.not_after)
		return 0;
	if (may == 0)
		return hold_responder(j);
	own = arena_new();
	if (make_responder(i, j, own, (struct span){ NULL, 0 }, &r) < 0) {
		arena_free(own);
		return -1;
	}
	arena_free(a->own);
	a->own = own;
	a->responder = r;
	a->responder_at = j->now;
	/* The first answer of each is looked at. */
	a->linted_at = 0;
	log_info("OCSP responder", "serial=%s", r.serial);
	return 0;
}
