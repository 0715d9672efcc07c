/*
 * PK-222: issuance by another CA through CMP.  PK-216 (what is not as asked is
 * rejected there before anybody gets it), PK-217 (one transactionID, whatever
 * is lost on the way), PK-218 (polling), PK-219 (refusals), PK-220
 * (revocation).
 */
#include "config.h"

#include "tests/unit/handoff_lab.h"

#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_revoke.h"
#include "db/store_stop.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "pki/certview.h"
#include "tests/unit/cmp_double.h"
#include "tests/unit/pki_lab.h"

#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

static void
begin(struct handoff_lab *lab, struct job *j)
{
	handoff_lab_begin(lab, j);
	lab->role.conf.external.kind = CONF_EXTERNAL_CMP;
	cmp_double_init();
	lab->upstream.ops = &upstream_cmp_ops;
	lab->upstream.secrets = (struct upstream){ .cmp = cmp_double_client(),
		.ca = lab->role.issuer.ca };
}

/* What is due now, and then what was put off. */
static void
go_on(struct handoff_lab *lab)
{
	for (int i = 0; i < 4; i++) {
		handoff_lab_upstream(lab);
		role_lab_at(&lab->role, lab->role.j->now + HOUR / 4);
	}
	handoff_lab_issuer(lab);
}

static void
test_as_asked(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };

	begin(&lab, j);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	EXPECT(j, store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
	assert_true(span_eq(c.der, cmp_double.last));
	assert_int_equal(cmp_way.messages, 2);
	assert_int_equal(cmp_double.requests, 1);
	assert_int_equal(cmp_double.initial, 0);
	assert_int_equal(cmp_double.accepted, 1);
	assert_int_equal(cmp_double.rejected, 0);
	assert_int_equal(cmp_double.issued, 1);
}

/* The RA vouches for the key: a CA that takes nobody's word refuses. */
static void
test_vouches(struct job *j)
{
	struct handoff_lab lab;

	begin(&lab, j);
	cmp_server_trust_ra(&cmp_double, false);
	handoff_lab_all(&lab);
	handoff_lab_expect_ended(&lab, "badCSR");
	assert_int_equal(cmp_double.issued, 0);
}

/* ir where that CA wants one. */
static void
test_initial(struct job *j)
{
	struct handoff_lab lab;
	struct cmp_client c;

	begin(&lab, j);
	c = *cmp_double_client();
	c.is_initial = true;
	lab.upstream.secrets.cmp = &c;
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(cmp_double.initial, 1);
}

/* PK-218: each message a context of its own, as after a restart. */
static void
test_polling(struct job *j)
{
	static const struct {
		int after;
		int64_t waited;
	} rows[] = { { 0, 60 }, { 600, 600 }, { 100000, 3600 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;
		int64_t at;

		unit_case("checkAfter %d", rows[i].after);
		begin(&lab, j);
		cmp_double.waits = 4;
		cmp_double.check_after = rows[i].after;
		handoff_lab_issuer(&lab);
		for (int k = 1; k < 4; k++) {
			handoff_lab_upstream(&lab);
			assert_int_equal(cmp_double.polls, k);
			EXPECT(j, upstream_next_due(&lab.upstream, j, &at), 1);
			assert_int_equal(at, j->now + rows[i].waited);
			assert_int_equal(cmp_double.issued, 0);
			role_lab_at(&lab.role, at);
		}
		handoff_lab_upstream(&lab);
		handoff_lab_issuer(&lab);
		handoff_lab_expect_issued(&lab);
		assert_int_equal(cmp_double.polls, 4);
		assert_int_equal(cmp_double.transactions, 1);
		assert_int_equal(cmp_double.accepted, 1);
	}
}

/* --- PK-216 --------------------------------------------------------------- */

static void
alter_key(X509 *x)
{
	X509_set_pubkey(x, lab_key(KEY_TYPE_P384, 0));
}

static void
alter_subject(X509 *x)
{
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", MBSTRING_UTF8,
	    (const unsigned char *)"Example", -1, -1, 0);
}

