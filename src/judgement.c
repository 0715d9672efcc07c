#include "config.h"

#include "src/judgement.h"

#include "acme/problem.h"
#include "db/store_challenge.h"
#include "db/store_reply.h"
#include "dns/record.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "mail/compose.h"
#include "mail/status_words.h"
#include "src/delivery_problem.h"
#include "src/evidence.h"
#include "src/reply_conf.h"
#include "src/role_validator.h"

#include <string.h>

#define DEFER_FIRST_SECS 30
#define DEFER_MAX_SECS 1800
/* STOP to a challenge that has ended: how long after it was made, and how
 * many messages that say so are looked at, and are recorded by then. */
#define LATE_STOP_SECS ((int64_t)30 * 86400)
#define LATE_STOP_TRIES 3

/* Was the address made for this challenge?  Anybody can know another, also one
 * that the configuration names no more: a fixed one may have a "+", but nobody
 * sets one that looks like a tag of ours. */
static bool
has_tag(const struct challenge *c)
{
	return compose_is_tagged(challenge_answer_to(c));
}

struct recipients
judgement_recipients(const struct judgement *g)
{
	const struct received *m = g->received;
	const struct reply *r = &g->reply;

	if (m->recipient_count > 0)
		return (struct recipients){ m->recipients, m->recipient_count };
	return (struct recipients){ r->recipients, r->recipient_count };
}

bool
recipients_have(const struct recipients *to, const char *address)
{
	for (size_t i = 0; i < to->n; i++)
		if (addr_is_sender(to->v[i], address))
			return true;
	return false;
}

/*
 * The challenge that a bounce is about: that of the tag which it came to; or,
 * where the address is everybody's, of the Message-ID that it quotes (ER-24).
 * Mail servers on the way may have changed the case of its letters.
 */
static int
find_bounced(struct job *j, struct judgement *g)
{
	const struct reply *r = &g->reply;
	const struct recipients to = judgement_recipients(g);
	struct challenge_subject *s = &g->subject;
	int found = 0;

	for (size_t i = 0; found == 0 && i < to.n; i++) {
		found =
		    store_challenge_by_address(j, addr_lower(j, to.v[i]), s);
		if (found > 0 && !has_tag(&s->authz.challenge))
			found = 0;
	}
	if (found != 0 || r->dsn.original_message_id == NULL)
		return found;
	found = store_challenge_by_message_id(j, r->dsn.original_message_id, s);
	if (found > 0 && (has_tag(&s->authz.challenge) ||
			     !recipients_have(&to,
				 challenge_answer_to(&s->authz.challenge))))
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

static const char *
dsn_says(const struct dsn *d)
{
	if (d->failed)
		return "the challenge mail could not be delivered";
	if (d->passed_on)
		return "one address that the mailbox passes its mail on to "
		       "could not be given the challenge mail";
	return "delivery of the challenge mail is delayed";
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
	bool is_genuine = has_tag(&g->subject.authz.challenge);

	g->record.verdict = VERDICT_DSN_NOTED;
	if (!d->parsed || (!d->failed && !d->passed_on && !d->delayed))
		return;
	if (is_genuine && !d->passed_on)
		g->record.verdict =
		    d->failed ? VERDICT_DSN_FAILED : VERDICT_DSN_DELAYED;
	g->record.error =
	    g->record.verdict == VERDICT_DSN_FAILED
		? delivery_failed(j, g->subject.authz.mailbox, d->status, NULL)
		: problem_format(j, ERR_CONNECTION,
		      arena_printf(j->arena, "%s%s: %s",
			  is_genuine ? "" : "a report says: ", dsn_says(d),
			  status_explain(j, d->status)));
}

static void
expect_of(const struct challenge_subject *s, struct span part1,
    struct reply_expect *e)
{
	const struct authz *a = &s->authz;
	struct span part2 = span_str(a->challenge.token_part2);

	*e = (struct reply_expect){ .mailbox = a->mailbox,
		.answer_to = challenge_answer_to(&a->challenge),
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
 * (MA-64), 0, -1.  What would change the challenge is compared when it is
 * recorded. */
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
	if (store_reply_is_compared(g->record.verdict))
		return 0;
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

/* In the last second of the challenge: the client then reads how it has ended
 * (AC-128). */
static int64_t
last_try(const struct authz *a)
{
	return a->expires_at - 1;
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
	/* What could not be judged in its time proves nothing (MA-31); but what
	 * had no time is looked at once more. */
	if (r->verdict == VERDICT_DEFERRED && v->hasty_ms == 0 &&
	    j->now >= last_try(&g->subject.authz))
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
 * key looked up and a signature verified.  Those of a backlog that wait to be
 * recorded are not counted: of them as many are looked at as the queue holds.
 * A copy of one that was judged before does nothing (MA-64), so that nobody can
 * renew it after it was lifted.
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

/* What the client sees in the challenge (AC-124, AC-129): in words, and with
 * the code that everybody else finds it by (MA-85). */
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
	g->record.error = problem_format(j, kind,
	    arena_printf(
		j->arena, "%s (%s)", g->record.detail, g->record.code));
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
next_try(const struct judgement *g, int64_t now)
{
	int64_t pause = now - g->received->arrival;
	int64_t last = last_try(&g->subject.authz);

	/* The longer it has waited, the longer until the next try. */
	if (pause < DEFER_FIRST_SECS)
		pause = DEFER_FIRST_SECS;
	if (pause > DEFER_MAX_SECS)
		pause = DEFER_MAX_SECS;
	return now + pause < last ? now + pause : last;
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
		rec->retry_at = v->hasty_ms > 0 ? j->now : next_try(g, j->now);
}

static void
seal_record(const struct validator *v, struct judgement *g)
{
	if (g->record.verdict != VERDICT_MATCH)
		return;
	evidence_seal_reply(v->seal, &g->subject.authz, &g->record, g->seal);
	g->record.seal = span_mem(g->seal, SEAL_LEN);
}

int
judgement_make(struct validator *v, struct job *j, const struct received *m,
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
