/*
 * What remote perspectives say, judged here (PK-47, PK-55, MP-2,
 * MP-10): the answers are made as a perspective makes them, then bent.
 */
#include "config.h"

#include "src/corroborate.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/json.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAA"
#define ACCOUNT "https://acme.ca.example/acme/acct/1"
#define IN_2027 1798761600
#define P_OURS "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define P_OTHER "AgIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static const char *names[] = { "ca.example" };
static const struct conf_list issuers = { names, 1 };

/* issuemail "ca.example", and the same for another account. */
static struct span permitting[] = { SPAN_INIT("\x00\x09issuemailca.example") };
static struct span restricted[] = { SPAN_INIT(
    "\x00\x09issuemailca.example; accounturi=https://other.example/2") };
static struct span forbidding[] = { SPAN_INIT("\x00\x09issuemail;") };

static struct question
question(void)
{
	return (struct question){
		.request = { .id = ID,
		    .ca = issuers,
		    .caa_domain = "example.org",
		    .account_url = ACCOUNT,
		    .method = "email-reply-00" },
		.policy = { .issuer_domains = &issuers },
	};
}

struct view {
	const char *id, *code, *decision;
	enum dns_status status;
	struct span *caa;
	const char *name;
};

static struct span
answer(struct job *j, const struct view *v)
{
	struct dns_answer step = { .status = v->status,
		.name = v->name,
		.ttl = 60,
		.rdata = v->caa,
		.count = v->caa != NULL };
	struct agent_answer a = { .id = v->id,
		.code = v->code,
		.version = "test",
		.has_caa = true,
		.caa_decision = v->decision,
		.caa_reason = "test",
		.steps = &step,
		.step_count = 1 };

	return span_str(agent_answer_format(j, &a, 0));
}

static const struct {
	struct view view;
	enum answer answer;
	bool alarms;
} cases[] = {
	{ { ID, "fra", "permit", DNS_OK, permitting, "example.org" },
	    ANSWER_AGREES, false },
	{ { ID, "fra", "deny", DNS_OK, forbidding, "example.org" },
	    ANSWER_DENIES, false },
	{ { ID, "fra", "fail", DNS_BOGUS, NULL, "example.org" }, ANSWER_FAILS,
	    false },
	{ { ID, "fra", "fail", DNS_TEMPORARY, NULL, "example.org" },
	    ANSWER_FAILS, false },
	/* it says permit, the parameters say no */
	{ { ID, "fra", "permit", DNS_OK, restricted, "example.org" },
	    ANSWER_SILENT, true },
	{ { ID, "fra", "deny", DNS_OK, restricted, "example.org" },
	    ANSWER_DENIES, false },
	/* a decision that does not follow */
	{ { ID, "fra", "permit", DNS_OK, forbidding, "example.org" },
	    ANSWER_SILENT, true },
	{ { ID, "fra", "deny", DNS_OK, permitting, "example.org" },
	    ANSWER_SILENT, true },
	{ { ID, "fra", "maybe", DNS_OK, permitting, "example.org" },
	    ANSWER_SILENT, true },
	/* MP-2: replayed, somebody else's, about something else */
	{ { "BAAAAAAAAAAAAAAAAAAAAA", "fra", "permit", DNS_OK, permitting,
	      "example.org" },
	    ANSWER_SILENT, true },
	{ { ID, "ams", "permit", DNS_OK, permitting, "example.org" },
	    ANSWER_SILENT, true },
	{ { ID, "fra", "permit", DNS_OK, permitting, "example.net" },
	    ANSWER_SILENT, true },
};

static void
test_caa(void **state)
{
	struct job *j = unit_job();
	const struct question q = question();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct testimony t = { .code = "fra",
			.body = answer(j, &cases[i].view) };

		unit_case("%zu", i);
		testimony_judge(j, &q, &t);
		assert_int_equal(t.answer, cases[i].answer);
		assert_int_equal(t.is_alarming, cases[i].alarms);
		assert_non_null(t.why);
		/* MP-5 */
		if (t.answer == ANSWER_DENIES)
			assert_non_null(
			    strstr(t.why, "; it sees: 0 issuemail \""));
	}
}

static void
test_broken(void **state)
{
	static const char *const bodies[] = { "", "{", "[]", "{}", "\xff",
		"{\"id\":\"" ID "\",\"id\":\"" ID "\"}" };
	struct job *j = unit_job();
	const struct question q = question();

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct testimony t = { .code = "fra",
			.body = span_str(bodies[i]) };

		testimony_judge(j, &q, &t);
		assert_int_equal(t.answer, ANSWER_SILENT);
		assert_true(t.is_alarming);
	}
}

