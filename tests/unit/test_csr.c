/*
 * Certificate requests: their form, key usage, extensions and attributes (PK-56
 * to PK-65, 7.2, PK-82; AC-131 to AC-139, ER-2).
 */
#include "config.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "pki/csr.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "tests/unit/csr_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

/* OpenSSL reads the same and writes the same (PK-56). */
static void
assert_openssl_agrees(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.n);
	unsigned char *out = NULL;

	assert_non_null(req);
	assert_ptr_equal(p, (const unsigned char *)der.p + der.n);
	assert_true(i2d_re_X509_REQ_tbs(req, &out) > 0);
	OPENSSL_free(out);
	out = NULL;
	int n = i2d_X509_REQ(req, &out);
	assert_int_equal(n, der.n);
	assert_memory_equal(out, der.p, der.n);
	OPENSSL_free(out);
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	X509_REQ_free(req);
}

/* finalize_csr: those that differ in what only acme/ can see (the key is an
 * account's) are good here; so are the two that are not base64url, refused
 * before. */
static void
test_vectors(void **state)
{
	struct job *j = unit_job();
	json_t *cases = vectors_at("finalize_csr/cases");
	json_t *c;
	size_t i;
	size_t seen = 0;
	(void)state;

	json_array_foreach (cases, i, c) {
		const char *name = vectors_str(c, "name");
		json_t *expect = vectors_get(c, "expect");
		struct span der;
		struct csr out;
		bool good_here =
		    json_integer_value(vectors_get(expect, "status")) == 200 ||
		    strstr(name, "key-reused") != NULL;

		unit_case("%s", name);
		seen++;
		if (b64url_parse(j->arena, span_str(vectors_str(c, "csr_b64u")),
			&der) < 0) {
			assert_string_equal(
			    vectors_str(expect, "type"), "malformed");
			continue;
		}
		int r = csr_parse(j, der, &csr_lab_policy, &out);
		if (good_here && r < 0)
			fail_msg("%s", j->err.text);
		if (!good_here)
			assert_job_error(j, ERR_BAD_CSR, NULL);
		job_recover(j);
		if (r < 0)
			continue;
		assert_openssl_agrees(der);
		const char *usage =
		    json_string_value(vectors_get(expect, "usage"));
		if (usage == NULL)
			continue;
		assert_int_equal(out.class,
		    strcmp(usage, "sign") == 0      ? KEY_CLASS_SIGNING
		    : strcmp(usage, "encrypt") == 0 ? KEY_CLASS_ENCRYPTION
						    : KEY_CLASS_DUAL);
	}
	assert_int_equal(seen, 23);
}

/* AC-135: the thumbprint is the account key's where the CSR has that key. */
static void
test_thumbprint(void **state)
{
	struct job *j = unit_job();
	json_t *cases = vectors_at("finalize_csr/cases");
	json_t *reused = vectors_named(cases, "account-key-reused");
	json_t *key = vectors_get(
	    vectors_named(vectors_at("keys"), "acct-es256-A"), "jwk_public");
	struct span der;
	struct csr csr;
	uint8_t digest[32];
	char expected[44];
	(void)state;

	assert_int_equal(b64url_parse(j->arena,
			     span_str(vectors_str(reused, "csr_b64u")), &der),
	    0);
	assert_int_equal(csr_parse(j, der, &csr_lab_policy, &csr), 0);
	const char *text = arena_printf(j->arena,
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	    vectors_str(key, "x"), vectors_str(key, "y"));
	sha256(span_str(text), digest);
	b64url_format(expected, span_mem(digest, 32));
	assert_string_equal(csr_jwk_thumbprint(j, &csr), expected);
}

