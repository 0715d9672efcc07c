/* Rules with a start date: PK-2, PK-3, PK-84 and PK-142 on certificates. */
#include "config.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/effective.h"
#include "pki/issue.h"
#include "pki/profile.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY INT64_C(86400)

/* PK-2: each from the first second of its day in UTC, not one earlier. */
static void
test_each_row(void **state)
{
	(void)state;
	for (int r = 0; r < EFFECTIVE_COUNT; r++) {
		enum effective_rule rule = (enum effective_rule)r;
		const struct effective *e = effective_find(rule);
		char text[CLOCK_RFC3339_MAX];

		unit_case("%s", e->day);
		clock_format_rfc3339(e->from, text);
		assert_memory_equal(text, e->day, 10);
		assert_string_equal(text + 10, "T00:00:00Z");
		assert_true(strlen(e->rule) > 10 && strlen(e->source) >= 3);
		assert_false(effective_at(rule, e->from - 1));
		assert_true(effective_at(rule, e->from));
		/* PK-142: the certificate's begin, and the clock. */
		assert_false(effective_for(rule, e->from - 1, e->from - 1));
		assert_true(effective_for(rule, e->from - 1, e->from));
		assert_true(effective_for(rule, e->from, e->from - 1));
	}
}

/* PK-3: ninety days before, where the configuration is concerned. */
static void
test_upcoming(void **state)
{
	const int64_t from = effective_find(EFFECTIVE_RFC822_NAME)->from;
	const struct effective *rules[EFFECTIVE_COUNT];
	struct conf conf = { .mode = CONF_MODE_PUBLIC, .utf8_mailboxes = true };
	(void)state;

	assert_int_equal(
	    effective_upcoming(&conf, from - 90 * DAY - 1, rules), 0);
	assert_int_equal(effective_upcoming(&conf, from - 90 * DAY, rules), 1);
	assert_string_equal(rules[0]->day, "2027-02-01");
	assert_int_equal(effective_upcoming(&conf, from - 1, rules), 1);
	assert_int_equal(effective_upcoming(&conf, from, rules), 0);
	conf.utf8_mailboxes = false;
	assert_int_equal(effective_upcoming(&conf, from - 1, rules), 0);
	conf.utf8_mailboxes = true;
	conf.mode = CONF_MODE_PRIVATE;
	assert_int_equal(effective_upcoming(&conf, from - 1, rules), 0);
}

/* PK-46, PK-2: how many are asked, one second before each date and at it. */
static void
test_perspectives(void **state)
{
	static const struct {
		enum effective_rule rule;
		size_t before, since;
	} rows[] = {
		{ EFFECTIVE_PERSPECTIVES_3, 2, 3 },
		{ EFFECTIVE_PERSPECTIVES_4, 3, 4 },
		{ EFFECTIVE_PERSPECTIVES_5, 4, 5 },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t from = effective_find(rows[i].rule)->from;

		assert_int_equal(
		    effective_perspectives(from - 1), rows[i].before);
		assert_int_equal(effective_perspectives(from), rows[i].since);
	}
	assert_int_equal(effective_perspectives(INT64_MAX), 5);
	assert_int_equal(effective_perspectives(0), 2);
}

static bool
is_warned(const struct conf *conf, enum effective_rule rule, int64_t now)
{
	const struct effective *rules[EFFECTIVE_COUNT];
	size_t n = effective_upcoming(conf, now, rules);
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		assert_non_null(rules[i]->advice);
		found |= rules[i] == effective_find(rule);
	}
	return found;
}

/* PK-3, PK-46: of those who have four perspectives, and need five soon. */
static void
test_fifth_perspective(void **state)
{
	const enum effective_rule rule = EFFECTIVE_PERSPECTIVES_5;
	const int64_t from = effective_find(rule)->from;
	struct conf_perspective places[5] = { { .name = "a" } };
	struct conf_open_mpic services[2] = { { .name = "one" },
		{ .name = "two" } };
	struct conf conf = { .mode = CONF_MODE_PRIVATE,
		.mpic = { .policy = CONF_MPIC_ENFORCE,
		    .perspectives = places,
		    .perspective_count = 4 } };
	(void)state;

	assert_false(is_warned(&conf, rule, from - 90 * DAY - 1));
	assert_true(is_warned(&conf, rule, from - 90 * DAY));
	assert_true(is_warned(&conf, rule, from - 1));
	assert_false(is_warned(&conf, rule, from));
	conf.mpic.perspective_count = 5;
	assert_false(is_warned(&conf, rule, from - 1));
	/* Five in all, four of the second service. */
	conf.mpic.services = services;
	conf.mpic.service_count = 2;
	places[4].service = "one";
	assert_true(is_warned(&conf, rule, from - 1));
	places[4].service = NULL;
	assert_false(is_warned(&conf, rule, from - 1));
	/* Where nothing hangs on them. */
	conf.mpic.service_count = 0;
	conf.mpic.perspective_count = 4;
	conf.mpic.policy = CONF_MPIC_RECORD;
	assert_false(is_warned(&conf, rule, from - 1));
	conf.mode = CONF_MODE_PUBLIC;
	assert_true(is_warned(&conf, rule, from - 1));
	conf.mpic.perspective_count = 0;
	assert_false(is_warned(&conf, rule, from - 1));
}

