#include "config.h"

#include "pki/statement.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "pki/ossl.h"
#include "pki/signer.h"
#include "pki/token_key.h"

#define PEM_MAX 65536

/* --- keys ----------------------------------------------------------------- */

/* NULL for a key that no statement is signed with; "" for one that hashes by
 * itself. */
static const char *
digest_for(const EVP_PKEY *key)
{
	char group[32];
	size_t len;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		return "";
	case EVP_PKEY_RSA:
		return EVP_PKEY_get_bits(key) >= 2048 &&
			       EVP_PKEY_get_bits(key) <= 8192
			   ? "SHA256"
			   : NULL;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(key, group, sizeof group, &len) !=
		    1)
			return NULL;
		if (strcmp(group, SN_X9_62_prime256v1) == 0)
			return "SHA256";
		return strcmp(group, SN_secp384r1) == 0 ? "SHA384" : NULL;
	default:
		return NULL;
	}
}

static int
seconds_of(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;
	struct clock_date d;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	d = (struct clock_date){ .year = tm.tm_year + 1900,
		.month = tm.tm_mon + 1,
		.day = tm.tm_mday,
		.hour = tm.tm_hour,
		.minute = tm.tm_min,
		.second = tm.tm_sec };
	*out = clock_secs(&d);
	return 0;
}

static int
der_of(struct job *j, const EVP_PKEY *key, struct span *out)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	if (n <= 0)
		return ossl_fail(j, "the client key");
	*out = span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return 0;
}

static BIO *
text_of(struct job *j, struct span pem)
{
	if (pem.n == 0 || pem.n > PEM_MAX)
		return NULL;
	return ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
}

int
statement_key_read(
    struct job *j, struct span pem, struct span *spki, int64_t *not_after)
{
	BIO *in = text_of(j, pem);
	X509 *x =
	    in == NULL ? NULL : ossl_own_x509(j->arena, ossl_read_x509(in));
	EVP_PKEY *key = NULL;

	*not_after = 0;
	if (x != NULL) {
		key = X509_get_pubkey(x);
		if (seconds_of(X509_get0_notAfter(x), not_after) < 0)
			*not_after = j->now - 1;
	} else if ((in = text_of(j, pem)) != NULL) {
		key = PEM_read_bio_PUBKEY(in, NULL, passphrase_none, NULL);
	}
	ossl_own_pkey(j->arena, key);
	ERR_clear_error();
	if (key == NULL || digest_for(key) == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "give a client certificate or a public key in PEM: RSA of "
		    "2048 to 8192 bits, P-256, P-384 or Ed25519");
	if (x != NULL && *not_after < j->now)
		return job_fail(
		    j, ERR_MALFORMED, "the client certificate has expired");
	return der_of(j, key, spki);
}

static EVP_PKEY *
key_of(struct job *j, struct span spki)
{
	const unsigned char *p = ossl_bytes(spki);
	EVP_PKEY *key = NULL;
	long n;

	if (ossl_len(spki, &n) == 0 && n > 0)
		key = ossl_own_pkey(j->arena, d2i_PUBKEY(NULL, &p, n));
	ERR_clear_error();
	if (key != NULL && digest_for(key) != NULL)
		return key;
	(void)job_fail(
	    j, ERR_SPOILED, "the client key in the database cannot be read");
	return NULL;
}

/* --- signing -------------------------------------------------------------- */

static int
check_statement(struct job *j, struct span statement)
{
	if (statement.n <= STATEMENT_MAX &&
	    span_starts(statement, SPAN(STATEMENT_FIRST_LINE)))
		return 0;
	return job_fail(j, ERR_INTERNAL, "this is no admin's statement");
}

static const char *
md_name(const char *digest)
{
	return digest[0] == '\0' ? NULL : digest;
}

int
statement_sign_pem(struct job *j, struct span pem, struct span passphrase,
    struct span statement, struct span *signature)
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	unsigned char *octets = arena_alloc(j->arena, SIGNATURE_MAX);
	size_t n = SIGNATURE_MAX;
	EVP_PKEY *key = NULL;
	BIO *in;

	if (check_statement(j, statement) < 0)
		return -1;
	if (!span_starts(pem, SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----")))
		return job_fail(
		    j, ERR_MALFORMED, "not an encrypted PKCS#8 key in PEM");
	if ((in = text_of(j, pem)) != NULL)
		key =
		    ossl_own_pkey(j->arena, PEM_read_bio_PrivateKey(in, NULL,
						passphrase_give, &passphrase));
	ERR_clear_error();
	if (key == NULL)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "the client key cannot be opened with this passphrase");
	if (digest_for(key) == NULL || ctx == NULL ||
	    EVP_DigestSignInit_ex(ctx, NULL, md_name(digest_for(key)), NULL,
		NULL, key, NULL) != 1 ||
	    EVP_DigestSign(
		ctx, octets, &n, ossl_bytes(statement), statement.n) != 1)
		return ossl_fail(j, "the client key does not sign");
	*signature = span_mem(octets, n);
	return 0;
}

int
statement_sign_token(struct job *j, const struct token_place *place,
    struct span spki, struct span statement, struct span *signature)
{
	unsigned char *octets = arena_alloc(j->arena, SIGNATURE_MAX);
	const struct signing_key *signing = NULL;
	EVP_PKEY *key = key_of(j, spki);
	struct sig_alg alg = { .name = "" };
	size_t n = SIGNATURE_MAX;

	if (key == NULL || check_statement(j, statement) < 0)
		return -1;
	alg.digest = digest_for(key);
	if (alg.digest[0] == '\0')
		return job_fail(j, ERR_MALFORMED,
		    "a token signs statements with RSA, P-256 or P-384");
	if (token_key_open(j, j->arena, place, key, &signing) < 0 ||
	    signing_key_use(j, signing, &alg, statement, octets, &n) < 0)
		return -1;
	*signature = span_mem(octets, n);
	return 0;
}

/* --- verifying ------------------------------------------------------------ */

int
statement_verify(struct job *j, struct span spki, struct span statement,
    struct span signature)
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	EVP_PKEY *key = key_of(j, spki);
	bool good;

	if (key == NULL)
		return -1;
	good = ctx != NULL && statement.n <= STATEMENT_MAX &&
	       span_starts(statement, SPAN(STATEMENT_FIRST_LINE)) &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, md_name(digest_for(key)),
		   NULL, NULL, key, NULL) == 1 &&
	       EVP_DigestVerify(ctx, ossl_bytes(signature), signature.n,
		   ossl_bytes(statement), statement.n) == 1;
	ERR_clear_error();
	return good;
}
