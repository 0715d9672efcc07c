/*
 * The issuer goes by the order's profile and dates, and believes neither:
 * AC-92, AC-138, AC-142, AC-163, AC-164, PK-18, PK-45, PK-67, PK-92.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <stdio.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_stop.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "src/ca_conf.h"
#include "src/judge.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/pki_lab.h"

#define MAILBOX "mailbox0@example.org"
#define DAY INT64_C(86400)

/* An order that waits for the issuer, with a request of this key usage. */
static void
wait_for_issuer(struct role_lab *lab, struct job *j, const char *profile,
    enum key_type type, int key_usage)
{
	struct lab_csr c;

	issuer_lab_clean(j);
	issuer_lab_init(lab, j, lab_ca("p256"));
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE orders SET profile = '%s'", profile));
	issuer_lab_prove(lab);
	c = lab_csr(j, lab_key(type, 2048), MAILBOX);
	c.key_usage = key_usage;
	role_lab_request_take(lab, lab_csr_make(j, &c));
}

static void
expect_refused(struct role_lab *lab, const char *type, const char *detail)
{
	struct order *o;
	struct cert c;

	issuer_lab_run(lab);
	o = fixture_reread(lab->j, lab->order);
	assert_non_null(o->error);
	assert_null(o->cert_id);
	if (strstr(o->error, type) == NULL || strstr(o->error, detail) == NULL)
		fail_msg("not %s, %s: %s", type, detail, o->error);
	EXPECT(lab->j, store_cert_by_order(lab->j, o->id, &c), 0);
}

static struct cert
expect_issued(struct role_lab *lab)
{
	struct order *o;
	struct cert c = { 0 };

	issuer_lab_run(lab);
	o = fixture_reread(lab->j, lab->order);
	if (o->cert_id == NULL)
		fail_msg("not issued: %s", o->error);
	EXPECT(lab->j, store_cert_by_order(lab->j, o->id, &c), 1);
	return c;
}

/* --- the configuration ---------------------------------------------------- */

/* PK-122, PK-123: a public CA takes no configuration whose certificates would
 * not be valid below it; a private one may (section 10). */
static void
test_not_covered(void **state)
{
	static const char *names[] = { "mailbox-strict", "own" };
	struct job *j = lab_job();
	struct profile own = *profile_find(NULL, SPAN("mailbox-strict"));
	struct conf conf = { .mode = CONF_MODE_PUBLIC,
		.profile = "mailbox-strict",
		.profiles = { names, 2 },
		.own_profiles = &own,
		.own_profile_count = 1 };
	const struct ca *ca = lab_ca("p256");
	(void)state;

	j->conf = &conf;
	own.name = "own";
	assert_int_equal(ca_conf_profiles_check(j, ca), 0);
	own.policy = SPAN("\x2b\x06\x01\x04\x01\x81\xfd\x59\x07");
	assert_int_equal(ca_conf_profiles_check(j, ca), -1);
	assert_non_null(strstr(j->err.text,
	    "profile own gives the policy 1.3.6.1.4.1.32473.7, which the "
	    "issuing CA's certificatePolicies lacks"));
	job_recover(j);
	conf.mode = CONF_MODE_PRIVATE;
	assert_int_equal(ca_conf_profiles_check(j, ca), 0);
	assert_non_null(ca_conf_profile_problem(j, ca));
	/* What is not offered is not asked about. */
	conf.mode = CONF_MODE_PUBLIC;
	conf.profiles.n = 1;
	assert_int_equal(ca_conf_profiles_check(j, ca), 0);
	j->conf = NULL;
}

/* --- profiles ------------------------------------------------------------- */

