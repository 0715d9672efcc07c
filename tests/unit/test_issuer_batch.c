/*
 * Orders that the issuer works on together: what they share, and what happens
 * to one of them alone (PK-45, PK-138, PK-143, PK-144, PK-204).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_stop.h"
#include "lib/clock.h"
#include "lib/rnd.h"
#include "pki/ca.h"
#include "src/answers.h"
#include "src/judge_caa.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/pki_lab.h"

#define MAILBOX "mailbox0@example.org"
#define ORDERS 5
#define NONE ORDERS
#define HOUR INT64_C(3600)

/* --- orders that are due -------------------------------------------------- */

struct lab {
	struct job *j;
	struct role_lab orders[ORDERS];
	struct issuer *issuer; /* of the first */
	struct conf *conf;
	struct ca ca;
	struct signing_key key;
	/* What happens at each signature of a certificate. */
	size_t signatures;
	size_t rows_before; /* were there at the first one */
	size_t broken;      /* the order whose signature gets a wrong bit */
	size_t stop_at;     /* the signature after which issuance stops */
	struct stop stop;
	/* At commits. */
	size_t commits;
	size_t lower_at; /* the commit after which the ceiling is lower */
};

static size_t
order_of(struct lab *lab, struct span tbs)
{
	struct cert c;

	for (size_t k = 0; k < ORDERS; k++)
		if (store_cert_by_order(lab->j, lab->orders[k].order->id, &c) ==
			1 &&
		    span_eq(c.tbs, tbs))
			return k;
	return NONE;
}

static void
stop(struct lab *lab)
{
	struct job *j = lab->j;

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &lab->stop), 1);
	EXPECT(j, store_commit(j), 0);
}

static int
sign(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	struct lab *lab = context;
	bool is_list = span_find_span(message, 0, SPAN(MAILBOX)) >= message.n;
	size_t k = is_list ? NONE : order_of(lab, message);

	if (!is_list) {
		assert_int_not_equal(k, NONE); /* PK-144 */
		if (lab->signatures++ == 0)
			lab->rows_before = (size_t)fixture_count(
			    lab->j, "SELECT COUNT(*) FROM cert");
	}
	if (signing_key_use(
		j, lab_ca("p256")->signer.key, alg, message, out, out_len) < 0)
		return -1;
	if (!is_list && k == lab->broken)
		out[*out_len - 1] ^= 1;
	if (!is_list && lab->signatures == lab->stop_at)
		stop(lab);
	return 0;
}

static void
order_one(struct lab *lab, size_t k)
{
	struct role_lab *r = &lab->orders[k];
	struct lab_csr c;

	role_lab_init(r, lab->j);
	role_lab_send(r);
	role_lab_post(r);
	assert_int_equal(
	    role_lab_take(r, role_lab_reply(r, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&r->validator, lab->j), 1);
	c = lab_csr(lab->j, role_lab_key(r), MAILBOX);
	role_lab_request_take(r, lab_csr_make(lab->j, &c));
}

static void
list_is_out(struct lab *lab)
{
	struct job *j = lab->j;

	while (issuer_list_step(lab->issuer, j) > 0)
		continue;
	assert_int_equal(j->err.kind, ERR_NONE);
}

static void
begin(struct lab *lab, struct job *j)
{
	*lab = (struct lab){ .j = j, .broken = NONE };
	issuer_lab_clean(j);
	for (size_t k = 0; k < ORDERS; k++)
		order_one(lab, k);
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
	lab->conf = &lab->orders[0].conf;
	issuer_lab_conf(j, &lab->conf->issuer);
	lab->ca = *lab_ca("p256");
	lab->key = (struct signing_key){ .sign = sign, .context = lab };
	lab->ca.signer.key = &lab->key;
	lab->issuer = &lab->orders[0].issuer;
	lab->issuer->ca = &lab->ca;
	j->conf = lab->conf;
	list_is_out(lab);
}

/* One batch. */
static void
run(struct lab *lab)
{
	EXPECT(lab->j, issuer_orders_step(lab->issuer, lab->j), 1);
}

static void
run_all(struct lab *lab)
{
	int result;

	while ((result = issuer_orders_step(lab->issuer, lab->j)) > 0)
		continue;
	EXPECT(lab->j, result, 0);
}

static int64_t
issued(struct lab *lab)
{
	return fixture_count(
	    lab->j, "SELECT COUNT(*) FROM orders WHERE cert_id IS NOT NULL");
}

static bool
has_certificate(struct lab *lab, size_t k)
{
	return fixture_reread(lab->j, lab->orders[k].order)->cert_id != NULL;
}

/* --- what they share ------------------------------------------------------ */

static void
at_commit(void *ctx, bool after)
{
	struct lab *lab = ctx;

	if (!after)
		return;
	lab->commits++;
	if (lab->commits == lab->lower_at)
		lab->conf->issuer.max_per_hour = 2;
}

/* PK-144: leases, numbers, certificates: three commits for all of them, and no
 * signature before the second. */
static void
test_commits(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	store_set_commit_hook(at_commit, &lab);
	run(&lab);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(lab.commits, 3);
	assert_int_equal(lab.rows_before, ORDERS);
	assert_int_equal(lab.signatures, ORDERS);
	assert_int_equal(issued(&lab), ORDERS);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE result = "
			     "'issued'"),
	    ORDERS);
	assert_true(j->wake & 1u << ROLE_WEB);
	EXPECT(j, issuer_orders_step(lab.issuer, j), 0);
}

