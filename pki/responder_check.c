#include "config.h"

#include "pki/responder.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "lib/job.h"
#include "pki/ca.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/ossl.h"

static bool
is_time(const ASN1_GENERALIZEDTIME *t, int64_t secs)
{
	return t != NULL && ASN1_TIME_cmp_time_t(t, (time_t)secs) == 0;
}

/* L-75: the number and both hashes. */
static bool
is_about(const OCSP_SINGLERESP *single, enum ocsp_hash hash,
    const struct ocsp_status *s, const struct ocsp_ca *ca)
{
	const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
	ASN1_OCTET_STRING *name, *key;
	ASN1_INTEGER *serial;
	ASN1_OBJECT *oid;
	struct ocsp_cert_id found = { .hash = hash };
	BIGNUM *number;
	bool same;

	/* The accessor does not change what it is given. */
	union {
		const OCSP_CERTID *in;
		OCSP_CERTID *out;
	} u = { .in = id };
	if (OCSP_id_get0_info(&name, &oid, &key, &serial, u.out) != 1)
		return false;
	number = BN_bin2bn(s->serial, s->serial_len, NULL);
	BIGNUM *has = ASN1_INTEGER_to_BN(serial, NULL);
	same = number != NULL && has != NULL && BN_cmp(number, has) == 0;
	BN_free(number);
	BN_free(has);
	found.name_hash = span_mem(
	    ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
	found.key_hash = span_mem(
	    ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key));
	return same && ocsp_ca_is(ca, &found) &&
	       OBJ_obj2nid(oid) == (hash == OCSP_SHA1 ? NID_sha1 : NID_sha256);
}

static const char *
single_problem(OCSP_SINGLERESP *single, const struct ocsp_status *s)
{
	ASN1_GENERALIZEDTIME *revoked, *this_update, *next_update;
	int reason = -1;
	int status = OCSP_single_get0_status(
	    single, &reason, &revoked, &this_update, &next_update);

	if (OCSP_SINGLERESP_get_ext_count(single) != 0)
		return "L-73: an extension of the single response";
	if (!is_time(this_update, s->this_update) ||
	    !is_time(next_update, ocsp_status_end(s)))
		return "L-71: thisUpdate or nextUpdate";
	if (status != (s->is_revoked      ? V_OCSP_CERTSTATUS_REVOKED
			  : s->is_unknown ? V_OCSP_CERTSTATUS_UNKNOWN
					  : V_OCSP_CERTSTATUS_GOOD))
		return "L-72: the status is another one";
	if (!s->is_revoked)
		return NULL;
	if (!is_time(revoked, s->revoked_at) ||
	    reason != (s->reason == 0 ? -1 : s->reason))
		return "L-72: time or reason of the revocation";
	return NULL;
}

/* L-73: the client's nonce, or none, and nothing else. */
static bool
has_nonce(OCSP_BASICRESP *basic, struct span nonce)
{
	X509_EXTENSION *e;
	struct der inner;
	struct span value;
	int at =
	    OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);

	if (OCSP_BASICRESP_get_ext_count(basic) != (nonce.n > 0 ? 1 : 0))
		return false;
	if (nonce.n == 0)
		return true;
	e = OCSP_BASICRESP_get_ext(basic, at);
	if (e == NULL)
		return false;
	value = span_mem(ASN1_STRING_get0_data(X509_EXTENSION_get_data(e)),
	    (size_t)ASN1_STRING_length(X509_EXTENSION_get_data(e)));
	return der_only(value, DER_OCTET_STRING, &inner) == 0 &&
	       span_eq(inner.body, nonce);
}

/* L-71: every answer ends before the responder's certificate does. */
static bool
is_outlived(const X509 *responder, const struct ocsp_data *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (ASN1_TIME_cmp_time_t(X509_get0_notAfter(responder),
			(time_t)ocsp_status_end(&d->singles[i].status)) < 0)
			return true;
	return false;
}

