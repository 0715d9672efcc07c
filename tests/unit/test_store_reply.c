/* Received messages: read once, and what each verdict does. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "db/store_outbox.h"
#include "db/store_private.h"
#include "db/store_reply.h"
#include "lib/digest.h"
#include "lib/json.h"

static const char problem[] =
    "{\"type\":\"urn:ietf:params:acme:error:incorrectResponse\","
    "\"detail\":\"why\"}";

static int64_t next_uid;

static struct reply_record
reply(struct job *j, const struct authz *a, enum verdict verdict)
{
	struct span own =
	    span_str(arena_printf(j->arena, "of %lld", (long long)++next_uid));

	return (struct reply_record){ .source = "imap://ca/INBOX",
		.br_version = "1.0.16",
		.uidvalidity = 5,
		.uid = next_uid,
		.challenge_id = a == NULL ? NULL : a->challenge.id,
		.arrival = j->now,
		.verdict = verdict,
		.code = "some.code",
		.detail = "for people",
		.evidence = "{\"checks\":[]}",
		.raw = SPAN("From: a\r\n\r\n\0body"),
		.raw_sha256 = own,
		.covered_hash = own,
		.seal = verdict == VERDICT_MATCH ? SPAN("seal")
						 : (struct span){ NULL, 0 },
		.error = problem,
		.retry_at = verdict == VERDICT_DEFERRED ? j->now + 60 : 0 };
}

static enum verdict
record(struct job *j, const struct reply_record *r)
{
	enum verdict applied = VERDICT_UNKNOWN;

	COMMITTED(j, store_reply_record(j, r, j->now + 1000, &applied));
	return applied;
}

/* --- AC-124, the whole table --------------------------------------------- */

enum state {
	STATE_PENDING,
	STATE_PROCESSING,
	STATE_PROVEN,
	STATE_VALID,
	STATE_INVALID,
	STATE_DEACTIVATED,
	STATE_EXPIRED,
	STATE_COUNT
};
static const char *const state_names[] = { "pending", "processing", "proven",
	"valid", "invalid", "deactivated", "expired" };

enum effect {
	NOTHING, /* as it was */
	PROVEN,
	VALID,
	INVALID,
	SOFT, /* error noted */
};

#define LATE VERDICT_LATE
#define LATE_EVER                                                              \
	{ NOTHING, LATE }, { NOTHING, LATE }, { NOTHING, LATE },               \
	{                                                                      \
		NOTHING, LATE                                                  \
	}
#define AS_GIVEN(v)                                                            \
	{                                                                      \
		v,                                                             \
		{                                                              \
			{ NOTHING, v }, { NOTHING, v }, { NOTHING, v },        \
			    { NOTHING, v }, { NOTHING, v }, { NOTHING, v },    \
			{                                                      \
				NOTHING, v                                     \
			}                                                      \
		}                                                              \
	}

/* A report of delivery: shown while the challenge waits, always itself. */
#define NOTED(v)                                                               \
	{                                                                      \
		v,                                                             \
		{                                                              \
			{ SOFT, v }, { SOFT, v }, { NOTHING, v },              \
			    { NOTHING, v }, { NOTHING, v }, { NOTHING, v },    \
			{                                                      \
				NOTHING, v                                     \
			}                                                      \
		}                                                              \
	}

struct outcome {
	enum effect effect;
	enum verdict stored;
};

