/*
 * What is asked of an Open MPIC service about CAA, and which answer belongs to
 * it (mpic-open-api.md 1, MP-2).
 */
#include "config.h"

#include "dns/open_mpic_form.h"

#include "tests/unit/unit.h"

#include "lib/count.h"
#include "tests/unit/mpic_lab.h"

static const char *names[] = { "ca.example" };
static const struct open_mpic_request asked = { .trace = TRACE,
	.domain = "example.org",
	.ca = { names, 1 },
	.perspectives = 5,
	.quorum = 4 };

static void
test_request(void **state)
{
	(void)state;
	assert_string_equal(open_mpic_request_format(unit_job(), &asked),
	    "{\"check_type\":\"caa\",\"domain_or_ip_target\":\"example.org\","
	    "\"trace_identifier\":\"" TRACE "\","
	    "\"orchestration_parameters\":{\"perspective_count\":5,"
	    "\"quorum_count\":4,\"max_attempts\":1},"
	    "\"caa_check_parameters\":{\"certificate_type\":\"s-mime\","
	    "\"caa_domains\":[\"ca.example\"]}}");
}

static void
test_answer(void **state)
{
	static const char *const changes[][2] = {
		{ "\"check_type\":\"caa\"", "\"check_type\":\"dcv\"" },
		{ "Example.org", "example.net" },
		{ TRACE, "baaaaaaaaaaaaaaaaaaaaaaaaa" },
		{ "\"trace_identifier\":", "\"trace\":" },
		{ "s-mime", "tls-server" },
		{ "\"s-mime\"", "\"s-mime\",\"allow_lookup_failure\":true" },
		{ "\"ca.example\"", "\"other.example\"" },
		{ "\"ca.example\"", "\"ca.example\",\"b\"" },
		{ "\"perspective_count\":5", "\"perspective_count\":4" },
		{ "\"quorum_count\":4", "\"quorum_count\":3" },
		{ "\"attempt_count\":1", "\"attempt_count\":0" },
		{ "\"attempt_count\":1", "\"attempt_count\":2" },
		{ ",\"attempt_count\":1", "" },
		{ "{\"mpic", REQUESTED("4", "4", "1") "\"mpic" },
		{ "{\"mpic", REQUESTED("5", "3", "1") "\"mpic" },
		{ "{\"mpic", REQUESTED("5", "4", "2") "\"mpic" },
		{ "{\"mpic", REQUESTED("5", "\"4\"", "1") "\"mpic" },
		{ "\"actual_", "\"" },
		{ "\"previous_attempt_results\":null",
		    "\"previous_attempt_results\":[[]]" },
		{ "\"mpic_completed\":true", "\"mpic_completed\":1" },
		{ "\"mpic_completed\":true,", "" },
		{ "\"perspectives\":[{\"perspective_code\":\"a\"}]",
		    "\"perspectives\":{}" },
		{ "\"is_valid\":true", "\"is_valid\":true,\"is_valid\":true" },
		{ "}]", "}" },
	};
	struct job *j = unit_job();
	struct open_mpic_answer a;

	(void)state;
	assert_int_equal(
	    open_mpic_answer_parse(j, span_str(mpic_good), &asked, &a), 0);
	assert_true(a.completed && a.is_valid);
	assert_int_equal(a.count, 1);
	mpic_check_changed(mpic_good, &asked, changes, COUNT(changes));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_request),
	cmocka_unit_test(test_answer),
};

UNIT_MAIN(tests)
