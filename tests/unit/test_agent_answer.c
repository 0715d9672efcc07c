/*
 * What a perspective makes of a question (PK-53, PK-49): the DNS asked anew,
 * each step noted once, and nothing after the time is over; and the octets
 * that come back.
 */
#include "config.h"

#include "src/agent_answer.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/json.h"
#include "src/agent_pool.h"
#include "src/corroborate.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAA"

static const char *names[] = { "ca.example" };
static struct span permitting[] = { SPAN_INIT("\x00\x09issuemailca.example") };
static struct span key[] = { SPAN_INIT("\x05p=abc") };
static struct span mx[] = { SPAN_INIT("\x00\x0a\x02mx\x03org\x00") };

/* A DNS: how often it fails first, and what was asked. */
struct world {
	size_t failures;
	size_t asked;
	const char *last;
};

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct world *w = ctx;

	(void)j;
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name, .ttl = 60
	};
	w->asked++;
	w->last = name;
	if (w->asked <= w->failures) {
		out->status = DNS_TEMPORARY;
	} else if (type == DNS_TYPE_TXT) {
		out->status = DNS_OK;
		out->rdata = key;
		out->count = 1;
	} else if (type == DNS_TYPE_MX) {
		out->status = DNS_OK;
		out->rdata = mx;
		out->count = 1;
	} else if (strcmp(name, "example.org") == 0) {
		out->status = DNS_OK;
		out->rdata = permitting;
		out->count = 1;
	}
	return 0;
}

static struct conf conf = { .agent.code = "fra" };

static struct agent_request
question(void)
{
	return (struct agent_request){ .id = ID,
		.ca = { names, 1 },
		.caa_domain = "mail.example.org",
		.account_url = "https://acme.example/1",
		.method = "email-reply-00",
		.dkim_selector = "s1",
		.dkim_domain = "example.org",
		.mx_domain = "example.org" };
}

static void
test_all(void **state)
{
	struct job *j = unit_job();
	struct world w = { 0 };
	struct resolver *r = resolver_new_custom(query, &w);
	const struct agent_request q = question();
	struct agent_answer a;

	(void)state;
	j->conf = &conf;
	assert_int_equal(agent_answer(j, r, &q, &a), 0);
	assert_string_equal(a.id, ID);
	assert_string_equal(a.code, "fra");
	assert_string_equal(a.caa_decision, "permit");
	assert_string_equal(a.caa_reason, "issuemail");
	assert_int_equal(a.step_count, 2);
	assert_string_equal(a.steps[0].name, "mail.example.org");
	assert_int_equal(a.steps[0].status, DNS_NODATA);
	assert_string_equal(a.steps[1].name, "example.org");
	assert_string_equal(a.dkim.name, "s1._domainkey.example.org");
	assert_int_equal(a.dkim.count, 1);
	assert_int_equal(a.mx.count, 1);
	assert_int_equal(w.asked, 4);
	resolver_free(r);
	j->conf = NULL;
}

/* Nothing is asked that was not asked for. */
static void
test_parts(void **state)
{
	struct job *j = unit_job();
	struct world w = { 0 };
	struct resolver *r = resolver_new_custom(query, &w);
	struct agent_request q = {
		.id = ID, .ca = { names, 1 }, .mx_domain = "example.org"
	};
	struct agent_answer a;

	(void)state;
	j->conf = &conf;
	assert_int_equal(agent_answer(j, r, &q, &a), 0);
	assert_true(a.has_mx);
	assert_false(a.has_caa || a.has_dkim);
	assert_int_equal(w.asked, 1);
	q = question();
	q.method = "dns-01";
	assert_int_equal(agent_answer(j, r, &q, &a), -1);
	assert_job_error(
	    j, ERR_MALFORMED, "method: only email-reply-00 is known here");
	resolver_free(r);
	j->conf = NULL;
}

/* A name that was asked again is one step: what came of it in the end.  So
 * whoever reads the steps decides as was decided. */
