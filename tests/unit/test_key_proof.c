/* PK-77: what proves that a key is compromised, and what only looks like it. */
#include "config.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/csr.h"
#include "pki/der.h"
#include "pki/key_proof.h"
#include "pki/oid.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define BASE "https://ca.example"

/* All that a profile can accept. */
static const enum key_type types[] = { KEY_TYPE_RSA, KEY_TYPE_P256,
	KEY_TYPE_P384, KEY_TYPE_P521, KEY_TYPE_ED25519, KEY_TYPE_ED448 };

static EVP_PKEY *
key_of(enum key_type type)
{
	return lab_key(type, type == KEY_TYPE_RSA ? 2048 : 0);
}

static void
expect_key(
    struct job *j, const struct key_proof *p, EVP_PKEY *key, const char *kind)
{
	uint8_t hash[SHA256_LEN];

	sha256(lab_spki(j, key), hash);
	assert_memory_equal(p->spki_sha256, hash, SHA256_LEN);
	assert_string_equal(p->kind, kind);
}

static void
expect_refusal(struct job *j, int result, const char *words)
{
	assert_int_equal(result, -1);
	if (strstr(j->err.text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, j->err.text);
	job_recover(j);
}

static struct span
bio_text(struct job *j, BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	struct span s =
	    span_mem(arena_memdup(j->arena, p, (size_t)n), (size_t)n);

	BIO_free(bio);
	return s;
}

static struct span
private_pem(struct job *j, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	return bio_text(j, bio);
}

static struct span
public_pem(struct job *j, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	return bio_text(j, bio);
}

static struct span
request(struct job *j, EVP_PKEY *key, const char *name)
{
	struct lab_csr c = lab_csr(j, key, "alice@example.com");

	c.rdns = lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING, span_str(name));
	return lab_csr_make(j, &c);
}

static struct span
request_pem(struct job *j, struct span der)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_true(PEM_write_bio(bio, PEM_STRING_X509_REQ, "",
			(const unsigned char *)der.p, (long)der.n) > 0);
	return bio_text(j, bio);
}

static void
test_private_key(void **state)
{
	struct job *j = unit_job();
	struct key_proof p;
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		EVP_PKEY *key = key_of(types[i]);

		unit_case("type %d", (int)types[i]);
		assert_int_equal(key_proof_read(j, private_pem(j, key), &p), 0);
		expect_key(j, &p, key, "private key");
		/* It is not kept. */
		assert_int_equal(p.evidence.n, 0);
		expect_refusal(j, key_proof_read(j, public_pem(j, key), &p),
		    "no private key");
	}
}

/* Somebody else's public key in a file with one's own private key. */
static void
test_not_a_pair(void **state)
{
	EVP_PKEY *mine = EVP_EC_gen("P-256"), *theirs = key_of(KEY_TYPE_P256);
	struct job *j = unit_job();
	struct span pem = private_pem(j, mine), of_mine = lab_spki(j, mine),
		    of_theirs = lab_spki(j, theirs), der;
	EVP_PKEY *joined;
	struct key_proof p;
	char *octets;
	size_t at;
	(void)state;

	/* The points are the last 65 octets of a SubjectPublicKeyInfo. */
	assert_int_equal(key_proof_read(j, pem, &p), 0);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	unsigned char *raw = NULL;
	EVP_PKEY *read = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	int n = i2d_PrivateKey(read, &raw);

	assert_true(n > 0);
	octets = arena_memdup(j->arena, raw, (size_t)n);
	der = span_mem(octets, (size_t)n);
	at = span_find_span(der, 0, span_from(of_mine, of_mine.n - 65));
	assert_true(at < der.n);
	memcpy(octets + at, of_theirs.p + of_theirs.n - 65, 65);
	const unsigned char *q = (const unsigned char *)octets;
	joined = d2i_AutoPrivateKey(NULL, &q, n);
	/* Where OpenSSL takes it, we do not. */
	if (joined != NULL)
		expect_refusal(j, key_proof_read(j, private_pem(j, joined), &p),
		    "not that");
	EVP_PKEY_free(joined);
	EVP_PKEY_free(read);
	OPENSSL_free(raw);
	BIO_free(bio);
	EVP_PKEY_free(mine);
}

/* An RSA key file whose numbers do not belong together. */
static void
test_wrong_rsa(void **state)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
		OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	EVP_PKEY *mine = key_of(KEY_TYPE_RSA), *theirs = EVP_RSA_gen(2048);
	struct job *j = unit_job();
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *joined = NULL;
	BIGNUM *n[COUNT(names)] = { NULL };
	struct key_proof p;
	(void)state;

	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(EVP_PKEY_get_bn_param(
				     i == 0 ? theirs : mine, names[i], &n[i]),
		    1);
		assert_int_equal(OSSL_PARAM_BLD_push_BN(b, names[i], n[i]), 1);
	}
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);

	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &joined, EVP_PKEY_KEYPAIR, params), 1);
	expect_refusal(
	    j, key_proof_read(j, private_pem(j, joined), &p), "not that");
	for (size_t i = 0; i < COUNT(names); i++)
		BN_free(n[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(joined);
	EVP_PKEY_free(theirs);
}

static void
test_request(void **state)
{
	static const struct {
		const char *name;
		bool is_proof;
	} rows[] = {
		{ KEY_PROOF_NAME, true },
		{ KEY_PROOF_NAME " for ca.example", true },
		{ "alice@example.com", false },
		{ "proof of key compromise", false },
		{ KEY_PROOF_NAME "d", false },
		{ "No " KEY_PROOF_NAME, false },
	};
	struct job *j = unit_job();
	struct key_proof p;
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++)
		for (size_t k = 0; k < COUNT(rows); k++) {
			EVP_PKEY *key = key_of(types[i]);
			struct span der = request(j, key, rows[k].name);
			int r = key_proof_read(j, der, &p);

			unit_case("type %d, %s", (int)types[i], rows[k].name);
			if (!rows[k].is_proof) {
				expect_refusal(j, r, "does not say");
				continue;
			}
			assert_int_equal(r, 0);
			expect_key(j, &p, key, "request");
			assert_true(span_eq(p.evidence, der));
			assert_int_equal(
			    key_proof_read(j, request_pem(j, der), &p), 0);
			expect_key(j, &p, key, "request");
			assert_true(span_eq(p.evidence, der));
		}
}

