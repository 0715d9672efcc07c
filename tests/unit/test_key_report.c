/*
 * PATH_REPORT (PK-77, PK-181, PK-184): a proof by a stranger blocks the key and
 * revokes everything with it; what is none changes nothing.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/key_report.h"
#include "db/store_cert.h"
#include "db/store_key.h"
#include "db/store_report.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "pki/key_proof.h"
#include "tests/unit/acme_certs.h"

#define KEY "csr-p256"
#define OTHER "acct-es384"
#define RSA_KEY "acct-rs256"
#define PKCS10 "application/pkcs10"
#define JSON "application/json"

static struct answer
send(struct job *j, const char *type, struct span body)
{
	const struct request r = { .content_type = span_str(type),
		.client_address = "192.0.2.77" };

	return front_send(j, METHOD_POST, PATH_REPORT, body, &r);
}

static struct span
request_of(struct job *j, EVP_PKEY *pkey, const char *name, bool as_pem)
{
	X509_REQ *r = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	BIO *bio = BIO_new(BIO_s_mem());
	struct span out;
	char *p;
	long n;

	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0);
	X509_REQ_set_subject_name(r, subject);
	X509_REQ_set_pubkey(r, pkey);
	assert_true(X509_REQ_sign(r, pkey, EVP_sha256()) > 0);
	if (as_pem)
		PEM_write_bio_X509_REQ(bio, r);
	else
		i2d_X509_REQ_bio(bio, r);
	n = BIO_get_mem_data(bio, &p);
	out = span_mem(arena_memdup(j->arena, p, (size_t)n), (size_t)n);
	BIO_free(bio);
	X509_NAME_free(subject);
	X509_REQ_free(r);
	return out;
}

static struct span
request(struct job *j, const char *key, const char *name, bool as_pem)
{
	return request_of(j, client_key(key)->pkey, name, as_pem);
}

static BIGNUM *
number_of(const EVP_PKEY *key, const char *name)
{
	BIGNUM *out = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &out), 1);
	return out;
}

/* Whoever has the factors has a private exponent for each public one. */
static BIGNUM *
private_exponent(const EVP_PKEY *key, const BIGNUM *e)
{
	BIGNUM *p = number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1);
	BIGNUM *q = number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2);
	BIGNUM *phi = BN_new(), *d;
	BN_CTX *ctx = BN_CTX_new();

	assert_true(BN_sub_word(p, 1) && BN_sub_word(q, 1));
	assert_true(BN_mul(phi, p, q, ctx));
	d = BN_mod_inverse(NULL, e, phi, ctx);
	assert_non_null(d);
	BN_CTX_free(ctx);
	BN_free(phi);
	BN_free(p);
	BN_free(q);
	return d;
}

/* The same modulus with another exponent: another SubjectPublicKeyInfo. */
static EVP_PKEY *
with_exponent(const char *name, BN_ULONG exponent)
{
	const EVP_PKEY *key = client_key(name)->pkey;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = number_of(key, OSSL_PKEY_PARAM_RSA_N), *e = BN_new(), *d;
	EVP_PKEY *out = NULL;
	OSSL_PARAM *params;

	assert_true(BN_set_word(e, exponent));
	d = private_exponent(key, e);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d);
	params = OSSL_PARAM_BLD_to_param(build);
	assert_true(EVP_PKEY_fromdata_init(ctx) > 0);
	assert_true(EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params) > 0);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	return out;
}

static struct span
spki_of(struct job *j, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	struct span out;

	assert_true(n > 0);
	out = span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return out;
}

static struct span
signed_text(
    struct job *j, const char *key, const char *signer, const char *text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[1024];
	size_t n = sizeof(signature);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
			     client_key(signer)->pkey),
	    1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n,
			     (const unsigned char *)text, strlen(text)),
	    1);
	EVP_MD_CTX_free(ctx);
	return span_str(
	    arena_printf(j->arena, "{\"key\":\"%s\",\"signature\":\"%s\"}",
		b64url_dup(j->arena, spki_of(j, client_key(key)->pkey)),
		b64url_dup(j->arena, span_mem((char *)signature, n))));
}

static const char *
line_of(struct job *j, const char *key, const char *base_url)
{
	return key_proof_text_of(
	    j->arena, base_url, hex_dup(j->arena, certs_spki(j, key)));
}

/* Of `key` by `signer` over the line for this CA. */
static struct span
signed_line(
    struct job *j, const char *key, const char *signer, const char *base_url)
{
	return signed_text(j, key, signer, line_of(j, key, base_url));
}

