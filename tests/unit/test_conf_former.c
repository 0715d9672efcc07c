/* What a former CA may not share with another one (PK-156). */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "src/conf_former.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static const char *told;

static void
complain(void *ctx, const char *option, const char *message)
{
	(void)ctx;
	told = arena_printf(
	    unit_job()->arena, "%s%s: %s\n", told, option, message);
}

static const char *
complaints(const struct conf_issuer *former, const struct conf_issuer *issuer)
{
	struct conf_former f = { .name = "old", .issuer = *former };
	const struct conf c = {
		.issuer = *issuer, .formers = &f, .former_count = 1
	};

	told = "";
	conf_former_check(unit_job()->arena, &c, complain, NULL);
	return told;
}

#define OF_ANOTHER(option) "former_ca old: " option ": is that of another CA\n"

static void
make_folders(void)
{
	assert_int_equal(mkdir(unit_path("d"), 0700), 0);
	assert_int_equal(symlink("d", unit_path("link")), 0);
}

/* By whatever path; a list is not there before the first one is made. */
static void
test_apart(void **state)
{
	static const struct {
		struct conf_issuer former, issuer;
		const char *said;
	} rows[] = {
		{ { .crl_file = "a.crl", .ocsp_folder = "d" },
		    { .crl_file = "b.crl", .ocsp_folder = "other" }, "" },
		{ { .crl_file = "d/a.crl" }, { .crl_file = "link/a.crl" },
		    OF_ANOTHER("crl_file") },
		{ { .crl_file = "d/a.crl" }, { .crl_file = "a.crl" }, "" },
		{ { .ocsp_folder = "d" }, { .ocsp_folder = "link" },
		    OF_ANOTHER("ocsp_folder") },
		{ { .ca_certificate = "ca.pem" },
		    { .ca_certificate = "d/../hard.pem" },
		    OF_ANOTHER("ca_certificate") },
		{ { .ca_certificate = "ca.pem" },
		    { .ca_certificate = "copy.pem" }, "" },
	};
	(void)state;

	make_folders();
	assert_int_equal(mkdir(unit_path("other"), 0700), 0);
	assert_int_equal(
	    file_write(unit_job(), unit_path("ca.pem"), 0600, SPAN("x")), 0);
	assert_int_equal(
	    file_write(unit_job(), unit_path("copy.pem"), 0600, SPAN("x")), 0);
	assert_int_equal(link(unit_path("ca.pem"), unit_path("hard.pem")), 0);
	assert_int_equal(chdir(unit_folder()), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		assert_string_equal(
		    complaints(&rows[i].former, &rows[i].issuer), rows[i].said);
	}
	assert_int_equal(chdir("/"), 0);
}

/* Two former ones, and a URL, which is text. */
static void
test_formers(void **state)
{
	struct conf_former two[] = {
		{ .name = "one",
		    .issuer = { .crl_url = "http://a/1.crl",
			.crl_file = unit_path("d/x.crl") } },
		{ .name = "two",
		    .issuer = { .crl_url = "http://a/1.crl",
			.crl_file = unit_path("link/x.crl") } },
	};
	const struct conf c = { .formers = two, .former_count = 2 };
	(void)state;

	make_folders();
	told = "";
	conf_former_check(unit_job()->arena, &c, complain, NULL);
	assert_non_null(
	    strstr(told, "former_ca two: crl_file: is that of another CA\n"));
	assert_non_null(
	    strstr(told, "former_ca two: crl_url: is that of another CA\n"));
	assert_null(strstr(told, "former_ca one: crl_file"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_apart),
	cmocka_unit_test(test_formers),
};
UNIT_MAIN(tests)
