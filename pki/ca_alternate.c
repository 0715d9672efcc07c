#include "config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "pki/ossl.h"

#define CERTIFICATE_FILE_MAX 65536

#define FILE_MAX (256 * 1024)
#define CHAIN_MAX 8

static int
certificate_der(struct job *j, X509 *x, struct span *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n <= 0)
		return ossl_fail(j, "a certificate");
	*out = span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return 0;
}

/* The first one stands for the issuing CA: any other name or key would make
 * chains that no client can verify. */
static const char *
first_problem(const struct ca *ca, X509 *x)
{
	if (X509_NAME_cmp(X509_get_subject_name(x),
		X509_get_subject_name(ca->certificate)) != 0)
		return "its subject is not the issuing CA's";
	if (EVP_PKEY_eq(X509_get0_pubkey(x), ca->signer.public_key) != 1)
		return "its key is not the issuing CA's";
	return NULL;
}

static const char *
next_problem(X509 *below, X509 *x)
{
	if (X509_check_issued(x, below) != X509_V_OK ||
	    X509_verify(below, X509_get0_pubkey(x)) != 1)
		return "it does not certify the one before it";
	return NULL;
}

static const char *
problem_of(const struct job *j, const struct ca *ca, X509 *below, X509 *x,
    struct span der)
{
	const char *problem =
	    below == NULL ? first_problem(ca, x) : next_problem(below, x);
	struct certview v;

	if (problem != NULL)
		return problem;
	if (certview_parse(der, &v) < 0)
		return "it is not strict DER";
	if (X509_check_ca(x) != 1)
		return "it is not a CA's";
	if (j->now < v.not_before || j->now > v.not_after)
		return "it is not valid now";
	/* PK-134: a cross-certificate is the issuing CA's once more. */
	return below == NULL ? ca_usage_problem(&v) : NULL;
}

static int
read_chain(struct job *j, const struct ca *ca, BIO *in, struct buf *pem)
{
	X509 *below = NULL, *x;
	struct span der = { NULL, 0 };
	int n = 0;

	while ((x = ossl_read_x509(in)) != NULL) {
		ossl_own_x509(j->arena, x);
		if (++n > CHAIN_MAX)
			return job_fail(j, ERR_INTERNAL,
			    "more than %d certificates", CHAIN_MAX);
		if (certificate_der(j, x, &der) < 0)
			return -1;
		const char *problem = problem_of(j, ca, below, x, der);
		if (problem != NULL)
			return job_fail(
			    j, ERR_INTERNAL, "certificate %d: %s", n, problem);
		pem_add(pem, "CERTIFICATE", der);
		below = x;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return ossl_fail(j, "not PEM");
	ERR_clear_error();
	if (n == 0)
		return job_fail(j, ERR_INTERNAL, "no certificate in PEM");
	return 0;
}

int
ca_alternate_load(struct job *j, struct arena *keep, const struct ca *ca,
    const char *path, struct span *pem)
{
	struct span text;
	struct buf b;
	BIO *in;

	if (file_read(j, path, FILE_MAX, &text) < 0)
		return -1;
	in = ossl_own_bio(j->arena, BIO_new_mem_buf(text.p, (int)text.n));
	buf_init(&b, keep, FILE_MAX);
	ERR_clear_error();
	if (in == NULL)
		return ossl_fail(j, path);
	if (read_chain(j, ca, in, &b) < 0) {
		ERR_clear_error();
		return job_context(j, "%s", path);
	}
	if (!buf_ok(&b) || span_eq(buf_span(&b), ca->chain_pem))
		return job_fail(j, ERR_INTERNAL,
		    "%s: this is the chain that is served anyway", path);
	*pem = buf_span(&b);
	return 0;
}

int
ca_certificate_read(
    struct job *j, struct arena *keep, const char *path, struct span *der)
{
	unsigned char *octets = NULL;
	struct span pem;
	BIO *in;
	X509 *x;
	int n;

	if (file_read(j, path, CERTIFICATE_FILE_MAX, &pem) < 0)
		return -1;
	in = ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
	x = in == NULL ? NULL : ossl_own_x509(j->arena, ossl_read_x509(in));
	if (x == NULL || (n = i2d_X509(x, &octets)) <= 0)
		return ossl_fail(j, path);
	*der = span_mem(arena_memdup(keep, octets, (size_t)n), (size_t)n);
	OPENSSL_free(octets);
	return 0;
}