static void
check_revoked(struct job *j, const struct test_cert *c, bool revoked)
{
	struct cert row;

	EXPECT(j, store_cert_by_id(j, c->id, NULL, &row), 1);
	assert_int_equal(row.revoked_at != 0, revoked);
	if (!revoked)
		return;
	assert_int_equal(row.reason, 1);
	assert_string_equal(row.revoked_by, "key");
}

static int
is_blocked(struct job *j, const char *key)
{
	return store_key_is_blocked(j, KEY_BY_SPKI(certs_spki(j, key)), NULL);
}

static int64_t
report_of(const struct answer *a)
{
	front_expect(a, 200, "", NULL);
	assert_string_equal(front_str(a, "status"), "blocked");
	return json_integer(json_get(a->doc, "report"));
}

static void
expect_untouched(struct job *j)
{
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM report"), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM blocked_key"), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE revoked_at > 0"),
	    0);
}

/* PK-181: the key in certificates of two accounts, one of them expired; the
 * answer tells a number and the key, and nothing of whom it hits. */
static void
test_request(struct job *j)
{
	struct test_cert mine, theirs, expired, unrelated;
	struct answer a, again;
	struct report r;
	struct span sent;
	const char *kid;

	front_open(j);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = strrchr(front_header(&a, "Location", 0), '/') + 1;
	expired = certs_issued(j, FRONT_ACCOUNT_ID, KEY);
	fixture_sql(j, "UPDATE cert SET not_after = 1799999999");
	mine = certs_issued(j, FRONT_ACCOUNT_ID, KEY);
	theirs = certs_issued(j, kid, KEY);
	unrelated = certs_issued(j, kid, OTHER);

	sent = request(j, KEY, KEY_PROOF_NAME, false);
	a = send(j, PKCS10, sent);
	assert_int_equal(report_of(&a), 1);
	assert_int_equal(a.wake, 1u << ROLE_ISSUER);
	assert_null(strstr(a.body.p, "alice"));
	assert_null(strstr(a.body.p, FRONT_ACCOUNT_ID));
	check_revoked(j, &mine, true);
	check_revoked(j, &theirs, true);
	check_revoked(j, &expired, false);
	check_revoked(j, &unrelated, false);
	EXPECT(j, is_blocked(j, KEY), 1);
	EXPECT(j, is_blocked(j, OTHER), 0);
	EXPECT(j, store_report_by_number(j, 1, &r), 1);
	assert_int_equal(r.received_at, FIXTURE_NOW);
	/* The issuer looks at once. */
	assert_int_equal(r.alarm_at, FIXTURE_NOW);
	assert_string_equal(r.proof_kind, KEY_PROOF_REQUEST);
	assert_true(span_eq(r.spki_sha256, certs_spki(j, KEY)));
	assert_true(span_eq(r.proof, sent));
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'problem report' AND actor = 'key'"),
	    1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit "
					  "WHERE event = 'key blocked'"),
	    1);

	/* Again, and in PEM: the number of before. */
	again = send(j, PKCS10, request(j, KEY, KEY_PROOF_NAME " 2", true));
	assert_int_equal(report_of(&again), 1);
	assert_false(again.changed);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM report"), 1);
	front_close();
}

static void
test_signature(struct job *j)
{
	struct test_cert c;
	struct key_proof kept, p;
	struct answer a;
	struct report r;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, KEY);
	a = send(
	    j, JSON "; charset=utf-8", signed_line(j, KEY, KEY, FRONT_BASE));
	assert_int_equal(report_of(&a), 1);
	check_revoked(j, &c, true);
	/* What is kept shows it again, to this CA alone. */
	EXPECT(j, store_report_by_number(j, 1, &r), 1);
	kept = (struct key_proof){
		.kind = r.proof_kind, .evidence = r.proof, .spki = r.proof_spki
	};
	EXPECT(j, key_proof_again(j, FRONT_BASE, &kept, &p), 0);
	assert_memory_equal(
	    p.spki_sha256, r.spki_sha256.p, sizeof(p.spki_sha256));
	assert_int_equal(
	    key_proof_again(j, "https://else.example", &kept, &p), -1);
	job_recover(j);
	kept.kind = KEY_PROOF_PRIVATE;
	assert_int_equal(key_proof_again(j, FRONT_BASE, &kept, &p), -1);
	job_recover(j);
	front_close();
}

