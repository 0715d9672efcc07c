/*
 * The look-up of CAA records from a domain up to the root, and the trace that
 * is kept of it: PK-17, PK-30, PK-31, PK-34, PK-37, PK-53, and the result table
 * of pki.md 4.4.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dns/record.h"
#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/json.h"
#include "pki/caa.h"
#include "tests/unit/caa_lab.h"
#include "tests/unit/unit.h"

struct zone_row {
	const char *name;
	enum dns_status status;
	const char *records;
	const char *canonical;
	bool secure;
};

struct zone {
	const struct zone_row *rows;
	size_t count;
	size_t asked;
	char names[512];
	const char *fail_until; /* temporary until the n-th try */
	size_t heal_after;
};

static int
answer(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct zone *z = ctx;
	size_t at = strlen(z->names);

	assert_int_equal(type, DNS_TYPE_CAA);
	snprintf(z->names + at, sizeof z->names - at, "%s ", name);
	z->asked++;
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name, .ttl = 60
	};
	for (size_t i = 0; i < z->count; i++) {
		const struct zone_row *r = &z->rows[i];
		if (strcmp(r->name, name) != 0)
			continue;
		out->status = r->status;
		out->secure = r->secure;
		if (r->canonical != NULL)
			out->canonical = r->canonical;
		if (r->status == DNS_TEMPORARY)
			out->why = "SERVFAIL";
		if (r->records != NULL) {
			out->rdata =
			    arena_calloc(j->arena, 4, sizeof *out->rdata);
			out->count =
			    caa_lab_records(j, r->records, out->rdata, 4);
			out->ttl = 300;
		}
	}
	if (z->heal_after != 0 && z->asked >= z->heal_after &&
	    out->status == DNS_TEMPORARY)
		out->status = DNS_NXDOMAIN;
	return 0;
}

#define ALLOW "0 issuemail ca.example"
#define FORBID "0 issuemail ;"

static const struct {
	const char *what;
	struct zone_row rows[3];
	const char *domain;
	enum caa_result result;
	const char *reason;
	const char *found_at;
	const char *asked;
} climbs[] = {
	{ "none up to the top-level domain", { { 0 } }, "a.b.example",
	    CAA_PERMIT, "no-record", NULL, "a.b.example b.example example " },
	{ "host: NODATA; parent forbids",
	    { { "b.example", DNS_OK, FORBID, NULL, false } }, "a.b.example",
	    CAA_DENY, "not-authorized", "b.example", "a.b.example b.example " },
	{ "alias to a name that allows; parent forbids",
	    { { "a.b.example", DNS_OK, ALLOW, "x.other.test", false },
		{ "b.example", DNS_OK, FORBID, NULL, false } },
	    "a.b.example", CAA_PERMIT, "issuemail", "a.b.example",
	    "a.b.example " },
	{ "alias to a name without, whose own parent forbids",
	    { { "a.b.example", DNS_NODATA, NULL, "x.other.test", false },
		{ "other.test", DNS_OK, FORBID, NULL, false } },
	    "a.b.example", CAA_PERMIT, "no-record", NULL,
	    "a.b.example b.example example " },
	{ "host: NXDOMAIN; parent allows",
	    { { "a.b.example", DNS_NXDOMAIN, NULL, NULL, false },
		{ "b.example", DNS_OK, ALLOW, NULL, false } },
	    "a.b.example", CAA_PERMIT, "issuemail", "b.example",
	    "a.b.example b.example " },
	{ "host: SERVFAIL; parent allows",
	    { { "a.b.example", DNS_TEMPORARY, NULL, NULL, false },
		{ "b.example", DNS_OK, ALLOW, NULL, false } },
	    "a.b.example", CAA_FAIL, "temporary", "a.b.example",
	    "a.b.example a.b.example a.b.example " },
	{ "host: bogus; parent allows: asked once",
	    { { "a.b.example", DNS_BOGUS, NULL, NULL, false },
		{ "b.example", DNS_OK, ALLOW, NULL, false } },
	    "a.b.example", CAA_FAIL, "bogus", "a.b.example", "a.b.example " },
	{ "bogus above, before a set was found",
	    { { "b.example", DNS_BOGUS, NULL, NULL, false } }, "a.b.example",
	    CAA_FAIL, "bogus", "b.example", "a.b.example b.example " },
	{ "host allows, secure; parent: SERVFAIL",
	    { { "a.b.example", DNS_OK, ALLOW, NULL, true },
		{ "b.example", DNS_TEMPORARY, NULL, NULL, false } },
	    "a.b.example", CAA_PERMIT, "issuemail", "a.b.example",
	    "a.b.example " },
	{ "the top-level domain forbids",
	    { { "example", DNS_OK, FORBID, NULL, false } }, "b.example",
	    CAA_DENY, "not-authorized", "example", "b.example example " },
	{ "a nearer set without issuemail ends the climb",
	    { { "b.example", DNS_OK, "0 issue ;", NULL, false },
		{ "example", DNS_OK, FORBID, NULL, false } },
	    "b.example", CAA_PERMIT, "no-issuemail", "b.example",
	    "b.example " },
};

