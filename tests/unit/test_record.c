/*
 * DNS answers that are kept with a decision, and give it again (ER-35,
 * MA-86); the stored text may have been changed by anybody.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "dns/record.h"
#include "lib/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct span octets[2];

static const struct asked {
	const char *name;
	enum dns_type type;
	struct dns_answer answer;
} table[] = {
	{ "a.example", DNS_TYPE_TXT,
	    { DNS_OK, true, "a.example", "b.example", 300, octets, 2, NULL } },
	{ "a.example", DNS_TYPE_CAA,
	    { DNS_OK, false, "a.example", "a.example", 0, octets + 1, 1,
		NULL } },
	{ "c.example", DNS_TYPE_TXT,
	    { DNS_NODATA, true, "c.example", "c.example", 4294967295U, NULL, 0,
		NULL } },
	{ "d.example", DNS_TYPE_TXT,
	    { DNS_NXDOMAIN, false, "d.example", "d.example", 60, NULL, 0,
		NULL } },
	{ "e.example", DNS_TYPE_TXT,
	    { DNS_TEMPORARY, false, "e.example", "e.example", 0, NULL, 0,
		"SERVFAIL" } },
	{ "f\"\\.example", DNS_TYPE_TXT,
	    { DNS_BOGUS, false, "f\"\\.example", NULL, 0, NULL, 0,
		"signature expired" } },
};

static int
answer(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	size_t *queries = ctx;

	(*queries)++;
	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(table[i].name, name) == 0 && table[i].type == type) {
			*out = table[i].answer;
			return 0;
		}
	return job_fail(j, ERR_INTERNAL, "no answer");
}

static void
release(void *r)
{
	resolver_free(r);
}

/* A resolver of the table; how often it was asked. */
static struct resolver *
source(size_t *queries)
{
	octets[0] = span_mem("\0\xff\"\\", 4);
	octets[1] = SPAN("");
	*queries = 0;
	return arena_own(
	    unit_job()->arena, resolver_new_custom(answer, queries), release);
}

static int
replay(const char *array, struct resolver **out)
{
	struct job *j = unit_job();
	const struct json *v;
	const char *text = arena_printf(j->arena, "{\"dns\":%s}", array);

	if (json_parse_object(j, span_str(text), "evidence", &v) < 0)
		return -1;
	return replay_new(j, json_get(v, "dns"), out);
}

static void
test_round_trip(void **state)
{
	struct job *j = unit_job();
	struct recorder *r;
	struct resolver *again = NULL;
	size_t queries;

	(void)state;
	r = recorder_new(j, source(&queries), 20000);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct dns_answer a;

		assert_int_equal(resolver_query(recorder_resolver(r), j,
				     table[i].name, table[i].type, &a),
		    0);
		assert_int_equal(a.status, table[i].answer.status);
	}
	assert_int_equal(queries, COUNT(table));
	assert_int_equal(replay(recorder_text(j, r), &again), 0);
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct dns_answer *was = &table[i].answer;
		struct dns_answer a;

		unit_case("%s", table[i].name);
		assert_int_equal(
		    resolver_query(again, j, table[i].name, table[i].type, &a),
		    0);
		assert_int_equal(a.status, was->status);
		assert_int_equal(a.secure, was->secure);
		assert_int_equal(a.ttl, was->ttl);
		assert_string_equal(a.name, was->name);
		assert_string_equal(a.canonical,
		    was->canonical != NULL ? was->canonical : was->name);
		assert_int_equal(a.count, was->count);
		for (size_t k = 0; k < a.count; k++)
			assert_true(span_eq(a.rdata[k], was->rdata[k]));
	}
	assert_int_equal(queries, COUNT(table));
}

/* What was not asked then has no answer now. */
static void
test_not_asked(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
	} cases[] = {
		{ "c.example", DNS_TYPE_TXT },
		{ "a.example", DNS_TYPE_MX },
		{ "A.example", DNS_TYPE_TXT },
		{ "", DNS_TYPE_TXT },
	};
	struct job *j = unit_job();
	struct resolver *again = NULL;
	struct recorder *r;
	struct dns_answer a;
	size_t queries;

	(void)state;
	r = recorder_new(j, source(&queries), 20000);
	resolver_query(recorder_resolver(r), j, "a.example", DNS_TYPE_TXT, &a);
	assert_int_equal(replay(recorder_text(j, r), &again), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		assert_int_equal(
		    resolver_query(again, j, cases[i].name, cases[i].type, &a),
		    0);
		assert_int_equal(a.status, DNS_TEMPORARY);
		assert_int_equal(a.count, 0);
		assert_non_null(a.why);
	}
	assert_int_equal(queries, 1);
}

