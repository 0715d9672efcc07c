#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "mail/dkim_key.h"
#include "tests/unit/dkim_lab.h"

/* --- records of an answer (MA-33)
 * ------------------------------------------------ */

static const char *
find(const struct dns_answer *a, struct span *record)
{
	struct finding f = { FINDING_PASS, "found", "" };

	if (dkim_key_find(unit_job(), a, record, &f) < 0) {
		assert_int_equal(f.result, FINDING_SKIP);
		return f.code;
	}
	return "found";
}

static void
test_find(void **state)
{
	static const struct {
		const char *code;
		const char *texts[3];
	} cases[] = {
		{ "found", { "p=x" } },
		{ "found", { "v=DKIM1; p=" } },
		{ "found", { "v=spf1 -all", "v=DKIM1; p=x" } },
		{ "found", { "google-site-verification=abc", " p = x", "" } },
		{ "key.none", { NULL } },
		{ "key.none", { "v=spf1 -all" } },
		{ "key.none", { "" } },
		{ "key.none", { "v=DKIM1; P=x" } },
		{ "key.none", { "v=DKIM1; xp=x; n=p" } },
		{ "key.multiple", { "p=x", "p=x" } },
		/* Broken ones count as well. */
		{ "key.multiple", { "p=x", ";;p=y" } },
		{ "key.multiple", { "p=", "v=DKIM1; p=x", "v=spf1" } },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span rdata[3], record;
		struct dns_answer a = { .rdata = rdata };

		unit_case("%zu", i);
		while (a.count < 3 && cases[i].texts[a.count] != NULL) {
			rdata[a.count] =
			    lab_rdata(j, span_str(cases[i].texts[a.count]));
			a.count++;
		}
		assert_string_equal(find(&a, &record), cases[i].code);
	}
}

/* MA-33: strings are joined without separator; 8 KiB at most. */
static void
test_strings(void **state)
{
	struct job *j = unit_job();
	struct span rdata = SPAN("\x03p=a\x00\x02 b\x01;"), record;
	struct dns_answer a = { .rdata = &rdata, .count = 1 };
	char *text = arena_alloc(j->arena, DKIM_RECORD_MAX + 2);

	(void)state;
	assert_string_equal(find(&a, &record), "found");
	assert_span_equal(record, "p=a b;");
	for (size_t n = 1; n < rdata.n; n++) {
		struct span cut = span_cut(rdata, 0, n);
		struct dns_answer b = { .rdata = &cut, .count = 1 };
		const char *code;

		unit_case("cut at %zu", n);
		code = find(&b, &record);
		assert_true(strcmp(code, "key.syntax") == 0 ||
			    strcmp(code, "found") == 0);
	}
	memset(text, 'x', DKIM_RECORD_MAX + 1);
	memcpy(text, "p=", 2);
	rdata = lab_rdata(j, span_mem(text, DKIM_RECORD_MAX));
	assert_string_equal(find(&a, &record), "found");
	rdata = lab_rdata(j, span_mem(text, DKIM_RECORD_MAX + 1));
	assert_string_equal(find(&a, &record), "key.too-large");
}

/* --- tags (MA-34, MA-36)
 * ----------------------------------------------------------- */

