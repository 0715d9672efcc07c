/*
 * Every class of events that PK-19 names leaves a record, and PK-20 what stands
 * in it.  What needs no second process is done here, and its record is read;
 * of the rest the table names the test that does it.  countersign(1) lists
 * the events.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <dirent.h>
#include <inttypes.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "acme/revoke.h"
#include "db/store_cert.h"
#include "db/store_revoke.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/statement.h"
#include "src/acts.h"
#include "src/admin_login.h"
#include "src/answers.h"
#include "src/command.h"
#include "src/judge_caa.h"
#include "src/profile_watch.h"
#include "src/role_life.h"
#include "tests/unit/admin_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define MAILBOX "mailbox0@example.org"
#define PAGE CS_SRCDIR "/man/countersign.1"
#define PASSWORD SPAN("correct horse battery")
#define PASSPHRASE SPAN("of the key")

/* --- the table ------------------------------------------------------------ */

enum deed { ISSUANCE, REVOCATION, CLOCK, LIFE, PROFILES, LOGIN, ELSEWHERE };

static const struct row {
	const char *class; /* PK-19's words */
	const char *event;
	const char *file; /* where the record is made */
	enum deed act;
	const char *test; /* ELSEWHERE */
	const char *actor, *object, *result;
} rows[] = {
	{ "CA key generated", "CA key generated", "pki/ceremony_events.c",
	    ELSEWHERE, "unit/test_ceremony_record.c", NULL, NULL, NULL },
	{ "CA key activated", "CA key activated", "src/key_use.c", ISSUANCE,
	    NULL, "issuer", "ca:", "ok" },
	{ "CA key deactivated", "CA key deactivated", "src/key_use.c",
	    ELSEWHERE, "integration/test_signals.py", NULL, NULL, NULL },
	{ "CA key backed up", "CA key backed up", "pki/ceremony_events.c",
	    ELSEWHERE, "unit/test_ceremony_record.c", NULL, NULL, NULL },
	{ "CA key restored", "CA key restored", "pki/ceremony_events.c",
	    ELSEWHERE, "unit/test_ceremony_record.c", NULL, NULL, NULL },
	{ "CA key destroyed", "CA key destroyed", "src/key_destroy.c",
	    ELSEWHERE, "unit/test_key_destroy.c", NULL, NULL, NULL },
	{ "profile introduced", "profile introduced", "src/profile_watch.c",
	    PROFILES, NULL, "issuer", "profile:own", "ok" },
	{ "profile changed", "profile changed", "src/profile_watch.c", PROFILES,
	    NULL, "issuer", "profile:own", "ok" },
	{ "profile retired", "profile retired", "src/profile_watch.c", PROFILES,
	    NULL, "issuer", "profile:own", "ok" },
	{ "CA certificate or cross-certificate issued", "CA certificate issued",
	    "pki/ceremony_events.c", ELSEWHERE, "unit/test_ceremony_record.c",
	    NULL, NULL, NULL },
	{ "order received", "order received", "acme/order.c", ELSEWHERE,
	    "unit/test_order.c", NULL, NULL, NULL },
	{ "order approved", "order approved", "src/issuer_order.c", ISSUANCE,
	    NULL, "issuer", "order:", "ok" },
	{ "order rejected with reason", "order rejected", "acme/finalize.c",
	    ELSEWHERE, "unit/test_finalize.c", NULL, NULL, NULL },
	{ "order rejected with reason", "order rejected", "acme/refused.c",
	    ELSEWHERE, "unit/test_refused.c", NULL, NULL, NULL },
	{ "each validation step", "authorization requested", "acme/authz.c",
	    ELSEWHERE, "unit/test_authz.c", NULL, NULL, NULL },
	{ "each validation step", "challenge response received",
	    "acme/challenge.c", ELSEWHERE, "unit/test_authz.c", NULL, NULL,
	    NULL },
	{ "each validation step", "challenge mail", "src/role_sender.c",
	    ISSUANCE, NULL, "sender", "order:", "accepted" },
	{ "each validation step", "reply", "src/judgement_record.c", ISSUANCE,
	    NULL, "validator", "order:", "match" },
	{ "CAA decisions", "caa", "src/judge_caa.c", ISSUANCE, NULL,
	    "validator", "authz:", "permit" },
	{ "MPIC decisions", "corroboration", "src/judge_caa.c", ELSEWHERE,
	    "unit/test_judge_caa.c", NULL, NULL, NULL },
	{ "MPIC decisions", "late perspective", "src/judge_caa.c", ELSEWHERE,
	    "integration/test_perspectives.py", NULL, NULL, NULL },
	{ "lint failures", "lint failed", "src/issuer_batch.c", ELSEWHERE,
	    "unit/test_issuer_signing.c", NULL, NULL, NULL },
	{ "certificate issued", "certificate", "src/issuer_order.c", ISSUANCE,
	    NULL, "issuer", "order:", "issued" },
	{ "certificate issued", "responder certificate",
	    "src/answers_responder.c", ISSUANCE, NULL, "issuer",
	    "ca:", "issued" },
	{ "revocation requested", "problem report", "acme/report.c", ELSEWHERE,
	    "unit/test_revoke.c", NULL, NULL, NULL },
	{ "revocation decided", "certificate revoked", "acme/revoke.c",
	    REVOCATION, NULL, "admin:alice", "order:", "ok" },
	{ "revocation decided", "revocation rejected", "acme/refused.c",
	    ELSEWHERE, "unit/test_refused.c", NULL, NULL, NULL },
	{ "revocation published", "revocation list published", "src/lists.c",
	    REVOCATION, NULL, "issuer", "ca:", "ok" },
	{ "CRL signed", "revocation list signed", "src/lists.c", REVOCATION,
	    NULL, "issuer", "ca:", "ok" },
	{ "OCSP response (batch) signed", "OCSP answers signed",
	    "src/answers_segment.c", REVOCATION, NULL, "issuer", "ca:", "ok" },
	{ "admin login success", "admin login", "src/admin_login.c", LOGIN,
	    NULL, "admin:alice", "admin:alice", "ok" },
	{ "admin login failure", "admin login", "src/admin_login.c", LOGIN,
	    NULL, "operator:tester", "admin:alice", "refused" },
	{ "admin action", "issuance stopped", "src/cmd_stop.c", ELSEWHERE,
	    "integration/test_incidents.py", NULL, NULL, NULL },
	{ "configuration change", "configuration changed", "src/role_life.c",
	    LIFE, NULL, "issuer", "configuration", "ok" },
	{ "software version at start", "role started", "src/role_life.c", LIFE,
	    NULL, "issuer", "role:issuer", "ok" },
	{ "crash and restart", "role crashed", "src/role_life.c", LIFE, NULL,
	    "issuer", "role:issuer", "restarted" },
	{ "clock step over 1 s", "clock stepped", "src/clock_watch.c", CLOCK,
	    NULL, "issuer", "clock", "forward" },
};
#define ROW_COUNT COUNT(rows)

