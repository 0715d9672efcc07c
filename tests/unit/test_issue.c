/*
 * Issuing: PK-88 to PK-115 for each profile (AC-163), the tables of pki.md 9.2
 * and 9.4 to the octet, AC-145.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "tests/unit/issue_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static const char *const alice[] = { "alice@example.com" };
static const char *const ca_types[] = { "p256", "p384", "rsa3072", "rsa4096" };

static const struct {
	enum key_type type;
	int bits;
} keys[] = { { KEY_TYPE_RSA, 2048 }, { KEY_TYPE_RSA, 3072 },
	{ KEY_TYPE_RSA, 4096 }, { KEY_TYPE_P256, 0 }, { KEY_TYPE_P384, 0 },
	{ KEY_TYPE_P521, 0 }, { KEY_TYPE_ED25519, 0 }, { KEY_TYPE_ED448, 0 } };

/* PK-100, PK-61: the table of 9.2, written by hand. */
static const char *
expected_usage(enum key_type type, int bits)
{
	bool nr = bits & 2;
	bool rsa = type == KEY_TYPE_RSA;
	bool signs = bits & 3;
	bool encrypts = bits & 0x14;

	if (signs && !encrypts)
		return nr ? "030206c0" : "03020780";
	if (!signs)
		return rsa ? "03020520" : "03020308";
	if (nr)
		return rsa ? "030205e0" : "030203c8";
	return rsa ? "030205a0" : "03020388";
}

/* 9.4: the signature's AlgorithmIdentifier of each CA. */
static const char *const ca_algorithms[] = {
	"300a06082a8648ce3d040302",
	"300a06082a8648ce3d040303",
	"300d06092a864886f70d01010b0500",
	"300d06092a864886f70d01010c0500",
};
/* 9.4: the key's AlgorithmIdentifier, by enum key_type. */
static const char *const key_algorithms[] = {
	"300d06092a864886f70d0101010500",
	"301306072a8648ce3d020106082a8648ce3d030107",
	"301006072a8648ce3d020106052b81040022",
	"301006072a8648ce3d020106052b81040023",
	"300506032b6570",
	"300506032b6571",
};

static void
check_matrix_one(size_t ca_index, size_t key_index, int usage)
{
	struct job j;
	struct csr csr;
	struct certview v;
	const struct ca *ca = lab_ca(ca_types[ca_index]);
	EVP_PKEY *key = lab_key(keys[key_index].type, keys[key_index].bits);

	job_init(&j, NULL, NULL);
	j.now = LAB_NOW;
	unit_case("CA %s, key %s %d, usage %#x", ca_types[ca_index],
	    key_type_name(keys[key_index].type), keys[key_index].bits,
	    (unsigned)usage);
	struct issue_input in = issue_lab_input(&j, key, usage, alice, 1, &csr);
	struct span der = lab_issue(&j, ca, &in);
	assert_int_equal(certview_parse(der, &v), 0);
	assert_string_equal(
	    hex_dup(j.arena, v.inner_algorithm), ca_algorithms[ca_index]);
	assert_true(span_eq(v.inner_algorithm, v.outer_algorithm));
	assert_string_equal(lab_value_hex(&j, &v, OID_KEY_USAGE),
	    expected_usage(keys[key_index].type, usage));
	const char *spki = hex_dup(j.arena, v.spki);
	assert_non_null(strstr(spki, key_algorithms[keys[key_index].type]));
	assert_true(span_eq(v.spki, lab_spki(&j, key)));
	assert_true(span_eq(v.issuer, ca->signer.name));

	/* As others see it: the whole chain, and the purposes. */
	X509 *leaf = ossl_x509(j.arena, der);
	bool is_rsa = keys[key_index].type == KEY_TYPE_RSA;
	if (usage & 3)
		assert_int_equal(ca_verify(&j, ca->store, leaf,
				     X509_PURPOSE_SMIME_SIGN, j.now),
		    0);
	else
		assert_int_equal(ca_verify(&j, ca->store, leaf,
				     X509_PURPOSE_SMIME_SIGN, j.now),
		    -1);
	job_recover(&j);
	if ((usage & 0x14) && is_rsa)
		assert_int_equal(ca_verify(&j, ca->store, leaf,
				     X509_PURPOSE_SMIME_ENCRYPT, j.now),
		    0);
	assert_int_equal(
	    ca_verify(&j, ca->store, leaf, X509_PURPOSE_SSL_SERVER, j.now), -1);
	job_done(&j);
}

