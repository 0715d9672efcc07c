#include "config.h"

#include "src/judge.h"

#include "acme/limit.h"
#include "acme/problem.h"
#include "acme/status.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_notice.h"
#include "db/store_reply.h"
#include "db/store_suppressed.h"
#include "dns/record.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "mail/reply.h"
#include "mail/status_words.h"
#include "src/conf_perspective.h"
#include "src/evidence.h"
#include "src/reply_conf.h"
#include "src/worker.h"

#include <string.h>

/* How long one judgement may take before another validator may try. */
#define LEASE_SECS 300
#define DEFER_FIRST_SECS 30
#define DEFER_MAX_SECS 1800
#define SUPPRESS_SECS ((int64_t)90 * 86400)
/* STOP to a challenge that has ended: how long after it was made, and how
 * many messages that say so are looked at. */
#define LATE_STOP_SECS ((int64_t)30 * 86400)
#define LATE_STOP_TRIES 3
/* How long the quorum may take at least: a round with its look-ups. */
#define HOLD_SECS_MIN 120

/* A message on its way to its row. */
struct judgement {
	const struct received *received;
	struct reply reply;
	struct challenge_subject subject;
	bool has_subject;
	bool is_copy; /* late, and of one that was judged */
	struct reply_record record;
	uint8_t hash[SHA256_LEN], seal[SEAL_LEN];
	enum verdict applied; /* as recorded */
};

/* Was the address made for this challenge?  Anybody can know the other. */
static bool
has_tag(const struct conf *conf, const char *from)
{
	return conf->sender.tagged &&
	       !span_caseeq_str(span_str(from), conf->sender.from);
}

/* Whom a message came to. */
struct recipients {
	const char *const *v;
	size_t n;
};

/* MA-106: the envelope, where it is known, else the header. */
static struct recipients
recipients_of(const struct judgement *g)
{
	const struct received *m = g->received;
	const struct reply *r = &g->reply;

	if (m->recipient_count > 0)
		return (struct recipients){ m->recipients, m->recipient_count };
	return (struct recipients){ r->recipients, r->recipient_count };
}

static bool
is_recipient(const struct recipients *to, const char *address)
{
	for (size_t i = 0; i < to->n; i++)
		if (strcmp(to->v[i], address) == 0)
			return true;
	return false;
}

/*
 * The challenge that a bounce is about: that of the tag which it came to; or,
 * where the address is everybody's, of the Message-ID that it quotes (ER-24).
 */
static int
find_bounced(struct job *j, struct judgement *g)
{
	const struct reply *r = &g->reply;
	const struct recipients to = recipients_of(g);
	struct challenge_subject *s = &g->subject;
	int found = 0;

	for (size_t i = 0; found == 0 && i < to.n; i++) {
		found = store_challenge_by_from(j, to.v[i], s);
		if (found > 0 && !has_tag(j->conf, s->authz.challenge.from))
			found = 0;
	}
	if (found != 0 || r->dsn.original_message_id == NULL)
		return found;
	found = store_challenge_by_message_id(j, r->dsn.original_message_id, s);
	if (found > 0 && (has_tag(j->conf, s->authz.challenge.from) ||
			     !is_recipient(&to, s->authz.challenge.from)))
		found = 0;
	return found;
}

/* By token-part1 in the subject, or what a bounce is about. */
static int
find_challenge(struct job *j, struct judgement *g)
{
	const struct reply *r = &g->reply;
	int found = 0;

	if (r->dsn.is_dsn)
		found = find_bounced(j, g);
	else if (r->has_part1)
		found = store_challenge_by_part1_hash(
		    j, span_mem(r->part1_hash, SHA256_LEN), &g->subject);
	g->has_subject = found > 0;
	return found < 0 ? -1 : 0;
}

/*
 * A report ends the challenge only if it came to the tag, which nobody knows
 * but those who saw the mail, and names a failure (ER-24, MA-106).  Without a
 * tag it is told, and the challenge ends when its time is over.
 */
static void
judge_dsn(struct job *j, struct judgement *g)
{
	const struct dsn *d = &g->reply.dsn;
	bool is_genuine = has_tag(j->conf, g->subject.authz.challenge.from);
	const char *what = d->failed
			       ? "the challenge mail could not be delivered"
			       : "delivery of the challenge mail is delayed";

	g->record.verdict = VERDICT_DSN_NOTED;
	if (!d->parsed || (!d->failed && !d->delayed))
		return;
	if (is_genuine)
		g->record.verdict =
		    d->failed ? VERDICT_DSN_FAILED : VERDICT_DSN_DELAYED;
	g->record.error = problem_format(j, ERR_CONNECTION,
	    arena_printf(j->arena, "%s%s: %s",
		is_genuine ? "" : "a report says: ", what,
		status_explain(j, d->status)));
}

