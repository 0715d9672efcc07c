/* Admins and their two factors: PK-19, PK-20, PK-206. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "db/grants.h"
#include "db/store_audit.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "pki/ca_build.h"
#include "pki/statement.h"
#include "src/acts.h"
#include "src/admin_login.h"

#define PASSWORD SPAN("correct horse battery")
#define PASSPHRASE SPAN("of the key")
#define BY "operator:tester"

static const char *const words[] = { "cert", "--revoke", "00aa" };
static const struct command_line line = { 3, (char **)(uintptr_t)words };

/* A client key, as PEM in both halves. */
struct client_key {
	struct span secret, public;
};

static struct span
pem_of_public(struct job *j, EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_mem());
	struct span pem;
	char *p = NULL;

	assert_int_equal(PEM_write_bio_PUBKEY(out, key), 1);
	pem.n = (size_t)BIO_get_mem_data(out, &p);
	pem.p = arena_memdup(j->arena, p, pem.n);
	BIO_free(out);
	return pem;
}

static struct client_key
make_key(struct job *j, EVP_PKEY *key)
{
	struct client_key k;

	assert_non_null(key);
	assert_int_equal(ca_key_seal(j, key, PASSPHRASE, &k.secret), 0);
	k.public = pem_of_public(j, key);
	EVP_PKEY_free(key);
	return k;
}

static struct conf conf;

/* The conf that statements and rules look at. */
static void
use_conf(struct job *j)
{
	conf = (struct conf){ .base_url = "https://ca.example" };
	j->conf = &conf;
	clock_set(j->now);
}

static struct client_key
add_admin(struct job *j, const char *name, enum admin_role role)
{
	struct client_key k = make_key(j, EVP_EC_gen("P-256"));
	struct admin a = { .name = name, .role = role, .approved_at = j->now };

	use_conf(j);
	assert_int_equal(password_hash_at(j, PASSWORD, 16, 1, &a.password), 0);
	assert_int_equal(
	    statement_key_read(j, k.public, &a.spki, &a.key_not_after), 0);
	COMMITTED(j, store_admin_add(j, &a));
	return k;
}

static struct span
sign(struct job *j, const struct client_key *k, const struct admin_login *l)
{
	struct span signature = { NULL, 0 };

	EXPECT(j,
	    statement_sign_pem(
		j, k->secret, PASSPHRASE, l->statement, &signature),
	    0);
	return signature;
}

static void
begin(struct job *j, const char *name, enum act act, struct admin_login *l)
{
	EXPECT(j, admin_login_begin(j, name, act_row(act), &line, l), 0);
}

/* The whole of it: 0 or -1. */
static int
log_in(struct job *j, const char *name, enum act act, struct span password,
    const struct client_key *k)
{
	struct admin_login l;

	begin(j, name, act, &l);
	return admin_login_finish(
	    j, &l, password, k == NULL ? SPAN("") : sign(j, k, &l), BY);
}

static void
expect_refused(struct job *j, int result, const char *text)
{
	assert_int_equal(result, -1);
	assert_job_error(j, ERR_UNAUTHORIZED, text);
	job_recover(j);
}

#define NOT_ACCEPTED                                                           \
	"admin alice: not accepted; both factors are needed, the password "    \
	"and the client key"

/* The last record about this admin. */
static struct audit_row
last_record(struct job *j, const char *name)
{
	struct audit_row *rows;
	size_t n;

	EXPECT(j, store_audit_list(j, admin_actor(j, name), &rows, &n), 0);
	assert_true(n > 0);
	return rows[n - 1];
}

static void
test_pk_206_both_factors(struct job *j)
{
	struct client_key k = add_admin(j, "alice", ADMIN_OPERATOR);
	struct audit_row r;
	struct admin a;
	size_t count;

	EXPECT(j, log_in(j, "alice", ACT_CERT_REVOKE, PASSWORD, &k), 0);
	r = last_record(j, "alice");
	assert_string_equal(r.actor, "admin:alice");
	assert_string_equal(r.result, "ok");
	assert_non_null(strstr(r.detail, "cert revoke"));
	assert_non_null(strstr(r.detail, "00aa"));
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), 0);
	/* What was signed can be verified later, and a change is found. */
	assert_int_equal(store_admin_by_name(j, "alice", &a), 1);
	EXPECT(j, admin_verify(j, &a, &count), 0);
	assert_int_equal(count, 2);
	fixture_sql(j, "UPDATE audit SET detail = replace(detail, '00aa', "
		       "'00ab') WHERE seq = 1");
	assert_int_equal(admin_verify(j, &a, &count), -1);
	assert_job_error(j, ERR_SPOILED, NULL);
	job_recover(j);
}

