/*
 * What the validator vouches for: every field of a verdict and of a CAA check
 * is under the seal, and a verdict can be recomputed from what is stored,
 * without network (ER-35, MA-85, MA-86, PK-16, PK-44, PK-205).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/proof.h"
#include "db/store_caa.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "mail/reply.h"
#include "src/corroborate.h"
#include "src/evidence.h"
#include "src/judge.h"
#include "src/judge_caa.h"

/* A proven challenge: what the issuer would read. */
struct proof {
	struct role_lab lab;
	struct authz authz;
	struct reply_record reply;
	const char *thumbprint;
	uint8_t hash[SHA256_LEN];
};

static void
proof_init(struct proof *p, struct job *j)
{
	role_lab_init(&p->lab, j);
	role_lab_send(&p->lab);
	role_lab_post(&p->lab);
	assert_int_equal(role_lab_take(&p->lab, role_lab_reply(&p->lab, NULL)),
	    VERDICT_MATCH);
	p->authz = *role_lab_authz(&p->lab);
	p->reply = role_lab_proof(&p->lab);
	p->thumbprint = p->lab.account.thumbprint;
}

static int
verify(struct proof *p)
{
	struct signing_keys keys = { .base_url = p->lab.conf.base_url,
		.account_id = p->lab.account.id,
		.signer = p->thumbprint };

	return evidence_verify(
	    p->lab.j, p->lab.issuer.seal, &p->authz, &keys, &p->reply);
}

static void
seal_again(struct proof *p)
{
	struct job *j = p->lab.j;
	uint8_t *seal = arena_alloc(j->arena, SEAL_LEN);

	sha256(p->reply.raw, p->hash);
	p->reply.raw_sha256 = span_mem(p->hash, SHA256_LEN);
	evidence_seal_reply(p->lab.issuer.seal, &p->authz, &p->reply, seal);
	p->reply.seal = span_mem(seal, SEAL_LEN);
}

/* The text with `from` replaced, which must be in it. */
static const char *
edit(struct job *j, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (at == NULL)
		fail_msg("no %s in %s", from, text);
	return arena_printf(j->arena, "%.*s%s%s", (int)(at - text), text, to,
	    at + strlen(from));
}

static void
edit_evidence(struct proof *p, const char *from, const char *to)
{
	p->reply.evidence = edit(p->lab.j, p->reply.evidence, from, to);
}

static struct span
flipped(struct job *j, struct span s, size_t at)
{
	char *copy = span_dup(j->arena, s);

	copy[at] ^= 1;
	return span_mem(copy, s.n);
}

/* --- one thing is different ---------------------------------------------- */

static void
other_authz(struct proof *p)
{
	p->authz.id = "AAAAAAAAAAAAAAAAAAAAAA";
}

static void
other_challenge(struct proof *p)
{
	p->authz.challenge.id = "AAAAAAAAAAAAAAAAAAAAAA";
}

static void
other_account(struct proof *p)
{
	p->authz.account_id = "AAAAAAAAAAAAAAAAAAAAAA";
}

static void
other_mailbox(struct proof *p)
{
	p->authz.mailbox = "mailbox1@example.org";
}

static void
other_creation(struct proof *p)
{
	p->authz.created_at++;
}

static void
other_from(struct proof *p)
{
	p->authz.challenge.from = "acme+other@ca.example";
}

static void
other_message_id(struct proof *p)
{
	p->authz.challenge.message_id = "<other@ca.example>";
}

static void
other_arrival(struct proof *p)
{
	p->reply.arrival--;
}

static void
other_verdict(struct proof *p)
{
	p->reply.verdict = VERDICT_UNAUTHENTICATED;
}

static void
other_bytes(struct proof *p)
{
	p->reply.raw = flipped(p->lab.j, p->reply.raw, 0);
}

static void
other_hash(struct proof *p)
{
	p->reply.raw_sha256 = flipped(p->lab.j, p->reply.raw_sha256, 31);
}

