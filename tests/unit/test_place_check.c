/*
 * What countersign check says of the user of the roles, and of what that user
 * must be able to write.  As root the user is "nobody"; else whoever runs this.
 */
#include "config.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/place_check.h"
#include "src/privilege.h"
#include "tests/unit/place_lab.h"

static const char *user;

static struct conf
conf_of_test(void)
{
	return (struct conf){ .user = user,
		.database = arena_printf(
		    place_lab.keep, "sqlite:%s/db/x.db", place_lab.folder),
		.issuer.crl_file = place_lab_path("lists/issuing.crl") };
}

static int
look(const struct conf *conf, const char **said)
{
	struct job *j = unit_job();
	struct buf b;
	int count;

	place_lab_said_init(&b);
	j->conf = conf;
	count = place_check(j, place_lab_note, &b);
	j->conf = NULL;
	*said = b.p;
	return count;
}

static void
test_all_can_be_written(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	assert_int_equal(look(&conf, &said), 0);
	conf.issuer.ocsp_folder = place_lab_path("lists/ocsp");
	assert_int_equal(look(&conf, &said), 0);
	conf.database = arena_printf(
	    place_lab.keep, "sqlite:%s/db/not-yet.db", place_lab.folder);
	assert_int_equal(look(&conf, &said), 0);
	conf.database = "postgresql:host=nowhere";
	assert_int_equal(look(&conf, &said), 0);
}

static void
test_lists(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	conf.issuer.crl_file = place_lab_path("nowhere/issuing.crl");
	conf.issuer.ocsp_folder = place_lab_path("nowhere/ocsp");
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "issuer.crl_file: there is no folder ");
	SAYS(said, "issuer.ocsp_folder: there is no folder ");
	conf.issuer.crl_file = place_lab_path("closed/issuing.crl");
	conf.issuer.ocsp_folder = place_lab_path("closed/ocsp");
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "issuer.crl_file: ");
	SAYS(said, " cannot write in the folder ");
	conf.issuer.crl_file = place_lab_path("lists/issuing.crl");
	conf.issuer.ocsp_folder = place_lab_path("closed");
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "issuer.ocsp_folder: ");
	conf.issuer.ocsp_folder = place_lab_path("db/x.db");
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "/db/x.db is no folder: name one ");
}

/* The folder of a ceremony is root's alone. */
static void
test_certificates(void **state)
{
	const char *closed = place_lab_path("shut/issuing.pem");
	const char *chains[] = { place_lab_path("lists/root.pem"), closed };
	struct conf_former former = { .name = "old",
		.issuer.ca_chain = closed };
	struct conf conf = conf_of_test();
	struct job *j = unit_job();
	const char *said;
	int count, vital;
	struct buf b;

	(void)state;
	conf.issuer.ca_certificate = place_lab_path("lists/root.pem");
	conf.issuer.ca_chain = place_lab_path("lists/none.pem");
	assert_int_equal(look(&conf, &said), 0);
	conf.issuer.ca_certificate = conf.issuer.ca_chain = closed;
	conf.issuer.alternate_chains = (struct conf_list){ chains, 2 };
	conf.issuer.root_crl = closed;
	conf.formers = &former;
	conf.former_count = 1;
	/* Also for whoever runs this, if not root. */
	assert_int_equal(chmod(place_lab_path("shut"), 0000), 0);
	count = look(&conf, &said);
	place_lab_said_init(&b);
	j->conf = &conf;
	vital = place_check_here(j, place_lab_note, &b);
	j->conf = NULL;
	assert_int_equal(chmod(place_lab_path("shut"), 0700), 0);
	assert_int_equal(count, 5);
	SAYS(said, "issuer.ca_certificate: ");
	SAYS(said, "shut/issuing.pem (Permission denied): name a copy ");
	SAYS(said, "issuer.ca_chain: ");
	SAYS(said, "issuer.alternate_chains: ");
	SAYS(said, "issuer.root_crl: ");
	SAYS(said, "former_ca old.ca_chain: ");
	/* Without these web does not start; root can read them. */
	assert_int_equal(vital, geteuid() == 0 ? 0 : 3);
}

