/*
 * The client's keys, requests and certificates, against the server's own
 * readers and issuer: PK-58 to PK-61, AC-133 to AC-138, AC-146, PK-148; what it
 * renews, and when (AC-166, AC-168).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/certid.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/issue.h"
#include "pki/ossl.h"
#include "src/enroll_certificate.h"
#include "src/enroll_csr.h"
#include "src/enroll_key.h"
#include "src/enroll_renew.h"
#include "tests/unit/pki_lab.h"

static const char *const alice[] = { "alice@user.test" };
static const char *const two[] = { "alice@user.test", "bob@user.test" };
static const char *const utf8[] = { "j\xc3\xbcrgen@user.test",
	"alice@user.test" };

static const char *
path_of(const char *name)
{
	return arena_printf(unit_job()->arena, "%s/%s", lab_folder(), name);
}

/* --- keys ---------------------------------------------------------------- */

static void
test_key_files(void **state)
{
	static const char *const names[] = { "p256", "p384", "rsa2048",
		"rsa3072" };
	struct job *j = unit_job();
	enum enroll_key_type type, other;
	EVP_PKEY *made, *read;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path =
		    arena_printf(j->arena, "%s/%s.pem", lab_folder(), names[i]);

		unit_case("%s", names[i]);
		assert_true(enroll_key_type_parse(names[i], &type));
		assert_string_equal(enroll_key_type_name(type), names[i]);
		assert_int_equal(enroll_key_load(j, path, &read), 0);
		assert_int_equal(enroll_key_create(j, path, type, &made), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(enroll_key_load(j, path, &read), 1);
		assert_int_equal(EVP_PKEY_eq(made, read), 1);
		for (size_t k = 0; k < COUNT(names); k++) {
			assert_true(enroll_key_type_parse(names[k], &other));
			assert_int_equal(enroll_key_is(read, other), i == k);
		}
		/* A key is never written over. */
		assert_int_equal(enroll_key_create(j, path, type, &made), -1);
		job_recover(j);
	}
	assert_false(enroll_key_type_parse("dsa", &type));
}

static void
test_bad_key_files(void **state)
{
	struct job *j = unit_job();
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(
	    file_write(j, path_of("junk"), 0600, SPAN("no key")), 0);
	assert_int_equal(enroll_key_load(j, path_of("junk"), &key), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	/* Readable by others. */
	assert_int_equal(
	    enroll_key_create(j, path_of("open"), ENROLL_P256, &key), 0);
	assert_int_equal(chmod(path_of("open"), 0644), 0);
	assert_int_equal(enroll_key_load(j, path_of("open"), &key), -1);
	assert_non_null(strstr(j->err.text, "0600"));
}

/* --- requests ------------------------------------------------------------ */

static const struct {
	enum key_type type;
	int bits;
	enum enroll_usage usage;
	enum key_class class;
} requests[] = {
	{ KEY_TYPE_P256, 0, ENROLL_BOTH, KEY_CLASS_DUAL },
	{ KEY_TYPE_P256, 0, ENROLL_SIGN, KEY_CLASS_SIGNING },
	{ KEY_TYPE_P256, 0, ENROLL_ENCRYPT, KEY_CLASS_ENCRYPTION },
	{ KEY_TYPE_P384, 0, ENROLL_BOTH, KEY_CLASS_DUAL },
	{ KEY_TYPE_RSA, 2048, ENROLL_BOTH, KEY_CLASS_DUAL },
	{ KEY_TYPE_RSA, 2048, ENROLL_SIGN, KEY_CLASS_SIGNING },
	{ KEY_TYPE_RSA, 2048, ENROLL_ENCRYPT, KEY_CLASS_ENCRYPTION },
	{ KEY_TYPE_RSA, 3072, ENROLL_BOTH, KEY_CLASS_DUAL },
	{ KEY_TYPE_ED25519, 0, ENROLL_SIGN, KEY_CLASS_SIGNING },
};

static struct csr
parse_csr(struct job *j, const struct enroll_request *r)
{
	const struct csr_policy policy = { .mailboxes = r->mailboxes,
		.mailbox_count = r->mailbox_count,
		.addr = { .utf8_local = true, .reserved_domains = true },
		.profile = LAB_PROFILE };
	struct span der;
	struct csr csr = { 0 };

	if (enroll_csr(j, r, &der) < 0 || csr_parse(j, der, &policy, &csr) < 0)
		fail_msg("%s", j->err.text);
	return csr;
}

/* The server's own checks accept it and see the class that was meant. */
static void
test_requests(void **state)
{
	struct job *j = lab_job();

	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		EVP_PKEY *key = lab_key(requests[i].type, requests[i].bits);
		const struct enroll_request r = { .key = key,
			.mailboxes = alice,
			.mailbox_count = 1,
			.usage = requests[i].usage };
		struct csr csr;

		unit_case("%zu", i);
		csr = parse_csr(j, &r);
		assert_int_equal(csr.class, requests[i].class);
		assert_int_equal(csr.key_type, requests[i].type);
		assert_true(span_eq(csr.spki, lab_spki(j, key)));
	}
}

