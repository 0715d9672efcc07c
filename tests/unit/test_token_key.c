/*
 * Keys in SoftHSM.  Skipped where it is not installed.
 */
#include "config.h"

#include "pki/token_key.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/cryptoki.h"
#include "pki/ossl.h"
#include "pki/signer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

/* --- formats ------------------------------------------------------------- */

/* PK-197 */
static void
test_ecdsa_der(void **state)
{
	static const struct {
		const char *halves, *der;
	} rows[] = {
		{ "0102", "3006020101020102" },
		{ "7f7f", "300602017f02017f" },
		{ "8001", "30070202008002 0101" },
		{ "00010002", "3006020101020102" },
		{ "00800001", "300702020080020101" },
		{ "0000ff00007f", "3007020200ff02017f" },
		{ "ffffffff", "300a020300ffff020300ffff" },
		{ "", NULL },
		{ "010203", NULL },
		{ "0001", NULL },
		{ "0100", NULL },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		unit_case("%s", rows[i].halves);
		buf_init(&b, j->arena, 64);
		assert_int_equal(
		    token_key_ecdsa_der(lab_hex(j, rows[i].halves), &b),
		    rows[i].der == NULL ? -1 : 0);
		if (rows[i].der != NULL)
			assert_true(
			    span_eq(buf_span(&b), lab_hex(j, rows[i].der)));
	}
}

/* PK-197: the prefixes of RFC 8017, 9.2, note 1. */
static void
test_digest_info(void **state)
{
	static const struct {
		const char *digest, *prefix;
		size_t n;
	} rows[] = {
		{ "SHA256", "3031300d060960864801650304020105000420", 32 },
		{ "SHA384", "3041300d060960864801650304020205000430", 48 },
		{ "SHA512", "3051300d060960864801650304020305000440", 64 },
	};
	struct job *j = lab_job();
	struct buf b;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span hash =
		    span_mem(arena_calloc(j->arena, 1, rows[i].n), rows[i].n);

		unit_case("%s", rows[i].digest);
		buf_init(&b, j->arena, 256);
		assert_int_equal(
		    token_key_digest_info(rows[i].digest, hash, &b), 0);
		assert_true(span_eq(buf_span(&b),
		    lab_join(j, lab_hex(j, rows[i].prefix), hash)));
	}
	buf_init(&b, j->arena, 256);
	assert_int_equal(token_key_digest_info("SHA1", SPAN("x"), &b), -1);
}

/* --- signatures ---------------------------------------------------------- */

static bool
verifies(struct job *j, EVP_PKEY *key, const struct sig_alg *alg,
    struct span message, const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());

	return EVP_DigestVerifyInit_ex(
		   ctx, NULL, alg->digest, NULL, NULL, key, NULL) == 1 &&
	       EVP_DigestVerify(
		   ctx, signature, n, ossl_bytes(message), message.n) == 1;
}

/* PK-196, PK-197: each type; EC until r or s had a leading zero octet (its
 * INTEGER is shorter then). */
static void
test_signs(void **state)
{
	static const struct {
		const char *label, *id;
		size_t half;
	} rows[] = { { "p256", "01", 32 }, { "p384", "02", 48 },
		{ "rsa2048", "03", 0 }, { "rsa4096", "04", 0 } };
	struct job *j = lab_job();
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct token_place place =
		    token_lab_place(rows[i].label, rows[i].id);
		EVP_PKEY *key = token_lab_public_key(j, rows[i].label);
		const struct sig_alg *alg = sig_alg_for(key, CA_ROLE_ISSUING);
		const struct signing_key *k;
		unsigned char out[SIGNATURE_MAX];
		bool was_short = rows[i].half == 0;
		size_t n, rounds = 0;

		unit_case("%s", rows[i].label);
		if (token_key_open(j, j->arena, &place, key, &k) < 0)
			fail_msg("%s", j->err.text);
		do {
			struct span m =
			    span_str(arena_printf(j->arena, "%zu", rounds));
			assert_int_equal(
			    signing_key_use(j, k, alg, m, out, &n), 0);
			assert_true(verifies(j, key, alg, m, out, n));
			/* tag, length, tag, length of r */
			if (rows[i].half > 0 &&
			    (out[3] < rows[i].half ||
				out[5 + out[3]] < rows[i].half))
				was_short = true;
		} while (++rounds < 20 || (!was_short && rounds < 20000));
		assert_true(was_short);
	}
}