static void
expect_of(const struct challenge_subject *s, struct span part1,
    struct reply_expect *e)
{
	const struct authz *a = &s->authz;
	struct span part2 = span_str(a->challenge.token_part2);

	*e = (struct reply_expect){ .mailbox = a->mailbox,
		.challenge_from = a->challenge.from,
		.message_id = a->challenge.message_id,
		.sent_at = a->challenge.mail_sent_at,
		.expires_at = a->expires_at };
	reply_digest(
	    part1, part2, span_str(s->account_thumbprint), e->digest_now);
	reply_digest(
	    part1, part2, span_str(a->challenge.thumbprint), e->digest_then);
}

/*
 * A challenge that is decided, or an account that has ended, costs no look-up
 * and no signature, but for STOP (judge_stop): strangers could keep the
 * validator busy with them.  The store says the same again, inside the
 * transaction.
 */
static bool
is_late(const struct challenge_subject *s)
{
	return challenge_is_decided(&s->authz) || !s->account_is_valid;
}

/* MA-64, by hashes alone. */
static int
is_copy(struct job *j, const struct judgement *g)
{
	const struct challenge_subject *s = &g->subject;
	uint8_t hashes[DKIM_EVALUATED_MAX][32];
	size_t count;
	int found = 0;

	dkim_covered(j, &g->reply.message, addr_domain_of(s->authz.mailbox),
	    g->reply.arrival, hashes, &count);
	for (size_t i = 0; i < count && found == 0; i++)
		found = store_reply_covered(j, s->authz.challenge.id,
		    span_mem(hashes[i], sizeof(hashes[i])));
	return found;
}

static int
judge_late(struct job *j, struct judgement *g)
{
	int copy = is_copy(j, g);

	g->is_copy = copy > 0;
	g->record.verdict = VERDICT_LATE;
	g->record.code = g->is_copy ? REPLY_CODE_REPEATED : "late";
	return copy < 0 ? -1 : 0;
}

/* What was found, for the record: 1 if its covered part was judged before
 * (MA-64), 0, -1. */
static int
note_evidence(
    struct job *j, struct judgement *g, const struct evidence_input *in)
{
	g->record.evidence = evidence_format(j, in);
	if (g->record.evidence == NULL)
		return -1;
	if (!g->reply.authenticated)
		return 0;
	g->record.covered_hash = span_mem(g->reply.covered_hash, SHA256_LEN);
	return store_reply_covered(
	    j, g->subject.authz.challenge.id, g->record.covered_hash);
}

static struct record_sources
sources_of(const struct validator *v, const struct job *j)
{
	return (struct record_sources){ v->resolver, v->second,
		v->hasty_ms > 0 ? v->hasty_ms
				: j->conf->validator.dns_total_ms };
}

static int
judge_reply(struct validator *v, struct job *j, struct judgement *g)
{
	const struct record_sources sources = sources_of(v, j);
	struct recorder *dns = recorder_new(j, &sources);
	struct reply_policy policy =
	    reply_policy_of(j->conf, g->subject.authz.mailbox);
	struct reply *r = &g->reply;
	struct reply_expect expect;
	struct evidence_input evidence = { .reply = r,
		.authz = &g->subject.authz,
		.thumbprint = g->subject.account_thumbprint,
		.expected = expect.digest_now,
		.policy = &policy,
		.dns = dns };
	int repeated;

	policy.smime.trust = smime_source_trust(j, &v->smime);
	expect_of(&g->subject, r->part1, &expect);
	if (!r->decided &&
	    reply_judge(j, r, &expect, &policy, recorder_resolver(dns)) < 0)
		return -1;
	g->record.verdict = r->verdict;
	/* What could not be judged in its time proves nothing (MA-31). */
	if (r->verdict == VERDICT_DEFERRED &&
	    j->now > g->subject.authz.expires_at)
		g->record.verdict = VERDICT_UNAUTHENTICATED;
	repeated = note_evidence(j, g, &evidence);
	if (repeated > 0) {
		g->record.verdict = VERDICT_REPEATED; /* MA-64 */
		g->record.code = REPLY_CODE_REPEATED;
	}
	return repeated < 0 ? -1 : 0;
}

