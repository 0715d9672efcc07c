/*
 * Lints of pki.md 11.3 where more than one part of a subscriber certificate
 * counts: its profile, its key, its size, its URLs, or where it ends (PK-133,
 * PK-136, PK-139; L-01, L-31, L-32, L-36, L-37, L-40, L-42).
 */
#include "config.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "pki/issue.h"
#include "pki/lint.h"
#include "pki/oid.h"
#include "tests/unit/lint_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static const char *const alice[] = { "alice@example.com" };

/* L-31, L-32: what is right in one profile is wrong in another. */
static void
test_each_profile(void **state)
{
	static const struct {
		const char *profile;
		int usage;
		const char *policy_hex; /* of another */
		const char *usage_hex;  /* more than it allows */
	} rows[] = {
		{ "mailbox-strict", 0x11, "300b3009060767810c01050102",
		    "03020398" },
		{ "mailbox-multipurpose", 0x11, "300b3009060767810c01050103",
		    "03020398" },
		{ "mailbox-signing", 0x01, "300b3009060767810c01050102",
		    "03020388" },
		{ "mailbox-encryption", 0x10, "300b3009060767810c01050102",
		    "03020388" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct profile *p =
		    profile_find(NULL, span_str(rows[i].profile));
		struct job *j = lab_job();
		struct lint_lab_certificate c;
		struct lint_result got;

		unit_case("%s", rows[i].profile);
		lint_lab_good_for(j, p, &c, lab_key(KEY_TYPE_P256, 0),
		    rows[i].usage, alice, 1);
		if (lint_certificate(
			j, lab_ca("p256"), &c.in, lint_lab_build(&c), &got) < 0)
			fail_msg("%s", j->err.text);
		lint_lab_set_extension(
		    &c, POLICIES, OID_POLICIES, false, rows[i].policy_hex);
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     lint_lab_build(&c), &got),
		    -1);
		assert_job_error(j, ERR_INTERNAL,
		    "lint L-32: not exactly the profile's policies, without "
		    "qualifier");
		job_recover(j);

		lint_lab_good_for(j, p, &c, lab_key(KEY_TYPE_P256, 0),
		    rows[i].usage, alice, 1);
		lint_lab_set_extension(
		    &c, KU, OID_KEY_USAGE, true, rows[i].usage_hex);
		/* Even if the request was read so. */
		if (c.csr.class != KEY_CLASS_DUAL)
			c.csr.class = KEY_CLASS_DUAL;
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     lint_lab_build(&c), &got),
		    -1);
		assert_job_error(j, ERR_INTERNAL,
		    "lint L-31: keyUsage is more than the profile allows");
		job_recover(j);
	}
}

/* A generation of which the lints know nothing gets no certificate. */
static void
test_unknown_profile(void **state)
{
	struct profile other = lab_profile;
	struct job *j = lab_job();
	struct lint_lab_certificate c;
	struct lint_result got;
	(void)state;

	lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	other.generation = (enum profile_generation)7;
	c.in.profile = &other;
	assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
			     lint_lab_build(&c), &got),
	    -1);
	assert_string_equal(lint_lab_result(j, got.report, "L-31"), "error");
	assert_string_equal(lint_lab_result(j, got.report, "L-32"), "error");
}

/* L-42: a certificate for encryption that another CA is named in, so that
 * nobody would encrypt to it. */
static void
test_encryption(void **state)
{
	static const enum key_type types[] = { KEY_TYPE_RSA, KEY_TYPE_P384 };
	struct job *j = lab_job();
	struct lint_lab_certificate c;
	struct lint_result got;
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		lint_lab_good(j, &c, lab_key(types[i], 2048), 0x04, alice, 1);
		c.issuer = c.subject;
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     lint_lab_build(&c), &got),
		    -1);
		job_recover(j);
		assert_string_equal(
		    lint_lab_result(j, got.report, "L-42"), "error");
	}
}

