/*
 * The part of a rehearsed incident that signs (PK-186): lists and OCSP answers
 * by the issuer's own code, by a test key, on the copy.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/seal.h"
#include "pki/crl.h"
#include "src/answers.h"
#include "src/rehearsal.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)
#define CERTIFICATES 30
#define SEAL_KEY                                                               \
	"000102030405060708090a0b0c0d0e0f"                                     \
	"101112131415161718191a1b1c1d1e1f\n"

struct lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer; /* the real one */
	const char *tmp;      /* where the rehearsal has its folder */
};

static void
make_cert(struct lab *lab, int n)
{
	struct job *j = lab->j;
	struct cert c = status_lab_reserve(
	    j, &(struct status_lab_cert){ .ca = lab->issuer.ca,
		   .seal = lab->issuer.seal,
		   .id = arena_printf(j->arena, "cert%d", n),
		   .serial = arena_printf(j->arena, "0102%02x", (unsigned)n),
		   .not_before = FIXTURE_NOW - DAY,
		   .not_after = FIXTURE_NOW + 100 * DAY });

	COMMITTED(j, store_cert_record(j, c.id, SPAN("der"),
			 span_str(arena_printf(j->arena, "hash%d", n))));
}

static void
lab_init(struct lab *lab, struct job *j)
{
	static unsigned n;
	const char *folder = lab_ca_folder("p384");

	*lab = (struct lab){ .j = j };
	n++;
	lab->issuer.ca = lab_ca("p384");
	lab->issuer.answers = answers_new(j->arena);
	lab->conf.seal_key_file =
	    arena_printf(j->arena, "%s/seal%u.key", folder, n);
	EXPECT(
	    j, file_write(j, lab->conf.seal_key_file, 0400, SPAN(SEAL_KEY)), 0);
	EXPECT(j,
	    seal_key_load(
		j, j->arena, lab->conf.seal_key_file, &lab->issuer.seal),
	    0);
	lab->conf.issuer = status_lab_conf(j, "p384");
	lab->tmp = folder;
	setenv("TMPDIR", folder, 1);
	j->conf = &lab->conf;
	status_lab_at(j, FIXTURE_NOW);
	for (int i = 0; i < CERTIFICATES; i++)
		make_cert(lab, i);
	status_lab_run(lab->j, &lab->issuer);
}

static struct incident
incident(struct job *j)
{
	return (struct incident){ .id = "i",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.known_at = j->now,
		.deadline = j->now,
		.opened_by = "operator:x" };
}

/* What is served, and what the store has of it. */
static const char *
state_of(struct lab *lab)
{
	struct job *j = lab->j;
	struct span der = { NULL, 0 };
	struct crl_input l;

	EXPECT(j, file_read(j, lab->conf.issuer.crl_file, 1 << 20, &der), 0);
	EXPECT(j, crl_read(j, lab->issuer.ca, der, &l), 0);
	return arena_printf(j->arena, "%llu %zu %lld %lld %lld",
	    (unsigned long long)l.number, l.count,
	    (long long)fixture_count(j, "SELECT COUNT(*) FROM crl"),
	    (long long)fixture_count(j, "SELECT COUNT(*) FROM responder"),
	    (long long)fixture_count(
		j, "SELECT CAST(SUM(generation) AS BIGINT) FROM ocsp_segment"));
}

static void
expect_no_folder(struct lab *lab)
{
	glob_t left;

	assert_int_equal(glob(arena_printf(lab->j->arena,
				  "%s/countersign-rehearsal-*", lab->tmp),
			     0, NULL, &left),
	    GLOB_NOMATCH);
}

/* PK-186: each of them signed once, by a key that is nobody's; what is there
 * stays as it is. */
static void
test_signs(struct job *j)
{
	const struct incident_selector s = { .from = 1 };
	struct rehearsal r;
	struct incident i;
	const char *before;
	struct conf_linter linter = { .name = "others" };
	struct lab lab;

	lab_init(&lab, j);
	/* Others' linters are not asked about what nobody gets. */
	lab.conf.linters = &linter;
	lab.conf.linter_count = 1;
	i = incident(j);
	before = state_of(&lab);
	EXPECT(j, rehearsal_run(j, fixture_login(), &i, &s, &r), 0);
	assert_int_equal(r.revoked, CERTIFICATES);
	assert_int_equal(r.sign.answers, 2 * CERTIFICATES); /* for two hashes */
	assert_int_equal(r.sign.lists, 1);
	assert_true(r.sign.prepare_ms >= 0 && r.sign.answers_ms >= 0 &&
		    r.sign.lists_ms >= 0);
	assert_string_equal(state_of(&lab), before);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'incident rehearsed' AND detail LIKE "
			     "'%\"answers\":60,\"lists\":1,%'"),
	    1);
	expect_no_folder(&lab);
	/* and again, as often as one likes */
	EXPECT(j, rehearsal_run(j, fixture_login(), &i, &s, &r), 0);
	assert_int_equal(r.sign.lists, 1);
	answers_free(lab.issuer.answers);
}

/* Lists and answers of the rehearsal are not the CA's. */
static void
test_key(struct job *j)
{
	const struct ca *real = NULL, *test = NULL;
	struct crl_input in = { .number = 7 }, out;
	struct span der = { NULL, 0 };
	struct ca_files files = { 0 };
	struct lab lab;

	lab_init(&lab, j);
	files.certificate = lab.conf.issuer.ca_certificate;
	files.chain = lab.conf.issuer.ca_chain;
	EXPECT(j, ca_rehearsal(j, j->arena, &files, &real, &test), 0);
	in.this_update = j->now;
	in.next_update = crl_next_update(j->now);
	EXPECT(j, crl_sign(j, test, &in, &der), 0);
	EXPECT(j, crl_read(j, test, der, &out), 0);
	assert_int_equal(out.number, 7);
	EXPECT(j, crl_read(j, real, der, &out), -1);
	job_recover(j);
	EXPECT(j, crl_read(j, lab.issuer.ca, der, &out), -1);
	job_recover(j);
	answers_free(lab.issuer.answers);
}

/* Without the seal key nothing could be proven; it is said at once. */
static void
test_no_seal(struct job *j)
{
	const struct incident_selector s = { .from = 1 };
	struct rehearsal r;
	struct incident i;
	struct lab lab;

	lab_init(&lab, j);
	i = incident(j);
	lab.conf.seal_key_file = "/nonexistent";
	EXPECT(j, rehearsal_run(j, fixture_login(), &i, &s, &r), -1);
	assert_non_null(strstr(j->err.text, "run it as root"));
	job_recover(j);
	expect_no_folder(&lab);
	answers_free(lab.issuer.answers);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_signs),
	STORE_TEST_SQLITE(test_key),
	STORE_TEST_SQLITE(test_no_seal),
};

UNIT_MAIN(tests)
