#include "config.h"

#include "db/store_reply.h"

#include <assert.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/rnd.h"

/* --- what a verdict does (AC-124) ---------------------------------------- */

enum course {
	COURSE_NOTHING, /* recorded, and that is all */
	COURSE_WAIT,    /* judged again later */
	COURSE_SOFT,    /* the client of a processing challenge sees why */
	COURSE_PROVE,
	COURSE_FAIL,
};

static enum course
course_of(enum verdict v)
{
	switch (v) {
	case VERDICT_MATCH:
		return COURSE_PROVE;
	case VERDICT_MISMATCH:
	case VERDICT_DSN_FAILED:
		return COURSE_FAIL;
	case VERDICT_STALE_KEY:
	case VERDICT_NO_RESPONSE:
	case VERDICT_UNAUTHENTICATED:
		return COURSE_SOFT;
	case VERDICT_DEFERRED:
		return COURSE_WAIT;
	case VERDICT_UNKNOWN:
	case VERDICT_EXPIRED:
	case VERDICT_LATE:
	case VERDICT_REPEATED:
	case VERDICT_DSN_DELAYED:
	case VERDICT_DSN_NOTED:
		return COURSE_NOTHING;
	}
	return COURSE_NOTHING;
}

bool
store_reply_is_compared(enum verdict v)
{
	return course_of(v) != COURSE_NOTHING;
}

/* The verdict as it counts: the first decisive one stands (ER-33), and what
 * counts for a deadline is when the message arrived (AC-179). */
static enum verdict
verdict_now(const struct reply_record *r, const struct authz *a)
{
	if (course_of(r->verdict) == COURSE_NOTHING)
		return r->verdict;
	if (challenge_is_decided(a))
		return VERDICT_LATE;
	if (r->arrival >= a->expires_at)
		return VERDICT_EXPIRED;
	return r->verdict;
}

/* At most so many are shown to the client (AC-124). */
#define SOFT_MAX 5
#define PROBLEM_MAX 16384

/* Puts `problem` beside what the client has been told before. */
static int
problems_join(
    struct job *j, const char *before, const char *problem, const char **out)
{
	static const char compound[] = "urn:ietf:params:acme:error:compound";
	const struct json *old, *list;
	struct json_out o;
	struct buf b;

	if (json_parse_object(j, span_str(before), "stored problem", &old) !=
	    0) {
		job_recover(j);
		return job_fail(
		    j, ERR_INTERNAL, "a stored problem is not a JSON object");
	}
	list = json_get(old, "subproblems");
	buf_init(&b, j->arena, (SOFT_MAX + 1) * PROBLEM_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "type", compound);
	json_member_str(
	    &o, "detail", "several mails came, and none proves anything");
	json_key(&o, "subproblems");
	json_array_begin(&o);
	if (span_eq_str(json_string(json_get(old, "type")), compound)) {
		for (size_t i = 0; i < json_count(list); i++)
			json_put_raw(
			    &o, span_str(json_dup(j, json_at(list, i))));
	} else {
		json_put_raw(&o, span_str(before));
	}
	json_put_raw(&o, span_str(problem));
	json_array_end(&o);
	json_object_end(&o);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "problem: too long");
	*out = b.p;
	return 0;
}

/*
 * The note itself, without what the relay's last answer has put there.  It is
 * kept while the challenge is pending too, and shown from the client's POST
 * on (ER-30): most clients POST after they have replied.
 */
static int
soft_note(struct job *j, const struct authz *a, const char *problem)
{
	const struct challenge *c = &a->challenge;
	const char *error = problem;

	if (c->soft_count >= SOFT_MAX)
		return 0;
	if (c->soft_count > 0 &&
	    problems_join(j, c->error, problem, &error) != 0)
		return -1;
	return store_change_one(j, "challenge",
	    "UPDATE challenge SET soft_count = soft_count + 1, error = $2 "
	    "WHERE id = $1 AND proven_at = 0 AND failed_at = 0",
	    ARGS(v_text(c->id), v_text(error)));
}

/* What a report of delivery says is shown as well, while the challenge waits
 * (ER-24, AC-119). */
static bool
is_noted_report(
    enum verdict v, const struct authz *a, const struct reply_record *r)
{
	const struct challenge *c = &a->challenge;

	if ((v != VERDICT_DSN_DELAYED && v != VERDICT_DSN_NOTED) ||
	    r->error == NULL || challenge_is_decided(a) ||
	    r->arrival >= a->expires_at)
		return false;
	/* A mail system may say every hour that it still tries. */
	return c->soft_count == 0 || strstr(c->error, r->error) == NULL;
}

