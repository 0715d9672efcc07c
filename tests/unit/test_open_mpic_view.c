/*
 * What one perspective of an Open MPIC service says, as we judge it (MP-3,
 * MP-4, MP-6, PK-53).
 */
#include "config.h"

#include "src/testimony.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "db/store_caa.h"
#include "dns/open_mpic_form.h"
#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/mpic_lab.h"

static const struct mpic_view pass = { "true", "true", SAW("[" US "]") };
static const struct mpic_view sick = { "false", "true", SAW("[" US "]") };

static const struct {
	struct mpic_view view;
	enum answer answer;
	bool alarms;
} views[] = {
	{ { "true", "true", SAW("[" US "]") }, ANSWER_AGREES, false },
	{ { "true", "true", SAW(US) }, ANSWER_AGREES, false },
	{ { "true", "true", "{\"caa_record_present\":false}" }, ANSWER_AGREES,
	    false },
	{ { "true", "true",
	      "{\"caa_record_present\":false,\"records_seen\":[]}" },
	    ANSWER_AGREES, false },
	{ { "true", "true", SAW("[\"0 issuemail ca.example\"]") },
	    ANSWER_AGREES, false },
	{ { "true", "true", SAW("[\"0 issuemail \\\"c\\\\097.example\\\"\"]") },
	    ANSWER_AGREES, false },
	/* what it does not evaluate, is evaluated here */
	{ { "true", "true",
	      SAW("[\"0 issuemail \\\"ca.example; "
		  "accounturi=https://other.example/2\\\"\"]") },
	    ANSWER_DENIES, false },
	{ { "true", "true",
	      SAW("[\"0 issuemail \\\"ca.example; accounturi=" ACCOUNT
		  "\\\"\"]") },
	    ANSWER_AGREES, false },
	{ { "true", "true",
	      SAW("[\"0 issuemail \\\"ca.example; "
		  "validationmethods=dns-01\\\"\"]") },
	    ANSWER_DENIES, false },
	{ { "true", "true", SAW("[\"0 issuemail \\\";\\\"\"]") }, ANSWER_DENIES,
	    false },
	{ { "true", "true", SAW("[\"128 tbs \\\"x\\\"\"," US "]") },
	    ANSWER_DENIES, false },
	/* its own verdicts */
	{ { "true", "false", SAW("[" US "]") }, ANSWER_DENIES, false },
	{ { "true", "null", SAW("[" US "]") }, ANSWER_DENIES, false },
	{ { "false", "true", SAW("[" US "]") }, ANSWER_FAILS, false },
	/* what it does not say */
	{ { "true", "true", "null" }, ANSWER_SILENT, false },
	{ { "true", "true", "{\"caa_record_present\":null}" }, ANSWER_SILENT,
	    false },
	{ { "true", "true", "{\"caa_record_present\":true}" }, ANSWER_SILENT,
	    false },
	{ { "true", "true",
	      "{\"caa_record_present\":true,\"records_seen\":null}" },
	    ANSWER_SILENT, false },
	/* and what cannot be */
	{ { "true", "true", SAW("[]") }, ANSWER_SILENT, true },
	{ { "true", "true",
	      "{\"caa_record_present\":false,\"records_seen\":[" US "]}" },
	    ANSWER_SILENT, true },
	{ { "true", "true", SAW("[\"0 issuemail\"]") }, ANSWER_SILENT, true },
	{ { "true", "true", SAW("[\"x issuemail \\\"ca.example\\\"\"]") },
	    ANSWER_SILENT, true },
	{ { "true", "true", SAW("[\"256 issuemail \\\"ca.example\\\"\"]") },
	    ANSWER_SILENT, true },
	{ { "true", "true", SAW("[\"0 issuemail \\\"ca.example\"]") },
	    ANSWER_SILENT, true },
	{ { "true", "true", SAW("[\"0 issuemail \\\"ca.example\\\" x\"]") },
	    ANSWER_SILENT, true },
	{ { "true", "true", SAW("[\"0 issuemail \\\"\\\\25\\\"\"]") },
	    ANSWER_SILENT, true },
	{ { "true", "true", SAW("[" US ",7]") }, ANSWER_SILENT, true },
	{ { "true", "true", SAW("7") }, ANSWER_SILENT, true },
	{ { "1", "true", SAW("[" US "]") }, ANSWER_SILENT, true },
	{ { "true", "true", "[]" }, ANSWER_SILENT, true },
};

