/*
 * Others' linters and what the issuer publishes or signs without an order
 * (PK-136, PK-141): lists, OCSP answers, and the responder's certificate.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_ocsp.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "src/answers.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/live_key.h"
#include "src/live_link.h"
#include "src/role_issuer.h"
#include "src/role_linter.h"
#include "tests/unit/linter_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"
#include "tests/unit/store_fixture.h"

#define DAY INT64_C(86400)
#define FAILS "exit 1"
#define REFUSES "cat >/dev/null; echo '{\"e_b\":{\"result\":\"error\"}}'"
#define PASSES_IF(what)                                                        \
	"case $(cat) in *" what "*) echo '{\"e_a\":{\"result\":\"pass\"}}';; " \
	"esac"

struct lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	struct linters_hold hold;
	pid_t pid;
};

static void
at(struct lab *lab, int64_t now)
{
	clock_set(now);
	lab->j->now = now;
}

/* One linter, for that kind alone. */
static void
begin(struct lab *lab, struct job *j, const char *lints, const char *script)
{
	static unsigned n;
	struct conf_issuer *c = &lab->conf.issuer;
	const char *folder = lab_ca_folder("p256");
	const char **list = arena_calloc(j->arena, 1, sizeof(*list));

	*lab = (struct lab){ .j = j, .hold = { .fd = -1 } };
	n++;
	c->crl_file = arena_printf(j->arena, "%s/lp%u.crl", folder, n);
	c->crl_url = LAB_CRL_URL;
	c->crl_shards = 1;
	c->ca_issuers_url = LAB_CA_ISSUERS_URL;
	c->ca_certificate = arena_printf(j->arena, "%s/issuing.pem", folder);
	c->ocsp_url = "http://ocsp.example.com/ocsp";
	c->ocsp_folder = arena_printf(j->arena, "%s/lp%u", folder, n);
	lab->conf.isolation = CONF_ISOLATION_USE;
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->issuer.answers = answers_new(j->arena);
	lab->issuer.linters = &lab->hold;
	j->conf = &lab->conf;
	at(lab, FIXTURE_NOW);
	(void)fixture_account(j);
	linter_lab_add(j, &lab->conf, "zl", script, 60);
	list[0] = lints;
	lab->conf.linters[0].lints = (struct conf_list){ list, 1 };
	EXPECT(j, linter_start(j, &lab->pid, &lab->hold.fd), 0);
}

static void
end(struct lab *lab)
{
	linter_stop(lab->pid, lab->hold.fd);
	answers_free(lab->issuer.answers);
}

/* The script from now on, when another try is due. */
static void
change(struct lab *lab, const char *script)
{
	linter_lab_change(lab->j, "zl", script);
	at(lab, lab->j->now + 120);
}

static int64_t
audited(struct lab *lab, const char *result)
{
	return fixture_count(lab->j,
	    arena_printf(lab->j->arena,
		"SELECT count(*) FROM audit WHERE event = 'linters' AND "
		"result = '%s'",
		result));
}

static void
fails(struct lab *lab, int (*step)(struct issuer *, struct job *),
    enum err_kind kind, const char *words)
{
	struct job *j = lab->j;
	int result;

	do
		result = step(&lab->issuer, j);
	while (result > 0);
	EXPECT(j, result == -1, true);
	if (j->err.kind != kind || strstr(j->err.text, words) == NULL)
		fail_msg("%s", j->err.text);
	job_recover(j);
}

static void
works(struct lab *lab, int (*step)(struct issuer *, struct job *))
{
	int result;

	do
		result = step(&lab->issuer, lab->j);
	while (result > 0);
	EXPECT(lab->j, result, 0);
}

/* --- lists --------------------------------------------------------------- */

static struct span
served(struct lab *lab)
{
	struct span der;

	EXPECT(lab->j,
	    file_read(lab->j, lab->conf.issuer.crl_file, 100000, &der), 0);
	return der;
}

/* PK-141: without a verdict and after a refusal the old list stays, nothing is
 * signed, and the audit says so once; then the next one is out. */
