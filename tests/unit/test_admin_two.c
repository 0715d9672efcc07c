/*
 * PK-206, PK-207: what takes two persons takes two of them, who are who they
 * say.
 */
#include "config.h"

#include "tests/unit/admin_lab.h"

#include <string.h>

#include "src/acts.h"
#include "src/command.h"
#include "src/two_persons.h"
#include "tests/unit/store_fixture.h"

static void
test_pk_206_approver_is_another(struct job *j)
{
	struct admin a = { .name = "carl",
		.role = ADMIN_OPERATOR,
		.asked_by = "admin:alice" };
	struct client_pem k = admin_lab_new_key(j, &a.next);

	admin_lab_conf(j);
	assert_int_equal(
	    password_hash_at(j, ADMIN_LAB_PASSWORD, 16, 1, &a.password), 0);
	COMMITTED(j, store_admin_add(j, &a));
	assert_int_equal(
	    admin_lab_log_in(j, "carl", ACT_STOP, ADMIN_LAB_PASSWORD, &k), -1);
	job_recover(j);
	REFUSED(j, store_admin_approve(j, "carl", "admin:alice"), ERR_CONFLICT);
	COMMITTED(j, store_admin_approve(j, "carl", "admin:vera"));
	EXPECT(j, admin_lab_log_in(j, "carl", ACT_STOP, ADMIN_LAB_PASSWORD, &k),
	    0);
	/* Neither the name nor the key is given to a second one. */
	REFUSED(j, store_admin_add(j, &a), ERR_CONFLICT);
	a.name = "dora";
	REFUSED(j, store_admin_add(j, &a), ERR_CONFLICT);
	assert_int_equal(store_admin_by_name(j, "dora", &a), 0);
	COMMITTED(j, store_admin_disable(j, "carl", "admin:vera"));
	assert_int_equal(
	    admin_lab_log_in(j, "carl", ACT_STOP, ADMIN_LAB_PASSWORD, &k), -1);
	job_recover(j);
}

static void
test_pk_206_pair(struct job *j)
{
	assert_int_equal(store_admin_is_pair(j, NULL), 0);
	admin_lab_live(j, "vera", ADMIN_APPROVER);
	admin_lab_live(j, "ann", ADMIN_AUDITOR);
	assert_int_equal(store_admin_is_pair(j, NULL), 0);
	/* Who has got the wrong key would be the second for ever. */
	admin_lab_unproven(j, "otto", ADMIN_OPERATOR);
	assert_int_equal(store_admin_is_pair(j, NULL), 0);
	admin_lab_prove(j, "otto");
	assert_int_equal(store_admin_is_pair(j, NULL), 1);
	assert_int_equal(store_admin_is_pair(j, "ann"), 1);
	assert_int_equal(store_admin_is_pair(j, "otto"), 0);
	assert_int_equal(store_admin_is_pair(j, "vera"), 0);
	assert_int_equal(store_admin_is_pair_now(j, NULL), 1);
	assert_int_equal(store_admin_is_pair_now(j, "otto"), 0);
	admin_lab_end_certificate(j, "otto", -1);
	assert_int_equal(store_admin_is_pair(j, NULL), 1);
	assert_int_equal(store_admin_is_pair_now(j, NULL), 0);
}

static void
act_as(const char *name, enum admin_role role)
{
	static struct admin self;

	self = (struct admin){ .name = name, .role = role };
	command_admin_is(name == NULL ? NULL : &self);
}

enum confirm { ASKS, CONFIRMS, REFUSED_ROLE, REFUSED_SELF };

static void
expect_confirm(struct job *j, const char *asked_by, enum confirm expected)
{
	int first = request_is_first(j, asked_by);
	int may;

	assert_int_equal(first, expected == ASKS || expected == REFUSED_ROLE);
	may = request_may_confirm(j, asked_by);
	assert_int_equal(may, expected == CONFIRMS ? 0 : -1);
	if (may < 0)
		assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	job_recover(j);
}