/* L-40: ten long mailboxes and a large key. */
static void
test_size(void **state)
{
	static struct conf_allow_lint allow[] = {
		{ "L-01", "not this one", "2027-03-31" },
		{ "L-40", "many long mailboxes", "2026-11-24" },
	};
	struct conf conf = { .allow_lints = allow, .allow_lint_count = 2 };
	struct job *j = lab_job();
	const char *mailboxes[20];
	struct lint_lab_certificate c;
	struct lint_result got;
	(void)state;

	lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	struct span names = span_mem("", 0);
	for (int i = 0; i < 20; i++) {
		mailboxes[i] = i == 0 ? alice[0]
				      : arena_printf(j->arena,
					    "a%d@%060d.%060d.%060d.example.com",
					    i, 1, 2, 3);
		names = lab_join(j, names, lab_rfc822(j, mailboxes[i]));
	}
	c.in.mailboxes = mailboxes;
	c.in.mailbox_count = 20;
	lint_lab_set_names(&c, names);
	assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
			     lint_lab_build(&c), &got),
	    -1);
	job_recover(j);
	assert_string_equal(lint_lab_result(j, got.report, "L-40"), "warning");
	assert_null(got.allowed);
	/* PK-139: allowed with reason and end, which stand in the report and
	 * in what is audited; from that day on refused again. */
	j->conf = &conf;
	for (int i = 0; i < 2; i++) {
		bool is_over = i == 1;

		j->now = 1795478400 - (is_over ? 0 : 1); /* 2026-11-24 */
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     lint_lab_build(&c), &got),
		    is_over ? -1 : 0);
		job_recover(j);
		assert_string_equal(
		    lint_lab_result(j, got.report, "L-40"), "warning");
		if (is_over) {
			assert_null(got.allowed);
			continue;
		}
		assert_string_equal(
		    got.allowed, "L-40 until 2026-11-24: many long mailboxes");
		assert_non_null(
		    strstr(got.report, "\"allowed\":\"many long mailboxes\","
				       "\"until\":\"2026-11-24\""));
	}
	j->conf = NULL;
}

/* PK-133 through L-36 and L-37 */
static void
test_urls(void **state)
{
	static const struct {
		const char *url;
		bool good;
	} urls[] = {
		{ "http://crl.example.com/a.crl", true },
		{ "http://crl.example.com:80/a.crl", true },
		{ "http://example.com", true },
		{ "https://crl.example.com/a.crl", false },
		{ "ldap://crl.example.com/a.crl", false },
		{ "http://crl.example.com:8080/a.crl", false },
		{ "http://localhost/a.crl", false },
		{ "http://192.0.2.1/a.crl", false },
		{ "http://[2001:db8::1]/a.crl", false },
		{ "http://u@crl.example.com/a.crl", false },
		{ "http://crl.example.com/a.crl?x=1", false },
		{ "http://crl.example.com/a.crl#x", false },
		{ "http://crl.example.com./a.crl", false },
		{ "http://crl..example.com/a.crl", false },
		{ "http:///a.crl", false },
		{ "http://crl.example.com/a b", false },
		{ "http://crl.example.com/\xc3\xa4", false },
		{ "http://crl.example.com/a<b", false },
		{ "http://crl.example.com/~a/%20(b);c=d,e", true },
		{ "http://crl.example.com/"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    true }, /* 128 */
		{ "http://crl.example.com/"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    false }, /* 129 */
	};
	(void)state;

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct job *j = lab_job();
		struct lint_lab_certificate c;
		struct issue_tbs tbs;

		unit_case("%s", urls[i].url);
		job_recover(j);
		lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
		c.in.crl_url = urls[i].url;
		assert_int_equal(issue_prepare(j, lab_ca("p256"), &c.in, &tbs),
		    urls[i].good ? 0 : -1);
		if (!urls[i].good)
			assert_non_null(strstr(j->err.text, "lint L-36"));
		job_recover(j);
		c.in.crl_url = LAB_CRL_URL;
		c.in.ca_issuers_url = urls[i].url;
		assert_int_equal(issue_prepare(j, lab_ca("p256"), &c.in, &tbs),
		    urls[i].good ? 0 : -1);
		if (!urls[i].good)
			assert_non_null(strstr(j->err.text, "lint L-37"));
		job_recover(j);
	}
}

/* Cut at every length: refused, by L-01. */
static void
test_cut(void **state)
{
	struct job *j = lab_job();
	struct lint_lab_certificate c;
	struct lint_result got;
	(void)state;

	lint_lab_good(j, &c, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1);
	struct span der = lint_lab_build(&c);
	for (size_t n = 0; n < der.n; n++) {
		assert_int_equal(lint_certificate(j, lab_ca("p256"), &c.in,
				     span_cut(der, 0, n), &got),
		    -1);
		assert_int_equal(strncmp(j->err.text, "lint L-01", 9), 0);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_each_profile),
	cmocka_unit_test(test_unknown_profile),
	cmocka_unit_test(test_encryption),
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_urls),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
