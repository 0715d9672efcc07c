/*
 * PK-206: clients' keys of admins: the first one must sign, each replaces the
 * one before, and those whose certificates end are told of.
 */
#include "config.h"

#include "tests/unit/admin_lab.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/count.h"
#include "pki/statement.h"
#include "src/acts.h"
#include "src/admin_expiry.h"
#include "src/admin_login.h"
#include "tests/unit/store_fixture.h"

static struct client_pem
set_key(struct job *j, const char *name, const char *by)
{
	struct admin_key next = { .set_by = NULL };
	struct client_pem k = admin_lab_new_key(j, &next);

	COMMITTED(j, store_admin_key_set(j, name, &next, by));
	return k;
}

/* Nobody is locked out by a first admin whose file was the wrong one. */
static void
test_pk_206_first_key_must_sign(struct job *j)
{
	struct client_pem right = admin_lab_key(j, EVP_EC_gen("P-256"));
	struct client_pem k = admin_lab_unproven(j, "alice", ADMIN_OPERATOR);
	struct admin a;

	assert_int_equal(store_admin_exists(j), 0);
	assert_int_equal(admin_is_required(j), 0);
	admin_lab_refused(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_LIST, ADMIN_LAB_PASSWORD, &right),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_int_equal(store_admin_exists(j), 0);
	/* Whoever made the first one does it again, with the same name. */
	COMMITTED(j, store_admin_forget_unproven(j));
	assert_int_equal(store_admin_by_name(j, "alice", &a), 0);
	k = admin_lab_unproven(j, "alice", ADMIN_OPERATOR);
	admin_lab_refused(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_LIST, SPAN("wrong password"), &k),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_int_equal(admin_is_required(j), 0);
	EXPECT(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_LIST, ADMIN_LAB_PASSWORD, &k),
	    0);
	assert_string_equal(
	    admin_lab_last_record(j, "alice").event, "admin key in use");
	assert_int_equal(store_admin_exists(j), 1);
	assert_int_equal(admin_is_required(j), 1);
	/* From then on nobody forgets anybody. */
	admin_lab_unproven(j, "bob", ADMIN_OPERATOR);
	COMMITTED(j, store_admin_forget_unproven(j));
	assert_int_equal(store_admin_by_name(j, "alice", &a), 1);
	assert_int_equal(store_admin_by_name(j, "bob", &a), 1);
}

static void
test_pk_206_own_key_is_replaced(struct job *j)
{
	struct client_pem old = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct client_pem wrong, new;
	struct admin a;
	size_t count;

	EXPECT(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_KEY, ADMIN_LAB_PASSWORD, &old),
	    0);
	wrong = set_key(j, "alice", "admin:alice");
	/* The old one works until the new one has signed. */
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &old),
	    0);
	new = set_key(j, "alice", "admin:alice");
	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &wrong),
	    ADMIN_LAB_NOT_ACCEPTED);
	admin_lab_refused(j,
	    admin_lab_log_in(
		j, "alice", ACT_STOP, SPAN("correct horse batterx"), &new),
	    ADMIN_LAB_NOT_ACCEPTED);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &old),
	    0);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &new),
	    0);
	assert_string_equal(
	    admin_lab_last_record(j, "alice").event, "admin key in use");
	admin_lab_refused(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &old),
	    ADMIN_LAB_NOT_ACCEPTED);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &new),
	    0);
	/* What the old one has signed is verified with the old one. */
	EXPECT(j, admin_verify(j, "alice", &count), 0);
	assert_int_equal(count, 5);
	/* Neither comes back, nor goes to somebody else. */
	assert_int_equal(store_admin_by_name(j, "alice", &a), 1);
	REFUSED(j, store_admin_key_set(j, "alice", &a.key, "admin:alice"),
	    ERR_CONFLICT);
	admin_lab_live(j, "bob", ADMIN_OPERATOR);
	REFUSED(j, store_admin_key_set(j, "bob", &a.key, "admin:alice"),
	    ERR_CONFLICT);
}

