/*
 * One message, one row: each verdict ends where it must (AC-124, ER-21, ER-30,
 * ER-31, ER-33, MA-64), and so do CAA checks (PK-28).  Delivery reports:
 * test_judge_report.c; what must be looked at once more: test_judge_deferred.c.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/status.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "lib/count.h"
#include "src/evidence.h"
#include "src/judge.h"
#include "src/judge_caa.h"

struct course {
	const char *name;
	struct role_lab_reply reply;
	enum verdict verdict;
	const char *code;
	enum authz_status authz;
	const char *error; /* in the challenge's problem; NULL: none */
	bool is_sealed;
};

static const struct course courses[] = {
	{ "good", { 0 }, VERDICT_MATCH, NULL, AUTHZ_VALID, NULL, true },
	/* ER-31 */
	{ "wrong digest", { .is_wrong = true }, VERDICT_MISMATCH, NULL,
	    AUTHZ_INVALID, "incorrectResponse", false },
	/* AC-82 */
	{ "former key", { .thumbprint = "thumbprint-when-queued" },
	    VERDICT_STALE_KEY, NULL, AUTHZ_PENDING, "incorrectResponse",
	    false },
	{ "no block", { .is_empty = true }, VERDICT_NO_RESPONSE, NULL,
	    AUTHZ_PENDING, "incorrectResponse", false },
	/* ER-30 */
	{ "no signature", { .is_unsigned = true }, VERDICT_UNAUTHENTICATED,
	    NULL, AUTHZ_PENDING, "unauthorized", false },
	{ "changed body", { .is_broken = true }, VERDICT_UNAUTHENTICATED,
	    "dkim.body-hash", AUTHZ_PENDING, "unauthorized", false },
	/* ER-25 */
	{ "another From", { .from = "mallory@example.org" },
	    VERDICT_UNAUTHENTICATED, NULL, AUTHZ_PENDING, "unauthorized",
	    false },
	{ "another To", { .to = "acme@ca.example" }, VERDICT_UNAUTHENTICATED,
	    NULL, AUTHZ_PENDING, "unauthorized", false },
	/* ER-26 */
	{ "list", { .more = "List-Id: <l.example.org>\r\n" },
	    VERDICT_UNAUTHENTICATED, NULL, AUTHZ_PENDING, "unauthorized",
	    false },
};

static void
test_courses(struct job *j)
{
	for (size_t i = 0; i < COUNT(courses); i++) {
		const struct course *c = &courses[i];
		struct reply_record r;
		struct role_lab lab;
		const struct authz *a;

		unit_case("%s", c->name);
		role_lab_processing(&lab, j);
		assert_int_equal(
		    role_lab_take(&lab, role_lab_reply(&lab, &c->reply)),
		    c->verdict);
		r = role_lab_last_reply(&lab);
		a = role_lab_authz(&lab);
		assert_int_equal(r.verdict, c->verdict);
		if (c->code != NULL)
			assert_string_equal(r.code, c->code);
		assert_non_null(r.evidence);
		assert_int_equal(r.seal.n, c->is_sealed ? SEAL_LEN : 0);
		assert_int_equal(authz_status(a, j->now), c->authz);
		if (c->error == NULL)
			assert_null(a->challenge.error);
		else
			assert_non_null(strstr(a->challenge.error, c->error));
		/* MA-85: the code is shown. */
		if (c->error != NULL)
			assert_non_null(strstr(a->challenge.error,
			    arena_printf(j->arena, " (%s)\"", r.code)));
		/* CAA is asked for at once, and only for a match. */
		EXPECT(j, judge_caa(&lab.validator, j), c->is_sealed);
		/* The order's next mail waits for each verdict (AC-116). */
		assert_true(j->wake & 1u << ROLE_SENDER);
	}
}

/* A good reply before the POST waits for it; a bad guess does not (AC-124). */
static void
test_before_post(struct job *j)
{
	static const struct role_lab_reply wrong = { .is_wrong = true };
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_send(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_PENDING);
	role_lab_post(&lab);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_VALID);

	role_lab_init(&lab, j);
	role_lab_send(&lab);
	assert_int_equal(role_lab_take(&lab, role_lab_reply(&lab, &wrong)),
	    VERDICT_MISMATCH);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_INVALID);
}

