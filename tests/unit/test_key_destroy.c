/* The end of the CA's key: PK-207, PK-22. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_destroyed.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/ca_key_end.h"
#include "src/key_destroy.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"

#define DAY (24 * 3600)

/* A copy of a CA's files that may go, and the configuration that names them. */
struct site {
	struct conf conf;
	const char *key, *certificate, *passphrase;
	struct ca_key_facts facts;
	struct span sha256;
};

static const char *
copy(struct job *j, const char *name, mode_t mode)
{
	const char *to = arena_printf(j->arena, "%s/%s", lab_folder(), name);
	const char *from =
	    arena_printf(j->arena, "%s/%s", lab_ca_folder("p256"), name);
	struct span octets = { NULL, 0 };

	EXPECT(j, file_read(j, from, 65536, &octets), 0);
	EXPECT(j, file_write(j, to, mode, octets), 0);
	return to;
}

static void
make_site(struct site *s, struct job *j)
{
	*s = (struct site){ .key = copy(j, "issuing-key.pem", 0400) };
	s->certificate = copy(j, "issuing.pem", 0644);
	s->passphrase = copy(j, "ca-passphrase", 0400);
	s->conf.issuer.ca_certificate = s->certificate;
	s->conf.issuer.ca_key = s->key;
	s->conf.issuer.ca_key_passphrase_file = s->passphrase;
	j->conf = &s->conf;
	EXPECT(j, ca_key_facts(j, s->certificate, &s->facts), 0);
	s->sha256 = span_mem(s->facts.sha256, sizeof(s->facts.sha256));
	clock_set(j->now);
}

/* The clock behind the end of the CA's certificate. */
static void
expire(struct site *s, struct job *j)
{
	j->now = s->facts.not_after + 1;
	clock_set(j->now);
}

static const struct key_destroy plain = { "a notary", false };
static const struct key_destroy compromised = { "a notary", true };

static int
destroy(struct job *j, const struct key_destroy *in)
{
	struct key_destroyed done;

	return key_destroy(j, in, &done);
}

static void
expect_refused(struct job *j, const struct key_destroy *in, const char *says)
{
	assert_int_equal(destroy(j, in), -1);
	unit_case("%s", j->err.text);
	assert_non_null(strstr(j->err.text, says));
	job_recover(j);
}

/* Tests run as one system account. */
static void
asked_by_another(struct job *j)
{
	fixture_sql(
	    j, "UPDATE destroyed_key SET asked_by = 'operator:another'");
}

/* The issuing CA's key, certified by another CA until then. */
static const char *
write_alternate(struct job *j, const struct site *s, int64_t not_after)
{
	const char *path =
	    arena_printf(j->arena, "%s/alternate.pem", lab_folder());
	X509 *x = X509_new();
	FILE *f = fopen(path, "w");
	const unsigned char *p = (const unsigned char *)s->facts.spki.p;
	X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &p, (long)s->facts.spki.n);

	assert_non_null(f);
	assert_non_null(key);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	ASN1_TIME_set(X509_getm_notBefore(x), s->facts.not_after - DAY);
	ASN1_TIME_set(X509_getm_notAfter(x), not_after);
	assert_int_equal(X509_set_pubkey(x, X509_PUBKEY_get0(key)), 1);
	assert_true(X509_sign(x, lab_key(KEY_TYPE_P384, 0), EVP_sha384()) > 0);
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
	X509_PUBKEY_free(key);
	X509_free(x);
	return path;
}

/* PK-207: the key has a second certificate, by another CA, which is valid for
 * longer than its first. */
static void
test_pk_207_alternate(struct job *j)
{
	const char *file;
	struct site s;

	make_site(&s, j);
	file = write_alternate(j, &s, s.facts.not_after + 10 * DAY);
	s.conf.issuer.alternate_chains = (struct conf_list){ &file, 1 };
	expire(&s, j);
	expect_refused(j, &plain, "is valid until");
	j->now += 10 * DAY;
	clock_set(j->now);
	EXPECT(j, destroy(j, &plain), 0);
	s.conf.issuer.alternate_chains.v = &s.passphrase;
	asked_by_another(j);
	expect_refused(j, &plain, s.passphrase);
}