static int64_t
segments(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM ocsp_segment");
}

/* PK-149: with OCSP one more, for the responder's number one, and for the
 * announcements of all one, however many segments they are in. */
static void
test_announcements(struct job *j)
{
	struct lab lab;
	struct conf_issuer *c;
	struct cert row;

	begin(&lab, j);
	fixture_sql(j, "DELETE FROM ocsp_segment; DELETE FROM responder");
	c = &lab.conf->issuer;
	c->ocsp_url = "http://ocsp.example.com/ocsp";
	c->ocsp_folder = arena_printf(
	    j->arena, "%s/ocsp-%d", lab_folder(), fixture_is_pgsql());
	c->max_per_hour = 1000;
	c->max_responders_per_hour = 100;
	c->max_answers_per_hour = 100000;
	lab.issuer->answers = answers_new(j->arena);
	store_set_commit_hook(at_commit, &lab);
	run(&lab);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(issued(&lab), ORDERS);
	/* the responder: its number, its certificate */
	assert_int_equal(lab.commits, 3 + 1 + 2);
	assert_in_range(segments(j), 1, ORDERS);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'OCSP answers signed'"),
	    segments(j));
	for (size_t k = 0; k < ORDERS; k++) {
		EXPECT(j, store_cert_by_order(j, lab.orders[k].order->id, &row),
		    1);
		EXPECT(j, status_is_ready(lab.issuer, j, &row), 1);
	}
	/* all of them were */
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'OCSP answers signed'"),
	    segments(j));
	answers_free(lab.issuer->answers);
	lab.issuer->answers = NULL;
}

/* What comes again and again is last in its batch, and the rest another one. */
static void
test_again_and_again(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	fixture_sql(j, "UPDATE orders SET issue_attempts = 7");
	run(&lab);
	assert_int_equal(issued(&lab), 1);
	run_all(&lab);
	assert_int_equal(issued(&lab), ORDERS);
}

/* --- one of them ---------------------------------------------------------- */

/* PK-138: refused at the gate, refused where its number was to be reserved,
 * signed wrongly: the two others have their certificates. */
static void
test_neighbours(struct job *j)
{
	struct lab lab;
	struct cert c;

	begin(&lab, j);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE authz SET revoked_at = 1 WHERE id = '%s'",
			   lab.orders[0].order->identifiers[0].authz.id));
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE orders SET csr = 'x' WHERE id = '%s'",
			   lab.orders[1].order->id));
	lab.broken = 2;
	run(&lab);
	assert_int_equal(issued(&lab), 2);
	assert_true(has_certificate(&lab, 3) && has_certificate(&lab, 4));
	for (size_t k = 0; k < 2; k++) {
		assert_non_null(fixture_reread(j, lab.orders[k].order)->error);
		EXPECT(
		    j, store_cert_by_order(j, lab.orders[k].order->id, &c), 0);
	}
	assert_null(fixture_reread(j, lab.orders[2].order)->error);
	EXPECT(j, store_cert_by_order(j, lab.orders[2].order->id, &c), 1);
	assert_int_equal(c.issued_at, 0);
	lab.broken = NONE;
	role_lab_at(&lab.orders[0], j->now + 60);
	run(&lab);
	assert_true(has_certificate(&lab, 2));
}

