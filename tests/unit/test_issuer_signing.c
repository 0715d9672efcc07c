/*
 * Between the reservation of a number and its certificate: what may go wrong,
 * and what is left then (PK-138, PK-143 to PK-146, PK-200; PK-65).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <stdio.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_own_key.h"
#include "db/store_private.h"
#include "db/store_report.h"
#include "db/store_stop.h"
#include "db/store_url.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/rnd.h"
#include "pki/ca.h"
#include "pki/issue.h"
#include "src/evidence.h"
#include "src/judge_caa.h"
#include "src/linters_hold.h"
#include "src/relied.h"
#include "src/role_linter.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/linter_lab.h"
#include "tests/unit/pki_lab.h"

#define MAILBOX "mailbox0@example.org"
#define HOUR INT64_C(3600)

/* --- a key that does what the test says ----------------------------------- */

enum mode { SIGNS, FAILS, AWAY, FLIPS_A_BIT, STOPS };
static const enum mode *modes; /* of the next signatures; then SIGNS */
static size_t mode_count, next_mode;
static bool is_away;

static int
check_row(struct role_lab *lab, struct job *j, struct span tbs)
{
	struct cert c;

	/* Committed before: another connection would see it.  PK-144 */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_cert_by_order(j, lab->order->id, &c), 1);
	EXPECT(j, store_commit(j), 0);
	assert_true(span_eq(c.tbs, tbs));
	assert_int_equal(c.issued_at, 0);
	assert_true(c.reserved_at > 0);
	assert_non_null(strstr(c.lint_report, "L-10"));
	assert_non_null(strstr(c.evidence, "authorizations"));
	assert_string_equal(c.ca_label, ca_key_label(lab->issuer.ca));
	return 0;
}

static void
stop(struct job *j)
{
	struct stop all = { .scope = STOP_ALL,
		.value = "",
		.reason = "a test",
		.by = "admin",
		.at = j->now };

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &all), 1);
	EXPECT(j, store_commit(j), 0);
}

static int
sign(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	struct role_lab *lab = context;
	bool is_list = j->store != NULL && message.n > 4 &&
		       memcmp(message.p + 2, "\x02\x01\x01", 3) == 0;
	enum mode mode = SIGNS;

	is_list = is_list || span_find_span(message, 0,
				 SPAN("mailbox0@example.org")) >= message.n;
	if (!is_list) {
		check_row(lab, j, message);
		if (next_mode < mode_count)
			mode = modes[next_mode++];
	}
	if (mode == FAILS)
		return job_fail(j, ERR_INTERNAL, "the token is broken");
	if (mode == AWAY) {
		is_away = true;
		return job_fail(j, ERR_BUSY, "the token is away");
	}
	if (signing_key_use(
		j, lab_ca("p256")->signer.key, alg, message, out, out_len) < 0)
		return -1;
	if (mode == STOPS)
		stop(j);
	if (mode == FLIPS_A_BIT)
		out[*out_len - 1] ^= 1;
	return 0;
}

static int
ready(struct job *j, void *context)
{
	(void)context;
	return is_away ? job_fail(j, ERR_BUSY, "the token is away") : 0;
}

static struct signing_key key = { .sign = sign, .ready = ready };
static struct ca ca;

static void
next_signatures(const enum mode *list, size_t n)
{
	modes = list;
	mode_count = n;
	next_mode = 0;
}

/* An order that waits for the issuer. */
static void
wait_for_issuer(struct role_lab *lab, struct job *j)
{
	struct lab_csr c;

	ca = *lab_ca("p256");
	ca.signer.key = &key;
	next_mode = 0;
	mode_count = 0;
	key.context = lab;
	issuer_lab_init(lab, j, &ca);
	issuer_lab_prove(lab);
	c = lab_csr(j, lab_key(KEY_TYPE_P256, 0), MAILBOX);
	role_lab_request_take(lab, lab_csr_make(j, &c));
}

static struct cert
cert_of(struct role_lab *lab)
{
	struct cert c = { 0 };

	EXPECT(lab->j, store_cert_by_order(lab->j, lab->order->id, &c), 1);
	return c;
}

static void
expect_processing(struct role_lab *lab)
{
	struct order *o = fixture_reread(lab->j, lab->order);

	assert_null(o->cert_id);
	assert_null(o->error);
}

