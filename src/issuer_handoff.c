/* The issuer's part of pki.md section 17: everything before the signature
 * stays here, and what comes back is compared before it is delivered. */
#include "config.h"

#include "acme/renewal.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_cert.h"
#include "db/store_handoff.h"
#include "db/store_key.h"
#include "db/store_order.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "pki/issue.h"
#include "pki/key.h"
#include "pki/profile.h"
#include "pki/returned.h"
#include "src/evidence.h"
#include "src/handoff.h"
#include "src/issuer_order.h"
#include "src/linters_hold.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <string.h>

/* How long the order's checks may be old when the other CA is called. */
#define FRESH_SECS 3600
#define LOOK_SECS 600
#define MINUTE_SECS 60
#define DAY_SECS ((int64_t)86400)

bool
issuer_is_external(const struct job *j)
{
	return j->conf->external.kind != CONF_EXTERNAL_NONE;
}

/* --- asking --------------------------------------------------------------- */

/* Until when the CAA checks behind the order count (PK-27), and at most so
 * long that nothing else grows old: 0, or -1. */
static int
find_fresh(struct job *j, const struct order *o, int64_t *until)
{
	*until = j->now + FRESH_SECS;
	for (size_t k = 0; k < o->identifier_count; k++) {
		struct caa_row c;
		int64_t end;
		int found = store_caa_latest(j, o->identifiers[k].authz.id, &c);

		if (found < 0)
			return -1;
		/* One of a time to come counts for nothing. */
		end = found == 0 || c.checked_at > j->now + MINUTE_SECS
			  ? j->now
			  : c.checked_at + j->conf->issuer.caa_max_age;
		if (end < *until)
			*until = end;
	}
	return 0;
}

