/*
 * Between the reservation of a number and its certificate: what may go wrong,
 * and what is left then (PK-138, PK-143 to PK-146, PK-200; PK-65).
 */
#include "config.h"

#include "tests/unit/signing_lab.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_own_key.h"
#include "db/store_private.h"
#include "db/store_report.h"
#include "db/store_url.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/ca.h"
#include "src/evidence.h"
#include "src/judge_caa.h"
#include "src/linters_hold.h"
#include "src/relied.h"
#include "src/role_linter.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/linter_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/role_lab.h"

#define MAILBOX "mailbox0@example.org"
#define HOUR INT64_C(3600)

/* PK-144, PK-145: after failures the same octets are signed, under the same
 * number. */
static void
test_again(struct job *j)
{
	static const enum signing_mode list[] = { FAILS, FAILS };
	struct role_lab lab;
	struct cert first, last;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 2);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	first = signing_lab_cert(&lab);
	assert_int_equal(first.issued_at, 0);
	role_lab_at(&lab, j->now + HOUR / 2);
	issuer_lab_run(&lab);
	role_lab_at(&lab, j->now + HOUR / 4);
	issuer_lab_run(&lab);
	last = signing_lab_cert(&lab);
	assert_true(last.issued_at > 0);
	assert_string_equal(first.serial, last.serial);
	assert_true(span_eq(first.tbs, last.tbs));
}

#define REPORTS 4

static void
enter_reports(struct job *j)
{
	for (int i = 0; i < REPORTS; i++) {
		struct report r = { .text = "The key is on a web page.",
			.received_at = j->now,
			.entered_by = "operator:one",
			.alarm_at = j->now };

		COMMITTED(j, store_report_add(j, &r));
	}
}

static int64_t
due_reports(struct job *j)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM report WHERE alarm_at <= %lld",
		   (long long)j->now));
}

/* PK-184: reports, of which strangers can make many, keep no order waiting, nor
 * does an order keep them waiting. */
static void
test_reports_take_turns(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int found = 0;

	signing_lab_begin(&lab, j);
	enter_reports(j);
	for (int i = 0; i < 2 * REPORTS && found == 0; i++) {
		EXPECT(j, issuer_step(&lab.issuer, j), 1);
		found = store_cert_by_order(j, lab.order->id, &c);
	}
	assert_int_equal(found, 1);
	assert_true(c.issued_at > 0);
	assert_int_equal(due_reports(j), REPORTS - 1);
	/* Without an order, one in each step. */
	for (int i = REPORTS - 1; i > 0; i--) {
		assert_int_equal(due_reports(j), i);
		EXPECT(j, issuer_step(&lab.issuer, j), 1);
	}
	assert_int_equal(due_reports(j), 0);
	EXPECT(j, issuer_step(&lab.issuer, j), 0);
}

/* PK-18: what the signature rests on is what the gate let it pass for last, not
 * when the number was reserved. */
static void
test_rests_on_the_newer_check(struct job *j)
{
	static const enum signing_mode list[] = { FAILS };
	struct role_lab lab;
	struct relied_list first, last;
	struct cert c;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 1);
	issuer_lab_run(&lab);
	c = signing_lab_cert(&lab);
	assert_int_equal(c.issued_at, 0);
	EXPECT(j,
	    relied_parse(j, lab.issuer.seal, c.order_id, c.evidence, &first),
	    1);
	/* Too old by now: the order waits for another one. */
	role_lab_at(&lab, j->now + 2 * HOUR);
	issuer_lab_run(&lab);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	c = signing_lab_cert(&lab);
	assert_true(c.issued_at > 0);
	EXPECT(j,
	    relied_parse(j, lab.issuer.seal, c.order_id, c.evidence, &last), 1);
	assert_string_equal(first.v[0].reply.id, last.v[0].reply.id);
	assert_string_not_equal(first.v[0].caa.id, last.v[0].caa.id);
	assert_true(evidence_row_is_sealed(lab.issuer.seal, j, &c));
	assert_true(evidence_reservation_is_sealed(lab.issuer.seal, j, &c));
}

