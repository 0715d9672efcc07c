/*
 * What is given to a command, and would be taken for something else: an option
 * that is given twice, one that changes nothing there, a text that no record
 * could show again.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "db/store_account.h"
#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/json.h"
#include "src/command.h"
#include "tests/unit/command_lab.h"
#include "tests/unit/pki_lab.h"

#define LIST_MAX 1000 /* accounts that the list shows */
#define HASH                                                                   \
	"00000000000000000000000000000000"                                     \
	"00000000000000000000000000000000"

static void
expect_refused(const struct command_said *s, const char *why)
{
	assert_int_equal(s->status, EXIT_FAILURE);
	assert_string_equal(s->out, "");
	assert_non_null(strstr(s->err, why));
}

static void
expect_done(const struct command_said *s, const char *what)
{
	assert_int_equal(s->status, EXIT_SUCCESS);
	assert_string_equal(s->err, "");
	assert_non_null(strstr(s->out, what));
}

/* Only the last one would be stopped, and nobody would know of it. */
static void
test_option_given_twice(struct job *j)
{
	struct command_said s;

	s = COMMAND_RUN(j, cmd_stop, "issuance", "--reason", "x", "--domain",
	    "a.example", "--domain", "b.example");
	expect_refused(&s, "--domain: is given twice");
	s = COMMAND_RUN(j, cmd_stop, "issuance", "--list");
	expect_done(&s, "issuance is not stopped\n");
	s = COMMAND_RUN(
	    j, cmd_eab, "new", "--allow", "a.example", "--allow", "b.example");
	expect_refused(&s, "--allow: is given twice");
	s = COMMAND_RUN(
	    j, cmd_accounts, "--status", "valid", "--status", "revoked");
	expect_refused(&s, "--status: is given twice");
	s = COMMAND_RUN(j, cmd_accounts, "-f", "/nonexistent");
	expect_refused(&s, "--config: is given twice");
	s = COMMAND_RUN(j, cmd_eab, "list", "--config", "/nonexistent");
	expect_refused(&s, "--config: is given twice");
	s = COMMAND_RUN(j, cmd_orders, "--config", "/nonexistent");
	expect_refused(&s, "--config: is given twice");
}

/* One that has a default is given once, too. */
static void
test_option_with_default(struct job *j)
{
	struct command_said s = COMMAND_RUN(j, cmd_mail, "preview");

	expect_done(&s, "alice@example.org");
	s = COMMAND_RUN(
	    j, cmd_mail, "preview", "--mailbox", "bob@user.example");
	expect_done(&s, "bob@user.example");
	s = COMMAND_RUN(j, cmd_suppress, "--days", "3", "bob@user.example");
	expect_done(&s, "for 3 days");
}

static void
test_option_empty(struct job *j)
{
	struct command_said s = COMMAND_RUN(j, cmd_accounts, "--status", "");

	expect_refused(&s, "--status: an empty text");
	s = COMMAND_RUN(j, cmd_eab, "new", "--profile", "");
	expect_refused(&s, "--profile: an empty text");
	s = COMMAND_RUN(j, cmd_orders, "-f", "");
	expect_refused(&s, "--config: an empty text");
}

static void
test_option_not_known(struct job *j)
{
	struct command_said s = COMMAND_RUN(j, cmd_accounts, "--sattus");

	expect_refused(&s, "try countersign cmd_accounts --help");
	s = COMMAND_RUN(j, cmd_eab, "list", "--jsno");
	expect_refused(&s, "try countersign cmd_eab --help");
	s = COMMAND_RUN(j, cmd_account, "--admin", "alice", "x");
	expect_refused(&s, "options of an admin stand before the command");
}

/* It would be believed to do something. */
static void
test_option_for_another_use(struct job *j)
{
	struct command_said s;

	s = COMMAND_RUN(j, cmd_suppress, "--json", "a@user.example");
	expect_refused(&s, "--json is for --list");
	s = COMMAND_RUN(j, cmd_suppress, "--list");
	expect_done(&s, "no mailbox is suppressed\n");
	s = COMMAND_RUN(j, cmd_account, "--revoke", "--json", "x");
	expect_refused(&s, "--json is for showing an account");
	s = COMMAND_RUN(j, cmd_account, "--erase", "--orders", "x");
	expect_refused(&s, "--orders is for showing an account");
	s = COMMAND_RUN(j, cmd_account, "--status", "valid", "x");
	expect_refused(&s, "--status is for countersign accounts");
	s = COMMAND_RUN(j, cmd_order, "--pending", "x");
	expect_refused(&s, "--pending is for countersign orders");
}