int
issuer_hand_off(const struct issuer *i, struct issuer_order *w,
    const struct issue_input *in)
{
	struct job *j = &w->job;
	const struct order *o = &w->order;
	char id[RND_ID_LEN + 1];
	uint8_t seal[SEAL_LEN];
	struct handoff h;
	int64_t fresh_until;
	int found = store_handoff_by_order(j, o->id, &h);

	if (found < 0 || find_fresh(j, o, &fresh_until) < 0)
		return -1;
	if (found == 0) {
		rnd_id(id);
		h = (struct handoff){
			.id = id, .order_id = o->id, .created_at = j->now
		};
	}
	struct handoff_input text = { .id = h.id,
		.order = o,
		.profile = in->profile,
		.csr = in->csr,
		.tbs = w->tbs.tbs,
		.not_before = in->not_before,
		.not_after = in->not_after,
		.send_before = fresh_until,
		.relied = &w->relied,
		.seal = i->seal };
	h.request = handoff_format(j, &text);
	if (h.request == NULL)
		return job_fail(j, ERR_INTERNAL, "the request is too long");
	handoff_seal(i->handoff, &h, seal);
	h.seal = span_mem(seal, sizeof(seal));
	if (store_begin(j) < 0 || issuer_check_stop(i, j, o) < 0 ||
	    issuer_check_key(i, j, o, in->csr) < 0 ||
	    store_handoff_ask(j, &h) < 0 ||
	    issuer_record_allowed(j, o, w->tbs.lints_allowed) < 0 ||
	    store_order_release(
		j, o->id, h.created_at + j->conf->external.max_wait, 0) < 0 ||
	    store_audit_add(j, "issuer", "certificate",
		arena_printf(j->arena, "order:%s", o->id), "handed off",
		worker_detail(j, "request", h.id)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_info("handed off", "order=%s id=%s", o->id, h.id);
	return 0;
}

/* --- what came back ------------------------------------------------------- */

static void
tell_discarded(const struct order *o, const struct handoff *h, const char *why,
    bool is_revoked)
{
	struct log_quoted q;

	log_error("certificate not what was asked for",
	    "order=%s id=%s reason=%s next=\"nothing was delivered; %s\"",
	    o->id, h->id, log_quote(&q, span_str(why)),
	    is_revoked ? "that CA is asked to revoke it; find out how it came "
			 "to make it"
		       : "nothing is revoked: find out what that CA has made "
			 "for this id, and have it revoke what nobody has");
}

/* Not delivered, and gone as soon as the other CA can be reached (PK-216).
 * `answer` is empty where that is nobody's to say. */
static int
discard(struct job *j, const struct order *o, const struct handoff *h,
    struct span answer, const char *why)
{
	size_t count;

	if (store_begin(j) < 0 || handoff_withdraw(j, h, answer, &count) < 0)
		return worker_undo(j);
	tell_discarded(o, h, why, count > 0);
	if (store_handoff_move(j, h, HANDOFF_DONE, 0) < 0 ||
	    store_audit_add(j, "issuer", "certificate",
		arena_printf(j->arena, "order:%s", o->id), "not as asked",
		worker_detail(j, "reason", why)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	return issuer_end_order(j, o, ERR_INTERNAL, "internal error");
}

/* Another order may have got it by mistake, and that CA been asked already. */
static int
check_withdrawn(struct job *j, const struct cert *c, const char **why)
{
	int is = handoff_is_withdrawn(j, c->der, c->not_after);

	if (is <= 0)
		return is;
	*why = "it was given to another order, and is to be revoked";
	return job_fail(j, ERR_CONFLICT, "certificate %s: %s", c->serial, *why);
}

/* *why: it cannot be delivered, and is nobody's to revoke on this occasion. */
static int
record(const struct issuer *i, struct job *j, const struct order *o,
    const struct csr *csr, const struct handoff *h, struct cert *c,
    const char **why)
{
	uint8_t hash[SHA256_LEN];
	bool taken = false;
	struct span der = c->der;
	struct relied_list relied;
	int known = relied_parse(j, i->seal, o->id, h->request, &relied);

	*why = NULL;
	if (known < 0)
		return -1;
	sha256(der, hash);
	c->evidence = issuer_evidence(i, j, o, c, known > 0 ? &relied : NULL);
	/* PK-45, AC-44: stopped or reported while the other CA was at work. */
	if (store_begin(j) < 0 ||
	    store_key_lock(j, span_mem(csr->spki_sha256, SHA256_LEN)) < 0 ||
	    issuer_check_key(i, j, o, csr) < 0 ||
	    check_withdrawn(j, c, why) < 0 ||
	    store_cert_reserve(j, c, &taken) < 0 ||
	    store_cert_record(j, c->id, der, span_mem(hash, SHA256_LEN)) < 0 ||
	    store_handoff_move(j, h, HANDOFF_DONE, 0) < 0 ||
	    (j->conf->external.kind == CONF_EXTERNAL_ACME &&
		store_window_add(j, c->id, j->now) < 0) ||
	    store_audit_add(j, "issuer", "certificate",
		arena_printf(j->arena, "order:%s", o->id), "issued",
		relied_audit_detail(j, c)) < 0 ||
	    issuer_check_stop(i, j, o) < 0) {
		/* Of another order, or the same answer twice. */
		if (taken)
			*why = "its serial number was seen before";
		return worker_undo(j);
	}
	if (store_commit(j) < 0)
		return -1;
	j->wake |= 1u << ROLE_WEB | 1u << ROLE_UPSTREAM;
	log_info("certificate issued", "order=%s serial=%s by=upstream", o->id,
	    c->serial);
	return 0;
}

static int
keep(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, const struct csr *csr,
    const struct handoff *h, const struct returned *r)
{
	uint8_t profile_sha256[SHA256_LEN];
	char id[RND_ID_LEN + 1];
	const char *why;
	struct cert c = { .id = id,
		.order_id = o->id,
		.account_id = o->account_id,
		.ca_label = ca_key_label(i->ca),
		.serial = r->serial,
		.profile = profile->name,
		.profile_sha256 = span_mem(profile_sha256, SHA256_LEN),
		.tbs = r->tbs,
		.signature_alg = r->signature_alg,
		.lint_report = r->lint_report,
		.br_version = BR_VERSION,
		.spki_sha256 = span_mem(csr->spki_sha256, SHA256_LEN),
		.bare_sha256 = span_mem(csr->bare_sha256, SHA256_LEN),
		.not_before = r->not_before,
		.not_after = r->not_after,
		.reserved_at = j->now,
		.notice_at = renewal_opens_at(r->not_before, r->not_after),
		.der = r->der };

	rnd_id(id);
	sha256(span_str(profile_text(j->arena, profile)), profile_sha256);
	if (record(i, j, o, csr, h, &c, &why) == 0)
		return 0;
	if (why == NULL)
		return -1;
	job_recover(j);
	return discard(j, o, h, (struct span){ NULL, 0 }, why);
}

/* PK-216: all linters.  1, 0 with r->why, -1. */
static int
linters_match(const struct issuer *i, struct job *j,
    const struct profile *profile, struct returned *r)
{
	const struct linters_subject subject = { linters_object(profile),
		r->der, false };
	const char *allowed = NULL;

	if (linters_hold_check(
		i->linters, j, &subject, &r->lint_report, &allowed) == 0)
		return 1;
	/* Without a verdict the answer waits. */
	if (i->linters == NULL || !i->linters->refuses)
		return -1;
	r->why = arena_strdup(j->arena, j->err.text);
	job_recover(j);
	return 0;
}

int
issuer_take_answer(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, const struct csr *csr)
{
	struct returned_want want = { .profile = profile,
		.csr = csr,
		.mailbox_count = o->identifier_count,
		.life_max = profile_days(j->conf, profile) * DAY_SECS,
		.not_before_min = o->not_before,
		.not_after_max = o->not_after };
	struct returned r;
	struct handoff h;
	int matches, result;
	int found = store_handoff_by_order(j, o->id, &h);

	if (found <= 0 || h.stage != HANDOFF_ANSWERED)
		return found < 0 ? -1 : 0;
	issuer_mailboxes(j, o, &want.mailboxes);
	matches = returned_check(j, i->ca, &want, h.answer, &r);
	if (matches > 0)
		matches = linters_match(i, j, profile, &r);
	if (matches < 0)
		return -1;
	if (matches == 0)
		result = discard(j, o, &h, h.answer, r.why);
	else
		result = keep(i, j, o, profile, csr, &h, &r);
	return result < 0 ? -1 : 1;
}

int
issuer_handoff_end(struct job *j, const char *order_id)
{
	struct handoff h;
	size_t count = 0;
	int found = store_handoff_by_order(j, order_id, &h);

	if (found <= 0)
		return found;
	if (h.stage == HANDOFF_ANSWERED &&
	    handoff_withdraw(j, &h, h.answer, &count) < 0)
		return -1;
	if (count > 0)
		log_error("certificate not delivered",
		    "order=%s id=%s next=\"nothing: that CA is asked to "
		    "revoke it\"",
		    order_id, h.id);
	if (h.stage == HANDOFF_ANSWERED || h.stage == HANDOFF_ASKED ||
	    h.stage == HANDOFF_STALE)
		return store_handoff_move(j, &h, HANDOFF_DONE, 0);
	return 0;
}

/* --- one order ------------------------------------------------------------ */

static int
wait_for(struct job *j, const struct order *o, const struct handoff *h)
{
	int64_t end = h->created_at + j->conf->external.max_wait;

	/* Now and then anyway: a wake-up may have come just before this. */
	if (j->now < end)
		return issuer_give_back(
		    j, o, end - j->now < LOOK_SECS ? end - j->now : LOOK_SECS);
	log_error("upstream too slow",
	    "order=%s id=%s stage=%s next=\"the order was given up after "
	    "external.max_wait; what that CA still issues is revoked\"",
	    o->id, h->id, handoff_stage_name(h->stage));
	return issuer_end_order(j, o, ERR_INTERNAL, "internal error");
}

static int
refuse(struct job *j, const struct order *o, const struct handoff *h)
{
	enum err_kind kind = handoff_refusal(handoff_kind(h->error));

	return issuer_end_order(j, o, kind, handoff_refusal_text(kind));
}

int
issuer_handoff_step(struct job *j, const struct order *o, bool *answered)
{
	struct handoff h;
	int found = store_handoff_by_order(j, o->id, &h);
	int result = 0;

	*answered = found > 0 && h.stage == HANDOFF_ANSWERED;
	if (found <= 0)
		return found;
	switch (h.stage) {
	case HANDOFF_STALE:
		/* Too late to begin again: as for the others. */
		if (j->now < h.created_at + j->conf->external.max_wait)
			return 0;
		result = wait_for(j, o, &h);
		break;
	case HANDOFF_ASKED:
	case HANDOFF_SENDING:
	case HANDOFF_PENDING:
	case HANDOFF_HELD:
		result = wait_for(j, o, &h);
		break;
	case HANDOFF_ANSWERED: /* nothing was believed of it yet */
		return 0;
	case HANDOFF_REFUSED:
		result = refuse(j, o, &h);
		break;
	case HANDOFF_DONE:
		/* Its answer was not delivered, and the order not yet ended. */
		result = issuer_end_order(j, o, ERR_INTERNAL, "internal error");
		break;
	}
	return result < 0 ? -1 : 1;
}
