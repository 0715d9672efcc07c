#include "config.h"

#include "tests/unit/issuer_lab.h"
#include "tests/unit/purge_lab.h"

#include "db/store_audit.h"
#include "db/store_caa_round.h"
#include "db/store_notice.h"
#include "db/store_report.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "src/evidence.h"
#include "src/judge_caa.h"
#include "src/purge.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"

void
purge_lab_init(struct role_lab *lab, struct job *j)
{
	issuer_lab_init(lab, j, lab_ca("p256"));
	lab->conf.retention = RETENTION;
	lab->conf.retain_final = RETAIN_FINAL;
}

void
purge_lab_run(struct role_lab *lab)
{
	int r;

	lab->issuer.purge.due_at = 0;
	while ((r = issuer_purge_step(&lab->issuer, lab->j)) > 0)
		;
	fixture_expect(lab->j, r, 0, __FILE__, __LINE__);
}

struct cert
purge_lab_issue(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct lab_csr csr =
	    lab_csr(j, lab_key(KEY_TYPE_P256, 0), PURGE_LAB_MAILBOX);
	struct cert c = { .id = NULL };
	int r;

	role_lab_request_take(lab, lab_csr_make(j, &csr));
	while ((r = issuer_step(&lab->issuer, j)) > 0 ||
	       judge_caa(&lab->validator, j) > 0)
		;
	fixture_expect(j, r, 0, __FILE__, __LINE__);
	EXPECT(j, store_cert_by_order(j, lab->order->id, &c), 1);
	assert_true(c.issued_at > 0);
	return c;
}

void
purge_lab_round(struct role_lab *lab)
{
	struct job *j = lab->j;
	uint8_t seal[SEAL_LEN];
	struct caa_row c;

	EXPECT(j, store_caa_latest(j, role_lab_authz(lab)->id, &c), 1);
	evidence_seal_caa_round(lab->validator.seal, &c, seal);
	c.seal = span_mem(seal, sizeof(seal));
	COMMITTED(j, store_caa_round_add(j, &c));
}

struct cert
purge_lab_prove(struct role_lab *lab)
{
	issuer_lab_prove(lab);
	purge_lab_round(lab);
	fixture_sql(lab->j,
	    "INSERT INTO caa_report (id, caa_id, domain, found_at, reason, "
	    "refused_at, recipient, expires_at) SELECT id, id, domain, domain, "
	    "'critical', checked_at, mailbox, checked_at FROM caa");
	return purge_lab_issue(lab);
}

int64_t
purge_lab_rows(struct job *j, const char *table)
{
	return fixture_count(
	    j, arena_printf(j->arena, "SELECT COUNT(*) FROM %s", table));
}

static const char *const of_orders[] = { "orders", "order_identifier", "authz",
	"challenge", "outbox", "part1", "spool", "reply", "caa", "caa_report",
	"caa_round", "cert" };

void
purge_lab_nothing_left(struct job *j)
{
	for (size_t i = 0; i < COUNT(of_orders); i++) {
		unit_case("%s", of_orders[i]);
		assert_int_equal(purge_lab_rows(j, of_orders[i]), 0);
	}
}

int64_t
purge_lab_records(struct job *j, const char *object)
{
	return fixture_count(j, arena_printf(j->arena,
				    "SELECT COUNT(*) FROM audit "
				    "WHERE object LIKE '%s:%%'",
				    object));
}

void
purge_lab_chain_verifies(struct role_lab *lab, int64_t expected_purged)
{
	int64_t count, purged;

	EXPECT(lab->j,
	    store_audit_verify_sealed(
		lab->j, lab->issuer.seal, &count, &purged),
	    0);
	assert_int_equal(
	    count, fixture_count(lab->j, "SELECT seq FROM audit_head"));
	assert_int_equal(purged, expected_purged);
	assert_int_equal(count - purged, purge_lab_rows(lab->j, "audit"));
}

void
purge_lab_set_report(struct job *j, const char *what)
{
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE report SET keep_from = 0, %s", what));
}

void
purge_lab_add_report(struct job *j)
{
	struct report r = {
		.text = "lost", .received_at = 1, .entered_by = "x"
	};

	COMMITTED(j, store_report_add(j, &r));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO notice (about, mailbox, expires_at) VALUES "
		   "('%s', 'x@example.org', 1), ('%s', 'x@example.org', 1)",
		   notice_of_report(j, r.number, NOTICE_ANSWER),
		   notice_of_report(j, r.number, NOTICE_DECISION)));
}
