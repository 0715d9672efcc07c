/*
 * The DER reader and writer: PK-56, PK-94, L-01.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "lib/hex.h"
#include "pki/der.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static void
test_strict(void **state)
{
	static const struct {
		const char *hex;
		bool strict;
	} cases[] = {
		{ "", false },
		{ "05", false },
		{ "0500", true },
		{ "050100", false },
		{ "0500 00", false },
		{ "0000", false },
		{ "0580 0000", false },
		{ "1f8101 00", false },
		{ "04 8101 00", false }, /* long form of a short length */
		{ "04 820080", false },  /* and no content */
		{ "04 84ffffffff", false },
		{ "04 850000000001 00", false },
		{ "0101ff", true },
		{ "010100", true },
		{ "010101", false },
		{ "0102ffff", false },
		{ "0100", false },
		{ "020100", true },
		{ "0200", false },
		{ "02020080", true },
		{ "0202007f", false },
		{ "0202ff7f", true },
		{ "0202ff80", false },
		{ "0a020001", false },
		{ "030100", true },
		{ "0300", false },
		{ "030101", false },
		{ "03020100", true },
		{ "03020101", false },
		{ "03020880", false },
		{ "0603551d0f", true },
		{ "0600", false },
		{ "06025580", false },
		{ "0603558001", false },
		{ "3000", true },
		{ "1000", false },
		{ "1100", false },
		{ "2403 0401 00", false }, /* constructed OCTET STRING */
		{ "3003 020100", true },
		{ "3003 020001", false },
		{ "3004 020100", false },
		{ "3106 020101 020102", true },
		{ "3106 020102 020101", false },
		{ "3106 020101 020101", false },
		{ "3107 020101 02020080", true },
		{ "a003 020100", true },
		{ "a003 020001", false },
		{ "8001 00", true },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span in = lab_hex(j, cases[i].hex);
		char *copy = xmalloc(in.n + 1);
		unit_case("%s", cases[i].hex);
		memcpy(copy, in.p, in.n);
		assert_int_equal(
		    der_is_strict(span_mem(copy, in.n)), cases[i].strict);
		free(copy);
	}
}

/* Nothing deeper than a certificate ever is; the stack is bounded. */
static void
test_depth(void **state)
{
	struct job *j = unit_job();
	struct span in = lab_hex(j, "0500");
	(void)state;

	for (int depth = 1; depth < 60; depth++) {
		in = lab_der(j, DER_SEQUENCE, in);
		assert_int_equal(der_is_strict(in), depth <= 24);
	}
}

/* Each length around the borders of its forms, written and read again. */
static void
test_lengths(void **state)
{
	static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 257, 65535,
		65536, 70000 };
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		char *body = arena_alloc(j->arena, lengths[i] + 1);
		struct buf b;
		struct der d;

		unit_case("%zu", lengths[i]);
		buf_init(&b, j->arena, 100000);
		der_add(&b, DER_OCTET_STRING, span_mem(body, lengths[i]));
		assert_int_equal(
		    der_only(buf_span(&b), DER_OCTET_STRING, &d), 0);
		assert_int_equal(d.body.n, lengths[i]);
		assert_true(der_is_strict(buf_span(&b)));
	}
}

static void
test_named_bits(void **state)
{
	static const struct {
		const char *hex;
		int bits; /* -1: refused */
	} cases[] = {
		{ "00", 0 },
		{ "0780", 1 },
		{ "06c0", 3 },
		{ "030008", -1 },
		{ "070080", 0x100 },
		{ "07ff80", 0x1ff },
		{ "060040", -1 },
		{ "0680", -1 },
		{ "0700", -1 },
		{ "", -1 },
		{ "0880", -1 },
		{ "01", -1 },
	};
	struct job *j = unit_job();
	unsigned got;
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].hex);
		int r = der_named_bits(lab_hex(j, cases[i].hex), 9, &got);
		assert_int_equal(r, cases[i].bits < 0 ? -1 : 0);
		if (r == 0)
			assert_int_equal(got, cases[i].bits);
	}
}

