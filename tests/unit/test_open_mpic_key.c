/*
 * A DKIM key asked for through an Open MPIC service (mpic-open-api.md 3): the
 * question, the answer that belongs to it (MP-2), what one perspective says,
 * and a round of two calls, counted (MP-3) and computed again (MP-10).
 */
#include "config.h"

#include "src/perspective_service.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/mpic_lab.h"

#define P_OURS "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define P_BLANKS "AQIDBAUGBwgJCgsM DQ4PEBESExQVFhcYGRobHB0eHyA="
#define P_OTHER "AgIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define OURS "\"v=DKIM1; k=ed25519; p=" P_OURS "\""
#define BLANKS "\"v=DKIM1; k=ed25519; p=" P_BLANKS "\""
#define OTHER "\"v=DKIM1; k=ed25519; p=" P_OTHER "\""
#define SEEN(records) "{\"records_seen\":" records ",\"response_code\":0}"
#define PARAMETERS                                                             \
	"\"dcv_check_parameters\":{\"validation_method\":\"dns-change\","      \
	"\"dns_record_type\":\"TXT\","                                         \
	"\"dns_name_prefix\":\"s1._domainkey\","                               \
	"\"challenge_value\":\"" P_OURS "\","                                  \
	"\"require_exact_match\":false,\"require_exact_case\":true}"

static const struct open_mpic_request asked = { .check = OPEN_MPIC_KEY,
	.trace = TRACE,
	.domain = "example.org",
	.selector = "s1",
	.key_text = SPAN_INIT(P_OURS),
	.perspectives = 5,
	.quorum = 4 };

static void
test_request(void **state)
{
	(void)state;
	assert_string_equal(open_mpic_request_format(unit_job(), &asked),
	    "{\"check_type\":\"dcv\",\"domain_or_ip_target\":\"example.org\","
	    "\"trace_identifier\":\"" TRACE "\","
	    "\"orchestration_parameters\":{\"perspective_count\":5,"
	    "\"quorum_count\":4,\"max_attempts\":1}," PARAMETERS "}");
}

/* What a service compares is the lower case of what the record says. */
static void
test_names(void **state)
{
	static const char *mixed[] = { "CA.Example", "ca2.example" };
	static const struct conf_open_mpic service = { .name = "one",
		.url = "https://mpic.example" };
	struct service_question asks = { .asked = { .perspectives = 5 } };
	struct question q = mpic_question();

	(void)state;
	q.request.ca = (struct conf_list){ mixed, 2 };
	assert_int_equal(service_ask(unit_job(), &service, &q, &asks), 0);
	assert_non_null(strstr(
	    asks.request, "\"caa_domains\":[\"ca.example\",\"ca2.example\"]"));
	assert_non_null(
	    strstr(asks.request, "\"trace_identifier\":\"" TRACE "\""));
}

/* --- the answer as a whole ------------------------------------------------ */

static const char good[] =
    "{\"mpic_completed\":true,\"is_valid\":true,\"check_type\":\"dcv\","
    "\"domain_or_ip_target\":\"Example.org\",\"trace_identifier\":\"" TRACE
    "\"," PARAMETERS ",\"actual_orchestration_parameters\":{"
    "\"perspective_count\":5,\"quorum_count\":4,\"attempt_count\":1},"
    "\"perspectives\":[{\"perspective_code\":\"a\"}],"
    "\"previous_attempt_results\":null}";

