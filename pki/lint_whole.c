#include "config.h"

#include "pki/lint_private.h"

#include <openssl/x509v3.h>

#include "lib/job.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/profile.h"

#define DAY_SECS 86400
#define SIZE_LIMIT 4096 /* L-40 */

/* --- encoding, numbers, time --------------------------------------------- */

const char *
lint_encoding(struct lint_subject *s)
{
	unsigned char *der = NULL;

	if (!s->is_read)
		return "not a certificate in strict DER";
	for (size_t i = 0; i < s->v.extension_count; i++)
		if (!der_is_strict(s->v.extensions[i].value))
			return "an extension's value is not strict DER";
	/* OpenSSL writes the same octets from what it has read: the whole,
	 * around a TBSCertificate that it kept, then that one. */
	int n = i2d_X509(s->certificate, &der);
	bool same = n > 0 && span_eq(span_mem(der, (size_t)n), s->der);
	OPENSSL_free(der);
	if (!same)
		return "encoding it again gives other octets";
	der = NULL;
	n = i2d_re_X509_tbs(s->certificate, &der);
	same = n > 0 && span_eq(span_mem(der, (size_t)n), s->v.tbs);
	OPENSSL_free(der);
	return same ? NULL : "encoding it again gives other octets";
}

const char *
lint_form(struct lint_subject *s)
{
	if (!s->v.is_v3)
		return "not version 3";
	if (s->v.has_unique_id)
		return "a unique identifier";
	for (size_t i = 0; i < s->v.extension_count; i++)
		if (certview_extension(&s->v, s->v.extensions[i].oid) !=
		    &s->v.extensions[i])
			return "an extension stands twice";
	return NULL;
}

const char *
lint_signature_algorithm(struct lint_subject *s)
{
	if (!span_eq(s->v.inner_algorithm, s->v.outer_algorithm))
		return "inner and outer signature algorithm differ";
	if (!span_eq(s->v.inner_algorithm, s->ca->signer.alg->der))
		return "not the signature algorithm of the issuer's key";
	return NULL;
}

const char *
lint_serial(struct lint_subject *s)
{
	struct span serial = s->v.serial;
	size_t equal = 0;

	if (serial.n != SERIAL_LEN)
		return "the serial number has not 17 octets";
	if (serial.p[0] == 0 || ((uint8_t)serial.p[0] & 0x80))
		return "the serial number's first octet is not 01 to 7f";
	while (equal < serial.n && serial.p[equal] == serial.p[0])
		equal++;
	if (equal == serial.n)
		return "all octets of the serial number are equal";
	return span_eq(serial, span_mem(s->in->serial, SERIAL_LEN))
		   ? NULL
		   : "not the serial number that was reserved";
}

/* UTCTime and GeneralizedTime each in its range: read so by certview. */
const char *
lint_validity(struct lint_subject *s)
{
	int64_t from = s->v.not_before;
	int64_t to = s->v.not_after;

	if (to < from)
		return "it ends before it begins";
	if (to - from + 1 > (int64_t)PROFILE_DAYS_MAX * DAY_SECS)
		return "it lives longer than 818 days";
	if (from < s->ca->not_before || to > s->ca->not_after)
		return "it lives outside the issuing CA's time";
	if (to <= s->j->now)
		return "it has ended already";
	if (from != s->in->not_before || to != s->in->not_after)
		return "not the time that was asked for";
	return NULL;
}

/* --- key and issuer ------------------------------------------------------ */

const char *
lint_key(struct lint_subject *s)
{
	EVP_PKEY *key = X509_get0_pubkey(s->certificate);
	enum key_type type;
	enum key_kind kind;

	if (key == NULL)
		return "the key cannot be read";
	const char *problem =
	    keycheck_key(key, profile_key_rule(s->in->profile), &type);
	if (problem != NULL)
		return problem;
	return key_kind_of(key, type, &kind) == 0 &&
		       profile_takes_key(s->in->profile, kind)
		   ? NULL
		   : "not a key that the profile takes";
}

const char *
lint_key_encoding(struct lint_subject *s)
{
	enum key_type type;
	struct span bits;

	if (spki_split(s->v.spki, &type, &bits) < 0)
		return "the key's AlgorithmIdentifier is not in the table";
	return span_eq(s->v.spki, s->in->csr->spki)
		   ? NULL
		   : "not the key of the request";
}

const char *
lint_issuer(struct lint_subject *s)
{
	return span_eq(s->v.issuer, s->ca->signer.name)
		   ? NULL
		   : "the issuer is not the CA's subject, to the octet";
}

/* --- as a relying party sees it ------------------------------------------ */

const char *
lint_size(struct lint_subject *s)
{
	return s->der.n <= SIZE_LIMIT ? NULL : "larger than 4096 octets";
}

/* The signature is none that matters (PK-137), and dates are L-12's. */
static const char *
verify_for(struct lint_subject *s, int purpose, const char *refusal)
{
	if (ca_verify_chain(s->j, s->ca, s->certificate, purpose) == 0)
		return NULL;
	job_recover(s->j);
	return refusal;
}

const char *
lint_verify_sign(struct lint_subject *s)
{
	if (s->in->csr->class == KEY_CLASS_ENCRYPTION)
		return lint_not_applicable;
	return verify_for(s, X509_PURPOSE_SMIME_SIGN,
	    "X509_verify_cert refuses it for smimesign");
}

/* OpenSSL 3.0 says no to EC keys with keyAgreement for this
 * purpose. */
const char *
lint_verify_encrypt(struct lint_subject *s)
{
	enum key_type type;
	struct span bits;

	if (s->in->csr->class == KEY_CLASS_SIGNING)
		return lint_not_applicable;
	if (spki_split(s->v.spki, &type, &bits) == 0 && key_type_is_ec(type))
		return s->in->csr->class == KEY_CLASS_ENCRYPTION
			   ? verify_for(s, 0, "X509_verify_cert refuses it")
			   : lint_not_applicable;
	return verify_for(s, X509_PURPOSE_SMIME_ENCRYPT,
	    "X509_verify_cert refuses it for smimeencrypt");
}
