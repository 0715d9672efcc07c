/*
 * What OpenSSL is given as a passphrase: the octets that are there, or nothing,
 * and never a part of them.
 */
#include "config.h"

#include "lib/passphrase.h"

#include "tests/unit/unit.h"

static void
test_none(void **state)
{
	char out[8] = "as it is";

	(void)state;
	assert_int_equal(passphrase_none(out, sizeof(out), 0, NULL), -1);
	assert_memory_equal(out, "as it is", sizeof(out));
}

static void
test_give(void **state)
{
	struct span eight = SPAN("s3cr\0t!!"), none = SPAN("");
	char out[8] = { 0 };

	(void)state;
	assert_int_equal(passphrase_give(out, 7, 0, &eight), -1);
	assert_int_equal(passphrase_give(out, -1, 0, &eight), -1);
	assert_int_equal(out[0], 0);
	assert_int_equal(passphrase_give(out, 8, 0, &eight), 8);
	assert_memory_equal(out, "s3cr\0t!!", 8);
	assert_int_equal(passphrase_give(out, 8, 0, &none), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_none),
	cmocka_unit_test(test_give),
};

UNIT_MAIN(tests)