static void
test_answer(void **state)
{
	static const char *const changes[][2] = {
		{ "\"check_type\":\"dcv\"", "\"check_type\":\"caa\"" },
		{ "Example.org", "example.net" },
		{ TRACE, "baaaaaaaaaaaaaaaaaaaaaaaaa" },
		{ "dcv_check_parameters", "caa_check_parameters" },
		{ "dns-change", "acme-dns-01" },
		{ "\"TXT\"", "\"CNAME\"" },
		{ "s1._domainkey", "s2._domainkey" },
		{ P_OURS, P_OTHER },
		{ "\"challenge_value\":\"A", "\"challenge_value\":\"a" },
		{ "\"require_exact_match\":false",
		    "\"require_exact_match\":true" },
		{ "\"require_exact_case\":true",
		    "\"require_exact_case\":false" },
		{ ",\"require_exact_case\":true", "" },
		{ "\"require_exact_match\":false",
		    "\"require_exact_match\":null" },
		{ "\"perspective_count\":5", "\"perspective_count\":4" },
		{ "\"quorum_count\":4", "\"quorum_count\":3" },
		{ "\"attempt_count\":1", "\"attempt_count\":0" },
		{ "\"attempt_count\":1", "\"attempt_count\":2" },
		{ ",\"attempt_count\":1", "" },
		{ "{\"mpic", REQUESTED("4", "4", "1") "\"mpic" },
		{ "{\"mpic", REQUESTED("5", "3", "1") "\"mpic" },
		{ "{\"mpic", REQUESTED("5", "4", "2") "\"mpic" },
		{ "{\"mpic", REQUESTED("5", "\"4\"", "1") "\"mpic" },
	};

	(void)state;
	mpic_check_changed(good, &asked, changes, COUNT(changes));
}

/* --- one perspective ------------------------------------------------------ */

static struct question
question(void)
{
	static const char key[] =
	    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
	    "\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20";
	struct question q = mpic_question();

	q.via_dcv = true;
	q.request.dkim_domain = "example.org";
	q.request.dkim_selector = "s1";
	q.key = span_mem(key, sizeof(key) - 1);
	q.key_text = span_str(P_OURS);
	return q;
}

static const struct {
	struct mpic_view view;
	enum answer answer;
	enum answer with_blanks; /* in the record that the primary saw */
	bool alarms;
} views[] = {
	/* what it shows decides */
	{ { "true", "true", SEEN("[" OURS "]") }, ANSWER_AGREES, ANSWER_AGREES,
	    false },
	{ { "true", "true", SEEN(OURS) }, ANSWER_AGREES, ANSWER_AGREES, false },
	{ { "true", "true", SEEN("[\"v=spf1 -all\"," OURS "," OTHER "]") },
	    ANSWER_AGREES, ANSWER_AGREES, false },
	{ { "true", "true", SEEN("[" OTHER "]") }, ANSWER_DENIES, ANSWER_DENIES,
	    false },
	{ { "true", "true", SEEN("[]") }, ANSWER_DENIES, ANSWER_DENIES, false },
	/* the text is there, and no such key */
	{ { "true", "true",
	      SEEN("[\"v=DKIM1; k=ed25519; p=; n=" P_OURS "\"]") },
	    ANSWER_DENIES, ANSWER_DENIES, false },
	{ { "true", "true", SEEN("[\"" P_OURS "\"]") }, ANSWER_DENIES,
	    ANSWER_DENIES, false },
	{ { "true", "false", SEEN("[" OTHER "]") }, ANSWER_DENIES,
	    ANSWER_DENIES, false },
	{ { "true", "false", SEEN("[]") }, ANSWER_DENIES, ANSWER_DENIES,
	    false },
	/* legal, and not found as it is written: no dissent */
	{ { "true", "false", SEEN("[" BLANKS "]") }, ANSWER_SILENT,
	    ANSWER_SILENT, false },
	{ { "true", "true", SEEN("[" BLANKS "]") }, ANSWER_AGREES,
	    ANSWER_AGREES, false },
	/* without records */
	{ { "true", "true", "null" }, ANSWER_AGREES, ANSWER_AGREES, false },
	{ { "true", "true", SEEN("null") }, ANSWER_AGREES, ANSWER_AGREES,
	    false },
	{ { "true", "false", SEEN("null") }, ANSWER_DENIES, ANSWER_SILENT,
	    false },
	{ { "true", "null", "null" }, ANSWER_DENIES, ANSWER_SILENT, false },
	{ { "false", "true", SEEN("[" OURS "]") }, ANSWER_FAILS, ANSWER_FAILS,
	    false },
	/* what cannot be read */
	{ { "true", "true", SEEN("7") }, ANSWER_SILENT, ANSWER_SILENT, true },
	{ { "true", "true", SEEN("[" OURS ",7]") }, ANSWER_SILENT,
	    ANSWER_SILENT, true },
	{ { "1", "true", SEEN("[" OURS "]") }, ANSWER_SILENT, ANSWER_SILENT,
	    true },
};

