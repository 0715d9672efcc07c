#include "config.h"

#include "src/judge_caa.h"

#include <string.h>

#include "acme/problem.h"
#include "db/store_audit.h"
#include "db/store_authz.h"
#include "db/store_caa.h"
#include "db/store_caa_round.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "pki/caa.h"
#include "src/caa_refusal.h"
#include "src/caa_report.h"
#include "src/caa_rules.h"
#include "src/conf_perspective.h"
#include "src/corroborate.h"
#include "src/evidence.h"
#include "src/judge.h"
#include "src/perspective_client.h"
#include "src/worker.h"

#define LEASE_SECS 300
/* Of one order, so few that a lease is long enough. */
#define BATCH_MAX 50
#define LOOK_UP_MS 60000

/* One row, and what is found out about it. */
struct check {
	struct caa_row row;
	bool is_asked; /* perspectives: by the inquiry of this place */
	size_t inquiry;
	struct quorum quorum; /* asked 0: there was no round */
};

/* Those of one order that are due at the same time: one round (MP-9). */
struct batch {
	struct check v[BATCH_MAX];
	size_t n;
	struct question questions[BATCH_MAX];
	struct inquiry inquiries[BATCH_MAX];
	size_t inquiry_count;
};

/* --- our own view --------------------------------------------------------- */

static int
ask_caa(struct validator *v, struct job *j, struct caa_row *c, size_t mailboxes)
{
	struct caa_policy policy = caa_rules_policy(j->conf);
	const char *account = caa_rules_account(j, c->account_id);
	struct caa_decision d;

	policy.mailbox_count = mailboxes;
	policy.budget_ms = LOOK_UP_MS;
	if (caa_check(j, v->resolver, c->domain, account, &policy, &d) < 0)
		return -1;
	c->result = caa_result_name(d.result);
	c->reason = d.reason;
	c->detail = arena_strdup(j->arena, d.detail);
	c->trace = d.trace;
	c->ttl = d.ttl;
	c->checked_at = j->now;
	c->br_version = BR_VERSION;
	return 0;
}

static bool
is_same(const struct caa_row *a, const struct caa_row *b)
{
	return strcmp(a->domain, b->domain) == 0 &&
	       strcmp(a->account_id, b->account_id) == 0;
}

/* Another mailbox of the same domain and account, in the same order. */
static const struct caa_row *
find_same(const struct batch *b, size_t n, const struct caa_row *c)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(&b->v[i].row, c))
			return &b->v[i].row;
	return NULL;
}

static size_t
count_same(const struct batch *b, const struct caa_row *c)
{
	size_t count = 0;

	for (size_t i = 0; i < b->n; i++)
		count += is_same(&b->v[i].row, c);
	return count;
}

static void
copy_findings(struct caa_row *to, const struct caa_row *from)
{
	to->result = from->result;
	to->reason = from->reason;
	to->detail = from->detail;
	to->trace = from->trace;
	to->ttl = from->ttl;
	to->checked_at = from->checked_at;
	to->br_version = from->br_version;
}

static int
give_back(struct job *j, struct batch *b, size_t from)
{
	if (store_begin(j) < 0)
		return -1;
	for (size_t i = from; i < b->n; i++)
		if (store_caa_give_back(j, b->v[i].row.id) < 0)
			return worker_undo(j);
	b->n = from;
	return store_commit(j);
}

/* Slow name servers do not make the lease run out, and keep nobody else for
 * longer: what is left waits for the next batch. */
static int
look_up_all(struct validator *v, struct job *j, struct batch *b)
{
	int64_t began = clock_mono_ms();

	for (size_t i = 0; i < b->n; i++) {
		struct caa_row *c = &b->v[i].row;
		const struct caa_row *same = find_same(b, i, c);

		if (same != NULL)
			copy_findings(c, same);
		else if (i > 0 && clock_mono_ms() - began > LOOK_UP_MS)
			return give_back(j, b, i);
		else if (ask_caa(v, j, c, count_same(b, c)) < 0)
			return -1;
	}
	return 0;
}

/* --- remote perspectives -------------------------------------------------- */

