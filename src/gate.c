#include "config.h"

#include "acme/proof.h"
#include "acme/status.h"
#include "db/store_account.h"
#include "db/store_caa.h"
#include "db/store_clock.h"
#include "db/store_order.h"
#include "db/store_reply.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/caa.h"
#include "src/account_keys.h"
#include "src/caa_refusal.h"
#include "src/caa_rules.h"
#include "src/conf_perspective.h"
#include "src/corroborate.h"
#include "src/evidence.h"
#include "src/evidence_smime.h"
#include "src/relied.h"
#include "src/role_issuer.h"

#include <string.h>

/* PK-12: counted from when both token halves were made. */
#define VALIDATION_MAX_AGE ((int64_t)30 * 86400)
#define ROUNDS_MAX 3 /* PK-146 */
#define SKEW_SECS 60 /* between the clocks of two machines */
#define RELOAD_SECS 30

static int
closed(enum gate *out)
{
	*out = GATE_CLOSED;
	return 0;
}

/* What the order needs to have checked, asked for all at once: it is one
 * round of questions (MP-9). */
struct asks {
	const struct issuer *issuer;
	const struct order *order;
	struct relied *relied; /* of the identifier that is looked at */
	const char **authz_ids;
	size_t n;
	int64_t due_at;
};

/* A row without a good proof is an attack or a fault: somebody must look. */
static int
alarm_unproven(
    struct job *j, const struct order *o, const struct authz *a, enum gate *out)
{
	log_error("validation not proven",
	    "order=%s authz=%s error=\"%s\" next=\"find out who wrote the "
	    "row; nothing was signed\"",
	    o->id, a->id, j->err.text);
	return closed(out);
}

static int
check_age(struct job *j, const struct authz *a, enum gate *out)
{
	/* Not their sum: who wrote the row may have made it overflow.  Of a
	 * moment to come, it would hold for longer (PK-147). */
	if (a->created_at > j->now - VALIDATION_MAX_AGE &&
	    a->created_at <= j->now + CLOCK_TOLERANCE_SECS)
		return 0;
	job_fail(j, ERR_UNAUTHORIZED, "the validation of %s is %s", a->mailbox,
	    a->created_at > j->now ? "of a time to come"
				   : "too old to be used");
	return closed(out);
}

/*
 * Who can write rows can give an order another CSR, or make an order of its
 * own.  But the account signed which CSR is for which order, and the key that
 * it signed with is the one that the mailboxes' replies proved, or one that
 * this one handed over to: it goes on to check_proof().
 */
static int
check_request(struct job *j, const struct order *o, struct signing_keys *keys,
    enum gate *out)
{
	int exists = account_keys_load(j, o->account_id, keys);

	if (exists < 0)
		return -1;
	if (o->is_preauth)
		job_fail(j, ERR_UNAUTHORIZED,
		    "a pre-authorization gets no certificate");
	else if (!exists)
		job_fail(j, ERR_UNAUTHORIZED, "the order has no account");
	else if (o->csr_at <= 0 || o->csr_at > j->now + SKEW_SECS)
		job_fail(j, ERR_UNAUTHORIZED,
		    "the order was finalized at a time that is none");
	else if (finalize_proof_verify(j, o, keys) == 0)
		return 0;
	log_error("request not proven",
	    "order=%s error=\"%s\" next=\"find out who wrote the row; "
	    "nothing was signed\"",
	    o->id, j->err.text);
	return closed(out);
}

static int
check_proof(struct job *j, const struct asks *asks, const struct authz *a,
    const struct signing_keys *keys, enum gate *out)
{
	const struct order *o = asks->order;
	struct reply_record r;
	int found;

	if (strcmp(o->account_id, a->account_id) != 0) {
		job_fail(j, ERR_UNAUTHORIZED,
		    "the validation belongs to another account");
		return alarm_unproven(j, o, a, out);
	}
	found = store_reply_proof(j, a->challenge.id, &r);
	if (found < 0)
		return -1;
	if (found == 0) {
		job_fail(j, ERR_UNAUTHORIZED, "there is no matching reply");
		return alarm_unproven(j, o, a, out);
	}
	if (evidence_verify(j, asks->issuer->seal, a, keys, &r) < 0 ||
	    evidence_smime_check(j, a, &r) < 0)
		return j->err.kind == ERR_UNAUTHORIZED
			   ? alarm_unproven(j, o, a, out)
			   : -1;
	asks->relied->authz_id = a->id;
	asks->relied->reply = relied_row(j, r.id, r.seal);
	return 0;
}

