/*
 * How long records are kept (PK-22): each row by its own date, not a second
 * less, and what holds a row beyond it.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_caa_round.h"
#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "db/store_purge.h"
#include "db/store_report.h"
#include "db/store_revoke.h"
#include "lib/digest.h"
#include "pki/ca.h"
#include "src/dossier.h"
#include "src/evidence.h"
#include "src/handoff.h"
#include "src/judge_caa.h"
#include "src/purge.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"

#define MAILBOX "mailbox0@example.org"
#define DAY INT64_C(86400)
#define RETENTION (918 * DAY)
#define RETAIN_FINAL (30 * DAY)

static void
lab_init(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	lab->conf.retention = RETENTION;
	lab->conf.retain_final = RETAIN_FINAL;
	lab->issuer.ca = lab_ca("p256");
	lab->conf.issuer.crl_url = LAB_CRL_URL;
	lab->conf.issuer.crl_shards = 1;
	lab->conf.issuer.crl_file =
	    arena_printf(j->arena, "%s/issuing.crl", lab_folder());
	unlink(lab->conf.issuer.crl_file); /* of the test before */
	lab->conf.issuer.validity_days = 365;
	lab->conf.issuer.clock_allowance = 300;
	lab->conf.issuer.serial_octet = 1;
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
}

/* Everything that the issuer has to do now, but no list: those of years would
 * have to be made. */
static void
purge(struct role_lab *lab)
{
	int r;

	lab->issuer.purge.due_at = 0;
	while ((r = issuer_purge_step(&lab->issuer, lab->j)) > 0)
		;
	fixture_expect(lab->j, r, 0, __FILE__, __LINE__);
}

static struct cert
issue(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct lab_csr csr = lab_csr(j, lab_key(KEY_TYPE_P256, 0), MAILBOX);
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

/* PK-55: as if there had been an attempt before. */
static void
keep_round(struct role_lab *lab)
{
	struct job *j = lab->j;
	uint8_t seal[SEAL_LEN];
	struct caa_row c;

	EXPECT(j, store_caa_latest(j, role_lab_authz(lab)->id, &c), 1);
	evidence_seal_caa_round(lab->validator.seal, &c, seal);
	c.seal = span_mem(seal, sizeof(seal));
	COMMITTED(j, store_caa_round_add(j, &c));
}

static struct cert
prove_and_issue(struct role_lab *lab)
{
	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&lab->validator, lab->j), 1);
	keep_round(lab);
	fixture_sql(lab->j,
	    "INSERT INTO caa_report (id, caa_id, domain, found_at, reason, "
	    "refused_at, recipient, expires_at) SELECT id, id, domain, domain, "
	    "'critical', checked_at, mailbox, checked_at FROM caa");
	return issue(lab);
}

/* One more order, for the mailbox that the first one has proven. */
static void
order_again(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct order *o = arena_calloc(j->arena, 1, sizeof(*o));

	*o = *lab->order;
	o->id = arena_printf(j->arena, "again-%s", lab->order->id);
	o->created_at = j->now;
	o->life_until = j->now + 72 * 3600;
	o->identifiers = arena_calloc(j->arena, 1, sizeof(*o->identifiers));
	o->identifiers[0] = lab->order->identifiers[0];
	o->identifiers[0].is_new = false;
	COMMITTED(j, store_order_create(j, o, 0));
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
	lab->order = o;
}

static bool
evidence_verifies(struct role_lab *lab, const char *authz_id)
{
	struct dossier d;
	int found = dossier_load(lab->j, authz_id, &d);

	assert_true(found >= 0);
	if (found == 0)
		return false;
	EXPECT(lab->j, dossier_verify(lab->j, &d, lab->issuer.seal, NULL), 0);
	assert_string_equal(d.verdict, "ok");
	return d.verified;
}

static int64_t
rows(struct job *j, const char *table)
{
	return fixture_count(
	    j, arena_printf(j->arena, "SELECT COUNT(*) FROM %s", table));
}

static const char *const of_orders[] = { "orders", "order_identifier", "authz",
	"challenge", "outbox", "part1", "spool", "reply", "caa", "caa_report",
	"caa_round", "cert" };

static void
assert_nothing_left(struct job *j)
{
	for (size_t i = 0; i < sizeof(of_orders) / sizeof(of_orders[0]); i++) {
		unit_case("%s", of_orders[i]);
		assert_int_equal(rows(j, of_orders[i]), 0);
	}
}

