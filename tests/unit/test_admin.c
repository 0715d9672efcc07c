/* Admins and their two factors: PK-19, PK-20, PK-206. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "db/grants.h"
#include "db/store_audit.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "pki/statement.h"
#include "src/acts.h"
#include "src/admin_expiry.h"
#include "src/admin_login.h"
#include "src/command.h"
#include "src/two_persons.h"
#include "tests/unit/admin_lab.h"

#define PASSWORD SPAN("correct horse battery")
#define PASSPHRASE SPAN("of the key")
#define BY "operator:tester"

static const char *const words[] = { "cert", "--revoke", "00aa" };
static const struct command_line line = { 3, (char **)(uintptr_t)words };

/* The key ends with it. */
static struct client_pem
make_key(struct job *j, EVP_PKEY *key)
{
	struct client_pem k = admin_lab_pem(j, key, PASSPHRASE);

	EVP_PKEY_free(key);
	return k;
}

static struct client_pem
new_key(struct job *j, struct admin_key *out)
{
	struct client_pem k = make_key(j, EVP_EC_gen("P-256"));

	assert_int_equal(
	    statement_key_read(j, k.public, &out->spki, &out->not_after), 0);
	return k;
}

/* Approved; the key has not signed anything yet. */
static struct client_pem
add_unproven(struct job *j, const char *name, enum admin_role role)
{
	struct admin_key key = { .set_by = NULL };
	struct client_pem k = new_key(j, &key);

	admin_lab_add(j, name, role, &key, PASSWORD);
	return k;
}

/* As if the key that waits had signed. */
static void
prove(struct job *j, const char *name)
{
	struct admin a;

	assert_int_equal(store_admin_by_name(j, name, &a), 1);
	COMMITTED(j, store_admin_key_prove(j, name, a.next.spki));
}

static struct client_pem
add_admin(struct job *j, const char *name, enum admin_role role)
{
	struct client_pem k = add_unproven(j, name, role);

	prove(j, name);
	return k;
}

static struct client_pem
set_key(struct job *j, const char *name, const char *by)
{
	struct admin_key next = { .set_by = NULL };
	struct client_pem k = new_key(j, &next);

	COMMITTED(j, store_admin_key_set(j, name, &next, by));
	return k;
}

/* Ends, or has ended, so many seconds from now. */
static void
end_certificate(struct job *j, const char *name, int secs)
{
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE admin_key SET not_after = %lld "
			   "WHERE name = '%s' AND proven_at > 0",
			   (long long)j->now + secs, name));
}

static struct span
sign(struct job *j, const struct client_pem *k, const struct admin_login *l)
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
	EXPECT(j,
	    admin_login_begin(j, name, act_row(act), &line, "operator:test", l),
	    0);
}

/* The whole of it: 0 or -1. */
static int
log_in(struct job *j, const char *name, enum act act, struct span password,
    const struct client_pem *k)
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
	struct client_pem k = add_admin(j, "alice", ADMIN_OPERATOR);
	struct audit_row r;
	size_t count;

	EXPECT(j, log_in(j, "alice", ACT_CERT_REVOKE, PASSWORD, &k), 0);
	r = last_record(j, "alice");
	assert_string_equal(r.actor, "admin:alice");
	assert_string_equal(r.result, "ok");
	assert_non_null(strstr(r.detail, "cert revoke"));
	assert_non_null(strstr(r.detail, "00aa"));
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), 0);
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
	struct client_pem k = add_admin(j, "alice", ADMIN_APPROVER);
	struct client_pem other = make_key(j, EVP_EC_gen("P-384"));

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
	struct client_pem k = add_admin(j, "bob", ADMIN_OPERATOR);

	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "no such admin"));
	/* Nor does one who waits for approval, or is disabled, differ. */
	k = add_admin(j, "alice", ADMIN_OPERATOR);
	fixture_sql(j, "UPDATE admin SET approved_at = 0");
	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), NOT_ACCEPTED);
}

static void
test_pk_206_roles(struct job *j)
{
	struct client_pem auditor = add_admin(j, "ann", ADMIN_AUDITOR);
	struct client_pem operator= add_admin(j, "otto", ADMIN_OPERATOR);
	struct client_pem approver = add_admin(j, "vera", ADMIN_APPROVER);

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
	struct client_pem k = add_admin(j, "alice", ADMIN_OPERATOR);
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
	struct client_pem k = add_admin(j, "alice", ADMIN_OPERATOR);
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
			assert_int_equal(
			    admin_login_begin(j, "alice", act_row(ACT_STOP),
				&line, "operator:test", &l),
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
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &k), 0);
	/* Who was right begins anew. */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM admin_try"), 0);
}