static void
use_key(struct lab *lab, size_t k, EVP_PKEY *key)
{
	struct lab_csr c = lab_csr(lab->j, key, MAILBOX);

	fixture_sql(lab->j,
	    arena_printf(lab->j->arena,
		"UPDATE orders SET csr_at = 0, csr = NULL, csr_jws = NULL, "
		"issue_due_at = NULL WHERE id = '%s'",
		lab->orders[k].order->id));
	role_lab_request_take(&lab->orders[k], lab_csr_make(lab->j, &c));
}

/* PK-78: two accounts' orders with one key, in one batch: the second is refused
 * inside the transaction that they share, and leaves no row. */
static void
test_one_key(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	use_key(&lab, 1, lab_key(KEY_TYPE_P256, 0));
	use_key(&lab, 3, lab_key(KEY_TYPE_P256, 0));
	run(&lab);
	assert_int_equal(issued(&lab), ORDERS - 1);
	assert_int_not_equal(
	    has_certificate(&lab, 1), has_certificate(&lab, 3));
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert"), ORDERS - 1);
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM orders WHERE failed_at > 0 AND error "
		"LIKE '%badCSR%'"),
	    1);
}

/* PK-143: the numbers of all are taken: each draws again. */
static void
test_same_serials(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	rnd_test_seed(7);
	run(&lab);
	assert_int_equal(issued(&lab), ORDERS);
	fixture_sql(j, "INSERT INTO used_serial (ca_label, serial) "
		       "SELECT ca_label, serial FROM cert");
	fixture_sql(j, "DELETE FROM cert");
	rnd_test_seed(8);
	begin(&lab, j);
	store_set_commit_hook(at_commit, &lab);
	rnd_test_seed(7);
	run(&lab);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(lab.commits, 4); /* numbers twice */
	assert_int_equal(issued(&lab), ORDERS);
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM cert c JOIN used_serial u "
		"ON u.ca_label = c.ca_label AND u.serial = c.serial"),
	    0);
	fixture_sql(j, "DELETE FROM used_serial");
}

/* --- what stops all of them ----------------------------------------------- */

/* PK-204: as many as the ceiling leaves room for; then issuance is stopped. */
static void
test_ceiling(struct job *j)
{
	struct stop *stops;
	struct lab lab;
	size_t n;

	begin(&lab, j);
	lab.conf->issuer.max_per_hour = 3;
	run(&lab);
	assert_int_equal(issued(&lab), 3);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 0);
	run_all(&lab);
	assert_int_equal(issued(&lab), 3);
	assert_int_equal(lab.signatures, 3);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(stops[0].reason,
	    "3 certificates within an hour; issuer.max_per_hour is 3");
	lab.conf->issuer.max_per_hour = ORDERS;
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&lab.orders[0], j->now + 60);
	run_all(&lab);
	assert_int_equal(issued(&lab), ORDERS);
	EXPECT(j, store_stop_list(j, &stops, &n), 0);
	assert_int_equal(n, 0);
}

/* PK-204: the room has shrunk since the orders were taken, as it does where
 * another issuer reserves numbers: it is counted again. */
static void
test_ceiling_meanwhile(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	lab.lower_at = 1;
	store_set_commit_hook(at_commit, &lab);
	run(&lab);
	store_set_commit_hook(NULL, NULL);
	assert_int_equal(issued(&lab), 2);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert"), 2);
	role_lab_at(&lab.orders[0], j->now + 60);
	run_all(&lab);
	assert_int_equal(issued(&lab), 2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM issuance_stop"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM orders WHERE failed_at > 0"),
	    0);
}

/* PK-45: stopped after the second signature: no other one is made, none is
 * delivered, and the numbers are used when issuance goes on. */
static void
test_stopped_meanwhile(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	lab.stop = (struct stop){ STOP_ALL, "", "a test", "admin", j->now };
	lab.stop_at = 2;
	run(&lab);
	assert_int_equal(lab.signatures, 2);
	assert_int_equal(issued(&lab), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE issued_at > 0"),
	    0);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&lab.orders[0], j->now + 60);
	run(&lab);
	assert_int_equal(issued(&lab), ORDERS);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert"), ORDERS);
}

/* PK-45: a stop that concerns one of them, after all were signed: the
 * transaction is done again without it. */
