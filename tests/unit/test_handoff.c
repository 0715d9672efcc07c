/*
 * Issuance by another CA: PK-215 (everything before the signature stays here),
 * PK-216 (what comes back is compared), PK-220 (revocation), PK-223 (the row
 * that crosses from issuer to upstream role).
 */
#include "config.h"

#include "tests/unit/handoff_lab.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_handoff.h"
#include "db/store_key.h"
#include "db/store_revoke.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "pki/ca.h"
#include "src/judge_caa.h"
#include "src/role_upstream.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/upstream_double.h"

#define MAILBOX HANDOFF_LAB_MAILBOX
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

/* --- PK-216 --------------------------------------------------------------- */

static void
test_as_asked(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	EXPECT(j, store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
	assert_true(c.der.n > 0 && c.issued_at > 0);
	assert_true(strstr(c.lint_report, "L-33") != NULL);
	assert_int_equal(upstream_double.issued, 1);
	/* PK-220: no list of ours, not for that CA. */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM crl"), 0);
}

/* What the audit says of the last one. */
static void
expect_reason(struct job *j, const char *why)
{
	char *pattern = arena_strdup(j->arena, why);

	for (char *p = pattern; *p != '\0'; p++)
		if (*p == '\'')
			*p = '_'; /* any character, to LIKE */
	if (fixture_count(
		j, arena_printf(j->arena,
		       "SELECT COUNT(*) FROM audit WHERE detail LIKE '%%%s%%' "
		       "AND seq = (SELECT MAX(seq) FROM audit "
		       "WHERE result = 'not as asked')",
		       pattern)) != 1)
		fail_msg("the audit does not say: %s", why);
}

/* What was made for MAILBOX, with a criticality that DER writes as FF. */
static struct span
loosely_written(struct job *j)
{
	static const struct span is_true = SPAN_INIT("\x01\x01\xff");
	struct handoff_lab lab;
	struct cert c = { 0 };
	char *octets;
	size_t at;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	EXPECT(j, store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
	at = span_find_span(c.der, 0, is_true);
	assert_true(at < c.der.n);
	octets = arena_memdup(j->arena, c.der.p, c.der.n);
	octets[at + 2] = 1;
	return span_mem(octets, c.der.n);
}

/* The log says what becomes of it. */
static void
expect_told(bool is_revoked)
{
	const char *log = unit_log_end();

	assert_non_null(strstr(log, "certificate not what was asked for"));
	assert_int_equal(
	    strstr(log, "that CA is asked to revoke it") != NULL, is_revoked);
	assert_int_equal(
	    strstr(log, "nothing is revoked: find out") != NULL, !is_revoked);
}

/* PK-216: each thing changed in turn.  That CA's own certificate, as in a chain
 * the wrong way round, is not revoked for it (but what stands behind it for our
 * key), nor can be what is none. */
static void
test_changed(struct job *j)
{
	const struct span loose = loosely_written(j);
	const struct span own = lab_x509_der(j, lab_ca("p256")->certificate);
	const struct {
		const char *name;
		struct double_change change;
		const char *why;
		bool is_revoked;
	} rows[] = {
		{ "key", { .key = lab_key(KEY_TYPE_P384, 0) },
		    "its key is not the one of the request", true },
		{ "name", { .names = "email:ceo@example.org" },
		    "it has a name that was not asked for", true },
		{ "one more name",
		    { .names = "email:" MAILBOX ",email:ceo@example.org" },
		    "it has a name that was not asked for", true },
		{ "a name twice",
		    { .names = "email:" MAILBOX ",email:" MAILBOX },
		    "it has a name twice", true },
		{ "a host", { .names = "email:" MAILBOX ",DNS:example.org" },
		    "it has a name that is no mailbox", true },
		{ "attribute", { .attribute = "O" }, "lint L-20", true },
		{ "common name", { .common_name = "ceo@example.org" },
		    "lint L-22", true },
		{ "key usage", { .key_usage = "critical,digitalSignature" },
		    "lint L-31", true },
		{ "signs certificates",
		    { .key_usage = "critical,digitalSignature,keyAgreement,"
				   "keyCertSign" },
		    "lint L-31", true },
		{ "purpose", { .ext_key_usage = "emailProtection,serverAuth" },
		    "lint L-33", true },
		{ "other purpose", { .ext_key_usage = "clientAuth" },
		    "lint L-33", true },
		{ "CA", { .basic_constraints = "critical,CA:TRUE" },
		    "it could be a CA's", true },
		{ "longer by a second", { .secs = 365 * DAY + 1 },
		    "it is valid for longer than was asked for", true },
		{ "expired", { .starts = -400 * DAY, .secs = 300 * DAY },
		    "it is not valid now", true },
		{ "not valid yet", { .starts = 3 * DAY, .secs = 300 * DAY },
		    "it is not valid now", true },
		{ "another CA's key", { .ca = "p384" },
		    "its authorityKeyIdentifier is not the configured CA's",
		    true },
		{ "another CA's name", { .issuer = "Other CA" },
		    "its issuer is not the configured CA", true },
		{ "no key identifier", { .no_key_id = true },
		    "its authorityKeyIdentifier is not the configured CA's",
		    true },
		{ "signature", { .signer = lab_key(KEY_TYPE_P256, 0) },
		    "signature", true },
		{ "unknown critical extension", { .more_oid = "1.2.3.4.5" },
		    "critical extension", true },
		{ "negative serial", { .serial = -5 },
		    "its serial number is not a positive one of at most 20 "
		    "octets",
		    true },
		{ "text", { .instead = SPAN("thank you for your order") },
		    "there is no certificate in it", false },
		{ "PEM of something else",
		    { .instead = SPAN("-----BEGIN X509 CRL-----\nMAA=\n"
				      "-----END X509 CRL-----\n") },
		    "there is no certificate in it", false },
		{ "cut", { .instead = SPAN("\x30\x82\x01\x00\x30") },
		    "it is not a certificate in strict DER", false },
		{ "not in DER", { .instead = loose },
		    "it is not a certificate in strict DER", true },
		{ "that CA's own", { .instead = own },
		    "its issuer is not the configured CA", false },
		{ "another CA below it",
		    { .key = lab_key(KEY_TYPE_P384, 0),
			.basic_constraints = "critical,CA:TRUE" },
		    "its key is not the one of the request", false },
		{ "the chain the wrong way round",
		    { .before = lab_ca("p256")->certificate },
		    "its issuer is not the configured CA", true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i].name);
		handoff_lab_begin(&lab, j);
		upstream_double.change = rows[i].change;
		unit_log_begin();
		handoff_lab_all(&lab);
		expect_told(rows[i].is_revoked);
		handoff_lab_expect_ended(&lab, "serverInternal");
		/* The reason is for the log and the audit only. */
		assert_null(
		    strstr(handoff_lab_order(&lab)->error, rows[i].why));
		expect_reason(j, rows[i].why);
		handoff_lab_upstream(&lab);
		assert_int_equal(upstream_double.revoked, rows[i].is_revoked);
		if (!rows[i].is_revoked)
			continue;
		assert_int_equal(upstream_double.reason, 4);
		assert_false(span_eq(upstream_double.revoked_der, own));
	}
}

/* PK-216: not before, nor after, what the order names. */
static void
test_dates(struct job *j)
{
	static const struct {
		int64_t begins, ends; /* the order's, after now */
		int64_t starts, secs; /* the certificate's, after now - 300 */
		const char *why;      /* NULL: it fits */
	} rows[] = {
		{ -300, 0, 0, 300 * DAY, NULL },
		{ -299, 0, 0, 300 * DAY,
		    "it begins before what was asked for" },
		{ 0, DAY - 301, 0, DAY, NULL },
		{ 0, DAY - 302, 0, DAY,
		    "it is valid for longer than was asked for" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%zu", i);
		handoff_lab_begin(&lab, j);
		upstream_double.change =
		    (struct double_change){ .starts = rows[i].starts,
			    .secs = rows[i].secs };
		handoff_lab_issuer(&lab);
		handoff_lab_upstream(&lab);
		fixture_sql(j,
		    arena_printf(j->arena,
			"UPDATE orders SET not_before = %lld, not_after = %lld",
			rows[i].begins == 0
			    ? 0LL
			    : (long long)(j->now + rows[i].begins),
			rows[i].ends == 0
			    ? 0LL
			    : (long long)(j->now + rows[i].ends)));
		handoff_lab_issuer(&lab);
		if (rows[i].why == NULL) {
			handoff_lab_expect_issued(&lab);
			continue;
		}
		handoff_lab_expect_ended(&lab, "serverInternal");
		expect_reason(j, rows[i].why);
		handoff_lab_upstream(&lab);
		assert_int_equal(upstream_double.revoked, 1);
	}
}

/* A certificate that was delivered before, for another order. */
static void
test_serial_again(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	fixture_sql(j, "UPDATE handoff SET stage = 'answered'; "
		       "UPDATE orders SET cert_id = NULL, issue_due_at = 1");
	/* One certificate per order, and each number once. */
	EXPECT(j, issuer_step(&lab.role.issuer, j), 1);
	assert_null(handoff_lab_order(&lab)->cert_id);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert"), 1);
}

/* PK-216: the same, and it would not be delivered anyway: whoever has it keeps
 * it. */
static void
test_answer_again(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE handoff SET stage = 'answered'; "
		   "UPDATE orders SET cert_id = NULL, issue_due_at = 1, "
		   "not_after = %lld",
		   (long long)j->now + 60));
	unit_log_begin();
	EXPECT(j, issuer_step(&lab.role.issuer, j), 1);
	assert_non_null(strstr(unit_log_end(), "certificate of another order"));
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM withdrawal"), 0);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 0);
}

