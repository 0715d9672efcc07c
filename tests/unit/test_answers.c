/*
 * OCSP answers signed in advance, from the row to the HTTP answer: PK-149,
 * PK-165, PK-168 to PK-172, PK-174 to PK-176, PK-204; L-70 to L-75.  And lists
 * as they are served: PK-161.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_private.h"
#include "db/store_revoke.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/key.h"
#include "pki/responder.h"
#include "src/answers.h"
#include "src/answers_block.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "src/status_ocsp.h"
#include "src/status_place.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define LATE "event=\"OCSP answers late\""

struct lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	struct status_service *service;
	const char *account;
	unsigned certs;
};

static void
lab_init(struct lab *lab, struct job *j)
{
	*lab = (struct lab){ .j = j };
	lab->conf.issuer = status_lab_conf(j, "p256");
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->issuer.answers = answers_new(j->arena);
	j->conf = &lab->conf;
	status_lab_at(lab->j, FIXTURE_NOW);
	lab->account = fixture_account(j);
	EXPECT(
	    j, status_service_new(j, j->arena, &lab->conf, &lab->service), 0);
}

static void
lab_end(struct lab *lab)
{
	answers_free(lab->issuer.answers);
	lab->issuer.answers = NULL;
}

static struct cert
make_cert(struct lab *lab, int64_t not_after)
{
	struct job *j = lab->j;
	unsigned n = ++lab->certs;

	return status_lab_reserve(
	    j, &(struct status_lab_cert){ .ca = lab->issuer.ca,
		   .seal = lab->issuer.seal,
		   .account = lab->account,
		   .id = arena_printf(j->arena, "cert%u", n),
		   .serial = arena_printf(j->arena, "01%04x77", n),
		   .not_before = FIXTURE_NOW,
		   .not_after = not_after });
}

static void
record(struct lab *lab, const struct cert *c)
{
	COMMITTED(lab->j,
	    store_cert_record(lab->j, c->id, SPAN("der"), span_str(c->id)));
}

/* Until nothing is due. */
static void
run(struct lab *lab)
{
	int result;

	do {
		result = issuer_list_step(&lab->issuer, lab->j);
		if (result == 0)
			result = answers_step(&lab->issuer, lab->j);
	} while (result == 1);
	EXPECT(lab->j, result, 0);
}

/* --- asking --------------------------------------------------------------- */

static struct status_result
post(struct lab *lab, struct span body)
{
	struct status_query q = {
		.method = "POST", .target = SPAN("/ocsp"), .body = body
	};
	struct status_result r;

	status_answer(lab->j, lab->service, &q, &r);
	return r;
}

static struct status_result
get(struct lab *lab, struct span der, const char *if_none_match)
{
	struct status_query q = { .method = "GET",
		.if_none_match = if_none_match };
	struct status_result r;
	struct buf b;

	buf_init(&b, lab->j->arena, 4096);
	buf_add_str(&b, "/ocsp/");
	b64_add(&b, der);
	q.target = buf_span(&b);
	status_answer(lab->j, lab->service, &q, &r);
	return r;
}

/* "good", "revoked 4", "error 6" by OpenSSL, which verifies (L-70, L-75). */
static const char *
verdict(struct lab *lab, struct span request_der, struct span response)
{
	struct job *j = lab->j;
	const unsigned char *p = (const unsigned char *)response.p;
	const unsigned char *rp = (const unsigned char *)request_der.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)response.n);
	OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &rp, (long)request_der.n);
	int status, reason = -1;

	assert_non_null(r);
	status = OCSP_response_status(r);
	if (status != 0) {
		/* PK-171: an error has nothing else */
		assert_int_equal(response.n, 5);
		OCSP_RESPONSE_free(r);
		OCSP_REQUEST_free(q);
		return arena_printf(j->arena, "error %d", status);
	}
	OCSP_BASICRESP *b = OCSP_response_get1_basic(r);
	assert_non_null(b);
	X509_STORE *store = lab->issuer.ca->store;
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), j->now);
	assert_int_equal(OCSP_basic_verify(b, NULL, store, 0), 1);
	assert_int_equal(OCSP_resp_count(b), 1);
	ASN1_GENERALIZEDTIME *rev, *this_update, *next_update;
	assert_int_equal(
	    OCSP_resp_find_status(b,
		OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, 0)), &status,
		&reason, &rev, &this_update, &next_update),
	    1);
	/* PK-168 */
	assert_int_equal(
	    ASN1_TIME_diff(&status, &reason, this_update, next_update), 1);
	assert_int_equal(status * DAY + reason, 4 * DAY - 1);
	reason = -1;
	assert_int_equal(
	    OCSP_resp_find_status(b,
		OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, 0)), &status,
		&reason, &rev, &this_update, &next_update),
	    1);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	OCSP_REQUEST_free(q);
	return status == V_OCSP_CERTSTATUS_GOOD
		   ? "good"
		   : arena_printf(j->arena, "revoked %d", reason);
}