static const struct {
	enum verdict verdict;
	struct outcome in[STATE_COUNT];
} table[] = {
	{ VERDICT_MATCH, { { PROVEN, VERDICT_MATCH }, { VALID, VERDICT_MATCH },
			     LATE_EVER, { NOTHING, VERDICT_EXPIRED } } },
	{ VERDICT_MISMATCH,
	    { { INVALID, VERDICT_MISMATCH }, { INVALID, VERDICT_MISMATCH },
		LATE_EVER, { NOTHING, VERDICT_EXPIRED } } },
	{ VERDICT_DSN_FAILED,
	    { { INVALID, VERDICT_DSN_FAILED }, { INVALID, VERDICT_DSN_FAILED },
		LATE_EVER, { NOTHING, VERDICT_EXPIRED } } },
	{ VERDICT_STALE_KEY,
	    { { SOFT, VERDICT_STALE_KEY }, { SOFT, VERDICT_STALE_KEY },
		LATE_EVER, { NOTHING, VERDICT_EXPIRED } } },
	{ VERDICT_NO_RESPONSE,
	    { { SOFT, VERDICT_NO_RESPONSE }, { SOFT, VERDICT_NO_RESPONSE },
		LATE_EVER, { NOTHING, VERDICT_EXPIRED } } },
	{ VERDICT_UNAUTHENTICATED,
	    { { SOFT, VERDICT_UNAUTHENTICATED },
		{ SOFT, VERDICT_UNAUTHENTICATED }, LATE_EVER,
		{ NOTHING, VERDICT_EXPIRED } } },
	{ VERDICT_DEFERRED,
	    { { NOTHING, VERDICT_DEFERRED }, { NOTHING, VERDICT_DEFERRED },
		LATE_EVER, { NOTHING, VERDICT_EXPIRED } } },
	AS_GIVEN(VERDICT_UNKNOWN),
	AS_GIVEN(VERDICT_EXPIRED),
	AS_GIVEN(VERDICT_LATE),
	AS_GIVEN(VERDICT_REPEATED),
	NOTED(VERDICT_DSN_DELAYED),
	NOTED(VERDICT_DSN_NOTED),
};

static void
bring_to(struct job *j, const struct order *o, enum state state)
{
	const struct authz *a = &o->identifiers[0].authz;
	struct reply_record r;
	struct authz out;

	if (state == STATE_PROCESSING || state == STATE_VALID)
		COMMITTED(j, store_challenge_post(j, a->challenge.id, 1, &out));
	switch (state) {
	case STATE_PROVEN:
	case STATE_VALID:
		r = reply(j, a, VERDICT_MATCH);
		record(j, &r);
		break;
	case STATE_INVALID:
		r = reply(j, a, VERDICT_MISMATCH);
		record(j, &r);
		break;
	case STATE_DEACTIVATED:
		COMMITTED(j, store_order_fail(j, o->id, problem));
		break;
	case STATE_EXPIRED:
		j->now = a->expires_at;
		break;
	case STATE_PENDING:
	case STATE_PROCESSING:
	case STATE_COUNT:
		break;
	}
}

static void
check_effect(struct job *j, const struct order *before,
    const struct order *after, enum effect effect)
{
	const struct authz *was = &before->identifiers[0].authz;
	const struct authz *is = &after->identifiers[0].authz;

	assert_int_equal(is->challenge.proven_at,
	    effect == PROVEN || effect == VALID ? j->now
						: was->challenge.proven_at);
	assert_int_equal(
	    is->valid_at, effect == VALID ? j->now : was->valid_at);
	assert_int_equal(is->valid_until,
	    effect == VALID ? j->now + 1000 : was->valid_until);
	assert_int_equal(is->challenge.failed_at,
	    effect == INVALID ? j->now : was->challenge.failed_at);
	assert_int_equal(
	    is->failed_at, effect == INVALID ? j->now : was->failed_at);
	assert_int_equal(
	    after->failed_at, effect == INVALID ? j->now : before->failed_at);
	assert_int_equal(is->challenge.soft_count,
	    was->challenge.soft_count + (effect == SOFT));
	assert_int_equal(is->deactivated_at, was->deactivated_at);
	if (effect == INVALID || effect == SOFT)
		assert_string_equal(is->challenge.error, problem);
	else if (was->challenge.error == NULL)
		assert_null(is->challenge.error);
	if (effect == INVALID)
		assert_string_equal(after->error, problem);
}