/* Invented names do not fill the database. */
static void
test_pk_206_tries_are_forgotten(struct job *j)
{
	struct admin_login l;

	admin_lab_conf(j);
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
	struct admin a = { .name = "carl",
		.role = ADMIN_OPERATOR,
		.asked_by = "admin:alice" };
	struct client_pem k = new_key(j, &a.next);

	admin_lab_conf(j);
	assert_int_equal(password_hash_at(j, PASSWORD, 16, 1, &a.password), 0);
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
	assert_int_equal(store_admin_by_name(j, "dora", &a), 0);
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
	/* Who has got the wrong key would be the second for ever. */
	add_unproven(j, "otto", ADMIN_OPERATOR);
	assert_int_equal(store_admin_is_pair(j, NULL), 0);
	prove(j, "otto");
	assert_int_equal(store_admin_is_pair(j, NULL), 1);
	assert_int_equal(store_admin_is_pair(j, "ann"), 1);
	assert_int_equal(store_admin_is_pair(j, "otto"), 0);
	assert_int_equal(store_admin_is_pair(j, "vera"), 0);
	assert_int_equal(store_admin_is_pair_now(j, NULL), 1);
	assert_int_equal(store_admin_is_pair_now(j, "otto"), 0);
	end_certificate(j, "otto", -1);
	assert_int_equal(store_admin_is_pair(j, NULL), 1);
	assert_int_equal(store_admin_is_pair_now(j, NULL), 0);
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
	add_admin(j, "alice", ADMIN_OPERATOR);
	assert_int_equal(admin_is_required(j), 1);
}

/* Nobody is locked out by a first admin whose file was the wrong one. */
static void
test_pk_206_first_key_must_sign(struct job *j)
{
	struct client_pem right = make_key(j, EVP_EC_gen("P-256"));
	struct client_pem k = add_unproven(j, "alice", ADMIN_OPERATOR);
	struct admin a;

	assert_int_equal(store_admin_exists(j), 0);
	assert_int_equal(admin_is_required(j), 0);
	expect_refused(j, log_in(j, "alice", ACT_ADMIN_LIST, PASSWORD, &right),
	    NOT_ACCEPTED);
	assert_int_equal(store_admin_exists(j), 0);
	/* Whoever made the first one does it again, with the same name. */
	COMMITTED(j, store_admin_forget_unproven(j));
	assert_int_equal(store_admin_by_name(j, "alice", &a), 0);
	k = add_unproven(j, "alice", ADMIN_OPERATOR);
	expect_refused(j,
	    log_in(j, "alice", ACT_ADMIN_LIST, SPAN("wrong password"), &k),
	    NOT_ACCEPTED);
	assert_int_equal(admin_is_required(j), 0);
	EXPECT(j, log_in(j, "alice", ACT_ADMIN_LIST, PASSWORD, &k), 0);
	assert_string_equal(last_record(j, "alice").event, "admin key in use");
	assert_int_equal(store_admin_exists(j), 1);
	assert_int_equal(admin_is_required(j), 1);
	/* From then on nobody forgets anybody. */
	add_unproven(j, "bob", ADMIN_OPERATOR);
	COMMITTED(j, store_admin_forget_unproven(j));
	assert_int_equal(store_admin_by_name(j, "alice", &a), 1);
	assert_int_equal(store_admin_by_name(j, "bob", &a), 1);
}

static void
test_pk_206_own_key_is_replaced(struct job *j)
{
	struct client_pem old = add_admin(j, "alice", ADMIN_OPERATOR);
	struct client_pem wrong, new;
	struct admin a;
	size_t count;

	EXPECT(j, log_in(j, "alice", ACT_ADMIN_KEY, PASSWORD, &old), 0);
	wrong = set_key(j, "alice", "admin:alice");
	/* The old one works until the new one has signed. */
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &old), 0);
	new = set_key(j, "alice", "admin:alice");
	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &wrong), NOT_ACCEPTED);
	expect_refused(j,
	    log_in(j, "alice", ACT_STOP, SPAN("correct horse batterx"), &new),
	    NOT_ACCEPTED);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &old), 0);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &new), 0);
	assert_string_equal(last_record(j, "alice").event, "admin key in use");
	expect_refused(
	    j, log_in(j, "alice", ACT_STOP, PASSWORD, &old), NOT_ACCEPTED);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &new), 0);
	/* What the old one has signed is verified with the old one. */
	EXPECT(j, admin_verify(j, "alice", &count), 0);
	assert_int_equal(count, 5);
	/* Neither comes back, nor goes to somebody else. */
	assert_int_equal(store_admin_by_name(j, "alice", &a), 1);
	REFUSED(j, store_admin_key_set(j, "alice", &a.key, "admin:alice"),
	    ERR_CONFLICT);
	add_admin(j, "bob", ADMIN_OPERATOR);
	REFUSED(j, store_admin_key_set(j, "bob", &a.key, "admin:alice"),
	    ERR_CONFLICT);
}