static void
test_request_names(void **state)
{
	struct job *j = lab_job();
	struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = two,
		.mailbox_count = COUNT(two) };
	const struct csr_policy fewer = { .mailboxes = alice,
		.mailbox_count = 1,
		.addr = { .reserved_domains = true },
		.profile = LAB_PROFILE };
	struct span der;
	struct csr csr;

	(void)state;
	parse_csr(j, &r);
	assert_int_equal(enroll_csr(j, &r, &der), 0);
	assert_int_equal(csr_parse(j, der, &fewer, &csr), -1);
	assert_job_error(j, ERR_BAD_CSR, NULL);
	job_recover(j);
	r.mailboxes = utf8;
	r.mailbox_count = COUNT(utf8);
	parse_csr(j, &r);
}

static void
test_usages(void **state)
{
	enum enroll_usage usage;

	(void)state;
	assert_true(enroll_usage_parse("both", &usage));
	assert_int_equal(usage, ENROLL_BOTH);
	assert_true(enroll_usage_parse("sign", &usage));
	assert_int_equal(usage, ENROLL_SIGN);
	assert_true(enroll_usage_parse("encrypt", &usage));
	assert_int_equal(usage, ENROLL_ENCRYPT);
	assert_false(enroll_usage_parse("", &usage));
}

/* --- certificates -------------------------------------------------------- */

/* A chain as the server delivers it. */
static struct span
issue_chain(struct job *j, const struct enroll_request *r)
{
	const struct ca *ca = lab_ca("p256");
	struct csr csr = parse_csr(j, r);
	struct issue_input in = { .profile = LAB_PROFILE,
		.mailboxes = r->mailboxes,
		.mailbox_count = r->mailbox_count,
		.csr = &csr,
		.crl_url = LAB_CRL_URL,
		.ca_issuers_url = LAB_CA_ISSUERS_URL };
	struct span pem = SPAN("");

	issue_serial(0x2a, in.serial);
	issue_validity(j->now, 300, 365, &in.not_before, &in.not_after);
	if (issue_chain_pem(j, ca, lab_issue(j, ca, &in), &pem) < 0)
		fail_msg("%s", j->err.text);
	return pem;
}

static void
test_certificates(void **state)
{
	struct job *j = lab_job();

	(void)state;
	for (size_t i = 0; i < COUNT(requests) - 1; i++) {
		const struct enroll_request r = {
			.key = lab_key(requests[i].type, requests[i].bits),
			.mailboxes = i % 2 == 0 ? alice : two,
			.mailbox_count = i % 2 == 0 ? 1 : 2,
			.usage = requests[i].usage
		};
		struct enroll_certificate c;
		struct span pem = issue_chain(j, &r);

		unit_case("%zu", i);
		if (enroll_certificate_check(j, pem, &r, &c) < 0)
			fail_msg("%s", j->err.text);
		assert_int_equal(sk_X509_num(c.chain), 2);
		assert_true(span_eq(c.pem, pem));
		assert_true(c.not_after > LAB_NOW);
		assert_true(strlen(c.serial) >= 16);
	}
}