static void
alter_time(X509 *x)
{
	X509_time_adj_ex(X509_getm_notAfter(x), 400, 0,
	    &(time_t){ (time_t)unit_job()->now });
}

static void
alter_names(X509 *x)
{
	cmp_server_set_extension(x, NULL, NID_subject_alt_name,
	    "email:" HANDOFF_LAB_MAILBOX ",email:ceo@example.org");
}

static void
alter_usage(X509 *x)
{
	cmp_server_set_extension(
	    x, NULL, NID_key_usage, "critical,digitalSignature");
}

static void
alter_purpose(X509 *x)
{
	cmp_server_set_extension(
	    x, NULL, NID_ext_key_usage, "emailProtection,serverAuth");
}

static void
test_altered(struct job *j)
{
	static const struct {
		const char *name;
		void (*alter)(X509 *);
	} rows[] = {
		{ "key", alter_key },
		{ "subject", alter_subject },
		{ "validity", alter_time },
		{ "names", alter_names },
		{ "key usage", alter_usage },
		{ "purpose", alter_purpose },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i].name);
		begin(&lab, j);
		cmp_double.alter = rows[i].alter;
		handoff_lab_all(&lab);
		assert_int_equal(cmp_double.rejected, 1);
		assert_int_equal(cmp_double.accepted, 0);
		handoff_lab_expect_ended(&lab, "serverInternal");
		handoff_lab_upstream(&lab);
		assert_int_equal(cmp_double.revoked, 1);
		assert_int_equal(cmp_double.reason, 4);
	}
}

/* --- what comes on the way ------------------------------------------------ */

/* Nothing of it is believed; the answer that is right is. */
static void
test_faults(struct job *j)
{
	static const struct {
		const char *name;
		enum cmp_fault fault;
	} rows[] = {
		{ "silence", CMP_FAULT_SILENCE },
		{ "garbage", CMP_FAULT_GARBAGE },
		{ "an octet too many", CMP_FAULT_TRAILER },
		{ "another key", CMP_FAULT_OTHER_KEY },
		{ "no protection", CMP_FAULT_UNPROTECTED },
		{ "changed", CMP_FAULT_CHANGED },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;
		struct handoff h;

		unit_case("%s", rows[i].name);
		begin(&lab, j);
		cmp_way.fault = rows[i].fault;
		handoff_lab_issuer(&lab);
		handoff_lab_upstream(&lab);
		h = handoff_lab_row(&lab);
		assert_int_equal(h.stage, HANDOFF_SENDING);
		assert_null(strstr(h.token, "\"answers\":[\""));
		assert_int_equal(cmp_double.accepted, 0);
		go_on(&lab);
		handoff_lab_expect_issued(&lab);
		assert_int_equal(cmp_double.transactions, 1);
		assert_int_equal(cmp_double.accepted, 1);
	}
}

/* Good signatures, of another moment: the nonce, the transactionID. */
static void
test_replayed(struct job *j)
{
	struct handoff_lab lab;
	struct handoff h;

	unit_case("nonce");
	begin(&lab, j);
	cmp_double.waits = 3;
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab); /* cr, pollReq */
	h = handoff_lab_row(&lab);
	assert_int_equal(h.stage, HANDOFF_PENDING);
	cmp_way.fault = CMP_FAULT_BEFORE;
	cmp_way.fault_at = 2;
	role_lab_at(&lab.role, j->now + 60);
	handoff_lab_upstream(&lab);
	assert_int_equal(cmp_double.polls, 2);
	assert_string_equal(handoff_lab_row(&lab).token, h.token);

	unit_case("transactionID");
	begin(&lab, j);
	EXPECT(j, cmp_client_probe(cmp_double_client(), j), 0);
	cmp_way.fault = CMP_FAULT_ELSEWHERE;
	cmp_way.fault_at = 1;
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_SENDING);
	assert_int_equal(cmp_double.accepted, 0);
	go_on(&lab);
	handoff_lab_expect_issued(&lab);
}