/* AC-124, AC-126, AC-127, ER-30, ER-31, ER-32, ER-33, 17.4 */
static void
test_verdict_table(struct job *j)
{
	const char *account = fixture_account(j);

	for (size_t v = 0; v < sizeof(table) / sizeof(table[0]); v++) {
		for (int s = 0; s < STATE_COUNT; s++) {
			const struct outcome *expected = &table[v].in[s];
			struct order *o, *before, *after;
			struct reply_record r, *list;
			size_t count;

			unit_case("%s on %s", verdict_name(table[v].verdict),
			    state_names[s]);
			j->now = FIXTURE_NOW;
			o = fixture_order(j, account, 1);
			bring_to(j, o, (enum state)s);
			before = fixture_reread(j, o);
			r = reply(
			    j, &o->identifiers[0].authz, table[v].verdict);
			assert_int_equal(record(j, &r), expected->stored);
			after = fixture_reread(j, o);
			check_effect(j, before, after, expected->effect);
			EXPECT(j,
			    store_reply_list(j, r.challenge_id, &list, &count),
			    0);
			assert_int_equal(
			    list[count - 1].verdict, expected->stored);
			/* only a match that counts keeps its seal */
			assert_int_equal(list[count - 1].seal.n,
			    expected->stored == VERDICT_MATCH ? 4 : 0);
		}
	}
}

/* AC-179: what counts is when the message arrived, also after the deadline
 * and after the sweep. */
static void
test_judged_after_downtime(struct job *j)
{
	static const struct {
		int64_t arrival; /* against expires */
		enum verdict stored;
	} cases[] = {
		{ -1, VERDICT_MATCH },
		{ 0, VERDICT_EXPIRED },
		{ 1, VERDICT_EXPIRED },
	};
	const char *account = fixture_account(j);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct order *o;
		const struct authz *a;
		struct reply_record r;
		size_t count;

		unit_case("%d", (int)cases[i].arrival);
		j->now = FIXTURE_NOW;
		o = fixture_order(j, account, 1);
		a = &o->identifiers[0].authz;
		j->now = a->expires_at + 600;
		COMMITTED(
		    j, store_challenge_wipe_expired(j, j->now, 10, &count));
		r = reply(j, a, VERDICT_MATCH);
		r.arrival = a->expires_at + cases[i].arrival;
		assert_int_equal(record(j, &r), cases[i].stored);
		assert_int_equal(fixture_authz(j, o, 0)->challenge.proven_at,
		    cases[i].stored == VERDICT_MATCH ? j->now : 0);
	}
}

/* ER-24: a report with nothing to say changes nothing; one that says the same
 * again is shown once. */
static void
test_reports_noted(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct reply_record r = reply(j, a, VERDICT_DSN_NOTED);
	const struct challenge *c;

	r.error = NULL;
	record(j, &r);
	assert_int_equal(fixture_authz(j, o, 0)->challenge.soft_count, 0);
	for (size_t i = 0; i < 3; i++) {
		r = reply(j, a, VERDICT_DSN_DELAYED);
		record(j, &r);
	}
	r = reply(j, a, VERDICT_DSN_NOTED);
	r.error = "{\"type\":\"t\",\"detail\":\"another\"}";
	record(j, &r);
	r = reply(j, a, VERDICT_DSN_NOTED);
	r.error = "{\"type\":\"t\",\"detail\":\"another\"}";
	record(j, &r);
	c = &fixture_authz(j, o, 0)->challenge;
	assert_int_equal(c->soft_count, 2);
	assert_non_null(strstr(c->error, "compound"));
	assert_non_null(strstr(c->error, "another"));
	/* replies are told one by one */
	for (size_t i = 0; i < 2; i++) {
		r = reply(j, a, VERDICT_UNAUTHENTICATED);
		record(j, &r);
	}
	assert_int_equal(fixture_authz(j, o, 0)->challenge.soft_count, 4);
}

static const struct json *
parse(struct job *j, const char *text)
{
	const struct json *v = NULL;

	EXPECT(j, json_parse_object(j, span_str(text), "problem", &v), 0);
	return v;
}