static void
test_tags(void **state)
{
	static const struct {
		const char *before, *after; /* around p= */
		const char *code;
	} cases[] = {
		{ "", "", "good" },
		{ "v=DKIM1;", ";", "good" },
		{ " v = DKIM1 ; ", " ; ", "good" },
		{ "v=DKIM1;k=rsa;", "", "good" },
		{ "g=nobody; x=y;", "", "good" },
		{ "", ";t=q:w", "good" },
		{ "h=sha256;", "", "good" },
		{ "h=sha1:sha256;", "", "good" },
		{ "h=sha256 : sha512 ;", "", "good" },
		{ "s=*;", "", "good" },
		{ "s=email;", "", "good" },
		{ "s=tlsrpt : email;", "", "good" },
		{ "", ";v=DKIM1", "key.version" },
		{ "k=rsa;v=DKIM1;", "", "key.version" },
		{ "v=DKIM2;", "", "key.version" },
		{ "v=dkim1;", "", "key.version" },
		{ "v=;", "", "key.version" },
		{ "k=ed25519;", "", "key.type" },
		{ "k=dsa;", "", "key.type" },
		{ "k=;", "", "key.type" },
		{ "h=sha1;", "", "key.hash" },
		{ "h=;", "", "key.hash" },
		{ "h=sha2567;", "", "key.hash" },
		{ "s=tlsrpt;", "", "key.service" },
		{ "s=;", "", "key.service" },
		{ ";", "", "key.syntax" },
		{ "p=x;", "", "key.syntax" },
		{ "v=DKIM1;;", "", "key.syntax" },
		{ "foo;", "", "key.syntax" },
		{ "", "!", "key.encoding" },
		{ "", "A", "key.encoding" },
		{ "", "=", "key.encoding" },
		{ "", " AAAA", "key.encoding" },
	};
	const char *p = lab_public_key(unit_job(), "rsa2048", false);
	struct dkim_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *record = arena_printf(unit_job()->arena, "%sp=%s%s",
		    cases[i].before, p, cases[i].after);

		unit_case("%zu: %s … %s", i, cases[i].before, cases[i].after);
		assert_string_equal(
		    lab_key_parse(record, DKIM_KEY_RSA, &key), cases[i].code);
	}
	unit_case("only");
	assert_string_equal(
	    lab_key_parse("p=", DKIM_KEY_RSA, &key), "key.revoked");
	assert_string_equal(
	    lab_key_parse("v=DKIM1;p= ;t=s", DKIM_KEY_RSA, &key),
	    "key.revoked");
	assert_string_equal(
	    lab_key_parse("v=DKIM1", DKIM_KEY_RSA, &key), "key.syntax");
	assert_string_equal(
	    lab_key_parse("", DKIM_KEY_RSA, &key), "key.syntax");
}

/* MA-36 */
static void
test_flags(void **state)
{
	static const struct {
		const char *t;
		bool is_testing, is_strict;
	} cases[] = {
		{ "y", true, false },
		{ "s", false, true },
		{ "y:s", true, true },
		{ " s : y ", true, true },
		{ "x:ys", false, false },
		{ "Y", false, false },
		{ "", false, false },
	};
	struct dkim_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("t=%s", cases[i].t);
		assert_string_equal(
		    lab_key_parse(
			arena_printf(unit_job()->arena, "%s; t=%s",
			    lab_record(unit_job(), "rsa2048"), cases[i].t),
			DKIM_KEY_RSA, &key),
		    "good");
		assert_int_equal(key.is_testing, cases[i].is_testing);
		assert_int_equal(key.is_strict, cases[i].is_strict);
	}
}

/* --- RSA keys (MA-35)
 * -------------------------------------------------------------- */

static void
bn_release(void *bn)
{
	BN_free(bn);
}

/* The DER of an RSA public key of n, e: SubjectPublicKeyInfo or PKCS#1. */
static struct span
rsa_der(bool is_even, size_t bits, unsigned long long e, bool pkcs1)
{
	struct job *j = unit_job();
	BIGNUM *n = arena_own(j->arena, BN_new(), bn_release);
	BIGNUM *exponent = arena_own(j->arena, BN_new(), bn_release);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;
	unsigned char *der = NULL;
	struct span out;
	int len;

	assert_true(BN_set_bit(n, (int)bits - 1) && BN_set_bit(n, 7));
	assert_true(BN_add_word(n, is_even ? 0 : 1));
	assert_true(BN_set_word(exponent, e));
	assert_true(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n));
	assert_true(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, exponent));
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	len = pkcs1 ? i2d_PublicKey(pkey, &der) : i2d_PUBKEY(pkey, &der);
	assert_true(len > 0);
	out = span_mem(arena_memdup(j->arena, der, (size_t)len), (size_t)len);
	OPENSSL_free(der);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return out;
}

static const char *
parse_der(struct span der, enum dkim_key_type want, struct dkim_key *key)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 8192);
	buf_add_str(&b, want == DKIM_KEY_RSA ? "p=" : "k=ed25519;p=");
	b64_add(&b, der);
	assert_true(buf_ok(&b));
	return lab_key_parse(b.p, want, key);
}

