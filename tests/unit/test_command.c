/*
 * What the commands share: domains in canonical form (PK-15), and output that
 * is lost is no success.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/count.h"
#include "src/command.h"

/* The exit status of a process that prints `text` into a file. */
static int
status_of_printing(const char *path, const char *text, bool flush)
{
	pid_t pid = fork();
	int status, fd;

	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open("/dev/null", O_WRONLY);
		if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
			_exit(99);
		fd = open(path, O_WRONLY);
		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			_exit(99);
		fputs(text, stdout);
		if (flush)
			fflush(stdout);
		command_end_output();
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_end_output(void **state)
{
	(void)state;
	fflush(stdout);
	for (int flush = 0; flush < 2; flush++) {
		assert_int_equal(
		    status_of_printing("/dev/null", "a line\n", flush),
		    EXIT_SUCCESS);
		assert_int_equal(
		    status_of_printing("/dev/full", "a line\n", flush),
		    EXIT_FAILURE);
	}
	assert_int_equal(
	    status_of_printing("/dev/full", "", false), EXIT_SUCCESS);
}

/* Whatever way it is written: what is compared with mailboxes. */
static void
test_domain(void **state)
{
	static const struct {
		const char *text, *expected; /* NULL: refused */
	} cases[] = {
		{ "example.org", "example.org" },
		{ "Mail.EXAMPLE.org", "mail.example.org" },
		{ "b\xc3\xbc"
		  "cher.example",
		    "xn--bcher-kva.example" },
		{ "XN--bcher-kva.example", "xn--bcher-kva.example" },
		{ "example.org.", NULL },
		{ ".example.org", NULL },
		{ "a..example.org", NULL },
		{ "org", NULL },
		{ "", NULL },
		{ "*.example.org", NULL },
		{ "alice@example.org", NULL },
		{ "example.org ", NULL },
		{ "ex\xff"
		  "mple.org",
		    NULL },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *out = NULL;

		unit_case("%s", cases[i].text);
		if (cases[i].expected != NULL) {
			assert_int_equal(
			    command_domain(j, cases[i].text, &out), 0);
			assert_string_equal(out, cases[i].expected);
			continue;
		}
		assert_int_equal(command_domain(j, cases[i].text, &out), -1);
		assert_int_equal(j->err.kind, ERR_MALFORMED);
		assert_non_null(strstr(j->err.text, "as example.org: "));
		job_recover(j);
	}
}

static void
test_takes_only(void **state)
{
	bool now = false, dry_run = false;
	const char *domain = NULL;
	const struct command_option options[] = {
		{ "domain", NULL, &domain },
		{ "now", &now, NULL },
		{ "dry-run", &dry_run, NULL },
		{ NULL, NULL, NULL },
	};

	(void)state;
	assert_int_equal(command_takes_only(options, "cancel", ""), 0);
	dry_run = true;
	assert_int_equal(command_takes_only(options, "cancel", ""), -1);
	assert_int_equal(command_takes_only(options, "x", "dry-runs run"), -1);
	assert_int_equal(command_takes_only(options, "x", "now dry-run"), 0);
	domain = "example.org";
	assert_int_equal(command_takes_only(options, "x", "now dry-run"), -1);
	assert_int_equal(command_takes_only(options, "x", "domain dry-run"), 0);
}

static void
test_text(void **state)
{
	static const struct {
		const char *text, *said; /* NULL: good */
	} cases[] = {
		{ "J\xc3\xbcrgen, \"sales\"", NULL },
		{ "0123456789012345678", NULL },
		{ "", "--reason: give a text of 1 to 19 octets" },
		{ "01234567890123456789", "1 to 19 octets" },
		{ "J\xfcrgen", "--reason: give a text in UTF-8" },
		{ "two\nlines", "in one line" },
		{ "\x1b[31m", "without control characters" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_int_equal(command_text(j, "reason", cases[i].text, 19),
		    cases[i].said == NULL ? 0 : -1);
		if (cases[i].said == NULL)
			continue;
		assert_non_null(strstr(j->err.text, cases[i].said));
		job_recover(j);
	}
}

static void
test_serial(void **state)
{
	static const char *const cases[][2] = {
		{ "01bb985f", "01bb985f" },
		{ "1bb985f", "01bb985f" },
		{ "01:BB:98:5F", "01bb985f" },
		{ "1:BB:98:5F", "01bb985f" },
		{ "0x1BB985F", "01bb985f" },
		{ "0X01BB985F", "01bb985f" },
		{ "", "" },
		{ ":", "" },
	};
	struct job *j = unit_job();
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(
		    command_serial(j, cases[i][0]), cases[i][1]);
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(command_serial(j, text), "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_text),
	cmocka_unit_test(test_serial),
	cmocka_unit_test(test_takes_only),
	cmocka_unit_test(test_domain),
	cmocka_unit_test(test_end_output),
};

UNIT_MAIN(tests)