/* The validation is used on its last day for a certificate of 818 days. */
static void
test_PK_22_reused_validation(struct job *j)
{
	struct role_lab lab;
	struct cert first, second;
	const char *authz_id;

	lab_init(&lab, j);
	authz_id = lab.order->identifiers[0].authz.id;
	first = prove_and_issue(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 72 * 3600 - 1);
	order_again(&lab);
	lab.conf.issuer.validity_days = 818;
	second = issue(&lab);
	assert_true(second.not_after > first.not_after + 450 * DAY);

	/* The first certificate goes alone; the order stays as far as the
	 * validation, which it made, needs it. */
	role_lab_at(&lab, first.not_after + RETENTION - 1);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 2);
	role_lab_at(&lab, first.not_after + RETENTION);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	assert_int_equal(rows(j, "orders"), 2);
	EXPECT(j, store_cert_by_id(j, second.id, NULL, &second), 1);
	EXPECT(j,
	    store_order_by_id(j, first.order_id, NULL,
		arena_calloc(j->arena, 1, sizeof(struct order))),
	    0);

	/* Two years and more after the expiry, the evidence is all there. */
	role_lab_at(&lab, second.not_after + 731 * DAY);
	purge(&lab);
	assert_true(evidence_verifies(&lab, authz_id));
	role_lab_at(&lab, second.not_after + RETENTION - 1);
	purge(&lab);
	assert_true(evidence_verifies(&lab, authz_id));
	assert_int_equal(rows(j, "reply"), 1);
	assert_int_equal(rows(j, "caa_round"), 1);
	role_lab_at(&lab, second.not_after + RETENTION);
	purge(&lab);
	assert_false(evidence_verifies(&lab, authz_id));
	assert_nothing_left(j);
	assert_int_equal(rows(j, "account"), 1);
}

/* PK-143: not even after its certificate was purged. */
static void
test_PK_143_purged_number_is_not_given_again(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	bool taken;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge(&lab);
	assert_nothing_left(j);
	lab.order = fixture_order(j, lab.account.id, 1);
	c.order_id = lab.order->id;
	REFUSED(j, store_cert_reserve(j, &c, &taken), ERR_CONFLICT);
	assert_true(taken);
	c.serial = arena_printf(j->arena, "01%s", c.serial);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
}

/* PK-160: revoked, and no list past the expiry has carried it yet, or the
 * newest one still does. */
static void
test_PK_160_revoked_stays_until_it_left_the_list(struct job *j)
{
	struct role_lab lab;
	struct cert c;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	fixture_sql(j, "UPDATE cert SET revoked_at = 1800000100, reason = 1, "
		       "revoked_by = 'x', list_due_at = 1800000100");
	role_lab_at(&lab, c.not_after + RETENTION + DAY);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	for (int lists = 0; lists < 2; lists++) {
		assert_int_equal(rows(j, "cert"), 1);
		role_lab_at(&lab, j->now + 2 * DAY);
		while (issuer_list_step(&lab.issuer, j) > 0)
			;
		purge(&lab);
	}
	role_lab_at(&lab, j->now + 2 * DAY);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 0);
	/* Neither the list before nor the next misses it. */
	while (issuer_list_step(&lab.issuer, j) > 0)
		;
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL"),
	    3);
}

/* PK-156, PK-22: by a key that was destroyed no list is signed any more, and a
 * revocation that none has carried does not keep its row for ever; while some
 * certificate of that key is valid it does. */
static void
test_PK_207_revoked_by_a_destroyed_key(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int64_t end;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	fixture_sql(j, "UPDATE cert SET revoked_at = 1800000100, reason = 1, "
		       "revoked_by = 'x', list_due_at = 1800000100, "
		       "ocsp_due_at = 1800000100");
	end = c.not_after + RETENTION + 2 * DAY;
	role_lab_at(&lab, end - 1);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO ca_key_end (ca_label, ended_at) VALUES ('%s', "
		   "%lld)",
		   c.ca_label, (long long)end));
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	role_lab_at(&lab, end + DAY);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 0);
}

/* An open incident holds its certificates; one that has ended counts from
 * its end. */