static int
verdict_apply(struct job *j, enum verdict v, const struct authz *a,
    const struct reply_record *r, int64_t valid_until)
{
	switch (course_of(v)) {
	case COURSE_PROVE:
		return challenge_prove(j, a, valid_until);
	case COURSE_FAIL:
		return challenge_fail(j, a, r->error);
	case COURSE_SOFT:
		return soft_note(j, a, r->error);
	case COURSE_NOTHING:
		return is_noted_report(v, a, r) ? soft_note(j, a, r->error) : 0;
	case COURSE_WAIT:
		break;
	}
	return 0;
}

/* --- recording ----------------------------------------------------------- */

#define REPLY_COLUMNS                                                          \
	"id, source, uidvalidity, uid, challenge_id, arrival, recorded_at, "   \
	"verdict, code, detail, evidence, raw_sha256, covered_hash, seal, "    \
	"error, due_at, br_version"

/* A message has one row.  What was deferred is replaced by what came of it;
 * any other verdict stands. */
static int
reply_put(struct job *j, const struct reply_record *r)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO reply (" REPLY_COLUMNS
		", raw, is_disposed) VALUES ($1, $2, $3, "
		"$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
		"$17, $18, $19) "
		"ON CONFLICT (source, uidvalidity, uid) DO UPDATE SET "
		"challenge_id = excluded.challenge_id, "
		"arrival = excluded.arrival, "
		"recorded_at = excluded.recorded_at, "
		"verdict = excluded.verdict, code = excluded.code, "
		"detail = excluded.detail, evidence = excluded.evidence, "
		"raw = excluded.raw, raw_sha256 = excluded.raw_sha256, "
		"covered_hash = excluded.covered_hash, seal = excluded.seal, "
		"error = excluded.error, due_at = excluded.due_at, "
		"br_version = excluded.br_version "
		"WHERE reply.verdict = 'deferred'",
		ARGS(v_text(r->id), v_text(r->source), v_int(r->uidvalidity),
		    v_int(r->uid), v_text(r->challenge_id), v_int(r->arrival),
		    v_int(r->recorded_at), v_text(verdict_name(r->verdict)),
		    v_text(r->code), v_text(r->detail), v_text(r->evidence),
		    v_bytes(r->raw_sha256), v_bytes(r->covered_hash),
		    v_bytes(r->seal), v_text(r->error), v_due(r->retry_at),
		    v_text(r->br_version), v_bytes(r->raw),
		    v_int(r->is_disposed))) != 0)
		return -1;
	if (changed == 0)
		return job_fail(j, ERR_CONFLICT,
		    "reply %s/%lld/%lld: recorded "
		    "already",
		    r->source, (long long)r->uidvalidity, (long long)r->uid);
	return 0;
}

/* MA-64.  Under the challenge's lock, so that of two validators that read the
 * same reply in two mailboxes one sees what the other has recorded.  All of a
 * message is compared too: a folder may be numbered anew (UIDVALIDITY), and
 * then each message in it is read again. */
static int
is_repeated(struct job *j, const struct reply_record *r)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM reply WHERE challenge_id = $1 "
	    "AND (covered_hash = $2 OR raw_sha256 = $3) "
	    "AND verdict <> 'deferred' LIMIT 1",
	    ARGS(v_text(r->challenge_id), v_bytes(r->covered_hash),
		v_bytes(r->raw_sha256)));
}

static int
reply_write(
    struct job *j, const struct reply_record *given, enum verdict verdict)
{
	struct reply_record r = *given;
	char id[RND_ID_LEN + 1];

	rnd_row_id(id);
	if (r.id == NULL)
		r.id = id;
	r.verdict = verdict;
	r.recorded_at = j->now;
	if (verdict == VERDICT_UNKNOWN)
		r.raw = (struct span){ NULL, 0 };
	if (verdict == VERDICT_REPEATED) {
		r.code = REPLY_CODE_REPEATED;
		r.error = NULL;
	}
	/* Only a match that counts carries a seal. */
	if (verdict != VERDICT_MATCH)
		r.seal = (struct span){ NULL, 0 };
	if (verdict != VERDICT_DEFERRED)
		r.retry_at = 0;
	return reply_put(j, &r);
}