/* AC-124: five notes, compound from the second on. */
static void
test_five_soft_notes(struct job *j)
{
	static const enum verdict soft[] = { VERDICT_UNAUTHENTICATED,
		VERDICT_NO_RESPONSE, VERDICT_STALE_KEY, VERDICT_UNAUTHENTICATED,
		VERDICT_NO_RESPONSE, VERDICT_UNAUTHENTICATED,
		VERDICT_STALE_KEY };
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct reply_record r;
	struct authz out;

	COMMITTED(j, store_challenge_post(j, a->challenge.id, 1, &out));
	for (size_t i = 0; i < sizeof(soft) / sizeof(soft[0]); i++) {
		size_t noted = i < 5 ? i + 1 : 5;
		const struct json *error, *list;

		unit_case("%zu", i);
		r = reply(j, a, soft[i]);
		r.error = arena_printf(j->arena,
		    "{\"type\":\"t%zu\",\"detail\":\"\\u00fc \\\"%zu\\\"\"}", i,
		    i);
		record(j, &r);
		out = *fixture_authz(j, o, 0);
		assert_int_equal(out.challenge.soft_count, noted);
		error = parse(j, out.challenge.error);
		if (i == 0) {
			assert_string_equal(out.challenge.error, r.error);
			continue;
		}
		assert_span_equal(json_string(json_get(error, "type")),
		    "urn:ietf:params:acme:error:compound");
		assert_true(json_string(json_get(error, "detail")).n > 0);
		list = json_get(error, "subproblems");
		assert_int_equal(json_count(list), noted);
		for (size_t k = 0; k < noted; k++) {
			char type[8];

			snprintf(type, sizeof(type), "t%zu", k);
			assert_span_equal(
			    json_string(json_get(json_at(list, k), "type")),
			    type);
		}
	}
	/* they did not use up the one attempt */
	r = reply(j, a, VERDICT_MATCH);
	assert_int_equal(record(j, &r), VERDICT_MATCH);
	assert_int_equal(fixture_authz(j, o, 0)->valid_at, j->now);
}

/* A final problem replaces the notes; the delay of the mail does not mix
 * with them. */
static void
test_error_of_challenge(struct job *j)
{
	static const char delay[] = "{\"type\":\"connection\"}";
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct outbox_mail mail;
	struct reply_record r;
	struct authz out;

	COMMITTED(j, store_challenge_post(j, a->challenge.id, 1, &out));
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 1);
	EXPECT(j, store_commit(j), 0);
	COMMITTED(j, store_outbox_retry(
			 j, a->challenge.id, j->now + 60, "451 4.3.0", delay));
	assert_string_equal(fixture_authz(j, o, 0)->challenge.error, delay);
	r = reply(j, a, VERDICT_NO_RESPONSE);
	record(j, &r);
	assert_string_equal(fixture_authz(j, o, 0)->challenge.error, problem);
	r = reply(j, a, VERDICT_MISMATCH);
	r.error = "{\"type\":\"final\"}";
	record(j, &r);
	assert_string_equal(fixture_authz(j, o, 0)->challenge.error, r.error);
	assert_string_equal(fixture_reread(j, o)->error, r.error);
}

/* ER-4, 17.2: one mailbox's wrong reply ends the order and the others. */
static void
test_failure_cascades(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 3);
	struct order *bystander = fixture_order(j, account, 1);
	struct reply_record r =
	    reply(j, &o->identifiers[1].authz, VERDICT_MISMATCH);
	struct order *back;

	record(j, &r);
	back = fixture_reread(j, o);
	assert_int_equal(back->failed_at, j->now);
	assert_string_equal(back->error, problem);
	assert_int_equal(back->identifiers[0].authz.deactivated_at, j->now);
	assert_int_equal(back->identifiers[1].authz.failed_at, j->now);
	assert_int_equal(back->identifiers[1].authz.deactivated_at, 0);
	assert_int_equal(back->identifiers[2].authz.deactivated_at, j->now);
	assert_int_equal(fixture_reread(j, bystander)->failed_at, 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 1);
}

/* Every unfinished order on the authorization ends; a finished one, and one
 * whose CSR is there, were decided before. */