/* 4.2, PK-30, PK-31; the trace computes to the same (PK-17). */
static void
test_climbs(void **state)
{
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(climbs); i++) {
		struct zone z = { .rows = climbs[i].rows, .count = 3 };
		struct resolver *r;
		struct caa_decision d;
		struct caa_decision again;
		const struct json *trace;

		while (z.count > 0 && z.rows[z.count - 1].name == NULL)
			z.count--;
		unit_case("%s", climbs[i].what);
		r = resolver_new_custom(answer, &z);
		assert_int_equal(caa_check(j, r, climbs[i].domain,
				     CAA_LAB_ACCOUNT, &caa_lab_policy, &d),
		    0);
		resolver_free(r);
		assert_string_equal(d.reason, climbs[i].reason);
		assert_int_equal(d.result, climbs[i].result);
		assert_string_equal(z.names, climbs[i].asked);
		if (climbs[i].found_at == NULL)
			assert_null(d.found_at);
		else
			assert_string_equal(d.found_at, climbs[i].found_at);

		assert_int_equal(
		    json_parse_object(j, span_str(d.trace), "trace", &trace),
		    0);
		assert_int_equal(
		    replay_new(j, json_get(trace, "answers"), &r), 0);
		assert_int_equal(caa_check(j, r, climbs[i].domain,
				     CAA_LAB_ACCOUNT, &caa_lab_policy, &again),
		    0);
		assert_string_equal(again.reason, d.reason);
		assert_int_equal(again.result, d.result);
		assert_int_equal(again.ttl, d.ttl);
		assert_true(span_eq_str(json_string(json_get(trace, "result")),
		    caa_result_name(d.result)));
		assert_true(
		    span_eq_str(json_string(json_get(trace, "sbr")), "1.0.16"));
	}
}

static int64_t pauses[4];
static size_t pause_count;

static void
note_pause(int64_t ms)
{
	assert_true(pause_count < COUNT(pauses));
	pauses[pause_count++] = ms;
}

/* 4.2 step 2.3: after 1 s and 4 s; the third answer counts. */
static void
test_asks_again(void **state)
{
	static const struct zone_row rows[] = { { "b.example", DNS_TEMPORARY,
	    NULL, NULL, false } };
	struct caa_policy patient = caa_lab_policy;
	struct job *j = unit_job();
	struct caa_decision d;
	(void)state;

	patient.pause = note_pause;
	for (size_t heal = 2; heal <= 4; heal++) {
		struct zone z = {
			.rows = rows, .count = 1, .heal_after = heal
		};
		struct resolver *r = resolver_new_custom(answer, &z);
		unit_case("heals with try %zu", heal);
		pause_count = 0;
		assert_int_equal(
		    caa_check(j, r, "b.example", CAA_LAB_ACCOUNT, &patient, &d),
		    0);
		assert_int_equal(d.result, heal <= 3 ? CAA_PERMIT : CAA_FAIL);
		assert_int_equal(pause_count, heal == 2 ? 1 : 2);
		assert_int_equal(pauses[0], 1000);
		assert_int_equal(pause_count < 2 ? 4000 : pauses[1], 4000);
		resolver_free(r);
	}
}

static int
broken(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	static struct span rdata = { "\0\x09issue", 7 };
	(void)ctx;
	(void)j;
	(void)type;

	*out = (struct dns_answer){ .status = DNS_OK,
		.name = name,
		.canonical = name,
		.rdata = &rdata,
		.count = 1 };
	return 0;
}

