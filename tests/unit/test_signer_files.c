/* Which files a token's module may touch: PK-202. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "src/signer_files.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static void
configure_softhsm(const char *text)
{
	const char *path = unit_path("softhsm2.conf");

	assert_int_equal(file_write(unit_job(), path, 0600, span_str(text)), 0);
	assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
}

static void
test_softhsm(void **state)
{
	static const struct {
		const char *text, *tokens;
	} rows[] = {
		{ "directories.tokendir = /var/tokens/\n", "/var/tokens/" },
		{ "# directories.tokendir = /no\nlog.level = ERROR\n"
		  "  directories.tokendir=/a b\n",
		    "/a b" },
		{ "directories.tokendir = /t/ # or /u/\n", "/t/" },
		{ "directories.tokendir = /t\ndirectories.tokendir = /u\n",
		    "/u" },
		{ "directories.tokendir = tokens\n", NULL },
		{ "directories.tokendirs = /a\n", NULL },
		{ "directories.tokendir\n", NULL },
		{ "", NULL },
	};
	const struct conf c = { .issuer.key.module = SOFTHSM };
	struct conf_list files;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		configure_softhsm(rows[i].text);
		assert_int_equal(signer_files(unit_job()->arena, &c, &files),
		    rows[i].tokens != NULL);
		if (rows[i].tokens == NULL)
			continue;
		assert_int_equal(files.n, 2);
		assert_string_equal(files.v[0], getenv("SOFTHSM2_CONF"));
		assert_string_equal(files.v[1], rows[i].tokens);
	}
	assert_int_equal(setenv("SOFTHSM2_CONF", "/none", 1), 0);
	assert_false(signer_files(unit_job()->arena, &c, &files));
}

/* SoftHSM looks below HOME before it looks into /etc. */
static void
test_softhsm_at_home(void **state)
{
	const struct conf c = { .issuer.key.module = SOFTHSM };
	const char *home = unit_folder(), *conf;
	struct conf_list files;
	(void)state;

	configure_softhsm("directories.tokendir = /var/tokens\n");
	assert_int_equal(setenv("HOME", home, 1), 0);
	for (size_t i = 0; i < 2; i++) {
		static const char *const folders[] = { ".config",
			".config/softhsm2" };

		conf =
		    arena_printf(unit_job()->arena, "%s/%s", home, folders[i]);
		assert_int_equal(mkdir(conf, 0700), 0);
	}
	assert_true(signer_files(unit_job()->arena, &c, &files));
	conf = arena_printf(unit_job()->arena, "%s/softhsm2.conf", conf);
	assert_int_equal(file_write(unit_job(), conf, 0600, SPAN("x")), 0);
	assert_true(signer_files(unit_job()->arena, &c, &files));
	assert_int_equal(unsetenv("SOFTHSM2_CONF"), 0);
	assert_false(signer_files(unit_job()->arena, &c, &files));
}

/* One list for all: each module has to be known, or the admin says it. */
static void
test_others(void **state)
{
	struct conf_former former = { .issuer.key.module = "/opt/hsm.so" };
	struct conf c = { .issuer.key.module = SOFTHSM,
		.formers = &former,
		.former_count = 1 };
	const char *said[] = { "/etc/hsm" };
	struct conf_list files;
	(void)state;

	configure_softhsm("directories.tokendir = /var/tokens\n");
	assert_false(signer_files(unit_job()->arena, &c, &files));
	former.issuer.key.module = SOFTHSM;
	assert_true(signer_files(unit_job()->arena, &c, &files));
	former.issuer.key.module = NULL;
	c.issuer.key.module = "/opt/hsm.so";
	assert_false(signer_files(unit_job()->arena, &c, &files));
	c.signer.files = (struct conf_list){ said, 1 };
	assert_true(signer_files(unit_job()->arena, &c, &files));
	assert_string_equal(files.v[0], "/etc/hsm");
	c = (struct conf){ .mode = CONF_MODE_PUBLIC };
	assert_false(signer_files(unit_job()->arena, &c, &files));
}

static void
test_demand(void **state)
{
	static const struct {
		enum conf_mode mode;
		enum conf_isolation isolation;
		const char *module;
		bool is_refused;
	} rows[] = {
		{ CONF_MODE_PRIVATE, CONF_ISOLATION_USE, "/opt/hsm.so", false },
		{ CONF_MODE_PRIVATE, CONF_ISOLATION_REQUIRE, "/opt/hsm.so",
		    true },
		{ CONF_MODE_PUBLIC, CONF_ISOLATION_USE, "/opt/hsm.so", true },
		{ CONF_MODE_PUBLIC, CONF_ISOLATION_OFF, "/opt/hsm.so", false },
		{ CONF_MODE_PUBLIC, CONF_ISOLATION_REQUIRE, SOFTHSM, false },
		{ CONF_MODE_PUBLIC, CONF_ISOLATION_REQUIRE, NULL, false },
	};
	struct job *j = unit_job();
	(void)state;

	configure_softhsm("directories.tokendir = /var/tokens\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c = { .mode = rows[i].mode,
			.isolation = rows[i].isolation,
			.issuer.key.module = rows[i].module };

		unit_case("%zu", i);
		j->conf = &c;
		assert_int_equal(
		    signer_files_demand(j), rows[i].is_refused ? -1 : 0);
		if (!rows[i].is_refused)
			continue;
		assert_non_null(strstr(j->err.text, "signer.files: must be"));
		assert_non_null(strstr(j->err.text, "--module /opt/hsm.so"));
		job_recover(j);
	}
	j->conf = NULL;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_softhsm),
	cmocka_unit_test(test_softhsm_at_home),
	cmocka_unit_test(test_others),
	cmocka_unit_test(test_demand),
};
UNIT_MAIN(tests)