/* What is no proof says so, and changes nothing. */
static void
test_no_proof(struct job *j)
{
	struct span der, cut;
	struct test_cert c;
	struct answer a;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, KEY);
	der = request(j, KEY, KEY_PROOF_NAME, false);
	const struct {
		const char *type;
		struct span body;
		int status;
		const char *words;
	} rows[] = {
		{ PKCS10, request(j, KEY, "Alice", false), 400,
		    "does not say" },
		{ PKCS10, SPAN(""), 400, "no certificate request" },
		{ PKCS10, span_cut(der, 0, der.n - 1), 400, NULL },
		{ PKCS10,
		    SPAN("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE "
			 "KEY-----\n"),
		    400, "do not send it" },
		{ JSON, signed_line(j, KEY, OTHER, FRONT_BASE), 400,
		    "no signature of that key" },
		/* Made for another CA. */
		{ JSON, signed_line(j, KEY, KEY, "https://else.example"), 400,
		    "no signature of that key" },
		{ JSON,
		    signed_text(j, KEY, KEY,
			arena_printf(
			    j->arena, "%s\n", line_of(j, KEY, FRONT_BASE))),
		    400, "without a line end" },
		{ JSON, SPAN("{}"), 400, "key is missing" },
		{ JSON, SPAN("{\"key\":\"AA\"}"), 400, "signature is missing" },
		{ JSON, SPAN("{\"key\":\"AA\",\"signature\":\"AA\"}"), 400,
		    "no SubjectPublicKeyInfo" },
		{ JSON, SPAN("{\"key\":7,\"signature\":\"AA\"}"), 400, "key" },
		{ JSON, SPAN("["), 400, NULL },
		{ "application/jose+json", der, 415, "application/pkcs10" },
		{ "text/plain", der, 415, "application/pkcs10" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		a = send(j, rows[i].type, rows[i].body);
		assert_int_equal(a.status, rows[i].status);
		if (rows[i].words != NULL)
			assert_non_null(
			    strstr(front_str(&a, "detail"), rows[i].words));
	}
	for (size_t n = 0; n < der.n; n += 7) {
		unit_case("cut at %zu", n);
		cut = span_cut(der, 0, n);
		a = send(j, PKCS10, cut);
		assert_int_equal(a.status, 400);
	}
	cut = span_mem(
	    arena_calloc(j->arena, 1, KEY_REPORT_MAX + 1), KEY_REPORT_MAX + 1);
	a = send(j, PKCS10, cut);
	front_expect(&a, 413, "malformed", NULL);
	check_revoked(j, &c, false);
	expect_untouched(j);
	front_close();
}

/* AC-181: an address that sends what is none is refused for a while. */
static void
test_throttle(struct job *j)
{
	struct answer a;

	front_conf()->limits.failed_authentications =
	    (struct conf_rates){ { { 2, 600 } }, 1 };
	front_open(j);
	for (int i = 0; i < 2; i++) {
		a = send(j, PKCS10, request(j, KEY, "Alice", false));
		front_expect(&a, 400, "malformed", NULL);
	}
	a = send(j, PKCS10, request(j, KEY, KEY_PROOF_NAME, false));
	front_expect(&a, 429, "rateLimited", NULL);
	expect_untouched(j);
	front_close();
}

/* The same of proofs that tell nothing new. */
static void
test_throttle_repeats(struct job *j)
{
	struct answer a;

	front_conf()->limits.failed_authentications =
	    (struct conf_rates){ { { 2, 600 } }, 1 };
	front_open(j);
	for (int i = 0; i < 3; i++) {
		a = send(j, PKCS10, request(j, KEY, KEY_PROOF_NAME, false));
		assert_int_equal(report_of(&a), 1);
	}
	a = send(j, PKCS10, request(j, KEY, KEY_PROOF_NAME, false));
	front_expect(&a, 429, "rateLimited", NULL);
	front_close();
}

/* Whoever makes keys fills no table; a key of a certificate is taken all the
 * same. */
static void
test_limit(struct job *j)
{
	struct test_cert c;
	struct answer a;

	front_conf()->limits.key_reports =
	    (struct conf_rates){ { { 1, 3600 } }, 1 };
	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, KEY);
	a = send(j, PKCS10, request(j, OTHER, KEY_PROOF_NAME, false));
	assert_int_equal(report_of(&a), 1);
	EXPECT(j, is_blocked(j, OTHER), 1);
	a = send(j, PKCS10, request(j, "acct-es256-B", KEY_PROOF_NAME, false));
	front_expect(&a, 429, "rateLimited",
	    "reports by one client address of keys without a certificate: try "
	    "again in 3600 seconds");
	EXPECT(j, is_blocked(j, "acct-es256-B"), 0);
	a = send(j, PKCS10, request(j, KEY, KEY_PROOF_NAME, false));
	assert_int_equal(report_of(&a), 2);
	check_revoked(j, &c, true);
	front_close();

	front_conf()->limits.key_reports_total =
	    (struct conf_rates){ { { 1, 3600 } }, 1 };
	front_open_again(j);
	a = send(j, PKCS10, request(j, "acct-es256-B", KEY_PROOF_NAME, false));
	assert_int_equal(report_of(&a), 3);
	a = send(j, PKCS10, request(j, "acct-es256-A", KEY_PROOF_NAME, false));
	front_expect(&a, 429, "rateLimited",
	    "reports of keys without a certificate: try again in 3600 seconds");
	front_close();
}

