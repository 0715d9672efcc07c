#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "tests/unit/vectors.h"

/* AC-29: the vectors of base64url_strict. */
static void
test_url_valid(void **state)
{
	struct job *j = unit_job();
	json_t *pair;
	size_t i;

	(void)state;
	json_array_foreach (vectors_at("base64url_strict/valid"), i, pair) {
		const char *text = json_string_value(json_array_get(pair, 0));
		const char *hex = json_string_value(json_array_get(pair, 1));
		struct span octets;
		char again[64];

		unit_case("\"%s\"", text);
		assert_int_equal(
		    b64url_parse(j->arena, span_str(text), &octets), 0);
		assert_string_equal(hex_dup(j->arena, octets), hex);
		b64url_format(again, octets);
		assert_string_equal(again, text);
		assert_string_equal(b64url_dup(j->arena, octets), text);
		assert_int_equal(B64URL_LEN(octets.n), strlen(text));
		assert_true(b64url_is_alphabet(span_str(text)));
	}
	assert_true(i > 0);
}

static void
test_url_invalid(void **state)
{
	struct job *j = unit_job();
	json_t *v;
	size_t i;

	(void)state;
	json_array_foreach (vectors_at("base64url_strict/invalid"), i, v) {
		struct span text =
		    span_mem(json_string_value(v), json_string_length(v));
		struct span octets;
		char fixed[16];

		unit_case("\"%s\"", text.p);
		assert_int_equal(b64url_parse(j->arena, text, &octets), -1);
		for (size_t n = 0; n < sizeof(fixed); n++)
			assert_int_equal(
			    b64url_parse_fixed(text, fixed, n), -1);
	}
	assert_true(i > 0);
}

/* AC-29: of all texts of one and two octets, exactly the 256 that encoding
 * one octet gives are accepted; so with a third octet after a fixed pair. */
static void
test_url_one_spelling(void **state)
{
	int accepted[4] = { 0 };

	(void)state;
	for (int c = 0; c < 65536; c++) {
		char two[2] = { (char)(c >> 8), (char)(c & 255) };
		char three[3] = { 'A', two[0], two[1] };
		unsigned char octets[2];

		if (c < 256 &&
		    b64url_parse_fixed(span_mem(&two[1], 1), octets, 0) == 0)
			accepted[1]++;
		if (b64url_parse_fixed(span_mem(two, 2), octets, 1) == 0)
			accepted[2]++;
		if (b64url_parse_fixed(span_mem(three, 3), octets, 2) == 0)
			accepted[3]++;
	}
	assert_int_equal(accepted[1], 0);
	assert_int_equal(accepted[2], 256);
	/* 'A' fixes six of the sixteen bits. */
	assert_int_equal(accepted[3], 1024);
}

static void
test_url_round_trip_and_cut(void **state)
{
	struct job *j = unit_job();
	unsigned char octets[64];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(octets); n++) {
		char text[B64URL_LEN(sizeof(octets)) + 1];
		struct span again;
		struct buf b;

		unit_case("%zu octets", n);
		b64url_format(text, span_mem(octets, n));
		assert_int_equal(strlen(text), B64URL_LEN(n));
		buf_init(&b, j->arena, sizeof(text));
		b64url_add(&b, span_mem(octets, n));
		assert_span_equal(buf_span(&b), text);
		assert_int_equal(
		    b64url_parse(j->arena, span_str(text), &again), 0);
		assert_true(span_eq(again, span_mem(octets, n)));
		for (size_t cut = 0; cut < strlen(text); cut++) {
			/* What is still accepted is a prefix. */
			if (b64url_parse(
				j->arena, span_mem(text, cut), &again) != 0)
				continue;
			assert_true(again.n < n);
			assert_true(span_starts(span_mem(octets, n), again));
		}
	}
}

static void
test_url_fixed(void **state)
{
	unsigned char octets[3];

	(void)state;
	assert_int_equal(b64url_parse_fixed(SPAN("AAEC"), octets, 3), 0);
	assert_memory_equal(octets, "\0\1\2", 3);
	assert_int_equal(b64url_parse_fixed(SPAN("AAEC"), octets, 2), -1);
	assert_int_equal(b64url_parse_fixed(SPAN("AAE"), octets, 3), -1);
	assert_int_equal(b64url_parse_fixed(SPAN(""), octets, 0), 0);
	assert_false(b64url_is_alphabet(SPAN("AA=")));
	assert_false(b64url_is_alphabet(SPAN("A\0A")));
	assert_false(b64url_is_alphabet(SPAN("A+A")));
}

