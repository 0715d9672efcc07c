#include "config.h"

#include "pki/ossl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/passphrase.h"

#define PEM_LINE 48 /* octets that become 64 characters */

/* Defines ossl_own_name(): each release function has its own type.
 * NOLINTBEGIN(bugprone-macro-parentheses): a type, a function's name */
#define OWN(name, type, release)                                               \
	static void name##_release(void *x)                                    \
	{                                                                      \
		release(x);                                                    \
	}                                                                      \
	type *ossl_own_##name(struct arena *a, type *x)                        \
	{                                                                      \
		return arena_own(a, x, name##_release);                        \
	}

static void
free_certs(STACK_OF(X509) * certs)
{
	sk_X509_pop_free(certs, X509_free);
}

OWN(bn, BIGNUM, BN_clear_free)
OWN(bio, BIO, BIO_free_all)
OWN(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
OWN(pkey, EVP_PKEY, EVP_PKEY_free)
OWN(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN(pkcs8, PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
OWN(certs, STACK_OF(X509), free_certs)
OWN(x509, X509, X509_free)
OWN(crl, X509_CRL, X509_CRL_free)
OWN(ocsp_basic, OCSP_BASICRESP, OCSP_BASICRESP_free)
OWN(ocsp_id, OCSP_CERTID, OCSP_CERTID_free)
OWN(ocsp_request, OCSP_REQUEST, OCSP_REQUEST_free)
OWN(ocsp_response, OCSP_RESPONSE, OCSP_RESPONSE_free)
OWN(sig, X509_SIG, X509_SIG_free)
OWN(store, X509_STORE, X509_STORE_free)
OWN(store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)
/* NOLINTEND(bugprone-macro-parentheses) */

int
ossl_fail(struct job *j, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	if (reason == NULL)
		return job_fail(j, ERR_INTERNAL, "%s", what);
	return job_fail(j, ERR_INTERNAL, "%s: %s", what, reason);
}

/* "CN=Example Mail Issuing CA 1,O=Example,C=DE" */
static const char *
subject_of(struct arena *a, const X509 *x)
{
	BIO *out = ossl_own_bio(a, BIO_new(BIO_s_mem()));
	char *text;
	long n;

	if (out == NULL || X509_NAME_print_ex(out, X509_get_subject_name(x), 0,
			       XN_FLAG_RFC2253) < 0)
		return "a certificate";
	n = BIO_get_mem_data(out, &text);
	return arena_printf(a, "%.*s", (int)n, text);
}

static const char *
time_text(struct arena *a, const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return "an unknown time";
	return clock_rfc3339(a, (int64_t)timegm(&tm));
}

const char *
ossl_verify_problem(struct arena *a, X509_STORE_CTX *ctx)
{
	const X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	if (x != NULL && error == X509_V_ERR_CERT_HAS_EXPIRED)
		return arena_printf(a,
		    "%s has ended at %s: renew that CA, or let another one "
		    "take its place",
		    subject_of(a, x), time_text(a, X509_get0_notAfter(x)));
	if (x != NULL && error == X509_V_ERR_CERT_NOT_YET_VALID)
		return arena_printf(a,
		    "%s is not valid before %s: look at the clock of this host",
		    subject_of(a, x), time_text(a, X509_get0_notBefore(x)));
	return X509_verify_cert_error_string(error);
}

const unsigned char *
ossl_bytes(struct span s)
{
	return (const unsigned char *)s.p;
}

int
ossl_len(struct span s, long *out)
{
	if (s.n > INT32_MAX)
		return -1;
	*out = (long)s.n;
	return 0;
}

X509 *
ossl_read_x509(BIO *in)
{
	return PEM_read_bio_X509(in, NULL, passphrase_none, NULL);
}

void
pem_add(struct buf *b, const char *label, struct span der)
{
	buf_addf(b, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < der.n; i += PEM_LINE) {
		b64_add(b, span_cut(der, i, i + PEM_LINE));
		buf_add_char(b, '\n');
	}
	buf_addf(b, "-----END %s-----\n", label);
}