/* PK-133: no number is taken before every URL in the certificate was seen to
 * be answered; then the order goes on. */
static void
test_urls(struct job *j)
{
	static const char *const urls[] = { LAB_CRL_URL, LAB_CA_ISSUERS_URL };
	struct role_lab lab;
	const char *log;

	signing_lab_begin(&lab, j);
	lab.issuer.urls =
	    (struct urls){ ca_key_label(&signing_lab_ca), urls, 2 };
	COMMITTED(j, store_url_pass(j, ca_key_label(&signing_lab_ca), urls[0]));
	unit_log_begin();
	issuer_lab_run(&lab);
	log = unit_log_end();
	assert_non_null(strstr(log, LAB_CA_ISSUERS_URL));
	assert_non_null(strstr(log, "countersign ca check-urls"));
	signing_lab_expect_processing(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert"), 0);
	COMMITTED(j, store_url_pass(j, ca_key_label(&signing_lab_ca), urls[1]));
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(signing_lab_cert(&lab).issued_at > 0);
}

/* PK-138: a bit that flips in the token. */
static void
test_corrupting_token(struct job *j)
{
	static const enum signing_mode list[] = { FLIPS_A_BIT };
	struct role_lab lab;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 1);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	assert_int_equal(signing_lab_cert(&lab).der.n, 0);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(signing_lab_cert(&lab).issued_at > 0);
}

/* PK-145: the gate closes between reservation and signature. */
static void
test_uncertain(struct job *j)
{
	static const enum signing_mode list[] = { FAILS };
	struct role_lab lab;
	struct revoked *rows;
	struct order *o;
	struct cert c;
	size_t n;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 1);
	issuer_lab_run(&lab);
	c = signing_lab_cert(&lab);
	assert_int_equal(c.issued_at, 0);
	fixture_sql(j, "UPDATE authz SET revoked_at = 1");
	role_lab_at(&lab, j->now + 60);
	EXPECT(j, issuer_step(&lab.issuer, j), 1);
	o = fixture_reread(j, lab.order);
	assert_non_null(o->error);
	assert_non_null(strstr(o->error, ":serverInternal"));
	assert_null(strstr(o->error, "revoked"));
	c = signing_lab_cert(&lab);
	assert_int_equal(c.issued_at, 0);
	assert_string_equal(c.revoked_by, "issuer");
	/* Due at once, and then on the list. */
	EXPECT(j,
	    store_cert_revoked(j,
		&(struct crl){ .ca_label = ca_key_label(lab.issuer.ca) },
		j->now, &rows, &n),
	    0);
	assert_int_equal(n, 1);
	assert_true(rows[0].is_due);
	assert_string_equal(hex_dup(j->arena, rows[0].serial), c.serial);
	issuer_lab_run(&lab);
	EXPECT(j,
	    store_cert_revoked(j,
		&(struct crl){ .ca_label = ca_key_label(lab.issuer.ca) },
		j->now, &rows, &n),
	    0);
	assert_int_equal(n, 1);
	assert_false(rows[0].is_due);
}

/* PK-200: the order waits for the token, longer than for any other fault. */
static void
test_token_away(struct job *j)
{
	static const enum signing_mode list[] = { AWAY };
	struct role_lab lab;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 1);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	for (int hours = 0; hours < 30; hours++) {
		role_lab_at(&lab, j->now + HOUR);
		(void)issuer_step(&lab.issuer, j); /* a list, or the order */
		job_recover(j);
		(void)issuer_step(&lab.issuer, j);
		job_recover(j);
		signing_lab_expect_processing(&lab);
	}
	signing_lab_is_away = false;
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(signing_lab_cert(&lab).issued_at > 0);
}

/* AC-145: a day of faults is counted from the first fault, not from the CSR:
 * the token was away for longer. */
