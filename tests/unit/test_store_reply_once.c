/* Received messages: read once, kept, judged again, and whose they are. */
#include "config.h"

#include "tests/unit/verdict_lab.h"

#include <string.h>

#include "db/store_challenge.h"
#include "db/store_reply.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "tests/unit/store_fixture.h"

/* ER-21, AC-124: a message delivered again is not applied again. */
static void
test_recorded_once(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct reply_record r =
	    verdict_lab_reply(j, &o->identifiers[0].authz, VERDICT_NO_RESPONSE);
	enum verdict applied;
	int64_t uid;

	EXPECT(j, store_reply_seen(j, r.source, 5, r.uid), 0);
	EXPECT(j, store_reply_last_uid(j, r.source, 5, &uid), 0);
	assert_int_equal(uid, 0);
	verdict_lab_record(j, &r);
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
	    verdict_lab_reply(j, &o->identifiers[0].authz, VERDICT_MISMATCH);
	enum verdict applied;

	r.error = NULL;
	REFUSED(j, store_reply_record(j, &r, 1, &applied), ERR_INTERNAL);
	r.error = verdict_lab_problem;
	r.challenge_id = "absent";
	REFUSED(j, store_reply_record(j, &r, 1, &applied), ERR_CONFLICT);
}

static void
test_disposal(struct job *j)
{
	int64_t *uids, first = verdict_lab_uid + 1;
	size_t count;

	for (int i = 0; i < 5; i++) {
		struct reply_record r =
		    verdict_lab_reply(j, NULL, VERDICT_UNKNOWN);

		verdict_lab_record(j, &r);
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
	int64_t *uids, first = verdict_lab_uid + 1;
	size_t count;

	for (int i = 0; i < 7; i++) {
		struct reply_record r =
		    verdict_lab_reply(j, NULL, VERDICT_UNKNOWN);

		verdict_lab_record(j, &r);
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
	struct reply_record r = verdict_lab_reply(j, NULL, VERDICT_UNKNOWN);
	struct reply_record proof, *list;
	size_t count;

	verdict_lab_record(j, &r);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply "
					  "WHERE raw IS NOT NULL"),
	    0);
	EXPECT(j, store_reply_proof(j, challenge, &proof), 0);
	r = verdict_lab_reply(j, &o->identifiers[0].authz, VERDICT_MATCH);
	r.id = "my id";
	verdict_lab_record(j, &r);
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

	r = verdict_lab_reply(j, &o->identifiers[0].authz, VERDICT_MATCH);
	verdict_lab_record(j, &r);
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

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct order *o = fixture_order(j, fixture_account(j), 1);
		struct order *other = fixture_order(j, fixture_account(j), 1);
		const struct authz *a = &o->identifiers[0].authz;
		struct reply_record r = verdict_lab_reply(j, a, cases[i].first),
				    *list;
		struct reply_record again =
		    verdict_lab_reply(j, a, cases[i].second);
		size_t count;

		unit_case("%zu", i);
		if (cases[i].same_covered)
			again.covered_hash = r.covered_hash;
		if (cases[i].same_raw)
			again.raw_sha256 = r.raw_sha256;
		assert_int_equal(verdict_lab_record(j, &r), cases[i].first);
		again.source = "imap://another/INBOX";
		assert_int_equal(
		    verdict_lab_record(j, &again), cases[i].expected);
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
		again.uid = ++verdict_lab_uid;
		assert_int_equal(
		    verdict_lab_record(j, &again), cases[i].second);
	}
}

static void
test_deferred(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct reply_record r = verdict_lab_reply(j, a, VERDICT_DEFERRED);
	struct reply_record again;
	int64_t at, uid;

	EXPECT(j, store_reply_next_due(j, &at), 0);
	assert_int_equal(verdict_lab_record(j, &r), VERDICT_DEFERRED);
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
	assert_int_equal(verdict_lab_record(j, &again), VERDICT_DEFERRED);
	j->now += 10;
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_reply_lease_deferred(j, j->now + 30, &again), 1);
	EXPECT(j, store_commit(j), 0);

	/* now, and it is the same row */
	again.verdict = VERDICT_MATCH;
	again.seal = SPAN("seal");
	assert_int_equal(verdict_lab_record(j, &again), VERDICT_MATCH);
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
	struct reply_record r = verdict_lab_reply(j, NULL, VERDICT_DEFERRED);

	assert_int_equal(verdict_lab_record(j, &r), VERDICT_DEFERRED);
	r.verdict = VERDICT_UNKNOWN;
	assert_int_equal(verdict_lab_record(j, &r), VERDICT_UNKNOWN);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM reply WHERE raw IS NULL "
			     "AND due_at IS NULL"),
	    1);
}

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
	EXPECT(j, store_challenge_by_address(j, c->from, &s), 1);
	assert_string_equal(s.authz.challenge.id, c->id);
	fixture_sql(j, "UPDATE account SET deactivated_at = 7");
	EXPECT(j, store_challenge_by_address(j, c->from, &s), 1);
	assert_false(s.account_is_valid);
	fixture_sql(j, "UPDATE account SET deactivated_at = 0, "
		       "revoked_at = 7");
	EXPECT(j, store_challenge_by_address(j, c->from, &s), 1);
	assert_false(s.account_is_valid);

	hash[0] ^= 1;
	EXPECT(j,
	    store_challenge_by_part1_hash(j, span_mem(hash, sizeof(hash)), &s),
	    0);
	EXPECT(j, store_challenge_by_part1_hash(j, span_mem(hash, 31), &s), 0);
	EXPECT(j, store_challenge_by_part1_hash(j, span_mem(hash, 0), &s), 0);
	EXPECT(j, store_challenge_by_address(j, "acme@ca.example", &s), 0);
	/* the Message-ID, whole and as it is */
	EXPECT(j, store_challenge_by_message_id(j, c->message_id, &s), 1);
	assert_string_equal(s.authz.challenge.id, c->id);
	EXPECT(j, store_challenge_by_message_id(j, "<x@ca.example>", &s), 0);
	EXPECT(j, store_challenge_by_message_id(j, c->message_id + 1, &s), 0);
	EXPECT(j, store_challenge_by_message_id(j, "%", &s), 0);
	/* where its mail asks for the answer, and no more by its From */
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE challenge SET reply_to = 'tag@replies.example' "
		   "WHERE id = '%s'",
		   c->id));
	EXPECT(j, store_challenge_by_address(j, "tag@replies.example", &s), 1);
	assert_string_equal(s.authz.challenge.id, c->id);
	assert_string_equal(
	    challenge_answer_to(&s.authz.challenge), "tag@replies.example");
	EXPECT(j, store_challenge_by_address(j, c->from, &s), 0);
	fixture_sql(j, "UPDATE challenge SET reply_to = 'fixed@ca.example'");
	EXPECT(j, store_challenge_by_address(j, "fixed@ca.example", &s), 0);
	fixture_sql(j, "UPDATE challenge SET reply_to = NULL");
	/* a fixed address names no challenge (ER-24) */
	fixture_sql(j, "UPDATE challenge SET from_address = 'acme@ca.example'");
	EXPECT(j, store_challenge_by_address(j, "acme@ca.example", &s), 0);
}

static const struct CMUnitTest tests[] = {
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