static void
test_PK_22_incident_holds(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int64_t end;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at) "
	    "VALUES ('i', 'x', '{}', 1, 1, 2, 'x', 1)");
	fixture_sql(j, "INSERT INTO incident_cert (incident_id, cert_id) "
		       "SELECT 'i', id FROM cert");
	fixture_sql(j, "INSERT INTO notice (about, mailbox, expires_at) "
		       "VALUES ('i', 'x@example.org', 1)");
	role_lab_at(&lab, c.not_after + RETENTION + DAY);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	assert_true(
	    evidence_verifies(&lab, lab.order->identifiers[0].authz.id));
	end = j->now;
	fixture_sql(
	    j, arena_printf(j->arena, "UPDATE incident SET finished_at = %lld",
		   (long long)end));
	role_lab_at(&lab, end + RETENTION - 1);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	assert_int_equal(rows(j, "incident"), 1);
	role_lab_at(&lab, end + RETENTION);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 0);
	/* What it held comes up again in a day. */
	role_lab_at(&lab, j->now + DAY);
	purge(&lab);
	assert_nothing_left(j);
	assert_int_equal(rows(j, "incident"), 0);
	assert_int_equal(rows(j, "notice"), 0);
}

/* What came to nothing goes soon, but for the hashes of its tokens (PK-6). */
static void
test_PK_6_tokens_outlive_what_came_to_nothing(struct job *j)
{
	struct role_lab lab;
	struct order again;

	lab_init(&lab, j);
	role_lab_send(&lab);
	role_lab_at(&lab, lab.order->life_until + RETAIN_FINAL - 1);
	purge(&lab);
	assert_int_equal(rows(j, "orders"), 1);
	role_lab_at(&lab, lab.order->life_until + RETAIN_FINAL);
	purge(&lab);
	assert_nothing_left(j);
	assert_int_equal(rows(j, "used_token"), 2);
	again = *lab.order;
	again.identifiers[0].is_new = true;
	REFUSED(j, store_order_create(j, &again, j->now), ERR_CONFLICT);
	role_lab_at(&lab, lab.order->life_until + RETENTION);
	purge(&lab);
	assert_int_equal(rows(j, "used_token"), 0);
	COMMITTED(j, store_order_create(j, &again, j->now));
}

/* A proof that no certificate was asked for is a validation document all the
 * same; an order that waits for the issuer has no date. */
static void
test_PK_22_proof_without_certificate(struct job *j)
{
	struct role_lab lab;
	const char *authz_id;

	lab_init(&lab, j);
	authz_id = lab.order->identifiers[0].authz.id;
	role_lab_finalize(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 10 * RETENTION);
	purge(&lab);
	assert_int_equal(rows(j, "order_identifier"), 1);
	assert_true(evidence_verifies(&lab, authz_id));
	fixture_sql(j, "UPDATE orders SET failed_at = 1800001000");
	role_lab_at(&lab, j->now + 2 * DAY);
	purge(&lab);
	assert_nothing_left(j);

	lab.order = fixture_order(j, lab.account.id, 1);
	authz_id = lab.order->identifiers[0].authz.id;
	lab.arrival = j->now;
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	role_lab_at(&lab, lab.order->life_until + RETENTION - 1);
	purge(&lab);
	assert_int_equal(rows(j, "order_identifier"), 0);
	assert_true(evidence_verifies(&lab, authz_id));
	role_lab_at(&lab, lab.order->life_until + RETENTION);
	purge(&lab);
	assert_nothing_left(j);
}

/* A shorter retention counts at once, a longer one is never too late. */
static void
test_retention_changes(struct job *j)
{
	struct role_lab lab;
	struct cert c;

	lab_init(&lab, j);
	lab.conf.retention = 2 * RETENTION;
	c = prove_and_issue(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge(&lab);
	assert_int_equal(rows(j, "cert"), 1);
	lab.conf.retention = RETENTION;
	purge(&lab);
	assert_nothing_left(j);
}

/* Rows of a version that knew no dates, more than one bite of them. */
static void
test_rows_without_dates(struct job *j)
{
	struct role_lab lab;

	lab_init(&lab, j);
	for (int i = 0; i < 45; i++)
		fixture_order(j, lab.account.id, 2);
	fixture_sql(j, "UPDATE orders SET keep_from = 0");
	fixture_sql(j, "UPDATE authz SET keep_from = 0");
	purge(&lab);
	assert_int_equal(rows(j, "orders"), 46);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM authz WHERE keep_from = 0"),
	    0);
	role_lab_at(&lab, FIXTURE_NOW + 72 * 3600 + RETAIN_FINAL);
	purge(&lab);
	assert_nothing_left(j);
	assert_int_equal(rows(j, "used_token"), 2 * 91);
}

