/*
 * A mailbox that wants no more challenge mails says STOP: whenever it comes,
 * from whomever, and how often (AC-189, MA-64).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/status.h"
#include "db/store_suppressed.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "src/judge.h"
#include "src/judgement.h"

#define STOP_BODY "stop\r\n\r\n> quoted\r\n"

static bool
is_suppressed(struct job *j)
{
	struct suppressed s;
	int found = store_suppressed_find(j, "mailbox0@example.org", &s);

	assert_true(found >= 0);
	if (found > 0) {
		assert_string_equal(s.source, "reply");
		assert_int_equal(s.until, j->now + 90 * 86400);
	}
	return found > 0;
}

static void
lift(struct job *j)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_suppressed_lift(j, "mailbox0@example.org"), 1);
	EXPECT(j, store_commit(j), 0);
}

/* The challenge ends so; NULL: it has not. */
static void
answered(struct role_lab *lab)
{
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
}

static void
failed(struct role_lab *lab)
{
	static const struct role_lab_reply wrong = { .is_wrong = true };

	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, &wrong)), VERDICT_MISMATCH);
}

static void
expired(struct role_lab *lab)
{
	role_lab_at(lab, role_lab_authz(lab)->expires_at + 1);
	lab->arrival = lab->j->now;
}

static void
account_ended(struct role_lab *lab)
{
	int64_t ended;

	COMMITTED(
	    lab->j, store_account_deactivate(lab->j, lab->account.id, &ended));
}

static const struct {
	const char *name;
	void (*end)(struct role_lab *lab);
	enum verdict verdict;
	const char *code;
} ends[] = {
	{ "open", NULL, VERDICT_NO_RESPONSE, "body.no-block" },
	{ "answered", answered, VERDICT_LATE, "late.stop" },
	{ "failed", failed, VERDICT_LATE, "late.stop" },
	{ "expired", expired, VERDICT_EXPIRED, "late.stop" },
	{ "account ended", account_ended, VERDICT_LATE, "late.stop" },
};

/* Whenever it comes, the holder's word counts. */
static void
test_stop(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };

	for (size_t i = 0; i < COUNT(ends); i++) {
		struct reply_record r;
		struct role_lab lab;
		enum authz_status before;

		unit_case("%s", ends[i].name);
		role_lab_processing(&lab, j);
		if (ends[i].end != NULL)
			ends[i].end(&lab);
		before = authz_status(role_lab_authz(&lab), j->now);
		assert_false(is_suppressed(j));
		assert_int_equal(
		    role_lab_take(&lab, role_lab_reply(&lab, &stop)),
		    ends[i].verdict);
		r = role_lab_last_reply(&lab);
		assert_string_equal(r.code, ends[i].code);
		assert_non_null(strstr(r.evidence, "\"dns\""));
		assert_true(is_suppressed(j));
		/* Nothing else happens. */
		assert_int_equal(
		    authz_status(role_lab_authz(&lab), j->now), before);
		lift(j);
	}
}

/* Late, from others or about something else, it is not even looked into. */
static void
test_stop_refused(struct job *j)
{
	static const struct {
		const char *name;
		struct role_lab_reply reply;
		const char *code;
	} cases[] = {
		{ "no signature", { .body = STOP_BODY, .is_unsigned = true },
		    "late.stop-unproven" },
		{ "changed", { .body = STOP_BODY, .is_broken = true },
		    "late.stop-unproven" },
		{ "another From",
		    { .body = STOP_BODY, .from = "mallory@example.org" },
		    "late" },
		{ "another To", { .body = STOP_BODY, .to = "acme@ca.example" },
		    "late" },
		{ "another In-Reply-To",
		    { .body = STOP_BODY,
			.more = "In-Reply-To: <other@ca.example>\r\n" },
		    "late" },
		{ "list",
		    { .body = STOP_BODY,
			.more = "List-Id: <l.example.org>\r\n" },
		    "late" },
		{ "automatic",
		    { .body = STOP_BODY,
			.more = "Auto-Submitted: auto-replied\r\n" },
		    "late" },
		{ "quoted", { .body = "No.\r\n\r\n> STOP\r\n" }, "late" },
		{ "below a separator",
		    { .body = "No.\r\n-----Original Message-----\r\n"
			      "STOP\r\n" },
		    "late" },
		{ "with a response",
		    { .body = "STOP\r\n-----BEGIN ACME RESPONSE-----\r\n"
			      "x\r\n-----END ACME RESPONSE-----\r\n" },
		    "late" },
		{ "an answer", { 0 }, "late" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_lab lab;
		size_t queries;

		unit_case("%s", cases[i].name);
		role_lab_processing(&lab, j);
		failed(&lab);
		queries = lab.queries;
		assert_int_equal(
		    role_lab_take(&lab, role_lab_reply(&lab, &cases[i].reply)),
		    VERDICT_LATE);
		assert_string_equal(
		    role_lab_last_reply(&lab).code, cases[i].code);
		/* Not even that of the key. */
		assert_int_equal(lab.queries, queries);
		assert_false(is_suppressed(j));
	}
}

/* MA-48: somebody wrote it to the mailbox in its name; there it was passed on,
 * and signed.  In time, and late. */
static void
test_stop_passed_on(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY,
		.more = "Delivered-To: mailbox0@example.org\r\n" };
	struct role_lab in_time, late;

	role_lab_processing(&in_time, j);
	role_lab_take(&in_time, role_lab_reply(&in_time, &stop));
	assert_string_equal(
	    role_lab_last_reply(&in_time).code, "hdr.automatic");
	role_lab_processing(&late, j);
	failed(&late);
	role_lab_take(&late, role_lab_reply(&late, &stop));
	assert_string_equal(
	    role_lab_last_reply(&late).code, "late.stop-unproven");
	assert_non_null(
	    strstr(role_lab_last_reply(&late).detail, "hdr.automatic"));
	assert_false(is_suppressed(j));
}

