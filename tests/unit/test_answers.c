/*
 * OCSP answers signed in advance, from the row to the HTTP answer: PK-149,
 * PK-165, PK-168 to PK-172, PK-174 to PK-176, PK-204; L-70 to L-75.  And lists
 * as they are served: PK-161.
 */
#include "config.h"

#include "tests/unit/answers_lab.h"

#include "tests/unit/store_fixture.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_private.h"
#include "db/store_revoke.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/der.h"
#include "pki/key.h"
#include "pki/responder.h"
#include "src/answers.h"
#include "src/answers_block.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "src/status_place.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define LATE "event=\"OCSP answers late\""

/* PK-149: list first, then good; PK-170: only then. */
static void
test_announce(struct job *j)
{
	struct answers_lab lab;
	struct cert c;

	answers_lab_init(&lab, j);
	c = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	/* no file yet at all: tryLater */
	assert_string_equal(answers_lab_ask(&lab, c.serial), "error 3");
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 0);
	answers_lab_run(&lab);
	/* reserved, not used: never issued */
	assert_string_equal(answers_lab_ask(&lab, c.serial), "error 6");
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
	/* a file that somebody took away comes back */
	answers_lab_record(&lab, &c);
	EXPECT(j, unlink(status_segment_file(j->arena, &lab.conf.issuer, 0x77)),
	    0);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "error 3");
	EXPECT(j, answers_step(&lab.issuer, j), 1);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
	EXPECT(j, answers_step(&lab.issuer, j), 0);
	/* the list has run out: held */
	status_lab_at(lab.j, FIXTURE_NOW + 7 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 0);
	answers_lab_end(&lab);
}

/* PK-169, PK-174: revoked before the list says so; PK-180: the reason. */
static void
test_revoke(struct job *j)
{
	struct revocation worse = { 1, "key", { NULL, 0 } };
	struct answers_lab lab;
	struct cert a, b;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	/* PK-65 */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM own_key "
					  "WHERE owner LIKE 'OCSP responder %' "
					  "AND bare_sha256 IS NOT NULL"),
	    fixture_count(j, "SELECT COUNT(*) FROM responder"));
	a = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	b = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &a), 1);
	answers_lab_record(&lab, &a);
	assert_int_equal(status_is_ready(&lab.issuer, j, &b), 1);
	answers_lab_record(&lab, &b);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, a.id, 4);
	/* one step: before any list */
	EXPECT(j, answers_step(&lab.issuer, j), 1);
	assert_string_equal(answers_lab_ask(&lab, a.serial), "revoked 4");
	assert_string_equal(answers_lab_ask(&lab, b.serial), "good");
	status_lab_revoke(j, b.id, 0);
	/* the list's own step brings the answer */
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_string_equal(answers_lab_ask(&lab, b.serial), "revoked -1");
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_for_compromise(j, a.id, &worse), 1);
	EXPECT(j, store_commit(j), 0);
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, a.serial), "revoked 1");
	/* nobody's row keeps the others waiting */
	fixture_sql(j, "UPDATE cert SET reason = 6, ocsp_due_at = 1, "
		       "list_due_at = 1 WHERE id = 'cert2'");
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, b.serial), "revoked -1");
	answers_lab_end(&lab);
}

/* PK-145: uncertain is revoked, though nothing was ever issued. */
static void
test_uncertain(struct job *j)
{
	struct answers_lab lab;
	struct cert c;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_revoke(j, c.id, 0);
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked -1");
	answers_lab_end(&lab);
}

/* PK-168: again after 48 hours, by another responder after 15 days (PK-118);
 * a batch that stopped ends in tryLater, never in an old answer. */
static void
test_refresh(struct job *j)
{
	struct answers_lab lab;
	const char *late;
	struct cert c;
	int64_t when;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	EXPECT(j, answers_due(&lab.issuer, j, &when), 0);
	assert_int_equal(when, FIXTURE_NOW + 2 * DAY);
	status_lab_at(lab.j, FIXTURE_NOW + 4 * DAY - 1);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
	status_lab_at(lab.j, FIXTURE_NOW + 4 * DAY);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "error 3");
	/* One alarm for what has one cause. */
	unit_log_begin();
	answers_lab_run(&lab);
	late = strstr(unit_log_end(), LATE);
	assert_non_null(late);
	assert_null(strstr(late + 1, LATE));
	assert_ptr_equal(
	    strstr(late, LATE " segments=256 seconds=172800 "), late);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 1);
	status_lab_at(lab.j, FIXTURE_NOW + 16 * DAY);
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 2);
	answers_lab_end(&lab);
}