/* A certificate that begins later, or ends earlier, because it was asked to. */
static void
test_dates(void **state)
{
	struct job *j = lab_job();
	struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = alice,
		.mailbox_count = 1 };
	struct enroll_certificate c;
	struct span pem = issue_chain(j, &r);

	(void)state;
	assert_int_equal(enroll_certificate_check(j, pem, &r, &c), 0);
	r.not_after = c.not_after;
	assert_int_equal(enroll_certificate_check(j, pem, &r, &c), 0);
	r.not_after--;
	assert_int_equal(enroll_certificate_check(j, pem, &r, &c), -1);
	assert_non_null(strstr(j->err.text, "longer than asked"));
	job_recover(j);
	r.not_after = 0;
	clock_set(c.not_before - 7200);
	assert_int_equal(enroll_certificate_check(j, pem, &r, &c), -1);
	job_recover(j);
	r.not_before = c.not_before;
	assert_int_equal(enroll_certificate_check(j, pem, &r, &c), 0);
}

/* --- renewal ------------------------------------------------------------- */

/* AC-166: who it is for, and its identifier, which the server reads. */
static void
test_renewal(void **state)
{
	struct job *j = lab_job();
	const struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = two,
		.mailbox_count = 2 };
	struct span pem = issue_chain(j, &r);
	struct enroll_certificate c;
	struct enroll_renewal n;
	struct certid id;
	struct buf b;

	(void)state;
	assert_int_equal(enroll_certificate_check(j, pem, &r, &c), 0);
	buf_init(&b, j->arena, 100000);
	buf_add_str(&b, "subject=\n");
	buf_add(&b, pem);
	assert_int_equal(enroll_renewal_parse(j, buf_span(&b), &n), 0);
	assert_int_equal(n.mailbox_count, 2);
	assert_string_equal(n.mailboxes[0], two[0]);
	assert_string_equal(n.mailboxes[1], two[1]);
	assert_int_equal(n.not_after, c.not_after);
	assert_int_equal(certid_parse(span_str(n.certid), &id), 0);
	assert_string_equal(id.serial, c.serial);
	for (size_t i = 0; i < pem.n; i += 7) {
		if (enroll_renewal_parse(j, span_cut(pem, 0, i), &n) == 0)
			continue;
		assert_job_error(j, ERR_MALFORMED, NULL);
		job_recover(j);
	}
	/* A CA's names no mailbox. */
	pem = span_from(pem, span_find_span(pem, 1, SPAN("-----BEGIN")));
	assert_int_equal(enroll_renewal_parse(j, pem, &n), -1);
	assert_non_null(strstr(j->err.text, "does not name mailboxes"));
}

/* RFC 9773 section 4.2: in the window, the same each time, and spread. */
static void
test_moment(void **state)
{
	struct enroll_plan plan = { 1000, 2000, 0 };
	struct job *j = unit_job();
	bool early = false, late = false;

	(void)state;
	for (int i = 0; i < 100; i++) {
		const char *certid = arena_printf(j->arena, "aa.%d", i);
		int64_t at = enroll_renewal_moment(certid, &plan);

		assert_in_range(at, 1000, 1999);
		assert_int_equal(at, enroll_renewal_moment(certid, &plan));
		early = early || at < 1100;
		late = late || at >= 1900;
	}
	assert_true(early && late);
	plan.end = INT64_MAX;
	assert_int_equal(enroll_renewal_moment("aa.1", &plan), 1000);
}

#define NO_WINDOW                                                              \
	"{\"start\":\"2026-01-01T00:00:00Z\","                                 \
	"\"end\":\"2026-01-01T00:00:00Z\","                                    \
	"\"ask_again\":\"2026-11-23T13:00:00Z\"}"
#define NO_TIME                                                                \
	"{\"start\":\"2026-01-01T00:00:00Z\","                                 \
	"\"end\":\"2026-01-02T00:00:00Z\"}"