/* By GET and POST, SHA-1 and SHA-256: all agree. */
static const char *
ask(struct lab *lab, const char *serial)
{
	const char *said = NULL;

	for (int i = 0; i < 4; i++) {
		struct span der = status_lab_request(lab->j, lab->issuer.ca,
		    i < 2 ? EVP_sha1() : EVP_sha256(), serial, 1);
		struct status_result r =
		    i % 2 ? get(lab, der, NULL) : post(lab, der);
		const char *now = verdict(lab, der, r.body);

		assert_int_equal(r.status, 200);
		assert_string_equal(status_lab_header(&r, "Content-Type"),
		    "application/ocsp-response");
		if (said != NULL)
			assert_string_equal(now, said);
		said = now;
	}
	return said;
}

/* --- tests ---------------------------------------------------------------- */

/* PK-149: list first, then good; PK-170: only then. */
static void
test_announce(struct job *j)
{
	struct lab lab;
	struct cert c;

	lab_init(&lab, j);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	/* no file yet at all: tryLater */
	assert_string_equal(ask(&lab, c.serial), "error 3");
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 0);
	run(&lab);
	/* reserved, not used: never issued */
	assert_string_equal(ask(&lab, c.serial), "error 6");
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	assert_string_equal(ask(&lab, c.serial), "good");
	/* a file that somebody took away comes back */
	record(&lab, &c);
	EXPECT(j, unlink(status_segment_file(j->arena, &lab.conf.issuer, 0x77)),
	    0);
	assert_string_equal(ask(&lab, c.serial), "error 3");
	EXPECT(j, answers_step(&lab.issuer, j), 1);
	assert_string_equal(ask(&lab, c.serial), "good");
	EXPECT(j, answers_step(&lab.issuer, j), 0);
	/* the list has run out: held */
	status_lab_at(lab.j, FIXTURE_NOW + 7 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 0);
	lab_end(&lab);
}

/* PK-169, PK-174: revoked before the list says so; PK-180: the reason. */
static void
test_revoke(struct job *j)
{
	struct revocation worse = { 1, "key", { NULL, 0 } };
	struct lab lab;
	struct cert a, b;

	lab_init(&lab, j);
	run(&lab);
	/* PK-65 */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM own_key "
					  "WHERE owner LIKE 'OCSP responder %' "
					  "AND bare_sha256 IS NOT NULL"),
	    fixture_count(j, "SELECT COUNT(*) FROM responder"));
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	b = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &a), 1);
	record(&lab, &a);
	assert_int_equal(status_is_ready(&lab.issuer, j, &b), 1);
	record(&lab, &b);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, a.id, 4);
	/* one step: before any list */
	EXPECT(j, answers_step(&lab.issuer, j), 1);
	assert_string_equal(ask(&lab, a.serial), "revoked 4");
	assert_string_equal(ask(&lab, b.serial), "good");
	status_lab_revoke(j, b.id, 0);
	/* the list's own step brings the answer */
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_string_equal(ask(&lab, b.serial), "revoked -1");
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_for_compromise(j, a.id, &worse), 1);
	EXPECT(j, store_commit(j), 0);
	run(&lab);
	assert_string_equal(ask(&lab, a.serial), "revoked 1");
	/* nobody's row keeps the others waiting */
	fixture_sql(j, "UPDATE cert SET reason = 6, ocsp_due_at = 1, "
		       "list_due_at = 1 WHERE id = 'cert2'");
	run(&lab);
	assert_string_equal(ask(&lab, b.serial), "revoked -1");
	lab_end(&lab);
}

