/*
 * One CAA record and the value of its issuemail: PK-35, PK-39 to PK-42, PK-53.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "pki/caa_value.h"
#include "tests/unit/caa_lab.h"
#include "tests/unit/unit.h"

static void
test_property(void **state)
{
	static const struct {
		struct span rdata;
		int result;
		const char *tag, *value;
	} rows[] = {
		{ SPAN_INIT(""), -1, NULL, NULL },
		{ SPAN_INIT("\200"), -1, NULL, NULL },
		{ SPAN_INIT("\200\0"), 0, "", "" },
		{ SPAN_INIT("\200\0v"), 0, "", "v" },
		{ SPAN_INIT("\200\1"), -1, NULL, NULL },
		{ SPAN_INIT("\200\1t"), 0, "t", "" },
		{ SPAN_INIT("\200\5issue;"), 0, "issue", ";" },
		{ SPAN_INIT("\200\377issue;"), -1, NULL, NULL },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct caa_property p;

		unit_case("%zu", i);
		assert_int_equal(
		    caa_property_parse(rows[i].rdata, &p), rows[i].result);
		if (rows[i].result < 0)
			continue;
		assert_int_equal(p.flags, 128);
		assert_true(span_eq_str(p.tag, rows[i].tag));
		assert_true(span_eq_str(p.value, rows[i].value));
	}
}

/* What it says to people names the first parameter that does not hold. */
static void
test_judged(void **state)
{
	static const struct {
		const char *value;
		int result;
		bool names_us;
		const char *parameter, *refusal;
	} rows[] = {
		{ "", 0, false, NULL, NULL },
		{ ";", 0, false, NULL, NULL },
		{ "ca.example", 0, true, NULL, NULL },
		{ "old-ca.EXAMPLE \t;", 0, true, NULL, NULL },
		{ "ca.example; accounturi=" CAA_LAB_ACCOUNT, 0, true, NULL,
		    NULL },
		{ "ca.example; accounturi=" CAA_LAB_OTHER, 0, true,
		    "accounturi", "names another account" },
		{ "ca.example; x=1; accounturi=" CAA_LAB_OTHER, 0, true, "x",
		    "is not known" },
		{ "ca.example; ValidationMethods=dns-01", 0, true,
		    "ValidationMethods", "does not name email-reply-00" },
		{ "ca.example; validationmethods=email-reply-00;"
		  "validationmethods=email-reply-00",
		    0, true, "validationmethods", "stands twice" },
		/* of no use to a CA that is not named */
		{ "other.example; x=1", 0, false, "x", "is not known" },
		{ "ca.example x", -1, false, NULL, NULL },
		{ "ca.example; x", -1, false, NULL, NULL },
		{ "ca..example", -1, false, NULL, NULL },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct caa_judgement out;

		unit_case("%s", rows[i].value);
		assert_int_equal(caa_value_judge(span_str(rows[i].value),
				     CAA_LAB_ACCOUNT, &caa_lab_policy, &out),
		    rows[i].result);
		assert_int_equal(out.names_us, rows[i].names_us);
		if (rows[i].result < 0)
			continue;
		if (rows[i].refusal == NULL) {
			assert_null(out.refusal);
			continue;
		}
		assert_string_equal(out.refusal, rows[i].refusal);
		assert_true(span_eq_str(out.parameter, rows[i].parameter));
	}
}

/* Cut at each length, with nothing readable behind it. */
static void
test_cut(void **state)
{
	static const char whole[] = "ca.example; accounturi=" CAA_LAB_ACCOUNT
				    "; validationmethods=dns-01,email-reply-00";
	(void)state;

	for (size_t n = 0; n < sizeof(whole); n++) {
		struct caa_judgement out;
		char *copy = xmalloc(n + 1);
		int result;

		unit_case("%zu", n);
		memcpy(copy, whole, n);
		copy = xrealloc(copy, n > 0 ? n : 1);
		result = caa_value_judge(
		    span_mem(copy, n), CAA_LAB_ACCOUNT, &caa_lab_policy, &out);
		/* the whole domain at least, or it names nobody */
		assert_false(result < 0 && out.names_us);
		assert_false(out.names_us && n < strlen("ca.example"));
		if (n == strlen(whole))
			assert_true(out.names_us && out.refusal == NULL);
		free(copy);
	}
}

/* PK-53 */
static void
test_parameters(void **state)
{
	static const struct {
		const char *record;
		bool has;
	} rows[] = {
		{ "0 issuemail ca.example", false },
		{ "0 issuemail ca.example; \t", false },
		{ "0 issuemail ;", false },
		{ "0 issuemail ca.example;x", true },
		{ "0 IssueMail ;x=1", true },
		{ "0 issue ca.example; x=1", false },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].record);
		assert_int_equal(
		    caa_has_parameters(caa_lab_record(j, rows[i].record)),
		    rows[i].has);
	}
	assert_false(caa_has_parameters(SPAN("\0\11issuemail")));
	assert_false(caa_has_parameters(SPAN("\0\12issuemail")));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_property),
	cmocka_unit_test(test_judged),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_parameters),
};

UNIT_MAIN(tests)