/* Looking says the same and changes nothing. */
static void
test_dry(struct job *j)
{
	struct role_lab lab;
	struct purge_rules rules;
	struct purge_walk w;
	struct cert c;
	int64_t at;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	rules = purge_rules_of(j);
	rules.dry = true;
	for (int i = 0; i < 2; i++) {
		purge_walk_init(&w);
		COMMITTED(
		    j, store_purge(j, PURGE_CERTIFICATES, &rules, 20, &w));
		assert_int_equal(w.purged, 1);
		assert_true(w.is_done);
	}
	assert_int_equal(rows(j, "cert"), 1);
	EXPECT(j, store_purge_oldest(j, PURGE_CERTIFICATES, &at), 1);
	assert_int_equal(at, lab.order->life_until);
	purge(&lab);
	EXPECT(j, store_purge_oldest(j, PURGE_CERTIFICATES, &at), 0);
}

/* The newest two lists of a shard stay, and the greatest number. */
static void
test_lists(struct job *j)
{
	struct role_lab lab;
	int64_t now = FIXTURE_NOW + RETENTION;
	long long old = now - RETAIN_FINAL;

	lab_init(&lab, j);
	for (int i = 1; i <= 5; i++)
		fixture_sql(
		    j, arena_printf(j->arena,
			   "INSERT INTO crl (ca_label, shard, number, "
			   "this_update, next_update, der) VALUES "
			   "('a', %d, %d, 1, %lld, %s)",
			   i == 5, i, old + (i > 4), i == 4 ? "NULL" : "'x'"));
	fixture_sql(j,
	    "INSERT INTO ocsp_segment (ca_label, segment, generation, "
	    "refresh_at, octets) VALUES ('a', 7, 1, 1, 'x')");
	fixture_sql(j,
	    "INSERT INTO responder (ca_label, serial, tbs, lint_report, "
	    "br_version, not_after, reserved_at, holder) "
	    "VALUES ('a', '0102', 'x', 'x', 'x', 1800000000, 1, 'issuer')");
	role_lab_at(&lab, now - 1);
	purge(&lab);
	assert_int_equal(rows(j, "ocsp_segment"), 0);
	assert_int_equal(rows(j, "responder"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL"),
	    4);
	role_lab_at(&lab, now);
	purge(&lab);
	assert_int_equal(rows(j, "responder"), 0);
	assert_int_equal(rows(j, "used_serial"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL "
			     "AND number > 1"),
	    3);
	role_lab_at(&lab, now + RETENTION);
	purge(&lab);
	assert_int_equal(fixture_count(j, "SELECT MAX(number) FROM crl"), 5);
	assert_int_equal(rows(j, "crl"), 3);
}

/* --- the audit chain ------------------------------------------------------ */

static int64_t
records_of(struct job *j, const char *object)
{
	return fixture_count(j, arena_printf(j->arena,
				    "SELECT COUNT(*) FROM audit "
				    "WHERE object LIKE '%s:%%'",
				    object));
}

static void
chain_verifies(struct role_lab *lab, int64_t expected_purged)
{
	int64_t count, purged;

	EXPECT(lab->j,
	    store_audit_verify_sealed(
		lab->j, lab->issuer.seal, &count, &purged),
	    0);
	assert_int_equal(
	    count, fixture_count(lab->j, "SELECT seq FROM audit_head"));
	assert_int_equal(purged, expected_purged);
	assert_int_equal(count - purged, rows(lab->j, "audit"));
}

static void
note(struct job *j, const char *object)
{
	COMMITTED(j, store_audit_add(j, "admin", "x", object, "ok", NULL));
}

/* --- reports, and what another CA made ----------------------------------- */

static void
at(struct role_lab *lab, int64_t now)
{
	role_lab_at(lab, now);
	purge(lab);
}

/* Not before the end that is given, and then. */
static void
expect_until(struct role_lab *lab, const char *table, int64_t end)
{
	at(lab, end + RETENTION - 1);
	assert_int_equal(rows(lab->j, table), 1);
	at(lab, end + RETENTION);
	assert_int_equal(rows(lab->j, table), 0);
}

static void
set_report(struct job *j, const char *what)
{
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE report SET keep_from = 0, %s", what));
}

static void
add_report(struct job *j)
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

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit_case("%s", cases[i].name);
		role_lab_at(&lab, FIXTURE_NOW);
		add_report(j);
		set_report(j, cases[i].what);
		assert_int_equal(rows(j, "notice"), 3);
		expect_until(&lab, "report",
		    cases[i].is_certificate ? c.not_after : cases[i].end);
		assert_int_equal(rows(j, "notice"), 1);
	}
	role_lab_at(&lab, FIXTURE_NOW);
	add_report(j);
	at(&lab, FIXTURE_NOW + 10 * RETENTION);
	assert_int_equal(rows(j, "report"), 1);
	/* Closed, and a mail about it still on its way. */
	set_report(j, "closed_at = 1800000000");
	fixture_sql(j, "UPDATE notice SET due_at = 1 WHERE about LIKE '%sion'");
	at(&lab, j->now + DAY);
	assert_int_equal(rows(j, "report"), 1);
	fixture_sql(j, "UPDATE notice SET due_at = NULL");
	at(&lab, j->now + DAY);
	assert_int_equal(rows(j, "report"), 0);
}