/* One TXT record for each text; NULL ends. */
static enum answer
with_key(struct job *j, enum dns_status status, const char *first,
    const char *second)
{
	struct question q = question();
	struct dns_answer step = { .status = DNS_NXDOMAIN,
		.name = "example.org" };
	struct dns_answer up = { .status = DNS_NXDOMAIN, .name = "org" };
	struct dns_answer steps[] = { step, up };
	struct span rdata[2];
	struct agent_answer a = { .id = ID,
		.code = "fra",
		.version = "test",
		.has_caa = true,
		.caa_decision = "permit",
		.caa_reason = "no-record",
		.steps = steps,
		.step_count = 2,
		.has_dkim = true,
		.dkim = { .status = status, .rdata = rdata } };
	struct testimony t = { .code = "fra" };
	uint8_t key[32];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i + 1);
	q.key = span_mem(key, sizeof(key));
	q.request.dkim_domain = "example.org";
	q.request.dkim_selector = "s1";
	for (; first != NULL && a.dkim.count < 2; first = second, second = NULL)
		rdata[a.dkim.count++] = span_str(
		    arena_printf(j->arena, "%c%s", (int)strlen(first), first));
	t.body = span_str(agent_answer_format(j, &a, 0));
	testimony_judge(j, &q, &t);
	return t.answer;
}

/* PK-47: the same p=, whatever the tags' order and whatever is beside it. */
static void
test_key(void **state)
{
	static const char ours[] = "v=DKIM1; k=ed25519; p=" P_OURS;
	static const char turned[] = "p=" P_OURS "; n=x; k=ed25519";
	static const char other[] = "v=DKIM1; k=ed25519; p=" P_OTHER;
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(with_key(j, DNS_OK, ours, NULL), ANSWER_AGREES);
	assert_int_equal(with_key(j, DNS_OK, turned, NULL), ANSWER_AGREES);
	assert_int_equal(with_key(j, DNS_OK, other, ours), ANSWER_AGREES);
	assert_int_equal(
	    with_key(j, DNS_OK, "v=spf1 -all", ours), ANSWER_AGREES);
	assert_int_equal(with_key(j, DNS_OK, other, NULL), ANSWER_DENIES);
	assert_int_equal(
	    with_key(j, DNS_OK, "v=DKIM1; k=ed25519; p=", NULL), ANSWER_DENIES);
	assert_int_equal(with_key(j, DNS_NXDOMAIN, NULL, NULL), ANSWER_DENIES);
	assert_int_equal(with_key(j, DNS_BOGUS, NULL, NULL), ANSWER_FAILS);
	assert_int_equal(with_key(j, DNS_TEMPORARY, NULL, NULL), ANSWER_FAILS);
}

/* --- written down, and computed again (PK-55, MP-10) ---------------------- */

static const char *
stored(struct job *j, size_t denials)
{
	static const char *const codes[] = { "a", "b", "c", "d", "e" };
	const struct question q = question();
	struct testimony v[5] = { { 0 } };
	struct round r = { .v = v, .n = 5, .at = IN_2027 };

	for (size_t i = 0; i < 5; i++) {
		struct view view = { ID, codes[i],
			i < denials ? "deny" : "permit", DNS_OK,
			i < denials ? forbidding : permitting, "example.org" };

		v[i].code = codes[i];
		v[i].rir = i % 2 == 0 ? RIR_RIPE : RIR_ARIN;
		v[i].body = answer(j, &view);
		testimony_judge(j, &q, &v[i]);
	}
	return corroboration_add(j, "{\"result\":\"permit\"}", &q, &r);
}

static void
test_verify(void **state)
{
	static const enum quorum_outcome outcomes[] = { QUORUM_REACHED,
		QUORUM_REACHED, QUORUM_DENIED };
	struct job *j = unit_job();
	struct question q = question();
	struct corroborated round;

	(void)state;
	for (size_t denials = 0; denials < 3; denials++) {
		assert_int_equal(
		    corroboration_verify(j, stored(j, denials), &q, &round), 1);
		assert_int_equal(round.counted.outcome, outcomes[denials]);
		assert_int_equal(round.counted.agree, 5 - denials);
	}
	assert_int_equal(
	    corroboration_verify(j, "{\"result\":\"permit\"}", &q, &round), 0);
	q.request.caa_domain = "example.net";
	assert_int_equal(corroboration_verify(j, stored(j, 0), &q, &round), -1);
	assert_job_error(
	    j, ERR_UNAUTHORIZED, "corroboration: something else was asked");
}

/* Who can write rows cannot make agreement of dissent. */
static void
test_forged(void **state)
{
	static const char *const changes[][2] = {
		{ "\"answer\":\"denies\"", "\"answer\":\"agrees\"" },
		{ "\"outcome\":\"denied\"", "\"outcome\":\"reached\"" },
		{ "\"code\":\"a\"", "\"code\":\"c\"" },
		{ "\"rir\":\"ripe\"", "\"rir\":\"moon\"" },
		{ ",\"body\":\"", ",\"b0dy\":\"" },
		{ "\"request\":", "\"r3quest\":" },
	};
	struct job *j = unit_job();
	const struct question q = question();
	const char *text = stored(j, 2);

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const char *at = strstr(text, changes[i][0]);
		struct corroborated round;

		unit_case("%s", changes[i][1]);
		assert_non_null(at);
		assert_int_equal(
		    corroboration_verify(j,
			arena_printf(j->arena, "%.*s%s%s", (int)(at - text),
			    text, changes[i][1], at + strlen(changes[i][0])),
			&q, &round),
		    -1);
		assert_job_error(j, ERR_UNAUTHORIZED, NULL);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_caa),
	cmocka_unit_test(test_broken),
	cmocka_unit_test(test_key),
	cmocka_unit_test(test_verify),
	cmocka_unit_test(test_forged),
};

UNIT_MAIN(tests)