/* Of two calls: that of CAA is answered by a pass. */
static struct testimony
judge(const struct question *q, const char *caa, const char *key)
{
	struct testimony t = {
		.code = "a", .body = span_str(caa), .key_body = span_str(key)
	};

	testimony_judge(unit_job(), q, &t);
	return t;
}

static const struct mpic_view pass = { "true", "true", SAW("[" US "]") };
static const struct mpic_view fail = { "true", "false", SAW("[" US "]") };
static const struct mpic_view sick = { "false", "true", SAW("[" US "]") };
static const struct mpic_view sees = { "true", "true", SEEN("[" OURS "]") };
static const struct mpic_view other = { "true", "false", SEEN("[" OTHER "]") };

static void
test_views(void **state)
{
	const char *caa = mpic_element("a", &pass);

	(void)state;
	for (size_t i = 0; i < COUNT(views); i++) {
		struct question q = question();
		const char *key = mpic_element("a", &views[i].view);
		struct testimony t = judge(&q, caa, key);

		unit_case("%zu: %s", i, key);
		assert_int_equal(t.answer, views[i].answer);
		assert_int_equal(t.is_alarming, views[i].alarms);
		assert_non_null(t.why);
		q.key_has_blanks = true;
		assert_int_equal(
		    judge(&q, caa, key).answer, views[i].with_blanks);
	}
}

/* Whatever one of the two calls says, the other cannot mend. */
static void
test_worst(void **state)
{
	static const struct {
		const struct mpic_view *caa, *key; /* NULL: no answer */
		enum answer answer;
	} cases[] = {
		{ &pass, &sees, ANSWER_AGREES },
		{ &pass, &other, ANSWER_DENIES },
		{ &fail, &sees, ANSWER_DENIES },
		{ &sick, &sees, ANSWER_FAILS },
		{ &pass, &sick, ANSWER_FAILS },
		{ &sick, &other, ANSWER_DENIES },
		{ &pass, NULL, ANSWER_SILENT },
		{ NULL, &sees, ANSWER_SILENT },
		{ NULL, &other, ANSWER_DENIES },
		{ &fail, NULL, ANSWER_DENIES },
		{ &sick, NULL, ANSWER_FAILS },
		{ NULL, NULL, ANSWER_SILENT },
	};
	const struct question q = question();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    judge(&q,
			cases[i].caa ? mpic_element("a", cases[i].caa) : "",
			cases[i].key ? mpic_element("a", cases[i].key) : "")
			.answer,
		    cases[i].answer);
	}
}

/* MP-2, MP-3: an element of the other call, of another code, twice. */
static void
test_elements(void **state)
{
	const struct question q = question();
	const char *caa = mpic_element("a", &pass);
	const char *key = mpic_element("a", &sees);
	const char *no = mpic_element("a", &other);
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(
	    judge(&q, caa, mpic_element("b", &sees)).answer, ANSWER_SILENT);
	assert_int_equal(
	    judge(&q, caa,
		mpic_edit(key, "\"errors\":null", "\"check_type\":\"caa\""))
		.answer,
	    ANSWER_SILENT);
	assert_int_equal(
	    judge(&q, caa,
		mpic_edit(key, "\"errors\":null", "\"check_type\":\"dcv\""))
		.answer,
	    ANSWER_AGREES);
	assert_int_equal(
	    judge(&q, caa, arena_printf(j->arena, "[%s,%s]", key, key)).answer,
	    ANSWER_AGREES);
	assert_int_equal(
	    judge(&q, caa, arena_printf(j->arena, "[%s,%s]", key, no)).answer,
	    ANSWER_DENIES);
	assert_int_equal(judge(&q, caa,
			     arena_printf(j->arena, "[%s,%s]", key,
				 mpic_element("a", &sick)))
			     .answer,
	    ANSWER_DENIES);
}

/* --- a round -------------------------------------------------------------- */

#define REMOTES 5

static const char *const codes[REMOTES] = { "a", "b", "c", "d", "e" };
static const enum rir rirs[REMOTES] = { RIR_RIPE, RIR_ARIN, RIR_APNIC, RIR_RIPE,
	RIR_LACNIC };

