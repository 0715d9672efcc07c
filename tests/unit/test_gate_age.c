/*
 * How long what the issuer's gate looks at counts, by its own clock and rules:
 * PK-13 (proofs), PK-27 (CAA checks), PK-46, PK-47, MP-10 (what remote
 * perspectives said), and a configuration that was read again meanwhile.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "db/store_caa.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "src/corroborate.h"
#include "src/evidence.h"
#include "src/judge_caa.h"

#define DAY ((int64_t)86400)

/* PK-12, PK-13: 30 days from when both token halves were made, whatever the
 * authorization says of itself. */
static void
test_age(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	lab.conf.issuer.caa_max_age = 40 * DAY;
	role_lab_finalize(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 30 * DAY - 1);
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
	role_lab_at(&lab, FIXTURE_NOW + 30 * DAY);
	fixture_sql(j, "UPDATE authz SET valid_until = 1900000000");
	assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
	assert_job_error(j, ERR_UNAUTHORIZED,
	    "the validation of mailbox0@example.org is too old to be used");
}

/* PK-27: whatever the answer's TTL was. */
static void
test_caa_age(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM caa"), 1);
	role_lab_at(&lab, FIXTURE_NOW + 3601);
	j->wake = 0;
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	assert_int_equal(j->wake, 1u << ROLE_VALIDATOR);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM caa WHERE checked_at = 0"),
	    1);
	/* Asked twice, there is one question. */
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM caa"), 2);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
}

/* PK-27: a TTL of a second takes nothing from the hour, one of a week adds
 * nothing to it. */
static void
test_caa_ttl(struct job *j)
{
	static const int64_t ttls[] = { 1, 7 * DAY };

	for (size_t i = 0; i < COUNT(ttls); i++) {
		struct role_lab lab;

		unit_case("%lld s", (long long)ttls[i]);
		role_lab_init(&lab, j);
		lab.ttl = (uint32_t)ttls[i];
		lab.caa_status = DNS_OK;
		lab.caa = SPAN("\0\5iodefmailto:pki@example.org");
		role_lab_finalize(&lab);
		assert_int_equal(
		    fixture_count(
			j, arena_printf(j->arena,
			       "SELECT ttl FROM caa WHERE order_id = '%s'",
			       lab.order->id)),
		    ttls[i]);
		role_lab_at(&lab, FIXTURE_NOW + 3600);
		assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
		role_lab_at(&lab, FIXTURE_NOW + 3601);
		assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	}
}

/* PK-38: whatever the configuration says, nothing is signed for a domain that
 * nobody has looked up, also where denials are only recorded. */
static void
test_every_domain(struct job *j)
{
	for (size_t i = 0; i < 4; i++) {
		struct role_lab lab;

		unit_case("%zu", i);
		role_lab_init(&lab, j);
		lab.conf.caa_enforce = (i & 1) == 0;
		lab.conf.mode =
		    (i & 2) == 0 ? CONF_MODE_PRIVATE : CONF_MODE_PUBLIC;
		role_lab_finalize(&lab);
		assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
		fixture_sql(j, "DELETE FROM caa");
		assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
		assert_int_equal(
		    fixture_count(j,
			"SELECT COUNT(*) FROM caa WHERE checked_at = 0 AND "
			"domain = 'example.org'"),
		    1);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
		assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
	}
}

static void
test_no_caa(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	fixture_sql(j, "DELETE FROM caa");
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM caa"), 1);
}

/* PK-28: allowed early, forbidden late. */
static void
test_caa_denies(struct job *j)
{
	static const char forbid[] = "\0\11issuemail;";
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 3601);
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	lab.caa_status = DNS_OK;
	lab.caa = span_mem(forbid, sizeof(forbid) - 1);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
	assert_job_error(j, ERR_CAA,
	    "CAA records of example.org do not allow issuance: "
	    "no issuemail property names this CA");
	job_recover(j);
	/* A private CA may record it and go on. */
	lab.conf.caa_enforce = false;
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
}

/* PK-28: a look-up that failed before finalize says nothing; one after it
 * ends the order. */
