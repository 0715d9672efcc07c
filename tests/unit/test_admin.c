/* Admins and their two factors: PK-19, PK-20, PK-206. */
#include "config.h"

#include "tests/unit/admin_lab.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "db/grants.h"
#include "db/store_audit.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/acts.h"
#include "src/admin_login.h"
#include "src/command.h"
#include "tests/unit/store_fixture.h"

static void
test_pk_206_both_factors(struct job *j)
{
	struct client_pem k = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct audit_row r;
	size_t count;

	EXPECT(j,
	    admin_lab_log_in(
		j, "alice", ACT_CERT_REVOKE, ADMIN_LAB_PASSWORD, &k),
	    0);
	r = admin_lab_last_record(j, "alice");
	assert_string_equal(r.actor, "admin:alice");
	assert_string_equal(r.result, "ok");
	assert_non_null(strstr(r.detail, "cert revoke"));
	assert_non_null(strstr(r.detail, "00aa"));
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &k), 0);
	/* What was signed can be verified later, and a change is found. */
	EXPECT(j, admin_verify(j, "alice", &count), 0);
	assert_int_equal(count, 2);
	fixture_sql(j, "UPDATE audit SET detail = replace(detail, '00aa', "
		       "'00ab') WHERE seq = 1");
	assert_int_equal(admin_verify(j, "alice", &count), -1);
	assert_job_error(j, ERR_SPOILED, NULL);
	job_recover(j);
}

static void
test_pk_206_one_factor_only(struct job *j)
{
	struct client_pem k = admin_lab_live(j, "alice", ADMIN_APPROVER);
	struct client_pem other = admin_lab_key(j, EVP_EC_gen("P-384"));

	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, NULL),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_string_equal(
	    admin_lab_last_record(j, "alice").result, "refused");
	assert_non_null(strstr(admin_lab_last_record(j, "alice").detail,
	    "one factor only: no signature"));
	assert_string_equal(
	    admin_lab_last_record(j, "alice").actor, ADMIN_LAB_BY);
	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, SPAN(""), &k),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(strstr(admin_lab_last_record(j, "alice").detail,
	    "one factor only: no password"));
	admin_lab_refused(j,
	    admin_lab_log_in(
		j, "alice", ACT_STOP, SPAN("correct horse batterx"), &k),
	    ADMIN_LAB_NOT_ACCEPTED);
	clock_set(j->now + 3600);
	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &other),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(strstr(
	    admin_lab_last_record(j, "alice").detail, "not the client key's"));
}

/* Nobody learns which names there are. */
static void
test_pk_206_unknown_name(struct job *j)
{
	struct client_pem k = admin_lab_live(j, "bob", ADMIN_OPERATOR);

	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &k),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(
	    strstr(admin_lab_last_record(j, "alice").detail, "no such admin"));
	/* Nor does one who waits for approval, or is disabled, differ. */
	k = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	fixture_sql(j, "UPDATE admin SET approved_at = 0");
	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &k),
	    ADMIN_LAB_NOT_ACCEPTED);
}