static void
begin(struct role_lab *lab, struct job *j)
{
	issuer_lab_clean(j);
	is_away = false;
	wait_for_issuer(lab, j);
}

/* --- tests ---------------------------------------------------------------- */

/* PK-144, PK-145: after failures the same octets are signed, under the same
 * number. */
static void
test_again(struct job *j)
{
	static const enum mode list[] = { FAILS, FAILS };
	struct role_lab lab;
	struct cert first, last;

	begin(&lab, j);
	next_signatures(list, 2);
	issuer_lab_run(&lab);
	expect_processing(&lab);
	first = cert_of(&lab);
	assert_int_equal(first.issued_at, 0);
	role_lab_at(&lab, j->now + HOUR / 2);
	issuer_lab_run(&lab);
	role_lab_at(&lab, j->now + HOUR / 4);
	issuer_lab_run(&lab);
	last = cert_of(&lab);
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

	begin(&lab, j);
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
	static const enum mode list[] = { FAILS };
	struct role_lab lab;
	struct relied_list first, last;
	struct cert c;

	begin(&lab, j);
	next_signatures(list, 1);
	issuer_lab_run(&lab);
	c = cert_of(&lab);
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
	c = cert_of(&lab);
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

	begin(&lab, j);
	lab.issuer.urls = (struct urls){ ca_key_label(&ca), urls, 2 };
	COMMITTED(j, store_url_pass(j, ca_key_label(&ca), urls[0]));
	unit_log_begin();
	issuer_lab_run(&lab);
	log = unit_log_end();
	assert_non_null(strstr(log, LAB_CA_ISSUERS_URL));
	assert_non_null(strstr(log, "countersign ca check-urls"));
	expect_processing(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert"), 0);
	COMMITTED(j, store_url_pass(j, ca_key_label(&ca), urls[1]));
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(cert_of(&lab).issued_at > 0);
}

/* PK-138: a bit that flips in the token. */
static void
test_corrupting_token(struct job *j)
{
	static const enum mode list[] = { FLIPS_A_BIT };
	struct role_lab lab;

	begin(&lab, j);
	next_signatures(list, 1);
	issuer_lab_run(&lab);
	expect_processing(&lab);
	assert_int_equal(cert_of(&lab).der.n, 0);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(cert_of(&lab).issued_at > 0);
}

/* PK-145: the gate closes between reservation and signature. */
static void
test_uncertain(struct job *j)
{
	static const enum mode list[] = { FAILS };
	struct role_lab lab;
	struct revoked *rows;
	struct order *o;
	struct cert c;
	size_t n;

	begin(&lab, j);
	next_signatures(list, 1);
	issuer_lab_run(&lab);
	c = cert_of(&lab);
	assert_int_equal(c.issued_at, 0);
	fixture_sql(j, "UPDATE authz SET revoked_at = 1");
	role_lab_at(&lab, j->now + 60);
	EXPECT(j, issuer_step(&lab.issuer, j), 1);
	o = fixture_reread(j, lab.order);
	assert_non_null(o->error);
	assert_non_null(strstr(o->error, ":serverInternal"));
	assert_null(strstr(o->error, "revoked"));
	c = cert_of(&lab);
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
	static const enum mode list[] = { AWAY };
	struct role_lab lab;

	begin(&lab, j);
	next_signatures(list, 1);
	issuer_lab_run(&lab);
	expect_processing(&lab);
	for (int hours = 0; hours < 30; hours++) {
		role_lab_at(&lab, j->now + HOUR);
		(void)issuer_step(&lab.issuer, j); /* a list, or the order */
		job_recover(j);
		(void)issuer_step(&lab.issuer, j);
		job_recover(j);
		expect_processing(&lab);
	}
	is_away = false;
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(cert_of(&lab).issued_at > 0);
}

/* AC-145: a day of faults is counted from the first fault, not from the CSR:
 * the token was away for longer. */
static void
test_fault_after_waiting(struct job *j)
{
	static const enum mode list[] = { AWAY, FAILS };
	struct role_lab lab;

	begin(&lab, j);
	next_signatures(list, 2);
	issuer_lab_run(&lab);
	role_lab_at(&lab, j->now + 30 * HOUR);
	issuer_lab_run(&lab);
	is_away = false;
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	expect_processing(&lab);
	assert_true(fixture_reread(j, lab.order)->issue_fault_at > 0);
	role_lab_at(&lab, j->now + 600);
	issuer_lab_run(&lab);
	assert_true(cert_of(&lab).issued_at > 0);
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

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct role_lab first, second;
		int64_t at, count;

		unit_case("%s", cases[k].name);
		begin(&first, j);
		fixture_sql(j, cases[k].sql);
		wait_for_issuer(&second, j);
		second.conf.share_keys = true;
		issuer_lab_run(&second);
		assert_true(cert_of(&second).issued_at > 0);
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
	static const enum mode list[] = { FAILS };
	struct role_lab lab;

	begin(&lab, j);
	next_signatures(list, 1);
	issuer_lab_run(&lab);
	fixture_sql(j, "UPDATE authz SET revoked_at = 1");
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_string_equal(cert_of(&lab).revoked_by, "issuer");
	fixture_sql(j, "UPDATE authz SET revoked_at = 0;"
		       "UPDATE orders SET failed_at = 0, error = NULL, "
		       "issue_due_at = 1");
	issuer_lab_run(&lab);
	assert_int_equal(cert_of(&lab).issued_at, 0);
	assert_int_equal(cert_of(&lab).der.n, 0);
	assert_non_null(fixture_reread(j, lab.order)->error);
}

/* PK-205, PK-144: contents and columns that whoever writes rows made differ. */
static void
test_reserved_tampered(struct job *j)
{
	/* It is another member then: the row has none. */
	static const char earlier_version[] =
	    "UPDATE cert SET evidence = "
	    "replace(evidence, 'reservation_seal', 'x')";
	static const char *const cases[] = {
		"UPDATE cert SET tbs = signature_alg",
		"UPDATE cert SET evidence = '{}'",
		"UPDATE cert SET evidence = '['",
		"UPDATE cert SET serial = '0102'",
		"UPDATE cert SET id = 'x'",
		"UPDATE cert SET signature_alg = tbs",
		"UPDATE cert SET spki_sha256 = tbs",
		"UPDATE cert SET not_after = not_after - 1",
		"UPDATE cert SET not_before = not_before + 1",
		"UPDATE cert SET profile = 'mailbox-strict'",
		"UPDATE cert SET ca_label = 'x'",
		"UPDATE cert SET shard = 1",
		"UPDATE cert SET shard = -1",
		"UPDATE cert SET shard = 9223372036854775807",
		"UPDATE cert SET revoked_at = 1",
		"UPDATE cert SET reserved_at = reserved_at + 1",
		"UPDATE cert SET br_version = br_version || ' '",
		earlier_version,
	};
	static const enum mode list[] = { FAILS };

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct role_lab lab;

		unit_case("%s", cases[k]);
		begin(&lab, j);
		next_signatures(list, 1);
		issuer_lab_run(&lab);
		expect_processing(&lab);
		fixture_sql(j, cases[k]);
		role_lab_at(&lab, j->now + 60);
		issuer_lab_run(&lab);
		assert_int_equal(cert_of(&lab).issued_at, 0);
		assert_non_null(fixture_reread(j, lab.order)->error);
	}
}