static void
test_rsa_sizes(void **state)
{
	static const struct {
		size_t bits;
		unsigned long long e;
		const char *code;
	} cases[] = {
		{ 512, 65537, "key.too-small" },
		{ 768, 65537, "key.too-small" },
		{ 1023, 65537, "key.too-small" },
		{ 1024, 65537, "good" },
		{ 1025, 65537, "good" },
		{ 2048, 3, "good" },
		{ 2048, 0xffffffffffffffffULL, "good" },
		{ 4096, 65537, "good" },
		{ 8192, 65537, "good" },
		{ 8193, 65537, "key.too-large" },
		{ 16384, 65537, "key.too-large" },
		{ 2048, 1, "key.encoding" },
		{ 2048, 65536, "key.encoding" },
		{ 2048, 0, "key.encoding" },
	};
	struct dkim_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int pkcs1 = 0; pkcs1 < 2; pkcs1++) {
			unit_case("%zu bits, e %llu, PKCS#1 %d", cases[i].bits,
			    cases[i].e, pkcs1);
			assert_string_equal(
			    parse_der(rsa_der(false, cases[i].bits, cases[i].e,
					  pkcs1),
				DKIM_KEY_RSA, &key),
			    cases[i].code);
			if (strcmp(cases[i].code, "good") == 0) {
				assert_int_equal(key.bits, cases[i].bits);
				assert_int_equal(
				    key.signature_len, (cases[i].bits + 7) / 8);
			}
		}
	}
	unit_case("an even modulus");
	assert_string_equal(
	    parse_der(rsa_der(true, 2048, 65537, false), DKIM_KEY_RSA, &key),
	    "key.encoding");
}

/* MA-35: consumed to the last byte, at each level. */
static void
test_rsa_whole(void **state)
{
	struct job *j = unit_job();
	struct span good = rsa_der(false, 2048, 65537, false);
	char *der = arena_alloc(j->arena, good.n + 2);
	struct dkim_key key;

	(void)state;
	memcpy(der, good.p, good.n);
	unit_case("an octet behind");
	assert_string_equal(
	    parse_der(span_mem(der, good.n + 1), DKIM_KEY_RSA, &key),
	    "key.encoding");
	/* Every outer length one more, so that the octet lies inside the BIT
	 * STRING behind the RSAPublicKey: 30 82 LL LL … 03 82 LL LL 00. */
	unit_case("an octet inside the BIT STRING");
	der[3]++;
	assert_int_equal(der[19], 0x03);
	der[22]++;
	assert_string_equal(
	    parse_der(span_mem(der, good.n + 1), DKIM_KEY_RSA, &key),
	    "key.encoding");
	for (size_t n = 1; n < good.n; n++) {
		unit_case("cut at %zu", n);
		assert_string_equal(
		    parse_der(span_cut(good, 0, n), DKIM_KEY_RSA, &key),
		    "key.encoding");
	}
}

static EVP_PKEY *
make_key(const char *type)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	if (strcmp(type, "EC") == 0)
		assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, "P-256"), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* Keys of other kinds in an RSA record. */
static void
test_other_keys(void **state)
{
	static const char *const names[] = { "EC", "ED25519", "RSA-PSS" };
	struct dkim_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		EVP_PKEY *pkey = make_key(names[i]);
		unsigned char *der = NULL;
		int len;

		unit_case("%s", names[i]);
		len = i2d_PUBKEY(pkey, &der);
		assert_string_equal(
		    parse_der(span_mem(der, (size_t)len), DKIM_KEY_RSA, &key),
		    "key.encoding");
		OPENSSL_free(der);
		EVP_PKEY_free(pkey);
	}
}

/* --- Ed25519 keys (MA-35)
 * ------------------------------------------------------------ */

static void
test_ed25519(void **state)
{
	static const struct {
		const char *code;
		size_t n;
		uint8_t first, fill, last;
	} cases[] = {
		{ "key.encoding", 0, 0, 0, 0 }, { "key.encoding", 31, 5, 5, 5 },
		{ "key.encoding", 33, 5, 5, 5 },
		{ "key.encoding", 44, 5, 5, 5 },
		/* y = 0, 1, -1 with both signs, and spelt unreduced */
		{ "key.encoding", 32, 0, 0, 0 },
		{ "key.encoding", 32, 0, 0, 0x80 },
		{ "key.encoding", 32, 1, 0, 0 },
		{ "key.encoding", 32, 1, 0, 0x80 },
		{ "key.encoding", 32, 0xec, 0xff, 0x7f },
		{ "key.encoding", 32, 0xec, 0xff, 0xff },
		{ "key.encoding", 32, 0xed, 0xff, 0x7f },
		{ "key.encoding", 32, 0xee, 0xff, 0xff },
		{ "key.encoding", 32, 0xff, 0xff, 0x7f },
		{ "good", 32, 0x58, 0x66, 0x66 }, /* the base point */
	};
	struct dkim_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t raw[64];

		unit_case("%zu", i);
		memset(raw, cases[i].fill, sizeof(raw));
		raw[0] = cases[i].first;
		if (cases[i].n > 0)
			raw[cases[i].n - 1] = cases[i].last;
		assert_string_equal(parse_der(span_mem(raw, cases[i].n),
					DKIM_KEY_ED25519, &key),
		    cases[i].n == 0 ? "key.revoked" : cases[i].code);
	}
	unit_case("its record");
	assert_string_equal(lab_key_parse(lab_record(unit_job(), "ed25519"),
				DKIM_KEY_ED25519, &key),
	    "good");
	assert_int_equal(key.signature_len, 64);
	assert_string_equal(lab_key_parse(lab_record(unit_job(), "ed25519"),
				DKIM_KEY_RSA, &key),
	    "key.type");
	assert_string_equal(
	    lab_key_parse(arena_printf(unit_job()->arena, "p=%s",
			      lab_public_key(unit_job(), "ed25519", false)),
		DKIM_KEY_ED25519, &key),
	    "key.type");
	assert_string_equal(
	    lab_key_parse(arena_printf(unit_job()->arena, "k=ed25519; p=%s",
			      lab_public_key(unit_job(), "rsa2048", false)),
		DKIM_KEY_ED25519, &key),
	    "key.encoding");
}