/* AC-163, PK-18: each, as the order names it. */
static void
test_each(struct job *j)
{
	static const struct {
		const char *profile;
		enum key_type type;
		int key_usage;
	} rows[] = {
		{ "mailbox-strict", KEY_TYPE_P256, 0x11 },
		{ "mailbox-multipurpose", KEY_TYPE_RSA, 0x05 },
		{ "mailbox-signing", KEY_TYPE_P384, 0x01 },
		{ "mailbox-encryption", KEY_TYPE_P256, 0x10 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct profile *p =
		    profile_find(NULL, span_str(rows[i].profile));
		uint8_t hash[SHA256_LEN];
		struct role_lab lab;
		struct certview v;
		struct cert c;

		unit_case("%s", rows[i].profile);
		wait_for_issuer(
		    &lab, j, rows[i].profile, rows[i].type, rows[i].key_usage);
		c = expect_issued(&lab);
		assert_string_equal(c.profile, rows[i].profile);
		sha256(span_str(profile_text(j->arena, p)), hash);
		assert_true(
		    span_eq(c.profile_sha256, span_mem(hash, sizeof(hash))));
		assert_int_equal(certview_parse(c.der, &v), 0);
		const struct cert_extension *e =
		    certview_extension(&v, OID_POLICIES);
		assert_true(span_ends(e->value, profile_policy(p)));
	}
}

/* Somebody who writes rows gives an order another profile: the request that
 * the client signed is checked against that one too. */
static void
test_intent(struct job *j)
{
	struct role_lab lab;

	wait_for_issuer(&lab, j, "mailbox-signing", KEY_TYPE_P256, 0x11);
	expect_refused(
	    &lab, ":badCSR", "the profile does not allow encryption");
	wait_for_issuer(&lab, j, "mailbox-encryption", KEY_TYPE_P256, 0x01);
	expect_refused(&lab, ":badCSR", "the profile does not allow signing");
}

/* A name that is not in the table. */
static void
test_unknown(struct job *j)
{
	static const char *const names[] = { "", "smime", "Mailbox-strict" };
	struct role_lab lab;

	for (size_t i = 0; i < COUNT(names); i++) {
		unit_case("%s", names[i]);
		wait_for_issuer(&lab, j, names[i], KEY_TYPE_P256, 0x11);
		expect_refused(&lab, ":serverInternal", "internal error");
	}
}

/* AC-164: one that is offered no more finishes; AC-142: unless it is
 * stopped. */
static void
test_withdrawn(struct job *j)
{
	static const char *offered[] = { "mailbox-multipurpose" };
	static const char *stopped[] = { "mailbox-strict" };
	struct role_lab lab;

	wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
	lab.conf.profile = offered[0];
	lab.conf.profiles = (struct conf_list){ offered, 1 };
	expect_issued(&lab);
	wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
	lab.conf.profiles_stopped = (struct conf_list){ stopped, 1 };
	expect_refused(&lab, ":invalidProfile",
	    "profile mailbox-strict is no longer offered");
}

/* --- dates ---------------------------------------------------------------- */

/* FIXTURE_NOW is 2027-01-15T08:00:00Z; the CA ends 2031-11-22. */
static const struct {
	const char *name;
	int64_t not_before, not_after; /* in the row */
	int64_t from, until;           /* in the certificate */
	const char *type, *detail;     /* or the order's error */
} dated[] = {
	{ "none", 0, 0, FIXTURE_NOW - 300, FIXTURE_NOW - 301 + 365 * DAY, NULL,
	    NULL },
	{ "both", FIXTURE_NOW + 60, FIXTURE_NOW + 120, FIXTURE_NOW + 60,
	    FIXTURE_NOW + 120, NULL, NULL },
	{ "notAfter", 0, FIXTURE_NOW + DAY, FIXTURE_NOW - 300,
	    FIXTURE_NOW + DAY, NULL, NULL },
	{ "notBefore", FIXTURE_NOW + DAY, 0, FIXTURE_NOW + DAY,
	    FIXTURE_NOW + 366 * DAY - 1, NULL, NULL },
	{ "an order that waited", FIXTURE_NOW - 3 * DAY, 0,
	    FIXTURE_NOW - 3 * DAY, FIXTURE_NOW + 362 * DAY - 1, NULL, NULL },
	/* Rows that newOrder would not have written. */
	{ "too long", 0, FIXTURE_NOW + 365 * DAY, 0, 0, ":malformed",
	    "beyond the longest validity" },
	{ "much too long", FIXTURE_NOW, FIXTURE_NOW + 10000 * DAY, 0, 0,
	    ":malformed", "beyond the longest validity" },
	{ "over", 0, FIXTURE_NOW, 0, 0, ":malformed",
	    "notAfter is not in the future" },
	{ "reversed", FIXTURE_NOW + 100, FIXTURE_NOW + 50, 0, 0, ":malformed",
	    "notAfter is not after notBefore" },
	{ "dated back", FIXTURE_NOW - 30 * DAY, 0, 0, 0, ":malformed",
	    "notBefore is too early" },
	{ "negative", -1, 0, 0, 0, ":malformed", "notBefore is too early" },
	{ "smallest", INT64_MIN, INT64_MIN, 0, 0, ":malformed",
	    "notBefore is too early" },
	{ "largest", INT64_MAX, INT64_MAX, 0, 0, ":malformed",
	    "more than 24 hours ahead" },
	{ "largest end", 0, INT64_MAX, 0, 0, ":malformed",
	    "beyond the longest validity" },
	{ "smallest end", 0, INT64_MIN, 0, 0, ":malformed",
	    "notAfter is not in the future" },
};

static void
set_dates(struct job *j, int64_t not_before, int64_t not_after)
{
	/* -9223372036854775808 is no literal of SQL. */
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE orders SET not_before = %lld - %d, "
			   "not_after = %lld - %d",
			   (long long)(not_before + (not_before == INT64_MIN)),
			   not_before == INT64_MIN,
			   (long long)(not_after + (not_after == INT64_MIN)),
			   not_after == INT64_MIN));
}