/* --- the same again ------------------------------------------------------ */

/* ER-21: a message is judged once, however often it is handed over. */
static void
test_same_message(struct job *j)
{
	struct role_lab lab;
	struct span raw;
	size_t queries;

	role_lab_processing(&lab, j);
	raw = role_lab_reply(&lab, NULL);
	assert_int_equal(role_lab_take(&lab, raw), VERDICT_MATCH);
	queries = lab.queries;
	lab.uid--;
	assert_int_equal(role_lab_take(&lab, raw), VERDICT_REPEATED);
	assert_int_equal(lab.queries, queries);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
}

/* MA-64: the same signed octets in another message. */
static void
test_repeated(struct job *j)
{
	static const struct role_lab_reply empty = { .is_empty = true };
	struct role_lab lab;
	struct span raw;

	role_lab_processing(&lab, j);
	raw = role_lab_reply(&lab, &empty);
	assert_int_equal(role_lab_take(&lab, raw), VERDICT_NO_RESPONSE);
	assert_int_equal(role_lab_take(&lab, raw), VERDICT_REPEATED);
	assert_string_equal(role_lab_last_reply(&lab).code, "reply.repeated");
	assert_int_equal(role_lab_authz(&lab)->challenge.soft_count, 1);
}

/* --- several in one transaction, several validators ---------------------- */

/* Judged, and not recorded: as another validator would, or a batch. */
static struct judgement *
judge_only(struct role_lab *lab, struct job *j, const char *source, int64_t uid,
    struct span raw)
{
	struct received m = { .source = source,
		.uidvalidity = 1,
		.uid = uid,
		.arrival = lab->arrival,
		.raw = raw };
	struct judgement *g = NULL;

	EXPECT(j, judge_message(&lab->validator, j, &m, &g), 1);
	return g;
}

static size_t commits;

static void
count_commits(void *ctx, bool is_after)
{
	(void)ctx;
	commits += is_after;
}

/* ER-21: each verdict as if it were alone, in one commit (SQLite). */
static void
test_batch(struct job *j)
{
	static const struct role_lab_reply empty = { .is_empty = true };
	struct judgement *judged[3];
	struct job jobs[3];
	struct job *list[3] = { &jobs[0], &jobs[1], &jobs[2] };
	struct role_lab lab;
	struct span raw;
	size_t done = 9;

	role_lab_processing(&lab, j);
	raw = role_lab_reply(&lab, NULL);
	for (size_t i = 0; i < 3; i++)
		role_lab_job_like(&jobs[i], j);
	judged[0] = judge_only(
	    &lab, &jobs[0], "imap://one", 1, role_lab_reply(&lab, &empty));
	judged[1] = judge_only(&lab, &jobs[1], "imap://one", 2, raw);
	/* When it was judged nothing was decided yet. */
	judged[2] = judge_only(&lab, &jobs[2], "imap://one", 3, raw);
	commits = 0;
	store_set_commit_hook(count_commits, NULL);
	EXPECT(&jobs[done % 3], judge_record(list, judged, 3, &done), 0);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(done, 3);
	assert_int_equal(commits, fixture_is_pgsql() ? 3 : 1);
	assert_int_equal(role_lab_authz(&lab)->challenge.soft_count, 1);
	assert_int_equal(role_lab_proof(&lab).uid, 2);
	assert_int_equal(role_lab_last_reply(&lab).verdict, VERDICT_REPEATED);
	assert_true(jobs[1].wake & 1u << ROLE_VALIDATOR);
	for (size_t i = 0; i < 3; i++)
		job_done(&jobs[i]);
}

/* ER-21: what failed, and what came behind it, is read again: the highest
 * UID that is known must not pass over it. */