/* PK-217: an answer is lost; the CA issues again under the transactionID that
 * it knows, and the one that is confirmed is the one that is delivered. */
static void
test_lost(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };

	begin(&lab, j);
	cmp_way.fault = CMP_FAULT_LOST;
	handoff_lab_all(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_SENDING);
	go_on(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(cmp_double.transactions, 1);
	assert_int_equal(cmp_double.issued, 2);
	assert_int_equal(cmp_double.accepted, 1);
	EXPECT(j, store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
	assert_true(span_eq(c.der, cmp_double.last));
}

/* PK-217: … or says that it knows it: a person decides. */
static void
test_in_use(struct job *j)
{
	struct handoff_lab lab;

	begin(&lab, j);
	cmp_way.fault = CMP_FAULT_LOST;
	cmp_double.in_use = true;
	handoff_lab_all(&lab);
	go_on(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_HELD);
	assert_int_equal(cmp_double.issued, 1);
	assert_int_equal(cmp_double.accepted, 0);
	assert_null(handoff_lab_order(&lab)->error);
}

/* pkiConf is lost: the CA knows no such transaction any more.  Whether it
 * counts as confirmed there nobody can say, so it is not delivered. */
static void
test_confirmation_lost(struct job *j)
{
	struct handoff_lab lab;

	begin(&lab, j);
	cmp_way.fault = CMP_FAULT_LOST;
	cmp_way.fault_at = 1;
	handoff_lab_all(&lab);
	assert_int_equal(cmp_double.accepted, 1);
	assert_null(handoff_lab_order(&lab)->cert_id);
	go_on(&lab);
	handoff_lab_expect_ended(&lab, "serverInternal");
	handoff_lab_upstream(&lab);
	assert_int_equal(cmp_double.issued, 1);
	assert_int_equal(cmp_double.revoked, 1);
}

/* It did not arrive: sent again, and good. */
static void
test_confirmation_unsent(struct job *j)
{
	struct handoff_lab lab;

	begin(&lab, j);
	cmp_way.fault = CMP_FAULT_SILENCE;
	cmp_way.fault_at = 1;
	handoff_lab_all(&lab);
	assert_int_equal(cmp_double.accepted, 0);
	assert_null(handoff_lab_order(&lab)->cert_id);
	go_on(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(cmp_double.issued, 1);
	assert_int_equal(cmp_double.accepted, 1);
}

static int
die_at_next(struct job *j, void *ctx)
{
	struct handoff_lab *lab = ctx;

	j->conf = lab->role.j->conf;
	cmp_way.fault = CMP_FAULT_DEATH;
	cmp_way.fault_at = cmp_way.messages;
	(void)upstream_step(&lab->upstream, j);
	return 0;
}

/* Killed with -9 when the next message had left.  The lease runs out, or
 * (SQLite) the role that follows takes over: after how many seconds. */
static int64_t
crash(struct handoff_lab *lab)
{
	struct job *j = lab->role.j;
	int64_t at;
	int pid = fixture_fork(die_at_next, lab);

	assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
	assert_int_equal(handoff_lab_row(lab).stage, HANDOFF_PENDING);
	EXPECT(j, store_handoff_recover(j), 0);
	EXPECT(j, upstream_next_due(&lab->upstream, j, &at), 1);
	return at - j->now;
}

/* PK-217: killed while certConf is on its way: it is sent again, no request. */
static void
test_crash_confirming(struct job *j)
{
	struct handoff_lab lab;
	int64_t after;

	begin(&lab, j);
	handoff_lab_issuer(&lab);
	EXPECT(j, upstream_step(&lab.upstream, j), 1);
	assert_int_equal(cmp_double.issued, 1);
	after = crash(&lab);
	assert_int_equal(after, fixture_is_pgsql() ? 600 : 0);
	role_lab_at(&lab.role, j->now + after);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(cmp_double.requests, 1);
	assert_int_equal(cmp_double.issued, 1);
	assert_int_equal(cmp_double.accepted, 1);
}

/* PK-217: killed while it polls: it polls, no sooner than it may. */
static void
test_crash_polling(struct job *j)
{
	struct handoff_lab lab;
	int64_t after;

	begin(&lab, j);
	cmp_double.waits = 2;
	cmp_double.check_after = 120;
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	assert_int_equal(cmp_double.polls, 1);
	role_lab_at(&lab.role, j->now + 120);
	after = crash(&lab);
	assert_int_equal(after, fixture_is_pgsql() ? 600 : 120);
	role_lab_at(&lab.role, j->now + after);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(cmp_double.polls, 2);
	assert_int_equal(cmp_double.requests, 1);
	assert_int_equal(cmp_double.issued, 1);
}

/* --- PK-219 --------------------------------------------------------------- */

static void
test_refusals(struct job *j)
{
	static const struct {
		const char *name;
		int bit;
		const char *ours;
	} rows[] = {
		{ "badAlg", 0, "badCSR" },
		{ "badPOP", 9, "badCSR" },
		{ "badCertTemplate", 19, "badCSR" },
		{ "signerNotTrusted", 20, "serverInternal" },
		{ "notAuthorized", 23, "serverInternal" },
		{ "duplicateCertReq", 26, "serverInternal" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;

		unit_case("%s", rows[i].name);
		begin(&lab, j);
		cmp_double.refuses = rows[i].bit + 1;
		handoff_lab_all(&lab);
		handoff_lab_expect_ended(&lab, rows[i].ours);
		assert_null(strstr(handoff_lab_order(&lab)->error, "secret"));
	}
}

/* systemUnavail: once more, in a transaction of its own. */
static void
test_unavailable(struct job *j)
{
	struct handoff_lab lab;

	begin(&lab, j);
	cmp_double.refuses = 25;
	handoff_lab_all(&lab);
	assert_int_equal(handoff_lab_row(&lab).stage, HANDOFF_ASKED);
	cmp_double.refuses = 0;
	role_lab_at(&lab.role, j->now + 60);
	handoff_lab_all(&lab);
	handoff_lab_expect_issued(&lab);
	assert_int_equal(cmp_double.transactions, 2);
}

/* --- overtaken ------------------------------------------------------------ */

/* PK-45: not sent while issuance is stopped. */
static void
test_stopped(struct job *j)
{
	const struct stop s = { STOP_ALL, "", "test", "test", 0 };
	struct handoff_lab lab;

	begin(&lab, j);
	handoff_lab_issuer(&lab);
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &s), 1);
	assert_int_equal(store_commit(j), 0);
	handoff_lab_upstream(&lab);
	assert_int_equal(cmp_way.messages, 0);
	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_stop_lift(j, STOP_ALL, ""), 1);
	assert_int_equal(store_commit(j), 0);
	go_on(&lab);
	handoff_lab_expect_issued(&lab);
}

