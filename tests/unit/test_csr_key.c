/*
 * Certificate requests: the key in one, and that it has signed it (PK-57,
 * PK-68 to PK-73, AC-133, AC-134).
 */
#include "config.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "pki/csr.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "tests/unit/csr_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

/* Each key type signs its own request (PK-57, PK-68). */
static void
test_signatures(void **state)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512" };
	static const enum key_type types[] = { KEY_TYPE_P256, KEY_TYPE_P384,
		KEY_TYPE_P521, KEY_TYPE_RSA };
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	(void)state;

	for (size_t t = 0; t < COUNT(types); t++) {
		for (size_t d = 0; d < COUNT(digests); d++) {
			unit_case("%s %s", key_type_name(types[t]), digests[d]);
			c.key = lab_key(types[t], 2048);
			c.digest = digests[d];
			csr_lab_accepts(j, &c);
		}
	}
	c.key = lab_key(KEY_TYPE_ED25519, 0);
	c.key_usage = 1;
	unit_case("Ed25519");
	csr_lab_accepts(j, &c);
	unit_case("Ed448");
	c.key = lab_key(KEY_TYPE_ED448, 0);
	csr_lab_accepts(j, &c);
	unit_case("one's AlgorithmIdentifier for the other");
	c.algorithm = lab_hex(j, "300506032b6570");
	csr_lab_refuses(j, &c, "signature algorithm is not supported");
}

/* PK-70: what the profile says of exponents is what the request is held to. */
static void
test_exponent(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct profile any = *csr_lab_policy.profile;
	struct csr_policy wide = csr_lab_policy;
	struct csr out;
	BIGNUM *e = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	(void)state;

	assert_true(BN_dec2bn(&e, "65539") > 0);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	BN_free(e);
	c.key = key;
	csr_lab_refuses(
	    j, &c, "subject key refused: the RSA exponent must be 65537");
	any.any_rsa_exponent = true;
	wide.profile = &any;
	if (csr_parse(j, lab_csr_make(j, &c), &wide, &out) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(out.key_kind, KEY_KIND_RSA_2048);
	EVP_PKEY_free(key);
}

/* PK-57: PSS with SHA-2, the same hash for MGF1; a salt of any length, but
 * DER does not write the default (PK-56). */
static void
test_pss(void **state)
{
	static const struct {
		const char *digest, *parameters, *refusal;
		int salt; /* 0: as long as the hash */
	} cases[] = {
		{ "SHA256",
		    "3041 0609 2a864886f70d01010a 3034"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040201 0500"
		    "a203 020120",
		    NULL, 0 },
		{ "SHA512",
		    "3041 0609 2a864886f70d01010a 3034"
		    "a00f 300d 0609 608648016503040203 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040203 0500"
		    "a203 020140",
		    NULL, 0 },
		/* as much as a key of 2048 bits has room for: openssl req */
		{ "SHA256",
		    "3042 0609 2a864886f70d01010a 3035"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040201 0500"
		    "a204 020200de",
		    NULL, 222 },
		{ "SHA256", /* the default */
		    "303c 0609 2a864886f70d01010a 302f"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040201 0500",
		    NULL, 20 },
		{ "SHA256", /* the default, written */
		    "3041 0609 2a864886f70d01010a 3034"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040201 0500"
		    "a203 020114",
		    "is not supported", 20 },
		{ "SHA256", /* a salt below nothing */
		    "3041 0609 2a864886f70d01010a 3034"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040201 0500"
		    "a203 0201e0",
		    "is not supported", 0 },
		{ "SHA256", /* MGF1 with another hash */
		    "3041 0609 2a864886f70d01010a 3034"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040202 0500"
		    "a203 020120",
		    "is not supported", 0 },
		{ "SHA256", "300d 0609 2a864886f70d01010a 3000",
		    "is not supported", 0 }, /* the defaults: SHA-1 */
		{ "SHA256",                  /* another salt than signed */
		    "3041 0609 2a864886f70d01010a 3034"
		    "a00f 300d 0609 608648016503040201 0500"
		    "a11c 301a 0609 2a864886f70d010108"
		    "300d 0609 608648016503040201 0500"
		    "a203 02011f",
		    "does not verify", 0 },
	};
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	(void)state;

	c.key = lab_key(KEY_TYPE_RSA, 2048);
	c.pss = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		c.digest = cases[i].digest;
		c.pss_salt = cases[i].salt;
		c.algorithm = lab_hex(j, cases[i].parameters);
		if (cases[i].refusal == NULL)
			csr_lab_accepts(j, &c);
		else
			csr_lab_refuses(j, &c, cases[i].refusal);
	}
}

/* PK-72, PK-73: a refusal tells apart whose private key everybody can compute;
 * before the signature, which nobody needs then. */
static void
test_compromised(void **state)
{
	char line[2048], name[64], said[64], hex[1536];
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	FILE *f = fopen(CS_TEST_DATA "/rsa-moduli.txt", "r");
	size_t seen = 0;
	struct csr out;
	(void)state;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct span bits;

		if (line[0] == '#' ||
		    sscanf(line, "%63s %63s %1535s", name, said, hex) != 3)
			continue;
		unit_case("%s", name);
		bits = lab_der(j, 0x30,
		    lab_hex(j,
			arena_printf(j->arena, "0282010100%s0203010001", hex)));
		c.spki = lab_der(j, 0x30,
		    lab_join(j, lab_hex(j, "300d06092a864886f70d0101010500"),
			lab_der(j, 0x03, lab_join(j, SPAN("\0"), bits))));
		assert_int_equal(
		    csr_parse(j, lab_csr_make(j, &c), &csr_lab_policy, &out),
		    -1);
		job_recover(j);
		assert_int_equal(out.key_is_compromised,
		    strcmp(said, "-") != 0 && strcmp(said, "even") != 0);
		assert_true(span_eq(out.spki, c.spki));
		seen += out.key_is_compromised;
	}
	fclose(f);
	assert_int_equal(seen, 19);
	c.spki = SPAN("");
	c.spki.p = NULL;
	assert_int_equal(
	    csr_parse(j, lab_csr_make(j, &c), &csr_lab_policy, &out), 0);
	assert_false(out.key_is_compromised);
}