/* RFC 7638 3.1's RSA key and RFC 8037 A.2's Ed25519 key, as SPKI. */
static void
test_thumbprint_known(void **state)
{
	struct job *j = unit_job();
	struct span n;
	struct csr csr = { 0 };
	json_t *cases = vectors_at("jwk_thumbprints");
	json_t *c;
	size_t i;
	size_t seen = 0;
	(void)state;

	json_array_foreach (cases, i, c) {
		json_t *jwk = vectors_get(c, "jwk_as_received");
		const char *kty = vectors_str(jwk, "kty");
		const char *thumbprint =
		    json_string_value(vectors_get(c, "thumbprint"));
		struct span bits;
		enum key_type type;

		if (thumbprint == NULL)
			continue;
		if (strcmp(kty, "OKP") == 0) {
			type = KEY_TYPE_ED25519;
			assert_int_equal(
			    b64url_parse(j->arena,
				span_str(vectors_str(jwk, "x")), &bits),
			    0);
		} else if (strcmp(kty, "RSA") == 0) {
			type = KEY_TYPE_RSA;
			assert_int_equal(
			    b64url_parse(
				j->arena, span_str(vectors_str(jwk, "n")), &n),
			    0);
			while (n.p[0] == 0)
				n = span_from(n, 1);
			if ((uint8_t)n.p[0] & 0x80)
				n = lab_join(j, span_mem("\0", 1), n);
			bits = lab_der(j, DER_SEQUENCE,
			    lab_join(j, lab_der(j, DER_INTEGER, n),
				lab_hex(j, "0203010001")));
		} else {
			continue; /* the vectors above */
		}
		seen++;
		unit_case("%s", vectors_str(c, "name"));
		csr.spki = lab_der(j, DER_SEQUENCE,
		    lab_join(j, key_type_algorithm(type),
			lab_der(j, DER_BIT_STRING,
			    lab_join(j, span_mem("\0", 1), bits))));
		assert_string_equal(csr_jwk_thumbprint(j, &csr), thumbprint);
	}
	assert_true(seen >= 2);
}

/* The table of 7.2, by hand: S signing, E encryption, D dual, - refused.
 * First the 32 patterns of digitalSignature, nonRepudiation,
 * keyEncipherment, dataEncipherment, keyAgreement (bit 0 first); with any of
 * keyCertSign, cRLSign, encipherOnly, decipherOnly all are refused. */
static const char classes[] = "-SSS"  /* 00: nothing, ds, nr, both */
			      "EDDD"  /* 04: keyEncipherment */
			      "----"  /* 08: dataEncipherment */
			      "----"  /* 0c */
			      "EDDD"  /* 10: keyAgreement */
			      "EDDD"  /* 14: keyEncipherment too */
			      "----"  /* 18: dataEncipherment */
			      "----"; /* 1c */

/* 7.2, PK-61, AC-138: all 512 patterns, each key type. */
static void
test_key_usage(void **state)
{
	static const struct {
		enum key_type type;
		int bits;
	} types[] = { { KEY_TYPE_P256, 0 }, { KEY_TYPE_P384, 0 },
		{ KEY_TYPE_P521, 0 }, { KEY_TYPE_ED25519, 0 },
		{ KEY_TYPE_ED448, 0 }, { KEY_TYPE_RSA, 2048 } };
	(void)state;

	for (size_t t = 0; t < COUNT(types); t++) {
		EVP_PKEY *key = lab_key(types[t].type, types[t].bits);
		for (int bits = 0; bits < 512; bits++) {
			struct job j;
			struct csr out;

			job_init(&j, NULL, NULL);
			unit_case("%s, bits %#x", key_type_name(types[t].type),
			    (unsigned)bits);
			struct lab_csr c =
			    lab_csr(&j, key, csr_lab_mailboxes[0]);
			c.key_usage = bits;
			char class = bits < 32 ? classes[bits] : '-';
			if (key_type_only_signs(types[t].type) && class != 'S')
				class = '-';
			int r = csr_parse(
			    &j, lab_csr_make(&j, &c), &csr_lab_policy, &out);
			assert_int_equal(r, class == '-' ? -1 : 0);
			if (class == '-') {
				assert_int_equal(j.err.kind, ERR_BAD_CSR);
				assert_non_null(strstr(
				    j.err.text, "key usage not supported"));
			} else {
				assert_int_equal(out.class,
				    class == 'S'   ? KEY_CLASS_SIGNING
				    : class == 'E' ? KEY_CLASS_ENCRYPTION
						   : KEY_CLASS_DUAL);
				assert_int_equal(out.key_type, types[t].type);
				assert_int_equal(
				    out.non_repudiation, (bits & 2) != 0);
			}
			job_done(&j);
		}
	}
}

