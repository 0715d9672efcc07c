#include "config.h"

#include "src/issuer_order.h"

#include "acme/dates.h"
#include "acme/keyowner.h"
#include "acme/offer.h"
#include "acme/renewal.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_key.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "pki/profile.h"
#include "src/answers.h"
#include "src/evidence.h"
#include "src/linters_hold.h"
#include "src/reserved.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <string.h>

#define WAIT_SECS 2
/* A question to the validator: often at first, then patiently. */
#define WAIT_OFTEN 30
#define WAIT_LONG_SECS CAA_WAIT_SECS_MAX

/* --- may it be signed? ---------------------------------------------------- */

/* Stored replies are large and read once: they go when the gate has been
 * passed, not when all orders of the batch have ended. */
static int
ask_gate(const struct issuer *i, struct issuer_order *w, bool answered,
    enum gate *out)
{
	struct relied_list relied = { .n = 0 };
	struct job j;
	int result;

	job_init(&j, w->job.store, w->job.conf);
	j.now = w->job.now;
	result = answered ? issuer_gate_answer(i, &j, &w->order, out)
			  : issuer_gate(i, &j, &w->order, &relied, out);
	if (result == 0 && *out == GATE_OPEN)
		w->relied = relied_copy(&w->job, &relied);
	w->job.err = j.err;
	w->job.wake |= j.wake;
	job_done(&j);
	return result;
}

/* What is asked of an order before anything of it is verified: 1 go on, 0 it
 * is dealt with, -1. */
static int
may_begin(struct issuer *i, struct issuer_order *w, bool may_reserve)
{
	struct job *j = &w->job;
	const struct order *o = &w->order;
	int64_t wait;
	bool reached;

	if (o->cert_id != NULL || o->failed_at != 0)
		return issuer_set_aside(j, o->id, "it has ended already");
	if (w->profile == NULL)
		return issuer_end_without_profile(j, o);
	/* AC-142: for what was finalized before the stop, or by a web that
	 * ignores it. */
	if (profile_is_stopped(j->conf, w->profile->name))
		return issuer_end_order(j, o, ERR_INVALID_PROFILE,
		    arena_printf(j->arena, "profile %s is no longer offered",
			w->profile->name));
	if (issuer_check_stop(i, j, o) < 0 || issuer_check_urls(i, j) < 0)
		return issuer_wait_for_resume(j, o);
	if (!may_reserve) {
		if (ceiling_check(&i->ceiling, j, &reached) < 0)
			return -1;
		if (reached)
			return issuer_give_back(j, o, ISSUER_STOP_SECS);
	}
	/* PK-136: the order is not the worse for it. */
	wait = linters_hold_left(i->linters, j);
	return wait > 0 ? issuer_give_back(j, o, wait) : 1;
}

/* PK-44: 1 open, 0 it is dealt with, -1. */
static int
pass_gate(struct issuer *i, struct issuer_order *w)
{
	struct job *j = &w->job;
	const struct order *o = &w->order;
	bool answered = false;
	enum gate gate;

	if (issuer_is_external(j)) {
		int done = issuer_handoff_step(j, o, &answered);

		if (done != 0)
			return done < 0 ? issuer_try_later(j, o, w->attempts)
					: 0;
	}
	/* PK-200: while the key's token is away the order waits, for as long
	 * as that takes. */
	if (ca_ready(j, i->ca) < 0)
		return issuer_wait_for_token(j, o);
	if (ask_gate(i, w, answered, &gate) < 0)
		return issuer_try_later(j, o, w->attempts);
	if (gate == GATE_CLOSED)
		return issuer_end_order(
		    j, o, j->err.kind, arena_strdup(j->arena, j->err.text));
	/* The validator may be down or busy: the order looks again now and
	 * then, and is not the worse for it (PK-146). */
	if (gate == GATE_WAIT)
		return issuer_give_back(j, o,
		    w->attempts < WAIT_OFTEN ? WAIT_SECS : WAIT_LONG_SECS);
	return 1;
}

/* --- contents ------------------------------------------------------------- */

/* AC-92, PK-67, PK-92: the order's dates again, whoever wrote them there.  A
 * notBefore may have waited as long as an order can. */
static int
check_dates(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, struct dates *out)
{
	const struct conf *conf = j->conf;
	int64_t earliest = j->now - conf->order_life - ISSUER_GIVE_UP_SECS;

	*out = (struct dates){ o->not_before, o->not_after };
	if (dates_check(j, conf, profile, out, earliest) < 0)
		return -1;
	return dates_fit(j, conf, profile, out, ca_not_after(i->ca));
}