/* RFC 4648, section 10; MA-22. */
static void
test_padded(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff", "+/8=" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span octets;
		struct buf b;

		unit_case("%s", cases[i][1]);
		buf_init(&b, j->arena, 100);
		b64_add(&b, span_str(cases[i][0]));
		assert_span_equal(buf_span(&b), cases[i][1]);
		assert_int_equal(
		    b64_parse_fws(j->arena, span_str(cases[i][1]), &octets), 0);
		assert_span_equal(octets, cases[i][0]);
	}
}

/* Any length, in one go or in parts. */
static void
test_padded_lengths(void **state)
{
	struct job *j = unit_job();
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof(text); n++) {
		struct span octets;
		struct buf whole, parts;

		unit_case("%zu", n);
		buf_init(&whole, j->arena, 2000);
		b64_add(&whole, span_mem(text, n));
		assert_int_equal(whole.n, (n + 2) / 3 * 4);
		buf_init(&parts, j->arena, 2000);
		for (size_t i = 0; i < n; i += 3)
			b64_add(
			    &parts, span_mem(text + i, n - i < 3 ? n - i : 3));
		assert_true(span_eq(buf_span(&whole), buf_span(&parts)));
		assert_int_equal(
		    b64_parse_fws(j->arena, buf_span(&whole), &octets), 0);
		assert_true(span_eq(octets, span_mem(text, n)));
	}
}

static void
test_padded_fws(void **state)
{
	static const struct {
		const char *text;
		const char *octets; /* NULL: refused */
	} cases[] = {
		{ " Z\r\n\tg = = \r\n", "f" },
		{ "Zm9v\r\n Ym\tFy", "foobar" },
		{ "\r\n", "" },
		{ "Zg", NULL },
		{ "Zg=", NULL },
		{ "Zg===", NULL },
		{ "Zm8==", NULL },
		{ "Zm9v=", NULL },
		{ "Zm9v====", NULL },
		{ "====", NULL },
		{ "Zg==Zg==", NULL },
		{ "Zg==x", NULL },
		{ "Z=g=", NULL },
		{ "Zh==", NULL },
		{ "Zm9=", NULL },
		{ "Zm_v", NULL },
		{ "Zm-v", NULL },
		{ "Zm9v!", NULL },
		{ "Zm9v\v", NULL },
		{ "Zm9v\xc2\xa0", NULL },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span octets;
		int result =
		    b64_parse_fws(j->arena, span_str(cases[i].text), &octets);

		unit_case("%zu \"%s\"", i, cases[i].text);
		assert_int_equal(result, cases[i].octets == NULL ? -1 : 0);
		if (result == 0)
			assert_span_equal(octets, cases[i].octets);
	}
	assert_int_equal(
	    b64_parse_fws(j->arena, SPAN("Zm9v\0"), &(struct span){ NULL, 0 }),
	    -1);
}

static void
test_padded_cut(void **state)
{
	struct span text = SPAN("Zm9v\r\n YmFy\r\n YQ==\r\n");
	struct job *j = unit_job();

	(void)state;
	for (size_t n = 0; n <= text.n; n++) {
		struct span octets;

		unit_case("%zu characters", n);
		if (b64_parse_fws(j->arena, span_cut(text, 0, n), &octets) == 0)
			assert_true(span_starts(SPAN("foobara"), octets));
		else
			assert_true(n % 4 != 0 || n > 4);
	}
}

/* What does not fit makes the buf fail, and nothing else. */
static void
test_add_to_small_buf(void **state)
{
	struct job *j = unit_job();
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 3);
	b64url_add(&b, SPAN("foobar"));
	assert_false(buf_ok(&b));
	buf_init(&b, j->arena, 3);
	b64_add(&b, SPAN("f"));
	assert_false(buf_ok(&b));
}

/* RFC 4648 10, in lower case and without padding; and a tag or id. */
static void
test_b32(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "f", "my" },
		{ "fo", "mzxq" },
		{ "foo", "mzxw6" },
		{ "foob", "mzxw6yq" },
		{ "fooba", "mzxw6ytb" },
		{ "foobar", "mzxw6ytboi" },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff"
		  "\xff\xff\xff\xff\xff\xff\xff\xff",
		    "7777777777777777777777777"
		    "4" },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_init(&b, unit_job()->arena, 100);
		buf_add_str(&b, "");
		b32_add(&b, span_str(cases[i][0]));
		assert_true(span_eq_str(buf_span(&b), cases[i][1]));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_b32),
	cmocka_unit_test(test_url_valid),
	cmocka_unit_test(test_url_invalid),
	cmocka_unit_test(test_url_one_spelling),
	cmocka_unit_test(test_url_round_trip_and_cut),
	cmocka_unit_test(test_url_fixed),
	cmocka_unit_test(test_padded),
	cmocka_unit_test(test_padded_lengths),
	cmocka_unit_test(test_padded_fws),
	cmocka_unit_test(test_padded_cut),
	cmocka_unit_test(test_add_to_small_buf),
};

UNIT_MAIN(tests)