/* "revoke" is no serial number. */
static void
test_cert_revoke_of_none(struct job *j)
{
	struct command_said s = COMMAND_RUN(j, cmd_cert, "revoke");

	expect_refused(&s, "an argument is missing");
	s = COMMAND_RUN(j, cmd_cert, "revoke", "01", "02");
	expect_refused(&s, "02: is one argument too many");
	s = COMMAND_RUN(j, cmd_cert, "revoke", "01");
	expect_refused(&s, "01: there is no certificate");
}

static void
test_pk_77_reason_is_a_text(struct job *j)
{
	struct command_said s = COMMAND_RUN(
	    j, cmd_key, "block", "--spki", HASH, "--reason", "J\xfcrgen");
	const struct json *object;

	expect_refused(&s, "--reason: give a text in UTF-8");
	s = COMMAND_RUN(
	    j, cmd_key, "block", "--spki", HASH, "--reason", "a\nb");
	expect_refused(&s, "--reason: give a text in one line");
	s = COMMAND_RUN(j, cmd_key, "list");
	expect_done(&s, "no key is blocked\n");
	s = COMMAND_RUN(
	    j, cmd_key, "block", "--spki", HASH, "--reason", "J\xc3\xbcrgen");
	expect_done(&s, "blocked " HASH);
	s = COMMAND_RUN(j, cmd_key, "list", "--json");
	expect_done(&s, "J\xc3\xbcrgen");
	EXPECT(j,
	    json_parse_object(j, span_trim(span_str(s.out)), "key", &object),
	    0);
	s = COMMAND_RUN(
	    j, cmd_key, "block", "--spki", &HASH[1], "--reason", "x");
	expect_refused(&s, "--spki: neither 64 hexadecimal digits nor a file");
	s = COMMAND_RUN(j, cmd_clock, "--set-aside", "2027-01-31T12:00:00Z",
	    "--reason", "J\xfcrgen");
	expect_refused(&s, "countersign: --reason: give a text in UTF-8");
}

/* Neither its colours nor the direction of its lines. */
static void
test_report_moves_nothing(struct job *j)
{
	const char *file = arena_printf(j->arena, "%s/report", lab_folder());
	struct command_said s;

	EXPECT(j,
	    file_write(j, file, 0600,
		SPAN("J\xc3\xbcrgen\tsays:\na\x1b[31mb \xc2\x9b"
		     "c \xe2\x80\xae"
		     "d \xd7\xa9\r\n")),
	    0);
	s = COMMAND_RUN(j, cmd_report, "add", file);
	expect_done(&s, "report 1\n");
	s = COMMAND_RUN(j, cmd_report, "show", "1");
	expect_done(&s, "\n\nJ\xc3\xbcrgen\tsays:\na?[31mb ?c ?d \xd7\xa9?\n");
}

/* The newest thousand are revoked: there are valid ones nevertheless. */
static void
test_accounts_of_a_status(struct job *j)
{
	struct account a = { .jwk = "{}", .contact = "[]" };
	struct command_said s;
	int64_t ended;

	EXPECT(j, store_begin(j), 0);
	for (int i = 0; i <= LIST_MAX; i++) {
		a.id = arena_printf(j->arena, "account-%04d", i);
		a.thumbprint = arena_printf(j->arena, "print-%04d", i);
		a.created_at = j->now + i;
		EXPECT(j, store_account_create(j, &a), 0);
		if (i > 0)
			EXPECT(j, store_account_deactivate(j, a.id, &ended), 0);
		if (i > 1)
			EXPECT(j, store_account_revoke(j, a.id, &ended), 0);
	}
	EXPECT(j, store_commit(j), 0);
	s = COMMAND_RUN(j, cmd_accounts, NULL);
	assert_int_equal(s.status, EXIT_SUCCESS);
	assert_null(strstr(s.out, "account-0000"));
	assert_string_equal(s.err, "countersign: no more than 1000 are shown; "
				   "there may be others\n");
	s = COMMAND_RUN(j, cmd_accounts, "--status", "valid");
	expect_done(&s, "account-0000");
	assert_null(strstr(s.out, "account-0001"));
	s = COMMAND_RUN(j, cmd_accounts, "--status", "deactivated");
	expect_done(&s, "account-0001");
	assert_null(strstr(s.out, "account-0002"));
	s = COMMAND_RUN(j, cmd_accounts, "--status", "revoked");
	expect_done(&s, "account-0002");
	assert_null(strstr(s.out, "account-0001"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_option_given_twice),
	STORE_TEST_SQLITE(test_option_with_default),
	STORE_TEST_SQLITE(test_option_empty),
	STORE_TEST_SQLITE(test_option_not_known),
	STORE_TEST_SQLITE(test_option_for_another_use),
	STORE_TEST_SQLITE(test_cert_revoke_of_none),
	STORE_TEST(test_pk_77_reason_is_a_text),
	STORE_TEST_SQLITE(test_report_moves_nothing),
	STORE_TEST(test_accounts_of_a_status),
};

UNIT_MAIN(tests)