static void
test_list(struct job *j)
{
	static const char is_signed[] =
	    "SELECT count(*) FROM crl WHERE der IS NOT NULL";
	struct span first;
	struct lab lab;

	begin(&lab, j, "crl", PASSES_IF("BEGIN?X509?CRL"));
	works(&lab, issuer_list_step);
	first = served(&lab);
	assert_int_equal(fixture_count(j, is_signed), 1);
	at(&lab, j->now + DAY);
	change(&lab, FAILS);
	fails(&lab, issuer_list_step, ERR_BUSY, "linter zl");
	/* Not asked again before its time. */
	fails(&lab, issuer_list_step, ERR_BUSY, "the next try");
	assert_int_equal(audited(&lab, "failed"), 1);
	change(&lab, REFUSES);
	fails(&lab, issuer_list_step, ERR_INTERNAL, "lint zl:e_b");
	fails(&lab, issuer_list_step, ERR_BUSY, "the next try");
	change(&lab, REFUSES);
	fails(&lab, issuer_list_step, ERR_INTERNAL, "lint zl:e_b");
	assert_int_equal(audited(&lab, "refused"), 1);
	assert_true(span_eq(first, served(&lab)));
	assert_int_equal(fixture_count(j, is_signed), 1);
	change(&lab, LINTER_LAB_PASS);
	works(&lab, issuer_list_step);
	assert_false(span_eq(first, served(&lab)));
	assert_int_equal(fixture_count(j, is_signed), 2);
	end(&lab);
}

/* PK-141: a list of megabytes comes to the linter as a whole, in parts. */
static void
test_large(struct job *j)
{
	const size_t size = (size_t)3 * 1000 * 1000;
	struct lint_answer a[LINTERS_MAX];
	struct linters_question q = { .object = LINT_CRL };
	struct lab lab;

	begin(&lab, j, "crl",
	    "test $(cat | wc -c) -gt 4000000 && "
	    "echo '{\"e_a\":{\"result\":\"pass\"}}'");
	q.fd = lab.hold.fd;
	q.der = span_mem(arena_alloc(j->arena, size), size);
	assert_int_equal(linters_ask(j, &q, a), 1);
	if (a[0].has_failed)
		fail_msg("%.*s", (int)a[0].detail.n, a[0].detail.p);
	/* One that nobody could take is no verdict either. */
	q.der = span_mem(arena_alloc(j->arena, size * 10), size * 10);
	assert_int_equal(linters_ask(j, &q, a), 1);
	assert_true(a[0].has_failed);
	end(&lab);
}

/* --- OCSP ---------------------------------------------------------------- */

static size_t
segments_out(struct lab *lab)
{
	size_t n = 0;

	for (int64_t s = 0; s < OCSP_SEGMENTS; s++)
		n += access(status_segment_file(
				lab->j->arena, &lab->conf.issuer, s),
			 F_OK) == 0;
	return n;
}

/* An answer about one number, as before a certificate is handed out. */
static int
announce(struct lab *lab, const char *serial)
{
	const struct cert c = {
		.serial = serial, .not_after = lab->j->now + DAY, .shard = 0
	};

	return status_is_ready(&lab->issuer, lab->j, &c);
}

/* PK-141: a sample, at most once a minute; nothing is published whose sample
 * has no verdict or is refused. */