static void
test_pk_206_one_factor_only(struct job *j)
{
	struct client_key k = add_admin(j, "alice", ADMIN_APPROVER);
	struct client_key other = make_key(j, EVP_EC_gen("P-384"));

	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, NULL), NOT_ACCEPTED);
	assert_string_equal(last_record(j, "alice").result, "refused");
	assert_non_null(strstr(
	    last_record(j, "alice").detail, "one factor only: no signature"));
	assert_string_equal(last_record(j, "alice").actor, BY);
	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, SPAN(""), &k), NOT_ACCEPTED);
	assert_non_null(strstr(
	    last_record(j, "alice").detail, "one factor only: no password"));
	expect_refused(j,
	    log_in(j, "alice", ACT_STOP, SPAN("correct horse batterx"), &k),
	    NOT_ACCEPTED);
	clock_set(j->now + 3600);
	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &other), NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "not the client key's"));
}

/* Nobody learns which names there are. */
static void
test_pk_206_unknown_name(struct job *j)
{
	struct client_key k = add_admin(j, "bob", ADMIN_OPERATOR);

	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "no such admin"));
	/* Nor does one who waits for approval, or is disabled, differ. */
	fixture_sql(j, "UPDATE admin SET name = 'alice', approved_at = 0");
	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), NOT_ACCEPTED);
}

static void
test_pk_206_roles(struct job *j)
{
	struct client_key auditor = add_admin(j, "ann", ADMIN_AUDITOR);
	struct client_key operator= add_admin(j, "otto", ADMIN_OPERATOR);
	struct client_key approver = add_admin(j, "vera", ADMIN_APPROVER);

	for (size_t act = 0; act < ACT_COUNT; act++)
		if (act_row((enum act)act)->need >= NEED_OPERATE) {
			unit_case("%s", act_row((enum act)act)->name);
			expect_refused(j,
			    log_in(j, "ann", (enum act)act, PASSWORD, &auditor),
			    NULL);
			assert_non_null(strstr(last_record(j, "ann").detail,
			    "the role does not allow it"));
		}
	EXPECT(j, log_in(j, "ann", ACT_ORDERS, PASSWORD, &auditor), 0);
	EXPECT(j, log_in(j, "ann", ACT_ADMIN_PASSWD, PASSWORD, &auditor), 0);
	EXPECT(j, log_in(j, "otto", ACT_CERT_REVOKE, PASSWORD, &operator), 0);
	EXPECT(j, log_in(j, "otto", ACT_KEY_DESTROY, PASSWORD, &operator), 0);
	EXPECT(j, log_in(j, "vera", ACT_KEY_DESTROY, PASSWORD, &approver), 0);
}

static void
test_pk_206_replayed_statement(struct job *j)
{
	struct client_key k = add_admin(j, "alice", ADMIN_OPERATOR);
	struct admin_login first, second;
	struct span signature;

	begin(j, "alice", ACT_CERT_REVOKE, &first);
	signature = sign(j, &k, &first);
	EXPECT(j, admin_login_finish(j, &first, PASSWORD, signature, BY), 0);
	/* The same statement once more, and its signature under another. */
	expect_refused(j,
	    admin_login_finish(j, &first, PASSWORD, signature, BY),
	    NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "was used before"));
	begin(j, "alice", ACT_CERT_REVOKE, &second);
	assert_string_not_equal(first.nonce, second.nonce);
	expect_refused(j,
	    admin_login_finish(j, &second, PASSWORD, signature, BY),
	    NOT_ACCEPTED);
	/* One that was signed and lay around. */
	begin(j, "alice", ACT_CERT_REVOKE, &second);
	signature = sign(j, &k, &second);
	clock_set(j->now + ADMIN_NONCE_SECS + 1);
	expect_refused(j,
	    admin_login_finish(j, &second, PASSWORD, signature, BY),
	    NOT_ACCEPTED);
	/* One of somebody else. */
	begin(j, "alice", ACT_CERT_REVOKE, &second);
	second.name = "bob";
	assert_int_equal(
	    admin_login_finish(j, &second, PASSWORD, sign(j, &k, &second), BY),
	    -1);
	job_recover(j);
}

