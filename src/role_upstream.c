#include "config.h"

#include "src/role_upstream.h"

#include "acme/stop.h"
#include "db/store_audit.h"
#include "db/store_handoff.h"
#include "db/store_order.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/cmp_conf.h"
#include "src/enroll_key.h"
#include "src/handoff.h"
#include "src/worker.h"

#define RETRY_MIN_SECS 60 /* PK-218 */
#define RETRY_MAX_SECS 3600
#define EAB_KEY_MAX 1024
#define STOP_SECS 15 /* until a stop is looked for again */

static int64_t
retry_secs(int64_t secs)
{
	if (secs < RETRY_MIN_SECS)
		return RETRY_MIN_SECS;
	return secs < RETRY_MAX_SECS ? secs : RETRY_MAX_SECS;
}

/* One that a stop has cut off says nothing of that CA: the next start asks. */
static int64_t
again_secs(int64_t secs)
{
	return role_is_stopping() ? 0 : retry_secs(secs);
}

/* --- what an answer becomes ---------------------------------------------- */

static int
move(struct job *j, struct handoff *h, enum handoff_stage to, int64_t due_at)
{
	log_info("hand-off", "order=%s from=%s to=%s", h->order_id,
	    handoff_stage_name(h->stage), handoff_stage_name(to));
	if (store_handoff_move(j, h, to, due_at) < 0)
		return -1;
	h->stage = to;
	return due_at != 0 ? 0 : store_handoff_wake_order(j, h->order_id);
}

/* The order has ended meanwhile (PK-218): nobody gets it. */
static int
withdraw_late(struct job *j, const struct handoff *h)
{
	size_t count;

	if (handoff_withdraw(j, h, h->answer, &count) < 0)
		return -1;
	log_error("certificate too late", "order=%s id=%s next=\"%s\"",
	    h->order_id, h->id,
	    count > 0 ? "nothing: that CA is asked to revoke it; find out why "
			"it took longer than external.max_wait"
		      : "find out what that CA has made for this id, and have "
			"it revoke what nobody has");
	return store_audit_add(j, "upstream", "certificate",
	    arena_printf(j->arena, "order:%s", h->order_id), "too late",
	    worker_detail(j, "request", h->id));
}

/* In time, and somebody still waits for it?  1, 0, -1 */
static int
is_awaited(struct job *j, const struct handoff *h)
{
	int decided = store_order_is_decided(j, h->order_id);

	if (decided < 0)
		return -1;
	return decided == 0 &&
	       h->created_at > j->now - j->conf->external.max_wait;
}

static int
take_issued(struct job *j, struct handoff *h, struct span certificate)
{
	int awaited;

	/* First, since it locks the order: it does not end meanwhile. */
	if (store_handoff_wake_order(j, h->order_id) < 0)
		return -1;
	awaited = is_awaited(j, h);
	if (awaited < 0)
		return -1;
	h->answer = certificate;
	if (awaited > 0)
		return move(j, h, HANDOFF_ANSWERED, 0);
	return withdraw_late(j, h) < 0 ? -1 : move(j, h, HANDOFF_DONE, 0);
}

static int
hold(struct job *j, struct handoff *h)
{
	log_error("hand-off held",
	    "order=%s id=%s next=\"ask that CA whether it has issued for this "
	    "id, then: countersign handoff --retry (asks it once more), "
	    "--resend (it has not) or --fail\"",
	    h->order_id, h->id);
	return move(j, h, HANDOFF_HELD, 0);
}

static void
set_token(const struct upstream_role *u, struct job *j, struct handoff *h,
    const char *token)
{
	uint8_t *seal = arena_alloc(j->arena, SEAL_LEN);

	h->token = token;
	handoff_seal_token(u->seal, h, seal);
	h->token_seal = span_mem(seal, SEAL_LEN);
}

static int
take_pending(const struct upstream_role *u, struct job *j, struct handoff *h,
    const struct upstream_answer *a, int64_t secs)
{
	if (a->token != NULL)
		set_token(u, j, h, a->token);
	h->retry_secs = secs;
	/* due_at is never 0: the clock began long ago. */
	return move(j, h, HANDOFF_PENDING, j->now + secs);
}

/* RFC 8555 section 7.4 lets a server answer a new order with one that is still
 * open for these identifiers.  That one is of another request of ours, whose
 * key would be in the certificate of both: a new one is ordered when it has
 * come to its end. */
static int
take_started(const struct upstream_role *u, struct job *j, struct handoff *h,
    const struct upstream_answer *a)
{
	struct log_quoted q;
	int taken = store_handoff_token_is_taken(j, h, a->token);

	if (taken < 0)
		return -1;
	if (taken == 0)
		return take_pending(u, j, h, a, 0);
	log_info("upstream order of another",
	    "order=%s upstream_order=%s next=\"nothing: that CA is asked again "
	    "when that one has come to its end\"",
	    h->order_id, log_quote(&q, span_str(a->token)));
	return move(j, h, HANDOFF_ASKED, j->now + RETRY_MIN_SECS);
}

