/*
 * What commands tell an admin who looks: the end of client certificates
 * (PK-206), and signed heads that are missing (PK-21).
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "db/audit_mark.h"
#include "db/store_admin.h"
#include "db/store_audit.h"
#include "lib/clock.h"
#include "lib/seal.h"
#include "src/admin_expiry.h"
#include "src/command.h"
#include "tests/unit/command_lab.h"

#define DAY 86400

/* The command with these words, at that moment. */
static struct command_said
run(struct job *j, int (*command)(int, char **), int64_t now, const char *verb,
    const char *option)
{
	clock_set(now);
	return COMMAND_RUN(j, command, verb, option);
}

static void
expect_says(const struct command_said *s, const char *text, bool it_does)
{
	assert_int_equal(strstr(s->out, text) != NULL, it_does);
}

/* --- PK-21 ---------------------------------------------------------------- */

static void
add_record(struct job *j, int64_t at)
{
	clock_set(at);
	COMMITTED(j,
	    store_audit_add(j, "web", "order received", "order:x", "ok", NULL));
}

static void
sign_head(struct job *j, int64_t at)
{
	static const uint8_t octets[32] = { 1, 2, 3 };
	struct audit_mark m;

	j->now = at;
	EXPECT(j, store_begin(j), 0);
	EXPECT(
	    j, audit_mark_put(j, seal_key_new(j->arena, octets), NULL, &m), 1);
	EXPECT(j, store_commit(j), 0);
}

static void
test_pk_21_head_is_late(struct job *j)
{
	const int64_t t = j->now;
	int64_t since;
	struct command_said s;

	assert_int_equal(audit_mark_is_late(j, false, &since), 0);
	add_record(j, t);
	s = run(j, cmd_audit, t + 2 * DAY, "verify", NULL);
	assert_int_equal(s.status, EXIT_SUCCESS);
	expect_says(&s, "no signed head", false);
	/* It has never been signed. */
	s = run(j, cmd_audit, t + 2 * DAY + 1, "verify", NULL);
	assert_int_equal(s.status, EXIT_FAILURE);
	expect_says(&s, "are as they were written", true);
	expect_says(
	    &s, "since 2027-01-15T08:00:00Z, and not one signed head", true);
	sign_head(j, t + 3 * DAY);
	s = run(j, cmd_audit, t + 3 * DAY, "verify", NULL);
	assert_int_equal(s.status, EXIT_SUCCESS);
	/* Where nothing happens there is nothing to sign. */
	s = run(j, cmd_audit, t + 300 * DAY, "verify", NULL);
	assert_int_equal(s.status, EXIT_SUCCESS);
	add_record(j, t + 300 * DAY);
	s = run(j, cmd_audit, t + 301 * DAY, "verify", NULL);
	assert_int_equal(s.status, EXIT_SUCCESS);
	add_record(j, t + 303 * DAY);
	s = run(j, cmd_audit, t + 303 * DAY, "verify", "--json");
	assert_int_equal(s.status, EXIT_FAILURE);
	expect_says(&s, "\"verified\":true", true);
	expect_says(&s, "\"no_head_since\":\"2027-11-11T08:00:00Z\"", true);
}

/* --- PK-206 --------------------------------------------------------------- */

/* Only what is looked at here. */
static void
add_admin(struct job *j, const char *name, int64_t not_after)
{
	struct admin a = { .name = name,
		.role = ADMIN_OPERATOR,
		.approved_at = j->now,
		.password = { 16, 8, 1, SPAN_INIT("salt"), SPAN_INIT("hash") },
		.next = { .spki = span_str(name), .not_after = not_after } };

	COMMITTED(j, store_admin_add(j, &a));
	COMMITTED(j, store_admin_key_prove(j, name, a.next.spki));
}

static void
test_pk_206_list_tells_of_the_end(struct job *j)
{
	struct command_said s;

	add_admin(j, "alice", 0);
	add_admin(j, "bob", j->now + 30 * DAY - 1);
	add_admin(j, "carl", j->now - 1);
	add_admin(j, "dora", j->now + 31 * DAY);
	add_admin(j, "emil", j->now - 1);
	COMMITTED(j, store_admin_disable(j, "emil", "admin:alice"));
	s = run(j, cmd_admin, j->now, "list", NULL);
	assert_int_equal(s.status, EXIT_SUCCESS);
	expect_says(&s, "alice             operator  valid\n", true);
	expect_says(&s, "warning: the client certificate of bob ends at", true);
	expect_says(
	    &s, "carl              operator  certificate expired", true);
	expect_says(&s, "warning: the client certificate of carl has", true);
	expect_says(&s, "certificate of dora", false);
	expect_says(&s, "certificate of emil", false);
	s = run(j, cmd_admin, j->now, "list", "--json");
	expect_says(
	    &s, "\"advice\":\"the client certificate of carl has", true);
}

static void
test_pk_206_alarm(struct job *j)
{
	const char *log;

	add_admin(j, "alice", 0);
	unit_log_begin();
	EXPECT(j, admin_expiry_alarm(j), 0);
	assert_string_equal(unit_log_end(), "");
	add_admin(j, "bob", j->now + 30 * DAY - 1);
	add_admin(j, "carl", j->now - 1);
	unit_log_begin();
	EXPECT(j, admin_expiry_alarm(j), 0);
	log = unit_log_end();
	unit_case("%s", log);
	assert_non_null(
	    strstr(log, "event=\"admin's certificate ends soon\" admin=bob"));
	assert_non_null(
	    strstr(log, "event=\"admin's certificate expired\" admin=carl"));
	assert_non_null(strstr(log, "admin key --client-key FILE carl"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_pk_21_head_is_late),
	STORE_TEST_SQLITE(test_pk_206_list_tells_of_the_end),
	STORE_TEST(test_pk_206_alarm),
};

UNIT_MAIN(tests)