static void
test_fault_after_waiting(struct job *j)
{
	static const enum signing_mode list[] = { AWAY, FAILS };
	struct role_lab lab;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 2);
	issuer_lab_run(&lab);
	role_lab_at(&lab, j->now + 30 * HOUR);
	issuer_lab_run(&lab);
	signing_lab_is_away = false;
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	assert_true(fixture_reread(j, lab.order)->issue_fault_at > 0);
	role_lab_at(&lab, j->now + 600);
	issuer_lab_run(&lab);
	assert_true(signing_lab_cert(&lab).issued_at > 0);
}

/* Rows that cannot be an order's hold up no other order.  PK-205 */
static void
test_spoiled(struct job *j)
{
	static const struct {
		const char *name, *sql;
	} cases[] = {
		{ "more identifiers than rows",
		    "UPDATE orders SET identifier_count = 2" },
		{ "no identifiers", "UPDATE orders SET identifier_count = 0" },
		{ "fewer than none",
		    "UPDATE orders SET identifier_count = -1" },
		{ "as many as fit in no memory",
		    "UPDATE orders SET identifier_count = "
		    "9223372036854775807" },
		{ "identifiers gone", "DELETE FROM order_identifier" },
		{ "failed, and due", "UPDATE orders SET failed_at = 5" },
		{ "issued, and due", "UPDATE orders SET cert_id = 'x'" },
	};

	for (size_t k = 0; k < COUNT(cases); k++) {
		struct role_lab first, second;
		int64_t at, count;

		unit_case("%s", cases[k].name);
		signing_lab_begin(&first, j);
		fixture_sql(j, cases[k].sql);
		signing_lab_wait(&second, j);
		second.conf.share_keys = true;
		issuer_lab_run(&second);
		assert_true(signing_lab_cert(&second).issued_at > 0);
		EXPECT(j, store_order_next_due(j, &at), 0);
		EXPECT(j,
		    store_get_int(j, &count,
			"SELECT COUNT(*) FROM cert WHERE issued_at > 0",
			NO_ARGS),
		    1);
		assert_int_equal(count, 1);
	}
}

/* PK-145: a number that was given up is never signed, whoever opens the order
 * again. */
static void
test_given_up(struct job *j)
{
	static const enum signing_mode list[] = { FAILS };
	struct role_lab lab;

	signing_lab_begin(&lab, j);
	signing_lab_next(list, 1);
	issuer_lab_run(&lab);
	fixture_sql(j, "UPDATE authz SET revoked_at = 1");
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_string_equal(signing_lab_cert(&lab).revoked_by, "issuer");
	fixture_sql(j, "UPDATE authz SET revoked_at = 0;"
		       "UPDATE orders SET failed_at = 0, error = NULL, "
		       "issue_due_at = 1");
	issuer_lab_run(&lab);
	assert_int_equal(signing_lab_cert(&lab).issued_at, 0);
	assert_int_equal(signing_lab_cert(&lab).der.n, 0);
	assert_non_null(fixture_reread(j, lab.order)->error);
}

/* PK-146: three new checks, each too old when it is looked at. */
static void
test_rounds(struct job *j)
{
	struct role_lab lab;
	struct order *o;

	signing_lab_begin(&lab, j);
	for (int round = 0; round < 3; round++) {
		unit_case("round %d", round);
		role_lab_at(&lab, j->now + 2 * HOUR);
		issuer_lab_run(&lab);
		signing_lab_expect_processing(&lab);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
	}
	role_lab_at(&lab, j->now + 2 * HOUR);
	issuer_lab_run(&lab);
	o = fixture_reread(j, lab.order);
	assert_non_null(o->error);
	assert_non_null(strstr(o->error, ":dns"));
	assert_int_equal(judge_caa(&lab.validator, j), 0);
}

/* PK-65: the CSR's key became an account's after finalize. */
static void
test_account_key(struct job *j)
{
	struct role_lab lab;
	struct account account;
	struct order *o;
	struct cert c;

	signing_lab_begin(&lab, j);
	role_lab_account(&lab, lab_key(KEY_TYPE_P256, 0), &account);
	issuer_lab_run(&lab);
	o = fixture_reread(j, lab.order);
	assert_non_null(o->error);
	assert_non_null(strstr(o->error, ":badCSR"));
	EXPECT(j, store_cert_by_order(j, o->id, &c), 0);
}