static void
test_answers(struct job *j)
{
	struct lab lab;

	begin(&lab, j, "ocsp", FAILS);
	works(&lab, issuer_list_step);
	assert_int_equal(announce(&lab, "010011"), -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	job_recover(j);
	assert_int_equal(segments_out(&lab), 0);
	assert_int_equal(audited(&lab, "failed"), 1);
	change(&lab, REFUSES);
	assert_int_equal(announce(&lab, "010011"), -1);
	assert_job_error(j, ERR_INTERNAL, "lint zl:e_b: an error");
	job_recover(j);
	assert_int_equal(segments_out(&lab), 0);
	assert_int_equal(audited(&lab, "refused"), 1);
	/* base64 of a SEQUENCE: no PEM */
	change(&lab, PASSES_IF("MII"));
	assert_int_equal(announce(&lab, "010011"), 1);
	assert_int_equal(segments_out(&lab), 1);
	/* Soon after it none is looked at; then again. */
	linter_lab_change(j, "zl", REFUSES);
	assert_int_equal(announce(&lab, "010012"), 1);
	assert_int_equal(segments_out(&lab), 2);
	at(&lab, j->now + 61);
	assert_int_equal(announce(&lab, "010013"), -1);
	assert_job_error(j, ERR_INTERNAL, "lint zl:e_b: an error");
	job_recover(j);
	assert_int_equal(segments_out(&lab), 2);
	end(&lab);
}

/* PK-136: the responder's certificate is not signed, and has no number, before
 * its verdict, which stands beside it. */
static void
test_responder(struct job *j)
{
	static const char reserved[] = "SELECT count(*) FROM responder";
	struct lab lab;

	begin(&lab, j, "responder", FAILS);
	works(&lab, issuer_list_step);
	assert_int_equal(announce(&lab, "010011"), -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	job_recover(j);
	change(&lab, REFUSES);
	assert_int_equal(announce(&lab, "010011"), -1);
	assert_job_error(j, ERR_INTERNAL, "lint zl:e_b: an error");
	job_recover(j);
	assert_int_equal(fixture_count(j, reserved), 0);
	assert_int_equal(audited(&lab, "refused"), 1);
	change(&lab, PASSES_IF("BEGIN?CERTIFICATE"));
	assert_int_equal(announce(&lab, "010011"), 1);
	assert_int_equal(fixture_count(j, reserved), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT count(*) FROM responder WHERE "
			     "lint_report LIKE '%\"L-58\":\"pass\",\"external\""
			     ":[{\"linter\":\"zl\"%'"),
	    1);
	end(&lab);
}

static int64_t
sampled(struct lab *lab, int end)
{
	EXPECT(lab->j,
	    live_tell(
		lab->j->arena, end, LIVE_SAMPLE, SPAN("\x30\x03\x0a\x01\x03")),
	    0);
	EXPECT(lab->j, live_keys_step(&lab->issuer, lab->j), 1);
	return audited(lab, "refused");
}

/* PK-141: a live answer, one an hour at most.  A refusal is an alarm and
 * nothing else: it does not hold what the issuer makes itself. */
static void
test_live(struct job *j)
{
	struct lab lab;
	struct live_pairs pairs;

	begin(&lab, j, "ocsp", REFUSES);
	EXPECT(j, live_pairs_make(j, 0, &pairs), 0);
	lab.issuer.live = live_keys_new(j->arena, pairs.issuer.fds[0]);
	unit_log_begin();
	assert_int_equal(sampled(&lab, pairs.responder.fds[0]), 1);
	assert_non_null(strstr(unit_log_end(), "lint zl:e_b: an error"));
	assert_int_equal(lab.hold.refused_at[LINT_OCSP], 0);
	at(&lab, j->now + 3599);
	assert_int_equal(sampled(&lab, pairs.responder.fds[0]), 1);
	at(&lab, j->now + 1);
	assert_int_equal(sampled(&lab, pairs.responder.fds[0]), 2);
	/* One that fails is no verdict, and holds nothing either. */
	change(&lab, FAILS);
	at(&lab, j->now + 3600);
	unit_log_begin();
	assert_int_equal(sampled(&lab, pairs.responder.fds[0]), 2);
	assert_non_null(strstr(unit_log_end(), "not linted"));
	assert_int_equal(linters_hold_left(&lab.hold, j), 0);
	change(&lab, PASSES_IF("MAMKAQM")); /* base64 of those octets */
	at(&lab, j->now + 3600);
	unit_log_begin();
	assert_int_equal(sampled(&lab, pairs.responder.fds[0]), 2);
	assert_non_null(strstr(unit_log_end(), "zl"));
	close(pairs.issuer.fds[0]);
	close(pairs.responder.fds[0]);
	end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_list),
	STORE_TEST(test_large),
	STORE_TEST(test_answers),
	STORE_TEST(test_responder),
	STORE_TEST(test_live),
};

UNIT_MAIN(tests)