static void
test_pk_206_roles(struct job *j)
{
	struct client_pem auditor = admin_lab_live(j, "ann", ADMIN_AUDITOR);
	struct client_pem operator= admin_lab_live(j, "otto", ADMIN_OPERATOR);
	struct client_pem approver = admin_lab_live(j, "vera", ADMIN_APPROVER);

	for (size_t act = 0; act < ACT_COUNT; act++)
		if (act_row((enum act)act)->need >= NEED_OPERATE) {
			unit_case("%s", act_row((enum act)act)->name);
			admin_lab_refused(j,
			    admin_lab_log_in(j, "ann", (enum act)act,
				ADMIN_LAB_PASSWORD, &auditor),
			    NULL);
			assert_non_null(
			    strstr(admin_lab_last_record(j, "ann").detail,
				"the role does not allow it"));
		}
	EXPECT(j,
	    admin_lab_log_in(
		j, "ann", ACT_ORDERS, ADMIN_LAB_PASSWORD, &auditor),
	    0);
	EXPECT(j,
	    admin_lab_log_in(
		j, "ann", ACT_ADMIN_PASSWD, ADMIN_LAB_PASSWORD, &auditor),
	    0);
	EXPECT(j,
	    admin_lab_log_in(
		j, "otto", ACT_CERT_REVOKE, ADMIN_LAB_PASSWORD, &operator),
	    0);
	EXPECT(j,
	    admin_lab_log_in(
		j, "otto", ACT_KEY_DESTROY, ADMIN_LAB_PASSWORD, &operator),
	    0);
	EXPECT(j,
	    admin_lab_log_in(
		j, "vera", ACT_KEY_DESTROY, ADMIN_LAB_PASSWORD, &approver),
	    0);
}

static void
test_pk_206_replayed_statement(struct job *j)
{
	struct client_pem k = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct admin_login first, second;
	struct span signature;

	admin_lab_begin(j, "alice", ACT_CERT_REVOKE, &first);
	signature = admin_lab_sign(j, &k, &first);
	EXPECT(j,
	    admin_login_finish(
		j, &first, ADMIN_LAB_PASSWORD, signature, ADMIN_LAB_BY),
	    0);
	/* The same statement once more, and its signature under another. */
	admin_lab_refused(j,
	    admin_login_finish(
		j, &first, ADMIN_LAB_PASSWORD, signature, ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(strstr(
	    admin_lab_last_record(j, "alice").detail, "was used before"));
	admin_lab_begin(j, "alice", ACT_CERT_REVOKE, &second);
	assert_string_not_equal(first.nonce, second.nonce);
	admin_lab_refused(j,
	    admin_login_finish(
		j, &second, ADMIN_LAB_PASSWORD, signature, ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
	/* One that was signed and lay around. */
	admin_lab_begin(j, "alice", ACT_CERT_REVOKE, &second);
	signature = admin_lab_sign(j, &k, &second);
	clock_set(j->now + ADMIN_NONCE_SECS + 1);
	admin_lab_refused(j,
	    admin_login_finish(
		j, &second, ADMIN_LAB_PASSWORD, signature, ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
	/* One of somebody else. */
	admin_lab_begin(j, "alice", ACT_CERT_REVOKE, &second);
	second.name = "bob";
	assert_int_equal(admin_login_finish(j, &second, ADMIN_LAB_PASSWORD,
			     admin_lab_sign(j, &k, &second), ADMIN_LAB_BY),
	    -1);
	job_recover(j);
}

static void
test_pk_206_wrong_tries_wait(struct job *j)
{
	struct client_pem k = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct admin_login l;
	int64_t now = j->now, waited = 0;

	for (int i = 0; i < 3; i++)
		admin_lab_refused(j,
		    admin_lab_log_in(j, "alice", ACT_STOP, SPAN("x"), &k),
		    ADMIN_LAB_NOT_ACCEPTED);
	for (int64_t pause = 2; pause <= 1024; pause *= 2) {
		int64_t wait = pause > 900 ? 900 : pause;

		unit_case("%lld s", (long long)wait);
		admin_lab_refused(j,
		    admin_lab_log_in(j, "alice", ACT_STOP, SPAN("x"), &k),
		    ADMIN_LAB_NOT_ACCEPTED);
		/* In the database: another process waits as well.  The right
		 * password does not help, and waiting costs nothing. */
		for (int i = 0; i < 2; i++) {
			clock_set(now + wait - 1);
			assert_int_equal(
			    admin_login_begin(j, "alice", act_row(ACT_STOP),
				&admin_lab_line, "operator:test", &l),
			    -1);
			assert_job_error(j, ERR_RATE_LIMITED, NULL);
			job_recover(j);
		}
		now += wait;
		clock_set(now);
		waited += wait;
	}
	assert_true(waited > 1800);
	/* PK-19: once in each pause, in which there were two. */
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM audit WHERE event = 'admin login' "
		"AND actor = 'operator:test' AND object = 'admin:alice' "
		"AND result = 'refused' AND detail LIKE '%\"stop issuance\"%' "
		"AND detail LIKE '%too many wrong tries%'"),
	    10);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &k), 0);
	/* Who was right begins anew. */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM admin_try"), 0);
}

/* Invented names do not fill the database. */
static void
test_pk_206_tries_are_forgotten(struct job *j)
{
	struct admin_login l;

	admin_lab_conf(j);
	admin_lab_begin(j, "someone", ACT_STOP, &l);
	clock_set(j->now + 24 * 3600 + 1);
	admin_lab_begin(j, "another", ACT_STOP, &l);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM admin_try"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM admin_nonce"), 1);
}

