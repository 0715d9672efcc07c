#include "config.h"

#include "mail/smime_trust.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "mail/smime_key.h"

#define ROOTS_FILE_MAX ((size_t)4 << 20)
#define CRL_FILE_MAX ((size_t)64 << 20)
#define ROOTS_MAX 500

struct smime_trust {
	X509_STORE *store;
	STACK_OF(X509) * roots;
	STACK_OF(X509_CRL) * crls;
	int64_t next_update;
};

/* Where a root or a list came from, for the error. */
struct origin {
	struct job *j;
	enum err_kind kind;
	const char *name;
};

static int
refuse(const struct origin *o, const char *why)
{
	ERR_clear_error();
	return job_fail(o->j, o->kind, "%s: %s", o->name, why);
}

static struct smime_trust *
trust_new(void)
{
	struct smime_trust *t = xcalloc(1, sizeof(*t));

	t->store = X509_STORE_new();
	t->roots = sk_X509_new_null();
	t->crls = sk_X509_CRL_new_null();
	t->next_update = INT64_MAX;
	return t;
}

void
smime_trust_free(struct smime_trust *t)
{
	if (t == NULL)
		return;
	X509_STORE_free(t->store);
	sk_X509_pop_free(t->roots, X509_free);
	sk_X509_CRL_pop_free(t->crls, X509_CRL_free);
	free(t);
}

/* --- what may be in it --------------------------------------------------- */

/* Takes the certificate. */
static int
add_root(const struct origin *o, struct smime_trust *t, X509 *take_x)
{
	struct smime_key key;
	const char *why = NULL;

	/* The library would trust a certificate that it finds here whatever
	 * it is. */
	if (X509_check_ca(take_x) != 1)
		why = "a certificate that is not a CA's; name root "
		      "certificates only";
	else if (X509_self_signed(take_x, 1) != 1)
		why = "a certificate that is not self-signed; name root "
		      "certificates only, what stands below them comes with "
		      "the mail";
	else
		why = smime_key_check(o->j, X509_get0_pubkey(take_x), &key);
	if (why == NULL && sk_X509_num(t->roots) == ROOTS_MAX)
		why = "more than 500 root certificates";
	if (why != NULL) {
		X509_free(take_x);
		return refuse(o, why);
	}
	if (X509_STORE_add_cert(t->store, take_x) != 1 ||
	    sk_X509_push(t->roots, take_x) == 0) {
		X509_free(take_x);
		return refuse(o, "the crypto library did not take a root");
	}
	return 0;
}

static int
time_of(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	*out = (int64_t)timegm(&tm);
	return 0;
}

/* Takes the list. */
static int
add_crl(const struct origin *o, struct smime_trust *t, X509_CRL *take_crl)
{
	int64_t until;

	/* RFC 5280 5.1.2.5.  Without it the library would believe the list
	 * for ever. */
	if (time_of(X509_CRL_get0_nextUpdate(take_crl), &until) < 0) {
		X509_CRL_free(take_crl);
		return refuse(o, "a revocation list without nextUpdate");
	}
	if (sk_X509_CRL_push(t->crls, take_crl) == 0) {
		X509_CRL_free(take_crl);
		return refuse(o, "the crypto library did not take a list");
	}
	if (until < t->next_update)
		t->next_update = until;
	return 0;
}

/* --- files --------------------------------------------------------------- */

/* After the last block: 0 if it was the end, and nothing else. */
static int
at_end(const struct origin *o, bool found)
{
	unsigned long e = ERR_peek_last_error();

	if (!found)
		return refuse(o, "holds none");
	if (ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return 0;
	}
	return refuse(o, "a block of it cannot be read");
}

static int
read_roots(const struct origin *o, struct smime_trust *t, struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	int result = 0;
	X509 *x;

	ERR_clear_error();
	while (result == 0 && (x = PEM_read_bio_X509(
				   bio, NULL, passphrase_none, NULL)) != NULL)
		result = add_root(o, t, x);
	if (result == 0)
		result = at_end(o, sk_X509_num(t->roots) > 0);
	BIO_free(bio);
	return result;
}