/*
 * PK-146: the order waits for a new check, unless so many were made for it
 * that one more would help as little.  After `pause`, if one at once would
 * come to the same.
 */
static int
need_caa(struct job *j, struct asks *asks, const struct authz *a, int64_t pause,
    enum gate *out)
{
	int64_t rounds;

	if (store_caa_count_since(j, a->id, asks->order->csr_at + 1, &rounds) <
	    0)
		return -1;
	if (rounds >= ROUNDS_MAX) {
		job_fail(j, ERR_DNS,
		    "the CAA records of %s were looked up %d times, and "
		    "the certificate could not be signed in time after any",
		    addr_domain_of(a->mailbox), ROUNDS_MAX);
		return closed(out);
	}
	*out = GATE_WAIT;
	asks->authz_ids[asks->n++] = a->id;
	if (j->now + pause > asks->due_at)
		asks->due_at = j->now + pause;
	return 0;
}

static int
request_checks(struct job *j, const struct asks *asks)
{
	if (asks->n == 0)
		return 0;
	if (store_begin(j) < 0)
		return -1;
	for (size_t i = 0; i < asks->n; i++)
		if (store_caa_request(j, asks->authz_ids[i], asks->order->id,
			asks->due_at) < 0) {
			store_rollback(j);
			return -1;
		}
	j->wake |= 1u << ROLE_VALIDATOR;
	return store_commit(j);
}

static int
not_believed(
    struct job *j, const struct order *o, const struct authz *a, enum gate *out)
{
	return j->err.kind == ERR_UNAUTHORIZED || j->err.kind == ERR_MALFORMED
		   ? alarm_unproven(j, o, a, out)
		   : -1;
}

/* What the perspectives answered, judged and counted again: a row that says
 * permit is not enough (PK-46). */
static int
check_corroboration(struct job *j, struct asks *asks, const struct authz *a,
    const struct caa_row *c, enum gate *out)
{
	struct corroborated round = { .saw_key = false };
	struct caa_row seen;
	struct question q;
	int found = question_of(j, c, &q);

	if (found == 0)
		found = corroboration_verify(j, c->trace, &q, &round);
	if (found == 1 && question_has_key(&q) && !round.saw_key) {
		found =
		    corroboration_of_key(j, asks->issuer->seal, a->id, &seen);
		/* A check that leaves out a key that nobody saw. */
		if (found == 0)
			return need_caa(j, asks, a, 0, out);
		if (found == 1)
			asks->relied->key_seen =
			    relied_row(j, seen.id, seen.seal);
	}
	if (found < 0)
		return not_believed(j, asks->order, a, out);
	if (found == 1 && round.counted.outcome == QUORUM_REACHED &&
	    (!round.took_flat || j->conf->mpic.open_mpic_flat) &&
	    round.counted.asked ==
		conf_perspective_count(j->conf, round.service))
		return 0;
	/* Made before the configuration wanted it so. */
	return need_caa(j, asks, a, 0, out);
}

static bool
is_authentic(const struct issuer *i, const struct job *j, const struct authz *a,
    const struct caa_row *c, enum caa_result *result)
{
	return evidence_caa_is_sealed(i->seal, c) &&
	       strcmp(c->mailbox, a->mailbox) == 0 &&
	       strcmp(c->account_id, a->account_id) == 0 &&
	       c->checked_at <= j->now + SKEW_SECS &&
	       strcmp(c->domain, addr_domain_of(a->mailbox)) == 0 &&
	       caa_result_parse(span_str(c->result), result);
}

static int
check_caa(
    struct job *j, struct asks *asks, const struct authz *a, enum gate *out)
{
	const struct order *o = asks->order;
	struct caa_row c;
	enum caa_result result;
	int found = store_caa_latest(j, a->id, &c), holds;