/* An open incident holds its report; more than one bite of them; and each that
 * goes is a record in the chain. */
static void
test_PK_22_many_reports(struct job *j)
{
	struct role_lab lab;
	int64_t count, purged;

	lab_init(&lab, j);
	for (int i = 0; i < 45; i++)
		add_report(j);
	set_report(j, "closed_at = 1800000000");
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
	assert_int_equal(rows(j, "report"), 2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'records purged' AND object = "
			     "'purge:problem reports' AND detail LIKE '%43%'"),
	    1);
	/* What is said of one that is there stays with it. */
	at(&lab, j->now + 60 * DAY);
	assert_int_equal(records_of(j, "report"), 1);
	EXPECT(j,
	    store_audit_verify_sealed(j, lab.issuer.seal, &count, &purged), 0);
	assert_true(purged > 0);
}

/* Apart from its check, which a validation keeps: from its own end. */
static void
test_PK_22_PK_37_caa_reports(struct job *j)
{
	struct role_lab lab;

	lab_init(&lab, j);
	prove_and_issue(&lab);
	fixture_sql(j, "UPDATE caa_report SET expires_at = 1800000100, "
		       "due_at = 1800000100");
	at(&lab, 1800000100 + RETENTION);
	assert_int_equal(rows(j, "caa_report"), 1);
	fixture_sql(j, "UPDATE caa_report SET due_at = NULL");
	role_lab_at(&lab, 1800000100);
	expect_until(&lab, "caa_report", 1800000100);
	assert_int_equal(rows(j, "caa"), 1);
}

/* PK-22, PK-216: what another CA made and nobody got. */
static void
test_PK_22_withdrawals(struct job *j)
{
	struct role_lab lab, other;
	struct cert c;
	int64_t end;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	COMMITTED(j, handoff_withdraw(j, c.der));
	end = c.not_after;
	assert_int_equal(
	    fixture_count(j, "SELECT not_after FROM withdrawal"), end);
	/* That CA has not confirmed it, and is asked again. */
	at(&lab, end + RETENTION);
	assert_int_equal(rows(j, "withdrawal"), 1);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE withdrawal SET due_at = NULL, confirmed_at = %lld",
		   (long long)(end + 100)));
	expect_until(&lab, "withdrawal", end + 100);
	/* What cannot be read counts from when it came; given up. */
	role_lab_at(&lab, FIXTURE_NOW);
	COMMITTED(j, handoff_withdraw(j, SPAN("no certificate")));
	fixture_sql(j, "UPDATE withdrawal SET due_at = NULL");
	expect_until(&lab, "withdrawal", FIXTURE_NOW);
	/* Those of certificates of ours are theirs. */
	lab_init(&other, j);
	prove_and_issue(&other);
	fixture_sql(j,
	    "INSERT INTO withdrawal (id, cert_id, der, reason, asked_at) "
	    "SELECT id, id, der, 4, 1 FROM cert");
	at(&other,
	    fixture_count(j, "SELECT not_after FROM cert") + RETENTION - 1);
	assert_int_equal(rows(j, "withdrawal"), 1);
	at(&other, j->now + 1);
	assert_int_equal(rows(j, "withdrawal"), 0);
}

/* --- erasing -------------------------------------------------------------- */

static int64_t
erase(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct purge_rules rules = purge_rules_of(j);
	int64_t ended, purged;

	COMMITTED(j, store_account_deactivate(j, lab->account.id, &ended));
	COMMITTED(j, store_account_erase(j, lab->account.id));
	COMMITTED(j, store_purge_account(j, lab->account.id, &rules, &purged));
	return purged;
}

/* What was begun and came to nothing goes; the certificate, its evidence and
 * the chain stay, and verify. */