/* PK-31: unparsable is a failed look-up, not a permission. */
static void
test_unparsable(void **state)
{
	struct job *j = unit_job();
	struct caa_decision d;
	struct resolver *r = resolver_new_custom(broken, NULL);
	(void)state;

	assert_int_equal(
	    caa_check(j, r, "b.example", CAA_LAB_ACCOUNT, &caa_lab_policy, &d),
	    0);
	assert_int_equal(d.result, CAA_FAIL);
	assert_string_equal(d.reason, "temporary");
	resolver_free(r);
}

/* PK-17: records in presentation form; hostile octets do no harm. */
static void
test_trace(void **state)
{
	static const struct zone_row rows[] = { { "b.example", DNS_OK,
	    "0 issuemail ca.example; a=\"\\\x01\xff|0 iodef mailto:x@b.example",
	    "c.example", true } };
	struct zone z = { .rows = rows, .count = 1 };
	struct job *j = unit_job();
	struct caa_decision d;
	const struct json *trace;
	struct resolver *r = resolver_new_custom(answer, &z);
	(void)state;

	j->now = 1767225600;
	assert_int_equal(
	    caa_check(j, r, "b.example", CAA_LAB_ACCOUNT, &caa_lab_policy, &d),
	    0);
	resolver_free(r);
	assert_int_equal(
	    json_parse_object(j, span_str(d.trace), "trace", &trace), 0);
	const struct json *first = json_at(json_get(trace, "answers"), 0);
	assert_true(
	    span_eq_str(json_string(json_at(json_get(first, "records"), 0)),
		"0 issuemail \"ca.example; a=\\\"\\\\\\001\\255\""));
	assert_true(
	    span_eq_str(json_string(json_at(json_get(first, "records"), 1)),
		"0 iodef \"mailto:x@b.example\""));
	assert_true(span_eq_str(
	    json_string(json_get(first, "canonical")), "c.example"));
	assert_true(json_bool(json_get(first, "secure")));
	assert_true(span_eq_str(
	    json_string(json_get(trace, "time")), "2026-01-01T00:00:00Z"));
	assert_true(span_eq_str(
	    json_string(json_get(trace, "account")), CAA_LAB_ACCOUNT));
}

static int
deny_over_aliases(void *ctx, struct job *j, const char *name,
    enum dns_type type, struct dns_answer *out)
{
	static const char *aliases[] = { "c.example", "d.example" };
	struct span *rdata = arena_calloc(j->arena, 1, sizeof(*rdata));
	const enum dns_status *first = ctx;
	bool is_first = strcmp(name, "a.b.example") == 0;

	(void)type;
	*rdata = caa_lab_record(j, FORBID);
	*out = (struct dns_answer){ .status = is_first ? *first : DNS_OK,
		.name = name,
		.canonical = is_first ? name : "d.example",
		.aliases = is_first ? NULL : aliases,
		.alias_count = is_first ? 0 : 2,
		.secure = !is_first };
	if (!is_first) {
		out->rdata = rdata;
		out->count = 1;
	}
	return 0;
}

static const char *
member(struct job *j, const struct json *v, const char *name)
{
	return span_dup(j->arena, json_string(json_get(v, name)));
}

/* PK-17: each answer with its code, alias chain and DNSSEC state; a denial with
 * what can be reported: domain, account, mailboxes, records. */