static struct answer
send_exponent(struct job *j, BN_ULONG exponent)
{
	EVP_PKEY *key = with_exponent(RSA_KEY, exponent);
	struct answer a =
	    send(j, PKCS10, request_of(j, key, KEY_PROOF_NAME, false));

	EVP_PKEY_free(key);
	return a;
}

static void
expect_rows(struct job *j, int64_t reports, int64_t keys, int64_t audit)
{
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM report"), reports);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM blocked_key"), keys);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit"), audit);
}

/* PK-76: one RSA key has as many SubjectPublicKeyInfos as there are exponents,
 * and whoever has the private key can sign with each.  The first revokes and
 * blocks, whichever it is; the others write nothing. */
static void
test_exponents(struct job *j)
{
	static const BN_ULONG exponents[] = { 65537, 65539, 65543 };
	struct test_cert c;
	struct answer a;
	int64_t audit;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, RSA_KEY);
	a = send_exponent(j, 65539);
	assert_int_equal(report_of(&a), 1);
	check_revoked(j, &c, true);
	audit = fixture_count(j, "SELECT COUNT(*) FROM audit");
	for (size_t i = 0; i < COUNT(exponents); i++) {
		unit_case("%zu", i);
		a = send_exponent(j, exponents[i]);
		assert_int_equal(report_of(&a), 1);
		assert_false(a.changed);
		expect_rows(j, 1, 1, audit);
	}
	/* A new certificate is revoked all the same. */
	c = certs_issued(j, FRONT_ACCOUNT_ID, RSA_KEY);
	a = send_exponent(j, 65537);
	assert_int_equal(report_of(&a), 2);
	check_revoked(j, &c, true);
	front_close();
}

/* Blocked without a report, as revokeCert by the key itself does it. */
static void
test_blocked_before(struct job *j)
{
	const struct key_hash key = { certs_spki(j, RSA_KEY),
		certs_bare(j, RSA_KEY) };
	struct answer a;

	front_conf()->limits.key_reports =
	    (struct conf_rates){ { { 1, 3600 } }, 1 };
	front_open(j);
	COMMITTED(j, store_key_block(j, &key, NULL, "operator"));
	for (int i = 0; i < 3; i++) {
		a = send_exponent(j, 65543);
		front_expect(&a, 200, "", NULL);
		assert_string_equal(front_str(&a, "status"), "blocked");
		assert_int_equal(
		    json_type(json_get(a.doc, "report")), JSON_T_ABSENT);
		assert_false(a.changed);
	}
	expect_rows(j, 0, 1, 0);
	front_close();
}

/* A certificate that is revoked exempts from no limit. */
static void
test_revoked_is_limited(struct job *j)
{
	struct answer a;

	front_conf()->limits.key_reports =
	    (struct conf_rates){ { { 1, 3600 } }, 1 };
	front_open(j);
	(void)certs_issued(j, FRONT_ACCOUNT_ID, RSA_KEY);
	fixture_sql(j, "UPDATE cert SET revoked_at = 5");
	a = send(j, PKCS10, request(j, OTHER, KEY_PROOF_NAME, false));
	assert_int_equal(report_of(&a), 1);
	a = send_exponent(j, 65539);
	front_expect(&a, 429, "rateLimited", NULL);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM blocked_key"), 1);
	front_close();
}

/* Anybody can read how, and sign the line that stands there. */
static void
test_how(struct job *j)
{
	struct answer a;

	front_open(j);
	a = front_send(j, METHOD_GET, PATH_REPORT, SPAN(""), NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(
	    front_header(&a, "Content-Type", 0), "text/plain; charset=utf-8");
	assert_non_null(
	    strstr(a.body.p, key_proof_text_of(j->arena, FRONT_BASE, "HASH")));
	assert_non_null(strstr(a.body.p, KEY_PROOF_NAME));
	a = front_send(j, METHOD_OTHER, PATH_REPORT, SPAN(""), NULL);
	front_expect(&a, 405, "malformed", NULL);
	assert_string_equal(
	    front_header(&a, "Allow", 0), "GET, HEAD, POST, OPTIONS");
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_request),
	STORE_TEST(test_signature),
	STORE_TEST(test_no_proof),
	STORE_TEST_SQLITE(test_throttle),
	STORE_TEST_SQLITE(test_throttle_repeats),
	STORE_TEST(test_limit),
	STORE_TEST(test_exponents),
	STORE_TEST(test_blocked_before),
	STORE_TEST(test_revoked_is_limited),
	STORE_TEST_SQLITE(test_how),
};
UNIT_MAIN(tests)