static void
test_PK_23_erased_account(struct job *j)
{
	struct role_lab lab;
	const char *authz_id;
	struct account a;
	struct cert c;

	lab_init(&lab, j);
	authz_id = lab.order->identifiers[0].authz.id;
	fixture_sql(j,
	    "UPDATE account SET contact = '[\"mailto:a@b.example\"]', "
	    "client_address = '192.0.2.1'");
	c = prove_and_issue(&lab);
	role_lab_at(&lab, FIXTURE_NOW + DAY);
	fixture_order(j, lab.account.id, 2);
	REFUSED(j, store_account_erase(j, lab.account.id), ERR_CONFLICT);
	assert_int_equal(erase(&lab), 3);
	EXPECT(j, store_account_by_id(j, lab.account.id, &a), 1);
	assert_string_equal(a.contact, "[]");
	assert_null(a.client_address);
	assert_int_equal(rows(j, "orders"), 1);
	assert_int_equal(rows(j, "authz"), 1);
	assert_int_equal(rows(j, "used_token"), 4);
	assert_true(evidence_verifies(&lab, authz_id));
	chain_verifies(&lab, 0);
	/* As long as that of others. */
	role_lab_at(&lab, c.not_after + RETENTION - 1);
	purge(&lab);
	assert_true(evidence_verifies(&lab, authz_id));
	role_lab_at(&lab, c.not_after + RETENTION);
	purge(&lab);
	assert_nothing_left(j);
}

/* A reply that proved nothing is kept like any validation document; an order
 * that the issuer is at is finished. */
static void
test_PK_23_erasing_keeps_documents(struct job *j)
{
	struct role_lab_reply wrong = { .is_wrong = true };
	struct role_lab lab;

	lab_init(&lab, j);
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(role_lab_take(&lab, role_lab_reply(&lab, &wrong)),
	    VERDICT_MISMATCH);
	assert_int_equal(erase(&lab), 1);
	assert_int_equal(rows(j, "order_identifier"), 0);
	assert_int_equal(rows(j, "reply"), 1);
	role_lab_at(&lab, lab.order->life_until + RETENTION);
	purge(&lab);
	assert_nothing_left(j);

	lab_init(&lab, j);
	role_lab_finalize(&lab);
	assert_int_equal(erase(&lab), 0);
	assert_int_equal(rows(j, "order_identifier"), 1);
}

/* Subscriber's records while the subscriber's certificate counts, a CA key's
 * until that has ended, others as security events; each by itself. */
static void
test_PK_22_audit_records(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int64_t orders, keys, ended;

	lab_init(&lab, j);
	note(j, "mailbox:early@example.org");
	c = prove_and_issue(&lab);
	note(j, arena_printf(j->arena, "account:%s", lab.account.id));
	note(j, arena_printf(j->arena, "cert:%s", c.id));
	note(j, "profile:mailbox-strict");
	COMMITTED(j, store_shard_set(j, c.ca_label, 0, "http://crl.example"));
	note(j, "mailbox:late@example.org");
	orders = records_of(j, "order") + records_of(j, "authz");
	keys = records_of(j, "ca");
	assert_true(orders >= 4);
	assert_true(keys >= 1);

	REFUSED(j, store_key_ended(j, "nobody", 1), ERR_MALFORMED);
	REFUSED(j, store_key_ended(j, c.ca_label, 1), ERR_CONFLICT);
	/* Said too early, by whoever may write the row: it counts for nothing
	 * while the key is seen to be of use. */
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO ca_key_end (ca_label, ended_at) VALUES ('%s', 1)",
		c.ca_label));
	role_lab_at(&lab, FIXTURE_NOW + RETENTION - 1);
	purge(&lab);
	chain_verifies(&lab, 0);
	note(j, "eab:x"); /* for the newest one stays */
	role_lab_at(&lab, FIXTURE_NOW + RETENTION);
	purge(&lab);
	assert_int_equal(records_of(j, "mailbox"), 0);
	assert_int_equal(records_of(j, "account"), 1);
	assert_int_equal(records_of(j, "cert"), 1);
	assert_int_equal(records_of(j, "profile"), 1);
	assert_int_equal(records_of(j, "ca"), keys);
	assert_int_equal(
	    records_of(j, "order") + records_of(j, "authz"), orders);
	chain_verifies(&lab, 2);
	fixture_sql(j, "DELETE FROM ca_key_end");

	role_lab_at(&lab, c.not_after + RETENTION - 1);
	purge(&lab);
	assert_int_equal(
	    records_of(j, "order") + records_of(j, "authz"), orders);
	assert_int_equal(records_of(j, "cert"), 1);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge(&lab);
	assert_nothing_left(j);
	assert_int_equal(records_of(j, "order") + records_of(j, "authz"), 0);
	assert_int_equal(records_of(j, "ca"), keys);
	role_lab_at(&lab, j->now + 40 * DAY);
	purge(&lab);
	assert_int_equal(records_of(j, "account"), 0);
	assert_int_equal(records_of(j, "cert"), 0);
	assert_int_equal(records_of(j, "profile"), 1);
	chain_verifies(&lab, 4 + orders);

	ended = j->now;
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE crl SET this_update = %lld WHERE der IS NOT NULL",
		   (long long)ended - 5));
	REFUSED(j, store_key_ended(j, c.ca_label, ended - 6), ERR_CONFLICT);
	COMMITTED(j, store_key_ended(j, c.ca_label, ended));
	role_lab_at(&lab, ended + RETENTION - 1);
	purge(&lab);
	assert_int_equal(records_of(j, "ca"), keys);
	role_lab_at(&lab, ended + RETENTION);
	purge(&lab);
	assert_int_equal(records_of(j, "ca"), 0);
	assert_int_equal(records_of(j, "profile"), 0);
	role_lab_at(&lab, j->now + 10 * RETENTION);
	purge(&lab);
	assert_true(rows(j, "audit") > 0);
	assert_int_equal(rows(j, "audit_gap"), 1);
	chain_verifies(&lab, fixture_count(j, "SELECT to_seq FROM audit_gap"));
}