/* AC-165: what is kept between runs, and for how long. */
static void
test_plan(void **state)
{
	static const char *const bad[] = { "", "{}", "[]", NO_WINDOW, NO_TIME };
	const struct enroll_plan plan = { LAB_NOW, LAB_NOW + 100,
		LAB_NOW + 60 };
	struct enroll_renewal r = { .not_before = 0, .not_after = 30000 };
	struct job *j = unit_job();
	struct enroll_plan read;
	struct span text = enroll_plan_format(j, &plan);

	(void)state;
	assert_int_equal(enroll_plan_parse(j, text, LAB_NOW, &read), 0);
	assert_int_equal(read.start, plan.start);
	assert_int_equal(read.end, plan.end);
	assert_int_equal(read.ask_at, plan.ask_at);
	assert_int_equal(enroll_plan_parse(j, text, LAB_NOW + 60, &read), -1);
	/* The clock was put back by a year. */
	assert_int_equal(
	    enroll_plan_parse(j, text, LAB_NOW - 365 * 86400, &read), -1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    enroll_plan_parse(j, span_str(bad[i]), LAB_NOW, &read), -1);
	}
	assert_int_equal(enroll_plan_ask_at(-1, 0), 21600);
	assert_int_equal(enroll_plan_ask_at(0, 0), 60);
	assert_int_equal(enroll_plan_ask_at(3600, 5), 3605);
	assert_int_equal(enroll_plan_ask_at(INT64_MAX, 0), 86400);

	read = enroll_renewal_usual(&r);
	assert_int_equal(read.start, 20000);
	assert_int_equal(read.end, 21001);
}

static void
refuse(struct span pem, const struct enroll_request *r, const char *why)
{
	struct job *j = unit_job();
	struct enroll_certificate c;

	assert_int_equal(enroll_certificate_check(j, pem, r, &c), -1);
	assert_int_equal(j->err.kind, ERR_MALFORMED);
	if (strstr(j->err.text, why) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", j->err.text, why);
	job_recover(j);
}

/* Somebody else's, or for something else. */
static void
test_foreign_certificates(void **state)
{
	struct job *j = lab_job();
	const struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = alice,
		.mailbox_count = 1,
		.usage = ENROLL_SIGN };
	struct enroll_request other = r;
	struct span pem = issue_chain(j, &r);

	(void)state;
	other.key = lab_key(KEY_TYPE_P384, 0);
	refuse(pem, &other, "another key");
	other = r;
	other.mailboxes = two;
	other.mailbox_count = 2;
	refuse(pem, &other, "does not name our mailbox");
	refuse(issue_chain(j, &other), &r, "not ours");
	other = r;
	other.mailboxes = &two[1];
	refuse(pem, &other, "not ours");
	other = r;
	other.usage = ENROLL_ENCRYPT;
	refuse(pem, &other, "not for encryption");
	refuse(issue_chain(j, &other), &r, "not for signing");
	clock_set(LAB_NOW + (int64_t)400 * 86400);
	refuse(pem, &r, "expired");
	clock_set(LAB_NOW - 86400);
	refuse(pem, &r, "not valid yet");
}

/* Chains that are none. */
static void
test_bad_chains(void **state)
{
	struct job *j = lab_job();
	const struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = alice,
		.mailbox_count = 1 };
	struct span pem = issue_chain(j, &r), leaf, ca;
	struct buf b;
	size_t end;

	(void)state;
	end = span_find_span(pem, 1, SPAN("-----BEGIN"));
	leaf = span_cut(pem, 0, end);
	ca = span_from(pem, end);
	refuse(leaf, &r, "issuer");
	refuse(ca, &r, "issuer");
	refuse(SPAN(""), &r, "issuer");
	refuse(SPAN("hello"), &r, "PEM");

	buf_init(&b, j->arena, 100000);
	buf_add(&b, ca);
	buf_add(&b, leaf);
	refuse(buf_span(&b), &r, "another key");
	buf_clear(&b);
	buf_add(&b, leaf);
	buf_add(&b, leaf);
	refuse(buf_span(&b), &r, "order");
	buf_clear(&b);
	buf_add(&b, pem);
	buf_add_str(&b, "-----BEGIN PRIVATE KEY-----\n");
	refuse(buf_span(&b), &r, "PEM");
	/* A signature that is not the CA's: one octet of it changed. */
	buf_clear(&b);
	buf_add(&b, pem);
	end = span_find_span(pem, 0, SPAN("\n-----END")) - 12;
	b.p[end] = b.p[end] == 'A' ? 'B' : 'A';
	refuse(buf_span(&b), &r, "");
}

