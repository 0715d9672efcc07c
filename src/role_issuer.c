#include "config.h"

#include "src/role_issuer.h"

#include "acme/dates.h"
#include "acme/keyowner.h"
#include "acme/offer.h"
#include "acme/problem.h"
#include "acme/revoke.h"
#include "acme/stop.h"
#include "db/audit_mark.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_cert.h"
#include "db/store_destroyed.h"
#include "db/store_handoff.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_order.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "lib/seal.h"
#include "pki/ca_key_end.h"
#include "pki/effective.h"
#include "pki/issue.h"
#include "pki/profile.h"
#include "pki/weakkeys.h"
#include "src/admin_expiry.h"
#include "src/answers.h"
#include "src/ca_conf.h"
#include "src/caa_refusal.h"
#include "src/evidence.h"
#include "src/former.h"
#include "src/handoff.h"
#include "src/linters_hold.h"
#include "src/live_key.h"
#include "src/reserved.h"
#include "src/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LEASE_SECS 120 /* over CAA_WAIT_SECS_MAX */
#define HOUR 3600
#define STOP_SECS 15 /* an order that waits for issuance to go on */
#define WAIT_SECS 2
#define SWEEP_SECS 60
#define BEHIND_SECS 60
#define HEAD_SECS INT64_C(86400)
#define ADMINS_SECS INT64_C(86400)
#define SWEEP_BACK_SECS 3600 /* longer than any signature takes */
#define SWEEP_MAX 1000
#define PAUSE_MAX_SECS 300
#define DRAWS_MAX 4
#define TOKEN_PAUSE_SECS 5
/* Faults of our own are tried again for this long (AC-145). */
#define GIVE_UP_SECS ((int64_t)24 * HOUR)
/* A question to the validator: often at first, then patiently. */
#define WAIT_OFTEN 30
#define WAIT_LONG_SECS CAA_WAIT_SECS_MAX

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
static int
try_later(struct job *j, const struct order *o, int64_t attempts)
{
	char why[ERR_TEXT_MAX];
	int64_t pause = 1;
	/* A moment to come was written there by somebody else. */
	int64_t since = o->issue_fault_at > 0 && o->issue_fault_at < j->now
			    ? o->issue_fault_at
			    : j->now;

	snprintf(why, sizeof(why), "%s", j->err.text);
	job_recover(j);
	if (since < j->now - GIVE_UP_SECS) {
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

void
issuer_mailboxes(struct job *j, const struct order *o, const char *const **out)
{
	const char **list =
	    arena_calloc(j->arena, o->identifier_count, sizeof(*list));

	for (size_t i = 0; i < o->identifier_count; i++)
		list[i] = o->identifiers[i].authz.mailbox;
	*out = list;
}

/* The request again, from its raw bytes, against the order (PK-56) and its
 * profile (AC-138). */
int
issuer_check_csr(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, struct csr *csr)
{
	struct csr_policy policy = {
		.mailbox_count = o->identifier_count,
		.ignore_dns_mailboxes = j->conf->compat_dns_mailbox,
		.addr = { .utf8_local = j->conf->utf8_mailboxes,
		    .is_public = j->conf->mode == CONF_MODE_PUBLIC,
		    .reserved_domains = j->conf->allow_reserved_domains },
		.profile = profile,
		.weak_keys = i->weak_keys,
	};

	issuer_mailboxes(j, o, &policy.mailboxes);
	return csr_parse(j, o->csr, &policy, csr);
}

/* What the certificate relies on, and the issuer's own seals on the row. */
const char *
issuer_evidence(const struct issuer *i, struct job *j, const struct order *o,
    struct cert *c)
{
	uint8_t seal[SEAL_LEN], reservation[SEAL_LEN];
	struct json_out w;
	struct buf b;

	evidence_seal_tbs(i->seal, c, seal);
	evidence_seal_reservation(i->seal, c, reservation);
	buf_init(&b, j->arena, 64 * 1024);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_key(&w, "authorizations");
	json_array_begin(&w);
	for (size_t k = 0; k < o->identifier_count; k++)
		json_put_string(&w, span_str(o->identifiers[k].authz.id));
	json_array_end(&w);
	json_member_str(
	    &w, "seal", hex_dup(j->arena, span_mem(seal, sizeof(seal))));
	json_member_str(&w, "reservation_seal",
	    hex_dup(j->arena, span_mem(reservation, sizeof(reservation))));
	json_object_end(&w);
	return b.p;
}

/* AC-92, PK-67, PK-92: the order's dates again, whoever wrote them there.  A
 * notBefore may have waited as long as an order can. */
static int
check_dates(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, struct dates *out)
{
	const struct conf *conf = j->conf;
	int64_t earliest = j->now - conf->order_life - GIVE_UP_SECS;

	*out = (struct dates){ o->not_before, o->not_after };
	if (dates_check(j, conf, profile, out, earliest) < 0)
		return -1;
	return dates_fit(j, conf, profile, out, ca_not_after(i->ca));
}

/* PK-45: asked before a serial is taken, and again before the signature. */
int
issuer_check_stop(const struct issuer *i, struct job *j, const struct order *o)
{
	struct stop s;
	int found = stop_find(j, o, ca_key_label(i->ca), &s);

	if (found > 0)
		return job_fail(j, ERR_ISSUANCE_STOPPED,
		    "issuance is stopped (%s %s)", s.scope, s.value);
	return found;
}

/* PK-65: an account key of now or before, or the CA's own. */
static int
is_other_key(const struct issuer *i, struct job *j, const struct csr *csr)
{
	const char *thumbprint = csr_jwk_thumbprint(j, csr);
	struct account account;
	int found;

	if (ca_has_key(i->ca, csr->spki))
		return 1;
	found = store_account_by_thumbprint(j, thumbprint, &account);
	return found != 0 ? found : store_account_had_key(j, NULL, thumbprint);
}

/* AC-44, PK-65, PK-181: asked again where a serial is about to be taken, since
 * the key may have been revoked for compromise, or become an account's, after
 * the CSR came. */
int
issuer_check_key(const struct issuer *i, struct job *j, const struct order *o,
    const struct csr *csr)
{
	int blocked = store_key_is_blocked(
	    j, span_mem(csr->spki_sha256, SHA256_LEN), o->account_id);
	int other = blocked == 0 ? is_other_key(i, j, csr) : 0;

	if (other > 0)
		return job_fail(j, ERR_BAD_CSR,
		    "the key is that of an account or of the CA");
	if (other < 0)
		return -1;
	if (blocked > 0)
		return job_fail(
		    j, ERR_BAD_CSR, "the key is known to be compromised");
	return blocked < 0 ? -1 : key_check_owner(j, j->conf, o, csr);
}

/* PK-139: each use of an allowance. */
int
issuer_record_allowed(struct job *j, const struct order *o, const char *allowed)
{
	if (allowed == NULL)
		return 0;
	log_warning("lint allowed", "order=%s lints=\"%s\"", o->id, allowed);
	return store_audit_add(j, "issuer", "lint allowed",
	    arena_printf(j->arena, "order:%s", o->id), "ok",
	    worker_detail(j, "lints", allowed));
}

/* PK-140: none of them has refused what the CA's key is to sign. */
static int
ask_linters(const struct issuer *i, struct job *j,
    const struct profile *profile, struct issue_tbs *tbs)
{
	const struct linters_subject subject = { profile, tbs->lint_certificate,
		true };

	return linters_hold_check(
	    i->linters, j, &subject, &tbs->lint_report, &tbs->lints_allowed);
}

/* A certificate on its way: its row, and what the CA's key is to sign. */
struct draft {
	struct cert row;
	struct issue_tbs tbs;
};

/* Serial, contents and lint results are committed before the key is used
 * (PK-144). */
static int
try_reserve(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, const struct csr *csr, struct draft *draft,
    bool *taken)
{
	const struct conf_issuer *conf = &j->conf->issuer;
	struct issue_input in = { .profile = profile,
		.mailbox_count = o->identifier_count,
		.csr = csr,
		.ca_issuers_url = conf->ca_issuers_url,
		.ocsp_url = conf->ocsp_url };
	int64_t shard;
	struct dates d;
	struct cert *c = &draft->row;
	struct issue_tbs *tbs = &draft->tbs;
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	*taken = false;
	if (check_dates(i, j, o, profile, &d) < 0)
		return -1;
	issuer_mailboxes(j, o, &in.mailboxes);
	dates_validity(
	    j->conf, profile, &d, j->now, &in.not_before, &in.not_after);
	issue_serial((uint8_t)conf->serial_octet, in.serial);
	shard = status_shard_of(conf, span_mem(in.serial, SERIAL_LEN));
	in.crl_url = status_shard_url(j->arena, conf, shard);
	if (issue_prepare(j, i->ca, &in, tbs) < 0 ||
	    ask_linters(i, j, profile, tbs) < 0)
		return -1;
	if (issuer_is_external(j)) /* PK-215: linted, and signed elsewhere */
		return issuer_hand_off(i, j, o, &in, tbs);
	rnd_id(id);
	*c = (struct cert){
		.id = id,
		.order_id = o->id,
		.account_id = o->account_id,
		.ca_label = ca_key_label(i->ca),
		.serial = hex_dup(j->arena, span_mem(in.serial, SERIAL_LEN)),
		.profile = profile->name,
		.profile_sha256 = span_mem(tbs->profile_sha256, SHA256_LEN),
		.tbs = tbs->tbs,
		.signature_alg = tbs->signature_alg,
		.lint_report = tbs->lint_report,
		.br_version = BR_VERSION,
		.spki_sha256 = span_mem(csr->spki_sha256, SHA256_LEN),
		.not_before = in.not_before,
		.not_after = in.not_after,
		.shard = shard,
		.reserved_at = j->now,
	};
	c->evidence = issuer_evidence(i, j, o, c);
	/* PK-78: two issuers may have two accounts' orders with one key. */
	if (store_begin(j) < 0 || issuer_check_stop(i, j, o) < 0 ||
	    store_key_lock(j, span_mem(csr->spki_sha256, SHA256_LEN)) < 0 ||
	    issuer_check_key(i, j, o, csr) < 0 ||
	    store_cert_reserve(j, c, taken) < 0 ||
	    issuer_record_allowed(j, o, tbs->lints_allowed) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* PK-143: a number that is taken is drawn again. */
static int
reserve(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, const struct csr *csr, struct draft *draft)
{
	bool taken = false;

	for (int draws = 0; draws < DRAWS_MAX; draws++) {
		if (try_reserve(i, j, o, profile, csr, draft, &taken) == 0)
			return 0;
		if (!taken)
			return -1;
		log_warning("serial number drawn again", "order=%s", o->id);
		job_recover(j);
	}
	return job_fail(j, ERR_INTERNAL,
	    "%d serial numbers in a row were taken: is the random number "
	    "generator broken?",
	    DRAWS_MAX);
}

static int
sign_and_record(struct issuer *i, struct job *j, const struct order *o,
    const struct draft *draft)
{
	const struct cert *c = &draft->row;
	const char *object = arena_printf(j->arena, "order:%s", o->id);
	uint8_t hash[SHA256_LEN];
	struct span der;
	int ready, made;

	if (issuer_check_stop(i, j, o) < 0)
		return -1;
	/* PK-149: nobody gets it before its status can be asked for. */
	ready = status_is_ready(i, j, c);
	if (ready == 0)
		return job_fail(
		    j, ERR_BUSY, "the status of the certificate is not out");
	if (ready < 0)
		return -1;
	made = issue_sign(j, i->ca, &draft->tbs, &der);
	/* A token that is away made none; any other fault may have. */
	if (made == 0 || j->err.kind != ERR_BUSY)
		ceiling_count(&i->ceiling, j->now);
	if (made < 0)
		return -1;
	sha256(der, hash);
	/* PK-45: no certificate whose commit comes after the stop's.  The audit
	 * record, which both write, says who comes first. */
	if (store_begin(j) < 0 ||
	    store_cert_record(j, c->id, der, span_mem(hash, SHA256_LEN)) < 0 ||
	    store_audit_add(j, "issuer", "certificate", object, "issued",
		worker_detail(j, "serial", c->serial)) < 0 ||
	    issuer_check_stop(i, j, o) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	j->wake |= 1u << ROLE_WEB;
	log_info("certificate issued", "order=%s serial=%s", o->id, c->serial);
	return 0;
}

/* Takes what another CA has answered, or hands off. */
static int
issue_elsewhere(struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, const struct csr *csr, bool is_reserved)
{
	struct draft draft;
	int done;

	if (is_reserved)
		return job_fail(j, ERR_INTERNAL,
		    "the order was begun before another CA was configured");
	done = issuer_take_answer(i, j, o, profile, csr);
	if (done != 0)
		return done < 0 ? -1 : 0;
	if (reserve(i, j, o, profile, csr, &draft) < 0)
		return -1;
	ceiling_count(&i->ceiling, j->now);
	return 0;
}

static int
issue(struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile)
{
	struct draft draft;
	struct cert *row = &draft.row;
	struct csr csr;
	int reserved = store_cert_by_order(j, o->id, row);

	if (reserved < 0 || issuer_check_csr(i, j, o, profile, &csr) < 0)
		return -1;
	if (reserved > 0 && (reserved_check(i, j, o, &csr, row) < 0 ||
				issuer_check_key(i, j, o, &csr) < 0))
		return -1;
	if (issuer_is_external(j))
		return issue_elsewhere(i, j, o, profile, &csr, reserved > 0);
	if (reserved > 0)
		draft.tbs = (struct issue_tbs){ .tbs = row->tbs,
			.signature_alg = row->signature_alg };
	else if (reserve(i, j, o, profile, &csr, &draft) < 0)
		return -1;
	return sign_and_record(i, j, o, &draft);
}

/* The name in a row is nobody's promise: web takes only names of the table. */
static int
end_without_profile(struct job *j, const struct order *o)
{
	struct log_quoted q;

	log_error("profile not known",
	    "order=%s profile=%s next=\"if a newer version took the order, run "
	    "that one; else find out who wrote the row; nothing was signed\"",
	    o->id, log_quote(&q, span_str(o->profile)));
	return issuer_end_order(j, o, ERR_INTERNAL, "internal error");
}

static int
wait_for_token(struct job *j, const struct order *o)
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
static int
wait_for_resume(struct job *j, const struct order *o)
{
	if (j->err.kind != ERR_ISSUANCE_STOPPED)
		return -1;
	log_warning(
	    "certificate waits", "order=%s reason=\"%s\"", o->id, j->err.text);
	job_recover(j);
	return issuer_give_back(j, o, STOP_SECS);
}

/* Rows that no program of ours wrote: nothing is signed, and the order is not
 * looked at again. */
static int
set_aside(struct job *j, const char *id, const char *why)
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

static int
do_order(
    struct issuer *i, struct job *j, const struct order *o, int64_t attempts)
{
	const struct profile *profile =
	    profile_find(j->conf, span_str(o->profile));
	enum gate gate;
	bool reached, answered = false;
	struct err why;
	int64_t wait;

	if (o->cert_id != NULL || o->failed_at != 0)
		return set_aside(j, o->id, "it has ended already");
	if (profile == NULL)
		return end_without_profile(j, o);
	/* AC-142: for what was finalized before the stop, or by a web that
	 * ignores it. */
	if (profile_is_stopped(j->conf, profile->name))
		return issuer_end_order(j, o, ERR_INVALID_PROFILE,
		    arena_printf(j->arena, "profile %s is no longer offered",
			profile->name));
	if (issuer_check_stop(i, j, o) < 0)
		return wait_for_resume(j, o);
	if (ceiling_check(&i->ceiling, j, &reached) < 0)
		return -1;
	if (reached)
		return issuer_give_back(j, o, STOP_SECS);
	/* PK-136: the order is not the worse for it. */
	wait = linters_hold_left(i->linters, j);
	if (wait > 0)
		return issuer_give_back(j, o, wait);
	if (issuer_is_external(j)) {
		int done = issuer_handoff_step(j, o, &answered);

		if (done != 0)
			return done < 0 ? try_later(j, o, attempts) : 0;
	}
	/* PK-200: while the key's token is away the order waits, for as long
	 * as that takes. */
	if (ca_ready(j, i->ca) < 0)
		return wait_for_token(j, o);
	if ((answered ? issuer_gate_answer(i, j, o, &gate)
		      : issuer_gate(i, j, o, &gate)) < 0)
		return try_later(j, o, attempts);
	if (gate == GATE_CLOSED)
		return issuer_end_order(
		    j, o, j->err.kind, arena_strdup(j->arena, j->err.text));
	/* The validator may be down or busy: the order looks again now and
	 * then, and is not the worse for it (PK-146). */
	if (gate == GATE_WAIT)
		return issuer_give_back(
		    j, o, attempts < WAIT_OFTEN ? WAIT_SECS : WAIT_LONG_SECS);
	if (issue(i, j, o, profile) == 0)
		return 0;
	if (is_final(j->err.kind))
		return issuer_end_order(
		    j, o, j->err.kind, arena_strdup(j->arena, j->err.text));
	if (j->err.kind == ERR_ISSUANCE_STOPPED)
		return wait_for_resume(j, o);
	why = j->err;
	job_recover(j);
	/* Behind those that wait for the linters: it may be this one that they
	 * cannot judge. */
	wait = linters_hold_left(i->linters, j);
	if (wait > 0)
		return issuer_give_back(j, o, wait + BEHIND_SECS);
	if (ca_ready(j, i->ca) < 0)
		return wait_for_token(j, o);
	j->err = why;
	return try_later(j, o, attempts);
}

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

/* The lease is committed before anything of the order is read: an order that
 * cannot be read does not come back at once. */
static int
order_step(struct issuer *i, struct job *j)
{
	const char *id;
	int64_t attempts;
	struct order o;
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = store_order_lease(j, j->now + LEASE_SECS, &id, &attempts);
	if (found <= 0) {
		store_rollback(j);
		return found;
	}
	if (store_commit(j) < 0)
		return -1;
	found = store_order_by_id(j, id, NULL, &o);
	if (found == 1)
		return do_order(i, j, &o, attempts) < 0 ? -1 : 1;
	if (found == 0)
		return set_aside(j, id, "it has no identifiers") < 0 ? -1 : 1;
	if (j->err.kind != ERR_SPOILED)
		return -1;
	return set_aside(j, id, arena_strdup(j->arena, j->err.text)) < 0 ? -1
									 : 1;
}

static int
incident_step(struct issuer *i, struct job *j)
{
	(void)i;
	return issuer_incident_step(j);
}

static int
report_step(struct issuer *i, struct job *j)
{
	(void)i;
	return issuer_report_step(j);
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
	int found = 0;

	if (i->head_at == 0) {
		found = audit_mark_newest(j, &m);
		i->head_at = found > 0 && audit_mark_is_sealed(i->seal, &m) &&
				     m.at <= j->now
				 ? m.at
				 : 1;
	}
	if (found < 0 || j->now < i->head_at + HEAD_SECS)
		return found < 0 ? -1 : 0;
	if (store_begin(j) < 0)
		return -1;
	found = audit_mark_put(j, i->seal, &m);
	if (found < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	i->head_at = j->now;
	if (found > 0)
		log_info("audit head signed", "record=%" PRId64 " sha256=%s",
		    m.seq, hex_dup(j->arena, m.hash));
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
 * for: no certificate before its list (PK-149). */
static const struct {
	int (*step)(struct issuer *, struct job *);
	bool holds_orders; /* or those of this CA: another one's go on */
} status_steps[] = {
	{ issuer_list_step, true },
	{ answers_step, true },
	{ live_keys_step, false },
	{ former_step, false },
	{ incident_step, false },
	{ report_step, false },
	{ sweep_step, false },
	{ head_step, false },
	{ admins_step, false },
};

/* None that fails keeps the others from what they can do: 1, or 0 and the
 * first failure. */
static int
status_step(struct issuer *i, struct job *j, struct err *why, bool *held)
{
	why->kind = ERR_NONE;
	*held = false;
	for (size_t k = 0; k < sizeof(status_steps) / sizeof(status_steps[0]);
	     k++) {
		int result;

		/* Lists and answers are the other CA's (PK-220). */
		if (status_steps[k].holds_orders && issuer_is_external(j))
			continue;
		result = status_steps[k].step(i, j);
		if (result > 0)
			return 1;
		if (result < 0 && why->kind == ERR_NONE)
			*why = j->err;
		*held = *held || (result < 0 && status_steps[k].holds_orders);
		job_recover(j);
	}
	return 0;
}

/* PK-207: destroyed, or about to be: the copy in this process signs nothing
 * either. */
static int
check_key_is_there(const struct issuer *i, struct job *j)
{
	int gone =
	    i->key_sha256.n == 0 ? 0 : store_destroyed_is(j, i->key_sha256);

	if (gone == 1)
		return job_fail(j, ERR_REFUSED,
		    "the CA's key %s is on record as destroyed: end "
		    "countersignd, or give it another CA",
		    ca_key_label(i->ca));
	return gone;
}

int
issuer_step(void *ctx, struct job *j)
{
	struct issuer *i = ctx;
	struct err why;
	bool held;
	int found = 0;

	if (check_key_is_there(i, j) < 0)
		return -1;
	if (clock_watch_check(&i->clock, j, ca_key_label(i->ca)) < 0)
		return -1;
	if (status_step(i, j, &why, &held) > 0)
		return 1;
	if (clock_watch_orders(&i->clock, j) < 0)
		return -1;
	if (!held)
		found = order_step(i, j);
	/* Last: nobody waits for it. */
	if (found == 0)
		found = issuer_recheck_step(i, j);
	if (found == 0)
		found = issuer_purge_step(i, j);
	if (found < 0 || why.kind == ERR_NONE)
		return found;
	if (found > 0)
		log_error(
		    "step failed", "job=%s error=\"%s\"", j->id, why.text);
	j->err = why;
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
	int64_t incident_at, recheck_at, report_at, status_at, former_at;
	int found = store_order_next_due(j, at);
	int incidents = store_incident_next_due(j, &incident_at);
	int recheck = issuer_recheck_due(j, &recheck_at);
	int reports = store_report_next_due(j, &report_at);

	if (found < 0 || incidents < 0 || recheck < 0 || reports < 0 ||
	    former_due(ctx, j, &former_at) < 0)
		return -1;
	found = sooner(found, at, reports > 0, report_at);
	found = sooner(found, at, recheck > 0, recheck_at);
	found = sooner(found, at, incidents > 0, incident_at);
	found = sooner(found, at, former_at != INT64_MAX, former_at);
	if (issuer_is_external(j))
		return found;
	if (status_due(ctx, j, &status_at) < 0)
		return -1;
	return sooner(found, at, true, status_at);
}

/* PK-3 */
static void
tell_upcoming(const struct job *j)
{
	const struct effective *rules[EFFECTIVE_COUNT];
	size_t n = effective_upcoming(j->conf, j->now, rules);

	for (size_t i = 0; i < n; i++)
		log_warning("policy.upcoming",
		    "from=%s rule=\"%s\" source=\"%s\" next=\"what this "
		    "configuration issues today is refused from then on\"",
		    rules[i]->day, rules[i]->rule, rules[i]->source);
}

static int
issuer_open(struct job *j, struct role_env *env)
{
	struct ca_files files = ca_conf_files(env->keep, j->conf);
	struct issuer *i = arena_alloc(env->keep, sizeof(*i));
	struct ca_key_facts facts;

	env->role = i;
	i->clock.is_on = true;
	i->linters = arena_calloc(env->keep, 1, sizeof(*i->linters));
	i->linters->fd = env->linters_fd;
	i->live =
	    live_keys_new(env->keep, env->live.n > 0 ? env->live.fds[0] : -1);
	files.lints = issuer_is_external(j);
	if (status_ocsp_is_on(&j->conf->issuer))
		i->answers = answers_new(env->keep);
	tell_upcoming(j);
	if (ca_load(j, env->keep, &files, &i->ca) < 0 ||
	    weakkeys_load(j, env->keep, j->conf->weak_keys, &i->weak_keys) <
		0 ||
	    seal_key_load(j, env->keep, j->conf->seal_key_file, &i->seal) < 0)
		return -1;
	i->handoff = handoff_key(env->keep, i->seal);
	if (!issuer_is_external(j)) {
		if (ca_key_facts(j, files.certificate, &facts) < 0)
			return -1;
		i->key_sha256 =
		    span_mem(arena_memdup(env->keep, facts.sha256, SHA256_LEN),
			SHA256_LEN);
	}
	return former_open(j, env->keep, i);
}

static int
start_work(struct role_env *env)
{
	struct job j;
	int result = 0;

	job_init(&j, env->store, env->conf);
	result = check_key_is_there(env->role, &j);
	/* Lists are the other CA's. */
	if (result == 0 && !issuer_is_external(&j))
		result = issuer_list_start(env->role, &j);
	if (result == 0)
		result = former_start(env->role, &j);
	if (result == 0)
		result = issuer_recheck_start(env->role, &j);
	if (result < 0)
		log_error("role cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

static int
issuer_run(struct role_env *env)
{
	if (start_work(env) < 0)
		return -1;
	return worker_loop(env, ROLE_ISSUER, issuer_step, issuer_next_due);
}

static void
issuer_close(struct role_env *env)
{
	struct issuer *i = env->role;

	answers_free(i->answers);
	former_close(i);
}

const struct role_ops issuer_ops = { ROLE_ISSUER, issuer_open,
	store_order_recover, issuer_run, issuer_close };