static void
test_pk_206_wrong_tries_wait(struct job *j)
{
	struct client_key k = add_admin(j, "alice", ADMIN_OPERATOR);
	struct admin_login l;
	int64_t now = j->now, waited = 0;

	for (int i = 0; i < 3; i++)
		expect_refused(j, log_in(j, "alice", ACT_STOP, SPAN("x"), &k),
		    NOT_ACCEPTED);
	for (int64_t pause = 2; pause <= 1024; pause *= 2) {
		int64_t wait = pause > 900 ? 900 : pause;

		unit_case("%lld s", (long long)wait);
		expect_refused(j, log_in(j, "alice", ACT_STOP, SPAN("x"), &k),
		    NOT_ACCEPTED);
		/* In the database: another process waits as well.  The right
		 * password does not help, and waiting costs nothing. */
		for (int i = 0; i < 2; i++) {
			clock_set(now + wait - 1);
			assert_int_equal(admin_login_begin(j, "alice",
					     act_row(ACT_STOP), &line, &l),
			    -1);
			assert_job_error(j, ERR_RATE_LIMITED, NULL);
			job_recover(j);
		}
		now += wait;
		clock_set(now);
		waited += wait;
	}
	assert_true(waited > 1800);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), 0);
	/* Who was right begins anew. */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM admin_try"), 0);
}

/* Invented names do not fill the database. */
static void
test_pk_206_tries_are_forgotten(struct job *j)
{
	struct admin_login l;

	use_conf(j);
	begin(j, "someone", ACT_STOP, &l);
	clock_set(j->now + 24 * 3600 + 1);
	begin(j, "another", ACT_STOP, &l);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM admin_try"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM admin_nonce"), 1);
}

static void
test_pk_206_approver_is_another(struct job *j)
{
	struct client_key k = make_key(j, EVP_EC_gen("P-256"));
	struct admin a = { .name = "carl",
		.role = ADMIN_OPERATOR,
		.asked_by = "admin:alice" };

	use_conf(j);
	assert_int_equal(password_hash_at(j, PASSWORD, 16, 1, &a.password), 0);
	assert_int_equal(
	    statement_key_read(j, k.public, &a.spki, &a.key_not_after), 0);
	COMMITTED(j, store_admin_add(j, &a));
	assert_int_equal(log_in(j, "carl", ACT_STOP, PASSWORD, &k), -1);
	job_recover(j);
	REFUSED(j, store_admin_approve(j, "carl", "admin:alice"), ERR_CONFLICT);
	COMMITTED(j, store_admin_approve(j, "carl", "admin:vera"));
	EXPECT(j, log_in(j, "carl", ACT_STOP, PASSWORD, &k), 0);
	/* Neither the name nor the key is given to a second one. */
	REFUSED(j, store_admin_add(j, &a), ERR_CONFLICT);
	a.name = "dora";
	REFUSED(j, store_admin_add(j, &a), ERR_CONFLICT);
	COMMITTED(j, store_admin_disable(j, "carl", "admin:vera"));
	assert_int_equal(log_in(j, "carl", ACT_STOP, PASSWORD, &k), -1);
	job_recover(j);
}

static void
test_pk_206_pair(struct job *j)
{
	assert_int_equal(store_admin_is_pair(j, NULL), 0);
	add_admin(j, "vera", ADMIN_APPROVER);
	add_admin(j, "ann", ADMIN_AUDITOR);
	assert_int_equal(store_admin_is_pair(j, NULL), 0);
	add_admin(j, "otto", ADMIN_OPERATOR);
	assert_int_equal(store_admin_is_pair(j, NULL), 1);
	assert_int_equal(store_admin_is_pair(j, "ann"), 1);
	assert_int_equal(store_admin_is_pair(j, "otto"), 0);
	assert_int_equal(store_admin_is_pair(j, "vera"), 0);
}