/* Another key is named between the statement and its signature. */
static void
test_pk_206_key_changes_meanwhile(struct job *j)
{
	struct client_pem old = add_admin(j, "alice", ADMIN_OPERATOR);
	struct client_pem waiting = set_key(j, "alice", "admin:alice");
	struct client_pem last;
	struct admin_login l;
	struct admin before, after;

	assert_int_equal(store_admin_by_name(j, "alice", &before), 1);
	begin(j, "alice", ACT_STOP, &l);
	last = set_key(j, "alice", "admin:alice");
	expect_refused(j,
	    admin_login_finish(j, &l, PASSWORD, sign(j, &waiting, &l), BY),
	    NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "not the client key's"));
	/* The one that has not signed anything still waits. */
	REFUSED(j, store_admin_key_prove(j, "alice", before.next.spki),
	    ERR_CONFLICT);
	assert_int_equal(store_admin_by_name(j, "alice", &after), 1);
	assert_true(span_eq(after.key.spki, before.key.spki));
	assert_false(span_eq(after.next.spki, before.next.spki));
	assert_int_equal(after.next.proven_at, 0);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &old), 0);
	/* And what the one before signs while its successor signs first. */
	begin(j, "alice", ACT_STOP, &l);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &last), 0);
	expect_refused(j,
	    admin_login_finish(j, &l, PASSWORD, sign(j, &old, &l), BY),
	    NOT_ACCEPTED);
}

/* Or the account is another by then. */
static void
test_pk_206_account_changes_meanwhile(struct job *j)
{
	struct client_pem k = add_admin(j, "alice", ADMIN_APPROVER);
	struct password_hash other;
	struct admin_login l;

	begin(j, "alice", ACT_STOP, &l);
	fixture_sql(
	    j, "UPDATE admin SET role = 'auditor' WHERE name = 'alice'");
	expect_refused(
	    j, admin_login_finish(j, &l, PASSWORD, sign(j, &k, &l), BY), NULL);
	assert_non_null(strstr(
	    last_record(j, "alice").detail, "the role does not allow it"));
	fixture_sql(
	    j, "UPDATE admin SET role = 'approver' WHERE name = 'alice'");
	begin(j, "alice", ACT_STOP, &l);
	assert_int_equal(
	    password_hash_at(j, SPAN("another long one"), 16, 1, &other), 0);
	COMMITTED(j, store_admin_set_password(j, "alice", &other));
	expect_refused(j,
	    admin_login_finish(j, &l, PASSWORD, sign(j, &k, &l), BY),
	    NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "wrong password"));
	begin(j, "alice", ACT_STOP, &l);
	COMMITTED(j, store_admin_disable(j, "alice", "admin:vera"));
	expect_refused(j,
	    admin_login_finish(
		j, &l, SPAN("another long one"), sign(j, &k, &l), BY),
	    NOT_ACCEPTED);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "or not any more"));
}

/* A record that names a key of somebody else's is found. */
static void
test_pk_206_verify_knows_whose_key(struct job *j)
{
	struct client_pem alice = add_admin(j, "alice", ADMIN_OPERATOR);
	size_t count;

	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &alice), 0);
	EXPECT(j, admin_verify(j, "alice", &count), 0);
	add_admin(j, "bob", ADMIN_OPERATOR);
	COMMITTED(j, store_admin_disable(j, "bob", "admin:alice"));
	fixture_sql(
	    j, "UPDATE admin_key SET name = 'bob' WHERE name = 'alice'");
	assert_int_equal(admin_verify(j, "alice", &count), -1);
	assert_job_error(j, ERR_SPOILED, NULL);
	job_recover(j);
}