/* No extension: dual; Ed25519 and Ed448 cannot be (7.2). */
static void
test_no_key_usage(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct csr out;
	(void)state;

	assert_int_equal(
	    csr_parse(j, lab_csr_make(j, &c), &csr_lab_policy, &out), 0);
	assert_int_equal(out.class, KEY_CLASS_DUAL);
	assert_false(out.non_repudiation);
	c.key = lab_key(KEY_TYPE_ED25519, 0);
	csr_lab_refuses(j, &c,
	    "an Ed25519 key only signs; ask for digitalSignature "
	    "alone");
	c.key = lab_key(KEY_TYPE_ED448, 0);
	csr_lab_refuses(j, &c,
	    "an Ed448 key only signs; ask for digitalSignature "
	    "alone");
}

/* AC-138: what the profile excludes, and what to write instead. */
static void
test_intent(void **state)
{
	static const struct {
		const char *profile;
		int key_usage;
		const char *error; /* NULL: accepted */
	} rows[] = {
		{ "mailbox-signing", 0x01, NULL },
		{ "mailbox-signing", 0x03, NULL },
		{ "mailbox-signing", 0x10,
		    "the profile does not allow encryption; with "
		    "mailbox-signing ask for digitalSignature and nothing "
		    "else as key usage" },
		{ "mailbox-signing", 0x11,
		    "the profile does not allow encryption; with "
		    "mailbox-signing ask for digitalSignature and nothing "
		    "else as key usage" },
		{ "mailbox-signing", LAB_NO_KEY_USAGE,
		    "the profile does not allow encryption; with "
		    "mailbox-signing ask for digitalSignature and nothing "
		    "else as key usage" },
		{ "mailbox-encryption", 0x10, NULL },
		{ "mailbox-encryption", 0x04, NULL },
		{ "mailbox-encryption", 0x01,
		    "the profile does not allow signing; with "
		    "mailbox-encryption ask for keyEncipherment (RSA) or "
		    "keyAgreement (EC) and nothing else as key usage" },
		{ "mailbox-encryption", LAB_NO_KEY_USAGE,
		    "the profile does not allow signing; with "
		    "mailbox-encryption ask for keyEncipherment (RSA) or "
		    "keyAgreement (EC) and nothing else as key usage" },
		{ "mailbox-strict", LAB_NO_KEY_USAGE, NULL },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct csr_policy p = csr_lab_policy;
		struct lab_csr c = csr_lab_good(j);
		struct csr out;

		unit_case("%s, bits %#x", rows[i].profile,
		    (unsigned)rows[i].key_usage);
		c.key_usage = rows[i].key_usage;
		p.profile = profile_find(NULL, span_str(rows[i].profile));
		int r = csr_parse(j, lab_csr_make(j, &c), &p, &out);
		assert_int_equal(r, rows[i].error == NULL ? 0 : -1);
		if (r < 0)
			assert_job_error(j, ERR_BAD_CSR, rows[i].error);
		job_recover(j);
	}
}