/* The order ends while the CA works: what comes is rejected there. */
static void
test_ended(struct job *j)
{
	struct handoff_lab lab;

	begin(&lab, j);
	cmp_double.waits = 2;
	handoff_lab_issuer(&lab);
	handoff_lab_upstream(&lab);
	fixture_sql(j, "UPDATE orders SET failed_at = 1, error = '{}'");
	role_lab_at(&lab.role, j->now + 60);
	handoff_lab_upstream(&lab);
	assert_int_equal(cmp_double.issued, 1);
	assert_int_equal(cmp_double.rejected, 1);
	assert_int_equal(cmp_double.accepted, 0);
	handoff_lab_upstream(&lab);
	assert_int_equal(cmp_double.revoked, 1);
}

/* --- PK-220 --------------------------------------------------------------- */

static void
ask_to_revoke(struct job *j, const char *cert_id, int64_t reason)
{
	const struct revocation r = { reason, "key", SPAN_INIT("request") };

	assert_int_equal(store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, cert_id, &r), 1);
	assert_int_equal(store_commit(j), 0);
}

static bool
is_confirmed(struct job *j, const char *cert_id)
{
	bool confirmed = false;

	EXPECT(j, store_withdrawal_confirmed(j, cert_id, &confirmed), 0);
	return confirmed;
}