static void
test_pk_206_certificate_has_expired(struct job *j)
{
	struct client_pem alice = add_admin(j, "alice", ADMIN_OPERATOR);
	struct client_pem new;

	add_admin(j, "olga", ADMIN_OPERATOR);
	end_certificate(j, "alice", -1);
	/* Only whoever has both factors learns that it is this. */
	expect_refused(j,
	    log_in(j, "alice", ACT_STOP, SPAN("correct horse batterx"), &alice),
	    NOT_ACCEPTED);
	assert_int_equal(log_in(j, "alice", ACT_STOP, PASSWORD, &alice), -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	assert_non_null(strstr(j->err.text, "has expired at"));
	assert_non_null(strstr(j->err.text, "another admin, an operator or"));
	assert_non_null(strstr(
	    j->err.text, "countersign admin key --client-key FILE alice"));
	job_recover(j);
	assert_non_null(
	    strstr(last_record(j, "alice").detail, "certificate has expired"));
	/* There is one who can do it, so the expired one cannot. */
	assert_int_equal(
	    log_in(j, "alice", ACT_ADMIN_KEY, PASSWORD, &alice), -1);
	job_recover(j);
	new = set_key(j, "alice", "admin:olga");
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &new), 0);
}

/* Once there are two for what needs two nobody names another's key: others make
 * another account, and where no two are left the expired key does it. */
