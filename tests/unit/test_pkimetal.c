/* What a linting service says (PK-140). */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "pki/pkimetal.h"

#define LISTED                                                                 \
	"[{\"Name\":\"pkilint\",\"Instances\":1,\"Version\":\"v0.13.3\","      \
	"\"Url\":\"u\"},{\"Name\":\"pwnedkeys\",\"Instances\":0,"              \
	"\"Version\":\"v1\",\"Url\":\"u\"},{\"Name\":\"zlint\","               \
	"\"Instances\":2,\"Version\":\"v3.7.3\",\"Url\":\"u\"}]\n"
#define SAID(linter, finding, severity)                                        \
	"{\"Linter\":\"" linter "\",\"Finding\":\"" finding                    \
	"\",\"Severity\":\"" severity "\"}"
#define CODED(linter, code, severity)                                          \
	"{\"Linter\":\"" linter "\",\"Finding\":\"words\",\"Field\":\"x\","    \
	"\"Code\":\"" code "\",\"Severity\":\"" severity "\"}"
#define HEAD SAID("pkimetal", "Profile: rfc5280_crl; Version: v1.20.0", "meta")
#define PKILINT_DONE                                                           \
	SAID("pkilint", "Queued: 1ms; Runtime: 2ms; Version: v0.13.3", "meta")
#define ZLINT_DONE                                                             \
	SAID("zlint", "Queued: 1ms; Runtime: 2ms; Version: v3.7.3", "meta")
#define ZLINT_UNUSED                                                           \
	SAID("zlint", "zlint: Not used [Available:true, Applicable:false]",    \
	    "meta")
#define PWNEDKEYS                                                              \
	SAID("pwnedkeys",                                                      \
	    "pwnedkeys: Not used [Available:false, Applicable:true]", "meta")
#define DONE PKILINT_DONE "," PWNEDKEYS "," ZLINT_DONE

static const char *
in_words(struct job *j, const struct linter_findings *f)
{
	struct buf b;

	buf_init(&b, j->arena, 65536);
	for (size_t i = 0; i < f->n; i++)
		buf_addf(&b, "%s%s:%.*s", i > 0 ? " " : "",
		    f->v[i].is_error ? "E" : "W", (int)f->v[i].lint.n,
		    f->v[i].lint.p);
	return b.n > 0 ? b.p : "";
}