/* As an issuer of these rules would have reserved it. */
static void
set_rules(struct role_lab *lab, const char *br_version)
{
	struct cert c = cert_of(lab);

	c.br_version = br_version;
	fixture_sql(lab->j,
	    arena_printf(lab->j->arena,
		"UPDATE cert SET br_version = '%s', evidence = '%s'",
		br_version,
		issuer_evidence(&lab->issuer, lab->j, lab->order, &c, NULL)));
}

/* PK-142: what was linted long ago is not signed today. */
static void
test_reserved_too_old(struct job *j)
{
	static const struct {
		const char *name, *br_version;
		int64_t wait;
		const char *reason;
	} cases[] = {
		{ "two days", NULL, 49 * HOUR, "two days have passed" },
		{ "rules of another version", "older", HOUR / 2,
		    "other rules hold today" },
	};
	static const enum mode list[] = { AWAY };

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct role_lab lab;

		unit_case("%s", cases[k].name);
		begin(&lab, j);
		next_signatures(list, 1);
		issuer_lab_run(&lab);
		is_away = false;
		if (cases[k].br_version != NULL)
			set_rules(&lab, cases[k].br_version);
		unit_log_begin();
		role_lab_at(&lab, j->now + cases[k].wait);
		issuer_lab_run(&lab);
		if (cases[k].wait > HOUR) {
			EXPECT(j, judge_caa(&lab.validator, j), 1);
			role_lab_at(&lab, j->now + 60);
			issuer_lab_run(&lab);
		}
		assert_non_null(strstr(unit_log_end(), cases[k].reason));
		assert_int_equal(cert_of(&lab).issued_at, 0);
		assert_string_equal(cert_of(&lab).revoked_by, "issuer");
		assert_non_null(strstr(
		    fixture_reread(j, lab.order)->error, ":serverInternal"));
	}
}

