#include "config.h"

#include "tests/unit/verdict_lab.h"

const char verdict_lab_problem[] =
    "{\"type\":\"urn:ietf:params:acme:error:incorrectResponse\","
    "\"detail\":\"why\"}";

int64_t verdict_lab_uid;

struct reply_record
verdict_lab_reply(struct job *j, const struct authz *a, enum verdict verdict)
{
	struct span own = span_str(
	    arena_printf(j->arena, "of %lld", (long long)++verdict_lab_uid));

	return (struct reply_record){ .source = "imap://ca/INBOX",
		.br_version = "1.0.16",
		.uidvalidity = 5,
		.uid = verdict_lab_uid,
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
		.error = verdict_lab_problem,
		.retry_at = verdict == VERDICT_DEFERRED ? j->now + 60 : 0 };
}

enum verdict
verdict_lab_record(struct job *j, const struct reply_record *r)
{
	enum verdict applied = VERDICT_UNKNOWN;

	COMMITTED(j, store_reply_record(j, r, j->now + 1000, &applied));
	return applied;
}

void
verdict_lab_take(struct job *j, const struct authz *a, enum verdict verdict,
    const char *error)
{
	struct reply_record r = verdict_lab_reply(j, a, verdict);

	r.error = error;
	assert_int_equal(verdict_lab_record(j, &r), verdict);
}