/* A pipe in the place of the files keeps the issuer waiting for nothing, and
 * they come again. */
static void
test_pipes(struct job *j)
{
	const char *segment, *list;
	struct answers_lab lab;
	struct cert c;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	list = lab.conf.issuer.crl_file;
	segment = status_segment_file(j->arena, &lab.conf.issuer,
	    status_segment_of(lab_hex(j, c.serial)));
	EXPECT(j, unlink(list), 0);
	EXPECT(j, mkfifo(list, 0600), 0);
	EXPECT(j, unlink(segment), 0);
	EXPECT(j, mkfifo(segment, 0600), 0);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, c.id, 1);
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");
	assert_int_equal(issuer_list_is_out(&lab.issuer, j, 0), 1);
	assert_true(file_is_regular(list));
	answers_lab_end(&lab);
}

/* Makes all answers due, again and again: how many signatures that got. */
static int64_t
flood(struct answers_lab *lab, int rounds)
{
	int64_t before = answers_signed(lab->issuer.answers, lab->j->now);

	for (int k = 0; k < rounds; k++) {
		fixture_sql(lab->j, "UPDATE ocsp_segment SET refresh_at = 1;"
				    "UPDATE cert SET ocsp_due_at = 1");
		for (int n = 0; n < 3; n++)
			assert_true(answers_step(&lab->issuer, lab->j) >= 0);
	}
	return answers_signed(lab->issuer.answers, lab->j->now) - before;
}

/* PK-204: who makes answers due all the time gets no more than the limit; a new
 * certificate, a revocation and a renewal in time are answered all the same. */
static void
test_ceiling(struct job *j)
{
	static const char held[] = "SELECT COUNT(*) FROM issuance_stop "
				   "WHERE value = 'answers'";
	struct answers_lab lab;
	struct cert c, d;

	answers_lab_init(&lab, j);
	fixture_sql(j, "DELETE FROM issuance_stop");
	answers_lab_run(&lab);
	c = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	lab.conf.issuer.max_answers_per_hour = 10;
	/* two for each, the first of them above */
	assert_int_equal(flood(&lab, 20), 8);
	assert_int_equal(fixture_count(j, held), 1);
	fixture_sql(j, "DELETE FROM issuance_stop");
	assert_int_equal(flood(&lab, 5), 0);
	assert_int_equal(fixture_count(j, held), 1);

	d = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	assert_string_equal(answers_lab_ask(&lab, d.serial), "good");
	status_lab_revoke(j, c.id, 4);
	assert_int_equal(flood(&lab, 5), 2);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 4");
	/* of the reasons that a row may change to, one counts */
	fixture_sql(j, "UPDATE cert SET reason = 5 WHERE revoked_at > 0");
	assert_int_equal(flood(&lab, 5), 0);
	fixture_sql(j, "UPDATE cert SET reason = 1 WHERE revoked_at > 0");
	assert_int_equal(flood(&lab, 5), 2);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");

	status_lab_at(lab.j, FIXTURE_NOW + DAY / 2 - 1);
	assert_int_equal(flood(&lab, 5), 0);
	status_lab_at(lab.j, FIXTURE_NOW + DAY / 2);
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	answers_lab_run(&lab);
	status_lab_at(lab.j, FIXTURE_NOW + 4 * DAY);
	assert_string_equal(answers_lab_ask(&lab, d.serial), "good");
	fixture_sql(j, "DELETE FROM issuance_stop");
	answers_lab_end(&lab);
}

/* PK-204: an issuer that is started again and again makes no responder each
 * time for ever; one comes after ten minutes. */
static void
test_ceiling_responders(struct job *j)
{
	struct answers_lab lab;

	answers_lab_init(&lab, j);
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab.conf.issuer.max_responders_per_hour = 3;
	for (int k = 0; k < 5; k++) {
		answers_free(lab.issuer.answers);
		lab.issuer.answers = answers_new(j->arena);
		fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1 "
			       "WHERE segment = 0");
		if (k < 3) {
			answers_lab_run(&lab);
			continue;
		}
		EXPECT(j, issuer_list_step(&lab.issuer, j), 0);
		assert_int_equal(answers_step(&lab.issuer, j), -1);
		assert_job_error(j, ERR_BUSY,
		    "certificates of OCSP responders are on hold: "
		    "issuer.max_responders_per_hour");
		job_recover(j);
	}
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 3);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM issuance_stop "
					  "WHERE scope = 'signing' "
					  "AND value = 'responders'"),
	    1);
	status_lab_at(lab.j, FIXTURE_NOW + 600);
	answers_lab_run(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 4);
	fixture_sql(j, "DELETE FROM issuance_stop");
	answers_lab_end(&lab);
}