static void
test_limits(void **state)
{
	struct job *j = unit_job();
	struct resolver *again;
	struct recorder *r;
	struct dns_answer a;
	size_t queries;

	(void)state;
	r = recorder_new(j, source(&queries), 20000);
	assert_string_equal(recorder_text(j, r), "[]");
	for (int i = 0; i < 32; i++)
		assert_int_equal(resolver_query(recorder_resolver(r), j,
				     "c.example", DNS_TYPE_TXT, &a),
		    0);
	assert_int_equal(resolver_query(recorder_resolver(r), j, "c.example",
			     DNS_TYPE_TXT, &a),
	    -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);
	assert_int_equal(replay(recorder_text(j, r), &again), 0);
	/* A failure of the resolver itself is no answer to keep. */
	r = recorder_new(j, source(&queries), 20000);
	assert_int_equal(resolver_query(recorder_resolver(r), j, "z.example",
			     DNS_TYPE_TXT, &a),
	    -1);
	job_recover(j);
	assert_string_equal(recorder_text(j, r), "[]");
}

#define ONE(more)                                                              \
	"[{\"name\":\"a\",\"type\":16,\"secure\":true,\"ttl\":1" more "}]"
#define TEN "{},{},{},{},{},{},{},{},{},{}"

static const char *const hostile[] = {
	ONE(""),
	ONE(",\"status\":\"fine\",\"rdata\":[]"),
	ONE(",\"status\":1,\"rdata\":[]"),
	ONE(",\"status\":null,\"rdata\":[]"),
	ONE(",\"status\":\"OK\",\"rdata\":[]"),
	ONE(",\"status\":\"ok\",\"rdata\":[\"0\"]"),
	ONE(",\"status\":\"ok\",\"rdata\":[\"012\"]"),
	ONE(",\"status\":\"ok\",\"rdata\":[\"zz\"]"),
	ONE(",\"status\":\"ok\",\"rdata\":[\"00\",\"0g\"]"),
	ONE(",\"status\":\"ok\",\"rdata\":[\"0x\"]"),
	"[1]",
	"[null]",
	"[[]]",
	"[\"ok\"]",
	"[{}]",
	"[" TEN "," TEN "," TEN "," TEN "]",
};

static void
test_hostile(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct resolver *r = NULL;

		unit_case("%s", hostile[i]);
		assert_int_equal(replay(hostile[i], &r), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
		assert_null(r);
		job_recover(j);
	}
}

/* Odd, but nothing that could make an answer of it. */
static const char *const empty[] = {
	"[]",
	"null",
	"17",
	"\"ok\"",
	ONE(",\"status\":\"ok\",\"rdata\":7"),
	ONE(",\"status\":\"ok\""),
};

static void
test_empty(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(empty); i++) {
		struct resolver *r = NULL;
		struct dns_answer a;

		unit_case("%s", empty[i]);
		assert_int_equal(replay(empty[i], &r), 0);
		assert_int_equal(
		    resolver_query(r, j, "a", DNS_TYPE_TXT, &a), 0);
		assert_int_equal(a.count, 0);
	}
}

static void
test_cut(void **state)
{
	struct job *j = unit_job();
	struct resolver *again;
	struct dns_answer a;
	struct recorder *r;
	const char *text;
	size_t queries;

	(void)state;
	r = recorder_new(j, source(&queries), 20000);
	resolver_query(recorder_resolver(r), j, "a.example", DNS_TYPE_TXT, &a);
	text = recorder_text(j, r);
	for (size_t n = 1; text[n] != '\0'; n++) {
		unit_case("%zu octets", n);
		assert_int_equal(
		    replay(
			arena_printf(j->arena, "%.*s", (int)n, text), &again),
		    -1);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_round_trip),
	cmocka_unit_test(test_not_asked),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_hostile),
	cmocka_unit_test(test_empty),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
