#include "config.h"

#include "tests/unit/cmp_double.h"

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/der.h"
#include "pki/ossl.h"
#include "pki/signing_key.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY ((long)86400)
#define TAG_SUBJECT 0xa5
#define TAG_KEY 0xa6
#define TAG_EXTENSIONS 0xa9
#define REASON_NONE (-1)

struct cmp_double cmp_double;

static struct {
	OSSL_CMP_SRV_CTX *server;
	EVP_PKEY *ours, *theirs, *others;
	X509 *our_certificate, *their_certificate, *other_certificate;
	struct cmp_client client;
	OSSL_CMP_MSG *request; /* that waits */
	char known[64][CMP_TRANSACTION_LEN];
	int known_count;
	struct span before; /* the last answer */
	struct span first;  /* of the transaction before this one */
	struct span current_first;
} double_state;
#define D double_state

static struct span
keep(struct span s)
{
	return span_mem(arena_memdup(unit_job()->arena, s.p, s.n), s.n);
}

/* --- certificates --------------------------------------------------------- */

static void
add_text(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *
self_signed(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();
	X509V3_CTX ctx;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), DAY);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	add_text(x, &ctx, NID_subject_key_identifier, "hash");
	add_text(x, &ctx, NID_key_usage, "critical,digitalSignature");
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

/* Whatever it asks for, the template says: nothing else is known here. */
static void
take_extensions(X509 *x, struct span list)
{
	struct der e;

	while (der_next(&list, &e) == 1) {
		const unsigned char *p = ossl_bytes(e.whole);
		X509_EXTENSION *extension =
		    d2i_X509_EXTENSION(NULL, &p, (long)e.whole.n);

		assert_non_null(extension);
		assert_int_equal(X509_add_ext(x, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
}

static void
take_key(X509 *x, struct span body)
{
	struct span spki = lab_der(unit_job(), DER_SEQUENCE, body);
	const unsigned char *p = ossl_bytes(spki);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.n);

	assert_non_null(key);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	EVP_PKEY_free(key);
}

static void
take_subject(X509 *x, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);

	assert_non_null(name);
	assert_int_equal(X509_set_subject_name(x, name), 1);
	X509_NAME_free(name);
}

static void
take_template(X509 *x, struct span template)
{
	struct der list, field;

	assert_int_equal(der_only(template, DER_SEQUENCE, &list), 0);
	while (der_next(&list.body, &field) == 1) {
		if (field.tag == TAG_SUBJECT)
			take_subject(x, field.body);
		else if (field.tag == TAG_KEY)
			take_key(x, field.body);
		else if (field.tag == TAG_EXTENSIONS)
			take_extensions(x, field.body);
		else
			fail_msg("the template has a field %02x", field.tag);
	}
}

static X509 *issue(struct span template)
{
	const struct ca *ca = lab_ca("p256");
	int64_t from = unit_job()->now - 300;
	X509 *x = X509_new();
	X509V3_CTX ctx;
	unsigned char *octets = NULL;
	int n;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1000 + cmp_double.issued++);
	X509_set_issuer_name(x, X509_get_subject_name(ca->certificate));
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from);
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(from + 365 * DAY - 1));
	take_template(x, template);
	X509V3_set_ctx(&ctx, ca->certificate, x, NULL, NULL, 0);
	add_text(x, &ctx, NID_authority_key_identifier, "keyid:always");
	add_text(x, &ctx, NID_subject_key_identifier, "hash");
	add_text(x, &ctx, NID_certificate_policies,
	    "DER:30:0b:30:09:06:07:67:81:0c:01:05:01:02");
	add_text(x, &ctx, NID_crl_distribution_points, "URI:" LAB_CRL_URL);
	if (cmp_double.alter != NULL)
		cmp_double.alter(x);
	assert_true(X509_sign(x, ca->signer.key->context,
			EVP_get_digestbyname(ca->signer.alg->digest)) > 0);
	n = i2d_X509(x, &octets);
	cmp_double.last = keep(span_mem(octets, (size_t)n));
	OPENSSL_free(octets);
	return x;
}

/* --- the server ----------------------------------------------------------- */

static OSSL_CMP_PKISI *
refusal(int bit, const char *text)
{
	return OSSL_CMP_STATUSINFO_new(
	    OSSL_CMP_PKISTATUS_rejection, 1 << bit, text);
}

