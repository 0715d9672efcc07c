/*
 * What one set of CAA records decides about issuemail: PK-26, PK-32, PK-33,
 * PK-35, PK-36, PK-39 to PK-42; RFC 8659, RFC 8657, RFC 9495.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "pki/caa.h"
#include "tests/unit/caa_lab.h"
#include "tests/unit/unit.h"

/* PK-35, PK-39 to PK-42 and the one-set rows of 4.4. */
static const struct {
	const char *records;
	const char *reason; /* "issuemail", "no-issuemail": permit */
} sets[] = {
	{ "0 issue other.example", "no-issuemail" },
	{ "0 issue ;", "no-issuemail" },
	{ "0 issue ;|0 issuewild ;", "no-issuemail" },
	{ "0 issuemail ;", "not-authorized" },
	{ "0 issuemail ", "not-authorized" },
	{ "0 issuemail", "not-authorized" },
	{ "0 issuemail other.example", "not-authorized" },
	{ "0 issuemail ca.example", "issuemail" },
	{ "0 issuemail CA.Example", "issuemail" },
	{ "0 IssueMail ca.example", "issuemail" },
	{ "0 issuemail old-ca.example", "issuemail" },
	{ "0 issuemail ca.example.", "not-authorized" },
	{ "0 issuemail .ca.example", "not-authorized" },
	{ "0 issuemail ca..example", "not-authorized" },
	{ "0 issuemail -ca.example", "not-authorized" },
	{ "0 issuemail ca-.example", "not-authorized" },
	{ "0 issuemail  \tca.example\t ", "issuemail" },
	{ "0 issuemail ca.example;", "issuemail" },
	{ "0 issuemail ca.example ; ", "issuemail" },
	{ "0 issuemail ca.example x", "not-authorized" },
	{ "0 issuemail ca.example,other.example", "not-authorized" },
	{ "0 issuemail ca.examples", "not-authorized" },
	{ "0 issuemail a.ca.example", "not-authorized" },
	{ "0 issuemail ca", "not-authorized" },
	{ "0 issuemail c\xc3\xa4.example", "not-authorized" },
	{ "0 issuemail ;|0 issuemail ca.example", "issuemail" },
	{ "0 issuemail %%%%%", "not-authorized" },
	{ "0 issuemail %%%%%|0 issuemail ca.example", "issuemail" },
	{ "0 issue other.example|0 issuemail ca.example", "issuemail" },
	{ "0 issue ca.example|0 issuemail other.example", "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT, "issuemail" },
	{ "0 issuemail ca.example;accounturi=" CAA_LAB_ACCOUNT, "issuemail" },
	{ "0 issuemail ca.example ;\taccounturi = " CAA_LAB_ACCOUNT " ",
	    "issuemail" },
	{ "0 issuemail ca.example; AccountUri=" CAA_LAB_ACCOUNT, "issuemail" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_OTHER,
	    "not-authorized" },
	{ "0 issuemail ca.example; AccountUri=" CAA_LAB_OTHER,
	    "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT
	  "; accounturi=" CAA_LAB_ACCOUNT,
	    "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT
	  "; AccountURI=" CAA_LAB_ACCOUNT,
	    "not-authorized" },
	{ "0 issuemail ca.example; accounturi=AAAA", "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT "/",
	    "not-authorized" },
	{ "0 issuemail ca.example; accounturi=", "not-authorized" },
	{ "0 issuemail ca.example; "
	  "accounturi=http://acme.ca.example/acme/account/AAAA",
	    "not-authorized" },
	{ "0 issuemail ca.example; "
	  "accounturi=https://ACME.ca.example/acme/account/AAAA",
	    "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=email-reply-00",
	    "issuemail" },
	{ "0 issuemail ca.example; validationmethods=dns-01",
	    "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=dns-01,email-reply-00",
	    "issuemail" },
	{ "0 issuemail ca.example; validationmethods=Email-Reply-00",
	    "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=", "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=email-reply-00,,b",
	    "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=email-reply-00,",
	    "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=a, email-reply-00",
	    "not-authorized" },
	{ "0 issuemail ca.example; validationmethods=email-reply-00;"
	  "validationmethods=email-reply-00",
	    "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT "; "
	  "validationmethods=email-reply-00",
	    "issuemail" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT
	  "; validationmethods=dns-01",
	    "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_OTHER
	  "|0 issuemail ca.example",
	    "issuemail" },
	{ "0 issuemail ca.example; foo=1", "not-authorized" },
	{ "0 issuemail ca.example; account-uri=" CAA_LAB_ACCOUNT,
	    "not-authorized" },
	{ "0 issuemail ca.example; validation-methods=email-reply-00",
	    "not-authorized" },
	{ "0 issuemail ca.example; persistUntil=1", "not-authorized" },
	{ "0 issuemail ca.example; accounturi", "not-authorized" },
	{ "0 issuemail ca.example; =" CAA_LAB_ACCOUNT, "not-authorized" },
	{ "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT ";",
	    "not-authorized" },
	{ "0 issuemail ca.example;; accounturi=" CAA_LAB_ACCOUNT,
	    "not-authorized" },
	{ "0 issuemail ; accounturi=" CAA_LAB_ACCOUNT, "not-authorized" },
	{ "128 issuemail ca.example", "issuemail" },
	{ "128 tbs x|0 issuemail ca.example", "critical" },
	{ "0 tbs x", "no-issuemail" },
	{ "128 iodef mailto:a@b.example", "no-issuemail" },
	/* PK-32: which flags are critical */
	{ "1 tbs x|0 issuemail ca.example", "critical" },
	{ "2 tbs x|0 issuemail ca.example", "issuemail" },
	{ "64 tbs x|0 issuemail ca.example", "issuemail" },
	{ "129 tbs x|0 issuemail ca.example", "critical" },
	{ "255 tbs x|0 issuemail ca.example", "critical" },
	{ "128 issuevmc ca.example|128 contactemail a@b|128 contactphone 1",
	    "no-issuemail" },
	/* PK-33: malformed tags */
	{ "0 issue-mail ;", "no-issuemail" },
	{ "128 issue-mail ;", "critical" },
	{ "0 iss\xc3\xbc ;", "no-issuemail" },
};

static void
test_sets(void **state)
{
	struct job *j = unit_job();
	struct span rdata[4];
	(void)state;

	for (size_t i = 0; i < COUNT(sets); i++) {
		struct caa_decision d = { 0 };
		size_t n =
		    caa_lab_records(j, sets[i].records, rdata, COUNT(rdata));
		bool permit = strstr(sets[i].reason, "issuemail") != NULL;

		unit_case("%s", sets[i].records);
		caa_decide(rdata, n, CAA_LAB_ACCOUNT, &caa_lab_policy, &d);
		assert_string_equal(d.reason, sets[i].reason);
		assert_int_equal(d.result, permit ? CAA_PERMIT : CAA_DENY);
		assert_true(d.detail[0] != '\0');
		/* The sequence of records decides nothing. */
		for (size_t k = 0; k < n / 2; k++) {
			struct span t = rdata[k];
			rdata[k] = rdata[n - 1 - k];
			rdata[n - 1 - k] = t;
		}
		caa_decide(rdata, n, CAA_LAB_ACCOUNT, &caa_lab_policy, &d);
		assert_string_equal(d.reason, sets[i].reason);
	}
}

/* PK-32: the letter of the RFC, where the configuration asks for it. */
static void
test_flag_one(void **state)
{
	struct caa_policy letter = caa_lab_policy;
	struct job *j = unit_job();
	struct caa_decision d = { 0 };
	struct span rdata = caa_lab_record(j, "1 tbs x");
	(void)state;

	letter.flag1_critical = false;
	caa_decide(&rdata, 1, CAA_LAB_ACCOUNT, &letter, &d);
	assert_string_equal(d.reason, "no-issuemail");
}

/* PK-40: the account under an older URL of this server, and nobody else;
 * PK-42: what the operator may choose about unknown parameters. */
static void
test_choices(void **state)
{
	static const char *prefixes[] = { "https://old.example/acme/acct/",
		"https://older.example/" };
	static const struct conf_list list = { prefixes, 2 };
	static const struct {
		const char *record;
		bool permitted; /* with both choices */
	} rows[] = {
		{ "0 issuemail ca.example;accounturi=" CAA_LAB_ACCOUNT, true },
		{ "0 issuemail ca.example;accounturi=" CAA_LAB_OTHER, false },
		{ "0 issuemail ca.example;"
		  "accounturi=https://old.example/acme/acct/AAAA",
		    true },
		{ "0 issuemail ca.example;"
		  "accounturi=https://older.example/AAAA",
		    true },
		{ "0 issuemail ca.example;"
		  "accounturi=https://old.example/acme/acct/BBBB",
		    false },
		{ "0 issuemail ca.example;"
		  "accounturi=https://old.example/acme/acct/",
		    false },
		{ "0 issuemail ca.example;"
		  "accounturi=https://old.example/acme/acct/AAAA/",
		    false },
		{ "0 issuemail ca.example;"
		  "accounturi=https://OLD.example/acme/acct/AAAA",
		    false },
		{ "0 issuemail ca.example;"
		  "accounturi=http://old.example/acme/acct/AAAA",
		    false },
		{ "0 issuemail ca.example; foo=bar", true },
		{ "0 issuemail ca.example; foo=bar; "
		  "validationmethods=dns-01",
		    false },
		{ "0 issuemail other.example; foo=bar", false },
	};
	struct caa_policy chosen = caa_lab_policy;
	struct job *j = unit_job();
	(void)state;

	chosen.account_prefixes = &list;
	chosen.ignore_unknown = true;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct caa_decision d = { 0 };
		struct span rdata = caa_lab_record(j, rows[i].record);

		unit_case("%s", rows[i].record);
		caa_decide(&rdata, 1, CAA_LAB_ACCOUNT, &chosen, &d);
		assert_int_equal(
		    d.result, rows[i].permitted ? CAA_PERMIT : CAA_DENY);
	}
}