/* MP-4, PK-53: where what the primary found has no parameters, the service's
 * pass is enough without records; what it shows is judged all the same. */
static void
test_plain_set(void **state)
{
	static const struct {
		struct mpic_view view;
		enum answer answer;
	} cases[] = {
		{ { "true", "true", "{\"caa_record_present\":true}" },
		    ANSWER_AGREES },
		{ { "true", "true",
		      "{\"caa_record_present\":true,\"records_seen\":null}" },
		    ANSWER_AGREES },
		{ { "true", "false", "{\"caa_record_present\":true}" },
		    ANSWER_DENIES },
		{ { "true", "true", "{\"caa_record_present\":null}" },
		    ANSWER_SILENT },
		{ { "true", "true", "null" }, ANSWER_SILENT },
		{ { "true", "true", SAW("[]") }, ANSWER_SILENT },
		{ { "true", "true", SAW("[\"0 issuemail \\\";\\\"\"]") },
		    ANSWER_DENIES },
	};
	struct job *j = unit_job();
	struct question q = mpic_question();

	(void)state;
	q.needs_records = false;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct testimony t = { .code = "a" };

		unit_case("%s", cases[i].view.details);
		t.body = span_str(mpic_element("a", &cases[i].view));
		testimony_judge(j, &q, &t);
		assert_int_equal(t.answer, cases[i].answer);
	}
}

/* PK-53: that is so only where the primary found a set; one that it did not see
 * may have parameters. */
static void
test_needs_records(void **state)
{
#define OURS "000969737375656d61696c63612e6578616d706c65"
	static const struct {
		const char *answers;
		bool needs;
	} cases[] = {
		{ "{\"rdata\":[\"" OURS "\"]}", false },
		{ "{},{\"rdata\":[\"" OURS "\"]}", false },
		{ "{\"rdata\":[\"" OURS "3b613d62\"]}", true },
		{ "{\"rdata\":[]}", true },
		{ "{},{}", true },
	};
	struct conf_open_mpic service = { .name = "a service" };
	const struct conf conf = { .base_url = "https://acme.ca.example",
		.caa_identities = *mpic_question().policy.issuer_domains,
		.mpic = { .services = &service, .service_count = 1 } };
	struct job *j = unit_job();
	struct question q;

	(void)state;
	j->conf = &conf;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct caa_row c = { .account_id = "1",
			.domain = "example.org",
			.trace = arena_printf(
			    j->arena, "{\"answers\":[%s]}", cases[i].answers) };

		unit_case("%s", cases[i].answers);
		assert_int_equal(question_of(j, &c, &q), 0);
		assert_int_equal(q.needs_records, cases[i].needs);
	}
	j->conf = NULL;
}

/* More than a request may have members: the domain's owner decides. */
static void
test_many_records(void **state)
{
	struct job *j = unit_job();
	const struct question q = mpic_question();
	struct testimony t = { .code = "a" };
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, OPEN_MPIC_ANSWER_MAX);
	buf_add_str(&b, "\"records_seen\":[");
	for (int i = 0; i < 1500; i++)
		buf_add_str(&b, "\"0 iodef \\\"mailto:a@b.example\\\"\",");
	t.body = span_str(
	    mpic_edit(mpic_element("a", &pass), "\"records_seen\":[", b.p));
	testimony_judge(j, &q, &t);
	assert_int_equal(t.answer, ANSWER_AGREES);
}

