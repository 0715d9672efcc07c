/*
 * A service that speaks the Open MPIC API (mpic-open-api.md 1 to 3): the
 * question, the answer that belongs to it (MP-2), what one perspective saw as
 * we judge it (MP-4, PK-53), and the whole over TLS (MP-1, MP-3).
 */
#include "config.h"

#include "dns/open_mpic_form.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "src/corroborate.h"
#include "src/perspective_client.h"
#include "tests/unit/peer.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ID "AAAAAAAAAAAAAAAAAAAAAA"
#define ACCOUNT "https://acme.ca.example/acme/acct/1"

static const char *names[] = { "ca.example" };
static const struct conf_list issuers = { names, 1 };
static const struct open_mpic_request asked = { .trace = ID,
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
	    "\"trace_identifier\":\"" ID "\","
	    "\"orchestration_parameters\":{\"perspective_count\":5,"
	    "\"quorum_count\":4,\"max_attempts\":1},"
	    "\"caa_check_parameters\":{\"certificate_type\":\"s-mime\","
	    "\"caa_domains\":[\"ca.example\"]}}");
}

/* --- the answer as a whole ------------------------------------------------ */

static const char good[] =
    "{\"mpic_completed\":true,\"is_valid\":true,\"check_type\":\"caa\","
    "\"domain_or_ip_target\":\"Example.org\",\"trace_identifier\":\"" ID "\","
    "\"caa_check_parameters\":{\"certificate_type\":\"s-mime\","
    "\"caa_domains\":[\"ca.example\"]},"
    "\"actual_orchestration_parameters\":{\"perspective_count\":5,"
    "\"quorum_count\":4,\"attempt_count\":1},"
    "\"perspectives\":[{\"perspective_code\":\"a\"}],"
    "\"previous_attempt_results\":null}";

static const char *
edit(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return arena_printf(unit_job()->arena, "%.*s%s%s", (int)(at - text),
	    text, to, at + strlen(from));
}