static void
test_caa_fails(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	lab.caa_status = DNS_TEMPORARY;
	role_lab_send(&lab);
	role_lab_post(&lab);
	role_lab_take(&lab, role_lab_reply(&lab, NULL));
	/* Three tries, with pauses. */
	for (int i = 0; i < 3; i++) {
		EXPECT(j, judge_caa(&lab.validator, j), 1);
		EXPECT(j, judge_caa(&lab.validator, j), 0);
		role_lab_at(&lab, j->now + 60);
	}
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM caa WHERE result = 'fail'"),
	    1);
	role_lab_request_take(&lab, SPAN("a CSR"));
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	for (int i = 0; i < 3; i++) {
		role_lab_at(&lab, j->now + 60);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
	}
	assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
	assert_job_error(j, ERR_DNS,
	    "the CAA records of example.org could not be looked up");
}

#define PERSPECTIVES 5

/* How the stored round differs from one in which all agree. */
struct told {
	size_t dissenters;     /* see another key */
	size_t count;          /* 0: all that are configured */
	const char *from, *to; /* in the trace, before it is sealed */
	bool is_unsealed;
	bool leaves_key; /* asks for CAA alone */
	bool key_agreed; /* as the row says of itself */
	enum gate gate;
};

static const char *const codes[PERSPECTIVES] = { "a", "b", "c", "d", "e" };

static const char *
answer_of(struct job *j, const struct question *q, size_t i, bool dissents)
{
	struct dns_answer steps[] = {
		{ .status = DNS_NXDOMAIN, .name = "example.org" },
		{ .status = DNS_NXDOMAIN, .name = "org" },
	};
	struct span txt;
	struct agent_answer a = { .id = q->request.id,
		.code = codes[i],
		.version = "test",
		.has_caa = true,
		.caa_decision = "permit",
		.caa_reason = "no-record",
		.steps = steps,
		.step_count = 2,
		.has_dkim = true,
		.dkim = { .status = DNS_OK, .rdata = &txt, .count = 1 } };
	struct buf key, strings;

	buf_init(&key, j->arena, 4096);
	a.has_dkim = question_has_key(q);
	buf_add_str(&key, q->key.n == 32 ? "k=ed25519; p=" : "k=rsa; p=");
	if (dissents)
		buf_add_str(&key, "AAAA");
	b64_add(&key, q->key);
	buf_init(&strings, j->arena, 5000);
	for (size_t at = 0; at < key.n; at += 255) {
		struct span part = span_cut(buf_span(&key), at, at + 255);

		buf_add_char(&strings, (char)part.n);
		buf_add(&strings, part);
	}
	txt = buf_span(&strings);
	return agent_answer_format(j, &a, 0);
}

/* The check's row as the validator would have written it. */
static void
tell(struct role_lab *lab, const struct told *told)
{
	struct job *j = lab->j;
	struct testimony v[PERSPECTIVES] = { { 0 } };
	struct round r = { .v = v,
		.n = told->count > 0 ? told->count : PERSPECTIVES,
		.at = j->now };
	char hex[2 * SEAL_LEN + 1];
	uint8_t seal[SEAL_LEN];
	struct question q;
	struct caa_row c;
	const char *at;

	EXPECT(j, store_caa_latest(j, role_lab_authz(lab)->id, &c), 1);
	EXPECT(j, question_of(j, &c, &q), 0);
	if (told->leaves_key)
		question_leave_key(&q);
	for (size_t i = 0; i < r.n; i++) {
		v[i] = (struct testimony){ .code = codes[i],
			.rir = i % 2 == 0 ? RIR_RIPE : RIR_ARIN,
			.body = span_str(
			    answer_of(j, &q, i, i < told->dissenters)) };
		testimony_judge(j, &q, &v[i]);
		assert_int_equal(v[i].answer,
		    i < told->dissenters ? ANSWER_DENIES : ANSWER_AGREES);
	}
	c.trace = corroboration_add(j, c.trace, &q, &r);
	assert_non_null(c.trace);
	if (!told->is_unsealed)
		evidence_seal_caa(lab->issuer.seal, &c, seal);
	if (told->from != NULL) {
		at = strstr(c.trace, told->from);
		assert_non_null(at);
		c.trace =
		    arena_printf(j->arena, "%.*s%s%s", (int)(at - c.trace),
			c.trace, told->to, at + strlen(told->from));
		if (!told->is_unsealed)
			evidence_seal_caa(lab->issuer.seal, &c, seal);
	}
	if (told->is_unsealed)
		memset(seal, 7, sizeof(seal));
	hex_format(hex, span_mem(seal, sizeof(seal)));
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE caa SET trace = '%s', seal = x'%s', "
			   "key_agreed = %d WHERE id = '%s'",
			   c.trace, hex, told->key_agreed, c.id));
}

