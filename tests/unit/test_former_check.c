/*
 * What an admin hears of a former CA's section, of one that is left out and of
 * lists that are late: L-53, PK-119, PK-156, PK-207.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "pki/ca.h"
#include "src/conf_former.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "tests/unit/former_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)

/* L-53, PK-119: the laboratory's two CAs have one name and two keys.  In public
 * mode that is no start. */
static void
test_two_of_one_name(struct job *j)
{
	struct issuer again;
	struct former_lab lab;

	former_lab_init(&lab, j, FIXTURE_NOW + 100 * DAY, false);
	assert_int_equal(lab.issuer.former_count, 1);
	lab.conf.mode = CONF_MODE_PUBLIC;
	again = lab.issuer;
	again.former_count = 0;
	EXPECT(j, former_open(j, j->arena, &again), -1);
	assert_job_error(j, ERR_INTERNAL,
	    "former_ca old: the issuing CA has its CN, and another key (L-53, "
	    "PK-119): give each CA a name of its own");
	job_recover(j);
	/* The same key, in a later certificate, has the same name. */
	again.ca = lab.old;
	EXPECT(j, former_open(j, j->arena, &again), 0);
	former_close(&again);
	former_lab_end(&lab);
}

struct told {
	struct job *j;
	const char *text;
};

static void
complain(void *ctx, const char *option, const char *message)
{
	struct told *t = ctx;

	t->text =
	    arena_printf(t->j->arena, "%s%s: %s\n", t->text, option, message);
}

static const char *
complaints(struct former_lab *lab)
{
	struct told t = { lab->j, "" };

	conf_former_check(lab->j->arena, &lab->conf, complain, &t);
	return t.text;
}

/* PK-207: a section without any key is one whose key was destroyed. */
static void
test_section(struct job *j)
{
	struct former_lab lab;

	former_lab_init(&lab, j, FIXTURE_NOW + DAY, false);
	assert_string_equal(complaints(&lab), "");
	lab.former.issuer.ca_key_passphrase_file = NULL;
	assert_non_null(strstr(complaints(&lab), "ca_key_passphrase"));
	lab.former.issuer.key.module = "/m.so";
	assert_non_null(
	    strstr(complaints(&lab), "set either it or key_module"));
	lab.former.issuer.ca_key = NULL;
	assert_non_null(strstr(complaints(&lab), "key_token"));
	lab.former.issuer.key.module = NULL;
	assert_string_equal(complaints(&lab), "");
	former_lab_end(&lab);
}

/* One that has ended keeps nobody from starting; one that cannot be loaded
 * does, by name. */
static void
test_open(struct job *j)
{
	struct former_lab lab;
	struct issuer again = { 0 };

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	status_lab_at(lab.j, ca_not_after(lab.old) + 1);
	EXPECT(j, former_open(j, j->arena, &again), 0);
	assert_int_equal(again.former_count, 0);
	status_lab_at(lab.j, FIXTURE_NOW);
	lab.former.issuer.ca_key = "/nonexistent";
	EXPECT(j, former_lab_start_again(&lab, &again), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	assert_non_null(strstr(j->err.text, "/nonexistent"));
	job_recover(j);
	former_close(&again);
	lab.former.issuer.ca_key = NULL;
	EXPECT(j, former_lab_start_again(&lab, &again), -1);
	assert_non_null(strstr(j->err.text, "set ca_key or key_module"));
	job_recover(j);
	former_close(&again);
	assert_non_null(strstr(former_lab_check(&lab), "not ok set ca_key"));
	lab.former.issuer.ca_certificate = "/nonexistent";
	EXPECT(j, former_open(j, j->arena, &again), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	job_recover(j);
	former_lab_end(&lab);
}

/* PK-156: who changes the CA and leaves out the section hears of it, every day
 * while certificates of that CA are valid. */
static void
test_left(struct job *j)
{
	struct former_lab lab;
	const char *log, *said;

	former_lab_init(&lab, j, FIXTURE_NOW + 3 * DAY, false);
	unit_log_begin();
	former_lab_run(&lab);
	assert_null(strstr(unit_log_end(), "CA without a section"));
	assert_null(
	    strstr(former_lab_check(&lab), "no section of the configuration"));

	former_lab_end(&lab);
	lab.conf.former_count = 0;
	lab.issuer.left_told_at = 0; /* a new process */
	unit_log_begin();
	former_lab_run(&lab);
	log = unit_log_end();
	said = strstr(log, "CA without a section");
	assert_non_null(said);
	assert_non_null(strstr(said, ca_key_label(lab.old)));
	assert_null(strstr(said, ca_key_label(lab.issuer.ca)));
	assert_non_null(strstr(former_lab_check(&lab),
	    arena_printf(j->arena,
		"not ok certificates of it are valid until "
		"%s, and no section of the configuration",
		clock_rfc3339(j->arena, FIXTURE_NOW + 3 * DAY))));
	unit_log_begin();
	former_lab_run(&lab);
	assert_null(strstr(unit_log_end(), "CA without a section"));
	status_lab_at(j, FIXTURE_NOW + 3 * DAY);
	unit_log_begin();
	former_lab_run(&lab);
	assert_non_null(strstr(unit_log_end(), "CA without a section"));
	status_lab_at(j, FIXTURE_NOW + 4 * DAY);
	unit_log_begin();
	former_lab_run(&lab);
	assert_null(strstr(unit_log_end(), "CA without a section"));
	assert_null(
	    strstr(former_lab_check(&lab), "no section of the configuration"));
}

/* PK-156: a former CA's list that has ended is no good news. */
static void
test_late(struct job *j)
{
	struct former_lab lab;

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	former_lab_run(&lab);
	assert_non_null(strstr(former_lab_check(&lab), "ok list good until"));
	status_lab_at(j, FIXTURE_NOW + 7 * DAY);
	assert_non_null(
	    strstr(former_lab_check(&lab), "not ok its list ended at "));
	former_lab_run(&lab);
	assert_null(strstr(former_lab_check(&lab), "its list ended"));
	former_lab_end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_left),
	STORE_TEST(test_late),
	STORE_TEST_SQLITE(test_section),
	STORE_TEST(test_open),
	STORE_TEST_SQLITE(test_two_of_one_name),
};

UNIT_MAIN(tests)