/* Ten issuers that were started again: their answers go on, and no segment
 * keeps more responders than it can. */
static void
test_restarts(struct job *j)
{
	struct cert c[12];
	struct answers_lab lab;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	for (size_t i = 0; i < 12; i++) {
		answers_free(lab.issuer.answers);
		lab.issuer.answers = answers_new(j->arena);
		c[i] = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	}
	for (size_t i = 0; i < 12; i++)
		assert_string_equal(answers_lab_ask(&lab, c[i].serial), "good");
	answers_lab_end(&lab);
}

/* PK-167, PK-170 to PK-172 */
static void
test_refusals(struct job *j)
{
	struct answers_lab lab;
	struct cert c;
	struct span der;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_issue(&lab, FIXTURE_NOW + DAY);
	assert_string_equal(answers_lab_ask(&lab, "0102030477"), "error 6");
	/* a sibling's number */
	der = status_lab_request(j, lab_ca("p384"), EVP_sha1(), c.serial, 1);
	assert_string_equal(
	    answers_lab_verdict(&lab, der, answers_lab_post(&lab, der).body),
	    "error 6");
	/* another hash */
	der = status_lab_request(j, lab.issuer.ca, EVP_sha512(), c.serial, 1);
	assert_string_equal(
	    answers_lab_verdict(&lab, der, answers_lab_post(&lab, der).body),
	    "error 6");
	/* two */
	der = status_lab_request(j, lab.issuer.ca, EVP_sha1(), c.serial, 2);
	assert_string_equal(
	    answers_lab_verdict(&lab, der, answers_lab_post(&lab, der).body),
	    "error 6");
	/* broken */
	assert_string_equal(answers_lab_verdict(&lab, der,
				answers_lab_post(&lab, SPAN("\x30\x00")).body),
	    "error 1");
	/* PK-174: a day after its end, and no later */
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY + 1);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "error 6");
	answers_lab_end(&lab);
}

/* PK-175, L-74: at three clocks; conditional requests; errors are not kept. */
static void
test_headers(struct job *j)
{
	static const struct {
		int64_t after;
		const char *age;
	} cases[] = { { 0, "43200" }, { 47 * HOUR, "3600" },
		{ 50 * HOUR, "0" } };
	struct status_result r;
	const char *etag;
	struct answers_lab lab;
	struct cert c;
	struct span der;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	der = status_lab_request(j, lab.issuer.ca, EVP_sha1(), c.serial, 1);
	for (size_t i = 0; i < 3; i++) {
		status_lab_at(lab.j, FIXTURE_NOW + cases[i].after);
		r = answers_lab_get(&lab, der, NULL);
		assert_string_equal(status_lab_header(&r, "Cache-Control"),
		    arena_printf(j->arena,
			"max-age=%s, public, no-transform, must-revalidate",
			cases[i].age));
		assert_string_equal(status_lab_header(&r, "Last-Modified"),
		    "Fri, 15 Jan 2027 08:00:00 GMT");
		assert_string_equal(status_lab_header(&r, "Expires"),
		    "Tue, 19 Jan 2027 07:59:59 GMT");
	}
	etag = status_lab_header(&r, "ETag");
	r = answers_lab_get(
	    &lab, der, arena_printf(j->arena, "\"x\", W/%s", etag));
	assert_int_equal(r.status, 304);
	assert_int_equal(r.body.n, 0);
	r = answers_lab_get(&lab, der, "\"x\"");
	assert_int_equal(r.status, 200);
	r = answers_lab_post(&lab, SPAN("\x30\x00"));
	assert_string_equal(status_lab_header(&r, "Cache-Control"), "no-store");
	answers_lab_end(&lab);
}

static struct status_result
fetch(struct answers_lab *lab, const char *method, struct span target,
    const char *since)
{
	struct status_query q = {
		.method = method, .target = target, .if_modified_since = since
	};
	struct status_result r;

	status_answer(lab->j, lab->service, &q, &r);
	if (r.fd >= 0)
		close(r.fd);
	return r;
}

