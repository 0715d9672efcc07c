/*
 * Revocation lists: PK-151, PK-152, PK-153, PK-156, PK-158, PK-159; L-60,
 * L-61, L-63, L-64.
 */
#include "config.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "lib/hex.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static struct crl_input
input(const struct crl_entry *entries, size_t count)
{
	return (struct crl_input){ .number = 1,
		.this_update = LAB_NOW,
		.next_update = crl_next_update(LAB_NOW),
		.entries = entries,
		.count = count };
}

static X509_CRL *
parse(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.n);

	assert_non_null(crl);
	return crl;
}

/* PK-156 */
static void
test_next_update(void **state)
{
	(void)state;
	assert_int_equal(crl_next_update(LAB_NOW), LAB_NOW + 604800 - 1);
}

/* PK-151, PK-152: the octets of an empty list; no entries, no field. */
static void
test_empty(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	const struct crl_input in = input(NULL, 0);
	struct span der;
	(void)state;

	assert_int_equal(crl_sign(j, ca, &in, &der), 0);
	const char *expected = arena_printf(j->arena,
	    "020101"
	    "300a06082a8648ce3d040302"
	    "%s"
	    "170d3236313132333132303030305a"
	    "170d3236313133303131353935395a"
	    "a02f302d"
	    "301f0603551d2304183016"
	    "8014%s"
	    "300a0603551d14040302"
	    "0101"
	    "300a06082a8648ce3d040302",
	    hex_dup(j->arena, ca->signer.name), ca_key_label(ca));
	assert_non_null(strstr(hex_dup(j->arena, der), expected));
	X509_CRL *crl = parse(der);
	assert_null(X509_CRL_get_REVOKED(crl));
	assert_int_equal(X509_CRL_verify(crl, ca->signer.public_key), 1);
	assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
	X509_CRL_free(crl);
}

/* PK-158: each reason, ENUMERATED, not critical; 0 is not written. */
static void
test_reasons(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct span der;
	(void)state;

	for (int reason = -1; reason <= 11; reason++) {
		const struct crl_entry e = { SPAN("\x2a\x01"), LAB_NOW - 60,
			reason };
		const struct crl_input in = input(&e, 1);
		bool good = reason == 0 || reason == 1 || reason == 3 ||
			    reason == 4 || reason == 5 || reason == 9;

		unit_case("reason %d", reason);
		assert_int_equal(crl_sign(j, ca, &in, &der), good ? 0 : -1);
		if (!good) {
			assert_non_null(strstr(j->err.text, "PK-158"));
			job_recover(j);
			continue;
		}
		const char *hex = reason == 0
				      ? "3015"
					"3013"
					"02022a01"
					"170d3236313132333131353930305a"
				      : arena_printf(j->arena,
					    "3023"
					    "3021"
					    "02022a01"
					    "170d3236313132333131353930305a"
					    "300c300a0603551d1504030a01%02x",
					    (unsigned)reason);
		assert_non_null(strstr(hex_dup(j->arena, der), hex));
	}
}

/* On a root's list a reason is mandatory, cACompromise possible. */
static void
test_root_reasons(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct span der;
	(void)state;

	for (int reason = 0; reason <= 3; reason++) {
		const struct crl_entry e = { SPAN("\x2a\x01"), LAB_NOW - 60,
			reason };
		const struct crl_input in = input(&e, 1);
		assert_int_equal(
		    crl_sign_as(j, &ca->signer, CA_ROLE_ROOT, &in, &der),
		    reason == 0 ? -1 : 0);
		job_recover(j);
	}
}

