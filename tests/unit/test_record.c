/*
 * DNS answers that are kept with a decision, and give it again (ER-35,
 * MA-86); the stored text may have been changed by anybody.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "dns/record.h"
#include "lib/count.h"
#include "lib/json.h"

static struct span octets[2];
static const char *aliases[] = { "alias.example", "b.example" };

static const struct asked {
	const char *name;
	enum dns_type type;
	struct dns_answer answer;
} table[] = {
	{ "a.example", DNS_TYPE_TXT,
	    { .status = DNS_OK,
		.secure = true,
		.name = "a.example",
		.canonical = "b.example",
		.aliases = aliases,
		.alias_count = 2,
		.ttl = 300,
		.rdata = octets,
		.count = 2 } },
	{ "a.example", DNS_TYPE_CAA,
	    { .status = DNS_OK,
		.name = "a.example",
		.canonical = "a.example",
		.disagrees = true,
		.rdata = octets + 1,
		.count = 1 } },
	{ "c.example", DNS_TYPE_TXT,
	    { .status = DNS_NODATA,
		.secure = true,
		.name = "c.example",
		.canonical = "c.example",
		.ttl = 4294967295U } },
	{ "d.example", DNS_TYPE_TXT,
	    { .status = DNS_NXDOMAIN,
		.name = "d.example",
		.canonical = "d.example",
		.ttl = 60 } },
	{ "e.example", DNS_TYPE_TXT,
	    { .status = DNS_TEMPORARY,
		.name = "e.example",
		.canonical = "e.example",
		.why = "SERVFAIL" } },
	{ "f\"\\.example", DNS_TYPE_TXT,
	    { .status = DNS_BOGUS,
		.name = "f\"\\.example",
		.why = "signature expired" } },
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

static struct recorder *
record(struct resolver *first, struct resolver *second)
{
	const struct record_sources sources = { first, second, 20000 };

	return recorder_new(unit_job(), &sources);
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
	r = record(source(&queries), NULL);
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
		assert_int_equal(a.disagrees, was->disagrees);
		assert_int_equal(a.alias_count, was->alias_count);
		for (size_t k = 0; k < a.alias_count; k++)
			assert_string_equal(a.aliases[k], was->aliases[k]);
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
	r = record(source(&queries), NULL);
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
	r = record(source(&queries), NULL);
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
	r = record(source(&queries), NULL);
	assert_int_equal(resolver_query(recorder_resolver(r), j, "z.example",
			     DNS_TYPE_TXT, &a),
	    -1);
	job_recover(j);
	assert_string_equal(recorder_text(j, r), "[]");
}

/* --- a second resolver (MA-32) ------------------------------------------- */

static int
fixed_answer(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	(void)j;
	(void)type;
	*out = *(const struct dns_answer *)ctx;
	out->name = out->canonical = name;
	return 0;
}

static struct resolver *
fixed(struct dns_answer *a)
{
	return arena_own(
	    unit_job()->arena, resolver_new_custom(fixed_answer, a), release);
}

static void
test_second(void **state)
{
	struct span x[] = { SPAN("one"), SPAN("two") },
		    y[] = { SPAN("two"), SPAN("one") },
		    z[] = { SPAN("one"), SPAN("twO") },
		    longer[] = { SPAN("one"), SPAN("two2") };
	struct {
		struct dns_answer first, second;
		enum dns_status status;
		bool disagrees;
	} cases[] = {
		{ { .rdata = x, .count = 2 }, { .rdata = x, .count = 2 },
		    DNS_OK, false },
		/* The order of a set means nothing. */
		{ { .rdata = x, .count = 2 }, { .rdata = y, .count = 2 },
		    DNS_OK, false },
		{ { .rdata = x, .count = 2 }, { .rdata = z, .count = 2 },
		    DNS_OK, true },
		{ { .rdata = x, .count = 2 }, { .rdata = longer, .count = 2 },
		    DNS_OK, true },
		{ { .rdata = x, .count = 2 }, { .rdata = x, .count = 1 },
		    DNS_OK, true },
		{ { .rdata = x, .count = 1 }, { .status = DNS_NXDOMAIN },
		    DNS_OK, true },
		{ { .status = DNS_NXDOMAIN }, { .rdata = x, .count = 1 },
		    DNS_NXDOMAIN, true },
		{ { .status = DNS_NODATA }, { .status = DNS_NODATA },
		    DNS_NODATA, false },
		{ { .rdata = x, .count = 1 }, { .status = DNS_BOGUS }, DNS_OK,
		    true },
		/* Whoever says nothing confirms nothing. */
		{ { .rdata = x, .count = 1 }, { .status = DNS_TEMPORARY },
		    DNS_TEMPORARY, false },
		{ { .status = DNS_TEMPORARY }, { .rdata = x, .count = 1 },
		    DNS_TEMPORARY, false },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct recorder *r =
		    record(fixed(&cases[i].first), fixed(&cases[i].second));
		struct resolver *again = NULL;
		struct dns_answer a;

		unit_case("%zu", i);
		assert_int_equal(resolver_query(recorder_resolver(r), j,
				     "s._domainkey.x.test", DNS_TYPE_TXT, &a),
		    0);
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.disagrees, cases[i].disagrees);
		assert_int_equal(replay(recorder_text(j, r), &again), 0);
		assert_int_equal(resolver_query(again, j, "s._domainkey.x.test",
				     DNS_TYPE_TXT, &a),
		    0);
		assert_int_equal(a.disagrees, cases[i].disagrees);
		assert_string_equal(recorder_names(j, r),
		    "[\"given answers\",\"given answers\"]");
	}
}

/* MA-33: no more than 16 records of 16 KiB together are kept, and that there
 * were more is. */
static void
test_too_large(void **state)
{
	static char large[16 * 1024 + 1];
	static const struct {
		size_t count, n;
		bool too_large;
	} cases[] = {
		{ 16, 1, false },
		{ 17, 1, true },
		{ 1, 16 * 1024, false },
		{ 1, 16 * 1024 + 1, true },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span rdata[17];
		struct dns_answer a,
		    given = { .rdata = rdata, .count = cases[i].count };
		struct recorder *r = record(fixed(&given), NULL);
		struct resolver *again = NULL;

		unit_case("%zu", i);
		for (size_t k = 0; k < COUNT(rdata); k++)
			rdata[k] = span_mem(large, cases[i].n);
		assert_int_equal(resolver_query(recorder_resolver(r), j,
				     "s._domainkey.x.test", DNS_TYPE_TXT, &a),
		    0);
		assert_int_equal(replay(recorder_text(j, r), &again), 0);
		assert_int_equal(resolver_query(again, j, "s._domainkey.x.test",
				     DNS_TYPE_TXT, &a),
		    0);
		assert_int_equal(a.too_large, cases[i].too_large);
		assert_int_equal(
		    a.status, cases[i].too_large ? DNS_TEMPORARY : DNS_OK);
		assert_int_equal(
		    a.count, cases[i].too_large ? 0 : cases[i].count);
	}
}

#define ONE(more)                                                              \
	"[{\"name\":\"a\",\"type\":16,\"secure\":true,\"ttl\":1" more "}]"
#define TEN "{},{},{},{},{},{},{},{},{},{}"

static const char *const hostile[] = {
	ONE(",\"status\":\"ok\",\"rdata\":[],\"aliases\":[" TEN "]"),
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
	r = record(source(&queries), NULL);
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
	cmocka_unit_test(test_second),
	cmocka_unit_test(test_too_large),
	cmocka_unit_test(test_hostile),
	cmocka_unit_test(test_empty),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