static void
test_dates(struct job *j)
{
	static const char *takes[] = { "mailbox-strict" };

	for (size_t i = 0; i < COUNT(dated); i++) {
		struct role_lab lab;
		struct cert_facts facts;
		struct cert c;

		unit_case("%s", dated[i].name);
		wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
		lab.conf.allow_not_after = (struct conf_list){ takes, 1 };
		set_dates(j, dated[i].not_before, dated[i].not_after);
		if (dated[i].type != NULL) {
			expect_refused(&lab, dated[i].type, dated[i].detail);
			continue;
		}
		c = expect_issued(&lab);
		EXPECT(j, cert_facts(j, c.der, &facts), 0);
		assert_true(facts.not_before == dated[i].from);
		assert_true(facts.not_after == dated[i].until);
		assert_true(c.not_before == dated[i].from);
		assert_true(c.not_after == dated[i].until);
	}
}

/* Whatever a row says: dates only where the operator allows them. */
static void
test_dates_not_allowed(struct job *j)
{
	static const char *takes[] = { "mailbox-multipurpose" };
	struct role_lab lab;

	wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
	lab.conf.allow_not_after = (struct conf_list){ takes, 1 };
	set_dates(j, FIXTURE_NOW, FIXTURE_NOW + DAY);
	expect_refused(&lab, ":malformed",
	    "this profile does not support notBefore/notAfter");
}

/* PK-92: the CA's end. */
static void
test_ca_end(struct job *j)
{
	static const char *takes[] = { "mailbox-strict" };
	struct ca old = *lab_ca("p256");
	struct role_lab lab;

	old.not_after = FIXTURE_NOW + 100 * DAY;
	wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
	lab.issuer.ca = &old;
	expect_refused(
	    &lab, ":invalidProfile", "profile mailbox-strict does not fit");
	wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
	lab.issuer.ca = &old;
	lab.conf.allow_not_after = (struct conf_list){ takes, 1 };
	set_dates(j, 0, FIXTURE_NOW + 100 * DAY + 1);
	expect_refused(&lab, ":malformed", "beyond the end of the CA");
	wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
	lab.issuer.ca = &old;
	lab.conf.allow_not_after = (struct conf_list){ takes, 1 };
	set_dates(j, 0, FIXTURE_NOW + 100 * DAY);
	expect_issued(&lab);
}

/* PK-45: what waits for the issuer waits on, and is not the worse for it. */
static void
test_stopped(struct job *j)
{
	static const struct {
		const char *scope, *value;
		bool holds;
	} rows[] = {
		{ STOP_ALL, "", true },
		{ STOP_PROFILE, "mailbox-strict", true },
		{ STOP_PROFILE, "mailbox-signing", false },
		{ STOP_DOMAIN, "example.org", true },
		{ STOP_DOMAIN, "org", true },
		{ STOP_DOMAIN, "ample.org", false },
		{ STOP_DOMAIN, "sub.example.org", false },
		{ STOP_ISSUER, NULL, true },
		{ STOP_ISSUER, "00", false },
	};
	struct role_lab lab;
	struct cert c;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stop s = { rows[i].scope, rows[i].value, "a test", "me",
			0 };

		unit_case("%zu", i);
		wait_for_issuer(&lab, j, "mailbox-strict", KEY_TYPE_P256, 0x11);
		if (s.value == NULL)
			s.value = ca_key_label(lab.issuer.ca);
		EXPECT(j, store_begin(j), 0);
		EXPECT(j, store_stop_add(j, &s), 1);
		EXPECT(j, store_stop_add(j, &s), 0);
		EXPECT(j, store_commit(j), 0);
		if (rows[i].holds) {
			issuer_lab_run(&lab);
			assert_null(fixture_reread(j, lab.order)->error);
			EXPECT(j, store_cert_by_order(j, lab.order->id, &c), 0);
		} else {
			expect_issued(&lab);
		}
		EXPECT(j, store_begin(j), 0);
		EXPECT(j, store_stop_lift(j, s.scope, s.value), 1);
		EXPECT(j, store_stop_lift(j, s.scope, s.value), 0);
		EXPECT(j, store_commit(j), 0);
		role_lab_at(&lab, lab.j->now + 60);
		expect_issued(&lab);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_not_covered),
	STORE_TEST(test_each),
	STORE_TEST(test_intent),
	STORE_TEST(test_unknown),
	STORE_TEST(test_withdrawn),
	STORE_TEST(test_dates),
	STORE_TEST(test_dates_not_allowed),
	STORE_TEST(test_ca_end),
	STORE_TEST(test_stopped),
};

UNIT_MAIN(tests)