/* A chain of which 1 to 4 and 6 were purged. */
static void
make_gaps(struct role_lab *lab)
{
	struct job *j = lab->j;

	fixture_sql(j,
	    "DELETE FROM audit; DELETE FROM audit_gap; "
	    "DELETE FROM audit_head; "
	    "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, NULL)");
	role_lab_at(lab, FIXTURE_NOW);
	for (int i = 1; i <= 9; i++)
		note(j, i == 5 || i > 6 ? "ca:a" : "mailbox:a");
	role_lab_at(lab, FIXTURE_NOW + RETENTION);
	purge(lab);
	/* And one that tells of it. */
	assert_int_equal(rows(j, "audit"), 5);
	assert_int_equal(rows(j, "audit_gap"), 2);
	chain_verifies(lab, 5);
}

/* PK-21: a gap is no way to cut anything out. */
static void
test_PK_21_cut_beside_a_gap(struct job *j)
{
#define MISSING "is missing"
#define UNSEALED                                                               \
	"is missing, and what says that it was purged carries no good seal"
	static const struct {
		const char *name, *change, *error;
	} cases[] = {
		{ "one more removed", "DELETE FROM audit WHERE seq = 5",
		    "audit: row 5 " MISSING },
		{ "gap removed", "DELETE FROM audit_gap WHERE from_seq = 1",
		    "audit: row 1 " MISSING },
		{ "gap made longer",
		    "DELETE FROM audit WHERE seq = 7; "
		    "UPDATE audit_gap SET to_seq = 7 WHERE to_seq = 6",
		    "audit: row 6 " UNSEALED },
		{ "gap of one's own",
		    "INSERT INTO audit_gap (from_seq, to_seq, before_hash, "
		    "after_hash, newest_at, purged_at, seal) SELECT 8, 8, "
		    "(SELECT hash FROM audit WHERE seq = 7), hash, 1, "
		    "100000000, 'x' FROM audit WHERE seq = 8; "
		    "DELETE FROM audit WHERE seq = 8",
		    "audit: row 8 " UNSEALED },
		{ "a good gap in another place",
		    "DELETE FROM audit WHERE seq = 8; "
		    "UPDATE audit_gap SET from_seq = 8, to_seq = 8 "
		    "WHERE from_seq = 6",
		    "audit: row 6 " MISSING },
		{ "row changed beside a gap",
		    "UPDATE audit SET result = 'no' WHERE seq = 5",
		    "audit: row 5 was changed, or does not follow the one "
		    "before it" },
		{ "the newest ones removed", "DELETE FROM audit WHERE seq > 8",
		    "audit: row 9 " MISSING },
	};
	struct role_lab lab;
	int64_t count, purged;

	lab_init(&lab, j);
	fixture_sql(j, "UPDATE orders SET life_until = 9000000000");
	fixture_sql(j, "UPDATE authz SET expires_at = 9000000000");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit_case("%s", cases[i].name);
		make_gaps(&lab);
		fixture_sql(j, cases[i].change);
		assert_int_equal(store_audit_verify_sealed(
				     j, lab.issuer.seal, &count, &purged),
		    -1);
		assert_job_error(j, ERR_INTERNAL, cases[i].error);
		job_recover(j);
	}
}