/* PK-141: linted before it is signed: PK-151, PK-153, PK-156, PK-159. */
static void
test_refusals(void **state)
{
	static const struct {
		const char *what, *a, *b;
		int64_t revoked_at;
		uint64_t number;
		int64_t span;
		const char *rule; /* NULL: accepted */
	} cases[] = {
		{ "good", "2a01", "2a02", LAB_NOW, 7, 604799, NULL },
		{ "longer is greater", "7f", "0080", LAB_NOW, 7, 604799, NULL },
		{ "not sorted", "2a02", "2a01", LAB_NOW, 7, 604799, "PK-151" },
		{ "not sorted by length", "2a0100", "2b01", LAB_NOW, 7, 604799,
		    "PK-151" },
		{ "twice", "2a01", "2a01", LAB_NOW, 7, 604799, "PK-151" },
		{ "negative", "8001", "", LAB_NOW, 7, 604799, "serial" },
		{ "empty", "", "", LAB_NOW, 7, 604799, "serial" },
		{ "not minimal", "0001", "2a", LAB_NOW, 7, 604799, "serial" },
		{ "21 octets", "2a",
		    "0101010101010101010101010101010101"
		    "01010101",
		    LAB_NOW, 7, 604799, "serial" },
		{ "revoked in the future", "2a01", "2a02", LAB_NOW + 1, 7,
		    604799, "PK-159" },
		{ "number 0", "2a01", "2a02", LAB_NOW, 0, 604799, "PK-153" },
		{ "nextUpdate = thisUpdate", "2a01", "2a02", LAB_NOW, 7, 0,
		    "PK-156" },
		{ "10 days", "2a01", "2a02", LAB_NOW, 7, 864000, "PK-156" },
		{ "10 days less a second", "2a01", "2a02", LAB_NOW, 7, 863999,
		    NULL },
	};
	struct job *j = lab_job();
	struct span der;
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct crl_entry e[] = {
			{ lab_hex(j, cases[i].a), LAB_NOW - 60, 0 },
			{ lab_hex(j, cases[i].b), cases[i].revoked_at, 1 },
		};
		struct crl_input in = input(e, 2);

		unit_case("%s", cases[i].what);
		in.number = cases[i].number;
		in.next_update = LAB_NOW + cases[i].span;
		int r = crl_sign(j, lab_ca("p256"), &in, &der);
		assert_int_equal(r, cases[i].rule == NULL ? 0 : -1);
		if (r < 0)
			assert_non_null(strstr(j->err.text, cases[i].rule));
		job_recover(j);
	}
}

/* PK-152: numbers are minimal INTEGERs. */
static void
test_numbers(void **state)
{
	static const struct {
		uint64_t number;
		const char *hex;
	} cases[] = {
		{ 1, "0603551d140403020101" },
		{ 127, "0603551d14040302017f" },
		{ 128, "0603551d14040402020080" },
		{ 65536, "0603551d1404050203010000" },
		{ UINT64_MAX, "0603551d14040b020900ffffffffffffffff" },
	};
	struct job *j = lab_job();
	struct span der;
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crl_input in = input(NULL, 0);
		in.number = cases[i].number;
		assert_int_equal(crl_sign(j, lab_ca("p256"), &in, &der), 0);
		assert_non_null(strstr(hex_dup(j->arena, der), cases[i].hex));
	}
}

/* PK-151: 10^5 entries; each found again; each CA key type. */
static void
test_large(void **state)
{
	static const char *const types[] = { "p256", "p384", "rsa3072" };
	struct job *j = lab_job();
	struct crl_entry *e = arena_calloc(j->arena, 100000, sizeof *e);
	struct span der;
	(void)state;

	for (unsigned i = 0; i < 100000; i++) {
		uint8_t *s = arena_alloc(j->arena, 17);
		s[0] = 0x2a;
		s[1] = (uint8_t)(i >> 16);
		s[2] = (uint8_t)(i >> 8);
		s[3] = (uint8_t)i;
		e[i] = (struct crl_entry){ span_mem(s, 17), LAB_NOW - i,
			i % 2 ? 1 : 0 };
	}
	for (size_t t = 0; t < COUNT(types); t++) {
		struct crl_input in = input(e, t == 0 ? 100000 : 3);
		const struct ca *ca = lab_ca(types[t]);

		unit_case("%s", types[t]);
		if (crl_sign(j, ca, &in, &der) < 0)
			fail_msg("%s", j->err.text);
		X509_CRL *crl = parse(der);
		assert_int_equal(
		    sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), in.count);
		assert_int_equal(
		    X509_CRL_verify(crl, ca->signer.public_key), 1);
		assert_true(der_is_strict(der));
		X509_CRL_free(crl);
	}
}

/* Without the key nothing is signed. */
static void
test_no_key(void **state)
{
	struct job *j = lab_job();
	struct ca ca = *lab_ca("p256");
	const struct crl_input in = input(NULL, 0);
	struct span der;
	(void)state;

	ca.signer.key = NULL;
	assert_int_equal(crl_sign(j, &ca, &in, &der), -1);
	assert_job_error(j, ERR_INTERNAL, "the CA's key is not loaded");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_next_update),
	cmocka_unit_test(test_empty),
	cmocka_unit_test(test_reasons),
	cmocka_unit_test(test_root_reasons),
	cmocka_unit_test(test_refusals),
	cmocka_unit_test(test_numbers),
	cmocka_unit_test(test_large),
	cmocka_unit_test(test_no_key),
};

UNIT_MAIN(tests)