static int64_t
count_issued(struct job *j)
{
	int64_t count;

	EXPECT(j,
	    store_get_int(j, &count,
		"SELECT COUNT(*) FROM cert WHERE issued_at > 0", NO_ARGS),
	    1);
	return count;
}

/* PK-204: the ceiling holds until an admin raises it and resumes, and counts
 * what the process signed, whatever the rows say. */
static void
test_ceiling(struct job *j)
{
	struct role_lab first, second;
	struct stop *stops;
	size_t n;

	begin(&first, j);
	issuer_lab_run(&first);
	wait_for_issuer(&second, j);
	second.conf.share_keys = true;
	second.conf.issuer.max_per_hour = 1;
	second.issuer.ceiling = first.issuer.ceiling;
	fixture_sql(j, "UPDATE cert SET reserved_at = 1");
	issuer_lab_run(&second);
	expect_processing(&second);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(stops[0].scope, STOP_ALL);
	assert_string_equal(stops[0].by, "issuer");
	assert_string_equal(stops[0].reason,
	    "1 certificates within an hour; issuer.max_per_hour is 1");
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&second, j->now + 60);
	issuer_lab_run(&second);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 1);
	/* Time alone does not lift it. */
	role_lab_at(&second, j->now + 2 * HOUR);
	issuer_lab_run(&second);
	assert_int_equal(count_issued(j), 1);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&second, j->now + 60);
	EXPECT(j, judge_caa(&second.validator, j), 0);
	issuer_lab_run(&second);
	EXPECT(j, judge_caa(&second.validator, j), 1);
	role_lab_at(&second, j->now + 60);
	issuer_lab_run(&second);
	assert_int_equal(count_issued(j), 2);
}

static void
expect_held(struct role_lab *lab, const char *why)
{
	assert_int_equal(issuer_step(&lab->issuer, lab->j), -1);
	assert_job_error(lab->j, ERR_BUSY, why);
	job_recover(lab->j);
}

/* PK-147: earlier than what the store holds. */
static void
test_clock_behind(struct job *j)
{
	static const char *const newest[] = {
		"UPDATE cert SET reserved_at = reserved_at + 3600",
		"UPDATE crl SET this_update = this_update + 3600",
		"UPDATE audit SET at_ms = at_ms + 3600000",
	};

	for (size_t k = 0; k < sizeof(newest) / sizeof(newest[0]); k++) {
		struct role_lab lab;

		unit_case("%s", newest[k]);
		begin(&lab, j);
		issuer_lab_run(&lab);
		assert_int_equal(count_issued(j), 1);
		fixture_sql(j, newest[k]);
		lab.issuer.clock.is_on = true;
		expect_held(&lab,
		    k < 2 ? "the clock: it is earlier than the newest record "
			    "in the database, by 3600 s"
			  : "the clock: it is earlier than the newest audit "
			    "record, by 3600 s");
		fixture_sql(j, "DELETE FROM crl; DELETE FROM audit");
	}
}

/* The clock stands in the tests, and the other one does not: that looks like
 * steps back. */
static int64_t
steps(struct job *j, const char *direction)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = 'clock stepped' "
		   "AND result = '%s'",
		   direction));
}

/* PK-147, PK-19: stepped while the issuer ran; small corrections are followed.
 */
