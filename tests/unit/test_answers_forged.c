/*
 * OCSP answers when others have changed the rows: PK-163, PK-169, PK-180,
 * PK-205; L-72.
 */
#include "config.h"

#include "tests/unit/answers_lab.h"

#include "tests/unit/store_fixture.h"

#include <openssl/evp.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_private.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "src/answers.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)

/* L-72, PK-169: the row's number was spoiled before the revocation: what the
 * row holds says which one it is, here as on the list. */
static void
test_spoiled(struct job *j)
{
	static const char *const numbers[] = { "no number", "8177", "",
		"01000178" };
	struct answers_lab lab;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	for (size_t k = 0; k < COUNT(numbers); k++) {
		struct cert c =
		    answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
		assert_string_equal(answers_lab_ask(&lab, c.serial), "good");
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE cert SET serial = '%s' WHERE id = '%s'",
			   numbers[k], c.id));
		status_lab_revoke(j, c.id, 4);
		answers_lab_run(&lab);
		assert_string_equal(
		    answers_lab_ask(&lab, c.serial), "revoked 4");
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
						  "WHERE ocsp_due_at > 0"),
		    0);
		/* Also when all of the segment are made again. */
		fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
		answers_lab_run(&lab);
		assert_string_equal(
		    answers_lab_ask(&lab, c.serial), "revoked 4");
	}
	answers_lab_end(&lab);
}

/* These contents, signed by the CA. */
static struct span
sign_contents(struct answers_lab *lab, struct span tbs)
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
is_listed(struct answers_lab *lab, const char *serial)
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
	struct answers_lab lab;
	struct cert other;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	other = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	answers_lab_record(&lab, &other);
	assert_int_equal(status_is_ready(&lab.issuer, j, &other), 1);
	for (size_t k = 0; k < COUNT(numbers); k++) {
		struct cert c = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);

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
		answers_lab_run(&lab);
		assert_string_equal(
		    answers_lab_ask(&lab, c.serial), "revoked 4");
		assert_true(is_listed(&lab, c.serial));
		assert_string_equal(
		    answers_lab_ask(&lab, other.serial), "good");
		assert_false(is_listed(&lab, other.serial));
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
						  "WHERE ocsp_due_at > 0"),
		    0);
	}
	answers_lab_end(&lab);
}

/* PK-163, PK-169, PK-205: who can write rows takes no revocation back and gets
 * no answer for a number of their own. */
static void
test_forged(struct job *j)
{
	struct answers_lab lab;
	struct cert c, forged;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, c.id, 1);
	answers_lab_run(&lab);
	/* PK-180: nor is the reason, neither here nor there (L-72) */
	fixture_sql(j, "UPDATE cert SET reason = 4");
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY);
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");
	/* as soon as it is due, too */
	fixture_sql(j, "UPDATE cert SET ocsp_due_at = 1");
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");
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
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");

	forged = answers_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	answers_lab_record(&lab, &forged);
	fixture_sql(j, "UPDATE cert SET evidence = '{\"seal\":\"00\"}' "
		       "WHERE id = 'cert2'");
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	while ((result = answers_step(&lab.issuer, j)) == 1)
		continue;
	assert_string_equal(answers_lab_ask(&lab, forged.serial), "error 6");
	/* the row is gone: the answer is not */
	fixture_sql(j, "DELETE FROM cert WHERE id = 'cert1'");
	fixture_sql(j, "UPDATE ocsp_segment SET refresh_at = 1");
	while ((result = answers_step(&lab.issuer, j)) == 1)
		continue;
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");
	answers_lab_end(&lab);
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
	struct answers_lab lab;
	struct cert c, other;

	answers_lab_init(&lab, j);
	answers_lab_run(&lab);
	c = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM ocsp_segment "
		       "WHERE segment = 119");
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, c.id, 1);
	answers_lab_run(&lab);
	assert_string_equal(answers_lab_ask(&lab, c.serial), "revoked 1");
	for (size_t i = 0; i < 6; i++) {
		unit_case("%s", attacks[i / 2]);
		fixture_sql(j, attacks[i / 2]);
		if (i % 2 == 1) { /* the issuer was started again */
			answers_free(lab.issuer.answers);
			lab.issuer.answers = answers_new(j->arena);
		}
		other = answers_lab_issue(&lab, FIXTURE_NOW + 365 * DAY);
		assert_string_equal(
		    answers_lab_ask(&lab, c.serial), "revoked 1");
		answers_lab_run(&lab);
		assert_string_equal(
		    answers_lab_ask(&lab, c.serial), "revoked 1");
		assert_string_equal(
		    answers_lab_ask(&lab, other.serial), "good");
	}
	fixture_sql(j, "DROP TABLE kept");
	answers_lab_end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_spoiled),
	STORE_TEST(test_other_contents),
	STORE_TEST(test_forged),
	STORE_TEST(test_rolled_back),
};
UNIT_MAIN(tests)
