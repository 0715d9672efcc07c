/* Who could change or replace a file that the configuration names. */
#include "config.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/conf_files.h"
#include "tests/unit/place_lab.h"

static const char *said;

/* How many are reported; what is left in `said`. */
static unsigned
look(const struct conf *conf)
{
	struct job *j = unit_job();
	unsigned count;
	struct buf b;

	place_lab_said_init(&b);
	j->conf = conf;
	count = conf_files_check(j, place_lab_note, &b);
	j->conf = NULL;
	said = b.p;
	return count;
}

/* One option after the other names an open file. */
static void
test_options(void **state)
{
	const char *path = place_lab_path("good/open.file");
	const char *words[] = { path, path };
	struct conf_imap imap = { .name = "second", .ca_file = path };
	struct conf_former former = { .name = "2025",
		.issuer.ca_certificate = path };
	struct conf_linter linter = { .name = "zlint", .exec = { words, 2 } };
	const struct {
		struct conf conf;
		const char *name;
	} cases[] = {
		{ { .seal_key_file = path }, "seal_key: " },
		{ { .web.tls_key = path }, "web.tls_key: " },
		{ { .web.tls_certificate = path }, "web.tls_certificate: " },
		{ { .validator.dns_trust_anchor = path },
		    "validator.dns_trust_anchor: " },
		{ { .validator.smime_crls = { words, 2 } },
		    "validator.smime_crls: " },
		{ { .sender.relay_token_command = { words, 2 } },
		    "sender.relay_token_command: " },
		{ { .external.hook = { words, 2 } }, "external.hook: " },
		{ { .validator.imaps = &imap, .validator.imap_count = 1 },
		    "imap second.ca_file: " },
		{ { .formers = &former, .former_count = 1 },
		    "former_ca 2025.ca_certificate: " },
		{ { .linters = &linter, .linter_count = 1 },
		    "linter zlint.exec: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].name);

		assert_int_equal(look(&cases[i].conf), 1);
		assert_memory_equal(said, cases[i].name, n);
		SAYS(said + n, "may write /tmp/");
		SAYS(said + n, "good/open.file, and so change it: chmod go-w ");
	}
}

static void
test_good(void **state)
{
	const char *open_file = place_lab_path("good/open.file");
	const char *good = place_lab_path("good/some.file");
	const char *words[] = { good, open_file };
	const struct conf cases[] = {
		{ .seal_key_file = NULL },
		{ .web.tls_key = good },
		/* Others say that it is missing. */
		{ .web.tls_key = place_lab_path("good/none") },
		/* Written while the roles run. */
		{ .issuer.crl_file = open_file },
		{ .issuer.ocsp_folder = place_lab_path("open") },
		{ .sender.relay_token_file = open_file },
		/* An argument of a program is nothing that it names. */
		{ .external.hook = { words, 2 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(look(&cases[i]), 0);
		assert_string_equal(said, "");
	}
}

static void
test_folder(void **state)
{
	struct conf conf = { .web.tls_key = place_lab_path("open/tls.key"),
		.web.tls_certificate = place_lab_path("open/tls.pem") };

	(void)state;
	assert_int_equal(look(&conf), 1); /* once for both */
	SAYS(said, "may write the folder ");
	SAYS(said, "and so put another file in its place: chmod go-w ");
}

/* PK-221: the other CA's program may have a user of its own. */
static void
test_users(void **state)
{
	const char *path = place_lab_path("good/theirs");
	struct conf conf = { .user = "nobody",
		.external.user = "daemon",
		.external.cmp_key = path };

	(void)state;
	if (geteuid() != 0)
		UNIT_SKIP("needs root");
	assert_int_equal(chown(path, 1, (gid_t)-1), 0); /* daemon */
	assert_int_equal(look(&conf), 0);
	conf.web.tls_key = path;
	assert_int_equal(look(&conf), 1);
	SAYS(said, "web.tls_key: ");
	SAYS(said, " belongs to another user, who may change it: chown root ");
}

static void
set_up(void)
{
	place_lab_begin(geteuid(), getegid(), false);
	place_lab_make_folder("good", 0755);
	place_lab_make_folder("open", 0777);
	place_lab_make_file("good/some.file", 0400);
	place_lab_make_file("good/open.file", 0646);
	place_lab_make_file("good/theirs", 0400);
	place_lab_make_file("open/tls.key", 0400);
	place_lab_make_file("open/tls.pem", 0444);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_options),
	cmocka_unit_test(test_good),
	cmocka_unit_test(test_folder),
	cmocka_unit_test(test_users),
};

int
main(void)
{
	set_up();
	return place_lab_run(tests, COUNT(tests));
}