/* Another key is named between the statement and its signature. */
static void
test_pk_206_key_changes_meanwhile(struct job *j)
{
	struct client_pem old = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct client_pem waiting = set_key(j, "alice", "admin:alice");
	struct client_pem last;
	struct admin_login l;
	struct admin before, after;

	assert_int_equal(store_admin_by_name(j, "alice", &before), 1);
	admin_lab_begin(j, "alice", ACT_STOP, &l);
	last = set_key(j, "alice", "admin:alice");
	admin_lab_refused(j,
	    admin_login_finish(j, &l, ADMIN_LAB_PASSWORD,
		admin_lab_sign(j, &waiting, &l), ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_non_null(strstr(
	    admin_lab_last_record(j, "alice").detail, "not the client key's"));
	/* The one that has not signed anything still waits. */
	REFUSED(j, store_admin_key_prove(j, "alice", before.next.spki),
	    ERR_CONFLICT);
	assert_int_equal(store_admin_by_name(j, "alice", &after), 1);
	assert_true(span_eq(after.key.spki, before.key.spki));
	assert_false(span_eq(after.next.spki, before.next.spki));
	assert_int_equal(after.next.proven_at, 0);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &old),
	    0);
	/* And what the one before signs while its successor signs first. */
	admin_lab_begin(j, "alice", ACT_STOP, &l);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &last),
	    0);
	admin_lab_refused(j,
	    admin_login_finish(j, &l, ADMIN_LAB_PASSWORD,
		admin_lab_sign(j, &old, &l), ADMIN_LAB_BY),
	    ADMIN_LAB_NOT_ACCEPTED);
}

static void
test_pk_206_certificate_has_expired(struct job *j)
{
	struct client_pem alice = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct client_pem new;

	admin_lab_live(j, "olga", ADMIN_OPERATOR);
	admin_lab_end_certificate(j, "alice", -1);
	/* Only whoever has both factors learns that it is this. */
	admin_lab_refused(j,
	    admin_lab_log_in(
		j, "alice", ACT_STOP, SPAN("correct horse batterx"), &alice),
	    ADMIN_LAB_NOT_ACCEPTED);
	assert_int_equal(
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &alice),
	    -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	assert_non_null(strstr(j->err.text, "has expired at"));
	assert_non_null(strstr(j->err.text, "another admin, an operator or"));
	assert_non_null(strstr(
	    j->err.text, "countersign admin key --client-key FILE alice"));
	job_recover(j);
	assert_non_null(strstr(admin_lab_last_record(j, "alice").detail,
	    "certificate has expired"));
	/* There is one who can do it, so the expired one cannot. */
	assert_int_equal(admin_lab_log_in(j, "alice", ACT_ADMIN_KEY,
			     ADMIN_LAB_PASSWORD, &alice),
	    -1);
	job_recover(j);
	new = set_key(j, "alice", "admin:olga");
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &new),
	    0);
}

/* Once there are two for what needs two nobody names another's key: others make
 * another account, and where no two are left the expired key does it. */
static void
test_pk_206_certificate_of_two_has_expired(struct job *j)
{
	struct client_pem alice = admin_lab_live(j, "alice", ADMIN_OPERATOR);

	admin_lab_live(j, "vera", ADMIN_APPROVER);
	admin_lab_end_certificate(j, "alice", -1);
	assert_int_equal(
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &alice),
	    -1);
	assert_non_null(strstr(j->err.text, "no other admin could help"));
	job_recover(j);
	EXPECT(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_KEY, ADMIN_LAB_PASSWORD, &alice),
	    0);
	admin_lab_live(j, "otto", ADMIN_OPERATOR);
	assert_int_equal(admin_lab_log_in(j, "alice", ACT_ADMIN_KEY,
			     ADMIN_LAB_PASSWORD, &alice),
	    -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	assert_non_null(strstr(j->err.text, "countersign admin disable alice"));
	job_recover(j);
	/* Two who cannot act now are no help. */
	admin_lab_end_certificate(j, "otto", -1);
	EXPECT(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_KEY, ADMIN_LAB_PASSWORD, &alice),
	    0);
}

