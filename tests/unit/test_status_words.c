/* AC-119: status codes in words; of the remote server only the digits. */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/count.h"
#include "mail/status_words.h"

static void
test_words(void **state)
{
	static const struct {
		const char *code, *words;
	} cases[] = {
		{ "5.1.1", "there is no such mailbox" },
		{ "550 5.1.1", "there is no such mailbox" },
		{ "450 4.1.1", "there is no such mailbox" },
		{ "4.2.2", "the mailbox is full" },
		/* So is greylisting told. */
		{ "450 4.2.0", "the mailbox takes no mail now" },
		{ "530 5.7.0", "the relay wants a login, or TLS, first" },
		{ "530 5.7.1", "the mail system's policy refuses the mail" },
		{ "4.7.1", "the mail system wants another try later" },
		{ "5.7.1", "the mail system's policy refuses the mail" },
		{ "5.1.999", "something is wrong with the address" },
		{ "5.2.0", "something is wrong with the mailbox" },
		{ "5.3.0", "the mail system has trouble" },
		{ "4.4.999", "there is trouble on the way to the mail system" },
		{ "5.5.1", "the mail systems did not understand each other" },
		{ "5.6.3", "the mail system cannot take mail of this form" },
		{ "5.7.999",
		    "the mail system's security rules refuse the mail" },
		{ "5.0.0", "the mail system gives no reason" },
		{ "5.9.9", "the mail system gives no reason" },
		{ "4.0.0",
		    "the mail system gives no reason; it may still succeed" },
		{ "2.1.1", "delivered" },
		{ "550", "the mailbox cannot be reached, or mail is refused" },
		{ "556", "the mail domain takes no mail" },
		{ "550 5.0.0",
		    "the mailbox cannot be reached, or mail is refused" },
		{ "421", "the mail system takes no mail now" },
		{ "599", "the mail system gives no reason" },
		/* no code */
		{ "", NULL },
		{ "x", NULL },
		{ "550 ", NULL },
		{ "550 x", NULL },
		{ "5", NULL },
		{ "5.1", NULL },
		{ "5.1.", NULL },
		{ "5.1.1 ", NULL },
		{ "5.1.1.1", NULL },
		{ "5.1.1000", NULL },
		{ "3.1.1", NULL },
		{ "650", NULL },
		{ "5501", NULL },
		{ "-5.1.1", NULL },
		{ "5.1.99999999999999999999", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *words = status_words(cases[i].code);

		unit_case("%s", cases[i].code);
		if (cases[i].words == NULL)
			assert_null(words);
		else
			assert_string_equal(words, cases[i].words);
	}
}

static void
test_explain(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_string_equal(status_explain(j, ""), "no answer");
	assert_string_equal(status_explain(j, "x"), "x");
	assert_string_equal(status_explain(j, "550 5.1.1"),
	    "550 5.1.1 (there is no such mailbox)");
}

static void
test_no_exchanger(void **state)
{
	static const struct {
		const char *code;
		bool none;
	} cases[] = {
		{ "5.1.2", true },
		{ "550 5.1.2", true },
		{ "5.4.4", true },
		{ "554 5.4.4", true },
		{ "556", true },
		{ "556 5.1.10", true },
		/* A name server that does not answer now; another path. */
		{ "4.1.2", false },
		{ "450 4.1.2", false },
		{ "4.4.4", false },
		{ "5.4.3", false },
		{ "5.1.1", false },
		{ "5.2.2", false },
		/* So Microsoft's systems tell of a mailbox that is not there.
		 */
		{ "550 5.1.10", false },
		{ "5.1.10", false },
		{ "550", false },
		{ "", false },
		{ "556x", false },
		{ "5.1.2.1", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].code);
		assert_int_equal(
		    status_is_no_exchanger(cases[i].code), cases[i].none);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_words),
	cmocka_unit_test(test_explain),
	cmocka_unit_test(test_no_exchanger),
};

UNIT_MAIN(tests)