/* --- the records ---------------------------------------------------------- */

struct names {
	const char *order, *authz, *ca;
};

/* "order:" is the one of the test. */
static const char *
object_of(struct job *j, const struct names *n, const char *object)
{
	const char *id = "";

	if (strcmp(object, "order:") == 0)
		id = n->order;
	else if (strcmp(object, "authz:") == 0)
		id = n->authz;
	else if (strcmp(object, "ca:") == 0)
		id = n->ca;
	return arena_printf(j->arena, "%s%s", object, id);
}

static int64_t
newest(struct job *j)
{
	return fixture_count(j, "SELECT COALESCE(MAX(seq), 0) FROM audit");
}

/* Of this act, made after `seq` at these times, in milliseconds. */
static void
expect_records(struct job *j, enum deed act, const struct names *n, int64_t seq)
{
	int64_t from = INT64_C(1000) * FIXTURE_NOW, to = 1000 * j->now + 999;
	size_t seen = 0;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *r = &rows[i];

		if (r->act != act)
			continue;
		unit_case("%s: %s", r->class, r->event);
		assert_true(
		    fixture_count(j,
			arena_printf(j->arena,
			    "SELECT COUNT(*) FROM audit WHERE seq > %" PRId64
			    " AND event = '%s' AND actor = '%s' AND object "
			    "= '%s' AND result = '%s' AND at_ms BETWEEN "
			    "%" PRId64 " AND %" PRId64,
			    seq, r->event, r->actor, object_of(j, n, r->object),
			    r->result, from, to)) > 0);
		seen++;
	}
	assert_true(seen > 0);
}

/* --- issuance, revocation, clock ------------------------------------------ */

static void
configure(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct conf_issuer *c = &lab->conf.issuer;

	c->crl_url = LAB_CRL_URL;
	c->crl_shards = 1;
	c->crl_file = arena_printf(j->arena, "%s/issuing.crl", lab_folder());
	(void)unlink(c->crl_file); /* of the same test on the other database */
	c->ocsp_url = "http://ocsp.example.com/ocsp";
	c->ocsp_folder = arena_printf(
	    j->arena, "%s/ocsp-%d", lab_folder(), fixture_is_pgsql());
	c->max_responders_per_hour = 100;
	c->max_answers_per_hour = 100000;
	c->validity_days = 365;
	c->clock_allowance = 300;
	c->serial_octet = 1;
}