static void
test_failure_reaches_all_orders(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 1);
	struct order_identifier ident = o->identifiers[0];
	static const char *const ids[] = { "open", "with-csr" };
	struct reply_record r;

	ident.is_new = false;
	for (size_t i = 0; i < 2; i++) {
		struct order other = *o;

		other.id = ids[i];
		other.identifiers = &ident;
		COMMITTED(j, store_order_create(j, &other, j->now));
	}
	COMMITTED(
	    j, store_order_finalize(j, "with-csr", SPAN("csr"), SPAN("jws")));
	r = reply(j, &ident.authz, VERDICT_MISMATCH);
	record(j, &r);
	assert_int_equal(fixture_reread(j, o)->failed_at, j->now);
	assert_int_equal(
	    fixture_count(j, "SELECT failed_at FROM orders WHERE id = 'open'"),
	    j->now);
	assert_int_equal(fixture_count(j, "SELECT failed_at FROM orders "
					  "WHERE id = 'with-csr'"),
	    0);
}

/* --- exactly once -------------------------------------------------------- */

/* ER-21, AC-124: a message delivered again is not applied again. */
static void
test_recorded_once(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct reply_record r =
	    reply(j, &o->identifiers[0].authz, VERDICT_NO_RESPONSE);
	enum verdict applied;
	int64_t uid;

	EXPECT(j, store_reply_seen(j, r.source, 5, r.uid), 0);
	EXPECT(j, store_reply_last_uid(j, r.source, 5, &uid), 0);
	assert_int_equal(uid, 0);
	record(j, &r);
	EXPECT(j, store_reply_seen(j, r.source, 5, r.uid), 1);
	EXPECT(j, store_reply_seen(j, r.source, 6, r.uid), 0);
	EXPECT(j, store_reply_seen(j, "other", 5, r.uid), 0);
	EXPECT(j, store_reply_last_uid(j, r.source, 5, &uid), 0);
	assert_int_equal(uid, r.uid);
	r.verdict = VERDICT_MATCH;
	REFUSED(j, store_reply_record(j, &r, 1, &applied), ERR_CONFLICT);
	assert_int_equal(fixture_authz(j, o, 0)->challenge.proven_at, 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
}

static void
test_refused_records(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct reply_record r =
	    reply(j, &o->identifiers[0].authz, VERDICT_MISMATCH);
	enum verdict applied;

	r.error = NULL;
	REFUSED(j, store_reply_record(j, &r, 1, &applied), ERR_INTERNAL);
	r.error = problem;
	r.challenge_id = "absent";
	REFUSED(j, store_reply_record(j, &r, 1, &applied), ERR_CONFLICT);
}

static void
test_disposal(struct job *j)
{
	int64_t *uids, first = next_uid + 1;
	size_t count;

	for (int i = 0; i < 5; i++) {
		struct reply_record r = reply(j, NULL, VERDICT_UNKNOWN);

		record(j, &r);
	}
	EXPECT(j,
	    store_reply_undisposed(j, "imap://ca/INBOX", 5, 3, &uids, &count),
	    0);
	assert_int_equal(count, 3);
	assert_int_equal(uids[0], first);
	assert_int_equal(uids[2], first + 2);
	COMMITTED(
	    j, store_reply_disposed(j, "imap://ca/INBOX", 5, uids, count));
	COMMITTED(
	    j, store_reply_disposed(j, "imap://ca/INBOX", 5, uids, count));
	EXPECT(j,
	    store_reply_undisposed(j, "imap://ca/INBOX", 5, 10, &uids, &count),
	    0);
	assert_int_equal(count, 2);
	assert_int_equal(uids[0], first + 3);
	EXPECT(j,
	    store_reply_undisposed(j, "imap://ca/INBOX", 6, 10, &uids, &count),
	    0);
	assert_int_equal(count, 0);
}

/* What lies between those that were put away, or beside them, was not. */
static void
test_disposal_with_gaps(struct job *j)
{
	int64_t *uids, first = next_uid + 1;
	size_t count;

	for (int i = 0; i < 7; i++) {
		struct reply_record r = reply(j, NULL, VERDICT_UNKNOWN);

		record(j, &r);
	}
	COMMITTED(j,
	    store_reply_disposed(j, "imap://ca/INBOX", 5,
		(const int64_t[]){ first + 1, first + 2, first + 4, first + 6 },
		4));
	EXPECT(j,
	    store_reply_undisposed(j, "imap://ca/INBOX", 5, 9, &uids, &count),
	    0);
	assert_int_equal(count, 3);
	assert_int_equal(uids[0], first);
	assert_int_equal(uids[1], first + 3);
	assert_int_equal(uids[2], first + 5);
}

/* ER-23: the bytes of what concerns nobody are not kept. */
static void
test_what_is_kept(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const char *challenge = o->identifiers[0].authz.challenge.id;
	struct reply_record r = reply(j, NULL, VERDICT_UNKNOWN);
	struct reply_record proof, *list;
	size_t count;

	record(j, &r);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply "
					  "WHERE raw IS NOT NULL"),
	    0);
	EXPECT(j, store_reply_proof(j, challenge, &proof), 0);
	r = reply(j, &o->identifiers[0].authz, VERDICT_MATCH);
	r.id = "my id";
	record(j, &r);
	EXPECT(j, store_reply_proof(j, challenge, &proof), 1);
	assert_string_equal(proof.id, "my id");
	assert_string_equal(proof.source, r.source);
	assert_int_equal(proof.uidvalidity, 5);
	assert_int_equal(proof.uid, r.uid);
	assert_string_equal(proof.challenge_id, challenge);
	assert_int_equal(proof.arrival, r.arrival);
	assert_int_equal(proof.recorded_at, j->now);
	assert_int_equal(proof.verdict, VERDICT_MATCH);
	assert_string_equal(proof.code, r.code);
	assert_string_equal(proof.detail, r.detail);
	assert_string_equal(proof.evidence, r.evidence);
	assert_true(span_eq(proof.raw, r.raw));
	assert_true(span_eq(proof.raw_sha256, r.raw_sha256));
	assert_true(span_eq(proof.covered_hash, r.covered_hash));
	assert_true(span_eq(proof.seal, r.seal));

	/* MA-64 */
	EXPECT(j, store_reply_covered(j, challenge, r.covered_hash), 1);
	EXPECT(j, store_reply_covered(j, challenge, SPAN("else")), 0);
	EXPECT(j, store_reply_covered(j, "absent", r.covered_hash), 0);

	r = reply(j, &o->identifiers[0].authz, VERDICT_MATCH);
	record(j, &r);
	EXPECT(j, store_reply_list(j, challenge, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0].verdict, VERDICT_MATCH);
	assert_int_equal(list[0].raw.n, 0);
	assert_int_equal(list[1].verdict, VERDICT_LATE);
	EXPECT(j, store_reply_proof(j, challenge, &proof), 1);
	assert_string_equal(proof.id, "my id");
}

