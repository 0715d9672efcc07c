#include "config.h"

#include "src/judge.h"

#include "db/store.h"
#include "db/store_caa.h"
#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/judgement.h"
#include "src/judgement_record.h"
#include "src/worker.h"

/* How long one judgement may take before another validator may try. */
#define LEASE_SECS 300

/* --- one message, or several in one transaction -------------------------- */

int
judge_message(struct validator *v, struct job *j, const struct received *m,
    struct judgement **out)
{
	struct received *known;
	int seen = 0;

	if (!m->is_new)
		seen = store_reply_seen(j, m->source, m->uidvalidity, m->uid);
	if (seen != 0)
		return seen < 0 ? -1 : 0;
	known = arena_memdup(j->arena, m, sizeof(*m));
	if (known->arrival <= 0 || known->arrival > j->now)
		known->arrival = j->now;
	return judgement_make(v, j, known, out) < 0 ? -1 : 1;
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
		if (judgement_record(jobs[i], judged[i]) == 0)
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
			judgement_log(judged[*done]);
	}
	return end == n ? 0 : -1;
}

static int
record_one(struct job *j, struct judgement *g, enum verdict *verdict)
{
	if (store_begin(j) < 0 || judgement_record(j, g) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	*verdict = g->applied;
	judgement_log(g);
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
	if (judgement_make(v, j, &m, &g) < 0)
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