/* PK-161: type, length, age, dates; PK-105: the CA's own certificate. */
static void
test_list_served(struct job *j)
{
	struct status_result r;
	struct crl row;
	struct answers_lab lab;

	answers_lab_init(&lab, j);
	r = fetch(&lab, "GET", SPAN("/issuing.crl"), NULL);
	assert_int_equal(r.status, 503);
	answers_lab_run(&lab);
	EXPECT(j, store_crl_latest(j, ca_key_label(lab.issuer.ca), 0, &row), 1);
	r = fetch(&lab, "GET", SPAN("/issuing.crl"), NULL);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.size, row.der.n);
	assert_string_equal(
	    status_lab_header(&r, "Content-Type"), "application/pkix-crl");
	assert_string_equal(
	    status_lab_header(&r, "Cache-Control"), "max-age=3600");
	assert_string_equal(status_lab_header(&r, "Last-Modified"),
	    "Fri, 15 Jan 2027 08:00:00 GMT");
	status_lab_at(lab.j, FIXTURE_NOW + DAY - 60);
	r = fetch(&lab, "HEAD", SPAN("/issuing.crl?x"),
	    "Fri, 15 Jan 2027 07:59:59 GMT");
	assert_int_equal(r.status, 200);
	assert_string_equal(
	    status_lab_header(&r, "Cache-Control"), "max-age=60");
	r = fetch(
	    &lab, "GET", SPAN("/issuing.crl"), "Fri, 15 Jan 2027 08:00:00 GMT");
	assert_int_equal(r.status, 304);
	r = fetch(&lab, "POST", SPAN("/issuing.crl"), NULL);
	assert_int_equal(r.status, 405);
	/* a pipe in its place keeps nobody waiting */
	EXPECT(j, unlink(lab.conf.issuer.crl_file), 0);
	EXPECT(j, mkfifo(lab.conf.issuer.crl_file, 0600), 0);
	r = fetch(&lab, "GET", SPAN("/issuing.crl"), NULL);
	assert_int_equal(r.status, 503);
	EXPECT(j, unlink(lab.conf.issuer.crl_file), 0);
	r = fetch(&lab, "GET", SPAN("/issuing.crl/x"), NULL);
	assert_int_equal(r.status, 404);
	r = fetch(&lab, "GET", SPAN("/issuing.cer"), NULL);
	assert_string_equal(
	    status_lab_header(&r, "Content-Type"), "application/pkix-cert");
	assert_int_equal((uint8_t)r.body.p[0], 0x30);
	answers_lab_end(&lab);
}

/* PK-141: a sample of each batch is read as clients read it before the batch
 * goes out; what does not verify, or says something else, never does. */
static void
test_sample(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct ocsp_status s = { .serial = { 0x2a },
		.serial_len = 1,
		.not_after = LAB_NOW + 30 * DAY,
		.this_update = LAB_NOW };
	struct responder r;
	struct ocsp_ca names;
	(void)state;

	EXPECT(j, responder_ca(j, ca, &names), 0);
	EXPECT(j, responder_prepare(j, j->arena, ca, &r), 0);
	EXPECT(j, responder_sign(j, j->arena, ca, &r), 0);
	for (int fault = 0; fault < 4; fault++) {
		struct block b = { .segment = 0x2a };
		struct span octets;

		unit_case("fault %d", fault);
		block_open(j, &b, &r, &names, (struct span){ NULL, 0 });
		EXPECT(j, block_put(j, &b, &s), 0);
		if (fault == 1 || fault == 2)
			b.records[0].signature[fault - 1][7] ^= 0x10;
		else if (fault == 3)
			b.records[0].status.this_update--;
		assert_int_equal(
		    block_finish(j, ca, &b, &octets), fault == 0 ? 0 : -1);
		if (fault != 0)
			assert_non_null(
			    strstr(j->err.text, "OCSP answer refused: L-7"));
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_announce),
	STORE_TEST(test_revoke),
	STORE_TEST(test_uncertain),
	STORE_TEST(test_refresh),
	STORE_TEST(test_pipes),
	STORE_TEST(test_ceiling),
	STORE_TEST(test_ceiling_responders),
	STORE_TEST(test_restarts),
	STORE_TEST(test_refusals),
	STORE_TEST(test_headers),
	STORE_TEST(test_list_served),
	cmocka_unit_test(test_sample),
};
UNIT_MAIN(tests)