/* L-72, PK-169: the row's number was spoiled before the revocation: what the
 * row holds says which one it is, here as on the list. */
static void
test_spoiled(struct job *j)
{
	static const char *const numbers[] = { "no number", "8177", "",
		"01000178" };
	struct lab lab;

	lab_init(&lab, j);
	run(&lab);
	for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
		struct cert c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);

		assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
		record(&lab, &c);
		assert_string_equal(ask(&lab, c.serial), "good");
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE cert SET serial = '%s' WHERE id = '%s'",
			   numbers[k], c.id));
		status_lab_revoke(j, c.id, 4);
		run(&lab);
		assert_string_equal(ask(&lab, c.serial), "revoked 4");
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
						  "WHERE ocsp_due_at > 0"),
		    0);
		/* Also when all of the segment are made again. */
		fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
		run(&lab);
		assert_string_equal(ask(&lab, c.serial), "revoked 4");
	}
	lab_end(&lab);
}

/* These contents, signed by the CA. */
static struct span
sign_contents(struct lab *lab, struct span tbs)
{
	struct job *j = lab->j;
	EVP_PKEY *key = lab_ca_key("p256");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char signature[256];
	size_t n = sizeof(signature), mark;
	struct buf b;

	assert_int_equal(
	    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(md, signature, &n,
			     (const unsigned char *)tbs.p, tbs.n),
	    1);
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	buf_init(&b, j->arena, 8192);
	mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, tbs);
	buf_add(&b, lab->issuer.ca->signer.alg->der);
	der_add_bit_string(&b, span_mem(signature, n));
	der_close(&b, mark);
	return buf_span(&b);
}

static bool
is_listed(struct lab *lab, const char *serial)
{
	struct job *j = lab->j;
	struct crl_input l;
	struct span der;

	EXPECT(j, file_read(j, lab->conf.issuer.crl_file, 1000000, &der), 0);
	EXPECT(j, crl_read(j, lab->issuer.ca, der, &l), 0);
	return crl_find(&l, lab_hex(j, serial)) != NULL;
}

/* L-72: the row has another one's contents, and its certificate says which one
 * it is: on the list and here, whatever its number. */
static void
test_other_contents(struct job *j)
{
	static const char *const numbers[] = { NULL, "no number", "0177" };
	struct lab lab;
	struct cert other;

	lab_init(&lab, j);
	run(&lab);
	other = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	record(&lab, &other);
	assert_int_equal(status_is_ready(&lab.issuer, j, &other), 1);
	for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
		struct cert c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);

		status_lab_at(j, FIXTURE_NOW + (int64_t)(k + 1) * HOUR);
		assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
		COMMITTED(j, store_cert_record(j, c.id,
				 sign_contents(&lab, c.tbs), span_str(c.id)));
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE cert SET tbs = (SELECT tbs FROM cert c "
			   "WHERE c.id = '%s'), serial = '%s' WHERE id = '%s'",
			   other.id, numbers[k] != NULL ? numbers[k] : c.serial,
			   c.id));
		status_lab_revoke(j, c.id, 4);
		run(&lab);
		assert_string_equal(ask(&lab, c.serial), "revoked 4");
		assert_true(is_listed(&lab, c.serial));
		assert_string_equal(ask(&lab, other.serial), "good");
		assert_false(is_listed(&lab, other.serial));
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
						  "WHERE ocsp_due_at > 0"),
		    0);
	}
	lab_end(&lab);
}

/* PK-145: uncertain is revoked, though nothing was ever issued. */
static void
test_uncertain(struct job *j)
{
	struct lab lab;
	struct cert c;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_revoke(j, c.id, 0);
	run(&lab);
	assert_string_equal(ask(&lab, c.serial), "revoked -1");
	lab_end(&lab);
}