static void
test_again(void **state)
{
	struct job *j = unit_job();

	(void)state;
	j->conf = &conf;
	for (size_t failures = 0; failures < 4; failures++) {
		struct world w = { .failures = failures };
		struct resolver *r = resolver_new_custom(query, &w);
		struct agent_request q = question();
		struct question judged = { .request = q };
		struct testimony t = { .code = "fra" };
		struct agent_answer a;

		unit_case("%zu", failures);
		q.dkim_domain = q.dkim_selector = q.mx_domain = NULL;
		assert_int_equal(agent_answer(j, r, &q, &a), 0);
		for (size_t i = 0; i < a.step_count; i++)
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(
				    a.steps[i].name, a.steps[k].name);
		assert_string_equal(
		    a.caa_decision, failures < 3 ? "permit" : "fail");
		judged.policy = agent_policy(&q.ca);
		t.body = span_str(agent_answer_format(j, &a, 0));
		testimony_judge(j, &judged, &t);
		assert_int_equal(
		    t.answer, failures < 3 ? ANSWER_AGREES : ANSWER_FAILS);
		assert_false(t.is_alarming);
		resolver_free(r);
	}
	j->conf = NULL;
}

/* What is configured at the CA and unknown to the perspective changes our
 * decision, and does not make its own look wrong. */
static void
test_own_rules(void **state)
{
	static const char *former[] = { "https://old.example/acct/" };
	static const struct conf_list prefixes = { former, 1 };
	static struct span restricted[] = { SPAN_INIT(
	    "\x00\x09issuemail"
	    "ca.example; accounturi=https://old.example/acct/1") };
	struct job *j = unit_job();
	struct dns_answer step = { .status = DNS_OK,
		.name = "example.org",
		.rdata = restricted,
		.count = 1 };
	struct agent_answer a = { .id = ID,
		.code = "fra",
		.version = "test",
		.has_caa = true,
		.caa_decision = "deny",
		.caa_reason = "not-authorized",
		.steps = &step,
		.step_count = 1 };
	struct question q = { .request = question() };
	struct testimony t = { .code = "fra" };

	(void)state;
	q.request.caa_domain = "example.org";
	q.policy = agent_policy(&q.request.ca);
	t.body = span_str(agent_answer_format(j, &a, 0));
	testimony_judge(j, &q, &t);
	assert_int_equal(t.answer, ANSWER_DENIES);
	q.policy.account_prefixes = &prefixes;
	testimony_judge(j, &q, &t);
	assert_int_equal(t.answer, ANSWER_AGREES);
	assert_false(t.is_alarming);
}

static void
test_octets(void **state)
{
	static const struct {
		const char *question;
		int status;
		const char *body;
	} cases[] = {
		{ "", 400, "request is not a JSON object\n" },
		{ "{}", 400, "id: is missing\n" },
		{ "{\"id\":\"" ID "\",\"ca\":[]}", 400,
		    "asks for none of caa, dkim, mx\n" },
		{ "{\"id\":\"" ID "\",\"ca\":[],\"mx\":{\"domain\":"
		  "\"localhost\"}}",
		    400,
		    "domain: must be a public host name in lower-case "
		    "A-labels\n" },
		{ "{\"id\":\"" ID "\",\"ca\":[],\"mx\":{\"domain\":"
		  "\"example.org\"}}",
		    200, NULL },
	};
	struct world w = { 0 };
	struct resolver *r = resolver_new_custom(query, &w);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agent_reply reply;
		const struct json *v;
		struct job j;

		unit_case("%zu", i);
		job_init(&j, NULL, &conf);
		agent_reply_make(&j, r, span_str(cases[i].question), &reply);
		assert_int_equal(reply.status, cases[i].status);
		if (cases[i].body != NULL)
			assert_span_equal(reply.body, cases[i].body);
		else
			assert_int_equal(
			    json_parse_object(&j, reply.body, "answer", &v), 0);
		job_done(&j);
	}
	assert_int_equal(w.asked, 1);
	resolver_free(r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_all),
	cmocka_unit_test(test_parts),
	cmocka_unit_test(test_again),
	cmocka_unit_test(test_own_rules),
	cmocka_unit_test(test_octets),
};

UNIT_MAIN(tests)