static void
other_bytes_and_hash(struct proof *p)
{
	other_bytes(p);
	sha256(p->reply.raw, p->hash);
	p->reply.raw_sha256 = span_mem(p->hash, SHA256_LEN);
}

static void
other_evidence(struct proof *p)
{
	edit_evidence(p, "\"coverage\":0", "\"coverage\":1");
}

static void
no_evidence(struct proof *p)
{
	p->reply.evidence = "{}";
}

static void
other_seal(struct proof *p)
{
	p->reply.seal = flipped(p->lab.j, p->reply.seal, 0);
}

static void
short_seal(struct proof *p)
{
	p->reply.seal.n--;
}

static void
no_seal(struct proof *p)
{
	p->reply.seal = SPAN("");
}

static void
other_seal_key(struct proof *p)
{
	static const uint8_t key[32] = "another key of thirty-two octet";

	p->lab.issuer.seal = seal_key_new(p->lab.j->arena, key);
}

/* AC-82, PK-44: proven under a key that the account no longer has. */
static void
other_key(struct proof *p)
{
	p->thumbprint = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
}

static const struct {
	const char *name;
	void (*change)(struct proof *p);
	bool seal_alone; /* only the seal shows it */
	const char *error;
} changes[] = {
#define SEAL "the verdict does not carry the validator's seal"
	{ "authz.id", other_authz, true, SEAL },
	{ "challenge.id", other_challenge, true, SEAL },
	{ "account", other_account, false, SEAL },
	{ "mailbox", other_mailbox, false, SEAL },
	{ "created_at", other_creation, true, SEAL },
	{ "challenge.from", other_from, false,
	    "the evidence is about something else" },
	{ "challenge.message_id", other_message_id, false, NULL },
	{ "arrival", other_arrival, true, SEAL },
	{ "verdict", other_verdict, false,
	    "the recorded verdict is not a match" },
	{ "raw", other_bytes, false,
	    "the stored reply is not what was judged" },
	{ "raw_sha256", other_hash, false,
	    "the stored reply is not what was judged" },
	{ "raw and raw_sha256", other_bytes_and_hash, false, SEAL },
	{ "evidence", other_evidence, true, SEAL },
	{ "evidence empty", no_evidence, false, SEAL },
	{ "seal", other_seal, true, SEAL },
	{ "seal cut", short_seal, true, SEAL },
	{ "seal missing", no_seal, true, SEAL },
	{ "seal key", other_seal_key, true, SEAL },
	{ "account key", other_key, false,
	    "no signed change of key leads from the one that the reply "
	    "proved to the one that signed" },
};

static void
test_each_change(struct job *j)
{
	struct proof good, p;

	proof_init(&good, j);
	EXPECT(j, verify(&good), 0);
	for (size_t i = 0; i < COUNT(changes); i++) {
		unit_case("%s", changes[i].name);
		p = good;
		changes[i].change(&p);
		assert_int_equal(verify(&p), -1);
		assert_job_error(j, ERR_UNAUTHORIZED, changes[i].error);
		job_recover(j);
	}
	EXPECT(j, verify(&good), 0);
}

/* An auditor does not hold the key: what can be recomputed still counts. */
static void
test_without_seal_key(struct job *j)
{
	struct proof good, p;

	proof_init(&good, j);
	good.lab.issuer.seal = NULL;
	EXPECT(j, verify(&good), 0);
	for (size_t i = 0; i < COUNT(changes); i++) {
		if (changes[i].seal_alone ||
		    changes[i].change == other_seal_key)
			continue;
		unit_case("%s", changes[i].name);
		p = good;
		changes[i].change(&p);
		assert_int_equal(verify(&p), -1);
		assert_job_error(j, ERR_UNAUTHORIZED, NULL);
		job_recover(j);
	}
}

/* --- a validator that lies ----------------------------------------------- */