/* PK-56, AC-132: cut at every length, one octet more, other lengths. */
static void
test_form(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	struct span der = lab_csr_make(j, &c);
	struct csr out;
	(void)state;

	assert_openssl_agrees(der);
	for (size_t n = 0; n < der.n; n++) {
		/* A copy without room, so that a sanitizer sees a read
		 * behind it. */
		char *cut = xmalloc(n + 1);
		memcpy(cut, der.p, n);
		unit_case("cut at %zu", n);
		assert_int_equal(
		    csr_parse(j, span_mem(cut, n), &csr_lab_policy, &out), -1);
		assert_job_error(j, ERR_BAD_CSR, NULL);
		job_recover(j);
		free(cut);
	}
	unit_case("trailing octet");
	assert_int_equal(
	    csr_parse(j, lab_join(j, der, SPAN("x")), &csr_lab_policy, &out),
	    -1);
	job_recover(j);
	unit_case("BER: long form of the outer length");
	struct span body = span_from(der, 3); /* 30 81 xx */
	assert_int_equal((uint8_t)der.p[1], 0x81);
	struct span ber = lab_join(j, SPAN("\x30\x82\0"), span_from(der, 2));
	assert_int_equal(csr_parse(j, ber, &csr_lab_policy, &out), -1);
	job_recover(j);
	unit_case("BER: indefinite length");
	ber = lab_join(
	    j, SPAN("\x30\x80"), lab_join(j, body, span_mem("\0\0", 2)));
	assert_int_equal(csr_parse(j, ber, &csr_lab_policy, &out), -1);
	job_recover(j);
	unit_case("version 1");
	c.version = 1;
	csr_lab_refuses(j, &c, "version is not 0");
	unit_case("16 KiB");
	c = csr_lab_good(j);
	char *large = arena_alloc(j->arena, 16400);
	c.attributes = lab_der(j, DER_SEQUENCE,
	    lab_join(j, lab_der(j, DER_OID, SPAN("\x2a\x03")),
		lab_der(j, DER_SET,
		    lab_der(j, DER_OCTET_STRING, span_mem(large, 16400)))));
	csr_lab_refuses(j, &c, "more than 16384 octets");
}

/* PK-62, PK-63, AC-139: one request per OID. */
static void
test_extensions(void **state)
{
	static const char ns[] = "unknown";
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	const struct {
		const char *what, *oid, *value;
		bool critical;
		const char *refusal;
	} cases[] = {
		{ "cA false", "551d13", "3000", true, NULL },
		{ "cA false, written", "551d13", "3003010100", false,
		    "2.5.29.19" },
		{ "cA true", "551d13", "30030101ff", true, "2.5.29.19" },
		{ "pathLen", "551d13", "3003020100", true, "2.5.29.19" },
		{ "subjectKeyIdentifier", "551d0e", "040101", false, NULL },
		{ "smimeCapabilities", "2a864886f70d01090f", "3000", false,
		    NULL },
		{ "template", "2b0601040182371402", "1e020041", false, NULL },
		{ "template, critical", "2b0601040182371507", "3000", true,
		    NULL },
		{ "template's name, critical", "2b0601040182371402", "1e020041",
		    true, NULL },
		{ "provider, critical", "2b0601040182370d0202", "3000", true,
		    NULL },
		{ "application policies", "2b060104018237150a", "3000", false,
		    NULL },
		{ "application policies, critical", "2b060104018237150a",
		    "3000", true, "1.3.6.1.4.1.311.21.10" },
		{ "Microsoft's, of a longer number", "2b060104018237140201",
		    "3000", true, "1.3.6.1.4.1.311.20.2.1" },
		{ "emailProtection", "551d25", "300a06082b06010505070304",
		    false, NULL },
		{ "clientAuth too", "551d25",
		    "301406082b0601050507030406082b06010505070302", false,
		    NULL },
		{ "serverAuth", "551d25", "300a06082b06010505070301", false,
		    "1.3.6.1.5.5.7.3.1" },
		{ "codeSigning", "551d25", "300a06082b06010505070303", false,
		    "1.3.6.1.5.5.7.3.3" },
		{ "anyExtendedKeyUsage", "551d25", "30060604551d2500", false,
		    "2.5.29.37.0" },
		{ "empty EKU", "551d25", "3000", false, "cannot be parsed" },
		{ "nameConstraints", "551d1e", "3000", false, "2.5.29.30" },
		{ "certificatePolicies", "551d20", "3000", false, "2.5.29.32" },
		{ "policyMappings", "551d21", "3000", false, "2.5.29.33" },
		{ "policyConstraints", "551d24", "3000", false, "2.5.29.36" },
		{ "inhibitAnyPolicy", "551d36", "020100", false, "2.5.29.54" },
		{ "AIA", "2b06010505070101", "3000", false,
		    "1.3.6.1.5.5.7.1.1" },
		{ "CRL points", "551d1f", "3000", false, "2.5.29.31" },
		{ "TLS feature", "2b06010505070118", "3003020105", false,
		    "1.3.6.1.5.5.7.1.24" },
		{ "OCSP no-check", "2b0601050507300105", "0500", false,
		    "1.3.6.1.5.5.7.48.1.5" },
		{ "CT poison", "2b06010401d679020403", "0500", true,
		    "1.3.6.1.4.1.11129.2.4.3" },
		{ ns, "2a0304", "0500", false, NULL },
		{ "unknown, critical", "2a0304", "0500", true, "1.2.3.4" },
		{ "keyUsage not a BIT STRING", "551d0f", "040101", false,
		    "keyUsage" },
		{ "keyUsage with a trailing zero bit", "551d0f", "03020680",
		    false, "keyUsage" },
		{ "keyUsage of ten bits", "551d0f", "0303060040", false,
		    "keyUsage" },
		{ "SAN twice", "551d11", "3000", false, "stands twice" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].what);
		c.extensions = lab_extension(j, lab_hex(j, cases[i].oid),
		    cases[i].critical, lab_hex(j, cases[i].value));
		if (cases[i].refusal == NULL)
			csr_lab_accepts(j, &c);
		else
			csr_lab_refuses(j, &c, cases[i].refusal);
	}
	unit_case("critical FALSE written out");
	c.extensions = lab_hex(j, "300c 0603 2a0304 0101 00 0402 0500");
	csr_lab_refuses(j, &c, "cannot be parsed");
	unit_case("16 and 17 extensions");
	c.extensions = (struct span){ 0 };
	for (unsigned i = 0; i < 16; i++) {
		char oid[3] = { 0x2a, 0x04, (char)i };
		if (i == 15)
			csr_lab_accepts(j, &c);
		c.extensions = lab_join(j, c.extensions,
		    lab_extension(
			j, span_mem(oid, 3), false, lab_hex(j, "0500")));
	}
	csr_lab_refuses(j, &c, "more than 16 extensions");
}