/* L-70: the CA is the only anchor; the responder's certificate comes with the
 * answer. */
static const char *
basic_problem(struct job *j, const struct ca *ca, OCSP_BASICRESP *basic,
    const struct ocsp_data *d)
{
	const ASN1_OCTET_STRING *by_key = NULL;
	const X509_NAME *by_name = NULL;
	const ASN1_GENERALIZEDTIME *produced =
	    OCSP_resp_get0_produced_at(basic);

	if (sk_X509_num(OCSP_resp_get0_certs(basic)) != 1 ||
	    OCSP_resp_get0_id(basic, &by_key, &by_name) != 1 || by_key == NULL)
		return "L-70: not by key, or without the responder's "
		       "certificate";
	X509 *responder = sk_X509_value(OCSP_resp_get0_certs(basic), 0);
	if (!(X509_get_extended_key_usage(responder) & XKU_OCSP_SIGN) ||
	    X509_get_ext_by_NID(responder, NID_id_pkix_OCSP_noCheck, -1) < 0)
		return "L-70: the responder's certificate";
	if (!is_time(produced, d->produced_at))
		return "L-71: producedAt";
	if (is_outlived(responder, d))
		return "L-71: it outlives the responder's certificate";
	if (!has_nonce(basic, d->nonce))
		return "L-73: another nonce, or another extension";
	/* The chain is verified below, at the time of the answer. */
	if (OCSP_basic_verify(basic, NULL, ca->store, OCSP_NOVERIFY) != 1)
		return "L-70: the signature does not verify";
	return ca_verify(j, ca->store, responder, X509_PURPOSE_OCSP_HELPER,
		   d->produced_at) < 0
		   ? "L-70: the responder's certificate does not verify"
		   : NULL;
}

/* L-75: one answer for each that was asked for, in their sequence. */
static const char *
singles_problem(
    OCSP_BASICRESP *basic, const struct ocsp_ca *ca, const struct ocsp_data *d)
{
	const char *problem = NULL;

	if (OCSP_resp_count(basic) != (int)d->count)
		return "L-75: not as many answers as questions";
	for (size_t i = 0; i < d->count && problem == NULL; i++) {
		const struct ocsp_single *s = &d->singles[i];
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, (int)i);

		problem = is_about(one, s->hash, &s->status, ca)
			      ? single_problem(one, &s->status)
			      : "L-75: not an answer about this number";
	}
	return problem;
}

int
responder_check_data(struct job *j, const struct ca *ca,
    const struct ocsp_data *d, struct span response)
{
	const unsigned char *p = ossl_bytes(response);
	const char *problem = NULL;
	OCSP_RESPONSE *r = NULL;
	OCSP_BASICRESP *basic = NULL;
	struct ocsp_ca id;
	long n;

	if (responder_ca(j, ca, &id) < 0)
		return -1;
	if (ossl_len(response, &n) == 0)
		r = d2i_OCSP_RESPONSE(NULL, &p, n);
	if (r != NULL)
		(void)ossl_own_ocsp_response(j->arena, r);
	if (r != NULL && p == ossl_bytes(response) + response.n &&
	    OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(r);
	if (basic == NULL)
		return ossl_fail(j, "an OCSP answer cannot be read");
	(void)ossl_own_ocsp_basic(j->arena, basic);
	problem = singles_problem(basic, &id, d);
	if (problem == NULL)
		problem = basic_problem(j, ca, basic, d);
	ERR_clear_error();
	if (problem != NULL)
		job_recover(j);
	return problem == NULL ? 0
			       : job_fail(j, ERR_INTERNAL,
				     "OCSP answer refused: %s", problem);
}

int
responder_check(struct job *j, const struct ca *ca, enum ocsp_hash hash,
    const struct ocsp_status *s, struct span response)
{
	const struct ocsp_single one = { hash, *s };
	const struct ocsp_data d = { &one, 1, s->this_update, { NULL, 0 } };

	return responder_check_data(j, ca, &d, response);
}