static void
unanswered(struct proof *p)
{
	edit_evidence(p, "\"dns\":[{", "\"dns\":[],\"was\":[{");
}

static void
key_gone(struct proof *p)
{
	edit_evidence(p, "\"rdata\":[\"", "\"rdata\":[\"00\"],\"was\":[\"");
}

static void
key_bogus(struct proof *p)
{
	edit_evidence(p, "\"status\":\"ok\"", "\"status\":\"bogus\"");
}

static void
digest_other(struct proof *p)
{
	edit_evidence(p, "\"expected_digest\":\"",
	    "\"expected_digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAA\",\"was\":\"");
}

static void
digest_missing(struct proof *p)
{
	edit_evidence(p, "\"expected_digest\"", "\"expected\"");
}

static void
dnssec_demanded(struct proof *p)
{
	edit_evidence(p, "\"require_dnssec\":false", "\"require_dnssec\":true");
}

static void
judged_late(struct proof *p)
{
	edit_evidence(p, "\"expires_at\":", "\"expires_at\":1,\"was\":");
}

static void
not_json(struct proof *p)
{
	p->reply.evidence = "not JSON";
}

static void
hostile_dns(struct proof *p)
{
	edit_evidence(p, "\"dns\":[{", "\"dns\":[{\"rdata\":[\"zz\"]},{");
}

static const struct {
	const char *name;
	void (*change)(struct proof *p);
} lies[] = {
	{ "another message", other_bytes },
	{ "no DNS answer", unanswered },
	{ "no key in the record", key_gone },
	{ "bogus key", key_bogus },
	{ "another digest", digest_other },
	{ "no digest", digest_missing },
	{ "DNSSEC was demanded", dnssec_demanded },
	{ "after the end", judged_late },
	{ "no JSON", not_json },
	{ "records that are none", hostile_dns },
	{ "another mailbox", other_mailbox },
	{ "no evidence", no_evidence },
};

/* Sealed by the right key, and still nothing proves the mailbox. */
static void
test_sealed_lies(struct job *j)
{
	struct proof good, p;

	proof_init(&good, j);
	seal_again(&good);
	EXPECT(j, verify(&good), 0);
	for (size_t i = 0; i < COUNT(lies); i++) {
		unit_case("%s", lies[i].name);
		p = good;
		lies[i].change(&p);
		seal_again(&p);
		assert_int_equal(verify(&p), -1);
		job_recover(j);
	}
}

/* --- replay -------------------------------------------------------------- */

/* Ten years later, without DNS; the job's time is not disturbed. */
static void
test_replay(struct job *j)
{
	struct proof p;
	size_t queries;
	int64_t later = FIXTURE_NOW + (int64_t)10 * 365 * 86400;

	proof_init(&p, j);
	queries = p.lab.queries;
	p.lab.key_status = DNS_NXDOMAIN;
	role_lab_at(&p.lab, later);
	EXPECT(j, verify(&p), 0);
	assert_int_equal(p.lab.queries, queries);
	assert_int_equal(j->now, later);
	other_message_id(&p);
	assert_int_equal(verify(&p), -1);
	assert_int_equal(j->now, later);
}

/* MA-86: rules that have become stricter are told from changed evidence. */
static void
test_earlier_rules(struct job *j)
{
	static const char told[] = "judged by earlier rules than today's";
	const char *now =
	    arena_printf(j->arena, "\"reply_rules\":%d,", REPLY_RULES);
	struct proof good, p;

	proof_init(&good, j);
	p = good;
	digest_other(&p);
	seal_again(&p);
	assert_int_equal(verify(&p), -1);
	assert_null(strstr(j->err.text, told));
	job_recover(j);
	/* Evidence of before had no such member. */
	edit_evidence(&p, now, "");
	seal_again(&p);
	assert_int_equal(verify(&p), -1);
	assert_non_null(strstr(j->err.text, told));
	job_recover(j);
	/* It goes on to count while today's rules accept it. */
	p = good;
	edit_evidence(&p, now, "");
	seal_again(&p);
	EXPECT(j, verify(&p), 0);
}