static int
read_crls_pem(const struct origin *o, struct smime_trust *t, struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	int result = 0, before = sk_X509_CRL_num(t->crls);
	X509_CRL *crl;

	ERR_clear_error();
	while (result == 0 && (crl = PEM_read_bio_X509_CRL(
				   bio, NULL, passphrase_none, NULL)) != NULL)
		result = add_crl(o, t, crl);
	if (result == 0)
		result = at_end(o, sk_X509_CRL_num(t->crls) > before);
	BIO_free(bio);
	return result;
}

static int
read_crl_der(const struct origin *o, struct smime_trust *t, struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.n);

	if (crl != NULL && p != (const unsigned char *)der.p + der.n) {
		X509_CRL_free(crl);
		crl = NULL;
	}
	if (crl == NULL)
		return refuse(o, "is no revocation list in PEM or DER");
	return add_crl(o, t, crl);
}

static int
load_crls(struct job *j, const char *path, struct smime_trust *t)
{
	const struct origin o = { j, ERR_INTERNAL, path };
	struct span text;

	if (file_read(j, path, CRL_FILE_MAX, &text) < 0)
		return -1;
	if (span_find_span(text, 0, SPAN("-----BEGIN ")) < text.n)
		return read_crls_pem(&o, t, text);
	return read_crl_der(&o, t, text);
}

static int
load(struct job *j, const char *roots, const struct conf_list *crls,
    struct smime_trust *t)
{
	const struct origin o = { j, ERR_INTERNAL, roots };
	struct span text;

	if (roots != NULL && (file_read(j, roots, ROOTS_FILE_MAX, &text) < 0 ||
				 read_roots(&o, t, text) < 0))
		return -1;
	for (size_t i = 0; i < crls->n; i++)
		if (load_crls(j, crls->v[i], t) < 0)
			return -1;
	return 0;
}

int
smime_trust_load(struct job *j, const char *roots, const struct conf_list *crls,
    struct smime_trust **out)
{
	struct smime_trust *t = trust_new();

	*out = NULL;
	if (load(j, roots, crls, t) < 0) {
		smime_trust_free(t);
		return -1;
	}
	*out = t;
	return 0;
}

/* --- stored -------------------------------------------------------------- */

static int
take_stored(const struct origin *o, struct smime_trust *t,
    const struct span *roots, size_t root_count, const struct span *crls,
    size_t crl_count)
{
	for (size_t i = 0; i < root_count; i++) {
		const unsigned char *p = (const unsigned char *)roots[i].p;
		X509 *x = d2i_X509(NULL, &p, (long)roots[i].n);

		if (x == NULL)
			return refuse(o, "a root cannot be read");
		if (add_root(o, t, x) < 0)
			return -1;
	}
	for (size_t i = 0; i < crl_count; i++)
		if (read_crl_der(o, t, crls[i]) < 0)
			return -1;
	return 0;
}

int
smime_trust_of(struct job *j, const struct span *roots, size_t root_count,
    const struct span *crls, size_t crl_count, struct smime_trust **out)
{
	const struct origin o = { j, ERR_MALFORMED, "stored trust" };
	struct smime_trust *t = trust_new();

	*out = NULL;
	if (take_stored(&o, t, roots, root_count, crls, crl_count) < 0) {
		smime_trust_free(t);
		return -1;
	}
	*out = t;
	return 0;
}

/* --- asked --------------------------------------------------------------- */

X509_STORE *
smime_trust_roots(const struct smime_trust *t)
{
	return t->store;
}

STACK_OF(X509_CRL) * smime_trust_crls(const struct smime_trust *t)
{
	return t->crls;
}

size_t
smime_trust_root_count(const struct smime_trust *t)
{
	return (size_t)sk_X509_num(t->roots);
}

bool
smime_trust_has(const struct smime_trust *t, const uint8_t root[SHA256_LEN])
{
	uint8_t hash[SHA256_LEN];
	unsigned n;

	for (int i = 0; i < sk_X509_num(t->roots); i++)
		if (X509_digest(sk_X509_value(t->roots, i), EVP_sha256(), hash,
			&n) == 1 &&
		    memcmp(hash, root, SHA256_LEN) == 0)
			return true;
	return false;
}

int64_t
smime_trust_next_update(const struct smime_trust *t)
{
	return t->next_update;
}
