/*
 * What countersign check says of the user of the roles, and of what that user
 * must be able to write.  As root the user is "nobody"; else whoever runs this.
 */
#include "config.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "src/place_check.h"
#include "src/privilege.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/countersign-place-XXXXXX";
static struct arena *keep;
static uid_t uid;
static gid_t gid;
static const char *user;

static const char *
in(const char *name)
{
	return arena_printf(keep, "%s/%s", folder, name);
}

static void
make_folder(const char *name, mode_t mode)
{
	if (mkdir(in(name), 0700) != 0 || chown(in(name), uid, gid) != 0 ||
	    chmod(in(name), mode) != 0)
		abort();
}

static void
make_file(const char *name, mode_t mode)
{
	int fd = open(in(name), O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

static struct conf
conf_of_test(void)
{
	return (struct conf){ .user = user,
		.database = arena_printf(keep, "sqlite:%s/db/x.db", folder),
		.issuer.crl_file = in("lists/issuing.crl") };
}

static void
note(void *ctx, const char *message)
{
	struct buf *b = ctx;

	buf_add_str(b, message);
	buf_add_char(b, '\n');
}

static int
look(const struct conf *conf, const char **said)
{
	struct job *j = unit_job();
	struct buf b;
	int count;

	buf_init(&b, keep, 100000);
	j->conf = conf;
	count = place_check(j, note, &b);
	j->conf = NULL;
	*said = b.p;
	return count;
}

#define SAYS(said, text) assert_non_null(strstr(said, text))

static void
test_all_can_be_written(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	assert_int_equal(look(&conf, &said), 0);
	conf.issuer.ocsp_folder = in("lists/ocsp");
	assert_int_equal(look(&conf, &said), 0);
	conf.database = arena_printf(keep, "sqlite:%s/db/not-yet.db", folder);
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
	conf.issuer.crl_file = in("nowhere/issuing.crl");
	conf.issuer.ocsp_folder = in("nowhere/ocsp");
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "issuer.crl_file: there is no folder ");
	SAYS(said, "issuer.ocsp_folder: there is no folder ");
	conf.issuer.crl_file = in("closed/issuing.crl");
	conf.issuer.ocsp_folder = in("closed/ocsp");
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "issuer.crl_file: ");
	SAYS(said, " cannot write in the folder ");
	conf.issuer.crl_file = in("lists/issuing.crl");
	conf.issuer.ocsp_folder = in("closed");
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "issuer.ocsp_folder: ");
}

static void
test_former(void **state)
{
	struct conf_former former = { .name = "old",
		.issuer.crl_file = in("closed/old.crl") };
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	conf.formers = &former;
	conf.former_count = 1;
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "former_ca old.crl_file: ");
}

static void
test_database(void **state)
{
	struct conf conf = conf_of_test();
	const char *said;

	(void)state;
	conf.database = arena_printf(keep, "sqlite:%s/db/locked.db", folder);
	assert_int_equal(look(&conf, &said), 1);
	SAYS(said, "/db/locked.db (Permission denied)");
	conf.database = arena_printf(keep, "sqlite:%s/db/left.db", folder);
	assert_int_equal(look(&conf, &said), 2);
	SAYS(said, "/db/left.db-wal (");
	SAYS(said, "/db/left.db-shm (");
	conf.database = arena_printf(keep, "sqlite:%s/closed/x.db", folder);
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

	keep = arena_new();
	uid = pw != NULL ? pw->pw_uid : geteuid();
	gid = pw != NULL ? pw->pw_gid : getegid();
	user = pw != NULL ? arena_strdup(keep, pw->pw_name) : NULL;
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
		abort();
	make_folder("db", 0700);
	make_folder("lists", 0755);
	make_folder("closed", 0500);
	make_file("db/x.db", 0600);
	make_file("db/locked.db", 0400);
	make_file("db/left.db", 0600);
	make_file("db/left.db-wal", 0000);
	make_file("db/left.db-shm", 0400);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_all_can_be_written),
	cmocka_unit_test(test_lists),
	cmocka_unit_test(test_former),
	cmocka_unit_test(test_database),
	cmocka_unit_test(test_user),
};

int
main(void)
{
	int result;

	set_up();
	result = unit_run(tests, sizeof(tests) / sizeof(tests[0]));
	/* A folder of this test alone, made by mkdtemp(). */
	if (system(arena_printf(keep, "rm -r '%s'", folder)) != 0)
		result = 1;
	arena_free(keep);
	return result;
}
