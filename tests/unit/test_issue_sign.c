/*
 * From the TBSCertificate to the chain: what is recorded of it, that just what
 * was linted is signed, and nothing else: PK-18, PK-136 to PK-138, PK-148,
 * PK-203, AC-146.
 */
#include "config.h"

#include <openssl/pem.h>
#include <string.h>

#include "lib/count.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "tests/unit/issue_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static const char *const alice[] = { "alice@example.com" };

/* PK-18: report and record name the profile that was used. */
static void
test_profile_record(void **state)
{
	struct job *j = lab_job();
	const struct json *report;
	(void)state;

	for (size_t p = 0; p < profile_count; p++) {
		struct csr csr;
		struct issue_tbs tbs;
		struct issue_input in = issue_lab_input_for(j, &profiles[p],
		    lab_key(KEY_TYPE_RSA, 2048), p == 3 ? 0x04 : 0x01, alice, 1,
		    &csr);

		unit_case("%s", profiles[p].name);
		assert_int_equal(
		    issue_prepare(j, lab_ca("p256"), &in, &tbs), 0);
		assert_string_equal(
		    tbs.profile_text, profile_text(j->arena, &profiles[p]));
		assert_int_equal(json_parse_object(j, span_str(tbs.lint_report),
				     "report", &report),
		    0);
		assert_true(
		    span_eq_str(json_string(json_get(report, "profile")),
			profiles[p].name));
	}
}

/* PK-136, PK-18: every lint reports, and the profile's text is there. */
static void
test_report(void **state)
{
	struct job *j = lab_job();
	struct csr csr;
	struct issue_tbs tbs;
	const struct json *report;
	uint8_t digest[32];
	(void)state;

	struct issue_input in =
	    issue_lab_input(j, lab_key(KEY_TYPE_RSA, 2048), 5, alice, 1, &csr);
	assert_int_equal(issue_prepare(j, lab_ca("p256"), &in, &tbs), 0);
	assert_int_equal(
	    json_parse_object(j, span_str(tbs.lint_report), "report", &report),
	    0);
	const struct json *lints = json_get(report, "lints");
	assert_int_equal(json_count(lints), 26);
	for (size_t i = 0; i < json_count(lints); i++)
		assert_true(span_eq_str(
		    json_string(json_get(json_at(lints, i), "result")),
		    "pass"));
	sha256(span_str(tbs.profile_text), digest);
	assert_memory_equal(digest, tbs.profile_sha256, 32);
	assert_non_null(strstr(tbs.profile_text, "lab-multipurpose"));
}

/* Ready to be signed: a certificate of alice's, for a key on P-256. */
static void
prepare(struct job *j, const struct ca *ca, struct issue_tbs *tbs)
{
	struct csr *csr = arena_calloc(j->arena, 1, sizeof(*csr));
	struct issue_input in =
	    issue_lab_input(j, lab_key(KEY_TYPE_P256, 0), 1, alice, 1, csr);

	assert_int_equal(issue_prepare(j, ca, &in, tbs), 0);
}

/* PK-137: the octets that were linted are signed; the lint key's signature
 * is worth nothing under the CA. */
static void
test_same_octets(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("rsa3072");
	struct issue_tbs tbs;
	struct certview v;
	struct span der;
	struct span lint_der;
	(void)state;

	prepare(j, ca, &tbs);
	assert_int_equal(issue_sign(j, ca, &tbs, &der), 0);
	assert_int_equal(certview_parse(der, &v), 0);
	assert_true(span_eq(v.tbs, tbs.tbs));
	/* PKCS#1 v1.5 gives the same again (PK-145). */
	struct span again;
	assert_int_equal(issue_sign(j, ca, &tbs, &again), 0);
	assert_true(span_eq(der, again));

	assert_int_equal(
	    signer_sign(j, &ca->lint, SIGNED_SUBSCRIBER, tbs.tbs, &lint_der),
	    0);
	X509 *lint = ossl_x509(j->arena, lint_der);
	assert_int_equal(X509_verify(lint, ca->signer.public_key), 0);
	assert_int_equal(ca_verify(j, ca->store, lint, 0, j->now), -1);
	job_recover(j);
}

/* PK-138: one wrong bit in the TBS or the signature is noticed.  The token
 * that corrupts is a CA whose key is the lint key. */