/* AC-44: the key was reported while the other CA was at work. */
static void
test_key_blocked(struct job *j)
{
	struct span spki = lab_spki(j, lab_key(KEY_TYPE_P256, 0));
	uint8_t hash[SHA256_LEN];
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	sha256(spki, hash);
	COMMITTED(
	    j, store_key_block(
		   j, KEY_BY_SPKI(span_mem(hash, sizeof(hash))), NULL, "test"));
	handoff_lab_issuer(&lab);
	handoff_lab_expect_ended(&lab, "badCSR");
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
}

/* --- PK-215 --------------------------------------------------------------- */

static void
test_gate_closed(struct job *j)
{
	static const struct {
		const char *name, *sql;
	} rows[] = {
		{ "no seal on the verdict", "UPDATE reply SET seal = NULL" },
		{ "never valid", "UPDATE authz SET valid_at = 0" },
		{ "CAA of another domain", "UPDATE caa SET domain = 'x.org'" },
		{ "another request", "UPDATE orders SET csr = csr_jws" },
		{ "another profile",
		    "UPDATE orders SET profile = 'mailbox-signing'" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i].name);
		handoff_lab_begin(&lab, j);
		fixture_sql(j, rows[i].sql);
		handoff_lab_all(&lab);
		assert_null(handoff_lab_order(&lab)->cert_id);
		assert_non_null(handoff_lab_order(&lab)->error);
		assert_int_equal(upstream_double.issued, 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM handoff"), 0);
	}
}