static void
revoke_one(struct role_lab *lab)
{
	const struct revocation r = { 4, "admin:alice", { NULL, 0 } };
	struct job *j = lab->j;
	struct cert c;

	EXPECT(j, store_cert_by_order(j, lab->order->id, &c), 1);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, revoke_certificate(j, &c, &r, false), 1);
	EXPECT(j, store_commit(j), 0);
}

/* The issuer looks, then half an hour is gone at once. */
static void
step_clock(struct role_lab *lab)
{
	lab->issuer.clock.is_on = true;
	EXPECT(lab->j, issuer_step(&lab->issuer, lab->j), 0);
	role_lab_at(lab, lab->j->now + 1800);
	assert_int_equal(issuer_step(&lab->issuer, lab->j), -1);
	assert_job_error(lab->j, ERR_BUSY, NULL);
	job_recover(lab->j);
}

static void
prove(struct role_lab *lab)
{
	struct lab_csr c = lab_csr(lab->j, lab_key(KEY_TYPE_P256, 0), MAILBOX);

	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&lab->validator, lab->j), 1);
	role_lab_request_take(lab, lab_csr_make(lab->j, &c));
}

static void
test_certificate(struct job *j)
{
	uint8_t sha256_of_key[SHA256_LEN];
	struct role_lab lab;
	struct names n;
	int64_t seq = 0;

	role_lab_init(&lab, j);
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
	configure(&lab);
	lab.issuer.ca = lab_ca("p256");
	lab.issuer.answers = answers_new(j->arena);
	lab.issuer.tells_of_keys = true;
	sha256(SPAN("the key"), sha256_of_key);
	lab.issuer.key_sha256 = span_mem(sha256_of_key, SHA256_LEN);
	n = (struct names){ .order = lab.order->id,
		.authz = lab.order->identifiers[0].authz.id,
		.ca = ca_key_label(lab.issuer.ca) };
	prove(&lab);
	status_lab_run(j, &lab.issuer);
	expect_records(j, ISSUANCE, &n, seq);

	role_lab_at(&lab, j->now + 60);
	seq = newest(j);
	revoke_one(&lab);
	status_lab_run(j, &lab.issuer);
	expect_records(j, REVOCATION, &n, seq);

	seq = newest(j);
	step_clock(&lab);
	expect_records(j, CLOCK, &n, seq);
	answers_free(lab.issuer.answers);
}

/* --- roles, profiles ------------------------------------------------------ */

static const struct names none = { NULL, NULL, NULL };

static void
test_life(struct job *j)
{
	const struct conf before = { .sha256 = "aa" },
			  after = { .sha256 = "bb" };
	bool told;

	clock_set(j->now);
	j->conf = &before;
	EXPECT(j, role_life_begin(j, "issuer", 0, &told), 0);
	/* It has not said that it ends. */
	j->conf = &after;
	EXPECT(j, role_life_begin(j, "issuer", 0, &told), 0);
	expect_records(j, LIFE, &none, 0);
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM audit WHERE detail = "
		"'{\"before\":\"aa\",\"after\":\"bb\"}' OR detail LIKE "
		"'{\"version\":\"" PACKAGE_VERSION "\",%'"),
	    3);
}

static void
test_profiles(struct job *j)
{
	struct profile own = profiles[0];
	struct conf conf = { .own_profiles = &own, .own_profile_count = 1 };

	clock_set(j->now);
	own.name = "own";
	own.days = 100;
	j->conf = &conf;
	EXPECT(j, profile_watch(j), 0);
	own.days = 99;
	EXPECT(j, profile_watch(j), 0);
	conf.own_profile_count = 0;
	EXPECT(j, profile_watch(j), 0);
	expect_records(j, PROFILES, &none, 0);
}

/* --- admins --------------------------------------------------------------- */

static struct client_pem
add_alice(struct job *j)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct client_pem k = admin_lab_pem(j, pkey, PASSPHRASE);
	struct admin_key key = { .set_by = NULL };

	EVP_PKEY_free(pkey);
	EXPECT(
	    j, statement_key_read(j, k.public, &key.spki, &key.not_after), 0);
	admin_lab_add(j, "alice", ADMIN_OPERATOR, &key, PASSWORD);
	COMMITTED(j, store_admin_key_prove(j, "alice", key.spki));
	return k;
}