/* PK-46, MP-6: the words and the kind of refusal. */
static void
refuse(struct job *j, struct caa_row *c, enum quorum_outcome outcome)
{
	const char *said = outcome == QUORUM_DENIED
			       ? "do not see in the DNS what this server sees"
			   : outcome == QUORUM_FAILED
			       ? "could not look it up in the DNS"
			       : "could not be asked";

	c->result =
	    caa_result_name(outcome == QUORUM_DENIED ? CAA_DENY : CAA_FAIL);
	c->reason = outcome == QUORUM_SILENT ? CAA_REASON_UNCORROBORATED_SILENT
					     : CAA_REASON_UNCORROBORATED;
	c->detail = arena_printf(j->arena,
	    "corroboration: too many of the other networks that were asked "
	    "about %s %s",
	    c->domain, said);
}

/* A fault of our own.  It is told and, where perspectives decide, refuses;
 * the check itself is recorded (MP-8). */
static int
not_asked(struct job *j, struct caa_row *c)
{
	if (j->err.kind == ERR_BUSY)
		return -1;
	log_error("no corroboration", "authz=%s error=\"%s\"", c->authz_id,
	    j->err.text);
	job_recover(j);
	if (j->conf->mpic.policy == CONF_MPIC_ENFORCE)
		refuse(j, c, QUORUM_FAILED);
	return 0;
}

/* The key is asked for until the perspectives have seen it, and not again: its
 * domain may change it while the validation is in use. */
static int
ask_what(const struct validator *v, struct job *j, const struct caa_row *c,
    struct question *q)
{
	struct caa_row row;
	int seen;

	if (question_of(j, c, q) < 0)
		return -1;
	seen = question_has_key(q)
		   ? corroboration_of_key(j, v->seal, c->authz_id, &row)
		   : 0;
	if (seen < 0) {
		if (j->err.kind != ERR_UNAUTHORIZED &&
		    j->err.kind != ERR_MALFORMED)
			return -1;
		log_error("earlier check not believed",
		    "authz=%s error=\"%s\" next=\"find out who wrote the "
		    "row; the key is asked for again\"",
		    c->authz_id, j->err.text);
		job_recover(j);
	}
	if (seen > 0)
		question_leave_key(q);
	return 0;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_question(const struct question *a, const struct question *b)
{
	return same_text(a->request.caa_domain, b->request.caa_domain) &&
	       same_text(a->request.account_url, b->request.account_url) &&
	       same_text(a->request.dkim_domain, b->request.dkim_domain) &&
	       same_text(a->request.dkim_selector, b->request.dkim_selector) &&
	       span_eq(a->key, b->key) && span_eq(a->key_text, b->key_text) &&
	       a->key_has_blanks == b->key_has_blanks;
}

/* MP-9: what one mailbox needs to know may be what another one does. */
static void
add_question(struct batch *b, struct check *c, const struct question *q)
{
	size_t at = 0;

	while (at < b->inquiry_count && !same_question(&b->questions[at], q))
		at++;
	if (at == b->inquiry_count) {
		b->questions[at] = *q;
		b->inquiries[at] =
		    (struct inquiry){ .question = &b->questions[at],
			    .about = c->row.authz_id };
		b->inquiry_count++;
	}
	c->is_asked = true;
	c->inquiry = at;
}

static int
note_round(struct job *j, struct check *check, const struct inquiry *i)
{
	struct caa_row *c = &check->row;
	const struct quorum counted = round_count(j, &i->round);
	const char *trace =
	    corroboration_add(j, c->trace, i->question, &i->round);

	if (trace == NULL) {
		job_fail(j, ERR_INTERNAL,
		    "the answers of the perspectives are too large to be "
		    "kept");
		return not_asked(j, c);
	}
	c->trace = trace;
	check->quorum = counted;
	c->key_agreed =
	    question_has_key(i->question) && counted.outcome == QUORUM_REACHED;
	log_info("corroboration",
	    "authz=%s domain=%s outcome=%s agree=%zu deny=%zu fail=%zu "
	    "silent=%zu needed=%zu",
	    c->authz_id, c->domain, quorum_outcome_name(counted.outcome),
	    counted.agree, counted.deny, counted.fail, counted.silent,
	    counted.needed);
	if (counted.outcome != QUORUM_REACHED &&
	    j->conf->mpic.policy == CONF_MPIC_ENFORCE)
		refuse(j, c, counted.outcome);
	return 0;
}

/* The same fault for all of them. */
static int
none_asked(struct job *j, struct batch *b)
{
	const struct err why = j->err;

	for (size_t i = 0; i < b->n; i++) {
		if (!b->v[i].is_asked)
			continue;
		j->err = why;
		if (not_asked(j, &b->v[i].row) < 0)
			return -1;
	}
	return 0;
}

/* PK-48: only what the primary permits; nothing overturns its denial. */
static int
corroborate(struct validator *v, struct job *j, struct batch *b)
{
	if (v->perspectives == NULL)
		return 0;
	for (size_t i = 0; i < b->n; i++) {
		struct caa_row *c = &b->v[i].row;
		struct question q;

		if (strcmp(c->result, caa_result_name(CAA_PERMIT)) != 0)
			continue;
		if (ask_what(v, j, c, &q) == 0)
			add_question(b, &b->v[i], &q);
		else if (not_asked(j, c) < 0)
			return -1;
	}
	if (b->inquiry_count == 0)
		return 0;
	if (perspective_client_ask(
		v->perspectives, j, b->inquiries, b->inquiry_count) < 0)
		return none_asked(j, b);
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].is_asked &&
		    note_round(j, &b->v[i], &b->inquiries[b->v[i].inquiry]) < 0)
			return -1;
	return 0;
}

