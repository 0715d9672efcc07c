/*
 * How long reports are kept, and what was withdrawn from another CA (PK-22,
 * PK-37, PK-184).
 */
#include "config.h"

#include "tests/unit/purge_lab.h"

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "lib/count.h"
#include "src/handoff.h"
#include "src/role_issuer.h"
#include "tests/unit/role_lab.h"

static void
at(struct role_lab *lab, int64_t now)
{
	role_lab_at(lab, now);
	purge_lab_run(lab);
}

/* Not before the end that is given, and then. */
static void
expect_until(struct role_lab *lab, const char *table, int64_t end)
{
	at(lab, end + RETENTION - 1);
	assert_int_equal(purge_lab_rows(lab->j, table), 1);
	at(lab, end + RETENTION);
	assert_int_equal(purge_lab_rows(lab->j, table), 0);
}

/* Open reports have no date; then the latest of what they are about counts, and
 * notices go with them. */
static void
test_PK_22_PK_184_problem_reports(struct job *j)
{
	static const struct {
		const char *name, *what;
		bool is_certificate; /* whose end counts */
		int64_t end;
	} cases[] = {
		{ "an incident", "closed_at = 1800000000, incident_id = 'i'",
		    false, 1850000000 },
		{ "about nothing", "closed_at = 1800000000", false,
		    1800000000 },
		{ "a certificate",
		    "closed_at = 1800000000, cert_id = (SELECT id FROM cert)",
		    true, 0 },
		{ "its key",
		    "closed_at = 1800000000, "
		    "spki_sha256 = (SELECT spki_sha256 FROM cert)",
		    true, 0 },
		{ "closed later",
		    "closed_at = 1900000000, cert_id = (SELECT id FROM cert)",
		    false, 1900000000 },
		{ "one that is gone", "closed_at = 1800000000, cert_id = 'x'",
		    false, 1800000000 },
	};
	struct role_lab lab;
	struct cert c;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at, finished_at) "
	    "VALUES ('i', 'x', '{}', 1, 1, 2, 'x', 1, 1850000000)");
	/* What holds the certificate, so that it is there for all of them. */
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at) "
	    "VALUES ('open', 'x', '{}', 1, 1, 2, 'x', 1)");
	fixture_sql(j, "INSERT INTO incident_cert (incident_id, cert_id) "
		       "SELECT 'open', id FROM cert");
	fixture_sql(j, "INSERT INTO notice (about, mailbox, expires_at) "
		       "VALUES ('report:77:answer', 'x@example.org', 1)");
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		role_lab_at(&lab, FIXTURE_NOW);
		purge_lab_add_report(j);
		purge_lab_set_report(j, cases[i].what);
		assert_int_equal(purge_lab_rows(j, "notice"), 3);
		expect_until(&lab, "report",
		    cases[i].is_certificate ? c.not_after : cases[i].end);
		assert_int_equal(purge_lab_rows(j, "notice"), 1);
	}
	role_lab_at(&lab, FIXTURE_NOW);
	purge_lab_add_report(j);
	at(&lab, FIXTURE_NOW + 10 * RETENTION);
	assert_int_equal(purge_lab_rows(j, "report"), 1);
	/* Closed, and a mail about it still on its way. */
	purge_lab_set_report(j, "closed_at = 1800000000");
	fixture_sql(j, "UPDATE notice SET due_at = 1 WHERE about LIKE '%sion'");
	at(&lab, j->now + DAY);
	assert_int_equal(purge_lab_rows(j, "report"), 1);
	fixture_sql(j, "UPDATE notice SET due_at = NULL");
	at(&lab, j->now + DAY);
	assert_int_equal(purge_lab_rows(j, "report"), 0);
}

/* An open incident holds its report; more than one bite of them; and each that
 * goes is a record in the chain. */