struct call {
	size_t agree, deny;    /* the first ones, and those after them */
	const char *from, *to; /* in the answer */
	const char *failure;
};

static const char *
answer_of(const struct call *c, enum open_mpic_check check)
{
	const struct mpic_view *yes = check == OPEN_MPIC_CAA ? &pass : &sees;
	const struct mpic_view *no = check == OPEN_MPIC_CAA ? &fail : &other;
	const char *text = good, *list = "";

	if (check == OPEN_MPIC_CAA) {
		text = mpic_edit(text, PARAMETERS,
		    "\"caa_check_parameters\":{\"certificate_type\":\"s-mime\","
		    "\"caa_domains\":[\"ca.example\"]}");
		text = mpic_edit(text, "\"dcv\"", "\"caa\"");
	}
	for (size_t i = 0; i < c->agree + c->deny; i++)
		list = arena_printf(unit_job()->arena, "%s%s%s", list,
		    i > 0 ? "," : "",
		    mpic_element(codes[i], i < c->agree ? yes : no));
	text = mpic_edit(text, "{\"perspective_code\":\"a\"}", list);
	return c->from != NULL ? mpic_edit(text, c->from, c->to) : text;
}

static void
hear(const struct question *q, enum open_mpic_check check, const struct call *c,
    struct round *r)
{
	static const struct conf_open_mpic service = { .name = "one",
		.url = "https://mpic.example" };
	struct service_question asks = { .asked = { .check = check,
					     .perspectives = r->n } };
	struct exchange x = { .is_done = true, .failure = c->failure };
	struct job *j = unit_job();

	assert_int_equal(service_ask(j, &service, q, &asks), 0);
	buf_init(&x.body, j->arena, OPEN_MPIC_ANSWER_MAX);
	buf_add_str(&x.body, answer_of(c, check));
	service_take(j, &x, &asks, q, r);
}

static const struct {
	struct call caa, key;
	enum quorum_outcome outcome;
	size_t agree;
} rounds[] = {
	{ { .agree = 5 }, { .agree = 5 }, QUORUM_REACHED, 5 },
	{ { .agree = 5 }, { .agree = 4, .deny = 1 }, QUORUM_REACHED, 4 },
	{ { .agree = 5 }, { .agree = 3, .deny = 2 }, QUORUM_DENIED, 3 },
	{ { .agree = 4, .deny = 1 }, { .agree = 5 }, QUORUM_REACHED, 4 },
	/* nobody agrees to both of what is asked where two dissent */
	{ { .agree = 4, .deny = 1 }, { .agree = 3, .deny = 2 }, QUORUM_DENIED,
	    3 },
	{ { .agree = 5 }, { .agree = 3 }, QUORUM_SILENT, 3 },
	{ { .agree = 5 }, { .failure = "HTTP status 500" }, QUORUM_SILENT, 0 },
	{ { .failure = "HTTP status 500" }, { .agree = 5 }, QUORUM_SILENT, 0 },
	{ { .failure = "HTTP status 500" }, { .agree = 3, .deny = 2 },
	    QUORUM_SILENT, 0 },
	/* its own verdict is a condition of either */
	{ { .agree = 5 },
	    { .agree = 5,
		.from = "\"is_valid\":true",
		.to = "\"is_valid\":false" },
	    QUORUM_SILENT, 0 },
	{ { .agree = 5,
	      .from = "\"is_valid\":true",
	      .to = "\"is_valid\":false" },
	    { .agree = 5 }, QUORUM_SILENT, 0 },
	{ { .agree = 5 },
	    { .agree = 5,
		.from = "\"mpic_completed\":true",
		.to = "\"mpic_completed\":false" },
	    QUORUM_SILENT, 0 },
	/* the other call's answer */
	{ { .agree = 5 }, { .agree = 5, .from = "\"dcv\"", .to = "\"caa\"" },
	    QUORUM_SILENT, 0 },
	{ { .agree = 5 }, { .agree = 5, .from = P_OURS, .to = P_OTHER },
	    QUORUM_SILENT, 0 },
};