/* PK-64 */
static void
test_attributes(void **state)
{
	struct job *j = unit_job();
	struct lab_csr c = csr_lab_good(j);
	(void)state;

	unit_case("challengePassword");
	c.attributes =
	    lab_hex(j, "3012 0609 2a864886f70d010907 3105 1303 61 62 63");
	c.names = lab_rfc822(j, csr_lab_mailboxes[0]);
	csr_lab_accepts(j, &c);
	unit_case("two extensionRequests with different content");
	c.names = lab_rfc822(j, "zzzzzzzzzzzzzzzzz@example.com");
	c.attributes = lab_der(j, DER_SEQUENCE,
	    lab_join(j, lab_der(j, DER_OID, OID_EXTENSION_REQUEST),
		lab_der(j, DER_SET,
		    lab_der(j, DER_SEQUENCE,
			lab_extension(j, OID_SUBJECT_ALT_NAME, false,
			    lab_der(j, DER_SEQUENCE,
				lab_rfc822(j, csr_lab_mailboxes[0])))))));
	csr_lab_refuses(j, &c, "two extensionRequest attributes");
	unit_case("attributes out of order");
	c = csr_lab_good(j);
	c.attributes = lab_hex(j, "3008 0602 2a04 3102 0500 3008 0602 2a03 "
				  "3102 0500");
	csr_lab_refuses(j, &c, "cannot be parsed: attributes");
	unit_case("17 attributes");
	c.attributes = (struct span){ 0 };
	for (unsigned i = 0; i < 16; i++) {
		char oid[2] = { 0x2a, (char)i };
		c.attributes = lab_join(j, c.attributes,
		    lab_der(j, DER_SEQUENCE,
			lab_join(j, lab_der(j, DER_OID, span_mem(oid, 2)),
			    lab_hex(j, "31020500"))));
	}
	csr_lab_refuses(j, &c, "more than 16 attributes");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_vectors),
	cmocka_unit_test(test_thumbprint),
	cmocka_unit_test(test_thumbprint_known),
	cmocka_unit_test(test_key_usage),
	cmocka_unit_test(test_no_key_usage),
	cmocka_unit_test(test_intent),
	cmocka_unit_test(test_form),
	cmocka_unit_test(test_extensions),
	cmocka_unit_test(test_attributes),
};

UNIT_MAIN(tests)