/* STOP with a signature that only its verification finds wrong. */
static struct span
forged_stop(struct role_lab *lab)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };
	struct span raw = role_lab_reply(lab, &stop);
	char *copy = span_dup(lab->j->arena, raw);

	copy[span_find_span(raw, 0, SPAN("08:00:00")) + 7] = '1';
	return span_mem(copy, raw.n);
}

/* Forged ones cost a few look-ups, and no more. */
static void
test_stop_bounded(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };
	struct role_lab lab;
	size_t queries;

	role_lab_processing(&lab, j);
	failed(&lab);
	for (int i = 0; i < 3; i++) {
		queries = lab.queries;
		role_lab_take(&lab, forged_stop(&lab));
		assert_true(lab.queries > queries);
	}
	queries = lab.queries;
	role_lab_take(&lab, forged_stop(&lab));
	role_lab_take(&lab, role_lab_reply(&lab, &stop));
	assert_int_equal(lab.queries, queries);
	assert_string_equal(role_lab_last_reply(&lab).code, "late");
	assert_false(is_suppressed(j));
}

/* MA-64: a copy of it, sent again by somebody, does nothing when the holder
 * has lifted it; whenever the first came. */
static void
test_stop_repeated(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };

	for (size_t i = 0; i < 2; i++) {
		struct role_lab lab;
		struct span raw;

		unit_case("%zu", i);
		role_lab_processing(&lab, j);
		raw = role_lab_reply(&lab, &stop);
		if (i == 1)
			failed(&lab);
		role_lab_take(&lab, raw);
		assert_true(is_suppressed(j));
		lift(j);
		if (i == 0)
			failed(&lab);
		assert_int_equal(role_lab_take(&lab, raw), VERDICT_LATE);
		assert_string_equal(
		    role_lab_last_reply(&lab).code, "reply.repeated");
		assert_false(is_suppressed(j));
	}
}

/* What ends the challenge while a copy is judged. */
static void
ended(struct role_lab *lab, size_t how)
{
	struct authz *a = role_lab_authz(lab);

	if (how == 0)
		failed(lab);
	else
		fixture_sql(lab->j,
		    arena_printf(lab->j->arena,
			"UPDATE authz SET expires_at = %lld WHERE id = '%s'",
			(long long)lab->arrival, a->id));
}

/* MA-64: also if the copy was judged in time, and comes too late when it is
 * recorded. */
static void
test_stop_repeated_between(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };

	for (size_t how = 0; how < 2; how++) {
		struct judgement *g;
		struct received m;
		struct role_lab lab;
		struct job *list[1] = { j };
		size_t done;

		unit_case("%zu", how);
		role_lab_processing(&lab, j);
		m = (struct received){ .source = "imap://two",
			.uidvalidity = 1,
			.uid = lab.uid + 100,
			.arrival = lab.arrival,
			.raw = role_lab_reply(&lab, &stop) };
		assert_int_equal(
		    role_lab_take(&lab, m.raw), VERDICT_NO_RESPONSE);
		assert_true(is_suppressed(j));
		lift(j);
		EXPECT(j, judge_message(&lab.validator, j, &m, &g), 1);
		assert_int_equal(g->record.verdict, VERDICT_NO_RESPONSE);
		ended(&lab, how);
		EXPECT(j, judge_record(list, &g, 1, &done), 0);
		assert_int_equal(g->applied, VERDICT_REPEATED);
		assert_string_equal(
		    role_lab_last_reply(&lab).code, "reply.repeated");
		assert_false(is_suppressed(j));
	}
}

/* Not for ever: a key may be somebody else's by then. */
static void
test_stop_too_late(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };

	for (int64_t i = 0; i < 2; i++) {
		struct role_lab lab;

		role_lab_processing(&lab, j);
		failed(&lab);
		role_lab_at(
		    &lab, role_lab_authz(&lab)->created_at + 30 * 86400 + i);
		lab.arrival = j->now;
		role_lab_take(&lab, role_lab_reply(&lab, &stop));
		assert_int_equal(is_suppressed(j), i == 0);
		if (i == 0)
			lift(j);
		role_lab_at(&lab, FIXTURE_NOW);
	}
}

/* An operator's entry is made longer, never shorter. */
static void
test_stop_extends(struct job *j)
{
	static const struct role_lab_reply stop = { .body = STOP_BODY };
	static const struct {
		int64_t days, expected;
	} cases[] = { { 1, 90 }, { 90, 90 }, { 365, 365 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct suppressed s = { .mailbox = "mailbox0@example.org",
			.since = j->now,
			.until = j->now + cases[i].days * 86400,
			.source = "admin" };
		struct role_lab lab;

		unit_case("%d days", (int)cases[i].days);
		role_lab_processing(&lab, j);
		COMMITTED(j, store_suppressed_add(j, &s));
		role_lab_take(&lab, role_lab_reply(&lab, &stop));
		EXPECT(j, store_suppressed_find(j, s.mailbox, &s), 1);
		assert_int_equal(s.until, j->now + cases[i].expected * 86400);
		assert_string_equal(s.source,
		    cases[i].days < cases[i].expected ? "reply" : "admin");
		lift(j);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_stop),
	STORE_TEST(test_stop_refused),
	STORE_TEST(test_stop_passed_on),
	STORE_TEST(test_stop_bounded),
	STORE_TEST(test_stop_repeated),
	STORE_TEST(test_stop_repeated_between),
	STORE_TEST(test_stop_too_late),
	STORE_TEST(test_stop_extends),
};

UNIT_MAIN(tests)