/* PK-65: after finalize it became known as one of this installation's. */
static void
test_own_key(struct job *j)
{
	uint8_t hash[SHA256_LEN];
	struct role_lab lab;
	struct order *o;
	struct cert c;

	signing_lab_begin(&lab, j);
	sha256(lab_spki(j, lab_key(KEY_TYPE_P256, 0)), hash);
	COMMITTED(
	    j, store_own_key_put(
		   j, KEY_BY_SPKI(span_mem(hash, SHA256_LEN)), "a former CA"));
	issuer_lab_run(&lab);
	o = fixture_reread(j, lab.order);
	assert_non_null(o->error);
	assert_non_null(strstr(o->error, ":badCSR"));
	EXPECT(j, store_cert_by_order(j, o->id, &c), 0);
	fixture_sql(j, "DELETE FROM own_key");
}

/* PK-19, PK-136, PK-140: an order waits while a linter fails, whatever of it;
 * without a verdict nothing is reserved, and an error refuses. */
static void
test_linters(struct job *j)
{
	static const char audited[] =
	    "SELECT count(*) FROM audit WHERE event = 'linters'";
	static const char failed[] =
	    "SELECT count(*) FROM audit WHERE event = 'lint failed' "
	    "AND object LIKE 'order:%' AND detail LIKE '%lint zl:e_b%'";
	struct linters_hold hold = { .fd = -1 };
	struct role_lab lab;
	struct cert c;
	pid_t pid;

	signing_lab_begin(&lab, j);
	lab.issuer.linters = &hold;
	linter_lab_add(j, &lab.conf, "zl", "exit 1", 60);
	assert_int_equal(linter_start(j, &pid, &hold.fd), 0);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	EXPECT(j, store_cert_by_order(j, lab.order->id, &c), 0);
	assert_int_equal(fixture_count(j, audited), 1);
	assert_true(hold.until > j->now);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab); /* fails again: not said twice */
	assert_int_equal(fixture_count(j, audited), 1);
	linter_lab_change(
	    j, "zl", "cat >/dev/null; echo '{\"e_b\":{\"result\":\"error\"}}'");
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	EXPECT(j, store_cert_by_order(j, lab.order->id, &c), 0);
	assert_int_equal(fixture_count(j, audited), 2);
	assert_int_equal(hold.until, 0);
	/* The lint itself once, however often it is tried. */
	assert_int_equal(fixture_count(j, failed), 1);
	role_lab_at(&lab, j->now + 600);
	issuer_lab_run(&lab);
	signing_lab_expect_processing(&lab);
	assert_int_equal(fixture_count(j, failed), 1);
	linter_lab_change(j, "zl", LINTER_LAB_PASS);
	role_lab_at(&lab, j->now + 600);
	issuer_lab_run(&lab);
	c = signing_lab_cert(&lab);
	assert_true(c.issued_at > 0);
	assert_non_null(strstr(c.lint_report, "L-10"));
	assert_non_null(strstr(c.lint_report,
	    "\"external\":[{\"linter\":\"zl\",\"version\":\"lab 1.0\""));
	linter_stop(pid, hold.fd);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_linters),
	STORE_TEST(test_again),
	STORE_TEST(test_reports_take_turns),
	STORE_TEST(test_rests_on_the_newer_check),
	STORE_TEST(test_urls),
	STORE_TEST(test_corrupting_token),
	STORE_TEST(test_uncertain),
	STORE_TEST(test_token_away),
	STORE_TEST(test_fault_after_waiting),
	STORE_TEST(test_spoiled),
	STORE_TEST(test_given_up),
	STORE_TEST(test_rounds),
	STORE_TEST(test_account_key),
	STORE_TEST(test_own_key),
};
UNIT_MAIN(tests)