static void
test_batch_failure(struct job *j)
{
	static const struct role_lab_reply empty = { .is_empty = true };
	struct judgement *judged[3];
	struct job jobs[3];
	struct job *list[3] = { &jobs[0], &jobs[1], &jobs[2] };
	struct role_lab lab;
	int64_t last;
	size_t done = 9;

	role_lab_processing(&lab, j);
	for (size_t i = 0; i < 3; i++) {
		role_lab_job_like(&jobs[i], j);
		/* The second is one that the store does not take. */
		judged[i] =
		    judge_only(&lab, &jobs[i], "imap://one", (int64_t)i + 1,
			role_lab_reply(&lab, i == 0 ? &empty : NULL));
	}
	judged[1] = judged[0];
	assert_int_equal(judge_record(list, judged, 3, &done), -1);
	assert_int_equal(done, 1);
	assert_int_equal(jobs[1].err.kind, ERR_CONFLICT);
	EXPECT(j, store_reply_last_uid(j, "imap://one", 1, &last), 0);
	assert_int_equal(last, 1);
	assert_int_equal(role_lab_authz(&lab)->challenge.soft_count, 1);
	assert_int_equal(role_lab_authz(&lab)->challenge.proven_at, 0);
	for (size_t i = 0; i < 3; i++)
		job_done(&jobs[i]);
}

/* MA-64: the same reply in two mailboxes, read by both at the same time. */
static void
test_two_mailboxes(struct job *j)
{
	static const struct role_lab_reply kinds[] = { { .is_empty = true },
		{ .is_unsigned = true }, { 0 } };
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct judgement *one, *two;
		struct role_lab lab;
		struct span raw;
		struct job a, b;
		struct job *list[1] = { &a };
		size_t done;

		unit_case("%zu", i);
		role_lab_processing(&lab, j);
		role_lab_job_like(&a, j);
		role_lab_job_like(&b, j);
		raw = role_lab_reply(&lab, &kinds[i]);
		one = judge_only(&lab, &a, "imap://one", lab.uid + 1, raw);
		two = judge_only(&lab, &b, "imap://two", lab.uid + 2, raw);
		EXPECT(&a, judge_record(list, &one, 1, &done), 0);
		list[0] = &b;
		EXPECT(&b, judge_record(list, &two, 1, &done), 0);
		assert_int_equal(
		    role_lab_last_reply(&lab).verdict, VERDICT_REPEATED);
		assert_int_equal(
		    role_lab_authz(&lab)->challenge.soft_count, i < 2);
		job_done(&a);
		job_done(&b);
	}
}

/* ER-21, MA-64: a folder that is numbered anew is read again; nothing of what
 * was judged counts twice. */
static void
test_new_uidvalidity(struct job *j)
{
	static const struct role_lab_reply unsigned_reply = { .is_unsigned =
								  true };
	struct role_lab lab;
	struct received m;
	enum verdict verdict;

	role_lab_processing(&lab, j);
	m = (struct received){ .source = "imap://one",
		.uidvalidity = 1,
		.uid = 1,
		.arrival = lab.arrival,
		.raw = role_lab_reply(&lab, &unsigned_reply) };
	EXPECT(j, validator_take(&lab.validator, j, &m, &verdict), 0);
	assert_int_equal(verdict, VERDICT_UNAUTHENTICATED);
	m.uidvalidity = 2;
	EXPECT(j, validator_take(&lab.validator, j, &m, &verdict), 0);
	assert_int_equal(verdict, VERDICT_REPEATED);
	assert_string_equal(
	    role_lab_last_reply(&lab).code, REPLY_CODE_REPEATED);
	assert_int_equal(role_lab_authz(&lab)->challenge.soft_count, 1);
}

/* ER-33 */
static void
test_late(struct job *j)
{
	static const struct role_lab_reply wrong = { .is_wrong = true };
	struct role_lab lab;
	const struct authz *a;

	role_lab_processing(&lab, j);
	role_lab_take(&lab, role_lab_reply(&lab, &wrong));
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_LATE);
	a = role_lab_authz(&lab);
	assert_int_equal(a->valid_at, 0);
	assert_int_equal(a->challenge.proven_at, 0);
	/* A late match has no seal that somebody could use. */
	assert_int_equal(role_lab_last_reply(&lab).seal.n, 0);
}

/* MA-64 after the end: a copy is told from another reply, without asking for
 * a key, whatever was written above the signed part. */