static void
test_clock_stepped(struct job *j)
{
	struct role_lab lab;

	begin(&lab, j);
	lab.issuer.clock.is_on = true;
	EXPECT(j, issuer_step(&lab.issuer, j), 1);
	role_lab_at(&lab, j->now + HOUR / 2);
	expect_held(&lab, "the clock: it was stepped forward, by 1800 s");
	expect_held(&lab, "the clock: it was stepped forward, by 1800 s");
	assert_int_equal(count_issued(j), 0);
	assert_int_equal(steps(j, "forward"), 1);
	role_lab_at(&lab, j->now - HOUR / 2 + 30);
	issuer_lab_run(&lab);
	assert_int_equal(count_issued(j), 1);
	assert_true(steps(j, "back") >= 1);
	role_lab_at(&lab, j->now + 45);
	issuer_lab_run(&lab);
	assert_int_equal(steps(j, "forward"), 2);
	role_lab_at(&lab, j->now - HOUR);
	expect_held(&lab, "the clock: it was stepped back, by 3600 s");
}

/* PK-45: stopped between the signature and its commit: the order waits, and
 * its number is used when issuance goes on. */
static void
test_stopped_meanwhile(struct job *j)
{
	static const enum mode list[] = { STOPS };
	struct role_lab lab;
	struct cert c;

	begin(&lab, j);
	next_signatures(list, 1);
	issuer_lab_run(&lab);
	expect_processing(&lab);
	c = cert_of(&lab);
	assert_int_equal(c.issued_at, 0);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&lab, j->now + 60);
	issuer_lab_run(&lab);
	assert_true(cert_of(&lab).issued_at > 0);
	assert_string_equal(cert_of(&lab).serial, c.serial);
}

/* PK-143: two issuers whose generators give the same. */
static void
test_same_serial(struct job *j)
{
	struct role_lab first, second;
	char serial[2 * SERIAL_LEN + 1];

	begin(&first, j);
	rnd_test_seed(7);
	issuer_lab_run(&first);
	snprintf(serial, sizeof serial, "%s", cert_of(&first).serial);
	rnd_test_seed(8);
	wait_for_issuer(&second, j);
	/* The laboratory has one key for all of its mailboxes (PK-78). */
	second.conf.share_keys = true;
	rnd_test_seed(7);
	issuer_lab_run(&second);
	assert_true(cert_of(&second).issued_at > 0);
	assert_string_not_equal(cert_of(&second).serial, serial);
	assert_string_equal(cert_of(&first).serial, serial);
}

/* PK-146: three new checks, each too old when it is looked at. */
static void
test_rounds(struct job *j)
{
	struct role_lab lab;
	struct order *o;

	begin(&lab, j);
	for (int round = 0; round < 3; round++) {
		unit_case("round %d", round);
		role_lab_at(&lab, j->now + 2 * HOUR);
		issuer_lab_run(&lab);
		expect_processing(&lab);
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

	begin(&lab, j);
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

	begin(&lab, j);
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

	begin(&lab, j);
	lab.issuer.linters = &hold;
	linter_lab_add(j, &lab.conf, "zl", "exit 1", 60);
	assert_int_equal(linter_start(j, &pid, &hold.fd), 0);
	issuer_lab_run(&lab);
	expect_processing(&lab);
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
	expect_processing(&lab);
	EXPECT(j, store_cert_by_order(j, lab.order->id, &c), 0);
	assert_int_equal(fixture_count(j, audited), 2);
	assert_int_equal(hold.until, 0);
	/* The lint itself once, however often it is tried. */
	assert_int_equal(fixture_count(j, failed), 1);
	role_lab_at(&lab, j->now + 600);
	issuer_lab_run(&lab);
	expect_processing(&lab);
	assert_int_equal(fixture_count(j, failed), 1);
	linter_lab_change(j, "zl", LINTER_LAB_PASS);
	role_lab_at(&lab, j->now + 600);
	issuer_lab_run(&lab);
	c = cert_of(&lab);
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
	STORE_TEST(test_stopped_meanwhile),
	STORE_TEST(test_ceiling),
	STORE_TEST(test_clock_behind),
	STORE_TEST(test_clock_stepped),
	STORE_TEST(test_reserved_tampered),
	STORE_TEST(test_reserved_too_old),
	STORE_TEST(test_same_serial),
	STORE_TEST(test_rounds),
	STORE_TEST(test_account_key),
	STORE_TEST(test_own_key),
};

UNIT_MAIN(tests)