/* MP-6: a remote that could not be reached is silent, and no look-up failed. */
static void
test_unreached(void **state)
{
	static const struct {
		const char *errors;
		enum answer answer;
	} cases[] = {
		{ "null", ANSWER_FAILS },
		{ "[]", ANSWER_FAILS },
		{ "7", ANSWER_FAILS },
		{ "[7,{}]", ANSWER_FAILS },
		{ "[{\"error_type\":\"mpic_error:caa_checker:lookup\"}]",
		    ANSWER_FAILS },
		{ "[{\"error_type\":\"mpic_error:of:tomorrow\"}]",
		    ANSWER_FAILS },
		{ "[{\"error_type\":\"mpic_error:coordinator:remote_check\"}]",
		    ANSWER_SILENT },
		{ "[{\"error_type\":\"mpic_error:coordinator:communication\","
		  "\"error_message\":\"no route\"}]",
		    ANSWER_SILENT },
	};
	struct job *j = unit_job();
	const struct question q = mpic_question();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct testimony t = { .code = "a" };

		unit_case("%s", cases[i].errors);
		for (int completed = 0; completed < 2; completed++) {
			t.body = span_str(mpic_edit(
			    mpic_element("a", completed ? &pass : &sick),
			    "\"errors\":null",
			    arena_printf(
				j->arena, "\"errors\":%s", cases[i].errors)));
			testimony_judge(j, &q, &t);
			assert_int_equal(t.answer,
			    completed ? ANSWER_AGREES : cases[i].answer);
			assert_false(t.is_alarming);
		}
	}
}

static void
test_views(void **state)
{
	struct job *j = unit_job();
	const struct question q = mpic_question();

	(void)state;
	for (size_t i = 0; i < COUNT(views); i++) {
		struct testimony t = { .code = "a",
			.body = span_str(mpic_element("a", &views[i].view)) };

		unit_case("%zu: %s", i, t.body.p);
		testimony_judge(j, &q, &t);
		assert_int_equal(t.answer, views[i].answer);
		assert_int_equal(t.is_alarming, views[i].alarms);
		assert_non_null(t.why);
		t.code = "b";
		testimony_judge(j, &q, &t);
		assert_int_equal(t.answer, ANSWER_SILENT);
	}
}

/* --- the flat form ---------------------------------------------------------
 */

static void
expect_view(
    bool takes_flat, const char *element, enum answer answer, bool alarms)
{
	struct question q = mpic_question();
	struct testimony t = { .code = "a", .body = span_str(element) };

	q.takes_flat = takes_flat;
	unit_case("%d %s", takes_flat, element);
	testimony_judge(unit_job(), &q, &t);
	assert_int_equal(t.answer, answer);
	assert_int_equal(t.is_alarming, alarms);
}

/* Read where it is wanted, and judged as the nested form is. */
static void
test_flat(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(views); i++) {
		const char *flat = mpic_element_flat("a", &views[i].view);
		const char *nested = mpic_element("a", &views[i].view);

		expect_view(true, flat, views[i].answer, views[i].alarms);
		if (strstr(flat, "records_seen") != NULL)
			expect_view(true,
			    mpic_edit(flat, "records_seen", "response"),
			    views[i].answer, views[i].alarms);
		expect_view(true, nested, views[i].answer, views[i].alarms);
		expect_view(false, flat, ANSWER_SILENT, true);
	}
}

#define RECORDS "\"records_seen\":[" US "]"
#define NOBODY "[\"0 issuemail \\\";\\\"\"]"