/* PK-196, PK-198, PK-199: what is refused at the start, in which mode. */
static void
test_refusals(void **state)
{
	static const struct {
		const char *label, *id, *key;
		const char *private_text, *public_text;
	} rows[] = {
		{ "pure", "10", "pure", NULL, "SoftHSM" },
		{ "absent", "01", "p256", "no private key", "no private key" },
		{ "p256", "02", "p256", "no private key", "no private key" },
		{ "twice", "05", "p256", "more than one private",
		    "more than one private" },
		{ "p256", "01", "pure", "is not the key of",
		    "is not the key of" },
		{ "rsa2048", "03", "rsa4096", "is not the key of",
		    "is not the key of" },
		/* PK-198 */
		{ "leaves", "11", "leaves", NULL,
		    "CKA_NEVER_EXTRACTABLE of key leaves must be true" },
		{ "decrypts", "12", "decrypts", NULL,
		    "CKA_DECRYPT of key decrypts must be false" },
		{ "unwraps", "13", "unwraps", NULL,
		    "CKA_UNWRAP of key unwraps must be false" },
		{ "derives", "14", "derives", NULL,
		    "CKA_DERIVE of key derives must be false" },
		{ "plain", "15", "plain", NULL,
		    "CKA_SENSITIVE of key plain must be true" },
		{ "open", "16", "open", NULL,
		    "CKA_PRIVATE of key open must be true" },
		{ "mute", "17", "mute", "CKA_SIGN of key mute must be true",
		    "CKA_SIGN of key mute must be true" },
		{ "p256", "zz", "p256", "must be hexadecimal",
		    "must be hexadecimal" },
	};
	struct job *j = lab_job();
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		bool is_public = i % 2 == 1;
		struct token_place place =
		    token_lab_place(rows[i / 2].label, rows[i / 2].id);
		const char *text = is_public ? rows[i / 2].public_text
					     : rows[i / 2].private_text;
		EVP_PKEY *key = token_lab_public_key(j, rows[i / 2].key);
		const struct signing_key *k;

		unit_case("%zu", i);
		place.is_public = is_public;
		int result = token_key_open(j, j->arena, &place, key, &k);
		if (text == NULL) {
			assert_int_equal(result, 0);
			continue;
		}
		assert_int_equal(result, -1);
		assert_non_null(strstr(j->err.text, text));
		job_recover(j);
	}
}

/* PK-199: the PIN's file. */
static void
test_pin_file(void **state)
{
	static const struct {
		mode_t mode;
		const char *text;
	} rows[] = { { 0440, "can read" }, { 0600, "chmod it to 0400" },
		{ 0404, "can read" } };
	struct job *j = lab_job();
	struct token_place place = token_lab_place("p256", "01");
	const struct signing_key *k;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = token_lab_public_key(j, "p256");
	place.pin_file = token_lab_path("pin-open");
	for (size_t i = 0; i < COUNT(rows); i++) {
		token_lab_write("pin-open", rows[i].mode, TOKEN_PIN);
		assert_int_equal(
		    token_key_open(j, j->arena, &place, key, &k), -1);
		assert_non_null(strstr(j->err.text, rows[i].text));
		job_recover(j);
	}
}