int
store_reply_record(struct job *j, const struct reply_record *r,
    int64_t valid_until, enum verdict *applied)
{
	struct authz a;
	int found, repeated = 0;

	assert(r->verdict != VERDICT_DEFERRED || r->retry_at > 0);
	*applied = r->verdict;
	if (r->challenge_id == NULL) {
		enum course course = course_of(r->verdict);

		assert(course == COURSE_NOTHING || course == COURSE_WAIT);
		return reply_write(j, r, r->verdict);
	}
	found = challenge_lock(j, r->challenge_id, &a);
	if (found == 0)
		return job_fail(j, ERR_CONFLICT, "challenge %s: no such row",
		    r->challenge_id);
	if (found < 0)
		return -1;
	*applied = verdict_now(r, &a);
	/* As it was judged: who judged left the comparison to this, also of
	 * what comes too late by now. */
	if (store_reply_is_compared(r->verdict))
		repeated = is_repeated(j, r);
	if (repeated < 0)
		return -1;
	if (repeated > 0)
		*applied = VERDICT_REPEATED;
	if (r->error == NULL && (course_of(*applied) == COURSE_FAIL ||
				    course_of(*applied) == COURSE_SOFT))
		return job_fail(j, ERR_INTERNAL,
		    "reply: verdict %s without a "
		    "problem",
		    verdict_name(*applied));
	if (reply_write(j, r, *applied) != 0)
		return -1;
	return verdict_apply(j, *applied, &a, r, valid_until);
}

/* --- reading ------------------------------------------------------------- */

static int
reply_read(struct query *q, struct reply_record *out)
{
	const char *verdict;

	*out = (struct reply_record){ .id = query_text(q) };
	out->source = query_text(q);
	out->uidvalidity = query_int(q);
	out->uid = query_int(q);
	out->challenge_id = query_text(q);
	out->arrival = query_int(q);
	out->recorded_at = query_int(q);
	verdict = query_text(q);
	out->code = query_text(q);
	out->detail = query_text(q);
	out->evidence = query_text(q);
	out->raw_sha256 = query_bytes(q);
	out->covered_hash = query_bytes(q);
	out->seal = query_bytes(q);
	out->error = query_text(q);
	out->retry_at = query_int(q);
	out->br_version = query_text(q);
	if (verdict_parse(span_str(verdict), &out->verdict) != 1)
		return job_fail(q->j, ERR_INTERNAL,
		    "reply %s: stored verdict "
		    "is unknown to this program",
		    out->id);
	return 0;
}

static int
reply_read_raw(struct query *q, struct reply_record *out)
{
	if (reply_read(q, out) != 0)
		return -1;
	out->raw = query_bytes(q);
	out->is_wrapped = query_int(q) != 0;
	return 1;
}

int
store_reply_seen(
    struct job *j, const char *source, int64_t uidvalidity, int64_t uid)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM reply WHERE source = $1 AND uidvalidity = $2 "
	    "AND uid = $3 AND verdict <> 'deferred'",
	    ARGS(v_text(source), v_int(uidvalidity), v_int(uid)));
}

int
store_reply_last_uid(
    struct job *j, const char *source, int64_t uidvalidity, int64_t *uid)
{
	*uid = 0;
	return store_get_int(j, uid,
		   "SELECT MAX(uid) FROM reply "
		   "WHERE source = $1 AND uidvalidity = $2",
		   ARGS(v_text(source), v_int(uidvalidity))) < 0
		   ? -1
		   : 0;
}

int
store_reply_undisposed(struct job *j, const char *source, int64_t uidvalidity,
    size_t max, int64_t **uids, size_t *count)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT uid FROM reply WHERE source = $1 AND uidvalidity = $2 "
	    "AND is_disposed = 0 ORDER BY uid LIMIT $3",
	    ARGS(v_text(source), v_int(uidvalidity), v_int((int64_t)max)));

	*count = 0;
	*uids = arena_calloc(j->arena, max, sizeof(**uids));
	for (; found == 1; found = query_next(&q))
		(*uids)[(*count)++] = query_int(&q);
	query_end(&q);
	return found;
}

/* How many of them, from the first on, follow each other. */
static size_t
run_length(const int64_t *uids, size_t count)
{
	size_t n = 1;

	while (n < count && uids[n] == uids[n - 1] + 1)
		n++;
	return n;
}

int
store_reply_disposed(struct job *j, const char *source, int64_t uidvalidity,
    const int64_t *uids, size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		n = run_length(uids + i, count - i);
		if (store_change(j, NULL,
			"UPDATE reply SET is_disposed = 1 WHERE source = $1 "
			"AND uidvalidity = $2 AND uid >= $3 AND uid <= $4 "
			"AND is_disposed = 0",
			ARGS(v_text(source), v_int(uidvalidity), v_int(uids[i]),
			    v_int(uids[i + n - 1]))) != 0)
			return -1;
	}
	return 0;
}