/*
 * Many read the mail when its challenge has ended, and want no more of them
 * all the same (AC-189).  Who may: the mailbox itself, authenticated as for an
 * answer.  What it can cost: only for messages that name token-part1, come
 * from and to the right addresses and say STOP, a few of each challenge, is a
 * key looked up and a signature verified.  A copy of one that was judged
 * before does nothing (MA-64), so that nobody can renew it after it was
 * lifted.
 */
static int
judge_stop(struct validator *v, struct job *j, struct judgement *g)
{
	const struct authz *a = &g->subject.authz;
	const struct record_sources sources = sources_of(v, j);
	struct recorder *dns = recorder_new(j, &sources);
	struct reply_policy policy = reply_policy_of(j->conf, a->mailbox);
	struct reply_expect expect;
	struct evidence_input evidence = { .reply = &g->reply,
		.authz = a,
		.thumbprint = g->subject.account_thumbprint,
		.expected = expect.digest_now,
		.policy = &policy,
		.dns = dns };
	int64_t tries = 0;
	int repeated;

	policy.smime.trust = smime_source_trust(j, &v->smime);
	expect_of(&g->subject, g->reply.part1, &expect);
	if (j->now > a->created_at + LATE_STOP_SECS ||
	    !reply_says_stop(j, &g->reply, &expect, &policy))
		return 0;
	if (store_reply_stops(j, a->challenge.id, LATE_STOP_TRIES, &tries) < 0)
		return -1;
	if (tries >= LATE_STOP_TRIES)
		return 0;
	if (reply_judge_stop(
		j, &g->reply, &expect, &policy, recorder_resolver(dns)) < 0)
		return -1;
	g->record.code = g->reply.finding.code;
	repeated = note_evidence(j, g, &evidence);
	if (repeated > 0) {
		g->reply.asks_to_stop = false;
		g->record.code = REPLY_CODE_REPEATED;
	}
	return repeated < 0 ? -1 : 0;
}

static int
judge_challenge(struct validator *v, struct job *j, struct judgement *g)
{
	g->record.challenge_id = g->subject.authz.challenge.id;
	if (g->reply.dsn.is_dsn)
		judge_dsn(j, g);
	else if ((is_late(&g->subject) ? judge_late(j, g)
				       : judge_reply(v, j, g)) < 0)
		return -1;
	if (g->record.verdict != VERDICT_EXPIRED &&
	    (g->record.verdict != VERDICT_LATE || g->is_copy))
		return 0;
	return judge_stop(v, j, g);
}

/* What the client sees in the challenge (AC-124, AC-129). */
static void
set_error(struct job *j, struct judgement *g)
{
	enum err_kind kind = ERR_INCORRECT_RESPONSE;

	switch (g->record.verdict) {
	case VERDICT_UNAUTHENTICATED:
		kind = ERR_UNAUTHORIZED;
		break;
	case VERDICT_MISMATCH:
	case VERDICT_STALE_KEY:
	case VERDICT_NO_RESPONSE:
		break;
	case VERDICT_MATCH:
	case VERDICT_UNKNOWN:
	case VERDICT_DEFERRED:
	case VERDICT_EXPIRED:
	case VERDICT_LATE:
	case VERDICT_REPEATED:
	case VERDICT_DSN_FAILED:
	case VERDICT_DSN_DELAYED:
	case VERDICT_DSN_NOTED:
		return;
	}
	g->record.error = problem_format(j, kind, g->record.detail);
}

/* What is over the limit was never loaded (MA-1); what failed again and again
 * for reasons of our own must not stop the messages behind it. */
static void
judge_refused(struct judgement *g)
{
	g->record.verdict = VERDICT_UNKNOWN;
	g->record.code = g->received->refused;
	g->record.detail = "the message was not judged";
}

static int
judge(struct validator *v, struct job *j, struct judgement *g)
{
	const struct received *m = g->received;
	struct reply_policy policy = reply_policy_of(j->conf, NULL);
	struct reply *r = &g->reply;

	if (m->refused != NULL) {
		judge_refused(g);
		return 0;
	}
	if (reply_open(j, m->raw, m->arrival, &policy, r) < 0)
		return -1;
	if (m->null_sender)
		reply_without_sender(j, r);
	if (find_challenge(j, g) < 0)
		return -1;
	g->record.verdict = VERDICT_UNKNOWN;
	g->record.evidence = r->evidence;
	if (g->has_subject && judge_challenge(v, j, g) < 0)
		return -1;
	if (g->record.code == NULL)
		g->record.code = r->finding.code;
	g->record.detail = r->finding.detail;
	set_error(j, g);
	return 0;
}