static void
test_cut_chain(void **state)
{
	struct job *j = lab_job();
	const struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = alice,
		.mailbox_count = 1 };
	struct span pem = issue_chain(j, &r);
	struct enroll_certificate c;

	(void)state;
	for (size_t n = 0; n + 1 < pem.n; n++) {
		unit_case("%zu", n);
		assert_int_equal(
		    enroll_certificate_check(j, span_cut(pem, 0, n), &r, &c),
		    -1);
		job_recover(j);
	}
}

/* --- PKCS#12 ------------------------------------------------------------- */

/* A strong cipher for each bag, and a strong hash for the MAC. */
static void
check_algorithms(PKCS12 *p12)
{
	static const char aes256[] = "\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
	const X509_ALGOR *mac;
	const ASN1_OBJECT *oid;
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
	unsigned char *der = NULL;
	int n = i2d_PKCS12(p12, &der);

	PKCS12_get0_mac(NULL, &mac, NULL, NULL, p12);
	X509_ALGOR_get0(&oid, NULL, NULL, mac);
	assert_int_equal(OBJ_obj2nid(oid), NID_sha256);
	assert_int_equal(sk_PKCS7_num(safes), 2);
	assert_true(n > 0);
	assert_true(span_find_span(span_mem(der, (size_t)n), 0,
			span_mem(aes256, sizeof(aes256) - 1)) < (size_t)n);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	OPENSSL_free(der);
}

static void
test_p12(void **state)
{
	struct job *j = lab_job();
	const struct enroll_request r = { .key = lab_key(KEY_TYPE_P256, 0),
		.mailboxes = alice,
		.mailbox_count = 1 };
	const unsigned char *p;
	struct enroll_certificate c;
	STACK_OF(X509) *above = NULL;
	EVP_PKEY *key = NULL;
	X509 *leaf = NULL;
	struct span der;
	PKCS12 *p12;

	(void)state;
	assert_int_equal(
	    enroll_certificate_check(j, issue_chain(j, &r), &r, &c), 0);
	assert_int_equal(enroll_p12(j, &r, &c, SPAN("s3cret"), &der), 0);
	p = ossl_bytes(der);
	p12 = d2i_PKCS12(NULL, &p, (long)der.n);
	assert_non_null(p12);
	check_algorithms(p12);
	assert_int_equal(PKCS12_verify_mac(p12, "S3cret", -1), 0);
	assert_int_equal(PKCS12_parse(p12, "s3cret", &key, &leaf, &above), 1);
	assert_int_equal(EVP_PKEY_eq(key, r.key), 1);
	assert_int_equal(X509_cmp(leaf, sk_X509_value(c.chain, 0)), 0);
	assert_int_equal(sk_X509_num(above), 1);
	assert_int_equal(
	    X509_cmp(sk_X509_value(above, 0), sk_X509_value(c.chain, 1)), 0);
	sk_X509_pop_free(above, X509_free);
	X509_free(leaf);
	EVP_PKEY_free(key);
	PKCS12_free(p12);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_key_files),
	cmocka_unit_test(test_bad_key_files),
	cmocka_unit_test(test_requests),
	cmocka_unit_test(test_request_names),
	cmocka_unit_test(test_usages),
	cmocka_unit_test(test_certificates),
	cmocka_unit_test(test_dates),
	cmocka_unit_test(test_renewal),
	cmocka_unit_test(test_moment),
	cmocka_unit_test(test_plan),
	cmocka_unit_test(test_foreign_certificates),
	cmocka_unit_test(test_bad_chains),
	cmocka_unit_test(test_cut_chain),
	cmocka_unit_test(test_p12),
};

UNIT_MAIN(tests)