static void
test_pk_206_when_it_is_required(struct job *j)
{
	struct conf *conf = admin_lab_conf(j);

	assert_int_equal(admin_is_required(j), 0);
	conf->admin_required = true;
	assert_int_equal(admin_is_required(j), 1);
	conf = admin_lab_conf(j);
	conf->mode = CONF_MODE_PUBLIC;
	assert_int_equal(admin_is_required(j), 1);
	admin_lab_live(j, "alice", ADMIN_OPERATOR);
	assert_int_equal(admin_is_required(j), 1);
}

/* Or the account is another by then. */
static void
test_pk_206_account_changes_meanwhile(struct job *j)
{
	struct client_pem k = admin_lab_live(j, "alice", ADMIN_APPROVER);
	struct password_hash other;
	struct admin_login l;

	admin_lab_begin(j, "alice", ACT_STOP, &l);
	fixture_sql(
	    j, "UPDATE admin SET role = 'auditor' WHERE name = 'alice'");
	admin_lab_refused(j,
	    admin_login_finish(j, &l, ADMIN_LAB_PASSWORD,
		admin_lab_sign(j, &k, &l), ADMIN_LAB_BY),
	    NULL);
	assert_non_null(strstr(admin_lab_last_record(j, "alice").detail,
	    "the role does not allow it"));
	fixture_sql(
	    j, "UPDATE admin SET role = 'approver' WHERE name = 'alice'");
	admin_lab_begin(j, "alice", ACT_STOP, &l);
	assert_int_equal(
	    password_hash_at(j, SPAN("another long one"), 16, 1, &other), 0);
	COMMITTED(j, store_admin_set_password(j, "alice", &other));
	admin_lab_refused(j,
	    admin_login_finish(j, &l, ADMIN_LAB_PASSWORD,
		admin_lab_sign(j, &k, &l), ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(
	    strstr(admin_lab_last_record(j, "alice").detail, "wrong password"));
	admin_lab_begin(j, "alice", ACT_STOP, &l);
	COMMITTED(j, store_admin_disable(j, "alice", "admin:vera"));
	admin_lab_refused(j,
	    admin_login_finish(j, &l, SPAN("another long one"),
		admin_lab_sign(j, &k, &l), ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(strstr(
	    admin_lab_last_record(j, "alice").detail, "or not any more"));
}

/* A record that names a key of somebody else's is found. */
static void
test_pk_206_verify_knows_whose_key(struct job *j)
{
	struct client_pem alice = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	size_t count;

	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &alice),
	    0);
	EXPECT(j, admin_verify(j, "alice", &count), 0);
	admin_lab_live(j, "bob", ADMIN_OPERATOR);
	COMMITTED(j, store_admin_disable(j, "bob", "admin:alice"));
	fixture_sql(
	    j, "UPDATE admin_key SET name = 'bob' WHERE name = 'alice'");
	assert_int_equal(admin_verify(j, "alice", &count), -1);
	assert_job_error(j, ERR_SPOILED, NULL);
	job_recover(j);
}

/* No role of the service can make an admin, or read one but that whose pages
 * admins log in to. */
static void
test_pk_206_no_role_has_it(struct job *j)
{
	const char *users[ROLE_COUNT];
	const char *script;

	for (size_t i = 0; i < ROLE_COUNT; i++)
		users[i] = i == ROLE_ADMIN
			       ? NULL
			       : arena_printf(j->arena, "login%zu", i);
	script = grants_script(j, users);
	assert_non_null(script);
	assert_non_null(strstr(script, ".cert "));
	assert_null(strstr(script, ".admin TO "));
	assert_null(strstr(script, ".admin_try TO "));
	assert_null(strstr(script, ".admin_nonce"));

	users[ROLE_ADMIN] = "pages";
	script = grants_script(j, users);
	assert_non_null(script);
	assert_non_null(strstr(script, ".admin TO "));
	for (const char *p = script; (p = strstr(p, ".admin TO ")) != NULL; p++)
		assert_true(strncmp(p, ".admin TO \"pages\"", 17) == 0);
	assert_null(strstr(script, ".admin_nonce"));
}

static void
test_passwords(void **state)
{
	struct job *j = unit_job();
	struct password_hash h;

	(void)state;
	assert_int_equal(password_hash(j, SPAN("too short"), &h), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	assert_int_equal(password_hash(j, ADMIN_LAB_PASSWORD, &h), 0);
	assert_true(h.n >= 32768);
	assert_int_equal(password_check(j, ADMIN_LAB_PASSWORD, &h), 1);
	assert_int_equal(password_check(j, ADMIN_LAB_PASSWORD, NULL), 0);
	assert_int_equal(password_hash_at(j, ADMIN_LAB_PASSWORD, 16, 1, &h), 0);
	assert_int_equal(password_check(j, ADMIN_LAB_PASSWORD, &h), 1);
	assert_int_equal(password_check(j, SPAN("correct horse"), &h), 0);
	/* What a row says must not cost more than this machine has. */
	h.n = INT64_C(1) << 40;
	assert_int_equal(password_check(j, ADMIN_LAB_PASSWORD, &h), -1);
	job_recover(j);
	h.n = 12345;
	assert_int_equal(password_check(j, ADMIN_LAB_PASSWORD, &h), -1);
	job_recover(j);
}

static void
test_acts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ACT_COUNT; i++) {
		const struct act_row *r = act_row((enum act)i);

		unit_case("%zu", i);
		assert_true(act_is_of_command(r->command));
		assert_int_equal(
		    strncmp(r->name, r->command, strlen(r->command)), 0);
	}
	assert_false(act_is_of_command("none"));
}

/* 65 characters. */
#define LONG_NAME                                                              \
	"a234567890123456789012345678901234567890123456789012345678901234"     \
	"5"

static void
test_names(void **state)
{
	static const char *const good[] = { "a", "alice", "a.b-c_9" };
	static const char *const bad[] = { "", "Alice", "9a", "a b", "a:b",
		"\xc3\xa4", LONG_NAME };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(admin_name_is_good(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(admin_name_is_good(bad[i]));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_acts),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_passwords),
	STORE_TEST(test_pk_206_account_changes_meanwhile),
	STORE_TEST(test_pk_206_both_factors),
	STORE_TEST_PGSQL(test_pk_206_no_role_has_it),
	STORE_TEST(test_pk_206_one_factor_only),
	STORE_TEST(test_pk_206_replayed_statement),
	STORE_TEST(test_pk_206_roles),
	STORE_TEST(test_pk_206_tries_are_forgotten),
	STORE_TEST(test_pk_206_unknown_name),
	STORE_TEST(test_pk_206_verify_knows_whose_key),
	STORE_TEST(test_pk_206_when_it_is_required),
	STORE_TEST(test_pk_206_wrong_tries_wait),
};
UNIT_MAIN(tests)