static int64_t
ended_at(struct job *j, const struct site *s)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT ended_at FROM ca_key_end WHERE ca_label = '%s'",
		   s->facts.label));
}

static void
test_pk_207_two_admins(struct job *j)
{
	struct destroyed_key k;
	struct audit_row *rows;
	struct site s;
	size_t n;

	make_site(&s, j);
	expire(&s, j);
	EXPECT(j, destroy(j, &plain), 0);
	assert_int_equal(access(s.key, F_OK), 0);
	assert_int_equal(store_destroyed_is(j, s.sha256), 0);
	expect_refused(j, &plain, "another admin must confirm it");
	asked_by_another(j);
	expect_refused(j, &(struct key_destroy){ "nobody", false },
	    "has asked for it otherwise");
	expect_refused(j, &compromised, "has asked for it otherwise");
	assert_int_equal(access(s.key, F_OK), 0);
	EXPECT(j, destroy(j, &plain), 0);
	assert_int_equal(access(s.key, F_OK), -1);
	/* Where the retention of PK-22 begins. */
	assert_int_equal(store_destroyed_by_key(j, s.sha256, &k), 1);
	assert_int_equal(k.destroyed_at, j->now);
	assert_int_equal(ended_at(j, &s), j->now);
	assert_int_equal(store_destroyed_is(j, s.sha256), 1);
	EXPECT(j,
	    store_audit_list(
		j, arena_printf(j->arena, "ca:%s", s.facts.label), &rows, &n),
	    0);
	assert_int_equal(n, 3);
	assert_string_equal(rows[2].event, "CA key destroyed");
	assert_string_equal(rows[2].result, "ok");
	assert_non_null(strstr(rows[2].detail, "\"public_key\":\"MFkw"));
	assert_non_null(strstr(rows[2].detail, "overwritten"));
	assert_non_null(strstr(rows[2].detail, "a notary"));
	assert_non_null(strstr(rows[2].detail, "operator:another"));
	expect_refused(j, &plain, "destroyed before");
}

static void
test_pk_207_while_it_is_used(struct job *j)
{
	struct site s;

	make_site(&s, j);
	j->now = s.facts.not_after;
	clock_set(j->now);
	expect_refused(j, &plain, "--compromised");
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM destroyed_key"), 0);
	/* One that it has signed outlives its own. */
	expire(&s, j);
	fixture_order(j, fixture_account(j), 1);
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO cert (id, order_id, account_id, ca_label, serial, "
		"profile, profile_sha256, tbs, signature_alg, lint_report, "
		"evidence, br_version, spki_sha256, not_before, not_after, "
		"reserved_at, issued_at) SELECT 'c', id, account_id, '%s', "
		"'aa', 'p', 'x', 'x', 'x', '{}', '{}', '1', 'k', 0, %lld, 0, "
		"0 FROM orders",
		s.facts.label, (long long)j->now));
	expect_refused(j, &plain, "is valid until");
	/* When it is compromised nothing waits. */
	EXPECT(j, destroy(j, &compromised), 0);
	asked_by_another(j);
	j->now -= DAY;
	clock_set(j->now);
	EXPECT(j, destroy(j, &compromised), 0);
	assert_int_equal(access(s.key, F_OK), -1);
	/* PK-22: what is kept counts from the end of the certificates. */
	assert_int_equal(ended_at(j, &s), j->now + DAY);
}

static void
test_pk_207_request_grows_old(struct job *j)
{
	struct site s;

	make_site(&s, j);
	expire(&s, j);
	EXPECT(j, destroy(j, &plain), 0);
	asked_by_another(j);
	j->now += DESTROY_ASKED_SECS + 1;
	clock_set(j->now);
	/* It counts as the first of two again. */
	EXPECT(j, destroy(j, &plain), 0);
	assert_int_equal(access(s.key, F_OK), 0);
	assert_int_equal(store_destroyed_is(j, s.sha256), 0);
}