/* MA-64: what was judged before, by its covered part or as a whole, changes
 * nothing, and one that waits to be judged again is not judged yet. */
static void
test_repeated(struct job *j)
{
	static const struct {
		enum verdict first, second;
		bool same_covered, same_raw;
		enum verdict expected;
	} cases[] = {
		{ VERDICT_NO_RESPONSE, VERDICT_NO_RESPONSE, true, false,
		    VERDICT_REPEATED },
		{ VERDICT_UNAUTHENTICATED, VERDICT_UNAUTHENTICATED, false, true,
		    VERDICT_REPEATED },
		{ VERDICT_STALE_KEY, VERDICT_MISMATCH, true, false,
		    VERDICT_REPEATED },
		{ VERDICT_STALE_KEY, VERDICT_MATCH, false, false,
		    VERDICT_MATCH },
		{ VERDICT_DEFERRED, VERDICT_MATCH, true, true, VERDICT_MATCH },
		{ VERDICT_NO_RESPONSE, VERDICT_DEFERRED, false, true,
		    VERDICT_REPEATED },
		/* Also if the challenge is decided by then. */
		{ VERDICT_MATCH, VERDICT_MATCH, true, true, VERDICT_REPEATED },
		{ VERDICT_MISMATCH, VERDICT_NO_RESPONSE, true, false,
		    VERDICT_REPEATED },
		{ VERDICT_MATCH, VERDICT_DEFERRED, false, true,
		    VERDICT_REPEATED },
		{ VERDICT_MATCH, VERDICT_NO_RESPONSE, false, false,
		    VERDICT_LATE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct order *o = fixture_order(j, fixture_account(j), 1);
		struct order *other = fixture_order(j, fixture_account(j), 1);
		const struct authz *a = &o->identifiers[0].authz;
		struct reply_record r = reply(j, a, cases[i].first), *list;
		struct reply_record again = reply(j, a, cases[i].second);
		size_t count;

		unit_case("%zu", i);
		if (cases[i].same_covered)
			again.covered_hash = r.covered_hash;
		if (cases[i].same_raw)
			again.raw_sha256 = r.raw_sha256;
		assert_int_equal(record(j, &r), cases[i].first);
		again.source = "imap://another/INBOX";
		assert_int_equal(record(j, &again), cases[i].expected);
		EXPECT(
		    j, store_reply_list(j, a->challenge.id, &list, &count), 0);
		assert_int_equal(count, 2);
		if (cases[i].expected == VERDICT_REPEATED) {
			assert_string_equal(list[1].code, REPLY_CODE_REPEATED);
			assert_null(list[1].error);
			assert_int_equal(list[1].retry_at, 0);
		}
		/* For another challenge it is the first. */
		again.challenge_id = other->identifiers[0].authz.challenge.id;
		again.uid = ++next_uid;
		assert_int_equal(record(j, &again), cases[i].second);
	}
}

/* --- judged again -------------------------------------------------------- */

static void
test_deferred(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct reply_record r = reply(j, a, VERDICT_DEFERRED);
	struct reply_record again;
	int64_t at, uid;

	EXPECT(j, store_reply_next_due(j, &at), 0);
	assert_int_equal(record(j, &r), VERDICT_DEFERRED);
	EXPECT(j, store_reply_seen(j, r.source, 5, r.uid), 0);
	EXPECT(j, store_reply_last_uid(j, r.source, 5, &uid), 0);
	assert_int_equal(uid, r.uid);
	EXPECT(j, store_reply_covered(j, a->challenge.id, r.covered_hash), 0);
	EXPECT(j, store_reply_next_due(j, &at), 1);
	assert_int_equal(at, j->now + 60);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_reply_lease_deferred(j, j->now + 30, &again), 0);
	j->now += 60;
	EXPECT(j, store_reply_lease_deferred(j, j->now + 30, &again), 1);
	assert_true(span_eq(again.raw, r.raw));
	assert_string_equal(again.challenge_id, a->challenge.id);
	assert_int_equal(again.uid, r.uid);
	assert_int_equal(again.arrival, FIXTURE_NOW);
	EXPECT(j, store_reply_lease_deferred(j, j->now + 30, &again), 0);
	EXPECT(j, store_commit(j), 0);

	/* still not */
	again.retry_at = j->now + 10;
	assert_int_equal(record(j, &again), VERDICT_DEFERRED);
	j->now += 10;
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_reply_lease_deferred(j, j->now + 30, &again), 1);
	EXPECT(j, store_commit(j), 0);

	/* now, and it is the same row */
	again.verdict = VERDICT_MATCH;
	again.seal = SPAN("seal");
	assert_int_equal(record(j, &again), VERDICT_MATCH);
	EXPECT(j, store_reply_next_due(j, &at), 0);
	EXPECT(j, store_reply_seen(j, r.source, 5, r.uid), 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
	assert_int_equal(fixture_authz(j, o, 0)->challenge.proven_at, j->now);
	EXPECT(j, store_reply_proof(j, a->challenge.id, &r), 1);
	assert_string_equal(r.id, again.id);
}

