/* Certificate identifiers of renewal information. */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "acme/certid.h"
#include "lib/count.h"
#include "tests/unit/vectors.h"

/* AC-166: ari_certid/valid, there and back. */
static void
test_valid(void **state)
{
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach (vectors_at("ari_certid/valid"), i, v) {
		const char *text = vectors_str(v, "certid");
		struct certid id;

		unit_case("%s", vectors_str(v, "name"));
		assert_int_equal(certid_parse(span_str(text), &id), 0);
		assert_string_equal(id.ca_label, vectors_str(v, "aki_hex"));
		assert_string_equal(
		    id.serial, vectors_str(v, "serial_der_content_hex"));
		assert_string_equal(
		    certid_format(unit_job(), id.ca_label, id.serial), text);
	}
	assert_true(i > 0);
}

/* AC-166: ari_certid/invalid */
static void
test_invalid(void **state)
{
	struct certid id;
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach (vectors_at("ari_certid/invalid"), i, v) {
		unit_case("%s", vectors_str(v, "why"));
		assert_int_equal(
		    certid_parse(span_str(vectors_str(v, "certid")), &id), -1);
	}
	assert_true(i > 0);
}

/* AC-166: bounds, and what the vectors do not have. */
static void
test_bounds(void **state)
{
	static const struct {
		const char *serial;
		int result;
	} serials[] = { { "AQ", 0 }, { "fw", 0 }, { "gA", -1 }, { "AP8", 0 },
		{ "AH8", -1 }, { "AAA", -1 }, { "AACA", -1 },
		{ "AIAAAAAAAAAAAAAAAAAAAAAAAAA", 0 },
		{ "AIAAAAAAAAAAAAAAAAAAAAAAAAAA", -1 }, { "AQ=", -1 },
		{ "AQ ", -1 }, { " AQ", -1 }, { "AQ.", -1 }, { "A", -1 } };
	char text[256];
	struct certid id;

	(void)state;
	for (size_t i = 0; i < COUNT(serials); i++) {
		struct span s;

		unit_case("%s", serials[i].serial);
		strcpy(text, "whC0OzE6Bm45631FRb5T4D0RRBk.");
		strcat(text, serials[i].serial);
		s = span_str(text);
		assert_int_equal(certid_parse(s, &id), serials[i].result);
	}
	/* a key identifier of 64 octets, and of 65 */
	memset(text, 'A', 86);
	strcpy(text + 86, ".AQ");
	unit_case("64 octets");
	assert_int_equal(certid_parse(span_str(text), &id), 0);
	assert_int_equal(strlen(id.ca_label), 128);
	strcpy(text + 86, "A.AQ");
	unit_case("65 octets");
	assert_int_equal(certid_parse(span_str(text), &id), -1);
}

/* A NUL is an octet like any other, and every beginning is refused or is a
 * certificate's. */
static void
test_cut(void **state)
{
	static const char text[] =
	    "whC0OzE6Bm45631FRb5T4D0RRBk.APDh0sO0pZaHeGlaSzwtHg8";
	struct certid id;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct span s = span_mem(text, n);

		unit_case("%zu octets", n);
		if (certid_parse(s, &id) == 0)
			assert_span_equal(s,
			    certid_format(unit_job(), id.ca_label, id.serial));
	}
	assert_int_equal(certid_parse(span_mem("\0.AQ", 4), &id), -1);
	assert_int_equal(certid_parse(span_mem("AA.AQ\0", 6), &id), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_valid),
	cmocka_unit_test(test_invalid),
	cmocka_unit_test(test_bounds),
	cmocka_unit_test(test_cut),
};
UNIT_MAIN(tests)