/* ER-35, PK-1, PK-16: what the text must tell. */
static void
test_text(struct job *j)
{
	static const char *const members[] = { "method", "requirements",
		"mailbox", "account", "thumbprint", "challenge_from",
		"message_id", "created_at", "sent_at", "expires_at", "arrival",
		"judged_at", "reply_rules", "expected_digest", "dns",
		"judgement" };
	const struct json *e;
	struct proof p;

	proof_init(&p, j);
	EXPECT(j,
	    json_parse_object(j, span_str(p.reply.evidence), "evidence", &e),
	    0);
	for (size_t i = 0; i < COUNT(members); i++) {
		unit_case("%s", members[i]);
		assert_non_null(json_get(e, members[i]));
	}
	assert_span_equal(json_string(json_get(e, "method")), BR_METHOD);
	assert_span_equal(
	    json_string(json_get(e, "mailbox")), "mailbox0@example.org");
	assert_int_equal(json_integer(json_get(e, "sent_at")), FIXTURE_NOW);
	/* Never a token half. */
	assert_null(strstr(p.reply.evidence,
	    span_dup(j->arena,
		p.lab.order->identifiers[0].authz.challenge.token_part1)));
}

/* --- CAA ----------------------------------------------------------------- */

static const char *
other(struct job *j, const char *text)
{
	return arena_printf(j->arena, "%sx", text);
}

static void
test_caa_seal(struct job *j)
{
	struct role_lab lab;
	struct caa_row good, c;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	EXPECT(j, store_caa_latest(j, role_lab_authz(&lab)->id, &good), 1);
	assert_string_equal(good.result, "permit");
	assert_true(evidence_caa_is_sealed(lab.issuer.seal, &good));
	for (int i = 0; i < 12; i++) {
		unit_case("%d", i);
		c = good;
		switch (i) {
		case 0:
			c.id = other(j, c.id);
			break;
		case 1:
			c.authz_id = other(j, c.authz_id);
			break;
		case 2:
			c.account_id = other(j, c.account_id);
			break;
		case 3:
			c.mailbox = other(j, c.mailbox);
			break;
		case 4:
			c.domain = other(j, c.domain);
			break;
		case 5:
			c.result = "fail";
			break;
		case 6:
			c.checked_at++;
			break;
		case 7:
			c.ttl++;
			break;
		case 8:
			c.trace = other(j, c.trace);
			break;
		case 9:
			c.seal = flipped(j, c.seal, 5);
			break;
		case 10: /* PK-1 */
			c.br_version = other(j, c.br_version);
			break;
		default:
			c.seal = SPAN("");
			break;
		}
		assert_false(evidence_caa_is_sealed(lab.issuer.seal, &c));
	}
}

/* PK-1: what was judged by former requirements keeps their versions, and counts
 * by them; the column says what is under the seal. */