int
store_reply_covered(
    struct job *j, const char *challenge_id, struct span covered_hash)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM reply WHERE challenge_id = $1 "
	    "AND covered_hash = $2 AND verdict <> 'deferred' LIMIT 1",
	    ARGS(v_text(challenge_id), v_bytes(covered_hash)));
}

int
store_reply_stops(
    struct job *j, const char *challenge_id, int64_t max, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM (SELECT 1 FROM reply "
		   "WHERE challenge_id = $1 "
		   "AND code IN ('late.stop', 'late.stop-unproven') "
		   "LIMIT $2) stops",
		   ARGS(v_text(challenge_id), v_int(max))) < 0
		   ? -1
		   : 0;
}

int
store_reply_lease_deferred(
    struct job *j, int64_t lease_until, struct reply_record *out)
{
	static const struct lease_text take =
	    LEASE_TEXT("UPDATE reply SET due_at = $2 "
		       "WHERE id = (SELECT id FROM reply WHERE due_at <= $1 "
		       "ORDER BY due_at LIMIT 1",
		"due_at <= $1 "
		"RETURNING " REPLY_COLUMNS ", raw, is_wrapped");
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	if (found == 1)
		found = reply_read_raw(&q, out);
	query_end(&q);
	return found;
}

int
store_reply_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(due_at) FROM reply "
	    "WHERE due_at IS NOT NULL",
	    NO_ARGS);
}

#define WAITS_WHY "COALESCE(detail, code, '') AS why"
#define WAITS "due_at IS NOT NULL AND verdict = 'deferred' "

int
store_reply_waiting(struct job *j, struct reply_waiting *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT COUNT(*) OVER (), arrival, why FROM (SELECT "
	    "arrival, " WAITS_WHY " FROM reply WHERE " WAITS
	    "ORDER BY due_at LIMIT $1) waiting ORDER BY arrival LIMIT 1",
	    ARGS(v_int(REPLY_WAITING_MAX)));

	*out = (struct reply_waiting){ .why = "" };
	if (found == 1) {
		out->count = query_int(&q);
		out->since = query_int(&q);
		out->why = query_text(&q);
	}
	query_end(&q);
	return found < 0 ? -1 : 0;
}

int
store_reply_waiting_of(
    struct job *j, const char *challenge_id, const char **why)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " WAITS_WHY " FROM reply WHERE challenge_id = $1 AND " WAITS
	    "ORDER BY arrival LIMIT 1",
	    ARGS(v_text(challenge_id)));

	if (found == 1)
		*why = query_text(&q);
	query_end(&q);
	return found;
}

/* Few, and the most urgent: the holder of a mailbox can send any number. */
#define HASTEN_MAX 10
#define AGAIN_AT                                                               \
	"CASE WHEN recorded_at + $3 > $2 THEN recorded_at + $3 ELSE $2 END"

int
store_reply_hasten(struct job *j, const char *challenge_id, int64_t min_pause)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE reply SET due_at = " AGAIN_AT
		" WHERE id IN (SELECT id FROM reply "
		"WHERE challenge_id = $1 AND " WAITS "AND due_at > " AGAIN_AT
		" ORDER BY due_at LIMIT $4)",
		ARGS(v_text(challenge_id), v_int(j->now), v_int(min_pause),
		    v_int(HASTEN_MAX))) != 0)
		return -1;
	if (changed > 0)
		j->wake |= 1u << ROLE_VALIDATOR;
	return 0;
}

int
store_reply_proof(
    struct job *j, const char *challenge_id, struct reply_record *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " REPLY_COLUMNS ", raw, is_wrapped "
	    "FROM reply WHERE challenge_id = $1 AND verdict = 'match'",
	    ARGS(v_text(challenge_id)));

	if (found == 1)
		found = reply_read_raw(&q, out);
	query_end(&q);
	return found;
}

/* Whoever knows part1 can send any number of messages; nobody reads more of
 * them than this. */
#define REPLY_LIST_MAX 1000

int
store_reply_list(struct job *j, const char *challenge_id,
    struct reply_record **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, REPLY_LIST_MAX, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT " REPLY_COLUMNS " FROM reply "
	    "WHERE challenge_id = $1 ORDER BY recorded_at, arrival, uid "
	    "LIMIT $2",
	    ARGS(v_text(challenge_id), v_int(REPLY_LIST_MAX)));
	for (; found == 1; found = query_next(&q)) {
		if (reply_read(&q, &(*out)[*count]) != 0) {
			found = -1;
			break;
		}
		(*count)++;
	}
	query_end(&q);
	return found;
}

int
store_reply_recover(struct job *j)
{
	return store_recover(
	    j, "UPDATE reply SET due_at = $1 WHERE due_at > $1");
}
