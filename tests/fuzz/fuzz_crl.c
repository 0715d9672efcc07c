/*
 * A revocation list that comes back (PK-163).  Its own issuer, algorithm and
 * key identifier are taken for the CA's, so that the checks behind them are
 * reached.  What is taken is what OpenSSL reads, entry by entry, and lints as
 * what it says.
 */
#include "config.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/crl.h"
#include "pki/crl_lint.h"
#include "pki/der.h"
#include "pki/ossl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define KEY_ID_HEAD SPAN("\x30\x16\x80\x14")
#define KEY_ID_OCTETS 20

static const struct sig_alg alg = { "ecdsa-with-SHA256", "SHA256",
	{ "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 } };

/* The CA whose list it would be; its name is strict DER, as any CA's is. */
static int
find_signer(struct span der, struct signer *out)
{
	size_t at = span_find_span(der, 0, KEY_ID_HEAD);
	struct der outer, tbs, d;

	*out = (struct signer){ .alg = &alg };
	if (der_only(der, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &tbs) < 0 ||
	    der_take(&tbs.body, DER_INTEGER, &d) < 0 ||
	    der_take(&tbs.body, DER_SEQUENCE, &d) < 0 ||
	    der_take(&tbs.body, DER_SEQUENCE, &d) < 0)
		return -1;
	out->name = d.whole;
	if (at < der.n)
		out->key_id = span_cut(der, at + KEY_ID_HEAD.n,
		    at + KEY_ID_HEAD.n + KEY_ID_OCTETS);
	return der_is_strict(out->name) ? 0 : -1;
}

static bool
is_same_entry(X509_REVOKED *x, const struct crl_entry *e)
{
	const ASN1_INTEGER *number = X509_REVOKED_get0_serialNumber(x);
	BIGNUM *a = ASN1_INTEGER_to_BN(number, NULL);
	BIGNUM *b = BN_bin2bn(ossl_bytes(e->serial), (int)e->serial.n, NULL);
	bool same = a != NULL && b != NULL && BN_cmp(a, b) == 0 &&
		    ASN1_TIME_cmp_time_t(X509_REVOKED_get0_revocationDate(x),
			(time_t)e->revoked_at) == 0;

	BN_free(a);
	BN_free(b);
	return same;
}

static bool
is_time(const ASN1_TIME *t, int64_t secs)
{
	return t != NULL && ASN1_TIME_cmp_time_t(t, (time_t)secs) == 0;
}

/* A name may be one that OpenSSL does not read; then there is nothing to
 * compare. */
static bool
is_name(struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);

	X509_NAME_free(name);
	return name != NULL;
}

static void
compare(struct span der, const struct crl_input *l)
{
	const unsigned char *p = ossl_bytes(der);
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.n);
	STACK_OF(X509_REVOKED) * list;

	if (crl == NULL || p != ossl_bytes(der) + der.n)
		abort();
	/* In the sequence of the file: OpenSSL has not sorted it yet. */
	list = X509_CRL_get_REVOKED(crl);
	if (sk_X509_REVOKED_num(list) != (l->count == 0 ? -1 : (int)l->count) ||
	    !is_time(X509_CRL_get0_lastUpdate(crl), l->this_update) ||
	    !is_time(X509_CRL_get0_nextUpdate(crl), l->next_update))
		abort();
	for (size_t i = 0; i < l->count; i++)
		if (!is_same_entry(
			sk_X509_REVOKED_value(list, (int)i), &l->entries[i]))
			abort();
	X509_CRL_free(crl);
}

static void
check(struct job *j, const struct signer *s, enum ca_role role, struct span der,
    const struct crl_input *l)
{
	const struct crl_entry **lost;
	struct crl_input times;
	size_t count;

	if (crl_lint(j, s, role, l, der) != NULL)
		abort();
	if (crl_read_times(der, &times) < 0 ||
	    times.this_update != l->this_update ||
	    times.next_update != l->next_update)
		abort();
	for (size_t i = 0; i < l->count; i++)
		if (crl_find(l, l->entries[i].serial) != &l->entries[i] ||
		    l->entries[i].revoked_at > l->this_update ||
		    !crl_reason_is_allowed(l->entries[i].reason, role))
			abort();
	/* L-66: it is not its own successor. */
	if (crl_compare(j, l, l, &lost, &count) == 0 || l->number == 0)
		abort();
	if (is_name(s->name))
		compare(der, l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum ca_role roles[] = { CA_ROLE_ISSUING, CA_ROLE_ROOT };
	struct span der = span_mem(data, n);
	struct crl_input l;
	struct signer s;
	struct job j;

	job_init(&j, NULL, NULL);
	(void)crl_read_times(der, &l);
	for (size_t i = 0; i < 2 && find_signer(der, &s) == 0; i++)
		if (crl_parse(&j, &s, roles[i], der, &l) == NULL)
			check(&j, &s, roles[i], der, &l);
	ERR_clear_error();
	job_done(&j);
	return 0;
}