static OSSL_CMP_PKISI *
on_request(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, int id,
    const OSSL_CRMF_MSG *crm, const X509_REQ *p10, X509 **certificate,
    STACK_OF(X509) * *chain, STACK_OF(X509) * *roots)
{
	unsigned char *octets = NULL;
	int n =
	    i2d_OSSL_CRMF_CERTTEMPLATE(OSSL_CRMF_MSG_get0_tmpl(crm), &octets);

	(void)server;
	(void)id;
	(void)p10;
	(void)chain;
	(void)roots;
	assert_true(n > 0);
	cmp_double.template = keep(span_mem(octets, (size_t)n));
	OPENSSL_free(octets);
	if (cmp_double.refuses > 0)
		return refusal(cmp_double.refuses - 1, "a secret of that CA");
	if (cmp_double.waits > 0) {
		if (D.request == NULL)
			D.request = OSSL_CMP_MSG_dup(request);
		return OSSL_CMP_STATUSINFO_new(
		    OSSL_CMP_PKISTATUS_waiting, 0, NULL);
	}
	*certificate = issue(cmp_double.template);
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

static int
on_poll(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *poll, int id,
    OSSL_CMP_MSG **request, int64_t *check_after)
{
	(void)server;
	(void)poll;
	(void)id;
	cmp_double.polls++;
	*request = NULL;
	*check_after = cmp_double.check_after;
	if (--cmp_double.waits <= 0) {
		*request = D.request;
		D.request = NULL;
	}
	return 1;
}

static int
on_confirm(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, int id,
    const ASN1_OCTET_STRING *hash, const OSSL_CMP_PKISI *status)
{
	char text[OSSL_CMP_PKISI_BUFLEN];

	(void)server;
	(void)request;
	(void)id;
	(void)hash;
	if (status != NULL &&
	    OSSL_CMP_snprint_PKIStatusInfo(status, text, sizeof(text)) !=
		NULL &&
	    strstr(text, "rejection") != NULL)
		cmp_double.rejected++;
	else
		cmp_double.accepted++;
	return 1;
}

/* The reasonCode among the octets: OpenSSL has no function that tells. */
static int64_t
reason_of(const OSSL_CMP_MSG *request)
{
	static const struct span id = SPAN_INIT("\x55\x1d\x15");
	static const struct span value = SPAN_INIT("\x04\x03\x0a\x01");
	unsigned char *octets = NULL;
	int n = i2d_OSSL_CMP_MSG(request, &octets);
	struct span all = span_mem(octets, (size_t)n);
	size_t at = span_find_span(all, 0, id);
	int64_t found = REASON_NONE;

	if (at < all.n)
		at = span_find_span(all, at, value);
	if (at + value.n < all.n)
		found = all.p[at + value.n];
	OPENSSL_free(octets);
	return found;
}

static OSSL_CMP_PKISI *
on_revoke(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request,
    const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
	(void)server;
	(void)issuer;
	if (cmp_double.refuses_rr > 0)
		return refusal(cmp_double.refuses_rr - 1, "no");
	cmp_double.revoked++;
	cmp_double.reason = reason_of(request);
	cmp_double.revoked_serial = keep(span_mem(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)));
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

static int
on_general(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request,
    const STACK_OF(OSSL_CMP_ITAV) * in, STACK_OF(OSSL_CMP_ITAV) * *out)
{
	(void)server;
	(void)request;
	(void)in;
	*out = sk_OSSL_CMP_ITAV_new_null();
	return 1;
}

static void
on_error(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request,
    const OSSL_CMP_PKISI *status, const ASN1_INTEGER *code,
    const OSSL_CMP_PKIFREETEXT *details)
{
	(void)server;
	(void)request;
	(void)status;
	(void)code;
	(void)details;
}

static int
log_nothing(const char *component, const char *file, int line,
    OSSL_CMP_severity level, const char *text)
{
	(void)component;
	(void)file;
	(void)line;
	(void)level;
	(void)text;
	return 1;
}

static void
speak_as(OSSL_CMP_CTX *x, X509 *certificate, EVP_PKEY *key)
{
	assert_int_equal(OSSL_CMP_CTX_set1_cert(x, certificate), 1);
	assert_int_equal(OSSL_CMP_CTX_set1_pkey(x, key), 1);
}

static void
server_start(void)
{
	OSSL_CMP_CTX *x;

	OSSL_CMP_SRV_CTX_free(D.server);
	D.server = OSSL_CMP_SRV_CTX_new(NULL, NULL);
	assert_non_null(D.server);
	assert_int_equal(
	    OSSL_CMP_SRV_CTX_init(D.server, NULL, on_request, on_revoke,
		on_general, on_error, on_confirm, on_poll),
	    1);
	x = OSSL_CMP_SRV_CTX_get0_cmp_ctx(D.server);
	speak_as(x, D.their_certificate, D.theirs);
	assert_true(OSSL_CMP_CTX_set_log_cb(x, log_nothing) &&
		    OSSL_CMP_CTX_set1_srvCert(x, D.our_certificate) &&
		    OSSL_CMP_SRV_CTX_set_accept_raverified(D.server, 1));
}

/* --- the way there -------------------------------------------------------- */

static void
count_request(const OSSL_CMP_MSG *m)
{
	const ASN1_OCTET_STRING *id =
	    OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(m));
	int type = OSSL_CMP_MSG_get_bodytype(m);
	int i = 0;

	assert_int_equal(ASN1_STRING_length(id), CMP_TRANSACTION_LEN);
	while (
	    i < D.known_count && memcmp(D.known[i], ASN1_STRING_get0_data(id),
				     CMP_TRANSACTION_LEN) != 0)
		i++;
	if (i == D.known_count) {
		assert_true(D.known_count < 64);
		memcpy(D.known[D.known_count++], ASN1_STRING_get0_data(id),
		    CMP_TRANSACTION_LEN);
		D.first = D.current_first;
		D.current_first = (struct span){ NULL, 0 };
		if (type == OSSL_CMP_IR || type == OSSL_CMP_CR)
			cmp_double.transactions++;
	} else if (cmp_double.in_use &&
		   (type == OSSL_CMP_IR || type == OSSL_CMP_CR)) {
		cmp_double.refuses =
		    OSSL_CMP_PKIFAILUREINFO_transactionIdInUse + 1;
	}
	cmp_double.requests += type == OSSL_CMP_IR || type == OSSL_CMP_CR;
	cmp_double.initial += type == OSSL_CMP_IR;
}

