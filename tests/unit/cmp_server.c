#include "config.h"

#include "tests/unit/cmp_server.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "pki/der.h"
#include "pki/ossl.h"

#define DAY ((long)86400)
#define BACKDATED 300
#define TAG_SUBJECT 0xa5
#define TAG_KEY 0xa6
#define TAG_EXTENSIONS 0xa9

static void
need(bool is_so, const char *what)
{
	if (is_so)
		return;
	(void)fprintf(stderr, "CMP server: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static struct span
keep(struct cmp_server *s, const unsigned char *p, int n)
{
	need(n > 0, "nothing to be kept");
	return span_mem(arena_memdup(s->arena, p, (size_t)n), (size_t)n);
}

/* --- certificates --------------------------------------------------------- */

void
cmp_server_set_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	int at = X509_get_ext_by_NID(x, nid, -1);

	need(e != NULL, value);
	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(x, at));
	need(X509_add_ext(x, e, at) == 1, value);
	X509_EXTENSION_free(e);
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

		need(extension != NULL && X509_add_ext(x, extension, -1) == 1,
		    "an extension of the template");
		X509_EXTENSION_free(extension);
	}
}

/* SubjectPublicKeyInfo under the template's own tag. */
static void
take_key(struct cmp_server *s, X509 *x, struct span whole)
{
	unsigned char *spki = arena_memdup(s->arena, whole.p, whole.n);
	const unsigned char *p = spki;
	EVP_PKEY *key;

	spki[0] = DER_SEQUENCE;
	key = d2i_PUBKEY(NULL, &p, (long)whole.n);
	need(key != NULL && X509_set_pubkey(x, key) == 1,
	    "the key of the template");
	EVP_PKEY_free(key);
}

static void
take_subject(X509 *x, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);

	need(name != NULL && X509_set_subject_name(x, name) == 1,
	    "the subject of the template");
	X509_NAME_free(name);
}

static void
take_template(struct cmp_server *s, X509 *x)
{
	struct der list, field;

	need(der_only(s->template, DER_SEQUENCE, &list) == 0, "no template");
	while (der_next(&list.body, &field) == 1) {
		if (field.tag == TAG_SUBJECT)
			take_subject(x, field.body);
		else if (field.tag == TAG_KEY)
			take_key(s, x, field.whole);
		else if (field.tag == TAG_EXTENSIONS)
			take_extensions(x, field.body);
		else
			need(false, "the template has a field of another kind");
	}
}

static X509 *
issue(struct cmp_server *s)
{
	int64_t from = s->now - BACKDATED;
	X509 *x = X509_new();
	X509V3_CTX ctx;
	unsigned char *octets = NULL;
	int n;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1000 + s->issued++);
	X509_set_issuer_name(x, X509_get_subject_name(s->issuer.certificate));
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from);
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(from + 365 * DAY - 1));
	take_template(s, x);
	X509V3_set_ctx(&ctx, s->issuer.certificate, x, NULL, NULL, 0);
	cmp_server_set_extension(
	    x, &ctx, NID_authority_key_identifier, "keyid:always");
	cmp_server_set_extension(x, &ctx, NID_subject_key_identifier, "hash");
	cmp_server_set_extension(x, &ctx, NID_certificate_policies,
	    "DER:30:0b:30:09:06:07:67:81:0c:01:05:01:02");
	cmp_server_set_extension(x, &ctx, NID_crl_distribution_points,
	    arena_printf(s->arena, "URI:%s", s->crl_url));
	if (s->alter != NULL)
		s->alter(x);
	need(X509_sign(x, s->issuer.key, EVP_sha256()) > 0, "no signature");
	n = i2d_X509(x, &octets);
	s->last = keep(s, octets, n);
	OPENSSL_free(octets);
	return x;
}

/* --- what the library asks ------------------------------------------------ */

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
	struct cmp_server *s = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
	unsigned char *octets = NULL;
	int n =
	    i2d_OSSL_CRMF_CERTTEMPLATE(OSSL_CRMF_MSG_get0_tmpl(crm), &octets);

	(void)id;
	(void)p10;
	(void)chain;
	(void)roots;
	s->template = keep(s, octets, n);
	OPENSSL_free(octets);
	if (s->is_again && s->in_use)
		return refusal(
		    OSSL_CMP_PKIFAILUREINFO_transactionIdInUse, "again");
	if (s->refuses > 0)
		return refusal(s->refuses - 1, "a secret of that CA");
	if (s->waits > 0) {
		OSSL_CMP_MSG_free(s->request);
		s->request = OSSL_CMP_MSG_dup(request);
		return OSSL_CMP_STATUSINFO_new(
		    OSSL_CMP_PKISTATUS_waiting, 0, NULL);
	}
	*certificate = issue(s);
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

static int
on_poll(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *poll, int id,
    OSSL_CMP_MSG **request, int64_t *check_after)
{
	struct cmp_server *s = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);

	(void)poll;
	(void)id;
	s->polls++;
	*request = NULL;
	*check_after = s->check_after;
	if (--s->waits <= 0) {
		*request = s->request;
		s->request = NULL;
	}
	return 1;
}