static struct round
make_round(struct job *j, const struct question *q, size_t i, bool is_turned)
{
	struct round r = { .v = arena_calloc(j->arena, REMOTES, sizeof(*r.v)),
		.n = REMOTES,
		.at = 1798761600,
		.service = "one" };

	for (size_t k = 0; k < REMOTES; k++)
		r.v[k] = (struct testimony){ .code = codes[k], .rir = rirs[k] };
	if (!is_turned)
		hear(q, OPEN_MPIC_CAA, &rounds[i].caa, &r);
	hear(q, OPEN_MPIC_KEY, &rounds[i].key, &r);
	if (is_turned)
		hear(q, OPEN_MPIC_CAA, &rounds[i].caa, &r);
	return r;
}

static void
test_rounds(void **state)
{
	const struct question q = question();
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rounds); i++) {
		struct round r = make_round(j, &q, i / 2, i % 2 == 1);
		struct quorum counted = round_count(j, &r);
		const char *trace = corroboration_add(j, "{}", &q, &r);
		struct corroborated kept;

		unit_case("%zu", i);
		assert_int_equal(counted.outcome, rounds[i / 2].outcome);
		assert_int_equal(counted.agree, rounds[i / 2].agree);
		assert_int_equal(corroboration_verify(j, trace, &q, &kept), 1);
		assert_int_equal(kept.counted.outcome, counted.outcome);
		assert_int_equal(kept.counted.agree, counted.agree);
		assert_true(kept.saw_key);
	}
}

/* Who can write rows cannot make agreement of dissent. */
static void
test_forged(void **state)
{
	static const char *const changes[][2] = {
		{ "\"answer\":\"denies\"", "\"answer\":\"agrees\"" },
		{ ",\"key_body\":\"", ",\"key_b0dy\":\"" },
		{ ",\"body\":\"", ",\"b0dy\":\"" },
		{ "\"outcome\":\"denied\"", "\"outcome\":\"reached\"" },
		{ "\"selector\":\"s1\"", "\"selector\":\"s2\"" },
		{ "\"sha256\":\"", "\"sha256\":\"0" },
		{ "\"sha256\":\"", "\"sha257\":\"" },
		{ "\"check\":\"dcv\"", "\"check\":\"caa\"" },
		{ "\"check\":\"dcv\"", "\"check\":\"none\"" },
		{ "\"check\":\"caa\"", "\"check\":\"none\"" },
	};
	const struct question q = question();
	struct job *j = unit_job();
	struct round r = make_round(j, &q, 2, false);
	const char *trace = corroboration_add(j, "{}", &q, &r);
	struct corroborated kept;

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		unit_case("%s", changes[i][1]);
		assert_int_equal(
		    corroboration_verify(j,
			mpic_edit(trace, changes[i][0], changes[i][1]), &q,
			&kept),
		    -1);
		assert_job_error(j, ERR_UNAUTHORIZED, NULL);
		job_recover(j);
	}
}

/* MP-10: what came, word for word, and that what was made of it is in it. */
static void
test_kept(void **state)
{
	static const struct {
		enum open_mpic_check check;
		const char *from, *to, *error;
	} changes[] = {
		{ OPEN_MPIC_CAA, "\"is_valid\":true", "\"is_valid\":false",
		    "corroboration: the service said that it is not valid" },
		{ OPEN_MPIC_KEY, "\"is_valid\":true", "\"is_valid\":false",
		    "corroboration: the service said that it is not valid" },
		{ OPEN_MPIC_KEY, "\"mpic_completed\":true",
		    "\"mpic_completed\":false",
		    "corroboration: the service's answer is none to what was "
		    "asked" },
		{ OPEN_MPIC_KEY, TRACE, "baaaaaaaaaaaaaaaaaaaaaaaaa",
		    "corroboration: the service's answer is none to what was "
		    "asked" },
		{ OPEN_MPIC_KEY, "\"check_passed\":true",
		    "\"check_passed\":false",
		    "corroboration: an answer is not what the service sent" },
		{ OPEN_MPIC_CAA, "\"perspective_code\":\"e\"",
		    "\"perspective_code\":\"d\"",
		    "corroboration: an answer is not what the service sent" },
	};
	const struct question q = question();
	struct job *j = unit_job();
	struct corroborated kept;

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct round r = make_round(j, &q, 0, false);
		struct span *answer = &r.calls[changes[i].check].answer;

		unit_case("%s", changes[i].to);
		*answer = span_str(mpic_edit(span_dup(j->arena, *answer),
		    changes[i].from, changes[i].to));
		assert_int_equal(
		    corroboration_verify(
			j, corroboration_add(j, "{}", &q, &r), &q, &kept),
		    -1);
		assert_job_error(j, ERR_UNAUTHORIZED, changes[i].error);
		job_recover(j);
	}
}

