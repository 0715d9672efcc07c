#include "config.h"

#include "tests/unit/mpic_lab.h"

#include <string.h>

#include "dns/open_mpic_form.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/json.h"
#include "src/testimony.h"
#include "tests/unit/unit.h"

static const char *names[] = { "ca.example" };
static const struct conf_list issuers = { names, 1 };

const char mpic_good[] =
    "{\"mpic_completed\":true,\"is_valid\":true,\"check_type\":\"caa\","
    "\"domain_or_ip_target\":\"Example.org\",\"trace_identifier\":\"" TRACE
    "\","
    "\"caa_check_parameters\":{\"certificate_type\":\"s-mime\","
    "\"caa_domains\":[\"ca.example\"]},"
    "\"actual_orchestration_parameters\":{\"perspective_count\":5,"
    "\"quorum_count\":4,\"attempt_count\":1},"
    "\"perspectives\":[{\"perspective_code\":\"a\"}],"
    "\"previous_attempt_results\":null}";

struct question
mpic_question(void)
{
	return (struct question){ .request = { .id = ID,
				      .ca = issuers,
				      .caa_domain = "example.org",
				      .account_url = ACCOUNT,
				      .method = "email-reply-00" },
		.policy = { .issuer_domains = &issuers },
		.is_open_mpic = true,
		.needs_records = true };
}

/* However long a machine takes for what comes between. */
static int64_t
stand_still(void)
{
	clock_set(clock_now_ms() / 1000);
	return clock_now_ms();
}

const char *
mpic_element(const char *code, const struct mpic_view *v)
{
	return arena_printf(unit_job()->arena,
	    "{\"perspective_code\":\"%s\",\"check_response\":{"
	    "\"check_completed\":%s,\"check_passed\":%s,\"errors\":null,"
	    "\"timestamp_ns\":%lld000000,\"details\":%s}}",
	    code, v->completed, v->passed, (long long)stand_still(),
	    v->details);
}

const char *
mpic_element_flat(const char *code, const struct mpic_view *v)
{
	return arena_printf(unit_job()->arena,
	    "{\"perspective_code\":\"%s\",\"check_passed\":%s,"
	    "\"check_completed\":%s,\"errors\":null,"
	    "\"timestamp_ns\":%lld000000,\"check_type\":\"caa\","
	    "\"details\":%s}",
	    code, v->passed, v->completed, (long long)stand_still(),
	    v->details);
}

const char *
mpic_edit(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return arena_printf(unit_job()->arena, "%.*s%s%s", (int)(at - text),
	    text, to, at + strlen(from));
}

struct span
mpic_recorded(const char *name)
{
	struct job *j = unit_job();
	struct span text = { NULL, 0 };

	assert_int_equal(
	    file_read(j,
		arena_printf(j->arena, CS_TEST_DATA "/mpic/%s.json", name),
		OPEN_MPIC_ANSWER_MAX, &text),
	    0);
	return text;
}

void
mpic_check_recorded(const char *name, const struct open_mpic_request *asked,
    const struct question *q)
{
	struct job *j = unit_job();
	struct open_mpic_answer a;
	size_t agree = 0;

	assert_int_equal(
	    open_mpic_answer_parse(j, mpic_recorded(name), asked, &a), 0);
	assert_true(a.completed && a.is_valid);
	assert_int_equal(a.count, 5);
	for (size_t i = 0; i < a.count; i++) {
		struct testimony t = { .code = span_dup(j->arena,
					   json_string(json_get(a.elements[i],
					       "perspective_code"))),
			.body = span_str(json_dup(j, a.elements[i])) };

		testimony_judge_part(j, q, asked->check, &t);
		agree += t.answer == ANSWER_AGREES;
		if (t.answer != ANSWER_AGREES)
			assert_string_equal(
			    t.why, "the service could not reach it");
	}
	assert_int_equal(agree, 4);
}

void
mpic_check_changed(const char *good, const struct open_mpic_request *asked,
    const char *const changes[][2], size_t count)
{
	const char *text =
	    mpic_edit(good, "{\"mpic", REQUESTED("5", "4", "1") "\"mpic");
	struct job *j = unit_job();
	struct open_mpic_answer a;

	assert_int_equal(
	    open_mpic_answer_parse(j, span_str(good), asked, &a), 0);
	assert_int_equal(
	    open_mpic_answer_parse(j, span_str(text), asked, &a), 0);
	for (size_t i = 0; i < count; i++) {
		text = mpic_edit(good, changes[i][0], changes[i][1]);
		unit_case("%s", text);
		assert_int_equal(
		    open_mpic_answer_parse(j, span_str(text), asked, &a), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
		job_recover(j);
	}
}