static void
test_pk_206_when_it_is_required(struct job *j)
{
	use_conf(j);
	assert_int_equal(admin_is_required(j), 0);
	conf.admin_required = true;
	assert_int_equal(admin_is_required(j), 1);
	use_conf(j);
	conf.mode = CONF_MODE_PUBLIC;
	assert_int_equal(admin_is_required(j), 1);
	add_admin(j, "alice", ADMIN_OPERATOR);
	assert_int_equal(admin_is_required(j), 1);
}

/* No role of the service can read or make an admin. */
static void
test_pk_206_no_role_has_it(struct job *j)
{
	const char *users[ROLE_COUNT];
	const char *script;

	for (size_t i = 0; i < ROLE_COUNT; i++)
		users[i] = arena_printf(j->arena, "login%zu", i);
	script = grants_script(j, users);
	assert_non_null(script);
	assert_non_null(strstr(script, ".cert "));
	assert_null(strstr(script, ".admin"));
}

static void
test_client_keys(void **state)
{
	struct job *j = unit_job();
	EVP_PKEY *keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-384"),
		EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	struct span message = SPAN(STATEMENT_FIRST_LINE "{}\n");
	struct span spki = { NULL, 0 }, signature = { NULL, 0 };
	struct client_key k;
	int64_t not_after;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		unit_case("key %zu", i);
		k = make_key(j, keys[i]);
		assert_int_equal(
		    statement_key_read(j, k.public, &spki, &not_after), 0);
		assert_int_equal(not_after, 0);
		assert_int_equal(statement_sign_pem(j, k.secret, PASSPHRASE,
				     message, &signature),
		    0);
		assert_int_equal(
		    statement_verify(j, spki, message, signature), 1);
		assert_int_equal(
		    statement_verify(
			j, spki, SPAN(STATEMENT_FIRST_LINE "{ }\n"), signature),
		    0);
		assert_int_equal(
		    statement_verify(j, spki, message, SPAN("")), 0);
	}
	assert_int_equal(
	    statement_sign_pem(j, k.secret, SPAN("wrong"), message, &signature),
	    -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	job_recover(j);
	/* Raw octets, a certificate's for instance, are no statement (PK-203).
	 */
	assert_int_equal(statement_sign_pem(j, k.secret, PASSPHRASE,
			     SPAN("\x30\x03\x02\x01\x01"), &signature),
	    -1);
	job_recover(j);
	/* A key that is too weak, and none. */
	k = make_key(j, EVP_RSA_gen(1024));
	assert_int_equal(
	    statement_key_read(j, k.public, &spki, &not_after), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	assert_int_equal(
	    statement_key_read(j, SPAN("x"), &spki, &not_after), -1);
	job_recover(j);
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
	assert_int_equal(password_hash(j, PASSWORD, &h), 0);
	assert_true(h.n >= 32768);
	assert_int_equal(password_check(j, PASSWORD, &h), 1);
	assert_int_equal(password_check(j, PASSWORD, NULL), 0);
	assert_int_equal(password_hash_at(j, PASSWORD, 16, 1, &h), 0);
	assert_int_equal(password_check(j, PASSWORD, &h), 1);
	assert_int_equal(password_check(j, SPAN("correct horse"), &h), 0);
	/* What a row says must not cost more than this machine has. */
	h.n = INT64_C(1) << 40;
	assert_int_equal(password_check(j, PASSWORD, &h), -1);
	job_recover(j);
	h.n = 12345;
	assert_int_equal(password_check(j, PASSWORD, &h), -1);
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
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(admin_name_is_good(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(admin_name_is_good(bad[i]));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_acts),
	cmocka_unit_test(test_client_keys),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_passwords),
	STORE_TEST(test_pk_206_approver_is_another),
	STORE_TEST(test_pk_206_both_factors),
	STORE_TEST_PGSQL(test_pk_206_no_role_has_it),
	STORE_TEST(test_pk_206_one_factor_only),
	STORE_TEST(test_pk_206_pair),
	STORE_TEST(test_pk_206_replayed_statement),
	STORE_TEST(test_pk_206_roles),
	STORE_TEST(test_pk_206_tries_are_forgotten),
	STORE_TEST(test_pk_206_unknown_name),
	STORE_TEST(test_pk_206_when_it_is_required),
	STORE_TEST(test_pk_206_wrong_tries_wait),
};

UNIT_MAIN(tests)