int
judge_caa_late(struct validator *v, struct job *j)
{
	struct late_answer late;

	if (!perspective_client_late(v->perspectives, j, &late))
		return 0;
	if (store_begin(j) < 0 ||
	    store_audit_add(j, "validator", "late perspective",
		arena_printf(j->arena, "authz:%s", late.about),
		answer_name(late.testimony.answer),
		worker_detail(j, "code", late.testimony.code)) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

static int64_t
pause_at(const int64_t *pauses, size_t n, int64_t attempts)
{
	return attempts > 0 && attempts <= (int64_t)n ? pauses[attempts - 1]
						      : 0;
}

/*
 * Seconds until another try, 0: none is left.  Each is a whole new round
 * (MP-6, MP-7).  A name server that is ill for a moment is asked again at once;
 * where the verdict waits for the quorum, also later: finalize cannot ask again
 * for what is not valid.
 */
static int64_t
pause_of(const struct caa_row *c, bool is_held)
{
	static const int64_t silent[] = { 30, 120, 600 },
			     ill[] = { 5, 10, 30, 120, 600 };

	if (strcmp(c->result, caa_result_name(CAA_FAIL)) != 0)
		return 0;
	if (strcmp(c->reason, CAA_REASON_UNCORROBORATED_SILENT) == 0)
		return pause_at(silent, 3, c->attempts);
	return pause_at(ill, is_held ? 5 : 2, c->attempts);
}

/* --- the check ------------------------------------------------------------ */

/* Until when the verdict waits for the quorum (PK-46); 0: it does not. */
static int
find_hold(struct job *j, const struct caa_row *c, int64_t *until)
{
	struct authz a;
	int found = store_authz_by_id(j, c->authz_id, NULL, &a);

	*until = found == 1 && conf_corroborates(j->conf) ? a.held_until : 0;
	return found < 0 ? -1 : 0;
}

static const char *
refusal(struct job *j, const struct caa_row *c)
{
	return problem_format(j, caa_refusal_kind(c), caa_refusal_text(j, c));
}

/*
 * The user learns it now, and not from a finalize that is refused: a denial
 * (PK-28); and where only a quorum makes it valid, that there is none.
 */
static int
decide(struct job *j, const struct caa_row *c, bool is_held)
{
	bool ends = is_held
			? strcmp(c->result, caa_result_name(CAA_PERMIT)) != 0
			: strcmp(c->result, caa_result_name(CAA_DENY)) == 0 &&
			      j->conf->caa_enforce;
	int changed;

	if (!ends)
		return store_authz_release(j, c->authz_id);
	changed = store_authz_forbid(j, c->authz_id, refusal(j, c));
	if (changed == 1)
		j->wake |= 1u << ROLE_WEB;
	return changed < 0 ? -1 : 0;
}

/* PK-55: what this attempt found stays, whatever the next one finds. */
static int
keep_round(const struct validator *v, struct job *j, const struct caa_row *c)
{
	struct caa_row round = *c;
	uint8_t seal[SEAL_LEN];

	evidence_seal_caa_round(v->seal, c, seal);
	round.seal = span_mem(seal, SEAL_LEN);
	return store_caa_round_add(j, &round);
}

/* RFC 8555 8.2: the client reads why it waits. */
static int
try_later(const struct validator *v, struct job *j, const struct caa_row *c,
    int64_t at, bool is_held)
{
	if (keep_round(v, j, c) < 0)
		return -1;
	if (is_held && store_authz_hold_on(j, c->authz_id, refusal(j, c)) < 0)
		return -1;
	return store_caa_retry(j, c->id, at);
}

/* What the perspectives decided, and then what was decided with it. */
static int
audit(struct job *j, const struct caa_row *c, const struct quorum *q)
{
	const char *object = arena_printf(j->arena, "authz:%s", c->authz_id);

	if (q->asked > 0 &&
	    store_audit_add(j, "validator", "corroboration", object,
		quorum_outcome_name(q->outcome),
		arena_printf(j->arena,
		    "{\"asked\":%zu,\"agree\":%zu,\"deny\":%zu,\"fail\":%zu,"
		    "\"silent\":%zu,\"needed\":%zu}",
		    q->asked, q->agree, q->deny, q->fail, q->silent,
		    q->needed)) < 0)
		return -1;
	return store_audit_add(j, "validator", "caa", object, c->result,
	    worker_detail(j, "reason", c->reason));
}

static int
record_caa(const struct validator *v, struct job *j, struct caa_row *c,
    const struct quorum *q)
{
	uint8_t *seal = arena_alloc(j->arena, SEAL_LEN);
	int64_t held_until, pause;

	if (find_hold(j, c, &held_until) < 0)
		return -1;
	pause = pause_of(c, held_until != 0);
	if (pause > 0 && (held_until == 0 || j->now + pause < held_until))
		return try_later(v, j, c, j->now + pause, held_until != 0);
	evidence_seal_caa(v->seal, c, seal);
	c->seal = span_mem(seal, SEAL_LEN);
	if (store_caa_record(j, c) < 0 || decide(j, c, held_until != 0) < 0 ||
	    (j->conf->caa_enforce && caa_report_queue(j, c) < 0))
		return -1;
	j->wake |= 1u << ROLE_ISSUER;
	return audit(j, c, q);
}

/* Each in a transaction of its own: they lock orders. */
static int
record_one(const struct validator *v, struct job *j, const struct check *check)
{
	struct caa_row c = check->row;

	if (store_begin(j) < 0)
		return -1;
	if (record_caa(v, j, &c, &check->quorum) < 0) {
		store_rollback(j);
		return judge_is_done(j) ? 0 : -1;
	}
	if (store_commit(j) < 0)
		return -1;
	log_info("caa", "authz=%s domain=%s result=%s reason=%s", c.authz_id,
	    c.domain, c.result, c.reason);
	return 0;
}

/* One that cannot be recorded keeps none of the others from it. */
static int
record_all(const struct validator *v, struct job *j, const struct batch *b)
{
	struct err first = { .kind = ERR_NONE };

	for (size_t i = 0; i < b->n; i++) {
		if (record_one(v, j, &b->v[i]) == 0)
			continue;
		if (first.kind == ERR_NONE)
			first = j->err;
		job_recover(j);
	}
	if (first.kind == ERR_NONE)
		return 1;
	j->err = first;
	return -1;
}

static int
lease(struct job *j, const char *order_id, struct caa_row *out)
{
	int64_t until = j->now + LEASE_SECS;
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = order_id == NULL ? store_caa_lease(j, until, out)
				 : store_caa_lease_of(j, order_id, until, out);
	if (found <= 0) {
		store_rollback(j);
		return found;
	}
	return store_commit(j) < 0 ? -1 : 1;
}

int
judge_caa(struct validator *v, struct job *j)
{
	struct batch *b = arena_alloc(j->arena, sizeof(*b));
	const char *order_id;
	int64_t at = 0;
	int found = judge_is_due(j, store_caa_next_due(j, &at), at);

	if (found <= 0)
		return found;
	*b = (struct batch){ .n = 0 };
	found = lease(j, NULL, &b->v[0].row);
	if (found <= 0)
		return found;
	b->n = 1;
	order_id = b->v[0].row.order_id;
	while (order_id != NULL && b->n < BATCH_MAX && found > 0) {
		found = lease(j, order_id, &b->v[b->n].row);
		b->n += found > 0;
	}
	if (found < 0 || look_up_all(v, j, b) < 0 || corroborate(v, j, b) < 0)
		return -1;
	return record_all(v, j, b);
}