/* By another key; and with two names, of which one says so. */
static void
test_forged_request(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c =
	    lab_csr(j, key_of(KEY_TYPE_P256), "alice@example.com");
	struct span der, name = lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING,
			     SPAN(KEY_PROOF_NAME));
	struct key_proof p;
	char *octets;
	(void)state;

	c.rdns = name;
	der = lab_csr_make(j, &c);
	for (size_t n = 0; n < der.n; n++) {
		assert_int_equal(
		    key_proof_read(j, span_cut(der, 0, n), &p), -1);
		job_recover(j);
	}
	octets = arena_memdup(j->arena, der.p, der.n);
	octets[der.n - 1] ^= 1;
	expect_refusal(j, key_proof_read(j, span_mem(octets, der.n), &p),
	    "does not verify");
	c.spki = lab_spki(j, key_of(KEY_TYPE_RSA));
	assert_int_equal(key_proof_read(j, lab_csr_make(j, &c), &p), -1);
	job_recover(j);
	c.spki = (struct span){ NULL, 0 };
	c.rdns = lab_join(j, name,
	    lab_rdn(j, OID_COMMON_NAME, DER_UTF8_STRING, SPAN("Alice")));
	expect_refusal(
	    j, key_proof_read(j, lab_csr_make(j, &c), &p), "does not say");
	c.rdns = (struct span){ "", 0 };
	expect_refusal(
	    j, key_proof_read(j, lab_csr_make(j, &c), &p), "does not say");
}

static struct span
sign(struct job *j, EVP_PKEY *key, const char *digest, const char *text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *out = arena_alloc(j->arena, 1024);
	size_t n = 1024;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_base_id(key) == EVP_PKEY_ED448)
		digest = NULL;
	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, out, &n,
			     (const unsigned char *)text, strlen(text)),
	    1);
	EVP_MD_CTX_free(ctx);
	return span_mem((const char *)out, n);
}

static void
test_signature(void **state)
{
	struct job *j = unit_job();
	uint8_t hash[SHA256_LEN];
	struct key_proof p;
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		EVP_PKEY *key = key_of(types[i]);
		struct span pem = public_pem(j, key), good;
		const char *text;

		unit_case("type %d", (int)types[i]);
		sha256(lab_spki(j, key), hash);
		text = key_proof_text(j->arena, BASE, hash);
		assert_non_null(strstr(text, BASE));
		assert_non_null(strstr(
		    text, hex_dup(j->arena, span_mem(hash, SHA256_LEN))));
		good = sign(j, key, "SHA256", text);
		assert_int_equal(
		    key_proof_signature(j, pem, BASE, good, &p), 0);
		expect_key(j, &p, key, "signature");
		assert_true(span_eq(p.evidence, good));
		good = sign(
		    j, key, "SHA256", arena_printf(j->arena, "%s\r\n", text));
		assert_int_equal(
		    key_proof_signature(j, pem, BASE, good, &p), 0);
		/* For another CA, and with another text. */
		expect_refusal(j,
		    key_proof_signature(
			j, pem, "https://other.example", good, &p),
		    "no signature");
		expect_refusal(j,
		    key_proof_signature(j, pem, BASE,
			sign(j, key, "SHA256",
			    arena_printf(j->arena, "%s ", text)),
			&p),
		    "no signature");
		/* By another key. */
		expect_refusal(j,
		    key_proof_signature(j, pem, BASE,
			sign(j, key_of(types[(i + 1) % COUNT(types)]), "SHA256",
			    text),
			&p),
		    "no signature");
		expect_refusal(j,
		    key_proof_signature(j, pem, BASE, SPAN(""), &p),
		    "1 to 1024");
		expect_refusal(j,
		    key_proof_signature(j, SPAN("x"), BASE, good, &p),
		    "holds no certificate");
	}
	sha256(lab_spki(j, key_of(KEY_TYPE_RSA)), hash);
	expect_refusal(j,
	    key_proof_signature(j, public_pem(j, key_of(KEY_TYPE_RSA)), BASE,
		sign(j, key_of(KEY_TYPE_RSA), "SHA1",
		    key_proof_text(j->arena, BASE, hash)),
		&p),
	    "no signature");
}

static void
test_size(void **state)
{
	char *big = calloc(1, KEY_PROOF_FILE_MAX + 1);
	struct job *j = unit_job();
	struct key_proof p;
	(void)state;

	big[0] = DER_SEQUENCE;
	expect_refusal(j,
	    key_proof_read(j, span_mem(big, KEY_PROOF_FILE_MAX + 1), &p),
	    "no certificate request");
	expect_refusal(
	    j, key_proof_read(j, SPAN(""), &p), "no certificate request");
	free(big);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_private_key),
	cmocka_unit_test(test_not_a_pair),
	cmocka_unit_test(test_wrong_rsa),
	cmocka_unit_test(test_request),
	cmocka_unit_test(test_forged_request),
	cmocka_unit_test(test_signature),
	cmocka_unit_test(test_size),
};

UNIT_MAIN(tests)