static struct span
serve(struct span request)
{
	const unsigned char *p = ossl_bytes(request);
	OSSL_CMP_MSG *m = d2i_OSSL_CMP_MSG(NULL, &p, (long)request.n);
	OSSL_CMP_MSG *answer;
	unsigned char *octets = NULL;
	struct span out;
	int n;

	assert_non_null(m);
	count_request(m);
	answer = OSSL_CMP_SRV_process_request(D.server, m);
	OSSL_CMP_MSG_free(m);
	assert_non_null(answer);
	n = i2d_OSSL_CMP_MSG(answer, &octets);
	assert_true(n > 0);
	OSSL_CMP_MSG_free(answer);
	out = keep(span_mem(octets, (size_t)n));
	OPENSSL_free(octets);
	ERR_clear_error();
	if (D.current_first.n == 0)
		D.current_first = out;
	return out;
}

static struct span
spoil(enum cmp_fault fault, struct span answer)
{
	char *copy = arena_alloc(unit_job()->arena, answer.n + 1);

	memcpy(copy, answer.p, answer.n);
	switch (fault) {
	case CMP_FAULT_GARBAGE:
		return SPAN("<html>not found</html>");
	case CMP_FAULT_TRAILER:
		return span_mem(copy, answer.n + 1);
	case CMP_FAULT_BEFORE:
		return D.before;
	case CMP_FAULT_ELSEWHERE:
		return D.first;
	case CMP_FAULT_CHANGED: /* in the header, behind sender and all */
		copy[span_find_span(answer, 0, SPAN("Test CMP CA"))] ^= 1;
		return span_mem(copy, answer.n);
	case CMP_FAULT_NONE:
	case CMP_FAULT_SILENCE:
	case CMP_FAULT_LOST:
	case CMP_FAULT_OTHER_KEY:
	case CMP_FAULT_UNPROTECTED:
		break;
	}
	return answer;
}

static int
send_message(void *ctx, struct job *j, struct span request, struct span *answer)
{
	int at = cmp_double.messages++;
	enum cmp_fault fault =
	    at == cmp_double.fault_at ? cmp_double.fault : CMP_FAULT_NONE;
	OSSL_CMP_CTX *x = OSSL_CMP_SRV_CTX_get0_cmp_ctx(D.server);

	(void)ctx;
	if (fault == CMP_FAULT_SILENCE)
		return job_fail(j, ERR_BUSY, "no answer");
	if (fault == CMP_FAULT_OTHER_KEY)
		speak_as(x, D.other_certificate, D.others);
	if (fault == CMP_FAULT_UNPROTECTED) {
		cmp_double.refuses = OSSL_CMP_PKIFAILUREINFO_badPOP + 1;
		OSSL_CMP_SRV_CTX_set_send_unprotected_errors(D.server, 1);
	}
	*answer = serve(request);
	speak_as(x, D.their_certificate, D.theirs);
	OSSL_CMP_SRV_CTX_set_send_unprotected_errors(D.server, 0);
	if (fault == CMP_FAULT_UNPROTECTED)
		cmp_double.refuses = 0;
	if (fault == CMP_FAULT_LOST)
		return job_fail(j, ERR_BUSY, "no answer");
	*answer = spoil(fault, *answer);
	D.before = *answer;
	return 0;
}

void
cmp_double_init(void)
{
	cmp_double = (struct cmp_double){ .reason = REASON_NONE };
	if (D.ours == NULL) {
		D.ours = EVP_EC_gen("P-256");
		D.theirs = EVP_EC_gen("P-256");
		D.others = EVP_EC_gen("P-256");
		D.our_certificate = self_signed(D.ours, "Test RA");
		D.their_certificate = self_signed(D.theirs, "Test CMP CA");
		D.other_certificate = self_signed(D.others, "Test CMP CA");
		D.client =
		    (struct cmp_client){ .certificate = D.our_certificate,
			    .key = D.ours,
			    .server = D.their_certificate,
			    .send = send_message };
	}
	OSSL_CMP_MSG_free(D.request);
	D.request = NULL;
	D.known_count = 0;
	D.before = D.first = D.current_first = (struct span){ NULL, 0 };
	server_start();
}

const struct cmp_client *
cmp_double_client(void)
{
	return &D.client;
}

void
cmp_double_trust_ra(bool trusts)
{
	assert_int_equal(
	    OSSL_CMP_SRV_CTX_set_accept_raverified(D.server, trusts), 1);
}