static void
test_late_copy(struct job *j)
{
	struct role_lab lab;
	struct span raw, changed;
	size_t queries;
	char *body;

	role_lab_processing(&lab, j);
	raw = role_lab_reply(&lab, NULL);
	assert_int_equal(role_lab_take(&lab, raw), VERDICT_MATCH);
	queries = lab.queries;
	changed = span_str(arena_printf(j->arena,
	    "Received: from x by y; Mon, 2 Mar 2026 10:00:00 +0000\r\n%.*s",
	    (int)raw.n, raw.p));
	assert_int_equal(role_lab_take(&lab, changed), VERDICT_LATE);
	assert_string_equal(role_lab_last_reply(&lab).code, "reply.repeated");
	/* Another body under the same header is not the same message. */
	body = span_dup(j->arena, raw);
	body[raw.n - 4] ^= 1;
	assert_int_equal(
	    role_lab_take(&lab, span_mem(body, raw.n)), VERDICT_LATE);
	assert_string_equal(role_lab_last_reply(&lab).code, "late");
	assert_int_equal(lab.queries, queries);
}

/* ER-7, PK-5: both halves have an end; what counts is the arrival. */
static void
test_expired(struct job *j)
{
	struct role_lab lab;

	role_lab_processing(&lab, j);
	role_lab_at(&lab, FIXTURE_NOW + 24 * 3600 + 60);
	lab.arrival = FIXTURE_NOW + 24 * 3600 - 1;
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);

	role_lab_processing(&lab, j);
	role_lab_at(&lab, FIXTURE_NOW + 24 * 3600 + 60);
	lab.arrival = FIXTURE_NOW + 24 * 3600;
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_EXPIRED);
	assert_string_equal(role_lab_last_reply(&lab).code, "expired");
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_INVALID);
}

/* PK-5: token-part1 ends in the mail, token-part2 at the client, each by
 * itself: the other one in time does not help. */
static void
test_halves(struct job *j)
{
	static const struct {
		const char *what;
		int post, reply; /* seconds beside the end */
		enum verdict verdict;
		enum authz_status authz;
	} cases[] = {
		{ "both in time", -1, -1, VERDICT_MATCH, AUTHZ_VALID },
		{ "the reply too late", -1, 1, VERDICT_EXPIRED, AUTHZ_INVALID },
		{ "the POST too late", 1, -1, VERDICT_MATCH, AUTHZ_EXPIRED },
		{ "both too late", 1, 1, VERDICT_EXPIRED, AUTHZ_EXPIRED },
	};
	const int64_t end = FIXTURE_NOW + 24 * 3600;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_lab lab;
		struct span raw;

		unit_case("%s", cases[i].what);
		role_lab_init(&lab, j);
		role_lab_send(&lab);
		raw = role_lab_reply(&lab, NULL);
		for (int moment = -1; moment <= 1; moment += 2) {
			role_lab_at(&lab, end + moment);
			lab.arrival = j->now;
			if (cases[i].post == moment)
				role_lab_post(&lab);
			if (cases[i].reply == moment)
				assert_int_equal(
				    role_lab_take(&lab, raw), cases[i].verdict);
		}
		assert_int_equal(
		    authz_status(role_lab_authz(&lab), j->now), cases[i].authz);
		assert_int_equal(role_lab_authz(&lab)->challenge.posted_at != 0,
		    cases[i].post < 0);
	}
}

/* A mailbox whose clock is wrong cannot move a message into the future. */
static void
test_arrival(struct job *j)
{
	struct role_lab lab;

	role_lab_processing(&lab, j);
	lab.arrival = FIXTURE_NOW + 1000000;
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	assert_int_equal(role_lab_last_reply(&lab).arrival, FIXTURE_NOW);
	role_lab_processing(&lab, j);
	lab.arrival = 0;
	role_lab_take(&lab, role_lab_reply(&lab, NULL));
	assert_int_equal(role_lab_last_reply(&lab).arrival, FIXTURE_NOW);
}

/* --- strangers' mail ----------------------------------------------------- */