static int
log_in(struct job *j, const struct client_pem *k, struct span password)
{
	static const char *const words[] = { "stop", "issuance" };
	static const struct command_line line = { 2,
		(char **)(uintptr_t)words };
	struct span signature = { NULL, 0 };
	struct admin_login l;

	EXPECT(j,
	    admin_login_begin(
		j, "alice", act_row(ACT_STOP), &line, "operator:x", &l),
	    0);
	EXPECT(j,
	    statement_sign_pem(
		j, k->secret, PASSPHRASE, l.statement, &signature),
	    0);
	return admin_login_finish(
	    j, &l, password, signature, "operator:tester");
}

static void
test_logins(struct job *j)
{
	struct client_pem k = add_alice(j);

	EXPECT(j, log_in(j, &k, PASSWORD), 0);
	assert_int_equal(log_in(j, &k, SPAN("correct horse batterx")), -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	job_recover(j);
	expect_records(j, LOGIN, &none, 0);
}

/* --- what is written of it ------------------------------------------------ */

#define FILE_MAX ((size_t)1 << 20)

static struct span
read_text(struct job *j, const char *path)
{
	struct span text;

	if (file_read(j, path, FILE_MAX, &text) < 0)
		fail_msg("%s: %s", path, j->err.text);
	return text;
}

static void
expect_listed(struct job *j, struct span page, struct span event)
{
	if (!span_has_str(page, arena_printf(j->arena, "\n.Dq %.*s ,\n",
				    (int)event.n, event.p)) &&
	    !span_has_str(page, arena_printf(j->arena, "\n.Dq %.*s .\n",
				    (int)event.n, event.p)))
		fail_msg("countersign(1), AUDIT RECORDS: no \"%.*s\"",
		    (int)event.n, event.p);
}

/* Its record is made where the table says; the other test speaks of it. */
static void
test_table(void **state)
{
	struct job *j = unit_job();
	struct span page = read_text(j, PAGE);
	(void)state;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *r = &rows[i];
		const char *code =
		    arena_printf(j->arena, CS_SRCDIR "/%s", r->file);

		unit_case("%s: %s", r->class, r->event);
		assert_true(span_has_str(read_text(j, code),
		    arena_printf(j->arena, "\"%s\"", r->event)));
		assert_int_equal(r->act == ELSEWHERE, r->test != NULL);
		if (r->test != NULL)
			assert_true(span_has_str(
			    read_text(j, arena_printf(j->arena,
					     CS_SRCDIR "/tests/%s", r->test)),
			    r->event));
		expect_listed(j, page, span_str(r->event));
	}
}

/* The literals of the third argument of the call that begins there: how many
 * there are. */
static size_t
check_call(struct job *j, struct span page, struct span text, size_t at)
{
	size_t depth = 0, comma = 0, count = 0;

	for (; at < text.n && comma < 3; at++) {
		char c = text.p[at];

		if (c == '"') {
			size_t end = span_find(text, at + 1, '"');

			if (depth == 1 && comma == 2) {
				expect_listed(
				    j, page, span_cut(text, at + 1, end));
				count++;
			}
			at = end;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			break;
		} else if (c == ',' && depth == 1) {
			comma++;
		}
	}
	return count;
}

static size_t
check_file(struct job *j, struct span page, const char *path)
{
	static const char *const calls[] = { "store_audit_add(",
		"worker_record(" };
	struct span text = read_text(j, path);
	size_t count = 0;

	for (size_t k = 0; k < COUNT(calls); k++) {
		size_t n = strlen(calls[k]), at = 0;

		while ((at = span_find_span(text, at, span_str(calls[k]))) <
		       text.n) {
			at += n;
			count += check_call(j, page, text, at - 1);
		}
	}
	return count;
}

static size_t
check_folder(struct span page, const char *folder)
{
	const struct dirent *e;
	DIR *d = opendir(folder);
	size_t count = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		struct job *j = unit_job();
		size_t n = strlen(e->d_name);

		if (n > 2 && strcmp(e->d_name + n - 2, ".c") == 0)
			count += check_file(j, page,
			    arena_printf(j->arena, "%s/%s", folder, e->d_name));
	}
	(void)closedir(d);
	return count;
}

/* What the code writes as it calls is on the page. */
static void
test_page(void **state)
{
	struct span page = read_text(unit_job(), PAGE);
	(void)state;

	assert_true(check_folder(page, CS_SRCDIR "/acme") > 5);
	assert_true(check_folder(page, CS_SRCDIR "/src") > 40);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_certificate),
	STORE_TEST(test_life),
	STORE_TEST(test_profiles),
	STORE_TEST(test_logins),
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_page),
};

UNIT_MAIN(tests)
