#include "config.h"

#include "tests/unit/acme_mailbox.h"

#include "acme/problem.h"
#include "db/store_reply.h"
#include "lib/digest.h"
#include "tests/unit/acme_front.h"

static const char *
error_for(struct job *j, enum verdict verdict)
{
	if (verdict == VERDICT_MISMATCH)
		return problem_format(j, ERR_INCORRECT_RESPONSE,
		    "the reply holds a wrong digest");
	if (verdict == VERDICT_UNAUTHENTICATED)
		return problem_format(j, ERR_UNAUTHORIZED,
		    "the reply's DKIM signature did not verify");
	return NULL;
}

void
mailbox_reply(struct job *j, const char *challenge_url, enum verdict verdict)
{
	static int64_t uid;
	static uint8_t sum[SHA256_LEN];
	struct span raw = span_str(arena_printf(
	    j->arena, "Subject: reply %lld\r\n\r\n", (long long)++uid));
	enum verdict applied;

	sha256(raw, sum);
	struct reply_record r = {
		.source = "test",
		.br_version = "1.0.16",
		.uidvalidity = 1,
		.uid = uid,
		.challenge_id =
		    front_path(challenge_url) + sizeof("/acme/chall/") - 1,
		.arrival = j->now,
		.verdict = verdict,
		.code = "test",
		.detail = "test",
		.evidence = "{}",
		.raw = raw,
		.raw_sha256 = span_mem(sum, sizeof(sum)),
		.covered_hash = span_mem(sum, sizeof(sum)),
		.seal = verdict == VERDICT_MATCH ? span_mem(sum, sizeof(sum))
						 : span_str(""),
		.error = error_for(j, verdict),
		.retry_at = verdict == VERDICT_DEFERRED ? j->now + 1800 : 0,
	};

	COMMITTED(j, store_reply_record(j, &r, j->now + 72 * 3600, &applied));
	assert_string_equal(verdict_name(applied), verdict_name(verdict));
}
