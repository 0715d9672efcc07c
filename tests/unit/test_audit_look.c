/* What an auditor is shown of a certificate: PK-18, PK-24. */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "db/store_cert.h"
#include "pki/ca.h"
#include "src/audit_look.h"
#include "src/role_linter.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/linter_lab.h"

static bool
shows(struct job *j, const struct audit_look *l, const char *id, bool json,
    int expected, const char *words)
{
	struct buf b;

	buf_init(&b, j->arena, 1 << 20);
	EXPECT(j, audit_look(l, j, id, json, &b), expected);
	if (strstr(b.p, words) == NULL)
		print_message("# %s\n", b.p);
	return strstr(b.p, words) != NULL;
}

/* PK-24, PK-18: linted again by every linter, and traced without a gap to what
 * proved the mailbox; each fault shows. */
static void
test_audit(struct job *j)
{
	struct role_lab lab;
	struct cert c = issuer_lab_issue(&lab, j);
	struct issuer auditor = { .ca = lab.issuer.ca };
	struct audit_look l = {
		.issuer = &auditor, .seal = lab.issuer.seal, .linters_fd = -1
	};
	pid_t pid;

	assert_true(shows(j, &l, c.id, false, 0, "lints of countersign"));
	assert_true(shows(
	    j, &l, c.id, false, 0, ISSUER_LAB_MAILBOX ": proven by the "));
	assert_true(shows(j, &l, c.id, true, 0, "\"finding\":false"));
	linter_lab_add(j, &lab.conf, "zl", LINTER_LAB_PASS, 60);
	assert_true(shows(j, &l, c.id, false, 1, "! linter zl: no verdict"));
	assert_int_equal(linter_start(j, &pid, &l.linters_fd), 0);
	assert_true(shows(j, &l, c.id, false, 0, "  linter zl, lab 1.0: pass"));
	linter_lab_change(
	    j, "zl", "cat >/dev/null; echo '{\"e_b\":{\"result\":\"error\"}}'");
	assert_true(
	    shows(j, &l, c.id, false, 1, "! linter zl, lab 1.0: e_b (error)"));
	linter_stop(pid, l.linters_fd);
	lab.conf.linter_count = 0;
	/* As versions before wrote it. */
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE cert SET evidence = '{\"authorizations\":[\"%s\"]}'",
		   lab.order->identifiers[0].authz.id));
	assert_true(shows(j, &l, c.id, false, 1,
	    "! evidence: gap: it was changed after the certificate was "));
	fixture_sql(j, "UPDATE audit SET detail = replace(detail, "
		       "'evidence_sha256', 'x')");
	assert_true(shows(
	    j, &l, c.id, false, 0, "  evidence: it does not name reply and"));
	assert_true(shows(
	    j, &l, c.id, false, 0, "  evidence: the audit has no hash of it"));
	fixture_sql(j, "UPDATE cert SET evidence = "
		       "'{\"authorizations\":[\"other\"],\"seal\":\"\"}'");
	assert_true(shows(j, &l, c.id, false, 1,
	    "gap: the certificate's evidence does not name it"));
	fixture_sql(j, "UPDATE reply SET verdict = 'note'");
	assert_true(shows(j, &l, c.id, false, 1,
	    ISSUER_LAB_MAILBOX ": gap: no reply proves this mailbox"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_audit),
};

UNIT_MAIN(tests)