/* PK-94 */
static void
test_times(void **state)
{
	static const struct {
		uint8_t tag;
		const char *text;
		int64_t secs;
		bool good;
	} cases[] = {
		{ 0x17, "700101000000Z", 0, true },
		{ 0x17, "500101000000Z", -631152000, true },
		{ 0x17, "491231235959Z", 2524607999, true },
		{ 0x18, "20500101000000Z", 2524608000, true },
		{ 0x18, "20491231235959Z", 0, false },
		{ 0x18, "21000228235959Z", 4107542399, true },
		{ 0x18, "21000229000000Z", 0, false },
		{ 0x17, "000229000000Z", 951782400, true },
		{ 0x17, "010229000000Z", 0, false },
		{ 0x17, "991231235960Z", 0, false },
		{ 0x17, "991301000000Z", 0, false },
		{ 0x17, "990001000000Z", 0, false },
		{ 0x17, "990100000000Z", 0, false },
		{ 0x17, "990101240000Z", 0, false },
		{ 0x17, "990101006000Z", 0, false },
		{ 0x17, "9901010000Z", 0, false },
		{ 0x17, "990101000000", 0, false },
		{ 0x17, "990101000000+0000", 0, false },
		{ 0x17, "990101000000z", 0, false },
		{ 0x17, "99010100000 Z", 0, false },
		{ 0x18, "20500101000000.0Z", 0, false },
		{ 0x0c, "700101000000Z", 0, false },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct der d = { .tag = cases[i].tag,
			.body = span_str(cases[i].text) };
		int64_t secs = 0;
		struct buf b;

		unit_case("%s", cases[i].text);
		assert_int_equal(der_time(&d, &secs), cases[i].good ? 0 : -1);
		if (!cases[i].good || cases[i].secs < 0)
			continue;
		assert_int_equal(secs, cases[i].secs);
		buf_init(&b, j->arena, 64);
		der_add_time(&b, secs);
		assert_int_equal((uint8_t)b.p[0], cases[i].tag);
		assert_true(
		    span_eq_str(span_from(buf_span(&b), 2), cases[i].text));
	}
}

static void
test_oid_text(void **state)
{
	static const struct {
		const char *hex, *text;
	} cases[] = {
		{ "551d11", "2.5.29.17" },
		{ "2a864886f70d010901", "1.2.840.113549.1.9.1" },
		{ "67810c01050102", "2.23.140.1.5.1.2" },
		{ "00", "0.0" },
		{ "27", "0.39" },
		{ "28", "1.0" },
		{ "8837", "2.999" },
		{ "", "?" },
		{ "80", "?" },
		{ "55ff", "?" },
		{ "55ffffffffffffffffffff7f", "2.5.151115727451828646838271" },
		/* a UUID */
		{ "6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776",
		    "2.25.329800735698586629295641978511506172918" },
		{ "2a8100", "1.2.128" },
		{ "2a00", "1.2.0" },
		{ "ffffffffffffffffff7f", "?" },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].hex);
		assert_string_equal(
		    der_oid_text(j->arena, lab_hex(j, cases[i].hex)),
		    cases[i].text);
	}
}

/* A buf that is too small fails and stays in its bounds. */
static void
test_writer_bounds(void **state)
{
	struct job *j = unit_job();
	(void)state;

	for (size_t max = 0; max < 400; max++) {
		struct buf b;
		buf_init(&b, j->arena, max);
		size_t outer = der_open(&b, DER_SEQUENCE);
		for (int i = 0; i < 10; i++)
			der_add(&b, DER_OCTET_STRING,
			    SPAN("0123456789012345678901234567"));
		der_add_uint(&b, UINT64_MAX);
		der_close(&b, outer);
		assert_int_equal(buf_ok(&b), max >= 300 + 11 + 4);
		if (buf_ok(&b))
			assert_true(der_is_strict(buf_span(&b)));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_strict),
	cmocka_unit_test(test_depth),
	cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_named_bits),
	cmocka_unit_test(test_times),
	cmocka_unit_test(test_oid_text),
	cmocka_unit_test(test_writer_bounds),
};

UNIT_MAIN(tests)
