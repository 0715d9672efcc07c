#include "config.h"

#include "tests/unit/unit.h"

#include "lib/hex.h"

static void
test_round_trip(void **state)
{
	struct job *j = unit_job();
	unsigned char octets[256], again[256];
	char text[513];

	(void)state;
	for (int i = 0; i < 256; i++)
		octets[i] = (unsigned char)i;
	hex_format(text, span_mem(octets, 256));
	assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f", 32);
	assert_int_equal(hex_parse_fixed(span_str(text), again, 256), 0);
	assert_memory_equal(octets, again, 256);
	assert_string_equal(hex_dup(j->arena, span_mem(octets, 256)), text);
	assert_string_equal(hex_dup(j->arena, SPAN("")), "");
	for (size_t cut = 0; cut < 512; cut++) {
		assert_int_equal(
		    hex_parse_fixed(span_mem(text, cut), again, 256), -1);
		assert_int_equal(
		    hex_parse_fixed(span_mem(text, cut), again, cut / 2),
		    cut % 2 == 0 ? 0 : -1);
	}
}

static void
test_digits(void **state)
{
	unsigned char octet;

	(void)state;
	assert_int_equal(hex_parse_fixed(SPAN("aF"), &octet, 1), 0);
	assert_int_equal(octet, 0xaf);
	for (int c = 0; c < 256; c++) {
		char text[2] = { '0', (char)c };
		bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			     (c >= 'A' && c <= 'F');

		unit_case("octet %02x", (unsigned)c);
		assert_int_equal(hex_parse_fixed(span_mem(text, 2), &octet, 1),
		    digit ? 0 : -1);
	}
	assert_int_equal(hex_parse_fixed(SPAN(""), &octet, 0), 0);
	assert_int_equal(hex_parse_fixed(SPAN("0x00"), &octet, 1), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_round_trip),
	cmocka_unit_test(test_digits),
};

UNIT_MAIN(tests)
