/* What each verdict on a received message does (AC-124). */
#include "config.h"

#include "tests/unit/verdict_lab.h"

#include <stdio.h>
#include <string.h>

#include "db/store_outbox.h"
#include "db/store_private.h"
#include "db/store_reply.h"
#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/store_fixture.h"

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
		r = verdict_lab_reply(j, a, VERDICT_MATCH);
		verdict_lab_record(j, &r);
		break;
	case STATE_INVALID:
		r = verdict_lab_reply(j, a, VERDICT_MISMATCH);
		verdict_lab_record(j, &r);
		break;
	case STATE_DEACTIVATED:
		COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
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
		assert_string_equal(is->challenge.error, verdict_lab_problem);
	else if (was->challenge.error == NULL)
		assert_null(is->challenge.error);
	if (effect == INVALID)
		assert_string_equal(after->error, verdict_lab_problem);
}

/* AC-124, AC-126, AC-127, ER-30, ER-31, ER-32, ER-33, 17.4 */
static void
test_verdict_table(struct job *j)
{
	const char *account = fixture_account(j);

	for (size_t v = 0; v < COUNT(table); v++) {
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
			r = verdict_lab_reply(
			    j, &o->identifiers[0].authz, table[v].verdict);
			assert_int_equal(
			    verdict_lab_record(j, &r), expected->stored);
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

	for (size_t i = 0; i < COUNT(cases); i++) {
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
		r = verdict_lab_reply(j, a, VERDICT_MATCH);
		r.arrival = a->expires_at + cases[i].arrival;
		assert_int_equal(verdict_lab_record(j, &r), cases[i].stored);
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
	struct reply_record r = verdict_lab_reply(j, a, VERDICT_DSN_NOTED);
	const struct challenge *c;

	r.error = NULL;
	verdict_lab_record(j, &r);
	assert_int_equal(fixture_authz(j, o, 0)->challenge.soft_count, 0);
	for (size_t i = 0; i < 3; i++) {
		r = verdict_lab_reply(j, a, VERDICT_DSN_DELAYED);
		verdict_lab_record(j, &r);
	}
	r = verdict_lab_reply(j, a, VERDICT_DSN_NOTED);
	r.error = "{\"type\":\"t\",\"detail\":\"another\"}";
	verdict_lab_record(j, &r);
	r = verdict_lab_reply(j, a, VERDICT_DSN_NOTED);
	r.error = "{\"type\":\"t\",\"detail\":\"another\"}";
	verdict_lab_record(j, &r);
	c = &fixture_authz(j, o, 0)->challenge;
	assert_int_equal(c->soft_count, 2);
	assert_non_null(strstr(c->error, "compound"));
	assert_non_null(strstr(c->error, "another"));
	/* replies are told one by one */
	for (size_t i = 0; i < 2; i++) {
		r = verdict_lab_reply(j, a, VERDICT_UNAUTHENTICATED);
		verdict_lab_record(j, &r);
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
	for (size_t i = 0; i < COUNT(soft); i++) {
		size_t noted = i < 5 ? i + 1 : 5;
		const struct json *error, *list;

		unit_case("%zu", i);
		r = verdict_lab_reply(j, a, soft[i]);
		r.error = arena_printf(j->arena,
		    "{\"type\":\"t%zu\",\"detail\":\"\\u00fc \\\"%zu\\\"\"}", i,
		    i);
		verdict_lab_record(j, &r);
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
	r = verdict_lab_reply(j, a, VERDICT_MATCH);
	assert_int_equal(verdict_lab_record(j, &r), VERDICT_MATCH);
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
	r = verdict_lab_reply(j, a, VERDICT_NO_RESPONSE);
	verdict_lab_record(j, &r);
	assert_string_equal(
	    fixture_authz(j, o, 0)->challenge.error, verdict_lab_problem);
	r = verdict_lab_reply(j, a, VERDICT_MISMATCH);
	r.error = "{\"type\":\"final\"}";
	verdict_lab_record(j, &r);
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
	    verdict_lab_reply(j, &o->identifiers[1].authz, VERDICT_MISMATCH);
	struct order *back;

	verdict_lab_record(j, &r);
	back = fixture_reread(j, o);
	assert_int_equal(back->failed_at, j->now);
	assert_string_equal(back->error, verdict_lab_problem);
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
	r = verdict_lab_reply(j, &ident.authz, VERDICT_MISMATCH);
	verdict_lab_record(j, &r);
	assert_int_equal(fixture_reread(j, o)->failed_at, j->now);
	assert_int_equal(
	    fixture_count(j, "SELECT failed_at FROM orders WHERE id = 'open'"),
	    j->now);
	assert_int_equal(fixture_count(j, "SELECT failed_at FROM orders "
					  "WHERE id = 'with-csr'"),
	    0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_verdict_table),
	STORE_TEST(test_judged_after_downtime),
	STORE_TEST(test_reports_noted),
	STORE_TEST(test_five_soft_notes),
	STORE_TEST(test_error_of_challenge),
	STORE_TEST(test_failure_cascades),
	STORE_TEST(test_failure_reaches_all_orders),
};
UNIT_MAIN(tests)