static void
test_trace_of_denial(void **state)
{
	static const struct {
		enum dns_status first;
		const char *rcode, *dnssec;
	} cases[] = {
		{ DNS_NXDOMAIN, "NXDOMAIN", "insecure" },
		{ DNS_NODATA, "NOERROR", "insecure" },
		{ DNS_BOGUS, "SERVFAIL", "bogus" },
		{ DNS_TEMPORARY, "SERVFAIL", "indeterminate" },
	};
	struct job *j = unit_job();
	struct caa_policy counted = caa_lab_policy;
	(void)state;

	counted.mailbox_count = 3;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum dns_status first = cases[i].first;
		struct resolver *r =
		    resolver_new_custom(deny_over_aliases, &first);
		const struct json *trace, *step, *list;
		struct caa_decision d, again;

		unit_case("%s", dns_status_name(first));
		assert_int_equal(caa_check(j, r, "a.b.example", CAA_LAB_ACCOUNT,
				     &counted, &d),
		    0);
		resolver_free(r);
		assert_int_equal(
		    json_parse_object(j, span_str(d.trace), "trace", &trace),
		    0);
		step = json_at(json_get(trace, "answers"), 0);
		assert_string_equal(member(j, step, "rcode"), cases[i].rcode);
		assert_string_equal(member(j, step, "dnssec"), cases[i].dnssec);
		assert_int_equal(json_count(json_get(step, "aliases")), 0);
		if (first == DNS_BOGUS || first == DNS_TEMPORARY) {
			assert_int_equal(d.result, CAA_FAIL);
			continue;
		}
		assert_int_equal(d.result, CAA_DENY);
		step = json_at(json_get(trace, "answers"), 1);
		assert_string_equal(member(j, step, "name"), "b.example");
		assert_string_equal(member(j, step, "rcode"), "NOERROR");
		assert_string_equal(member(j, step, "dnssec"), "secure");
		list = json_get(step, "aliases");
		assert_int_equal(json_count(list), 2);
		assert_true(
		    span_eq_str(json_string(json_at(list, 0)), "c.example"));
		assert_true(
		    span_eq_str(json_string(json_at(list, 1)), "d.example"));
		assert_int_equal(json_count(json_get(step, "records")), 1);
		assert_string_equal(member(j, trace, "domain"), "a.b.example");
		assert_string_equal(
		    member(j, trace, "account"), CAA_LAB_ACCOUNT);
		assert_int_equal(json_integer(json_get(trace, "mailboxes")), 3);
		assert_int_equal(
		    replay_new(j, json_get(trace, "answers"), &r), 0);
		assert_int_equal(caa_check(j, r, "a.b.example", CAA_LAB_ACCOUNT,
				     &counted, &again),
		    0);
		assert_string_equal(again.trace, d.trace);
	}
}

/* PK-17: a record from before these were kept computes to the same. */
static void
test_older_trace(void **state)
{
	static const char old[] =
	    "{\"answers\":[{\"name\":\"b.example\",\"type\":257,"
	    "\"status\":\"nodata\",\"secure\":true,\"ttl\":0,"
	    "\"canonical\":\"b.example\",\"tries\":1,\"rdata\":[],"
	    "\"records\":[]},{\"name\":\"example\",\"type\":257,"
	    "\"status\":\"ok\",\"secure\":true,\"ttl\":60,"
	    "\"canonical\":\"c.example\",\"tries\":1,"
	    "\"rdata\":[\"000969737375656d61696c3b\"],"
	    "\"records\":[\"0 issuemail \\\";\\\"\"]}]}";
	struct job *j = unit_job();
	const struct json *trace;
	struct caa_decision d;
	struct resolver *r;
	(void)state;

	assert_int_equal(
	    json_parse_object(j, span_str(old), "trace", &trace), 0);
	assert_int_equal(replay_new(j, json_get(trace, "answers"), &r), 0);
	assert_int_equal(
	    caa_check(j, r, "b.example", CAA_LAB_ACCOUNT, &caa_lab_policy, &d),
	    0);
	assert_int_equal(d.result, CAA_DENY);
	assert_string_equal(d.found_at, "example");
	assert_int_equal(d.ttl, 60);
}

static void
test_names(void **state)
{
	enum caa_result r;
	(void)state;

	for (int i = CAA_PERMIT; i <= CAA_FAIL; i++) {
		assert_int_equal(
		    caa_result_parse(
			span_str(caa_result_name((enum caa_result)i)), &r),
		    1);
		assert_int_equal(r, i);
	}
	assert_int_equal(caa_result_parse(SPAN("Permit"), &r), 0);
}

/* PK-53: of the set that the climb ended at; no set is none without
 * parameters. */
static void
test_plain(void **state)
{
	static const struct {
		const char *records;
		int plain;
	} cases[] = {
		{ "0 issuemail ca.example", 1 },
		{ "0 issuemail ca.example;", 1 },
		{ "0 issuemail ca.example ; \t", 1 },
		{ "0 issuemail ;", 1 },
		{ "0 issue ca.example; a=b", 1 },
		{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT, 0 },
		{ "0 IssueMail ;x", 0 },
		{ "0 issuemail ca.example|0 issuemail other.example;a=b", 0 },
		{ NULL, 0 },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct zone_row rows[] = { { "b.example",
		    cases[i].records == NULL ? DNS_NODATA : DNS_OK,
		    cases[i].records, NULL, false } };
		struct zone z = { .rows = rows, .count = 1 };
		struct resolver *r = resolver_new_custom(answer, &z);
		struct caa_decision d;

		unit_case("%zu", i);
		assert_int_equal(caa_check(j, r, "a.b.example", CAA_LAB_ACCOUNT,
				     &caa_lab_policy, &d),
		    0);
		assert_int_equal(
		    caa_trace_is_plain(j, d.trace), cases[i].plain);
		resolver_free(r);
	}
	assert_int_equal(caa_trace_is_plain(j, "{}"), 0);
	assert_int_equal(caa_trace_is_plain(j, "[]"), -1);
	job_recover(j);
	assert_int_equal(
	    caa_trace_is_plain(j, "{\"answers\":[{\"rdata\":[\"zz\"]}]}"), -1);
	job_recover(j);
}