/* What does not verify is not purged: it would be gone for good. */
static void
test_PK_21_purge_hides_no_change(struct job *j)
{
	static const char *const changes[] = {
		"UPDATE audit SET result = 'no' WHERE seq = 4",
		"DELETE FROM audit WHERE seq = 3",
		"UPDATE audit SET keep_from = 0, at_ms = 1 WHERE seq = 5",
	};
	struct role_lab lab;
	int64_t count, purged;
	int r;

	lab_init(&lab, j);
	fixture_sql(j, "UPDATE orders SET life_until = 9000000000");
	fixture_sql(j, "UPDATE authz SET expires_at = 9000000000");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		unit_case("%s", changes[i]);
		make_gaps(&lab);
		fixture_sql(j, "DELETE FROM audit; DELETE FROM audit_gap; "
			       "UPDATE audit_head SET seq = 0, hash = NULL");
		role_lab_at(&lab, FIXTURE_NOW);
		for (int n = 1; n <= 9; n++)
			note(j, "mailbox:a");
		fixture_sql(j, changes[i]);
		role_lab_at(&lab, FIXTURE_NOW + RETENTION);
		lab.issuer.purge.due_at = 0;
		while ((r = issuer_purge_step(&lab.issuer, j)) > 0)
			;
		assert_int_equal(r, -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		assert_non_null(strstr(j->err.text, "nothing of the chain"));
		job_recover(j);
		store_rollback(j);
		assert_int_equal(store_audit_verify_sealed(
				     j, lab.issuer.seal, &count, &purged),
		    -1);
		job_recover(j);
	}
}

/* All of it with the rights that the issuer's own login has. */
static void
test_rights(struct job *j)
{
	const char *user = arena_printf(j->arena, "cs_%ld", (long)getpid());
	const char *users[ROLE_COUNT] = { [ROLE_ISSUER] = user };
	const struct store_login login = {
		arena_printf(j->arena, "%s user='%s'", fixture_url(), user),
		NULL
	};
	struct store *owner = j->store;
	struct role_lab lab;
	struct cert c;

	lab_init(&lab, j);
	c = prove_and_issue(&lab);
	fixture_order(j, lab.account.id, 1);
	fixture_sql(j, arena_printf(j->arena, "CREATE ROLE %s LOGIN", user));
	EXPECT(j, store_migrate_as(j, fixture_login(), users), 0);
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at, finished_at) "
	    "VALUES ('i', 'x', '{}', 1, 1, 2, 'x', 1, 3)");
	fixture_sql(j,
	    "INSERT INTO ocsp_segment (ca_label, segment, generation, "
	    "refresh_at, octets) VALUES ('a', 7, 1, 1, 'x')");
	add_report(j);
	set_report(j, "closed_at = 1800000000");
	fixture_sql(j, "UPDATE caa_report SET expires_at = 1800000000");
	COMMITTED(j, handoff_withdraw(j, SPAN("no certificate")));
	fixture_sql(j, "UPDATE withdrawal SET due_at = NULL");
	EXPECT(j, store_open_as(j, &login, &j->store), 0);
	role_lab_at(&lab, c.not_after - 1);
	purge(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge(&lab);
	store_close(j->store);
	j->store = owner;
	assert_nothing_left(j);
	assert_int_equal(rows(j, "incident"), 0);
	assert_int_equal(rows(j, "ocsp_segment"), 0);
	assert_int_equal(rows(j, "report"), 0);
	assert_int_equal(rows(j, "withdrawal"), 0);
	fixture_sql(j, arena_printf(j->arena, "DROP OWNED BY %s; DROP ROLE %s",
			   user, user));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_PK_22_reused_validation),
	STORE_TEST(test_PK_143_purged_number_is_not_given_again),
	STORE_TEST(test_PK_160_revoked_stays_until_it_left_the_list),
	STORE_TEST(test_PK_207_revoked_by_a_destroyed_key),
	STORE_TEST(test_PK_22_incident_holds),
	STORE_TEST(test_PK_22_PK_184_problem_reports),
	STORE_TEST(test_PK_22_many_reports),
	STORE_TEST(test_PK_22_PK_37_caa_reports),
	STORE_TEST(test_PK_22_withdrawals),
	STORE_TEST(test_PK_6_tokens_outlive_what_came_to_nothing),
	STORE_TEST(test_PK_22_proof_without_certificate),
	STORE_TEST(test_retention_changes),
	STORE_TEST(test_rows_without_dates),
	STORE_TEST(test_dry),
	STORE_TEST(test_lists),
	STORE_TEST(test_PK_23_erased_account),
	STORE_TEST(test_PK_23_erasing_keeps_documents),
	STORE_TEST(test_PK_22_audit_records),
	STORE_TEST(test_PK_21_cut_beside_a_gap),
	STORE_TEST(test_PK_21_purge_hides_no_change),
	STORE_TEST_PGSQL(test_rights),
};
UNIT_MAIN(tests)