static int64_t
defer_pause(const struct judgement *g, int64_t now)
{
	int64_t waited = now - g->received->arrival;

	/* The longer it has waited, the longer until the next try. */
	if (waited < DEFER_FIRST_SECS)
		return DEFER_FIRST_SECS;
	return waited < DEFER_MAX_SECS ? waited : DEFER_MAX_SECS;
}

static void
fill_record(const struct validator *v, struct job *j, struct judgement *g)
{
	struct reply_record *rec = &g->record;
	const struct received *m = g->received;

	rec->source = m->source;
	rec->uidvalidity = m->uidvalidity;
	rec->uid = m->uid;
	rec->arrival = m->arrival;
	rec->br_version = BR_VERSION;
	sha256(m->raw, g->hash);
	rec->raw_sha256 = span_mem(g->hash, SHA256_LEN);
	/* Strangers' mail that is about nothing here is not kept. */
	if (g->has_subject)
		rec->raw = m->raw;
	rec->is_disposed = m->is_gone;
	if (rec->verdict == VERDICT_DEFERRED)
		rec->retry_at =
		    v->hasty_ms > 0 ? j->now : j->now + defer_pause(g, j->now);
}

static void
seal_record(const struct validator *v, struct judgement *g)
{
	if (g->record.verdict != VERDICT_MATCH)
		return;
	evidence_seal_reply(v->seal, &g->subject.authz, &g->record, g->seal);
	g->record.seal = span_mem(g->seal, SEAL_LEN);
}

/* AC-189: the holder said so in an authenticated reply. */
static int
suppress(struct job *j, const struct authz *a)
{
	struct suppressed s = { .mailbox = addr_counted(j, a->mailbox),
		.since = j->now,
		.until = j->now + SUPPRESS_SECS,
		.source = "reply" };

	if (store_suppressed_add(j, &s) < 0)
		return -1;
	log_info("mailbox suppressed",
	    "order=%s next=\"its holder wants no more challenge mails; "
	    "countersign suppress --list shows which mailboxes do\"",
	    a->order_id);
	return store_audit_add(j, "validator", "mailbox suppressed",
	    arena_printf(j->arena, "mailbox:%s", s.mailbox), "ok", NULL);
}

/* An authenticated reply that is no answer, in time or not. */
static bool
is_no_answer(enum verdict v)
{
	return v == VERDICT_NO_RESPONSE || v == VERDICT_LATE ||
	       v == VERDICT_EXPIRED;
}

/*
 * CAA is looked up in the same stride, so that finalize need not wait for the
 * DNS.  Where perspectives decide, the client learns of the verdict when it
 * knows theirs: they are asked as long as the challenge lives, and one round
 * more for a reply in its last minute.
 */
static int
ask_more(struct job *j, const struct authz *a)
{
	int64_t until = a->expires_at;

	if (until < j->now + HOLD_SECS_MIN)
		until = j->now + HOLD_SECS_MIN;
	if (store_caa_request(j, a->id, a->order_id, j->now) < 0)
		return -1;
	return conf_corroborates(j->conf) ? store_authz_hold(j, a->id, until)
					  : 0;
}

/*
 * A notice that has come back (PK-184, PK-185): to the address that it came
 * from, which everybody knows, and naming its Message-ID, which only those know
 * who saw it.  It is noted for the operator, and nothing else comes of it.
 */
static int
note_bounce(struct job *j, const struct judgement *g)
{
	const struct dsn *d = &g->reply.dsn;
	const struct recipients to = recipients_of(g);
	const char *about = NULL;
	int found;

	if (!d->parsed || !d->failed || d->original_message_id == NULL ||
	    j->conf->sender.from == NULL ||
	    !is_recipient(&to, j->conf->sender.from))
		return 0;
	found = store_notice_bounced(
	    j, d->original_message_id, status_explain(j, d->status), &about);
	if (found <= 0)
		return found;
	log_info("notice bounced", "about=%s status=%s", about, d->status);
	return store_audit_add(j, "validator", "notice bounced",
	    arena_printf(j->arena, "notice:%s", about), "ok",
	    worker_detail(j, "status", d->status));
}