/* At start the process has become that user already. */
static void
test_here(void **state)
{
	struct conf conf = conf_of_test();
	struct job *j = unit_job();
	struct buf b;

	(void)state;
	place_lab_said_init(&b);
	j->conf = &conf;
	assert_int_equal(place_check_here(j, place_lab_note, &b), 0);
	conf.issuer.ocsp_folder = place_lab_path("nowhere/ocsp");
	assert_int_equal(place_check_here(j, place_lab_note, &b), 1);
	SAYS(b.p, "issuer.ocsp_folder: there is no folder ");
	j->conf = NULL;
}

static void
test_former(void **state)
{
	struct conf_former former = { .name = "old",
		.issuer.crl_file = place_lab_path("closed/old.crl") };
	struct conf conf = conf_of_test();
	struct job *j = unit_job();
	const char *said;
	struct buf b;

	(void)state;
	conf.formers = &former;
	conf.former_count = 1;
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "former_ca old.crl_file: ");
	/* Said at the start, which it does not prevent; others' does. */
	for (int vital = 0; vital <= 1; vital++) {
		place_lab_said_init(&b);
		former.issuer.crl_file = place_lab_path("nowhere/old.crl");
		if (vital != 0)
			conf.issuer.crl_file =
			    place_lab_path("nowhere/issuing.crl");
		j->conf = &conf;
		assert_int_equal(
		    place_check_here(j, place_lab_note, &b), vital);
		j->conf = NULL;
		SAYS(b.p, "former_ca old.crl_file: there is no folder ");
		assert_int_equal(
		    strstr(b.p, "issuer.crl_file: there") != NULL, vital);
	}
}

static void
test_database(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	conf.database = arena_printf(
	    place_lab.keep, "sqlite:%s/db/locked.db", place_lab.folder);
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "/db/locked.db (Permission denied)");
	conf.database = arena_printf(
	    place_lab.keep, "sqlite:%s/db/left.db", place_lab.folder);
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "/db/left.db-wal (");
	SAYS(said, "/db/left.db-shm (");
	conf.database = arena_printf(
	    place_lab.keep, "sqlite:%s/closed/x.db", place_lab.folder);
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "database: ");
	SAYS(said, "/closed (");
}

static void
test_user(void **state)
{
	struct conf conf = conf_of_test();
	struct job *j = unit_job();
	const char *said;

	(void)state;
	assert_int_equal(privilege_check(j, conf.user), 0);
	assert_int_equal(privilege_check(j, "no-such-user"), -1);
	SAYS(j->err.text, "there is no user no-such-user: create it");
	job_recover(j);
	assert_int_equal(
	    privilege_check(j, geteuid() == 0 ? "root" : "daemon"), -1);
	SAYS(j->err.text, geteuid() == 0 ? "must name an unprivileged user"
					 : "only root can become user daemon");
	job_recover(j);
	conf.user = "no-such-user";
	assert_int_equal(look(&conf, &said), -1);
	SAYS(j->err.text, "there is no user no-such-user");
	job_recover(j);
}

static void
set_up(void)
{
	const struct passwd *pw =
	    geteuid() == 0 ? getpwnam("nobody") : getpwuid(geteuid());

	place_lab_begin(pw != NULL ? pw->pw_uid : geteuid(),
	    pw != NULL ? pw->pw_gid : getegid(), true);
	user = pw != NULL ? arena_strdup(place_lab.keep, pw->pw_name) : NULL;
	place_lab_make_folder("db", 0700);
	place_lab_make_folder("lists", 0755);
	place_lab_make_folder("closed", 0500);
	place_lab_make_folder("shut", 0700);
	place_lab_make_file("shut/issuing.pem", 0444);
	place_lab_make_file("lists/root.pem", 0444);
	place_lab_make_file("db/x.db", 0600);
	place_lab_make_file("db/locked.db", 0400);
	place_lab_make_file("db/left.db", 0600);
	place_lab_make_file("db/left.db-wal", 0000);
	place_lab_make_file("db/left.db-shm", 0400);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_all_can_be_written),
	cmocka_unit_test(test_lists),
	cmocka_unit_test(test_certificates),
	cmocka_unit_test(test_here),
	cmocka_unit_test(test_former),
	cmocka_unit_test(test_database),
	cmocka_unit_test(test_user),
};

int
main(void)
{
	set_up();
	return place_lab_run(tests, COUNT(tests));
}