/* PK-140, PK-139: a verdict for each severity. */
static void
test_verdicts(void **state)
{
	static const struct {
		const char *answer, *found;
	} cases[] = {
		{ "[" HEAD "," DONE "]\n", "" },
		{ "[" HEAD "," PKILINT_DONE "," ZLINT_UNUSED "]", "" },
		{ "[" HEAD "," CODED("zlint", "e_a", "error") "," CODED(
		      "zlint", "w_b", "warning") "," DONE "]",
		    "E:zlint:e_a W:zlint:w_b" },
		{ "[" HEAD "," CODED("pkilint", "pkix.x", "fatal") "," DONE "]",
		    "E:pkilint:pkix.x" },
		{ "[" HEAD
		  "," CODED("zlint", "n_a", "notice") "," CODED("zlint", "i_a",
		      "info") "," CODED("zlint", "d_a", "debug") "," DONE "]",
		    "" },
		/* without a code */
		{ "[" HEAD "," SAID("x509lint", "E: No policy, \\u00e9!",
		      "error") "," DONE "]",
		    "E:x509lint:E__No_policy_____" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct linter_findings f;
		struct span version;

		if (pkimetal_read(j, LINT_CRL, SPAN(LISTED),
			span_str(cases[i].answer), &f, &version) < 0)
			fail_msg("%zu: %s", i, j->err.text);
		assert_string_equal(in_words(j, &f), cases[i].found);
		assert_span_equal(version, "v1.20.0");
	}
}

/* PK-136, PK-140: what is not a whole verdict is none. */
static void
test_nonsense(void **state)
{
	static const struct {
		const char *listed, *answer, *why;
	} cases[] = {
		{ "{}", "[" HEAD "," DONE "]", "JSON array" },
		{ "[{\"Name\":\"a b\",\"Instances\":1}]", "[" HEAD "," DONE "]",
		    "without a name" },
		{ "[{\"Name\":\"zlint\",\"Instances\":\"1\"}]",
		    "[" HEAD "," DONE "]", "without a name" },
		{ LISTED, "", "JSON array" },
		{ LISTED, "{}", "JSON array" },
		{ LISTED, "[]", "profile" },
		{ LISTED, "null", "JSON array" },
		/* another profile, or no word of it */
		{ LISTED,
		    "[" SAID("pkimetal", "Profile: rfc5280_arl; Version: v1",
			"meta") "," DONE "]",
		    "profile" },
		{ LISTED, "[" DONE "]", "profile" },
		{ LISTED,
		    "[" SAID("pkimetal",
			"Profile: rfc5280_crl; Version: ", "meta") "," DONE "]",
		    "version" },
		/* a linter that did not come to its end, or none at all */
		{ LISTED, "[" HEAD "," PKILINT_DONE "," PWNEDKEYS "]",
		    "zlint has not come to an end" },
		{ LISTED, "[" HEAD "," ZLINT_DONE "]",
		    "pkilint has not come to an end" },
		{ "[]", "[" HEAD "]", "none of its linters" },
		{ "[{\"Name\":\"zlint\",\"Instances\":1}]",
		    "[" HEAD "," ZLINT_UNUSED "]", "none of its linters" },
		/* a linter that has failed */
		{ LISTED,
		    "[" HEAD "," SAID("pkimetal",
			"zlint: linting backend timed out", "fatal") "," DONE
								     "]",
		    "failed itself" },
		{ LISTED,
		    "[" HEAD "," CODED("zlint", "e_a", "bug") "," DONE "]",
		    "severity" },
		{ LISTED,
		    "[" HEAD "," CODED("zlint", "e_a", "ERROR") "," DONE "]",
		    "severity" },
		{ LISTED, "[" HEAD "," CODED("", "e_a", "error") "," DONE "]",
		    "severity" },
		{ LISTED, "[" HEAD ",1," DONE "]", "severity" },
		{ LISTED, "[" HEAD "," DONE "]x", "JSON array" },
		{ LISTED, "[" HEAD "," DONE ",\"\xff\"]", "no text" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct linter_findings f;
		struct span version;

		assert_int_equal(
		    pkimetal_read(j, LINT_CRL, span_str(cases[i].listed),
			span_str(cases[i].answer), &f, &version),
		    -1);
		assert_int_equal(j->err.kind, ERR_MALFORMED);
		if (strstr(j->err.text, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, j->err.text);
		job_recover(j);
	}
}

/* PK-139: long words have a name that fits, and not that of others which begin
 * alike: what is allowed by one is not allowed by another. */
static void
test_long_words(void **state)
{
	struct job *j = unit_job();
	struct span names[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct linter_findings f;
		struct span version;
		struct buf b;

		buf_init(&b, j->arena, 65536);
		buf_addf(&b, "[" HEAD ",{\"Linter\":\"certlint\",\"Finding\":"
			     "\"W: ");
		for (size_t k = 0; k < 300; k++)
			buf_add_char(&b, 'a');
		buf_addf(&b, "%zu\",\"Severity\":\"warning\"}," DONE "]", i);
		assert_int_equal(pkimetal_read(j, LINT_CRL, SPAN(LISTED),
				     buf_span(&b), &f, &version),
		    0);
		assert_int_equal(f.n, 1);
		assert_true(linter_name_is_good(f.v[0].lint));
		names[i] = f.v[0].lint;
	}
	assert_false(span_eq(names[0], names[1]));
}

/* PK-140: it is asked with the profile, and the text comes through as it is. */
static void
test_form(void **state)
{
	struct job *j = unit_job();
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 4096);
	pkimetal_add_form(&b, LINT_STRICT, SPAN("-a+/=\n"));
	assert_span_equal(buf_span(&b),
	    "format=json&severity=meta&profile=sbr_leaf_smime_mv_strict&"
	    "b64input=%2Da%2B%2F%3D%0A");
	for (enum lint_object what = 0; what < LINT_OBJECTS; what++) {
		assert_non_null(pkimetal_profile(what));
		assert_int_equal(pkimetal_path(what)[0], '/');
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_verdicts),
	cmocka_unit_test(test_nonsense),
	cmocka_unit_test(test_long_words),
	cmocka_unit_test(test_form),
};

UNIT_MAIN(tests)