static void
test_revocation(struct job *j)
{
	static const struct {
		int64_t ours, theirs; /* unspecified is not said (RFC 5280) */
	} rows[] = { { 0, -1 }, { 1, 1 }, { 4, 4 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handoff_lab lab;
		struct cert c = { 0 };
		struct certview v;

		unit_case("reason %lld", (long long)rows[i].ours);
		begin(&lab, j);
		handoff_lab_all(&lab);
		EXPECT(j,
		    store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
		ask_to_revoke(j, c.id, rows[i].ours);
		cmp_double.refuses_rr = 25;
		handoff_lab_upstream(&lab);
		assert_false(is_confirmed(j, c.id));
		cmp_double.refuses_rr = 5; /* badCertId: not one of its own? */
		role_lab_at(&lab.role, j->now + 301);
		handoff_lab_upstream(&lab);
		assert_false(is_confirmed(j, c.id));
		cmp_double.refuses_rr = 0;
		cmp_way.fault = CMP_FAULT_OTHER_KEY;
		cmp_way.fault_at = cmp_way.messages;
		role_lab_at(&lab.role, j->now + 301);
		handoff_lab_upstream(&lab);
		assert_false(is_confirmed(j, c.id));
		role_lab_at(&lab.role, j->now + 301);
		handoff_lab_upstream(&lab);
		assert_true(is_confirmed(j, c.id));
		assert_int_equal(cmp_double.reason, rows[i].theirs);
		assert_int_equal(certview_parse(c.der, &v), 0);
		assert_true(span_eq(cmp_double.revoked_serial, v.serial));
	}
}

/* certRevoked: it has done so before. */
static void
test_revoked_before(struct job *j)
{
	struct handoff_lab lab;
	struct cert c = { 0 };

	begin(&lab, j);
	handoff_lab_all(&lab);
	EXPECT(j, store_cert_by_order(j, handoff_lab_order(&lab)->id, &c), 1);
	ask_to_revoke(j, c.id, 1);
	cmp_double.refuses_rr = 11;
	handoff_lab_upstream(&lab);
	assert_true(is_confirmed(j, c.id));
}

/* The RA's certificate and the pinned one work: asked before anything is
 * (countersign check). */
static void
test_probe(struct job *j)
{
	const struct cmp_client *c = cmp_double_client();

	cmp_double_init();
	EXPECT(j, cmp_client_probe(c, j), 0);
	cmp_way.fault = CMP_FAULT_OTHER_KEY;
	cmp_way.fault_at = 1;
	assert_int_equal(cmp_client_probe(c, j), -1);
	job_recover(j);
	cmp_way.fault = CMP_FAULT_SILENCE;
	cmp_way.fault_at = 2;
	assert_int_equal(cmp_client_probe(c, j), -1);
	assert_job_error(j, ERR_BUSY, "no answer");
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_as_asked),
	STORE_TEST(test_vouches),
	STORE_TEST(test_initial),
	STORE_TEST(test_polling),
	STORE_TEST(test_altered),
	STORE_TEST(test_faults),
	STORE_TEST(test_replayed),
	STORE_TEST(test_lost),
	STORE_TEST(test_in_use),
	STORE_TEST(test_confirmation_lost),
	STORE_TEST(test_confirmation_unsent),
	STORE_TEST(test_crash_confirming),
	STORE_TEST(test_crash_polling),
	STORE_TEST(test_refusals),
	STORE_TEST(test_unavailable),
	STORE_TEST(test_stopped),
	STORE_TEST(test_ended),
	STORE_TEST(test_revocation),
	STORE_TEST(test_revoked_before),
	STORE_TEST(test_probe),
};
UNIT_MAIN(tests)