static int
record(struct job *j, struct judgement *g)
{
	const struct conf *conf = j->conf;
	const struct authz *a = &g->subject.authz;
	enum verdict *applied = &g->applied;
	int64_t valid_until = 0;

	if (g->has_subject)
		valid_until = authz_valid_until(
		    a, j->now, conf->authz_valid_life, conf->order_life);
	if (store_reply_record(j, &g->record, valid_until, applied) < 0)
		return -1;
	if (!g->has_subject)
		return g->reply.dsn.is_dsn ? note_bounce(j, g) : 0;
	if (*applied == VERDICT_REPEATED)
		g->record.code = REPLY_CODE_REPEATED;
	if (*applied == VERDICT_MATCH && ask_more(j, a) < 0)
		return -1;
	if ((*applied == VERDICT_MISMATCH || *applied == VERDICT_DSN_FAILED) &&
	    limits_note_failure(j, a->account_id, a->mailbox) < 0)
		return -1;
	if (is_no_answer(*applied) && g->reply.asks_to_stop &&
	    suppress(j, a) < 0)
		return -1;
	j->wake |= 1u << ROLE_SENDER; /* the order's next mail (AC-116) */
	if (*applied == VERDICT_DEFERRED)
		j->wake |= 1u << ROLE_VALIDATOR;
	return store_audit_add(j, "validator", "reply",
	    arena_printf(j->arena, "order:%s", a->order_id),
	    verdict_name(*applied), worker_detail(j, "code", g->record.code));
}

/* Two pictures of one thing: a fault of somebody's, or an attack. */
static void
alarm_of(const struct judgement *g)
{
	const char *code = g->record.code;
	bool dns = code != NULL && strcmp(code, "dns.disagreement") == 0;

	if (!dns && (code == NULL || strcmp(code, "ar.disagrees") != 0))
		return;
	log_error("reply held back",
	    "order=%s challenge=%s code=%s next=\"%s\"",
	    g->subject.authz.order_id, g->subject.authz.challenge.id, code,
	    dns ? "compare the DKIM key record at both resolvers: somebody "
		  "on the way to one of them may have changed it"
		: "look at the reply's Authentication-Results in the mailbox: "
		  "the own mail server saw another message, or one of the "
		  "two is wrong");
}

static void
log_verdict(const struct judgement *g)
{
	const struct received *m = g->received;
	struct log_quoted q;

	log_quote(&q, span_str(m->source));
	if (!g->has_subject) {
		log_info("reply", "verdict=%s source=%s uid=%lld",
		    verdict_name(g->applied), q.text, (long long)m->uid);
		return;
	}
	log_info("reply",
	    "order=%s challenge=%s verdict=%s code=%s source=%s uid=%lld",
	    g->subject.authz.order_id, g->subject.authz.challenge.id,
	    verdict_name(g->applied),
	    g->record.code != NULL ? g->record.code : "-", q.text,
	    (long long)m->uid);
	alarm_of(g);
}

/* --- one message, or several in one transaction -------------------------- */

static int
judge_whole(struct validator *v, struct job *j, const struct received *m,
    struct judgement **out)
{
	struct judgement *g = arena_alloc(j->arena, sizeof(*g));

	*g = (struct judgement){ .received = m };
	if (judge(v, j, g) < 0)
		return -1;
	fill_record(v, j, g);
	seal_record(v, g);
	*out = g;
	return 0;
}

int
judge_message(struct validator *v, struct job *j, const struct received *m,
    struct judgement **out)
{
	int seen = store_reply_seen(j, m->source, m->uidvalidity, m->uid);
	struct received *known;

	if (seen != 0)
		return seen < 0 ? -1 : 0;
	known = arena_memdup(j->arena, m, sizeof(*m));
	if (known->arrival <= 0 || known->arrival > j->now)
		known->arrival = j->now;
	return judge_whole(v, j, known, out) < 0 ? -1 : 1;
}

/* All of them in a transaction of their own; or nothing, and *failed is the
 * one that says why. */
static int
record_together(struct job *const jobs[], struct judgement *const judged[],
    size_t n, size_t *failed)
{
	*failed = 0;
	if (store_begin(jobs[0]) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (record(jobs[i], judged[i]) == 0)
			continue;
		*failed = i;
		store_rollback(jobs[i]);
		return -1;
	}
	return store_commit(jobs[0]);
}

/* With PostgreSQL each has a transaction of its own: two that lock several
 * challenges, each in its own order, would stop each other. */