static void
test_pk_206_pk_207_two_in_either_order(struct job *j)
{
	admin_lab_live(j, "otto", ADMIN_OPERATOR);
	admin_lab_live(j, "olga", ADMIN_OPERATOR);
	admin_lab_live(j, "vera", ADMIN_APPROVER);
	admin_lab_live(j, "victor", ADMIN_APPROVER);
	act_as("vera", ADMIN_APPROVER);
	expect_confirm(j, NULL, ASKS);
	expect_confirm(j, "admin:otto", CONFIRMS);
	expect_confirm(j, "admin:victor", CONFIRMS);
	expect_confirm(j, "admin:vera", REFUSED_SELF);
	act_as("otto", ADMIN_OPERATOR);
	expect_confirm(j, "admin:vera", CONFIRMS);
	expect_confirm(j, "admin:olga", REFUSED_ROLE);
	expect_confirm(j, "admin:otto", REFUSED_SELF);
	/* A system account's does not count once an admin acts. */
	expect_confirm(j, "operator:root", ASKS);
	act_as(NULL, 0);
	expect_confirm(j, "operator:another", CONFIRMS);
}

static void
test_pk_206_pk_207_asker_must_be_live(struct job *j)
{
	admin_lab_live(j, "otto", ADMIN_OPERATOR);
	admin_lab_live(j, "olga", ADMIN_OPERATOR);
	admin_lab_live(j, "vera", ADMIN_APPROVER);
	act_as("vera", ADMIN_APPROVER);
	expect_confirm(j, "admin:otto", CONFIRMS);
	admin_lab_end_certificate(j, "otto", -1);
	expect_confirm(j, "admin:otto", ASKS);
	admin_lab_end_certificate(j, "otto", 0);
	expect_confirm(j, "admin:otto", CONFIRMS);
	fixture_sql(j, "UPDATE admin SET role = 'auditor' WHERE name = 'otto'");
	expect_confirm(j, "admin:otto", ASKS);
	COMMITTED(j, store_admin_disable(j, "olga", "admin:vera"));
	expect_confirm(j, "admin:olga", ASKS);
	expect_confirm(j, "admin:nobody", ASKS);
	/* An approver who has asked and is disabled is none. */
	act_as("otto", ADMIN_OPERATOR);
	expect_confirm(j, "admin:vera", CONFIRMS);
	COMMITTED(j, store_admin_disable(j, "vera", "admin:otto"));
	expect_confirm(j, "admin:vera", ASKS);
	act_as(NULL, 0);
}

/* Who asked for an account has set its password, so must not have its key. */
static void
test_pk_206_nobody_becomes_another(struct job *j)
{
	admin_lab_live(j, "otto", ADMIN_OPERATOR);
	admin_lab_unproven(j, "vera", ADMIN_APPROVER);
	act_as("otto", ADMIN_OPERATOR);
	/* Alone one can make others anyway, and mend what was wrong. */
	EXPECT(j, key_may_be_named(j, "vera"), 0);
	EXPECT(j, key_may_be_named(j, "otto"), 0);
	admin_lab_prove(j, "vera");
	admin_lab_unproven(j, "vera2", ADMIN_APPROVER);
	admin_lab_live(j, "ann", ADMIN_AUDITOR);
	for (size_t i = 0; i < 3; i++) {
		static const char *const others[] = { "vera", "vera2", "ann" };

		unit_case("%s", others[i]);
		admin_lab_refused(j, key_may_be_named(j, others[i]), NULL);
	}
	EXPECT(j, key_may_be_named(j, "otto"), 0);
	act_as("vera", ADMIN_APPROVER);
	assert_int_equal(key_may_be_named(j, "vera2"), -1);
	assert_non_null(
	    strstr(j->err.text, "give countersign admin disable vera2"));
	job_recover(j);
	/* That a certificate has ended opens no door. */
	admin_lab_end_certificate(j, "otto", -1);
	admin_lab_refused(j, key_may_be_named(j, "otto"), NULL);
	act_as(NULL, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_pk_206_approver_is_another),
	STORE_TEST(test_pk_206_nobody_becomes_another),
	STORE_TEST(test_pk_206_pair),
	STORE_TEST(test_pk_206_pk_207_asker_must_be_live),
	STORE_TEST(test_pk_206_pk_207_two_in_either_order),
};
UNIT_MAIN(tests)
