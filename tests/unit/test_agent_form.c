/* What validator and perspective say to each other (mpic-open-api.md 4). */
#include "config.h"

#include "dns/agent_form.h"

#include "lib/count.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define ID "AAAAAAAAAAAAAAAAAAAAAA"
#define HEAD "{\"id\":\"" ID "\",\"ca\":[\"ca.example\"],"

static struct agent_request
whole(void)
{
	static const char *names[] = { "ca.example", "ca2.example" };

	return (struct agent_request){ .id = ID,
		.ca = { names, 2 },
		.caa_domain = "mail.example.org",
		.account_url = "https://acme.ca.example/acme/acct/1",
		.method = "email-reply-00",
		.dkim_selector = "s1",
		.dkim_domain = "example.org",
		.mx_domain = "example.org" };
}

static void
test_request(void **state)
{
	struct job *j = unit_job();
	const struct agent_request r = whole();
	const char *text = agent_request_format(j, &r);
	struct agent_request back;

	(void)state;
	assert_non_null(text);
	assert_int_equal(agent_request_parse(j, span_str(text), &back), 0);
	assert_string_equal(back.id, ID);
	assert_int_equal(back.ca.n, 2);
	assert_string_equal(back.ca.v[1], "ca2.example");
	assert_string_equal(back.caa_domain, r.caa_domain);
	assert_string_equal(back.account_url, r.account_url);
	assert_string_equal(back.method, r.method);
	assert_string_equal(back.dkim_selector, "s1");
	assert_string_equal(back.dkim_domain, "example.org");
	assert_string_equal(back.mx_domain, "example.org");
	for (size_t n = 0; n < strlen(text); n++) {
		job_recover(j);
		assert_int_equal(
		    agent_request_parse(j, span_mem(text, n), &back), -1);
	}
}

static void
test_bad_requests(void **state)
{
	static const char *const bad[] = {
		"[]",
		HEAD "\"x\":{}}",
		"{\"id\":\"short\",\"ca\":[],\"mx\":{\"domain\":\"a.example\"}"
		"}",
		"{\"id\":\"" ID "\",\"mx\":{\"domain\":\"a.example\"}}",
		HEAD "\"mx\":{\"domain\":\"localhost\"}}",
		HEAD "\"mx\":{\"domain\":\"A.example\"}}",
		HEAD "\"mx\":{\"domain\":\"a.example.\"}}",
		HEAD "\"mx\":{\"domain\":\"10.0.0.1\"}}",
		HEAD "\"mx\":{\"domain\":\"printer.local\"}}",
		HEAD "\"mx\":{\"domain\":\"1.0.0.10.in-addr.arpa\"}}",
		HEAD "\"mx\":{\"domain\":\"db.internal\"}}",
		HEAD "\"mx\":{\"domain\":\"a b.example\"}}",
		HEAD "\"mx\":{\"domain\":7}}",
		HEAD "\"dkim\":{\"selector\":\"\",\"domain\":\"a.example\"}}",
		HEAD
		"\"dkim\":{\"selector\":\"a..b\",\"domain\":\"a.example\"}}",
		HEAD
		"\"dkim\":{\"selector\":\"a b\",\"domain\":\"a.example\"}}",
		HEAD "\"dkim\":{\"selector\":\"a.\",\"domain\":\"a.example\"}}",
		HEAD "\"caa\":{\"domain\":\"a.example\",\"method\":\"m\"}}",
		HEAD "\"mx\":{\"domain\":\"a.example\"},"
		     "\"mx\":{\"domain\":\"a.example\"}}",
	};
	struct job *j = unit_job();
	struct agent_request r;
	char long_one[AGENT_REQUEST_MAX + 100];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		assert_int_equal(
		    agent_request_parse(j, span_str(bad[i]), &r), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
		job_recover(j);
	}
	snprintf(long_one, sizeof(long_one),
	    HEAD "\"mx\":{\"domain\":\"a.example\"}}%*s",
	    (int)AGENT_REQUEST_MAX, "");
	assert_int_equal(agent_request_parse(j, span_str(long_one), &r), -1);
}

static struct agent_answer
full_answer(void)
{
	static struct span caa[] = { SPAN_INIT("\x00\x09issuemailca.\xff") };
	static struct span txt[] = { SPAN_INIT("\x03v=D\x02KI"),
		SPAN_INIT("\x00") };
	static struct span mx[] = { SPAN_INIT("\x00\x0a\x01"
					      "a\x00") };
	static const char *aliases[] = { "alias.example" };
	static struct dns_answer steps[2];

	steps[0] = (struct dns_answer){ .status = DNS_NXDOMAIN,
		.secure = true,
		.name = "a.example.org",
		.ttl = 5 };
	steps[1] = (struct dns_answer){ .status = DNS_OK,
		.name = "example.org",
		.aliases = aliases,
		.alias_count = 1,
		.ttl = 300,
		.rdata = caa,
		.count = 1 };
	return (struct agent_answer){ .id = ID,
		.code = "fra",
		.version = "1, SBR 1.0.16",
		.has_caa = true,
		.has_dkim = true,
		.has_mx = true,
		.caa_decision = "permit",
		.caa_reason = "issuemail",
		.steps = steps,
		.step_count = 2,
		.dkim = { .status = DNS_OK,
		    .secure = true,
		    .rdata = txt,
		    .count = 2 },
		.mx = { .status = DNS_OK, .rdata = mx, .count = 1 } };
}