static void
test_flat_records(void **state)
{
	const char *nested = mpic_element("a", &pass);
	const char *flat = mpic_element_flat("a", &pass);

	(void)state;
	/* As the examples of the specification are printed. */
	expect_view(true,
	    mpic_element_flat(
		"a", &(struct mpic_view){ "true", "true",
			 "{\"caa_record_present\":false,\"found_at\":null,"
			 "\"response\":null}" }),
	    ANSWER_AGREES, false);
	/* Two lists: which of them is it? */
	expect_view(true,
	    mpic_edit(flat, RECORDS, RECORDS ",\"response\":" NOBODY),
	    ANSWER_SILENT, true);
	expect_view(true,
	    mpic_edit(flat, RECORDS, RECORDS ",\"response\":null"),
	    ANSWER_AGREES, false);
	expect_view(true,
	    mpic_edit(
		flat, RECORDS, "\"records_seen\":null,\"response\":" NOBODY),
	    ANSWER_DENIES, false);
	/* The nested form has no "response", and what stands beside it counts
	 * for nothing. */
	expect_view(true, mpic_edit(nested, "records_seen", "response"),
	    ANSWER_SILENT, false);
	expect_view(true,
	    mpic_edit(nested, "\"check_response\"",
		"\"check_passed\":false,\"check_response\""),
	    ANSWER_AGREES, false);
	expect_view(true,
	    mpic_edit(
		nested, "\"check_response\":{", "\"check_response\":7,\"x\":{"),
	    ANSWER_SILENT, true);
	/* MP-3: twice, in both forms. */
	expect_view(true,
	    arena_printf(unit_job()->arena, "[%s,%s]", nested, flat),
	    ANSWER_AGREES, false);
	expect_view(false,
	    arena_printf(unit_job()->arena, "[%s,%s]", nested, flat),
	    ANSWER_DENIES, false);
}

/* MP-5: what an attack would look like is said with its records. */
static void
test_dissent(void **state)
{
	static const struct {
		struct mpic_view view;
		const char *why;
	} cases[] = {
		{ { "true", "true", SAW(NOBODY) },
		    "CAA: not-authorized; it sees: 0 issuemail \";\"" },
		{ { "true", "false",
		      SAW("[" US ",\"128 tbs \\\"\\\\001\\\"\"]") },
		    "CAA: it does not pass there; it sees: 0 issuemail "
		    "\"ca.example\", 128 tbs \"\\001\"" },
		{ { "true", "false", "null" }, "CAA: it does not pass there" },
	};
	const struct question q = mpic_question();
	struct buf many;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct testimony t = { .code = "a",
			.body = span_str(mpic_element("a", &cases[i].view)) };

		testimony_judge(unit_job(), &q, &t);
		assert_int_equal(t.answer, ANSWER_DENIES);
		assert_string_equal(t.why, cases[i].why);
	}
	buf_init(&many, unit_job()->arena, 10000);
	buf_add_str(&many, "[" US);
	for (int i = 0; i < 99; i++)
		buf_add_str(&many, "," US);
	buf_add_str(&many, "]");
	struct testimony t = { .code = "a" };
	t.body = span_str(mpic_edit(
	    mpic_element("a", &(struct mpic_view){ "true", "false", SAW("X") }),
	    "X", many.p));
	testimony_judge(unit_job(), &q, &t);
	assert_string_equal(t.why,
	    "CAA: it does not pass there; it sees 100 records, kept with its "
	    "answer");
}

/* The public software's answer, as it came: four agree, and one could not be
 * reached. */
static void
test_recorded(void **state)
{
	static const char *names[] = { "ca.example" };
	static const struct open_mpic_request asked = { .trace = TRACE,
		.domain = "example.org",
		.ca = { names, 1 },
		.perspectives = 5,
		.quorum = 4 };
	const struct question q = mpic_question();

	(void)state;
	mpic_check_recorded("caa", &asked, &q);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_recorded),
	cmocka_unit_test(test_dissent),
	cmocka_unit_test(test_flat),
	cmocka_unit_test(test_flat_records),
	cmocka_unit_test(test_unreached),
	cmocka_unit_test(test_plain_set),
	cmocka_unit_test(test_needs_records),
	cmocka_unit_test(test_many_records),
	cmocka_unit_test(test_views),
};

UNIT_MAIN(tests)