/* Trouble before the challenge is known waits as well. */
static void
test_deferred_without_challenge(struct job *j)
{
	struct reply_record r = reply(j, NULL, VERDICT_DEFERRED);

	assert_int_equal(record(j, &r), VERDICT_DEFERRED);
	r.verdict = VERDICT_UNKNOWN;
	assert_int_equal(record(j, &r), VERDICT_UNKNOWN);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM reply WHERE raw IS NULL "
			     "AND due_at IS NULL"),
	    1);
}

/* --- finding the challenge ----------------------------------------------- */

/* AC-115, ER-23, ER-24, AC-82 */
static void
test_subject(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);
	const struct challenge *c = &o->identifiers[1].authz.challenge;
	struct challenge_subject s;
	uint8_t hash[SHA256_LEN];

	sha256(c->token_part1, hash);
	EXPECT(j,
	    store_challenge_by_part1_hash(j, span_mem(hash, sizeof(hash)), &s),
	    1);
	assert_string_equal(s.authz.challenge.id, c->id);
	assert_string_equal(s.authz.mailbox, "mailbox1@example.org");
	assert_string_equal(
	    s.authz.challenge.thumbprint, "thumbprint-when-queued");
	assert_int_equal(strlen(s.account_thumbprint), 43);
	assert_true(s.account_is_valid);
	assert_true(span_eq(s.token_part1_hash, span_mem(hash, sizeof(hash))));
	EXPECT(j, store_challenge_by_from(j, c->from, &s), 1);
	assert_string_equal(s.authz.challenge.id, c->id);
	fixture_sql(j, "UPDATE account SET deactivated_at = 7");
	EXPECT(j, store_challenge_by_from(j, c->from, &s), 1);
	assert_false(s.account_is_valid);
	fixture_sql(j, "UPDATE account SET deactivated_at = 0, "
		       "revoked_at = 7");
	EXPECT(j, store_challenge_by_from(j, c->from, &s), 1);
	assert_false(s.account_is_valid);

	hash[0] ^= 1;
	EXPECT(j,
	    store_challenge_by_part1_hash(j, span_mem(hash, sizeof(hash)), &s),
	    0);
	EXPECT(j, store_challenge_by_part1_hash(j, span_mem(hash, 31), &s), 0);
	EXPECT(j, store_challenge_by_part1_hash(j, span_mem(hash, 0), &s), 0);
	EXPECT(j, store_challenge_by_from(j, "acme@ca.example", &s), 0);
	/* the Message-ID, whole and as it is */
	EXPECT(j, store_challenge_by_message_id(j, c->message_id, &s), 1);
	assert_string_equal(s.authz.challenge.id, c->id);
	EXPECT(j, store_challenge_by_message_id(j, "<x@ca.example>", &s), 0);
	EXPECT(j, store_challenge_by_message_id(j, c->message_id + 1, &s), 0);
	EXPECT(j, store_challenge_by_message_id(j, "%", &s), 0);
	/* a fixed address names no challenge (ER-24) */
	fixture_sql(j, "UPDATE challenge SET from_address = 'acme@ca.example'");
	EXPECT(j, store_challenge_by_from(j, "acme@ca.example", &s), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_verdict_table),
	STORE_TEST(test_judged_after_downtime),
	STORE_TEST(test_reports_noted),
	STORE_TEST(test_five_soft_notes),
	STORE_TEST(test_error_of_challenge),
	STORE_TEST(test_failure_cascades),
	STORE_TEST(test_failure_reaches_all_orders),
	STORE_TEST(test_recorded_once),
	STORE_TEST(test_refused_records),
	STORE_TEST(test_disposal),
	STORE_TEST(test_disposal_with_gaps),
	STORE_TEST(test_what_is_kept),
	STORE_TEST(test_repeated),
	STORE_TEST(test_deferred),
	STORE_TEST(test_deferred_without_challenge),
	STORE_TEST(test_subject),
};

UNIT_MAIN(tests)