static int
on_confirm(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, int id,
    const ASN1_OCTET_STRING *hash, const OSSL_CMP_PKISI *status)
{
	struct cmp_server *s = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);
	char text[OSSL_CMP_PKISI_BUFLEN];

	(void)request;
	(void)id;
	(void)hash;
	if (status != NULL &&
	    OSSL_CMP_snprint_PKIStatusInfo(status, text, sizeof(text)) !=
		NULL &&
	    strstr(text, "rejection") != NULL)
		s->rejected++;
	else
		s->accepted++;
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
	int64_t found = CMP_SERVER_NO_REASON;

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
	struct cmp_server *s = OSSL_CMP_SRV_CTX_get0_custom_ctx(server);

	(void)issuer;
	if (s->refuses_rr > 0)
		return refusal(s->refuses_rr - 1, "no");
	s->revoked++;
	s->reason = reason_of(request);
	s->revoked_serial =
	    keep(s, ASN1_STRING_get0_data(serial), ASN1_STRING_length(serial));
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

/* --- the server ----------------------------------------------------------- */

void
cmp_server_speak_as(struct cmp_server *s, const struct cmp_speaker *who)
{
	OSSL_CMP_CTX *x = OSSL_CMP_SRV_CTX_get0_cmp_ctx(s->server);

	need(OSSL_CMP_CTX_set1_cert(x, who->certificate) &&
		 OSSL_CMP_CTX_set1_pkey(x, who->key),
	    "not to be spoken as");
}

void
cmp_server_trust_ra(struct cmp_server *s, bool trusts)
{
	need(OSSL_CMP_SRV_CTX_set_accept_raverified(s->server, trusts) == 1,
	    "no raVerified");
}

void
cmp_server_start(struct cmp_server *s)
{
	OSSL_CMP_CTX *x;

	s->reason = CMP_SERVER_NO_REASON;
	s->server = OSSL_CMP_SRV_CTX_new(NULL, NULL);
	need(s->server != NULL &&
		 OSSL_CMP_SRV_CTX_init(s->server, s, on_request, on_revoke,
		     on_general, on_error, on_confirm, on_poll) == 1,
	    "not to be made");
	cmp_server_speak_as(s, &s->speaker);
	x = OSSL_CMP_SRV_CTX_get0_cmp_ctx(s->server);
	need(OSSL_CMP_CTX_set_log_cb(x, log_nothing) &&
		 OSSL_CMP_CTX_set1_srvCert(x, s->client),
	    "whom it believes");
	cmp_server_trust_ra(s, true);
}

void
cmp_server_stop(struct cmp_server *s)
{
	OSSL_CMP_MSG_free(s->request);
	OSSL_CMP_SRV_CTX_free(s->server);
	s->request = NULL;
	s->server = NULL;
}

/* Is it the first message of its transaction? */
static bool
is_new(struct cmp_server *s, const OSSL_CMP_MSG *m)
{
	const ASN1_OCTET_STRING *id =
	    OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(m));
	const unsigned char *octets = ASN1_STRING_get0_data(id);

	need(ASN1_STRING_length(id) == CMP_TRANSACTION_LEN,
	    "a transactionID of another length");
	for (int i = 0; i < s->known_count; i++)
		if (memcmp(s->known[i], octets, CMP_TRANSACTION_LEN) == 0)
			return false;
	need(s->known_count < CMP_SERVER_TRANSACTIONS_MAX, "too many");
	memcpy(s->known[s->known_count++], octets, CMP_TRANSACTION_LEN);
	return true;
}

static void
count_message(struct cmp_server *s, const OSSL_CMP_MSG *m)
{
	int type = OSSL_CMP_MSG_get_bodytype(m);
	bool asks = type == OSSL_CMP_IR || type == OSSL_CMP_CR;
	bool begins = is_new(s, m);

	if (!asks)
		return;
	s->requests++;
	s->initial += type == OSSL_CMP_IR;
	s->transactions += begins;
	s->is_again = !begins;
}

struct span
cmp_server_answer(struct cmp_server *s, struct span request)
{
	const unsigned char *p = ossl_bytes(request);
	OSSL_CMP_MSG *m = d2i_OSSL_CMP_MSG(NULL, &p, (long)request.n);
	OSSL_CMP_MSG *answer;
	unsigned char *octets = NULL;
	struct span out;
	int n;

	need(m != NULL, "no CMP message");
	count_message(s, m);
	answer = OSSL_CMP_SRV_process_request(s->server, m);
	OSSL_CMP_MSG_free(m);
	need(answer != NULL, "no answer");
	n = i2d_OSSL_CMP_MSG(answer, &octets);
	OSSL_CMP_MSG_free(answer);
	out = keep(s, octets, n);
	OPENSSL_free(octets);
	ERR_clear_error();
	return out;
}
