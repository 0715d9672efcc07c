/*
 * Replies at rest (PK-23): in the clear while they can back a certificate, then
 * for the holder of a key elsewhere, and verified again by whoever has that.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "db/store_reply_wrap.h"
#include "lib/clock.h"
#include "pki/envelope.h"
#include "pki/ossl.h"
#include "src/dossier.h"
#include "src/judge_caa.h"
#include "src/reply_wrap.h"

#define HOUR 3600
#define MESSAGE SPAN("From: a@b.example\r\n\r\nhello\r\n")

struct keeper {
	EVP_PKEY *key;
	const char *certificate, *key_file;
};

static FILE *
file_for(struct job *j, const char *path, const char **out)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	*out = arena_strdup(j->arena, path);
	return f;
}

/* Somebody who reads replies: files with certificate and key. */
static struct keeper
keeper(struct job *j, EVP_PKEY *key)
{
	static int count;
	struct keeper k = { .key = ossl_own_pkey(j->arena, key) };
	X509 *x = ossl_own_x509(j->arena, X509_new());
	char path[64];
	FILE *f;

	assert_non_null(key);
	assert_true(X509_set_version(x, X509_VERSION_3));
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	assert_true(X509_set_pubkey(x, key));
	assert_true(X509_sign(
	    x, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()));
	snprintf(path, sizeof(path), "/tmp/cs-wrap-%ld-%d.crt", (long)getpid(),
	    ++count);
	f = file_for(j, path, &k.certificate);
	assert_true(PEM_write_X509(f, x));
	fclose(f);
	snprintf(path, sizeof(path), "/tmp/cs-wrap-%ld-%d.key", (long)getpid(),
	    count);
	f = file_for(j, path, &k.key_file);
	assert_true(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	fclose(f);
	return k;
}

static void
keeper_done(const struct keeper *k)
{
	unlink(k->certificate);
	unlink(k->key_file);
}

static X509 *
recipient(struct job *j, const struct keeper *k)
{
	X509 *x = NULL;

	EXPECT(j, envelope_recipient(j, j->arena, k->certificate, &x), 0);
	return x;
}

/* --- the envelope --------------------------------------------------------- */

static void
test_envelope(struct job *j)
{
	struct keeper good[] = { keeper(j, EVP_RSA_gen(2048)),
		keeper(j, EVP_EC_gen("P-256")),
		keeper(j, EVP_EC_gen("P-384")) };

	for (size_t i = 0; i < 3; i++) {
		X509 *to = recipient(j, &good[i]);
		struct span sealed, plain;
		char *changed;

		unit_case("%zu", i);
		EXPECT(j, envelope_seal(j, to, MESSAGE, &sealed), 0);
		assert_true(sealed.n > MESSAGE.n);
		assert_int_equal(
		    span_find_span(sealed, 0, SPAN("hello")), sealed.n);
		EXPECT(
		    j, envelope_open(j, good[i].key_file, sealed, &plain), 0);
		assert_true(span_eq(plain, MESSAGE));
		/* Another's key; one bit of the contents; cut off. */
		assert_int_equal(envelope_open(j, good[(i + 1) % 3].key_file,
				     sealed, &plain),
		    -1);
		job_recover(j);
		changed = span_dup(j->arena, sealed);
		changed[sealed.n - 20] ^= 1;
		assert_int_equal(envelope_open(j, good[i].key_file,
				     span_mem(changed, sealed.n), &plain),
		    -1);
		job_recover(j);
		for (size_t n = 0; n < sealed.n; n += 7) {
			assert_int_equal(envelope_open(j, good[i].key_file,
					     span_cut(sealed, 0, n), &plain),
			    -1);
			job_recover(j);
		}
		keeper_done(&good[i]);
	}
}

static void
test_bad_recipients(struct job *j)
{
	struct keeper weak = keeper(j, EVP_RSA_gen(1024));
	struct keeper signing =
	    keeper(j, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	const char *const paths[] = { weak.certificate, signing.certificate,
		weak.key_file, "/nonexistent" };
	X509 *x;

	for (size_t i = 0; i < 4; i++) {
		unit_case("%s", paths[i]);
		assert_int_equal(
		    envelope_recipient(j, j->arena, paths[i], &x), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		assert_non_null(strstr(j->err.text, paths[i]));
		job_recover(j);
	}
	keeper_done(&weak);
	keeper_done(&signing);
}

/* --- when, and afterwards ------------------------------------------------- */

static int
wrap(struct role_lab *lab)
{
	int steps = 0, r;

	while ((r = reply_wrap_step(&lab->validator, lab->j)) > 0)
		steps++;
	fixture_expect(lab->j, r, 0, __FILE__, __LINE__);
	return steps;
}

static struct dossier
verified(struct role_lab *lab, const struct seal_key *seal)
{
	struct dossier d;

	EXPECT(lab->j, dossier_load(lab->j, role_lab_authz(lab)->id, &d), 1);
	EXPECT(lab->j, dossier_verify(lab->j, &d, seal, NULL), 0);
	return d;
}

static void
test_PK_23_encrypted_after_its_use(struct job *j)
{
	struct keeper k = keeper(j, EVP_EC_gen("P-256"));
	struct role_lab lab;
	struct dossier d;
	struct span raw;
	const struct authz *a;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	raw = role_lab_proof(&lab).raw;
	a = role_lab_authz(&lab);
	/* Not set: nothing happens. */
	role_lab_at(&lab, a->valid_until + 2 * HOUR);
	assert_int_equal(wrap(&lab), 0);
	lab.validator.wrap_to = recipient(j, &k);
	/* The order waits for the issuer, however late. */
	assert_int_equal(wrap(&lab), 0);
	assert_true(verified(&lab, lab.validator.seal).verified);
	fixture_sql(j, "UPDATE orders SET failed_at = 1");
	/* Looked at again in an hour. */
	role_lab_at(&lab, a->valid_until + 3 * HOUR);
	assert_int_equal(wrap(&lab), 1);
	assert_int_equal(wrap(&lab), 0);
	d = verified(&lab, lab.validator.seal);
	assert_false(d.verified);
	assert_string_equal(d.verdict, "the stored reply is encrypted");
	assert_false(
	    fixture_database_holds(j, "-----BEGIN ACME RESPONSE-----", 29));

	/* With the key, offline, by seal and signature. */
	assert_true(d.reply.is_wrapped);
	EXPECT(j, envelope_open(j, k.key_file, d.reply.raw, &d.reply.raw), 0);
	assert_true(span_eq(d.reply.raw, raw));
	d.reply.is_wrapped = false;
	EXPECT(j, dossier_verify(j, &d, lab.validator.seal, NULL), 0);
	assert_string_equal(d.verdict, "ok");
	assert_true(d.verified);
	keeper_done(&k);
}

/* Each end of an authorization, and one second before its hour. */
static void
test_PK_23_not_before_its_end(struct job *j)
{
	struct keeper k = keeper(j, EVP_EC_gen("P-256"));
	struct role_lab_reply wrong = { .is_wrong = true };
	struct role_lab lab;
	int64_t end;

	role_lab_init(&lab, j);
	lab.validator.wrap_to = recipient(j, &k);
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	end = role_lab_authz(&lab)->valid_until;
	assert_int_equal(wrap(&lab), 0);
	role_lab_at(&lab, end + HOUR - 1);
	assert_int_equal(wrap(&lab), 0);
	assert_true(verified(&lab, lab.validator.seal).verified);
	role_lab_at(&lab, end + HOUR);
	assert_int_equal(wrap(&lab), 1);

	/* What failed. */
	role_lab_init(&lab, j);
	lab.validator.wrap_to = recipient(j, &k);
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(role_lab_take(&lab, role_lab_reply(&lab, &wrong)),
	    VERDICT_MISMATCH);
	assert_int_equal(wrap(&lab), 0);
	role_lab_at(&lab, FIXTURE_NOW + HOUR);
	assert_int_equal(wrap(&lab), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM reply WHERE is_wrapped = 0"),
	    0);
	keeper_done(&k);
}

/* The same reply by two processes: the second changes nothing. */
static void
test_wrapped_once(struct job *j)
{
	struct keeper k = keeper(j, EVP_EC_gen("P-256"));
	struct plain_reply r;
	struct role_lab lab;
	struct span once;

	role_lab_init(&lab, j);
	lab.validator.wrap_to = recipient(j, &k);
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	role_lab_at(&lab, role_lab_authz(&lab)->valid_until + HOUR);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_reply_wrap_next(j, HOUR, 10, &r), 1);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(wrap(&lab), 1);
	once = role_lab_proof(&lab).raw;
	COMMITTED(j, store_reply_wrap(j, r.id, SPAN("other")));
	assert_true(span_eq(role_lab_proof(&lab).raw, once));
	keeper_done(&k);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_envelope),
	STORE_TEST_SQLITE(test_bad_recipients),
	STORE_TEST(test_PK_23_encrypted_after_its_use),
	STORE_TEST(test_PK_23_not_before_its_end),
	STORE_TEST(test_wrapped_once),
};
UNIT_MAIN(tests)