/* PK-140: none of them has refused what the CA's key is to sign. */
static int
ask_linters(const struct issuer *i, struct job *j,
    const struct profile *profile, struct issue_tbs *tbs)
{
	const struct linters_subject subject = { linters_object(profile),
		tbs->lint_certificate, true };

	return linters_hold_check(
	    i->linters, j, &subject, &tbs->lint_report, &tbs->lints_allowed);
}

static int
prepare(const struct issuer *i, struct issuer_order *w, int64_t *shard,
    struct issue_input *in)
{
	struct job *j = &w->job;
	const struct conf_issuer *conf = &j->conf->issuer;
	struct dates d;

	*in = (struct issue_input){ .profile = w->profile,
		.mailbox_count = w->order.identifier_count,
		.csr = &w->csr,
		.subject_number =
		    issue_subject_number(j->arena, w->order.account_id),
		.ca_issuers_url = conf->ca_issuers_url,
		.ocsp_url = conf->ocsp_url };
	if (check_dates(i, j, &w->order, w->profile, &d) < 0)
		return -1;
	issuer_mailboxes(j, &w->order, &in->mailboxes);
	dates_validity(
	    j->conf, w->profile, &d, j->now, &in->not_before, &in->not_after);
	issue_serial((uint8_t)conf->serial_octet, in->serial);
	*shard = status_shard_of(conf, span_mem(in->serial, SERIAL_LEN));
	in->crl_url = status_shard_url(j->arena, conf, *shard);
	if (issue_prepare(j, i->ca, in, &w->tbs) < 0) {
		/* There is a report as soon as there is something to lint. */
		w->is_lint_refused = w->tbs.lint_report != NULL;
		return -1;
	}
	if (ask_linters(i, j, w->profile, &w->tbs) == 0)
		return 0;
	w->is_lint_refused = i->linters != NULL && i->linters->refuses;
	return -1;
}

int
issuer_order_draft(const struct issuer *i, struct issuer_order *w)
{
	struct job *j = &w->job;
	const struct order *o = &w->order;
	const struct issue_tbs *tbs = &w->tbs;
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	struct issue_input in;
	int64_t shard;

	if (prepare(i, w, &shard, &in) < 0)
		return -1;
	rnd_id(id);
	w->row = (struct cert){
		.id = id,
		.order_id = o->id,
		.account_id = o->account_id,
		.ca_label = ca_key_label(i->ca),
		.serial = hex_dup(j->arena, span_mem(in.serial, SERIAL_LEN)),
		.profile = w->profile->name,
		.profile_sha256 = span_mem(tbs->profile_sha256, SHA256_LEN),
		.tbs = tbs->tbs,
		.signature_alg = tbs->signature_alg,
		.lint_report = tbs->lint_report,
		.br_version = BR_VERSION,
		.spki_sha256 = span_mem(w->csr.spki_sha256, SHA256_LEN),
		.bare_sha256 = span_mem(w->csr.bare_sha256, SHA256_LEN),
		.not_before = in.not_before,
		.not_after = in.not_after,
		.shard = shard,
		.reserved_at = j->now,
		.notice_at = renewal_opens_at(in.not_before, in.not_after),
	};
	w->row.evidence = issuer_evidence(i, j, o, &w->row, &w->relied);
	return 0;
}

/* PK-215: linted, and signed elsewhere; or what came back is taken. */
static int
issue_elsewhere(struct issuer *i, struct issuer_order *w)
{
	struct job *j = &w->job;
	struct issue_input in;
	int64_t shard;
	int done;

	if (w->state == ORDER_RESERVED)
		return job_fail(j, ERR_INTERNAL,
		    "the order was begun before another CA was configured");
	done = issuer_take_answer(i, j, &w->order, w->profile, &w->csr);
	if (done != 0)
		return done < 0 ? -1 : 0;
	if (prepare(i, w, &shard, &in) < 0 || issuer_hand_off(i, w, &in) < 0)
		return -1;
	ceiling_count(&i->ceiling, j->now);
	return 0;
}