/* Each CA key × each subject key × each class, with and without
 * nonRepudiation. */
static void
test_matrix(void **state)
{
	static const int usages[] = { 0x01, 0x02, 0x03, 0x04, 0x10, 0x14, 0x05,
		0x11, 0x07, 0x16 };
	(void)state;

	for (size_t c = 0; c < COUNT(ca_types); c++) {
		for (size_t k = 0; k < COUNT(keys); k++) {
			for (size_t u = 0; u < COUNT(usages); u++) {
				bool signs_only = !(usages[u] & 0x14);
				if (key_type_only_signs(keys[k].type) &&
				    !signs_only)
					continue;
				/* The large ones once per class. */
				if (keys[k].bits > 2048 && u % 3 != 0)
					continue;
				check_matrix_one(c, k, usages[u]);
			}
		}
	}
}

static const char *
policy_hex(const struct profile *p)
{
	return strcmp(p->name, "mailbox-multipurpose") == 0
		   ? "300b3009060767810c01050102"
		   : "300b3009060767810c01050103";
}

/* One certificate of each profile, key and class: what may be is issued and
 * passes all lints, what may not is refused by the check of the request, and
 * once more where the certificate is made. */
static void
check_profile_one(const struct profile *p, size_t key_index, int usage)
{
	static const char *const excluded[][3] = {
		{ NULL, NULL, NULL }, /* strict */
		{ NULL, NULL, NULL }, /* multipurpose */
		{ NULL, "encryption", "encryption" },
		{ "signing", NULL, "signing" },
	};
	enum key_class class = usage == 0x01   ? KEY_CLASS_SIGNING
			       : usage == 0x14 ? KEY_CLASS_ENCRYPTION
					       : KEY_CLASS_DUAL;
	const char *too_much = excluded[p - profiles][class];
	enum key_type type = keys[key_index].type;
	EVP_PKEY *key = lab_key(type, keys[key_index].bits);
	/* PK-68: not of those that ship. */
	bool is_unusual = key_type_only_signs(type) || type == KEY_TYPE_P521;
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct csr csr;
	struct certview v;
	struct issue_tbs tbs;

	unit_case("%s, %s %d, %s", p->name, key_type_name(type),
	    keys[key_index].bits, key_class_name(class));
	if (is_unusual || too_much != NULL) {
		struct csr_policy policy = { .mailboxes = alice,
			.mailbox_count = 1,
			.addr = { .reserved_domains = true },
			.profile = p };
		struct lab_csr c = lab_csr(j, key, alice[0]);

		c.key_usage = usage;
		assert_int_equal(
		    csr_parse(j, lab_csr_make(j, &c), &policy, &csr), -1);
		assert_int_equal(j->err.kind, ERR_BAD_CSR);
		assert_non_null(strstr(j->err.text,
		    is_unusual
			? arena_printf(j->arena,
			      "subject key refused: %s accepts RSA 2048, RSA "
			      "3072, RSA 4096, P-256, P-384",
			      p->name)
			: arena_printf(j->arena,
			      "the profile does not allow %s;", too_much)));
		job_recover(j);
	}
	if (key_type_only_signs(type) && class != KEY_CLASS_SIGNING)
		return;
	/* As if another profile had let the request pass. */
	struct issue_input in = issue_lab_input(j, key, usage, alice, 1, &csr);
	in.profile = p;
	if (is_unusual || too_much != NULL) {
		assert_int_equal(issue_prepare(j, ca, &in, &tbs), -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		assert_non_null(strstr(j->err.text, too_much != NULL
							? "does not allow class"
							: "does not take"));
		job_recover(j);
		return;
	}
	in = issue_lab_input_for(j, p, key, usage, alice, 1, &csr);
	struct span der = lab_issue(j, ca, &in);
	assert_int_equal(certview_parse(der, &v), 0);
	assert_string_equal(lab_value_hex(j, &v, OID_POLICIES), policy_hex(p));
	assert_string_equal(
	    lab_value_hex(j, &v, OID_KEY_USAGE), expected_usage(type, usage));
	assert_string_equal(lab_value_hex(j, &v, OID_EXT_KEY_USAGE),
	    "300a06082b06010505070304");
}

/* AC-138, AC-163: profile × key × class. */
static void
test_profiles(void **state)
{
	static const int usages[] = { 0x01, 0x14, 0x15 };
	(void)state;

	for (size_t p = 0; p < profile_count; p++)
		for (size_t k = 0; k < COUNT(keys); k++)
			for (size_t u = 0; u < COUNT(usages); u++)
				check_profile_one(&profiles[p], k, usages[u]);
}

/* PK-98 to PK-107: the octets of each extension, in this order. */
static void
test_extensions(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct csr csr;
	struct certview v;
	uint8_t digest[32];
	struct span bits;
	enum key_type type;
	(void)state;

	struct issue_input in =
	    issue_lab_input(j, lab_key(KEY_TYPE_P256, 0), 0x11, alice, 1, &csr);
	struct span der = lab_issue(j, ca, &in);
	assert_int_equal(certview_parse(der, &v), 0);
	assert_int_equal(spki_split(csr.spki, &type, &bits), 0);
	sha256(bits, digest);
	const struct {
		struct span oid;
		bool critical;
		const char *hex;
	} expected[] = {
		{ OID_AUTHORITY_KEY_ID, false,
		    arena_printf(j->arena, "30168014%s", ca_key_label(ca)) },
		{ OID_SUBJECT_KEY_ID, false,
		    arena_printf(j->arena, "0414%s",
			hex_dup(j->arena, span_mem(digest, 20))) },
		{ OID_KEY_USAGE, true, "03020388" },
		{ OID_POLICIES, false,
		    "300b300906"
		    "07"
		    "67810c01050102" },
		{ OID_SUBJECT_ALT_NAME, false,
		    "30138111616c696365406578616d706c652e636f6d" },
		{ OID_EXT_KEY_USAGE, false, "300a06082b06010505070304" },
		{ OID_CRL_POINTS, false,
		    "302a3028a026a024862268747470"
		    "3a2f2f63726c2e6578616d706c652e636f6d2f6973737569"
		    "6e672e63726c" },
		{ OID_AUTHORITY_INFO, false,
		    "302f302d06082b06010505073002862168747470"
		    "3a2f2f63612e6578616d706c652e636f6d2f69737375696e672e63"
		    "6572" },
	};
	assert_int_equal(v.extension_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		unit_case("extension %zu", i);
		assert_true(span_eq(v.extensions[i].oid, expected[i].oid));
		assert_int_equal(
		    v.extensions[i].critical, expected[i].critical);
		assert_string_equal(
		    hex_dup(j->arena, v.extensions[i].value), expected[i].hex);
	}
	assert_string_equal(hex_dup(j->arena, v.subject),
	    "301c311a301806035504030c11616c696365406578616d706c652e636f6d");
	unit_case("no AIA");
	in.ca_issuers_url = NULL;
	der = lab_issue(j, ca, &in);
	assert_int_equal(certview_parse(der, &v), 0);
	assert_null(certview_extension(&v, OID_AUTHORITY_INFO));
}

/* PK-81, PK-83, PK-110, PK-113: names and subject. */
static void
test_names(void **state)
{
	static const char long_local[] = "abcdefghijklmnopqrstuvwxyz"
					 "abcdefghijklmnopqrstuvwxyz"; /* 52 */
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	char fits[80];
	char too_long[80];
	(void)state;

	snprintf(fits, sizeof fits, "%s@example.com", long_local); /* 64 */
	snprintf(too_long, sizeof too_long, "%sx@example.com", long_local);
	const struct {
		const char *mailboxes[3];
		size_t count;
		bool has_subject;
		const char *san; /* hex, or NULL */
	} cases[] = {
		{ { fits }, 1, true, NULL },
		{ { too_long }, 1, false, NULL },
		{ { too_long, fits }, 2, false, NULL },
		{ { "b@example.com", "a@example.com", "B@example.com" }, 3,
		    true,
		    "302d"
		    "810d62406578616d706c652e636f6d"
		    "810d61406578616d706c652e636f6d"
		    "810d42406578616d706c652e636f6d" },
		{ { "\xc3\xa4@xn--mnchen-3ya.example" }, 1, true,
		    "3029a02706082b06010505070809a01b0c19"
		    "c3a440786e2d2d6d6e6368656e2d3379612e6578616d706c65" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct csr csr;
		struct certview v;
		struct cert_facts facts;

		unit_case("%zu", i);
		struct issue_input in =
		    issue_lab_input(j, lab_key(KEY_TYPE_P256, 0), 1,
			cases[i].mailboxes, cases[i].count, &csr);
		struct span der = lab_issue(j, ca, &in);
		assert_int_equal(certview_parse(der, &v), 0);
		assert_int_equal(v.subject.n > 2, cases[i].has_subject);
		assert_int_equal(
		    certview_extension(&v, OID_SUBJECT_ALT_NAME)->critical,
		    !cases[i].has_subject);
		if (cases[i].san != NULL)
			assert_string_equal(
			    lab_value_hex(j, &v, OID_SUBJECT_ALT_NAME),
			    cases[i].san);
		assert_int_equal(cert_facts(j, der, &facts), 0);
		assert_int_equal(facts.mailbox_count, cases[i].count);
		for (size_t k = 0; k < cases[i].count; k++)
			assert_string_equal(
			    facts.mailboxes[k], cases[i].mailboxes[k]);
		const char *subject =
		    cases[i].has_subject
			? arena_printf(j->arena, "CN=%s", cases[i].mailboxes[0])
			: "";
		assert_string_equal(facts.subject, subject);
	}
}

/* PK-89 */
static void
test_serial(void **state)
{
	uint8_t a[SERIAL_LEN];
	uint8_t b[SERIAL_LEN];
	unsigned ones = 0;
	(void)state;

	for (int i = 0; i < 1000; i++) {
		issue_serial(0x7f, a);
		issue_serial(0x7f, b);
		assert_int_equal(a[0], 0x7f);
		assert_memory_not_equal(a, b, SERIAL_LEN);
		for (int bit = 0; bit < 128; bit++)
			ones += a[1 + bit / 8] >> bit % 8 & 1;
	}
	assert_in_range(ones, 62000, 66000);
}

#define SERIALS 100000
#define SERIALS_LONG 1000000

static int
by_serial(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_LEN);
}

/* PK-89: a hundred thousand numbers, with COUNTERSIGN_TEST_LONG a million:
 * positive as INTEGERs, none twice. */
static void
test_serials(void **state)
{
	size_t count =
	    getenv("COUNTERSIGN_TEST_LONG") == NULL ? SERIALS : SERIALS_LONG;
	uint8_t(*serials)[SERIAL_LEN] = malloc(count * sizeof(*serials));

	(void)state;
	assert_non_null(serials);
	for (size_t i = 0; i < count; i++)
		issue_serial((uint8_t)(1 + i % 0x7f), serials[i]);
	qsort(serials, count, sizeof(*serials), by_serial);
	for (size_t i = 0; i < count; i++) {
		/* minimal as well: the first octet is never 0 */
		if (serials[i][0] == 0 || (serials[i][0] & 0x80) != 0)
			fail_msg("%zu", i);
		if (i > 0 &&
		    memcmp(serials[i - 1], serials[i], SERIAL_LEN) == 0)
			fail_msg("%zu", i);
	}
	free(serials);
}

/* PK-92, PK-93, PK-94; the CA began at 11:00 and lives five years. */
static void
test_validity(void **state)
{
	static const struct {
		int64_t now, allowance, days;
		const char *hex; /* the two times, or NULL: refused */
	} cases[] = {
		{ LAB_NOW, 300, 365,
		    "170d3236313132333131353530305a"
		    "170d3237313132333131353435395a" },
		/* across 29 February 2028 */
		{ LAB_NOW + (int64_t)86400 * 447, 300, 365,
		    "170d3238303231333131353530305a"
		    "170d3239303231323131353435395a" },
		{ LAB_NOW, 0, 818,
		    "170d3236313132333132303030305a"
		    "170d3239303231383131353935395a" },
		{ LAB_NOW, 0, 819, NULL },
		{ LAB_NOW, 3600, 1, /* as early as the CA itself */
		    "170d3236313132333131303030305a"
		    "170d3236313132343130353935395a" },
		{ LAB_NOW, 3601, 1, NULL },
		/* up to the CA's last second, and one day further */
		{ LAB_NOW + (int64_t)86400 * 1460, 3600, 365,
		    "170d3330313132323131303030305a"
		    "170d3331313132323130353935395a" },
		{ LAB_NOW + (int64_t)86400 * 1460, 3600, 366, NULL },
		{ LAB_NOW + (int64_t)86400 * 1800, 300, 365, NULL },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct csr csr;
		struct issue_tbs tbs;
		struct certview v;

		unit_case("%zu", i);
		j->now = cases[i].now;
		struct issue_input in = issue_lab_input(
		    j, lab_key(KEY_TYPE_P256, 0), 1, alice, 1, &csr);
		issue_validity(j->now, cases[i].allowance, cases[i].days,
		    &in.not_before, &in.not_after);
		int r = issue_prepare(j, lab_ca("p256"), &in, &tbs);
		if (cases[i].hex == NULL) {
			assert_job_error(j, ERR_INTERNAL, NULL);
			assert_non_null(strstr(j->err.text, "lint L-12"));
			job_recover(j);
			continue;
		}
		if (r < 0)
			fail_msg("%s", j->err.text);
		assert_int_equal(certview_parse_tbs(tbs.tbs, &v), 0);
		assert_int_equal(v.not_before, in.not_before);
		assert_int_equal(v.not_after, in.not_after);
		assert_non_null(
		    strstr(hex_dup(j->arena, tbs.tbs), cases[i].hex));
	}
}

static void
test_facts(void **state)
{
	struct job *j = lab_job();
	struct csr csr;
	struct cert_facts facts;
	uint8_t digest[32];
	(void)state;

	struct issue_input in =
	    issue_lab_input(j, lab_key(KEY_TYPE_P256, 0), 1, alice, 1, &csr);
	struct span der = lab_issue(j, lab_ca("p256"), &in);
	assert_int_equal(cert_facts(j, der, &facts), 0);
	assert_string_equal(facts.serial_hex,
	    hex_dup(j->arena, span_mem(in.serial, SERIAL_LEN)));
	assert_int_equal(facts.not_before, in.not_before);
	assert_int_equal(facts.not_after, in.not_after);
	assert_memory_equal(facts.spki_sha256, csr.spki_sha256, 32);
	sha256(der, digest);
	assert_memory_equal(facts.sha256, digest, 32);
	for (size_t n = 0; n < der.n; n++) {
		assert_int_equal(
		    cert_facts(j, span_cut(der, 0, n), &facts), -1);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_matrix),
	cmocka_unit_test(test_profiles),
	cmocka_unit_test(test_extensions),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_serial),
	cmocka_unit_test(test_serials),
	cmocka_unit_test(test_validity),
	cmocka_unit_test(test_facts),
};

UNIT_MAIN(tests)