static void
test_answer(void **state)
{
	static const char *const changes[][2] = {
		{ "\"check_type\":\"caa\"", "\"check_type\":\"dcv\"" },
		{ "Example.org", "example.net" },
		{ ID, "BAAAAAAAAAAAAAAAAAAAAA" },
		{ "\"trace_identifier\":", "\"trace\":" },
		{ "s-mime", "tls-server" },
		{ "\"ca.example\"", "\"other.example\"" },
		{ "\"ca.example\"", "\"ca.example\",\"b\"" },
		{ "\"perspective_count\":5", "\"perspective_count\":4" },
		{ "\"quorum_count\":4", "\"quorum_count\":3" },
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
	    open_mpic_answer_parse(j, span_str(good), &asked, &a), 0);
	assert_true(a.completed && a.is_valid);
	assert_int_equal(a.count, 1);
	for (size_t i = 0; i < COUNT(changes); i++) {
		const char *text = edit(good, changes[i][0], changes[i][1]);

		unit_case("%s", text);
		assert_int_equal(
		    open_mpic_answer_parse(j, span_str(text), &asked, &a), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
		job_recover(j);
	}
}

/* --- one perspective ------------------------------------------------------ */

static struct question
question(void)
{
	return (struct question){ .request = { .id = ID,
				      .ca = issuers,
				      .caa_domain = "example.org",
				      .account_url = ACCOUNT,
				      .method = "email-reply-00" },
		.policy = { .issuer_domains = &issuers },
		.is_open_mpic = true };
}

#define SAW(records)                                                           \
	"{\"caa_record_present\":true,\"records_seen\":" records "}"
#define US "\"0 issuemail \\\"ca.example\\\"\""

static const struct {
	const char *completed, *passed, *details;
	enum answer answer;
	bool alarms;
} views[] = {
	{ "true", "true", SAW("[" US "]"), ANSWER_AGREES, false },
	{ "true", "true", SAW(US), ANSWER_AGREES, false },
	{ "true", "true", "{\"caa_record_present\":false}", ANSWER_AGREES,
	    false },
	{ "true", "true", "{\"caa_record_present\":false,\"records_seen\":[]}",
	    ANSWER_AGREES, false },
	{ "true", "true", SAW("[\"0 issuemail ca.example\"]"), ANSWER_AGREES,
	    false },
	{ "true", "true", SAW("[\"0 issuemail \\\"c\\\\097.example\\\"\"]"),
	    ANSWER_AGREES, false },
	/* what it does not evaluate, is evaluated here */
	{ "true", "true",
	    SAW("[\"0 issuemail \\\"ca.example; "
		"accounturi=https://other.example/2\\\"\"]"),
	    ANSWER_DENIES, false },
	{ "true", "true",
	    SAW("[\"0 issuemail \\\"ca.example; accounturi=" ACCOUNT "\\\"\"]"),
	    ANSWER_AGREES, false },
	{ "true", "true",
	    SAW("[\"0 issuemail \\\"ca.example; "
		"validationmethods=dns-01\\\"\"]"),
	    ANSWER_DENIES, false },
	{ "true", "true", SAW("[\"0 issuemail \\\";\\\"\"]"), ANSWER_DENIES,
	    false },
	{ "true", "true", SAW("[\"128 tbs \\\"x\\\"\"," US "]"), ANSWER_DENIES,
	    false },
	/* its own verdicts */
	{ "true", "false", SAW("[" US "]"), ANSWER_DENIES, false },
	{ "true", "null", SAW("[" US "]"), ANSWER_DENIES, false },
	{ "false", "true", SAW("[" US "]"), ANSWER_FAILS, false },
	/* what it does not say */
	{ "true", "true", "null", ANSWER_SILENT, false },
	{ "true", "true", "{\"caa_record_present\":null}", ANSWER_SILENT,
	    false },
	{ "true", "true", "{\"caa_record_present\":true}", ANSWER_SILENT,
	    false },
	{ "true", "true", "{\"caa_record_present\":true,\"records_seen\":null}",
	    ANSWER_SILENT, false },
	/* and what cannot be */
	{ "true", "true", SAW("[]"), ANSWER_SILENT, true },
	{ "true", "true",
	    "{\"caa_record_present\":false,\"records_seen\":[" US "]}",
	    ANSWER_SILENT, true },
	{ "true", "true", SAW("[\"0 issuemail\"]"), ANSWER_SILENT, true },
	{ "true", "true", SAW("[\"x issuemail \\\"ca.example\\\"\"]"),
	    ANSWER_SILENT, true },
	{ "true", "true", SAW("[\"256 issuemail \\\"ca.example\\\"\"]"),
	    ANSWER_SILENT, true },
	{ "true", "true", SAW("[\"0 issuemail \\\"ca.example\"]"),
	    ANSWER_SILENT, true },
	{ "true", "true", SAW("[\"0 issuemail \\\"ca.example\\\" x\"]"),
	    ANSWER_SILENT, true },
	{ "true", "true", SAW("[\"0 issuemail \\\"\\\\25\\\"\"]"),
	    ANSWER_SILENT, true },
	{ "true", "true", SAW("[" US ",7]"), ANSWER_SILENT, true },
	{ "true", "true", SAW("7"), ANSWER_SILENT, true },
	{ "1", "true", SAW("[" US "]"), ANSWER_SILENT, true },
	{ "true", "true", "[]", ANSWER_SILENT, true },
};

static const char *
element(const char *code, size_t i)
{
	return arena_printf(unit_job()->arena,
	    "{\"perspective_code\":\"%s\",\"check_response\":{"
	    "\"check_completed\":%s,\"check_passed\":%s,\"errors\":null,"
	    "\"timestamp_ns\":%lld000000,\"details\":%s}}",
	    code, views[i].completed, views[i].passed,
	    (long long)clock_now_ms(), views[i].details);
}

static void
test_views(void **state)
{
	struct job *j = unit_job();
	const struct question q = question();

	(void)state;
	for (size_t i = 0; i < COUNT(views); i++) {
		struct testimony t = { .code = "a",
			.body = span_str(element("a", i)) };

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

/* --- the whole ------------------------------------------------------------ */

#define REMOTES 5

static const char *const codes[] = { "a", "b", "c", "d", "e", "z" };
static const char *const rirs[REMOTES] = { "ripe", "arin", "apnic", "ripe",
	"lacnic" };

struct service {
	const char *list[REMOTES + 1]; /* elements, joined; NULL ends */
	const char *status;
	const char *from, *to; /* in the answer */
	enum quorum_outcome outcome;
	size_t agree;
};

static const char *
body_of(const struct service *s)
{
	const char *text = good, *list = "";

	for (size_t i = 0; i < COUNT(s->list) && s->list[i] != NULL; i++)
		list = arena_printf(unit_job()->arena, "%s%s%s", list,
		    i > 0 ? "," : "", s->list[i]);
	text = edit(text, "{\"perspective_code\":\"a\"}", list);
	return s->from != NULL ? edit(text, s->from, s->to) : text;
}

static const char *
write_key(void)
{
	static char path[] = "test-key-XXXXXX";
	int fd;

	memcpy(path, "test-key-XXXXXX", sizeof(path));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret-key\n", 11), 11);
	close(fd);
	return path;
}

static void
try_service(const struct service *s, bool is_bearer)
{
	struct job *j = unit_job();
	const char *body = body_of(s);
	struct peer_step steps[] = {
		{ PEER_TLS, NULL },
		{ PEER_EXPECT, "POST /base/mpic HTTP/1.1\r\n" },
		{ PEER_LINES, "\r\n" },
		{ PEER_SEND,
		    arena_printf(j->arena,
			"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n%s",
			s->status != NULL ? s->status : "200 OK", strlen(body),
			body) },
		{ PEER_SILENCE, NULL },
		{ PEER_END, NULL },
	};
	struct peer_tls *tls = peer_tls_new("127.0.0.1");
	struct peer *peer = peer_start(steps, tls);
	struct conf_perspective p[REMOTES];
	struct conf conf = { .mpic = { .perspectives = p,
				 .perspective_count = REMOTES,
				 .open_mpic_ca_file = peer_tls_ca_file(tls),
				 .open_mpic_key = write_key(),
				 .open_mpic_bearer = is_bearer } };
	const struct question q = question();
	struct perspective_client *c;
	struct corroborated round;
	struct quorum counted;
	struct round r;

	for (size_t i = 0; i < REMOTES; i++)
		p[i] = (struct conf_perspective){ .name = codes[i],
			.rir = rirs[i] };
	conf.mpic.open_mpic = arena_printf(
	    j->arena, "https://127.0.0.1:%d/base", peer_port(peer));
	j->conf = &conf;
	assert_int_equal(perspective_client_new(j, &c), 0);
	assert_int_equal(perspective_client_ask(c, j, &q, "a test", &r), 0);
	counted = round_count(j, &r);
	assert_int_equal(counted.outcome, s->outcome);
	assert_int_equal(counted.agree, s->agree);
	assert_int_equal(counted.pending, 0);
	/* And from what is written down, the same again (MP-10). */
	assert_int_equal(corroboration_verify(
			     j, corroboration_add(j, "{}", &q, &r), &q, &round),
	    1);
	assert_int_equal(round.counted.outcome, s->outcome);
	perspective_client_free(c);
	peer_stop(peer);
	assert_true(
	    peer_heard(peer, is_bearer ? "Authorization: Bearer secret-key\r\n"
				       : "x-api-key: secret-key\r\n"));
	assert_true(peer_heard(peer, "\"certificate_type\":\"s-mime\""));
	peer_free(peer);
	peer_tls_free(tls);
	unlink(conf.mpic.open_mpic_key);
	j->conf = NULL;
}

static void
test_service(void **state)
{
	enum { PASS = 0, OTHERS = 6, FAIL = 11, SICK = 13 };
	const char *a = element("a", PASS), *b = element("b", PASS),
		   *c = element("c", PASS), *d = element("d", PASS),
		   *e = element("e", PASS), *z = element("z", PASS);
	const char *b_no = element("b", FAIL), *c_no = element("c", FAIL);
	const char *b_sick = element("b", SICK), *c_sick = element("c", SICK);
	const char *e_other = element("e", OTHERS);
	const char *e_old =
	    edit(e, "\"timestamp_ns\":", "\"timestamp_ns\":1,\"x\":");
	const struct service table[] = {
		{ .list = { a, b, c, d, e },
		    .outcome = QUORUM_REACHED,
		    .agree = 5 },
		{ .list = { a, b, c, d, e_other },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b_no, c, d, e },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b_no, c_no, d, e },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b_no, c, d, e_other },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b_sick, c_sick, d, e },
		    .outcome = QUORUM_FAILED,
		    .agree = 3 },
		/* missing, unknown, twice, of another time */
		{ .list = { a, b, c, d },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, z },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		{ .list = { a, b, c, d, d },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		{ .list = { a, b, c, e_old },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		/* too few passes, although it says valid; and not valid */
		{ .list = { a }, .outcome = QUORUM_SILENT, .agree = 1 },
		{ .list = { a, b, c, d, e },
		    .from = "\"is_valid\":true",
		    .to = "\"is_valid\":false",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .from = "\"mpic_completed\":true",
		    .to = "\"mpic_completed\":false",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .from = ID,
		    .to = "BAAAAAAAAAAAAAAAAAAAAA",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .from = "{\"mpic",
		    .to = "{{",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "400 Bad Request",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "429 Too Many Requests",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "500 Internal Server Error",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "302 Found\r\nLocation: /other",
		    .outcome = QUORUM_SILENT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		unit_case("%zu", i);
		try_service(&table[i], i % 2 == 1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_request),
	cmocka_unit_test(test_answer),
	cmocka_unit_test(test_views),
	cmocka_unit_test(test_service),
};

UNIT_MAIN(tests)
