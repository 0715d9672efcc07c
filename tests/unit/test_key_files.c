/*
 * PK-202: files with keys that a role could read whose they are not.  The
 * files here belong to whom the roles would run as.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/calls.h"
#include "src/key_files.h"
#include "src/landlock.h"
#include "tests/unit/place_lab.h"

static const char *command[] = { "/bin/true" };

static struct conf
conf_of_test(void)
{
	return (struct conf){ .file = place_lab_path("conf/x.conf"),
		.database = arena_printf(
		    place_lab.keep, "sqlite:%s/db/x.db", place_lab.folder),
		.seal_key_file = place_lab_path("keys/seal.key"),
		.web.tls_key = place_lab_path("tls/tls.key"),
		.issuer.crl_file = place_lab_path("etc/issuing.crl") };
}

/* How many are reported; the first words of each are in *said. */
static unsigned
look(const struct conf *conf, const char **said)
{
	struct job *j = unit_job();
	unsigned count;
	struct buf b;

	place_lab_said_init(&b);
	j->conf = conf;
	count = key_files_check(j, place_lab_note, &b);
	j->conf = NULL;
	*said = b.p;
	return count;
}

static void
test_apart(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	if (landlock_version() < 2)
		UNIT_SKIP("needs Landlock 2");
	assert_int_equal(look(&conf, &said), 0);
	assert_string_equal(said, "");
	/* That of the configuration is not: the supervisor reads it. */
	conf.seal_key_file = place_lab_path("conf/seal.key");
	assert_int_equal(look(&conf, &said), 0);
	/* The folder of the lists is open to web and issuer. */
	conf.seal_key_file = place_lab_path("etc/seal.key");
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "seal_key: ");
	SAYS(said, "keeps it from web: ");
	conf.seal_key_file = place_lab_path("keys/link.key");
	assert_int_equal(look(&conf, &said), 1);
	/* What the modes refuse needs nothing more. */
	conf.seal_key_file = place_lab_path("etc/closed.key");
	assert_int_equal(look(&conf, &said), 0);
	conf.seal_key_file = place_lab_path("etc/nothing.key");
	assert_int_equal(look(&conf, &said), 0);
}

/* Started as root they are read all the same. */
static void
test_owner(void **state)
{
	struct conf conf = conf_of_test();
	const char *key = place_lab_path("keys/seal.key"), *said;

	(void)state;
	if (geteuid() != 0 || landlock_version() < 2)
		UNIT_SKIP("needs root, and Landlock 2");
	assert_int_equal(look(&conf, &said), 0);
	assert_int_equal(chown(key, 54321, (gid_t)-1), 0);
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "seal_key: ");
	SAYS(said, " belongs to uid 54321, who can read it and put another in "
		   "its place: chown root ");
	assert_int_equal(chown(key, 0, (gid_t)-1), 0);
	assert_int_equal(look(&conf, &said), 0);
}

/* Of whom there can be many. */
static void
test_sections(void **state)
{
	struct conf_imap imap = { .name = "second",
		.password_file = place_lab_path("etc/seal.key") };
	struct conf_perspective perspective = { .name = "tokyo",
		.key = place_lab_path("etc/seal.key") };
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	if (landlock_version() < 2)
		UNIT_SKIP("needs Landlock 2");
	conf.validator.imaps = &imap;
	conf.validator.imap_count = 1;
	conf.mpic.perspectives = &perspective;
	conf.mpic.perspective_count = 1;
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "imap second.password: ");
	SAYS(said, "perspective tokyo.key: ");
}

static void
test_unconfined(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	/* Whoever starts programs may read what they do. */
	conf.sender.relay_token_command = (struct conf_list){ command, 1 };
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "keeps it from sender: ");
	conf.sender.relay_token_command.n = 0;
	conf.isolation = CONF_ISOLATION_OFF;
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "seal_key: ");
	SAYS(said, "web.tls_key: ");
	/* And modules of tokens, unless the configuration says what. */
	conf.isolation = CONF_ISOLATION_USE;
	if (landlock_version() < 2)
		return;
	conf.issuer.key.module = "/usr/lib/module.so";
	conf.issuer.key.pin_file = place_lab_path("keys/pin");
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "keeps it from signer: ");
	assert_null(strstr(said, "issuer.key_pin: "));
	conf.signer.files = (struct conf_list){ command, 1 };
	assert_int_equal(look(&conf, &said), 0);
}

/* The password of the tables' owner is nobody's who has a login. */
static void
test_passwords(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	if (landlock_version() < 2)
		UNIT_SKIP("needs Landlock 2");
	conf.database = "postgresql:";
	conf.database_password_file = place_lab_path("etc/closed.key");
	conf.issuer.login = (struct conf_login){ "postgresql:user=i",
		place_lab_path("keys/seal.key") };
	assert_int_equal(look(&conf, &said), 0);
	conf.issuer.login.password_file = place_lab_path("etc/seal.key");
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "issuer.database_password: ");
	conf.issuer.login.password_file = NULL;
	conf.database_password_file = place_lab_path("etc/seal.key");
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "keeps it from issuer: ");
	conf.issuer.login.database = NULL;
	assert_int_equal(look(&conf, &said), 0);
}

static void
set_up(void)
{
	static const char *const folders[] = { "etc", "keys", "tls", "db",
		"conf" };

	place_lab_begin(geteuid(), getegid(), false);
	for (size_t i = 0; i < COUNT(folders); i++)
		place_lab_make_folder(folders[i], 0700);
	place_lab_make_file("conf/x.conf", 0600);
	place_lab_make_file("etc/seal.key", 0400);
	place_lab_make_file("conf/seal.key", 0400);
	place_lab_make_file("etc/closed.key", 0000);
	place_lab_make_file("keys/seal.key", 0400);
	place_lab_make_file("keys/pin", 0400);
	place_lab_make_file("tls/tls.key", 0400);
	if (symlink(place_lab_path("etc/seal.key"),
		place_lab_path("keys/link.key")) != 0)
		abort();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_apart),
	cmocka_unit_test(test_owner),
	cmocka_unit_test(test_sections),
	cmocka_unit_test(test_unconfined),
	cmocka_unit_test(test_passwords),
};

int
main(void)
{
	set_up();
	return place_lab_run(tests, COUNT(tests));
}
