#include "config.h"

#include "pki/ossl.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/keycheck.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

/* The DER of a certificate with this key, which `by` has signed. */
static struct span
certificate(struct job *j, EVP_PKEY *key, EVP_PKEY *by, const EVP_MD *md)
{
	X509 *x = ossl_own_x509(j->arena, X509_new());

	assert_non_null(x);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 60));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, by, md) > 0);
	return lab_x509_der(j, x);
}

/* pki.md 9.4: each of its keys is read, and verifies what it signed. */
static void
test_keys(void **state)
{
	struct job *j = lab_job();
	const struct {
		enum key_type type;
		int bits;
		const EVP_MD *md;
	} keys[] = {
		{ KEY_TYPE_RSA, 2048, EVP_sha256() },
		{ KEY_TYPE_P256, 0, EVP_sha256() },
		{ KEY_TYPE_P384, 0, EVP_sha384() },
		{ KEY_TYPE_P521, 0, EVP_sha512() },
		{ KEY_TYPE_ED25519, 0, NULL },
		{ KEY_TYPE_ED448, 0, NULL },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(keys); i++) {
		EVP_PKEY *key = lab_key(keys[i].type, keys[i].bits);
		EVP_PKEY *other =
		    lab_key(KEY_TYPE_P256, 0) == key
			? ossl_own_pkey(j->arena, EVP_EC_gen("P-256"))
			: lab_key(KEY_TYPE_P256, 0);

		unit_case("%s", key_type_name(keys[i].type));
		X509 *x =
		    ossl_x509(j->arena, certificate(j, key, key, keys[i].md));
		assert_non_null(x);
		assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), key), 1);
		assert_non_null(ossl_key_context(X509_get0_pubkey(x)));
		assert_null(ossl_key_context(key));
		assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
		assert_int_equal(X509_verify(x, key), 1);
		assert_true(X509_verify(x, other) != 1);
	}
}

/* A certificate whose key is of no use to us is one all the same. */
static void
test_other_keys(void **state)
{
	static const char *const types[] = { "X448", "X25519" };
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		EVP_PKEY *key = ossl_own_pkey(
		    j->arena, EVP_PKEY_Q_keygen(NULL, NULL, types[i]));
		unit_case("%s", types[i]);
		X509 *x = ossl_x509(
		    j->arena, certificate(j, key, lab_key(KEY_TYPE_P256, 0),
				  EVP_sha256()));
		assert_non_null(x);
		assert_null(X509_get0_pubkey(x));
		assert_int_equal(X509_verify(x, lab_key(KEY_TYPE_P256, 0)), 1);
	}
}

static void
test_whole(void **state)
{
	struct job *j = lab_job();
	EVP_PKEY *key = lab_key(KEY_TYPE_P256, 0);
	struct span der = certificate(j, key, key, EVP_sha256());
	(void)state;

	for (size_t n = 0; n < der.n; n++)
		assert_null(ossl_x509(j->arena, span_cut(der, 0, n)));
	assert_null(ossl_x509(j->arena, lab_join(j, der, SPAN("\0"))));
}

static int asked;

static int
count_question(UI *ui)
{
	(void)ui;
	asked++;
	return 0;
}

/* pki.md 9.4: a certificate that is encrypted is none, and a service asks
 * nobody for its passphrase. */
static void
test_encrypted(void **state)
{
	static const char encrypted[] =
	    "-----BEGIN CERTIFICATE-----\n"
	    "Proc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"
	    "\n"
	    "AAECAwQFBgcICQoLDA0ODw==\n"
	    "-----END CERTIFICATE-----\n";
	struct job *j = lab_job();
	UI_METHOD *counting = UI_create_method("counting");
	const UI_METHOD *usual = UI_get_default_method();
	BIO *in;
	(void)state;

	assert_int_equal(UI_method_set_opener(counting, count_question), 0);
	UI_set_default_method(counting);
	in = ossl_own_bio(j->arena, BIO_new_mem_buf(encrypted, -1));
	assert_null(PEM_read_bio_X509(in, NULL, NULL, NULL));
	assert_int_equal(asked, 1);
	in = ossl_own_bio(j->arena, BIO_new_mem_buf(encrypted, -1));
	assert_null(ossl_read_x509(in));
	assert_int_equal(asked, 1);
	UI_set_default_method(usual);
	UI_destroy_method(counting);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_keys),
	cmocka_unit_test(test_other_keys),
	cmocka_unit_test(test_whole),
	cmocka_unit_test(test_encrypted),
};

UNIT_MAIN(tests)