/* PK-215: the certificate that we would have made does not pass the lints. */
static void
test_lint_first(struct job *j)
{
	struct handoff_lab lab;

	handoff_lab_begin(&lab, j);
	lab.role.conf.issuer.crl_url = "https://crl.example.com/issuing.crl";
	handoff_lab_all(&lab);
	assert_int_equal(upstream_double.issued, 0);
	assert_null(handoff_lab_order(&lab)->cert_id);
}

/* PK-223, PK-205: what `web` could write into the row. */
static void
test_forged(struct job *j)
{
	static const char *const rows[] = {
		"UPDATE handoff SET request = replace(request, 'box0', 'box')",
		"UPDATE handoff SET seal = id",
		"UPDATE handoff SET id = 'another'",
		"UPDATE handoff SET token = 'https://elsewhere.example/'",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i]);
		handoff_lab_begin(&lab, j);
		handoff_lab_issuer(&lab);
		fixture_sql(j, fixture_is_pgsql() && i == 1
				   ? "UPDATE handoff SET seal = '\\x00'"
				   : rows[i]);
		handoff_lab_upstream(&lab);
		assert_int_equal(upstream_double.issued, 0);
		assert_int_equal(upstream_double.polled, 0);
		handoff_lab_issuer(&lab);
		handoff_lab_expect_ended(&lab, "serverInternal");
	}
}