static void
test_corrupted(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct ca other = *ca;
	struct issue_tbs tbs;
	struct span der;
	(void)state;

	prepare(j, ca, &tbs);
	assert_non_null(tbs.linted);
	other.signer.key = ca->lint.key;
	assert_int_equal(issue_sign(j, &other, &tbs, &der), -1);
	assert_non_null(strstr(j->err.text, "signature failure"));
	job_recover(j);
	unit_case("a TBS that a row has kept");
	tbs.linted = NULL;
	assert_int_equal(issue_sign(j, &other, &tbs, &der), -1);
	assert_non_null(strstr(j->err.text, "signature failure"));
	job_recover(j);

	assert_int_equal(issue_sign(j, ca, &tbs, &der), 0);
	for (size_t bit = 0; bit < der.n * 8; bit++) {
		char *copy = arena_memdup(j->arena, der.p, der.n);
		copy[bit / 8] ^= (char)(1u << bit % 8);
		X509 *x = ossl_x509(j->arena, span_mem(copy, der.n));
		if (x == NULL)
			continue;
		unit_case("bit %zu", bit);
		assert_int_equal(ca_verify(j, ca->store, x, 0, j->now), -1);
		job_recover(j);
	}
}

/* PK-203: the CA signs nothing but its subscriber certificates. */
static void
test_refuses_others(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct issue_tbs tbs;
	struct span der;
	(void)state;

	prepare(j, ca, &tbs);
	unit_case("another CA's");
	struct issue_tbs other = tbs;
	other.signature_alg = lab_ca("p384")->signer.alg->der;
	assert_int_equal(issue_sign(j, lab_ca("p384"), &other, &der), -1);
	job_recover(j);
	unit_case("another algorithm");
	assert_int_equal(issue_sign(j, ca, &other, &der), -1);
	job_recover(j);
	unit_case("raw octets");
	other = tbs;
	other.tbs = SPAN("hello");
	assert_int_equal(issue_sign(j, ca, &other, &der), -1);
	job_recover(j);
	static const struct {
		const char *from, *to;
	} edits[] = {
		/* extKeyUsage: serverAuth */
		{ "06082b06010505070304", "06082b06010505070301" },
		/* subjectAltName becomes basicConstraints */
		{ "0603551d11", "0603551d13" },
		/* extKeyUsage gone: an unknown extension */
		{ "0603551d25", "0603551d7f" },
	};
	for (size_t i = 0; i < COUNT(edits); i++) {
		struct span from = lab_hex(j, edits[i].from);
		struct span to = lab_hex(j, edits[i].to);
		char *copy = arena_memdup(j->arena, tbs.tbs.p, tbs.tbs.n);
		size_t at = span_find_span(tbs.tbs, 0, from);

		unit_case("%s", edits[i].to);
		assert_true(at < tbs.tbs.n);
		memcpy(copy + at, to.p, to.n);
		other.tbs = span_mem(copy, tbs.tbs.n);
		assert_int_equal(issue_sign(j, ca, &other, &der), -1);
		assert_non_null(strstr(j->err.text, "refused to sign"));
		job_recover(j);
	}
	unit_case("cut");
	for (size_t n = 0; n < tbs.tbs.n; n++) {
		other.tbs = span_cut(tbs.tbs, 0, n);
		assert_int_equal(issue_sign(j, ca, &other, &der), -1);
		job_recover(j);
	}
}

/* PK-148, AC-146: leaf, issuing CA, no root; 64 columns, LF. */
static void
test_chain(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct csr csr;
	struct span pem;
	(void)state;

	struct issue_input in =
	    issue_lab_input(j, lab_key(KEY_TYPE_P256, 0), 1, alice, 1, &csr);
	struct span der = lab_issue(j, ca, &in);
	assert_int_equal(issue_chain_pem(j, ca, der, &pem), 0);
	size_t count = 0;
	for (size_t at = 0;
	     (at = span_find_span(
		  pem, at, SPAN("-----BEGIN CERTIFICATE-----\n"))) < pem.n;
	     at++)
		count++;
	assert_int_equal(count, 2);
	assert_true(span_starts(pem, SPAN("-----BEGIN CERTIFICATE-----\nMII")));
	assert_true(span_ends(pem, SPAN("\n-----END CERTIFICATE-----\n")));
	for (size_t at = 0; at < pem.n;) {
		size_t end = span_find(pem, at, '\n');
		assert_true(end - at <= 64 && end > at);
		at = end + 1;
	}
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *first = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509 *second = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509 *leaf = ossl_x509(j->arena, der);
	assert_int_equal(X509_cmp(first, leaf), 0);
	assert_int_equal(X509_cmp(second, ca->certificate), 0);
	X509_free(first);
	X509_free(second);
	BIO_free(bio);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_profile_record),
	cmocka_unit_test(test_report),
	cmocka_unit_test(test_same_octets),
	cmocka_unit_test(test_corrupted),
	cmocka_unit_test(test_refuses_others),
	cmocka_unit_test(test_chain),
};

UNIT_MAIN(tests)
