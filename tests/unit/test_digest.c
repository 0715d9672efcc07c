#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"

/* FIPS 180-2, appendix B. */
static const char abc_hex[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char empty_hex[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void
test_sha256(void **state)
{
	struct job *j = unit_job();
	uint8_t sum[SHA256_LEN];

	(void)state;
	sha256(SPAN("abc"), sum);
	assert_string_equal(
	    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), abc_hex);
	sha256(span_str(NULL), sum);
	assert_string_equal(
	    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), empty_hex);
}

static void
test_streaming(void **state)
{
	struct job *j = unit_job();
	struct sha256_ctx *c = sha256_new(j->arena);
	uint8_t sum[SHA256_LEN];

	(void)state;
	sha256_add(c, SPAN("a"));
	sha256_add(c, span_str(NULL));
	sha256_add(c, SPAN("bc"));
	sha256_finish(c, sum);
	assert_string_equal(
	    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), abc_hex);
	sha256_finish(sha256_new(j->arena), sum);
	assert_string_equal(
	    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), empty_hex);
	/* The next sum begins with nothing. */
	sha256_finish(c, sum);
	assert_string_equal(
	    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), empty_hex);
	sha256_add(c, SPAN("abc"));
	sha256_finish(c, sum);
	assert_string_equal(
	    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), abc_hex);
}

/* RFC 4231, test cases 1, 2 and 6. */
static void
test_hmac(void **state)
{
	char key_b[20], key_aa[131];
	const struct {
		struct span key, data;
		const char *hex;
	} cases[] = {
		{ { key_b, sizeof(key_b) }, SPAN("Hi There"),
		    "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7" },
		{ SPAN("Jefe"), SPAN("what do ya want for nothing?"),
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843" },
		{ { key_aa, sizeof(key_aa) },
		    SPAN("Test Using Larger Than Block-Size Key - "
			 "Hash Key First"),
		    "60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54" },
		/* no key, no data */
		{ { NULL, 0 }, { NULL, 0 },
		    "b613679a0814d9ec772f95d778c35fc5"
		    "ff1697c493715653c6c712144292c5ad" },
	};
	struct job *j = unit_job();

	(void)state;
	memset(key_b, 0x0b, sizeof(key_b));
	memset(key_aa, 0xaa, sizeof(key_aa));
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t sum[SHA256_LEN];

		unit_case("%zu", i);
		hmac_sha256(cases[i].key, cases[i].data, sum);
		assert_string_equal(
		    hex_dup(j->arena, span_mem(sum, SHA256_LEN)), cases[i].hex);
	}
}

static void
test_compare_and_wipe(void **state)
{
	char secret[] = "secret";

	(void)state;
	assert_true(ct_equal(SPAN(""), span_str(NULL)));
	assert_true(ct_equal(SPAN("abc"), SPAN("abc")));
	assert_false(ct_equal(SPAN("abc"), SPAN("abd")));
	assert_false(ct_equal(SPAN("abc"), SPAN("ab")));
	assert_false(ct_equal(SPAN("a\0b"), SPAN("a\0c")));
	wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", 7);
	wipe(NULL, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_sha256),
	cmocka_unit_test(test_streaming),
	cmocka_unit_test(test_hmac),
	cmocka_unit_test(test_compare_and_wipe),
};

UNIT_MAIN(tests)