/* Checks grow old while the other CA cannot be called: the gate again. */
static void
test_stale(struct job *j)
{
	struct handoff_lab lab;
	struct handoff first, second;

	handoff_lab_begin(&lab, j);
	handoff_lab_issuer(&lab);
	first = handoff_lab_row(&lab);
	role_lab_at(&lab.role, j->now + 2 * HOUR);
	handoff_lab_upstream(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_STALE);
	assert_int_equal(upstream_double.issued, 0);
	handoff_lab_issuer(&lab); /* asks for CAA */
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_STALE);
	EXPECT(j, judge_caa(&lab.role.validator, j), 1);
	handoff_lab_issuer(&lab);
	second = handoff_lab_row(&lab);
	assert_int_equal(second.stage, HANDOFF_ASKED);
	assert_string_equal(first.id, second.id);
	handoff_lab_upstream(&lab);
	handoff_lab_issuer(&lab);
	handoff_lab_expect_issued(&lab);
	assert_string_equal(upstream_double.id, first.id);
}

/* --- PK-220 --------------------------------------------------------------- */

static void
revoke_while_down(struct handoff_lab *lab, struct job *j, struct cert *c)
{
	const struct revocation r = { 1, "key", SPAN_INIT("request") };

	EXPECT(j, store_cert_by_order(j, handoff_lab_order(lab)->id, c), 1);
	upstream_double.is_down = true;
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, c->id, &r), 1);
	assert_int_equal(store_commit(j), 0);
}

static void
test_revocation(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };
	bool confirmed;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	revoke_while_down(&lab, j, &c);
	/* It is asked again and again until it confirms. */
	for (int i = 0; i < 20; i++) {
		handoff_lab_upstream(&lab);
		EXPECT(j, store_withdrawal_confirmed(j, c.id, &confirmed), 0);
		assert_false(confirmed);
		role_lab_at(&lab.role, j->now + 301);
	}
	handoff_lab_issuer(&lab); /* publishes no list */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM crl"), 0);
	upstream_double.is_down = false;
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
	assert_int_equal(upstream_double.reason, 1);
	assert_true(span_eq(upstream_double.revoked_der, c.der));
	EXPECT(j, store_withdrawal_confirmed(j, c.id, &confirmed), 0);
	assert_true(confirmed);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at IS NOT NULL"),
	    0);
	/* Told once. */
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_withdrawal_tell(j, c.id), 1);
	EXPECT(j, store_withdrawal_tell(j, c.id), 0);
	assert_int_equal(store_commit(j), 0);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
}

/* A certificate of one of several lists that this CA had here before another
 * program took it over: nobody but that one can revoke it now. */
static void
test_revocation_of_any_list(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };
	bool confirmed;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	fixture_sql(j, "UPDATE cert SET shard = 3");
	revoke_while_down(&lab, j, &c);
	upstream_double.is_down = false;
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
	assert_true(span_eq(upstream_double.revoked_der, c.der));
	EXPECT(j, store_withdrawal_confirmed(j, c.id, &confirmed), 0);
	assert_true(confirmed);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at IS NOT NULL"),
	    0);
}

/* An unconfirmed one is asked for until its certificate expires: once more
 * after that, and no more. */