/* PK-168: again after 48 hours, by another responder after 15 days (PK-118);
 * a batch that stopped ends in tryLater, never in an old answer. */
static void
test_refresh(struct job *j)
{
	struct lab lab;
	const char *late;
	struct cert c;
	int64_t when;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	record(&lab, &c);
	EXPECT(j, answers_due(&lab.issuer, j, &when), 0);
	assert_int_equal(when, FIXTURE_NOW + 2 * DAY);
	status_lab_at(lab.j, FIXTURE_NOW + 4 * DAY - 1);
	assert_string_equal(ask(&lab, c.serial), "good");
	status_lab_at(lab.j, FIXTURE_NOW + 4 * DAY);
	assert_string_equal(ask(&lab, c.serial), "error 3");
	/* One alarm for what has one cause. */
	unit_log_begin();
	run(&lab);
	late = strstr(unit_log_end(), LATE);
	assert_non_null(late);
	assert_null(strstr(late + 1, LATE));
	assert_ptr_equal(
	    strstr(late, LATE " segments=256 seconds=172800 "), late);
	assert_string_equal(ask(&lab, c.serial), "good");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 1);
	status_lab_at(lab.j, FIXTURE_NOW + 16 * DAY);
	run(&lab);
	assert_string_equal(ask(&lab, c.serial), "good");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 2);
	lab_end(&lab);
}

/* A pipe in the place of the files keeps the issuer waiting for nothing, and
 * they come again. */
static void
test_pipes(struct job *j)
{
	const char *segment, *list;
	struct lab lab;
	struct cert c;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	record(&lab, &c);
	list = lab.conf.issuer.crl_file;
	segment = status_segment_file(j->arena, &lab.conf.issuer,
	    status_segment_of(lab_hex(j, c.serial)));
	EXPECT(j, unlink(list), 0);
	EXPECT(j, mkfifo(list, 0600), 0);
	EXPECT(j, unlink(segment), 0);
	EXPECT(j, mkfifo(segment, 0600), 0);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, c.id, 1);
	run(&lab);
	assert_string_equal(ask(&lab, c.serial), "revoked 1");
	assert_int_equal(issuer_list_is_out(&lab.issuer, j, 0), 1);
	assert_true(file_is_regular(list));
	lab_end(&lab);
}

/* Makes all answers due, again and again: how many signatures that got. */
static int64_t
flood(struct lab *lab, int rounds)
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
	struct lab lab;
	struct cert c, d;

	lab_init(&lab, j);
	fixture_sql(j, "DELETE FROM issuance_stop");
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	record(&lab, &c);
	lab.conf.issuer.max_answers_per_hour = 10;
	/* two for each, the first of them above */
	assert_int_equal(flood(&lab, 20), 8);
	assert_int_equal(fixture_count(j, held), 1);
	fixture_sql(j, "DELETE FROM issuance_stop");
	assert_int_equal(flood(&lab, 5), 0);
	assert_int_equal(fixture_count(j, held), 1);

	d = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &d), 1);
	record(&lab, &d);
	assert_string_equal(ask(&lab, d.serial), "good");
	status_lab_revoke(j, c.id, 4);
	assert_int_equal(flood(&lab, 5), 2);
	assert_string_equal(ask(&lab, c.serial), "revoked 4");
	/* of the reasons that a row may change to, one counts */
	fixture_sql(j, "UPDATE cert SET reason = 5 WHERE revoked_at > 0");
	assert_int_equal(flood(&lab, 5), 0);
	fixture_sql(j, "UPDATE cert SET reason = 1 WHERE revoked_at > 0");
	assert_int_equal(flood(&lab, 5), 2);
	assert_string_equal(ask(&lab, c.serial), "revoked 1");

	status_lab_at(lab.j, FIXTURE_NOW + DAY / 2 - 1);
	assert_int_equal(flood(&lab, 5), 0);
	status_lab_at(lab.j, FIXTURE_NOW + DAY / 2);
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	run(&lab);
	status_lab_at(lab.j, FIXTURE_NOW + 4 * DAY);
	assert_string_equal(ask(&lab, d.serial), "good");
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab_end(&lab);
}