/* Longer than a machine stands still between two statements. */
#define BRIEF_MS 2000

/* Nothing is there, and the first answer takes longer than there is time. */
static int
slowly(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const struct timespec slow = { .tv_sec = BRIEF_MS / 1000,
		.tv_nsec = 10000000 };

	(void)j;
	(void)type;
	if (++*(int *)ctx == 1)
		nanosleep(&slow, NULL);
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	return 0;
}

/* PK-31: who owns many labels and slow name servers keeps nobody else waiting;
 * what could not be asked is a failure. */
static void
test_budget(void **state)
{
	struct job *j = unit_job();
	int asked = 0;
	struct resolver *r = resolver_new_custom(slowly, &asked);
	struct caa_policy brief = caa_lab_policy;
	const struct json *trace, *last;
	struct caa_decision d;

	(void)state;
	brief.budget_ms = BRIEF_MS;
	assert_int_equal(
	    caa_check(j, r, "a.b.c.example", CAA_LAB_ACCOUNT, &brief, &d), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(d.result, CAA_FAIL);
	assert_string_equal(d.reason, "temporary");
	assert_string_equal(d.found_at, "b.c.example");
	assert_int_equal(caa_trace_parse(j, d.trace, &trace), 0);
	last = json_at(json_get(trace, "answers"), 1);
	assert_int_equal(json_integer(json_get(last, "tries")), 0);
	brief.budget_ms = 0;
	assert_int_equal(
	    caa_check(j, r, "a.b.c.example", CAA_LAB_ACCOUNT, &brief, &d), 0);
	assert_int_equal(asked, 5);
	assert_int_equal(d.result, CAA_PERMIT);
	resolver_free(r);
}

/* As much as a DNS message holds, at the end of the deepest name. */
static int
all_of_it(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	enum { ALL = 4000 };

	(void)ctx;
	(void)type;
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	if (strcmp(name, "example") != 0)
		return 0;
	out->status = DNS_OK;
	out->count = ALL;
	out->rdata = arena_calloc(j->arena, ALL, sizeof(*out->rdata));
	for (size_t i = 0; i < ALL; i++)
		out->rdata[i] = i + 1 < ALL
				    ? SPAN("\x00\x01x")
				    : SPAN("\x00\x09issuemailca.example");
	return 0;
}

/* PK-17: the decision is computed again from a trace of any size. */
static void
test_large_trace(void **state)
{
	struct job *j = unit_job();
	struct resolver *r = resolver_new_custom(all_of_it, NULL);
	const struct json *trace, *answers;
	struct caa_decision d;
	struct buf name;

	(void)state;
	buf_init(&name, j->arena, 300);
	for (int i = 0; i < 120; i++)
		buf_add_str(&name, "a.");
	buf_add_str(&name, "example");
	assert_int_equal(
	    caa_check(j, r, name.p, CAA_LAB_ACCOUNT, &caa_lab_policy, &d), 0);
	resolver_free(r);
	assert_int_equal(d.result, CAA_PERMIT);
	assert_string_equal(d.detail, "record 4000 of 4000 allows it");
	assert_int_equal(caa_trace_parse(j, d.trace, &trace), 0);
	answers = json_get(trace, "answers");
	assert_int_equal(json_count(answers), 121);
	assert_int_equal(
	    json_count(json_get(json_at(answers, 120), "rdata")), 4000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_climbs),
	cmocka_unit_test(test_asks_again),
	cmocka_unit_test(test_unparsable),
	cmocka_unit_test(test_trace),
	cmocka_unit_test(test_large_trace),
	cmocka_unit_test(test_budget),
	cmocka_unit_test(test_plain),
	cmocka_unit_test(test_trace_of_denial),
	cmocka_unit_test(test_older_trace),
	cmocka_unit_test(test_names),
};

UNIT_MAIN(tests)