static void
test_PK_22_many_reports(struct job *j)
{
	struct role_lab lab;
	int64_t count, purged;

	purge_lab_init(&lab, j);
	for (int i = 0; i < 45; i++)
		purge_lab_add_report(j);
	purge_lab_set_report(j, "closed_at = 1800000000");
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at) "
	    "VALUES ('i', 'x', '{}', 1, 1, 2, 'x', 1)");
	fixture_sql(
	    j, "UPDATE report SET incident_id = 'i' WHERE number IN (11, 22)");
	COMMITTED(j, store_audit_add(j, "x", "x", "report:11", "ok", NULL));
	COMMITTED(j, store_audit_add(j, "x", "x", "report:12", "ok", NULL));
	COMMITTED(j, store_audit_add(j, "x", "x", "report:a-1", "ok", NULL));
	at(&lab, 1800000000 + RETENTION);
	assert_int_equal(purge_lab_rows(j, "report"), 2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'records purged' AND object = "
			     "'purge:problem reports' AND detail LIKE '%43%'"),
	    1);
	/* What is said of one that is there stays with it. */
	at(&lab, j->now + 60 * DAY);
	assert_int_equal(purge_lab_records(j, "report"), 1);
	EXPECT(j,
	    store_audit_verify_sealed(j, lab.issuer.seal, &count, &purged), 0);
	assert_true(purged > 0);
}

/* Apart from its check, which a validation keeps: from its own end. */
static void
test_PK_22_PK_37_caa_reports(struct job *j)
{
	struct role_lab lab;

	purge_lab_init(&lab, j);
	purge_lab_prove(&lab);
	fixture_sql(j, "UPDATE caa_report SET expires_at = 1800000100, "
		       "due_at = 1800000100");
	at(&lab, 1800000100 + RETENTION);
	assert_int_equal(purge_lab_rows(j, "caa_report"), 1);
	fixture_sql(j, "UPDATE caa_report SET due_at = NULL");
	role_lab_at(&lab, 1800000100);
	expect_until(&lab, "caa_report", 1800000100);
	assert_int_equal(purge_lab_rows(j, "caa"), 1);
}

/* PK-22, PK-216: what another CA made and nobody got. */
static void
test_PK_22_withdrawals(struct job *j)
{
	static const struct handoff none = { .request = "" };
	struct role_lab lab, other;
	struct cert c;
	int64_t end;
	size_t count;
	char *der;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	/* One that no order got. */
	der = arena_memdup(j->arena, c.der.p, c.der.n);
	der[c.der.n - 1] ^= 1;
	COMMITTED(
	    j, handoff_withdraw(j, &none, span_mem(der, c.der.n), &count));
	assert_int_equal(count, 1);
	end = c.not_after;
	assert_int_equal(
	    fixture_count(j, "SELECT not_after FROM withdrawal"), end);
	/* That CA has not confirmed it, and is asked again. */
	at(&lab, end + RETENTION);
	assert_int_equal(purge_lab_rows(j, "withdrawal"), 1);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE withdrawal SET due_at = NULL, confirmed_at = %lld",
		   (long long)(end + 100)));
	expect_until(&lab, "withdrawal", end + 100);
	/* Given up. */
	role_lab_at(&lab, FIXTURE_NOW);
	COMMITTED(
	    j, handoff_withdraw(j, &none, span_mem(der, c.der.n), &count));
	assert_int_equal(count, 1);
	fixture_sql(j, "UPDATE withdrawal SET due_at = NULL");
	expect_until(&lab, "withdrawal", end);
	/* What is no certificate is none of those. */
	COMMITTED(
	    j, handoff_withdraw(j, &none, SPAN("no certificate"), &count));
	assert_int_equal(count, 0);
	assert_int_equal(purge_lab_rows(j, "withdrawal"), 0);
	/* Those of certificates of ours are theirs. */
	purge_lab_init(&other, j);
	purge_lab_prove(&other);
	fixture_sql(j,
	    "INSERT INTO withdrawal (id, cert_id, der, reason, asked_at) "
	    "SELECT id, id, der, 4, 1 FROM cert");
	at(&other,
	    fixture_count(j, "SELECT not_after FROM cert") + RETENTION - 1);
	assert_int_equal(purge_lab_rows(j, "withdrawal"), 1);
	at(&other, j->now + 1);
	assert_int_equal(purge_lab_rows(j, "withdrawal"), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_PK_22_PK_184_problem_reports),
	STORE_TEST(test_PK_22_many_reports),
	STORE_TEST(test_PK_22_PK_37_caa_reports),
	STORE_TEST(test_PK_22_withdrawals),
};
UNIT_MAIN(tests)