/* PK-57, AC-133 */
static void
test_bad_signatures(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct csr out;
	(void)state;

	unit_case("another key's signature");
	c.spki = lab_spki(j, lab_key(KEY_TYPE_P384, 0));
	csr_lab_refuses(j, &c, "does not verify");
	c.spki.p = NULL;

	unit_case("ecdsa-with-SHA1");
	c.digest = "SHA1";
	c.algorithm = lab_hex(j, "300906072a8648ce3d0401");
	csr_lab_refuses(j, &c, "weak algorithm");
	unit_case("sha1WithRSAEncryption");
	c.key = lab_key(KEY_TYPE_RSA, 2048);
	c.algorithm = lab_hex(j, "300d06092a864886f70d0101050500");
	csr_lab_refuses(j, &c, "weak algorithm");
	unit_case("md5WithRSAEncryption");
	c.digest = "MD5";
	c.algorithm = lab_hex(j, "300d06092a864886f70d0101040500");
	csr_lab_refuses(j, &c, "weak algorithm");
	unit_case("RSA's algorithm at an EC key");
	c = csr_lab_good(j);
	c.algorithm = lab_hex(j, "300d06092a864886f70d01010b0500");
	csr_lab_refuses(j, &c, "not supported");

	unit_case("each bit of the signature");
	c = csr_lab_good(j);
	struct span der = lab_csr_make(j, &c);
	for (size_t bit = 0; bit < 64 * 8; bit++) {
		char *copy = arena_memdup(j->arena, der.p, der.n);
		copy[der.n - 1 - bit / 8] ^= (char)(1u << bit % 8);
		assert_int_equal(
		    csr_parse(j, span_mem(copy, der.n), &csr_lab_policy, &out),
		    -1);
		assert_int_equal(j->err.kind, ERR_BAD_CSR);
		job_recover(j);
	}
}

/* AC-134, PK-69: other spellings of good keys, and bad keys. */
static void
test_keys(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct span rsa = lab_spki(j, lab_key(KEY_TYPE_RSA, 2048));
	struct span ec = lab_spki(j, c.key);
	struct span body = span_from(rsa, 4);
	char *off = arena_memdup(j->arena, ec.p, ec.n);
	(void)state;

	off[ec.n - 1] ^= 1;
	char *infinity = arena_memdup(j->arena, ec.p, ec.n);
	memset(infinity + ec.n - 64, 0, 64);
	const struct {
		const char *what;
		struct span spki;
		const char *refusal;
	} cases[] = {
		{ "rsaEncryption without parameters",
		    lab_der(j, DER_SEQUENCE,
			lab_join(j, lab_hex(j, "300b06092a864886f70d010101"),
			    span_from(body, 15))),
		    "subject key refused: the key must be" },
		{ "id-RSASSA-PSS key",
		    lab_der(j, DER_SEQUENCE,
			lab_join(j, lab_hex(j, "300b06092a864886f70d01010a"),
			    span_from(body, 15))),
		    "subject key refused: the key must be" },
		{ "compressed point",
		    lab_der(j, DER_SEQUENCE,
			lab_join(j,
			    lab_hex(j, "301306072a8648ce3d020106082a8648ce3d03"
				       "0107"),
			    lab_der(j, DER_BIT_STRING,
				lab_join(j, span_mem("\0\2", 2),
				    span_cut(ec, ec.n - 64, ec.n - 32))))),
		    "uncompressed" },
		{ "secp256k1",
		    lab_der(j, DER_SEQUENCE,
			lab_join(j,
			    lab_hex(j, "301006072a8648ce3d020106052b81"
				       "04000a"),
			    span_from(ec, ec.n - 68))),
		    "subject key refused: the key must be" },
		{ "off the curve", span_mem(off, ec.n), "point is not valid" },
		{ "zeros", span_mem(infinity, ec.n), "point is not valid" },
		{ "infinity",
		    lab_der(j, DER_SEQUENCE,
			lab_join(j,
			    lab_hex(j, "301306072a8648ce3d020106082a8648ce3d03"
				       "0107"),
			    lab_hex(j, "0303000000"))),
		    "uncompressed" },
		{ "X25519",
		    lab_hex(j, "302a300506032b656e032100"
			       "85c9f4d4a7ad0cf1b6b4a0f0e1f2a3b4"
			       "c5d6e7f8091a2b3c4d5e6f7081920304"),
		    "subject key refused: the key must be" },
		{ "P-256 as P-384's algorithm",
		    lab_der(j, DER_SEQUENCE,
			lab_join(j,
			    lab_hex(j, "301006072a8648ce3d020106052b81"
				       "040022"),
			    span_from(ec, ec.n - 68))),
		    "uncompressed" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].what);
		c.spki = cases[i].spki;
		csr_lab_refuses(j, &c, cases[i].refusal);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_signatures),
	cmocka_unit_test(test_exponent),
	cmocka_unit_test(test_pss),
	cmocka_unit_test(test_compromised),
	cmocka_unit_test(test_bad_signatures),
	cmocka_unit_test(test_keys),
};

UNIT_MAIN(tests)