/* PK-3: the next issuing CA cannot have clientAuth. */
static void
test_one_purpose(void **state)
{
	const enum effective_rule rule = EFFECTIVE_CA_ONE_PURPOSE;
	const int64_t from = effective_find(rule)->from;
	struct profile own = { .name = "own",
		.generation = GENERATION_MULTIPURPOSE,
		.client_auth = true };
	struct conf conf = { .mode = CONF_MODE_PUBLIC,
		.own_profiles = &own,
		.own_profile_count = 1 };
	(void)state;

	assert_false(is_warned(&conf, rule, from - 90 * DAY - 1));
	assert_true(is_warned(&conf, rule, from - 90 * DAY));
	assert_true(is_warned(&conf, rule, from - 1));
	assert_false(is_warned(&conf, rule, from));
	conf.mode = CONF_MODE_PRIVATE;
	assert_false(is_warned(&conf, rule, from - 1));
	conf.mode = CONF_MODE_PUBLIC;
	own.client_auth = false;
	assert_false(is_warned(&conf, rule, from - 1));
}

/* PK-2, PK-84: a certificate one second before and one at the date. */
static void
test_rfc822_name(void **state)
{
	static const char *const utf8[] = { "\xc3\xa4@example.com" };
	static const char *const both[] = { "\xc3\xa4@example.com",
		"alice@example.com" };
	const int64_t from = effective_find(EFFECTIVE_RFC822_NAME)->from;
	const struct {
		enum conf_mode mode;
		const char *const *mailboxes;
		size_t count;
		int64_t now;
		bool good;
	} rows[] = {
		{ CONF_MODE_PUBLIC, utf8, 1, from - 1, true },
		{ CONF_MODE_PUBLIC, utf8, 1, from, false },
		{ CONF_MODE_PUBLIC, both, 2, from, true },
		{ CONF_MODE_PRIVATE, utf8, 1, from, true },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf conf = { .mode = rows[i].mode };
		struct job *j = lab_job();
		struct csr_policy policy = { .mailboxes = rows[i].mailboxes,
			.mailbox_count = rows[i].count,
			.addr = { .utf8_local = true },
			.profile = LAB_PROFILE };
		struct lab_csr c =
		    lab_csr(j, lab_key(KEY_TYPE_P256, 0), "alice@example.com");
		struct issue_input in = { .profile = LAB_PROFILE,
			.mailboxes = rows[i].mailboxes,
			.mailbox_count = rows[i].count,
			.crl_url = LAB_CRL_URL,
			.ca_issuers_url = LAB_CA_ISSUERS_URL };
		struct issue_tbs tbs;
		struct csr csr;

		unit_case("%zu", i);
		c.key_usage = 0x01;
		if (rows[i].count == 1)
			c.names = lab_smtp_utf8(j, utf8[0]);
		else
			c.names =
			    lab_join(j, lab_smtp_utf8(j, utf8[0]), c.names);
		if (csr_parse(j, lab_csr_make(j, &c), &policy, &csr) < 0)
			fail_msg("%s", j->err.text);
		in.csr = &csr;
		j->conf = &conf;
		j->now = rows[i].now;
		issue_serial(1, in.serial);
		issue_validity(j->now, 0, 30, &in.not_before, &in.not_after);
		assert_int_equal(issue_prepare(j, lab_ca("p256"), &in, &tbs),
		    rows[i].good ? 0 : -1);
		if (!rows[i].good)
			assert_job_error(j, ERR_INTERNAL,
			    "lint L-23: no rfc822Name (PK-84)");
		job_recover(j);
		j->conf = NULL;
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_each_row),
	cmocka_unit_test(test_upcoming),
	cmocka_unit_test(test_perspectives),
	cmocka_unit_test(test_fifth_perspective),
	cmocka_unit_test(test_one_purpose),
	cmocka_unit_test(test_rfc822_name),
};

UNIT_MAIN(tests)