static void
test_former_requirements(struct job *j)
{
	const struct seal_key *k;
	uint8_t seal[SEAL_LEN], hash[SHA256_LEN];
	struct proof p;
	struct caa_row c;

	proof_init(&p, j);
	k = p.lab.issuer.seal;
	assert_string_equal(p.reply.br_version, BR_VERSION);
	edit_evidence(&p, BR_VERSION, "SBR 1.0.15, TBR 2.2.6");
	seal_again(&p);
	EXPECT(j, verify(&p), -1);
	job_recover(j);
	p.reply.br_version = "SBR 1.0.15, TBR 2.2.6";
	EXPECT(j, verify(&p), 0);
	/* A CAA check too; one of an earlier version, whose seal says nothing
	 * of them. */
	EXPECT(j, judge_caa(&p.lab.validator, j), 1);
	EXPECT(j, store_caa_latest(j, p.authz.id, &c), 1);
	assert_string_equal(c.br_version, BR_VERSION);
	c.br_version = "SBR 1.0.15, TBR 2.2.6";
	assert_false(evidence_caa_is_sealed(k, &c));
	evidence_seal_caa(k, &c, seal);
	c.seal = span_mem(seal, sizeof(seal));
	assert_true(evidence_caa_is_sealed(k, &c));
	sha256(span_str(c.trace), hash);
	seal_make(k,
	    (const struct span[]){ SPAN("countersign caa 1"), span_str(c.id),
		span_str(c.authz_id), span_str(c.account_id),
		span_str(c.mailbox), span_str(c.domain), span_str(c.result),
		span_str(
		    arena_printf(j->arena, "%lld", (long long)c.checked_at)),
		span_str(arena_printf(j->arena, "%lld", (long long)c.ttl)),
		span_mem(hash, sizeof(hash)) },
	    10, seal);
	assert_true(evidence_caa_is_sealed(k, &c));
	c.result = "deny";
	assert_false(evidence_caa_is_sealed(k, &c));
}

/* No seal of one kind of statement passes for the other. */
static void
test_kinds(struct job *j)
{
	struct proof p;
	struct caa_row c;

	proof_init(&p, j);
	EXPECT(j, judge_caa(&p.lab.validator, j), 1);
	EXPECT(j, store_caa_latest(j, p.authz.id, &c), 1);
	c.seal = p.reply.seal;
	assert_false(evidence_caa_is_sealed(p.lab.issuer.seal, &c));
}

/* The key that perspectives are asked about (PK-47): the one that proved the
 * reply, and never none because it cannot be read. */
static void
test_question(struct job *j)
{
	static const char *const broken[] = {
		"'\"key_record\":\"', '\"key_record\":\"!'",
		"'\"key_record\":\"', '\"key_record\":\"AAAA'",
		"'\"key_record\":', '\"k\":'",
		"'\"key_record\":', '\"key_record\":\"\",\"k\":'",
		"'\"signatures\":[', '\"signatures\":[],\"s\":['",
		"'\"result\":\"pass\"', '\"result\":\"refuse\"'",
	};
	struct question q;
	struct proof p;
	struct caa_row c;

	proof_init(&p, j);
	EXPECT(j, judge_caa(&p.lab.validator, j), 1);
	EXPECT(j, store_caa_latest(j, p.authz.id, &c), 1);
	EXPECT(j, question_of(j, &c, &q), 0);
	assert_string_equal(q.request.caa_domain, "example.org");
	assert_string_equal(q.request.dkim_domain, "example.org");
	assert_non_null(q.request.dkim_selector);
	assert_true(q.key.n > 0);
	for (size_t i = 0; i < COUNT(broken); i++) {
		unit_case("%s", broken[i]);
		fixture_sql(
		    j, "CREATE TABLE kept AS SELECT evidence FROM reply");
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE reply SET evidence = REPLACE(evidence, %s)",
			   broken[i]));
		EXPECT(j, question_of(j, &c, &q), -1);
		assert_job_error(j, ERR_UNAUTHORIZED, NULL);
		job_recover(j);
		fixture_sql(j,
		    "UPDATE reply SET evidence = (SELECT evidence FROM kept)");
		fixture_sql(j, "DROP TABLE kept");
	}
	EXPECT(j, question_of(j, &c, &q), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_question),
	STORE_TEST_SQLITE(test_former_requirements),
	STORE_TEST_SQLITE(test_each_change),
	STORE_TEST_SQLITE(test_without_seal_key),
	STORE_TEST_SQLITE(test_sealed_lies),
	STORE_TEST_SQLITE(test_replay),
	STORE_TEST_SQLITE(test_earlier_rules),
	STORE_TEST_SQLITE(test_text),
	STORE_TEST_SQLITE(test_caa_seal),
	STORE_TEST_SQLITE(test_kinds),
};

UNIT_MAIN(tests)