/* The wrong file, and one that cannot be opened, stay. */
static void
test_pk_207_wrong_key(struct job *j)
{
	struct site s;
	const char *root;

	make_site(&s, j);
	expire(&s, j);
	root = copy(j, "root-key.pem", 0400);
	s.conf.issuer.ca_key = root;
	EXPECT(j, destroy(j, &plain), 0);
	asked_by_another(j);
	expect_refused(j, &plain, "not the key of the certificate");
	assert_int_equal(access(root, F_OK), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'CA key destroyed' AND result = 'failed'"),
	    1);
	/* Nothing signs with it although it is still there; the same command
	 * goes on, by whichever of the two. */
	assert_int_equal(store_destroyed_is(j, s.sha256), 1);
	s.conf.issuer.ca_key = s.key;
	EXPECT(j, destroy(j, &plain), 0);
	assert_int_equal(access(s.key, F_OK), -1);
}

/* A crash between the removal and the record. */
static void
test_pk_207_file_is_gone(struct job *j)
{
	struct destroyed_key k;
	struct site s;

	make_site(&s, j);
	expire(&s, j);
	EXPECT(j, destroy(j, &plain), 0);
	asked_by_another(j);
	assert_int_equal(remove(s.key), 0);
	/* A wrong name in the configuration looks the same. */
	expect_refused(j, &plain, "cannot open");
	assert_int_equal(store_destroyed_by_key(j, s.sha256, &k), 1);
	assert_int_equal(k.destroyed_at, 0);
	EXPECT(j, destroy(j, &plain), 0);
	assert_int_equal(store_destroyed_by_key(j, s.sha256, &k), 1);
	assert_int_equal(k.destroyed_at, j->now);
}

/* A crash while it was overwritten: what is left is no key any more. */
static void
test_pk_207_cut_off(struct job *j)
{
	struct destroyed_key k;
	const char *rest;
	struct site s;
	FILE *f;

	make_site(&s, j);
	expire(&s, j);
	rest = arena_printf(j->arena, "%s.destroying", s.key);
	EXPECT(j, destroy(j, &plain), 0);
	asked_by_another(j);
	assert_int_equal(remove(s.key), 0);
	expect_refused(j, &plain, "cannot open");
	f = fopen(rest, "w");
	assert_non_null(f);
	assert_true(fputs("half of it is noise", f) > 0);
	assert_int_equal(fclose(f), 0);
	EXPECT(j, destroy(j, &plain), 0);
	assert_int_equal(access(rest, F_OK), -1);
	assert_int_equal(store_destroyed_by_key(j, s.sha256, &k), 1);
	assert_int_equal(k.destroyed_at, j->now);
}

/* Also one that has the key in its memory already. */
static void
test_pk_207_issuer_refuses(struct job *j)
{
	struct issuer i = { .ca = lab_ca("p256") };
	struct site s;

	make_site(&s, j);
	i.key_sha256 = s.sha256;
	EXPECT(j, destroy(j, &compromised), 0);
	asked_by_another(j);
	EXPECT(j, destroy(j, &compromised), 0);
	assert_int_equal(issuer_step(&i, j), -1);
	assert_job_error(j, ERR_REFUSED, NULL);
	assert_non_null(strstr(j->err.text, "on record as destroyed"));
	job_recover(j);
}

static void
test_pk_207_what_it_needs(struct job *j)
{
	struct site s;

	make_site(&s, j);
	expire(&s, j);
	expect_refused(j, &(struct key_destroy){ NULL, false }, "--witnesses");
	expect_refused(
	    j, &(struct key_destroy){ "a\nb", false }, "--witnesses");
	REFUSED(j, store_destroyed_begin(j, s.sha256, "x"), ERR_CONFLICT);
	REFUSED(j,
	    store_destroyed_finish(
		j, &(struct destroyed_key){ .spki_sha256 = s.sha256 }, 1),
	    ERR_CONFLICT);
	assert_int_equal(access(s.key, F_OK), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_pk_207_alternate),
	STORE_TEST(test_pk_207_file_is_gone),
	STORE_TEST(test_pk_207_cut_off),
	STORE_TEST(test_pk_207_issuer_refuses),
	STORE_TEST(test_pk_207_request_grows_old),
	STORE_TEST(test_pk_207_two_admins),
	STORE_TEST(test_pk_207_what_it_needs),
	STORE_TEST(test_pk_207_while_it_is_used),
	STORE_TEST(test_pk_207_wrong_key),
};

UNIT_MAIN(tests)
