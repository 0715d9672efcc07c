/* The certificates that a lint selects for an incident: PK-139, PK-140, PK-185.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <stdio.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "lib/count.h"
#include "src/incident_lint.h"
#include "src/incident_open.h"
#include "src/linters_hold.h"
#include "src/role_linter.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/linter_lab.h"

#define DAY INT64_C(86400)

/* PK-185: selected by the lint that refuses it, and by no other. */
static void
test_selected(struct job *j)
{
	struct role_lab lab;
	struct cert c = issuer_lab_issue(&lab, j);
	struct incident i = { .id = "i",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.known_at = j->now,
		.deadline = j->now + DAY,
		.opened_by = "one" };
	struct incident_selector s = { .cert_id = NULL };
	struct incident_lint_set set;
	struct incident_opened opened;
	struct relint_verdict v;
	char id[8];

	EXPECT(j, issuer_relint(&lab.issuer, j, &c, &v), 0);
	assert_true(v.linted);
	EXPECT(j, incident_lint_find(&lab.issuer, j, "L-31", &set), 0);
	assert_int_equal(set.checked, 1);
	assert_int_equal(set.unlinted, 0);
	assert_int_equal(set.count, 0);
	issuer_lab_spoil_purpose(j, c.der);
	EXPECT(j, store_cert_by_id(j, c.id, NULL, &c), 1);
	EXPECT(j, issuer_relint(&lab.issuer, j, &c, &v), 1);
	assert_int_equal(sscanf(v.why, "lint %7[^:]:", id), 1);
	EXPECT(j, incident_lint_find(&lab.issuer, j, id, &set), 0);
	assert_int_equal(set.count, 1);
	assert_string_equal(set.ids[0], c.id);
	/* One that passes. */
	EXPECT(j,
	    incident_lint_find(&lab.issuer, j,
		strcmp(id, "L-10") == 0 ? "L-11" : "L-10", &set),
	    0);
	assert_int_equal(set.count, 0);
	assert_int_equal(incident_lint_find(&lab.issuer, j, "L-999", &set), -1);
	assert_non_null(strstr(j->err.text, "L-999"));
	job_recover(j);
	EXPECT(j, incident_lint_find(&lab.issuer, j, id, &set), 0);
	s.cert_ids = set.ids;
	s.cert_id_count = set.count;
	EXPECT(j, incident_open(j, &i, &s, false, &opened), 0);
	assert_int_equal(opened.certificates, 1);
}

/* PK-185, PK-140: selected by a lint of a linter that is not ours; while it
 * gives no verdict there is no set. */
static void
test_selected_by_linter(struct job *j)
{
	static const char script[] =
	    "cat >/dev/null; echo '{\"e_b\":{\"result\":\"error\"},"
	    "\"w_c\":{\"result\":\"warn\"},\"e_d\":{\"result\":\"pass\"}}'";
	static const struct {
		const char *lint;
		size_t count;
	} rows[] = { { "zl:e_b", 1 }, { "zl:w_c", 1 }, { "zl:e_d", 0 },
		{ "zl:e_none", 0 }, { "zl:e_", 0 } };
	struct conf_allow_lint allow = {
		.name = "zl:w_c", .reason = "known", .until = "2030-01-01"
	};
	struct linters_hold hold = { .fd = -1 };
	struct role_lab lab;
	struct incident_lint_set set;
	struct cert c = issuer_lab_issue(&lab, j);
	pid_t pid;

	assert_int_equal(
	    incident_lint_find(&lab.issuer, j, "zl:e_b", &set), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	assert_non_null(strstr(j->err.text, "no section linter"));
	job_recover(j);
	lab.issuer.linters = &hold;
	linter_lab_add(j, &lab.conf, "zl", script, 60);
	EXPECT(j, linter_start(j, &pid, &hold.fd), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].lint);
		EXPECT(j,
		    incident_lint_find(&lab.issuer, j, rows[i].lint, &set), 0);
		assert_int_equal(set.checked, 1);
		assert_int_equal(set.unlinted, 0);
		assert_int_equal(set.count, rows[i].count);
		if (set.count > 0)
			assert_string_equal(set.ids[0], c.id);
	}
	/* PK-139 */
	lab.conf.allow_lints = &allow;
	lab.conf.allow_lint_count = 1;
	EXPECT(j, incident_lint_find(&lab.issuer, j, "zl:w_c", &set), 0);
	assert_int_equal(set.count, 0);
	linter_lab_change(j, "zl", "exit 1");
	assert_int_equal(
	    incident_lint_find(&lab.issuer, j, "zl:e_b", &set), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	assert_non_null(strstr(j->err.text, c.serial));
	job_recover(j);
	linter_stop(pid, hold.fd);
}

/* PK-139: what a report says that refuses. */
static void
test_refuses(struct job *j)
{
	static const struct {
		const char *report;
		bool refuses;
	} rows[] = {
		{ "{\"lints\":[{\"lint\":\"L-2\",\"result\":\"error\"}]}",
		    false },
		{ "{\"lints\":[{\"lint\":\"L-1\",\"result\":\"error\"}]}",
		    true },
		{ "{\"lints\":[{\"lint\":\"L-1\",\"result\":\"pass\"}]}",
		    false },
		{ "{\"lints\":[{\"lint\":\"L-1\",\"result\":\"warning\"}]}",
		    true },
		{ "{\"lints\":[{\"lint\":\"L-1\",\"result\":\"warning\","
		  "\"allowed\":\"x\"}]}",
		    false },
		{ "{\"lints\":7}", false },
		{ "no report", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    incident_lint_refuses(j, rows[i].report, "L-1"),
		    rows[i].refuses);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_selected),
	STORE_TEST_SQLITE(test_selected_by_linter),
	STORE_TEST_SQLITE(test_refuses),
};

UNIT_MAIN(tests)