static void
test_one_stopped(struct job *j)
{
	struct lab lab;

	begin(&lab, j);
	fixture_sql(j,
	    arena_printf(j->arena,
		"UPDATE orders SET profile = 'mailbox-strict' WHERE id = '%s'",
		lab.orders[1].order->id));
	lab.stop = (struct stop){ STOP_PROFILE, "mailbox-strict", "a test",
		"admin", j->now };
	lab.stop_at = ORDERS;
	run(&lab);
	assert_int_equal(lab.signatures, ORDERS);
	assert_int_equal(issued(&lab), ORDERS - 1);
	assert_false(has_certificate(&lab, 1));
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE result = "
			     "'issued'"),
	    ORDERS - 1);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&lab.orders[0], j->now + 60);
	run(&lab);
	assert_true(has_certificate(&lab, 1));
}

#define NS_IN_MS INT64_C(1000000)
#define NS_IN_SEC (1000 * NS_IN_MS)

/* As countersign stop issuance does it: what is stopped, and the record. */
static int
stop_at_some_time(struct job *j, void *ctx)
{
	static const struct stop all = { STOP_ALL, "", "a race", "admin", 0 };
	const int64_t ns = *(const int64_t *)ctx;
	const struct timespec pause = { ns / NS_IN_SEC, ns % NS_IN_SEC };

	nanosleep(&pause, NULL);
	if (store_begin(j) < 0 || store_stop_add(j, &all) != 1 ||
	    store_audit_add(j, "admin", "issuance stopped", "issuance:all",
		"ok", NULL) < 0 ||
	    store_commit(j) < 0)
		return 1;
	return 0;
}

/* Of what came after `seq`. */
static int64_t
seq_of(struct job *j, const char *function, const char *condition, int64_t seq)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COALESCE(%s, 0) FROM audit WHERE seq > %lld AND %s",
		   function, (long long)seq, condition));
}

/* What is left when issuance was stopped after a pause is issued when it goes
 * on; how many were before. */
static int64_t
stop_after(struct job *j, int64_t pause)
{
	int64_t start, stopped, before;
	struct lab lab;
	int pid;

	unit_case("%lld ns", (long long)pause);
	begin(&lab, j);
	start = seq_of(j, "MAX(seq)", "TRUE", 0);
	pid = fixture_fork(stop_at_some_time, &pause);
	run_all(&lab);
	assert_int_equal(fixture_wait(pid), 0);
	stopped = seq_of(j, "MAX(seq)", "event = 'issuance stopped'", start);
	assert_true(stopped > start);
	before = issued(&lab);
	run_all(&lab);
	assert_int_equal(issued(&lab), before);
	assert_int_equal(
	    seq_of(j, "COUNT(*)", "result = 'issued'", stopped), 0);
	assert_int_equal(
	    seq_of(j, "COUNT(*)", "result = 'issued'", start), before);
	fixture_sql(j, "DELETE FROM issuance_stop");
	role_lab_at(&lab.orders[0], j->now + 60);
	run_all(&lab);
	assert_int_equal(issued(&lab), ORDERS);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert"), ORDERS);
	return before;
}

/* How long one takes that nobody stops. */
static int64_t
whole_batch_ns(struct job *j)
{
	struct lab lab;
	int64_t began;

	begin(&lab, j);
	began = clock_mono_ms();
	run_all(&lab);
	return (clock_mono_ms() - began + 1) * NS_IN_MS;
}

/*
 * PK-45: another process stops issuance at whatever moment of a batch: what was
 * committed before is issued, nothing is committed after it, and what is left
 * is issued when issuance goes on, each once.
 */
static void
test_stop_races(struct job *j)
{
	bool some_before = false, some_after = false;

	/* From before the leases to behind the last commit; on a machine with
	 * much else to do more than once. */
	for (int round = 0; round == 0 || !some_before || !some_after;
	     round++) {
		int64_t part = whole_batch_ns(j) / 14;

		/* Else nothing was tried. */
		assert_true(round < 20);
		for (int i = 0; i <= 16; i++) {
			int64_t before = stop_after(j, i * part);

			some_before |= before > 0;
			some_after |= before < ORDERS;
		}
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_commits),
	STORE_TEST(test_announcements),
	STORE_TEST(test_again_and_again),
	STORE_TEST(test_neighbours),
	STORE_TEST(test_one_key),
	STORE_TEST(test_same_serials),
	STORE_TEST(test_ceiling),
	STORE_TEST(test_ceiling_meanwhile),
	STORE_TEST(test_stopped_meanwhile),
	STORE_TEST(test_one_stopped),
	STORE_TEST(test_stop_races),
};
UNIT_MAIN(tests)