/* Where nobody else could help the expired key does one thing more. */
static void
test_pk_206_last_certificate_has_expired(struct job *j)
{
	struct client_pem alice = admin_lab_live(j, "alice", ADMIN_OPERATOR);
	struct client_pem new;

	admin_lab_live(j, "ann", ADMIN_AUDITOR);
	admin_lab_unproven(j, "bob", ADMIN_APPROVER);
	admin_lab_live(j, "vera", ADMIN_APPROVER);
	admin_lab_end_certificate(j, "alice", -1);
	admin_lab_end_certificate(j, "vera", -1);
	assert_int_equal(admin_lab_log_in(j, "alice", ACT_ADMIN_KEY_OTHER,
			     ADMIN_LAB_PASSWORD, &alice),
	    -1);
	assert_non_null(strstr(j->err.text, "no other admin could help"));
	job_recover(j);
	EXPECT(j,
	    admin_lab_log_in(
		j, "alice", ACT_ADMIN_KEY, ADMIN_LAB_PASSWORD, &alice),
	    0);
	new = set_key(j, "alice", "admin:alice");
	assert_int_equal(
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &alice),
	    -1);
	job_recover(j);
	EXPECT(j,
	    admin_lab_log_in(j, "alice", ACT_STOP, ADMIN_LAB_PASSWORD, &new),
	    0);
}

static void
test_pk_206_expiry_is_told_before(struct job *j)
{
	struct admin_expiry *list;
	const char *advice;
	size_t n;

	admin_lab_live(j, "alice", ADMIN_OPERATOR);
	admin_lab_live(j, "bob", ADMIN_OPERATOR);
	admin_lab_live(j, "vera", ADMIN_APPROVER);
	admin_lab_live(j, "zoe", ADMIN_APPROVER);
	admin_lab_end_certificate(j, "bob", 30 * 86400 - 1);
	admin_lab_end_certificate(j, "vera", -1);
	admin_lab_end_certificate(j, "zoe", 30 * 86400);
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
	for (size_t i = 0; i < COUNT(keys); i++) {
		unit_case("key %zu", i);
		k = admin_lab_key(j, keys[i]);
		assert_int_equal(
		    statement_key_read(j, k.public, &spki, &not_after), 0);
		assert_int_equal(not_after, 0);
		assert_int_equal(statement_sign_pem(j, k.secret,
				     ADMIN_LAB_PASSPHRASE, message, &signature),
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
	assert_int_equal(statement_sign_pem(j, k.secret, ADMIN_LAB_PASSPHRASE,
			     SPAN("\x30\x03\x02\x01\x01"), &signature),
	    -1);
	job_recover(j);
	/* A key that is too weak, and none. */
	k = admin_lab_key(j, EVP_RSA_gen(1024));
	assert_int_equal(
	    statement_key_read(j, k.public, &spki, &not_after), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	assert_int_equal(
	    statement_key_read(j, SPAN("x"), &spki, &not_after), -1);
	job_recover(j);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_client_keys),
	STORE_TEST(test_pk_206_certificate_has_expired),
	STORE_TEST(test_pk_206_certificate_of_two_has_expired),
	STORE_TEST(test_pk_206_expiry_is_told_before),
	STORE_TEST(test_pk_206_first_key_must_sign),
	STORE_TEST(test_pk_206_key_changes_meanwhile),
	STORE_TEST(test_pk_206_last_certificate_has_expired),
	STORE_TEST(test_pk_206_own_key_is_replaced),
};
UNIT_MAIN(tests)