/* PK-204: an issuer that is started again and again makes no responder each
 * time for ever; one comes after ten minutes. */
static void
test_ceiling_responders(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab.conf.issuer.max_responders_per_hour = 3;
	for (int k = 0; k < 5; k++) {
		answers_free(lab.issuer.answers);
		lab.issuer.answers = answers_new(j->arena);
		fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1 "
			       "WHERE segment = 0");
		if (k < 3) {
			run(&lab);
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
	run(&lab);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM responder"), 4);
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab_end(&lab);
}

/* Ten issuers that were started again: their answers go on, and no segment
 * keeps more responders than it can. */
static void
test_restarts(struct job *j)
{
	struct cert c[12];
	struct lab lab;

	lab_init(&lab, j);
	run(&lab);
	for (size_t i = 0; i < 12; i++) {
		answers_free(lab.issuer.answers);
		lab.issuer.answers = answers_new(j->arena);
		c[i] = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
		assert_int_equal(status_is_ready(&lab.issuer, j, &c[i]), 1);
		record(&lab, &c[i]);
	}
	for (size_t i = 0; i < 12; i++)
		assert_string_equal(ask(&lab, c[i].serial), "good");
	lab_end(&lab);
}

/* PK-167, PK-170 to PK-172 */
static void
test_refusals(struct job *j)
{
	struct lab lab;
	struct cert c;
	struct span der;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	record(&lab, &c);
	assert_string_equal(ask(&lab, "0102030477"), "error 6");
	/* a sibling's number */
	der = status_lab_request(j, lab_ca("p384"), EVP_sha1(), c.serial, 1);
	assert_string_equal(
	    verdict(&lab, der, post(&lab, der).body), "error 6");
	/* another hash */
	der = status_lab_request(j, lab.issuer.ca, EVP_sha512(), c.serial, 1);
	assert_string_equal(
	    verdict(&lab, der, post(&lab, der).body), "error 6");
	/* two */
	der = status_lab_request(j, lab.issuer.ca, EVP_sha1(), c.serial, 2);
	assert_string_equal(
	    verdict(&lab, der, post(&lab, der).body), "error 6");
	/* broken */
	assert_string_equal(
	    verdict(&lab, der, post(&lab, SPAN("\x30\x00")).body), "error 1");
	/* PK-174: a day after its end, and no later */
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY);
	assert_string_equal(ask(&lab, c.serial), "good");
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY + 1);
	assert_string_equal(ask(&lab, c.serial), "error 6");
	lab_end(&lab);
}

/* PK-163, PK-169, PK-205: who can write rows takes no revocation back and gets
 * no answer for a number of their own. */
static void
test_forged(struct job *j)
{
	struct lab lab;
	struct cert c, forged;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	record(&lab, &c);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, c.id, 1);
	run(&lab);
	/* PK-180: nor is the reason, neither here nor there (L-72) */
	fixture_sql(j, "UPDATE cert SET reason = 4");
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY);
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	run(&lab);
	assert_string_equal(ask(&lab, c.serial), "revoked 1");
	/* as soon as it is due, too */
	fixture_sql(j, "UPDATE cert SET ocsp_due_at = 1");
	run(&lab);
	assert_string_equal(ask(&lab, c.serial), "revoked 1");
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	fixture_sql(j, "UPDATE cert SET revoked_at = 0, reason = 0");
	status_lab_at(lab.j, FIXTURE_NOW + 3 * DAY);
	/* the list is refused … */
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "L-66"));
	job_recover(j);
	/* … and the answer stays, and is made again in time */
	int result;
	while ((result = issuer_step(&lab.issuer, j)) == 1)
		continue;
	assert_int_equal(result, -1);
	assert_non_null(strstr(j->err.text, "L-66"));
	job_recover(j);
	EXPECT(j, answers_step(&lab.issuer, j), 0);
	status_lab_at(lab.j, FIXTURE_NOW + 6 * DAY);
	assert_string_equal(ask(&lab, c.serial), "revoked 1");

	forged = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	record(&lab, &forged);
	fixture_sql(j, "UPDATE cert SET evidence = '{\"seal\":\"00\"}' "
		       "WHERE id = 'cert2'");
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	while ((result = answers_step(&lab.issuer, j)) == 1)
		continue;
	assert_string_equal(ask(&lab, forged.serial), "error 6");
	/* the row is gone: the answer is not */
	fixture_sql(j, "DELETE FROM cert WHERE id = 'cert1'");
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	while ((result = answers_step(&lab.issuer, j)) == 1)
		continue;
	assert_string_equal(ask(&lab, c.serial), "revoked 1");
	lab_end(&lab);
}