static void
test_corroboration(struct job *j)
{
	static const struct told table[] = {
		{ .gate = GATE_OPEN },
		{ .dissenters = 1, .gate = GATE_OPEN },
		/* recorded before the policy was to enforce: asked again */
		{ .dissenters = 2, .gate = GATE_WAIT },
		{ .count = 4, .gate = GATE_WAIT },
		/* what is written does not follow from what was answered */
		{ .dissenters = 2,
		    .from = "\"outcome\":\"denied\"",
		    .to = "\"outcome\":\"reached\"",
		    .gate = GATE_CLOSED },
		{ .dissenters = 2,
		    .from = "\"answer\":\"denies\"",
		    .to = "\"answer\":\"agrees\"",
		    .gate = GATE_CLOSED },
		/* something else was asked */
		{ .from = "\"selector\":\"",
		    .to = "\"selector\":\"x",
		    .gate = GATE_CLOSED },
		/* nobody has been asked for the key */
		{ .from = "\"dkim\":{", .to = "\"d\":{", .gate = GATE_WAIT },
		{ .from = "\"body\":\"",
		    .to = "\"body\":\"!",
		    .gate = GATE_CLOSED },
		{ .is_unsealed = true, .gate = GATE_CLOSED },
	};
	struct conf_perspective perspectives[PERSPECTIVES] = { { 0 } };
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	lab.conf.caa_enforce = true;
	lab.conf.mpic = (struct conf_mpic){ .policy = CONF_MPIC_ENFORCE,
		.perspectives = perspectives,
		.perspective_count = PERSPECTIVES };
	/* The check was made when nobody was asked. */
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	for (size_t i = 0; i < COUNT(table); i++) {
		unit_case("%zu", i);
		fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM caa");
		tell(&lab, &table[i]);
		assert_int_equal(role_lab_gate(&lab), table[i].gate);
		job_recover(j);
		fixture_sql(j, "DELETE FROM caa");
		fixture_sql(j, "INSERT INTO caa SELECT * FROM kept");
		fixture_sql(j, "DROP TABLE kept");
	}
	/* MP-8 */
	lab.conf.mpic.policy = CONF_MPIC_RECORD;
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
}

/* A domain that has changed its key since: the perspectives saw the one that
 * authenticated the reply when it came, and are asked for CAA alone later
 * (PK-47). */
static void
test_later_check(struct job *j)
{
	static const struct {
		struct told first, later;
		enum gate gate;
	} table[] = {
		{ { .key_agreed = true }, { .leaves_key = true }, GATE_OPEN },
		{ { .key_agreed = true },
		    { .leaves_key = true, .dissenters = 0, .count = 4 },
		    GATE_WAIT },
		/* nobody saw it: not without it */
		{ { .key_agreed = false }, { .leaves_key = true }, GATE_WAIT },
		/* rows that say so of themselves */
		{ { .key_agreed = true, .dissenters = 2 },
		    { .leaves_key = true }, GATE_CLOSED },
		{ { .key_agreed = true, .is_unsealed = true },
		    { .leaves_key = true }, GATE_CLOSED },
		{ { .key_agreed = false },
		    { .leaves_key = true, .key_agreed = true }, GATE_CLOSED },
	};
	struct conf_perspective perspectives[PERSPECTIVES] = { { 0 } };
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	lab.conf.mpic = (struct conf_mpic){ .policy = CONF_MPIC_ENFORCE,
		.perspectives = perspectives,
		.perspective_count = PERSPECTIVES };
	for (size_t i = 0; i < COUNT(table); i++) {
		unit_case("%zu", i);
		role_lab_at(&lab, FIXTURE_NOW);
		fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM caa");
		tell(&lab, &table[i].first);
		role_lab_at(&lab, FIXTURE_NOW + 4000);
		assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
		tell(&lab, &table[i].later);
		assert_int_equal(role_lab_gate(&lab), table[i].gate);
		job_recover(j);
		fixture_sql(j, "DELETE FROM caa");
		fixture_sql(j, "INSERT INTO caa SELECT * FROM kept");
		fixture_sql(j, "DROP TABLE kept");
	}
}