static void
test_revocation_end(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };
	int64_t at;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	revoke_while_down(&lab, j, &c);
	handoff_lab_upstream(&lab);
	role_lab_at(&lab.role, c.not_after);
	handoff_lab_upstream(&lab);
	EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 1);
	role_lab_at(&lab.role, at);
	assert_true(at > c.not_after);
	handoff_lab_upstream(&lab);
	EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 0);
	upstream_double.is_down = false;
	role_lab_at(&lab.role, j->now + DAY);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 0);
}

/* PK-220: one that a stop cuts off is no attempt: the next start asks. */
static void
test_revocation_cut_off(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };
	int64_t at;

	handoff_lab_begin(&lab, j);
	handoff_lab_all(&lab);
	revoke_while_down(&lab, j, &c);
	role_stop(true);
	EXPECT(j, upstream_step(&lab.upstream, j), 1);
	role_stop(false);
	assert_int_equal(
	    fixture_count(j, "SELECT attempts FROM withdrawal"), 0);
	EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 1);
	assert_true(at <= j->now);
	upstream_double.is_down = false;
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.revoked, 1);
}

static void
expect_window(struct job *j, const char *cert_id, int64_t start, int64_t end)
{
	int64_t from, to;

	if (start == 0) {
		EXPECT(j, store_window_get(j, cert_id, &from, &to), 0);
		return;
	}
	EXPECT(j, store_window_get(j, cert_id, &from, &to), 1);
	assert_int_equal(from, start);
	assert_int_equal(to, end);
}

/* The other CA's renewal window is asked for, and again, until the certificate
 * is revoked. */
static void
test_window(struct job *j)
{
	static const struct {
		int said;
		int64_t start, end, secs, waited;
		int64_t kept; /* start */
	} rows[] = {
		{ 1, 1000, 2000, -1, DAY, 1000 },
		{ 1, 1500, 2000, 7 * HOUR, 7 * HOUR, 1500 },
		{ -1, 0, 0, -1, 6 * HOUR, 1500 },
		{ 1, 1600, 2000, 1, 6 * HOUR, 1600 },
		{ 1, 1700, 2000, 30 * DAY, DAY, 1700 },
		{ 0, 0, 0, -1, DAY, 0 },
	};
	const struct revocation r = { 1, "key", SPAN_INIT("request") };
	struct handoff_lab lab;
	struct cert c = { 0 };
	int64_t at;

	handoff_lab_begin(&lab, j);
	lab.role.conf.external.kind = CONF_EXTERNAL_ACME;
	handoff_lab_all(&lab);
	EXPECT(j, store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
	expect_window(j, c.id, 0, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		upstream_double.window = rows[i].said;
		upstream_double.window_start = rows[i].start;
		upstream_double.window_end = rows[i].end;
		upstream_double.window_secs = rows[i].secs;
		handoff_lab_upstream(&lab);
		assert_int_equal(upstream_double.windows_asked, i + 1);
		expect_window(j, c.id, rows[i].kept, 2000);
		EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 1);
		assert_int_equal(at, j->now + rows[i].waited);
		role_lab_at(&lab.role, at);
	}
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, c.id, &r), 1);
	assert_int_equal(store_commit(j), 0);
	handoff_lab_upstream(&lab);
	assert_int_equal(upstream_double.windows_asked, COUNT(rows));
	EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_as_asked),
	STORE_TEST(test_changed),
	STORE_TEST(test_dates),
	STORE_TEST(test_serial_again),
	STORE_TEST(test_answer_again),
	STORE_TEST(test_key_blocked),
	STORE_TEST(test_gate_closed),
	STORE_TEST(test_lint_first),
	STORE_TEST(test_forged),
	STORE_TEST(test_stale),
	STORE_TEST(test_revocation),
	STORE_TEST(test_revocation_of_any_list),
	STORE_TEST(test_revocation_end),
	STORE_TEST(test_revocation_cut_off),
	STORE_TEST(test_window),
};
UNIT_MAIN(tests)