static int
take_refusal(struct job *j, struct handoff *h, enum err_kind kind)
{
	h->error = err_kind_name(kind);
	return move(j, h, HANDOFF_REFUSED, 0);
}

/* PK-216: told to that CA already, and revoked there besides. */
static int
take_withdrawn(
    struct job *j, struct handoff *h, const struct upstream_answer *a)
{
	struct log_quoted q;
	size_t count;

	log_error("certificate not what was asked for",
	    "order=%s id=%s reason=%s next=\"nothing was delivered; that CA is "
	    "asked to revoke it; find out how it came to make it\"",
	    h->order_id, h->id, log_quote(&q, span_str(a->why)));
	if (handoff_withdraw(j, h, a->certificate, &count) < 0 ||
	    store_audit_add(j, "upstream", "certificate",
		arena_printf(j->arena, "order:%s", h->order_id), "not as asked",
		worker_detail(j, "reason", a->why)) < 0)
		return -1;
	return take_refusal(j, h, ERR_INTERNAL);
}

/* It waits there for a word of ours, which it does not get. */
static int
take_barred(struct job *j, struct handoff *h, enum handoff_bar bar)
{
	if (bar == HANDOFF_ENDED)
		return move(j, h, HANDOFF_DONE, 0);
	if (bar == HANDOFF_OLD)
		return move(j, h, HANDOFF_STALE, 0);
	return move(j, h, HANDOFF_PENDING, j->now + STOP_SECS);
}

static int
take_answer(const struct upstream_role *u, struct job *j, struct handoff *h,
    const struct handoff_request *r, const struct upstream_answer *a)
{
	switch (a->outcome) {
	case UPSTREAM_ISSUED:
		return take_issued(j, h, a->certificate);
	case UPSTREAM_STARTED:
		return take_started(u, j, h, a);
	case UPSTREAM_PENDING:
		return take_pending(u, j, h, a, retry_secs(a->retry_secs));
	case UPSTREAM_LATER:
		return move(j, h, h->stage,
		    j->now + again_secs(RETRY_MIN_SECS * h->attempts));
	case UPSTREAM_UNKNOWN:
		return move(j, h, HANDOFF_ASKED,
		    j->now + again_secs(RETRY_MIN_SECS * (h->attempts - 1)));
	case UPSTREAM_UNSURE:
		return hold(j, h);
	case UPSTREAM_BARRED:
		return take_barred(j, h, r->bar);
	case UPSTREAM_REFUSED:
		return take_refusal(j, h, a->kind);
	case UPSTREAM_WITHDRAWN:
		return take_withdrawn(j, h, a);
	}
	return job_fail(j, ERR_INTERNAL, "an outcome that is not known");
}