static void
test_answer(void **state)
{
	struct job *j = unit_job();
	const struct agent_answer a = full_answer();
	const char *text = agent_answer_format(j, &a, 1798761600123);
	struct agent_answer b;

	(void)state;
	assert_non_null(text);
	assert_non_null(strstr(text, "\"2027-01-01T00:00:00.123Z\""));
	assert_int_equal(agent_answer_parse(j, span_str(text), &b), 0);
	assert_string_equal(b.id, ID);
	assert_string_equal(b.code, "fra");
	assert_string_equal(b.caa_decision, "permit");
	assert_int_equal(b.step_count, 2);
	assert_int_equal(b.steps[0].status, DNS_NXDOMAIN);
	assert_true(b.steps[0].secure);
	assert_int_equal(b.steps[1].status, DNS_OK);
	assert_int_equal(b.steps[1].ttl, 300);
	assert_string_equal(b.steps[1].canonical, "alias.example");
	assert_true(span_eq(b.steps[1].rdata[0], a.steps[1].rdata[0]));
	assert_span_equal(b.dkim.rdata[0], "\x05v=DKI");
	assert_int_equal(b.dkim.rdata[1].n, 1);
	assert_true(span_eq(b.mx.rdata[0], a.mx.rdata[0]));
	for (size_t n = 0; n < strlen(text); n++) {
		job_recover(j);
		assert_int_equal(
		    agent_answer_parse(j, span_mem(text, n), &b), -1);
	}
}

/* Nothing that is not in the form is taken for a friendly answer. */
static void
test_bad_answers(void **state)
{
	static const char *const changes[][2] = {
		{ "\"NXDOMAIN\"", "17" },
		{ "\"rcode\":\"NOERROR\",\"dnssec\":\"insecure\",\"chain\"",
		    "\"rcode\":\"NXDOMAIN\",\"dnssec\":\"insecure\","
		    "\"chain\"" },
		{ "\"flags\":0", "\"flags\":256" },
		{ "\"flags\":0", "\"flags\":-1" },
		{ "\"ttl\":300", "\"ttl\":4294967296" },
		{ "\"tag\":\"", "\"tag\":\"*" },
		{ "\"steps\":[", "\"stops\":[" },
		{ "\"alias.example\"", "7" },
		{ "\"code\":\"fra\",", "" },
	};
	struct job *j = unit_job();
	const struct agent_answer a = full_answer();
	const char *text = agent_answer_format(j, &a, 0);

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const char *at = strstr(text, changes[i][0]);
		struct agent_answer b;

		unit_case("%s", changes[i][1]);
		assert_non_null(at);
		assert_int_equal(agent_answer_parse(j,
				     span_str(arena_printf(j->arena, "%.*s%s%s",
					 (int)(at - text), text, changes[i][1],
					 at + strlen(changes[i][0]))),
				     &b),
		    -1);
		job_recover(j);
	}
}

/* As many records as 64 KiB hold. */
static void
test_many_records(void **state)
{
	enum { MANY = 900 };
	struct job *j = unit_job();
	struct agent_answer a = full_answer(), b;
	struct span rdata[MANY];
	const char *text;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		rdata[i] = SPAN("\x00\x05iodefmailto:a@b.example");
	a.steps[1].rdata = rdata;
	a.steps[1].count = MANY;
	text = agent_answer_format(j, &a, 0);
	assert_non_null(text);
	assert_int_equal(agent_answer_parse(j, span_str(text), &b), 0);
	assert_int_equal(b.steps[1].count, MANY);
	assert_true(span_eq(b.steps[1].rdata[MANY - 1], rdata[0]));
}

static void
test_replay(void **state)
{
	struct job *j = unit_job();
	const struct agent_answer a = full_answer();
	struct resolver *r = agent_replay(j, &a);
	struct dns_answer d;

	(void)state;
	assert_int_equal(
	    resolver_query(r, j, "example.org", DNS_TYPE_CAA, &d), 0);
	assert_int_equal(d.status, DNS_OK);
	assert_int_equal(
	    resolver_query(r, j, "example.org", DNS_TYPE_TXT, &d), 0);
	assert_int_equal(d.status, DNS_TEMPORARY);
	assert_int_equal(resolver_query(r, j, "org", DNS_TYPE_CAA, &d), 0);
	assert_int_equal(d.status, DNS_TEMPORARY);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_request),
	cmocka_unit_test(test_bad_requests),
	cmocka_unit_test(test_answer),
	cmocka_unit_test(test_bad_answers),
	cmocka_unit_test(test_many_records),
	cmocka_unit_test(test_replay),
};

UNIT_MAIN(tests)
