#include "config.h"

#include "pki/ca_above.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "pki/oid.h"
#include "pki/ossl.h"

#define PEM_FILE_MAX (256 * 1024)
#define GENERAL_NAME_URI DER_CONTEXT_PRIMITIVE(6)

/* --- its URLs ------------------------------------------------------------- */

/* The first URI of the first point; NULL if there is none. */
static const char *
crl_url_of(struct arena *keep, const struct certview *v)
{
	const struct cert_extension *e = certview_extension(v, OID_CRL_POINTS);
	struct der list, point, choice, names, uri;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0 ||
	    der_take(&list.body, DER_SEQUENCE, &point) < 0 ||
	    der_take(&point.body, DER_CONTEXT(0), &choice) < 0 ||
	    der_only(choice.body, DER_CONTEXT(0), &names) < 0)
		return NULL;
	while (der_next(&names.body, &uri) == 1)
		if (uri.tag == GENERAL_NAME_URI)
			return span_dup(keep, uri.body);
	return NULL;
}

static const char *
issuer_url_of(struct arena *keep, const struct certview *v)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_AUTHORITY_INFO);
	struct der list, access, method, place;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0)
		return NULL;
	while (der_take(&list.body, DER_SEQUENCE, &access) == 0)
		if (der_take(&access.body, DER_OID, &method) == 0 &&
		    span_eq(method.body, OID_CA_ISSUERS) &&
		    der_next(&access.body, &place) == 1 &&
		    place.tag == GENERAL_NAME_URI)
			return span_dup(keep, place.body);
	return NULL;
}

/* --- its issuer ----------------------------------------------------------- */

static struct span
der_of(struct arena *keep, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	struct span out = { NULL, 0 };

	if (n > 0)
		out = span_mem(arena_memdup(keep, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return out;
}

static bool
has_signed(X509 *x, X509 *ca)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	return key != NULL &&
	       X509_NAME_cmp(
		   X509_get_subject_name(x), X509_get_issuer_name(ca)) == 0 &&
	       X509_verify(ca, key) == 1;
}

static int
find_issuer(struct job *j, struct arena *keep, X509 *ca, const char *chain,
    struct span *out)
{
	struct span pem = { NULL, 0 };
	BIO *bio;
	X509 *x;

	if (file_read(j, chain, PEM_FILE_MAX, &pem) < 0)
		return -1;
	bio = ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
	if (bio == NULL)
		return ossl_fail(j, chain);
	*out = (struct span){ NULL, 0 };
	while (out->n == 0 && (x = ossl_read_x509(bio)) != NULL) {
		if (has_signed(x, ca))
			*out = der_of(keep, x);
		X509_free(x);
	}
	ERR_clear_error();
	return out->n > 0 ? 0
			  : job_fail(j, ERR_INTERNAL,
				"%s: the CA that signed the issuing CA's "
				"certificate is not in it",
				chain);
}

int
ca_above_read(struct job *j, struct arena *keep, const char *certificate,
    const char *chain, struct ca_above *out)
{
	struct certview v;
	X509 *ca;

	*out = (struct ca_above){ .crl_url = NULL };
	if (chain == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "%s: a chain file with the root is needed", certificate);
	if (ca_certificate_read(j, keep, certificate, &out->ca) < 0)
		return -1;
	ca = ossl_x509(j->arena, out->ca);
	if (ca == NULL || certview_parse(out->ca, &v) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not a certificate in strict DER", certificate);
	out->crl_url = crl_url_of(keep, &v);
	out->issuer_url = issuer_url_of(keep, &v);
	return find_issuer(j, keep, ca, chain, &out->issuer);
}

/* --- its list ------------------------------------------------------------- */

int
ca_above_list(struct job *j, const struct ca_above *above, struct span der,
    struct above_list *out)
{
	const unsigned char *p = ossl_bytes(der);
	X509 *ca = ossl_x509(j->arena, above->ca);
	X509 *issuer = ossl_x509(j->arena, above->issuer);
	X509_REVOKED *entry = NULL;
	struct crl_input times;
	X509_CRL *crl = NULL;
	long n;

	*out = (struct above_list){ .this_update = 0 };
	if (ca == NULL || issuer == NULL)
		return ossl_fail(j, "the certificates of the CAs");
	if (crl_read_times(der, &times) == 0 && ossl_len(der, &n) == 0)
		crl = ossl_own_crl(j->arena, d2i_X509_CRL(NULL, &p, n));
	if (crl == NULL || p != ossl_bytes(der) + der.n) {
		ERR_clear_error();
		return job_fail(
		    j, ERR_INTERNAL, "not a revocation list in DER");
	}
	if (X509_NAME_cmp(
		X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "the list of another CA than the one which signed the "
		    "issuing CA's certificate");
	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1) {
		ERR_clear_error();
		return job_fail(j, ERR_INTERNAL,
		    "the signature of the list does not verify with the key of "
		    "the CA above");
	}
	out->this_update = times.this_update;
	out->next_update = times.next_update;
	out->has_revoked = X509_CRL_get0_by_cert(crl, &entry, ca) == 1;
	return 0;
}