/* PK-169: old answers have good signatures; who can write rows does not bring
 * them back. */
static void
test_rolled_back(struct job *j)
{
	static const char *const attacks[] = {
		"UPDATE ocsp_segment SET octets = (SELECT octets FROM kept), "
		"generation = generation + 1 WHERE segment = 119",
		"UPDATE ocsp_segment SET octets = (SELECT octets FROM kept) "
		"WHERE segment = 119",
		"DELETE FROM ocsp_segment",
	};
	struct lab lab;
	struct cert c, other;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	record(&lab, &c);
	fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM ocsp_segment "
		       "WHERE segment = 119");
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, c.id, 1);
	run(&lab);
	assert_string_equal(ask(&lab, c.serial), "revoked 1");
	for (size_t i = 0; i < 6; i++) {
		unit_case("%s", attacks[i / 2]);
		fixture_sql(j, attacks[i / 2]);
		if (i % 2 == 1) { /* the issuer was started again */
			answers_free(lab.issuer.answers);
			lab.issuer.answers = answers_new(j->arena);
		}
		other = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
		assert_int_equal(status_is_ready(&lab.issuer, j, &other), 1);
		record(&lab, &other);
		assert_string_equal(ask(&lab, c.serial), "revoked 1");
		run(&lab);
		assert_string_equal(ask(&lab, c.serial), "revoked 1");
		assert_string_equal(ask(&lab, other.serial), "good");
	}
	fixture_sql(j, "DROP TABLE kept");
	lab_end(&lab);
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
	struct lab lab;
	struct cert c;
	struct span der;

	lab_init(&lab, j);
	run(&lab);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(status_is_ready(&lab.issuer, j, &c), 1);
	der = status_lab_request(j, lab.issuer.ca, EVP_sha1(), c.serial, 1);
	for (size_t i = 0; i < 3; i++) {
		status_lab_at(lab.j, FIXTURE_NOW + cases[i].after);
		r = get(&lab, der, NULL);
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
	r = get(&lab, der, arena_printf(j->arena, "\"x\", W/%s", etag));
	assert_int_equal(r.status, 304);
	assert_int_equal(r.body.n, 0);
	r = get(&lab, der, "\"x\"");
	assert_int_equal(r.status, 200);
	r = post(&lab, SPAN("\x30\x00"));
	assert_string_equal(status_lab_header(&r, "Cache-Control"), "no-store");
	lab_end(&lab);
}

static struct status_result
fetch(
    struct lab *lab, const char *method, struct span target, const char *since)
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
	struct lab lab;

	lab_init(&lab, j);
	r = fetch(&lab, "GET", SPAN("/issuing.crl"), NULL);
	assert_int_equal(r.status, 503);
	run(&lab);
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
	lab_end(&lab);
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
	STORE_TEST(test_spoiled),
	STORE_TEST(test_other_contents),
	STORE_TEST(test_uncertain),
	STORE_TEST(test_refresh),
	STORE_TEST(test_pipes),
	STORE_TEST(test_ceiling),
	STORE_TEST(test_ceiling_responders),
	STORE_TEST(test_restarts),
	STORE_TEST(test_refusals),
	STORE_TEST(test_forged),
	STORE_TEST(test_rolled_back),
	STORE_TEST(test_headers),
	STORE_TEST(test_list_served),
	cmocka_unit_test(test_sample),
};
UNIT_MAIN(tests)