static void
test_unknown(struct job *j)
{
	static const char *const messages[] = {
		"From: x@y.example\r\nTo: acme@ca.example\r\n"
		"Subject: Buy this\r\n\r\nHello\r\n",
		"From: x@y.example\r\nTo: acme@ca.example\r\n"
		"Subject: Re: ACME: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
		"\r\nHello\r\n",
		"",
		"no header at all",
	};
	struct role_lab lab;

	role_lab_processing(&lab, j);
	for (size_t i = 0; i < COUNT(messages); i++) {
		unit_case("%zu", i);
		assert_int_equal(role_lab_take(&lab, span_str(messages[i])),
		    VERDICT_UNKNOWN);
	}
	/* Each has its row, none its bytes. */
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM reply WHERE raw IS NULL AND "
			     "challenge_id IS NULL AND verdict = 'unknown'"),
	    COUNT(messages));
	assert_int_equal(lab.queries, 0);
}

/* The good reply, ending anywhere: never a match, never a failure. */
static void
test_cut(struct job *j)
{
	struct role_lab lab;
	struct span raw;

	role_lab_processing(&lab, j);
	raw = role_lab_reply(&lab, NULL);
	for (size_t n = 0; n < raw.n; n += 13) {
		unit_case("%zu octets", n);
		assert_int_not_equal(
		    role_lab_take(&lab, span_cut(raw, 0, n)), VERDICT_MATCH);
	}
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_PENDING);
	assert_int_equal(role_lab_take(&lab, raw), VERDICT_MATCH);
}

/* --- CAA: PK-28 ---------------------------------------------------------- */

static void
test_caa(struct job *j)
{
	static const char forbid[] = "\0\11issuemail;";
	struct role_lab lab;
	struct caa_row c;

	role_lab_processing(&lab, j);
	EXPECT(j, judge_caa(&lab.validator, j), 0);
	lab.caa_status = DNS_OK;
	lab.caa = span_mem(forbid, sizeof(forbid) - 1);
	role_lab_take(&lab, role_lab_reply(&lab, NULL));
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	EXPECT(j, judge_caa(&lab.validator, j), 0);
	EXPECT(j, store_caa_latest(j, role_lab_authz(&lab)->id, &c), 1);
	assert_string_equal(c.result, "deny");
	assert_string_equal(c.domain, "example.org");
	assert_string_equal(c.mailbox, "mailbox0@example.org");
	assert_string_equal(c.br_version, BR_VERSION);
	assert_int_equal(c.checked_at, FIXTURE_NOW);
	assert_non_null(c.trace);
	assert_true(j->wake & 1u << ROLE_ISSUER);
}

/* Each verdict is in the audit, in order (PK-19). */
static void
test_audit(struct job *j)
{
	static const struct role_lab_reply empty = { .is_empty = true };
	struct audit_row *rows;
	struct role_lab lab;
	size_t count;
	int64_t all;

	role_lab_processing(&lab, j);
	role_lab_take(&lab, role_lab_reply(&lab, &empty));
	role_lab_take(&lab, role_lab_reply(&lab, NULL));
	EXPECT(j,
	    store_audit_list(j,
		arena_printf(j->arena, "order:%s", lab.order->id), &rows,
		&count),
	    0);
	assert_int_equal(count, 3);
	assert_string_equal(rows[0].actor, "sender");
	assert_string_equal(rows[1].result, "no-response");
	assert_string_equal(rows[2].actor, "validator");
	assert_string_equal(rows[2].result, "match");
	EXPECT(j, store_audit_verify(j, &all), 0);
	assert_int_equal(all, 3);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_courses),
	STORE_TEST(test_before_post),
	STORE_TEST(test_same_message),
	STORE_TEST(test_repeated),
	STORE_TEST(test_batch),
	STORE_TEST(test_batch_failure),
	STORE_TEST(test_two_mailboxes),
	STORE_TEST(test_new_uidvalidity),
	STORE_TEST(test_late),
	STORE_TEST(test_late_copy),
	STORE_TEST(test_expired),
	STORE_TEST(test_halves),
	STORE_TEST(test_arrival),
	STORE_TEST(test_unknown),
	STORE_TEST(test_cut),
	STORE_TEST(test_caa),
	STORE_TEST(test_audit),
};

UNIT_MAIN(tests)