/* The refusal names the parameter (4.2 step 10). */
static void
test_detail(void **state)
{
	struct job *j = unit_job();
	struct caa_decision d = { 0 };
	struct span rdata = caa_lab_record(
	    j, "0 issuemail ca.example; account-uri=" CAA_LAB_ACCOUNT);
	(void)state;

	caa_decide(&rdata, 1, CAA_LAB_ACCOUNT, &caa_lab_policy, &d);
	assert_non_null(strstr(d.detail, "account-uri"));
	rdata = caa_lab_record(
	    j, "0 issuemail ca.example; accounturi=" CAA_LAB_OTHER);
	caa_decide(&rdata, 1, CAA_LAB_ACCOUNT, &caa_lab_policy, &d);
	assert_non_null(strstr(d.detail, "accounturi names another account"));
}

/* RDATA cut at each length, and each of its octets changed. */
static void
test_broken_rdata(void **state)
{
	struct job *j = unit_job();
	struct span good = caa_lab_record(
	    j, "0 issuemail ca.example; accounturi=" CAA_LAB_ACCOUNT);
	(void)state;

	for (size_t n = 0; n < good.n; n++) {
		struct caa_decision d = { 0 };
		char *copy = xmalloc(n + 1);
		memcpy(copy, good.p, n);
		struct span cut = span_mem(copy, n);
		unit_case("cut at %zu", n);
		caa_decide(&cut, 1, CAA_LAB_ACCOUNT, &caa_lab_policy, &d);
		/* Cut behind the name it is a good one. */
		bool whole_name =
		    n == 2 + 9 + 10 || n == 2 + 9 + 11 || n == 2 + 9 + 12;
		assert_int_equal(d.result, whole_name ? CAA_PERMIT : CAA_DENY);
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_sets),
	cmocka_unit_test(test_flag_one),
	cmocka_unit_test(test_choices),
	cmocka_unit_test(test_detail),
	cmocka_unit_test(test_broken_rdata),
};

UNIT_MAIN(tests)