	if (found < 0)
		return -1;
	/* Only a check made within caa_max_age counts, and one that failed
	 * counts only if it came after this order was finalized. */
	if (found == 0 || c.checked_at < j->now - j->conf->issuer.caa_max_age ||
	    (strcmp(c.result, "fail") == 0 && c.checked_at <= o->csr_at)) {
		return need_caa(j, asks, a, 0, out);
	}
	if (!is_authentic(asks->issuer, j, a, &c, &result)) {
		job_fail(j, ERR_UNAUTHORIZED,
		    "the CAA check does not carry the validator's seal, or is "
		    "of a time to come");
		return alarm_unproven(j, o, a, out);
	}
	if (result != CAA_FAIL) {
		holds = caa_rules_hold(j, &c);
		if (holds < 0)
			return not_believed(j, o, a, out);
		/* The configuration was read again; where the validator has
		 * not done so yet, it is given time. */
		if (holds == 0)
			return need_caa(j, asks, a,
			    c.checked_at > o->csr_at ? RELOAD_SECS : 0, out);
	}
	asks->relied->caa = relied_row(j, c.id, c.seal);
	if (result == CAA_PERMIT && conf_corroborates(j->conf))
		return check_corroboration(j, asks, a, &c, out);
	if (result == CAA_PERMIT || !j->conf->caa_enforce)
		return 0;
	job_fail(j, caa_refusal_kind(&c), "%s", caa_refusal_text(j, &c));
	return closed(out);
}

/*
 * An order that is processing is completed (AC-105): what counts is that the
 * authorization was good when the CSR came.
 */
static bool
was_valid(const struct authz *a, int64_t at)
{
	struct authz then = *a;

	if (then.deactivated_at >= at)
		then.deactivated_at = 0;
	return authz_status(&then, at) == AUTHZ_VALID;
}

static int
check_identifier(struct job *j, const struct asks *asks, const struct authz *a,
    const struct signing_keys *keys, enum gate *out)
{
	*out = GATE_OPEN;
	if (a->revoked_at != 0) {
		job_fail(j, ERR_UNAUTHORIZED,
		    "the authorization of %s was revoked", a->mailbox);
		return closed(out);
	}
	if (!was_valid(a, asks->order->csr_at)) {
		job_fail(
		    j, ERR_UNAUTHORIZED, "%s is not authorized", a->mailbox);
		return closed(out);
	}
	if (check_age(j, a, out) < 0 || *out != GATE_OPEN)
		return 0;
	return check_proof(j, asks, a, keys, out);
}

int
issuer_gate_answer(const struct issuer *i, struct job *j, const struct order *o,
    enum gate *out)
{
	struct relied ignored = { .authz_id = NULL };
	struct asks asks = { .issuer = i, .order = o, .relied = &ignored };
	struct signing_keys keys;

	*out = GATE_OPEN;
	if (check_request(j, o, &keys, out) < 0)
		return -1;
	for (size_t k = 0; k < o->identifier_count && *out == GATE_OPEN; k++)
		if (check_identifier(
			j, &asks, &o->identifiers[k].authz, &keys, out) < 0)
			return -1;
	return 0;
}

/* The outcome for all of them, with what is to be asked. */
static int
check_all(struct job *j, const struct signing_keys *keys, struct asks *asks,
    const struct relied_list *relied, enum gate *out)
{
	const struct order *o = asks->order;
	enum gate worst = GATE_OPEN;
	struct err forbidden = { .kind = ERR_NONE };

	for (size_t k = 0; k < o->identifier_count; k++) {
		const struct authz *a = &o->identifiers[k].authz;

		asks->relied = &relied->v[k];
		if (check_identifier(j, asks, a, keys, out) < 0 ||
		    (*out == GATE_OPEN && check_caa(j, asks, a, out) < 0))
			return -1;
		if (*out == GATE_WAIT)
			worst = GATE_WAIT;
		if (*out != GATE_CLOSED)
			continue;
		if (j->err.kind != ERR_CAA)
			return 0;
		/* The client learns of every domain that forbids (PK-36). */
		if (forbidden.kind == ERR_NONE)
			forbidden = j->err;
		job_recover(j);
	}
	*out = worst;
	if (worst == GATE_WAIT || forbidden.kind == ERR_NONE)
		return 0;
	j->err = forbidden;
	return closed(out);
}

int
issuer_gate(const struct issuer *i, struct job *j, const struct order *o,
    struct relied_list *relied, enum gate *out)
{
	struct asks asks = { .issuer = i, .order = o };
	struct signing_keys keys;

	*out = GATE_OPEN;
	if (check_request(j, o, &keys, out) < 0)
		return -1;
	if (*out != GATE_OPEN)
		return 0;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	asks.authz_ids = arena_calloc(
	    j->arena, o->identifier_count + 1, sizeof(*asks.authz_ids));
	relied->n = o->identifier_count;
	relied->v = arena_calloc(j->arena, relied->n + 1, sizeof(*relied->v));
	if (check_all(j, &keys, &asks, relied, out) < 0)
		return -1;
	return *out == GATE_WAIT ? request_checks(j, &asks) : 0;
}
