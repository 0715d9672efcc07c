/*
 * MA-86, ER-35: every reply of tests/data/replies that is accepted is accepted
 * again ten years later, from what is stored alone: the message, the evidence
 * and its DNS answers; and not with one answer, one octet or the expected
 * digest changed.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "acme/proof.h"
#include "db/store_authz.h"
#include "dns/record.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "src/evidence.h"
#include "tests/unit/case_text.h"
#include "tests/unit/reply_case.h"
#include "tests/unit/reply_case_judge.h"

#define TEN_YEARS ((int64_t)3653 * 86400)
#define CASES_MAX 2000
#define THUMBPRINT "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"
/* Fewer than these, and the cases are not read. */
#define ACCEPTED_MIN 100

/* What the store has of one accepted reply. */
struct kept {
	struct authz authz;
	struct reply_record reply;
	uint8_t hash[SHA256_LEN];
};

static void
keep_authz(const struct reply_case *c, struct authz *out)
{
	memset(out, 0, sizeof(*out));
	out->id = "authz";
	out->account_id = "account";
	out->mailbox = c->expect.mailbox;
	out->created_at = c->expect.sent_at;
	out->expires_at = c->expect.expires_at;
	out->challenge.id = "challenge";
	out->challenge.from = c->expect.answer_to;
	out->challenge.message_id = c->expect.message_id;
	out->challenge.mail_sent_at = c->expect.sent_at;
}

/* Judges the case as the validator does: false if it is not accepted. */
static bool
judge(struct job *j, struct reply_case *c, enum conf_coverage grade,
    struct kept *k)
{
	struct resolver *dns = reply_case_resolver(c);
	const struct record_sources sources = { .first = dns,
		.budget_ms = 60000 };
	struct recorder *recorder = recorder_new(j, &sources);
	struct reply_policy policy = c->policy;
	struct reply r;

	policy.coverage = grade;
	reply_case_judge_by(
	    j, c, c->raw, &policy, recorder_resolver(recorder), &r);
	if (r.verdict != VERDICT_MATCH) {
		resolver_free(dns);
		return false;
	}
	keep_authz(c, &k->authz);
	const struct evidence_input in = { .reply = &r,
		.authz = &k->authz,
		.thumbprint = THUMBPRINT,
		.expected = c->expect.digest_now,
		.policy = &policy,
		.dns = recorder };
	sha256(c->raw, k->hash);
	k->reply = (struct reply_record){ .arrival = r.arrival,
		.verdict = r.verdict,
		.br_version = BR_VERSION,
		.raw = c->raw,
		.raw_sha256 = span_mem(k->hash, SHA256_LEN),
		.evidence = evidence_format(j, &in) };
	resolver_free(dns);
	assert_non_null(k->reply.evidence);
	return true;
}

static int
verify(struct job *j, const struct kept *k)
{
	const struct signing_keys keys = { .base_url = "https://ca.example",
		.account_id = "account",
		.signer = THUMBPRINT };

	return evidence_verify(j, NULL, &k->authz, &keys, &k->reply);
}

/* The evidence with each `from` replaced by as many characters: is there one?
 */
static bool
edit(struct job *j, struct kept *k, const char *from, const char *to)
{
	char *copy = arena_strdup(j->arena, k->reply.evidence);
	char *at = strstr(copy, from);

	assert_int_equal(strlen(from), strlen(to));
	if (at == NULL)
		return false;
	for (; at != NULL; at = strstr(at, from))
		memcpy(at, to, strlen(to));
	k->reply.evidence = copy;
	return true;
}

static void
refuse_changed(struct job *j, const struct kept *k)
{
	static const char *const changes[][2] = {
		{ "\"expected_digest\":\"" CASE_RIGHT,
		    "\"expected_digest\":\"" CASE_WRONG },
		{ "_domainkey.", "_domainkex." },
		{ "\"thumbprint\":\"LPJ", "\"thumbprint\":\"LPK" },
	};
	char *copy = span_dup(j->arena, k->reply.raw);
	struct kept other = *k;

	copy[k->reply.raw.n / 2] ^= 1;
	other.reply.raw = span_mem(copy, k->reply.raw.n);
	assert_int_equal(verify(j, &other), -1);
	job_recover(j);
	for (size_t i = 0; i < COUNT(changes); i++) {
		other = *k;
		if (!edit(j, &other, changes[i][0], changes[i][1]))
			fail_msg(
			    "no %s in %s", changes[i][0], k->reply.evidence);
		assert_int_equal(verify(j, &other), -1);
		job_recover(j);
	}
}

/* 1 if it was accepted, and is again; 0 if it was not. */
static size_t
take(struct reply_case *c, enum conf_coverage grade)
{
	struct kept k;
	struct job j;
	bool accepted;

	unit_case("%s:%u: %s", c->file, c->line, c->name);
	job_init(&j, NULL, NULL);
	accepted = judge(&j, c, grade, &k);
	assert_int_equal(accepted, strcmp(c->codes[grade], "match") == 0);
	if (accepted) {
		j.now = c->now + TEN_YEARS;
		if (verify(&j, &k) != 0)
			fail_msg("%s", j.err.text);
		assert_int_equal(j.now, c->now + TEN_YEARS);
		refuse_changed(&j, &k);
	}
	job_done(&j);
	return accepted;
}

static size_t
take_file(const char *path)
{
	struct reply_case *cases;
	size_t count, accepted = 0;
	struct job j;

	job_init(&j, NULL, NULL);
	reply_cases_load(&j, path, &cases, &count);
	for (size_t i = 0; i < count; i++)
		for (int g = 0; g < 3; g++)
			if (cases[i].codes[g] != NULL &&
			    cases[i].dkim_domain == NULL)
				accepted +=
				    take(&cases[i], (enum conf_coverage)g);
	job_done(&j);
	return accepted;
}

static void
test_again(void **state)
{
	size_t count, accepted = 0;
	const char **files;
	struct job j;

	(void)state;
	job_init(&j, NULL, NULL);
	reply_cases_files(&j, &files, &count);
	for (size_t i = 0; i < count; i++)
		accepted += take_file(files[i]);
	unit_case("%s", "");
	print_message("# %zu accepted again\n", accepted);
	assert_true(accepted >= ACCEPTED_MIN);
	job_done(&j);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_again),
};

UNIT_MAIN(tests)
