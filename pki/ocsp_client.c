#include "config.h"

#include "pki/ocsp_client.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/ossl.h"

/* CertID of RFC 6960 4.1.1; the caller owns it. */
static OCSP_CERTID *
cert_id(const struct ca *ca, enum ocsp_hash hash, struct span serial)
{
	BIGNUM *bn = BN_bin2bn(ossl_bytes(serial), (int)serial.n, NULL);
	ASN1_INTEGER *n = bn == NULL ? NULL : BN_to_ASN1_INTEGER(bn, NULL);
	OCSP_CERTID *id = NULL;

	if (n != NULL)
		id = OCSP_cert_id_new(
		    hash == OCSP_SHA256 ? EVP_sha256() : EVP_sha1(),
		    X509_get_subject_name(ca->certificate),
		    X509_get0_pubkey_bitstr(ca->certificate), n);
	ASN1_INTEGER_free(n);
	BN_free(bn);
	return id;
}

int
ocsp_client_request(struct job *j, const struct ca *ca, enum ocsp_hash hash,
    struct span serial, struct span *der)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	OCSP_CERTID *id = cert_id(ca, hash, serial);
	unsigned char *octets = NULL;
	int n = 0;

	if (r != NULL)
		(void)ossl_own_ocsp_request(j->arena, r);
	/* Taken over by the request. */
	if (r != NULL && id != NULL && OCSP_request_add0_id(r, id) != NULL)
		n = i2d_OCSP_REQUEST(r, &octets);
	else
		OCSP_CERTID_free(id);
	if (n <= 0)
		return ossl_fail(j, "an OCSP request");
	*der = span_mem(arena_memdup(j->arena, octets, (size_t)n), (size_t)n);
	OPENSSL_free(octets);
	return 0;
}

const char *
ocsp_client_path(struct arena *a, struct span request)
{
	struct buf plain, out;

	buf_init(&plain, a, 4 * request.n / 3 + 8);
	b64_add(&plain, request);
	buf_init(&out, a, 3 * plain.n + 1);
	for (size_t i = 0; i < plain.n; i++) {
		char ch = plain.p[i];

		if (ch == '+' || ch == '/' || ch == '=')
			buf_addf(&out, "%%%02X", (unsigned)ch);
		else
			buf_add_char(&out, ch);
	}
	return span_dup(a, buf_span(&out));
}

/* --- what came back ------------------------------------------------------- */

static int
refuse(struct job *j, const char *why)
{
	ERR_clear_error();
	return job_fail(j, ERR_INTERNAL, "%s", why);
}

static int
read_time(const ASN1_GENERALIZEDTIME *t, int64_t *out)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	const struct clock_date date = { tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, 0 };
	*out = clock_secs(&date);
	return 0;
}

static const char *
read_single(OCSP_BASICRESP *basic, OCSP_CERTID *id, struct ocsp_said *out)
{
	ASN1_GENERALIZEDTIME *revoked, *this_update, *next_update;
	int status, reason;

	if (OCSP_resp_find_status(basic, id, &status, &reason, &revoked,
		&this_update, &next_update) != 1)
		return "the answer is about another certificate";
	out->is_revoked = status == V_OCSP_CERTSTATUS_REVOKED;
	out->is_unknown = !out->is_revoked && status != V_OCSP_CERTSTATUS_GOOD;
	if (read_time(this_update, &out->this_update) < 0 ||
	    (!out->is_unknown && read_time(next_update, &out->next_update) < 0))
		return "the answer has no thisUpdate or no nextUpdate";
	return NULL;
}

/* The chain is verified at the time of the answer. */
static int
verify(struct job *j, const struct ca *ca, OCSP_BASICRESP *basic, int64_t when)
{
	X509 *responder = NULL;

	if (OCSP_basic_verify(basic, NULL, ca->store, OCSP_NOVERIFY) != 1 ||
	    OCSP_resp_get0_signer(basic, &responder, NULL) != 1)
		return refuse(j, "the signature of the answer does not verify");
	if (ca_verify(j, ca->store, responder, X509_PURPOSE_OCSP_HELPER, when) <
	    0)
		return job_context(j, "the responder's certificate");
	if (!(X509_get_extended_key_usage(responder) & XKU_OCSP_SIGN))
		return refuse(j, "the signer's certificate is not one of an "
				 "OCSP responder");
	return 0;
}

/* NULL after the job has failed. */
static OCSP_BASICRESP *
read_response(struct job *j, struct span der, struct ocsp_said *out)
{
	const unsigned char *p = ossl_bytes(der);
	OCSP_BASICRESP *basic = NULL;
	OCSP_RESPONSE *r = NULL;
	long n;

	if (ossl_len(der, &n) == 0)
		r = d2i_OCSP_RESPONSE(NULL, &p, n);
	if (r == NULL || p != ossl_bytes(der) + der.n) {
		OCSP_RESPONSE_free(r);
		refuse(j, "not an OCSP response in DER");
		return NULL;
	}
	(void)ossl_own_ocsp_response(j->arena, r);
	out->error = OCSP_response_status(r);
	if (out->error != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return NULL;
	basic = OCSP_response_get1_basic(r);
	if (basic == NULL)
		refuse(j, "not a basic OCSP response");
	else
		(void)ossl_own_ocsp_basic(j->arena, basic);
	return basic;
}

int
ocsp_client_read(struct job *j, const struct ca *ca, enum ocsp_hash hash,
    struct span serial, struct span der, struct ocsp_said *out)
{
	OCSP_BASICRESP *basic;
	const char *problem;
	OCSP_CERTID *id;

	*out = (struct ocsp_said){ .error = 0 };
	basic = read_response(j, der, out);
	if (basic == NULL)
		return j->err.kind == ERR_NONE ? 0 : -1;
	id = cert_id(ca, hash, serial);
	if (id == NULL)
		return ossl_fail(j, "an OCSP request");
	(void)ossl_own_ocsp_id(j->arena, id);
	problem = read_single(basic, id, out);
	return problem != NULL ? refuse(j, problem)
			       : verify(j, ca, basic, out->this_update);
}
