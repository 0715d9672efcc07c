/*
 * What is refused for all roles when a running server reads its configuration
 * again, and what the audit is told: PK-19, PK-202.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "src/conf_trial.h"
#include "src/role_life.h"
#include "tests/unit/unit_folder.h"

static const char *
in_folder(struct job *j, const char *name, const char *text)
{
	const char *path = unit_path(name);

	if (text != NULL)
		assert_int_equal(file_write(j, path, 0600, span_str(text)), 0);
	return path;
}

static int64_t
changes(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
				"'configuration changed'");
}

/* What only the web, or only the validator and the issuer, would see. */
static void
test_files(struct job *j)
{
	static const char *listens[] = { "127.0.0.1:8443" };
	struct conf c = { .file = "x.conf", .sha256 = "aa" };

	j->conf = &c;
	EXPECT(j, conf_trial_files(j), 0);
	c.web.tls_certificate = in_folder(j, "tls.pem", "no certificate\n");
	c.web.tls_key = in_folder(j, "tls.key", "no key\n");
	assert_int_equal(conf_trial_files(j), -1);
	assert_non_null(strstr(j->err.text, "web.tls_certificate: "));
	assert_non_null(strstr(j->err.text, "/tls.pem: "));
	job_recover(j);
	c.web.tls_certificate = NULL;
	/* Of the server for admins, where there is one. */
	c.admin.tls_certificate = in_folder(j, "admin.pem", "no certificate\n");
	c.admin.tls_key = in_folder(j, "admin.key", "no key\n");
	EXPECT(j, conf_trial_files(j), 0);
	c.admin.listen = (struct conf_list){ listens, 1 };
	assert_int_equal(conf_trial_files(j), -1);
	assert_non_null(strstr(j->err.text, "admin.tls_certificate: "));
	assert_non_null(strstr(j->err.text, "/admin.pem: "));
	job_recover(j);
	c.admin.listen.n = 0;
	c.validator.smime_roots = in_folder(j, "roots.pem", "nothing\n");
	assert_int_equal(conf_trial_files(j), -1);
	assert_non_null(strstr(j->err.text, "validator.smime_roots, "));
	assert_non_null(strstr(j->err.text, "/roots.pem"));
	job_recover(j);
	/* In public mode, the CA that is to cover the profiles. */
	c.validator.smime_roots = NULL;
	c.mode = CONF_MODE_PUBLIC;
	c.issuer.ca_certificate = in_folder(j, "missing.pem", NULL);
	assert_int_equal(conf_trial_files(j), -1);
	assert_non_null(strstr(j->err.text, "/missing.pem"));
	job_recover(j);
}

/* What only the sender would see.  And only what is taken is recorded. */
static void
test_recorded(struct job *j)
{
	struct conf c = { .file = "x.conf", .sha256 = "bb" };
	struct conf before = { .sha256 = "aa" };
	const char *folder;
	bool told;

	c.sender.default_language = "en";
	j->conf = &before;
	EXPECT(j, role_life_begin(j, "issuer", 0, &told), 0);
	j->conf = &c;
	folder = in_folder(j, "texts", NULL);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)in_folder(j, "texts/fr.txt", "{nothing}\n");
	(void)in_folder(j, "texts/fr.html", "<p>{nothing}</p>\n");
	c.sender.templates = folder;
	unit_log_begin();
	assert_int_equal(conf_trial_as_user(j, "aa"), -1);
	assert_non_null(strstr(unit_log_end(), "{nothing} is no placeholder"));
	assert_job_error(
	    j, ERR_INTERNAL, "the texts of the mails have mistakes");
	job_recover(j);
	assert_int_equal(changes(j), 0);
	c.sender.templates = NULL;
	/* Nothing ends the process between the record and the answer. */
	alarm(1000);
	EXPECT(j, conf_trial_as_user(j, "aa"), 0);
	assert_int_equal(alarm(0), 0);
	assert_int_equal(changes(j), 1);
	EXPECT(j, conf_trial_as_user(j, "bb"), 0);
	assert_int_equal(changes(j), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM role_life WHERE role = "
			     "'issuer' AND conf_sha256 = 'bb'"),
	    1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_files),
	STORE_TEST(test_recorded),
};

UNIT_MAIN(tests)