/*
 * What is refused is what OpenSSL finds to be of small order: with such a
 * key A and S = 0, R = identity, a signature holds for many messages.  Each
 * point of order 8 is refused with both signs.
 */
static void
test_ed25519_order_eight(void **state)
{
	static const uint8_t points[2][32] = {
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3,
		    0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05,
		    0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
		    0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c,
		    0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa,
		    0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
		    0x03, 0x7a },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint8_t raw[32], signature[64] = { 1 }; /* R = identity */
		EVP_PKEY *pkey;
		struct dkim_key key;
		int holds = 0;

		unit_case("%zu", i);
		memcpy(raw, points[i / 2], 32);
		raw[31] |= i % 2 == 0 ? 0 : 0x80;
		assert_string_equal(
		    parse_der(span_mem(raw, 32), DKIM_KEY_ED25519, &key),
		    "key.encoding");
		/* The trap is real: about one message in eight verifies. */
		pkey = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, raw, 32);
		assert_non_null(pkey);
		for (unsigned char text = 0; text < 100; text++) {
			EVP_MD_CTX *ctx = EVP_MD_CTX_new();

			EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey);
			holds +=
			    EVP_DigestVerify(ctx, signature, 64, &text, 1) == 1;
			EVP_MD_CTX_free(ctx);
		}
		assert_true(holds > 0);
		EVP_PKEY_free(pkey);
	}
}

/* --- signatures (MA-27)
 * --------------------------------------------------------------- */

static void
test_verify(void **state)
{
	static const char *const keys[] = { "rsa1024", "rsa2048", "rsa4096",
		"ed25519" };
	uint8_t hash[32], value[512];

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct dkim_key key;

		unit_case("%s", keys[i]);
		assert_string_equal(
		    lab_key_parse(lab_record(unit_job(), keys[i]),
			i == 3 ? DKIM_KEY_ED25519 : DKIM_KEY_RSA, &key),
		    "good");
		/* Anything of the right length is bad, never a fault. */
		for (unsigned fill = 0; fill < 256; fill += 51) {
			memset(hash, (int)fill, sizeof(hash));
			memset(value, (int)fill, sizeof(value));
			assert_int_equal(
			    dkim_key_verify(
				&key, hash, span_mem(value, key.signature_len)),
			    DKIM_KEY_BAD);
		}
	}
}

/* Each record cut at each length. */
static void
test_cut(void **state)
{
	const char *record = lab_record(unit_job(), "ed25519");

	(void)state;
	for (size_t n = 0; n < strlen(record); n++) {
		char *copy = xmalloc(n == 0 ? 1 : n);
		struct dkim_key key;
		struct finding f;

		unit_case("cut at %zu", n);
		memcpy(copy, record, n);
		assert_int_equal(dkim_key_parse(unit_job(), span_mem(copy, n),
				     DKIM_KEY_ED25519, &key, &f),
		    -1);
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_find),
	cmocka_unit_test(test_strings),
	cmocka_unit_test(test_tags),
	cmocka_unit_test(test_flags),
	cmocka_unit_test(test_rsa_sizes),
	cmocka_unit_test(test_rsa_whole),
	cmocka_unit_test(test_other_keys),
	cmocka_unit_test(test_ed25519),
	cmocka_unit_test(test_ed25519_order_eight),
	cmocka_unit_test(test_verify),
	cmocka_unit_test(test_cut),
};
UNIT_MAIN(tests)