/* PK-54, PK-27: what remote perspectives said counts no longer than the check
 * that it belongs to, and nothing makes it last longer. */
static void
test_remote_evidence_ages(struct job *j)
{
	static const int64_t ages[] = { 3600 + 1, 9 * 3600, 30 * DAY - 60 };
	static const struct told told = { .key_agreed = true };
	struct conf_perspective perspectives[PERSPECTIVES] = { { 0 } };
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	lab.conf.mpic = (struct conf_mpic){ .policy = CONF_MPIC_ENFORCE,
		.perspectives = perspectives,
		.perspective_count = PERSPECTIVES };
	tell(&lab, &told);
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
	for (size_t i = 0; i < COUNT(ages); i++) {
		unit_case("%lld", (long long)ages[i]);
		role_lab_at(&lab, FIXTURE_NOW + ages[i]);
		assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
		assert_int_equal(
		    fixture_count(
			j, "SELECT COUNT(*) FROM caa WHERE checked_at = 0"),
		    1);
		fixture_sql(j, "DELETE FROM caa WHERE checked_at = 0");
	}
	/* A check of today, for which nobody else was asked: the answers of
	 * then do not stand in for them. */
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
}

static const char *older_prefixes[] = { "https://old.example/acct/" };
static const char *two_names[] = { "ca.example", "ca2.example" };

static void
change(struct conf *conf, size_t what)
{
	switch (what) {
	case 0:
		conf->caa_identities = (struct conf_list){ two_names, 2 };
		break;
	case 1:
		conf->caa_identities = (struct conf_list){ two_names, 1 };
		break;
	case 2:
		conf->caa_flag1_critical = !conf->caa_flag1_critical;
		break;
	case 3:
		conf->caa_ignore_unknown = !conf->caa_ignore_unknown;
		break;
	default:
		conf->caa_account_prefixes =
		    (struct conf_list){ older_prefixes, 1 };
		break;
	}
}

/* PK-26, PK-32: no row that somebody forged, but one that is asked again; and
 * the answer counts. */
static void
test_other_rules(struct job *j)
{
	static const struct told told = { .key_agreed = true };
	struct conf_perspective perspectives[PERSPECTIVES] = { { 0 } };

	for (size_t i = 0; i < 10; i++) {
		struct role_lab lab;
		bool asks = i >= 5;

		unit_case("%zu", i);
		role_lab_init(&lab, j);
		role_lab_finalize(&lab);
		if (asks) {
			lab.conf.mpic =
			    (struct conf_mpic){ .policy = CONF_MPIC_ENFORCE,
				    .perspectives = perspectives,
				    .perspective_count = PERSPECTIVES };
			tell(&lab, &told);
		}
		assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
		change(&lab.conf, i % 5);
		assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
		if (asks)
			tell(&lab, &told);
		assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
	}
}

/* PK-146: a validator that reads it later than the issuer is given time, so
 * that the order is not used up meanwhile. */
static void
test_validator_reads_later(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	change(&lab.conf, 0);
	role_lab_at(&lab, FIXTURE_NOW + 1);
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	change(&lab.conf, 1);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	change(&lab.conf, 0);
	assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
	EXPECT(j, judge_caa(&lab.validator, j), 0);
	role_lab_at(&lab, FIXTURE_NOW + 31);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_corroboration),
	STORE_TEST_SQLITE(test_later_check),
	STORE_TEST_SQLITE(test_remote_evidence_ages),
	STORE_TEST_SQLITE(test_other_rules),
	STORE_TEST(test_validator_reads_later),
	STORE_TEST(test_age),
	STORE_TEST(test_caa_age),
	STORE_TEST(test_caa_ttl),
	STORE_TEST(test_every_domain),
	STORE_TEST(test_no_caa),
	STORE_TEST(test_caa_denies),
	STORE_TEST(test_caa_fails),
};
UNIT_MAIN(tests)