/* The gate is open: what is to be done next. */
static int
begin(struct issuer *i, struct issuer_order *w)
{
	struct job *j = &w->job;
	const struct order *o = &w->order;
	int reserved = store_cert_by_order(j, o->id, &w->row);

	if (reserved < 0 || issuer_check_csr(i, j, o, w->profile, &w->csr) < 0)
		return -1;
	w->state = reserved > 0 ? ORDER_RESERVED : ORDER_OPEN;
	if (reserved > 0 && (reserved_check(i, j, o, &w->csr, &w->row) < 0 ||
				issuer_check_key(i, j, o, &w->csr) < 0))
		return -1;
	if (issuer_is_external(j)) {
		if (issue_elsewhere(i, w) < 0)
			return -1;
		w->state = ORDER_DONE;
	} else if (reserved > 0) {
		/* PK-18: the gate may have let it pass for other rows than
		 * those of then. */
		w->row.evidence = issuer_evidence(i, j, o, &w->row, &w->relied);
		w->was_reserved = true;
	}
	w->tbs = (struct issue_tbs){ .tbs = w->row.tbs,
		.signature_alg = w->row.signature_alg };
	return 0;
}

/* 1, 0 it is dealt with, -1. */
static int
read_order(struct issuer_order *w)
{
	struct job *j = &w->job;
	int found = store_order_by_id(j, w->id, NULL, &w->order);

	if (found == 1)
		return 1;
	if (found == 0)
		return issuer_set_aside(j, w->id, "it has no identifiers");
	if (j->err.kind != ERR_SPOILED)
		return -1;
	return issuer_set_aside(j, w->id, arena_strdup(j->arena, j->err.text));
}

int
issuer_order_open(struct issuer *i, struct issuer_order *w, bool may_reserve)
{
	int result = read_order(w);

	w->state = ORDER_DONE;
	if (result <= 0)
		return result;
	w->profile = profile_find(w->job.conf, span_str(w->order.profile));
	result = may_begin(i, w, may_reserve);
	if (result > 0)
		result = pass_gate(i, w);
	if (result <= 0)
		return result;
	if (begin(i, w) < 0)
		w->state = ORDER_FAILED;
	return 0;
}

/* --- the number, the signature, the certificate --------------------------- */

int
issuer_order_reserve(
    const struct issuer *i, struct issuer_order *w, bool *taken)
{
	struct job *j = &w->job;
	struct span key = span_mem(w->csr.spki_sha256, SHA256_LEN);

	*taken = false;
	/* PK-78: two issuers may have two accounts' orders with one key. */
	if (issuer_check_stop(i, j, &w->order) < 0 ||
	    store_key_lock(j, key) < 0 ||
	    issuer_check_key(i, j, &w->order, &w->csr) < 0 ||
	    key_warn_of_uses(j, &w->order, &w->csr) < 0)
		return -1;
	return store_cert_reserve(j, &w->row, taken);
}

int
issuer_order_sign(struct issuer *i, struct issuer_order *w)
{
	struct job *j = &w->job;
	int ready, made;

	if (issuer_check_key_is_there(i, j) < 0 ||
	    issuer_check_stop(i, j, &w->order) < 0)
		return -1;
	/* PK-149: nobody gets it before its status can be asked for. */
	ready = status_is_ready(i, j, &w->row);
	if (ready == 0)
		return job_fail(
		    j, ERR_BUSY, "the status of the certificate is not out");
	/* PK-200: gone since the batch began. */
	if (ready < 0 || ca_ready(j, i->ca) < 0)
		return -1;
	made = issue_sign(j, i->ca, &w->tbs, &w->der);
	/* A token that is away made none; any other fault may have. */
	if (made == 0 || j->err.kind != ERR_BUSY)
		ceiling_count(&i->ceiling, j->now);
	return made;
}

int
issuer_order_record(struct issuer_order *w)
{
	uint8_t hash[SHA256_LEN];

	sha256(w->der, hash);
	if (w->was_reserved &&
	    store_cert_rests_on(&w->job, w->row.id, w->row.evidence) < 0)
		return -1;
	return store_cert_record(
	    &w->job, w->row.id, w->der, span_mem(hash, SHA256_LEN));
}

int
issuer_order_audit_approved(struct job *j, const struct issuer_order *w)
{
	return store_audit_add(j, "issuer", "order approved",
	    arena_printf(j->arena, "order:%s", w->id), "ok",
	    worker_detail(j, "serial", w->row.serial));
}

int
issuer_order_audit(struct issuer_order *w)
{
	return store_audit_add(&w->job, "issuer", "certificate",
	    arena_printf(w->job.arena, "order:%s", w->id), "issued",
	    relied_audit_detail(&w->job, &w->row));
}