/* PK-200: the token goes away and comes back. */
static void
test_lost(void **state)
{
	struct job *j = lab_job();
	struct token_place place = token_lab_place("p256", "01");
	const struct signing_key *k;
	unsigned char out[SIGNATURE_MAX];
	struct span m = SPAN("message");
	static const int64_t pauses[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	size_t n;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = token_lab_public_key(j, "p256");
	const struct sig_alg *alg = sig_alg_for(key, CA_ROLE_ISSUING);
	assert_int_equal(token_key_open(j, j->arena, &place, key, &k), 0);
	assert_int_equal(signing_key_use(j, k, alg, m, out, &n), 0);
	assert_int_equal(
	    rename(token_lab_path("tokens"), token_lab_path("away")), 0);
	assert_int_equal(mkdir(token_lab_path("tokens"), 0700), 0);
	token_lab_end_sessions();
	for (size_t i = 0; i < COUNT(pauses); i++) {
		unit_case("pause %zu", i);
		assert_int_equal(signing_key_use(j, k, alg, m, out, &n), -1);
		assert_int_equal(j->err.kind, ERR_BUSY);
		job_recover(j);
		j->now += pauses[i] - 1;
		assert_int_equal(rmdir(token_lab_path("tokens")), 0);
		assert_int_equal(
		    rename(token_lab_path("away"), token_lab_path("tokens")),
		    0);
		assert_int_equal(k->ready(j, k->context), -1);
		job_recover(j);
		assert_int_equal(
		    rename(token_lab_path("tokens"), token_lab_path("away")),
		    0);
		assert_int_equal(mkdir(token_lab_path("tokens"), 0700), 0);
		j->now += 1;
	}
	assert_int_equal(rmdir(token_lab_path("tokens")), 0);
	assert_int_equal(
	    rename(token_lab_path("away"), token_lab_path("tokens")), 0);
	j->now -= 7200; /* set back: no longer than the pause */
	assert_int_equal(k->ready(j, k->context), 0);
	assert_int_equal(signing_key_use(j, k, alg, m, out, &n), 0);
	assert_true(verifies(j, key, alg, m, out, n));
}

/* PK-199: a wrong PIN is tried once; the next start finds the token's
 * mark and does not try at all.  Last, since the token remembers. */
static void
test_wrong_pin(void **state)
{
	struct job *j = lab_job();
	struct token_place place = token_lab_place("p256", "01");
	const struct signing_key *k;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = token_lab_public_key(j, "p256");
	token_lab_write("pin-wrong", 0400, "not-the-pin");
	place.pin_file = token_lab_path("pin-wrong");
	assert_int_equal(token_key_open(j, j->arena, &place, key, &k), -1);
	assert_non_null(strstr(j->err.text, "CKR_PIN_INCORRECT"));
	assert_int_equal(j->err.kind, ERR_REFUSED);
	job_recover(j);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    token_key_open(j, j->arena, &place, key, &k), -1);
		assert_non_null(
		    strstr(j->err.text, "a wrong PIN was tried before"));
		job_recover(j);
	}
}

/* PK-207: of its two objects neither is left, and no other key is touched. */
static void
test_destroyed(void **state)
{
	struct token_place place = token_lab_place("p384", "02");
	struct token_place other = token_lab_place("p256", "01");
	struct cryptoki *c = NULL;
	struct job *j = lab_job();
	bool was_gone = false;
	EVP_PKEY *key;

	(void)state;
	NEEDS_TOKEN;
	key = token_lab_public_key(j, "p384");
	assert_int_equal(cryptoki_new(j, j->arena, &place, &c), 0);
	assert_int_equal(cryptoki_connect(j, c, key), 0);
	assert_int_equal(cryptoki_destroy(j, c, &was_gone), 0);
	assert_false(was_gone);
	cryptoki_leave(c);
	assert_int_equal(cryptoki_connect(j, c, key), -1);
	assert_job_error(j, ERR_BUSY,
	    "token ca: no private key has label p384 and id 02 (PK-196)");
	job_recover(j);
	/* Once more, after a crash before the record. */
	cryptoki_may_be_gone(c);
	assert_int_equal(cryptoki_connect(j, c, key), 0);
	assert_int_equal(cryptoki_destroy(j, c, &was_gone), 0);
	assert_true(was_gone);
	cryptoki_leave(c);
	assert_int_equal(cryptoki_new(j, j->arena, &other, &c), 0);
	assert_int_equal(
	    cryptoki_connect(j, c, token_lab_public_key(j, "p256")), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_ecdsa_der),
	cmocka_unit_test(test_digest_info),
	cmocka_unit_test(test_signs),
	cmocka_unit_test(test_refusals),
	cmocka_unit_test(test_pin_file),
	cmocka_unit_test(test_lost),
	/* The last two spoil the token. */
	cmocka_unit_test(test_destroyed),
	cmocka_unit_test(test_wrong_pin),
};

int
main(void)
{
	token_lab_start();
	return unit_run(tests, COUNT(tests));
}