static size_t
transaction_size(const struct job *j, size_t n)
{
	return store_writes_alone(j) ? n : 1;
}

/*
 * A failure is rare, and a savepoint around each would cost as much as some of
 * its statements: SQLite then keeps every page as it was before.  So all is
 * taken back, and what came before the one that failed is written again.
 */
int
judge_record(struct job *const jobs[], struct judgement *const judged[],
    size_t n, size_t *done)
{
	size_t end = n;

	*done = 0;
	while (*done < end) {
		size_t part = transaction_size(jobs[*done], end - *done);
		size_t failed;

		if (record_together(
			jobs + *done, judged + *done, part, &failed) < 0) {
			end = *done + failed;
			continue;
		}
		for (part += *done; *done < part; (*done)++)
			log_verdict(judged[*done]);
	}
	return end == n ? 0 : -1;
}

static int
record_one(struct job *j, struct judgement *g, enum verdict *verdict)
{
	if (store_begin(j) < 0 || record(j, g) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	*verdict = g->applied;
	log_verdict(g);
	return 0;
}

static int64_t
int63(const uint8_t *octets)
{
	uint64_t n = 0;

	for (size_t i = 0; i < 8; i++)
		n = n << 8 | octets[i];
	return (int64_t)(n >> 1);
}

void
received_identify(struct received *m, struct span what)
{
	uint8_t hash[SHA256_LEN];

	sha256(what, hash);
	m->uidvalidity = int63(hash);
	m->uid = int63(hash + 8);
}

int
judge_is_others(
    struct job *j, const char *source, int64_t uidvalidity, int64_t uid)
{
	int found;

	if (!judge_is_done(j))
		return -1;
	found = store_reply_seen(j, source, uidvalidity, uid);
	if (found == 0)
		return job_fail(j, ERR_CONFLICT,
		    "reply %s: changed while it was judged", source);
	return found < 0 ? -1 : 0;
}

/* A mail server delivers again what was deferred, while this one looks at it
 * once more: whoever comes second finds it recorded. */
int
validator_take(struct validator *v, struct job *j, const struct received *m,
    enum verdict *verdict)
{
	struct judgement *g;
	int found = judge_message(v, j, m, &g);

	*verdict = VERDICT_REPEATED;
	if (found <= 0)
		return found;
	if (record_one(j, g, verdict) == 0)
		return 0;
	return judge_is_others(j, m->source, m->uidvalidity, m->uid);
}

/* --- deferred ones ------------------------------------------------------- */

/* Before taking the lock that all who write wait for. */
int
judge_is_due(const struct job *j, int found, int64_t at)
{
	return found > 0 ? at <= j->now : found;
}

/*
 * Another validator may have had the same row: a lease ran out, or one that
 * started took over all there were (decision 4).  The first to record it has
 * done the work.
 */
bool
judge_is_done(struct job *j)
{
	if (j->err.kind != ERR_CONFLICT)
		return false;
	log_info("already done by another validator", "job=%s what=\"%s\"",
	    j->id, j->err.text);
	job_recover(j);
	return true;
}

int
judge_deferred(struct validator *v, struct job *j)
{
	struct reply_record row;
	struct judgement *g;
	struct received m;
	enum verdict verdict;
	int64_t at = 0;
	int found = judge_is_due(j, store_reply_next_due(j, &at), at);

	if (found <= 0)
		return found;
	if (store_begin(j) < 0)
		return -1;
	found = store_reply_lease_deferred(j, j->now + LEASE_SECS, &row);
	if (found <= 0) {
		store_rollback(j);
		return found;
	}
	if (store_commit(j) < 0)
		return -1;
	m = (struct received){ .source = row.source,
		.uidvalidity = row.uidvalidity,
		.uid = row.uid,
		.arrival = row.arrival,
		.raw = row.raw };
	if (judge_whole(v, j, &m, &g) < 0)
		return -1;
	if (record_one(j, g, &verdict) == 0 || judge_is_done(j))
		return 1;
	return -1;
}

int
judge_next_due(struct job *j, int64_t *at)
{
	int64_t caa_at;
	int replies = store_reply_next_due(j, at);
	int checks = store_caa_next_due(j, &caa_at);

	if (replies < 0 || checks < 0)
		return -1;
	if (checks > 0 && (replies == 0 || caa_at < *at))
		*at = caa_at;
	return replies > 0 || checks > 0;
}