static void
test_pk_206_certificate_of_two_has_expired(struct job *j)
{
	struct client_pem alice = add_admin(j, "alice", ADMIN_OPERATOR);

	add_admin(j, "vera", ADMIN_APPROVER);
	end_certificate(j, "alice", -1);
	assert_int_equal(log_in(j, "alice", ACT_STOP, PASSWORD, &alice), -1);
	assert_non_null(strstr(j->err.text, "no other admin could help"));
	job_recover(j);
	EXPECT(j, log_in(j, "alice", ACT_ADMIN_KEY, PASSWORD, &alice), 0);
	add_admin(j, "otto", ADMIN_OPERATOR);
	assert_int_equal(
	    log_in(j, "alice", ACT_ADMIN_KEY, PASSWORD, &alice), -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	assert_non_null(strstr(j->err.text, "countersign admin disable alice"));
	job_recover(j);
	/* Two who cannot act now are no help. */
	end_certificate(j, "otto", -1);
	EXPECT(j, log_in(j, "alice", ACT_ADMIN_KEY, PASSWORD, &alice), 0);
}

/* Where nobody else could help the expired key does one thing more. */
static void
test_pk_206_last_certificate_has_expired(struct job *j)
{
	struct client_pem alice = add_admin(j, "alice", ADMIN_OPERATOR);
	struct client_pem new;

	add_admin(j, "ann", ADMIN_AUDITOR);
	add_unproven(j, "bob", ADMIN_APPROVER);
	add_admin(j, "vera", ADMIN_APPROVER);
	end_certificate(j, "alice", -1);
	end_certificate(j, "vera", -1);
	assert_int_equal(
	    log_in(j, "alice", ACT_ADMIN_KEY_OTHER, PASSWORD, &alice), -1);
	assert_non_null(strstr(j->err.text, "no other admin could help"));
	job_recover(j);
	EXPECT(j, log_in(j, "alice", ACT_ADMIN_KEY, PASSWORD, &alice), 0);
	new = set_key(j, "alice", "admin:alice");
	assert_int_equal(log_in(j, "alice", ACT_STOP, PASSWORD, &alice), -1);
	job_recover(j);
	EXPECT(j, log_in(j, "alice", ACT_STOP, PASSWORD, &new), 0);
}

static void
test_pk_206_expiry_is_told_before(struct job *j)
{
	struct admin_expiry *list;
	const char *advice;
	size_t n;

	add_admin(j, "alice", ADMIN_OPERATOR);
	add_admin(j, "bob", ADMIN_OPERATOR);
	add_admin(j, "vera", ADMIN_APPROVER);
	add_admin(j, "zoe", ADMIN_APPROVER);
	end_certificate(j, "bob", 30 * 86400 - 1);
	end_certificate(j, "vera", -1);
	end_certificate(j, "zoe", 30 * 86400);
	EXPECT(j,
	    store_admin_key_expiring(
		j, j->now + ADMIN_EXPIRY_SECS, 10, &list, &n),
	    0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "vera");
	advice = admin_expiry_advice(j, "vera", list[0].not_after);
	assert_non_null(strstr(advice, "has expired at"));
	assert_non_null(strstr(advice, "they make another account"));
	assert_string_equal(list[1].name, "bob");
	advice = admin_expiry_advice(j, "bob", list[1].not_after);
	assert_non_null(strstr(advice, "ends at"));
	assert_non_null(
	    strstr(advice, "countersign admin key --client-key FILE bob"));
	assert_null(admin_expiry_advice(j, "zoe", j->now + 30 * 86400));
	assert_null(admin_expiry_advice(j, "alice", 0));
	/* Who is disabled is not spoken of. */
	COMMITTED(j, store_admin_disable(j, "vera", "admin:zoe"));
	EXPECT(j,
	    store_admin_key_expiring(
		j, j->now + ADMIN_EXPIRY_SECS, 10, &list, &n),
	    0);
	assert_int_equal(n, 1);
}

/* --- two persons ---------------------------------------------------------- */

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
	add_admin(j, "otto", ADMIN_OPERATOR);
	add_admin(j, "olga", ADMIN_OPERATOR);
	add_admin(j, "vera", ADMIN_APPROVER);
	add_admin(j, "victor", ADMIN_APPROVER);
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
	add_admin(j, "otto", ADMIN_OPERATOR);
	add_admin(j, "olga", ADMIN_OPERATOR);
	add_admin(j, "vera", ADMIN_APPROVER);
	act_as("vera", ADMIN_APPROVER);
	expect_confirm(j, "admin:otto", CONFIRMS);
	end_certificate(j, "otto", -1);
	expect_confirm(j, "admin:otto", ASKS);
	end_certificate(j, "otto", 0);
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
	add_admin(j, "otto", ADMIN_OPERATOR);
	add_unproven(j, "vera", ADMIN_APPROVER);
	act_as("otto", ADMIN_OPERATOR);
	/* Alone one can make others anyway, and mend what was wrong. */
	EXPECT(j, key_may_be_named(j, "vera"), 0);
	EXPECT(j, key_may_be_named(j, "otto"), 0);
	prove(j, "vera");
	add_unproven(j, "vera2", ADMIN_APPROVER);
	add_admin(j, "ann", ADMIN_AUDITOR);
	for (size_t i = 0; i < 3; i++) {
		static const char *const others[] = { "vera", "vera2", "ann" };

		unit_case("%s", others[i]);
		expect_refused(j, key_may_be_named(j, others[i]), NULL);
	}
	EXPECT(j, key_may_be_named(j, "otto"), 0);
	act_as("vera", ADMIN_APPROVER);
	assert_int_equal(key_may_be_named(j, "vera2"), -1);
	assert_non_null(
	    strstr(j->err.text, "give countersign admin disable vera2"));
	job_recover(j);
	/* That a certificate has ended opens no door. */
	end_certificate(j, "otto", -1);
	expect_refused(j, key_may_be_named(j, "otto"), NULL);
	act_as(NULL, 0);
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
test_client_keys(void **state)
{
	struct job *j = unit_job();
	EVP_PKEY *keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-384"),
		EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	struct span message = SPAN(STATEMENT_FIRST_LINE "{}\n");
	struct span spki = { NULL, 0 }, signature = { NULL, 0 };
	struct client_pem k;
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
	STORE_TEST(test_pk_206_account_changes_meanwhile),
	STORE_TEST(test_pk_206_approver_is_another),
	STORE_TEST(test_pk_206_both_factors),
	STORE_TEST(test_pk_206_certificate_has_expired),
	STORE_TEST(test_pk_206_certificate_of_two_has_expired),
	STORE_TEST(test_pk_206_expiry_is_told_before),
	STORE_TEST(test_pk_206_first_key_must_sign),
	STORE_TEST(test_pk_206_key_changes_meanwhile),
	STORE_TEST(test_pk_206_last_certificate_has_expired),
	STORE_TEST_PGSQL(test_pk_206_no_role_has_it),
	STORE_TEST(test_pk_206_nobody_becomes_another),
	STORE_TEST(test_pk_206_one_factor_only),
	STORE_TEST(test_pk_206_own_key_is_replaced),
	STORE_TEST(test_pk_206_pair),
	STORE_TEST(test_pk_206_pk_207_asker_must_be_live),
	STORE_TEST(test_pk_206_pk_207_two_in_either_order),
	STORE_TEST(test_pk_206_replayed_statement),
	STORE_TEST(test_pk_206_roles),
	STORE_TEST(test_pk_206_tries_are_forgotten),
	STORE_TEST(test_pk_206_unknown_name),
	STORE_TEST(test_pk_206_verify_knows_whose_key),
	STORE_TEST(test_pk_206_when_it_is_required),
	STORE_TEST(test_pk_206_wrong_tries_wait),
};

UNIT_MAIN(tests)
