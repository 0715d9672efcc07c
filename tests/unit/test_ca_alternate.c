/* Other chains for the issuing CA's leaves (AC-148). */
#include "config.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY 86400

struct want {
	X509_NAME *subject;
	EVP_PKEY *key; /* of the subject */
	X509_NAME *issuer;
	EVP_PKEY *signer;
	int64_t not_after;
	bool is_ca;
	const char *usage; /* extKeyUsage; NULL: none */
};

static X509_NAME *
name(const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	assert_int_equal(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
			     (const unsigned char *)cn, -1, -1, 0),
	    1);
	return n;
}

static X509 *
make(const struct want *w)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	X509 *x = X509_new();

	bc->ca = w->is_ca ? 0xff : 0;
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	ASN1_TIME_set(X509_getm_notBefore(x), LAB_NOW - DAY);
	ASN1_TIME_set(X509_getm_notAfter(x), w->not_after);
	X509_set_subject_name(x, w->subject);
	X509_set_issuer_name(x, w->issuer);
	X509_set_pubkey(x, w->key);
	assert_int_equal(
	    X509_add1_ext_i2d(x, NID_basic_constraints, bc, 1, 0), 1);
	if (w->usage != NULL) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(
		    NULL, NULL, NID_ext_key_usage, w->usage);

		assert_non_null(e);
		assert_int_equal(X509_add_ext(x, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_sign(x, w->signer, EVP_sha256()) > 0);
	BASIC_CONSTRAINTS_free(bc);
	return x;
}

static const char *
write_chain(struct job *j, X509 *first, X509 *second)
{
	const char *path =
	    arena_printf(j->arena, "%s/alternate.pem", lab_folder());
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	if (first != NULL)
		assert_int_equal(PEM_write_X509(f, first), 1);
	if (second != NULL)
		assert_int_equal(PEM_write_X509(f, second), 1);
	fclose(f);
	return path;
}

/* PK-134: the issuing CA's name, key and purposes under another root. */
static void
test_chains(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	EVP_PKEY *root = lab_key(KEY_TYPE_P384, 0);
	EVP_PKEY *stranger = lab_key(KEY_TYPE_P256, 0);
	X509_NAME *own = X509_get_subject_name(ca->certificate);
	X509_NAME *above = name("Another Root"), *other = name("Other");
	const struct want good = { own, ca->signer.public_key, above, root,
		LAB_NOW + DAY, true, "emailProtection" };
	const struct want anchor = { above, root, above, root, LAB_NOW + DAY,
		true, NULL };
	struct want rows[] = { good, good, good, good, good, good, good, good };
	static const char more[] = "certificate 1: extKeyUsage names more than "
				   "emailProtection and clientAuth (PK-122)";
	static const char *const errors[] = {
		"certificate 1: its subject is not the issuing CA's",
		"certificate 1: its key is not the issuing CA's",
		"certificate 1: it is not a CA's",
		"certificate 1: it is not valid now",
		"certificate 2: it does not certify the one before it",
		"certificate 1: extKeyUsage must be there (PK-122)",
		more,
		"certificate 1: extKeyUsage lacks emailProtection (PK-122)",
	};
	X509 *first = make(&good), *second = make(&anchor);
	struct span pem, text;
	const char *path;

	(void)state;
	path = write_chain(j, first, second);
	assert_int_equal(ca_alternate_load(j, j->arena, ca, path, &pem), 0);
	assert_int_equal(file_read(j, path, 100000, &text), 0);
	assert_true(span_eq(pem, text));
	path = write_chain(j, first, NULL);
	assert_int_equal(ca_alternate_load(j, j->arena, ca, path, &pem), 0);

	rows[0].subject = other;
	rows[1].key = stranger;
	rows[2].is_ca = false;
	rows[3].not_after = LAB_NOW - 1;
	rows[4].signer = stranger;
	rows[5].usage = NULL;
	rows[6].usage = "emailProtection,OCSPSigning";
	rows[7].usage = "clientAuth";
	for (size_t i = 0; i < COUNT(rows); i++) {
		X509 *bad = make(&rows[i]);

		unit_case("%zu", i);
		path = write_chain(j, bad, second);
		assert_int_equal(
		    ca_alternate_load(j, j->arena, ca, path, &pem), -1);
		assert_job_error(j, ERR_INTERNAL,
		    arena_printf(j->arena, "%s: %s", path, errors[i]));
		job_recover(j);
		X509_free(bad);
	}
	X509_free(first);
	X509_free(second);
	X509_NAME_free(above);
	X509_NAME_free(other);
}

static void
test_files(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct span pem;
	const char *path;

	(void)state;
	path = write_chain(j, NULL, NULL);
	assert_int_equal(ca_alternate_load(j, j->arena, ca, path, &pem), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(j->arena, "%s: no certificate in PEM", path));
	job_recover(j);
	path = write_chain(j, ca->certificate, NULL);
	assert_int_equal(ca_alternate_load(j, j->arena, ca, path, &pem), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(
		j->arena, "%s: this is the chain that is served anyway", path));
	job_recover(j);
	path = "/nonexistent/chain.pem";
	assert_int_equal(ca_alternate_load(j, j->arena, ca, path, &pem), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_chains),
	cmocka_unit_test(test_files),
};
UNIT_MAIN(tests)