static void
test_kept_requests(void **state)
{
	const struct question q = question();
	struct job *j = unit_job();
	struct round r = make_round(j, &q, 0, false);
	struct corroborated kept;

	(void)state;
	assert_string_equal(r.calls[OPEN_MPIC_KEY].request,
	    open_mpic_request_format(j, &asked));
	r.calls[OPEN_MPIC_KEY].request =
	    mpic_edit(r.calls[OPEN_MPIC_KEY].request, P_OURS, P_OTHER);
	assert_int_equal(corroboration_verify(
			     j, corroboration_add(j, "{}", &q, &r), &q, &kept),
	    -1);
	assert_job_error(j, ERR_UNAUTHORIZED,
	    "corroboration: something else was sent to the service");
	job_recover(j);
}

/* Of one over 16 KiB the hash is kept, and what was made of it. */
static void
test_kept_long(void **state)
{
	const struct question q = question();
	struct job *j = unit_job();
	struct round r = make_round(j, &q, 0, false);
	struct span *answer = &r.calls[OPEN_MPIC_KEY].answer;
	struct corroborated kept;
	const char *trace = corroboration_add(j, "{}", &q, &r);
	size_t short_len = strlen(trace);

	(void)state;
	*answer = span_str(arena_printf(j->arena, "%.*s%*s", (int)answer->n,
	    answer->p, (int)SERVICE_ANSWER_KEPT, ""));
	trace = corroboration_add(j, "{}", &q, &r);
	assert_true(strlen(trace) < short_len);
	assert_int_equal(corroboration_verify(j, trace, &q, &kept), 1);
	assert_int_equal(kept.counted.outcome, QUORUM_REACHED);
}

/* What nobody asks for a key is written as it was before there was a way. */
static void
test_without(void **state)
{
	static const char *const members[] = { "key_body", "dkim_via_dcv",
		"\"flat\"" };
	struct question q = mpic_question();
	struct job *j = unit_job();
	struct round r = { .v = arena_calloc(j->arena, REMOTES, sizeof(*r.v)),
		.n = REMOTES,
		.at = 1798761600,
		.service = "one" };
	struct corroborated kept;
	const char *trace;

	(void)state;
	for (size_t k = 0; k < REMOTES; k++)
		r.v[k] = (struct testimony){ .code = codes[k], .rir = rirs[k] };
	hear(&q, OPEN_MPIC_CAA, &rounds[0].caa, &r);
	trace = corroboration_add(j, "{}", &q, &r);
	for (size_t i = 0; i < COUNT(members); i++)
		assert_null(strstr(trace, members[i]));
	assert_int_equal(corroboration_verify(j, trace, &q, &kept), 1);
	assert_int_equal(kept.counted.outcome, QUORUM_REACHED);
	assert_false(kept.saw_key);
}

/* The public software's answer, as it came: four agree, and one could not be
 * reached. */
static void
test_recorded(void **state)
{
	const struct question q = question();

	(void)state;
	mpic_check_recorded("key", &asked, &q);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_recorded),
	cmocka_unit_test(test_request),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_answer),
	cmocka_unit_test(test_views),
	cmocka_unit_test(test_worst),
	cmocka_unit_test(test_elements),
	cmocka_unit_test(test_rounds),
	cmocka_unit_test(test_forged),
	cmocka_unit_test(test_kept),
	cmocka_unit_test(test_kept_requests),
	cmocka_unit_test(test_kept_long),
	cmocka_unit_test(test_without),
};

UNIT_MAIN(tests)
