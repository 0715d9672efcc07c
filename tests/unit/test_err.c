#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/err.h"

static void set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, kind, fmt, ap);
	va_end(ap);
}

/* AC-193: each kind has its own name, and only theirs is shown to clients. */
static void
test_kinds(void **state)
{
	(void)state;
	for (int i = ERR_NONE; i <= ERR_REFUSED; i++) {
		unit_case("kind %d", i);
		assert_string_not_equal(
		    err_kind_name((enum err_kind)i), "unknown");
		for (int k = ERR_NONE; k < i; k++)
			assert_string_not_equal(err_kind_name((enum err_kind)i),
			    err_kind_name((enum err_kind)k));
	}
	assert_string_equal(err_kind_name(ERR_BAD_NONCE), "badNonce");
	assert_string_equal(err_kind_name(ERR_BAD_CSR), "badCSR");
	assert_string_equal(err_kind_name(ERR_NONE), "none");
	assert_string_equal(err_kind_name(ERR_INTERNAL), "internal");
	assert_false(err_is_theirs(ERR_NONE));
	assert_true(err_is_theirs(ERR_ACCOUNT_DOES_NOT_EXIST));
	assert_true(err_is_theirs(ERR_USER_ACTION_REQUIRED));
	assert_false(err_is_theirs(ERR_INTERNAL));
	assert_false(err_is_theirs(ERR_BUSY));
	assert_false(err_is_theirs(ERR_CONFLICT));
	assert_false(err_is_theirs(ERR_REFUSED));
}

/* AC-22: a control character that a caller forgot to escape does no harm. */
static void
test_text_is_clean(void **state)
{
	struct err e;

	(void)state;
	set(&e, ERR_MALFORMED, "a%sb %d", "\r\n\x1b\x7f", 7);
	assert_string_equal(e.text, "a????b 7");
	assert_int_equal(e.kind, ERR_MALFORMED);
	assert_int_equal(e.http_status, 0);
}

static void
test_long_text_ends_with_a_character(void **state)
{
	static const char *const characters[] = { "a", "\xc3\xa4",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		for (int pad = 0; pad < 4; pad++) {
			char text[700] = "";
			size_t n = strlen(characters[c]);
			struct err e;

			unit_case("%zu octets a character, %d before", n, pad);
			memset(text, 'x', (size_t)pad);
			for (size_t at = (size_t)pad; at + n < sizeof(text);
			     at += n)
				memcpy(text + at, characters[c], n);
			set(&e, ERR_MALFORMED, "%s", text);
			assert_true(strlen(e.text) < ERR_TEXT_MAX);
			assert_true(strlen(e.text) + n >= ERR_TEXT_MAX);
			assert_int_equal((strlen(e.text) - (size_t)pad) % n, 0);
			assert_memory_equal(e.text, text, strlen(e.text));
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kinds),
	cmocka_unit_test(test_text_is_clean),
	cmocka_unit_test(test_long_text_ends_with_a_character),
};

UNIT_MAIN(tests)