static int
commit_answer(const struct upstream_role *u, struct job *j, struct handoff *h,
    const struct handoff_request *r, const struct upstream_answer *a)
{
	if (store_begin(j) < 0 || take_answer(u, j, h, r, a) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* --- one request --------------------------------------------------------- */

/* Somebody else wrote the row: nothing is called, and a person must look. */
static int
refuse_row(struct job *j, struct handoff *h, const char *what)
{
	log_error("hand-off row not ours",
	    "order=%s what=\"%s\" next=\"find out who wrote the row; the other "
	    "CA was not called\"",
	    h->order_id, what);
	if (store_audit_add(j, "upstream", "hand-off",
		arena_printf(j->arena, "order:%s", h->order_id), "refused",
		worker_detail(j, "reason", what)) < 0)
		return -1;
	return take_refusal(j, h, ERR_INTERNAL);
}

/* What a stop can name of an order, from its sealed request: this role reads
 * no authorizations. */
static int
is_stopped(const struct upstream_role *u, struct job *j,
    const struct handoff_request *r)
{
	struct order_identifier *identifiers =
	    arena_calloc(j->arena, r->mailbox_count, sizeof(*identifiers));
	const struct order o = { .profile = r->profile,
		.identifiers = identifiers,
		.identifier_count = r->mailbox_count };
	struct stop s;

	for (size_t i = 0; i < r->mailbox_count; i++)
		identifiers[i].authz.mailbox = r->mailboxes[i];
	return stop_find(j, &o, u->ca_label, &s);
}

/* What the issuer has asked for may have been overtaken: 0, or -1. */
static int
find_bar(const struct upstream_role *u, struct job *j, const struct handoff *h,
    struct handoff_request *r)
{
	int decided = store_order_is_decided(j, h->order_id);
	int stopped = decided == 0 ? is_stopped(u, j, r) : 0;

	if (decided < 0 || stopped < 0)
		return -1;
	if (decided > 0)
		r->bar = HANDOFF_ENDED;
	else if (stopped > 0)
		r->bar = HANDOFF_STOPPED;
	else
		r->bar = j->now > r->send_before ? HANDOFF_OLD : HANDOFF_FREE;
	return 0;
}

/* Not sent yet: 1 to be sent, 0 it was moved on, -1. */
static int
prepare_first(struct job *j, struct handoff *h, enum handoff_bar bar)
{
	switch (bar) {
	case HANDOFF_FREE:
		return 1;
	case HANDOFF_ENDED:
		return move(j, h, HANDOFF_DONE, 0);
	case HANDOFF_STOPPED:
		return move(j, h, HANDOFF_ASKED, j->now + STOP_SECS);
	case HANDOFF_OLD: /* the issuer's turn */
		return move(j, h, HANDOFF_STALE, 0);
	}
	return job_fail(j, ERR_INTERNAL, "a bar that is not known");
}

/* Nobody has waited for it for long, and no answer came. */
static int
abandon(struct job *j, struct handoff *h)
{
	log_error("hand-off abandoned",
	    "order=%s id=%s next=\"that CA is not asked any more; have it "
	    "cancel the request of this id, or revoke what came of it\"",
	    h->order_id, h->id);
	return move(j, h, HANDOFF_DONE, 0);
}

/*
 * In the transaction that leases the row: 1 to be called for, 0 it was moved
 * on, -1.  From here on it counts as sent (PK-217).
 */
static int
prepare(const struct upstream_role *u, struct job *j, struct handoff *h,
    struct handoff_request *r)
{
	if (!handoff_is_sealed(u->seal, h))
		return refuse_row(j, h, "no seal of the issuer");
	if (h->token != NULL && !handoff_token_is_sealed(u->seal, h))
		return refuse_row(j, h, "a token without seal");
	if (handoff_parse(j, h->request, r) < 0 || find_bar(u, j, h, r) < 0)
		return -1;
	if (h->stage == HANDOFF_ASKED)
		return prepare_first(j, h, r->bar);
	if (h->created_at < j->now - 2 * j->conf->external.max_wait)
		return abandon(j, h);
	return 1;
}

struct looker {
	const struct upstream_role *u;
	const struct handoff *h;
	struct handoff_request *r;
};

/* Exchanges with the other CA take their time, and a stop takes none. */
static int
look(struct job *j, void *ctx)
{
	const struct looker *l = ctx;

	j->now = clock_now();
	return find_bar(l->u, j, l->h, l->r);
}

static int
call(const struct upstream_role *u, struct job *j, struct handoff *h,
    struct handoff_request *r, bool is_first)
{
	struct looker *l = arena_alloc(j->arena, sizeof(*l));
	struct upstream_answer a;

	*l = (struct looker){ u, h, r };
	r->look = look;
	r->look_ctx = l;
	if (is_first)
		u->ops->issue(&u->secrets, j, h, r, &a);
	else
		u->ops->poll(&u->secrets, j, h, r, &a);
	return commit_answer(u, j, h, r, &a);
}

/* A row that cannot be used keeps its lease, so that it holds up no other. */
static int
keep_lease(struct job *j)
{
	struct err why = j->err;

	job_recover(j);
	if (store_commit(j) < 0)
		return worker_undo(j);
	j->err = why;
	return -1;
}

static int
prepare_leased(const struct upstream_role *u, struct job *j, struct handoff *h,
    struct handoff_request *r, bool is_first)
{
	int found = prepare(u, j, h, r);

	if (found <= 0 || !is_first)
		return found;
	if (u->ops->begin != NULL)
		set_token(u, j, h, u->ops->begin(j, h));
	return move(j, h, HANDOFF_SENDING, j->now + UPSTREAM_LEASE_SECS) < 0
		   ? -1
		   : 1;
}

static int
request_step(const struct upstream_role *u, struct job *j)
{
	struct handoff_request r;
	struct handoff h;
	bool is_first;
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = store_handoff_lease(j, j->now + UPSTREAM_LEASE_SECS, &h);
	if (found < 0 && j->err.kind == ERR_SPOILED)
		return keep_lease(j);
	if (found <= 0) {
		store_rollback(j);
		return found;
	}
	is_first = h.stage == HANDOFF_ASKED;
	if (store_savepoint(j) < 0)
		return worker_undo(j);
	found = prepare_leased(u, j, &h, &r, is_first);
	if (found < 0) {
		struct err why = j->err;

		job_recover(j);
		if (store_savepoint_undo(j) < 0)
			return worker_undo(j);
		j->err = why;
		return keep_lease(j);
	}
	if (store_savepoint_keep(j) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (found > 0 && call(u, j, &h, &r, is_first) < 0)
		return -1;
	return 1;
}

/* --- in turns ------------------------------------------------------------- */

int
upstream_step(void *role, struct job *j)
{
	const struct upstream_role *u = role;
	int revoked = upstream_revoke_step(u, j), asked, windows;

	if (revoked < 0 || role_is_stopping())
		return revoked;
	/* In turns: neither keeps the other from its due. */
	j->now = clock_now();
	asked = request_step(u, j);
	if (asked < 0 || role_is_stopping())
		return asked;
	j->now = clock_now();
	windows = upstream_window_step(u, j);
	return windows < 0 ? -1 : windows > 0 || asked > 0 || revoked > 0;
}

int
upstream_next_due(void *role, struct job *j, int64_t *at)
{
	static int (*const queues[])(
	    struct job *, int64_t *) = { store_handoff_next_due,
		store_withdrawal_next_due, store_window_next_due };
	int any = 0;

	(void)role;
	for (size_t i = 0; i < COUNT(queues); i++) {
		int64_t due;
		int found = queues[i](j, &due);

		if (found < 0)
			return -1;
		if (found > 0 && (any == 0 || due < *at))
			*at = due;
		any |= found;
	}
	return any;
}

/* --- the role ------------------------------------------------------------ */

static int
load_account(struct job *j, struct upstream *u)
{
	const struct conf_upstream *conf = &j->conf->external;
	struct span text;
	int found = enroll_key_load(j, conf->account_key, &u->account_key);

	if (found == 0)
		return job_fail(j, ERR_INTERNAL,
		    "external.account_key: there is no %s; make it with "
		    "openssl genpkey -algorithm EC -pkeyopt "
		    "ec_paramgen_curve:P-256, mode 0600",
		    conf->account_key);
	if (found < 0)
		return -1;
	if (!enroll_key_is(u->account_key, ENROLL_P256))
		return job_fail(
		    j, ERR_INTERNAL, "%s: not a P-256 key", conf->account_key);
	if (conf->eab_kid == NULL)
		return 0;
	if (file_read_secret(j, conf->eab_key_file, EAB_KEY_MAX, &text) < 0)
		return -1;
	if (b64url_parse(j->arena, text, &u->eab_key) < 0 || u->eab_key.n == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not a key in base64url, as the other CA gave it",
		    conf->eab_key_file);
	return 0;
}

/* The verdicts' key is gone when the derived one is there. */
static int
load_seal(struct job *j, struct arena *keep, const struct seal_key **out)
{
	struct arena *short_lived = arena_new();
	const struct seal_key *verdicts;
	struct job own;
	int result;

	job_init(&own, NULL, j->conf);
	result =
	    seal_key_load(&own, short_lived, j->conf->seal_key_file, &verdicts);
	if (result == 0)
		*out = handoff_key(keep, verdicts);
	else
		job_fail(j, own.err.kind, "%s", own.err.text);
	job_done(&own);
	arena_free(short_lived);
	return result;
}

static int
upstream_open(struct job *j, struct role_env *env)
{
	const struct conf_issuer *c = &j->conf->issuer;
	struct ca_files files = { .certificate = c->ca_certificate,
		.chain = c->ca_chain };
	struct upstream_role *u = arena_alloc(env->keep, sizeof(*u));
	const struct ca *ca;

	*u = (struct upstream_role){ .ops = &upstream_hook_ops };
	env->role = u;
	if (ca_load(j, env->keep, &files, &ca) < 0 ||
	    load_seal(j, env->keep, &u->seal) < 0)
		return -1;
	u->ca_label = ca_key_label(ca);
	u->secrets.ca = ca;
	if (j->conf->external.kind == CONF_EXTERNAL_CMP) {
		u->ops = &upstream_cmp_ops;
		return cmp_conf_load(j, env->keep, &u->secrets.cmp);
	}
	if (j->conf->external.kind != CONF_EXTERNAL_ACME)
		return 0;
	u->ops = &upstream_acme_ops;
	return load_account(j, &u->secrets);
}

/* PK-221: confined as it will be for each request. */
static int
check_hook(const struct role_env *env)
{
	struct job j;
	int result;

	job_init(&j, NULL, env->conf);
	result = upstream_hook_ops.check(&j, &env->conf->external);
	if (result < 0)
		log_error("role cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

static int
upstream_run(struct role_env *env)
{
	if (env->conf->external.kind == CONF_EXTERNAL_HOOK &&
	    check_hook(env) < 0)
		return -1;
	return worker_loop(
	    env, ROLE_UPSTREAM, upstream_step, upstream_next_due);
}

static void
upstream_close(struct role_env *env)
{
	(void)env; /* all of it belongs to the process's arena */
}

const struct role_ops upstream_ops = { ROLE_UPSTREAM, upstream_open,
	store_handoff_recover, upstream_run, upstream_close };
